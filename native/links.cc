#include "links.h"

#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>

namespace trestle {
namespace {

// Statistics are most of a link message, and nobody here reads them.
constexpr uint32_t kSkipStatistics = RTEXT_FILTER_SKIP_STATS;

void ReadKind(const Attributes& info, Link& link) {
  link.kind = info.Text(IFLA_INFO_KIND);
  if (link.kind == "bridge") {
    const Attributes bridge = info.Nested(IFLA_INFO_DATA);
    const auto options = bridge.As<br_boolopt_multi>(IFLA_BR_MULTI_BOOLOPT).value_or(br_boolopt_multi{});
    link.bridge = Bridge{.vlan_filtering = bridge.U8(IFLA_BR_VLAN_FILTERING).value_or(0) != 0,
                         .default_pvid = bridge.U16(IFLA_BR_VLAN_DEFAULT_PVID).value_or(0),
                         .no_link_local_learn = (options.optval & 1U << BR_BOOLOPT_NO_LL_LEARN) != 0};
  }
  if (info.Text(IFLA_INFO_SLAVE_KIND) == "bridge") {
    const Attributes port = info.Nested(IFLA_INFO_SLAVE_DATA);
    link.port = BridgePort{.hairpin = port.U8(IFLA_BRPORT_MODE).value_or(0) != 0,
                           .isolated = port.U8(IFLA_BRPORT_ISOLATED).value_or(0) != 0,
                           .state = port.U8(IFLA_BRPORT_STATE).value_or(BR_STATE_DISABLED)};
  }
}

const char* OperstateInWords(uint8_t operstate) {
  static constexpr std::array<const char*, 7> words = {"unknown", "notpresent", "down", "lowerlayerdown",
                                                       "testing", "dormant",    "up"};
  return operstate < words.size() ? words.at(operstate) : "unknown";
}

const char* PortStateInWords(uint8_t state) {
  static constexpr std::array<const char*, 5> words = {"disabled", "listening", "learning", "forwarding",
                                                       "blocking"};
  return state < words.size() ? words.at(state) : "disabled";
}

Value ToValue(const BridgePort& port) {
  return Object{
      {"hairpin", port.hairpin}, {"isolated", port.isolated}, {"state", PortStateInWords(port.state)}};
}

Value ToValue(const Bridge& bridge) {
  Object fact = {{"vlanFiltering", bridge.vlan_filtering}, {"defaultPvid", int(bridge.default_pvid)}};
  if (bridge.no_link_local_learn) fact.emplace_back("noLinkLocalLearn", true);
  return fact;
}

}  // namespace

std::optional<Link> ParseLink(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWLINK) return std::nullopt;
  const auto* header = static_cast<const ifinfomsg*>(NLMSG_DATA(&message));
  const auto attributes = Attributes::Of<ifinfomsg>(message);
  const Bytes mac = attributes.Raw(IFLA_ADDRESS);
  Link link;
  link.ifindex = header->ifi_index;
  link.up = (header->ifi_flags & IFF_UP) != 0;
  link.running = (header->ifi_flags & IFF_RUNNING) != 0;
  link.promisc_flag = (header->ifi_flags & IFF_PROMISC) != 0;
  link.name = attributes.Text(IFLA_IFNAME);
  link.mac = MacToText(mac.data(), mac.size());
  link.mtu = attributes.U32(IFLA_MTU).value_or(0);
  link.operstate = attributes.U8(IFLA_OPERSTATE).value_or(IF_OPER_UNKNOWN);
  link.promiscuity = attributes.U32(IFLA_PROMISCUITY).value_or(0);
  link.master = attributes.U32(IFLA_MASTER).value_or(0);
  link.peer = attributes.U32(IFLA_LINK).value_or(0);
  link.peer_netns_id = attributes.S32(IFLA_LINK_NETNSID);
  link.alias = attributes.Text(IFLA_IFALIAS);
  link.txqlen = attributes.U32(IFLA_TXQLEN).value_or(0);
  ReadKind(attributes.Nested(IFLA_LINKINFO), link);
  return link;
}

ifinfomsg LinkHeader(int ifindex, uint8_t family) {
  ifinfomsg header{};
  header.ifi_family = family;
  header.ifi_index = ifindex;
  return header;
}

Result<std::optional<Link>> FindLink(Socket& socket, const std::string& name, int ifindex) {
  Request request(RTM_GETLINK, 0, LinkHeader(ifindex));
  if (ifindex == 0) request.attributes().Text(IFLA_IFNAME, name);
  request.attributes().U32(IFLA_EXT_MASK, kSkipStatistics);
  return socket.Get<Link>("read link " + name, request, ENODEV,
                          [](const nlmsghdr& message) { return ParseLink(message).value_or(Link{}); });
}

Result<std::vector<Link>> AllLinks(Socket& socket) {
  Request request(RTM_GETLINK, 0, LinkHeader(0));
  request.attributes().U32(IFLA_EXT_MASK, kSkipStatistics);
  return socket.Dump<Link>("list links", request, ParseLink);
}

Result<std::optional<Link>> FindLink(Session& session, Ns ns, const std::string& name) {
  auto socket = session.Route(ns);
  if (!socket) return socket.fault();
  const auto ours = session.created().find({ns, name});
  return FindLink(**socket, name, ours == session.created().end() ? 0 : ours->second->ifindex);
}

Result<Link> NeedLink(Session& session, Ns ns, const std::string& name, const std::string& op) {
  auto link = FindLink(session, ns, name);
  if (!link) return Fault{op, link.fault().code, link.fault().message, link.fault().extack};
  if (!*link) return Fault{op, ENODEV, "there is no link \"" + name + "\"" + PlaceInWords(ns), ""};
  return std::move(**link);
}

Result<Link> NeedKnownLink(Session& session, Ns ns, const std::string& name, const std::string& op) {
  const auto ours = session.created().find({ns, name});
  if (ours != session.created().end()) return *ours->second;
  return NeedLink(session, ns, name, op);
}

Result<int> NeedIfindex(Session& session, Ns ns, const std::string& name, const std::string& op) {
  const auto ours = session.created().find({ns, name});
  if (ours != session.created().end()) return ours->second->ifindex;
  auto link = NeedLink(session, ns, name, op);
  if (!link) return link.fault();
  return link->ifindex;
}

Value ToValue(const Link& link) {
  Object fact = {{"ifindex", link.ifindex},
                 {"name", link.name},
                 {"kind", link.kind},
                 {"mac", link.mac},
                 {"mtu", link.mtu},
                 {"up", link.up},
                 {"operstate", OperstateInWords(link.operstate)},
                 {"promiscuity", link.promiscuity},
                 {"promiscFlag", link.promisc_flag},
                 {"master", link.master},
                 {"peer", link.peer},
                 {"peerNetnsId", link.peer_netns_id},
                 {"alias", link.alias},
                 {"txqlen", link.txqlen}};
  if (link.port) fact.emplace_back("port", ToValue(*link.port));
  if (link.bridge) fact.emplace_back("bridge", ToValue(*link.bridge));
  return fact;
}

}  // namespace trestle
