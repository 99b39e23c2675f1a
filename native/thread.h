// A thread whose creation can fail (std::thread would throw, and this code knows no exceptions).
#pragma once

#include <pthread.h>

#include <functional>
#include <memory>

#include "handle.h"
#include "result.h"

namespace trestle {

class Thread {
 public:
  // EAGAIN where a limit on processes is reached.
  static Result<Thread> Start(std::function<void()> work);
  Thread(Thread&& other) noexcept : work_(std::move(other.work_)), thread_(other.thread_) {}
  Thread& operator=(Thread&&) = delete;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  // Waits for its end.
  ~Thread();

 private:
  explicit Thread(std::function<void()> work)
      : work_(std::make_unique<std::function<void()>>(std::move(work))) {}

  std::unique_ptr<std::function<void()>> work_;  // empty in what was moved from
  pthread_t thread_ = 0;
};

// Closes it on a thread of its own that nobody waits for, or here and now where there can be none.
void CloseAside(Fd fd);

}  // namespace trestle
