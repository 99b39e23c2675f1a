#include "nft_type.h"

#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace trestle {
namespace {

using Octets = std::vector<uint8_t>;

// What a type consists of.
struct Part {
  NftType type;
  uint32_t length;
  uint32_t byte_order;
  std::optional<Octets> (*parse)(const std::string& text);
  std::string (*print)(Bytes value);
};

std::optional<Octets> ParseIpOf(int family, const std::string& text) {
  const auto ip = ParseIp(text);
  if (!ip || ip->family != family) return std::nullopt;
  return Octets(ip->bytes.begin(), ip->bytes.begin() + ptrdiff_t(ip->size()));
}

std::optional<Octets> ParseIpv4(const std::string& text) {
  return ParseIpOf(AF_INET, text);
}

std::optional<Octets> ParseIpv6(const std::string& text) {
  return ParseIpOf(AF_INET6, text);
}

std::string PrintIp(Bytes value) {
  Ip ip;
  ip.family = value.size() == 4 ? AF_INET : AF_INET6;
  std::copy(value.begin(), value.end(), ip.bytes.begin());
  return ToText(ip);
}

// NUL-padded, as the kernel loads a name into a register.
std::optional<Octets> ParseIfname(const std::string& text) {
  if (!IsLinkName(text)) return std::nullopt;
  Octets value(text.begin(), text.end());
  value.resize(IFNAMSIZ);
  return value;
}

std::string PrintIfname(Bytes value) {
  return {value.begin(), std::find(value.begin(), value.end(), '\0')};
}

std::optional<Octets> ParseMacAddress(const std::string& text) {
  const auto mac = ParseMac(text);
  if (!mac) return std::nullopt;
  return Octets(mac->begin(), mac->end());
}

std::string PrintMac(Bytes value) {
  return MacToText(value.data(), value.size());
}

constexpr Choice<uint8_t> kProtocols[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}};

std::optional<Octets> ParseProtocol(const std::string& text) {
  for (const auto& [name, number] : kProtocols) {
    if (name == text) return Octets{number};
  }
  return std::nullopt;
}

std::string PrintProtocol(Bytes value) {
  for (const auto& [name, number] : kProtocols) {
    if (number == value.front()) return std::string(name);
  }
  return std::to_string(value.front());
}

std::optional<Octets> ParseService(const std::string& text) {
  uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || stop != end || text != std::to_string(port)) return std::nullopt;
  return Octets{uint8_t(port >> 8), uint8_t(port & 0xff)};
}

std::string PrintService(Bytes value) {
  return std::to_string(value[0] << 8 | value[1]);
}

constexpr Part kParts[] = {
    {kNftIpv4, 4, 2, ParseIpv4, PrintIp},
    {kNftIpv6, 16, 2, ParseIpv6, PrintIp},
    {kNftMac, 6, 2, ParseMacAddress, PrintMac},
    {kNftProtocol, 1, 2, ParseProtocol, PrintProtocol},
    {kNftService, 2, 2, ParseService, PrintService},
    {kNftIfname, 16, 1, ParseIfname, PrintIfname},
};

// Empty where one of them is not known.
std::vector<Part> PartsOf(NftType type) {
  std::vector<Part> parts;
  for (NftType left = type; left != 0; left >>= 6) {
    const auto* part = std::find_if(std::begin(kParts), std::end(kParts),
                                    [&](const Part& each) { return each.type == (left & 0x3f); });
    if (part == std::end(kParts)) return {};
    parts.insert(parts.begin(), *part);
  }
  return parts;
}

// In a concatenation each part fills whole registers of 4 bytes.
uint32_t Fill(const std::vector<Part>& parts, const Part& part) {
  return parts.size() == 1 ? part.length : (part.length + 3) / 4 * 4;
}

std::vector<std::string> Split(const std::string& text) {
  constexpr std::string_view concat = " . ";
  std::vector<std::string> parts;
  size_t start = 0;
  for (size_t end = 0; (end = text.find(concat, start)) != std::string::npos; start = end + concat.size())
    parts.push_back(text.substr(start, end - start));
  parts.push_back(text.substr(start));
  return parts;
}

std::string TextOfUnknown(Bytes value) {
  return value.size() == 4 || value.size() == 16 ? PrintIp(value) : PrintMac(value);
}

}  // namespace

uint32_t NftLengthOf(NftType type) {
  uint32_t length = 0;
  const auto parts = PartsOf(type);
  for (const Part& part : parts) length += Fill(parts, part);
  return length;
}

uint32_t NftByteOrderOf(NftType type) {
  const auto parts = PartsOf(type);
  return parts.size() == 1 ? parts.front().byte_order : 0;
}

std::optional<Octets> NftBytesOf(NftType type, const std::string& text) {
  const auto parts = PartsOf(type);
  const auto texts = Split(text);
  if (texts.size() != parts.size()) return std::nullopt;
  Octets bytes;
  for (size_t i = 0; i < parts.size(); i++) {
    auto value = parts[i].parse(texts[i]);
    if (!value) return std::nullopt;
    value->resize(Fill(parts, parts[i]));
    bytes.insert(bytes.end(), value->begin(), value->end());
  }
  return bytes;
}

std::string NftTextOf(NftType type, Bytes value) {
  const auto parts = PartsOf(type);
  if (parts.empty() || value.size() != NftLengthOf(type)) return TextOfUnknown(value);
  std::string text;
  for (const Part& part : parts) {
    text += (text.empty() ? "" : " . ") + part.print(value.first(part.length));
    value = value.subspan(Fill(parts, part));
  }
  return text;
}

}  // namespace trestle
