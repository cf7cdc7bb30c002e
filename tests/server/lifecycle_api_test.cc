// The life of cases from end to end, through the API, with a clock that is moved by hand.
#include <gmock/gmock.h>

#include <set>

#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/operations_service.pb.h"
#include "rebound/v1/report_service.pb.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using std::chrono::days;
using std::chrono::hours;
using testing::ElementsAre;
using testing::IsSupersetOf;

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return quoted + "\"";
}

class LifecycleApiTest : public ServerTest {
 protected:
  // Of program "touchpoint": first contact within 24 hours, asked again after 3 days, open for 14.
  api::Response Answer(int64_t score, const std::string& more = "") {
    return server_
        .Do<api::SubmitResponseResponse>(
            "integration",
            R"(response { program_id: "touchpoint" score: )" + std::to_string(score) +
                R"( customer_key { source_system: "crm" external_id: "li" } )" + more + " }")
        .response();
  }
  api::Case Get() { return server_.Do<api::GetCaseResponse>("agent", Named()).case_(); }
  std::string Named() const { return "case_id: " + Quoted(case_) + " "; }
  api::Case Attempt(const std::string& outcome) {
    return server_
        .Do<api::LogAttemptResponse>(
            "agent",
            Named() + "attempt { channel: CHANNEL_PHONE outcome: " + outcome + " note: \"rang\" }")
        .case_();
  }
  api::Case Resolve() {
    return server_
        .Do<api::ResolveCaseResponse>(
            "agent", Named() + R"(handling_result: HANDLING_RESULT_RESOLVED root_cause: "billing"
                              action_taken: "bill corrected" customer_accepts: true)")
        .case_();
  }
  // Resolved and asked again; returns the invitation.
  std::string AskAgain() {
    Resolve();
    server_.clock().Advance(days(3));
    EXPECT_EQ(server_.FireDueTimers(), 1u);
    return Get().resurvey().invitation_id();
  }
  std::vector<std::string> EventTypes() {
    std::vector<std::string> types;
    const auto events =
        server_.Do<api::ListCaseEventsResponse>("agent", Named() + "page_size: 1000");
    for (const api::CaseEvent& event : events.events()) types.push_back(event.type());
    return types;
  }
  int CountEvents(const std::string& type) {
    const auto types = EventTypes();
    return static_cast<int>(std::count(types.begin(), types.end(), type));
  }
  std::map<std::string, int64_t> Funnel(const std::string& more = "") {
    std::map<std::string, int64_t> stages;
    const auto report = server_.Do<api::GetFunnelReportResponse>(
        "manager", R"(scope { program_id: "touchpoint" )" + more + " }");
    for (const api::FunnelStage& stage : report.total().stages())
      stages[stage.stage()] = stage.count();
    stages["opened"] = report.total().opened_count();
    stages["open"] = report.total().open_count();
    return stages;
  }
  api::RecoveryFigure Recovery() {
    return server_
        .Do<api::GetRecoveryReportResponse>("manager", R"(scope { program_id: "touchpoint" })")
        .total();
  }

  std::string case_;
};

