// Back-tests of a configuration: `rebound config backtest`.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "clients/cli/call.h"
#include "clients/cli/output.h"
#include "rebound/v1/config_service.pb.h"

namespace rebound::cli {

// Reads FACT=AMOUNT UNIT[@CALENDAR], such as "dispatched=15 calendar_days" or
// "contacted=4 business_hours@service". nullopt, with what was expected in `fault`, when it is
// none.
std::optional<v1::Promise> ReadPromise(std::string_view text, std::string* fault);

// What the draft would have changed, who would have been late, and the work by queue: by day up to
// a month, else by month.
std::string RenderBacktest(const v1::BacktestConfigResponse& reply, bool chinese,
                           const Style& style, int width);

void AddBacktest(CLI::App& config, Session& session);

}  // namespace rebound::cli
