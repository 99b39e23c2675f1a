// Handles of libuv's event loop, which is JavaScript's own. Main thread only.
#pragma once

#include <uv.h>

#include <chrono>
#include <functional>
#include <memory>

#include "handle.h"
#include "result.h"

namespace trestle {

// A descriptor that the event loop watches, closed with its scope.
class Watcher {
 public:
  // `ready` is told UV_READABLE, UV_WRITABLE or both; a broken connection is readable. It may end the
  // watcher.
  static Result<Watcher> Start(uv_loop_t* loop, Fd fd, std::function<void(int events)> ready);
  // From now on also when there is room for more to be written, or no longer.
  void WatchForRoom(bool wanted);
  [[nodiscard]] int fd() const { return state_->fd.get(); }

 private:
  // libuv holds on to the handle until it has called back once more.
  struct State {
    uv_poll_t handle{};
    Fd fd;
    std::function<void(int)> ready;
    static void Close(State* state);
    [[nodiscard]] int Listen(int events);
  };
  explicit Watcher(Handle<State, State::Close> state) : state_(std::move(state)) {}

  Handle<State, State::Close> state_;
};

// Calls again and again while it runs. It keeps no event loop going.
class Ticker {
 public:
  Ticker(uv_loop_t* loop, std::chrono::milliseconds every, std::function<void()> tick);
  // Does nothing where it runs already.
  void Start();
  void Stop();

 private:
  struct State {
    uv_timer_t handle{};
    std::chrono::milliseconds every{};
    std::function<void()> tick;
    static void Close(State* state);
  };

  Handle<State, State::Close> state_;
};

}  // namespace trestle
