// What an nftables batch is to reach, and the transaction that reaches it from what is there. The cost
// depends neither on the size of the ruleset nor on that of a set. NFT_MSG_DESTROY* (Linux 6.3), which
// ignores what is missing, is not used.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "apply.h"
#include "nft_batch.h"
#include "nft_elements.h"
#include "nft_read.h"

namespace trestle {

// `ensure` of the contract.
struct NftEnsure {
  std::string comment;
  std::vector<NftChain> chains;
  std::vector<NftSet> sets;
  std::vector<NftRule> rules;
};

// `drop` of the contract.
struct NftDrop {
  struct Rule {
    std::string chain;
    std::string comment;
    std::optional<std::string> constant;
  };
  std::vector<std::string> sets;
  std::vector<Rule> rules;
  std::vector<std::pair<std::string, std::string>> chains;  // name, and the chain that jumps to it
};

// `nft.batch` of the contract.
struct NftChange {
  Ns ns = Ns::kHost;
  NftTable table;
  std::shared_ptr<const NftEnsure> ensure;
  std::vector<NftElements> add;
  std::vector<NftElements> remove;
  NftDrop drop;
  // So that there is nothing to be done where the kernel has no nftables.
  [[nodiscard]] bool only_removes() const { return !ensure && add.empty(); }
};

// One try: what was read, and the batch that follows from it.
class NftTransaction {
 public:
  // Both outlive it.
  NftTransaction(Socket& socket, const NftChange& change)
      : socket_(socket), change_(change), batch_(change.table) {}

  // Reads what is there and fills the batch with what is to be done.
  Status Prepare();
  // Elements alone are added and removed whatever else is going on; anything more depends on what was read.
  Status Send(NftBatch::Send how) {
    return batch_.SendTo(socket_, batch_.structural() ? generation_ : 0, how);
  }
  // Whether `fault` of Send says that the ruleset has changed since it was read.
  [[nodiscard]] bool IsStale(const Fault& fault) const;
  [[nodiscard]] bool empty() const { return batch_.empty(); }
  [[nodiscard]] Outcome ToOutcome() const;

 private:
  using Seen = std::set<std::pair<std::string, std::string>>;
  struct Found {
    NftKey key;
    std::optional<NftElement> element;
  };

  Status Ensure();
  Status Add();
  Status Add(const NftElements& elements, const std::vector<Found>& found);
  Status Remove();
  Status Drop();
  Status DropChains();
  // Calls `add(thing)` for each thing that is not there, as `has(socket, table, name)` finds.
  template <class Things, class Has, class AddThing>
  Status AddMissing(const Things& things, Has has, AddThing add);
  // The rules of a chain with that comment, which two writers without a care may have made two of.
  Result<std::vector<NftRuleFact>> FindRules(const std::string& chain, const std::string& comment);
  // What is in the set under each of the keys, without those that were `seen` before.
  Result<std::vector<Found>> Find(const NftElements& elements, Seen& seen);

  Socket& socket_;
  const NftChange& change_;
  NftBatch batch_;
  uint32_t generation_ = 0;
  bool has_table_ = false;
  bool makes_table_ = false;
  bool adds_ = false;
  std::set<std::string> new_sets_;
  // By chain, each read once: a rule is known by its comment, for which the kernel has no question.
  std::map<std::string, std::vector<NftRuleFact>> rules_;
  std::vector<NftElements> added_;
};

}  // namespace trestle
