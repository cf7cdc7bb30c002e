// Points in time and spans. UTC, milliseconds, everywhere; zones exist only at the edges.
#pragma once

#include <chrono>
#include <cstdint>

namespace rebound {

// UTC, millisecond resolution. The domain never asks a clock: `now` is always an argument.
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;
using Duration = std::chrono::milliseconds;

constexpr Timestamp FromMillis(int64_t ms) { return Timestamp{Duration{ms}}; }
constexpr int64_t ToMillis(Timestamp t) { return t.time_since_epoch().count(); }

// The UTC day number of `t` since 1970-01-01; floors, so days before 1970 are negative.
constexpr int64_t DayNumber(Timestamp t) {
  return std::chrono::floor<std::chrono::days>(t).time_since_epoch().count();
}

}  // namespace rebound
