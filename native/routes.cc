#include "routes.h"

#include <linux/rtnetlink.h>

#include <algorithm>

namespace trestle {
namespace {

std::optional<Ip> ReadIp(int family, Bytes bytes) {
  Ip ip;
  ip.family = family;
  if (bytes.size() != ip.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), ip.bytes.begin());
  return ip;
}

std::optional<Ip> ReadGateway(int family, const Attributes& attributes) {
  const Bytes via = attributes.Raw(RTA_VIA);
  if (via.size() <= sizeof(uint16_t)) return ReadIp(family, attributes.Raw(RTA_GATEWAY));
  uint16_t via_family = 0;
  std::copy_n(via.data(), sizeof via_family, reinterpret_cast<uint8_t*>(&via_family));
  return ReadIp(via_family, via.subspan(sizeof via_family));
}

// The attributes of each nexthop through `ifindex`: those of the route itself or, of a multipath route, those
// of its paths.
std::vector<Attributes> NexthopsThrough(int ifindex, const Attributes& attributes) {
  if (attributes.S32(RTA_OIF) == ifindex) return {attributes};
  std::vector<Attributes> nexthops;
  Bytes left = attributes.Raw(RTA_MULTIPATH);
  while (left.size() >= sizeof(rtnexthop)) {
    const auto* nexthop = reinterpret_cast<const rtnexthop*>(left.data());
    const size_t size = nexthop->rtnh_len;
    if (size < sizeof *nexthop || size > left.size()) break;
    if (nexthop->rtnh_ifindex == ifindex) nexthops.emplace_back(left.first(size).subspan(sizeof *nexthop));
    left = left.subspan(std::min(left.size(), size_t(RTNH_ALIGN(size))));
  }
  return nexthops;
}

// One for each path through the link, since the kernel tells IPv6 routes that differ only in their gateway as
// one.
std::optional<std::vector<Route>> ParseRoute(const nlmsghdr& message, int family, int ifindex) {
  if (message.nlmsg_type != RTM_NEWROUTE) return std::nullopt;
  const auto* header = static_cast<const rtmsg*>(NLMSG_DATA(&message));
  // A kernel without IPv6 answers its dump with that of IPv4.
  if (header->rtm_family != family) return std::nullopt;
  const auto attributes = Attributes::Of<rtmsg>(message);
  const Attributes metrics = attributes.Nested(RTA_METRICS);
  Route route;
  route.dst.ip = ReadIp(family, attributes.Raw(RTA_DST)).value_or(Ip{.family = family});
  route.dst.length = header->rtm_dst_len;
  route.table = attributes.U32(RTA_TABLE).value_or(header->rtm_table);
  route.scope = header->rtm_scope;
  route.priority = attributes.U32(RTA_PRIORITY).value_or(0);
  route.mtu = metrics.U32(RTAX_MTU);
  route.advmss = metrics.U32(RTAX_ADVMSS);
  route.src = ReadIp(family, attributes.Raw(RTA_PREFSRC));
  route.protocol = header->rtm_protocol;
  route.type = header->rtm_type;
  std::vector<Route> paths;
  for (const Attributes& nexthop : NexthopsThrough(ifindex, attributes)) {
    route.gw = ReadGateway(family, nexthop);
    paths.push_back(route);
  }
  return paths;
}

Result<std::vector<Route>> RoutesOf(Socket& socket, int ifindex, uint8_t family) {
  rtmsg header{};
  header.rtm_family = family;
  Request request(RTM_GETROUTE, 0, header);
  request.attributes().U32(RTA_OIF, uint32_t(ifindex));
  auto parse = [=](const nlmsghdr& message) { return ParseRoute(message, family, ifindex); };
  auto messages = socket.Dump<std::vector<Route>>("list routes", request, parse);
  // The link may have gone since its name was looked up.
  if (!messages && messages.fault().code == ENODEV) return std::vector<Route>();
  if (!messages) return messages.fault();
  std::vector<Route> routes;
  for (const auto& paths : *messages) routes.insert(routes.end(), paths.begin(), paths.end());
  return routes;
}

Value TextOrNull(const std::optional<Ip>& ip) {
  return ip ? Value(ToText(*ip)) : Value();
}

}  // namespace

Result<std::vector<Route>> RoutesOf(Socket& socket, int ifindex) {
  auto routes = RoutesOf(socket, ifindex, AF_INET);
  if (!routes) return routes;
  auto ipv6 = RoutesOf(socket, ifindex, AF_INET6);
  if (!ipv6) return ipv6;
  routes->insert(routes->end(), ipv6->begin(), ipv6->end());
  return routes;
}

Value ToValue(const Route& route) {
  return Object{
      {"dst", ToText(route.dst)},  {"gw", TextOrNull(route.gw)},   {"table", route.table},
      {"scope", int(route.scope)}, {"priority", route.priority},   {"mtu", route.mtu},
      {"advmss", route.advmss},    {"src", TextOrNull(route.src)}, {"protocol", int(route.protocol)},
      {"type", int(route.type)}};
}

}  // namespace trestle
