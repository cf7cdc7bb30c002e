#pragma once

#include <span>
#include <string_view>

namespace rebound {

// One numbered, forward-only change of the schema.
struct Migration {
  std::string_view name;  // The file's name without its ending: "0001_initial".
  std::string_view sql;   // The file's whole text, several statements.
};

// server/storage/migrations/sqlite/*.sql, sorted by name, compiled in. Constant after start-up,
// usable from any thread and from static initialisers.
extern const std::span<const Migration> kSqliteMigrations;

}  // namespace rebound
