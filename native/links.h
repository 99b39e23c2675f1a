// Reading links: RTM_GETLINK.
#pragma once

#include <linux/rtnetlink.h>

#include <optional>
#include <string>
#include <vector>

#include "address.h"
#include "session.h"
#include "value.h"

namespace trestle {

struct BridgePort {
  bool hairpin = false;
  bool isolated = false;
  uint8_t state = 0;  // BR_STATE_*
};

struct Bridge {
  bool vlan_filtering = false;
  uint16_t default_pvid = 0;
  bool no_link_local_learn = false;
};

// LinkFact of the contract.
struct Link {
  int ifindex = 0;
  std::string name;
  std::string kind;
  std::string mac;
  uint32_t mtu = 0;
  bool up = false;
  bool running = false;
  uint8_t operstate = 0;  // IF_OPER_*
  uint32_t promiscuity = 0;
  bool promisc_flag = false;
  uint32_t master = 0;
  uint32_t peer = 0;
  std::optional<int32_t> peer_netns_id;
  std::string alias;
  uint32_t txqlen = 0;
  std::optional<BridgePort> port;
  std::optional<Bridge> bridge;
};

// By name or, where `ifindex` is not 0, by that. Nothing where there is none.
Result<std::optional<Link>> FindLink(Socket& socket, const std::string& name, int ifindex = 0);
Result<std::vector<Link>> AllLinks(Socket& socket);

// The link that a step means: the one this run created under that name, else whichever has the name. As it is
// now.
Result<std::optional<Link>> FindLink(Session& session, Ns ns, const std::string& name);
// As above, but ENODEV, with `op`, where there is none.
Result<Link> NeedLink(Session& session, Ns ns, const std::string& name, const std::string& op);
// As above; of a link that this run created without asking, as this run has left it.
Result<Link> NeedKnownLink(Session& session, Ns ns, const std::string& name, const std::string& op);
// Only its ifindex, which costs no message for a link that this run created.
Result<int> NeedIfindex(Session& session, Ns ns, const std::string& name, const std::string& op);

Value ToValue(const Link& link);

// The header of a link message about `ifindex`, 0 where a name says which.
ifinfomsg LinkHeader(int ifindex, uint8_t family = AF_UNSPEC);

// What a message says of a link; nothing where it is about something else.
std::optional<Link> ParseLink(const nlmsghdr& message);

}  // namespace trestle
