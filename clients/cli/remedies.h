// What may be given on a case.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

#include "clients/cli/call.h"
#include "rebound/v1/case_service.pb.h"

namespace rebound::cli {

// The catalogue, then the limits that bind the caller and how much of each is left. `width` as in
// RenderTable.
std::string RenderRemedyOptions(const v1::ListRemedyOptionsResponse& options, bool chinese,
                                const Style& style, int width);

void AddRemedyOptions(CLI::App& cases, Session& session);

}  // namespace rebound::cli
