#include "server/storage/memory_store.h"

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <tuple>
#include <utility>

#include "server/storage/codec.h"
#include "server/storage/memory_access.h"
#include "server/storage/memory_deliveries.h"
#include "workflows/playbook.h"

namespace rebound {
namespace {

constexpr int64_t kNeverDue = std::numeric_limits<int64_t>::max();

int64_t DueSort(const Case& c) {
  const auto due = NextDue(c);
  return due ? ToMillis(*due) : kNeverDue;
}

template <typename T>
T WithoutTexts(T value) {
  ForEachText(value, [](Text& text) { text.value.clear(); });
  return value;
}

template <typename Row>
bool Holds(const Predicate& filter, const Row& row) {
  return Evaluate(filter, [&](FieldId field) { return ReadField(row, field); });
}

// A promise is near at kAlways, and is not at kNever.
constexpr Timestamp kAlways = FromMillis(std::numeric_limits<int64_t>::max() / 2);
constexpr Timestamp kNever = FromMillis(std::numeric_limits<int64_t>::min() / 2);

}  // namespace

struct MemoryStore::State {
  struct StoredText {
    std::array<uint8_t, 16> salt{};
    std::string value{};
  };
  struct Outgoing {
    int64_t sequence = 0;
    CaseId case_id{};
    bool cancelled = false;
  };

  FaultHook fault{};
  std::shared_mutex mutex{};
  bool poisoned = false;

  std::map<CustomerId, Customer> customers{};
  std::map<ExternalKey, CustomerId> customer_keys{};
  std::set<std::pair<CustomerId, CustomerId>> aliases{};  // customer, its alias
  std::map<ResponseId, Response> responses{};
  std::map<ExternalKey, ResponseId> response_keys{};
  std::set<std::tuple<CustomerId, Timestamp, ResponseId>> responses_of{};
  std::map<int64_t, Case> cases{};  // by number
  std::map<CaseId, int64_t> case_ids{};
  std::set<std::pair<ExternalKey, int64_t>> case_keys{};
  std::map<InvitationId, int64_t> invitations{};
  std::map<std::pair<CustomerId, std::string>, int64_t> slots{};
  std::set<std::tuple<CustomerId, Timestamp, int64_t>> cases_of{};
  std::set<std::pair<int64_t, int64_t>> due{};  // due sort, number
  std::set<ClaimOrderKey> claimable{};          // by ClaimOrder at no time: without promises
  std::set<ClaimOrderKey> promised{};           // those with a promise, by it first, near or not
  std::map<std::string, std::set<int64_t>> owned{};  // by owner: numbers
  std::map<std::string, Timestamp> given{};          // by principal: the last time
  std::map<int64_t, RawEvent> events{};
  std::map<int64_t, BlacklistEntry> entries{};  // by number
  std::map<BlacklistEntryId, int64_t> entry_ids{};
  std::set<std::pair<CustomerId, int64_t>> entries_of{};
  std::set<std::pair<int64_t, int64_t>> entries_due{};  // NextDue, number; open ones only
  std::map<CaseId, std::vector<int64_t>> events_of{};
  std::map<BlacklistEntryId, std::vector<int64_t>> events_of_entry{};
  std::map<TextId, StoredText> texts{};
  std::map<CustomerId, std::vector<int64_t>> events_of_person{};
  std::set<std::pair<Hash128, CustomerId>> identities{};
  std::map<std::pair<Hash256, std::string>, Suppression> suppressions{};  // hash, encoded
  std::map<RollupKey, Counts> rollups{};
  std::map<int64_t, std::map<Hash128, RequestRecord>> requests{};  // by day
  std::vector<Outgoing> outbox{};
  int64_t last_sequence = 0;
  int64_t next_case_number = 1;
  int64_t next_entry_number = 1;
  uint64_t salts = 0;

  std::map<int64_t, StoredRevision> revisions{};
  ServerState server_state{};
  std::vector<AuditEntry> audit{};
  AuditHead audit_head{};
  std::map<std::string, Principal> principals{};
  AccessTables access{};
  DeliveryTables deliveries{};
  std::map<std::array<uint8_t, 32>, std::string> tokens{};
  std::map<std::pair<std::string, std::string>, Subscription> subscriptions{};  // owner, name
  std::map<std::string, std::array<uint8_t, 32>> secrets{};

  // How to take back what the running batch did, in the order it was done.
  std::vector<std::function<void()>> undo{};

  void UndoTo(size_t mark) {
    while (undo.size() > mark) {
      undo.back()();
      undo.pop_back();
    }
  }

  // The indexes over the rows. Only through these, so that undoing cannot forget one.
  void Link(const Customer& c) {
    if (!c.alias_of.empty()) aliases.emplace(c.alias_of, c.id);
  }
  void Unlink(const Customer& c) { aliases.erase({c.alias_of, c.id}); }
  void Link(const Response& r) {
    if (!r.external_key.empty()) response_keys.emplace(r.external_key, r.id);
    if (!r.customer_id.empty()) responses_of.emplace(r.customer_id, r.occurred_at, r.id);
  }
  void Unlink(const Response& r) {
    response_keys.erase(r.external_key);
    responses_of.erase({r.customer_id, r.occurred_at, r.id});
  }
  void Link(const Case& c) {
    case_ids.emplace(c.id, c.number);
    if (!c.details.external_key.empty()) case_keys.emplace(c.details.external_key, c.number);
    if (!c.resurvey.invitation_id.empty()) invitations[c.resurvey.invitation_id] = c.number;
    if (HoldsSlot(c)) slots.emplace(std::pair(c.customer_id, c.program_id), c.number);
    if (!c.customer_id.empty()) cases_of.emplace(c.customer_id, c.opened_at, c.number);
    due.emplace(DueSort(c), c.number);
    if (IsClaimable(c)) claimable.insert(ClaimOrder(c, kNever));
    if (IsClaimable(c) && NextPromise(c)) promised.insert(ClaimOrder(c, kAlways));
    if (!c.owner.empty()) owned[c.owner].insert(c.number);
  }
  void Unlink(const Case& c) {
    case_ids.erase(c.id);
    case_keys.erase({c.details.external_key, c.number});
    invitations.erase(c.resurvey.invitation_id);
    if (HoldsSlot(c)) slots.erase({c.customer_id, c.program_id});
    cases_of.erase({c.customer_id, c.opened_at, c.number});
    due.erase({DueSort(c), c.number});
    claimable.erase(ClaimOrder(c, kNever));
    promised.erase(ClaimOrder(c, kAlways));
    if (!c.owner.empty()) owned[c.owner].erase(c.number);
  }
  void Link(const BlacklistEntry& e) {
    entry_ids.emplace(e.id, e.number);
    entries_of.emplace(e.customer_id, e.number);
    if (const auto at = NextDue(e)) entries_due.emplace(ToMillis(*at), e.number);
  }
  void Unlink(const BlacklistEntry& e) {
    entry_ids.erase(e.id);
    entries_of.erase({e.customer_id, e.number});
    if (const auto at = NextDue(e)) entries_due.erase({ToMillis(*at), e.number});
  }
  static bool HoldsSlot(const Case& c) { return c.holds_dedupe_slot && !c.customer_id.empty(); }

