// How a case looks.
#pragma once

#include <string>
#include <vector>

#include "clients/cli/output.h"
#include "clients/cli/words.h"
#include "rebound/v1/case.pb.h"

namespace rebound::cli {

// The columns of a list of cases.
std::vector<Column<v1::Case>> CaseColumns();

// When the earliest running clock is due; "" if none runs.
std::string NextDue(const v1::Case& record);

// The whole case as a page of text: facts, what the customer says, the plan, clocks, attempts,
// commitments, remedies, dispatching and the re-survey. Empty parts are left out. `width` as in
// RenderTable.
std::string RenderCase(const v1::Case& record, const Language& language, const Style& style,
                       int width);

// What happened to a case, oldest first.
std::string RenderTimeline(const std::vector<v1::CaseEvent>& events, const Language& language,
                           const Style& style, int width);

// What a verb leaves: the case's status, owner, next due time and what may be done now.
std::string RenderCaseChange(const v1::Case& record, bool replayed, bool chinese,
                             const Style& style);

}  // namespace rebound::cli
