// Going through a plan: what the conditions of its steps read, and what each kind waits for. Pure.
//
//   kind       begins                   ends
//   contact    in its turn              the customer is reached (its outcome), or is shown to be
//                                       unreachable
//   remedy     in its turn              one of that type is accepted, delivered or declined
//   task       in its turn              CompleteStep
//   message    in its turn              at once; in quiet hours as they end
//   wait       in its turn              after its time
//   decision   in its turn              at once: yes or no
//   verify     handling is done         somebody else has asked the customer
//   aftercare  `after` handling done    CompleteStep
//
// A step whose condition does not hold, or that is not sampled, is skipped as it begins. What
// stands before the first verify or aftercare belongs to handling: as that is done it is left out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/case.h"
#include "workflows/contact_rules.h"
#include "workflows/customer.h"
#include "workflows/playbook.h"
#include "workflows/remedy.h"
#include "workflows/response.h"

namespace rebound {

// What conditions of steps read: the case as it is now, with the answer that opened it. Refers to
// all of them; does not own them. Thread-compatible.
class StepFacts : public OpeningFacts {
 public:
  // `from`, as in Assess.
  StepFacts(const Case& c, const Response* response, const Customer* customer, bool unreachable);

 private:
  std::vector<std::string> results_{};
};

// Do its conditions read what the customer wrote? Then what is decided needs Facts::words.
bool AsksWords(const Playbook& playbook);

// The index of the first attempt that may end a contact step which begins, or has begun, now: those
// of this round, since the last such step of it ended.
size_t FirstAttemptOf(const Case& c);

// The outcome that ends the active contact step; nullopt: nobody was reached since.
std::optional<AttemptOutcome> ReachedIn(const Case& c, size_t from);

// accepted, delivered or declined: what became in this round of remedies of that type; nullopt:
// none has come so far.
std::optional<std::string> RemedyResult(const Case& c, std::string_view type_id);

// Is the case among `percent` of all for that step? Always the same for the same case and step.
bool IsSampled(const CaseId& id, std::string_view step_id, int32_t percent);

// Does the step come after the handling, given the plan it stands in? See above.
bool IsAfterHandling(const std::vector<PlanStep>& steps, size_t index);

// What is left of the plan after what the case has gone through: the index of the step that comes
// next, and why; nullopt: none. REQUIRES: no step is active.
struct NextStep {
  size_t index = 0;
  std::string why{};
  int32_t round = 1;
  friend bool operator==(const NextStep&, const NextStep&) = default;
};
std::optional<NextStep> FindNext(const Playbook& playbook, const Case& c, bool handling_done);

// "reached", as results have them.
std::string_view Word(AttemptOutcome outcome);

}  // namespace rebound