  // Puts `row`, or with nullopt removes what is under `key`.
  template <typename Key, typename Row>
  void Put(std::map<Key, Row>& rows, const Key& key, std::optional<Row> row) {
    std::optional<Row> before;
    if (auto found = rows.find(key); found != rows.end()) {
      before = std::move(found->second);
      Unlink(*before);
      rows.erase(found);
    }
    if (row) {
      Link(*row);
      rows.emplace(key, *std::move(row));
    }
    undo.emplace_back([this, &rows, key, before = std::move(before)] {
      if (auto found = rows.find(key); found != rows.end()) {
        Unlink(found->second);
        rows.erase(found);
      }
      if (!before) return;
      Link(*before);
      rows.emplace(key, *before);
    });
  }

  // For maps without indexes over them.
  template <typename Map>
  bool Add(Map& map, const typename Map::key_type& key, typename Map::mapped_type value) {
    if (!map.emplace(key, std::move(value)).second) return false;
    undo.emplace_back([&map, key] { map.erase(key); });
    return true;
  }
};

template <typename Base>
class MemoryStore::Reads : public Base {
 public:
  explicit Reads(State& state) : s_(state) {}

  std::optional<Customer> GetCustomer(const CustomerId& id) override {
    return Find(s_.customers, id);
  }
  std::optional<Customer> FindCustomer(const ExternalKey& key) override {
    const auto found = s_.customer_keys.find(key);
    return found == s_.customer_keys.end() ? std::nullopt : GetCustomer(found->second);
  }
  std::optional<Response> GetResponse(const ResponseId& id) override {
    return Find(s_.responses, id);
  }
  std::optional<Response> FindResponse(const ExternalKey& key) override {
    const auto found = s_.response_keys.find(key);
    return found == s_.response_keys.end() ? std::nullopt : GetResponse(found->second);
  }
  std::optional<Case> GetCase(const CaseId& id) override {
    const auto found = s_.case_ids.find(id);
    return found == s_.case_ids.end() ? std::nullopt : GetCaseByNumber(found->second);
  }
  std::optional<Case> GetCaseByNumber(int64_t number) override { return Find(s_.cases, number); }
  std::optional<Case> FindCase(const ExternalKey& key) override {
    const auto found = s_.case_keys.lower_bound({key, 0});
    return found == s_.case_keys.end() || found->first != key ? std::nullopt
                                                              : GetCaseByNumber(found->second);
  }
  std::optional<Case> FindCaseByInvitation(const InvitationId& id) override {
    const auto found = s_.invitations.find(id);
    return found == s_.invitations.end() ? std::nullopt : GetCaseByNumber(found->second);
  }

  std::vector<Case> CasesOf(const CustomerId& customer, std::string_view program_id) override {
    std::vector<Case> cases = CasesOf(customer);
    std::erase_if(cases, [&](const Case& c) { return c.program_id != program_id; });
    return cases;
  }
  std::vector<Case> CasesOf(const CustomerId& customer) override {
    std::vector<Case> cases;
    for (auto i = s_.cases_of.lower_bound({customer, Timestamp::min(), 0});
         i != s_.cases_of.end() && std::get<0>(*i) == customer; ++i) {
      cases.push_back(s_.cases.at(std::get<2>(*i)));
    }
    return cases;
  }
  std::vector<Response> ResponsesOf(const CustomerId& customer,
                                    std::string_view program_id) override {
    std::vector<Response> responses = ResponsesOf(customer);
    std::erase_if(responses, [&](const Response& r) { return r.program_id != program_id; });
    return responses;
  }
  std::vector<Response> ResponsesOf(const CustomerId& customer) override {
    std::vector<Response> responses;
    for (auto i = s_.responses_of.lower_bound({customer, Timestamp::min(), {}});
         i != s_.responses_of.end() && std::get<0>(*i) == customer; ++i) {
      responses.push_back(s_.responses.at(std::get<2>(*i)));
    }
    return responses;
  }
  std::vector<CustomerId> AliasesOf(const CustomerId& customer) override {
    std::vector<CustomerId> ids;
    for (auto i = s_.aliases.lower_bound({customer, {}});
         i != s_.aliases.end() && i->first == customer; ++i) {
      ids.push_back(i->second);
    }
    return ids;
  }

  std::vector<CustomerId> CustomersBy(const Hash128& identity) override {
    std::vector<CustomerId> ids;
    for (auto i = s_.identities.lower_bound({identity, {}});
         i != s_.identities.end() && i->first == identity; ++i) {
      ids.push_back(i->second);
    }
    return ids;
  }
  std::vector<CustomerId> ErasedCustomers(bool unfinished_only) override {
    std::vector<CustomerId> ids;
    for (const auto& [id, c] : s_.customers) {
      if (c.erased_at && !(unfinished_only && c.scrubbed_at)) ids.push_back(id);
    }
    return ids;
  }
  std::vector<Suppression> SuppressionsOf(const std::vector<Hash256>& hashes,
                                          Timestamp now) override {
    std::vector<Suppression> found;
    for (const Hash256& hash : hashes) {
      for (auto i = s_.suppressions.lower_bound({hash, {}});
           i != s_.suppressions.end() && i->first.first == hash; ++i) {
        if (i->second.expires_at <= now) continue;
        if (std::find(found.begin(), found.end(), i->second) != found.end()) continue;
        found.push_back(i->second);
      }
    }
    return found;
  }
  void ScanSuppressions(const std::function<void(const StoredSuppression&)>& visit) override {
    for (const auto& [key, what] : s_.suppressions) visit({key.first, what});
  }

