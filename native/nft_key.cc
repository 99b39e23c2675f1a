#include "nft_key.h"

#include <net/if.h>

#include <algorithm>

namespace trestle {
namespace {

constexpr std::string_view kConcat = " . ";

NftKey KeyOf(const Ip& ip) {
  return {ToText(ip), {ip.bytes.begin(), ip.bytes.begin() + ptrdiff_t(ip.size())}};
}

// NUL-padded, as the kernel loads a name into a register.
NftKey KeyOf(const std::string& link) {
  NftKey key{link, {link.begin(), link.end()}};
  key.bytes.resize(IFNAMSIZ);
  return key;
}

NftKey KeyOf(const std::string& link, const Mac& mac) {
  NftKey key = KeyOf(link);
  key.text += std::string(kConcat) + ToText(mac);
  key.bytes.insert(key.bytes.end(), mac.begin(), mac.end());
  key.bytes.resize(IFNAMSIZ + sizeof(uint64_t));
  return key;
}

std::string LinkOf(Bytes key) {
  const Bytes name = key.first(std::min<size_t>(key.size(), IFNAMSIZ));
  return {name.begin(), std::find(name.begin(), name.end(), '\0')};
}

}  // namespace

std::optional<NftKey> ParseNftKey(const std::string& text) {
  if (const auto ip = ParseIp(text)) return KeyOf(*ip);
  const size_t concat = text.find(kConcat);
  const std::string link = text.substr(0, concat);
  if (!IsLinkName(link)) return std::nullopt;
  if (concat == std::string::npos) return KeyOf(link);
  const auto mac = ParseMac(text.substr(concat + kConcat.size()));
  if (!mac) return std::nullopt;
  return KeyOf(link, *mac);
}

std::string NftKeyToText(uint32_t type, Bytes key) {
  if (type == kNftIfname) return LinkOf(key);
  if (type == kNftIfnameEtherAddr && key.size() > IFNAMSIZ + sizeof(Mac)) {
    return LinkOf(key) + std::string(kConcat) + MacToText(key.data() + IFNAMSIZ, sizeof(Mac));
  }
  Ip ip;
  ip.family = key.size() == 4 ? AF_INET : AF_INET6;
  if (key.size() != ip.size()) return MacToText(key.data(), key.size());
  std::copy(key.begin(), key.end(), ip.bytes.begin());
  return ToText(ip);
}

}  // namespace trestle
