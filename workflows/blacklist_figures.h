// What became of blacklist entries, in numbers. Pure.
#pragma once

#include <cstdint>
#include <string_view>

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

}  // namespace rebound
