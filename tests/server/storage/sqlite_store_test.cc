// What only the SQLite store promises: one serving process, files of the right kind and version,
// nothing lost over a restart, and tampering that verify finds.
#include "server/storage/sqlite_store.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/storage/codec.h"
#include "server/storage/delivery_records.h"
#include "server/storage/migrate.h"
#include "server/storage/migrations.h"
#include "server/storage/verify.h"
#include "tests/fixtures/storage_fixtures.h"

namespace rebound {
namespace {

using fixtures::ChangeMaker;
using fixtures::ReadFrom;
using fixtures::Save;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::ThrowsMessage;
using Access = SqliteStore::Access;

class SqliteStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) / (std::string("rebound.") + test->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    path_ = (folder_ / "rebound.db").string();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Raw(const std::string& sql) {
    SQLite::Database(path_, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec(sql);
  }
  std::string RawText(const std::string& sql) {
    SQLite::Database database(path_, SQLite::OPEN_READWRITE);
    return database.execAndGet(sql).getString();
  }

  // A customer with an answer, a case, a timer and an invitation; closed again.
  void Fill() {
    const auto store = SqliteStore::Open(path_);
    Change change;
    const Customer customer = make_.Create(change, "K1");
    make_.Record(change, {.customer_id = customer.id, .reason = make_.NewText("too slow")});
    Case c{.number = 1, .customer_id = customer.id};
    c.details.org_unit_id = "east";
    c.details.queue_id = "q";
    case_ = make_.Open(change, c);
    case_ = make_.Add(change, case_, TimerSet{TimerKind::kFirstContact, 1, make_.now});
    case_ = make_.Add(change, case_, ResurveyAsked{make_.NextId<InvitationId>()});
    change.request = RequestRecord{.key = {1}, .at = make_.now};
    Save(*store, change);
    store->PutPrincipal({"li.na", "agent", {}, false}, std::array<uint8_t, 32>{1});
  }

  // After Fill: an entry that is in force, whose customer has been told.
  void List() {
    const auto store = SqliteStore::Open(path_);
    Change change;
    const auto customer = ReadFrom(*store, [&](Reader& r) {
      return r.FindCustomer({"crm", "K1"});
    });
    entry_ = make_.Propose(change, *customer, {.number = 1, .org_unit_id = "east"});
    entry_ = make_.Add(change, entry_,
                       EntryDecided{{BlacklistDecisionKind::kActivated, "wei", make_.now, {}}, {}});
    entry_ = make_.Add(change, entry_, EntryNotified{BlacklistNotice::kDecision, {}, {}, {}});
    Save(*store, change);
  }

  std::vector<std::string> Problems() {
    return Verify(*SqliteStore::Open(path_, {.access = Access::kReadOnly})).problems;
  }

  ChangeMaker make_;
  std::filesystem::path folder_;
  std::string path_;
  Case case_;
  BlacklistEntry entry_;
};

TEST_F(SqliteStoreTest, ReopeningKeepsEverything) {
  Fill();
  const auto store = SqliteStore::Open(path_);
  EXPECT_THAT(Verify(*store).problems, IsEmpty());
  store->Read([&](Reader& reader) {
    EXPECT_EQ(reader.GetCase(case_.id), case_);
    EXPECT_TRUE(reader.FindRequest({1}));
    EXPECT_EQ(reader.Sizes().events, 5);
    EXPECT_EQ(reader.LastSequence(), 5);
  });
  EXPECT_TRUE(store->FindPrincipal({1}));
  Change change;
  make_.Open(change, {.number = 2});
  Save(*store, change);
  EXPECT_EQ(store->SchemaVersion(), LatestSchema());
  EXPECT_THAT(Verify(*store).problems, IsEmpty());
}

TEST_F(SqliteStoreTest, AnAskedResurveyLiesInTheOutbox) {
  Fill();
  EXPECT_EQ(RawText("SELECT kind || ' ' || state || ' ' || sequence || ' ' || org_unit_id || ' ' ||"
                    " queue_id || ' ' || tries FROM outbox"),
            "resurvey_invitation pending 5 east q 0");
}

TEST_F(SqliteStoreTest, ANoticeOfAnEntryLiesInTheOutboxByItsEntry) {
  Fill();
  List();
  EXPECT_EQ(
      RawText("SELECT kind || ' ' || state || ' ' || sequence || ' ' || org_unit_id || ' ' ||"
              " (case_id IS NULL) || ' ' || hex(entry_id) FROM outbox WHERE sequence = 8"),
      "blacklist_notice pending 8 east 1 " + RawText("SELECT hex(id) FROM blacklist_entries"));
}

TEST_F(SqliteStoreTest, EntriesAreNumberedOnAfterReopening) {
  Fill();
  List();
  const auto store = SqliteStore::Open(path_);
  EXPECT_EQ(fixtures::NextEntryNumber(*store), 2);
  EXPECT_EQ(ReadFrom(*store, [&](Reader& r) { return r.GetEntry(entry_.id); }), entry_);
  EXPECT_THAT(Verify(*store).problems, IsEmpty());
}

// Each event that somebody is to hear of makes one row, and no other does.
TEST_F(SqliteStoreTest, EveryKindOfOutboxRowIsMade) {
  const auto store = SqliteStore::Open(path_);
  Change change;
  Case c{.number = 1};
  c.details.queue_id = "q";
  CaseClock clock;
  clock.kind = ClockKind::kRemedy;
  clock.generation = 1;
  c.clocks.push_back(clock);
  c = make_.Open(change, c);
  const EventBody bodies[] = {
      TierCrossed{.kind = ClockKind::kRemedy, .generation = 1, .tier = "quiet"},
      TierCrossed{.kind = ClockKind::kRemedy,
                  .generation = 1,
                  .tier = "breach",
                  .notify = {"li.na", "role:manager"}},
      CaseEscalated{1, {}, {}},
      CaseEscalated{2, {"wei"}, {}},
      CaseChased{},
      CaseSupervised{},
      CaseDispatched{{}, "q", {}, {}},
      CaseAccepted{},
      CaseAssigned{},
      PriorityChanged{"urgent", 1},
      ResurveyAsked{make_.NextId<InvitationId>()},
      CaseAssigned{"li.na", {}, "routed"},
      CaseReturned{"wrong_unit", {}, {}},
      CaseReturned{"lease_expired", {}, {}, true},
  };
  std::string expected;
  int64_t sequence = 1;
  for (const EventBody& body : bodies) {
    c = make_.Add(change, c, body);
    ++sequence;
    if (const auto kind = OutboxKind(body); !kind.empty()) {
      expected += std::to_string(sequence) + " " + std::string(kind) + "\n";
    }
  }
  Save(*store, change);
  EXPECT_EQ(expected,
            "3 notification\n5 notification\n6 notification\n7 notification\n"
            "8 notification\n12 resurvey_invitation\n13 notification\n15 notification\n");
  EXPECT_EQ(RawText("SELECT GROUP_CONCAT(sequence || ' ' || kind || char(10), '') FROM "
                    "(SELECT * FROM outbox ORDER BY sequence)"),
            expected);
}

// A file of the first schema: made by its migration alone, with the rows copied over.
TEST_F(SqliteStoreTest, AFileOfTheFirstSchemaIsBroughtUpWithItsRows) {
  Fill();
  {
    Change change;
    case_ = make_.Add(change, case_, CaseAssigned{"li.na", {}});
    case_ = make_.Add(change, case_, CaseAssigned{});
    make_.now += std::chrono::hours{1};
    case_ = make_.Add(change, case_, CaseClosed{}, "closed", Phase::kClosed);
    make_.now += std::chrono::hours{1};
    case_ =
        make_.Add(change, case_, CaseReopened{ReopenCause::kByHand, 2}, "reopened", Phase::kOpen);
    Save(*SqliteStore::Open(path_), change);
  }
  ASSERT_EQ(case_.lease_number, 2);
  ASSERT_EQ(case_.round, 2);
  ASSERT_EQ(case_.round_started_at, make_.now);
  const std::string new_path = path_;
  const std::string old_path = (folder_ / "old.db").string();
  {
    SQLite::Database old(old_path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    old.exec(std::string(kSqliteMigrations[0].sql));
    old.exec("PRAGMA application_id = 1380077124; PRAGMA user_version = 1");
    old.exec("ATTACH '" + new_path + "' AS new");
    std::vector<std::string> tables;
    SQLite::Statement listing(old, "SELECT name FROM main.sqlite_master WHERE type = 'table'");
    while (listing.executeStep()) tables.push_back(listing.getColumn(0).getString());
    for (const std::string& table : tables) {
      std::string columns;
      SQLite::Statement list(old, "SELECT name FROM pragma_table_info('" + table + "', 'main')");
      while (list.executeStep()) {
        columns += (columns.empty() ? "" : ", ") + list.getColumn(0).getString();
      }
      old.exec("DELETE FROM main." + table);
      old.exec("INSERT INTO main." + table + " (" + columns + ") SELECT " + columns + " FROM new." +
               table);
    }
    old.exec("INSERT INTO main.revisions VALUES (1, 'abc', 'programs: []', 'folder')");
    EXPECT_EQ(old.execAndGet("SELECT COUNT(*) FROM main.outbox").getInt(), 1);
  }
  // Of then, the row knows nothing of leases and rounds; its events tell.
  {
    Case of_then = case_;
    of_then.lease_number = 0;
    of_then.owned_at.reset();
    of_then.last_owner.clear();
    of_then.round = Case{}.round;
    of_then.round_started_at.reset();
    SQLite::Database old(old_path, SQLite::OPEN_READWRITE);
    SQLite::Statement update(old, "UPDATE cases SET body = ?, claimable = 1 WHERE number = ?");
    const std::string body = Encode(of_then);
    update.bind(1, body.data(), static_cast<int>(body.size()));
    update.bind(2, case_.number);
    update.exec();
  }
  path_ = old_path;
  const auto store = SqliteStore::Open(path_);
  EXPECT_EQ(store->SchemaVersion(), LatestSchema());
  EXPECT_THAT(Verify(*store).problems, IsEmpty());
  store->Read([&](Reader& reader) {
    EXPECT_EQ(reader.GetCase(case_.id), case_);
    EXPECT_EQ(reader.GetServerState(), ServerState{});
    const auto revision = reader.FindRevision(1);
    ASSERT_TRUE(revision);
    EXPECT_EQ(revision->text, "programs: []");
    EXPECT_EQ(revision->applied_by, "system");
    const auto claimable = reader.BestToClaim(
        "q", {}, make_.now, [](std::string_view) { return true; },
        [](const Case&) { return true; });
    ASSERT_TRUE(claimable);
    EXPECT_EQ(claimable->id, case_.id);
  });
  EXPECT_EQ(RawText("SELECT kind || ' ' || sequence || ' ' || (case_id IS NULL) FROM outbox"),
            "resurvey_invitation 5 0");
  EXPECT_EQ(RawText("SELECT priority_rank || ' ' || escalation_level || ' ' || paused FROM cases"),
            "1000 0 0");
  const std::string schema =
      "SELECT GROUP_CONCAT(sql, char(10)) FROM (SELECT sql FROM sqlite_master WHERE name NOT LIKE "
      "'requests%' ORDER BY name)";
  const std::string brought_up = RawText(schema);
  path_ = new_path;
  EXPECT_EQ(RawText(schema), brought_up) << "as one that was made new";
}

TEST_F(SqliteStoreTest, ASecondServingProcessIsRefusedByPid) {
  const auto store = SqliteStore::Open(path_);
  EXPECT_THAT([&] { SqliteStore::Open(path_); },
              ThrowsMessage<StoreFailure>(HasSubstr("by process " + std::to_string(getpid()))));
}

TEST_F(SqliteStoreTest, TheLockGoesWithTheStore) {
  SqliteStore::Open(path_);
  SqliteStore::Open(path_);
}

TEST_F(SqliteStoreTest, PrincipalsCanBeAddedBesideARunningServer) {
  const auto server = SqliteStore::Open(path_);
  {
    const auto beside = SqliteStore::Open(path_, {.access = Access::kShared});
    beside->PutPrincipal({"wei", "admin", {}, false}, std::array<uint8_t, 32>{9});
    EXPECT_THROW(beside->Execute(1, [](size_t, Transaction&) { return true; }), StoreFailure);
  }
  EXPECT_EQ(server->FindPrincipal({9})->name, "wei");
  Change change;
  make_.Create(change, "K1");
  Save(*server, change);
}

TEST_F(SqliteStoreTest, PrincipalsCanBeAddedBeforeTheFirstStart) {
  SqliteStore::Open(path_, {.access = Access::kShared})
      ->PutPrincipal({"wei", "admin", {}, false}, std::array<uint8_t, 32>{9});
  EXPECT_TRUE(SqliteStore::Open(path_)->FindPrincipal({9}));
}

TEST_F(SqliteStoreTest, AReadOnlyStoreReadsAndWritesNothing) {
  Fill();
  const auto store = SqliteStore::Open(path_, {.access = Access::kReadOnly});
  EXPECT_TRUE(Verify(*store).ok());
  EXPECT_THROW(store->Execute(1, [](size_t, Transaction&) { return true; }), StoreFailure);
  EXPECT_THROW(store->PutPrincipal({"wei", "admin", {}, false}, std::nullopt), StoreFailure);
  EXPECT_THROW(SqliteStore::Open(path_ + ".missing", {.access = Access::kReadOnly}), StoreFailure);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".missing"));
}

TEST_F(SqliteStoreTest, AReadSeesNothingThatIsCommittedAfterItBegan) {
  const auto store = SqliteStore::Open(path_);
  Change change;
  const Customer customer = make_.Create(change, "K1");
  store->Read([&](Reader& reader) {
    std::thread([&] { Save(*store, change); }).join();
    EXPECT_FALSE(reader.GetCustomer(customer.id));
    EXPECT_EQ(reader.Sizes().customers, 0);
  });
  EXPECT_TRUE(ReadFrom(*store, [&](Reader& r) { return r.GetCustomer(customer.id); }));
}

TEST_F(SqliteStoreTest, AReadThatThrowsGivesItsSnapshotBack) {
  const auto store = SqliteStore::Open(path_);
  EXPECT_THROW(store->Read([](Reader&) { throw std::runtime_error("as the test wants"); }),
               std::runtime_error);
  Change change;
  make_.Create(change, "K1");
  Save(*store, change);
  EXPECT_EQ(ReadFrom(*store, [](Reader& r) { return r.Sizes().customers; }), 1);
}

TEST_F(SqliteStoreTest, ReadsFromManyThreadsSeeWholeBatches) {
  const auto store = SqliteStore::Open(path_);
  std::atomic<bool> done = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!done) {
        store->Read([](Reader& reader) {
          const TableSizes sizes = reader.Sizes();
          int64_t counted = 0;
          reader.ScanEvents(0, [&](const RawEvent&) { counted += 1; });
          EXPECT_EQ(counted, sizes.events);
          EXPECT_EQ(sizes.customers, sizes.responses);
        });
      }
    });
  }
  for (int batch = 0; batch < 30; ++batch) {
    std::vector<Change> changes(4);
    for (Change& change : changes) {
      const std::string key = std::to_string(batch) + "." + std::to_string(&change - &changes[0]);
      const Customer customer = make_.Create(change, key);
      make_.Record(change, {.customer_id = customer.id});
    }
    Save(*store, changes);
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
}

