// Back-tests through the API: what another configuration would have made of the cases there are.
#include <gmock/gmock.h>

#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/config_service.pb.h"
#include "rebound/v1/response_service.pb.h"
#include "server/config/config.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class BacktestApiTest : public testing::Test {
 protected:
  BacktestApiTest() : server_(TestServerOptions{.revision = ShippedRevision()}) {
    std::vector<ConfigError> errors;
    for (const ConfigFile& file : ReadConfigFolder(REBOUND_SOURCE_DIR "/config", &errors)) {
      files_[file.name.substr(file.name.find("/config/") + 8)] = file.text;
    }
    EXPECT_THAT(errors, IsEmpty());
  }

  void Edit(const std::string& name, const std::string& from, const std::string& to) {
    std::string& text = files_.at(name);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  }

  // The id of the case that the answer opens.
  std::string Submit(const std::string& customer, int score, const std::string& more = "") {
    return server_
        .Do<api::SubmitResponseResponse>(
            "integration", "response { program_id: \"touchpoint\" score: " + std::to_string(score) +
                               " customer_key { source_system: \"crm\" external_id: \"" + customer +
                               "\" } " + more + "}")
        .response()
        .paired_case_id();
  }

  // With the files as they were edited.
  api::BacktestConfigRequest Draft(const std::string& request_text) {
    auto request = FromText<api::BacktestConfigRequest>(request_text);
    for (const auto& [name, text] : files_) {
      api::ConfigFile* file = request.add_files();
      file->set_name(name);
      file->set_text(text);
    }
    return request;
  }

  api::BacktestConfigResponse Try(const std::string& request_text) {
    const api::BacktestConfigRequest request = Draft(request_text);
    api::BacktestConfigResponse response;
    const int64_t before = server_.LastSequence();
    const grpc::Status status = server_.Call("manager", request, &response);
    EXPECT_TRUE(status.ok()) << ToRefusal(status);
    EXPECT_EQ(server_.LastSequence(), before) << "nothing is stored";
    return response;
  }

  static const api::BacktestDeadline& Deadline(const api::BacktestConfigResponse& reply,
                                               const std::string& name) {
    for (const api::BacktestDeadline& each : reply.deadlines()) {
      if (each.name() == name) return each;
    }
    ADD_FAILURE() << "no deadline " << name;
    static const api::BacktestDeadline kNone;
    return kNone;
  }

  TestServer server_;
  std::map<std::string, std::string> files_;
};

TEST_F(BacktestApiTest, TheSameConfigurationChangesNothing) {
  Submit("li", 1);
  Submit("wang", 5, "touchpoint: \"billing/late-fee\"");
  const auto reply = Try("");
  EXPECT_EQ(reply.case_count(), 2);
  EXPECT_EQ(reply.changed_case_count(), 0);
  EXPECT_THAT(reply.changes(), IsEmpty());
  EXPECT_THAT(reply.cases(), IsEmpty());
  EXPECT_EQ(Deadline(reply, "first-contact").total().open_count(), 2);
  // What is in force, without files.
  const auto in_force = server_.Do<api::BacktestConfigResponse>("manager", "");
  EXPECT_EQ(in_force.case_count(), 2);
  EXPECT_EQ(in_force.changed_case_count(), 0);
}

TEST_F(BacktestApiTest, AHistoryIsComparedWithWhatWouldBeMadeOfItNow) {
  api::ImportHeader header;
  header.set_request_id("history");
  header.set_history(true);
  const auto answer = FromText<api::Response>(
      R"(program_id: "touchpoint" score: 1 occur_time { seconds: 1600000000 }
         external_key { source_system: "old" external_id: "1" }
         customer_key { source_system: "crm" external_id: "li" })");
  ASSERT_EQ(server_.Import("admin", header, {answer}).opened_cases, 1);
  const auto same = Try("");
  EXPECT_THAT(same.changes(), IsEmpty()) << "though it was opened as imported-history";
  // It is named all the same: nobody called in time.
  ASSERT_THAT(same.cases(), SizeIs(1));
  EXPECT_THAT(same.cases(0).late(), testing::Not(IsEmpty()));
  EXPECT_THAT(same.cases(0).deadline_changes(), IsEmpty());
  Edit("playbooks.yaml", "when: \"program = touchpoint AND score <= 2\"",
       "when: \"program = touchpoint AND score <= 0\"");
  Edit("playbooks.yaml", "score: 2, touchpoint: billing/overage-alert",
       "score: 0, touchpoint: billing/overage-alert");  // its test
  const auto reply = Try("");
  ASSERT_THAT(reply.cases(), SizeIs(1));
  EXPECT_EQ(reply.cases(0).playbook_before(), "touchpoint-very-low");
  EXPECT_EQ(reply.cases(0).playbook_after(), "standard");
}

