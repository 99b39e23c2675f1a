// Where a packet would go: `ip route get`.
#pragma once

#include <optional>
#include <string>

#include "address.h"
#include "socket.h"
#include "value.h"

namespace trestle {

// WayFact of the contract.
struct Way {
  std::string link;
  uint8_t type = 0;  // RTN_*
};

// Nothing where no route leads there, or one that drops or refuses the packet.
Result<std::optional<Way>> FindWay(Socket& socket, const Ip& dst);
Value ToValue(const Way& way);

}  // namespace trestle
