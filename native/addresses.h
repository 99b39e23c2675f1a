// Addresses and routes of a link: reading.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "address.h"
#include "socket.h"
#include "value.h"

namespace trestle {

// AddrFact of the contract.
struct Address {
  Prefix prefix;
  uint8_t scope = 0;  // RT_SCOPE_*
  bool tentative = false;
  bool dad_failed = false;
};

Result<std::vector<Address>> AddressesOf(Socket& socket, int ifindex);
Value ToValue(const Address& address);

}  // namespace trestle
