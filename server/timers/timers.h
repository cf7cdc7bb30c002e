// Timers: the bell. Due timers are rows; this wakes up, asks which cases have one due, and sends
// each a FireTimers command down the one road. Losing a wake-up, or waking twice, is harmless.
#pragma once

#include <memory>
#include <thread>

#include "server/execute/execute.h"
#include "server/storage/store.h"

namespace rebound {

// Owns one thread between Start and Stop. Borrows store and executor. FireDue may be called from
// any thread.
class Timers {
 public:
  Timers(Store& store, Executor& executor);
  ~Timers();  // Stop

  void Start();
  void Stop();

  // Fires everything due now, oldest first, and returns once it is committed: how many cases. A
  // case whose timers cannot be fired is logged and left for the next wake-up.
  size_t FireDue();

 private:
  struct Bell;  // the Boost.Asio part
  void Ring();

  Store& store_;
  Executor& executor_;
  std::unique_ptr<Bell> bell_;
  std::thread thread_;
};

}  // namespace rebound
