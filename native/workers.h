// Threads for work that waits for the kernel, kept for the next when theirs is done: one that is there takes
// a fraction of the time of one that is yet to be made.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <optional>

#include "thread.h"

namespace trestle {

class Workers {
 public:
  Workers() = default;
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  Workers(Workers&&) = delete;
  Workers& operator=(Workers&&) = delete;
  // Waits until all work is done.
  ~Workers();

  // Does it at once, on a thread beside all others. Main thread only. EAGAIN where no thread can be had.
  Status Do(std::function<void()> work);

 private:
  struct Worker {
    std::optional<Thread> thread;
    std::atomic<bool> has_ended = false;
  };

  Status Hire(std::function<void()> work);
  void Serve(Worker& worker, std::function<void()> work);
  std::function<void()> Next();

  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<std::function<void()>> waiting_;
  size_t idle_ = 0;
  bool is_ending_ = false;
  std::list<Worker> workers_;
};

}  // namespace trestle
