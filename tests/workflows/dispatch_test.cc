// The verbs of dispatching (DESIGN 1): who may, what they need, what they leave behind. Which
// status accepts which verb is in lifecycle_test.cc.
#include <gtest/gtest.h>

#include "tests/fixtures/domain_fixtures.h"

namespace rebound {
namespace {

using fixtures::Answer;
using fixtures::kNoProblems;
using fixtures::On;
using fixtures::OutboundAttempt;
using fixtures::Outcome;
using fixtures::Resolved;
using fixtures::World;
using std::chrono::days;
using std::chrono::hours;

World WithOpenCase(Revision revision = fixtures::TestRevision()) {
  World world(std::move(revision));
  EXPECT_TRUE(world.Do(Answer("a", 3)));
  return world;
}

std::string DoAs(World& world, std::string actor, CaseVerb verb) {
  std::swap(world.actor, actor);
  std::string outcome = Do(world, std::move(verb));
  std::swap(world.actor, actor);
  return outcome;
}

// ------------------------------------------------------------------------------ sending around

TEST(DispatchTest, SendsTheCaseToAnOwnerAQueueAndAUnitAndKeepsWhatIsNotNamed) {
  World world = WithOpenCase();
  ASSERT_EQ(Do(world, Dispatch{{}, "vip", "gd/sz", {{}, "theirs"}}), "CaseDispatched");
  const Case sent = world.OnlyCase();
  EXPECT_EQ(sent.status, "dispatched");
  EXPECT_EQ(sent.owner, "");
  EXPECT_EQ(sent.details.queue_id, "vip");
  EXPECT_EQ(sent.details.org_unit_id, "gd/sz");
  EXPECT_EQ(world.log.back().queue_id, "vip") << "whoever gets it sees that it came";
  EXPECT_EQ(world.log.back().org_unit_id, "gd/sz");
  EXPECT_FALSE(std::get<CaseDispatched>(world.log.back().body).note.id.empty());
  ASSERT_EQ(Do(world, Dispatch{"wang.wei", {}, {}, {}}), "CaseDispatched");
  EXPECT_EQ(world.OnlyCase().owner, "wang.wei");
  EXPECT_EQ(world.OnlyCase().details.queue_id, "vip");
  EXPECT_EQ(world.OnlyCase().details.org_unit_id, "gd/sz");
  EXPECT_EQ(world.OnlyCase().first_receiver, "") << "sent is not received";
}

TEST(DispatchTest, WhoeverReceivesItFirstStaysAccountable) {
  World world = WithOpenCase();
  ASSERT_EQ(Do(world, Dispatch{"wang.wei", {}, {}, {}}), "CaseDispatched");
  world.now += hours{1};
  ASSERT_EQ(DoAs(world, "wang.wei", Accept{}), "CaseAccepted");
  const Timestamp received = world.now;
  world.now += hours{1};
  const auto expect_accountable = [&](std::string_view owner, std::string_view status) {
    EXPECT_EQ(world.OnlyCase().owner, owner);
    EXPECT_EQ(world.OnlyCase().status, status);
    EXPECT_EQ(world.OnlyCase().first_receiver, "wang.wei");
    EXPECT_EQ(world.OnlyCase().first_received_at, received);
  };
  expect_accountable("wang.wei", "accepted");
  ASSERT_EQ(DoAs(world, "wang.wei", Return{"wrong_unit", {}, {}}), "CaseReturned");
  expect_accountable("", "open");
  EXPECT_TRUE(IsClaimable(world.OnlyCase()));
  ASSERT_EQ(Outcome(world.Do(ClaimNext{})), "CaseAssigned");
  expect_accountable("li.na", "accepted");
  ASSERT_EQ(Do(world, Dispatch{"sun.li", {}, {}, {}}), "CaseDispatched");
  expect_accountable("sun.li", "dispatched");
  ASSERT_EQ(DoAs(world, "sun.li", Accept{}), "CaseAccepted");
  ASSERT_EQ(Do(world, Assign{"zhao.min", {}}), "CaseAssigned");
  expect_accountable("zhao.min", "accepted");
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(DispatchTest, AClaimAndAnAssignmentReceiveACaseToo) {
  World claimed = WithOpenCase();
  ASSERT_EQ(Outcome(claimed.Do(ClaimNext{})), "CaseAssigned");
  EXPECT_EQ(claimed.OnlyCase().status, "accepted");
  EXPECT_EQ(claimed.OnlyCase().first_receiver, "li.na");
  World assigned = WithOpenCase();
  ASSERT_EQ(Do(assigned, Assign{"", "vip"}), "CaseAssigned");
  EXPECT_EQ(assigned.OnlyCase().first_receiver, "") << "a queue is nobody";
  ASSERT_EQ(Do(assigned, Assign{"wang.wei", {}}), "CaseAssigned");
  EXPECT_EQ(assigned.OnlyCase().first_receiver, "wang.wei");
  EXPECT_EQ(assigned.OnlyCase().status, "open") << "assigning is not accepting";
}

TEST(DispatchTest, AClaimTakesTheMostUrgentCase) {
  Revision revision = fixtures::TestRevision();
  revision.priorities = DefaultPriorities();
  World world(revision);
  for (const int32_t severity : {2, 5, 4}) {
    OpenCase open;
    open.program_id = fixtures::kNps;
    open.severity = severity;
    ASSERT_TRUE(world.Do(open));
  }
  for (const int32_t severity : {5, 4, 2}) {
    const auto claimed = world.Do(ClaimNext{});
    ASSERT_EQ(Outcome(claimed), "CaseAssigned");
    EXPECT_EQ(world.cases.at(claimed->front().case_id).severity, severity);
  }
}

// ------------------------------------------------------------------------------ return

TEST(ReturnTest, NeedsAReasonOfTheListAndGoesBackToTheProgramsQueue) {
  Revision revision = fixtures::TestRevision();
  revision.labels.return_reasons = {{"wrong_unit", "", ""}, {"no_right", "", ""}};
  World world = WithOpenCase(revision);
  ASSERT_EQ(Do(world, Dispatch{{}, "vip", {}, {}}), "CaseDispatched");
  EXPECT_EQ(Do(world, Return{"", {}, {}}), "REQUIRED_FIELD_MISSING");
  const auto unknown = world.Do(On(world.OnlyCase(), Return{"too_hard", {}, {}}));
  ASSERT_EQ(Outcome(unknown), "REASON_UNKNOWN");
  EXPECT_EQ(unknown.error().metadata.at("value"), "too_hard");
  EXPECT_EQ(unknown.error().metadata.at("allowed"), "wrong_unit, no_right");
  World named = world;
  ASSERT_EQ(Do(world, Return{"no_right", {}, {}}), "CaseReturned");
  EXPECT_EQ(world.OnlyCase().details.queue_id, "default");
  EXPECT_EQ(world.log.back().queue_id, "default");
  ASSERT_EQ(Do(named, Return{"no_right", {}, "triage"}), "CaseReturned");
  EXPECT_EQ(named.OnlyCase().details.queue_id, "triage");
  // A revision that lists none takes any word.
  World any = WithOpenCase();
  ASSERT_EQ(Do(any, Dispatch{{}, "vip", {}, {}}), "CaseDispatched");
  EXPECT_EQ(Do(any, Return{"too_hard", {}, {}}), "CaseReturned");
}

TEST(ReturnTest, IsLimitedOverTheLifeOfTheCase) {
  World world = WithOpenCase();
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(Do(world, Dispatch{{}, "vip", {}, {}}), "CaseDispatched");
    ASSERT_EQ(Do(world, Return{"wrong_unit", {}, {}}), "CaseReturned");
    EXPECT_EQ(world.OnlyCase().return_count, i + 1);
  }
  ASSERT_EQ(Do(world, Dispatch{{}, "vip", {}, {}}), "CaseDispatched");
  const auto refused = world.Do(On(world.OnlyCase(), Return{"wrong_unit", {}, {}}));
  ASSERT_EQ(Outcome(refused), "RETURN_LIMIT_REACHED");
  EXPECT_EQ(refused.error().metadata.at("limit"), "3");
  EXPECT_EQ(Do(world, EscalateCase{}), "CaseEscalated") << "that is what is left";
}

// ------------------------------------------------------------------------------ help and pressure

TEST(AssistTest, IsAskedAndAnsweredOnceAndTheOwnerStaysResponsible) {
  World world = WithOpenCase();
  ASSERT_EQ(Outcome(world.Do(ClaimNext{})), "CaseAssigned");
  EXPECT_EQ(Do(world, AssistCase{}), "REQUIRED_FIELD_MISSING");
  ASSERT_EQ(Do(world, AssistCase{{}, "billing", {{}, "which bill?"}}), "AssistRecorded");
  ASSERT_EQ(Do(world, AssistCase{{}, "network", {{}, "was it down?"}}), "AssistRecorded");
  const Case asked = world.OnlyCase();
  ASSERT_EQ(asked.assists.size(), 2U);
  EXPECT_EQ(asked.assists[0].requested_by, "li.na");
  EXPECT_EQ(asked.assists[0].answered_at, std::nullopt);
  world.now += hours{1};
  ASSERT_EQ(DoAs(world, "wu.gang", AssistCase{asked.assists[0].id, {}, {{}, "the March one"}}),
            "AssistRecorded");
  const Assist& answered = world.OnlyCase().assists[0];
  EXPECT_EQ(answered.request.value, "which bill?");
  EXPECT_EQ(answered.answer.value, "the March one");
  EXPECT_EQ(answered.answered_by, "wu.gang");
  EXPECT_EQ(answered.answered_at, world.now);
  EXPECT_EQ(world.OnlyCase().assists[1], asked.assists[1]);
  EXPECT_EQ(DoAs(world, "wu.gang", AssistCase{answered.id, {}, {{}, "again"}}), "ASSIST_ANSWERED");
  AssistId unknown;
  unknown.bytes[0] = 99;
  EXPECT_EQ(Do(world, AssistCase{unknown, {}, {}}), "NOT_FOUND");
  EXPECT_EQ(world.OnlyCase().owner, "li.na");
  EXPECT_EQ(world.OnlyCase().status, "accepted");
}

TEST(ChaseTest, IsOnRecordAndTold) {
  World world = WithOpenCase();
  ASSERT_EQ(Do(world, ChaseCase{Channel::kMessenger, {{}, "where is it?"}}), "CaseChased");
  EXPECT_EQ(OutboxKind(world.log.back().body), "notification");
  ASSERT_EQ(world.OnlyCase().chases.size(), 1U);
  EXPECT_EQ(world.OnlyCase().chases[0].channel, Channel::kMessenger);
  EXPECT_EQ(world.OnlyCase().chases[0].actor, "li.na");
  EXPECT_EQ(world.OnlyCase().status, "open");
}

TEST(SuperviseTest, AndDecidingAnExtensionNeedTheirRoles) {
  const Case any = *fixtures::InStatus(fixtures::TestRevision(), "accepted").subject;
  for (const CaseCommand command : {CaseCommand::kSupervise, CaseCommand::kDecideExtension}) {
    for (const auto& [role, may] :
         {std::pair("agent", false), std::pair("dispatcher", false), std::pair("verifier", false),
          std::pair("supervisor", true), std::pair("manager", true), std::pair("admin", true),
          std::pair("", true)}) {
      SCOPED_TRACE(std::string(Name(command)) + " " + role);
      const Revision revision = fixtures::TestRevision();
      const Facts facts = fixtures::InStatus(revision, "accepted");
      IdSource ids(fixtures::kStart, 1, 1);
      const Context context{fixtures::kStart + hours{1}, &ids, &revision, "li.na", role};
      const auto decided =
          Decide(facts, On(any, fixtures::VerbFor(command, *facts.subject)), context);
      ASSERT_EQ(static_cast<bool>(decided), may);
      if (may) continue;
      EXPECT_EQ(decided.error().reason, Reason::kTransitionRoleNotAllowed);
      EXPECT_EQ(decided.error().metadata.at("role"), role);
      EXPECT_EQ(decided.error().metadata.at("roles"), "supervisor, manager, admin");
      EXPECT_EQ(decided.error().metadata.at("command"), Name(command));
    }
  }
}

TEST(SuperviseTest, IsOnRecordAndTold) {
  World world = WithOpenCase();
  world.role = "supervisor";
  ASSERT_EQ(Do(world, SuperviseCase{{{}, "I am watching this"}}), "CaseSupervised");
  ASSERT_EQ(world.OnlyCase().supervisions.size(), 1U);
  EXPECT_EQ(world.OnlyCase().supervisions[0].actor, "li.na");
  EXPECT_EQ(OutboxKind(world.log.back().body), "notification");
}

// The role is asked after the status: what nobody may do in it is refused to all alike.
TEST(SuperviseTest, AStatusThatDoesNotAcceptItComesFirst) {
  World world = WithOpenCase();
  ASSERT_EQ(Do(world, WithdrawCase{}), "CaseResolved ClockEnded CaseClosed");
  world.role = "agent";
  EXPECT_EQ(Do(world, SuperviseCase{}), "TRANSITION_NOT_ALLOWED");
}

TEST(EscalateTest, GoesUpTheOrgTreeByHandToo) {
  Revision revision = fixtures::TestRevision();
  revision.org_units = {{"gd", "", "", "chen.hao", {}, {}}, {"gd/sz", "", "", "liu.yang", {}, {}}};
  World world = WithOpenCase(revision);
  ASSERT_EQ(Do(world, Dispatch{{}, {}, "gd/sz", {}}), "CaseDispatched");
  for (const char* told : {"liu.yang", "chen.hao", "role:manager", "role:manager"}) {
    ASSERT_EQ(Do(world, EscalateCase{{{}, "stuck"}}), "CaseEscalated");
    EXPECT_EQ(std::get<CaseEscalated>(world.log.back().body).to, std::vector<std::string>{told});
  }
  EXPECT_EQ(world.OnlyCase().escalation_level, 4);
  EXPECT_EQ(world.OnlyCase().status, "dispatched");
}

// Whatever the command: the case goes where its row of the lifecycle says.
TEST(EscalateTest, LeadsWhereItsRowSaysAsDoAnAnswerThatAttachesAndATryThatFails) {
  Revision revision = fixtures::TestRevision();
  for (Transition& row : revision.lifecycle.transitions) {
    if (row.from == "accepted" && row.command == CaseCommand::kEscalate) row.to = "contacting";
    if (row.from == "contacting" && row.command == CaseCommand::kAttachResponse) {
      row.to = "accepted";
    }
    if (row.from == "accepted" && row.command == CaseCommand::kLogAttempt) row.otherwise.clear();
  }
  World world(revision);
  ASSERT_TRUE(world.Do(fixtures::Answer("a", 3)));
  ASSERT_EQ(Do(world, Accept{}), "CaseAccepted");
  ASSERT_EQ(Do(world, fixtures::OutboundAttempt(AttemptOutcome::kBusy)), "AttemptLogged");
  EXPECT_EQ(world.OnlyCase().status, "accepted") << "without an `otherwise` it stays";
  ASSERT_EQ(Do(world, EscalateCase{}), "CaseEscalated");
  EXPECT_EQ(world.OnlyCase().status, "contacting");
  ASSERT_EQ(Outcome(world.Do(fixtures::Answer("a", 3))), "ResponseRecorded ResponseAttached");
  EXPECT_EQ(world.OnlyCase().status, "accepted");
  EXPECT_EQ(world.problems, kNoProblems);
}

// ------------------------------------------------------------------------------ verify

TEST(VerifyTest, IsNotTheOwnersAndPassesOnlyIfAllThreeAreSo) {
  for (int answers = 0; answers < 8; ++answers) {
    SCOPED_TRACE(answers);
    World world = WithOpenCase();
    ASSERT_EQ(Outcome(world.Do(ClaimNext{})), "CaseAssigned");
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
    Verification verification;
    verification.contacted = (answers & 1) != 0;
    verification.solved = (answers & 2) != 0;
    verification.accepted = (answers & 4) != 0;
    const auto own = world.Do(On(world.OnlyCase(), VerifyCase{verification}));
    ASSERT_EQ(Outcome(own), "SECOND_PERSON_REQUIRED");
    EXPECT_EQ(own.error().metadata.at("person"), "li.na");
    const bool passes = answers == 7;
    ASSERT_EQ(DoAs(world, "zhou.jie", VerifyCase{verification}),
              passes ? "VerificationRecorded" : "VerificationRecorded ClockEnded");
    const Case& c = world.OnlyCase();
    EXPECT_EQ(c.status, passes ? "verified" : "rework");
    EXPECT_EQ(c.handling_result, passes ? HandlingResult::kResolved : HandlingResult::kUnset);
    EXPECT_EQ(c.customer_accepts, verification.accepted);
    EXPECT_EQ(c.verifications.at(0).actor, "zhou.jie");
    EXPECT_EQ(NextDue(c).has_value(), passes) << "only what is verified is asked again";
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

TEST(VerifyTest, IsNotTheirsWhoResolvedItEither) {
  World world = WithOpenCase();
  ASSERT_EQ(Outcome(world.Do(ClaimNext{})), "CaseAssigned");
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  EXPECT_EQ(world.OnlyCase().resolved_by, "li.na");
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Assign{"wang.wei", {}})));
  const VerifyCase passed{{.contacted = true, .solved = true, .accepted = true}};
  EXPECT_EQ(Do(world, passed), "SECOND_PERSON_REQUIRED") << "handed over is not somebody else's";
  EXPECT_EQ(DoAs(world, "wang.wei", passed), "SECOND_PERSON_REQUIRED");
  EXPECT_EQ(DoAs(world, "zhou.jie", passed), "VerificationRecorded");
}

TEST(VerifyTest, IsPossibleFromVerifyingWhereTheCaseIsMovedByHand) {
  World world = WithOpenCase();
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  ASSERT_EQ(Do(world, MoveCase{"verifying", {}, {{}, "line 3"}}), "CaseMoved ClockEnded");
  EXPECT_EQ(world.OnlyCase().status, "verifying");
  EXPECT_EQ(NextDue(world.OnlyCase()), std::nullopt) << "not asked before it is verified";
  ASSERT_EQ(DoAs(world, "zhou.jie", VerifyCase{{true, true, true, {}, {}, {}}}),
            "VerificationRecorded ClockStarted");
  EXPECT_EQ(NextDue(world.OnlyCase()), world.now + days{3});
  EXPECT_EQ(world.problems, kNoProblems);
}

// ------------------------------------------------------------------------------ move, withdraw

TEST(MoveTest, GoesWhereARowLeadsAndNowhereElse) {
  World world = WithOpenCase();
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  const auto unknown = world.Do(On(world.OnlyCase(), MoveCase{"limbo", {}, {}}));
  ASSERT_EQ(Outcome(unknown), "STATUS_UNKNOWN");
  EXPECT_EQ(unknown.error().metadata.at("allowed"), "verifying");
  EXPECT_EQ(Do(world, MoveCase{}), "STATUS_UNKNOWN");
  const auto refused = world.Do(On(world.OnlyCase(), MoveCase{"verified", {}, {}}));
  ASSERT_EQ(Outcome(refused), "TRANSITION_NOT_ALLOWED");
  EXPECT_NE(refused.error().metadata.at("allowed").find("move:verifying"), std::string::npos);
}

TEST(MoveTest, IntoAStatusThatStopsClocksIsAPauseWithItsReason) {
  Revision revision = fixtures::TestRevision();
  revision.labels.pause_reasons = {{"parts", "", ""}, {"expert", "", ""}};
  for (const char* key : {"waiting_for_parts", "waiting_for_expert"}) {
    revision.lifecycle.statuses.push_back(
        {key, key, key, Phase::kContacted, false, {ClockKind::kFirstContact}});
  }
  const auto add = [&](const char* from, const char* to) {
    revision.lifecycle.transitions.push_back({from, CaseCommand::kMove, to, {}, {}, {}, {}});
  };
  add("open", "waiting_for_parts");
  add("waiting_for_parts", "waiting_for_expert");
  add("waiting_for_expert", "contacting");
  World world = WithOpenCase(revision);
  EXPECT_EQ(Do(world, MoveCase{"waiting_for_parts", {}, {}}), "REQUIRED_FIELD_MISSING");
  EXPECT_EQ(Do(world, MoveCase{"waiting_for_parts", "tired", {}}), "REASON_UNKNOWN");
  ASSERT_EQ(Do(world, MoveCase{"waiting_for_parts", "parts", {}}),
            "CaseMoved PauseStarted ClockPaused");
  world.now += hours{1};
  ASSERT_EQ(Do(world, MoveCase{"waiting_for_expert", "expert", {}}),
            "CaseMoved PauseEnded PauseStarted");
  world.now += hours{1};
  ASSERT_EQ(Do(world, MoveCase{"contacting", {}, {}}), "CaseMoved ClockResumed PauseEnded");
  const Case& c = world.OnlyCase();
  ASSERT_EQ(c.pauses.size(), 2U);
  EXPECT_EQ(c.pauses[0].reason, "parts");
  EXPECT_EQ(c.pauses[0].resumed_at, fixtures::kStart + hours{1});
  EXPECT_EQ(c.pauses[1].reason, "expert");
  EXPECT_EQ(c.pauses[1].resumed_at, fixtures::kStart + hours{2});
  EXPECT_EQ(c.clocks[0].paused, hours{2});
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(WithdrawTest, ClosesWithItsResultAndAsksNobody) {
  World world = WithOpenCase();
  ASSERT_EQ(Do(world, WithdrawCase{{{}, "the customer found the bill"}}),
            "CaseResolved ClockEnded CaseClosed");
  const Case& c = world.OnlyCase();
  EXPECT_EQ(c.status, "closed");
  EXPECT_EQ(c.handling_result, HandlingResult::kWithdrawn);
  EXPECT_EQ(c.resurvey_result, ResurveyResult::kNotAsked);
  EXPECT_EQ(c.not_asked_reason, NotAskedReason::kWithdrawn);
  EXPECT_EQ(c.clocks[0].state, ClockState::kCancelled);
  EXPECT_FALSE(c.holds_dedupe_slot);
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(WithdrawTest, LeavesTheCustomersLastWord) {
  World world = WithOpenCase();
  world.revision.programs.front().max_reopen_count = 0;
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  world.now += days{3};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), FireTimers{})));
  ASSERT_TRUE(world.Do(Answer("a", 2)));
  ASSERT_EQ(world.OnlyCase().status, "resurveyed");
  ASSERT_EQ(Do(world, WithdrawCase{}), "CaseResolved CaseClosed");
  EXPECT_EQ(world.OnlyCase().resurvey_result, ResurveyResult::kStillDetractor);
}

