// Answers that real people gave, imported in every order: the figures, the state and the reports
// must not depend on it. Under AddressSanitizer a part of the panel stands for the whole.
#include <gmock/gmock.h>

#include <fstream>
#include <functional>
#include <random>
#include <set>
#include <sstream>

#include "clients/cli/csv.h"
#include "clients/cli/import.h"
#include "clients/cli/mapping.h"
#include "rebound/v1/operations_service.pb.h"
#include "rebound/v1/report_service.pb.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr size_t kPanelRows = 2'500;
#else
constexpr size_t kPanelRows = 100'000;  // all of it
#endif

struct DataSet {
  std::vector<api::Response> rows{};
  std::vector<int64_t> row_numbers{};
  std::vector<cli::RowError> rejects{};  // that the mapping cannot send
};

DataSet Load(const std::string& folder, const std::string& file, size_t limit) {
  const std::string path = REBOUND_SOURCE_DIR "/tests/data/" + folder + "/";
  std::ifstream yaml(path + "map.yaml");
  std::ostringstream text;
  text << yaml.rdbuf();
  std::vector<std::string> errors;
  auto mapping = cli::Mapping::Parse(text.str(), "map.yaml", &errors);
  EXPECT_TRUE(mapping.has_value()) << testing::PrintToString(errors);
  std::ifstream csv(path + file, std::ios::binary);
  cli::CsvReader reader(csv);
  EXPECT_EQ(reader.ReadHeader(), std::nullopt);
  EXPECT_TRUE(mapping->Bind(reader.header(), &errors)) << testing::PrintToString(errors);
  DataSet data;
  cli::CsvRow row;
  for (size_t n = 0; n < limit && reader.Next(&row); ++n) {
    const cli::MappedRow mapped = mapping->Map(row);
    if (!mapped.ok()) {
      data.rejects.push_back(mapped.errors.front());
      continue;
    }
    cli::FillResponse(mapped, &data.rows.emplace_back());
    data.row_numbers.push_back(mapped.row);
  }
  return data;
}

api::ImportHeader Header(const std::string& program) {
  api::ImportHeader header;
  header.set_request_id("import");
  header.set_program_id(program);
  header.set_history(true);
  return header;
}

std::string Time(const std::optional<Timestamp>& time) {
  return time ? std::to_string(ToMillis(*time)) : "-";
}

