#include "workflows/contact_rules.h"

#include <algorithm>
#include <map>
#include <set>

namespace rebound {
namespace {

using std::chrono::days;
using std::chrono::minutes;

int32_t MinuteOfDay(LocalTime local) {
  const LocalDay day = std::chrono::floor<days>(local);
  return static_cast<int32_t>(std::chrono::floor<minutes>(local - day).count());
}

}  // namespace

bool IsContact(const Attempt& attempt) {
  return attempt.direction == Direction::kInbound || IsReached(attempt.outcome);
}

bool IsQuiet(const ContactRules& rules, const Zone& zone, Timestamp at) {
  return rules.quiet_hours && rules.quiet_hours->Contains(MinuteOfDay(ToLocal(zone, at)));
}

Timestamp QuietUntil(const ContactRules& rules, const Zone& zone, Timestamp at) {
  if (!IsQuiet(rules, zone, at)) return at;
  const LocalTime local = ToLocal(zone, at);
  LocalTime end = std::chrono::floor<days>(local) + minutes{rules.quiet_hours->until};
  if (end <= local) end += days{1};
  const Timestamp until = ToUtc(zone, end);
  // In the hour that a backward change repeats, its first pass is over.
  return until > at ? until : at + (end - local);
}

Reachability Assess(const Case& c, const ContactRules& rules, const Zone& zone, size_t from) {
  Reachability found;
  found.needed = rules.unreachable;
  std::vector<const Attempt*> tries;
  for (size_t i = from; i < c.attempts.size(); ++i) {
    const Attempt& attempt = c.attempts[i];
    if (c.round_started_at && attempt.occurred_at < *c.round_started_at) continue;
    tries.push_back(&attempt);
  }
  // By when they happened: they may have been recorded late.
  std::optional<Timestamp> spoken;
  for (const Attempt* attempt : tries) {
    if (IsContact(*attempt) && (!spoken || attempt->occurred_at > *spoken)) {
      spoken = attempt->occurred_at;
    }
  }
  std::set<LocalDay> on_days;
  std::set<const TimeBand*> bands;
  std::map<AttemptOutcome, int32_t> outcomes;
  for (const Attempt* attempt : tries) {
    if (IsContact(*attempt) || (spoken && attempt->occurred_at <= *spoken)) continue;
    if (IsQuiet(rules, zone, attempt->occurred_at)) continue;
    if (attempt->outcome == AttemptOutcome::kMessageSent) {
      ++found.messages;
      continue;
    }
    ++found.attempts;
    ++outcomes[attempt->outcome];
    const LocalTime local = ToLocal(zone, attempt->occurred_at);
    on_days.insert(std::chrono::floor<days>(local));
    for (const TimeBand& band : rules.time_bands) {
      if (band.span.Contains(MinuteOfDay(local))) bands.insert(&band);
    }
  }
  found.days = static_cast<int32_t>(on_days.size());
  found.time_bands = static_cast<int32_t>(bands.size());
  found.outcomes.assign(outcomes.begin(), outcomes.end());
  found.met = found.needed && found.attempts >= found.needed->attempts &&
              found.time_bands >= found.needed->time_bands && found.days >= found.needed->days &&
              found.messages >= found.needed->messages;
  return found;
}

std::optional<Timestamp> NextCallAt(const Case& c, const ContactRules& rules, const Zone& zone,
                                    Timestamp now) {
  Timestamp next = now;
  // What the plan sends is no try: it does not end what was agreed on.
  const auto last = std::find_if(c.attempts.rbegin(), c.attempts.rend(),
                                 [](const Attempt& each) { return each.actor != "system"; });
  if (last != c.attempts.rend()) next = std::max(next, last->next_allowed_at.value_or(now));
  next = QuietUntil(rules, zone, next);
  return next == now ? std::nullopt : std::optional(next);
}

}  // namespace rebound
