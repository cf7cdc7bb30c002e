// What results look like, as golden files.
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "clients/cli/blacklist.h"
#include "clients/cli/cases.h"
#include "clients/cli/customers.h"
#include "clients/cli/import.h"
#include "clients/cli/plan.h"
#include "clients/cli/programs.h"
#include "clients/cli/report.h"
#include "clients/cli/responses.h"
#include "clients/cli/status.h"
#include "tests/clients/cli_golden.h"

namespace rebound::cli {
namespace {

v1::Case WorkedCase() {
  return FromJson<v1::Case>(R"({
    "id": "01h455vb4pex5vsknk084sn02q", "number": "C-1042", "etag": "\"7\"",
    "programId": "hotline", "customerId": "01h455vb4pex5vsknk084sn02r",
    "origin": "CASE_ORIGIN_RESPONSE", "score": "3", "category": "CATEGORY_DETRACTOR",
    "touchpoint": "channel/热线", "orgUnitId": "广东/深圳", "queueId": "default", "owner": "王芳",
    "status": "contacted", "phase": "PHASE_CONTACTED", "severity": 4,
    "playbook": {"playbookId": "standard", "version": 2, "matchedCondition": "score <= 6"},
    "arm": "ARM_TREATED", "orderReference": "O-77",
    "externalAuthority": {"authority": "12315", "reference": "粤-9",
                          "dueTime": "2026-02-10T00:00:00Z"},
    "contactPerson": "李女士", "preferredTime": "evenings", "preferredChannel": "CHANNEL_PHONE",
    "language": "zh", "customerRequest": "退还超额费用\nand an apology",
    "emotion": "EMOTION_ANGRY", "valueAtRisk": {"amountMinor": "200000", "currencyCode": "CNY"},
    "topics": ["billing", "waiting"],
    "attempts": [
      {"id": "a1", "channel": "CHANNEL_PHONE", "direction": "DIRECTION_OUTBOUND",
       "outcome": "ATTEMPT_OUTCOME_NO_ANSWER", "actor": "王芳", "occurTime": "2026-01-30T09:00:00Z"},
      {"id": "a2", "channel": "CHANNEL_MESSENGER", "direction": "DIRECTION_INBOUND",
       "outcome": "ATTEMPT_OUTCOME_REACHED", "actor": "王芳", "note": "Wants the fee back",
       "occurTime": "2026-01-30T10:30:00Z"}],
    "commitments": [{"id": "c1", "promise": "两天内回电", "dueTime": "2026-02-01T10:30:00Z",
       "actor": "王芳", "state": "COMMITMENT_STATE_PENDING"}],
    "remedies": [{"id": "r1", "kind": "REMEDY_KIND_BILL_CORRECTION",
       "state": "REMEDY_STATE_OFFERED",
       "amount": {"amountMinor": "2000", "currencyCode": "CNY"}, "statutory": true, "actor": "王芳"}],
    "nextDueTime": "2026-02-01T10:30:00Z",
    "timers": [
      {"kind": "TIMER_KIND_FIRST_CONTACT", "generation": 1, "dueTime": "2026-01-31T08:00:00Z",
       "state": "TIMER_STATE_MET", "endTime": "2026-01-30T10:30:00Z"},
      {"kind": "TIMER_KIND_COMMITMENT", "generation": 1, "dueTime": "2026-02-01T10:30:00Z",
       "state": "TIMER_STATE_PENDING"}],
    "resurvey": {"invitationId": "inv1", "askTime": "2026-02-05T00:00:00Z",
       "firstAnswer": {"score": "9", "category": "CATEGORY_PROMOTER",
                       "occurTime": "2026-02-06T00:00:00Z"}, "answerCount": 1},
    "openTime": "2026-01-30T08:00:00Z", "contactTime": "2026-01-30T10:30:00Z",
    "allowedCommands": ["assign", "log_attempt", "resolve"]})");
}

std::vector<v1::Case> ListedCases() {
  return {WorkedCase(), FromJson<v1::Case>(R"({"number": "C-7", "status": "open", "severity": 1,
             "programId": "sfo-2017", "touchpoint": "boarding-area/A",
             "openTime": "2017-05-13T07:00:00Z"})"),
          FromJson<v1::Case>(R"({"number": "C-8", "status": "open", "severity": 2, "score": "0",
             "programId": "sfo-2017", "touchpoint": "=1+1"})")};
}

