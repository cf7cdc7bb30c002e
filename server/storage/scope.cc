#include <algorithm>

#include "server/storage/store.h"

namespace rebound {
namespace {

bool IsAtOrBelow(std::string_view unit, std::string_view root) {
  return !root.empty() && unit.starts_with(root) &&
         (unit.size() == root.size() || unit[root.size()] == '/');
}

}  // namespace

bool Scope::Covers(std::string_view org_unit, std::string_view queue) const {
  if (!CoversOrgUnit(org_unit)) return false;
  return queues.empty() ||
         (!queue.empty() && std::find(queues.begin(), queues.end(), queue) != queues.end());
}

bool Scope::CoversOrgUnit(std::string_view org_unit) const {
  return org_units.empty() ||
         std::any_of(org_units.begin(), org_units.end(),
                     [&](const std::string& root) { return IsAtOrBelow(org_unit, root); });
}

}  // namespace rebound
