// From the arguments of a call to the work that a thread has to do.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "children.h"
#include "locks.h"
#include "result.h"
#include "value.h"
#include "visits.h"

namespace trestle {

using Work = std::function<Result<Value>(const std::stop_token&)>;

// These two have one argument, JSON text, and what they answer is JSON text too: V8 makes and reads that in a
// fraction of the time that it takes to go through objects from outside.
Result<Work> ParseObserve(const std::string& text, const Visits& visits);
Result<Work> ParseApply(const std::string& text, const Visits& visits);
Result<LockRequest> ParseLock(const Array& arguments);
Work Lock(const LockRequest& request, std::shared_ptr<Locks> locks);
Result<Work> ParseMakeNetns(const Array& arguments);
Result<Work> ParseRemoveNetns(const Array& arguments);
Result<Work> ParseSpawn(const Array& arguments, std::shared_ptr<Children> children);
Result<Work> ParseWait(const Array& arguments, std::shared_ptr<Children> children);
// What happens after this call is seen by its work.
Result<Work> ParseWatch(const Array& arguments);
// As with ParseWatch.
Result<Work> ParseLinkGone(const Array& arguments);
Result<Work> ParseNotify(const Array& arguments);

}  // namespace trestle
