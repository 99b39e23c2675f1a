#include "event_loop.h"

#include <utility>

namespace trestle {
namespace {

uv_handle_t* AsHandle(uv_poll_t& handle) {
  return reinterpret_cast<uv_handle_t*>(&handle);
}

uv_handle_t* AsHandle(uv_timer_t& handle) {
  return reinterpret_cast<uv_handle_t*>(&handle);
}

template <class State>
void CloseAndFree(State* state) {
  uv_close(AsHandle(state->handle), [](uv_handle_t* handle) {
    const std::unique_ptr<State> owner(static_cast<State*>(handle->data));
  });
}

}  // namespace

int Watcher::State::Listen(int events) {
  return uv_poll_start(&handle, events, [](uv_poll_t* poll, int status, int seen) {
    // An error is found out, and told, by who reads.
    static_cast<State*>(poll->data)->ready(status < 0 ? UV_READABLE : seen);
  });
}

// What is watched is closed at once; only libuv's own part stays a little longer.
void Watcher::State::Close(State* state) {
  uv_poll_stop(&state->handle);
  state->fd = Fd();
  CloseAndFree(state);
}

Result<Watcher> Watcher::Start(uv_loop_t* loop, Fd fd, std::function<void(int events)> ready) {
  auto state = std::make_unique<State>();
  state->fd = std::move(fd);
  state->ready = std::move(ready);
  // Until it has succeeded there is nothing that libuv would call back for.
  if (const int error = uv_poll_init(loop, &state->handle, state->fd.get()); error != 0)
    return KernelFault("watch a connection", -error);
  state->handle.data = state.get();
  Watcher watcher{Handle<State, State::Close>(state.release())};
  if (const int error = watcher.state_->Listen(UV_READABLE); error != 0)
    return KernelFault("watch a connection", -error);
  return watcher;
}

void Watcher::WatchForRoom(bool wanted) {
  // With a handle that is open and these events it cannot fail.
  static_cast<void>(state_->Listen(wanted ? UV_READABLE | UV_WRITABLE : UV_READABLE));
}

Ticker::Ticker(uv_loop_t* loop, std::chrono::milliseconds every, std::function<void()> tick)
    : state_(std::make_unique<State>().release()) {
  state_->every = every;
  state_->tick = std::move(tick);
  state_->handle.data = state_.get();
  uv_timer_init(loop, &state_->handle);
  uv_unref(AsHandle(state_->handle));
}

void Ticker::State::Close(State* state) {
  CloseAndFree(state);
}

void Ticker::Start() {
  if (uv_is_active(AsHandle(state_->handle)) != 0) return;
  const auto ms = uint64_t(state_->every.count());
  uv_timer_start(
      &state_->handle, [](uv_timer_t* timer) { static_cast<State*>(timer->data)->tick(); }, ms, ms);
}

void Ticker::Stop() {
  uv_timer_stop(&state_->handle);
}

}  // namespace trestle
