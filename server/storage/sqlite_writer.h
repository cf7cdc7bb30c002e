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
// rollups are written once a batch. Sequences and case numbers that an undone command took are not
// given again.
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

  int64_t NextCaseNumber() override { return counters_.next_case_number; }
  void Save(Change& change) override;
  std::optional<RequestRecord> FindRequest(const Hash128& key) override;
  TableSizes Sizes() override { return now_.sizes; }

 private:
  struct Counters {
    int64_t last_sequence = 0;
    int64_t next_case_number = 1;
  };
  using Hash = std::array<uint8_t, 32>;

  void SaveCustomer(const RowChange<Customer>& change);
  void SaveResponse(const RowChange<Response>& change);
  void SaveCases(const std::vector<RowChange<Case>>& changes);
  void SaveTimers(const RowChange<Case>& change);
  void SaveEvent(Event& event);
  // Stores a text when it is new, and gives its commitment.
  Hash Commit(const Text& text);
  void SaveRequest(const RequestRecord& request);
  void FlushRollups();

  const int32_t drop_every_;
  int32_t saves_ = 0;

  // What an undone command or a failed batch goes back to.
  struct Position {
    TableSizes sizes{};
    Hash last_hash{};
    std::vector<int64_t> request_days{};  // newest first
  };

  Counters counters_;
  Position now_;
  Position at_batch_;
  std::map<RollupKey, Counts> rollups_;
  bool dirty_ = false;  // anything saved in this batch

  bool saving_ = false;  // the running command has a savepoint
  Position at_command_;
  std::vector<std::pair<RollupKey, Counts>> command_rollups_;

  // Random bytes for salts, fetched in bulk.
  std::array<uint8_t, 4096> random_{};
  size_t random_used_ = sizeof(random_);
};

}  // namespace rebound
