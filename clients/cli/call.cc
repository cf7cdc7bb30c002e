#include "clients/cli/call.h"

#include <fmt/format.h>

#include <array>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace rebound::cli {
namespace {

struct Code {
  const char* name;
  ExitCode exit;
};

// By the number of the code.
constexpr std::array<Code, 17> kCodes = {{
    {"OK", kExitOk},
    {"CANCELLED", kExitFailed},
    {"UNKNOWN", kExitFailed},
    {"INVALID_ARGUMENT", kExitUsage},
    {"DEADLINE_EXCEEDED", kExitUnavailable},
    {"NOT_FOUND", kExitNotFound},
    {"ALREADY_EXISTS", kExitConflict},
    {"PERMISSION_DENIED", kExitDenied},
    {"RESOURCE_EXHAUSTED", kExitUnavailable},
    {"FAILED_PRECONDITION", kExitConflict},
    {"ABORTED", kExitConflict},
    {"OUT_OF_RANGE", kExitUsage},
    {"UNIMPLEMENTED", kExitFailed},
    {"INTERNAL", kExitFailed},
    {"UNAVAILABLE", kExitUnavailable},
    {"DATA_LOSS", kExitFailed},
    {"UNAUTHENTICATED", kExitDenied},
}};

struct Labels {
  const char* error;
  const char* reason;
  const char* allowed;
  const char* retry;
  const char* request_id;
};

constexpr Labels kEnglish = {"error", "reason", "allowed now", "try again in",
                             "it is not known whether this was done; repeating it with the same "
                             "request id is safe: --request-id"};
constexpr Labels kChinese = {"错误", "原因", "当前允许的操作", "请稍后重试",
                             "无法确定是否已执行；使用相同的请求编号重试是安全的：--request-id"};

void ReadDetail(const google::protobuf::Any& any, CallError* error) {
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest bad;
  google::rpc::PreconditionFailure precondition;
  google::rpc::LocalizedMessage localized;
  google::rpc::RetryInfo retry;
  if (any.UnpackTo(&info)) {
    error->reason = info.reason();
    error->metadata.insert(info.metadata().begin(), info.metadata().end());
  } else if (any.UnpackTo(&bad)) {
    for (const auto& violation : bad.field_violations()) {
      error->violations.push_back({violation.field(), violation.description()});
    }
  } else if (any.UnpackTo(&precondition)) {
    for (const auto& violation : precondition.violations()) {
      error->expectations.push_back(violation.description());
    }
  } else if (any.UnpackTo(&localized)) {
    if (localized.locale().starts_with("zh")) error->message_zh = localized.message();
  } else if (any.UnpackTo(&retry)) {
    error->retry_after = std::chrono::milliseconds(retry.retry_delay().seconds() * 1000 +
                                                   retry.retry_delay().nanos() / 1'000'000);
  }
}

// What the metadata says beyond the message and the lines of their own.
bool IsWorthALine(const std::string& key) {
  return key == "current" || key == "call_id" || key == "suggestion";
}

// Whether the change may have been made without our knowing.
bool MayHaveBeenDone(const CallError& error) {
  if (error.reason == "STORE_UNAVAILABLE") return true;
  if (!error.reason.empty()) return false;
  return error.code == grpc::StatusCode::DEADLINE_EXCEEDED ||
         (error.code == grpc::StatusCode::UNAVAILABLE &&
          error.message.find("failed to connect") == std::string::npos);
}

}  // namespace

ExitCode ExitCodeOf(grpc::StatusCode code) {
  const auto index = static_cast<size_t>(code);
  return index < kCodes.size() ? kCodes[index].exit : kExitFailed;
}

std::string CodeName(grpc::StatusCode code) {
  const auto index = static_cast<size_t>(code);
  return index < kCodes.size() ? kCodes[index].name : std::to_string(static_cast<int>(code));
}

CallError ReadError(const grpc::Status& status) {
  CallError error;
  error.code = status.error_code();
  error.message = status.error_message();
  google::rpc::Status details;
  if (details.ParseFromString(status.error_details())) {
    for (const auto& any : details.details()) ReadDetail(any, &error);
  }
  return error;
}

