#define _GNU_SOURCE
#include "request.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

bool draw_token(char token[TOKEN_SIZE]) {
  unsigned char bytes[(TOKEN_SIZE - 1) / 2];
  /* It must be unique, not secret, and drawing it must never wait, as it would early after a boot. */
  if (getrandom(bytes, sizeof bytes, GRND_INSECURE) != sizeof bytes) return false;
  for (size_t i = 0; i < sizeof bytes; i++) snprintf(token + 2 * i, 3, "%02x", bytes[i]);
  return true;
}

/* By what a path, a process id or a user may mean something else to us than to the daemon. */
static bool append_place(struct buffer* to) {
  static const struct {
    const char* name;
    const char* path;
  } parts[] = {
      {"mnt", "/proc/self/ns/mnt"},
      {"pid", "/proc/self/ns/pid"},
      {"user", "/proc/self/ns/user"},
      {"net", "/proc/self/ns/net"},
      {"root", "/"},
  };
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    struct stat status;
    if (stat(parts[i].path, &status) < 0) return false;
    append_variable(to, "%s=%ju:%ju", parts[i].name, (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
  }
  return true;
}

/* The descriptor stays open until this process ends: by it the daemon gets at the namespace. */
static void append_netns(struct buffer* to) {
  const char* path = getenv("CNI_NETNS");
  /* Not blocking, since it may be a FIFO. */
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
  if (fd >= 0) append_variable(to, "netns=/proc/%d/fd/%d", getpid(), fd);
}

static void append_protocol_variables(struct buffer* to) {
  for (char** variable = environ; *variable; variable++)
    if (strncmp(*variable, "CNI_", 4) == 0) append(to, *variable, strlen(*variable) + 1);
}

bool describe_call(struct buffer* to, const struct call* call, const char* token) {
  append_variable(to, "build=%s", RUNTIME);
  append_variable(to, "type=%s", call->type);
  append_variable(to, "began=%lld", call->began);
  append_variable(to, "token=%s", token);
  if (!append_place(to)) return false;
  append_netns(to);
  append_protocol_variables(to);
  append(to, "", 1);
  return true;
}