TEST_F(SqliteStoreTest, ANewerSchemaIsRefusedNamingBothVersions) {
  Fill();
  Raw("PRAGMA user_version = 99");
  for (Access access : {Access::kServe, Access::kShared, Access::kReadOnly}) {
    EXPECT_THAT([&] { SqliteStore::Open(path_, {.access = access}); },
                ThrowsMessage<StoreFailure>(testing::AllOf(
                    HasSubstr("expected schema version " + std::to_string(LatestSchema())),
                    HasSubstr("has version 99"))));
  }
}

TEST_F(SqliteStoreTest, AFileOfAnotherApplicationIsRefusedAndLeftAlone) {
  Raw("CREATE TABLE bookmarks (url TEXT)");
  EXPECT_THAT([&] { SqliteStore::Open(path_); },
              ThrowsMessage<StoreFailure>(HasSubstr("another application")));
  EXPECT_EQ(RawText("SELECT COUNT(*) FROM sqlite_master"), "1");
}

TEST_F(SqliteStoreTest, AFileThatIsNoDatabaseIsRefused) {
  { std::ofstream(path_) << std::string(5000, 'x'); }
  EXPECT_THROW(SqliteStore::Open(path_), StoreFailure);
}

TEST_F(SqliteStoreTest, TheFilesAreForTheirOwnerOnly) {
  const auto store = SqliteStore::Open(path_);
  for (const char* ending : {"", "-wal", "-shm", ".lock"}) {
    struct stat file {};
    ASSERT_EQ(stat((path_ + ending).c_str(), &file), 0) << ending;
    EXPECT_EQ(file.st_mode & 0777, 0600U) << ending;
  }
}

