#include <algorithm>
#include <utility>

#include "workflows/check.h"
#include "workflows/decide.h"

namespace rebound {
namespace {

void EndTimer(Case& c, TimerKind kind, int32_t generation, TimerState state, Timestamp at) {
  for (Timer& timer : c.timers) {
    if (timer.kind == kind && timer.generation == generation) {
      timer.state = state;
      timer.ended_at = at;
    }
  }
}

CaseClock& ClockOf(Case& c, ClockKind kind, int32_t generation) {
  const auto found = std::find_if(c.clocks.begin(), c.clocks.end(), [&](const CaseClock& clock) {
    return clock.kind == kind && clock.generation == generation;
  });
  CHECK(found != c.clocks.end());
  return *found;
}

// The clock's pending timer ends, and the next one, if any, is set.
void Rearm(Case& c, CaseClock& clock, TimerState ended, Timestamp at, int32_t timer,
           const std::optional<Timestamp>& due) {
  const TimerKind kind = TimerOf(clock.kind);
  if (clock.timer != 0) EndTimer(c, kind, clock.timer, ended, at);
  clock.timer = due ? timer : 0;
  if (due) c.timers.push_back({kind, timer, *due, TimerState::kPending, std::nullopt});
}

void KeepEarliest(std::optional<Timestamp>& fact, Timestamp at) {
  if (!fact || at < *fact) fact = at;
}

// It ran past its due time, whether or not a wake-up came in between.
void NoteBreach(CaseClock& clock, Timestamp until) {
  if (clock.state == ClockState::kRunning && clock.due_at && until > *clock.due_at) {
    KeepEarliest(clock.breached_at, *clock.due_at);
  }
}

void Stood(CaseClock& clock, Timestamp from, Timestamp to) {
  if (to <= from) return;
  clock.paused += to - from;
  clock.stood.push_back({from, to});
}

void Receive(Case& c, Timestamp at) {
  if (!c.first_receiver.empty() || c.owner.empty()) return;
  c.first_receiver = c.owner;
  c.first_received_at = at;
}

void BeginRound(Case& c, int32_t round, Timestamp at) {
  c.round = round;
  c.round_started_at = at;
  c.round_attempts = static_cast<int32_t>(c.attempts.size());
}

CaseStep& ActiveStepOf(Case& c, const std::string& step_id, int32_t round) {
  CHECK(ActiveStep(c) != nullptr);
  CaseStep& step = c.steps.back();
  CHECK(step.step_id == step_id && step.round == round);
  return step;
}

// In place of the one with its id, or at the end.
template <typename T>
void Keep(std::vector<T>& known, const T& value) {
  const auto same =
      std::find_if(known.begin(), known.end(), [&](const T& each) { return each.id == value.id; });
  if (same == known.end()) {
    known.push_back(value);
  } else {
    *same = value;
  }
}

// A ruling is in force.
void Rule(Case& c, VerdictKind kind) {
  switch (kind) {
    case VerdictKind::kUnset: return;
    case VerdictKind::kMisScored: c.mis_scored = true; return;
    case VerdictKind::kInvalid: c.handling_result = HandlingResult::kInvalid; return;
    case VerdictKind::kUnfounded: c.handling_result = HandlingResult::kUnfounded; return;
    case VerdictKind::kDishonest: c.handling_result = HandlingResult::kDishonest; return;
  }
}

// One overload per event type; each says what a case looks like after it.
struct CaseFold {
  Case& c;
  const Event& event;

  Alert& AlertOf(const AlertId& id) const {
    const auto found = std::find_if(c.alerts.begin(), c.alerts.end(),
                                    [&](const Alert& alert) { return alert.id == id; });
    CHECK(found != c.alerts.end());
    return *found;
  }

  // Another owner, or none, or a wait in another queue: whatever waited for the old one to act
  // waits no longer.
  void Own(const std::string& owner, const std::string& queue_id) const {
    const bool changes = owner != c.owner;
    const bool moves = !queue_id.empty() && queue_id != c.details.queue_id;
    if (!queue_id.empty()) c.details.queue_id = queue_id;
    if (changes || (moves && owner.empty())) {
      for (Timer& timer : c.timers) {
        if (timer.kind != TimerKind::kReturn || timer.state != TimerState::kPending) continue;
        timer.state = TimerState::kCancelled;
        timer.ended_at = event.occurred_at;
      }
    }
    if (!changes) return;
    c.lease_number += 1;
    c.last_owner = owner.empty() ? c.owner : std::string();
    c.owned_at.reset();
    if (!owner.empty()) c.owned_at = event.occurred_at;
    c.owner = owner;
  }

