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
// - Methods with a stream of requests need HTTP/2: 505, code unimplemented.
// - Request fields become metadata (those of HTTP and Connect itself are left out);
//   "rebound-peer-address" is the gateway's own. Response metadata become fields; trailing metadata
//   become fields with "trailer-" in front (unary) or metadata of the last frame (stream).
#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/channel.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/gateway/http_server.h"

namespace rebound {

// Security headers of every answer, for HttpServer::Options::headers.
HttpHeaders SecurityHeaders(bool tls);

// Outlives the HttpServer whose handler it is. Thread-safe.
class Gateway {
 public:
  // Told once, from any thread: OK and the text, or why the caller may not see it.
  using MetricsReply = std::function<void(const grpc::Status& status, std::string text)>;

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
