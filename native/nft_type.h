// nft's types of keys and data: text in the contract, bytes in the kernel, which only knows their length.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "attributes.h"
#include "fields.h"

namespace trestle {

// TYPE_* of nft or, of a concatenation, six bits for each of its parts (concat_subtype_add).
using NftType = uint32_t;

constexpr NftType kNftIpv4 = 7;
constexpr NftType kNftIpv6 = 8;
constexpr NftType kNftMac = 9;
constexpr NftType kNftProtocol = 12;
constexpr NftType kNftService = 13;
constexpr NftType kNftIfname = 41;

constexpr NftType NftConcat(std::initializer_list<NftType> parts) {
  NftType type = 0;
  for (const NftType part : parts) type = type << 6 | part;
  return type;
}

// By the contract's names, which are nft's. A text that fits several is of the first.
inline constexpr Choice<NftType> kNftKeyTypes[] = {
    {"ipv4_addr", kNftIpv4},
    {"ipv6_addr", kNftIpv6},
    {"ifname", kNftIfname},
    {"ifname . ether_addr", NftConcat({kNftIfname, kNftMac})},
    {"inet_proto . inet_service", NftConcat({kNftProtocol, kNftService})},
    {"ipv4_addr . inet_proto . inet_service", NftConcat({kNftIpv4, kNftProtocol, kNftService})},
    {"ipv6_addr . inet_proto . inet_service", NftConcat({kNftIpv6, kNftProtocol, kNftService})},
    {"ipv4_addr . ipv4_addr . inet_proto . inet_service",
     NftConcat({kNftIpv4, kNftIpv4, kNftProtocol, kNftService})},
    {"ipv6_addr . ipv6_addr . inet_proto . inet_service",
     NftConcat({kNftIpv6, kNftIpv6, kNftProtocol, kNftService})},
};

// Of what a map maps to.
inline constexpr Choice<NftType> kNftDataTypes[] = {
    {"ipv4_addr . inet_service", NftConcat({kNftIpv4, kNftService})},
    {"ipv6_addr . inet_service", NftConcat({kNftIpv6, kNftService})},
};

// Bytes.
uint32_t NftLengthOf(NftType type);
// BYTEORDER_* of nft: 0 none (a concatenation), 1 the host's, 2 big endian.
uint32_t NftByteOrderOf(NftType type);

// Nothing where the text is not of this type.
std::optional<std::vector<uint8_t>> NftBytesOf(NftType type, const std::string& text);
// Of a type that is not known hexadecimal, unless it has the length of an address.
std::string NftTextOf(NftType type, Bytes value);

}  // namespace trestle
