#include "workflows/draft.h"

namespace rebound {

Error NotFound(std::string resource) {
  return Error{Reason::kNotFound, {{"resource", std::move(resource)}}};
}

Error StaleEtag(int64_t version) {
  return Error{Reason::kEtagMismatch, {{"current", "\"" + std::to_string(version) + "\""}}};
}

bool HasFirstContactClock(const Program& program, const Case& c) {
  const bool anyone = !c.customer_id.empty() || !c.details.contact_person.empty();
  return anyone && program.first_contact_limit > Duration{0};
}

void Open(Draft& draft, Case& c) {
  const Program& program = *draft.program();
  if (!c.history && HasFirstContactClock(program, c)) {
    c.timers.push_back({TimerKind::kFirstContact, 1,
                        draft.context().now + program.first_contact_limit, TimerState::kPending,
                        std::nullopt});
  }
  const Lifecycle& lifecycle = draft.context().revision->lifecycle;
  const Timestamp occurred_at = c.opened_at;
  c.status = lifecycle.initial;
  c.phase = lifecycle.Find(lifecycle.initial)->phase;
  Case opened = c;
  draft.AddCase(c, occurred_at, CaseOpened{std::move(opened)});
}

void ReopenCase(Draft& draft, Case& c, Timestamp occurred_at, CaseReopened reopened,
                std::string_view status) {
  draft.EndTimers(c, TimerKind::kResurveyDue, TimerState::kCancelled);
  draft.EndTimers(c, TimerKind::kResurveyExpiry, TimerState::kCancelled);
  draft.AddCase(c, occurred_at, std::move(reopened), status);
  if (HasFirstContactClock(*draft.program(), c)) {
    draft.EndTimers(c, TimerKind::kFirstContact, TimerState::kCancelled);
    draft.SetTimer(c, TimerKind::kFirstContact,
                   draft.context().now + draft.program()->first_contact_limit);
  }
}

void CloseCase(Draft& draft, Case& c, Timestamp occurred_at, CaseClosed closed,
               std::string_view status) {
  const std::vector<Timer> timers = c.timers;
  for (const Timer& timer : timers) {
    if (timer.state == TimerState::kPending) {
      draft.AddCase(c, draft.context().now,
                    TimerEnded{timer.kind, timer.generation, TimerState::kCancelled});
    }
  }
  draft.AddCase(c, occurred_at, std::move(closed), status);
}

}  // namespace rebound
