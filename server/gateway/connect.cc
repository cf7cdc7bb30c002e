#include "server/gateway/connect.h"

#include <google/protobuf/util/json_util.h>
#include <utf8proc.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>

#include "google/rpc/status.pb.h"

namespace rebound {
namespace {

using google::protobuf::util::TypeResolver;

struct CodeRow {
  std::string_view name;
  int http;
};
// By number, see google/rpc/code.proto.
constexpr std::array<CodeRow, 17> kConnectCodes{{{"unknown", 500},
                                                 {"canceled", 499},
                                                 {"unknown", 500},
                                                 {"invalid_argument", 400},
                                                 {"deadline_exceeded", 504},
                                                 {"not_found", 404},
                                                 {"already_exists", 409},
                                                 {"permission_denied", 403},
                                                 {"resource_exhausted", 429},
                                                 {"failed_precondition", 400},
                                                 {"aborted", 409},
                                                 {"out_of_range", 400},
                                                 {"unimplemented", 501},
                                                 {"internal", 500},
                                                 {"unavailable", 503},
                                                 {"data_loss", 500},
                                                 {"unauthenticated", 401}}};

const CodeRow& RowOf(grpc::StatusCode code) {
  const auto number = static_cast<size_t>(code);
  return kConnectCodes[number < kConnectCodes.size() ? number : size_t{grpc::StatusCode::UNKNOWN}];
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int Sextet(char c) {
  if (c == '-') c = '+';
  if (c == '_') c = '/';
  const size_t found = kBase64.find(c);
  return found == std::string_view::npos ? -1 : static_cast<int>(found);
}

std::string_view WithoutBlanks(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// What stands in front of the next `end`, which is taken off `text` with it.
std::string_view TakeUntil(char end, std::string_view* text) {
  const size_t at = text->find(end);
  const std::string_view taken = text->substr(0, at);
  *text = at == std::string_view::npos ? std::string_view() : text->substr(at + 1);
  return taken;
}

// What gRPC lets a value be; anything else would end the process, see its ClientContext.
bool IsAsciiChar(char c) { return c >= 0x20 && c <= 0x7E; }
bool IsAsciiValue(std::string_view value) {
  return std::all_of(value.begin(), value.end(), IsAsciiChar);
}
bool IsKey(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

// As many as a head may have fields: each entry costs far more than the comma it stands behind.
constexpr size_t kMostBinaryValues = 100;

// Of HTTP: about the connection, the body or what the client accepts.
const std::set<std::string_view> kNotForwarded = {"accept",
                                                  "accept-charset",
                                                  "accept-encoding",
                                                  "cache-control",
                                                  "connection",
                                                  "content-encoding",
                                                  "content-language",
                                                  "content-length",
                                                  "content-location",
                                                  "content-type",
                                                  "cookie",
                                                  "expect",
                                                  "host",
                                                  "http2-settings",
                                                  "if-match",
                                                  "if-modified-since",
                                                  "if-none-match",
                                                  "if-range",
                                                  "keep-alive",
                                                  "if-unmodified-since",
                                                  "pragma",
                                                  "proxy-connection",
                                                  "proxy-authenticate",
                                                  "proxy-authorization",
                                                  "range",
                                                  "te",
                                                  "trailer",
                                                  "transfer-encoding",
                                                  "upgrade",
                                                  "user-agent",
                                                  "rebound-peer-address",
                                                  kPeerCertificate,
                                                  "rebound-admitted"};

bool IsForwarded(std::string_view name) {
  return IsKey(name) && !name.starts_with("connect-") && !name.starts_with("grpc-") &&
         kNotForwarded.count(name) == 0;
}

std::string ToText(grpc::string_ref text) { return {text.data(), text.size()}; }

std::string HeaderValue(const std::string& name, grpc::string_ref value) {
  const std::string text = ToText(value);
  return name.ends_with("-bin") ? Base64(text) : text;
}

// Not ours to pass on: the gateway writes its own.
bool IsNotForwarded(std::string_view name) {
  return name.starts_with("grpc-") || name.starts_with(":") || name.starts_with("connect-") ||
         kNotForwarded.count(name) != 0;
}

}  // namespace

std::string_view ConnectCode(grpc::StatusCode code) { return RowOf(code).name; }
int HttpStatusOf(grpc::StatusCode code) { return RowOf(code).http; }

std::string JsonString(std::string_view text) {
  std::string json = "\"";
  for (size_t i = 0; i < text.size();) {
    utf8proc_int32_t code = 0;
    const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + i,
                                       static_cast<utf8proc_ssize_t>(text.size() - i), &code);
    if (size <= 0) {
      json += "\uFFFD";
      ++i;
      continue;
    }
    if (code == '"' || code == '\\') {
      json += '\\';
      json += static_cast<char>(code);
    } else if (code < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(code));
      json += escape;
    } else {
      json += text.substr(i, static_cast<size_t>(size));
    }
    i += static_cast<size_t>(size);
  }
  return json + '"';
}

std::string ErrorJson(const grpc::Status& status, TypeResolver* resolver) {
  std::string json = "{\"code\":\"" + std::string(ConnectCode(status.error_code())) + '"';
  if (!status.error_message().empty()) {
    json += ",\"message\":" + JsonString(status.error_message());
  }
  google::rpc::Status details;
  if (details.ParseFromString(status.error_details()) && details.details_size() > 0) {
    json += ",\"details\":[";
    for (int i = 0; i < details.details_size(); ++i) {
      const google::protobuf::Any& any = details.details(i);
      const std::string& url = any.type_url();
      if (i > 0) json += ',';
      json += "{\"type\":" + JsonString(url.substr(url.rfind('/') + 1)) + ",\"value\":\"" +
              Base64(any.value()) + '"';
      std::string debug;
      if (google::protobuf::util::BinaryToJsonString(resolver, url, any.value(), &debug).ok()) {
        json += ",\"debug\":" + debug;
      }
      json += '}';
    }
    json += ']';
  }
  return json + '}';
}

std::string Base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) text += kBase64[bits >> (count - 6) & 63];
  }
  if (count > 0) text += kBase64[bits << (6 - count) & 63];
  return text;
}

