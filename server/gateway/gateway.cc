#include "server/gateway/gateway.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "rebound/v1/access_service.pb.h"
#include "server/clock.h"
#include "server/gateway/connect.h"
#include "server/gateway/files.h"
#include "server/gateway/refusal.h"
#include "server/gateway/session_cookie.h"
#include "server/gateway/strict_json.h"
#include "server/log.h"
#include "server/services/call.h"
#include "server/services/status.h"
#include "workflows/check.h"

namespace rebound {
namespace {

using google::protobuf::MethodDescriptor;

struct Method {
  const MethodDescriptor* descriptor;
  std::string path;  // "/rebound.v1.CaseService/GetCase"
  std::string input_url;
  std::string output_url;
  bool safe;  // may be called by GET
};

constexpr std::string_view kSignIn = "/rebound.v1.AccessService/SignIn";
constexpr std::string_view kSignOut = "/rebound.v1.AccessService/SignOut";
constexpr std::string_view kTimeout = "connect-timeout-ms";

grpc::ByteBuffer ToBuffer(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

std::string BytesIn(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

std::string_view LanguageOf(const HttpRequest& request) {
  const std::string* language = FindHeader(request.headers, "accept-language");
  return language == nullptr ? kDefaultLanguage : std::string_view(*language);
}

std::string_view HeaderOr(const HttpRequest& request, std::string_view name,
                          std::string_view otherwise) {
  const std::string* value = FindHeader(request.headers, name);
  return value == nullptr ? otherwise : std::string_view(*value);
}

// "Application/JSON; charset=utf-8" is "application/json"; of another charset "".
std::string MediaType(std::string_view content_type) {
  std::string type;
  for (const char c : content_type) {
    if (c == ' ' || c == '\t' || c == '"') continue;
    type += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  const size_t semicolon = type.find(';');
  if (semicolon == std::string::npos) return type;
  return type.substr(semicolon) == ";charset=utf-8" ? type.substr(0, semicolon) : "";
}

// "/package.Service/Method": not the path of a console's page or file.
bool LooksLikeMethod(std::string_view path) {
  const size_t slash = path.find('/', 1);
  return slash != std::string_view::npos && path.substr(1, slash - 1).find('.') != path.npos &&
         path.find('/', slash + 1) == path.npos && path.find('.', slash) == path.npos;
}

// What the answer to one call needs to know of it.
struct Request {
  std::shared_ptr<HttpExchange> exchange;
  Timestamp came{};
  std::optional<Timestamp> deadline{};  // of its answer; nullopt: the services say
  const Method* method = nullptr;       // null: there is none
  bool json = false;
  bool stream = false;
  bool gzip = false;      // the client takes it
  std::string session{};  // the token of its cookie; empty: it needs none
  std::string stamp{};    // Admission::stamp
  size_t longest = 0;     // of its message
  HttpHeaders headers{};  // of the answer, whatever it is
};

}  // namespace

HttpHeaders SecurityHeaders(bool tls) {
  HttpHeaders headers = {{"content-security-policy", "default-src 'self'; frame-ancestors 'none'"},
                         {"x-content-type-options", "nosniff"},
                         {"referrer-policy", "no-referrer"},
                         {"cross-origin-resource-policy", "same-origin"}};
  if (tls) headers.emplace_back("strict-transport-security", "max-age=31536000");
  return headers;
}

// Forwards calls; see the header. A running call keeps itself alive and is listed, so that the end
// of the gateway can cancel it and wait.
struct Gateway::State {
  class Running;
  class UnaryCall;
  class StreamCall;

  State(std::shared_ptr<grpc::Channel> channel, Options given);

  void Handle(std::shared_ptr<HttpExchange> exchange);
  void HandlePage(const std::shared_ptr<HttpExchange>& exchange);
  void HandleMetrics(const std::shared_ptr<HttpExchange>& exchange);
  bool HandleCors(const HttpRequest& request, HttpHeaders* headers, HttpResponse* preflight);
  void HandleCall(Request call);
  void HandlePost(Request call);
  void HandleGet(Request call);
  // Whether the message may be looked at; else the call is off already, without it.
  bool Admit(Request* call);
  // With the message as it came: inflated, checked and brought to bytes of protobuf, and off.
  void Forward(Request call, std::string message, std::string encoding);
  void DecodeAndSend(const Request& call, std::string message, std::string_view encoding);
  // With bytes of protobuf.
  void Send(const Request& call, std::string_view bytes);
  // Of a call that has not begun.
  void FailEither(const Request& call, const Error& error);

  void Refuse(const Request& call, const GatewayRefusal& refusal, int http_status = 0);
  void FailUnary(const Request& call, const grpc::Status& status, int http_status);
  // Of a call whose stream has not begun.
  void FailStream(const Request& call, const grpc::Status& status);

  std::optional<GatewayRefusal> CheckCommon(const Request& call) const;
  static std::optional<GatewayRefusal> CheckEncoding(std::string_view encoding);
  // Inflates in place when `encoding` says so.
  std::optional<GatewayRefusal> Inflate(std::string_view encoding, size_t longest,
                                        std::string* bytes) const;
  // Protobuf's bytes of `message`.
  std::optional<GatewayRefusal> Decode(const Request& call, std::string_view message,
                                       std::string* bytes) const;
  // nullopt: they cannot be written as JSON.
  std::optional<std::string> Encode(const Request& call, const grpc::ByteBuffer& answer) const;
  static GatewayRefusal TooLarge(size_t longest) {
    return {v1::GATEWAY_ERROR_REASON_MESSAGE_TOO_LARGE, {{"expected", std::to_string(longest)}}};
  }

  // Starts a call unless it is too late: then false.
  template <typename Kind>
  bool Start(const std::shared_ptr<Kind>& call, std::string_view message);
  void End(const std::shared_ptr<Running>& call);
  void Drain(std::chrono::milliseconds grace);
  void Shutdown();

  const Options options;
  grpc::GenericStub stub;
  std::unique_ptr<google::protobuf::util::TypeResolver> resolver;
  std::map<std::string, Method, std::less<>> methods;  // by path
  std::optional<Files> files;

  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::shared_ptr<Running>> running;  // guarded
  size_t starting = 0;                         // guarded; calls that the channel is being told
  int decoding = 0;                            // guarded; messages that `run` has
  bool closing = false;                        // guarded
};

class Gateway::State::Running : public std::enable_shared_from_this<Running> {
 public:
  Running(State& state, Request call) : state_(state), asked_(std::move(call)) {}
  virtual ~Running() = default;

  void Cancel() { context_.TryCancel(); }

 protected:
  // Fields of the request and its deadline, to the context; and the client's going away.
  void Prepare() {
    for (auto& [name, value] : ToCallMetadata(asked_.exchange->request()).entries) {
      context_.AddMetadata(name, value);
    }
    if (!asked_.session.empty()) context_.AddMetadata("authorization", "Bearer " + asked_.session);
    if (!asked_.stamp.empty()) context_.AddMetadata("rebound-admitted", asked_.stamp);
    if (asked_.deadline) {
      context_.set_deadline(std::chrono::system_clock::time_point(*asked_.deadline));
    }
    asked_.exchange->OnGone([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Cancel();
    });
  }

  State& state_;
  const Request asked_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_, answer_;
};

class Gateway::State::UnaryCall final : public Running, public grpc::ClientUnaryReactor {
 public:
  using Running::Running;

  void Start(std::string_view message) {
    Prepare();
    request_ = ToBuffer(message);
    state_.stub.PrepareUnaryCall(&context_, asked_.method->path, grpc::StubOptions(), &request_,
                                 &answer_, this);
    StartCall();
  }

  void OnDone(const grpc::Status& status) override {
    const auto self = shared_from_this();
    Answer(status);
    state_.End(self);
  }

 private:
  // A sign-in by a page leaves its token in the cookie alone; a sign-out ends the cookie.
  void MindSession(Request* call) {
    const HttpRequest& request = call->exchange->request();
    if (call->method->path == kSignOut && !call->session.empty()) {
      call->headers.emplace_back("set-cookie", SetSessionCookie(request, ""));
    }
    if (call->method->path != kSignIn || !WantsSessionCookie(request)) return;
    v1::SignInResponse signed_in;
    CHECK(signed_in.ParseFromString(BytesIn(answer_)));  // the services' own answer
    call->headers.emplace_back("set-cookie", SetSessionCookie(request, signed_in.session_token()));
    signed_in.clear_session_token();
    answer_ = ToBuffer(signed_in.SerializeAsString());
  }

  void Answer(const grpc::Status& status) {
    Request call = asked_;
    AddHeaders(context_.GetServerInitialMetadata(), "", &call.headers);
    AddHeaders(context_.GetServerTrailingMetadata(), "trailer-", &call.headers);
    if (!status.ok()) return state_.FailUnary(call, status, HttpStatusOf(status.error_code()));
    MindSession(&call);
    auto bytes = state_.Encode(call, answer_);
    if (!bytes) return state_.Refuse(call, {v1::GATEWAY_ERROR_REASON_ANSWER_INVALID});
    HttpResponse response;
    response.headers = std::move(call.headers);
    response.headers.emplace_back("content-type",
                                  call.json ? "application/json" : "application/proto");
    if (call.gzip && bytes->size() > state_.options.compress_above) {
      *bytes = Gzip(*bytes);
      response.headers.emplace_back("content-encoding", "gzip");
    }
    response.body = *std::move(bytes);
    call.exchange->Reply(std::move(response));
  }
};

// One message is on its way to the client at any time: the next is read when the socket has taken
// it. The hold stands for these reads, which begin outside gRPC's reactions.
class Gateway::State::StreamCall final
    : public Running,
      public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  using Running::Running;

  void Start(std::string_view message) {
    Prepare();
    request_ = ToBuffer(message);
    state_.stub.PrepareBidiStreamingCall(&context_, asked_.method->path, grpc::StubOptions(), this);
    AddHold();
    StartWriteLast(&request_, grpc::WriteOptions());
    StartCall();
  }

  void OnReadInitialMetadataDone(bool ok) override {
    if (ok) {
      has_metadata_ = true;
      Begin();
    }
    StartRead(&answer_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return RemoveHold();
    auto bytes = state_.Encode(asked_, answer_);
    if (!bytes) {
      refusal_ = GatewayRefusal{v1::GATEWAY_ERROR_REASON_ANSWER_INVALID, {}};
      Cancel();
      return RemoveHold();
    }
    uint8_t flags = 0;
    if (asked_.gzip && bytes->size() > state_.options.compress_above) {
      *bytes = Gzip(*bytes);
      flags = kFrameCompressed;
    }
    const auto self = std::static_pointer_cast<StreamCall>(shared_from_this());
    asked_.exchange->Write(ToFrame(flags, *bytes), [self](bool taken) {
      if (taken) return self->StartRead(&self->answer_);
      self->Cancel();
      self->RemoveHold();
    });
  }

  void OnDone(const grpc::Status& status) override {
    const auto self = shared_from_this();
    if (!began_) Begin();
    const grpc::Status end =
        refusal_ ? ToStatus(*refusal_, LanguageOf(asked_.exchange->request())) : status;
    asked_.exchange->Write(
        ToFrame(kFrameEnd,
                EndStreamJson(end, context_.GetServerTrailingMetadata(), state_.resolver.get())),
        {});
    asked_.exchange->Finish();
    state_.End(self);
  }

 private:
  void Begin() {
    HttpResponse head;
    head.headers = asked_.headers;
    began_ = true;
    if (has_metadata_) {
      AddHeaders(context_.GetServerInitialMetadata(), "", &head.headers);
    }
    head.headers.emplace_back(
        "content-type", asked_.json ? "application/connect+json" : "application/connect+proto");
    if (asked_.gzip) head.headers.emplace_back("connect-content-encoding", "gzip");
    asked_.exchange->StartStream(std::move(head));
  }

  bool began_ = false;
  bool has_metadata_ = false;
  std::optional<GatewayRefusal> refusal_;
};

Gateway::State::State(std::shared_ptr<grpc::Channel> channel, Options given)
    : options(std::move(given)), stub(std::move(channel)) {
  const auto* pool =
      options.pool != nullptr ? options.pool : google::protobuf::DescriptorPool::generated_pool();
  resolver.reset(
      google::protobuf::util::NewTypeResolverForDescriptorPool("type.googleapis.com", pool));
  for (const std::string& name : options.services) {
    const google::protobuf::ServiceDescriptor* service = pool->FindServiceByName(name);
    CHECK(service != nullptr);
    for (int i = 0; i < service->method_count(); ++i) {
      const MethodDescriptor* method = service->method(i);
      const std::string path = "/" + name + "/" + method->name();
      const std::string url = "type.googleapis.com/";
      methods.emplace(path, Method{method, path, url + method->input_type()->full_name(),
                                   url + method->output_type()->full_name(),
                                   !method->client_streaming() && !method->server_streaming() &&
                                       method->options().idempotency_level() ==
                                           google::protobuf::MethodOptions::NO_SIDE_EFFECTS});
    }
  }
  if (!options.files.empty()) files.emplace(options.files);
}

// ------------------------------------------------------------------------------------- pages

void Gateway::State::Handle(std::shared_ptr<HttpExchange> exchange) {
  const HttpRequest& request = exchange->request();
  const auto found = methods.find(request.path);
  const bool is_page =
      request.path == "/healthz" || request.path == "/readyz" || request.path == "/metrics" ||
      (found == methods.end() && !LooksLikeMethod(request.path) && request.method != "POST");
  const auto credential = CredentialInQuery(request.query);
  if (credential) Log(Level::kWarning, "an address holds a credential", {{"field", *credential}});
  const auto in_url = [&] { return Error{Reason::kCredentialInUrl, {{"field", *credential}}}; };
  if (is_page) {
    if (!credential) return HandlePage(exchange);
    if (options.refused) options.refused(request, "", in_url());
    return exchange->Reply(PlainText(400, "CREDENTIAL_IN_URL: send it as a header\n"));
  }

  Request call;
  call.came = SystemClock().Now();
  if (const std::string* timeout = FindHeader(request.headers, kTimeout)) {
    // One that is none is refused further on, see CheckCommon.
    if (const auto asked = ParseTimeout(*timeout)) call.deadline = call.came + *asked;
  }
  call.method = found == methods.end() ? nullptr : &found->second;
  call.headers = {{"cache-control", "no-store"}};
  HttpResponse preflight;
  if (HandleCors(request, &call.headers, &preflight)) return exchange->Reply(std::move(preflight));
  call.exchange = std::move(exchange);
  const auto refuse = [&](const Error& error) {
    const std::string_view path =
        call.method == nullptr ? "/" : std::string_view(call.method->path);
    if (options.refused) options.refused(call.exchange->request(), path.substr(1), error);
    const grpc::Status status = ToStatus(error, LanguageOf(call.exchange->request()));
    FailUnary(call, status, HttpStatusOf(status.error_code()));
  };
  if (credential) return refuse(in_url());
  auto session = SessionToken(call.exchange->request());
  if (!session) return refuse(session.error());
  call.session = *std::move(session);
  HandleCall(std::move(call));
}

void Gateway::State::HandlePage(const std::shared_ptr<HttpExchange>& exchange) {
  const HttpRequest& request = exchange->request();
  if (options.sign_in && request.path.starts_with("/sign-in/")) {
    return options.sign_in(
        request, [exchange](HttpResponse response) { exchange->Reply(std::move(response)); });
  }
  if (request.method != "GET" && request.method != "HEAD") {
    HttpResponse response = PlainText(405, "only GET and HEAD\n");
    response.headers.emplace_back("allow", "GET, HEAD");
    return exchange->Reply(std::move(response));
  }
  if (request.path == "/healthz") return exchange->Reply(PlainText(200, "ok\n"));
  if (request.path == "/readyz") {
    const bool ready = !options.ready || options.ready();
    return exchange->Reply(ready ? PlainText(200, "ready\n") : PlainText(503, "not ready\n"));
  }
  if (request.path == "/metrics") return HandleMetrics(exchange);
  exchange->Reply(files ? files->Serve(request) : PlainText(404, "not found\n"));
}

void Gateway::State::HandleMetrics(const std::shared_ptr<HttpExchange>& exchange) {
  if (!options.metrics) return exchange->Reply(PlainText(404, "not found\n"));
  options.metrics(exchange->request(),
                  [this, exchange](const grpc::Status& status, std::string text) {
                    HttpResponse response = PlainText(200, std::move(text));
                    response.headers.front().second = "text/plain; version=0.0.4; charset=utf-8";
                    if (!status.ok()) {
                      response.status = HttpStatusOf(status.error_code());
                      response.headers.front().second = "application/json";
                      response.body = ErrorJson(status, resolver.get());
                    }
                    exchange->Reply(std::move(response));
                  });
}

// True: the answer is in *preflight.
bool Gateway::State::HandleCors(const HttpRequest& request, HttpHeaders* headers,
                                HttpResponse* preflight) {
  if (options.cors_origins.empty()) return false;
  headers->emplace_back("vary", "origin");
  const std::string* origin = FindHeader(request.headers, "origin");
  if (origin == nullptr || std::find(options.cors_origins.begin(), options.cors_origins.end(),
                                     *origin) == options.cors_origins.end()) {
    return false;
  }
  headers->emplace_back("access-control-allow-origin", *origin);
  headers->emplace_back("access-control-expose-headers", "*");
  headers->emplace_back("cross-origin-resource-policy", "cross-origin");
  if (request.method != "OPTIONS") return false;
  preflight->status = 204;
  preflight->headers = *headers;
  preflight->headers.emplace_back("access-control-allow-methods", "GET, POST");
  preflight->headers.emplace_back(
      "access-control-allow-headers",
      "authorization, content-type, content-encoding, accept-language, traceparent, "
      "connect-protocol-version, connect-timeout-ms, connect-content-encoding, "
      "connect-accept-encoding");
  preflight->headers.emplace_back("access-control-max-age", "7200");
  return true;
}

// ------------------------------------------------------------------------------------- calls

void Gateway::State::HandleCall(Request call) {
  const HttpRequest& request = call.exchange->request();
  if (call.method == nullptr) {
    return Refuse(call, {v1::GATEWAY_ERROR_REASON_METHOD_NOT_FOUND, {{"path", request.path}}});
  }
  const bool get = request.method == "GET" && call.method->safe;
  if (request.method != "POST" && !get) {
    const std::string allowed = call.method->safe ? "GET, POST" : "POST";
    call.headers.emplace_back("allow", allowed);
    return Refuse(call, {v1::GATEWAY_ERROR_REASON_VERB_NOT_ALLOWED,
                         {{"value", request.method}, {"expected", allowed}}});
  }
  if (call.method->descriptor->client_streaming()) {
    return Refuse(call,
                  {v1::GATEWAY_ERROR_REASON_REQUEST_STREAM_UNSUPPORTED, {{"path", request.path}}});
  }
  if (get) return HandleGet(std::move(call));
  HandlePost(std::move(call));
}

// Version, time-out and fields: alike for every form of a call.
std::optional<GatewayRefusal> Gateway::State::CheckCommon(const Request& call) const {
  const HttpRequest& request = call.exchange->request();
  const std::string* version = FindHeader(request.headers, "connect-protocol-version");
  const bool wanted = options.require_protocol_version && request.method == "POST";
  if (version == nullptr ? wanted : *version != "1") {
    return GatewayRefusal{v1::GATEWAY_ERROR_REASON_PROTOCOL_VERSION_UNSUPPORTED,
                          {{"value", version == nullptr ? "" : *version}, {"expected", "1"}}};
  }
  const std::string* timeout = FindHeader(request.headers, kTimeout);
  if (timeout != nullptr && !ParseTimeout(*timeout)) {
    return GatewayRefusal{v1::GATEWAY_ERROR_REASON_TIMEOUT_INVALID, {{"value", *timeout}}};
  }
  if (const std::string bad = ToCallMetadata(request).bad; !bad.empty()) {
    return GatewayRefusal{v1::GATEWAY_ERROR_REASON_METADATA_INVALID, {{"field", bad}}};
  }
  return std::nullopt;
}

std::optional<GatewayRefusal> Gateway::State::CheckEncoding(std::string_view encoding) {
  if (encoding == "" || encoding == "identity" || encoding == "gzip") return std::nullopt;
  return GatewayRefusal{v1::GATEWAY_ERROR_REASON_ENCODING_UNSUPPORTED,
                        {{"value", std::string(encoding)}, {"expected", "gzip, identity"}}};
}

std::optional<GatewayRefusal> Gateway::State::Inflate(std::string_view encoding, size_t longest,
                                                      std::string* bytes) const {
  if (bytes->size() > longest) return TooLarge(longest);
  if (encoding != "gzip" || bytes->empty()) return std::nullopt;
  Inflated inflated = Gunzip(*bytes, longest);
  if (inflated.outcome == Inflated::Outcome::kTooLarge) return TooLarge(longest);
  if (inflated.outcome == Inflated::Outcome::kBroken) {
    return GatewayRefusal{v1::GATEWAY_ERROR_REASON_COMPRESSION_INVALID, {{"expected", "gzip"}}};
  }
  *bytes = std::move(inflated.bytes);
  return std::nullopt;
}

void Gateway::State::HandlePost(Request call) {
  const HttpRequest& request = call.exchange->request();
  const std::string type = MediaType(HeaderOr(request, "content-type", ""));
  const bool streams = call.method->descriptor->server_streaming();
  const std::string prefix = streams ? "application/connect+" : "application/";
  if (type != prefix + "json" && type != prefix + "proto") {
    const std::string expected = prefix + "json, " + prefix + "proto";
    call.headers.emplace_back("accept-post", expected);
    return Refuse(call, {v1::GATEWAY_ERROR_REASON_CONTENT_TYPE_UNSUPPORTED,
                         {{"value", std::string(HeaderOr(request, "content-type", ""))},
                          {"expected", expected}}});
  }
  call.json = type.ends_with("json");
  call.stream = streams;
  const std::string_view in = streams ? "connect-content-encoding" : "content-encoding";
  const std::string_view out = streams ? "connect-accept-encoding" : "accept-encoding";
  call.gzip = TakesGzip(HeaderOr(request, out, ""));
  call.headers.emplace_back(std::string(out), "gzip, identity");
  if (const auto refusal = CheckCommon(call)) return Refuse(call, *refusal);
  // First: how long it may be, and what else is wrong, depends on whose it is.
  if (!Admit(&call)) return;
  if (request.body_too_large) return Refuse(call, TooLarge(call.longest), 413);

  const std::string encoding(HeaderOr(request, in, ""));
  if (!streams) {
    if (const auto refusal = CheckEncoding(encoding)) return Refuse(call, *refusal);
    return Forward(std::move(call), request.body, encoding);
  }
  const std::string_view expected = "frames of 1 byte of flags, 4 of length and the message";
  const auto frames = ParseFrames(request.body);
  if (!frames || std::any_of(frames->begin(), frames->end(),
                             [](const Frame& f) { return f.flags > kFrameCompressed; })) {
    return Refuse(call,
                  {v1::GATEWAY_ERROR_REASON_FRAME_INVALID, {{"expected", std::string(expected)}}});
  }
  if (frames->size() != 1) {
    return Refuse(call, {v1::GATEWAY_ERROR_REASON_ONE_MESSAGE_EXPECTED,
                         {{"value", std::to_string(frames->size())}}});
  }
  const Frame& frame = frames->front();
  const bool compressed = frame.flags == kFrameCompressed;
  if (compressed && (encoding.empty() || encoding == "identity")) {
    return Refuse(call, {v1::GATEWAY_ERROR_REASON_COMPRESSION_UNDECLARED});
  }
  // A declared encoding must be known even when this message does not use it.
  if (const auto refusal = CheckEncoding(encoding)) return Refuse(call, *refusal);
  Forward(std::move(call), std::string(frame.bytes), compressed ? encoding : "");
}

void Gateway::State::HandleGet(Request call) {
  const HttpRequest& request = call.exchange->request();
  const auto refuse = [&](std::string field, std::string expected) {
    Refuse(call, {v1::GATEWAY_ERROR_REASON_QUERY_INVALID,
                  {{"field", std::move(field)}, {"expected", std::move(expected)}}});
  };
  call.gzip = TakesGzip(HeaderOr(request, "accept-encoding", ""));
  if (const auto refusal = CheckCommon(call)) return Refuse(call, *refusal);
  auto parameters = ParseQuery(request.query);
  if (!parameters) return refuse("", "%XX behind each %");
  const auto value = [&](const char* name) {
    const auto found = parameters->find(name);
    return found == parameters->end() ? std::string() : found->second;
  };
  if (parameters->count("connect") == 0 ? options.require_protocol_version
                                        : value("connect") != "v1") {
    return Refuse(call, {v1::GATEWAY_ERROR_REASON_PROTOCOL_VERSION_UNSUPPORTED,
                         {{"value", value("connect")}, {"expected", "v1"}}});
  }
  const std::string encoding = value("encoding");
  if (encoding.empty()) return refuse("encoding", "json or proto");
  if (encoding != "json" && encoding != "proto") {
    return Refuse(call, {v1::GATEWAY_ERROR_REASON_CONTENT_TYPE_UNSUPPORTED,
                         {{"value", encoding}, {"expected", "json, proto"}}});
  }
  call.json = encoding == "json";
  if (!Admit(&call)) return;
  if (parameters->count("message") == 0) return refuse("message", "the message");
  std::string bytes = value("message");
  const std::string base64 = value("base64");
  if (!base64.empty() && base64 != "0" && base64 != "1") return refuse("base64", "1");
  if (base64 == "1") {
    auto decoded = FromBase64(bytes);
    if (!decoded) return refuse("message", "base64");
    bytes = *std::move(decoded);
  }
  const std::string compression = value("compression");
  if (const auto refusal = CheckEncoding(compression)) return Refuse(call, *refusal);
  Forward(std::move(call), std::move(bytes), compression);
}

bool Gateway::State::Admit(Request* call) {
  call->longest = options.max_message;
  if (!options.admit) return true;
  CallEntries entries = ToCallMetadata(call->exchange->request()).entries;
  if (!call->session.empty()) entries.emplace_back("authorization", "Bearer " + call->session);
  Admission admission = options.admit(entries, std::string_view(call->method->path).substr(1));
  call->stamp = std::move(admission.stamp);
  call->longest = std::min(call->longest, admission.longest);
  if (admission.reads) return true;
  Send(*call, {});
  return false;
}

std::optional<GatewayRefusal> Gateway::State::Decode(const Request& call, std::string_view message,
                                                     std::string* bytes) const {
  if (!call.json) {
    *bytes = message;
    return std::nullopt;
  }
  if (const auto fault = CheckJson(message, call.method->descriptor->input_type())) {
    return ToRefusal(*fault);
  }
  const auto status = google::protobuf::util::JsonToBinaryString(
      resolver.get(), call.method->input_url, std::string(message), bytes);
  if (!status.ok()) {
    return GatewayRefusal{
        v1::GATEWAY_ERROR_REASON_JSON_INVALID,
        {{"field", ""},
         {"offset", "0"},
         {"expected", "values of their types (" + std::string(status.message()) + ")"}}};
  }
  if (bytes->size() > options.max_message) return TooLarge(options.max_message);
  return std::nullopt;
}

std::optional<std::string> Gateway::State::Encode(const Request& call,
                                                  const grpc::ByteBuffer& answer) const {
  std::string bytes = BytesIn(answer);
  if (!call.json) return bytes;
  std::string json;
  const auto status = google::protobuf::util::BinaryToJsonString(
      resolver.get(), call.method->output_url, bytes, &json);
  if (!status.ok()) {
    Log(Level::kError, "answer cannot be written as JSON", {{"rpc", call.method->path}});
    return std::nullopt;
  }
  return json;
}

void Gateway::State::Forward(Request call, std::string message, std::string encoding) {
  const bool quick = encoding != "gzip" && message.size() <= options.run_above;
  if (quick || !options.run) return DecodeAndSend(call, std::move(message), encoding);
  const auto add = [this](int n) {
    std::lock_guard lock(mutex);
    decoding += n;
    changed.notify_all();
  };
  add(1);
  // The services would begin to count after the queue.
  if (!call.stream) {
    const Timestamp latest = call.came + kLongestCall;
    call.deadline = std::min(call.deadline.value_or(latest), latest);
  }
  const auto gone = std::make_shared<std::atomic<bool>>(false);
  call.exchange->OnGone([gone] { *gone = true; });
  auto waiting = std::make_shared<Request>(std::move(call));
  auto bytes = std::make_shared<std::string>(std::move(message));
  const bool queued =
      options.run([this, add, gone, waiting, bytes, encoding = std::move(encoding)] {
        if (waiting->deadline && *waiting->deadline <= SystemClock().Now()) {
          FailEither(*waiting, Error{Reason::kDeadlineExceeded});
        } else if (!*gone) {
          DecodeAndSend(*waiting, std::move(*bytes), encoding);
        }
        waiting->exchange.reset();  // the copies of this task may live on, and the gateway not
        add(-1);
      });
  if (queued) return;
  FailEither(*waiting, Error{Reason::kQueueFull, {{"capacity", "256"}}});
  add(-1);
}

void Gateway::State::DecodeAndSend(const Request& call, std::string message,
                                   std::string_view encoding) {
  if (const auto refusal = Inflate(encoding, call.longest, &message)) return Refuse(call, *refusal);
  std::string bytes;
  if (const auto refusal = Decode(call, message, &bytes)) return Refuse(call, *refusal);
  Send(call, bytes);
}

void Gateway::State::Send(const Request& call, std::string_view bytes) {
  const bool started = call.stream ? Start(std::make_shared<StreamCall>(*this, call), bytes)
                                   : Start(std::make_shared<UnaryCall>(*this, call), bytes);
  if (!started) FailEither(call, Error{Reason::kShuttingDown});
}

void Gateway::State::Refuse(const Request& call, const GatewayRefusal& refusal, int http_status) {
  const GatewayReasonText& row = TextOf(refusal.reason);
  const grpc::Status status = ToStatus(refusal, LanguageOf(call.exchange->request()));
  if (http_status == 0) http_status = row.http_status;
  if (http_status == 0) http_status = HttpStatusOf(row.code);
  Log(Level::kInfo, "gateway refused",
      {{"rpc", call.method == nullptr ? std::string_view() : std::string_view(call.method->path)},
       {"reason", Name(refusal.reason)},
       {"status", call.stream ? 200 : http_status}});
  if (call.stream) return FailStream(call, status);
  FailUnary(call, status, http_status);
}

void Gateway::State::FailEither(const Request& call, const Error& error) {
  const grpc::Status status = ToStatus(error, LanguageOf(call.exchange->request()));
  if (call.stream) return FailStream(call, status);
  FailUnary(call, status, HttpStatusOf(status.error_code()));
}

void Gateway::State::FailUnary(const Request& call, const grpc::Status& status, int http_status) {
  HttpResponse response;
  response.status = http_status;
  response.headers = call.headers;
  response.headers.emplace_back("content-type", "application/json");
  response.body = ErrorJson(status, resolver.get());
  if (call.gzip && response.body.size() > options.compress_above) {
    response.body = Gzip(response.body);
    response.headers.emplace_back("content-encoding", "gzip");
  }
  call.exchange->Reply(std::move(response));
}

void Gateway::State::FailStream(const Request& call, const grpc::Status& status) {
  HttpResponse response;
  response.headers = call.headers;
  response.headers.emplace_back(
      "content-type", call.json ? "application/connect+json" : "application/connect+proto");
  response.body = ToFrame(kFrameEnd, EndStreamJson(status, {}, resolver.get()));
  call.exchange->Reply(std::move(response));
}

// ------------------------------------------------------------------------------- bookkeeping

template <typename Kind>
bool Gateway::State::Start(const std::shared_ptr<Kind>& call, std::string_view message) {
  {
    std::lock_guard lock(mutex);
    if (closing) return false;
    running.insert(call);
    ++starting;
  }
  call->Start(message);
  std::lock_guard lock(mutex);
  --starting;
  changed.notify_all();
  return true;
}

void Gateway::State::End(const std::shared_ptr<Running>& call) {
  std::lock_guard lock(mutex);
  running.erase(call);
  changed.notify_all();
}

void Gateway::State::Drain(std::chrono::milliseconds grace) {
  std::unique_lock lock(mutex);
  closing = true;
  changed.wait(lock, [this] { return starting == 0; });
  changed.wait_for(lock, grace, [this] { return running.empty() && decoding == 0; });
}

void Gateway::State::Shutdown() {
  Drain(std::chrono::milliseconds(0));
  std::set<std::shared_ptr<Running>> calls;
  {
    std::lock_guard lock(mutex);
    calls = running;
  }
  // Outside the lock: the end of a call may come from within.
  for (const auto& call : calls) call->Cancel();
  calls.clear();
  std::unique_lock lock(mutex);
  changed.wait(lock, [this] { return running.empty() && decoding == 0; });
}

Gateway::Gateway(std::shared_ptr<grpc::Channel> channel, Options options)
    : state_(std::make_unique<State>(std::move(channel), std::move(options))) {}

Gateway::~Gateway() { state_->Shutdown(); }

void Gateway::Drain(std::chrono::milliseconds grace) { state_->Drain(grace); }

void Gateway::Handle(std::shared_ptr<HttpExchange> exchange) {
  state_->Handle(std::move(exchange));
}

}  // namespace rebound
