/*
 * Runs programs and says when each began and ended, from before its creation until after its end, so that
 * what starts and watches them costs little and the same for all. Requests come on standard input, a line for
 * each part:
 *
 *     arg <argument>       of a program: its path first
 *     env <KEY=value>
 *     stdin <path>
 *     stdout <path>        created or emptied; standard error goes to the same
 *     next                 that was one program
 *     run <count>          starts the first so many programs at once; while one of them runs, starts those
 * behind them one after another
 *
 * `run` is answered with a line for each program, "<began> <ended> <wait status>" in nanoseconds since the
 * first began, or "-" for one whose turn did not come.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { MAX_WORDS = 64, MAX_PROGRAMS = 256 };

struct words {
  char* at[MAX_WORDS]; /* ends with a NULL */
  size_t count;
};

struct program {
  struct words args;
  struct words env;
  posix_spawn_file_actions_t files;
  pid_t pid; /* 0 until it is started */
  int64_t began;
  int64_t ended;
  int status;
};

static struct program programs[MAX_PROGRAMS];
static size_t count;

static _Noreturn void fail(const char* what, int error) {
  fprintf(stderr, "timer: %s: %s\n", what, strerror(error));
  exit(1);
}

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void append(struct words* words, const char* word) {
  if (words->count + 1 == MAX_WORDS) fail(word, E2BIG);
  words->at[words->count++] = strdup(word);
}

static void discard(struct words* words) {
  for (size_t i = 0; i < words->count; i++) free(words->at[i]);
}

static void new_program(void) {
  if (count + 1 == MAX_PROGRAMS) fail("next", E2BIG);
  memset(&programs[count], 0, sizeof *programs);
  posix_spawn_file_actions_init(&programs[count].files);
}

static void reset(void) {
  for (size_t i = 0; i <= count; i++) {
    discard(&programs[i].args);
    discard(&programs[i].env);
    posix_spawn_file_actions_destroy(&programs[i].files);
  }
  count = 0;
  new_program();
}

static void start(struct program* program) {
  program->began = now_ns();
  char* path = program->args.at[0];
  int error = posix_spawn(&program->pid, path, &program->files, NULL, program->args.at, program->env.at);
  if (error != 0) fail(path, error);
}

/* Waits until any program has ended, and returns its index. */
static size_t wait_for_one(void) {
  int status;
  pid_t pid = wait(&status);
  int64_t ended = now_ns();
  for (size_t i = 0; i < count; i++) {
    if (programs[i].pid != pid) continue;
    programs[i].ended = ended;
    programs[i].status = status;
    return i;
  }
  fail("wait", pid < 0 ? errno : ECHILD);
}

static void run(size_t at_once) {
  for (size_t i = 0; i < at_once; i++) start(&programs[i]);
  size_t left = at_once;
  size_t next = at_once;
  bool is_beside = false;
  while (left > 0 || is_beside) {
    if (left > 0 && !is_beside && next < count) {
      start(&programs[next++]);
      is_beside = true;
    }
    if (wait_for_one() < at_once)
      left--;
    else
      is_beside = false;
  }
}

static void answer(void) {
  for (size_t i = 0; i < count; i++) {
    const struct program* program = &programs[i];
    int64_t first = programs[0].began;
    if (program->pid == 0)
      puts("-");
    else
      printf("%lld %lld %d\n", (long long)(program->began - first), (long long)(program->ended - first),
             program->status);
  }
  fflush(stdout);
}

static void describe(struct program* program, const char* key, const char* value) {
  if (strcmp(key, "arg") == 0) {
    append(&program->args, value);
  } else if (strcmp(key, "env") == 0) {
    append(&program->env, value);
  } else if (strcmp(key, "stdin") == 0) {
    posix_spawn_file_actions_addopen(&program->files, 0, value, O_RDONLY, 0);
  } else if (strcmp(key, "stdout") == 0) {
    posix_spawn_file_actions_addopen(&program->files, 1, value, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&program->files, 1, 2);
  } else {
    fail(key, EINVAL);
  }
}

int main(void) {
  char* line = NULL;
  size_t capacity = 0;
  new_program();
  while (getline(&line, &capacity, stdin) > 0) {
    line[strcspn(line, "\n")] = '\0';
    char* value = line;
    const char* key = strsep(&value, " ");
    if (strcmp(key, "next") == 0) {
      count++;
      new_program();
    } else if (strcmp(key, "run") == 0) {
      run(strtoul(value, NULL, 10));
      answer();
      reset();
    } else {
      describe(&programs[count], key, value);
    }
  }
  return 0;
}
