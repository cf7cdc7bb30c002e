// What a case and an answer add to the figures, by what was known at a time.
#include "workflows/contribution.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/fixtures/domain_fixtures.h"

namespace rebound {
namespace {

using fixtures::kStart;
using std::chrono::days;

Timestamp Day(int day) { return kStart + days{day}; }

// A detractor's case with every fact of the funnel, one a day.
Case FullCase() {
  Case c;
  c.id.bytes[0] = 1;
  c.customer_id.bytes[0] = 1;
  c.opening_response_id.bytes[0] = 1;
  c.category = Category::kDetractor;
  c.opened_at = Day(0);
  c.contacted_at = Day(1);
  c.remedied_at = Day(2);
  c.asked_at = Day(3);
  c.resurvey.first_answer = ResurveyAnswer{{}, 7, Category::kPassive, Day(4)};
  c.recovered_at = Day(4);
  c.converted_at = Day(5);
  c.closed_at = Day(6);
  return c;
}

struct AsOfRow {
  const char* name;
  int64_t Counts::*count;
  int known_on;  // day
};

TEST(ContributionTest, EachFactCountsFromItsTimeOn) {
  const AsOfRow rows[] = {
      {"opened", &Counts::opened, 0},
      {"eligible", &Counts::eligible, 0},
      {"contacted", &Counts::contacted, 1},
      {"remedied", &Counts::remedied, 2},
      {"asked", &Counts::asked, 3},
      {"answered", &Counts::answered, 4},
      {"recovered at the first answer", &Counts::recovered_first, 4},
      {"recovered ever", &Counts::recovered_ever, 4},
      {"converted ever", &Counts::converted_ever, 5},
  };
  const Case c = FullCase();
  for (const AsOfRow& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(Contribution(c, Day(row.known_on) - Duration{1}).*row.count, 0);
    EXPECT_EQ(Contribution(c, Day(row.known_on)).*row.count, 1);
    EXPECT_EQ(Contribution(c).*row.count, 1);
  }
  EXPECT_EQ(Contribution(c, Day(0) - Duration{1}), Counts{}) << "not opened yet";
  EXPECT_EQ(Contribution(c, Day(6) - Duration{1}).open, 1);
  EXPECT_EQ(Contribution(c, Day(6)).open, 0);
  EXPECT_EQ(Contribution(c).converted_first, 0) << "the first answer was a passive's";
  Case promoter = c;
  promoter.resurvey.first_answer->category = Category::kPromoter;
  EXPECT_EQ(Contribution(promoter).converted_first, 1);
  EXPECT_EQ(Contribution(promoter, Day(4) - Duration{1}).converted_first, 0);
}

TEST(ContributionTest, AFirstAnswerAfterTheWindowIsAnAnswerButNoRecovery) {
  Case c = FullCase();
  c.window_ends_at = Day(4);
  EXPECT_EQ(Contribution(c).recovered_first, 1) << "the edge belongs to the window";
  c.window_ends_at = Day(4) - Duration{1};
  EXPECT_EQ(Contribution(c).answered, 1);
  EXPECT_EQ(Contribution(c).recovered_first, 0);
}

TEST(ContributionTest, ACohortIsSplitIntoTheWholeAndTheRest) {
  Case excluded = FullCase();
  excluded.mis_scored = true;
  Response promoter;
  promoter.customer_id.bytes[0] = 1;
  promoter.category = Category::kPromoter;
  SplitCounts split;
  Counts all, rest;
  for (const Counts& counts :
       {Contribution(FullCase()), Contribution(excluded), Contribution(promoter)}) {
    for (const bool of_listed : {false, true, true}) {
      split.Add(counts, of_listed);
      all += counts;
      if (!of_listed) rest += counts;
    }
  }
  EXPECT_EQ(split.all, all);
  EXPECT_EQ(split.WithoutListed(), rest);
  EXPECT_EQ(split.WithoutListed().opened, 2);
  EXPECT_EQ(split.WithoutListed().eligible, 1);
  EXPECT_EQ(split.WithoutListed().promoters, 1);
  EXPECT_EQ(split.listed.excluded[static_cast<int>(Exclusion::kMisScored)], 2);
}

struct ExclusionRow {
  const char* name;
  void (*change)(Case&);
  Exclusion expected;
};

TEST(ContributionTest, ExcludedCasesAreCountedByReasonAndNowhereElse) {
  const ExclusionRow rows[] = {
      {"nothing", [](Case&) {}, Exclusion::kNone},
      {"anonymous", [](Case& c) { c.customer_id = {}; }, Exclusion::kNoKnownCustomer},
      {"by hand", [](Case& c) { c.opening_response_id = {}; }, Exclusion::kNotFromResponse},
      {"a promoter asked for contact", [](Case& c) { c.category = Category::kPromoter; },
       Exclusion::kNotFromResponse},
      {"merged", [](Case& c) { c.merged_into.bytes[0] = 5; }, Exclusion::kMerged},
      {"closed as merged", [](Case& c) { c.handling_result = HandlingResult::kMerged; },
       Exclusion::kMerged},
      {"invalid", [](Case& c) { c.handling_result = HandlingResult::kInvalid; },
       Exclusion::kInvalid},
      {"mis-scored", [](Case& c) { c.mis_scored = true; }, Exclusion::kMisScored},
      {"invalid and mis-scored counts once",
       [](Case& c) {
         c.mis_scored = true;
         c.handling_result = HandlingResult::kInvalid;
       },
       Exclusion::kInvalid},
      // Verdicts that stay in the denominator.
      {"unfounded", [](Case& c) { c.handling_result = HandlingResult::kUnfounded; },
       Exclusion::kNone},
      {"dishonest", [](Case& c) { c.handling_result = HandlingResult::kDishonest; },
       Exclusion::kNone},
      {"unreachable", [](Case& c) { c.handling_result = HandlingResult::kUnreachable; },
       Exclusion::kNone},
      {"erased", [](Case& c) { c.handling_result = HandlingResult::kErased; }, Exclusion::kNone},
  };
  for (const ExclusionRow& row : rows) {
    SCOPED_TRACE(row.name);
    Case c = FullCase();
    row.change(c);
    EXPECT_EQ(WhyExcluded(c), row.expected);
    const Counts counts = Contribution(c);
    EXPECT_EQ(counts.opened, 1);
    const bool eligible = row.expected == Exclusion::kNone;
    EXPECT_EQ(counts.eligible, eligible ? 1 : 0);
    EXPECT_EQ(counts.contacted + counts.remedied + counts.asked + counts.answered +
                  counts.recovered_first + counts.recovered_ever + counts.converted_ever,
              eligible ? 7 : 0);
    for (int i = 0; i < kExclusionCount; ++i) {
      EXPECT_EQ(counts.excluded[i], !eligible && i == static_cast<int>(row.expected) ? 1 : 0);
    }
  }
}

TEST(ContributionTest, AnswersCountByCategoryAndTime) {
  Response r;
  r.customer_id.bytes[0] = 1;
  r.occurred_at = Day(1);
  r.category = Category::kPassive;
  EXPECT_EQ(Contribution(r).passives, 1);
  EXPECT_EQ(Contribution(r).anonymous, 0);
  EXPECT_EQ(Contribution(r, Day(1)).passives, 1);
  EXPECT_EQ(Contribution(r, Day(1) - Duration{1}), Counts{});
  r.category = Category::kPromoter;
  EXPECT_EQ(Contribution(r).promoters, 1);
  r.category = Category::kDetractor;
  r.customer_id = {};
  EXPECT_EQ(Contribution(r).detractors, 1);
  EXPECT_EQ(Contribution(r).anonymous, 1);
  EXPECT_EQ(Contribution(r).anonymous_detractors, 1);
}

TEST(ContributionTest, AddingAndSubtractingTheSameLeavesNothing) {
  Counts counts = Contribution(FullCase());
  Case excluded = FullCase();
  excluded.customer_id = {};
  counts += Contribution(excluded);
  EXPECT_EQ(counts.opened, 2);
  counts -= Contribution(FullCase());
  EXPECT_EQ(counts, Contribution(excluded));
  counts -= Contribution(excluded);
  EXPECT_EQ(counts, Counts{});
}

TEST(ContributionTest, ACaseMaturesAtTheEndOfItsWindow) {
  Case c = FullCase();
  EXPECT_FALSE(IsMatured(c, Day(100'000))) << "no window, no end";
  c.window_ends_at = Day(90);
  EXPECT_FALSE(IsMatured(c, Day(90) - Duration{1}));
  EXPECT_TRUE(IsMatured(c, Day(90)));
}

struct ConversionRow {
  const char* name;
  std::optional<int> converted_on;
  std::optional<int> window_ends_on;
  int as_of;
  int days;
  bool event;
};

TEST(ContributionTest, TimeToConversionIsCensoredAtTheWindowOrAsOf) {
  const ConversionRow rows[] = {
      {"converted", 5, std::nullopt, 30, 5, true},
      {"converted on that very day", 5, std::nullopt, 5, 5, true},
      {"not known yet", 5, std::nullopt, 4, 4, false},
      {"not converted", std::nullopt, std::nullopt, 30, 30, false},
      {"not converted within the window", std::nullopt, 20, 30, 20, false},
      {"the window is still open", std::nullopt, 40, 30, 30, false},
      {"converted within the window", 20, 20, 30, 20, true},
      {"not opened yet", std::nullopt, std::nullopt, -3, 0, false},
  };
  for (const ConversionRow& row : rows) {
    SCOPED_TRACE(row.name);
    Case c = FullCase();
    c.converted_at = row.converted_on ? std::optional(Day(*row.converted_on)) : std::nullopt;
    c.window_ends_at = row.window_ends_on ? std::optional(Day(*row.window_ends_on)) : std::nullopt;
    const Observation observation = ConversionTime(c, Day(row.as_of));
    EXPECT_EQ(observation.time, days{row.days});
    EXPECT_EQ(observation.event, row.event);
  }
}

TEST(CustomerRecoveryTest, OnlyThoseWhoBeganAsDetractorsCount) {
  using enum Category;
  const struct {
    std::vector<Category> answers;
    CustomerRecovery expected;  // again, never again, converted ever, last, recovered ever, last
  } rows[] = {
      {{}, {}},
      {{kPromoter, kDetractor}, {}},
      {{kPassive}, {}},
      {{kDetractor}, {0, 1, 0, 0, 0, 0}},
      {{kDetractor, kDetractor}, {1, 0, 0, 0, 0, 0}},
      {{kDetractor, kPassive}, {1, 0, 0, 0, 1, 1}},
      {{kDetractor, kPromoter}, {1, 0, 1, 1, 1, 1}},
      {{kDetractor, kPromoter, kDetractor}, {1, 0, 1, 0, 1, 0}},
      {{kDetractor, kPromoter, kPassive}, {1, 0, 1, 0, 1, 1}},
  };
  CustomerRecovery sum;
  for (const auto& row : rows) {
    CustomerRecovery one;
    one.Add(row.answers);
    EXPECT_EQ(one, row.expected) << row.answers.size();
    sum.Add(row.answers);
  }
  EXPECT_EQ(sum, (CustomerRecovery{5, 1, 3, 1, 4, 3}));
}

TEST(ExclusionTest, EachHasItsName) {
  EXPECT_EQ(Name(Exclusion::kNoKnownCustomer), "no_known_customer");
  std::set<std::string_view> names;
  for (int i = 0; i < kExclusionCount; ++i) names.insert(Name(static_cast<Exclusion>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(kExclusionCount));
}

}  // namespace
}  // namespace rebound
