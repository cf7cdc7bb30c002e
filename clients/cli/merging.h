// Cases that belong together, and many cases at once: merge, unmerge, link, unlink, bulk.
#pragma once

#include <CLI/CLI.hpp>

#include "clients/cli/call.h"

namespace rebound::cli {

void AddMergingVerbs(CLI::App& cases, Session& session);

}  // namespace rebound::cli
