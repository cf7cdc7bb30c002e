#include "server/storage/sqlite_store.h"

#include <SQLiteCpp/Exception.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "server/storage/migrate.h"
#include "server/storage/sqlite_access.h"
#include "server/storage/sqlite_connection.h"
#include "server/storage/sqlite_deliveries.h"
#include "server/storage/sqlite_writer.h"

namespace rebound {
namespace {

// More threads than this may read at once; their connections are closed when they are done.
constexpr size_t kMostIdleReaders = 8;

void AppendTo(Connection& connection, std::vector<AuditEntry>& entries) {
  AuditHead head = SqliteReads<Reader>(connection).GetAuditHead();
  for (AuditEntry& entry : entries) {
    Chain(entry, head);
    InsertAudit(connection, entry);
  }
  UpdateAuditHead(connection, head);
}

}  // namespace

class SqliteStore::ProcessLock {
 public:
  explicit ProcessLock(const std::string& path) {
    file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file_ < 0) throw StoreFailure("cannot open " + path + ": " + std::strerror(errno));
    if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
      char holder[32] = {};
      const ssize_t size = pread(file_, holder, sizeof(holder) - 1, 0);
      close(file_);
      throw StoreFailure("another process serves this database: " + path + " is locked" +
                         (size > 0 ? " by process " + std::string(holder) : ""));
    }
    const std::string pid = std::to_string(getpid());
    // Only for the message above: without it the lock holds all the same.
    if (ftruncate(file_, 0) != 0 || pwrite(file_, pid.data(), pid.size(), 0) < 0) return;
  }
  ProcessLock(const ProcessLock&) = delete;
  ProcessLock& operator=(const ProcessLock&) = delete;
  ~ProcessLock() { close(file_); }

 private:
  int file_ = -1;
};

class SqliteStore::Lease {
 public:
  explicit Lease(SqliteStore& store) : store_(store) {
    {
      std::lock_guard lock(store_.readers_mutex_);
      if (!store_.idle_readers_.empty()) {
        connection_ = std::move(store_.idle_readers_.back());
        store_.idle_readers_.pop_back();
      }
    }
    if (!connection_) {
      connection_ =
          std::make_unique<Connection>(store_.path_, store_.options_.access == Access::kReadOnly
                                                         ? Connection::Mode::kReadOnlyFile
                                                         : Connection::Mode::kRead);
    }
    Query(*connection_, "BEGIN").Run();
    // SQLite takes the snapshot at the first read, not at BEGIN.
    connection_->GetInteger("SELECT last_sequence FROM meta");
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    if (!connection_) return;
    try {
      Query(*connection_, "COMMIT").Run();
      std::lock_guard lock(store_.readers_mutex_);
      if (store_.idle_readers_.size() < kMostIdleReaders) {
        store_.idle_readers_.push_back(std::move(connection_));
      }
    } catch (const std::exception&) {
      // The connection is closed with the lease, and its snapshot with it.
    }
  }

  Connection& operator*() { return *connection_; }

 private:
  SqliteStore& store_;
  std::unique_ptr<Connection> connection_;
};

std::unique_ptr<SqliteStore> SqliteStore::Open(const std::string& path, const Options& options) {
  return std::unique_ptr<SqliteStore>(new SqliteStore(path, options));
}

SqliteStore::SqliteStore(std::string path, const Options& options)
    : path_(std::move(path)), options_(options) {
  const std::string lock_path = path_ + ".lock";
  if (options_.access == Access::kReadOnly) {
    Connection connection(path_, Connection::Mode::kReadOnlyFile);
    const int32_t version = CheckSchema(connection, path_);
    if (version != LatestSchema()) {
      throw StoreFailure("expected schema version " + std::to_string(LatestSchema()) + ", but " +
                         path_ + " has version " + std::to_string(version) +
                         ": start the server once to migrate it");
    }
    return;
  }
  if (options_.access == Access::kServe) lock_ = std::make_unique<ProcessLock>(lock_path);
  write_connection_ = std::make_unique<Connection>(path_, Connection::Mode::kWrite);
  if (CheckSchema(*write_connection_, path_) != LatestSchema()) {
    // Never below the feet of a running server.
    std::unique_ptr<ProcessLock> lock;
    if (!lock_) lock = std::make_unique<ProcessLock>(lock_path);
    Migrate(*write_connection_, path_);
  }
  if (options_.access == Access::kServe) {
    writer_ =
        std::make_unique<SqliteWriter>(*write_connection_, options_.drop_acknowledged_write_every);
  }
}

