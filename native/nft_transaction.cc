#include "nft_transaction.h"

#include <cerrno>

namespace trestle {

Status NftTransaction::Prepare() {
  auto generation = ReadNftGeneration(socket_);
  // EINVAL: nfnetlink_rcv_msg knows nobody who takes such messages.
  if (!generation && generation.fault().code == EINVAL && change_.only_removes()) return Done{};
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
    for (const NftKey& key : keys) texts.emplace_back(key.text);
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

Result<std::vector<NftTransaction::Found>> NftTransaction::Find(const NftElements& elements, Seen& seen) {
  std::vector<Found> found;
  const bool may_exist = has_table_ && new_sets_.count(elements.set) == 0;
  for (const NftKey& key : elements.keys) {
    if (!seen.emplace(elements.set, key.text).second) continue;
    if (!may_exist) {
      found.push_back({key, std::nullopt});
      continue;
    }
    auto comment = ReadNftElement(socket_, change_.table, elements.set, key);
    if (!comment) return comment.fault();
    found.push_back({key, std::move(*comment)});
  }
  return found;
}

Status NftTransaction::Add() {
  Seen seen;
  for (const NftElements& elements : change_.add) {
    auto found = Find(elements, seen);
    if (!found) return found.fault();
    NftElements missing{elements.set, {}, elements.comment};
    NftElements mislabelled{elements.set, {}, {}};
    for (const auto& [key, comment] : *found) {
      if (comment && (!elements.comment || *comment == *elements.comment)) continue;
      if (comment) mislabelled.keys.push_back(key);
      missing.keys.push_back(key);
    }
    // The kernel does not change an element's comment.
    batch_.DeleteElements(mislabelled);
    if (missing.keys.empty()) continue;
    batch_.AddElements(missing);
    added_.push_back(std::move(missing));
    adds_ = true;
  }
  return Done{};
}

Status NftTransaction::Remove() {
  Seen seen;
  for (const NftElements& elements : change_.remove) {
    auto found = Find(elements, seen);
    if (!found) return found.fault();
    NftElements present{elements.set, {}, {}};
    for (const auto& [key, comment] : *found) {
      if (!comment) continue;
      const bool is_anothers = elements.comment && !comment->empty() && *comment != *elements.comment;
      if (!is_anothers) present.keys.push_back(key);
    }
    batch_.DeleteElements(present);
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
  return DropChains();
}

Status NftTransaction::DropChains() {
  for (const auto& [name, from] : change_.drop.chains) {
    auto there = HasNftChain(socket_, change_.table, name);
    if (!there) return there.fault();
    if (!*there) continue;
    auto rules = NftRulesOf(socket_, change_.table, from);
    if (!rules) return rules.fault();
    for (const NftRuleFact& rule : *rules)
      if (rule.jump == name) batch_.DeleteRule(from, rule);
    batch_.DeleteChain(name);
  }
  return Done{};
}

}  // namespace trestle
