// The functions of a DoorHost of the contract (lib/kernel/door.ts), called from the event loop.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "door.h"
#include "plain_data.h"

namespace trestle {

class AddonDoorHost {
 public:
  explicit AddonDoorHost(const Napi::Object& functions)
      : functions_(Napi::Persistent(functions)), context_(functions.Env(), "trestle door") {}

  // Which of the functions is missing, in words; empty where they are all there.
  static std::string Missing(const Napi::Value& functions);

  // `is_claimed`: it was, by a recipe.
  Judgement Judge(int visitor, std::string_view request, bool is_claimed);
  // `given_up`: over what a recipe was, that was tried before; "" where none was.
  void Go(int visitor, std::string_view given_up);
  void Gone(int visitor);
  void Status(int visitor, std::string_view what);
  void Refused(const std::string& complaint);
  // It was done by a recipe, with so many steps.
  void Done(std::string_view request, size_t steps, double seconds);

  Napi::Env Env() { return functions_.Env(); }

 private:
  Napi::Value Call(const char* name, std::initializer_list<napi_value> arguments);
  napi_value Number(double number) { return Napi::Number::New(Env(), number); }
  napi_value Text(std::string_view text) { return Napi::String::New(Env(), text.data(), text.size()); }
  napi_value Bytes(std::string_view bytes) {
    return Napi::Buffer<char>::Copy(Env(), bytes.data(), bytes.size());
  }

  Napi::ObjectReference functions_;
  Napi::AsyncContext context_;
};

}  // namespace trestle
