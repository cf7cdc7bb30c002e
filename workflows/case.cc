#include "workflows/case.h"

#include <array>
#include <limits>

namespace rebound {

std::string_view Name(StepKind kind) {
  static constexpr std::array<std::string_view, kStepKindCount> kNames = {
      "", "contact", "remedy", "task", "message", "wait", "decision", "verify", "aftercare"};
  return kNames[static_cast<size_t>(kind)];
}

std::optional<Timestamp> NextWake(const CaseStep& step) {
  return step.wake_at ? step.wake_at : step.due_at;
}

bool IsReached(AttemptOutcome outcome) {
  switch (outcome) {
    case AttemptOutcome::kReached:
    case AttemptOutcome::kHungUp:
    case AttemptOutcome::kRefused:
    case AttemptOutcome::kCallBackAgreed:
    case AttemptOutcome::kAsksForSuperior: return true;
    case AttemptOutcome::kUnset:
    case AttemptOutcome::kNoAnswer:
    case AttemptOutcome::kBusy:
    case AttemptOutcome::kSwitchedOff:
    case AttemptOutcome::kSuspended:
    case AttemptOutcome::kEmptyNumber:
    case AttemptOutcome::kWrongPerson:
    case AttemptOutcome::kMessageSent: return false;
  }
  return false;
}

TimerKind TimerOf(ClockKind kind) {
  switch (kind) {
    case ClockKind::kUnset: break;
    case ClockKind::kFirstContact: return TimerKind::kFirstContact;
    case ClockKind::kRemedy: return TimerKind::kRemedy;
    case ClockKind::kCommitment: return TimerKind::kCommitment;
    case ClockKind::kVerification: return TimerKind::kVerification;
    case ClockKind::kResurvey: return TimerKind::kResurveyDue;
    case ClockKind::kExternalDeadline: return TimerKind::kExternalDeadline;
    case ClockKind::kFirstResolution: return TimerKind::kFirstResolution;
    case ClockKind::kTotalResolution: return TimerKind::kTotalResolution;
  }
  return TimerKind::kUnset;
}

std::optional<Timestamp> NextPromise(const Case& c) {
  std::optional<Timestamp> due;
  for (const Commitment& commitment : c.commitments) {
    if (commitment.state == CommitmentState::kPending && (!due || commitment.due_at < *due)) {
      due = commitment.due_at;
    }
  }
  return due;
}

const CaseClock* NextBreach(const Case& c) {
  const CaseClock* next = nullptr;
  for (const CaseClock& clock : c.clocks) {
    const bool counts =
        clock.state == ClockState::kRunning && clock.due_at && clock.kind != ClockKind::kResurvey;
    if (counts && (next == nullptr || *clock.due_at < *next->due_at)) next = &clock;
  }
  return next;
}

ClaimRank RankOf(const Case& c, Timestamp now) {
  ClaimRank rank;
  const auto promise = NextPromise(c);
  if (promise && *promise <= now + kPromiseIsNear) rank.promise_due_at = promise;
  rank.priority = c.priority;
  rank.priority_rank = c.priority_rank == 0 ? kNoPriorityRank : c.priority_rank;
  rank.severity = c.severity;
  rank.value_at_risk = c.details.value_at_risk;
  if (const CaseClock* clock = NextBreach(c)) {
    rank.breach_due_at = clock->due_at;
    rank.breach_clock = clock->kind;
  }
  return rank;
}

ClaimOrderKey ClaimOrder(const Case& c, Timestamp now) {
  const auto time = [](const std::optional<Timestamp>& at) {
    return at ? ToMillis(*at) : std::numeric_limits<int64_t>::max();
  };
  const ClaimRank rank = RankOf(c, now);
  return {time(rank.promise_due_at),        rank.priority_rank,       -rank.severity,
          -rank.value_at_risk.amount_minor, time(rank.breach_due_at), c.number};
}

const Pause* OpenPause(const Case& c) {
  return c.pauses.empty() || c.pauses.back().resumed_at ? nullptr : &c.pauses.back();
}

const CaseStep* ActiveStep(const Case& c) {
  // The last one: each begins when the one before it has ended.
  return c.steps.empty() || c.steps.back().state != StepState::kActive ? nullptr : &c.steps.back();
}

std::optional<Timestamp> NextDue(const Case& c) {
  std::optional<Timestamp> due;
  for (const Timer& timer : c.timers) {
    if (timer.state == TimerState::kPending && (!due || timer.due_at < *due)) due = timer.due_at;
  }
  return due;
}

}  // namespace rebound
