// How deadlines, configurations and the lifecycle look; and what the configuration's commands send
// and exit with, against a fake of the API.
#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "clients/cli/cases.h"
#include "clients/cli/cli.h"
#include "clients/cli/clocks.h"
#include "clients/cli/config.h"
#include "clients/cli/report.h"
#include "clients/cli/status.h"
#include "clients/cli/values.h"
#include "rebound/v1/config_service.grpc.pb.h"
#include "tests/clients/cli_golden.h"

namespace rebound::cli {
namespace {

TEST(CliClocksTest, SpansAreSaidInTwoUnitsAtMost) {
  struct Row {
    int64_t seconds;
    bool days;
    const char* en;
    const char* zh;
  };
  for (const Row& row : {
           Row{0, true, "0 s", "0 秒"},
           Row{45, true, "45 s", "45 秒"},
           Row{90, true, "1 min", "1 分"},
           Row{3600, true, "1 h", "1 小时"},
           Row{7800, true, "2 h 10 min", "2 小时 10 分"},
           Row{7859, true, "2 h 10 min", "2 小时 10 分"},
           Row{86'400, true, "1 d", "1 天"},
           Row{3 * 86'400 + 4 * 3600 + 59, true, "3 d 4 h", "3 天 4 小时"},
           Row{3 * 86'400 + 59, true, "3 d", "3 天"},
           Row{86'400 + 600, false, "24 h 10 min", "24 小时 10 分"},
           Row{30, false, "30 s", "30 秒"},
       }) {
    EXPECT_EQ(SpanWords(row.seconds, row.days, false), row.en) << row.seconds;
    EXPECT_EQ(SpanWords(row.seconds, row.days, true), row.zh) << row.seconds;
  }
}

TEST(CliClocksTest, SlackSaysWhatIsLeftOrHowLateItIs) {
  struct Row {
    const char* clock;
    const char* en;
    const char* zh;
  };
  for (const Row& row : {
           Row{R"({"state": "CLOCK_STATE_RUNNING", "slack": {"time": "7800s"}})", "2 h 10 min left",
               "剩余 2 小时 10 分"},
           Row{R"({"state": "CLOCK_STATE_RUNNING", "slack": {"time": "-10800s"},
                   "breachTime": "2026-01-30T08:00:00Z"})",
               "3 h over", "超时 3 小时"},
           Row{R"({"state": "CLOCK_STATE_RUNNING", "slack": {"time": "-0.5s"}})", "0 s over",
               "超时 0 秒"},
           Row{R"({"state": "CLOCK_STATE_PAUSED", "slack": {"days": "1"},
                   "count": "CLOCK_COUNT_WORKING_DAYS"})",
               "1 working day left", "剩余 1 个工作日"},
           Row{R"({"state": "CLOCK_STATE_RUNNING", "slack": {"days": "-2"},
                   "count": "CLOCK_COUNT_CALENDAR_DAYS"})",
               "2 days over", "超时 2 天"},
           Row{R"({"state": "CLOCK_STATE_RUNNING", "slack": {"days": "0"},
                   "count": "CLOCK_COUNT_CALENDAR_DAYS"})",
               "0 days left", "剩余 0 天"},
           Row{R"({"state": "CLOCK_STATE_MET", "slack": {"time": "108000s"},
                   "count": "CLOCK_COUNT_BUSINESS_TIME"})",
               "30 h early", "提前 30 小时"},
           Row{R"({"state": "CLOCK_STATE_MET", "slack": {"time": "-60s"},
                   "breachTime": "2026-01-30T08:00:00Z"})",
               "1 min late", "迟了 1 分"},
           Row{R"({"state": "CLOCK_STATE_CANCELLED", "slack": {"time": "60s"}})", "", ""},
       }) {
    const auto clock = FromJson<v1::CaseClock>(row.clock);
    EXPECT_EQ(SlackWords(clock, false), row.en) << row.clock;
    EXPECT_EQ(SlackWords(clock, true), row.zh) << row.clock;
  }
}

