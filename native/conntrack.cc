#include "conntrack.h"

// The kernel headers give way to those of libc, if these come first.
#include <netinet/in.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace trestle {
namespace {

// What CTA_FILTER_ORIG_FLAGS says of the tuple beside it: which of its fields count. No header for users has
// these (net/netfilter/nf_internals.h).
constexpr uint32_t kFilterIpDst = 1 << 1;
constexpr uint32_t kFilterProtocol = 1 << 3;
constexpr uint32_t kFilterPortDst = 1 << 5;

struct Connection {
  Bytes original;  // CTA_TUPLE_ORIG, whole
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

Request Message(uint16_t type, const Flow& flow) {
  const nfgenmsg header{.nfgen_family = uint8_t(flow.family), .version = NFNETLINK_V0, .res_id = 0};
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
  return {.original = attributes.Raw(CTA_TUPLE_ORIG),
          .protocol = protocol.U8(CTA_PROTO_NUM).value_or(0),
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

// Lets the kernel leave out what has nothing to do with the flow: a node may track a million connections. Not
// by an IPv6 address, of which ctnetlink_filter_match_tuple leaves out the very ones that are asked for.
void PutFilter(AttributeWriter& to, const Flow& flow) {
  const bool by_address = flow.ip && flow.family == AF_INET;
  const uint32_t fields = kFilterProtocol | kFilterPortDst | (by_address ? kFilterIpDst : 0);
  to.Nested(CTA_FILTER, [&](auto& filter) { filter.U32(CTA_FILTER_ORIG_FLAGS, fields); });
  to.Nested(CTA_TUPLE_ORIG, [&](auto& tuple) {
    if (by_address) {
      tuple.Nested(CTA_TUPLE_IP,
                   [&](auto& ip) { ip.Raw(CTA_IP_V4_DST, Bytes(flow.ip->bytes).first(flow.ip->size())); });
    }
    tuple.Nested(CTA_TUPLE_PROTO, [&](auto& protocol) {
      protocol.U8(CTA_PROTO_NUM, flow.protocol).U16(CTA_PROTO_DST_PORT, htons(flow.port));
    });
  });
}

Result<std::vector<Identity>> FindConnections(Socket& socket, const Flow& flow) {
  Request request = Message(IPCTNL_MSG_CT_GET, flow);
  PutFilter(request.attributes(), flow);
  auto found = socket.Dump<
      Identity>("list " + InWords(flow), request, [&](const nlmsghdr& message) -> std::optional<Identity> {
    const auto attributes = Attributes::Of<nfgenmsg>(message);
    const Connection connection = ReadConnection(attributes);
    if (!Matches(connection, flow)) return std::nullopt;
    return Identity{Copy(connection.original), Copy(attributes.Raw(CTA_ZONE)), Copy(attributes.Raw(CTA_ID))};
  });
  // nfnetlink_rcv_msg knows nobody who takes such messages.
  if (!found && found.fault().code == EINVAL) return std::vector<Identity>();
  return found;
}

Status End(Socket& socket, const Flow& flow, const Identity& connection) {
  Request request = Message(IPCTNL_MSG_CT_DELETE, flow);
  AttributeWriter& attributes = request.attributes();
  // Without a tuple the kernel would delete all; one that matched a flow is never empty.
  attributes.Raw(CTA_TUPLE_ORIG | NLA_F_NESTED, connection.original).Raw(CTA_ID, connection.id);
  if (!connection.zone.empty()) attributes.Raw(CTA_ZONE, connection.zone);
  auto ended = socket.Change("end " + InWords(flow), request);
  if (!ended && ended.fault().code == ENOENT) return Done{};
  return ended;
}

}  // namespace

std::string InWords(const Flow& flow) {
  const std::string name = flow.protocol == IPPROTO_TCP   ? "tcp"
                           : flow.protocol == IPPROTO_UDP ? "udp"
                                                          : "sctp";
  const std::string to = flow.ip ? ToText(*flow.ip) + " " : "";
  return name + " connections to " + to + "port " + std::to_string(flow.port);
}

Result<bool> EndConnections(Socket& socket, const Flow& flow) {
  auto connections = FindConnections(socket, flow);
  if (!connections) return connections.fault();
  for (const Identity& connection : *connections)
    if (auto ended = End(socket, flow, connection); !ended) return ended.fault();
  return !connections->empty();
}

}  // namespace trestle
