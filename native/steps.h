// One function for each kind of step: it reads the step's fields and says how the step is done.
#pragma once

#include "apply.h"
#include "fields.h"

namespace trestle {

Step ParseLinkAdd(Fields& fields);
Step ParseLinkSet(Fields& fields);
Step ParseLinkDelete(Fields& fields);
Step ParseLinkWait(Fields& fields);
Step ParseLinkAnnounce(Fields& fields);
Step ParseAddrAdd(Fields& fields);
Step ParseAddrDelete(Fields& fields);
Step ParseRouteAdd(Fields& fields);
Step ParseBridgeVlanAdd(Fields& fields);
Step ParseBridgeVlanDelete(Fields& fields);
Step ParseSysctlSet(Fields& fields);
Step ParseNftBatch(Fields& fields);
Step ParseConntrackFlush(Fields& fields);

// The query `nft.trial`: what NftBatch would come to.
std::function<Result<Value>(Session&)> ParseNftTrial(Fields& fields, Ns ns);

// Reads `ifExists` or `ifMissing`: whether what is already there, or already gone, is left as it is.
inline bool KeepsIf(Fields& fields, const char* name) {
  return fields.OneOf<bool>(name, {{"keep", true}, {"fail", false}});
}

}  // namespace trestle
