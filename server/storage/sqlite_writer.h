// The write side of one batch. Internal to the SQLite store. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "server/storage/sqlite_reader.h"

namespace rebound {

// Lives as long as the store. Counters and the end of the hash chain stay in memory; counters and
// rollups are written once a batch. Sequences and the numbers of cases and entries that an undone
// command took are not given again.
class SqliteWriter final : public SqliteReads<Transaction> {
 public:
  // The connection is the only writer of everything but principals, and is in no transaction.
  SqliteWriter(Connection& connection, int32_t drop_every);

  void Begin();
  void BeginCommand();
  void EndCommand(bool keep);
  void Commit();
  // Forgets the batch after a failure.
  void Rollback() noexcept;

  AuditHead GetAuditHead() override { return now_.audit; }
  int64_t NextCaseNumber() override { return counters_.next_case_number; }
  int64_t NextEntryNumber() override { return counters_.next_entry_number; }
  void Save(Change& change) override;
  std::optional<RequestRecord> FindRequest(const Hash128& key) override;
  TableSizes Sizes() override { return now_.sizes; }

 private:
  struct Counters {
    int64_t last_sequence = 0;
    int64_t next_case_number = 1;
    int64_t next_entry_number = 1;
  };
  using Hash = std::array<uint8_t, 32>;

  void SaveRevision(const StoredRevision& revision);
  void SaveServerState(const ServerState& state);
  void SaveCustomer(const RowChange<Customer>& change);
  void SaveResponse(const RowChange<Response>& change);
  void SaveCases(const std::vector<RowChange<Case>>& changes);
  void SaveEntry(const RowChange<BlacklistEntry>& change);
  // Its row in open_entries; before: null for a new one.
  void SaveOpenEntry(const BlacklistEntry* before, const BlacklistEntry& after);
  void SaveTimers(const RowChange<Case>& change);
  void SaveEvent(Event& event);
  // What personal values of that record are sealed with; nullopt: of nobody known, or erased.
  std::optional<PersonKey> KeyFor(const CustomerId& customer);
  void NewKeyFor(const CustomerId& customer);
  void SaveIdentities(const IdentityChange& change);
  void RemoveIdentities(const CustomerId& customer);
  void AddIdentities(const CustomerId& customer, const std::vector<Hash128>& hashes);
  void SaveSuppression(const StoredSuppression& kept);
  void Erase(const CustomerId& customer);
  void EraseAnswers(int64_t sequence);
  void EraseText(const TextId& id);
  template <typename Row>
  void Rewrite(Row row, std::string_view sql);
  void RestoreErased();
  void SaveGiven(const std::string& principal, Timestamp at);
  // Stores a text when it is new, and gives its commitment.
  Hash Commit(const Text& text);
  void SaveRequest(const RequestRecord& request);
  void SaveAudit(AuditEntry& entry);
  void UndoCommand();
  void FlushRollups();

  const int32_t drop_every_;
  int32_t saves_ = 0;

  // What an undone command or a failed batch goes back to.
  struct Position {
    TableSizes sizes{};
    Hash last_hash{};
    AuditHead audit{};  // read with each batch: others append, too
  };

  Counters counters_;
  Position now_;
  Position at_batch_;
  std::vector<int64_t> request_days_;  // newest first
  bool stale_ = false;                 // request_days_, after a failed batch
  std::map<RollupKey, Counts> rollups_;
  bool dirty_ = false;  // anything saved in this batch

  // What the running command did, to be taken back if it is not to be kept. A savepoint would do
  // the same, and cost a quarter of the write rate: SQLite copies each page that it touches.
  struct Undo {
    bool saved = false;
    int64_t last_sequence = 0;
    Position position{};
    std::vector<CustomerId> new_customers{};
    std::vector<Customer> old_customers{};
    std::vector<ExternalKey> new_keys{};
    std::vector<ResponseId> new_responses{};
    std::vector<Response> old_responses{};
    std::vector<CaseId> new_cases{};
    std::vector<Case> old_cases{};
    std::vector<BlacklistEntryId> new_entries{};
    std::vector<BlacklistEntry> old_entries{};
    std::vector<TextId> new_texts{};
    std::vector<std::pair<int64_t, Hash128>> new_requests{};  // day, key
    std::vector<int64_t> new_revisions{};
    std::vector<std::pair<std::string, std::optional<Timestamp>>> old_given{};
    std::optional<ServerState> old_server_state{};
    std::vector<std::pair<RollupKey, Counts>> rollups{};  // kept: joins rollups_
    std::vector<std::pair<CustomerId, std::vector<Hash128>>> old_identities{};
    std::vector<std::pair<Hash256, std::string>> new_suppressions{};
    struct OldText {
      TextId id{};
      std::array<uint8_t, 16> salt{};
      std::string body{};
    };
    struct Erased {
      std::vector<PersonKey> person_keys{};
      std::vector<std::pair<ExternalKey, CustomerId>> keys{};
      std::vector<OldText> texts{};
      std::vector<int64_t> outbox{};                         // cancelled
      std::vector<std::pair<RawId, std::string>> answers{};  // of deliveries
    };
    Erased erased{};
  };
  Undo command_;
  std::optional<PersonKey> last_key_;  // of the running command: most of it is about one person

  // Random bytes for salts, fetched in bulk.
  std::array<uint8_t, 4096> random_{};
  size_t random_used_ = sizeof(random_);
};

// Stores the row of an entry that is chained already.
void InsertAudit(Connection& connection, const AuditEntry& entry);
// Stores where the chain ends now.
void UpdateAuditHead(Connection& connection, const AuditHead& head);

}  // namespace rebound
