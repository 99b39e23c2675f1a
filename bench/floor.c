/*
 * What the kernel's part of an ADD costs, and nothing else: a container's link on a bridge, with an address,
 * a default route and a lease, as bridge and host-local make them. No plugin that is executed for each call
 * can be faster, so plugins are measured against it. A test (test/kernel/floor.test.ts) holds it to these
 * system calls:
 *
 *   open      the pod's network namespace, and our own, to come back to
 *   socket    one in each of the two namespaces, so setns into the pod and back
 *   netlink   RTM_NEWLINK: both ends of a veth pair, each in its namespace, the host's up and on the bridge
 *             RTM_NEWLINK: the pod's end up (the kernel makes no peer that is up)
 *             RTM_NEWADDR, RTM_NEWROUTE: the pod's address and its default route
 *             each is sent when the answer to the one before has been read
 *   open      the lease, which must not be there yet, and write: its holder
 *
 * What a plugin has to find out or to decide comes on the command line, in the order of enum argument.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum argument {
  NETNS = 1,    /* /run/netns/pod */
  BRIDGE_INDEX, /* ip link show: "7: cni0" */
  LINK_INDEX,   /* of both ends, each in its namespace: chosen, so that nobody has to ask for it */
  MTU,
  HOST_NAME,
  HOST_MAC,
  POD_NAME,
  POD_MAC,
  ADDRESS,
  PREFIX_LENGTH,
  GATEWAY,
  LEASE, /* /var/lib/cni/networks/net/10.1.2.3 */
  CONTAINER_ID,
  ARGUMENT_COUNT
};

/* A request that grows: a header, and what has been appended to it. header.nlmsg_len counts both. */
struct message {
  union {
    struct nlmsghdr header;
    char bytes[512];
  };
};

/* Where the next part of the message begins. A part begins at a multiple of four bytes. */
static void* end_of(struct message* message) {
  return message->bytes + NLMSG_ALIGN(message->header.nlmsg_len);
}

/* Appends zeroes and returns where they are. */
static void* append(struct message* message, size_t size) {
  void* part = end_of(message);
  message->header.nlmsg_len = NLMSG_ALIGN(message->header.nlmsg_len) + size;
  if (message->header.nlmsg_len > sizeof message->bytes) errx(1, "message too long");
  return part;
}

static struct rtattr* put(struct message* message, unsigned short type, const void* value, size_t size) {
  struct rtattr* attribute = append(message, RTA_LENGTH(size));
  attribute->rta_type = type;
  attribute->rta_len = RTA_LENGTH(size);
  if (size > 0) memcpy(RTA_DATA(attribute), value, size);
  return attribute;
}

static void put_number(struct message* message, unsigned short type, uint32_t value) {
  put(message, type, &value, sizeof value);
}

static void put_text(struct message* message, unsigned short type, const char* text) {
  put(message, type, text, strlen(text) + 1);
}

static void put_ip(struct message* message, unsigned short type, const char* text) {
  struct in_addr ip;
  if (inet_pton(AF_INET, text, &ip) != 1) errx(1, "not an IPv4 address: %s", text);
  put(message, type, &ip, sizeof ip);
}

static void put_mac(struct message* message, unsigned short type, const char* text) {
  uint8_t mac[ETH_ALEN];
  if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]) !=
      6)
    errx(1, "not a MAC address: %s", text);
  put(message, type, mac, sizeof mac);
}

/* Attributes that are put from now on lie inside of this one, until close_nest. */
static struct rtattr* open_nest(struct message* message, unsigned short type) {
  return put(message, type, NULL, 0);
}

static void close_nest(struct message* message, struct rtattr* nest) {
  nest->rta_len = (unsigned short)((char*)end_of(message) - (char*)nest);
}

static struct message request(uint16_t type, uint16_t flags) {
  return (struct message){.header = {.nlmsg_len = NLMSG_HDRLEN,
                                     .nlmsg_type = type,
                                     .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags)}};
}

/* The kernel acknowledges a request with an error message, whose error is 0. */
static void exchange(int fd, const struct message* message, const char* what) {
  struct {
    struct nlmsghdr header;
    struct nlmsgerr result;
    char request[sizeof *message]; /* the kernel returns what it refuses */
  } answer;
  if (send(fd, message, message->header.nlmsg_len, 0) < 0) err(1, "%s: send", what);
  ssize_t size = recv(fd, &answer, sizeof answer, 0);
  if (size < 0) err(1, "%s: receive", what);
  if ((size_t)size < NLMSG_LENGTH(sizeof answer.result) || answer.header.nlmsg_type != NLMSG_ERROR)
    errx(1, "%s: no acknowledgement", what);
  errno = -answer.result.error;
  if (errno != 0) err(1, "%s", what);
}

