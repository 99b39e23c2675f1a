#include "nft_key.h"

namespace trestle {
namespace {

template <size_t N>
std::optional<NftValue> Parse(const Choice<NftType> (&types)[N], const std::string& text) {
  for (const auto& [name, type] : types) {
    if (auto bytes = NftBytesOf(type, text)) return NftValue{NftTextOf(type, *bytes), std::move(*bytes)};
  }
  return std::nullopt;
}

}  // namespace

std::optional<NftKey> ParseNftKey(const std::string& text) {
  return Parse(kNftKeyTypes, text);
}

std::optional<NftValue> ParseNftData(const std::string& text) {
  return Parse(kNftDataTypes, text);
}

std::vector<NftKey> ParseNftKeys(Fields& fields) {
  std::vector<NftKey> keys;
  for (const std::string& text : fields.Texts("keys", kMaxNftText)) {
    auto key = ParseNftKey(text);
    if (!key) fields.Complain("keys", "contains a key of no known type: \"" + text + "\"");
    keys.push_back(key.value_or(NftKey{}));
  }
  return keys;
}

}  // namespace trestle
