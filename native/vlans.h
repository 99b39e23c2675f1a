// The VLANs of a bridge's port: reading.
#pragma once

#include <cstdint>
#include <vector>

#include "socket.h"
#include "value.h"

namespace trestle {

// VlanRange of the contract: both ends inclusive.
struct VlanRange {
  uint16_t from = 0;
  uint16_t to = 0;
  bool pvid = false;
  bool untagged = false;
};

// Why there are none at all: what EOPNOTSUPP means of a bridge's VLANs.
inline constexpr const char* kNoVlanFiltering =
    "the kernel's bridges have no VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING)";

// In ascending order and as few ranges as can be. None of a link that is no port, and in a kernel without
// VLAN filtering.
Result<std::vector<VlanRange>> VlansOf(Socket& socket, int ifindex);
Value ToValue(const VlanRange& range);

}  // namespace trestle
