#include "workflows/coverage.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "workflows/filter.h"

namespace rebound {
namespace {

Predicate When(const std::string& filter) {
  auto parsed = ParseFilter(filter, Use::kOpeningRule);
  EXPECT_TRUE(parsed) << filter;
  return parsed ? *parsed : Predicate{};
}

TEST(CoverageTest, ContradictionsAreProvenAndNothingElse) {
  const struct {
    const char* filter;
    bool can_hold;
  } rows[] = {
      {"", true},
      {"score <= 2 AND score >= 5", false},
      {"score <= 2 AND score >= 2", true},
      {"score > 2 AND score < 3", false},
      {"score > 2 AND score < 4 AND score != 3", false},
      {"score = 9223372036854775807 AND score > 5", true},
      {"history = true AND history = false", false},
      {"category = detractor AND category = passive", false},
      {"category != detractor AND category != passive AND category != promoter", false},
      {"channel = sms AND channel = email", false},
      {"channel = sms AND channel != email", true},
      {"touchpoint = \"room/bed\" AND touchpoint:\"room\"", true},
      {"touchpoint = \"room\" AND touchpoint:\"lobby\"", false},
      {"touchpoint:\"room\" AND touchpoint:\"lobby\"", false},
      {"touchpoint:\"room\" AND NOT touchpoint = \"room\"", true},
      {"reason:\"cold\" AND reason:\"wet\"", true},
      {"reason:\"Cold water\" AND NOT reason:\"cold\"", false},
      {"reason:\"cold\" AND NOT reason:\"cold water\"", true},
      {"topic:\"price\" AND topic:\"attitude\"", true},
      {"topic:\"price\" AND NOT topic:\"price\"", false},
      {"NOT score <= 5 AND NOT score > 5", true},  // not set
      {"severity:* AND NOT severity <= 5 AND NOT severity > 5", false},
      {"NOT severity <= 5 AND NOT severity > 5", false},  // always set
      {"channel:* AND NOT channel:*", false},
      {"(score <= 2 OR channel = sms) AND score > 2 AND channel = email", false},
      {"(score <= 2 OR channel = sms) AND score > 2", true},
  };
  for (const auto& row : rows) EXPECT_EQ(CanHold(When(row.filter)), row.can_hold) << row.filter;
}

TEST(CoverageTest, WhatEarlierConditionsTakeIsProven) {
  const struct {
    const char* condition;
    std::vector<const char*> earlier;
    bool covered;
  } rows[] = {
      {"score <= 2", {}, false},
      {"score <= 2", {""}, true},
      {"", {"score <= 2"}, false},
      {"score <= 1", {"score <= 2"}, true},
      {"score <= 2", {"score <= 1"}, false},
      {"score <= 2 AND channel = sms", {"channel = sms"}, true},
      {"history = true", {"severity >= 3 AND history = true", "severity < 3"}, true},
      {"", {"history = true", "history = false"}, true},
      {"", {"score <= 5", "score > 5"}, false},  // a case without a score
      {"score:*", {"score <= 5", "score > 5"}, true},
      {"touchpoint = \"a/b\"", {"touchpoint:\"a\""}, true},
      {"touchpoint:\"a\"", {"touchpoint = \"a\""}, false},
      {"channel = sms OR channel = email", {"channel = sms", "channel = email"}, true},
  };
  for (const auto& row : rows) {
    std::vector<Predicate> earlier;
    for (const char* filter : row.earlier) earlier.push_back(When(filter));
    EXPECT_EQ(IsCovered(When(row.condition), earlier), row.covered) << row.condition;
  }
}

TEST(CoverageTest, ASearchThatWouldTakeTooLongEndsWithAYes) {
  std::string filter;
  for (int i = 0; i < 60; ++i) {
    filter += (i > 0 ? " AND (" : "(") + std::string("score != ") + std::to_string(i) +
              " OR severity != " + std::to_string(i) + ")";
  }
  EXPECT_TRUE(CanHold(When(filter + " AND score < 0 AND severity < 0 AND reopen_count = 0")));
}

}  // namespace
}  // namespace rebound
