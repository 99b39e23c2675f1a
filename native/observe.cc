#include "observe.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <sstream>

#include "addresses.h"
#include "links.h"
#include "nft_queries.h"
#include "routes.h"
#include "steps.h"
#include "sysctl.h"
#include "vlans.h"
#include "way.h"

namespace trestle {
namespace {

// All answers of an observation are about one moment: a link is looked at but once for them.
Result<std::shared_ptr<Link>> LookAt(Session& session, Ns ns, const std::string& name) {
  const auto seen = session.seen().find({ns, name});
  if (seen != session.seen().end()) return seen->second;
  auto link = FindLink(session, ns, name);
  if (!link) return link.fault();
  auto found = *link ? std::make_shared<Link>(std::move(**link)) : nullptr;
  session.seen()[{ns, name}] = found;
  return found;
}

Ask ParseLinkQuery(Fields& fields, Ns ns) {
  return [ns, name = fields.LinkName("name")](Session& session) -> Result<Value> {
    auto link = LookAt(session, ns, name);
    if (!link) return link.fault();
    return *link ? ToValue(**link) : Value();
  };
}

Ask ParseLinksQuery(Fields& /*fields*/, Ns ns) {
  return [ns](Session& session) -> Result<Value> {
    auto socket = session.Route(ns);
    if (!socket) return socket.fault();
    auto links = AllLinks(**socket);
    if (!links) return links.fault();
    return ToValues(*links);
  };
}

// A query for what `read` lists of a link; of a link that does not exist that is nothing.
template <auto Read>
Ask ParseOfLinkQuery(Fields& fields, Ns ns) {
  return [ns, name = fields.LinkName("link")](Session& session) -> Result<Value> {
    auto link = LookAt(session, ns, name);
    if (!link) return link.fault();
    if (!*link) return Value(Array());
    auto socket = session.Route(ns);
    if (!socket) return socket.fault();
    auto facts = Read(**socket, **link);
    if (!facts) return facts.fault();
    return ToValues(*facts);
  };
}

constexpr auto kReadAddresses = [](Socket& socket, const Link& link) {
  return AddressesOf(socket, link.ifindex);
};
constexpr auto kReadRoutes = [](Socket& socket, const Link& link) { return RoutesOf(socket, link.ifindex); };
// A bridge has VLANs of its own, which are not meant.
constexpr auto kReadVlans = [](Socket& socket, const Link& link) -> Result<std::vector<VlanRange>> {
  if (!link.port) return std::vector<VlanRange>();
  return VlansOf(socket, link.ifindex);
};

Ask ParseSysctlQuery(Fields& fields, Ns ns) {
  const std::string key = fields.Text("key");
  if (!IsSysctlKey(key)) fields.Complain("key", "is no name of a sysctl: \"" + key + "\"");
  return [ns, key](Session& session) -> Result<Value> {
    if (auto entered = session.Enter(ns); !entered) return entered.fault();
    auto value = ReadSysctl(key);
    if (!value) return value.fault();
    return Value(*value);
  };
}

// Of the legacy iptables, which are no nftables: each line of these files names a table that somebody has
// used.
Ask ParseLegacyTablesQuery(Fields& /*fields*/, Ns ns) {
  return [ns](Session& session) -> Result<Value> {
    if (auto entered = session.Enter(ns); !entered) return entered.fault();
    Array tables;
    for (const std::string family : {"ip", "ip6"}) {
      auto names = ReadProcFile("list legacy " + family + " tables",
                                "/proc/thread-self/net/" + family + "_tables_names");
      if (!names) return names.fault();
      std::istringstream lines(names->value_or(""));
      for (std::string name; std::getline(lines, name);)
        tables.emplace_back(std::string(family).append(" ").append(name));
    }
    return Value(std::move(tables));
  };
}

Ask ParseNetnsQuery(Fields& /*fields*/, Ns ns) {
  return [ns](Session& session) -> Result<Value> {
    struct stat identity {};
    if (fstat(session.namespaces().fd(ns), &identity) != 0) {
      return KernelFault("identify the network namespace", errno);
    }
    return Value(Object{{"dev", identity.st_dev}, {"ino", identity.st_ino}});
  };
}

Ask ParseRouteQuery(Fields& fields, Ns ns) {
  return [ns, dst = fields.IpAddress("dst")](Session& session) -> Result<Value> {
    auto socket = session.Route(ns);
    if (!socket) return socket.fault();
    auto way = FindWay(**socket, dst);
    if (!way) return way.fault();
    return *way ? ToValue(**way) : Value();
  };
}

}  // namespace

Query ParseQuery(Fields& fields) {
  using Parse = Ask (*)(Fields&, Ns);
  static constexpr Choice<Parse> kinds[] = {

      {"link", ParseLinkQuery},
      {"links", ParseLinksQuery},
      {"addrs", ParseOfLinkQuery<kReadAddresses>},
      {"routes", ParseOfLinkQuery<kReadRoutes>},
      {"route", ParseRouteQuery},
      {"vlans", ParseOfLinkQuery<kReadVlans>},
      {"sysctl", ParseSysctlQuery},
      {"netns", ParseNetnsQuery},
      {"iptables.legacy", ParseLegacyTablesQuery},
      {"nft.elements", ParseNftElementsQuery},
      {"nft.lookup", ParseNftLookupQuery},
      {"nft.tables", ParseNftTablesQuery},
      {"nft.sets", ParseNftSetsQuery},
      {"nft.rules", ParseNftRulesQuery},
      {"nft.trial", ParseNftTrial},
  };
  const Parse parse = fields.OneOf("query", kinds);
  const Ns ns = fields.Namespace("ns");
  return {ns, parse(fields, ns)};
}

Result<Value> Observe(Session& session, const std::vector<Query>& queries) {
  session.seen().clear();
  Array answers;
  for (const Query& query : queries) {
    auto answer = query.ask(session);
    if (!answer) return answer.fault();
    answers.push_back(std::move(*answer));
  }
  return Value(std::move(answers));
}

bool UsePod(const std::vector<Query>& queries) {
  return std::any_of(queries.begin(), queries.end(), [](const Query& query) { return query.ns == Ns::kPod; });
}

}  // namespace trestle
