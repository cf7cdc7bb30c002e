// The verbs of dispatching and the clocks of a case, through the API, with a clock that is moved by
// hand.
#include <gmock/gmock.h>

#include <set>

#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/report_service.pb.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using std::chrono::hours;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

std::string JsonText(const std::string& text) {
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return quoted + "\"";
}

// The shipped programs under the shipped lifecycle, with lists to choose from, three clocks of wall
// time, and verifying only for verifiers; closing a resolved case needs a verification.
std::shared_ptr<const Revision> DispatchRevision() {
  Revision revision = *ShippedRevision();
  revision.playbooks.clear();
  revision.queues.clear();
  revision.lifecycle = DefaultLifecycle();
  for (Transition& transition : revision.lifecycle.transitions) {
    if (transition.command == CaseCommand::kVerify) {
      transition.roles = {"verifier", "manager", "admin"};
    }
    if (transition.command == CaseCommand::kClose && transition.from == "resolved") {
      transition.requires_fields = {RequiredField::kVerification};
    }
  }
  revision.roles = DefaultRoles();
  revision.priorities = DefaultPriorities();
  revision.labels = {};
  revision.labels.pause_reasons = {{"customer_away", "Customer away", "客户不在"},
                                   {"parts_ordered", "Parts ordered", "等待配件"}};
  revision.labels.return_reasons = {{"wrong_unit", "Wrong unit", "派错单位"}};
  revision.labels.extension_reasons = {{"parts_ordered", "Parts ordered", "等待配件"}};
  revision.org_units = {{.id = "south", .manager = "chen"}, {.id = "south/7", .manager = "wu"}};
  revision.calendars.clear();
  const auto clock = [](const char* id, ClockKind kind, hours limit) {
    ClockDefinition definition{.id = id, .name_en = id, .name_zh = id, .kind = kind};
    definition.limit = {Count::kWall, Duration(limit).count()};
    return definition;
  };
  revision.clocks = {clock("contact-4h", ClockKind::kFirstContact, hours(4)),
                     clock("remedy-48h", ClockKind::kRemedy, hours(48)),
                     clock("total-96h", ClockKind::kTotalResolution, hours(96))};
  return std::make_shared<const Revision>(std::move(revision));
}

class DispatchApiTest : public testing::Test {
 protected:
  DispatchApiTest() : server_(TestServerOptions{.revision = DispatchRevision()}) {
    for (const char* name : {"li", "wang"}) server_.AddIdentity(name, "agent");
    server_.AddIdentity("zhao", "verifier");
    server_.AddIdentity("chen", "supervisor");
    const auto answer = server_.Do<api::SubmitResponseResponse>(
        "integration", R"(response { program_id: "touchpoint" score: 3 org_unit_id: "south/7"
                          customer_key { source_system: "crm" external_id: "mei" } })");
    case_ = answer.response().paired_case_id();
  }

  std::string Named() const { return "case_id: " + JsonText(case_) + " "; }
  api::Case Get() { return server_.Do<api::GetCaseResponse>("admin", Named()).case_(); }
  std::string Etag() { return "etag: " + JsonText(Get().etag()) + " "; }
  template <typename Response>
  api::Case Do(std::string_view who, const std::string& text = "") {
    return server_.Do<Response>(who, Named() + text).case_();
  }
  Refusal Refuse(std::string_view who, std::string_view verb, const std::string& text = "") {
    return server_.Refuse(who, "CaseService/" + std::string(verb), Named() + text);
  }
  api::CaseClock Clock(api::ClockKind kind) {
    const api::Case c = Get();
    for (auto it = c.clocks().rbegin(); it != c.clocks().rend(); ++it) {
      if (it->kind() == kind) return *it;
    }
    ADD_FAILURE() << "no clock " << api::ClockKind_Name(kind);
    return {};
  }
  void Resolve(std::string_view who) {
    Do<api::ResolveCaseResponse>(who, R"(handling_result: HANDLING_RESULT_RESOLVED
                                         root_cause: "billing" action_taken: "put right")");
  }
  // The timeline's entries of a type, as "name=value name=value".
  std::vector<std::string> Told(const std::string& type) {
    std::vector<std::string> entries;
    const auto events =
        server_.Do<api::ListCaseEventsResponse>("admin", Named() + "page_size: 1000");
    for (const api::CaseEvent& event : events.events()) {
      if (event.type() != type) continue;
      std::string entry;
      const std::map<std::string, std::string> details(event.details().begin(),
                                                       event.details().end());
      for (const auto& [name, value] : details) {
        entry += (entry.empty() ? "" : " ") + name + "=" + value;
      }
      entries.push_back(entry);
    }
    return entries;
  }

  TestServer server_;
  std::string case_;
};

