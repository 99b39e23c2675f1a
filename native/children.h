// The programs that were started and not waited for yet.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

#include "result.h"
#include "spawn.h"
#include "thread.h"
#include "value.h"

namespace trestle {

// How a program ended: by itself with an exit status, or by a signal.
struct Ending {
  bool by_signal = false;
  int number = 0;
};

// A program and the thread that started it, which stays until it has ended. Its process ID is not given to
// another process as long as this lives.
class Child {
 public:
  Child() = default;
  Child(Child&&) = delete;
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  // Kills the program if it still runs, and waits for its end.
  ~Child();

  // To be called once. Waits until the program runs, or cannot.
  Result<Spawned> Start(const Program& program);
  // Nothing when `stop` was requested before.
  std::optional<Ending> Wait(const std::stop_token& stop);
  // False: it has ended.
  bool Signal(int signal);

 private:
  void Run(const Program& program);
  // 0 if it never ran. Under the lock.
  [[nodiscard]] pid_t pid() const { return spawned_ && *spawned_ ? (*spawned_)->pid : 0; }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Result<Spawned>> spawned_;
  std::optional<Ending> ending_;
  std::optional<Thread> thread_;
};

// By process ID. May be used by several threads.
class Children {
 public:
  // The contract's `Spawned`.
  Result<Value> Spawn(const Program& program);
  // The contract's `Ending`. A program can be waited for once.
  Result<Value> Wait(pid_t pid, const std::stop_token& stop);
  // False: it has ended, or there is no such program.
  bool Signal(pid_t pid, int signal);

 private:
  std::shared_ptr<Child> Find(pid_t pid);

  std::mutex mutex_;
  std::map<pid_t, std::shared_ptr<Child>> children_;
};

}  // namespace trestle
