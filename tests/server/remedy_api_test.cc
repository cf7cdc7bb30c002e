// Remedies over the API: limits hold against callers that race, approval is by person and not by
// token, and options and report say the same as the events.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/report_service.pb.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

std::shared_ptr<const Revision> WithLimits() {
  Revision revision = *PlainRevision();
  revision.remedies = {{"refund", RemedyKind::kRefund, "Refund", "退费", false, true},
                       {"owed", RemedyKind::kRefund, "Owed", "法定", true, true}};
  RemedyLimit agents;
  agents.id = "agent-case";
  agents.per = RemedyLimit::Per::kCase;
  agents.beyond = RemedyLimit::Beyond::kSecondPerson;
  agents.currency = "CNY";
  agents.amount = 20'000;
  agents.roles = {"agent"};
  RemedyLimit most = agents;
  most.id = "customer-most";
  most.per = RemedyLimit::Per::kCustomer;
  most.beyond = RemedyLimit::Beyond::kRefused;
  most.amount = 50'000;
  most.window = std::chrono::days{365};
  most.roles = {};
  revision.remedy_limits = {agents, most};
  return std::make_shared<const Revision>(std::move(revision));
}

class RemedyApiTest : public testing::Test {
 protected:
  RemedyApiTest() : server_(TestServerOptions{.revision = WithLimits()}) {
    server_.Do<api::SubmitResponseResponse>("integration", R"(
        response { program_id: "touchpoint" score: 2
                   customer_key { source_system: "crm" external_id: "a" } })");
  }

  static std::string Give(int64_t minor, std::string_view type = "refund",
                          std::string_view state = "PROPOSED") {
    return R"(case_id: "C-1" remedy { type_id: ")" + std::string(type) + "\" state: REMEDY_STATE_" +
           std::string(state) + " amount { amount_minor: " + std::to_string(minor) +
           R"( currency_code: "CNY" } })";
  }
  static std::string Move(const api::Remedy& remedy, std::string_view state) {
    return R"(case_id: "C-1" remedy { id: ")" + remedy.id() + "\" state: REMEDY_STATE_" +
           std::string(state) + " }";
  }
  api::Remedy Record(std::string_view who, const std::string& text) {
    const auto done = server_.Do<api::RemedyCaseResponse>(who, text);
    const auto& remedies = done.case_().remedies();
    return remedies.empty() ? api::Remedy() : remedies.at(remedies.size() - 1);
  }
  std::string Refused(std::string_view who, const std::string& text) {
    return server_.Refuse(who, "CaseService/RemedyCase", text).reason;
  }
  api::Case Read() {
    return server_.Do<api::GetCaseResponse>("admin", R"(case_id: "C-1")").case_();
  }

  TestServer server_;
};

