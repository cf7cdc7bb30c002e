#include "tests/simulation/timeline.h"

#include <algorithm>
#include <bit>

#include "workflows/check.h"

namespace rebound::simulation {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDayMinutes = 24 * 60;

int64_t MinuteOf(Timestamp at) { return ToMillis(at) / kMinute; }

const std::vector<WorkInterval>& PlanOf(const Calendar& calendar, int64_t day) {
  for (const CalendarDay& listed : calendar.days) {
    if (listed.date.time_since_epoch().count() == day) return listed.intervals;
  }
  return calendar.week[static_cast<size_t>((day + 3) % 7)];  // day 0 was a Thursday
}

}  // namespace

Timeline::Timeline(const Calendar& calendar) : zone_(calendar.zone) {
  const int64_t begins = MinuteOf(kTimelineBegins), ends = MinuteOf(kTimelineEnds);
  hours_.resize(static_cast<size_t>((ends - begins) / 60));
  int64_t worked = 0;
  int64_t known_day = -1;
  const std::vector<WorkInterval>*today = nullptr, *yesterday = nullptr;
  for (int64_t minute = begins; minute < ends; ++minute) {
    Hour& hour = hours_[static_cast<size_t>((minute - begins) / 60)];
    if ((minute - begins) % 60 == 0) hour.before = worked;
    const int64_t local = minute + Offset(minute);
    const int64_t day = local / kDayMinutes, of_day = local % kDayMinutes;
    if (day != known_day) {
      known_day = day;
      today = &PlanOf(calendar, day);
      yesterday = &PlanOf(calendar, day - 1);
    }
    const auto within = [](const std::vector<WorkInterval>& plan, int64_t m) {
      return std::any_of(plan.begin(), plan.end(), [m](const WorkInterval& interval) {
        return interval.from <= m && m < interval.to;
      });
    };
    if (within(*today, of_day) || within(*yesterday, of_day + kDayMinutes)) {
      hour.working |= uint64_t{1} << ((minute - begins) % 60);
      ++worked;
    }
    // The first minute at which the last interval is over ends the working day.
    const auto closes = [&](const std::vector<WorkInterval>& plan, int64_t m) {
      return !plan.empty() && plan.back().to == m;
    };
    const Timestamp at = FromMillis(minute * kMinute);
    if (closes(*yesterday, of_day + kDayMinutes)) ends_.push_back({at, day - 1});
    if (closes(*today, of_day)) ends_.push_back({at, day});
  }
}

int64_t Timeline::Offset(int64_t minute) const {
  Duration offset = zone_.first_offset;
  for (const Zone::Change& change : zone_.changes) {
    if (MinuteOf(change.at) > minute) break;
    offset = change.offset;
  }
  return offset.count() / kMinute;
}

int64_t Timeline::LocalDayOf(Timestamp at) const {
  const int64_t minute = MinuteOf(at);
  return (minute + Offset(minute)) / kDayMinutes;
}

int64_t Timeline::Worked(Timestamp at) const {
  const int64_t since = ToMillis(at) - ToMillis(kTimelineBegins);
  CHECK(since >= 0 && at < kTimelineEnds);
  const Hour& hour = hours_[static_cast<size_t>(since / kHour)];
  const int64_t minute = since % kHour / kMinute;
  const uint64_t earlier = hour.working & ((uint64_t{1} << minute) - 1);
  const int64_t sum = (hour.before + std::popcount(earlier)) * kMinute;
  return (hour.working >> minute) & 1U ? sum + since % kMinute : sum;
}

int64_t Timeline::EndedDays(Count count, int64_t day, Timestamp at) const {
  if (count == Count::kCalendarDays) return std::max<int64_t>(LocalDayOf(at) - day - 1, 0);
  int64_t ended = 0;
  const auto first = std::partition_point(ends_.begin(), ends_.end(),
                                          [day](const DayEnd& end) { return end.day <= day; });
  for (auto end = first; end != ends_.end() && end->at <= at; ++end) ++ended;
  return ended;
}

int64_t Timeline::Elapsed(Count count, Timestamp started, Timestamp from, Timestamp to) const {
  if (to <= from) return 0;
  if (count == Count::kWall) return (to - from).count();
  if (count == Count::kBusinessTime) return Worked(to) - Worked(from);
  const int64_t day = LocalDayOf(started);
  return EndedDays(count, day, to) - EndedDays(count, day, from);
}

std::optional<Timestamp> Timeline::Reach(Count count, Timestamp started, Timestamp from,
                                         int64_t amount) const {
  if (amount <= 0) return from;
  if (count == Count::kWall) return from + Duration{amount};
  if (count == Count::kWorkingDays) {
    const int64_t day = LocalDayOf(started);
    for (const DayEnd& end : ends_) {
      if (end.day <= day || end.at <= from) continue;
      if (--amount == 0) return end.at;
    }
    return std::nullopt;
  }
  // Never falling along the line: the first minute by which it has passed, then back within it.
  int64_t low = MinuteOf(from), high = MinuteOf(kTimelineEnds) - 1;
  const auto passed = [&](int64_t minute) {
    return Elapsed(count, started, from, FromMillis(minute * kMinute)) >= amount;
  };
  if (!passed(high)) return std::nullopt;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (passed(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  const Timestamp at = FromMillis(low * kMinute);
  if (count == Count::kCalendarDays) return std::max(at, from);
  return at - Duration{Elapsed(count, started, from, at) - amount};
}

}  // namespace rebound::simulation
