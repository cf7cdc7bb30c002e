// Reports: every way to the same figure gives the same figure, now and as it was then.
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>

#include <functional>
#include <random>

#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/report_service.pb.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using std::chrono::hours;

constexpr int kCustomers = 40;

// Two months of answers and cases by chance, seeded; the clock moves six hours a step.
class ReportTest : public ServerTest {
 protected:
  explicit ReportTest(unsigned seed = 11) : random_(seed) {}

  void Step() {
    server_.clock().Advance(hours(6));
    server_.FireDueTimers();
    for (int i = 0; i < 3; ++i) Submit();
    const auto cases = server_.Do<api::ListCasesResponse>("agent", "page_size: 1000");
    for (const api::Case& c : cases.cases()) {
      if (random_() % 4 == 0) Work(c);
    }
  }

  void Submit() {
    const auto pick = [&](std::vector<std::string> words) {
      return words[random_() % words.size()];
    };
    const bool anonymous = random_() % 8 == 0;
    const std::string customer = anonymous
                                     ? ""
                                     : R"( customer_key { source_system: "crm" external_id: ")" +
                                           std::to_string(random_() % kCustomers) + "\" }";
    const std::string program = anonymous ? "service-csat" : pick({"touchpoint", "service-csat"});
    const int score = program == "service-csat" ? 1 + static_cast<int>(random_() % 5)
                                                : static_cast<int>(random_() % 11);
    server_.Do<api::SubmitResponseResponse>(
        "integration",
        "response { program_id: \"" + program + "\" score: " + std::to_string(score) + customer +
            " org_unit_id: \"" + pick({"north/a", "north/b", "south"}) + "\" touchpoint: \"" +
            pick({"channel/hotline", "channel/app", "billing"}) + "\" survey_channel: \"" +
            pick({"web", "sms"}) + "\" language: \"" + pick({"zh", "en", ""}) +
            "\" respondent_role: \"" + pick({"buyer", ""}) +
            "\" attributes { key: \"tier\" value: \"" + pick({"gold", "silver"}) + "\" } }");
  }

  void Work(const api::Case& c) {
    const std::string named = "case_id: \"" + c.number() + "\" ";
    const bool handled = c.status() == "resolved" || c.status() == "resurvey_due" ||
                         c.status() == "resurveyed" || c.status() == "closed";
    if (c.status() == "resurveyed") {
      const std::string etag = c.etag().substr(1, c.etag().size() - 2);
      server_.Do<api::CloseCaseResponse>("agent", named + "etag: \"\\\"" + etag + "\\\"\"");
    } else if (handled || c.customer_id().empty()) {
      return;
    } else if (c.status() == "open" || c.status() == "reopened" || c.status() == "contacting") {
      server_.Do<api::LogAttemptResponse>(
          "agent", named + "attempt { channel: CHANNEL_PHONE outcome: " +
                       (random_() % 2 == 0 ? "ATTEMPT_OUTCOME_REACHED" : "ATTEMPT_OUTCOME_BUSY") +
                       " }");
    } else if (c.status() == "contacted") {
      server_.Do<api::RemedyCaseResponse>(
          "agent", named + "remedy { kind: REMEDY_KIND_VOUCHER state: REMEDY_STATE_ACCEPTED }");
    } else {
      server_.Do<api::ResolveCaseResponse>(
          "agent",
          named + R"(handling_result: HANDLING_RESULT_RESOLVED root_cause: "x" action_taken: "x")");
    }
  }

  void Run(int steps) {
    for (int i = 0; i < steps; ++i) Step();
  }

  std::mt19937 random_;
};

std::string ReportScope(const std::string& program, const std::string& more = "") {
  return "scope { program_id: \"" + program + "\" " + more + " }";
}

std::string AsOf(Timestamp t) {
  return "as_of { seconds: " + std::to_string(ToMillis(t) / 1000) + " }";
}

void ExpectEqual(const Message& expected, const Message& actual) {
  google::protobuf::util::MessageDifferencer differencer;
  std::string report;
  differencer.ReportDifferencesToString(&report);
  EXPECT_TRUE(differencer.Compare(expected, actual)) << report;
}

TEST_F(ReportTest, SumsKeptAlongAndRowsCountedOneByOneAgree) {
  Run(120);
  for (const char* program : {"touchpoint", "service-csat", ""}) {
    SCOPED_TRACE(program);
    const std::string kept = ReportScope(program);
    const std::string counted = ReportScope(program, "start_time { seconds: 0 }");
    const auto nps = server_.Do<api::GetNpsReportResponse>("manager", kept);
    EXPECT_GT(nps.total().response_count(), 100);
    const auto nps_counted = server_.Do<api::GetNpsReportResponse>("manager", counted);
    ExpectEqual(nps.total(), nps_counted.total());
    EXPECT_EQ(nps.anonymous_count(), nps_counted.anonymous_count());
    const auto funnel = server_.Do<api::GetFunnelReportResponse>("manager", kept);
    EXPECT_GT(funnel.total().opened_count(), 10);
    ExpectEqual(funnel.total(),
                server_.Do<api::GetFunnelReportResponse>("manager", counted).total());
    if (*program == '\0') continue;
    const auto recovery = server_.Do<api::GetRecoveryReportResponse>("manager", kept);
    ExpectEqual(recovery.total(),
                server_.Do<api::GetRecoveryReportResponse>("manager", counted).total());
    // The funnel and the recovery report speak of the same cases.
    EXPECT_EQ(recovery.total().opened_count(), funnel.total().opened_count());
    EXPECT_EQ(recovery.total().all().eligible_count(), funnel.total().stages(0).count());
    EXPECT_EQ(recovery.total().all().answered_count(), funnel.total().stages(4).count());
    EXPECT_EQ(recovery.total().all().recovered_ever().count(), funnel.total().stages(5).count());
    EXPECT_EQ(recovery.total().all().converted_ever().count(), funnel.total().stages(6).count());
    EXPECT_GT(recovery.total().all().converted_ever().count(), 0);
    // A scope by unit sums its units.
  }
  server_.AddIdentity("north", "manager", {.org_units = {"north"}, .queues = {}});
  server_.AddIdentity("south", "manager", {.org_units = {"south"}, .queues = {}});
  const auto count = [&](const char* who) {
    return server_.Do<api::GetNpsReportResponse>(who, ReportScope("touchpoint"))
        .total()
        .response_count();
  };
  EXPECT_EQ(count("north") + count("south"), count("manager"));
}

