#include "children.h"

#include <sys/wait.h>

#include <cerrno>
#include <csignal>

namespace trestle {
namespace {

// Waits until it has ended. With WNOWAIT it stays a zombie.
Ending EndOf(pid_t pid, int options = 0) {
  siginfo_t info{};
  while (waitid(P_PID, id_t(pid), &info, WEXITED | options) < 0 && errno == EINTR) continue;
  return {info.si_code != CLD_EXITED, info.si_status};
}

Value ToValue(const Ending& ending) {
  return Object{{ending.by_signal ? "signal" : "status", ending.number}};
}

Value ToValue(const Fault& fault) {
  return Object{{"op", fault.op},
                {"errno", ErrnoName(fault.code)},
                {"code", fault.code},
                {"message", fault.message},
                {"extack", fault.extack}};
}

}  // namespace

Child::~Child() {
  Signal(SIGKILL);
  thread_.reset();
  if (pid() != 0) EndOf(pid());
}

Result<Spawned> Child::Start(const Program& program) {
  auto thread = Thread::Start([this, &program] { Run(program); });
  if (!thread) return thread.fault();
  thread_.emplace(std::move(*thread));
  std::unique_lock guard(mutex_);
  changed_.wait(guard, [this] { return spawned_.has_value(); });
  return *spawned_;
}

void Child::Run(const Program& program) {
  const Result<Spawned> spawned = trestle::Spawn(program);
  {
    const std::lock_guard guard(mutex_);
    spawned_ = spawned;
    changed_.notify_all();
  }
  if (!spawned || spawned->pid == 0) return;
  const Ending ending = EndOf(spawned->pid, WNOWAIT);
  const std::lock_guard guard(mutex_);
  ending_ = ending;
  changed_.notify_all();
}

std::optional<Ending> Child::Wait(const std::stop_token& stop) {
  std::unique_lock guard(mutex_);
  changed_.wait(guard, stop, [this] { return ending_.has_value(); });
  return ending_;
}

bool Child::Signal(int signal) {
  const std::lock_guard guard(mutex_);
  return pid() != 0 && !ending_ && kill(pid(), signal) == 0;
}

Result<Value> Children::Spawn(const Program& program) {
  auto child = std::make_shared<Child>();
  const auto spawned = child->Start(program);
  if (!spawned) return spawned.fault();
  if (spawned->pid == 0) {
    return Value(Object{{"fault", ToValue(KernelFault("run " + program.args.front(), spawned->error))}});
  }
  const std::lock_guard guard(mutex_);
  children_.emplace(spawned->pid, std::move(child));
  return Value(Object{{"pid", spawned->pid}});
}

Result<Value> Children::Wait(pid_t pid, const std::stop_token& stop) {
  const auto child = Find(pid);
  const auto ending = child ? child->Wait(stop) : std::nullopt;
  if (!ending)
    return Fault{"wait for process " + std::to_string(pid), 0, "this is no program that was started", ""};
  const std::lock_guard guard(mutex_);
  children_.erase(pid);
  return ToValue(*ending);
}

bool Children::Signal(pid_t pid, int signal) {
  const auto child = Find(pid);
  return child && child->Signal(signal);
}

std::shared_ptr<Child> Children::Find(pid_t pid) {
  const std::lock_guard guard(mutex_);
  const auto found = children_.find(pid);
  return found == children_.end() ? nullptr : found->second;
}

}  // namespace trestle