// ------------------------------------------------------------------------------ required fields

// Makes the case have what the field asks for, before the transition is tried.
void Give(Case& c, RequiredField field) {
  switch (field) {
    case RequiredField::kUnset: break;
    case RequiredField::kOwner: c.owner = "wang.wei"; break;
    case RequiredField::kAttempt: c.attempts.emplace_back(); break;
    case RequiredField::kContact: c.contacted_at = fixtures::kStart; break;
    case RequiredField::kRemedy: c.remedied_at = fixtures::kStart; break;
    case RequiredField::kHandlingResult: c.handling_result = HandlingResult::kPartly; break;
    case RequiredField::kRootCause: c.root_cause = "billing"; break;
    case RequiredField::kActionTaken: c.action_taken.id.bytes[0] = 1; break;
    case RequiredField::kCustomerAccepts: c.customer_accepts = false; break;
    case RequiredField::kVerification: c.verifications.emplace_back(); break;
    case RequiredField::kCommitmentsSettled: c.commitments[0].state = CommitmentState::kKept; break;
    case RequiredField::kResponsibleUnit: c.details.responsible_unit_id = "gd"; break;
    case RequiredField::kLiability: c.details.liability = Liability::kCompany; break;
  }
}

TEST(RequiredFieldsTest, AllThatAreMissingAreNamedAndEachCanBeGiven) {
  Revision revision = fixtures::TestRevision();
  std::vector<RequiredField> all;
  for (int i = 1; i < kRequiredFieldCount; ++i) all.push_back(static_cast<RequiredField>(i));
  for (Transition& t : revision.lifecycle.transitions) {
    if (t.command == CaseCommand::kAssist) t.requires_fields = all;
  }
  Facts facts = fixtures::InStatus(revision, "accepted");
  facts.subject->owner.clear();
  facts.subject->contacted_at.reset();
  const auto attempt = [&] {
    IdSource ids(fixtures::kStart, 1, 1);
    const Context context{fixtures::kStart + hours{1}, &ids, &revision, "li.na", {}};
    return Decide(facts, On(*facts.subject, AssistCase{{}, "billing", {}}), context);
  };
  for (size_t given = 0; given < all.size(); ++given) {
    std::string missing;
    for (size_t i = given; i < all.size(); ++i) {
      (missing += missing.empty() ? "" : ", ") += Name(all[i]);
    }
    const auto refused = attempt();
    ASSERT_EQ(Outcome(refused), "CASE_INCOMPLETE");
    EXPECT_EQ(refused.error().metadata.at("missing"), missing);
    EXPECT_EQ(refused.error().metadata.at("command"), "assist");
    Give(*facts.subject, all[given]);
  }
  EXPECT_EQ(Outcome(attempt()), "AssistRecorded");
}

