// Waits until a link goes.
#pragma once

#include <chrono>
#include <stop_token>

#include "handle.h"
#include "result.h"
#include "socket.h"

namespace trestle {

class Departure {
 public:
  // In the network namespace that the calling thread is in. What goes from then on is heard.
  static Result<Departure> Open();
  // Whether a link has gone, or may have (the kernel left out messages), before `timeout` has passed or
  // `stop` is requested.
  Result<bool> Wait(std::chrono::milliseconds timeout, const std::stop_token& stop);

 private:
  Departure(Socket links, Fd wake);
  Result<bool> Heard();

  Socket links_;
  Fd wake_;
};

}  // namespace trestle
