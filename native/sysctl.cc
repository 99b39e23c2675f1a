#include "sysctl.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <sstream>

#include "handle.h"

namespace trestle {

bool IsSysctlKey(const std::string& key) {
  if (key.empty() || key.back() == '/' || key.find('\0') != std::string::npos) return false;
  std::istringstream parts(key);
  for (std::string part; std::getline(parts, part, '/');) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

Result<std::optional<std::string>> ReadSysctl(const std::string& key) {
  return ReadProcFile("read sysctl " + key, "/proc/sys/" + key);
}

Result<std::optional<std::string>> ReadProcFile(const std::string& op, const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::optional<std::string>();
  if (!fd) return KernelFault(op, errno);
  std::string text;
  std::array<char, 4096> chunk{};
  ssize_t got = 0;
  while ((got = read(fd.get(), chunk.data(), chunk.size())) > 0) text.append(chunk.data(), size_t(got));
  if (got < 0) return KernelFault(op, errno);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return std::optional(text);
}

Status WriteSysctl(const std::string& key, const std::string& value) {
  const std::string op = "set sysctl " + key + " to " + value;
  const Fd fd(open(("/proc/sys/" + key).c_str(), O_WRONLY | O_CLOEXEC));
  // The whole value in one write: a second one would begin a second value.
  if (!fd || write(fd.get(), value.data(), value.size()) < 0) return KernelFault(op, errno);
  return Done{};
}

bool SameSysctlValue(const std::string& a, const std::string& b) {
  std::istringstream words_a(a);
  std::istringstream words_b(b);
  for (std::string word_a, word_b;;) {
    const bool more_a = bool(words_a >> word_a);
    const bool more_b = bool(words_b >> word_b);
    if (more_a != more_b) return false;
    if (!more_a) return true;
    if (word_a != word_b) return false;
  }
}

}  // namespace trestle
