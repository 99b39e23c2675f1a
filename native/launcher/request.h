/* What the daemon is told of a call. */
#ifndef TRESTLE_REQUEST_H
#define TRESTLE_REQUEST_H

#include <stdbool.h>

#include "buffer.h"

/* A plugin's call, as the launcher has it. */
struct call {
  /* The name that the launcher was called by: "bridge". */
  const char* type;
  /* When it was started: milliseconds since the epoch. */
  long long began;
  /* Standard input. */
  struct buffer input;
};

/* 32 hexadecimal digits and a NUL. */
#define TOKEN_SIZE 33

/* Draws a call's name. False where the kernel has no random numbers. */
bool draw_token(char token[TOKEN_SIZE]);

/*
 * Appends the payload of a REQUEST frame (protocol.h) up to the standard input, and opens the pod's namespace
 * for it. False where /proc does not tell in which namespaces this process is.
 */
bool describe_call(struct buffer* to, const struct call* call, const char* token);

#endif
