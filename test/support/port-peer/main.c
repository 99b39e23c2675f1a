// port-peer listen NAME PORT...
//   Answers on these ports of every protocol, on all addresses of its network namespace; says "ready" when it
//   does.
// port-peer ask PROTOCOL ADDRESS PORT MILLISECONDS [SOURCE [SOURCEPORT]]
//   Prints the answer. Exit status 1 when none came in time.
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

enum { MAX_PORTS = 16, AGAIN_MS = 200 };

_Noreturn void die(const char* what) {
  perror(what);
  exit(2);
}

size_t answer_line(char line[LINE], const char* name, const struct sockaddr_in6* asker) {
  char address[INET6_ADDRSTRLEN];
  int mapped = IN6_IS_ADDR_V4MAPPED(&asker->sin6_addr);
  const void* bytes = mapped ? (const void*)(asker->sin6_addr.s6_addr + 12) : &asker->sin6_addr;
  inet_ntop(mapped ? AF_INET : AF_INET6, bytes, address, sizeof address);
  return (size_t)snprintf(line, LINE, "%s %s\n", name, address);
}

static int listener(int type, uint16_t port) {
  int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
  int no = 0, yes = 1;
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof yes);
  struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  if (bind(fd, (struct sockaddr*)&any, sizeof any) < 0) die("bind");
  if (type == SOCK_STREAM && listen(fd, 128) < 0) die("listen");
  return fd;
}

static void answer_tcp(int fd, const char* name) {
  struct sockaddr_in6 asker;
  socklen_t length = sizeof asker;
  int connection = accept(fd, (struct sockaddr*)&asker, &length);
  if (connection < 0) return;
  char line[LINE];
  send(connection, line, answer_line(line, name, &asker), MSG_NOSIGNAL);
  close(connection);
}

// From the address that was asked (IPV6_PKTINFO goes back as it came), which the kernel would not choose by
// itself.
static void answer_udp(int fd, const char* name) {
  struct sockaddr_in6 asker;
  char line[LINE], control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
  struct iovec data = {line, sizeof line};
  struct msghdr message = {.msg_name = &asker,
                           .msg_namelen = sizeof asker,
                           .msg_iov = &data,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
  if (recvmsg(fd, &message, 0) < 0) return;
  data.iov_len = answer_line(line, name, &asker);
  sendmsg(fd, &message, 0);
}

static void serve(const char* name, const uint16_t* ports, size_t count) {
  struct pollfd fds[2 * MAX_PORTS + 2];
  for (size_t i = 0; i < count; i++) {
    fds[2 * i] = (struct pollfd){listener(SOCK_STREAM, ports[i]), POLLIN, 0};
    fds[2 * i + 1] = (struct pollfd){listener(SOCK_DGRAM, ports[i]), POLLIN, 0};
  }
  int sctp[2];
  sctp_listen(sctp);
  for (size_t i = 0; i < 2; i++) fds[2 * count + i] = (struct pollfd){sctp[i], POLLIN, 0};
  puts("ready");
  fflush(stdout);
  while (poll(fds, 2 * count + 2, -1) > 0) {
    for (size_t i = 0; i < 2 * count + 2; i++) {
      if (!fds[i].revents) continue;
      if (i >= 2 * count)
        sctp_answer(fds[i].fd, i == 2 * count ? AF_INET : AF_INET6, name, ports, count);
      else if (i % 2 == 0)
        answer_tcp(fds[i].fd, name);
      else
        answer_udp(fds[i].fd, name);
    }
  }
}

static struct sockaddr_storage address_of(const char* text, uint16_t port, socklen_t* length) {
  struct sockaddr_storage address = {0};
  struct sockaddr_in* v4 = (struct sockaddr_in*)&address;
  struct sockaddr_in6* v6 = (struct sockaddr_in6*)&address;
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    *length = sizeof *v4;
  } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    *length = sizeof *v6;
  } else {
    die(text);
  }
  return address;
}

static long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

enum protocol { TCP, UDP, SCTP };

struct question {
  enum protocol protocol;
  int fd, family;
  uint16_t from, to;
};

static void ask_again(const struct question* question) {
  if (question->protocol == UDP) send(question->fd, "?", 1, MSG_NOSIGNAL);
  if (question->protocol == SCTP) sctp_ask(question->fd, question->from, question->to);
}

static size_t hear(const struct question* question, char line[LINE]) {
  if (question->protocol == SCTP) return sctp_hear(question->fd, question->family, question->from, line);
  ssize_t size = recv(question->fd, line, LINE, 0);
  return size > 0 ? (size_t)size : 0;
}

// TCP repeats by itself what was lost; a datagram is sent again now and then.
static int answered(const struct question* question, long patience_ms) {
  long end = now_ms() + patience_ms, again = 0;
  for (long now = now_ms(); now < end; now = now_ms()) {
    if (now >= again) {
      ask_again(question);
      again = now + AGAIN_MS;
    }
    long wait = (again < end ? again : end) - now;
    struct pollfd fd = {question->fd, POLLIN, 0};
    if (poll(&fd, 1, (int)wait) <= 0) continue;
    char line[LINE];
    size_t length = hear(question, line);
    if (length > 0) return fwrite(line, 1, length, stdout) == length;
    // Refused, or closed without a word.
    if (question->protocol == TCP) return 0;
  }
  return 0;
}

static int ask(int argc, char* argv[]) {
  struct question question = {.to = (uint16_t)atoi(argv[4]),
                              .from = (uint16_t)(argc > 7 ? atoi(argv[7]) : 0)};
  question.protocol = strcmp(argv[2], "tcp") == 0 ? TCP : strcmp(argv[2], "udp") == 0 ? UDP : SCTP;
  long patience_ms = atol(argv[5]);
  if (question.protocol == SCTP && question.from == 0) question.from = (uint16_t)(32768 + getpid() % 28000);
  const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW};
  // A raw socket knows no ports.
  int raw = question.protocol == SCTP;
  socklen_t length;
  struct sockaddr_storage to = address_of(argv[3], raw ? 0 : question.to, &length);
  question.family = to.ss_family;
  question.fd = socket(question.family, types[question.protocol] | SOCK_CLOEXEC, raw ? IPPROTO_SCTP : 0);
  int yes = 1;
  setsockopt(question.fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (argc > 6) {
    struct sockaddr_storage from = address_of(argv[6], raw ? 0 : question.from, &length);
    if (bind(question.fd, (struct sockaddr*)&from, length) < 0) die("bind");
  }
  struct timeval limit = {patience_ms / 1000, patience_ms % 1000 * 1000};
  setsockopt(question.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (connect(question.fd, (struct sockaddr*)&to, length) < 0) return 1;
  return answered(&question, patience_ms) ? 0 : 1;
}

int main(int argc, char* argv[]) {
  if (argc >= 4 && argc <= 3 + MAX_PORTS && strcmp(argv[1], "listen") == 0) {
    uint16_t ports[MAX_PORTS];
    for (int i = 3; i < argc; i++) ports[i - 3] = (uint16_t)atoi(argv[i]);
    serve(argv[2], ports, (size_t)(argc - 3));
    return 2;
  }
  if (argc >= 6 && argc <= 8 && strcmp(argv[1], "ask") == 0) return ask(argc, argv);
  fputs("usage: see the source\n", stderr);
  return 2;
}
