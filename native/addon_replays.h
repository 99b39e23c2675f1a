// The recipes that JavaScript has made, and the calls that are done by them.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "addon_calls.h"
#include "replay.h"

namespace trestle {

// Who is told what became of such a call.
struct ReplayHost {
  // It was done, and its launcher has ended.
  std::function<void(std::string_view request, size_t steps, double seconds)> done;
  // It was given up over `what`, and is whoever's to serve who would have served it. `has_left`: its launcher
  // has ended meanwhile.
  std::function<void(int visitor, std::string_view request, std::string_view what, bool has_left)> given_up;
};

// Main thread only.
class AddonReplays {
 public:
  AddonReplays(AddonCalls& calls, std::shared_ptr<Locks> locks) : calls_(calls), locks_(std::move(locks)) {}

  // In place of the one with its number.
  Status SetRecipe(const std::string& text);
  void ForgetRecipes() { recipes_.clear(); }
  // From claim to the launcher's end.
  [[nodiscard]] size_t Count() const { return calls_now_.size(); }

  // Whether there is a recipe for it; the visitor's call is then done by that.
  bool Claim(int visitor, std::string_view request);
  [[nodiscard]] bool IsClaimed(int visitor) const { return calls_now_.contains(visitor); }
  void Begin(Napi::Env env, int visitor, Fd connection, const std::shared_ptr<ReplayHost>& host);
  // The request of a claimed call that was not begun, which is forgotten; nothing of one that was.
  std::optional<std::string> Leave(int visitor, const ReplayHost& host);

 private:
  struct Call {
    std::string request;
    std::shared_ptr<Replay> replay;
    enum class Stage { kClaimed, kRunning, kDone } stage = Stage::kClaimed;
    std::chrono::steady_clock::time_point begun{};
    std::chrono::duration<double> took{0};
    bool has_left = false;
  };

  void End(int visitor, const std::string& given_up, const ReplayHost& host);
  void Tell(Call call, const ReplayHost& host);

  AddonCalls& calls_;
  std::shared_ptr<Locks> locks_;
  std::map<uint32_t, std::shared_ptr<const Recipe>> recipes_;
  std::map<int, Call> calls_now_;
};

}  // namespace trestle
