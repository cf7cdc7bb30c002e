// The time that commands are decided by: the wall clock, as far as it can be believed.
//
// It never goes back, not over a restart: the later of the wall clock and the last recorded time.
// And it does not leap: when the wall clock runs ahead of the steady one by more than kHeldJump, it
// is not followed; time goes on by the steady clock (frozen) until somebody confirms the wall
// clock, or it is right again. One bad answer of a time server can then neither breach every
// deadline nor leave times of the far future on record, behind which nothing could ever fall.
#pragma once

#include <mutex>
#include <optional>

#include "server/clock.h"

namespace rebound {

inline constexpr Duration kNotedJump = std::chrono::minutes{5};
inline constexpr Duration kHeldJump = std::chrono::hours{24};

// Thread-safe. Borrows the clock.
class TimeKeeper {
 public:
  TimeKeeper(Clock& clock, Timestamp last_recorded);

  Timestamp Now();

  // A difference of wall and steady clock of more than kNotedJump, either way.
  struct Jump {
    Timestamp expected{};
    Timestamp found{};
    bool holds = false;  // by more than kHeldJump ahead
  };
  // The last one that was not taken yet.
  std::optional<Jump> TakeJump();

  bool frozen();
  // The wall clock is right.
  void Confirm();

 private:
  Timestamp Look();  // REQUIRES: mutex_ held

  Clock& clock_;
  std::mutex mutex_;
  Timestamp floor_;       // guarded by mutex_, as all below
  Timestamp believed_{};  // at steady_
  Duration steady_{0};
  bool frozen_ = false;
  std::optional<Jump> jump_{};
};

}  // namespace rebound
