#include "server/storage/verify.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "server/storage/codec.h"
#include "server/storage/delivery_records.h"
#include "workflows/decide.h"

namespace rebound {
namespace {

constexpr size_t kMostProblems = 100;

template <typename T>
constexpr bool kIsCustomerEvent =
    std::is_same_v<T, CustomerCreated> || std::is_same_v<T, CustomerProfileChanged> ||
    std::is_same_v<T, CustomerKeyAdded> || std::is_same_v<T, CustomerLinked> ||
    std::is_same_v<T, CustomerConsentChanged> || std::is_same_v<T, CustomerErased> ||
    std::is_same_v<T, ErasureFinished> || std::is_same_v<T, BehaviourRecorded>;
template <typename T>
constexpr bool kIsResponseEvent =
    std::is_same_v<T, ResponseRecorded> || std::is_same_v<T, ResponsePairingCorrected> ||
    std::is_same_v<T, ResponseCorrected>;

template <typename T>
constexpr bool kIsEntryEvent =
    std::is_same_v<T, EntryProposed> || std::is_same_v<T, EntryWarned> ||
    std::is_same_v<T, EntryDecided> || std::is_same_v<T, EntryExtensionRequested> ||
    std::is_same_v<T, EntryExtensionDecided> || std::is_same_v<T, EntryAppealed> ||
    std::is_same_v<T, EntryAppealDecided> || std::is_same_v<T, EntryLifted> ||
    std::is_same_v<T, EntryLapsed> || std::is_same_v<T, EntryNotified>;

using TimerKey = std::tuple<CaseId, TimerKind, int32_t>;

class Verifier {
 public:
  // `deliveries` by the sequence of their events.
  Verifier(Reader& reader, const std::vector<Endpoint>& endpoints,
           const std::vector<Delivery>& deliveries)
      : reader_(reader), endpoints_(endpoints), deliveries_(deliveries) {}

  VerifyReport Run() {
    FoldEvents();
    CompareEndpoints();
    CompareRows();
    CompareEntries();
    CompareTimers();
    CompareRollups();
    CompareGiven();
    CompareSizes();
    WalkAudit();
    reader_.ScanDefects([this](std::string problem) { Problem(std::move(problem)); });
    return std::move(report_);
  }

 private:
  void Problem(std::string text) {
    if (report_.problems.size() < kMostProblems) report_.problems.push_back(std::move(text));
  }

  void FoldEvents() {
    std::array<uint8_t, 32> last_hash{};
    int64_t last_sequence = 0;
    Timestamp last_recorded = Timestamp::min();
    reader_.ScanEvents(0, [&](const RawEvent& raw) {
      report_.events += 1;
      const Event& event = raw.event;
      const std::string name = "event " + std::to_string(event.sequence);
      if (event.sequence <= last_sequence) Problem(name + ": the sequence does not rise");
      if (event.recorded_at < last_recorded) Problem(name + ": recorded before its predecessor");
      if (raw.prev_hash != last_hash) {
        Problem(name + ": expected the hash of the event before it, but it names another");
      }
      if (raw.hash != ChainHash(raw.prev_hash, event, raw.schema_version, raw.body)) {
        Problem(name + ": its hash does not fit its contents");
      }
      if (!raw.texts_match) Problem(name + ": a text differs from what was committed to");
      if (const std::string_view whom = GivenTo(event.body); !whom.empty()) {
        Timestamp& last = given_.try_emplace(std::string(whom), event.occurred_at).first->second;
        last = std::max(last, event.occurred_at);
      }
      CompareDeliveries(event);
      last_hash = raw.hash;
      last_sequence = event.sequence;
      last_recorded = event.recorded_at;
      std::visit(
          [&](const auto& body) {
            using T = std::decay_t<decltype(body)>;
            if constexpr (kIsCustomerEvent<T>) {
              Fold<CustomerCreated>(customers_, event.customer_id, event, name);
            } else if constexpr (kIsResponseEvent<T>) {
              Fold<ResponseRecorded>(responses_, event.response_id, event, name);
            } else if constexpr (kIsEntryEvent<T>) {
              Fold<EntryProposed>(entries_, event.entry_id, event, name);
            } else if constexpr (std::is_same_v<T, RevisionApplied>) {
              CheckRevision(body, event, name);
            } else if constexpr (kIsServerEvent<T>) {
              // No row follows from it but the server's own state.
            } else if constexpr (std::is_same_v<T, CaseVoided>) {
              if (cases_.erase(event.case_id) == 0) Problem(name + ": there is no such case");
            } else if constexpr (std::is_same_v<T, ContactUnmasked>) {
              // No row follows from it.
            } else {
              Fold<CaseOpened>(cases_, event.case_id, event, name);
            }
          },
          event.body);
    });
  }

