// How much of each count passes, found by looking at every minute of four years. Shares no code
// with workflows/calendar.cc: the simulator's checker judges due times by it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "workflows/calendar.h"

namespace rebound::simulation {

// Times from kTimelineBegins to kTimelineEnds only.
inline constexpr Timestamp kTimelineBegins = FromMillis(1'767'225'600'000);  // 2026-01-01
inline constexpr Timestamp kTimelineEnds = FromMillis(1'893'456'000'000);    // 2030-01-01

// Thread-safe once it is built. REQUIRES of the calendar: whole minutes, and no working interval or
// midnight that begins or ends within an hour that the zone skips or repeats.
class Timeline {
 public:
  explicit Timeline(const Calendar& calendar);

  // What passes in [from, to], as workflows/calendar.h defines the counts. `started`: day counts
  // leave out its local day.
  int64_t Elapsed(Count count, Timestamp started, Timestamp from, Timestamp to) const;
  // The first t >= from by which `amount` has passed; `from` itself for amount <= 0. nullopt: not
  // before kTimelineEnds.
  std::optional<Timestamp> Reach(Count count, Timestamp started, Timestamp from,
                                 int64_t amount) const;

 private:
  struct Hour {
    int64_t before = 0;    // working minutes before it
    uint64_t working = 0;  // one bit for each of its minutes
  };
  struct DayEnd {
    Timestamp at{};  // the close of the last working interval
    int64_t day = 0;
  };

  int64_t Offset(int64_t minute) const;  // in minutes, of a minute of UTC
  int64_t LocalDayOf(Timestamp at) const;
  int64_t Worked(Timestamp at) const;  // milliseconds since kTimelineBegins
  // The working days after `day` that have ended at `at`.
  int64_t EndedDays(Count count, int64_t day, Timestamp at) const;

  Zone zone_;
  std::vector<Hour> hours_;
  std::vector<DayEnd> ends_;  // of working days, rising
};

}  // namespace rebound::simulation
