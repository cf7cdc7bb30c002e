#include "server/storage/sqlite_writer.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <utility>

#include "server/storage/codec.h"
#include "server/storage/sqlite_columns.h"
#include "server/storage/sqlite_requests.h"

namespace rebound {
namespace {

std::string_view TableOf(const Case&) { return "cases"; }
std::string_view TableOf(const Response&) { return "responses"; }
std::string_view TableOf(const Customer&) { return "customers"; }
std::string_view TableOf(const BlacklistEntry&) { return "blacklist_entries"; }
std::span<const Column<Case>> ColumnsOf(const Case&) { return CaseColumns(); }
std::span<const Column<Response>> ColumnsOf(const Response&) { return ResponseColumns(); }
std::span<const Column<Customer>> ColumnsOf(const Customer&) { return CustomerColumns(); }
std::span<const Column<BlacklistEntry>> ColumnsOf(const BlacklistEntry&) { return EntryColumns(); }

template <typename Row>
std::string InsertSql(const Row& row) {
  std::string names;
  std::string marks;
  for (const Column<Row>& column : ColumnsOf(row)) {
    (names += column.name) += ", ";
    marks += "?, ";
  }
  return "INSERT INTO " + std::string(TableOf(row)) + " (" + names + "body) VALUES (" + marks +
         "?)";
}

const PersonKey* Pointer(const std::optional<PersonKey>& key) { return key ? &*key : nullptr; }

const CustomerId& PersonIn(const Customer& row) { return row.id; }
template <typename Row>
const CustomerId& PersonIn(const Row& row) {
  return row.customer_id;
}

template <typename Row>
void Insert(Connection& connection, const Row& row, const std::optional<PersonKey>& person) {
  static const std::string sql = InsertSql(row);
  const auto columns = ColumnsOf(row);
  std::array<SqlValue, kMostColumns> values;
  Query query(connection, sql);
  for (size_t i = 0; i < columns.size(); ++i) query.Bind(values[i] = columns[i].read(row));
  const std::string body = Encode(row, Pointer(person));
  query.BindBytes(body).Run();
}

// Sets only the columns that change: SQLite rewrites the entry of every index of which a column is
// named, changed or not.
template <typename Row>
void Update(Connection& connection, const Row& before, const Row& after,
            const std::optional<PersonKey>& person) {
  if (before.id != after.id || after.version <= before.version) {
    throw StoreFailure("expected a change of " + std::string(TableOf(after)) + " " +
                       ToString(before.id) + " version " + std::to_string(before.version) +
                       ", but it makes " + ToString(after.id) + " version " +
                       std::to_string(after.version));
  }
  const auto columns = ColumnsOf(after);
  std::array<SqlValue, kMostColumns> values;
  size_t changed = 0;
  std::string sql = "UPDATE " + std::string(TableOf(after)) + " SET ";
  for (const Column<Row>& column : columns) {
    SqlValue value = column.read(after);
    if (value == column.read(before)) continue;
    (sql += column.name) += " = ?, ";
    values[changed++] = std::move(value);
  }
  sql += "body = ? WHERE id = ? AND version = ?";
  const std::string body = Encode(after, Pointer(person));
  Query query(connection, sql);
  for (size_t i = 0; i < changed; ++i) query.Bind(values[i]);
  if (query.BindBytes(body).Bind(after.id).Bind(before.version).Run() != 1) {
    throw StoreFailure("expected version " + std::to_string(before.version) + " of " +
                       std::string(TableOf(after)) + " " + ToString(after.id) +
                       ", but the stored row has another");
  }
}

void Delete(Connection& connection, const Case& before) {
  Query query(connection, "DELETE FROM cases WHERE id = ? AND version = ?");
  if (query.Bind(before.id).Bind(before.version).Run() != 1) {
    throw StoreFailure("expected version " + std::to_string(before.version) + " of case " +
                       ToString(before.id) + ", but the stored row has another");
  }
}

// A row as it was before the command, unless the command made or changed it earlier.
template <typename Row, typename Id>
void Remember(std::vector<Row>& old_rows, const std::vector<Id>& new_rows, const Row& before) {
  const auto same = [&](const Row& old) { return old.id == before.id; };
  if (std::find(new_rows.begin(), new_rows.end(), before.id) != new_rows.end()) return;
  if (std::any_of(old_rows.begin(), old_rows.end(), same)) return;
  old_rows.push_back(before);
}

bool FreesSlot(const RowChange<Case>& change) {
  return change.before && DedupeSlot(*change.before) != SqlValue{} &&
         (!change.after || DedupeSlot(*change.after) != DedupeSlot(*change.before));
}

}  // namespace

SqliteWriter::SqliteWriter(Connection& connection, int32_t drop_every)
    : SqliteReads<Transaction>(connection), drop_every_(drop_every) {
  if (sodium_init() < 0) throw StoreFailure("no source of random bytes");
  counters_.last_sequence = connection.GetInteger("SELECT last_sequence FROM meta");
  counters_.next_case_number = connection.GetInteger("SELECT next_case_number FROM meta");
  counters_.next_entry_number = connection.GetInteger("SELECT next_entry_number FROM meta");
  now_.sizes = SqliteReads<Transaction>::Sizes();
  Query last(connection, "SELECT hash FROM events ORDER BY sequence DESC LIMIT 1");
  if (last.Step()) now_.last_hash = last.GetHash<32>(0);
  request_days_ = RequestDays(connection);
}

void SqliteWriter::Begin() {
  Query(connection_, "BEGIN IMMEDIATE").Run();
  dirty_ = false;
  now_.audit = SqliteReads<Transaction>::GetAuditHead();
  at_batch_ = now_;
  if (std::exchange(stale_, false)) request_days_ = RequestDays(connection_);
}

void SqliteWriter::BeginCommand() {
  if (!command_.saved) return;
  command_.saved = false;
  command_.new_customers.clear();
  command_.old_customers.clear();
  command_.new_keys.clear();
  command_.new_responses.clear();
  command_.old_responses.clear();
  command_.new_cases.clear();
  command_.old_cases.clear();
  command_.new_entries.clear();
  command_.old_entries.clear();
  command_.new_texts.clear();
  command_.new_requests.clear();
  command_.rollups.clear();
  command_.new_revisions.clear();
  command_.old_identities.clear();
  command_.new_suppressions.clear();
  command_.old_given.clear();
  command_.old_server_state.reset();
  command_.erased = {};
  last_key_.reset();
}

void SqliteWriter::EndCommand(bool keep) {
  if (!command_.saved) return;
  if (!keep) return UndoCommand();
  for (const auto& [key, counts] : command_.rollups) rollups_[key] += counts;
}

// Takes everything away that the command touched, then puts back what was there before. Tables of
// days stay: they come and go with the time, whatever becomes of a command.
void SqliteWriter::UndoCommand() {
  for (const char* sql :
       {"DELETE FROM events WHERE sequence > ?", "DELETE FROM outbox WHERE sequence > ?"}) {
    Query(connection_, sql).Bind(command_.last_sequence).Run();
  }
  if (now_.audit != command_.position.audit) {
    Query(connection_, "DELETE FROM audit WHERE sequence > ?")
        .Bind(command_.position.audit.sequence)
        .Run();
  }
  const auto remove = [&](std::string_view sql, const auto& id) {
    Query(connection_, sql).Bind(id).Run();
  };
  RestoreErased();
  for (const TextId& id : command_.new_texts) remove("DELETE FROM texts WHERE id = ?", id);
  for (const auto& [day, key] : command_.new_requests) RemoveRequest(connection_, day, key);
  for (const ExternalKey& key : command_.new_keys) {
    Query(connection_, "DELETE FROM customer_keys WHERE source_system = ? AND external_id = ?")
        .Bind(key.source_system)
        .Bind(key.external_id)
        .Run();
  }
  constexpr std::string_view kCustomer = "DELETE FROM customers WHERE id = ?";
  for (const CustomerId& id : command_.new_customers) {
    remove(kCustomer, id);
    remove("DELETE FROM person_keys WHERE customer_id = ?", id);
  }
  for (const Customer& old : command_.old_customers) remove(kCustomer, old.id);
  constexpr std::string_view kResponse = "DELETE FROM responses WHERE id = ?";
  for (const ResponseId& id : command_.new_responses) remove(kResponse, id);
  for (const Response& old : command_.old_responses) remove(kResponse, old.id);
  for (const char* sql :
       {"DELETE FROM timers WHERE case_id = ?", "DELETE FROM cases WHERE id = ?"}) {
    for (const CaseId& id : command_.new_cases) remove(sql, id);
    for (const Case& old : command_.old_cases) remove(sql, old.id);
  }
  for (const char* sql : {"DELETE FROM open_entries WHERE (customer_id, number) = "
                          "(SELECT customer_id, number FROM blacklist_entries WHERE id = ?)",
                          "DELETE FROM blacklist_entries WHERE id = ?"}) {
    for (const BlacklistEntryId& id : command_.new_entries) remove(sql, id);
    for (const BlacklistEntry& old : command_.old_entries) remove(sql, old.id);
  }
  for (const Customer& old : command_.old_customers)
    Insert(connection_, old, KeyFor(PersonIn(old)));
  for (const Response& old : command_.old_responses)
    Insert(connection_, old, KeyFor(PersonIn(old)));
  for (const Case& old : command_.old_cases) {
    Insert(connection_, old, KeyFor(PersonIn(old)));
    SaveTimers({.after = old});
  }
  for (const BlacklistEntry& old : command_.old_entries) {
    Insert(connection_, old, KeyFor(PersonIn(old)));
    SaveOpenEntry(nullptr, old);
  }
  for (const int64_t number : command_.new_revisions) {
    Query(connection_, "DELETE FROM revisions WHERE number = ?").Bind(number).Run();
  }
  for (auto old = command_.old_given.rbegin(); old != command_.old_given.rend(); ++old) {
    Query(connection_, "DELETE FROM staff_given WHERE principal = ?").Bind(old->first).Run();
    if (!old->second) continue;
    Query(connection_, "INSERT INTO staff_given VALUES (?, ?)")
        .Bind(old->first)
        .Bind(*old->second)
        .Run();
  }
  if (command_.old_server_state) SaveServerState(*command_.old_server_state);
  last_key_.reset();
  now_ = command_.position;
}

void SqliteWriter::Commit() {
  if (dirty_) {
    FlushRollups();
    Query(connection_,
          "UPDATE meta SET last_sequence = ?, next_case_number = ?, next_entry_number = ?, "
          "customers = ?, responses = ?, cases = ?, events = ?, entries = ?")
        .Bind(counters_.last_sequence)
        .Bind(counters_.next_case_number)
        .Bind(counters_.next_entry_number)
        .Bind(now_.sizes.customers)
        .Bind(now_.sizes.responses)
        .Bind(now_.sizes.cases)
        .Bind(now_.sizes.events)
        .Bind(now_.sizes.entries)
        .Run();
  }
  if (now_.audit != at_batch_.audit) UpdateAuditHead(connection_, now_.audit);
  Query(connection_, "COMMIT").Run();
}

void SqliteWriter::Rollback() noexcept {
  connection_.TryRun("ROLLBACK");
  rollups_.clear();
  now_ = at_batch_;
  stale_ = true;
}

void SqliteWriter::Save(Change& change) {
  dirty_ = true;
  if (!command_.saved) {
    command_.saved = true;
    command_.last_sequence = counters_.last_sequence;
    command_.position = now_;
  }
  if (drop_every_ > 0 && ++saves_ % drop_every_ == 0) {
    for (Event& event : change.events) event.sequence = ++counters_.last_sequence;
    return;
  }
  for (const auto& customer : change.customers) SaveCustomer(customer);
  for (const auto& response : change.responses) SaveResponse(response);
  SaveCases(change.cases);
  for (const auto& entry : change.entries) SaveEntry(entry);
  if (change.request) SaveRequest(*change.request);
  if (change.revision) SaveRevision(*change.revision);
  if (change.server_state) {
    if (!command_.old_server_state) command_.old_server_state = GetServerState();
    SaveServerState(*change.server_state);
  }
  for (AuditEntry& entry : change.audit) SaveAudit(entry);
  for (const auto& delta : change.rollups) command_.rollups.push_back(delta);
  for (Event& event : change.events) SaveEvent(event);
  for (const IdentityChange& identity : change.identities) SaveIdentities(identity);
  for (const CustomerId& id : change.erased) Erase(id);
  for (const StoredSuppression& kept : change.suppressions) SaveSuppression(kept);
}

std::optional<PersonKey> SqliteWriter::KeyFor(const CustomerId& customer) {
  if (customer.empty()) return std::nullopt;
  if (!last_key_ || last_key_->customer != customer) last_key_ = KeyOf(customer);
  return last_key_;
}

void SqliteWriter::NewKeyFor(const CustomerId& customer) {
  PersonKey key{customer, {}};
  randombytes_buf(key.secret.data(), key.secret.size());
  Query(connection_, "INSERT INTO person_keys VALUES (?, ?)")
      .Bind(customer)
      .BindBytes(BytesOf(key.secret))
      .Run();
  last_key_ = key;
}

void SqliteWriter::RemoveIdentities(const CustomerId& customer) {
  const auto known = [&](const auto& old) { return old.first == customer; };
  if (std::none_of(command_.old_identities.begin(), command_.old_identities.end(), known)) {
    auto& hashes = command_.old_identities.emplace_back(customer, std::vector<Hash128>{}).second;
    Query stored(connection_,
                 "SELECT hash FROM customer_identities INDEXED BY customer_identities_customer "
                 "WHERE customer_id = ?");
    stored.Bind(customer);
    while (stored.Step()) hashes.push_back(stored.GetHash<16>(0));
  }
  Query(connection_, "DELETE FROM customer_identities WHERE customer_id = ?").Bind(customer).Run();
}

void SqliteWriter::AddIdentities(const CustomerId& customer, const std::vector<Hash128>& hashes) {
  for (const Hash128& hash : hashes) {
    Query(connection_, "INSERT INTO customer_identities VALUES (?, ?) ON CONFLICT DO NOTHING")
        .BindBytes(BytesOf(hash))
        .Bind(customer)
        .Run();
  }
}

void SqliteWriter::SaveIdentities(const IdentityChange& change) {
  RemoveIdentities(change.customer_id);
  AddIdentities(change.customer_id, change.hashes);
}

void SqliteWriter::SaveSuppression(const StoredSuppression& kept) {
  const std::string body = Encode(kept.what);
  Query insert(connection_, "INSERT INTO suppressions VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
  insert.BindBytes(BytesOf(kept.hash)).BindBytes(body).Bind(kept.what.expires_at);
  if (insert.Run() == 1) command_.new_suppressions.emplace_back(kept.hash, body);
}

// Without its personal values.
template <typename Row>
void SqliteWriter::Rewrite(Row row, std::string_view sql) {
  ForgetPersonal(row);
  const std::string body = Encode(row);
  Query(connection_, sql).BindBytes(body).Bind(row.id).Run();
}

// What is taken here is kept in the command until it ends, should it have to be undone.
void SqliteWriter::Erase(const CustomerId& customer) {
  Undo::Erased& erased = command_.erased;
  for (int64_t after = 0;;) {
    constexpr int32_t kPage = 1024;
    std::vector<Event> events = PersonEvents(customer, after, kPage);
    for (Event& event : events) {
      ForEachText(event, [&](Text& text) { EraseText(text.id); });
      Query cancel(
          connection_,
          "UPDATE outbox SET state = 'cancelled' WHERE sequence = ? AND state = 'pending'");
      if (cancel.Bind(event.sequence).Run() == 1) erased.outbox.push_back(event.sequence);
      EraseAnswers(event.sequence);
    }
    if (std::ssize(events) < kPage) break;
    after = events.back().sequence;
  }
  // Written anew: rows of before there were seals hold the values in the clear, and columns by
  // which rows are found do so always.
  for (const Response& row : ResponsesOf(customer)) {
    Remember(command_.old_responses, command_.new_responses, row);
    Rewrite(row,
            "UPDATE responses SET source_system = NULL, external_id = NULL, body = ? "
            "WHERE id = ?");
  }
  for (const Case& row : CasesOf(customer)) {
    Remember(command_.old_cases, command_.new_cases, row);
    Rewrite(row,
            "UPDATE cases SET source_system = NULL, external_id = NULL, body = ? "
            "WHERE id = ?");
  }
  for (const BlacklistEntry& row : EntriesOf(customer)) {
    Remember(command_.old_entries, command_.new_entries, row);
    Rewrite(row, "UPDATE blacklist_entries SET body = ? WHERE id = ?");
  }
  {
    Query keys(connection_,
               "SELECT source_system, external_id FROM customer_keys "
               "INDEXED BY customer_keys_customer WHERE customer_id = ?");
    keys.Bind(customer);
    while (keys.Step()) erased.keys.push_back({{keys.Text(0), keys.Text(1)}, customer});
  }
  Query(connection_, "DELETE FROM customer_keys WHERE customer_id = ?").Bind(customer).Run();
  RemoveIdentities(customer);
  if (const auto key = KeyOf(customer)) erased.person_keys.push_back(*key);
  Query(connection_, "DELETE FROM person_keys WHERE customer_id = ?").Bind(customer).Run();
  last_key_.reset();
}

// A receiver that refuses an event may repeat what is in it.
void SqliteWriter::EraseAnswers(int64_t sequence) {
  std::vector<std::pair<RawId, std::string>> answers;
  {
    Query found(connection_,
                "SELECT id, last_answer FROM deliveries WHERE endpoint_id IN (SELECT id FROM "
                "endpoints) AND sequence = ? AND last_answer <> ''");
    found.Bind(sequence);
    while (found.Step()) answers.emplace_back(found.GetId<RawId>(0), found.Text(1));
  }
  for (auto& [id, answer] : answers) {
    Query(connection_, "UPDATE deliveries SET last_answer = '' WHERE id = ?").Bind(id).Run();
    command_.erased.answers.emplace_back(id, std::move(answer));
  }
}

void SqliteWriter::EraseText(const TextId& id) {
  Undo::OldText old{.id = id};
  {
    Query stored(connection_, "SELECT salt, body FROM texts WHERE id = ?");
    stored.Bind(id);
    if (!stored.Step()) return;
    old.salt = stored.GetHash<16>(0);
    old.body = stored.Text(1);
  }
  Query(connection_, "DELETE FROM texts WHERE id = ?").Bind(id).Run();
  command_.erased.texts.push_back(std::move(old));
}

// Before the rows, which are sealed with the keys.
void SqliteWriter::RestoreErased() {
  const Undo::Erased& erased = command_.erased;
  for (const auto& [customer, hashes] : command_.old_identities) {
    Query(connection_, "DELETE FROM customer_identities WHERE customer_id = ?")
        .Bind(customer)
        .Run();
    AddIdentities(customer, hashes);
  }
  for (const auto& [hash, body] : command_.new_suppressions) {
    Query(connection_, "DELETE FROM suppressions WHERE hash = ? AND body = ?")
        .BindBytes(BytesOf(hash))
        .BindBytes(body)
        .Run();
  }
  for (const PersonKey& key : erased.person_keys) {
    Query(connection_, "INSERT INTO person_keys VALUES (?, ?)")
        .Bind(key.customer)
        .BindBytes(BytesOf(key.secret))
        .Run();
  }
  for (const auto& [key, customer] : erased.keys) {
    Query(connection_, "INSERT INTO customer_keys VALUES (?, ?, ?)")
        .Bind(key.source_system)
        .Bind(key.external_id)
        .Bind(customer)
        .Run();
  }
  for (const Undo::OldText& text : erased.texts) {
    Query(connection_, "INSERT INTO texts VALUES (?, ?, ?)")
        .Bind(text.id)
        .BindBytes(BytesOf(text.salt))
        .Bind(text.body)
        .Run();
  }
  for (const int64_t sequence : erased.outbox) {
    Query(connection_, "UPDATE outbox SET state = 'pending' WHERE sequence = ?")
        .Bind(sequence)
        .Run();
  }
  for (const auto& [id, answer] : erased.answers) {
    Query(connection_, "UPDATE deliveries SET last_answer = ? WHERE id = ?")
        .Bind(answer)
        .Bind(id)
        .Run();
  }
}

void SqliteWriter::SaveRevision(const StoredRevision& revision) {
  if (revision.number <= connection_.GetInteger("SELECT IFNULL(MAX(number), 0) FROM revisions")) {
    throw StoreFailure("a revision's number does not follow the last one");
  }
  command_.new_revisions.push_back(revision.number);
  Query(connection_,
        "INSERT INTO revisions (number, hash, text, source, applied_by, applied_ms) "
        "VALUES (?, ?, ?, ?, ?, ?)")
      .Bind(revision.number)
      .Bind(revision.hash)
      .Bind(revision.text)
      .Bind(revision.source)
      .Bind(revision.applied_by)
      .Bind(revision.applied_at)
      .Run();
}

void SqliteWriter::SaveAudit(AuditEntry& entry) {
  Chain(entry, now_.audit);
  InsertAudit(connection_, entry);
}

void InsertAudit(Connection& connection, const AuditEntry& entry) {
  const RawId subject{entry.subject}, request{entry.request_key};
  Query(connection, "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .Bind(entry.sequence)
      .Bind(entry.at)
      .Bind(static_cast<int64_t>(entry.kind))
      .Bind(entry.principal)
      .Bind(entry.role)
      .Bind(entry.method)
      .Bind(entry.outcome)
      .Bind(entry.reason)
      .Bind(entry.subject_type)
      .Bind(subject)
      .Bind(request)
      .Bind(entry.address)
      .Bind(entry.count)
      .Bind(entry.detail)
      .BindBytes(BytesOf(entry.prev_hash))
      .BindBytes(BytesOf(entry.hash))
      .Run();
}

void UpdateAuditHead(Connection& connection, const AuditHead& head) {
  Query(connection, "UPDATE audit_head SET sequence = ?, at_ms = ?, hash = ?")
      .Bind(head.sequence)
      .Bind(head.at)
      .BindBytes(BytesOf(head.hash))
      .Run();
}

void SqliteWriter::SaveServerState(const ServerState& state) {
  Query(connection_,
        "UPDATE server_state SET clock_seen_ms = ?, held_since_ms = ?, zone_data = ?, "
        "rules_tried = ?")
      .Bind(state.clock_seen_at)
      .Bind(state.held_since)
      .Bind(state.zone_data)
      .Bind(state.rules_tried)
      .Run();
}

void SqliteWriter::SaveCustomer(const RowChange<Customer>& change) {
  if (!change.after) throw StoreFailure("customers are never removed");
  const Customer& after = *change.after;
  if (change.before) {
    Remember(command_.old_customers, command_.new_customers, *change.before);
    Update(connection_, *change.before, after, KeyFor(PersonIn(after)));
  } else {
    command_.new_customers.push_back(after.id);
    NewKeyFor(after.id);
    Insert(connection_, after, KeyFor(after.id));
    now_.sizes.customers += 1;
  }
  for (const CustomerKey& key : after.keys) {
    const auto known = [&](const CustomerKey& old) {
      return old.source_system == key.source_system && old.external_id.id == key.external_id.id;
    };
    if (change.before &&
        std::any_of(change.before->keys.begin(), change.before->keys.end(), known)) {
      continue;
    }
    if (key.external_id.value.empty()) {
      throw StoreFailure("a new key of customer " + ToString(after.id) + " has no value");
    }
    command_.new_keys.push_back({key.source_system, key.external_id.value});
    Query(connection_, "INSERT INTO customer_keys VALUES (?, ?, ?)")
        .Bind(key.source_system)
        .Bind(key.external_id.value)
        .Bind(after.id)
        .Run();
  }
}

void SqliteWriter::SaveResponse(const RowChange<Response>& change) {
  if (!change.after) throw StoreFailure("responses are never removed");
  if (change.before) {
    Remember(command_.old_responses, command_.new_responses, *change.before);
    Update(connection_, *change.before, *change.after, KeyFor(PersonIn(*change.after)));
  } else {
    command_.new_responses.push_back(change.after->id);
    Insert(connection_, *change.after, KeyFor(PersonIn(*change.after)));
    now_.sizes.responses += 1;
  }
}

void SqliteWriter::SaveCases(const std::vector<RowChange<Case>>& changes) {
  const auto save = [&](const RowChange<Case>& change) {
    if (change.before) Remember(command_.old_cases, command_.new_cases, *change.before);
    if (!change.after) {
      Delete(connection_, *change.before);
      now_.sizes.cases -= 1;
    } else if (change.before) {
      Update(connection_, *change.before, *change.after, KeyFor(PersonIn(*change.after)));
    } else {
      if (change.after->number != counters_.next_case_number) {
        throw StoreFailure("expected case number " + std::to_string(counters_.next_case_number) +
                           ", but found " + std::to_string(change.after->number));
      }
      counters_.next_case_number += 1;
      command_.new_cases.push_back(change.after->id);
      Insert(connection_, *change.after, KeyFor(PersonIn(*change.after)));
      now_.sizes.cases += 1;
    }
    SaveTimers(change);
  };
  // One case may take the slot that another gives up in the same change.
  for (const auto& change : changes) {
    if (FreesSlot(change)) save(change);
  }
  for (const auto& change : changes) {
    if (!FreesSlot(change)) save(change);
  }
}

void SqliteWriter::SaveEntry(const RowChange<BlacklistEntry>& change) {
  if (!change.after) throw StoreFailure("blacklist entries are never removed");
  const BlacklistEntry& after = *change.after;
  if (change.before) {
    Remember(command_.old_entries, command_.new_entries, *change.before);
    Update(connection_, *change.before, after, KeyFor(PersonIn(after)));
    return SaveOpenEntry(&*change.before, after);
  }
  if (after.number != counters_.next_entry_number) {
    throw StoreFailure("expected entry number " + std::to_string(counters_.next_entry_number) +
                       ", but found " + std::to_string(after.number));
  }
  counters_.next_entry_number += 1;
  command_.new_entries.push_back(after.id);
  Insert(connection_, after, KeyFor(PersonIn(after)));
  SaveOpenEntry(nullptr, after);
  now_.sizes.entries += 1;
}

void SqliteWriter::SaveOpenEntry(const BlacklistEntry* before, const BlacklistEntry& after) {
  const BlacklistEntry brief = Brief(after);
  if (before != nullptr && Brief(*before) == brief) return;
  Query(connection_, "DELETE FROM open_entries WHERE customer_id = ? AND number = ?")
      .Bind(before != nullptr ? before->customer_id : after.customer_id)
      .Bind(after.number)
      .Run();
  if (IsFinal(after.state)) return;
  const std::string bytes = Encode(brief);
  Query insert(connection_, "INSERT INTO open_entries VALUES (?, ?, ?)");
  insert.Bind(after.customer_id).Bind(after.number).BindBytes(bytes).Run();
}

void SqliteWriter::SaveTimers(const RowChange<Case>& change) {
  static const std::vector<Timer> kNone;
  const std::vector<Timer>& before = change.before ? change.before->timers : kNone;
  const std::vector<Timer>& after = change.after ? change.after->timers : kNone;
  const CaseId& id = change.after ? change.after->id : change.before->id;
  const auto find = [](const std::vector<Timer>& timers, const Timer& like) {
    return std::find_if(timers.begin(), timers.end(), [&](const Timer& timer) {
      return timer.kind == like.kind && timer.generation == like.generation;
    });
  };
  for (const Timer& timer : before) {
    if (find(after, timer) != after.end()) continue;
    Query(connection_, "DELETE FROM timers WHERE case_id = ? AND kind = ? AND generation = ?")
        .Bind(id)
        .Bind(static_cast<int64_t>(timer.kind))
        .Bind(int64_t{timer.generation})
        .Run();
  }
  for (const Timer& timer : after) {
    const auto old = find(before, timer);
    if (old != before.end() && *old == timer) continue;
    // No ON CONFLICT for a new one: a second timer of this kind and generation is an error.
    Query(connection_,
          old == before.end()
              ? "INSERT INTO timers (due_ms, state, ended_ms, case_id, kind, generation) "
                "VALUES (?, ?, ?, ?, ?, ?)"
              : "UPDATE timers SET due_ms = ?, state = ?, ended_ms = ? "
                "WHERE case_id = ? AND kind = ? AND generation = ?")
        .Bind(timer.due_at)
        .Bind(static_cast<int64_t>(timer.state))
        .Bind(timer.ended_at)
        .Bind(id)
        .Bind(static_cast<int64_t>(timer.kind))
        .Bind(int64_t{timer.generation})
        .Run();
  }
}

void SqliteWriter::SaveEvent(Event& event) {
  event.sequence = ++counters_.last_sequence;
  const std::string body = EncodeBody(
      event.body, [this](const Text& text) { return Commit(text); },
      Pointer(KeyFor(event.customer_id)));
  const Hash hash = ChainHash(now_.last_hash, event, kEventSchemaVersion, body);
  const std::string type(TypeName(event.body));
  Query(connection_,
        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .Bind(event.sequence)
      .Bind(event.customer_id)
      .Bind(event.response_id)
      .Bind(event.case_id)
      .Bind(type)
      .Bind(event.occurred_at)
      .Bind(event.recorded_at)
      .Bind(event.actor)
      .Bind(event.org_unit_id)
      .Bind(event.queue_id)
      .Bind(event.status)
      .Bind(static_cast<int64_t>(event.phase))
      .Bind(kEventSchemaVersion)
      .BindBytes(BytesOf(now_.last_hash))
      .BindBytes(BytesOf(hash))
      .BindBytes(body)
      .Bind(event.entry_id)
      .Run();
  now_.last_hash = hash;
  now_.sizes.events += 1;
  if (const std::string_view whom = GivenTo(event.body); !whom.empty()) {
    SaveGiven(std::string(whom), event.occurred_at);
  }
  const std::string outbox(OutboxKind(event.body));
  if (outbox.empty()) return;
  Query(connection_,
        "INSERT INTO outbox (sequence, kind, case_id, entry_id, org_unit_id, queue_id, state, "
        "tries, next_try_ms) VALUES (?, ?, ?, ?, ?, ?, 'pending', 0, ?)")
      .Bind(event.sequence)
      .Bind(outbox)
      .Bind(event.case_id)
      .Bind(event.entry_id)
      .Bind(event.org_unit_id)
      .Bind(event.queue_id)
      .Bind(event.recorded_at)
      .Run();
}

void SqliteWriter::SaveGiven(const std::string& principal, Timestamp at) {
  std::optional<Timestamp> before;
  {
    Query known(connection_, "SELECT given_ms FROM staff_given WHERE principal = ?");
    if (known.Bind(principal).Step()) before = FromMillis(known.Int(0));
  }
  if (before && *before >= at) return;
  command_.old_given.emplace_back(principal, before);
  Query(connection_,
        "INSERT INTO staff_given VALUES (?, ?) "
        "ON CONFLICT (principal) DO UPDATE SET given_ms = excluded.given_ms")
      .Bind(principal)
      .Bind(at)
      .Run();
}

SqliteWriter::Hash SqliteWriter::Commit(const Text& text) {
  if (text.id.empty()) throw StoreFailure("a text in an event has no id");
  if (!text.value.empty()) {
    std::array<uint8_t, 16> salt{};
    if (random_used_ + salt.size() > random_.size()) {
      randombytes_buf(random_.data(), random_.size());
      random_used_ = 0;
    }
    std::copy_n(random_.begin() + static_cast<std::ptrdiff_t>(random_used_), salt.size(),
                salt.begin());
    random_used_ += salt.size();
    Query insert(connection_, "INSERT INTO texts VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
    if (insert.Bind(text.id).BindBytes(BytesOf(salt)).Bind(text.value).Run() == 1) {
      command_.new_texts.push_back(text.id);
      return CommitText(salt, text.value);
    }
  }
  // Stored before: what is under an id never changes. Erased since: there is nothing to commit to.
  Query stored(connection_, "SELECT salt, body FROM texts WHERE id = ?");
  stored.Bind(text.id);
  if (!stored.Step()) return {};
  return CommitText(stored.GetHash<16>(0), stored.Bytes(1));
}

void SqliteWriter::SaveRequest(const RequestRecord& request) {
  std::vector<int64_t>& days = request_days_;
  int64_t day = DayNumber(request.at);
  if (!days.empty()) day = std::max(day, days.front() - kRequestDays);
  if (std::find(days.begin(), days.end(), day) == days.end()) {
    CreateRequestDay(connection_, day);
    days.insert(std::lower_bound(days.begin(), days.end(), day, std::greater<>()), day);
    while (days.back() < days.front() - kRequestDays) {
      DropRequestDay(connection_, days.back());
      days.pop_back();
    }
  }
  command_.new_requests.emplace_back(day, request.key);
  AddRequest(connection_, day, request);
}

std::optional<RequestRecord> SqliteWriter::FindRequest(const Hash128& key) {
  return rebound::FindRequest(connection_, request_days_, key);
}

// Most rows are there already and few of their counts move: naming only these costs half of an
// upsert that names all.
void SqliteWriter::FlushRollups() {
  static const std::string insert = [] {
    std::string names = "INSERT INTO rollups (program_id, day, org_unit_id";
    std::string marks = ") VALUES (?, ?, ?";
    for (const CountColumn& column : CountColumns()) {
      (names += ", ") += column.name;
      marks += ", ?";
    }
    return names + marks + ")";
  }();
  for (auto& [key, counts] : rollups_) {
    std::string update;
    for (const CountColumn& column : CountColumns()) {
      if (column.of(counts) == 0) continue;
      update += update.empty() ? "UPDATE rollups SET " : ", ";
      (((update += column.name) += " = ") += column.name) += " + ?";
    }
    if (update.empty()) continue;
    update += " WHERE program_id = ? AND day = ? AND org_unit_id = ?";
    Query moved(connection_, update);
    for (const CountColumn& column : CountColumns()) {
      if (column.of(counts) != 0) moved.Bind(column.of(counts));
    }
    if (moved.Bind(key.program_id).Bind(key.day).Bind(key.org_unit_id).Run() == 1) continue;
    Query added(connection_, insert);
    added.Bind(key.program_id).Bind(key.day).Bind(key.org_unit_id);
    for (const CountColumn& column : CountColumns()) added.Bind(column.of(counts));
    added.Run();
  }
  rollups_.clear();
}

}  // namespace rebound
