// Calendars: when people work, and how much time passes by each way of counting.
//
// Pure arithmetic: zones come in as tables of offsets (server/config/zones.h reads them from
// tzdata), `now` never appears. Working intervals are local wall times; each is turned into UTC on
// the day it is used, so a shift over the spring gap is an hour shorter and one over the autumn
// fold an hour longer. Plain values and functions; thread-safe.
//
// Counting (DESIGN 5). Each count is a measure on the time line; Elapsed and Advance are its two
// directions:
//   kWall           milliseconds
//   kBusinessTime   milliseconds that lie in working intervals, as elapsed UTC time
//   kCalendarDays   days by their ends: the local days after the start's day, each counted at the
//                   midnight that ends it
//   kWorkingDays    the same over days with working time, each counted at the end of its last
//                   working interval ("ends at the close of the last")
// Hence for all counts and all a <= b <= c: Elapsed(a,b) + Elapsed(b,c) == Elapsed(a,c) (additive,
// with one `started_at`), Advance is monotone in both arguments, and not counting a stretch in
// which p passed moves the due time by exactly p.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/time.h"

namespace rebound {

// A local wall time without a zone, in milliseconds; and a local date.
using LocalTime = std::chrono::local_time<std::chrono::milliseconds>;
using LocalDay = std::chrono::local_days;

// The offsets of one IANA zone: local = UTC + offset. From `changes[i].at` on `changes[i].offset`
// holds; before the first change `first_offset`. Changes are in rising order; every offset is less
// than a day.
struct Zone {
  struct Change {
    Timestamp at{};
    Duration offset{};
    friend bool operator==(const Change&, const Change&) = default;
  };
  std::string name{};
  Duration first_offset{};
  std::vector<Change> changes{};
  friend bool operator==(const Zone&, const Zone&) = default;
};

Duration OffsetAt(const Zone& zone, Timestamp at);
LocalTime ToLocal(const Zone& zone, Timestamp at);
// A local time that a forward change skips is taken with the offset before the gap, one that a
// backward change repeats is its first occurrence (RFC 5545, 3.3.5).
Timestamp ToUtc(const Zone& zone, LocalTime local);

// Minutes of a local day, [from, to). 0 <= from < 1440, from < to <= from + 1440: past 1440 it runs
// into the next day, so a night shift is {1320, 1800}.
struct WorkInterval {
  int32_t from = 0;
  int32_t to = 0;
  friend auto operator<=>(const WorkInterval&, const WorkInterval&) = default;
};

// What replaces the week's plan on one date: a holiday has no intervals, a make-up workday (调休)
// has those of a working day.
struct CalendarDay {
  LocalDay date{};
  std::vector<WorkInterval> intervals{};
  std::string name{};  // "National Day", 国庆节
  friend bool operator==(const CalendarDay&, const CalendarDay&) = default;
};

struct Calendar {
  std::string id{};  // stable key: [a-z0-9-]{1,64}
  int32_t version = 1;
  std::string name_en{};
  std::string name_zh{};
  Zone zone{};
  // Monday first. Each day's intervals rise and do not overlap, the night before included; they may
  // touch. An interval belongs to the day it begins on.
  std::array<std::vector<WorkInterval>, 7> week{};
  std::vector<CalendarDay> days{};  // in rising order, each date once
  friend bool operator==(const Calendar&, const Calendar&) = default;
};

enum class Count { kUnset, kWall, kBusinessTime, kCalendarDays, kWorkingDays };

// Is an amount of this count in days? Otherwise it is in milliseconds.
inline bool InDays(Count count) {
  return count == Count::kCalendarDays || count == Count::kWorkingDays;
}

// How a clock counts. `calendar` may be null for kWall; kCalendarDays uses its zone only.
// `started_at`: day counts leave out the local day it lies in.
// REQUIRES: the calendar passes CheckCalendar; all times lie in the years 1 to 9999.
struct Counting {
  Count count = Count::kWall;
  const Calendar* calendar = nullptr;
  Timestamp started_at{};
};

// What passes in [from, to]: milliseconds, or days whose end lies in (from, to]. 0 when to <= from.
// Working time that two intervals claim (one that begins in a skipped hour lands behind it) counts
// once. About 0.1 us for each day between, no allocation.
int64_t Elapsed(const Counting& counting, Timestamp from, Timestamp to);

// Arithmetic ends after two years' search for kBusinessTime and kWorkingDays (ten for the others):
// a calendar without working time has no due times.
inline constexpr Duration kCalendarSearch = std::chrono::days{731};
inline constexpr Duration kWallSearch = std::chrono::days{3653};

// The first t >= from with Elapsed(from, t) >= amount; `from` itself for amount <= 0. nullopt when
// none lies within the search.
std::optional<Timestamp> Advance(const Counting& counting, Timestamp from, int64_t amount);

// The working intervals of the local date as they stand in the calendar, in rising order.
const std::vector<WorkInterval>& IntervalsOn(const Calendar& calendar, LocalDay day);

// What is wrong with a calendar. Days are mon to sun, or a date with its name in parentheses.
struct CalendarFault {
  enum class Kind {
    kId,             // `found` is not 1 to 64 of a-z, 0-9 and -
    kVersion,        // `found` is not 1 or more
    kZoneOffset,     // the zone `where` has an offset of a day or more
    kZoneOrder,      // the changes of the zone `where` are not in rising order
    kIntervalBegin,  // `found` of the day `where` does not begin from 00:00 to 23:59
    kIntervalEnd,    // `found` of the day `where` ends before it begins, or 24 hours later
    kIntervalOrder,  // `found` of the day `where` begins before the end of `before`
    kNight,          // `found` of the day `where` begins before the night `before` of `night` ends
    kDateOrder,      // the date `found` stands after `before`, which is the same or a later one
    kNoWork,         // there is no working time on any day
  };
  Kind kind{};
  std::string where{};
  std::string found{};
  std::string before{};
  std::string night{};

  friend bool operator==(const CalendarFault&, const CalendarFault&) = default;
};

// Empty when the calendar keeps what is promised above.
std::vector<CalendarFault> CheckCalendar(const Calendar& calendar);

}  // namespace rebound
