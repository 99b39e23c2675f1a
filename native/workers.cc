#include "workers.h"

#include <utility>

#include "netns.h"

namespace trestle {
namespace {

// So many wait for work at most; what more a crowd needed ends with it.
constexpr size_t kKept = 4;

}  // namespace

Workers::~Workers() {
  {
    const std::lock_guard guard(mutex_);
    is_ending_ = true;
  }
  news_.notify_all();
  workers_.clear();
}

Status Workers::Do(std::function<void()> work) {
  {
    const std::lock_guard guard(mutex_);
    if (idle_ <= waiting_.size()) return Hire(std::move(work));
    waiting_.push_back(std::move(work));
  }
  // Only now, since who is told can do nothing but wait as long as the lock is held.
  news_.notify_one();
  return Done{};
}

Status Workers::Hire(std::function<void()> work) {
  workers_.remove_if([](const Worker& worker) { return worker.has_ended.load(); });
  Worker& worker = workers_.emplace_back();
  // Handed over whole: what it captured would otherwise stay open for as long as the thread is there.
  auto thread =
      Thread::Start([this, &worker, first = std::move(work)]() mutable { Serve(worker, std::move(first)); });
  if (!thread) {
    workers_.pop_back();
    return thread.fault();
  }
  worker.thread.emplace(std::move(*thread));
  return Done{};
}

void Workers::Serve(Worker& worker, std::function<void()> work) {
  for (; work; work = Next()) {
    work();
    // What it captured may hold a namespace open.
    work = nullptr;
    // One that cannot go home is of no use for others, who begin there.
    if (!ReturnHome()) break;
  }
  worker.has_ended = true;
}

// Empty: the thread is to end.
std::function<void()> Workers::Next() {
  std::unique_lock lock(mutex_);
  if (waiting_.empty() && idle_ >= kKept) return nullptr;
  idle_++;
  news_.wait(lock, [this] { return !waiting_.empty() || is_ending_; });
  idle_--;
  if (waiting_.empty()) return nullptr;
  auto work = std::move(waiting_.front());
  waiting_.pop_front();
  return work;
}

}  // namespace trestle
