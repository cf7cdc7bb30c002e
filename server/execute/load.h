// What Decide needs to know of a command, read in the transaction that will store what it comes to.
#pragma once

#include "server/execute/run.h"
#include "server/storage/identities.h"
#include "server/storage/store.h"
#include "workflows/command.h"
#include "workflows/decide.h"
#include "workflows/result.h"

namespace rebound {

// Whatever lies outside the caller's scope is as if it were not there (kNotFound, where the command
// names it), except that the dedupe rule must see every case of the customer. The facts look some
// things up only when asked, in `reader`: they must not outlive it. Throws StoreFailure.
Result<Facts> LoadFacts(Transaction& reader, const Caller& caller, const Context& context,
                        const RevisionLookup& revisions, const SuppressionSecret& secret,
                        const Command& command);

}  // namespace rebound