TEST_F(ReportTest, WhatWasKnownThenIsToldAgainLater) {
  struct Seen {
    Timestamp at;
    api::GetNpsReportResponse nps;
    api::GetFunnelReportResponse funnel;
    api::GetRecoveryReportResponse recovery;
    api::GetRecoveryReportResponse customers;
  };
  const auto look = [&](const std::string& more) {
    const std::string scope = ReportScope("touchpoint", more);
    return Seen{server_.clock().Now(), server_.Do<api::GetNpsReportResponse>("manager", scope),
                server_.Do<api::GetFunnelReportResponse>("manager", scope),
                server_.Do<api::GetRecoveryReportResponse>("manager", scope),
                server_.Do<api::GetRecoveryReportResponse>(
                    "manager", scope + " unit: RECOVERY_UNIT_CUSTOMER")};
  };
  std::vector<Seen> then;
  for (int i = 0; i < 12; ++i) {
    Run(20);
    then.push_back(look(""));
  }
  for (const Seen& seen : then) {
    SCOPED_TRACE(ToMillis(seen.at));
    const Seen now = look(AsOf(seen.at));
    ExpectEqual(seen.nps, now.nps);
    ExpectEqual(seen.funnel, now.funnel);
    ExpectEqual(seen.recovery, now.recovery);
    ExpectEqual(seen.customers, now.customers);
  }
}

TEST_F(ReportTest, GroupsAddUpToTheTotal) {
  Run(60);
  const std::vector<std::pair<const char*, size_t>> groups = {
      {"touchpoint", 3},      {"org_unit", 3},        {"channel", 2},           {"language", 3},
      {"respondent_role", 2}, {"attributes.tier", 2}, {"attributes.nothing", 1}};
  for (const auto& [group, size] : groups) {
    SCOPED_TRACE(group);
    const std::string scope = ReportScope("touchpoint", "group_by: \"" + std::string(group) + "\"");
    const auto nps = server_.Do<api::GetNpsReportResponse>("manager", scope);
    int64_t responses = 0, promoters = 0;
    std::vector<std::string> names;
    for (const api::NpsFigure& figure : nps.groups()) {
      responses += figure.response_count();
      promoters += figure.promoter_count();
      names.push_back(figure.group());
      EXPECT_TRUE(figure.has_nps() && figure.has_interval());
    }
    EXPECT_EQ(responses, nps.total().response_count());
    EXPECT_EQ(promoters, nps.total().promoter_count());
    EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
    const auto funnel = server_.Do<api::GetFunnelReportResponse>("manager", scope);
    const auto recovery = server_.Do<api::GetRecoveryReportResponse>("manager", scope);
    int64_t opened = 0, eligible = 0;
    for (const api::Funnel& each : funnel.groups()) opened += each.opened_count();
    for (const api::RecoveryFigure& each : recovery.groups())
      eligible += each.all().eligible_count();
    EXPECT_EQ(opened, funnel.total().opened_count());
    EXPECT_EQ(eligible, recovery.total().all().eligible_count());
    EXPECT_EQ(names.size(), size) << testing::PrintToString(names);
  }
}

TEST_F(ReportTest, PeriodsCutTheCohort) {
  Run(80);
  const int64_t middle = ToMillis(kServerStart) / 1000 + 10 * 86'400;
  const auto count = [&](const std::string& more) {
    return std::pair(
        server_.Do<api::GetNpsReportResponse>("manager", ReportScope("touchpoint", more))
            .total()
            .response_count(),
        server_.Do<api::GetFunnelReportResponse>("manager", ReportScope("touchpoint", more))
            .total()
            .opened_count());
  };
  const auto all = count("");
  const auto before = count("end_time { seconds: " + std::to_string(middle) + " }");
  const auto after = count("start_time { seconds: " + std::to_string(middle) + " }");
  EXPECT_GT(before.first, 0);
  EXPECT_GT(after.second, 0);
  EXPECT_EQ(before.first + after.first, all.first);
  EXPECT_EQ(before.second + after.second, all.second);
}

TEST_F(ReportTest, AnEmptyProgramHasNoFiguresRatherThanZeros) {
  const auto nps = server_.Do<api::GetNpsReportResponse>("manager", ReportScope("touchpoint"));
  EXPECT_EQ(nps.total().response_count(), 0);
  EXPECT_FALSE(nps.total().has_nps());
  EXPECT_FALSE(nps.total().has_interval());
  const auto recovery =
      server_.Do<api::GetRecoveryReportResponse>("manager", ReportScope("touchpoint"));
  EXPECT_FALSE(recovery.total().all().recovered_ever().has_value());
  EXPECT_FALSE(recovery.total().all().has_recovered_bounds());
  const auto funnel =
      server_.Do<api::GetFunnelReportResponse>("manager", ReportScope("touchpoint"));
  EXPECT_EQ(funnel.total().stages_size(), 7);
  EXPECT_FALSE(funnel.total().stages(0).has_share());
}

}  // namespace
}  // namespace rebound::fixtures
