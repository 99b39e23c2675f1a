// The expressions that nftables rules consist of.
#pragma once

#include <functional>

#include "fields.h"
#include "handle.h"

namespace trestle {

// Makes the expression, as often as a batch is built.
using MakeNftExpr = std::function<NftExprHandle()>;

// Reads one `NftExpr` of the contract.
MakeNftExpr ParseNftExpr(Fields& fields);

}  // namespace trestle
