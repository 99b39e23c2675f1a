// What the messages that read nftables have in common.
#pragma once

// The kernel headers give way to those of libc, if these come first.
#include <netinet/in.h>

#include <linux/netfilter.h>

#include <string>

#include "fields.h"
#include "socket.h"
#include "value.h"

namespace trestle {

struct NftTable {
  uint8_t family = NFPROTO_UNSPEC;
  std::string name;
};

// Reads `family` and `table`.
NftTable ParseNftTable(Fields& fields);
// "inet trestle"
std::string ToText(const NftTable& table);
Value ToValue(const NftTable& table);

// NFT_MSG_GET*
Request NftGet(uint16_t message, const NftTable& table);
// The text of type `type` among user data: pairs of a type and a length of one byte each, and what they
// announce. "" for none.
std::string NftUserText(Bytes data, uint8_t type);

}  // namespace trestle
