#include <algorithm>

#include "workflows/draft.h"
#include "workflows/routing.h"

namespace rebound {
namespace {

const QueueDef* QueueOf(const Draft& draft, const Case& c) {
  return draft.context().revision->FindQueue(c.details.queue_id);
}

const Timer* PendingTimer(const Case& c, TimerKind kind) {
  const auto timer = std::find_if(c.timers.begin(), c.timers.end(), [&](const Timer& each) {
    return each.kind == kind && each.state == TimerState::kPending;
  });
  return timer == c.timers.end() ? nullptr : &*timer;
}

// Exactly one pending timer of the kind, due then; nullopt: none.
void KeepTimer(Draft& draft, Case& c, TimerKind kind, std::optional<Timestamp> due) {
  const Timer* pending = PendingTimer(c, kind);
  if (pending != nullptr && pending->due_at == due) return;
  draft.EndTimers(c, kind, TimerState::kCancelled);
  if (due) draft.SetTimer(c, kind, *due);
}

void Give(Draft& draft, Case& c, std::string owner, std::string reason) {
  const Transition* assign = draft.LifecycleOf(c).Find(c.status, CaseCommand::kAssign);
  draft.AddCase(c, draft.context().now, CaseAssigned{std::move(owner), {}, std::move(reason)},
                assign == nullptr ? std::string_view() : std::string_view(assign->to));
}

// To its own queue.
void TakeBack(Draft& draft, Case& c, std::string reason) {
  const Transition* back = draft.LifecycleOf(c).Find(c.status, CaseCommand::kReturn);
  draft.AddCase(c, draft.context().now, CaseReturned{std::move(reason), {}, {}, true},
                back == nullptr ? std::string_view() : std::string_view(back->to));
}

bool GiveByQueue(Draft& draft, Case& c) {
  const QueueDef* queue = QueueOf(draft, c);
  const auto& earlier = draft.facts().earlier_owner;
  auto choice = ChooseOwner(
      *draft.context().revision, c,
      [&draft](std::string_view person) { return draft.LoadOf(person); },
      queue != nullptr && queue->sticky && earlier ? earlier(c) : "", draft.context().now);
  if (!choice) return false;
  Give(draft, c, std::move(choice->owner), std::move(choice->reason));
  GrantLease(draft, c);
  return true;
}

// A promise must not wait for somebody who is away.
void HandOver(Draft& draft, Case& c) {
  const Revision& revision = *draft.context().revision;
  const StaffMember* owner = revision.FindStaff(c.owner);
  if (owner == nullptr) return;
  const Absence* away = FindConflict(*owner, c, draft.context().now);
  if (away == nullptr) return;
  const StaffMember* deputy = revision.FindStaff(away->deputy);
  const bool is_there =
      deputy == nullptr || FindConflict(*deputy, c, draft.context().now) == nullptr;
  if (!away->deputy.empty() && away->deputy != c.owner && is_there && !IsAccused(c, away->deputy)) {
    Give(draft, c, away->deputy, "deputy");
    GrantLease(draft, c);
  } else if (NeedsWork(c)) {  // of what is handled no queue shows anything
    TakeBack(draft, c, "owner_absent");
  }
}

// When the owner's absences are looked at next for the sake of a promise, HandOver having looked
// now.
std::optional<Timestamp> NextHandOver(const Draft& draft, const Case& c) {
  const Revision& revision = *draft.context().revision;
  const Timestamp now = draft.context().now;
  const auto due = NextPromise(c);
  if (c.owner.empty() || revision.staff.empty() || !due) return std::nullopt;
  if (*due - kPromiseIsNear > now) return *due - kPromiseIsNear;
  const StaffMember* owner = revision.FindStaff(c.owner);
  std::optional<Timestamp> next;
  if (owner == nullptr) return next;
  for (const Absence& absence : owner->absences) {
    const bool matters = absence.from > now && (absence.from <= *due || *due <= now);
    if (matters && (!next || absence.from < *next)) next = absence.from;
  }
  return next;
}

}  // namespace

void GrantLease(Draft& draft, Case& c) {
  const QueueDef* queue = QueueOf(draft, c);
  if (queue == nullptr || !queue->lease) return;
  const bool was = draft.BySystem(true);
  KeepTimer(draft, c, TimerKind::kReturn, draft.context().now + *queue->lease);
  draft.BySystem(was);
}

void Route(Draft& draft, Case& c) {
  const bool was = draft.BySystem(true);
  const std::string status = c.status;
  // A promise binds until the case is closed, handled or not.
  const bool is_live = c.phase != Phase::kClosed && !c.held && !c.history;
  std::optional<Timestamp> back, hand_over, offer;
  if (NeedsWork(c) && IsAccused(c, c.owner)) TakeBack(draft, c, "owner_accused");
  if (is_live && !c.owner.empty()) HandOver(draft, c);
  // What was taken back waits; under an entry of the blacklist not just anywhere.
  if (IsClaimable(c)) NoteRestrictions(draft, c);
  if (is_live) hand_over = NextHandOver(draft, c);
  if (NeedsWork(c)) {
    if (c.owner.empty() && GiveByQueue(draft, c)) hand_over = NextHandOver(draft, c);
    const QueueDef* queue = QueueOf(draft, c);
    const Timer* pending = PendingTimer(c, TimerKind::kReturn);
    if (pending != nullptr) back = pending->due_at;
    if (queue == nullptr || (c.owner.empty() ? !queue->return_after : !queue->lease)) {
      back.reset();
    } else if (!back && c.owner.empty()) {
      back = draft.context().now + *queue->return_after;
    }
    if (c.owner.empty() && GivesOut(*draft.context().revision, c.details.queue_id)) {
      offer = NextArrival(*draft.context().revision, c, draft.context().now);
    }
  }
  KeepTimer(draft, c, TimerKind::kReturn, back);
  KeepTimer(draft, c, TimerKind::kHandOver, hand_over);
  KeepTimer(draft, c, TimerKind::kOffer, offer);
  if (c.status != status) SettleClocks(draft, c);
  draft.BySystem(was);
}

void WaitIsOver(Draft& draft, Case& c) {
  if (!NeedsWork(c)) return;
  if (!c.owner.empty()) {
    TakeBack(draft, c, "lease_expired");
    return;
  }
  const QueueDef* queue = QueueOf(draft, c);
  if (GiveByQueue(draft, c) || queue == nullptr || queue->fallback.empty()) return;
  if (!IsAccused(c, queue->fallback)) {
    Give(draft, c, queue->fallback, "fallback");
    return;
  }
  std::string manager =
      ManagerAt(draft.RevisionOf(c).org_units, c.details.org_unit_id, 0, draft.context().now);
  if (!manager.empty() && !IsAccused(c, manager)) {
    Give(draft, c, std::move(manager), "manager");
    return;
  }
  // It waits on, and its queue hears of it.
  TakeBack(draft, c, "nobody_found");
}

void GiveWaiting(Draft& draft, const Case& subject) {
  const Facts& facts = draft.facts();
  if (!facts.waiting || facts.waiting->id == subject.id) return;
  if (facts.other && facts.other->id == facts.waiting->id) return;
  const std::string& had = facts.subject->owner;
  const StaffMember* member = draft.context().revision->FindStaff(had);
  if (member == nullptr || draft.LoadOf(had).open_count >= *member->capacity) return;
  Case c = *facts.waiting;
  if (!CheckFollowed(draft, c)) return;
  // What is due on it fires as its own command, at once, and gives it away as it ends.
  const auto due = NextDue(c);
  if (!facts.timers_held && due && *due <= draft.context().now) return;
  Settle(draft, c);
}

Result<void> CheckQueue(const Draft& draft, std::string field, std::string_view queue) {
  const std::vector<QueueDef>& known = draft.context().revision->queues;
  if (queue.empty() || known.empty() || draft.context().revision->FindQueue(queue) != nullptr) {
    return {};
  }
  std::string allowed;
  for (const QueueDef& each : known) allowed += (allowed.empty() ? "" : ", ") + each.id;
  return FieldError(std::move(field), Reason::kQueueUnknown,
                    {{"queue", std::string(queue)}, {"allowed", std::move(allowed)}});
}

Result<void> CheckOwner(const Case& c, std::string_view owner) {
  if (!IsAccused(c, owner)) return {};
  return Error{Reason::kOwnerIsAccused,
               {{"case", CaseNumberText(c.number)}, {"person", std::string(owner)}}};
}

}  // namespace rebound