static int open_namespace(const char* path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) err(1, "%s", path);
  return fd;
}

static void enter(int namespace) {
  if (setns(namespace, CLONE_NEWNET) < 0) err(1, "setns");
}

/* A netlink socket stays in the namespace in which it was opened. */
static int open_socket(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) err(1, "socket");
  return fd;
}

/* What ip-link(8) says of either end: its index, MTU, name and MAC address. */
static void describe(struct message* message, struct ifinfomsg link, char* mtu, char* name, char* mac) {
  memcpy(append(message, sizeof link), &link, sizeof link);
  put_number(message, IFLA_MTU, (uint32_t)atoi(mtu));
  put_text(message, IFLA_IFNAME, name);
  put_mac(message, IFLA_ADDRESS, mac);
}

/* ip link add HOST_NAME up master … type veth peer name POD_NAME netns … */
static void make_pair(int fd, int pod, char* arguments[]) {
  const struct ifinfomsg host_end = {
      .ifi_index = atoi(arguments[LINK_INDEX]), .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  const struct ifinfomsg pod_end = {.ifi_index = atoi(arguments[LINK_INDEX])};
  struct message message = request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  describe(&message, host_end, arguments[MTU], arguments[HOST_NAME], arguments[HOST_MAC]);
  put_number(&message, IFLA_MASTER, (uint32_t)atoi(arguments[BRIDGE_INDEX]));
  struct rtattr* info = open_nest(&message, IFLA_LINKINFO);
  put_text(&message, IFLA_INFO_KIND, "veth");
  struct rtattr* data = open_nest(&message, IFLA_INFO_DATA);
  struct rtattr* peer = open_nest(&message, VETH_INFO_PEER);
  describe(&message, pod_end, arguments[MTU], arguments[POD_NAME], arguments[POD_MAC]);
  put_number(&message, IFLA_NET_NS_FD, (uint32_t)pod);
  close_nest(&message, peer);
  close_nest(&message, data);
  close_nest(&message, info);
  exchange(fd, &message, "make the veth pair");
}

/* ip link set POD_NAME up */
static void set_up(int fd, char* arguments[]) {
  const struct ifinfomsg link = {
      .ifi_index = atoi(arguments[LINK_INDEX]), .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  struct message message = request(RTM_NEWLINK, 0);
  memcpy(append(&message, sizeof link), &link, sizeof link);
  exchange(fd, &message, "set the pod's end up");
}

/* ip address add ADDRESS/PREFIX_LENGTH dev POD_NAME */
static void add_address(int fd, char* arguments[]) {
  const struct ifaddrmsg address = {.ifa_family = AF_INET,
                                    .ifa_prefixlen = (uint8_t)atoi(arguments[PREFIX_LENGTH]),
                                    .ifa_index = (uint32_t)atoi(arguments[LINK_INDEX])};
  struct message message = request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  memcpy(append(&message, sizeof address), &address, sizeof address);
  put_ip(&message, IFA_LOCAL, arguments[ADDRESS]);
  exchange(fd, &message, "add the address");
}

/* ip route add default via GATEWAY */
static void add_default_route(int fd, char* arguments[]) {
  const struct rtmsg route = {.rtm_family = AF_INET,
                              .rtm_table = RT_TABLE_MAIN,
                              .rtm_protocol = RTPROT_BOOT,
                              .rtm_scope = RT_SCOPE_UNIVERSE,
                              .rtm_type = RTN_UNICAST};
  struct message message = request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  memcpy(append(&message, sizeof route), &route, sizeof route);
  put_ip(&message, RTA_GATEWAY, arguments[GATEWAY]);
  exchange(fd, &message, "add the default route");
}

/* A file named by the address says who has it, in the format of the reference's host-local. */
static void write_lease(char* arguments[]) {
  char holder[512];
  int size = snprintf(holder, sizeof holder, "%s\r\n%s", arguments[CONTAINER_ID], arguments[POD_NAME]);
  if ((size_t)size >= sizeof holder) errx(1, "container ID too long");
  int fd = open(arguments[LEASE], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, holder, (size_t)size) != size) err(1, "%s", arguments[LEASE]);
}

int main(int argc, char* argv[]) {
  if (argc != ARGUMENT_COUNT) errx(1, "expected %d arguments", ARGUMENT_COUNT - 1);
  int pod = open_namespace(argv[NETNS]);
  int own = open_namespace("/proc/self/ns/net");
  int host_socket = open_socket();
  enter(pod);
  int pod_socket = open_socket();
  enter(own);

  make_pair(host_socket, pod, argv);
  set_up(pod_socket, argv);
  add_address(pod_socket, argv);
  add_default_route(pod_socket, argv);
  write_lease(argv);
  return 0;
}