  // Those of the event, and those before that no event had.
  void CompareDeliveries(const Event& event) {
    for (; next_delivery_ < deliveries_.size(); ++next_delivery_) {
      const Delivery& row = deliveries_[next_delivery_];
      if (row.sequence > event.sequence) return;
      if (row.sequence < event.sequence) {
        LacksItsEvent(row);
        continue;
      }
      const std::string name =
          "delivery " + ToString(row.id) + " of event " + std::to_string(row.sequence) + ": ";
      if (row.event_type != TypeName(event.body)) {
        Problem(name + "expected the name " + std::string(TypeName(event.body)) + ", but it says " +
                row.event_type);
      }
      if (row.case_id.value_or(CaseId{}) != event.case_id) {
        Problem(name + "its case is not the event's");
      }
      if (row.order_key != OrderKeyOf(event)) {
        Problem(name + "it goes out in the order of another key than the event's");
      }
    }
  }

  void LacksItsEvent(const Delivery& row) {
    Problem("delivery " + ToString(row.id) + ": there is no event " + std::to_string(row.sequence));
  }

  void CompareEndpoints() {
    for (; next_delivery_ < deliveries_.size(); ++next_delivery_) {
      LacksItsEvent(deliveries_[next_delivery_]);
    }
    const int64_t end = reader_.LastSequence();
    std::unordered_set<RawId> known;
    for (const Endpoint& endpoint : endpoints_) {
      known.insert(endpoint.id);
      const LogPosition& position = endpoint.position;
      const std::string name = "endpoint " + ToString(endpoint.id) + ": ";
      if (position.sequence > end) {
        Problem(name + "it has looked at the log up to " + std::to_string(position.sequence) +
                ", but the log ends with " + std::to_string(end));
      } else if (position.mark != Hash128{} &&
                 reader_.PositionAt(position.sequence) != std::optional(position)) {
        Problem(name + "its place after event " + std::to_string(position.sequence) +
                " is not in this log");
      }
    }
    for (const Delivery& row : deliveries_) {
      if (known.contains(row.endpoint)) continue;
      Problem("delivery " + ToString(row.id) + ": its endpoint " + ToString(row.endpoint) +
              " is not there");
    }
    report_.deliveries = std::ssize(deliveries_);
  }

  void CheckRevision(const RevisionApplied& applied, const Event& event, const std::string& name) {
    const auto row = reader_.FindRevision(applied.number);
    if (!row) {
      Problem(name + ": revision " + std::to_string(applied.number) + " is missing");
    } else if (row->hash != applied.hash || row->source != applied.source ||
               row->applied_by != event.actor || row->applied_at != event.recorded_at) {
      Problem(name + ": revision " + std::to_string(applied.number) + " differs from it");
    }
  }

  template <typename First, typename Id, typename Row>
  void Fold(std::unordered_map<Id, Row>& rows, const Id& id, const Event& event,
            const std::string& name) {
    const auto found = rows.find(id);
    const bool first = std::holds_alternative<First>(event.body);
    if (first != (found == rows.end())) {
      Problem(name + " (" + std::string(TypeName(event.body)) +
              "): " + (first ? "its subject exists already" : "nothing created its subject"));
      return;
    }
    if (first) {
      rows.emplace(id, Apply(Row{}, event));
    } else {
      found->second = Apply(std::move(found->second), event);
    }
  }