std::string RenderError(const CallError& error, bool chinese, const Style& style) {
  const Labels& labels = chinese ? kChinese : kEnglish;
  const bool translated = chinese && !error.message_zh.empty();
  std::string_view message = translated ? error.message_zh : error.message;
  // What the message says is not said twice, in whatever language.
  const auto said = [&](const std::string& text) {
    return message.find(text) != std::string_view::npos ||
           (translated && error.message.find(text) != std::string::npos);
  };
  // Several faults in one message are easier to read below each other.
  const bool one_a_line = !translated && error.violations.size() > 1;
  if (one_a_line) {
    message = message.substr(0, message.find(error.violations.front().description));
    while (message.ends_with(' ') || message.ends_with(':')) message.remove_suffix(1);
  }
  std::string text = style.Red(fmt::format("{}:", labels.error)) + " " +
                     OneLine(message.empty() ? CodeName(error.code) : message) + "\n";
  for (const CallError::Violation& violation : error.violations) {
    if (said(violation.description)) continue;
    const bool named = violation.description.starts_with(violation.field);
    text += fmt::format("  {}{}\n", named ? "" : OneLine(violation.field) + ": ",
                        OneLine(violation.description));
  }
  const auto allowed = error.metadata.find("allowed");
  if (allowed == error.metadata.end()) {
    for (const std::string& expectation : error.expectations) {
      if (!said(expectation)) text += "  " + OneLine(expectation) + "\n";
    }
  } else if (!said(allowed->second)) {
    text += fmt::format("  {}: {}\n", labels.allowed, OneLine(allowed->second));
  }
  for (const auto& [key, value] : error.metadata) {
    if (IsWorthALine(key) && !said(value)) text += fmt::format("  {}: {}\n", key, OneLine(value));
  }
  if (!error.reason.empty()) {
    text +=
        fmt::format("  {}: {} ({})\n", labels.reason, OneLine(error.reason), CodeName(error.code));
  }
  if (error.retry_after) {
    text += fmt::format("  {}: {} ms\n", labels.retry, error.retry_after->count());
  }
  if (!error.request_id.empty()) {
    text += fmt::format("  {} {}\n", labels.request_id, error.request_id);
  }
  return text;
}

std::string ErrorJson(const CallError& error) {
  std::string json = "{\"code\": " + JsonString(CodeName(error.code));
  const auto add = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) json += fmt::format(", \"{}\": {}", key, JsonString(value));
  };
  add("reason", error.reason);
  json += ", \"message\": " + JsonString(error.message);
  add("messageZh", error.message_zh);
  if (!error.metadata.empty()) {
    json += ", \"metadata\": {";
    std::string_view comma;
    for (const auto& [key, value] : error.metadata) {
      json += fmt::format("{}{}: {}", comma, JsonString(key), JsonString(value));
      comma = ", ";
    }
    json += "}";
  }
  if (!error.violations.empty()) {
    json += ", \"fieldViolations\": [";
    std::string_view comma;
    for (const CallError::Violation& violation : error.violations) {
      json += fmt::format("{}{{\"field\": {}, \"description\": {}}}", comma,
                          JsonString(violation.field), JsonString(violation.description));
      comma = ", ";
    }
    json += "]";
  }
  if (!error.expectations.empty()) {
    json += ", \"preconditions\": [";
    std::string_view comma;
    for (const std::string& expectation : error.expectations) {
      json += fmt::format("{}{}", comma, JsonString(expectation));
      comma = ", ";
    }
    json += "]";
  }
  if (error.retry_after) {
    json += fmt::format(", \"retryAfterMs\": {}", error.retry_after->count());
  }
  add("requestId", error.request_id);
  return json + fmt::format(", \"exitCode\": {}}}", static_cast<int>(ExitCodeOf(error.code)));
}

std::shared_ptr<grpc::Channel> Session::Channel() {
  if (!channel_) {
    constexpr int kMaxReplyBytes = 64 << 20;  // a page of 1,000 customers with all their keys
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kMaxReplyBytes);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    channel_ = grpc::CreateCustomChannel(
        server, credentials ? credentials : grpc::InsecureChannelCredentials(), arguments);
  }
  return channel_;
}

void Session::Authorize(grpc::ClientContext* context) const {
  if (!token.empty()) context->AddMetadata("authorization", "Bearer " + token);
  if (localized) context->AddMetadata("accept-language", chinese ? "zh-CN" : "en");
}

int Session::Fail(const grpc::Status& status, const std::string& request_id) {
  CallError error = ReadError(status);
  if (error.reason.empty() && error.code == grpc::StatusCode::UNAVAILABLE) {
    error.message_zh = fmt::format("无法连接服务器 {}：{}", server, error.message);
    error.message = fmt::format("cannot reach the server at {}: {}", server, error.message);
  }
  if (MayHaveBeenDone(error)) error.request_id = request_id;
  if (format == Format::kJson) {
    err << ErrorJson(error) << "\n";
  } else {
    err << RenderError(error, chinese, err_style);
    // There is somebody, who hangs up.
    if (error.reason.empty() && error.code == grpc::StatusCode::UNAVAILABLE && !credentials &&
        (error.message.find("closed") != std::string::npos ||
         error.message.find("reset") != std::string::npos)) {
      err << "  a server that serves TLS is called with --tls, or --tls-ca and who signed its "
             "certificate\n";
    }
    if (error.reason == "UNAUTHENTICATED" && token.empty()) {
      err << "  sign in with rebound login, or give a token with --token, --token-file or "
             "REBOUND_TOKEN\n";
    }
  }
  return ExitCodeOf(error.code);
}

int Session::Fail(ExitCode code, std::string_view message) {
  if (format == Format::kJson) {
    err << fmt::format("{{\"message\": {}, \"exitCode\": {}}}\n", JsonString(message),
                       static_cast<int>(code));
  } else {
    err << err_style.Red(fmt::format("{}:", (chinese ? kChinese : kEnglish).error)) << " "
        << message << "\n";
  }
  return code;
}

}  // namespace rebound::cli
