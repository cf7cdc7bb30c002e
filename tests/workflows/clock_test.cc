// Clocks on cases: what starts, meets, stops, moves and ends them, what their tiers do, and what a
// person reads of them. The counting itself is in calendar_test.cc.
#include "workflows/clocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/fixtures/domain_fixtures.h"

namespace rebound {
namespace {

using fixtures::Answer;
using fixtures::InboundAttempt;
using fixtures::kNoProblems;
using fixtures::kStart;  // Monday, 10:00 in the office's zone
using fixtures::NewRemedy;
using fixtures::On;
using fixtures::OutboundAttempt;
using fixtures::Outcome;
using fixtures::Resolved;
using fixtures::World;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr int64_t kHourMillis = Duration{hours{1}}.count();

// One hour ahead of UTC, two from 2026-03-29T01:00Z on.
Zone Berlin() {
  return {"Europe/Berlin",
          hours{1},
          {{FromMillis(1'774'746'000'000), hours{2}}, {FromMillis(1'792'890'000'000), hours{1}}}};
}

// "office": Monday to Friday, 9 to 12 and 13 to 17. "night": every night from 22 to 6.
std::vector<Calendar> Calendars() {
  Calendar office;
  office.id = "office";
  office.version = 3;
  office.zone = Berlin();
  for (size_t day = 0; day < 5; ++day) office.week[day] = {{540, 720}, {780, 1020}};
  Calendar night;
  night.id = "night";
  night.zone = Berlin();
  night.week.fill({{1320, 1800}});
  return {office, night};
}

ClockDefinition Define(ClockKind kind, Limit limit, std::string calendar = {},
                       std::vector<Tier> tiers = {}) {
  ClockDefinition definition;
  definition.id = std::string(Name(kind));
  definition.kind = kind;
  definition.limit = limit;
  definition.calendar_id = std::move(calendar);
  definition.tiers = std::move(tiers);
  return definition;
}
Limit WallHours(int64_t amount) { return {Count::kWall, amount * kHourMillis}; }
Limit OfficeHours(int64_t amount) { return {Count::kBusinessTime, amount * kHourMillis}; }

Revision With(std::vector<ClockDefinition> clocks) {
  Revision revision = fixtures::TestRevision();
  revision.calendars = Calendars();
  revision.priorities = DefaultPriorities();
  revision.clocks = std::move(clocks);
  return revision;
}

// A complaint of customer "a", of wang.wei, accepted.
World WithComplaint(Revision revision, CaseDetails details = {}, int32_t severity = 2) {
  World world(std::move(revision));
  EXPECT_TRUE(world.Do(UpsertCustomer{{"crm", "a"}, {}, {}, {}}));
  OpenCase open;
  open.program_id = fixtures::kNps;
  open.customer_id = world.FindCustomer("a")->id;
  open.details = std::move(details);
  open.severity = severity;
  EXPECT_TRUE(world.Do(open));
  world.actor = "wang.wei";
  EXPECT_TRUE(world.Do(On(world.OnlyCase(), Accept{})));
  world.actor = "li.na";
  return world;
}

// The last clock of the kind.
const CaseClock& ClockOf(const World& world, ClockKind kind) {
  const auto& clocks = world.OnlyCase().clocks;
  const auto found = std::find_if(clocks.rbegin(), clocks.rend(),
                                  [&](const CaseClock& clock) { return clock.kind == kind; });
  EXPECT_NE(found, clocks.rend()) << Name(kind);
  return *found;
}

std::string_view Name(ClockState state) {
  switch (state) {
    case ClockState::kUnset: return "unset";
    case ClockState::kRunning: return "running";
    case ClockState::kPaused: return "paused";
    case ClockState::kMet: return "met";
    case ClockState::kCancelled: return "cancelled";
  }
  return "?";
}

// "first_contact met, remedy running", in the order in which they began.
std::string Clocks(const World& world) {
  std::string list;
  for (const CaseClock& clock : world.OnlyCase().clocks) {
    if (!list.empty()) list += ", ";
    list += std::string(rebound::Name(clock.kind)) + " " + std::string(Name(clock.state));
  }
  return list;
}

// Its tiers as crossed, "warn@60 breach@120!" in minutes after kStart; ~: overtaken, !: breach.
std::string Crossed(const Result<Events>& events) {
  std::string list;
  for (const Event& event : *events) {
    const auto* crossed = std::get_if<TierCrossed>(&event.body);
    if (crossed == nullptr) continue;
    if (!list.empty()) list += ' ';
    list += crossed->tier + "@" + std::to_string((crossed->due_at - kStart) / minutes{1});
    if (crossed->overtaken) list += '~';
    if (crossed->breach) list += '!';
  }
  return list;
}

// ------------------------------------------------------------------------------ a clock's life

TEST(ClockTest, EachKindStartsIsMetAndIsCancelledAsItsKindSays) {
  std::vector<ClockDefinition> all;
  for (int i = 1; i < kClockKindCount; ++i) {
    all.push_back(Define(static_cast<ClockKind>(i), WallHours(24 * 30)));
  }
  all[static_cast<size_t>(ClockKind::kResurvey) - 1].limit = WallHours(72);
  CaseDetails details;
  details.external_authority = {"12315", "R-1", kStart + days{60}};
  World world = WithComplaint(With(all), details);
  EXPECT_EQ(Clocks(world),
            "first_contact running, remedy running, external_deadline running, "
            "first_resolution running, total_resolution running");

  world.now += hours{1};
  ASSERT_EQ(Do(world, OutboundAttempt(AttemptOutcome::kReached)), "AttemptLogged ClockEnded");
  ASSERT_EQ(Do(world, NewRemedy(RemedyKind::kRefund, RemedyState::kProposed)), "RemedyRecorded");
  EXPECT_EQ(Clocks(world),
            "first_contact met, remedy running, external_deadline running, "
            "first_resolution running, total_resolution running")
      << "a proposal remedies nothing";
  ASSERT_EQ(Do(world, NewRemedy(RemedyKind::kRefund, RemedyState::kAccepted)),
            "RemedyRecorded ClockEnded");
  MakeCommitment promise;
  promise.commitment.due_at = world.now + hours{5};
  for (int i = 0; i < 2; ++i) ASSERT_EQ(Do(world, promise), "CommitmentMade ClockStarted");
  ASSERT_EQ(
      Do(world, SettleCommitment{world.OnlyCase().commitments[1].id, CommitmentState::kKept, {}}),
      "CommitmentSettled ClockEnded");
  ASSERT_EQ(
      Do(world, SettleCommitment{world.OnlyCase().commitments[0].id, CommitmentState::kBroken, {}}),
      "CommitmentSettled ClockEnded");
  EXPECT_EQ(Clocks(world),
            "first_contact met, remedy met, external_deadline running, first_resolution running, "
            "total_resolution running, commitment cancelled, commitment met");

  ASSERT_EQ(Do(world, Resolved()),
            "ClockEnded ClockEnded ClockEnded CaseResolved ClockStarted ClockStarted");
  const std::string ended =
      "first_contact met, remedy met, external_deadline met, first_resolution met, ";
  const std::string promises = "commitment cancelled, commitment met, ";
  EXPECT_EQ(Clocks(world),
            ended + "total_resolution met, " + promises + "verification running, resurvey running");

  // Somebody else asks, and hears that it is not solved: rework.
  world.actor = "zhou.jie";
  ASSERT_EQ(Do(world, VerifyCase{{true, false, false, {}, {}, {}}}),
            "ClockEnded VerificationRecorded ClockStarted ClockResumed ClockStarted ClockEnded");
  EXPECT_EQ(Clocks(world), ended + "total_resolution running, " + promises +
                               "verification met, resurvey cancelled, remedy running, "
                               "external_deadline running");
  world.now += hours{1};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  world.actor = "li.na";
  ASSERT_EQ(Do(world, VerifyCase{{true, true, true, {}, {}, {}}}),
            "ClockEnded VerificationRecorded");
  EXPECT_EQ(Clocks(world), ended + "total_resolution met, " + promises +
                               "verification met, resurvey cancelled, remedy cancelled, "
                               "external_deadline met, verification met, resurvey running");

  world.now += hours{72};
  ASSERT_EQ(Do(world, FireTimers{}), "ClockEnded ResurveyAsked TimerSet");
  ASSERT_TRUE(world.Do(Answer("a", 2)));
  const std::string second =
      "verification met, resurvey cancelled, remedy cancelled, external_deadline met, "
      "verification met, resurvey met, ";
  EXPECT_EQ(world.OnlyCase().status, "reopened");
  EXPECT_EQ(Clocks(world), ended + "total_resolution running, " + promises + second +
                               "first_contact running, remedy running, external_deadline running");
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), WithdrawCase{})));
  EXPECT_EQ(Clocks(world), ended + "total_resolution cancelled, " + promises + second +
                               "first_contact cancelled, remedy cancelled, "
                               "external_deadline cancelled");
  // Withdrawn by mistake: what the case has to be done by is as it was.
  world.now += days{1};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Reopen{})));
  EXPECT_EQ(Clocks(world), ended + "total_resolution running, " + promises + second +
                               "first_contact cancelled, remedy cancelled, "
                               "external_deadline cancelled, first_contact running, "
                               "remedy running, external_deadline running");
  EXPECT_EQ(ClockOf(world, ClockKind::kExternalDeadline).due_at, kStart + days{60});
  EXPECT_EQ(world.problems, kNoProblems);
  EXPECT_EQ(world.Replayed().cases, world.cases);
}

