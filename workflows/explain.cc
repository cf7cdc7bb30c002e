#include "workflows/explain.h"

#include <algorithm>
#include <set>

namespace rebound {
namespace {

constexpr size_t kMostBytesSeen = 60;

std::string Cut(std::string_view text) {
  if (text.size() <= kMostBytesSeen) return std::string(text);
  size_t end = kMostBytesSeen;
  while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "...";
}

const Comparison* FirstComparison(const Predicate& predicate) {
  if (predicate.kind == Predicate::Kind::kComparison) return &predicate.comparison;
  for (const Predicate& child : predicate.children) {
    if (const Comparison* found = FirstComparison(child)) return found;
  }
  return nullptr;
}

Unmet Because(const Predicate& condition, bool negated, const FieldReader& read) {
  Unmet unmet{.condition = condition, .negated = negated};
  if (const Comparison* first = FirstComparison(condition)) {
    unmet.field = first->field;
    unmet.seen = ValueText(read(first->field));
  }
  return unmet;
}

}  // namespace

std::optional<Unmet> FirstUnmet(const Predicate& condition, const FieldReader& read) {
  if (Evaluate(condition, read)) return std::nullopt;
  switch (condition.kind) {
    case Predicate::Kind::kComparison:
    case Predicate::Kind::kAny: return Because(condition, false, read);
    case Predicate::Kind::kAll:
      for (const Predicate& child : condition.children) {
        if (auto unmet = FirstUnmet(child, read)) return unmet;
      }
      break;
    case Predicate::Kind::kNone:
      for (const Predicate& child : condition.children) {
        if (Evaluate(child, read)) return Because(child, true, read);
      }
      break;
  }
  return Because(condition, false, read);
}

std::string ValueText(const FieldValue& value) {
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  if (const auto* text = std::get_if<std::string_view>(&value)) return Cut(*text);
  if (const auto* time = std::get_if<Timestamp>(&value)) return FormatTime(*time);
  if (const auto* text = std::get_if<ShortText>(&value)) return Cut(text->view());
  if (const auto* texts = std::get_if<std::span<const std::string>>(&value)) {
    std::string joined;
    for (const std::string& text : *texts) (joined += joined.empty() ? "" : ", ") += text;
    return Cut(joined);
  }
  return {};
}

std::vector<RuleTrace> Explain(const Revision& revision, const FieldReader& read, bool why) {
  std::vector<RuleTrace> traces;
  const auto add = [&](RuleTrace::Kind kind, const std::string& id, const Predicate& when,
                       const FieldReader& facts, bool taken) {
    RuleTrace trace{.kind = kind, .id = id};
    if (why) trace.unmet = FirstUnmet(when, facts);
    trace.matches = why ? !trace.unmet : Evaluate(when, facts);
    trace.applies = trace.matches && !taken;
    traces.push_back(std::move(trace));
    return traces.back().applies;
  };
  const FieldValue history = read(FieldId::kHistory);
  const bool* past = std::get_if<bool>(&history);
  const bool raises = past == nullptr || !*past;  // nothing of the past is raised
  const bool red = raises && std::any_of(revision.alerts.begin(), revision.alerts.end(),
                                         [&](const AlertRule& rule) {
                                           return rule.red_line && Evaluate(rule.when, read);
                                         });
  const FieldReader top = [&](FieldId field) -> FieldValue {
    if (field == FieldId::kSeverity && red) return int64_t{5};
    return read(field);
  };
  const Playbook* chosen = nullptr;
  for (const Playbook& playbook : revision.playbooks) {
    const bool applies =
        add(RuleTrace::Kind::kPlaybook, playbook.id, playbook.when, top, chosen != nullptr);
    if (applies) chosen = &playbook;
  }
  const FieldReader raised = [&](FieldId field) -> FieldValue {
    const FieldValue value = top(field);
    if (field != FieldId::kSeverity || chosen == nullptr || chosen->severity == 0) return value;
    const auto* severity = std::get_if<int64_t>(&value);
    return std::max(severity != nullptr ? *severity : 0, int64_t{chosen->severity});
  };
  const Priority* priority = nullptr;
  for (const Priority& each : revision.priorities) {
    const bool applies =
        add(RuleTrace::Kind::kPriority, each.id, each.when, raised, priority != nullptr);
    if (applies) priority = &each;
  }
  if (priority == nullptr && !revision.priorities.empty()) {
    priority = &revision.priorities.back();
    traces.back().applies = true;
  }
  const FieldReader with_priority = [&](FieldId field) -> FieldValue {
    if (field != FieldId::kPriority || priority == nullptr) return raised(field);
    return std::string_view(priority->id);
  };
  std::set<ClockKind> kinds;
  for (const ClockDefinition& clock : revision.clocks) {
    const bool applies = add(RuleTrace::Kind::kClock, clock.id, clock.when, with_priority,
                             kinds.contains(clock.kind));
    if (applies) kinds.insert(clock.kind);
  }
  for (const AlertRule& rule : revision.alerts) {
    add(RuleTrace::Kind::kAlert, rule.id, rule.when, rule.red_line ? read : with_priority, !raises);
  }
  return traces;
}

}  // namespace rebound