TEST_F(SqliteStoreTest, DeletedTextsAreOverwritten) {
  Fill();
  Raw("PRAGMA secure_delete = ON; DELETE FROM texts; PRAGMA wal_checkpoint(TRUNCATE)");
  EXPECT_THAT(Problems(), IsEmpty());  // erasing a text breaks no chain
  std::ifstream file(path_, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_THAT(bytes, Not(HasSubstr("too slow")));
}

// Each statement changes one thing behind the store's back; verify must name it.
TEST_F(SqliteStoreTest, VerifyFindsWhatWasTamperedWith) {
  struct Tampering {
    const char* sql;
    const char* problem;
  };
  const Tampering kTamperings[] = {
      {"UPDATE events SET actor = 'other' WHERE sequence = 3", "event 3: its hash does not fit"},
      {"UPDATE events SET occurred_ms = occurred_ms + 1 WHERE sequence = 2",
       "event 2: its hash does not fit"},
      {"UPDATE events SET hash = zeroblob(32) WHERE sequence = 5",
       "event 5: its hash does not fit"},
      {"UPDATE events SET prev_hash = zeroblob(32) WHERE sequence = 4",
       "event 4: expected the hash of the event before it"},
      {"DELETE FROM events WHERE sequence = 4", "event 5: expected the hash of the event before"},
      {"UPDATE texts SET body = 'too fast' WHERE body = 'too slow'", "event 2: a text differs"},
      {"UPDATE cases SET status = 'closed'", "column status differs from the row"},
      {"UPDATE customers SET alias_of = zeroblob(16)", "column alias_of differs from the row"},
      {"UPDATE responses SET occurred_ms = 5", "column occurred_ms differs from the row"},
      {"UPDATE cases SET body = zeroblob(0)", "its row is missing"},
      {"DELETE FROM responses", "response "},
      {"DELETE FROM customer_keys", "its key in crm does not lead to it"},
      {"UPDATE timers SET due_ms = due_ms + 1", "timer 1/1 of case "},
      {"DELETE FROM timers", "its row is missing"},
      {"UPDATE rollups SET detractors = detractors + 1", "it is not the sum over"},
      {"DELETE FROM rollups", "its row is missing"},
      {"UPDATE meta SET cases = 2", "the sizes of the tables"},
      {"UPDATE meta SET entries = 2", "the sizes of the tables"},
      {"UPDATE events SET entry_id = zeroblob(16) WHERE sequence = 7",
       "event 7: its hash does not fit"},
      {"UPDATE events SET entry_id = NULL WHERE sequence = 7", "event 7: its hash does not fit"},
      {"UPDATE events SET entry_id = id FROM blacklist_entries WHERE sequence = 2",
       "event 2: its hash does not fit"},
      {"UPDATE blacklist_entries SET state = 'lifted'", "column state differs from the row"},
      {"UPDATE open_entries SET brief = zeroblob(0)", "open_entries: B-1 differs from the entry"},
      {"DELETE FROM open_entries", "open_entries: B-1 differs from the entry"},
      {"INSERT INTO open_entries SELECT customer_id, 7, brief FROM open_entries",
       "open_entries: expected 1 rows, but there are 2"},
      {"UPDATE blacklist_entries SET due_ms = due_ms + 1", "column due_ms differs from the row"},
      {"UPDATE blacklist_entries SET due_ms = NULL", "it is not due when its events say"},
      {"UPDATE blacklist_entries SET number = 2", "its number does not lead to it"},
      {"UPDATE blacklist_entries SET body = zeroblob(0)", "its row is missing"},
      {"DELETE FROM blacklist_entries", "its row is missing"},
  };
  for (const auto& [sql, problem] : kTamperings) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    Fill();
    List();
    Raw(sql);
    EXPECT_THAT(Problems(), Contains(HasSubstr(problem))) << sql;
  }
}

