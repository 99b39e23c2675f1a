// The calls that are under way, and the way back of their answers.
#pragma once

#include <list>
#include <memory>

#include "calls.h"
#include "plain_data.h"
#include "workers.h"

namespace trestle {

// Main thread only.
class AddonCalls {
 public:
  struct Manner {
    // Work that changes the thread it is done on, or ends with it, needs one of its own.
    bool has_own_thread = false;
    // Whether the event loop goes on until the answer has come.
    bool is_waited_for = true;
  };

  explicit AddonCalls(Napi::Env env);
  AddonCalls(const AddonCalls&) = delete;
  AddonCalls& operator=(const AddonCalls&) = delete;
  AddonCalls(AddonCalls&&) = delete;
  AddonCalls& operator=(AddonCalls&&) = delete;
  // Tells all work to stop, and waits for it.
  ~AddonCalls();

  using Then = std::function<void(Napi::Env env, const Result<Value>& answer)>;

  // A promise of what the work answers.
  Napi::Value Start(Napi::Env env, Work work, Manner manner);
  // Calls `then` with that, on the main thread.
  void Start(Napi::Env env, Work work, Manner manner, Then then);
  // Does something of which nobody wants to know what became of it.
  void Aside(const std::function<void()>& work);

 private:
  struct Call;
  static void Ring(Napi::Env env, Napi::Function callback, AddonCalls* calls, Call* call);
  using Doorbell = Napi::TypedThreadSafeFunction<AddonCalls, Call, Ring>;

  Status Run(Call& call);
  void Settled(Napi::Env env, Call* call);

  Doorbell doorbell_;
  std::unique_ptr<Workers> workers_ = std::make_unique<Workers>();
  std::list<Call> calls_;
  size_t waited_for_ = 0;
};

// A promise that is kept, or broken, already.
Napi::Value Promised(Napi::Env env, const Result<Value>& answer);

}  // namespace trestle
