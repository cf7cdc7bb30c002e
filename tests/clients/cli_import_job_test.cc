// Import jobs of the four kinds against fakes of the API's services that keep what they are sent
// and break off where they are told: what is in the result files, and that nothing is stored twice.
#include "clients/cli/import_job.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "clients/cli/cli.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "rebound/v1/case_service.grpc.pb.h"
#include "rebound/v1/customer_service.grpc.pb.h"
#include "rebound/v1/response_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr const char* kBom = "\xEF\xBB\xBF";
constexpr const char* kNowhere = "nowhere";  // the unit that the server does not know

// What the three services share. A call of one thread at a time.
struct World {
  enum class Break { kNever, kBefore, kAfter, kBusy };

  // A batch comes: whether it is answered, and whether it is stored.
  Break Take(const std::string& request_id, const std::string& bytes) {
    ++batches;
    request_ids.push_back(request_id);
    const auto [known, is_new] = requests.emplace(request_id, bytes);
    if (!is_new && known->second != bytes) reused = true;
    const Break fate = batches == break_at ? how : Break::kNever;
    if (fate == Break::kNever || fate == Break::kAfter) done.insert(request_id);
    return fate;
  }

  // Whether it is new.
  bool Store(const std::string& external_id) { return ++stored[external_id] == 1; }

  static void Refuse(int64_t row, const std::string& field, v1::RowError* error) {
    error->set_row(row);
    error->set_field(field);
    error->set_reason("ORG_UNIT_UNKNOWN");
    error->set_message("no unit \"nowhere\"");
    error->set_message_zh("没有单位“nowhere”");
  }

  int batches = 0;
  int break_at = 0;  // the batch, from 1, at which the server breaks off
  Break how = Break::kNever;
  std::vector<std::string> request_ids{};
  std::map<std::string, std::string> requests{};  // id -> bytes
  std::set<std::string> done{};                   // of requests, those that were stored
  bool reused = false;                            // an id came with another body
  std::map<std::string, int> stored{};            // external id -> how often
  bool dry_run = false;                           // of the last batch
};

// As the server refuses who sends what it is still at work on.
grpc::Status Busy() {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(1'000'000);
  google::rpc::Status status;
  status.set_code(grpc::StatusCode::ABORTED);
  status.add_details()->PackFrom(retry);
  return {grpc::StatusCode::ABORTED, "in progress", status.SerializeAsString()};
}

grpc::Status GoingAway() { return {grpc::StatusCode::UNAVAILABLE, "going away"}; }

class JobCustomers : public v1::CustomerService::Service {
 public:
  explicit JobCustomers(World* world) : world_(*world) {}

  grpc::Status BatchUpsertCustomers(grpc::ServerContext*,
                                    const v1::BatchUpsertCustomersRequest* request,
                                    v1::BatchUpsertCustomersResponse* reply) override {
    const bool known = world_.done.contains(request->request_id());
    const World::Break fate = world_.Take(request->request_id(), request->SerializeAsString());
    world_.dry_run = request->dry_run();
    if (fate == World::Break::kBefore) return GoingAway();
    if (fate == World::Break::kBusy) return Busy();
    for (int i = 0; i < request->customers_size(); ++i) {
      const v1::UpsertCustomerRequest& customer = request->customers(i);
      v1::UpsertCustomerResult* result = reply->add_results();
      if (customer.customer().org_unit_id() == kNowhere) {
        World::Refuse(i, fmt::format("customers[{}].customer.org_unit_id", i),
                      result->mutable_error());
        continue;
      }
      *result->mutable_customer() = customer.customer();
      result->set_replayed(known);
      if (!known && !request->dry_run()) world_.Store(customer.external_key().external_id());
    }
    return fate == World::Break::kAfter ? GoingAway() : grpc::Status::OK;
  }

