// Reading what is: the queries of the contract.
#pragma once

#include <functional>
#include <vector>

#include "fields.h"
#include "netns.h"
#include "result.h"
#include "session.h"
#include "value.h"

namespace trestle {

using Ask = std::function<Result<Value>(Session&)>;

// A question that passed validation.
struct Query {
  Ns ns = Ns::kHost;
  Ask ask;
};

Query ParseQuery(Fields& fields);

// Answers the queries in order on the calling thread, which it may leave in another namespace.
Result<Value> Observe(Session& session, const std::vector<Query>& queries);

bool UsePod(const std::vector<Query>& queries);

template <class T>
Value ToValues(const std::vector<T>& facts) {
  Array values;
  for (const T& fact : facts) values.push_back(ToValue(fact));
  return values;
}

}  // namespace trestle
