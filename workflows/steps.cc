#include "workflows/steps.h"

#include <algorithm>

#include "workflows/hold_out.h"

namespace rebound {
namespace {

bool IsInRound(const Case& c, const Attempt& attempt) {
  return !c.round_started_at || attempt.occurred_at >= *c.round_started_at;
}

bool Names(const Predicate& when, FieldId field) {
  if (when.kind == Predicate::Kind::kComparison) return when.comparison.field == field;
  return std::any_of(when.children.begin(), when.children.end(),
                     [&](const Predicate& child) { return Names(child, field); });
}

size_t IndexOf(const std::vector<PlanStep>& steps, std::string_view id) {
  const auto found =
      std::find_if(steps.begin(), steps.end(), [&](const PlanStep& each) { return each.id == id; });
  return static_cast<size_t>(found - steps.begin());
}

}  // namespace

StepFacts::StepFacts(const Case& c, const Response* response, const Customer* customer,
                     bool unreachable)
    : OpeningFacts(c, response, customer) {
  for (const Field& field : FieldCatalogue()) {
    if (UsableIn(field, Use::kStepRule) && !UsableIn(field, Use::kOpeningRule)) {
      value_of(field.id) = ReadField(c, field.id);
    }
  }
  for (const CaseStep& step : c.steps) {
    if (step.round == c.round && step.state != StepState::kActive) {
      results_.push_back(step.step_id + "=" + step.result);
    }
  }
  if (!results_.empty()) {
    value_of(FieldId::kStepResult) = FieldValue{std::span<const std::string>(results_)};
  }
  int64_t tries = 0;
  for (size_t i = static_cast<size_t>(c.round_attempts); i < c.attempts.size(); ++i) {
    const Attempt& attempt = c.attempts[i];
    const bool ours = attempt.direction != Direction::kInbound && attempt.actor != "system";
    if (ours && IsInRound(c, attempt)) ++tries;
  }
  value_of(FieldId::kAttemptCount) = tries;
  value_of(FieldId::kUnreachable) = unreachable;
}

bool AsksWords(const Playbook& playbook) {
  return std::any_of(playbook.steps.begin(), playbook.steps.end(), [](const PlanStep& step) {
    return Names(step.when, FieldId::kReason) || Names(step.when, FieldId::kContactRequested) ||
           Names(step.when, FieldId::kChannel);
  });
}

size_t FirstAttemptOf(const Case& c) {
  size_t first = static_cast<size_t>(c.round_attempts);
  bool after_contact = false;
  for (const CaseStep& step : c.steps) {
    if (step.round != c.round) continue;
    if (after_contact) first = static_cast<size_t>(step.attempts);
    after_contact = step.kind == StepKind::kContact && step.state == StepState::kDone;
  }
  return after_contact ? c.attempts.size() : first;
}

std::optional<AttemptOutcome> ReachedIn(const Case& c, size_t from) {
  for (size_t i = c.attempts.size(); i > from; --i) {
    const Attempt& attempt = c.attempts[i - 1];
    if (!IsContact(attempt) || !IsInRound(c, attempt)) continue;
    return IsReached(attempt.outcome) ? attempt.outcome : AttemptOutcome::kReached;
  }
  return std::nullopt;
}

std::optional<std::string> RemedyResult(const Case& c, std::string_view type_id) {
  bool declined = false;
  bool pending = false;
  for (const Remedy& remedy : c.remedies) {
    if (remedy.type_id != type_id) continue;
    if (c.round_started_at && remedy.updated_at < *c.round_started_at) continue;
    switch (remedy.state) {
      case RemedyState::kAccepted: return "accepted";
      case RemedyState::kDelivered: return "delivered";
      case RemedyState::kDeclined: declined = true; break;
      case RemedyState::kProposed:
      case RemedyState::kApproved:
      case RemedyState::kOffered: pending = true; break;
      case RemedyState::kUnset:
      case RemedyState::kReversed: break;
    }
  }
  return declined && !pending ? std::optional<std::string>("declined") : std::nullopt;
}

bool IsSampled(const CaseId& id, std::string_view step_id, int32_t percent) {
  std::string key(step_id);
  key += '\0';
  key.append(id.bytes.begin(), id.bytes.end());
  return SipHash24(0, 0, key) % 100 < static_cast<uint64_t>(percent);
}

bool IsAfterHandling(const std::vector<PlanStep>& steps, size_t index) {
  return std::any_of(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(index) + 1,
                     [](const PlanStep& step) {
                       return step.kind == StepKind::kVerify || step.kind == StepKind::kAftercare;
                     });
}

std::optional<NextStep> FindNext(const Playbook& playbook, const Case& c, bool handling_done) {
  const std::vector<PlanStep>& steps = playbook.steps;
  NextStep next{0, c.round == 1 ? "next" : "reopened", c.round};
  // Steps that a migration took away lead nowhere.
  const auto last = std::find_if(c.steps.rbegin(), c.steps.rend(), [&](const CaseStep& step) {
    return step.round == c.round && playbook.FindStep(step.step_id) != nullptr;
  });
  if (last != c.steps.rend()) {
    const size_t index = IndexOf(steps, last->step_id);
    const PlanStep& step = steps[index];
    next = {index + 1, "next", c.round};
    if (last->kind == StepKind::kDecision && step.kind == StepKind::kDecision) {
      const bool yes = last->result == "yes";
      const std::string& target = yes ? step.then : step.otherwise;
      if (target == kPlanEnds) return std::nullopt;
      if (!target.empty()) {
        // Never back: a revision that was read only in part must not go in circles.
        next = {std::max(IndexOf(steps, target), index + 1),
                (yes ? "then:" : "otherwise:") + step.id, c.round};
      }
    } else if (last->kind == StepKind::kVerify && last->state == StepState::kFailed) {
      next = {step.rework.empty() ? index : IndexOf(steps, step.rework), "rework", c.round + 1};
    }
  }
  while (handling_done && next.index < steps.size() && !IsAfterHandling(steps, next.index)) {
    ++next.index;
  }
  if (next.index >= steps.size()) return std::nullopt;
  if (!handling_done && IsAfterHandling(steps, next.index)) return std::nullopt;
  return next;
}

std::string_view Word(AttemptOutcome outcome) {
  switch (outcome) {
    case AttemptOutcome::kUnset: return "";
    case AttemptOutcome::kReached: return "reached";
    case AttemptOutcome::kNoAnswer: return "no_answer";
    case AttemptOutcome::kBusy: return "busy";
    case AttemptOutcome::kSwitchedOff: return "switched_off";
    case AttemptOutcome::kSuspended: return "suspended";
    case AttemptOutcome::kEmptyNumber: return "empty_number";
    case AttemptOutcome::kWrongPerson: return "wrong_person";
    case AttemptOutcome::kHungUp: return "hung_up";
    case AttemptOutcome::kRefused: return "refused";
    case AttemptOutcome::kCallBackAgreed: return "call_back_agreed";
    case AttemptOutcome::kAsksForSuperior: return "asks_for_superior";
    case AttemptOutcome::kMessageSent: return "message_sent";
  }
  return "";
}

}  // namespace rebound
