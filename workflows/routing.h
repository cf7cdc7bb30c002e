// Who may work on a case, and whom the system gives it to. Staff and queues are those of the
// revision in force, whatever revision the case follows. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "workflows/case.h"
#include "workflows/revision.h"

namespace rebound {

// Why somebody is not given a case, the weightiest first.
enum class Unfit {
  kFits,
  kAccused,       // the complaint is about them: never, by nobody
  kNotOfQueue,    // of their queues, the case's is none
  kSkillMissing,  // the queue asks for one that they lack
  kAtCapacity,    // they have as many open cases as they may
  kAbsent,        // away now; or when a promise that is near is due
  kOffShift       // not at work now
};

// The complaint is about them: responsible by the case's details, or by any finding, one that fell
// included.
bool IsAccused(const Case& c, std::string_view person);

// The one that lasts at `at`; of several the first. nullptr: they are there.
const Absence* FindAbsence(const StaffMember& member, Timestamp at);

// The absence that keeps the member from what was promised: one that lasts now, or when a promise
// of the case that is near is due. nullptr: none, or no promise is near.
const Absence* FindConflict(const StaffMember& member, const Case& c, Timestamp now);

// The first instant after `now` when somebody comes to work, from a shift's pause or an absence,
// who may have the case that waits in its queue. nullopt: nobody does, or whoever may is there
// already.
std::optional<Timestamp> NextArrival(const Revision& revision, const Case& c, Timestamp now);

// The weightiest reason against the person; kFits: none. Somebody whom staff.yaml does not list has
// no skills, and is bound by nothing else. Without any staff only kAccused counts. A case without a
// queue is of every queue.
//   by hand    only kAccused refuses
//   a claim    MayClaim; kAtCapacity refuses it as a whole
//   by system  listed staff who fit, nobody else
Unfit WhyUnfit(const Revision& revision, const Case& c, std::string_view person,
               const StaffLoad& load, Timestamp now);

// May claim-next give them anything of the queue? As MayClaim, of a case that nothing is against.
// Empty queue: of cases without one.
bool MayClaimFrom(const Revision& revision, std::string_view queue, std::string_view person);

// May claim-next give them this case? Accused, of another queue or without a skill: no. Whoever is
// away or off shift and claims all the same is at work, except where a promise that is near would
// be taken from them at once. Capacity is not asked.
bool MayClaim(const Revision& revision, const Case& c, std::string_view person, Timestamp now);

using LoadLookup = std::function<StaffLoad(std::string_view person)>;

struct RoutingChoice {
  std::string owner{};
  std::string reason{};  // sticky, routed
  friend bool operator==(const RoutingChoice&, const RoutingChoice&) = default;
};

// Whom the system gives the case that waits in its queue: `earlier_owner`, who had the customer's
// case before, if the queue is sticky and they fit; else by the queue's routing, ties in the order
// of staff.yaml. Never who had this case last. nullopt: it waits.
std::optional<RoutingChoice> ChooseOwner(const Revision& revision, const Case& c,
                                         const LoadLookup& load_of, std::string_view earlier_owner,
                                         Timestamp now);

// Does the system give out the cases of the queue to whoever fits?
bool GivesOut(const Revision& revision, std::string_view queue);

}  // namespace rebound
