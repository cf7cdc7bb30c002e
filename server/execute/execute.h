// Execute: the one caller of the domain. Every change - a call, an imported row, a fired timer -
// comes through here as a command: load facts, Decide, Apply, store, commit, then answer.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "server/clock.h"
#include "server/execute/run.h"
#include "server/execute/time_keeper.h"
#include "server/storage/store.h"
#include "workflows/result.h"

namespace rebound {

class RevisionBook;

// One writer thread with natural group commit: whatever gathered while the last batch was being
// committed becomes the next one. A second thread finishes calls. Thread-safe.
class Executor {
 public:
  struct Options {
    size_t queue_capacity = 4096;  // commands waiting; one more is refused with kQueueFull
    size_t batch_max = 1024;       // commands per commit
    SuppressionSecret secret{};    // of what is kept over erasures
    // Called on the writer thread once a batch is on disk, before its calls are answered.
    std::function<void()> committed{};
  };

  // `revisions` is what is in force, asked once for each batch, and what cases follow; a revision
  // applied by a batch is in force before the next one. `on_failure` is called at most once, when
  // the store failed: nothing will ever be acknowledged again.
  Executor(Store& store, Clock& clock, RevisionBook& revisions, Options options,
           std::function<void()> on_failure);
  ~Executor();  // Drain

  // Queues the work. Refusals that need no store (kQueueFull, kRequestInProgress, kShuttingDown,
  // kStoreUnavailable) reach `done` on the calling thread. Bulk work (imports, timers) is bounded
  // by its senders and not refused for a full queue.
  void Submit(Work work, bool bulk = false);

  // Stores audit entries with the next batch, at the time of that. `done`, if given, as of Work.
  void Audit(std::vector<AuditEntry> entries, std::function<void(Result<void>)> done = {});

  // Submit, and wait for the results. Not from the executor's own threads.
  std::vector<Result<Outcome>> Call(Work work, bool bulk = false);

  // Refuses new work, finishes what is queued, and ends both threads.
  void Drain();

  size_t queued() const;
  size_t capacity() const { return options_.queue_capacity; }
  // What commands are decided by; see TimeKeeper.
  Timestamp Now() { return time_.Now(); }
  TimeKeeper& time() { return time_; }
  // What the next batch is decided by.
  std::shared_ptr<const Revision> InForce() const;

 private:
  struct Item;

  void WriteLoop();
  void FinishLoop();
  void RunBatch(std::vector<std::shared_ptr<Item>> batch);
  static bool SaveAudit(Transaction& transaction, Item& item, Timestamp now);
  Store& store_;
  TimeKeeper time_;
  RevisionBook& revisions_;
  const Options options_;
  const std::function<void()> on_failure_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Item>> queue_;  // guarded by mutex_
  size_t queued_commands_ = 0;               // guarded by mutex_
  std::unordered_set<std::string> running_;  // request keys; guarded by mutex_
  bool draining_ = false;                    // guarded by mutex_
  bool failed_ = false;                      // guarded by mutex_

  std::mutex finish_mutex_;
  std::condition_variable finish_wake_;
  std::deque<std::shared_ptr<Item>> finished_;  // guarded by finish_mutex_
  bool finishing_done_ = false;                 // guarded by finish_mutex_

  IdSource ids_;  // writer thread only
  Timestamp ids_at_{};

  std::thread writer_;
  std::thread finisher_;
};

}  // namespace rebound
