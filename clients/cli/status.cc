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

// One family of figures: its head, then a line each.
class Metrics {
 public:
  void Family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# HELP rebound_{} {}\n# TYPE rebound_{} {}\n", name, help, name, type);
  }
  // `labels` as they stand between the braces.
  template <typename Value>
  void Add(Value value, std::string_view labels = {}) {
    text_ += labels.empty() ? fmt::format("rebound_{} {}\n", name_, value)
                            : fmt::format("rebound_{}{{{}}} {}\n", name_, labels, value);
  }
  template <typename Value>
  void Gauge(std::string_view name, std::string_view help, Value value) {
    Family(name, "gauge", help);
    Add(value);
  }
  const std::string& text() const { return text_; }

 private:
  std::string name_;
  std::string text_;
};

std::string Label(std::string_view name, std::string_view value) {
  std::string text = std::string(name) + "=\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c == '\n' ? ' ' : c;
  }
  return text + '"';
}

}  // namespace

std::string RenderMetrics(const v1::GetStatusResponse& status) {
  Metrics out;
  out.Family("build_info", "gauge", "The server that answers.");
  out.Add(1, Label("version", status.version()) + "," + Label("store", status.store()));
  out.Gauge("start_time_seconds", "When the process started.", status.start_time().seconds());
  out.Gauge("config_revision", "The configuration revision in force.", status.revision());
  const v1::ConfigStatus& config = status.config();
  out.Family("config_reloads_total", "counter", "How often the configuration folder was read.");
  out.Add(config.good_reload_count(), Label("result", "good"));
  out.Add(config.failed_reload_count(), Label("result", "failed"));
  out.Gauge("config_last_reload_good",
            "1: the folder was without faults; 0: the last good revision stayed in force.",
            config.reload_ok() ? 1 : 0);
  if (config.has_reload_time()) {
    out.Gauge("config_last_reload_time_seconds", "When the folder was last read.",
              config.reload_time().seconds());
  }
  out.Gauge("commands_queued", "Commands waiting for the writer.", status.queued_command_count());
  out.Gauge("commands_queue_capacity", "The most that may wait.", status.queue_capacity());
  const v1::TimerStatus& timers = status.timers();
  out.Gauge("timers_due", "Cases with a timer that is due and has not fired.", timers.due_count());
  out.Gauge("timers_oldest_due_seconds", "How long the oldest of them has been due.",
            Seconds(timers.oldest_due_age()));
  out.Gauge("timers_held", "1: held until somebody confirms the clock.", timers.held() ? 1 : 0);
  out.Gauge("timers_parked", "Cases whose timers were given up after failing again and again.",
            timers.parked_count());
  if (timers.has_lateness_p99()) {
    out.Gauge("timers_lateness_p99_seconds", "How late the slowest one in a hundred fired.",
              Seconds(timers.lateness_p99()));
  }
  out.Gauge("last_sequence", "The sequence of the last event.", status.last_sequence());
  out.Family("rows", "gauge", "What is stored.");
  for (const v1::TableSize& table : status.tables()) {
    out.Add(table.row_count(), Label("table", table.table()));
  }
  const auto of = [](const v1::CallCount& call) {
    return Label("method", call.method()) + "," + Label("code", call.code());
  };
  out.Family("calls_total", "counter", "Calls answered since the start.");
  for (const v1::CallCount& call : status.calls()) out.Add(call.count(), of(call));
  out.Family("calls_seconds_total", "counter", "How long they took in all.");
  for (const v1::CallCount& call : status.calls()) {
    out.Add(static_cast<double>(call.total_micros()) / 1e6, of(call));
  }
  return out.text();
}

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
      {"timers", TimersText(status.timers())},
      {"timers HELD", status.timers().held()
                          ? "since " + FormatTimeSeconds(status.timers().hold_time()) +
                                ": the clock jumped; if it is right: rebound clock confirm"
                          : ""},
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
      v1::GetStatusResponse reply;
      const int code =
          session.Call(&v1::OperationsService::Stub::GetStatus, v1::GetStatusRequest(), &reply);
      if (code == kExitOk) session.out << RenderMetrics(reply);
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