// Everything stored that may not depend on the order of rows, each record named by the external key
// of its answer: all but ids of our own, numbers, versions and when it was recorded.
std::set<std::string> StateOf(TestServer& server) {
  std::set<std::string> state;
  server.store().Read([&](Reader& reader) {
    std::map<ResponseId, std::string> names;
    std::map<CaseId, std::string> cases;
    std::map<CustomerId, std::string> customers;
    reader.ScanCustomers([&](const Customer& c) {
      std::string& name = customers[c.id];
      for (const CustomerKey& key : c.keys) {
        name += key.source_system + "/" + reader.GetText(key.external_id.id);
      }
      state.insert("customer " + name + " " + c.profile.language + " " + c.profile.segment);
    });
    reader.ScanResponses("", {},
                         [&](const Response& r) { names[r.id] = r.external_key.external_id; });
    reader.ScanCases("", {}, [&](const Case& c) { cases[c.id] = names.at(c.opening_response_id); });
    const auto answer = [&](const std::optional<ResurveyAnswer>& a) {
      return a ? names.at(a->response_id) + "=" + std::to_string(a->score) + "@" +
                     Time(a->occurred_at)
               : "-";
    };
    reader.ScanResponses("", {}, [&](const Response& r) {
      std::ostringstream line;
      line << "response " << r.external_key.external_id << " of " << customers.at(r.customer_id)
           << " " << r.program_id << " score " << r.score << " category "
           << static_cast<int>(r.category) << " at " << Time(r.occurred_at) << " effect "
           << static_cast<int>(r.effect) << " case "
           << (r.paired_case_id.empty() ? "-" : cases.at(r.paired_case_id)) << " " << r.touchpoint
           << " " << r.language << " history " << r.history << " id " << ToString(r.id)
           << " because " << reader.GetText(r.reason.id);
      for (const ScoredItem& item : r.items) line << " " << item.key << "=" << item.score;
      for (const auto& [key, value] : r.attributes) line << " " << key << ":" << value;
      state.insert(line.str());
    });
    reader.ScanCases("", {}, [&](const Case& c) {
      std::ostringstream line;
      line << "case " << cases.at(c.id) << " of " << customers.at(c.customer_id) << " "
           << c.program_id << " " << c.status << " phase " << static_cast<int>(c.phase)
           << " severity " << c.severity << " playbook " << c.playbook.playbook_id << " queue "
           << c.details.queue_id << " touchpoint " << c.details.touchpoint << " slot "
           << c.holds_dedupe_slot << " score " << *c.score << " result "
           << static_cast<int>(c.resurvey_result) << " first " << answer(c.resurvey.first_answer)
           << " last " << answer(c.resurvey.last_answer) << " answers " << c.resurvey.answer_count
           << " reopened " << c.reopen_count << " opened " << Time(c.opened_at) << " asked "
           << Time(c.asked_at) << " closed " << Time(c.closed_at) << " recovered "
           << Time(c.recovered_at) << " converted " << Time(c.converted_at) << " window "
           << Time(c.window_ends_at) << " timers " << c.timers.size() << " history " << c.history
           << " id " << ToString(c.id);
      for (const ResponseId& id : c.attached_response_ids) line << " attached " << names.at(id);
      state.insert(line.str());
    });
    reader.ScanRollups([&](const RollupKey& key, const Counts& counts) {
      if (counts == Counts{}) return;
      std::ostringstream line;
      line << "rollup " << key.program_id << " " << key.day << " " << key.org_unit_id << " "
           << counts.promoters << " " << counts.passives << " " << counts.detractors << " "
           << counts.opened << " " << counts.open << " " << counts.eligible << " "
           << counts.answered << " " << counts.recovered_first << " " << counts.converted_first
           << " " << counts.recovered_ever << " " << counts.converted_ever;
      state.insert(line.str());
    });
  });
  return state;
}

// Every report about the program, byte by byte.
std::string ReportsOf(TestServer& server, const std::string& program) {
  const std::string scope = R"(scope { program_id: ")" + program + "\" ";
  std::string all;
  for (const char* group :
       {"", R"(group_by: "touchpoint")", R"(group_by: "language")",
        R"(group_by: "attributes.peak")", "start_time { seconds: 600000000 }"}) {
    const std::string text = scope + group + " }";
    all += server.Do<api::GetNpsReportResponse>("manager", text).SerializeAsString();
    all += server.Do<api::GetFunnelReportResponse>("manager", text).SerializeAsString();
    all += server.Do<api::GetRecoveryReportResponse>("manager", text).SerializeAsString();
  }
  all +=
      server.Do<api::GetRecoveryReportResponse>("manager", scope + "} unit: RECOVERY_UNIT_CUSTOMER")
          .SerializeAsString();
  return all;
}

std::map<std::string, int64_t> SizesOf(TestServer& server) {
  std::map<std::string, int64_t> sizes;
  const auto status = server.Do<api::GetStatusResponse>("viewer", "");
  for (const api::TableSize& size : status.tables()) {
    sizes[size.table()] = size.row_count();
  }
  return sizes;
}

// What an import leaves behind.
struct Left {
  std::set<std::string> state{};
  std::string reports{};
};

// Imports the rows in this order into a fresh server, looks at it, and takes it down.
Left ImportInto(const std::string& program, const std::vector<std::vector<api::Response>>& streams,
                size_t batch, const std::function<void(TestServer&)>& look = {}) {
  TestServer server;
  for (const auto& rows : streams) {
    const ImportTotals totals = server.Import("integration", Header(program), rows, batch);
    EXPECT_TRUE(totals.status.ok()) << ToRefusal(totals.status);
  }
  if (look) look(server);
  return {StateOf(server), ReportsOf(server, program)};
}

