// Reading nftables: NFT_MSG_GET*. One object is asked for by name; only the queries of the contract dump.
#pragma once

// The kernel headers give way to those of libc, if these come first.
#include <netinet/in.h>

#include <linux/netfilter.h>

#include <optional>
#include <string>
#include <vector>

#include "fields.h"
#include "nft_key.h"
#include "socket.h"
#include "value.h"

namespace trestle {

struct NftTable {
  uint8_t family = NFPROTO_UNSPEC;
  std::string name;
};

struct NftRuleFact {
  uint64_t handle = 0;
  std::string comment;
  std::string jump;  // the chain that it jumps or goes to, "" for none
};

struct NftSetFact {
  std::string name;
  std::string comment;
};

struct NftElementFact {
  std::string key;
  std::string comment;
};

// Reads `family` and `table`.
NftTable ParseNftTable(Fields& fields);
// "inet trestle"
std::string ToText(const NftTable& table);

// A number that changes with every transaction in the namespace.
Result<uint32_t> ReadNftGeneration(Socket& socket);
Result<bool> HasNftTable(Socket& socket, const NftTable& table);
Result<bool> HasNftChain(Socket& socket, const NftTable& table, const std::string& chain);
Result<bool> HasNftSet(Socket& socket, const NftTable& table, const std::string& set);
// Its comment, "" for none; nothing where there is no such element.
Result<std::optional<std::string>> ReadNftElement(Socket& socket, const NftTable& table,
                                                  const std::string& set, const NftKey& key);
// Of a chain or table that does not exist: an empty list.
Result<std::vector<NftRuleFact>> NftRulesOf(Socket& socket, const NftTable& table, const std::string& chain);
Result<std::vector<NftSetFact>> NftSetsOf(Socket& socket, const NftTable& table);
// Nothing where there is no such set.
Result<std::optional<std::vector<NftElementFact>>> NftElementsOf(Socket& socket, const NftTable& table,
                                                                 const std::string& set);

Value ToValue(const NftRuleFact& rule);
Value ToValue(const NftSetFact& set);
Value ToValue(const NftElementFact& element);

}  // namespace trestle
