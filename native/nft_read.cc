#include "nft_read.h"

#include <endian.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <cerrno>

namespace trestle {
namespace {

Result<bool> Exists(Socket& socket, const std::string& op, Request& request) {
  auto found = socket.Get<bool>(op, request, ENOENT, [](const nlmsghdr&) { return true; });
  if (!found) return found.fault();
  return found->has_value();
}

std::optional<NftTable> ParseTable(const nlmsghdr& message) {
  const auto* header = static_cast<const nfgenmsg*>(NLMSG_DATA(&message));
  return NftTable{header->nfgen_family, Attributes::Of<nfgenmsg>(message).Text(NFTA_TABLE_NAME)};
}

std::optional<NftSetFact> ParseSet(const nlmsghdr& message) {
  const auto attributes = Attributes::Of<nfgenmsg>(message);
  return NftSetFact{attributes.Text(NFTA_SET_NAME),
                    NftUserText(attributes.Raw(NFTA_SET_USERDATA), NFTNL_UDATA_SET_COMMENT)};
}

void ReadConstant(const Attributes& data, NftRuleFact& rule) {
  if (const Bytes value = data.Raw(NFTA_DATA_VALUE); !value.empty()) rule.constants.push_back(ToHex(value));
}

// `jump` and `goto` are immediate verdicts.
void ReadImmediate(const Attributes& immediate, NftRuleFact& rule) {
  const auto data = immediate.Nested(NFTA_IMMEDIATE_DATA);
  const std::string jump = data.Nested(NFTA_DATA_VERDICT).Text(NFTA_VERDICT_CHAIN);
  if (!jump.empty()) rule.jump = jump;
  ReadConstant(data, rule);
}

void ReadExpression(const Attributes& expression, NftRuleFact& rule) {
  const std::string name = expression.Text(NFTA_EXPR_NAME);
  const auto data = expression.Nested(NFTA_EXPR_DATA);
  if (name == "immediate") ReadImmediate(data, rule);
  if (name == "cmp") ReadConstant(data.Nested(NFTA_CMP_DATA), rule);
}

std::optional<NftRuleFact> ParseRule(const nlmsghdr& message) {
  const auto attributes = Attributes::Of<nfgenmsg>(message);
  NftRuleFact rule{be64toh(attributes.U64(NFTA_RULE_HANDLE).value_or(0)),
                   NftUserText(attributes.Raw(NFTA_RULE_USERDATA), NFTNL_UDATA_RULE_COMMENT),
                   {},
                   {}};
  EachAttribute(attributes.Raw(NFTA_RULE_EXPRESSIONS),
                [&](Bytes bytes) { ReadExpression(Attributes(bytes), rule); });
  return rule;
}

template <class T>
Result<std::vector<T>> EmptyIfAbsent(Result<std::vector<T>> listed) {
  if (!listed && listed.fault().code == ENOENT) return std::vector<T>();
  return listed;
}

}  // namespace

Result<uint32_t> ReadNftGeneration(Socket& socket) {
  const std::string op = "read the nftables generation";
  Request request = NftGet(NFT_MSG_GETGEN, {});
  auto generation = socket.Get<uint32_t>(op, request, 0, [](const nlmsghdr& message) {
    return be32toh(Attributes::Of<nfgenmsg>(message).U32(NFTA_GEN_ID).value_or(0));
  });
  if (!generation) return generation.fault();
  return generation->value_or(0);
}

Result<bool> HasNftTable(Socket& socket, const NftTable& table) {
  Request request = NftGet(NFT_MSG_GETTABLE, table);
  request.attributes().Text(NFTA_TABLE_NAME, table.name);
  return Exists(socket, "read table " + ToText(table), request);
}

Result<bool> HasNftChain(Socket& socket, const NftTable& table, const std::string& chain) {
  Request request = NftGet(NFT_MSG_GETCHAIN, table);
  request.attributes().Text(NFTA_CHAIN_TABLE, table.name).Text(NFTA_CHAIN_NAME, chain);
  return Exists(socket, "read chain " + ToText(table) + " " + chain, request);
}

Result<bool> HasNftSet(Socket& socket, const NftTable& table, const std::string& set) {
  auto types = ReadNftSetTypes(socket, table, set);
  if (!types) return types.fault();
  return types->has_value();
}

Result<std::optional<NftSetTypes>> ReadNftSetTypes(Socket& socket, const NftTable& table,
                                                   const std::string& set) {
  Request request = NftGet(NFT_MSG_GETSET, table);
  request.attributes().Text(NFTA_SET_TABLE, table.name).Text(NFTA_SET_NAME, set);
  const std::string op = "read set " + ToText(table) + " " + set;
  return socket.Get<NftSetTypes>(op, request, ENOENT, [](const nlmsghdr& message) {
    const auto attributes = Attributes::Of<nfgenmsg>(message);
    return NftSetTypes{be32toh(attributes.U32(NFTA_SET_KEY_TYPE).value_or(0)),
                       be32toh(attributes.U32(NFTA_SET_DATA_TYPE).value_or(0))};
  });
}

Result<std::vector<NftTable>> AllNftTables(Socket& socket) {
  Request request = NftGet(NFT_MSG_GETTABLE, {});
  auto tables = socket.Dump<NftTable>("list the tables", request, ParseTable);
  // nfnetlink_rcv_msg knows nobody who takes such messages.
  if (!tables && tables.fault().code == EINVAL) return std::vector<NftTable>();
  return tables;
}

Result<std::vector<NftRuleFact>> NftRulesOf(Socket& socket, const NftTable& table, const std::string& chain) {
  Request request = NftGet(NFT_MSG_GETRULE, table);
  request.attributes().Text(NFTA_RULE_TABLE, table.name).Text(NFTA_RULE_CHAIN, chain);
  const std::string op = "list the rules of chain " + ToText(table) + " " + chain;
  return EmptyIfAbsent(socket.Dump<NftRuleFact>(op, request, ParseRule));
}

Result<std::vector<NftSetFact>> NftSetsOf(Socket& socket, const NftTable& table) {
  Request request = NftGet(NFT_MSG_GETSET, table);
  request.attributes().Text(NFTA_SET_TABLE, table.name);
  return EmptyIfAbsent(socket.Dump<NftSetFact>("list the sets of table " + ToText(table), request, ParseSet));
}

Value ToValue(const NftRuleFact& rule) {
  Object fact = {{"handle", std::to_string(rule.handle)}, {"comment", rule.comment}};
  if (!rule.jump.empty()) fact.emplace_back("jump", rule.jump);
  if (!rule.constants.empty())
    fact.emplace_back("constants", Array(rule.constants.begin(), rule.constants.end()));
  return fact;
}

Value ToValue(const NftSetFact& set) {
  return Object{{"name", set.name}, {"comment", set.comment}};
}

}  // namespace trestle
