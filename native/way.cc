#include "way.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>

#include "links.h"

namespace trestle {
namespace {

struct Leads {
  int ifindex = 0;
  uint8_t type = 0;
};

// Of a blackhole EINVAL, of a prohibition EACCES; EOPNOTSUPP in a kernel without IPv6.
bool LeadsNowhere(int code) {
  constexpr int codes[] = {ENETUNREACH, EHOSTUNREACH, EINVAL, EACCES, EOPNOTSUPP};
  return std::find(std::begin(codes), std::end(codes), code) != std::end(codes);
}

}  // namespace

Result<std::optional<Way>> FindWay(Socket& socket, const Ip& dst) {
  rtmsg header{};
  header.rtm_family = uint8_t(dst.family);
  header.rtm_dst_len = uint8_t(8 * dst.size());
  Request request(RTM_GETROUTE, 0, header);
  request.attributes().Raw(RTA_DST, Bytes(dst.bytes).first(dst.size()));
  const std::string op = "find the way to " + ToText(dst);
  auto leads = socket.Get<Leads>(op, request, ENETUNREACH, [](const nlmsghdr& message) {
    const auto* route = static_cast<const rtmsg*>(NLMSG_DATA(&message));
    return Leads{Attributes::Of<rtmsg>(message).S32(RTA_OIF).value_or(0), route->rtm_type};
  });
  if (!leads && LeadsNowhere(leads.fault().code)) return std::optional<Way>();
  if (!leads) return leads.fault();
  if (!*leads || (*leads)->ifindex == 0) return std::optional<Way>();
  auto link = FindLink(socket, "", (*leads)->ifindex);
  if (!link) return link.fault();
  return *link ? std::optional(Way{(*link)->name, (*leads)->type}) : std::nullopt;
}

Value ToValue(const Way& way) {
  return Object{{"link", way.link}, {"type", int(way.type)}};
}

}  // namespace trestle
