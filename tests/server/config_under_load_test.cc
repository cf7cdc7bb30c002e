// Configuration changes while calls come in, and over restarts: no call fails, each case keeps the
// revision it began with, a roll-back survives, a broken folder changes nothing.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include "rebound/v1/case_service.grpc.pb.h"
#include "rebound/v1/config_service.grpc.pb.h"
#include "rebound/v1/operations_service.grpc.pb.h"
#include "rebound/v1/response_service.grpc.pb.h"
#include "server/access/token.h"
#include "server/execute/revisions.h"
#include "server/server.h"
#include "server/storage/sqlite_store.h"
#include "server/storage/verify.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

namespace fs = std::filesystem;

constexpr int kCallers = 8;
constexpr int kReloads = 12;

// reboundd's own life: a store, the folder applied, a server; all of it again after a restart.
class ConfigUnderLoadTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "rebound-load-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    fs::copy(REBOUND_SOURCE_DIR "/config", config(), fs::copy_options::recursive);
    Start();
  }
  void TearDown() override {
    server_.reset();
    if (store_) {
      const VerifyReport report = Verify(*store_);
      EXPECT_TRUE(report.ok()) << (report.problems.empty() ? "" : report.problems.front());
    }
    store_.reset();
    fs::remove_all(root_);
  }

  fs::path config() const { return root_ / "config"; }
  std::string address() const { return "unix:" + (root_ / "socket").string(); }

  void Start() {
    store_ = SqliteStore::Open((root_ / "db").string());
    const AppliedConfig applied = ApplyFolder(*store_, config(), clock_.Now());
    ASSERT_NE(applied.revision, nullptr);
    if (token_.empty()) token_ = NewToken();
    store_->PutPrincipal({"admin", "admin", {}, false}, HashToken(token_));
    Server::Options options;
    options.listen = {address()};
    server_ = std::make_unique<Server>(*store_, clock_, applied.revision, options, [] {});
  }
  void Restart() {
    server_->Stop(std::chrono::seconds{10});
    server_.reset();
    store_.reset();
    Start();
  }

  // Rewrites programs.yaml with the first-contact limit of every program set to so many hours.
  void SetLimit(int hours) {
    std::ifstream in(REBOUND_SOURCE_DIR "/config/programs.yaml");
    std::ostringstream text;
    for (std::string line; std::getline(in, line);) {
      const size_t at = line.find("first_contact_limit:");
      if (at != std::string::npos && line.find('#') > at) {
        line = line.substr(0, at) + "first_contact_limit: " + std::to_string(hours) + " hours";
      }
      text << line << '\n';
    }
    std::ofstream(config() / "programs.yaml") << text.str();
  }
  void BreakFolder() { std::ofstream(config() / "programs.yaml", std::ios::app) << "  - id: [\n"; }

  std::vector<api::ConfigFile> Files() const {
    std::vector<api::ConfigFile> files;
    for (const auto& entry : fs::directory_iterator(config())) {
      if (entry.path().extension() != ".yaml") continue;
      api::ConfigFile& file = files.emplace_back();
      file.set_name(entry.path().filename().string());
      std::ostringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      file.set_text(text.str());
    }
    return files;
  }

  // One call, repeated with the same request while nobody listens, as any client does.
  template <typename Stub, typename Request, typename Response>
  grpc::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    for (;;) {
      grpc::ClientContext context;
      context.AddMetadata("authorization", "Bearer " + token_);
      context.set_wait_for_ready(true);
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(120));
      const grpc::Status status = (stub.*method)(&context, request, response);
      // gRPC cancels what a stopping server has received and not yet begun.
      if (status.error_code() != grpc::StatusCode::UNAVAILABLE &&
          status.error_code() != grpc::StatusCode::CANCELLED) {
        return status;
      }
      ++repeats_;
    }
  }

  std::shared_ptr<grpc::Channel> Channel() const {
    return grpc::CreateChannel(address(), grpc::InsecureChannelCredentials());
  }

  int64_t Apply() {
    api::ConfigService::Stub stub(Channel());
    api::ApplyConfigRequest request;
    request.set_request_id("apply-" + std::to_string(++next_));
    for (api::ConfigFile& file : Files()) *request.add_files() = std::move(file);
    api::ApplyConfigResponse response;
    const grpc::Status status =
        Call(stub, &api::ConfigService::Stub::ApplyConfig, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_TRUE(response.changed());
    return response.revision().number();
  }
  int64_t RollBack(int64_t number) {
    api::ConfigService::Stub stub(Channel());
    api::RollBackConfigRequest request;
    request.set_request_id("back-" + std::to_string(++next_));
    request.set_number(number);
    api::RollBackConfigResponse response;
    const grpc::Status status =
        Call(stub, &api::ConfigService::Stub::RollBackConfig, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.revision().number();
  }
  api::GetStatusResponse Status() {
    api::OperationsService::Stub stub(Channel());
    api::GetStatusResponse response;
    const grpc::Status status = Call(stub, &api::OperationsService::Stub::GetStatus, {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  // Opens cases and works them until told to stop; every call must succeed.
  void Load(int client) {
    const auto channel = Channel();
    api::ResponseService::Stub responses(channel);
    api::CaseService::Stub cases(channel);
    for (int n = 0; !stop_; ++n) {
      const std::string id = std::to_string(client) + "-" + std::to_string(n);
      api::SubmitResponseRequest submit;
      submit.set_request_id("submit-" + id);
      submit.mutable_response()->set_program_id("touchpoint");
      submit.mutable_response()->set_score(1);
      submit.mutable_response()->mutable_customer_key()->set_source_system("crm");
      submit.mutable_response()->mutable_customer_key()->set_external_id(id);
      api::SubmitResponseResponse submitted;
      Expect(Call(responses, &api::ResponseService::Stub::SubmitResponse, submit, &submitted));
      const std::string& case_id = submitted.response().paired_case_id();
      api::GetCaseRequest get;
      get.set_case_id(case_id);
      api::GetCaseResponse got;
      Expect(Call(cases, &api::CaseService::Stub::GetCase, get, &got));
      api::AssignCaseRequest assign;
      assign.set_request_id("assign-" + id);
      assign.set_case_id(case_id);
      assign.set_owner("admin");
      api::AssignCaseResponse assigned;
      Expect(Call(cases, &api::CaseService::Stub::AssignCase, assign, &assigned));
      std::lock_guard lock(mutex_);
      revision_of_[case_id] = got.case_().revision();
      if (got.case_().revision() != assigned.case_().revision()) {
        failures_.push_back(case_id + " changed its revision while it was worked");
      }
    }
  }
  void Expect(const grpc::Status& status) {
    ++calls_;
    if (status.ok()) return;
    std::lock_guard lock(mutex_);
    failures_.push_back(status.error_message());
  }

  fs::path root_;
  SystemClock clock_;
  std::string token_;
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<Server> server_;
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> calls_ = 0, repeats_ = 0;
  std::atomic<int> next_ = 0;
  std::mutex mutex_;
  std::map<std::string, int64_t> revision_of_;  // guarded by mutex_
  std::vector<std::string> failures_;           // guarded by mutex_
};

TEST_F(ConfigUnderLoadTest, ApplyingRollingBackReloadingAndRestartingFailNoCall) {
  std::vector<std::thread> clients;
  for (int i = 0; i < kCallers; ++i) clients.emplace_back([this, i] { Load(i); });
  std::set<int64_t> in_force;
  int64_t last = Status().revision();
  for (int round = 0; round < kReloads; ++round) {
    SetLimit(10 + round);
    const int64_t applied = Apply();
    EXPECT_GT(applied, last);
    EXPECT_EQ(Status().revision(), applied);
    const int64_t back = RollBack(last);
    EXPECT_GT(back, applied) << "a roll-back is a revision of its own";
    EXPECT_EQ(Status().revision(), back);
    if (round % 4 == 1) {
      BreakFolder();
      const AppliedConfig broken = server_->Reload(config());
      EXPECT_FALSE(broken.errors.empty());
      EXPECT_EQ(Status().revision(), back) << "a broken folder changes nothing";
      SetLimit(10 + round);
    }
    if (round % 4 == 3) {
      // The folder differs from what it was at the last start, so restore that state first: a
      // restart must then leave the roll-back alone.
      SetLimit(1000 + round);
      EXPECT_TRUE(server_->Reload(config()).stored);
      const int64_t reloaded = Status().revision();
      const int64_t again = RollBack(back);
      EXPECT_GT(again, reloaded);
      Restart();
      EXPECT_EQ(Status().revision(), again) << "the roll-back survives the restart";
      last = again;
    } else {
      last = back;
    }
    in_force.insert(last);
  }
  stop_ = true;
  for (std::thread& client : clients) client.join();

  EXPECT_TRUE(failures_.empty()) << failures_.size() << " of " << calls_
                                 << ", first: " << failures_.front();
  std::set<int64_t> seen;
  api::CaseService::Stub cases(Channel());
  for (const auto& [id, revision] : revision_of_) {
    api::GetCaseRequest get;
    get.set_case_id(id);
    api::GetCaseResponse got;
    ASSERT_TRUE(Call(cases, &api::CaseService::Stub::GetCase, get, &got).ok());
    EXPECT_EQ(got.case_().revision(), revision) << id;
    seen.insert(revision);
  }
  EXPECT_GT(seen.size(), 3U) << "the load met too few revisions to say anything";
}

}  // namespace
}  // namespace rebound::fixtures
