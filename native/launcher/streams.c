#define _GNU_SOURCE
#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report.h"

/* A byte more than lib/cni/decode.ts takes, so that the program sees that it is too much, and says so. */
#define INPUT_LIMIT ((16 << 20) + 1)

/* As much as a pipe holds. */
#define INPUT_PIECE (64 << 10)

/* Linux 6.3. Without it a kernel may warn, or refuse to make the file. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

void open_standard_streams(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) make_memory_file("null");
}

int make_memory_file(const char* name) {
  int fd = memfd_create(name, MFD_NOEXEC_SEAL);
  return fd < 0 && errno == EINVAL ? memfd_create(name, 0) : fd;
}

/* Whether a call that has failed is to be made again: at once, or now that a non-blocking `fd` is ready. */
static bool is_to_repeat(int fd, short events) {
  if (errno == EINTR) return true;
  if (errno != EAGAIN) return false;
  struct pollfd ready = {.fd = fd, .events = events};
  return poll(&ready, 1, -1) > 0 || errno == EINTR;
}

bool read_stdin(struct buffer* input) {
  while (input->size < INPUT_LIMIT) {
    if (input->size == input->capacity) reserve(input, INPUT_PIECE);
    size_t room = input->capacity < INPUT_LIMIT ? input->capacity : INPUT_LIMIT;
    ssize_t got = read(STDIN_FILENO, input->bytes + input->size, room - input->size);
    if (got == 0) break;
    if (got > 0) {
      input->size += (size_t)got;
    } else if (!is_to_repeat(STDIN_FILENO, POLLIN)) {
      if (input->size > 0) fail("cannot read", "standard input");
      return false;
    }
  }
  return true;
}

void replace_stdin(const struct buffer* input) {
  int fd = make_memory_file("stdin");
  if (fd < 0 || !write_whole(fd, input->bytes, input->size) || lseek(fd, 0, SEEK_SET) < 0 ||
      dup2(fd, STDIN_FILENO) < 0)
    fail("cannot keep", "standard input");
  close(fd);
}

bool write_whole(int fd, const char* bytes, size_t size) {
  while (size > 0) {
    ssize_t written = write(fd, bytes, size);
    if (written < 0 && !is_to_repeat(fd, POLLOUT)) return false;
    if (written < 0) continue;
    bytes += written;
    size -= (size_t)written;
  }
  return true;
}

void outlive_readers(void) {
  signal(SIGPIPE, SIG_IGN);
}

void answer(const char* output, size_t size, int status) {
  if (!write_whole(STDOUT_FILENO, output, size)) fail("cannot write", "standard output");
  _exit(status);
}
