// Figures against published values; each table names where its numbers come from.
#include "workflows/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <utility>

namespace rebound {
namespace {

Duration Weeks(int64_t weeks) { return Duration{weeks}; }  // the unit does not matter to the curve

// Freireich et al. (1963), Blood 21:699: weeks of remission in leukaemia, 6-mercaptopurine against
// placebo; the data set of Kalbfleisch & Prentice, Collett, and Kleinbaum & Klein.
std::vector<Observation> MercaptopurineWeeks() {
  const std::pair<int64_t, bool> rows[] = {
      {6, true},   {6, true},   {6, true},   {6, false},  {7, true},   {9, false},  {10, true},
      {10, false}, {11, false}, {13, true},  {16, true},  {17, false}, {19, false}, {20, false},
      {22, true},  {23, true},  {25, false}, {32, false}, {32, false}, {34, false}, {35, false}};
  std::vector<Observation> observations;
  for (const auto& [weeks, event] : rows) observations.push_back({Weeks(weeks), event});
  return observations;
}

std::vector<Observation> PlaceboWeeks() {
  std::vector<Observation> observations;
  for (int64_t weeks : {1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23}) {
    observations.push_back({Weeks(weeks), true});
  }
  return observations;
}

TEST(NpsTest, SfoSurveyOf2017) {
  const NpsFigure figure = Nps(1436, 968, 342);
  EXPECT_EQ(figure.n(), 2746);
  EXPECT_NEAR(*figure.nps, 39.8398, 0.00005);
  EXPECT_LT(figure.interval->low, *figure.nps);
  EXPECT_GT(figure.interval->high, *figure.nps);
}

TEST(NpsTest, AdjustedWaldByHand) {
  // 10 / 5 / 5: n' = 23, p' = 10.75/23, d' = 5.75/23, p' - d' = 5/23,
  // variance (16.5/23 - 25/529) / 23 = 354.5/12167, half width 1.959964 x 0.1706939.
  const NpsFigure figure = Nps(10, 5, 5);
  EXPECT_DOUBLE_EQ(*figure.nps, 25.0);
  EXPECT_NEAR(figure.interval->low, 100 * (5.0 / 23 - 0.334554), 0.001);
  EXPECT_NEAR(figure.interval->high, 100 * (5.0 / 23 + 0.334554), 0.001);
}

TEST(NpsTest, ZSetsTheConfidence) {
  const NpsFigure wide = Nps(10, 5, 5, 2.5758293);
  const NpsFigure narrow = Nps(10, 5, 5, 1.6448536);
  EXPECT_LT(wide.interval->low, narrow.interval->low);
  EXPECT_GT(wide.interval->high, narrow.interval->high);
}

TEST(NpsTest, NobodyAnsweredIsNoFigure) {
  const NpsFigure figure = Nps(0, 0, 0);
  EXPECT_EQ(figure.n(), 0);
  EXPECT_FALSE(figure.nps);
  EXPECT_FALSE(figure.interval);
}

TEST(NpsTest, TheIntervalStaysOnTheScaleAndIsNeverAPoint) {
  EXPECT_EQ(Nps(3, 0, 0).interval->high, 100);
  EXPECT_LT(Nps(3, 0, 0).interval->low, 100);
  EXPECT_EQ(Nps(0, 0, 3).interval->low, -100);
  const NpsFigure passives = Nps(0, 50, 0);
  EXPECT_EQ(*passives.nps, 0);
  EXPECT_LT(passives.interval->low, 0);
  EXPECT_NEAR(passives.interval->low, -passives.interval->high, 1e-12);
}

TEST(WilsonTest, PublishedIntervals) {
  const struct {
    int64_t k, n;
    double low, high;
  } rows[] = {
      // Newcombe (1998), Statistics in Medicine 17:857, table I, method 3.
      {81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0.0000, 0.1611},
      {1, 29, 0.0061, 0.1718},   {8, 10, 0.4902, 0.9433},   {29, 29, 0.8830, 1.0000},
  };
  for (const auto& row : rows) {
    const Proportion proportion = Wilson(row.k, row.n);
    SCOPED_TRACE(testing::Message() << row.k << "/" << row.n);
    EXPECT_DOUBLE_EQ(*proportion.value, static_cast<double>(row.k) / static_cast<double>(row.n));
    EXPECT_NEAR(proportion.interval->low, row.low, 0.00005);
    EXPECT_NEAR(proportion.interval->high, row.high, 0.00005);
  }
}

TEST(WilsonTest, EndsAreExactAndNothingIsNoFigure) {
  EXPECT_EQ(Wilson(0, 7).interval->low, 0.0);
  EXPECT_EQ(Wilson(7, 7).interval->high, 1.0);
  EXPECT_FALSE(Wilson(0, 0).value);
  EXPECT_FALSE(Wilson(0, 0).interval);
}

TEST(NewcombeTest, PublishedIntervals) {
  const struct {
    int64_t k1, n1, k2, n2;
    double low, high;
  } rows[] = {
      // Newcombe (1998), Statistics in Medicine 17:873, table II, method 10.
      {56, 70, 48, 80, 0.0524, 0.3339}, {9, 10, 3, 10, 0.1705, 0.8090},
      {6, 7, 2, 7, 0.0582, 0.8062},     {5, 56, 0, 29, -0.0381, 0.1926},
      {0, 10, 0, 20, -0.1611, 0.2775},  {0, 10, 0, 10, -0.2775, 0.2775},
      {10, 10, 0, 20, 0.6791, 1.0000},  {10, 10, 0, 10, 0.6075, 1.0000},
  };
  for (const auto& row : rows) {
    const Difference difference = NewcombeDifference(row.k1, row.n1, row.k2, row.n2);
    SCOPED_TRACE(testing::Message() << row.k1 << "/" << row.n1 << " - " << row.k2 << "/" << row.n2);
    EXPECT_NEAR(difference.interval->low, row.low, 0.00005);
    EXPECT_NEAR(difference.interval->high, row.high, 0.00005);
  }
}

TEST(NewcombeTest, NeedsBothGroups) {
  EXPECT_FALSE(NewcombeDifference(3, 10, 0, 0).value);
  EXPECT_FALSE(NewcombeDifference(3, 10, 0, 0).interval);
  EXPECT_TRUE(NewcombeDifference(3, 10, 0, 0).first.value);
}

TEST(KaplanMeierTest, FreireichMercaptopurineCurve) {
  const KaplanMeierCurve curve = KaplanMeier(MercaptopurineWeeks());
  EXPECT_EQ(curve.n, 21);
  EXPECT_EQ(curve.events, 9);
  EXPECT_EQ(curve.followed_until, Weeks(35));
  EXPECT_EQ(curve.median, Weeks(23));
  // Survival and Greenwood's standard error: Kleinbaum & Klein, Survival Analysis, ch. 2. Bands:
  // as statistical packages print them for this set (log(-log) scale).
  const struct {
    int64_t weeks, at_risk, events;
    double survival, error, low, high;
  } rows[] = {
      {6, 21, 3, 0.8571, 0.0764, 0.6197, 0.9516},  {7, 17, 1, 0.8067, 0.0869, 0.5631, 0.9228},
      {10, 15, 1, 0.7529, 0.0963, 0.5032, 0.8894}, {13, 12, 1, 0.6902, 0.1068, 0.4316, 0.8491},
      {16, 11, 1, 0.6275, 0.1141, 0.3675, 0.8049}, {22, 7, 1, 0.5378, 0.1282, 0.2678, 0.7468},
      {23, 6, 1, 0.4482, 0.1346, 0.1881, 0.6801},
  };
  ASSERT_EQ(curve.steps.size(), std::size(rows));
  for (size_t i = 0; i < std::size(rows); ++i) {
    const KaplanMeierStep& step = curve.steps[i];
    SCOPED_TRACE(rows[i].weeks);
    EXPECT_EQ(step.time, Weeks(rows[i].weeks));
    EXPECT_EQ(step.at_risk, rows[i].at_risk);
    EXPECT_EQ(step.events, rows[i].events);
    EXPECT_NEAR(step.survival, rows[i].survival, 0.00005);
    EXPECT_NEAR(std::sqrt(step.variance), rows[i].error, 0.00005);
    EXPECT_NEAR(step.band->low, rows[i].low, 0.00005);
    EXPECT_NEAR(step.band->high, rows[i].high, 0.00005);
    EXPECT_NEAR(step.incidence(), 1 - rows[i].survival, 0.00005);
    EXPECT_NEAR(step.incidence_band()->low, 1 - rows[i].high, 0.00005);
  }
}

TEST(KaplanMeierTest, WithoutCensoringItIsTheShareLeft) {
  const KaplanMeierCurve curve = KaplanMeier(PlaceboWeeks());
  EXPECT_EQ(curve.median, Weeks(8));
  ASSERT_EQ(curve.steps.size(), 12U);
  EXPECT_NEAR(curve.steps[0].survival, 19.0 / 21, 1e-12);
  EXPECT_NEAR(curve.steps[5].survival, 8.0 / 21, 1e-12);
  // The last one relapses: nobody is left, and a band would need log(0).
  EXPECT_EQ(curve.steps.back().survival, 0);
  EXPECT_EQ(curve.steps.back().variance, 0);
  EXPECT_FALSE(curve.steps.back().band);
  EXPECT_FALSE(curve.steps.back().incidence_band());
}

TEST(KaplanMeierTest, EventsComeBeforeCensoringsAtTheSameTimeInAnyOrder) {
  std::vector<Observation> rows = MercaptopurineWeeks();
  const KaplanMeierCurve expected = KaplanMeier(rows);
  std::mt19937_64 random(7);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(rows.begin(), rows.end(), random);
    const KaplanMeierCurve curve = KaplanMeier(rows);
    ASSERT_EQ(curve.steps.size(), expected.steps.size());
    for (size_t i = 0; i < curve.steps.size(); ++i) {
      EXPECT_EQ(curve.steps[i].at_risk, expected.steps[i].at_risk);
      EXPECT_EQ(curve.steps[i].survival, expected.steps[i].survival);
    }
  }
}

TEST(KaplanMeierTest, EmptyAndEventlessInputsHaveNoSteps) {
  const KaplanMeierCurve empty = KaplanMeier({});
  EXPECT_EQ(empty.n, 0);
  EXPECT_TRUE(empty.steps.empty());
  EXPECT_FALSE(empty.median);
  const KaplanMeierCurve censored = KaplanMeier({{Weeks(3), false}, {Weeks(5), false}});
  EXPECT_EQ(censored.n, 2);
  EXPECT_TRUE(censored.steps.empty());
  EXPECT_EQ(censored.followed_until, Weeks(5));
  EXPECT_EQ(IncidenceAt(censored, Weeks(9)), 0);
}

TEST(KaplanMeierTest, IncidenceIsAStepFunctionFromTheRight) {
  const KaplanMeierCurve curve = KaplanMeier(MercaptopurineWeeks());
  EXPECT_EQ(IncidenceAt(curve, Weeks(5)), 0);
  EXPECT_NEAR(IncidenceAt(curve, Weeks(6)), 0.1429, 0.00005);
  EXPECT_NEAR(IncidenceAt(curve, Weeks(22)), 0.4622, 0.00005);
  EXPECT_NEAR(IncidenceAt(curve, Weeks(1000)), 0.5518, 0.00005);
}

TEST(LogRankTest, FreireichTrial) {
  // Kleinbaum & Klein, ch. 2: observed 9 and 21, expected 19.25 and 10.75, chi-square 16.79.
  const LogRankTest test = LogRank(MercaptopurineWeeks(), PlaceboWeeks());
  EXPECT_EQ(test.observed_first, 9);
  EXPECT_EQ(test.observed_second, 21);
  EXPECT_NEAR(test.expected_first, 19.25, 0.005);
  EXPECT_NEAR(test.expected_second, 10.75, 0.005);
  EXPECT_NEAR(*test.chi_square, 16.793, 0.0005);
  EXPECT_NEAR(*test.p_value, 4.17e-5, 0.005e-5);
}

TEST(LogRankTest, EqualGroupsDoNotDiffer) {
  const LogRankTest test = LogRank(PlaceboWeeks(), PlaceboWeeks());
  EXPECT_NEAR(*test.chi_square, 0, 1e-12);
  EXPECT_NEAR(*test.p_value, 1, 1e-6);
}

TEST(LogRankTest, NothingToCompareIsNoFigure) {
  EXPECT_FALSE(LogRank({}, {}).chi_square);
  EXPECT_FALSE(LogRank(PlaceboWeeks(), {}).p_value);
  EXPECT_FALSE(LogRank({{Weeks(1), false}}, {{Weeks(2), false}}).chi_square);
}

TEST(SampleSizeTest, PublishedAndHandMadeSizes) {
  const struct {
    double margin, p, d;
    std::optional<int64_t> population;
    std::optional<int64_t> expected;
  } rows[] = {
      {10, 0.5, 0.5, {}, 385},    // 1.96^2 / 0.01 = 384.15
      {4.4, 0.5, 0.5, {}, 1985},  // so 2,000 answers give about +-4.4 points at worst
      {5, 0.4, 0.2, {}, 861},     // S^2 = 0.6 - 0.04 = 0.56, 1536.58 x 0.56 = 860.49
      {10, 0.5, 0.5, 1000, 278},  // 384.15 / (1 + 383.15 / 1000)
      {10, 0.5, 0.5, 1, 1},
      {10, 1.0, 0.0, {}, 1},  // no spread: one answer tells
      {0, 0.5, 0.5, {}, {}},
      {-1, 0.5, 0.5, {}, {}},
      {10, 0.7, 0.5, {}, {}},
      {10, -0.1, 0.5, {}, {}},
      {10, 0.5, 0.5, 0, {}},
      {1e-12, 0.5, 0.5, {}, {}},
      {std::numeric_limits<double>::quiet_NaN(), 0.5, 0.5, {}, {}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(testing::Message() << row.margin << " " << row.p << " " << row.d);
    EXPECT_EQ(SampleSizeForNps(row.margin, row.p, row.d, kZ95, row.population), row.expected);
  }
}

}  // namespace
}  // namespace rebound
