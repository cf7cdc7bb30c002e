#include "tests/bench/entries.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <random>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "server/clock.h"
#include "server/execute/lookup.h"
#include "server/storage/sqlite_store.h"
#include "tests/bench/baselines.h"
#include "tests/bench/report.h"
#include "tests/fixtures/storage_fixtures.h"
#include "workflows/blacklist.h"

namespace rebound::bench {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

constexpr int64_t kCommandsPerBatch = 2'048;
constexpr auto kKept = std::chrono::days{30};
constexpr auto kYear = std::chrono::days{365};
constexpr size_t kCachedRows = 500;  // distinct ones of each kind, which the page cache holds
constexpr size_t kMostIds = 20'000;  // of each kind, for calls

// Entries of ten customers: the first two have one in force, their last; all the others ended. In
// every tenth of these groups the second customer becomes an alias of the last.
constexpr std::array<int, 10> kEntriesInGroup = {11, 1, 4, 4, 0, 0, 0, 0, 0, 0};
constexpr size_t kInForceInGroup = 2;
constexpr size_t kGroupsToAnAlias = 10;
constexpr size_t kAliasInGroup = 1;
constexpr size_t kStandingInGroup = 9;
constexpr int64_t kEntriesOfAGroup = 20;
static_assert(kEntriesOfAMix == kEntriesOfAGroup * static_cast<int64_t>(kGroupsToAnAlias));

struct Grounds {
  BlacklistKind kind;
  const char* code;
  const char* legal_basis;
};
constexpr Grounds kGrounds[] = {
    {BlacklistKind::kDoNotContact, "customer_wish", "objection"},
    {BlacklistKind::kChannelLimit, "abusive_contact", "legitimate_interest"},
    {BlacklistKind::kNoGoodwill, "dishonest_claims", "legitimate_interest"},
    {BlacklistKind::kRepeatCompensation, "frequent_compensation", "legitimate_interest"},
    {BlacklistKind::kStaffSafety, "threat", "protection_of_staff"},
};

class Filling {
 public:
  Filling(Store& store, int64_t entries)
      : store_(store),
        entries_(entries),
        end_(SystemClock().Now()),
        slot_(std::chrono::duration_cast<Duration>(kYear) / entries) {}

  void Run() {
    MakeCustomers();
    MakeEntries();
    LinkAliases();
    // The server would first try its rules for all of this, in the midst of a measurement.
    store_.Execute(1, [](size_t, Transaction& transaction) {
      Change change;
      change.server_state = transaction.GetServerState();
      change.server_state->rules_tried = transaction.LastSequence();
      transaction.Save(change);
      return true;
    });
  }

 private:
  struct Listed {
    CustomerId id{};
    int left = 0;  // entries that are still to be made
    bool holds = false;
  };
  using Make = std::function<void(size_t, Transaction&, Change&)>;

  void InBatches(int64_t count, const char* what, const Make& make) {
    const auto begin = SteadyClock::now();
    for (int64_t from = 0; from < count; from += kCommandsPerBatch) {
      const int64_t to = std::min(from + kCommandsPerBatch, count);
      store_.Execute(static_cast<size_t>(to - from), [&](size_t i, Transaction& transaction) {
        Change change;
        make(static_cast<size_t>(from) + i, transaction, change);
        transaction.Save(change);
        return true;
      });
      const std::chrono::duration<double> elapsed = SteadyClock::now() - begin;
      ShowProgress(to, count, elapsed.count(), what);
    }
  }

  void MakeCustomers() {
    maker_.now = end_ - kYear;
    customers_.reserve(static_cast<size_t>(entries_ / 2));
    InBatches(entries_ / 2, "customers", [&](size_t i, Transaction&, Change& change) {
      const size_t in_group = i % kEntriesInGroup.size();
      customers_.push_back({maker_.Create(change, "K" + std::to_string(i)).id,
                            kEntriesInGroup[in_group], in_group < kInForceInGroup});
    });
  }

  void MakeEntries() {
    std::vector<uint32_t> owners;
    owners.reserve(static_cast<size_t>(entries_));
    for (size_t i = 0; i < customers_.size(); ++i) {
      owners.insert(owners.end(), static_cast<size_t>(customers_[i].left),
                    static_cast<uint32_t>(i));
    }
    std::shuffle(owners.begin(), owners.end(), std::mt19937_64(1));
    InBatches(entries_, "entries", [&](size_t i, Transaction& transaction, Change& change) {
      Listed& listed = customers_[owners[i]];
      --listed.left;
      maker_.now = end_ - kYear + slot_ * static_cast<int64_t>(i);
      MakeEntry(i, listed, transaction.NextEntryNumber(), change);
    });
  }