SqliteStore::~SqliteStore() = default;

int32_t SqliteStore::SchemaVersion() const { return LatestSchema(); }

void SqliteStore::CheckWritable(bool executing) const {
  if (poisoned_) {
    throw StoreFailure("the store failed before and takes no more writes: restart the process");
  }
  if (!write_connection_ || (executing && !writer_)) {
    throw StoreFailure("the database was not opened for this kind of write");
  }
}

void SqliteStore::Execute(size_t count, const std::function<bool(size_t, Transaction&)>& run) {
  std::lock_guard lock(writer_mutex_);
  CheckWritable(true);
  try {
    writer_->Begin();
    for (size_t i = 0; i < count; ++i) {
      writer_->BeginCommand();
      writer_->EndCommand(run(i, *writer_));
    }
    writer_->Commit();
  } catch (const StoreFailure&) {
    poisoned_ = true;
    writer_->Rollback();
    throw;
  } catch (const SQLite::Exception& e) {
    poisoned_ = true;
    writer_->Rollback();
    throw StoreFailure(e.what());
  } catch (...) {
    writer_->Rollback();
    throw;
  }
}

void SqliteStore::Read(const std::function<void(Reader&)>& read) {
  try {
    Lease connection(*this);
    SqliteReads<Reader> reader(*connection);
    read(reader);
  } catch (const SQLite::Exception& e) {
    throw StoreFailure(e.what());
  }
}

void SqliteStore::Write(const std::function<bool(Connection&)>& write) {
  std::lock_guard lock(writer_mutex_);
  CheckWritable(false);
  bool committing = false;
  try {
    Query(*write_connection_, "BEGIN IMMEDIATE").Run();
    if (!write(*write_connection_)) {
      Query(*write_connection_, "ROLLBACK").Run();
      return;
    }
    committing = true;
    Query(*write_connection_, "COMMIT").Run();
  } catch (...) {
    // A refused row is the caller's fault; a commit that fails is the disk's.
    if (committing) poisoned_ = true;
    write_connection_->TryRun("ROLLBACK");
    throw;
  }
}

bool SqliteStore::Scrub(Timestamp now) {
  Write([&](Connection& connection) {
    Query(connection, "DELETE FROM suppressions WHERE expires_ms <= ?").Bind(now).Run();
    return true;
  });
  // Writers wait meanwhile: a reader that takes its time must not stop the server.
  constexpr std::chrono::milliseconds kPatience{100};
  std::lock_guard lock(writer_mutex_);
  CheckWritable(false);
  return write_connection_->EmptyLog(kPatience);
}

void SqliteStore::AppendAudit(std::vector<AuditEntry> entries) {
  if (entries.empty()) return;
  Write([&](Connection& connection) {
    AppendTo(connection, entries);
    return true;
  });
}

std::optional<Store::Principal> SqliteStore::FindPrincipal(
    const std::array<uint8_t, 32>& token_hash) {
  Lease connection(*this);
  Query query(*connection,
              "SELECT name, role, org_units, queues, disabled FROM principal_tokens "
              "JOIN principals USING (name) WHERE token_hash = ?");
  query.BindBytes(BytesOf(token_hash));
  if (!query.Step()) return std::nullopt;
  return Principal{.name = query.Text(0),
                   .role = query.Text(1),
                   .scope = {SplitLines(query.Bytes(2)), SplitLines(query.Bytes(3))},
                   .disabled = query.Int(4) != 0};
}

