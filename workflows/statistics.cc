#include "workflows/statistics.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "workflows/check.h"

namespace rebound {
namespace {

// Absorbs the last bits of a product or quotient that is exact on paper.
constexpr double kRounding = 1e-9;

bool ByTime(const Observation& a, const Observation& b) { return a.time < b.time; }

// Walks a sorted group once: who is still watched at a time, and how many events it brings.
class RiskSet {
 public:
  explicit RiskSet(std::vector<Observation> observations) : observations_(std::move(observations)) {
    std::sort(observations_.begin(), observations_.end(), ByTime);
  }

  // The next time with an observation of either kind; nullopt at the end.
  std::optional<Duration> next_time() const {
    if (next_ == observations_.size()) return std::nullopt;
    return observations_[next_].time;
  }
  int64_t at_risk() const { return static_cast<int64_t>(observations_.size() - next_); }

  // Takes out everyone whose observation ends at `time`; returns how many of them had the event.
  int64_t Leave(Duration time) {
    int64_t events = 0;
    for (; next_ < observations_.size() && observations_[next_].time == time; ++next_) {
      events += observations_[next_].event ? 1 : 0;
    }
    return events;
  }

 private:
  std::vector<Observation> observations_;
  size_t next_ = 0;
};

std::optional<Interval> LogLogBand(double survival, double greenwood_sum, double z) {
  if (survival <= 0) return std::nullopt;
  const double width = z * std::sqrt(greenwood_sum) / std::abs(std::log(survival));
  return Interval{std::pow(survival, std::exp(width)), std::pow(survival, std::exp(-width))};
}

}  // namespace

NpsFigure Nps(int64_t promoters, int64_t passives, int64_t detractors, double z) {
  CHECK(promoters >= 0 && passives >= 0 && detractors >= 0);
  NpsFigure figure{.promoters = promoters, .passives = passives, .detractors = detractors};
  if (figure.n() == 0) return figure;
  const double n = static_cast<double>(figure.n());
  figure.nps = 100.0 * static_cast<double>(promoters - detractors) / n;

  const double adjusted_n = n + 3;
  const double p = (static_cast<double>(promoters) + 0.75) / adjusted_n;
  const double d = (static_cast<double>(detractors) + 0.75) / adjusted_n;
  const double centre = p - d;
  const double half = z * std::sqrt((p + d - centre * centre) / adjusted_n);
  figure.interval = Interval{std::max(-100.0, 100 * (centre - half)),  //
                             std::min(100.0, 100 * (centre + half))};
  return figure;
}

Proportion Wilson(int64_t k, int64_t n, double z) {
  CHECK(k >= 0 && k <= n);
  Proportion proportion{.k = k, .n = n};
  if (n == 0) return proportion;
  const double size = static_cast<double>(n);
  const double share = static_cast<double>(k) / size;
  proportion.value = share;

  const double z2 = z * z;
  const double centre = (share + z2 / (2 * size)) / (1 + z2 / size);
  const double half = z * std::sqrt(share * (1 - share) / size + z2 / (4 * size * size)) /  //
                      (1 + z2 / size);
  // At the ends the bound is the end itself; subtraction would leave a stray last bit.
  proportion.interval = Interval{k == 0 ? 0.0 : std::max(0.0, centre - half),
                                 k == n ? 1.0 : std::min(1.0, centre + half)};
  return proportion;
}

Difference NewcombeDifference(int64_t k1, int64_t n1, int64_t k2, int64_t n2, double z) {
  Difference difference{.first = Wilson(k1, n1, z), .second = Wilson(k2, n2, z)};
  if (n1 == 0 || n2 == 0) return difference;
  const double p1 = *difference.first.value;
  const double p2 = *difference.second.value;
  const Interval& one = *difference.first.interval;
  const Interval& two = *difference.second.interval;
  difference.value = p1 - p2;
  difference.interval = Interval{p1 - p2 - std::hypot(p1 - one.low, two.high - p2),
                                 p1 - p2 + std::hypot(one.high - p1, p2 - two.low)};
  return difference;
}

KaplanMeierCurve KaplanMeier(std::vector<Observation> observations, double z) {
  KaplanMeierCurve curve;
  RiskSet group(std::move(observations));
  curve.n = group.at_risk();
  double survival = 1;
  double greenwood_sum = 0;
  while (const auto time = group.next_time()) {
    curve.followed_until = *time;
    const int64_t at_risk = group.at_risk();
    const int64_t events = group.Leave(*time);
    if (events == 0) continue;
    curve.events += events;
    const double n = static_cast<double>(at_risk);
    const double d = static_cast<double>(events);
    survival = at_risk == events ? 0 : survival * (1 - d / n);
    if (at_risk != events) greenwood_sum += d / (n * (n - d));
    curve.steps.push_back({.time = *time,
                           .at_risk = at_risk,
                           .events = events,
                           .survival = survival,
                           .variance = survival * survival * greenwood_sum,
                           .band = LogLogBand(survival, greenwood_sum, z)});
    if (!curve.median && survival <= 0.5 + kRounding) curve.median = *time;
  }
  return curve;
}

double IncidenceAt(const KaplanMeierCurve& curve, Duration time) {
  const auto after = std::upper_bound(
      curve.steps.begin(), curve.steps.end(), time,
      [](Duration value, const KaplanMeierStep& step) { return value < step.time; });
  return after == curve.steps.begin() ? 0 : std::prev(after)->incidence();
}

LogRankTest LogRank(const std::vector<Observation>& first, const std::vector<Observation>& second) {
  LogRankTest test;
  RiskSet one(first);
  RiskSet two(second);
  double variance = 0;
  while (one.next_time() || two.next_time()) {
    const Duration time = std::min(one.next_time().value_or(Duration::max()),
                                   two.next_time().value_or(Duration::max()));
    const double n1 = static_cast<double>(one.at_risk());
    const double n2 = static_cast<double>(two.at_risk());
    const int64_t events1 = one.Leave(time);
    const int64_t events2 = two.Leave(time);
    const double d = static_cast<double>(events1 + events2);
    const double n = n1 + n2;
    test.observed_first += events1;
    test.observed_second += events2;
    test.expected_first += d * n1 / n;
    test.expected_second += d * n2 / n;
    if (n > 1) variance += d * (n1 / n) * (n2 / n) * (n - d) / (n - 1);
  }
  if (variance > 0) {
    const double gap = static_cast<double>(test.observed_first) - test.expected_first;
    test.chi_square = gap * gap / variance;
    test.p_value = std::erfc(std::sqrt(*test.chi_square / 2));
  }
  return test;
}

std::optional<int64_t> SampleSizeForNps(double margin_points, double promoters, double detractors,
                                        double z, std::optional<int64_t> population) {
  // Written so that NaN fails every test.
  if (!(margin_points > 0) || !(promoters >= 0) || !(detractors >= 0) ||
      !(promoters + detractors <= 1 + kRounding) || (population && *population < 1)) {
    return std::nullopt;
  }
  const double balance = promoters - detractors;
  const double variance = promoters + detractors - balance * balance;
  const double margin = margin_points / 100;
  double n = z * z * variance / (margin * margin);
  if (population) n = n / (1 + (n - 1) / static_cast<double>(*population));
  n = std::ceil(n - kRounding);
  if (!(n < 9e18)) return std::nullopt;
  return std::max<int64_t>(1, static_cast<int64_t>(n));
}

}  // namespace rebound
