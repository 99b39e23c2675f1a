#include "nft_queries.h"

#include <cerrno>

#include "nft_elements.h"
#include "nft_read.h"

namespace trestle {

Ask ParseNftElementsQuery(Fields& fields, Ns ns) {
  return [ns, table = ParseNftTable(fields), set = fields.Text("set")](Session& session) -> Result<Value> {
    auto socket = session.Netfilter(ns);
    if (!socket) return socket.fault();
    auto elements = NftElementsOf(**socket, table, set);
    if (!elements) return elements.fault();
    return *elements ? ToValues(**elements) : Value();
  };
}

Ask ParseNftLookupQuery(Fields& fields, Ns ns) {
  return [ns, table = ParseNftTable(fields), set = fields.Text("set"),
          keys = ParseNftKeys(fields)](Session& session) -> Result<Value> {
    auto socket = session.Netfilter(ns);
    if (!socket) return socket.fault();
    auto found = FindNftElements(**socket, table, set, keys);
    if (!found) return found.fault();
    Array elements;
    for (const auto& element : *found) elements.push_back(element ? ToValue(*element) : Value());
    return Value(std::move(elements));
  };
}

Ask ParseNftTablesQuery(Fields& /*fields*/, Ns ns) {
  return [ns](Session& session) -> Result<Value> {
    auto socket = session.Netfilter(ns);
    if (!socket && socket.fault().code == EPROTONOSUPPORT) return Value(Array());
    if (!socket) return socket.fault();
    auto tables = AllNftTables(**socket);
    if (!tables) return tables.fault();
    return ToValues(*tables);
  };
}

Ask ParseNftSetsQuery(Fields& fields, Ns ns) {
  return [ns, table = ParseNftTable(fields)](Session& session) -> Result<Value> {
    auto socket = session.Netfilter(ns);
    if (!socket) return socket.fault();
    auto there = HasNftTable(**socket, table);
    if (!there) return there.fault();
    if (!*there) return Value();
    auto sets = NftSetsOf(**socket, table);
    if (!sets) return sets.fault();
    return ToValues(*sets);
  };
}

Ask ParseNftRulesQuery(Fields& fields, Ns ns) {
  return
      [ns, table = ParseNftTable(fields), chain = fields.Text("chain")](Session& session) -> Result<Value> {
        auto socket = session.Netfilter(ns);
        if (!socket) return socket.fault();
        auto there = HasNftChain(**socket, table, chain);
        if (!there) return there.fault();
        if (!*there) return Value();
        auto rules = NftRulesOf(**socket, table, chain);
        if (!rules) return rules.fault();
        return ToValues(*rules);
      };
}

}  // namespace trestle
