#include "clients/cli/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "clients/cli/values.h"
#include "clients/cli/words.h"

namespace rebound::cli {
namespace {

using Row = std::vector<std::string>;

const char* Mark(v1::StepState state) {
  if (state == v1::STEP_STATE_ACTIVE) return "→";
  if (state == v1::STEP_STATE_DONE) return "✓";
  if (state == v1::STEP_STATE_FAILED) return "✗";
  return state == v1::STEP_STATE_SKIPPED ? "–" : "?";
}

const v1::PlanStep* FindPlanned(const v1::Case& record, const std::string& step_id) {
  for (const v1::PlanStep& step : record.plan()) {
    if (step.step_id() == step_id) return &step;
  }
  return nullptr;
}

// "Call the customer"; a step that the plan no longer has goes by its key.
std::string NameOf(const v1::PlanStep* step, const std::string& key, bool chinese) {
  if (step == nullptr) return key;
  const std::string& name = chinese ? step->display_name_zh() : step->display_name();
  return name.empty() ? key : name;
}

// What it came to, or what it waits for.
std::string Outcome(const v1::CaseStep& step, bool chinese) {
  const Word word{chinese};
  if (step.state() != v1::STEP_STATE_ACTIVE) {
    std::string text = StepResultWord(step.result(), chinese);
    const bool by_condition = step.result() == "condition" || step.kind() == v1::STEP_KIND_DECISION;
    if (by_condition && !step.why().empty()) text += ": " + step.why();
    return text;
  }
  if (step.has_wake_time()) {
    return word("until ", "等到 ") + FormatTimeSeconds(step.wake_time());
  }
  if (!step.has_due_time()) return "";
  return (step.overdue() ? word("overdue since ", "已逾期，应于 ") : word("due ", "截止 ")) +
         FormatTimeSeconds(step.due_time());
}

}  // namespace

std::string RenderPlan(const v1::Case& record, bool chinese, const Style& style, int width) {
  const Word word{chinese};
  std::vector<Row> rows;
  int round = 1;
  for (const v1::CaseStep& step : record.steps()) {
    if (step.round() != round) {
      round = step.round();
      rows.push_back({"", fmt::format(fmt::runtime(word("round {}", "第 {} 轮")), round)});
    }
    const std::string whose = !step.actor().empty() && step.actor() != "system" ? step.actor()
                              : !step.owner().empty()                           ? step.owner()
                                                                                : step.queue_id();
    rows.push_back({Mark(step.state()), step.step_id(),
                    NameOf(FindPlanned(record, step.step_id()), step.step_id(), chinese),
                    EnumWord(step.kind(), chinese), Outcome(step, chinese), whose, step.note()});
  }
  // What stands below the last step of this round; a decision may still leap over some of it.
  bool is_below = record.steps().empty() || record.steps().rbegin()->round() != record.round();
  const bool is_open = record.phase() != v1::PHASE_CLOSED && !record.held() && !record.history();
  for (const v1::PlanStep& step : record.plan()) {
    if (is_below && is_open) {
      rows.push_back({"·", step.step_id(), NameOf(&step, step.step_id(), chinese),
                      EnumWord(step.kind(), chinese)});
    }
    is_below = is_below || step.step_id() == record.steps().rbegin()->step_id();
  }
  return TablePart(style, word("Plan", "方案步骤"),
                   {{""},
                    {word("step", "步骤")},
                    {word("name", "名称")},
                    {word("kind", "类型")},
                    {word("result (times in UTC)", "结果 (UTC)")},
                    {word("who", "负责人")},
                    {word("note", "备注")}},
                   rows, width);
}

std::string RenderReachability(const v1::Case& record, bool chinese, const Style& style) {
  const Word word{chinese};
  if (!record.has_reachability()) return "";
  const v1::Reachability& shown = record.reachability();
  const bool has_rule = shown.needed_attempts() > 0;
  const bool tried = shown.attempts() > 0 || shown.messages() > 0;
  const auto of = [&](int count, int needed) {
    return needed == 0 ? std::string() : fmt::format("{}/{}", count, needed);
  };
  const std::string lines = RenderFacts(
      {
          {word("tries", "联系次数"),
           tried && has_rule ? of(shown.attempts(), shown.needed_attempts()) : ""},
          {word("on days", "分布天数"),
           tried && has_rule ? of(shown.days(), shown.needed_days()) : ""},
          {word("parts of the day", "分布时段"),
           tried && has_rule ? of(shown.time_bands(), shown.needed_time_bands()) : ""},
          {word("messages", "消息"),
           tried && has_rule ? of(shown.messages(), shown.needed_messages()) : ""},
          {word("unreachable", "联系不上"), !tried || !has_rule ? ""
                                            : shown.met()       ? word("shown", "已确认")
                                                          : word("not shown yet", "尚未确认")},
          {word("call from", "可联系时间"),
           shown.has_next_call_time() ? FormatTimeSeconds(shown.next_call_time()) : ""},
      },
      "  ");
  return lines.empty() ? "" : Heading(style, word("Reaching the customer", "联系情况")) + lines;
}

}  // namespace rebound::cli
