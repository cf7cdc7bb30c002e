#include "clients/cli/call.h"

#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/clients/cli_golden.h"

namespace rebound::cli {
namespace {

// A refusal as the server sends it.
class Refusal {
 public:
  Refusal(grpc::StatusCode code, const std::string& message, const std::string& zh,
          const std::string& reason, const std::map<std::string, std::string>& metadata)
      : code_(code), message_(message) {
    google::rpc::ErrorInfo info;
    info.set_reason(reason);
    info.set_domain("rebound");
    info.mutable_metadata()->insert(metadata.begin(), metadata.end());
    Add(info);
    Localize("en", message);
    Localize("zh-CN", zh);
  }

  void Add(const google::protobuf::Message& detail) { details_.add_details()->PackFrom(detail); }

  grpc::Status Status() const {
    google::rpc::Status details = details_;
    details.set_code(code_);
    details.set_message(message_);
    return {code_, message_, details.SerializeAsString()};
  }

 private:
  void Localize(const std::string& locale, const std::string& message) {
    google::rpc::LocalizedMessage localized;
    localized.set_locale(locale);
    localized.set_message(message);
    Add(localized);
  }

  grpc::StatusCode code_;
  std::string message_;
  google::rpc::Status details_;
};

grpc::Status TwoFields() {
  const std::string score = "response.score: expected 0 to 10, but got 11";
  const std::string program = "expected a configured program, but got nps";
  Refusal refusal(
      grpc::StatusCode::INVALID_ARGUMENT, "some fields are at fault: " + score + " | " + program,
      "有字段不合要求：response.score：应为 0 到 10，但收到 11", "FIELD_VIOLATIONS", {});
  google::rpc::BadRequest bad;
  auto* violation = bad.add_field_violations();
  violation->set_field("response.score");
  violation->set_description(score);
  violation = bad.add_field_violations();
  violation->set_field("response.program_id");
  violation->set_description(program);
  refusal.Add(bad);
  return refusal.Status();
}

// As the one above, but with a single field, which the message names already.
grpc::Status OneField() {
  const std::string score = "response.score: expected 0 to 10, but got 11";
  Refusal refusal(grpc::StatusCode::INVALID_ARGUMENT, score, "分数应为 0 到 10，但收到 11",
                  "SCORE_OUT_OF_RANGE", {{"field", "response.score"}});
  google::rpc::BadRequest bad;
  auto* violation = bad.add_field_violations();
  violation->set_field("response.score");
  violation->set_description(score);
  refusal.Add(bad);
  return refusal.Status();
}

grpc::Status ForbiddenTransition() {
  return Refusal(grpc::StatusCode::FAILED_PRECONDITION,
                 "expected to close case C-17, but it is open", "工单 C-17 处于 open，不能关闭",
                 "TRANSITION_NOT_ALLOWED",
                 {{"case", "C-17"}, {"status", "open"}, {"allowed", "assign, log_attempt"}})
      .Status();
}

grpc::Status Overloaded() {
  Refusal refusal(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many commands wait", "等待的命令过多",
                  "QUEUE_FULL", {{"capacity", "4096"}});
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(250'000'000);
  refusal.Add(retry);
  return refusal.Status();
}

TEST(CliCallTest, EveryCodeHasItsExitCode) {
  const std::map<int, int> expected = {{0, 0},  {1, 1},  {2, 1},  {3, 2},  {4, 6},  {5, 3},
                                       {6, 5},  {7, 4},  {8, 6},  {9, 5},  {10, 5}, {11, 2},
                                       {12, 1}, {13, 1}, {14, 6}, {15, 1}, {16, 4}};
  for (const auto& [code, exit] : expected) {
    EXPECT_EQ(ExitCodeOf(static_cast<grpc::StatusCode>(code)), exit) << code;
  }
  EXPECT_EQ(CodeName(grpc::StatusCode::UNAUTHENTICATED), "UNAUTHENTICATED");
}

TEST(CliCallTest, ErrorsNameFieldsReasonAndWayOutInBothLanguages) {
  std::string text;
  for (const grpc::Status& status : {TwoFields(), OneField(), ForbiddenTransition(), Overloaded(),
                                     grpc::Status(grpc::StatusCode::INTERNAL, "")}) {
    const CallError error = ReadError(status);
    text += RenderError(error, false, {}) + "\n" + RenderError(error, true, {}) + "\n" +
            ErrorJson(error) + "\n\n";
  }
  ExpectGolden("errors.txt", text);
}

TEST(CliCallTest, AnUnknownFateNamesTheRequestToRepeat) {
  std::ostringstream out;
  std::ostringstream err;
  Session session(out, err);
  session.server = "127.0.0.1:1";
  const grpc::Status lost(grpc::StatusCode::UNAVAILABLE, "Socket closed");
  EXPECT_EQ(session.Fail(lost, "r-1"), kExitUnavailable);
  EXPECT_NE(err.str().find("--request-id r-1"), std::string::npos) << err.str();
  err.str("");
  EXPECT_EQ(session.Fail(ForbiddenTransition(), "r-1"), kExitConflict);
  EXPECT_EQ(err.str().find("r-1"), std::string::npos) << err.str();
  err.str("");
  const grpc::Status away(grpc::StatusCode::UNAVAILABLE, "failed to connect to all addresses");
  EXPECT_EQ(session.Fail(away, "r-1"), kExitUnavailable);
  EXPECT_EQ(err.str().find("r-1"), std::string::npos) << err.str();
  EXPECT_EQ(out.str(), "");
}

TEST(CliCallTest, TextOfTheServerCannotSteerTheTerminal) {
  const CallError error = ReadError(
      Refusal(grpc::StatusCode::NOT_FOUND, "no case \x1b[2J", "", "NOT_FOUND", {}).Status());
  EXPECT_EQ(RenderError(error, false, {}).find('\x1b'), std::string::npos);
  EXPECT_EQ(ErrorJson(error).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace rebound::cli
