#include "addon_replays.h"

#include <utility>

namespace trestle {
namespace {

// So many at once; others are served as if there were no recipes, and queue.
constexpr size_t kMost = 64;

}  // namespace

Status AddonReplays::SetRecipe(const std::string& text) {
  auto recipe = ParseRecipe(text);
  if (!recipe) return recipe.fault();
  const uint32_t id = recipe->id;
  recipes_.insert_or_assign(id, std::make_shared<const Recipe>(std::move(*recipe)));
  return Done{};
}

bool AddonReplays::Claim(int visitor, std::string_view request) {
  if (calls_now_.size() >= kMost) return false;
  for (const auto& [id, recipe] : recipes_) {
    auto call = Match(*recipe, request);
    if (!call) continue;
    auto replay = std::make_shared<Replay>(recipe, std::move(*call), locks_);
    calls_now_.emplace(visitor, Call{.request = std::string(request), .replay = std::move(replay)});
    return true;
  }
  return false;
}

void AddonReplays::Begin(Napi::Env env, int visitor, Fd connection, const std::shared_ptr<ReplayHost>& host) {
  Call& call = calls_now_.at(visitor);
  call.stage = Call::Stage::kRunning;
  call.begun = std::chrono::steady_clock::now();
  auto work = [replay = call.replay, shared = std::make_shared<Fd>(std::move(connection))](
                  const std::stop_token& stop) -> Result<Value> {
    return Value(replay->Run(std::move(*shared), stop));
  };
  auto then = [this, visitor, host](Napi::Env, const Result<Value>& answer) {
    End(visitor, answer ? *answer->As<std::string>() : "thread", *host);
  };
  calls_.Start(env, std::move(work), {}, std::move(then));
}

void AddonReplays::End(int visitor, const std::string& given_up, const ReplayHost& host) {
  const auto found = calls_now_.find(visitor);
  // Its launcher was quicker.
  if (found == calls_now_.end()) return;
  Call& call = found->second;
  call.took = std::chrono::steady_clock::now() - call.begun;
  call.stage = Call::Stage::kDone;
  const bool is_done = given_up.empty();
  if (is_done && !call.has_left) return;
  const Call ended = std::move(calls_now_.extract(found).mapped());
  if (is_done) return Tell(ended, host);
  host.given_up(visitor, ended.request, given_up, ended.has_left);
}

void AddonReplays::Tell(Call call, const ReplayHost& host) {
  const size_t steps = call.replay->steps();
  // To close what was open takes some time, for which nobody is to wait.
  calls_.Aside([left = std::exchange(call.replay, nullptr)] {});
  host.done(call.request, steps, call.took.count());
}

std::optional<std::string> AddonReplays::Leave(int visitor, const ReplayHost& host) {
  const auto found = calls_now_.find(visitor);
  if (found == calls_now_.end()) return std::nullopt;
  Call& running = found->second;
  if (running.stage == Call::Stage::kRunning && !running.replay->is_done()) {
    running.has_left = true;
    return std::nullopt;
  }
  if (running.stage == Call::Stage::kRunning) running.took = std::chrono::steady_clock::now() - running.begun;
  Call call = std::move(calls_now_.extract(found).mapped());
  if (call.stage == Call::Stage::kClaimed) return std::move(call.request);
  Tell(std::move(call), host);
  return std::nullopt;
}

}  // namespace trestle