v1::Case DispatchedCase() {
  return FromJson<v1::Case>(R"({
    "id": "01h455vb4pex5vsknk084sn02q", "number": "C-1042", "etag": "\"31\"",
    "programId": "hotline", "status": "waiting_for_customer", "severity": 4, "priority": "high",
    "owner": "王芳", "firstReceiver": "li", "firstReceiveTime": "2026-01-30T08:10:00Z",
    "returnCount": 1, "escalationLevel": 2, "revision": "8",
    "clocks": [
      {"kind": "CLOCK_KIND_FIRST_CONTACT", "generation": 1, "definitionId": "contact",
       "calendarId": "cn-service", "calendarVersion": 3, "count": "CLOCK_COUNT_BUSINESS_TIME",
       "limit": {"time": "14400s"}, "metBy": "MET_BY_REACHED", "state": "CLOCK_STATE_MET",
       "startTime": "2026-01-30T08:00:00Z", "dueTime": "2026-02-02T03:00:00Z",
       "endTime": "2026-01-30T09:10:00Z", "elapsed": {"time": "4200s"}, "elapsedWall": "4200s",
       "slack": {"time": "10200s"}},
      {"kind": "CLOCK_KIND_REMEDY", "generation": 2, "definitionId": "remedy",
       "calendarId": "cn-service", "calendarVersion": 3, "count": "CLOCK_COUNT_WORKING_DAYS",
       "limit": {"days": "3"}, "state": "CLOCK_STATE_PAUSED", "startTime": "2026-01-30T08:00:00Z",
       "elapsed": {"days": "1"}, "elapsedWall": "93600s", "slack": {"days": "2"},
       "paused": "187200s"},
      {"kind": "CLOCK_KIND_EXTERNAL_DEADLINE", "generation": 1, "count": "CLOCK_COUNT_WALL",
       "limit": {"time": "172800s"}, "state": "CLOCK_STATE_RUNNING",
       "startTime": "2026-01-30T08:00:00Z", "dueTime": "2026-02-01T08:00:00Z",
       "breachTime": "2026-02-01T08:00:00Z", "elapsed": {"time": "183600s"},
       "elapsedWall": "183600s", "slack": {"time": "-10800s"}, "crossedTiers": ["breach"]}],
    "pauses": [
      {"reason": "customer_away", "note": "春节", "owner": "王芳", "actor": "li",
       "pauseTime": "2026-01-30T12:00:00Z", "resumeTime": "2026-01-31T14:30:00Z"},
      {"reason": "parts_ordered", "owner": "王芳", "actor": "王芳",
       "pauseTime": "2026-02-01T10:00:00Z"}],
    "extensions": [{"id": "x1", "clock": "CLOCK_KIND_REMEDY", "generation": 2,
       "amount": {"days": "1"}, "reason": "parts_ordered", "requester": "王芳",
       "state": "EXTENSION_STATE_GRANTED", "decider": "chen"}],
    "assists": [{"id": "h1", "assistant": "billing", "requester": "王芳",
       "request": "Charged twice?", "answerer": "wu", "answer": "是，3 月 3 日"}],
    "chases": [{"channel": "CHANNEL_PHONE", "actor": "hotline", "note": "Where is it?",
       "occurTime": "2026-01-31T14:30:00Z"}],
    "supervisions": [{"note": "每日报告", "actor": "chen", "occurTime": "2026-01-31T15:00:00Z"}],
    "verifications": [{"contacted": true, "solved": false, "accepted": false, "actor": "zhao",
       "note": "leaks again", "occurTime": "2026-01-31T16:00:00Z"}],
    "allowedCommands": ["chase", "resume", "move:verifying"]})");
}

TEST(CliClocksTest, ACasesClocksAndDispatchingAreTablesInBothLanguages) {
  const Language chinese{true, {{"waiting_for_customer", "等待客户"}}};
  ExpectGolden("dispatched.txt", RenderCase(DispatchedCase(), {}, {}, 0) + "----\n" +
                                     RenderCase(DispatchedCase(), chinese, {}, 0) + "----\n" +
                                     RenderCaseChange(DispatchedCase(), false, false, {}) +
                                     RenderCaseChange(DispatchedCase(), true, true, {}));
  EXPECT_EQ(NextDue(DispatchedCase()), "2026-02-01T08:00:00Z");
}

