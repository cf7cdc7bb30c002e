#include "workflows/calendar.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <iterator>

#include "workflows/check.h"

namespace rebound {
namespace {

using std::chrono::days;
using std::chrono::minutes;

// Every offset is less than this, hence local times two days apart keep their order in UTC, and
// `kMargin` from a change of offset nothing of it can be felt.
constexpr Duration kOffsetBound = days{1};
constexpr days kMargin{3};

std::vector<Zone::Change>::const_iterator FirstChangeAfter(const Zone& zone, Timestamp at) {
  return std::upper_bound(zone.changes.begin(), zone.changes.end(), at,
                          [](Timestamp t, const Zone::Change& change) { return t < change.at; });
}

// The offset before `next`, a place in the zone's changes.
Duration OffsetBefore(const Zone& zone, std::vector<Zone::Change>::const_iterator next) {
  return next == zone.changes.begin() ? zone.first_offset : std::prev(next)->offset;
}

LocalDay DayOf(const Zone& zone, Timestamp at) {
  return std::chrono::floor<days>(ToLocal(zone, at));
}

LocalTime At(LocalDay day, int32_t minute) { return LocalTime{day} + minutes{minute}; }

// Local times around a day, far from any change of offset: UTC is one subtraction away, and order
// is kept.
struct Stretch {
  LocalTime from = LocalTime::max();
  LocalTime to = LocalTime::min();
  Duration offset{0};

