// `nft.batch`: reads what is there, and sends what is missing as one transaction. The cost depends neither on
// the size of the ruleset nor on that of a set. NFT_MSG_DESTROY* (Linux 6.3), which ignores what is missing,
// is not used.

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "nft_batch.h"
#include "nft_read.h"
#include "steps.h"

namespace trestle {
namespace {

constexpr size_t kMaxComment = NFTNL_UDATA_COMMENT_MAXLEN - 1;

struct Ensure {
  std::string comment;
  std::vector<NftChain> chains;
  std::vector<NftSet> sets;
  std::vector<NftRule> rules;
};

struct Drop {
  std::vector<std::string> sets;
  std::vector<std::pair<std::string, std::string>> rules;  // chain and comment
};

struct Change {
  Ns ns = Ns::kHost;
  NftTable table;
  std::optional<Ensure> ensure;
  std::vector<NftElements> add;
  std::vector<NftElements> remove;
  Drop drop;
};

// One try: what was read, and the batch that follows from it.
class Transaction {
 public:
  Transaction(Socket& socket, const Change& change)
      : socket_(socket), change_(change), batch_(change.table) {}

  Status Prepare() {
    auto generation = ReadNftGeneration(socket_);
    if (!generation) return generation.fault();
    generation_ = *generation;
    auto has_table = HasNftTable(socket_, change_.table);
    if (!has_table) return has_table.fault();
    has_table_ = *has_table;
    using Part = Status (Transaction::*)();
    for (const Part part :
         {&Transaction::Ensure, &Transaction::Add, &Transaction::Remove, &Transaction::Drop}) {
      if (auto done = (this->*part)(); !done) return done;
    }
    return Done{};
  }

  [[nodiscard]] bool empty() const { return batch_.empty(); }
  [[nodiscard]] bool structural() const { return batch_.structural(); }
  // Elements alone are added and removed whatever else is going on; anything more depends on what was read.
  Status Send() { return batch_.Send(socket_, batch_.structural() ? generation_ : 0); }

  [[nodiscard]] Outcome ToOutcome() const {
    Outcome outcome;
    if (!empty()) outcome.did = adds_ ? "created" : "deleted";
    if (change_.add.empty()) return outcome;
    Array added;
    for (const auto& [set, keys, comment] : added_) {
      Array texts;
      for (const Ip& key : keys) texts.emplace_back(ToText(key));
      Object elements = {{"set", set}, {"keys", std::move(texts)}};
      if (comment) elements.emplace_back("comment", *comment);
      added.emplace_back(std::move(elements));
    }
    outcome.details.emplace_back("added", std::move(added));
    return outcome;
  }

 private:
  // Calls `add(thing)` for each thing that is not there, as `has(socket, table, name)` finds.
  template <class Things, class Has, class AddThing>
  Status AddMissing(const Things& things, Has has, AddThing add) {
    for (const auto& thing : things) {
      Result<bool> there = has_table_ ? has(socket_, change_.table, thing.name) : Result<bool>(false);
      if (!there) return there.fault();
      if (!*there) add(thing);
    }
    return Done{};
  }

  Status Ensure() {
    if (!change_.ensure) return Done{};
    const auto& wanted = *change_.ensure;
    if (!has_table_) batch_.AddTable(wanted.comment);
    auto chains =
        AddMissing(wanted.chains, HasNftChain, [&](const NftChain& chain) { batch_.AddChain(chain); });
    if (!chains) return chains;
    auto sets = AddMissing(wanted.sets, HasNftSet, [&](const NftSet& set) {
      new_sets_.insert(set.name);
      batch_.AddSet(set);
    });
    if (!sets) return sets;
    for (const NftRule& rule : wanted.rules) {
      auto found = FindRules(rule.chain, rule.comment);
      if (!found) return found.fault();
      if (found->empty()) batch_.AddRule(rule);
    }
    adds_ = !batch_.empty();
    return Done{};
  }

  // The rules of a chain with that comment, which two writers without a care may have made two of.
  Result<std::vector<NftRuleFact>> FindRules(const std::string& chain, const std::string& comment) {
    if (!has_table_) return std::vector<NftRuleFact>();
    auto rules = NftRulesOf(socket_, change_.table, chain);
    if (!rules) return rules;
    std::erase_if(*rules, [&](const NftRuleFact& rule) { return rule.comment != comment; });
    return rules;
  }

  // Those of the elements that are in the set (`present`) or are not. Each but once.
  Result<NftElements> Select(const NftElements& elements, bool present) {
    NftElements selected{elements.set, {}, elements.comment};
    const bool may_exist = has_table_ && new_sets_.count(elements.set) == 0;
    std::set<std::string> seen;
    for (const Ip& key : elements.keys) {
      if (!seen.insert(ToText(key)).second) continue;
      auto there = may_exist ? HasNftElement(socket_, change_.table, elements.set, key) : Result<bool>(false);
      if (!there) return there.fault();
      if (*there == present) selected.keys.push_back(key);
    }
    return selected;
  }

  Status Add() {
    for (const NftElements& elements : change_.add) {
      auto missing = Select(elements, false);
      if (!missing) return missing.fault();
      if (missing->keys.empty()) continue;
      batch_.AddElements(*missing);
      added_.push_back(std::move(*missing));
      adds_ = true;
    }
    return Done{};
  }

  Status Remove() {
    for (const NftElements& elements : change_.remove) {
      auto present = Select(elements, true);
      if (!present) return present.fault();
      batch_.DeleteElements(*present);
    }
    return Done{};
  }