  std::optional<BlacklistEntry> GetEntry(const BlacklistEntryId& id) override {
    const auto found = s_.entry_ids.find(id);
    return found == s_.entry_ids.end() ? std::nullopt : GetEntryByNumber(found->second);
  }
  std::optional<BlacklistEntry> GetEntryByNumber(int64_t number) override {
    return Find(s_.entries, number);
  }
  std::vector<BlacklistEntry> EntriesOf(const CustomerId& customer) override {
    std::vector<BlacklistEntry> entries;
    for (auto i = s_.entries_of.lower_bound({customer, 0});
         i != s_.entries_of.end() && i->first == customer; ++i) {
      entries.push_back(s_.entries.at(i->second));
    }
    return entries;
  }
  OpenEntries OpenEntriesOf(const CustomerId& customer) override {
    OpenEntries open{EntriesOf(customer), AliasesOf(customer)};
    std::erase_if(open.entries, [](const BlacklistEntry& e) { return IsFinal(e.state); });
    for (BlacklistEntry& entry : open.entries) entry = Brief(entry);
    return open;
  }

  std::optional<Case> BestToClaim(std::string_view queue_id, const Scope& scope, Timestamp now,
                                  const std::function<bool(std::string_view)>& from,
                                  const std::function<bool(const Case&)>& may) override {
    std::map<std::string, bool> known;
    for (const bool promised : {true, false}) {
      for (const ClaimOrderKey& key : promised ? s_.promised : s_.claimable) {
        const Case& c = s_.cases.at(std::get<5>(key));
        if (RankOf(c, now).promise_due_at.has_value() != promised) continue;
        if (!queue_id.empty() && c.details.queue_id != queue_id) continue;
        if (!scope.Covers(c.details.org_unit_id, c.details.queue_id)) continue;
        const auto asked = known.find(c.details.queue_id);
        const bool open =
            asked != known.end()
                ? asked->second
                : known.emplace(c.details.queue_id, from(c.details.queue_id)).first->second;
        if (open && may(c)) return c;
      }
    }
    return std::nullopt;
  }
  StaffLoad LoadOf(std::string_view principal) override {
    StaffLoad load{std::string(principal), 0, std::nullopt};
    if (const auto given = s_.given.find(load.principal); given != s_.given.end()) {
      load.last_given_at = given->second;
    }
    const auto owned = s_.owned.find(load.principal);
    if (owned == s_.owned.end()) return load;
    for (const int64_t number : owned->second) {
      const Case& c = s_.cases.at(number);
      if (NeedsWork(c)) load.open_count += 1;
    }
    return load;
  }

  void ScanGiven(const std::function<void(const std::string&, Timestamp)>& visit) override {
    for (const auto& [principal, at] : s_.given) visit(principal, at);
  }

  std::vector<Case> ListCases(const CaseQuery& query) override {
    using Key = std::pair<int64_t, int64_t>;
    std::vector<std::pair<Key, const Case*>> matches;
    const bool descending = query.order == CaseOrder::kOpenedDescending;
    for (const auto& [number, c] : s_.cases) {
      const Key key{query.order == CaseOrder::kNextDue ? DueSort(c) : ToMillis(c.opened_at),
                    number};
      if (query.after && !(descending ? key < *query.after : key > *query.after)) continue;
      if (AsksOwnSteps(query.scope, query.filter)
              ? !query.scope.CoversOrgUnit(c.details.org_unit_id)
              : !query.scope.Covers(c.details.org_unit_id, c.details.queue_id)) {
        continue;
      }
      if (Holds(query.filter, c)) matches.emplace_back(key, &c);
    }
    std::sort(matches.begin(), matches.end());
    if (descending) std::reverse(matches.begin(), matches.end());
    std::vector<Case> cases;
    for (const auto& [key, c] : matches) {
      if (std::ssize(cases) >= query.limit) break;
      cases.push_back(*c);
    }
    return cases;
  }
  std::vector<Response> ListResponses(const ListQuery& query) override {
    return List(s_.responses, query,
                [&](const Response& r) { return query.scope.Covers(r.org_unit_id, r.queue_id); });
  }
  std::vector<Customer> ListCustomers(const ListQuery& query) override {
    return List(s_.customers, query, [&](const Customer& c) {
      return query.scope.CoversOrgUnit(c.profile.org_unit_id);
    });
  }

  std::vector<BlacklistEntry> ListEntries(const EntryQuery& query) override {
    const auto among = [](const auto& values, const auto& value) {
      return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
    };
    std::vector<BlacklistEntry> page;
    for (auto i = s_.entry_ids.rbegin(); i != s_.entry_ids.rend(); ++i) {
      if (std::ssize(page) >= query.limit) break;
      if (query.before && !(i->first < *query.before)) continue;
      const BlacklistEntry& e = s_.entries.at(i->second);
      if (!among(query.customers, e.customer_id) || !among(query.states, e.state) ||
          !among(query.kinds, e.kind) || !query.scope.CoversOrgUnit(e.org_unit_id)) {
        continue;
      }
      const auto customer = s_.customers.find(e.customer_id);
      const bool visible = query.scope.org_units.empty() ||
                           (customer != s_.customers.end() &&
                            query.scope.CoversOrgUnit(customer->second.profile.org_unit_id));
      if (visible) page.push_back(e);
    }
    return page;
  }

