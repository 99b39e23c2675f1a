// `ip link add`: one RTM_NEWLINK that makes a link with everything it is to have.
#include <linux/if.h>
#include <linux/veth.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "links.h"
#include "steps.h"
#include "vlans.h"

namespace trestle {
namespace {

struct Peer {
  Ns ns = Ns::kHost;
  std::string name;
  std::optional<Mac> mac;
  std::optional<uint32_t> mtu;
};

struct LinkAdd {
  Ns ns = Ns::kHost;
  std::string name;
  const char* kind = "";
  bool vlan_filtering = false;
  std::optional<Peer> peer;
  std::optional<Mac> mac;
  std::optional<uint32_t> mtu;
  bool up = false;
  std::optional<std::string> master;
  bool keep_if_exists = false;
};

const char* InParentheses(Ns ns) {
  return ns == Ns::kHost ? " (host)" : " (pod)";
}

std::string InWords(const LinkAdd& step) {
  if (!step.peer) return std::string("add ") + step.kind + " " + step.name + PlaceInWords(step.ns);
  return "add veth pair " + step.name + InParentheses(step.ns) + " – " + step.peer->name +
         InParentheses(step.peer->ns);
}

void WriteEnd(AttributeWriter& to, const std::string& name, const std::optional<Mac>& mac,
              const std::optional<uint32_t>& mtu) {
  to.Text(IFLA_IFNAME, name);
  if (mac) to.Raw(IFLA_ADDRESS, *mac);
  if (mtu) to.U32(IFLA_MTU, *mtu);
}

// Left to itself the kernel (since 5.17) gives an end as many queues as there are processors and then uses
// one, and taking the others out of use waits for RCU twice.
void WriteOneQueue(AttributeWriter& to) {
  to.U32(IFLA_NUM_TX_QUEUES, 1);
  to.U32(IFLA_NUM_RX_QUEUES, 1);
}

void WriteKind(AttributeWriter& to, const LinkAdd& step, int peer_netns) {
  to.Text(IFLA_INFO_KIND, step.kind);
  if (step.vlan_filtering) {
    to.Nested(IFLA_INFO_DATA, [&](auto& data) { data.U8(IFLA_BR_VLAN_FILTERING, 1); });
  }
  if (!step.peer) return;
  to.Nested(IFLA_INFO_DATA, [&](auto& data) {
    data.Nested(VETH_INFO_PEER, [&](auto& peer) {
      peer.Head(LinkHeader(0));
      WriteEnd(peer, step.peer->name, step.peer->mac, step.peer->mtu);
      WriteOneQueue(peer);
      if (step.peer->ns != step.ns) peer.U32(IFLA_NET_NS_FD, uint32_t(peer_netns));
    });
  });
}

// What the kernel tells of it while it makes it: since 6.2 the link in `step.ns`, not yet a port of its
// bridge.
Status Create(Session& session, Socket& socket, const LinkAdd& step, int master, std::optional<Link>& told) {
  ifinfomsg header = LinkHeader(0);
  header.ifi_change = step.up ? IFF_UP : 0;
  header.ifi_flags = header.ifi_change;
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO, header);
  WriteEnd(request.attributes(), step.name, step.mac, step.mtu);
  if (step.peer) WriteOneQueue(request.attributes());
  if (master != 0) request.attributes().U32(IFLA_MASTER, uint32_t(master));
  const int peer_netns = step.peer ? session.namespaces().fd(step.peer->ns) : -1;
  request.attributes().Nested(IFLA_LINKINFO, [&](auto& info) { WriteKind(info, step, peer_netns); });
  auto listen = [&told](const nlmsghdr& message) {
    if (auto link = ParseLink(message)) told = std::move(link);
  };
  return socket.Change(InWords(step), request, listen);
}

// The links that have the names of the step. `link` is looked up by the ifindex that its other end tells, if
// it does.
struct Ends {
  std::optional<Link> link;
  std::optional<Link> peer;
};

enum class LookUp { kByName, kThroughPeer };

Result<Ends> FindEnds(Session& session, Socket& socket, const LinkAdd& step, LookUp how) {
  Ends ends;
  if (step.peer) {
    auto peer_socket = session.Route(step.peer->ns);
    if (!peer_socket) return peer_socket.fault();
    auto peer = FindLink(**peer_socket, step.peer->name);
    if (!peer) return peer.fault();
    ends.peer = std::move(*peer);
  }
  const bool through_peer = how == LookUp::kThroughPeer && ends.peer;
  auto link = FindLink(socket, step.name, through_peer ? int(ends.peer->peer) : 0);
  if (!link) return link.fault();
  ends.link = std::move(*link);
  return ends;
}

Object Details(const Link& link) {
  return {{"ifindex", link.ifindex}, {"mac", link.mac}, {"mtu", link.mtu}};
}

bool IsPair(const Link& a, const Link& b) {
  return int(a.peer) == b.ifindex && int(b.peer) == a.ifindex;
}

Fault TakenFault(const LinkAdd& step, const Link& holder, Ns ns) {
  const std::string kind = holder.kind.empty() ? "device" : holder.kind;
  return {
      InWords(step), EEXIST,
      "\"" + holder.name + "\" already exists" + PlaceInWords(ns) + ": a " + kind + " with MAC " + holder.mac,
      ""};
}

Result<Outcome> Keep(const LinkAdd& step, const Ends& taken) {
  if (step.keep_if_exists && taken.link) {
    if (taken.link->kind != step.kind) {
      const std::string message = "\"" + step.name + "\" already exists but is not a " + step.kind;
      return Fault{InWords(step), EEXIST, message, ""};
    }
    Outcome kept{"kept", Details(*taken.link)};
    if (taken.peer && IsPair(*taken.link, *taken.peer))
      kept.details.emplace_back("peer", Details(*taken.peer));
    return kept;
  }
  return taken.link ? TakenFault(step, *taken.link, step.ns) : TakenFault(step, *taken.peer, step.peer->ns);
}

// Of a pair whose ends are in two namespaces, by what the kernel has told of one and we of the other. Nothing
// where that is not all there is to know.
Ends EndsTold(const LinkAdd& step, const std::optional<Link>& told) {
  const bool is_known = told && told->peer != 0 && step.peer && step.peer->mac && step.peer->mtu == step.mtu;
  if (!is_known) return {};
  Link peer;
  peer.ifindex = int(told->peer);
  peer.peer = uint32_t(told->ifindex);
  peer.name = step.peer->name;
  peer.kind = step.kind;
  peer.mac = ToText(*step.peer->mac);
  peer.mtu = told->mtu;
  return {told, peer};
}

// What was made. Before 6.2 the kernel tells the creator nothing of it, not even an ifindex, and it has to be
// looked up. On the host somebody (udev) may rename a link as soon as it is there, so that a pair is looked
// up from the end in the pod.
Result<Outcome> ReadCreated(Session& session, Socket& socket, const LinkAdd& step,
                            const std::optional<Link>& told) {
  Ends made = EndsTold(step, told);
  if (!made.link) {
    auto found = FindEnds(session, socket, step, LookUp::kThroughPeer);
    if (!found) return found.fault();
    made = std::move(*found);
  }
  const bool ours = made.link && made.link->kind == step.kind &&
                    (!step.mac || made.link->mac == ToText(*step.mac)) &&
                    (!step.peer || (made.peer && IsPair(*made.link, *made.peer)));
  if (!ours) return Fault{InWords(step), ENODEV, "the link was gone as soon as it was made", ""};
  Outcome created{"created", Details(*made.link)};
  session.created()[{step.ns, step.name}] = std::make_shared<Link>(*made.link);
  if (step.peer) {
    created.details.emplace_back("peer", Details(*made.peer));
    session.created()[{step.peer->ns, step.peer->name}] = std::make_shared<Link>(*made.peer);
  }
  return created;
}

// The ifindex of the master, 0 for none. One that was just looked at is believed: if it has gone since, the
// kernel says so.
Result<int> FindMaster(Session& session, const LinkAdd& step, bool& is_believed) {
  const auto seen = session.seen().find({step.ns, step.master.value_or("")});
  is_believed = is_believed && step.master && seen != session.seen().end() && seen->second;
  if (!step.master) return 0;
  if (is_believed) return seen->second->ifindex;
  return NeedIfindex(session, step.ns, *step.master, InWords(step));
}

Fault Explain(Fault fault, const LinkAdd& step) {
  if (fault.code == EXFULL && step.master) {
    fault.message = "bridge \"" + *step.master + "\" has no free port (the kernel allows 1023)";
  }
  // With an explanation it is another reason: "Unknown device type" in a kernel without bridges.
  if (fault.code == EOPNOTSUPP && step.vlan_filtering && fault.extack.empty())
    fault.message = kNoVlanFiltering;
  return fault;
}

Result<Outcome> Run(Session& session, const LinkAdd& step) {
  auto socket = session.Route(step.ns);
  if (!socket) return socket.fault();
  bool believes = true;
  // Whoever had the name may have gone by the time it is looked up: then there is nothing in the way any
  // more.
  for (int tries = 0;; tries++) {
    auto master = FindMaster(session, step, believes);
    if (!master) return master.fault();
    std::optional<Link> told;
    const auto created = Create(session, **socket, step, *master, told);
    if (created) return ReadCreated(session, **socket, step, told);
    if (std::exchange(believes, false)) continue;
    if (created.fault().code != EEXIST) return Explain(created.fault(), step);
    auto taken = FindEnds(session, **socket, step, LookUp::kByName);
    if (!taken) return taken.fault();
    if (taken->link || taken->peer) return Keep(step, *taken);
    if (tries == 3) return created.fault();
  }
}

Peer ParsePeer(Fields fields) {
  Peer peer;
  peer.ns = fields.Namespace("ns");
  peer.name = fields.LinkName("name");
  peer.mac = fields.OptionalMac("mac");
  peer.mtu = fields.OptionalNumber("mtu", 0, INT32_MAX);
  fields.Finish();
  return peer;
}

void ParseKind(Fields fields, LinkAdd& step) {
  step.kind = fields.OneOf<const char*>("kind", {{"bridge", "bridge"}, {"veth", "veth"}});
  if (step.kind == std::string_view("veth")) {
    step.peer = ParsePeer(fields.Nested("peer"));
  } else {
    step.vlan_filtering = fields.Flag("vlanFiltering");
  }
  fields.Finish();
}

}  // namespace

Step ParseLinkAdd(Fields& fields) {
  LinkAdd step;
  step.ns = fields.Namespace("ns");
  step.name = fields.LinkName("name");
  ParseKind(fields.Nested("link"), step);
  step.mac = fields.OptionalMac("mac");
  step.mtu = fields.OptionalNumber("mtu", 0, INT32_MAX);
  step.up = fields.Flag("up");
  step.master = fields.OptionalLinkName("master");
  step.keep_if_exists = KeepsIf(fields, "ifExists");
  const bool uses_pod = step.ns == Ns::kPod || (step.peer && step.peer->ns == Ns::kPod);
  return {.uses_pod = uses_pod, .run = [step](Session& session) { return Run(session, step); }};
}

}  // namespace trestle
