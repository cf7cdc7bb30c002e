// The timeline of a case.
#include <algorithm>
#include <array>

#include "server/services/convert_parts.h"

namespace rebound {
namespace {

std::string Joined(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : ", ") + word;
  return joined;
}

const char* YesNo(bool value) { return value ? "yes" : "no"; }

// What a timeline entry shows of its event, by name.
struct EventDetails {
  api::CaseEvent* out;

  void Put(const char* name, std::string value) {
    if (!value.empty()) (*out->mutable_details())[name] = std::move(value);
  }
  void PutTime(const char* name, const std::optional<Timestamp>& time) {
    if (time) Put(name, FormatTime(*time));
  }

  void operator()(const CaseOpened& e) {
    Put("origin", Word<api::CaseOrigin>(e.opened.origin));
    if (e.opened.score) Put("score", std::to_string(*e.opened.score));
    Put("severity", std::to_string(e.opened.severity));
    Put("playbook", e.opened.playbook.playbook_id);
    Put("queue", e.opened.details.queue_id);
    out->set_note(e.opened.details.customer_request.value);
  }
  void operator()(const CaseAssigned& e) {
    Put("owner", e.owner.empty() ? "-" : e.owner);
    Put("queue", e.queue_id);
    Put("reason", e.reason);
  }
  void operator()(const AttemptLogged& e) {
    Put("channel", Word<api::Channel>(e.attempt.channel));
    Put("direction", Word<api::Direction>(e.attempt.direction));
    Put("outcome", Word<api::AttemptOutcome>(e.attempt.outcome));
    PutTime("next_allowed", e.attempt.next_allowed_at);
    out->set_note(e.attempt.note.value);
  }
  void operator()(const CommitmentMade& e) {
    PutTime("due", e.commitment.due_at);
    out->set_note(e.commitment.promise.value);
  }
  void operator()(const RemedyRecorded& e) {
    Put("kind", Word<api::RemedyKind>(e.remedy.kind));
    Put("remedy", e.remedy.type_id);
    Put("state", Word<api::RemedyState>(e.remedy.state));
    Put("approval_limit", e.remedy.approval_limit);
    if (!e.remedy.amount.empty()) {
      Put("amount_minor", std::to_string(e.remedy.amount.amount_minor));
      Put("currency", e.remedy.amount.currency);
    }
    out->set_note(e.remedy.note.value);
  }
  void operator()(const CaseResolved& e) {
    Put("handling_result", Word<api::HandlingResult>(e.handling_result));
    Put("root_cause", e.root_cause);
    out->set_note(e.action_taken.value);
  }
  void operator()(const CaseClosed& e) {
    Put("resurvey_result", Word<api::ResurveyResult>(e.resurvey_result));
    if (e.not_asked_reason != NotAskedReason::kUnset) {
      Put("not_asked_reason", Word<api::NotAskedReason>(e.not_asked_reason));
    }
    out->set_note(e.note.value);
  }
  void operator()(const CaseReopened& e) {
    static constexpr std::array<const char*, 4> kCauses = {"", "by_hand", "bad_resurvey",
                                                           "new_detractor"};
    Put("cause", kCauses[static_cast<size_t>(e.cause)]);
    Put("severity", std::to_string(e.severity));
    Put("response", IdText(e.response_id));
    out->set_note(e.note.value);
  }
  void operator()(const ResponseAttached& e) {
    Put("response", ToString(e.response_id));
    Put("severity", std::to_string(e.severity));
  }
  void operator()(const ResurveyAsked& e) {
    Put("invitation", ToString(e.invitation_id));
    PutTime("expires", e.expires_at);
    if (e.channel != Channel::kUnset) Put("channel", Word<api::Channel>(e.channel));
  }
  void operator()(const ResurveyAnswered& e) {
    Put("response", ToString(e.answer.response_id));
    Put("score", std::to_string(e.answer.score));
    Put("category", Word<api::Category>(e.answer.category));
  }
  void operator()(const LaterAnswerCounted& e) {
    Put("response", ToString(e.response_id));
    Put("category", Word<api::Category>(e.category));
  }
  void operator()(const TimerSet& e) {
    Put("timer", Word<api::TimerKind>(e.kind));
    Put("generation", std::to_string(e.generation));
    PutTime("due", e.due_at);
  }
  void operator()(const TimerEnded& e) {
    Put("timer", Word<api::TimerKind>(e.kind));
    Put("generation", std::to_string(e.generation));
    Put("state", Word<api::TimerState>(e.state));
  }
  void operator()(const CaseHistoryDerived& e) {
    Put("answers", std::to_string(e.resurvey.answer_count));
    if (e.resurvey_result != ResurveyResult::kUnset) {
      Put("resurvey_result", Word<api::ResurveyResult>(e.resurvey_result));
    }
    PutTime("closed", e.closed_at);
  }
  void operator()(const CaseDispatched& e) {
    Put("owner", e.owner);
    Put("queue", e.queue_id);
    Put("org_unit", e.org_unit_id);
    out->set_note(e.note.value);
  }
  void operator()(const CaseAccepted& e) { Put("owner", e.owner); }
  void operator()(const CaseReturned& e) {
    Put("reason", e.reason);
    Put("queue", e.queue_id);
    out->set_note(e.note.value);
  }
  void operator()(const CaseChased& e) {
    Put("channel", Word<api::Channel>(e.chase.channel));
    out->set_note(e.chase.note.value);
  }
  void operator()(const CaseSupervised& e) { out->set_note(e.supervision.note.value); }
  void operator()(const AssistRecorded& e) {
    Put("assist", ToString(e.assist.id));
    Put("assistant", e.assist.assistant);
    const bool answered = e.assist.answered_at.has_value();
    Put("state", answered ? "answered" : "requested");
    out->set_note(answered ? e.assist.answer.value : e.assist.request.value);
  }
  void operator()(const ExtensionRecorded& e) {
    Put("extension", ToString(e.extension.id));
    PutClock(e.extension.clock, e.extension.generation);
    Put("state", Word<api::ExtensionState>(e.extension.state));
    Put("reason", e.extension.reason);
    Put("decider", e.extension.decided_by);
    if (e.extension.state == ExtensionState::kRequested) out->set_note(e.extension.note.value);
  }
  void operator()(const VerificationRecorded& e) {
    Put("contacted", YesNo(e.verification.contacted));
    Put("solved", YesNo(e.verification.solved));
    Put("accepted", YesNo(e.verification.accepted));
    out->set_note(e.verification.note.value);
  }
  void operator()(const CaseMoved& e) {
    Put("reason", e.reason);
    out->set_note(e.note.value);
  }
  void operator()(const CommitmentSettled& e) {
    Put("commitment", ToString(e.id));
    Put("state", Word<api::CommitmentState>(e.state));
    out->set_note(e.note.value);
  }
  void operator()(const CaseEscalated& e) {
    Put("level", std::to_string(e.level));
    Put("to", Joined(e.to));
    out->set_note(e.note.value);
  }
  void operator()(const PriorityChanged& e) { Put("priority", e.priority); }
  void operator()(const PauseStarted& e) {
    Put("reason", e.pause.reason);
    Put("owner", e.pause.owner);
    out->set_note(e.pause.note.value);
  }
  void operator()(const PauseEnded&) {}
  void PutClock(ClockKind kind, int32_t generation) {
    Put("clock", Word<api::ClockKind>(kind));
    Put("generation", std::to_string(generation));
  }
  void operator()(const ClockStarted& e) {
    PutClock(e.clock.kind, e.clock.generation);
    Put("definition", e.clock.definition);
    Put("count", Word<api::ClockCount>(e.clock.limit.count));
    PutTime("due", e.clock.due_at);
  }
  void operator()(const ClockPaused& e) { PutClock(e.kind, e.generation); }
  void operator()(const ClockResumed& e) {
    PutClock(e.kind, e.generation);
    PutTime("due", e.due_at);
  }
  void operator()(const ClockEnded& e) {
    PutClock(e.kind, e.generation);
    Put("state", Word<api::ClockState>(e.state));
  }
  void operator()(const TierCrossed& e) {
    PutClock(e.kind, e.generation);
    Put("tier", e.tier);
    PutTime("due", e.due_at);
    if (e.breach) Put("breach", "yes");
    if (e.overtaken) Put("overtaken", "yes");
    Put("notified", Joined(e.notify));
  }
  void operator()(const ClockMoved& e) {
    static constexpr std::array<const char*, 5> kCauses = {"", "extension", "revision",
                                                           "time_zone_data", "external"};
    PutClock(e.kind, e.generation);
    Put("cause", kCauses[static_cast<size_t>(e.cause)]);
    PutTime("due_before", e.due_before);
    PutTime("due", e.due_at);
  }
  void operator()(const CaseMigrated& e) {
    Put("from_revision", std::to_string(e.from_revision));
    Put("revision", std::to_string(e.revision));
  }
  void operator()(const CaseMerged& e) {
    Put("into", ToString(e.into));
    out->set_note(e.note.value);
  }
  void operator()(const CaseAbsorbed& e) {
    Put("case", ToString(e.case_id));
    Put("severity", std::to_string(e.severity));
    if (!e.commitments.empty()) Put("commitments", std::to_string(e.commitments.size()));
  }
  void operator()(const CaseUnmerged& e) {
    Put("from", ToString(e.from));
    out->set_note(e.note.value);
  }
  void operator()(const CaseSeparated& e) { Put("case", ToString(e.case_id)); }
  void operator()(const CaseLinkChanged& e) {
    Put("case", ToString(e.link.case_id));
    Put("kind", e.link.kind);
    Put("state", e.removed ? "removed" : "linked");
  }
  void operator()(const VerdictRecorded& e) {
    Put("verdict", Word<api::VerdictKind>(e.verdict.kind));
    Put("state", Word<api::VerdictState>(e.verdict.state));
    Put("decider", e.verdict.decided_by);
    if (e.verdict.corrected_score) {
      Put("corrected_score", std::to_string(*e.verdict.corrected_score));
    }
    const bool decided = e.verdict.decided_at.has_value();
    out->set_note(decided ? e.verdict.decision.value : e.verdict.note.value);
  }
  void operator()(const FindingRecorded& e) {
    Put("liability", Word<api::Liability>(e.finding.liability));
    Put("unit", e.finding.unit_id);
    if (e.finding.appeal != AppealState::kUnset) {
      Put("appeal", Word<api::AppealState>(e.finding.appeal));
    }
    PutTime("appeal_until", e.finding.appeal_until);
    const Finding& f = e.finding;
    out->set_note(f.decided_at    ? f.decision.value
                  : f.appealed_at ? f.appeal_note.value
                                  : f.note.value);
  }
  void operator()(const AlertRaised& e) {
    Put("alert", e.alert.rule_id);
    if (e.alert.red_line) Put("red_line", "yes");
    Put("severity", std::to_string(e.severity));
    Put("notified", Joined(e.alert.notify));
    PutTime("due", e.alert.due_at);
  }
  void operator()(const AlertAcknowledged& e) { out->set_note(e.note.value); }
  void operator()(const AlertOverdue& e) { Put("notified", Joined(e.notify)); }
  void operator()(const CaseBegun& e) {
    Put("reason", e.reason);
    Put("playbook", e.playbook.playbook_id);
    Put("queue", e.queue_id);
    out->set_note(e.note.value);
  }
  void operator()(const CaseRestricted& e) {
    Put("entry", EntryNumberText(e.restriction.number));
    Put("kind", std::string(Name(e.restriction.kind)));
    Put("reason", e.restriction.reason_code);
    PutTime("until", e.restriction.until);
    Put("queue", e.queue_id);
  }
  void operator()(const StepStarted& e) {
    Put("step", e.step.step_id);
    Put("kind", std::string(Name(e.step.kind)));
    Put("why", e.step.why);
    Put("owner", e.step.owner);
    Put("queue", e.step.queue_id);
    PutTime("due", e.step.due_at);
    PutTime("until", e.step.wake_at);
    if (e.step.round > 1) Put("round", std::to_string(e.step.round));
  }
  void operator()(const StepEnded& e) {
    Put("step", e.step_id);
    Put("state", Word<api::StepState>(e.state));
    Put("result", e.result);
    Put("why", e.why);
    out->set_note(e.note.value);
  }
  void operator()(const StepOverdue& e) {
    Put("step", e.step_id);
    Put("notified", Joined(e.notify));
  }
  void operator()(const MessageSent& e) {
    Put("step", e.step_id);
    Put("template", e.template_id);
    Put("channel", Word<api::Channel>(e.attempt.channel));
    Put("language", e.language);
  }
  void operator()(const ContactUnmasked& e) {
    Put("reason", Word<api::UnmaskReason>(e.reason));
    out->set_note(e.note.value);
  }
  template <typename Other>
  void operator()(const Other&) {}  // not a case's event
};

}  // namespace

void Fill(const Event& event, api::CaseEvent* out) {
  out->set_sequence(event.sequence);
  out->set_type(std::string(TypeName(event.body)));
  Fill(event.occurred_at, out->mutable_occur_time());
  Fill(event.recorded_at, out->mutable_record_time());
  out->set_actor(event.actor);
  out->set_status(event.status);
  std::visit(EventDetails{out}, event.body);
}

}  // namespace rebound
