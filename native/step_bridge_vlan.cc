// `bridge vlan add` and `bridge vlan del` on a port.
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "links.h"
#include "steps.h"
#include "vlans.h"

namespace trestle {
namespace {

constexpr uint16_t kMaxVlan = 4094;

struct BridgeVlan {
  // RTM_SETLINK or RTM_DELLINK.
  uint16_t message = 0;
  Ns ns = Ns::kHost;
  std::string link;
  std::vector<VlanRange> vlans;

  [[nodiscard]] bool adds() const { return message == RTM_SETLINK; }
};

std::string InWords(const VlanRange& range) {
  std::string words = range.from == range.to ? "VLAN " : "VLANs ";
  words += std::to_string(range.from);
  if (range.from != range.to) words += "-" + std::to_string(range.to);
  if (range.pvid) words += " pvid";
  if (range.untagged) words += " untagged";
  return words;
}

std::string InWords(const BridgeVlan& step) {
  constexpr size_t max_listed = 8;
  std::string words = (step.adds() ? "add " : "take ") + step.link + PlaceInWords(step.ns);
  words += step.adds() ? " to " : " out of ";
  for (size_t i = 0; i < std::min(step.vlans.size(), max_listed); i++) {
    words += (i == 0 ? "" : ", ") + InWords(step.vlans[i]);
  }
  if (step.vlans.size() > max_listed) {
    words += " and " + std::to_string(step.vlans.size() - max_listed) + " more";
  }
  return words;
}

void WriteVlan(AttributeWriter& to, uint16_t vid, int flags) {
  const bridge_vlan_info info{.flags = uint16_t(flags), .vid = vid};
  to.Raw(IFLA_BRIDGE_VLAN_INFO, {reinterpret_cast<const uint8_t*>(&info), sizeof info});
}

void WriteRange(AttributeWriter& to, const VlanRange& range) {
  const int flags =
      (range.pvid ? BRIDGE_VLAN_INFO_PVID : 0) | (range.untagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0);
  if (range.from == range.to) {
    WriteVlan(to, range.from, flags);
    return;
  }
  WriteVlan(to, range.from, flags | BRIDGE_VLAN_INFO_RANGE_BEGIN);
  WriteVlan(to, range.to, flags | BRIDGE_VLAN_INFO_RANGE_END);
}

Status Send(Socket& socket, const BridgeVlan& step, int ifindex, const std::string& op) {
  // A message takes a page, and a range 16 bytes of it.
  constexpr size_t max_ranges = 200;
  for (size_t i = 0; i < step.vlans.size(); i += max_ranges) {
    Request request(step.message, 0, LinkHeader(ifindex, AF_BRIDGE));
    const size_t end = std::min(step.vlans.size(), i + max_ranges);
    request.attributes().Nested(IFLA_AF_SPEC, [&](auto& spec) {
      for (size_t k = i; k < end; k++) WriteRange(spec, step.vlans[k]);
    });
    if (auto sent = socket.Change(op, request); !sent) return sent;
  }
  return Done{};
}

// Of each VLAN its range, where the port is in it.
using Members = std::array<const VlanRange*, kMaxVlan + 1>;

Members MembersOf(const std::vector<VlanRange>& ranges) {
  Members members{};
  for (const VlanRange& range : ranges) {
    std::fill(members.begin() + range.from, members.begin() + std::min(range.to, kMaxVlan) + 1, &range);
  }
  return members;
}

bool SameFlags(const VlanRange& a, const VlanRange& b) {
  return a.pvid == b.pvid && a.untagged == b.untagged;
}

// What the step means to a port that is in `before`.
const char* Change(const BridgeVlan& step, const std::vector<VlanRange>& before) {
  const Members present = MembersOf(before);
  const Members wanted = MembersOf(step.vlans);
  bool some = false;
  bool differs = false;
  for (size_t vid = 1; vid <= kMaxVlan; vid++) {
    if (wanted.at(vid) == nullptr) continue;
    some = some || present.at(vid) != nullptr;
    differs = differs || present.at(vid) == nullptr || !SameFlags(*present.at(vid), *wanted.at(vid));
  }
  if (!step.adds()) return some ? "deleted" : "kept";
  if (!differs) return "kept";
  return some ? "changed" : "created";
}

// EOPNOTSUPP has two reasons; the link tells which.
Fault Explain(Session& session, const BridgeVlan& step, Fault fault) {
  if (fault.code != EOPNOTSUPP || !fault.extack.empty()) return fault;
  auto link = FindLink(session, step.ns, step.link);
  if (!link || !*link) return fault;
  fault.message = (*link)->port ? kNoVlanFiltering : "link \"" + step.link + "\" is no port of a bridge";
  return fault;
}

Result<Outcome> Run(Session& session, const BridgeVlan& step) {
  const std::string op = InWords(step);
  auto ifindex = NeedIfindex(session, step.ns, step.link, op);
  if (!ifindex) return ifindex.fault();
  auto socket = session.Route(step.ns);
  if (!socket) return socket.fault();
  auto before = VlansOf(**socket, *ifindex);
  if (!before) return before.fault();
  if (auto sent = Send(**socket, step, *ifindex, op); !sent) return Explain(session, step, sent.fault());
  return Outcome{Change(step, *before), {}};
}

VlanRange ParseRange(Fields& fields, bool with_flags) {
  VlanRange range;
  range.from = uint16_t(fields.Number("from", 1, kMaxVlan));
  range.to = uint16_t(fields.Number("to", range.from, kMaxVlan));
  if (!with_flags) return range;
  range.pvid = fields.Flag("pvid");
  range.untagged = fields.Flag("untagged");
  // "Pvid isn't allowed in a range" (br_vlan_valid_range).
  if (range.pvid && range.from != range.to) fields.Complain("pvid", "is for a single VLAN");
  return range;
}

Step Parse(Fields& fields, uint16_t message) {
  BridgeVlan step;
  step.message = message;
  step.ns = fields.Namespace("ns");
  step.link = fields.LinkName("link");
  fields.Each("vlans", false, [&](Fields& range) { step.vlans.push_back(ParseRange(range, step.adds())); });
  return {.uses_pod = step.ns == Ns::kPod, .run = [step](Session& session) { return Run(session, step); }};
}

}  // namespace

Step ParseBridgeVlanAdd(Fields& fields) {
  return Parse(fields, RTM_SETLINK);
}

Step ParseBridgeVlanDelete(Fields& fields) {
  return Parse(fields, RTM_DELLINK);
}

}  // namespace trestle