template <class Record>
std::string Show(const std::vector<Record>& records, std::vector<Column<Record>> columns,
                 Format format, int width) {
  std::ostringstream out;
  ListPrinter<Record> printer(out, format, width, std::move(columns));
  for (const Record& record : records) printer.Add(record);
  printer.Finish("No cases.");
  return out.str();
}

TEST(CliRenderTest, ListsAreTablesAlignedWithChinese) {
  ExpectGolden("cases_list.txt", Show(ListedCases(), CaseColumns(), Format::kTable, 0) + "\n" +
                                     Show(ListedCases(), CaseColumns(), Format::kTable, 100));
}

TEST(CliRenderTest, ListsAreJsonArrays) {
  const std::string json = Show(ListedCases(), CaseColumns(), Format::kJson, 0);
  ExpectGolden("cases_list.json", json);
  EXPECT_EQ(Show(std::vector<v1::Case>{}, CaseColumns(), Format::kJson, 0), "[]\n");
}

TEST(CliRenderTest, ListsAreCsvThatASpreadsheetDoesNotRun) {
  const std::string csv = Show(ListedCases(), CaseColumns(), Format::kCsv, 0);
  ExpectGolden("cases_list.csv", csv);
  EXPECT_NE(csv.find("'=1+1"), std::string::npos);
}

TEST(CliRenderTest, AnEmptyTableSaysSo) {
  EXPECT_EQ(Show(std::vector<v1::Case>{}, CaseColumns(), Format::kTable, 0), "No cases.\n");
}

TEST(CliRenderTest, ACaseIsShownWhole) {
  v1::CaseEvent opened = FromJson<v1::CaseEvent>(R"({"sequence": "1", "type": "CaseOpened",
    "occurTime": "2026-01-30T08:00:00Z", "actor": "system", "status": "open",
    "details": {"severity": "4", "score": "3"}})");
  v1::CaseEvent called = FromJson<v1::CaseEvent>(R"({"sequence": "2", "type": "AttemptLogged",
    "occurTime": "2026-01-30T10:30:00Z", "actor": "王芳", "status": "contacted",
    "details": {"channel": "phone"}, "note": "Wants the fee back"})");
  const Language chinese{true, {{"open", "待处理"}, {"contacted", "已联系"}}};
  ExpectGolden("case.txt", RenderCase(WorkedCase(), {}, {}, 0) +
                               RenderTimeline({opened, called}, {}, {}, 0) + "----\n" +
                               RenderCaseChange(WorkedCase(), true, false, {}) + "----\n" +
                               RenderCase(WorkedCase(), chinese, {}, 0) +
                               RenderTimeline({opened, called}, chinese, {}, 0));
}