  std::vector<Event> CaseEvents(const CaseId& id, int64_t after, int32_t limit) override {
    return EventsOf(s_.events_of, id, after, limit);
  }
  std::vector<Event> EntryEvents(const BlacklistEntryId& id, int64_t after,
                                 int32_t limit) override {
    return EventsOf(s_.events_of_entry, id, after, limit);
  }
  std::vector<Event> PersonEvents(const CustomerId& customer, int64_t after,
                                  int32_t limit) override {
    return EventsOf(s_.events_of_person, customer, after, limit);
  }
  std::vector<Event> EventsAfter(int64_t after, int32_t limit) override {
    std::vector<Event> events;
    for (auto i = s_.events.upper_bound(after); i != s_.events.end() && std::ssize(events) < limit;
         ++i) {
      events.push_back(i->second.event);
    }
    return events;
  }
  LogPage ReadLog(const LogQuery& query) override {
    LogPage page;
    page.last.sequence = query.after;
    const bool of_case = !query.case_id.empty();
    static const std::vector<int64_t> kNone;
    const auto found = s_.events_of.find(query.case_id);
    const auto& sequences = found == s_.events_of.end() ? kNone : found->second;
    auto of = std::upper_bound(sequences.begin(), sequences.end(), query.after);
    auto any = s_.events.upper_bound(query.after);
    const auto more = [&] { return of_case ? of != sequences.end() : any != s_.events.end(); };
    int32_t seen = 0;
    while (seen < query.look_at && std::ssize(page.events) < query.most && more()) {
      const RawEvent& raw = of_case ? s_.events.at(*of++) : (any++)->second;
      ++seen;
      LoggedEvent logged{.event = raw.event, .type = std::string(TypeName(raw.event.body))};
      page.last = PositionOf(raw);
      logged.mark = page.last.mark;
      FillLogged(logged);
      if (!query.wants || query.wants(logged)) page.events.push_back(std::move(logged));
    }
    page.end = seen < query.look_at && std::ssize(page.events) < query.most;
    if (of_case && page.end && LastSequence() > page.last.sequence) {
      page.last = PositionOf(s_.events.rbegin()->second);
    }
    return page;
  }
  std::optional<LogPosition> PositionAt(int64_t sequence) override {
    if (sequence == 0) return LogPosition{};
    const auto found = s_.events.find(sequence);
    if (found == s_.events.end()) return std::nullopt;
    return PositionOf(found->second);
  }
  LogPosition PositionBefore(Timestamp recorded_at) override {
    LogPosition before;
    for (const auto& [sequence, raw] : s_.events) {
      if (raw.event.recorded_at >= recorded_at) break;
      before = PositionOf(raw);
    }
    return before;
  }
  std::vector<Subscription> SubscriptionsOf(std::string_view owner) override {
    std::vector<Subscription> all;
    for (const auto& [key, subscription] : s_.subscriptions) {
      if (key.first == owner) all.push_back(subscription);
    }
    return all;
  }
  std::vector<CaseId> CasesDue(Timestamp now, int32_t limit) override {
    std::vector<CaseId> ids;
    for (const auto& [due, number] : s_.due) {
      if (due == kNeverDue || due > ToMillis(now) || std::ssize(ids) >= limit) break;
      ids.push_back(s_.cases.at(number).id);
    }
    return ids;
  }
  std::vector<BlacklistEntryId> EntriesDue(Timestamp now, int32_t limit) override {
    std::vector<BlacklistEntryId> ids;
    for (const auto& [due, number] : s_.entries_due) {
      if (due > ToMillis(now) || std::ssize(ids) >= limit) break;
      ids.push_back(s_.entries.at(number).id);
    }
    return ids;
  }
  std::optional<Timestamp> EarliestDue() override {
    int64_t earliest = s_.due.empty() ? kNeverDue : s_.due.begin()->first;
    if (!s_.entries_due.empty()) earliest = std::min(earliest, s_.entries_due.begin()->first);
    return earliest == kNeverDue ? std::nullopt : std::optional(FromMillis(earliest));
  }
  int64_t CountDue(Timestamp now) override {
    const auto count = [by = std::min(ToMillis(now), kNeverDue - 1)](const auto& due) {
      return std::distance(due.begin(), due.upper_bound({by, kNeverDue}));
    };
    return count(s_.due) + count(s_.entries_due);
  }

  void ScanResponses(std::string_view program_id, const Scope& scope,
                     const std::function<void(const Response&)>& visit) override {
    for (const auto& [id, r] : s_.responses) {
      if (!program_id.empty() && r.program_id != program_id) continue;
      if (scope.Covers(r.org_unit_id, r.queue_id)) visit(r);
    }
  }
  void ScanCases(std::string_view program_id, const Scope& scope,
                 const std::function<void(const Case&)>& visit) override {
    for (const auto& [id, number] : s_.case_ids) {
      const Case& c = s_.cases.at(number);
      if (!program_id.empty() && c.program_id != program_id) continue;
      if (scope.Covers(c.details.org_unit_id, c.details.queue_id)) visit(c);
    }
  }
  void ScanCustomers(const std::function<void(const Customer&)>& visit) override {
    for (const auto& [id, c] : s_.customers) visit(c);
  }
  void ScanEntries(const std::function<void(const BlacklistEntry&)>& visit) override {
    for (const auto& [id, number] : s_.entry_ids) visit(s_.entries.at(number));
  }
  void ScanEvents(int64_t after, const std::function<void(const RawEvent&)>& visit) override {
    for (auto i = s_.events.upper_bound(after); i != s_.events.end(); ++i) {
      RawEvent raw = i->second;
      std::vector<std::pair<TextId, Commitment32>> commitments;
      DecodeBody(TypeName(raw.event.body), raw.body, &commitments);
      for (const auto& [id, commitment] : commitments) {
        const auto text = s_.texts.find(id);
        if (text == s_.texts.end()) continue;
        raw.texts_match &= CommitText(text->second.salt, text->second.value) == commitment;
      }
      visit(raw);
    }
  }
  void ScanRollups(const std::function<void(const RollupKey&, const Counts&)>& visit) override {
    for (const auto& [key, counts] : s_.rollups) visit(key, counts);
  }
  void ScanTimers(const std::function<void(const CaseId&, const Timer&)>& visit) override {
    for (const auto& [id, number] : s_.case_ids) {
      for (const Timer& timer : s_.cases.at(number).timers) visit(id, timer);
    }
  }
  void ScanAnswers(
      std::string_view program_id, const Scope& scope,
      const std::function<void(const CustomerId&, Timestamp, Category)>& visit) override {
    for (const auto& [customer, occurred_at, id] : s_.responses_of) {
      const Response& r = s_.responses.at(id);
      if (r.program_id == program_id && scope.Covers(r.org_unit_id, r.queue_id)) {
        visit(customer, occurred_at, r.category);
      }
    }
  }
  std::optional<Timestamp> LastAnswerAt(std::string_view program_id) override {
    std::optional<Timestamp> last;
    for (const auto& [id, r] : s_.responses) {
      if (r.program_id == program_id && (!last || r.occurred_at > *last)) last = r.occurred_at;
    }
    return last;
  }

