// What became of entries, counted: each once, and by their times rather than their timers; and who
// was listed when.
#include "workflows/blacklist_figures.h"

#include <gtest/gtest.h>

#include "tests/fixtures/domain_fixtures.h"

namespace rebound {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;

using fixtures::kStart;
using Decided = BlacklistDecisionKind;

BlacklistEntry Entry(BlacklistState state, std::vector<BlacklistDecision> decisions = {}) {
  BlacklistEntry entry;
  entry.kind = BlacklistKind::kNoGoodwill;
  entry.state = state;
  entry.starts_at = kStart - days{10};
  entry.expires_at = kStart + days{10};
  entry.decisions = std::move(decisions);
  return entry;
}

struct FigureRow {
  const char* name;
  BlacklistEntry entry;
  BlacklistCounts expected;  // beside proposed, which is 1
  std::string_view decider = "";
};

TEST(BlacklistFiguresTest, EachEntryCountsOnceForWhatBecameOfIt) {
  const BlacklistDecision warned{Decided::kWarned, "w", kStart, {}};
  const BlacklistDecision holds{Decided::kActivated, "a", kStart, {}};
  const BlacklistDecision rejected{Decided::kRejected, "r", kStart, {}};
  const BlacklistDecision lifted{Decided::kLifted, "l", kStart, {}};
  BlacklistEntry was_warned = Entry(BlacklistState::kWarned, {warned});
  was_warned.warned_at = kStart;
  BlacklistEntry at_its_end = Entry(BlacklistState::kActive, {holds});
  at_its_end.expires_at = kStart;
  BlacklistEntry before_it = at_its_end;
  before_it.expires_at = kStart + milliseconds{1};
  BlacklistEntry forgotten = Entry(BlacklistState::kProposed);
  forgotten.expires_at = kStart;
  BlacklistEntry at_once = Entry(BlacklistState::kProposed);
  at_once.kind = BlacklistKind::kStaffSafety;
  at_once.immediate_until = kStart + milliseconds{1};
  BlacklistEntry appealed = Entry(BlacklistState::kActive, {holds});
  appealed.appeal.state = AppealState::kMade;
  appealed.appeal.due_at = kStart;
  BlacklistEntry overturned = Entry(BlacklistState::kLifted, {holds});
  overturned.appeal.state = AppealState::kUpheld;
  const FigureRow rows[] = {
      {"waits", Entry(BlacklistState::kProposed), {}},
      {"warned", was_warned, {.warned = 1}},
      {"holds", before_it, {.activated = 1, .in_force = 1}, "a"},
      {"its end has come, no timer yet", at_its_end, {.activated = 1, .lapsed = 1}, "a"},
      {"lapsed",
       Entry(BlacklistState::kLapsed, {warned, holds}),
       {.activated = 1, .lapsed = 1},
       "a"},
      {"nobody decided, no timer yet", forgotten, {.undecided = 1}},
      {"nobody decided", Entry(BlacklistState::kLapsed), {.undecided = 1}},
      {"holds at once", at_once, {.in_force = 1}},
      {"rejected", Entry(BlacklistState::kRejected, {rejected}), {.rejected = 1}, "r"},
      {"lifted",
       Entry(BlacklistState::kLifted, {holds, lifted}),
       {.activated = 1, .lifted = 1},
       "a"},
      {"appeal overdue", appealed, {.activated = 1, .appealed = 1}, "a"},
      {"overturned", overturned, {.activated = 1, .appealed = 1, .overturned = 1}, "a"},
  };
  BlacklistCounts sum;
  for (const FigureRow& row : rows) {
    SCOPED_TRACE(row.name);
    BlacklistCounts expected = row.expected;
    expected.proposed = 1;
    EXPECT_EQ(CountsOf(row.entry, kStart), expected);
    EXPECT_EQ(FirstDecider(row.entry), row.decider);
    sum += CountsOf(row.entry, kStart);
  }
  EXPECT_EQ(sum.proposed, 12);
  EXPECT_EQ(sum.activated, 6);
  EXPECT_EQ(sum.lapsed + sum.undecided, 4);
  EXPECT_EQ(sum.in_force, 2);
}

TEST(BlacklistFiguresTest, WhoIsListedFromTheDecisionToTheEndAsItReallyCame) {
  const Timestamp starts = kStart - days{10};
  const Timestamp expires = kStart + days{10};
  const BlacklistDecision warned{Decided::kWarned, "w", kStart, {}};
  const BlacklistDecision holds{Decided::kActivated, "a", kStart, {}};
  const BlacklistDecision rejected{Decided::kRejected, "r", kStart, {}};
  const auto ended = [](BlacklistEntry entry, Timestamp at) {
    entry.ended_at = at;
    return entry;
  };
  BlacklistEntry at_once = Entry(BlacklistState::kProposed);
  at_once.kind = BlacklistKind::kStaffSafety;
  at_once.immediate_until = kStart + days{3};
  BlacklistEntry at_once_then_rejected = at_once;
  at_once_then_rejected.state = BlacklistState::kRejected;
  at_once_then_rejected.decisions = {rejected};
  BlacklistEntry at_once_then_decided = at_once;
  at_once_then_decided.state = BlacklistState::kActive;
  at_once_then_decided.decisions = {holds};
  BlacklistEntry suspended = Entry(BlacklistState::kActive, {holds});
  suspended.appeal.state = AppealState::kMade;
  suspended.appeal.due_at = kStart - days{1};
  BlacklistEntry elsewhere = Entry(BlacklistState::kActive, {holds});
  elsewhere.extent = {BlacklistExtent::Kind::kProgram, "elsewhere"};
  BlacklistEntry before_its_start = ended(Entry(BlacklistState::kLifted, {holds}), kStart);
  before_its_start.starts_at = kStart + days{1};
  BlacklistEntry later = Entry(BlacklistState::kActive, {holds});
  later.starts_at = kStart + days{1};
  BlacklistEntry suppression = Entry(BlacklistState::kActive);
  suppression.is_suppression = true;
  struct ListedRow {
    const char* name;
    BlacklistEntry entry;
    std::optional<Timestamp> as_of;
    std::optional<ListedTime> expected;
  };
  const ListedRow rows[] = {
      {"proposed", Entry(BlacklistState::kProposed), {}, {}},
      {"warned", Entry(BlacklistState::kWarned, {warned}), {}, {}},
      {"rejected", ended(Entry(BlacklistState::kRejected, {rejected}), kStart), {}, {}},
      {"nobody decided", ended(Entry(BlacklistState::kLapsed), expires), {}, {}},
      {"holds at once", at_once, {}, {}},
      {"held at once, rejected", ended(at_once_then_rejected, kStart), {}, {}},
      {"held at once, decided", at_once_then_decided, {}, ListedTime{kStart, expires}},
      {"active", Entry(BlacklistState::kActive, {holds}), {}, ListedTime{kStart, expires}},
      {"as of its decision", Entry(BlacklistState::kActive, {warned, holds}), kStart,
       ListedTime{kStart, expires}},
      {"as of before it", Entry(BlacklistState::kActive, {holds}), kStart - milliseconds{1}, {}},
      {"its end has come, no timer yet", Entry(BlacklistState::kActive, {holds}), expires + days{1},
       ListedTime{kStart, expires}},
      {"lapsed",
       ended(Entry(BlacklistState::kLapsed, {holds}), expires),
       {},
       ListedTime{kStart, expires}},
      {"lifted",
       ended(Entry(BlacklistState::kLifted, {holds}), kStart + days{2}),
       {},
       ListedTime{kStart, kStart + days{2}}},
      {"lifted before it began", before_its_start, {}, {}},
      {"decided before it starts", later, {}, ListedTime{kStart + days{1}, expires}},
      {"kept over an erasure", suppression, {}, ListedTime{starts, expires}},
      {"appeal overdue", suspended, {}, ListedTime{kStart, expires}},
      {"in another program", elsewhere, {}, ListedTime{kStart, expires}},
  };
  for (const ListedRow& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(ListedBy(row.entry, row.as_of), row.expected);
  }
}

TEST(BlacklistFiguresTest, AnEndThatIsMovedChangesNothingOfTheTimeBefore) {
  // What the entry was at each instant, and what it is once it was extended and then lifted.
  const BlacklistDecision holds{Decided::kActivated, "a", kStart - days{9}, {}};
  const BlacklistEntry before = Entry(BlacklistState::kActive, {holds});
  BlacklistEntry after = before;
  after.expires_at = kStart + days{20};  // decided at kNow + 9 days
  after.state = BlacklistState::kLifted;
  after.ended_at = kStart + days{15};
  CustomerId mei;
  mei.bytes[0] = 1;
  for (int day = -12; day < 9; ++day) {
    const Timestamp now = kStart + days{day};
    const auto listing = [&](const BlacklistEntry& entry) {
      const auto time = ListedBy(entry, now);
      return time ? Listing{{mei, {*time}}} : Listing{};
    };
    for (int then = -12; then <= day; ++then) {
      const Timestamp t = kStart + days{then};
      EXPECT_EQ(WasListed(listing(after), mei, t), WasListed(listing(before), mei, t))
          << "known on day " << day << " of day " << then;
    }
  }
}

TEST(BlacklistFiguresTest, SomebodyWasListedWithinAnyOfTheirTimes) {
  CustomerId mei, an;
  mei.bytes[0] = 1;
  an.bytes[0] = 2;
  const Listing listing = {{mei,
                            {{kStart, kStart + days{2}},
                             {kStart + days{1}, kStart + days{3}},
                             {kStart + days{5}, kStart + days{6}}}}};
  struct TimeRow {
    milliseconds after_now;
    bool listed;
  };
  const TimeRow rows[] = {{-milliseconds{1}, false}, {milliseconds{0}, true},
                          {days{2}, true},           {days{3} - milliseconds{1}, true},
                          {days{3}, false},          {days{5}, true},
                          {days{6}, false}};
  for (const TimeRow& row : rows) {
    EXPECT_EQ(WasListed(listing, mei, kStart + row.after_now), row.listed) << row.after_now.count();
    EXPECT_FALSE(WasListed(listing, an, kStart + row.after_now));
    EXPECT_FALSE(WasListed(listing, {}, kStart + row.after_now)) << "anonymous";
  }
}

}  // namespace
}  // namespace rebound