TEST(CliRenderTest, APlanIsAListWithMarks) {
  const auto record = FromJson<v1::Case>(R"({
    "number": "C-7", "phase": "PHASE_CONTACTED", "round": 2,
    "plan": [
      {"stepId": "call", "displayName": "Call", "displayNameZh": "致电客户",
       "kind": "STEP_KIND_CONTACT"},
      {"stepId": "wrong", "displayName": "Was it wrong?", "displayNameZh": "账单是否有误",
       "kind": "STEP_KIND_DECISION"},
      {"stepId": "check", "displayName": "Check the bill", "displayNameZh": "核对账单",
       "kind": "STEP_KIND_TASK"},
      {"stepId": "note", "displayName": "Say so", "displayNameZh": "告知",
       "kind": "STEP_KIND_MESSAGE"},
      {"stepId": "ask", "displayName": "Ask", "displayNameZh": "回访", "kind": "STEP_KIND_VERIFY"}],
    "steps": [
      {"stepId": "call", "kind": "STEP_KIND_CONTACT", "state": "STEP_STATE_DONE",
       "result": "reached",
       "round": 1, "actor": "王芳"},
      {"stepId": "gone", "kind": "STEP_KIND_REMEDY", "state": "STEP_STATE_SKIPPED",
       "result": "migrated", "round": 1, "actor": "system"},
      {"stepId": "check", "kind": "STEP_KIND_TASK", "state": "STEP_STATE_SKIPPED",
       "result": "condition",
       "why": "score <= 2", "round": 1, "actor": "system"},
      {"stepId": "ask", "kind": "STEP_KIND_VERIFY", "state": "STEP_STATE_FAILED",
       "result": "failed",
       "round": 1, "actor": "zhao"},
      {"stepId": "wrong", "kind": "STEP_KIND_DECISION", "state": "STEP_STATE_DONE", "result": "yes",
       "why": "round = 2", "round": 2, "actor": "system"},
      {"stepId": "check", "kind": "STEP_KIND_TASK", "state": "STEP_STATE_ACTIVE", "round": 2,
       "queueId": "billing", "dueTime": "2026-03-04T09:00:00Z", "overdue": true}],
    "reachability": {"attempts": 2, "neededAttempts": 3, "days": 1, "neededDays": 2, "timeBands": 2,
      "neededTimeBands": 2, "neededMessages": 1, "nextCallTime": "2026-03-03T00:00:00Z"}})");
  v1::Case waits = record;
  waits.mutable_steps()->RemoveLast();
  v1::CaseStep* wait = waits.add_steps();
  wait->set_step_id("note");
  wait->set_kind(v1::STEP_KIND_MESSAGE);
  wait->set_state(v1::STEP_STATE_ACTIVE);
  wait->set_round(2);
  wait->mutable_wake_time()->set_seconds(1'772'582'400);
  ExpectGolden("plan.txt",
               RenderPlan(record, false, {}, 0) + RenderReachability(record, false, {}) + "----\n" +
                   RenderPlan(record, true, {}, 0) + RenderReachability(record, true, {}) +
                   "----\n" + RenderPlan(waits, false, {}, 0));
  EXPECT_EQ(RenderPlan(v1::Case{}, false, {}, 0), "");
  EXPECT_EQ(RenderReachability(v1::Case{}, false, {}), "");
}

TEST(CliRenderTest, OnlyATerminalGetsColours) {
  EXPECT_EQ(RenderCase(WorkedCase(), {}, {}, 80).find('\x1b'), std::string::npos);
  Style style;
  style.color = true;
  EXPECT_EQ(RenderCaseChange(WorkedCase(), false, false, style).substr(0, 4), "\x1b[1m");
}

TEST(CliRenderTest, TextsOfCustomersCannotSteerTheTerminal) {
  v1::Case record = WorkedCase();
  for (std::string* text :
       {record.mutable_customer_request(), record.mutable_touchpoint(), record.mutable_owner(),
        record.mutable_status(), record.mutable_number(), record.mutable_contact_person()}) {
    *text += "\x1b[2J\x07";
  }
  const std::string text = RenderCase(record, {}, {}, 0) +
                           RenderCaseChange(record, false, false, {}) +
                           Show(std::vector<v1::Case>{record}, CaseColumns(), Format::kTable, 0);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
}

TEST(CliRenderTest, TheNextDueTimeIsTheEarliestRunningTimers) {
  EXPECT_EQ(NextDue(WorkedCase()), "2026-02-01T10:30:00Z");
  EXPECT_EQ(NextDue(v1::Case()), "");
}

v1::GetNpsReportResponse NpsReport() {
  return FromJson<v1::GetNpsReportResponse>(R"({
    "total": {"responseCount": "2746", "promoterCount": "1436", "passiveCount": "968",
      "detractorCount": "342", "nps": 39.8398, "interval": {"low": 37.14, "high": 42.49}},
    "groups": [
      {"group": "boarding-area/A", "responseCount": "501", "promoterCount": "263",
       "passiveCount": "175", "detractorCount": "63", "nps": 39.9202,
       "interval": {"low": 33.6, "high": 46.1}},
      {"group": "热线", "responseCount": "1", "promoterCount": "0", "passiveCount": "0",
       "detractorCount": "1", "nps": -100, "interval": {"low": -100, "high": 20}},
      {}],
    "asOf": "2017-05-31T07:00:00Z", "anonymousCount": "12"})");
}

