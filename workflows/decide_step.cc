#include <algorithm>
#include <utility>

#include "workflows/contact_rules.h"
#include "workflows/routing.h"
#include "workflows/steps.h"
#include "workflows/verb.h"

namespace rebound {
namespace {

// The plan of the case, in the revision that it follows; nullptr: none has steps.
const Playbook* PlanOf(const Draft& draft, const Case& c) {
  const Playbook* playbook = draft.RevisionOf(c).FindPlaybook(c.playbook.playbook_id);
  return playbook == nullptr || playbook->steps.empty() ? nullptr : playbook;
}

bool HasPlan(const Case& c) {
  return !c.history && !c.held && c.merged_into.empty() && c.phase != Phase::kClosed;
}

// The command that ends a step of that kind; empty: it ends by itself.
std::string_view CommandOf(StepKind kind) {
  switch (kind) {
    case StepKind::kContact: return Name(CaseCommand::kLogAttempt);
    case StepKind::kRemedy: return Name(CaseCommand::kRemedy);
    case StepKind::kVerify: return Name(CaseCommand::kVerify);
    case StepKind::kTask:
    case StepKind::kAftercare: return Name(CaseCommand::kCompleteStep);
    case StepKind::kUnset:
    case StepKind::kMessage:
    case StepKind::kWait:
    case StepKind::kDecision: return "";
  }
  return "";
}

bool IsRuledAgainst(const Case& c) {
  return c.handling_result == HandlingResult::kInvalid ||
         c.handling_result == HandlingResult::kUnfounded ||
         c.handling_result == HandlingResult::kDishonest;
}

// Goes through the plan of one case.
struct Planner {
  Draft& draft;
  Case& c;
  const Playbook& plan;
  bool by_system;  // whoever decides, or the system

  Timestamp now() const { return draft.context().now; }
  const ContactRules& rules() const { return draft.RevisionOf(c).contact; }
  bool HandlingDone() const { return draft.LifecycleOf(c).Find(c.status)->handling_done; }

  bool IsUnreachable() const {
    return rules().unreachable && Assess(c, rules(), ContactZone(draft, c), FirstAttemptOf(c)).met;
  }

  bool Holds(const Predicate& when) const {
    if (when == Predicate{}) return true;
    const Response* answer = draft.FindRecorded(c.opening_response_id);
    for (const Response& known : draft.facts().responses) {
      if (known.id == c.opening_response_id) answer = &known;
    }
    const Customer* customer = draft.CustomerOf(c);
    for (const Facts::Words& words : draft.facts().words) {
      if (words.case_id != c.id) continue;
      if (answer == nullptr && words.answer) answer = &*words.answer;
      if (answer != nullptr || !c.details.customer_request.value.empty()) continue;
      Case read = c;
      read.details.customer_request.value = words.request;
      return Evaluate(when, StepFacts(read, nullptr, customer, IsUnreachable()));
    }
    return Evaluate(when, StepFacts(c, answer, customer, IsUnreachable()));
  }

  void End(StepState state, std::string result, std::string why = {},
           bool by_whom_decides = false) {
    const CaseStep& step = *ActiveStep(c);
    StepEnded ended{step.step_id, step.round, state, std::move(result), std::move(why), {}};
    const bool was = draft.BySystem(by_whom_decides ? by_system : true);
    draft.AddCase(c, now(), std::move(ended));
    draft.BySystem(was);
  }

  // Why the step is left out as it begins, in a word; nullopt: it is not.
  std::optional<std::string> WhySkipped(const PlanStep& step) const {
    if (!IsSampled(c.id, step.id, step.sample)) return "not_sampled";
    // Somebody else has looked at it already.
    if (step.kind == StepKind::kVerify && IsRuledAgainst(c)) return "ruled";
    if (step.kind != StepKind::kDecision && !Holds(step.when)) return "condition";
    return std::nullopt;
  }

