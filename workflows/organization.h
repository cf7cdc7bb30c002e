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
  std::string base{};  // admin, manager, agent, integration or viewer
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

// The shipped ones, which apply where a revision has none of its own.
std::vector<RoleDef> DefaultRoles();
std::vector<Priority> DefaultPriorities();

}  // namespace rebound
