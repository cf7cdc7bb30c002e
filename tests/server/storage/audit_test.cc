// The chain of audit entries: what store.h promises of it, for each store that there is, and that a
// file in which somebody changed an entry says which.
#include "server/storage/audit.h"

#include <SQLiteCpp/Database.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/storage/codec.h"
#include "server/storage/memory_store.h"
#include "server/storage/sqlite_store.h"
#include "server/storage/verify.h"
#include "tests/fixtures/storage_fixtures.h"

namespace rebound {
namespace {

using fixtures::ChangeMaker;
using fixtures::kMidnight;
using fixtures::ReadFrom;
using fixtures::Save;
using std::chrono::minutes;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

AuditEntry EntryBy(std::string principal, Timestamp at = kMidnight) {
  AuditEntry entry{.at = at, .kind = AuditKind::kMutation};
  entry.principal = std::move(principal);
  entry.role = "agent";
  entry.method = "rebound.v1.CaseService/CloseCase";
  entry.outcome = "OK";
  entry.subject_type = "case";
  entry.subject = {1, 2, 3};
  entry.request_key = {4, 5};
  entry.address = "10.0.0.7";
  return entry;
}

std::vector<AuditEntry> EntriesIn(Store& store) {
  return ReadFrom(store, [](Reader& reader) {
    std::vector<AuditEntry> entries;
    reader.ScanAudit(0, [&](const AuditEntry& entry) {
      entries.push_back(entry);
      return true;
    });
    return entries;
  });
}

void Append(Store& store, std::vector<AuditEntry> entries) {
  Change change;
  change.audit = std::move(entries);
  Save(store, std::move(change));
}

class AuditStoreTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '.');
    folder_ = std::filesystem::path(testing::TempDir()) / ("rebound.audit." + name);
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    if (GetParam() == "sqlite") {
      store_ = SqliteStore::Open(Path());
    } else {
      store_ = std::make_unique<MemoryStore>();
    }
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::string Path() const { return (folder_ / "rebound.db").string(); }
  Store& store() { return *store_; }
  std::vector<std::string> Listed(const AuditQuery& query) {
    return ReadFrom(store(), [&](Reader& reader) {
      std::vector<std::string> names;
      for (const AuditEntry& entry : reader.ListAudit(query)) names.push_back(entry.principal);
      return names;
    });
  }

  ChangeMaker make_;
  std::filesystem::path folder_;
  std::unique_ptr<Store> store_;
};

TEST_P(AuditStoreTest, EntriesAreChainedInTheOrderTheyAreSavedIn) {
  EXPECT_EQ(ReadFrom(store(), [](Reader& r) { return r.GetAuditHead(); }), AuditHead{});
  Append(store(), {EntryBy("a"), EntryBy("b")});
  Append(store(), {EntryBy("c")});
  const auto entries = EntriesIn(store());
  ASSERT_THAT(entries, SizeIs(3));
  AuditHead head;
  for (const AuditEntry& entry : entries) {
    AuditEntry again = EntryBy(entry.principal);
    Chain(again, head);
    EXPECT_EQ(entry, again);
  }
  EXPECT_EQ(head.sequence, 3);
  EXPECT_EQ(ReadFrom(store(), [](Reader& r) { return r.GetAuditHead(); }), head);
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
  EXPECT_EQ(Verify(store()).audited, 3);
  EXPECT_EQ(Verify(store()).audit_head, head);
}

TEST_P(AuditStoreTest, SaveTellsWhatItGave) {
  Change change;
  change.audit = {EntryBy("a")};
  store().Execute(1, [&](size_t, Transaction& transaction) {
    transaction.Save(change);
    EXPECT_EQ(transaction.GetAuditHead().hash, change.audit.front().hash);
    return true;
  });
  EXPECT_EQ(change.audit, EntriesIn(store()));
}