TEST_F(LifecycleApiTest, ADetractorBecomesAPromoter) {
  const api::Response answer =
      Answer(5, R"(reason: "charged twice" touchpoint: "channel/hotline")");
  EXPECT_EQ(answer.effect(), api::RESPONSE_EFFECT_OPENED);
  EXPECT_EQ(answer.category(), api::CATEGORY_DETRACTOR);
  case_ = answer.paired_case_id();
  EXPECT_THAT(Funnel(), IsSupersetOf({std::pair<const std::string, int64_t>("eligible", 1),
                                      std::pair<const std::string, int64_t>("contacted", 0)}));

  const auto claimed = server_.Do<api::ClaimNextCaseResponse>("agent", "");
  EXPECT_EQ(claimed.case_().id(), case_);
  EXPECT_EQ(claimed.case_().owner(), "agent");
  EXPECT_EQ(claimed.rank_explanation(),
            "priority low, severity 2, due 2026-03-03T09:00:00Z, opened 2026-03-02T09:00:00Z");
  EXPECT_EQ(claimed.case_().number(), "C-1");

  server_.clock().Advance(hours(1));
  EXPECT_EQ(Attempt("ATTEMPT_OUTCOME_NO_ANSWER").status(), "contacting");
  server_.clock().Advance(hours(1));
  api::Case c = Attempt("ATTEMPT_OUTCOME_REACHED");
  EXPECT_EQ(c.status(), "contacted");
  EXPECT_EQ(c.phase(), api::PHASE_CONTACTED);
  EXPECT_EQ(c.timers(0).kind(), api::TIMER_KIND_FIRST_CONTACT);
  EXPECT_EQ(c.timers(0).state(), api::TIMER_STATE_MET);

  c = server_
          .Do<api::MakeCommitmentResponse>(
              "agent",
              Named() +
                  R"(commitment { promise: "refund by Friday" due_time { seconds: 1772820000 } })")
          .case_();
  ASSERT_EQ(c.commitments_size(), 1);
  EXPECT_EQ(c.commitments(0).promise(), "refund by Friday");
  EXPECT_EQ(c.commitments(0).actor(), "agent");

  c = server_
          .Do<api::RemedyCaseResponse>(
              "agent", Named() + R"(remedy { kind: REMEDY_KIND_REFUND state: REMEDY_STATE_OFFERED
                                    amount { amount_minor: 1250 currency_code: "CNY" } })")
          .case_();
  EXPECT_EQ(c.status(), "remedy_proposed");
  c = server_
          .Do<api::RemedyCaseResponse>("agent", Named() +
                                                    "remedy { state: REMEDY_STATE_ACCEPTED id: " +
                                                    Quoted(c.remedies(0).id()) + " }")
          .case_();
  EXPECT_EQ(c.status(), "remedied");
  ASSERT_EQ(c.remedies_size(), 1);
  EXPECT_EQ(c.remedies(0).amount().amount_minor(), 1250);
  EXPECT_EQ(c.remedies(0).kind(), api::REMEDY_KIND_REFUND);

  c = Resolve();
  EXPECT_EQ(c.status(), "resolved");
  EXPECT_EQ(c.handling_result(), api::HANDLING_RESULT_RESOLVED);
  EXPECT_TRUE(c.customer_accepts());
  EXPECT_EQ(server_.FireDueTimers(), 0u) << "nothing is due yet";
  server_.clock().Advance(days(3));
  EXPECT_EQ(server_.Do<api::GetStatusResponse>("viewer", "").overdue_timer_count(), 1);
  EXPECT_EQ(server_.FireDueTimers(), 1u);
  c = Get();
  EXPECT_EQ(c.status(), "resurvey_due");
  EXPECT_FALSE(c.resurvey().invitation_id().empty());
  EXPECT_EQ(c.resurvey().expire_time().seconds() - c.ask_time().seconds(), 14 * 86'400);

  server_.clock().Advance(days(1));
  const auto again = server_.Do<api::SubmitResponseResponse>(
      "integration", R"(response { program_id: "touchpoint" score: 9 invitation_id: )" +
                         Quoted(c.resurvey().invitation_id()) + " }");
  EXPECT_EQ(again.response().effect(), api::RESPONSE_EFFECT_RESURVEY_ANSWER);
  EXPECT_EQ(again.response().paired_case_id(), case_);
  EXPECT_EQ(again.response().customer_id(), answer.customer_id());
  c = Get();
  EXPECT_EQ(c.status(), "closed");
  EXPECT_EQ(c.phase(), api::PHASE_CLOSED);
  EXPECT_EQ(c.resurvey_result(), api::RESURVEY_RESULT_PROMOTER);
  EXPECT_EQ(c.resurvey().first_answer().score(), 9);
  EXPECT_EQ(c.resurvey().answer_count(), 1);
  EXPECT_TRUE(c.has_recover_time() && c.has_convert_time());
  EXPECT_EQ(server_.FireDueTimers(), 0u);
  for (const api::Timer& timer : c.timers()) {
    EXPECT_NE(timer.state(), api::TIMER_STATE_PENDING) << timer.ShortDebugString();
  }

  const std::map<std::string, int64_t> all_one = {
      {"opened", 1}, {"open", 0},     {"eligible", 1},  {"contacted", 1}, {"remedied", 1},
      {"asked", 1},  {"answered", 1}, {"recovered", 1}, {"converted", 1}};
  EXPECT_EQ(Funnel(), all_one);
  const api::RecoveryFigure recovery = Recovery();
  EXPECT_EQ(recovery.all().eligible_count(), 1);
  EXPECT_EQ(recovery.all().converted_first_answer().count(), 1);
  EXPECT_EQ(recovery.all().converted_ever().count(), 1);
  EXPECT_EQ(recovery.not_matured().eligible_count(), 1);
  ASSERT_EQ(recovery.conversion_curve_size(), 1);
  EXPECT_NEAR(recovery.conversion_curve(0).days(), 4 + 2 / 24.0, 1e-9);
  EXPECT_EQ(recovery.conversion_curve(0).survival(), 0);
  // What was known two days in.
  const std::map<std::string, int64_t> then = Funnel("as_of { seconds: 1772614800 }");
  EXPECT_EQ(then.at("remedied"), 1);
  EXPECT_EQ(then.at("asked"), 0);
  EXPECT_EQ(then.at("open"), 1);

  const std::vector<std::string> types = EventTypes();
  EXPECT_EQ(types.front(), "CaseOpened");
  EXPECT_EQ(types.back(), "CaseClosed");
  const auto history = server_.Do<api::GetCustomerHistoryResponse>(
      "manager", "customer_id: " + Quoted(answer.customer_id()));
  EXPECT_EQ(history.responses_size(), 2);
  EXPECT_EQ(history.cases_size(), 1);
  EXPECT_EQ(history.responses(0).reason(), "charged twice");
}

