// What one case or one answer adds to the figures, and the reports over them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workflows/case.h"
#include "workflows/response.h"
#include "workflows/statistics.h"

namespace rebound {

// Why a case stands outside recovery and conversion.
enum class Exclusion { kNone, kNoKnownCustomer, kNotFromResponse, kMerged, kInvalid, kMisScored };
inline constexpr int kExclusionCount = static_cast<int>(Exclusion::kMisScored) + 1;
// "no_known_customer", ...
std::string_view Name(Exclusion exclusion);

// Counts that add up: sums of cases and answers over a cohort. A rollup row holds one; the
// transaction adds Contribution(after) and subtracts Contribution(before).
struct Counts {
  // Answers, by category, and those without a customer.
  int64_t promoters = 0, passives = 0, detractors = 0;
  int64_t anonymous = 0, anonymous_detractors = 0;
  // Cases of the opening cohort.
  int64_t opened = 0;
  int64_t excluded[kExclusionCount] = {};  // [kNone] stays 0
  int64_t open = 0;                        // eligible or not, not closed yet
  // Stages, of the eligible.
  int64_t eligible = 0, contacted = 0, remedied = 0, asked = 0, answered = 0;
  int64_t recovered_first = 0, converted_first = 0;  // first re-survey answer
  int64_t recovered_ever = 0, converted_ever = 0;    // any answer within the window

  Counts& operator+=(const Counts& other);
  Counts& operator-=(const Counts& other);
  friend bool operator==(const Counts&, const Counts&) = default;
};

// A cohort, and what of it is of listed customers (WasListed, blacklist_figures.h).
struct SplitCounts {
  Counts all{};
  Counts listed{};

  void Add(const Counts& counts, bool of_listed) {
    all += counts;
    if (of_listed) listed += counts;
  }
  Counts WithoutListed() const {
    Counts rest = all;
    return rest -= listed;
  }
  friend bool operator==(const SplitCounts&, const SplitCounts&) = default;
};

Exclusion WhyExcluded(const Case& c);

// What the case adds, knowing nothing later than `as_of` (nullopt: everything known). A case opened
// after as_of adds nothing.
Counts Contribution(const Case& c, std::optional<Timestamp> as_of = std::nullopt);
Counts Contribution(const Response& r, std::optional<Timestamp> as_of = std::nullopt);

// Has the case's window passed? Without a window: never.
bool IsMatured(const Case& c, Timestamp as_of);

// Time from opening to conversion, censored at as_of (or at the end of the window before it).
Observation ConversionTime(const Case& c, Timestamp as_of);

// Customers whose first answer in the program was a detractor's. Fed with one customer's answers at
// a time, ordered by occurred_at.
struct CustomerRecovery {
  int64_t began_as_detractor_and_answered_again = 0;
  int64_t never_again = 0;
  int64_t converted_ever = 0, converted_last = 0, recovered_ever = 0, recovered_last = 0;

  void Add(const std::vector<Category>& answers);
  friend bool operator==(const CustomerRecovery&, const CustomerRecovery&) = default;
};

}  // namespace rebound
