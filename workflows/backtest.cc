#include "workflows/backtest.h"

#include <algorithm>
#include <array>
#include <utility>

#include "workflows/decide.h"

namespace rebound {
namespace {

constexpr int32_t kUsualSeverity = 2;

const Playbook* FindPlaybook(const Revision& revision, std::string_view id) {
  const auto found = std::find_if(revision.playbooks.begin(), revision.playbooks.end(),
                                  [&](const Playbook& playbook) { return playbook.id == id; });
  return found == revision.playbooks.end() ? nullptr : &*found;
}

// As somebody asked for it: without what the rules of its time added.
OpenCase AsAsked(const Revision& followed, const Case& opened) {
  OpenCase command;
  command.program_id = opened.program_id;
  command.customer_id = opened.customer_id;
  command.origin = opened.origin;
  command.severity = opened.severity;
  command.details = opened.details;
  const Playbook* playbook = FindPlaybook(followed, opened.playbook.playbook_id);
  if (playbook != nullptr && playbook->severity >= opened.severity) {
    command.severity = std::min(kUsualSeverity, opened.severity);
  }
  const Program* program = followed.FindProgram(opened.program_id);
  const bool of_playbook = playbook != nullptr && playbook->queue_id == opened.details.queue_id;
  const bool of_program = program != nullptr && program->default_queue == opened.details.queue_id;
  if (of_playbook || of_program) command.details.queue_id.clear();
  return command;
}

// As it came, before the server knew what to make of it.
SubmitResponse AsSubmitted(const Response& response) {
  SubmitResponse command;
  command.response = response;
  Response& r = command.response;
  r.id = {};
  r.version = 0;
  r.external_key = {};
  r.invitation_id = {};
  r.case_id = {};
  r.paired_case_id = {};
  r.effect = ResponseEffect::kNone;
  r.corrected_score.reset();
  r.history = false;
  return command;
}

}  // namespace

Result<std::optional<Case>> OpenUnder(const Revision& draft, const Revision& followed,
                                      const Case& opened, const Response* response,
                                      const Customer* customer) {
  Facts facts;
  if (customer != nullptr) facts.customer = *customer;
  facts.next_case_number = opened.number;
  IdSource ids(opened.opened_at, 1, 1);
  Context context;
  context.now = opened.opened_at;
  context.ids = &ids;
  context.revision = &draft;
  context.actor = "system";
  Command command;
  if (response != nullptr) {
    context.now = std::max(context.now, response->occurred_at);
    command = AsSubmitted(*response);
  } else {
    command = AsAsked(followed, opened);
  }
  auto events = Decide(facts, command, context);
  if (!events) return std::move(events).error();
  for (Event& event : *events) {
    if (auto* made = std::get_if<CaseOpened>(&event.body)) return std::optional(made->opened);
  }
  return std::optional<Case>();
}

std::string_view Name(CaseFact fact) {
  static constexpr std::array<std::string_view, kCaseFactCount> kNames = {
      "", "dispatched", "attempted", "contacted", "remedied", "resolved", "closed"};
  return kNames[static_cast<size_t>(fact)];
}

std::optional<Timestamp> TimeOf(const Case& c, CaseFact fact) {
  switch (fact) {
    case CaseFact::kUnset: break;
    case CaseFact::kDispatched: return c.dispatched_at;
    case CaseFact::kAttempted: {
      std::optional<Timestamp> first = c.contacted_at;
      for (const Attempt& attempt : c.attempts) {
        if (!first || attempt.occurred_at < *first) first = attempt.occurred_at;
      }
      return first;
    }
    case CaseFact::kContacted: return c.contacted_at;
    case CaseFact::kRemedied: return c.remedied_at;
    case CaseFact::kResolved: return c.resolved_at;
    case CaseFact::kClosed: return c.closed_at;
  }
  return std::nullopt;
}

CaseFact FactOf(const CaseClock& clock) {
  switch (clock.kind) {
    case ClockKind::kFirstContact:
      return clock.met_by == MetBy::kAttempt ? CaseFact::kAttempted : CaseFact::kContacted;
    case ClockKind::kRemedy: return CaseFact::kRemedied;
    case ClockKind::kExternalDeadline:
    case ClockKind::kFirstResolution:
    case ClockKind::kTotalResolution: return CaseFact::kResolved;
    case ClockKind::kUnset:
    case ClockKind::kCommitment:
    case ClockKind::kVerification:
    case ClockKind::kResurvey: break;
  }
  return CaseFact::kUnset;
}

Punctuality Judge(const std::optional<Timestamp>& due, const std::optional<Timestamp>& happened,
                  Timestamp as_of) {
  if (!due) return Punctuality::kUnknown;
  if (happened) return *happened > *due ? Punctuality::kLate : Punctuality::kInTime;
  return as_of > *due ? Punctuality::kLate : Punctuality::kRunning;
}

}  // namespace rebound
