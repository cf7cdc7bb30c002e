#include "server/server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <sodium.h>

#include <algorithm>
#include <fstream>
#include <mutex>
#include <optional>
#include <stdexcept>

#include "server/access/authenticator.h"
#include "server/access/certificate.h"
#include "server/access/policy.h"
#include "server/delivery/dispatcher.h"
#include "server/execute/audit_log.h"
#include "server/gateway/connect.h"
#include "server/gateway/gateway.h"
#include "server/gateway/session_cookie.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/services/audit.h"
#include "server/services/call.h"
#include "server/services/event_hub.h"
#include "server/services/health.h"
#include "server/services/page.h"
#include "server/services/reflection.h"
#include "server/services/services.h"
#include "server/services/status.h"
#include "server/sign_in_pages.h"
#include "server/timers/timers.h"
#include "workflows/check.h"

namespace rebound {
namespace {

constexpr int kMaxMessage = 4 << 20;
constexpr size_t kMaxFromStrangers = 64 << 10;  // over HTTP, by whom no limit of identities holds
constexpr int kMaxMetadata = 16 << 10;
constexpr int kMaxStreams = 1'000;
constexpr size_t kReadThreads = 2;
constexpr size_t kReadQueue = 256;
constexpr Duration kLastAnswers = std::chrono::seconds{1};
constexpr size_t kHashingThreads = 2;
constexpr size_t kHashingQueue = 64;
constexpr Duration kCountsKept = std::chrono::seconds{10};

const std::vector<std::string> kServices = {
    "rebound.v1.ResponseService",  "rebound.v1.CaseService",       "rebound.v1.CustomerService",
    "rebound.v1.BlacklistService", "rebound.v1.SurveyService",     "rebound.v1.ReportService",
    "rebound.v1.ConfigService",    "rebound.v1.OperationsService", "rebound.v1.AuditService",
    "rebound.v1.AccessService",    "rebound.v1.EventService",      "rebound.v1.ExportService",
    "rebound.v1.DeliveryService"};

bool IsLocal(const std::string& address) {
  return address.rfind("unix:", 0) == 0 || address.rfind("127.", 0) == 0 ||
         address.rfind("localhost:", 0) == 0 || address.rfind("[::1]:", 0) == 0;
}

std::shared_ptr<grpc::ServerCredentials> CredentialsOf(const TlsFiles& tls,
                                                       std::chrono::seconds look) {
  if (tls.certificate.empty() && tls.key.empty()) return grpc::InsecureServerCredentials();
  // gRPC would only log what it cannot read, and refuse every handshake.
  for (const auto& file : {tls.certificate, tls.key}) {
    if (!std::ifstream(file).good()) {
      throw std::runtime_error("cannot serve TLS: cannot read \"" + file.string() + "\"");
    }
  }
  if (!tls.client_ca.empty() && !HasCertificate(tls.client_ca)) {
    throw std::runtime_error("cannot serve TLS: no certificate in \"" + tls.client_ca.string() +
                             "\"");
  }
  namespace tls_api = grpc::experimental;
  auto provider = std::make_shared<tls_api::FileWatcherCertificateProvider>(
      tls.key.string(), tls.certificate.string(), tls.client_ca.string(),
      static_cast<unsigned>(look.count()));
  tls_api::TlsServerCredentialsOptions options(provider);
  options.watch_identity_key_cert_pairs();
  if (!tls.client_ca.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return tls_api::TlsServerCredentials(options);
}

PageTokens::Key RandomKey() {
  CHECK(sodium_init() >= 0);
  PageTokens::Key key;
  randombytes_buf(key.data(), key.size());
  return key;
}

std::vector<std::string> Listed() {
  std::vector<std::string> names = kServices;
  for (const char* name : {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection",
                           "grpc.reflection.v1.ServerReflection"}) {
    names.emplace_back(name);
  }
  return names;
}

}  // namespace

// In the order of construction; destroyed in reverse.
struct Server::Parts {
  Parts(Store& store, Clock& clock, std::shared_ptr<const Revision> in_force,
        const Options& options, std::function<void()> on_failure)
      : book(store, std::move(in_force)),
        events(store, clock, options.events),
        executor(store, clock, book, Notifying(options.executor),
                 [this, on_failure = std::move(on_failure)] {
                   store_failed = true;
                   on_failure();
                 }),
        audit(store, executor, clock),
        erasures(store, executor, options.keys, options.erasure_step),
        authenticator(
            store, clock,
            {.session_idle = options.access.session_idle,
             .later = [this](std::function<void()> write) { return pool.Run(std::move(write)); }}),
        transfers(options.deliveries.transfers),
        dispatcher(
            store, clock, executor, authenticator, transfers, [this] { return book.current(); },
            options.deliveries),
        limits{RateLimiter(clock, options.rate_identity), RateLimiter(clock, options.rate_address),
               options.limit_loopback},
        metrics(PolicyMethods()),
        page_tokens(RandomKey()),
        pool(kReadThreads, kReadQueue),
        hashing(kHashingThreads, kHashingQueue),
        timers(store, executor, erasures),
        backend{store,          clock,
                executor,       authenticator,
                metrics,        page_tokens,
                pool,           book,
                timers,         audit,
                hashing,        throttle,
                options.access, [this] { return book.current(); },
                kVersion,       options.zone_data,
                clock.Now()},
        health(kServices,
               [this](grpc::CallbackServerContext* context) {
                 return Admit(backend, context, Door::kStrangers);
               }),
        reflection(Listed(),
                   [this](grpc::CallbackServerContext* context) {
                     return Admit(backend, context, Door::kIdentities);
                   }),
        services(NewServices(backend)) {
    backend.limits = &limits;
    backend.trusted_proxies = options.trusted_proxies;
    backend.events = &events;
    backend.delivery = options.deliveries;
    backend.transfers = &transfers;
    backend.deliveries_changed = [this] { dispatcher.Changed(); };
  }

