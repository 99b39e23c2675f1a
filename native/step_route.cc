// `ip route prepend`.
#include <linux/rtnetlink.h>

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "links.h"
#include "steps.h"

namespace trestle {
namespace {

struct RouteAdd {
  Ns ns = Ns::kHost;
  std::string link;
  Prefix dst;
  std::optional<Ip> gw;
  std::optional<Ip> src;
  std::optional<uint32_t> mtu;
  std::optional<uint32_t> advmss;
  std::optional<uint32_t> priority;
  uint32_t table = RT_TABLE_MAIN;
  uint8_t scope = RT_SCOPE_UNIVERSE;
  bool keep_if_exists = false;
};

Bytes Raw(const Ip& ip) {
  return {ip.bytes.data(), ip.size()};
}

std::string InWords(const RouteAdd& step) {
  const std::string via = step.gw ? " via " + ToText(*step.gw) : "";
  return "add route " + ToText(step.dst) + via + " through " + step.link + PlaceInWords(step.ns);
}

rtmsg Header(const RouteAdd& step) {
  rtmsg header{};
  header.rtm_family = uint8_t(step.dst.ip.family);
  header.rtm_dst_len = step.dst.length;
  header.rtm_scope = step.scope;
  // What the reference leaves (Go's netlink library, `ip route` without `proto`).
  header.rtm_protocol = RTPROT_BOOT;
  header.rtm_type = RTN_UNICAST;
  header.rtm_table = step.table < 256 ? uint8_t(step.table) : uint8_t(RT_TABLE_COMPAT);
  return header;
}

void WriteGateway(AttributeWriter& to, const RouteAdd& step) {
  if (step.gw->family == step.dst.ip.family) {
    to.Raw(RTA_GATEWAY, Raw(*step.gw));
    return;
  }
  // RTA_VIA, for an IPv4 route over IPv6: a 16-bit family, then the address.
  const auto family = uint16_t(step.gw->family);
  const auto* bytes = reinterpret_cast<const uint8_t*>(&family);
  std::vector<uint8_t> via(bytes, bytes + sizeof family);
  via.insert(via.end(), step.gw->bytes.begin(), step.gw->bytes.begin() + ptrdiff_t(step.gw->size()));
  to.Raw(RTA_VIA, via);
}

void Write(AttributeWriter& to, const RouteAdd& step, int ifindex) {
  if (step.dst.length > 0) to.Raw(RTA_DST, Raw(step.dst.ip));
  to.U32(RTA_OIF, uint32_t(ifindex)).U32(RTA_TABLE, step.table);
  if (step.gw) WriteGateway(to, step);
  if (step.src) to.Raw(RTA_PREFSRC, Raw(*step.src));
  if (step.priority) to.U32(RTA_PRIORITY, *step.priority);
  if (!step.mtu && !step.advmss) return;
  to.Nested(RTA_METRICS, [&](auto& metrics) {
    if (step.mtu) metrics.U32(RTAX_MTU, *step.mtu);
    if (step.advmss) metrics.U32(RTAX_ADVMSS, *step.advmss);
  });
}

Result<Outcome> Run(Session& session, const RouteAdd& step) {
  const std::string op = InWords(step);
  auto ifindex = NeedIfindex(session, step.ns, step.link, op);
  if (!ifindex) return ifindex.fault();
  auto socket = session.Route(step.ns);
  if (!socket) return socket.fault();
  // Without NLM_F_EXCL: another way to the same destination (the link's own subnet through a gateway, one
  // more nexthop) is no obstacle. EEXIST is then said of this very route.
  Request request(RTM_NEWROUTE, NLM_F_CREATE, Header(step));
  Write(request.attributes(), step, *ifindex);
  auto added = (*socket)->Change(op, request);
  if (!added && added.fault().code == EEXIST && step.keep_if_exists) return Outcome{};
  if (!added) return added.fault();
  return Outcome{"created", {}};
}

}  // namespace

Step ParseRouteAdd(Fields& fields) {
  RouteAdd step;
  step.ns = fields.Namespace("ns");
  step.link = fields.LinkName("link");
  step.dst = fields.Address("dst");
  step.gw = fields.OptionalIp("gw");
  step.src = fields.OptionalIp("src");
  step.mtu = fields.OptionalNumber("mtu", 1, INT32_MAX);
  step.advmss = fields.OptionalNumber("advmss", 1, INT32_MAX);
  step.priority = fields.OptionalNumber("priority", 0, UINT32_MAX);
  step.table = fields.OptionalNumber("table", 1, UINT32_MAX).value_or(RT_TABLE_MAIN);
  const uint32_t scope =
      fields.OptionalNumber("scope", 0, 255).value_or(step.gw ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
  step.scope = uint8_t(scope);
  step.keep_if_exists = KeepsIf(fields, "ifExists");
  return {.uses_pod = step.ns == Ns::kPod, .run = [step](Session& session) { return Run(session, step); }};
}

}  // namespace trestle