TEST(ClockTest, AskingAgainEndsTheVerificationThatNobodyCanGiveAnyMore) {
  World world = WithComplaint(With({Define(ClockKind::kVerification, WallHours(24 * 5))}));
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  world.now += days{3};
  ASSERT_EQ(Do(world, FireTimers{}), "ClockEnded ResurveyAsked TimerSet ClockEnded");
  EXPECT_EQ(ClockOf(world, ClockKind::kVerification).state, ClockState::kCancelled);
  world.now += days{5};
  EXPECT_EQ(Do(world, FireTimers{}), "");
}

TEST(ClockTest, OfAKindTheFirstDefinitionThatHoldsAppliesElseTheProgramsLimit) {
  ClockDefinition severe = Define(ClockKind::kFirstContact, WallHours(1));
  severe.id = "severe";
  severe.when = Compare(FieldId::kSeverity, Op::kGreaterOrEqual, int64_t{5});
  ClockDefinition urgent = Define(ClockKind::kFirstContact, OfficeHours(4), "office");
  urgent.id = "urgent";
  urgent.when = Compare(FieldId::kPriority, Op::kEqual, std::string("high"));
  const struct {
    int32_t severity;
    const char* definition;
    Timestamp due;
  } rows[] = {{5, "severe", kStart + hours{1}},
              {4, "urgent", kStart + hours{5}},  // 10 to 12, 13 to 15
              {3, "", kStart + hours{24}}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.severity);
    World world = WithComplaint(With({severe, urgent}), {}, row.severity);
    const CaseClock& clock = ClockOf(world, ClockKind::kFirstContact);
    EXPECT_EQ(clock.definition, row.definition);
    EXPECT_EQ(clock.due_at, row.due);
    EXPECT_EQ(clock.calendar_version, clock.calendar_id == "office" ? 3 : 0);
    EXPECT_EQ(NextDue(world.OnlyCase()), row.due);
  }
}

// The answer is gone from sight by then, and the severity may have risen: what applies later was
// chosen as the case opened, as `rules explain` says.
TEST(ClockTest, ClocksThatStartLaterWereChosenAsTheCaseOpened) {
  const Predicate refund = Compare(FieldId::kReason, Op::kHas, Value{"refund"});
  ClockDefinition quick = Define(ClockKind::kRemedy, WallHours(2));
  quick.id = "quick";
  quick.when = refund;
  ClockDefinition verified = Define(ClockKind::kVerification, WallHours(3));
  verified.when = refund;
  const ClockDefinition usual = Define(ClockKind::kRemedy, WallHours(72));
  for (const bool asks_for_refund : {true, false}) {
    SCOPED_TRACE(asks_for_refund);
    World world(With({quick, usual, verified}));
    SubmitResponse answer = Answer("a", 3);
    answer.response.reason = {{}, asks_for_refund ? "I want a Refund" : "too slow"};
    ASSERT_TRUE(world.Do(answer));
    EXPECT_EQ(world.OnlyCase().clock_definitions,
              asks_for_refund ? (std::vector<std::string>{"quick", "verification"})
                              : (std::vector<std::string>{"remedy"}));
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
    const auto& clocks = world.OnlyCase().clocks;
    EXPECT_EQ(std::count_if(clocks.begin(), clocks.end(),
                            [](const CaseClock& c) { return c.kind == ClockKind::kVerification; }),
              asks_for_refund ? 1 : 0);
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), Reopen{})));
    EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).due_at,
              world.now + hours{asks_for_refund ? 2 : 72});
    // A migration keeps the choice where it can, and chooses anew where that is gone.
    Revision next = With({quick, usual});
    next.number = 8;
    world.PutInForce(next);
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), MigrateCase{})));
    EXPECT_EQ(world.OnlyCase().clock_definitions,
              std::vector<std::string>{asks_for_refund ? "quick" : "remedy"});
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

// ------------------------------------------------------------------------------ first contact

TEST(FirstContactTest, IsMetByAnAttemptOrOnlyByReachingAsDefined) {
  using enum AttemptOutcome;
  const struct {
    const char* name;
    LogAttempt attempt;
    bool met_by_attempt;
    bool met_by_reached;
  } rows[] = {
      {"nobody answers", OutboundAttempt(kNoAnswer), true, false},
      {"a message is sent", OutboundAttempt(kMessageSent), true, false},
      {"reached", OutboundAttempt(kReached), true, true},
      {"hung up", OutboundAttempt(kHungUp), true, true},
      {"the customer calls", InboundAttempt(), true, true},
  };
  for (const auto& row : rows) {
    for (const MetBy met_by : {MetBy::kAttempt, MetBy::kReached}) {
      SCOPED_TRACE(std::string(row.name) + " " + std::to_string(static_cast<int>(met_by)));
      ClockDefinition definition = Define(ClockKind::kFirstContact, WallHours(24));
      definition.met_by = met_by;
      World world = WithComplaint(With({definition}));
      world.now += hours{2};
      ASSERT_TRUE(world.Do(On(world.OnlyCase(), row.attempt)));
      const bool met = met_by == MetBy::kAttempt ? row.met_by_attempt : row.met_by_reached;
      const CaseClock& clock = ClockOf(world, ClockKind::kFirstContact);
      EXPECT_EQ(clock.state, met ? ClockState::kMet : ClockState::kRunning);
      EXPECT_EQ(clock.elapsed, met ? 2 * kHourMillis : 0);
      EXPECT_EQ(world.OnlyCase().timers[0].state, met ? TimerState::kMet : TimerState::kPending);
    }
  }
}

LogAttempt ReachedAt(Timestamp at) {
  LogAttempt verb = OutboundAttempt(AttemptOutcome::kReached);
  verb.occurred_now = false;
  verb.attempt.occurred_at = at;
  return verb;
}

TEST(FirstContactTest, WhenTheContactWasDecidesAboutTheBreachNotWhenItWasRecorded) {
  const struct {
    const char* name;
    Duration contact;
    Duration recorded;
    bool wakes;  // a wake-up comes in between
    bool breached;
  } rows[] = {
      {"in time", hours{3}, hours{3}, true, false},
      {"at the last moment", hours{4}, hours{4}, true, false},
      {"in time, recorded late", hours{3}, hours{9}, true, false},
      {"in time, recorded late, nobody woke", hours{3}, hours{9}, false, false},
      {"at the last moment, recorded late", hours{4}, hours{9}, true, false},
      {"late", hours{5}, hours{5}, true, true},
      {"late, nobody woke", hours{5}, hours{5}, false, true},
      {"late, recorded later", hours{5}, hours{9}, true, true},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    World world = WithComplaint(With({Define(ClockKind::kFirstContact, WallHours(4))}));
    world.now = kStart + row.recorded;
    if (row.wakes) {
      EXPECT_EQ(Do(world, FireTimers{}), row.recorded >= hours{4} ? "TierCrossed" : "");
    }
    ASSERT_EQ(Do(world, ReachedAt(kStart + row.contact)),
              row.breached && !row.wakes ? "TierCrossed AttemptLogged ClockEnded"
                                         : "AttemptLogged ClockEnded");
    const CaseClock& clock = ClockOf(world, ClockKind::kFirstContact);
    EXPECT_EQ(clock.breached_at, row.breached ? std::optional(kStart + hours{4}) : std::nullopt);
    EXPECT_EQ(clock.ended_at, kStart + row.contact);
    EXPECT_EQ(clock.elapsed, row.contact.count());
    EXPECT_EQ(Read(clock, nullptr, world.now).slack, 4 * kHourMillis - row.contact.count());
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

TEST(FirstContactTest, AContactBeforeAPauseIsCountedUpToItself) {
  World world = WithComplaint(With({Define(ClockKind::kFirstContact, WallHours(4))}));
  world.now = kStart + hours{3};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), PauseCase{"waits", {}})));
  world.now = kStart + hours{9};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), ReachedAt(kStart + hours{2}))));
  const CaseClock& clock = ClockOf(world, ClockKind::kFirstContact);
  EXPECT_EQ(clock.elapsed, 2 * kHourMillis);
  EXPECT_EQ(clock.paused, Duration{0});
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(FirstContactTest, AContactBeforeAPauseThatIsOverIsCountedUpToItself) {
  World world = WithComplaint(With({Define(ClockKind::kFirstContact, WallHours(8))}));
  world.now = kStart + hours{3};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), PauseCase{"waits", {}})));
  world.now = kStart + hours{5};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), ResumeCase{})));
  world.now = kStart + hours{6};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), ReachedAt(kStart + hours{2}))));
  EXPECT_EQ(ClockOf(world, ClockKind::kFirstContact).elapsed, 2 * kHourMillis);
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(FirstContactTest, ContactsBeforeAReopeningDoNotMeetItsClock) {
  World world = WithComplaint(With({Define(ClockKind::kFirstContact, WallHours(4))}));
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), OutboundAttempt(AttemptOutcome::kReached))));
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  world.now += days{1};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Reopen{})));
  const Timestamp reopened = world.now;
  world.now += hours{1};
  ASSERT_EQ(Do(world, ReachedAt(reopened - minutes{1})), "AttemptLogged");
  EXPECT_EQ(ClockOf(world, ClockKind::kFirstContact).state, ClockState::kRunning);
  ASSERT_EQ(Do(world, ReachedAt(reopened)), "AttemptLogged ClockEnded");
}

// ------------------------------------------------------------------------------ pauses

