#include "workflows/contribution.h"

#include <algorithm>

#include "workflows/check.h"

namespace rebound {
namespace {

template <typename Op>
void Combine(Counts& a, const Counts& b, Op op) {
  op(a.promoters, b.promoters);
  op(a.passives, b.passives);
  op(a.detractors, b.detractors);
  op(a.anonymous, b.anonymous);
  op(a.anonymous_detractors, b.anonymous_detractors);
  op(a.opened, b.opened);
  for (int i = 0; i < kExclusionCount; ++i) op(a.excluded[i], b.excluded[i]);
  op(a.open, b.open);
  op(a.eligible, b.eligible);
  op(a.contacted, b.contacted);
  op(a.remedied, b.remedied);
  op(a.asked, b.asked);
  op(a.answered, b.answered);
  op(a.recovered_first, b.recovered_first);
  op(a.converted_first, b.converted_first);
  op(a.recovered_ever, b.recovered_ever);
  op(a.converted_ever, b.converted_ever);
}

}  // namespace

std::string_view Name(Exclusion exclusion) {
  switch (exclusion) {
    case Exclusion::kNone: return "none";
    case Exclusion::kNoKnownCustomer: return "no_known_customer";
    case Exclusion::kNotFromResponse: return "not_from_response";
    case Exclusion::kMerged: return "merged";
    case Exclusion::kInvalid: return "invalid";
    case Exclusion::kMisScored: return "mis_scored";
  }
  CHECK(false);
  return {};
}

Counts& Counts::operator+=(const Counts& other) {
  Combine(*this, other, [](int64_t& a, int64_t b) { a += b; });
  return *this;
}

Counts& Counts::operator-=(const Counts& other) {
  Combine(*this, other, [](int64_t& a, int64_t b) { a -= b; });
  return *this;
}

Exclusion WhyExcluded(const Case& c) {
  if (c.handling_result == HandlingResult::kMerged || !c.merged_into.empty()) {
    return Exclusion::kMerged;
  }
  if (c.handling_result == HandlingResult::kInvalid) return Exclusion::kInvalid;
  // A case that somebody asked for, or opened by hand, did not begin with a detractor's answer.
  if (c.opening_response_id.empty() || c.category != Category::kDetractor) {
    return Exclusion::kNotFromResponse;
  }
  if (c.customer_id.empty()) return Exclusion::kNoKnownCustomer;
  if (c.mis_scored) return Exclusion::kMisScored;
  return Exclusion::kNone;
}

Counts Contribution(const Case& c, std::optional<Timestamp> as_of) {
  Counts counts;
  const auto known = [&](const std::optional<Timestamp>& fact) {
    return fact && (!as_of || *fact <= *as_of);
  };
  if (!known(c.opened_at)) return counts;
  counts.opened = 1;
  counts.open = known(c.closed_at) ? 0 : 1;
  const Exclusion excluded = WhyExcluded(c);
  if (excluded != Exclusion::kNone) {
    counts.excluded[static_cast<int>(excluded)] = 1;
    return counts;
  }
  counts.eligible = 1;
  counts.contacted = known(c.contacted_at);
  counts.remedied = known(c.remedied_at);
  counts.asked = known(c.asked_at);
  if (const auto& first = c.resurvey.first_answer; first && known(first->occurred_at)) {
    counts.answered = 1;
    if (!c.window_ends_at || first->occurred_at <= *c.window_ends_at) {
      counts.recovered_first = IsRecovered(first->category);
      counts.converted_first = first->category == Category::kPromoter;
    }
  }
  counts.recovered_ever = known(c.recovered_at);
  counts.converted_ever = known(c.converted_at);
  return counts;
}

Counts Contribution(const Response& r, std::optional<Timestamp> as_of) {
  Counts counts;
  if (as_of && r.occurred_at > *as_of) return counts;
  switch (r.category) {
    case Category::kPromoter: counts.promoters = 1; break;
    case Category::kPassive: counts.passives = 1; break;
    case Category::kDetractor: counts.detractors = 1; break;
    case Category::kUnset: break;
  }
  if (r.customer_id.empty()) {
    counts.anonymous = 1;
    counts.anonymous_detractors = counts.detractors;
  }
  return counts;
}

bool IsMatured(const Case& c, Timestamp as_of) {
  return c.window_ends_at && *c.window_ends_at <= as_of;
}

Observation ConversionTime(const Case& c, Timestamp as_of) {
  if (c.converted_at && *c.converted_at <= as_of) {
    return {*c.converted_at - c.opened_at, true};
  }
  const Timestamp watched_until = c.window_ends_at ? std::min(*c.window_ends_at, as_of) : as_of;
  return {std::max(watched_until - c.opened_at, Duration{0}), false};
}

void CustomerRecovery::Add(const std::vector<Category>& answers) {
  if (answers.empty() || answers.front() != Category::kDetractor) return;
  if (answers.size() == 1) {
    never_again += 1;
    return;
  }
  began_as_detractor_and_answered_again += 1;
  const auto later = [&](auto matches) {
    return std::any_of(answers.begin() + 1, answers.end(), matches) ? 1 : 0;
  };
  const auto promoter = [](Category c) { return c == Category::kPromoter; };
  converted_ever += later(promoter);
  recovered_ever += later(IsRecovered);
  converted_last += promoter(answers.back()) ? 1 : 0;
  recovered_last += IsRecovered(answers.back()) ? 1 : 0;
}

}  // namespace rebound
