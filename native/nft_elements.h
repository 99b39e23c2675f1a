// Reading the elements of nftables sets and maps: NFT_MSG_GETSETELEM.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nft_key.h"
#include "nft_message.h"

namespace trestle {

// What is in a set under a key.
struct NftElement {
  std::vector<uint8_t> data;  // of a map
  std::string comment;        // "" for none
};

// NftElementFact of the contract.
struct NftElementFact {
  std::string key;
  std::string data;  // "" in what is no map
  std::string comment;
};

// Nothing where there is no such element, set or table.
Result<std::optional<NftElement>> ReadNftElement(Socket& socket, const NftTable& table,
                                                 const std::string& set, const NftKey& key);
// What is under each key; nothing where there is no such element, set or table.
Result<std::vector<std::optional<NftElementFact>>> FindNftElements(Socket& socket, const NftTable& table,
                                                                   const std::string& set,
                                                                   const std::vector<NftKey>& keys);
// Nothing where there is no such set.
Result<std::optional<std::vector<NftElementFact>>> NftElementsOf(Socket& socket, const NftTable& table,
                                                                 const std::string& set);
Value ToValue(const NftElementFact& element);

}  // namespace trestle
