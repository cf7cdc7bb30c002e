// The import against a fake of the API's service that notes what it is sent and answers as told.
#include "clients/cli/import.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include "clients/cli/cli.h"
#include "rebound/v1/response_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using Stream = grpc::ServerReaderWriter<v1::ImportResponsesResponse, v1::ImportResponsesRequest>;

// Accepts scores from 0 to 10 and answers each batch as it comes; `serve` may do otherwise.
class FakeService : public v1::ResponseService::Service {
 public:
  using Serve = std::function<grpc::Status(FakeService*, Stream*)>;

  grpc::Status ImportResponses(grpc::ServerContext*, Stream* stream) override {
    v1::ImportResponsesRequest request;
    if (!stream->Read(&request)) return grpc::Status::OK;
    header = request.header();
    if (serve) return serve(this, stream);
    while (stream->Read(&request)) {
      batches.push_back(request.rows());
      stream->Write(Answer(request.rows()));
    }
    return grpc::Status::OK;
  }

  static v1::ImportResponsesResponse Answer(const v1::ImportRows& batch) {
    v1::ImportResponsesResponse answer;
    for (const v1::ImportRow& row : batch.rows()) {
      answer.set_last_row(row.row());
      const int64_t score = row.response().score();
      if (score >= 0 && score <= 10) {
        answer.set_accepted_count(answer.accepted_count() + 1);
        if (score <= 6) answer.set_opened_case_count(answer.opened_case_count() + 1);
        continue;
      }
      v1::RowError* error = answer.add_rejects();
      error->set_row(row.row());
      error->set_field("response.score");
      error->set_reason("SCORE_OUT_OF_RANGE");
      error->set_message("expected a score from 0 to 10, but it is " + std::to_string(score));
      error->set_message_zh("分数应为 0 到 10，实际为 " + std::to_string(score));
    }
    return answer;
  }

  Serve serve;
  v1::ImportHeader header;
  std::vector<v1::ImportRows> batches;
};

constexpr const char* kMapping = R"(version: 1
source_system: survey
fields:
  program: {const: hotline}
  external_id: {template: "s-{ID}", required: true}
  customer.external_id: CUST
  score: NETPRO
  reason: WHY
)";

