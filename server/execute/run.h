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
  std::optional<Behaviour> behaviour{};      // RecordBehaviour: kept with `customer`
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
  std::string address{};  // where the call came from, for the audit; empty: not known
};

// Commands that are answered together; each still stands alone in the transaction.
struct Work {
  Caller caller{};
  std::vector<Command> commands{};
  // Of a batch: where each command stands in the request. Each then has its own request record, the
  // id and "#0", "#1", ..., whatever became of its neighbours.
  std::vector<size_t> positions{};
  bool dry_run = false;  // decides everything, keeps nothing
  // For the audit entry of many commands: how many items of the call never became commands, because
  // they were refused for their shape, and under which request a stream came whose rows have none.
  size_t refused = 0;
  std::optional<Hash128> stream{};
  // Audit entries to be stored, for what needs no command. Work that has only these is answered
  // with one result.
  std::vector<AuditEntry> audit{};
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

// What is audited of a change:
//   one entry in the transaction that stores it, made by Run, where a call is one command;
//   one entry for all commands of a batch, or of a message of a stream, in the transaction that
//   stores them, made by AuditOfMany: a reviewer asks who sent 1,000 rows, not who sent each;
//   none for what the server does by itself (timers, rules, erasing): events say that. A
//   configuration that the operator puts in force at the machine is no such thing.
// What was done before, is only tried, or is undone leaves none.
bool IsAuditedAlone(const Work& work);
// nullopt: nothing was kept.
std::optional<AuditEntry> AuditOfMany(const Work& work, const std::vector<Result<Outcome>>& results,
                                      Timestamp now);

// Any stored revision by number, zones resolved; null when there is none.
using RevisionLookup = std::function<std::shared_ptr<const Revision>(int64_t)>;

// Runs work.commands[index]. `secret`: of what is kept over erasures. A refusal stores nothing.
// Sets
// `*keep` when what it saved is to stay. Throws StoreFailure.
Result<Outcome> Run(Transaction& transaction, const Work& work, size_t index,
                    const Context& context, const RevisionLookup& revisions,
                    const SuppressionSecret& secret, bool* keep);

}  // namespace rebound
