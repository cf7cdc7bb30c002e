// The server as the simulator runs it: Run, the time keeper and the memory store are the real ones;
// the queue, the threads and the disk are not there. It can be made to crash at any step of a
// batch, and to have a deliberate bug.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "server/execute/time_keeper.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/random.h"

namespace rebound::simulation {

// Bugs that the checker must notice. Each is made by what stands around the code under test.
enum class Bug {
  kNone,
  kFireTwice,         // what a wake-up did is done again
  kEarlyFire,         // timers fire by a clock that is ahead
  kLostCommit,        // acknowledged, never stored
  kWrongRevision,     // cases follow the revision in force instead of their own
  kStaleRevision,     // an applied revision is not in force
  kTierSkipped,       // a crossed tier is not put on record
  kNobodyTold,        // a crossed tier tells nobody
  kClockBack,         // time goes back with the wall clock
  kNoPauseCredit,     // a resumed clock is due as if it had not stood
  kTimerLeft,         // closing leaves a timer pending
  kStatusJumps,       // an attempt moves the case where no transition leads
  kRequestForgotten,  // no request is remembered
  kLimitPassed,       // more is given than was decided
  kOwnApproval,       // who asked for a remedy approves it
  kOrphan,            // a case is merged, and the other one never hears of it
  kHeldWorked,        // a case that is held back gets an owner
  kAlertLost,         // an alert is not raised
  kRuledAlone,        // who proposed a ruling decides it
  kTwoHolders,        // nobody asks whether a lease is over
  kAccusedOwner,      // who is blamed gets the case all the same
  kWaitsForEver,      // nothing brings back what nobody takes
  kPromiseLeft,       // what was promised stays with whoever is away
  kStepLost,          // a plan goes no further than its first step
  kSentAtNight,       // a message does not wait for the morning
  kShortWait,         // a wait ends before its time
  kAliasLeft,         // an entry does not hold for whoever the customer was linked to
  kEndsLate,          // an entry holds at its end, too: <= where < is meant
  kNoEnd,             // what holds at once holds until somebody decides
  kOwnProposal,       // who proposed an entry confirms it
  kOwedKept           // an entry keeps back what is owed by law
};
inline constexpr std::array<std::string_view, 31> kBugNames = {
    "none",           "fire_twice",     "early_fire",        "lost_commit",  "wrong_revision",
    "stale_revision", "tier_skipped",   "nobody_told",       "clock_back",   "no_pause_credit",
    "timer_left",     "status_jumps",   "request_forgotten", "limit_passed", "own_approval",
    "orphan",         "held_worked",    "alert_lost",        "ruled_alone",  "two_holders",
    "accused_owner",  "waits_for_ever", "promise_left",      "step_lost",    "sent_at_night",
    "short_wait",     "alias_left",     "ends_late",         "no_end",       "own_proposal",
    "owed_kept"};

// Where a batch is cut off.
enum class CrashPoint { kNone, kBegin, kRead, kSave, kSaved, kCommit, kCommitted };
inline constexpr std::array<std::string_view, 7> kCrashPointNames = {
    "none",         "before loading", "while loading",   "before saving",
    "after saving", "before commit",  "after the commit"};

// The process is gone.
struct Crash {};

// Not thread-safe.
class Server {
 public:
  // Borrows both.
  Server(Clock& clock, Random& random, Bug bug);

  MemoryStore& store() { return store_; }
  TimeKeeper& time() { return *time_; }

  // Cut the next batch off at `point`, when it is reached for the `after`-th time after the first.
  void PlanCrash(CrashPoint point, int64_t after);
  // All of the batch in one transaction; fills `records` even when it throws Crash, for they may be
  // on disk. Gives the time that it was decided by in `now`.
  void Execute(const std::vector<Request>& batch, std::vector<Record>* records, Timestamp* now);
  // The step at which the last crash came.
  std::string_view crashed_at() const { return kCrashPointNames[static_cast<size_t>(crashed_at_)]; }
  // Puts the first configuration in force, as a start-up does.
  void Begin(const Configuration& configuration);
  // Reads what is there, even in the midst of a batch. `about`: the case of the command at hand.
  void Inspect(const std::function<void(Reader&, const CaseId& about)>& read);
  // Forgets everything that is not on disk.
  void Restart();

 private:
  class Intercepted;

  bool Tamper(Change& change);
  void Reached(CrashPoint point);
  Result<Outcome> RunOne(Transaction& transaction, const Request& request, Timestamp now,
                         bool* keep);
  OpenEntries Misread(Transaction& transaction, const CustomerId& id);
  bool GaveOwed(Transaction& transaction, const Outcome& outcome, int64_t after);
  void FireAgain(Transaction& transaction, const CaseId& id, int64_t after);
  void ReadRevisions();

  Clock& clock_;
  Random& random_;
  const Bug bug_;
  CrashPoint crash_ = CrashPoint::kNone;
  int64_t crash_after_ = 0;
  CrashPoint crashed_at_ = CrashPoint::kNone;
  std::map<std::pair<int64_t, std::string>, std::shared_ptr<const Revision>> parsed_;
  Transaction* transaction_ = nullptr;  // of the command at hand
  CaseId about_{};
  MemoryStore store_;
  // Lost in a crash:
  std::unique_ptr<TimeKeeper> time_;
  std::shared_ptr<const Revision> in_force_;
  std::map<int64_t, std::shared_ptr<const Revision>> revisions_;
  IdSource ids_;
  Timestamp ids_at_{};
};

}  // namespace rebound::simulation
