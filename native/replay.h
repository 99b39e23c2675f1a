// An ADD by its recipe: what lib/plugin/add.ts does, where everything is as it was when the recipe was made.
// Anything else is left to that, which finds what was begun like the remains of an ADD that was killed.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "handle.h"
#include "locks.h"
#include "names.h"
#include "recipe.h"
#include "session.h"
#include "value.h"

namespace trestle {

class Replay {
 public:
  Replay(std::shared_ptr<const Recipe> recipe, RecipeCall call, std::shared_ptr<Locks> locks)
      : recipe_(std::move(recipe)), call_(std::move(call)), locks_(std::move(locks)) {}
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;
  Replay(Replay&&) = delete;
  Replay& operator=(Replay&&) = delete;
  ~Replay() { Release(); }

  // Does it, and answers over the connection: "", or over what it was given up. Until this object goes, or
  // the ADD was given up, the attachment is locked, and its namespace kept open.
  const char* Run(Fd connection, const std::stop_token& stop);

  // Whether it was done, and is answered at any moment: the launcher may have ended before `Run` has. Of any
  // thread.
  [[nodiscard]] bool is_done() const { return is_done_; }
  // How many steps were done. To be asked when they were.
  [[nodiscard]] size_t steps() const { return steps_; }

 private:
  const char* Do(const std::stop_token& stop);
  bool Enter(const std::stop_token& stop);
  bool Lock();
  bool Observe();
  bool BeginRecord();
  bool Lease(const std::stop_token& stop);
  const char* Apply();
  bool Note(const std::string& text);
  void Answer();
  [[nodiscard]] bool IsCallerThere() const;
  std::string Filled(std::string_view text);
  void Release();

  std::shared_ptr<const Recipe> recipe_;
  RecipeCall call_;
  std::shared_ptr<Locks> locks_;
  Fd connection_;
  AttachmentNames names_;
  std::optional<int> lock_;
  std::unique_ptr<Session> session_;
  Fd record_;
  size_t steps_ = 0;
  std::atomic<bool> is_done_ = false;
};

}  // namespace trestle
