// The embedded store: one SQLite file in write-ahead mode. See store.h for what it promises.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/storage/store.h"

namespace rebound {

class Connection;
class SqliteWriter;

// Thread-safe as Store says; the methods for identities from any thread.
class SqliteStore final : public Store {
 public:
  enum class Access {
    kServe,     // the one process that executes; holds FILE.lock; migrates
    kShared,    // beside a running server, for identities and their audit only: Execute throws
    kReadOnly,  // for verify: anything that writes throws
  };
  struct Options {
    Access access = Access::kServe;
    // The crash rig's canary: of every so many commands that save, one is reported as saved and
    // silently is not. A rig that does not notice is worth nothing. 0: never. Not for the
    // configuration file.
    int32_t drop_acknowledged_write_every = 0;
  };

  // Creates the file when there is none. Throws StoreFailure: another process serves the file (its
  // pid is named), it is not ours, its schema is newer, or (kReadOnly) older.
  static std::unique_ptr<SqliteStore> Open(const std::string& path, const Options& options);
  static std::unique_ptr<SqliteStore> Open(const std::string& path) { return Open(path, {}); }
  ~SqliteStore() override;

  void Execute(size_t count, const std::function<bool(size_t, Transaction&)>& run) override;
  void Read(const std::function<void(Reader&)>& read) override;
  bool Scrub(Timestamp now) override;
  void AppendAudit(std::vector<AuditEntry> entries) override;
  std::string_view Name() const override { return "sqlite"; }
  int32_t SchemaVersion() const override;
  std::optional<Principal> FindPrincipal(const std::array<uint8_t, 32>& token_hash) override;
  void PutPrincipal(const Principal& principal,
                    const std::optional<std::array<uint8_t, 32>>& token_hash) override;
  void ReadAccess(const std::function<void(AccessRecords&)>& read) override;
  void WriteAccess(const std::function<bool(AccessRecords&)>& write) override;
  void ReadDeliveries(const std::function<void(DeliveryRecords&)>& read) override;
  void WriteDeliveries(const std::function<bool(DeliveryRecords&)>& write) override;
  void PutSubscriptions(const std::vector<RowChange<Subscription>>& changes,
                        std::vector<AuditEntry> entries) override;
  std::array<uint8_t, 32> Secret(std::string_view name) override;

 private:
  // Holds an exclusive lock on FILE.lock while it lives.
  class ProcessLock;
  // A read connection, given back when it goes; on failure it is closed instead.
  class Lease;

  SqliteStore(std::string path, const Options& options);

  // Runs `write` in a transaction of its own; undone when it returns false.
  void Write(const std::function<bool(Connection&)>& write);
  // Refuses when poisoned, or when this access may not write.
  void CheckWritable(bool executing) const;

  const std::string path_;
  const Options options_;
  std::unique_ptr<ProcessLock> lock_;
  std::atomic<bool> poisoned_ = false;

  std::mutex writer_mutex_;
  std::unique_ptr<Connection> write_connection_;  // null: kReadOnly
  std::unique_ptr<SqliteWriter> writer_;          // kServe only

  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<Connection>> idle_readers_;
};

}  // namespace rebound
