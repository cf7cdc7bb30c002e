#include "server/execute/time_keeper.h"

#include <gtest/gtest.h>

namespace rebound {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Timestamp kKeeperStart = FromMillis(1'772'442'000'000);

class TimeKeeperTest : public testing::Test {
 protected:
  // The wall clock alone moves.
  void Jump(Duration by) { clock_.Set(clock_.Now() + by); }

  ManualClock clock_{kKeeperStart};
  TimeKeeper time_{clock_, kKeeperStart - hours{1}};
};

TEST_F(TimeKeeperTest, FollowsTheClock) {
  EXPECT_EQ(time_.Now(), kKeeperStart);
  clock_.Advance(days{400});
  EXPECT_EQ(time_.Now(), kKeeperStart + days{400});
  EXPECT_FALSE(time_.TakeJump());
  EXPECT_FALSE(time_.frozen());
}

TEST_F(TimeKeeperTest, NeverGoesBack) {
  time_.Now();
  Jump(-hours{3});
  EXPECT_EQ(time_.Now(), kKeeperStart);
  const auto jump = time_.TakeJump();
  ASSERT_TRUE(jump);
  EXPECT_EQ(jump->expected, kKeeperStart);
  EXPECT_EQ(jump->found, kKeeperStart - hours{3});
  EXPECT_FALSE(jump->holds);
  EXPECT_FALSE(time_.TakeJump()) << "once";
  clock_.Advance(hours{4});
  EXPECT_EQ(time_.Now(), kKeeperStart + hours{1});
}

TEST_F(TimeKeeperTest, StartsNoEarlierThanWhatIsRecorded) {
  TimeKeeper later(clock_, kKeeperStart + hours{2});
  EXPECT_EQ(later.Now(), kKeeperStart + hours{2});
  clock_.Advance(hours{3});
  EXPECT_EQ(later.Now(), kKeeperStart + hours{3});
}

struct JumpCase {
  const char* name;
  Duration by;
  bool noted;
  bool frozen;
};

TEST_F(TimeKeeperTest, SmallJumpsAreFollowedLargerOnesNotedAndLeapsHeld) {
  for (const JumpCase& each : {JumpCase{"a correction", seconds{30}, false, false},
                               JumpCase{"at the limit", minutes{5}, false, false},
                               JumpCase{"beyond it", minutes{5} + seconds{1}, true, false},
                               JumpCase{"back beyond it", -minutes{6}, true, false},
                               JumpCase{"a whole day", hours{24}, true, false},
                               JumpCase{"more than a day", hours{24} + seconds{1}, true, true},
                               JumpCase{"ten years", days{3653}, true, true}}) {
    SCOPED_TRACE(each.name);
    ManualClock clock(kKeeperStart);
    TimeKeeper time(clock, kKeeperStart);
    time.Now();
    clock.Set(kKeeperStart + each.by);
    const Timestamp now = time.Now();
    EXPECT_EQ(time.frozen(), each.frozen);
    EXPECT_EQ(now, each.frozen || each.by < Duration{0} ? kKeeperStart : kKeeperStart + each.by);
    const auto jump = time.TakeJump();
    EXPECT_EQ(jump.has_value(), each.noted);
    if (jump) {
      EXPECT_EQ(jump->holds, each.frozen);
    }
  }
}

TEST_F(TimeKeeperTest, WhileFrozenTimeGoesOnByTheSteadyClock) {
  Jump(days{365});
  EXPECT_EQ(time_.Now(), kKeeperStart);
  clock_.Advance(minutes{10});
  EXPECT_EQ(time_.Now(), kKeeperStart + minutes{10});
  time_.Confirm();
  EXPECT_EQ(time_.Now(), kKeeperStart + days{365} + minutes{10});
  EXPECT_FALSE(time_.frozen());
}

TEST_F(TimeKeeperTest, AClockThatIsSetRightAgainIsFollowedWithoutAnybody) {
  Jump(days{365});
  time_.Now();
  clock_.Advance(minutes{10});
  Jump(-days{365} + seconds{2});
  EXPECT_FALSE(time_.frozen());
  EXPECT_EQ(time_.Now(), kKeeperStart + minutes{10} + seconds{2});
}

}  // namespace
}  // namespace rebound