  void MakeEntry(size_t i, const Listed& listed, int64_t number, Change& change) {
    const bool in_force = listed.holds && listed.left == 0;
    const Grounds& grounds = kGrounds[i % std::size(kGrounds)];
    BlacklistEntry entry;
    entry.number = number;
    entry.kind = grounds.kind;
    if (entry.kind == BlacklistKind::kChannelLimit) entry.effects.channels = {Channel::kPhone};
    if (entry.kind == BlacklistKind::kStaffSafety) entry.effects.queue_id = "default";
    entry.evidence.push_back({.id = maker_.NextId<BlacklistEvidenceId>(),
                              .url = "https://records.example/calls/" + std::to_string(i),
                              .occurred_at = maker_.now,
                              .added_by = "agent"});
    entry.reason_code = grounds.code;
    entry.legal_basis = grounds.legal_basis;
    entry.internal_reason = maker_.NewText("Third time this quarter; see the calls on record.");
    entry.expires_at = in_force ? end_ + kYear : maker_.now + slot_ / 2;
    Customer customer;
    customer.id = listed.id;
    entry = maker_.Propose(change, customer, std::move(entry));
    if (!in_force && i % 4 == 3) {
      maker_.Add(change, entry, EntryDecided{Decision(BlacklistDecisionKind::kRejected), {}});
      return;
    }
    entry =
        maker_.Add(change, entry, EntryDecided{Decision(BlacklistDecisionKind::kActivated), {}});
    if (in_force) return;
    if (i % 4 == 2) {
      maker_.Add(change, entry, EntryLifted{Decision(BlacklistDecisionKind::kLifted)});
      return;
    }
    maker_.now = entry.expires_at;
    maker_.Add(change, entry, EntryLapsed{});
  }

  BlacklistDecision Decision(BlacklistDecisionKind kind) {
    return {kind, "manager", maker_.now, maker_.NewText("The calls on record bear it out.")};
  }

  void LinkAliases() {
    maker_.now = end_;
    InBatches(entries_ / kEntriesOfAMix, "aliases",
              [&](size_t i, Transaction& transaction, Change& change) {
                const size_t group = i * kGroupsToAnAlias * kEntriesInGroup.size();
                const auto alias = transaction.GetCustomer(customers_[group + kAliasInGroup].id);
                if (!alias) throw std::runtime_error("a customer was not stored");
                maker_.Add(change, *alias, CustomerLinked{customers_[group + kStandingInGroup].id});
              });
  }

  Store& store_;
  const int64_t entries_;
  const Timestamp end_;
  const Duration slot_;  // between one entry and the next
  fixtures::ChangeMaker maker_;
  std::vector<Listed> customers_{};
};

struct Found {
  std::array<std::vector<CustomerId>, kChecked.size()> customers{};
  std::vector<int64_t> numbers{};  // of all entries
};

// In random order, the same each time.
Found Find(Store& store, Timestamp now) {
  struct Count {
    int ended = 0;
    int in_force = 0;
  };
  std::unordered_map<CustomerId, Count> counts;
  std::vector<CustomerId> standing;
  std::unordered_set<CustomerId> with_alias;
  Found found;
  store.Read([&](Reader& reader) {
    reader.ScanEntries([&](const BlacklistEntry& entry) {
      Count& count = counts[entry.customer_id];
      ++(IsInForce(entry, now) ? count.in_force : count.ended);
      found.numbers.push_back(entry.number);
    });
    reader.ScanCustomers([&](const Customer& customer) {
      if (customer.alias_of.empty()) {
        standing.push_back(customer.id);
      } else {
        with_alias.insert(customer.alias_of);
      }
    });
  });
  const auto kind_of = [&](const CustomerId& id) -> size_t {
    if (with_alias.contains(id)) return 3;
    const auto of = counts.find(id);
    if (of == counts.end()) return 0;
    if (of->second.in_force != 1) return kChecked.size();
    if (of->second.ended == 0) return 1;
    return of->second.ended == 10 ? 2 : kChecked.size();
  };
  for (const CustomerId& id : standing) {
    const size_t kind = kind_of(id);
    if (kind < kChecked.size()) found.customers[kind].push_back(id);
  }
  std::mt19937_64 random(2);
  std::shuffle(found.numbers.begin(), found.numbers.end(), random);
  for (size_t kind = 0; kind < kChecked.size(); ++kind) {
    auto& customers = found.customers[kind];
    if (customers.empty()) {
      throw std::runtime_error(std::string("no customers with ") + kChecked[kind] +
                               ": remove the database, so that it is made anew");
    }
    std::shuffle(customers.begin(), customers.end(), random);
  }
  return found;
}

template <typename Act>
Latency Time(int64_t times, const Act& act) {
  std::vector<int64_t> nanos;
  nanos.reserve(static_cast<size_t>(times));
  for (int64_t i = 0; i < times; ++i) {
    const auto begin = SteadyClock::now();
    act();
    nanos.push_back(
        std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now() - begin).count());
  }
  std::sort(nanos.begin(), nanos.end());
  const auto at = [&](size_t percent) {
    return static_cast<double>(nanos[nanos.size() * percent / 100]) / 1'000;
  };
  return {at(50), at(99)};
}

