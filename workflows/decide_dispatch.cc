#include <algorithm>

#include "workflows/verb.h"

namespace rebound {

void Escalate(Draft& draft, Case& c, Text note, std::string_view status) {
  const std::string manager = ManagerAt(draft.RevisionOf(c).org_units, c.details.org_unit_id,
                                        c.escalation_level, draft.context().now);
  CaseEscalated escalated{c.escalation_level + 1, {}, std::move(note)};
  if (!manager.empty()) escalated.to.push_back(manager);
  // Where the tree ends, or there is none, whoever may act for a whole company is told.
  if (escalated.to.empty()) escalated.to.emplace_back("role:manager");
  draft.AddCase(c, draft.context().now, std::move(escalated), status);
}

Result<void> VerbDecision::operator()(const Dispatch& verb) {
  auto transition = Need(CaseCommand::kDispatch);
  if (!transition) return transition.error();
  if (auto known = CheckQueue(draft, "queue_id", verb.queue_id); !known) return known;
  if (auto may = CheckOwner(c, verb.owner); !may) return may;
  const int64_t before = c.lease_number;
  CaseDispatched dispatched{verb.owner, verb.queue_id, verb.org_unit_id, verb.note};
  draft.Stamp(dispatched.note);
  draft.AddCase(c, context().now, std::move(dispatched), (*transition)->to);
  LeaseToOther(before);
  return {};
}

Result<void> VerbDecision::operator()(const Accept&) {
  auto transition = Need(CaseCommand::kAccept);
  if (!transition) return transition.error();
  if (auto may = CheckOwner(c, context().actor); !may) return may;
  draft.AddCase(c, context().now, CaseAccepted{context().actor}, (*transition)->to);
  return {};
}

Result<void> VerbDecision::operator()(const Return& verb) {
  auto transition = Need(CaseCommand::kReturn);
  if (!transition) return transition.error();
  const Labels& labels = draft.RevisionOf(c).labels;
  if (auto known = CheckLabel(labels.return_reasons, "reason", verb.reason); !known) return known;
  if (c.return_count >= lifecycle().max_returns) {
    return Error{
        Reason::kReturnLimitReached,
        {{"case", CaseNumberText(c.number)}, {"limit", std::to_string(lifecycle().max_returns)}}};
  }
  if (auto known = CheckQueue(draft, "queue_id", verb.queue_id); !known) return known;
  CaseReturned returned{verb.reason, verb.note, verb.queue_id};
  if (returned.queue_id.empty()) returned.queue_id = draft.ProgramOf(c).default_queue;
  draft.Stamp(returned.note);
  draft.AddCase(c, context().now, std::move(returned), (*transition)->to);
  return {};
}

Result<void> VerbDecision::operator()(const ChaseCase& verb) {
  auto transition = Need(CaseCommand::kChase);
  if (!transition) return transition.error();
  Chase chase{verb.channel, verb.note, context().actor, context().now};
  draft.Stamp(chase.note);
  const Transition& t = **transition;
  draft.AddCase(c, context().now, CaseChased{std::move(chase)},
                c.contacted_at || t.otherwise.empty() ? t.to : t.otherwise);
  return {};
}

Result<void> VerbDecision::operator()(const SuperviseCase& verb) {
  auto transition = Need(CaseCommand::kSupervise);
  if (!transition) return transition.error();
  Supervision supervision{verb.note, context().actor, context().now};
  draft.Stamp(supervision.note);
  draft.AddCase(c, context().now, CaseSupervised{std::move(supervision)}, (*transition)->to);
  return {};
}

Result<void> VerbDecision::operator()(const AssistCase& verb) {
  auto transition = Need(CaseCommand::kAssist);
  if (!transition) return transition.error();
  Assist assist;
  if (verb.id.empty()) {
    if (verb.assistant.empty()) return FieldError("assistant", Reason::kRequiredFieldMissing);
    assist = {draft.NewId<AssistId>(), verb.assistant, verb.text, context().actor, context().now};
    draft.Stamp(assist.request);
  } else {
    const auto known = std::find_if(c.assists.begin(), c.assists.end(),
                                    [&](const Assist& each) { return each.id == verb.id; });
    if (known == c.assists.end()) return NotFound("assist");
    if (known->answered_at) {
      return Error{Reason::kAssistAnswered, {{"case", CaseNumberText(c.number)}}};
    }
    assist = *known;
    assist.answer = verb.text;
    assist.answered_by = context().actor;
    assist.answered_at = context().now;
    draft.Stamp(assist.answer);
  }
  draft.AddCase(c, context().now, AssistRecorded{std::move(assist)}, (*transition)->to);
  return {};
}

Result<void> VerbDecision::operator()(const EscalateCase& verb) {
  auto transition = Need(CaseCommand::kEscalate);
  if (!transition) return transition.error();
  Text note = verb.note;
  draft.Stamp(note);
  Escalate(draft, c, std::move(note), (*transition)->to);
  return {};
}

Result<void> VerbDecision::operator()(const MoveCase& verb) {
  const StatusDef* to = lifecycle().Find(verb.status);
  if (to == nullptr) {
    std::string allowed;
    for (const Transition& t : lifecycle().transitions) {
      if (t.from == c.status && t.command == CaseCommand::kMove) {
        allowed += (allowed.empty() ? "" : ", ") + t.to;
      }
    }
    return FieldError("status", Reason::kStatusUnknown,
                      {{"value", verb.status}, {"allowed", allowed}});
  }
  auto transition = Need(CaseCommand::kMove, verb.status);
  if (!transition) return transition.error();
  const Labels& labels = draft.RevisionOf(c).labels;
  if (!to->stops.empty()) {
    if (auto known = CheckLabel(labels.pause_reasons, "reason", verb.reason); !known) return known;
  }
  Text note = verb.note;
  draft.Stamp(note);
  draft.AddCase(c, context().now, CaseMoved{verb.reason, note}, (*transition)->to);
  if (!to->stops.empty()) BeginPause(verb.reason, {});
  return {};
}

Result<void> VerbDecision::operator()(const WithdrawCase& verb) {
  auto transition = Need(CaseCommand::kWithdraw);
  if (!transition) return transition.error();
  CaseClosed closed{c.resurvey_result, NotAskedReason::kUnset, verb.note};
  draft.Stamp(closed.note);
  if (closed.resurvey_result == ResurveyResult::kUnset) {
    closed.resurvey_result = ResurveyResult::kNotAsked;
    closed.not_asked_reason = NotAskedReason::kWithdrawn;
  }
  draft.AddCase(
      c, context().now,
      CaseResolved{HandlingResult::kWithdrawn, c.root_cause, c.action_taken, c.customer_accepts});
  CloseCase(draft, c, context().now, std::move(closed), (*transition)->to);
  return {};
}

}  // namespace rebound
