#include "workflows/scale.h"

#include <gtest/gtest.h>

#include <string>

namespace rebound {
namespace {

struct ScaleRow {
  const char* name;
  Scale scale;
  // One letter per score from min to max: d, p (passive), P (promoter).
  std::string categories;
};

TEST(ScaleTest, EveryScoreHasItsCategory) {
  Scale low = DefaultScale(ScaleKind::kCes);
  low.lower_is_better = true;
  low.detractor_limit = 5;
  low.promoter_limit = 2;
  const ScaleRow rows[] = {
      {"NPS", DefaultScale(ScaleKind::kNps), "dddddddppPP"},
      {"CSAT: only the delighted are loyal", DefaultScale(ScaleKind::kCsat), "ddppP"},
      {"CES, higher is easier", DefaultScale(ScaleKind::kCes), "dddppPP"},
      {"CES, lower is easier", low, "PPppddd"},
  };
  for (const ScaleRow& row : rows) {
    SCOPED_TRACE(row.name);
    ASSERT_EQ(static_cast<size_t>(row.scale.max - row.scale.min + 1), row.categories.size());
    for (int64_t score = row.scale.min; score <= row.scale.max; ++score) {
      const char letter = row.categories[static_cast<size_t>(score - row.scale.min)];
      const Category expected = letter == 'd'   ? Category::kDetractor
                                : letter == 'p' ? Category::kPassive
                                                : Category::kPromoter;
      EXPECT_EQ(Categorize(row.scale, score), expected) << score;
    }
    EXPECT_FALSE(Contains(row.scale, row.scale.min - 1));
    EXPECT_TRUE(Contains(row.scale, row.scale.min));
    EXPECT_TRUE(Contains(row.scale, row.scale.max));
    EXPECT_FALSE(Contains(row.scale, row.scale.max + 1));
    EXPECT_FALSE(Contains(row.scale, INT64_MIN));
    EXPECT_FALSE(Contains(row.scale, INT64_MAX));
  }
}

TEST(ScaleTest, RecoveredMeansAtLeastPassive) {
  EXPECT_FALSE(IsRecovered(Category::kUnset));
  EXPECT_FALSE(IsRecovered(Category::kDetractor));
  EXPECT_TRUE(IsRecovered(Category::kPassive));
  EXPECT_TRUE(IsRecovered(Category::kPromoter));
}

TEST(ScaleDeathTest, AScoreOutsideTheScaleIsAProgrammersError) {
  EXPECT_DEATH((void)Categorize(DefaultScale(ScaleKind::kNps), 11), "CHECK failed");
}

}  // namespace
}  // namespace rebound