  template <typename Id, typename Row>
  void Compare(const std::unordered_map<Id, Row>& folded, const Row& row, const std::string& name,
               std::unordered_set<Id>& seen) {
    seen.insert(row.id);
    const auto found = folded.find(row.id);
    if (found == folded.end()) {
      Problem(name + ": no event created this row");
    } else if (found->second != row) {
      const int64_t version = found->second.version;
      Problem(name + ": the row differs from its events (version by events " +
              std::to_string(version) + ", of the row " + std::to_string(row.version) + ")");
    }
  }

  template <typename Id, typename Row>
  void Missing(const std::unordered_map<Id, Row>& folded, const std::unordered_set<Id>& seen,
               const std::string& kind) {
    for (const auto& [id, row] : folded) {
      if (!seen.contains(id)) Problem(kind + " " + ToString(id) + ": its row is missing");
    }
  }

  void CompareRows() {
    std::unordered_set<CustomerId> customers;
    reader_.ScanCustomers([&](const Customer& row) {
      Compare(customers_, row, "customer " + ToString(row.id), customers);
    });
    Missing(customers_, customers, "customer");
    report_.customers = std::ssize(customers);

    std::unordered_set<ResponseId> responses;
    reader_.ScanResponses("", {}, [&](const Response& row) {
      Compare(responses_, row, "response " + ToString(row.id), responses);
    });
    Missing(responses_, responses, "response");
    report_.responses = std::ssize(responses);

    std::unordered_set<CaseId> cases;
    reader_.ScanCases("", {}, [&](const Case& row) {
      Compare(cases_, row, "case " + CaseNumberText(row.number) + " " + ToString(row.id), cases);
    });
    Missing(cases_, cases, "case");
    report_.cases = std::ssize(cases);

    for (const auto& [id, customer] : customers_) {
      for (const CustomerKey& key : customer.keys) {
        const std::string value = reader_.GetText(key.external_id.id);
        if (value.empty()) continue;  // erased
        const auto found = reader_.FindCustomer({key.source_system, value});
        if (!found || found->id != id) {
          Problem("customer " + ToString(id) + ": its key in " + key.source_system +
                  " does not lead to it");
        }
      }
    }
  }

  void CompareEntries() {
    std::unordered_set<BlacklistEntryId> entries;
    reader_.ScanEntries([&](const BlacklistEntry& row) {
      Compare(entries_, row,
              "blacklist entry " + EntryNumberText(row.number) + " " + ToString(row.id), entries);
    });
    Missing(entries_, entries, "blacklist entry");
    report_.entries = std::ssize(entries);

    std::vector<std::tuple<Timestamp, int64_t, BlacklistEntryId>> expected;
    for (const auto& [id, entry] : entries_) {
      const auto found = reader_.GetEntryByNumber(entry.number);
      if (!found || found->id != id) {
        Problem("blacklist entry " + ToString(id) + ": its number does not lead to it");
      }
      if (const auto due = NextDue(entry)) expected.emplace_back(*due, entry.number, id);
    }
    std::sort(expected.begin(), expected.end());
    const auto due = reader_.EntriesDue(Timestamp::max(), std::numeric_limits<int32_t>::max());
    for (size_t i = 0; i < std::max(due.size(), expected.size()); ++i) {
      if (i < due.size() && i < expected.size() && due[i] == std::get<2>(expected[i])) continue;
      Problem("blacklist entry " +
              (i < expected.size() ? EntryNumberText(std::get<1>(expected[i])) + " " +
                                         ToString(std::get<2>(expected[i]))
                                   : ToString(due[i])) +
              ": it is not due when its events say");
      break;  // one that is out of place displaces all that follow
    }
  }

