#include "server/access/rights.h"

#include <algorithm>

namespace rebound {
namespace {

bool Contains(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool IsWithin(std::string_view unit, const std::string& root) {
  return Scope{.org_units = {root}, .queues = {}}.CoversOrgUnit(unit);
}

bool HoldsAt(const OrgUnitGrant& grant, Timestamp now) {
  return (!grant.valid_from || *grant.valid_from <= now) &&
         (!grant.valid_until || now < *grant.valid_until);
}

}  // namespace

std::optional<Scope> ScopeAt(const User& user, Timestamp now) {
  Scope scope{.org_units = {}, .queues = user.queues};
  for (const OrgUnitGrant& grant : user.org_units) {
    if (HoldsAt(grant, now)) scope.org_units.push_back(grant.org_unit_id);
  }
  if (scope.org_units.empty() && !user.org_units.empty()) return std::nullopt;
  return scope;
}

std::optional<Scope> Intersection(const Scope& a, const Scope& b) {
  Scope both;
  if (a.org_units.empty() || b.org_units.empty()) {
    both.org_units = a.org_units.empty() ? b.org_units : a.org_units;
  } else {
    for (const std::string& unit : a.org_units) {
      if (b.CoversOrgUnit(unit)) both.org_units.push_back(unit);
    }
    for (const std::string& unit : b.org_units) {
      if (a.CoversOrgUnit(unit) && !Contains(both.org_units, unit)) both.org_units.push_back(unit);
    }
    if (both.org_units.empty()) return std::nullopt;
  }
  if (a.queues.empty() || b.queues.empty()) {
    both.queues = a.queues.empty() ? b.queues : a.queues;
  } else {
    std::copy_if(a.queues.begin(), a.queues.end(), std::back_inserter(both.queues),
                 [&](const std::string& queue) { return Contains(b.queues, queue); });
    if (both.queues.empty()) return std::nullopt;
  }
  return both;
}

Excess FindExcess(const Scope& inner, const Scope& outer) {
  if (!outer.org_units.empty()) {
    if (inner.org_units.empty()) return {"org_unit", "*"};
    for (const std::string& unit : inner.org_units) {
      if (!outer.CoversOrgUnit(unit)) return {"org_unit", unit};
    }
  }
  if (!outer.queues.empty()) {
    if (inner.queues.empty()) return {"queue", "*"};
    for (const std::string& queue : inner.queues) {
      if (!Contains(outer.queues, queue)) return {"queue", queue};
    }
  }
  return {};
}

Excess FindExcess(const std::vector<OrgUnitGrant>& inner, const std::vector<OrgUnitGrant>& outer,
                  Timestamp now) {
  if (outer.empty()) return {};
  if (inner.empty()) return {"org_unit", "*"};
  for (const OrgUnitGrant& grant : inner) {
    const bool covered = std::any_of(outer.begin(), outer.end(), [&](const OrgUnitGrant& from) {
      if (!IsWithin(grant.org_unit_id, from.org_unit_id)) return false;
      const bool begins = !from.valid_from || *from.valid_from <= now ||
                          (grant.valid_from && *from.valid_from <= *grant.valid_from);
      const bool ends =
          !from.valid_until || (grant.valid_until && *grant.valid_until <= *from.valid_until);
      return begins && ends;
    });
    if (!covered) return {"org_unit", grant.org_unit_id};
  }
  return {};
}

std::vector<OrgUnitGrant> GrantsOf(const std::vector<std::string>& org_units) {
  std::vector<OrgUnitGrant> grants;
  for (const std::string& unit : org_units) grants.push_back({.org_unit_id = unit});
  return grants;
}

}  // namespace rebound