void SqliteStore::PutPrincipal(const Principal& principal,
                               const std::optional<std::array<uint8_t, 32>>& token_hash) {
  const std::string org_units = JoinLines(principal.scope.org_units);
  const std::string queues = JoinLines(principal.scope.queues);
  Write([&](Connection& connection) {
    Query(connection,
          "INSERT INTO principals (name, role, org_units, queues, disabled) "
          "VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET role = excluded.role, "
          "org_units = excluded.org_units, queues = excluded.queues, disabled = excluded.disabled")
        .Bind(principal.name)
        .Bind(principal.role)
        .Bind(org_units)
        .Bind(queues)
        .Bind(int64_t{principal.disabled})
        .Run();
    if (!token_hash) return true;
    Query(connection,
          "INSERT INTO principal_tokens (token_hash, name) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .BindBytes(BytesOf(*token_hash))
        .Bind(principal.name)
        .Run();
    return true;
  });
}

void SqliteStore::ReadAccess(const std::function<void(AccessRecords&)>& read) {
  Lease connection(*this);
  SqliteAccess records(*connection);
  read(records);
}

void SqliteStore::WriteAccess(const std::function<bool(AccessRecords&)>& write) {
  Write([&](Connection& connection) {
    SqliteAccess records(connection);
    return write(records);
  });
}

void SqliteStore::ReadDeliveries(const std::function<void(DeliveryRecords&)>& read) {
  Lease connection(*this);
  SqliteDeliveries records(*connection);
  read(records);
}

void SqliteStore::WriteDeliveries(const std::function<bool(DeliveryRecords&)>& write) {
  Write([&](Connection& connection) {
    SqliteDeliveries records(connection);
    return write(records);
  });
}

void SqliteStore::PutSubscriptions(const std::vector<RowChange<Subscription>>& changes,
                                   std::vector<AuditEntry> entries) {
  Write([&](Connection& connection) {
    for (const auto& [before, after] : changes) {
      if (!after) {
        Query remove(connection, "DELETE FROM subscriptions WHERE owner = ? AND name = ?");
        remove.Bind(before->owner).Bind(before->name).Run();
        continue;
      }
      Query put(connection,
                "INSERT INTO subscriptions (owner, name, sequence, mark, created_ms, committed_ms, "
                "request, request_body) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (owner, name) DO UPDATE SET sequence = excluded.sequence, "
                "mark = excluded.mark, created_ms = excluded.created_ms, "
                "committed_ms = excluded.committed_ms, request = excluded.request, "
                "request_body = excluded.request_body");
      put.Bind(after->owner)
          .Bind(after->name)
          .Bind(after->position.sequence)
          .BindBytes(BytesOf(after->position.mark))
          .Bind(after->created_at)
          .Bind(after->committed_at)
          .BindBytes(BytesOf(after->request))
          .BindBytes(BytesOf(after->request_body))
          .Run();
    }
    if (!entries.empty()) AppendTo(connection, entries);
    return true;
  });
}

std::array<uint8_t, 32> SqliteStore::Secret(std::string_view name) {
  const std::string key(name);
  std::array<uint8_t, 32> secret{};
  const auto find = [&](Connection& connection) {
    Query query(connection, "SELECT secret FROM secrets WHERE name = ?");
    if (!query.Bind(key).Step()) return false;
    secret = query.GetHash<32>(0);
    return true;
  };
  {
    Lease connection(*this);
    if (find(*connection)) return secret;
  }
  Write([&](Connection& connection) {
    if (find(connection)) return false;
    if (sodium_init() < 0) throw StoreFailure("no random bytes are to be had");
    randombytes_buf(secret.data(), secret.size());
    Query(connection, "INSERT INTO secrets VALUES (?, ?)")
        .Bind(key)
        .BindBytes(BytesOf(secret))
        .Run();
    return true;
  });
  return secret;
}

}  // namespace rebound
