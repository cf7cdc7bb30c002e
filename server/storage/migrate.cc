#include "server/storage/migrate.h"

#include "server/storage/migrations.h"
#include "server/storage/sqlite_connection.h"

namespace rebound {
namespace {

constexpr int64_t kApplicationId = 0x52424E44;  // "RBND"

}  // namespace

int32_t LatestSchema() { return static_cast<int32_t>(kSqliteMigrations.size()); }

int32_t CheckSchema(Connection& connection, const std::string& path) {
  const int64_t application = connection.GetInteger("PRAGMA application_id");
  const int64_t version = connection.GetInteger("PRAGMA user_version");
  const bool empty = connection.GetInteger("SELECT COUNT(*) FROM sqlite_master") == 0;
  if (empty && application == 0 && version == 0) return 0;
  if (application != kApplicationId) {
    throw StoreFailure("expected a Rebound database, but " + path +
                       " belongs to another application (application_id " +
                       std::to_string(application) + ")");
  }
  if (version > LatestSchema()) {
    throw StoreFailure("expected schema version " + std::to_string(LatestSchema()) +
                       " or older, but " + path + " has version " + std::to_string(version) +
                       ": it was written by a newer program");
  }
  return static_cast<int32_t>(version);
}

void Migrate(Connection& connection, const std::string& path) {
  while (true) {
    connection.Run("BEGIN IMMEDIATE");
    try {
      const int32_t version = CheckSchema(connection, path);
      if (version == LatestSchema()) {
        connection.Run("ROLLBACK");
        return;
      }
      connection.Run(std::string(kSqliteMigrations[static_cast<size_t>(version)].sql).c_str());
      connection.Run(("PRAGMA application_id = " + std::to_string(kApplicationId) +
                      "; PRAGMA user_version = " + std::to_string(version + 1))
                         .c_str());
      connection.Run("COMMIT");
    } catch (...) {
      connection.TryRun("ROLLBACK");
      throw;
    }
  }
}

}  // namespace rebound
