#include <algorithm>

#include "workflows/limits.h"
#include "workflows/verb.h"

namespace rebound {
namespace {

// The next tier of the clock, and whether one of a later time is due at `until` as well.
struct DueTier {
  Tier tier{};
  Timestamp at{};
  bool overtaken = false;
};
std::optional<DueTier> FindDueTier(const Revision& revision, const CaseClock& clock,
                                   Timestamp until) {
  std::optional<DueTier> due;
  std::optional<Timestamp> last;  // of those due
  for (Tier& tier : TiersOf(revision, clock)) {
    if (std::find(clock.crossed.begin(), clock.crossed.end(), tier.id) != clock.crossed.end()) {
      continue;
    }
    const auto at = TierTime(tier, clock, CalendarOf(revision, clock));
    if (!at) continue;
    if (*at <= until && (!last || *at > *last)) last = at;
    if (!due || *at < due->at) due = DueTier{std::move(tier), *at, false};
  }
  if (due && last) due->overtaken = *last > due->at;
  return due;
}

void Act(Draft& draft, Case& c, TierAction action, const Tier& tier) {
  switch (action) {
    case TierAction::kUnset:
    case TierAction::kNotify: return;  // in the crossing itself
    case TierAction::kRaisePriority: {
      const std::vector<Priority>& priorities = draft.RevisionOf(c).priorities;
      if (c.priority_rank <= 1 || static_cast<size_t>(c.priority_rank) > priorities.size()) return;
      const int32_t rank = c.priority_rank - 1;
      draft.AddCase(c, draft.context().now,
                    PriorityChanged{priorities[static_cast<size_t>(rank) - 1].id, rank});
      return;
    }
    case TierAction::kReassign:
      draft.AddCase(c, draft.context().now, CaseAssigned{{}, tier.queue_id});
      return;
    case TierAction::kEscalate: Escalate(draft, c, {}); return;
  }
}

// One tier of the clock: on record always, with its actions only if no later one is due, too.
// `timer_due`: as it was set; zone data may since say another time.
void CrossTier(Draft& draft, Case& c, const CaseClock& clock, Timestamp timer_due,
               Timestamp until) {
  const Revision& revision = draft.RevisionOf(c);
  const auto due = FindDueTier(revision, clock, until);
  CHECK(due.has_value());
  TierCrossed crossed{clock.kind, clock.generation, due->tier.id, std::min(due->at, timer_due)};
  crossed.breach = due->tier.at == TierAt{TierAt::Kind::kWall, 0};
  crossed.overtaken = due->overtaken;
  const std::vector<TierAction>& actions = due->tier.actions;
  if (!due->overtaken &&
      std::find(actions.begin(), actions.end(), TierAction::kNotify) != actions.end()) {
    crossed.notify = Recipients(draft, c, due->tier.notify);
  }
  CaseClock after = clock;
  after.crossed.push_back(due->tier.id);
  crossed.timer_due = NextTier(revision, after);
  if (crossed.timer_due) crossed.timer = Draft::NextGeneration(c, TimerOf(clock.kind));
  draft.AddCase(c, draft.context().now, std::move(crossed));
  if (due->overtaken) return;
  for (const TierAction action : actions) Act(draft, c, action, due->tier);
}

// The re-survey clock came to its end.
void AskWhenDue(Draft& draft, Case& c, const CaseClock& clock, Timestamp due) {
  const Timestamp now = draft.context().now;
  const Transition* ask = draft.LifecycleOf(c).Find(c.status, CaseCommand::kAskAgain);
  CHECK(ask != nullptr);  // Settle ends the clock where it may not be asked
  EndClock(draft, c, clock, ClockState::kMet, now);
  const bool invalid = c.handling_result == HandlingResult::kInvalid;
  if (invalid || now - due <= draft.ProgramOf(c).resurvey_catch_up) {
    AskAgain(draft, c);
    return;
  }
  CloseCase(draft, c, now, CaseClosed{ResurveyResult::kNotAsked, NotAskedReason::kMissedWindow, {}},
            ask->otherwise);
}

// The clock that the timer is of.
std::optional<CaseClock> ClockOf(const Case& c, const Timer& timer) {
  const auto clock = std::find_if(c.clocks.begin(), c.clocks.end(), [&](const CaseClock& each) {
    return TimerOf(each.kind) == timer.kind && each.timer == timer.generation;
  });
  return clock == c.clocks.end() ? std::nullopt : std::optional(*clock);
}

// When the timer of the clock is due; nullopt: it has none.
std::optional<Timestamp> TimerDue(const Case& c, const CaseClock& clock) {
  for (const Timer& timer : c.timers) {
    if (timer.kind == TimerOf(clock.kind) && timer.generation == clock.timer) return timer.due_at;
  }
  return std::nullopt;
}

// The first pending timer due by `until`; `tiers_only`: of those that cross a tier, tell of an
// alert or carry the plan on.
std::optional<Timer> FirstDue(const Case& c, Timestamp until, bool tiers_only) {
  const Timer* first = nullptr;
  for (const Timer& timer : c.timers) {
    if (timer.state != TimerState::kPending || timer.due_at > until ||
        (first != nullptr && timer.due_at >= first->due_at)) {
      continue;
    }
    const bool only_tells =
        timer.kind == TimerKind::kAlert || timer.kind == TimerKind::kStep ||
        (timer.kind != TimerKind::kResurveyDue && ClockOf(c, timer).has_value());
    if (only_tells || !tiers_only) {
      first = &timer;
    }
  }
  return first == nullptr ? std::nullopt : std::optional(*first);
}

void Fire(Draft& draft, Case& c, const Timer& timer) {
  if (const auto clock = ClockOf(c, timer)) {
    if (clock->kind == ClockKind::kResurvey) {
      AskWhenDue(draft, c, *clock, timer.due_at);
    } else {
      CrossTier(draft, c, *clock, timer.due_at, draft.context().now);
    }
    return;
  }
  if (timer.kind == TimerKind::kAlert) {
    AlertIsOverdue(draft, c, timer);
    return;
  }
  if (timer.kind == TimerKind::kStep) {
    StepIsDue(draft, c, timer);
    return;
  }
  draft.AddCase(c, draft.context().now,
                TimerEnded{timer.kind, timer.generation, TimerState::kFired});
  if (timer.kind == TimerKind::kDelayedStart) {
    // Where it waits for an answer there is no way to begin: that answer decides.
    const Transition* begin = draft.LifecycleOf(c).Find(c.status, CaseCommand::kBegin);
    if (c.held && begin != nullptr) Begin(draft, c, nullptr, "delayed_start", begin->to);
    return;
  }
  if (timer.kind == TimerKind::kReturn) WaitIsOver(draft, c);
  // kHandOver and kOffer have nothing of their own: whenever the case is routed, whoever is away
  // hands over, and whoever came is given what waits.
  if (timer.kind != TimerKind::kResurveyExpiry) return;
  const Transition* expire = draft.LifecycleOf(c).Find(c.status, CaseCommand::kExpireResurvey);
  if (expire == nullptr) return;
  CloseCase(draft, c, draft.context().now,
            CaseClosed{ResurveyResult::kNoAnswer, NotAskedReason::kUnset, {}}, expire->to);
}

}  // namespace

void AskAgain(Draft& draft, Case& c) {
  const Timestamp now = draft.context().now;
  const Transition* ask = draft.LifecycleOf(c).Find(c.status, CaseCommand::kAskAgain);
  const std::optional<Customer>& customer = draft.facts().customer;
  CHECK(ask != nullptr && customer.has_value());
  if (c.handling_result == HandlingResult::kInvalid) {
    CloseCase(draft, c, now,
              CaseClosed{ResurveyResult::kNotAsked, NotAskedReason::kRuledInvalid, {}},
              ask->otherwise);
    return;
  }
  std::vector<Channel> channels;
  if (c.details.preferred_channel != Channel::kUnset) {
    channels.push_back(c.details.preferred_channel);
  }
  for (const ContactPoint& point : customer->profile.contact_points) {
    channels.push_back(point.channel);
  }
  if (channels.empty()) channels.push_back(Channel::kUnset);
  std::optional<NotAskedReason> why;
  for (const Channel channel : channels) {
    RestrictedAction survey;
    survey.kind = RestrictedActionKind::kSurvey;
    survey.channel = channel;
    if (PermitOf(draft, c, survey).outcome != PermitOutcome::kAllowed) {
      why = NotAskedReason::kRestricted;
      continue;
    }
    if (auto may = MayApproach(*customer, channel, ConsentPurpose::kSurvey); !may) {
      why = may.error().reason == Reason::kDoNotContact ? NotAskedReason::kDoNotContact
                                                        : NotAskedReason::kConsentDenied;
      continue;
    }
    const Timestamp expires = now + draft.ProgramOf(c).resurvey_validity;
    // One invitation for the life of the case: an old link answers the present round.
    const InvitationId invitation =
        c.resurvey.invitation_id.empty() ? draft.NewId<InvitationId>() : c.resurvey.invitation_id;
    draft.AddCase(c, now, ResurveyAsked{invitation, expires, channel}, ask->to);
    draft.SetTimer(c, TimerKind::kResurveyExpiry, expires);
    if (draft.LifecycleOf(c).Find(c.status, CaseCommand::kVerify) == nullptr) {
      EndClocks(draft, c, ClockKind::kVerification, ClockState::kCancelled, now);
    }
    return;
  }
  CloseCase(draft, c, now, CaseClosed{ResurveyResult::kNotAsked, *why, {}}, ask->otherwise);
}

void CrossDueTiers(Draft& draft, Case& c, Timestamp until) {
  if (draft.facts().timers_held) return;  // the time is in doubt
  const Timestamp last = until - Duration{1};
  const bool was = draft.BySystem(true);
  while (const auto timer = FirstDue(c, last, /*tiers_only=*/true)) {
    if (timer->kind == TimerKind::kAlert) {
      AlertIsOverdue(draft, c, *timer);
    } else if (timer->kind == TimerKind::kStep) {
      StepIsDue(draft, c, *timer);
      Advance(draft, c);
    } else {
      CrossTier(draft, c, *ClockOf(c, *timer), timer->due_at, last);
    }
  }
  draft.BySystem(was);
}

Result<void> VerbDecision::operator()(const FireTimers&) {
  // A lifecycle that leads in circles must not keep the writer; what is left is due again at once.
  constexpr int kMostFirings = 1'000;
  for (int fired = 0; fired < kMostFirings; ++fired) {
    const auto timer = FirstDue(c, context().now, /*tiers_only=*/false);
    if (!timer) break;
    Fire(draft, c, *timer);
    rebound::Settle(draft, c);
  }
  return {};
}

void VerbDecision::BeginPause(std::string reason, Text note, std::string_view status) {
  const Timestamp now = context().now;
  draft.Stamp(note);
  if (OpenPause(c) != nullptr) draft.AddCase(c, now, PauseEnded{});
  draft.AddCase(c, now,
                PauseStarted{Pause{std::move(reason), std::move(note), c.owner, context().actor,
                                   now, std::nullopt}},
                status);
}

Result<void> VerbDecision::operator()(const PauseCase& verb) {
  auto transition = Need(CaseCommand::kPause);
  if (!transition) return transition.error();
  const Labels& labels = draft.RevisionOf(c).labels;
  if (auto known = CheckLabel(labels.pause_reasons, "reason", verb.reason); !known) return known;
  BeginPause(verb.reason, verb.note, (*transition)->to);
  return {};
}

Result<void> VerbDecision::operator()(const ResumeCase&) {
  auto transition = Need(CaseCommand::kResume);
  if (!transition) return transition.error();
  const Transition& t = **transition;
  // A case that was migrated into a status that stops clocks has no pause of its own.
  const bool pauses = OpenPause(c) != nullptr;
  draft.AddCase(c, context().now, pauses ? EventBody(PauseEnded{}) : EventBody(CaseMoved{}),
                c.contacted_at || t.otherwise.empty() ? t.to : t.otherwise);
  return {};
}

Result<void> VerbDecision::operator()(const RequestExtension& verb) {
  auto transition = Need(CaseCommand::kExtend);
  if (!transition) return transition.error();
  const Labels& labels = draft.RevisionOf(c).labels;
  if (auto known = CheckLabel(labels.extension_reasons, "reason", verb.reason); !known) {
    return known;
  }
  if (!IsPausable(verb.clock)) {
    return Error{Reason::kClockNotPausable,
                 {{"case", CaseNumberText(c.number)}, {"clock", std::string(Name(verb.clock))}}};
  }
  const auto clock = std::find_if(c.clocks.rbegin(), c.clocks.rend(), [&](const CaseClock& each) {
    return each.kind == verb.clock && IsLive(each) &&
           (verb.generation == 0 || each.generation == verb.generation);
  });
  if (clock == c.clocks.rend()) {
    return Error{Reason::kClockNotRunning,
                 {{"case", CaseNumberText(c.number)}, {"clock", std::string(Name(verb.clock))}}};
  }
  if (verb.in_days != InDays(clock->limit.count)) {
    return FieldError("amount", Reason::kNumberOutOfRange,
                      {{"value", verb.in_days ? "days" : "a duration"},
                       {"expected", verb.in_days ? "a duration: the clock does not count days"
                                                 : "whole days: the clock counts days"}});
  }
  const int64_t most = InDays(clock->limit.count) ? 366 : limits::kFarthestDue.count();
  if (verb.amount <= 0 || verb.amount > most) {
    return FieldError(
        "amount", Reason::kNumberOutOfRange,
        {{"value", std::to_string(verb.amount)}, {"expected", "1 to " + std::to_string(most)}});
  }
  const auto granted =
      std::count_if(c.extensions.begin(), c.extensions.end(), [&](const Extension& each) {
        return each.clock == clock->kind && each.generation == clock->generation &&
               each.state != ExtensionState::kRefused;
      });
  if (granted >= lifecycle().max_extensions) {
    return Error{Reason::kExtensionLimitReached,
                 {{"case", CaseNumberText(c.number)},
                  {"clock", std::string(Name(verb.clock))},
                  {"limit", std::to_string(lifecycle().max_extensions)}}};
  }
  Extension extension;
  extension.id = draft.NewId<ExtensionId>();
  extension.clock = clock->kind;
  extension.generation = clock->generation;
  extension.amount = verb.amount;
  extension.reason = verb.reason;
  extension.note = verb.note;
  draft.Stamp(extension.note);
  extension.requested_by = context().actor;
  extension.requested_at = context().now;
  draft.AddCase(c, context().now, ExtensionRecorded{std::move(extension)}, (*transition)->to);
  return {};
}

Result<void> VerbDecision::operator()(const DecideExtension& verb) {
  auto transition = Need(CaseCommand::kDecideExtension);
  if (!transition) return transition.error();
  const auto known = std::find_if(c.extensions.begin(), c.extensions.end(),
                                  [&](const Extension& each) { return each.id == verb.id; });
  if (known == c.extensions.end()) return NotFound("extension");
  if (known->state != ExtensionState::kRequested) {
    return Error{Reason::kExtensionDecided,
                 {{"case", CaseNumberText(c.number)},
                  {"state", known->state == ExtensionState::kGranted ? "granted" : "refused"}}};
  }
  if (auto other = NeedSecondPerson(Name(CaseCommand::kDecideExtension), known->requested_by);
      !other) {
    return other;
  }
  Extension extension = *known;
  extension.state = verb.grant ? ExtensionState::kGranted : ExtensionState::kRefused;
  extension.decided_by = context().actor;
  extension.decided_at = context().now;
  const auto clock = std::find_if(c.clocks.begin(), c.clocks.end(), [&](const CaseClock& each) {
    return each.kind == extension.clock && each.generation == extension.generation && IsLive(each);
  });
  if (verb.grant && clock == c.clocks.end()) {
    return Error{
        Reason::kClockNotRunning,
        {{"case", CaseNumberText(c.number)}, {"clock", std::string(Name(extension.clock))}}};
  }
  if (verb.grant && clock->state == ClockState::kRunning) {
    CaseClock longer = *clock;
    longer.limit.amount += extension.amount;
    if (!DueTime(longer, CalendarOf(draft.RevisionOf(c), longer))) {
      return FieldError("amount", Reason::kNumberOutOfRange,
                        {{"value", std::to_string(extension.amount)},
                         {"expected", "less: the calendar does not reach so far"}});
    }
  }
  const Extension granted = extension;
  draft.AddCase(c, context().now, ExtensionRecorded{std::move(extension)}, (*transition)->to);
  if (!verb.grant) return {};
  const CaseClock before =
      *std::find_if(c.clocks.begin(), c.clocks.end(), [&](const CaseClock& each) {
        return each.kind == granted.clock && each.generation == granted.generation;
      });
  CaseClock as = before;
  as.limit.amount += granted.amount;
  const int64_t elapsed = ElapsedAt(before, CalendarOf(draft.RevisionOf(c), before), context().now);
  MoveClock(draft, c, before, as, elapsed, ClockMoveCause::kExtension);
  return {};
}

Result<void> VerbDecision::operator()(const MigrateCase& verb) {
  const int64_t number = verb.revision == 0 ? context().revision->number : verb.revision;
  const Revision& to = draft.RevisionOf(number);
  if (to.number != number) {
    return FieldError("revision", Reason::kRevisionUnknown, {{"revision", std::to_string(number)}});
  }
  const Revision& from = draft.RevisionOf(c);
  if (from.number == number) return {};
  if (to.FindProgram(c.program_id) == nullptr) {
    return FieldError("case.program_id", Reason::kUnknownProgram, {{"value", c.program_id}});
  }
  const std::string status = to.lifecycle.Find(c.status) != nullptr ? c.status : verb.status;
  if (const StatusDef* def = to.lifecycle.Find(status);
      def == nullptr || (def->phase == Phase::kClosed) != (c.phase == Phase::kClosed)) {
    Error error{Reason::kCaseStatusNotInRevision,
                {{"case", CaseNumberText(c.number)},
                 {"status", c.status},
                 {"revision", std::to_string(number)}}};
    for (const StatusDef& each : to.lifecycle.statuses) error.allowed.push_back(each.key);
    return error;
  }
  const Timestamp now = context().now;
  // Read by the old calendars; what is still to come is counted by the new ones.
  std::vector<std::pair<CaseClock, int64_t>> counted;
  for (const CaseClock& clock : c.clocks) {
    // Total resolution may count on later.
    if (IsLive(clock) || clock.kind == ClockKind::kTotalResolution) {
      counted.emplace_back(clock, ElapsedAt(clock, CalendarOf(from, clock), now));
    }
  }
  // What was chosen as it opened stays, where it is still there; the answer of then is not at hand.
  Case reread = c;
  reread.revision = number;
  std::vector<std::string> chosen =
      ChooseClocks(to, OpeningFacts(reread, nullptr, facts.customer ? &*facts.customer : nullptr));
  for (std::string& id : chosen) {
    if (const auto* kept = ChosenClock(to, c, to.FindClock(id)->kind)) id = kept->id;
  }
  draft.AddCase(c, now, CaseMigrated{from.number, number, std::move(chosen)}, status);
  // Clocks that stand need a reason, and somebody's account.
  if (!to.lifecycle.Find(status)->stops.empty() && OpenPause(c) == nullptr) {
    BeginPause("migrated", {});
  }
  for (const auto& [clock, elapsed] : counted) {
    if (clock.definition.empty()) continue;  // given by hand, or by the program: it stays
    const ClockDefinition* before = from.FindClock(clock.definition);
    const ClockDefinition* after = to.FindClock(clock.definition);
    if (after == nullptr || after->kind != clock.kind) after = ChosenClock(to, c, clock.kind);
    const bool given =
        clock.kind == ClockKind::kCommitment || clock.kind == ClockKind::kExternalDeadline;
    if (after == nullptr && !given) {  // nobody sets this limit any more
      if (IsLive(clock)) {
        draft.AddCase(c, now,
                      ClockEnded{clock.kind, clock.generation, ClockState::kCancelled, elapsed});
      }
      continue;
    }
    CaseClock as = clock;
    as.definition = after != nullptr ? after->id : std::string{};
    int64_t kept = elapsed;
    if (!given) {
      const int64_t extended = before != nullptr && before->limit.count == clock.limit.count
                                   ? clock.limit.amount - before->limit.amount
                                   : 0;
      const bool same_unit = InDays(clock.limit.count) == InDays(after->limit.count);
      as.limit = after->limit;
      if (same_unit) as.limit.amount += extended;
      as.met_by = after->met_by;
      as.calendar_id.clear();
      as.calendar_version = 0;
      if (after->limit.count != Count::kWall) {
        const Calendar* calendar = to.FindCalendar(after->calendar_id);
        CHECK(calendar != nullptr);
        as.calendar_id = calendar->id;
        as.calendar_version = calendar->version;
      }
      // Hours are not days: what it ran is counted anew the other way.
      if (!same_unit) {
        kept = Ran(clock, {as.limit.count, CalendarOf(to, as), clock.started_at}, clock.started_at,
                   clock.ended_at.value_or(clock.paused_at.value_or(now)));
      }
    }
    MoveClock(draft, c, clock, as, kept, ClockMoveCause::kRevision);
  }
  // Nobody could handle a case that is held back where work is to be done.
  if (c.held && c.phase != Phase::kClosed && !to.lifecycle.Find(c.status)->handling_done) {
    Begin(draft, c, nullptr, "by_hand", c.status);
  }
  return {};
}

Result<void> VerbDecision::operator()(const RecomputeClocks&) {
  const std::vector<CaseClock> clocks = c.clocks;
  for (const CaseClock& clock : clocks) {
    if (clock.state != ClockState::kRunning || clock.calendar_id.empty()) continue;
    const Calendar* calendar = CalendarOf(draft.RevisionOf(c), clock);
    const auto due = DueTime(clock, calendar);
    // Past ones never move: they fire as they were set. The due time may stay where a tier moves.
    const auto timer_due = TimerDue(c, clock);
    if ((clock.due_at && *clock.due_at <= context().now) ||
        (timer_due && *timer_due <= context().now)) {
      continue;
    }
    if (due == clock.due_at && NextTier(draft.RevisionOf(c), clock) == timer_due) continue;
    MoveClock(draft, c, clock, clock, ElapsedAt(clock, calendar, context().now),
              ClockMoveCause::kTimeZoneData);
  }
  return {};
}

}  // namespace rebound
