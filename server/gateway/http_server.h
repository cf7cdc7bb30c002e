// An HTTP/1.1 listener, plain or under TLS: sockets, limits and time-outs. What an answer says is
// the handler's business, see gateway.h.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/access/certificate.h"

namespace rebound {

// Names in lower case, in the order of the wire; a name may come several times.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// The first value of `name` (lower case); null when there is none.
const std::string* FindHeader(const HttpHeaders& headers, std::string_view name);

struct HttpRequest {
  std::string method{};  // as on the wire, e.g. "GET"
  std::string path{};    // up to the '?', as on the wire: begins with '/', is not decoded
  std::string query{};   // behind the '?', not decoded
  HttpHeaders headers{};
  std::string body{};
  // The body was announced or grew larger than its limit: `body` is empty, and the connection
  // closes after the answer.
  bool body_too_large = false;
  std::string peer{};  // address without port, e.g. "127.0.0.1" or "::1"
  bool peer_is_loopback = false;
  bool tls = false;
  // Of the client, verified; absent: it showed none, or none that names anybody.
  std::optional<PeerCertificate> certificate{};
};

// Connection, Content-Length, Transfer-Encoding and Date are the server's to write. A body is left
// out of the answer to HEAD and of 204 and 304.
struct HttpResponse {
  int status = 200;
  HttpHeaders headers{};
  std::string body{};
  // Instead of `body`: bytes that other answers share. Null: `body` it is.
  std::shared_ptr<const std::string> shared_body{};
  bool close = false;  // the connection, after this answer
};

// In UTF-8, and not to be kept by anybody.
HttpResponse PlainText(int status, std::string text);

// One request and its answer: either Reply once, or StartStream, Write as often as wanted, Finish.
// What is called after the client went away, or after the end, does nothing. Dropped without an
// answer, it closes the connection. Thread-safe; callbacks run on the connection's strand, never
// from within the call that sets them.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  virtual const HttpRequest& request() const = 0;

  virtual void Reply(HttpResponse response) = 0;

  // The head; the body follows in pieces, chunked (until the connection closes for HTTP/1.0).
  virtual void StartStream(HttpResponse head) = 0;
  // One piece; one at a time. `done` is called when the socket has taken it and the next may come,
  // with false when the client is gone or reads too slowly.
  virtual void Write(std::string piece, std::function<void(bool ok)> done) = 0;
  virtual void Finish() = 0;

  // `gone` is called at most once, when the connection ends before the answer did. A client that
  // only shuts down its sending side counts as gone. Called at once (on the strand) when it already
  // is. Replaces one set before; is forgotten when the answer ends.
  virtual void OnGone(std::function<void()> gone) = 0;
};

struct HttpLimits {
  size_t header_bytes = 16 << 10;  // request line and fields; beyond: 431
  size_t header_fields = 100;      // beyond: 431
  size_t target_bytes = 8 << 10;   // path and query; beyond: 414
  size_t body_bytes = (4 << 20) + (64 << 10);
  size_t connections = 1024;  // beyond: 503 and closed
  // Until a connection kept open begins its next request.
  std::chrono::milliseconds idle{std::chrono::seconds{60}};
  // From its first byte to the end of the fields: 408. The TLS handshake has the same, and then a
  // new connection until its first request begins.
  std::chrono::milliseconds header{std::chrono::seconds{10}};
  // For a body, longer by a second for every 64 KiB that came: 408.
  std::chrono::milliseconds body{std::chrono::seconds{10}};
  // Until the socket takes the next 64 KiB of an answer: closed.
  std::chrono::milliseconds write{std::chrono::seconds{10}};
  // Of those that Options::counted_by counts as one; beyond: closed.
  size_t connections_per_address = 256;
};

// Listens from construction to Stop. Requests of one connection are answered one after the other,
// in order. What could be read in two ways (Content-Length twice or beside Transfer-Encoding,
// folded fields, bare line feeds, control characters in a chunk's extensions, ...) is refused with
// 400 and the connection closed. Thread-safe.
class HttpServer {
 public:
  using Handler = std::function<void(std::shared_ptr<HttpExchange>)>;

  struct Options {
    std::string listen = "127.0.0.1:0";  // HOST:PORT, [IPV6]:PORT; port 0 picks one
    // PEM files of a chain and its key: TLS 1.2 and newer. Both or none.
    std::filesystem::path certificate{};
    std::filesystem::path key{};
    // PEM file: who signs certificates of clients. They are asked for one and need not have any;
    // the handshake with one that does not verify fails. Empty: nobody is asked.
    std::filesystem::path client_ca{};
    size_t threads = 2;
    HttpLimits limits{};
    // What the connections of a peer (an address without port) are counted by, such as its network;
    // an empty answer: by nothing. Must not block. Empty: nobody's are counted.
    std::function<std::string(const std::string& peer)> counted_by{};
    // The limit of a request's body, if less than limits.body_bytes; asked once its head is there,
    // and before any of the body is kept. Must not block. Empty: there is no other.
    std::function<size_t(const HttpRequest& head)> longest_body{};
    // Told of each connection that was closed because of a limit. Must not block.
    std::function<void()> turned_away{};
    // Added to every answer, the server's own refusals too, unless the answer has one of that name.
    HttpHeaders headers{};
  };

  // `handler` is called on the connection's strand and must not block; it outlives the server.
  // Throws std::runtime_error with a sentence for the operator when it cannot listen or the pair is
  // of no use.
  HttpServer(Options options, Handler handler);
  ~HttpServer();  // Stop

  int port() const;

  // Reads certificate, key and client_ca again; connections made from now on get the new ones.
  // False: one of them is of no use, which is logged, and the old ones stay.
  bool ReloadCertificate();

  size_t connections() const;

  // No new connections and no new requests: those that are being answered are finished, for at most
  // `grace`, then everything is closed. Idempotent; the first call decides.
  void Stop(std::chrono::milliseconds grace);

  struct Listener;  // of the source

 private:
  std::unique_ptr<Listener> listener_;
};

}  // namespace rebound
