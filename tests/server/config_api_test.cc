// The configuration through the API: checked, applied, listed, compared, rolled back, explained.
#include <gmock/gmock.h>

#include <filesystem>

#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/config_service.pb.h"
#include "rebound/v1/operations_service.pb.h"
#include "server/config/config.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class ConfigApiTest : public testing::Test {
 protected:
  // The shipped configuration is revision 1.
  ConfigApiTest() : server_(TestServerOptions{.revision = ShippedRevision()}) {
    std::vector<ConfigError> errors;
    for (const ConfigFile& file : ReadConfigFolder(REBOUND_SOURCE_DIR "/config", &errors)) {
      const std::string prefix = REBOUND_SOURCE_DIR "/config/";
      EXPECT_THAT(file.name, StartsWith(prefix));
      files_[file.name.substr(prefix.size())] = file.text;
    }
    EXPECT_THAT(errors, IsEmpty());
    EXPECT_TRUE(Apply().changed());
  }

  // In the file, `from`, which stands there, becomes `to`.
  void Edit(const std::string& name, const std::string& from, const std::string& to) {
    std::string& text = files_.at(name);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  }
  template <typename Request>
  Request WithFiles() const {
    Request request;
    for (const auto& [name, text] : files_) {
      api::ConfigFile* file = request.add_files();
      file->set_name(name);
      file->set_text(text);
    }
    return request;
  }
  api::ApplyConfigRequest ApplyRequest() {
    auto request = WithFiles<api::ApplyConfigRequest>();
    request.set_request_id("apply-" + std::to_string(++requests_));
    return request;
  }
  // Expects the call to succeed.
  template <typename Response>
  Response Call(std::string_view who, const Message& request, const std::string& language = "en") {
    Response response;
    const grpc::Status status = server_.Call(who, request, &response, {.language = language});
    EXPECT_TRUE(status.ok()) << ToRefusal(status);
    return response;
  }
  api::ApplyConfigResponse Apply() {
    return Call<api::ApplyConfigResponse>("admin", ApplyRequest());
  }
  api::ValidateConfigResponse Validate(const std::string& language = "en") {
    return Call<api::ValidateConfigResponse>("manager", WithFiles<api::ValidateConfigRequest>(),
                                             language);
  }
  std::vector<int64_t> Numbers() {
    std::vector<int64_t> numbers;
    const auto list = server_.Do<api::ListRevisionsResponse>("manager", "");
    for (const api::ConfigRevision& revision : list.revisions()) {
      numbers.push_back(revision.number());
      EXPECT_EQ(revision.current(), numbers.size() == 1) << "the newest is in force";
    }
    return numbers;
  }
  std::string TextOf(int64_t number) {
    return server_.Do<api::GetRevisionResponse>("manager", "number: " + std::to_string(number))
        .text();
  }

  TestServer server_;
  std::map<std::string, std::string> files_;
  int requests_ = 0;
};

