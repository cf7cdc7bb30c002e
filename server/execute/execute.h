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
#include "server/storage/store.h"
#include "workflows/command.h"
#include "workflows/decide.h"
#include "workflows/result.h"

namespace rebound {

// What a command came to.
struct Outcome {
  // The resource, hydrated; which one depends on the command.
  std::optional<Case> subject{};
  std::optional<Response> response{};
  std::optional<Customer> customer{};
  bool created = false;   // UpsertCustomer: the customer was new
  bool replayed = false;  // done before under this request id or external key
  bool opened_case = false;
};

// Who asks, and under which request id. An empty request id is for commands of our own (timers,
// imported rows, which are idempotent by external key).
struct Caller {
  std::string principal{};
  Scope scope{};
  std::string method{};
  std::string request_id{};
  Hash128 body_hash{};
  std::optional<Timestamp> deadline{};
};

// Commands that are answered together; each still stands alone in the transaction.
struct Work {
  Caller caller{};
  std::vector<Command> commands{};
  // Of a batch: where each command stands in the request. Each then has its own request record, the
  // id and "#0", "#1", ..., whatever became of its neighbours.
  std::vector<size_t> positions{};
  bool dry_run = false;  // decides everything, keeps nothing
  // Called once, on the finishing thread, after the commit; one result per command, in order.
  std::function<void(std::vector<Result<Outcome>>)> done{};
};

// The key of a request in the store: scoped to the principal and the method. A request id that
// begins with a time (a UUID of version 7, or 26 characters as our own ids) gives its key the same
// first 48 bits, so that keys of requests made together lie together on disk; all else is hash.
Hash128 RequestKey(std::string_view principal, std::string_view method,
                   std::string_view request_id);
// Hash of a request's bytes, for telling a repeat from another request under the same id.
Hash128 BodyHash(std::string_view bytes);

// One writer thread with natural group commit: whatever gathered while the last batch was being
// committed becomes the next one. A second thread finishes calls. Thread-safe.
class Executor {
 public:
  struct Options {
    size_t queue_capacity = 4096;  // commands waiting; one more is refused with kQueueFull
    size_t batch_max = 1024;       // commands per commit
  };

  // `revision` yields the configuration in force; called once per batch. `on_failure` is called at
  // most once, when the store failed: nothing will ever be acknowledged again.
  Executor(Store& store, Clock& clock, std::function<std::shared_ptr<const Revision>()> revision,
           Options options, std::function<void()> on_failure);
  ~Executor();  // Drain

  // Queues the work. Refusals that need no store (kQueueFull, kRequestInProgress, kShuttingDown,
  // kStoreUnavailable) reach `done` on the calling thread. Bulk work (imports, timers) is bounded
  // by its senders and not refused for a full queue.
  void Submit(Work work, bool bulk = false);

  // Refuses new work, finishes what is queued, and ends both threads.
  void Drain();

  size_t queued() const;
  size_t capacity() const { return options_.queue_capacity; }
  // Never goes back, not even over a restart: the later of the clock and the last recorded time.
  Timestamp Now();

 private:
  struct Item;

  void WriteLoop();
  void FinishLoop();
  void RunBatch(std::vector<std::shared_ptr<Item>> batch);
  Result<Outcome> Run(Transaction& transaction, const Work& work, size_t index,
                      const Context& context, bool* keep);

  Store& store_;
  Clock& clock_;
  const std::function<std::shared_ptr<const Revision>()> revision_;
  const Options options_;
  const std::function<void()> on_failure_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Item>> queue_;  // guarded by mutex_
  size_t queued_commands_ = 0;               // guarded by mutex_
  std::unordered_set<std::string> running_;  // request keys; guarded by mutex_
  bool draining_ = false;                    // guarded by mutex_
  bool failed_ = false;                      // guarded by mutex_
  Timestamp floor_{};                        // guarded by mutex_

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
