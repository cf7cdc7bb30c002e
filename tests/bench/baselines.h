// What Rebound is measured beside: the least that could do the same work.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace rebound::bench {

// Serves on a free port, prints "PORT" on one line, and ends on SIGTERM. Both take the same
// transport as reboundd: gRPC's callback API with the same settings.

// SubmitResponse: parses the request and answers with a message as large as Rebound's. Nothing is
// checked, looked up or stored.
int ServeEcho();

// ListCases of one queue by due time: one prepared statement on the same file, columns copied into
// as large a message in the event thread. No filter, order, identity, scope or page seal.
int ServePages(const std::string& database);

// Reads blacklist entries by number, the primary key: one prepared statement in one read
// transaction, on a connection with the settings of the store's writer. Gives the row's encoded
// body, copied, valid until the next read; empty: there is none. Not thread-safe.
std::function<std::string_view(int64_t number)> BareEntryReads(const std::string& database);

// The rows that Rebound wrote for some answers, as inserts in their order.
class BareRows {
 public:
  // Reads them from a database of ours; it may be in use.
  explicit BareRows(const std::string& database);

  int64_t answers() const { return answers_; }
  // Creates `database` with our schema and inserts the rows again with prepared statements: 1,024
  // answers a transaction, synchronous=FULL. Returns answers a second.
  double Insert(const std::string& database) const;

 private:
  struct Cell {
    int type = 0;  // of SQLite
    int64_t number = 0;
    std::string bytes{};
  };
  struct Row {
    size_t table = 0;
    std::vector<Cell> cells{};
  };
  std::vector<std::vector<Row>> commands_;  // one for each answer
  int64_t answers_ = 0;
};

}  // namespace rebound::bench
