// One function for each query about nftables: it reads the fields and says how it is answered.
#pragma once

#include "observe.h"

namespace trestle {

Ask ParseNftElementsQuery(Fields& fields, Ns ns);
Ask ParseNftLookupQuery(Fields& fields, Ns ns);
Ask ParseNftTablesQuery(Fields& fields, Ns ns);
Ask ParseNftSetsQuery(Fields& fields, Ns ns);
Ask ParseNftRulesQuery(Fields& fields, Ns ns);

}  // namespace trestle
