// Calendars and counting, judged three times: by tables a person can check, by cases of another
// program (tests/data/calendar_oracle), and by laws that must hold over random calendars, beside
// arithmetic that looks at each minute. A failure of the last prints its seed; REBOUND_SEED=n runs
// that one alone.
#include "workflows/calendar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "tests/fixtures/calendar_cases.h"

namespace rebound {
namespace {

using fixtures::ByteReader;
using fixtures::kDayCount;
using fixtures::kDayMinutes;
using fixtures::kFirstMinute;
using fixtures::MinuteCalendar;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kHour = 3'600'000;

// "2025-03-09T02:30", with seconds, milliseconds and a Z if need be.
int64_t ParseTime(const std::string& text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  double second = 0;
  const int found =
      std::sscanf(text.c_str(), "%d-%u-%uT%d:%d:%lf", &year, &month, &day, &hour, &minute, &second);
  EXPECT_GE(found, 5) << text;
  const std::chrono::sys_days date =
      std::chrono::year{year} / std::chrono::month{month} / std::chrono::day{day};
  const auto in_day = hours{hour} + minutes{minute} + Duration{std::lround(second * 1000)};
  return (date.time_since_epoch() + in_day) / Duration{1};
}

Timestamp Utc(const std::string& text) { return FromMillis(ParseTime(text)); }
LocalTime WallClock(const std::string& text) { return LocalTime{Duration{ParseTime(text)}}; }
LocalDay Date(const std::string& text) {
  return std::chrono::floor<days>(WallClock(text + "T00:00"));
}

std::string Show(std::optional<Timestamp> at) {
  if (!at) return "never";
  const auto day = std::chrono::floor<days>(*at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(*at - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return text.data();
}

std::vector<std::string> Split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) parts.push_back(part);
  return parts;
}

// "09:00-12:00 13:30-18:00"; "-": none.
std::vector<WorkInterval> ParseIntervals(const std::string& text) {
  std::vector<WorkInterval> intervals;
  if (text == "-") return intervals;
  for (const std::string& part : Split(text, ' ')) {
    int from_hour = 0;
    int from_minute = 0;
    int to_hour = 0;
    int to_minute = 0;
    EXPECT_EQ(
        std::sscanf(part.c_str(), "%d:%d-%d:%d", &from_hour, &from_minute, &to_hour, &to_minute), 4)
        << part;
    intervals.push_back({from_hour * 60 + from_minute, to_hour * 60 + to_minute});
  }
  return intervals;
}

// Monday to Friday 09:00-12:00 and 13:30-18:00 in Shanghai.
Calendar Office() {
  Calendar calendar{.id = "office", .zone = {.name = "Asia/Shanghai", .first_offset = hours{8}}};
  for (size_t day = 0; day < 5; ++day) {
    calendar.week[day] = ParseIntervals("09:00-12:00 13:30-18:00");
  }
  return calendar;
}

Zone NewYork() {
  return {.name = "America/New_York",
          .first_offset = hours{-5},
          .changes = {{Utc("2025-03-09T07:00"), hours{-4}}, {Utc("2025-11-02T06:00"), hours{-5}}}};
}

Calendar EveryDay(const Zone& zone, const std::string& intervals) {
  Calendar calendar{.id = "every-day", .zone = zone};
  calendar.week.fill(ParseIntervals(intervals));
  return calendar;
}

TEST(ZoneTest, OffsetsChangeAtTheirInstant) {
  const Zone zone = NewYork();
  EXPECT_EQ(OffsetAt(zone, Utc("1970-01-01T00:00")), hours{-5});
  EXPECT_EQ(OffsetAt(zone, Utc("2025-03-09T06:59:59.999")), hours{-5});
  EXPECT_EQ(OffsetAt(zone, Utc("2025-03-09T07:00")), hours{-4});
  EXPECT_EQ(OffsetAt(zone, Utc("2040-01-01T00:00")), hours{-5});
  EXPECT_EQ(ToLocal(zone, Utc("2025-03-09T07:00")), WallClock("2025-03-09T03:00"));
}

TEST(ZoneTest, SkippedTimesKeepTheOffsetBeforeAndRepeatedOnesComeFirst) {
  struct Case {
    std::string_view what;
    std::string wall;
    std::string utc;
  };
  const std::vector<Case> cases{
      {"before the gap", "2025-03-09T01:59:59.999", "2025-03-09T06:59:59.999"},
      {"the gap begins", "2025-03-09T02:00", "2025-03-09T07:00"},
      {"in the gap", "2025-03-09T02:30", "2025-03-09T07:30"},
      {"after the gap", "2025-03-09T03:00", "2025-03-09T07:00"},
      {"before the fold", "2025-11-02T00:59", "2025-11-02T04:59"},
      {"first of two", "2025-11-02T01:30", "2025-11-02T05:30"},
      {"after the fold", "2025-11-02T02:00", "2025-11-02T07:00"}};
  for (const Case& c : cases) {
    EXPECT_EQ(Show(ToUtc(NewYork(), WallClock(c.wall))), Show(Utc(c.utc))) << c.what;
  }
}

TEST(CalendarTest, CountsByTheBook) {
  Calendar calendar = Office();
  // Wednesday is a holiday, Saturday makes up for it.
  calendar.days = {{Date("2025-06-11"), {}, "holiday"},
                   {Date("2025-06-14"), ParseIntervals("09:00-12:00 13:30-18:00"), "make-up day"}};
  struct Case {
    std::string_view what;
    Count count;
    std::string from;  // wall time in Shanghai
    int64_t amount;
    std::string due;
  };
  const std::vector<Case> cases{
      {"wall time", Count::kWall, "2025-06-10T17:00", 24 * kHour, "2025-06-11T17:00"},
      {"nothing is due at once", Count::kBusinessTime, "2025-06-11T03:00", 0, "2025-06-11T03:00"},
      {"over noon", Count::kBusinessTime, "2025-06-10T11:00", 2 * kHour, "2025-06-10T14:30"},
      {"to the close", Count::kBusinessTime, "2025-06-10T17:00", kHour, "2025-06-10T18:00"},
      {"over the holiday", Count::kBusinessTime, "2025-06-10T17:00", kHour + 1,
       "2025-06-12T09:00:00.001"},
      {"over the make-up day", Count::kBusinessTime, "2025-06-13T17:30", 8 * kHour,
       "2025-06-14T18:00"},
      {"calendar days begin tomorrow", Count::kCalendarDays, "2025-06-10T00:00", 1,
       "2025-06-12T00:00"},
      {"at whatever hour they start", Count::kCalendarDays, "2025-06-10T23:59", 1,
       "2025-06-12T00:00"},
      {"a working day ends at its close", Count::kWorkingDays, "2025-06-09T09:00", 1,
       "2025-06-10T18:00"},
      {"holidays are none", Count::kWorkingDays, "2025-06-09T09:00", 2, "2025-06-12T18:00"},
      {"make-up days are some", Count::kWorkingDays, "2025-06-12T09:00", 2, "2025-06-14T18:00"},
      {"three years of wall time", Count::kWall, "2025-06-10T17:00", 26'304 * kHour,
       "2028-06-10T17:00"}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const Timestamp from = ToUtc(calendar.zone, WallClock(c.from));
    const Counting counting{c.count, &calendar, from};
    const std::optional<Timestamp> due = Advance(counting, from, c.amount);
    EXPECT_EQ(Show(due), Show(ToUtc(calendar.zone, WallClock(c.due))));
    ASSERT_TRUE(due.has_value());
    EXPECT_EQ(Elapsed(counting, from, *due), c.amount);
    EXPECT_EQ(Elapsed(counting, *due, from), 0) << "nothing passes backwards";
  }
}

TEST(CalendarTest, ShiftsOverAChangeOfOffsetAreShorterOrLonger) {
  const Calendar night = EveryDay(NewYork(), "22:00-30:00");
  const Counting counting{Count::kBusinessTime, &night, {}};
  const auto shift = [&](const std::string& date, const std::string& next) {
    return Elapsed(counting, ToUtc(night.zone, WallClock(date + "T12:00")),
                   ToUtc(night.zone, WallClock(next + "T12:00")));
  };
  EXPECT_EQ(shift("2025-03-07", "2025-03-08"), 8 * kHour);
  EXPECT_EQ(shift("2025-03-08", "2025-03-09"), 7 * kHour);
  EXPECT_EQ(shift("2025-11-01", "2025-11-02"), 9 * kHour);
}

TEST(CalendarTest, AnIntervalThatBeginsInTheGapDoesNotCountTwice) {
  // 02:30 is skipped and becomes 03:30, behind the beginning of the next interval.
  const Calendar early = EveryDay(NewYork(), "02:30-02:45 03:00-04:00");
  EXPECT_EQ(
      Elapsed({Count::kBusinessTime, &early, {}}, Utc("2025-03-09T05:00"), Utc("2025-03-09T12:00")),
      kHour);
}

TEST(CalendarTest, DayCountsLeaveOutTheDayTheClockStartedOn) {
  const Calendar calendar = Office();
  const Timestamp started = ToUtc(calendar.zone, WallClock("2025-06-10T10:00"));
  const Timestamp resumed = ToUtc(calendar.zone, WallClock("2025-06-12T10:00"));
  // It was paused; 12 June, a Thursday, is not the first day but a day like others.
  EXPECT_EQ(Show(Advance({Count::kWorkingDays, &calendar, started}, resumed, 1)),
            Show(ToUtc(calendar.zone, WallClock("2025-06-12T18:00"))));
  EXPECT_EQ(Show(Advance({Count::kCalendarDays, &calendar, started}, resumed, 1)),
            Show(ToUtc(calendar.zone, WallClock("2025-06-13T00:00"))));
}

TEST(CalendarTest, TheSearchEnds) {
  Calendar once{.id = "once", .zone = {.name = "UTC"}};
  once.days = {{Date("2027-01-01"), ParseIntervals("00:00-24:00"), "the only day"}};
  const Timestamp close = Utc("2027-01-02T00:00");
  const Timestamp earliest = close - kCalendarSearch;
  struct Case {
    std::string_view what;
    Count count;
    Timestamp from;
    int64_t amount;
    std::optional<Timestamp> due;
  };
  const Timestamp start = Utc("2025-01-01T00:00");
  const std::vector<Case> cases{
      {"business time at the end of it", Count::kBusinessTime, earliest, 24 * kHour, close},
      {"beyond it", Count::kBusinessTime, earliest - Duration{1}, 24 * kHour, std::nullopt},
      {"working days at the end of it", Count::kWorkingDays, earliest, 1, close},
      {"working days beyond it", Count::kWorkingDays, earliest - Duration{1}, 1, std::nullopt},
      {"more than there is", Count::kBusinessTime, earliest, 24 * kHour + 1, std::nullopt},
      {"more working days than there are", Count::kWorkingDays, earliest, 2, std::nullopt},
      {"business time without bounds", Count::kBusinessTime, start, INT64_MAX, std::nullopt},
      {"working days without bounds", Count::kWorkingDays, start, INT64_MAX, std::nullopt},
      {"wall time of ten years", Count::kWall, start, kWallSearch.count(), start + kWallSearch},
      {"wall time beyond", Count::kWall, start, kWallSearch.count() + 1, std::nullopt},
      {"wall time without bounds", Count::kWall, start, INT64_MAX, std::nullopt},
      {"days of ten years", Count::kCalendarDays, start, 3652, start + days{3653}},
      {"days beyond", Count::kCalendarDays, start, 3653, std::nullopt},
      {"days without bounds", Count::kCalendarDays, start, INT64_MAX, std::nullopt},
      {"a negative amount", Count::kWorkingDays, start, INT64_MIN, start}};
  for (const Case& c : cases) {
    EXPECT_EQ(Show(Advance({c.count, &once, c.from}, c.from, c.amount)), Show(c.due)) << c.what;
  }
}

TEST(CalendarTest, FindsWhatIsWrongWithACalendar) {
  using Change = void (*)(Calendar*);
  using Fault = CalendarFault::Kind;
  struct Case {
    std::string_view what;
    Change change;
    CalendarFault fault;
  };
  const std::vector<Case> cases{
      {"id", [](Calendar* c) { c->id = "Büro"; }, {Fault::kId, "", "Büro", "", ""}},
      {"version", [](Calendar* c) { c->version = 0; }, {Fault::kVersion, "", "0", "", ""}},
      {"overlap",
       [](Calendar* c) { c->week[0] = ParseIntervals("09:00-14:00 13:30-18:00"); },
       {Fault::kIntervalOrder, "mon", "13:30-18:00", "09:00-14:00", ""}},
      {"disorder",
       [](Calendar* c) { c->week[6] = ParseIntervals("13:30-18:00 09:00-12:00"); },
       {Fault::kIntervalOrder, "sun", "09:00-12:00", "13:30-18:00", ""}},
      {"ends before it begins",
       [](Calendar* c) { c->week[1] = ParseIntervals("22:00-06:00"); },
       {Fault::kIntervalEnd, "tue", "22:00-06:00", "", ""}},
      {"is empty",
       [](Calendar* c) { c->week[1] = ParseIntervals("22:00-22:00"); },
       {Fault::kIntervalEnd, "tue", "22:00-22:00", "", ""}},
      {"too long",
       [](Calendar* c) { c->week[5] = ParseIntervals("08:00-32:01"); },
       {Fault::kIntervalEnd, "sat", "08:00-32:01", "", ""}},
      {"begins on the next day",
       [](Calendar* c) { c->week[2] = ParseIntervals("24:00-25:00"); },
       {Fault::kIntervalBegin, "wed", "24:00-25:00", "", ""}},
      {"begins before the day",
       [](Calendar* c) {
         c->week[2] = {{-30, 60}};
       },
       {Fault::kIntervalBegin, "wed", "-00:30-01:00", "", ""}},
      {"night runs into the next day",
       [](Calendar* c) { c->week[3] = ParseIntervals("22:00-33:01"); },
       {Fault::kNight, "fri", "09:00-12:00", "22:00-33:01", "thu"}},
      {"Sunday's night runs into Monday",
       [](Calendar* c) { c->week[6] = ParseIntervals("22:00-33:01"); },
       {Fault::kNight, "mon", "09:00-12:00", "22:00-33:01", "sun"}},
      {"an exception's night",
       [](Calendar* c) {
         c->days = {{Date("2025-06-08"), ParseIntervals("22:00-34:00"), ""}};
       },
       {Fault::kNight, "2025-06-09", "09:00-12:00", "22:00-34:00", "2025-06-08"}},
      {"a night before an exception",
       [](Calendar* c) {
         c->week[4] = ParseIntervals("22:00-30:00");
         c->days = {{Date("2025-06-07"), ParseIntervals("05:00-07:00"), "early"}};
       },
       {Fault::kNight, "2025-06-07 (early)", "05:00-07:00", "22:00-30:00", "2025-06-06"}},
      {"two exceptions in a row",
       [](Calendar* c) {
         c->days = {{Date("2025-06-07"), ParseIntervals("22:00-30:00"), "a"},
                    {Date("2025-06-08"), ParseIntervals("05:00-07:00"), "b"}};
       },
       {Fault::kNight, "2025-06-08 (b)", "05:00-07:00", "22:00-30:00", "2025-06-07"}},
      {"an exception's own intervals",
       [](Calendar* c) {
         c->days = {{Date("2025-06-07"), ParseIntervals("09:00-12:00 11:00-13:00"), "x"}};
       },
       {Fault::kIntervalOrder, "2025-06-07 (x)", "11:00-13:00", "09:00-12:00", ""}},
      {"a date twice",
       [](Calendar* c) {
         c->days = {{Date("2025-10-01"), {}, "国庆节"}, {Date("2025-10-01"), {}, "中秋节"}};
       },
       {Fault::kDateOrder, "", "2025-10-01 (中秋节)", "2025-10-01 (国庆节)", ""}},
      {"dates in disorder",
       [](Calendar* c) {
         c->days = {{Date("2025-10-02"), {}, ""}, {Date("2025-10-01"), {}, ""}};
       },
       {Fault::kDateOrder, "", "2025-10-01", "2025-10-02", ""}},
      {"no working time",
       [](Calendar* c) {
         c->week = {};
         c->days = {{Date("2025-10-02"), {}, ""}};
       },
       {Fault::kNoWork, "", "", "", ""}},
      {"changes in disorder",
       [](Calendar* c) {
         c->zone.changes = {{Utc("2025-06-02T00:00"), hours{1}}, {Utc("2025-06-01T00:00"), {}}};
       },
       {Fault::kZoneOrder, "Asia/Shanghai", "", "", ""}},
      {"an offset of a day",
       [](Calendar* c) { c->zone.first_offset = hours{24}; },
       {Fault::kZoneOffset, "Asia/Shanghai", "", "", ""}}};
  for (const Case& c : cases) {
    Calendar calendar = Office();
    c.change(&calendar);
    EXPECT_THAT(CheckCalendar(calendar), ElementsAre(c.fault)) << c.what;
  }
}

TEST(CalendarTest, AcceptsWhatIsUnusualButRight) {
  Calendar calendar = EveryDay(NewYork(), "00:00-06:00 06:00-24:00");
  EXPECT_THAT(CheckCalendar(calendar), IsEmpty()) << "touching, also at midnight";
  calendar = EveryDay(NewYork(), "09:00-33:00");
  EXPECT_THAT(CheckCalendar(calendar), IsEmpty()) << "24 hours from nine to nine";
  calendar.days = {{Date("2025-06-08"), {}, "a night off"}};
  EXPECT_THAT(CheckCalendar(calendar), IsEmpty());
  calendar.week = {};
  calendar.days = {{Date("2025-06-08"), ParseIntervals("09:00-10:00"), "the only day"}};
  EXPECT_THAT(CheckCalendar(calendar), IsEmpty());
}

// ---- the oracle's cases
// --------------------------------------------------------------------------

struct OracleCase {
  std::string title{};
  std::string calendar{};
  Count count = Count::kUnset;
  Timestamp start{};
  int64_t amount = 0;
  std::vector<std::pair<Timestamp, Timestamp>> pauses{};
  std::optional<Timestamp> due{};
  std::vector<std::pair<Timestamp, int64_t>> elapsed{};
};

struct LocalCase {
  std::string zone{};
  std::string wall{};
  std::string utc{};
};

struct Oracle {
  std::map<std::string, Zone> zones{};
  std::map<std::string, Calendar> calendars{};
  std::vector<LocalCase> local{};
  std::vector<OracleCase> cases{};
};

OracleCase ReadCase(const std::vector<std::string>& fields) {
  static const std::map<std::string, Count> kCounts{{"wall", Count::kWall},
                                                    {"business_time", Count::kBusinessTime},
                                                    {"calendar_days", Count::kCalendarDays},
                                                    {"working_days", Count::kWorkingDays}};
  OracleCase c{.title = fields.at(1),
               .calendar = fields.at(2),
               .count = kCounts.at(fields.at(3)),
               .start = Utc(fields.at(4)),
               .amount = std::stoll(fields.at(5))};
  if (fields.at(6) != "-") {
    for (const std::string& pause : Split(fields.at(6), ' ')) {
      const std::vector<std::string> ends = Split(pause, '/');
      c.pauses.emplace_back(Utc(ends.at(0)), Utc(ends.at(1)));
    }
  }
  if (fields.at(7) != "never") c.due = Utc(fields.at(7));
  for (const std::string& probe : Split(fields.at(8), ' ')) {
    const std::vector<std::string> parts = Split(probe, '=');
    c.elapsed.emplace_back(Utc(parts.at(0)), std::stoll(parts.at(1)));
  }
  return c;
}

Oracle ReadOracle() {
  static const std::map<std::string, size_t> kWeekdays{
      {"mon", 0}, {"tue", 1}, {"wed", 2}, {"thu", 3}, {"fri", 4}, {"sat", 5}, {"sun", 6}};
  Oracle oracle;
  std::ifstream file(REBOUND_SOURCE_DIR "/tests/data/calendar_oracle/cases.tsv");
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> fields = Split(line, '\t');
    const std::string& kind = fields.at(0);
    if (kind.starts_with('#')) continue;
    if (kind == "zone") {
      oracle.zones[fields.at(1)] = {.name = fields.at(1),
                                    .first_offset = std::chrono::seconds{std::stoi(fields.at(2))}};
    } else if (kind == "change") {
      oracle.zones.at(fields.at(1))
          .changes.push_back({Utc(fields.at(2)), std::chrono::seconds{std::stoi(fields.at(3))}});
    } else if (kind == "calendar") {
      oracle.calendars[fields.at(1)] = {.id = fields.at(1), .zone = oracle.zones.at(fields.at(2))};
    } else if (kind == "week") {
      oracle.calendars.at(fields.at(1)).week.at(kWeekdays.at(fields.at(2))) =
          ParseIntervals(fields.at(3));
    } else if (kind == "day") {
      oracle.calendars.at(fields.at(1))
          .days.push_back({Date(fields.at(2)), ParseIntervals(fields.at(4)), fields.at(3)});
    } else if (kind == "local") {
      oracle.local.push_back({fields.at(1), fields.at(2), fields.at(3)});
    } else if (kind == "case") {
      oracle.cases.push_back(ReadCase(fields));
    } else {
      ADD_FAILURE() << "expected a kind that SOURCE.md knows, found " << line;
    }
  }
  return oracle;
}

// The stretches in which the clock runs, up to `until`.
std::vector<std::pair<Timestamp, Timestamp>> Running(const OracleCase& c, Timestamp until) {
  std::vector<std::pair<Timestamp, Timestamp>> stretches;
  Timestamp from = c.start;
  for (const auto& [begin, end] : c.pauses) {
    stretches.emplace_back(from, std::min(begin, until));
    from = end;
  }
  stretches.emplace_back(from, until);
  return stretches;
}

// As a clock does it: accumulate over the stretches, then advance from the last resumption.
std::optional<Timestamp> DueOf(const OracleCase& c, const Counting& counting) {
  int64_t elapsed = 0;
  std::optional<Timestamp> due;
  for (const auto& [from, to] : Running(c, Timestamp::max())) {
    due = Advance(counting, from, c.amount - elapsed);
    if (due && *due <= to) return due;
    if (to != Timestamp::max()) elapsed += Elapsed(counting, from, to);
  }
  return due;
}

TEST(CalendarOracleTest, LocalTimesBecomeTheSameInstants) {
  const Oracle oracle = ReadOracle();
  ASSERT_GE(oracle.local.size(), 100U);
  for (const LocalCase& c : oracle.local) {
    EXPECT_EQ(Show(ToUtc(oracle.zones.at(c.zone), WallClock(c.wall))), Show(Utc(c.utc)))
        << c.zone << ' ' << c.wall;
  }
}

TEST(CalendarOracleTest, EveryCaseIsDueAndHasElapsedAsTheOracleSays) {
  const Oracle oracle = ReadOracle();
  ASSERT_GE(oracle.cases.size(), 200U);
  for (const auto& [id, calendar] : oracle.calendars) {
    EXPECT_THAT(CheckCalendar(calendar), IsEmpty()) << id;
  }
  for (const OracleCase& c : oracle.cases) {
    SCOPED_TRACE(c.title);
    const Counting counting{c.count, &oracle.calendars.at(c.calendar), c.start};
    EXPECT_EQ(Show(DueOf(c, counting)), Show(c.due));
    for (const auto& [at, expected] : c.elapsed) {
      int64_t elapsed = 0;
      for (const auto& [from, to] : Running(c, at)) elapsed += Elapsed(counting, from, to);
      EXPECT_EQ(elapsed, expected) << "at " << Show(at);
    }
  }
}

// ---- laws over random calendars
// ------------------------------------------------------------------

constexpr std::array kCounts{Count::kWall, Count::kBusinessTime, Count::kCalendarDays,
                             Count::kWorkingDays};

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  Calendar NextCalendar() {
    std::array<uint8_t, 400> bytes{};
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(engine_());
    ByteReader reader(bytes);
    return fixtures::ReadCalendar(&reader);
  }
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }
  // Within the ten days; half of them on a whole minute.
  Timestamp NextTime() {
    const int64_t minute = kFirstMinute + Between(0, kDayCount * kDayMinutes - 1);
    return fixtures::AtMinute(minute) + Duration{Between(0, 1) * Between(0, 59'999)};
  }
  int64_t NextAmount(Count count) {
    if (InDays(count)) return Between(0, 6);
    return Between(0, 1) == 0 ? Between(0, 90'000) : Between(0, 60 * kHour);
  }

 private:
  std::mt19937_64 engine_;
};

// Calls check(random) for each of `count` seeds, or for REBOUND_SEED only.
template <typename Check>
void ForSeeds(uint64_t count, const Check& check) {
  uint64_t first = 1;
  if (const char* seed = std::getenv("REBOUND_SEED")) {
    first = std::strtoull(seed, nullptr, 10);
    count = 1;
  }
  for (uint64_t seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE("REBOUND_SEED=" + std::to_string(seed));
    Random random(seed);
    check(&random);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(CalendarPropertyTest, AgreesWithLookingAtEachMinute) {
  ForSeeds(500, [](Random* random) {
    const Calendar calendar = random->NextCalendar();
    const MinuteCalendar naive(calendar);
    for (int i = 0; i < 40; ++i) {
      const Count count = kCounts[static_cast<size_t>(i) % kCounts.size()];
      const Timestamp started = random->NextTime();
      const Timestamp from = random->NextTime();
      const Timestamp to = random->NextTime();
      const Counting counting{count, &calendar, started};
      EXPECT_EQ(Elapsed(counting, from, to), naive.Elapsed(count, started, from, to));
      const int64_t amount = random->NextAmount(count);
      const std::optional<Timestamp> due = Advance(counting, from, amount);
      const std::optional<Timestamp> expected = naive.Advance(count, started, from, amount);
      if (expected) {
        EXPECT_EQ(Show(due), Show(expected));
      } else {
        EXPECT_TRUE(!due || *due >= fixtures::AtMinute(MinuteCalendar::kSafeEnd)) << Show(due);
      }
    }
    for (int i = 0; i < 40; ++i) {
      const int64_t minute = kFirstMinute + random->Between(0, kDayCount * kDayMinutes - 1);
      EXPECT_EQ(ToUtc(calendar.zone, LocalTime{minutes{minute}}),
                fixtures::AtMinute(naive.Utc(minute)));
      EXPECT_EQ(ToLocal(calendar.zone, fixtures::AtMinute(minute)),
                LocalTime{minutes{naive.Local(minute)}});
    }
  });
}

TEST(CalendarPropertyTest, ElapsedAddsUpAndAdvanceIsItsInverse) {
  ForSeeds(4'000, [](Random* random) {
    const Calendar calendar = random->NextCalendar();
    for (const Count count : kCounts) {
      const Counting counting{count, &calendar, random->NextTime()};
      std::array<Timestamp, 3> t{random->NextTime(), random->NextTime(), random->NextTime()};
      std::sort(t.begin(), t.end());
      EXPECT_EQ(Elapsed(counting, t[0], t[1]) + Elapsed(counting, t[1], t[2]),
                Elapsed(counting, t[0], t[2]));

      const int64_t amount = random->NextAmount(count);
      const std::optional<Timestamp> due = Advance(counting, t[0], amount);
      // All working days of one date may end in the same instant of a skipped hour: then more.
      if (due && amount > 0) {
        EXPECT_GE(Elapsed(counting, t[0], *due), amount);
        EXPECT_LT(Elapsed(counting, t[0], *due - Duration{1}), amount) << "an earlier one has it";
        if (!InDays(count)) {
          EXPECT_EQ(Elapsed(counting, t[0], *due), amount);
        }
      }
      // In two steps as in one.
      const int64_t more = random->NextAmount(count);
      if (due && Elapsed(counting, t[0], *due) == amount) {
        EXPECT_EQ(Show(Advance(counting, *due, more)),
                  Show(more == 0 ? due : Advance(counting, t[0], amount + more)));
      }
    }
  });
}

TEST(CalendarPropertyTest, AdvanceIsMonotone) {
  ForSeeds(4'000, [](Random* random) {
    const Calendar calendar = random->NextCalendar();
    for (const Count count : kCounts) {
      const Counting counting{count, &calendar, random->NextTime()};
      const Timestamp from = random->NextTime();
      const Timestamp later = std::max(from, random->NextTime());
      const int64_t amount = random->NextAmount(count);
      const int64_t more = amount + random->NextAmount(count);
      const auto due = Advance(counting, from, amount);
      if (const auto after = Advance(counting, from, more)) {
        ASSERT_TRUE(due.has_value());
        EXPECT_LE(*due, *after);
      }
      if (const auto after = Advance(counting, later, amount); due && after) {
        EXPECT_LE(*due, *after);
      }
    }
  });
}

// What passes in the pause is exactly what the due time moves by, measured in the clock's count.
TEST(CalendarPropertyTest, APauseMovesTheDueTimeByWhatPassedInIt) {
  ForSeeds(4'000, [](Random* random) {
    const Calendar calendar = random->NextCalendar();
    for (const Count count : kCounts) {
      const Timestamp start = random->NextTime();
      const Counting counting{count, &calendar, start};
      const int64_t amount = random->NextAmount(count);
      const Timestamp paused = std::max(start, random->NextTime());
      const Timestamp resumed = std::max(paused, random->NextTime());
      const auto due = Advance(counting, start, amount);
      const int64_t before = Elapsed(counting, start, paused);
      if (!due || before >= amount) continue;
      const int64_t passed = Elapsed(counting, paused, resumed);
      const auto moved = Advance(counting, resumed, amount - before);
      EXPECT_EQ(Show(moved), Show(Advance(counting, start, amount + passed)));
      if (moved && !InDays(count)) {
        EXPECT_EQ(Elapsed(counting, *due, *moved), passed);
      }
    }
  });
}

TEST(CalendarPropertyTest, AHolidayNeverMakesAnythingDueEarlier) {
  ForSeeds(4'000, [](Random* random) {
    const Calendar calendar = random->NextCalendar();
    Calendar with_holiday = calendar;
    const LocalDay date = fixtures::kFirstDay + days{random->Between(-1, kDayCount)};
    const auto at = std::lower_bound(with_holiday.days.begin(), with_holiday.days.end(), date,
                                     [](const CalendarDay& d, LocalDay l) { return d.date < l; });
    if (at != with_holiday.days.end() && at->date == date) {
      at->intervals.clear();
    } else {
      with_holiday.days.insert(at, {date, {}, "holiday"});
    }
    for (const Count count : kCounts) {
      const Timestamp from = random->NextTime();
      const int64_t amount = random->NextAmount(count);
      const auto due = Advance({count, &calendar, from}, from, amount);
      const auto later = Advance({count, &with_holiday, from}, from, amount);
      if (later) {
        ASSERT_TRUE(due.has_value());
        EXPECT_GE(*later, *due);
      }
    }
  });
}

TEST(CalendarPropertyTest, RandomCalendarsKeepThePromisesOfTheHeader) {
  ForSeeds(4'000, [](Random* random) {
    const std::vector<CalendarFault> faults = CheckCalendar(random->NextCalendar());
    if (!faults.empty()) {
      EXPECT_THAT(faults, ElementsAre(CalendarFault{.kind = CalendarFault::Kind::kNoWork}));
    }
  });
}

}  // namespace
}  // namespace rebound
