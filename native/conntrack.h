// Connection tracking: the connections that were begun towards a port, and their end.
#pragma once

#include <optional>
#include <vector>

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

// Ends those that belong to one of the flows, all of which are of one family. Whether there was one: in a
// kernel without connection tracking there is none. The kernel goes through its whole table once, some
// milliseconds.
Result<bool> EndConnections(Socket& socket, const std::vector<Flow>& flows);

}  // namespace trestle
