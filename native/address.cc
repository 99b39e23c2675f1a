#include "address.h"

#include <arpa/inet.h>

#include <charconv>

namespace trestle {

std::optional<Ip> ParseIp(const std::string& text) {
  Ip ip;
  ip.family = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (inet_pton(ip.family, text.c_str(), ip.bytes.data()) != 1) return std::nullopt;
  return ip;
}

std::optional<Prefix> ParsePrefix(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto ip = ParseIp(text.substr(0, slash));
  uint8_t length = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, length);
  if (!ip || error != std::errc() || stop != end || length > 8 * ip->size()) return std::nullopt;
  return Prefix{*ip, length};
}

std::optional<Mac> ParseMac(const std::string& text) {
  Mac mac{};
  if (text.size() != 3 * mac.size() - 1) return std::nullopt;
  for (size_t i = 0; i < mac.size(); i++) {
    const char* digits = text.data() + 3 * i;
    const auto [stop, error] = std::from_chars(digits, digits + 2, mac.at(i), 16);
    if (error != std::errc() || stop != digits + 2) return std::nullopt;
    if (i + 1 < mac.size() && *stop != ':') return std::nullopt;
  }
  return mac;
}

std::string ToText(const Ip& ip) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(ip.family, ip.bytes.data(), text.data(), text.size());
  return text.data();
}

std::string ToText(const Prefix& prefix) {
  return ToText(prefix.ip) + "/" + std::to_string(prefix.length);
}

std::string MacToText(const uint8_t* bytes, size_t size) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < size; i++) {
    if (i > 0) text += ':';
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return text;
}

std::string ToText(const Mac& mac) {
  return MacToText(mac.data(), mac.size());
}

Ip Broadcast(const Prefix& prefix) {
  Ip ip = prefix.ip;
  for (size_t bit = prefix.length; bit < 8 * ip.size(); bit++)
    ip.bytes.at(bit / 8) |= uint8_t(0x80 >> bit % 8);
  return ip;
}

}  // namespace trestle
