// Complaints that people sent to a bank's supervisor, and reviews of restaurants, as they come from
// the files: through the mapping files into an in-process server.
#include <date/tz.h>
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "clients/cli/csv.h"
#include "clients/cli/import_complaints.h"
#include "clients/cli/mapping.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/config_service.pb.h"
#include "server/config/config.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

constexpr const char* kZone = "America/New_York";

// Calls `each` with every row of a file of tests/data and what the mapping beside it makes of it.
void ForEachRow(const std::string& folder, const std::string& file, cli::MappingOf of,
                const std::function<void(const cli::CsvRow&, const cli::MappedRow&)>& each) {
  const std::string path = REBOUND_SOURCE_DIR "/tests/data/" + folder + "/";
  std::ifstream yaml(path + "map.yaml");
  std::ostringstream text;
  text << yaml.rdbuf();
  std::vector<std::string> errors;
  auto mapping = cli::Mapping::Parse(text.str(), "map.yaml", &errors, of);
  ASSERT_TRUE(mapping.has_value()) << testing::PrintToString(errors);
  std::ifstream csv(path + file, std::ios::binary);
  cli::CsvReader reader(csv);
  ASSERT_EQ(reader.ReadHeader(), std::nullopt);
  ASSERT_TRUE(mapping->Bind(reader.header(), &errors)) << testing::PrintToString(errors);
  cli::CsvRow row;
  while (reader.Next(&row)) each(row, mapping->Map(row));
}

struct Complaint {
  std::string received{}, sent{}, product{}, text{}, result{};
};

int DaysBetween(Timestamp from, Timestamp to) {
  const auto day = [](Timestamp at) {
    const date::sys_time<std::chrono::milliseconds> sys{at.time_since_epoch()};
    return date::floor<date::days>(date::locate_zone(kZone)->to_local(sys));
  };
  return static_cast<int>((day(to) - day(from)).count());
}

std::string DateOf(Timestamp at) {
  const date::sys_time<std::chrono::milliseconds> sys{at.time_since_epoch()};
  const date::year_month_day ymd{date::floor<date::days>(date::locate_zone(kZone)->to_local(sys))};
  return std::to_string(static_cast<int>(ymd.year())) + "/" +
         std::to_string(static_cast<unsigned>(ymd.month())) + "/" +
         std::to_string(static_cast<unsigned>(ymd.day()));
}

struct Totals {
  int opened = 0, replayed = 0;
  std::vector<std::string> errors{};
};

Totals OpenAll(TestServer& server, const std::vector<api::ImportedCase>& cases,
               const std::string& prefix, size_t batch) {
  Totals totals;
  for (size_t from = 0; from < cases.size(); from += batch) {
    api::BatchOpenCasesRequest request;
    request.set_request_id(prefix + std::to_string(from));
    request.set_history(true);
    for (size_t i = from; i < std::min(cases.size(), from + batch); ++i) {
      *request.add_cases() = cases[i];
    }
    api::BatchOpenCasesResponse reply;
    const grpc::Status status = server.Call("integration", request, &reply);
    EXPECT_TRUE(status.ok()) << ToRefusal(status);
    for (const api::BulkResult& result : reply.results()) {
      if (result.has_error()) {
        totals.errors.push_back(result.error().field() + " " + result.error().reason());
      } else {
        ++(result.replayed() ? totals.replayed : totals.opened);
      }
    }
  }
  return totals;
}

