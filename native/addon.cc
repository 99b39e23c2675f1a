// What JavaScript sees: the functions of `Native` in lib/kernel/contract.ts. What may wait runs on threads of
// our own, neither libuv's nor the main one, because it changes its network namespace.
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "addon_calls.h"
#include "addon_door.h"
#include "addon_replays.h"
#include "calls.h"
#include "children.h"
#include "locks.h"
#include "netns.h"
#include "plain_data.h"
#include "sysctl.h"
#include "visits.h"

namespace trestle {
namespace {

// -1 for anything else.
int WholeNumber(const Napi::Value& value) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  return number >= 0 && number <= INT32_MAX && number == int(number) ? int(number) : -1;
}

class Addon : public Napi::Addon<Addon> {
 public:
  Addon(Napi::Env env, Napi::Object exports) : calls_(env) {
    RememberHome();
    OpenHomeFolders();
    DefineAddon(exports, {InstanceMethod("observe", &Addon::Observe, kAttributes),
                          InstanceMethod("apply", &Addon::Apply, kAttributes),
                          InstanceMethod("visit", &Addon::Visit, kAttributes),
                          InstanceMethod("leave", &Addon::Leave, kAttributes),
                          InstanceMethod("lock", &Addon::Lock, kAttributes),
                          InstanceMethod("tryLock", &Addon::TryLock, kAttributes),
                          InstanceMethod("unlock", &Addon::Unlock, kAttributes),
                          InstanceMethod("makeNetns", &Addon::MakeNetns, kAttributes),
                          InstanceMethod("removeNetns", &Addon::RemoveNetns, kAttributes),
                          InstanceMethod("spawn", &Addon::Spawn, kAttributes),
                          InstanceMethod("wait", &Addon::Wait, kAttributes),
                          InstanceMethod("signal", &Addon::Signal, kAttributes),
                          InstanceMethod("watch", &Addon::Watch, kAttributes),
                          InstanceMethod("linkGone", &Addon::LinkGone, kAttributes),
                          InstanceMethod("notify", &Addon::Notify, kAttributes),
                          InstanceMethod("openDoor", &Addon::OpenDoor, kAttributes),
                          InstanceMethod("closeDoor", &Addon::CloseDoor, kAttributes),
                          InstanceMethod("hasLeft", &Addon::HasLeft, kAttributes),
                          InstanceMethod("answer", &Addon::Answer, kAttributes),
                          InstanceMethod("report", &Addon::Report, kAttributes),
                          InstanceMethod("dismiss", &Addon::Dismiss, kAttributes),
                          InstanceMethod("setRecipe", &Addon::SetRecipe, kAttributes),
                          InstanceMethod("forgetRecipes", &Addon::ForgetRecipes, kAttributes),
                          InstanceMethod("replaying", &Addon::Replaying, kAttributes)});
  }

 private:
  static constexpr napi_property_attributes kAttributes = napi_enumerable;

  static constexpr AddonCalls::Manner kOnOwnThread{.has_own_thread = true, .is_waited_for = true};
  static constexpr AddonCalls::Manner kUnawaited{.has_own_thread = false, .is_waited_for = false};

  Napi::Value Run(Napi::Env env, Result<Work> work, AddonCalls::Manner manner = {}) {
    return work ? calls_.Start(env, std::move(*work), manner) : Promised(env, work.fault());
  }

  template <class Parse>
  Napi::Value Run(const Napi::CallbackInfo& info, Parse parse, AddonCalls::Manner manner = {}) {
    const auto arguments = FromJs(info);
    if (!arguments) return Promised(info.Env(), arguments.fault());
    return Run(info.Env(), parse(*arguments->template As<Array>()), manner);
  }

  static std::string TextOf(const Napi::Value& value) {
    return value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
  }

  static std::optional<std::string> PathOf(const Napi::Value& value) {
    std::string path = TextOf(value);
    return path.empty() ? std::nullopt : std::optional(std::move(path));
  }

  Napi::Value Observe(const Napi::CallbackInfo& info) {
    return Run(info.Env(), ParseObserve(TextOf(info[0]), visits_));
  }
  Napi::Value Apply(const Napi::CallbackInfo& info) {
    return Run(info.Env(), ParseApply(TextOf(info[0]), visits_));
  }

