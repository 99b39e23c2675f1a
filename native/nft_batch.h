// One nftables transaction: messages that the kernel takes all or none of.
#pragma once

#include <linux/netlink.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nft_expr.h"
#include "nft_key.h"
#include "nft_read.h"
#include "socket.h"

namespace trestle {

struct NftChain {
  struct Hook {
    const char* type = "filter";
    uint32_t number = 0;  // NF_INET_*
    int32_t priority = 0;
  };
  std::string name;
  std::optional<Hook> hook;
};

struct NftSet {
  std::string name;
  NftType key = 0;
  std::optional<NftType> data;  // of a map
  std::string comment;
};

struct NftRule {
  std::string chain;
  std::string comment;
  std::vector<MakeNftExpr> exprs;
};

struct NftElements {
  std::string set;
  std::vector<NftKey> keys;
  std::optional<NftValue> data;
  std::optional<std::string> comment;
  // Whether one that says something else stays, and is a fault.
  bool fails_if_taken = false;
};

class NftBatch {
 public:
  explicit NftBatch(const NftTable& table) : table_(table) {}

  void AddTable(const std::string& comment);
  void AddChain(const NftChain& chain);
  void AddSet(const NftSet& set);
  void AddRule(const NftRule& rule);
  void AddElements(const NftElements& elements);
  void DeleteElements(const NftElements& elements);
  void DeleteRule(const std::string& chain, const NftRuleFact& rule);
  void DeleteSet(const std::string& set);
  // With the rules in it.
  void DeleteChain(const std::string& chain);

  [[nodiscard]] bool empty() const { return ops_.empty(); }
  // Whether it holds anything but elements, so that what was read before must still be true when it is done.
  [[nodiscard]] bool structural() const { return structural_; }
  // Makes that so of elements, too.
  void Pin() { structural_ = true; }

  // Without the message that ends a batch the kernel looks at it all, and undoes it (`nft --check`).
  enum class Send : bool { kToTry, kToCommit };
  // ERESTART when the namespace's ruleset is not that of `generation` any more (0: whatever it is). The fault
  // names the message that failed.
  Status SendTo(Socket& socket, uint32_t generation, Send how);

 private:
  void PutElements(uint16_t type, uint16_t flags, const std::string& op, const NftElements& elements);
  void Put(uint16_t type, uint16_t flags, const std::string& op, const std::function<void(nlmsghdr*)>& build);
  [[nodiscard]] std::string InTable(const std::string& name) const { return ToText(table_) + " " + name; }

  const NftTable& table_;
  std::vector<uint8_t> messages_;
  size_t last_ = 0;  // where the last message begins
  std::vector<std::string> ops_;
  bool structural_ = false;
};

}  // namespace trestle
