#include "tests/bench/baselines.h"

#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <memory>
#include <stdexcept>

#include "rebound/v1/case_service.grpc.pb.h"
#include "rebound/v1/response_service.grpc.pb.h"
#include "server/storage/sqlite_store.h"
#include "workflows/ids.h"

namespace rebound::bench {
namespace {

// ------------------------------------------------------------------------------------- servers

int Serve(grpc::Service* service) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);  // threads started below inherit it
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1'000);
  builder.RegisterService(service);
  auto server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  std::cout << port << std::endl;
  int signal = 0;
  sigwait(&stop, &signal);
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

class Echo final : public v1::ResponseService::CallbackService {
  grpc::ServerUnaryReactor* SubmitResponse(grpc::CallbackServerContext* context,
                                           const v1::SubmitResponseRequest* request,
                                           v1::SubmitResponseResponse* out) override {
    v1::Response* r = out->mutable_response();
    *r = request->response();
    r->set_id("01kc0000000000000000000000");
    r->set_etag("\"1\"");
    r->set_customer_id("01kc0000000000000000000000");
    r->clear_customer_key();
    r->set_category(v1::CATEGORY_DETRACTOR);
    r->mutable_occur_time()->set_seconds(1'790'000'000);
    r->mutable_occur_time()->set_nanos(123'000'000);
    r->mutable_record_time()->set_seconds(1'790'000'000);
    r->mutable_record_time()->set_nanos(123'000'000);
    if (r->score() <= 6) {
      r->set_paired_case_id("01kc0000000000000000000000");
      r->set_effect(v1::RESPONSE_EFFECT_OPENED);
    }
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

[[noreturn]] void Fail(sqlite3* database, const std::string& doing) {
  throw std::runtime_error(doing + ": " + sqlite3_errmsg(database));
}

// A raw connection; never fails half-way.
class Sqlite {
 public:
  Sqlite(const std::string& path, int flags) {
    if (sqlite3_open_v2(path.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX, nullptr) !=
        SQLITE_OK) {
      Fail(handle_, "open " + path);
    }
    sqlite3_busy_timeout(handle_, 5000);
  }
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;
  ~Sqlite() { sqlite3_close_v2(handle_); }

  void Run(const char* sql) {
    if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) Fail(handle_, sql);
  }
  std::shared_ptr<sqlite3_stmt> Prepare(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(handle_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement,
                           nullptr) != SQLITE_OK) {
      Fail(handle_, sql);
    }
    return {statement, sqlite3_finalize};
  }
  sqlite3* handle() { return handle_; }

 private:
  sqlite3* handle_ = nullptr;
};

std::string TextOf(sqlite3_stmt* row, int column) {
  const auto* text = static_cast<const char*>(sqlite3_column_blob(row, column));
  return {text == nullptr ? "" : text, static_cast<size_t>(sqlite3_column_bytes(row, column))};
}

std::string IdOf(sqlite3_stmt* row, int column) {
  std::array<uint8_t, 16> bytes{};
  const std::string blob = TextOf(row, column);
  std::copy_n(blob.begin(), std::min(blob.size(), bytes.size()), bytes.begin());
  return EncodeId(bytes);
}

void SetTime(int64_t ms, google::protobuf::Timestamp* out) {
  out->set_seconds(ms / 1000);
  out->set_nanos(static_cast<int32_t>(ms % 1000) * 1'000'000);
}

class Pages final : public v1::CaseService::CallbackService {
 public:
  explicit Pages(std::string database) : database_(std::move(database)) {}

 private:
  struct Cursor {
    explicit Cursor(const std::string& database) : connection(database, SQLITE_OPEN_READONLY) {
      connection.Run("PRAGMA mmap_size = 268435456; PRAGMA cache_size = -2048");
      page = connection.Prepare(
          "SELECT number, id, version, program_id, customer_id, due_sort, severity, opened_ms, "
          "status, org_unit_id, queue_id, owner, score, touchpoint, playbook_id, language "
          "FROM cases WHERE queue_id = 'default' AND (due_sort, number) > (?1, ?2) "
          "ORDER BY due_sort, number LIMIT ?3");
    }
    Sqlite connection;
    std::shared_ptr<sqlite3_stmt> page;
  };

  grpc::ServerUnaryReactor* ListCases(grpc::CallbackServerContext* context,
                                      const v1::ListCasesRequest* request,
                                      v1::ListCasesResponse* out) override {
    thread_local Cursor cursor(database_);
    sqlite3_stmt* row = cursor.page.get();
    char* rest = nullptr;
    const int64_t due = std::strtoll(request->page_token().c_str(), &rest, 10);
    const int64_t number = *rest == ':' ? std::strtoll(rest + 1, nullptr, 10) : 0;
    sqlite3_bind_int64(row, 1, due);
    sqlite3_bind_int64(row, 2, number);
    sqlite3_bind_int(row, 3, request->page_size() + 1);
    std::string last;
    while (sqlite3_step(row) == SQLITE_ROW) {
      if (out->cases_size() == request->page_size()) {
        out->set_next_page_token(last);
        break;
      }
      v1::Case* c = out->add_cases();
      const int64_t due_sort = sqlite3_column_int64(row, 5);
      last = std::to_string(due_sort) + ":" + std::to_string(sqlite3_column_int64(row, 0));
      c->set_number("C-" + std::to_string(sqlite3_column_int64(row, 0)));
      c->set_id(IdOf(row, 1));
      c->set_etag("\"" + std::to_string(sqlite3_column_int64(row, 2)) + "\"");
      c->set_program_id(TextOf(row, 3));
      c->set_customer_id(IdOf(row, 4));
      c->set_opening_response_id(IdOf(row, 1));
      c->set_origin(v1::CASE_ORIGIN_RESPONSE);
      c->set_score(sqlite3_column_int64(row, 12));
      c->set_category(v1::CATEGORY_DETRACTOR);
      c->set_touchpoint(TextOf(row, 13));
      c->set_org_unit_id(TextOf(row, 9));
      c->set_queue_id(TextOf(row, 10));
      c->set_owner(TextOf(row, 11));
      c->set_status(TextOf(row, 8));
      c->set_phase(v1::PHASE_OPEN);
      c->set_severity(sqlite3_column_int(row, 6));
      c->mutable_playbook()->set_playbook_id(TextOf(row, 14));
      c->mutable_playbook()->set_version(1);
      c->set_arm(v1::ARM_TREATED);
      c->set_language(TextOf(row, 15));
      c->set_revision(1);
      v1::Timer* timer = c->add_timers();
      timer->set_kind(v1::TIMER_KIND_FIRST_CONTACT);
      timer->set_generation(1);
      timer->set_state(v1::TIMER_STATE_PENDING);
      SetTime(due_sort, timer->mutable_due_time());
      const int64_t opened = sqlite3_column_int64(row, 7);
      SetTime(opened, c->mutable_open_time());
      SetTime(opened, c->mutable_create_time());
      SetTime(opened, c->mutable_update_time());
    }
    sqlite3_reset(row);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  const std::string database_;
};

// --------------------------------------------------------------------------------- bare inserts

constexpr std::array<const char*, 7> kTables = {"customers", "customer_keys", "responses", "texts",
                                                "events",    "cases",         "timers"};
enum Table : size_t { kCustomers, kKeys, kResponses, kTexts, kEvents, kCases, kTimers };
constexpr int kAnswersPerTransaction = 1'024;

// As Connection::Mode::kWrite.
constexpr const char* kWriterSettings =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 10000;"
    "PRAGMA secure_delete = ON; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY";

}  // namespace

int ServeEcho() {
  Echo echo;
  return Serve(&echo);
}

int ServePages(const std::string& database) {
  Pages pages(database);
  return Serve(&pages);
}

std::function<std::string_view(int64_t)> BareEntryReads(const std::string& database) {
  auto connection = std::make_shared<Sqlite>(database, SQLITE_OPEN_READWRITE);
  connection->Run(kWriterSettings);
  connection->Run("BEGIN");
  auto row = connection->Prepare("SELECT body FROM blacklist_entries WHERE number = ?");
  return [connection, row, body = std::string()](int64_t number) mutable -> std::string_view {
    body.clear();
    sqlite3_bind_int64(row.get(), 1, number);
    if (sqlite3_step(row.get()) == SQLITE_ROW) {
      body.assign(static_cast<const char*>(sqlite3_column_blob(row.get(), 0)),
                  static_cast<size_t>(sqlite3_column_bytes(row.get(), 0)));
    }
    if (sqlite3_reset(row.get()) != SQLITE_OK) Fail(connection->handle(), "read an entry");
    return body;
  };
}

BareRows::BareRows(const std::string& database) {
  Sqlite connection(database, SQLITE_OPEN_READONLY);
  connection.Run("BEGIN");
  const auto read = [](size_t table, sqlite3_stmt* row) {
    Row copy{table, {}};
    for (int i = 0; i < sqlite3_column_count(row); ++i) {
      Cell& cell = copy.cells.emplace_back();
      cell.type = sqlite3_column_type(row, i);
      if (cell.type == SQLITE_INTEGER) {
        cell.number = sqlite3_column_int64(row, i);
      } else if (cell.type != SQLITE_NULL) {
        cell.bytes = TextOf(row, i);
      }
    }
    return copy;
  };
  const auto all = [&](Table table, const std::string& where, const std::string& key) {
    auto rows = connection.Prepare("SELECT * FROM " + std::string(kTables[table]) + where);
    if (!key.empty()) {
      sqlite3_bind_blob(rows.get(), 1, key.data(), static_cast<int>(key.size()), SQLITE_TRANSIENT);
    }
    std::vector<Row> found;
    while (sqlite3_step(rows.get()) == SQLITE_ROW) found.push_back(read(table, rows.get()));
    return found;
  };
  // Ids rise with time, so texts lie in the order of the answers that brought them.
  std::vector<Row> texts = all(kTexts, "", "");
  auto count = connection.Prepare("SELECT COUNT(*) FROM responses");
  sqlite3_step(count.get());
  const auto total = static_cast<size_t>(sqlite3_column_int64(count.get(), 0));
  size_t texts_used = 0;

  // Keys are looked up by the index that only finding a customer needs.
  std::vector<std::pair<std::string, Row>> keys;
  for (Row& key : all(kKeys, "", "")) {
    std::string id = key.cells[2].bytes;
    keys.emplace_back(std::move(id), std::move(key));
  }
  std::sort(keys.begin(), keys.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });

  auto events = connection.Prepare("SELECT * FROM events ORDER BY sequence");
  std::vector<Row> command;
  while (sqlite3_step(events.get()) == SQLITE_ROW) {
    Row event = read(kEvents, events.get());
    const std::string type = event.cells[4].bytes;
    const auto put = [&](std::vector<Row> rows) {
      for (Row& row : rows) command.push_back(std::move(row));
    };
    // An answer's events begin with its customer's, if that is new, or with its own.
    const bool begins = type == "CustomerCreated" ||
                        (type == "ResponseRecorded" &&
                         (command.empty() || command.back().cells[4].bytes != "CustomerCreated"));
    if (begins && !command.empty()) {
      commands_.push_back(std::move(command));
      command.clear();
    }
    if (type == "CustomerCreated") {
      const std::string& id = event.cells[1].bytes;
      put(all(kCustomers, " WHERE id = ?", id));
      auto key = std::lower_bound(keys.begin(), keys.end(), id,
                                  [](const auto& entry, const auto& i) { return entry.first < i; });
      for (; key != keys.end() && key->first == id; ++key) command.push_back(key->second);
    } else if (type == "ResponseRecorded") {
      put(all(kResponses, " WHERE id = ?", event.cells[2].bytes));
      ++answers_;
      const size_t due = texts.size() * static_cast<size_t>(answers_) / std::max<size_t>(total, 1);
      while (texts_used < due) command.push_back(std::move(texts[texts_used++]));
    } else if (type == "CaseOpened") {
      put(all(kCases, " WHERE id = ?", event.cells[3].bytes));
      put(all(kTimers, " WHERE case_id = ?", event.cells[3].bytes));
    }
    command.push_back(std::move(event));
  }
  commands_.push_back(std::move(command));
}

double BareRows::Insert(const std::string& database) const {
  SqliteStore::Open(database);
  Sqlite connection(database, SQLITE_OPEN_READWRITE);
  connection.Run(kWriterSettings);
  std::vector<std::shared_ptr<sqlite3_stmt>> inserts(kTables.size());
  const auto begin = std::chrono::steady_clock::now();
  int in_transaction = 0;
  connection.Run("BEGIN IMMEDIATE");
  for (const std::vector<Row>& command : commands_) {
    for (const Row& row : command) {
      auto& insert = inserts[row.table];
      if (!insert) {
        std::string marks = "?";
        for (size_t i = 1; i < row.cells.size(); ++i) marks += ", ?";
        insert = connection.Prepare("INSERT INTO " + std::string(kTables[row.table]) + " VALUES (" +
                                    marks + ")");
      }
      for (size_t i = 0; i < row.cells.size(); ++i) {
        const Cell& cell = row.cells[i];
        const int at = static_cast<int>(i) + 1;
        const int size = static_cast<int>(cell.bytes.size());
        if (cell.type == SQLITE_INTEGER) {
          sqlite3_bind_int64(insert.get(), at, cell.number);
        } else if (cell.type == SQLITE_TEXT) {
          sqlite3_bind_text(insert.get(), at, cell.bytes.data(), size, SQLITE_STATIC);
        } else if (cell.type == SQLITE_BLOB) {
          sqlite3_bind_blob(insert.get(), at, cell.bytes.data(), size, SQLITE_STATIC);
        } else {
          sqlite3_bind_null(insert.get(), at);
        }
      }
      if (sqlite3_step(insert.get()) != SQLITE_DONE) Fail(connection.handle(), kTables[row.table]);
      sqlite3_reset(insert.get());
    }
    if (++in_transaction == kAnswersPerTransaction) {
      connection.Run("COMMIT; BEGIN IMMEDIATE");
      in_transaction = 0;
    }
  }
  connection.Run("COMMIT");
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  return static_cast<double>(answers_) / elapsed.count();
}

}  // namespace rebound::bench
