#include "addon_door_host.h"

namespace trestle {

std::string AddonDoorHost::Missing(const Napi::Value& functions) {
  if (!functions.IsObject()) return "host must be an object";
  for (const char* name : {"judge", "go", "gone", "status", "refused", "done"}) {
    if (!functions.As<Napi::Object>().Get(name).IsFunction())
      return std::string("host.") + name + " must be a function";
  }
  return "";
}

// Empty where it threw, which ends the process as any error that nobody catches.
Napi::Value AddonDoorHost::Call(const char* name, std::initializer_list<napi_value> arguments) {
  const Napi::Env env = Env();
  const Napi::Object functions = functions_.Value();
  const auto function = functions.Get(name).As<Napi::Function>();
  const Napi::Value answer = function.MakeCallback(functions, arguments, context_);
  if (!env.IsExceptionPending()) return answer;
  napi_fatal_exception(env, env.GetAndClearPendingException().Value());
  return {};
}

Judgement AddonDoorHost::Judge(int visitor, std::string_view request, bool is_claimed) {
  const Napi::HandleScope scope(Env());
  const Napi::Value said =
      Call("judge", {Number(visitor), Bytes(request), Napi::Boolean::New(Env(), is_claimed)});
  if (said.IsUndefined()) return {};
  if (said.IsString()) return {.verdict = Verdict::kDecline, .reason = said.As<Napi::String>()};
  return {.verdict = Verdict::kDismiss, .reason = ""};
}

void AddonDoorHost::Go(int visitor, std::string_view given_up) {
  const Napi::HandleScope scope(Env());
  Call("go", {Number(visitor), Text(given_up)});
}

void AddonDoorHost::Gone(int visitor) {
  const Napi::HandleScope scope(Env());
  Call("gone", {Number(visitor)});
}

void AddonDoorHost::Status(int visitor, std::string_view what) {
  const Napi::HandleScope scope(Env());
  Call("status", {Number(visitor), Text(what)});
}

void AddonDoorHost::Refused(const std::string& complaint) {
  const Napi::HandleScope scope(Env());
  Call("refused", {Text(complaint)});
}

void AddonDoorHost::Done(std::string_view request, size_t steps, double seconds) {
  const Napi::HandleScope scope(Env());
  Call("done", {Bytes(request), Number(double(steps)), Number(seconds)});
}

}  // namespace trestle
