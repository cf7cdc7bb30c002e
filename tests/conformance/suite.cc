#include "tests/conformance/suite.h"

#include <google/protobuf/util/json_util.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string_view>

namespace rebound::conformance {
namespace {

using google::protobuf::Any;
using google::protobuf::DescriptorPool;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::RepeatedField;

constexpr wire::Protocol kProtocol = wire::PROTOCOL_CONNECT;
constexpr wire::HTTPVersion kHttpVersion = wire::HTTP_VERSION_1;
constexpr wire::Codec kCodecs[] = {wire::CODEC_PROTO, wire::CODEC_JSON};
constexpr wire::Compression kCompressions[] = {wire::COMPRESSION_IDENTITY, wire::COMPRESSION_GZIP};

[[noreturn]] void Fail(const std::string& what) { throw std::runtime_error(what); }

// ---- YAML as JSON -----------------------------------------------------------------------------

std::string Quoted(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string quoted = "\"";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      quoted += std::string("\\u00") + kHex[byte >> 4] + kHex[byte & 15];
    } else {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
  }
  return quoted + '"';
}

// Plain scalars are numbers and truth values where they look like it; the suite quotes the strings
// that do.
std::string ToJson(const YAML::Node& node) {
  std::string json;
  if (node.IsSequence()) {
    for (const YAML::Node& item : node) json += (json.empty() ? "" : ",") + ToJson(item);
    return "[" + json + "]";
  }
  if (node.IsMap()) {
    for (const auto& entry : node) {
      json += (json.empty() ? "" : ",") + Quoted(entry.first.Scalar()) + ":" + ToJson(entry.second);
    }
    return "{" + json + "}";
  }
  if (!node.IsScalar()) return "null";
  const std::string& text = node.Scalar();
  const bool plain = node.Tag() == "?";
  const bool number = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return plain && (number || text == "true" || text == "false") ? text : Quoted(text);
}

// ---- What is expected -------------------------------------------------------------------------

// The parameters of a GET are not expected back: a gRPC service cannot see them, which the suite
// allows.
wire::ConformancePayload::RequestInfo Echo(const wire::CallRequest& request) {
  wire::ConformancePayload::RequestInfo echo;
  *echo.mutable_request_headers() = request.request_headers();
  *echo.mutable_requests() = request.request_messages();
  if (request.has_timeout_ms()) echo.set_timeout_ms(request.timeout_ms());
  return echo;
}

wire::CallResult ExpectedOfUnary(const wire::CallRequest& request,
                                 const wire::UnaryResponseDefinition& definition) {
  wire::CallResult expected;
  *expected.mutable_response_headers() = definition.response_headers();
  *expected.mutable_response_trailers() = definition.response_trailers();
  if (definition.has_error()) {
    *expected.mutable_error() = definition.error();
    expected.mutable_error()->add_details()->PackFrom(Echo(request));
  } else {
    wire::ConformancePayload* payload = expected.add_payloads();
    payload->set_data(definition.response_data());
    *payload->mutable_request_info() = Echo(request);
  }
  return expected;
}

wire::CallResult ExpectedOfStream(const wire::CallRequest& request,
                                  const wire::StreamResponseDefinition& definition) {
  wire::CallResult expected;
  *expected.mutable_response_headers() = definition.response_headers();
  *expected.mutable_response_trailers() = definition.response_trailers();
  for (const std::string& data : definition.response_data()) {
    expected.add_payloads()->set_data(data);
  }
  if (expected.payloads_size() > 0) {
    *expected.mutable_payloads(0)->mutable_request_info() = Echo(request);
  }
  if (definition.has_error()) {
    *expected.mutable_error() = definition.error();
    if (expected.payloads_size() == 0) {
      expected.mutable_error()->add_details()->PackFrom(Echo(request));
    }
  }
  return expected;
}

wire::CallResult Derive(const wire::CallRequest& request) {
  if (request.has_raw_request()) Fail(request.test_name() + ": a raw request derives nothing");
  const Any& any = request.request_messages(0);
  if (wire::UnaryRequest unary; any.UnpackTo(&unary)) {
    return ExpectedOfUnary(request, unary.response_definition());
  }
  if (wire::IdempotentUnaryRequest unary; any.UnpackTo(&unary)) {
    return ExpectedOfUnary(request, unary.response_definition());
  }
  if (wire::ServerStreamRequest stream; any.UnpackTo(&stream)) {
    return ExpectedOfStream(request, stream.response_definition());
  }
  Fail(request.test_name() + ": no derivation for " + any.type_url());
}

// Pads request_data until the message has `size` bytes in binary form.
void Pad(Any* any, size_t size) {
  const std::unique_ptr<Message> message = Unpack(*any);
  const auto* field = message->GetDescriptor()->FindFieldByName("request_data");
  if (field == nullptr) Fail("no request_data in " + any->type_url());
  // Each round corrects for the bytes that the field's length takes.
  for (int round = 0; round < 3 && message->ByteSizeLong() != size; ++round) {
    std::string data = message->GetReflection()->GetString(*message, field);
    data.resize(data.size() + size - message->ByteSizeLong());
    message->GetReflection()->SetString(message.get(), field, data);
  }
  if (message->ByteSizeLong() != size) Fail("cannot pad to " + std::to_string(size));
  any->PackFrom(*message);
}

template <typename Enum>
bool Relevant(const RepeatedField<int>& relevant, Enum value) {
  return relevant.empty() || std::find(relevant.begin(), relevant.end(), value) != relevant.end();
}

}  // namespace

