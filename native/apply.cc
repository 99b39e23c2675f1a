#include "apply.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>

#include "steps.h"
#include "thread.h"

namespace trestle {
namespace {

using Timed = std::pair<Result<Outcome>, std::chrono::microseconds>;

Timed RunTimed(const Step& step, Session& session) {
  const auto start = std::chrono::steady_clock::now();
  auto outcome = step.run(session);
  const auto took = std::chrono::steady_clock::now() - start;
  return {std::move(outcome), std::chrono::duration_cast<std::chrono::microseconds>(took)};
}

Value ToValue(const Outcome& outcome, std::chrono::microseconds took) {
  Object object = {{"did", outcome.did}, {"us", double(took.count())}};
  object.insert(object.end(), outcome.details.begin(), outcome.details.end());
  return object;
}

Value ToValue(const Fault& fault, size_t step, std::chrono::microseconds took) {
  return Object{{"step", step},          {"us", double(took.count())},
                {"op", fault.op},        {"errno", ErrnoName(fault.code)},
                {"code", fault.code},    {"message", fault.message},
                {"extack", fault.extack}};
}

class Run {
 public:
  Run(const std::vector<Step>& steps, Mode mode, Session& session)
      : steps_(steps), mode_(mode), session_(session) {}

  Value Go() {
    for (size_t i = 0; i < steps_.size();) {
      const size_t end = mode_ == Mode::kContinue ? EndOfParallel(i) : i + 1;
      if (end - i > 1) {
        RunParallel(i, end);
      } else {
        Note(i, RunTimed(steps_[i], session_));
      }
      i = end;
      if (mode_ == Mode::kStop && !faults_.empty()) break;
    }
    return Object{{"outcomes", std::move(outcomes_)}, {"faults", std::move(faults_)}};
  }

 private:
  void Note(size_t step, const Timed& done) {
    const auto& [outcome, took] = done;
    if (outcome) {
      outcomes_.push_back(ToValue(*outcome, took));
    } else {
      if (mode_ == Mode::kContinue) outcomes_.emplace_back();
      faults_.push_back(ToValue(outcome.fault(), step, took));
    }
  }

  [[nodiscard]] size_t EndOfParallel(size_t start) const {
    size_t end = start;
    while (end < steps_.size() && steps_[end].parallel) end++;
    return std::max(end, start + 1);
  }

  // Deleting a veth waits some 20 ms for RCU, outside the RTNL lock: side by side, many take little longer
  // than one.
  void RunParallel(size_t start, size_t end) {
    constexpr size_t max_threads = 16;
    std::vector<std::optional<Timed>> done(end - start);
    std::atomic<size_t> next = start;
    auto work = [&](Session& session) {
      for (size_t i = next++; i < end; i = next++) done[i - start] = RunTimed(steps_[i], session);
    };
    {
      std::vector<Thread> helpers;
      while (helpers.size() + 1 < std::min(end - start, max_threads)) {
        auto helper = Thread::Start([&work, beside = std::shared_ptr(session_.Beside())] {
          AssumeAway();
          work(*beside);
        });
        if (!helper) break;
        helpers.push_back(std::move(*helper));
      }
      work(session_);
    }
    for (size_t i = start; i < end; i++) Note(i, *done[i - start]);
  }

  const std::vector<Step>& steps_;
  Mode mode_;
  Session& session_;
  Array outcomes_;
  Array faults_;
};

}  // namespace

Step ParseStep(Fields& fields) {
  using Parse = Step (*)(Fields&);
  static constexpr Choice<Parse> ops[] = {

      {"link.add", ParseLinkAdd},
      {"link.set", ParseLinkSet},
      {"link.delete", ParseLinkDelete},
      {"link.wait", ParseLinkWait},
      {"link.announce", ParseLinkAnnounce},
      {"addr.add", ParseAddrAdd},
      {"addr.delete", ParseAddrDelete},
      {"route.add", ParseRouteAdd},
      {"bridge.vlan.add", ParseBridgeVlanAdd},
      {"bridge.vlan.delete", ParseBridgeVlanDelete},
      {"sysctl.set", ParseSysctlSet},
      {"nft.batch", ParseNftBatch},
      {"conntrack.flush", ParseConntrackFlush},
  };
  return fields.OneOf("op", ops)(fields);
}

Value Apply(Session& session, const std::vector<Step>& steps, Mode mode) {
  return Run(steps, mode, session).Go();
}

bool UsePod(const std::vector<Step>& steps) {
  return std::any_of(steps.begin(), steps.end(), [](const Step& step) { return step.uses_pod; });
}

}  // namespace trestle