TEST(CliRenderTest, NpsShowsCountsIntervalAndTwoDecimals) {
  const std::string text = RenderNps(NpsReport(), false, {}, 0);
  ExpectGolden("nps.txt", text);
  EXPECT_NE(text.find("39.84"), std::string::npos);
  std::ostringstream csv;
  WriteNpsCsv(NpsReport(), csv);
  ExpectGolden("nps.csv", csv.str());
}

TEST(CliRenderTest, TheFunnelIsDrawn) {
  const auto report = FromJson<v1::GetFunnelReportResponse>(R"({
    "total": {"openedCount": "4160", "openCount": "1056",
      "exclusions": [{"reason": "no_known_customer", "count": "8"}],
      "stages": [{"stage": "eligible", "count": "4152", "share": 1},
                 {"stage": "contacted", "count": "0", "share": 0},
                 {"stage": "answered", "count": "3096", "share": 0.74566},
                 {"stage": "converted", "count": "233", "share": 0.05612}]},
    "groups": [{"group": "blue-collar", "openedCount": "10",
      "stages": [{"stage": "eligible", "count": "10", "share": 1}, {"stage": "contacted"},
                 {"stage": "answered", "count": "7", "share": 0.7}, {"stage": "converted"}]}],
    "asOf": "2004-07-01T00:00:00Z"})");
  std::ostringstream csv;
  WriteFunnelCsv(report, csv);
  ExpectGolden("funnel.txt", RenderFunnel(report, false, {}, 0));
  ExpectGolden("funnel.csv", csv.str());
}

TEST(CliRenderTest, RecoveryShowsCountsDenominatorsAndIntervals) {
  const std::string rates = R"({"eligibleCount": "4152", "answeredCount": "3096",
    "recoveredFirstAnswer": {"count": "1245", "total": "4152", "value": 0.299855,
                             "interval": {"low": 0.2861, "high": 0.314}},
    "convertedFirstAnswer": {"count": "233", "total": "4152", "value": 0.056118,
                             "interval": {"low": 0.0495, "high": 0.0635}},
    "recoveredEver": {"count": "1897", "total": "4152", "value": 0.456888,
                      "interval": {"low": 0.4418, "high": 0.472}},
    "convertedEver": {"count": "473", "total": "4152", "value": 0.113921,
                      "interval": {"low": 0.1046, "high": 0.1239}},
    "recoveredAmongAnswerers": {"count": "1245", "total": "3096", "value": 0.402132,
                                "interval": {"low": 0.385, "high": 0.4195}},
    "convertedAmongAnswerers": {"count": "0", "total": "0"},
    "recoveredBounds": {"low": 0.299855, "high": 0.554191},
    "convertedBounds": {"low": 0.056118, "high": 0.310453}})";
  const auto report = FromJson<v1::GetRecoveryReportResponse>(
      R"({"total": {"openedCount": "4152", "anonymousDetractorCount": "5", "all": )" + rates +
      R"(, "matured": )" + rates + R"(, "notMatured": {"eligibleCount": "3", "answeredCount": "0"},
    "conversionCurve": [
      {"days": 365, "atRiskCount": "4152", "eventCount": "233", "survival": 0.94388,
       "interval": {"low": 0.9364, "high": 0.9505}},
      {"days": 730, "atRiskCount": "1000", "eventCount": "0", "survival": 0.94388}]},
    "groups": [{"group": "white-collar", "all": )" +
      rates + R"(}], "asOf": "2004-07-01T00:00:00Z"})");
  std::ostringstream csv;
  WriteRecoveryCsv(report, csv);
  ExpectGolden("recovery.txt", RenderRecovery(report, true, false, {}, 0));
  ExpectGolden("recovery.csv", csv.str());
}