  std::string GetText(const TextId& id) override {
    const auto found = s_.texts.find(id);
    return found == s_.texts.end() ? "" : found->second.value;
  }
  std::optional<RequestRecord> FindRequest(const Hash128& key) override {
    for (auto day = s_.requests.rbegin(); day != s_.requests.rend(); ++day) {
      const auto found = day->second.find(key);
      if (found != day->second.end()) return found->second;
    }
    return std::nullopt;
  }
  int64_t LastSequence() override { return s_.events.empty() ? 0 : s_.events.rbegin()->first; }
  std::optional<StoredRevision> FindRevision(int64_t number) override {
    if (s_.revisions.empty()) return std::nullopt;
    const auto found = number == 0 ? std::prev(s_.revisions.end()) : s_.revisions.find(number);
    if (found == s_.revisions.end()) return std::nullopt;
    return found->second;
  }
  std::vector<StoredRevision> ListRevisions(int64_t below, int32_t limit) override {
    std::vector<StoredRevision> newest;
    for (auto r = s_.revisions.rbegin(); r != s_.revisions.rend(); ++r) {
      if (below != 0 && r->first >= below) continue;
      if (std::ssize(newest) == limit) break;
      newest.push_back(r->second);
      newest.back().text.clear();
    }
    return newest;
  }
  ServerState GetServerState() override { return s_.server_state; }

  AuditHead GetAuditHead() override { return s_.audit_head; }
  std::vector<AuditEntry> ListAudit(const AuditQuery& query) override {
    std::vector<AuditEntry> page;
    for (auto i = s_.audit.rbegin(); i != s_.audit.rend(); ++i) {
      if (std::ssize(page) >= query.limit) break;
      if ((query.before != 0 && i->sequence >= query.before) ||
          (query.from && i->at < *query.from) || (query.until && i->at >= *query.until) ||
          (query.kind && i->kind != *query.kind) ||
          (query.subject && i->subject != query.subject->bytes) ||
          (!query.principal.empty() && i->principal != query.principal) ||
          (!query.method.empty() && i->method != query.method)) {
        continue;
      }
      page.push_back(*i);
    }
    return page;
  }
  void ScanAudit(int64_t after, const std::function<bool(const AuditEntry&)>& visit) override {
    for (const AuditEntry& entry : s_.audit) {
      if (entry.sequence > after && !visit(entry)) return;
    }
  }

  TableSizes Sizes() override {
    return {std::ssize(s_.responses), std::ssize(s_.cases), std::ssize(s_.customers),
            std::ssize(s_.events), std::ssize(s_.entries)};
  }
  void ScanDefects(const std::function<void(std::string)>&) override {}

 protected:
  template <typename Key, typename Row>
  static std::optional<Row> Find(const std::map<Key, Row>& rows, const Key& key) {
    const auto found = rows.find(key);
    return found == rows.end() ? std::nullopt : std::optional<Row>(found->second);
  }
  static LogPosition PositionOf(const RawEvent& raw) {
    LogPosition position{.sequence = raw.event.sequence};
    std::copy_n(raw.hash.begin(), position.mark.size(), position.mark.begin());
    return position;
  }
  void FillLogged(LoggedEvent& logged) const {
    const Event& event = logged.event;
    if (!event.case_id.empty()) {
      if (const auto number = s_.case_ids.find(event.case_id); number != s_.case_ids.end()) {
        logged.case_number = number->second;
        logged.program_id = s_.cases.at(number->second).program_id;
        return;
      }
      const auto& first = s_.events.at(s_.events_of.at(event.case_id).front()).event;
      const auto* opened = std::get_if<CaseOpened>(&first.body);
      if (opened == nullptr) return;
      logged.case_number = opened->opened.number;
      logged.program_id = opened->opened.program_id;
    } else if (!event.response_id.empty()) {
      const auto found = s_.responses.find(event.response_id);
      if (found != s_.responses.end()) logged.program_id = found->second.program_id;
    } else if (!event.entry_id.empty()) {
      const auto found = s_.customers.find(event.customer_id);
      if (found != s_.customers.end()) logged.customer_unit = found->second.profile.org_unit_id;
    }
  }
  template <typename SubjectId>
  std::vector<Event> EventsOf(const std::map<SubjectId, std::vector<int64_t>>& sequences,
                              const SubjectId& id, int64_t after, int32_t limit) const {
    std::vector<Event> events;
    const auto found = sequences.find(id);
    if (found == sequences.end()) return events;
    for (auto i = std::upper_bound(found->second.begin(), found->second.end(), after);
         i != found->second.end() && std::ssize(events) < limit; ++i) {
      events.push_back(s_.events.at(*i).event);
    }
    return events;
  }
  template <typename Key, typename Row, typename Visible>
  static std::vector<Row> List(const std::map<Key, Row>& rows, const ListQuery& query,
                               const Visible& visible) {
    std::vector<Row> page;
    for (auto i = rows.rbegin(); i != rows.rend() && std::ssize(page) < query.limit; ++i) {
      if (query.before && !(i->first.bytes < query.before->bytes)) continue;
      if (!visible(i->second)) continue;
      if (Holds(query.filter, i->second)) page.push_back(i->second);
    }
    return page;
  }

