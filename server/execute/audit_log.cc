#include "server/execute/audit_log.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
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

// The /24 of an IPv4 address, the /64 of an IPv6 one: what one customer of a provider may well
// have. Other text stays.
std::string NetworkOf(const std::string& address) {
  constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  std::array<unsigned char, 16> bytes{};
  std::array<char, INET6_ADDRSTRLEN> shown{};
  if (inet_pton(AF_INET, address.c_str(), bytes.data() + 12) == 1) {
    std::copy(kMapped.begin(), kMapped.end(), bytes.begin());
  } else if (inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) {
    return address;
  }
  if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
    bytes[15] = 0;
    inet_ntop(AF_INET, bytes.data() + 12, shown.data(), shown.size());
    return std::string(shown.data()) + "/24";
  }
  std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
  inet_ntop(AF_INET6, bytes.data(), shown.data(), shown.size());
  return std::string(shown.data()) + "/64";
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
    std::string sort;
    Folds& folds = PlaceOf(&entry, &sort);
    const auto found = folds.find(sort);
    if (found == folds.end()) {
      Fold fold{entry, now};
      fold.entry.count = 0;
      fold.entry.request_key = {};
      folds.emplace(std::move(sort), std::move(fold));
      ready.push_back(std::move(entry));
    } else {
      AuditEntry& waiting = found->second.entry;
      const int64_t count = waiting.count + entry.count;
      if (waiting.count == 0) {  // what went before is told
        waiting = entry;
        waiting.request_key = {};
      }
      if (waiting.subject != entry.subject || waiting.detail != entry.detail) {
        waiting.subject_type.clear();
        waiting.subject = {};
        waiting.detail.clear();
      }
      if (waiting.address != entry.address) waiting.address.clear();
      if (waiting.role != entry.role) waiting.role.clear();
      waiting.count = count;
    }
  }
  Send(std::move(ready));
}

AuditLog::Folds& AuditLog::PlaceOf(AuditEntry* entry, std::string* sort) {
  const auto has_place = [&](const Folds& folds, size_t most) {
    *sort = SortOf(*entry);
    return folds.contains(*sort) || folds.size() < most;
  };
  const bool is_known = !entry->principal.empty();
  Folds* folds = is_known ? &known_ : &strangers_;
  if (has_place(*folds, is_known ? kMostFolds : kMostStrangers)) return *folds;
  // What was done is not told as refused; of refusals only the number is left.
  const AuditEntry others{.kind = entry->kind,
                          .method = "other",
                          .outcome = entry->outcome == "OK" ? "OK" : "",
                          .count = entry->count};
  const std::string network = NetworkOf(entry->address);
  *entry = others;
  if (!is_known) {
    folds = &networks_;
    entry->address = network;
    if (has_place(*folds, kMostNetworks)) return *folds;
    entry->address.clear();
  }
  *sort = SortOf(*entry);
  return *folds;
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
  for (Folds* folds : {&known_, &strangers_, &networks_}) {
    for (auto i = folds->begin(); i != folds->end();) {
      Fold& fold = i->second;
      if (now - fold.since < kFold) {
        ++i;
      } else if (fold.entry.count == 0) {
        i = folds->erase(i);
      } else {
        out->push_back(fold.entry);
        fold.entry.count = 0;
        fold.since = now;
        ++i;
      }
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
    for (Folds* folds : {&known_, &strangers_, &networks_}) {
      for (const auto& [sort, fold] : *folds) {
        if (fold.entry.count > 0) entries.push_back(fold.entry);
      }
      folds->clear();
    }
  }
  for (AuditEntry& entry : entries) entry.at = executor_.Now();
  try {
    store_.AppendAudit(std::move(entries));
  } catch (const std::exception& e) {
    Log(Level::kError, "refused attempts were not audited", {{"what", e.what()}});
  }
}

}  // namespace rebound