TEST_F(BacktestApiTest, AnotherPlaybookQueueAndDeadlineAreToldByCase) {
  const std::string severe = Submit("li", 1);
  Submit("wang", 5);
  Edit("playbooks.yaml", "when: \"program = touchpoint AND score <= 2\"",
       "when: \"program = touchpoint AND score <= 0\"");
  Edit("playbooks.yaml", "score: 2, touchpoint: billing/overage-alert",
       "score: 0, touchpoint: billing/overage-alert");  // its test
  Edit("clocks.yaml", "limit: 24 hours  ", "limit: 30 hours  ");
  const auto reply = Try("");
  ASSERT_THAT(reply.cases(), SizeIs(2));
  const api::BacktestCase& first = reply.cases(0);
  EXPECT_EQ(first.case_number(), "C-1");
  EXPECT_TRUE(first.opens());
  EXPECT_EQ(first.playbook_before(), "touchpoint-very-low");
  EXPECT_EQ(first.playbook_after(), "standard");
  EXPECT_EQ(first.queue_before(), "priority");
  EXPECT_EQ(first.queue_after(), "default");
  EXPECT_THAT(first.deadline_changes(), SizeIs(1));
  EXPECT_EQ(reply.cases(1).playbook_after(), "standard");
  std::vector<std::string> changes;
  for (const api::BacktestChange& change : reply.changes()) {
    changes.push_back(change.what() + " " + change.from() + " " + change.to() + " " +
                      std::to_string(change.case_count()));
  }
  EXPECT_THAT(changes, testing::IsSupersetOf({"playbook touchpoint-very-low standard 1",
                                              "queue priority default 1", "severity 4 3 1"}));
  int64_t before = 0, after = 0;
  for (const api::BacktestWorkload& each : reply.workload()) {
    before += each.case_count_before();
    after += each.case_count_after();
    if (each.queue_id() != "priority") continue;
    EXPECT_EQ(each.case_count_after(), 0);
  }
  EXPECT_EQ(before, 2);
  EXPECT_EQ(after, 2);
  EXPECT_FALSE(severe.empty());
}

TEST_F(BacktestApiTest, PromisesAreJudgedByWhatHappenedAndCountedByGroup) {
  const std::string slow = Submit("li", 5, "touchpoint: \"billing/late-fee\"");
  const std::string quick = Submit("wang", 5, "touchpoint: \"channel/hotline\"");
  const auto dispatch = [&](const std::string& id) {
    server_.Do<api::DispatchCaseResponse>("agent", "case_id: \"" + id + "\" owner: \"li\"");
  };
  dispatch(quick);
  server_.clock().Advance(std::chrono::hours(50));
  dispatch(slow);
  dispatch(quick);  // the first time counts
  const std::string promise =
      "promises { fact: CASE_FACT_DISPATCHED count: CLOCK_COUNT_CALENDAR_DAYS limit { days: 1 } } "
      "promises { fact: CASE_FACT_CLOSED limit { time { seconds: 3600 } } } group_by: "
      "\"touchpoint\"";
  const auto reply = Try(promise);
  const api::BacktestDeadline& dispatched = Deadline(reply, "dispatched within 1 calendar day");
  EXPECT_TRUE(dispatched.promise());
  EXPECT_EQ(dispatched.fact(), api::CASE_FACT_DISPATCHED);
  EXPECT_EQ(dispatched.total().case_count(), 2);
  EXPECT_EQ(dispatched.total().late_count(), 1);
  EXPECT_EQ(dispatched.total().in_time_count(), 1);
  ASSERT_THAT(dispatched.groups(), SizeIs(2));
  EXPECT_EQ(dispatched.groups(0).key(), "billing/late-fee") << "the most late first";
  EXPECT_EQ(dispatched.groups(0).late_count(), 1);
  EXPECT_EQ(Deadline(reply, "closed within 1 hour").total().late_count(), 2)
      << "what has not happened and is overdue is late";
  ASSERT_THAT(reply.cases(), SizeIs(2));
  EXPECT_THAT(
      reply.cases(0).late(),
      ElementsAre("first-contact", "dispatched within 1 calendar day", "closed within 1 hour"));
}

