// What a service tells the one who started it: sd_notify(3).
#pragma once

#include <string>

#include "result.h"

namespace trestle {

// Sends `state` ("READY=1") as one datagram to a socket of the unix kind; a name that begins with '@' is an
// abstract one. Does not wait for a receiver that is slow (EAGAIN).
Status Notify(const std::string& socket, const std::string& state);

}  // namespace trestle
