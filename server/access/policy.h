// Which role may call which method: one table. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/organization.h"

namespace rebound {

// admin, manager, supervisor, agent, integration, viewer.
std::span<const std::string_view> Roles();
bool IsRole(std::string_view name);

// The built-in role whose permissions `role` has: itself, whatever the configuration says, so that
// none can lock the operator out; else that of the configured role with this key. Of "supervisor"
// the configuration says which, because revisions from before it was built in do. Empty: unknown.
// The result lives as long as its arguments.
std::string_view BaseOf(std::string_view role, std::span<const RoleDef> roles);

// Whether the built-in `role` may call `method`, a full name such as
// "rebound.v1.CaseService/CloseCase" (a slash in front is allowed, as gRPC writes it). False for an
// unknown role or method.
bool Allowed(std::string_view role, std::string_view method);

// Whether contact data (fields marked rebound.v1.mask) stands in clear in the answers of `method`
// to `role`: as the configuration says of the role, built-in ones too; else for those whose base is
// integration, the systems that it comes from. For every role in the methods that are for just
// that: UnmaskContact, which is on record, and ExportCustomer, by which a person is told what is
// held on them. An unknown role does not see it.
bool SeesContact(std::string_view role, std::span<const RoleDef> roles, std::string_view method);

// What a call of `method` takes of the caller's limits (rate_limiter.h), in units: 1 for a read, 2
// for a change, 10 for reports, exports, imports and batches. 2 for an unknown one.
int64_t CostOf(std::string_view method);
// Whether everything that the built-in role `other` may call, `role` may call too. False for
// unknown ones.
bool Includes(std::string_view role, std::string_view other);

// The methods that need no identity, and look at none. Every other one is closed to strangers.
bool OpenToStrangers(std::string_view method);

// Whether an API key may call it at all: keys do not manage identities.
bool OpenToKeys(std::string_view method);

// Every method in the table, by full name.
std::vector<std::string> PolicyMethods();

// What the table lacks of `services` (full names; those outside rebound.v1 need no role): methods
// without a row, and services that no generated descriptor knows. The server does not start unless
// this is empty.
std::vector<std::string> MissingMethods(std::span<const std::string> services);

}  // namespace rebound
