// Changing what is: the steps of the contract.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fields.h"
#include "result.h"
#include "session.h"
#include "value.h"

namespace trestle {

// Outcome of the contract, but for the time it took.
struct Outcome {
  const char* did = "kept";
  // The other fields, under their names of the contract.
  Object details;
};

// A change that passed validation.
struct Step {
  bool uses_pod = false;
  // Whether it may run beside its like: the steps on either side of it that may, too.
  bool parallel = false;
  std::function<Result<Outcome>(Session&)> run;
};

Step ParseStep(Fields& fields);

enum class Mode { kStop, kContinue };

// Runs the steps on the calling thread, which it may leave in another namespace: `Applied` of the contract.
Value Apply(Session& session, const std::vector<Step>& steps, Mode mode);

bool UsePod(const std::vector<Step>& steps);

}  // namespace trestle
