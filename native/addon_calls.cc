#include "addon_calls.h"

#include <optional>
#include <stop_token>
#include <utility>

namespace trestle {
namespace {

void Settle(Napi::Env env, Napi::Promise::Deferred& promise, const Result<Value>& answer) {
  if (answer) {
    promise.Resolve(ToJs(env, *answer));
  } else {
    promise.Reject(ToJs(env, answer.fault()));
  }
}

}  // namespace

struct AddonCalls::Call {
  Call(Work todo, Manner how, Then after) : work(std::move(todo)), manner(how), then(std::move(after)) {}

  Work work;
  Manner manner;
  Then then;
  std::stop_source stop;
  std::optional<Result<Value>> answer;
  std::list<Call>::iterator place;
  // The last member: it is waited for before the others go.
  std::optional<Thread> thread;
};

// Runs on the main thread once the work is done; not at all (no environment) when the process is ending.
void AddonCalls::Ring(Napi::Env env, Napi::Function /*callback*/, AddonCalls* calls, Call* call) {
  if (env != nullptr) calls->Settled(env, call);
}

AddonCalls::AddonCalls(Napi::Env env) : doorbell_(Doorbell::New(env, "trestle", 0, 1, this)) {
  doorbell_.Unref(env);
}

AddonCalls::~AddonCalls() {
  for (Call& call : calls_) call.stop.request_stop();
  workers_.reset();
  calls_.clear();
  doorbell_.Release();
}

Napi::Value AddonCalls::Start(Napi::Env env, Work work, Manner manner) {
  auto deferred = Napi::Promise::Deferred::New(env);
  Start(env, std::move(work), manner, [deferred](Napi::Env settling, const Result<Value>& answer) mutable {
    Settle(settling, deferred, answer);
  });
  return deferred.Promise();
}

void AddonCalls::Start(Napi::Env env, Work work, Manner manner, Then then) {
  Call& call = calls_.emplace_back(std::move(work), manner, std::move(then));
  call.place = std::prev(calls_.end());
  if (manner.is_waited_for && waited_for_++ == 0) doorbell_.Ref(env);
  const auto runs = Run(call);
  if (runs) return;
  call.answer = runs.fault();
  Settled(env, &call);
}

Status AddonCalls::Run(Call& call) {
  // As long as a thread may ring, the doorbell is there.
  doorbell_.Acquire();
  auto run = [&call, doorbell = doorbell_]() mutable {
    call.answer = call.work(call.stop.get_token());
    if (doorbell.BlockingCall(&call) != napi_closing) doorbell.Release();
  };
  if (!call.manner.has_own_thread) {
    auto runs = workers_->Do(run);
    if (!runs) doorbell_.Release();
    return runs;
  }
  auto thread = Thread::Start(run);
  if (!thread) {
    doorbell_.Release();
    return thread.fault();
  }
  call.thread.emplace(std::move(*thread));
  return Done{};
}

void AddonCalls::Settled(Napi::Env env, Call* call) {
  call->then(env, *call->answer);
  if (call->manner.is_waited_for && --waited_for_ == 0) doorbell_.Unref(env);
  calls_.erase(call->place);
}

void AddonCalls::Aside(const std::function<void()>& work) {
  // Where there can be no thread it is done here and now.
  if (auto runs = workers_->Do(work); !runs) work();
}

Napi::Value Promised(Napi::Env env, const Result<Value>& answer) {
  auto promise = Napi::Promise::Deferred::New(env);
  Settle(env, promise, answer);
  return promise.Promise();
}

}  // namespace trestle