TEST(RequiredFieldsTest, WhatTheVerbItselfBringsCounts) {
  Revision revision = fixtures::TestRevision();
  for (Transition& t : revision.lifecycle.transitions) {
    if (t.command != CaseCommand::kResolve) continue;
    t.requires_fields = {RequiredField::kHandlingResult, RequiredField::kRootCause,
                         RequiredField::kActionTaken, RequiredField::kCustomerAccepts};
  }
  World world = WithOpenCase(revision);
  const auto refused = world.Do(On(world.OnlyCase(), Resolve{}));
  ASSERT_EQ(Outcome(refused), "CASE_INCOMPLETE");
  EXPECT_EQ(refused.error().metadata.at("missing"),
            "handling_result, root_cause, action_taken, customer_accepts");
  EXPECT_EQ(world.OnlyCase().status, "open") << "nothing is kept of it";
  Resolve whole{HandlingResult::kPartly, "billing", {{}, "corrected"}, false};
  EXPECT_EQ(Do(world, whole), "ClockEnded CaseResolved ClockStarted");
}

TEST(ResolveTest, TheRootCauseIsOfTheList) {
  Revision revision = fixtures::TestRevision();
  revision.labels.root_causes = {{"billing", "", ""}};
  World world = WithOpenCase(revision);
  EXPECT_EQ(Do(world, Resolved()), "REASON_UNKNOWN") << "billing/overage";
  EXPECT_EQ(Do(world, Resolve{HandlingResult::kResolved, "billing", {}, {}}),
            "ClockEnded CaseResolved ClockStarted");
}

