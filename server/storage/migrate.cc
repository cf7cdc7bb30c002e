#include "server/storage/migrate.h"

#include <string_view>
#include <utility>
#include <vector>

#include "server/storage/codec.h"
#include "server/storage/migrations.h"
#include "server/storage/sqlite_connection.h"

namespace rebound {
namespace {

constexpr int64_t kApplicationId = 0x52424E44;  // "RBND"

// The keys are in the bodies, which SQL cannot read.
void FillCaseKeys(Connection& connection) {
  std::vector<std::pair<int64_t, ExternalKey>> keys;
  Query cases(connection, "SELECT number, body FROM cases");
  while (cases.Step()) {
    const auto c = DecodeCase(cases.Bytes(1));
    if (!c) throw StoreFailure("case " + std::to_string(cases.Int(0)) + " cannot be read");
    if (!c->details.external_key.empty()) keys.emplace_back(c->number, c->details.external_key);
  }
  for (const auto& [number, key] : keys) {
    Query update(connection,
                 "UPDATE cases SET source_system = ?, external_id = ? WHERE number = ?");
    update.Bind(key.source_system).Bind(key.external_id).Bind(number).Run();
  }
}

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
      const Migration& migration = kSqliteMigrations[static_cast<size_t>(version)];
      connection.Run(std::string(migration.sql).c_str());
      if (migration.name == "0003_case_keys") FillCaseKeys(connection);
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
