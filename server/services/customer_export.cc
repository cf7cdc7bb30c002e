// Everything that is held on one person, as one stream.
#include <algorithm>
#include <set>

#include "server/execute/lookup.h"
#include "server/log.h"
#include "server/services/audit.h"
#include "server/services/convert.h"
#include "server/services/services.h"
#include "server/services/split.h"
#include "server/services/stream.h"
#include "server/storage/codec.h"

namespace rebound {
namespace {

constexpr size_t kLargestItem = 1 << 20;  // bytes; callers take four times as much by default
constexpr int32_t kHistoryAtOnce = 128;
// Exports wait for each other: each holds a snapshot open while its caller reads.
constexpr size_t kCustomerExportThreads = 1;
constexpr size_t kCustomerExportQueue = 16;
constexpr size_t kExportReasonCharacters = 64;

// The record and all that stand for the same person, the one that stands for all first. Links make
// no rings; unlike Everyone this looks for all of them.
std::vector<CustomerId> AllRecords(Reader& reader, const CustomerId& standing) {
  std::vector<CustomerId> records = {standing};
  for (size_t i = 0; i < records.size(); ++i) {
    for (const CustomerId& alias : reader.AliasesOf(records[i])) records.push_back(alias);
  }
  return records;
}

// The events of several records, oldest first. Each of them names one record.
class EventMerge {
 public:
  EventMerge(Reader& reader, const std::vector<CustomerId>& records) : reader_(reader) {
    for (const CustomerId& id : records) lanes_.push_back({id, {}, 0, 0});
    for (Lane& lane : lanes_) Load(lane);
  }

  // nullopt: none is left.
  std::optional<Event> Next() {
    Lane* first = nullptr;
    for (Lane& lane : lanes_) {
      if (lane.at == lane.page.size()) continue;
      if (first == nullptr || lane.page[lane.at].sequence < first->page[first->at].sequence) {
        first = &lane;
      }
    }
    if (first == nullptr) return std::nullopt;
    Event event = std::move(first->page[first->at++]);
    if (first->at == first->page.size()) Load(*first);
    return event;
  }

 private:
  struct Lane {
    CustomerId id{};
    std::vector<Event> page{};
    size_t at = 0;
    int64_t last = 0;
  };

  void Load(Lane& lane) {
    lane.page = reader_.PersonEvents(lane.id, lane.last, kHistoryAtOnce);
    lane.at = 0;
    if (!lane.page.empty()) lane.last = lane.page.back().sequence;
  }

  Reader& reader_;
  std::vector<Lane> lanes_;
};

// One export. Each step is false once nobody listens any more.
class Export {
 public:
  Export(const Call& call, Reader& reader, const Emit& emit)
      : call_(call), scope_(call.identity.scope), reader_(reader), emit_(emit) {}

  bool Run(const CustomerId& standing) {
    const std::vector<CustomerId> records = AllRecords(reader_, standing);
    return SendCustomers(records) && SendBehaviours() && SendResponses(records) &&
           SendCases(records) && SendEntries(records) && SendEvents(records) && SendSummary();
  }

 private:
  using Item = api::ExportCustomerResponse;

  template <typename Value>
  bool Send(std::unique_ptr<Value> value, Value* (Item::*slot)(), const char* identity = "id") {
    for (const auto& part : SplitToFit(std::move(value), kLargestItem, identity)) {
      Item item;
      *(item.*slot)() = std::move(static_cast<Value&>(*part));
      if (!emit_(item)) return false;
    }
    return true;
  }

  bool SendCustomers(const std::vector<CustomerId>& records) {
    for (const CustomerId& id : records) {
      auto customer = reader_.GetCustomer(id);
      if (!customer || !scope_.CoversOrgUnit(customer->profile.org_unit_id)) continue;
      customers_.insert(id);
      summary_.set_customer_count(summary_.customer_count() + 1);
      for (const Behaviour& b : customer->behaviours) behaviours_.emplace_back(id, b);
      Hydrate(reader_, *customer);
      auto value = std::make_unique<api::Customer>();
      Fill(*customer, View::kFull, value.get());
      if (!Send(std::move(value), &Item::mutable_customer)) return false;
    }
    return true;
  }

  bool SendBehaviours() {
    std::stable_sort(behaviours_.begin(), behaviours_.end(), [](const auto& a, const auto& b) {
      return a.second.occurred_at < b.second.occurred_at;
    });
    for (const auto& [record, behaviour] : behaviours_) {
      Item item;
      Fill(behaviour, record, item.mutable_behaviour());
      if (!emit_(item)) return false;
    }
    summary_.set_behaviour_count(static_cast<int64_t>(behaviours_.size()));
    return true;
  }

  bool SendResponses(const std::vector<CustomerId>& records) {
    std::vector<Response> responses;
    for (const CustomerId& id : records) {
      for (Response& r : reader_.ResponsesOf(id)) {
        if (scope_.Covers(r.org_unit_id, r.queue_id)) responses.push_back(std::move(r));
      }
    }
    std::stable_sort(responses.begin(), responses.end(), [](const Response& a, const Response& b) {
      return a.occurred_at < b.occurred_at;
    });
    for (const Response& row : responses) {
      Response response = row;
      responses_.insert(response.id);
      Hydrate(reader_, response);
      auto value = std::make_unique<api::Response>();
      Fill(response, View::kFull, value.get());
      if (!Send(std::move(value), &Item::mutable_response)) return false;
    }
    summary_.set_response_count(static_cast<int64_t>(responses.size()));
    return true;
  }