// Goal: what the calls that write deliveries would never leave behind is found in the file, too.
TEST_F(SqliteStoreTest, VerifyFindsWhatWasTamperedWithInDeliveries) {
  const std::vector<std::pair<const char*, const char*>> tamperings = {
      {"DELETE FROM endpoints", ": its endpoint "},
      {"UPDATE deliveries SET endpoint_id = zeroblob(16) WHERE sequence = 1", ": its endpoint "},
      {"UPDATE deliveries SET due_ms = NULL WHERE sequence = 1", ": it is not due when"},
      {"UPDATE deliveries SET due_ms = due_ms + 1 WHERE sequence = 1", ": it is not due when"},
      {"UPDATE deliveries SET next_try_ms = next_try_ms + 1 WHERE sequence = 1",
       ": it is not due when"},
      {"UPDATE deliveries SET sequence = 40 WHERE sequence = 1", ": there is no event 40"},
      {"UPDATE deliveries SET order_key = 'x' WHERE sequence = 1", ": it goes out in the order"},
      {"UPDATE deliveries SET case_id = zeroblob(15) || x'01' WHERE sequence = 1", ": its case is"},
      {"UPDATE endpoints SET sequence = 40", ": it has looked at the log up to 40"},
  };
  for (const auto& [sql, problem] : tamperings) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    Fill();
    {
      const auto store = SqliteStore::Open(path_);
      const auto events = ReadFrom(*store, [](Reader& r) { return r.EventsAfter(0, 2); });
      store->WriteDeliveries([&](DeliveryRecords& records) {
        Endpoint endpoint{.url = "https://hooks.example/x"};
        endpoint.id.bytes = {1};
        records.Put(endpoint);
        for (const Event& event : events) {
          Delivery delivery{.endpoint = endpoint.id,
                            .sequence = event.sequence,
                            .event_type = std::string(TypeName(event.body)),
                            .order_key = OrderKeyOf(event),
                            .next_try_at = make_.now};
          delivery.id.bytes = {static_cast<uint8_t>(event.sequence)};
          records.Put(delivery);
        }
        return true;
      });
    }
    EXPECT_THAT(Problems(), IsEmpty());
    Raw(sql);
    EXPECT_THAT(Problems(), Contains(HasSubstr(problem))) << sql;
  }
}

