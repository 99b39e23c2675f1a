#include "json.h"

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

}  // namespace

Result<Value> FromJson(const std::string& text) {
  Builder builder;
  if (!Json::sax_parse(text, &builder)) return Fault{"read JSON", 0, builder.problem(), ""};
  return builder.Take();
}

}  // namespace trestle
