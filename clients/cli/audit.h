// How audit entries and a walk along their chain look.
#pragma once

#include <string>
#include <vector>

#include "clients/cli/output.h"
#include "rebound/v1/audit_service.pb.h"

namespace rebound::cli {

std::vector<Column<v1::AuditEntry>> AuditColumns(bool chinese);

// `walk`: the last answer of the walk, with the problems and the count of all of them.
std::string RenderWalk(const v1::VerifyAuditResponse& walk, bool chinese, const Style& style);

}  // namespace rebound::cli