// One byte of a stored body, wherever it is, must not go unnoticed.
TEST_F(SqliteStoreTest, VerifyFindsAnyChangedByteOfAnEvent) {
  Fill();
  const int size = std::stoi(RawText("SELECT length(body) FROM events WHERE sequence = 3"));
  const std::string hex = RawText("SELECT hex(body) FROM events WHERE sequence = 3");
  for (int i = 0; i < size; ++i) {
    std::string changed = hex;
    const auto at = static_cast<size_t>(2 * i + 1);
    changed[at] = changed[at] == '0' ? '1' : '0';
    Raw("UPDATE events SET body = x'" + changed + "' WHERE sequence = 3");
    std::vector<std::string> problems;
    try {
      problems = Problems();
    } catch (const StoreFailure& e) {
      problems.emplace_back(e.what());  // not even readable
    }
    EXPECT_THAT(problems, Contains(HasSubstr("event 3"))) << "byte " << i;
  }
}

// Goal: the crash rig's canary does what the rig must notice, and nothing else.
TEST_F(SqliteStoreTest, TheCanaryDropsEverySoManythWriteAndSaysNothing) {
  const auto store = SqliteStore::Open(path_, {.drop_acknowledged_write_every = 3});
  std::vector<Change> changes(7);
  std::vector<CustomerId> ids;
  for (size_t i = 0; i < changes.size(); ++i) {
    ids.push_back(make_.Create(changes[i], "K" + std::to_string(i)).id);
  }
  Save(*store, changes);
  store->Read([&](Reader& reader) {
    for (size_t i = 0; i < ids.size(); ++i) {
      EXPECT_EQ(reader.GetCustomer(ids[i]).has_value(), i % 3 != 2) << i;
    }
  });
}

