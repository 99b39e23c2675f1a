#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "peer.h"

// RFC 9260, section 3.3.2 and 3.3.3: the common header, and an INIT or INIT ACK with one parameter.
struct packet {
  uint16_t source, destination;
  uint32_t tag, checksum;
  uint8_t type, flags;
  uint16_t length;
  uint32_t initiate_tag, window;
  uint16_t outbound, inbound;
  uint32_t first_tsn;
  uint16_t parameter, parameter_length;
  char cookie[LINE];
};

enum { INIT = 1, INIT_ACK = 2, STATE_COOKIE = 7 };

static const size_t header = offsetof(struct packet, type);
static const size_t bare = offsetof(struct packet, parameter);

// CRC32c, which goes into the packet with its lowest byte first (RFC 9260, appendix A).
static uint32_t checksum(const void* data, size_t length) {
  uint32_t crc = ~0U;
  for (size_t i = 0; i < length; i++) {
    crc ^= ((const uint8_t*)data)[i];
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82f63b78U & -(crc & 1));
  }
  return ~crc;
}

static struct packet packet_of(uint8_t type, uint16_t source, uint16_t destination, uint32_t tag) {
  struct packet packet = {.source = source, .destination = destination, .tag = tag, .type = type};
  packet.length = htons((uint16_t)(bare - header));
  packet.initiate_tag = htonl(0x7e57);
  packet.window = htonl(1 << 16);
  packet.outbound = packet.inbound = htons(1);
  return packet;
}

void sctp_listen(int sockets[2]) {
  sockets[0] = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_SCTP);
  sockets[1] = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_SCTP);
  if (sockets[0] < 0 || sockets[1] < 0) die("raw socket");
  int yes = 1;
  setsockopt(sockets[0], IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes);
  setsockopt(sockets[1], IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof yes);
}

// A packet that came, from whom, and to which address (IP_PKTINFO, IPV6_PKTINFO), which an answer is to come
// from.
struct letter {
  struct packet packet;
  struct sockaddr_storage sender;
  socklen_t sender_length;
  _Alignas(struct cmsghdr) char control[64];
  size_t control_length;
};

// False when it is none of ours.
static int receive(int fd, int family, struct letter* letter) {
  char data[512];
  struct iovec bytes = {data, sizeof data};
  struct msghdr message = {.msg_name = &letter->sender,
                           .msg_namelen = sizeof letter->sender,
                           .msg_iov = &bytes,
                           .msg_iovlen = 1,
                           .msg_control = letter->control,
                           .msg_controllen = sizeof letter->control};
  ssize_t size = recvmsg(fd, &message, 0);
  // A raw socket of IPv4 gives the IP header, too.
  size_t skip = size > 0 && family == AF_INET ? (size_t)(data[0] & 15) * 4 : 0;
  if (size < 0 || (size_t)size < skip + bare) return 0;
  memset(&letter->packet, 0, sizeof letter->packet);
  size_t rest = (size_t)size - skip;
  memcpy(&letter->packet, data + skip, rest < sizeof letter->packet ? rest : sizeof letter->packet);
  letter->sender_length = message.msg_namelen;
  letter->control_length = message.msg_controllen;
  return 1;
}

static struct sockaddr_in6 as_ipv6(const struct sockaddr_storage* address) {
  struct sockaddr_in6 result;
  if (address->ss_family == AF_INET6) {
    memcpy(&result, address, sizeof result);
  } else {
    uint32_t words[4] = {0, 0, htonl(0xffff), ((const struct sockaddr_in*)address)->sin_addr.s_addr};
    memcpy(&result.sin6_addr, words, sizeof words);
  }
  return result;
}

static int serves(uint16_t port, const uint16_t* ports, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (htons(ports[i]) == port) return 1;
  return 0;
}

void sctp_answer(int fd, int family, const char* name, const uint16_t* ports, size_t count) {
  struct letter letter;
  if (!receive(fd, family, &letter)) return;
  const struct packet* init = &letter.packet;
  if (init->type != INIT || !serves(init->destination, ports, count)) return;
  struct packet ack = packet_of(INIT_ACK, init->destination, init->source, init->initiate_tag);
  struct sockaddr_in6 asker = as_ipv6(&letter.sender);
  size_t cookie = answer_line(ack.cookie, name, &asker);
  ack.parameter = htons(STATE_COOKIE);
  ack.parameter_length = htons((uint16_t)(4 + cookie));
  size_t padded = (cookie + 3) & ~(size_t)3;
  ack.length = htons((uint16_t)(bare - header + 4 + padded));
  ack.checksum = checksum(&ack, bare + 4 + padded);
  struct iovec bytes = {&ack, bare + 4 + padded};
  struct msghdr message = {.msg_name = &letter.sender,
                           .msg_namelen = letter.sender_length,
                           .msg_iov = &bytes,
                           .msg_iovlen = 1,
                           .msg_control = letter.control,
                           .msg_controllen = letter.control_length};
  sendmsg(fd, &message, 0);
}

void sctp_ask(int fd, uint16_t from, uint16_t to) {
  struct packet init = packet_of(INIT, htons(from), htons(to), 0);
  init.checksum = checksum(&init, bare);
  // ECONNREFUSED and the like are told of what was sent before: whoever asks goes on, or hears nothing.
  send(fd, &init, bare, 0);
}

size_t sctp_hear(int fd, int family, uint16_t from, char line[LINE]) {
  struct letter letter;
  if (!receive(fd, family, &letter)) return 0;
  const struct packet* ack = &letter.packet;
  if (ack->type != INIT_ACK || ack->destination != htons(from)) return 0;
  size_t length = ntohs(ack->parameter_length);
  if (length < 4 || length - 4 > sizeof ack->cookie) return 0;
  memcpy(line, ack->cookie, length - 4);
  return length - 4;
}