  void CompareTimers() {
    std::map<TimerKey, Timer> expected;
    for (const auto& [id, c] : cases_) {
      for (const Timer& timer : c.timers) expected[{id, timer.kind, timer.generation}] = timer;
    }
    const auto name = [](const TimerKey& key) {
      return "timer " + std::to_string(static_cast<int>(std::get<1>(key))) + "/" +
             std::to_string(std::get<2>(key)) + " of case " + ToString(std::get<0>(key));
    };
    reader_.ScanTimers([&](const CaseId& id, const Timer& timer) {
      report_.timers += 1;
      const TimerKey key{id, timer.kind, timer.generation};
      const auto found = expected.find(key);
      if (found == expected.end()) {
        Problem(name(key) + ": no event set it");
        return;
      }
      if (found->second != timer) {
        Problem(name(key) + ": by its events due at " +
                std::to_string(ToMillis(found->second.due_at)) + " ms in state " +
                std::to_string(static_cast<int>(found->second.state)) + ", but the row says " +
                std::to_string(ToMillis(timer.due_at)) + " ms in state " +
                std::to_string(static_cast<int>(timer.state)));
      }
      expected.erase(found);
    });
    for (const auto& [key, timer] : expected) Problem(name(key) + ": its row is missing");
  }

  void CompareRollups() {
    std::map<RollupKey, Counts> expected;
    for (const auto& [id, r] : responses_) expected[RollupKeyOf(r)] += Contribution(r);
    for (const auto& [id, c] : cases_) expected[RollupKeyOf(c)] += Contribution(c);
    const auto name = [](const RollupKey& key) {
      return "rollup of program " + key.program_id + ", day " + std::to_string(key.day) +
             ", org unit '" + key.org_unit_id + "'";
    };
    reader_.ScanRollups([&](const RollupKey& key, const Counts& counts) {
      report_.rollups += 1;
      const auto found = expected.find(key);
      if (counts != (found == expected.end() ? Counts{} : found->second)) {
        Problem(name(key) + ": it is not the sum over its responses and cases");
      }
      if (found != expected.end()) expected.erase(found);
    });
    for (const auto& [key, counts] : expected) {
      if (counts != Counts{}) Problem(name(key) + ": its row is missing");
    }
  }

  void CompareGiven() {
    std::map<std::string, Timestamp> expected = given_;
    reader_.ScanGiven([&](const std::string& principal, Timestamp at) {
      const auto found = expected.find(principal);
      if (found == expected.end() || found->second != at) {
        Problem("staff_given of " + principal + ": no event gave them a case last then");
      }
      if (found != expected.end()) expected.erase(found);
    });
    for (const auto& [principal, at] : expected) {
      Problem("staff_given of " + principal + ": the row is missing");
    }
  }

  void CompareSizes() {
    const TableSizes sizes = reader_.Sizes();
    if (sizes.events != report_.events || sizes.customers != report_.customers ||
        sizes.responses != report_.responses || sizes.cases != report_.cases ||
        sizes.entries != report_.entries) {
      Problem("counters: the sizes of the tables are not what they say");
    }
  }

  void WalkAudit() {
    AuditWalk walk = VerifyAudit(reader_, 0, std::nullopt, [] { return true; });
    report_.audited = walk.walked;
    report_.audit_head = walk.head;
    for (std::string& problem : walk.problems) Problem(std::move(problem));
  }