TEST_F(BacktestApiTest, PromisesThatDifferAreToldApartAndOneMadeTwiceIsOne) {
  Submit("li", 5);
  server_.clock().Advance(std::chrono::seconds(100));
  const auto reply = Try(R"(
      promises { fact: CASE_FACT_CLOSED limit { time { seconds: 90 } } }
      promises { fact: CASE_FACT_CLOSED limit { time { seconds: 120 } } }
      promises { fact: CASE_FACT_CLOSED count: CLOCK_COUNT_WORKING_DAYS limit { days: 2 }
                 calendar_id: "office-cn" }
      promises { fact: CASE_FACT_CLOSED count: CLOCK_COUNT_WORKING_DAYS limit { days: 2 }
                 calendar_id: "office-cn" })");
  std::vector<std::string> names;
  for (const api::BacktestDeadline& each : reply.deadlines()) {
    if (!each.promise()) continue;
    names.push_back(each.name());
    EXPECT_EQ(each.total().case_count(), 1) << each.name();
  }
  EXPECT_THAT(names, ElementsAre("closed within 90 seconds", "closed within 2 minutes",
                                 "closed within 2 working days by office-cn"));
  EXPECT_EQ(Deadline(reply, "closed within 90 seconds").total().late_count(), 1);
  EXPECT_EQ(Deadline(reply, "closed within 2 minutes").total().late_count(), 0);
}

TEST_F(BacktestApiTest, WhichCasesAreTriedIsTheCallersChoice) {
  Submit("li", 1);
  server_.clock().Advance(std::chrono::hours(24 * 40));
  const std::string second = Submit("wang", 5);
  const std::string since = Submit("zhao", 5);
  EXPECT_EQ(Try("").case_count(), 3);
  EXPECT_EQ(Try("filter: \"score <= 2\"").case_count(), 1);
  const auto c = server_.Do<api::GetCaseResponse>("agent", "case_id: \"" + second + "\"").case_();
  const std::string at = std::to_string(c.open_time().seconds());
  EXPECT_EQ(Try("since_time { seconds: " + at + " }").case_count(), 2);
  EXPECT_EQ(Try("until_time { seconds: " + at + " }").case_count(), 1);
  const auto cut =
      Try("promises { fact: CASE_FACT_CLOSED limit { time { seconds: 1 } } } example_limit: 1 "
          "until_time { seconds: " +
          at + " }");
  EXPECT_THAT(cut.cases(), SizeIs(1));
  // A caller sees only what lies in their scope.
  server_.AddIdentity("east", "manager", Scope{{"east"}, {}});
  EXPECT_EQ(server_.Do<api::BacktestConfigResponse>("east", "").case_count(), 0);
}

