// How the plan of a case looks, and whether its customer can be reached.
#pragma once

#include <string>

#include "clients/cli/output.h"
#include "rebound/v1/case.pb.h"

namespace rebound::cli {

// The plan as a list, in the order of going through it: ✓ done, → active, ✗ failed, – left out, and
// · for what is still to come. A round of its own begins under a line with its number. Empty
// without steps.
std::string RenderPlan(const v1::Case& record, bool chinese, const Style& style, int width);

// How far it is shown that the customer cannot be reached; empty when nothing was tried, or there
// is no rule and no time to wait for.
std::string RenderReachability(const v1::Case& record, bool chinese, const Style& style);

}  // namespace rebound::cli
