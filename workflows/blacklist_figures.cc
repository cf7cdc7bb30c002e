#include "workflows/blacklist_figures.h"

#include <algorithm>

namespace rebound {
namespace {

bool DecidesFirst(const BlacklistDecision& decision) {
  return decision.kind == BlacklistDecisionKind::kActivated ||
         decision.kind == BlacklistDecisionKind::kRejected;
}

}  // namespace

BlacklistCounts& BlacklistCounts::operator+=(const BlacklistCounts& other) {
  proposed += other.proposed;
  warned += other.warned;
  activated += other.activated;
  rejected += other.rejected;
  appealed += other.appealed;
  overturned += other.overturned;
  lifted += other.lifted;
  lapsed += other.lapsed;
  undecided += other.undecided;
  in_force += other.in_force;
  return *this;
}

BlacklistCounts CountsOf(const BlacklistEntry& entry, Timestamp now) {
  const auto one = [](bool holds) -> int64_t { return holds ? 1 : 0; };
  const bool activated =
      std::any_of(entry.decisions.begin(), entry.decisions.end(),
                  [](const auto& each) { return each.kind == BlacklistDecisionKind::kActivated; });
  const bool over =
      entry.state == BlacklistState::kLapsed || (!IsFinal(entry.state) && now >= entry.expires_at);
  const bool overturned = entry.appeal.state == AppealState::kUpheld;
  BlacklistCounts counts;
  counts.proposed = 1;
  counts.warned = one(entry.warned_at.has_value());
  counts.activated = one(activated);
  counts.rejected = one(entry.state == BlacklistState::kRejected);
  counts.appealed = one(entry.appeal.state != AppealState::kUnset);
  counts.overturned = one(overturned);
  counts.lifted = one(entry.state == BlacklistState::kLifted && !overturned);
  counts.lapsed = one(over && activated);
  counts.undecided = one(over && !activated);
  counts.in_force = one(IsInForce(entry, now));
  return counts;
}

std::string_view FirstDecider(const BlacklistEntry& entry) {
  const auto first = std::find_if(entry.decisions.begin(), entry.decisions.end(), DecidesFirst);
  return first == entry.decisions.end() ? std::string_view() : std::string_view(first->actor);
}

std::optional<ListedTime> ListedBy(const BlacklistEntry& entry, std::optional<Timestamp> as_of) {
  const auto decided =
      std::find_if(entry.decisions.begin(), entry.decisions.end(), [&](const auto& each) {
        return each.kind == BlacklistDecisionKind::kActivated && (!as_of || each.at <= *as_of);
      });
  if (decided == entry.decisions.end() && !entry.is_suppression) return std::nullopt;
  const Timestamp from =
      entry.is_suppression ? entry.starts_at : std::max(entry.starts_at, decided->at);
  // Whatever moved its end later was decided before that end came: for a time up to `as_of` it is
  // the same end.
  const Timestamp until = std::min(entry.ended_at.value_or(entry.expires_at), entry.expires_at);
  if (from >= until) return std::nullopt;
  return ListedTime{from, until};
}

bool WasListed(const Listing& listing, const CustomerId& customer, Timestamp t) {
  const auto found = listing.find(customer);
  if (customer.empty() || found == listing.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(),
                     [&](const ListedTime& time) { return time.from <= t && t < time.until; });
}

}  // namespace rebound
