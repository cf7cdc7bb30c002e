// Which role may call which method: one table. Pure; thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rebound {

// admin, manager, agent, integration, viewer.
std::span<const std::string_view> Roles();
bool IsRole(std::string_view name);

// Whether `role` may call `method`, a full name such as "rebound.v1.CaseService/CloseCase" (a slash
// in front is allowed, as gRPC writes it). False for an unknown role or method.
bool Allowed(std::string_view role, std::string_view method);

// Every method in the table, by full name.
std::vector<std::string> PolicyMethods();

// What the table lacks of `services` (full names; those outside rebound.v1 need no role): methods
// without a row, and services that no generated descriptor knows. The server does not start unless
// this is empty.
std::vector<std::string> MissingMethods(std::span<const std::string> services);

}  // namespace rebound
