// When customers may be called, and when they count as unreachable. Values of a configuration
// revision; pure. Times of day are local: of the customer's zone where it is known, else of the
// rules' own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workflows/calendar.h"
#include "workflows/case.h"
#include "workflows/time.h"

namespace rebound {

// Minutes of the local day, [from, until); past midnight where `until` is not after `from`.
struct DaySpan {
  int32_t from = 0;   // 0 to 1439
  int32_t until = 0;  // 0 to 1440, not `from`

  bool Contains(int32_t minute) const {
    return from < until ? from <= minute && minute < until : from <= minute || minute < until;
  }
  friend bool operator==(const DaySpan&, const DaySpan&) = default;
};

struct TimeBand {
  std::string id{};  // stable key
  DaySpan span{};
  friend bool operator==(const TimeBand&, const TimeBand&) = default;
};

// How much has to be tried in vain, at the least, before a customer counts as unreachable.
struct UnreachableRule {
  int32_t attempts = 1;
  int32_t time_bands = 0;  // different ones, of ContactRules::time_bands
  int32_t days = 1;        // different local days
  int32_t messages = 0;
  friend bool operator==(const UnreachableRule&, const UnreachableRule&) = default;
};

struct ContactRules {
  Zone zone{.name = "UTC"};
  std::optional<DaySpan> quiet_hours{};
  std::vector<TimeBand> time_bands{};
  std::optional<UnreachableRule> unreachable{};  // absent: whoever says so is believed

  friend bool operator==(const ContactRules&, const ContactRules&) = default;
};

// Has spoken with the customer, who called or was reached.
bool IsContact(const Attempt& attempt);

bool IsQuiet(const ContactRules& rules, const Zone& zone, Timestamp at);
// The end of the quiet hours that `at` lies in, which is after it; `at` itself outside of them.
Timestamp QuietUntil(const ContactRules& rules, const Zone& zone, Timestamp at);

// How far it is shown that the customer cannot be reached.
struct Reachability {
  // What counts: outbound tries outside the quiet hours, since the customer was last spoken to.
  int32_t attempts = 0;    // with any outcome that is neither a contact nor a message
  int32_t time_bands = 0;  // that those lie in
  int32_t days = 0;
  int32_t messages = 0;
  std::vector<std::pair<AttemptOutcome, int32_t>> outcomes{};  // of the attempts, in enum order
  std::optional<UnreachableRule> needed{};                     // absent: there is no rule
  bool met = false;  // there is one, and all of it is done

  friend bool operator==(const Reachability&, const Reachability&) = default;
};

// Of the attempts from index `from` on that happened in the present round of handling. `refused`
// and `hung_up` are contacts: whoever says no was reached.
Reachability Assess(const Case& c, const ContactRules& rules, const Zone& zone, size_t from = 0);

// When the customer may be called next: not before a time agreed on, nor in quiet hours. nullopt:
// now.
std::optional<Timestamp> NextCallAt(const Case& c, const ContactRules& rules, const Zone& zone,
                                    Timestamp now);

}  // namespace rebound
