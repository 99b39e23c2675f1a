#include "vlans.h"

#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>

#include <cerrno>

namespace trestle {
namespace {

using Ranges = std::vector<VlanRange>;

// BRIDGE_VLANDB_ENTRY: bridge_vlan_info, and where the range ends unless it is a single VLAN.
VlanRange ParseEntry(const Attributes& entry) {
  const auto info = entry.As<bridge_vlan_info>(BRIDGE_VLANDB_ENTRY_INFO).value_or(bridge_vlan_info{});
  return {.from = info.vid,
          .to = entry.U16(BRIDGE_VLANDB_ENTRY_RANGE).value_or(info.vid),
          .pvid = (info.flags & BRIDGE_VLAN_INFO_PVID) != 0,
          .untagged = (info.flags & BRIDGE_VLAN_INFO_UNTAGGED) != 0};
}

std::optional<Ranges> ParseVlans(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWVLAN) return std::nullopt;
  Ranges ranges;
  EachAttribute(AttributesIn<br_vlan_msg>(message),
                [&](Bytes entry) { ranges.push_back(ParseEntry(Attributes(entry))); });
  return ranges;
}

bool Continues(const VlanRange& last, const VlanRange& next) {
  return next.from == last.to + 1 && next.untagged == last.untagged && !next.pvid && !last.pvid;
}

// The kernel begins a new range where a message ends, and where what is not read here differs (the state of
// a spanning tree, a tunnel).
Ranges Join(const std::vector<Ranges>& messages) {
  Ranges joined;
  for (const Ranges& ranges : messages) {
    for (const VlanRange& range : ranges) {
      if (!joined.empty() && Continues(joined.back(), range)) {
        joined.back().to = range.to;
      } else {
        joined.push_back(range);
      }
    }
  }
  return joined;
}

bool MeansNone(int code) {
  // The link may have gone, or left its bridge, since it was looked up. EOPNOTSUPP: no VLAN filtering.
  return code == ENODEV || code == EINVAL || code == EOPNOTSUPP;
}

}  // namespace

// RTM_GETVLAN (Linux 5.6) asks for one port only; RTM_GETLINK of AF_BRIDGE would list them all.
Result<Ranges> VlansOf(Socket& socket, int ifindex) {
  br_vlan_msg header{};
  header.family = AF_BRIDGE;
  header.ifindex = uint32_t(ifindex);
  Request request(RTM_GETVLAN, 0, header);
  auto messages = socket.Dump<Ranges>("list VLANs", request, ParseVlans);
  if (!messages && MeansNone(messages.fault().code)) return Ranges();
  if (!messages) return messages.fault();
  return Join(*messages);
}

Value ToValue(const VlanRange& range) {
  Object fact = {{"from", int(range.from)}, {"to", int(range.to)}};
  if (range.pvid) fact.emplace_back("pvid", true);
  if (range.untagged) fact.emplace_back("untagged", true);
  return fact;
}

}  // namespace trestle
