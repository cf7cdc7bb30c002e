#include "workflows/case.h"

#include <limits>

namespace rebound {

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

std::tuple<int32_t, int32_t, int64_t, int64_t> ClaimOrder(const Case& c) {
  const auto due = NextDue(c);
  return {c.priority_rank == 0 ? kNoPriorityRank : c.priority_rank, -c.severity,
          due ? ToMillis(*due) : std::numeric_limits<int64_t>::max(), c.number};
}

const Pause* OpenPause(const Case& c) {
  return c.pauses.empty() || c.pauses.back().resumed_at ? nullptr : &c.pauses.back();
}

std::optional<Timestamp> NextDue(const Case& c) {
  std::optional<Timestamp> due;
  for (const Timer& timer : c.timers) {
    if (timer.state == TimerState::kPending && (!due || timer.due_at < *due)) due = timer.due_at;
  }
  return due;
}

}  // namespace rebound
