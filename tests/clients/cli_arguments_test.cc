// What the command line makes of its arguments: usage faults, help, and the requests that reach a
// server, here a fake of the API that notes what it is asked.
#include <google/protobuf/text_format.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "clients/cli/call.h"
#include "clients/cli/cli.h"
#include "clients/cli/output.h"
#include "rebound/v1/case_service.grpc.pb.h"
#include "rebound/v1/customer_service.grpc.pb.h"
#include "rebound/v1/report_service.grpc.pb.h"
#include "rebound/v1/response_service.grpc.pb.h"

namespace rebound::cli {
namespace {

struct Outcome {
  int code = 0;
  std::string out{};
  std::string err{};
};

Outcome RunLine(std::vector<const char*> arguments, const Surroundings& surroundings = {}) {
  arguments.insert(arguments.begin(), "rebound");
  std::ostringstream out;
  std::ostringstream err;
  Outcome outcome;
  outcome.code =
      RunCli(static_cast<int>(arguments.size()), arguments.data(), out, err, surroundings);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

TEST(CliArgumentsTest, WrongUsageEndsWithTwoAndSaysWhatWasExpected) {
  struct Row {
    std::vector<const char*> arguments;
    const char* said;
  };
  for (const Row& row : {
           Row{{}, "subcommand is required"},
           Row{{"caes", "list"}, "unknown command \"caes\"; did you mean cases?"},
           Row{{"cases", "shw"}, "unknown command \"shw\"; did you mean show?"},
           Row{{"cases", "show"}, "case is required"},
           Row{{"cases", "list", "--limt", "3"}, "--limt"},
           Row{{"cases", "list", "--limit", "0"}, "--limit"},
           Row{{"cases", "list", "--limit", "3", "--all"}, "--all excludes --limit"},
           Row{{"cases", "list", "-o", "xml"}, "xml"},
           Row{{"cases", "attempt", "C-1", "--channel", "fone", "--outcome", "reached"},
               "did you mean phone?"},
           Row{{"cases", "attempt", "C-1", "--channel", "phone"}, "--outcome is required"},
           Row{{"cases", "assign", "C-1"}, "--owner"},
           Row{{"cases", "assign", "C-1", "--owner", "anna", "--unassign"}, "--owner"},
           Row{{"cases", "commit", "C-1", "--promise", "x", "--due", "soon"}, "--due: expected"},
           Row{{"cases", "remedy", "C-1", "--kind", "refund", "--state", "offered", "--amount",
                "CNY 1.234"},
               "at most 2 decimals"},
           Row{{"cases", "open", "--program", "p", "--severity", "9"}, "--severity"},
           Row{{"cases", "resolve", "C-1", "--result", "resolved", "--root-cause", "x", "--action",
                "y", "--customer-accepts", "maybe"},
               "--customer-accepts"},
           Row{{"cases", "reopen", "C-1"}, "--note is required"},
           Row{{"cases", "return", "C-1"}, "--reason is required"},
           Row{{"cases", "settle", "C-1", "--kept", "--broken"}, "--kept"},
           Row{{"cases", "assist", "C-1", "--to", "billing"}, "--request"},
           Row{{"cases", "assist", "C-1", "--to", "billing", "--id", "h", "--answer", "x"},
               "--to excludes --id"},
           Row{{"cases", "extend", "C-1", "--clock", "remedi", "--by", "1h", "--reason", "x"},
               "did you mean remedy?"},
           Row{{"cases", "extend", "C-1", "--clock", "remedy", "--by", "soon", "--reason", "x"},
               "expected 30m, 4h or 2d"},
           Row{{"cases", "extend", "C-1", "--clock", "remedy", "--by", "1h", "--days", "2",
                "--reason", "x"},
               "--by"},
           Row{{"cases", "decide-extension", "C-1"}, "--grant"},
           Row{{"cases", "verify", "C-1", "--contacted", "yes", "--solved", "yes"},
               "--accepted is required"},
           Row{{"cases", "verify", "C-1", "--contacted", "maybe", "--solved", "yes", "--accepted",
                "yes"},
               "--contacted"},
           Row{{"blacklist", "propose", "crm:1", "--kind", "nogoodwill"},
               "did you mean no_goodwill?"},
           Row{{"blacklist", "appeal", "B-1", "--words", "x", "--evidence", "a chair"},
               "expected TIME[@CASE]=WHAT"},
           Row{{"blacklist", "decide", "B-1", "--note", "x"}, "--activate"},
           Row{{"blacklist", "decide", "B-1", "--activate", "--reject", "--note", "x"}, "--reject"},
           Row{{"blacklist", "lift", "B-1"}, "--note is required"},
           Row{{"blacklist", "list", "--state", "activ"}, "did you mean active?"},
           Row{{"blacklist", "notice", "B-1"}, "--notice is required"},
           Row{{"blacklist", "notice", "B-1", "--notice", "warnin"}, "did you mean warning?"},
           Row{{"config", "validate", "no-such-folder"}, "no-such-folder"},
           Row{{"config", "rollback"}, "revision is required"},
           Row{{"config", "lifecycle", "-o", "png"}, "png"},
           Row{{"rules", "fmt", "score <= 3"}, "--as is required"},
           Row{{"customers", "upsert", "88", "--set", "name=x"}, "expected SOURCE:KEY"},
           Row{{"customers", "upsert", "crm:88", "--set", "name"}, "expected NAME=VALUE"},
           Row{{"customers", "upsert", "crm:88", "--set", "nmae=x"}, "did you mean name?"},
           Row{{"customers", "consent", "crm:88"}, "--do-not-contact"},
           Row{{"customers", "export"}, "customer is required"},
           Row{{"customers", "unmask", "crm:88"}, "--reason is required"},
           Row{{"cases", "unmask", "C-1", "--reason", "contct"}, "did you mean contact?"},
           Row{{"customers", "export", "crm:88", "-o", "csv"}, "csv"},
           Row{{"responses", "submit", "--program", "p"}, "--score is required"},
           Row{{"responses", "submit", "--program", "p", "--score", "6.877"}, "6.877"},
           Row{{"responses", "submit", "--program", "p", "--score", "NaN"}, "NaN"},
           Row{{"responses", "submit", "--program", "p", "--score", "3", "--item", "ease=x"},
               "--item ease"},
           Row{{"report", "recovery"}, "--program is required"},
           Row{{"report", "recovery", "--program", "p", "--cohort", "first-answer"},
               "only with --unit customer"},
           Row{{"report", "nps", "--as-of", "31.1.2026"}, "--as-of"},
           Row{{"import", "responses", "no.csv", "--map", "no.yaml"}, "no.yaml"},
           Row{{"import", "responses", "x.csv", "--map", "x.yaml", "--encoding", "latin1"},
               "gb18030"},
           Row{{"import", "responses", "x.csv", "--map", "x.yaml", "--delimiter", "#"},
               "semicolon"},
           Row{{"--token", "a\nb", "status"}, "printable ASCII"},
           Row{{"--token-file", "no-such-file", "status"}, "no-such-file"},
           Row{{"help", "nothing"}, "nothing"},
       }) {
    const Outcome outcome = RunLine(row.arguments);
    const std::string line = row.arguments.empty() ? "" : row.arguments.back();
    EXPECT_EQ(outcome.code, kExitUsage) << line;
    EXPECT_NE(outcome.err.find(row.said), std::string::npos) << line << ": " << outcome.err;
    EXPECT_EQ(outcome.out, "") << line;
  }
}

TEST(CliArgumentsTest, FaultsOfUsageAreJsonWhenJsonIsAskedFor) {
  const Outcome outcome = RunLine(
      {"cases", "attempt", "C-1", "--channel", "fone", "--outcome", "reached", "-o", "json"});
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_EQ(outcome.err.front(), '{') << outcome.err;
  EXPECT_NE(outcome.err.find("\"exitCode\": 2"), std::string::npos) << outcome.err;
}

TEST(CliArgumentsTest, HelpAndVersionGoToStdout) {
  EXPECT_EQ(RunLine({"--version"}).out, "rebound " + std::string(kVersion) + "\n");
  EXPECT_NE(RunLine({"help", "exit-codes"}).out.find("130  interrupted"), std::string::npos);
  for (const char* topic : {"environment", "output", "mapping"}) {
    EXPECT_EQ(RunLine({"help", topic}).code, kExitOk) << topic;
  }
  EXPECT_NE(RunLine({"help", "cases", "attempt"}).out.find("rebound cases attempt"),
            std::string::npos);
  EXPECT_NE(RunLine({"help"}).out.find("Subcommands:"), std::string::npos);
  const Outcome help = RunLine({"cases", "list", "--help"});
  EXPECT_EQ(help.code, kExitOk);
  EXPECT_NE(help.out.find("Example:"), std::string::npos);
  EXPECT_EQ(help.err, "");
}

TEST(CliArgumentsTest, TheVersionIsTheProjects) {
  std::ifstream in(std::string(REBOUND_SOURCE_DIR) + "/CMakeLists.txt");
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_NE(text.str().find("project(rebound VERSION " + std::string(kVersion) + " "),
            std::string::npos);
}

// ---- Requests

// Notes each request as text on one line, and the bearer token.
struct Notes {
  std::vector<std::string> requests{};
  std::string token{};

  template <class Request>
  void Add(const grpc::ServerContext& context, const Request& request) {
    google::protobuf::TextFormat::Printer printer;
    printer.SetSingleLineMode(true);
    printer.SetUseUtf8StringEscaping(true);
    std::string text;
    printer.PrintToString(request, &text);
    if (text.ends_with(' ')) text.pop_back();
    requests.push_back(std::move(text));
    const auto it = context.client_metadata().find("authorization");
    if (it != context.client_metadata().end()) token = {it->second.data(), it->second.size()};
  }
};

class FakeCases : public v1::CaseService::Service {
 public:
  explicit FakeCases(Notes* notes) : notes_(notes) {}

  grpc::Status GetCase(grpc::ServerContext* context, const v1::GetCaseRequest* request,
                       v1::GetCaseResponse* reply) override {
    notes_->Add(*context, *request);
    if (request->case_id() == "C-404") return {grpc::StatusCode::NOT_FOUND, "no such case"};
    reply->mutable_case_()->set_number(request->case_id());
    reply->mutable_case_()->set_etag("\"9\"");
    // C-2 has one of each that waits, C-3 two.
    const int waiting = request->case_id() == "C-2" ? 1 : request->case_id() == "C-3" ? 2 : 0;
    for (int i = 0; i < waiting; ++i) {
      v1::Commitment* commitment = reply->mutable_case_()->add_commitments();
      commitment->set_id("p" + std::to_string(i));
      commitment->set_state(v1::COMMITMENT_STATE_PENDING);
      v1::Extension* extension = reply->mutable_case_()->add_extensions();
      extension->set_id("x" + std::to_string(i));
      extension->set_state(v1::EXTENSION_STATE_REQUESTED);
    }
    return grpc::Status::OK;
  }
  grpc::Status ListCases(grpc::ServerContext* context, const v1::ListCasesRequest* request,
                         v1::ListCasesResponse* reply) override {
    notes_->Add(*context, *request);
    const int first = request->page_token().empty() ? 0 : std::stoi(request->page_token());
    const int last = std::min(first + std::min(request->page_size(), 2), 5);
    for (int i = first; i < last; ++i) reply->add_cases()->set_number("C-" + std::to_string(i));
    if (last < 5) reply->set_next_page_token(std::to_string(last));
    return grpc::Status::OK;
  }
  grpc::Status LogAttempt(grpc::ServerContext* context, const v1::LogAttemptRequest* request,
                          v1::LogAttemptResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status MakeCommitment(grpc::ServerContext* context,
                              const v1::MakeCommitmentRequest* request,
                              v1::MakeCommitmentResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status RemedyCase(grpc::ServerContext* context, const v1::RemedyCaseRequest* request,
                          v1::RemedyCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status ResolveCase(grpc::ServerContext* context, const v1::ResolveCaseRequest* request,
                           v1::ResolveCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status CloseCase(grpc::ServerContext* context, const v1::CloseCaseRequest* request,
                         v1::CloseCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status AssignCase(grpc::ServerContext* context, const v1::AssignCaseRequest* request,
                          v1::AssignCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status OpenCase(grpc::ServerContext* context, const v1::OpenCaseRequest* request,
                        v1::OpenCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status DispatchCase(grpc::ServerContext* context, const v1::DispatchCaseRequest* request,
                            v1::DispatchCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status AcceptCase(grpc::ServerContext* context, const v1::AcceptCaseRequest* request,
                          v1::AcceptCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status ReturnCase(grpc::ServerContext* context, const v1::ReturnCaseRequest* request,
                          v1::ReturnCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status SettleCommitment(grpc::ServerContext* context,
                                const v1::SettleCommitmentRequest* request,
                                v1::SettleCommitmentResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status CompleteStep(grpc::ServerContext* context, const v1::CompleteStepRequest* request,
                            v1::CompleteStepResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status PauseCase(grpc::ServerContext* context, const v1::PauseCaseRequest* request,
                         v1::PauseCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status ResumeCase(grpc::ServerContext* context, const v1::ResumeCaseRequest* request,
                          v1::ResumeCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status ChaseCase(grpc::ServerContext* context, const v1::ChaseCaseRequest* request,
                         v1::ChaseCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status SuperviseCase(grpc::ServerContext* context, const v1::SuperviseCaseRequest* request,
                             v1::SuperviseCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status AssistCase(grpc::ServerContext* context, const v1::AssistCaseRequest* request,
                          v1::AssistCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status ExtendCase(grpc::ServerContext* context, const v1::ExtendCaseRequest* request,
                          v1::ExtendCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status DecideExtension(grpc::ServerContext* context,
                               const v1::DecideExtensionRequest* request,
                               v1::DecideExtensionResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status EscalateCase(grpc::ServerContext* context, const v1::EscalateCaseRequest* request,
                            v1::EscalateCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status VerifyCase(grpc::ServerContext* context, const v1::VerifyCaseRequest* request,
                          v1::VerifyCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status MoveCase(grpc::ServerContext* context, const v1::MoveCaseRequest* request,
                        v1::MoveCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status WithdrawCase(grpc::ServerContext* context, const v1::WithdrawCaseRequest* request,
                            v1::WithdrawCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status ProposeVerdict(grpc::ServerContext* context,
                              const v1::ProposeVerdictRequest* request,
                              v1::ProposeVerdictResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status DecideVerdict(grpc::ServerContext* context, const v1::DecideVerdictRequest* request,
                             v1::DecideVerdictResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status FindLiability(grpc::ServerContext* context, const v1::FindLiabilityRequest* request,
                             v1::FindLiabilityResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status AppealLiability(grpc::ServerContext* context,
                               const v1::AppealLiabilityRequest* request,
                               v1::AppealLiabilityResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status DecideAppeal(grpc::ServerContext* context, const v1::DecideAppealRequest* request,
                            v1::DecideAppealResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status MergeCase(grpc::ServerContext* context, const v1::MergeCaseRequest* request,
                         v1::MergeCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status UnmergeCase(grpc::ServerContext* context, const v1::UnmergeCaseRequest* request,
                           v1::UnmergeCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status LinkCase(grpc::ServerContext* context, const v1::LinkCaseRequest* request,
                        v1::LinkCaseResponse* reply) override {
    return Change(context, request, reply);
  }
  grpc::Status MigrateCase(grpc::ServerContext* context, const v1::MigrateCaseRequest* request,
                           v1::MigrateCaseResponse* reply) override {
    return Change(context, request, reply);
  }

 private:
  template <class Request, class Reply>
  grpc::Status Change(const grpc::ServerContext* context, const Request* request, Reply* reply) {
    notes_->Add(*context, *request);
    reply->mutable_case_()->set_number("C-1");
    reply->mutable_case_()->set_status("contacted");
    return grpc::Status::OK;
  }

  Notes* notes_;
};

class FakeCustomers : public v1::CustomerService::Service {
 public:
  explicit FakeCustomers(Notes* notes) : notes_(notes) {}

  grpc::Status GetCustomer(grpc::ServerContext*, const v1::GetCustomerRequest*,
                           v1::GetCustomerResponse* reply) override {
    reply->mutable_customer()->set_id("cust88");
    return grpc::Status::OK;
  }
  grpc::Status SetCustomerConsent(grpc::ServerContext* context,
                                  const v1::SetCustomerConsentRequest* request,
                                  v1::SetCustomerConsentResponse* reply) override {
    notes_->Add(*context, *request);
    reply->mutable_customer()->set_id(request->customer_id());
    return grpc::Status::OK;
  }

  // An export of "cust-broken" ends before its summary.
  grpc::Status ExportCustomer(grpc::ServerContext* context,
                              const v1::ExportCustomerRequest* request,
                              grpc::ServerWriter<v1::ExportCustomerResponse>* writer) override {
    notes_->Add(*context, *request);
    v1::ExportCustomerResponse item;
    item.mutable_customer()->set_id(request->customer_id());
    writer->Write(item);
    if (request->customer_id() == "cust-broken") return grpc::Status::OK;
    item.mutable_summary()->set_customer_count(1);
    writer->Write(item);
    return grpc::Status::OK;
  }

 private:
  Notes* notes_;
};

class FakeResponses : public v1::ResponseService::Service {
 public:
  explicit FakeResponses(Notes* notes) : notes_(notes) {}

  grpc::Status SubmitResponse(grpc::ServerContext* context,
                              const v1::SubmitResponseRequest* request,
                              v1::SubmitResponseResponse* reply) override {
    notes_->Add(*context, *request);
    *reply->mutable_response() = request->response();
    return grpc::Status::OK;
  }

 private:
  Notes* notes_;
};

class FakeReports : public v1::ReportService::Service {
 public:
  explicit FakeReports(Notes* notes) : notes_(notes) {}

  grpc::Status GetRecoveryReport(grpc::ServerContext* context,
                                 const v1::GetRecoveryReportRequest* request,
                                 v1::GetRecoveryReportResponse*) override {
    notes_->Add(*context, *request);
    return grpc::Status::OK;
  }

 private:
  Notes* notes_;
};

class CliRequestsTest : public testing::Test {
 protected:
  CliRequestsTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&cases_);
    builder.RegisterService(&customers_);
    builder.RegisterService(&responses_);
    builder.RegisterService(&reports_);
    server_ = builder.BuildAndStart();
    surroundings_.variables["REBOUND_SERVER"] = "127.0.0.1:" + std::to_string(port);
    surroundings_.variables["REBOUND_TOKEN"] = "from-environment";
  }

  Outcome Call(const std::vector<const char*>& arguments) {
    notes_.requests.clear();
    return RunLine(arguments, surroundings_);
  }

  Notes notes_;
  FakeCases cases_{&notes_};
  FakeCustomers customers_{&notes_};
  FakeResponses responses_{&notes_};
  FakeReports reports_{&notes_};
  std::unique_ptr<grpc::Server> server_;
  Surroundings surroundings_;
};

TEST_F(CliRequestsTest, WhatTheCaseAlreadySaysNeedNotBeTyped) {
  ASSERT_EQ(Call({"cases", "decide-extension", "C-2", "--grant", "--request-id", "r"}).code,
            kExitOk);
  EXPECT_EQ(notes_.requests.back(),
            R"(request_id: "r" case_id: "C-2" extension_id: "x0" grant: true etag: "\"9\"")");
  ASSERT_EQ(Call({"cases", "settle", "C-2", "--kept", "--request-id", "r"}).code, kExitOk);
  EXPECT_EQ(notes_.requests.back(),
            R"(request_id: "r" case_id: "C-2" commitment_id: "p0" state: COMMITMENT_STATE_KEPT)");
  ASSERT_EQ(Call({"cases", "withdraw", "C-2", "--note", "n", "--request-id", "r"}).code, kExitOk);
  EXPECT_EQ(notes_.requests.back(), R"(request_id: "r" case_id: "C-2" note: "n" etag: "\"9\"")");
  for (const char* number : {"C-1", "C-3"}) {
    const Outcome none = Call({"cases", "decide-extension", number, "--grant"});
    EXPECT_EQ(none.code, kExitUsage);
    EXPECT_NE(none.err.find("name it with --id"), std::string::npos) << none.err;
    EXPECT_EQ(Call({"cases", "settle", number, "--kept"}).code, kExitUsage);
    EXPECT_EQ(notes_.requests.size(), 1u) << "read, and nothing sent";
  }
}

TEST_F(CliRequestsTest, ArgumentsBecomeTheRequest) {
  struct Row {
    std::vector<const char*> arguments;
    const char* request;
  };
  for (const Row& row : {
           Row{{"cases", "assign", "C-1", "--unassign", "--queue", "q", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" queue_id: "q")"},
           Row{{"cases", "attempt", "C-1", "--channel", "phone", "--outcome", "no-answer", "--at",
                "2026-01-31T08:00:00Z", "--note", "没人接", "--etag", "\"4\"", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" attempt { channel: CHANNEL_PHONE )"
               R"(direction: DIRECTION_OUTBOUND outcome: ATTEMPT_OUTCOME_NO_ANSWER note: "没人接" )"
               R"(occur_time { seconds: 1769846400 } } etag: "\"4\"")"},
           Row{{"cases", "attempt", "C-1", "--channel", "sms", "--outcome", "reached", "--inbound",
                "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" attempt { channel: CHANNEL_SMS )"
               R"(direction: DIRECTION_INBOUND outcome: ATTEMPT_OUTCOME_REACHED })"},
           Row{{"cases", "commit", "C-1", "--promise", "p", "--due", "2026-02-01", "--request-id",
                "r"},
               R"(request_id: "r" case_id: "C-1" commitment { promise: "p" )"
               R"(due_time { seconds: 1769904000 } })"},
           Row{{"cases", "remedy", "C-1", "--kind", "voucher", "--state", "delivered", "--amount",
                "CNY 20.00", "--id", "r1", "--statutory", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" remedy { id: "r1" kind: REMEDY_KIND_VOUCHER )"
               R"(amount { amount_minor: 2000 currency_code: "CNY" } )"
               R"(state: REMEDY_STATE_DELIVERED statutory: true })"},
           Row{{"cases", "resolve", "C-1", "--result", "resolved", "--root-cause", "billing",
                "--action", "paid back", "--customer-accepts", "no", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" handling_result: HANDLING_RESULT_RESOLVED )"
               R"(root_cause: "billing" action_taken: "paid back" customer_accepts: false)"},
           Row{{"cases", "dispatch", "C-1", "--owner", "li", "--queue", "q", "--org-unit", "u/1",
                "--note", "theirs", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" owner: "li" queue_id: "q" org_unit_id: "u/1" )"
               R"(note: "theirs")"},
           Row{{"cases", "accept", "C-1", "--etag", "\"4\"", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" etag: "\"4\"")"},
           Row{{"cases", "return", "C-1", "--reason", "wrong_unit", "--queue", "q", "--request-id",
                "r"},
               R"(request_id: "r" case_id: "C-1" reason: "wrong_unit" queue_id: "q")"},
           Row{{"cases", "settle", "C-1", "--id", "p7", "--broken", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" commitment_id: "p7" )"
               R"(state: COMMITMENT_STATE_BROKEN)"},
           Row{{"cases", "pause", "C-1", "--reason", "customer_away", "--note", "n", "--request-id",
                "r"},
               R"(request_id: "r" case_id: "C-1" reason: "customer_away" note: "n")"},
           Row{{"cases", "step", "C-1", "check-bill", "--done", "--result", "wrong", "--request-id",
                "r"},
               R"(request_id: "r" case_id: "C-1" step_id: "check-bill" state: STEP_STATE_DONE )"
               R"(result: "wrong")"},
           Row{{"cases", "step", "C-1", "call", "--skip", "--note", "只写信", "--etag", "\"4\"",
                "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" step_id: "call" state: STEP_STATE_SKIPPED )"
               R"(note: "只写信" etag: "\"4\"")"},
           Row{{"cases", "step", "C-1", "care", "--failed", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" step_id: "care" state: STEP_STATE_FAILED)"},
           Row{{"cases", "resume", "C-1", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1")"},
           Row{{"cases", "chase", "C-1", "--channel", "phone", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" channel: CHANNEL_PHONE)"},
           Row{{"cases", "supervise", "C-1", "--note", "每日报告", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" note: "每日报告")"},
           Row{{"cases", "assist", "C-1", "--to", "billing", "--request", "why?", "--request-id",
                "r"},
               R"(request_id: "r" case_id: "C-1" assistant: "billing" text: "why?")"},
           Row{{"cases", "assist", "C-1", "--id", "h1", "--answer", "so", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" assist_id: "h1" text: "so")"},
           Row{{"cases", "extend", "C-1", "--clock", "remedy", "--by", "4h", "--reason", "parts",
                "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" clock: CLOCK_KIND_REMEDY )"
               R"(amount { time { seconds: 14400 } } reason: "parts")"},
           Row{{"cases", "extend", "C-1", "--clock", "verification", "--days", "2", "--reason",
                "parts", "--generation", "3", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" clock: CLOCK_KIND_VERIFICATION generation: 3 )"
               R"(amount { days: 2 } reason: "parts")"},
           Row{{"cases", "decide-extension", "C-1", "--id", "x7", "--refuse", "--etag", "\"4\"",
                "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" extension_id: "x7" grant: false )"
               R"(etag: "\"4\"")"},
           Row{{"cases", "escalate", "C-1", "--note", "n", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" note: "n")"},
           Row{{"cases", "verify", "C-1", "--contacted", "yes", "--solved", "no", "--accepted",
                "no", "--note", "leaks", "--etag", "\"4\"", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" verification { contacted: true solved: false )"
               R"(accepted: false note: "leaks" } etag: "\"4\"")"},
           Row{{"cases", "move", "C-1", "--to", "verifying", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" status: "verifying")"},
           Row{{"cases", "withdraw", "C-1", "--note", "n", "--etag", "\"4\"", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" note: "n" etag: "\"4\"")"},
           Row{{"cases", "migrate", "C-1", "--revision", "8", "--status", "open", "--etag", "\"4\"",
                "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" revision: 8 status: "open" etag: "\"4\"")"},
           Row{{"cases", "close", "C-1", "--etag", "\"4\"", "--declined", "--request-id", "r"},
               R"(request_id: "r" case_id: "C-1" etag: "\"4\"" customer_declined: true)"},
           Row{{"cases", "open", "--program", "p", "--customer", "crm:88", "--severity", "3",
                "--request", "退款", "--complaint", "--request-id", "r"},
               R"(request_id: "r" case { program_id: "p" customer_id: "cust88" )"
               R"(origin: CASE_ORIGIN_COMPLAINT severity: 3 customer_request: "退款" })"},
           Row{{"customers", "consent", "crm:88", "--do-not-contact", "false", "--deny", "survey",
                "--channel", "sms", "--request-id", "r"},
               R"(request_id: "r" customer_id: "cust88" do_not_contact: false )"
               R"(consents { channel: CHANNEL_SMS purpose: CONSENT_PURPOSE_SURVEY })"},
           Row{{"responses", "submit", "--program", "p", "--score", "0", "--customer", "crm:88",
                "--item", "ease=-4", "--attribute", "store=S=1", "--request-id", "r"},
               R"(request_id: "r" response { program_id: "p" )"
               R"(customer_key { source_system: "crm" external_id: "88" } score: 0 )"
               R"(items { key: "ease" score: -4 } attributes { key: "store" value: "S=1" } })"},
           Row{{"report", "recovery", "--program", "p", "--unit", "customer", "--cohort",
                "first-answer", "--as-of", "2026-01-31"},
               R"(scope { program_id: "p" as_of { seconds: 1769817600 } } )"
               R"(unit: RECOVERY_UNIT_CUSTOMER)"},
       }) {
    const Outcome outcome = Call(row.arguments);
    EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
    ASSERT_EQ(notes_.requests.size(), 1u) << row.request;
    EXPECT_EQ(notes_.requests.front(), row.request);
  }
}

TEST_F(CliRequestsTest, AChangeWithoutARequestIdGetsAFreshOne) {
  Call({"cases", "assign", "C-1", "--owner", "anna"});
  const std::vector<std::string> first = notes_.requests;
  Call({"cases", "assign", "C-1", "--owner", "anna"});
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first.front().substr(0, 13), "request_id: \"");
  EXPECT_NE(first, notes_.requests);
}

// The verbs that end something had no --lease of their own.
TEST_F(CliRequestsTest, VerbsOnACaseGoByALeaseAndAnEtag) {
  using Words = std::vector<const char*>;
  for (const Words& verb : std::vector<Words>{
           {"assign", "C-1", "--owner", "anna"},
           {"step", "C-1", "call", "--done"},
           {"settle", "C-1", "--id", "x", "--kept"},
           {"verify", "C-1", "--contacted", "yes", "--solved", "yes", "--accepted", "yes"},
           {"close", "C-1"},
           {"withdraw", "C-1", "--note", "n"},
           {"migrate", "C-1"},
           {"merge", "C-1", "--into", "C-2"},
           {"unmerge", "C-1", "--note", "n"},
           {"link", "C-1", "C-2", "--kind", "related"},
           {"decide-extension", "C-1", "--id", "x", "--grant"},
           {"verdict", "propose", "C-1", "--kind", "invalid"},
           {"verdict", "decide", "C-1", "--id", "x", "--grant"},
           {"liability", "find", "C-1", "--liability", "none"},
           {"liability", "appeal", "C-1", "--note", "n"},
           {"liability", "decide", "C-1", "--uphold", "--note", "n"}}) {
    Words words = {"cases"};
    words.insert(words.end(), verb.begin(), verb.end());
    words.insert(words.end(), {"--lease", "7", "--etag", "\"4\""});
    const Outcome outcome = Call(words);
    EXPECT_EQ(outcome.code, kExitOk) << verb[0] << outcome.err;
    ASSERT_EQ(notes_.requests.size(), 1U) << verb[0];
    EXPECT_NE(notes_.requests[0].find("lease_number: 7"), std::string::npos) << notes_.requests[0];
    EXPECT_NE(notes_.requests[0].find(R"(etag: "\"4\"")"), std::string::npos);
  }
}

TEST_F(CliRequestsTest, ClosingWithoutAnEtagReadsTheCaseFirst) {
  const Outcome outcome = Call({"cases", "close", "C-1", "--request-id", "r"});
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
  EXPECT_EQ(notes_.requests,
            (std::vector<std::string>{R"(case_id: "C-1")",
                                      R"(request_id: "r" case_id: "C-1" etag: "\"9\"")"}));
}

TEST_F(CliRequestsTest, ListsFollowPagesUpToTheLimit) {
  const Outcome limited = Call({"cases", "list", "--limit", "3", "--filter", "severity >= 3",
                                "--queue", "a\"b", "-o", "csv"});
  EXPECT_EQ(limited.code, kExitOk) << limited.err;
  EXPECT_EQ(notes_.requests,
            (std::vector<std::string>{
                R"(filter: "queue = \"a\\\"b\" AND severity >= 3" page_size: 3)",
                R"(filter: "queue = \"a\\\"b\" AND severity >= 3" page_size: 1 page_token: "2")"}));
  EXPECT_EQ(std::count(limited.out.begin(), limited.out.end(), '\n'), 4);
  const Outcome all = Call({"cases", "list", "--all"});
  EXPECT_NE(all.out.find("C-4"), std::string::npos);
  EXPECT_EQ(all.err, "");
  const Outcome some = Call({"cases", "list", "--limit", "4"});
  EXPECT_EQ(some.out.find("C-4"), std::string::npos);
  EXPECT_NE(some.err.find("There are more"), std::string::npos);
}

TEST_F(CliRequestsTest, TheTokenComesFromTheOptionTheFileOrTheEnvironment) {
  Call({"cases", "show", "C-1"});
  EXPECT_EQ(notes_.token, "Bearer from-environment");
  Call({"cases", "show", "C-1", "--token", "given"});
  EXPECT_EQ(notes_.token, "Bearer given");
  const std::string path = testing::TempDir() + "cli_token";
  std::ofstream(path) << "in-file\r\nrest";
  Call({"--token-file", path.c_str(), "cases", "show", "C-1"});
  EXPECT_EQ(notes_.token, "Bearer in-file");
  std::filesystem::remove(path);
}

TEST_F(CliRequestsTest, ExitCodesFollowTheServersAnswer) {
  const Outcome missing = Call({"cases", "show", "C-404"});
  EXPECT_EQ(missing.code, kExitNotFound);
  EXPECT_EQ(missing.out, "");
  EXPECT_EQ(missing.err, "error: no such case\n");
  EXPECT_EQ(Call({"cases", "next"}).code, kExitFailed) << "UNIMPLEMENTED";
  surroundings_.variables["LANG"] = "zh_CN.UTF-8";
  EXPECT_EQ(Call({"cases", "show", "C-404"}).err, "错误: no such case\n");
  EXPECT_EQ(Call({"cases", "show", "C-404", "--lang", "en"}).err, "error: no such case\n");
  server_->Shutdown();
  EXPECT_EQ(Call({"cases", "show", "C-1", "--lang", "en"}).code, kExitUnavailable);
}

TEST_F(CliRequestsTest, JsonIsTheReplyAndAListIsAnArray) {
  EXPECT_EQ(Call({"cases", "show", "C-1", "-o", "json"}).out,
            "{\n \"case\": {\n  \"number\": \"C-1\",\n  \"etag\": \"\\\"9\\\"\"\n }\n}\n");
  EXPECT_EQ(Call({"cases", "list", "--limit", "1", "-o", "json"}).out,
            "[\n{\n \"number\": \"C-0\"\n}\n]\n");
}

TEST_F(CliRequestsTest, AnExportIsJsonLinesAndAFileAppearsOnceItIsWhole) {
  const std::string lines =
      "{\"customer\":{\"id\":\"cust88\"}}\n{\"summary\":{\"customerCount\":\"1\"}}\n";
  const Outcome shown = Call({"customers", "export", "crm:88"});
  EXPECT_EQ(shown.code, kExitOk) << shown.err;
  EXPECT_EQ(shown.out, lines);
  EXPECT_NE(shown.err.find("1 records"), std::string::npos) << shown.err;
  EXPECT_EQ(notes_.requests,
            (std::vector<std::string>{R"(customer_id: "cust88" reason: "access_request")"}));

  const std::string path = testing::TempDir() + "cli_export.jsonl";
  std::filesystem::remove(path);
  EXPECT_EQ(Call({"customers", "export", "cust-broken", "--file", path.c_str()}).code, kExitFailed);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(path + ".part"));

  const Outcome kept = Call({"customers", "export", "crm:88", "--file", path.c_str()});
  EXPECT_EQ(kept.code, kExitOk) << kept.err;
  EXPECT_EQ(kept.out, "");
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), lines);
  using Perms = std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(path).permissions(), Perms::owner_read | Perms::owner_write);
  std::filesystem::remove(path);
}

TEST_F(CliRequestsTest, AUnixSocketIsAnAddress) {
  const std::string path = testing::TempDir() + "cli_socket";
  std::filesystem::remove(path);
  grpc::ServerBuilder builder;
  FakeCases cases(&notes_);
  builder.AddListeningPort("unix:" + path, grpc::InsecureServerCredentials());
  builder.RegisterService(&cases);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const std::string address = "unix:" + path;
  const Outcome outcome = Call({"--server", address.c_str(), "cases", "show", "C-1"});
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
}

}  // namespace
}  // namespace rebound::cli
