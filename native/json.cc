#include "json.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <utility>
#include <vector>

// An exception would end the process: what is wrong is told to the builder.
#define JSON_NOEXCEPTION 1
#include <nlohmann/json.hpp>

namespace trestle {
namespace {

using Json = nlohmann::json;

// Far above what a request needs, and low enough for a reader of the Value that calls itself.
constexpr size_t kMaxDepth = 16;

// Is told what a JSON text consists of, and makes a Value of it.
class Builder : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return Put({}); }
  bool boolean(bool value) override { return Put(value); }
  bool number_integer(number_integer_t value) override { return Put(double(value)); }
  bool number_unsigned(number_unsigned_t value) override { return Put(double(value)); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return Put(value); }
  bool string(string_t& value) override { return Put(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(size_t /*size*/) override { return Open(Object()); }
  bool key(string_t& name) override {
    open_.back().key = std::move(name);
    return true;
  }
  bool end_object() override { return Close(); }
  bool start_array(size_t /*size*/) override { return Open(Array()); }
  bool end_array() override { return Close(); }
  bool parse_error(size_t /*at*/, const std::string& /*token*/, const Json::exception& error) override {
    return Refuse(error.what());
  }

  // The whole, once everything has been told.
  Value Take() { return std::move(whole_); }
  // Why there is none, if so.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  // An array or object that has not ended, and the key of the member that comes next.
  struct Container {
    Value value;
    std::string key;
  };

  bool Refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  bool Put(Value value) {
    if (open_.empty()) {
      whole_ = std::move(value);
      return true;
    }
    auto& [container, key] = open_.back();
    if (auto* array = container.As<Array>()) {
      array->push_back(std::move(value));
    } else if (auto* object = container.As<Object>()) {
      object->emplace_back(std::move(key), std::move(value));
    }
    return true;
  }

  bool Open(Value container) {
    if (open_.size() > kMaxDepth) return Refuse("it is nested too deeply");
    open_.push_back({std::move(container), {}});
    return true;
  }

  bool Close() {
    Value closed = std::move(open_.back().value);
    open_.pop_back();
    return Put(std::move(closed));
  }

  std::vector<Container> open_;
  Value whole_;
  std::string problem_;
};

void Write(std::string& to, const std::string& text) {
  to += '"';
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') {
      to += '\\';
      to += letter;
    } else if (uint8_t(letter) < 0x20) {
      std::array<char, 8> escaped{};
      snprintf(escaped.data(), escaped.size(), "\\u%04x", letter);
      to += escaped.data();
    } else {
      to += letter;
    }
  }
  to += '"';
}

void Write(std::string& to, double number) {
  std::array<char, 32> text{};
  // As JavaScript has them, whole numbers are exact up to here.
  constexpr double max_whole = 9007199254740992;
  const bool is_whole = number >= -max_whole && number <= max_whole && number == double(int64_t(number));
  const auto end = is_whole ? std::to_chars(text.begin(), text.end(), int64_t(number))
                            : std::to_chars(text.begin(), text.end(), number);
  to.append(text.data(), end.ptr);
}

void Write(std::string& to, const Value& value);

void Write(std::string& to, const Array& array) {
  to += '[';
  for (const Value& element : array) {
    if (&element != array.data()) to += ',';
    Write(to, element);
  }
  to += ']';
}

void Write(std::string& to, const Object& object) {
  to += '{';
  for (const auto& [name, value] : object) {
    if (to.back() != '{') to += ',';
    Write(to, name);
    to += ':';
    Write(to, value);
  }
  to += '}';
}

void Write(std::string& to, const Value& value) {
  if (const auto* flag = value.As<bool>()) {
    to += *flag ? "true" : "false";
  } else if (const auto* number = value.As<double>()) {
    Write(to, *number);
  } else if (const auto* text = value.As<std::string>()) {
    Write(to, *text);
  } else if (const auto* array = value.As<Array>()) {
    Write(to, *array);
  } else if (const auto* object = value.As<Object>()) {
    Write(to, *object);
  } else {
    to += "null";
  }
}

}  // namespace

Result<Value> FromJson(const std::string& text) {
  Builder builder;
  if (!Json::sax_parse(text, &builder)) return Fault{"read JSON", 0, builder.problem(), ""};
  return builder.Take();
}

std::string ToJson(const Value& value) {
  std::string text;
  Write(text, value);
  return text;
}

}  // namespace trestle
