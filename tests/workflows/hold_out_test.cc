// Hold-outs (DESIGN 5): who is drawn, what a held case has and has not, how it begins.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <set>

#include "tests/fixtures/domain_fixtures.h"
#include "workflows/hold_out.h"

namespace rebound {
namespace {

using fixtures::Answer;
using fixtures::kNoProblems;
using fixtures::On;
using fixtures::Outcome;
using fixtures::Resolved;
using fixtures::Says;
using fixtures::World;
using std::chrono::days;
using std::chrono::hours;

// Everybody eligible is held back unless `share` says otherwise; what is urgent is a red line.
Revision Holding(bool delayed = false, int32_t share = kMillion) {
  Revision revision = fixtures::TestRevision();
  for (Program& program : revision.programs) {
    program.hold_out = {"spring", share, delayed, days{5}, days{7}};
  }
  revision.alerts = {{"injury",
                      "Injury",
                      "受伤",
                      Compare(FieldId::kReason, Op::kHas, std::string("injured")),
                      true,
                      {"manager"},
                      std::nullopt}};
  revision.playbooks = {{"bad", 2, "Bad", "差",
                         Compare(FieldId::kReason, Op::kHas, std::string("awful")), 4, "bad-queue"},
                        {"standard", 1, "Standard", "标准", Predicate{}, 0, ""}};
  return revision;
}

// What a case that is held back must not have.
void ExpectUntouched(const Case& c) {
  EXPECT_TRUE(c.held);
  EXPECT_EQ(c.playbook, PlaybookChoice{});
  EXPECT_EQ(c.details.queue_id, "");
  EXPECT_EQ(c.owner, "");
  EXPECT_TRUE(c.attempts.empty());
  EXPECT_TRUE(c.commitments.empty());
  EXPECT_TRUE(c.remedies.empty());
  EXPECT_FALSE(IsClaimable(c));
  for (const Timer& timer : c.timers) {
    if (timer.state != TimerState::kPending) continue;
    EXPECT_TRUE(timer.kind == TimerKind::kResurveyDue || timer.kind == TimerKind::kResurveyExpiry ||
                timer.kind == TimerKind::kDelayedStart)
        << static_cast<int>(timer.kind);
  }
}

const CaseBegun* Begun(const World& world) {
  for (const Event& event : world.log) {
    if (const auto* begun = std::get_if<CaseBegun>(&event.body)) return begun;
  }
  return nullptr;
}

// --------------------------------------------------------------------------------- the draw

TEST(HoldOutTest, TheHashIsThatOfThePaper) {
  std::string message;
  for (char byte = 0; byte < 15; ++byte) message += byte;
  EXPECT_EQ(SipHash24(0x0706050403020100, 0x0f0e0d0c0b0a0908, message), 0xa129ca6149be45e5U);
  // Two of the reference implementation's vectors: nothing, and a whole word.
  EXPECT_EQ(SipHash24(0x0706050403020100, 0x0f0e0d0c0b0a0908, ""), 0x726fdb47dd0e0e31U);
  EXPECT_EQ(SipHash24(0x0706050403020100, 0x0f0e0d0c0b0a0908, message.substr(0, 8)),
            0x93f5f5799a932462U);
}

// Of n draws at p, the count lies within the central 99.99 % of the binomial distribution: its
// tails, summed exactly, are each at least 0.005 %.
testing::AssertionResult WithinBounds(int64_t n, double p, int64_t count) {
  const auto log_mass = [&](int64_t k) {
    return std::lgamma(static_cast<double>(n + 1)) - std::lgamma(static_cast<double>(k + 1)) -
           std::lgamma(static_cast<double>(n - k + 1)) + static_cast<double>(k) * std::log(p) +
           static_cast<double>(n - k) * std::log1p(-p);
  };
  double at_most = 0;
  for (int64_t k = 0; k <= count; ++k) at_most += std::exp(log_mass(k));
  const double at_least = 1 - at_most + std::exp(log_mass(count));
  if (std::min(at_most, at_least) >= 0.00005) return testing::AssertionSuccess();
  return testing::AssertionFailure() << count << " of " << n << " at " << p;
}

TEST(HoldOutTest, TheBoundsAreNotSoWideThatAnythingFits) {
  EXPECT_TRUE(WithinBounds(100'000, 0.1, 10'000));
  EXPECT_FALSE(WithinBounds(100'000, 0.1, 10'400));
  EXPECT_FALSE(WithinBounds(100'000, 0.1, 9'600));
  EXPECT_FALSE(WithinBounds(5'000, 0.1, 590));
}

TEST(HoldOutTest, OverAHundredThousandCustomersTheShareIsKeptOverallAndInEachSegment) {
  constexpr int kCustomers = 100'000;
  constexpr int kSegments = 20;
  for (const int32_t share : {10'000, 50'000, 100'000, 500'000}) {
    std::mt19937_64 random(20'261'125);
    const HoldOut hold_out{"spring", share, false, days{7}, days{7}};
    int64_t total = 0;
    std::map<int, int64_t> by_segment;
    for (int i = 0; i < kCustomers; ++i) {
      // Many in the same millisecond, as an import makes them.
      IdSource ids(fixtures::kStart + Duration{i / 40}, random(), random());
      const auto customer = ids.Next<CustomerId>();
      const bool held = DrawArm(hold_out, customer) == Arm::kHeldOut;
      total += held;
      by_segment[i % kSegments] += held;
    }
    const double p = share / 1e6;
    EXPECT_TRUE(WithinBounds(kCustomers, p, total));
    for (const auto& [segment, count] : by_segment) {
      EXPECT_TRUE(WithinBounds(kCustomers / kSegments, p, count)) << "segment " << segment;
    }
  }
}

TEST(HoldOutTest, TheSameCustomerIsAlwaysInTheSameArmAndExperimentsAreIndependent) {
  IdSource ids(fixtures::kStart, 7, 7);
  int64_t both = 0;
  int64_t first = 0;
  constexpr int kCustomers = 20'000;
  for (int i = 0; i < kCustomers; ++i) {
    const auto customer = ids.Next<CustomerId>();
    const int32_t draw = Draw("spring", customer);
    ASSERT_GE(draw, 0);
    ASSERT_LT(draw, kMillion);
    ASSERT_EQ(draw, Draw("spring", customer));
    const bool in = draw < 300'000;
    first += in;
    both += in && Draw("autumn", customer) < 300'000;
  }
  EXPECT_TRUE(WithinBounds(first, 0.3, both)) << "drawn again, not drawn alike";
}

TEST(HoldOutTest, AShareThatGrowsKeepsWhoWasHeldAndTheEndsHoldNobodyAndEverybody) {
  IdSource ids(fixtures::kStart, 9, 9);
  for (int i = 0; i < 2'000; ++i) {
    const auto customer = ids.Next<CustomerId>();
    const auto held = [&](int32_t share) {
      return DrawArm({"spring", share, false, days{7}, days{7}}, customer) != Arm::kTreated;
    };
    EXPECT_FALSE(held(0));
    EXPECT_TRUE(held(kMillion));
    EXPECT_LE(held(100'000), held(200'000));
  }
}

TEST(HoldOutTest, ImportingTheSameCustomersAgainChangesNobodysArm) {
  World world(Holding(false, 300'000));
  std::map<std::string, Arm> arms;
  const auto arm_of = [&](const std::string& key) {
    const Customer* customer = world.FindCustomer(key);
    return world.CasesOf(customer->id, std::string(fixtures::kNps)).at(0).arm;
  };
  for (int i = 0; i < 200; ++i) {
    const std::string key = "c" + std::to_string(i);
    ASSERT_TRUE(world.Do(Answer(key, 3)));
    arms[key] = arm_of(key);
  }
  for (int i = 199; i >= 0; --i) {
    const std::string key = "c" + std::to_string(i);
    UpsertCustomer again;
    again.key = {"crm", key};
    ASSERT_TRUE(world.Do(again));
    ASSERT_TRUE(world.Do(Answer(key, 4)));
    EXPECT_EQ(arm_of(key), arms[key]);
    EXPECT_EQ(DrawArm(world.revision.programs[0].hold_out, world.FindCustomer(key)->id), arms[key]);
  }
  std::set<Arm> seen;
  for (const auto& [key, arm] : arms) seen.insert(arm);
  EXPECT_EQ(seen, (std::set<Arm>{Arm::kTreated, Arm::kHeldOut}));
}

// --------------------------------------------------------------------------------- eligible

TEST(HoldOutTest, OnlyAPlainDetractorsFirstCaseIsEligible) {
  struct Row {
    std::string_view what;
    SubmitResponse answer;
    bool eligible;
  };
  const Row rows[] = {
      {"a detractor", Says("a", 3, "slow"), true},
      {"a mild one", Says("a", 6, "slow"), true},
      {"asks to be contacted", Says("a", 3, "slow", {.contact_requested = true}), false},
      {"a passive who asks", Says("a", 7, "slow", {.contact_requested = true}), false},
      {"a red line", Says("a", 3, "injured"), false},
      {"a promoter's red line", Says("a", 10, "injured"), false},
      {"anonymous", Says("", 0, "slow", {.program = fixtures::kSite}), false},
      {"of the past",
       Says("a", 3, "slow",
            {.at = fixtures::kStart - days{9}, .history = true, .external_id = "x"}),
       false},
      {"given yesterday, told today", Says("a", 3, "slow", {.at = fixtures::kStart - days{1}}),
       true},
  };
  for (const Row& row : rows) {
    World world(Holding());
    ASSERT_TRUE(world.Do(row.answer)) << row.what;
    const Case& c = world.OnlyCase();
    EXPECT_EQ(c.experiment, row.eligible ? "spring" : "") << row.what;
    EXPECT_EQ(c.arm, row.eligible ? Arm::kHeldOut : Arm::kTreated) << row.what;
    EXPECT_EQ(c.held, row.eligible) << row.what;
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

TEST(HoldOutTest, ByHandAndRepeatDetractorsAreNeverHeld) {
  World world(Holding());
  OpenCase open;
  open.program_id = fixtures::kNps;
  open.origin = CaseOrigin::kComplaint;
  ASSERT_TRUE(world.Do(open));
  EXPECT_FALSE(world.OnlyCase().held);
  EXPECT_EQ(world.OnlyCase().experiment, "");

  World again(Holding());
  ASSERT_TRUE(again.Do(Answer("a", 3)));
  const CaseId first = again.OnlyCase().id;
  ASSERT_TRUE(again.Do(On(again.OnlyCase(), WithdrawCase{})));
  again.now += days{40};
  ASSERT_TRUE(again.Do(Answer("a", 3)));
  ASSERT_EQ(again.cases.size(), 2U);
  for (const auto& [id, c] : again.cases) {
    EXPECT_EQ(c.experiment, id == first ? "spring" : "");
  }
}

TEST(HoldOutTest, EligibleCasesThatAreNotDrawnCarryTheExperimentToo) {
  World world(Holding(false, 0));
  ASSERT_TRUE(world.Do(Answer("a", 3)));
  EXPECT_EQ(world.OnlyCase().experiment, "spring");
  EXPECT_EQ(world.OnlyCase().arm, Arm::kTreated);
  EXPECT_FALSE(world.OnlyCase().held);
  World none;
  ASSERT_TRUE(none.Do(Answer("a", 3)));
  EXPECT_EQ(none.OnlyCase().experiment, "") << "by default nobody is in one";
}

// --------------------------------------------------------------------------------- held

TEST(HoldOutTest, AHeldCaseGetsNoStepYetIsAskedAgainAndCounts) {
  World world(Holding());
  ASSERT_TRUE(world.Do(Says("a", 3, "awful")));
  EXPECT_EQ(world.OnlyCase().status, "held_out");
  ExpectUntouched(world.OnlyCase());
  world.now += days{7} - Duration{1};
  EXPECT_EQ(Do(world, FireTimers{}), "");
  world.now += Duration{1};
  ASSERT_EQ(Do(world, FireTimers{}), "ClockEnded ResurveyAsked TimerSet");
  EXPECT_EQ(world.OnlyCase().status, "resurvey_due");
  ExpectUntouched(world.OnlyCase());
  world.now += days{1};
  ASSERT_TRUE(world.Do(Answer("a", 9)));
  const Case& c = world.OnlyCase();
  EXPECT_EQ(c.resurvey_result, ResurveyResult::kPromoter);
  EXPECT_TRUE(c.converted_at.has_value());
  EXPECT_EQ(c.status, "closed");
  const Counts counts = Contribution(c);
  EXPECT_EQ(counts.eligible, 1);
  EXPECT_EQ(counts.contacted, 0);
  EXPECT_EQ(counts.converted_first, 1);
  EXPECT_EQ(world.problems, kNoProblems);
  EXPECT_EQ(world.Replayed().cases, world.cases);
}

// A case that is handled, of the customer whose other one is held back.
const Case& ByHand(World& world) {
  OpenCase open;
  open.program_id = fixtures::kNps;
  open.customer_id = world.FindCustomer("a")->id;
  const auto opened = world.Do(open);
  EXPECT_TRUE(opened);
  return world.cases.at(opened->front().case_id);
}

TEST(HoldOutTest, NothingThatHasToBeHandledIsMergedIntoAHeldCase) {
  World world(Holding());
  ASSERT_TRUE(world.Do(Answer("a", 3)));
  const Case held = world.OnlyCase();
  const Case handled = ByHand(world);
  const auto refused = world.Do(On(handled, MergeCase{{held.id, 0}, {}}));
  EXPECT_EQ(Outcome(refused), "MERGE_TARGET_HELD_OUT");
  const std::map<std::string, std::string> named = {{"case", "C-2"}, {"into", "C-1"}};
  EXPECT_EQ(refused.error().metadata, named);
  ASSERT_TRUE(world.Do(On(held, MergeCase{{handled.id, 0}, {}}))) << "the other way round";
}

TEST(HoldOutTest, TakenOutOfTheOtherItBegins) {
  World world(Holding());
  ASSERT_TRUE(world.Do(Says("a", 3, "awful")));
  const CaseId id = world.OnlyCase().id;
  const Case handled = ByHand(world);
  ASSERT_TRUE(world.Do(On(world.cases.at(id), MergeCase{{handled.id, 0}, {}})));
  ASSERT_TRUE(world.Do(On(world.cases.at(id), UnmergeCase{})));
  const Case& c = world.cases.at(id);
  EXPECT_FALSE(c.held);
  EXPECT_EQ(c.status, "reopened");
  EXPECT_EQ(c.arm, Arm::kHeldOut) << "as it was drawn";
  EXPECT_EQ(c.playbook.playbook_id, "bad");
  EXPECT_TRUE(IsClaimable(c));
  EXPECT_EQ(Begun(world)->reason, "reopened");
  EXPECT_EQ(world.problems, kNoProblems);
  EXPECT_EQ(world.Replayed().cases, world.cases);
}

TEST(HoldOutTest, NobodyMayHandleAHeldCaseInAnyStatus) {
  const Revision revision = Holding();
  int refused = 0;
  for (const StatusDef& status : revision.lifecycle.statuses) {
    if (status.phase == Phase::kClosed) continue;
    Facts facts = fixtures::InStatus(revision, status.key);
    facts.subject->held = true;
    for (int i = 0; i <= static_cast<int>(CaseCommand::kReopen); ++i) {
      const auto command = static_cast<CaseCommand>(i);
      if (command == CaseCommand::kClaim || MayGive(*facts.subject, command)) continue;
      IdSource ids(fixtures::kStart, 1, 1);
      const Context context{fixtures::kStart + hours{1}, &ids, &revision, "li.na", {}};
      const CaseVerb verb = fixtures::VerbFor(command, *facts.subject, "verifying");
      EXPECT_EQ(Outcome(Decide(facts, On(*facts.subject, verb), context)), "TRANSITION_NOT_ALLOWED")
          << Name(command) << " in " << status.key;
      ++refused;
    }
    for (const std::string& name : revision.lifecycle.Allowed(*facts.subject)) {
      EXPECT_TRUE(MayGive(*facts.subject, *ParseCaseCommand(name))) << name;
    }
  }
  EXPECT_GT(refused, 200);
}

TEST(HoldOutTest, AFurtherDetractorsAnswerLeavesItHeldOneThatAsksForContactBeginsIt) {
  World world(Holding());
  ASSERT_TRUE(world.Do(Says("a", 5, "slow")));
  world.now += days{1};
  ASSERT_EQ(Outcome(world.Do(Says("a", 0, "slow"))), "ResponseRecorded ResponseAttached");
  ExpectUntouched(world.OnlyCase());
  EXPECT_EQ(world.OnlyCase().severity, 3);
  world.now += days{1};
  ASSERT_TRUE(world.Do(Says("a", 5, "awful", {.contact_requested = true})));
  const Case& c = world.OnlyCase();
  EXPECT_FALSE(c.held);
  EXPECT_EQ(c.arm, Arm::kHeldOut) << "as it was drawn";
  EXPECT_EQ(c.experiment, "spring");
  EXPECT_EQ(c.status, "open");
  EXPECT_EQ(c.playbook.playbook_id, "bad") << "by the answer that begins it";
  EXPECT_EQ(c.details.queue_id, "bad-queue");
  EXPECT_EQ(c.severity, 4);
  EXPECT_TRUE(IsClaimable(c));
  EXPECT_EQ(Begun(world)->reason, "contact_requested");
  EXPECT_EQ(world.problems, kNoProblems);
  for (const CaseClock& clock : c.clocks) {
    if (clock.kind == ClockKind::kResurvey) {
      EXPECT_EQ(clock.state, ClockState::kCancelled);
    }
    if (clock.kind == ClockKind::kFirstContact) {
      EXPECT_EQ(clock.started_at, world.now);
    }
  }
}

TEST(HoldOutTest, ARedLineBeginsAHeldCaseWhateverTheScore) {
  World world(Holding());
  ASSERT_TRUE(world.Do(Says("a", 5, "slow")));
  world.now += days{1};
  ASSERT_TRUE(world.Do(Says("a", 10, "injured")));
  const Case& c = world.OnlyCase();
  EXPECT_FALSE(c.held);
  EXPECT_EQ(c.severity, 5);
  EXPECT_EQ(Begun(world)->reason, "red_line");
  EXPECT_EQ(c.alerts.size(), 1U);
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(HoldOutTest, ByHandItBeginsAtOnceAndIsThenHandledAndAskedLikeAnyOther) {
  World world(Holding());
  ASSERT_TRUE(world.Do(Says("a", 3, "awful")));
  world.now += days{2};
  const std::string outcome = Do(world, BeginCase{{{}, "she called us"}});
  EXPECT_TRUE(outcome.starts_with("CaseBegun")) << outcome;
  EXPECT_EQ(Begun(world)->reason, "by_hand");
  EXPECT_EQ(Begun(world)->note.value, "she called us");
  EXPECT_FALSE(Begun(world)->note.id.empty());
  EXPECT_EQ(world.OnlyCase().status, "open");
  EXPECT_EQ(Do(world, BeginCase{}), "CASE_NOT_HELD_OUT");
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  world.now += days{3};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), FireTimers{})));
  EXPECT_EQ(world.OnlyCase().status, "resurvey_due");
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(HoldOutTest, ADelayedStartBeginsWhenItsTimeHasCome) {
  World world(Holding(true));
  ASSERT_TRUE(world.Do(Answer("a", 3)));
  EXPECT_EQ(world.OnlyCase().arm, Arm::kDelayedStart);
  ExpectUntouched(world.OnlyCase());
  world.now += days{5} - Duration{1};
  EXPECT_EQ(Do(world, FireTimers{}), "");
  world.now += Duration{1};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), FireTimers{})));
  const Case& c = world.OnlyCase();
  EXPECT_FALSE(c.held);
  EXPECT_EQ(c.arm, Arm::kDelayedStart);
  EXPECT_EQ(c.status, "open");
  EXPECT_EQ(c.playbook.playbook_id, "standard");
  EXPECT_EQ(Begun(world)->reason, "delayed_start");
  world.now += days{3};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), FireTimers{})));
  EXPECT_FALSE(world.OnlyCase().asked_at.has_value()) << "it is asked once it is resolved";
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(HoldOutTest, WhatBeginsEarlyDoesNotBeginAgain) {
  World world(Holding(true));
  ASSERT_TRUE(world.Do(Answer("a", 3)));
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), BeginCase{})));
  for (const Timer& timer : world.OnlyCase().timers) {
    if (timer.kind == TimerKind::kDelayedStart) {
      EXPECT_EQ(timer.state, TimerState::kCancelled);
    }
  }
  world.now += days{5};
  EXPECT_EQ(Do(world, FireTimers{}).find("CaseBegun"), std::string::npos);
}

