#include "nft_transaction.h"

#include <algorithm>
#include <cerrno>

namespace trestle {
namespace {

Value ToValue(const NftElements& elements) {
  Array keys;
  for (const NftKey& key : elements.keys) keys.emplace_back(key.text);
  Object object = {{"set", elements.set}, {"keys", std::move(keys)}};
  if (elements.data) object.emplace_back("data", elements.data->text);
  if (elements.comment) object.emplace_back("comment", *elements.comment);
  return object;
}

// Whether the element is as it is wanted, with nothing to be said of what is not given.
bool IsAsWanted(const NftElement& element, const NftElements& wanted) {
  return (!wanted.comment || element.comment == *wanted.comment) &&
         (!wanted.data || element.data == wanted.data->bytes);
}

bool IsTaken(const NftElement& element, const NftElements& wanted) {
  return wanted.fails_if_taken && element.comment != wanted.comment.value_or("");
}

bool Contains(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

// The comment stands alone where else the kernel's explanation is, to be had without reading the message.
Fault Taken(const std::string& set, const NftKey& key, const NftElement& holder) {
  Fault fault = KernelFault("add elements to set " + set, EEXIST, holder.comment);
  fault.message = set + " has " + key.text + " for \"" + holder.comment + "\"";
  return fault;
}

}  // namespace

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
  // EEXIST: another has added the element meanwhile.
  return fault.code == ERESTART || fault.code == EINTR || fault.code == EEXIST;
}

Outcome NftTransaction::ToOutcome() const {
  Outcome outcome;
  if (!empty()) outcome.did = adds_ ? "created" : "deleted";
  if (makes_table_) outcome.details.emplace_back("madeTable", true);
  if (change_.add.empty()) return outcome;
  Array added;
  for (const NftElements& elements : added_) added.push_back(ToValue(elements));
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
  makes_table_ = !has_table_;
  if (makes_table_) batch_.AddTable(wanted.comment);
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
  std::vector<NftRuleFact> found;
  if (!has_table_) return found;
  auto known = rules_.find(chain);
  if (known == rules_.end()) {
    auto rules = NftRulesOf(socket_, change_.table, chain);
    if (!rules) return rules;
    known = rules_.emplace(chain, std::move(*rules)).first;
  }
  std::copy_if(known->second.begin(), known->second.end(), std::back_inserter(found),
               [&](const NftRuleFact& rule) { return rule.comment == comment; });
  return found;
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
    auto element = ReadNftElement(socket_, change_.table, elements.set, key);
    if (!element) return element.fault();
    found.push_back({key, std::move(*element)});
  }
  return found;
}

Status NftTransaction::Add() {
  Seen seen;
  for (const NftElements& elements : change_.add) {
    auto found = Find(elements, seen);
    if (!found) return found.fault();
    if (auto added = Add(elements, *found); !added) return added;
  }
  return Done{};
}

Status NftTransaction::Add(const NftElements& elements, const std::vector<Found>& found) {
  NftElements missing = elements;
  NftElements replaced{elements.set, {}, {}, {}};
  missing.keys.clear();
  for (const auto& [key, element] : found) {
    if (element && IsTaken(*element, elements))
      return Taken(ToText(change_.table) + " " + elements.set, key, *element);
    if (element && IsAsWanted(*element, elements)) continue;
    if (element) replaced.keys.push_back(key);
    missing.keys.push_back(key);
  }
  // The kernel changes neither an element's comment nor its data. What is replaced must be what was looked
  // at.
  batch_.DeleteElements(replaced);
  if (elements.fails_if_taken && !replaced.keys.empty()) batch_.Pin();
  if (missing.keys.empty()) return Done{};
  batch_.AddElements(missing);
  added_.push_back(std::move(missing));
  adds_ = true;
  return Done{};
}

Status NftTransaction::Remove() {
  // Several may name the same key, each as its own: it goes if it is one of theirs, and only once.
  Seen removed;
  for (const NftElements& elements : change_.remove) {
    Seen seen;
    auto found = Find(elements, seen);
    if (!found) return found.fault();
    NftElements present{elements.set, {}, {}, {}};
    for (const auto& [key, element] : *found) {
      if (!element) continue;
      const bool is_anothers =
          elements.comment && !element->comment.empty() && element->comment != *elements.comment;
      if (!is_anothers && removed.emplace(elements.set, key.text).second) present.keys.push_back(key);
    }
    batch_.DeleteElements(present);
  }
  return Done{};
}

Status NftTransaction::Drop() {
  if (!has_table_) return Done{};
  for (const auto& [chain, comment, constant] : change_.drop.rules) {
    auto rules = FindRules(chain, comment);
    if (!rules) return rules.fault();
    for (const NftRuleFact& rule : *rules)
      if (!constant || Contains(rule.constants, *constant)) batch_.DeleteRule(chain, rule);
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