  Status Drop() {
    if (!has_table_) return Done{};
    for (const auto& [chain, comment] : change_.drop.rules) {
      auto rules = FindRules(chain, comment);
      if (!rules) return rules.fault();
      for (const NftRuleFact& rule : *rules) batch_.DeleteRule(chain, rule);
    }
    for (const std::string& set : change_.drop.sets) {
      auto there = HasNftSet(socket_, change_.table, set);
      if (!there) return there.fault();
      if (*there) batch_.DeleteSet(set);
    }
    return Done{};
  }

  Socket& socket_;
  const Change& change_;
  NftBatch batch_;
  uint32_t generation_ = 0;
  bool has_table_ = false;
  bool adds_ = false;
  std::set<std::string> new_sets_;
  std::vector<NftElements> added_;
};

// Whether the ruleset has changed between reading and sending.
bool IsStale(const Fault& fault, const Transaction& transaction) {
  return fault.code == ERESTART || fault.code == EINTR || (fault.code == ENOENT && !transaction.structural());
}

Result<Outcome> Run(Session& session, const Change& change) {
  constexpr int max_tries = 200;
  constexpr int max_missing = 10;  // ENOENT may also be the truth: a set that nobody makes
  auto socket = session.Netfilter(change.ns);
  if (!socket) return socket.fault();
  std::chrono::microseconds pause(50);
  for (int tries = 1, missing = 0;; tries++) {
    Transaction transaction(**socket, change);
    if (auto prepared = transaction.Prepare(); !prepared) return prepared.fault();
    if (transaction.empty()) return transaction.ToOutcome();
    const auto sent = transaction.Send();
    if (sent) return transaction.ToOutcome();
    if (sent.fault().code == ENOENT) missing++;
    if (!IsStale(sent.fault(), transaction) || tries == max_tries || missing == max_missing)
      return sent.fault();
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 5 / 4, std::chrono::microseconds(5'000));
  }
}

NftChain ParseChain(Fields& fields) {
  NftChain chain;
  chain.name = fields.Text("name");
  if (!fields.Has("hook")) return chain;
  Fields hook = fields.Nested("hook");
  chain.hook = NftChain::Hook{
      .type = hook.OneOf<const char*>("type", {{"nat", "nat"}, {"filter", "filter"}, {"route", "route"}}),
      .number = hook.OneOf<uint32_t>("hook", {{"prerouting", NF_INET_PRE_ROUTING},
                                              {"input", NF_INET_LOCAL_IN},
                                              {"forward", NF_INET_FORWARD},
                                              {"output", NF_INET_LOCAL_OUT},
                                              {"postrouting", NF_INET_POST_ROUTING}}),
      .priority = hook.SignedNumber("priority")};
  hook.Finish();
  return chain;
}

NftSet ParseSet(Fields& fields) {
  return {.name = fields.Text("name"),
          .key_family = fields.OneOf<int>("key", {{"ipv4_addr", AF_INET}, {"ipv6_addr", AF_INET6}}),
          .comment = fields.Text("comment", kMaxComment)};
}

NftRule ParseRule(Fields& fields) {
  constexpr size_t max_exprs = 128;  // NFT_RULE_MAXEXPRS
  NftRule rule{fields.Text("chain"), fields.Text("comment", kMaxComment), {}};
  fields.Each("exprs", false, [&](Fields& expr) { rule.exprs.push_back(ParseNftExpr(expr)); });
  if (rule.exprs.size() > max_exprs) fields.Complain("exprs", "are more than 128");
  if (rule.comment.empty()) fields.Complain("comment", "is empty, and it is what a rule is known by");
  return rule;
}

Ensure ParseEnsure(Fields fields) {
  Ensure ensure;
  ensure.comment = fields.Text("comment", kMaxComment);
  fields.Each("chains", false, [&](Fields& chain) { ensure.chains.push_back(ParseChain(chain)); });
  fields.Each("sets", false, [&](Fields& set) { ensure.sets.push_back(ParseSet(set)); });
  fields.Each("rules", false, [&](Fields& rule) { ensure.rules.push_back(ParseRule(rule)); });
  fields.Finish();
  return ensure;
}

NftElements ParseElements(Fields& fields) {
  NftElements elements;
  elements.set = fields.Text("set");
  elements.comment = fields.OptionalText("comment", kMaxComment);
  for (const std::string& text : fields.Texts("keys", 64)) {
    const auto key = ParseIp(text);
    if (!key) fields.Complain("keys", "contains what is no IP address: \"" + text + "\"");
    elements.keys.push_back(key.value_or(Ip{}));
  }
  return elements;
}

Drop ParseDrop(Fields fields) {
  Drop drop;
  drop.sets = fields.Texts("sets");
  fields.Each("rules", false, [&](Fields& rule) {
    drop.rules.emplace_back(rule.Text("chain"), rule.Text("comment", kMaxComment));
  });
  fields.Finish();
  return drop;
}

}  // namespace

Step ParseNftBatch(Fields& fields) {
  Change change;
  change.ns = fields.Namespace("ns");
  change.table = ParseNftTable(fields);
  if (fields.Has("ensure")) change.ensure = ParseEnsure(fields.Nested("ensure"));
  fields.Each("add", true, [&](Fields& elements) { change.add.push_back(ParseElements(elements)); });
  fields.Each("remove", true, [&](Fields& elements) { change.remove.push_back(ParseElements(elements)); });
  if (fields.Has("drop")) change.drop = ParseDrop(fields.Nested("drop"));
  return {.uses_pod = change.ns == Ns::kPod,
          .run = [change](Session& session) { return Run(session, change); }};
}

}  // namespace trestle
