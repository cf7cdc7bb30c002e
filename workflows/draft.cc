#include "workflows/draft.h"

#include <array>
#include <utility>

#include "workflows/hold_out.h"

namespace rebound {
namespace {

int32_t NextClock(const Case& c, ClockKind kind) {
  int32_t generation = 1;
  for (const CaseClock& clock : c.clocks) {
    if (clock.kind == kind) generation = std::max(generation, clock.generation + 1);
  }
  return generation;
}

// Clocks begin with the case, or again when it is reopened.
constexpr ClockKind kFromOpening[] = {ClockKind::kFirstContact, ClockKind::kRemedy,
                                      ClockKind::kExternalDeadline, ClockKind::kFirstResolution,
                                      ClockKind::kTotalResolution};

bool HasSomebodyToContact(const Case& c) {
  return !c.customer_id.empty() || !c.details.contact_person.empty();
}

// A clock whose due time is given counts wall time up to it.
void SetDue(CaseClock& clock, Timestamp due) {
  clock.limit = {Count::kWall, (due - clock.counted_from).count()};
  clock.calendar_id.clear();
  clock.calendar_version = 0;
}

// As it stands when a clock is made, at opening as well as later.
std::optional<CaseClock> MakeClockDue(const Draft& draft, const Case& c, ClockKind kind,
                                      std::optional<Timestamp> due) {
  auto clock = MakeClock(draft, c, kind);
  const bool given = kind == ClockKind::kCommitment || kind == ClockKind::kExternalDeadline;
  if (given && !due) return std::nullopt;
  if (!clock && !given) return std::nullopt;
  if (!clock) {
    clock.emplace();
    clock->kind = kind;
    clock->generation = NextClock(c, kind);
    clock->started_at = clock->counted_from = draft.context().now;
  }
  if (given) SetDue(*clock, *due);
  clock->due_at = DueTime(*clock, CalendarOf(draft.RevisionOf(c), *clock));
  return clock;
}

// A case that opens held back: the time until it is asked, and until it begins, if it does.
void HoldBack(const Draft& draft, Case& c) {
  const HoldOut& hold_out = draft.ProgramOf(c).hold_out;
  const Timestamp now = draft.context().now;
  // First, so that one which is to begin as it is to be asked begins.
  if (hold_out.delayed_start) {
    c.timers.push_back(
        {TimerKind::kDelayedStart, 1, now + hold_out.delay, TimerState::kPending, std::nullopt});
  }
  CaseClock clock;
  clock.kind = ClockKind::kResurvey;
  clock.generation = 1;
  clock.started_at = clock.counted_from = now;
  clock.limit = {Count::kWall, hold_out.ask_after.count()};
  clock.met_by = MetBy::kReached;
  clock.due_at = now + hold_out.ask_after;
  clock.timer = 1;
  c.timers.push_back(
      {TimerKind::kResurveyDue, 1, *clock.due_at, TimerState::kPending, std::nullopt});
  c.clocks.push_back(std::move(clock));
}

// The clock to the second ask runs where the status says that the customer may be asked.
void SettleResurvey(Draft& draft, Case& c) {
  const Lifecycle& lifecycle = draft.LifecycleOf(c);
  const bool may_ask = lifecycle.Find(c.status, CaseCommand::kAskAgain) != nullptr;
  const bool waits = std::any_of(c.clocks.begin(), c.clocks.end(), [](const CaseClock& clock) {
    return clock.kind == ClockKind::kResurvey && IsLive(clock);
  });
  if (may_ask && !waits) {
    StartClock(draft, c, ClockKind::kResurvey);
  } else if (!may_ask && waits) {
    EndClocks(draft, c, ClockKind::kResurvey, ClockState::kCancelled, draft.context().now);
  }
}

}  // namespace

Error NotFound(std::string resource) {
  return Error{Reason::kNotFound, {{"resource", std::move(resource)}}};
}

Error StaleEtag(int64_t version) {
  return Error{Reason::kEtagMismatch, {{"current", "\"" + std::to_string(version) + "\""}}};
}

Result<void> CheckFollowed(const Draft& draft, const Case& c) {
  const Revision& revision = draft.RevisionOf(c);
  const auto has_calendar = [&](Count count, const std::string& id) {
    return (count == Count::kWall && id.empty()) || revision.FindCalendar(id) != nullptr;
  };
  const bool sound =
      revision.lifecycle.Find(c.status) != nullptr &&
      (draft.program() != nullptr || revision.FindProgram(c.program_id) != nullptr) &&
      std::all_of(c.clocks.begin(), c.clocks.end(),
                  [&](const CaseClock& clock) {
                    return !IsLive(clock) || has_calendar(clock.limit.count, clock.calendar_id);
                  }) &&
      std::all_of(revision.clocks.begin(), revision.clocks.end(), [&](const ClockDefinition& each) {
        return has_calendar(each.limit.count, each.calendar_id);
      });
  if (sound) return {};
  return FieldError("revision", Reason::kRevisionUnknown,
                    {{"revision", std::to_string(c.revision)}});
}

Error NotAllowed(const Lifecycle& lifecycle, const Case& c, CaseCommand command) {
  Error error{Reason::kTransitionNotAllowed};
  error.allowed = lifecycle.Allowed(c);
  std::string list;
  for (const std::string& name : error.allowed) list += (list.empty() ? "" : ", ") + name;
  error.metadata = {{"case", CaseNumberText(c.number)},
                    {"status", c.status},
                    {"command", std::string(Name(command))},
                    {"allowed", list}};
  return error;
}

// ---- Clocks

const Calendar* CalendarOf(const Revision& revision, const CaseClock& clock) {
  return clock.calendar_id.empty() ? nullptr : revision.FindCalendar(clock.calendar_id);
}

std::vector<Tier> TiersOf(const Revision& revision, const CaseClock& clock) {
  const TierAt due{TierAt::Kind::kWall, 0};
  // Its end is when the customer is asked; nobody is warned of that.
  if (clock.kind == ClockKind::kResurvey) return {{.id = "due", .at = due}};
  std::vector<Tier> tiers;
  const ClockDefinition* definition =
      clock.definition.empty() ? nullptr : revision.FindClock(clock.definition);
  if (definition != nullptr) tiers = definition->tiers;
  const bool has_breach =
      std::any_of(tiers.begin(), tiers.end(), [&](const Tier& tier) { return tier.at == due; });
  if (!has_breach) tiers.push_back({.id = "breach", .at = due});
  return tiers;
}

std::optional<Timestamp> NextTier(const Revision& revision, const CaseClock& clock) {
  std::optional<Timestamp> next;
  for (const Tier& tier : TiersOf(revision, clock)) {
    if (std::find(clock.crossed.begin(), clock.crossed.end(), tier.id) != clock.crossed.end()) {
      continue;
    }
    const auto at = TierTime(tier, clock, CalendarOf(revision, clock));
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

std::vector<std::string> ChooseClocks(const Revision& revision, const OpeningFacts& opening) {
  std::vector<std::string> chosen;
  std::array<bool, kClockKindCount> has{};
  for (const ClockDefinition& definition : revision.clocks) {
    bool& known = has.at(static_cast<size_t>(definition.kind));
    if (known || !Evaluate(definition.when, opening)) continue;
    known = true;
    chosen.push_back(definition.id);
  }
  return chosen;
}

const ClockDefinition* ChosenClock(const Revision& revision, const Case& c, ClockKind kind) {
  for (const std::string& id : c.clock_definitions) {
    const ClockDefinition* chosen = revision.FindClock(id);
    if (chosen != nullptr && chosen->kind == kind) return chosen;
  }
  return nullptr;
}

std::optional<CaseClock> MakeClock(const Draft& draft, const Case& c, ClockKind kind) {
  const Revision& revision = draft.RevisionOf(c);
  CaseClock clock;
  clock.kind = kind;
  clock.generation = NextClock(c, kind);
  clock.started_at = clock.counted_from = draft.context().now;
  if (const ClockDefinition* definition = ChosenClock(revision, c, kind)) {
    clock.definition = definition->id;
    clock.limit = definition->limit;
    clock.met_by = definition->met_by;
    if (definition->limit.count != Count::kWall) {
      const Calendar* calendar = revision.FindCalendar(definition->calendar_id);
      CHECK(calendar != nullptr);
      clock.calendar_id = calendar->id;
      clock.calendar_version = calendar->version;
    }
    return clock;
  }
  const Program& program = draft.ProgramOf(c);
  clock.met_by = MetBy::kReached;
  if (kind == ClockKind::kFirstContact && program.first_contact_limit > Duration{0}) {
    clock.limit = {Count::kWall, program.first_contact_limit.count()};
    return clock;
  }
  if (kind == ClockKind::kResurvey) {
    clock.limit = {Count::kWall, program.resurvey_delay.count()};
    return clock;
  }
  return std::nullopt;
}

void StartClock(Draft& draft, Case& c, ClockKind kind, std::optional<Timestamp> due) {
  auto clock = MakeClockDue(draft, c, kind, due);
  if (!clock) return;
  // Migration may bring a case into a status before the one that its clocks are of.
  if (kind != ClockKind::kCommitment) {
    EndClocks(draft, c, kind, ClockState::kCancelled, draft.context().now);
  }
  const auto timer_due = NextTier(draft.RevisionOf(c), *clock);
  if (timer_due) clock->timer = Draft::NextGeneration(c, TimerOf(kind));
  draft.AddCase(c, draft.context().now, ClockStarted{*std::move(clock), timer_due});
}

void EndClock(Draft& draft, Case& c, const CaseClock& clock, ClockState state, Timestamp at) {
  at = std::max(at, clock.started_at);
  const int64_t elapsed = ElapsedAt(clock, CalendarOf(draft.RevisionOf(c), clock), at);
  draft.AddCase(c, at, ClockEnded{clock.kind, clock.generation, state, elapsed});
}

void EndClocks(Draft& draft, Case& c, ClockKind kind, ClockState state, Timestamp at) {
  const std::vector<CaseClock> clocks = c.clocks;
  for (const CaseClock& clock : clocks) {
    if (clock.kind == kind && IsLive(clock)) EndClock(draft, c, clock, state, at);
  }
}

void ContinueClock(Draft& draft, Case& c, const CaseClock& clock) {
  const Revision& revision = draft.RevisionOf(c);
  CaseClock running = clock;
  running.state = ClockState::kRunning;
  running.counted_from = draft.context().now;
  const auto due = DueTime(running, CalendarOf(revision, running));
  const auto timer_due = NextTier(revision, running);
  draft.AddCase(
      c, draft.context().now,
      ClockResumed{clock.kind, clock.generation, due,
                   timer_due ? Draft::NextGeneration(c, TimerOf(clock.kind)) : 0, timer_due});
}

void MoveClock(Draft& draft, Case& c, const CaseClock& clock, const CaseClock& as, int64_t elapsed,
               ClockMoveCause cause) {
  const Revision& revision = draft.RevisionOf(c);
  CaseClock moved = as;
  moved.elapsed = elapsed;
  ClockMoved event{clock.kind,        clock.generation,       cause,        moved.definition,
                   moved.calendar_id, moved.calendar_version, moved.limit,  moved.met_by,
                   elapsed,           clock.due_at,           std::nullopt, 0,
                   std::nullopt};
  if (clock.state == ClockState::kRunning) {
    if (cause == ClockMoveCause::kExtension) {  // counted on as before, to a later end
      moved.elapsed = clock.elapsed;
    } else {
      moved.counted_from = std::max(clock.counted_from, draft.context().now);
    }
    event.due_at = DueTime(moved, CalendarOf(revision, moved));
    event.timer_due = NextTier(revision, moved);
    if (event.timer_due) event.timer = Draft::NextGeneration(c, TimerOf(clock.kind));
  }
  draft.AddCase(c, draft.context().now, std::move(event));
}

void StartHandlingClocks(Draft& draft, Case& c) {
  for (const ClockKind kind : kFromOpening) {
    if (kind == ClockKind::kFirstContact && !HasSomebodyToContact(c)) continue;
    StartClock(draft, c, kind, c.details.external_authority.due_at);
  }
}

void SettleClocks(Draft& draft, Case& c) {
  const Lifecycle& lifecycle = draft.LifecycleOf(c);
  const StatusDef* status = lifecycle.Find(c.status);
  CHECK(status != nullptr);
  const Timestamp now = draft.context().now;
  const std::vector<CaseClock> clocks = c.clocks;
  for (const CaseClock& clock : clocks) {
    const bool stopped =
        IsPausable(clock.kind) &&
        std::find(status->stops.begin(), status->stops.end(), clock.kind) != status->stops.end();
    if (clock.state == ClockState::kRunning && stopped) {
      const int64_t elapsed = ElapsedAt(clock, CalendarOf(draft.RevisionOf(c), clock), now);
      draft.AddCase(c, now, ClockPaused{clock.kind, clock.generation, elapsed});
    } else if (clock.state == ClockState::kPaused && !stopped) {
      ContinueClock(draft, c, clock);
    }
  }
  if (status->stops.empty() && OpenPause(c) != nullptr) draft.AddCase(c, now, PauseEnded{});
  if (!c.history && !c.customer_id.empty()) SettleResurvey(draft, c);
}

void Settle(Draft& draft, Case& c) {
  SettleClocks(draft, c);
  NoteRestrictions(draft, c);
  Advance(draft, c);
  Route(draft, c);
}

// ---- What opening, reopening, closing and asking again do

void Plan(const Draft& draft, Case& c, const Response* response, const Customer* customer,
          const std::vector<const AlertRule*>& red_lines) {
  const Revision& revision = draft.RevisionOf(c);
  const Program* in_force = draft.context().revision->FindProgram(c.program_id);
  if (!red_lines.empty()) c.severity = kMaxSeverity;
  const Playbook* playbook = ChoosePlaybook(revision.playbooks, c, customer, response);
  if (playbook != nullptr) c.severity = std::max(c.severity, playbook->severity);
  // A program that was given up draws nobody any more.
  if (in_force != nullptr && !in_force->hold_out.experiment.empty() && response != nullptr &&
      IsEligible(c, *response, draft.facts().cases)) {
    c.experiment = in_force->hold_out.experiment;
    c.arm = DrawArm(in_force->hold_out, c.customer_id);
    c.held = c.arm != Arm::kTreated;
  }
  if (c.held) return;
  if (playbook != nullptr) {
    c.playbook = {playbook->id, playbook->version, Canonical(playbook->when)};
  }
  if (c.details.queue_id.empty()) {
    const Program& program = in_force != nullptr ? *in_force : *draft.program();
    c.details.queue_id = playbook != nullptr && !playbook->queue_id.empty() ? playbook->queue_id
                                                                            : program.default_queue;
  }
}

void Open(Draft& draft, Case& c, const Response* response, const Customer* customer,
          const std::vector<const AlertRule*>& red_lines) {
  const Revision& revision = draft.RevisionOf(c);
  const Lifecycle& lifecycle = revision.lifecycle;
  {
    const OpeningFacts opening(c, response, customer);
    c.priority_rank = FindPriority(revision, opening);
    if (c.priority_rank > 0) {
      c.priority = revision.priorities[static_cast<size_t>(c.priority_rank) - 1].id;
    }
  }
  const Timestamp occurred_at = c.opened_at;
  c.status = c.held ? lifecycle.held_out : lifecycle.initial;
  c.phase = lifecycle.Find(c.status)->phase;
  if (!c.history) {
    c.clock_definitions =
        ChooseClocks(revision, OpeningFacts(c, response, customer));  // with its priority
  }
  if (c.held) {
    HoldBack(draft, c);
  } else if (!c.history) {
    for (const ClockKind kind : kFromOpening) {
      if (kind == ClockKind::kFirstContact && !HasSomebodyToContact(c)) continue;
      auto clock = MakeClockDue(draft, c, kind, c.details.external_authority.due_at);
      if (!clock) continue;
      if (const auto due = NextTier(revision, *clock)) {
        clock->timer = 1;
        c.timers.push_back({TimerOf(kind), 1, *due, TimerState::kPending, std::nullopt});
      }
      c.clocks.push_back(*std::move(clock));
    }
  }
  Case opened = c;
  draft.AddCase(c, occurred_at, CaseOpened{std::move(opened)});
  if (!c.history && !draft.context().revision->alerts.empty()) {
    RaiseAlerts(draft, c, red_lines, OpeningFacts(c, response, customer));
  }
  NoteRestrictions(draft, c);
  Advance(draft, c);
  Route(draft, c);
}

void ReopenCase(Draft& draft, Case& c, Timestamp occurred_at, CaseReopened reopened,
                std::string_view status, const Response* response) {
  const Timestamp now = draft.context().now;
  const bool was_held = c.held;
  if (was_held) {
    Begin(draft, c, response, "reopened", {});
    reopened.severity = std::max(reopened.severity, c.severity);
  }
  draft.EndTimers(c, TimerKind::kResurveyExpiry, TimerState::kCancelled);
  for (const ClockKind kind : {ClockKind::kResurvey, ClockKind::kVerification}) {
    EndClocks(draft, c, kind, ClockState::kCancelled, now);
  }
  draft.AddCase(c, occurred_at, std::move(reopened), status);
  StartAgain(draft, c, was_held);
}

void StartAgain(Draft& draft, Case& c, bool anew) {
  const Timestamp now = draft.context().now;
  for (const ClockKind kind : {ClockKind::kFirstContact, ClockKind::kRemedy}) {
    EndClocks(draft, c, kind, ClockState::kCancelled, now);
    if (kind == ClockKind::kRemedy || HasSomebodyToContact(c)) StartClock(draft, c, kind);
  }
  if (anew) {  // there is nothing that could count on
    for (const ClockKind kind : {ClockKind::kFirstResolution, ClockKind::kTotalResolution}) {
      StartClock(draft, c, kind);
    }
    StartClock(draft, c, ClockKind::kExternalDeadline, c.details.external_authority.due_at);
  }
  if (!anew) ResumeHandling(draft, c);
  Settle(draft, c);
}

void ResumeHandling(Draft& draft, Case& c) {
  const std::vector<CaseClock> clocks = c.clocks;
  const auto last = [&](ClockKind kind) -> const CaseClock* {
    const auto found = std::find_if(clocks.rbegin(), clocks.rend(),
                                    [&](const CaseClock& clock) { return clock.kind == kind; });
    return found == clocks.rend() ? nullptr : &*found;
  };
  // Met when handling was done, cancelled when the case was withdrawn.
  const CaseClock* total = last(ClockKind::kTotalResolution);
  const Revision& revision = draft.RevisionOf(c);
  if (total != nullptr && total->ended_at && revision.FindClock(total->definition) != nullptr &&
      (total->calendar_id.empty() || revision.FindCalendar(total->calendar_id) != nullptr)) {
    ContinueClock(draft, c, *total);
  }
  const CaseClock* deadline = last(ClockKind::kExternalDeadline);
  if (deadline != nullptr && deadline->ended_at) {
    StartClock(draft, c, ClockKind::kExternalDeadline, deadline->due_at);
  }
}

void StopAll(Draft& draft, Case& c) {
  const Timestamp now = draft.context().now;
  EndPlan(draft, c);
  const std::vector<CaseClock> clocks = c.clocks;
  for (const CaseClock& clock : clocks) {
    if (IsLive(clock)) EndClock(draft, c, clock, ClockState::kCancelled, now);
  }
  const std::vector<Timer> timers = c.timers;
  for (const Timer& timer : timers) {
    if (timer.state == TimerState::kPending) {
      draft.AddCase(c, now, TimerEnded{timer.kind, timer.generation, TimerState::kCancelled});
    }
  }
  if (OpenPause(c) != nullptr) draft.AddCase(c, now, PauseEnded{});
}

void CloseCase(Draft& draft, Case& c, Timestamp occurred_at, CaseClosed closed,
               std::string_view status) {
  StopAll(draft, c);
  draft.AddCase(c, occurred_at, std::move(closed), status);
}

CaseClosed ClosedByHand(const Lifecycle& lifecycle, const Case& c) {
  CaseClosed closed{c.resurvey_result, c.not_asked_reason, {}};
  if (closed.resurvey_result != ResurveyResult::kUnset) return closed;
  // Asked in this round; an earlier round leaves its invitation on the case. An answer stands.
  if (lifecycle.Find(c.status, CaseCommand::kAnswerResurvey) != nullptr) {
    closed.resurvey_result = ResurveyResult::kNoAnswer;
  } else {
    closed.resurvey_result = ResurveyResult::kNotAsked;
    closed.not_asked_reason = c.customer_id.empty() ? NotAskedReason::kAnonymous
                              : c.handling_result == HandlingResult::kInvalid
                                  ? NotAskedReason::kRuledInvalid
                                  : NotAskedReason::kClosedEarly;
  }
  return closed;
}

}  // namespace rebound
