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

std::vector<RuleTrace> Explain(const Revision& revision, const FieldReader& read) {
  std::vector<RuleTrace> traces;
  const auto add = [&](RuleTrace::Kind kind, const std::string& id, const Predicate& when,
                       bool taken) {
    RuleTrace trace{.kind = kind, .id = id};
    trace.unmet = FirstUnmet(when, read);
    trace.matches = !trace.unmet;
    trace.applies = trace.matches && !taken;
    traces.push_back(std::move(trace));
    return traces.back().applies;
  };
  bool taken = false;
  for (const Playbook& playbook : revision.playbooks) {
    taken |= add(RuleTrace::Kind::kPlaybook, playbook.id, playbook.when, taken);
  }
  taken = false;
  for (const Priority& priority : revision.priorities) {
    taken |= add(RuleTrace::Kind::kPriority, priority.id, priority.when, taken);
  }
  if (!taken && !revision.priorities.empty()) traces.back().applies = true;
  std::set<ClockKind> kinds;
  for (const ClockDefinition& clock : revision.clocks) {
    if (add(RuleTrace::Kind::kClock, clock.id, clock.when, kinds.contains(clock.kind))) {
      kinds.insert(clock.kind);
    }
  }
  return traces;
}

}  // namespace rebound
