// Alerts, red lines and hold-outs through the API, with a clock that is moved by hand.
#include <gmock/gmock.h>

#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/config_service.pb.h"
#include "rebound/v1/report_service.pb.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using std::chrono::days;
using std::chrono::hours;
using testing::ElementsAre;
using testing::IsSupersetOf;

// The shipped red lines; every eligible case of touchpoint is held back.
std::shared_ptr<const Revision> AlertRevision() {
  Revision revision = *PlainRevision();
  revision.alerts = ShippedRevision()->alerts;
  revision.priorities = DefaultPriorities();
  revision.org_units = {{.id = "south", .manager = "chen"}, {.id = "south/7", .manager = "wu"}};
  for (Program& program : revision.programs) {
    if (program.id == "relationship") {
      program.hold_out = {"spring", 1'000'000, false, days{7}, days{7}};
    }
  }
  return std::make_shared<const Revision>(std::move(revision));
}

class AlertApiTest : public testing::Test {
 protected:
  AlertApiTest() : server_(TestServerOptions{.revision = AlertRevision()}) {}

  // The id of the case it is paired with.
  std::string Submit(const std::string& program, int score, const std::string& text) {
    const auto reply = server_.Do<api::SubmitResponseResponse>(
        "integration", "response { program_id: \"" + program +
                           "\" score: " + std::to_string(score) +
                           " org_unit_id: \"south/7\" customer_key { source_system: \"crm\" "
                           "external_id: \"mei\" } " +
                           text + " }");
    return reply.response().paired_case_id();
  }
  api::Case Get(const std::string& id) {
    return server_.Do<api::GetCaseResponse>("admin", "case_id: \"" + id + "\"").case_();
  }
  std::vector<std::string> EventTypes(const std::string& id) {
    const auto reply =
        server_.Do<api::ListCaseEventsResponse>("admin", "case_id: \"" + id + "\" page_size: 100");
    std::vector<std::string> types;
    for (const api::CaseEvent& event : reply.events()) types.push_back(event.type());
    return types;
  }
  static std::vector<std::string> Rules(const api::Case& c) {
    std::vector<std::string> rules;
    for (const api::Alert& alert : c.alerts()) rules.push_back(alert.rule_id());
    return rules;
  }

  TestServer server_;
};

TEST_F(AlertApiTest, ARedLineOnAPromotersScoreOpensACaseOfTheTopSeverity) {
  const std::string id = Submit("touchpoint", 10, R"(reason: "Fine, but I will call my lawyer")");
  ASSERT_FALSE(id.empty());
  const api::Case c = Get(id);
  EXPECT_EQ(c.severity(), 5);
  EXPECT_EQ(c.priority(), "urgent");
  EXPECT_THAT(Rules(c), ElementsAre("lawyer"));
  EXPECT_TRUE(c.alerts(0).red_line());
  EXPECT_THAT(c.alerts(0).notify(), ElementsAre("role:manager", "wu"));
  EXPECT_TRUE(Submit("touchpoint", 10, R"(reason: "I was impressed")").empty())
      << "an impression is not the press";
}

TEST_F(AlertApiTest, AnAlertIsAcknowledgedOrThoseAboveAreToldOnce) {
  const std::string id = Submit("touchpoint", 3, R"(reason: "孩子摔伤了，我要找律师")");
  ASSERT_THAT(Rules(Get(id)), ElementsAre("injury", "lawyer"));
  const std::string injury = Get(id).alerts(0).id();
  const api::Case seen =
      server_
          .Do<api::AcknowledgeAlertResponse>(
              "agent", "case_id: \"" + id + "\" alert_id: \"" + injury + "\" note: \"calling her\"")
          .case_();
  EXPECT_EQ(seen.alerts(0).acknowledger(), "agent");
  EXPECT_EQ(seen.alerts(0).note(), "calling her");
  EXPECT_EQ(seen.alerts(1).acknowledger(), "");
  EXPECT_EQ(server_
                .Refuse("agent", "CaseService/AcknowledgeAlert",
                        "case_id: \"" + id + "\" alert_id: \"" + injury + "\"")
                .reason,
            "ALERT_ACKNOWLEDGED");
  server_.clock().Advance(hours{4});
  server_.FireDueTimers();
  server_.FireDueTimers();
  const auto types = EventTypes(id);
  EXPECT_EQ(std::count(types.begin(), types.end(), "AlertOverdue"), 1);
  server_.Do<api::AcknowledgeAlertResponse>("agent", "case_id: \"" + id + "\"");
  EXPECT_EQ(
      server_.Refuse("agent", "CaseService/AcknowledgeAlert", "case_id: \"" + id + "\"").reason,
      "ALERT_ACKNOWLEDGED");
}

