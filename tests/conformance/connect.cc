#include "tests/conformance/connect.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <sodium.h>
#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace rebound::conformance {
namespace {

using google::protobuf::Any;
using google::protobuf::Message;
using google::protobuf::RepeatedPtrField;
using google::protobuf::util::JsonStringToMessage;
using google::protobuf::util::MessageDifferencer;
using nlohmann::json;
using RequestEcho = wire::ConformancePayload::RequestInfo;

constexpr char kCompressedFlag = 1;
constexpr char kEndFlag = 2;
constexpr size_t kPrefix = 5;

// By wire::Code; and the HTTP status of a unary error.
struct CodeName {
  const char* name;
  int status;
};
constexpr CodeName kCodes[] = {{"", 0},
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
                               {"unauthenticated", 401}};

// What a client makes of an HTTP status without an error of Connect.
wire::Code CodeOfStatus(int status) {
  switch (status) {
    case 400: return wire::CODE_INTERNAL;
    case 401: return wire::CODE_UNAUTHENTICATED;
    case 403: return wire::CODE_PERMISSION_DENIED;
    case 404: return wire::CODE_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504: return wire::CODE_UNAVAILABLE;
    default: return wire::CODE_UNKNOWN;
  }
}

// ---- Codings ------------------------------------------------------------------------------------

std::string Deflate(const std::string& plain) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("no zlib");
  }
  std::string packed(deflateBound(&stream, plain.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// Nothing: not one whole gzip stream.
std::optional<std::string> Inflate(const std::string& packed) {
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) throw std::runtime_error("no zlib");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string plain;
  int status = Z_OK;
  while (status == Z_OK) {
    char buffer[64 << 10];
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    status = inflate(&stream, Z_NO_FLUSH);
    plain.append(buffer, sizeof buffer - stream.avail_out);
  }
  const bool whole = status == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  if (!whole) return std::nullopt;
  return plain;
}

std::string Base64(const std::string& bytes, int variant) {
  std::string text(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), variant);
  text.resize(text.find('\0'));
  return text;
}

// Without padding only.
std::optional<std::string> FromBase64(const std::string& text) {
  std::string bytes(text.size(), '\0');
  size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                        text.size(), nullptr, &size, &end,
                        sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0 ||
      end != text.data() + text.size()) {
    return std::nullopt;
  }
  bytes.resize(size);
  return bytes;
}

std::string PercentEncoded(const std::string& text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      encoded += c;
    } else {
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

std::string Envelope(uint32_t flags, size_t length, const std::string& payload) {
  std::string envelope{static_cast<char>(flags)};
  for (int shift = 24; shift >= 0; shift -= 8) {
    envelope += static_cast<char>((length >> shift) & 0xFF);
  }
  return envelope + payload;
}

std::string Encoded(const Message& message, wire::Codec codec) {
  if (codec == wire::CODEC_PROTO) return message.SerializeAsString();
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text);
  if (!status.ok()) throw std::runtime_error(status.ToString());
  return text;
}

const char* CodecName(const Call& call) {
  return call.codec == wire::CODEC_JSON ? "json" : "proto";
}

// ---- Requests -----------------------------------------------------------------------------------

std::string Head(const std::string& verb, const std::string& target,
                 const RepeatedPtrField<wire::Header>& headers) {
  std::string head = verb + " " + target + " HTTP/1.1\r\nHost: localhost\r\n";
  for (const wire::Header& header : headers) {
    for (const std::string& value : header.value()) {
      head += header.name() + ": " + value + "\r\n";
    }
  }
  return head;
}

std::string WithLength(const std::string& body) {
  return "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string Bytes(const wire::MessageContents& contents) {
  std::string bytes;
  switch (contents.data_case()) {
    case wire::MessageContents::kBinary: bytes = contents.binary(); break;
    case wire::MessageContents::kText: bytes = contents.text(); break;
    case wire::MessageContents::kBinaryMessage: bytes = contents.binary_message().value(); break;
    case wire::MessageContents::DATA_NOT_SET: break;
  }
  const wire::Compression compression = contents.compression();
  if (compression == wire::COMPRESSION_UNSPECIFIED || compression == wire::COMPRESSION_IDENTITY) {
    return bytes;
  }
  if (compression == wire::COMPRESSION_GZIP) return Deflate(bytes);
  if (compression == wire::COMPRESSION_ZSTD && bytes.empty()) {
    // RFC 8878: the magic number, a frame without content, one raw block of no bytes.
    return std::string("\x28\xB5\x2F\xFD\x20\x00\x01\x00\x00", 9);
  }
  throw std::runtime_error("no " + wire::Compression_Name(compression));
}

