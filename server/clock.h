// The clock: one of the two interfaces of the house.
#pragma once

#include <mutex>

#include "workflows/time.h"

namespace rebound {

class Clock {
 public:
  virtual ~Clock() = default;
  // UTC. Thread-safe. May go back; execute keeps what is recorded monotone.
  virtual Timestamp Now() = 0;
  // Time that passes evenly, from an arbitrary start, also while the machine sleeps: against it
  // jumps of Now are seen.
  virtual Duration Steady() = 0;
};

class SystemClock final : public Clock {
 public:
  Timestamp Now() override;
  Duration Steady() override;
};

// Moves only when told to. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start) : now_(start) {}
  Timestamp Now() override {
    std::lock_guard lock(mutex_);
    return now_;
  }
  Duration Steady() override {
    std::lock_guard lock(mutex_);
    return steady_;
  }
  // Time passes.
  void Advance(Duration by) {
    std::lock_guard lock(mutex_);
    now_ += by;
    steady_ += by;
  }
  // The wall clock alone is set: a jump.
  void Set(Timestamp to) {
    std::lock_guard lock(mutex_);
    now_ = to;
  }

 private:
  std::mutex mutex_;
  Timestamp now_;
  Duration steady_{0};
};

}  // namespace rebound