// Each figure by itself.
Latency Median(const std::vector<Latency>& rounds) {
  const auto median = [&](double Latency::*figure) {
    std::vector<double> values;
    for (const Latency& round : rounds) values.push_back(round.*figure);
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  };
  return {median(&Latency::p50_us), median(&Latency::p99_us)};
}

// Walks the first `distinct` of `all`, again and again.
template <typename T>
class Turns {
 public:
  Turns(const std::vector<T>& all, size_t distinct)
      : all_(all), count_(std::min(distinct, all.size())) {}
  const T& Next() { return all_[next_++ % count_]; }

 private:
  const std::vector<T>& all_;
  const size_t count_;
  size_t next_ = 0;
};

void Check(Reader& reader, const CustomerId& id, size_t expected, Timestamp now) {
  RestrictedAction action;
  action.kind = RestrictedActionKind::kContact;
  action.channel = Channel::kPhone;
  const std::vector<BlacklistEntry> entries = OpenEntriesOfAll(reader, id);
  const Permit permit = Restrict(entries, action, now);
  if (entries.size() != expected || permit.explanations.size() > expected) {
    throw std::runtime_error("a check did not find what is there");
  }
}

ChecksCost Measure(Store& store, const std::function<std::string_view(int64_t)>& bare,
                   const Found& found, size_t distinct, Timestamp now, int rounds, int64_t each) {
  Turns<int64_t> numbers(found.numbers, distinct);
  std::vector<Turns<CustomerId>> customers;
  for (const auto& all : found.customers) customers.emplace_back(all, distinct);
  const auto read = [&](int64_t times) {
    return Time(times, [&] {
      if (bare(numbers.Next()).empty()) throw std::runtime_error("an entry is not there");
    });
  };
  const auto check = [&](size_t kind, int64_t times) {
    Latency latency;
    store.Execute(1, [&](size_t, Transaction& transaction) {
      latency =
          Time(times, [&] { Check(transaction, customers[kind].Next(), kind == 0 ? 0 : 1, now); });
      return false;
    });
    return latency;
  };
  std::vector<Latency> bare_rounds;
  std::array<std::vector<Latency>, kChecked.size()> check_rounds;
  // The round before the first fills the caches.
  for (int round = -1; round < rounds; ++round) {
    const Latency of_bare = read(each);
    if (round >= 0) bare_rounds.push_back(of_bare);
    for (size_t kind = 0; kind < kChecked.size(); ++kind) {
      const Latency of_check = check(kind, each);
      if (round >= 0) check_rounds[kind].push_back(of_check);
    }
  }
  ChecksCost cost;
  cost.bare = Median(bare_rounds);
  for (size_t kind = 0; kind < kChecked.size(); ++kind) {
    cost.checks[kind] = Median(check_rounds[kind]);
  }
  return cost;
}

}  // namespace

double MakeEntries(const std::string& path, int64_t entries) {
  if (entries <= 0 || entries % kEntriesOfAMix != 0) {
    throw std::runtime_error("expected a multiple of " + std::to_string(kEntriesOfAMix) +
                             " entries, but found " + std::to_string(entries));
  }
  if (fs::exists(path)) {
    if (fs::file_time_type::clock::now() - fs::last_write_time(path) < kKept) return 0;
    fs::remove(path);
  }
  const auto begin = SteadyClock::now();
  const std::string unfinished = path + ".unfinished";
  for (const char* more : {"", "-wal", "-shm", ".lock"}) fs::remove(unfinished + more);
  {
    const auto store = SqliteStore::Open(unfinished);
    Filling(*store, entries).Run();
  }
  fs::rename(unfinished, path);
  fs::remove(unfinished + ".lock");
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

EntriesCost MeasureChecks(const std::string& path, int rounds, int64_t each) {
  const Timestamp now = SystemClock().Now();
  const auto store = SqliteStore::Open(path);
  const Found found = Find(*store, now);
  const auto bare = BareEntryReads(path);
  EntriesCost cost;
  cost.anywhere = Measure(*store, bare, found, found.numbers.size(), now, rounds, each);
  cost.cached = Measure(*store, bare, found, kCachedRows, now, rounds, each);
  size_t ids = kMostIds;
  for (size_t kind = 0; kind < kCheckedAlone; ++kind) {
    ids = std::min(ids, found.customers[kind].size());
  }
  for (size_t i = 0; i < ids; ++i) {
    for (size_t kind = 0; kind < kCheckedAlone; ++kind) {
      cost.customer_ids.push_back(ToString(found.customers[kind][i]));
    }
  }
  return cost;
}

}  // namespace rebound::bench
