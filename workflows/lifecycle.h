// The lifecycle as data: statuses, and which command each accepts. A value of the revision.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/case.h"

namespace rebound {

// Everything that can move or touch a case. kAnswer and kFire* come from answers and timers.
enum class CaseCommand {
  kAssign,
  kClaim,
  kLogAttempt,
  kMakeCommitment,
  kRemedy,
  kResolve,
  kClose,
  kReopen,
  kAttachResponse,
  kAskAgain,
  kAnswerResurvey,
  kExpireResurvey
};
inline constexpr int kCaseCommandCount = static_cast<int>(CaseCommand::kExpireResurvey) + 1;

// snake_case, as listed in errors and Case.allowed_commands, e.g. "log_attempt".
std::string_view Name(CaseCommand command);

struct StatusDef {
  std::string key{};  // stable; labels may change
  std::string label_en{};
  std::string label_zh{};
  Phase phase = Phase::kUnset;
  bool handling_done = false;  // out of queues, capacity and ageing
};

// In `from`, `command` is accepted; when it has its full effect the case is in `to`. A command that
// has several outcomes (an attempt may reach the customer or not) names `to` for the effect and
// `otherwise` for the rest.
struct Transition {
  std::string from{};
  CaseCommand command{};
  std::string to{};
  std::string otherwise{};  // empty: stays
  std::string exhausted{};  // kAnswerResurvey: a bad answer when the case may not reopen again
};

struct Lifecycle {
  std::string initial{};
  std::vector<StatusDef> statuses{};
  std::vector<Transition> transitions{};

  const StatusDef* Find(std::string_view status) const;                        // or nullptr
  const Transition* Find(std::string_view status, CaseCommand command) const;  // or nullptr
  // The first status of the phase. REQUIRES: there is one.
  const StatusDef& FirstOf(Phase phase) const;
  // Names of the verbs that people can give on a case in `status`, in enum order. Claiming is asked
  // of a queue, not of a case.
  std::vector<std::string> Allowed(std::string_view status) const;
};

// The shipped one: open, contacting, contacted, remedied, resolved, resurvey_due, resurveyed,
// closed, reopened.
Lifecycle DefaultLifecycle();

}  // namespace rebound
