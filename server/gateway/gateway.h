// The Connect protocol over HTTP, for every method of the services given by name, and the plain
// pages: /healthz, /readyz, /metrics and the files of a console.
//
// A call is forwarded over a gRPC channel as bytes, so that it takes the same road as a gRPC call:
// identity, permission, scope and refusals are those of the services.
//
// - POST /package.Service/Method, application/json or application/proto: unary. GET with the
//   parameters connect, encoding, message, base64, compression for methods without side effects.
// - application/connect+json or +proto: server streaming, one message in.
// - A browser's page signs in with the header x-rebound-csrf and gets its session as a cookie, see
//   session_cookie.h. A credential in the query: 400, CREDENTIAL_IN_URL.
// - Who calls, and how often, is looked at before a message is: Options::admit. Long messages are
//   inflated and decoded away from the threads of the sockets: Options::run.
// - Methods with a stream of requests need HTTP/2: 505, code unimplemented.
// - Request fields become metadata (those of HTTP and Connect itself are left out);
//   "rebound-peer-address", "rebound-peer-certificate" and "rebound-admitted" are the gateway's
//   own. Response metadata become fields; trailing metadata become fields with "trailer-" in front
//   (unary) or metadata of the last frame (stream).
#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/channel.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/gateway/http_server.h"
#include "workflows/result.h"

namespace rebound {

// Security headers of every answer, for HttpServer::Options::headers.
HttpHeaders SecurityHeaders(bool tls);

// Outlives the HttpServer whose handler it is. Thread-safe.
class Gateway {
 public:
  // Told once, from any thread: OK and the text, or why the caller may not see it.
  using MetricsReply = std::function<void(const grpc::Status& status, std::string text)>;

  // What is known of a call before its message is looked at.
  struct Admission {
    // False: the services refuse it, whatever it says. They get it, with an empty message, so that
    // its answer, its audit and its count are as over gRPC.
    bool reads = true;
    size_t longest = SIZE_MAX;  // of the message, as it comes in and inflated; or max_message
    std::string stamp{};        // metadata "rebound-admitted" of the call; empty: none
  };
  // Names and values of what the services will be given, by a method "rebound.v1.Service/Method".
  using CallEntries = std::vector<std::pair<std::string, std::string>>;

  struct Options {
    std::vector<std::string> services{};  // full names, e.g. "rebound.v1.CaseService"
    // Where the names are looked up; null: the generated pool.
    const google::protobuf::DescriptorPool* pool = nullptr;
    // Of a message, as it comes in and when it is inflated: beyond it resource_exhausted.
    size_t max_message = 4 << 20;
    // Messages longer than this are compressed for those who accept gzip.
    size_t compress_above = 1 << 10;
    // Without connect-protocol-version a unary call is taken; true refuses it.
    bool require_protocol_version = false;
    // Asked once for each call, on the connection's strand, so it must be quick. Empty: all are
    // read.
    std::function<Admission(const CallEntries& entries, std::string_view method)> admit{};
    // Told of a call, or of a page with an empty `method`, that is refused here because of what its
    // sender should not have done: CROSS_SITE_CALL, CREDENTIAL_IN_URL. Must not block.
    std::function<void(const HttpRequest& request, std::string_view method, const Error& error)>
        refused{};
    // Runs a task on another thread, soon; false: it has no room, and the call is refused with
    // QUEUE_FULL. The wait counts against the call's deadline, and the task does nothing for a
    // client that has gone. Outlives the gateway. Empty: everything runs on the connection's
    // strand.
    std::function<bool(std::function<void()>)> run{};
    // Messages no longer than this, and not compressed, are decoded where they came in.
    size_t run_above = 16 << 10;
    // Origins that browsers may call from, "https://console.example"; empty: CORS is off.
    std::vector<std::string> cors_origins{};
    // /readyz says 200 while this is true. Empty: always.
    std::function<bool()> ready{};
    // GET /metrics; must not block. Empty: 404.
    std::function<void(const HttpRequest& request, MetricsReply reply)> metrics{};
    // What lies below /sign-in/; must not block. Empty: 404.
    std::function<void(const HttpRequest& request, std::function<void(HttpResponse)> reply)>
        sign_in{};
    // Folder with the files of a console; empty: none.
    std::filesystem::path files{};
  };

  // CHECKs that every service is in the pool.
  Gateway(std::shared_ptr<grpc::Channel> channel, Options options);
  // Cancels the calls that still run and waits for their end.
  ~Gateway();

  // The handler of an HttpServer.
  void Handle(std::shared_ptr<HttpExchange> exchange);

  // From now on calls are refused with SHUTTING_DOWN and pages are served; waits for the calls that
  // run, for at most `grace`. Has to come before an in-process server behind the channel shuts
  // down: gRPC 1.51 then cuts off what runs, and crashes over a new call.
  void Drain(std::chrono::milliseconds grace);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rebound