v1::Lifecycle SmallLifecycle() {
  return FromJson<v1::Lifecycle>(R"({
    "revision": "8", "initialStatus": "open", "maxReturns": 3, "maxExtensions": 2,
    "statuses": [
      {"key": "open", "label": "Open", "labelZh": "待处理", "phase": "PHASE_OPEN"},
      {"key": "waiting", "label": "Waiting for \"parts\" & more", "labelZh": "等待配件",
       "phase": "PHASE_OPEN", "stoppedClocks": ["CLOCK_KIND_REMEDY"]},
      {"key": "resolved", "label": "Resolved", "labelZh": "办结", "phase": "PHASE_REMEDIED",
       "handlingDone": true},
      {"key": "closed", "label": "Closed", "labelZh": "归档", "phase": "PHASE_CLOSED",
       "handlingDone": true}],
    "transitions": [
      {"fromStatus": "open", "command": "assign", "toStatus": "open"},
      {"fromStatus": "open", "command": "chase", "toStatus": "open"},
      {"fromStatus": "open", "command": "resolve", "toStatus": "resolved",
       "requiredFields": ["root_cause", "owner"]},
      {"fromStatus": "open", "command": "pause", "toStatus": "waiting"},
      {"fromStatus": "waiting", "command": "resume", "toStatus": "open"},
      {"fromStatus": "waiting", "command": "chase", "toStatus": "open"},
      {"fromStatus": "resolved", "command": "close", "toStatus": "closed",
       "roles": ["manager", "admin"]},
      {"fromStatus": "resolved", "command": "verify", "toStatus": "closed",
       "otherwiseStatus": "open"},
      {"fromStatus": "resolved", "command": "answer_resurvey", "toStatus": "closed",
       "otherwiseStatus": "open", "exhaustedStatus": "resolved"},
      {"fromStatus": "closed", "command": "reopen", "toStatus": "open"}]})");
}

TEST(CliLifecycleTest, TheLifecycleIsATreeAGraphAndADrawing) {
  ExpectGolden("lifecycle.txt", LifecycleText(SmallLifecycle(), false, {}) + "----\n" +
                                    LifecycleText(SmallLifecycle(), true, {}));
  ExpectGolden("lifecycle.dot", LifecycleDot(SmallLifecycle()));
  ExpectGolden("lifecycle.svg", LifecycleSvg(SmallLifecycle()));
}

TEST(CliLifecycleTest, ALifecycleOfNothingIsDrawnToo) {
  EXPECT_NE(LifecycleText({}, false, {}).find("0 statuses"), std::string::npos);
  EXPECT_TRUE(LifecycleSvg({}).ends_with("</svg>\n"));
}

TEST(CliConfigTest, FaultsDifferencesAndExplanationsAreShown) {
  const auto faults = FromJson<v1::ValidateConfigResponse>(R"({"faults": [
    {"code": "C005", "file": "clocks.yaml", "line": 7, "column": 5,
     "rendered": "clocks.yaml:7:5: error[C005]: expected a key\n  7 |     limt: 4h\n"},
    {"code": "C001", "file": "labels.yaml",
     "rendered": "labels.yaml: error[C001]: expected UTF-8\n"}]})");
  const auto explained = FromJson<v1::ExplainCaseResponse>(R"({"caseNumber": "C-1042",
    "revision": "8", "rules": [
      {"kind": "playbook", "ruleId": "room", "condition": "score <= 2 AND touchpoint:\"room\"",
       "failedCondition": "touchpoint:\"room\"", "foundValue": "热线"},
      {"kind": "playbook", "ruleId": "any", "matched": true, "applies": true},
      {"kind": "playbook", "ruleId": "late", "condition": "score <= 6", "matched": true},
      {"kind": "clock", "ruleId": "contact", "condition": "owner:*", "failedCondition": "owner:*"}
    ]})");
  const auto tests = FromJson<v1::TestRulesResponse>(R"({"failures": [
    {"rendered": "playbooks.yaml:40:13: error[C016]: expected playbook room, got none\n"}],
    "tests": [
      {"name": "客房太冷", "file": "playbooks.yaml", "line": 40, "mismatches": [
        {"kind": "playbook", "expected": "room", "found": "none"},
        {"kind": "clocks", "expected": "contact, remedy", "found": "contact"}]},
      {"name": "history is left alone", "file": "playbooks.yaml", "line": 44, "passed": true}]})");
  const auto revisions = FromJson<v1::ListRevisionsResponse>(R"({"revisions": [
    {"number": "8", "hash": "0123456789abcdef", "source": "api", "actor": "王芳", "current": true,
     "applyTime": "2026-01-30T08:00:00Z"},
    {"number": "7", "hash": "fedcba9876543210", "source": "folder", "actor": "system"}]})");
  const auto list = [&](bool chinese) {
    std::ostringstream out;
    ListPrinter<v1::ConfigRevision> printer(out, Format::kTable, 0, RevisionColumns(chinese));
    for (const v1::ConfigRevision& revision : revisions.revisions()) printer.Add(revision);
    printer.Finish("");
    return out.str();
  };
  const std::string diff =
      "playbooks room: changed\n-     severity: 4\n+     name: changed\nroles: added\n";
  ExpectGolden(
      "config.txt",
      RenderFaults(faults.faults()) + "----\n" + RenderDiff(diff, false, {}) +
          RenderDiff(diff, true, {}) + "----\n" + RenderExplanation(explained, false, {}, 0) +
          RenderExplanation(explained, true, {}, 0) + "----\n" + RenderTests(tests, false, {}, 0) +
          "----\n" + RenderTests(tests, true, {}, 0) + "----\n" + list(false) + list(true));
  EXPECT_NE(RenderDiff("+ x\n", false, {.color = true}).find("\x1b[32m"), std::string::npos);
  EXPECT_EQ(RenderDiff("+ \x1b[2J\n", false, {}).find('\x1b'), std::string::npos);
}