TEST(HoldOutTest, ABadReSurveyEndsTheComparisonAndItIsHandledLikeAnyOther) {
  World world(Holding());
  ASSERT_TRUE(world.Do(Says("a", 3, "awful")));
  world.now += days{7};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), FireTimers{})));
  world.now += days{1};
  ASSERT_TRUE(world.Do(Says("a", 2, "still awful")));
  const Case& c = world.OnlyCase();
  EXPECT_FALSE(c.held);
  EXPECT_EQ(c.status, "reopened");
  EXPECT_EQ(c.playbook.playbook_id, "bad");
  EXPECT_EQ(c.details.queue_id, "bad-queue");
  EXPECT_TRUE(IsClaimable(c));
  EXPECT_EQ(Begun(world)->reason, "reopened");
  EXPECT_EQ(c.resurvey.first_answer->category, Category::kDetractor);
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(HoldOutTest, WhereTheNewRevisionHoldsNobodyBackAMigratedCaseBegins) {
  World world(Holding());
  ASSERT_TRUE(world.Do(Answer("a", 3)));
  Revision next = Holding();
  next.number = world.revision.number + 1;
  Lifecycle& lifecycle = next.lifecycle;
  lifecycle.held_out.clear();
  std::erase_if(lifecycle.statuses, [](const StatusDef& s) { return s.key == "held_out"; });
  std::erase_if(lifecycle.transitions, [](const Transition& t) { return t.from == "held_out"; });
  for (Program& program : next.programs) program.hold_out = {};
  world.PutInForce(next);
  world.now += hours{1};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), MigrateCase{next.number, "open"})));
  EXPECT_FALSE(world.OnlyCase().held);
  EXPECT_EQ(world.OnlyCase().status, "open");
  EXPECT_TRUE(IsClaimable(world.OnlyCase()));
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(HoldOutTest, NoCaseIsReopenedByHandWhileItIsHeld) {
  World world(Holding());
  ASSERT_TRUE(world.Do(Answer("a", 3)));
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), WithdrawCase{})));
  EXPECT_TRUE(world.OnlyCase().held);
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Reopen{})));
  EXPECT_FALSE(world.OnlyCase().held);
  EXPECT_EQ(world.OnlyCase().details.queue_id,
            world.revision.FindProgram(fixtures::kNps)->default_queue);
  EXPECT_EQ(world.problems, kNoProblems);
}

}  // namespace
}  // namespace rebound
