#include "clients/cli/status.h"

#include <fmt/format.h>

#include "clients/cli/commands.h"
#include "clients/cli/config.h"
#include "clients/cli/options.h"
#include "clients/cli/progress.h"
#include "clients/cli/values.h"
#include "rebound/v1/operations_service.grpc.pb.h"

namespace rebound::cli {

namespace {

std::string ConfigText(const v1::GetStatusResponse& status) {
  const v1::ConfigRevision& revision = status.config().revision();
  std::string text =
      fmt::format("revision {} {}", status.revision(), status.revision_hash().substr(0, 12));
  if (revision.number() == 0) return text;
  text += fmt::format(", from {}", revision.source());
  if (!revision.actor().empty()) text += " by " + revision.actor();
  if (revision.has_apply_time()) text += " at " + FormatTimeSeconds(revision.apply_time());
  return text;
}

std::string ReloadText(const v1::ConfigStatus& config) {
  if (!config.has_reload_time()) return "";
  const std::string when = FormatTimeSeconds(config.reload_time());
  if (config.reload_ok()) return when + ", without faults";
  return fmt::format("{}, BROKEN (faults: {}); the last good revision stays in force", when,
                     config.faults_size());
}

// Empty: none was.
std::string TurnedAwayText(const v1::RateLimitStatus& limits) {
  if (limits.connection_refused_count() == 0) return "";
  return GroupDigits(limits.connection_refused_count()) + " turned away over HTTP, since the start";
}

// Empty: none was refused.
std::string RefusedText(const v1::RateLimitStatus& limits) {
  if (limits.identity_refused_count() == 0 && limits.address_refused_count() == 0) return "";
  return fmt::format("{} by the limit of an identity, {} by that of an address, since the start",
                     GroupDigits(limits.identity_refused_count()),
                     GroupDigits(limits.address_refused_count()));
}

double Seconds(const auto& time) {
  return static_cast<double>(time.seconds()) + static_cast<double>(time.nanos()) / 1e9;
}

std::string TimersText(const v1::TimerStatus& timers) {
  std::string text = GroupDigits(timers.due_count()) + " due";
  if (timers.has_oldest_due_age()) {
    text += ", the oldest for " + SpanWords(timers.oldest_due_age().seconds(), true, false);
  }
  if (timers.parked_count() > 0) {
    text += ", " + GroupDigits(timers.parked_count()) + " PARKED after failing";
  }
  if (timers.has_lateness_p99()) {
    text += fmt::format(", p99 {:.1f} s late", Seconds(timers.lateness_p99()));
  }
  return text;
}

// Nothing where nothing was ever to be delivered.
std::string DeliveriesText(const v1::DeliveryStatus& deliveries) {
  if (deliveries.pending_count() + deliveries.delivered_count() + deliveries.dead_count() == 0) {
    return "";
  }
  std::string text = GroupDigits(deliveries.pending_count()) + " pending";
  if (deliveries.has_oldest_due_age()) {
    text += ", due for " + SpanWords(deliveries.oldest_due_age().seconds(), true, false);
  }
  if (deliveries.dead_count() > 0) text += ", " + GroupDigits(deliveries.dead_count()) + " DEAD";
  return text;
}

}  // namespace

std::string RenderStatus(const v1::GetStatusResponse& status, const std::string& server,
                         const Style& style, int width) {
  std::string text = style.Bold("reboundd " + OneLine(status.version())) + " at " +
                     OneLine(server) + (status.draining() ? ", STOPPING" : "") + "\n\n";
  Facts facts = {
      {"started", status.has_start_time() ? FormatTimeSeconds(status.start_time()) : ""},
      {"store", fmt::format("{}, schema {}", status.store(), status.schema_version())},
      {"configuration", ConfigText(status)},
      {"folder read", ReloadText(status.config())},
      {"last event", GroupDigits(status.last_sequence())},
      {"queue", fmt::format("{} of {} commands waiting", GroupDigits(status.queued_command_count()),
                            GroupDigits(status.queue_capacity()))},
      {"event streams",
       status.event_stream_count() == 0 ? "" : GroupDigits(status.event_stream_count()) + " open"},
      {"calls refused", RefusedText(status.rate_limits())},
      {"connections", TurnedAwayText(status.rate_limits())},
      {"timers", TimersText(status.timers())},
      {"timers HELD", status.timers().held()
                          ? "since " + FormatTimeSeconds(status.timers().hold_time()) +
                                ": the clock jumped; if it is right: rebound clock confirm"
                          : ""},
      {"deliveries", DeliveriesText(status.deliveries())},
      {"zone data", status.tzdata_version()},
  };
  for (const v1::TableSize& table : status.tables()) {
    facts.emplace_back(table.table(), GroupDigits(table.row_count()));
  }
  text += RenderFacts(facts, "  ");
  if (!status.config().faults().empty()) {
    text += "\n" + style.Red("Faults of the configuration folder") + "\n" +
            RenderFaults(status.config().faults());
  }
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
      session.localized = true;
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

void AddMetricsCommand(CLI::App& app, Session& session) {
  CLI::App* metrics = app.add_subcommand(
      "metrics", "Figures for a monitoring system, in the text format of Prometheus");
  metrics->footer(
      "Example, for the textfile collector of node_exporter:\n"
      "  rebound metrics >/var/lib/node_exporter/rebound.prom.new &&\n"
      "    mv /var/lib/node_exporter/rebound.prom.new /var/lib/node_exporter/rebound.prom");
  metrics->callback([&session] {
    session.command = [&session]() -> int {
      v1::GetStatusRequest request;
      request.set_with_metrics(true);
      v1::GetStatusResponse reply;
      const int code = session.Call(&v1::OperationsService::Stub::GetStatus, request, &reply);
      if (code == kExitOk) session.out << reply.metrics_text();
      return code;
    };
  });
}

void AddClockCommands(CLI::App& app, Session& session) {
  CLI::App* clock = app.add_subcommand("clock", "The machine's clock, as the server sees it");
  clock->require_subcommand(1);
  auto request = std::make_shared<v1::ConfirmClockRequest>();
  CLI::App* confirm = clock->add_subcommand(
      "confirm", "Let timers fire that are held because the clock jumped: it is right now");
  confirm->footer("Example:\n  rebound clock confirm");
  AddRequestId(confirm, request->mutable_request_id());
  confirm->callback([request, &session] {
    session.command = [request, &session]() -> int {
      FillRequestId(request->mutable_request_id());
      v1::ConfirmClockResponse reply;
      const int code = session.Call(&v1::OperationsService::Stub::ConfirmClock, *request, &reply);
      if (code != kExitOk) return code;
      if (session.format == Format::kJson) {
        session.out << MessageJson(reply) << "\n";
      } else {
        session.out << "Timers fire again: " << TimersText(reply.timers()) << ".\n";
      }
      return kExitOk;
    };
  });
}

}  // namespace rebound::cli
