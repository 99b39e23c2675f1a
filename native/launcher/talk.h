/* Frames (protocol.h) over a connection, with a deadline. */
#ifndef TRESTLE_TALK_H
#define TRESTLE_TALK_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"

/* A deadline that is none. */
#define NEVER LLONG_MAX

struct talk {
  /* Non-blocking. */
  int socket;
  /* As of `monotonic_now`. */
  long long deadline;
  /* All that the other side has said, one frame behind the other. */
  struct buffer heard;
};

struct frame {
  uint32_t kind;
  uint32_t size;
  const char* payload;
  /* Where the next one begins, among all that was heard. */
  size_t end;
};

/* SILENT: it has not come whole, by the deadline or because the other side hung up. */
enum hearing { HEARD, SILENT, GARBLED };

/* Milliseconds, on a clock that nobody sets. */
long long monotonic_now(void);

/* Sends a frame whose payload comes in two parts. False where not all of it could be sent. */
bool send_frame(const struct talk* talk, uint32_t kind, const struct buffer* first,
                const struct buffer* second);

/* The frame that begins at `start` of what is heard; it waits for it. */
enum hearing hear_frame(struct talk* talk, size_t start, struct frame* frame);

#endif
