// What is audited beside the changes themselves, which bring their own entry (run.h), as unmasking
// does: sign-ins, exports and refused attempts. All of it goes through the writer, with the next
// batch.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "server/clock.h"
#include "server/execute/execute.h"
#include "server/storage/store.h"

namespace rebound {

// Borrows all three. Thread-safe.
class AuditLog {
 public:
  static constexpr Duration kFold = std::chrono::minutes{1};
  static constexpr size_t kMostFolds = 512;  // of identities that are known
  static constexpr size_t kMostStrangers = 128;
  static constexpr size_t kMostNetworks = 128;

  AuditLog(Store& store, Executor& executor, Clock& clock);

  // Returns once the entry is on disk: for what must not happen without it, an export or a sign-in.
  // What the store or the executor refuses (kStoreUnavailable, kShuttingDown) must then be refused.
  // Not from the executor's own threads.
  Result<void> Record(AuditEntry entry);

  // Stores the entry soon, and does not wait. The first of its kind, principal (or address, where
  // nobody is known), method, outcome and reason goes at once; those that follow within kFold are
  // counted, and stored as one entry with their count when it is over. It names a subject, an
  // address and a role if all that it counts had the same. So a flood of one sort costs a row at
  // first and a row a minute. Beyond kMostFolds sorts at a time all others of a kind are one (two,
  // if some were refused and some not): nobody's, method "other". Strangers take no place from
  // those who are known: beyond kMostStrangers of their own sorts they are told apart by network
  // alone ("203.0.113.0/24", "2001:db8::/64"), method "other", and beyond kMostNetworks not at all.
  // Lost only if the process dies within kFold, or the store has failed.
  void Note(AuditEntry entry);

  // Stores the counts whose time is over. Called by the bell; Note does it, too.
  void Sweep();

  // Stores all counts, by itself. To be called once nothing calls Note any more and the executor
  // has drained. Throws nothing: the store may have failed.
  void Close();

 private:
  struct Fold {
    AuditEntry entry{};  // of those that wait; count 0: none does
    Duration since{};    // of Clock::Steady
  };

  using Folds = std::map<std::string, Fold>;

  // Where the entry is counted, under *sort; makes it coarser if there is no place left.
  Folds& PlaceOf(AuditEntry* entry, std::string* sort);
  // Moves what is over to `out`.
  void TakeEnded(std::vector<AuditEntry>* out);
  void Send(std::vector<AuditEntry> entries);

  Store& store_;
  Executor& executor_;
  Clock& clock_;
  std::mutex mutex_;
  Folds known_, strangers_, networks_;  // by sort; guarded by mutex_
  Duration swept_{};                    // guarded by mutex_
  std::vector<AuditEntry> left_;        // that the executor did not take; guarded by mutex_
};

}  // namespace rebound