TEST_F(LifecycleApiTest, ABadResurveyReopensOneTierHigherUntilTheLimit) {
  case_ = Answer(5).paired_case_id();
  ASSERT_EQ(Get().severity(), 2);
  for (int round = 1; round <= 2; ++round) {
    SCOPED_TRACE(round);
    const std::string invitation = AskAgain();
    Answer(4, "invitation_id: " + Quoted(invitation));
    const api::Case c = Get();
    EXPECT_EQ(c.status(), "reopened");
    EXPECT_EQ(c.severity(), 2 + round);
    EXPECT_EQ(c.reopen_count(), round);
    EXPECT_EQ(c.resurvey().answer_count(), round);
    EXPECT_EQ(c.timers(c.timers_size() - 1).kind(), api::TIMER_KIND_FIRST_CONTACT);
    EXPECT_EQ(c.timers(c.timers_size() - 1).state(), api::TIMER_STATE_PENDING);
  }
  const std::string invitation = AskAgain();
  Answer(0, "invitation_id: " + Quoted(invitation));
  api::Case c = Get();
  EXPECT_EQ(c.status(), "resurveyed") << "the limit leaves it to a person";
  EXPECT_EQ(c.reopen_count(), 2);
  EXPECT_EQ(c.resurvey().first_answer().score(), 4);
  EXPECT_EQ(c.resurvey().last_answer().score(), 0);
  c = server_.Do<api::CloseCaseResponse>("agent", Named() + "etag: " + Quoted(c.etag())).case_();
  EXPECT_EQ(c.status(), "closed");
  EXPECT_EQ(c.resurvey_result(), api::RESURVEY_RESULT_STILL_DETRACTOR);
  EXPECT_EQ(Funnel().at("answered"), 1);
  EXPECT_EQ(Funnel().at("recovered"), 0);
}

TEST_F(LifecycleApiTest, WithoutAnAnswerTheResurveyExpires) {
  case_ = Answer(6).paired_case_id();
  AskAgain();
  server_.clock().Advance(days(14) - std::chrono::milliseconds(1));
  EXPECT_EQ(server_.FireDueTimers(), 0u);
  server_.clock().Advance(std::chrono::milliseconds(1));
  EXPECT_EQ(server_.FireDueTimers(), 1u);
  const api::Case c = Get();
  EXPECT_EQ(c.status(), "closed");
  EXPECT_EQ(c.resurvey_result(), api::RESURVEY_RESULT_NO_ANSWER);
  EXPECT_EQ(Funnel().at("asked"), 1);
  EXPECT_EQ(Funnel().at("answered"), 0);
  // A promoter's answer afterwards, within the window, counts in `ever` only.
  Answer(10);
  EXPECT_EQ(Recovery().all().converted_first_answer().count(), 0);
  EXPECT_EQ(Recovery().all().converted_ever().count(), 1);
}

