// Alerts and red lines (DESIGN 5): what is raised, what it does to the case, who is told.
#include <gtest/gtest.h>

#include "tests/fixtures/domain_fixtures.h"
#include "workflows/contribution.h"

namespace rebound {
namespace {

using fixtures::Answer;
using fixtures::kNoProblems;
using fixtures::Names;
using fixtures::On;
using fixtures::Outcome;
using fixtures::Resolved;
using fixtures::Says;
using fixtures::World;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

Predicate ReasonHas(std::string word) {
  return Compare(FieldId::kReason, Op::kHas, std::move(word));
}

// One red line by words, to be acknowledged within an hour; one alert by score, without limit.
Revision WithAlerts() {
  Revision revision = fixtures::TestRevision();
  revision.alerts = {
      {"injury", "Injury", "受伤", ReasonHas("injured"), true, {"manager", "queue"}, hours{1}},
      {"zero",
       "Zero",
       "零分",
       Compare(FieldId::kScore, Op::kEqual, int64_t{0}),
       false,
       {"owner"},
       std::nullopt},
      {"top",
       "Top",
       "最严重",
       Compare(FieldId::kSeverity, Op::kGreaterOrEqual, int64_t{5}),
       false,
       {"unit_manager"},
       std::nullopt}};
  revision.playbooks = {{"urgent", 1, "Urgent", "紧急",
                         Compare(FieldId::kSeverity, Op::kEqual, int64_t{5}), 0, "urgent-queue"},
                        {"standard", 1, "Standard", "标准", Predicate{}, 0, ""}};
  revision.priorities = {
      {"now", "Now", "马上", Compare(FieldId::kSeverity, Op::kEqual, int64_t{5})},
      {"later", "Later", "以后", Predicate{}}};
  return revision;
}

const Alert& AlertOf(const Case& c, std::string_view rule) {
  for (const Alert& alert : c.alerts) {
    if (alert.rule_id == rule) return alert;
  }
  ADD_FAILURE() << "no alert " << rule;
  static const Alert none;
  return none;
}

TEST(AlertTest, ARedLineOpensACaseOfTheTopSeverityAtAnyScore) {
  for (const int64_t score : {0, 3, 6, 7, 8, 9, 10}) {
    World world(WithAlerts());
    ASSERT_TRUE(world.Do(Says("a", score, "My son was INJURED by the door"))) << score;
    const Case& c = world.OnlyCase();
    EXPECT_EQ(c.severity, 5) << score;
    EXPECT_EQ(c.origin, CaseOrigin::kResponse) << score;
    EXPECT_EQ(c.playbook.playbook_id, "urgent") << "chosen by the raised severity";
    EXPECT_EQ(c.details.queue_id, "urgent-queue");
    EXPECT_EQ(c.priority, "now");
    const Alert& alert = AlertOf(c, "injury");
    EXPECT_TRUE(alert.red_line);
    EXPECT_EQ(alert.notify, (std::vector<std::string>{"role:manager", "queue:urgent-queue"}));
    EXPECT_EQ(alert.due_at, world.now + hours{1});
    EXPECT_EQ(AlertOf(c, "top").notify, std::vector<std::string>{"role:manager"})
        << "there is no unit: it is told to somebody all the same";
    EXPECT_EQ(c.alerts.size(), score == 0 ? 3U : 2U);
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

TEST(AlertTest, OnlyADetractorsCaseCountsForRecovery) {
  for (const auto& [score, excluded] :
       {std::pair{3, Exclusion::kNone}, std::pair{7, Exclusion::kNotFromResponse},
        std::pair{10, Exclusion::kNotFromResponse}}) {
    World world(WithAlerts());
    ASSERT_TRUE(world.Do(Says("a", score, "injured")));
    EXPECT_EQ(WhyExcluded(world.OnlyCase()), excluded) << score;
  }
}

TEST(AlertTest, WithoutARedLineAPromoterOpensNoCaseAndAHoldingRuleAloneNone) {
  World world(WithAlerts());
  ASSERT_TRUE(world.Do(Says("a", 9, "a fine door")));
  EXPECT_TRUE(world.cases.empty());
}

TEST(AlertTest, AnAnonymousRedLineOpensASiteCaseWhateverTheProgramSays) {
  World world(WithAlerts());
  ASSERT_TRUE(world.Do(Says("", 9, "a guest was injured", {.program = fixtures::kOpenNps})));
  EXPECT_EQ(world.OnlyCase().severity, 5);
  EXPECT_FALSE(world.OnlyCase().holds_dedupe_slot);
  World quiet(WithAlerts());
  ASSERT_TRUE(quiet.Do(Says("", 0, "too cold", {.program = fixtures::kOpenNps})));
  EXPECT_TRUE(quiet.cases.empty());
}

TEST(AlertTest, NothingOfThePastIsRaised) {
  World world(WithAlerts());
  ASSERT_TRUE(world.Do(
      Says("a", 0, "injured", {.at = world.now - days{400}, .history = true, .external_id = "1"})));
  const Case& c = world.OnlyCase();
  EXPECT_TRUE(c.alerts.empty());
  EXPECT_EQ(c.severity, 3);
  EXPECT_EQ(c.playbook.playbook_id, "standard");
  ASSERT_TRUE(world.Do(Says("b", 10, "injured",
                            {.at = world.now - days{400}, .history = true, .external_id = "2"})));
  EXPECT_EQ(world.cases.size(), 1U) << "a promoter of the past opens none";
}

TEST(AlertTest, ACaseOpenedByHandRaisesWhatHoldsForIt) {
  World world(WithAlerts());
  OpenCase open;
  open.program_id = fixtures::kNps;
  open.origin = CaseOrigin::kHand;
  open.severity = 2;
  open.details.customer_request.value = "he was injured";
  ASSERT_EQ(Outcome(world.Do(open)), "CaseOpened AlertRaised AlertRaised");
  EXPECT_EQ(world.OnlyCase().severity, 5);
  EXPECT_EQ(world.OnlyCase().priority, "now");
}

TEST(AlertTest, AnAttachedRedLineRaisesSeverityAndPriorityOfTheOpenCase) {
  World world(WithAlerts());
  ASSERT_TRUE(world.Do(Says("a", 5, "slow")));
  EXPECT_EQ(world.OnlyCase().severity, 2);
  EXPECT_EQ(world.OnlyCase().priority, "later");
  world.now += hours{1};
  const auto events = world.Do(Says("a", 10, "and I was injured"));
  ASSERT_EQ(Outcome(events),
            "ResponseRecorded ResponseAttached PriorityChanged AlertRaised AlertRaised "
            "LaterAnswerCounted")
      << "what the promoter says still counts";
  EXPECT_EQ(world.OnlyCase().severity, 5);
  EXPECT_EQ(world.OnlyCase().priority, "now");
  EXPECT_EQ(world.OnlyCase().attached_response_ids.size(), 1U);
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(AlertTest, TheSameRuleRaisesNoSecondAlertUntilTheFirstIsAcknowledged) {
  World world(WithAlerts());
  ASSERT_TRUE(world.Do(Says("a", 3, "injured")));
  ASSERT_EQ(Outcome(world.Do(Says("a", 3, "injured"))), "ResponseRecorded ResponseAttached");
  ASSERT_EQ(Do(world, AcknowledgeAlert{AlertOf(world.OnlyCase(), "injury").id, {}}),
            "AlertAcknowledged");
  ASSERT_EQ(Outcome(world.Do(Says("a", 3, "injured"))),
            "ResponseRecorded ResponseAttached AlertRaised");
  EXPECT_EQ(world.OnlyCase().alerts.size(), 3U);
}

TEST(AlertTest, TheRulesReadTheAttachedAnswerNotTheCase) {
  World world(WithAlerts());
  ASSERT_TRUE(world.Do(Says("a", 0, "slow")));  // zero holds
  ASSERT_EQ(Do(world, AcknowledgeAlert{}), "AlertAcknowledged");
  ASSERT_EQ(Outcome(world.Do(Says("a", 4, "slow"))), "ResponseRecorded ResponseAttached");
  ASSERT_EQ(Outcome(world.Do(Says("a", 0, "slow"))),
            "ResponseRecorded ResponseAttached AlertRaised");
}

TEST(AlertTest, AcknowledgedInTimeItsTimerIsMetAndNobodyAboveIsTold) {
  World world(WithAlerts());
  ASSERT_TRUE(world.Do(Says("a", 3, "injured")));
  world.now += minutes{59};
  ASSERT_EQ(Do(world, AcknowledgeAlert{{}, {{}, "calling now"}}),
            "AlertAcknowledged AlertAcknowledged");
  const Case c = world.OnlyCase();
  EXPECT_EQ(AlertOf(c, "injury").acknowledged_by, "li.na");
  EXPECT_EQ(AlertOf(c, "injury").acknowledged_at, world.now);
  EXPECT_EQ(AlertOf(c, "injury").note.value, "calling now");
  EXPECT_NE(AlertOf(c, "injury").note.id, AlertOf(c, "top").note.id);
  world.now += hours{2};
  EXPECT_EQ(Do(world, FireTimers{}), "");
  for (const Timer& timer : world.OnlyCase().timers) {
    if (timer.kind == TimerKind::kAlert) {
      EXPECT_EQ(timer.state, TimerState::kMet);
    }
  }
}

Revision WithUnits() {
  Revision revision = WithAlerts();
  revision.org_units = {{"gd", "Guangdong", "广东", "zhao.min", {}, {}},
                        {"gd/sz", "Shenzhen", "深圳", "wang.wei", {}, {}}};
  return revision;
}

TEST(AlertTest, UnacknowledgedTheManagersAboveAreToldOnce) {
  World world(WithUnits());
  SubmitResponse answer = Says("a", 3, "injured");
  answer.response.org_unit_id = "gd/sz";
  ASSERT_TRUE(world.Do(answer));
  EXPECT_EQ(AlertOf(world.OnlyCase(), "top").notify, std::vector<std::string>{"wang.wei"});
  world.now += hours{1};
  ASSERT_EQ(Do(world, FireTimers{}), "AlertOverdue");
  const AlertOverdue overdue = std::get<AlertOverdue>(world.log.back().body);  // the log grows
  EXPECT_EQ(overdue.id, AlertOf(world.OnlyCase(), "injury").id);
  EXPECT_EQ(overdue.notify, (std::vector<std::string>{"wang.wei", "zhao.min"}));
  EXPECT_EQ(Do(world, FireTimers{}), "");
  world.now += days{2};
  EXPECT_EQ(Outcome(world.Do(Says("a", 3, "injured"))).find("AlertOverdue"), std::string::npos);
  ASSERT_EQ(Do(world, AcknowledgeAlert{overdue.id, {}}), "AlertAcknowledged")
      << "late is better than never";
}

TEST(AlertTest, WhatWasOverdueIsOnRecordBeforeALateAcknowledgement) {
  World world(WithAlerts());
  ASSERT_TRUE(world.Do(Says("a", 3, "injured")));
  world.now += hours{1} + minutes{1};
  EXPECT_EQ(Do(world, AcknowledgeAlert{AlertOf(world.OnlyCase(), "injury").id, {}}),
            "AlertOverdue AlertAcknowledged");
}

TEST(AlertTest, AcknowledgingTwiceOrWhatIsNotThereIsRefused) {
  World world(WithAlerts());
  ASSERT_TRUE(world.Do(Answer("a", 5)));
  EXPECT_EQ(Do(world, AcknowledgeAlert{}), "ALERT_ACKNOWLEDGED") << "there is none";
  EXPECT_EQ(Do(world, AcknowledgeAlert{AlertId{{1}}, {}}), "NOT_FOUND");
  ASSERT_TRUE(world.Do(Says("a", 3, "injured")));
  const AlertId id = AlertOf(world.OnlyCase(), "injury").id;
  ASSERT_EQ(Do(world, AcknowledgeAlert{id, {}}), "AlertAcknowledged");
  EXPECT_EQ(Do(world, AcknowledgeAlert{id, {}}), "ALERT_ACKNOWLEDGED");
}

TEST(AlertTest, ClosingCancelsTheTimerAndAnAcknowledgementIsStillTaken) {
  World world(WithAlerts());
  ASSERT_TRUE(world.Do(Says("a", 3, "injured")));
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), WithdrawCase{})));
  const auto state = [&] {
    for (const Timer& timer : world.OnlyCase().timers) {
      if (timer.kind == TimerKind::kAlert) return timer.state;
    }
    return TimerState::kUnset;
  };
  EXPECT_EQ(state(), TimerState::kCancelled);
  EXPECT_EQ(AlertOf(world.OnlyCase(), "injury").timer, 0);
  ASSERT_EQ(Do(world, AcknowledgeAlert{AlertOf(world.OnlyCase(), "injury").id, {}}),
            "AlertAcknowledged");
  EXPECT_EQ(state(), TimerState::kCancelled) << "it was not met";
}

TEST(AlertTest, ARedLineThatReopensACaseIsRaisedAnewThoughTheFirstWasNeverAcknowledged) {
  World world(WithAlerts());
  const fixtures::AnswerOptions csat{.program = fixtures::kCsat};
  ASSERT_TRUE(world.Do(Says("a", 1, "injured", csat)));
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), WithdrawCase{})));
  world.now += hours{1};
  const std::string outcome = Outcome(world.Do(Says("a", 1, "injured again", csat)));
  EXPECT_NE(outcome.find("CaseReopened"), std::string::npos) << outcome;
  EXPECT_NE(outcome.find("AlertRaised"), std::string::npos) << outcome;
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(AlertTest, ARedLineInTheAnswerToAReSurveyOpensTheCaseAgainWhateverTheScore) {
  Revision revision = WithAlerts();
  for (Program& program : revision.programs) program.max_reopen_count = 0;
  World world(revision);
  ASSERT_TRUE(world.Do(Answer("a", 3)));
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  world.now += days{3};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), FireTimers{})));
  ASSERT_EQ(world.OnlyCase().status, "resurvey_due");
  world.now += hours{1};
  ASSERT_TRUE(world.Do(Says("a", 10, "fine now, but your guard injured me")));
  const Case& c = world.OnlyCase();
  EXPECT_EQ(c.status, "reopened");
  EXPECT_EQ(c.severity, 5);
  EXPECT_EQ(c.priority, "now");
  EXPECT_EQ(c.resurvey.first_answer->category, Category::kPromoter) << "the answer counts";
  EXPECT_TRUE(c.converted_at.has_value());
  EXPECT_EQ(AlertOf(c, "injury").red_line, true);
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(AlertTest, TheRevisionInForceRaisesOnCasesOfOlderOnesToo) {
  World world(fixtures::TestRevision());
  ASSERT_TRUE(world.Do(Answer("a", 5)));
  Revision next = WithAlerts();
  next.number = world.revision.number + 1;
  world.PutInForce(next);
  world.now += hours{1};
  ASSERT_TRUE(world.Do(Says("a", 9, "injured")));
  EXPECT_EQ(world.OnlyCase().severity, 5);
  EXPECT_EQ(world.OnlyCase().alerts.size(), 2U);
  world.now += hours{2};
  EXPECT_NE(Do(world, FireTimers{}).find("AlertOverdue"), std::string::npos);
}

TEST(AlertTest, TheLogFoldsToTheSameCase) {
  World world(WithUnits());
  ASSERT_TRUE(world.Do(Says("a", 3, "injured")));
  world.now += hours{2};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), FireTimers{})));
  ASSERT_EQ(Do(world, AcknowledgeAlert{}), "AlertAcknowledged AlertAcknowledged");
  EXPECT_EQ(world.Replayed().cases, world.cases);
}

}  // namespace
}  // namespace rebound
