#include "conntrack.h"

// The kernel headers give way to those of libc, if these come first.
#include <netinet/in.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <algorithm>
#include <cerrno>

namespace trestle {
namespace {

// What CTA_FILTER_ORIG_FLAGS says of the tuple beside it: which of its fields count. No header for users has
// these (net/netfilter/nf_internals.h).
constexpr uint32_t kFilterIpDst = 1 << 1;
constexpr uint32_t kFilterProtocol = 1 << 3;
constexpr uint32_t kFilterPortDst = 1 << 5;

struct Connection {
  uint8_t protocol = 0;
  std::optional<Ip> dst;
  uint16_t port = 0;
  std::optional<Ip> answered_by;
};

// What deletes it and no other that took its place.
struct Identity {
  std::vector<uint8_t> original;
  std::vector<uint8_t> zone;
  std::vector<uint8_t> id;
};

std::vector<uint8_t> Copy(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

Request Message(uint16_t type, int family) {
  const nfgenmsg header{.nfgen_family = uint8_t(family), .version = NFNETLINK_V0, .res_id = 0};
  return {uint16_t(NFNL_SUBSYS_CTNETLINK << 8 | type), 0, header};
}

// Whom the packets of a tuple come from (`v4`, `v6`: CTA_IP_V*_SRC), or go to.
std::optional<Ip> ReadIp(const Attributes& tuple, int v4, int v6) {
  const Attributes addresses = tuple.Nested(CTA_TUPLE_IP);
  Ip ip;
  ip.family = addresses.Has(v4) ? AF_INET : AF_INET6;
  const Bytes bytes = addresses.Raw(ip.family == AF_INET ? v4 : v6);
  if (bytes.size() != ip.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), ip.bytes.begin());
  return ip;
}

Connection ReadConnection(const Attributes& attributes) {
  const Attributes original = attributes.Nested(CTA_TUPLE_ORIG);
  const Attributes protocol = original.Nested(CTA_TUPLE_PROTO);
  return {.protocol = protocol.U8(CTA_PROTO_NUM).value_or(0),
          .dst = ReadIp(original, CTA_IP_V4_DST, CTA_IP_V6_DST),
          .port = ntohs(protocol.U16(CTA_PROTO_DST_PORT).value_or(0)),
          .answered_by = ReadIp(attributes.Nested(CTA_TUPLE_REPLY), CTA_IP_V4_SRC, CTA_IP_V6_SRC)};
}

bool Matches(const Connection& connection, const Flow& flow) {
  if (connection.protocol != flow.protocol || connection.port != flow.port) return false;
  if (!connection.dst || connection.dst->family != flow.family) return false;
  if (flow.ip && connection.dst != flow.ip) return false;
  if (flow.answered_by && connection.answered_by != flow.answered_by) return false;
  return !flow.not_answered_by || connection.answered_by != flow.not_answered_by;
}

// What the flows say, if they all say the same.
template <class T>
std::optional<T> Common(const std::vector<Flow>& flows, T Flow::*said) {
  const T& first = flows.front().*said;
  const bool agree =
      std::all_of(flows.begin(), flows.end(), [&](const Flow& flow) { return flow.*said == first; });
  return agree ? std::optional(first) : std::nullopt;
}

struct Filter {
  std::optional<uint8_t> protocol;
  std::optional<uint16_t> port;
  std::optional<Ip> ip;
};

Filter FilterOf(const std::vector<Flow>& flows) {
  Filter filter;
  filter.protocol = Common(flows, &Flow::protocol);
  // The kernel wants to know of which protocol a port is.
  if (filter.protocol) filter.port = Common(flows, &Flow::port);
  // Of an IPv6 address ctnetlink_filter_match_tuple leaves out the very ones that are asked for.
  if (flows.front().family == AF_INET) filter.ip = Common(flows, &Flow::ip).value_or(std::nullopt);
  return filter;
}

// Lets the kernel leave out what has nothing to do with the flows: a node may track a million connections.
void PutFilter(AttributeWriter& to, const Filter& filter) {
  const uint32_t fields = (filter.ip ? kFilterIpDst : 0) | (filter.protocol ? kFilterProtocol : 0) |
                          (filter.port ? kFilterPortDst : 0);
  if (fields == 0) return;
  to.Nested(CTA_FILTER, [&](auto& nest) { nest.U32(CTA_FILTER_ORIG_FLAGS, fields); });
  to.Nested(CTA_TUPLE_ORIG, [&](auto& tuple) {
    if (filter.ip) {
      tuple.Nested(CTA_TUPLE_IP,
                   [&](auto& nest) { nest.Raw(CTA_IP_V4_DST, Bytes(filter.ip->bytes).first(4)); });
    }
    tuple.Nested(CTA_TUPLE_PROTO, [&](auto& nest) {
      if (filter.protocol) nest.U8(CTA_PROTO_NUM, *filter.protocol);
      if (filter.port) nest.U16(CTA_PROTO_DST_PORT, htons(*filter.port));
    });
  });
}

Result<std::vector<Identity>> FindConnections(Socket& socket, const std::vector<Flow>& flows) {
  Request request = Message(IPCTNL_MSG_CT_GET, flows.front().family);
  PutFilter(request.attributes(), FilterOf(flows));
  auto found = socket.Dump<Identity>(
      "list tracked connections", request, [&](const nlmsghdr& message) -> std::optional<Identity> {
        const auto attributes = Attributes::Of<nfgenmsg>(message);
        const Connection connection = ReadConnection(attributes);
        const auto matches = [&](const Flow& flow) { return Matches(connection, flow); };
        if (std::none_of(flows.begin(), flows.end(), matches)) return std::nullopt;
        return Identity{Copy(attributes.Raw(CTA_TUPLE_ORIG)), Copy(attributes.Raw(CTA_ZONE)),
                        Copy(attributes.Raw(CTA_ID))};
      });
  // nfnetlink_rcv_msg knows nobody who takes such messages.
  if (!found && found.fault().code == EINVAL) return std::vector<Identity>();
  return found;
}

Status End(Socket& socket, int family, const Identity& connection) {
  Request request = Message(IPCTNL_MSG_CT_DELETE, family);
  AttributeWriter& attributes = request.attributes();
  // Without a tuple the kernel would delete all; one that matched a flow is never empty.
  attributes.Raw(CTA_TUPLE_ORIG | NLA_F_NESTED, connection.original).Raw(CTA_ID, connection.id);
  if (!connection.zone.empty()) attributes.Raw(CTA_ZONE, connection.zone);
  auto ended = socket.Change("end a tracked connection", request);
  if (!ended && ended.fault().code == ENOENT) return Done{};
  return ended;
}

}  // namespace

Result<bool> EndConnections(Socket& socket, const std::vector<Flow>& flows) {
  if (flows.empty()) return false;
  auto connections = FindConnections(socket, flows);
  if (!connections) return connections.fault();
  for (const Identity& connection : *connections)
    if (auto ended = End(socket, flows.front().family, connection); !ended) return ended.fault();
  return !connections->empty();
}

}  // namespace trestle
