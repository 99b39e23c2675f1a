/*
 * The cold process, which serves one call: the Bun of a build for it, where that can start, or Trestle's
 * private Node.
 */
#ifndef TRESTLE_COLD_H
#define TRESTLE_COLD_H

#include <stdbool.h>

/* What is started, and what it is told. */
struct cold {
  /* The runtime folder. */
  const char* runtime;
  /* The plugin, or the command. */
  const char* name;
  bool is_command;
  /* As the launcher has got them; the first argument says nothing. */
  int argc;
  char** argv;
  /* A plugin's: when the launcher was started, milliseconds since the epoch. */
  long long began;
  /* A plugin's: the token of the request that the daemon may have begun, or NULL. */
  const char* token;
};

/* Replaces this process. */
_Noreturn void run_cold(const struct cold* cold);

#endif
