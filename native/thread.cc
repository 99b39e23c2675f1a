#include "thread.h"

namespace trestle {

Result<Thread> Thread::Start(std::function<void()> work) {
  Thread thread(std::move(work));
  auto run = [](void* argument) -> void* {
    (*static_cast<std::function<void()>*>(argument))();
    return nullptr;
  };
  const int error = pthread_create(&thread.thread_, nullptr, run, thread.work_.get());
  if (error == 0) return thread;
  thread.work_.reset();
  return KernelFault("start a thread", error);
}

void CloseAside(Fd fd) {
  auto close_it = [](void* argument) -> void* {
    const std::unique_ptr<Fd> closed(static_cast<Fd*>(argument));
    return nullptr;
  };
  auto handed = std::make_unique<Fd>(std::move(fd));
  pthread_t thread{};
  if (pthread_create(&thread, nullptr, close_it, handed.get()) != 0) return;
  pthread_detach(thread);
  // NOLINTNEXTLINE(bugprone-unused-return-value): it is the thread's now.
  static_cast<void>(handed.release());
}

Thread::~Thread() {
  if (work_) pthread_join(thread_, nullptr);
}

}  // namespace trestle
