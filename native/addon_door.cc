#include "addon_door.h"

#include <initializer_list>
#include <optional>
#include <utility>

namespace trestle {
namespace {

// The functions of a DoorHost of the contract, called from the event loop.
class Host {
 public:
  explicit Host(const Napi::Object& functions)
      : functions_(Napi::Persistent(functions)), context_(functions.Env(), "trestle door") {}

  // Empty where it threw, which ends the process as any error that nobody catches.
  Napi::Value Call(const char* name, std::initializer_list<napi_value> arguments) {
    const Napi::Env env = functions_.Env();
    const Napi::Object functions = functions_.Value();
    const auto function = functions.Get(name).As<Napi::Function>();
    const Napi::Value answer = function.MakeCallback(functions, arguments, context_);
    if (!env.IsExceptionPending()) return answer;
    napi_fatal_exception(env, env.GetAndClearPendingException().Value());
    return {};
  }

  Napi::Env Env() { return functions_.Env(); }

 private:
  Napi::ObjectReference functions_;
  Napi::AsyncContext context_;
};

napi_value Visitor(const std::shared_ptr<Host>& host, int visitor) {
  return Napi::Number::New(host->Env(), visitor);
}

napi_value Text(const std::shared_ptr<Host>& host, std::string_view text) {
  return Napi::String::New(host->Env(), text.data(), text.size());
}

Judgement JudgementOf(const Napi::Value& said) {
  if (said.IsUndefined()) return {};
  if (said.IsString()) return {.verdict = Verdict::kDecline, .reason = said.As<Napi::String>()};
  return {.verdict = Verdict::kDismiss, .reason = ""};
}

DoorHost HostOf(const std::shared_ptr<Host>& host) {
  return {
      .judge =
          [host](int visitor, std::string_view request) {
            const Napi::HandleScope scope(host->Env());
            const auto bytes = Napi::Buffer<char>::Copy(host->Env(), request.data(), request.size());
            return JudgementOf(host->Call("judge", {Visitor(host, visitor), bytes}));
          },
      .go =
          [host](int visitor) {
            const Napi::HandleScope scope(host->Env());
            host->Call("go", {Visitor(host, visitor)});
          },
      .gone =
          [host](int visitor) {
            const Napi::HandleScope scope(host->Env());
            host->Call("gone", {Visitor(host, visitor)});
          },
      .status =
          [host](int visitor, std::string_view what) {
            const Napi::HandleScope scope(host->Env());
            host->Call("status", {Visitor(host, visitor), Text(host, what)});
          },
      .refused =
          [host](const std::string& complaint) {
            const Napi::HandleScope scope(host->Env());
            host->Call("refused", {Text(host, complaint)});
          },
  };
}

void Throw(Napi::Env env, const Fault& fault) {
  Napi::Error(env, ToJs(env, fault)).ThrowAsJavaScriptException();
}

// Why the functions of the contract are not all there; empty where they are.
std::string Missing(const Napi::Value& host) {
  if (!host.IsObject()) return "host must be an object";
  for (const char* name : {"judge", "go", "gone", "status", "refused"}) {
    if (!host.As<Napi::Object>().Get(name).IsFunction())
      return std::string("host.") + name + " must be a function";
  }
  return "";
}

Result<DoorPlace> PlaceOf(const Napi::Value& argument) {
  const auto plain = FromJs(argument);
  if (!plain) return plain.fault();
  std::optional<Fault> problem;
  DoorPlace place = ParseDoorPlace(Fields(&*plain, "place", problem));
  if (problem) return *problem;
  return place;
}

// -1, which is nobody, for anything else.
int VisitorOf(const Napi::Value& value) {
  return value.IsNumber() ? value.As<Napi::Number>().Int32Value() : -1;
}

std::string TextOf(const Napi::Value& value) {
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
}

}  // namespace

void AddonDoor::Open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (door_) return Throw(env, {"open a door", 0, "there is one already", ""});
  const auto place = PlaceOf(info[0]);
  if (!place) return Throw(env, place.fault());
  if (const std::string missing = Missing(info[1]); !missing.empty())
    return Throw(env, {"read the arguments", 0, missing, ""});
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok)
    return Throw(env, {"open a door", 0, "there is no event loop", ""});
  auto door = Door::Open(loop, *place, HostOf(std::make_shared<Host>(info[1].As<Napi::Object>())));
  if (!door) return Throw(env, door.fault());
  door_ = std::move(*door);
}

void AddonDoor::Close() {
  if (door_) door_->Close();
}

void AddonDoor::Answer(const Napi::CallbackInfo& info) {
  const auto status = uint8_t(VisitorOf(info[1]));
  if (door_) door_->Answer(VisitorOf(info[0]), status, TextOf(info[2]), TextOf(info[3]));
}

void AddonDoor::Report(const Napi::CallbackInfo& info) {
  if (door_) door_->Report(VisitorOf(info[0]), TextOf(info[1]));
}

Napi::Value AddonDoor::HasLeft(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), !door_ || door_->HasLeft(VisitorOf(info[0])));
}

void AddonDoor::Dismiss(const Napi::CallbackInfo& info) {
  if (door_) door_->Dismiss(VisitorOf(info[0]));
}

}  // namespace trestle
