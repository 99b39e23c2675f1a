#include "attributes.h"

#include <algorithm>
#include <string_view>

namespace trestle {

std::string ToHex(Bytes bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

Attributes::Attributes(Bytes stream) {
  const auto* attribute = reinterpret_cast<const nlattr*>(stream.data());
  int left = int(stream.size());
  for (; nla_ok(attribute, left) != 0; attribute = nla_next(attribute, &left)) {
    const auto type = size_t(nla_type(attribute));
    if (type < kTypes) found_.at(type) = attribute;
  }
}

Bytes Attributes::Raw(int type) const {
  const nlattr* attribute = found_.at(size_t(type));
  if (attribute == nullptr) return {};
  return {static_cast<const uint8_t*>(nla_data(attribute)), size_t(nla_len(attribute))};
}

std::string Attributes::Text(int type) const {
  const Bytes raw = Raw(type);
  return {raw.begin(), std::find(raw.begin(), raw.end(), '\0')};
}

}  // namespace trestle