  // By their units the server knows whom a behaviour is of here.
  grpc::Status BatchRecordBehaviours(grpc::ServerContext*,
                                     const v1::BatchRecordBehavioursRequest* request,
                                     v1::BatchRecordBehavioursResponse* reply) override {
    const bool known = world_.done.contains(request->request_id());
    const World::Break fate = world_.Take(request->request_id(), request->SerializeAsString());
    world_.dry_run = request->dry_run();
    if (fate == World::Break::kBefore) return GoingAway();
    if (fate == World::Break::kBusy) return Busy();
    for (int i = 0; i < request->behaviours_size(); ++i) {
      const v1::RecordBehaviourRequest& record = request->behaviours(i);
      v1::RecordBehaviourResult* result = reply->add_results();
      if (record.customer_key().external_id() == kNowhere) {
        World::Refuse(i, fmt::format("behaviours[{}].customer_key", i), result->mutable_error());
        continue;
      }
      *result->mutable_behaviour() = record.behaviour();
      const std::string& id = record.behaviour().external_key().external_id();
      result->set_replayed(known || world_.stored.contains(id));
      if (!request->dry_run() && !result->replayed()) world_.Store(id);
    }
    return fate == World::Break::kAfter ? GoingAway() : grpc::Status::OK;
  }

 private:
  World& world_;
};

class JobCases : public v1::CaseService::Service {
 public:
  explicit JobCases(World* world) : world_(*world) {}

  grpc::Status BatchOpenCases(grpc::ServerContext*, const v1::BatchOpenCasesRequest* request,
                              v1::BatchOpenCasesResponse* reply) override {
    const bool known = world_.done.contains(request->request_id());
    const World::Break fate = world_.Take(request->request_id(), request->SerializeAsString());
    world_.dry_run = request->dry_run();
    if (fate == World::Break::kBefore) return GoingAway();
    if (fate == World::Break::kBusy) return Busy();
    for (int i = 0; i < request->cases_size(); ++i) {
      const v1::Case& opened = request->cases(i).case_();
      v1::BulkResult* result = reply->add_results();
      if (opened.org_unit_id() == kNowhere) {
        World::Refuse(i, fmt::format("cases[{}].case.org_unit_id", i), result->mutable_error());
        continue;
      }
      *result->mutable_case_() = opened;
      const std::string& id = opened.external_key().external_id();
      result->set_replayed(known || world_.stored.contains(id));
      if (!known && !request->dry_run() && !result->replayed()) world_.Store(id);
    }
    return fate == World::Break::kAfter ? GoingAway() : grpc::Status::OK;
  }

 private:
  World& world_;
};

class JobResponses : public v1::ResponseService::Service {
 public:
  using Stream = grpc::ServerReaderWriter<v1::ImportResponsesResponse, v1::ImportResponsesRequest>;

  explicit JobResponses(World* world) : world_(*world) {}

  grpc::Status ImportResponses(grpc::ServerContext*, Stream* stream) override {
    v1::ImportResponsesRequest request;
    if (!stream->Read(&request)) return grpc::Status::OK;
    const v1::ImportHeader header = request.header();
    world_.dry_run = header.dry_run();
    while (stream->Read(&request)) {
      const World::Break fate =
          world_.Take(header.request_id() + "/" + std::to_string(request.rows().rows(0).row()), "");
      if (fate == World::Break::kBefore) return GoingAway();
      v1::ImportResponsesResponse answer;
      for (const v1::ImportRow& row : request.rows().rows()) {
        const v1::Response& response = row.response();
        const std::string& id = response.external_key().external_id();
        answer.set_last_row(row.row());
        if (response.org_unit_id() == kNowhere) {
          World::Refuse(row.row(), "response.org_unit_id", answer.add_rejects());
        } else if (world_.stored.contains(id)) {
          answer.set_replayed_count(answer.replayed_count() + 1);
        } else {
          answer.set_accepted_count(answer.accepted_count() + 1);
          if (!header.dry_run()) world_.Store(id);
        }
      }
      if (fate == World::Break::kAfter) return GoingAway();
      stream->Write(answer);
    }
    return grpc::Status::OK;
  }

 private:
  World& world_;
};

