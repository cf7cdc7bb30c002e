// Token buckets by the clock of the test, and whose address a call has.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "server/access/rate_limiter.h"

namespace rebound {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

class RateLimiterTest : public testing::Test {
 protected:
  // How many of `calls` are let through at once.
  int Passed(RateLimiter& limiter, const std::string& key, int calls, int64_t cost = 1) {
    int passed = 0;
    for (int i = 0; i < calls; ++i) passed += limiter.Take(key, cost) ? 0 : 1;
    return passed;
  }

  ManualClock clock_{FromMillis(1'772'442'000'000)};
};

TEST_F(RateLimiterTest, ABurstIsLetThroughAndThenAsManyAsAreGained) {
  struct Step {
    Duration passes;
    int64_t cost;
    int calls;
    int passed;
  };
  const std::vector<Step> steps{
      {milliseconds(0), 1, 15, 10}, {milliseconds(99), 1, 1, 0}, {milliseconds(1), 1, 2, 1},
      {milliseconds(500), 1, 9, 5}, {seconds(1), 2, 9, 5},       {hours(1), 1, 99, 10},
      {milliseconds(250), 1, 9, 2}, {milliseconds(50), 1, 9, 1},  // the half of before is kept
      {hours(24 * 365), 3, 9, 3},   {milliseconds(0), 1, 2, 1},
  };
  RateLimiter limiter(clock_, {10, 10});
  for (size_t i = 0; i < steps.size(); ++i) {
    clock_.Advance(steps[i].passes);
    EXPECT_EQ(Passed(limiter, "a", steps[i].calls, steps[i].cost), steps[i].passed) << "step " << i;
  }
}

TEST_F(RateLimiterTest, TheDelayIsExact) {
  for (const int64_t per_second : {1, 3, 7, 1'000, 999'983}) {
    RateLimiter limiter(clock_, {per_second, 20});
    for (const int64_t cost : {1, 2, 10, 20}) {
      while (!limiter.Take("a", cost)) {
      }
      const auto wait = limiter.Take("a", cost);
      ASSERT_TRUE(wait);
      ASSERT_GE(*wait, milliseconds(1));
      clock_.Advance(*wait - milliseconds(1));
      EXPECT_TRUE(limiter.Take("a", cost)) << per_second << ' ' << cost;
      clock_.Advance(milliseconds(1));
      EXPECT_FALSE(limiter.Take("a", cost)) << per_second << ' ' << cost;
    }
  }
}

TEST_F(RateLimiterTest, ACostAboveTheBurstTakesAllOfItAndIsGrantedInTheEnd) {
  RateLimiter limiter(clock_, {2, 4});
  EXPECT_FALSE(limiter.Take("a", 10));
  EXPECT_EQ(limiter.Take("a", 10), seconds(2));
  clock_.Advance(seconds(2));
  EXPECT_FALSE(limiter.Take("a", 10));
}

TEST_F(RateLimiterTest, NobodyStarvesAnother) {
  RateLimiter limiter(clock_, {10, 10});
  EXPECT_EQ(Passed(limiter, "flood", 100'000), 10);
  EXPECT_EQ(limiter.refused(), 99'990);
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(Passed(limiter, "user" + std::to_string(i), 10), 10);
  }
}

TEST_F(RateLimiterTest, ARefusalCostsNothing) {
  RateLimiter limiter(clock_, {1, 1});
  EXPECT_FALSE(limiter.Take("a", 1));
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(limiter.Take("a", 1), seconds(1));
  clock_.Advance(seconds(1));
  EXPECT_FALSE(limiter.Take("a", 1));
}

TEST_F(RateLimiterTest, WhatIsChargedAfterwardsIsOwedUpToABurst) {
  RateLimiter limiter(clock_, {10, 20});
  limiter.Charge("a", 15);
  EXPECT_EQ(Passed(limiter, "a", 9), 5);
  for (int i = 0; i < 1'000; ++i) limiter.Charge("a", 10);
  EXPECT_EQ(limiter.Take("a", 1), milliseconds(2'100)) << "no debt is for ever";
  clock_.Advance(milliseconds(2'100));
  EXPECT_FALSE(limiter.Take("a", 1));
}

TEST_F(RateLimiterTest, ZeroIsNoLimit) {
  RateLimiter limiter(clock_, {});
  EXPECT_FALSE(limiter.limits());
  EXPECT_EQ(Passed(limiter, "a", 10'000, 1'000'000), 10'000);
  limiter.Charge("a", 1);
  EXPECT_EQ(limiter.size(), 0u);
  EXPECT_EQ(limiter.refused(), 0);
}

// Somebody who has addresses without number fills no memory, and gains nothing but what each of
// them has.
TEST_F(RateLimiterTest, AMillionKeysTakeTheMemoryOfTheCapacity) {
  constexpr size_t kCapacity = 1'024;
  RateLimiter limiter(clock_, {1, 1}, kCapacity);
  for (int i = 0; i < 1'000'000; ++i) {
    limiter.Take("198.51." + std::to_string(i), 1);
    if (i % 100'000 == 0) {
      EXPECT_LE(limiter.size(), kCapacity);
    }
  }
  EXPECT_LE(limiter.size(), kCapacity);
  EXPECT_GT(limiter.size(), kCapacity / 2);
}

TEST_F(RateLimiterTest, WhoCallsAgainIsNotForgottenForWhoDoesNot) {
  RateLimiter limiter(clock_, {1, 1}, 160);
  EXPECT_FALSE(limiter.Take("busy", 1));
  for (int i = 0; i < 10'000; ++i) {
    limiter.Take("once" + std::to_string(i), 1);
    EXPECT_TRUE(limiter.Take("busy", 1)) << i;
  }
}

// The limits go by the steady clock; whatever is done to the wall clock changes nothing.
TEST_F(RateLimiterTest, TheWallClockMayBeSetForwardsAndBack) {
  RateLimiter limiter(clock_, {1, 2});
  EXPECT_EQ(Passed(limiter, "a", 3), 2);
  const Timestamp now = clock_.Now();
  clock_.Set(now + hours(1'000));
  EXPECT_EQ(limiter.Take("a", 1), seconds(1));
  clock_.Set(now - hours(1'000));
  EXPECT_EQ(limiter.Take("a", 1), seconds(1));
  clock_.Advance(seconds(1));
  EXPECT_FALSE(limiter.Take("a", 1));
}

// A steady clock that runs back all the same neither locks anybody out nor grants twice.
TEST_F(RateLimiterTest, TimeThatRunsBackGrantsNothingTwice) {
  RateLimiter limiter(clock_, {1, 3});
  EXPECT_EQ(Passed(limiter, "a", 9), 3);
  clock_.Advance(seconds(2));
  EXPECT_EQ(Passed(limiter, "a", 9), 2);
  clock_.Advance(seconds(-2));
  EXPECT_EQ(Passed(limiter, "a", 9), 0);
  clock_.Advance(seconds(2));
  EXPECT_EQ(Passed(limiter, "a", 9), 0) << "these two seconds were granted before";
  clock_.Advance(seconds(1));
  EXPECT_EQ(Passed(limiter, "a", 9), 1);
}

TEST_F(RateLimiterTest, ManyThreadsTakeNoMoreThanThereIs) {
  RateLimiter limiter(clock_, {1, 1'000}, 64);
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] { passed += Passed(limiter, "shared", 1'000); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(passed, 1'000);
  EXPECT_EQ(limiter.refused(), 3'000);
}

TEST(LimitedAddressTest, TheAddressCountsOrItsNetwork) {
  struct Row {
    const char* address;
    const char* limited;
  };
  for (const Row& row : std::vector<Row>{
           {"192.0.2.1", "192.0.2.1"},
           {"2001:db8:1:2:3::4", "2001:db8:1:2::/64"},
           {"2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"},
           {"2001:db8:1:3::4", "2001:db8:1:3::/64"},
           {"::ffff:192.0.2.1", "192.0.2.1"},
           {"::1", "::1"},
           {"127.0.0.1", "127.0.0.1"},
           {"unix", ""},
           {"", ""},
           {"300.1.1.1", ""},
           {"host.example", ""},
       }) {
    EXPECT_EQ(LimitedAddressOf(row.address), row.limited) << row.address;
  }
  EXPECT_EQ(LimitedAddressOf(std::string(100, '1')), "");
}

TEST(LimitedAddressTest, ThisMachineIsKnown) {
  for (const char* address : {"127.0.0.1", "127.1.2.3", "::1"}) {
    EXPECT_TRUE(IsLoopback(address)) << address;
  }
  for (const char* address : {"", "128.0.0.1", "12.7.0.1", "::2", "2001:db8::/64"}) {
    EXPECT_FALSE(IsLoopback(address)) << address;
  }
}

}  // namespace
}  // namespace rebound
