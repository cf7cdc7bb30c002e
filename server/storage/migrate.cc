#include "server/storage/migrate.h"

#include <sodium.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/storage/codec.h"
#include "server/storage/identities.h"
#include "server/storage/migrations.h"
#include "server/storage/sqlite_columns.h"
#include "server/storage/sqlite_connection.h"
#include "server/storage/sqlite_reader.h"
#include "workflows/decide.h"

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

void MakePersonKeys(Connection& connection) {
  std::vector<CustomerId> customers;
  {
    Query ids(connection, "SELECT id FROM customers");
    while (ids.Step()) customers.push_back(ids.GetId<CustomerId>(0));
  }
  for (const CustomerId& id : customers) {
    std::array<uint8_t, 32> secret{};
    randombytes_buf(secret.data(), secret.size());
    Query insert(connection, "INSERT INTO person_keys VALUES (?, ?)");
    insert.Bind(id).BindBytes(BytesOf(secret)).Run();
    Customer customer = *SqliteReads<Reader>(connection).GetCustomer(id);
    SqliteReads<Reader> reader(connection);
    Hydrate(reader, customer);
    for (const Hash128& hash : IdentityHashes(customer)) {
      Query identity(connection,
                     "INSERT INTO customer_identities VALUES (?, ?) ON CONFLICT DO NOTHING");
      identity.BindBytes(BytesOf(hash)).Bind(id).Run();
    }
  }
}

// Events as the schemas before 0006 had them, which a Reader of this program no longer reads: of
// one case, or with the empty id of everything.
void ScanOldEvents(Connection& connection, const CaseId& of,
                   const std::function<void(const Event&)>& visit) {
  const std::string columns =
      "SELECT sequence, customer_id, response_id, case_id, type, occurred_ms, recorded_ms, actor, "
      "org_unit_id, queue_id, status, phase, body FROM events";
  Query query(connection,
              columns + (of.empty() ? "" : " WHERE case_id = ?") + " ORDER BY sequence");
  if (!of.empty()) query.Bind(of);
  while (query.Step()) {
    auto body = DecodeBody(query.Bytes(4), query.Bytes(12));
    if (!body) throw StoreFailure("event " + std::to_string(query.Int(0)) + " cannot be read");
    visit({.sequence = query.Int(0),
           .customer_id = query.GetId<CustomerId>(1),
           .response_id = query.GetId<ResponseId>(2),
           .case_id = query.GetId<CaseId>(3),
           .occurred_at = FromMillis(query.Int(5)),
           .recorded_at = FromMillis(query.Int(6)),
           .actor = query.Text(7),
           .org_unit_id = query.Text(8),
           .queue_id = query.Text(9),
           .status = query.Text(10),
           .phase = static_cast<Phase>(query.Int(11)),
           .body = *std::move(body)});
  }
}

Case FoldOldEvents(Connection& connection, const CaseId& id) {
  Case folded;
  ScanOldEvents(connection, id,
                [&](const Event& event) { folded = Apply(std::move(folded), event); });
  return folded;
}

// Leases and rounds are folded from the events of the case; the columns follow from the row.
void FillRouting(Connection& connection) {
  constexpr std::string_view kNew[] = {"claimable", "needs_work", "owned_ms", "commitment_ms",
                                       "breach_sort"};
  std::vector<int64_t> numbers;
  {
    Query cases(connection, "SELECT number FROM cases");
    while (cases.Step()) numbers.push_back(cases.Int(0));
  }
  SqliteReads<Reader> reader(connection);
  for (const int64_t number : numbers) {
    auto c = reader.GetCaseByNumber(number);
    if (!c) throw StoreFailure("case " + std::to_string(number) + " cannot be read");
    const Case folded = FoldOldEvents(connection, c->id);
    c->lease_number = folded.lease_number;
    c->owned_at = folded.owned_at;
    c->last_owner = folded.last_owner;
    c->round = folded.round;
    c->round_started_at = folded.round_started_at;
    c->round_attempts = folded.round_attempts;
    std::string sets;
    std::vector<SqlValue> values = {Blob{Encode(*c)}};
    for (const std::string_view name : kNew) {
      ((sets += ", ") += name) += " = ?";
      for (const Column<Case>& column : CaseColumns()) {
        if (column.name == name) values.push_back(column.read(*c));
      }
    }
    Query update(connection, "UPDATE cases SET body = ?" + sets + " WHERE number = ?");
    for (const SqlValue& value : values) update.Bind(value);
    update.Bind(number).Run();
  }
}

// Whom cases were given to, and where rounds began, is in the events alone.
void FillGiven(Connection& connection) {
  std::map<std::string, Timestamp, std::less<>> given;
  SqliteReads<Reader> reader(connection);
  ScanOldEvents(connection, {}, [&](const Event& event) {
    const std::string_view whom = GivenTo(event.body);
    if (whom.empty()) return;
    Timestamp& last = given.try_emplace(std::string(whom), event.occurred_at).first->second;
    last = std::max(last, event.occurred_at);
  });
  for (const auto& [principal, at] : given) {
    Query(connection, "INSERT INTO staff_given VALUES (?, ?)").Bind(principal).Bind(at).Run();
  }
  std::vector<Case> in_rounds;
  reader.ScanCases("", {}, [&](const Case& c) {
    if (c.round > 1) in_rounds.push_back(c);
  });
  for (Case& c : in_rounds) {
    c.round_attempts = FoldOldEvents(connection, c.id).round_attempts;
    const std::string body = Encode(c);
    Query update(connection, "UPDATE cases SET body = ? WHERE id = ?");
    update.BindBytes(body).Bind(c.id).Run();
  }
}

// What is brief of an entry is in its body.
void FillOpenEntries(Connection& connection) {
  std::vector<BlacklistEntry> open;
  SqliteReads<Reader>(connection).ScanEntries([&](const BlacklistEntry& entry) {
    if (!IsFinal(entry.state)) open.push_back(Brief(entry));
  });
  for (const BlacklistEntry& entry : open) {
    const std::string brief = Encode(entry);
    Query insert(connection, "INSERT INTO open_entries VALUES (?, ?, ?)");
    insert.Bind(entry.customer_id).Bind(entry.number).BindBytes(brief).Run();
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
      if (migration.name == "0004_routing_steps") FillRouting(connection);
      if (migration.name == "0005_given") FillGiven(connection);
      if (migration.name == "0007_erasure") MakePersonKeys(connection);
      if (migration.name == "0008_open_entries") FillOpenEntries(connection);
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