TEST_F(AlertApiTest, AHeldCaseGetsNoStepYetIsAskedAgainAndMayConvert) {
  const std::string id = Submit("relationship", 3, R"(reason: "slow")");
  const api::Case held = Get(id);
  EXPECT_EQ(held.arm(), api::ARM_HELD_OUT);
  EXPECT_TRUE(held.held());
  EXPECT_EQ(held.status(), "held_out");
  EXPECT_EQ(held.queue_id(), "");
  EXPECT_EQ(held.playbook().playbook_id(), "");
  EXPECT_THAT(held.allowed_commands(), IsSupersetOf({"begin", "withdraw"}));
  EXPECT_EQ(server_.Refuse("agent", "CaseService/ClaimNextCase", "").reason, "NOTHING_TO_CLAIM");
  EXPECT_EQ(
      server_
          .Refuse("agent", "CaseService/LogAttempt",
                  "case_id: \"" + id +
                      "\" attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_REACHED }")
          .reason,
      "TRANSITION_NOT_ALLOWED");
  const auto listed =
      server_.Do<api::ListCasesResponse>("admin", R"(filter: "arm = held_out" page_size: 10)");
  ASSERT_EQ(listed.cases_size(), 1);
  EXPECT_EQ(listed.cases(0).arm(), api::ARM_HELD_OUT);
  server_.clock().Advance(days{7});
  server_.FireDueTimers();
  EXPECT_EQ(Get(id).status(), "resurvey_due");
  server_.clock().Advance(hours{1});
  EXPECT_EQ(Submit("relationship", 9, R"(reason: "better")"), id);
  EXPECT_EQ(Get(id).resurvey_result(), api::RESURVEY_RESULT_PROMOTER);
  EXPECT_EQ(Get(id).status(), "closed");
  EXPECT_EQ(
      server_
          .Refuse("manager", "CaseService/BeginCase", "case_id: \"" + id + "\" note: \"too late\"")
          .reason,
      "TRANSITION_NOT_ALLOWED");
}

TEST_F(AlertApiTest, AHeldCaseBeginsByHandOnce) {
  const std::string id = Submit("relationship", 3, R"(reason: "slow")");
  const api::Case begun =
      server_.Do<api::BeginCaseResponse>("manager", "case_id: \"" + id + "\" note: \"she called\"")
          .case_();
  EXPECT_FALSE(begun.held());
  EXPECT_EQ(begun.arm(), api::ARM_HELD_OUT);
  EXPECT_EQ(begun.status(), "open");
  EXPECT_EQ(begun.queue_id(), "default");
  EXPECT_EQ(
      server_.Refuse("manager", "CaseService/BeginCase", "case_id: \"" + id + "\" note: \"again\"")
          .reason,
      "CASE_NOT_HELD_OUT");
  EXPECT_EQ(server_.Do<api::ClaimNextCaseResponse>("agent", R"(queue_id: "default")").case_().id(),
            id);
}

TEST_F(AlertApiTest, AcknowledgingAndBeginningAreDoneOnceHoweverOftenTheyAreAsked) {
  const std::string alerted = Submit("touchpoint", 3, R"(reason: "my lawyer")");
  const std::string held = Submit("relationship", 3, R"(reason: "slow")");
  const std::string seen = "request_id: \"a\" case_id: \"" + alerted + "\"";
  const std::string begin = "request_id: \"b\" case_id: \"" + held + "\" note: \"she called\"";
  EXPECT_FALSE(server_.Do<api::AcknowledgeAlertResponse>("manager", seen).replayed());
  EXPECT_FALSE(server_.Do<api::BeginCaseResponse>("manager", begin).replayed());
  const int64_t after = server_.LastSequence();
  EXPECT_TRUE(server_.Do<api::AcknowledgeAlertResponse>("manager", seen).replayed());
  EXPECT_TRUE(server_.Do<api::BeginCaseResponse>("manager", begin).replayed());
  EXPECT_EQ(server_.LastSequence(), after);
}

TEST_F(AlertApiTest, ExplainingACaseShowsWhichAlertsHold) {
  const std::string id = Submit("touchpoint", 3, R"(reason: "my lawyer")");
  const auto reply = server_.Do<api::ExplainCaseResponse>("admin", "case_id: \"" + id + "\"");
  std::vector<std::string> applying;
  for (const api::RuleExplanation& rule : reply.rules()) {
    if (rule.kind() == "alert" && rule.applies()) applying.push_back(rule.rule_id());
  }
  EXPECT_THAT(applying, ElementsAre("lawyer"));
}

}  // namespace
}  // namespace rebound::fixtures
