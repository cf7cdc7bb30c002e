// One connection to one SQLite file, with its prepared statements. Internal to the SQLite store.
// Not thread-safe. Every failure is a StoreFailure.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

#include "server/storage/store.h"
#include "workflows/ids.h"
#include "workflows/time.h"

namespace rebound {

struct Blob {
  std::string bytes{};
  friend bool operator==(const Blob&, const Blob&) = default;
};
// A value of a column or a parameter; monostate is NULL.
using SqlValue = std::variant<std::monostate, int64_t, std::string, Blob>;

template <typename Tag>
std::string_view BytesOf(const Id<Tag>& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}
template <size_t N>
std::string_view BytesOf(const std::array<uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}
// The empty id is NULL.
template <typename Tag>
SqlValue ToSql(const Id<Tag>& id) {
  if (id.empty()) return {};
  return Blob{std::string(BytesOf(id))};
}

class Connection {
 public:
  enum class Mode { kWrite, kRead, kReadOnlyFile };
  // kWrite creates the file, readable by its owner only, and sets the journal mode.
  Connection(const std::string& path, Mode mode);

  // Several statements without parameters or results.
  void Run(const char* sql);
  // Runs it and ignores failure: for rolling back what may have been rolled back already.
  void TryRun(const char* sql) noexcept;
  int64_t GetInteger(const char* sql);
  // Everything in the log goes to the file, and the log is emptied. False: a reader needs it still;
  // asked for `patience` at most.
  bool EmptyLog(std::chrono::milliseconds patience);

 private:
  friend class Query;
  struct Prepared {
    SQLite::Statement statement;
    bool in_use = false;
  };
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Statements = std::unordered_map<std::string, Prepared, TextHash, std::equal_to<>>;

  Prepared& Find(std::string_view sql);

  SQLite::Database database_;
  Statements statements_;
};

// One run of a prepared statement. Parameters are bound in order, by reference: what is bound must
// outlive the last Step.
class Query {
 public:
  Query(Connection& connection, std::string_view sql);
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query();

  Query& Bind(int64_t value);
  Query& Bind(const std::string& text);
  Query& BindNull();
  Query& BindBytes(std::string_view blob);
  Query& Bind(const SqlValue& value);
  Query& Bind(Timestamp value) { return Bind(ToMillis(value)); }
  Query& Bind(const std::optional<Timestamp>& value) { return value ? Bind(*value) : BindNull(); }
  // The empty id is NULL.
  template <typename Tag>
  Query& Bind(const Id<Tag>& id) {
    return id.empty() ? BindNull() : BindBytes(BytesOf(id));
  }
  Query& Bind(std::string&&) = delete;

  // True while there is a row.
  bool Step();
  // For statements without rows. Returns how many rows changed.
  int64_t Run();

  bool IsNull(int column) const;
  int64_t Int(int column) const;
  SqlValue Get(int column) const;
  // Valid until the next Step.
  std::string_view Bytes(int column) const;
  std::string Text(int column) const { return std::string(Bytes(column)); }
  template <typename T>
  T GetId(int column) const {
    T id;
    CopyBytes(column, id.bytes.data(), id.bytes.size());
    return id;
  }
  template <size_t N>
  std::array<uint8_t, N> GetHash(int column) const {
    std::array<uint8_t, N> bytes{};
    CopyBytes(column, bytes.data(), N);
    return bytes;
  }

 private:
  void CopyBytes(int column, uint8_t* to, size_t size) const;

  Connection& connection_;
  Connection::Prepared* cached_;
  std::unique_ptr<SQLite::Statement> own_;  // when the cached one is running already
  SQLite::Statement* statement_;
  int parameters_ = 0;
};

}  // namespace rebound