TEST_F(DispatchApiTest, ACaseIsDispatchedAcceptedAndReturnedUpToTheLimit) {
  api::Case c = Do<api::DispatchCaseResponse>(
      "agent", R"(org_unit_id: "south/7" queue_id: "store" note: "theirs")");
  EXPECT_EQ(c.status(), "dispatched");
  EXPECT_EQ(c.queue_id(), "store");
  EXPECT_THAT(Told("CaseDispatched"), ElementsAre("org_unit=south/7 queue=store"));
  c = Do<api::AcceptCaseResponse>("li");
  EXPECT_EQ(c.owner(), "li");
  EXPECT_EQ(c.first_receiver(), "li");
  EXPECT_TRUE(c.has_first_receive_time());

  const Refusal unknown = Refuse("li", "ReturnCase", R"(reason: "lunch")");
  EXPECT_EQ(unknown.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(unknown.reason, "REASON_UNKNOWN");
  EXPECT_THAT(unknown.message, HasSubstr("wrong_unit"));
  EXPECT_EQ(Refuse("li", "ReturnCase").reason, "REQUIRED_FIELD_MISSING");

  for (int returns = 1; returns <= 3; ++returns) {
    c = Do<api::ReturnCaseResponse>("li", R"(reason: "wrong_unit" note: "not our store")");
    EXPECT_EQ(c.return_count(), returns);
    EXPECT_EQ(c.owner(), "");
    EXPECT_EQ(c.status(), "open");
    Do<api::DispatchCaseResponse>("agent", R"(owner: "wang")");
  }
  const Refusal limit = Refuse("wang", "ReturnCase", R"(reason: "wrong_unit")");
  EXPECT_EQ(limit.code, grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(limit.reason, "RETURN_LIMIT_REACHED");
  EXPECT_EQ(limit.metadata.at("limit"), "3");
  EXPECT_EQ(Do<api::AcceptCaseResponse>("wang").first_receiver(), "li") << "stays accountable";
  EXPECT_EQ(Refuse("agent", "DispatchCase").reason, "REQUIRED_FIELD_MISSING");
}

TEST_F(DispatchApiTest, APauseIsCreditedExactlyAndEndsWithAChase) {
  Do<api::AcceptCaseResponse>("li");
  const int64_t due = Clock(api::CLOCK_KIND_REMEDY).due_time().seconds();
  server_.clock().Advance(hours(1));
  api::Case c = Do<api::PauseCaseResponse>("li", R"(reason: "customer_away" note: "on holiday")");
  EXPECT_EQ(c.status(), "waiting_for_customer");
  server_.clock().Advance(hours(10));

  api::CaseClock clock = Clock(api::CLOCK_KIND_REMEDY);
  EXPECT_EQ(clock.state(), api::CLOCK_STATE_PAUSED);
  EXPECT_FALSE(clock.has_due_time());
  EXPECT_EQ(clock.count(), api::CLOCK_COUNT_WALL);
  EXPECT_EQ(clock.elapsed().time().seconds(), 3600);
  EXPECT_EQ(clock.slack().time().seconds(), 47 * 3600);
  EXPECT_EQ(clock.paused().seconds(), 10 * 3600) << "one that lasts counts up to now";

  c = Do<api::ChaseCaseResponse>("integration", R"(channel: CHANNEL_PHONE note: "where is it?")");
  EXPECT_EQ(c.status(), "accepted");
  EXPECT_EQ(c.chases_size(), 1);
  ASSERT_EQ(c.pauses_size(), 1);
  EXPECT_EQ(c.pauses(0).owner(), "li");
  EXPECT_EQ(c.pauses(0).note(), "on holiday");
  EXPECT_EQ(c.pauses(0).resume_time().seconds() - c.pauses(0).pause_time().seconds(), 10 * 3600);
  server_.clock().Advance(hours(2));
  clock = Clock(api::CLOCK_KIND_REMEDY);
  EXPECT_EQ(clock.state(), api::CLOCK_STATE_RUNNING);
  EXPECT_EQ(clock.due_time().seconds(), due + 10 * 3600);
  EXPECT_EQ(clock.elapsed().time().seconds(), 3 * 3600);
  EXPECT_EQ(clock.elapsed_wall().seconds(), 3 * 3600);
  EXPECT_EQ(clock.paused().seconds(), 10 * 3600);
  EXPECT_EQ(clock.definition_id(), "remedy-48h");
  EXPECT_EQ(clock.limit().time().seconds(), 48 * 3600);
}

TEST_F(DispatchApiTest, AnOverdueClockShowsWhenItBreachedAndBelowZeroWhatIsLeft) {
  const int64_t due = Clock(api::CLOCK_KIND_FIRST_CONTACT).due_time().seconds();
  server_.clock().Advance(hours(7));
  server_.FireDueTimers();
  api::CaseClock clock = Clock(api::CLOCK_KIND_FIRST_CONTACT);
  EXPECT_EQ(clock.state(), api::CLOCK_STATE_RUNNING);
  EXPECT_EQ(clock.breach_time().seconds(), due);
  EXPECT_EQ(clock.slack().time().seconds(), -3 * 3600);
  EXPECT_THAT(clock.crossed_tiers(), ElementsAre("breach"));
  EXPECT_THAT(Told("TierCrossed"), ElementsAre(HasSubstr("breach=yes clock=first_contact")));
  Do<api::LogAttemptResponse>(
      "li", "attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_REACHED }");
  clock = Clock(api::CLOCK_KIND_FIRST_CONTACT);
  EXPECT_EQ(clock.state(), api::CLOCK_STATE_MET);
  EXPECT_EQ(clock.slack().time().seconds(), -3 * 3600) << "three hours late, for good";
}

TEST_F(DispatchApiTest, PausingNeedsAListedReasonAndAnOwner) {
  EXPECT_EQ(Refuse("li", "PauseCase", R"(reason: "customer_away")").reason,
            "TRANSITION_NOT_ALLOWED");
  Do<api::AcceptCaseResponse>("li");
  EXPECT_EQ(Refuse("li", "PauseCase").reason, "REQUIRED_FIELD_MISSING");
  const Refusal refusal = Refuse("li", "PauseCase", R"(reason: "lunch")");
  EXPECT_EQ(refusal.reason, "REASON_UNKNOWN");
  EXPECT_EQ(refusal.metadata.at("allowed"), "customer_away, parts_ordered");
  const Refusal resume = Refuse("li", "ResumeCase");
  EXPECT_EQ(resume.reason, "TRANSITION_NOT_ALLOWED");
  EXPECT_THAT(resume.allowed, Contains("pause"));
  EXPECT_THAT(resume.allowed, Not(Contains("resume")));
  Do<api::AssignCaseResponse>("li", "");
  const Refusal unowned = Refuse("li", "PauseCase", R"(reason: "customer_away")");
  EXPECT_EQ(unowned.reason, "CASE_INCOMPLETE");
  EXPECT_EQ(unowned.metadata.at("missing"), "owner");
}

TEST_F(DispatchApiTest, AnExtensionIsAskedForByOneAndGrantedByAnother) {
  Do<api::AcceptCaseResponse>("li");
  const int64_t due = Clock(api::CLOCK_KIND_REMEDY).due_time().seconds();
  const std::string ask =
      R"(clock: CLOCK_KIND_REMEDY amount { time { seconds: 14400 } } reason: "parts_ordered" )";
  api::Case c = Do<api::ExtendCaseResponse>("manager", ask + R"(note: "two days")");
  ASSERT_EQ(c.extensions_size(), 1);
  EXPECT_EQ(c.extensions(0).state(), api::EXTENSION_STATE_REQUESTED);
  EXPECT_EQ(c.extensions(0).amount().time().seconds(), 14400);
  EXPECT_EQ(Clock(api::CLOCK_KIND_REMEDY).due_time().seconds(), due) << "not yet";

  const std::string named = "extension_id: " + JsonText(c.extensions(0).id()) + " grant: true ";
  EXPECT_EQ(Refuse("li", "DecideExtension", named + Etag()).reason, "ROLE_NOT_ALLOWED");
  EXPECT_EQ(Refuse("admin", "DecideExtension", named).reason, "ETAG_REQUIRED");
  EXPECT_EQ(
      Refuse("admin", "DecideExtension", "extension_id: " + JsonText(c.extensions(0).id()) + Etag())
          .reason,
      "REQUIRED_FIELD_MISSING")
      << "grant";
  EXPECT_EQ(Refuse("admin", "DecideExtension", named + R"(etag: "\"1\"")").reason, "ETAG_MISMATCH");
  const Refusal same = Refuse("manager", "DecideExtension", named + Etag());
  EXPECT_EQ(same.reason, "SECOND_PERSON_REQUIRED");
  EXPECT_EQ(same.metadata.at("person"), "manager");
  EXPECT_EQ(Refuse("admin", "DecideExtension",
                   "extension_id: " + JsonText(case_) + " grant: true " + Etag())
                .code,
            grpc::StatusCode::NOT_FOUND);

  c = Do<api::DecideExtensionResponse>("chen", named + Etag());
  EXPECT_EQ(c.extensions(0).state(), api::EXTENSION_STATE_GRANTED);
  EXPECT_EQ(c.extensions(0).decider(), "chen");
  const api::CaseClock clock = Clock(api::CLOCK_KIND_REMEDY);
  EXPECT_EQ(clock.due_time().seconds(), due + 14400);
  EXPECT_EQ(clock.limit().time().seconds(), 48 * 3600 + 14400);
  EXPECT_THAT(Told("ClockMoved"), ElementsAre(HasSubstr("cause=extension clock=remedy")));
  const Refusal again = Refuse("admin", "DecideExtension", named + Etag());
  EXPECT_EQ(again.reason, "EXTENSION_DECIDED");
  EXPECT_EQ(again.metadata.at("state"), "granted");

  Do<api::ExtendCaseResponse>("li", ask);
  const Refusal limit = Refuse("li", "ExtendCase", ask);
  EXPECT_EQ(limit.reason, "EXTENSION_LIMIT_REACHED");
  EXPECT_EQ(limit.metadata.at("limit"), "2");
}

TEST_F(DispatchApiTest, WhatCannotBeExtendedIsTold) {
  struct Row {
    const char* text;
    const char* reason;
  };
  for (const Row& row : {
           Row{R"(clock: CLOCK_KIND_EXTERNAL_DEADLINE amount { time { seconds: 60 } })",
               "CLOCK_NOT_PAUSABLE"},
           Row{R"(clock: CLOCK_KIND_VERIFICATION amount { time { seconds: 60 } })",
               "CLOCK_NOT_RUNNING"},
           Row{R"(clock: CLOCK_KIND_REMEDY amount { days: 1 })", "NUMBER_OUT_OF_RANGE"},
           Row{R"(clock: CLOCK_KIND_REMEDY amount { time { seconds: 0 } })", "NUMBER_OUT_OF_RANGE"},
           Row{R"(clock: CLOCK_KIND_REMEDY amount { time { seconds: -60 } })",
               "NUMBER_OUT_OF_RANGE"},
           Row{R"(clock: CLOCK_KIND_REMEDY amount { days: 9223372036854775807 })",
               "NUMBER_OUT_OF_RANGE"},
           Row{R"(clock: CLOCK_KIND_REMEDY)", "REQUIRED_FIELD_MISSING"},
           Row{R"(amount { time { seconds: 60 } })", "ENUM_VALUE_UNKNOWN"},
       }) {
    SCOPED_TRACE(row.text);
    EXPECT_EQ(
        Refuse("li", "ExtendCase", std::string(row.text) + R"( reason: "parts_ordered")").reason,
        row.reason);
  }
  EXPECT_EQ(Refuse("li", "ExtendCase",
                   R"(clock: CLOCK_KIND_REMEDY amount { time { seconds: 60 } } reason: "lunch")")
                .reason,
            "REASON_UNKNOWN");
}

TEST_F(DispatchApiTest, SomebodyElseVerifiesAndANoLeadsToRework) {
  Do<api::AcceptCaseResponse>("manager");
  Resolve("manager");
  const std::string yes = "verification { contacted: true solved: true accepted: true } ";
  const std::string no =
      R"(verification { contacted: true solved: false accepted: false note: "leaks again" } )";
  const Refusal own = Refuse("manager", "VerifyCase", yes + Etag());
  EXPECT_EQ(own.reason, "SECOND_PERSON_REQUIRED");
  const Refusal role = Refuse("li", "VerifyCase", yes + Etag());
  EXPECT_EQ(role.code, grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(role.reason, "TRANSITION_ROLE_NOT_ALLOWED");
  EXPECT_EQ(role.metadata.at("role"), "agent");
  EXPECT_EQ(role.metadata.at("roles"), "verifier, manager, admin");
  EXPECT_EQ(Refuse("zhao", "VerifyCase", yes).reason, "ETAG_REQUIRED");
  const Refusal silent = Refuse("zhao", "VerifyCase", "verification { contacted: true } " + Etag());
  EXPECT_TRUE(silent.HasField("verification.solved")) << silent;
  EXPECT_TRUE(silent.HasField("verification.accepted")) << silent;
  const Refusal early = Refuse("zhao", "CloseCase", Etag());
  EXPECT_EQ(early.reason, "CASE_INCOMPLETE");
  EXPECT_EQ(early.metadata.at("missing"), "verification");

  api::Case c = Do<api::VerifyCaseResponse>("zhao", no + Etag());
  EXPECT_EQ(c.status(), "rework");
  EXPECT_EQ(c.handling_result(), api::HANDLING_RESULT_UNSPECIFIED);
  ASSERT_EQ(c.verifications_size(), 1);
  EXPECT_FALSE(c.verifications(0).solved());
  EXPECT_EQ(c.verifications(0).note(), "leaks again");
  EXPECT_EQ(c.verifications(0).actor(), "zhao");
  Resolve("manager");
  c = Do<api::MoveCaseResponse>("li", R"(status: "verifying")");
  EXPECT_EQ(c.status(), "verifying");
  EXPECT_EQ(Do<api::VerifyCaseResponse>("zhao", yes + Etag()).status(), "verified");
  EXPECT_THAT(Told("VerificationRecorded"), ElementsAre("accepted=no contacted=yes solved=no",
                                                        "accepted=yes contacted=yes solved=yes"));
}

TEST_F(DispatchApiTest, MovingGoesOnlyWhereTheLifecycleLeads) {
  const Refusal unknown = Refuse("li", "MoveCase", R"(status: "wating")");
  EXPECT_EQ(unknown.reason, "STATUS_UNKNOWN");
  EXPECT_EQ(unknown.metadata.at("value"), "wating");
  EXPECT_EQ(Refuse("li", "MoveCase", R"(status: "closed")").reason, "TRANSITION_NOT_ALLOWED");
  EXPECT_EQ(Refuse("li", "MoveCase").reason, "REQUIRED_FIELD_MISSING");
  Do<api::AcceptCaseResponse>("li");
  Resolve("li");
  EXPECT_THAT(Get().allowed_commands(), Contains("move:verifying"));
}

TEST_F(DispatchApiTest, AWithdrawnCaseClosesWithoutAskingAgain) {
  EXPECT_EQ(Refuse("integration", "WithdrawCase", R"(note: "found it")").reason, "ETAG_REQUIRED");
  EXPECT_EQ(Refuse("integration", "WithdrawCase", Etag()).reason, "REQUIRED_FIELD_MISSING");
  const api::Case c =
      Do<api::WithdrawCaseResponse>("integration", R"(note: "found the invoice" )" + Etag());
  EXPECT_EQ(c.status(), "closed");
  EXPECT_EQ(c.handling_result(), api::HANDLING_RESULT_WITHDRAWN);
  EXPECT_EQ(c.resurvey_result(), api::RESURVEY_RESULT_NOT_ASKED);
  EXPECT_EQ(c.not_asked_reason(), api::NOT_ASKED_REASON_WITHDRAWN);
  for (const api::CaseClock& clock : c.clocks()) {
    EXPECT_NE(clock.state(), api::CLOCK_STATE_RUNNING) << clock.ShortDebugString();
  }
}

TEST_F(DispatchApiTest, HelpIsAskedForAndAnsweredOnce) {
  EXPECT_EQ(Refuse("li", "AssistCase", R"(text: "was it charged twice?")").reason,
            "REQUIRED_FIELD_MISSING")
      << "who shall help?";
  api::Case c =
      Do<api::AssistCaseResponse>("li", R"(assistant: "billing" text: "was it charged twice?")");
  ASSERT_EQ(c.assists_size(), 1);
  EXPECT_EQ(c.assists(0).request(), "was it charged twice?");
  const std::string answer =
      "assist_id: " + JsonText(c.assists(0).id()) + R"( text: "yes, on 3 March")";
  c = Do<api::AssistCaseResponse>("wang", answer);
  ASSERT_EQ(c.assists_size(), 1);
  EXPECT_EQ(c.assists(0).answer(), "yes, on 3 March");
  EXPECT_EQ(c.assists(0).answerer(), "wang");
  EXPECT_EQ(c.owner(), "") << "the owner stays who it was";
  EXPECT_EQ(Refuse("wang", "AssistCase", answer).reason, "ASSIST_ANSWERED");
  EXPECT_EQ(Refuse("wang", "AssistCase", "assist_id: " + JsonText(case_) + R"( text: "?")").code,
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(DispatchApiTest, OnlyThoseAboveSupervise) {
  EXPECT_EQ(Refuse("li", "SuperviseCase", R"(note: "daily report")").reason, "ROLE_NOT_ALLOWED");
  EXPECT_EQ(Refuse("manager", "SuperviseCase").reason, "REQUIRED_FIELD_MISSING");
  const api::Case c = Do<api::SuperviseCaseResponse>("chen", R"(note: "daily report")");
  ASSERT_EQ(c.supervisions_size(), 1);
  EXPECT_EQ(c.supervisions(0).actor(), "chen") << "of the role between agent and manager";
}

TEST_F(DispatchApiTest, EscalatingGoesUpTheOrgUnitsLevelByLevel) {
  EXPECT_EQ(Refuse("li", "EscalateCase").reason, "REQUIRED_FIELD_MISSING");
  const std::string why = R"(note: "needs a goodwill decision")";
  EXPECT_EQ(Do<api::EscalateCaseResponse>("li", why).escalation_level(), 1);
  EXPECT_EQ(Do<api::EscalateCaseResponse>("li", why).escalation_level(), 2);
  EXPECT_THAT(Told("CaseEscalated"), ElementsAre("level=1 to=wu", "level=2 to=chen"));
}

TEST_F(DispatchApiTest, APromiseIsSettledOnce) {
  const int64_t due = ToMillis(kServerStart) / 1000 + 7200;
  api::Case c = Do<api::MakeCommitmentResponse>(
      "li",
      R"(commitment { promise: "call back" due_time { seconds: )" + std::to_string(due) + " } }");
  EXPECT_EQ(Clock(api::CLOCK_KIND_COMMITMENT).due_time().seconds(), due);
  const std::string named = "commitment_id: " + JsonText(c.commitments(0).id());
  EXPECT_EQ(Refuse("li", "SettleCommitment", named + " state: COMMITMENT_STATE_PENDING").reason,
            "ENUM_VALUE_UNKNOWN");
  c = Do<api::SettleCommitmentResponse>("li", named + " state: COMMITMENT_STATE_KEPT");
  EXPECT_EQ(c.commitments(0).state(), api::COMMITMENT_STATE_KEPT);
  EXPECT_EQ(Clock(api::CLOCK_KIND_COMMITMENT).state(), api::CLOCK_STATE_MET);
  const Refusal twice = Refuse("li", "SettleCommitment", named + " state: COMMITMENT_STATE_BROKEN");
  EXPECT_EQ(twice.reason, "COMMITMENT_SETTLED");
  EXPECT_EQ(twice.metadata.at("state"), "kept");
}

TEST_F(DispatchApiTest, ARepeatedVerbIsDoneOnce) {
  const std::string ask = Named() + R"(request_id: "again" note: "needs a decision")";
  const auto first = server_.Do<api::EscalateCaseResponse>("li", ask);
  const auto second = server_.Do<api::EscalateCaseResponse>("li", ask);
  EXPECT_FALSE(first.replayed());
  EXPECT_TRUE(second.replayed());
  EXPECT_EQ(second.case_().escalation_level(), 1);
}

TEST_F(DispatchApiTest, MigratingNeedsARevisionThatExists) {
  EXPECT_EQ(Refuse("manager", "MigrateCase").reason, "ETAG_REQUIRED");
  const Refusal unknown = Refuse("manager", "MigrateCase", "revision: 41 " + Etag());
  EXPECT_EQ(unknown.code, grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(unknown.reason, "REVISION_UNKNOWN");
  EXPECT_EQ(Refuse("manager", "MigrateCase", "revision: -1 " + Etag()).reason,
            "NUMBER_OUT_OF_RANGE");
  EXPECT_EQ(Refuse("li", "MigrateCase", Etag()).reason, "ROLE_NOT_ALLOWED");
}

TEST_F(DispatchApiTest, PausesAreTotalledByOwner) {
  Do<api::AcceptCaseResponse>("li");
  Do<api::PauseCaseResponse>("li", R"(reason: "customer_away")");
  server_.clock().Advance(hours(3));
  Do<api::ResumeCaseResponse>("li");
  Do<api::AssignCaseResponse>("li", R"(owner: "wang")");
  Do<api::PauseCaseResponse>("wang", R"(reason: "parts_ordered")");
  const int64_t second = server_.clock().Now().time_since_epoch().count() / 1000;
  server_.clock().Advance(hours(5));

  const auto report =
      server_.Do<api::GetPauseReportResponse>("viewer", R"(scope { program_id: "touchpoint" })");
  EXPECT_EQ(report.total().case_count(), 1);
  EXPECT_EQ(report.total().pause_count(), 2);
  EXPECT_EQ(report.total().lasting_count(), 1);
  EXPECT_EQ(report.total().paused().seconds(), 8 * 3600);
  EXPECT_EQ(report.total().longest().seconds(), 5 * 3600);
  ASSERT_EQ(report.owners_size(), 2);
  EXPECT_EQ(report.owners(0).owner(), "li");
  EXPECT_EQ(report.owners(0).paused().seconds(), 3 * 3600);
  EXPECT_EQ(report.owners(1).owner(), "wang");
  EXPECT_EQ(report.owners(1).lasting_count(), 1);

  const std::string then = std::to_string(second - 3600);
  const auto earlier = server_.Do<api::GetPauseReportResponse>(
      "viewer", "scope { as_of { seconds: " + then + " } }");
  EXPECT_EQ(earlier.total().pause_count(), 1);
  EXPECT_EQ(earlier.total().lasting_count(), 1) << "what ended later still lasted then";
  EXPECT_EQ(earlier.total().paused().seconds(), 2 * 3600);
  EXPECT_EQ(server_
                .Do<api::GetPauseReportResponse>(
                    "viewer", "scope { start_time { seconds: " + std::to_string(second) + " } }")
                .total()
                .pause_count(),
            1);
  EXPECT_EQ(
      server_
          .Refuse("viewer", "ReportService/GetPauseReport", R"(scope { group_by: "touchpoint" })")
          .reason,
      "FILTER_INVALID");
}

// Whatever happened to a case can be read on its timeline.
TEST_F(DispatchApiTest, EveryEventOfTheTimelineSaysSomething) {
  Do<api::DispatchCaseResponse>("agent", R"(owner: "li")");
  Do<api::AcceptCaseResponse>("li");
  Do<api::PauseCaseResponse>("li", R"(reason: "customer_away")");
  Do<api::ResumeCaseResponse>("li");
  Do<api::SuperviseCaseResponse>("manager", R"(note: "watch")");
  server_.clock().Advance(hours(100));
  server_.FireDueTimers();
  Do<api::WithdrawCaseResponse>("li", R"(note: "never mind" )" + Etag());
  const auto events = server_.Do<api::ListCaseEventsResponse>("admin", Named() + "page_size: 1000");
  std::set<std::string> types;
  for (const api::CaseEvent& event : events.events()) {
    types.insert(event.type());
    const bool bare = event.type() == "PauseEnded";  // when and by whom is all there is
    EXPECT_TRUE(bare || event.details_size() > 0 || !event.note().empty()) << event.type();
  }
  EXPECT_THAT(types, IsSupersetOf({"CaseOpened", "CaseDispatched", "CaseAccepted", "PauseStarted",
                                   "ClockPaused", "ClockResumed", "PauseEnded", "CaseSupervised",
                                   "TierCrossed", "ClockEnded", "CaseResolved", "CaseClosed"}));
}

}  // namespace
}  // namespace rebound::fixtures
