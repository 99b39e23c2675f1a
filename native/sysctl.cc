#include "sysctl.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <sstream>

#include "handle.h"
#include "netns.h"

namespace trestle {
namespace {

// A folder of sysctls of the process's own namespace, opened once. Each namespace has
// one of that name in the same place, and on its way the kernel passes by all in which somebody has looked
// for a sysctl: with two thousand pods that takes more than a millisecond, each time.
struct HomeFolder {
  explicit HomeFolder(const char* name)
      : prefix(std::string(name) + "/"),
        fd(open(("/proc/sys/" + prefix).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}
  std::string prefix;
  Fd fd;
};

using HomeFolders = std::array<HomeFolder, 2>;

const HomeFolders& Folders() {
  static const HomeFolders folders{HomeFolder("net/ipv4"), HomeFolder("net/ipv6")};
  return folders;
}

const HomeFolder* HomeFolderOf(const std::string& key) {
  for (const auto& folder : Folders())
    if (folder.fd && key.starts_with(folder.prefix)) return &folder;
  return nullptr;
}

Fd OpenFile(const std::string& key, int flags) {
  const HomeFolder* folder = IsHome() ? HomeFolderOf(key) : nullptr;
  if (folder != nullptr)
    return Fd(openat(folder->fd.get(), key.c_str() + folder->prefix.size(), flags | O_CLOEXEC));
  return Fd(open(("/proc/sys/" + key).c_str(), flags | O_CLOEXEC));
}

}  // namespace

void OpenHomeFolders() {
  Folders();
}

bool IsSysctlKey(const std::string& key) {
  if (key.empty() || key.back() == '/' || key.find('\0') != std::string::npos) return false;
  std::istringstream parts(key);
  for (std::string part; std::getline(parts, part, '/');) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

Result<std::optional<std::string>> ReadSysctl(const std::string& key) {
  auto sysctl = Sysctl::Open(key);
  if (!sysctl) return sysctl.fault();
  if (!*sysctl) return std::optional<std::string>();
  auto value = (*sysctl)->Read();
  if (!value) return value.fault();
  return std::optional(std::move(*value));
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

Result<std::optional<Sysctl>> Sysctl::Open(const std::string& key, bool to_write) {
  Fd fd = OpenFile(key, to_write ? O_RDWR : O_RDONLY);
  // Where it cannot be written, its value may be right already.
  const bool is_locked = !fd && to_write && (errno == EROFS || errno == EACCES || errno == EPERM);
  const int reason = is_locked ? errno : 0;
  if (is_locked) fd = OpenFile(key, O_RDONLY);
  if (!fd && errno == ENOENT) return std::optional<Sysctl>();
  if (!fd) return KernelFault("read sysctl " + key, errno);
  return std::optional(Sysctl(key, std::move(fd), reason));
}

Result<std::string> Sysctl::Read() const {
  // Longer than any of the network's; the kernel gives the whole value at once.
  std::array<char, 4096> text{};
  const ssize_t got = pread(fd_.get(), text.data(), text.size(), 0);
  if (got < 0) return KernelFault("read sysctl " + key_, errno);
  std::string value(text.data(), size_t(got));
  while (!value.empty() && value.back() == '\n') value.pop_back();
  return value;
}

Status Sysctl::Write(const std::string& value) const {
  const std::string op = "set sysctl " + key_ + " to " + value;
  if (locked_ != 0) return KernelFault(op, locked_);
  // The whole value in one write: a second one would begin a second value.
  if (pwrite(fd_.get(), value.data(), value.size(), 0) < 0) return KernelFault(op, errno);
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