// The plans that pages and claims over a million cases rely on.
TEST_F(SqliteStoreTest, HotQueriesWalkTheirIndexAndSortNothing) {
  Fill();
  const struct {
    const char* sql;
    const char* index;
  } kQueries[] = {
      {"SELECT body FROM cases WHERE (due_sort, number) > (1, 1) ORDER BY due_sort, number LIMIT 9",
       "cases_due (due_sort>?)"},
      {"SELECT body FROM cases WHERE queue_id = 'q' AND (due_sort, number) > (1, 1) "
       "ORDER BY due_sort, number LIMIT 9",
       "cases_queue_due (queue_id=? AND due_sort>?)"},
      {"SELECT body FROM cases WHERE +queue_id IN ('a', 'b') ORDER BY due_sort, number LIMIT 9",
       "cases_due"},
      {"SELECT body FROM cases WHERE (opened_ms, number) < (1, 1) "
       "ORDER BY opened_ms DESC, number DESC LIMIT 9",
       "cases_opened (opened_ms<?)"},
      {"SELECT id FROM cases WHERE due_sort <= 1 ORDER BY due_sort, number LIMIT 9",
       "cases_due (due_sort<?)"},
      {"SELECT body FROM cases INDEXED BY cases_claim WHERE claimable = 1 AND queue_id = 'q' "
       "AND (commitment_ms IS NULL OR commitment_ms > 1) ORDER BY priority_rank, severity DESC, "
       "COALESCE(value_at_risk, 0) DESC, breach_sort, number",
       "cases_claim (queue_id=?)"},
      {"SELECT body FROM cases INDEXED BY cases_promise WHERE claimable = 1 AND queue_id = 'q' "
       "AND commitment_ms IS NOT NULL AND commitment_ms <= 1 ORDER BY commitment_ms, "
       "priority_rank, severity DESC, COALESCE(value_at_risk, 0) DESC, breach_sort, number",
       "cases_promise (queue_id=? AND commitment_ms>? AND commitment_ms<?)"},
      {"SELECT COUNT(*) FROM cases INDEXED BY cases_load WHERE owner = 'a' AND needs_work = 1",
       "COVERING INDEX cases_load (owner=? AND needs_work=?)"},
      {"SELECT given_ms FROM staff_given WHERE principal = 'a'", "PRIMARY KEY (principal=?)"},
      {"SELECT customer_id, occurred_ms, category FROM responses INDEXED BY responses_customer "
       "WHERE +program_id = 'p' AND customer_id IS NOT NULL "
       "ORDER BY customer_id, program_id, occurred_ms, id",
       "COVERING INDEX responses_customer"},
      {"SELECT MAX(occurred_ms) FROM responses WHERE program_id = 'p'",
       "COVERING INDEX responses_customer"},
      {"SELECT body FROM events WHERE case_id = x'00' AND sequence > 5 ORDER BY sequence LIMIT 9",
       "events_case (case_id=? AND sequence>?)"},
      // What those who follow events ask for.
      {"SELECT body FROM events WHERE sequence > 5 ORDER BY sequence LIMIT 9",
       "events USING INTEGER PRIMARY KEY (rowid>?)"},
      {"SELECT hash FROM events WHERE sequence = 5", "events USING INTEGER PRIMARY KEY (rowid=?)"},
      {"SELECT sequence FROM events ORDER BY sequence DESC LIMIT 1", "SCAN events"},
      {"SELECT sequence, recorded_ms FROM events WHERE sequence > 1 AND sequence <= 5 "
       "ORDER BY sequence DESC LIMIT 1",
       "events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
      {"SELECT sequence, hash FROM events WHERE sequence <= 5 ORDER BY sequence DESC LIMIT 1",
       "events USING INTEGER PRIMARY KEY (rowid<?)"},
      {"SELECT name, sequence, mark FROM subscriptions WHERE owner = 'a' ORDER BY name",
       "PRIMARY KEY (owner=?)"},
      {"SELECT body FROM events WHERE entry_id = x'00' AND sequence > 5 ORDER BY sequence LIMIT 9",
       "events_entry (entry_id=? AND sequence>?)"},
      {"SELECT brief, NULL FROM open_entries WHERE customer_id = x'00' "
       "UNION ALL SELECT NULL, id FROM customers WHERE alias_of = x'00'",
       "open_entries USING PRIMARY KEY (customer_id=?)"},
      {"SELECT NULL, id FROM customers WHERE alias_of = x'00'",
       "COVERING INDEX customers_alias_of (alias_of=?)"},
      {"SELECT body FROM blacklist_entries WHERE id < x'00' ORDER BY id DESC LIMIT 9",
       "blacklist_entries_id (id<?)"},
      {"SELECT body FROM blacklist_entries WHERE state IN ('proposed') AND +kind IN ('a', 'b') "
       "AND id < x'00' ORDER BY id DESC LIMIT 9",
       "blacklist_entries_state (state=? AND id<?)"},
      {"SELECT body FROM blacklist_entries WHERE +state IN ('proposed', 'warned') "
       "ORDER BY id DESC LIMIT 9",
       "blacklist_entries_id"},
      {"SELECT body FROM blacklist_entries INDEXED BY blacklist_entries_customer "
       "WHERE customer_id IN (x'00') AND id < x'00' ORDER BY id DESC LIMIT 9",
       "blacklist_entries_customer (customer_id=? AND id<?)"},
      {"SELECT id FROM blacklist_entries WHERE due_ms <= 1 ORDER BY due_ms, number LIMIT 9",
       "blacklist_entries_due (due_ms<?)"},
      {"SELECT due_ms FROM blacklist_entries WHERE due_ms IS NOT NULL ORDER BY due_ms, number "
       "LIMIT 1",
       "COVERING INDEX blacklist_entries_due"},
      {"SELECT tries FROM deliveries WHERE endpoint_id = x'00' AND due_ms <= 1 "
       "ORDER BY due_ms, sequence LIMIT 9",
       "deliveries_due (endpoint_id=? AND due_ms<?)"},
      {"SELECT id FROM deliveries WHERE endpoint_id = x'00' AND order_key = 'k' AND state = 1 "
       "ORDER BY sequence LIMIT 1",
       "deliveries_order (endpoint_id=? AND order_key=?)"},
      {"SELECT tries FROM deliveries WHERE endpoint_id = x'00' AND state = 3 AND sequence < 1 "
       "ORDER BY sequence DESC LIMIT 9",
       "deliveries_listed (endpoint_id=? AND state=? AND sequence<?)"},
      {"SELECT tries FROM deliveries WHERE endpoint_id = x'00' AND case_id = x'00' AND +state = 3 "
       "ORDER BY sequence DESC LIMIT 9",
       "deliveries_case (endpoint_id=? AND case_id=?)"},
  };
  SQLite::Database database(path_);
  for (const auto& [sql, index] : kQueries) {
    SQLite::Statement plan(database, std::string("EXPLAIN QUERY PLAN ") + sql);
    std::string steps;
    while (plan.executeStep()) steps += plan.getColumn(3).getString() + "\n";
    EXPECT_THAT(steps, HasSubstr(index)) << sql;
    EXPECT_THAT(steps, Not(HasSubstr("TEMP B-TREE"))) << sql;
  }
}

}  // namespace
}  // namespace rebound