TEST_F(BacktestApiTest, MaskedAccountsAreNeitherShownNorGuessed) {
  Submit("li", 1, "account_id: \"13812341234\"");
  Submit("wang", 1, "account_id: \"acme\"");
  const auto reply = Try(
      "promises { fact: CASE_FACT_CLOSED limit { time { seconds: 90 } } } group_by: \"account\"");
  std::vector<std::string> keys;
  for (const auto& group : Deadline(reply, "closed within 90 seconds").groups()) {
    keys.push_back(group.key());
  }
  EXPECT_THAT(keys, testing::UnorderedElementsAre("138****1234", "acme"));

  Edit("playbooks.yaml", "when: 'program = \"sfo-2017\" AND",
       "when: 'account = \"acme\" OR program = \"sfo-2017\" AND");
  EXPECT_THAT(Try("").faults(), IsEmpty());
  EXPECT_EQ(Try("").case_count(), 2) << "an account that everybody sees";
  Edit("playbooks.yaml", "acme", "13812341234");
  api::BacktestConfigResponse response;
  const Refusal refusal = ToRefusal(server_.Call("manager", Draft(""), &response));
  EXPECT_EQ(refusal.reason, "FILTER_INVALID") << refusal;
  EXPECT_EQ(refusal.message.find("13812341234"), std::string::npos) << refusal;

  // A red line would show whose it is by the severity.
  Edit("playbooks.yaml", "13812341234", "acme");
  EXPECT_THAT(Try("").faults(), IsEmpty());
  Edit("alerts.yaml", "alerts:\n",
       "alerts:\n  - {id: whose, name: {en: Whose}, red_line: true, notify: owner,\n"
       "     when: 'account = \"13812341234\"'}\n");
  EXPECT_EQ(ToRefusal(server_.Call("manager", Draft(""), &response)).reason, "FILTER_INVALID");
}

TEST_F(BacktestApiTest, ADraftWithFaultsIsAnAnswer) {
  Submit("li", 1);
  Edit("playbooks.yaml", "severity: 4", "severity: 9");
  const auto reply = Try("");
  EXPECT_THAT(reply.faults(), SizeIs(1));
  EXPECT_EQ(reply.case_count(), 0);
}

TEST_F(BacktestApiTest, WhatCannotBeTriedIsRefused) {
  struct Row {
    std::string request, reason, field;
  };
  const Row rows[] = {
      {"revision: 77", "REVISION_UNKNOWN", ""},
      {"filter: \"scor <= 2\"", "FILTER_INVALID", ""},
      {"group_by: \"religion\"", "REASON_UNKNOWN", "group_by"},
      {"group_by: \"status\"", "REASON_UNKNOWN", "group_by"},
      {"example_limit: 10001", "NUMBER_OUT_OF_RANGE", "example_limit"},
      {"example_limit: -1", "NUMBER_OUT_OF_RANGE", "example_limit"},
      {"promises { limit { days: 1 } count: CLOCK_COUNT_CALENDAR_DAYS }", "ENUM_VALUE_UNKNOWN",
       "promises[0].fact"},
      {"promises { fact: CASE_FACT_CLOSED }", "REQUIRED_FIELD_MISSING", "promises[0].limit"},
      {"promises { fact: CASE_FACT_CLOSED limit { days: 1 } }", "REQUIRED_FIELD_MISSING",
       "promises[0].limit"},
      {"promises { fact: CASE_FACT_CLOSED limit { days: 0 } count: CLOCK_COUNT_CALENDAR_DAYS }",
       "NUMBER_OUT_OF_RANGE", "promises[0].limit.days"},
      {"promises { fact: CASE_FACT_CLOSED limit { days: 1 } count: CLOCK_COUNT_WORKING_DAYS }",
       "REQUIRED_FIELD_MISSING", "promises[0].calendar_id"},
      {"promises { fact: CASE_FACT_CLOSED limit { days: 1 } count: CLOCK_COUNT_WORKING_DAYS "
       "calendar_id: \"mars\" }",
       "REASON_UNKNOWN", "promises[0].calendar_id"},
      {"since_time { seconds: 999999999999 }", "TIMESTAMP_OUT_OF_RANGE", "since_time"},
  };
  for (const Row& row : rows) {
    const Refusal refusal = server_.Refuse("manager", "ConfigService/BacktestConfig", row.request);
    EXPECT_EQ(refusal.reason, row.reason) << row.request;
    EXPECT_TRUE(row.field.empty() || refusal.HasField(row.field)) << row.request;
  }
  EXPECT_EQ(server_.Refuse("agent", "ConfigService/BacktestConfig", "").reason, "ROLE_NOT_ALLOWED");
}

}  // namespace
}  // namespace rebound::fixtures