TEST_F(RemedyApiTest, ThirtyTwoCallersAtTheEdgeNeverGiveMoreThanTheLimit) {
  constexpr int kCallers = 32;
  constexpr int64_t kEach = 3'000;  // 16 of them fit into 500.00, the 17th does not
  std::atomic<int> given{0};
  std::atomic<int> limited{0};
  std::atomic<int> other{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&, i] {
      auto request = FromText<api::RemedyCaseRequest>(Give(kEach));
      request.set_request_id("race-" + std::to_string(i));
      api::RemedyCaseResponse response;
      const grpc::Status status = server_.Call("manager", request, &response);
      if (status.ok()) {
        ++given;
      } else {
        ++(ToRefusal(status).reason == "REMEDY_LIMIT_EXCEEDED" ? limited : other);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(given, 16);
  EXPECT_EQ(limited, 16);
  EXPECT_EQ(other, 0);
  int64_t sum = 0;
  const api::Case detractor_case = Read();
  for (const api::Remedy& remedy : detractor_case.remedies()) sum += remedy.amount().amount_minor();
  EXPECT_EQ(sum, 16 * kEach);
  const Refusal refusal = server_.Refuse("manager", "CaseService/RemedyCase", Give(kEach));
  const std::map<std::string, std::string> expected = {
      {"case", "C-1"},   {"limit", "customer-most"}, {"per", "customer"}, {"allowed", "50000"},
      {"used", "48000"}, {"asked", "3000"},          {"currency", "CNY"}};
  EXPECT_EQ(refusal.metadata, expected);
  Record("manager", Give(2'000));
  Record("manager", Give(1'000'000, "owed"));
}

TEST_F(RemedyApiTest, ASecondTokenIsNoSecondPerson) {
  server_.AddIdentity("li", "agent");
  const std::string first = server_.TokenOf("li");
  const api::Remedy remedy = Record("li", Give(20'001));
  EXPECT_EQ(remedy.approval_limit(), "agent-case");
  EXPECT_EQ(Refused("li", Move(remedy, "OFFERED")), "REMEDY_NEEDS_APPROVAL");
  EXPECT_EQ(Refused("li", Move(remedy, "APPROVED")), "SECOND_PERSON_REQUIRED");
  // The same person again, with another token, and meanwhile a manager.
  server_.AddIdentity("li", "manager");
  ASSERT_NE(server_.TokenOf("li"), first);
  EXPECT_EQ(Refused("li", Move(remedy, "APPROVED")), "SECOND_PERSON_REQUIRED");
  EXPECT_EQ(Refused("agent", Move(remedy, "APPROVED")), "REMEDY_NEEDS_APPROVAL");
  const api::Remedy approved = Record("manager", Move(remedy, "APPROVED"));
  EXPECT_EQ(approved.approver(), "manager");
  const api::Remedy offered = Record("agent", Move(remedy, "OFFERED"));
  ASSERT_EQ(offered.steps_size(), 3);
  EXPECT_EQ(offered.steps(0).actor(), "li");
  EXPECT_EQ(offered.steps(1).actor(), "manager");
  EXPECT_EQ(offered.steps(2).actor(), "agent");
}

TEST_F(RemedyApiTest, OptionsSayWhatIsLeftForTheCaller) {
  Record("agent", Give(12'345));
  Record("agent", Give(999, "owed"));
  const auto mine = server_.Do<api::ListRemedyOptionsResponse>("agent", R"(case_id: "C-1")");
  ASSERT_EQ(mine.options_size(), 2);
  EXPECT_EQ(mine.options(0).type_id(), "refund");
  EXPECT_EQ(mine.options(0).limit_ids_size(), 2);
  EXPECT_TRUE(mine.options(1).statutory());
  EXPECT_EQ(mine.options(1).limit_ids_size(), 0);
  ASSERT_EQ(mine.allowances_size(), 2);
  EXPECT_TRUE(mine.allowances(0).second_person());
  EXPECT_EQ(mine.allowances(0).amount().amount_minor(), 20'000);
  EXPECT_EQ(mine.allowances(0).used().amount_minor(), 12'345);
  EXPECT_EQ(mine.allowances(0).used_count(), 1);
  const auto theirs = server_.Do<api::ListRemedyOptionsResponse>("manager", R"(case_id: "C-1")");
  ASSERT_EQ(theirs.allowances_size(), 1);
  EXPECT_EQ(theirs.allowances(0).limit_id(), "customer-most");
}

TEST_F(RemedyApiTest, TheReportIsTheSumOfTheCases) {
  Record("agent", Give(100));
  Record("manager", Give(250, "refund", "DELIVERED"));
  Record("manager", Give(70, "owed", "ACCEPTED"));
  Record("agent", Move(Record("agent", Give(5'000)), "DECLINED"));
  Record("agent", Move(Record("agent", Give(6'000)), "REVERSED"));
  const auto by_type =
      server_.Do<api::GetRemedyReportResponse>("manager", "scope {} group: REMEDY_GROUP_TYPE");
  ASSERT_EQ(by_type.totals_size(), 1);
  const api::RemedyFigure& total = by_type.totals(0);
  EXPECT_EQ(total.currency_code(), "CNY");
  EXPECT_EQ(total.case_count(), 1);
  EXPECT_EQ(total.remedy_count(), 3);
  EXPECT_EQ(total.granted_minor(), 420);
  EXPECT_EQ(total.given_minor(), 320);
  EXPECT_EQ(total.statutory_minor(), 70);
  EXPECT_EQ(total.declined_count(), 1);
  EXPECT_EQ(total.reversed_count(), 1);
  ASSERT_EQ(by_type.groups_size(), 2);
  EXPECT_EQ(by_type.groups(0).key(), "refund");
  EXPECT_EQ(by_type.groups(0).granted_minor(), 350);
  // However it is grouped, the groups add up to what the cases hold.
  int64_t sum = 0;
  const api::Case detractor_case = Read();
  for (const api::Remedy& remedy : detractor_case.remedies()) {
    const bool over = remedy.state() == api::REMEDY_STATE_DECLINED ||
                      remedy.state() == api::REMEDY_STATE_REVERSED;
    if (!over) sum += remedy.amount().amount_minor();
  }
  for (const char* group : {"CUSTOMER", "PLAYBOOK", "ORG_UNIT", "TYPE", "ACTOR"}) {
    SCOPED_TRACE(group);
    const auto report = server_.Do<api::GetRemedyReportResponse>(
        "manager", "scope {} group: REMEDY_GROUP_" + std::string(group));
    int64_t granted = 0;
    for (const api::RemedyFigure& figure : report.groups()) granted += figure.granted_minor();
    EXPECT_EQ(granted, sum);
    EXPECT_EQ(report.group_count(), report.groups_size());
  }
  EXPECT_EQ(server_.Refuse("manager", "ReportService/GetRemedyReport", "scope {}").reason,
            "REQUIRED_FIELD_MISSING");
  const auto before = server_.Do<api::GetRemedyReportResponse>(
      "manager", "scope { end_time { seconds: 1700000000 } } group: REMEDY_GROUP_ACTOR");
  EXPECT_EQ(before.group_count(), 0);
}

TEST_F(RemedyApiTest, BadInputIsAnsweredByField) {
  struct Row {
    std::string_view name;
    std::string text;
    std::string_view reason;
  };
  const std::string foreign =
      R"(case_id: "C-1" remedy { type_id: "refund" state: REMEDY_STATE_PROPOSED
         amount { amount_minor: 1 currency_code: "USD" } })";
  const Row rows[] = {
      {"-1", Give(-1), "MONEY_INVALID"},
      {"10^18", Give(1'000'000'000'000'000'000), "MONEY_INVALID"},
      {"foreign", foreign, "CURRENCY_MISMATCH"},
      {"unknown", Give(1, "gift"), "REMEDY_TYPE_UNKNOWN"},
      {"no type", R"(case_id: "C-1" remedy { kind: REMEDY_KIND_REFUND
                     state: REMEDY_STATE_PROPOSED })",
       "REQUIRED_FIELD_MISSING"},
      {"more than the limit", Give(50'001), "REMEDY_LIMIT_EXCEEDED"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(Refused("agent", row.text), row.reason);
  }
  // A grant split to stay under what one may give alone.
  Record("agent", Give(10'000, "refund", "DELIVERED"));
  Record("agent", Give(10'000, "refund", "DELIVERED"));
  EXPECT_EQ(Refused("agent", Give(1, "refund", "DELIVERED")), "REMEDY_NEEDS_APPROVAL");
}

}  // namespace
}  // namespace rebound::fixtures
