// The nouns of the command line. Each adds its verbs to `app`; the callback of the chosen verb puts
// what is to be done into `session.command`. `session` must outlive `app`.
#pragma once

#include <CLI/App.hpp>

#include "clients/cli/call.h"

namespace rebound::cli {

void AddImportCommands(CLI::App& app, Session& session);
void AddCaseCommands(CLI::App& app, Session& session);
void AddCustomerCommands(CLI::App& app, Session& session);
void AddResponseCommands(CLI::App& app, Session& session);
void AddProgramCommands(CLI::App& app, Session& session);
void AddBlacklistCommands(CLI::App& app, Session& session);
void AddReportCommands(CLI::App& app, Session& session);
void AddConfigCommands(CLI::App& app, Session& session);
void AddEventCommands(CLI::App& app, Session& session);
void AddStatusCommand(CLI::App& app, Session& session);
void AddMetricsCommand(CLI::App& app, Session& session);
void AddClockCommands(CLI::App& app, Session& session);
void AddAuditCommands(CLI::App& app, Session& session);
void AddAccessCommands(CLI::App& app, Session& session);
void AddExportCommands(CLI::App& app, Session& session);
void AddEndpointCommands(CLI::App& app, Session& session);

}  // namespace rebound::cli
