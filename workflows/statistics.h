// The arithmetic of the reports: NPS, proportions, differences, time to conversion, sample sizes.
//
// Pure functions on counts and durations. Thread-safe. Every interval is two-sided; `z` is the
// standard normal quantile that sets its confidence. Where there is nothing to divide by, a figure
// is nullopt, never 0 and never NaN.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "workflows/time.h"

namespace rebound {

// The standard normal quantile of 97.5 %: two-sided 95 % confidence.
inline constexpr double kZ95 = 1.959963984540054;

struct Interval {
  double low = 0;
  double high = 0;

  friend bool operator==(const Interval&, const Interval&) = default;
};

// Net promoter score, in points from -100 to 100.
struct NpsFigure {
  int64_t promoters = 0;
  int64_t passives = 0;
  int64_t detractors = 0;
  std::optional<double> nps{};  // nullopt when nobody answered
  std::optional<Interval> interval{};

  int64_t n() const { return promoters + passives + detractors; }
};

// NPS = 100 (P - D) / N, with the adjusted Wald interval AW(3,T) of Rocks (2016), "Interval
// Estimation for the 'Net Promoter Score'", The American Statistician 70(4):365-372:
//   n' = N + 3, p' = (P + 3/4) / n', d' = (D + 3/4) / n',
//   100 (p' - d' +- z sqrt((p' + d' - (p' - d')^2) / n')), cut to [-100, 100].
// The interval is centred on the adjusted score, so the score itself is not exactly in its middle.
// REQUIRES: no count is negative.
NpsFigure Nps(int64_t promoters, int64_t passives, int64_t detractors, double z = kZ95);

// k out of n, as a share from 0 to 1.
struct Proportion {
  int64_t k = 0;
  int64_t n = 0;
  std::optional<double> value{};  // nullopt when n is 0
  std::optional<Interval> interval{};
};

// Wilson's score interval without continuity correction: Wilson (1927), JASA 22:209-212; Newcombe
// (1998), Statistics in Medicine 17:857-872, method 3.
// REQUIRES: 0 <= k <= n.
Proportion Wilson(int64_t k, int64_t n, double z = kZ95);

// k1/n1 - k2/n2, from -1 to 1. Excess recovery is treated minus hold-out.
struct Difference {
  Proportion first;
  Proportion second;
  std::optional<double> value{};  // nullopt when either n is 0
  std::optional<Interval> interval{};
};

// Newcombe (1998), "Interval estimation for the difference between independent proportions",
// Statistics in Medicine 17:873-890, method 10 (from two Wilson intervals l, u):
//   low  = d - sqrt((p1 - l1)^2 + (u2 - p2)^2),  high = d + sqrt((u1 - p1)^2 + (p2 - l2)^2).
// REQUIRES: 0 <= k <= n for both.
Difference NewcombeDifference(int64_t k1, int64_t n1, int64_t k2, int64_t n2, double z = kZ95);

// How long one subject was watched, and whether the event ended it (else it is right-censored).
struct Observation {
  Duration time{};
  bool event = false;
};

// The curve from `time` on, until the next step.
struct KaplanMeierStep {
  Duration time{};
  int64_t at_risk = 0;  // just before `time`; those censored at `time` still count
  int64_t events = 0;   // at `time`
  double survival = 1;  // share still without the event
  double variance = 0;  // of `survival`
  // nullopt once survival is 0, where log(-log 0) does not exist.
  std::optional<Interval> band{};

  // The same as incidence 1 - S: the share that had the event (converted) by `time`.
  double incidence() const { return 1 - survival; }
  std::optional<Interval> incidence_band() const {
    if (!band) return std::nullopt;
    return Interval{1 - band->high, 1 - band->low};
  }
};

struct KaplanMeierCurve {
  int64_t n = 0;
  int64_t events = 0;
  std::vector<KaplanMeierStep> steps{};  // one per distinct event time, rising
  Duration followed_until{};             // the longest observation; the curve says nothing beyond
  std::optional<Duration> median{};      // first time with survival <= 1/2; nullopt: never reached
};

// Kaplan & Meier (1958), JASA 53:457-481: S(t) = prod (1 - d_i / n_i). At equal times events come
// before censorings. Variance by Greenwood (1926): S^2 sum d_i / (n_i (n_i - d_i)). Bands on the
// log(-log) scale, pointwise: S^exp(+-z sqrt(sum) / log S), Kalbfleisch & Prentice (1980),
// sec. 1.3. An empty input gives a curve without steps. The order of the input does not matter.
KaplanMeierCurve KaplanMeier(std::vector<Observation> observations, double z = kZ95);

// 1 - S(t): the share that had the event at or before `time`; 0 before the first step.
double IncidenceAt(const KaplanMeierCurve& curve, Duration time);

struct LogRankTest {
  int64_t observed_first = 0;  // events in the first group
  double expected_first = 0;   // as many as there would be if both groups had one curve
  int64_t observed_second = 0;
  double expected_second = 0;
  // One degree of freedom; nullopt when no event time had both groups at risk (nothing to compare).
  std::optional<double> chi_square{};
  std::optional<double> p_value{};
};

// Mantel (1966), Cancer Chemotherapy Reports 50:163-170; Peto & Peto (1972): chi^2 = (O1 - E1)^2 /
// V with the hypergeometric variance V = sum d (n1/n)(n2/n)(n - d)/(n - 1); p = erfc(sqrt(chi^2 /
// 2)).
LogRankTest LogRank(const std::vector<Observation>& first, const std::vector<Observation>& second);

// Answers needed so that the NPS is known to +-`margin_points`, when a share `promoters` promotes
// and `detractors` detracts: n0 = z^2 S^2 / d^2 with S^2 = p + d - (p - d)^2 and d = margin / 100,
// rounded up. With a finite `population` N: n0 / (1 + (n0 - 1) / N), Cochran (1977), Sampling
// Techniques, eq. 4.2. Worst case: both shares 1/2.
// nullopt when the margin is not above 0, a share is below 0 or their sum above 1, the population
// is below 1, or the answer does not fit.
std::optional<int64_t> SampleSizeForNps(double margin_points, double promoters, double detractors,
                                        double z = kZ95,
                                        std::optional<int64_t> population = std::nullopt);

}  // namespace rebound
