#include "workflows/routing.h"

#include <algorithm>
#include <tuple>

namespace rebound {
namespace {

bool HasAll(const std::vector<std::string>& known, const std::vector<std::string>& needed) {
  return std::all_of(needed.begin(), needed.end(), [&](const std::string& each) {
    return std::find(known.begin(), known.end(), each) != known.end();
  });
}

bool IsOnShift(const Revision& revision, const StaffMember& member, Timestamp now) {
  if (member.shifts.empty()) return true;
  const Calendar* calendar = revision.FindCalendar(member.shifts);
  // Readers check it; a stored revision that can be read only in part keeps nobody from work.
  if (calendar == nullptr) return true;
  return Elapsed({Count::kBusinessTime, calendar, now}, now, now + Duration{1}) > 0;
}

// From `now` on; `now` itself: they are. nullopt: not within the search of the calendar.
std::optional<Timestamp> NextAtWork(const Revision& revision, const StaffMember& member,
                                    Timestamp now) {
  const Calendar* calendar = member.shifts.empty() ? nullptr : revision.FindCalendar(member.shifts);
  Timestamp at = now;
  // Each absence is left behind for good, and each is followed by one search of the calendar.
  for (size_t i = 0; i <= member.absences.size(); ++i) {
    while (const Absence* away = FindAbsence(member, at)) at = away->until;
    if (calendar == nullptr) return at;
    const auto worked = Advance({Count::kBusinessTime, calendar, at}, at, 1);
    if (!worked) return std::nullopt;
    at = *worked - Duration{1};
    if (FindAbsence(member, at) == nullptr) return at;
  }
  return std::nullopt;
}

std::optional<Timestamp> NearPromise(const Case& c, Timestamp now) {
  const auto due = NextPromise(c);
  return due && *due <= now + kPromiseIsNear ? due : std::nullopt;
}

}  // namespace

bool IsAccused(const Case& c, std::string_view person) {
  if (person.empty()) return false;
  return c.details.responsible_person == person ||
         std::any_of(c.findings.begin(), c.findings.end(),
                     [&](const Finding& finding) { return finding.person == person; });
}

const Absence* FindAbsence(const StaffMember& member, Timestamp at) {
  const auto found = std::find_if(
      member.absences.begin(), member.absences.end(),
      [&](const Absence& absence) { return absence.from <= at && at < absence.until; });
  return found == member.absences.end() ? nullptr : &*found;
}

const Absence* FindConflict(const StaffMember& member, const Case& c, Timestamp now) {
  const auto due = NearPromise(c, now);
  if (!due) return nullptr;
  const Absence* away = FindAbsence(member, now);
  return away != nullptr ? away : FindAbsence(member, std::max(*due, now));
}

Unfit WhyUnfit(const Revision& revision, const Case& c, std::string_view person,
               const StaffLoad& load, Timestamp now) {
  if (IsAccused(c, person)) return Unfit::kAccused;
  if (revision.staff.empty()) return Unfit::kFits;
  const StaffMember* member = revision.FindStaff(person);
  const QueueDef* queue = revision.FindQueue(c.details.queue_id);
  const std::vector<std::string> none;
  const auto& needed = queue == nullptr ? none : queue->skills;
  if (member == nullptr) return needed.empty() ? Unfit::kFits : Unfit::kSkillMissing;
  if (!c.details.queue_id.empty() && !HasAll(member->queues, {c.details.queue_id})) {
    return Unfit::kNotOfQueue;
  }
  if (!HasAll(member->skills, needed)) return Unfit::kSkillMissing;
  if (member->capacity && load.open_count >= *member->capacity) return Unfit::kAtCapacity;
  if (FindAbsence(*member, now) != nullptr || FindConflict(*member, c, now) != nullptr) {
    return Unfit::kAbsent;
  }
  return IsOnShift(revision, *member, now) ? Unfit::kFits : Unfit::kOffShift;
}

bool MayClaimFrom(const Revision& revision, std::string_view queue, std::string_view person) {
  Case any;
  any.details.queue_id = queue;
  return MayClaim(revision, any, person, Timestamp{});
}

bool MayClaim(const Revision& revision, const Case& c, std::string_view person, Timestamp now) {
  switch (WhyUnfit(revision, c, person, StaffLoad{}, now)) {
    case Unfit::kFits:
    case Unfit::kAtCapacity:
    case Unfit::kOffShift: return true;
    case Unfit::kAbsent: return FindConflict(*revision.FindStaff(person), c, now) == nullptr;
    case Unfit::kAccused:
    case Unfit::kNotOfQueue:
    case Unfit::kSkillMissing: return false;
  }
  return false;
}

std::optional<Timestamp> NextArrival(const Revision& revision, const Case& c, Timestamp now) {
  std::optional<Timestamp> first;
  for (const StaffMember& member : revision.staff) {
    const bool may =
        MayClaimFrom(revision, c.details.queue_id, member.id) && !IsAccused(c, member.id);
    if (!may || member.id == c.last_owner) continue;
    const auto at = NextAtWork(revision, member, now);
    if (at && *at > now && (!first || *at < *first)) first = at;
  }
  return first;
}

std::optional<RoutingChoice> ChooseOwner(const Revision& revision, const Case& c,
                                         const LoadLookup& load_of, std::string_view earlier_owner,
                                         Timestamp now) {
  const QueueDef* queue = revision.FindQueue(c.details.queue_id);
  if (queue == nullptr) return std::nullopt;
  const auto fits = [&](const StaffMember& member, const StaffLoad& load) {
    return WhyUnfit(revision, c, member.id, load, now) == Unfit::kFits;
  };
  const auto may = [&](const StaffMember& member) {  // before anybody's load is read
    return member.id != c.last_owner && fits(member, StaffLoad{});
  };
  if (queue->sticky) {
    const StaffMember* earlier = revision.FindStaff(earlier_owner);
    if (earlier != nullptr && may(*earlier) && fits(*earlier, load_of(earlier->id))) {
      return RoutingChoice{earlier->id, "sticky"};
    }
  }
  if (queue->routing == Routing::kPull) return std::nullopt;
  const StaffMember* best = nullptr;
  std::tuple<int32_t, std::optional<Timestamp>> least;
  for (const StaffMember& member : revision.staff) {
    if (!may(member)) continue;
    const StaffLoad load = load_of(member.id);
    if (!fits(member, load)) continue;
    // Never given anything comes before any time.
    const std::tuple key(queue->routing == Routing::kLeastLoaded ? load.open_count : 0,
                         load.last_given_at);
    if (best != nullptr && key >= least) continue;
    best = &member;
    least = key;
  }
  if (best == nullptr) return std::nullopt;
  return RoutingChoice{best->id, "routed"};
}

bool GivesOut(const Revision& revision, std::string_view queue) {
  const QueueDef* known = revision.FindQueue(queue);
  return known != nullptr && known->routing != Routing::kPull;
}

}  // namespace rebound
