// Keys of nftables sets: text in the contract, bytes in the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attributes.h"
#include "fields.h"

namespace trestle {

// What nft has to know of a set to print its elements. The kernel only keeps it, but for the length.
struct NftKeyType {
  uint32_t id = 0;          // TYPE_* of nft
  uint32_t length = 0;      // bytes
  uint32_t byte_order = 0;  // BYTEORDER_* of nft: 0 none, 1 the host's, 2 big endian
};

// concat_subtype_add of nft: six bits for each type.
constexpr uint32_t kNftIfname = 41;
constexpr uint32_t kNftEtherAddr = 9;
constexpr uint32_t kNftIfnameEtherAddr = kNftIfname << 6 | kNftEtherAddr;

// By the contract's names, which are nft's. The parts of a concatenation fill whole registers of 4 bytes.
inline constexpr Choice<NftKeyType> kNftKeyTypes[] = {
    {"ipv4_addr", {7, 4, 2}},
    {"ipv6_addr", {8, 16, 2}},
    {"ifname", {kNftIfname, 16, 1}},
    {"ifname . ether_addr", {kNftIfnameEtherAddr, 24, 0}},
};

struct NftKey {
  std::string text;  // equal for equal bytes
  std::vector<uint8_t> bytes;
};

// "10.1.2.3", "fd00::1", "veth1" or "veth1 . 02:00:00:00:00:01"; nothing where the text is none of these.
std::optional<NftKey> ParseNftKey(const std::string& text);
// Of a set whose NFTA_SET_KEY_TYPE is `type`; of a type that is not ours hexadecimal, unless it has the
// length of an address.
std::string NftKeyToText(uint32_t type, Bytes key);

}  // namespace trestle