std::string Call::Title() const {
  return name + " " + wire::Codec_Name(codec) + " " + wire::Compression_Name(compression);
}

wire::TestSuite ReadSuite(const std::filesystem::path& file) {
  wire::TestSuite suite;
  try {
    const auto status =
        google::protobuf::util::JsonStringToMessage(ToJson(YAML::LoadFile(file.string())), &suite);
    if (!status.ok()) Fail(file.filename().string() + ": " + status.ToString());
  } catch (const YAML::Exception& error) {
    Fail(file.filename().string() + ": " + error.what());
  }
  std::set<std::string> names;
  for (const wire::TestCase& test : suite.test_cases()) {
    if (!names.insert(test.request().test_name()).second) {
      Fail(file.filename().string() + ": two cases " + test.request().test_name());
    }
  }
  if (names.empty()) Fail(file.filename().string() + ": no cases");
  return suite;
}

bool Applies(const wire::TestSuite& suite, const wire::TestCase& test) {
  const wire::StreamType type = test.request().stream_type();
  return suite.mode() != wire::TestSuite::TEST_MODE_CLIENT &&
         Relevant(suite.relevant_protocols(), kProtocol) &&
         Relevant(suite.relevant_http_versions(), kHttpVersion) &&
         std::any_of(std::begin(kCodecs), std::end(kCodecs),
                     [&](auto codec) { return Relevant(suite.relevant_codecs(), codec); }) &&
         std::any_of(std::begin(kCompressions), std::end(kCompressions),
                     [&](auto way) { return Relevant(suite.relevant_compressions(), way); }) &&
         (type == wire::STREAM_TYPE_UNARY || type == wire::STREAM_TYPE_SERVER_STREAM);
}

std::vector<Call> Permutations(const wire::TestSuite& suite, const wire::TestCase& test) {
  Call call;
  call.name = test.request().test_name();
  call.request = test.request();
  if (suite.relies_on_tls()) Fail(call.name + ": this runner has no TLS");
  if (call.request.request_messages_size() != 1 || call.request.request_delay_ms() != 0) {
    Fail(call.name + ": not one request at once");
  }
  if (call.request.service().empty()) {
    call.request.set_service("connectrpc.conformance.v1.ConformanceService");
    call.request.set_method(call.request.stream_type() == wire::STREAM_TYPE_UNARY ? "Unary"
                                                                                  : "ServerStream");
  }
  for (const auto& size : test.expand_requests()) {
    if (!size.has_size_relative_to_limit()) continue;
    Pad(call.request.mutable_request_messages(0),
        kReceiveLimit + static_cast<size_t>(size.size_relative_to_limit()));
  }
  call.expected = test.has_expected_response() ? test.expected_response() : Derive(call.request);
  std::vector<Call> calls;
  for (const wire::Codec codec : kCodecs) {
    if (!Relevant(suite.relevant_codecs(), codec)) continue;
    for (const wire::Compression compression : kCompressions) {
      if (!Relevant(suite.relevant_compressions(), compression)) continue;
      call.codec = codec;
      call.compression = compression;
      calls.push_back(call);
    }
  }
  return calls;
}

std::vector<std::string> LeftOutValues() {
  std::set<std::string> served{wire::Protocol_Name(kProtocol),
                               wire::HTTPVersion_Name(kHttpVersion)};
  for (const auto codec : kCodecs) served.insert(wire::Codec_Name(codec));
  for (const auto compression : kCompressions) served.insert(wire::Compression_Name(compression));
  std::vector<std::string> left_out;
  for (const auto* values : {wire::Protocol_descriptor(), wire::HTTPVersion_descriptor(),
                             wire::Codec_descriptor(), wire::Compression_descriptor()}) {
    for (int i = 0; i < values->value_count(); ++i) {
      const auto& value = *values->value(i);
      if (value.number() != 0 && !served.contains(value.name())) left_out.push_back(value.name());
    }
  }
  return left_out;
}

NotApplicable ReadNotApplicable(const std::filesystem::path& file) {
  NotApplicable listed;
  std::ifstream stream(file);
  std::string reason;
  for (std::string line; std::getline(stream, line);) {
    if (line.empty()) {
      reason.clear();
    } else if (line.starts_with('#')) {
      reason += (reason.empty() ? "" : " ") + line.substr(std::min<size_t>(2, line.size()));
    } else {
      const size_t space = line.find(' ');
      if (space == std::string::npos) Fail("no case in the line '" + line + "'");
      if (reason.empty()) Fail("no reason above '" + line + "'");
      if (!listed[line.substr(0, space)].emplace(line.substr(space + 1), reason).second) {
        Fail("'" + line + "' is listed twice");
      }
    }
  }
  if (listed.empty()) Fail("cannot read " + file.filename().string());
  return listed;
}

std::unique_ptr<Message> NewMessage(const std::string& type) {
  const auto* descriptor = DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  if (descriptor == nullptr) return nullptr;
  return std::unique_ptr<Message>(
      MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
}

std::unique_ptr<Message> Unpack(const Any& any) {
  const size_t slash = any.type_url().rfind('/');
  auto message = NewMessage(any.type_url().substr(slash == std::string::npos ? 0 : slash + 1));
  if (message == nullptr || !message->ParseFromString(any.value())) {
    Fail("cannot read an Any of " + any.type_url());
  }
  return message;
}

}  // namespace rebound::conformance
