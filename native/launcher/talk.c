#define _GNU_SOURCE
#include "talk.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "protocol.h"

/* Room for any answer but an unusual one, so that it is read at once. */
#define PIECE (32 << 10)

struct header {
  uint32_t magic;
  uint32_t kind;
  uint32_t size;
};

long long monotonic_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

/* What poll is to wait at most. What has come in time counts even if it is looked at too late. */
static int patience(const struct talk* talk) {
  if (talk->deadline == NEVER) return -1;
  long long left = talk->deadline - monotonic_now();
  return left > 0 ? (int)left : 0;
}

/* Which of `events` have come, or that the connection is broken; 0 when the time is over. */
static short wait_for(const struct talk* talk, short events) {
  struct pollfd ready = {.fd = talk->socket, .events = events};
  int found;
  do {
    found = poll(&ready, 1, patience(talk));
  } while (found < 0 && errno == EINTR);
  return found > 0 ? ready.revents : 0;
}

/* Whether there is room for more of a frame now; not where the other side would rather say something. */
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

bool send_frame(const struct talk* talk, uint32_t kind, const struct buffer* first,
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

enum hearing hear_frame(struct talk* talk, size_t start, struct frame* frame) {
  struct header header;
  size_t body = start + sizeof header;
  if (!hear(talk, body)) return SILENT;
  memcpy(&header, talk->heard.bytes + start, sizeof header);
  if (header.magic != FRAME_MAGIC || header.size > FRAME_LIMIT) return GARBLED;
  if (!hear(talk, body + header.size)) return SILENT;
  *frame = (struct frame){header.kind, header.size, talk->heard.bytes + body, body + header.size};
  return HEARD;
}
