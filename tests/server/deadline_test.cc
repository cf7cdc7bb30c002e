// Until when a call may take, whatever its caller asks for. That what has not begun by then is not
// done is shown where a store is held: BadInputTest.
#include <gtest/gtest.h>

#include "server/services/call.h"

namespace rebound {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Timestamp kCame = FromMillis(1'772'442'000'123);

gpr_timespec At(Timestamp time) {
  const int64_t millis = ToMillis(time);
  return {millis / 1000, static_cast<int32_t>(millis % 1000 * 1'000'000), GPR_CLOCK_REALTIME};
}

TEST(DeadlineTest, IsTheCallersUpToThirtySeconds) {
  struct Row {
    const char* name;
    gpr_timespec asked;
    Duration lasts;
  };
  // What gRPC makes of 99999999H, the longest that a client can write.
  const seconds longest = hours{99'999'999};
  for (const Row& row : {
           Row{"passed", At(kCame - milliseconds{1}), milliseconds{-1}},
           Row{"none left", At(kCame), milliseconds{0}},
           Row{"a millisecond", At(kCame + milliseconds{1}), milliseconds{1}},
           Row{"just below", At(kCame + milliseconds{29'999}), milliseconds{29'999}},
           Row{"the cap", At(kCame + seconds{30}), seconds{30}},
           Row{"just above", At(kCame + milliseconds{30'001}), seconds{30}},
           Row{"the same second as the cap", At(kCame + milliseconds{30'800}), seconds{30}},
           Row{"an hour", At(kCame + hours{1}), seconds{30}},
           Row{"99999999H",
               {ToMillis(kCame) / 1000 + longest.count(), 0, GPR_CLOCK_REALTIME},
               seconds{30}},
           Row{"none asked for", gpr_inf_future(GPR_CLOCK_REALTIME), seconds{30}},
           Row{"none, by another clock", gpr_inf_future(GPR_CLOCK_MONOTONIC), seconds{30}},
       }) {
    EXPECT_EQ(DeadlineOf(row.asked, kCame, kLongestCall) - kCame, row.lasts) << row.name;
  }
  EXPECT_EQ(DeadlineOf(At(kCame + hours{1}), kCame, hours{2}) - kCame, hours{1})
      << "a stream may last longer";
}

}  // namespace
}  // namespace rebound