  void Start(const PlanStep& step, const NextStep& next) {
    draft.EndTimers(c, TimerKind::kStep, TimerState::kCancelled);  // another step's
    CaseStep begun;
    begun.step_id = step.id;
    begun.kind = step.kind;
    begun.why = next.why;
    begun.round = next.round;
    begun.started_at = now();
    begun.attempts = static_cast<int32_t>(c.attempts.size());
    begun.verifications = static_cast<int32_t>(c.verifications.size());
    Case in_round = c;  // a rework's conditions are those of the round that it opens
    if (next.round != c.round) {
      in_round.round = next.round;
      in_round.round_started_at = now();
      in_round.round_attempts = begun.attempts;
    }
    const auto skipped = Planner{draft, in_round, plan, by_system}.WhySkipped(step);
    if (!skipped) {                                             // else nobody has to hear of it
      if (!IsAccused(c, step.owner)) begun.owner = step.owner;  // else whose the case is
      begun.queue_id = step.queue_id;
      if (step.within) begun.due_at = now() + *step.within;
      if (step.kind == StepKind::kWait) begun.wake_at = now() + step.wait;
      if (step.kind == StepKind::kMessage) begun.wake_at = EndOfQuiet();
      if (NextWake(begun)) begun.timer = Draft::NextGeneration(c, TimerKind::kStep);
    }
    draft.AddCase(c, now(), StepStarted{std::move(begun)});
    if (!skipped) return;
    End(StepState::kSkipped, *skipped,
        *skipped == "condition" ? Canonical(step.when) : std::string());
  }

  // nullopt: it is not quiet.
  std::optional<Timestamp> EndOfQuiet() const {
    const Timestamp until = QuietUntil(rules(), ContactZone(draft, c), now());
    return until == now() ? std::nullopt : std::optional(until);
  }

  void Send(const PlanStep& step) {
    const Customer* customer = draft.CustomerOf(c);
    if (customer == nullptr) return End(StepState::kSkipped, "customer_unknown");
    RestrictedAction contact;
    contact.kind = RestrictedActionKind::kContact;
    contact.channel = step.channel;
    const Permit permit = PermitOf(draft, c, contact);
    if (permit.outcome != PermitOutcome::kAllowed) {
      return End(StepState::kSkipped, "restricted", Explained(permit));
    }
    if (auto may = MayApproach(*customer, step.channel, ConsentPurpose::kRecovery); !may) {
      return End(StepState::kSkipped,
                 may.error().reason == Reason::kDoNotContact ? "do_not_contact" : "consent_denied");
    }
    const std::string& tag =
        customer->profile.language.empty() ? c.details.language : customer->profile.language;
    MessageSent sent{step.id, step.template_id, std::string(TemplateLanguage(tag)), {}};
    sent.attempt.id = draft.NewId<AttemptId>();
    sent.attempt.channel = step.channel;
    sent.attempt.outcome = AttemptOutcome::kMessageSent;
    sent.attempt.actor = "system";
    sent.attempt.occurred_at = now();
    draft.AddCase(c, now(), std::move(sent));
    End(StepState::kDone, "sent");
  }

  // What ends the active step by its kind. False: it is waited for.
  bool EndByKind(const PlanStep& step) {
    const CaseStep& active = *ActiveStep(c);
    switch (step.kind) {
      case StepKind::kContact:
        if (const auto outcome = ReachedIn(c, FirstAttemptOf(c))) {
          End(StepState::kDone, std::string(Word(*outcome)), {}, true);
          return true;
        }
        if (!IsUnreachable()) return false;
        End(StepState::kDone, "unreachable", {}, true);
        return true;
      case StepKind::kRemedy:
        if (auto result = RemedyResult(c, step.remedy_id)) {
          const bool declined = *result == "declined";
          End(declined ? StepState::kFailed : StepState::kDone, *std::move(result), {}, true);
          return true;
        }
        return false;
      case StepKind::kMessage:
        if (active.timer != 0) return false;
        if (const auto until = EndOfQuiet()) {  // the customer lives elsewhere by now
          draft.SetTimer(c, TimerKind::kStep, *until);
          return false;
        }
        Send(step);
        return true;
      case StepKind::kWait:
        if (active.timer != 0) return false;
        End(StepState::kDone, "done");
        return true;
      case StepKind::kDecision:
        End(StepState::kDone, Holds(step.when) ? "yes" : "no", Canonical(step.when));
        return true;
      case StepKind::kVerify:
        if (c.verifications.size() > static_cast<size_t>(active.verifications)) {
          const bool passed = c.verifications.back().passed();
          End(passed ? StepState::kDone : StepState::kFailed, passed ? "passed" : "failed", {},
              true);
          return true;
        }
        return false;
      case StepKind::kUnset:
      case StepKind::kTask:
      case StepKind::kAftercare: return false;
    }
    return false;
  }

