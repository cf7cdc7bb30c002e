#include "workflows/organization.h"

#include <gtest/gtest.h>

#include "tests/fixtures/domain_fixtures.h"

namespace rebound {
namespace {

using fixtures::kStart;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;

OrgUnit Unit(std::string id, std::string manager, std::optional<Timestamp> from = {},
             std::optional<Timestamp> until = {}) {
  OrgUnit unit;
  unit.id = std::move(id);
  unit.manager = std::move(manager);
  unit.from = from;
  unit.until = until;
  return unit;
}

TEST(OrganizationTest, TheManagerIsTheNearestAboveAndEachLevelIsSomebodyElse) {
  const std::vector<OrgUnit> units = {Unit("cn", "zhang.li"),    Unit("cn/gd", "chen.hao"),
                                      Unit("cn/gd/sz", ""),      Unit("cn/gd/sz/s3", "liu.yang"),
                                      Unit("cn/bj", "zhang.li"), Unit("north", "")};
  const struct {
    const char* name;
    std::string_view unit;
    int32_t level;
    const char* manager;
  } rows[] = {
      {"its own", "cn/gd/sz/s3", 0, "liu.yang"},
      {"a unit without one is passed over", "cn/gd/sz/s3", 1, "chen.hao"},
      {"the top", "cn/gd/sz/s3", 2, "zhang.li"},
      {"beyond the top", "cn/gd/sz/s3", 3, ""},
      {"without one: the unit above decides", "cn/gd/sz", 0, "chen.hao"},
      {"not listed: the unit above decides", "cn/gd/gz/s1", 0, "chen.hao"},
      {"one person twice is one level", "cn/bj", 0, "zhang.li"},
      {"and then the tree ends", "cn/bj", 1, ""},
      {"nobody at all", "north", 0, ""},
      {"another tree", "south/x", 0, ""},
      {"no unit", "", 0, ""},
      {"a path is whole words", "cn/gdx", 0, "zhang.li"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(ManagerAt(units, row.unit, row.level, kStart), row.manager) << row.name;
  }
}

TEST(OrganizationTest, UnitsExistFromTheirFirstInstantUpToTheirLast) {
  const Timestamp handover = kStart + days{30};
  const std::vector<OrgUnit> units = {
      Unit("cn", "zhang.li"), Unit("cn/gd", "chen.hao", {}, handover),
      Unit("cn/gd", "lin.fang", handover),
      Unit("cn/gd/new", "liu.yang", kStart + days{10}, kStart + days{20})};
  const struct {
    const char* name;
    std::string_view unit;
    Timestamp at;
    const char* manager;
  } rows[] = {
      {"before the handover", "cn/gd", handover - milliseconds{1}, "chen.hao"},
      {"from the handover on", "cn/gd", handover, "lin.fang"},
      {"before it exists", "cn/gd/new", kStart + days{10} - milliseconds{1}, "chen.hao"},
      {"its first instant", "cn/gd/new", kStart + days{10}, "liu.yang"},
      {"its last", "cn/gd/new", kStart + days{20} - milliseconds{1}, "liu.yang"},
      {"after it", "cn/gd/new", kStart + days{20}, "chen.hao"},
      {"long ago", "cn/gd", FromMillis(0), "chen.hao"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(ManagerAt(units, row.unit, 0, row.at), row.manager) << row.name;
  }
}

TEST(OrganizationTest, TheShippedRolesAndPrioritiesHaveKeysAndNames) {
  std::set<std::string> keys;
  for (const RoleDef& role : DefaultRoles()) {
    EXPECT_TRUE(keys.insert(role.id).second);
    EXPECT_FALSE(role.name_en.empty() || role.name_zh.empty()) << role.id;
  }
  for (const char* role : {"admin", "manager", "supervisor", "agent"}) {
    EXPECT_TRUE(keys.contains(role)) << role << " is named by the shipped lifecycle";
  }
  const struct {
    int32_t severity;
    const char* priority;
  } rows[] = {{1, "low"}, {2, "low"}, {3, "normal"}, {4, "high"}, {5, "urgent"}};
  for (const auto& row : rows) {
    Revision revision = fixtures::TestRevision();
    revision.priorities = DefaultPriorities();
    fixtures::World world(revision);
    OpenCase open;
    open.program_id = fixtures::kNps;
    open.severity = row.severity;
    ASSERT_TRUE(world.Do(open));
    EXPECT_EQ(world.OnlyCase().priority, row.priority);
    EXPECT_EQ(revision.priorities.at(static_cast<size_t>(world.OnlyCase().priority_rank) - 1).id,
              row.priority);
  }
}

// The last priority takes what none before it took, whatever its own condition says.
TEST(OrganizationTest, TheLastPriorityTakesWhatIsLeft) {
  Revision revision = fixtures::TestRevision();
  const Predicate never = Compare(FieldId::kSeverity, Op::kGreater, int64_t{9});
  revision.priorities = {{"first", "", "", never}, {"last", "", "", never}};
  fixtures::World world(revision);
  ASSERT_TRUE(world.Do(fixtures::Answer("a", 3)));
  EXPECT_EQ(world.OnlyCase().priority, "last");
  EXPECT_EQ(world.OnlyCase().priority_rank, 2);
}

}  // namespace
}  // namespace rebound
