#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fail(const char* what, const char* path) {
  const char* reason = strerror(errno);
  dprintf(STDOUT_FILENO, "{\"code\":5,\"msg\":\"%s ", what);
  for (const unsigned char* c = (const unsigned char*)path; *c; c++)
    dprintf(STDOUT_FILENO, *c < ' ' || *c == '"' || *c == '\\' ? "\\u%04x" : "%c", *c);
  dprintf(STDOUT_FILENO, ": %s\"}\n", reason);
  exit(1);
}