struct Kind {
  const char* verb;
  const char* unit;    // the field that the column UNIT is mapped to
  const char* fields;  // of the mapping, besides external_id and that one
  int batch_rows;
};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.verb; }

constexpr Kind kKinds[] = {
    {"responses", "org_unit", "  program: {const: p}\n  score: SCORE\n  reason: TEXT\n", 500},
    {"customers", "org_unit", "  name: TEXT\n", 500},
    {"behaviours", "customer.external_id", "  kind: {const: churn}\n  occur_time: WHEN\n", 500},
    {"complaints", "org_unit", "  program: {const: p}\n  open_time: WHEN\n  request: TEXT\n", 200},
};

constexpr const char* kHeader = "ID,UNIT,SCORE,WHEN,TEXT";
constexpr const char* kFailedHeader =
    "ID,UNIT,SCORE,WHEN,TEXT,rebound.row,rebound.column,rebound.reason";

std::string Line(int id, const std::string& unit = "north") {
  return fmt::format("k{},{},3,2026-01-05,text {}\n", id, unit, id);
}

std::string Lines(int first, int last) {
  std::string text;
  for (int i = first; i <= last; ++i) text += Line(i);
  return text;
}

std::set<std::string> Ids(int first, int last) {
  std::set<std::string> ids;
  for (int i = first; i <= last; ++i) ids.insert(fmt::format("k{}", i));
  return ids;
}

