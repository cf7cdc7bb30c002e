#include <gtest/gtest.h>

#include "server/execute/revisions.h"
#include "server/storage/memory_store.h"
#include "tests/server/config/config_fixtures.h"

namespace rebound {
namespace {

// ---- Applying the folder ------------------------------------------------------------------------

TEST(ApplyFolderTest, ARestartWithTheSameValuesStoresNothing) {
  MemoryStore store;
  const Folder folder;
  folder.Write(kPrograms, kPlaybooks);
  const AppliedConfig first = ApplyFolder(store, folder.path());
  ASSERT_TRUE(first.revision);
  EXPECT_TRUE(first.stored);
  EXPECT_EQ(first.revision->number, 1);
  EXPECT_EQ(store.LastRevision()->source, "folder");
  EXPECT_EQ(store.LastRevision()->hash, first.revision->hash);

  folder.Write(std::string("# A comment changes no value.\n") + kPrograms, kPlaybooks);
  const AppliedConfig second = ApplyFolder(store, folder.path());
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
  const AppliedConfig first = ApplyFolder(store, folder.path());
  folder.Write(kPrograms + std::string("    max_reopen_count: 5\n"), kPlaybooks);
  const AppliedConfig second = ApplyFolder(store, folder.path());
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
  const AppliedConfig good = ApplyFolder(store, folder.path());
  folder.Write(kPrograms, "version: 1\nplaybooks: {\n");
  const AppliedConfig broken = ApplyFolder(store, folder.path());
  ASSERT_TRUE(broken.revision);
  EXPECT_FALSE(broken.stored);
  EXPECT_EQ(broken.revision->number, 1);
  EXPECT_EQ(broken.revision->hash, good.revision->hash);
  ASSERT_EQ(broken.errors.size(), 1U);
  EXPECT_EQ(broken.errors[0].file, (folder.path() / "playbooks.yaml").string());

  folder.Write(kPrograms, kPlaybooks);
  const AppliedConfig repaired = ApplyFolder(store, folder.path());
  EXPECT_TRUE(repaired.errors.empty());
  EXPECT_EQ(repaired.revision->number, 1);
}

TEST(ApplyFolderTest, ABrokenFolderWithoutAnyRevisionGivesNone) {
  MemoryStore store;
  const Folder folder;
  const AppliedConfig applied = ApplyFolder(store, folder.path());
  EXPECT_EQ(applied.revision, nullptr);
  EXPECT_EQ(applied.errors.size(), 2U);
  EXPECT_FALSE(store.LastRevision());
}

TEST(ApplyFolderTest, ARollBackFromElsewhereIsNotUndoneByARestart) {
  MemoryStore store;
  const Folder folder;
  folder.Write(kPrograms + std::string("    max_reopen_count: 5\n"), kPlaybooks);
  ASSERT_TRUE(ApplyFolder(store, folder.path()).stored);
  const LoadedConfig older = ParseGood(kPrograms, kPlaybooks);
  store.AddRevision({2, older.hash, older.canonical_text, "api"});
  const AppliedConfig applied = ApplyFolder(store, folder.path());
  ASSERT_TRUE(applied.revision);
  EXPECT_FALSE(applied.stored);
  EXPECT_EQ(applied.revision->number, 2);
  EXPECT_EQ(applied.revision->hash, older.hash);
}

TEST(ApplyFolderTest, AStoredRevisionThatNoLongerPassesGivesWayToAGoodFolder) {
  MemoryStore store;
  store.AddRevision({7, "0", "version: 1\nprograms: []\nplaybooks: []\n", "folder"});
  const Folder folder;
  const AppliedConfig broken = ApplyFolder(store, folder.path());
  EXPECT_EQ(broken.revision, nullptr);
  ASSERT_EQ(broken.errors.size(), 3U);
  EXPECT_EQ(broken.errors[2].file, "revision 7");

  folder.Write(kPrograms, kPlaybooks);
  const AppliedConfig applied = ApplyFolder(store, folder.path());
  ASSERT_TRUE(applied.revision);
  EXPECT_TRUE(applied.stored);
  EXPECT_EQ(applied.revision->number, 8);
}

}  // namespace
}  // namespace rebound
