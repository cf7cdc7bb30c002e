// The bounds of what is accepted, stated once; the API's comments repeat them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "workflows/time.h"

namespace rebound::limits {

// Times of what happened: not before 1970, and not more than the skew of two clocks after now;
// within the skew a time after now is taken as now.
inline constexpr Timestamp kEarliest = FromMillis(0);
inline constexpr Duration kClockSkew = std::chrono::minutes{5};
inline constexpr const char* kOccurBounds = "1970-01-01T00:00:00Z to 5 minutes from now";

// How long after the customer reached us an offer still answers them, whatever their consent.
inline constexpr Duration kConversation = std::chrono::hours{24};

// Deadlines: after now, and within ten years.
inline constexpr Duration kFarthestDue = std::chrono::days{3653};
inline constexpr const char* kDueBounds = "a time after now and within 10 years";

// What may hang on one case: links; cases merged into it directly, and stacked upon each other.
inline constexpr size_t kLinks = 64;
inline constexpr size_t kMergedCases = 1'000;
inline constexpr int32_t kMergeDepth = 16;

// What a customer's record holds of what they did.
inline constexpr size_t kBehaviours = 1'000;

// What a blacklist entry, and an appeal against it, rests on at the most.
inline constexpr size_t kBlacklistEvidence = 64;

inline constexpr size_t kTextCodePoints = 32'768;  // verbatims, notes
inline constexpr size_t kShortCodePoints = 1'024;  // names, questions, attribute values
inline constexpr size_t kKeyCharacters = 200;      // external ids, references, paths
inline constexpr int64_t kMoneyMinor = 1'000'000'000'000'000;

}  // namespace rebound::limits
