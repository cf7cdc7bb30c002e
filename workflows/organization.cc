#include "workflows/organization.h"

#include <algorithm>

namespace rebound {

std::string ManagerAt(const std::vector<OrgUnit>& units, std::string_view unit, int32_t level,
                      Timestamp at) {
  std::string manager;
  for (int32_t found = -1; !unit.empty();) {
    const auto here = std::find_if(units.begin(), units.end(), [&](const OrgUnit& each) {
      return each.id == unit && (!each.from || *each.from <= at) &&
             (!each.until || at < *each.until);
    });
    if (here != units.end() && !here->manager.empty() && here->manager != manager) {
      manager = here->manager;
      if (++found == level) return manager;
    }
    const size_t slash = unit.rfind('/');
    unit = slash == std::string_view::npos ? std::string_view{} : unit.substr(0, slash);
  }
  return {};
}

std::vector<RoleDef> DefaultRoles() {
  return {{"admin", "Administrator", "管理员", "admin", {}},
          {"manager", "Manager", "主管", "manager", {}},
          {"supervisor", "Supervisor", "督办人", "supervisor", {}},
          {"dispatcher", "Dispatcher", "派单员", "agent", {}},
          {"verifier", "Verifier", "回访员", "agent", {}},
          {"agent", "Agent", "处理人", "agent", {}},
          {"integration", "Integration", "系统集成", "integration", {}},
          {"viewer", "Viewer", "查看者", "viewer", {}}};
}

std::vector<Priority> DefaultPriorities() {
  const auto at_least = [](int64_t severity) {
    return Compare(FieldId::kSeverity, Op::kGreaterOrEqual, severity);
  };
  return {{"urgent", "Urgent", "紧急", at_least(5)},
          {"high", "High", "高", at_least(4)},
          {"normal", "Normal", "普通", at_least(3)},
          {"low", "Low", "低", All({})}};
}

}  // namespace rebound
