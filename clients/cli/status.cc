#include "clients/cli/status.h"

#include <fmt/format.h>

#include "clients/cli/commands.h"
#include "clients/cli/options.h"
#include "clients/cli/progress.h"
#include "rebound/v1/operations_service.grpc.pb.h"

namespace rebound::cli {

std::string RenderStatus(const v1::GetStatusResponse& status, const std::string& server,
                         const Style& style, int width) {
  std::string text = style.Bold("reboundd " + OneLine(status.version())) + " at " +
                     OneLine(server) + (status.draining() ? ", STOPPING" : "") + "\n\n";
  Facts facts = {
      {"started", status.has_start_time() ? FormatTimeSeconds(status.start_time()) : ""},
      {"store", fmt::format("{}, schema {}", status.store(), status.schema_version())},
      {"configuration",
       fmt::format("revision {} {}", status.revision(), status.revision_hash().substr(0, 12))},
      {"last event", GroupDigits(status.last_sequence())},
      {"queue", fmt::format("{} of {} commands waiting", GroupDigits(status.queued_command_count()),
                            GroupDigits(status.queue_capacity()))},
      {"overdue timers", GroupDigits(status.overdue_timer_count())},
  };
  for (const v1::TableSize& table : status.tables()) {
    facts.emplace_back(table.table(), GroupDigits(table.row_count()));
  }
  text += RenderFacts(facts, "  ");
  if (status.calls().empty()) return text;
  std::vector<std::vector<std::string>> rows;
  for (const v1::CallCount& call : status.calls()) {
    const double mean = call.count() == 0 ? 0.0
                                          : static_cast<double>(call.total_micros()) / 1000.0 /
                                                static_cast<double>(call.count());
    rows.push_back({call.method(), call.code(), GroupDigits(call.count()), Decimal(mean, 2)});
  }
  return text + "\n" +
         RenderTable({{"call"}, {"code"}, {"count", Align::kRight}, {"mean ms", Align::kRight}},
                     rows, width);
}

void AddStatusCommand(CLI::App& app, Session& session) {
  CLI::App* status = app.add_subcommand("status", "How the server is");
  status->callback([&session] {
    session.command = [&session]() -> int {
      v1::GetStatusResponse reply;
      const int code =
          session.Call(&v1::OperationsService::Stub::GetStatus, v1::GetStatusRequest(), &reply);
      if (code != kExitOk) return code;
      if (session.format == Format::kJson) {
        session.out << MessageJson(reply) << "\n";
      } else if (session.format == Format::kCsv) {
        CsvWriter csv(session.out);
        csv.Write({"table", "row_count"});
        for (const v1::TableSize& table : reply.tables()) {
          csv.Write({table.table(), std::to_string(table.row_count())});
        }
      } else {
        session.out << RenderStatus(reply, session.server, session.style, session.out_width);
      }
      return kExitOk;
    };
  });
}

}  // namespace rebound::cli
