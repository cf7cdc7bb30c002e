#include "server/config/canonical.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/server/config/config_fixtures.h"

namespace rebound {
namespace {

LoadedConfig Shipped() {
  std::vector<ConfigError> errors;
  const auto loaded = LoadConfig(kRoot / "config", &errors);
  EXPECT_TRUE(loaded) << Render(errors);
  return loaded ? *loaded : LoadedConfig{};
}

TEST(CanonicalTextTest, EverySectionReadsBackAsItWas) {
  const LoadedConfig shipped = Shipped();
  const auto read = ParseCanonical(shipped.canonical_text);
  ASSERT_TRUE(read) << read.error().metadata.at("detail");
  EXPECT_EQ(read->programs, shipped.revision.programs);
  EXPECT_EQ(read->lifecycle, shipped.revision.lifecycle);
  EXPECT_EQ(read->calendars, shipped.revision.calendars);
  EXPECT_EQ(read->clocks, shipped.revision.clocks);
  EXPECT_EQ(read->priorities, shipped.revision.priorities);
  EXPECT_EQ(read->org_units, shipped.revision.org_units);
  EXPECT_EQ(read->roles, shipped.revision.roles);
  EXPECT_EQ(read->labels, shipped.revision.labels);
  EXPECT_EQ(read->remedies, shipped.revision.remedies);
  EXPECT_EQ(read->remedies.size(), 12U);
  EXPECT_EQ(read->remedy_limits, shipped.revision.remedy_limits);
  EXPECT_EQ(read->remedy_limits.size(), 3U);
  EXPECT_EQ(read->blacklist, shipped.revision.blacklist);
  EXPECT_EQ(read->blacklist.kinds.size(), 5U);
  EXPECT_EQ(read->blacklist.rules.size(), 6U);
  EXPECT_EQ(read->blacklist.notices.size(), 6U);
  EXPECT_EQ(CanonicalText(*read), shipped.canonical_text);
  EXPECT_EQ(read->hash, shipped.hash);
}

TEST(CanonicalTextTest, ATextOfBeforeTheOtherSectionsReadsWithTheShippedOnes) {
  const auto read = ParseCanonical(std::string(kPrograms) + "playbooks: []\n");
  ASSERT_TRUE(read) << read.error().metadata.at("detail");
  EXPECT_EQ(read->lifecycle, DefaultLifecycle());
  EXPECT_EQ(read->roles, DefaultRoles());
  EXPECT_EQ(read->blacklist, DefaultBlacklistPolicy());
  const auto again = ParseCanonical(CanonicalText(*read));
  ASSERT_TRUE(again) << again.error().metadata.at("detail");
  EXPECT_EQ(again->blacklist, read->blacklist);
}

TEST(CanonicalTextTest, WhoSeesContactDataReadsBackAndUnsaidChangesNothing) {
  const auto read = ParseCanonical(std::string(kPrograms) + "playbooks: []\n");
  ASSERT_TRUE(read) << read.error().metadata.at("detail");
  EXPECT_EQ(CanonicalText(*read).find("sees_contact"), std::string::npos);
  Revision revision = *read;
  revision.roles[0].sees_contact = true;
  revision.roles[1].sees_contact = false;
  const auto again = ParseCanonical(CanonicalText(revision));
  ASSERT_TRUE(again) << again.error().metadata.at("detail");
  EXPECT_EQ(again->roles, revision.roles);
}

TEST(CanonicalTextTest, NamesOfImportedDaysReadBackAsTheyWere) {
  const std::string names[] = {"国庆节",
                               "\t tabs\tand blanks \t",
                               "\\n a line break \\n",
                               "\x01 control \x7F",
                               R"(quotes " and \\ and ' # : - {})",
                               std::string(2000, ' ') + "x" + std::string(2000, ' '),
                               "x" + std::string(1500, '\t') + "y",
                               "a\u0085b\u2028c\uFEFF",
                               "~",
                               "null"};
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const LoadedConfig loaded = ParseGood(
        {{"programs.yaml", kPrograms},
         {"playbooks.yaml", kPlaybooks},
         {"calendars.yaml",
          "version: 1\ncalendars:\n  - {id: a, name: {en: A}, time_zone: UTC, week: {mon: "
          "\"09:00-18:00\"}, import: a.ics}\n"},
         {"a.ics", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\nSUMMARY:" + name +
                       "\nEND:VEVENT\nEND:VCALENDAR\n"}});
    const auto read = ParseCanonical(loaded.canonical_text);
    ASSERT_TRUE(read) << read.error().metadata.at("detail");
    EXPECT_EQ(read->calendars, loaded.revision.calendars);
    EXPECT_EQ(read->hash, loaded.hash);
    EXPECT_EQ(CanonicalText(*read), loaded.canonical_text);
  }
}

TEST(DiffTest, EqualRevisionsDoNotDiffer) {
  const Revision revision = Shipped().revision;
  EXPECT_TRUE(CompareRevisions(revision, revision).empty());
  EXPECT_EQ(DiffRevisions(revision, revision), "");
}

TEST(DiffTest, WhatWasAddedRemovedChangedAndMovedIsToldBySectionAndId) {
  const std::string before = R"(version: 1
playbooks:
  - {id: a, name: {en: A}, when: score = 1}
  - {id: b, name: {en: B}, when: score = 2, severity: 4}
  - {id: c, name: {en: C}, when: score = 3}
)";
  const std::string after = R"(version: 1
playbooks:
  - {id: c, name: {en: C}, when: score = 3}
  - {id: b, name: {en: B}, when: score = 2, severity: 5}
  - {id: d, name: {en: D}, when: score = 4}
)";
  const Revision a = ParseGood(kPrograms, before).revision;
  const Revision b =
      ParseGood({{"programs.yaml", kPrograms},
                 {"playbooks.yaml", after},
                 {"labels.yaml", "version: 1\nlabels: {topics: [{id: price, name: {en: P}}]}\n"}})
          .revision;
  EXPECT_EQ(DiffRevisions(a, b), R"(playbooks b: changed
-     severity: 4
+     severity: 5

playbooks b: moved

playbooks d: added
+   - id: "d"
+     version: 1
+     name: {en: "D", zh: "D"}
+     when: "score = 4"

playbooks a: removed
-   - id: "a"
-     version: 1
-     name: {en: "A", zh: "A"}
-     when: "score = 1"

labels.topics price: added
+     - {id: "price", name: {en: "P", zh: "P"}}
)");
  EXPECT_EQ(DiffRevisions(b, b), "");
  EXPECT_NE(DiffRevisions(b, a).find("labels.topics price: removed"), std::string::npos);
}

}  // namespace
}  // namespace rebound
