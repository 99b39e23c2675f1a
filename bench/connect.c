// New connections, one after another: `connect serve PORT` answers each with its end, `connect ask ADDRESS
// PORT COUNT` begins so many and waits for the end of each, and prints the nanoseconds that all have taken.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static int new_socket(void) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  return fd;
}

static struct sockaddr_in address_of(const char* text, const char* port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  if (inet_pton(AF_INET, text, &address.sin_addr) != 1) fail(text);
  return address;
}

static void serve(const char* port) {
  const struct sockaddr_in address = address_of("0.0.0.0", port);
  const int fd = new_socket();
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (const struct sockaddr*)&address, sizeof address) != 0) fail("bind");
  if (listen(fd, 128) != 0) fail("listen");
  puts("listening");
  fflush(stdout);
  for (;;) {
    const int peer = accept(fd, NULL, NULL);
    if (peer >= 0) close(peer);
  }
}

static void ask(const struct sockaddr_in* address) {
  const int fd = new_socket();
  // No port stays in TIME_WAIT on this side either: there are more connections than ports.
  const struct linger reset = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  if (connect(fd, (const struct sockaddr*)address, sizeof *address) != 0) fail("connect");
  char end;
  if (read(fd, &end, sizeof end) < 0) fail("read");
  close(fd);
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "serve") == 0) serve(argv[2]);
  if (argc != 5 || strcmp(argv[1], "ask") != 0) {
    fprintf(stderr, "usage: %s serve PORT | ask ADDRESS PORT COUNT\n", argv[0]);
    return 2;
  }
  const struct sockaddr_in address = address_of(argv[2], argv[3]);
  const long long began = now();
  for (int left = atoi(argv[4]); left > 0; left--) ask(&address);
  printf("%lld\n", now() - began);
  return 0;
}