TEST(CliRenderTest, RecoveryOfCustomersCountsThoseWhoAnsweredAgain) {
  const auto report = FromJson<v1::GetRecoveryReportResponse>(R"({
    "customers": {"customerCount": "1536", "neverAgainCount": "421",
      "convertedEver": {"count": "253", "total": "1536", "value": 0.164714,
                        "interval": {"low": 0.147, "high": 0.1841}},
      "convertedLast": {"count": "97", "total": "1536", "value": 0.063151},
      "recoveredEver": {"count": "922", "total": "1536", "value": 0.60026},
      "recoveredLast": {"count": "600", "total": "1536", "value": 0.390625}},
    "asOf": "2004-07-01T00:00:00Z"})");
  const std::string text = RenderRecovery(report, false, false, {}, 0);
  ExpectGolden("recovery_customers.txt", text);
  EXPECT_NE(text.find("16.47 %"), std::string::npos);
}

// Both languages, and the rows of a spreadsheet.
TEST(CliRenderTest, FiguresAreShownWithAndWithoutListedCustomers) {
  const auto nps = FromJson<v1::GetNpsReportResponse>(R"({
    "total": {"responseCount": "8", "promoterCount": "2", "passiveCount": "1",
      "detractorCount": "5", "nps": -37.5, "interval": {"low": -69.96, "high": 6.32},
      "listedCount": "3", "withoutListed": {"responseCount": "5", "promoterCount": "1",
        "passiveCount": "1", "detractorCount": "3", "nps": -40,
        "interval": {"low": -79.78, "high": 29.78}}},
    "groups": [
      {"group": "杭州", "responseCount": "3", "promoterCount": "1", "detractorCount": "2",
       "nps": -33.3333, "interval": {"low": -82.2, "high": 48.8}, "listedCount": "3",
       "withoutListed": {"group": "杭州"}},
      {"responseCount": "5", "promoterCount": "1", "passiveCount": "1", "detractorCount": "3",
       "nps": -40, "interval": {"low": -79.78, "high": 29.78}}],
    "asOf": "2026-03-02T15:00:00Z", "anonymousCount": "1"})");
  const std::string stages = R"("stages": [
      {"stage": "eligible", "count": "4", "share": 1}, {"stage": "contacted", "count": "4",
       "share": 1}, {"stage": "remedied", "count": "3", "share": 0.75},
      {"stage": "asked", "count": "2", "share": 0.5},
      {"stage": "answered", "count": "1", "share": 0.25},
      {"stage": "recovered", "count": "1", "share": 0.25},
      {"stage": "converted", "count": "1", "share": 0.25}])";
  const std::string fewer = R"("stages": [
      {"stage": "eligible", "count": "2", "share": 1}, {"stage": "contacted", "count": "2",
       "share": 1}, {"stage": "remedied", "count": "2", "share": 1},
      {"stage": "asked", "count": "1", "share": 0.5},
      {"stage": "answered", "count": "1", "share": 0.5},
      {"stage": "recovered", "count": "1", "share": 0.5},
      {"stage": "converted", "count": "1", "share": 0.5}])";
  const auto funnel = FromJson<v1::GetFunnelReportResponse>(
      R"({"total": {"openedCount": "5", "openCount": "2", "listedCount": "2",
        "exclusions": [{"reason": "merged", "count": "1"}],)" +
      stages + R"(, "withoutListed": {"openedCount": "3", )" + fewer +
      R"(}}, "groups": [{"group": "杭州", "openedCount": "5", )" + stages +
      R"(}], "asOf": "2026-03-02T15:00:00Z"})");
  const std::string all = R"("all": {"eligibleCount": "4", "answeredCount": "1",
      "recoveredEver": {"count": "1", "total": "4", "value": 0.25,
                        "interval": {"low": 0.0456, "high": 0.6994}},
      "recoveredBounds": {"low": 0.25, "high": 1}})";
  const std::string rest = R"("all": {"eligibleCount": "2", "answeredCount": "1",
      "recoveredEver": {"count": "1", "total": "2", "value": 0.5,
                        "interval": {"low": 0.0945, "high": 0.9055}},
      "recoveredBounds": {"low": 0.5, "high": 1}})";
  const auto recovery = FromJson<v1::GetRecoveryReportResponse>(
      R"({"total": {"openedCount": "5", "anonymousDetractorCount": "1", "listedCount": "2",)" +
      all + R"(, "withoutListed": {"openedCount": "3", )" + rest +
      R"(}}, "groups": [{"group": "杭州", )" + all + R"(, "withoutListed": {)" + rest +
      R"(}}], "asOf": "2026-03-02T15:00:00Z"})");
  const auto customers = FromJson<v1::GetRecoveryReportResponse>(R"({
    "customers": {"customerCount": "2", "neverAgainCount": "2", "listedCount": "1",
      "convertedEver": {"count": "1", "total": "2", "value": 0.5},
      "withoutListed": {"customerCount": "1", "neverAgainCount": "1",
        "convertedEver": {"count": "1", "total": "1", "value": 1}}},
    "asOf": "2026-03-02T15:00:00Z"})");
  std::string text;
  for (const bool chinese : {false, true}) {
    text += RenderNps(nps, chinese, {}, 0) + "----\n" + RenderFunnel(funnel, chinese, {}, 0) +
            "----\n" + RenderRecovery(recovery, true, chinese, {}, 0) + "----\n" +
            RenderRecovery(customers, false, chinese, {}, 0) + "----\n";
  }
  ExpectGolden("without_listed.txt", text);
  std::ostringstream csv;
  WriteNpsCsv(nps, csv);
  WriteFunnelCsv(funnel, csv);
  WriteRecoveryCsv(recovery, csv);
  WriteRecoveryCsv(customers, csv);
  ExpectGolden("without_listed.csv", csv.str());
}

