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

Thread::~Thread() {
  if (work_) pthread_join(thread_, nullptr);
}

}  // namespace trestle
