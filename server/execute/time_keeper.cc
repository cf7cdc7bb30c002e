#include "server/execute/time_keeper.h"

#include <algorithm>
#include <utility>

namespace rebound {

TimeKeeper::TimeKeeper(Clock& clock, Timestamp last_recorded)
    : clock_(clock), floor_(last_recorded), believed_(clock.Now()), steady_(clock.Steady()) {}

Timestamp TimeKeeper::Look() {
  const Timestamp wall = clock_.Now();
  const Duration steady = clock_.Steady();
  const Timestamp expected = believed_ + (steady - steady_);
  const Duration ahead = wall - expected;
  const bool near = ahead <= kNotedJump && ahead >= -kNotedJump;
  if (frozen_ && !near) {
    believed_ = expected;
  } else if (ahead > kHeldJump) {
    frozen_ = true;
    jump_ = Jump{expected, wall, true};
    believed_ = expected;
  } else {
    if (!near) jump_ = Jump{expected, wall, false};
    frozen_ = false;
    believed_ = wall;
  }
  steady_ = steady;
  floor_ = std::max(floor_, believed_);
  return floor_;
}

Timestamp TimeKeeper::Now() {
  std::lock_guard lock(mutex_);
  return Look();
}

std::optional<TimeKeeper::Jump> TimeKeeper::TakeJump() {
  std::lock_guard lock(mutex_);
  Look();
  return std::exchange(jump_, std::nullopt);
}

bool TimeKeeper::frozen() {
  std::lock_guard lock(mutex_);
  Look();
  return frozen_;
}

void TimeKeeper::Confirm() {
  std::lock_guard lock(mutex_);
  frozen_ = false;
  believed_ = clock_.Now();
  steady_ = clock_.Steady();
  floor_ = std::max(floor_, believed_);
}

}  // namespace rebound