TEST_F(ConfigApiTest, FaultsAreToldAllAtOnceWithTheirPlacesInTheCallersLanguage) {
  Edit("lifecycle.yaml", "max_returns: 3", "max_retruns: 3");
  Edit("labels.yaml", "- {id: waiting-for-customer,", "- {id: \"waiting for\",");
  const auto english = Validate();
  ASSERT_EQ(english.faults_size(), 2) << english.ShortDebugString();
  EXPECT_EQ(english.hash(), "");
  EXPECT_EQ(english.diff(), "");
  const auto fault = *std::find_if(english.faults().begin(), english.faults().end(),
                                   [](const auto& f) { return f.file() == "lifecycle.yaml"; });
  EXPECT_EQ(fault.code(), "C005");
  EXPECT_GT(fault.line(), 0);
  EXPECT_EQ(fault.column(), 3);
  EXPECT_THAT(fault.rendered(), HasSubstr("error[C005]: "));
  EXPECT_THAT(fault.help(), HasSubstr("max_returns"));
  EXPECT_THAT(fault.source_line(), HasSubstr("max_retruns"));
  const auto chinese = Validate("zh-CN");
  ASSERT_EQ(chinese.faults_size(), 2);
  for (const api::ConfigFault& each : chinese.faults()) {
    EXPECT_THAT(each.rendered(), HasSubstr("错误[")) << each.ShortDebugString();
  }

  const Refusal refusal = server_.Refuse("admin", ApplyRequest());
  EXPECT_EQ(refusal.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(refusal.reason, "CONFIG_INVALID");
  EXPECT_EQ(refusal.metadata.at("count"), "2");
  const std::string place = "lifecycle.yaml:" + std::to_string(fault.line()) + ":3";
  EXPECT_TRUE(refusal.HasField(place)) << refusal;
  EXPECT_THAT(Numbers(), ElementsAre(1));
}

TEST(ConfigStatusTest, AStartWithABrokenFolderIsToldUntilItIsReadAgain) {
  std::vector<ConfigError> errors;
  EXPECT_FALSE(ParseConfig({{"programs.yaml", "version: 1\nprogram: []\n"},
                            {"playbooks.yaml", "version: 1\nplaybooks: []\n"}},
                           &errors));
  const size_t faults = errors.size();
  TestServer server(TestServerOptions{.config_read = {kServerStart, false, std::move(errors)}});
  const auto broken = server.Do<api::GetStatusResponse>("viewer", "").config();
  EXPECT_FALSE(broken.reload_ok());
  EXPECT_EQ(broken.reload_time().seconds(), ToMillis(kServerStart) / 1000);
  ASSERT_EQ(broken.faults_size(), static_cast<int>(faults));
  EXPECT_EQ(broken.faults(0).file(), "programs.yaml");
}

TEST_F(ConfigApiTest, WhatCannotBeAConfigurationIsRefused) {
  EXPECT_EQ(server_.Refuse("admin", "ConfigService/ValidateConfig", "").reason,
            "REQUIRED_FIELD_MISSING");
  EXPECT_EQ(server_.Refuse("admin", "ConfigService/TestRules", "").reason,
            "REQUIRED_FIELD_MISSING");
  EXPECT_EQ(server_.Refuse("admin", "ConfigService/ApplyConfig", R"(files { text: "x" })").reason,
            "REQUIRED_FIELD_MISSING")
      << "a file needs a name";
  api::ApplyConfigRequest many;
  many.set_request_id("many");
  for (int i = 0; i < 65; ++i) many.add_files()->set_name(std::to_string(i) + ".yaml");
  EXPECT_EQ(server_.Refuse("admin", many).reason, "TOO_MANY_ITEMS");
  EXPECT_EQ(server_
                .Refuse("admin", "ConfigService/ApplyConfig",
                        R"(files { name: "programs.yaml" text: "\000" })")
                .reason,
            "CONFIG_INVALID");
  files_.erase("programs.yaml");
  EXPECT_EQ(Validate().faults(0).code(), "C001");
}

TEST_F(ConfigApiTest, AppliedIsInForceForTheNextCaseAndEqualOnesChangeNothing) {
  EXPECT_FALSE(Apply().changed());
  EXPECT_THAT(Numbers(), ElementsAre(1));

  Edit("lifecycle.yaml", "max_returns: 3", "max_returns: 5");
  EXPECT_THAT(Validate().diff(), AllOf(HasSubstr("max_returns: 3"), HasSubstr("max_returns: 5")));
  auto trial = ApplyRequest();
  trial.set_validate_only(true);
  auto applied = Call<api::ApplyConfigResponse>("admin", trial);
  EXPECT_TRUE(applied.changed()) << "it would be";
  EXPECT_THAT(applied.diff(), HasSubstr("max_returns: 5"));
  EXPECT_THAT(Numbers(), ElementsAre(1)) << "and was not";

  const auto request = ApplyRequest();
  applied = Call<api::ApplyConfigResponse>("admin", request);
  EXPECT_TRUE(applied.changed());
  EXPECT_FALSE(applied.replayed());
  EXPECT_EQ(applied.revision().number(), 2);
  EXPECT_TRUE(applied.revision().current());
  EXPECT_EQ(applied.revision().source(), "api");
  EXPECT_EQ(applied.revision().actor(), "admin");
  EXPECT_THAT(applied.diff(), HasSubstr("max_returns: 5"));
  EXPECT_THAT(Numbers(), ElementsAre(2, 1));
  const auto again = Call<api::ApplyConfigResponse>("admin", request);
  EXPECT_TRUE(again.replayed());
  EXPECT_EQ(again.revision().number(), 2);
  EXPECT_THAT(Numbers(), ElementsAre(2, 1));
  const auto lifecycle = server_.Do<api::GetLifecycleResponse>("viewer", "").lifecycle();
  EXPECT_EQ(lifecycle.revision(), 2);
  EXPECT_EQ(lifecycle.max_returns(), 5);
  EXPECT_EQ(
      server_.Do<api::GetLifecycleResponse>("viewer", "revision: 1").lifecycle().max_returns(), 3);
  EXPECT_EQ(server_.Do<api::GetStatusResponse>("viewer", "").config().revision().number(), 2);

  Edit("lifecycle.yaml", "max_returns: 5", "max_returns: 6");
  auto late = ApplyRequest();
  late.set_expected_revision(1);
  const Refusal conflict = server_.Refuse("admin", late);
  EXPECT_EQ(conflict.code, grpc::StatusCode::ABORTED);
  EXPECT_EQ(conflict.reason, "REVISION_CONFLICT");
  EXPECT_EQ(conflict.metadata.at("current"), "2");
}

TEST_F(ConfigApiTest, RollingBackMakesANewRevisionOfTheOldText) {
  Edit("lifecycle.yaml", "max_returns: 3", "max_returns: 5");
  Apply();
  const auto back = server_.Do<api::RollBackConfigResponse>("admin", "number: 1");
  EXPECT_TRUE(back.changed());
  EXPECT_EQ(back.revision().number(), 3);
  EXPECT_THAT(Numbers(), ElementsAre(3, 2, 1));
  EXPECT_EQ(TextOf(3), TextOf(1));
  EXPECT_NE(TextOf(3), TextOf(2));
  EXPECT_EQ(server_.Do<api::GetLifecycleResponse>("viewer", "").lifecycle().max_returns(), 3);
  EXPECT_FALSE(server_.Do<api::RollBackConfigResponse>("admin", "number: 1").changed());
  EXPECT_EQ(server_.Refuse("admin", "ConfigService/RollBackConfig", "number: 41").reason,
            "REVISION_UNKNOWN");
  EXPECT_EQ(server_.Refuse("admin", "ConfigService/RollBackConfig", "number: -1").reason,
            "REVISION_UNKNOWN");
  EXPECT_EQ(server_.Refuse("admin", "ConfigService/RollBackConfig", "").reason,
            "REQUIRED_FIELD_MISSING");
  EXPECT_EQ(
      server_.Refuse("admin", "ConfigService/RollBackConfig", "number: 2 expected_revision: 2")
          .reason,
      "REVISION_CONFLICT");
}

TEST_F(ConfigApiTest, RevisionsAreListedInPagesAndCompared) {
  for (int limit : {4, 5, 6}) {
    Edit("lifecycle.yaml", "max_returns: " + std::to_string(limit - 1),
         "max_returns: " + std::to_string(limit));
    Apply();
  }
  std::vector<int64_t> numbers;
  std::string token;
  do {
    const auto page = server_.Do<api::ListRevisionsResponse>(
        "manager", "page_size: 3 page_token: \"" + token + "\"");
    for (const api::ConfigRevision& revision : page.revisions()) {
      numbers.push_back(revision.number());
    }
    token = page.next_page_token();
  } while (!token.empty());
  EXPECT_THAT(numbers, ElementsAre(4, 3, 2, 1));

  const auto diff = [&](const std::string& request) {
    return server_.Do<api::DiffRevisionsResponse>("manager", request).diff();
  };
  EXPECT_THAT(diff("from_number: 1"),
              AllOf(HasSubstr("max_returns: 3"), HasSubstr("max_returns: 6")));
  EXPECT_THAT(diff("from_number: 2 to_number: 3"), HasSubstr("max_returns: 5"));
  EXPECT_EQ(diff("from_number: 2 to_number: 2"), "");
  EXPECT_EQ(server_.Refuse("manager", "ConfigService/DiffRevisions", "from_number: 41").reason,
            "REVISION_UNKNOWN");
  EXPECT_EQ(server_.Refuse("manager", "ConfigService/DiffRevisions", "to_number: 1").reason,
            "REQUIRED_FIELD_MISSING");
  for (const char* method : {"ConfigService/GetRevision", "ConfigService/GetLifecycle"}) {
    const std::string field = std::string(method).ends_with("Lifecycle") ? "revision" : "number";
    for (const char* number : {": 41", ": -7"}) {
      const Refusal refusal = server_.Refuse("manager", method, field + number);
      EXPECT_EQ(refusal.code, grpc::StatusCode::NOT_FOUND) << method << number;
      EXPECT_EQ(refusal.reason, "REVISION_UNKNOWN") << method << number;
    }
  }
}

TEST_F(ConfigApiTest, ACaseKeepsItsRevisionUntilItIsMigrated) {
  const auto opened = server_.Do<api::SubmitResponseResponse>(
      "integration", R"(response { program_id: "touchpoint" score: 2
                        customer_key { source_system: "crm" external_id: "li" } })");
  const std::string named = "case_id: \"" + opened.response().paired_case_id() + "\" ";
  Edit("lifecycle.yaml", "zh: 待处理", "zh: 新工单");
  Edit("clocks.yaml", "limit: 24 hours  ", "limit: 30 hours  ");
  Apply();
  api::Case c = server_.Do<api::GetCaseResponse>("agent", named).case_();
  EXPECT_EQ(c.revision(), 1);
  const auto contact = [](const api::Case& of) {
    for (const api::CaseClock& clock : of.clocks()) {
      if (clock.kind() == api::CLOCK_KIND_FIRST_CONTACT) return clock;
    }
    return api::CaseClock();
  };
  EXPECT_EQ(contact(c).limit().time().seconds(), 24 * 3600);
  server_.clock().Advance(std::chrono::hours(5));

  const std::string migrate =
      named + "request_id: \"m\" etag: \"\\\"" + c.etag().substr(1, c.etag().size() - 2) + "\\\"\"";
  auto moved = server_.Do<api::MigrateCaseResponse>("manager", migrate);
  EXPECT_EQ(moved.case_().revision(), 2);
  EXPECT_EQ(contact(moved.case_()).limit().time().seconds(), 30 * 3600);
  EXPECT_EQ(contact(moved.case_()).elapsed().time().seconds(), 5 * 3600) << "kept";
  EXPECT_TRUE(server_.Do<api::MigrateCaseResponse>("manager", migrate).replayed());
}