std::optional<std::string> FromBase64(std::string_view text) {
  if (text.size() % 4 == 0) {
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int sextet = Sextet(c);
    if (sextet < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(sextet);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count & 0xFF);
    }
  }
  return bytes;
}

std::string Gzip(std::string_view bytes) {
  z_stream stream{};
  // 15 bits of window, 16 for a gzip head.
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    throw std::bad_alloc();
  }
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Inflated Gunzip(std::string_view bytes, size_t limit) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) throw std::bad_alloc();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  Inflated result;
  std::array<char, 16 << 10> buffer;
  int code = Z_OK;
  while (code == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = buffer.size();
    code = inflate(&stream, Z_NO_FLUSH);
    const size_t size = buffer.size() - stream.avail_out;
    if (result.bytes.size() + size > limit) {
      inflateEnd(&stream);
      return {Inflated::Outcome::kTooLarge, {}};
    }
    result.bytes.append(buffer.data(), size);
    if (code == Z_OK && stream.avail_in == 0 && size == 0) break;  // cut off
  }
  const bool whole = code == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  if (!whole) return {};
  result.outcome = Inflated::Outcome::kOk;
  return result;
}

bool TakesGzip(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    std::string_view item = TakeUntil(',', &accept_encoding);
    const std::string_view name = WithoutBlanks(TakeUntil(';', &item));
    if (name != "gzip" && name != "*") continue;
    const std::string_view quality = WithoutBlanks(item);
    // "q=0", "q=0.000": never.
    const bool never =
        quality.starts_with("q=0") && quality.find_first_not_of("0.", 2) == std::string_view::npos;
    return !never;
  }
  return false;
}

std::string ToFrame(uint8_t flags, std::string_view bytes) {
  const auto size = static_cast<uint32_t>(bytes.size());
  std::string frame;
  frame.reserve(bytes.size() + 5);
  frame += static_cast<char>(flags);
  for (int shift = 24; shift >= 0; shift -= 8) frame += static_cast<char>(size >> shift & 0xFF);
  frame += bytes;
  return frame;
}

std::optional<std::vector<Frame>> ParseFrames(std::string_view body) {
  std::vector<Frame> frames;
  while (!body.empty()) {
    if (body.size() < 5) return std::nullopt;
    uint32_t size = 0;
    for (int i = 1; i < 5; ++i) size = size << 8 | static_cast<unsigned char>(body[i]);
    if (body.size() - 5 < size) return std::nullopt;
    frames.push_back({static_cast<uint8_t>(body[0]), body.substr(5, size)});
    body.remove_prefix(5 + size_t{size});
  }
  return frames;
}