class CliImportTest : public testing::Test {
 protected:
  CliImportTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
    folder_ = testing::TempDir() + "cli_import_" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    Write("map.yaml", kMapping);
  }

  ~CliImportTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
  }

  std::string Read(const std::string& name) const {
    std::ifstream in(Path(name), std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

  // Runs `rebound import responses answers.csv --map map.yaml ARGUMENTS...`.
  int Import(const std::vector<std::string>& arguments = {}) {
    std::vector<std::string> all = {"rebound",   "--server",          address_, "import",
                                    "responses", Path("answers.csv"), "--map",  Path("map.yaml")};
    all.insert(all.end(), arguments.begin(), arguments.end());
    std::vector<const char*> argv;
    for (const std::string& argument : all) argv.push_back(argument.c_str());
    std::ostringstream out;
    std::ostringstream err;
    const int code = RunCli(static_cast<int>(argv.size()), argv.data(), out, err);
    out_ = out.str();
    err_ = err.str();
    return code;
  }

  FakeService service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::string folder_;
  std::string out_;
  std::string err_;
};

std::string Rows(int count) {
  std::string csv = "ID,CUST,NETPRO,WHY\n";
  for (int i = 1; i <= count; ++i) {
    const std::string id = std::to_string(i);
    csv += id + ",c" + id + "," + std::to_string(i % 11) + ",\n";
  }
  return csv;
}

TEST_F(CliImportTest, RowsGoInBatchesOfFiveHundredInTheFilesOrder) {
  Write("answers.csv", Rows(1203));
  EXPECT_EQ(Import({"--history", "--program", "hotline", "-o", "json"}), kExitOk) << err_;
  EXPECT_TRUE(service_.header.history());
  EXPECT_FALSE(service_.header.dry_run());
  EXPECT_EQ(service_.header.program_id(), "hotline");
  EXPECT_EQ(service_.header.request_id().size(), 36u);
  ASSERT_EQ(service_.batches.size(), 3u);
  EXPECT_EQ(service_.batches[0].rows_size(), kBatchRows);
  EXPECT_EQ(service_.batches[2].rows_size(), 203);
  int64_t row = 2;
  for (const v1::ImportRows& batch : service_.batches) {
    for (const v1::ImportRow& sent : batch.rows()) EXPECT_EQ(sent.row(), row++);
  }
  const v1::Response& first = service_.batches[0].rows(0).response();
  EXPECT_EQ(first.external_key().source_system(), "survey");
  EXPECT_EQ(first.external_key().external_id(), "s-1");
  EXPECT_EQ(first.customer_key().external_id(), "c1");
  EXPECT_TRUE(first.has_score());
  EXPECT_FALSE(std::filesystem::exists(Path("answers.csv.rejects.csv")));
  EXPECT_NE(out_.find("\"rows\": 1203, \"accepted\": 1203, \"replayed\": 0, \"rejected\": 0"),
            std::string::npos)
      << out_;
}

TEST_F(CliImportTest, LongRowsMakeSmallerBatches) {
  std::string csv = "ID,CUST,NETPRO,WHY\n";
  for (int i = 1; i <= 200; ++i) {
    csv += std::to_string(i) + ",c,9,\"" + std::string(20'000, 'x') + "\n\"\n";
  }
  Write("answers.csv", csv);
  EXPECT_EQ(Import(), kExitOk) << err_;
  EXPECT_GE(service_.batches.size(), 4u);
  int rows = 0;
  for (const v1::ImportRows& batch : service_.batches) {
    rows += batch.rows_size();
    EXPECT_LE(batch.ByteSizeLong(), size_t{2} << 20);
  }
  EXPECT_EQ(rows, 200);
}

TEST_F(CliImportTest, RejectsNameRowColumnAndReasonInTheFilesOrder) {
  Write("answers.csv",
        "ID,CUST,NETPRO,WHY\n1,c1,11,\n2,c2,6.877,\n3,c3,9,\"=A1\"\n,c4,9,\n5,c5,-1,\n6,c6,3,\n");
  EXPECT_EQ(Import(), kExitOk) << err_;
  EXPECT_EQ(Read("answers.csv.rejects.csv"),
            "row,column,reason\n"
            "2,NETPRO,\"expected a score from 0 to 10, but it is 11\"\n"
            "3,NETPRO,\"score: expected an integer, got \"\"6.877\"\"\"\n"
            "5,ID,\"external_id: expected a value, got an empty value\"\n"
            "6,NETPRO,\"expected a score from 0 to 10, but it is -1\"\n");
  EXPECT_NE(out_.find("4 rows were rejected"), std::string::npos) << out_;
  EXPECT_EQ(Import({"--strict", "--lang", "zh", "--rejects", Path("r.csv")}), kExitFailed);
  EXPECT_NE(Read("r.csv").find("2,NETPRO,分数应为 0 到 10，实际为 11\n"), std::string::npos);
}

TEST_F(CliImportTest, RowsThatCannotBeSentKeepTheirPlaceAmongBatches) {
  std::string csv = "ID,CUST,NETPRO,WHY\n";
  for (int i = 1; i <= 2600; ++i) csv += std::to_string(i) + ",c," + (i % 2 ? "11" : "x") + ",\n";
  Write("answers.csv", csv);
  EXPECT_EQ(Import({"-o", "csv"}), kExitOk) << err_;
  EXPECT_NE(out_.find("\n2600,0,0,2600,0,false,"), std::string::npos) << out_;
  std::istringstream rejects(Read("answers.csv.rejects.csv"));
  std::string line;
  std::getline(rejects, line);
  for (int row = 2; row <= 2601; ++row) {
    ASSERT_TRUE(std::getline(rejects, line)) << row;
    ASSERT_EQ(line.substr(0, line.find(',')), std::to_string(row));
  }
}

TEST_F(CliImportTest, AnOldRejectsFileDoesNotOutliveAnImportWithoutRejects) {
  Write("answers.csv", Rows(3));
  Write("answers.csv.rejects.csv", "row,column,reason\n2,NETPRO,old\n");
  Write("mine.csv", "my own notes\n");
  EXPECT_EQ(Import(), kExitOk);
  EXPECT_FALSE(std::filesystem::exists(Path("answers.csv.rejects.csv")));
  EXPECT_EQ(Import({"--rejects", Path("mine.csv")}), kExitOk);
  EXPECT_EQ(Read("mine.csv"), "my own notes\n") << "what is no rejects file is left alone";
}

// The service answers nothing until the window is full, and then one batch for each that follows:
// were the window smaller, both sides would wait for ever; were it larger, more would have come.
TEST_F(CliImportTest, AtMostAWindowOfBatchesIsOnTheWay) {
  static constexpr size_t kBatches = 20;
  Write("answers.csv", Rows(kBatches * kBatchRows));
  size_t most = 0;
  service_.serve = [&most](FakeService* service, Stream* stream) {
    std::mutex mutex;
    std::condition_variable changed;
    size_t received = 0;
    std::thread reading([&] {
      v1::ImportResponsesRequest request;
      while (stream->Read(&request)) {
        const std::lock_guard lock(mutex);
        service->batches.push_back(request.rows());
        ++received;
        changed.notify_one();
      }
    });
    for (size_t answered = 0; answered < kBatches; ++answered) {
      std::unique_lock lock(mutex);
      const size_t expected = std::min(kBatches, answered + kWindowBatches);
      changed.wait(lock, [&] { return received >= expected; });
      most = std::max(most, received - answered);
      const v1::ImportResponsesResponse answer = FakeService::Answer(service->batches[answered]);
      lock.unlock();
      stream->Write(answer);
    }
    reading.join();
    return grpc::Status::OK;
  };
  EXPECT_EQ(Import({"-o", "json"}), kExitOk) << err_;
  EXPECT_EQ(most, kWindowBatches);
  EXPECT_NE(out_.find("\"accepted\": 10000"), std::string::npos) << out_;
}

TEST_F(CliImportTest, ABrokenStreamTellsToRunItAgain) {
  Write("answers.csv", Rows(6000));
  service_.serve = [](FakeService*, Stream* stream) {
    v1::ImportResponsesRequest request;
    stream->Read(&request);
    stream->Write(FakeService::Answer(request.rows()));
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going away");
  };
  EXPECT_EQ(Import(), kExitUnavailable);
  EXPECT_NE(err_.find("Run the same command again"), std::string::npos) << err_;
  EXPECT_NE(err_.find("500 rows were dealt with"), std::string::npos) << err_;
  EXPECT_EQ(out_, "");
}

TEST_F(CliImportTest, AStreamThatEndsEarlyIsNoSuccess) {
  Write("answers.csv", Rows(6000));
  service_.serve = [](FakeService*, Stream*) { return grpc::Status::OK; };
  EXPECT_EQ(Import(), kExitFailed);
  EXPECT_NE(err_.find("before its last row"), std::string::npos) << err_;
}

TEST_F(CliImportTest, ARefusedStreamHasTheRefusalsExitCode) {
  Write("answers.csv", Rows(3));
  service_.serve = [](FakeService*, Stream*) {
    return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "not your role");
  };
  EXPECT_EQ(Import(), kExitDenied);
}

TEST_F(CliImportTest, AnUnwritableRejectsFileStopsTheImport) {
  Write("answers.csv", "ID,CUST,NETPRO,WHY\n1,c1,11,\n");
  EXPECT_EQ(Import({"--rejects", Path("no-folder/r.csv")}), kExitFailed);
  EXPECT_NE(err_.find("--rejects"), std::string::npos) << err_;
}

TEST_F(CliImportTest, AMappingThatCannotWorkIsRefusedBeforeAnythingIsSent) {
  struct Row {
    const char* mapping;
    const char* program;
    const char* said;
  };
  const char* const rest = "  external_id: ID\n  score: NETPRO\n";
  const std::string no_program = std::string("version: 1\nsource_system: s\nfields:\n") + rest;
  const std::string no_source = std::string("version: 1\nfields:\n  program: {const: p}\n") + rest;
  for (const Row& row : {
           Row{"version: 1\nfields: [\n", "p", "map.yaml:"},
           Row{"version: 1\nsource_system: s\nfields:\n  score: NETPRO\n", "p", "external_id"},
           Row{no_program.c_str(), "", "--program"},
           Row{no_source.c_str(), "", "source_system"},
           Row{kMapping, "sfo", "hotline and --program says sfo"},
       }) {
    Write("answers.csv", Rows(3));
    Write("map.yaml", row.mapping);
    std::vector<std::string> arguments;
    if (*row.program != '\0') arguments = {"--program", row.program};
    EXPECT_EQ(Import(arguments), kExitUsage) << row.said;
    EXPECT_NE(err_.find(row.said), std::string::npos) << err_;
  }
  Write("map.yaml", kMapping);
  Write("answers.csv", "ID,CUST,WHY\n1,c,\n");
  EXPECT_EQ(Import(), kExitUsage);
  EXPECT_NE(err_.find("NETPRO"), std::string::npos) << err_;
  EXPECT_EQ(service_.header.request_id(), "");
}

TEST(CliImportMappingTest, FieldsAtFaultAreTracedToTheirColumns) {
  std::vector<std::string> errors;
  std::optional<Mapping> mapping = Mapping::Parse(R"(
version: 1
source_system: s
fields:
  program: {const: p}
  external_id: {template: "{ID}-{YEAR}"}
  customer.external_id: ID
  score: NETPRO
  occur_time: {template: "{YEAR}-07-01"}
  org_unit: UNIT
  items.ease: E
  items.overall: O
  attributes.store: STORE
  segment: SEG
)",
                                                  "map.yaml", &errors);
  ASSERT_TRUE(mapping) << errors.front();
  ASSERT_TRUE(mapping->Bind({"ID", "YEAR", "NETPRO", "UNIT", "E", "O", "STORE", "SEG"}, &errors));
  v1::Response sent;
  sent.add_items()->set_key("overall");
  struct Row {
    const char* field;
    const char* column;
  };
  for (const Row& row : {
           Row{"response.score", "NETPRO"},
           Row{"rows[3].response.score", "NETPRO"},
           Row{"score", "NETPRO"},
           Row{"response.external_key", "ID+YEAR"},
           Row{"response.external_key.external_id", "ID+YEAR"},
           Row{"response.external_key.source_system", ""},
           Row{"response.customer_key.external_id", "ID"},
           Row{"response.occur_time", "YEAR"},
           Row{"response.org_unit_id", "UNIT"},
           Row{"response.items[0].score", "O"},
           Row{"response.items[ease]", "E"},
           Row{"response.attributes[\"store\"]", "STORE"},
           Row{"response.attributes.store", "STORE"},
           Row{"response.attributes[segment]", "SEG"},
           Row{"response.program_id", ""},
           Row{"response.unheard_of", ""},
           Row{"", ""},
       }) {
    EXPECT_EQ(ColumnAtFault(*mapping, sent, row.field), row.column) << row.field;
  }
}

