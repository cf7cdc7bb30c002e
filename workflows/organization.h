// Who there is and what things are called: org units, roles, priorities, labels. Values of the
// revision; pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/predicate.h"
#include "workflows/time.h"

namespace rebound {

// Responsible for cases, as a path: province/city/store. Its parent is the path above, if listed.
struct OrgUnit {
  std::string id{};
  std::string name_en{};
  std::string name_zh{};
  std::string manager{};             // principal; empty: the unit above decides
  std::optional<Timestamp> from{};   // first instant it exists; absent: always
  std::optional<Timestamp> until{};  // first instant it no longer does; absent: for ever
  friend bool operator==(const OrgUnit&, const OrgUnit&) = default;
};

// The manager `level` levels up from `unit`: 0 is the nearest manager at or above the unit, each
// further level the next one above that is somebody else. Only units that exist at `at`. Empty when
// the tree ends.
std::string ManagerAt(const std::vector<OrgUnit>& units, std::string_view unit, int32_t level,
                      Timestamp at);

// A role may call what its base may call (server/access/policy.h); the lifecycle says which roles
// may take which transition.
struct RoleDef {
  std::string id{};  // stable key
  std::string name_en{};
  std::string name_zh{};
  std::string base{};                  // admin, manager, supervisor, agent, integration or viewer
  std::optional<bool> sees_contact{};  // contact data in clear; absent: as the base has it
  friend bool operator==(const RoleDef&, const RoleDef&) = default;
};

// In order, the most urgent first. A case gets the first whose condition holds as it opens, else
// the last.
struct Priority {
  std::string id{};  // stable key
  std::string name_en{};
  std::string name_zh{};
  Predicate when{};
  friend bool operator==(const Priority&, const Priority&) = default;
};

// One word of a list that staff choose from.
struct Label {
  std::string id{};  // stable key
  std::string name_en{};
  std::string name_zh{};
  friend bool operator==(const Label&, const Label&) = default;
};

// Empty list: any word is taken.
struct Labels {
  std::vector<Label> pause_reasons{};
  std::vector<Label> return_reasons{};
  std::vector<Label> extension_reasons{};
  std::vector<Label> root_causes{};
  std::vector<Label> topics{};
  friend bool operator==(const Labels&, const Labels&) = default;
};

// How a case that waits in a queue finds its owner.
enum class Routing {
  kPull,        // somebody claims it
  kRoundRobin,  // the system gives it to whoever was given a case longest ago
  kLeastLoaded  // the system gives it to whoever has the fewest open cases
};

// A queue and its rules. A revision without any has queues by name only: anything is one, nothing
// is given out by the system, nothing comes back by itself.
struct QueueDef {
  std::string id{};  // stable key
  std::string name_en{};
  std::string name_zh{};
  std::vector<std::string> skills{};  // whoever works it needs all of them
  Routing routing = Routing::kPull;
  bool sticky = false;  // whoever had the customer's case before gets this one, if fit
  // How long one to whom a case was given may leave it untouched; absent: for ever.
  std::optional<Duration> lease{};
  // How long a case may wait without an owner; absent: for ever. Then it is the fallback's, who
  // is named where this is set, whatever their capacity and shift.
  std::optional<Duration> return_after{};
  std::string fallback{};
  friend bool operator==(const QueueDef&, const QueueDef&) = default;
};

struct Absence {
  Timestamp from{};      // first instant away
  Timestamp until{};     // first instant back
  std::string deputy{};  // principal who takes over what cannot wait; empty: the queue
  friend bool operator==(const Absence&, const Absence&) = default;
};

// Somebody who works cases. Always read from the revision in force: staff is no part of what a case
// follows.
struct StaffMember {
  std::string id{};                   // principal
  std::vector<std::string> queues{};  // at least one
  std::vector<std::string> skills{};
  std::optional<int32_t> capacity{};  // open cases at most, from 1; absent: no limit
  std::string shifts{};               // calendar whose working time is theirs; empty: always
  std::vector<Absence> absences{};
  friend bool operator==(const StaffMember&, const StaffMember&) = default;
};

// What somebody has on their hands.
struct StaffLoad {
  std::string principal{};
  int32_t open_count = 0;                    // cases of theirs that need work
  std::optional<Timestamp> last_given_at{};  // by whatever: the system, somebody, a claim
  friend bool operator==(const StaffLoad&, const StaffLoad&) = default;
};

// The shipped ones, which apply where a revision has none of its own.
std::vector<RoleDef> DefaultRoles();
std::vector<Priority> DefaultPriorities();

}  // namespace rebound