TEST(PauseTest, IsCreditedExactlyOverNightsInTheClocksOwnCount) {
  // 8 office hours from Monday 10:00 end on Tuesday at 11:00.
  World world = WithComplaint(With({Define(ClockKind::kRemedy, OfficeHours(8), "office")}));
  EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).due_at, kStart + days{1} + hours{1});
  world.now = kStart + hours{6};  // 16:00, 5 of 8 hours
  ASSERT_EQ(Do(world, PauseCase{"waits", {}}), "PauseStarted ClockPaused ClockPaused");
  const CaseClock paused = ClockOf(world, ClockKind::kRemedy);
  EXPECT_EQ(paused.elapsed, 5 * kHourMillis);
  EXPECT_EQ(paused.due_at, std::nullopt);
  EXPECT_EQ(NextDue(world.OnlyCase()), std::nullopt);
  EXPECT_EQ(world.OnlyCase().status, "waiting_for_customer");
  World forgotten = world;
  forgotten.now = kStart + days{40};
  EXPECT_EQ(Do(forgotten, FireTimers{}), "") << "what stands is never due";
  world.now = kStart + days{2};  // Wednesday 10:00
  ASSERT_EQ(Do(world, ResumeCase{}), "PauseEnded ClockResumed ClockResumed");
  const CaseClock& resumed = ClockOf(world, ClockKind::kRemedy);
  EXPECT_EQ(resumed.due_at, kStart + days{2} + hours{4});  // 10 to 12, 13 to 14
  EXPECT_EQ(resumed.paused, days{2} - hours{6});
  EXPECT_EQ(world.OnlyCase().pauses.at(0).owner, "wang.wei") << "whose account it goes on";
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(PauseTest, IsCreditedExactlyInTheNightThatLosesAnHour) {
  // Six night hours from Saturday 28 March, 22:00 on; the night ends after seven hours.
  World world(With({Define(ClockKind::kRemedy, {Count::kBusinessTime, 6 * kHourMillis}, "night")}));
  const Timestamp ten = FromMillis(1'774'731'600'000);  // 22:00, 21:00Z
  world.now = ten;
  ASSERT_TRUE(world.Do(Answer("a", 3)));
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Accept{})));
  EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).due_at, ten + hours{6}) << "05:00, an hour later";
  world.now = ten + hours{1};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), PauseCase{"waits", {}})));
  world.now = ten + hours{3} + minutes{30};  // 01:30, before the gap
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), ResumeCase{})));
  // 3.5 hours to the end of the night at 06:00 (04:00Z); 1.5 more from 22:00 (20:00Z).
  EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).due_at, ten + hours{23} + hours{1} + minutes{30});
  EXPECT_EQ(world.problems, kNoProblems);
}

// Whatever pauses there are: what was counted outside them up to the due time is the limit.
TEST(PauseTest, RandomPausesMoveTheDueTimeByWhatPassedInThem) {
  std::mt19937_64 random(20260328);
  for (int run = 0; run < 60; ++run) {
    SCOPED_TRACE(run);
    const bool nights = run % 2 == 0;
    const Limit limit = {Count::kBusinessTime,
                         static_cast<int64_t>(30 + random() % 60) * kHourMillis / 2};
    World world(With({Define(ClockKind::kRemedy, limit, nights ? "night" : "office")}));
    const Calendar& calendar = world.revision.calendars[nights ? 1 : 0];
    world.now = FromMillis(1'774'500'000'000) + minutes{random() % 3'000};
    const Timestamp start = world.now;
    ASSERT_TRUE(world.Do(Answer("a", 3)));
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), Accept{})));
    int64_t in_pauses = 0;
    for (int i = 0; i < 3; ++i) {
      world.now += minutes{random() % 600};
      if (world.now > *ClockOf(world, ClockKind::kRemedy).due_at) break;
      ASSERT_TRUE(world.Do(On(world.OnlyCase(), PauseCase{"waits", {}})));
      const Timestamp paused = world.now;
      world.now += minutes{random() % 5'000};
      ASSERT_TRUE(world.Do(On(world.OnlyCase(), ChaseCase{Channel::kPhone, {}})));
      in_pauses += Elapsed({Count::kBusinessTime, &calendar, start}, paused, world.now);
    }
    const CaseClock& clock = ClockOf(world, ClockKind::kRemedy);
    EXPECT_EQ(Elapsed({Count::kBusinessTime, &calendar, start}, start, *clock.due_at) - in_pauses,
              limit.amount);
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

TEST(PauseTest, EndsWithTheCustomersWordOrAskingAndNotWithOurTry) {
  using enum AttemptOutcome;
  const struct {
    const char* name;
    CaseVerb verb;
    bool contacted_before;
    const char* status;
  } rows[] = {
      {"the customer calls", InboundAttempt(), false, "contacted"},
      {"the customer writes", InboundAttempt(Channel::kEmail), true, "contacted"},
      {"reached", OutboundAttempt(kReached), false, "contacted"},
      {"nobody answers", OutboundAttempt(kNoAnswer), false, "waiting_for_customer"},
      {"a message is sent", OutboundAttempt(kMessageSent), true, "waiting_for_customer"},
      {"chased", ChaseCase{Channel::kPhone, {}}, true, "contacted"},
      {"chased before any contact", ChaseCase{Channel::kPhone, {}}, false, "accepted"},
      {"resumed", ResumeCase{}, true, "contacted"},
      {"resumed before any contact", ResumeCase{}, false, "accepted"},
      {"resolved", Resolved(), true, "resolved"},
      {"an offer", NewRemedy(RemedyKind::kVoucher, RemedyState::kOffered), true,
       "waiting_for_customer"},
      {"a promise", MakeCommitment{{{}, {}, kStart + days{9}, {}, CommitmentState::kPending, {}}},
       true, "waiting_for_customer"},
      {"help", AssistCase{{}, "billing", {}}, true, "waiting_for_customer"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    World world = WithComplaint(With({Define(ClockKind::kTotalResolution, WallHours(48))}));
    if (row.contacted_before) {
      ASSERT_TRUE(world.Do(On(world.OnlyCase(), OutboundAttempt(kReached))));
    }
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), PauseCase{"waits", {}})));
    world.now += hours{7};
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), row.verb)));
    const Case& c = world.OnlyCase();
    EXPECT_EQ(c.status, row.status);
    const bool lasts = c.status == "waiting_for_customer";
    EXPECT_EQ(c.pauses.at(0).resumed_at, lasts ? std::nullopt : std::optional(world.now));
    const CaseClock& clock = ClockOf(world, ClockKind::kTotalResolution);
    EXPECT_EQ(clock.state == ClockState::kPaused, lasts);
    EXPECT_EQ(Read(clock, nullptr, world.now).paused, hours{7});
    EXPECT_EQ(Read(clock, nullptr, world.now).elapsed, 0);
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

TEST(PauseTest, NeedsAReasonOfTheListAndAnOwner) {
  Revision revision = With({});
  revision.labels.pause_reasons = {{"waits", "", ""}, {"parts", "", ""}};
  World world = WithComplaint(revision);
  EXPECT_EQ(Do(world, PauseCase{"", {}}), "REQUIRED_FIELD_MISSING");
  const auto unknown = world.Do(On(world.OnlyCase(), PauseCase{"tired", {}}));
  EXPECT_EQ(Outcome(unknown), "REASON_UNKNOWN");
  EXPECT_EQ(unknown.error().metadata.at("allowed"), "waits, parts");
  World nobodys = world;
  ASSERT_TRUE(nobodys.Do(On(nobodys.OnlyCase(), Assign{"", {}})));
  const auto refused = nobodys.Do(On(nobodys.OnlyCase(), PauseCase{"parts", {}}));
  EXPECT_EQ(Outcome(refused), "CASE_INCOMPLETE");
  EXPECT_EQ(refused.error().metadata.at("missing"), "owner");
  EXPECT_EQ(Do(world, PauseCase{"parts", {}}), "PauseStarted ClockPaused");
  EXPECT_EQ(Do(world, PauseCase{"parts", {}}), "TRANSITION_NOT_ALLOWED") << "one at a time";
}

TEST(PauseTest, AnOverdueClockThatIsPausedIsBreachedAllTheSame) {
  World world = WithComplaint(With({Define(ClockKind::kRemedy, WallHours(4))}));
  world.now += hours{5};  // nobody woke
  const auto paused = world.Do(On(world.OnlyCase(), PauseCase{"waits", {}}));
  EXPECT_EQ(Crossed(paused), "breach@240!") << "on record before it stands";
  EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).breached_at, kStart + hours{4});
  world.now += hours{5};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), ResumeCase{})));
  EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).breached_at, kStart + hours{4});
  EXPECT_EQ(Do(world, FireTimers{}), "");
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(ExternalDeadlineTest, CanNeitherBePausedNorExtended) {
  CaseDetails details;
  details.external_authority = {"12345", "", kStart + days{5}};
  World world = WithComplaint(With({Define(ClockKind::kRemedy, WallHours(48))}), details);
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), PauseCase{"waits", {}})));
  const CaseClock& clock = ClockOf(world, ClockKind::kExternalDeadline);
  EXPECT_EQ(clock.state, ClockState::kRunning);
  EXPECT_EQ(clock.due_at, kStart + days{5});
  EXPECT_EQ(
      Do(world, RequestExtension{ClockKind::kExternalDeadline, 0, kHourMillis, false, "x", {}}),
      "CLOCK_NOT_PAUSABLE");
  world.now = kStart + days{5};
  EXPECT_EQ(Do(world, FireTimers{}), "TierCrossed") << "while the case waits";
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(ExternalDeadlineTest, OneThatHasPassedAlreadyIsABreachAtOnce) {
  CaseDetails details;
  details.external_authority = {"12345", "", kStart - days{1}};
  const World world = WithComplaint(With({}), details);
  EXPECT_EQ(Crossed(world.log), "breach@-1440!");
  EXPECT_EQ(world.problems, kNoProblems);
}

