#include <gtest/gtest.h>

#include "server/execute/revisions.h"
#include "server/storage/memory_store.h"
#include "tests/server/config/config_fixtures.h"

namespace rebound {
namespace {

constexpr Timestamp kNow = FromMillis(1'772'442'000'000);

std::optional<StoredRevision> Last(Store& store) {
  std::optional<StoredRevision> last;
  store.Read([&](Reader& reader) { last = reader.FindRevision(0); });
  return last;
}

void Add(Store& store, const StoredRevision& revision) {
  Change change;
  change.revision = revision;
  store.Execute(1, [&](size_t, Transaction& transaction) {
    transaction.Save(change);
    return true;
  });
}

int64_t StoredEvents(Store& store) {
  int64_t events = 0;
  store.Read([&](Reader& reader) { events = reader.Sizes().events; });
  return events;
}

// ---- Applying the folder at start-up -----------------------------------------------------------

TEST(ApplyFolderTest, ARestartWithTheSameValuesStoresNothing) {
  MemoryStore store;
  const Folder folder;
  folder.Write(kPrograms, kPlaybooks);
  const AppliedConfig first = ApplyFolder(store, folder.path(), kNow);
  ASSERT_TRUE(first.revision);
  EXPECT_TRUE(first.stored);
  EXPECT_EQ(first.revision->number, 1);
  EXPECT_EQ(Last(store)->source, "folder");
  EXPECT_EQ(Last(store)->hash, first.revision->hash);

  folder.Write(std::string("# A comment changes no value.\n") + kPrograms, kPlaybooks);
  const AppliedConfig second = ApplyFolder(store, folder.path(), kNow);
  ASSERT_TRUE(second.revision);
  EXPECT_FALSE(second.stored);
  EXPECT_EQ(second.revision->number, 1);
  EXPECT_EQ(second.revision->hash, first.revision->hash);
  EXPECT_EQ(second.revision->programs, first.revision->programs);
  EXPECT_EQ(second.revision->lifecycle.initial, "open");
}

TEST(ApplyFolderTest, AChangedValueBecomesTheNextRevision) {
  MemoryStore store;
  const Folder folder;
  folder.Write(kPrograms, kPlaybooks);
  const AppliedConfig first = ApplyFolder(store, folder.path(), kNow);
  folder.Write(kPrograms + std::string("    max_reopen_count: 5\n"), kPlaybooks);
  const AppliedConfig second = ApplyFolder(store, folder.path(), kNow);
  ASSERT_TRUE(second.revision);
  EXPECT_TRUE(second.stored);
  EXPECT_EQ(second.revision->number, 2);
  EXPECT_NE(second.revision->hash, first.revision->hash);
  EXPECT_EQ(second.revision->FindProgram("hotline")->max_reopen_count, 5);
}

TEST(ApplyFolderTest, ABrokenFolderLeavesTheLastGoodRevisionInForceAndSaysSo) {
  MemoryStore store;
  const Folder folder;
  folder.Write(kPrograms, kPlaybooks);
  const AppliedConfig good = ApplyFolder(store, folder.path(), kNow);
  folder.Write(kPrograms, "version: 1\nplaybooks: {\n");
  const AppliedConfig broken = ApplyFolder(store, folder.path(), kNow);
  ASSERT_TRUE(broken.revision);
  EXPECT_FALSE(broken.stored);
  EXPECT_EQ(broken.revision->number, 1);
  EXPECT_EQ(broken.revision->hash, good.revision->hash);
  ASSERT_EQ(broken.errors.size(), 1U);
  EXPECT_EQ(broken.errors[0].file, (folder.path() / "playbooks.yaml").string());

  folder.Write(kPrograms, kPlaybooks);
  const AppliedConfig repaired = ApplyFolder(store, folder.path(), kNow);
  EXPECT_TRUE(repaired.errors.empty());
  EXPECT_EQ(repaired.revision->number, 1);
}

TEST(ApplyFolderTest, ABrokenFolderWithoutAnyRevisionGivesNone) {
  MemoryStore store;
  const Folder folder;
  const AppliedConfig applied = ApplyFolder(store, folder.path(), kNow);
  EXPECT_EQ(applied.revision, nullptr);
  EXPECT_EQ(applied.errors.size(), 2U);
  EXPECT_FALSE(Last(store));
}

TEST(ApplyFolderTest, ARollBackFromElsewhereIsNotUndoneByARestart) {
  MemoryStore store;
  const Folder folder;
  folder.Write(kPrograms + std::string("    max_reopen_count: 5\n"), kPlaybooks);
  ASSERT_TRUE(ApplyFolder(store, folder.path(), kNow).stored);
  const LoadedConfig older = ParseGood(kPrograms, kPlaybooks);
  Add(store, {2, older.hash, older.canonical_text, "api", "li", kNow});
  const AppliedConfig applied = ApplyFolder(store, folder.path(), kNow);
  ASSERT_TRUE(applied.revision);
  EXPECT_FALSE(applied.stored);
  EXPECT_EQ(applied.revision->number, 2);
  EXPECT_EQ(applied.revision->hash, older.hash);
}

TEST(ApplyFolderTest, AStoredRevisionThatNoLongerPassesGivesWayToAGoodFolder) {
  MemoryStore store;
  Add(store, {7, "0", "version: 1\nprograms: []\nplaybooks: []\n", "folder", "system", kNow});
  const Folder folder;
  const AppliedConfig broken = ApplyFolder(store, folder.path(), kNow);
  EXPECT_EQ(broken.revision, nullptr);
  ASSERT_EQ(broken.errors.size(), 3U);
  EXPECT_EQ(broken.errors[2].file, "revision 7");

  folder.Write(kPrograms, kPlaybooks);
  const AppliedConfig applied = ApplyFolder(store, folder.path(), kNow);
  ASSERT_TRUE(applied.revision);
  EXPECT_TRUE(applied.stored);
  EXPECT_EQ(applied.revision->number, 8);
}

TEST(ApplyFolderTest, AFolderThatWasEditedSinceItsRollBackIsApplied) {
  MemoryStore store;
  const Folder folder;
  folder.Write(kPrograms, kPlaybooks);
  ASSERT_TRUE(ApplyFolder(store, folder.path(), kNow).stored);
  const LoadedConfig other =
      ParseGood(kPrograms + std::string("    max_reopen_count: 5\n"), kPlaybooks);
  Add(store, {2, other.hash, other.canonical_text, "api", "li", kNow});
  EXPECT_FALSE(ApplyFolder(store, folder.path(), kNow).stored);
  folder.Write(kPrograms + std::string("    max_reopen_count: 6\n"), kPlaybooks);
  const AppliedConfig edited = ApplyFolder(store, folder.path(), kNow);
  EXPECT_TRUE(edited.stored);
  EXPECT_EQ(edited.revision->number, 3);
}

TEST(ApplyFolderTest, ANewRevisionIsOnRecordWithWhoAndWhen) {
  MemoryStore store;
  const Folder folder;
  folder.Write(kPrograms, kPlaybooks);
  ASSERT_TRUE(ApplyFolder(store, folder.path(), kNow).stored);
  EXPECT_EQ(Last(store)->applied_by, "system");
  EXPECT_EQ(Last(store)->applied_at, kNow);
  EXPECT_EQ(StoredEvents(store), 1) << "a revision is an event like any other";
}

// ---- In force ----------------------------------------------------------------------------------

class RevisionBookTest : public testing::Test {
 protected:
  RevisionBookTest() {
    folder_.Write(kPrograms, kPlaybooks);
    book_ =
        std::make_unique<RevisionBook>(store_, ApplyFolder(store_, folder_.path(), kNow).revision);
    executor_ = std::make_unique<Executor>(store_, clock_, *book_, Executor::Options{}, [] {});
  }

