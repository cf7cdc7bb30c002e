// Calling the server: channel, bearer token, deadline, and what a refusal looks like to people and
// to programs.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "clients/cli/output.h"

namespace rebound::cli {

// What `rebound` exits with; `rebound help exit-codes` prints the list.
enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitNotFound = 3,
  kExitDenied = 4,
  kExitConflict = 5,
  kExitUnavailable = 6,
  kExitInterrupted = 130,
};

ExitCode ExitCodeOf(grpc::StatusCode code);

// "NOT_FOUND"; the number for a code that gRPC does not have.
std::string CodeName(grpc::StatusCode code);

// A refusal with its details taken apart.
struct CallError {
  struct Violation {
    std::string field{};
    std::string description{};
  };

  grpc::StatusCode code = grpc::StatusCode::UNKNOWN;
  std::string message{};     // in English
  std::string message_zh{};  // in Chinese, if the server sent it
  std::string reason{};      // a name of ErrorReason
  std::map<std::string, std::string> metadata{};
  std::vector<Violation> violations{};      // of fields
  std::vector<std::string> expectations{};  // what the state of things lacks
  std::optional<std::chrono::milliseconds> retry_after{};
  std::string request_id{};  // of a change whose fate is not known
};

CallError ReadError(const grpc::Status& status);

// Several lines for a terminal: message, fields, reason, what is allowed now.
std::string RenderError(const CallError& error, bool chinese, const Style& style);

// The same as one JSON object: code, reason, message, messageZh, metadata, fieldViolations,
// preconditions, retryAfterMs, requestId, exitCode; empty ones are left out.
std::string ErrorJson(const CallError& error);

// What every command works with: where to write, how, and the server. One per run of the program;
// not thread-safe.
struct Session {
  Session(std::ostream& out_stream, std::ostream& err_stream) : out(out_stream), err(err_stream) {}

  std::ostream& out;
  std::ostream& err;
  Format format = Format::kTable;
  bool chinese = false;
  std::string language{};  // "en" or "zh" where it was asked for by name; chinese follows it
  Style style{};           // of out
  Style err_style{};       // of err
  int out_width = 0;       // columns of the terminal; 0: none
  int err_width = 0;
  std::string server{};
  std::shared_ptr<grpc::ChannelCredentials> credentials{};  // null: no TLS
  std::string token{};
  double timeout_seconds = 30;
  bool localized = false;          // texts in replies in the language of messages, too
  std::function<int()> command{};  // the one that the arguments chose
  std::string config_folder{};     // where a session is kept; empty: nowhere
  // Asks for a password without showing it; nothing at the end of input. Null: nobody to ask.
  std::function<std::optional<std::string>(const std::string& prompt)> ask_secret{};
  bool is_typed = false;  // by somebody, who may mistype it

  // The same channel in every call of a run.
  std::shared_ptr<grpc::Channel> Channel();

  // Puts the token into a call.
  void Authorize(grpc::ClientContext* context) const;

  // Prints the error of a call; returns the exit code.
  int Fail(const grpc::Status& status, const std::string& request_id = "");

  // Prints an error that is the caller's own; returns the exit code.
  int Fail(ExitCode code, std::string_view message);

  // Makes a unary call.
  template <class Stub, class Request, class Reply>
  grpc::Status Try(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
                   const Request& request, Reply* reply) {
    Stub stub(Channel());
    grpc::ClientContext context;
    Authorize(&context);
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::milliseconds(static_cast<int64_t>(timeout_seconds * 1000)));
    return (stub.*method)(&context, request, reply);
  }

  // Makes a unary call. Returns 0 with `*reply` filled, or prints the error and returns the exit
  // code.
  template <class Stub, class Request, class Reply>
  int Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
           const Request& request, Reply* reply) {
    const grpc::Status status = Try(method, request, reply);
    if (status.ok()) return kExitOk;
    if constexpr (requires { request.request_id(); }) return Fail(status, request.request_id());
    return Fail(status);
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace rebound::cli
