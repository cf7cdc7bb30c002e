// How the server's status looks.
#pragma once

#include <string>

#include "clients/cli/output.h"
#include "rebound/v1/operations_service.pb.h"

namespace rebound::cli {

std::string RenderStatus(const v1::GetStatusResponse& status, const std::string& server,
                         const Style& style, int width);

}  // namespace rebound::cli
