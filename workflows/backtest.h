// Back-tests: what another configuration would have made of cases of the past. Pure; nothing is
// stored, and Decide is what opens them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "workflows/case.h"
#include "workflows/customer.h"
#include "workflows/response.h"
#include "workflows/result.h"
#include "workflows/revision.h"

namespace rebound {

// The case as `draft` would have opened it had it come live at the time it did: with its playbook,
// queue, priority, severity and the clocks that start with it. nullopt: it would not have been
// opened, such as for a score that is no detractor's there. An error: it would have been refused.
//
// `opened`: as it was opened, under `followed`; `response`: the answer that opened it, null when
// none did. A severity given by hand is not known where the playbook of `followed` raised it: 2 is
// taken.
Result<std::optional<Case>> OpenUnder(const Revision& draft, const Revision& followed,
                                      const Case& opened, const Response* response,
                                      const Customer* customer);

// What may be promised to happen, as a fact of a case.
enum class CaseFact { kUnset, kDispatched, kAttempted, kContacted, kRemedied, kResolved, kClosed };
inline constexpr int kCaseFactCount = static_cast<int>(CaseFact::kClosed) + 1;
// snake_case, e.g. "dispatched".
std::string_view Name(CaseFact fact);

// When it first happened to the case (kResolved: the last time); nullopt: not yet.
std::optional<Timestamp> TimeOf(const Case& c, CaseFact fact);

// The fact that meets the clock; kUnset where a case of the past does not tell: commitments,
// verification, re-survey.
CaseFact FactOf(const CaseClock& clock);

enum class Punctuality {
  kInTime,
  kLate,     // it happened after the due time, or has not by `as_of`, which is after it
  kRunning,  // it has not happened and is not due yet
  kUnknown   // there is no due time: the calendar never gets there
};
// Pauses of the past are not looked at: the due time is that of a clock that never stood.
Punctuality Judge(const std::optional<Timestamp>& due, const std::optional<Timestamp>& happened,
                  Timestamp as_of);

}  // namespace rebound