std::string RawRequest(const wire::RawHTTPRequest& raw) {
  std::string body;
  if (raw.has_unary()) body = Bytes(raw.unary());
  for (const auto& item : raw.stream().items()) {
    const std::string payload = Bytes(item.payload());
    body += Envelope(item.flags(), item.has_length() ? item.length() : payload.size(), payload);
  }
  return Head(raw.verb(), raw.uri(), raw.headers()) + WithLength(body);
}

}  // namespace

std::string ToRequest(const Call& call) {
  const wire::CallRequest& request = call.request;
  if (request.has_raw_request()) return RawRequest(request.raw_request());
  const bool gzip = call.compression == wire::COMPRESSION_GZIP;
  const std::string target = "/" + request.service() + "/" + request.method();
  const std::string message = Encoded(*Unpack(request.request_messages(0)), call.codec);
  std::string more;
  if (request.has_timeout_ms()) {
    more = "Connect-Timeout-Ms: " + std::to_string(request.timeout_ms()) + "\r\n";
  }
  if (request.use_get_http_method()) {
    if (gzip) throw std::runtime_error("no case is a GET with gzip");
    const std::string query = call.codec == wire::CODEC_JSON
                                  ? "encoding=json&message=" + PercentEncoded(message)
                                  : "base64=1&encoding=proto&message=" +
                                        Base64(message, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return Head("GET", target + "?connect=v1&" + query, request.request_headers()) + more + "\r\n";
  }
  more += "Connect-Protocol-Version: 1\r\n";
  const std::string body = gzip ? Deflate(message) : message;
  if (request.stream_type() == wire::STREAM_TYPE_UNARY) {
    more += std::string("Content-Type: application/") + CodecName(call) + "\r\n";
    if (gzip) more += "Content-Encoding: gzip\r\nAccept-Encoding: gzip\r\n";
    return Head("POST", target, request.request_headers()) + more + WithLength(body);
  }
  more += std::string("Content-Type: application/connect+") + CodecName(call) + "\r\n";
  if (gzip) more += "Connect-Content-Encoding: gzip\r\nConnect-Accept-Encoding: gzip\r\n";
  const std::string envelope = Envelope(gzip ? kCompressedFlag : 0, body.size(), body);
  char size[20];
  std::snprintf(size, sizeof size, "%zx", envelope.size());
  return Head("POST", target, request.request_headers()) + more +
         "Transfer-Encoding: chunked\r\n\r\n" + size + "\r\n" + envelope + "\r\n0\r\n\r\n";
}

// ---- Answers ------------------------------------------------------------------------------------

namespace {

void Add(RepeatedPtrField<wire::Header>* headers, const std::string& name,
         const std::string& value) {
  for (wire::Header& header : *headers) {
    if (header.name() == name) return header.add_value(value);
  }
  wire::Header* header = headers->Add();
  header->set_name(name);
  header->add_value(value);
}

class AnswerReader {
 public:
  AnswerReader(const Call& call, const HttpAnswer& answer) : call_(call), answer_(answer) {}

  Reading Read() {
    reading_.result.set_http_status_code(answer_.status);
    if (!answer_.trailers.empty()) Fault("the answer has trailers of HTTP");
    const bool stream = call_.request.stream_type() != wire::STREAM_TYPE_UNARY;
    for (const auto& [name, value] : answer_.headers) {
      if (!stream && name.starts_with("trailer-")) {
        Add(reading_.result.mutable_response_trailers(), name.substr(8), value);
      } else {
        Add(reading_.result.mutable_response_headers(), name, value);
      }
    }
    const std::string* type = answer_.Find("content-type");
    type_ = type == nullptr ? "" : *type;
    if (answer_.status == 200 && stream) {
      ReadStream();
    } else if (answer_.status == 200) {
      ReadUnary();
    } else if (type_ == "application/json" && !stream) {
      ReadUnaryError();
    } else {
      reading_.result.mutable_error()->set_code(CodeOfStatus(answer_.status));
    }
    return std::move(reading_);
  }

 private:
  void Fault(const std::string& what) { reading_.faults.push_back(what); }

  // The coding that a header names; "" and a fault for one that was not accepted.
  std::string Coding(const char* header) {
    const std::string* coding = answer_.Find(header);
    if (coding == nullptr || *coding == "identity") return "";
    if (*coding != "gzip" || call_.compression != wire::COMPRESSION_GZIP) {
      Fault(std::string(header) + " is " + *coding + ", which the request does not accept");
    }
    return *coding;
  }

  std::string Inflated(const std::string& bytes) {
    reading_.compressed = true;
    auto plain = Inflate(bytes);
    if (!plain) Fault("bytes that should be gzip are not");
    return plain.value_or("");
  }

  // The answer's message, and its payload for the result.
  void ReadMessage(const std::string& bytes) {
    const std::unique_ptr<Message> message =
        NewMessage("connectrpc.conformance.v1." + call_.request.method() + "Response");
    if (message == nullptr) return Fault("an answer of " + call_.request.method());
    if (call_.codec == wire::CODEC_PROTO) {
      if (!message->ParseFromString(bytes)) return Fault("a message is not in binary form");
    } else {
      if (!json::accept(bytes)) return Fault("not JSON: " + bytes);
      const auto status = JsonStringToMessage(bytes, message.get());
      if (!status.ok()) return Fault("a message in JSON: " + status.ToString());
    }
    const auto* field = message->GetDescriptor()->FindFieldByName("payload");
    wire::ConformancePayload* payload = reading_.result.add_payloads();
    if (field != nullptr) payload->CopyFrom(message->GetReflection()->GetMessage(*message, field));
  }

  void ExpectType(const std::string& wanted) {
    if (type_ != wanted) Fault("content-type is '" + type_ + "' instead of " + wanted);
  }

  void ReadUnary() {
    ExpectType(std::string("application/") + CodecName(call_));
    ReadMessage(Coding("content-encoding").empty() ? answer_.body : Inflated(answer_.body));
  }

  void ReadUnaryError() {
    const std::string body =
        Coding("content-encoding").empty() ? answer_.body : Inflated(answer_.body);
    const json error = json::parse(body, nullptr, false);
    if (error.is_discarded()) return Fault("not JSON: " + body);
    ReadError(error);
    const int status = kCodes[reading_.result.error().code()].status;
    if (!call_.expected.has_http_status_code() && answer_.status != status) {
      Fault("HTTP status " + std::to_string(answer_.status) + " instead of " +
            std::to_string(status));
    }
  }

  void ReadStream() {
    ExpectType(std::string("application/connect+") + CodecName(call_));
    if (answer_.Find("content-encoding") != nullptr) Fault("the stream itself has an encoding");
    const bool coded = !Coding("connect-content-encoding").empty();
    bool ended = false;
    for (std::string_view rest = answer_.body; !rest.empty();) {
      if (ended) return Fault("bytes behind the end of the stream");
      if (rest.size() < kPrefix) return Fault("an envelope is cut");
      const char flags = rest[0];
      size_t size = 0;
      for (size_t i = 1; i < kPrefix; ++i) size = size << 8 | static_cast<unsigned char>(rest[i]);
      rest.remove_prefix(kPrefix);
      if (rest.size() < size) return Fault("an envelope is cut");
      std::string payload(rest.substr(0, size));
      rest.remove_prefix(size);
      if ((flags & ~(kCompressedFlag | kEndFlag)) != 0) Fault("an envelope has unknown flags");
      if ((flags & kCompressedFlag) != 0) {
        if (!coded) Fault("a compressed envelope without connect-content-encoding");
        payload = Inflated(payload);
      }
      ended = (flags & kEndFlag) != 0;
      if (ended) {
        ReadEnd(payload);
      } else {
        ReadMessage(payload);
      }
    }
    if (!ended) Fault("the stream has no end");
  }

  void ReadEnd(const std::string& text) {
    const json end = json::parse(text, nullptr, false);
    if (!end.is_object()) return Fault("the end of the stream is no object: " + text);
    for (const auto& [key, value] : end.items()) {
      if (key == "error") {
        ReadError(value);
      } else if (key == "metadata" && value.is_object()) {
        for (const auto& [name, values] : value.items()) {
          if (!values.is_array()) Fault("metadata " + name + " is no list");
          for (const json& item : values) {
            if (!item.is_string()) return Fault("metadata " + name + " is no list of strings");
            Add(reading_.result.mutable_response_trailers(), name, item.get<std::string>());
          }
        }
      } else {
        Fault("the end of the stream has " + key + " " + value.dump());
      }
    }
  }

  void ReadError(const json& error) {
    wire::Error* result = reading_.result.mutable_error();
    if (!error.is_object()) return Fault("the error is no object: " + error.dump());
    for (const auto& [key, value] : error.items()) {
      if (key == "code" && value.is_string()) {
        const auto code =
            std::find_if(std::begin(kCodes) + 1, std::end(kCodes),
                         [&](const CodeName& c) { return value.get<std::string>() == c.name; });
        if (code == std::end(kCodes)) return Fault("there is no code " + value.dump());
        result->set_code(static_cast<wire::Code>(code - std::begin(kCodes)));
      } else if (key == "message" && value.is_string()) {
        result->set_message(value.get<std::string>());
      } else if (key == "details" && value.is_array()) {
        for (const json& detail : value) ReadDetail(detail);
      } else {
        Fault("the error has " + key + " " + value.dump());
      }
    }
    if (result->code() == wire::CODE_UNSPECIFIED) Fault("the error has no code");
  }

  void ReadDetail(const json& detail) {
    for (const auto& [key, value] : detail.items()) {
      if (key != "type" && key != "value" && key != "debug") Fault("a detail has " + key);
    }
    if (!detail.is_object() || !detail.contains("type") || !detail["type"].is_string() ||
        !detail.contains("value") || !detail["value"].is_string()) {
      return Fault("a detail without type or value: " + detail.dump());
    }
    const auto type = detail["type"].get<std::string>();
    const auto bytes = FromBase64(detail["value"].get<std::string>());
    if (!bytes) return Fault("a detail's value is not base64 without padding: " + detail.dump());
    Any* any = reading_.result.mutable_error()->add_details();
    any->set_type_url("type.googleapis.com/" + type);
    any->set_value(*bytes);
    const std::unique_ptr<Message> message = NewMessage(type), debug = NewMessage(type);
    if (message == nullptr || !message->ParseFromString(*bytes)) {
      return Fault("a detail cannot be read: " + detail.dump());
    }
    if (detail.contains("debug") &&
        (!JsonStringToMessage(detail["debug"].dump(), debug.get()).ok() ||
         !MessageDifferencer::Equals(*message, *debug))) {
      Fault("a detail's debug is not its value: " + detail.dump());
    }
  }

  const Call& call_;
  const HttpAnswer& answer_;
  std::string type_{};
  Reading reading_{};
};

// ---- Comparison ---------------------------------------------------------------------------------

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// "a, b" and "a,b" are "a" and "b": HTTP may join the values of one name.
std::vector<std::string> Split(const RepeatedPtrField<std::string>& values) {
  std::vector<std::string> parts;
  for (const std::string& value : values) {
    std::string_view rest = value;
    for (size_t comma = rest.find(','); comma != std::string_view::npos; comma = rest.find(',')) {
      parts.emplace_back(rest.substr(0, comma));
      rest.remove_prefix(comma + 1);
      if (rest.starts_with(' ')) rest.remove_prefix(1);
    }
    parts.emplace_back(rest);
  }
  return parts;
}

void CompareHeaders(const std::string& what, const RepeatedPtrField<wire::Header>& expected,
                    const RepeatedPtrField<wire::Header>& actual, Faults* faults) {
  std::map<std::string, std::vector<std::string>> found;
  for (const wire::Header& header : actual) {
    for (std::string& part : Split(header.value())) {
      found[Lower(header.name())].push_back(std::move(part));
    }
  }
  for (const wire::Header& header : expected) {
    const std::string name = Lower(header.name());
    if (found[name] != Split(header.value())) {
      std::string values;
      for (const std::string& value : found[name]) values += " '" + value + "'";
      faults->push_back(what + " " + header.ShortDebugString() + " expected, but has" + values);
    }
  }
}

void CompareEcho(const RequestEcho& expected, const RequestEcho& actual, bool first,
                 std::chrono::milliseconds elapsed, Faults* faults) {
  if (first) {
    CompareHeaders("request header", expected.request_headers(), actual.request_headers(), faults);
    if (expected.has_timeout_ms() != actual.has_timeout_ms()) {
      faults->push_back(actual.has_timeout_ms()
                            ? "a timeout of " + std::to_string(actual.timeout_ms()) + " ms"
                            : "no timeout");
    } else if (actual.timeout_ms() > expected.timeout_ms() ||
               actual.timeout_ms() < expected.timeout_ms() - elapsed.count()) {
      faults->push_back("a timeout of " + std::to_string(actual.timeout_ms()) + " ms after " +
                        std::to_string(elapsed.count()) + " of " +
                        std::to_string(expected.timeout_ms()));
    }
  }
  bool same = actual.requests_size() == expected.requests_size();
  for (int i = 0; same && i < expected.requests_size(); ++i) {
    same = MessageDifferencer::Equals(*Unpack(expected.requests(i)), *Unpack(actual.requests(i)));
  }
  if (!same) faults->push_back("the service saw other requests");
}

void CompareErrors(const wire::Error& expected, const wire::Error& actual,
                   std::chrono::milliseconds elapsed, Faults* faults) {
  if (actual.code() != expected.code()) {
    faults->push_back(wire::Code_Name(actual.code()) + " instead of " +
                      wire::Code_Name(expected.code()) + ": " + actual.message());
  }
  if (expected.has_message() && actual.message() != expected.message()) {
    faults->push_back("the message '" + actual.message() + "' instead of '" + expected.message() +
                      "'");
  }
  // The suite's own runner would count these, too, and asks itself whether it should: an error that
  // its files write without message and details is the gateway's, which explains each by
  // google.rpc.
  if (!expected.has_message() && expected.details().empty()) {
    for (const Any& detail : actual.details()) {
      if (!detail.type_url().starts_with("type.googleapis.com/google.rpc.")) {
        faults->push_back("a detail of " + detail.type_url());
      }
    }
    return;
  }
  if (actual.details_size() != expected.details_size()) {
    faults->push_back(std::to_string(actual.details_size()) + " details instead of " +
                      std::to_string(expected.details_size()));
    return;
  }
  for (int i = 0; i < expected.details_size(); ++i) {
    RequestEcho wanted, got;
    if (expected.details(i).UnpackTo(&wanted) && actual.details(i).UnpackTo(&got)) {
      CompareEcho(wanted, got, true, elapsed, faults);
    } else if (expected.details(i).type_url() != actual.details(i).type_url() ||
               !MessageDifferencer::Equals(*Unpack(expected.details(i)),
                                           *Unpack(actual.details(i)))) {
      faults->push_back("another detail: " + actual.details(i).type_url());
    }
  }
}

}  // namespace

Reading ReadAnswer(const Call& call, const HttpAnswer& answer) {
  return AnswerReader(call, answer).Read();
}

Faults Compare(const wire::CallResult& expected, const wire::CallResult& actual,
               std::chrono::milliseconds elapsed) {
  Faults faults;
  if (expected.has_http_status_code() && actual.http_status_code() != expected.http_status_code()) {
    faults.push_back("HTTP status " + std::to_string(actual.http_status_code()) + " instead of " +
                     std::to_string(expected.http_status_code()));
  }
  CompareHeaders("response header", expected.response_headers(), actual.response_headers(),
                 &faults);
  CompareHeaders("response trailer", expected.response_trailers(), actual.response_trailers(),
                 &faults);
  if (actual.payloads_size() != expected.payloads_size()) {
    faults.push_back(std::to_string(actual.payloads_size()) + " answers instead of " +
                     std::to_string(expected.payloads_size()));
  }
  for (int i = 0; i < std::min(expected.payloads_size(), actual.payloads_size()); ++i) {
    const wire::ConformancePayload &wanted = expected.payloads(i), &got = actual.payloads(i);
    if (got.data() != wanted.data()) faults.push_back("other data in answer " + std::to_string(i));
    CompareEcho(wanted.request_info(), got.request_info(), i == 0, elapsed, &faults);
  }
  if (expected.has_error() != actual.has_error()) {
    faults.push_back(actual.has_error() ? "an error: " + actual.error().ShortDebugString()
                                        : "no error");
  } else if (expected.has_error()) {
    CompareErrors(expected.error(), actual.error(), elapsed, &faults);
  }
  return faults;
}

}  // namespace rebound::conformance
