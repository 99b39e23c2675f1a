// Keys of nftables sets, and what maps say of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nft_type.h"

namespace trestle {

struct NftValue {
  std::string text;  // equal for equal bytes
  std::vector<uint8_t> bytes;
};
using NftKey = NftValue;

// The longest text of a key has two IPv6 addresses.
constexpr size_t kMaxNftText = 128;

// "10.1.2.3", "fd00::1", "veth1", "veth1 . 02:00:00:00:00:01" or "10.0.0.1 . tcp . 8080": of one of
// `kNftKeyTypes`, nothing where the text is of none.
std::optional<NftKey> ParseNftKey(const std::string& text);
// "10.1.2.3 . 80": of one of `kNftDataTypes`.
std::optional<NftValue> ParseNftData(const std::string& text);

// The list `keys` of the contract.
std::vector<NftKey> ParseNftKeys(Fields& fields);

}  // namespace trestle
