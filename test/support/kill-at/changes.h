/* Which system calls change something that outlives the process that makes them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { DETAIL_SIZE = 4096 + 32 };

/* What decides whether a call changes something, and which argument it looks at. */
enum test { WRITE_TO_FD, PATH, OPEN_FLAGS, OPEN_HOW, SEND, SEND_MESSAGE, FD };

struct call {
  int number;
  const char* name;
  enum test test;
  int argument;
};

/* The system calls to stop at. */
extern const struct call calls[];
extern const size_t call_count;

/*
 * Whether the call that `thread` is about to make changes something; `detail` then says what. `root` is the
 * command whose standard output counts: a runtime has its answer from then on. 0: nobody's does.
 */
bool is_change(pid_t thread, pid_t root, const struct call* call, const uint64_t* args, char* detail);

/* Whether it is a daemon's word to a launcher: `detail` is then "frame <kind>" (see protocol.h). */
bool is_frame(pid_t thread, const struct call* call, const uint64_t* args, char* detail);