// ------------------------------------------------------------------------------ extensions

RequestExtension More(ClockKind kind, int64_t amount, bool in_days = false) {
  return {kind, 0, amount, in_days, "parts", {}};
}

std::string RuleOnExtension(World& world, bool grant, std::string by = "zhao.min") {
  std::swap(world.actor, by);
  const std::string outcome =
      Do(world, DecideExtension{world.OnlyCase().extensions.back().id, grant});
  std::swap(world.actor, by);
  return outcome;
}

TEST(ExtensionTest, MovesTheDueTimeByItsAmountInTheClocksOwnCount) {
  const struct {
    const char* name;
    Limit limit;
    const char* calendar;
    Duration granted_at;
    int64_t amount;
    Timestamp before;
    Timestamp after;
  } rows[] = {
      {"wall", WallHours(4), "", hours{1}, 3 * kHourMillis, kStart + hours{4}, kStart + hours{7}},
      {"wall, overdue", WallHours(4), "", hours{9}, 3 * kHourMillis, kStart + hours{4},
       kStart + hours{7}},
      {"office hours, over a night", OfficeHours(6), "office", hours{1}, 2 * kHourMillis,
       kStart + hours{7}, kStart + days{1} + hours{1}},
      {"office hours, overdue by more", OfficeHours(2), "office", hours{7}, 1 * kHourMillis,
       kStart + hours{2}, kStart + hours{4}},
      {"working days, over a weekend",
       {Count::kWorkingDays, 3},
       "office",
       hours{1},
       2,
       kStart + days{3} + hours{7},
       kStart + days{7} + hours{7}},
      {"calendar days",
       {Count::kCalendarDays, 1},
       "office",
       hours{1},
       1,
       kStart + days{1} + hours{14},
       kStart + days{2} + hours{14}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    World world = WithComplaint(With({Define(ClockKind::kRemedy, row.limit, row.calendar)}));
    EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).due_at, row.before);
    world.now += row.granted_at;
    const bool in_days = InDays(row.limit.count);
    EXPECT_EQ(Do(world, More(ClockKind::kRemedy, row.amount, !in_days)), "NUMBER_OUT_OF_RANGE");
    ASSERT_EQ(Do(world, More(ClockKind::kRemedy, row.amount, in_days)),
              row.before < world.now ? "TierCrossed ExtensionRecorded" : "ExtensionRecorded");
    EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).due_at, row.before) << "asking moves nothing";
    ASSERT_EQ(RuleOnExtension(world, true), "ExtensionRecorded ClockMoved");
    EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).due_at, row.after);
    EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).limit.amount, row.limit.amount + row.amount);
    const auto& moved = std::get<ClockMoved>(world.log.back().body);
    EXPECT_EQ(moved.cause, ClockMoveCause::kExtension);
    EXPECT_EQ(moved.due_before, row.before);
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

TEST(ExtensionTest, OfAPromisePutsThePromiseOff) {
  World world = WithComplaint(With({}));
  for (const int after : {5, 8}) {
    MakeCommitment promise;
    promise.commitment.due_at = kStart + hours{after};
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), promise)));
  }
  ASSERT_EQ(
      Do(world, RequestExtension{ClockKind::kCommitment, 1, 2 * kHourMillis, false, "parts", {}}),
      "ExtensionRecorded");
  EXPECT_EQ(world.OnlyCase().commitments[0].due_at, kStart + hours{5}) << "asking moves nothing";
  ASSERT_EQ(RuleOnExtension(world, true), "ExtensionRecorded ClockMoved");
  EXPECT_EQ(world.OnlyCase().commitments[0].due_at, kStart + hours{7});
  EXPECT_EQ(world.OnlyCase().commitments[1].due_at, kStart + hours{8});
  world.now = kStart + hours{7};
  EXPECT_EQ(Crossed(world.Do(On(world.OnlyCase(), FireTimers{}))), "breach@420!");
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(ExtensionTest, IsNotGrantedBeyondWhatTheCalendarReaches) {
  World world =
      WithComplaint(With({Define(ClockKind::kRemedy, {Count::kWorkingDays, 200}, "office")}));
  for (const char* outcome : {"ExtensionRecorded ClockMoved", "NUMBER_OUT_OF_RANGE"}) {
    ASSERT_EQ(Do(world, More(ClockKind::kRemedy, 300, true)), "ExtensionRecorded");
    EXPECT_EQ(RuleOnExtension(world, true), outcome);
  }
  EXPECT_TRUE(ClockOf(world, ClockKind::kRemedy).due_at.has_value());
}

TEST(ExtensionTest, IsGrantedByAnotherPersonOnce) {
  World world = WithComplaint(With({Define(ClockKind::kRemedy, WallHours(4))}));
  EXPECT_EQ(Do(world, DecideExtension{}), "NOT_FOUND");
  ASSERT_EQ(Do(world, More(ClockKind::kRemedy, kHourMillis)), "ExtensionRecorded");
  EXPECT_EQ(RuleOnExtension(world, true, "li.na"), "SECOND_PERSON_REQUIRED");
  EXPECT_EQ(RuleOnExtension(world, false, "li.na"), "SECOND_PERSON_REQUIRED");
  EXPECT_EQ(RuleOnExtension(world, false), "ExtensionRecorded");
  EXPECT_EQ(RuleOnExtension(world, true), "EXTENSION_DECIDED");
  EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).due_at, kStart + hours{4}) << "refused";
  EXPECT_EQ(world.OnlyCase().extensions[0].decided_by, "zhao.min");
}

TEST(ExtensionTest, IsLimitedForEachClockAndRefusedOnesDoNotCount) {
  World world = WithComplaint(With({Define(ClockKind::kRemedy, WallHours(4)),
                                    Define(ClockKind::kTotalResolution, WallHours(40))}));
  const auto ask = [&] { return Do(world, More(ClockKind::kRemedy, kHourMillis)); };
  ASSERT_EQ(ask(), "ExtensionRecorded");
  ASSERT_EQ(RuleOnExtension(world, false), "ExtensionRecorded");
  ASSERT_EQ(ask(), "ExtensionRecorded");
  ASSERT_EQ(RuleOnExtension(world, true), "ExtensionRecorded ClockMoved");
  ASSERT_EQ(ask(), "ExtensionRecorded");
  EXPECT_EQ(ask(), "EXTENSION_LIMIT_REACHED") << "one granted, one asked for";
  ASSERT_EQ(RuleOnExtension(world, true), "ExtensionRecorded ClockMoved");
  EXPECT_EQ(ask(), "EXTENSION_LIMIT_REACHED");
  EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).due_at, kStart + hours{6});
  EXPECT_EQ(Do(world, More(ClockKind::kTotalResolution, kHourMillis)), "ExtensionRecorded");
}

TEST(ExtensionTest, NeedsAClockThatRunsOrIsPaused) {
  World world = WithComplaint(With({Define(ClockKind::kRemedy, WallHours(4))}));
  EXPECT_EQ(Do(world, More(ClockKind::kVerification, kHourMillis)), "CLOCK_NOT_RUNNING");
  EXPECT_EQ(Do(world, More(ClockKind::kRemedy, 0)), "NUMBER_OUT_OF_RANGE");
  EXPECT_EQ(Do(world, RequestExtension{ClockKind::kRemedy, 0, kHourMillis, false, "", {}}),
            "REQUIRED_FIELD_MISSING");
  world.now += hours{1};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), PauseCase{"waits", {}})));
  ASSERT_EQ(Do(world, More(ClockKind::kRemedy, kHourMillis)), "ExtensionRecorded");
  ASSERT_EQ(RuleOnExtension(world, true), "ExtensionRecorded ClockMoved");
  EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).due_at, std::nullopt);
  world.now += hours{10};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), ResumeCase{})));
  EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).due_at, world.now + hours{4}) << "4 + 1 - 1";
  ASSERT_EQ(Do(world, More(ClockKind::kRemedy, kHourMillis)), "ExtensionRecorded");
  ASSERT_TRUE(
      world.Do(On(world.OnlyCase(), NewRemedy(RemedyKind::kRefund, RemedyState::kDelivered))));
  EXPECT_EQ(RuleOnExtension(world, true), "CLOCK_NOT_RUNNING");
  EXPECT_EQ(RuleOnExtension(world, false), "ExtensionRecorded");
  EXPECT_EQ(world.problems, kNoProblems);
}

// ------------------------------------------------------------------------------ resolution

