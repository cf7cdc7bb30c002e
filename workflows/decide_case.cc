#include <algorithm>

#include "workflows/draft.h"
#include "workflows/limits.h"

namespace rebound {
namespace {

Error NotAllowed(const Lifecycle& lifecycle, const Case& c, CaseCommand command) {
  Error error{Reason::kTransitionNotAllowed};
  error.allowed = lifecycle.Allowed(c.status);
  std::string list;
  for (const std::string& name : error.allowed) list += (list.empty() ? "" : ", ") + name;
  error.metadata = {{"case", CaseNumberText(c.number)},
                    {"status", c.status},
                    {"command", std::string(Name(command))},
                    {"allowed", list}};
  return error;
}

struct VerbDecision {
  Draft& draft;
  const Facts& facts;
  Case c;

  const Context& context() const { return draft.context(); }
  const Lifecycle& lifecycle() const { return context().revision->lifecycle; }

  Result<const Transition*> Need(CaseCommand command) {
    const Transition* transition = lifecycle().Find(c.status, command);
    if (transition == nullptr) return NotAllowed(lifecycle(), c, command);
    return transition;
  }

  // Whoever speaks to us may be spoken to; otherwise consent decides.
  Result<void> MayReach(Channel channel) {
    if (!facts.customer) {
      if (!c.details.contact_person.empty()) return {};
      return Error{Reason::kCustomerUnknown, {{"case", CaseNumberText(c.number)}}};
    }
    return MayApproach(*facts.customer, channel, ConsentPurpose::kRecovery);
  }

  Result<void> operator()(const Assign& verb) {
    auto transition = Need(CaseCommand::kAssign);
    if (!transition) return transition.error();
    draft.AddCase(c, context().now, CaseAssigned{verb.owner, verb.queue_id}, (*transition)->to);
    return {};
  }