// The first difference, so that a failure can be read.
void ExpectSame(const Left& expected, const Left& actual) {
  EXPECT_EQ(expected.state.size(), actual.state.size());
  for (const std::string& line : expected.state) {
    if (!actual.state.contains(line)) {
      ADD_FAILURE() << "gone: " << line;
      break;
    }
  }
  for (const std::string& line : actual.state) {
    if (!expected.state.contains(line)) {
      ADD_FAILURE() << "new: " << line;
      break;
    }
  }
  EXPECT_TRUE(expected.reports == actual.reports) << "the reports differ";
}

std::vector<api::Response> Shuffled(std::vector<api::Response> rows, unsigned seed) {
  std::shuffle(rows.begin(), rows.end(), std::mt19937(seed));
  return rows;
}

void ExpectOrderDoesNotMatter(const std::string& program, const std::vector<api::Response>& rows,
                              const Left& in_order) {
  const auto middle = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2);
  {
    SCOPED_TRACE("shuffled");
    ExpectSame(in_order, ImportInto(program, {Shuffled(rows, 20'171)}, 997));
  }
  {
    SCOPED_TRACE("in two halves the wrong way round");
    ExpectSame(in_order, ImportInto(program, {{middle, rows.end()}, {rows.begin(), middle}}, 1000));
  }
  {
    SCOPED_TRACE("backwards");
    ExpectSame(in_order, ImportInto(program, {{rows.rbegin(), rows.rend()}}, 500));
  }
}

TEST(SfoImportTest, TheFiguresAreThoseOfTheSurvey) {
  const std::string program = "sfo-2017";
  const DataSet data = Load("sfo_nps_2017", "sfo_2017_responses.csv", 100'000);
  EXPECT_EQ(data.rows.size() + data.rejects.size(), 2831u);

  TestServer server;
  ImportTotals totals = server.Import("integration", Header(program), data.rows, 500);
  ASSERT_TRUE(totals.status.ok()) << ToRefusal(totals.status);
  EXPECT_EQ(totals.accepted, 2746);
  EXPECT_EQ(totals.opened_cases, 342);
  EXPECT_EQ(data.rejects.size() + totals.rejects.size(), 85u);
  int blanks = 0;
  std::set<int64_t> rejected;
  for (const api::RowError& reject : totals.rejects) {
    rejected.insert(data.row_numbers.at(static_cast<size_t>(reject.row()) - 1));
    EXPECT_EQ(reject.field(), "response.score");
    if (reject.reason() == "SCORE_OUT_OF_RANGE" &&
        data.rows.at(static_cast<size_t>(reject.row()) - 1).score() == 11) {
      ++blanks;
    }
  }
  for (const cli::RowError& reject : data.rejects) rejected.insert(reject.row);
  EXPECT_EQ(rejected.size(), 85u);
  EXPECT_EQ(blanks, 84);

  const auto nps = server.Do<api::GetNpsReportResponse>(
      "manager", R"(scope { program_id: "sfo-2017" group_by: "touchpoint" })");
  EXPECT_EQ(nps.total().promoter_count(), 1436);
  EXPECT_EQ(nps.total().passive_count(), 968);
  EXPECT_EQ(nps.total().detractor_count(), 342);
  EXPECT_NEAR(nps.total().nps(), 39.8398, 0.00005);
  const std::map<std::string, double> areas = {{"A", 39.92}, {"B", 43.37}, {"C", 46.90},
                                               {"D", 43.52}, {"E", 46.86}, {"F", 38.51},
                                               {"G", 32.96}};
  std::map<std::string, double> found;
  for (const api::NpsFigure& figure : nps.groups()) {
    const std::string prefix = "boarding-area/";
    if (figure.group().starts_with(prefix))
      found[figure.group().substr(prefix.size())] = figure.nps();
  }
  for (const auto& [area, expected] : areas) EXPECT_NEAR(found[area], expected, 0.005) << area;
  EXPECT_EQ(SizesOf(server).at("cases"), 342);

  // Twice.
  const Left once{StateOf(server), ReportsOf(server, program)};
  const int64_t last = server.LastSequence();
  totals = server.Import("integration", Header(program), data.rows, 333);
  EXPECT_EQ(totals.accepted, 0);
  EXPECT_EQ(totals.replayed, 2746);
  EXPECT_EQ(server.LastSequence(), last);
  ExpectSame(once, {StateOf(server), ReportsOf(server, program)});

  ExpectOrderDoesNotMatter(program, data.rows, once);
}

TEST(SlowPanelImportTest, TheSameRowsInAnyOrderGiveTheSameStateAndFigures) {
  const std::string program = "satisfaction-panel";
  const DataSet data = Load("satisfaction_panel_0_10", "panel.csv", kPanelRows);
  const bool whole = data.rows.size() + data.rejects.size() == 20'590;

  TestServer server;
  ImportTotals totals = server.Import("integration", Header(program), data.rows);
  ASSERT_TRUE(totals.status.ok()) << ToRefusal(totals.status);
  EXPECT_EQ(totals.accepted, static_cast<int64_t>(data.rows.size()));
  EXPECT_TRUE(totals.rejects.empty());
  if (whole) {
    EXPECT_EQ(data.rejects.size(), 31u);
    EXPECT_EQ(totals.accepted, 20'559);
    const auto nps = server.Do<api::GetNpsReportResponse>(
        "manager", R"(scope { program_id: "satisfaction-panel" })");
    EXPECT_NEAR(nps.total().nps(), -16.70, 0.005);
    const auto recovery = server.Do<api::GetRecoveryReportResponse>(
        "manager", R"(scope { program_id: "satisfaction-panel" })");
    const api::RecoveryRates& all = recovery.total().all();
    EXPECT_EQ(recovery.total().opened_count(), 4152);
    EXPECT_EQ(all.eligible_count(), 4152);
    EXPECT_EQ(all.answered_count(), 3096);
    EXPECT_EQ(all.converted_first_answer().count(), 233);
    EXPECT_EQ(all.converted_ever().count(), 473);
    EXPECT_EQ(all.recovered_first_answer().count(), 1245);
    EXPECT_EQ(all.recovered_ever().count(), 1897);
    const auto funnel = server.Do<api::GetFunnelReportResponse>(
        "manager", R"(scope { program_id: "satisfaction-panel" })");
    EXPECT_EQ(funnel.total().opened_count(), 4152);
    const auto customers = server.Do<api::GetRecoveryReportResponse>(
        "manager", R"(scope { program_id: "satisfaction-panel" } unit: RECOVERY_UNIT_CUSTOMER)");
    EXPECT_EQ(customers.customers().customer_count(), 1536);
    EXPECT_EQ(customers.customers().converted_ever().count(), 253);
    EXPECT_NEAR(customers.customers().converted_ever().value(), 0.1647, 0.00005);
    EXPECT_EQ(customers.customers().converted_last().count(), 97);
    EXPECT_EQ(customers.customers().recovered_ever().count(), 922);
  }

  const Left once{StateOf(server), ReportsOf(server, program)};
  const std::map<std::string, int64_t> sizes = SizesOf(server);
  totals = server.Import("integration", Header(program), Shuffled(data.rows, 7));
  EXPECT_EQ(totals.accepted, 0);
  EXPECT_EQ(totals.replayed, static_cast<int64_t>(data.rows.size()));
  EXPECT_EQ(SizesOf(server), sizes);
  ExpectSame(once, {StateOf(server), ReportsOf(server, program)});

  ExpectOrderDoesNotMatter(program, data.rows, once);
}

// Two streams at once, each with every second row.
TEST(PanelImportTest, TwoImportersAtOnceGiveTheSameStateToo) {
  const std::string program = "satisfaction-panel";
  const DataSet data = Load("satisfaction_panel_0_10", "panel.csv", 2'000);
  const Left in_order = ImportInto(program, {data.rows}, 1000);
  TestServer server;
  std::vector<std::thread> importers;
  for (size_t half = 0; half < 2; ++half) {
    importers.emplace_back([&, half] {
      std::vector<api::Response> rows;
      for (size_t i = half; i < data.rows.size(); i += 2) rows.push_back(data.rows[i]);
      EXPECT_TRUE(server.Import("integration", Header(program), rows, 50).status.ok());
    });
  }
  for (std::thread& importer : importers) importer.join();
  ExpectSame(in_order, {StateOf(server), ReportsOf(server, program)});
}

}  // namespace
}  // namespace rebound::fixtures