  bool SendCases(const std::vector<CustomerId>& records) {
    std::vector<Case> cases;
    for (const CustomerId& id : records) {
      for (Case& c : reader_.CasesOf(id)) {
        if (Sees(scope_, c)) cases.push_back(std::move(c));
      }
    }
    std::stable_sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) {
      return std::pair(a.opened_at, a.number) < std::pair(b.opened_at, b.number);
    });
    for (const Case& row : cases) {
      Case c = row;
      cases_.insert(c.id);
      Hydrate(reader_, c);
      auto value = std::make_unique<api::Case>();
      Fill(c, View::kFull, *call_.RevisionOf(c.revision), call_.backend.executor.Now(),
           value.get());
      if (!Send(std::move(value), &Item::mutable_case_)) return false;
    }
    summary_.set_case_count(static_cast<int64_t>(cases.size()));
    return true;
  }

  bool SendEntries(const std::vector<CustomerId>& records) {
    std::vector<BlacklistEntry> entries;
    for (const CustomerId& id : records) {
      if (!customers_.contains(id)) continue;
      for (BlacklistEntry& entry : reader_.EntriesOf(id)) {
        if (scope_.CoversOrgUnit(entry.org_unit_id)) entries.push_back(std::move(entry));
      }
    }
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
    for (const BlacklistEntry& row : entries) {
      BlacklistEntry entry = row;
      entries_.insert(entry.id);
      Hydrate(reader_, entry);
      auto value = std::make_unique<api::BlacklistEntry>();
      Fill(entry, View::kFull, *call_.revision, call_.backend.executor.Now(), value.get());
      if (!Send(std::move(value), &Item::mutable_blacklist_entry)) return false;
    }
    summary_.set_blacklist_entry_count(static_cast<int64_t>(entries.size()));
    return true;
  }

  // An event is seen with what it happened to. Of a case that is no longer there (history that was
  // derived anew) only those who see everything see the events.
  bool SeesEvent(const Event& event) const {
    if (scope_.unrestricted()) return true;
    if (!event.entry_id.empty()) return entries_.contains(event.entry_id);
    if (!event.case_id.empty()) return cases_.contains(event.case_id);
    if (!event.response_id.empty()) return responses_.contains(event.response_id);
    return customers_.contains(event.customer_id);
  }

  bool SendEvents(const std::vector<CustomerId>& records) {
    EventMerge events(reader_, records);
    while (auto event = events.Next()) {
      if (!SeesEvent(*event)) continue;
      summary_.set_event_count(summary_.event_count() + 1);
      Hydrate(reader_, *event);
      const auto* opened = std::get_if<CaseOpened>(&event->body);
      const auto revision =
          opened == nullptr ? call_.revision : call_.RevisionOf(opened->opened.revision);
      auto value = std::make_unique<api::PersonEvent>();
      Fill(*std::move(event), *revision, value.get());
      if (!Send(std::move(value), &Item::mutable_event, "sequence")) return false;
    }
    return true;
  }

  bool SendSummary() {
    summary_.set_last_sequence(reader_.LastSequence());
    summary_.set_whole(scope_.unrestricted());
    Fill(call_.backend.executor.Now(), summary_.mutable_export_time());
    Item item;
    *item.mutable_summary() = summary_;
    return emit_(item);
  }

  const Call& call_;
  const Scope& scope_;
  Reader& reader_;
  const Emit& emit_;
  api::ExportSummary summary_;
  std::set<CustomerId> customers_;
  std::vector<std::pair<CustomerId, Behaviour>> behaviours_;  // with the record of each
  std::set<ResponseId> responses_;
  std::set<CaseId> cases_;
  std::set<BlacklistEntryId> entries_;
};

Result<void> ExportCustomer(const Call& call, Reader& reader,
                            const api::ExportCustomerRequest& request, const Emit& emit) {
  Checks checks;
  if (request.customer_id().empty()) checks.Add("customer_id", Reason::kRequiredFieldMissing);
  const auto id = checks.ParseId<CustomerId>("customer_id", request.customer_id());
  // A word, not a sentence: it goes to the log, where no personal text may go.
  const std::string& reason = request.reason();
  if (reason.empty()) {
    checks.Add("reason", Reason::kRequiredFieldMissing);
  } else if (reason.size() > kExportReasonCharacters || !IsPlain(reason, "._-")) {
    checks.Add(
        "reason", Reason::kIdInvalid,
        {{"value", reason.substr(0, 80)}, {"expected", "1-64 characters of [A-Za-z0-9._-]"}});
  }
  if (!checks.ok()) return std::move(checks).ToError();
  auto customer = reader.GetCustomer(id);
  if (customer && !call.identity.scope.CoversOrgUnit(customer->profile.org_unit_id)) {
    customer.reset();
  }
  customer = Standing(reader, std::move(customer));
  if (!customer) return Error{Reason::kNotFound, {{"resource", "customer"}}};
  if (auto audited = AuditRead(call, {"customer", IdCast<RawId>(customer->id), {}}, reason);
      !audited) {
    return audited;
  }
  Log(Level::kInfo, "customer exported",
      {{"customer_id", ToString(id)},
       {"reason", reason},
       {"actor", call.identity.name},
       {"call_id", call.call_id}});
  Export(call, reader, emit).Run(customer->id);
  return {};
}

}  // namespace

void AddCustomerExport(ApiService* service) {
  AddStreamQuery<api::ExportCustomerRequest>(
      service, "ExportCustomer",
      std::make_shared<ReadPool>(kCustomerExportThreads, kCustomerExportQueue), ExportCustomer);
}

}  // namespace rebound