TEST(CliConfigTest, TheStatusShowsConfigurationAndTimers) {
  const auto status = FromJson<v1::GetStatusResponse>(R"({"version": "0.1.0", "store": "sqlite",
    "schemaVersion": 2, "revision": "8", "revisionHash": "0123456789abcdef0123",
    "config": {"revision": {"number": "8", "source": "api", "actor": "王芳",
                            "applyTime": "2026-01-30T08:00:00Z"},
               "reloadTime": "2026-01-31T08:00:00Z", "goodReloadCount": "3",
               "failedReloadCount": "2",
               "faults": [{"rendered": "clocks.yaml:7:5: error[C005]: expected a key\n"}]},
    "timers": {"dueCount": "1234", "oldestDueAge": "7800s", "held": true,
               "holdTime": "2026-01-31T09:00:00Z", "parkedCount": "2",
               "latenessP99": "1.250s"},
    "deliveries": {"pendingCount": "1234", "deliveredCount": "5", "deadCount": "2",
                   "oldestDueAge": "7800s"},
    "tables": [{"table": "cases", "rowCount": "12"}], "eventStreamCount": "3",
    "calls": [{"method": "rebound.v1.CaseService/GetCase", "code": "OK", "count": "4",
               "totalMicros": "2500"},
              {"method": "a\"b\\c", "code": "NOT_FOUND", "count": "1"}],
    "tzdataVersion": "2025b",
    "rateLimits": {"identityRefusedCount": "1234", "addressRefusedCount": "5",
                   "connectionRefusedCount": "7"}})");
  ExpectGolden("status.txt", RenderStatus(status, "127.0.0.1:50061", {}, 0));
}

TEST(CliConfigTest, PausesAreShownByOwner) {
  const auto report = FromJson<v1::GetPauseReportResponse>(R"({
    "total": {"caseCount": "3", "pauseCount": "5", "lastingCount": "1", "paused": "378000s",
              "longest": "187200s"},
    "owners": [{"caseCount": "1", "pauseCount": "1", "paused": "3600s", "longest": "3600s"},
               {"owner": "王芳", "caseCount": "2", "pauseCount": "4", "lastingCount": "1",
                "paused": "374400s", "longest": "187200s"}],
    "asOf": "2026-01-31T08:00:00Z"})");
  std::ostringstream csv;
  WritePausesCsv(report, csv);
  ExpectGolden("pauses.txt", RenderPauses(report, {}, 0) + "----\n" + csv.str());
}

// ---- Commands

// Refuses a configuration whose lifecycle.yaml says "broken".
class FakeConfig : public v1::ConfigService::Service {
 public:
  grpc::Status ValidateConfig(grpc::ServerContext* context,
                              const v1::ValidateConfigRequest* request,
                              v1::ValidateConfigResponse* reply) override {
    const auto it = context->client_metadata().find("accept-language");
    language = it == context->client_metadata().end()
                   ? ""
                   : std::string(it->second.data(), it->second.size());
    names.clear();
    for (const v1::ConfigFile& file : request->files()) {
      names += file.name().substr(file.name().rfind('/') + 1) + " ";
      if (file.text() == "broken") {
        reply->add_faults()->set_rendered(file.name() + ":1:1: error[C004]: expected a mapping\n");
      }
    }
    if (reply->faults().empty()) reply->set_diff("+ new\n");
    return grpc::Status::OK;
  }
  grpc::Status ApplyConfig(grpc::ServerContext*, const v1::ApplyConfigRequest* request,
                           v1::ApplyConfigResponse* reply) override {
    ++applied;
    expected = request->expected_revision();
    reply->mutable_revision()->set_number(8);
    reply->set_changed(true);
    return grpc::Status::OK;
  }