  bool EndActive() {
    const CaseStep& active = *ActiveStep(c);
    const PlanStep* step = plan.FindStep(active.step_id);
    if (active.round < c.round) {
      End(StepState::kSkipped, "reopened");
      return true;
    }
    if (step == nullptr || step->kind != active.kind) {
      End(StepState::kSkipped, "migrated");
      return true;
    }
    if (EndByKind(*step)) return true;
    const bool of_handling =
        !IsAfterHandling(plan.steps, static_cast<size_t>(step - plan.steps.data()));
    if (of_handling && HandlingDone()) {
      End(StepState::kSkipped, "resolved");
      return true;
    }
    // Once the customer is asked again, nobody verifies any more.
    const Lifecycle& lifecycle = draft.LifecycleOf(c);
    if (step->kind == StepKind::kVerify &&
        lifecycle.Find(c.status, CaseCommand::kVerify) == nullptr &&
        lifecycle.Find(c.status, CaseCommand::kAnswerResurvey) != nullptr) {
      End(StepState::kSkipped, "asked_again");
      return true;
    }
    return false;
  }

  // Aftercare begins in its time. True: it has to be waited for.
  bool IsTooEarly(const PlanStep& step) {
    if (step.kind != StepKind::kAftercare || !IsSampled(c.id, step.id, step.sample)) return false;
    for (const Timer& timer : c.timers) {
      if (timer.kind == TimerKind::kStep && timer.state == TimerState::kPending) return true;
    }
    // A ruling ends handling without resolving it, and so does a lifecycle of its own kind: then
    // the wait began as the plan came here.
    const bool resolved =
        c.resolved_at && (!c.round_started_at || *c.resolved_at >= *c.round_started_at);
    const Timestamp done = resolved ? *c.resolved_at : now();
    const Timestamp since = c.steps.empty() ? c.opened_at : c.steps.back().ended_at.value_or(done);
    for (const Timer& timer : c.timers) {
      const bool waited = timer.kind == TimerKind::kStep && timer.state == TimerState::kFired &&
                          timer.due_at > since;
      if (waited && !resolved) return false;
    }
    if (done + step.after <= now()) return false;
    draft.SetTimer(c, TimerKind::kStep, done + step.after);
    return true;
  }

