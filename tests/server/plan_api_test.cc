// Plans over the API: a case driven through its whole playbook, tasks of a department, what is
// refused, and what goes out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/response_service.pb.h"
#include "tests/fixtures/test_server.h"
#include "workflows/filter.h"

namespace rebound::fixtures {
namespace {

using std::chrono::days;
using std::chrono::hours;
using testing::ElementsAre;

Predicate When(std::string_view condition) { return *ParseFilter(condition, Use::kStepRule); }

// call, check by billing, wrong?, correct, note, ask (back to check), thanks, care after a day.
std::shared_ptr<const Revision> Planned() {
  Revision revision = *PlainRevision();
  revision.remedies = {
      {"correction", RemedyKind::kBillCorrection, "Correction", "更正", false, false}};
  revision.templates = {{"note", {}, "", "", "Hello", "您好"}};
  revision.contact = ShippedRevision()->contact;
  Playbook plan;
  plan.id = "bills";
  plan.display_name = plan.display_name_zh = "Bills";
  plan.when = *ParseFilter("program = touchpoint", Use::kOpeningRule);
  plan.steps = {
      {.id = "call",
       .name_en = "Call",
       .name_zh = "致电",
       .kind = StepKind::kContact,
       .within = hours{4}},
      {.id = "check",
       .name_en = "Check",
       .kind = StepKind::kTask,
       .within = days{2},
       .queue_id = "billing"},
      {.id = "wrong",
       .name_en = "Wrong?",
       .kind = StepKind::kDecision,
       .when = When("step_result:\"check=wrong\""),
       .otherwise = "note"},
      {.id = "correct", .name_en = "Correct", .kind = StepKind::kRemedy, .remedy_id = "correction"},
      {.id = "note",
       .name_en = "Note",
       .kind = StepKind::kMessage,
       .channel = Channel::kSms,
       .template_id = "note"},
      {.id = "ask", .name_en = "Ask", .kind = StepKind::kVerify, .rework = "check"},
      {.id = "care", .name_en = "Care", .kind = StepKind::kAftercare, .after = days{1}},
  };
  revision.playbooks.insert(revision.playbooks.begin(), std::move(plan));
  return std::make_shared<const Revision>(std::move(revision));
}

class PlanApiTest : public testing::Test {
 protected:
  PlanApiTest() : server_(TestServerOptions{.revision = Planned()}) {
    server_.Do<api::SubmitResponseResponse>("integration", R"(
        response { program_id: "touchpoint" score: 2
                   customer_key { source_system: "crm" external_id: "a" } })");
  }

  api::Case Read() {
    return server_.Do<api::GetCaseResponse>("admin", R"(case_id: "C-1")").case_();
  }
  // "call=reached check" of the present round.
  std::string Steps() {
    std::string text;
    const api::Case c = Read();
    for (const api::CaseStep& step : c.steps()) {
      if (step.round() != c.round()) continue;
      text += (text.empty() ? "" : " ") + step.step_id();
      if (!step.result().empty()) text += "=" + step.result();
    }
    return text;
  }
  void Attempt(std::string_view outcome) {
    server_.Do<api::LogAttemptResponse>(
        "agent", R"(case_id: "C-1" attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_)" +
                     std::string(outcome) + " }");
  }
  void Complete(std::string_view step, std::string_view more = "") {
    server_.Do<api::CompleteStepResponse>(
        "agent", R"(case_id: "C-1" state: STEP_STATE_DONE step_id: ")" + std::string(step) + "\" " +
                     std::string(more));
  }
  Refusal Refused(std::string_view step, std::string_view state, std::string_view more = "") {
    return server_.Refuse("agent", "CaseService/CompleteStep",
                          R"(case_id: "C-1" state: STEP_STATE_)" + std::string(state) +
                              " step_id: \"" + std::string(step) + "\" " + std::string(more));
  }
  void Resolve(std::string_view result = "RESOLVED") {
    server_.Do<api::ResolveCaseResponse>(
        "agent",
        R"(case_id: "C-1" root_cause: "x" action_taken: "x" handling_result: HANDLING_RESULT_)" +
            std::string(result));
  }
  void Verify(bool solved) {
    const std::string etag = Read().etag();
    server_.Do<api::VerifyCaseResponse>(
        "manager", R"(case_id: "C-1" etag: "\")" + etag.substr(1, etag.size() - 2) +
                       R"(\"" verification { contacted: true accepted: true solved: )" +
                       (solved ? "true" : "false") + " }");
  }
  size_t Events(std::string_view type) {
    size_t count = 0;
    const auto events =
        server_.Do<api::ListCaseEventsResponse>("admin", R"(case_id: "C-1" page_size: 500)");
    for (const api::CaseEvent& event : events.events()) count += event.type() == type ? 1 : 0;
    return count;
  }

