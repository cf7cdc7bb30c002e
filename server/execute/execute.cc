#include "server/execute/execute.h"

#include <sodium.h>

#include <algorithm>
#include <future>

#include "server/execute/revisions.h"
#include "server/log.h"
#include "workflows/check.h"

namespace rebound {
namespace {

Timestamp LastRecorded(Store& store) {
  Timestamp recorded{};
  store.Read([&](Reader& reader) {
    const int64_t last = reader.LastSequence();
    reader.ScanEvents(std::max<int64_t>(last - 1, 0),
                      [&](const RawEvent& raw) { recorded = raw.event.recorded_at; });
  });
  return recorded;
}

std::string KeyText(const Hash128& key) { return {key.begin(), key.end()}; }

// Results of work that has no commands, only audit entries: one.
size_t ResultsOf(const Work& work) { return std::max<size_t>(work.commands.size(), 1); }

}  // namespace

struct Executor::Item {
  Work work;
  std::vector<std::string> keys;  // of running_
  std::vector<Result<Outcome>> results;
};

Executor::Executor(Store& store, Clock& clock, RevisionBook& revisions, Options options,
                   std::function<void()> on_failure)
    : store_(store),
      time_(clock, LastRecorded(store)),
      revisions_(revisions),
      options_(options),
      on_failure_(std::move(on_failure)) {
  CHECK(sodium_init() >= 0);
  writer_ = std::thread([this] { WriteLoop(); });
  finisher_ = std::thread([this] { FinishLoop(); });
}

Executor::~Executor() { Drain(); }

std::shared_ptr<const Revision> Executor::InForce() const { return revisions_.current(); }

size_t Executor::queued() const {
  std::lock_guard lock(mutex_);
  return queued_commands_;
}

void Executor::Submit(Work work, bool bulk) {
  auto item = std::make_shared<Item>();
  item->work = std::move(work);
  const size_t count = item->work.commands.size();
  std::optional<Error> refusal;
  {
    std::lock_guard lock(mutex_);
    const Caller& caller = item->work.caller;
    if (failed_) {
      refusal = Error{Reason::kStoreUnavailable};
    } else if (draining_) {
      refusal = Error{Reason::kShuttingDown};
    } else if (!bulk && queued_commands_ + count > options_.queue_capacity) {
      refusal = Error{Reason::kQueueFull, {{"capacity", std::to_string(options_.queue_capacity)}}};
    } else if (!caller.request_id.empty()) {
      std::string key = KeyText(RequestKey(caller.principal, caller.method, caller.request_id));
      if (!running_.insert(key).second) {
        refusal = Error{Reason::kRequestInProgress, {{"request_id", caller.request_id}}};
      } else {
        item->keys.push_back(std::move(key));
      }
    }
    if (!refusal) {
      queued_commands_ += count;
      queue_.push_back(item);
    }
  }
  if (refusal) {
    item->work.done(std::vector<Result<Outcome>>(ResultsOf(item->work), Result<Outcome>(*refusal)));
    return;
  }
  wake_.notify_one();
}

void Executor::Audit(std::vector<AuditEntry> entries, std::function<void(Result<void>)> done) {
  Work work;
  work.audit = std::move(entries);
  work.done = [done = std::move(done)](const std::vector<Result<Outcome>>& results) {
    if (done) done(results.front() ? Result<void>() : Result<void>(results.front().error()));
  };
  Submit(std::move(work), /*bulk=*/true);
}

std::vector<Result<Outcome>> Executor::Call(Work work, bool bulk) {
  std::promise<std::vector<Result<Outcome>>> done;
  auto results = done.get_future();
  work.done = [&done](std::vector<Result<Outcome>> r) { done.set_value(std::move(r)); };
  Submit(std::move(work), bulk);
  return results.get();
}

void Executor::Drain() {
  {
    std::lock_guard lock(mutex_);
    draining_ = true;
  }
  wake_.notify_all();
  if (writer_.joinable()) writer_.join();
  {
    std::lock_guard lock(finish_mutex_);
    finishing_done_ = true;
  }
  finish_wake_.notify_all();
  if (finisher_.joinable()) finisher_.join();
}

void Executor::WriteLoop() {
  for (;;) {
    std::vector<std::shared_ptr<Item>> batch;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return !queue_.empty() || draining_; });
      if (queue_.empty()) return;
      size_t commands = 0;
      while (!queue_.empty() && (batch.empty() || commands + queue_.front()->work.commands.size() <=
                                                      options_.batch_max)) {
        commands += queue_.front()->work.commands.size();
        batch.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
    }
    RunBatch(std::move(batch));
  }
}

