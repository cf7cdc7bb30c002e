// reboundd: the server, and the operator's two other verbs: `principal add` and `verify`.
#include <utility>  // Boost 1.74's asio needs std::exchange under C++20
// clang-format off
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
// clang-format on
#include <google/protobuf/stubs/logging.h>
#include <sys/resource.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <optional>
#include <thread>

#include "server/access/policy.h"
#include "server/access/setup.h"
#include "server/access/token.h"
#include "server/config/zones.h"
#include "server/delivery/mail.h"
#include "server/delivery/target.h"
#include "server/execute/revisions.h"
#include "server/log.h"
#include "server/server.h"
#include "server/storage/sqlite_store.h"
#include "server/storage/verify.h"
#include "server/watchdog.h"

namespace rebound {
namespace {

constexpr int kExitBroken = 3;  // the store failed: restart recovers
constexpr int kExitHung = 4;    // a listener takes no new connection: restart cures
constexpr Duration kGrace = std::chrono::seconds{15};

struct Arguments {
  std::string db;
  std::string config = "config";
  std::string keys;
  std::vector<std::string> listen = {"127.0.0.1:50061"};
  bool trusted_network = false;
  std::vector<std::string> trusted_proxies;
  TlsFiles tls;
  std::string http;  // empty: no listener
  HttpOptions http_options;
  OidcSettings oidc;  // no issuer: none
  std::string oidc_secret_file;
  size_t queue_capacity = Executor::Options{}.queue_capacity;
  // A CRM that pumps single answers as fast as they are taken stays below (2 units each); 0: none.
  int64_t rate_identity = 50'000;
  int64_t rate_address = 100'000;
  int64_t event_retention_days = 7;
  int64_t event_keepalive_seconds = 60;
  int32_t streams_per_principal = EventOptions{}.streams_per_principal;
  int64_t watchdog_seconds = 10;
  DeliveryOptions deliveries;
  std::vector<int64_t> deliver_retry_ms;  // empty: as Standard Webhooks says
  int64_t deliver_timeout_ms = 15'000;
  SmtpOptions smtp;  // without a server: none
  std::string smtp_password_file;
  bool smtp_plain = false;
  std::string log_level = "info";
  Store::Principal principal;
};

// The roles of the revision in force; of a database that has none yet, the shipped ones.
std::vector<RoleDef> RolesOf(Store& store) {
  std::optional<StoredRevision> last;
  store.Read([&](Reader& reader) { last = reader.FindRevision(0); });
  if (last) {
    if (auto revision = ParseCanonical(last->text)) return revision->roles;
  }
  return DefaultRoles();
}

int AddPrincipal(const Arguments& arguments) {
  if (!std::filesystem::exists(arguments.db)) SqliteStore::Open(arguments.db);
  auto store = SqliteStore::Open(arguments.db, {.access = SqliteStore::Access::kShared});
  const std::vector<RoleDef> roles = RolesOf(*store);
  if (std::none_of(roles.begin(), roles.end(),
                   [&](const RoleDef& role) { return role.id == arguments.principal.role; })) {
    std::cerr << "reboundd: no role \"" << arguments.principal.role << "\"; there are:";
    for (const RoleDef& role : roles) std::cerr << " " << role.id;
    std::cerr << "\n";
    return 2;
  }
  bool is_user = false;
  store->ReadAccess([&](AccessRecords& records) {
    is_user = records.FindUser(arguments.principal.name).has_value();
  });
  if (is_user) {
    std::cerr << "reboundd: \"" << arguments.principal.name
              << "\" is a user; give them an API key, or choose another name\n";
    return 2;
  }
  const std::string token = NewToken();
  // First: an entry of what then failed is better than a token that nobody can account for.
  store->AppendAudit({{.at = SystemClock().Now(),
                       .kind = AuditKind::kOperator,
                       .principal = "system",
                       .method = "principal add",
                       .outcome = "OK",
                       .subject_type = "principal",
                       .detail = arguments.principal.name + ", " + arguments.principal.role}});
  store->PutPrincipal(arguments.principal, HashToken(token));
  std::cout << token << std::endl;
  std::cerr << "The token of " << arguments.principal.name << " (" << arguments.principal.role
            << ") stands above; it is not shown again.\n";
  return 0;
}

// Throws std::runtime_error with a sentence for the operator.
DeliveryOptions DeliveriesOf(const Arguments& arguments) {
  DeliveryOptions options = arguments.deliveries;
  for (const std::string& network : options.transfers.targets.allowed) {
    if (IsNetwork(network)) continue;
    throw std::runtime_error("--deliver-allow: expected ADDRESS or ADDRESS/PREFIX, but got \"" +
                             network + "\"");
  }
  if (!arguments.deliver_retry_ms.empty()) {
    options.retry.clear();
    for (const int64_t ms : arguments.deliver_retry_ms) options.retry.emplace_back(ms);
  }
  options.transfers.timeout = std::chrono::milliseconds(arguments.deliver_timeout_ms);
  if (arguments.smtp.server.empty()) return options;
  SmtpOptions& smtp = options.smtp.emplace(arguments.smtp);
  smtp.require_tls = !arguments.smtp_plain;
  if (!smtp.server.starts_with("smtp://") && !smtp.server.starts_with("smtps://")) {
    throw std::runtime_error("--smtp: expected smtp://HOST:PORT or smtps://HOST:PORT, but got \"" +
                             smtp.server + "\"");
  }
  if (!IsMailAddress(smtp.from)) {
    throw std::runtime_error("--smtp-from: expected the address that mails come from, but got \"" +
                             smtp.from + "\"");
  }
  if (!arguments.smtp_password_file.empty()) {
    std::ifstream file(arguments.smtp_password_file);
    if (!std::getline(file, smtp.password) || smtp.password.empty()) {
      throw std::runtime_error("--smtp-password-file: cannot read a password from \"" +
                               arguments.smtp_password_file + "\"");
    }
  }
  return options;
}

// 0: it could be applied; 2: mistakes, each shown with its place.
int CheckConfig(const Arguments& arguments) {
  std::vector<ConfigError> errors;
  const auto loaded = LoadConfig(arguments.config, &errors);
  if (!errors.empty()) std::cerr << Render(errors);
  if (!loaded) return 2;
  if (!loaded->warnings.empty()) std::cerr << Render(loaded->warnings);
  std::cout << "ok: " << loaded->hash << "\n";
  return 0;
}

int VerifyFile(const Arguments& arguments) {
  auto store = SqliteStore::Open(arguments.db, {.access = SqliteStore::Access::kReadOnly});
  const VerifyReport report = Verify(*store);
  std::cout << "events     " << report.events << "\ncustomers  " << report.customers
            << "\nresponses  " << report.responses << "\ncases      " << report.cases
            << "\ntimers     " << report.timers << "\nrollups    " << report.rollups
            << "\ndeliveries " << report.deliveries << "\naudit      " << report.audited
            << "\naudit head " << report.audit_head.sequence << ":" << ToHex(report.audit_head.hash)
            << "\n";
  for (const std::string& problem : report.problems) std::cout << "PROBLEM " << problem << "\n";
  std::cout << (report.ok() ? "ok: the events give every row and every figure\n"
                            : "NOT ok: rows and events differ\n");
  return report.ok() ? 0 : 1;
}

// Two seconds' worth may come at once.
RateLimit LimitOf(int64_t per_second) { return {per_second, 2 * per_second}; }

// Without a file, a try-out: fresh data that goes when the machine cleans its temporary files.
std::string TemporaryFile() {
  std::string folder = (std::filesystem::temp_directory_path() / "rebound-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make " + folder);
  return folder + "/rebound.db";
}

// Nobody could let anybody in: says how to make the first administrator. The token goes to the
// terminal or the journal of the service, which the operator alone reads, and works once.
void OfferSetup(Store& store, const std::vector<RoleDef>& roles, Timestamp now,
                const std::string& console, const std::string& address) {
  const auto token = MakeSetupToken(store, roles, now);
  if (!token) return;
  std::cerr << "There is no administrator yet. Within 24 hours, make one:\n";
  if (!console.empty()) std::cerr << "  " << console << "/setup#" << *token << "\n";
  std::cerr << "  rebound --server " << address << " setup --token " << *token << std::endl;
}

void LogReload(const AppliedConfig& config) {
  if (!config.warnings.empty()) std::cerr << Render(config.warnings) << "\n";
  if (config.errors.empty()) {
    Log(Level::kInfo, config.stored ? "configuration reloaded" : "configuration has not changed",
        {{"revision", config.revision->number}});
    return;
  }
  std::cerr << Render(config.errors) << "\n";
  Log(Level::kError, "configuration is broken; the last good revision stays in force",
      {{"revision", config.revision->number}, {"errors", config.errors.size()}});
}

// As many connections as the machine's limit allows: the soft limit is a habit of shells.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::string WithPort(const std::string& address, int port) {
  return port == 0 ? address : address.substr(0, address.rfind(':') + 1) + std::to_string(port);
}

std::optional<OidcSettings> OidcOf(const Arguments& arguments) {
  if (arguments.oidc.issuer.empty()) return std::nullopt;
  OidcSettings settings = arguments.oidc;
  std::ifstream file(arguments.oidc_secret_file);
  if (!std::getline(file, settings.client_secret) || settings.client_secret.empty()) {
    throw std::runtime_error(
        "--oidc-client-secret-file: expected a secret in the first line of \"" +
        arguments.oidc_secret_file + "\"");
  }
  return settings;
}

int Serve(Arguments arguments) {
  static SystemClock clock;
  SetUpLog(&clock, arguments.log_level == "debug"  ? Level::kDebug
                   : arguments.log_level == "warn" ? Level::kWarning
                                                   : Level::kInfo);
  // The library prints the field of every bad text; the caller is told, the log is not flooded.
  google::protobuf::SetLogHandler(nullptr);
  RaiseDescriptorLimit();
  const bool try_out = arguments.db.empty();
  if (try_out) arguments.db = TemporaryFile();
  SqliteStore::Options options;
  if (const char* every = std::getenv("REBOUND_CANARY_DROP_WRITE")) {
    options.drop_acknowledged_write_every = std::atoi(every);
    Log(Level::kWarning, "canary: acknowledged writes are dropped on purpose");
  }
  auto store = SqliteStore::Open(arguments.db, options);
  const AppliedConfig config = ApplyFolder(*store, arguments.config, clock.Now());
  for (const auto* told : {&config.errors, &config.warnings}) {
    if (!told->empty()) std::cerr << Render(*told) << "\n";
  }
  if (config.revision == nullptr) {
    std::cerr << "reboundd: no configuration to run with: correct " << arguments.config
              << ", or name another folder with --config\n";
    return 2;
  }
  if (!config.errors.empty()) {
    Log(Level::kError, "configuration is broken; the last good revision stays in force",
        {{"revision", config.revision->number}, {"errors", config.errors.size()}});
  }
  if (try_out) {
    const std::string token = NewToken();
    store->PutPrincipal({"admin", "admin", {}, false}, HashToken(token));
    std::cerr << "Try-out on " << arguments.db << "\nadmin token: " << token << "\n";
  }

  bool suppresses = false;
  store->Read([&](Reader& reader) {
    reader.ScanSuppressions([&](const StoredSuppression&) { suppresses = true; });
  });
  KeyFolder keys(arguments.keys.empty() ? arguments.db + ".keys" : arguments.keys, suppresses);

  boost::asio::io_context io;
  std::atomic<int> exit_code = 0;
  Server::Options server_options;
  server_options.listen = arguments.listen;
  server_options.trusted_network = arguments.trusted_network;
  std::string wrong;
  if (auto proxies = Networks::Parse(arguments.trusted_proxies, &wrong)) {
    server_options.trusted_proxies = *std::move(proxies);
  } else {
    throw std::runtime_error(
        "--trusted-proxy: expected ADDRESS, ADDRESS/PREFIX or unix, but got \"" + wrong + "\"");
  }
  server_options.tls = arguments.tls;
  if (!arguments.http.empty()) {
    server_options.http = arguments.http_options;
    server_options.http->listen = arguments.http;
    server_options.http->oidc = OidcOf(arguments);
  }
  server_options.executor.queue_capacity = arguments.queue_capacity;
  server_options.executor.secret = keys.secret();
  server_options.keys = &keys;
  server_options.rate_identity = LimitOf(arguments.rate_identity);
  server_options.rate_address = LimitOf(arguments.rate_address);
  server_options.events = {std::chrono::seconds{arguments.event_keepalive_seconds},
                           std::chrono::days{arguments.event_retention_days},
                           arguments.streams_per_principal};
  server_options.deliveries = DeliveriesOf(arguments);
  server_options.zone_data = ZoneDataVersion();
  server_options.config_read = {clock.Now(), config.errors.empty(), config.errors};
  Server server(*store, clock, config.revision, server_options, [&] {
    exit_code = kExitBroken;
    // Nothing may hold up the end: after a failed write the process must not linger half alive.
    std::thread([] {
      std::this_thread::sleep_for(std::chrono::seconds{3});
      std::_Exit(kExitBroken);
    }).detach();
    io.stop();
  });
  std::optional<Watchdog> watchdog;
  if (arguments.watchdog_seconds > 0) {
    Watchdog::Options watched;
    for (size_t i = 0; i < arguments.listen.size(); ++i) {
      watched.addresses.push_back(WithPort(arguments.listen[i], server.ports()[i]));
    }
    watched.tls = !arguments.tls.certificate.empty();
    watched.interval = std::chrono::seconds{arguments.watchdog_seconds};
    // A drain would wait for calls on connections that nobody can replace. What was acknowledged is
    // on disk.
    watchdog.emplace(std::move(watched), [] {
      Log(Level::kError, "a listener takes no new connections; ending, to be started again",
          {{"exit_code", kExitHung}});
      std::_Exit(kExitHung);
    });
  }
  boost::asio::signal_set signals(io, SIGTERM, SIGINT, SIGHUP);
  std::function<void(const boost::system::error_code&, int)> on_signal =
      [&](const boost::system::error_code& error, int signal) {
        if (error) return;
        if (signal == SIGHUP) {
          LogReload(server.Reload(arguments.config));
          server.ReloadCertificates();
          signals.async_wait(on_signal);
          return;
        }
        Log(Level::kInfo, "stopping", {{"signal", signal}});
        io.stop();
      };
  signals.async_wait(on_signal);
  for (size_t i = 0; i < arguments.listen.size(); ++i) {
    Log(Level::kInfo, "listening",
        {{"address", arguments.listen[i]},
         {"port", server.ports()[i]},
         {"db", arguments.db},
         {"revision", config.revision->number}});
  }
  if (!arguments.http.empty()) {
    Log(Level::kInfo, "serving http",
        {{"address", arguments.http}, {"http_port", server.http_port()}});
  }
  const std::string address = WithPort(arguments.listen.front(), server.ports().front());
  std::string console;  // nobody opens a link to where no page is
  if (!arguments.http.empty() && !arguments.http_options.files.empty()) {
    console =
        (arguments.http_options.tls.certificate.empty() ? "http://" : "https://") + arguments.http;
  }
  OfferSetup(*store, config.revision->roles, clock.Now(), console, address);
  io.run();
  watchdog.reset();
  server.Stop(exit_code == 0 ? kGrace : Duration{std::chrono::seconds{1}});
  Log(Level::kInfo, "stopped", {{"exit_code", exit_code.load()}});
  return exit_code;
}

int Main(int argc, char** argv) {
  CLI::App app{"reboundd: closed-loop detractor case management"};
  app.set_version_flag("--version", kVersion);
  Arguments arguments;
  app.add_option("--db", arguments.db, "SQLite file; none: a try-out on a temporary file");
  app.add_option("--config", arguments.config, "folder with programs.yaml and playbooks.yaml")
      ->capture_default_str();
  app.add_option("--keys", arguments.keys,
                 "folder of what must not lie in the database's backups: the key by which erased "
                 "people who objected are known again, and the list of who was erased; none: the "
                 "name of the database and .keys");
  app.add_option("--listen", arguments.listen, "HOST:PORT or unix:PATH; may be repeated")
      ->capture_default_str();
  app.add_flag("--trusted-network", arguments.trusted_network,
               "allow addresses that are not loopback");
  app.add_option("--trusted-proxy", arguments.trusted_proxies,
                 "ADDRESS, ADDRESS/PREFIX or unix: a proxy whose X-Forwarded-For tells the address "
                 "of the caller; may be repeated; none: nobody's is believed");
  app.add_option("--grpc-certificate", arguments.tls.certificate,
                 "PEM file: serve gRPC under TLS; a new one is taken up within seconds");
  app.add_option("--grpc-key", arguments.tls.key, "PEM file: its key");
  app.add_option("--grpc-client-ca", arguments.tls.client_ca,
                 "PEM file: who signs certificates by which gRPC clients may call instead of a "
                 "token: URI:rebound:user:NAME or URI:rebound:key:ID as subject alternative name; "
                 "a new one is taken up within seconds");
  app.add_option("--http", arguments.http,
                 "HOST:PORT: serve the Connect protocol, /healthz, /readyz and /metrics over HTTP");
  app.add_option("--http-certificate", arguments.http_options.tls.certificate,
                 "PEM file: serve HTTP under TLS; SIGHUP reads it again");
  app.add_option("--http-key", arguments.http_options.tls.key, "PEM file: its key");
  app.add_option("--http-client-ca", arguments.http_options.tls.client_ca,
                 "PEM file: the same for HTTP clients; SIGHUP reads it again");
  app.add_option("--http-files", arguments.http_options.files, "folder with a console's files")
      ->check(CLI::ExistingDirectory);
  app.add_option("--http-connections-per-address",
                 arguments.http_options.limits.connections_per_address,
                 "connections over HTTP that one address may have open; not for addresses of this "
                 "machine and of trusted proxies")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--http-cors-origin", arguments.http_options.cors_origins,
                 "https://HOST whose pages may call from a browser; may be repeated; none: off");
  CLI::Option* issuer = app.add_option(
      "--oidc-issuer", arguments.oidc.issuer,
      "https://HOST...: users may sign in by this OpenID provider, at /sign-in/oidc");
  issuer->needs(app.get_option("--http"));
  app.add_option("--oidc-client-id", arguments.oidc.client_id, "by which the provider knows us")
      ->needs(issuer);
  app.add_option("--oidc-client-secret-file", arguments.oidc_secret_file,
                 "its secret, in the first line")
      ->needs(issuer)
      ->check(CLI::ExistingFile);
  app.add_option("--oidc-redirect-url", arguments.oidc.redirect_url,
                 "https://NAME/sign-in/oidc/callback, under the name that browsers call")
      ->needs(issuer);
  app.add_option("--oidc-claim", arguments.oidc.claim,
                 "what in the id token is the user's name here, to the letter")
      ->needs(issuer)
      ->check(CLI::IsMember({"preferred_username", "email", "sub"}))
      ->capture_default_str();
  app.add_option("--queue-capacity", arguments.queue_capacity,
                 "commands that may wait for the writer")
      ->capture_default_str();
  app.add_option(
         "--rate-identity", arguments.rate_identity,
         "units of calls a second that one identity may use, twice as many at once: 1 for a "
         "read, 2 for a change, 10 for a report, export, import or batch; 0: no limit")
      ->check(CLI::Range(0, 100'000'000))
      ->capture_default_str();
  app.add_option("--rate-address", arguments.rate_address,
                 "calls a second from one address, a token that is none counts as 11; not for "
                 "addresses of this machine; 0: no limit")
      ->check(CLI::Range(0, 100'000'000))
      ->capture_default_str();
  app.add_option("--event-retention-days", arguments.event_retention_days,
                 "how far back subscribers may go on after a break; events themselves are kept")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();
  app.add_option("--event-keepalive-seconds", arguments.event_keepalive_seconds,
                 "at most so long between two messages of a stream of events")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  app.add_option("--streams-per-principal", arguments.streams_per_principal,
                 "streams of events that one principal may have open")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  TargetRules& targets = arguments.deliveries.transfers.targets;
  app.add_option("--deliver-allow", targets.allowed,
                 "ADDRESS or ADDRESS/PREFIX that webhooks may be sent to although it is not of the "
                 "public internet; may be repeated");
  app.add_flag("--deliver-http", targets.allow_http, "allow webhooks without TLS");
  app.add_option("--deliver-ca-file", arguments.deliveries.transfers.ca_file,
                 "PEM file: whom to trust of those webhooks are sent to; none: as the system does")
      ->check(CLI::ExistingFile);
  const CLI::AsNumberWithUnit span(
      std::map<std::string, int64_t>{
          {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}},
      CLI::AsNumberWithUnit::UNIT_REQUIRED);
  app.add_option("--deliver-retry", arguments.deliver_retry_ms,
                 "waits before the tries of a delivery, such as 0s,5s,5m,1h; the last has failed: "
                 "it is dead; none: ten tries in three days")
      ->delimiter(',')
      ->transform(span)
      ->check(CLI::Range(int64_t{0}, int64_t{30} * 86'400'000));
  app.add_option("--deliver-timeout", arguments.deliver_timeout_ms,
                 "how long a try may take, such as 15s; none: that")
      ->transform(span)
      ->check(CLI::Range(int64_t{100}, int64_t{60'000}));
  app.add_option("--deliver-source", arguments.deliveries.source,
                 "who sends, in webhooks: a URI such as https://cases.example.com")
      ->capture_default_str();
  app.add_option("--smtp", arguments.smtp.server,
                 "smtp://HOST:PORT (STARTTLS) or smtps://HOST:PORT: the server that takes mails");
  app.add_option("--smtp-user", arguments.smtp.user, "to sign in with; none: no sign-in");
  app.add_option("--smtp-password-file", arguments.smtp_password_file,
                 "file whose first line is the password")
      ->check(CLI::ExistingFile);
  app.add_option("--smtp-from", arguments.smtp.from, "the address that mails come from");
  app.add_flag("--smtp-plain", arguments.smtp_plain,
               "allow smtp:// without TLS, for a relay on this machine");
  app.add_option("--watchdog", arguments.watchdog_seconds,
                 "seconds between looks whether gRPC takes a new connection; after three in vain "
                 "the process ends with code 4, to be started again; 0: never")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
  app.add_option("--log-level", arguments.log_level, "debug, info or warn")
      ->check(CLI::IsMember({"debug", "info", "warn"}))
      ->capture_default_str();

  CLI::App* principal = app.add_subcommand("principal", "identities and their tokens");
  principal->require_subcommand(1);
  CLI::App* add = principal->add_subcommand(
      "add", "creates or changes an identity and prints a new token for it");
  add->add_option("--db", arguments.db, "SQLite file")->required();
  add->add_option("--name", arguments.principal.name, "unique name")->required();
  add->add_option(
         "--role", arguments.principal.role,
         "admin, manager, supervisor, agent, integration, viewer, or another role of roles.yaml")
      ->required();
  add->add_option("--org-unit", arguments.principal.scope.org_units,
                  "sees this org unit and those below it; none: all");
  add->add_option("--queue", arguments.principal.scope.queues, "sees this queue; none: all");

  CLI::App* config = app.add_subcommand("config", "the configuration folder");
  config->require_subcommand(1);
  CLI::App* check = config->add_subcommand(
      "check", "reads a folder as a start would and shows every mistake; touches no database");
  check->add_option("folder", arguments.config, "the folder")->capture_default_str();

  CLI::App* verify =
      app.add_subcommand("verify", "proves that the events give every row and every figure");
  verify->add_option("--db", arguments.db, "SQLite file")->required()->check(CLI::ExistingFile);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    if (add->parsed()) return AddPrincipal(arguments);
    if (check->parsed()) return CheckConfig(arguments);
    if (verify->parsed()) return VerifyFile(arguments);
    return Serve(std::move(arguments));
  } catch (const std::exception& e) {
    std::cerr << "reboundd: " << e.what() << "\n";
    return 1;
  }
}

}  // namespace
}  // namespace rebound

int main(int argc, char** argv) { return rebound::Main(argc, argv); }