TEST_F(ConfigApiTest, ACaseExplainsWhichRulesHoldAndWhereTheOthersFail) {
  const auto opened = server_.Do<api::SubmitResponseResponse>(
      "integration", R"(response { program_id: "touchpoint" score: 4 touchpoint: "billing/late-fee"
                        reason: "charged twice"
                        customer_key { source_system: "crm" external_id: "li" } })");
  const auto explained = server_.Do<api::ExplainCaseResponse>(
      "agent", "case_id: \"" + opened.response().paired_case_id() + "\"");
  EXPECT_EQ(explained.case_number(), "C-1");
  EXPECT_EQ(explained.revision(), 1);
  std::map<std::string, std::string> applies;
  std::set<std::string> kinds;
  for (const api::RuleExplanation& rule : explained.rules()) {
    SCOPED_TRACE(rule.ShortDebugString());
    kinds.insert(rule.kind());
    if (rule.applies() && rule.kind() != "clock") applies[rule.kind()] = rule.rule_id();
    if (!rule.matched()) {
      EXPECT_NE(rule.failed_condition(), "");
    } else {
      EXPECT_EQ(rule.failed_condition(), "");
    }
    if (rule.rule_id() == "touchpoint-very-low") {
      EXPECT_FALSE(rule.matched());
      EXPECT_EQ(rule.failed_condition(), "score <= 2");
      EXPECT_EQ(rule.found_value(), "4");
    }
  }
  EXPECT_EQ(applies.at("playbook"), "billing");
  EXPECT_EQ(applies.at("priority"), "normal");
  EXPECT_THAT(kinds, ElementsAre("alert", "clock", "playbook", "priority"));
  EXPECT_EQ(server_.Refuse("agent", "ConfigService/ExplainCase", R"(case_id: "C-41")").code,
            grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(server_.Refuse("agent", "ConfigService/ExplainCase", R"(case_id: "x")").reason,
            "ID_INVALID");
}