  static LoadedConfig With(const char* more) {
    return ParseGood(kPrograms + std::string(more), kPlaybooks);
  }
  Result<Outcome> Apply(LoadedConfig loaded, std::string request, std::optional<int64_t> expected) {
    Caller caller;
    caller.principal = "li";
    caller.method = "apply";
    caller.request_id = std::move(request);
    caller.body_hash = BodyHash(loaded.canonical_text);
    return ApplyConfig(*executor_, std::move(loaded), "api", caller, expected);
  }

  MemoryStore store_;
  ManualClock clock_{kNow};
  Folder folder_;
  std::unique_ptr<RevisionBook> book_;
  std::unique_ptr<Executor> executor_;
};

TEST_F(RevisionBookTest, WhatIsAppliedIsInForceWhenTheCallReturns) {
  auto applied = Apply(With("    max_reopen_count: 5\n"), "a", 1);
  ASSERT_TRUE(applied);
  EXPECT_EQ(applied->revision->number, 2);
  EXPECT_EQ(applied->revision->applied_by, "li");
  EXPECT_EQ(book_->current()->number, 2);
  EXPECT_EQ(book_->current()->FindProgram("hotline")->max_reopen_count, 5);
  EXPECT_EQ(book_->Get(1)->FindProgram("hotline")->max_reopen_count, 2) << "the old one stays";
  EXPECT_EQ(book_->Get(3), nullptr);
}

// It was accepted by the checks of then. Cases follow it still, not the one in force.
TEST_F(RevisionBookTest, WhatTodaysChecksRefuseIsReadAsFarAsItGoes) {
  const StoredRevision first = *Last(store_);
  std::string text = first.text;
  const std::string known = "max_reopen_count: 2";
  const size_t at = text.find(known);
  ASSERT_NE(at, std::string::npos) << text;
  text.replace(at, known.size(), "max_reopen_count: 2\n    a_key_of_then: 1");
  Add(store_, {first.number + 1, "other", text, "api", "li.na", kNow});
  const auto read = book_->Get(first.number + 1);
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->number, first.number + 1);
  ASSERT_NE(read->FindProgram("hotline"), nullptr);
  EXPECT_EQ(read->FindProgram("hotline")->max_reopen_count, 2);
}

TEST_F(RevisionBookTest, ARepeatedRequestAppliesNothingAndAnswersWithTheSameRevision) {
  ASSERT_TRUE(Apply(With("    max_reopen_count: 5\n"), "a", {}));
  ASSERT_TRUE(Apply(With("    max_reopen_count: 6\n"), "b", {}));
  auto again = Apply(With("    max_reopen_count: 5\n"), "a", {});
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->revision->number, 2);
  EXPECT_EQ(book_->current()->number, 3);
}

