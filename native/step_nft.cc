// `nft.batch`: reads the step, and tries until nobody comes between reading the ruleset and changing it.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>

#include "json.h"
#include "nft_transaction.h"
#include "steps.h"

namespace trestle {
namespace {

constexpr size_t kMaxComment = NFTNL_UDATA_COMMENT_MAXLEN - 1;

Result<Outcome> Run(Session& session, const NftChange& change, NftBatch::Send how) {
  constexpr int max_tries = 200;
  constexpr int max_missing = 10;  // ENOENT may also be the truth: a set that nobody makes
  auto socket = session.Netfilter(change.ns);
  if (!socket && socket.fault().code == EPROTONOSUPPORT && change.only_removes()) return Outcome();
  if (!socket) return socket.fault();
  std::chrono::microseconds pause(50);
  for (int tries = 1, missing = 0;; tries++) {
    NftTransaction transaction(**socket, change);
    if (auto prepared = transaction.Prepare(); !prepared) return prepared.fault();
    if (transaction.empty()) return transaction.ToOutcome();
    const auto sent = transaction.Send(how);
    if (sent) return transaction.ToOutcome();
    if (sent.fault().code == ENOENT) missing++;
    if (!transaction.IsStale(sent.fault()) || tries == max_tries || missing == max_missing)
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
  NftSet set{.name = fields.Text("name"),
             .key = fields.OneOf("key", kNftKeyTypes),
             .data = {},
             .comment = fields.Text("comment", kMaxComment)};
  if (fields.Has("data")) set.data = fields.OneOf("data", kNftDataTypes);
  return set;
}

NftRule ParseRule(Fields& fields) {
  constexpr size_t max_exprs = 128;  // NFT_RULE_MAXEXPRS
  NftRule rule{fields.Text("chain"), fields.Text("comment", kMaxComment), {}};
  fields.Each("exprs", false, [&](Fields& expr) { rule.exprs.push_back(ParseNftExpr(expr)); });
  if (rule.exprs.size() > max_exprs) fields.Complain("exprs", "are more than 128");
  if (rule.comment.empty()) fields.Complain("comment", "is empty, and it is what a rule is known by");
  return rule;
}

NftEnsure ParseEnsure(Fields fields) {
  NftEnsure ensure;
  ensure.comment = fields.Text("comment", kMaxComment);
  fields.Each("chains", false, [&](Fields& chain) { ensure.chains.push_back(ParseChain(chain)); });
  fields.Each("sets", false, [&](Fields& set) { ensure.sets.push_back(ParseSet(set)); });
  fields.Each("rules", false, [&](Fields& rule) { ensure.rules.push_back(ParseRule(rule)); });
  fields.Finish();
  return ensure;
}

// The description of a table is the same for one pod after the other, and longer than all else that is asked
// for them: it may come as JSON text, which each thread reads once.
std::shared_ptr<const NftEnsure> ReadEnsure(Fields& fields) {
  constexpr size_t max_text = 128 * size_t{1024};
  constexpr size_t max_known = 64;
  static thread_local std::unordered_map<std::string, std::shared_ptr<const NftEnsure>> known;
  if (!fields.IsText("ensure"))
    return std::make_shared<const NftEnsure>(ParseEnsure(fields.Nested("ensure")));
  const std::string text = fields.Text("ensure", max_text);
  if (const auto found = known.find(text); found != known.end()) return found->second;
  const auto value = FromJson(text);
  if (!value) {
    fields.Complain("ensure", "is no JSON text: " + value.fault().message);
    return nullptr;
  }
  auto ensure = std::make_shared<const NftEnsure>(ParseEnsure(fields.Within("ensure", *value)));
  if (fields.HasProblem()) return ensure;
  if (known.size() == max_known) known.clear();
  known.emplace(text, ensure);
  return ensure;
}

NftValue ParseData(Fields& fields) {
  const std::string text = fields.Text("data", kMaxNftText);
  auto data = ParseNftData(text);
  if (!data) fields.Complain("data", "is no address and port: \"" + text + "\"");
  return data.value_or(NftValue{});
}

NftElements ParseElements(Fields& fields) {
  NftElements elements;
  elements.set = fields.Text("set");
  elements.comment = fields.OptionalText("comment", kMaxComment);
  elements.keys = ParseNftKeys(fields);
  if (fields.Has("data")) elements.data = ParseData(fields);
  if (fields.Has("ifTaken")) elements.fails_if_taken = fields.OneOf<bool>("ifTaken", {{"fail", true}});
  return elements;
}

NftDrop ParseDrop(Fields fields) {
  NftDrop drop;
  drop.sets = fields.Texts("sets");
  fields.Each("rules", false, [&](Fields& rule) {
    drop.rules.push_back(
        {rule.Text("chain"), rule.Text("comment", kMaxComment), rule.OptionalText("constant")});
  });
  fields.Each("chains", true,
              [&](Fields& chain) { drop.chains.emplace_back(chain.Text("name"), chain.Text("from")); });
  fields.Finish();
  return drop;
}

}  // namespace

Step ParseNftBatch(Fields& fields) {
  NftChange change;
  change.ns = fields.Namespace("ns");
  change.table = ParseNftTable(fields);
  if (fields.Has("ensure")) change.ensure = ReadEnsure(fields);
  fields.Each("add", true, [&](Fields& elements) { change.add.push_back(ParseElements(elements)); });
  fields.Each("remove", true, [&](Fields& elements) { change.remove.push_back(ParseElements(elements)); });
  if (fields.Has("drop")) change.drop = ParseDrop(fields.Nested("drop"));
  return {.uses_pod = change.ns == Ns::kPod,
          .run = [change](Session& session) { return Run(session, change, NftBatch::Send::kToCommit); }};
}

std::function<Result<Value>(Session&)> ParseNftTrial(Fields& fields, Ns ns) {
  NftChange change;
  change.ns = ns;
  change.table = ParseNftTable(fields);
  change.ensure = ReadEnsure(fields);
  return [change](Session& session) -> Result<Value> {
    auto tried = Run(session, change, NftBatch::Send::kToTry);
    if (!tried) return tried.fault();
    return Value(true);
  };
}

}  // namespace trestle
