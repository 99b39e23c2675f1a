// IP addresses, prefixes and MAC addresses as text and as bytes.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace trestle {

using Mac = std::array<uint8_t, 6>;

struct Ip {
  int family = AF_INET;
  std::array<uint8_t, 16> bytes{};  // the first size() of them, in network order

  [[nodiscard]] size_t size() const { return family == AF_INET ? 4 : 16; }
  bool operator==(const Ip&) const = default;
};

struct Prefix {
  Ip ip;  // with its host bits
  uint8_t length = 0;
};

// Each is empty where the text is nothing of the kind.
std::optional<Ip> ParseIp(const std::string& text);
std::optional<Prefix> ParsePrefix(const std::string& text);
std::optional<Mac> ParseMac(const std::string& text);

std::string ToText(const Ip& ip);
std::string ToText(const Prefix& prefix);
// Lower-case and colon-separated; a hardware address of any length.
std::string MacToText(const uint8_t* bytes, size_t size);
std::string ToText(const Mac& mac);

// The address whose host bits are all ones: where `ip addr add … broadcast +` sends.
Ip Broadcast(const Prefix& prefix);

}  // namespace trestle