  State& s_;
};

class MemoryStore::Writer final : public Reads<Transaction> {
 public:
  using Reads<Transaction>::Reads;

  int64_t NextCaseNumber() override { return s_.next_case_number; }
  int64_t NextEntryNumber() override { return s_.next_entry_number; }

  void Save(Change& change) override {
    if (s_.fault) s_.fault("save");
    for (const auto& customer : change.customers) SaveCustomer(customer);
    for (const auto& response : change.responses) SaveResponse(response);
    SaveCases(change.cases);
    for (const auto& entry : change.entries) SaveEntry(entry);
    if (change.request) SaveRequest(*change.request);
    if (change.revision) {
      if (!s_.revisions.empty() && s_.revisions.rbegin()->first >= change.revision->number) {
        throw StoreFailure("a revision's number does not follow the last one");
      }
      s_.Add(s_.revisions, change.revision->number, *change.revision);
    }
    if (change.server_state) {
      s_.undo.emplace_back([this, before = s_.server_state] { s_.server_state = before; });
      s_.server_state = *change.server_state;
    }
    for (AuditEntry& entry : change.audit) {
      s_.undo.emplace_back([this, before = s_.audit_head] {
        s_.audit.pop_back();
        s_.audit_head = before;
      });
      Chain(entry, s_.audit_head);
      s_.audit.push_back(entry);
    }
    for (const auto& [key, counts] : change.rollups) {
      s_.rollups[key] += counts;
      s_.undo.emplace_back([this, key = key, counts = counts] { s_.rollups[key] -= counts; });
    }
    for (Event& event : change.events) SaveEvent(event);
    for (const IdentityChange& identity : change.identities) SaveIdentities(identity);
    for (const CustomerId& id : change.erased) Erase(id);
    for (const StoredSuppression& kept : change.suppressions) {
      s_.Add(s_.suppressions, {kept.hash, Encode(kept.what)}, kept.what);
    }
    if (s_.fault) s_.fault("saved");
  }

 private:
  template <typename Row>
  static void CheckFollows(const RowChange<Row>& change, const Row* stored) {
    const bool fits = change.before
                          ? stored != nullptr && stored->version == change.before->version &&
                                (!change.after || (change.after->id == change.before->id &&
                                                   change.after->version > change.before->version))
                          : stored == nullptr && change.after.has_value();
    if (!fits) throw StoreFailure("a version does not follow the stored row");
  }

  void SaveCustomer(const RowChange<Customer>& change) {
    if (!change.after) throw StoreFailure("customers are never removed");
    const Customer& after = *change.after;
    const auto stored = s_.customers.find(after.id);
    CheckFollows(change, stored == s_.customers.end() ? nullptr : &stored->second);
    for (const CustomerKey& key : after.keys) {
      const auto known = [&](const CustomerKey& old) {
        return old.source_system == key.source_system && old.external_id.id == key.external_id.id;
      };
      if (change.before &&
          std::any_of(change.before->keys.begin(), change.before->keys.end(), known)) {
        continue;
      }
      if (key.external_id.value.empty()) throw StoreFailure("a new customer key has no value");
      if (!s_.Add(s_.customer_keys, {key.source_system, key.external_id.value}, after.id)) {
        throw StoreFailure("two customers have one key");
      }
    }
    s_.Put(s_.customers, after.id, std::optional(WithoutTexts(after)));
  }

  void SaveResponse(const RowChange<Response>& change) {
    if (!change.after) throw StoreFailure("responses are never removed");
    const Response& after = *change.after;
    const auto stored = s_.responses.find(after.id);
    CheckFollows(change, stored == s_.responses.end() ? nullptr : &stored->second);
    if (const auto owner = s_.response_keys.find(after.external_key);
        owner != s_.response_keys.end() && owner->second != after.id) {
      throw StoreFailure("two responses have one external key");
    }
    s_.Put(s_.responses, after.id, std::optional(WithoutTexts(after)));
  }

  void SaveCases(const std::vector<RowChange<Case>>& changes) {
    const auto frees_slot = [](const RowChange<Case>& change) {
      return change.before && State::HoldsSlot(*change.before) &&
             (!change.after || !State::HoldsSlot(*change.after));
    };
    // One case may take the slot that another gives up in the same change.
    for (const auto& change : changes) {
      if (frees_slot(change)) SaveCase(change);
    }
    for (const auto& change : changes) {
      if (!frees_slot(change)) SaveCase(change);
    }
  }

  void SaveCase(const RowChange<Case>& change) {
    const Case& any = change.after ? *change.after : *change.before;
    const auto stored = s_.cases.find(any.number);
    CheckFollows(change, stored == s_.cases.end() ? nullptr : &stored->second);
    if (!change.before && any.number != s_.next_case_number++) {
      throw StoreFailure("a new case has a wrong number");
    }
    const auto other = s_.case_ids.find(any.id);
    if (other != s_.case_ids.end() && other->second != any.number) {
      throw StoreFailure("two cases have one id");
    }
    if (change.after && State::HoldsSlot(any)) {
      const auto holder = s_.slots.find({any.customer_id, any.program_id});
      if (holder != s_.slots.end() && holder->second != any.number) {
        throw StoreFailure("two cases in one dedupe slot");
      }
    }
    s_.Put(s_.cases, any.number,
           change.after ? std::optional(WithoutTexts(*change.after)) : std::nullopt);
  }

  void SaveEntry(const RowChange<BlacklistEntry>& change) {
    if (!change.after) throw StoreFailure("blacklist entries are never removed");
    const BlacklistEntry& after = *change.after;
    const auto stored = s_.entries.find(after.number);
    CheckFollows(change, stored == s_.entries.end() ? nullptr : &stored->second);
    if (!change.before && after.number != s_.next_entry_number++) {
      throw StoreFailure("a new blacklist entry has a wrong number");
    }
    const auto other = s_.entry_ids.find(after.id);
    if (other != s_.entry_ids.end() && other->second != after.number) {
      throw StoreFailure("two blacklist entries have one id");
    }
    s_.Put(s_.entries, after.number, std::optional(WithoutTexts(after)));
  }

