// rebound_chaos: kills, stops and starves real servers under load, and checks what they promised.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <random>

#include "clients/cli/progress.h"
#include "tests/chaos/rig.h"

namespace rebound::chaos {
namespace {

enum ExitCode : int { kHeld = 0, kViolated = 1, kCouldNotRun = 2 };

void PrintSummary(const std::string& part, const World& world, const CheckedState& state,
                  double elapsed_seconds) {
  const Counts& counts = world.counts;
  const auto row = [](std::string name, int64_t value) {
    name.resize(15, ' ');
    std::cout << name << cli::GroupDigits(value) << "\n";
  };
  std::cout << "part           " << part << ", " << static_cast<int>(elapsed_seconds) << " s, seed "
            << world.seed << "\n";
  if (counts.kills > 0) row("kills", counts.kills);
  row("calls", counts.calls);
  row("acknowledged", counts.acks);
  std::map<Verb, int64_t> by_verb;
  for (const auto& acks : world.acks) {
    for (const auto& [key, ack] : acks) ++by_verb[ack.verb];
  }
  for (const auto& [verb, count] : by_verb) {
    if (verb == Verb::kImport) continue;  // its rows are counted below
    std::cout << "               " << cli::GroupDigits(count) << " " << Name(verb) << "\n";
  }
  row("imported rows", counts.rows);
  row("unknown", counts.unknown);
  row("asked again", counts.resent);
  row("  found done", counts.found_done);
  row("replays", counts.replays);
  row("reads", counts.reads);
  for (const auto& [code, count] : world.Unanswered()) {
    std::cout << "unanswered     " << cli::GroupDigits(count) << " " << code << "\n";
  }
  for (const auto& [reason, count] : world.Refusals()) {
    std::cout << "refused        " << cli::GroupDigits(count) << " " << reason << "\n";
  }
  if (state.responses > 0) {
    std::cout << "checked        " << cli::GroupDigits(state.responses) << " responses, "
              << cli::GroupDigits(state.cases) << " cases, " << cli::GroupDigits(state.events)
              << " events\n";
  }
  row("violations", world.violations());
  for (const auto& [invariant, count] : world.Violations()) {
    std::cout << "  " << invariant << "  " << cli::GroupDigits(count) << "\n";
  }
  std::cout << std::endl;
}

int Run(const Options& options, const std::vector<std::string>& parts) {
  std::string folder = (std::filesystem::temp_directory_path() / "rebound-chaos-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make " + folder);
  bool held = true;
  try {
    for (const std::string& part : parts) {
      const auto start = SteadyClock::now();
      const std::string place = folder + "/" + part;
      std::unique_ptr<Bench> bench;
      World syncs(options.seed, 0, place);
      if (part == "syncs") {
        RunSyncFailures(options, place, syncs);
      } else {
        bench = std::make_unique<Bench>(options, place, options.clients);
        part == "stops" ? RunStops(options, *bench) : RunKills(options, *bench);
      }
      const World& world = bench ? bench->world() : syncs;
      PrintSummary(part, world, bench ? bench->state() : CheckedState{},
                   std::chrono::duration<double>(SteadyClock::now() - start).count());
      held &= world.violations() == 0;
    }
  } catch (...) {
    std::cerr << "The files are in " << folder << "\n";
    throw;
  }
  const bool canary = options.canary > 0;
  if (options.keep || (!held && !canary)) {
    std::cerr << "The databases and the logs of the calls are in " << folder << "\n";
  } else {
    std::filesystem::remove_all(folder);
  }
  if (canary) {
    std::cout << (held ? "The rig noticed nothing although writes were dropped: it is broken.\n"
                       : "The rig noticed the dropped writes, as it must.\n");
    return held ? kViolated : kHeld;
  }
  return held ? kHeld : kViolated;
}

int Main(int argc, char** argv) {
  CLI::App app{
      "rebound_chaos: kills real servers under load and checks what they promised. Exits with 0 "
      "when every promise held, 1 when one was broken, 2 when the rig could not run."};
  Options options;
  options.seed = std::random_device{}();
  std::vector<std::string> parts;
  app.add_option("--server", options.server, "the reboundd to test")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--part", parts,
                 "kills: SIGKILL under load; stops: SIGTERM under load; syncs: failing file syncs; "
                 "may be repeated; default: all, with --canary the kills")
      ->check(CLI::IsMember({"kills", "stops", "syncs"}));
  app.add_option("--kills", options.kills, "rounds of the part kills")->capture_default_str();
  app.add_option("--stops", options.stops, "rounds of the part stops")->capture_default_str();
  app.add_option("--syncs", options.syncs, "how many syncs of a run to fail; 0: all")
      ->capture_default_str();
  app.add_option("--clients", options.clients, "threads that call")
      ->check(CLI::Range(1, 200))
      ->capture_default_str();
  app.add_option("--canary", options.canary,
                 "have the server drop every N-th acknowledged write: the rig must notice, and "
                 "exits with 0 when it does");
  app.add_option("--seed", options.seed, "of the calls and kills; default: random");
  app.add_flag("--keep", options.keep, "leave databases and logs behind");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : kCouldNotRun;
  }
  try {
    options.server = std::filesystem::absolute(options.server);
    if (parts.empty() && options.canary == 0) parts = {"kills", "stops", "syncs"};
    if (parts.empty()) parts = {"kills"};
    return Run(options, parts);
  } catch (const std::exception& e) {
    std::cerr << "rebound_chaos: " << e.what() << "\n";
    return kCouldNotRun;
  }
}

}  // namespace
}  // namespace rebound::chaos

int main(int argc, char** argv) { return rebound::chaos::Main(argc, argv); }
