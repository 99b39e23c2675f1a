#include "locks.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace trestle {
namespace {

using std::chrono::steady_clock;

Result<Fd> OpenLockFile(const std::string& path) {
  // O_NONBLOCK: a fifo at that path must not hang us.
  constexpr int flags = O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  Fd fd(open(path.c_str(), O_RDWR | flags, 0600));
  // A flock may be had with read access, and another implementation may have left a file that allows no more.
  if (!fd && errno == EACCES) fd = Fd(open(path.c_str(), O_RDONLY | flags, 0600));
  if (!fd) return KernelFault("open lock " + path, errno);
  return fd;
}

// 0, or the errno; EAGAIN says that another holds the lock.
int TryLock(int fd, const LockRequest& request) {
  int failed = 0;
  if (request.offset) {
    struct flock lock {};
    lock.l_type = request.shared ? F_RDLCK : F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = off_t(*request.offset);
    lock.l_len = 1;
    failed = fcntl(fd, F_OFD_SETLK, &lock);
  } else {
    failed = flock(fd, LOCK_EX | LOCK_NB);
  }
  if (failed == 0) return 0;
  return errno == EACCES || errno == EINTR ? EAGAIN : errno;
}

// Whether the path still names the file that was opened: its folder may have been removed and made anew
// meanwhile.
bool IsCurrent(int fd, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return fstat(fd, &opened) == 0 && stat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

}  // namespace

LockRequest ParseLockRequest(Fields& fields) {
  LockRequest request;
  request.path = fields.Text("path", 4095);
  if (request.path.empty()) fields.Complain("path", "is empty");
  request.timeout = std::chrono::milliseconds(fields.Number("timeoutMs", 0, INT32_MAX));
  const bool whole = fields.OneOf<bool>("kind", {{"ofd", false}, {"flock", true}});
  if (!whole) {
    request.offset = fields.BigNumber("offset");
    request.shared = fields.OptionalFlag("shared").value_or(false);
  }
  return request;
}

Result<std::optional<int>> Locks::Take(const LockRequest& request, const std::stop_token& stop) {
  const auto deadline = steady_clock::now() + request.timeout;
  std::chrono::microseconds pause(500);
  while (!stop.stop_requested()) {
    auto file = OpenLockFile(request.path);
    if (!file) return file.fault();
    int error = TryLock(file->get(), request);
    while (error == EAGAIN && steady_clock::now() < deadline && !stop.stop_requested()) {
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 3 / 2, std::chrono::microseconds(20'000));
      error = TryLock(file->get(), request);
    }
    if (error == EAGAIN) break;
    if (error != 0) return KernelFault("lock " + request.path, error);
    if (!IsCurrent(file->get(), request.path)) continue;
    const std::lock_guard guard(mutex_);
    const int lock = file->get();
    held_.emplace(lock, std::move(*file));
    return std::optional(lock);
  }
  return std::optional<int>();
}

bool Locks::Release(int lock) {
  const std::lock_guard guard(mutex_);
  return held_.erase(lock) == 1;
}

}  // namespace trestle