  Reader& reader_;
  const std::vector<Endpoint>& endpoints_;
  const std::vector<Delivery>& deliveries_;
  size_t next_delivery_ = 0;
  VerifyReport report_;
  std::unordered_map<CustomerId, Customer> customers_;
  std::unordered_map<ResponseId, Response> responses_;
  std::unordered_map<CaseId, Case> cases_;
  std::unordered_map<BlacklistEntryId, BlacklistEntry> entries_;
  std::map<std::string, Timestamp> given_;
};

}  // namespace

AuditWalk VerifyAudit(Reader& reader, int64_t sequence, const std::optional<Hash256>& hash,
                      const std::function<bool()>& go_on) {
  AuditWalk walk;
  walk.sequence = sequence;
  walk.head = reader.GetAuditHead();
  const auto problem = [&](int64_t at, std::string_view what) {
    if (walk.problems.size() >= kMostProblems) return;
    walk.problems.push_back("audit entry " + std::to_string(at) + ": " + std::string(what));
  };
  // The last one that was seen. What is wrong with it is told by what the next one says of it.
  AuditEntry last;
  Hash256 made{};  // from its contents
  const auto link = [&](const Hash256& named) {
    if (last.hash == made) return named == made;
    if (last.sequence == 0) return true;
    if (named == made) {
      problem(last.sequence, "its hash was changed; what it says was not");
      return true;
    }
    problem(last.sequence, "what it says is not what was hashed");
    return named == last.hash;
  };
  if (sequence > 0) {
    reader.ScanAudit(sequence - 1, [&](const AuditEntry& entry) {
      if (entry.sequence == sequence) last = entry;
      return false;
    });
    if (last.sequence == 0) {
      problem(sequence, "it is missing");
    } else if (hash && last.hash != *hash) {
      problem(sequence, "its hash is not the one that was noted");
    }
    if (last.sequence != 0) made = AuditHash(last);
    walk.hash = last.hash;
  }
  bool stopped = false;
  bool broken = sequence > 0 && last.sequence == 0;  // nothing is known of the one before
  reader.ScanAudit(sequence, [&](const AuditEntry& entry) {
    if (!go_on()) {
      stopped = true;
      return false;
    }
    if (entry.sequence < 1) {
      problem(entry.sequence, "it stands before the first");
      return true;
    }
    if (entry.sequence != walk.sequence + 1) {
      const int64_t first = walk.sequence + 1;
      problem(first, entry.sequence == first + 1
                         ? "it is missing"
                         : "it is missing, like all up to " + std::to_string(entry.sequence - 1));
      if (last.hash != made) problem(last.sequence, "its hash does not fit what it says");
      broken = true;
    }
    if (!broken && !link(entry.prev_hash)) {
      problem(entry.sequence, "it names another one before it than the one that is there");
    }
    if (entry.at < last.at) problem(entry.sequence, "it was stored before its predecessor");
    broken = false;
    last = entry;
    made = AuditHash(entry);
    walk.walked += 1;
    walk.sequence = entry.sequence;
    walk.hash = entry.hash;
    return true;
  });
  if (stopped) return walk;
  walk.complete = true;
  if (walk.sequence < walk.head.sequence) {
    problem(walk.sequence + 1, "it is missing, like all up to the end of the chain, " +
                                   std::to_string(walk.head.sequence));
    if (last.hash != made) problem(last.sequence, "its hash does not fit what it says");
  } else if (walk.sequence > walk.head.sequence) {
    problem(walk.head.sequence + 1, "it lies beyond the end of the chain");
  } else if (!broken && !link(walk.head.hash)) {
    problem(walk.sequence, "the chain ends with another hash than this one's");
  }
  return walk;
}

VerifyReport Verify(Store& store) {
  // First these: the log only grows, so that it has what they rest on.
  std::vector<Endpoint> endpoints;
  std::vector<Delivery> deliveries;
  store.ReadDeliveries([&](DeliveryRecords& records) {
    endpoints = records.ListEndpoints();
    records.Scan([&](const Delivery& row) {
      deliveries.push_back(row);
      deliveries.back().last_answer.clear();
    });
  });
  std::sort(deliveries.begin(), deliveries.end(), [](const Delivery& a, const Delivery& b) {
    return std::tie(a.sequence, a.id) < std::tie(b.sequence, b.id);
  });
  VerifyReport report;
  store.Read([&](Reader& reader) { report = Verifier(reader, endpoints, deliveries).Run(); });
  return report;
}

}  // namespace rebound
