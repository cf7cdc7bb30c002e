#include "workflows/clocks.h"

#include <algorithm>
#include <array>

#include "workflows/check.h"

namespace rebound {
namespace {

constexpr std::array<std::string_view, kClockKindCount> kKindNames = {
    "",         "first_contact",     "remedy",           "commitment",      "verification",
    "resurvey", "external_deadline", "first_resolution", "total_resolution"};

Counting CountingOf(const CaseClock& clock, const Calendar* calendar) {
  CHECK(calendar != nullptr || clock.limit.count == Count::kWall);
  return {clock.limit.count, calendar, clock.started_at};
}

// The time at which the running clock has counted `amount`. Wall time has no end of search: due
// times given by hand may lie in the past.
std::optional<Timestamp> Reaches(const CaseClock& clock, const Calendar* calendar, int64_t amount) {
  if (clock.limit.count == Count::kWall) {
    return clock.counted_from + Duration{amount - clock.elapsed};
  }
  return Advance(CountingOf(clock, calendar), clock.counted_from, amount - clock.elapsed);
}

}  // namespace

std::string_view Name(ClockKind kind) { return kKindNames[static_cast<size_t>(kind)]; }

int64_t Ran(const CaseClock& clock, const Counting& counting, Timestamp from, Timestamp to) {
  int64_t ran = Elapsed(counting, from, to);
  for (const Standstill& stood : clock.stood) {
    ran -= Elapsed(counting, std::max(from, stood.from), std::min(to, stood.to));
  }
  return ran;
}

int64_t ElapsedAt(const CaseClock& clock, const Calendar* calendar, Timestamp at) {
  const bool running = clock.state == ClockState::kRunning;
  const Timestamp counted_to =
      running ? clock.counted_from : clock.ended_at.value_or(clock.paused_at.value_or(at));
  if (at == counted_to || (at > counted_to && !running)) return clock.elapsed;
  const Counting counting = CountingOf(clock, calendar);
  if (at > counted_to) return clock.elapsed + Elapsed(counting, counted_to, at);
  return std::max<int64_t>(clock.elapsed - Ran(clock, counting, at, counted_to), 0);
}

ClockReading Read(const CaseClock& clock, const Calendar* calendar, Timestamp now) {
  ClockReading reading;
  const Timestamp end = clock.ended_at.value_or(now);
  reading.elapsed = ElapsedAt(clock, calendar, end);
  reading.slack = clock.limit.amount - reading.elapsed;
  reading.paused = clock.paused;
  if (clock.state == ClockState::kPaused && clock.paused_at && now > *clock.paused_at) {
    reading.paused += now - *clock.paused_at;
  }
  reading.elapsed_wall = std::max(end - clock.started_at - reading.paused, Duration{0});
  return reading;
}

std::optional<Timestamp> DueTime(const CaseClock& clock, const Calendar* calendar) {
  return Reaches(clock, calendar, clock.limit.amount);
}

std::optional<Timestamp> TierTime(const Tier& tier, const CaseClock& clock,
                                  const Calendar* calendar) {
  switch (tier.at.kind) {
    case TierAt::Kind::kPercent:
      return Reaches(clock, calendar,
                     clock.limit.amount / 100 * tier.at.amount +
                         clock.limit.amount % 100 * tier.at.amount / 100);
    case TierAt::Kind::kOwnCount:
      return Reaches(clock, calendar, clock.limit.amount + tier.at.amount);
    case TierAt::Kind::kWall: break;
  }
  const auto due = DueTime(clock, calendar);
  if (!due) return std::nullopt;
  return *due + Duration{tier.at.amount};
}

}  // namespace rebound
