#include "server/execute/audit_log.h"

#include <future>
#include <memory>
#include <utility>

#include "server/log.h"

namespace rebound {
namespace {

constexpr Duration kSweepEvery = std::chrono::seconds{1};

std::string SortOf(const AuditEntry& entry) {
  const std::string& who = entry.principal.empty() ? entry.address : entry.principal;
  std::string sort(Name(entry.kind));
  for (const std::string* part : {&who, &entry.method, &entry.outcome, &entry.reason}) {
    (sort += '\n') += *part;
  }
  return sort;
}

}  // namespace

AuditLog::AuditLog(Store& store, Executor& executor, Clock& clock)
    : store_(store), executor_(executor), clock_(clock) {}

Result<void> AuditLog::Record(AuditEntry entry) {
  std::promise<Result<void>> done;
  auto result = done.get_future();
  executor_.Audit({std::move(entry)}, [&done](Result<void> r) { done.set_value(std::move(r)); });
  return result.get();
}

void AuditLog::Note(AuditEntry entry) {
  std::vector<AuditEntry> ready;
  {
    std::lock_guard lock(mutex_);
    const Duration now = clock_.Steady();
    if (now - swept_ >= kSweepEvery) TakeEnded(&ready);
    std::string sort = SortOf(entry);
    auto found = folds_.find(sort);
    if (found == folds_.end() && folds_.size() >= kMostFolds) {
      entry = {.kind = AuditKind::kRefused, .method = "other", .count = entry.count};
      sort = SortOf(entry);
      found = folds_.find(sort);
    }
    if (found == folds_.end()) {
      Fold fold{entry, now};
      fold.entry.count = 0;
      fold.entry.request_key = {};
      folds_.emplace(std::move(sort), std::move(fold));
      ready.push_back(std::move(entry));
    } else {
      AuditEntry& waiting = found->second.entry;
      if (waiting.subject != entry.subject || waiting.detail != entry.detail) {
        waiting.subject_type.clear();
        waiting.subject = {};
        waiting.detail.clear();
      }
      waiting.count += entry.count;
    }
  }
  Send(std::move(ready));
}

void AuditLog::Sweep() {
  std::vector<AuditEntry> ready;
  {
    std::lock_guard lock(mutex_);
    TakeEnded(&ready);
  }
  Send(std::move(ready));
}

// A sort that went on goes on being counted; one that came to rest begins anew next time.
void AuditLog::TakeEnded(std::vector<AuditEntry>* out) {
  const Duration now = clock_.Steady();
  swept_ = now;
  for (auto i = folds_.begin(); i != folds_.end();) {
    Fold& fold = i->second;
    if (now - fold.since < kFold) {
      ++i;
    } else if (fold.entry.count == 0) {
      i = folds_.erase(i);
    } else {
      out->push_back(fold.entry);
      fold.entry.count = 0;
      fold.since = now;
      ++i;
    }
  }
}

void AuditLog::Send(std::vector<AuditEntry> entries) {
  if (entries.empty()) return;
  // Kept meanwhile, should the executor be draining: it takes no more, and Close stores them.
  auto kept = std::make_shared<const std::vector<AuditEntry>>(entries);
  executor_.Audit(std::move(entries), [this, kept](const Result<void>& result) {
    if (result || result.error().reason != Reason::kShuttingDown) return;
    std::lock_guard lock(mutex_);
    left_.insert(left_.end(), kept->begin(), kept->end());
  });
}

void AuditLog::Close() {
  std::vector<AuditEntry> entries;
  {
    std::lock_guard lock(mutex_);
    entries = std::exchange(left_, {});
    for (const auto& [sort, fold] : folds_) {
      if (fold.entry.count > 0) entries.push_back(fold.entry);
    }
    folds_.clear();
  }
  for (AuditEntry& entry : entries) entry.at = executor_.Now();
  try {
    store_.AppendAudit(std::move(entries));
  } catch (const std::exception& e) {
    Log(Level::kError, "refused attempts were not audited", {{"what", e.what()}});
  }
}

}  // namespace rebound
