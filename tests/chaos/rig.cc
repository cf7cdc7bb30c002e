#include "tests/chaos/rig.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <thread>

#include "clients/cli/progress.h"

namespace rebound::chaos {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kLongestStart{30'000};
constexpr milliseconds kLongestStop{30'000};
constexpr milliseconds kLongestEndAfterFailure{5'000};
constexpr int kStoreFailed = 3;  // exit code of reboundd
constexpr int kVerifyEvery = 10;

// Asking again follows resolving at once, so that the kills meet timers and re-surveys too.
constexpr const char* kPrograms = R"(version: 1
programs:
  - id: rig-plain
    name: {en: Without a reopen window}
    kind: transactional
    scale: nps
    allow_anonymous: true
    anonymous_opens_case: true
    resurvey_delay: 0 minutes
    queue: rig-plain
  - id: rig-reopening
    name: {en: With a reopen window}
    kind: transactional
    scale: nps
    reopen_window: 7 days
    resurvey_delay: 0 minutes
    queue: rig-reopening
  - id: rig-history
    name: {en: Imported history}
    kind: relational
    scale: nps
    queue: rig-history
)";
constexpr const char* kPlaybooks = R"(version: 1
playbooks:
  - id: standard
    version: 1
    name: {en: Standard recovery}
)";
constexpr const char* kRemedies = R"(version: 1
remedies:
  catalogue:
    - {id: statutory-refund, name: {en: Owed by law}, kind: refund, statutory: true,
       needs_amount: true}
)";

void WriteConfig(const std::string& folder) {
  std::filesystem::create_directories(folder + "/config");
  std::ofstream(folder + "/config/programs.yaml") << kPrograms;
  std::ofstream(folder + "/config/playbooks.yaml") << kPlaybooks;
  std::ofstream(folder + "/config/remedies.yaml") << kRemedies;
}

void ShowProgress(const char* part, int done, int all, const World& world,
                  SteadyClock::duration loaded) {
  if (!isatty(STDERR_FILENO)) return;
  const std::string of = all > 0 ? fmt::format("/{}", all) : "";
  const double loaded_s = std::chrono::duration<double>(loaded).count();
  const double rate = loaded_s > 0 ? static_cast<double>(world.counts.acks) / loaded_s : 0;
  fmt::print(stderr, "\r\033[K{} {}{}   {} acks   {}/s   {} unknown   {} violations", part, done,
             of, cli::GroupDigits(world.counts.acks), cli::GroupDigits(static_cast<int64_t>(rate)),
             cli::GroupDigits(world.counts.unknown), world.violations());
  if (done == all) fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
}

std::string LastLines(const std::string& text) {
  return text.size() < 2'000 ? text : text.substr(text.size() - 2'000);
}

}  // namespace

Bench::Bench(const Options& options, const std::string& folder, int clients)
    : world_(options.seed, clients, folder) {
  WriteConfig(folder);
  server_ = {options.server, folder, folder + "/chaos.db", {}, {}};
  if (options.canary > 0) {
    server_.environment.push_back(fmt::format("REBOUND_CANARY_DROP_WRITE={}", options.canary));
  }
  for (int i = 0; i < clients; ++i) {
    const Finished added = RunCommand({options.server, "principal", "add", "--db", server_.db,
                                       "--name", fmt::format("chaos-{}", i), "--role", "admin"});
    if (added.code != 0) throw std::runtime_error("principal add failed: " + added.out);
    tokens_.push_back(added.out.substr(0, added.out.find('\n')));
    clients_.push_back(std::make_unique<Client>(world_, i, tokens_.back()));
  }
}

std::unique_ptr<ServerProcess> Bench::Start() {
  auto server = std::make_unique<ServerProcess>(server_);
  if (!server->WaitUntilServing(kLongestStart)) {
    throw std::runtime_error("the server does not start:\n" + LastLines(server->Log()));
  }
  return server;
}

void Bench::RunClients(const std::string& address, int round, int limit) {
  std::vector<std::thread> threads;
  for (auto& client : clients_) {
    threads.emplace_back([&, c = client.get()] { c->Run(address, round, limit); });
  }
  for (std::thread& thread : threads) thread.join();
}

void Bench::CheckState(int round) {
  const auto server = Start();
  world_.stop = false;
  world_.ForgetStoreFailure();
  RunClients(server->address(), round, 0);
  for (int i = 0; i < client_count(); ++i) {
    if (!client(i).has_pending()) continue;
    world_.Violate("liveness", fmt::format("client {}: no answer from a quiet server\n{}", i,
                                           LastLines(server->Log())));
  }
  state_ = CheckEverything(world_, server->address(), token());
}

void Bench::VerifyFile() {
  const Finished verified = RunCommand({server_.executable, "verify", "--db", server_.db});
  if (verified.code != 0) {
    world_.Violate("I-14", "reboundd verify:\n" + LastLines(verified.out));
  }
}