  TestServer server_;
};

TEST_F(PlanApiTest, ACaseIsDrivenThroughItsWholePlan) {
  EXPECT_EQ(Steps(), "call");
  const api::Case opened = Read();
  ASSERT_EQ(opened.plan_size(), 7);
  EXPECT_EQ(opened.plan(0).display_name_zh(), "致电");
  EXPECT_EQ(opened.steps(0).kind(), api::STEP_KIND_CONTACT);
  EXPECT_EQ(opened.steps(0).state(), api::STEP_STATE_ACTIVE);
  EXPECT_EQ(opened.steps(0).due_time().seconds() - opened.steps(0).start_time().seconds(),
            4 * 3600);
  server_.clock().Advance(hours{1});
  Attempt("REACHED");
  EXPECT_EQ(Steps(), "call=reached check");
  EXPECT_EQ(Read().steps(0).actor(), "agent");
  server_.clock().Advance(hours{1});
  Complete("check", R"(result: "wrong" note: "charged twice")");
  EXPECT_EQ(Steps(), "call=reached check=wrong wrong=yes correct");
  EXPECT_EQ(Read().steps(1).note(), "charged twice");
  server_.clock().Advance(days{1});
  server_.Do<api::RemedyCaseResponse>(
      "agent", R"(case_id: "C-1" remedy { type_id: "correction" state: REMEDY_STATE_DELIVERED })");
  // 19:00 in Shanghai: the message goes at once.
  EXPECT_EQ(Steps(), "call=reached check=wrong wrong=yes correct=delivered note=sent");
  const api::Case told = Read();
  ASSERT_EQ(told.attempts_size(), 2);
  EXPECT_EQ(told.attempts(1).actor(), "system");
  EXPECT_EQ(told.attempts(1).outcome(), api::ATTEMPT_OUTCOME_MESSAGE_SENT);
  Resolve();
  EXPECT_EQ(Steps(), "call=reached check=wrong wrong=yes correct=delivered note=sent ask");
  server_.clock().Advance(hours{1});
  Verify(false);
  EXPECT_EQ(Read().round(), 2);
  EXPECT_EQ(Steps(), "check");
  server_.clock().Advance(hours{1});
  Complete("check");
  EXPECT_EQ(Steps(), "check=done wrong=no note");  // 21:00: quiet
  ASSERT_TRUE(Read().steps().rbegin()->has_wake_time());
  server_.clock().Advance(hours{11});  // 08:00
  server_.FireDueTimers();
  EXPECT_EQ(Steps(), "check=done wrong=no note=sent");
  Resolve();
  Verify(true);
  EXPECT_EQ(Steps(), "check=done wrong=no note=sent ask=passed");
  server_.clock().Advance(days{1});
  server_.FireDueTimers();
  EXPECT_EQ(Steps(), "check=done wrong=no note=sent ask=passed care");
  Complete("care");
  EXPECT_EQ(Steps(), "check=done wrong=no note=sent ask=passed care=done");
  EXPECT_EQ(Events("MessageSent"), 2U);
  EXPECT_EQ(Events("StepStarted"), Events("StepEnded"));
}

TEST_F(PlanApiTest, TasksAreListedByTheirQueueAndOwner) {
  const auto listed = [&](const std::string& filter) {
    return server_.Do<api::ListCasesResponse>("agent", "filter: '" + filter + "'").cases_size();
  };
  EXPECT_EQ(listed(R"(step = "call")"), 1);
  EXPECT_EQ(listed(R"(step_queue = "billing")"), 0);
  Attempt("REACHED");
  EXPECT_EQ(listed(R"(step = "call")"), 0);
  EXPECT_EQ(listed(R"(step_queue = "billing")"), 1);
  EXPECT_EQ(listed(R"(step_queue = "billing" AND NOT step_owner:*)"), 1);
  EXPECT_EQ(listed(R"(step_owner = "li")"), 0);
  Complete("check");
  EXPECT_EQ(listed(R"(step_queue = "billing")"), 0);
}

TEST_F(PlanApiTest, AStepThatIsOverdueIsToldOfOnce) {
  server_.clock().Advance(hours{4});
  server_.FireDueTimers();
  server_.FireDueTimers();
  server_.clock().Advance(hours{4});
  server_.FireDueTimers();
  EXPECT_TRUE(Read().steps(0).overdue());
  EXPECT_EQ(Events("StepOverdue"), 1U);
}

TEST_F(PlanApiTest, CompletingIsRefusedWithWhatWouldBeRight) {
  EXPECT_EQ(Refused("chek", "DONE").metadata,
            (std::map<std::string, std::string>{
                {"case", "C-1"},
                {"step", "chek"},
                {"allowed", "call, check, wrong, correct, note, ask, care"}}));
  EXPECT_EQ(Refused("check", "DONE").reason, "STEP_NOT_ACTIVE");
  EXPECT_EQ(Refused("check", "DONE").metadata.at("active"), "call");
  EXPECT_EQ(Refused("call", "DONE").reason, "STEP_ENDS_OTHERWISE");
  EXPECT_EQ(Refused("call", "FAILED").metadata.at("command"), "log_attempt");
  EXPECT_TRUE(Refused("call", "SKIPPED").HasField("note"));
  EXPECT_TRUE(Refused("call", "ACTIVE").HasField("state"));
  EXPECT_TRUE(Refused("call", "UNSPECIFIED").HasField("state"));
  EXPECT_TRUE(Refused("", "DONE").HasField("step_id"));
  EXPECT_TRUE(Refused("check", "DONE", R"(result: "Not right")").HasField("result"));
  EXPECT_EQ(server_
                .Refuse("viewer", "CaseService/CompleteStep",
                        R"(case_id: "C-1" state: STEP_STATE_DONE step_id: "call")")
                .reason,
            "ROLE_NOT_ALLOWED");
  server_.Do<api::CompleteStepResponse>(
      "agent",
      R"(case_id: "C-1" step_id: "call" state: STEP_STATE_SKIPPED note: "She only writes")");
  EXPECT_EQ(Steps(), "call=skipped check");
}

TEST_F(PlanApiTest, AStepEndsOnceHoweverOftenItIsSaid) {
  Attempt("REACHED");
  const std::string done =
      R"(request_id: "a" case_id: "C-1" step_id: "check" state: STEP_STATE_DONE)";
  EXPECT_FALSE(server_.Do<api::CompleteStepResponse>("agent", done).replayed());
  const int64_t after = server_.LastSequence();
  EXPECT_TRUE(server_.Do<api::CompleteStepResponse>("agent", done).replayed());
  EXPECT_EQ(server_.LastSequence(), after);
  EXPECT_EQ(
      server_
          .Refuse("agent", "CaseService/CompleteStep",
                  R"(request_id: "a" case_id: "C-1" step_id: "check" state: STEP_STATE_FAILED)")
          .reason,
      "REQUEST_ID_REUSED");
}

TEST_F(PlanApiTest, OutsideTheirScopeThereIsNoStepToEnd) {
  server_.AddIdentity("hotline", "agent", Scope{{}, {"hotline"}});
  const Refusal refusal =
      server_.Refuse("hotline", "CaseService/CompleteStep",
                     R"(case_id: "C-1" step_id: "call" state: STEP_STATE_SKIPPED note: "x")");
  EXPECT_EQ(refusal.reason, "NOT_FOUND");
}

TEST_F(PlanApiTest, WhoseTaskItIsSeesTheCaseWhileItIsAndDoesNothingElse) {
  server_.AddIdentity("billing", "agent", Scope{{}, {"billing"}});
  const auto listed = [&](const std::string& filter) {
    return server_.Do<api::ListCasesResponse>("billing", "filter: '" + filter + "'").cases_size();
  };
  EXPECT_EQ(server_.Refuse("billing", "CaseService/GetCase", R"(case_id: "C-1")").reason,
            "NOT_FOUND");
  EXPECT_EQ(listed(R"(step_queue = "billing")"), 0);
  Attempt("REACHED");
  EXPECT_EQ(listed(R"(step_queue = "billing")"), 1);
  EXPECT_EQ(listed(R"(step_queue = "billing" AND severity >= 1)"), 1);
  EXPECT_EQ(listed(""), 0);
  EXPECT_EQ(listed(R"(step_queue = "other")"), 0);
  EXPECT_EQ(listed(R"(step_queue = "billing" OR severity >= 1)"), 0);
  EXPECT_EQ(server_.Do<api::GetCaseResponse>("billing", R"(case_id: "C-1")").case_().number(),
            "C-1");
  EXPECT_EQ(
      server_
          .Refuse(
              "billing", "CaseService/LogAttempt",
              R"(case_id: "C-1" attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_BUSY })")
          .reason,
      "NOT_FOUND");
  server_.Do<api::CompleteStepResponse>(
      "billing", R"(case_id: "C-1" step_id: "check" state: STEP_STATE_DONE)");
  EXPECT_EQ(server_.Refuse("billing", "CaseService/GetCase", R"(case_id: "C-1")").reason,
            "NOT_FOUND");
}

TEST_F(PlanApiTest, UnreachableHasToBeShownAndTheCaseShowsHowFarItIs) {
  Attempt("NO_ANSWER");  // 17:00 in Shanghai
  server_.clock().Advance(hours{2});
  Attempt("BUSY");
  const api::Reachability some = Read().reachability();
  EXPECT_EQ(some.attempts(), 2);
  EXPECT_EQ(some.needed_attempts(), 3);
  EXPECT_EQ(some.time_bands(), 2);
  EXPECT_EQ(some.days(), 1);
  EXPECT_FALSE(some.met());
  EXPECT_FALSE(some.has_next_call_time());
  const Refusal refusal = server_.Refuse("agent", "CaseService/ResolveCase",
                                         R"(case_id: "C-1" root_cause: "x" action_taken: "x"
         handling_result: HANDLING_RESULT_UNREACHABLE)");
  EXPECT_EQ(refusal.reason, "UNREACHABLE_NOT_SHOWN");
  EXPECT_EQ(refusal.metadata.at("attempts"), "2");
  EXPECT_EQ(refusal.metadata.at("needed_days"), "2");
  server_.clock().Advance(hours{3});  // 22:00
  EXPECT_EQ(Read().reachability().next_call_time().seconds(),
            ToMillis(kServerStart + hours{15}) / 1000);
  server_.clock().Advance(hours{12});  // 10:00
  server_.Do<api::LogAttemptResponse>(
      "agent",
      R"(case_id: "C-1" attempt { channel: CHANNEL_SMS outcome: ATTEMPT_OUTCOME_MESSAGE_SENT })");
  EXPECT_EQ(Steps(), "call");
  Attempt("SWITCHED_OFF");
  EXPECT_TRUE(Read().reachability().met());
  EXPECT_EQ(Steps(), "call=unreachable check");
  Resolve("UNREACHABLE");
  EXPECT_EQ(Read().handling_result(), api::HANDLING_RESULT_UNREACHABLE);
}

TEST_F(PlanApiTest, QuietHoursAreTheCustomersOwn) {
  server_.Do<api::UpsertCustomerResponse>("integration", R"(
      external_key { source_system: "crm" external_id: "a" }
      customer { time_zone: "America/New_York" }
      update_mask { paths: "time_zone" })");
  // 04:00 there.
  EXPECT_EQ(Read().reachability().next_call_time().seconds(),
            ToMillis(kServerStart + hours{4}) / 1000);
}

TEST_F(PlanApiTest, ReopeningStartsThePlanAgain) {
  Attempt("REACHED");
  Resolve();
  server_.clock().Advance(hours{1});
  server_.Do<api::ReopenCaseResponse>("agent", R"(case_id: "C-1" note: "again")");
  EXPECT_EQ(Steps(), "call");
  EXPECT_EQ(Read().round(), 2);
  EXPECT_EQ(Read().steps().rbegin()->why(), "reopened");
}

TEST_F(PlanApiTest, ListsShowStepsWithoutTheirWords) {
  Attempt("REACHED");
  Complete("check", R"(note: "charged twice")");
  const auto listed = server_.Do<api::ListCasesResponse>("agent", "page_size: 10");
  ASSERT_EQ(listed.cases_size(), 1);
  EXPECT_GT(listed.cases(0).steps_size(), 2);
  for (const api::CaseStep& step : listed.cases(0).steps()) EXPECT_EQ(step.note(), "");
  EXPECT_EQ(listed.cases(0).plan_size(), 0);
}

// A pause of an hour, then a message; nobody has rung when it is over.
class DueMessageTest : public testing::Test {
 protected:
  static std::shared_ptr<const Revision> Writing() {
    Revision revision = *PlainRevision();
    revision.templates = {{"note", {}, "", "", "Hello", "您好"}};
    Playbook plan;
    plan.id = "writing";
    plan.steps = {
        {.id = "pause", .kind = StepKind::kWait, .wait = hours{1}},
        {.id = "note", .kind = StepKind::kMessage, .channel = Channel::kSms, .template_id = "note"},
    };
    revision.playbooks = {std::move(plan)};
    return std::make_shared<const Revision>(std::move(revision));
  }
  DueMessageTest() : server_(TestServerOptions{.revision = Writing()}) {
    server_.Do<api::SubmitResponseResponse>("integration", R"(
        response { program_id: "touchpoint" score: 2
                   customer_key { source_system: "crm" external_id: "a" } })");
  }
  void ExpectSent() {
    const api::Case c = server_.Do<api::GetCaseResponse>("admin", R"(case_id: "C-1")").case_();
    ASSERT_EQ(c.steps_size(), 2);
    EXPECT_EQ(c.steps(1).result(), "sent");
    ASSERT_EQ(c.attempts_size(), 1);
    EXPECT_EQ(c.attempts(0).outcome(), api::ATTEMPT_OUTCOME_MESSAGE_SENT);
  }