TEST(CliImportMappingTest, EveryMappedFieldReachesTheResponse) {
  MappedRow row;
  row.program = "p";
  row.source_system = "s";
  row.external_id = "e";
  row.customer_external_id = "c";
  row.customer_source_system = "crm";
  row.score = 0;
  row.occur_time_ms = -1;
  row.touchpoint = "t";
  row.org_unit = "o";
  row.channel = "web";
  row.language = "zh";
  row.reason = "r";
  row.suggestion = "g";
  row.verbatim = "v";
  row.respondent_role = "buyer";
  row.account = "a";
  row.order_reference = "n";
  row.segment = "gold";
  row.items = {{"ease", 4}};
  row.attributes = {{"store", "S1"}};
  v1::Response response;
  FillResponse(row, &response);
  EXPECT_EQ(response.ShortDebugString(),
            "program_id: \"p\" external_key { source_system: \"s\" external_id: \"e\" } "
            "customer_key { source_system: \"crm\" external_id: \"c\" } score: 0 "
            "items { key: \"ease\" score: 4 } reason: \"r\" suggestion: \"g\" "
            "follow_ups { question: \"verbatim\" answer: \"v\" } account_id: \"a\" "
            "respondent_role: \"buyer\" touchpoint: \"t\" org_unit_id: \"o\" "
            "survey_channel: \"web\" language: \"zh\" order_reference: \"n\" "
            "attributes { key: \"segment\" value: \"gold\" } "
            "attributes { key: \"store\" value: \"S1\" } "
            "occur_time { seconds: -1 nanos: 999000000 }");
}

}  // namespace
}  // namespace rebound::cli
