#define _GNU_SOURCE
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "protocol.h"
#include "streams.h"

/* Room for any answer but an unusual one, so that it is read at once. */
#define PIECE (32 << 10)

/* A deadline that is none: after GO, it is the runtime who decides how long is too long. */
#define NEVER LLONG_MAX

struct header {
  uint32_t magic;
  uint32_t kind;
  uint32_t size;
};

struct talk {
  int socket;
  /* Milliseconds of the monotonic clock. */
  long long deadline;
  /* All that the daemon has said, one frame behind the other. */
  struct buffer heard;
};

struct frame {
  uint32_t kind;
  uint32_t size;
  const char* payload;
  /* Where the next one begins, among all that was heard. */
  size_t end;
};

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

/* For whoever wonders why pods start slowly. The folder is the daemon's: where there is none, nobody counts.
 */
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

/* What poll is to wait at most. What has come in time counts even if it is looked at too late. */
static int patience(const struct talk* talk) {
  if (talk->deadline == NEVER) return -1;
  long long left = talk->deadline - now();
  return left > 0 ? (int)left : 0;
}

/* Which of `events` have come, or that the connection is broken; 0 when the time is over. */
static short wait_for(const struct talk* talk, short events) {
  struct pollfd ready = {.fd = talk->socket, .events = events};
  int found;
  do found = poll(&ready, 1, patience(talk));
  while (found < 0 && errno == EINTR);
  return found > 0 ? ready.revents : 0;
}

/* Whether a frame that could not be sent now can be sent further. The daemon reads it to its end, unless it
 * has something to say before. */
static bool may_send(const struct talk* talk) {
  return errno == EINTR || (errno == EAGAIN && wait_for(talk, POLLIN | POLLOUT) == POLLOUT);
}

/* Leaves of a message what is not sent yet. */
static void advance(struct msghdr* message, size_t sent) {
  for (; message->msg_iovlen > 0; message->msg_iov++, message->msg_iovlen--) {
    struct iovec* part = message->msg_iov;
    if (sent < part->iov_len) {
      part->iov_base = (char*)part->iov_base + sent;
      part->iov_len -= sent;
      return;
    }
    sent -= part->iov_len;
  }
}

/* Sends a frame whose payload comes in two parts. False where not all of it could be sent. */
static bool send_frame(const struct talk* talk, uint32_t kind, const struct buffer* first,
                       const struct buffer* second) {
  struct header header = {FRAME_MAGIC, kind, (uint32_t)(first->size + second->size)};
  struct iovec parts[] = {
      {&header, sizeof header}, {first->bytes, first->size}, {second->bytes, second->size}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
  while (message.msg_iovlen > 0) {
    ssize_t sent = sendmsg(talk->socket, &message, MSG_NOSIGNAL);
    if (sent >= 0)
      advance(&message, (size_t)sent);
    else if (!may_send(talk))
      return false;
  }
  return true;
}

/* Listens until the daemon has said `size` bytes. False when it does not. */
static bool hear(struct talk* talk, size_t size) {
  struct buffer* heard = &talk->heard;
  while (heard->size < size) {
    if (wait_for(talk, POLLIN) == 0) return false;
    reserve(heard, size - heard->size > PIECE ? size - heard->size : PIECE);
    ssize_t got = recv(talk->socket, heard->bytes + heard->size, heard->capacity - heard->size, 0);
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return false;
    if (got > 0) heard->size += (size_t)got;
  }
  return true;
}

enum hearing { HEARD, SILENT, GARBLED };

/* The frame that begins at `start`. */
static enum hearing hear_frame(struct talk* talk, size_t start, struct frame* frame) {
  struct header header;
  size_t body = start + sizeof header;
  if (!hear(talk, body)) return SILENT;
  memcpy(&header, talk->heard.bytes + start, sizeof header);
  if (header.magic != FRAME_MAGIC || header.size > FRAME_LIMIT) return GARBLED;
  if (!hear(talk, body + header.size)) return SILENT;
  *frame = (struct frame){header.kind, header.size, talk->heard.bytes + body, body + header.size};
  return HEARD;
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
  talk.deadline = now() + PATIENCE_MS;
  const char* refusal = request_claim(&talk, &variables, &call->input);
  if (!refusal) go(&talk);
  close(talk.socket);
  count(refusal ? refusal : "broken");
  return !refusal;
}
