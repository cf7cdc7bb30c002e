// The plan of a case, and whether its customer can be reached.
#include "server/services/convert_parts.h"
#include "workflows/contact_rules.h"

namespace rebound {

CompleteStep ToCompleteStep(const api::CompleteStepRequest& in, Checks& checks) {
  constexpr size_t kLongest = 64;
  CompleteStep out;
  out.step_id = checks.Label("step_id", in.step_id());
  out.state = checks.Enum<StepState>("state", in.state(), true);
  if (out.state == StepState::kActive) {
    checks.Add("state", Reason::kEnumValueUnknown,
               {{"value", api::StepState_Name(in.state())},
                {"expected", "STEP_STATE_DONE, STEP_STATE_FAILED or STEP_STATE_SKIPPED"}});
  }
  out.result = in.result();
  for (const char c : out.result) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (plain && out.result.size() <= kLongest) continue;
    checks.Add("result", Reason::kIdInvalid,
               {{"value", in.result().substr(0, 80)},
                {"expected", "1 to 64 characters of a-z, 0-9, _ and -"}});
    break;
  }
  if (out.state == StepState::kSkipped) {
    out.note = Text{{}, checks.Required("note", in.note(), limits::kTextCodePoints)};
  } else {
    out.note = checks.Personal("note", in.note(), limits::kTextCodePoints);
  }
  return out;
}

void FillSteps(const Case& c, bool full, const Revision& revision, api::Case* out) {
  for (const CaseStep& step : c.steps) {
    api::CaseStep* to = out->add_steps();
    to->set_step_id(step.step_id);
    to->set_kind(ToApi<api::StepKind>(step.kind));
    to->set_state(ToApi<api::StepState>(step.state));
    to->set_result(step.result);
    to->set_why(step.why);
    to->set_owner(step.owner);
    to->set_queue_id(step.queue_id);
    to->set_round(step.round);
    Fill(step.started_at, to->mutable_start_time());
    FillTime(step.wake_at, [&] { return to->mutable_wake_time(); });
    FillTime(step.due_at, [&] { return to->mutable_due_time(); });
    to->set_overdue(step.overdue);
    FillTime(step.ended_at, [&] { return to->mutable_end_time(); });
    to->set_actor(step.actor);
    if (full) to->set_note(step.note.value);
  }
  out->set_round(c.round);
  const Playbook* plan = revision.FindPlaybook(c.playbook.playbook_id);
  if (!full || plan == nullptr) return;
  for (const PlanStep& step : plan->steps) {
    api::PlanStep* to = out->add_plan();
    to->set_step_id(step.id);
    to->set_display_name(step.name_en);
    to->set_display_name_zh(step.name_zh);
    to->set_kind(ToApi<api::StepKind>(step.kind));
  }
}

void Fill(const Case& c, const ContactRules& rules, const Zone* zone, Timestamp now,
          api::Reachability* out) {
  const Zone& local = zone != nullptr ? *zone : rules.zone;
  const Reachability shown = Assess(c, rules, local);
  out->set_attempts(shown.attempts);
  out->set_days(shown.days);
  out->set_time_bands(shown.time_bands);
  out->set_messages(shown.messages);
  if (shown.needed) {
    out->set_needed_attempts(shown.needed->attempts);
    out->set_needed_days(shown.needed->days);
    out->set_needed_time_bands(shown.needed->time_bands);
    out->set_needed_messages(shown.needed->messages);
  }
  out->set_met(shown.met);
  FillTime(NextCallAt(c, rules, local, now), [&] { return out->mutable_next_call_time(); });
  for (const auto& [outcome, count] : shown.outcomes) {
    api::AttemptCount* to = out->add_outcomes();
    to->set_outcome(ToApi<api::AttemptOutcome>(outcome));
    to->set_count(count);
  }
}

}  // namespace rebound
