// What a user has at a time, and whether one has more than another. Pure; thread-safe.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "server/storage/access_records.h"

namespace rebound {

// What the user sees at `now`. nullopt: nothing, because each of their org units is theirs at other
// times only. (An empty Scope would mean everything.)
std::optional<Scope> ScopeAt(const User& user, Timestamp now);

// What lies in both; nullopt: nothing.
std::optional<Scope> Intersection(const Scope& a, const Scope& b);

// What of `inner` goes beyond `outer`.
struct Excess {
  std::string_view what{};   // "org_unit" or "queue"; empty: nothing does
  std::string_view value{};  // of `inner`; "*" when it does not restrict and `outer` does
  explicit operator bool() const { return !what.empty(); }
};
// REQUIRES: the arguments outlive the result.
Excess FindExcess(const Scope& inner, const Scope& outer);
// Likewise, for each at its own times; what `outer` had begun by `now` counts as begun.
Excess FindExcess(const std::vector<OrgUnitGrant>& inner, const std::vector<OrgUnitGrant>& outer,
                  Timestamp now);

// Without bounds in time.
std::vector<OrgUnitGrant> GrantsOf(const std::vector<std::string>& org_units);

}  // namespace rebound
