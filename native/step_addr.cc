// `ip addr add` and `ip addr del`.
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <string>

#include "links.h"
#include "steps.h"

namespace trestle {
namespace {

struct AddressStep {
  Ns ns = Ns::kHost;
  std::string link;
  Prefix address;
  bool nodad = false;
  bool keep = false;
};

Bytes Raw(const Ip& ip) {
  return {ip.bytes.data(), ip.size()};
}

ifaddrmsg Header(const AddressStep& step, int ifindex) {
  ifaddrmsg header{};
  header.ifa_family = uint8_t(step.address.ip.family);
  header.ifa_prefixlen = step.address.length;
  header.ifa_scope = RT_SCOPE_UNIVERSE;
  header.ifa_index = uint32_t(ifindex);
  return header;
}

Result<Outcome> Add(Session& session, const AddressStep& step) {
  const std::string op = "add address " + ToText(step.address) + " to " + step.link + PlaceInWords(step.ns);
  auto ifindex = NeedIfindex(session, step.ns, step.link, op);
  if (!ifindex) return ifindex.fault();
  auto socket = session.Route(step.ns);
  if (!socket) return socket.fault();
  const Ip& ip = step.address.ip;
  Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, Header(step, *ifindex));
  request.attributes().Raw(IFA_LOCAL, Raw(ip)).Raw(IFA_ADDRESS, Raw(ip));
  // As the reference does; point-to-point prefixes (RFC 3021) have no broadcast address.
  if (ip.family == AF_INET && step.address.length < 31) {
    request.attributes().Raw(IFA_BROADCAST, Raw(Broadcast(step.address)));
  }
  if (ip.family == AF_INET6 && step.nodad) request.attributes().U32(IFA_FLAGS, IFA_F_NODAD);
  auto added = (*socket)->Change(op, request);
  if (!added && added.fault().code == EEXIST && step.keep) return Outcome{};
  if (!added) return added.fault();
  return Outcome{"created", {}};
}

Result<Outcome> Delete(Session& session, const AddressStep& step) {
  const std::string op =
      "delete address " + ToText(step.address) + " from " + step.link + PlaceInWords(step.ns);
  auto ifindex = NeedIfindex(session, step.ns, step.link, op);
  if (!ifindex && ifindex.fault().code == ENODEV && step.keep) return Outcome{};
  if (!ifindex) return ifindex.fault();
  auto socket = session.Route(step.ns);
  if (!socket) return socket.fault();
  Request request(RTM_DELADDR, 0, Header(step, *ifindex));
  request.attributes().Raw(IFA_LOCAL, Raw(step.address.ip)).Raw(IFA_ADDRESS, Raw(step.address.ip));
  auto deleted = (*socket)->Change(op, request);
  const bool missing = !deleted && (deleted.fault().code == EADDRNOTAVAIL || deleted.fault().code == ENODEV);
  if (missing && step.keep) return Outcome{};
  if (!deleted) return deleted.fault();
  return Outcome{"deleted", {}};
}

AddressStep Parse(Fields& fields, const char* keep) {
  AddressStep step;
  step.ns = fields.Namespace("ns");
  step.link = fields.LinkName("link");
  step.address = fields.Address("address");
  step.keep = KeepsIf(fields, keep);
  return step;
}

}  // namespace

Step ParseAddrAdd(Fields& fields) {
  AddressStep step = Parse(fields, "ifExists");
  step.nodad = fields.Flag("nodad");
  return {.uses_pod = step.ns == Ns::kPod, .run = [step](Session& session) { return Add(session, step); }};
}

Step ParseAddrDelete(Fields& fields) {
  const AddressStep step = Parse(fields, "ifMissing");
  return {.uses_pod = step.ns == Ns::kPod, .run = [step](Session& session) { return Delete(session, step); }};
}

}  // namespace trestle