TEST(CliRenderTest, AnEntrySaysWhichQueueTheCasesGoTo) {
  struct Row {
    const char* entry;
    const char* en;
    const char* zh;
  };
  const Row rows[] = {
      {R"({"kind": "BLACKLIST_KIND_NO_GOODWILL", "effects": {"queueId": "legal"}})",
       "every compensation that is not owed by law; cases go to queue legal\n",
       "所有非法定的补偿；工单进入工单池 legal\n"},
      {R"({"kind": "BLACKLIST_KIND_REPEAT_COMPENSATION",
           "effects": {"remedyTypes": ["points"], "queueId": "legal"}})",
       "points; cases go to queue legal\n", "points；工单进入工单池 legal\n"},
      {R"({"kind": "BLACKLIST_KIND_NO_GOODWILL", "effects": {"remedyTypes": ["points"]}})",
       "points\n", "points\n"},
  };
  for (const Row& row : rows) {
    const auto entry = FromJson<v1::BlacklistEntry>(row.entry);
    EXPECT_NE(RenderEntry(entry, false, {}, 0).find(row.en), std::string::npos) << row.entry;
    EXPECT_NE(RenderEntry(entry, true, {}, 0).find(row.zh), std::string::npos) << row.entry;
  }
}

TEST(CliRenderTest, ACustomerAnAnswerAProgramAndTheStatusAreShown) {
  const auto customer = FromJson<v1::Customer>(R"({
    "id": "01h455vb4pex5vsknk084sn02r", "etag": "\"2\"", "displayName": "王芳",
    "externalKeys": [{"sourceSystem": "crm", "externalId": "88"}], "segment": "gold",
    "contactPoints": [{"channel": "CHANNEL_PHONE", "address": "+8613800000000"},
                      {"channel": "CHANNEL_EMAIL", "address": "w@example.com"}],
    "value": {"amountMinor": "123450", "currencyCode": "CNY"}, "doNotContact": true,
    "consents": [{"purpose": "CONSENT_PURPOSE_SURVEY", "channel": "CHANNEL_SMS",
                  "occurTime": "2026-01-01T00:00:00Z", "source": "hotline"}]})");
  const auto response = FromJson<v1::Response>(R"({
    "id": "01h455vb4pex5vsknk084sn02s", "programId": "hotline", "score": "0",
    "category": "CATEGORY_DETRACTOR", "reason": "等了太久", "touchpoint": "热线",
    "items": [{"key": "ease", "score": "2"}, {"key": "skipped"}],
    "attributes": {"store": "S1", "airline": "UA"}, "occurTime": "2026-01-30T08:00:00Z",
    "pairedCaseId": "01h455vb4pex5vsknk084sn02q", "effect": "RESPONSE_EFFECT_OPENED"})");
  v1::GetCustomerHistoryResponse history;
  *history.add_responses() = response;
  *history.add_cases() = WorkedCase();
  const auto program = FromJson<v1::Program>(R"({"id": "hotline", "displayName": "Hotline",
    "displayNameZh": "热线", "kind": "PROGRAM_KIND_TRANSACTIONAL", "recoveryWindow": "7776000s",
    "scale": {"kind": "SCALE_KIND_NPS", "min": "0", "max": "10", "detractorLimit": "6",
              "promoterLimit": "9"}, "currencyCode": "CNY", "timeZone": "Asia/Shanghai"})");
  const auto status = FromJson<v1::GetStatusResponse>(R"({"version": "0.1.0",
    "startTime": "2026-01-30T08:00:00Z", "store": "sqlite", "schemaVersion": 1,
    "lastSequence": "123456", "revision": "3", "revisionHash": "0123456789abcdef0123",
    "tables": [{"table": "responses", "rowCount": "23305"}], "queueCapacity": "4096",
    "calls": [{"method": "rebound.v1.CaseService/GetCase", "code": "OK", "count": "4",
               "totalMicros": "5000"}]})");
  ExpectGolden("records.txt", RenderCustomer(customer, {}) + RenderHistory(history, {}, 0) +
                                  "----\n" + RenderResponse(response, {}) + "----\n" +
                                  Show(std::vector<v1::Program>{program}, ProgramColumns(true),
                                       Format::kTable, 0) +
                                  "----\n" + RenderStatus(status, "127.0.0.1:50061", {}, 0));
}

