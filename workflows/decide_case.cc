#include <algorithm>

#include "workflows/limits.h"
#include "workflows/verb.h"

namespace rebound {
namespace {

// An attempt may be recorded late; what was due after it was not missed for want of it.
Timestamp HappenedAt(const CaseVerb& verb, Timestamp now) {
  const auto* log = std::get_if<LogAttempt>(&verb);
  return log == nullptr || log->occurred_now ? now : std::min(log->attempt.occurred_at, now);
}

}  // namespace

Result<const Transition*> VerbDecision::Need(CaseCommand command, std::string_view to) {
  const Transition* transition = lifecycle().Find(c.status, command, to);
  if (transition == nullptr) return NotAllowed(lifecycle(), c, command);
  if (!MayTake(*transition, context().role)) {
    std::string roles;
    for (const std::string& role : transition->roles) roles += (roles.empty() ? "" : ", ") + role;
    return Error{Reason::kTransitionRoleNotAllowed,
                 {{"case", CaseNumberText(c.number)},
                  {"status", c.status},
                  {"command", std::string(Name(command))},
                  {"role", context().role},
                  {"roles", roles}}};
  }
  taken = transition;
  return transition;
}

Result<void> VerbDecision::CheckLabel(const std::vector<Label>& labels, std::string_view field,
                                      std::string_view value) const {
  if (value.empty()) return FieldError(std::string(field), Reason::kRequiredFieldMissing);
  if (labels.empty()) return {};
  std::string allowed;
  for (const Label& label : labels) {
    if (label.id == value) return {};
    allowed += (allowed.empty() ? "" : ", ") + label.id;
  }
  return FieldError(std::string(field), Reason::kReasonUnknown,
                    {{"value", std::string(value)}, {"allowed", allowed}});
}

Result<void> VerbDecision::NeedSecondPerson(CaseCommand command, std::string_view first) const {
  if (first.empty() || context().actor != first) return {};
  return Error{Reason::kSecondPersonRequired,
               {{"case", CaseNumberText(c.number)},
                {"command", std::string(Name(command))},
                {"person", std::string(first)}}};
}

Result<void> VerbDecision::CheckRequired() const {
  if (taken == nullptr) return {};
  std::string missing;
  for (const RequiredField field : taken->requires_fields) {
    if (!Has(c, field)) (missing += missing.empty() ? "" : ", ") += Name(field);
  }
  if (missing.empty()) return {};
  return Error{Reason::kCaseIncomplete,
               {{"case", CaseNumberText(c.number)},
                {"command", std::string(Name(taken->command))},
                {"missing", missing}}};
}

// Whoever speaks to us may be spoken to; otherwise consent decides.
Result<void> VerbDecision::MayReach(Channel channel) const {
  if (!facts.customer) {
    if (!c.details.contact_person.empty()) return {};
    return Error{Reason::kCustomerUnknown, {{"case", CaseNumberText(c.number)}}};
  }
  return MayApproach(*facts.customer, channel, ConsentPurpose::kRecovery);
}

Result<void> VerbDecision::operator()(const Assign& verb) {
  auto transition = Need(CaseCommand::kAssign);
  if (!transition) return transition.error();
  draft.AddCase(c, context().now, CaseAssigned{verb.owner, verb.queue_id}, (*transition)->to);
  return {};
}

Result<void> VerbDecision::operator()(const LogAttempt& verb) {
  auto transition = Need(CaseCommand::kLogAttempt);
  if (!transition) return transition.error();
  Attempt attempt = verb.attempt;
  if (verb.occurred_now) attempt.occurred_at = context().now;
  const Timestamp earliest = std::min(c.opened_at, c.created_at);
  if (attempt.occurred_at < earliest || attempt.occurred_at > context().now + limits::kClockSkew) {
    return FieldError("attempt.occur_time", Reason::kTimestampOutOfRange,
                      {{"value", FormatTime(attempt.occurred_at)},
                       {"expected", FormatTime(earliest) + " to 5 minutes from now"}});
  }
  attempt.occurred_at = std::min(attempt.occurred_at, context().now);
  const bool inbound = attempt.direction == Direction::kInbound;
  if (!inbound) {
    if (auto may = MayReach(attempt.channel); !may) return may;
  }
  attempt.id = draft.NewId<AttemptId>();
  attempt.actor = context().actor;
  draft.Stamp(attempt.note);
  const bool reached = inbound || IsReached(attempt.outcome);
  const Transition& t = **transition;
  const Timestamp at = attempt.occurred_at;
  draft.AddCase(c, at, AttemptLogged{std::move(attempt)}, reached ? t.to : t.otherwise);
  const std::vector<CaseClock> clocks = c.clocks;
  for (const CaseClock& clock : clocks) {
    // The clock of a reopening is not met by what was before it, recorded late.
    const bool since = clock.generation == 1 || at >= clock.started_at;
    if (clock.kind == ClockKind::kFirstContact && IsLive(clock) && since &&
        (reached || clock.met_by == MetBy::kAttempt)) {
      EndClock(draft, c, clock, ClockState::kMet, at);
    }
  }
  return {};
}

Result<void> VerbDecision::operator()(const MakeCommitment& verb) {
  auto transition = Need(CaseCommand::kMakeCommitment);
  if (!transition) return transition.error();
  Commitment commitment = verb.commitment;
  if (commitment.due_at <= context().now ||
      commitment.due_at > context().now + limits::kFarthestDue) {
    return FieldError("commitment.due_time", Reason::kTimestampOutOfRange,
                      {{"value", FormatTime(commitment.due_at)}, {"expected", limits::kDueBounds}});
  }
  commitment.id = draft.NewId<CommitmentId>();
  commitment.actor = context().actor;
  commitment.state = CommitmentState::kPending;
  commitment.occurred_at = context().now;
  draft.Stamp(commitment.promise);
  const Timestamp due = commitment.due_at;
  draft.AddCase(c, context().now, CommitmentMade{std::move(commitment)}, (*transition)->to);
  StartClock(draft, c, ClockKind::kCommitment, due);
  return {};
}

Result<void> VerbDecision::operator()(const SettleCommitment& verb) {
  auto transition = Need(CaseCommand::kSettleCommitment);
  if (!transition) return transition.error();
  const auto known = std::find_if(c.commitments.begin(), c.commitments.end(),
                                  [&](const Commitment& each) { return each.id == verb.id; });
  if (known == c.commitments.end()) return NotFound("commitment");
  if (known->state != CommitmentState::kPending) {
    return Error{Reason::kCommitmentSettled,
                 {{"case", CaseNumberText(c.number)},
                  {"state", known->state == CommitmentState::kKept ? "kept" : "broken"}}};
  }
  // Each promise has started one clock, in order.
  const auto generation = static_cast<int32_t>(known - c.commitments.begin()) + 1;
  Text note = verb.note;
  draft.Stamp(note);
  draft.AddCase(c, context().now, CommitmentSettled{verb.id, verb.state, std::move(note)},
                (*transition)->to);
  const std::vector<CaseClock> clocks = c.clocks;
  for (const CaseClock& clock : clocks) {
    if (clock.kind != ClockKind::kCommitment || clock.generation != generation ||
        clock.state == ClockState::kMet || clock.state == ClockState::kCancelled) {
      continue;
    }
    EndClock(draft, c, clock,
             verb.state == CommitmentState::kKept ? ClockState::kMet : ClockState::kCancelled,
             context().now);
  }
  return {};
}

Result<void> VerbDecision::operator()(const RecordRemedy& verb) {
  auto transition = Need(CaseCommand::kRemedy);
  if (!transition) return transition.error();
  Remedy remedy = verb.remedy;
  if (const std::string& expected = draft.ProgramOf(c).currency;
      !remedy.amount.empty() && remedy.amount.currency != expected) {
    return Error{Reason::kCurrencyMismatch,
                 {{"value", remedy.amount.currency}, {"expected", expected}}};
  }
  if (auto settled = Settle(remedy); !settled) return settled;
  if (auto may = MayOffer(remedy); !may) return may;
  draft.Stamp(remedy.note);
  remedy.updated_at = context().now;
  const bool given =
      remedy.state == RemedyState::kAccepted || remedy.state == RemedyState::kDelivered;
  const Transition& t = **transition;
  draft.AddCase(c, context().now, RemedyRecorded{std::move(remedy)}, given ? t.to : t.otherwise);
  if (given) EndClocks(draft, c, ClockKind::kRemedy, ClockState::kMet, context().now);
  return {};
}

// Fills in what a remedy takes from its earlier state; refuses a step backwards.
Result<void> VerbDecision::Settle(Remedy& remedy) {
  if (remedy.id.empty()) {
    if (remedy.state == RemedyState::kReversed) return RemedyMoves("new", remedy.state);
    remedy.id = draft.NewId<RemedyId>();
    remedy.actor = context().actor;
    remedy.occurred_at = context().now;
    return {};
  }
  const auto known = std::find_if(c.remedies.begin(), c.remedies.end(),
                                  [&](const Remedy& r) { return r.id == remedy.id; });
  if (known == c.remedies.end()) return NotFound("remedy");
  const bool over =
      known->state == RemedyState::kDeclined || known->state == RemedyState::kReversed;
  // Accepting and declining are alternatives, not steps.
  const bool turns =
      known->state == RemedyState::kAccepted && remedy.state == RemedyState::kDeclined;
  if (over || turns || remedy.state <= known->state ||
      (known->state == RemedyState::kDelivered && remedy.state != RemedyState::kReversed)) {
    return RemedyMoves(std::to_string(static_cast<int>(known->state)), remedy.state);
  }
  remedy.kind = known->kind;
  if (remedy.amount.empty()) remedy.amount = known->amount;
  remedy.statutory = known->statutory;
  if (remedy.note.empty()) remedy.note = known->note;
  remedy.actor = known->actor;
  remedy.occurred_at = known->occurred_at;
  return {};
}

Error VerbDecision::RemedyMoves(std::string from, RemedyState to) {
  Error error = NotAllowed(lifecycle(), c, CaseCommand::kRemedy);
  error.metadata["remedy_from"] = std::move(from);
  error.metadata["remedy_to"] = std::to_string(static_cast<int>(to));
  return error;
}

// Words and offers approach the customer; paying what is due does not. Statutory remedies are
// never blocked.
Result<void> VerbDecision::MayOffer(const Remedy& remedy) {
  const bool words =
      remedy.kind == RemedyKind::kExplanation || remedy.kind == RemedyKind::kPersonalApology;
  const bool inside =
      remedy.state == RemedyState::kProposed || remedy.state == RemedyState::kApproved;
  if (remedy.statutory || inside) return {};
  if (!words && remedy.state != RemedyState::kOffered) return {};
  const bool customer_spoke =
      std::any_of(c.attempts.begin(), c.attempts.end(), [&](const Attempt& a) {
        return a.direction == Direction::kInbound &&
               context().now - a.occurred_at <= limits::kConversation;
      });
  return customer_spoke ? Result<void>{} : MayReach(c.details.preferred_channel);
}

Result<void> VerbDecision::operator()(const Resolve& verb) {
  auto transition = Need(CaseCommand::kResolve);
  if (!transition) return transition.error();
  const std::vector<Label>& causes = draft.RevisionOf(c).labels.root_causes;
  if (!verb.root_cause.empty()) {
    if (auto known = CheckLabel(causes, "root_cause", verb.root_cause); !known) return known;
  }
  Text action = verb.action_taken;
  draft.Stamp(action);
  const Timestamp now = context().now;
  for (const ClockKind kind : {ClockKind::kFirstContact, ClockKind::kRemedy}) {
    EndClocks(draft, c, kind, ClockState::kCancelled, now);
  }
  for (const ClockKind kind :
       {ClockKind::kFirstResolution, ClockKind::kTotalResolution, ClockKind::kExternalDeadline}) {
    EndClocks(draft, c, kind, ClockState::kMet, now);
  }
  draft.AddCase(
      c, now,
      CaseResolved{verb.handling_result, verb.root_cause, std::move(action), verb.customer_accepts},
      (*transition)->to);
  if (!c.customer_id.empty()) StartClock(draft, c, ClockKind::kVerification);
  return {};
}

Result<void> VerbDecision::operator()(const VerifyCase& verb) {
  auto transition = Need(CaseCommand::kVerify);
  if (!transition) return transition.error();
  for (const std::string& handler : {c.owner, c.resolved_by}) {
    if (auto other = NeedSecondPerson(CaseCommand::kVerify, handler); !other) return other;
  }
  Verification verification = verb.verification;
  verification.actor = context().actor;
  verification.occurred_at = context().now;
  draft.Stamp(verification.note);
  const bool passed = verification.passed();
  const Transition& t = **transition;
  EndClocks(draft, c, ClockKind::kVerification, ClockState::kMet, context().now);
  draft.AddCase(c, context().now, VerificationRecorded{std::move(verification)},
                passed ? t.to : t.otherwise);
  if (!passed) {
    StartClock(draft, c, ClockKind::kRemedy);
    ResumeHandling(draft, c);
  }
  return {};
}

Result<void> VerbDecision::operator()(const Close& verb) {
  auto transition = Need(CaseCommand::kClose);
  if (!transition) return transition.error();
  CaseClosed closed{c.resurvey_result, NotAskedReason::kUnset, verb.note};
  draft.Stamp(closed.note);
  // Asked in this round; an earlier round leaves its invitation on the case. An answer stands.
  const bool waits = lifecycle().Find(c.status, CaseCommand::kAnswerResurvey) != nullptr;
  if (closed.resurvey_result == ResurveyResult::kUnset) {
    if (verb.customer_declined) {
      closed.resurvey_result = ResurveyResult::kDeclined;
    } else if (waits) {
      closed.resurvey_result = ResurveyResult::kNoAnswer;
    } else {
      closed.resurvey_result = ResurveyResult::kNotAsked;
      closed.not_asked_reason =
          c.customer_id.empty() ? NotAskedReason::kAnonymous : NotAskedReason::kClosedEarly;
    }
  }
  CloseCase(draft, c, context().now, std::move(closed), (*transition)->to);
  return {};
}

Result<void> VerbDecision::operator()(const Reopen& verb) {
  auto transition = Need(CaseCommand::kReopen);
  if (!transition) return transition.error();
  const bool wants_slot = !c.opening_response_id.empty() && !c.customer_id.empty();
  if (wants_slot && !c.holds_dedupe_slot) {
    for (const Case& other : facts.cases) {
      if (other.id != c.id && other.holds_dedupe_slot) {
        return Error{Reason::kDedupeSlotTaken, {{"case", CaseNumberText(other.number)}}};
      }
    }
  }
  Text note = verb.note;
  draft.Stamp(note);
  rebound::ReopenCase(
      draft, c, context().now,
      CaseReopened{ReopenCause::kByHand, c.severity, {}, wants_slot, std::move(note)},
      (*transition)->to);
  return {};
}

Result<Events> DecideOpen(const Facts& facts, const OpenCase& command, const Context& context) {
  const Program* program = context.revision->FindProgram(command.program_id);
  if (program == nullptr) {
    return FieldError("case.program_id", Reason::kUnknownProgram, {{"value", command.program_id}});
  }
  if (!command.customer_id.empty() && !facts.customer) return NotFound("customer");
  if (const Money& value = command.details.value_at_risk;
      !value.empty() && value.currency != program->currency) {
    return Error{Reason::kCurrencyMismatch,
                 {{"value", value.currency}, {"expected", program->currency}}};
  }
  Draft draft(context, facts, program);
  Case c;
  c.id = draft.NewId<CaseId>();
  c.number = facts.next_case_number;
  c.program_id = program->id;
  if (facts.customer) c.customer_id = facts.customer->id;
  c.origin = command.origin;
  c.details = command.details;
  draft.Stamp(c.details.contact_person);
  draft.Stamp(c.details.preferred_time);
  draft.Stamp(c.details.customer_request);
  c.severity = command.severity;
  c.opened_at = context.now;
  if (program->recovery_window) c.window_ends_at = context.now + *program->recovery_window;
  c.revision = context.revision->number;
  const Playbook* playbook =
      ChoosePlaybook(context.revision->playbooks, c, facts.customer ? &*facts.customer : nullptr);
  if (playbook != nullptr) {
    c.playbook = {playbook->id, playbook->version, Canonical(playbook->when)};
    c.severity = std::max(c.severity, playbook->severity);
  }
  if (c.details.queue_id.empty()) {
    c.details.queue_id = playbook != nullptr && !playbook->queue_id.empty()
                             ? playbook->queue_id
                             : program->default_queue;
  }
  c.created_at = context.now;
  Open(draft, c, nullptr, facts.customer ? &*facts.customer : nullptr);
  return draft.Take();
}

Result<Events> DecideWork(const Facts& facts, const WorkCase& command, const Context& context) {
  if (!facts.subject) return NotFound("case");
  const Case& c = *facts.subject;
  if (command.expected_version && *command.expected_version != c.version) {
    return StaleEtag(c.version);
  }
  const Program* program = context.revision->FindProgram(c.program_id);
  Draft draft(context, facts, program);
  if (program == nullptr && draft.RevisionOf(c).FindProgram(c.program_id) == nullptr) {
    return FieldError("case.program_id", Reason::kUnknownProgram, {{"value", c.program_id}});
  }
  if (auto followed = CheckFollowed(draft, c); !followed) return std::move(followed).error();
  VerbDecision decision{draft, facts, c};
  const bool of_timers = std::holds_alternative<FireTimers>(command.verb) ||
                         std::holds_alternative<RecomputeClocks>(command.verb);
  if (!of_timers) {
    CrossDueTiers(draft, decision.c, HappenedAt(command.verb, context.now));
  }
  if (auto decided = std::visit(decision, command.verb); !decided) {
    return std::move(decided).error();
  }
  if (auto complete = decision.CheckRequired(); !complete) return std::move(complete).error();
  Settle(draft, decision.c);
  return draft.Take();
}

Result<Events> DecideClaim(const Facts& facts, const ClaimNext& command, const Context& context) {
  if (!facts.subject) {
    return Error{Reason::kNothingToClaim,
                 {{"queue", command.queue_id.empty() ? "*" : command.queue_id}}};
  }
  CHECK(IsClaimable(*facts.subject));
  Draft draft(context, facts, context.revision->FindProgram(facts.subject->program_id));
  if (auto followed = CheckFollowed(draft, *facts.subject); !followed) {
    return std::move(followed).error();
  }
  VerbDecision decision{draft, facts, *facts.subject};
  CrossDueTiers(draft, decision.c, context.now);
  auto transition = decision.Need(CaseCommand::kClaim);
  if (!transition) return transition.error();
  Case& c = decision.c;
  draft.AddCase(c, context.now, CaseAssigned{context.actor, {}}, (*transition)->to);
  if (auto complete = decision.CheckRequired(); !complete) return std::move(complete).error();
  Settle(draft, c);
  return draft.Take();
}

}  // namespace rebound