TEST_F(ConfigApiTest, WhatARuleFoundIsMaskedAsItIsInTheCase) {
  Edit("alerts.yaml", "alerts:\n",
       "alerts:\n  - {id: whose, name: {en: Whose}, notify: owner, when: 'account = \"acme\"'}\n");
  Apply();
  const auto opened = server_.Do<api::SubmitResponseResponse>(
      "integration", R"(response { program_id: "touchpoint" score: 1 account_id: "13812341234"
                        customer_key { source_system: "crm" external_id: "li" } })");
  const auto found = [&](const char* who) {
    const auto explained = server_.Do<api::ExplainCaseResponse>(
        who, "case_id: \"" + opened.response().paired_case_id() + "\"");
    for (const api::RuleExplanation& rule : explained.rules()) {
      if (rule.rule_id() == "whose") return rule.found_value();
    }
    return std::string("no such rule");
  };
  EXPECT_EQ(found("agent"), "138****1234");
}

TEST_F(ConfigApiTest, TestsBesideTheRulesAreRun) {
  const auto run = [&] {
    return Call<api::TestRulesResponse>("manager", WithFiles<api::TestRulesRequest>());
  };
  auto tests = run();
  EXPECT_GT(tests.test_count(), 5);
  EXPECT_EQ(tests.tests_size(), tests.test_count());
  for (const api::RuleTestResult& test : tests.tests()) {
    EXPECT_TRUE(test.passed()) << test.ShortDebugString();
    EXPECT_NE(test.name(), "");
    EXPECT_GT(test.line(), 1);
  }
  EXPECT_THAT(tests.failures(), IsEmpty());
  EXPECT_THAT(tests.faults(), IsEmpty());
  Edit("priorities.yaml", "expect: {priority: urgent}", "expect: {priority: low}");
  tests = run();
  ASSERT_EQ(tests.failures_size(), 1);
  EXPECT_EQ(tests.failures(0).file(), "priorities.yaml");
  EXPECT_THAT(tests.failures(0).rendered(), HasSubstr("urgent"));
  EXPECT_THAT(tests.faults(), IsEmpty());
  std::vector<api::RuleTestResult> failed;
  for (const api::RuleTestResult& test : tests.tests()) {
    if (!test.passed()) failed.push_back(test);
  }
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].name(), "a red line is urgent");
  EXPECT_EQ(failed[0].file(), "priorities.yaml");
  EXPECT_EQ(failed[0].line(), tests.failures(0).line() - 2);
  ASSERT_EQ(failed[0].mismatches_size(), 1);
  EXPECT_EQ(failed[0].mismatches(0).kind(), "priority");
  EXPECT_EQ(failed[0].mismatches(0).expected(), "low");
  EXPECT_EQ(failed[0].mismatches(0).found(), "urgent");
  Edit("priorities.yaml", "version: 1", "version: 7");
  tests = run();
  EXPECT_THAT(tests.faults(), Not(IsEmpty()));
  EXPECT_THAT(tests.tests(), IsEmpty()) << "rules that cannot be read cannot be tried";
}

