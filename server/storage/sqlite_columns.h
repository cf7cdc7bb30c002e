// Which columns the rows of cases, responses, customers and blacklist entries have beside their
// body, and how filters and access scopes read as conditions over them. Internal to the SQLite
// store. Thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/storage/sqlite_connection.h"
#include "server/storage/store.h"
#include "workflows/predicate.h"

namespace rebound {

// A column that is a function of the row. Filter columns hold exactly what ReadField gives, with
// NULL for what is not set, so that SQL's comparisons and Evaluate's cannot differ.
template <typename Row>
struct Column {
  std::string_view name;
  SqlValue (*read)(const Row&);
};

// In the order of their table; `number` and `id` first, `body` not among them.
// No table has more; sqlite_columns.cc asserts it.
inline constexpr size_t kMostColumns = 48;

std::span<const Column<Case>> CaseColumns();
std::span<const Column<Response>> ResponseColumns();
std::span<const Column<Customer>> CustomerColumns();
std::span<const Column<BlacklistEntry>> EntryColumns();

// A condition and the parameters in it.
struct Condition {
  std::string sql{};
  std::vector<SqlValue> values{};

  void And(std::string_view more) { (sql += sql.empty() ? "" : " AND ") += more; }
};

// Adds what makes exactly those rows match of which Evaluate(filter, ReadField) holds.
// REQUIRES: Check(filter, use) passed; use is kCaseFilter, kResponseFilter or kCustomerFilter.
void AndFilter(const Predicate& filter, Use use, Condition& condition);
// The same for Scope::Covers, and for CoversOrgUnit.
void AndScope(const Scope& scope, Condition& condition);
void AndOrgUnits(const Scope& scope, Condition& condition);

// NULL unless the case holds the one open slot of its customer and program.
SqlValue DedupeSlot(const Case& c);

}  // namespace rebound
