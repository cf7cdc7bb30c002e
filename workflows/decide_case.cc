#include <algorithm>

#include "workflows/contact_rules.h"
#include "workflows/limits.h"
#include "workflows/routing.h"
#include "workflows/verb.h"

namespace rebound {
namespace {

// An attempt may be recorded late; what was due after it was not missed for want of it.
Timestamp HappenedAt(const CaseVerb& verb, Timestamp now) {
  const auto* log = std::get_if<LogAttempt>(&verb);
  return log == nullptr || log->occurred_now ? now : std::min(log->attempt.occurred_at, now);
}

// Passing it on is not working on it.
bool IsGivingAway(const CaseVerb& verb) {
  return std::holds_alternative<Assign>(verb) || std::holds_alternative<Dispatch>(verb) ||
         std::holds_alternative<Return>(verb);
}

Error LeaseLost(const Case& c, int64_t expected) {
  return Error{Reason::kLeaseLost,
               {{"case", CaseNumberText(c.number)},
                {"lease", std::to_string(expected)},
                {"current", std::to_string(c.lease_number)},
                {"owner", c.owner}}};
}

// What an import says of the past, in the order in which it must have happened.
std::vector<FieldViolation> CheckPast(const OpenCase& command, Timestamp now) {
  std::vector<FieldViolation> found;
  const auto late = [&](std::string field, Timestamp at, std::string expected) {
    found.push_back({std::move(field),
                     Reason::kTimestampOutOfRange,
                     {{"value", FormatTime(at)}, {"expected", std::move(expected)}}});
  };
  if (!command.history) {
    constexpr const char* kNone = "none: only a history has one";
    if (command.dispatched_at) late("dispatch_time", *command.dispatched_at, kNone);
    if (command.resolved_at) late("resolve_time", *command.resolved_at, kNone);
    if (command.closed_at) late("close_time", *command.closed_at, kNone);
    if (command.handling_result != HandlingResult::kUnset) {
      found.push_back(
          {"handling_result", Reason::kEnumValueUnknown, {{"value", "one"}, {"expected", kNone}}});
    }
    return found;
  }
  if (command.opened_at < limits::kEarliest || command.opened_at > now) {
    late("case.open_time", command.opened_at, "1970-01-01T00:00:00Z to now");
  }
  Timestamp last = command.opened_at;
  const auto follows = [&](const char* field, const std::optional<Timestamp>& at) {
    if (!at) return;
    if (*at < last || *at > now) late(field, *at, FormatTime(last) + " to now");
    last = std::max(last, *at);
  };
  follows("dispatch_time", command.dispatched_at);
  follows("resolve_time", command.resolved_at);
  follows("close_time", command.closed_at);
  if (command.closed_at && !command.resolved_at) {
    found.push_back({"resolve_time", Reason::kRequiredFieldMissing});
  }
  const HandlingResult result = command.handling_result;
  if (command.resolved_at && result == HandlingResult::kUnset) {
    found.push_back({"handling_result", Reason::kRequiredFieldMissing});
  } else if (!command.resolved_at && result != HandlingResult::kUnset) {
    found.push_back({"resolve_time", Reason::kRequiredFieldMissing});
  }
  return found;
}

// The past of a case that was handled elsewhere, each step at its time. Nobody's role is asked, and
// nothing is required of it: it was so.
Result<void> Relive(Draft& draft, Case& c, const OpenCase& command) {
  const auto step = [&](CaseCommand what) -> Result<const Transition*> {
    const Transition* transition = draft.LifecycleOf(c).Find(c.status, what);
    if (transition == nullptr) return NotAllowed(draft.LifecycleOf(c), c, what);
    return transition;
  };
  if (command.dispatched_at) {
    auto transition = step(CaseCommand::kDispatch);
    if (!transition) return std::move(transition).error();
    draft.AddCase(c, *command.dispatched_at, CaseDispatched{}, (*transition)->to);
  }
  if (command.resolved_at) {
    auto transition = step(CaseCommand::kResolve);
    if (!transition) return std::move(transition).error();
    draft.AddCase(c, *command.resolved_at,
                  CaseResolved{command.handling_result, command.root_cause, {}, std::nullopt},
                  (*transition)->to);
  }
  if (command.closed_at) {
    auto transition = step(CaseCommand::kClose);
    if (!transition) return std::move(transition).error();
    const auto why =
        c.customer_id.empty() ? NotAskedReason::kAnonymous : NotAskedReason::kClosedEarly;
    CloseCase(draft, c, *command.closed_at, CaseClosed{ResurveyResult::kNotAsked, why, {}},
              (*transition)->to);
  }
  return {};
}

}  // namespace

Result<const Transition*> VerbDecision::Need(CaseCommand command, std::string_view to) {
  const Transition* transition = lifecycle().Find(c.status, command, to);
  // What was never merged is not undone: the verb says so itself.
  const bool may = command == CaseCommand::kUnmerge || MayGive(c, command);
  if (transition == nullptr || !may) return NotAllowed(lifecycle(), c, command);
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

Result<void> VerbDecision::NeedSecondPerson(std::string_view command,
                                            std::string_view first) const {
  if (first.empty() || context().actor != first) return {};
  return Error{Reason::kSecondPersonRequired,
               {{"case", CaseNumberText(c.number)},
                {"command", std::string(command)},
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

// Somebody else who may supervise has looked at the case since the entries came to bear on it.
bool VerbDecision::IsSupervisedSince(const Permit& permit) const {
  return std::all_of(
      permit.explanations.begin(), permit.explanations.end(), [&](const PermitExplanation& each) {
        const auto noted = std::find_if(
            c.restrictions.begin(), c.restrictions.end(),
            [&](const CaseRestriction& known) { return known.entry_id == each.entry_id; });
        if (noted == c.restrictions.end()) return false;
        return std::any_of(c.supervisions.begin(), c.supervisions.end(),
                           [&](const Supervision& supervision) {
                             return supervision.occurred_at >= noted->noted_at &&
                                    supervision.actor != context().actor;
                           });
      });
}

// Whoever speaks to us may be spoken to; otherwise the blacklist and consent decide.
Result<void> VerbDecision::MayReach(Channel channel) const {
  if (!facts.customer) {
    if (!c.details.contact_person.empty()) return {};
    return Error{Reason::kCustomerUnknown, {{"case", CaseNumberText(c.number)}}};
  }
  RestrictedAction contact;
  contact.kind = RestrictedActionKind::kContact;
  contact.channel = channel;
  const Permit permit = PermitOf(draft, c, contact);
  if (permit.outcome == PermitOutcome::kBlocked) return RestrictedBy(c, permit);
  if (permit.outcome == PermitOutcome::kNeedsApproval && !IsSupervisedSince(permit)) {
    return RestrictedBy(c, permit);
  }
  return MayApproach(*facts.customer, channel, ConsentPurpose::kRecovery);
}

Result<void> VerbDecision::operator()(const Assign& verb) {
  auto transition = Need(CaseCommand::kAssign);
  if (!transition) return transition.error();
  if (auto known = CheckQueue(draft, "queue_id", verb.queue_id); !known) return known;
  if (auto may = CheckOwner(c, verb.owner); !may) return may;
  const int64_t before = c.lease_number;
  draft.AddCase(c, context().now, CaseAssigned{verb.owner, verb.queue_id}, (*transition)->to);
  LeaseToOther(before);
  return {};
}

void VerbDecision::LeaseToOther(int64_t lease_before) {
  if (c.lease_number != lease_before && !c.owner.empty() && c.owner != context().actor) {
    GrantLease(draft, c);
  }
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
  // The last one: it may have gone to another case before, and come back.
  const auto known = std::find_if(c.commitments.rbegin(), c.commitments.rend(),
                                  [&](const Commitment& each) { return each.id == verb.id; });
  if (known == c.commitments.rend()) return NotFound("commitment");
  if (known->state != CommitmentState::kPending) {
    const std::string_view state = known->state == CommitmentState::kKept     ? "kept"
                                   : known->state == CommitmentState::kBroken ? "broken"
                                                                              : "moved";
    return Error{Reason::kCommitmentSettled,
                 {{"case", CaseNumberText(c.number)}, {"state", std::string(state)}}};
  }
  // Each promise has started one clock, in order.
  const auto generation = static_cast<int32_t>(c.commitments.rend() - known);
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

void VerbDecision::EndHandlingClocks() {
  const Timestamp now = context().now;
  for (const ClockKind kind : {ClockKind::kFirstContact, ClockKind::kRemedy}) {
    EndClocks(draft, c, kind, ClockState::kCancelled, now);
  }
  for (const ClockKind kind :
       {ClockKind::kFirstResolution, ClockKind::kTotalResolution, ClockKind::kExternalDeadline}) {
    EndClocks(draft, c, kind, ClockState::kMet, now);
  }
}

Result<void> VerbDecision::CheckUnreachable() const {
  const Reachability shown = Assess(c, draft.RevisionOf(c).contact, ContactZone(draft, c));
  if (!shown.needed || shown.met) return {};
  const auto text = [](int32_t number) { return std::to_string(number); };
  return Error{Reason::kUnreachableNotShown,
               {{"case", CaseNumberText(c.number)},
                {"attempts", text(shown.attempts)},
                {"needed_attempts", text(shown.needed->attempts)},
                {"days", text(shown.days)},
                {"needed_days", text(shown.needed->days)},
                {"bands", text(shown.time_bands)},
                {"needed_bands", text(shown.needed->time_bands)},
                {"messages", text(shown.messages)},
                {"needed_messages", text(shown.needed->messages)}}};
}

Result<void> VerbDecision::operator()(const Resolve& verb) {
  auto transition = Need(CaseCommand::kResolve);
  if (!transition) return transition.error();
  const std::vector<Label>& causes = draft.RevisionOf(c).labels.root_causes;
  if (!verb.root_cause.empty()) {
    if (auto known = CheckLabel(causes, "root_cause", verb.root_cause); !known) return known;
  }
  if (verb.handling_result == HandlingResult::kUnreachable) {
    if (auto shown = CheckUnreachable(); !shown) return shown;
  }
  Text action = verb.action_taken;
  draft.Stamp(action);
  const Timestamp now = context().now;
  EndHandlingClocks();
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
  if (auto may = CheckOwner(c, context().actor); !may) return may;
  for (const std::string& handler : {c.owner, c.resolved_by}) {
    if (auto other = NeedSecondPerson(Name(CaseCommand::kVerify), handler); !other) return other;
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
  CaseClosed closed = ClosedByHand(lifecycle(), c);
  closed.note = verb.note;
  draft.Stamp(closed.note);
  if (c.resurvey_result == ResurveyResult::kUnset && verb.customer_declined) {
    closed.resurvey_result = ResurveyResult::kDeclined;
    closed.not_asked_reason = NotAskedReason::kUnset;
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
  for (size_t i = 0; i < command.details.links.size(); ++i) {
    const std::string field = "case.links[" + std::to_string(i) + "].kind";
    if (auto known = CheckLinkKind(field, command.details.links[i].kind); !known) {
      return std::move(known).error();
    }
  }
  if (const Money& value = command.details.value_at_risk;
      !value.empty() && value.currency != program->currency) {
    return Error{Reason::kCurrencyMismatch,
                 {{"value", value.currency}, {"expected", program->currency}}};
  }
  if (auto found = CheckPast(command, context.now); !found.empty()) {
    return ToError(std::move(found));
  }
  Draft draft(context, facts, program);
  if (!command.history) {  // those of the past need not be there any more
    auto known = CheckQueue(draft, "case.queue_id", command.details.queue_id);
    if (!known) return std::move(known).error();
  }
  Case c;
  c.history = command.history;
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
  c.opened_at = command.history ? command.opened_at : context.now;
  if (program->recovery_window) c.window_ends_at = c.opened_at + *program->recovery_window;
  c.revision = context.revision->number;
  const Customer* customer = facts.customer ? &*facts.customer : nullptr;
  const auto red_lines = FindRedLines(draft, c, nullptr, customer);
  Plan(draft, c, nullptr, customer, red_lines);
  c.created_at = context.now;
  const std::vector<CaseLink> links = std::exchange(c.details.links, {});
  for (const CaseLink& link : links) {
    const auto& known = c.details.links;
    if (std::find(known.begin(), known.end(), link) == known.end()) c.details.links.push_back(link);
  }
  Open(draft, c, nullptr, customer, red_lines);
  if (auto relived = Relive(draft, c, command); !relived) return std::move(relived).error();
  // Both cases name each other.
  for (Case other : facts.cases) {
    for (const CaseLink& link : std::vector<CaseLink>(c.details.links)) {
      if (link.case_id != other.id) continue;
      if (auto followed = CheckFollowed(draft, other); !followed) {
        return std::move(followed).error();
      }
      if (auto added = AddLink(draft, other, {c.id, link.kind}, "case.links"); !added) {
        return std::move(added).error();
      }
    }
  }
  return draft.Take();
}

Result<Events> DecideWork(const Facts& facts, const WorkCase& command, const Context& context) {
  if (!facts.subject) return NotFound("case");
  const Case& c = *facts.subject;
  if (command.expected_version && *command.expected_version != c.version) {
    return StaleEtag(c.version);
  }
  if (command.expected_lease && *command.expected_lease != c.lease_number) {
    return LeaseLost(c, *command.expected_lease);
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
    // What was due may have taken the case from its owner.
    if (command.expected_lease && *command.expected_lease != decision.c.lease_number) {
      return LeaseLost(decision.c, *command.expected_lease);
    }
    // Whatever the owner does with it is the touch that the lease waits for.
    if (decision.c.owner == context.actor && !IsGivingAway(command.verb)) {
      draft.EndTimers(decision.c, TimerKind::kReturn, TimerState::kMet);
    }
  }
  if (auto decided = std::visit(decision, command.verb); !decided) {
    return std::move(decided).error();
  }
  if (auto complete = decision.CheckRequired(); !complete) return std::move(complete).error();
  Settle(draft, decision.c);
  GiveWaiting(draft, decision.c);
  return draft.Take();
}

Result<Events> DecideClaim(const Facts& facts, const ClaimNext& command, const Context& context) {
  const StaffMember* member = context.revision->FindStaff(context.actor);
  if (member != nullptr && member->capacity) {
    const int32_t open = facts.load_of ? facts.load_of(context.actor).open_count : 0;
    if (open >= *member->capacity) {
      return Error{
          Reason::kCapacityReached,
          {{"capacity", std::to_string(*member->capacity)}, {"open", std::to_string(open)}}};
    }
  }
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
  if (decision.c.details.queue_id != facts.subject->details.queue_id) {  // it is about to move
    return Error{Reason::kNothingToClaim,
                 {{"queue", command.queue_id.empty() ? "*" : command.queue_id}}};
  }
  auto transition = decision.Need(CaseCommand::kClaim);
  if (!transition) return transition.error();
  Case& c = decision.c;
  if (auto may = CheckOwner(c, context.actor); !may) return may.error();
  draft.AddCase(c, context.now, CaseAssigned{context.actor, {}}, (*transition)->to);
  GrantLease(draft, c);
  if (auto complete = decision.CheckRequired(); !complete) return std::move(complete).error();
  Settle(draft, c);
  return draft.Take();
}

}  // namespace rebound
