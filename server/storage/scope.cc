#include <algorithm>

#include "server/storage/store.h"

namespace rebound {
namespace {

bool IsAtOrBelow(std::string_view unit, std::string_view root) {
  return !root.empty() && unit.starts_with(root) &&
         (unit.size() == root.size() || unit[root.size()] == '/');
}

bool IsOwnStep(const Scope& scope, const Predicate& filter) {
  const Comparison& comparison = filter.comparison;
  if (filter.kind != Predicate::Kind::kComparison || comparison.field != FieldId::kStepQueue ||
      comparison.op != Op::kEqual) {
    return false;
  }
  const auto& queue = std::get<std::string>(comparison.value);
  return std::find(scope.queues.begin(), scope.queues.end(), queue) != scope.queues.end();
}

}  // namespace

bool CoversStep(const Scope& scope, const Case& c) {
  const CaseStep* step = ActiveStep(c);
  return step != nullptr && !step->queue_id.empty() &&
         scope.Covers(c.details.org_unit_id, step->queue_id);
}

bool AsksOwnSteps(const Scope& scope, const Predicate& filter) {
  if (filter.kind != Predicate::Kind::kAll) return IsOwnStep(scope, filter);
  return std::any_of(filter.children.begin(), filter.children.end(),
                     [&](const Predicate& child) { return IsOwnStep(scope, child); });
}

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
