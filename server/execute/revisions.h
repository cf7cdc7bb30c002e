// The configuration revisions of a store: which one is in force, those that cases still follow, and
// what the folder makes of it at start-up and on SIGHUP.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "server/config/config.h"
#include "server/execute/execute.h"
#include "server/storage/store.h"

namespace rebound {

// Thread-safe. Borrows the store.
class RevisionBook {
 public:
  RevisionBook(Store& store, std::shared_ptr<const Revision> in_force);

  std::shared_ptr<const Revision> current() const;
  // Any stored revision, read once and kept, by what could be read of it where today's checks
  // refuse it (which is logged); null when there is none of this number.
  std::shared_ptr<const Revision> Get(int64_t number);
  // By execute, between two batches.
  void PutInForce(std::shared_ptr<const Revision> revision);

  // How the folder fared the last time it was read.
  struct Reload {
    std::optional<Timestamp> at{};
    bool ok = true;
    std::vector<ConfigError> errors{};  // of a broken one; the revision in force stayed
    int64_t good_count = 0;             // since the process started, this one included
    int64_t failed_count = 0;
  };
  Reload last_reload() const;
  // Counts it; its own counts are not looked at. One that says no time was none.
  void SetLastReload(Reload reload);

 private:
  Store& store_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Revision> current_;                       // guarded by mutex_
  std::map<int64_t, std::shared_ptr<const Revision>> by_number_;  // guarded by mutex_
  Reload reload_;                                                 // guarded by mutex_
};

// Stores the configuration and puts it in force, as one command: audited, atomic, idempotent by
// request id. Nothing is stored where it equals the last one (then `applied` of the outcome is
// null). kRevisionConflict when `expected` is not the last one. Blocks; not from execute's threads.
Result<Outcome> ApplyConfig(Executor& executor, LoadedConfig loaded, std::string source,
                            Caller caller, std::optional<int64_t> expected = {});

struct AppliedConfig {
  std::shared_ptr<const Revision> revision{};  // null: there is nothing to run with
  bool stored = false;                         // the folder became a new revision
  std::vector<ConfigError> errors{};    // of the folder. With a revision: that is the last good one
  std::vector<ConfigError> warnings{};  // of a good folder
};

// What a start-up runs with. The folder becomes the next revision (source "folder") only when it
// differs from the last one applied from it, so that a restart does not undo a roll-back. A broken
// folder leaves the last stored revision in force, if there is one. Throws StoreFailure.
// REQUIRES: no executor runs on the store yet.
AppliedConfig ApplyFolder(Store& store, const std::filesystem::path& folder, Timestamp now);

// SIGHUP: reads the folder again and puts it in force where it differs from what is. A broken one
// changes nothing. The book remembers how it went. Blocks.
AppliedConfig ReloadFolder(RevisionBook& book, Executor& executor,
                           const std::filesystem::path& folder);

}  // namespace rebound
