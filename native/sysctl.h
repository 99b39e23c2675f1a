// Files under /proc/sys. Those under net/ are the ones of the network namespace that the thread is in.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "handle.h"
#include "result.h"

namespace trestle {

// Opens what reads and writes of the process's own namespace begin at. To be called on the main thread.
void OpenHomeFolders();

// Whether `key` ("net/ipv4/ip_forward") stays below /proc/sys.
bool IsSysctlKey(const std::string& key);

// Without the newline at its end; nothing where there is no such file.
Result<std::optional<std::string>> ReadSysctl(const std::string& key);
// The same for any file of /proc; `op` is what a fault says.
Result<std::optional<std::string>> ReadProcFile(const std::string& op, const std::string& path);

// One that is open, to be read and written.
class Sysctl {
 public:
  // Nothing where there is no such file.
  static Result<std::optional<Sysctl>> Open(const std::string& key, bool to_write = false);
  // Without the newline at its end.
  [[nodiscard]] Result<std::string> Read() const;
  [[nodiscard]] Status Write(const std::string& value) const;

 private:
  Sysctl(std::string key, Fd fd, int locked) : key_(std::move(key)), fd_(std::move(fd)), locked_(locked) {}

  std::string key_;
  Fd fd_;
  // The errno of why it cannot be written; 0 where it can.
  int locked_;
};

// Whether two values are the same but for blanks and tabs ("4096 16384" and "4096\t16384").
bool SameSysctlValue(const std::string& a, const std::string& b);

}  // namespace trestle
