// Scales and categories. Pure values.
#pragma once

#include <cstdint>

namespace rebound {

enum class Category { kUnset, kDetractor, kPassive, kPromoter };
enum class ScaleKind { kNps, kCsat, kCes };

// A scale and its thresholds. With lower_is_better the limits are read the other way round: a score
// at or above detractor_limit is a detractor's, one at or below promoter_limit a promoter's.
struct Scale {
  ScaleKind kind = ScaleKind::kNps;
  int64_t min = 0;
  int64_t max = 10;
  int64_t detractor_limit = 6;
  int64_t promoter_limit = 9;
  bool lower_is_better = false;

  friend bool operator==(const Scale&, const Scale&) = default;
};

// The shipped thresholds: NPS 0-10 (6, 9), CSAT 1-5 (2, 5), CES 1-7 (3, 6; higher is easier).
Scale DefaultScale(ScaleKind kind);

inline bool Contains(const Scale& scale, int64_t score) {
  return score >= scale.min && score <= scale.max;
}

// REQUIRES: Contains(scale, score).
Category Categorize(const Scale& scale, int64_t score);

// At least passive: what counts as recovered.
inline bool IsRecovered(Category c) { return c == Category::kPassive || c == Category::kPromoter; }

}  // namespace rebound
