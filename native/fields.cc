#include "fields.h"

#include <linux/if.h>

#include <algorithm>
#include <cmath>

namespace trestle {

Fields::Fields(const Value* value, std::string path, std::optional<Fault>& problem)
    : path_(std::move(path)), problem_(problem) {
  if (value != nullptr) object_ = value->As<Object>();
  if (value != nullptr && object_ == nullptr) {
    Complain("", std::string("must be an object, not ") + value->KindInWords());
  }
}

std::string Fields::PathOf(const char* name) const {
  return path_.empty() || *name == '\0' ? path_ + name : path_ + "." + name;
}

void Fields::Complain(const char* name, const std::string& what) {
  if (!problem_) problem_ = Fault{"read the arguments", 0, PathOf(name) + " " + what, ""};
}

void Fields::Finish() {
  if (object_ == nullptr) return;
  for (const auto& [name, value] : *object_) {
    const bool known = std::find(asked_.begin(), asked_.end(), name) != asked_.end();
    if (!known && !value.IsNull()) Complain(name.substr(0, 64).c_str(), "is not a field of this object");
  }
}

const Value* Fields::Find(const char* name) {
  asked_.emplace_back(name);
  if (object_ == nullptr) return nullptr;
  auto is_it = [name](const Member& member) { return member.first == name; };
  const auto found = std::find_if(object_->begin(), object_->end(), is_it);
  return found == object_->end() || found->second.IsNull() ? nullptr : &found->second;
}

const Value* Fields::Require(const char* name) {
  const Value* found = Find(name);
  if (found == nullptr) Complain(name, "is missing");
  return found;
}

std::optional<bool> Fields::OptionalFlag(const char* name) {
  const bool* flag = Expect<bool>(name, Find(name), "a boolean");
  return flag != nullptr ? std::optional(*flag) : std::nullopt;
}

bool Fields::Flag(const char* name) {
  return OptionalFlag(name).value_or(false);
}

std::optional<double> Fields::Integer(const char* name, const Value* found, double min, double max) {
  const double* number = Expect<double>(name, found, "a number");
  if (number == nullptr) return std::nullopt;
  // NaN fails every comparison, so it must be written as "not within".
  if (!(*number >= min && *number <= max) || std::floor(*number) != *number) {
    Complain(name, "must be a whole number from " + std::to_string(int64_t(min)) + " to " +
                       std::to_string(uint64_t(max)));
    return std::nullopt;
  }
  return *number;
}

uint32_t Fields::Number(const char* name, double min, double max) {
  return uint32_t(Integer(name, Require(name), min, max).value_or(min));
}

std::optional<uint32_t> Fields::OptionalNumber(const char* name, double min, double max) {
  const auto number = Integer(name, Find(name), min, max);
  return number ? std::optional(uint32_t(*number)) : std::nullopt;
}

int32_t Fields::SignedNumber(const char* name) {
  return int32_t(Integer(name, Require(name), INT32_MIN, INT32_MAX).value_or(0));
}

uint64_t Fields::BigNumber(const char* name) {
  constexpr double max_safe_integer = 9007199254740991;
  return uint64_t(Integer(name, Require(name), 0, max_safe_integer).value_or(0));
}

std::optional<std::string> Fields::CheckedText(const char* name, const Value* found, size_t max) {
  const auto* text = Expect<std::string>(name, found, "a string");
  if (text == nullptr) return std::nullopt;
  if (text->size() > max) {
    Complain(name, "has " + std::to_string(text->size()) + " bytes; " + std::to_string(max) + " are allowed");
    return std::nullopt;
  }
  if (text->find('\0') != std::string::npos) {
    Complain(name, "contains a NUL character");
    return std::nullopt;
  }
  return *text;
}

std::string Fields::Text(const char* name, size_t max) {
  return CheckedText(name, Require(name), max).value_or("");
}

std::optional<std::string> Fields::OptionalText(const char* name, size_t max) {
  return CheckedText(name, Find(name), max);
}

std::vector<std::string> Fields::Texts(const char* name, size_t max) {
  std::vector<std::string> texts;
  const Array* list = Expect<Array>(name, Require(name), "an array");
  for (size_t i = 0; list != nullptr && i < list->size(); i++) {
    const std::string element = name + ("[" + std::to_string(i) + "]");
    texts.push_back(CheckedText(element.c_str(), &(*list)[i], max).value_or(""));
  }
  return texts;
}

bool IsLinkName(const std::string& text) {
  // To the kernel 0xa0 is white space, wherever it stands in UTF-8.
  return !text.empty() && text.size() < IFNAMSIZ && text != "." && text != ".." &&
         text.find_first_of("/:% \t\n\v\f\r\xa0") == std::string::npos;
}

std::optional<std::string> Fields::CheckedLinkName(const char* name, std::optional<std::string> text) {
  if (!text) return text;
  if (!IsLinkName(*text)) Complain(name, "is no name of a link: \"" + *text + "\"");
  return text;
}

std::string Fields::LinkName(const char* name) {
  return CheckedLinkName(name, CheckedText(name, Require(name), 64)).value_or("");
}

std::optional<std::string> Fields::OptionalLinkName(const char* name) {
  return CheckedLinkName(name, OptionalText(name, 64));
}

Ns Fields::Namespace(const char* name) {
  return OneOf<Ns>(name, {{"host", Ns::kHost}, {"pod", Ns::kPod}});
}

std::optional<Mac> Fields::OptionalMac(const char* name) {
  const auto text = OptionalText(name, 64);
  if (!text) return std::nullopt;
  auto mac = ParseMac(*text);
  if (!mac) Complain(name, "is no MAC address: \"" + *text + "\"");
  return mac;
}

Prefix Fields::Address(const char* name) {
  const std::string text = Text(name, 64);
  const auto prefix = ParsePrefix(text);
  if (!prefix) Complain(name, "is no address with a prefix length: \"" + text + "\"");
  return prefix.value_or(Prefix{});
}

std::optional<Ip> Fields::CheckedIp(const char* name, const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  auto ip = ParseIp(*text);
  if (!ip) Complain(name, "is no IP address: \"" + *text + "\"");
  return ip;
}

Ip Fields::IpAddress(const char* name) {
  return CheckedIp(name, CheckedText(name, Require(name), 64)).value_or(Ip{});
}

std::optional<Ip> Fields::OptionalIp(const char* name) {
  return CheckedIp(name, OptionalText(name, 64));
}

std::vector<uint8_t> Fields::Hex(const char* name, size_t max) {
  const std::string text = Text(name, 2 * max);
  const auto digit = [](char c) { return std::string_view("0123456789abcdef").find(c); };
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    const size_t high = digit(text[i]);
    const size_t low = digit(text[i + 1]);
    if (high > 15 || low > 15) Complain(name, "is not hexadecimal");
    bytes.push_back(uint8_t(high << 4 | (low & 15)));
  }
  if (text.empty() || text.size() % 2 != 0) Complain(name, "must be pairs of hexadecimal digits");
  return bytes;
}

Fields Fields::Nested(const char* name) {
  return {Require(name), PathOf(name), problem_};
}

}  // namespace trestle
