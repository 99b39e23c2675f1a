#include "nft_transaction.h"

#include <cerrno>

namespace trestle {

Status NftTransaction::Prepare() {
  auto generation = ReadNftGeneration(socket_);
  if (!generation) return generation.fault();
  generation_ = *generation;
  auto has_table = HasNftTable(socket_, change_.table);
  if (!has_table) return has_table.fault();
  has_table_ = *has_table;
  using Part = Status (NftTransaction::*)();
  for (const Part part :
       {&NftTransaction::Ensure, &NftTransaction::Add, &NftTransaction::Remove, &NftTransaction::Drop}) {
    if (auto done = (this->*part)(); !done) return done;
  }
  return Done{};
}

bool NftTransaction::IsStale(const Fault& fault) const {
  if (fault.code == ENOENT) return !batch_.structural();
  return fault.code == ERESTART || fault.code == EINTR;
}

Outcome NftTransaction::ToOutcome() const {
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

template <class Things, class Has, class AddThing>
Status NftTransaction::AddMissing(const Things& things, Has has, AddThing add) {
  for (const auto& thing : things) {
    Result<bool> there = has_table_ ? has(socket_, change_.table, thing.name) : Result<bool>(false);
    if (!there) return there.fault();
    if (!*there) add(thing);
  }
  return Done{};
}

Status NftTransaction::Ensure() {
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

Result<std::vector<NftRuleFact>> NftTransaction::FindRules(const std::string& chain,
                                                           const std::string& comment) {
  if (!has_table_) return std::vector<NftRuleFact>();
  auto rules = NftRulesOf(socket_, change_.table, chain);
  if (!rules) return rules;
  std::erase_if(*rules, [&](const NftRuleFact& rule) { return rule.comment != comment; });
  return rules;
}

Result<NftElements> NftTransaction::Select(const NftElements& elements, bool present, Seen& seen) {
  NftElements selected{elements.set, {}, elements.comment};
  const bool may_exist = has_table_ && new_sets_.count(elements.set) == 0;
  for (const Ip& key : elements.keys) {
    if (!seen.emplace(elements.set, ToText(key)).second) continue;
    auto there = may_exist ? HasNftElement(socket_, change_.table, elements.set, key) : Result<bool>(false);
    if (!there) return there.fault();
    if (*there == present) selected.keys.push_back(key);
  }
  return selected;
}

Status NftTransaction::Add() {
  Seen seen;
  for (const NftElements& elements : change_.add) {
    auto missing = Select(elements, false, seen);
    if (!missing) return missing.fault();
    if (missing->keys.empty()) continue;
    batch_.AddElements(*missing);
    added_.push_back(std::move(*missing));
    adds_ = true;
  }
  return Done{};
}

Status NftTransaction::Remove() {
  Seen seen;
  for (const NftElements& elements : change_.remove) {
    auto present = Select(elements, true, seen);
    if (!present) return present.fault();
    batch_.DeleteElements(*present);
  }
  return Done{};
}

Status NftTransaction::Drop() {
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

}  // namespace trestle