  Executor::Options Notifying(Executor::Options options) {
    options.committed = [this] {
      events.Committed();
      dispatcher.Committed();
    };
    return options;
  }

  // GET /metrics. Whoever reaches it without a proxy on this machine may see it; others show a
  // token that may call GetStatus.
  void Metrics(const HttpRequest& request, const Gateway::MetricsReply& reply);
  // As they were at most kCountsKept ago.
  v1::DeliveryStatus CountedDeliveries();
  void StartHttp(const HttpOptions& options);

  std::atomic<bool> store_failed{false};
  RevisionBook book;
  EventHub events;
  Executor executor;
  AuditLog audit;
  Erasures erasures;
  Authenticator authenticator;
  Transfers transfers;
  Dispatcher dispatcher;  // goes before the transfers that call it
  CallLimits limits;
  CallMetrics metrics;
  PageTokens page_tokens;
  SignInThrottle throttle;
  ReadPool pool;
  ReadPool hashing;
  Timers timers;
  Backend backend;
  HealthService health;
  Reflection reflection;
  std::vector<std::unique_ptr<ApiService>> services;
  std::vector<int> ports;
  std::unique_ptr<grpc::Server> grpc_server;
  std::unique_ptr<SignInPages> sign_in_pages;
  std::unique_ptr<Gateway> gateway;
  std::unique_ptr<HttpServer> http;
  std::mutex counted_mutex;
  std::optional<v1::DeliveryStatus> counted;  // guarded by counted_mutex
  Duration counted_at{};                      // of Clock::Steady; guarded by counted_mutex
  bool stopped = false;
};

void Server::Parts::Metrics(const HttpRequest& request, const Gateway::MetricsReply& reply) {
  const auto refuse = [&](const Error& error) { reply(ToStatus(error, "en"), {}); };
  const bool local = request.peer_is_loopback &&
                     FindHeader(request.headers, "x-forwarded-for") == nullptr &&
                     FindHeader(request.headers, "forwarded") == nullptr &&
                     FindHeader(request.headers, "via") == nullptr &&
                     FindHeader(request.headers, "authorization") == nullptr;
  Call asked{backend};
  asked.method = "rebound.v1.OperationsService/GetStatus";
  const auto admitted = AdmitPage(backend, ToCallMetadata(request).entries,
                                  local ? Door::kStrangers : Door::kIdentities, &asked);
  if (!admitted) return refuse(admitted.error());
  const bool queued = pool.Run([this, reply] {
    v1::GetStatusResponse status;
    Call call{backend};
    call.language = "en";
    call.revision = book.current();
    try {
      backend.store.Read([&](Reader& reader) { FillStatus(call, reader, &status); });
      *status.mutable_deliveries() = CountedDeliveries();
    } catch (const std::exception& e) {
      Log(Level::kError, "metrics failed", {{"what", e.what()}});
      return reply(ToStatus(Error{Reason::kStoreUnavailable}, "en"), {});
    }
    reply(grpc::Status::OK, MetricsText(status));
  });
  if (!queued) refuse({Reason::kQueueFull, {{"capacity", std::to_string(kReadQueue)}}});
}

// Counting looks at each of them, and whoever scrapes asks again and again.
v1::DeliveryStatus Server::Parts::CountedDeliveries() {
  const Duration now = backend.clock.Steady();
  std::lock_guard lock(counted_mutex);
  if (!counted || now - counted_at >= kCountsKept) {
    FillDeliveries(backend, &counted.emplace());
    counted_at = now;
  }
  return *counted;
}

void Server::Parts::StartHttp(const HttpOptions& options) {
  const bool tls = !options.tls.certificate.empty();
  Gateway::Options to;
  to.services = kServices;
  to.services.emplace_back("grpc.health.v1.Health");
  to.max_message = kMaxMessage;
  to.cors_origins = options.cors_origins;
  to.files = options.files;
  to.ready = [this] { return !backend.draining && !store_failed; };
  to.metrics = [this](const HttpRequest& request, const Gateway::MetricsReply& reply) {
    Metrics(request, reply);
  };
  to.admit = [this](const Gateway::CallEntries& entries, std::string_view method) {
    // Of health, which has a door of its own, and never much to say.
    if (!method.starts_with("rebound.v1.")) return Gateway::Admission{.longest = kMaxFromStrangers};
    const std::string_view stamp = Knock(backend, entries, method);
    return Gateway::Admission{
        .reads = stamp == kStampReads,
        .longest = OpenToStrangers(method) ? kMaxFromStrangers : size_t{kMaxMessage},
        .stamp = std::string(stamp)};
  };
  to.refused = [this](const HttpRequest& request, std::string_view method, const Error& error) {
    Call call{backend};
    call.method = method.empty() ? "page" : method;
    call.address = CallerAddress(backend, ToCallMetadata(request).entries);
    AuditRefused(call, error, 1);
  };
  to.run = [this](std::function<void()> task) { return pool.Run(std::move(task)); };
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  if (options.oidc) {
    sign_in_pages = std::make_unique<SignInPages>(backend, *options.oidc);
    to.sign_in = [this](const HttpRequest& request, SignInPages::Reply reply) {
      sign_in_pages->Handle(request, std::move(reply));
    };
  }
  gateway = std::make_unique<Gateway>(grpc_server->InProcessChannel(arguments), std::move(to));
  HttpServer::Options listener;
  listener.listen = options.listen;
  listener.certificate = options.tls.certificate;
  listener.key = options.tls.key;
  listener.client_ca = options.tls.client_ca;
  listener.limits = options.limits;
  listener.headers = SecurityHeaders(tls);
  listener.counted_by = [this](const std::string& peer) {
    // A proxy brings everybody's.
    return backend.trusted_proxies.Contains(peer) ? std::string() : limits.CountedBy(peer);
  };
  listener.longest_body = [this](const HttpRequest& head) {
    CallEntries entries = ToCallMetadata(head).entries;
    const auto session = SessionToken(head);
    if (session && !session->empty()) entries.emplace_back("authorization", "Bearer " + *session);
    // A message, and the frame around it.
    return IsIdentity(backend, entries) ? SIZE_MAX : kMaxFromStrangers + (1 << 10);
  };
  listener.turned_away = [this] { ++limits.connections_refused; };
  http = std::make_unique<HttpServer>(
      std::move(listener),
      [this](std::shared_ptr<HttpExchange> exchange) { gateway->Handle(std::move(exchange)); });
}

Server::Server(Store& store, Clock& clock, std::shared_ptr<const Revision> revision,
               Options options, std::function<void()> on_failure) {
  if (const auto missing = MissingMethods(kServices); !missing.empty()) {
    throw std::runtime_error("no policy row for " + missing.front());
  }
  for (const std::string& address : options.listen) {
    if (!IsLocal(address) && !options.trusted_network) {
      throw std::runtime_error("refusing to listen on " + address +
                               ": only loopback and Unix sockets are safe without a front; put a "
                               "proxy in front, or say --trusted-network");
    }
  }
  if (options.http && !IsLocal(options.http->listen) && options.http->tls.certificate.empty() &&
      !options.trusted_network) {
    throw std::runtime_error("refusing to serve plain HTTP on " + options.http->listen +
                             ": give it a certificate, put a proxy in front, or say "
                             "--trusted-network");
  }
  if (options.tls.certificate.empty() != options.tls.key.empty()) {
    throw std::runtime_error("expected certificate and key to serve TLS, but got one of them");
  }
  if (options.tls.certificate.empty() && !options.tls.client_ca.empty()) {
    throw std::runtime_error(
        "expected a certificate to serve gRPC under TLS, without which none "
        "of clients can be asked for");
  }
  const auto credentials = CredentialsOf(options.tls, options.certificate_look);
  parts_ =
      std::make_unique<Parts>(store, clock, std::move(revision), options, std::move(on_failure));
  parts_->book.SetLastReload(options.config_read);
  parts_->erasures.Replay();
  grpc::ServerBuilder builder;
  parts_->ports.resize(options.listen.size(), 0);
  for (size_t i = 0; i < options.listen.size(); ++i) {
    builder.AddListeningPort(options.listen[i], credentials, &parts_->ports[i]);
  }
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadata);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
  // Who connects and says nothing goes soon, who calls nobody later. An old connection is told to
  // go and keeps its running calls: streams of events may last.
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 300'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 1'800'000);
  builder.SetMaxReceiveMessageSize(kMaxMessage);
  // A limit alone is checked after inflating, so a small message could fill the memory.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  for (const auto& service : parts_->services) builder.RegisterService(service.get());
  builder.RegisterService(&parts_->health);
  for (grpc::Service* service : parts_->reflection.services()) builder.RegisterService(service);
  parts_->grpc_server = builder.BuildAndStart();
  if (parts_->grpc_server == nullptr) {
    parts_->stopped = true;
    throw std::runtime_error("cannot listen on " + options.listen.front() +
                             ": is another server running there?");
  }
  if (options.http) {
    try {
      parts_->StartHttp(*options.http);
    } catch (...) {
      Stop(Duration{0});
      throw;
    }
  }
  if (!options.zone_data.empty()) parts_->timers.CheckZoneData(options.zone_data);
  if (options.run_timers) {
    parts_->timers.Watch();
    parts_->timers.Start([audit = &parts_->audit] { audit->Sweep(); });
  }
  parts_->dispatcher.Start();
  parts_->health.SetServing(true);
}

Server::~Server() {
  if (parts_) Stop(std::chrono::seconds{1});
}

const std::vector<int>& Server::ports() const { return parts_->ports; }

int Server::http_port() const { return parts_->http ? parts_->http->port() : 0; }

void Server::Stop(Duration grace) {
  if (parts_->stopped) return;
  parts_->stopped = true;
  parts_->backend.draining = true;
  parts_->health.SetServing(false);
  parts_->health.Shutdown();
  parts_->reflection.Shutdown();
  if (parts_->sign_in_pages) parts_->sign_in_pages->Stop();
  parts_->timers.Stop();
  parts_->events.Stop();
  parts_->dispatcher.Stop();
  const auto deadline = std::chrono::system_clock::time_point(SystemClock().Now() + grace);
  if (parts_->gateway) parts_->gateway->Drain(grace);
  parts_->grpc_server->Shutdown(deadline);
  // A ping that waits for its receiver is answered now.
  parts_->executor.Drain();
  parts_->grpc_server->Wait();
  // Up to here it tells the balancer and new callers that this server is going; the calls that came
  // through it are done, and only their answers may still be on the wire.
  if (parts_->http) parts_->http->Stop(kLastAnswers);
  parts_->audit.Close();  // what was refused until now, too
  parts_->http.reset();
  parts_->gateway.reset();
}

size_t Server::FinishErasures() { return parts_->erasures.Finish(); }

size_t Server::FireDueTimers() { return parts_->timers.FireDue(); }

void Server::TendStreams() { parts_->events.Tend(); }

void Server::TendDeliveries() { parts_->dispatcher.Changed(); }

void Server::WatchClock() { parts_->timers.Watch(); }

void Server::ReloadCertificates() {
  if (parts_->http) parts_->http->ReloadCertificate();
}

AppliedConfig Server::Reload(const std::filesystem::path& folder) {
  return ReloadFolder(parts_->book, parts_->executor, folder);
}

}  // namespace rebound
