// How a survey program looks.
#pragma once

#include <string>
#include <vector>

#include "clients/cli/output.h"
#include "rebound/v1/program.pb.h"

namespace rebound::cli {

std::vector<Column<v1::Program>> ProgramColumns(bool chinese);

// "nps 0-10, detractor to 6, promoter from 9".
std::string ScaleText(const v1::Scale& scale);

}  // namespace rebound::cli
