#define _GNU_SOURCE
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol.h"
#include "streams.h"
#include "talk.h"

/* For whoever wonders why pods start slowly. The folder is the daemon's: without it, nobody counts. */
static void count(const char* reason) {
  char path[64];
  snprintf(path, sizeof path, COLD_FOLDER "/%s", reason);
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (fd < 0) return;
  write_whole(fd, "+", 1);
  close(fd);
}

/* Whether who listens there runs as we do: anybody else could make us say that a pod has its network. */
static bool is_trusted(int socket) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

/* A socket, or -1 where nobody answers there who is to be asked. Does not wait. */
static int reach_daemon(void) {
  static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = DAEMON_SOCKET};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (connect(fd, (const struct sockaddr*)&address, sizeof address) < 0) {
    if (errno != ENOENT) count("connect");
  } else if (is_trusted(fd)) {
    return fd;
  } else {
    count("peer");
  }
  close(fd);
  return -1;
}

/* Asks the daemon whether it will do it. Returns why not, as it is counted, or NULL. */
static const char* request_claim(struct talk* talk, const struct buffer* variables,
                                 const struct buffer* input) {
  if (variables->size + input->size > FRAME_LIMIT) return "large";
  /* Also if not all could be sent: what is declined by its beginning is not read to its end. */
  bool is_sent = send_frame(talk, FRAME_REQUEST, variables, input);
  struct frame frame;
  enum hearing hearing = hear_frame(talk, 0, &frame);
  if (hearing != HEARD) return hearing == SILENT ? "silent" : "garbled";
  if (frame.kind == FRAME_DECLINED) return "declined";
  if (frame.kind != FRAME_CLAIMED || !is_sent || frame.end != talk->heard.size) return "garbled";
  talk->heard.size = 0;
  return NULL;
}

/* Prints what the daemon has said until its ANSWER, and ends with the status that is in there. */
static _Noreturn void pass_on(struct talk* talk) {
  struct frame frame;
  outlive_readers();
  for (size_t start = 0;; start = frame.end) {
    hear_frame(talk, start, &frame);
    if (frame.kind == FRAME_ANSWER) answer(frame.payload + 1, frame.size - 1, (unsigned char)*frame.payload);
    write_whole(STDERR_FILENO, frame.payload, frame.size);
  }
}

/*
 * Lets the daemon do it. Nothing is printed before the answer is there whole, since without it the cold
 * process will print its own.
 */
static void go(struct talk* talk) {
  static const struct buffer nothing;
  /* It is the runtime who decides how long is too long. */
  talk->deadline = NEVER;
  struct frame frame = {.kind = FRAME_STDERR};
  if (!send_frame(talk, FRAME_GO, &nothing, &nothing)) return;
  while (frame.kind == FRAME_STDERR)
    if (hear_frame(talk, frame.end, &frame) != HEARD) return;
  if (frame.kind == FRAME_ANSWER && frame.size > 0) pass_on(talk);
}

bool ask_daemon(const struct call* call, char token[TOKEN_SIZE]) {
  struct buffer variables = {0};
  if (!draw_token(token) || !describe_call(&variables, call, token)) return false;
  struct talk talk = {.socket = reach_daemon()};
  if (talk.socket < 0) return false;
  talk.deadline = monotonic_now() + PATIENCE_MS;
  const char* refusal = request_claim(&talk, &variables, &call->input);
  if (!refusal) go(&talk);
  close(talk.socket);
  count(refusal ? refusal : "broken");
  return !refusal;
}