void Executor::RunBatch(std::vector<std::shared_ptr<Item>> batch) {
  const std::shared_ptr<const Revision> revision = revisions_.current();
  const RevisionLookup lookup = [this](int64_t number) { return revisions_.Get(number); };
  const Timestamp now = Now();
  if (now > ids_at_) {
    uint64_t random[2];
    randombytes_buf(random, sizeof random);
    ids_ = IdSource(now, random[0], random[1]);
    ids_at_ = now;
  }
  // After the commands of each item one step for its audit, so that both are kept, or neither is.
  std::vector<std::pair<Item*, size_t>> steps;
  size_t commands = 0;
  for (const auto& item : batch) {
    for (size_t i = 0; i <= item->work.commands.size(); ++i) steps.push_back({item.get(), i});
    item->results.reserve(ResultsOf(item->work));
    commands += item->work.commands.size();
  }
  bool failed = false;
  try {
    store_.Execute(steps.size(), [&](size_t n, Transaction& transaction) {
      auto& [item, index] = steps[n];
      const Work& work = item->work;
      if (index == work.commands.size()) return SaveAudit(transaction, *item, now);
      const Context context{now, &ids_, revision.get(), work.caller.principal, work.caller.role};
      bool keep = false;
      try {
        item->results.push_back(
            Run(transaction, work, index, context, lookup, options_.secret, &keep));
      } catch (const StoreFailure&) {
        throw;
      } catch (const std::exception& e) {
        Log(Level::kError, "command failed", {{"method", work.caller.method}, {"what", e.what()}});
        item->results.push_back(Error{Reason::kInternal});
        keep = false;
      }
      return keep;
    });
    for (const auto& item : batch) {
      if (item->work.dry_run) continue;
      for (const Result<Outcome>& result : item->results) {
        if (result && result->applied) revisions_.PutInForce(result->applied);
        if (result && result->clock_confirmed) time_.Confirm();
      }
    }
    // Whoever reads on now goes by the revision that the batch put in force.
    if (options_.committed) options_.committed();
  } catch (const StoreFailure& e) {
    Log(Level::kError, "store failed; no more writes are acknowledged", {{"what", e.what()}});
    failed = true;
    for (const auto& item : batch) {
      item->results.assign(ResultsOf(item->work),
                           Result<Outcome>(Error{Reason::kStoreUnavailable}));
    }
  }
  {
    std::lock_guard lock(mutex_);
    queued_commands_ -= commands;
    for (const auto& item : batch) {
      for (const std::string& key : item->keys) running_.erase(key);
    }
    if (failed && !failed_) {
      failed_ = true;
    } else {
      failed = false;  // told already
    }
  }
  // First: whoever hears that their change failed finds the server not ready.
  if (failed && on_failure_) on_failure_();
  {
    std::lock_guard lock(finish_mutex_);
    for (auto& item : batch) finished_.push_back(std::move(item));
  }
  finish_wake_.notify_one();
}

bool Executor::SaveAudit(Transaction& transaction, Item& item, Timestamp now) {
  Change change;
  change.audit = std::move(item.work.audit);
  for (AuditEntry& entry : change.audit) entry.at = now;
  if (auto entry = AuditOfMany(item.work, item.results, now)) {
    change.audit.push_back(*std::move(entry));
  }
  if (item.work.commands.empty()) item.results.emplace_back(Outcome{});
  if (change.audit.empty()) return false;
  transaction.Save(change);
  return true;
}

void Executor::FinishLoop() {
  for (;;) {
    std::deque<std::shared_ptr<Item>> ready;
    {
      std::unique_lock lock(finish_mutex_);
      finish_wake_.wait(lock, [&] { return !finished_.empty() || finishing_done_; });
      if (finished_.empty()) return;
      ready.swap(finished_);
    }
    for (const auto& item : ready) item->work.done(std::move(item->results));
  }
}

}  // namespace rebound
