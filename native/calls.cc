#include "calls.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apply.h"
#include "departure.h"
#include "fields.h"
#include "netns_make.h"
#include "notify.h"
#include "observe.h"
#include "watch.h"

namespace trestle {
namespace {

// The arguments under their names of the contract, so that they are read like any other object.
Value Named(const Array& arguments, const std::vector<const char*>& names) {
  Object object;
  for (size_t i = 0; i < names.size() && i < arguments.size(); i++)
    object.emplace_back(names[i], arguments[i]);
  return object;
}

Where ParseWhere(Fields call) {
  constexpr size_t max_path = 4095;
  Fields fields = call.Nested("where");
  Where where{fields.OptionalText("host", max_path), fields.OptionalText("pod", max_path)};
  fields.Finish();
  return where;
}

// Of a call whose only argument is an absolute path.
Result<Work> ParsePathCall(const Array& arguments, Status (*work)(const std::string&)) {
  const Value call = Named(arguments, {"path"});
  std::optional<Fault> problem;
  Fields fields(&call, "", problem);
  const std::string path = fields.Text("path", 4095);
  if (!path.starts_with('/')) fields.Complain("path", "is not absolute");
  if (problem) return *problem;
  return Work([path, work](const std::stop_token& /*stop*/) -> Result<Value> {
    if (auto done = work(path); !done) return done.fault();
    return Value();
  });
}

}  // namespace

Result<Work> ParseObserve(const Array& arguments) {
  const Value call = Named(arguments, {"where", "queries"});
  std::optional<Fault> problem;
  Fields fields(&call, "", problem);
  const Where where = ParseWhere(fields);
  std::vector<Query> queries;
  fields.Each("queries", false, [&](Fields& query) { queries.push_back(ParseQuery(query)); });
  if (problem) return *problem;
  return Work([where, queries](const std::stop_token& stop) { return Observe(where, queries, stop); });
}

Result<Work> ParseApply(const Array& arguments) {
  const Value call = Named(arguments, {"where", "steps", "mode"});
  std::optional<Fault> problem;
  Fields fields(&call, "", problem);
  const Where where = ParseWhere(fields);
  std::vector<Step> steps;
  fields.Each("steps", false, [&](Fields& step) { steps.push_back(ParseStep(step)); });
  const Mode mode = fields.OneOf<Mode>("mode", {{"stop", Mode::kStop}, {"continue", Mode::kContinue}});
  if (problem) return *problem;
  return Work([=](const std::stop_token& stop) { return Apply(where, steps, mode, stop); });
}

Result<LockRequest> ParseLock(const Array& arguments) {
  const Value call = Named(arguments, {"request"});
  std::optional<Fault> problem;
  Fields fields = Fields(&call, "", problem).Nested("request");
  LockRequest request = ParseLockRequest(fields);
  fields.Finish();
  if (problem) return *problem;
  return request;
}

Work Lock(const LockRequest& request, std::shared_ptr<Locks> locks) {
  return [request, locks = std::move(locks)](const std::stop_token& stop) -> Result<Value> {
    auto lock = locks->Take(request, stop);
    if (!lock) return lock.fault();
    return Value(*lock);
  };
}

Result<Work> ParseMakeNetns(const Array& arguments) {
  return ParsePathCall(arguments, MakeNetns);
}

Result<Work> ParseRemoveNetns(const Array& arguments) {
  return ParsePathCall(arguments, RemoveNetns);
}

Result<Work> ParseSpawn(const Array& arguments, std::shared_ptr<Children> children) {
  const Value call = Named(arguments, {"program"});
  std::optional<Fault> problem;
  Fields fields = Fields(&call, "", problem).Nested("program");
  const Program program = ParseProgram(fields);
  fields.Finish();
  if (problem) return *problem;
  return Work([program, children = std::move(children)](const std::stop_token& /*stop*/) {
    return children->Spawn(program);
  });
}

Result<Work> ParseWait(const Array& arguments, std::shared_ptr<Children> children) {
  const Value call = Named(arguments, {"pid"});
  std::optional<Fault> problem;
  Fields fields(&call, "", problem);
  const auto pid = pid_t(fields.Number("pid", 1, INT32_MAX));
  if (problem) return *problem;
  return Work([pid, children = std::move(children)](const std::stop_token& stop) {
    return children->Wait(pid, stop);
  });
}

Result<Work> ParseWatch(const Array& arguments) {
  const Value call = Named(arguments, {"what"});
  std::optional<Fault> problem;
  const Watched watched = ParseWatched(Fields(&call, "", problem).Nested("what"));
  if (problem) return *problem;
  auto opened = Watch::Open(watched);
  if (!opened) return opened.fault();
  auto watch = std::make_shared<Watch>(std::move(*opened));
  return Work([watch](const std::stop_token& stop) -> Result<Value> {
    if (auto waited = watch->Wait(stop); !waited) return waited.fault();
    return Value();
  });
}

Result<Work> ParseLinkGone(const Array& arguments) {
  constexpr int longest = 60'000;
  const Value call = Named(arguments, {"timeoutMs"});
  std::optional<Fault> problem;
  Fields fields(&call, "", problem);
  const std::chrono::milliseconds timeout(fields.Number("timeoutMs", 0, longest));
  if (problem) return *problem;
  auto opened = Departure::Open();
  if (!opened) return opened.fault();
  auto departure = std::make_shared<Departure>(std::move(*opened));
  return Work([departure, timeout](const std::stop_token& stop) -> Result<Value> {
    auto gone = departure->Wait(timeout, stop);
    if (!gone) return gone.fault();
    return Value(*gone);
  });
}

Result<Work> ParseNotify(const Array& arguments) {
  const Value call = Named(arguments, {"socket", "state"});
  std::optional<Fault> problem;
  Fields fields(&call, "", problem);
  const std::string socket = fields.Text("socket", 4095);
  const std::string state = fields.Text("state", 4095);
  if (problem) return *problem;
  return Work([socket, state](const std::stop_token& /*stop*/) -> Result<Value> {
    if (auto told = Notify(socket, state); !told) return told.fault();
    return Value();
  });
}

}  // namespace trestle