TEST_F(ConfigApiTest, AConditionIsTheSameInEveryForm) {
  const auto format = [&](const std::string& condition, api::ConditionForm from,
                          api::ConditionForm to) {
    api::FormatConditionRequest request;
    request.set_condition(condition);
    request.set_from_form(from);
    request.set_to_form(to);
    const auto reply = Call<api::FormatConditionResponse>("manager", request);
    EXPECT_THAT(reply.faults(), IsEmpty()) << reply.ShortDebugString();
    return reply.condition();
  };
  for (const char* filter :
       {"score <= 3", "score <= 3 AND touchpoint:\"billing\"",
        "(score <= 3 OR severity >= 4) AND NOT history = true", "reason:\"空调\" OR topic:\"late\"",
        "org_unit:* AND category = detractor", ""}) {
    SCOPED_TRACE(filter);
    const std::string canonical =
        format(filter, api::CONDITION_FORM_UNSPECIFIED, api::CONDITION_FORM_FILTER);
    for (const api::ConditionForm form : {api::CONDITION_FORM_YAML, api::CONDITION_FORM_JSON}) {
      const std::string other = format(canonical, api::CONDITION_FORM_FILTER, form);
      if (form == api::CONDITION_FORM_YAML && canonical.empty()) continue;  // `when` is left out
      EXPECT_EQ(format(other, form, api::CONDITION_FORM_FILTER), canonical) << other;
    }
  }
  const auto faulty = server_.Do<api::FormatConditionResponse>(
      "manager", R"(condition: "when:\n  all:\n    - scroe: {at_most: 3}\n"
                    from_form: CONDITION_FORM_YAML to_form: CONDITION_FORM_FILTER)");
  ASSERT_EQ(faulty.faults_size(), 1);
  EXPECT_EQ(faulty.faults(0).line(), 3);
  EXPECT_EQ(faulty.faults(0).column(), 7);
  EXPECT_EQ(faulty.condition(), "");
  struct Row {
    const char* request;
    const char* reason;
  };
  for (const Row& row : {
           Row{R"(condition: "scroe <= 3" to_form: CONDITION_FORM_YAML)", "FILTER_INVALID"},
           Row{R"(condition: "{\"field\": 3}" from_form: CONDITION_FORM_JSON
                  to_form: CONDITION_FORM_YAML)",
               "FILTER_INVALID"},
           Row{R"(condition: "score <= 3")", "ENUM_VALUE_UNKNOWN"},
           Row{R"(condition: "score <= 3" to_form: 77)", "ENUM_VALUE_UNKNOWN"},
       }) {
    const Refusal refusal = server_.Refuse("manager", "ConfigService/FormatCondition", row.request);
    EXPECT_EQ(refusal.reason, row.reason) << row.request;
  }
}

TEST_F(ConfigApiTest, AClockThatDidNotJumpNeedsNoConfirmation) {
  EXPECT_EQ(server_.Refuse("admin", "OperationsService/ConfirmClock", "").reason,
            "TIMERS_NOT_HELD");
  EXPECT_FALSE(server_.Do<api::GetStatusResponse>("viewer", "").timers().held());
}

}  // namespace
}  // namespace rebound::fixtures