  // One test, which fails if lifecycle.yaml says "broken".
  grpc::Status TestRules(grpc::ServerContext*, const v1::TestRulesRequest* request,
                         v1::TestRulesResponse* reply) override {
    v1::RuleTestResult* test = reply->add_tests();
    test->set_name("low");
    test->set_file("playbooks.yaml");
    test->set_line(7);
    test->set_passed(true);
    for (const v1::ConfigFile& file : request->files()) {
      if (file.text() != "broken") continue;
      test->set_passed(false);
      v1::RuleTestMismatch* mismatch = test->add_mismatches();
      mismatch->set_kind("playbook");
      mismatch->set_expected("room");
      mismatch->set_found("none");
      reply->add_failures()->set_rendered("playbooks.yaml:7:9: error[C016]: expected room\n");
    }
    reply->set_test_count(reply->failures().empty() ? 1 : 0);
    return grpc::Status::OK;
  }

  std::string language, names;
  int applied = 0;
  int64_t expected = 0;
};

class CliConfigCommandsTest : public testing::Test {
 protected:
  CliConfigCommandsTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    surroundings_.variables["REBOUND_SERVER"] = "127.0.0.1:" + std::to_string(port);
    std::string name = (std::filesystem::temp_directory_path() / "rebound-config-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    Write("lifecycle.yaml", "good");
    Write("holidays.ics", "BEGIN:VCALENDAR");
    Write("notes.txt", "not sent");
  }
  ~CliConfigCommandsTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }
  int Run(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "rebound");
    std::ostringstream out, err;
    const int code =
        RunCli(static_cast<int>(arguments.size()), arguments.data(), out, err, surroundings_);
    out_ = out.str();
    err_ = err.str();
    return code;
  }

  FakeConfig service_;
  std::unique_ptr<grpc::Server> server_;
  Surroundings surroundings_;
  std::string folder_, out_, err_;
};

TEST_F(CliConfigCommandsTest, TheFilesOfTheFolderAreSentAndFaultsEndWithTwo) {
  EXPECT_EQ(Run({"config", "validate", folder_.c_str()}), 0);
  EXPECT_EQ(service_.names, "holidays.ics lifecycle.yaml ");
  EXPECT_EQ(service_.language, "en");
  EXPECT_NE(out_.find("+ new"), std::string::npos) << out_;

  Write("lifecycle.yaml", "broken");
  EXPECT_EQ(Run({"--lang", "zh", "config", "validate", folder_.c_str()}), 2);
  EXPECT_EQ(service_.language, "zh-CN");
  const std::string fault = folder_ + "/lifecycle.yaml:1:1: error[C004]: expected a mapping\n";
  EXPECT_EQ(err_, fault) << "as rendered, with the path that was given";
  EXPECT_EQ(out_, "");
  EXPECT_EQ(Run({"config", "apply", folder_.c_str()}), 2);
  EXPECT_EQ(err_, fault);
  EXPECT_EQ(service_.applied, 0);
  EXPECT_EQ(Run({"config", "validate", folder_.c_str(), "-o", "json"}), 2);
  EXPECT_EQ(out_.front(), '{');

  std::filesystem::remove_all(folder_);
  std::filesystem::create_directory(folder_);
  EXPECT_EQ(Run({"config", "validate", folder_.c_str()}), 2);
  EXPECT_NE(err_.find("expected *.yaml files in " + folder_), std::string::npos) << err_;
}

TEST_F(CliConfigCommandsTest, EachTestOfTheRulesIsALineAndAFailedOneEndsWithOne) {
  EXPECT_EQ(Run({"rules", "test", folder_.c_str()}), 0);
  EXPECT_EQ(out_,
            "TEST   AT                 RESULT\n"
            "low    playbooks.yaml:7   passed\n\n"
            "Tests passed: 1.\n");
  Write("lifecycle.yaml", "broken");
  EXPECT_EQ(Run({"rules", "test", folder_.c_str()}), 1);
  EXPECT_EQ(out_,
            "TEST   AT                 RESULT   WHAT       EXPECTED   GOT\n"
            "low    playbooks.yaml:7   FAILED   playbook   room       none\n\n"
            "playbooks.yaml:7:9: error[C016]: expected room\n\n"
            "Tests failed: 1 of 1.\n");
  EXPECT_EQ(Run({"rules", "test", folder_.c_str(), "-o", "json"}), 1);
  EXPECT_NE(out_.find("\"expected\": \"room\""), std::string::npos) << out_;
}

TEST_F(CliConfigCommandsTest, ApplyingTellsWhatIsInForce) {
  EXPECT_EQ(Run({"config", "apply", folder_.c_str(), "--expect", "7"}), 0);
  EXPECT_EQ(service_.expected, 7);
  EXPECT_NE(out_.find("Revision 8 is in force"), std::string::npos) << out_;
}

}  // namespace
}  // namespace rebound::cli
