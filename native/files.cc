#include "files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace trestle {

std::optional<std::string> ReadShortFile(const std::string& path) {
  // Not blocking, since it may be a FIFO.
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return std::nullopt;
  std::array<char, 4097> bytes{};
  const ssize_t got = read(file.get(), bytes.data(), bytes.size());
  struct stat status {};
  const bool is_short_file =
      got >= 0 && size_t(got) < bytes.size() && fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode);
  if (is_short_file) return std::string(bytes.data(), size_t(got));
  errno = EINVAL;
  return std::nullopt;
}

bool WriteAll(const Fd& file, std::string_view text) {
  const ssize_t written = write(file.get(), text.data(), text.size());
  if (written >= 0 && size_t(written) != text.size()) errno = ENOSPC;
  return written >= 0 && size_t(written) == text.size();
}

bool WriteFile(const std::string& path, int flags, mode_t mode, std::string_view text) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags, mode));
  if (!file) return false;
  if (WriteAll(file, text)) return true;
  const int error = errno;
  if ((flags & O_EXCL) != 0) unlink(path.c_str());
  errno = error;
  return false;
}

}  // namespace trestle
