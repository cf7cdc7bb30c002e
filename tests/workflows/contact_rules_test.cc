// Quiet hours and the rule of the unreachable: each dimension, zones, summer time.
#include "workflows/contact_rules.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/fixtures/domain_fixtures.h"

namespace rebound {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

Timestamp At(int year, unsigned month, unsigned day, int hour, int minute = 0) {
  return std::chrono::sys_days{std::chrono::year{year} / std::chrono::month{month} /
                               std::chrono::day{day}} +
         hours{hour} + minutes{minute};
}

const Zone kUtc{.name = "UTC"};
const Zone kShanghai{.name = "Asia/Shanghai", .first_offset = hours{8}};
// Berlin in 2026: forward on 29 March at 01:00 UTC, back on 25 October at 01:00 UTC.
const Zone kBerlin{.name = "Europe/Berlin",
                   .first_offset = hours{1},
                   .changes = {{At(2026, 3, 29, 1), hours{2}}, {At(2026, 10, 25, 1), hours{1}}}};

ContactRules Quiet(int32_t from, int32_t until) {
  ContactRules rules;
  rules.quiet_hours = DaySpan{from, until};
  return rules;
}

TEST(QuietHoursTest, TheyEndOnTheLocalClock) {
  const ContactRules night = Quiet(21 * 60, 8 * 60);
  struct Row {
    const char* name;
    ContactRules rules;
    const Zone& zone;
    Timestamp at;
    Timestamp until;  // `at` itself: not quiet
  };
  const Row rows[] = {
      {"no quiet hours", {}, kUtc, At(2026, 3, 2, 3), At(2026, 3, 2, 3)},
      {"by day", night, kUtc, At(2026, 3, 2, 12), At(2026, 3, 2, 12)},
      {"as they begin", night, kUtc, At(2026, 3, 2, 21), At(2026, 3, 3, 8)},
      {"the minute before", night, kUtc, At(2026, 3, 2, 20, 59), At(2026, 3, 2, 20, 59)},
      {"after midnight", night, kUtc, At(2026, 3, 3, 2), At(2026, 3, 3, 8)},
      {"as they end", night, kUtc, At(2026, 3, 3, 8), At(2026, 3, 3, 8)},
      {"in Shanghai it is night already", night, kShanghai, At(2026, 3, 2, 13), At(2026, 3, 3, 0)},
      {"in Shanghai it is morning", night, kShanghai, At(2026, 3, 2, 0), At(2026, 3, 2, 0)},
      {"within one day", Quiet(12 * 60, 14 * 60), kUtc, At(2026, 3, 2, 13), At(2026, 3, 2, 14)},
      {"up to midnight", Quiet(21 * 60, 24 * 60), kUtc, At(2026, 3, 2, 22), At(2026, 3, 3, 0)},
      {"the short night of spring", night, kBerlin, At(2026, 3, 28, 20), At(2026, 3, 29, 6)},
      {"the long night of autumn", night, kBerlin, At(2026, 10, 24, 19), At(2026, 10, 25, 7)},
      {"an end that spring skips", Quiet(21 * 60, 2 * 60 + 30), kBerlin, At(2026, 3, 28, 23),
       At(2026, 3, 29, 1, 30)},
      {"an end that autumn repeats", Quiet(21 * 60, 2 * 60 + 30), kBerlin, At(2026, 10, 24, 22),
       At(2026, 10, 25, 0, 30)},
      {"quiet once more in the hour that is repeated", Quiet(21 * 60, 2 * 60 + 30), kBerlin,
       At(2026, 10, 25, 1, 10), At(2026, 10, 25, 1, 30)},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(QuietUntil(row.rules, row.zone, row.at), row.until) << row.name;
    EXPECT_EQ(IsQuiet(row.rules, row.zone, row.at), row.at != row.until) << row.name;
    EXPECT_FALSE(IsQuiet(row.rules, row.zone, row.until)) << row.name;
  }
}

ContactRules Rules() {
  ContactRules rules = Quiet(21 * 60, 8 * 60);
  rules.zone = kShanghai;
  rules.time_bands = {{"morning", {8 * 60, 12 * 60}},
                      {"afternoon", {12 * 60, 18 * 60}},
                      {"evening", {18 * 60, 21 * 60}}};
  rules.unreachable = UnreachableRule{3, 2, 2, 1};
  return rules;
}

Attempt Tried(AttemptOutcome outcome, Timestamp at, Direction direction = Direction::kOutbound) {
  Attempt attempt;
  attempt.outcome = outcome;
  attempt.occurred_at = at;
  attempt.direction = direction;
  attempt.actor = "li.na";
  return attempt;
}

// Local times of Shanghai on 2 to 4 March.
Timestamp Local(unsigned day, int hour, int minute = 0) {
  return At(2026, 3, day, hour, minute) - hours{8};
}

using O = AttemptOutcome;

TEST(ReachabilityTest, EachPartOfTheRuleIsNeeded) {
  struct Row {
    const char* name;
    std::vector<Attempt> attempts;
    int32_t tries, bands, on_days, messages;
    bool met;
  };
  const Attempt note = Tried(O::kMessageSent, Local(3, 15));
  const Row rows[] = {
      {"nothing", {}, 0, 0, 0, 0, false},
      {"all of it",
       {Tried(O::kNoAnswer, Local(2, 9)), Tried(O::kBusy, Local(2, 19)),
        Tried(O::kSwitchedOff, Local(3, 9)), note},
       3,
       2,
       2,
       1,
       true},
      {"one try too few",
       {Tried(O::kNoAnswer, Local(2, 9)), Tried(O::kBusy, Local(3, 19)), note},
       2,
       2,
       2,
       1,
       false},
      {"one band too few",
       {Tried(O::kNoAnswer, Local(2, 9)), Tried(O::kBusy, Local(2, 10)),
        Tried(O::kSwitchedOff, Local(3, 11)), note},
       3,
       1,
       2,
       1,
       false},
      {"one day too few",
       {Tried(O::kNoAnswer, Local(3, 9)), Tried(O::kBusy, Local(3, 13)),
        Tried(O::kSwitchedOff, Local(3, 19)), note},
       3,
       3,
       1,
       1,
       false},
      {"no message",
       {Tried(O::kNoAnswer, Local(2, 9)), Tried(O::kBusy, Local(2, 19)),
        Tried(O::kSwitchedOff, Local(3, 9))},
       3,
       2,
       2,
       0,
       false},
      {"numbers that are wrong count",
       {Tried(O::kEmptyNumber, Local(2, 9)), Tried(O::kSuspended, Local(2, 19)),
        Tried(O::kWrongPerson, Local(3, 9)), note},
       3,
       2,
       2,
       1,
       true},
      {"quiet hours do not count",
       {Tried(O::kNoAnswer, Local(2, 9)), Tried(O::kBusy, Local(2, 21)),
        Tried(O::kSwitchedOff, Local(3, 7, 59)), note},
       1,
       1,
       1,
       1,
       false},
      {"a message by night does not count",
       {Tried(O::kNoAnswer, Local(2, 9)), Tried(O::kBusy, Local(2, 19)),
        Tried(O::kSwitchedOff, Local(3, 9)), Tried(O::kMessageSent, Local(3, 22))},
       3,
       2,
       2,
       0,
       false},
      {"who refuses was reached",
       {Tried(O::kNoAnswer, Local(2, 9)), Tried(O::kBusy, Local(2, 19)),
        Tried(O::kSwitchedOff, Local(3, 9)), note, Tried(O::kRefused, Local(3, 16))},
       0,
       0,
       0,
       0,
       false},
      {"who hangs up was reached",
       {Tried(O::kNoAnswer, Local(2, 9)), Tried(O::kHungUp, Local(2, 19)),
        Tried(O::kSwitchedOff, Local(3, 9)), note},
       1,
       1,
       1,
       1,
       false},
      {"who calls us was reached",
       {Tried(O::kNoAnswer, Local(2, 9)), Tried(O::kBusy, Local(2, 19)),
        Tried(O::kSwitchedOff, Local(3, 9)), note,
        Tried(O::kReached, Local(3, 16), Direction::kInbound)},
       0,
       0,
       0,
       0,
       false},
      {"after a contact it begins anew",
       {Tried(O::kCallBackAgreed, Local(2, 9)), Tried(O::kBusy, Local(2, 19)),
        Tried(O::kSwitchedOff, Local(3, 9)), Tried(O::kNoAnswer, Local(3, 10)), note},
       3,
       2,
       2,
       1,
       true},
      {"a contact that was recorded late",
       {Tried(O::kNoAnswer, Local(2, 9)), Tried(O::kBusy, Local(2, 19)),
        Tried(O::kSwitchedOff, Local(3, 9)), note, Tried(O::kReached, Local(2, 8))},
       3,
       2,
       2,
       1,
       true},
  };
  for (const Row& row : rows) {
    Case c;
    c.attempts = row.attempts;
    const Reachability found = Assess(c, Rules(), kShanghai);
    EXPECT_EQ(found.attempts, row.tries) << row.name;
    EXPECT_EQ(found.time_bands, row.bands) << row.name;
    EXPECT_EQ(found.days, row.on_days) << row.name;
    EXPECT_EQ(found.messages, row.messages) << row.name;
    EXPECT_EQ(found.met, row.met) << row.name;
    EXPECT_EQ(found.needed, Rules().unreachable);
  }
}

TEST(ReachabilityTest, DaysAndBandsAreTheCustomersOwn) {
  Case c;
  // 23:30 and 00:30 UTC: two days there, the same morning in Shanghai.
  c.attempts = {Tried(O::kNoAnswer, At(2026, 3, 2, 1)), Tried(O::kNoAnswer, At(2026, 3, 2, 23, 30)),
                Tried(O::kNoAnswer, At(2026, 3, 3, 0, 30))};
  ContactRules rules = Rules();
  rules.quiet_hours.reset();
  EXPECT_EQ(Assess(c, rules, kShanghai).days, 2);
  EXPECT_EQ(Assess(c, rules, kShanghai).time_bands, 1);
  EXPECT_EQ(Assess(c, rules, kUtc).days, 2);
  EXPECT_EQ(Assess(c, rules, kUtc).time_bands, 0);
  c.attempts.erase(c.attempts.begin());
  EXPECT_EQ(Assess(c, rules, kShanghai).days, 1);
  EXPECT_EQ(Assess(c, rules, kUtc).days, 2);
}

TEST(ReachabilityTest, OnlyTheRoundCounts) {
  Case c;
  c.attempts = {Tried(O::kNoAnswer, Local(2, 9)), Tried(O::kBusy, Local(3, 9)),
                Tried(O::kBusy, Local(3, 13))};
  c.round = 2;
  c.round_started_at = Local(3, 9);
  EXPECT_EQ(Assess(c, Rules(), kShanghai).attempts, 2);
  EXPECT_EQ(Assess(c, Rules(), kShanghai, 2).attempts, 1);
}

TEST(ReachabilityTest, WithoutARuleNothingIsEverMet) {
  Case c;
  c.attempts.assign(50, Tried(O::kNoAnswer, Local(2, 9)));
  const Reachability found = Assess(c, ContactRules{}, kUtc);
  EXPECT_EQ(found.attempts, 50);
  EXPECT_FALSE(found.met);
  EXPECT_FALSE(found.needed.has_value());
  ASSERT_EQ(found.outcomes.size(), 1U);
  EXPECT_EQ(found.outcomes[0], std::pair(O::kNoAnswer, 50));
}

TEST(NextCallTest, ATimeAgreedOnAndQuietHoursAreKept) {
  Case c;
  const ContactRules rules = Rules();
  EXPECT_EQ(NextCallAt(c, rules, kShanghai, Local(2, 10)), std::nullopt);
  EXPECT_EQ(NextCallAt(c, rules, kShanghai, Local(2, 22)), Local(3, 8));
  c.attempts = {Tried(O::kCallBackAgreed, Local(2, 10))};
  c.attempts.back().next_allowed_at = Local(2, 15);
  EXPECT_EQ(NextCallAt(c, rules, kShanghai, Local(2, 11)), Local(2, 15));
  EXPECT_EQ(NextCallAt(c, rules, kShanghai, Local(2, 16)), std::nullopt);
  c.attempts.back().next_allowed_at = Local(2, 23);
  EXPECT_EQ(NextCallAt(c, rules, kShanghai, Local(2, 11)), Local(3, 8));
}

// What the plan sends in between once hid the time that a call was agreed for.
TEST(NextCallTest, WhatTheSystemSendsLeavesATimeAgreedOn) {
  Case c;
  Attempt agreed = Tried(O::kCallBackAgreed, Local(2, 10));
  agreed.next_allowed_at = Local(2, 15);
  Attempt message = Tried(O::kMessageSent, Local(2, 11));
  message.actor = "system";
  c.attempts = {agreed, message, message};
  EXPECT_EQ(NextCallAt(c, Rules(), kShanghai, Local(2, 12)), Local(2, 15));
  // A person who tries since speaks of another time, or of none.
  c.attempts.push_back(Tried(O::kNoAnswer, Local(2, 12)));
  EXPECT_EQ(NextCallAt(c, Rules(), kShanghai, Local(2, 12)), std::nullopt);
  c.attempts = {message};
  EXPECT_EQ(NextCallAt(c, Rules(), kShanghai, Local(2, 12)), std::nullopt) << "nobody called";
}

}  // namespace
}  // namespace rebound