  Result<void> operator()(const LogAttempt& verb) {
    auto transition = Need(CaseCommand::kLogAttempt);
    if (!transition) return transition.error();
    Attempt attempt = verb.attempt;
    if (verb.occurred_now) attempt.occurred_at = context().now;
    const Timestamp earliest = std::min(c.opened_at, c.created_at);
    if (attempt.occurred_at < earliest ||
        attempt.occurred_at > context().now + limits::kClockSkew) {
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
    draft.AddCase(c, at, AttemptLogged{std::move(attempt)},
                  reached || t.otherwise.empty() ? t.to : t.otherwise);
    if (reached) draft.EndTimers(c, TimerKind::kFirstContact, TimerState::kMet);
    return {};
  }

  Result<void> operator()(const MakeCommitment& verb) {
    auto transition = Need(CaseCommand::kMakeCommitment);
    if (!transition) return transition.error();
    Commitment commitment = verb.commitment;
    if (commitment.due_at <= context().now ||
        commitment.due_at > context().now + limits::kFarthestDue) {
      return FieldError(
          "commitment.due_time", Reason::kTimestampOutOfRange,
          {{"value", FormatTime(commitment.due_at)}, {"expected", limits::kDueBounds}});
    }
    commitment.id = draft.NewId<CommitmentId>();
    commitment.actor = context().actor;
    commitment.state = CommitmentState::kPending;
    commitment.occurred_at = context().now;
    draft.Stamp(commitment.promise);
    const Timestamp due = commitment.due_at;
    draft.AddCase(c, context().now, CommitmentMade{std::move(commitment)}, (*transition)->to);
    draft.SetTimer(c, TimerKind::kCommitment, due);
    return {};
  }

  Result<void> operator()(const RecordRemedy& verb) {
    auto transition = Need(CaseCommand::kRemedy);
    if (!transition) return transition.error();
    Remedy remedy = verb.remedy;
    if (!remedy.amount.empty() && remedy.amount.currency != draft.program()->currency) {
      return Error{Reason::kCurrencyMismatch,
                   {{"value", remedy.amount.currency}, {"expected", draft.program()->currency}}};
    }
    if (auto settled = Settle(remedy); !settled) return settled;
    if (auto may = MayOffer(remedy); !may) return may;
    draft.Stamp(remedy.note);
    remedy.updated_at = context().now;
    const bool given =
        remedy.state == RemedyState::kAccepted || remedy.state == RemedyState::kDelivered;
    const Transition& t = **transition;
    draft.AddCase(c, context().now, RemedyRecorded{std::move(remedy)},
                  given || t.otherwise.empty() ? t.to : t.otherwise);
    return {};
  }

  // Fills in what a remedy takes from its earlier state; refuses a step backwards.
  Result<void> Settle(Remedy& remedy) {
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

  Error RemedyMoves(std::string from, RemedyState to) {
    Error error = NotAllowed(lifecycle(), c, CaseCommand::kRemedy);
    error.metadata["remedy_from"] = std::move(from);
    error.metadata["remedy_to"] = std::to_string(static_cast<int>(to));
    return error;
  }

  // Words and offers approach the customer; paying what is due does not. Statutory remedies are
  // never blocked.
  Result<void> MayOffer(const Remedy& remedy) {
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

  Result<void> operator()(const Resolve& verb) {
    auto transition = Need(CaseCommand::kResolve);
    if (!transition) return transition.error();
    Text action = verb.action_taken;
    draft.Stamp(action);
    draft.EndTimers(c, TimerKind::kFirstContact, TimerState::kCancelled);
    draft.AddCase(c, context().now,
                  CaseResolved{verb.handling_result, verb.root_cause, std::move(action),
                               verb.customer_accepts},
                  (*transition)->to);
    if (!c.customer_id.empty()) {
      draft.SetTimer(c, TimerKind::kResurveyDue, context().now + draft.program()->resurvey_delay);
    }
    return {};
  }

  Result<void> operator()(const Close& verb) {
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

  Result<void> operator()(const Reopen& verb) {
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

  Result<void> operator()(const FireTimers&) {
    for (;;) {
      const Timer* due = nullptr;
      for (const Timer& timer : c.timers) {
        if (timer.state == TimerState::kPending && timer.due_at <= context().now &&
            (due == nullptr || timer.due_at < due->due_at)) {
          due = &timer;
        }
      }
      if (due == nullptr) return {};
      Fire(*due);
    }
  }

  void Fire(const Timer timer) {
    draft.AddCase(c, context().now, TimerEnded{timer.kind, timer.generation, TimerState::kFired});
    switch (timer.kind) {
      case TimerKind::kResurveyDue: AskAgain(); break;
      case TimerKind::kResurveyExpiry:
        if (auto transition = Need(CaseCommand::kExpireResurvey)) {
          CloseCase(draft, c, context().now,
                    CaseClosed{ResurveyResult::kNoAnswer, NotAskedReason::kUnset, {}},
                    (*transition)->to);
        }
        break;
      // Crossing a deadline is itself the event.
      case TimerKind::kFirstContact:
      case TimerKind::kCommitment:
      case TimerKind::kUnset: break;
    }
  }

  void AskAgain() {
    auto transition = Need(CaseCommand::kAskAgain);
    if (!transition) return;
    std::vector<Channel> channels;
    if (c.details.preferred_channel != Channel::kUnset) {
      channels.push_back(c.details.preferred_channel);
    }
    for (const ContactPoint& point : facts.customer->profile.contact_points) {
      channels.push_back(point.channel);
    }
    if (channels.empty()) channels.push_back(Channel::kUnset);
    Result<void> may;
    for (Channel channel : channels) {
      may = MayApproach(*facts.customer, channel, ConsentPurpose::kSurvey);
      if (!may) continue;
      const Timestamp expires = context().now + draft.program()->resurvey_validity;
      // One invitation for the life of the case: an old link answers the present round.
      const InvitationId invitation =
          c.resurvey.invitation_id.empty() ? draft.NewId<InvitationId>() : c.resurvey.invitation_id;
      draft.AddCase(c, context().now, ResurveyAsked{invitation, expires, channel},
                    (*transition)->to);
      draft.SetTimer(c, TimerKind::kResurveyExpiry, expires);
      return;
    }
    const NotAskedReason why = may.error().reason == Reason::kDoNotContact
                                   ? NotAskedReason::kDoNotContact
                                   : NotAskedReason::kConsentDenied;
    CloseCase(draft, c, context().now, CaseClosed{ResurveyResult::kNotAsked, why, {}},
              (*transition)->otherwise);
  }
};

}  // namespace

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
  Draft draft(context, program);
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
  Open(draft, c);
  return draft.Take();
}

Result<Events> DecideWork(const Facts& facts, const WorkCase& command, const Context& context) {
  if (!facts.subject) return NotFound("case");
  const Case& c = *facts.subject;
  if (command.expected_version && *command.expected_version != c.version) {
    return StaleEtag(c.version);
  }
  const Program* program = context.revision->FindProgram(c.program_id);
  if (program == nullptr) {
    return FieldError("case.program_id", Reason::kUnknownProgram, {{"value", c.program_id}});
  }
  Draft draft(context, program);
  VerbDecision decision{draft, facts, c};
  if (auto decided = std::visit(decision, command.verb); !decided) {
    return std::move(decided).error();
  }
  return draft.Take();
}

Result<Events> DecideClaim(const Facts& facts, const ClaimNext& command, const Context& context) {
  if (!facts.subject) {
    return Error{Reason::kNothingToClaim,
                 {{"queue", command.queue_id.empty() ? "*" : command.queue_id}}};
  }
  Case c = *facts.subject;
  CHECK(IsClaimable(c));
  Draft draft(context, nullptr);
  const Transition* transition = context.revision->lifecycle.Find(c.status, CaseCommand::kClaim);
  if (transition == nullptr) {
    return NotAllowed(context.revision->lifecycle, c, CaseCommand::kClaim);
  }
  draft.AddCase(c, context.now, CaseAssigned{context.actor, {}}, transition->to);
  return draft.Take();
}

}  // namespace rebound
