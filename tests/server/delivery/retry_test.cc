#include "server/delivery/retry.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace rebound {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(RetryTest, WaitsGrowAndEnd) {
  EXPECT_EQ(NextTry(kRetrySchedule, 0, 12345, std::nullopt), Duration{0});
  for (int32_t tries = 1; tries < 10; ++tries) {
    const Duration wait = kRetrySchedule[static_cast<size_t>(tries)];
    for (const uint64_t random :
         {uint64_t{0}, uint64_t{0x123456789abcdef}, std::numeric_limits<uint64_t>::max()}) {
      const auto next = NextTry(kRetrySchedule, tries, random, std::nullopt);
      ASSERT_TRUE(next.has_value());
      EXPECT_GE(*next, wait);
      EXPECT_LE(*next, wait + wait / 5);
    }
  }
  EXPECT_EQ(NextTry(kRetrySchedule, 10, 0, std::nullopt), std::nullopt);
  EXPECT_EQ(NextTry(kRetrySchedule, 10, 0, seconds{5}), std::nullopt);
}

TEST(RetryTest, AReceiverMayAskForMoreButNotForever) {
  EXPECT_EQ(NextTry(kRetrySchedule, 1, 0, seconds{90}), seconds{90});
  EXPECT_EQ(NextTry(kRetrySchedule, 1, 0, seconds{1}), seconds{5});
  EXPECT_EQ(NextTry(kRetrySchedule, 1, 0, hours{24}), hours{1});
  EXPECT_EQ(NextTry(kRetrySchedule, 3, 0, seconds{-5}), minutes{30});
}

TEST(RetryTest, RetryAfterIsSecondsOrADate) {
  const Timestamp now = FromMillis(1'614'265'330'000);  // 2021-02-25 15:02:10
  struct Row {
    const char* value;
    std::optional<Duration> expected;
  };
  const std::vector<Row> rows = {
      {"120", seconds{120}},
      {" 7 ", seconds{7}},
      {"0", seconds{0}},
      {"1000000000", hours{1}},
      {"99999999999999999999999999", hours{1}},
      {"20300101", hours{1}},
      {"Thu, 25 Feb 2021 15:03:10 GMT", seconds{60}},
      {"Thursday, 25-Feb-21 15:03:10 GMT", seconds{60}},
      {"Thu Feb 25 15:03:10 2021", seconds{60}},
      {"Thu, 25 Feb 2021 15:01:10 GMT", seconds{0}},
      {"Thu, 25 Feb 2031 15:01:10 GMT", hours{1}},
      {"", std::nullopt},
      {"-5", std::nullopt},
      {"1.5", std::nullopt},
      {"soon", std::nullopt},
  };
  for (const Row& row : rows) EXPECT_EQ(ReadRetryAfter(row.value, now), row.expected) << row.value;
}

TEST(RetryTest, AnswersAreJudged) {
  using End = TransferResult::End;
  struct Row {
    End end;
    int status;
    DeliveryVerdict expected;
  };
  const std::vector<Row> rows = {
      {End::kAnswered, 200, DeliveryVerdict::kDelivered},
      {End::kAnswered, 204, DeliveryVerdict::kDelivered},
      {End::kAnswered, 301, DeliveryVerdict::kRetry},
      {End::kAnswered, 302, DeliveryVerdict::kRetry},
      {End::kAnswered, 400, DeliveryVerdict::kRetry},
      {End::kAnswered, 404, DeliveryVerdict::kRetry},
      {End::kAnswered, 410, DeliveryVerdict::kGone},
      {End::kAnswered, 429, DeliveryVerdict::kSlowDown},
      {End::kAnswered, 500, DeliveryVerdict::kRetry},
      {End::kAnswered, 502, DeliveryVerdict::kSlowDown},
      {End::kAnswered, 503, DeliveryVerdict::kRetry},
      {End::kAnswered, 504, DeliveryVerdict::kSlowDown},
      {End::kTooLong, 200, DeliveryVerdict::kDelivered},
      {End::kTimedOut, 200, DeliveryVerdict::kRetry},
      {End::kTargetForbidden, 0, DeliveryVerdict::kRetry},
      {End::kNameUnknown, 0, DeliveryVerdict::kRetry},
      {End::kBroken, 0, DeliveryVerdict::kRetry},
      {End::kNotBegun, 0, DeliveryVerdict::kRetry},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Judge({.end = row.end, .status = row.status}), row.expected) << row.status;
  }
}

}  // namespace
}  // namespace rebound
