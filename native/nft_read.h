// Reading nftables: NFT_MSG_GET*. One object is asked for by name; only the queries of the contract dump.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nft_message.h"
#include "nft_type.h"

namespace trestle {

struct NftRuleFact {
  uint64_t handle = 0;
  std::string comment;
  std::string jump;                    // the chain that it jumps or goes to, "" for none
  std::vector<std::string> constants;  // that it loads or compares with, hexadecimal
};

struct NftSetFact {
  std::string name;
  std::string comment;
};

struct NftSetTypes {
  NftType key = 0;
  NftType data = 0;  // of a map
};

// A number that changes with every transaction in the namespace.
Result<uint32_t> ReadNftGeneration(Socket& socket);
Result<bool> HasNftTable(Socket& socket, const NftTable& table);
Result<bool> HasNftChain(Socket& socket, const NftTable& table, const std::string& chain);
Result<bool> HasNftSet(Socket& socket, const NftTable& table, const std::string& set);
// Nothing where there is no such set.
Result<std::optional<NftSetTypes>> ReadNftSetTypes(Socket& socket, const NftTable& table,
                                                   const std::string& set);
// Of all families; of a kernel without nftables none.
Result<std::vector<NftTable>> AllNftTables(Socket& socket);
// Of a chain or table that does not exist: an empty list.
Result<std::vector<NftRuleFact>> NftRulesOf(Socket& socket, const NftTable& table, const std::string& chain);
Result<std::vector<NftSetFact>> NftSetsOf(Socket& socket, const NftTable& table);

Value ToValue(const NftRuleFact& rule);
Value ToValue(const NftSetFact& set);

}  // namespace trestle
