// The server: builds everything in order, starts it, and takes it down in reverse. Tests run the
// same one.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/access/networks.h"
#include "server/access/oidc.h"
#include "server/access/rate_limiter.h"
#include "server/access/settings.h"
#include "server/clock.h"
#include "server/delivery/delivery_options.h"
#include "server/execute/erasures.h"
#include "server/execute/execute.h"
#include "server/execute/revisions.h"
#include "server/gateway/http_server.h"
#include "server/services/event_options.h"
#include "server/storage/store.h"
#include "workflows/revision.h"

namespace rebound {

inline constexpr const char* kVersion = "0.1.0";

// PEM files: a chain and its key. Both or none.
struct TlsFiles {
  std::filesystem::path certificate{};
  std::filesystem::path key{};
  // Who signs certificates of clients, by which they may call (access/certificate.h). Needs the
  // pair; empty: clients are not asked for any.
  std::filesystem::path client_ca{};
};

// The HTTP listener: the Connect protocol, /healthz, /readyz, /metrics, the files of a console.
struct HttpOptions {
  std::string listen = "127.0.0.1:8080";    // HOST:PORT; port 0 picks one
  TlsFiles tls{};                           // none: plain, which needs loopback or trusted_network
  std::filesystem::path files{};            // of the console; empty: none
  std::vector<std::string> cors_origins{};  // that browsers may call from; empty: CORS is off
  HttpLimits limits{};
  std::optional<OidcSettings> oidc{};  // sign-in by an OpenID provider; see sign_in_pages.h
};

class Server {
 public:
  struct Options {
    // "127.0.0.1:0" picks a port; "unix:/path" works too. Anything but loopback and Unix sockets
    // needs trusted_network: gRPC 1.51 must not face strangers.
    std::vector<std::string> listen = {"127.0.0.1:50061"};
    bool trusted_network = false;
    TlsFiles tls{};  // of the addresses in `listen`, Unix sockets too; looked at again by itself
    std::chrono::seconds certificate_look{10};  // that often; at least 1
    std::optional<HttpOptions> http{};
    AccessSettings access{};
    Executor::Options executor{};  // but for `committed`
    EventOptions events{};
    DeliveryOptions deliveries{};
    bool run_timers = true;         // tests ring the bell themselves
    KeyFolder* keys = nullptr;      // of erasures; null: nobody is listed apart from the store
    Erasures::Step erasure_step{};  // for tests
    std::string zone_data{};        // version of the time zone data in use; empty: not looked at
    RevisionBook::Reload config_read{};  // how the folder fared when `revision` was read
    // Units of calls (CostOf, access/policy.h); none unless told otherwise.
    RateLimit rate_identity{};
    RateLimit rate_address{};
    // Whose x-forwarded-for tells the caller's address, for limits, throttles and the audit.
    Networks trusted_proxies{};
    bool limit_loopback = false;  // rate_address counts for this machine's own addresses, too
  };

  // Borrows store and clock; both outlive the server. `on_failure` is called once if the store
  // fails. Throws std::runtime_error with a sentence for the operator when it cannot start.
  Server(Store& store, Clock& clock, std::shared_ptr<const Revision> revision, Options options,
         std::function<void()> on_failure);
  ~Server();  // Stop

  // The ports in the order of Options::listen; 0 for a Unix socket.
  const std::vector<int>& ports() const;
  // Of the HTTP listener; 0 without one.
  int http_port() const;

  // Stops in reverse order of start: not serving (/readyz says so), no new calls, timers, running
  // calls for at most `grace`, queued writes, the HTTP listener. Idempotent.
  void Stop(Duration grace);

  size_t FireDueTimers();
  size_t FinishErasures();
  // Keepalives of those who follow events, and whether they still may, as is done each second.
  void TendStreams();
  // Sends what is due at the clock's time, as is done by itself while a clock goes on.
  void TendDeliveries();
  // Looks at wall and steady clock once, as the bell does each second.
  void WatchClock();
  // SIGHUP: the folder again; see ReloadFolder.
  AppliedConfig Reload(const std::filesystem::path& folder);
  // SIGHUP: the HTTP listener's pair again; see HttpServer::ReloadCertificate.
  void ReloadCertificates();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace rebound
