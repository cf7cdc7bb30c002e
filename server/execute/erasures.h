// Erasing a person to the end. The command takes everything that says who they were out of the
// tables; what is left is a job: the bytes out of the store's files, and a line in a list that lies
// apart from the database, so that an older copy of it does not bring anybody back.
//
//   erased (committed) → on the list (synced) → scrubbed → finished (ErasureFinished, committed)
//
// Each step may be done again; after a crash the job goes on with whoever is not finished.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "server/execute/execute.h"
#include "server/storage/identities.h"
#include "server/storage/store.h"

namespace rebound {

// A folder for what must lie neither in the database nor in its backups: the secret of the hashes
// that suppressions are kept under (`suppression.key`, 32 bytes), and who was erased
// (`erased.list`: one keyed hash of a customer id in a line, 64 hexadecimal digits).
class KeyFolder {
 public:
  // Makes the folder and the secret when there are none; for the owner only. `needs_secret`: the
  // database has hashes of it, and a new one would not know anybody. Throws std::runtime_error with
  // a sentence for the operator.
  KeyFolder(std::filesystem::path path, bool needs_secret);

  const SuppressionSecret& secret() const { return secret_; }

  // Returns once they are on disk. Whoever is on the list already is not added again.
  void Add(const std::vector<CustomerId>& customers);
  // Every hash that is on it. A line that was cut off by a crash is left out.
  std::vector<Hash256> Listed() const;
  // What stands on the list for them.
  Hash256 HashOf(const CustomerId& customer) const;

 private:
  const std::filesystem::path path_;
  SuppressionSecret secret_{};
};

// Borrows all three; `keys` may be null: there is no list then. Thread-safe.
class Erasures {
 public:
  // Called before each step, by name: "list", "scrub", "finish" and "finished". For tests, which
  // stop there.
  using Step = std::function<void(const char*)>;

  Erasures(Store& store, Executor& executor, KeyFolder* keys, Step step = {});

  // Erases again whoever is on the list and is not erased in the store: it is an older copy.
  // Blocks; how many. To be called before anybody is served. Throws std::runtime_error where one
  // could not be erased.
  size_t Replay();

  // Goes on with every erasure that is not finished, and drops what has expired; how many were
  // finished. 0 too when readers are in the way: ask again later. Blocks.
  size_t Finish();

 private:
  Store& store_;
  Executor& executor_;
  KeyFolder* const keys_;
  const Step step_;
  std::mutex mutex_;  // one at a time
};

}  // namespace rebound
