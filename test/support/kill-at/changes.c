#define _GNU_SOURCE
#include "changes.h"

#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../../native/launcher/protocol.h"

#define CALL(name, test, argument) \
  { __NR_##name, #name, test, argument }

const struct call calls[] = {
    CALL(write, WRITE_TO_FD, 0),
    CALL(writev, WRITE_TO_FD, 0),
    CALL(pwrite64, WRITE_TO_FD, 0),
    CALL(pwritev, WRITE_TO_FD, 0),
    CALL(pwritev2, WRITE_TO_FD, 0),
    CALL(sendfile, WRITE_TO_FD, 0),
    CALL(splice, WRITE_TO_FD, 2),
    CALL(copy_file_range, WRITE_TO_FD, 2),
    CALL(sendto, SEND, 0),
    CALL(sendmsg, SEND_MESSAGE, 0),
    CALL(sendmmsg, SEND_MESSAGE, 0),
    CALL(openat, OPEN_FLAGS, 1),
    CALL(openat2, OPEN_HOW, 1),
    CALL(renameat, PATH, 3),
    CALL(renameat2, PATH, 3),
    CALL(unlinkat, PATH, 1),
    CALL(mkdirat, PATH, 1),
    CALL(mknodat, PATH, 1),
    CALL(linkat, PATH, 3),
    CALL(symlinkat, PATH, 2),
    CALL(fchmodat, PATH, 1),
    CALL(fchownat, PATH, 1),
    CALL(utimensat, PATH, 1),
    CALL(truncate, PATH, 0),
    CALL(setxattr, PATH, 0),
    CALL(removexattr, PATH, 0),
    CALL(mount, PATH, 1),
    CALL(umount2, PATH, 0),
    CALL(ftruncate, FD, 0),
    CALL(fallocate, FD, 0),
    CALL(fchmod, FD, 0),
    CALL(fchown, FD, 0),
#ifdef __NR_open /* x86-64 has these; newer architectures only their *at forms */
    CALL(open, OPEN_FLAGS, 0),
    CALL(creat, PATH, 0),
    CALL(rename, PATH, 1),
    CALL(unlink, PATH, 0),
    CALL(mkdir, PATH, 0),
    CALL(rmdir, PATH, 0),
    CALL(mknod, PATH, 0),
    CALL(link, PATH, 1),
    CALL(symlink, PATH, 1),
    CALL(chmod, PATH, 0),
    CALL(chown, PATH, 0),
    CALL(lchown, PATH, 0),
    CALL(utime, PATH, 0),
    CALL(utimes, PATH, 0),
    CALL(futimesat, PATH, 1),
#endif
};
const size_t call_count = sizeof calls / sizeof *calls;

static bool copy_in(pid_t thread, uint64_t address, void* to, size_t size) {
  struct iovec local = {to, size};
  struct iovec remote = {(void*)(uintptr_t)address, size};
  return process_vm_readv(thread, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

/* A string may end just before an unmapped page, so it is copied byte by byte. */
static void copy_string(pid_t thread, uint64_t address, char* to, size_t size) {
  size_t length = 0;
  while (length + 1 < size && copy_in(thread, address + length, to + length, 1) && to[length] != '\0') {
    length++;
  }
  to[length] = '\0';
}

static pid_t process_of(pid_t thread) {
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/%d/status", thread);
  FILE* status = fopen(path, "re");
  pid_t process = thread;
  while (status != NULL && fgets(line, sizeof line, status) != NULL &&
         sscanf(line, "Tgid: %d", &process) != 1) {
  }
  if (status != NULL) {
    fclose(status);
  }
  return process;
}

static void path_of_fd(pid_t thread, int fd, char* to, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/%d/fd/%d", thread, fd);
  ssize_t length = readlink(link, to, size - 1);
  to[length < 0 ? 0 : length] = '\0';
}

/* The netlink protocol of a thread's socket, or -1 for any other descriptor. */
static int netlink_protocol(pid_t thread, int fd) {
  int pidfd = (int)syscall(SYS_pidfd_open, process_of(thread), 0);
  int copy = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
  int domain = 0, protocol = -1;
  socklen_t size = sizeof(int);
  if (copy >= 0 && getsockopt(copy, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_NETLINK) {
    getsockopt(copy, SOL_SOCKET, SO_PROTOCOL, &protocol, &size);
  }
  close(copy);
  close(pidfd);
  return protocol;
}

/* RTM_NEW*, RTM_DEL*, RTM_GET* and RTM_SET* of one object follow each other, from RTM_BASE (16) on. */
static bool is_route_change(uint16_t type, char* detail) {
  static const char* const verbs[] = {"NEW", "DEL", "GET", "SET"};
  static const char* const objects[] = {"LINK", "ADDR", "ROUTE", "NEIGH", "RULE"};
  size_t object = (size_t)(type - RTM_BASE) / 4;
  if (object < sizeof objects / sizeof *objects) {
    snprintf(detail, DETAIL_SIZE, "RTM_%s%s", verbs[type & 3], objects[object]);
  } else {
    snprintf(detail, DETAIL_SIZE, "rtnetlink message %d", type);
  }
  return (type & 3) != 2;
}

/* NFT_MSG_GET{TABLE,CHAIN,RULE,SET,SETELEM,GEN} of NFNL_SUBSYS_NFTABLES (10). All else counts as a change. */
static bool is_netfilter_change(uint16_t type, char* detail) {
  int message = type & 0xff;
  if (type == NFNL_MSG_BATCH_BEGIN) {
    snprintf(detail, DETAIL_SIZE, "nftables batch");
    return true;
  }
  snprintf(detail, DETAIL_SIZE, "nfnetlink subsystem %d, message %d", type >> 8, message);
  return !(type >> 8 == 10 && message <= 16 && message % 3 == 1);
}

static bool is_netlink_change(pid_t thread, int fd, uint64_t buffer, char* detail) {
  struct nlmsghdr header;
  int protocol = netlink_protocol(thread, fd);
  if (protocol < 0) {
    return false;
  }
  if (!copy_in(thread, buffer, &header, sizeof header)) {
    snprintf(detail, DETAIL_SIZE, "unreadable netlink message");
    return true;
  }
  if (protocol == NETLINK_ROUTE) {
    return is_route_change(header.nlmsg_type, detail);
  }
  if (protocol == NETLINK_NETFILTER) {
    return is_netfilter_change(header.nlmsg_type, detail);
  }
  snprintf(detail, DETAIL_SIZE, "netlink protocol %d, message %d", protocol, header.nlmsg_type);
  return true;
}

/* The buffer of the first message of a sendmsg or sendmmsg: struct mmsghdr begins with a struct msghdr. */
static uint64_t first_buffer(pid_t thread, uint64_t message) {
  struct msghdr header;
  struct iovec first;
  if (!copy_in(thread, message, &header, sizeof header) ||
      !copy_in(thread, (uintptr_t)header.msg_iov, &first, sizeof first)) {
    return 0;
  }
  return (uintptr_t)first.iov_base;
}

/* A file's bytes outlive the process; those of a pipe, a terminal or a memfd do not. The command's answer
 * counts. */
static bool is_lasting_write(pid_t thread, int fd, pid_t root, char* detail) {
  path_of_fd(thread, fd, detail, DETAIL_SIZE);
  if (fd == STDOUT_FILENO && process_of(thread) == root) {
    snprintf(detail, DETAIL_SIZE, "standard output");
    return true;
  }
  return detail[0] == '/' && strncmp(detail, "/dev/", 5) != 0 && strncmp(detail, "/memfd:", 7) != 0;
}

bool is_frame(pid_t thread, const struct call* call, const uint64_t* args, char* detail) {
  struct iovec first = {(void*)(uintptr_t)args[1], 0};
  struct header {
    uint32_t magic, kind;
  } header;
  bool is_vector = call->number == __NR_writev;
  if (call->test != WRITE_TO_FD || (is_vector && !copy_in(thread, args[1], &first, sizeof first)) ||
      !copy_in(thread, (uintptr_t)first.iov_base, &header, sizeof header) || header.magic != FRAME_MAGIC) {
    return false;
  }
  snprintf(detail, DETAIL_SIZE, "frame %u", header.kind);
  return true;
}

bool is_change(pid_t thread, pid_t root, const struct call* call, const uint64_t* args, char* detail) {
  uint64_t argument = args[call->argument];
  uint64_t flags = 0;
  switch (call->test) {
    case WRITE_TO_FD:
      return is_lasting_write(thread, (int)argument, root, detail);
    case FD:
      path_of_fd(thread, (int)argument, detail, DETAIL_SIZE);
      return strncmp(detail, "/memfd:", 7) != 0;
    case PATH:
      copy_string(thread, argument, detail, DETAIL_SIZE);
      return true;
    case OPEN_FLAGS:
      copy_string(thread, argument, detail, DETAIL_SIZE);
      return (args[call->argument + 1] & (O_CREAT | O_TRUNC)) != 0;
    case OPEN_HOW: /* struct open_how begins with its flags */
      copy_string(thread, argument, detail, DETAIL_SIZE);
      return copy_in(thread, args[2], &flags, sizeof flags) && (flags & (O_CREAT | O_TRUNC)) != 0;
    case SEND:
      return is_netlink_change(thread, (int)argument, args[1], detail);
    case SEND_MESSAGE:
      return is_netlink_change(thread, (int)argument, first_buffer(thread, args[1]), detail);
  }
  return true;
}