  void operator()(const CaseAssigned& e) {
    Own(e.owner, e.queue_id);
    Receive(c, event.occurred_at);
    c.worked = true;
  }
  void operator()(const CaseDispatched& e) {
    Own(e.owner, e.queue_id);
    if (!e.org_unit_id.empty()) c.details.org_unit_id = e.org_unit_id;
    KeepEarliest(c.dispatched_at, event.occurred_at);
    c.worked = true;
  }
  void operator()(const CaseAccepted& e) {
    Own(e.owner, {});
    Receive(c, event.occurred_at);
    c.worked = true;
  }
  void operator()(const CaseReturned& e) {
    Own({}, e.queue_id);
    if (!e.by_system) c.return_count += 1;
    c.worked = true;
  }
  void operator()(const CaseChased& e) {
    c.chases.push_back(e.chase);
    c.worked = true;
  }
  void operator()(const CaseSupervised& e) {
    c.supervisions.push_back(e.supervision);
    c.worked = true;
  }
  void operator()(const AssistRecorded& e) {
    Keep(c.assists, e.assist);
    c.worked = true;
  }
  void operator()(const ExtensionRecorded& e) {
    Keep(c.extensions, e.extension);
    c.worked = true;
  }
  void operator()(const VerificationRecorded& e) {
    c.verifications.push_back(e.verification);
    c.customer_accepts = e.verification.accepted;
    if (!e.verification.passed()) c.handling_result = HandlingResult::kUnset;
    c.worked = true;
  }
  void operator()(const CaseMoved&) { c.worked = true; }
  void operator()(const CommitmentSettled& e) {
    for (Commitment& commitment : c.commitments) {
      // One that went to another case and came back stands here twice.
      if (commitment.id == e.id && commitment.state == CommitmentState::kPending) {
        commitment.state = e.state;
      }
    }
    c.worked = true;
  }
  void operator()(const CaseEscalated& e) {
    c.escalation_level = e.level;
    c.worked = true;
  }
  void operator()(const PriorityChanged& e) {
    c.priority = e.priority;
    c.priority_rank = e.rank;
  }
  void operator()(const PauseStarted& e) {
    c.pauses.push_back(e.pause);
    c.worked = true;
  }
  void operator()(const PauseEnded&) {
    CHECK(!c.pauses.empty());
    c.pauses.back().resumed_at = event.occurred_at;
  }
  void operator()(const ClockStarted& e) {
    c.clocks.push_back(e.clock);
    c.clocks.back().timer = 0;
    Rearm(c, c.clocks.back(), TimerState::kCancelled, event.occurred_at, e.clock.timer,
          e.timer_due);
  }
  void operator()(const ClockPaused& e) {
    CaseClock& clock = ClockOf(c, e.kind, e.generation);
    NoteBreach(clock, event.occurred_at);
    clock.state = ClockState::kPaused;
    clock.elapsed = e.elapsed;
    clock.paused_at = event.occurred_at;
    clock.due_at.reset();
    Rearm(c, clock, TimerState::kCancelled, event.occurred_at, 0, std::nullopt);
  }
  void operator()(const ClockResumed& e) {
    CaseClock& clock = ClockOf(c, e.kind, e.generation);
    const auto stood = clock.ended_at ? clock.ended_at : clock.paused_at;
    if (stood) Stood(clock, *stood, event.occurred_at);
    clock.state = ClockState::kRunning;
    clock.counted_from = event.occurred_at;
    clock.due_at = e.due_at;
    clock.paused_at.reset();
    clock.ended_at.reset();
    Rearm(c, clock, TimerState::kCancelled, event.occurred_at, e.timer, e.timer_due);
  }
  void operator()(const ClockEnded& e) {
    CaseClock& clock = ClockOf(c, e.kind, e.generation);
    if (clock.paused_at) Stood(clock, *clock.paused_at, event.occurred_at);
    clock.paused_at.reset();
    if (e.kind != ClockKind::kResurvey) NoteBreach(clock, event.occurred_at);
    clock.state = e.state;
    clock.elapsed = e.elapsed;
    clock.ended_at = event.occurred_at;
    // It was met in time and only recorded late: no breach.
    if (e.state == ClockState::kMet && clock.breached_at && *clock.ended_at <= *clock.breached_at) {
      clock.breached_at.reset();
    }
    // The re-survey clock is met by its own end.
    const TimerState met = e.kind == ClockKind::kResurvey ? TimerState::kFired : TimerState::kMet;
    Rearm(c, clock, e.state == ClockState::kMet ? met : TimerState::kCancelled, event.occurred_at,
          0, std::nullopt);
  }
  void operator()(const TierCrossed& e) {
    CaseClock& clock = ClockOf(c, e.kind, e.generation);
    clock.crossed.push_back(e.tier);
    if (e.breach) KeepEarliest(clock.breached_at, e.due_at);
    Rearm(c, clock, TimerState::kFired, event.occurred_at, e.timer, e.timer_due);
    c.worked = true;
  }
  void operator()(const ClockMoved& e) {
    CaseClock& clock = ClockOf(c, e.kind, e.generation);
    clock.definition = e.definition;
    clock.calendar_id = e.calendar_id;
    clock.calendar_version = e.calendar_version;
    const int64_t before = std::exchange(clock.limit, e.limit).amount;
    // A promise that was put off is due later; counted in wall time, as its clock.
    if (e.kind == ClockKind::kCommitment && e.cause == ClockMoveCause::kExtension) {
      const auto index = static_cast<size_t>(e.generation) - 1;  // each promise has one clock
      if (index < c.commitments.size()) {
        c.commitments[index].due_at += Duration(e.limit.amount - before);
      }
    }
    clock.met_by = e.met_by;
    if (clock.state == ClockState::kRunning) clock.due_at = e.due_at;
    if (e.cause != ClockMoveCause::kExtension) {  // which only moves the end
      clock.elapsed = e.elapsed;
      if (clock.state == ClockState::kRunning) {
        clock.counted_from = std::max(clock.counted_from, event.occurred_at);
      }
    }
    Rearm(c, clock, TimerState::kCancelled, event.occurred_at, e.timer, e.timer_due);
  }
  void operator()(const CaseMigrated& e) {
    c.revision = e.revision;
    c.clock_definitions = e.clock_definitions;
  }
  void operator()(const AttemptLogged& e) {
    c.attempts.push_back(e.attempt);
    if (IsReached(e.attempt.outcome) || e.attempt.direction == Direction::kInbound) {
      KeepEarliest(c.contacted_at, event.occurred_at);
    }
    c.worked = true;
  }
  void operator()(const CommitmentMade& e) {
    c.commitments.push_back(e.commitment);
    c.worked = true;
  }
  void operator()(const RemedyRecorded& e) {
    Keep(c.remedies, e.remedy);
    if (e.remedy.state == RemedyState::kAccepted || e.remedy.state == RemedyState::kDelivered) {
      KeepEarliest(c.remedied_at, event.occurred_at);
    }
    c.worked = true;
  }
  void operator()(const CaseResolved& e) {
    c.handling_result = e.handling_result;
    c.root_cause = e.root_cause;
    c.action_taken = e.action_taken;
    c.customer_accepts = e.customer_accepts;
    c.resolved_at = event.occurred_at;
    c.resolved_by = event.actor;
    c.worked = true;
  }
  void operator()(const CaseClosed& e) {
    c.resurvey_result = e.resurvey_result;
    c.not_asked_reason = e.not_asked_reason;
    c.closed_at = event.occurred_at;
    c.holds_dedupe_slot = false;
    c.worked = true;
  }
  void operator()(const CaseErased& e) {
    if (c.handling_result == HandlingResult::kUnset) c.handling_result = HandlingResult::kErased;
    c.resurvey_result = e.resurvey_result;
    c.not_asked_reason = e.not_asked_reason;
    c.closed_at = event.occurred_at;
    c.holds_dedupe_slot = false;
    c.worked = true;
  }
  void operator()(const CaseReopened& e) {
    c.severity = e.severity;
    c.holds_dedupe_slot = e.holds_dedupe_slot;
    c.reopen_count += 1;
    c.handling_result = HandlingResult::kUnset;
    c.resurvey_result = ResurveyResult::kUnset;
    c.not_asked_reason = NotAskedReason::kUnset;
    c.closed_at.reset();
    BeginRound(c, c.round + 1, event.occurred_at);
    if (e.cause == ReopenCause::kNewDetractor) c.attached_response_ids.push_back(e.response_id);
    c.worked = true;
  }
  void operator()(const ResponseAttached& e) {
    c.attached_response_ids.push_back(e.response_id);
    c.severity = std::max(c.severity, e.severity);
  }
  void operator()(const ResurveyAsked& e) {
    c.resurvey.invitation_id = e.invitation_id;
    c.resurvey.expires_at = e.expires_at;
    KeepEarliest(c.asked_at, event.occurred_at);
    c.worked = true;
  }
  void operator()(const ResurveyAnswered& e) {
    if (!c.resurvey.first_answer) c.resurvey.first_answer = e.answer;
    c.resurvey.last_answer = e.answer;
    c.resurvey.answer_count += 1;
    if (e.answer.category == Category::kDetractor) {
      c.resurvey_result = ResurveyResult::kStillDetractor;
    }
  }
  void operator()(const LaterAnswerCounted& e) {
    if (IsRecovered(e.category)) KeepEarliest(c.recovered_at, event.occurred_at);
    if (e.category == Category::kPromoter) KeepEarliest(c.converted_at, event.occurred_at);
  }
  void operator()(const TimerSet& e) {
    c.timers.push_back({e.kind, e.generation, e.due_at, TimerState::kPending, std::nullopt});
    if (e.kind == TimerKind::kStep && ActiveStep(c) != nullptr) {  // it goes on later
      c.steps.back().wake_at = e.due_at;
      c.steps.back().timer = e.generation;
    }
  }
  void operator()(const TimerEnded& e) {
    EndTimer(c, e.kind, e.generation, e.state, event.occurred_at);
    if (e.kind == TimerKind::kStep && ActiveStep(c) != nullptr &&
        c.steps.back().timer == e.generation) {
      c.steps.back().timer = 0;
    }
    for (Alert& alert : c.alerts) {
      if (e.kind == TimerKind::kAlert && alert.timer == e.generation) alert.timer = 0;
    }
    if (e.state == TimerState::kFired) c.worked = true;
  }
  void operator()(const CaseHistoryDerived& e) {
    c.resurvey = e.resurvey;
    c.resurvey_result = e.resurvey_result;
    c.asked_at = e.asked_at;
    c.closed_at = e.closed_at;
    c.recovered_at = e.recovered_at;
    c.converted_at = e.converted_at;
    c.holds_dedupe_slot = e.holds_dedupe_slot;
    c.reopen_count = e.reopen_count;
    c.attached_response_ids = e.attached_response_ids;
  }
  void operator()(const CaseMerged& e) {
    c.merged_into = e.into;
    c.handling_result = HandlingResult::kMerged;
    c.resurvey_result = e.resurvey_result;
    c.not_asked_reason = e.not_asked_reason;
    for (Commitment& each : c.commitments) {
      if (each.state == CommitmentState::kPending) each.state = CommitmentState::kMoved;
    }
    c.closed_at = event.occurred_at;
    c.holds_dedupe_slot = false;
    c.worked = true;
  }
  void operator()(const CaseAbsorbed& e) {
    c.merged_case_ids.push_back(e.case_id);
    c.merge_depth = e.depth;
    for (const ResponseId& id : e.response_ids) c.attached_response_ids.push_back(id);
    c.severity = std::max(c.severity, e.severity);
    for (const Commitment& each : e.commitments) c.commitments.push_back(each);
    if (e.takes_dedupe_slot) c.holds_dedupe_slot = true;
    c.worked = true;
  }
  void operator()(const CaseUnmerged& e) {
    for (const Commitment& each : e.commitments) c.commitments.push_back(each);
    c.merged_into = {};
    c.handling_result = HandlingResult::kUnset;
    c.resurvey_result = ResurveyResult::kUnset;
    c.not_asked_reason = NotAskedReason::kUnset;
    c.closed_at.reset();
    BeginRound(c, c.round + 1, event.occurred_at);
    c.worked = true;
  }
  void operator()(const CaseSeparated& e) {
    std::erase(c.merged_case_ids, e.case_id);
    for (Commitment& each : c.commitments) {
      const bool goes = std::find(e.commitment_ids.begin(), e.commitment_ids.end(), each.id) !=
                        e.commitment_ids.end();
      if (goes && each.state == CommitmentState::kPending) each.state = CommitmentState::kMoved;
    }
    c.merge_depth = e.depth;
    for (const ResponseId& id : e.response_ids) std::erase(c.attached_response_ids, id);
    c.worked = true;
  }
  void operator()(const CaseLinkChanged& e) {
    if (e.removed) {
      std::erase(c.details.links, e.link);
    } else {
      c.details.links.push_back(e.link);
    }
    c.worked = true;
  }
  void operator()(const VerdictRecorded& e) {
    Keep(c.verdicts, e.verdict);
    if (e.verdict.state == VerdictState::kGranted) Rule(c, e.verdict.kind);
    c.worked = true;
  }
  void operator()(const FindingRecorded& e) {
    const auto index = static_cast<size_t>(e.index);
    CHECK(index <= c.findings.size());
    if (index == c.findings.size()) {
      c.findings.push_back(e.finding);
    } else {
      c.findings[index] = e.finding;
    }
    const bool falls = e.finding.appeal == AppealState::kUpheld;
    c.details.liability = falls ? Liability::kUnset : e.finding.liability;
    c.details.responsible_unit_id = falls ? std::string() : e.finding.unit_id;
    c.details.responsible_person = falls ? std::string() : e.finding.person;
    c.worked = true;
  }
  void operator()(const AlertRaised& e) {
    c.alerts.push_back(e.alert);
    c.severity = std::max(c.severity, e.severity);
    if (e.alert.timer != 0) {
      CHECK(e.alert.due_at);
      c.timers.push_back(
          {TimerKind::kAlert, e.alert.timer, *e.alert.due_at, TimerState::kPending, std::nullopt});
    }
  }
  void operator()(const AlertAcknowledged& e) {
    Alert& alert = AlertOf(e.id);
    alert.acknowledged_by = event.actor;
    alert.acknowledged_at = event.occurred_at;
    alert.note = e.note;
    if (alert.timer != 0) {
      EndTimer(c, TimerKind::kAlert, alert.timer, TimerState::kMet, event.occurred_at);
      alert.timer = 0;
    }
    c.worked = true;
  }
  void operator()(const AlertOverdue& e) {
    Alert& alert = AlertOf(e.id);
    EndTimer(c, TimerKind::kAlert, alert.timer, TimerState::kFired, event.occurred_at);
    alert.timer = 0;
    c.worked = true;
  }
  void operator()(const CaseRestricted& e) {
    const auto known = std::find_if(
        c.restrictions.begin(), c.restrictions.end(),
        [&](const CaseRestriction& each) { return each.entry_id == e.restriction.entry_id; });
    if (known == c.restrictions.end()) {
      c.restrictions.push_back(e.restriction);
    } else {
      *known = e.restriction;
    }
    Own(c.owner, e.queue_id);
    c.worked = true;
  }
  void operator()(const CaseBegun& e) {
    c.playbook = e.playbook;
    c.details.queue_id = e.queue_id;
    c.severity = e.severity;
    c.clock_definitions = e.clock_definitions;
    c.held = false;
    c.worked = true;
  }
  void operator()(const StepStarted& e) {
    if (e.step.round != c.round) BeginRound(c, e.step.round, event.occurred_at);
    c.steps.push_back(e.step);
    if (e.step.timer == 0) return;
    const auto due = NextWake(e.step);
    CHECK(due.has_value());
    c.timers.push_back({TimerKind::kStep, e.step.timer, *due, TimerState::kPending, std::nullopt});
  }
  void operator()(const StepEnded& e) {
    CaseStep& step = ActiveStepOf(c, e.step_id, e.round);
    if (step.timer != 0) {
      EndTimer(c, TimerKind::kStep, step.timer,
               e.state == StepState::kDone ? TimerState::kMet : TimerState::kCancelled,
               event.occurred_at);
      step.timer = 0;
    }
    step.state = e.state;
    step.result = e.result;
    if (!e.why.empty()) step.why = e.why;
    step.note = e.note;
    step.ended_at = event.occurred_at;
    step.actor = event.actor;
    if (event.actor != "system") c.worked = true;
  }
  void operator()(const StepOverdue& e) {
    CaseStep& step = ActiveStepOf(c, e.step_id, e.round);
    EndTimer(c, TimerKind::kStep, step.timer, TimerState::kFired, event.occurred_at);
    step.timer = 0;
    step.overdue = true;
    c.worked = true;
  }
  void operator()(const MessageSent& e) {
    c.attempts.push_back(e.attempt);
    c.worked = true;
  }
  void operator()(const ContactUnmasked&) { CHECK(false); }
  void operator()(const CaseOpened&) { CHECK(false); }
  void operator()(const ResponseCorrected&) { CHECK(false); }
  void operator()(const RevisionApplied&) { CHECK(false); }
  void operator()(const ClockJumped&) { CHECK(false); }
  void operator()(const ClockConfirmed&) { CHECK(false); }
  void operator()(const ZoneDataChanged&) { CHECK(false); }
  void operator()(const CaseVoided&) { CHECK(false); }
  void operator()(const CustomerCreated&) { CHECK(false); }
  void operator()(const CustomerProfileChanged&) { CHECK(false); }
  void operator()(const CustomerKeyAdded&) { CHECK(false); }
  void operator()(const CustomerLinked&) { CHECK(false); }
  void operator()(const CustomerConsentChanged&) { CHECK(false); }
  void operator()(const BehaviourRecorded&) { CHECK(false); }
  void operator()(const CustomerErased&) { CHECK(false); }
  void operator()(const ErasureFinished&) { CHECK(false); }
  void operator()(const ResponseRecorded&) { CHECK(false); }
  void operator()(const ResponsePairingCorrected&) { CHECK(false); }
  void operator()(const EntryProposed&) { CHECK(false); }
  void operator()(const EntryWarned&) { CHECK(false); }
  void operator()(const EntryDecided&) { CHECK(false); }
  void operator()(const EntryExtensionRequested&) { CHECK(false); }
  void operator()(const EntryExtensionDecided&) { CHECK(false); }
  void operator()(const EntryAppealed&) { CHECK(false); }
  void operator()(const EntryAppealDecided&) { CHECK(false); }
  void operator()(const EntryLifted&) { CHECK(false); }
  void operator()(const EntryLapsed&) { CHECK(false); }
  void operator()(const EntryNotified&) { CHECK(false); }
};

// What happened to a blacklist entry, but for EntryProposed.
struct EntryFold {
  BlacklistEntry& entry;
  const Event& event;