TEST(CliRenderTest, TheSummaryOfAnImportPutsRejectsLast) {
  ImportSummary summary;
  summary.read = 2831;
  summary.accepted = 2746;
  summary.rejected = 85;
  summary.opened_cases = 342;
  summary.rejects_file = "sfo.csv.rejects.csv";
  std::string text = RenderImportSummary(summary, {}) + ImportSummaryJson(summary) + "\n----\n";
  summary.dry_run = true;
  summary.rejected = 0;
  summary.rejects_file.clear();
  text += RenderImportSummary(summary, {});
  ExpectGolden("import_summary.txt", text);
}

TEST(CliRenderTest, SettingsOfACustomerBecomeFieldsAndMask) {
  v1::UpsertCustomerRequest request;
  EXPECT_EQ(ReadSettings({{"name", "王芳"},
                          {"phone", "+86138"},
                          {"email", "w@example.com"},
                          {"value", "CNY 2000"},
                          {"org_unit_id", "广东/深圳"}},
                         &request),
            "");
  EXPECT_EQ(request.customer().display_name(), "王芳");
  EXPECT_EQ(request.customer().org_unit_id(), "广东/深圳");
  EXPECT_EQ(request.customer().value().amount_minor(), 200000);
  ASSERT_EQ(request.customer().contact_points_size(), 2);
  EXPECT_EQ(request.customer().contact_points(1).channel(), v1::CHANNEL_EMAIL);
  const auto& paths = request.update_mask().paths();
  EXPECT_EQ(std::vector<std::string>(paths.begin(), paths.end()),
            (std::vector<std::string>{"display_name", "contact_points", "value", "org_unit_id"}));
  EXPECT_NE(ReadSettings({{"segmnt", "gold"}}, &request).find("did you mean segment?"),
            std::string::npos);
  EXPECT_NE(ReadSettings({{"value", "20"}}, &request).find("expected"), std::string::npos);
}

}  // namespace
}  // namespace rebound::cli
