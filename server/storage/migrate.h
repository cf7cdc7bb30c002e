// Brings a SQLite file to the schema of this program.
#pragma once

#include <cstdint>
#include <string>

namespace rebound {

class Connection;

// How many migrations there are: the schema version that this program reads and writes.
int32_t LatestSchema();

// The file's schema version; 0 for a file without tables. Throws StoreFailure when the file is
// another application's, or when its schema is newer than this program's.
int32_t CheckSchema(Connection& connection, const std::string& path);

// Applies the missing migrations in order, each in one transaction with its version number, so that
// a crash leaves the schema before or after it. Throws StoreFailure as CheckSchema does.
void Migrate(Connection& connection, const std::string& path);

}  // namespace rebound
