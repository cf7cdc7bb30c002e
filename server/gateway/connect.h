// The Connect protocol, part by part: codes, errors, frames, compression, fields and parameters.
// Pure; thread-safe.
#pragma once

#include <google/protobuf/util/type_resolver.h>
#include <grpcpp/support/status.h>
#include <grpcpp/support/string_ref.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/gateway/http_server.h"
#include "server/gateway/refusal.h"
#include "workflows/result.h"

namespace rebound {

// ---- Codes and errors
// ----------------------------------------------------------------------------

// "invalid_argument"; "unknown" for OK and for a number without a name.
std::string_view ConnectCode(grpc::StatusCode code);
// 499 for CANCELLED, 500 for what has no status of its own.
int HttpStatusOf(grpc::StatusCode code);

// {"code", "message", "details": [{"type", "value", "debug"}]}; `debug` is the detail as JSON, left
// out when `resolver` does not know its type. The details are those of status.error_details(), a
// google.rpc.Status.
std::string ErrorJson(const grpc::Status& status, google::protobuf::util::TypeResolver* resolver);

// A string of JSON with its quotes; what is no UTF-8 becomes U+FFFD.
std::string JsonString(std::string_view text);

// ---- Bytes
// ---------------------------------------------------------------------------------------

std::string Base64(std::string_view bytes);  // without padding
// Of both alphabets, with padding or without; nullopt when it is neither.
std::optional<std::string> FromBase64(std::string_view text);

std::string Gzip(std::string_view bytes);
struct Inflated {
  enum class Outcome { kOk, kTooLarge, kBroken };
  Outcome outcome = Outcome::kBroken;
  std::string bytes{};
};
// One whole gzip stream and nothing after it. Stops as soon as more than `limit` bytes come out.
Inflated Gunzip(std::string_view bytes, size_t limit);

// Whether a list such as "br, gzip;q=0.5" takes gzip.
bool TakesGzip(std::string_view accept_encoding);

// ---- Streams
// -------------------------------------------------------------------------------------

constexpr uint8_t kFrameCompressed = 1;
constexpr uint8_t kFrameEnd = 2;

struct Frame {
  uint8_t flags = 0;
  std::string_view bytes{};
};
std::string ToFrame(uint8_t flags, std::string_view bytes);
// nullopt: cut off.
std::optional<std::vector<Frame>> ParseFrames(std::string_view body);

using GrpcMetadata = std::multimap<grpc::string_ref, grpc::string_ref>;

// The message of the last frame: {}, or with "error" and "metadata".
std::string EndStreamJson(const grpc::Status& status, const GrpcMetadata& trailers,
                          google::protobuf::util::TypeResolver* resolver);

// ---- Fields
// --------------------------------------------------------------------------------------

// Which fields of a request reach the services, names and values as gRPC takes them: all but those
// of HTTP, of Connect and of gRPC, those with bytes that gRPC refuses (in x-forwarded-for each
// becomes a '?'), "rebound-peer-address", which is added here, and "rebound-admitted", which the
// gateway adds. A field whose name ends in -bin is a list of values, which are decoded.
struct CallMetadata {
  std::vector<std::pair<std::string, std::string>> entries{};
  // The first name with a value that is no base64 or the 101st of all such, or an authorization
  // with bytes that gRPC refuses; the call must be refused then. Empty: none.
  std::string bad{};
};
CallMetadata ToCallMetadata(const HttpRequest& request);

// The other way, each name with `prefix` in front.
void AddHeaders(const GrpcMetadata& metadata, std::string_view prefix, HttpHeaders* headers);

// connect-timeout-ms: 1 to 10 digits; nullopt when it is anything else.
std::optional<std::chrono::milliseconds> ParseTimeout(std::string_view text);

// ---- Addresses
// -----------------------------------------------------------------------------------

// %XX and, when `plus`, "+" for a space; nullopt when a % is followed by something else.
std::optional<std::string> PercentDecode(std::string_view text, bool plus);

// The parameters by name; of several with one name the first. nullopt: not decodable.
std::optional<std::map<std::string, std::string>> ParseQuery(std::string_view query);

}  // namespace rebound
