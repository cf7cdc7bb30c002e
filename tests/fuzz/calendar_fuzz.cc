// Calendar arithmetic against looking at each minute, and its laws, over calendars made of the
// input's bytes. One input is a zone, a calendar and up to 24 questions; about a millisecond.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/fixtures/calendar_cases.h"
#include "workflows/calendar.h"
#include "workflows/check.h"

namespace rebound {
namespace {

using fixtures::ByteReader;
using fixtures::kDayCount;
using fixtures::kDayMinutes;
using fixtures::kFirstMinute;
using fixtures::MinuteCalendar;

constexpr int kMostQuestions = 24;

Timestamp ReadTime(ByteReader* bytes) {
  const int64_t minute = kFirstMinute + bytes->Between(0, kDayCount * kDayMinutes - 1);
  return fixtures::AtMinute(minute) + Duration{bytes->OneIn(2) ? bytes->Between(0, 59'999) : 0};
}

void CheckQuestion(const Calendar& calendar, const MinuteCalendar& naive, ByteReader* bytes) {
  constexpr std::array kCounts{Count::kBusinessTime, Count::kWorkingDays, Count::kCalendarDays,
                               Count::kWall};
  const Count count = kCounts[static_cast<size_t>(bytes->Between(0, 3))];
  const Counting counting{count, &calendar, ReadTime(bytes)};
  const Timestamp started = counting.started_at;
  std::array<Timestamp, 3> t{ReadTime(bytes), ReadTime(bytes), ReadTime(bytes)};
  std::sort(t.begin(), t.end());
  const int64_t amount = InDays(count) ? bytes->Between(0, 6) : bytes->Between(0, 200'000'000);

  const int64_t before = Elapsed(counting, t[0], t[1]);
  const int64_t after = Elapsed(counting, t[1], t[2]);
  CHECK(before == naive.Elapsed(count, started, t[0], t[1]));
  CHECK(after == naive.Elapsed(count, started, t[1], t[2]));
  CHECK(before + after == Elapsed(counting, t[0], t[2]));

  const std::optional<Timestamp> due = Advance(counting, t[0], amount);
  const std::optional<Timestamp> expected = naive.Advance(count, started, t[0], amount);
  if (expected) {
    CHECK(due == expected);
  } else {
    CHECK(!due || *due >= fixtures::AtMinute(MinuteCalendar::kSafeEnd));
  }
  if (due && amount > 0) {
    CHECK(Elapsed(counting, t[0], *due) >= amount);
    CHECK(Elapsed(counting, t[0], *due - Duration{1}) < amount);
  }
  // A pause from t[1] to t[2] moves what is due after it by what passes in it.
  if (before < amount) {
    CHECK(Advance(counting, t[2], amount - before) == Advance(counting, t[0], amount + after));
  }
}

void CheckLocalTime(const Calendar& calendar, const MinuteCalendar& naive, ByteReader* bytes) {
  const int64_t minute = kFirstMinute + bytes->Between(0, kDayCount * kDayMinutes - 1);
  CHECK(ToUtc(calendar.zone, LocalTime{std::chrono::minutes{minute}}) ==
        fixtures::AtMinute(naive.Utc(minute)));
  CHECK(ToLocal(calendar.zone, fixtures::AtMinute(minute)) ==
        LocalTime{std::chrono::minutes{naive.Local(minute)}});
}

}  // namespace
}  // namespace rebound

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rebound::fixtures::ByteReader bytes({data, size});
  const rebound::Calendar calendar = rebound::fixtures::ReadCalendar(&bytes);
  const std::vector<rebound::CalendarFault> faults = rebound::CheckCalendar(calendar);
  CHECK(faults.empty() ||
        (faults.size() == 1 && faults[0].kind == rebound::CalendarFault::Kind::kNoWork));
  const rebound::fixtures::MinuteCalendar naive(calendar);
  for (int i = 0; i < rebound::kMostQuestions && !bytes.Ended(); ++i) {
    rebound::CheckQuestion(calendar, naive, &bytes);
    rebound::CheckLocalTime(calendar, naive, &bytes);
  }
  return 0;
}