std::string EndStreamJson(const grpc::Status& status, const GrpcMetadata& trailers,
                          TypeResolver* resolver) {
  std::string json = "{";
  if (!status.ok()) json += "\"error\":" + ErrorJson(status, resolver);
  std::string metadata;
  for (auto it = trailers.begin(); it != trailers.end();) {
    const std::string name = ToText(it->first);
    const auto end = trailers.upper_bound(it->first);
    if (!IsNotForwarded(name)) {
      metadata += (metadata.empty() ? "" : ",") + JsonString(name) + ":[";
      for (auto value = it; value != end; ++value) {
        metadata += (value == it ? "" : ",") + JsonString(HeaderValue(name, value->second));
      }
      metadata += ']';
    }
    it = end;
  }
  if (!metadata.empty()) {
    json += (status.ok() ? "" : ",") + std::string("\"metadata\":{") + metadata + '}';
  }
  return json + '}';
}

CallMetadata ToCallMetadata(const HttpRequest& request) {
  CallMetadata metadata;
  size_t binary_values = 0;
  for (const auto& [name, value] : request.headers) {
    if (!IsForwarded(name)) continue;
    if (!name.ends_with("-bin")) {
      if (IsAsciiValue(value)) {
        metadata.entries.emplace_back(name, value);
      } else if (name == "x-forwarded-for") {
        // Left out, a stranger's part of it would take along what the proxy wrote behind it.
        std::string ascii = value;
        std::replace_if(
            ascii.begin(), ascii.end(), [](char c) { return !IsAsciiChar(c); }, '?');
        metadata.entries.emplace_back(name, std::move(ascii));
      } else if (name == "authorization" && metadata.bad.empty()) {
        metadata.bad = name;  // left out, two of them would pass for one
      }
      continue;
    }
    // Several values may stand in one field.
    std::string_view rest = value;
    do {
      const std::string_view text = WithoutBlanks(TakeUntil(',', &rest));
      if (text.empty() && !value.empty()) continue;  // of a list, RFC 9110, 5.6.1
      auto bytes = FromBase64(text);
      if (!bytes || ++binary_values > kMostBinaryValues) {
        if (metadata.bad.empty()) metadata.bad = name;
        break;
      }
      metadata.entries.emplace_back(name, *std::move(bytes));
    } while (!rest.empty());
  }
  metadata.entries.emplace_back("rebound-peer-address", request.peer);
  // An authorization that was left out above must not make room for it.
  if (request.certificate && FindHeader(request.headers, "authorization") == nullptr) {
    metadata.entries.emplace_back(kPeerCertificate, ToMetadata(*request.certificate));
  }
  return metadata;
}

void AddHeaders(const GrpcMetadata& metadata, std::string_view prefix, HttpHeaders* headers) {
  for (const auto& [key, value] : metadata) {
    const std::string name = ToText(key);
    if (!IsNotForwarded(name)) {
      headers->emplace_back(std::string(prefix) + name, HeaderValue(name, value));
    }
  }
}

std::optional<std::chrono::milliseconds> ParseTimeout(std::string_view text) {
  if (text.empty() || text.size() > 10) return std::nullopt;
  int64_t milliseconds = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    milliseconds = milliseconds * 10 + (c - '0');
  }
  return std::chrono::milliseconds(milliseconds);
}

std::optional<std::string> PercentDecode(std::string_view text, bool plus) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      if (text.size() - i < 3) return std::nullopt;
      const int high = digit(text[i + 1]);
      const int low = digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return decoded;
}

std::optional<std::map<std::string, std::string>> ParseQuery(std::string_view query) {
  std::map<std::string, std::string> parameters;
  while (!query.empty()) {
    std::string_view value_text = TakeUntil('&', &query);
    if (value_text.empty()) continue;
    const std::string_view name_text = TakeUntil('=', &value_text);
    auto name = PercentDecode(name_text, true);
    auto value = PercentDecode(value_text, true);
    if (!name || !value) return std::nullopt;
    parameters.emplace(*std::move(name), *std::move(value));
  }
  return parameters;
}

}  // namespace rebound
