// Advisory locks on files, held by descriptor.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "fields.h"
#include "handle.h"
#include "result.h"

namespace trestle {

struct LockRequest {
  std::string path;
  std::chrono::milliseconds timeout{0};
  // An open-file-description lock of the byte at this offset; nothing: a flock of the whole file.
  std::optional<uint64_t> offset;
  // Only of a byte: had together with others who share it, and with nobody who does not.
  bool shared = false;
};

LockRequest ParseLockRequest(Fields& fields);

// The locks that are held, by descriptor. May be used by several threads.
class Locks {
 public:
  // Waits until the lock is taken: its descriptor, or nothing when the time is over or `stop` was requested.
  Result<std::optional<int>> Take(const LockRequest& request, const std::stop_token& stop);
  // False: there is no such lock.
  bool Release(int lock);

 private:
  std::mutex mutex_;
  std::map<int, Fd> held_;
};

}  // namespace trestle