TEST(ResolutionTest, TheFirstIsNotStartedAgainAndTheTotalCountsOnWithoutTheTimeBetween) {
  World world = WithComplaint(With({Define(ClockKind::kFirstResolution, WallHours(48)),
                                    Define(ClockKind::kTotalResolution, WallHours(72))}));
  world.now += hours{5};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  const CaseClock first = ClockOf(world, ClockKind::kFirstResolution);
  EXPECT_EQ(first.state, ClockState::kMet);
  EXPECT_EQ(first.elapsed, 5 * kHourMillis);
  world.now += days{2};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Reopen{})));
  EXPECT_EQ(ClockOf(world, ClockKind::kFirstResolution), first);
  const CaseClock total = ClockOf(world, ClockKind::kTotalResolution);
  EXPECT_EQ(total.generation, 1) << "the same clock";
  EXPECT_EQ(total.due_at, world.now + hours{72 - 5});
  EXPECT_EQ(total.paused, days{2});
  world.now += hours{2};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  EXPECT_EQ(ClockOf(world, ClockKind::kTotalResolution).elapsed, 7 * kHourMillis);
  EXPECT_EQ(Read(ClockOf(world, ClockKind::kTotalResolution), nullptr, world.now).elapsed_wall,
            hours{7});
  EXPECT_EQ(world.problems, kNoProblems);
}

// ------------------------------------------------------------------------------ tiers

Tier At(std::string id, TierAt at, std::vector<TierAction> actions = {},
        std::vector<std::string> notify = {}) {
  return {std::move(id), at, std::move(actions), std::move(notify), {}};
}
TierAt Wall(Duration after) { return {TierAt::Kind::kWall, after.count()}; }
TierAt Own(int64_t after) { return {TierAt::Kind::kOwnCount, after}; }
TierAt Percent(int64_t amount) { return {TierAt::Kind::kPercent, amount}; }

TEST(TierTest, AreCrossedInOrderEachOnceAndNeverEarly) {
  // 4 office hours from Monday 10:00: due at 15:00.
  const std::vector<Tier> tiers = {At("half", Percent(50)),          At("warn", Own(-kHourMillis)),
                                   At("soon", Wall(-minutes{10})),   At("breach", Wall({})),
                                   At("late", Own(4 * kHourMillis)), At("later", Wall(days{2}))};
  World world = WithComplaint(With({Define(ClockKind::kRemedy, OfficeHours(4), "office", tiers)}));
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), OutboundAttempt(AttemptOutcome::kReached))));
  const struct {
    const char* tier;
    Duration at;
  } rows[] = {{"half@120", hours{2}},
              {"warn@240", hours{4}},
              {"soon@290", hours{5} - minutes{10}},
              {"breach@300!", hours{5}},
              {"late@1500", days{1} + hours{1}},  // Tuesday 11:00
              {"later@3180", days{2} + hours{5}}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.tier);
    EXPECT_EQ(NextDue(world.OnlyCase()), kStart + row.at);
    world.now = kStart + row.at - milliseconds{1};
    EXPECT_EQ(Do(world, FireTimers{}), "");
    world.now += milliseconds{1};
    EXPECT_EQ(Crossed(world.Do(On(world.OnlyCase(), FireTimers{}))), row.tier);
    EXPECT_EQ(Do(world, FireTimers{}), "");
  }
  EXPECT_EQ(NextDue(world.OnlyCase()), std::nullopt);
  EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).breached_at, kStart + hours{5});
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(TierTest, OvertakenOnesAreOnRecordAndOnlyTheHighestActs) {
  const auto all = {TierAction::kNotify, TierAction::kEscalate, TierAction::kRaisePriority};
  const std::vector<Tier> tiers = {At("warn", Wall(-hours{1}), all, {"owner"}),
                                   At("breach", Wall({}), all, {"owner"}),
                                   At("late", Wall(hours{3}), all, {"first_receiver"})};
  World world = WithComplaint(With({Define(ClockKind::kRemedy, WallHours(4), "", tiers)}));
  world.now += hours{10};  // long down
  const auto fired = world.Do(On(world.OnlyCase(), FireTimers{}));
  EXPECT_EQ(Crossed(fired), "warn@180~ breach@240~! late@420");
  EXPECT_EQ(Outcome(fired), "TierCrossed TierCrossed TierCrossed CaseEscalated PriorityChanged");
  EXPECT_TRUE(OutboxKind((*fired)[0].body).empty());
  EXPECT_TRUE(OutboxKind((*fired)[1].body).empty());
  EXPECT_EQ(OutboxKind((*fired)[2].body), "notification");
  EXPECT_EQ(world.OnlyCase().escalation_level, 1);
  EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).breached_at, kStart + hours{4}) << "when it was due";
  EXPECT_EQ(world.problems, kNoProblems);
}

// A verb may come before the wake-up does. What was due before it is on record before it, told and
// acted on, by the system; a verb that is refused leaves that to the wake-up.
TEST(TierTest, WhatWasDueBeforeAVerbIsCrossedBeforeIt) {
  const std::vector<Tier> tiers = {At("warn", Wall(-hours{1}), {TierAction::kNotify}, {"owner"}),
                                   At("breach", Wall({}), {TierAction::kEscalate})};
  const struct {
    const char* name;
    CaseVerb verb;
    Duration at;
    const char* outcome;
    const char* later;  // what a wake-up finds afterwards
  } rows[] = {
      {"met late", NewRemedy(RemedyKind::kRefund, RemedyState::kDelivered), hours{5},
       "TierCrossed TierCrossed CaseEscalated RemedyRecorded ClockEnded", ""},
      {"met between the warning and the end",
       NewRemedy(RemedyKind::kRefund, RemedyState::kDelivered), hours{3} + minutes{1},
       "TierCrossed RemedyRecorded ClockEnded", ""},
      {"met at the last moment", NewRemedy(RemedyKind::kRefund, RemedyState::kDelivered), hours{4},
       "TierCrossed RemedyRecorded ClockEnded", ""},
      {"withdrawn", WithdrawCase{}, hours{5},
       "TierCrossed TierCrossed CaseEscalated CaseResolved ClockEnded CaseClosed", ""},
      {"has nothing to do with it", AssistCase{{}, "zhao.min", {{}, "help"}}, hours{5},
       "TierCrossed TierCrossed CaseEscalated AssistRecorded", ""},
      {"refused", Accept{}, hours{5}, "TRANSITION_NOT_ALLOWED",
       "TierCrossed TierCrossed CaseEscalated"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    World world = WithComplaint(With({Define(ClockKind::kRemedy, WallHours(4), "", tiers)}));
    // The program's clock of first contact is out of the way.
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), OutboundAttempt(AttemptOutcome::kReached))));
    world.now = kStart + row.at;
    const auto done = world.Do(On(world.OnlyCase(), row.verb));
    EXPECT_EQ(Outcome(done), row.outcome);
    for (size_t i = 0; done && i < done->size(); ++i) {
      const bool of_tiers = std::holds_alternative<TierCrossed>((*done)[i].body) ||
                            std::holds_alternative<CaseEscalated>((*done)[i].body);
      EXPECT_EQ((*done)[i].actor, of_tiers ? "system" : "li.na") << i;
    }
    EXPECT_EQ(Do(world, FireTimers{}), row.later);
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

TEST(TierTest, NoVerbCrossesOneWhileTimersAreHeld) {
  World world = WithComplaint(With({Define(ClockKind::kRemedy, WallHours(4))}));
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), OutboundAttempt(AttemptOutcome::kReached))));
  world.now += hours{5};
  world.timers_held = true;
  EXPECT_EQ(Do(world, AssistCase{{}, "zhao.min", {{}, "help"}}), "AssistRecorded");
  world.timers_held = false;
  EXPECT_EQ(Do(world, AssistCase{{}, "zhao.min", {{}, "help"}}), "TierCrossed AssistRecorded");
}

// Of one instant none comes after the other: each does what it says. A tier at the due time that is
// written another way stands beside the breach.
TEST(TierTest, ThoseOfOneInstantAllAct) {
  const std::vector<Tier> tiers = {
      At("half", Percent(50), {TierAction::kNotify}, {"owner"}),
      At("two-hours", Wall(-hours{2}), {TierAction::kNotify}, {"queue"}),
      At("full", Percent(100), {TierAction::kEscalate}),
  };
  World world = WithComplaint(With({Define(ClockKind::kRemedy, WallHours(4), "", tiers)}));
  world.now += hours{2};
  const auto half = world.Do(On(world.OnlyCase(), FireTimers{}));
  EXPECT_EQ(Crossed(half), "half@120 two-hours@120");
  EXPECT_EQ(std::get<TierCrossed>((*half)[0].body).notify, std::vector<std::string>{"wang.wei"});
  EXPECT_EQ(std::get<TierCrossed>((*half)[1].body).notify,
            std::vector<std::string>{"queue:default"});
  world.now += hours{2};
  const auto full = world.Do(On(world.OnlyCase(), FireTimers{}));
  EXPECT_EQ(Outcome(full), "TierCrossed CaseEscalated TierCrossed");
  EXPECT_EQ(Crossed(full), "full@240 breach@240!");
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(TierTest, AClockWithoutTiersHasItsBreach) {
  World world = WithComplaint(With({Define(ClockKind::kRemedy, WallHours(4))}));
  world.now += hours{4};
  EXPECT_EQ(Crossed(world.Do(On(world.OnlyCase(), FireTimers{}))), "breach@240!");
}

TEST(TierTest, TellsWhomItNames) {
  const std::vector<OrgUnit> units = {{"gd", "", "", "chen.hao", {}, {}},
                                      {"gd/sz", "", "", "liu.yang", {}, {}}};
  const struct {
    const char* name;
    std::vector<std::string> words;
    std::vector<std::string> told;
  } rows[] = {
      {"nobody", {}, {}},
      {"the owner", {"owner"}, {"sun.li"}},
      {"who received it first", {"first_receiver"}, {"wang.wei"}},
      {"the unit's manager", {"unit_manager"}, {"liu.yang"}},
      {"the queue", {"queue"}, {"queue:vip"}},
      {"a role", {"supervisor"}, {"role:supervisor"}},
      {"several, each once",
       {"owner", "queue", "owner", "manager"},
       {"sun.li", "queue:vip", "role:manager"}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    Revision revision = With({Define(ClockKind::kRemedy, WallHours(4), "",
                                     {At("breach", Wall({}), {TierAction::kNotify}, row.words)})});
    revision.org_units = units;
    CaseDetails details;
    details.org_unit_id = "gd/sz";
    details.queue_id = "vip";
    World world = WithComplaint(revision, details);
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), Assign{"sun.li", {}})));
    world.now += hours{4};
    const auto fired = world.Do(On(world.OnlyCase(), FireTimers{}));
    EXPECT_EQ(std::get<TierCrossed>(fired->front().body).notify, row.told);
    EXPECT_EQ(OutboxKind(fired->front().body), row.told.empty() ? "" : "notification");
  }
}