TEST_P(AuditStoreTest, AnUndoneCommandLeavesNoEntryAndNoGap) {
  store().Execute(4, [&](size_t i, Transaction& transaction) {
    Change change;
    make_.Create(change, "K" + std::to_string(i));
    change.audit = {EntryBy(std::to_string(i)), EntryBy(std::to_string(i) + " too")};
    transaction.Save(change);
    return i % 2 == 1;
  });
  const auto entries = EntriesIn(store());
  ASSERT_THAT(entries, SizeIs(4));
  EXPECT_EQ(entries[0].principal, "1");
  EXPECT_EQ(entries[3].principal, "3 too");
  EXPECT_EQ(entries[3].sequence, 4);
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(AuditStoreTest, AFailedBatchLeavesNone) {
  Append(store(), {EntryBy("a")});
  EXPECT_THROW(store().Execute(2,
                               [&](size_t i, Transaction& transaction) -> bool {
                                 if (i == 1) throw std::runtime_error("as the test wants");
                                 Change change;
                                 change.audit = {EntryBy("b")};
                                 transaction.Save(change);
                                 return true;
                               }),
               std::runtime_error);
  Append(store(), {EntryBy("c")});
  const auto entries = EntriesIn(store());
  ASSERT_THAT(entries, SizeIs(2));
  EXPECT_EQ(entries[1].principal, "c");
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(AuditStoreTest, TimesNeverGoBack) {
  Append(store(), {EntryBy("a", kMidnight + minutes{2}), EntryBy("b", kMidnight)});
  Append(store(), {EntryBy("c", kMidnight + minutes{1})});
  for (const AuditEntry& entry : EntriesIn(store())) {
    EXPECT_EQ(entry.at, kMidnight + minutes{2}) << entry.sequence;
  }
}

TEST_P(AuditStoreTest, TextsAreCutBetweenCharacters) {
  AuditEntry entry = EntryBy("a");
  entry.detail = "x";
  for (int i = 0; i < 200; ++i) entry.detail += "时";
  Append(store(), {entry});
  const std::string cut = EntriesIn(store()).front().detail;
  EXPECT_EQ(cut.size(), 256U);  // x and 85 characters of three bytes
  EXPECT_TRUE(cut.ends_with("时"));
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(AuditStoreTest, WhatIsAppendedBesideBatchesIsPartOfTheChain) {
  Append(store(), {EntryBy("a")});
  store().AppendAudit({EntryBy("b"), EntryBy("c")});
  Append(store(), {EntryBy("d")});
  store().AppendAudit({});
  EXPECT_THAT(Listed({}), ElementsAre("d", "c", "b", "a"));
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(AuditStoreTest, ListsFindByWhoWhatWhenAndOnWhat) {
  std::vector<AuditEntry> entries;
  for (int i = 0; i < 12; ++i) {
    AuditEntry entry = EntryBy(i % 2 == 0 ? "li" : "wang", kMidnight + minutes{i / 3});
    entry.method = i % 3 == 0 ? "one" : "other";
    entry.kind = i < 6 ? AuditKind::kMutation : AuditKind::kRefused;
    entry.subject = {static_cast<uint8_t>(i % 4 + 1)};
    entry.count = i;
    entries.push_back(std::move(entry));
  }
  Append(store(), entries);
  const auto found = [&](const AuditQuery& query) {
    return ReadFrom(store(), [&](Reader& reader) {
      std::vector<int64_t> counts;
      for (const AuditEntry& entry : reader.ListAudit(query)) counts.push_back(entry.count);
      return counts;
    });
  };
  EXPECT_THAT(found({.limit = 3}), ElementsAre(11, 10, 9));
  EXPECT_THAT(found({.before = 10, .limit = 3}), ElementsAre(8, 7, 6));
  EXPECT_THAT(found({.principal = "li", .limit = 3}), ElementsAre(10, 8, 6));
  EXPECT_THAT(found({.method = "one"}), ElementsAre(9, 6, 3, 0));
  EXPECT_THAT(found({.method = "one", .kind = AuditKind::kRefused}), ElementsAre(9, 6));
  EXPECT_THAT(found({.subject = RawId{{2}}}), ElementsAre(9, 5, 1));
  EXPECT_THAT(found({.subject = RawId{{77}}}), IsEmpty());
  EXPECT_THAT(found({.from = kMidnight + minutes{3}}), ElementsAre(11, 10, 9));
  EXPECT_THAT(found({.until = kMidnight + minutes{1}}), ElementsAre(2, 1, 0));
  EXPECT_THAT(found({.from = kMidnight + minutes{1}, .until = kMidnight + minutes{2}}),
              ElementsAre(5, 4, 3));
  EXPECT_THAT(found({.from = kMidnight + minutes{9}}), IsEmpty());
  EXPECT_THAT(found({.until = kMidnight}), IsEmpty());
}

TEST_P(AuditStoreTest, AWalkGoesOnWhereTheLastOneStopped) {
  std::vector<AuditEntry> entries;
  for (int i = 0; i < 10; ++i) entries.push_back(EntryBy(std::to_string(i)));
  Append(store(), entries);
  int64_t sequence = 0, walked = 0, walks = 0;
  std::optional<Hash256> hash;
  for (bool complete = false; !complete; ++walks) {
    int left = 3;
    const AuditWalk walk = ReadFrom(store(), [&](Reader& reader) {
      return VerifyAudit(reader, sequence, hash, [&] { return left-- > 0; });
    });
    EXPECT_THAT(walk.problems, IsEmpty());
    EXPECT_EQ(walk.head.sequence, 10);
    sequence = walk.sequence;
    hash = walk.hash;
    walked += walk.walked;
    complete = walk.complete;
    ASSERT_LT(walks, 10);
  }
  EXPECT_EQ(walked, 10);
  EXPECT_EQ(walks, 4);
}

TEST_P(AuditStoreTest, AWalkFromAnEntryThatIsNotTheOneThatWasNotedSaysSo) {
  Append(store(), {EntryBy("a"), EntryBy("b")});
  const auto walk = [&](int64_t sequence, const Hash256& hash) {
    return ReadFrom(store(),
                    [&](Reader& reader) {
                      return VerifyAudit(reader, sequence, hash, [] { return true; });
                    })
        .problems;
  };
  const auto entries = EntriesIn(store());
  EXPECT_THAT(walk(1, entries[0].hash), IsEmpty());
  EXPECT_THAT(walk(2, entries[1].hash), IsEmpty());
  EXPECT_THAT(walk(1, entries[1].hash),
              ElementsAre("audit entry 1: its hash is not the one that was noted"));
  EXPECT_THAT(walk(7, entries[1].hash), Contains("audit entry 7: it is missing"));
}

INSTANTIATE_TEST_SUITE_P(Stores, AuditStoreTest, testing::Values("sqlite", "memory"),
                         [](const auto& test) { return test.param; });

// ----------------------------------------------------------------------------------- tampering

class AuditFileTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ =
        std::filesystem::path(testing::TempDir()) / (std::string("rebound.audit.") + test->name());
    Renew();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Six entries.
  void Renew() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    const auto store = SqliteStore::Open(Path());
    std::vector<AuditEntry> entries;
    for (int i = 1; i <= 6; ++i) {
      AuditEntry entry = EntryBy("p" + std::to_string(i), kMidnight + minutes{i});
      entry.count = i;
      entry.detail = "kept 1";
      entries.push_back(std::move(entry));
    }
    Append(*store, std::move(entries));
  }
  std::string Path() const { return (folder_ / "rebound.db").string(); }
  void Raw(const std::string& sql) { SQLite::Database(Path(), SQLite::OPEN_READWRITE).exec(sql); }
  std::vector<std::string> Problems() {
    return Verify(*SqliteStore::Open(Path(), {.access = SqliteStore::Access::kReadOnly})).problems;
  }

  std::filesystem::path folder_;
};

TEST_F(AuditFileTest, EachColumnThatWasChangedNamesItsEntry) {
  EXPECT_THAT(Problems(), IsEmpty());
  const std::pair<const char*, const char*> kColumns[] = {
      {"at_ms = at_ms + 1", "what it says is not what was hashed"},
      {"kind = 2", "what it says is not what was hashed"},
      {"kind = 257", "what it says is not what was hashed"},
      {"principal = 'other'", "what it says is not what was hashed"},
      {"role = 'admin'", "what it says is not what was hashed"},
      {"method = method || 's'", "what it says is not what was hashed"},
      {"outcome = 'ABORTED'", "what it says is not what was hashed"},
      {"reason = 'NOT_FOUND'", "what it says is not what was hashed"},
      {"subject_type = ''", "what it says is not what was hashed"},
      {"subject_id = NULL", "what it says is not what was hashed"},
      {"subject_id = x'0102'", "what it says is not what was hashed"},
      {"request_key = zeroblob(16)", "what it says is not what was hashed"},
      {"address = '10.0.0.8'", "what it says is not what was hashed"},
      {"count = count + 1", "what it says is not what was hashed"},
      {"at_ms = CAST(at_ms AS BLOB)", "what it says is not what was hashed"},
      {"kind = CAST(kind AS BLOB)", "what it says is not what was hashed"},
      {"principal = CAST(principal AS BLOB)", "what it says is not what was hashed"},
      {"method = CAST(method AS BLOB)", "what it says is not what was hashed"},
      {"subject_id = CAST(subject_id AS TEXT)", "what it says is not what was hashed"},
      {"detail = 'kept 2'", "what it says is not what was hashed"},
      {"prev_hash = zeroblob(32)", "it names another one before it than the one that is there"},
      {"hash = zeroblob(32)", "its hash was changed; what it says was not"},
      {"hash = x'00'", "its hash was changed; what it says was not"},
  };
  for (const auto& [set, problem] : kColumns) {
    for (const int sequence : {1, 3, 6}) {
      Renew();
      Raw("UPDATE audit SET " + std::string(set) + " WHERE sequence = " + std::to_string(sequence));
      const auto problems = Problems();
      const std::string name = "audit entry " + std::to_string(sequence) + ": ";
      if (sequence == 1 && std::string(set).starts_with("prev_hash")) {
        EXPECT_THAT(problems, IsEmpty()) << "it is zero";
        continue;
      }
      EXPECT_THAT(problems, Contains(name + problem)) << set;
      for (const std::string& each : problems) EXPECT_THAT(each, StartsWith(name)) << set;
    }
  }
}

TEST_F(AuditFileTest, WhatWasTakenOutOrPutInIsNamed) {
  struct Tampering {
    const char* sql;
    const char* problem;
  };
  const Tampering kTamperings[] = {
      {"DELETE FROM audit WHERE sequence = 1", "audit entry 1: it is missing"},
      {"DELETE FROM audit WHERE sequence = 3", "audit entry 3: it is missing"},
      {"DELETE FROM audit WHERE sequence IN (3, 4)",
       "audit entry 3: it is missing, like all up to 4"},
      {"DELETE FROM audit WHERE sequence >= 5",
       "audit entry 5: it is missing, like all up to the end of the chain, 6"},
      {"DELETE FROM audit", "audit entry 1: it is missing, like all up to the end of the chain, 6"},
      {"UPDATE audit SET sequence = 60 WHERE sequence = 3", "audit entry 3: it is missing"},
      {"INSERT INTO audit SELECT 7, at_ms, kind, principal, role, method, outcome, reason, "
       "subject_type, subject_id, request_key, address, count, detail, prev_hash, hash FROM audit "
       "WHERE sequence = 6",
       "audit entry 7: it lies beyond the end of the chain"},
      {"INSERT INTO audit SELECT -1, at_ms, kind, principal, role, method, outcome, reason, "
       "subject_type, subject_id, request_key, address, count, detail, prev_hash, hash FROM audit "
       "WHERE sequence = 6",
       "audit entry -1: it stands before the first"},
      {"UPDATE audit_head SET hash = zeroblob(32)",
       "audit entry 6: the chain ends with another hash than this one's"},
      {"UPDATE audit_head SET sequence = 5", "audit entry 6: it lies beyond the end of the chain"},
  };
  for (const auto& [sql, problem] : kTamperings) {
    Renew();
    Raw(sql);
    EXPECT_THAT(Problems(), Contains(problem)) << sql;
  }
}

// One who changes an entry and its hash gives himself away by the next one.
TEST_F(AuditFileTest, AnEntryThatWasHashedAnewDoesNotFitTheNext) {
  AuditEntry entry;
  SqliteStore::Open(Path())->Read(
      [&](Reader& reader) { entry = reader.ListAudit({.before = 4, .limit = 1}).front(); });
  entry.principal = "other";
  const Hash256 hash = AuditHash(entry);
  Raw("UPDATE audit SET principal = 'other', hash = x'" + ToHex(hash) + "' WHERE sequence = 3");
  EXPECT_THAT(Problems(),
              ElementsAre("audit entry 4: it names another one before it than the one that is "
                          "there"));
}

TEST_F(AuditFileTest, TheOperatorsEntriesJoinTheChainOfARunningServer) {
  const auto server = SqliteStore::Open(Path());
  {
    const auto beside = SqliteStore::Open(Path(), {.access = SqliteStore::Access::kShared});
    beside->AppendAudit({EntryBy("operator")});
  }
  Append(*server, {EntryBy("next")});
  const auto entries = EntriesIn(*server);
  ASSERT_THAT(entries, SizeIs(8));
  EXPECT_EQ(entries[6].principal, "operator");
  EXPECT_EQ(entries[7].prev_hash, entries[6].hash);
  EXPECT_THAT(Verify(*server).problems, IsEmpty());
}

// After a restart the chain goes on where it ended, even if its end was cut off meanwhile.
TEST_F(AuditFileTest, ACutTailIsNotGrownOver) {
  Raw("DELETE FROM audit WHERE sequence = 6");
  {
    const auto server = SqliteStore::Open(Path());
    Append(*server, {EntryBy("next")});
  }
  EXPECT_THAT(Problems(), Contains("audit entry 6: it is missing"));
}

TEST_F(AuditFileTest, TextsOfHexadecimalDigitsAreHashesOrNothing) {
  const Hash256 hash{0x01, 0xAB};
  EXPECT_EQ(HashFromHex(ToHex(hash)), hash);
  EXPECT_EQ(ToHex(hash).substr(0, 6), "01ab00");
  EXPECT_EQ(HashFromHex(""), std::nullopt);
  EXPECT_EQ(HashFromHex(ToHex(hash) + "0"), std::nullopt);
  EXPECT_EQ(HashFromHex(std::string(64, 'g')), std::nullopt);
}

}  // namespace
}  // namespace rebound
