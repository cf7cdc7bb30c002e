// What became of blacklist entries, in numbers, and who was listed when. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "workflows/blacklist.h"

namespace rebound {

// Entries by what became of them. `proposed` is activated + rejected + undecided and those that
// still wait.
struct BlacklistCounts {
  int64_t proposed = 0;
  int64_t warned = 0;
  int64_t activated = 0;
  int64_t rejected = 0;
  int64_t appealed = 0;
  int64_t overturned = 0;  // of those
  int64_t lifted = 0;      // otherwise
  int64_t lapsed = 0;      // their time was over after they had been activated
  int64_t undecided = 0;   // before anybody had decided
  int64_t in_force = 0;

  BlacklistCounts& operator+=(const BlacklistCounts& other);
  friend bool operator==(const BlacklistCounts&, const BlacklistCounts&) = default;
};

// Of one entry, read off its times at `now`: one whose end has come counts as over whether or not
// its timer has fired.
BlacklistCounts CountsOf(const BlacklistEntry& entry, Timestamp now);

// Who decided first whether it holds; empty: nobody yet.
std::string_view FirstDecider(const BlacklistEntry& entry);

// ---- Figures without listed customers
//
// Recovery, conversion, funnel and NPS are told with and without listed customers, so that nobody
// polishes a rate by listing people. A case is a listed customer's when somebody was on the list at
// the time it was opened; an answer, when they were as it was given; in figures of customers, when
// they were at the first answer. Whoever is listed afterwards stays where they were.

// From `from` on, before `until`.
struct ListedTime {
  Timestamp from{};
  Timestamp until{};
  friend bool operator==(const ListedTime&, const ListedTime&) = default;
};

// When the entry kept its person on the list: from when it had begun and a second person had
// decided for it (else somebody could propose many and activate those who answered badly), to its
// end as it really came, be that its time, a decision or an appeal. Of any kind and extent. An
// appeal that is overdue suspends the restriction and not the listing.
//
// nullopt: never, since no second person had decided for it at `as_of` (nullopt: up to now); an
// immediate effect alone is no decision. Or it ended before it began.
std::optional<ListedTime> ListedBy(const BlacklistEntry& entry,
                                   std::optional<Timestamp> as_of = std::nullopt);

// By record: every alias of a person has all of their times.
using Listing = std::map<CustomerId, std::vector<ListedTime>>;

// Somebody without a record never was.
bool WasListed(const Listing& listing, const CustomerId& customer, Timestamp t);

}  // namespace rebound
