#include "tests/bench/million.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <semaphore>
#include <stdexcept>

#include "server/config/config.h"
#include "server/execute/revisions.h"
#include "server/services/convert.h"
#include "server/storage/sqlite_store.h"
#include "tests/bench/report.h"

namespace rebound::bench {
namespace {

constexpr int64_t kBatch = 512;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

void WriteConfig(const std::string& shipped, const std::string& folder) {
  std::filesystem::remove_all(folder);
  std::filesystem::copy(shipped, folder, std::filesystem::copy_options::recursive);
  std::ofstream(folder + "/programs.yaml", std::ios::app) << "\n  - id: " << kProgram
                                                          << "\n    name: {en: Benchmark}"
                                                             "\n    kind: transactional"
                                                             "\n    scale: nps"
                                                             "\n    recovery_window: 90 days"
                                                             "\n    reopen_window: 7 days"
                                                             "\n  - id: bench-overdue"
                                                             "\n    name: {en: Benchmark of timers}"
                                                             "\n    kind: transactional"
                                                             "\n    scale: nps\n";
  std::string clocks = ReadFile(shipped + "/clocks.yaml");
  constexpr std::string_view kList = "\nclocks:\n";
  const size_t at = clocks.find(kList);
  if (at == std::string::npos) throw std::runtime_error("clocks.yaml has no list of clocks");
  clocks.insert(at + kList.size(),
                "  - id: bench-overdue\n"
                "    name: {en: First contact within the hour}\n"
                "    kind: first_contact\n"
                "    when: \"program = bench-overdue\"\n"
                "    limit: 1 hours\n"
                "    tiers:\n"
                "      - {id: breach, at: due, do: notify, notify: owner}\n");
  std::ofstream(folder + "/clocks.yaml") << clocks;
}

double MakeCases(const std::string& path, const std::string& config, const CasesWanted& wanted) {
  const int64_t cases = wanted.cases;
  namespace fs = std::filesystem;
  if (fs::exists(path)) {
    if (fs::file_time_type::clock::now() - fs::last_write_time(path) < wanted.keeps) return 0;
    fs::remove(path);
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  const std::string unfinished = path + ".unfinished";
  for (const char* more : {"", "-wal", "-shm", ".lock"}) {
    std::filesystem::remove(unfinished + more);
  }
  {
    auto store = SqliteStore::Open(unfinished);
    const Timestamp end = SystemClock().Now() - wanted.ago;
    ManualClock clock(end - wanted.span);
    const auto revision = ApplyFolder(*store, config, clock.Now()).revision;
    if (revision == nullptr) throw std::runtime_error("the configuration is broken: " + config);
    RevisionBook book(*store, revision);
    Executor executor(*store, clock, book, {}, [] {});
    Answers answers({.detractor_percent = 100, .new_customer_percent = 100}, 0, 0);
    std::counting_semaphore<> ahead(4);  // batches
    std::atomic<int64_t> done = 0;
    v1::Response response;
    for (int64_t made = 0; made < cases;) {
      Work work;
      work.caller.principal = "bench";
      for (int64_t i = 0; i < kBatch && made < cases; ++i, ++made) {
        answers.Next(&response);
        response.set_program_id(wanted.program);
        Checks checks;
        work.commands.push_back(
            ToSubmit(response, "response", *revision, clock.Now(), false, checks));
        if (!checks.ok()) throw std::runtime_error("an answer was refused");
      }
      clock.Set(end - wanted.span + wanted.span * made / cases);
      work.done = [&](std::vector<Result<Outcome>> results) {
        for (const auto& result : results) done += result.has_value();
        ahead.release();
      };
      ahead.acquire();
      executor.Submit(std::move(work), true);
      ShowProgress(made, cases, elapsed(), "cases");
    }
    executor.Drain();
    if (done != cases) throw std::runtime_error("some cases could not be made");
  }
  std::filesystem::rename(unfinished, path);
  std::filesystem::remove(unfinished + ".lock");
  return elapsed();
}

}  // namespace rebound::bench