TEST_F(RevisionBookTest, WhoeverSawAnotherRevisionIsRefusedAndTheSameTextChangesNothing) {
  auto stale = Apply(With("    max_reopen_count: 5\n"), "a", 7);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().reason, Reason::kRevisionConflict);
  auto same = Apply(With(""), "b", 1);
  ASSERT_TRUE(same);
  EXPECT_EQ(same->applied, nullptr);
  EXPECT_EQ(same->revision->number, 1);
  EXPECT_EQ(Last(store_)->number, 1);
}

TEST_F(RevisionBookTest, AReloadTakesTheFolderEvenAfterARollBackAndABrokenOneChangesNothing) {
  ASSERT_TRUE(Apply(With("    max_reopen_count: 5\n"), "a", {}));
  const AppliedConfig reloaded = ReloadFolder(*book_, *executor_, folder_.path());
  EXPECT_TRUE(reloaded.stored);
  EXPECT_EQ(book_->current()->number, 3);
  EXPECT_TRUE(book_->last_reload().ok);
  EXPECT_EQ(book_->last_reload().at, kNow);

  folder_.Write(kPrograms, "version: 1\nplaybooks: {\n");
  const AppliedConfig broken = ReloadFolder(*book_, *executor_, folder_.path());
  EXPECT_FALSE(broken.stored);
  EXPECT_EQ(broken.errors.size(), 1U);
  EXPECT_EQ(book_->current()->number, 3);
  EXPECT_FALSE(book_->last_reload().ok);
  EXPECT_EQ(book_->last_reload().good_count, 1);
  EXPECT_EQ(book_->last_reload().failed_count, 1);
  EXPECT_EQ(book_->last_reload().errors, broken.errors);
  EXPECT_EQ(Last(store_)->number, 3);
}

}  // namespace
}  // namespace rebound
