#include "workflows/scale.h"

#include "workflows/check.h"

namespace rebound {

Scale DefaultScale(ScaleKind kind) {
  switch (kind) {
    case ScaleKind::kNps: return {ScaleKind::kNps, 0, 10, 6, 9, false};
    case ScaleKind::kCsat: return {ScaleKind::kCsat, 1, 5, 2, 5, false};
    case ScaleKind::kCes: return {ScaleKind::kCes, 1, 7, 3, 6, false};
  }
  CHECK(false);
  return {};
}

Category Categorize(const Scale& scale, int64_t score) {
  CHECK(Contains(scale, score));
  if (scale.lower_is_better) {
    if (score >= scale.detractor_limit) return Category::kDetractor;
    return score <= scale.promoter_limit ? Category::kPromoter : Category::kPassive;
  }
  if (score <= scale.detractor_limit) return Category::kDetractor;
  return score >= scale.promoter_limit ? Category::kPromoter : Category::kPassive;
}

}  // namespace rebound
