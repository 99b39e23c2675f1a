// Connection tracking: the connections that were begun towards a port, and their end.
#pragma once

#include <optional>
#include <string>

#include "address.h"
#include "socket.h"

namespace trestle {

// ConntrackFlow of the contract.
struct Flow {
  int family = AF_INET;
  uint8_t protocol = 0;  // IPPROTO_*
  std::optional<Ip> ip;
  uint16_t port = 0;
  std::optional<Ip> answered_by;
  std::optional<Ip> not_answered_by;
};

// "connections to udp 10.0.0.1:53"
std::string InWords(const Flow& flow);

// Whether there was one. In a kernel without connection tracking there is none.
Result<bool> EndConnections(Socket& socket, const Flow& flow);

}  // namespace trestle
