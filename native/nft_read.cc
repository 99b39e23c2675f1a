#include "nft_read.h"

#include <endian.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>

namespace trestle {
namespace {

Request Get(uint16_t message, const NftTable& table) {
  const nfgenmsg header{.nfgen_family = table.family, .version = NFNETLINK_V0, .res_id = 0};
  return {uint16_t(NFNL_SUBSYS_NFTABLES << 8 | message), 0, header};
}

// The text of type `type` among user data: pairs of a type and a length of one byte each, and what they
// announce.
std::string UserText(Bytes data, uint8_t type) {
  while (data.size() >= 2 && data.size() - 2 >= data[1]) {
    const Bytes value = data.subspan(2, data[1]);
    if (data[0] == type) return {value.begin(), std::find(value.begin(), value.end(), '\0')};
    data = data.subspan(2 + size_t(data[1]));
  }
  return "";
}

Result<bool> Exists(Socket& socket, const std::string& op, Request& request) {
  auto found = socket.Get<bool>(op, request, ENOENT, [](const nlmsghdr&) { return true; });
  if (!found) return found.fault();
  return found->has_value();
}

using Elements = std::vector<NftElementFact>;

std::optional<Elements> ParseElements(const nlmsghdr& message, uint32_t key_type) {
  Elements elements;
  const auto attributes = Attributes::Of<nfgenmsg>(message);
  EachAttribute(attributes.Raw(NFTA_SET_ELEM_LIST_ELEMENTS), [&](Bytes nest) {
    const Attributes element(nest);
    const Bytes key = element.Nested(NFTA_SET_ELEM_KEY).Raw(NFTA_DATA_VALUE);
    // The catch-all element has no key.
    if (key.empty()) return;
    const Bytes comment = element.Raw(NFTA_SET_ELEM_USERDATA);
    elements.push_back({NftKeyToText(key_type, key), UserText(comment, NFTNL_UDATA_SET_ELEM_COMMENT)});
  });
  return elements;
}

std::optional<NftSetFact> ParseSet(const nlmsghdr& message) {
  const auto attributes = Attributes::Of<nfgenmsg>(message);
  return NftSetFact{attributes.Text(NFTA_SET_NAME),
                    UserText(attributes.Raw(NFTA_SET_USERDATA), NFTNL_UDATA_SET_COMMENT)};
}

// The chain that one of a rule's expressions hands packets to: `jump` and `goto` are immediate verdicts.
std::string JumpOf(Bytes expressions) {
  std::string chain;
  EachAttribute(expressions, [&](Bytes expression) {
    const Attributes attributes(expression);
    if (attributes.Text(NFTA_EXPR_NAME) != "immediate") return;
    const auto data = attributes.Nested(NFTA_EXPR_DATA).Nested(NFTA_IMMEDIATE_DATA);
    const std::string jump = data.Nested(NFTA_DATA_VERDICT).Text(NFTA_VERDICT_CHAIN);
    if (!jump.empty()) chain = jump;
  });
  return chain;
}

std::optional<NftRuleFact> ParseRule(const nlmsghdr& message) {
  const auto attributes = Attributes::Of<nfgenmsg>(message);
  return NftRuleFact{be64toh(attributes.U64(NFTA_RULE_HANDLE).value_or(0)),
                     UserText(attributes.Raw(NFTA_RULE_USERDATA), NFTNL_UDATA_RULE_COMMENT),
                     JumpOf(attributes.Raw(NFTA_RULE_EXPRESSIONS))};
}

// NFTA_SET_KEY_TYPE; nothing where there is no such set.
Result<std::optional<uint32_t>> KeyTypeOf(Socket& socket, const NftTable& table, const std::string& set) {
  Request request = Get(NFT_MSG_GETSET, table);
  request.attributes().Text(NFTA_SET_TABLE, table.name).Text(NFTA_SET_NAME, set);
  const std::string op = "read set " + ToText(table) + " " + set;
  return socket.Get<uint32_t>(op, request, ENOENT, [](const nlmsghdr& message) {
    return be32toh(Attributes::Of<nfgenmsg>(message).U32(NFTA_SET_KEY_TYPE).value_or(0));
  });
}

template <class T>
Result<std::vector<T>> EmptyIfAbsent(Result<std::vector<T>> listed) {
  if (!listed && listed.fault().code == ENOENT) return std::vector<T>();
  return listed;
}

}  // namespace

NftTable ParseNftTable(Fields& fields) {
  NftTable table;
  table.family = fields.OneOf<uint8_t>(
      "family",
      {{"inet", NFPROTO_INET}, {"ip", NFPROTO_IPV4}, {"ip6", NFPROTO_IPV6}, {"bridge", NFPROTO_BRIDGE}});
  table.name = fields.Text("table");
  return table;
}

std::string ToText(const NftTable& table) {
  switch (table.family) {
    case NFPROTO_IPV4:
      return "ip " + table.name;
    case NFPROTO_IPV6:
      return "ip6 " + table.name;
    case NFPROTO_BRIDGE:
      return "bridge " + table.name;
    default:
      return "inet " + table.name;
  }
}

Result<uint32_t> ReadNftGeneration(Socket& socket) {
  const std::string op = "read the nftables generation";
  Request request = Get(NFT_MSG_GETGEN, {});
  auto generation = socket.Get<uint32_t>(op, request, 0, [](const nlmsghdr& message) {
    return be32toh(Attributes::Of<nfgenmsg>(message).U32(NFTA_GEN_ID).value_or(0));
  });
  if (!generation) return generation.fault();
  return generation->value_or(0);
}

Result<bool> HasNftTable(Socket& socket, const NftTable& table) {
  Request request = Get(NFT_MSG_GETTABLE, table);
  request.attributes().Text(NFTA_TABLE_NAME, table.name);
  return Exists(socket, "read table " + ToText(table), request);
}

Result<bool> HasNftChain(Socket& socket, const NftTable& table, const std::string& chain) {
  Request request = Get(NFT_MSG_GETCHAIN, table);
  request.attributes().Text(NFTA_CHAIN_TABLE, table.name).Text(NFTA_CHAIN_NAME, chain);
  return Exists(socket, "read chain " + ToText(table) + " " + chain, request);
}

Result<bool> HasNftSet(Socket& socket, const NftTable& table, const std::string& set) {
  auto type = KeyTypeOf(socket, table, set);
  if (!type) return type.fault();
  return type->has_value();
}

Result<std::optional<std::string>> ReadNftElement(Socket& socket, const NftTable& table,
                                                  const std::string& set, const NftKey& key) {
  Request request = Get(NFT_MSG_GETSETELEM, table);
  request.attributes().Text(NFTA_SET_ELEM_LIST_TABLE, table.name).Text(NFTA_SET_ELEM_LIST_SET, set);
  request.attributes().Nested(NFTA_SET_ELEM_LIST_ELEMENTS, [&](auto& list) {
    list.Nested(NFTA_LIST_ELEM, [&](auto& element) {
      element.Nested(NFTA_SET_ELEM_KEY, [&](auto& data) { data.Raw(NFTA_DATA_VALUE, key.bytes); });
    });
  });
  const std::string op = "look up " + key.text + " in set " + ToText(table) + " " + set;
  return socket.Get<std::string>(op, request, ENOENT, [](const nlmsghdr& message) {
    const auto elements = ParseElements(message, 0);
    return elements && !elements->empty() ? elements->front().comment : std::string();
  });
}

Result<std::vector<NftRuleFact>> NftRulesOf(Socket& socket, const NftTable& table, const std::string& chain) {
  Request request = Get(NFT_MSG_GETRULE, table);
  request.attributes().Text(NFTA_RULE_TABLE, table.name).Text(NFTA_RULE_CHAIN, chain);
  const std::string op = "list the rules of chain " + ToText(table) + " " + chain;
  return EmptyIfAbsent(socket.Dump<NftRuleFact>(op, request, ParseRule));
}

Result<std::vector<NftSetFact>> NftSetsOf(Socket& socket, const NftTable& table) {
  Request request = Get(NFT_MSG_GETSET, table);
  request.attributes().Text(NFTA_SET_TABLE, table.name);
  return EmptyIfAbsent(socket.Dump<NftSetFact>("list the sets of table " + ToText(table), request, ParseSet));
}

Result<std::optional<Elements>> NftElementsOf(Socket& socket, const NftTable& table, const std::string& set) {
  auto key_type = KeyTypeOf(socket, table, set);
  if (!key_type) return key_type.fault();
  if (!*key_type) return std::optional<Elements>();
  Request request = Get(NFT_MSG_GETSETELEM, table);
  request.attributes().Text(NFTA_SET_ELEM_LIST_TABLE, table.name).Text(NFTA_SET_ELEM_LIST_SET, set);
  const std::string op = "list the elements of set " + ToText(table) + " " + set;
  auto chunks = socket.Dump<Elements>(
      op, request, [&](const nlmsghdr& message) { return ParseElements(message, **key_type); });
  if (!chunks && chunks.fault().code == ENOENT) return std::optional<Elements>();
  if (!chunks) return chunks.fault();
  Elements all;
  for (const Elements& chunk : *chunks) all.insert(all.end(), chunk.begin(), chunk.end());
  return std::optional(all);
}

Value ToValue(const NftRuleFact& rule) {
  Object fact = {{"handle", std::to_string(rule.handle)}, {"comment", rule.comment}};
  if (!rule.jump.empty()) fact.emplace_back("jump", rule.jump);
  return fact;
}

Value ToValue(const NftSetFact& set) {
  return Object{{"name", set.name}, {"comment", set.comment}};
}

Value ToValue(const NftElementFact& element) {
  return Object{{"key", element.key}, {"comment", element.comment}};
}

}  // namespace trestle
