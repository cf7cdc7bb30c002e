#include <fmt/format.h>

#include "rebound/v1/operations_service.pb.h"
#include "server/services/services.h"

namespace rebound {
namespace {

double Seconds(const auto& time) {
  return static_cast<double>(time.seconds()) + static_cast<double>(time.nanos()) / 1e9;
}

// One family of figures: its head, then a line each.
class FigureText {
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

std::string LabelText(std::string_view name, std::string_view value) {
  std::string text = std::string(name) + "=\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c == '\n' ? ' ' : c;
  }
  return text + '"';
}

}  // namespace

std::string MetricsText(const v1::GetStatusResponse& status) {
  FigureText out;
  out.Family("build_info", "gauge", "The server that answers.");
  out.Add(1, LabelText("version", status.version()) + "," + LabelText("store", status.store()));
  out.Gauge("start_time_seconds", "When the process started.", status.start_time().seconds());
  out.Gauge("config_revision", "The configuration revision in force.", status.revision());
  const v1::ConfigStatus& config = status.config();
  out.Family("config_reloads_total", "counter", "How often the configuration folder was read.");
  out.Add(config.good_reload_count(), LabelText("result", "good"));
  out.Add(config.failed_reload_count(), LabelText("result", "failed"));
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
  const v1::DeliveryStatus& deliveries = status.deliveries();
  out.Family("deliveries", "gauge", "Deliveries to endpoints that are still kept.");
  out.Add(deliveries.pending_count(), LabelText("state", "pending"));
  out.Add(deliveries.delivered_count(), LabelText("state", "delivered"));
  out.Add(deliveries.dead_count(), LabelText("state", "dead"));
  out.Add(deliveries.dropped_count(), LabelText("state", "dropped"));
  out.Gauge("deliveries_oldest_due_seconds",
            "How long the pending one that is due longest has been due.",
            Seconds(deliveries.oldest_due_age()));
  out.Gauge("last_sequence", "The sequence of the last event.", status.last_sequence());
  out.Gauge("event_streams", "Streams of events that are open.", status.event_stream_count());
  out.Family("rows", "gauge", "What is stored.");
  for (const v1::TableSize& table : status.tables()) {
    out.Add(table.row_count(), LabelText("table", table.table()));
  }
  out.Family("rate_limited_total", "counter", "Calls refused because somebody called too often.");
  out.Add(status.rate_limits().identity_refused_count(), LabelText("limit", "identity"));
  out.Add(status.rate_limits().address_refused_count(), LabelText("limit", "address"));
  out.Family("http_connections_refused_total", "counter",
             "Connections closed because their address, or all, had as many as they may.");
  out.Add(status.rate_limits().connection_refused_count());
  const auto of = [](const v1::CallCount& call) {
    return LabelText("method", call.method()) + "," + LabelText("code", call.code());
  };
  out.Family("calls_total", "counter", "Calls answered since the start.");
  for (const v1::CallCount& call : status.calls()) out.Add(call.count(), of(call));
  out.Family("calls_seconds_total", "counter", "How long they took in all.");
  for (const v1::CallCount& call : status.calls()) {
    out.Add(static_cast<double>(call.total_micros()) / 1e6, of(call));
  }
  return out.text();
}

}  // namespace rebound
