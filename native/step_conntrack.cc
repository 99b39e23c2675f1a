// `conntrack -D`
// The kernel headers give way to those of libc, if these come first.
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <vector>

#include "conntrack.h"
#include "steps.h"

namespace trestle {
namespace {

std::optional<Ip> ParseIpOfFlow(Fields& fields, const char* name, int family) {
  const auto ip = fields.OptionalIp(name);
  if (ip && ip->family != family)
    fields.Complain(name, "is not of the flow's family: \"" + ToText(*ip) + "\"");
  return ip;
}

Flow ParseFlow(Fields& fields) {
  Flow flow;
  flow.family = fields.OneOf<int>("family", {{"ip", AF_INET}, {"ip6", AF_INET6}});
  flow.protocol =
      fields.OneOf<uint8_t>("protocol", {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}});
  flow.ip = ParseIpOfFlow(fields, "ip", flow.family);
  flow.port = uint16_t(fields.Number("port", 0, UINT16_MAX));
  flow.answered_by = ParseIpOfFlow(fields, "answeredBy", flow.family);
  flow.not_answered_by = ParseIpOfFlow(fields, "notAnsweredBy", flow.family);
  return flow;
}

Result<Outcome> Run(Session& session, Ns ns, const std::vector<Flow>& flows) {
  Outcome outcome;
  auto socket = session.Netfilter(ns);
  if (!socket && socket.fault().code == EPROTONOSUPPORT) return outcome;
  if (!socket) return socket.fault();
  for (const int family : {AF_INET, AF_INET6}) {
    std::vector<Flow> of_family;
    std::copy_if(flows.begin(), flows.end(), std::back_inserter(of_family),
                 [&](const Flow& flow) { return flow.family == family; });
    auto ended = EndConnections(**socket, of_family);
    if (!ended) return ended.fault();
    if (*ended) outcome.did = "deleted";
  }
  return outcome;
}

}  // namespace

Step ParseConntrackFlush(Fields& fields) {
  const Ns ns = fields.Namespace("ns");
  std::vector<Flow> flows;
  fields.Each("flows", false, [&](Fields& flow) { flows.push_back(ParseFlow(flow)); });
  return {.uses_pod = ns == Ns::kPod,
          .run = [ns, flows](Session& session) { return Run(session, ns, flows); }};
}

}  // namespace trestle
