// What became of entries, counted: each once, and by their times rather than their timers.
#include "workflows/blacklist_figures.h"

#include <gtest/gtest.h>

namespace rebound {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;

constexpr Timestamp kNow = FromMillis(1'772'442'000'000);
using Decided = BlacklistDecisionKind;

BlacklistEntry Entry(BlacklistState state, std::vector<BlacklistDecision> decisions = {}) {
  BlacklistEntry entry;
  entry.kind = BlacklistKind::kNoGoodwill;
  entry.state = state;
  entry.starts_at = kNow - days{10};
  entry.expires_at = kNow + days{10};
  entry.decisions = std::move(decisions);
  return entry;
}

struct Row {
  const char* name;
  BlacklistEntry entry;
  BlacklistCounts expected;  // beside proposed, which is 1
  std::string_view decider = "";
};

TEST(BlacklistFiguresTest, EachEntryCountsOnceForWhatBecameOfIt) {
  const BlacklistDecision warned{Decided::kWarned, "w", kNow, {}};
  const BlacklistDecision holds{Decided::kActivated, "a", kNow, {}};
  const BlacklistDecision rejected{Decided::kRejected, "r", kNow, {}};
  const BlacklistDecision lifted{Decided::kLifted, "l", kNow, {}};
  BlacklistEntry was_warned = Entry(BlacklistState::kWarned, {warned});
  was_warned.warned_at = kNow;
  BlacklistEntry at_its_end = Entry(BlacklistState::kActive, {holds});
  at_its_end.expires_at = kNow;
  BlacklistEntry before_it = at_its_end;
  before_it.expires_at = kNow + milliseconds{1};
  BlacklistEntry forgotten = Entry(BlacklistState::kProposed);
  forgotten.expires_at = kNow;
  BlacklistEntry at_once = Entry(BlacklistState::kProposed);
  at_once.kind = BlacklistKind::kStaffSafety;
  at_once.immediate_until = kNow + milliseconds{1};
  BlacklistEntry appealed = Entry(BlacklistState::kActive, {holds});
  appealed.appeal.state = AppealState::kMade;
  appealed.appeal.due_at = kNow;
  BlacklistEntry overturned = Entry(BlacklistState::kLifted, {holds});
  overturned.appeal.state = AppealState::kUpheld;
  const Row rows[] = {
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
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    BlacklistCounts expected = row.expected;
    expected.proposed = 1;
    EXPECT_EQ(CountsOf(row.entry, kNow), expected);
    EXPECT_EQ(FirstDecider(row.entry), row.decider);
    sum += CountsOf(row.entry, kNow);
  }
  EXPECT_EQ(sum.proposed, 12);
  EXPECT_EQ(sum.activated, 6);
  EXPECT_EQ(sum.lapsed + sum.undecided, 4);
  EXPECT_EQ(sum.in_force, 2);
}

}  // namespace
}  // namespace rebound
