// What JavaScript sees: the functions of `Native` in lib/kernel/contract.ts. Every one that may wait runs on
// a thread of its own, neither libuv's nor the main one, because it changes its network namespace.
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "calls.h"
#include "children.h"
#include "locks.h"
#include "plain_data.h"
#include "thread.h"

namespace trestle {
namespace {

// A call that is under way. It lives until its thread has ended; at the end of the environment too.
struct Call {
  explicit Call(Napi::Env env, Work todo)
      : promise(Napi::Promise::Deferred::New(env)), work(std::move(todo)) {}
  ~Call() { stop.request_stop(); }  // then `thread`, the last member, is waited for
  Call(Call&&) = delete;
  Call& operator=(Call&&) = delete;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  Napi::Promise::Deferred promise;
  Work work;
  std::stop_source stop;
  std::optional<Result<Value>> answer;
  std::optional<Thread> thread;
};

void Settle(Napi::Env env, Napi::Promise::Deferred& promise, const Result<Value>& answer) {
  if (answer) {
    promise.Resolve(ToJs(env, *answer));
  } else {
    promise.Reject(ToJs(env, answer.fault()));
  }
}

// Runs on the main thread once the work is done; not at all (no environment) when the process is ending.
void OnDone(Napi::Env env, Napi::Function /*callback*/, Call* call, void* /*data*/) {
  if (env != nullptr) Settle(env, call->promise, *call->answer);
}

using Doorbell = Napi::TypedThreadSafeFunction<Call, void, OnDone>;

void Finalize(Napi::Env /*env*/, void* /*data*/, Call* call) {
  const std::unique_ptr<Call> owner(call);
}

// Whether the event loop goes on until an answer has come.
enum class Loop { kWaits, kMayEnd };

// Starts the work; the doorbell is what keeps the event loop alive until it has rung.
Napi::Value Start(Napi::Env env, Work work, Loop loop = Loop::kWaits) {
  auto owner = std::make_unique<Call>(env, std::move(work));
  Call* call = owner.get();
  const Napi::Promise promise = call->promise.Promise();
  auto doorbell = Doorbell::New(env, "trestle", 0, 1, owner.release(), Finalize, static_cast<void*>(nullptr));
  if (loop == Loop::kMayEnd) doorbell.Unref(env);
  auto thread = Thread::Start([call, doorbell]() mutable {
    call->answer = call->work(call->stop.get_token());
    if (doorbell.BlockingCall() != napi_closing) doorbell.Release();
  });
  if (thread) {
    call->thread.emplace(std::move(*thread));
  } else {
    Settle(env, call->promise, thread.fault());
    doorbell.Release();
  }
  return promise;
}

Napi::Value Settled(Napi::Env env, const Result<Value>& answer) {
  auto promise = Napi::Promise::Deferred::New(env);
  Settle(env, promise, answer);
  return promise.Promise();
}

Napi::Value Refuse(Napi::Env env, const Fault& fault) {
  return Settled(env, fault);
}

// -1 for anything else.
int WholeNumber(const Napi::Value& value) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  return number >= 0 && number <= INT32_MAX && number == int(number) ? int(number) : -1;
}

class Addon : public Napi::Addon<Addon> {
 public:
  Addon(Napi::Env /*env*/, Napi::Object exports) {
    DefineAddon(exports, {InstanceMethod("observe", &Addon::Observe, kAttributes),
                          InstanceMethod("apply", &Addon::Apply, kAttributes),
                          InstanceMethod("lock", &Addon::Lock, kAttributes),
                          InstanceMethod("unlock", &Addon::Unlock, kAttributes),
                          InstanceMethod("makeNetns", &Addon::MakeNetns, kAttributes),
                          InstanceMethod("removeNetns", &Addon::RemoveNetns, kAttributes),
                          InstanceMethod("spawn", &Addon::Spawn, kAttributes),
                          InstanceMethod("wait", &Addon::Wait, kAttributes),
                          InstanceMethod("signal", &Addon::Signal, kAttributes),
                          InstanceMethod("watch", &Addon::Watch, kAttributes),
                          InstanceMethod("linkGone", &Addon::LinkGone, kAttributes),
                          InstanceMethod("notify", &Addon::Notify, kAttributes)});
  }

 private:
  static constexpr napi_property_attributes kAttributes = napi_enumerable;

  template <class Parse>
  Napi::Value Run(const Napi::CallbackInfo& info, Parse parse, Loop loop = Loop::kWaits) {
    const auto arguments = FromJs(info);
    if (!arguments) return Refuse(info.Env(), arguments.fault());
    auto work = parse(*arguments->template As<Array>());
    if (!work) return Refuse(info.Env(), work.fault());
    return Start(info.Env(), std::move(*work), loop);
  }

  Napi::Value Observe(const Napi::CallbackInfo& info) { return Run(info, ParseObserve); }
  Napi::Value Apply(const Napi::CallbackInfo& info) { return Run(info, ParseApply); }
  // A lock that nobody holds is taken at once: a thread costs more than to try.
  Napi::Value Lock(const Napi::CallbackInfo& info) {
    const auto arguments = FromJs(info);
    if (!arguments) return Refuse(info.Env(), arguments.fault());
    auto request = ParseLock(*arguments->As<Array>());
    if (!request) return Refuse(info.Env(), request.fault());
    LockRequest once = *request;
    once.timeout = {};
    const auto taken = trestle::Lock(once, locks_)({});
    const bool waits = taken && taken->IsNull() && request->timeout > once.timeout;
    return waits ? Start(info.Env(), trestle::Lock(*request, locks_)) : Settled(info.Env(), taken);
  }

  Napi::Value MakeNetns(const Napi::CallbackInfo& info) { return Run(info, ParseMakeNetns); }
  Napi::Value RemoveNetns(const Napi::CallbackInfo& info) { return Run(info, ParseRemoveNetns); }
  Napi::Value Spawn(const Napi::CallbackInfo& info) {
    return Run(info, [this](const Array& arguments) { return ParseSpawn(arguments, children_); });
  }
  Napi::Value Wait(const Napi::CallbackInfo& info) {
    return Run(info, [this](const Array& arguments) { return ParseWait(arguments, children_); });
  }

  Napi::Value Watch(const Napi::CallbackInfo& info) { return Run(info, ParseWatch, Loop::kMayEnd); }
  Napi::Value LinkGone(const Napi::CallbackInfo& info) { return Run(info, ParseLinkGone, Loop::kMayEnd); }
  Napi::Value Notify(const Napi::CallbackInfo& info) { return Run(info, ParseNotify); }

  Napi::Value Signal(const Napi::CallbackInfo& info) {
    const bool sent = children_->Signal(WholeNumber(info[0]), WholeNumber(info[1]));
    return Napi::Boolean::New(info.Env(), sent);
  }

  void Unlock(const Napi::CallbackInfo& info) {
    if (locks_->Release(WholeNumber(info[0]))) return;
    const Fault fault{"unlock", 0, "this is no lock that is held", ""};
    Napi::Error(info.Env(), ToJs(info.Env(), fault)).ThrowAsJavaScriptException();
  }

  // Shared with the threads that take locks.
  std::shared_ptr<Locks> locks_ = std::make_shared<Locks>();
  // Killed, if they still run, when the environment ends.
  std::shared_ptr<Children> children_ = std::make_shared<Children>();
};

}  // namespace

NODE_API_ADDON(Addon)

}  // namespace trestle
