#include "plain_data.h"

#include <array>
#include <string>

namespace trestle {
namespace {

// Far above what a request needs, and low enough for cyclic and monstrous input to end soon.
constexpr int kMaxDepth = 16;
constexpr int kMaxValues = 1'000'000;
// What the kernel takes for an argument of a program (MAX_ARG_STRLEN).
constexpr size_t kMaxText = 128 * size_t{1024};

class Copier {
 public:
  explicit Copier(Napi::Env env) : env_(env) {}

  Value Copy(const Napi::Value& value, int depth) {
    if (problem_ != nullptr || env_.IsExceptionPending()) return {};
    if (depth > kMaxDepth || ++values_ > kMaxValues) return Refuse("they are nested too deeply or too many");
    switch (value.Type()) {
      case napi_undefined:
      case napi_null:
        return {};
      case napi_boolean:
        return value.As<Napi::Boolean>().Value();
      case napi_number:
        return value.As<Napi::Number>().DoubleValue();
      case napi_string:
        return CopyText(value);
      case napi_object:
        return CopyObject(value, depth);
      default:
        return Refuse("a function, symbol, bigint or the like is no plain data");
    }
  }

  // Why the copy is void, if it is.
  const char* problem() {
    if (!env_.IsExceptionPending()) return problem_;
    env_.GetAndClearPendingException();
    return "a getter or a proxy among them threw";
  }

 private:
  Value Refuse(const char* problem) {
    problem_ = problem;
    return {};
  }

  Value CopyText(const Napi::Value& value) {
    // Nearly every text is short, and is had at once.
    std::array<char, 256> brief;
    size_t size = 0;
    napi_get_value_string_utf8(env_, value, brief.data(), brief.size(), &size);
    // One that was cut off may lack up to three bytes of its last character as well.
    if (size + 4 < brief.size()) return std::string(brief.data(), size);
    napi_get_value_string_utf8(env_, value, nullptr, 0, &size);
    if (size > kMaxText) return Refuse("a string is longer than 128 KiB");
    return value.As<Napi::String>().Utf8Value();
  }

  Value CopyObject(const Napi::Value& value, int depth) {
    if (value.IsArray()) return CopyArray(value.As<Napi::Array>(), depth);
    if (value.IsTypedArray() || value.IsArrayBuffer() || value.IsDataView()) {
      return Refuse("a buffer is no plain data");
    }
    const Napi::Array names = OwnNames(value);
    if (env_.IsExceptionPending()) return {};
    Object object;
    object.reserve(names.Length());
    for (uint32_t i = 0; i < names.Length() && problem_ == nullptr && !env_.IsExceptionPending(); i++) {
      const Napi::HandleScope scope(env_);
      const Napi::Value name = names.Get(i);
      Value key = Copy(name, depth + 1);
      const Napi::Value member = value.As<Napi::Object>().Get(name);
      if (env_.IsExceptionPending()) return {};
      if (const auto* text = key.As<std::string>()) object.emplace_back(*text, Copy(member, depth + 1));
    }
    return object;
  }

  Napi::Array OwnNames(const Napi::Value& object) {
    napi_value names = nullptr;
    constexpr auto filter = napi_key_filter(napi_key_enumerable | napi_key_skip_symbols);
    const napi_status status = napi_get_all_property_names(env_, object, napi_key_own_only, filter,
                                                           napi_key_numbers_to_strings, &names);
    if (status != napi_ok) return Napi::Array::New(env_);
    return {env_, names};
  }

  Value CopyArray(const Napi::Array& list, int depth) {
    Array array;
    for (uint32_t i = 0; i < list.Length() && problem_ == nullptr; i++) {
      const Napi::HandleScope scope(env_);
      const Napi::Value element = list.Get(i);
      if (env_.IsExceptionPending()) return {};
      array.push_back(Copy(element, depth + 1));
    }
    return array;
  }

  Napi::Env env_;
  const char* problem_ = nullptr;
  int values_ = 0;
};

Fault Unreadable(const char* problem) {
  return {"read the arguments", 0, std::string("the arguments cannot be copied: ") + problem, ""};
}

}  // namespace

Result<Value> FromJs(const Napi::CallbackInfo& info) {
  Copier copier(info.Env());
  Array arguments;
  for (size_t i = 0; i < info.Length(); i++) arguments.push_back(copier.Copy(info[i], 0));
  if (const char* problem = copier.problem()) return Unreadable(problem);
  return Value(std::move(arguments));
}

Result<Value> FromJs(const Napi::Value& value) {
  Copier copier(value.Env());
  Value copy = copier.Copy(value, 0);
  if (const char* problem = copier.problem()) return Unreadable(problem);
  return copy;
}

Napi::Value ToJs(Napi::Env env, const Value& value) {
  if (const auto* flag = value.As<bool>()) return Napi::Boolean::New(env, *flag);
  if (const auto* number = value.As<double>()) return Napi::Number::New(env, *number);
  if (const auto* text = value.As<std::string>()) return Napi::String::New(env, *text);
  if (const auto* array = value.As<Array>()) {
    auto list = Napi::Array::New(env, array->size());
    for (uint32_t i = 0; i < array->size(); i++) list.Set(i, ToJs(env, (*array)[i]));
    return list;
  }
  if (const auto* object = value.As<Object>()) {
    auto result = Napi::Object::New(env);
    for (const auto& [name, member] : *object) result.Set(name, ToJs(env, member));
    return result;
  }
  return env.Null();
}

Napi::Value ToJs(Napi::Env env, const Fault& fault) {
  auto error = Napi::Error::New(env, fault.message).Value();
  error.Set("op", fault.op);
  error.Set("errno", ErrnoName(fault.code));
  error.Set("code", fault.code);
  error.Set("extack", fault.extack);
  return error;
}

}  // namespace trestle
