#include "tests/bench/rules.h"

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include "server/execute/revisions.h"
#include "server/services/convert.h"
#include "server/storage/sqlite_store.h"
#include "tests/bench/answers.h"
#include "workflows/playbook.h"

namespace rebound::bench {
namespace {

constexpr int kRules = 500;
constexpr size_t kAnswersPerCommit = 64;

double Micros(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

// Rules as people write them: a program, a range of scores, a part of the journey. Two of three are
// decided by their last comparison.
std::vector<Playbook> Rules() {
  std::vector<Playbook> rules;
  for (int i = 0; i < kRules; ++i) {
    Playbook& rule = rules.emplace_back();
    rule.id = "rule-" + std::to_string(i);
    rule.when =
        All({Compare(FieldId::kProgram, Op::kEqual, Value{std::string(kProgram)}),
             Compare(FieldId::kScore, Op::kLessOrEqual, Value{int64_t{i % 3 == 0 ? -1 : 10}}),
             Compare(FieldId::kTouchpoint, Op::kHas,
                     Value{"touchpoint-" + std::to_string(i) + "/nobody"})});
  }
  return rules;
}

}  // namespace

RulesCost MeasureRules(const std::string& folder, const std::string& config, int64_t answers) {
  const std::string path = folder + "/rules.db";
  const auto remove = [&] {
    for (const char* more : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(path + more);
  };
  remove();
  RulesCost cost;
  {
    auto store = SqliteStore::Open(path);
    SystemClock clock;
    const auto revision = ApplyFolder(*store, config, clock.Now()).revision;
    if (revision == nullptr) throw std::runtime_error("the configuration is broken: " + config);
    RevisionBook book(*store, revision);
    Executor executor(*store, clock, book, {}, [] {});
    Answers source({.detractor_percent = 100, .new_customer_percent = 100}, 0, 0);
    std::vector<Command> commands;
    v1::Response response;
    for (int64_t i = 0; i < answers; ++i) {
      source.Next(&response);
      Checks checks;
      commands.push_back(ToSubmit(response, "response", *revision, clock.Now(), false, checks));
    }

    const std::vector<Playbook> rules = Rules();
    int64_t matched = 0;
    auto begin = std::chrono::steady_clock::now();
    for (const Command& command : commands) {
      const Response& answer = std::get<SubmitResponse>(command).response;
      Case opening;
      opening.program_id = answer.program_id;
      opening.score = answer.score;
      opening.category = Category::kDetractor;
      opening.details.touchpoint = answer.touchpoint;
      matched += ChoosePlaybook(rules, opening, nullptr, &answer) != nullptr;
    }
    cost.evaluate_us =
        Micros(std::chrono::steady_clock::now() - begin) / static_cast<double>(answers);
    if (matched != 0) throw std::runtime_error("a rule matched that was made to match nothing");

    begin = std::chrono::steady_clock::now();
    for (size_t at = 0; at < commands.size(); at += kAnswersPerCommit) {
      Work work;
      work.caller.principal = "bench";
      for (size_t i = at; i < std::min(at + kAnswersPerCommit, commands.size()); ++i) {
        work.commands.push_back(std::move(commands[i]));
      }
      for (const auto& result : executor.Call(std::move(work), true)) {
        if (!result) throw std::runtime_error("an answer was refused");
      }
    }
    cost.store_us = Micros(std::chrono::steady_clock::now() - begin) / static_cast<double>(answers);
  }
  remove();
  return cost;
}

}  // namespace rebound::bench