  TestServer server_;
};

// The customer once was not looked up for a claim, and the message left out for nobody known.
TEST_F(DueMessageTest, ItGoesToTheCustomerAsTheCaseIsClaimed) {
  server_.clock().Advance(hours{2});
  server_.Do<api::ClaimNextCaseResponse>("agent", "");
  ExpectSent();
}

// Nor for the case that goes on when another is taken out of it.
TEST_F(DueMessageTest, ItGoesToTheCustomerAsAnotherCaseIsTakenOut) {
  server_.Do<api::OpenCaseResponse>("agent", R"(case { program_id: "touchpoint" })");
  const auto etag = [&] {
    const std::string text =
        server_.Do<api::GetCaseResponse>("admin", R"(case_id: "C-2")").case_().etag();
    return "etag: '" + text + "' ";
  };
  server_.Do<api::MergeCaseResponse>("agent", R"(case_id: "C-2" into_case_id: "C-1" )" + etag());
  server_.clock().Advance(hours{2});
  server_.Do<api::UnmergeCaseResponse>("agent", R"(case_id: "C-2" note: "two shops" )" + etag());
  ExpectSent();
}

TEST(ShippedPlanTest, TheShippedPlaybooksHavePlans) {
  TestServer server(TestServerOptions{.revision = ShippedRevision()});
  server.Do<api::SubmitResponseResponse>("integration", R"(
      response { program_id: "touchpoint" score: 4
                 customer_key { source_system: "crm" external_id: "a" } })");
  const api::Case c = server.Do<api::GetCaseResponse>("admin", R"(case_id: "C-1")").case_();
  EXPECT_EQ(c.playbook().playbook_id(), "standard");
  ASSERT_GT(c.steps_size(), 0);
  EXPECT_EQ(c.steps(0).step_id(), "call");
}

}  // namespace
}  // namespace rebound::fixtures