TEST(CommitmentTest, IsSettledOnce) {
  World world = WithOpenCase();
  MakeCommitment promise;
  promise.commitment.due_at = world.now + hours{5};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), promise)));
  const CommitmentId id = world.OnlyCase().commitments[0].id;
  EXPECT_EQ(Do(world, SettleCommitment{{}, CommitmentState::kKept, {}}), "NOT_FOUND");
  ASSERT_EQ(Do(world, SettleCommitment{id, CommitmentState::kBroken, {}}),
            "CommitmentSettled ClockEnded");
  const auto again =
      world.Do(On(world.OnlyCase(), SettleCommitment{id, CommitmentState::kKept, {}}));
  ASSERT_EQ(Outcome(again), "COMMITMENT_SETTLED");
  EXPECT_EQ(again.error().metadata.at("state"), "broken");
}

// ------------------------------------------------------------------------------ the whole server

TEST(ServerTest, ARevisionIsAppliedOnceAndOnlyUponTheOneThatWasSeen) {
  World world;
  auto next = std::make_shared<Revision>(fixtures::TestRevision());
  next->hash = "abc";
  ASSERT_EQ(Outcome(world.Do(ApplyRevision{next, "text", "api", 7})), "RevisionApplied");
  EXPECT_EQ(std::get<RevisionApplied>(world.log.back().body), (RevisionApplied{8, "abc", "api"}));
  EXPECT_EQ(world.revision.number, 8);
  EXPECT_EQ(Outcome(world.Do(ApplyRevision{next, "text", "api", {}})), "") << "the same again";
  next = std::make_shared<Revision>(*next);
  next->hash = "def";
  const auto stale = world.Do(ApplyRevision{next, "text", "api", 7});
  ASSERT_EQ(Outcome(stale), "REVISION_CONFLICT");
  EXPECT_EQ(stale.error().metadata.at("current"), "8");
  EXPECT_EQ(Outcome(world.Do(ApplyRevision{next, "text", "api", 8})), "RevisionApplied");
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(ServerTest, AJumpOfTheClockIsOnRecordAndAHoldIsConfirmedOnce) {
  World world;
  EXPECT_EQ(Outcome(world.Do(ReportClock{})), "") << "all is well";
  EXPECT_EQ(Outcome(world.Do(ConfirmClock{})), "TIMERS_NOT_HELD");
  ReportClock jump;
  jump.expected = world.now;
  jump.found = world.now + hours{1};
  ASSERT_EQ(Outcome(world.Do(jump)), "ClockJumped");
  EXPECT_EQ(std::get<ClockJumped>(world.log.back().body),
            (ClockJumped{world.now, world.now + hours{1}, false}));
  EXPECT_EQ(Outcome(world.Do(ConfirmClock{})), "TIMERS_NOT_HELD");
  jump.holds = true;
  ASSERT_EQ(Outcome(world.Do(jump)), "ClockJumped");
  EXPECT_EQ(Outcome(world.Do(ConfirmClock{})), "ClockConfirmed");
  EXPECT_EQ(Outcome(world.Do(ConfirmClock{})), "TIMERS_NOT_HELD");
}

TEST(ServerTest, NewZoneDataIsOnRecordOnce) {
  World world;
  EXPECT_EQ(Outcome(world.Do(ReportZones{"2026a"})), "ZoneDataChanged");
  EXPECT_EQ(Outcome(world.Do(ReportZones{"2026a"})), "");
  EXPECT_EQ(Outcome(world.Do(ReportZones{"2026b"})), "ZoneDataChanged");
  EXPECT_EQ(std::get<ZoneDataChanged>(world.log.back().body), (ZoneDataChanged{"2026a", "2026b"}));
}

}  // namespace
}  // namespace rebound
