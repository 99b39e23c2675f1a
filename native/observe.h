// Reading what is: the queries of the contract.
#pragma once

#include <functional>
#include <stop_token>
#include <vector>

#include "fields.h"
#include "netns.h"
#include "result.h"
#include "session.h"
#include "value.h"

namespace trestle {

// A question that passed validation.
struct Query {
  Ns ns = Ns::kHost;
  std::function<Result<Value>(Session&)> ask;
};

Query ParseQuery(Fields& fields);

// Answers the queries in order on the calling thread, which it may leave in another namespace.
Result<Value> Observe(const Where& where, const std::vector<Query>& queries, const std::stop_token& stop);

}  // namespace trestle
