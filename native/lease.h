// The usual way of lib/ipam/host-local to the next free addresses: on the same files, in the same order,
// under the same lock. Whatever is out of the ordinary is left to it.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "locks.h"
#include "recipe.h"

namespace trestle {

struct LeaseHolder {
  std::string container_id;
  std::string ifname;
};

// Leases an address of each range for a holder who has none: the addresses without prefix length. Nothing
// where it is not as usual; it may have leased some by then, which the holder's DEL finds.
std::optional<std::vector<std::string>> TakeLeases(const LeasePlace& place, const LeaseHolder& holder,
                                                   Locks& locks, const std::stop_token& stop);

}  // namespace trestle