  void RemoveIdentities(const CustomerId& customer) {
    for (auto i = s_.identities.begin(); i != s_.identities.end();) {
      if (i->second != customer) {
        ++i;
        continue;
      }
      s_.undo.emplace_back([this, old = *i] { s_.identities.insert(old); });
      i = s_.identities.erase(i);
    }
  }

  void SaveIdentities(const IdentityChange& change) {
    RemoveIdentities(change.customer_id);
    for (const Hash128& hash : change.hashes) {
      const std::pair row(hash, change.customer_id);
      if (!s_.identities.insert(row).second) continue;
      s_.undo.emplace_back([this, row] { s_.identities.erase(row); });
    }
  }

  template <typename Map>
  void Remove(Map& map, const typename Map::key_type& key) {
    auto node = map.extract(key);
    if (node.empty()) return;
    s_.undo.emplace_back(
        [&map, key, value = std::move(node.mapped())] { map.emplace(key, value); });
  }

  void Erase(const CustomerId& customer) {
    const auto known = s_.events_of_person.find(customer);
    const std::vector<int64_t> sequences =
        known == s_.events_of_person.end() ? std::vector<int64_t>{} : known->second;
    for (const int64_t sequence : sequences) {
      Event& event = s_.events.at(sequence).event;
      ForEachText(event, [&](Text& text) { Remove(s_.texts, text.id); });
      s_.undo.emplace_back([this, sequence, old = event] { s_.events.at(sequence).event = old; });
      ForgetPersonal(event);
      for (State::Outgoing& row : s_.outbox) {
        if (row.sequence != sequence || row.cancelled) continue;
        row.cancelled = true;
        s_.undo.emplace_back([this, sequence] {
          for (State::Outgoing& each : s_.outbox) {
            if (each.sequence == sequence) each.cancelled = false;
          }
        });
      }
    }
    // A receiver that refuses an event may repeat what is in it.
    const std::set<int64_t> theirs(sequences.begin(), sequences.end());
    for (auto& [id, delivery] : s_.deliveries.deliveries) {
      if (!theirs.contains(delivery.sequence) || delivery.last_answer.empty()) continue;
      s_.undo.emplace_back([this, id = id, old = delivery.last_answer] {
        s_.deliveries.deliveries.at(id).last_answer = old;
      });
      delivery.last_answer.clear();
    }
    const auto forget = [&](auto& rows, const auto& key) {
      auto row = rows.at(key);
      ForgetPersonal(row);
      s_.Put(rows, key, std::optional(std::move(row)));
    };
    forget(s_.customers, customer);
    for (const Response& r : this->ResponsesOf(customer)) forget(s_.responses, r.id);
    for (const Case& c : this->CasesOf(customer)) forget(s_.cases, c.number);
    for (const BlacklistEntry& e : this->EntriesOf(customer)) forget(s_.entries, e.number);
    std::vector<ExternalKey> keys;
    for (const auto& [key, owner] : s_.customer_keys) {
      if (owner == customer) keys.push_back(key);
    }
    for (const ExternalKey& key : keys) Remove(s_.customer_keys, key);
    RemoveIdentities(customer);
  }

  void SaveRequest(const RequestRecord& request) {
    int64_t day = DayNumber(request.at);
    if (!s_.requests.empty()) day = std::max(day, s_.requests.rbegin()->first - kRequestDays);
    if (!s_.requests.contains(day)) {
      s_.Add(s_.requests, day, {});
      while (s_.requests.begin()->first < s_.requests.rbegin()->first - kRequestDays) {
        auto oldest = s_.requests.extract(s_.requests.begin());
        s_.undo.emplace_back([this, key = oldest.key(), rows = std::move(oldest.mapped())] {
          s_.requests.emplace(key, rows);
        });
      }
    }
    if (!s_.Add(s_.requests[day], request.key, request)) {
      throw StoreFailure("one request is stored twice");
    }
  }

  Commitment32 Commit(const Text& text) {
    if (text.id.empty()) throw StoreFailure("a text in an event has no id");
    if (!text.value.empty()) {
      // Counted, not random: the simulator repeats a run bit by bit.
      State::StoredText stored{.value = text.value};
      const uint64_t salt = ++s_.salts;
      for (size_t i = 0; i < 8; ++i) stored.salt[i] = static_cast<uint8_t>(salt >> (8 * i));
      s_.Add(s_.texts, text.id, std::move(stored));
    }
    const auto found = s_.texts.find(text.id);
    if (found == s_.texts.end()) return {};
    return CommitText(found->second.salt, found->second.value);
  }

