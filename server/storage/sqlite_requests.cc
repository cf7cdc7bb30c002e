#include "server/storage/sqlite_requests.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace rebound {
namespace {

constexpr std::string_view kPrefix = "requests_";

std::string TableOf(int64_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  char name[64];
  std::snprintf(name, sizeof(name), "requests_%04d%02u%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return name;
}

// Written once for each day, not for each request.
struct Statements {
  int64_t day = 0;
  std::string find{};
  std::string add{};
};

const Statements& StatementsOf(int64_t day) {
  thread_local std::vector<Statements> known;
  for (const Statements& statements : known) {
    if (statements.day == day) return statements;
  }
  if (known.size() > static_cast<size_t>(kRequestDays) + 1) known.clear();
  return known.emplace_back(
      Statements{day, "SELECT body, resource, at_ms FROM " + TableOf(day) + " WHERE key = ?",
                 "INSERT INTO " + TableOf(day) + " VALUES (?, ?, ?, ?)"});
}

std::optional<int64_t> DayOf(std::string_view table) {
  const std::string_view digits = table.substr(kPrefix.size());
  int number = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (code != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  const std::chrono::year_month_day date{
      std::chrono::year{number / 10000},
      std::chrono::month{static_cast<unsigned>(number / 100 % 100)},
      std::chrono::day{static_cast<unsigned>(number % 100)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date}.time_since_epoch().count();
}

}  // namespace

std::vector<int64_t> RequestDays(Connection& connection) {
  Query query(connection,
              "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'requests_*'");
  std::vector<int64_t> days;
  while (query.Step()) {
    if (const auto day = DayOf(query.Bytes(0))) days.push_back(*day);
  }
  std::sort(days.rbegin(), days.rend());
  return days;
}

void CreateRequestDay(Connection& connection, int64_t day) {
  // FindRequest: by key.
  connection.Run(("CREATE TABLE IF NOT EXISTS " + TableOf(day) +
                  " (key BLOB PRIMARY KEY, body BLOB NOT NULL, resource BLOB, at_ms BIGINT NOT "
                  "NULL) WITHOUT ROWID")
                     .c_str());
}

void DropRequestDay(Connection& connection, int64_t day) {
  // Hashes and ids only: nothing that would have to be overwritten, page by page, within one batch.
  connection.Run("PRAGMA secure_delete = OFF");
  connection.Run(("DROP TABLE IF EXISTS " + TableOf(day)).c_str());
  connection.Run("PRAGMA secure_delete = ON");
}

void AddRequest(Connection& connection, int64_t day, const RequestRecord& request) {
  Query(connection, StatementsOf(day).add)
      .BindBytes(BytesOf(request.key))
      .BindBytes(BytesOf(request.body))
      .Bind(request.resource)
      .Bind(request.at)
      .Run();
}

void RemoveRequest(Connection& connection, int64_t day, const Hash128& key) {
  Query(connection, "DELETE FROM " + TableOf(day) + " WHERE key = ?").BindBytes(BytesOf(key)).Run();
}

std::optional<RequestRecord> FindRequest(Connection& connection, const std::vector<int64_t>& days,
                                         const Hash128& key) {
  for (int64_t day : days) {
    Query query(connection, StatementsOf(day).find);
    query.BindBytes(BytesOf(key));
    if (!query.Step()) continue;
    return RequestRecord{.key = key,
                         .body = query.GetHash<16>(0),
                         .resource = query.GetId<RawId>(1),
                         .at = FromMillis(query.Int(2))};
  }
  return std::nullopt;
}

}  // namespace rebound
