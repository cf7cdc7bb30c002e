#include "server/storage/sqlite_connection.h"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Exception.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstring>

namespace rebound {
namespace {

constexpr int kBusyMilliseconds = 5000;
// Lists put their conditions into the statement, so there is no end of different ones.
constexpr size_t kMostStatements = 300;

[[noreturn]] void Fail(const SQLite::Exception& e, std::string_view doing) {
  throw StoreFailure("SQLite failed to " + std::string(doing) + ": " + e.what() + " (code " +
                     std::to_string(e.getExtendedErrorCode()) + ")");
}

SQLite::Database OpenFile(const std::string& path, Connection::Mode mode) {
  // Nobody reads SQLite's memory statistics, and keeping them locks a mutex at every allocation.
  // Refused, without harm, when the process has used SQLite before.
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(configured);
  int flags = SQLite::OPEN_NOMUTEX;
  if (mode == Connection::Mode::kReadOnlyFile) {
    flags |= SQLite::OPEN_READONLY;
  } else {
    flags |= SQLite::OPEN_READWRITE;
  }
  if (mode == Connection::Mode::kWrite) {
    // SQLite would create it with the umask's rights; its -wal and -shm files copy these.
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0) close(file);
  }
  try {
    return SQLite::Database(path, flags, kBusyMilliseconds);
  } catch (const SQLite::Exception& e) {
    Fail(e, "open " + path);
  }
}

}  // namespace

Connection::Connection(const std::string& path, Mode mode) : database_(OpenFile(path, mode)) {
  sqlite3_extended_result_codes(database_.getHandle(), 1);
  Run("PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;");
  switch (mode) {
    case Mode::kWrite:
      Run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
          "PRAGMA wal_autocheckpoint = 10000; PRAGMA secure_delete = ON;"
          "PRAGMA cache_size = -65536;");
      break;
    case Mode::kRead:
    case Mode::kReadOnlyFile:
      // Pages come from the map; the cache only holds those that lie in the write-ahead log.
      Run("PRAGMA query_only = ON; PRAGMA mmap_size = 268435456; PRAGMA cache_size = -2048;");
      break;
  }
}

void Connection::Run(const char* sql) {
  try {
    database_.exec(sql);
  } catch (const SQLite::Exception& e) {
    Fail(e, "run " + std::string(std::string_view(sql).substr(0, 80)));
  }
}

void Connection::TryRun(const char* sql) noexcept { database_.tryExec(sql); }

int64_t Connection::GetInteger(const char* sql) {
  Query query(*this, sql);
  if (!query.Step()) throw StoreFailure(std::string("no row from ") + sql);
  return query.Int(0);
}

bool Connection::EmptyLog(std::chrono::milliseconds patience) {
  try {
    database_.setBusyTimeout(static_cast<int>(patience.count()));
    bool done = false;
    {
      Query checkpoint(*this, "PRAGMA wal_checkpoint(TRUNCATE)");
      done = checkpoint.Step() && checkpoint.Int(0) == 0;
    }
    database_.setBusyTimeout(kBusyMilliseconds);
    return done;
  } catch (const SQLite::Exception& e) {
    Fail(e, "empty its log");
  }
}

Connection::Prepared& Connection::Find(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second;
  if (statements_.size() >= kMostStatements) {
    std::erase_if(statements_, [](const auto& entry) { return !entry.second.in_use; });
  }
  try {
    std::string text(sql);
    SQLite::Statement statement(database_, text);
    return statements_.emplace(std::move(text), Prepared{std::move(statement)}).first->second;
  } catch (const SQLite::Exception& e) {
    Fail(e, "prepare " + std::string(sql));
  }
}

Query::Query(Connection& connection, std::string_view sql)
    : connection_(connection), cached_(&connection.Find(sql)) {
  if (!cached_->in_use) {
    cached_->in_use = true;
    statement_ = &cached_->statement;
    return;
  }
  cached_ = nullptr;
  try {
    own_ = std::make_unique<SQLite::Statement>(connection.database_, std::string(sql));
    statement_ = own_.get();
  } catch (const SQLite::Exception& e) {
    Fail(e, "prepare " + std::string(sql));
  }
}

Query::~Query() {
  statement_->tryReset();
  if (cached_ != nullptr) cached_->in_use = false;
}

Query& Query::Bind(int64_t value) {
  statement_->bind(++parameters_, value);
  return *this;
}

Query& Query::Bind(const std::string& text) {
  statement_->bindNoCopy(++parameters_, text);
  return *this;
}

Query& Query::BindNull() {
  statement_->bind(++parameters_);
  return *this;
}

Query& Query::BindBytes(std::string_view blob) {
  // A null pointer would be NULL instead of an empty blob.
  const char* bytes = blob.data() == nullptr ? "" : blob.data();
  statement_->bindNoCopy(++parameters_, static_cast<const void*>(bytes),
                         static_cast<int>(blob.size()));
  return *this;
}

Query& Query::Bind(const SqlValue& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) return Bind(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return Bind(*text);
  if (const auto* blob = std::get_if<Blob>(&value)) return BindBytes(blob->bytes);
  return BindNull();
}

bool Query::Step() {
  const int code = statement_->tryExecuteStep();
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  throw StoreFailure(std::string("SQLite failed: ") + statement_->getErrorMsg() + " (code " +
                     std::to_string(statement_->getExtendedErrorCode()) + ") in " +
                     statement_->getQuery());
}

int64_t Query::Run() {
  if (Step()) throw StoreFailure("unexpected row from " + statement_->getQuery());
  return connection_.database_.getChanges();
}

bool Query::IsNull(int column) const { return statement_->isColumnNull(column); }

int64_t Query::Int(int column) const { return statement_->getColumn(column).getInt64(); }

SqlValue Query::Get(int column) const {
  const SQLite::Column value = statement_->getColumn(column);
  if (value.isNull()) return {};
  if (value.isInteger()) return value.getInt64();
  if (value.isText()) return Text(column);
  return Blob{Text(column)};
}

std::string_view Query::Bytes(int column) const {
  const SQLite::Column value = statement_->getColumn(column);
  // The pointer first: asking for the size of a text as a blob must not convert it in between.
  const auto* bytes = static_cast<const char*>(value.getBlob());
  return {bytes == nullptr ? "" : bytes, static_cast<size_t>(value.getBytes())};
}

void Query::CopyBytes(int column, uint8_t* to, size_t size) const {
  const std::string_view bytes = Bytes(column);
  if (bytes.empty()) return;  // NULL: the empty id
  if (bytes.size() != size) {
    throw StoreFailure("expected " + std::to_string(size) + " bytes, but found " +
                       std::to_string(bytes.size()) + " in " + statement_->getQuery());
  }
  std::memcpy(to, bytes.data(), size);
}

}  // namespace rebound
