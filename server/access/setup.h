// The first administrator.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/storage/access_records.h"
#include "workflows/organization.h"

namespace rebound {

inline constexpr Duration kSetupLifetime = std::chrono::hours(24);

// Whether the user has the permissions of an administrator, without limits.
bool IsAdmin(const User& user, std::span<const RoleDef> roles);

// Whether such a user, other than `except`, is enabled and has a password.
bool HasAdminUser(AccessRecords& records, std::span<const RoleDef> roles,
                  std::string_view except = {});

// The same, or an enabled principal of that kind: somebody can let others in.
bool HasAdmin(AccessRecords& records, std::span<const RoleDef> roles);

// When there is no administrator: a token for SetUpAdmin, in place of any that was made before.
// nullopt: there is one. Throws StoreFailure.
std::optional<std::string> MakeSetupToken(Store& store, std::span<const RoleDef> roles,
                                          Timestamp now);

}  // namespace rebound