void RunKills(const Options& options, Bench& bench) {
  World& world = bench.world();
  std::mt19937_64 random(options.seed);
  SteadyClock::duration loaded{};
  const int check_every = std::max(kVerifyEvery, options.kills / 5);
  for (int round = 1; round <= options.kills; ++round) {
    world.stop = false;
    world.customers += 4;
    const auto server = bench.Start();
    const auto start = SteadyClock::now();
    std::thread load([&] { bench.RunClients(server->address(), round, INT_MAX); });
    const auto ended = server->WaitForExit(milliseconds(50 + random() % 451));
    if (ended) {
      world.Violate("liveness", fmt::format("round {}: the server ended by itself with {}\n{}",
                                            round, *ended, LastLines(server->Log())));
    }
    server->Signal(SIGKILL);
    load.join();
    server->WaitForExit(kLongestStop);
    loaded += SteadyClock::now() - start;
    ++world.counts.kills;
    if (round % kVerifyEvery == 0 || round == options.kills) bench.VerifyFile();
    if (round % check_every == 0 || round == options.kills) {
      bench.CheckState(round);
      // What was checked is only needed when it did not hold.
      for (int old = round - check_every + 1; old < round && !options.keep; ++old) {
        if (world.violations() > 0) break;
        std::filesystem::remove(fmt::format("{}/calls-{:05}.log", world.log_folder, old));
      }
    }
    ShowProgress("kills", round, options.kills, world, loaded);
    if (world.violations() > 1'000) break;  // it will not get better
  }
  bench.VerifyFile();
}

void RunStops(const Options& options, Bench& bench) {
  World& world = bench.world();
  std::mt19937_64 random(options.seed);
  SteadyClock::duration loaded{};
  for (int round = 1; round <= options.stops; ++round) {
    world.stop = false;
    const auto server = bench.Start();
    const auto start = SteadyClock::now();
    std::thread load([&] { bench.RunClients(server->address(), round, INT_MAX); });
    std::this_thread::sleep_for(milliseconds(100 + random() % 300));
    if (round == 1) {
      const Finished second = RunCommand({options.server, "--db", bench.server_options().db,
                                          "--config", bench.server_options().folder + "/config",
                                          "--listen", server->address() + ".second"});
      std::string holder;
      std::ifstream(bench.server_options().db + ".lock") >> holder;
      if (second.code == 0 || second.out.find(holder) == std::string::npos) {
        world.Violate("I-49", fmt::format("a second server on the same file ended with {} and did "
                                          "not name process {}:\n{}",
                                          second.code, holder, LastLines(second.out)));
      }
    }
    const auto asked = SteadyClock::now();
    server->Signal(SIGTERM);
    const auto ended = server->WaitForExit(kLongestStop);
    const auto took = std::chrono::duration_cast<milliseconds>(SteadyClock::now() - asked);
    if (ended != 0) {
      world.Violate("I-49", fmt::format("after SIGTERM under load the server {} after {} ms\n{}",
                                        ended ? fmt::format("ended with {}", *ended) : "still runs",
                                        took.count(), LastLines(server->Log())));
      server->Signal(SIGKILL);
    }
    load.join();
    loaded += SteadyClock::now() - start;
    bench.CheckState(round);
    ShowProgress("stops", round, options.stops, world, loaded);
  }
  for (const auto& [code, count] : world.Unanswered()) {
    if (code == "UNAVAILABLE" || code == "CANCELLED") continue;
    world.Violate("I-49",
                  fmt::format("{} calls ended with {} while the server stopped", count, code));
  }
  bench.VerifyFile();
}

// ------------------------------------------------------------------------------ failing file syncs

namespace {

constexpr int kScriptClients = 3;
constexpr int kProber = kScriptClients;  // one client more, which asks after the failure
constexpr int kCallsPerClient = 24;

void AddUp(World& total, const World& one) {
  total.counts.calls += one.counts.calls;
  total.counts.acks += one.counts.acks;
  total.counts.rows += one.counts.rows;
  total.counts.unknown += one.counts.unknown;
  total.counts.resent += one.counts.resent;
  total.counts.found_done += one.counts.found_done;
  total.counts.replays += one.counts.replays;
  total.counts.reads += one.counts.reads;
  for (const auto& [invariant, count] : one.Violations()) {
    total.Violate(invariant, fmt::format("{} in the run above", count));
  }
}

// One run in which the n-th sync of a thread fails. False: the run ended before it came to that.
bool FailSync(const Options& options, const std::string& folder, int n, bool sticky, World& total) {
  Options own = options;
  own.canary = 0;
  own.seed = options.seed + static_cast<uint64_t>(n);
  Bench bench(own, folder, kScriptClients + 1);
  World& world = bench.world();
  const std::string name = fmt::format("sync {} fails {}", n, sticky ? "for ever" : "once");
  {
    // Migrated and configured, so that a start does not sync any more.
    const auto first = bench.Start();
    first->Signal(SIGTERM);
    first->WaitForExit(kLongestStop);
  }

  ServerOptions traced = bench.server_options();
  const ServerOptions plain = traced;
  traced.inject = fmt::format("error=EIO:when={}{}", n, sticky ? "+" : "");
  bench.set_server_options(traced);
  const auto server = bench.Start();
  std::vector<std::thread> clients;
  for (int i = 0; i < kScriptClients; ++i) {
    clients.emplace_back([&, i] { bench.client(i).Run(server->address(), 1, kCallsPerClient); });
  }
  for (std::thread& client : clients) client.join();
  const bool failed = world.store_failure().has_value();
  if (failed) {
    const auto end = *world.store_failure() + kLongestEndAfterFailure;
    std::optional<int> ended;
    while (!ended && SteadyClock::now() < end) {
      // An acknowledgement now is a violation, and noticed where the answer is judged.
      bench.client(kProber).Probe(server->address(), 1);
      ended = server->WaitForExit(milliseconds(5));
    }
    if (ended != kStoreFailed) {
      world.Violate("I-3", fmt::format("{}: the server {}, not ended with {} within 5 s\n{}", name,
                                       ended ? fmt::format("ended with {}", *ended) : "still runs",
                                       kStoreFailed, LastLines(server->Log())));
    }
  } else if (server->WaitForExit(milliseconds(0))) {
    world.Violate("I-3", fmt::format("{}: the server ended, but no call was told that the store "
                                     "is unavailable\n{}",
                                     name, LastLines(server->Log())));
  }
  server->Signal(SIGKILL);
  server->WaitForExit(kLongestStop);
  bench.set_server_options(plain);
  bench.VerifyFile();
  bench.CheckState(2);
  bench.VerifyFile();
  if (world.violations() > 0) fmt::print(stderr, "  (in the run: {})\n", name);
  AddUp(total, world);
  return failed;
}

// The syncs of a first start. False: it came to serve.
bool FailSyncOfStart(const Options& options, const std::string& folder, int n, World& total) {
  WriteConfig(folder);
  ServerOptions server{
      options.server, folder, folder + "/chaos.db", {}, fmt::format("error=EIO:when={}", n)};
  bool served = false;
  {
    ServerProcess first(server);
    served = first.WaitUntilServing(kLongestStart);
    const auto ended = first.WaitForExit(milliseconds(0));
    if (!served && (!ended || *ended == 0)) {
      total.Violate("I-3", fmt::format("sync {} of the first start fails, and it neither serves "
                                       "nor ends with an error:\n{}",
                                       n, LastLines(first.Log())));
    }
  }
  server.inject.clear();
  ServerProcess second(server);
  if (!second.WaitUntilServing(kLongestStart)) {
    total.Violate("I-3", fmt::format("after sync {} of the first start failed, the next start does "
                                     "not serve:\n{}",
                                     n, LastLines(second.Log())));
  }
  return !served;
}

}  // namespace

void RunSyncFailures(const Options& options, const std::string& folder, World& total) {
  if (const Finished traced = RunCommand({"strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e",
                                          "trace=fdatasync,fsync", "true"});
      traced.code != 0) {
    throw std::runtime_error(
        "strace cannot trace here, so no sync can be made to fail. Install strace and allow "
        "ptrace (a container needs the capability SYS_PTRACE):\n" +
        traced.out);
  }
  int run = 0;
  const auto own_folder = [&] { return fmt::format("{}/sync-{}", folder, run++); };
  // SQLite ignores that a folder could not be synced, so one start that serves is not the end.
  int starts = 0;
  for (int n = 1, served = 0; served < 3; ++n) {
    const bool failed = FailSyncOfStart(options, own_folder(), n, total);
    starts += failed ? 1 : 0;
    served = failed ? 0 : served + 1;
  }
  int failures = 0;
  int last = 0;
  for (int n = 1; options.syncs == 0 || n <= options.syncs; ++n) {
    bool reached = false;
    for (const bool sticky : {false, true}) {
      const std::string place = own_folder();
      const bool failed = FailSync(options, place, n, sticky, total);
      reached |= failed;
      failures += failed ? 1 : 0;
      if (!options.keep && total.violations() == 0) std::filesystem::remove_all(place);
    }
    if (!reached) break;
    last = n;
    ShowProgress("syncs", n, options.syncs, total, {});
  }
  if (isatty(STDERR_FILENO)) fmt::print(stderr, "\r\033[K");
  fmt::print("failed syncs   {} of a first start, 1 to {} of a run, once and sticky: {} runs\n",
             starts, last, failures);
  if (last < std::min(10, options.syncs == 0 ? 10 : options.syncs)) {
    total.Violate("I-3", fmt::format("only {} syncs of the run could be made to fail", last));
  }
}

}  // namespace rebound::chaos