TEST(TierTest, RaisesThePriorityUpToTheFirst) {
  World world =
      WithComplaint(With({Define(ClockKind::kRemedy, WallHours(4), "",
                                 {At("a", Wall(-hours{1}), {TierAction::kRaisePriority}),
                                  At("breach", Wall({}), {TierAction::kRaisePriority}),
                                  At("b", Wall(hours{1}), {TierAction::kRaisePriority})})}),
                    {}, 4);
  EXPECT_EQ(world.OnlyCase().priority, "high");
  const char* expected[] = {"TierCrossed PriorityChanged", "TierCrossed", "TierCrossed"};
  for (int i = 0; i < 3; ++i) {
    world.now = kStart + hours{3 + i};
    EXPECT_EQ(Do(world, FireTimers{}), expected[i]);
    EXPECT_EQ(world.OnlyCase().priority, "urgent");
    EXPECT_EQ(world.OnlyCase().priority_rank, 1);
  }
}

TEST(TierTest, ReassignsToAQueueWithoutAnOwner) {
  Tier tier = At("breach", Wall({}), {TierAction::kReassign});
  tier.queue_id = "rescue";
  World world = WithComplaint(With({Define(ClockKind::kRemedy, WallHours(4), "", {tier})}));
  world.now += hours{4};
  EXPECT_EQ(Do(world, FireTimers{}), "TierCrossed CaseAssigned");
  EXPECT_EQ(world.OnlyCase().owner, "");
  EXPECT_EQ(world.OnlyCase().details.queue_id, "rescue");
  EXPECT_EQ(world.OnlyCase().first_receiver, "wang.wei") << "stays accountable";
  EXPECT_TRUE(IsClaimable(world.OnlyCase()));
}

TEST(TierTest, EscalatesOneLevelOfTheOrgTreeEachTimeAndThenToTheRole) {
  Revision revision = With({Define(ClockKind::kRemedy, WallHours(4), "",
                                   {At("breach", Wall({}), {TierAction::kEscalate}),
                                    At("b", Wall(hours{1}), {TierAction::kEscalate}),
                                    At("c", Wall(hours{2}), {TierAction::kEscalate})})});
  revision.org_units = {{"gd", "", "", "chen.hao", {}, {}}, {"gd/sz", "", "", "liu.yang", {}, {}}};
  CaseDetails details;
  details.org_unit_id = "gd/sz/store-3";
  World world = WithComplaint(revision, details);
  const char* told[] = {"liu.yang", "chen.hao", "role:manager"};
  for (int32_t i = 0; i < 3; ++i) {
    world.now = kStart + hours{4 + i};
    const auto fired = world.Do(On(world.OnlyCase(), FireTimers{}));
    ASSERT_EQ(Outcome(fired), "TierCrossed CaseEscalated");
    const auto& escalated = std::get<CaseEscalated>((*fired)[1].body);
    EXPECT_EQ(escalated.to, std::vector<std::string>{told[i]});
    EXPECT_EQ(world.OnlyCase().escalation_level, i + 1);
  }
}

// ------------------------------------------------------------------------------ re-survey

TEST(ResurveyClockTest, IsAskedWithinTheCatchUpWindowAndSkippedBeyondIt) {
  const struct {
    const char* name;
    Duration late;
    bool asked;
  } rows[] = {{"in time", {}, true},
              {"at the end of the window", hours{72}, true},
              {"a millisecond later", hours{72} + milliseconds{1}, false},
              {"weeks later", days{30}, false}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    World world = WithComplaint(With({}));
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
    world.now = kStart + days{3} + row.late;
    EXPECT_EQ(Do(world, FireTimers{}),
              row.asked ? "ClockEnded ResurveyAsked TimerSet" : "ClockEnded CaseClosed");
    const Case& c = world.OnlyCase();
    EXPECT_EQ(c.status, row.asked ? "resurvey_due" : "closed");
    EXPECT_EQ(c.resurvey_result, row.asked ? ResurveyResult::kUnset : ResurveyResult::kNotAsked);
    EXPECT_EQ(c.not_asked_reason,
              row.asked ? NotAskedReason::kUnset : NotAskedReason::kMissedWindow);
    EXPECT_EQ(ClockOf(world, ClockKind::kResurvey).breached_at, std::nullopt)
        << "its end is no breach";
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

// The check of lifecycles refuses it; a stored revision may still have it.
TEST(ResurveyClockTest, ALifecycleThatAsksForEverDoesNotKeepTheWriter) {
  Revision revision = With({});
  revision.programs[0].resurvey_delay = Duration{0};
  for (Transition& t : revision.lifecycle.transitions) {
    if (t.command == CaseCommand::kAskAgain) t.to = t.from;
  }
  EXPECT_FALSE(CheckLifecycle(revision.lifecycle, DefaultRoles()).empty());
  World world = WithComplaint(revision);
  world.keeps_log = false;
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  const auto fired = world.Do(On(world.OnlyCase(), FireTimers{}));
  ASSERT_TRUE(fired);
  EXPECT_LT(fired->size(), 10'000U);
}

TEST(ResurveyClockTest, CountsAsItsDefinitionSaysAndNobodyIsWarned) {
  World world = WithComplaint(With({Define(ClockKind::kResurvey, {Count::kWorkingDays, 2}, "office",
                                           {At("warn", Wall(-hours{5}))})}));
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  const Timestamp due = kStart + days{2} + hours{7};  // Wednesday 17:00
  EXPECT_EQ(NextDue(world.OnlyCase()), due);
  world.now = due;
  EXPECT_EQ(Do(world, FireTimers{}), "ClockEnded ResurveyAsked TimerSet");
}

// A lifecycle may stop the re-survey's clock, too; it is then stopped, not doubled.
TEST(ResurveyClockTest, CanBeStoppedByAStatus) {
  Revision revision = With({});
  StatusDef& hold = revision.lifecycle.statuses.emplace_back();
  hold = {"hold", "On hold", "暂缓", Phase::kRemedied, true, {ClockKind::kResurvey}};
  const auto add = [&](const char* from, CaseCommand command, const char* to) {
    revision.lifecycle.transitions.push_back({from, command, to, {}, {}, {}, {}});
  };
  add("resolved", CaseCommand::kMove, "hold");
  add("hold", CaseCommand::kMove, "resolved");
  add("hold", CaseCommand::kAskAgain, "resurvey_due");
  add("hold", CaseCommand::kAssist, "hold");
  World world = WithComplaint(revision);
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  world.now += days{1};
  ASSERT_EQ(Do(world, MoveCase{"hold", "waits", {}}), "CaseMoved PauseStarted ClockPaused");
  for (int i = 0; i < 3; ++i) {
    world.now += days{9};
    ASSERT_EQ(Do(world, AssistCase{{}, "billing", {}}), "AssistRecorded");
  }
  ASSERT_EQ(Do(world, MoveCase{"resolved", {}, {}}), "CaseMoved ClockResumed PauseEnded");
  EXPECT_EQ(ClockOf(world, ClockKind::kResurvey).due_at, world.now + days{2});
  EXPECT_EQ(ClockOf(world, ClockKind::kResurvey).generation, 1);
  EXPECT_EQ(world.problems, kNoProblems);
}

// ------------------------------------------------------------------------------ migration

struct MigrationRow {
  const char* name;
  Limit limit;
  const char* calendar;
  Timestamp due;    // of the remedy clock, after two hours and a quarter of office time
  int64_t elapsed;  // kept
};

// 3 office hours have passed at Monday 14:00, of 8; 2 more were granted.
TEST(MigrationTest, KeepsWhatHasElapsedInEveryCombination) {
  const Timestamp now = kStart + hours{4};
  const MigrationRow rows[] = {
      {"the same", OfficeHours(8), "office", kStart + days{1} + hours{4}, 3 * kHourMillis},
      {"another limit", OfficeHours(4), "office", now + hours{3}, 3 * kHourMillis},
      {"a limit that has passed", OfficeHours(0), "office", now, 3 * kHourMillis},
      // 7 hours are left: from 22:00 (21:00Z) on.
      {"another calendar", OfficeHours(8), "night", kStart + hours{12} + hours{7}, 3 * kHourMillis},
      {"another count of hours", WallHours(8), "", now + hours{7}, 3 * kHourMillis},
      // Hours are no days: counted anew, without the hours that were granted.
      {"days", {Count::kWorkingDays, 2}, "office", kStart + days{2} + hours{7}, 0},
  };
  for (const MigrationRow& row : rows) {
    SCOPED_TRACE(row.name);
    World world = WithComplaint(With({Define(ClockKind::kRemedy, OfficeHours(8), "office")}));
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), More(ClockKind::kRemedy, 2 * kHourMillis))));
    ASSERT_EQ(RuleOnExtension(world, true), "ExtensionRecorded ClockMoved");
    Revision next = With({Define(ClockKind::kRemedy, row.limit, row.calendar)});
    next.number = 8;
    world.PutInForce(next);
    world.now = now;
    ASSERT_EQ(Do(world, MigrateCase{}), "CaseMigrated ClockMoved");
    const CaseClock& clock = ClockOf(world, ClockKind::kRemedy);
    EXPECT_EQ(world.OnlyCase().revision, 8);
    EXPECT_EQ(clock.due_at, row.due);
    EXPECT_EQ(clock.calendar_id, row.calendar);
    const Calendar* calendar = world.revision.FindCalendar(row.calendar);
    EXPECT_EQ(Read(clock, calendar, now).elapsed, row.elapsed);
    const bool hours_still = !InDays(row.limit.count);
    EXPECT_EQ(clock.limit.amount, row.limit.amount + (hours_still ? 2 * kHourMillis : 0))
        << "with what was granted";
    EXPECT_EQ(std::get<ClockMoved>(world.log.back().body).cause, ClockMoveCause::kRevision);
    EXPECT_EQ(Do(world, MigrateCase{}), "") << "it is there already";
    EXPECT_EQ(world.problems, kNoProblems);
    EXPECT_EQ(world.Replayed().cases, world.cases);
  }
}

