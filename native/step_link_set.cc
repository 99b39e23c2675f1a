// `ip link set` and `bridge link set`: only what differs is written.
#include <linux/if.h>
#include <linux/if_bridge.h>

#include <cerrno>
#include <optional>
#include <string>

#include "links.h"
#include "steps.h"

namespace trestle {
namespace {

struct LinkSet {
  Ns ns = Ns::kHost;
  std::string name;
  std::optional<bool> up;
  std::optional<uint32_t> mtu;
  std::optional<Mac> mac;
  std::optional<std::string> alias;
  std::optional<bool> promisc;
  std::optional<bool> hairpin;
  std::optional<bool> isolated;
  std::optional<bool> no_link_local_learn;
  bool pin_mac = false;

  [[nodiscard]] bool WantsPort() const { return hairpin || isolated; }
};

// Drops from the step what the link has already; returns what it has instead of the rest.
Object TakeDifferences(LinkSet& step, const Link& link) {
  Object previous;
  auto compare = [&previous](const char* name, auto& wanted, const auto& found) {
    if (wanted && *wanted == found) wanted.reset();
    if (wanted) previous.emplace_back(name, found);
  };
  compare("up", step.up, link.up);
  compare("mtu", step.mtu, link.mtu);
  const bool same_mac = step.mac && ToText(*step.mac) == link.mac;
  if (same_mac) step.mac.reset();
  if (step.mac) previous.emplace_back("mac", link.mac);
  // Setting it to what it is makes it NET_ADDR_SET, which a bridge keeps whatever ports come and go.
  if (step.pin_mac && !step.mac) step.mac = ParseMac(link.mac);
  compare("alias", step.alias, link.alias);
  compare("promisc", step.promisc, link.promisc_flag);
  if (link.port) compare("hairpin", step.hairpin, link.port->hairpin);
  if (link.port) compare("isolated", step.isolated, link.port->isolated);
  if (link.bridge) compare("noLinkLocalLearn", step.no_link_local_learn, link.bridge->no_link_local_learn);
  return previous;
}

std::string InWords(const LinkSet& step) {
  std::string changes;
  auto add = [&changes](const std::string& change) { changes += (changes.empty() ? "" : ", ") + change; };
  if (step.up) add(*step.up ? "up" : "down");
  if (step.mtu) add("mtu " + std::to_string(*step.mtu));
  if (step.mac) add("address " + ToText(*step.mac));
  if (step.alias) add("alias");
  if (step.promisc) add(*step.promisc ? "promisc on" : "promisc off");
  if (step.hairpin) add(*step.hairpin ? "hairpin on" : "hairpin off");
  if (step.isolated) add(*step.isolated ? "isolated on" : "isolated off");
  if (step.no_link_local_learn)
    add(*step.no_link_local_learn ? "no_linklocal_learn on" : "no_linklocal_learn off");
  if (step.pin_mac) add("pinned address");
  return "set link " + step.name + PlaceInWords(step.ns) + ": " + changes;
}

Status SetAlias(Socket& socket, const LinkSet& step, int ifindex, const std::string& op) {
  if (!step.alias) return Done{};
  Request request(RTM_SETLINK, 0, LinkHeader(ifindex));
  // Without the NUL, which the kernel would count among the 255 bytes.
  request.attributes().Raw(IFLA_IFALIAS,
                           {reinterpret_cast<const uint8_t*>(step.alias->data()), step.alias->size()});
  return socket.Change(op, request);
}

// The alias first: of a link that is up it is news to all of the kernel, for which IPv6 goes through every
// route of the namespace.
Status SetLink(Socket& socket, const LinkSet& step, int ifindex, const std::string& op) {
  if (auto set = SetAlias(socket, step, ifindex, op); !set) return set;
  if (!step.up && !step.mtu && !step.mac && !step.promisc) return Done{};
  ifinfomsg header = LinkHeader(ifindex);
  auto flag = [&header](const std::optional<bool>& wanted, unsigned bit) {
    if (wanted) header.ifi_change |= bit;
    if (wanted && *wanted) header.ifi_flags |= bit;
  };
  flag(step.up, IFF_UP);
  flag(step.promisc, IFF_PROMISC);
  Request request(RTM_SETLINK, 0, header);
  if (step.mtu) request.attributes().U32(IFLA_MTU, *step.mtu);
  if (step.mac) request.attributes().Raw(IFLA_ADDRESS, *step.mac);
  return socket.Change(op, request);
}

Status SetPort(Socket& socket, const LinkSet& step, int ifindex, const std::string& op) {
  if (!step.WantsPort()) return Done{};
  Request request(RTM_SETLINK, 0, LinkHeader(ifindex, AF_BRIDGE));
  request.attributes().Nested(IFLA_PROTINFO, [&](auto& port) {
    if (step.hairpin) port.U8(IFLA_BRPORT_MODE, *step.hairpin ? 1 : 0);
    if (step.isolated) port.U8(IFLA_BRPORT_ISOLATED, *step.isolated ? 1 : 0);
  });
  return socket.Change(op, request);
}

Status SetBridge(Socket& socket, const LinkSet& step, int ifindex, const std::string& op) {
  if (!step.no_link_local_learn) return Done{};
  br_boolopt_multi options{.optval = 0, .optmask = 1U << BR_BOOLOPT_NO_LL_LEARN};
  if (*step.no_link_local_learn) options.optval = options.optmask;
  Request request(RTM_NEWLINK, 0, LinkHeader(ifindex));
  request.attributes().Nested(IFLA_LINKINFO, [&](auto& info) {
    info.Text(IFLA_INFO_KIND, "bridge");
    info.Nested(IFLA_INFO_DATA, [&](auto& data) {
      data.Raw(IFLA_BR_MULTI_BOOLOPT, {reinterpret_cast<const uint8_t*>(&options), sizeof options});
    });
  });
  return socket.Change(op, request);
}

// Empty where the link is of the kind that the step needs.
std::string MissingKind(const LinkSet& step, const Link& link) {
  if (step.WantsPort() && !link.port) return "port of a bridge";
  if (step.no_link_local_learn && !link.bridge) return "bridge";
  return "";
}

// What this run knows of a link that it has made.
void Remember(Session& session, const LinkSet& step) {
  const auto ours = session.created().find({step.ns, step.name});
  if (ours == session.created().end()) return;
  Link& link = *ours->second;
  link.up = step.up.value_or(link.up);
  link.mtu = step.mtu.value_or(link.mtu);
  if (step.mac) link.mac = ToText(*step.mac);
  link.alias = step.alias.value_or(link.alias);
  link.promisc_flag = step.promisc.value_or(link.promisc_flag);
}

Result<Outcome> Run(Session& session, LinkSet step) {
  const std::string op = InWords(step);
  // Of ports and bridges more is set than is remembered.
  const bool is_simple = !step.WantsPort() && !step.no_link_local_learn;
  auto link =
      is_simple ? NeedKnownLink(session, step.ns, step.name, op) : NeedLink(session, step.ns, step.name, op);
  if (!link) return link.fault();
  if (const std::string kind = MissingKind(step, *link); !kind.empty()) {
    return Fault{op, EOPNOTSUPP, "link \"" + step.name + "\" is no " + kind, ""};
  }
  Object previous = TakeDifferences(step, *link);
  Outcome outcome{"kept",
                  {{"ifindex", link->ifindex},
                   {"mac", step.mac ? ToText(*step.mac) : link->mac},
                   {"mtu", step.mtu.value_or(link->mtu)}}};
  if (previous.empty() && !step.pin_mac) return outcome;
  auto socket = session.Route(step.ns);
  if (!socket) return socket.fault();
  if (auto set = SetLink(**socket, step, link->ifindex, op); !set) return set.fault();
  if (auto set = SetPort(**socket, step, link->ifindex, op); !set) return set.fault();
  if (auto set = SetBridge(**socket, step, link->ifindex, op); !set) return set.fault();
  Remember(session, step);
  outcome.did = "changed";
  outcome.details.emplace_back("previous", std::move(previous));
  return outcome;
}

}  // namespace

Step ParseLinkSet(Fields& fields) {
  LinkSet step;
  step.ns = fields.Namespace("ns");
  step.name = fields.LinkName("name");
  step.up = fields.OptionalFlag("up");
  step.mtu = fields.OptionalNumber("mtu", 0, INT32_MAX);
  step.mac = fields.OptionalMac("mac");
  step.alias = fields.OptionalText("alias", IFALIASZ - 1);
  step.promisc = fields.OptionalFlag("promisc");
  step.hairpin = fields.OptionalFlag("hairpin");
  step.isolated = fields.OptionalFlag("isolated");
  step.no_link_local_learn = fields.OptionalFlag("noLinkLocalLearn");
  step.pin_mac = fields.Flag("pinMac");
  return {.uses_pod = step.ns == Ns::kPod, .run = [step](Session& session) { return Run(session, step); }};
}

}  // namespace trestle