TEST(SlowComplaintImportTest, EveryComplaintOfTheFileIsACaseWithItsOwnReferenceAndDates) {
  std::vector<api::ImportedCase> cases;
  std::map<std::string, Complaint> file;  // by Complaint ID
  ForEachRow("cfpb_complaints", "complaints.csv", cli::MappingOf::kComplaints,
             [&](const cli::CsvRow& row, const cli::MappedRow& mapped) {
               ASSERT_TRUE(mapped.ok()) << mapped.errors.front().reason;
               std::vector<cli::RowError> errors;
               cli::FillImportedCase(mapped, &cases.emplace_back(), &errors);
               ASSERT_TRUE(errors.empty());
               cases.back().mutable_case_()->set_program_id("service-csat");
               file[row.fields[16]] = {row.fields[0], row.fields[12], row.fields[1], row.fields[5],
                                       row.fields[13]};
             });
  ASSERT_EQ(cases.size(), 5'280u);
  ASSERT_EQ(file.size(), 5'280u);

  TestServer server(TestServerOptions{.revision = PackRevision("banking")});
  const Totals once = OpenAll(server, cases, "once-", 500);
  EXPECT_EQ(once.opened, 5'280);
  EXPECT_THAT(once.errors, testing::IsEmpty());

  std::map<std::string, int> late;  // sent later than 15 days after it came, by product
  std::set<std::string> seen;
  int unhandled = 0;
  server.store().Read([&](Reader& reader) {
    reader.ScanCases("", {}, [&](const Case& stored) {
      const Case& c = stored;
      ASSERT_TRUE(seen.insert(c.details.external_key.external_id).second);
      const Complaint& row = file.at(c.details.external_key.external_id);
      EXPECT_EQ(c.origin, CaseOrigin::kComplaint);
      EXPECT_TRUE(c.history);
      EXPECT_EQ(DateOf(c.opened_at), row.received);
      ASSERT_TRUE(c.dispatched_at);
      EXPECT_EQ(DateOf(*c.dispatched_at), row.sent);
      EXPECT_EQ(reader.GetText(c.details.customer_request.id), row.text);
      EXPECT_TRUE(c.clocks.empty());
      EXPECT_TRUE(c.timers.empty());
      if (row.result == "In progress") {
        ++unhandled;
        EXPECT_EQ(c.status, "dispatched");
        EXPECT_FALSE(c.resolved_at);
      } else {
        EXPECT_EQ(c.status, "resolved");
        EXPECT_FALSE(IsClaimable(c));
        EXPECT_EQ(c.handling_result, row.result == "Untimely response"
                                         ? HandlingResult::kNotResolved
                                         : HandlingResult::kResolved);
      }
      if (DaysBetween(c.opened_at, *c.dispatched_at) > 15) ++late[row.product];
    });
  });
  EXPECT_EQ(seen.size(), 5'280u);
  EXPECT_EQ(unhandled, 26);
  const std::map<std::string, int> expected = {
      {"Debt collection", 24},
      {"Mortgage", 22},
      {"Credit card or prepaid card", 16},
      {"Credit reporting, credit repair services, or other personal consumer reports", 15},
      {"Checking or savings account", 14},
      {"Payday loan, title loan, or personal loan", 6},
      {"Vehicle loan or lease", 2},
      {"Bank account or service", 2},
      {"Money transfer, virtual currency, or money service", 2},
      {"Student loan", 2},
      {"Credit card", 1}};
  EXPECT_EQ(late, expected);
  int sum = 0;
  for (const auto& [product, count] : late) sum += count;
  EXPECT_EQ(sum, 106);
  EXPECT_EQ(server.FireDueTimers(), 0u);

  // The back-test, asked for "an answer within 15 calendar days", says the same.
  auto question = FromText<api::BacktestConfigRequest>(
      "promises { fact: CASE_FACT_DISPATCHED count: CLOCK_COUNT_CALENDAR_DAYS limit { days: 15 } } "
      "group_by: \"touchpoint\"");
  std::vector<ConfigError> faults;
  for (const ConfigFile& of_pack :
       ReadConfigFolder(REBOUND_SOURCE_DIR "/config/playbooks/banking", &faults)) {
    api::ConfigFile* draft = question.add_files();
    draft->set_name(of_pack.name);
    draft->set_text(of_pack.text);
  }
  ASSERT_TRUE(faults.empty());
  api::BacktestConfigResponse answer;
  const grpc::Status tried = server.Call("manager", question, &answer);
  ASSERT_TRUE(tried.ok()) << ToRefusal(tried);
  const auto promise =
      std::find_if(answer.deadlines().begin(), answer.deadlines().end(),
                   [](const api::BacktestDeadline& each) { return each.promise(); });
  ASSERT_NE(promise, answer.deadlines().end());
  EXPECT_EQ(promise->total().case_count(), 5'280);
  EXPECT_EQ(promise->total().late_count(), 106);
  std::map<std::string, int> told;
  for (const api::BacktestPunctuality& group : promise->groups()) {
    if (group.late_count() > 0) told[group.key()] = static_cast<int>(group.late_count());
  }
  auto cut = expected;  // long keys are
  auto longest =
      cut.extract("Credit reporting, credit repair services, or other personal consumer reports");
  longest.key() = "Credit reporting, credit repair services, or other personal ...";
  cut.insert(std::move(longest));
  EXPECT_EQ(told, cut);
  EXPECT_EQ(answer.case_count(), 5'280);
  EXPECT_TRUE(answer.changes().empty()) << "the draft is what is in force";

  // Twice, in other batches: nothing changes.
  const int64_t last = server.LastSequence();
  const Totals twice = OpenAll(server, cases, "twice-", 333);
  EXPECT_EQ(twice.opened, 0);
  EXPECT_EQ(twice.replayed, 5'280);
  EXPECT_EQ(server.LastSequence(), last);
}

TEST(ReviewImportTest, LowStarsOpenCasesWithoutACustomerAndTextsStayAsTheyAre) {
  std::vector<api::Response> rows;
  std::map<std::string, std::string> texts;
  std::set<std::string> low;
  ForEachRow("zh_restaurant_reviews", "reviews.csv", cli::MappingOf::kResponses,
             [&](const cli::CsvRow& row, const cli::MappedRow& mapped) {
               ASSERT_TRUE(mapped.ok()) << mapped.errors.front().reason;
               cli::FillResponse(mapped, &rows.emplace_back());
               texts[*mapped.external_id] = row.fields[1];
               if (*mapped.score <= 2) low.insert(*mapped.external_id);
             });
  ASSERT_EQ(rows.size(), 197u);
  ASSERT_EQ(low.size(), 22u);
  TestServer server(TestServerOptions{.revision = PackRevision("restaurant")});
  api::ImportHeader header;
  header.set_request_id("reviews");
  header.set_program_id("service-csat");
  const ImportTotals totals = server.Import("integration", header, rows, 50);
  ASSERT_TRUE(totals.status.ok()) << ToRefusal(totals.status);
  EXPECT_EQ(totals.accepted, 197);
  EXPECT_EQ(totals.opened_cases, 22);
  std::set<std::string> opened;
  server.store().Read([&](Reader& reader) {
    std::map<ResponseId, std::string> names;
    reader.ScanResponses("", {}, [&](const Response& r) {
      names[r.id] = r.external_key.external_id;
      ASSERT_EQ(r.follow_ups.size(), 1u);
      EXPECT_EQ(reader.GetText(r.follow_ups[0].answer.id), texts.at(r.external_key.external_id));
      EXPECT_TRUE(r.customer_id.empty());
    });
    EXPECT_EQ(names.size(), 197u);
    reader.ScanCases("", {}, [&](const Case& c) {
      opened.insert(names.at(c.opening_response_id));
      EXPECT_FALSE(c.playbook.playbook_id.empty());
      EXPECT_FALSE(c.details.queue_id.empty());
    });
  });
  EXPECT_EQ(opened, low);
  const ImportTotals again = server.Import("integration", header, rows, 70);
  EXPECT_EQ(again.replayed, 197);
  EXPECT_EQ(again.opened_cases, 0);
}

// ------------------------------------------------------------------------------------- refusals

std::string BatchOf(const std::string& cases, bool history = true) {
  return std::string(history ? "history: true " : "") + cases;
}

TEST(BatchOpenCasesTest, EachFaultIsNamedByItsFieldAndTheNeighboursAreStored) {
  TestServer server;
  const auto reply = server.Do<api::BatchOpenCasesResponse>("integration", BatchOf(R"(
    cases { case { program_id: "service-csat" external_key { source_system: "s" external_id: "1" }
                   open_time { seconds: 1600000000 } } }
    cases { case { program_id: "service-csat" open_time { seconds: 1600000000 } } }
    cases { case { program_id: "service-csat"
                   external_key { source_system: "s" external_id: "3" } } }
    cases { case { program_id: "service-csat" external_key { source_system: "s" external_id: "4" }
                   open_time { seconds: 1600000000 } } dispatch_time { seconds: 1500000000 } }
    cases { case { program_id: "service-csat" external_key { source_system: "s" external_id: "5" }
                   open_time { seconds: 1600000000 } } resolve_time { seconds: 1600000001 } }
    cases { case { program_id: "service-csat" external_key { source_system: "s" external_id: "6" }
                   open_time { seconds: 1600000000 } } handling_result: HANDLING_RESULT_INVALID }
    cases { case { program_id: "service-csat" external_key { source_system: "s" external_id: "7" }
                   open_time { seconds: 1600000000 } }
            customer_key { source_system: "s" external_id: "nobody" } }
    cases { case { program_id: "service-csat" external_key { source_system: "s" external_id: "8" }
                   open_time { seconds: 1600000000 } } dispatch_time { seconds: 1600000001 }
            resolve_time { seconds: 1600000002 } handling_result: HANDLING_RESULT_PARTLY
            close_time { seconds: 1600000003 } }
  )"));
  std::vector<std::string> outcomes;
  for (const api::BulkResult& result : reply.results()) {
    outcomes.push_back(result.has_error() ? result.error().field() + " " + result.error().reason()
                                          : result.case_().status());
  }
  EXPECT_THAT(outcomes,
              testing::ElementsAre("open", "cases[1].case.external_key REQUIRED_FIELD_MISSING",
                                   "cases[2].case.open_time REQUIRED_FIELD_MISSING",
                                   "cases[3].dispatch_time TIMESTAMP_OUT_OF_RANGE",
                                   "cases[4].handling_result REQUIRED_FIELD_MISSING",
                                   "cases[5].handling_result ENUM_VALUE_UNKNOWN",
                                   "cases[6].customer_key NOT_FOUND", "closed"));
}

TEST(BatchOpenCasesTest, AKeyThatSaysSomethingElseIsRefusedWhoeverOwnsIt) {
  TestServer server;
  Scope east;
  east.org_units = {"east"};
  server.AddIdentity("east", "integration", east);
  const auto open = [&](const char* who, const char* unit, const char* text) {
    const auto reply = server.Do<api::BatchOpenCasesResponse>(
        who, BatchOf(std::string(R"(cases { case { program_id: "service-csat" org_unit_id: ")") +
                     unit + R"(" customer_request: ")" + text +
                     R"(" external_key { source_system: "s" external_id: "1" }
                        open_time { seconds: 1600000000 } } })"));
    const api::BulkResult& result = reply.results(0);
    return result.has_error() ? result.error().reason() + result.error().message()
                              : std::string(result.replayed() ? "replayed" : "opened");
  };
  EXPECT_EQ(open("integration", "west", "lost card"), "opened");
  EXPECT_EQ(open("integration", "west", "lost card"), "replayed");
  const std::string other = open("integration", "west", "another matter");
  EXPECT_THAT(other, testing::StartsWith("RESPONSE_EXTERNAL_ID_REUSED"));
  EXPECT_EQ(open("east", "east", "lost card"), other) << "what east may not see";
}

TEST(BatchOpenCasesTest, ADryRunAnswersAsTheRunWouldAndKeepsNothing) {
  TestServer server;
  const std::string cases = R"(request_id: "once" history: true
    cases { case { program_id: "service-csat" external_key { source_system: "s" external_id: "1" }
                   open_time { seconds: 1600000000 } } }
    cases { case { program_id: "service-csat" open_time { seconds: 1600000000 } } }
    cases { case { program_id: "nosuch" external_key { source_system: "s" external_id: "3" }
                   open_time { seconds: 1600000000 } } }
  )";
  const auto outcomes = [&](const api::BatchOpenCasesResponse& reply) {
    std::vector<std::string> each;
    for (const api::BulkResult& result : reply.results()) {
      each.push_back(result.has_error() ? result.error().field() + " " + result.error().reason()
                                        : result.case_().status());
      if (result.replayed()) each.back() += ", replayed";
    }
    return each;
  };
  const auto stored = [&] {
    std::pair<int64_t, int64_t> counts;
    server.store().Read([&](Reader& reader) {
      counts = {reader.Sizes().cases, reader.Sizes().events};
    });
    return counts;
  };
  const auto dry = server.Do<api::BatchOpenCasesResponse>("integration", cases + "dry_run: true");
  EXPECT_EQ(stored(), std::pair(int64_t{0}, int64_t{0}));
  EXPECT_THAT(outcomes(dry),
              testing::ElementsAre("open", "cases[1].case.external_key REQUIRED_FIELD_MISSING",
                                   "cases[2].case.program_id UNKNOWN_PROGRAM"));
  const api::Case& unstored = dry.results(0).case_();
  EXPECT_EQ(unstored.id() + unstored.number() + unstored.etag(), "") << "nothing to go back to";
  // Neither the request id nor the key is taken by it.
  const auto run = server.Do<api::BatchOpenCasesResponse>("integration", cases);
  EXPECT_EQ(outcomes(run), outcomes(dry));
  EXPECT_EQ(stored().first, 1);
  const auto again = server.Do<api::BatchOpenCasesResponse>(
      "integration", "dry_run: true " + cases.substr(cases.find("history")));
  EXPECT_EQ(outcomes(again)[0], "open, replayed");
  EXPECT_NE(again.results(0).case_().id(), "") << "that one is there";
  EXPECT_EQ(again.results(0).case_().id(), run.results(0).case_().id());
}

TEST(BatchOpenCasesTest, WithoutHistoryACaseBeginsNowAndHasNoPast) {
  TestServer server;
  const auto reply = server.Do<api::BatchOpenCasesResponse>("integration", BatchOf(R"(
    cases { case { program_id: "service-csat"
                   external_key { source_system: "s" external_id: "1" } } }
    cases { case { program_id: "service-csat" external_key { source_system: "s" external_id: "2" } }
            dispatch_time { seconds: 1600000000 } }
  )",
                                                                                   false));
  EXPECT_EQ(reply.results(0).case_().open_time().seconds(), ToMillis(kServerStart) / 1000);
  EXPECT_EQ(reply.results(1).error().field(), "cases[1].dispatch_time");
}

}  // namespace
}  // namespace rebound::fixtures
