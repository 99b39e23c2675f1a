/*
 * Runs programs and says how long each took, from before its creation until after its end, so that what
 * starts and watches them costs little and the same for all. Requests come on standard input, a line for each
 * part:
 *
 *     arg <argument>       the program's path first
 *     env <KEY=value>
 *     stdin <path>
 *     stdout <path>        created or emptied; standard error goes to the same
 *     run                  answered with "<nanoseconds> <wait status>"
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { MAX_WORDS = 64 };

struct request {
  char* args[MAX_WORDS];
  size_t arg_count;
  char* env[MAX_WORDS];
  size_t env_count;
  char* input;
  char* output;
};

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void reset(struct request* request) {
  for (size_t i = 0; i < request->arg_count; i++) free(request->args[i]);
  for (size_t i = 0; i < request->env_count; i++) free(request->env[i]);
  free(request->input);
  free(request->output);
  memset(request, 0, sizeof *request);
}

static void append(char** words, size_t* count, const char* word) {
  if (*count + 1 < MAX_WORDS) words[(*count)++] = strdup(word);
}

static void replace(char** word, const char* with) {
  free(*word);
  *word = strdup(with);
}

static void run(struct request* request) {
  posix_spawn_file_actions_t files;
  pid_t child;
  int status = 0;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, request->input, O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, request->output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);

  int64_t start = now_ns();
  int error = posix_spawn(&child, request->args[0], &files, NULL, request->args, request->env);
  if (error == 0) waitpid(child, &status, 0);
  int64_t took = now_ns() - start;

  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    fprintf(stderr, "timer: %s: %s\n", request->args[0], strerror(error));
    exit(1);
  }
  printf("%lld %d\n", (long long)took, status);
  fflush(stdout);
}

int main(void) {
  char* line = NULL;
  size_t capacity = 0;
  struct request request = {0};
  while (getline(&line, &capacity, stdin) > 0) {
    line[strcspn(line, "\n")] = '\0';
    char* value = strchr(line, ' ');
    value = value == NULL ? line : value + 1;
    if (strncmp(line, "arg ", 4) == 0) {
      append(request.args, &request.arg_count, value);
    } else if (strncmp(line, "env ", 4) == 0) {
      append(request.env, &request.env_count, value);
    } else if (strncmp(line, "stdin ", 6) == 0) {
      replace(&request.input, value);
    } else if (strncmp(line, "stdout ", 7) == 0) {
      replace(&request.output, value);
    } else {
      run(&request);
      reset(&request);
    }
  }
  return 0;
}
