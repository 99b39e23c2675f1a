#define _GNU_SOURCE
#include "cold.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "streams.h"

/*
 * What would change how our Node runs: the loader's variables, libc's, Node's and its libraries'; and what
 * nobody but the launcher is to tell the program.
 */
static const char* const unwanted[] = {
    "LD_",      "GLIBC_", "MALLOC_",        "NODE_",          "UV_",
    "OPENSSL_", "SSL_",   "TRESTLE_BEGAN=", "TRESTLE_TOKEN=", "TRESTLE_CALLER_ENVIRON=",
};

/*
 * What a plugin's engine runs as, and the command's, which serves a plugin's call as well: the file's name in
 * the runtime folder, and its flags.
 */
static const char* const plugin_engine[] = {PLUGIN_ENGINE NULL};
static const char* const command_engine[] = {COMMAND_ENGINE NULL};

static char* const plugin_environment[] = {PLUGIN_ENVIRONMENT "PATH=/usr/sbin:/usr/bin:/sbin:/bin"};

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* How many variables we add to those of the caller at most, and the NULL behind them. */
#define ADDED (COUNT(plugin_environment) + 4)

__attribute__((format(printf, 1, 2))) static char* text(const char* format, ...) {
  char* result;
  va_list values;
  va_start(values, format);
  int length = vasprintf(&result, format, values);
  va_end(values);
  if (length < 0) fail("no memory for", "the program's arguments");
  return result;
}

/*
 * The caller's whole environment, NUL-separated, in a memory file: a delegate that is not ours gets it, as
 * the specification demands, and so does what `trestle run` runs. Returns its descriptor, which Node and Bun
 * keep to themselves.
 */
static int save_environment(char* const env[]) {
  int fd = make_memory_file("caller-environ");
  bool is_saved = fd >= 0;
  for (; *env && is_saved; env++) is_saved = write_whole(fd, *env, strlen(*env) + 1);
  if (!is_saved || lseek(fd, 0, SEEK_SET) < 0) fail("cannot keep", "the caller's environment");
  return fd;
}

static bool starts_with(const char* variable, const char* prefix) {
  return strncmp(variable, prefix, strlen(prefix)) == 0;
}

static bool is_wanted(const char* variable) {
  for (size_t i = 0; i < COUNT(unwanted); i++)
    if (starts_with(variable, unwanted[i])) return false;
  return true;
}

/*
 * A plugin sees the protocol's variables and nothing else; the command keeps the environment of who runs it,
 * less what would change Node: that is for what the command runs only.
 */
static void clean_environment(const struct cold* cold, char* const env[], char* clean[]) {
  *clean++ = text("TRESTLE_CALLER_ENVIRON=%d", save_environment(env));
  if (!cold->is_command) {
    memcpy(clean, plugin_environment, sizeof plugin_environment);
    clean += COUNT(plugin_environment);
    *clean++ = text("TRESTLE_BEGAN=%lld", cold->began);
    if (cold->token) *clean++ = text("TRESTLE_TOKEN=%s", cold->token);
  }
  for (; *env; env++)
    if (cold->is_command ? is_wanted(*env) : starts_with(*env, "CNI_")) *clean++ = *env;
  *clean = NULL;
}

/*
 * Bun is built for processors with SSE4.2, which those that QEMU emulates by default do not have, and aborts
 * where it cannot read how its memory is mapped. Our Node does with less.
 */
static bool can_start(const char* engine) {
  if (strcmp(engine, "bun") != 0) return true;
#ifdef __x86_64__
  /* Not by __builtin_cpu_supports, which asks at every start: a virtual machine's host has to answer. */
  unsigned int eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_SSE4_2) || !(ecx & bit_POPCNT)) return false;
#endif
  return access("/proc/self/maps", R_OK) == 0;
}

/* Bun does not start in a folder that is gone, and Node finds no relative path from there. */
static void leave_vanished_folder(void) {
  char* folder = getcwd(NULL, 0);
  if (!folder && chdir("/") != 0) fail("cannot enter", "/");
  free(folder);
}

/* Appends words up to their NULL; returns where the next are to go. */
static const char** add_words(const char** end, const char* const* words) {
  while (*words) *end++ = *words++;
  *end = NULL;
  return end;
}

/* The kernel bounds what a caller can pass, and so the arrays, to a fraction of the stack. */
static _Noreturn void execute(const char* loader, const char* const* args, const struct cold* cold) {
  size_t variables = 0;
  while (environ[variables]) variables++;
  char* clean[variables + ADDED];
  clean_environment(cold, environ, clean);
  leave_vanished_folder();
  execve(loader, (char* const*)args, clean);
  fail("cannot execute", loader);
}

void run_cold(const struct cold* cold) {
  bool is_usual = !cold->is_command && can_start(plugin_engine[0]);
  const char* const* engine = is_usual ? plugin_engine : command_engine;
  const char* lib = text("%s/lib", cold->runtime);
  const char* loader = text("%s/" LOADER, lib);
  const char* executable = text("%s/%s", cold->runtime, engine[0]);
  const char* program = text("%s/trestle.cjs", cold->runtime);
  /* The loader and the engine would report these on stderr only, and a runtime reads stdout. */
  if (access(executable, X_OK) != 0) fail("cannot execute", executable);
  if (access(program, R_OK) != 0) fail("cannot read", program);

  const char* start[] = {loader, "--library-path", lib, "--inhibit-cache", LOADER_FLAGS executable, NULL};
  const char* what[] = {program, cold->name, NULL};
  size_t words = COUNT(start) + COUNT(plugin_engine) + COUNT(command_engine) + COUNT(what);
  const char* args[words + (size_t)cold->argc];
  const char** end = add_words(add_words(add_words(args, start), engine + 1), what);
  if (cold->argc > 0) add_words(end, (const char* const*)cold->argv + 1);
  execute(loader, args, cold);
}