TEST_F(LifecycleApiTest, WhoMustNotBeContactedIsNotAsked) {
  const api::Response answer = Answer(6);
  case_ = answer.paired_case_id();
  Resolve();
  server_.Do<api::SetCustomerConsentResponse>(
      "agent", "do_not_contact: true customer_id: " + Quoted(answer.customer_id()));
  server_.clock().Advance(days(3));
  EXPECT_EQ(server_.FireDueTimers(), 1u);
  const api::Case c = Get();
  EXPECT_EQ(c.status(), "closed");
  EXPECT_EQ(c.resurvey_result(), api::RESURVEY_RESULT_NOT_ASKED);
  EXPECT_EQ(c.not_asked_reason(), api::NOT_ASKED_REASON_DO_NOT_CONTACT);
  EXPECT_FALSE(c.has_ask_time());
  EXPECT_EQ(Funnel().at("asked"), 0);
}

TEST_F(LifecycleApiTest, ConsentDecidesWhereContactRemedyAndResurveyAreDecided) {
  const api::Response answer = Answer(6);
  case_ = answer.paired_case_id();
  const std::string customer = "customer_id: " + Quoted(answer.customer_id());
  server_.Do<api::SetCustomerConsentResponse>(
      "agent", customer + R"( consents { channel: CHANNEL_PHONE purpose: CONSENT_PURPOSE_RECOVERY
                               source: "call" } consents { purpose: CONSENT_PURPOSE_SURVEY })");
  const std::string phone =
      Named() + "attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_REACHED }";
  Refusal refusal = server_.Refuse("agent", "CaseService/LogAttempt", phone);
  EXPECT_EQ(refusal.code, grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(refusal.reason, "CONSENT_DENIED");
  EXPECT_EQ(refusal.metadata["customer"], answer.customer_id());
  EXPECT_FALSE(refusal.metadata["channel"].empty());
  server_.Do<api::LogAttemptResponse>(
      "agent", Named() + "attempt { channel: CHANNEL_SMS outcome: ATTEMPT_OUTCOME_MESSAGE_SENT }");

  server_.Do<api::SetCustomerConsentResponse>("agent", customer + " do_not_contact: true");
  refusal = server_.Refuse("agent", "CaseService/LogAttempt", phone);
  EXPECT_EQ(refusal.reason, "DO_NOT_CONTACT");
  refusal =
      server_.Refuse("agent", "CaseService/RemedyCase",
                     Named() + "remedy { kind: REMEDY_KIND_VOUCHER state: REMEDY_STATE_OFFERED }");
  EXPECT_EQ(refusal.reason, "DO_NOT_CONTACT");
  // Owed by law, or agreed inside, is not blocked.
  server_.Do<api::RemedyCaseResponse>(
      "agent",
      Named() + "remedy { kind: REMEDY_KIND_REFUND state: REMEDY_STATE_OFFERED statutory: true }");
  server_.Do<api::RemedyCaseResponse>(
      "agent", Named() + "remedy { kind: REMEDY_KIND_VOUCHER state: REMEDY_STATE_PROPOSED }");
  server_.Do<api::SetCustomerConsentResponse>("agent", customer + " do_not_contact: false");
  server_.Do<api::LogAttemptResponse>(
      "agent", Named() + "attempt { channel: CHANNEL_EMAIL outcome: ATTEMPT_OUTCOME_REACHED }");
  AskAgain();
  EXPECT_EQ(Get().not_asked_reason(), api::NOT_ASKED_REASON_CONSENT_DENIED);
}

TEST_F(LifecycleApiTest, TimersFireOnceWhoeverRings) {
  case_ = Answer(5).paired_case_id();
  server_.clock().Advance(hours(24));
  EXPECT_EQ(server_.FireDueTimers(), 1u);
  EXPECT_EQ(server_.FireDueTimers(), 0u);
  server_.Restart();
  EXPECT_EQ(server_.FireDueTimers(), 0u);
  EXPECT_EQ(Get().timers(0).state(), api::TIMER_STATE_FIRED);
  Resolve();
  server_.Restart();
  server_.clock().Advance(days(3));
  server_.Restart();
  EXPECT_EQ(server_.FireDueTimers(), 1u) << "what came due while it was down fires after the start";
  EXPECT_EQ(server_.FireDueTimers(), 0u);
  server_.Restart();
  EXPECT_EQ(server_.FireDueTimers(), 0u);
  EXPECT_EQ(CountEvents("ResurveyAsked"), 1);
  EXPECT_EQ(CountEvents("TierCrossed"), 1) << "of the first contact";
  // The clock going back fires nothing again and nothing is recorded before what was.
  server_.clock().Advance(-days(30));
  EXPECT_EQ(server_.FireDueTimers(), 0u);
  Answer(9);
  EXPECT_EQ(Get().status(), "closed");
  EXPECT_GE(Get().update_time().seconds(), Get().ask_time().seconds());
}

