/*
 * What a runtime executes as /opt/cni/bin/<plugin>: one static file, copied to every plugin's name. It has
 * Trestle's daemon serve the call, if there is one that will; otherwise it starts Trestle's private Node from
 * the folder beside it, in an environment that the caller has no say in. It decides nothing about networks.
 *
 * The runtime folder carries its own dynamic loader and libraries, and the loader is executed by name: a node
 * needs no Node, no libnl and no particular libc. (Node's own interpreter path is absolute and would be the
 * host's.)
 *
 * From the build come RUNTIME, the folder's name, LOADER, the loader's file name, VERSION_REPORT, what the
 * program answers to VERSION, and lists of string literals, each with a comma behind it: PLUGINS,
 * LOADER_FLAGS, PLUGIN_ENGINE, COMMAND_ENGINE and PLUGIN_ENVIRONMENT.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cold.h"
#include "daemon.h"
#include "report.h"
#include "request.h"
#include "streams.h"

#define COMMAND "trestle"

/* By this the installer knows which files are ours, and which runtime folder they still start. */
__attribute__((used)) static const char marker[] = "trestle-launcher=" RUNTIME;

static const char* const plugins[] = {PLUGINS};

/* The path of this file. argv[0] is only what the caller says, and so is believed where there is no /proc. */
static char* own_path(const char* argv0) {
  static char path[4096];
  if (readlink("/proc/self/exe", path, sizeof path - 1) < 0)
    strncpy(path, strchr(argv0, '/') ? argv0 : "./", sizeof path - 1);
  /* An upgrade may have replaced this file since it was started: then the kernel says so behind the name. */
  static const char deleted[] = " (deleted)";
  size_t length = strlen(path);
  size_t kept = length - strlen(deleted);
  if (length > strlen(deleted) && strcmp(path + kept, deleted) == 0) path[kept] = '\0';
  return path;
}

static bool is_plugin(const char* name) {
  for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++)
    if (strcmp(name, plugins[i]) == 0) return true;
  return false;
}

/* A runtime passes the whole path as argv[0], and so tells a symbolic link's name from the file's. */
static const char* own_name(const char* argv0) {
  const char* name = basename(argv0);
  return is_plugin(name) || strcmp(name, COMMAND) == 0 ? name : basename(own_path(argv0));
}

static const char* runtime_folder(const char* argv0) {
  char* path = own_path(argv0);
  char* slash = strrchr(path, '/');
  if (slash) *slash = '\0';
  char* folder;
  if (asprintf(&folder, "%s/.trestle/" RUNTIME, path) < 0) fail("no memory for", path);
  return folder;
}

static long long milliseconds_since_epoch(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static void answer_version(void) {
  const char* command = getenv("CNI_COMMAND");
  if (!command || strcmp(command, "VERSION") != 0) return;
  outlive_readers();
  answer(VERSION_REPORT, strlen(VERSION_REPORT), 0);
}

/* A plugin's call without Node, as far as that goes. Returns the token of one that the daemon has begun. */
static const char* serve(struct call* call) {
  static char token[TOKEN_SIZE];
  /* What cannot be read is left to the program, which says so in its own words. */
  if (!read_stdin(&call->input)) return NULL;
  answer_version();
  bool is_begun = ask_daemon(call, token);
  replace_stdin(&call->input);
  return is_begun ? token : NULL;
}

int main(int argc, char* argv[]) {
  open_standard_streams();
  const char* argv0 = argc > 0 ? argv[0] : "";
  struct call call = {.type = own_name(argv0), .began = milliseconds_since_epoch()};
  bool is_command = !is_plugin(call.type);
  const char* token = is_command ? NULL : serve(&call);
  run_cold(&(struct cold){
      .runtime = runtime_folder(argv0),
      .name = call.type,
      .is_command = is_command,
      .argc = argc,
      .argv = argv,
      .began = call.began,
      .token = token,
  });
}
