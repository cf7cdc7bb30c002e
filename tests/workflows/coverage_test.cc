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

std::vector<const Predicate*> PointersTo(const std::vector<Predicate>& conditions) {
  std::vector<const Predicate*> pointers;
  for (const Predicate& condition : conditions) pointers.push_back(&condition);
  return pointers;
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
  for (const auto& row : rows) {
    CoverageBudget budget;
    EXPECT_EQ(CanHold(When(row.filter), &budget), row.can_hold) << row.filter;
  }
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
    CoverageBudget budget;
    EXPECT_EQ(IsCovered(When(row.condition), PointersTo(earlier), &budget), row.covered)
        << row.condition;
  }
}

TEST(CoverageTest, ASearchThatWouldTakeTooLongEndsWithAYes) {
  std::string filter;
  for (int i = 0; i < 60; ++i) {
    filter += (i > 0 ? " AND (" : "(") + std::string("score != ") + std::to_string(i) +
              " OR severity != " + std::to_string(i) + ")";
  }
  CoverageBudget budget;
  EXPECT_TRUE(
      CanHold(When(filter + " AND score < 0 AND severity < 0 AND reopen_count = 0"), &budget));
}

TEST(CoverageTest, AThousandRulesThatPeopleWriteStayWithinTheBudgetOfAList) {
  std::vector<Predicate> rules;
  for (int i = 0; i < 999; ++i) {
    rules.push_back(When("touchpoint:\"shop/" + std::to_string(i) +
                         "\" AND score <= " + std::to_string(i % 7)));
  }
  rules.push_back(When("touchpoint:\"shop/998/till\" AND score < 0"));  // behind the one above
  CoverageBudget budget;
  std::vector<const Predicate*> earlier;
  for (const Predicate& rule : rules) {
    EXPECT_TRUE(CanHold(rule, &budget));
    EXPECT_EQ(IsCovered(rule, earlier, &budget), &rule == &rules.back());
    earlier.push_back(&rule);
  }
  EXPECT_GT(budget.left, 0);
}

TEST(CoverageTest, OnceTheBudgetIsSpentRulesCanHoldAndAreNotCovered) {
  const Predicate never = When("score < 0 AND score > 0");
  const Predicate all;
  CoverageBudget budget;
  EXPECT_FALSE(CanHold(never, &budget));
  EXPECT_TRUE(IsCovered(never, {&all}, &budget));
  budget.left = 0;
  EXPECT_TRUE(CanHold(never, &budget));
  EXPECT_FALSE(IsCovered(never, {&all}, &budget));
  EXPECT_FALSE(IsCovered(never, {&all, &all}, &budget));
}

}  // namespace
}  // namespace rebound
