// Cases, with all that happens on them.
#include <algorithm>

#include "server/services/convert_parts.h"
#include "workflows/limits.h"

namespace rebound {
namespace {

void FillAnswer(const ResurveyAnswer& answer, api::ResurveyAnswer* out) {
  out->set_response_id(ToString(answer.response_id));
  out->set_score(answer.score);
  out->set_category(ToApi<api::Category>(answer.category));
  Fill(answer.occurred_at, out->mutable_occur_time());
}

void FillAmount(Count count, int64_t amount, api::ClockAmount* out) {
  if (InDays(count)) {
    out->set_days(amount);
  } else {
    Fill(Duration(amount), out->mutable_time());
  }
}

// What a queue shows of it.
void FillClock(const CaseClock& clock, api::CaseClock* out) {
  out->set_kind(ToApi<api::ClockKind>(clock.kind));
  out->set_generation(clock.generation);
  out->set_state(ToApi<api::ClockState>(clock.state));
  FillTime(clock.due_at, [&] { return out->mutable_due_time(); });
  FillTime(clock.breached_at, [&] { return out->mutable_breach_time(); });
}

void FillClock(const CaseClock& clock, Timestamp now, const Calendar* calendar,
               api::CaseClock* out) {
  FillClock(clock, out);
  out->set_definition_id(clock.definition);
  out->set_calendar_id(clock.calendar_id);
  out->set_calendar_version(clock.calendar_version);
  out->set_count(ToApi<api::ClockCount>(clock.limit.count));
  FillAmount(clock.limit.count, clock.limit.amount, out->mutable_limit());
  if (clock.kind == ClockKind::kFirstContact) {
    out->set_met_by(ToApi<api::MetBy>(clock.met_by));
  }
  Fill(clock.started_at, out->mutable_start_time());
  FillTime(clock.ended_at, [&] { return out->mutable_end_time(); });
  for (const std::string& tier : clock.crossed) out->add_crossed_tiers(tier);
  // Its calendar is in the revision that it follows, if that could be read.
  if (!clock.calendar_id.empty() && calendar == nullptr) return;
  const ClockReading reading = Read(clock, calendar, now);
  FillAmount(clock.limit.count, reading.elapsed, out->mutable_elapsed());
  Fill(reading.elapsed_wall, out->mutable_elapsed_wall());
  FillAmount(clock.limit.count, reading.slack, out->mutable_slack());
  Fill(reading.paused, out->mutable_paused());
}

void FillTimers(const Case& c, api::Case* out) {
  for (const Timer& timer : c.timers) {
    api::Timer* to = out->add_timers();
    to->set_kind(ToApi<api::TimerKind>(timer.kind));
    to->set_generation(timer.generation);
    Fill(timer.due_at, to->mutable_due_time());
    to->set_state(ToApi<api::TimerState>(timer.state));
    FillTime(timer.ended_at, [&] { return to->mutable_end_time(); });
  }
}

void FillEvidence(const std::vector<Evidence>& evidence, bool full,
                  google::protobuf::RepeatedPtrField<api::Evidence>* out) {
  for (const Evidence& each : evidence) {
    api::Evidence* to = out->Add();
    to->set_uri(each.uri);
    if (full) to->set_text(each.text.value);
  }
}

// What was ruled about a case, and who had to know of it.
void FillRulings(const Case& c, bool full, api::Case* out) {
  for (const CaseId& id : c.merged_case_ids) out->add_merged_case_ids(ToString(id));
  for (const Verdict& verdict : c.verdicts) {
    api::Verdict* to = out->add_verdicts();
    to->set_id(ToString(verdict.id));
    to->set_kind(ToApi<api::VerdictKind>(verdict.kind));
    if (verdict.corrected_score) to->set_corrected_score(*verdict.corrected_score);
    FillEvidence(verdict.evidence, full, to->mutable_evidence());
    if (full) {
      to->set_note(verdict.note.value);
      to->set_decision(verdict.decision.value);
    }
    to->set_proposer(verdict.proposed_by);
    Fill(verdict.proposed_at, to->mutable_propose_time());
    to->set_state(ToApi<api::VerdictState>(verdict.state));
    to->set_decider(verdict.decided_by);
    FillTime(verdict.decided_at, [&] { return to->mutable_decide_time(); });
  }
  out->set_mis_scored(c.mis_scored);
  for (const Finding& finding : c.findings) {
    api::Finding* to = out->add_findings();
    to->set_liability(ToApi<api::Liability>(finding.liability));
    to->set_unit_id(finding.unit_id);
    to->set_person(finding.person);
    to->set_finder(finding.found_by);
    Fill(finding.found_at, to->mutable_find_time());
    FillTime(finding.appeal_until, [&] { return to->mutable_appeal_until_time(); });
    to->set_appeal(ToApi<api::AppealState>(finding.appeal));
    to->set_appellant(finding.appealed_by);
    FillTime(finding.appealed_at, [&] { return to->mutable_appeal_time(); });
    FillEvidence(finding.evidence, full, to->mutable_evidence());
    to->set_decider(finding.decided_by);
    FillTime(finding.decided_at, [&] { return to->mutable_decide_time(); });
    if (full) {
      to->set_note(finding.note.value);
      to->set_appeal_note(finding.appeal_note.value);
      to->set_decision(finding.decision.value);
    }
  }
  for (const Alert& alert : c.alerts) {
    api::Alert* to = out->add_alerts();
    to->set_id(ToString(alert.id));
    to->set_rule_id(alert.rule_id);
    to->set_red_line(alert.red_line);
    for (const std::string& who : alert.notify) to->add_notify(who);
    Fill(alert.raised_at, to->mutable_raise_time());
    FillTime(alert.due_at, [&] { return to->mutable_due_time(); });
    to->set_acknowledger(alert.acknowledged_by);
    FillTime(alert.acknowledged_at, [&] { return to->mutable_acknowledge_time(); });
    if (full) to->set_note(alert.note.value);
  }
  out->set_experiment(c.experiment);
  out->set_held(c.held);
}

// What staff did to a case beyond handling it: dispatching.
void FillDispatching(const Case& c, bool full, api::Case* out) {
  for (const Pause& pause : c.pauses) {
    api::Pause* to = out->add_pauses();
    to->set_reason(pause.reason);
    if (full) to->set_note(pause.note.value);
    to->set_owner(pause.owner);
    to->set_actor(pause.actor);
    Fill(pause.paused_at, to->mutable_pause_time());
    FillTime(pause.resumed_at, [&] { return to->mutable_resume_time(); });
  }
  for (const Extension& extension : c.extensions) {
    api::Extension* to = out->add_extensions();
    to->set_id(ToString(extension.id));
    to->set_clock(ToApi<api::ClockKind>(extension.clock));
    to->set_generation(extension.generation);
    const auto clock = std::find_if(c.clocks.begin(), c.clocks.end(), [&](const CaseClock& each) {
      return each.kind == extension.clock && each.generation == extension.generation;
    });
    FillAmount(clock == c.clocks.end() ? Count::kWall : clock->limit.count, extension.amount,
               to->mutable_amount());
    to->set_reason(extension.reason);
    if (full) to->set_note(extension.note.value);
    to->set_requester(extension.requested_by);
    Fill(extension.requested_at, to->mutable_request_time());
    to->set_state(ToApi<api::ExtensionState>(extension.state));
    to->set_decider(extension.decided_by);
    FillTime(extension.decided_at, [&] { return to->mutable_decide_time(); });
  }
  for (const Assist& assist : c.assists) {
    api::Assist* to = out->add_assists();
    to->set_id(ToString(assist.id));
    to->set_assistant(assist.assistant);
    if (full) {
      to->set_request(assist.request.value);
      to->set_answer(assist.answer.value);
    }
    to->set_requester(assist.requested_by);
    Fill(assist.requested_at, to->mutable_request_time());
    to->set_answerer(assist.answered_by);
    FillTime(assist.answered_at, [&] { return to->mutable_answer_time(); });
  }
  for (const Chase& chase : c.chases) {
    api::Chase* to = out->add_chases();
    to->set_channel(ToApi<api::Channel>(chase.channel));
    if (full) to->set_note(chase.note.value);
    to->set_actor(chase.actor);
    Fill(chase.occurred_at, to->mutable_occur_time());
  }
  for (const Supervision& supervision : c.supervisions) {
    api::Supervision* to = out->add_supervisions();
    if (full) to->set_note(supervision.note.value);
    to->set_actor(supervision.actor);
    Fill(supervision.occurred_at, to->mutable_occur_time());
  }
  for (const Verification& verification : c.verifications) {
    api::Verification* to = out->add_verifications();
    to->set_contacted(verification.contacted);
    to->set_solved(verification.solved);
    to->set_accepted(verification.accepted);
    if (full) to->set_note(verification.note.value);
    to->set_actor(verification.actor);
    Fill(verification.occurred_at, to->mutable_occur_time());
  }
  out->set_priority(c.priority);
  out->set_escalation_level(c.escalation_level);
  out->set_return_count(c.return_count);
  out->set_first_receiver(c.first_receiver);
  out->set_resolved_by(c.resolved_by);
  FillTime(c.first_received_at, [&] { return out->mutable_first_receive_time(); });
}

}  // namespace

OpenCase ToOpenCase(const api::Case& in, Checks& checks) {
  OpenCase command;
  if (in.program_id().empty()) checks.Add("case.program_id", Reason::kRequiredFieldMissing);
  command.program_id = checks.Key("case.program_id", in.program_id(), 64);
  command.customer_id = checks.ParseId<CustomerId>("case.customer_id", in.customer_id());
  command.origin = CaseOrigin::kHand;
  if (in.origin() != api::CASE_ORIGIN_UNSPECIFIED) {
    command.origin = checks.Enum<CaseOrigin>("case.origin", in.origin(), true);
    if (command.origin == CaseOrigin::kResponse || command.origin == CaseOrigin::kContactRequest) {
      checks.Add("case.origin", Reason::kEnumValueUnknown,
                 {{"value", api::CaseOrigin_Name(in.origin())},
                  {"expected", "CASE_ORIGIN_HAND or CASE_ORIGIN_COMPLAINT"}});
    }
  }
  if (in.severity() != 0) {
    command.severity = static_cast<int32_t>(checks.Range("case.severity", in.severity(), 1, 5));
  }
  CaseDetails& out = command.details;
  out.account_id = checks.Key("case.account_id", in.account_id());
  checks.Clear("case.account_id", MaskKind::kKey, in.account_id());
  out.respondent_role = checks.Key("case.respondent_role", in.respondent_role());
  out.touchpoint = checks.Key("case.touchpoint", in.touchpoint());
  out.org_unit_id = checks.Key("case.org_unit_id", in.org_unit_id());
  out.queue_id = checks.Key("case.queue_id", in.queue_id(), 64);
  out.order_reference = checks.Key("case.order_reference", in.order_reference());
  out.crm_reference = checks.Key("case.crm_reference", in.crm_reference());
  if (in.has_external_key()) {
    out.external_key = checks.External("case.external_key", in.external_key());
  }
  if (in.has_external_authority()) {
    const api::ExternalAuthority& authority = in.external_authority();
    out.external_authority.authority =
        checks.Key("case.external_authority.authority", authority.authority());
    out.external_authority.reference =
        checks.Key("case.external_authority.reference", authority.reference());
    if (authority.has_due_time()) {
      out.external_authority.due_at =
          checks.Time("case.external_authority.due_time", authority.due_time());
    }
  }
  out.contact_person =
      checks.Personal("case.contact_person", in.contact_person(), limits::kShortCodePoints);
  checks.Clear("case.contact_person", MaskKind::kName, in.contact_person());
  out.preferred_time =
      checks.Personal("case.preferred_time", in.preferred_time(), limits::kShortCodePoints);
  out.preferred_channel =
      checks.Enum<Channel>("case.preferred_channel", in.preferred_channel(), false);
  out.language = checks.Key("case.language", in.language(), 35);
  out.customer_request =
      checks.Personal("case.customer_request", in.customer_request(), limits::kTextCodePoints);
  out.emotion = checks.Enum<Emotion>("case.emotion", in.emotion(), false);
  if (in.has_value_at_risk()) {
    out.value_at_risk = checks.Amount("case.value_at_risk", in.value_at_risk());
  }
  checks.Count("case.attachments", in.attachments_size(), 32);
  for (int i = 0; i < in.attachments_size(); ++i) {
    const std::string at = At("case.attachments", i);
    const std::string& uri = in.attachments(i).uri();
    if (uri.rfind("https://", 0) != 0 && uri.rfind("http://", 0) != 0) {
      checks.Add(at + ".uri", Reason::kIdInvalid,
                 {{"value", uri.substr(0, 80)}, {"expected", "an http or https address"}});
    }
    out.attachments.push_back({checks.Key(at + ".uri", uri, 2048),
                               checks.Words(at + ".title", in.attachments(i).title(), 200)});
  }
  checks.Count("case.topics", in.topics_size(), 32);
  for (int i = 0; i < in.topics_size(); ++i) {
    out.topics.push_back(checks.Key(At("case.topics", i), in.topics(i)));
  }
  out.responsible_unit_id = checks.Key("case.responsible_unit_id", in.responsible_unit_id());
  out.responsible_person = checks.Key("case.responsible_person", in.responsible_person());
  out.liability = checks.Enum<Liability>("case.liability", in.liability(), false);
  checks.Count("case.links", in.links_size(), 64);
  for (int i = 0; i < in.links_size(); ++i) {
    const std::string at = At("case.links", i);
    if (in.links(i).case_id().empty()) checks.Add(at + ".case_id", Reason::kRequiredFieldMissing);
    out.links.push_back({checks.ParseId<CaseId>(at + ".case_id", in.links(i).case_id()),
                         checks.Key(at + ".kind", in.links(i).kind(), 64)});
  }
  return command;
}

Attempt ToAttempt(const api::Attempt& in, Checks& checks, bool* occurred_now) {
  Attempt out;
  out.channel = checks.Enum<Channel>("attempt.channel", in.channel(), true);
  out.direction = in.direction() == api::DIRECTION_UNSPECIFIED
                      ? Direction::kOutbound
                      : checks.Enum<Direction>("attempt.direction", in.direction(), true);
  out.outcome = checks.Enum<AttemptOutcome>("attempt.outcome", in.outcome(), true);
  if (in.has_next_allowed_time()) {
    out.next_allowed_at = checks.Time("attempt.next_allowed_time", in.next_allowed_time());
  }
  out.note = checks.Personal("attempt.note", in.note(), limits::kTextCodePoints);
  *occurred_now = !in.has_occur_time();
  if (in.has_occur_time()) {
    out.occurred_at = checks.Time("attempt.occur_time", in.occur_time()).value_or(Timestamp{});
  }
  return out;
}

Commitment ToCommitment(const api::Commitment& in, Checks& checks) {
  Commitment out;
  out.promise.value = checks.Required("commitment.promise", in.promise(), limits::kTextCodePoints);
  if (!in.has_due_time()) {
    checks.Add("commitment.due_time", Reason::kRequiredFieldMissing);
  } else {
    out.due_at = checks.Time("commitment.due_time", in.due_time()).value_or(Timestamp{});
  }
  return out;
}

Remedy ToRemedy(const api::Remedy& in, Checks& checks) {
  Remedy out;
  out.id = checks.ParseId<RemedyId>("remedy.id", in.id());
  out.kind =
      checks.Enum<RemedyKind>("remedy.kind", in.kind(), in.id().empty() && in.type_id().empty());
  out.state = checks.Enum<RemedyState>("remedy.state", in.state(), true);
  if (in.has_amount()) out.amount = checks.Amount("remedy.amount", in.amount());
  out.statutory = in.statutory();
  out.type_id = checks.Key("remedy.type_id", in.type_id(), 64);
  out.note = checks.Personal("remedy.note", in.note(), limits::kTextCodePoints);
  return out;
}

std::vector<Evidence> ToEvidence(const google::protobuf::RepeatedPtrField<api::Evidence>& evidence,
                                 Checks& checks) {
  constexpr size_t kUri = 2'000;
  constexpr int kMost = 16;
  checks.Count("evidence", evidence.size(), kMost);
  std::vector<Evidence> out;
  for (int i = 0; i < evidence.size() && i < kMost; ++i) {
    const std::string field = At("evidence", i);
    Evidence item{checks.Key(Sub(field, "uri"), evidence[i].uri(), kUri),
                  checks.Personal(Sub(field, "text"), evidence[i].text(), limits::kTextCodePoints)};
    if (item.uri.empty() && item.text.empty()) {
      checks.Add(field, Reason::kEvidenceRequired);
    }
    out.push_back(std::move(item));
  }
  return out;
}

Verification ToVerification(const api::Verification& in, Checks& checks) {
  if (!in.has_contacted()) checks.Add("verification.contacted", Reason::kRequiredFieldMissing);
  if (!in.has_solved()) checks.Add("verification.solved", Reason::kRequiredFieldMissing);
  if (!in.has_accepted()) checks.Add("verification.accepted", Reason::kRequiredFieldMissing);
  Verification out;
  out.contacted = in.contacted();
  out.solved = in.solved();
  out.accepted = in.accepted();
  out.note = checks.Personal("verification.note", in.note(), limits::kTextCodePoints);
  return out;
}

RequestExtension ToExtension(const api::ExtendCaseRequest& in, Checks& checks) {
  constexpr int64_t kMostDays = 3650;
  RequestExtension out;
  out.clock = checks.Enum<ClockKind>("clock", in.clock(), true);
  out.generation = static_cast<int32_t>(checks.Range("generation", in.generation(), 0, 1'000'000));
  out.in_days = in.amount().has_days();
  if (out.in_days) {
    out.amount = checks.Range("amount.days", in.amount().days(), 1, kMostDays);
  } else if (in.amount().has_time()) {
    out.amount =
        checks.Range("amount.time", in.amount().time().seconds(), 1, kMostDays * 86'400) * 1000;
  } else {
    checks.Add("amount", Reason::kRequiredFieldMissing);
  }
  out.reason = checks.Label("reason", in.reason());
  out.note = checks.Personal("note", in.note(), limits::kTextCodePoints);
  return out;
}

void Fill(const Case& c, View view, const Revision& revision, Timestamp now, api::Case* out) {
  const bool full = view == View::kFull;
  const CaseDetails& d = c.details;
  out->set_id(ToString(c.id));
  out->set_number(CaseNumberText(c.number));
  out->set_etag(Etag(c.version));
  out->set_program_id(c.program_id);
  out->set_customer_id(IdText(c.customer_id));
  out->set_account_id(d.account_id);
  out->set_respondent_role(d.respondent_role);
  out->set_origin(ToApi<api::CaseOrigin>(c.origin));
  out->set_opening_response_id(IdText(c.opening_response_id));
  for (const ResponseId& id : c.attached_response_ids) {
    out->add_attached_response_ids(ToString(id));
  }
  if (c.score) out->set_score(*c.score);
  out->set_category(ToApi<api::Category>(c.category));
  out->set_touchpoint(d.touchpoint);
  out->set_org_unit_id(d.org_unit_id);
  out->set_queue_id(d.queue_id);
  out->set_owner(c.owner);
  out->set_status(c.status);
  out->set_phase(ToApi<api::Phase>(c.phase));
  out->set_severity(c.severity);
  if (!c.playbook.playbook_id.empty()) {
    out->mutable_playbook()->set_playbook_id(c.playbook.playbook_id);
    out->mutable_playbook()->set_version(c.playbook.version);
    out->mutable_playbook()->set_matched_condition(c.playbook.matched_condition);
  }
  out->set_arm(ToApi<api::Arm>(c.arm));
  out->set_order_reference(d.order_reference);
  out->set_crm_reference(d.crm_reference);
  FillKey(d.external_key, [&] { return out->mutable_external_key(); });
  if (!d.external_authority.empty()) {
    api::ExternalAuthority* to = out->mutable_external_authority();
    to->set_authority(d.external_authority.authority);
    to->set_reference(d.external_authority.reference);
    FillTime(d.external_authority.due_at, [&] { return to->mutable_due_time(); });
  }
  out->set_preferred_channel(ToApi<api::Channel>(d.preferred_channel));
  out->set_language(d.language);
  if (full) {
    out->set_contact_person(d.contact_person.value);
    out->set_preferred_time(d.preferred_time.value);
    out->set_customer_request(d.customer_request.value);
    out->set_action_taken(c.action_taken.value);
  }
  if (c.customer_accepts) out->set_customer_accepts(*c.customer_accepts);
  out->set_emotion(ToApi<api::Emotion>(d.emotion));
  FillMoney(d.value_at_risk, [&] { return out->mutable_value_at_risk(); });
  for (const Attachment& attachment : d.attachments) {
    api::Attachment* to = out->add_attachments();
    to->set_uri(attachment.uri);
    to->set_title(attachment.title);
  }
  for (const std::string& topic : d.topics) out->add_topics(topic);
  out->set_root_cause(c.root_cause);
  out->set_responsible_unit_id(d.responsible_unit_id);
  out->set_responsible_person(d.responsible_person);
  out->set_liability(ToApi<api::Liability>(d.liability));
  for (const Attempt& attempt : c.attempts) {
    api::Attempt* to = out->add_attempts();
    to->set_id(ToString(attempt.id));
    to->set_channel(ToApi<api::Channel>(attempt.channel));
    to->set_direction(ToApi<api::Direction>(attempt.direction));
    to->set_outcome(ToApi<api::AttemptOutcome>(attempt.outcome));
    FillTime(attempt.next_allowed_at, [&] { return to->mutable_next_allowed_time(); });
    if (full) to->set_note(attempt.note.value);
    to->set_actor(attempt.actor);
    Fill(attempt.occurred_at, to->mutable_occur_time());
  }
  for (const Commitment& commitment : c.commitments) {
    api::Commitment* to = out->add_commitments();
    to->set_id(ToString(commitment.id));
    if (full) to->set_promise(commitment.promise.value);
    Fill(commitment.due_at, to->mutable_due_time());
    to->set_actor(commitment.actor);
    to->set_state(ToApi<api::CommitmentState>(commitment.state));
    Fill(commitment.occurred_at, to->mutable_occur_time());
    to->set_carried_from(IdText(commitment.carried_from));
  }
  for (const Remedy& remedy : c.remedies) {
    api::Remedy* to = out->add_remedies();
    to->set_id(ToString(remedy.id));
    to->set_kind(ToApi<api::RemedyKind>(remedy.kind));
    FillMoney(remedy.amount, [&] { return to->mutable_amount(); });
    to->set_state(ToApi<api::RemedyState>(remedy.state));
    to->set_statutory(remedy.statutory);
    if (full) to->set_note(remedy.note.value);
    to->set_actor(remedy.actor);
    Fill(remedy.occurred_at, to->mutable_occur_time());
    Fill(remedy.updated_at, to->mutable_update_time());
    to->set_type_id(remedy.type_id);
    if (full) {
      for (const RemedyStep& step : remedy.steps) {
        api::RemedyStep* moved = to->add_steps();
        moved->set_state(ToApi<api::RemedyState>(step.state));
        moved->set_actor(step.actor);
        Fill(step.at, moved->mutable_time());
      }
    }
    to->set_approval_limit(remedy.approval_limit);
    to->set_approver(remedy.approved_by);
  }
  if (full) FillTimers(c, out);
  out->set_handling_result(ToApi<api::HandlingResult>(c.handling_result));
  out->set_resurvey_result(ToApi<api::ResurveyResult>(c.resurvey_result));
  out->set_not_asked_reason(ToApi<api::NotAskedReason>(c.not_asked_reason));
  if (c.asked_at || c.resurvey.answer_count > 0) {
    api::Resurvey* to = out->mutable_resurvey();
    to->set_invitation_id(IdText(c.resurvey.invitation_id));
    FillTime(c.asked_at, [&] { return to->mutable_ask_time(); });
    FillTime(c.resurvey.expires_at, [&] { return to->mutable_expire_time(); });
    if (c.resurvey.first_answer) FillAnswer(*c.resurvey.first_answer, to->mutable_first_answer());
    if (c.resurvey.last_answer) FillAnswer(*c.resurvey.last_answer, to->mutable_last_answer());
    to->set_answer_count(c.resurvey.answer_count);
  }
  out->set_reopen_count(c.reopen_count);
  out->set_merged_into(IdText(c.merged_into));
  for (const CaseLink& link : d.links) {
    api::CaseLink* to = out->add_links();
    to->set_case_id(ToString(link.case_id));
    to->set_kind(link.kind);
  }
  out->set_history(c.history);
  out->set_revision(c.revision);
  Fill(c.opened_at, out->mutable_open_time());
  FillTime(c.dispatched_at, [&] { return out->mutable_dispatch_time(); });
  FillTime(c.contacted_at, [&] { return out->mutable_contact_time(); });
  FillTime(c.remedied_at, [&] { return out->mutable_remedy_time(); });
  FillTime(c.resolved_at, [&] { return out->mutable_resolve_time(); });
  FillTime(c.asked_at, [&] { return out->mutable_ask_time(); });
  FillTime(c.closed_at, [&] { return out->mutable_close_time(); });
  FillTime(c.recovered_at, [&] { return out->mutable_recover_time(); });
  FillTime(c.converted_at, [&] { return out->mutable_convert_time(); });
  Fill(c.created_at, out->mutable_create_time());
  Fill(c.updated_at, out->mutable_update_time());
  FillTime(NextDue(c), [&] { return out->mutable_next_due_time(); });
  for (const CaseClock& clock : c.clocks) {
    if (full) {
      FillClock(clock, now, revision.FindCalendar(clock.calendar_id), out->add_clocks());
    } else if (IsLive(clock)) {
      FillClock(clock, out->add_clocks());
    }
  }
  out->set_lease_number(c.lease_number);
  FillTime(c.owned_at, [&] { return out->mutable_own_time(); });
  for (const Timer& timer : c.timers) {
    if (timer.kind != TimerKind::kReturn || timer.state != TimerState::kPending) continue;
    Fill(timer.due_at,
         c.owner.empty() ? out->mutable_wait_end_time() : out->mutable_lease_end_time());
  }
  out->set_last_owner(c.last_owner);
  FillDispatching(c, full, out);
  FillRulings(c, full, out);
  FillSteps(c, full, revision, out);
  for (const CaseRestriction& restriction : c.restrictions) {
    api::CaseRestriction* to = out->add_restrictions();
    to->set_entry_id(ToString(restriction.entry_id));
    to->set_entry_number(EntryNumberText(restriction.number));
    to->set_kind(ToApi<api::BlacklistKind>(restriction.kind));
    to->set_reason_code(restriction.reason_code);
    Fill(restriction.until, to->mutable_until_time());
    Fill(restriction.noted_at, to->mutable_note_time());
  }
  if (full) {
    for (std::string& name : revision.lifecycle.Allowed(c)) {
      out->add_allowed_commands(std::move(name));
    }
  }
}

void Fill(const ClaimRank& rank, api::ClaimRank* out) {
  FillTime(rank.promise_due_at, [&] { return out->mutable_commitment_due_time(); });
  out->set_priority(rank.priority);
  out->set_priority_rank(rank.priority_rank);
  out->set_severity(rank.severity);
  FillMoney(rank.value_at_risk, [&] { return out->mutable_value_at_risk(); });
  FillTime(rank.breach_due_at, [&] { return out->mutable_breach_due_time(); });
  out->set_breach_clock(ToApi<api::ClockKind>(rank.breach_clock));
}

}  // namespace rebound
