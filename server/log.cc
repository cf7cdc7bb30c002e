#include "server/log.h"

#include <fmt/format.h>
#include <unistd.h>
#include <utf8proc.h>

#include <array>
#include <atomic>
#include <cmath>
#include <mutex>

namespace rebound {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames{"debug", "info", "warning", "error"};

struct Sink {
  std::mutex mutex;
  SystemClock system_clock;
  std::atomic<Clock*> clock{&system_clock};
  std::atomic<Level> lowest{Level::kInfo};
};

// Never destroyed: threads may log while the process ends.
Sink& TheSink() {
  static Sink* const sink = new Sink;
  return *sink;
}

void AppendString(std::string* line, std::string_view text) {
  line->push_back('"');
  for (size_t i = 0; i < text.size();) {
    utf8proc_int32_t code = 0;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + i,
                                         static_cast<utf8proc_ssize_t>(text.size() - i), &code);
    if (length <= 0) {
      *line += "\\ufffd";
      ++i;
      continue;
    }
    if (code == '"' || code == '\\') {
      line->push_back('\\');
      line->push_back(static_cast<char>(code));
    } else if (code == '\n') {
      *line += "\\n";
    } else if (code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029) {
      fmt::format_to(std::back_inserter(*line), "\\u{:04x}", code);
    } else {
      *line += text.substr(i, static_cast<size_t>(length));
    }
    i += static_cast<size_t>(length);
  }
  line->push_back('"');
}

void AppendValue(std::string* line, const LogValue::Variant& value) {
  if (const auto* text = std::get_if<std::string_view>(&value)) return AppendString(line, *text);
  if (const auto* flag = std::get_if<bool>(&value)) {
    *line += *flag ? "true" : "false";
  } else if (const auto* integer = std::get_if<int64_t>(&value)) {
    *line += std::to_string(*integer);
  } else {
    const double number = std::get<double>(value);
    *line += std::isfinite(number) ? fmt::format("{}", number) : "null";
  }
}

std::string Rfc3339(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

}  // namespace

std::string LogLine(Timestamp now, Level level, std::string_view message,
                    std::initializer_list<LogField> fields) {
  std::string line = "{\"time\":\"" + Rfc3339(now) + "\",\"level\":\"";
  line += kLevelNames[static_cast<size_t>(level)];
  line += "\",\"msg\":";
  AppendString(&line, message);
  for (const LogField& field : fields) {
    line.push_back(',');
    AppendString(&line, field.key);
    line.push_back(':');
    AppendValue(&line, field.value.value());
  }
  line += "}\n";
  return line;
}

void Log(Level level, std::string_view message, std::initializer_list<LogField> fields) {
  Sink& sink = TheSink();
  if (level < sink.lowest.load(std::memory_order_relaxed)) return;
  const std::string line = LogLine(sink.clock.load()->Now(), level, message, fields);
  std::lock_guard lock(sink.mutex);
  const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  static_cast<void>(written);  // there is nowhere left to say that it failed
}

void SetUpLog(Clock* clock, Level lowest) {
  Sink& sink = TheSink();
  sink.clock = clock == nullptr ? &sink.system_clock : clock;
  sink.lowest = lowest;
}

}  // namespace rebound
