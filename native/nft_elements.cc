#include "nft_elements.h"

#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft_read.h"

namespace trestle {
namespace {

Request GetElements(const NftTable& table, const std::string& set) {
  Request request = NftGet(NFT_MSG_GETSETELEM, table);
  request.attributes().Text(NFTA_SET_ELEM_LIST_TABLE, table.name).Text(NFTA_SET_ELEM_LIST_SET, set);
  return request;
}

// Calls `read(key, element)` for each element of the message; the catch-all one has no key.
template <class Read>
void EachElement(const nlmsghdr& message, Read read) {
  EachAttribute(Attributes::Of<nfgenmsg>(message).Raw(NFTA_SET_ELEM_LIST_ELEMENTS), [&](Bytes nest) {
    const Attributes element(nest);
    const Bytes key = element.Nested(NFTA_SET_ELEM_KEY).Raw(NFTA_DATA_VALUE);
    if (key.empty()) return;
    const Bytes data = element.Nested(NFTA_SET_ELEM_DATA).Raw(NFTA_DATA_VALUE);
    read(key, NftElement{{data.begin(), data.end()},
                         NftUserText(element.Raw(NFTA_SET_ELEM_USERDATA), NFTNL_UDATA_SET_ELEM_COMMENT)});
  });
}

using Facts = std::vector<NftElementFact>;

std::string DataText(const NftSetTypes& types, const NftElement& element) {
  return element.data.empty() ? "" : NftTextOf(types.data, element.data);
}

std::optional<Facts> ParseFacts(const nlmsghdr& message, const NftSetTypes& types) {
  Facts facts;
  EachElement(message, [&](Bytes key, const NftElement& element) {
    facts.push_back({NftTextOf(types.key, key), DataText(types, element), element.comment});
  });
  return facts;
}

}  // namespace

Result<std::optional<NftElement>> ReadNftElement(Socket& socket, const NftTable& table,
                                                 const std::string& set, const NftKey& key) {
  Request request = GetElements(table, set);
  request.attributes().Nested(NFTA_SET_ELEM_LIST_ELEMENTS, [&](auto& list) {
    list.Nested(NFTA_LIST_ELEM, [&](auto& element) {
      element.Nested(NFTA_SET_ELEM_KEY, [&](auto& data) { data.Raw(NFTA_DATA_VALUE, key.bytes); });
    });
  });
  const std::string op = "look up " + key.text + " in set " + ToText(table) + " " + set;
  return socket.Get<NftElement>(op, request, ENOENT, [](const nlmsghdr& message) {
    NftElement found;
    EachElement(message, [&](Bytes, const NftElement& element) { found = element; });
    return found;
  });
}

Result<std::vector<std::optional<NftElementFact>>> FindNftElements(Socket& socket, const NftTable& table,
                                                                   const std::string& set,
                                                                   const std::vector<NftKey>& keys) {
  std::vector<std::optional<NftElementFact>> found(keys.size());
  auto types = ReadNftSetTypes(socket, table, set);
  if (!types) return types.fault();
  if (!*types) return found;
  for (size_t i = 0; i < keys.size(); i++) {
    auto element = ReadNftElement(socket, table, set, keys[i]);
    if (!element) return element.fault();
    if (*element) found[i] = NftElementFact{keys[i].text, DataText(**types, **element), (*element)->comment};
  }
  return found;
}

Result<std::optional<Facts>> NftElementsOf(Socket& socket, const NftTable& table, const std::string& set) {
  auto types = ReadNftSetTypes(socket, table, set);
  if (!types) return types.fault();
  if (!*types) return std::optional<Facts>();
  Request request = GetElements(table, set);
  const std::string op = "list the elements of set " + ToText(table) + " " + set;
  auto chunks =
      socket.Dump<Facts>(op, request, [&](const nlmsghdr& message) { return ParseFacts(message, **types); });
  if (!chunks && chunks.fault().code == ENOENT) return std::optional<Facts>();
  if (!chunks) return chunks.fault();
  Facts all;
  for (const Facts& chunk : *chunks) all.insert(all.end(), chunk.begin(), chunk.end());
  return std::optional(all);
}

Value ToValue(const NftElementFact& element) {
  Object fact = {{"key", element.key}, {"comment", element.comment}};
  if (!element.data.empty()) fact.emplace_back("data", element.data);
  return fact;
}

}  // namespace trestle
