// What conditions leave over: can a condition hold at all, and is there a case that the conditions
// tried before it leave to it? Pure; thread-safe.
//
// Answers err on one side only: a "no" is proven. A search that would take too long is a "yes".
#pragma once

#include <vector>

#include "workflows/predicate.h"

namespace rebound {

// Is there a case, as it opens, that meets the condition? REQUIRES: Check passed for kOpeningRule.
bool CanHold(const Predicate& condition);

// Does each case that meets `condition` meet one of `earlier` too?
bool IsCovered(const Predicate& condition, const std::vector<Predicate>& earlier);

}  // namespace rebound
