// What conditions leave over: can a condition hold at all, and is there a case that the conditions
// tried before it leave to it? Pure; thread-safe.
//
// Answers err on one side only: that a condition can never hold, and that it is covered, is proven.
// A search that would take too long says that it can, and is not.
#pragma once

#include <cstdint>
#include <vector>

#include "workflows/predicate.h"

namespace rebound {

// What all questions about one list of rules may take together, in comparisons tried: about 0.2 s.
// A list of a thousand rules as people write them stays within it. After it the search for rules
// that never apply stops: every condition can hold, none is covered. That loses warnings (and the
// error of a playbook that stands wholly behind another), and nothing else: rules that are given up
// on apply as they would.
struct CoverageBudget {
  int64_t left = 3'000'000;
};

// Is there a case, as it opens, that meets the condition? REQUIRES: Check passed for kOpeningRule.
bool CanHold(const Predicate& condition, CoverageBudget* budget);

// Does each case that meets `condition` meet one of `earlier` too? REQUIRES: the same of all.
bool IsCovered(const Predicate& condition, const std::vector<const Predicate*>& earlier,
               CoverageBudget* budget);

}  // namespace rebound