  void SaveEvent(Event& event) {
    if (const std::string whom(GivenTo(event.body)); !whom.empty()) {
      const auto known = s_.given.find(whom);
      const std::optional<Timestamp> before =
          known == s_.given.end() ? std::nullopt : std::optional(known->second);
      s_.undo.emplace_back([this, whom, before] {
        s_.given.erase(whom);
        if (before) s_.given.emplace(whom, *before);
      });
      s_.given[whom] = before ? std::max(*before, event.occurred_at) : event.occurred_at;
    }
    event.sequence = ++s_.last_sequence;
    RawEvent raw{.schema_version = kEventSchemaVersion};
    if (!s_.events.empty()) raw.prev_hash = s_.events.rbegin()->second.hash;
    raw.body = EncodeBody(event.body, [this](const Text& text) { return Commit(text); });
    raw.hash = ChainHash(raw.prev_hash, event, kEventSchemaVersion, raw.body);
    raw.event = WithoutTexts(event);
    s_.Add(s_.events, event.sequence, std::move(raw));
    if (!event.case_id.empty()) {
      s_.events_of[event.case_id].push_back(event.sequence);
      s_.undo.emplace_back([this, id = event.case_id] { s_.events_of[id].pop_back(); });
    }
    if (!event.customer_id.empty()) {
      s_.events_of_person[event.customer_id].push_back(event.sequence);
      s_.undo.emplace_back([this, id = event.customer_id] { s_.events_of_person[id].pop_back(); });
    }
    if (!event.entry_id.empty()) {
      s_.events_of_entry[event.entry_id].push_back(event.sequence);
      s_.undo.emplace_back([this, id = event.entry_id] { s_.events_of_entry[id].pop_back(); });
    }
    if (!OutboxKind(event.body).empty()) {
      s_.outbox.push_back({event.sequence, event.case_id, false});
      s_.undo.emplace_back([this] { s_.outbox.pop_back(); });
    }
  }
};

MemoryStore::MemoryStore(FaultHook fault) : state_(std::make_unique<State>()) {
  state_->fault = std::move(fault);
}
MemoryStore::~MemoryStore() = default;

void MemoryStore::Execute(size_t count, const std::function<bool(size_t, Transaction&)>& run) {
  std::unique_lock lock(state_->mutex);
  if (state_->poisoned) throw StoreFailure("the store failed before and takes no more writes");
  Writer writer(*state_);
  try {
    if (state_->fault) state_->fault("begin");
    for (size_t i = 0; i < count; ++i) {
      const size_t mark = state_->undo.size();
      if (!run(i, writer)) state_->UndoTo(mark);
    }
    if (state_->fault) state_->fault("commit");
  } catch (const StoreFailure&) {
    state_->poisoned = true;
    state_->UndoTo(0);
    throw;
  } catch (...) {
    state_->UndoTo(0);
    throw;
  }
  state_->undo.clear();
  if (state_->fault) state_->fault("committed");
}

void MemoryStore::Read(const std::function<void(Reader&)>& read) {
  std::shared_lock lock(state_->mutex);
  Reads<Reader> reader(*state_);
  read(reader);
}

bool MemoryStore::Scrub(Timestamp now) {
  std::unique_lock lock(state_->mutex);
  std::erase_if(state_->suppressions,
                [&](const auto& kept) { return kept.second.expires_at <= now; });
  return true;
}

void MemoryStore::AppendAudit(std::vector<AuditEntry> entries) {
  std::unique_lock lock(state_->mutex);
  for (AuditEntry& entry : entries) {
    Chain(entry, state_->audit_head);
    state_->audit.push_back(entry);
  }
}

std::optional<Store::Principal> MemoryStore::FindPrincipal(
    const std::array<uint8_t, 32>& token_hash) {
  std::shared_lock lock(state_->mutex);
  const auto name = state_->tokens.find(token_hash);
  if (name == state_->tokens.end()) return std::nullopt;
  return state_->principals.at(name->second);
}

void MemoryStore::PutPrincipal(const Principal& principal,
                               const std::optional<std::array<uint8_t, 32>>& token_hash) {
  std::unique_lock lock(state_->mutex);
  state_->principals[principal.name] = principal;
  if (token_hash) state_->tokens.emplace(*token_hash, principal.name);
}

void MemoryStore::ReadAccess(const std::function<void(AccessRecords&)>& read) {
  std::shared_lock lock(state_->mutex);
  AccessTables copy = state_->access;
  MemoryAccess records(copy, state_->principals);
  read(records);
}

void MemoryStore::WriteAccess(const std::function<bool(AccessRecords&)>& write) {
  std::unique_lock lock(state_->mutex);
  if (state_->poisoned) throw StoreFailure("the store failed before and takes no more writes");
  AccessTables copy = state_->access;
  MemoryAccess records(copy, state_->principals);
  if (!write(records)) return;
  state_->access = std::move(copy);
  for (AuditEntry& entry : records.audit) {
    Chain(entry, state_->audit_head);
    state_->audit.push_back(std::move(entry));
  }
}

void MemoryStore::ReadDeliveries(const std::function<void(DeliveryRecords&)>& read) {
  std::shared_lock lock(state_->mutex);
  MemoryDeliveries records(state_->deliveries, state_->access.requests, false);
  read(records);
}

void MemoryStore::WriteDeliveries(const std::function<bool(DeliveryRecords&)>& write) {
  std::unique_lock lock(state_->mutex);
  if (state_->poisoned) throw StoreFailure("the store failed before and takes no more writes");
  MemoryDeliveries records(state_->deliveries, state_->access.requests, true);
  try {
    if (!write(records)) return records.Undo();
  } catch (...) {
    records.Undo();
    throw;
  }
  for (AuditEntry& entry : records.audit) {
    Chain(entry, state_->audit_head);
    state_->audit.push_back(std::move(entry));
  }
}

void MemoryStore::PutSubscriptions(const std::vector<RowChange<Subscription>>& changes,
                                   std::vector<AuditEntry> entries) {
  std::unique_lock lock(state_->mutex);
  for (const auto& [before, after] : changes) {
    const Subscription& of = after ? *after : *before;
    if (after) {
      state_->subscriptions[{of.owner, of.name}] = *after;
    } else {
      state_->subscriptions.erase({of.owner, of.name});
    }
  }
  for (AuditEntry& entry : entries) {
    Chain(entry, state_->audit_head);
    state_->audit.push_back(std::move(entry));
  }
}

// The simulator repeats itself: nothing here may come of chance.
std::array<uint8_t, 32> MemoryStore::Secret(std::string_view name) {
  std::unique_lock lock(state_->mutex);
  auto [secret, made] = state_->secrets.try_emplace(std::string(name));
  if (made) {
    for (size_t i = 0; i < name.size(); ++i) {
      secret->second[i % secret->second.size()] += static_cast<uint8_t>(name[i] + i);
    }
  }
  return secret->second;
}

void MemoryStore::ScanOutbox(int64_t after,
                             const std::function<void(int64_t, const CaseId&)>& visit) {
  std::shared_lock lock(state_->mutex);
  const auto first =
      std::partition_point(state_->outbox.begin(), state_->outbox.end(),
                           [after](const State::Outgoing& row) { return row.sequence <= after; });
  for (auto row = first; row != state_->outbox.end(); ++row) {
    if (!row->cancelled) visit(row->sequence, row->case_id);
  }
}

void MemoryStore::EraseText(const TextId& id) {
  std::unique_lock lock(state_->mutex);
  state_->texts.erase(id);
}

}  // namespace rebound
