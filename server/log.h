// The log: one JSON object a line on standard error. Names, contacts and what customers wrote are
// never logged; a value is an id, a number, a name from the code, or a library's error text.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "server/clock.h"

namespace rebound {

enum class Level { kDebug, kInfo, kWarning, kError };

class LogValue {
 public:
  LogValue(std::string_view text) : value_(text) {}                      // NOLINT
  LogValue(const char* text) : value_(std::string_view(text)) {}         // NOLINT
  LogValue(const std::string& text) : value_(std::string_view(text)) {}  // NOLINT
  LogValue(bool flag) : value_(flag) {}                                  // NOLINT
  LogValue(double number) : value_(number) {}                            // NOLINT
  template <typename Integer>
  requires std::is_integral_v<Integer> LogValue(Integer number)
      : value_(static_cast<int64_t>(number)) {}  // NOLINT

  using Variant = std::variant<std::string_view, int64_t, double, bool>;
  const Variant& value() const { return value_; }

 private:
  Variant value_;
};

struct LogField {
  std::string_view key;  // lower snake case
  LogValue value;
};

// {"time":"2026-01-31T08:15:30.123Z","level":"info","msg":"...","key":value,...}, with a newline.
// Control characters are escaped and what is no UTF-8 becomes U+FFFD, so a value can neither start
// a line nor reach a terminal. A number that is not finite becomes null. `now` is written in UTC.
std::string LogLine(Timestamp now, Level level, std::string_view message,
                    std::initializer_list<LogField> fields);

// Writes the line with one write(2). Lines below the lowest level are dropped; a line that cannot
// be written is lost. Thread-safe.
void Log(Level level, std::string_view message, std::initializer_list<LogField> fields = {});

// At start, before other threads log: the clock of the lines (else the system's; it must outlive
// the last line) and the lowest level written (else kInfo).
void SetUpLog(Clock* clock, Level lowest);

}  // namespace rebound