class CliImportJobTest : public testing::TestWithParam<Kind> {
 protected:
  CliImportJobTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    for (grpc::Service* service :
         std::initializer_list<grpc::Service*>{&customers_, &cases_, &responses_}) {
      builder.RegisterService(service);
    }
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
    std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '_');
    folder_ = testing::TempDir() + "cli_import_job_" + name;
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    WriteMap("");
  }

  ~CliImportJobTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
  }

  void WriteMap(const std::string& more) const {
    Write("map.yaml", std::string("version: 1\nsource_system: crm\nzone: UTC\nfields:\n") +
                          "  external_id: {from: ID, required: true}\n  " + GetParam().unit +
                          ": UNIT\n" + GetParam().fields + more);
  }

  std::string Read(const std::string& name) const {
    std::ifstream in(Path(name), std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

  std::set<std::string> Files(const std::string& directory) const {
    std::set<std::string> names;
    std::error_code fault;
    for (const auto& file : std::filesystem::directory_iterator(Path(directory), fault)) {
      names.insert(file.path().filename());
    }
    return names;
  }

  // Runs `rebound import KIND FILE --map map.yaml --results DIRECTORY ARGUMENTS...`.
  int Import(const std::string& file, const std::string& directory,
             const std::vector<std::string>& arguments = {}) {
    std::vector<std::string> all = {"rebound", "--server",       address_,        "-o",
                                    "json",    "import",         GetParam().verb, Path(file),
                                    "--map",   Path("map.yaml"), "--results",     Path(directory)};
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

  std::string Counts(int rows, int accepted, int replayed, int rejected) const {
    return fmt::format("\"rows\": {}, \"accepted\": {}, \"replayed\": {}, \"rejected\": {},", rows,
                       accepted, replayed, rejected);
  }

  // Each of these is stored, once, and nothing else is.
  void ExpectStored(const std::set<std::string>& ids) const {
    std::set<std::string> all;
    for (const auto& [id, times] : world_.stored) {
      all.insert(id);
      EXPECT_EQ(times, 1) << id;
    }
    EXPECT_EQ(all, ids);
    EXPECT_FALSE(world_.reused) << "a request id came with another body";
  }

  World world_;
  JobCustomers customers_{&world_};
  JobCases cases_{&world_};
  JobResponses responses_{&world_};
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::string folder_;
  std::string out_;
  std::string err_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, CliImportJobTest, testing::ValuesIn(kKinds),
                         [](const auto& kind) { return std::string(kind.param.verb); });

// Rows are refused by the server, by the mapping and by the reader of the file; formulas, quotes
// and surplus cells come out as they went in.
TEST_P(CliImportJobTest, EachRowIsInTheResultFileOfItsFate) {
  Write("in.csv", std::string(kHeader) + "\n" + Line(1) + "k2,nowhere,3,2026-01-05,=A1\n" +
                      ",south,3,2026-01-05,\"say \"\"hi\"\", or\nnot\"\n" +
                      "k4,south,3,2026-01-05,too,many\n" + "k5,south,3,2026-01-05,\"=1,+1\"\n" +
                      "k6,south\n");
  EXPECT_EQ(Import("in.csv", "job"), kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr(Counts(6, 2, 0, 4)));
  EXPECT_THAT(out_, HasSubstr("job/failed.csv"));
  EXPECT_EQ(Read("job/successful.csv"),
            std::string(kBom) + kHeader + "\n" + Line(1) + "k5,south,3,2026-01-05,\"=1,+1\"\n");
  EXPECT_EQ(Read("job/failed.csv"),
            std::string(kBom) + kFailedHeader + "\n" +
                "k2,nowhere,3,2026-01-05,=A1,3,UNIT,\"no unit \"\"nowhere\"\"\"\n"
                ",south,3,2026-01-05,\"say \"\"hi\"\", or\nnot\",4,ID,\"external_id: expected a "
                "value, got an empty value\"\n"
                "k4,south,3,2026-01-05,too,5,,\"expected 5 columns, got 6\",many\n"
                "k6,south,,,,7,SCORE,\"expected 5 columns, got 2\"\n");
  EXPECT_THAT(Files("job"), UnorderedElementsAre("successful.csv", "failed.csv", "job.json"));
  EXPECT_EQ(Files("."), (std::set<std::string>{"in.csv", "map.yaml", "job"})) << "no rejects file";
  ExpectStored({"k1", "k5"});
  EXPECT_EQ(Import("in.csv", "strict", {"--strict", "--lang", "zh"}), kExitFailed);
  EXPECT_THAT(Read("strict/failed.csv"), HasSubstr("没有单位“nowhere”"));
}

TEST_P(CliImportJobTest, TheFailedFileIsMendedAndImportedUntilNothingFails) {
  Write("in.csv", std::string(kHeader) + "\n" + Line(1) + Line(2, "nowhere") + Line(3) +
                      "k4,north,3,2026-01-05,too,many\n");
  EXPECT_EQ(Import("in.csv", "job"), kExitOk) << err_;
  std::string failed = Read("job/failed.csv");
  const auto replace = [&failed](const std::string& from, const std::string& to) {
    ASSERT_NE(failed.find(from), std::string::npos) << from << " is not in " << failed;
    failed.replace(failed.find(from), from.size(), to);
  };
  // Only the first is mended. The other comes again under its new row number, not with a second
  // set of columns.
  replace("k2,nowhere", "k2,south");
  Write("mended.csv", failed);
  EXPECT_EQ(Import("mended.csv", "again"), kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr(Counts(2, 1, 0, 1)));
  failed = Read("again/failed.csv");
  EXPECT_EQ(failed, std::string(kBom) + kFailedHeader +
                        "\nk4,north,3,2026-01-05,too,3,,\"expected 8 columns, got 9\",many\n");
  replace("too,3", "\"too,many\",3");
  replace("got 9\",many", "got 9\"");
  Write("mended.csv", failed);
  EXPECT_EQ(Import("mended.csv", "last"), kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr(Counts(1, 1, 0, 0)));
  EXPECT_EQ(Read("last/failed.csv"), std::string(kBom) + kFailedHeader + "\n");
  ExpectStored(Ids(1, 4));
}

// The server goes away at each of its batches in turn, before or after it has stored the batch;
// each time the import is resumed and ends as if nothing had happened.
TEST_P(CliImportJobTest, AnImportThatBrokeOffGoesOnWhereItWas) {
  const int rows = 2 * GetParam().batch_rows + 3;
  std::string text = std::string(kHeader) + "\n" + Line(1, "nowhere") + Lines(2, rows - 1);
  Write("in.csv", text + Line(rows, "nowhere"));
  for (const World::Break how : {World::Break::kBefore, World::Break::kAfter}) {
    for (int at = 1; at <= 3; ++at) {
      SCOPED_TRACE(fmt::format("batch {}, {}", at, how == World::Break::kAfter));
      world_ = World{.break_at = at, .how = how};
      std::filesystem::remove_all(Path("job"));
      EXPECT_EQ(Import("in.csv", "job"), kExitUnavailable) << err_;
      EXPECT_TRUE(Files("job").contains("unprocessed.csv"));
      // No row is in two files, and none in no file.
      std::multiset<std::string> lines;
      for (const char* name : {"successful.csv", "failed.csv", "unprocessed.csv"}) {
        std::istringstream in(Read(std::string("job/") + name));
        std::string line;
        std::getline(in, line);
        while (std::getline(in, line)) lines.insert(line.substr(0, line.find(',')));
      }
      EXPECT_EQ(lines.size(), static_cast<size_t>(rows));
      EXPECT_EQ(std::set<std::string>(lines.begin(), lines.end()), Ids(1, rows));
      EXPECT_EQ(Import("in.csv", "job"), kExitUsage);
      EXPECT_THAT(err_, HasSubstr("--resume"));
      EXPECT_EQ(Import("in.csv", "job", {"--resume"}), kExitOk) << err_;
      EXPECT_THAT(out_, HasSubstr(fmt::format("\"rows\": {},", rows)));
      EXPECT_THAT(out_, HasSubstr("\"rejected\": 2,"));
      EXPECT_EQ(Read("job/successful.csv"),
                std::string(kBom) + kHeader + "\n" + Lines(2, rows - 1));
      EXPECT_EQ(Read("job/failed.csv"),
                fmt::format("{}{}\nk1,nowhere,3,2026-01-05,text 1,2,UNIT,\"no unit "
                            "\"\"nowhere\"\"\"\nk{},nowhere,3,2026-01-05,text {},{},UNIT,\"no unit "
                            "\"\"nowhere\"\"\"\n",
                            kBom, kFailedHeader, rows, rows, rows + 1));
      EXPECT_FALSE(Files("job").contains("unprocessed.csv"));
      ExpectStored(Ids(2, rows - 1));
    }
  }
}

// Rows of answers are known by their keys, and are never refused so.
TEST_P(CliImportJobTest, ABusyServerIsAskedAgainUnderTheSameRequest) {
  if (GetParam().verb == std::string("responses")) return;
  const int rows = GetParam().batch_rows + 3;
  Write("in.csv", std::string(kHeader) + "\n" + Lines(1, rows));
  world_.break_at = 2;
  world_.how = World::Break::kBusy;
  EXPECT_EQ(Import("in.csv", "job"), kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr(Counts(rows, rows, 0, 0)));
  ASSERT_EQ(world_.request_ids.size(), 3u);
  EXPECT_EQ(world_.request_ids[1], world_.request_ids[2]);
  EXPECT_EQ(Read("job/successful.csv"), std::string(kBom) + kHeader + "\n" + Lines(1, rows));
  ExpectStored(Ids(1, rows));
}

TEST_P(CliImportJobTest, UnprocessedRowsAreAFileToImport) {
  const int rows = 2 * GetParam().batch_rows;
  Write("in.csv", std::string(kHeader) + "\n" + Lines(1, rows));
  world_.break_at = 1;
  world_.how = World::Break::kBefore;
  EXPECT_EQ(Import("in.csv", "job"), kExitUnavailable);
  EXPECT_EQ(Read("job/unprocessed.csv"), std::string(kBom) + kHeader + "\n" + Lines(1, rows));
  EXPECT_EQ(Import("job/unprocessed.csv", "rest"), kExitOk) << err_;
  ExpectStored(Ids(1, rows));
}

// What a killed process has written beyond what job.json counts is not there twice afterwards.
TEST_P(CliImportJobTest, WhatIsBeyondTheCountIsCutOff) {
  const int rows = GetParam().batch_rows + 3;
  Write("in.csv", std::string(kHeader) + "\n" + Line(1, "nowhere") + Lines(2, rows));
  world_.break_at = 2;
  world_.how = World::Break::kAfter;
  EXPECT_EQ(Import("in.csv", "job"), kExitUnavailable);
  for (const char* name : {"job/successful.csv", "job/failed.csv"}) {
    std::ofstream(Path(name), std::ios::app | std::ios::binary) << "half a ro";
  }
  EXPECT_EQ(Import("in.csv", "job", {"--resume"}), kExitOk) << err_;
  EXPECT_EQ(Read("job/successful.csv"), std::string(kBom) + kHeader + "\n" + Lines(2, rows));
  EXPECT_EQ(Read("job/failed.csv").find("half"), std::string::npos);
  ExpectStored(Ids(2, rows));
}

TEST_P(CliImportJobTest, AnotherImportIsNotResumed) {
  const int rows = GetParam().batch_rows + 3;
  const std::string text = std::string(kHeader) + "\n" + Line(1, "nowhere") + Lines(2, rows);
  Write("in.csv", text);
  world_.break_at = 2;
  world_.how = World::Break::kBefore;
  EXPECT_EQ(Import("in.csv", "job"), kExitUnavailable);
  const int batches = world_.batches;
  const std::string job = Read("job/job.json");
  const auto refused = [&](const std::string& said, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"--resume"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    EXPECT_EQ(Import("in.csv", "job", arguments), kExitUsage) << said;
    EXPECT_THAT(err_, HasSubstr(said));
    EXPECT_EQ(world_.batches, batches) << "nothing is sent";
  };
  Write("in.csv", text + Line(rows + 1));
  refused("the file, the mapping or an option changed since");
  Write("in.csv", text);
  WriteMap("# another\n");
  refused("the file, the mapping or an option changed since");
  WriteMap("");
  refused("the file, the mapping or an option changed since", {"--dry-run"});
  refused("the file, the mapping or an option changed since", {"--delimiter", "comma"});
  // Files that are not as they were written.
  const std::string failed = Read("job/failed.csv");
  std::string mended = failed;
  mended.replace(mended.find(kNowhere), 7, "elsewhere");
  Write("job/failed.csv", mended);
  refused("failed.csv was changed since");
  EXPECT_EQ(Read("job/failed.csv"), mended) << "the mend is kept";
  Write("job/failed.csv", failed);
  const std::string successful = Read("job/successful.csv");
  Write("job/successful.csv", successful.substr(0, successful.size() - 1));
  refused("is shorter than");
  Write("job/successful.csv", successful);
  for (const std::string broken : {"", "{", "{\"hash\": 7}"}) {
    Write("job/job.json", broken);
    refused("job.json");
  }
  Write("job/job.json", job);
  EXPECT_EQ(Import("in.csv", "job", {"--resume"}), kExitOk) << err_;
  ExpectStored(Ids(2, rows));
}

TEST_P(CliImportJobTest, ASecondRunStoresNothingTwice) {
  const int rows = GetParam().batch_rows + 3;
  Write("in.csv", std::string(kHeader) + "\n" + Lines(1, rows));
  EXPECT_EQ(Import("in.csv", "job", {"--resume"}), kExitOk) << "--resume begins what is not there";
  EXPECT_THAT(out_, HasSubstr(Counts(rows, rows, 0, 0)));
  const std::vector<std::string> first_ids = world_.request_ids;
  EXPECT_EQ(Import("in.csv", "job", {"--resume"}), kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr(Counts(rows, rows, 0, 0))) << "of the whole import";
  EXPECT_EQ(world_.request_ids, first_ids) << "nothing was left to send";
  EXPECT_EQ(Import("in.csv", "other"), kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr(Counts(rows, 0, rows, 0)));
  EXPECT_EQ(Read("other/successful.csv"), Read("job/successful.csv"));
  ExpectStored(Ids(1, rows));
  // Batches have one id for the same rows of the same import; answers are known by their keys.
  if (GetParam().verb == std::string("responses")) return;
  ASSERT_EQ(world_.request_ids.size(), 4u);
  EXPECT_EQ(world_.request_ids[0], world_.request_ids[2]);
  EXPECT_EQ(world_.request_ids[1], world_.request_ids[3]);
  EXPECT_NE(world_.request_ids[0], world_.request_ids[1]);
  EXPECT_TRUE(world_.request_ids[0].starts_with("import-"));
  // Another file has other ids.
  Write("more.csv", std::string(kHeader) + "\n" + Lines(1, rows) + Line(rows + 1));
  EXPECT_EQ(Import("more.csv", "more"), kExitOk) << err_;
  EXPECT_NE(world_.request_ids[4], world_.request_ids[0]);
}

// Its files say what would become of each row, by the server's word, too; nothing is stored.
TEST_P(CliImportJobTest, ADryRunStoresNothing) {
  Write("in.csv", std::string(kHeader) + "\n" + Line(1) + ",north,3,2026-01-05,x\n" + Line(3) +
                      Line(4, "nowhere"));
  EXPECT_EQ(Import("in.csv", "dry", {"--dry-run"}), kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr(Counts(4, 2, 0, 2)));
  EXPECT_THAT(out_, HasSubstr("\"dryRun\": true"));
  EXPECT_EQ(Read("dry/successful.csv"), std::string(kBom) + kHeader + "\n" + Line(1) + Line(3));
  EXPECT_THAT(Read("dry/failed.csv"), HasSubstr(",3,ID,\"external_id: expected a value"));
  EXPECT_THAT(Read("dry/failed.csv"), HasSubstr("k4,nowhere,3,2026-01-05,text 4,5,UNIT,"));
  EXPECT_TRUE(world_.dry_run);
  ExpectStored({});
  EXPECT_EQ(Import("in.csv", "dry", {"--resume"}), kExitUsage) << "it was another import";
  EXPECT_EQ(Import("in.csv", "job"), kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr(Counts(4, 2, 0, 2)));
  EXPECT_FALSE(world_.dry_run);
  ExpectStored({"k1", "k3"});
}

// A file in UTF-16 with semicolons gives the same result files as one in UTF-8 with commas.
TEST_P(CliImportJobTest, ResultFilesAreUtf8WhateverTheFileIs) {
  std::string bytes = "\xFF\xFE";
  for (const char16_t unit : std::u16string(u"ID;UNIT;SCORE;WHEN;TEXT\nk1;north;3;2026-01-05;客户\n"
                                            u"k2;nowhere;3;2026-01-05;a,b\n")) {
    bytes += static_cast<char>(unit & 0xFF);
    bytes += static_cast<char>(unit >> 8);
  }
  Write("in.csv", bytes);
  EXPECT_EQ(Import("in.csv", "job"), kExitOk) << err_;
  EXPECT_EQ(Read("job/successful.csv"),
            std::string(kBom) + kHeader + "\nk1,north,3,2026-01-05,客户\n");
  EXPECT_THAT(Read("job/failed.csv"), HasSubstr("k2,nowhere,3,2026-01-05,\"a,b\",3,UNIT,"));
}

TEST_P(CliImportJobTest, ADirectoryThatCannotBeOneIsRefusedBeforeAnythingIsSent) {
  Write("in.csv", std::string(kHeader) + "\n" + Line(1));
  Write("file", "x");
  EXPECT_EQ(Import("in.csv", "file"), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("cannot make the directory"));
  std::filesystem::create_directories(Path("taken/failed.csv"));
  EXPECT_EQ(Import("in.csv", "taken"), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("cannot write into"));
  EXPECT_EQ(Import("in.csv", "job", {"--rejects", Path("r.csv")}), kExitUsage);
  EXPECT_EQ(world_.batches, 0);
}

}  // namespace
}  // namespace rebound::cli