TEST_F(LifecycleApiTest, FurtherAnswersAttachReopenOrOpenAnew) {
  case_ = Answer(6).paired_case_id();
  EXPECT_EQ(Get().severity(), 2);
  api::Response second = Answer(0);
  EXPECT_EQ(second.effect(), api::RESPONSE_EFFECT_ATTACHED);
  EXPECT_EQ(second.paired_case_id(), case_);
  EXPECT_EQ(Get().severity(), 3);
  EXPECT_THAT(Get().attached_response_ids(), ElementsAre(second.id()));
  const std::string invitation = AskAgain();
  EXPECT_EQ(Answer(8).effect(), api::RESPONSE_EFFECT_RESURVEY_ANSWER);
  EXPECT_EQ(Get().resurvey_result(), api::RESURVEY_RESULT_PASSIVE);
  EXPECT_EQ(Answer(8).effect(), api::RESPONSE_EFFECT_NONE);
  EXPECT_EQ(Answer(9, "contact_requested: true").effect(), api::RESPONSE_EFFECT_REOPENED)
      << "within 7 days of closing";
  EXPECT_EQ(Get().status(), "reopened");
  EXPECT_EQ(Answer(3, "case_id: " + Quoted(case_)).effect(), api::RESPONSE_EFFECT_ATTACHED);
  AskAgain();
  Answer(10);
  server_.clock().Advance(days(8));
  const api::Response late = Answer(2);
  EXPECT_EQ(late.effect(), api::RESPONSE_EFFECT_OPENED);
  EXPECT_NE(late.paired_case_id(), case_);
  const Refusal refusal =
      server_.Refuse("agent", "CaseService/ReopenCase", Named() + R"(note: "again")");
  EXPECT_EQ(refusal.reason, "DEDUPE_SLOT_TAKEN");
  EXPECT_EQ(refusal.metadata.at("case"), "C-2");
}

TEST_F(LifecycleApiTest, AnonymousAnswersMayOpenSiteCasesAndStayOutsideTheRates) {
  const auto answer = server_.Do<api::SubmitResponseResponse>(
      "integration", R"(response { program_id: "service-csat" score: 1 touchpoint: "store/7" })");
  EXPECT_EQ(answer.response().effect(), api::RESPONSE_EFFECT_OPENED);
  case_ = answer.response().paired_case_id();
  EXPECT_TRUE(Get().customer_id().empty());
  EXPECT_EQ(
      server_
          .Refuse("agent", "CaseService/LogAttempt",
                  Named() + "attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_BUSY }")
          .reason,
      "CUSTOMER_UNKNOWN");
  const api::Case resolved = Resolve();
  server_.clock().Advance(days(30));
  EXPECT_EQ(server_.FireDueTimers(), 0u);
  const api::Case closed =
      server_.Do<api::CloseCaseResponse>("agent", Named() + "etag: " + Quoted(resolved.etag()))
          .case_();
  EXPECT_EQ(closed.not_asked_reason(), api::NOT_ASKED_REASON_ANONYMOUS);
  const auto report = server_.Do<api::GetRecoveryReportResponse>(
      "manager", R"(scope { program_id: "service-csat" })");
  EXPECT_EQ(report.total().opened_count(), 1);
  EXPECT_EQ(report.total().all().eligible_count(), 0);
  EXPECT_EQ(report.total().anonymous_detractor_count(), 1);
  ASSERT_EQ(report.total().exclusions_size(), 1);
  EXPECT_EQ(report.total().exclusions(0).reason(), "no_known_customer");
}

}  // namespace
}  // namespace rebound::fixtures
