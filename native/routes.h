// Routes through a link: reading.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "address.h"
#include "socket.h"
#include "value.h"

namespace trestle {

// RouteFact of the contract.
struct Route {
  Prefix dst;
  std::optional<Ip> gw;
  uint32_t table = 0;
  uint8_t scope = 0;
  uint32_t priority = 0;
  std::optional<uint32_t> mtu;
  std::optional<uint32_t> advmss;
  std::optional<Ip> src;
  uint8_t protocol = 0;
  uint8_t type = 0;
};

// Of both families and all tables.
Result<std::vector<Route>> RoutesOf(Socket& socket, int ifindex);
Value ToValue(const Route& route);

}  // namespace trestle
