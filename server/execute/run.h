// One command in one transaction: load facts, Decide, Apply, store. The core of execute, without
// threads and clocks, so that the simulator drives the very same code. Thread-safe: no state.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/storage/identities.h"
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
  std::optional<BlacklistEntry> entry{};  // ProposeEntry, WorkEntry
  // ProposeByRules: what the rules proposed, by number, beside the customer; a repeated request
  // gives none.
  std::vector<BlacklistEntry> entries{};
  std::shared_ptr<const Revision> applied{};  // ApplyRevision: now in force; null: nothing changed
  std::optional<StoredRevision> revision{};  // ApplyRevision: the last one stored, without its text
  bool clock_confirmed = false;              // ConfirmClock
  bool created = false;                      // UpsertCustomer: the customer was new
  bool replayed = false;                     // done before under this request id or external key
  bool opened_case = false;
};

// Who asks, and under which request id. An empty request id is for commands of our own (timers,
// imported rows, which are idempotent by external key).
struct Caller {
  std::string principal{};
  std::string role{};  // key of the principal's role; empty: the system, who may all
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

// Any stored revision by number, zones resolved; null when there is none.
using RevisionLookup = std::function<std::shared_ptr<const Revision>(int64_t)>;

// Runs work.commands[index]. `secret`: of what is kept over erasures. A refusal stores nothing.
// Sets
// `*keep` when what it saved is to stay. Throws StoreFailure.
Result<Outcome> Run(Transaction& transaction, const Work& work, size_t index,
                    const Context& context, const RevisionLookup& revisions,
                    const SuppressionSecret& secret, bool* keep);

}  // namespace rebound
