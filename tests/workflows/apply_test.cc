// Apply: what each event leaves behind. Decide is tested elsewhere; here events are made by hand.
#include <gtest/gtest.h>

#include <set>

#include "tests/fixtures/domain_fixtures.h"

namespace rebound {
namespace {

using fixtures::kStart;
using std::chrono::hours;

Event After(const Case& c, EventBody body, Timestamp occurred_at = kStart + hours{1}) {
  Event event;
  event.case_id = c.id;
  event.occurred_at = occurred_at;
  event.recorded_at = kStart + hours{9};
  event.status = "contacted";
  event.phase = Phase::kContacted;
  event.body = std::move(body);
  return event;
}

Case OpenedCase() {
  Case c;
  c.id.bytes[0] = 1;
  c.number = 7;
  c.status = "open";
  c.phase = Phase::kOpen;
  c.holds_dedupe_slot = true;
  c.opened_at = kStart;
  c.pauses.push_back({"waits", {}, "li.na", "li.na", kStart, std::nullopt});
  CaseClock clock;
  clock.kind = ClockKind::kRemedy;
  clock.generation = 1;
  clock.limit = {Count::kWall, 1'000};
  clock.started_at = clock.counted_from = kStart;
  clock.due_at = kStart + Duration{1'000};
  c.clocks.push_back(clock);
  c.alerts.emplace_back();
  return c;
}

// One body of every case event but the first and the last of a case's life. Those of clocks are
// about the one that OpenedCase has.
std::vector<EventBody> Bodies() {
  constexpr auto kKind = ClockKind::kRemedy;
  ClockStarted started;
  started.clock.kind = ClockKind::kFirstContact;
  return {CaseAssigned{},
          AttemptLogged{},
          CommitmentMade{},
          RemedyRecorded{},
          CaseResolved{},
          CaseClosed{},
          CaseReopened{},
          ResponseAttached{},
          ResurveyAsked{},
          ResurveyAnswered{},
          LaterAnswerCounted{},
          TimerSet{},
          TimerEnded{},
          CaseHistoryDerived{},
          CaseDispatched{},
          CaseAccepted{},
          CaseReturned{},
          CaseChased{},
          CaseSupervised{},
          AssistRecorded{},
          ExtensionRecorded{},
          VerificationRecorded{},
          CaseMoved{},
          CommitmentSettled{},
          CaseEscalated{},
          PriorityChanged{},
          PauseStarted{},
          PauseEnded{},
          started,
          ClockPaused{kKind, 1, 5},
          ClockResumed{kKind, 1, {}, 0, {}},
          ClockEnded{kKind, 1, ClockState::kMet, 5},
          TierCrossed{kKind, 1, "breach"},
          ClockMoved{kKind, 1, ClockMoveCause::kRevision},
          CaseMigrated{7, 8},
          CaseMerged{},
          CaseAbsorbed{},
          CaseUnmerged{},
          CaseSeparated{},
          CaseLinkChanged{},
          VerdictRecorded{},
          FindingRecorded{},
          AlertRaised{},
          AlertAcknowledged{},
          AlertOverdue{},
          CaseBegun{},
          CaseRestricted{},
          StepStarted{},
          StepEnded{"bill", 1, StepState::kDone},
          StepOverdue{"bill", 1, {}},
          MessageSent{},
          CaseErased{ResurveyResult::kNotAsked, NotAskedReason::kErased}};
}

// What StepEnded and StepOverdue end.
void BeginBill(Case& c) {
  CaseStep& step = c.steps.emplace_back();
  step.step_id = "bill";
  step.state = StepState::kActive;
  step.timer = 3;
  c.timers.push_back({TimerKind::kStep, 3, kStart, TimerState::kPending, std::nullopt});
}

TEST(ApplyTest, EveryCaseEventSetsStatusPhaseVersionAndTime) {
  for (const EventBody& body : Bodies()) {
    SCOPED_TRACE(TypeName(body));
    Case before = OpenedCase();
    before.version = 4;
    if (!std::holds_alternative<StepStarted>(body)) BeginBill(before);
    const Case after = Apply(before, After(before, body));
    EXPECT_EQ(after.version, 5);
    EXPECT_EQ(after.status, "contacted");
    EXPECT_EQ(after.phase, Phase::kContacted);
    EXPECT_EQ(after.updated_at, kStart + hours{9});
    EXPECT_EQ(after.opened_at, before.opened_at);
    EXPECT_EQ(after.number, before.number);
  }
}

// Eight customer events, three response events, ten of blacklist entries, the two ends of a case,
// four events of the whole server and one that changes no record stand beside them.
TEST(ApplyTest, NoCaseEventIsLeftOut) {
  std::set<std::string_view> names;
  for (const EventBody& body : Bodies()) EXPECT_TRUE(names.insert(TypeName(body)).second);
  EXPECT_EQ(names.size() + 8 + 3 + 10 + 2 + 4 + 1, std::variant_size_v<EventVariant>);
}

TEST(ApplyTest, OpeningIgnoresWhatWasBefore) {
  Case noise;
  noise.version = 99;
  noise.owner = "somebody";
  const Case opened = OpenedCase();
  const Case after = Apply(noise, After(opened, CaseOpened{opened}));
  EXPECT_EQ(after.version, 1);
  EXPECT_EQ(after.owner, "");
  EXPECT_EQ(after.number, 7);
}

TEST(ApplyTest, FirstTimesAreKeptWhateverOrderTheyAreRecordedIn) {
  const Case opened = OpenedCase();
  Attempt reached;
  reached.outcome = AttemptOutcome::kReached;
  Case c = Apply(opened, After(opened, AttemptLogged{reached}, kStart + hours{5}));
  EXPECT_EQ(c.contacted_at, kStart + hours{5});
  c = Apply(c, After(c, AttemptLogged{reached}, kStart + hours{2}));
  EXPECT_EQ(c.contacted_at, kStart + hours{2});
  c = Apply(c, After(c, AttemptLogged{reached}, kStart + hours{6}));
  EXPECT_EQ(c.contacted_at, kStart + hours{2});

  c = Apply(c, After(c, LaterAnswerCounted{{}, Category::kPromoter}, kStart + hours{50}));
  c = Apply(c, After(c, LaterAnswerCounted{{}, Category::kPassive}, kStart + hours{40}));
  EXPECT_EQ(c.recovered_at, kStart + hours{40});
  EXPECT_EQ(c.converted_at, kStart + hours{50});

  c = Apply(c, After(c, CaseResolved{}, kStart + hours{7}));
  c = Apply(c, After(c, CaseResolved{}, kStart + hours{8}));
  EXPECT_EQ(c.resolved_at, kStart + hours{8}) << "of these, the last";
}

TEST(ApplyTest, OnlyReachingTheCustomerIsContact) {
  const Case opened = OpenedCase();
  Attempt attempt;
  attempt.outcome = AttemptOutcome::kMessageSent;
  EXPECT_EQ(Apply(opened, After(opened, AttemptLogged{attempt})).contacted_at, std::nullopt);
  attempt.direction = Direction::kInbound;
  EXPECT_NE(Apply(opened, After(opened, AttemptLogged{attempt})).contacted_at, std::nullopt);
}

TEST(ApplyTest, ARemedyIsReplacedByItsIdAndCountsWhenGiven) {
  const Case opened = OpenedCase();
  Remedy remedy;
  remedy.id.bytes[0] = 1;
  remedy.state = RemedyState::kOffered;
  Case c = Apply(opened, After(opened, RemedyRecorded{remedy}));
  EXPECT_EQ(c.remedied_at, std::nullopt);
  remedy.state = RemedyState::kAccepted;
  c = Apply(c, After(c, RemedyRecorded{remedy}));
  ASSERT_EQ(c.remedies.size(), 1U);
  EXPECT_EQ(c.remedies[0].state, RemedyState::kAccepted);
  EXPECT_EQ(c.remedied_at, kStart + hours{1});
  remedy.id.bytes[0] = 2;
  EXPECT_EQ(Apply(c, After(c, RemedyRecorded{remedy})).remedies.size(), 2U);
}

TEST(ApplyTest, ClosingGivesTheSlotUpAndReopeningClearsTheResults) {
  const Case opened = OpenedCase();
  Case c = Apply(opened, After(opened, CaseResolved{HandlingResult::kPartly, "x", {}, true}));
  c = Apply(c, After(c, CaseClosed{ResurveyResult::kNotAsked, NotAskedReason::kClosedEarly, {}}));
  EXPECT_FALSE(c.holds_dedupe_slot);
  EXPECT_EQ(c.closed_at, kStart + hours{1});
  CaseReopened by_answer{ReopenCause::kNewDetractor, 4, {}, true, {}};
  by_answer.response_id.bytes[0] = 9;
  c = Apply(c, After(c, by_answer));
  EXPECT_TRUE(c.holds_dedupe_slot);
  EXPECT_EQ(c.severity, 4);
  EXPECT_EQ(c.reopen_count, 1);
  EXPECT_EQ(c.closed_at, std::nullopt);
  EXPECT_EQ(c.handling_result, HandlingResult::kUnset);
  EXPECT_EQ(c.resurvey_result, ResurveyResult::kUnset);
  EXPECT_EQ(c.not_asked_reason, NotAskedReason::kUnset);
  EXPECT_EQ(c.attached_response_ids, std::vector<ResponseId>{by_answer.response_id});
  by_answer.cause = ReopenCause::kBadResurvey;
  EXPECT_EQ(Apply(c, After(c, by_answer)).attached_response_ids.size(), 1U)
      << "a re-survey's answer is not attached";
}

TEST(ApplyTest, TheFirstAndTheLastResurveyAnswerAreKept) {
  const Case opened = OpenedCase();
  Case c = opened;
  for (const int64_t score : {2, 5, 8}) {
    const Category category = Categorize(DefaultScale(ScaleKind::kNps), score);
    c = Apply(c, After(c, ResurveyAnswered{{{}, score, category, kStart}}));
  }
  EXPECT_EQ(c.resurvey.first_answer->score, 2);
  EXPECT_EQ(c.resurvey.last_answer->score, 8);
  EXPECT_EQ(c.resurvey.answer_count, 3);
}

TEST(ApplyTest, ATimerEndsByKindAndGeneration) {
  Case c = OpenedCase();
  c = Apply(c, After(c, TimerSet{TimerKind::kCommitment, 1, kStart + hours{2}}));
  c = Apply(c, After(c, TimerSet{TimerKind::kCommitment, 2, kStart + hours{3}}));
  EXPECT_EQ(NextDue(c), kStart + hours{2});
  c = Apply(c, After(c, TimerEnded{TimerKind::kCommitment, 1, TimerState::kFired}));
  EXPECT_EQ(NextDue(c), kStart + hours{3});
  EXPECT_EQ(c.timers[0].ended_at, kStart + hours{1});
  EXPECT_EQ(c.timers[1].state, TimerState::kPending);
}

TEST(ApplyTest, PeopleAndClocksMarkACaseAsWorkedAndAnswersDoNot) {
  for (const EventBody& body : Bodies()) {
    Case opened = OpenedCase();
    if (!std::holds_alternative<StepStarted>(body)) BeginBill(opened);
    const std::string_view name = TypeName(body);
    const bool by_answers = name == "ResponseAttached" || name == "ResurveyAnswered" ||
                            name == "LaterAnswerCounted" || name == "TimerSet" ||
                            name == "TimerEnded" || name == "CaseHistoryDerived" ||
                            name == "AlertRaised";
    // These stand beside what a person or a timer did, which has marked the case.
    const bool follows = name == "PriorityChanged" || name == "PauseEnded" ||
                         name == "ClockStarted" || name == "ClockPaused" ||
                         name == "ClockResumed" || name == "ClockEnded" || name == "ClockMoved" ||
                         name == "CaseMigrated" || name == "StepStarted";
    EXPECT_EQ(Apply(opened, After(opened, body)).worked, !by_answers && !follows) << name;
  }
  const Case opened = OpenedCase();
  EXPECT_TRUE(
      Apply(opened, After(opened, TimerEnded{TimerKind::kFirstContact, 1, TimerState::kFired}))
          .worked);
}

TEST(ApplyDeathTest, EventsOfOtherSubjectsAreProgrammersErrors) {
  const Case opened = OpenedCase();
  EXPECT_DEATH((void)Apply(opened, After(opened, CaseVoided{})), "CHECK failed");
  EXPECT_DEATH((void)Apply(opened, After(opened, CustomerCreated{})), "CHECK failed");
  EXPECT_DEATH((void)Apply(opened, After(opened, RevisionApplied{})), "CHECK failed");
  EXPECT_DEATH((void)Apply(opened, After(opened, ZoneDataChanged{})), "CHECK failed");
  EXPECT_DEATH((void)Apply(opened, After(opened, ClockPaused{ClockKind::kRemedy, 2, 0})),
               "CHECK failed")
      << "no such clock";
  EXPECT_DEATH((void)Apply(Customer{}, After(opened, CaseClosed{})), "CHECK failed");
  EXPECT_DEATH((void)Apply(Response{}, After(opened, CaseClosed{})), "CHECK failed");
}

}  // namespace
}  // namespace rebound
