#include "names.h"

#include <sha2.h>

#include <array>
#include <initializer_list>
#include <string_view>

#include "address.h"

namespace trestle {
namespace {

using Digest = std::array<uint8_t, SHA256_DIGEST_LENGTH>;

// SHA-256 over parts that cannot run into each other: none contains a NUL.
Digest DigestOf(std::initializer_list<std::string_view> parts) {
  SHA2_CTX context;
  SHA256Init(&context);
  for (const std::string_view& part : parts) {
    if (&part != parts.begin()) SHA256Update(&context, reinterpret_cast<const uint8_t*>("\0"), 1);
    SHA256Update(&context, reinterpret_cast<const uint8_t*>(part.data()), part.size());
  }
  Digest digest{};
  SHA256Final(digest.data(), &context);
  return digest;
}

// The first characters of its lower-case base32 (RFC 4648).
std::string Base32(const Digest& digest, size_t length) {
  static constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  std::string text;
  for (size_t bit = 0; text.size() < length; bit += 5) {
    const unsigned pair = unsigned(digest.at(bit / 8)) << 8 | digest.at(bit / 8 + 1);
    text += alphabet[pair >> (11 - bit % 8) & 31];
  }
  return text;
}

std::string Hex(const Digest& digest, size_t bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < bytes; i++) {
    text += digits[digest.at(i) >> 4];
    text += digits[digest.at(i) & 15];
  }
  return text;
}

// A locally administered unicast MAC: second-lowest bit of the first byte set, lowest clear (IEEE 802).
std::string LocalMac(const Digest& digest, size_t from) {
  Mac mac{};
  for (size_t i = 0; i < mac.size(); i++) mac.at(i) = digest.at(from + i);
  mac[0] = (mac[0] & 0xfc) | 0x02;
  return ToText(mac);
}

// 48 bits of the hash that the name begins with, and what else there is of the name.
uint64_t LockOffset(const Digest& digest, const std::string& record) {
  constexpr size_t hashed = 6;
  uint64_t offset = 0;
  for (size_t i = 0; i < hashed; i++) offset = offset << 8 | digest.at(i);
  for (size_t i = 2 * hashed; i < record.size(); i++)
    offset = (offset * 31 + uint8_t(record[i])) % (uint64_t(1) << 48);
  return offset;
}

}  // namespace

AttachmentNames NamesOf(const AttachmentKey& key, const std::string& type, const std::string& machine_id) {
  const Digest anywhere = DigestOf({key.network, key.container_id, key.ifname});
  const Digest here = DigestOf({key.network, key.container_id, key.ifname, machine_id});
  AttachmentNames names;
  names.host_end = "veth" + Base32(anywhere, 11);
  names.host_mac = LocalMac(here, 0);
  names.pod_mac = LocalMac(here, sizeof(Mac));
  names.record = Hex(anywhere, 20).append(".").append(type).append(".json");
  names.lock_offset = LockOffset(anywhere, names.record);
  return names;
}

}  // namespace trestle