TEST(MigrationTest, PausesStayCreditedWhenHoursBecomeDays) {
  World world = WithComplaint(With({Define(ClockKind::kRemedy, OfficeHours(8), "office")}));
  world.now = kStart + hours{1};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), PauseCase{"waits", {}})));
  world.now = kStart + days{3};  // Thursday 10:00
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), ResumeCase{})));
  Revision next = With({Define(ClockKind::kRemedy, {Count::kWorkingDays, 5}, "office")});
  next.number = 8;
  world.PutInForce(next);
  world.now = kStart + days{4};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), MigrateCase{})));
  const CaseClock& clock = ClockOf(world, ClockKind::kRemedy);
  EXPECT_EQ(clock.elapsed, 1) << "Thursday; on Tuesday and Wednesday it stood";
  EXPECT_EQ(clock.due_at, kStart + days{9} + hours{7}) << "the close of next Wednesday";
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(MigrationTest, WhatMeetsFirstContactFollowsTheNewRevision) {
  World world = WithComplaint(With({Define(ClockKind::kFirstContact, WallHours(8))}));
  ASSERT_EQ(Do(world, OutboundAttempt(AttemptOutcome::kBusy)), "AttemptLogged");
  Revision next = With({Define(ClockKind::kFirstContact, WallHours(8))});
  next.clocks[0].met_by = MetBy::kAttempt;
  next.number = 8;
  world.PutInForce(next);
  ASSERT_EQ(Do(world, MigrateCase{}), "CaseMigrated ClockMoved");
  EXPECT_EQ(Do(world, OutboundAttempt(AttemptOutcome::kBusy)), "AttemptLogged ClockEnded");
}

TEST(MigrationTest, IntoAHandledStatusLeavesNoSecondRemedyClockAfterAFailedVerification) {
  World world = WithComplaint(With({Define(ClockKind::kRemedy, WallHours(8))}));
  Revision next = With({Define(ClockKind::kRemedy, WallHours(8))});
  next.number = 8;
  std::erase_if(next.lifecycle.statuses, [](const auto& s) { return s.key == "accepted"; });
  world.PutInForce(next);
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), MigrateCase{0, "resolved"})));
  world.actor = "zhou.jie";
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), VerifyCase{})));
  EXPECT_EQ(world.OnlyCase().status, "rework");
  const auto& clocks = world.OnlyCase().clocks;
  EXPECT_EQ(std::count_if(clocks.begin(), clocks.end(),
                          [](const CaseClock& clock) {
                            return clock.kind == ClockKind::kRemedy &&
                                   clock.state == ClockState::kRunning;
                          }),
            1);
}

TEST(MigrationTest, AClockWithoutADefinitionEndsAndOneThatWasGivenStays) {
  CaseDetails details;
  details.external_authority = {"12315", "", kStart + days{9}};
  World world = WithComplaint(With({Define(ClockKind::kRemedy, WallHours(8)),
                                    Define(ClockKind::kCommitment, {}, "",
                                           {At("warn", Wall(-hours{1})), At("breach", Wall({}))}),
                                    Define(ClockKind::kExternalDeadline, {}, "",
                                           {At("warn", Wall(-days{1})), At("breach", Wall({}))})}),
                              details);
  MakeCommitment promise;
  promise.commitment.due_at = kStart + days{2};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), promise)));
  Revision next = With({});
  next.number = 8;
  world.PutInForce(next);
  world.now += hours{1};
  ASSERT_EQ(Do(world, MigrateCase{}), "CaseMigrated ClockEnded ClockMoved ClockMoved");
  EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).state, ClockState::kCancelled);
  EXPECT_EQ(ClockOf(world, ClockKind::kFirstContact).due_at, kStart + hours{24}) << "the program's";
  EXPECT_EQ(ClockOf(world, ClockKind::kCommitment).due_at, kStart + days{2});
  EXPECT_EQ(ClockOf(world, ClockKind::kExternalDeadline).due_at, kStart + days{9});
  world.now = kStart + days{9};
  EXPECT_EQ(Crossed(world.Do(On(world.OnlyCase(), FireTimers{}))),
            "breach@1440! breach@2880! breach@12960!");
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(MigrationTest, WhatCountsOnLaterIsMigratedToo) {
  World world =
      WithComplaint(With({Define(ClockKind::kTotalResolution, OfficeHours(40), "office")}));
  world.now += hours{1};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  Revision next = With({Define(ClockKind::kTotalResolution, OfficeHours(20), "night")});
  next.number = 8;
  next.calendars.erase(next.calendars.begin());  // the office's is gone
  world.PutInForce(next);
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), MigrateCase{})));
  EXPECT_EQ(ClockOf(world, ClockKind::kTotalResolution).state, ClockState::kMet);
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Reopen{})));
  EXPECT_EQ(ClockOf(world, ClockKind::kTotalResolution).state, ClockState::kRunning);
  EXPECT_EQ(ClockOf(world, ClockKind::kTotalResolution).elapsed, kHourMillis);
  // And where nobody sets such a limit any more it does not come back.
  Revision last = With({});
  last.number = 9;
  last.calendars.clear();
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  world.PutInForce(last);
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), MigrateCase{})));
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Reopen{})));
  EXPECT_EQ(ClockOf(world, ClockKind::kTotalResolution).state, ClockState::kMet);
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(MigrationTest, NeedsAStatusOfTheTargetAndARevisionThatThereIs) {
  World world = WithComplaint(With({Define(ClockKind::kRemedy, WallHours(8))}));
  EXPECT_EQ(Do(world, MigrateCase{99, {}}), "REVISION_UNKNOWN");
  EXPECT_EQ(Do(world, MigrateCase{}), "") << "it follows the one in force";
  Revision next = With({Define(ClockKind::kRemedy, WallHours(8))});
  next.number = 8;
  std::erase_if(next.lifecycle.statuses,
                [](const StatusDef& status) { return status.key == "accepted"; });
  std::erase_if(next.lifecycle.transitions, [](const Transition& t) {
    return t.from == "accepted" || t.to == "accepted" || t.otherwise == "accepted";
  });
  // This one has no "accepted" to fall back on.
  next.lifecycle.transitions.push_back(
      {"waiting_for_customer", CaseCommand::kResume, "contacted", {}, {}, {}, {}});
  world.PutInForce(next);
  const auto refused = world.Do(On(world.OnlyCase(), MigrateCase{}));
  ASSERT_EQ(Outcome(refused), "CASE_STATUS_NOT_IN_REVISION");
  EXPECT_EQ(refused.error().metadata.at("status"), "accepted");
  EXPECT_EQ(refused.error().allowed.size(), 16U);
  EXPECT_EQ(Do(world, MigrateCase{0, "accepted"}), "CASE_STATUS_NOT_IN_REVISION");
  EXPECT_EQ(Do(world, MigrateCase{0, "closed"}), "CASE_STATUS_NOT_IN_REVISION")
      << "nothing closes a case but closing it";
  // Into a status that stops clocks: they stand, and a resume lets them run.
  world.now += hours{1};
  ASSERT_EQ(Do(world, MigrateCase{8, "waiting_for_customer"}),
            "CaseMigrated PauseStarted ClockMoved ClockPaused ClockPaused");
  EXPECT_EQ(world.OnlyCase().pauses.back().reason, "migrated");
  EXPECT_EQ(world.OnlyCase().pauses.back().owner, "wang.wei") << "on somebody's account";
  EXPECT_EQ(world.OnlyCase().status, "waiting_for_customer");
  world.now += hours{5};
  ASSERT_EQ(Do(world, ResumeCase{}), "PauseEnded ClockResumed ClockResumed");
  EXPECT_EQ(world.OnlyCase().status, "contacted");
  EXPECT_EQ(ClockOf(world, ClockKind::kRemedy).due_at, kStart + hours{8 + 5});
  next.number = 9;
  next.programs.clear();
  world.PutInForce(next);
  EXPECT_EQ(Do(world, MigrateCase{}), "UNKNOWN_PROGRAM");
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(MigrationTest, ACaseFollowsItsOwnRevisionUntilItIsMigrated) {
  World world =
      WithComplaint(With({Define(ClockKind::kTotalResolution, WallHours(100), "",
                                 {At("breach", Wall({}), {TierAction::kNotify}, {"owner"})})}));
  Revision next = With({});
  next.number = 8;
  std::erase_if(next.lifecycle.transitions,
                [](const Transition& t) { return t.command == CaseCommand::kEscalate; });
  next.programs[0].resurvey_delay = hours{1};
  world.PutInForce(next);
  EXPECT_EQ(Do(world, EscalateCase{}), "CaseEscalated");
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  EXPECT_EQ(ClockOf(world, ClockKind::kResurvey).due_at, world.now + days{3});
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Reopen{})));
  world.now += hours{100};
  const auto fired = world.Do(On(world.OnlyCase(), FireTimers{}));
  EXPECT_EQ(std::get<TierCrossed>(fired->back().body).notify, std::vector<std::string>{"wang.wei"});
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), MigrateCase{})));
  EXPECT_EQ(Do(world, EscalateCase{}), "TRANSITION_NOT_ALLOWED");
  EXPECT_EQ(world.problems, kNoProblems);
}

