#include "server/storage/sqlite_reader.h"

#include <algorithm>

#include "server/storage/codec.h"
#include "server/storage/sqlite_columns.h"
#include "server/storage/sqlite_requests.h"

namespace rebound {
namespace {

constexpr int64_t kNeverDueMillis = std::numeric_limits<int64_t>::max();

template <typename T>
T Undamaged(std::optional<T> decoded, const char* what) {
  if (!decoded) throw StoreFailure(std::string("damaged bytes in table ") + what);
  return *std::move(decoded);
}

template <typename Row>
Row Decode(std::string_view bytes, const FindPersonKey& find) {
  if constexpr (std::is_same_v<Row, Case>) {
    return Undamaged(DecodeCase(bytes, find), "cases");
  } else if constexpr (std::is_same_v<Row, Response>) {
    return Undamaged(DecodeResponse(bytes, find), "responses");
  } else if constexpr (std::is_same_v<Row, Customer>) {
    return Undamaged(DecodeCustomer(bytes, find), "customers");
  } else {
    return Undamaged(DecodeEntry(bytes, find), "blacklist_entries");
  }
}

// The body is the first column.
template <typename Row>
std::optional<Row> First(Query& query, const FindPersonKey& find) {
  if (!query.Step()) return std::nullopt;
  return Decode<Row>(query.Bytes(0), find);
}

template <typename Row>
std::vector<Row> All(Query& query, const FindPersonKey& find) {
  std::vector<Row> rows;
  while (query.Step()) rows.push_back(Decode<Row>(query.Bytes(0), find));
  return rows;
}

void BindAll(Query& query, const Condition& condition) {
  for (const SqlValue& value : condition.values) query.Bind(value);
}

std::string Where(const Condition& condition) {
  return condition.sql.empty() ? "" : " WHERE " + condition.sql;
}

constexpr const char* kEventColumns =
    "SELECT sequence, customer_id, response_id, case_id, type, occurred_ms, recorded_ms, actor, "
    "org_unit_id, queue_id, status, phase, schema_version, prev_hash, hash, body, entry_id "
    "FROM events ";

// All but its body.
Event ReadEnvelope(const Query& query) {
  return {.sequence = query.Int(0),
          .customer_id = query.GetId<CustomerId>(1),
          .response_id = query.GetId<ResponseId>(2),
          .case_id = query.GetId<CaseId>(3),
          .entry_id = query.GetId<BlacklistEntryId>(16),
          .occurred_at = FromMillis(query.Int(5)),
          .recorded_at = FromMillis(query.Int(6)),
          .actor = query.Text(7),
          .org_unit_id = query.Text(8),
          .queue_id = query.Text(9),
          .status = query.Text(10),
          .phase = static_cast<Phase>(query.Int(11))};
}

void ReadBody(const Query& query, std::vector<std::pair<TextId, Commitment32>>* commitments,
              const FindPersonKey& find, Event& event) {
  auto body = DecodeBody(query.Bytes(4), query.Bytes(15), commitments, find);
  if (!body) throw StoreFailure("damaged bytes in event " + std::to_string(event.sequence));
  event.body = *std::move(body);
}

Event ReadEvent(const Query& query, std::vector<std::pair<TextId, Commitment32>>* commitments,
                const FindPersonKey& find) {
  Event event = ReadEnvelope(query);
  ReadBody(query, commitments, find, event);
  return event;
}

constexpr const char* kAuditColumns =
    "SELECT sequence, at_ms, kind, principal, role, method, outcome, reason, subject_type, "
    "subject_id, request_key, address, count, detail, prev_hash, hash FROM audit";

// Verify has to name a row that was tampered with, so damage is no failure: what cannot be right
// reads as something else than what was hashed; so does a value of another type, which no list
// finds.
template <size_t N>
std::array<uint8_t, N> AuditBytes(const Query& query, int column) {
  std::array<uint8_t, N> bytes{};
  const bool is_blob = std::holds_alternative<Blob>(query.Get(column));
  const std::string_view stored = query.Bytes(column);
  if (is_blob && stored.size() == N) {
    std::copy(stored.begin(), stored.end(), bytes.begin());
  } else if (!stored.empty()) {
    bytes.fill(0xFF);
  }
  return bytes;
}

std::string AuditText(const Query& query, int column) {
  const bool is_text = std::holds_alternative<std::string>(query.Get(column));
  return is_text ? query.Text(column) : query.Text(column) + '\xFF';
}

int64_t AuditInt(const Query& query, int column) {
  const SqlValue value = query.Get(column);
  const auto* number = std::get_if<int64_t>(&value);
  return number == nullptr ? -1 : *number;
}

AuditEntry ReadAudit(const Query& query) {
  AuditEntry entry;
  entry.sequence = query.Int(0);
  entry.at = FromMillis(AuditInt(query, 1));
  const int64_t kind = AuditInt(query, 2);
  if (kind > 0 && kind <= static_cast<int64_t>(AuditKind::kOperator)) {
    entry.kind = static_cast<AuditKind>(kind);
  }
  entry.principal = AuditText(query, 3);
  entry.role = AuditText(query, 4);
  entry.method = AuditText(query, 5);
  entry.outcome = AuditText(query, 6);
  entry.reason = AuditText(query, 7);
  entry.subject_type = AuditText(query, 8);
  entry.subject = AuditBytes<16>(query, 9);
  entry.request_key = AuditBytes<16>(query, 10);
  entry.address = AuditText(query, 11);
  entry.count = AuditInt(query, 12);
  entry.detail = AuditText(query, 13);
  entry.prev_hash = AuditBytes<32>(query, 14);
  entry.hash = AuditBytes<32>(query, 15);
  return entry;
}

Category CategoryOf(std::string_view word) {
  if (word == "detractor") return Category::kDetractor;
  if (word == "passive") return Category::kPassive;
  if (word == "promoter") return Category::kPromoter;
  return Category::kUnset;
}

// Every column must be what the row's body makes it.
template <typename Row>
void CheckColumns(Connection& connection, const std::string& table,
                  std::span<const Column<Row>> columns, const FindPersonKey& find,
                  const std::function<void(std::string)>& visit) {
  std::string names;
  for (const Column<Row>& column : columns) (names += ", ") += column.name;
  Query query(connection, "SELECT body" + names + " FROM " + table);
  while (query.Step()) {
    const Row row = Decode<Row>(query.Bytes(0), find);
    for (int i = 0; const Column<Row>& column : columns) {
      if (query.Get(++i) == column.read(row)) continue;
      visit(table + " " + ToString(row.id) + ": column " + std::string(column.name) +
            " differs from the row");
    }
  }
}

Hash128 MarkOf(const Hash256& hash) {
  Hash128 mark;
  std::copy_n(hash.begin(), mark.size(), mark.begin());
  return mark;
}

// Each entry that has not ended must be there, in brief, and no other.
void CheckOpenEntries(Connection& connection, const std::function<void(std::string)>& visit) {
  int64_t open = 0;
  Query query(connection,
              "SELECT entry.body, brief FROM blacklist_entries entry LEFT JOIN open_entries open "
              "ON open.customer_id = entry.customer_id AND open.number = entry.number");
  while (query.Step()) {
    const auto entry = Decode<BlacklistEntry>(query.Bytes(0), {});
    const bool is_open = !IsFinal(entry.state);
    open += is_open ? 1 : 0;
    const std::string expected = is_open ? Encode(Brief(entry)) : std::string();
    if (query.Bytes(1) == expected) continue;
    visit("open_entries: " + EntryNumberText(entry.number) + " differs from the entry");
  }
  const int64_t rows = connection.GetInteger("SELECT COUNT(*) FROM open_entries");
  if (rows != open) {
    visit("open_entries: expected " + std::to_string(open) + " rows, but there are " +
          std::to_string(rows));
  }
}

// Exactly the first pending delivery of each key must be marked as due.
void CheckDeliveryHeads(Connection& connection, const std::function<void(std::string)>& visit) {
  Query query(connection,
              "SELECT id FROM deliveries d WHERE due_ms IS NOT (CASE WHEN state = 1 AND NOT EXISTS "
              "(SELECT 1 FROM deliveries e WHERE e.endpoint_id = d.endpoint_id AND e.order_key = "
              "d.order_key AND e.state = 1 AND e.sequence < d.sequence) THEN next_try_ms END)");
  while (query.Step()) {
    visit("delivery " + ToString(query.GetId<RawId>(0)) +
          ": it is not due when its state and its neighbours say");
  }
}

template <Exclusion exclusion>
int64_t& Excluded(Counts& counts) {
  return counts.excluded[static_cast<int>(exclusion)];
}

constexpr CountColumn kCountColumns[] = {
    {"promoters", [](Counts& c) -> int64_t& { return c.promoters; }},
    {"passives", [](Counts& c) -> int64_t& { return c.passives; }},
    {"detractors", [](Counts& c) -> int64_t& { return c.detractors; }},
    {"anonymous", [](Counts& c) -> int64_t& { return c.anonymous; }},
    {"anonymous_detractors", [](Counts& c) -> int64_t& { return c.anonymous_detractors; }},
    {"opened", [](Counts& c) -> int64_t& { return c.opened; }},
    {"no_known_customer", Excluded<Exclusion::kNoKnownCustomer>},
    {"not_from_response", Excluded<Exclusion::kNotFromResponse>},
    {"merged", Excluded<Exclusion::kMerged>},
    {"invalid", Excluded<Exclusion::kInvalid>},
    {"mis_scored", Excluded<Exclusion::kMisScored>},
    {"open", [](Counts& c) -> int64_t& { return c.open; }},
    {"eligible", [](Counts& c) -> int64_t& { return c.eligible; }},
    {"contacted", [](Counts& c) -> int64_t& { return c.contacted; }},
    {"remedied", [](Counts& c) -> int64_t& { return c.remedied; }},
    {"asked", [](Counts& c) -> int64_t& { return c.asked; }},
    {"answered", [](Counts& c) -> int64_t& { return c.answered; }},
    {"recovered_first", [](Counts& c) -> int64_t& { return c.recovered_first; }},
    {"converted_first", [](Counts& c) -> int64_t& { return c.converted_first; }},
    {"recovered_ever", [](Counts& c) -> int64_t& { return c.recovered_ever; }},
    {"converted_ever", [](Counts& c) -> int64_t& { return c.converted_ever; }},
};
// All of them but excluded[kNone], which stays 0.
static_assert(std::size(kCountColumns) == sizeof(Counts) / sizeof(int64_t) - 1);

}  // namespace

std::span<const CountColumn> CountColumns() { return kCountColumns; }

template <typename Base>
std::optional<Customer> SqliteReads<Base>::GetCustomer(const CustomerId& id) {
  Query query(connection_, "SELECT body FROM customers WHERE id = ?");
  query.Bind(id);
  return First<Customer>(query, find_key_);
}

template <typename Base>
std::optional<Customer> SqliteReads<Base>::FindCustomer(const ExternalKey& key) {
  Query query(connection_,
              "SELECT body FROM customer_keys JOIN customers ON id = customer_id "
              "WHERE source_system = ? AND external_id = ?");
  query.Bind(key.source_system).Bind(key.external_id);
  return First<Customer>(query, find_key_);
}

template <typename Base>
std::optional<Response> SqliteReads<Base>::GetResponse(const ResponseId& id) {
  Query query(connection_, "SELECT body FROM responses WHERE id = ?");
  query.Bind(id);
  return First<Response>(query, find_key_);
}

template <typename Base>
std::optional<Response> SqliteReads<Base>::FindResponse(const ExternalKey& key) {
  Query query(connection_,
              "SELECT body FROM responses WHERE source_system = ? AND external_id = ?");
  query.Bind(key.source_system).Bind(key.external_id);
  return First<Response>(query, find_key_);
}

template <typename Base>
std::optional<Case> SqliteReads<Base>::GetCase(const CaseId& id) {
  Query query(connection_, "SELECT body FROM cases WHERE id = ?");
  query.Bind(id);
  return First<Case>(query, find_key_);
}

template <typename Base>
std::optional<Case> SqliteReads<Base>::GetCaseByNumber(int64_t number) {
  Query query(connection_, "SELECT body FROM cases WHERE number = ?");
  query.Bind(number);
  return First<Case>(query, find_key_);
}

template <typename Base>
std::optional<Case> SqliteReads<Base>::FindCase(const ExternalKey& key) {
  Query query(connection_,
              "SELECT body FROM cases WHERE source_system = ? AND external_id = ? "
              "ORDER BY number LIMIT 1");
  query.Bind(key.source_system).Bind(key.external_id);
  return First<Case>(query, find_key_);
}

template <typename Base>
std::optional<Case> SqliteReads<Base>::FindCaseByInvitation(const InvitationId& id) {
  Query query(connection_, "SELECT body FROM cases WHERE invitation_id = ?");
  query.Bind(id);
  return First<Case>(query, find_key_);
}

template <typename Base>
std::vector<Case> SqliteReads<Base>::CasesOf(const CustomerId& customer,
                                             std::string_view program_id) {
  const std::string program(program_id);
  Query query(connection_,
              "SELECT body FROM cases WHERE customer_id = ? AND program_id = ? "
              "ORDER BY opened_ms, number");
  query.Bind(customer).Bind(program);
  return All<Case>(query, find_key_);
}

template <typename Base>
std::vector<Case> SqliteReads<Base>::CasesOf(const CustomerId& customer) {
  Query query(connection_,
              "SELECT body FROM cases WHERE customer_id = ? ORDER BY opened_ms, number");
  query.Bind(customer);
  return All<Case>(query, find_key_);
}

template <typename Base>
std::vector<Response> SqliteReads<Base>::ResponsesOf(const CustomerId& customer,
                                                     std::string_view program_id) {
  const std::string program(program_id);
  Query query(connection_,
              "SELECT body FROM responses WHERE customer_id = ? AND program_id = ? "
              "ORDER BY occurred_ms, id");
  query.Bind(customer).Bind(program);
  return All<Response>(query, find_key_);
}

template <typename Base>
std::vector<Response> SqliteReads<Base>::ResponsesOf(const CustomerId& customer) {
  Query query(connection_,
              "SELECT body FROM responses WHERE customer_id = ? ORDER BY occurred_ms, id");
  query.Bind(customer);
  return All<Response>(query, find_key_);
}

template <typename Base>
std::vector<CustomerId> SqliteReads<Base>::AliasesOf(const CustomerId& customer) {
  Query query(connection_, "SELECT id FROM customers WHERE alias_of = ? ORDER BY id");
  query.Bind(customer);
  std::vector<CustomerId> ids;
  while (query.Step()) ids.push_back(query.GetId<CustomerId>(0));
  return ids;
}

template <typename Base>
std::vector<CustomerId> SqliteReads<Base>::CustomersBy(const Hash128& identity) {
  Query query(connection_,
              "SELECT customer_id FROM customer_identities WHERE hash = ? ORDER BY customer_id");
  query.BindBytes(BytesOf(identity));
  std::vector<CustomerId> ids;
  while (query.Step()) ids.push_back(query.GetId<CustomerId>(0));
  return ids;
}

template <typename Base>
std::vector<CustomerId> SqliteReads<Base>::ErasedCustomers(bool unfinished_only) {
  Query query(connection_, std::string("SELECT id FROM customers INDEXED BY customers_erased "
                                       "WHERE erased_ms IS NOT NULL") +
                               (unfinished_only ? " AND scrubbed_ms IS NULL" : "") +
                               " ORDER BY id");
  std::vector<CustomerId> ids;
  while (query.Step()) ids.push_back(query.GetId<CustomerId>(0));
  return ids;
}

template <typename Base>
std::vector<Suppression> SqliteReads<Base>::SuppressionsOf(const std::vector<Hash256>& hashes,
                                                           Timestamp now) {
  std::vector<Suppression> found;
  for (const Hash256& hash : hashes) {
    Query query(connection_,
                "SELECT body FROM suppressions WHERE hash = ? AND expires_ms > ? ORDER BY body");
    query.BindBytes(BytesOf(hash)).Bind(now);
    while (query.Step()) {
      Suppression kept = Undamaged(DecodeSuppression(query.Bytes(0)), "suppressions");
      if (std::find(found.begin(), found.end(), kept) == found.end()) {
        found.push_back(std::move(kept));
      }
    }
  }
  return found;
}

template <typename Base>
void SqliteReads<Base>::ScanSuppressions(
    const std::function<void(const StoredSuppression&)>& visit) {
  Query query(connection_, "SELECT hash, body FROM suppressions ORDER BY hash, body");
  while (query.Step()) {
    visit({query.GetHash<32>(0), Undamaged(DecodeSuppression(query.Bytes(1)), "suppressions")});
  }
}

template <typename Base>
std::optional<PersonKey> SqliteReads<Base>::KeyOf(const CustomerId& customer) {
  Query query(connection_, "SELECT secret FROM person_keys WHERE customer_id = ?");
  query.Bind(customer);
  if (!query.Step()) return std::nullopt;
  return PersonKey{customer, query.GetHash<32>(0)};
}

template <typename Base>
std::optional<BlacklistEntry> SqliteReads<Base>::GetEntry(const BlacklistEntryId& id) {
  Query query(connection_, "SELECT body FROM blacklist_entries WHERE id = ?");
  query.Bind(id);
  return First<BlacklistEntry>(query, find_key_);
}

template <typename Base>
std::optional<BlacklistEntry> SqliteReads<Base>::GetEntryByNumber(int64_t number) {
  Query query(connection_, "SELECT body FROM blacklist_entries WHERE number = ?");
  query.Bind(number);
  return First<BlacklistEntry>(query, find_key_);
}

template <typename Base>
std::vector<BlacklistEntry> SqliteReads<Base>::EntriesOf(const CustomerId& customer) {
  Query query(connection_,
              "SELECT body FROM blacklist_entries WHERE customer_id = ? ORDER BY number");
  query.Bind(customer);
  return All<BlacklistEntry>(query, find_key_);
}

template <typename Base>
OpenEntries SqliteReads<Base>::OpenEntriesOf(const CustomerId& customer) {
  // One statement: most customers have neither, and then running a statement is what it costs. A
  // recursive one would find aliases of aliases as well, but its tables cost more than the
  // look-ups.
  Query query(connection_,
              "SELECT brief, NULL FROM open_entries WHERE customer_id = ?1 "
              "UNION ALL SELECT NULL, id FROM customers WHERE alias_of = ?1");
  query.Bind(customer);
  OpenEntries open;
  while (query.Step()) {
    if (query.IsNull(0)) {
      open.aliases.push_back(query.GetId<CustomerId>(1));
    } else {
      open.entries.push_back(Decode<BlacklistEntry>(query.Bytes(0), find_key_));
    }
  }
  // ORDER BY over both halves would have SQLite merge them row by row.
  std::sort(open.entries.begin(), open.entries.end(),
            [](const BlacklistEntry& a, const BlacklistEntry& b) { return a.number < b.number; });
  std::sort(open.aliases.begin(), open.aliases.end());
  return open;
}

// The indexes have the order within a queue: one that of promises which are near, and first, the
// other that of the rest. With every queue in question, each one's best is taken and the best of
// these: queues are few, cases are not.
template <typename Base>
std::optional<Case> SqliteReads<Base>::BestToClaim(
    std::string_view queue_id, const Scope& scope, Timestamp now,
    const std::function<bool(std::string_view)>& from,
    const std::function<bool(const Case&)>& may) {
  Condition visible;
  AndOrgUnits(scope, visible);
  const std::string in_scope = visible.sql.empty() ? "" : " AND " + visible.sql;
  const int64_t near = ToMillis(now + kPromiseIsNear);
  std::optional<Case> best;
  // True when nothing that comes later in the queue can be better.
  const auto walk = [&](const std::optional<std::string>& queue, bool promised) {
    Query query(connection_,
                std::string("SELECT body FROM cases INDEXED BY ") +
                    (promised ? "cases_promise" : "cases_claim") +
                    " WHERE claimable = 1 AND queue_id " + (queue ? "= ?" : "IS NULL") +
                    (promised ? " AND commitment_ms IS NOT NULL AND commitment_ms <= ?"
                              : " AND (commitment_ms IS NULL OR commitment_ms > ?)") +
                    in_scope + " ORDER BY " + (promised ? "commitment_ms, " : "") +
                    "priority_rank, severity DESC, COALESCE(value_at_risk, 0) DESC, breach_sort, "
                    "number");
    if (queue) query.Bind(*queue);
    query.Bind(near);
    BindAll(query, visible);
    while (std::optional<Case> found = First<Case>(query, find_key_)) {
      if (best && ClaimOrder(*best, now) < ClaimOrder(*found, now)) return true;
      if (!may(*found)) continue;
      best = std::move(found);
      return true;
    }
    return false;
  };
  const auto consider = [&](const std::optional<std::string>& queue) {
    if (!from(queue ? std::string_view(*queue) : std::string_view())) return;
    if (!walk(queue, true)) walk(queue, false);
  };
  const auto allowed = [&](const std::string& queue) {
    return scope.queues.empty() ||
           std::find(scope.queues.begin(), scope.queues.end(), queue) != scope.queues.end();
  };
  if (!queue_id.empty()) {
    const std::string queue(queue_id);
    if (allowed(queue)) consider(queue);
    return best;
  }
  if (!scope.queues.empty()) {
    for (const std::string& queue : scope.queues) consider(queue);
    return best;
  }
  consider(std::nullopt);
  std::string last;
  while (true) {
    Query next(connection_,
               "SELECT queue_id FROM cases INDEXED BY cases_claim "
               "WHERE claimable = 1 AND queue_id > ? ORDER BY queue_id LIMIT 1");
    next.Bind(last);
    if (!next.Step()) return best;
    std::string queue = next.Text(0);
    consider(queue);
    last = std::move(queue);
  }
}

template <typename Base>
StaffLoad SqliteReads<Base>::LoadOf(std::string_view principal) {
  StaffLoad load{std::string(principal), 0, std::nullopt};
  if (principal.empty()) return load;
  Query count(
      connection_,
      "SELECT COUNT(*) FROM cases INDEXED BY cases_load WHERE owner = ? AND needs_work = 1");
  count.Bind(load.principal);
  if (count.Step()) load.open_count = static_cast<int32_t>(count.Int(0));
  Query last(connection_, "SELECT given_ms FROM staff_given WHERE principal = ?");
  last.Bind(load.principal);
  if (last.Step()) load.last_given_at = FromMillis(last.Int(0));
  return load;
}

template <typename Base>
void SqliteReads<Base>::ScanGiven(const std::function<void(const std::string&, Timestamp)>& visit) {
  Query query(connection_, "SELECT principal, given_ms FROM staff_given ORDER BY principal");
  while (query.Step()) visit(query.Text(0), FromMillis(query.Int(1)));
}

template <typename Base>
std::vector<Case> SqliteReads<Base>::ListCases(const CaseQuery& query) {
  Condition condition;
  AndFilter(query.filter, Use::kCaseFilter, condition);
  if (AsksOwnSteps(query.scope, query.filter)) {
    AndOrgUnits(query.scope, condition);
  } else {
    AndScope(query.scope, condition);
  }
  const bool by_due = query.order == CaseOrder::kNextDue;
  const bool descending = query.order == CaseOrder::kOpenedDescending;
  const std::string key = by_due ? "due_sort" : "opened_ms";
  const std::string direction = descending ? " DESC" : "";
  if (query.after) {
    condition.And("(" + key + ", number) " + (descending ? "<" : ">") + " (?, ?)");
    condition.values.emplace_back(query.after->first);
    condition.values.emplace_back(query.after->second);
  }
  Query sql(connection_, "SELECT body FROM cases" + Where(condition) + " ORDER BY " + key +
                             direction + ", number" + direction + " LIMIT ?");
  BindAll(sql, condition);
  sql.Bind(int64_t{query.limit});
  return All<Case>(sql, find_key_);
}

template <typename Base>
std::vector<Response> SqliteReads<Base>::ListResponses(const ListQuery& query) {
  Condition condition;
  AndFilter(query.filter, Use::kResponseFilter, condition);
  AndScope(query.scope, condition);
  if (query.before) {
    condition.And("id < ?");
    condition.values.push_back(ToSql(*query.before));
  }
  Query sql(connection_,
            "SELECT body FROM responses" + Where(condition) + " ORDER BY id DESC LIMIT ?");
  BindAll(sql, condition);
  sql.Bind(int64_t{query.limit});
  return All<Response>(sql, find_key_);
}

template <typename Base>
std::vector<Customer> SqliteReads<Base>::ListCustomers(const ListQuery& query) {
  Condition condition;
  AndFilter(query.filter, Use::kCustomerFilter, condition);
  AndOrgUnits(query.scope, condition);
  if (query.before) {
    condition.And("id < ?");
    condition.values.push_back(ToSql(*query.before));
  }
  Query sql(connection_,
            "SELECT body FROM customers" + Where(condition) + " ORDER BY id DESC LIMIT ?");
  BindAll(sql, condition);
  sql.Bind(int64_t{query.limit});
  return All<Customer>(sql, find_key_);
}

template <typename Base>
std::vector<BlacklistEntry> SqliteReads<Base>::ListEntries(const EntryQuery& query) {
  Condition condition;
  const auto any_of = [&](std::string_view column, const auto& values, const auto& to_sql) {
    if (values.empty()) return;
    condition.And(column);
    std::string_view before = " IN (";
    for (const auto& value : values) {
      (condition.sql += before) += '?';
      condition.values.push_back(to_sql(value));
      before = ", ";
    }
    condition.sql += ')';
  };
  const auto name = [](auto value) -> SqlValue { return std::string(Name(value)); };
  // One of them may walk its index in order. Of several, SQLite would sort all of their rows for
  // one page: few enough of some customers, too many of some states.
  any_of("customer_id", query.customers, [](const CustomerId& id) { return ToSql(id); });
  any_of(query.states.size() == 1 ? "state" : "+state", query.states, name);
  any_of("+kind", query.kinds, name);
  AndOrgUnits(query.scope, condition);
  if (!query.scope.org_units.empty()) {
    Condition customer;
    AndOrgUnits(query.scope, customer);
    condition.And("EXISTS (SELECT 1 FROM customers WHERE customers.id = customer_id AND " +
                  customer.sql + ")");
    condition.values.insert(condition.values.end(), customer.values.begin(), customer.values.end());
  }
  if (query.before) {
    condition.And("id < ?");
    condition.values.push_back(ToSql(*query.before));
  }
  Query sql(
      connection_,
      "SELECT body FROM blacklist_entries" +
          std::string(query.customers.empty() ? "" : " INDEXED BY blacklist_entries_customer") +
          Where(condition) + " ORDER BY id DESC LIMIT ?");
  BindAll(sql, condition);
  sql.Bind(int64_t{query.limit});
  return All<BlacklistEntry>(sql, find_key_);
}

template <typename Base>
std::vector<Event> SqliteReads<Base>::EntryEvents(const BlacklistEntryId& id, int64_t after,
                                                  int32_t limit) {
  Query query(connection_, std::string(kEventColumns) +
                               "WHERE entry_id = ? AND sequence > ? ORDER BY sequence LIMIT ?");
  query.Bind(id).Bind(after).Bind(int64_t{limit});
  std::vector<Event> events;
  while (query.Step()) events.push_back(ReadEvent(query, nullptr, find_key_));
  return events;
}

// Of each case by its index, and of the rest by theirs: an index over all of a person's events
// would be written with every one of them.
template <typename Base>
std::vector<Event> SqliteReads<Base>::PersonEvents(const CustomerId& customer, int64_t after,
                                                   int32_t limit) {
  std::vector<Event> events;
  {
    Query query(connection_, std::string(kEventColumns) +
                                 "INDEXED BY events_person WHERE customer_id = ? "
                                 "AND case_id IS NULL AND sequence > ? ORDER BY sequence LIMIT ?");
    query.Bind(customer).Bind(after).Bind(int64_t{limit});
    while (query.Step()) events.push_back(ReadEvent(query, nullptr, find_key_));
  }
  std::vector<CaseId> cases;
  {
    Query query(connection_, "SELECT id FROM cases WHERE customer_id = ?");
    query.Bind(customer);
    while (query.Step()) cases.push_back(query.GetId<CaseId>(0));
  }
  for (const CaseId& id : cases) {
    for (Event& event : CaseEvents(id, after, limit)) events.push_back(std::move(event));
  }
  std::sort(events.begin(), events.end(),
            [](const Event& a, const Event& b) { return a.sequence < b.sequence; });
  if (std::ssize(events) > limit) events.resize(static_cast<size_t>(limit));
  return events;
}

template <typename Base>
std::vector<Event> SqliteReads<Base>::EventsAfter(int64_t after, int32_t limit) {
  Query query(connection_,
              std::string(kEventColumns) + "WHERE sequence > ? ORDER BY sequence LIMIT ?");
  query.Bind(after).Bind(int64_t{limit});
  std::vector<Event> events;
  while (query.Step()) events.push_back(ReadEvent(query, nullptr, find_key_));
  return events;
}

// By the primary key, or by that of one case: an index by queue or org unit would be written with
// every event, and the rows that are looked at in vain cost a microsecond each.
template <typename Base>
LogPage SqliteReads<Base>::ReadLog(const LogQuery& query) {
  LogPage page;
  page.last.sequence = query.after;
  const bool of_case = !query.case_id.empty();
  Query rows(connection_, std::string(kEventColumns) +
                              (of_case ? "WHERE case_id = ? AND " : "WHERE ") +
                              "sequence > ? ORDER BY sequence LIMIT ?");
  if (of_case) rows.Bind(query.case_id);
  rows.Bind(query.after).Bind(int64_t{query.look_at});
  int32_t seen = 0;
  LoggedEvent before;  // most events follow one of the same case
  while (std::ssize(page.events) < query.most && rows.Step()) {
    ++seen;
    LoggedEvent logged{
        .event = ReadEnvelope(rows), .type = rows.Text(4), .mark = MarkOf(rows.GetHash<32>(14))};
    if (!logged.event.case_id.empty() && logged.event.case_id == before.event.case_id) {
      logged.program_id = before.program_id;
      logged.case_number = before.case_number;
    } else {
      FillLogged(logged);
    }
    page.last = {logged.event.sequence, logged.mark};
    before.event.case_id = logged.event.case_id;
    before.program_id = logged.program_id;
    before.case_number = logged.case_number;
    if (query.wants && !query.wants(logged)) continue;
    ReadBody(rows, nullptr, find_key_, logged.event);
    page.events.push_back(std::move(logged));
  }
  page.end = seen < query.look_at && std::ssize(page.events) < query.most;
  if (of_case && page.end) {
    const auto end = PositionAt(LastSequence());
    if (end && end->sequence > page.last.sequence) page.last = *end;
  }
  return page;
}

template <typename Base>
void SqliteReads<Base>::FillLogged(LoggedEvent& logged) {
  const Event& event = logged.event;
  if (!event.case_id.empty()) {
    Query row(connection_, "SELECT number, program_id FROM cases WHERE id = ?");
    if (row.Bind(event.case_id).Step()) {
      logged.case_number = row.Int(0);
      logged.program_id = row.Text(1);
      return;
    }
    // A history that was derived anew has taken it away.
    const auto events = CaseEvents(event.case_id, 0, 1);
    const auto* opened = events.empty() ? nullptr : std::get_if<CaseOpened>(&events.front().body);
    if (opened == nullptr) return;
    logged.case_number = opened->opened.number;
    logged.program_id = opened->opened.program_id;
  } else if (!event.response_id.empty()) {
    Query row(connection_, "SELECT program_id FROM responses WHERE id = ?");
    if (row.Bind(event.response_id).Step()) logged.program_id = row.Text(0);
  } else if (!event.entry_id.empty()) {
    Query row(connection_, "SELECT org_unit_id FROM customers WHERE id = ?");
    if (row.Bind(event.customer_id).Step()) logged.customer_unit = row.Text(0);
  }
}

template <typename Base>
std::optional<LogPosition> SqliteReads<Base>::PositionAt(int64_t sequence) {
  if (sequence == 0) return LogPosition{};
  Query query(connection_, "SELECT hash FROM events WHERE sequence = ?");
  if (!query.Bind(sequence).Step()) return std::nullopt;
  return LogPosition{sequence, MarkOf(query.GetHash<32>(0))};
}

// Times do not go back from one event to the next, so no index by time is needed.
template <typename Base>
LogPosition SqliteReads<Base>::PositionBefore(Timestamp recorded_at) {
  int64_t low = 0;  // everything up to it was recorded before
  int64_t high = LastSequence();
  while (low < high) {
    const int64_t middle = low + (high - low + 1) / 2;
    Query query(connection_,
                "SELECT sequence, recorded_ms FROM events WHERE sequence > ? AND sequence <= ? "
                "ORDER BY sequence DESC LIMIT 1");
    query.Bind(low).Bind(middle);
    if (!query.Step() || query.Int(1) < ToMillis(recorded_at)) {
      low = middle;
    } else {
      high = query.Int(0) - 1;
    }
  }
  Query query(
      connection_,
      "SELECT sequence, hash FROM events WHERE sequence <= ? ORDER BY sequence DESC LIMIT 1");
  if (!query.Bind(low).Step()) return {};
  return {query.Int(0), MarkOf(query.GetHash<32>(1))};
}

template <typename Base>
std::vector<Subscription> SqliteReads<Base>::SubscriptionsOf(std::string_view owner) {
  const std::string name(owner);
  Query query(connection_,
              "SELECT name, sequence, mark, created_ms, committed_ms, request, request_body "
              "FROM subscriptions WHERE owner = ? ORDER BY name");
  query.Bind(name);
  std::vector<Subscription> all;
  while (query.Step()) {
    Subscription s{.owner = name,
                   .name = query.Text(0),
                   .position = {query.Int(1), query.GetHash<16>(2)},
                   .created_at = FromMillis(query.Int(3)),
                   .request = query.GetHash<16>(5),
                   .request_body = query.GetHash<16>(6)};
    if (!query.IsNull(4)) s.committed_at = FromMillis(query.Int(4));
    all.push_back(std::move(s));
  }
  return all;
}

template <typename Base>
std::vector<Event> SqliteReads<Base>::CaseEvents(const CaseId& id, int64_t after, int32_t limit) {
  Query query(connection_, std::string(kEventColumns) +
                               "WHERE case_id = ? AND sequence > ? ORDER BY sequence LIMIT ?");
  query.Bind(id).Bind(after).Bind(int64_t{limit});
  std::vector<Event> events;
  while (query.Step()) events.push_back(ReadEvent(query, nullptr, find_key_));
  return events;
}

template <typename Base>
std::vector<CaseId> SqliteReads<Base>::CasesDue(Timestamp now, int32_t limit) {
  Query query(connection_,
              "SELECT id FROM cases WHERE due_sort <= ? ORDER BY due_sort, number LIMIT ?");
  query.Bind(std::min(ToMillis(now), kNeverDueMillis - 1)).Bind(int64_t{limit});
  std::vector<CaseId> ids;
  while (query.Step()) ids.push_back(query.GetId<CaseId>(0));
  return ids;
}

template <typename Base>
std::vector<BlacklistEntryId> SqliteReads<Base>::EntriesDue(Timestamp now, int32_t limit) {
  Query query(connection_,
              "SELECT id FROM blacklist_entries WHERE due_ms <= ? ORDER BY due_ms, number LIMIT ?");
  query.Bind(now).Bind(int64_t{limit});
  std::vector<BlacklistEntryId> ids;
  while (query.Step()) ids.push_back(query.GetId<BlacklistEntryId>(0));
  return ids;
}

template <typename Base>
std::optional<Timestamp> SqliteReads<Base>::EarliestDue() {
  std::optional<Timestamp> earliest;
  Query of_cases(connection_, "SELECT due_sort FROM cases ORDER BY due_sort, number LIMIT 1");
  if (of_cases.Step() && of_cases.Int(0) != kNeverDueMillis) earliest = FromMillis(of_cases.Int(0));
  Query of_entries(connection_,
                   "SELECT due_ms FROM blacklist_entries WHERE due_ms IS NOT NULL "
                   "ORDER BY due_ms, number LIMIT 1");
  if (of_entries.Step()) {
    const Timestamp due = FromMillis(of_entries.Int(0));
    earliest = earliest ? std::min(*earliest, due) : due;
  }
  return earliest;
}

template <typename Base>
int64_t SqliteReads<Base>::CountDue(Timestamp now) {
  const int64_t by = std::min(ToMillis(now), kNeverDueMillis - 1);
  Query query(connection_,
              "SELECT (SELECT COUNT(*) FROM cases WHERE due_sort <= ?) + "
              "(SELECT COUNT(*) FROM blacklist_entries WHERE due_ms <= ?)");
  query.Bind(by).Bind(by);
  return query.Step() ? query.Int(0) : 0;
}

template <typename Base>
void SqliteReads<Base>::ScanResponses(std::string_view program_id, const Scope& scope,
                                      const std::function<void(const Response&)>& visit) {
  Condition condition;
  if (!program_id.empty()) {
    condition.And("program_id = ?");
    condition.values.emplace_back(std::string(program_id));
  }
  AndScope(scope, condition);
  Query query(connection_, "SELECT body FROM responses" + Where(condition) + " ORDER BY id");
  BindAll(query, condition);
  while (query.Step()) visit(Decode<Response>(query.Bytes(0), find_key_));
}

template <typename Base>
void SqliteReads<Base>::ScanCases(std::string_view program_id, const Scope& scope,
                                  const std::function<void(const Case&)>& visit) {
  Condition condition;
  if (!program_id.empty()) {
    condition.And("program_id = ?");
    condition.values.emplace_back(std::string(program_id));
  }
  AndScope(scope, condition);
  Query query(connection_, "SELECT body FROM cases" + Where(condition) + " ORDER BY id");
  BindAll(query, condition);
  while (query.Step()) visit(Decode<Case>(query.Bytes(0), find_key_));
}

template <typename Base>
void SqliteReads<Base>::ScanCustomers(const std::function<void(const Customer&)>& visit) {
  Query query(connection_, "SELECT body FROM customers ORDER BY id");
  while (query.Step()) visit(Decode<Customer>(query.Bytes(0), find_key_));
}

template <typename Base>
void SqliteReads<Base>::ScanEntries(const std::function<void(const BlacklistEntry&)>& visit) {
  Query query(connection_, "SELECT body FROM blacklist_entries ORDER BY id");
  while (query.Step()) visit(Decode<BlacklistEntry>(query.Bytes(0), find_key_));
}

template <typename Base>
void SqliteReads<Base>::ScanEvents(int64_t after,
                                   const std::function<void(const RawEvent&)>& visit) {
  Query query(connection_, std::string(kEventColumns) + "WHERE sequence > ? ORDER BY sequence");
  query.Bind(after);
  std::vector<std::pair<TextId, Commitment32>> commitments;
  while (query.Step()) {
    commitments.clear();
    RawEvent raw{.event = ReadEvent(query, &commitments, find_key_),
                 .schema_version = query.Int(12),
                 .prev_hash = query.GetHash<32>(13),
                 .hash = query.GetHash<32>(14),
                 .body = query.Text(15)};
    for (const auto& [id, commitment] : commitments) {
      Query text(connection_, "SELECT salt, body FROM texts WHERE id = ?");
      text.Bind(id);
      if (!text.Step()) continue;
      raw.texts_match &= CommitText(text.GetHash<16>(0), text.Bytes(1)) == commitment;
    }
    visit(raw);
  }
}

template <typename Base>
void SqliteReads<Base>::ScanRollups(
    const std::function<void(const RollupKey&, const Counts&)>& visit) {
  static const std::string sql = [] {
    std::string text = "SELECT program_id, day, org_unit_id";
    for (const CountColumn& column : kCountColumns) (text += ", ") += column.name;
    return text + " FROM rollups ORDER BY program_id, day, org_unit_id";
  }();
  Query query(connection_, sql);
  while (query.Step()) {
    Counts counts;
    int index = 3;
    for (const CountColumn& column : kCountColumns) column.of(counts) = query.Int(index++);
    visit({query.Text(0), query.Int(1), query.Text(2)}, counts);
  }
}

template <typename Base>
void SqliteReads<Base>::ScanTimers(const std::function<void(const CaseId&, const Timer&)>& visit) {
  Query query(connection_,
              "SELECT case_id, kind, generation, due_ms, state, ended_ms FROM timers "
              "ORDER BY case_id, kind, generation");
  while (query.Step()) {
    Timer timer{.kind = static_cast<TimerKind>(query.Int(1)),
                .generation = static_cast<int32_t>(query.Int(2)),
                .due_at = FromMillis(query.Int(3)),
                .state = static_cast<TimerState>(query.Int(4))};
    if (!query.IsNull(5)) timer.ended_at = FromMillis(query.Int(5));
    visit(query.GetId<CaseId>(0), timer);
  }
}

template <typename Base>
void SqliteReads<Base>::ScanAnswers(
    std::string_view program_id, const Scope& scope,
    const std::function<void(const CustomerId&, Timestamp, Category)>& visit) {
  Condition condition;
  // In index order: nothing is sorted, and without a scope no row is read. The plus hides from
  // SQLite that the program is fixed; it would drop it from the order and then sort.
  condition.And("+program_id = ? AND customer_id IS NOT NULL");
  condition.values.emplace_back(std::string(program_id));
  AndScope(scope, condition);
  Query query(connection_,
              "SELECT customer_id, occurred_ms, category FROM responses INDEXED BY "
              "responses_customer" +
                  Where(condition) + " ORDER BY customer_id, program_id, occurred_ms, id");
  BindAll(query, condition);
  while (query.Step()) {
    visit(query.GetId<CustomerId>(0), FromMillis(query.Int(1)), CategoryOf(query.Bytes(2)));
  }
}

template <typename Base>
std::optional<Timestamp> SqliteReads<Base>::LastAnswerAt(std::string_view program_id) {
  const std::string program(program_id);
  Query query(connection_, "SELECT MAX(occurred_ms) FROM responses WHERE program_id = ?");
  query.Bind(program);
  if (!query.Step() || query.IsNull(0)) return std::nullopt;
  return FromMillis(query.Int(0));
}

template <typename Base>
std::string SqliteReads<Base>::GetText(const TextId& id) {
  Query query(connection_, "SELECT body FROM texts WHERE id = ?");
  query.Bind(id);
  return query.Step() ? query.Text(0) : "";
}

template <typename Base>
std::optional<RequestRecord> SqliteReads<Base>::FindRequest(const Hash128& key) {
  return rebound::FindRequest(connection_, RequestDays(connection_), key);
}

template <typename Base>
int64_t SqliteReads<Base>::LastSequence() {
  Query query(connection_, "SELECT sequence FROM events ORDER BY sequence DESC LIMIT 1");
  return query.Step() ? query.Int(0) : 0;
}

template <typename Base>
std::optional<StoredRevision> SqliteReads<Base>::FindRevision(int64_t number) {
  Query query(connection_,
              std::string("SELECT number, hash, text, source, applied_by, applied_ms "
                          "FROM revisions") +
                  (number == 0 ? " ORDER BY number DESC LIMIT 1" : " WHERE number = ?"));
  if (number != 0) query.Bind(number);
  if (!query.Step()) return std::nullopt;
  return StoredRevision{query.Int(0),  query.Text(1), query.Text(2),
                        query.Text(3), query.Text(4), FromMillis(query.Int(5))};
}

template <typename Base>
std::vector<StoredRevision> SqliteReads<Base>::ListRevisions(int64_t below, int32_t limit) {
  Query query(connection_,
              "SELECT number, hash, source, applied_by, applied_ms FROM revisions "
              "WHERE number < ? ORDER BY number DESC LIMIT ?");
  query.Bind(below == 0 ? std::numeric_limits<int64_t>::max() : below).Bind(int64_t{limit});
  std::vector<StoredRevision> revisions;
  while (query.Step()) {
    revisions.push_back(
        {query.Int(0), query.Text(1), {}, query.Text(2), query.Text(3), FromMillis(query.Int(4))});
  }
  return revisions;
}

template <typename Base>
ServerState SqliteReads<Base>::GetServerState() {
  Query query(connection_,
              "SELECT clock_seen_ms, held_since_ms, zone_data, rules_tried FROM server_state");
  if (!query.Step()) throw StoreFailure("the row of the server's state is missing");
  ServerState state;
  state.clock_seen_at = FromMillis(query.Int(0));
  if (!query.IsNull(1)) state.held_since = FromMillis(query.Int(1));
  state.zone_data = query.Text(2);
  state.rules_tried = query.Int(3);
  return state;
}

template <typename Base>
AuditHead SqliteReads<Base>::GetAuditHead() {
  Query query(connection_, "SELECT sequence, at_ms, hash FROM audit_head");
  if (!query.Step()) throw StoreFailure("table audit_head is empty");
  return {query.Int(0), FromMillis(query.Int(1)), query.GetHash<32>(2)};
}

template <typename Base>
std::vector<AuditEntry> SqliteReads<Base>::ListAudit(const AuditQuery& query) {
  // Of a span of time, only its rows are looked at.
  const auto first_from = [this](Timestamp at) {
    int64_t low = 1, high = GetAuditHead().sequence + 1;
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      Query row(connection_, "SELECT at_ms FROM audit WHERE sequence >= ? LIMIT 1");
      if (row.Bind(middle).Step() && row.Int(0) < ToMillis(at)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  };
  Condition condition;
  const auto restrict = [&](std::string_view test, SqlValue value) {
    condition.And(std::string(test));
    condition.values.push_back(std::move(value));
  };
  if (query.subject) restrict("subject_id = ?", ToSql(*query.subject));
  if (query.before != 0) restrict("sequence < ?", query.before);
  if (query.from) restrict("sequence >= ?", first_from(*query.from));
  if (query.until) restrict("sequence < ?", first_from(*query.until));
  if (query.kind) restrict("kind = ?", static_cast<int64_t>(*query.kind));
  if (!query.principal.empty()) restrict("principal = ?", query.principal);
  if (!query.method.empty()) restrict("method = ?", query.method);
  Query sql(connection_,
            std::string(kAuditColumns) + Where(condition) + " ORDER BY sequence DESC LIMIT ?");
  BindAll(sql, condition);
  sql.Bind(int64_t{query.limit});
  std::vector<AuditEntry> entries;
  while (sql.Step()) entries.push_back(ReadAudit(sql));
  return entries;
}

template <typename Base>
void SqliteReads<Base>::ScanAudit(int64_t after,
                                  const std::function<bool(const AuditEntry&)>& visit) {
  Query query(connection_, std::string(kAuditColumns) + " WHERE sequence > ? ORDER BY sequence");
  query.Bind(after == 0 ? std::numeric_limits<int64_t>::min() : after);
  while (query.Step()) {
    if (!visit(ReadAudit(query))) return;
  }
}

template <typename Base>
TableSizes SqliteReads<Base>::Sizes() {
  Query query(connection_, "SELECT responses, cases, customers, events, entries FROM meta");
  if (!query.Step()) throw StoreFailure("table meta is empty");
  return {query.Int(0), query.Int(1), query.Int(2), query.Int(3), query.Int(4)};
}

template <typename Base>
void SqliteReads<Base>::ScanDefects(const std::function<void(std::string)>& visit) {
  Query check(connection_, "PRAGMA integrity_check(20)");
  while (check.Step()) {
    if (check.Bytes(0) != "ok") visit("file: " + check.Text(0));
  }
  CheckColumns(connection_, "cases", CaseColumns(), find_key_, visit);
  CheckColumns(connection_, "responses", ResponseColumns(), find_key_, visit);
  CheckColumns(connection_, "customers", CustomerColumns(), find_key_, visit);
  CheckColumns(connection_, "blacklist_entries", EntryColumns(), find_key_, visit);
  CheckOpenEntries(connection_, visit);
  CheckDeliveryHeads(connection_, visit);
}

template class SqliteReads<Reader>;
template class SqliteReads<Transaction>;

}  // namespace rebound
