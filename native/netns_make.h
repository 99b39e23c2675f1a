// Scratch network namespaces: `ip netns add` and `ip netns delete`.
#pragma once

#include <string>

#include "result.h"

namespace trestle {

// Binds a new, empty network namespace to a file that must not be there yet. The calling thread is left in
// the new namespace, and must end after this.
Status MakeNetns(const std::string& path);

// Unbinds the namespace and removes the file; what is gone already is no fault.
Status RemoveNetns(const std::string& path);

}  // namespace trestle