  void Go() {
    // Each round takes 50 steps at most; rounds begin by commands alone.
    while (true) {
      if (ActiveStep(c) != nullptr) {
        if (!EndActive()) return;
        continue;
      }
      const auto next = FindNext(plan, c, HandlingDone());
      if (!next) return;
      const PlanStep& step = plan.steps[next->index];
      if (IsTooEarly(step)) return;
      Start(step, *next);
    }
  }
};

}  // namespace

const Customer* Draft::CustomerOf(const Case& c) const {
  if (c.customer_id.empty()) return nullptr;
  const auto is = [&](const std::optional<Customer>& known) {
    return known && known->id == c.customer_id;
  };
  if (is(facts_.customer)) return &*facts_.customer;
  if (is(facts_.other_customer)) return &*facts_.other_customer;
  if (is(facts_.waiting_customer)) return &*facts_.waiting_customer;
  for (const Event& event : events_) {
    const auto* created = std::get_if<CustomerCreated>(&event.body);
    if (created != nullptr && created->customer.id == c.customer_id) return &created->customer;
  }
  // An alias: the facts have whom it stands for.
  const auto of = [&](const std::optional<Case>& known) { return known && known->id == c.id; };
  const std::optional<Customer>& standing = of(facts_.waiting) ? facts_.waiting_customer
                                            : of(facts_.other) && facts_.other_customer
                                                ? facts_.other_customer
                                                : facts_.customer;
  return standing ? &*standing : nullptr;
}

const Zone& ContactZone(const Draft& draft, const Case& c) {
  const Facts& facts = draft.facts();
  const Customer* customer = draft.CustomerOf(c);
  const auto is = [&](const std::optional<Customer>& known) {
    return known && customer == &*known;
  };
  const Zone* zone = is(facts.customer)           ? facts.customer_zone.get()
                     : is(facts.other_customer)   ? facts.other_customer_zone.get()
                     : is(facts.waiting_customer) ? facts.waiting_customer_zone.get()
                                                  : nullptr;
  return zone != nullptr ? *zone : draft.RevisionOf(c).contact.zone;
}

void Advance(Draft& draft, Case& c) {
  if (!HasPlan(c)) return;
  const Playbook* plan = PlanOf(draft, c);
  const bool was = draft.BySystem(true);
  if (plan != nullptr) {
    Planner{draft, c, *plan, was}.Go();
  } else if (ActiveStep(c) != nullptr) {  // the plan is gone
    static const Playbook kNone;
    Planner{draft, c, kNone, was}.End(StepState::kSkipped, "migrated");
  }
  draft.BySystem(was);
}

void EndPlan(Draft& draft, Case& c) {
  if (!HasPlan(c)) return;
  const Playbook* plan = PlanOf(draft, c);
  if (plan == nullptr) return;
  const bool was = draft.BySystem(true);
  Planner planner{draft, c, *plan, was};
  if (ActiveStep(c) != nullptr) {
    planner.End(StepState::kSkipped, "closed");
  } else if (const auto next = FindNext(*plan, c, planner.HandlingDone());
             next && plan->steps[next->index].kind == StepKind::kAftercare) {
    planner.Start(plan->steps[next->index], *next);
    if (ActiveStep(c) != nullptr) planner.End(StepState::kSkipped, "closed");
  }
  draft.BySystem(was);
}

void StepIsDue(Draft& draft, Case& c, const Timer& timer) {
  const CaseStep* step = ActiveStep(c);
  const bool overdue = step != nullptr && step->timer == timer.generation && !step->wake_at;
  if (!overdue) {
    draft.AddCase(c, draft.context().now,
                  TimerEnded{timer.kind, timer.generation, TimerState::kFired});
    return;
  }
  StepOverdue late{step->step_id, step->round, {}};
  late.notify = Recipients(draft, c, {"unit_manager"});
  if (!step->owner.empty()) {
    late.notify.insert(late.notify.begin(), step->owner);
  } else if (!step->queue_id.empty()) {
    late.notify.insert(late.notify.begin(), "queue:" + step->queue_id);
  } else if (!c.owner.empty()) {
    late.notify.insert(late.notify.begin(), c.owner);
  }
  if (late.notify.size() == 2 && late.notify[0] == late.notify[1]) late.notify.pop_back();
  if (late.notify.empty()) late.notify.emplace_back("role:manager");  // not to nobody
  draft.AddCase(c, draft.context().now, std::move(late));
}

Result<void> VerbDecision::operator()(const CompleteStep& verb) {
  auto transition = Need(CaseCommand::kCompleteStep);
  if (!transition) return transition.error();
  const Playbook* plan = PlanOf(draft, c);
  if (plan == nullptr || plan->FindStep(verb.step_id) == nullptr) {
    std::string allowed;
    for (const PlanStep& step : plan == nullptr ? std::vector<PlanStep>{} : plan->steps) {
      allowed += (allowed.empty() ? "" : ", ") + step.id;
    }
    return Error{Reason::kStepUnknown,
                 {{"case", CaseNumberText(c.number)},
                  {"step", verb.step_id},
                  {"allowed", allowed.empty() ? "none" : allowed}}};
  }
  const CaseStep* active = ActiveStep(c);
  if (active == nullptr || active->step_id != verb.step_id) {
    return Error{Reason::kStepNotActive,
                 {{"case", CaseNumberText(c.number)},
                  {"step", verb.step_id},
                  {"active", active == nullptr ? "none" : active->step_id}}};
  }
  if (auto may = CheckOwner(c, context().actor); !may) return may;
  const bool by_hand = active->kind == StepKind::kTask || active->kind == StepKind::kAftercare;
  if (verb.state == StepState::kSkipped) {
    if (verb.note.empty()) return FieldError("note", Reason::kRequiredFieldMissing);
  } else if (!by_hand) {
    const std::string_view command = CommandOf(active->kind);
    return Error{Reason::kStepEndsOtherwise,
                 {{"case", CaseNumberText(c.number)},
                  {"step", verb.step_id},
                  {"kind", std::string(Name(active->kind))},
                  {"command", command.empty() ? "none" : std::string(command)}}};
  }
  std::string result = verb.result;
  if (result.empty()) {
    result = verb.state == StepState::kDone     ? "done"
             : verb.state == StepState::kFailed ? "failed"
                                                : "skipped";
  }
  Text note = verb.note;
  draft.Stamp(note);
  draft.AddCase(
      c, context().now,
      StepEnded{verb.step_id, active->round, verb.state, std::move(result), {}, std::move(note)},
      (*transition)->to);
  return {};
}

}  // namespace rebound
