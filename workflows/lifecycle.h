// The lifecycle as data: statuses, and which command each accepts. A value of the revision.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/case.h"
#include "workflows/clocks.h"

namespace rebound {

// Everything that can move or touch a case. People give those up to kReopen; the rest come from
// answers and timers.
enum class CaseCommand {
  kAssign,
  kClaim,
  kDispatch,
  kAccept,
  kReturn,
  kLogAttempt,
  kMakeCommitment,
  kSettleCommitment,
  kRemedy,
  kCompleteStep,
  kPause,
  kResume,
  kChase,
  kSupervise,
  kAssist,
  kExtend,
  kDecideExtension,
  kEscalate,
  kResolve,
  kVerify,
  kMove,
  kWithdraw,
  kMerge,
  kUnmerge,
  kProposeVerdict,
  kDecideVerdict,
  kBegin,
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

// May it be given on `c` in any status? While a case is held back for comparison nobody handles it:
// it begins, is asked, is ruled on, or ends. A merged case goes on in the other one, which is where
// it is ruled on: it can be taken out again, nothing else; and nothing else can be taken out.
bool MayGive(const Case& c, CaseCommand command);

// The command of that name; nullopt when there is none.
std::optional<CaseCommand> ParseCaseCommand(std::string_view name);
// Given by people (and refused to roles that the transition does not name), or by the system.
inline bool IsGivenByPeople(CaseCommand command) { return command <= CaseCommand::kReopen; }

struct StatusDef {
  std::string key{};  // stable: [a-z0-9_]{1,64}; labels may change
  std::string label_en{};
  std::string label_zh{};
  Phase phase = Phase::kUnset;
  bool handling_done = false;  // out of queues, capacity and ageing
  // Kinds of clock that do not count while a case is in this status. Entered only by kPause and
  // kMove, which then need a reason.
  std::vector<ClockKind> stops{};

  friend bool operator==(const StatusDef&, const StatusDef&) = default;
};

// What a case must have once a transition is done, or the command is refused.
enum class RequiredField {
  kUnset,
  kOwner,
  kAttempt,  // at least one try to reach the customer
  kContact,  // the customer was spoken to
  kRemedy,   // a remedy was accepted or delivered
  kHandlingResult,
  kRootCause,
  kActionTaken,
  kCustomerAccepts,     // it is known whether the customer accepts
  kVerification,        // somebody else has asked the customer
  kCommitmentsSettled,  // no promise is open
  kResponsibleUnit,
  kLiability
};
inline constexpr int kRequiredFieldCount = static_cast<int>(RequiredField::kLiability) + 1;
// snake_case, e.g. "root_cause".
std::string_view Name(RequiredField field);
bool Has(const Case& c, RequiredField field);

// In `from`, `command` is accepted; when it has its full effect the case is in `to`. A command that
// has several outcomes names `to` for the full effect and `otherwise` for the rest:
//   log_attempt  the customer was reached, or reached us
//   remedy       accepted or delivered
//   verify       the customer confirms
//   chase, resume  the customer was reached before
//   decide_verdict  the case is ruled invalid, unfounded or dishonest; otherwise: it goes on
//   ask_again    the customer was asked; otherwise, which is needed, closed without asking
//   answer_resurvey  a passive's or promoter's; otherwise a detractor's; `exhausted`: a detractor's
//                when the case may not reopen again. All three are needed
struct Transition {
  std::string from{};
  CaseCommand command{};
  std::string to{};
  std::string otherwise{};  // empty: stays; chase, resume: as `to`
  std::string exhausted{};
  std::vector<std::string> roles{};  // who may; empty: every role that may call the command
  std::vector<RequiredField> requires_fields{};

  friend bool operator==(const Transition&, const Transition&) = default;
};

// May somebody of that role take it? Empty: the system, which may all.
bool MayTake(const Transition& transition, std::string_view role);

struct Lifecycle {
  std::string initial{};
  int32_t max_returns = 3;  // how often a case may be returned (退单) before it must be escalated
  int32_t max_extensions = 2;                    // granted, of one clock
  Duration appeal_window{std::chrono::days{7}};  // of a unit, from the finding of its liability
  // Where cases of a hold-out open and wait to be asked; of phase open, handling_done. Empty: a
  // program may have no hold-out.
  std::string held_out{};
  std::vector<StatusDef> statuses{};
  std::vector<Transition> transitions{};

  const StatusDef* Find(std::string_view status) const;  // or nullptr
  // Of kMove there may be several from one status: `to` says which; empty: the first.
  const Transition* Find(std::string_view status, CaseCommand command,
                         std::string_view to = {}) const;  // or nullptr
  // The first status of the phase. REQUIRES: there is one.
  const StatusDef& FirstOf(Phase phase) const;
  // Names of the verbs that people can give on a case in `status`, in enum order, moves as
  // "move:STATUS". Claiming is asked of a queue, not of a case.
  std::vector<std::string> Allowed(std::string_view status) const;
  // Those on `c`, which may be held back or merged.
  std::vector<std::string> Allowed(const Case& c) const;

  friend bool operator==(const Lifecycle&, const Lifecycle&) = default;
};

// One fault of a lifecycle that can be read but not lived by.
struct LifecycleFault {
  enum class Kind {
    kUnreachable,        // no transition leads into the status
    kDeadEnd,            // no transition leads out of a status that is not closed
    kNobodyMay,          // the roles named cannot call the command
    kNoWayToClose,       // no sequence of transitions leads from the status to the phase closed
    kPhaseMissing,       // open or closed has no status
    kStopsWithoutPause,  // a clock-stopping status is entered by other commands than pause and move
    kCannotStop,         // it stops a clock that nobody can pause
    kPauseNeverEnds,     // chase or a contact of the customer does not lead out of it
    kTwice,              // a second transition for the same status and command
    kMoveIntoClosed,     // only close, withdraw, answers and timers close a case
    kMustClose,          // a case that is closed needs a status of phase closed; detail: the key
    kMustNotClose,       // one that goes on needs another one; detail: the key
    kInCircles,          // asking leads to where it is asked again; detail: the key
    kCannotRequire,      // a claim, or what the system does, which nobody can complete
    kInitialNotOpen,     // the initial status is not in phase open
    kHeldOutPhase,       // the held-out status is not of phase open with handling_done
    kHeldOutLacks        // detail: begin or ask_again, which does not lead out of it
  };
  Kind kind{};
  std::string status{};
  std::optional<size_t> transition{};  // index
  std::string detail{};                // the role, the other status, the key
};
// All of them, in order of statuses, then transitions. `roles`: of the same revision. REQUIRES: all
// statuses that transitions name exist.
struct RoleDef;
std::vector<LifecycleFault> CheckLifecycle(const Lifecycle& lifecycle,
                                           const std::vector<RoleDef>& roles);

// The shipped one, see config/lifecycle.yaml.
Lifecycle DefaultLifecycle();

}  // namespace rebound