  // visit(host or "", pod or ""): the number of the visit, below 0 where the pod's namespace is the host's.
  Napi::Value Visit(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const auto number = visits_.Pay({PathOf(info[0]), PathOf(info[1])});
    if (number) return Napi::Number::New(env, *number);
    Napi::Error(env, ToJs(env, number.fault())).ThrowAsJavaScriptException();
    return env.Null();
  }
  // To close what was open takes some time, for which nobody is to wait.
  void Leave(const Napi::CallbackInfo& info) {
    if (auto visit = visits_.End(WholeNumber(info[0]))) calls_.Aside([left = std::move(visit)] {});
  }

  // A lock that nobody holds is taken at once: a thread costs more than to try.
  Napi::Value Lock(const Napi::CallbackInfo& info) {
    const auto arguments = FromJs(info);
    if (!arguments) return Promised(info.Env(), arguments.fault());
    auto request = ParseLock(*arguments->As<Array>());
    if (!request) return Promised(info.Env(), request.fault());
    LockRequest once = *request;
    once.timeout = {};
    const auto taken = trestle::Lock(once, locks_)({});
    const bool waits = taken && taken->IsNull() && request->timeout > once.timeout;
    return waits ? Run(info.Env(), trestle::Lock(*request, locks_)) : Promised(info.Env(), taken);
  }

  // tryLock(path, offset or -1 for all of it, shared)
  Napi::Value TryLock(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const double offset = info[1].IsNumber() ? info[1].As<Napi::Number>().DoubleValue() : -1;
    LockRequest request{.path = TextOf(info[0]), .timeout = {}, .offset = {}, .shared = info[2].ToBoolean()};
    if (offset >= 0) request.offset = uint64_t(offset);
    const auto taken = locks_->Take(request, {});
    if (!taken) {
      Napi::Error(env, ToJs(env, taken.fault())).ThrowAsJavaScriptException();
      return env.Null();
    }
    return *taken ? Napi::Number::New(env, **taken) : env.Null();
  }

  Napi::Value MakeNetns(const Napi::CallbackInfo& info) { return Run(info, ParseMakeNetns, kOnOwnThread); }
  Napi::Value RemoveNetns(const Napi::CallbackInfo& info) {
    return Run(info, ParseRemoveNetns, kOnOwnThread);
  }
  Napi::Value Spawn(const Napi::CallbackInfo& info) {
    auto parse = [this](const Array& arguments) { return ParseSpawn(arguments, children_); };
    return Run(info, parse, kOnOwnThread);
  }
  Napi::Value Wait(const Napi::CallbackInfo& info) {
    return Run(info, [this](const Array& arguments) { return ParseWait(arguments, children_); });
  }

  Napi::Value Watch(const Napi::CallbackInfo& info) { return Run(info, ParseWatch, kUnawaited); }
  Napi::Value LinkGone(const Napi::CallbackInfo& info) { return Run(info, ParseLinkGone, kUnawaited); }
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

  void OpenDoor(const Napi::CallbackInfo& info) { door_.Open(info); }
  void CloseDoor(const Napi::CallbackInfo& /*info*/) { door_.Close(); }
  void Answer(const Napi::CallbackInfo& info) { door_.Answer(info); }
  void Report(const Napi::CallbackInfo& info) { door_.Report(info); }
  Napi::Value HasLeft(const Napi::CallbackInfo& info) { return door_.HasLeft(info); }
  void Dismiss(const Napi::CallbackInfo& info) { door_.Dismiss(info); }

  void SetRecipe(const Napi::CallbackInfo& info) {
    const auto set = replays_.SetRecipe(TextOf(info[0]));
    if (!set) Napi::Error(info.Env(), ToJs(info.Env(), set.fault())).ThrowAsJavaScriptException();
  }
  void ForgetRecipes(const Napi::CallbackInfo& /*info*/) { replays_.ForgetRecipes(); }
  Napi::Value Replaying(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), double(replays_.Count()));
  }

  Visits visits_;
  // Shared with the threads that take locks.
  std::shared_ptr<Locks> locks_ = std::make_shared<Locks>();
  // Killed, if they still run, when the environment ends.
  std::shared_ptr<Children> children_ = std::make_shared<Children>();
  AddonReplays replays_{calls_, locks_};
  AddonDoor door_{replays_};
  // The last member: what works uses the others.
  AddonCalls calls_;
};

}  // namespace

NODE_API_ADDON(Addon)

}  // namespace trestle