  void End(BlacklistState state, Timestamp at) {
    entry.state = state;
    entry.ended_at = at;
    entry.extension.reset();
    entry.review_at.reset();
  }

  void operator()(const EntryWarned& e) {
    entry.decisions.push_back(e.decision);
    entry.state = BlacklistState::kWarned;
    entry.warned_at = e.decision.at;
  }
  void operator()(const EntryDecided& e) {
    entry.decisions.push_back(e.decision);
    if (e.decision.kind != BlacklistDecisionKind::kActivated) {
      return End(BlacklistState::kRejected, e.decision.at);
    }
    entry.state = BlacklistState::kActive;
    entry.review_at = e.review_at;
  }
  void operator()(const EntryExtensionRequested& e) { entry.extension = e.extension; }
  void operator()(const EntryExtensionDecided& e) {
    entry.decisions.push_back(e.decision);
    entry.extension.reset();
    entry.expires_at = e.expires_at;
    entry.review_at = e.review_at;
  }
  void operator()(const EntryAppealed& e) { entry.appeal = e.appeal; }
  void operator()(const EntryAppealDecided& e) {
    const bool upheld = e.decision.kind == BlacklistDecisionKind::kAppealUpheld;
    entry.decisions.push_back(e.decision);
    entry.appeal.state = upheld ? AppealState::kUpheld : AppealState::kRejected;
    entry.appeal.decided_by = e.decision.actor;
    entry.appeal.decided_at = e.decision.at;
    if (upheld) End(BlacklistState::kLifted, e.decision.at);
  }
  void operator()(const EntryLifted& e) {
    entry.decisions.push_back(e.decision);
    End(BlacklistState::kLifted, e.decision.at);
  }
  // At its instant, however late the bell was; before it, where the customer is erased.
  void operator()(const EntryLapsed&) {
    End(BlacklistState::kLapsed, std::min(entry.expires_at, event.occurred_at));
  }
  void operator()(const EntryNotified& e) {
    if (e.appeal_until) entry.appeal_until = e.appeal_until;
    switch (e.notice) {
      case BlacklistNotice::kDecision: entry.notified_at = event.recorded_at; break;
      case BlacklistNotice::kImmediateOver: entry.immediate_over_noticed = true; break;
      case BlacklistNotice::kAppealOverdue: entry.appeal_overdue_noticed = true; break;
      case BlacklistNotice::kReviewDue: entry.review_at = e.review_at; break;
      case BlacklistNotice::kUnset:
      case BlacklistNotice::kWarning:
      case BlacklistNotice::kExtended:
      case BlacklistNotice::kAppealDecided:
      case BlacklistNotice::kLifted:
      case BlacklistNotice::kLapsed: break;
    }
  }
  template <typename T>
  void operator()(const T&) {
    CHECK(false);
  }
};

void SetConsent(std::vector<Consent>& consents, const Consent& consent) {
  for (Consent& known : consents) {
    if (known.channel == consent.channel && known.purpose == consent.purpose) {
      known = consent;
      return;
    }
  }
  consents.push_back(consent);
}

}  // namespace

Case Apply(Case before, const Event& event) {
  if (std::holds_alternative<ContactUnmasked>(event.body)) return before;
  if (const auto* opened = std::get_if<CaseOpened>(&event.body)) {
    before = opened->opened;
    before.version = 0;
  } else {
    std::visit(CaseFold{before, event}, event.body);
  }
  before.status = event.status;
  before.phase = event.phase;
  before.version += 1;
  before.updated_at = event.recorded_at;
  return before;
}

Customer Apply(Customer before, const Event& event) {
  if (std::holds_alternative<ContactUnmasked>(event.body)) return before;
  if (const auto* created = std::get_if<CustomerCreated>(&event.body)) {
    before = created->customer;
    before.version = 0;
  } else if (const auto* changed = std::get_if<CustomerProfileChanged>(&event.body)) {
    before.profile = changed->profile;
  } else if (const auto* key = std::get_if<CustomerKeyAdded>(&event.body)) {
    before.keys.push_back(key->key);
  } else if (const auto* linked = std::get_if<CustomerLinked>(&event.body)) {
    before.alias_of = linked->alias_of;
  } else if (const auto* did = std::get_if<BehaviourRecorded>(&event.body)) {
    before.behaviours.push_back(did->behaviour);
  } else if (std::holds_alternative<CustomerErased>(event.body)) {
    // Whose part of the company they were stays: who may see their cases goes by it.
    before.keys.clear();
    before.profile = {.org_unit_id = before.profile.org_unit_id};
    before.consents.clear();
    before.behaviours.clear();
    before.do_not_contact = true;
    before.erased_at = event.occurred_at;
  } else if (std::holds_alternative<ErasureFinished>(event.body)) {
    before.scrubbed_at = event.occurred_at;
  } else {
    const auto* consent = std::get_if<CustomerConsentChanged>(&event.body);
    CHECK(consent != nullptr);
    if (consent->do_not_contact) before.do_not_contact = *consent->do_not_contact;
    for (const Consent& entry : consent->consents) SetConsent(before.consents, entry);
  }
  before.version += 1;
  before.updated_at = event.recorded_at;
  return before;
}

BlacklistEntry Apply(BlacklistEntry before, const Event& event) {
  if (const auto* proposed = std::get_if<EntryProposed>(&event.body)) {
    before = proposed->entry;
    before.version = 0;
  } else {
    std::visit(EntryFold{before, event}, event.body);
  }
  before.version += 1;
  before.updated_at = event.recorded_at;
  return before;
}

Response Apply(Response before, const Event& event) {
  if (const auto* recorded = std::get_if<ResponseRecorded>(&event.body)) {
    before = recorded->response;
    before.version = 0;
  } else if (const auto* corrected = std::get_if<ResponseCorrected>(&event.body)) {
    before.corrected_score = corrected->corrected_score;
  } else {
    const auto* pairing = std::get_if<ResponsePairingCorrected>(&event.body);
    CHECK(pairing != nullptr);
    before.paired_case_id = pairing->paired_case_id;
    before.effect = pairing->effect;
  }
  before.version += 1;
  return before;
}

}  // namespace rebound