  bool Holds(LocalDay day) const { return from <= At(day, 0) && At(day, 0) < to; }
};

Stretch StretchAround(const Zone& zone, LocalDay day) {
  const auto next = FirstChangeAfter(zone, Timestamp{LocalTime{day}.time_since_epoch()});
  Stretch stretch{LocalTime::min(), LocalTime::max(), OffsetBefore(zone, next)};
  if (next != zone.changes.begin()) {
    stretch.from = LocalTime{std::prev(next)->at.time_since_epoch()} + kMargin;
  }
  if (next != zone.changes.end()) {
    stretch.to = LocalTime{next->at.time_since_epoch()} - kMargin;
  }
  return stretch;
}

struct Piece {
  Timestamp from{};
  Timestamp to{};
};

// Calls visit(piece) for the working time of the days [first, last], as disjoint rising pieces of
// UTC, until it answers false. Next to a forward change intervals may come out of order and overlap
// (one that begins in the gap lands behind it): those days are gathered and merged.
template <typename Visit>
void VisitWork(const Calendar& calendar, LocalDay first, LocalDay last, const Visit& visit) {
  Stretch stretch;
  std::vector<Piece> gathered;
  const auto visit_gathered = [&] {
    std::sort(gathered.begin(), gathered.end(),
              [](const Piece& a, const Piece& b) { return a.from < b.from; });
    Timestamp covered = Timestamp::min();
    for (const Piece& piece : gathered) {
      const Timestamp from = std::max(piece.from, covered);
      if (from < piece.to && !visit(Piece{from, piece.to})) return false;
      covered = std::max(covered, piece.to);
    }
    gathered.clear();
    return true;
  };
  for (LocalDay day = first; day <= last; day += days{1}) {
    if (!stretch.Holds(day)) stretch = StretchAround(calendar.zone, day);
    if (!stretch.Holds(day)) {
      for (const WorkInterval& interval : IntervalsOn(calendar, day)) {
        gathered.push_back({ToUtc(calendar.zone, At(day, interval.from)),
                            ToUtc(calendar.zone, At(day, interval.to))});
      }
      continue;
    }
    if (!gathered.empty() && !visit_gathered()) return;
    const Timestamp midnight{LocalTime{day}.time_since_epoch() - stretch.offset};
    for (const WorkInterval& interval : IntervalsOn(calendar, day)) {
      if (!visit(Piece{midnight + minutes{interval.from}, midnight + minutes{interval.to}})) return;
    }
  }
  visit_gathered();
}

int64_t ElapsedWork(const Calendar& calendar, Timestamp from, Timestamp to) {
  Duration sum{0};
  VisitWork(calendar, DayOf(calendar.zone, from) - kMargin, DayOf(calendar.zone, to) + kMargin,
            [&](const Piece& piece) {
              const Timestamp begin = std::max(piece.from, from);
              const Timestamp end = std::min(piece.to, to);
              if (begin < end) sum += end - begin;
              return piece.from < to;
            });
  return sum.count();
}

std::optional<Timestamp> AdvanceWork(const Calendar& calendar, Timestamp from, Duration amount) {
  const Timestamp limit = from + kCalendarSearch;
  std::optional<Timestamp> reached;
  VisitWork(calendar, DayOf(calendar.zone, from) - kMargin, DayOf(calendar.zone, limit) + kMargin,
            [&](const Piece& piece) {
              const Timestamp begin = std::max(piece.from, from);
              if (piece.to <= begin) return true;
              if (piece.to - begin >= amount) {
                reached = begin + amount;
                return false;
              }
              amount -= piece.to - begin;
              return true;
            });
  return reached && *reached <= limit ? reached : std::nullopt;
}

Timestamp MidnightAfter(const Zone& zone, LocalDay day) { return ToUtc(zone, At(day, 24 * 60)); }

// How many of the local days after `started` have ended at `at`.
int64_t EndedDays(const Zone& zone, LocalDay started, Timestamp at) {
  const LocalDay today = DayOf(zone, at);
  int64_t ended = std::max(days{0}, today - kMargin - started).count();
  for (LocalDay day = std::max(started + days{1}, today - kMargin + days{1});
       day <= today + kMargin; day += days{1}) {
    if (MidnightAfter(zone, day) <= at) ++ended;
  }
  return ended;
}

std::optional<Timestamp> AdvanceDays(const Zone& zone, LocalDay started, Timestamp from,
                                     int64_t amount) {
  const int64_t wanted = EndedDays(zone, started, from) + amount;
  const LocalDay about = started + days{wanted};
  std::optional<Timestamp> first;
  for (LocalDay day = about - kMargin; day <= about + kMargin; day += days{1}) {
    const Timestamp end = MidnightAfter(zone, day);
    if ((!first || end < *first) && EndedDays(zone, started, end) >= wanted) first = end;
  }
  return first && *first <= from + kWallSearch ? first : std::nullopt;
}

// When the working day ends; nullopt: nobody works on it.
std::optional<Timestamp> WorkEnds(const Calendar& calendar, LocalDay day) {
  const std::vector<WorkInterval>& intervals = IntervalsOn(calendar, day);
  if (intervals.empty()) return std::nullopt;
  return ToUtc(calendar.zone, At(day, intervals.back().to));
}

int64_t ElapsedWorkingDays(const Calendar& calendar, LocalDay started, Timestamp from,
                           Timestamp to) {
  int64_t ended = 0;
  const LocalDay last = DayOf(calendar.zone, to) + kMargin;
  for (LocalDay day = std::max(started + days{1}, DayOf(calendar.zone, from) - kMargin);
       day <= last; day += days{1}) {
    const std::optional<Timestamp> end = WorkEnds(calendar, day);
    if (end && from < *end && *end <= to) ++ended;
  }
  return ended;
}

std::optional<Timestamp> AdvanceWorkingDays(const Calendar& calendar, LocalDay started,
                                            Timestamp from, int64_t amount) {
  const Timestamp limit = from + kCalendarSearch;
  const auto wanted = static_cast<size_t>(amount);
  std::vector<Timestamp> ends;
  ends.reserve(wanted + static_cast<size_t>(kMargin.count()));
  LocalDay last = DayOf(calendar.zone, limit) + kMargin;
  for (LocalDay day = std::max(started + days{1}, DayOf(calendar.zone, from) - kMargin);
       day <= last; day += days{1}) {
    const std::optional<Timestamp> end = WorkEnds(calendar, day);
    if (!end || *end <= from) continue;
    ends.push_back(*end);
    // One that ends in a gap lands behind it, so a later day may end before.
    if (ends.size() == wanted) last = std::min(last, day + kMargin);
  }
  if (ends.size() < wanted) return std::nullopt;
  const auto reached = ends.begin() + (amount - 1);
  std::nth_element(ends.begin(), reached, ends.end());
  return *reached <= limit ? std::optional(*reached) : std::nullopt;
}

// "09:00"; what lies past midnight counts on: "30:00".
std::string Clock(int32_t minute) {
  const auto two = [](int32_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  return (minute < 0 ? "-" : "") + two(std::abs(minute / 60)) + ":" + two(std::abs(minute % 60));
}

std::string Show(const WorkInterval& interval) {
  return Clock(interval.from) + "-" + Clock(interval.to);
}

std::string Show(LocalDay day) {
  const std::chrono::year_month_day date(day);
  const auto two = [](unsigned n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  return std::to_string(static_cast<int>(date.year())) + "-" +
         two(static_cast<unsigned>(date.month())) + "-" + two(static_cast<unsigned>(date.day()));
}

std::string_view WeekdayName(size_t day) {
  constexpr std::array<std::string_view, 7> kNames{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  return kNames[day];
}

using Fault = CalendarFault::Kind;

void CheckIntervals(const std::string& day, const std::vector<WorkInterval>& intervals,
                    std::vector<CalendarFault>* faults) {
  const WorkInterval* before = nullptr;
  for (const WorkInterval& interval : intervals) {
    if (interval.from < 0 || interval.from >= 24 * 60) {
      faults->push_back({Fault::kIntervalBegin, day, Show(interval), "", ""});
    } else if (interval.to <= interval.from || interval.to - interval.from > 24 * 60) {
      faults->push_back({Fault::kIntervalEnd, day, Show(interval), "", ""});
    } else if (before != nullptr && interval.from < before->to) {
      faults->push_back({Fault::kIntervalOrder, day, Show(interval), Show(*before), ""});
    }
    before = &interval;
  }
}

// The night before may not run into the day.
void CheckNight(const std::string& night, const std::vector<WorkInterval>& before,
                const std::string& day, const std::vector<WorkInterval>& intervals,
                std::vector<CalendarFault>* faults) {
  if (before.empty() || intervals.empty()) return;
  if (before.back().to - 24 * 60 <= intervals.front().from) return;
  faults->push_back({Fault::kNight, day, Show(intervals.front()), Show(before.back()), night});
}

void CheckZone(const Zone& zone, std::vector<CalendarFault>* faults) {
  bool in_bounds = zone.first_offset < kOffsetBound && zone.first_offset > -kOffsetBound;
  bool rising = true;
  for (size_t i = 0; i < zone.changes.size(); ++i) {
    const Zone::Change& change = zone.changes[i];
    in_bounds = in_bounds && change.offset < kOffsetBound && change.offset > -kOffsetBound;
    rising = rising && (i == 0 || zone.changes[i - 1].at < change.at);
  }
  if (!in_bounds) faults->push_back({Fault::kZoneOffset, zone.name, "", "", ""});
  if (!rising) faults->push_back({Fault::kZoneOrder, zone.name, "", "", ""});
}

void CheckExceptions(const Calendar& calendar, std::vector<CalendarFault>* faults) {
  const auto show = [](const CalendarDay& day) {
    return Show(day.date) + (day.name.empty() ? "" : " (" + day.name + ")");
  };
  bool rising = true;
  for (size_t i = 0; i < calendar.days.size(); ++i) {
    CheckIntervals(show(calendar.days[i]), calendar.days[i].intervals, faults);
    if (i == 0 || calendar.days[i - 1].date < calendar.days[i].date) continue;
    rising = false;
    faults->push_back(
        {Fault::kDateOrder, "", show(calendar.days[i]), show(calendar.days[i - 1]), ""});
  }
  if (!rising) return;
  for (const CalendarDay& day : calendar.days) {
    const LocalDay before = day.date - days{1};
    const LocalDay after = day.date + days{1};
    CheckNight(Show(before), IntervalsOn(calendar, before), show(day), day.intervals, faults);
    const bool after_is_listed = std::any_of(calendar.days.begin(), calendar.days.end(),
                                             [&](const auto& d) { return d.date == after; });
    if (!after_is_listed) {
      CheckNight(show(day), day.intervals, Show(after), IntervalsOn(calendar, after), faults);
    }
  }
}

}  // namespace

Duration OffsetAt(const Zone& zone, Timestamp at) {
  return OffsetBefore(zone, FirstChangeAfter(zone, at));
}

LocalTime ToLocal(const Zone& zone, Timestamp at) {
  return LocalTime{at.time_since_epoch() + OffsetAt(zone, at)};
}

Timestamp ToUtc(const Zone& zone, LocalTime local) {
  const Timestamp as_utc{local.time_since_epoch()};
  auto next = FirstChangeAfter(zone, as_utc - kOffsetBound);
  Duration offset = OffsetBefore(zone, next);
  // `local` is not before the stretch of `offset`; is it before the end of that, or skipped there?
  for (; next != zone.changes.end(); ++next) {
    if (as_utc - offset < next->at || as_utc - next->offset < next->at) break;
    offset = next->offset;
  }
  return as_utc - offset;
}

int64_t Elapsed(const Counting& counting, Timestamp from, Timestamp to) {
  CHECK(counting.count != Count::kUnset);
  if (to <= from) return 0;
  if (counting.count == Count::kWall) return (to - from).count();
  CHECK(counting.calendar != nullptr);
  const Calendar& calendar = *counting.calendar;
  if (counting.count == Count::kBusinessTime) return ElapsedWork(calendar, from, to);
  const LocalDay started = DayOf(calendar.zone, counting.started_at);
  if (counting.count == Count::kWorkingDays) {
    return ElapsedWorkingDays(calendar, started, from, to);
  }
  return EndedDays(calendar.zone, started, to) - EndedDays(calendar.zone, started, from);
}

std::optional<Timestamp> Advance(const Counting& counting, Timestamp from, int64_t amount) {
  CHECK(counting.count != Count::kUnset);
  if (amount <= 0) return from;
  const bool needs_work =
      counting.count == Count::kBusinessTime || counting.count == Count::kWorkingDays;
  const Duration search = needs_work ? kCalendarSearch : kWallSearch;
  if (amount > (InDays(counting.count) ? (search + 2 * kMargin) / days{1} : search.count())) {
    return std::nullopt;
  }
  if (counting.count == Count::kWall) return from + Duration{amount};
  CHECK(counting.calendar != nullptr);
  const Calendar& calendar = *counting.calendar;
  if (counting.count == Count::kBusinessTime) {
    return AdvanceWork(calendar, from, Duration{amount});
  }
  const LocalDay started = DayOf(calendar.zone, counting.started_at);
  if (counting.count == Count::kWorkingDays) {
    return AdvanceWorkingDays(calendar, started, from, amount);
  }
  return AdvanceDays(calendar.zone, started, from, amount);
}

const std::vector<WorkInterval>& IntervalsOn(const Calendar& calendar, LocalDay day) {
  const auto exception =
      std::lower_bound(calendar.days.begin(), calendar.days.end(), day,
                       [](const CalendarDay& listed, LocalDay d) { return listed.date < d; });
  if (exception != calendar.days.end() && exception->date == day) return exception->intervals;
  return calendar.week[std::chrono::weekday(day).iso_encoding() - 1];
}

std::vector<CalendarFault> CheckCalendar(const Calendar& calendar) {
  std::vector<CalendarFault> faults;
  const bool id_is_plain = std::all_of(calendar.id.begin(), calendar.id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (calendar.id.empty() || calendar.id.size() > 64 || !id_is_plain) {
    faults.push_back({Fault::kId, "", calendar.id, "", ""});
  }
  if (calendar.version < 1) {
    faults.push_back({Fault::kVersion, "", std::to_string(calendar.version), "", ""});
  }
  CheckZone(calendar.zone, &faults);
  for (size_t day = 0; day < calendar.week.size(); ++day) {
    const size_t before = (day + 6) % 7;
    const std::string name(WeekdayName(day));
    CheckIntervals(name, calendar.week[day], &faults);
    CheckNight(std::string(WeekdayName(before)), calendar.week[before], name, calendar.week[day],
               &faults);
  }
  CheckExceptions(calendar, &faults);
  const auto is_free = [](const std::vector<WorkInterval>& intervals) { return intervals.empty(); };
  if (std::all_of(calendar.week.begin(), calendar.week.end(), is_free) &&
      std::all_of(calendar.days.begin(), calendar.days.end(),
                  [&](const CalendarDay& day) { return is_free(day.intervals); })) {
    faults.push_back({Fault::kNoWork, "", "", "", ""});
  }
  return faults;
}

}  // namespace rebound
