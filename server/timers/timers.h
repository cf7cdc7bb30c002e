// Timers: the bell. Due timers are rows; this wakes up, asks which cases and blacklist entries have
// one due, and sends each a FireTimers or EntryTimers command down the one road. Losing a wake-up,
// or waking twice, is harmless.
//
// It also watches the clocks. A jump of more than kNotedJump is put on record. By one of more than
// kHeldJump ahead, over a stop of the server as well, timers are held: nothing fires until somebody
// confirms the time, or (while the server runs) the wall clock is right again. One bad answer of a
// time server must not breach every deadline and write to every customer.
//
// In between it tries the blacklist's rules on those to whom something happened that counts, and
// finishes erasures.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "server/execute/erasures.h"
#include "server/execute/execute.h"
#include "server/storage/store.h"

namespace rebound {

// A case or entry whose timers cannot be fired is tried again, ever later, and so often; then it is
// parked until the server starts again. It never holds up others.
inline constexpr int kMostTries = 10;

struct TimerStatus {
  int64_t due = 0;                         // cases and entries with an overdue timer
  std::optional<Timestamp> oldest_due{};   // absent: none is overdue
  std::optional<Timestamp> held_since{};   // present: nothing fires until the time is confirmed
  int64_t parked = 0;                      // of both, given up after kMostTries
  std::optional<Duration> lateness_p99{};  // of the last kLatenessSamples that fired
};
inline constexpr size_t kLatenessSamples = 4096;

// Owns one thread between Start and Stop. Borrows all three. Thread-safe.
class Timers {
 public:
  Timers(Store& store, Executor& executor, Erasures& erasures);
  ~Timers();  // Stop

  // `also` is called at each ring, once a second or more often, on the bell's thread.
  void Start(std::function<void()> also = {});
  void Stop();

  // Fires everything due now, oldest first, and returns once it is committed: how many cases and
  // entries.
  // Nothing while held. Among waiting calls it takes at most a quarter of a batch.
  size_t FireDue();

  // Tries the rules of the revision in force on customers whom events concern that were stored
  // since they were tried last (MayTouchRules), and returns once that is committed: whether there
  // may be more. Bounded work. Where it stopped is stored after the proposals: after a crash some
  // customers are tried again, which changes nothing, and nobody is left out. Without rules nothing
  // is tried and nothing moves on, so that rules that come into force look back as far as they
  // count. Nothing while held.
  bool TryRules();

  // Reports a jump of the clock (at first: since the server was last seen alive), and now and then
  // that all is well.
  void Watch();

  // Zone data of `version` is in use: if the running clocks were computed by others, they are
  // computed anew, and that is put on record. Blocks.
  void CheckZoneData(const std::string& version);

  TimerStatus Status();

 private:
  struct Bell;  // the Boost.Asio part
  struct Due;   // something that has a timer due
  struct Trouble {
    int tries = 0;
    Timestamp next_try{};
  };
  void Ring();
  size_t FireBatch(const std::vector<Due>& due, Timestamp now);
  void Note(const Case& c);
  void Report(Command command);

  Store& store_;
  Executor& executor_;
  Erasures& erasures_;
  std::function<void()> also_;
  std::unique_ptr<Bell> bell_;
  std::thread thread_;

  std::mutex mutex_;
  std::map<RawId, Trouble> troubles_;       // guarded by mutex_, as all below
  std::deque<Duration> lateness_;           //
  bool frozen_ = false;                     // at the last look
  std::optional<Timestamp> last_report_{};  // to the record
  int64_t rules_seen_ = 0;                  // the last event that TryRules looked at
};

}  // namespace rebound
