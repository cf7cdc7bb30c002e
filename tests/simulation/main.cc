// rebound_sim: runs simulated years. Exits with 0 when everything held (with --bug: when the bug
// was noticed), 1 when not, 2 when it could not run.
#include <fmt/format.h>
#include <sodium.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <csignal>
#include <iostream>
#include <mutex>
#include <optional>
#include <thread>

#include "server/clock.h"
#include "tests/simulation/simulator.h"

namespace rebound::simulation {
namespace {

enum ExitCode { kHeld = 0, kBroken = 1, kCouldNotRun = 2 };

// How many seeds a deliberate bug may go unnoticed.
constexpr uint64_t kSeedsForBug = 30;
// From so many seeds on a run must have come by everything.
constexpr size_t kSeedsForAll = 500;

thread_local Simulator* running = nullptr;

// A CHECK of the code under test ends the process: the seed must be told first.
void TellAndEnd(int) {
  std::signal(SIGABRT, SIG_DFL);
  if (running != nullptr) std::cerr << running->Report("a CHECK failed, see above", CaseId{});
  std::abort();
}

Summary RunSeed(const Options& options) {
  Simulator simulator(options);
  running = &simulator;
  Summary summary = simulator.Run();
  running = nullptr;
  return summary;
}

// The seeds on `jobs` threads; ends with the first that fails. In the order of seeds.
std::vector<Summary> RunSeeds(const Options& options, uint64_t first, uint64_t last, size_t jobs) {
  std::vector<Summary> summaries(last - first + 1);
  std::atomic<uint64_t> next{first};
  std::atomic<bool> failed{false};
  const auto work = [&] {
    for (;;) {
      const uint64_t seed = next++;
      if (seed > last || failed) return;
      Options own = options;
      own.seed = seed;
      Summary summary = RunSeed(own);
      if (!summary.failure.empty()) failed = true;
      summaries[seed - first] = std::move(summary);
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < jobs; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  return summaries;
}

// What a long run must have come by, or it is of no use.
std::vector<std::string> Missing(const std::map<std::string, int64_t, std::less<>>& seen) {
  std::vector<std::string> missing;
  std::vector<std::string> wanted = {"CaseOpened",
                                     "CaseAssigned",
                                     "AttemptLogged",
                                     "CommitmentMade",
                                     "RemedyRecorded",
                                     "CaseResolved",
                                     "CaseClosed",
                                     "CaseReopened",
                                     "ResponseAttached",
                                     "ResurveyAsked",
                                     "ResurveyAnswered",
                                     "LaterAnswerCounted",
                                     "TimerSet",
                                     "TimerEnded",
                                     "CaseDispatched",
                                     "CaseAccepted",
                                     "CaseReturned",
                                     "CaseChased",
                                     "CaseSupervised",
                                     "AssistRecorded",
                                     "ExtensionRecorded",
                                     "VerificationRecorded",
                                     "CaseMoved",
                                     "CommitmentSettled",
                                     "CaseEscalated",
                                     "PriorityChanged",
                                     "PauseStarted",
                                     "PauseEnded",
                                     "ClockStarted",
                                     "ClockPaused",
                                     "ClockResumed",
                                     "ClockEnded",
                                     "TierCrossed",
                                     "ClockMoved",
                                     "CaseMigrated",
                                     "RevisionApplied",
                                     "ClockJumped",
                                     "ClockConfirmed",
                                     "CustomerConsentChanged",
                                     "BehaviourRecorded",
                                     "BEHAVIOUR_KEY_REUSED",
                                     "CaseMerged",
                                     "CaseUnmerged",
                                     "CaseLinkChanged",
                                     "VerdictRecorded",
                                     "FindingRecorded",
                                     "CustomerLinked",
                                     "EntryProposed",
                                     "EntryWarned",
                                     "EntryDecided",
                                     "EntryExtensionRequested",
                                     "EntryExtensionDecided",
                                     "EntryAppealed",
                                     "EntryAppealDecided",
                                     "EntryLifted",
                                     "EntryLapsed",
                                     "EntryNotified",
                                     "CaseRestricted",
                                     "opened, though listed",
                                     "owed, though listed",
                                     "at an entry's edge",
                                     "entry woken twice at once",
                                     "BLACKLIST_BLOCKS",
                                     "BLACKLIST_NEEDS_APPROVAL",
                                     "BLACKLIST_ENTRY_EXISTS",
                                     "BLACKLIST_DECIDER_PROPOSED",
                                     "BLACKLIST_DECIDER_DECIDED",
                                     "BLACKLIST_DECIDER_IS_OWNER",
                                     "BLACKLIST_DECIDER_NOT_PERSON",
                                     "BLACKLIST_ROLE_NOT_ALLOWED",
                                     "BLACKLIST_TRANSITION_NOT_ALLOWED",
                                     "BLACKLIST_WARNING_REQUIRED",
                                     "BLACKLIST_APPEAL_MADE",
                                     "BLACKLIST_APPEAL_TOO_LATE",
                                     "BLACKLIST_APPEAL_NOT_OPEN",
                                     "BLACKLIST_APPEAL_PENDING",
                                     "BLACKLIST_EXTENSION_PENDING",
                                     "BLACKLIST_EXTENSION_NOT_OPEN",
                                     "BLACKLIST_EXPIRY_REQUIRED",
                                     "BLACKLIST_EXPIRY_PAST",
                                     "BLACKLIST_EXPIRY_TOO_FAR",
                                     "BLACKLIST_EFFECT_NOT_OF_KIND",
                                     "BLACKLIST_REMEDY_STATUTORY",
                                     "BLACKLIST_IMMEDIATE_NOT_ALLOWED",
                                     "BLACKLIST_IMMEDIATE_TOO_LONG",
                                     "BLACKLIST_IMMEDIATE_USED",
                                     "ALIAS_CYCLE",
                                     "ALIAS_TAKEN",
                                     "AlertRaised",
                                     "AlertAcknowledged",
                                     "AlertOverdue",
                                     "CaseBegun",
                                     "StepStarted",
                                     "StepEnded",
                                     "StepOverdue",
                                     "MessageSent",
                                     "STEP_NOT_ACTIVE",
                                     "STEP_ENDS_OTHERWISE",
                                     "UNREACHABLE_NOT_SHOWN",
                                     "held, and asked",
                                     "remedy approved",
                                     "REMEDY_LIMIT_EXCEEDED",
                                     "REMEDY_NEEDS_APPROVAL",
                                     "MERGE_MISMATCH",
                                     "APPEAL_NOT_OPEN",
                                     "ETAG_MISMATCH",
                                     "TRANSITION_NOT_ALLOWED",
                                     "TRANSITION_ROLE_NOT_ALLOWED",
                                     "CASE_INCOMPLETE",
                                     "RETURN_LIMIT_REACHED",
                                     "EXTENSION_LIMIT_REACHED",
                                     "SECOND_PERSON_REQUIRED",
                                     "DEDUPE_SLOT_TAKEN",
                                     "CASE_STATUS_NOT_IN_REVISION",
                                     "REVISION_CONFLICT",
                                     "UNKNOWN_PROGRAM",
                                     "CLOCK_NOT_PAUSABLE",
                                     "REASON_UNKNOWN",
                                     "LEASE_LOST",
                                     "OWNER_IS_ACCUSED",
                                     "CAPACITY_REACHED",
                                     "repeated",
                                     "restart",
                                     "clock ahead",
                                     "clock back",
                                     "down for a day",
                                     "woken twice at once",
                                     "stored, but not answered"};
  for (size_t i = 1; i < kCrashPointNames.size(); ++i) {
    wanted.push_back("crash " + std::string(kCrashPointNames[i]));
  }
  for (std::string& name : wanted) {
    const auto found = seen.find(name);
    if (found == seen.end() || found->second < 10) missing.push_back(std::move(name));
  }
  return missing;
}

int RunHealthy(const Options& options, uint64_t first, uint64_t last, size_t jobs, bool table) {
  SystemClock clock;
  const Duration begun = clock.Steady();
  Summary all;
  const std::vector<Summary> summaries = RunSeeds(options, first, last, jobs);
  for (const Summary& summary : summaries) {
    if (!summary.failure.empty()) {
      std::cout << summary.failure;
      return kBroken;
    }
    all.cases += summary.cases;
    all.commands += summary.commands;
    all.events += summary.events;
    for (const auto& [name, count] : summary.seen) all.seen[name] += count;
  }
  if (table) {
    for (const auto& [name, count] : all.seen)
      std::cout << fmt::format("{:>10}  {}\n", count, name);
  }
  std::cout << fmt::format("{} seeds held: {} cases, {} commands, {} events in {:.1f} s\n",
                           summaries.size(), all.cases, all.commands, all.events,
                           static_cast<double>((clock.Steady() - begun).count()) / 1000.0);
  if (summaries.size() < kSeedsForAll) return kHeld;
  const std::vector<std::string> missing = Missing(all.seen);
  for (const std::string& name : missing) {
    std::cout << fmt::format("expected to come by '{}' at least 10 times, found {}\n", name,
                             all.seen.contains(name) ? all.seen.at(name) : 0);
  }
  return missing.empty() ? kHeld : kBroken;
}

// Whether one of the seeds notices the bug.
bool RunBug(Options options, Bug bug, uint64_t first, uint64_t last) {
  options.bug = bug;
  const std::string_view name = kBugNames[static_cast<size_t>(bug)];
  for (uint64_t seed = first; seed <= last; ++seed) {
    options.seed = seed;
    const Summary summary = RunSeed(options);
    if (summary.failure.empty()) continue;
    std::cout << fmt::format("{:<18}  noticed by {}\n", name,
                             summary.failure.substr(0, summary.failure.find('\n')));
    if (options.verbose) std::cout << summary.failure << '\n';
    return true;
  }
  std::cout << fmt::format("{:<18}  not noticed by the seeds {} to {}: the simulator is broken\n",
                           name, first, last);
  return false;
}

int Main(int argc, char** argv) {
  CLI::App app{
      "rebound_sim: simulated years of cases, staff, timers, crashes and wrong clocks, one for "
      "each "
      "seed. Exits with 0 when everything held, 1 when not, 2 when it could not run."};
  Options options;
  std::optional<uint64_t> seed;
  std::string range, bug;
  size_t jobs = std::max(1U, std::thread::hardware_concurrency());
  bool table = false;
  std::vector<std::string> bugs(kBugNames.begin() + 1, kBugNames.end());
  bugs.emplace_back("all");
  app.add_option("--seed", seed, "one year, of this seed");
  app.add_option("--seeds", range, "the years of the seeds FROM..TO; default: 1..50");
  app.add_option("--cases", options.cases, "about so many open in a year")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--days", options.days, "length of a year")
      ->check(CLI::Range(1, 730))
      ->capture_default_str();
  app.add_option(
         "--bug", bug,
         "have a deliberate bug, which must be noticed within 30 seeds; exits with 0 when it "
         "is")
      ->check(CLI::IsMember(bugs));
  app.add_option("--jobs", jobs, "seeds at a time; default: as many as there are cores")
      ->check(CLI::Range(1, 256));
  app.add_flag("--table", table, "how often each event, refusal and fault was seen");
  app.add_flag("--verbose", options.verbose, "every step; with --bug: the report");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? kHeld : kCouldNotRun;
  }
  uint64_t first = seed.value_or(1), last = seed.value_or(bug.empty() ? 50 : kSeedsForBug);
  if (!range.empty()) {
    const size_t dots = range.find("..");
    char *end_of_first = nullptr, *end_of_last = nullptr;
    first = std::strtoull(range.c_str(), &end_of_first, 10);
    last =
        dots == std::string::npos ? 0 : std::strtoull(range.c_str() + dots + 2, &end_of_last, 10);
    const bool whole =
        dots != std::string::npos && end_of_first == range.c_str() + dots && *end_of_last == '\0';
    if (!whole || last < first) {
      std::cerr << fmt::format("--seeds: expected FROM..TO, as 1..500, found {}\n", range);
      return kCouldNotRun;
    }
  }
  if (sodium_init() < 0) return kCouldNotRun;
  std::signal(SIGABRT, TellAndEnd);
  if (bug.empty()) {
    return RunHealthy(options, first, last, options.verbose ? 1 : jobs, table);
  }
  bool noticed = true;
  for (size_t i = 1; i < kBugNames.size(); ++i) {
    if (bug == "all" || bug == kBugNames[i]) {
      noticed &= RunBug(options, static_cast<Bug>(i), first, last);
    }
  }
  return noticed ? kHeld : kBroken;
}

}  // namespace
}  // namespace rebound::simulation

int main(int argc, char** argv) { return rebound::simulation::Main(argc, argv); }
