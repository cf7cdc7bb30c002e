#include "server/clock.h"

namespace rebound {

Timestamp SystemClock::Now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

}  // namespace rebound
