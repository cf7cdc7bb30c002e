#include "server/server.h"

#include <grpcpp/grpcpp.h>
#include <sodium.h>

#include <stdexcept>

#include "server/access/authenticator.h"
#include "server/access/policy.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/services/call.h"
#include "server/services/event_hub.h"
#include "server/services/health.h"
#include "server/services/page.h"
#include "server/services/reflection.h"
#include "server/services/services.h"
#include "server/services/status.h"
#include "server/timers/timers.h"
#include "workflows/check.h"

namespace rebound {
namespace {

constexpr int kMaxMessage = 4 << 20;
constexpr int kMaxMetadata = 16 << 10;
constexpr int kMaxStreams = 1'000;
constexpr size_t kReadThreads = 2;
constexpr size_t kReadQueue = 256;

const std::vector<std::string> kServices = {
    "rebound.v1.ResponseService",  "rebound.v1.CaseService",   "rebound.v1.CustomerService",
    "rebound.v1.BlacklistService", "rebound.v1.SurveyService", "rebound.v1.ReportService",
    "rebound.v1.ConfigService",    "rebound.v1.EventService",  "rebound.v1.OperationsService"};

bool IsLocal(const std::string& address) {
  return address.rfind("unix:", 0) == 0 || address.rfind("127.", 0) == 0 ||
         address.rfind("localhost:", 0) == 0 || address.rfind("[::1]:", 0) == 0;
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
        executor(store, clock, book, Notifying(options.executor, events), std::move(on_failure)),
        erasures(store, executor, options.keys, options.erasure_step),
        authenticator(store, clock),
        metrics(PolicyMethods()),
        page_tokens(RandomKey()),
        pool(kReadThreads, kReadQueue),
        timers(store, executor, erasures),
        backend{store,      clock,
                executor,   authenticator,
                metrics,    page_tokens,
                pool,       book,
                timers,     [this] { return book.current(); },
                kVersion,   options.zone_data,
                clock.Now()},
        health(kServices),
        reflection(Listed(),
                   [this](grpc::CallbackServerContext* context) {
                     const auto [first, last] =
                         context->client_metadata().equal_range("authorization");
                     const auto count = static_cast<size_t>(std::distance(first, last));
                     const std::string header =
                         count == 0 ? "" : std::string(first->second.data(), first->second.size());
                     auto identity = authenticator.Authenticate(header, count);
                     return identity ? grpc::Status::OK : ToStatus(identity.error());
                   }),
        services(NewServices(backend)) {
    backend.events = &events;
  }

  static Executor::Options Notifying(Executor::Options options, EventHub& events) {
    options.committed = [&events] { events.Committed(); };
    return options;
  }

  RevisionBook book;
  EventHub events;
  Executor executor;
  Erasures erasures;
  Authenticator authenticator;
  CallMetrics metrics;
  PageTokens page_tokens;
  ReadPool pool;
  Timers timers;
  Backend backend;
  HealthService health;
  Reflection reflection;
  std::vector<std::unique_ptr<ApiService>> services;
  std::vector<int> ports;
  std::unique_ptr<grpc::Server> grpc_server;
  bool stopped = false;
};

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
  parts_ =
      std::make_unique<Parts>(store, clock, std::move(revision), options, std::move(on_failure));
  parts_->book.SetLastReload(options.config_read);
  parts_->erasures.Replay();
  grpc::ServerBuilder builder;
  parts_->ports.resize(options.listen.size(), 0);
  for (size_t i = 0; i < options.listen.size(); ++i) {
    builder.AddListeningPort(options.listen[i], grpc::InsecureServerCredentials(),
                             &parts_->ports[i]);
  }
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadata);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
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
  if (!options.zone_data.empty()) parts_->timers.CheckZoneData(options.zone_data);
  if (options.run_timers) {
    parts_->timers.Watch();
    parts_->timers.Start();
  }
  parts_->health.SetServing(true);
}

Server::~Server() {
  if (parts_) Stop(std::chrono::seconds{1});
}

const std::vector<int>& Server::ports() const { return parts_->ports; }

void Server::Stop(Duration grace) {
  if (parts_->stopped) return;
  parts_->stopped = true;
  parts_->backend.draining = true;
  parts_->health.SetServing(false);
  parts_->health.Shutdown();
  parts_->reflection.Shutdown();
  parts_->timers.Stop();
  parts_->events.Stop();
  const auto deadline = std::chrono::system_clock::time_point(SystemClock().Now() + grace);
  parts_->grpc_server->Shutdown(deadline);
  parts_->executor.Drain();
  parts_->grpc_server->Wait();
}

size_t Server::FinishErasures() { return parts_->erasures.Finish(); }

size_t Server::FireDueTimers() { return parts_->timers.FireDue(); }

void Server::TendStreams() { parts_->events.Tend(); }

void Server::WatchClock() { parts_->timers.Watch(); }

AppliedConfig Server::Reload(const std::filesystem::path& folder) {
  return ReloadFolder(parts_->book, parts_->executor, folder);
}

}  // namespace rebound
