// How an answer looks.
#pragma once

#include <string>
#include <vector>

#include "clients/cli/output.h"
#include "rebound/v1/response.pb.h"

namespace rebound::cli {

std::vector<Column<v1::Response>> ResponseColumns();

std::string RenderResponse(const v1::Response& response, const Style& style);

}  // namespace rebound::cli
