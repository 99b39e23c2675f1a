#include "calls.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apply.h"
#include "departure.h"
#include "fields.h"
#include "json.h"
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

constexpr const char* kReadArguments = "read the arguments";

Where ParseWhere(Fields& fields) {
  constexpr size_t max_path = 4095;
  return {fields.OptionalText("host", max_path), fields.OptionalText("pod", max_path)};
}

// Where a call works: on a visit, or in namespaces that are opened for it alone.
struct Place {
  std::shared_ptr<Visit> visit;
  Where where;
};

Place ParsePlace(Fields& call, const Visits& visits) {
  Fields fields = call.Nested("where");
  Place place;
  if (const auto number = fields.OptionalNumber("visit", 1, INT32_MAX)) {
    place.visit = visits.Find(int(*number));
    if (!place.visit) fields.Complain("visit", "is none that is being paid");
  } else {
    place.where = ParseWhere(fields);
  }
  fields.Finish();
  return place;
}

// Does `work` there, on the calling thread, and makes JSON text of what it answers.
Result<Value> DoIn(const Place& place, bool with_pod, const std::stop_token& stop,
                   const std::function<Result<Value>(Session&)>& work) {
  auto answer = [&](Session& session) -> Result<Value> {
    session.Begin(stop);
    auto found = work(session);
    return found ? Value(ToJson(*found)) : std::move(found);
  };
  if (place.visit) {
    const std::lock_guard guard(place.visit->busy);
    return answer(place.visit->session);
  }
  auto namespaces = Namespaces::Open(place.where, with_pod);
  if (!namespaces) return namespaces.fault();
  Session session(std::move(*namespaces));
  return answer(session);
}

// The object that a call is described by.
Result<Value> ReadCall(const std::string& text) {
  auto call = FromJson(text);
  if (!call) return Fault{kReadArguments, 0, "the call is no JSON text: " + call.fault().message, ""};
  return call;
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

Result<Work> ParseObserve(const std::string& text, const Visits& visits) {
  const auto call = ReadCall(text);
  if (!call) return call.fault();
  std::optional<Fault> problem;
  Fields fields(&*call, "", problem);
  const Place place = ParsePlace(fields, visits);
  std::vector<Query> queries;
  fields.Each("queries", false, [&](Fields& query) { queries.push_back(ParseQuery(query)); });
  fields.Finish();
  if (problem) return *problem;
  return Work([place, queries](const std::stop_token& stop) {
    return DoIn(place, UsePod(queries), stop, [&](Session& session) { return Observe(session, queries); });
  });
}

Result<Work> ParseApply(const std::string& text, const Visits& visits) {
  const auto call = ReadCall(text);
  if (!call) return call.fault();
  std::optional<Fault> problem;
  Fields fields(&*call, "", problem);
  const Place place = ParsePlace(fields, visits);
  std::vector<Step> steps;
  fields.Each("steps", false, [&](Fields& step) { steps.push_back(ParseStep(step)); });
  const Mode mode = fields.OneOf<Mode>("mode", {{"stop", Mode::kStop}, {"continue", Mode::kContinue}});
  fields.Finish();
  if (problem) return *problem;
  return Work([place, steps, mode](const std::stop_token& stop) {
    return DoIn(place, UsePod(steps), stop, [&](Session& session) { return Apply(session, steps, mode); });
  });
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