// ------------------------------------------------------------------------------ zone data

// Berlin gives up summer time: local times are other UTC times than the clocks were counted by.
void StayAnHourAhead(World& world) {
  for (Calendar& calendar : world.revision.calendars) calendar.zone.changes.clear();
}

TEST(ZoneDataTest, OnlyDueTimesToComeMove) {
  World world(With({Define(ClockKind::kRemedy, OfficeHours(8), "office"),
                    Define(ClockKind::kTotalResolution, OfficeHours(40), "office"),
                    Define(ClockKind::kFirstResolution, WallHours(400)),
                    Define(ClockKind::kFirstContact, OfficeHours(2), "office")}));
  world.now = kStart + days{24};  // Thursday 26 March, 10:00
  const Timestamp start = world.now;
  ASSERT_TRUE(world.Do(Answer("a", 3)));
  const CaseClock remedy = ClockOf(world, ClockKind::kRemedy);
  const CaseClock total = ClockOf(world, ClockKind::kTotalResolution);
  EXPECT_EQ(remedy.due_at, start + days{1} + hours{1});
  // 6 on Thursday, 7 on four days from Friday, 6 more: Thursday 2 April, 16:00 in summer time.
  EXPECT_EQ(total.due_at, start + days{7} + hours{5});
  StayAnHourAhead(world);
  world.now = start + hours{3};
  EXPECT_EQ(Do(world, RecomputeClocks{}), "ClockMoved");
  EXPECT_EQ(ClockOf(world, ClockKind::kRemedy), remedy) << "due before the change";
  EXPECT_EQ(ClockOf(world, ClockKind::kTotalResolution).due_at, start + days{7} + hours{6});
  const auto& moved = std::get<ClockMoved>(world.log.back().body);
  EXPECT_EQ(moved.cause, ClockMoveCause::kTimeZoneData);
  EXPECT_EQ(moved.due_before, total.due_at);
  EXPECT_EQ(Do(world, RecomputeClocks{}), "") << "once";
  EXPECT_EQ(world.problems, kNoProblems);
}

// Summer time begins a week later. What is due after both dates stays; its warning between them is
// an hour later.
TEST(ZoneDataTest, ATierMovesWhereTheDueTimeDoesNot) {
  World world(With({Define(ClockKind::kTotalResolution, OfficeHours(50), "office",
                           {At("warn", Own(-20 * kHourMillis)), At("breach", Wall({}))})}));
  world.now = kStart + days{24};  // Thursday 26 March, 10:00
  const Timestamp start = world.now;
  ASSERT_TRUE(world.Do(Answer("a", 3)));
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), OutboundAttempt(AttemptOutcome::kReached))));
  const auto due = ClockOf(world, ClockKind::kTotalResolution).due_at;
  EXPECT_EQ(due, start + days{11}) << "Monday 6 April, 11:00 in summer time";
  EXPECT_EQ(NextDue(world.OnlyCase()), start + days{6} + hours{1}) << "Wednesday 1 April, 12:00";
  for (Calendar& calendar : world.revision.calendars) calendar.zone.changes[0].at += days{7};
  EXPECT_EQ(Do(world, RecomputeClocks{}), "ClockMoved");
  EXPECT_EQ(ClockOf(world, ClockKind::kTotalResolution).due_at, due);
  EXPECT_EQ(NextDue(world.OnlyCase()), start + days{6} + hours{2});
  EXPECT_EQ(Do(world, RecomputeClocks{}), "") << "once";
  EXPECT_EQ(world.problems, kNoProblems);
}

// The due time had passed by the old data, by the new it has not: it stays, and fires as it was
// set. (This once ended the process.)
TEST(ZoneDataTest, ATimerThatWasDueByTheOldDataFiresAsItWasSet) {
  World world(With({Define(ClockKind::kTotalResolution, OfficeHours(40), "office")}));
  world.now = kStart + days{24};
  const Timestamp start = world.now;
  ASSERT_TRUE(world.Do(Answer("a", 3)));
  StayAnHourAhead(world);
  world.now = start + days{7} + hours{5} + minutes{1};
  EXPECT_EQ(Do(world, RecomputeClocks{}), "");
  const auto fired = world.Do(On(world.OnlyCase(), FireTimers{}));
  ASSERT_EQ(Outcome(fired), "TierCrossed TierCrossed") << "and the program's first contact";
  const auto& crossed = std::get<TierCrossed>(fired->back().body);
  EXPECT_EQ(crossed.kind, ClockKind::kTotalResolution);
  EXPECT_EQ(crossed.due_at, start + days{7} + hours{5});
  EXPECT_EQ(Do(world, FireTimers{}), "");
  EXPECT_EQ(world.problems, kNoProblems);
}

// ------------------------------------------------------------------------------ readings

TEST(ReadingTest, ShowsElapsedSlackAndPausesOfEveryState) {
  const Calendar office = Calendars()[0];
  CaseClock clock;
  clock.kind = ClockKind::kRemedy;
  clock.calendar_id = "office";
  clock.limit = OfficeHours(8);
  clock.started_at = clock.counted_from = kStart;
  clock.due_at = DueTime(clock, &office);
  const auto read = [&](Duration after) { return Read(clock, &office, kStart + after); };
  // Running.
  EXPECT_EQ(read(Duration{0}).elapsed, 0);
  EXPECT_EQ(read(hours{4}).elapsed, 3 * kHourMillis) << "lunch is not counted";
  EXPECT_EQ(read(hours{4}).elapsed_wall, hours{4});
  EXPECT_EQ(read(hours{4}).slack, 5 * kHourMillis);
  EXPECT_EQ(read(days{1} + hours{1}).slack, 0);
  EXPECT_EQ(read(days{1} + hours{4}).slack, -2 * kHourMillis) << "overrun";
  EXPECT_EQ(read(-hours{1}).elapsed, 0) << "before it began";
  EXPECT_EQ(read(-hours{1}).elapsed_wall, Duration{0});
  // Paused after 3 hours of its own, an hour long so far.
  clock.state = ClockState::kPaused;
  clock.elapsed = 3 * kHourMillis;
  clock.paused_at = kStart + hours{4};
  clock.paused = minutes{30};  // an earlier one
  EXPECT_EQ(read(hours{5}).elapsed, 3 * kHourMillis);
  EXPECT_EQ(read(hours{5}).paused, hours{1} + minutes{30});
  EXPECT_EQ(read(hours{5}).elapsed_wall, hours{3} + minutes{30});
  EXPECT_EQ(read(hours{5}).slack, 5 * kHourMillis);
  // Met.
  clock.state = ClockState::kMet;
  clock.paused_at.reset();
  clock.elapsed = 9 * kHourMillis;
  clock.ended_at = kStart + days{2};
  EXPECT_EQ(read(days{30}).elapsed, 9 * kHourMillis);
  EXPECT_EQ(read(days{30}).slack, -kHourMillis);
  EXPECT_EQ(read(days{30}).elapsed_wall, days{2} - minutes{30});
  // In days.
  clock = {};
  clock.limit = {Count::kWorkingDays, 3};
  clock.started_at = clock.counted_from = kStart;
  EXPECT_EQ(read(hours{12}).elapsed, 0) << "the day it begins on does not count";
  EXPECT_EQ(read(days{1} + hours{7}).elapsed, 1);
  EXPECT_EQ(read(days{9}).slack, 3 - 6);
}

TEST(ReadingTest, EveryKindHasItsNameAndTimer) {
  std::set<std::string_view> names;
  std::set<TimerKind> timers;
  for (int i = 1; i < kClockKindCount; ++i) {
    const auto kind = static_cast<ClockKind>(i);
    EXPECT_TRUE(names.insert(rebound::Name(kind)).second);
    EXPECT_TRUE(timers.insert(TimerOf(kind)).second);
    EXPECT_EQ(IsPausable(kind), kind != ClockKind::kExternalDeadline);
  }
  EXPECT_FALSE(timers.contains(TimerKind::kUnset));
  EXPECT_FALSE(timers.contains(TimerKind::kResurveyExpiry));
}

}  // namespace
}  // namespace rebound
