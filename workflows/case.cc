#include "workflows/case.h"

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

std::optional<Timestamp> NextDue(const Case& c) {
  std::optional<Timestamp> due;
  for (const Timer& timer : c.timers) {
    if (timer.state == TimerState::kPending && (!due || timer.due_at < *due)) due = timer.due_at;
  }
  return due;
}

}  // namespace rebound
