// Finished requests, one table for each UTC day: their keys are random by nature, and a day's tree
// stays small; old days are dropped as a whole. Internal to the SQLite store.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/storage/sqlite_connection.h"
#include "server/storage/store.h"

namespace rebound {

// Days are numbers as DayNumber gives them.
std::vector<int64_t> RequestDays(Connection& connection);  // newest first
void CreateRequestDay(Connection& connection, int64_t day);
void DropRequestDay(Connection& connection, int64_t day);
void AddRequest(Connection& connection, int64_t day, const RequestRecord& request);
void RemoveRequest(Connection& connection, int64_t day, const Hash128& key);
std::optional<RequestRecord> FindRequest(Connection& connection, const std::vector<int64_t>& days,
                                         const Hash128& key);

}  // namespace rebound
