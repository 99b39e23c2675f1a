// Plain data, as JSON has it: what crosses the boundary between JavaScript and the threads of the core.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace trestle {

class Value;
using Array = std::vector<Value>;
using Member = std::pair<std::string, Value>;
using Object = std::vector<Member>;

class Value {
 public:
  Value() = default;
  // One constructor per kind: without them an int would become a bool and a literal too.
  Value(bool value) : data_(value) {}
  Value(double value) : data_(value) {}
  Value(int value) : data_(double(value)) {}
  Value(unsigned value) : data_(double(value)) {}
  Value(unsigned long value) : data_(double(value)) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(const char* value) : data_(std::string(value)) {}
  Value(Array value) : data_(std::move(value)) {}
  Value(Object value) : data_(std::move(value)) {}
  template <class T>
  Value(const std::optional<T>& value) {
    if (value) *this = Value(*value);
  }

  [[nodiscard]] bool IsNull() const { return std::holds_alternative<std::monostate>(data_); }
  // The value as a T, nullptr when it is of another kind.
  template <class T>
  [[nodiscard]] const T* As() const {
    return std::get_if<T>(&data_);
  }
  template <class T>
  [[nodiscard]] T* As() {
    return std::get_if<T>(&data_);
  }
  // "a string", for complaints.
  [[nodiscard]] const char* KindInWords() const;

 private:
  std::variant<std::monostate, bool, double, std::string, Array, Object> data_;
};

}  // namespace trestle
