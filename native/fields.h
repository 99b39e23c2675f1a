// Reads the fields of an object that came from JavaScript. Nothing there is trusted: the first field that is
// not as the contract has it becomes the problem, and every later read returns something harmless.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "address.h"
#include "netns.h"
#include "result.h"
#include "value.h"

namespace trestle {

// One name of a closed list, and what it means.
template <class T>
struct Choice {
  std::string_view name;
  T value;
};

// dev_valid_name of the kernel, so that a name is refused before it reaches a message or a path.
bool IsLinkName(const std::string& text);

class Fields {
 public:
  // `path` is what the object is called in complaints: "steps[2]". `problem` outlives the reader.
  Fields(const Value* value, std::string path, std::optional<Fault>& problem);

  [[nodiscard]] bool Has(const char* name) { return Find(name) != nullptr; }
  [[nodiscard]] bool IsText(const char* name) {
    return Has(name) && Find(name)->As<std::string>() != nullptr;
  }
  bool Flag(const char* name);
  std::optional<bool> OptionalFlag(const char* name);
  uint32_t Number(const char* name, double min, double max);
  std::optional<uint32_t> OptionalNumber(const char* name, double min, double max);
  int32_t SignedNumber(const char* name);
  uint64_t BigNumber(const char* name);
  // At most `max` bytes, and no NUL among them.
  std::string Text(const char* name, size_t max = 255);
  std::optional<std::string> OptionalText(const char* name, size_t max = 255);
  std::vector<std::string> Texts(const char* name, size_t max = 255);
  std::string LinkName(const char* name);
  std::optional<std::string> OptionalLinkName(const char* name);
  Ns Namespace(const char* name);
  std::optional<Mac> OptionalMac(const char* name);
  Prefix Address(const char* name);
  // Without a prefix length.
  Ip IpAddress(const char* name);
  std::optional<Ip> OptionalIp(const char* name);
  std::vector<uint8_t> Hex(const char* name, size_t max);
  Fields Nested(const char* name);
  // Of what the text of the field `name` says, which outlives the reader.
  Fields Within(const char* name, const Value& value) { return {&value, PathOf(name), problem_}; }

  template <class T, size_t N>
  T OneOf(const char* name, const Choice<T> (&choices)[N]) {
    const std::string text = Text(name);
    for (const auto& choice : choices) {
      if (choice.name == text) return choice.value;
    }
    Complain(name, "is none of the known ones: \"" + text + "\"");
    return choices[0].value;
  }

  // Calls `read(Fields)` for each object of the list `name`; a missing list is an empty one if `optional`.
  template <class Read>
  void Each(const char* name, bool optional, Read read) {
    const Value* found = optional ? Find(name) : Require(name);
    const Array* list = Expect<Array>(name, found, "an array");
    for (size_t i = 0; list != nullptr && i < list->size(); i++) {
      Fields element(&(*list)[i], PathOf(name) + "[" + std::to_string(i) + "]", problem_);
      read(element);
      element.Finish();
    }
  }

  [[nodiscard]] bool HasProblem() const { return problem_.has_value(); }
  // Says that a field is not as it should be.
  void Complain(const char* name, const std::string& what);
  // To be called after the last read: a field that nobody asked for is a misspelt one.
  void Finish();

 private:
  const Value* Find(const char* name);
  const Value* Require(const char* name);
  [[nodiscard]] std::string PathOf(const char* name) const;
  template <class T>
  const T* Expect(const char* name, const Value* found, const char* kind) {
    const T* value = found != nullptr ? found->As<T>() : nullptr;
    if (found != nullptr && value == nullptr) {
      Complain(name, std::string("must be ") + kind + ", not " + found->KindInWords());
    }
    return value;
  }
  std::optional<double> Integer(const char* name, const Value* found, double min, double max);
  std::optional<std::string> CheckedText(const char* name, const Value* found, size_t max);
  std::optional<Ip> CheckedIp(const char* name, const std::optional<std::string>& text);
  std::optional<std::string> CheckedLinkName(const char* name, std::optional<std::string> text);

  const Object* object_ = nullptr;
  std::string path_;
  std::optional<Fault>& problem_;
  std::vector<std::string_view> asked_;
};

}  // namespace trestle
