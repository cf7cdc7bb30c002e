// The storage contract. SQLite, the simulator's memory store and PostgreSQL keep every "must" of
// this page; tests/server/storage/conformance_test.cc has a test for each.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/storage/audit.h"
#include "workflows/contribution.h"
#include "workflows/event.h"
#include "workflows/ids.h"
#include "workflows/organization.h"
#include "workflows/predicate.h"

namespace rebound {

// The database or the disk failed. Whether the batch was kept is not known; after one from Execute
// the store refuses all further work, because a retried fsync proves nothing.
class StoreFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What an identity may see. A row is visible when its org unit lies in one of `org_units` (itself
// or below, by path) and its queue is one of `queues`; an empty list does not restrict. Rows
// without an org unit or queue are visible to unrestricted identities only.
struct Scope {
  std::vector<std::string> org_units{};
  std::vector<std::string> queues{};

  bool unrestricted() const { return org_units.empty() && queues.empty(); }
  bool Covers(std::string_view org_unit, std::string_view queue) const;
  // For records that have no queue (customers): the org units alone decide.
  bool CoversOrgUnit(std::string_view org_unit) const;
  friend bool operator==(const Scope&, const Scope&) = default;
};

// A task of another department lets its people see the case while it is theirs to do: the active
// step is of a queue in the scope, and the case of an org unit in it.
bool CoversStep(const Scope& scope, const Case& c);
// Does the filter ask for steps of one queue in the scope alone? Then it finds what CoversStep
// does, whichever queue the cases are in.
bool AsksOwnSteps(const Scope& scope, const Predicate& filter);

using Hash128 = std::array<uint8_t, 16>;
using Hash256 = std::array<uint8_t, 32>;

// A request is kept for so many whole UTC days after the day it was made on.
inline constexpr int64_t kRequestDays = 7;

// A finished mutation, kept under (principal, method, request id).
struct RequestRecord {
  Hash128 key{};     // hash of principal, method and request id
  Hash128 body{};    // hash of the request without its request id
  RawId resource{};  // what the reply is read from again; empty: the batch or stream itself
  Timestamp at{};
};

// One rollup row: sums over one program, UTC day of the cohort and org unit.
struct RollupKey {
  std::string program_id{};
  int64_t day = 0;  // DayNumber of occurred_at (answers) or opened_at (cases)
  std::string org_unit_id{};
  friend auto operator<=>(const RollupKey&, const RollupKey&) = default;
};

// Where the Contribution of a response or of a case is added up.
inline RollupKey RollupKeyOf(const Response& r) {
  return {r.program_id, DayNumber(r.occurred_at), r.org_unit_id};
}
inline RollupKey RollupKeyOf(const Case& c) {
  return {c.program_id, DayNumber(c.opened_at), c.details.org_unit_id};
}

// A configuration revision as stored. Text is canonical.
struct StoredRevision {
  int64_t number = 0;
  std::string hash{};
  std::string text{};
  std::string source{};      // folder, api
  std::string applied_by{};  // principal, or "system"
  Timestamp applied_at{};
  friend bool operator==(const StoredRevision&, const StoredRevision&) = default;
};

// What the server remembers of itself, one row.
struct ServerState {
  Timestamp clock_seen_at{};  // the last time that was believed, for telling jumps over a restart
  std::optional<Timestamp> held_since{};  // timers wait until the time is confirmed
  std::string zone_data{};                // version of the time zone data clocks were computed by
  int64_t rules_tried = 0;  // blacklist rules have been tried for every event up to this sequence
  friend bool operator==(const ServerState&, const ServerState&) = default;
};

// What a customer may be recognised by (identities.h), all of it: in place of what there was.
struct IdentityChange {
  CustomerId customer_id{};
  std::vector<Hash128> hashes{};
};

// A Suppression under the keyed hash of one thing that an erased person was known by.
struct StoredSuppression {
  Hash256 hash{};
  Suppression what{};
  friend bool operator==(const StoredSuppression&, const StoredSuppression&) = default;
};

template <typename T>
struct RowChange {
  std::optional<T> before{};  // as loaded; absent: new
  std::optional<T> after{};   // absent: removed (a voided history case)
};

// Everything that one command stores. Made by execute from Decide and Apply.
struct Change {
  Events events{};  // Save gives each its sequence
  std::vector<RowChange<Customer>> customers{};
  std::vector<RowChange<Response>> responses{};
  std::vector<RowChange<Case>> cases{};
  std::vector<RowChange<BlacklistEntry>> entries{};     // never removed
  std::vector<std::pair<RollupKey, Counts>> rollups{};  // to be added
  std::optional<RequestRecord> request{};
  std::optional<StoredRevision> revision{};   // a new one
  std::optional<ServerState> server_state{};  // in place of the one there is
  std::vector<IdentityChange> identities{};
  // Records whose CustomerErased is among the events: every text that an event of theirs names is
  // deleted; every personal value (fields.h) in their rows and events reads as empty from now on,
  // and nothing is found by one; their keys, identities and what is to be sent to them go.
  std::vector<CustomerId> erased{};
  std::vector<StoredSuppression> suppressions{};  // to be added
  std::vector<AuditEntry> audit{};                // to be appended: Save chains each
};

enum class CaseOrder { kNextDue, kOpened, kOpenedDescending };

struct CaseQuery {
  Predicate filter{};
  Scope scope{};
  CaseOrder order = CaseOrder::kNextDue;
  // Where the page before ended: sort key (ms; cases without a due time sort last as INT64_MAX) and
  // case number. Rows strictly after it, in the order, follow.
  std::optional<std::pair<int64_t, int64_t>> after{};
  int32_t limit = 50;
};

struct ListQuery {  // responses and customers, newest id first
  Predicate filter{};
  Scope scope{};
  std::optional<RawId> before{};  // rows strictly older than this id
  int32_t limit = 50;
};

struct EntryQuery {  // blacklist entries, newest id first
  // Both the entry's org unit and that of its customer must be in it (CoversOrgUnit): whoever does
  // not see the customer sees nothing of them.
  Scope scope{};
  std::vector<CustomerId> customers{};       // of any of these records; empty: everybody's
  std::vector<BlacklistState> states{};      // empty: in any
  std::vector<BlacklistKind> kinds{};        // empty: of any
  std::optional<BlacklistEntryId> before{};  // rows strictly older than this id
  int32_t limit = 50;
};

struct OpenEntries {                      // all that can restrict anything, of one record
  std::vector<BlacklistEntry> entries{};  // Brief; ordered by number
  std::vector<CustomerId> aliases{};      // whose entries count, too; ordered by id
};

struct RawEvent {  // an event as it lies on disk
  Event event{};
  int64_t schema_version = 0;
  std::array<uint8_t, 32> prev_hash{};
  std::array<uint8_t, 32> hash{};
  std::string body{};       // the bytes that `hash` covers
  bool texts_match = true;  // every text that is still there equals its commitment
};

// A place in the log of events: just after the event of this sequence. `mark`, half of its hash,
// tells it from one of the same sequence in a copy that went its own way. Sequence 0: before all.
struct LogPosition {
  int64_t sequence = 0;
  Hash128 mark{};
  friend bool operator==(const LogPosition&, const LogPosition&) = default;
};

// An event as those get it who follow the log.
struct LoggedEvent {
  Event event{};
  std::string type{};  // TypeName(event.body)
  Hash128 mark{};      // of the position after it
  // Of its case, also of one that is no longer there, else of its answer; "", 0: of none.
  std::string program_id{};
  int64_t case_number = 0;
  std::string customer_unit{};  // of an entry's event: the org unit of the customer, as it now is
};

struct LogQuery {
  int64_t after = 0;                                // events of a higher sequence
  CaseId case_id{};                                 // of this case alone; empty: of everything
  std::function<bool(const LoggedEvent&)> wants{};  // asked before the body is read; null: all
  int32_t most = 1000;                              // events to give
  int32_t look_at = 1000;                           // events that `wants` is asked about
};

struct LogPage {
  std::vector<LoggedEvent> events{};  // without text values
  // How far it has looked. As it was asked for, without a mark, where there was nothing to see.
  LogPosition last{};
  bool end = false;  // there is nothing after `last`; of one case, `last` is the end of the log
};

// A place in the log that a principal keeps under a name.
struct Subscription {
  std::string owner{};
  std::string name{};
  LogPosition position{};
  Timestamp created_at{};
  std::optional<Timestamp> committed_at{};
  Hash128 request{};  // that made it: RequestKey, and the hash of its body
  Hash128 request_body{};
  friend bool operator==(const Subscription&, const Subscription&) = default;
};

struct TableSizes {
  int64_t responses = 0, cases = 0, customers = 0, events = 0, entries = 0;
};

// A consistent view: everything committed when it began, nothing later. Not thread-safe. Rows come
// without text values; see Hydrate in codec.h. Every method may throw StoreFailure.
class Reader {
 public:
  virtual ~Reader() = default;

  virtual std::optional<Customer> GetCustomer(const CustomerId& id) = 0;
  // By key, as stored under it: must not follow aliases.
  virtual std::optional<Customer> FindCustomer(const ExternalKey& key) = 0;
  virtual std::optional<Response> GetResponse(const ResponseId& id) = 0;
  virtual std::optional<Response> FindResponse(const ExternalKey& key) = 0;
  virtual std::optional<Case> GetCase(const CaseId& id) = 0;
  virtual std::optional<Case> GetCaseByNumber(int64_t number) = 0;
  // That bears this key; of several, which hand-opened cases may be, the one opened first.
  virtual std::optional<Case> FindCase(const ExternalKey& key) = 0;
  // The case that asked with this invitation.
  virtual std::optional<Case> FindCaseByInvitation(const InvitationId& id) = 0;

  // Must be ordered by opened_at, then number.
  virtual std::vector<Case> CasesOf(const CustomerId& customer, std::string_view program_id) = 0;
  // Every program. Ordered likewise.
  virtual std::vector<Case> CasesOf(const CustomerId& customer) = 0;
  // Must be ordered by occurred_at, then id.
  virtual std::vector<Response> ResponsesOf(const CustomerId& customer,
                                            std::string_view program_id) = 0;
  virtual std::vector<Response> ResponsesOf(const CustomerId& customer) = 0;
  // Customers whose alias_of is `customer`.
  virtual std::vector<CustomerId> AliasesOf(const CustomerId& customer) = 0;

  // Customers who are recognised by it, by id.
  virtual std::vector<CustomerId> CustomersBy(const Hash128& identity) = 0;
  // Customers who are erased: those whose bytes may still lie in a file (erased_at without
  // scrubbed_at), or all. By id.
  virtual std::vector<CustomerId> ErasedCustomers(bool unfinished_only) = 0;
  // Those that have not expired at `now`, each once.
  virtual std::vector<Suppression> SuppressionsOf(const std::vector<Hash256>& hashes,
                                                  Timestamp now) = 0;
  // Every one, expired or not, by hash.
  virtual void ScanSuppressions(const std::function<void(const StoredSuppression&)>& visit) = 0;

  virtual std::optional<BlacklistEntry> GetEntry(const BlacklistEntryId& id) = 0;
  virtual std::optional<BlacklistEntry> GetEntryByNumber(int64_t number) = 0;
  // Whatever became of them. Must be ordered by number. Of this record alone, not of its aliases.
  virtual std::vector<BlacklistEntry> EntriesOf(const CustomerId& customer) = 0;
  // Those of them whose state is not final, of each what restricts (Brief), and AliasesOf(customer)
  // beside them. It is asked before anything is done with or for a customer: one look into a table
  // of its own and one into an index, however many have ended.
  virtual OpenEntries OpenEntriesOf(const CustomerId& customer) = 0;

  // The case to work on next: IsClaimable, of a queue that `from` accepts, one that `may` accepts,
  // first by ClaimOrder at `now`. Empty queue: every queue in scope. `from` is asked once for each
  // queue, "" for the cases without one; `may` in that order, queue by queue, and only until it
  // accepts.
  virtual std::optional<Case> BestToClaim(std::string_view queue_id, const Scope& scope,
                                          Timestamp now,
                                          const std::function<bool(std::string_view)>& from,
                                          const std::function<bool(const Case&)>& may) = 0;
  // What the principal has: cases that need work, and when they were last given one (GivenTo).
  virtual StaffLoad LoadOf(std::string_view principal) = 0;
  // When everybody was last given a case.
  virtual void ScanGiven(const std::function<void(const std::string&, Timestamp)>& visit) = 0;

  // Must apply filter and scope exactly as Evaluate(ReadField) and Scope::Covers do.
  virtual std::vector<Case> ListCases(const CaseQuery& query) = 0;
  virtual std::vector<Response> ListResponses(const ListQuery& query) = 0;
  virtual std::vector<Customer> ListCustomers(const ListQuery& query) = 0;
  virtual std::vector<BlacklistEntry> ListEntries(const EntryQuery& query) = 0;

  // Oldest first, sequence > after.
  virtual std::vector<Event> CaseEvents(const CaseId& id, int64_t after, int32_t limit) = 0;
  virtual std::vector<Event> EntryEvents(const BlacklistEntryId& id, int64_t after,
                                         int32_t limit) = 0;
  // That name that customer record, whatever their subject.
  virtual std::vector<Event> PersonEvents(const CustomerId& customer, int64_t after,
                                          int32_t limit) = 0;
  // Of every subject.
  virtual std::vector<Event> EventsAfter(int64_t after, int32_t limit) = 0;
  // A stretch of the log, in order.
  virtual LogPage ReadLog(const LogQuery& query) = 0;
  // After the event with exactly this sequence; nullopt: there is none. Of 0: before all.
  virtual std::optional<LogPosition> PositionAt(int64_t sequence) = 0;
  // After the last event that was recorded before the time.
  virtual LogPosition PositionBefore(Timestamp recorded_at) = 0;
  // The principal's, by name.
  virtual std::vector<Subscription> SubscriptionsOf(std::string_view owner) = 0;
  // Cases with a pending timer due at or before `now`, earliest first.
  virtual std::vector<CaseId> CasesDue(Timestamp now, int32_t limit) = 0;
  // Blacklist entries whose NextDue is at or before `now`, earliest first, then by number.
  virtual std::vector<BlacklistEntryId> EntriesDue(Timestamp now, int32_t limit) = 0;
  // Of cases and entries.
  virtual std::optional<Timestamp> EarliestDue() = 0;
  // How many such cases and entries there are.
  virtual int64_t CountDue(Timestamp now) = 0;

  // Full scans, each row once, in id order; empty program: every program.
  virtual void ScanResponses(std::string_view program_id, const Scope& scope,
                             const std::function<void(const Response&)>& visit) = 0;
  virtual void ScanCases(std::string_view program_id, const Scope& scope,
                         const std::function<void(const Case&)>& visit) = 0;
  virtual void ScanCustomers(const std::function<void(const Customer&)>& visit) = 0;
  virtual void ScanEntries(const std::function<void(const BlacklistEntry&)>& visit) = 0;
  virtual void ScanEvents(int64_t after, const std::function<void(const RawEvent&)>& visit) = 0;
  virtual void ScanRollups(const std::function<void(const RollupKey&, const Counts&)>& visit) = 0;
  // Every row of the timers table.
  virtual void ScanTimers(const std::function<void(const CaseId&, const Timer&)>& visit) = 0;
  // Answers of known customers in the program, ordered by customer, then occurred_at, then id.
  virtual void ScanAnswers(
      std::string_view program_id, const Scope& scope,
      const std::function<void(const CustomerId&, Timestamp, Category)>& visit) = 0;
  virtual std::optional<Timestamp> LastAnswerAt(std::string_view program_id) = 0;

  // Empty string when there is none, or it was erased.
  virtual std::string GetText(const TextId& id) = 0;

  virtual std::optional<RequestRecord> FindRequest(const Hash128& key) = 0;
  // Of the last event; 0 when there is none.
  virtual int64_t LastSequence() = 0;
  virtual TableSizes Sizes() = 0;

  // The revision of this number; 0: the last one.
  virtual std::optional<StoredRevision> FindRevision(int64_t number) = 0;
  // Newest first, numbers below `below` (0: all); without their texts.
  virtual std::vector<StoredRevision> ListRevisions(int64_t below, int32_t limit) = 0;
  virtual ServerState GetServerState() = 0;

  virtual AuditHead GetAuditHead() = 0;
  virtual std::vector<AuditEntry> ListAudit(const AuditQuery& query) = 0;
  // As they lie on disk, oldest first, sequence > after (0: all that there are, also what cannot
  // be); until `visit` says false.
  virtual void ScanAudit(int64_t after, const std::function<bool(const AuditEntry&)>& visit) = 0;

  // For verify: what the store finds wrong in itself, one line each, such as a key or filter column
  // that differs from its row.
  virtual void ScanDefects(const std::function<void(std::string)>& visit) = 0;
};

// One command's part of a batch: reads see what the commands before it saved.
class Transaction : public Reader {
 public:
  // The number that the next opened case must bear; taken by the Save that stores it.
  virtual int64_t NextCaseNumber() = 0;
  // The same for the next blacklist entry. The second entry of one change bears the number after
  // it, and so on.
  virtual int64_t NextEntryNumber() = 0;
  // Stores the change: rows, texts, timers, outbox rows of events with an OutboxKind, rollups, the
  // request, audit
  // entries, and last the events and the counter. Must refuse, by throwing StoreFailure, a second
  // case in one dedupe slot, a version that does not follow `before`, and a revision whose number
  // is not above all there are.
  virtual void Save(Change& change) = 0;
};

class AccessRecords;    // access_records.h
class DeliveryRecords;  // delivery_records.h

// Thread-safety: Read from any thread, Execute from one thread at a time.
class Store {
 public:
  virtual ~Store() = default;

  // Runs run(i, transaction) for i = 0..count-1 in order in one durable transaction, and returns
  // once it is on disk. When run returns false, what that i saved is undone and its neighbours
  // stay. Must throw StoreFailure, and keep nothing, when any of it could not be made durable; from
  // then on every Execute throws.
  virtual void Execute(size_t count, const std::function<bool(size_t, Transaction&)>& run) = 0;

  virtual void Read(const std::function<void(Reader&)>& read) = 0;

  // Deletes suppressions that have expired at `now`, then makes good what deleting alone does not:
  // bytes deleted before the call are in no file of the store afterwards, not in a log or a free
  // page. False: a reader still needs some of them; ask again. Not from within Execute; waits for
  // it. Throws StoreFailure.
  virtual bool Scrub(Timestamp now) = 0;

  // Appends entries in a transaction of their own, each at the time it says or later: for what is
  // done at the machine, also beside a running server. Not from within Execute. Throws
  // StoreFailure.
  virtual void AppendAudit(std::vector<AuditEntry> entries) = 0;

  virtual std::string_view Name() const = 0;  // "sqlite", "memory"
  virtual int32_t SchemaVersion() const = 0;

  // Identity: principals and their hashed tokens.
  struct Principal {
    std::string name{};
    std::string role{};
    Scope scope{};
    bool disabled = false;
  };
  // By SHA-256 of the token.
  virtual std::optional<Principal> FindPrincipal(const std::array<uint8_t, 32>& token_hash) = 0;
  // Creates or changes the principal and, when a hash is given, adds a token.
  virtual void PutPrincipal(const Principal& principal,
                            const std::optional<std::array<uint8_t, 32>>& token_hash) = 0;
  // Users, sessions, API keys and links. One snapshot; from any thread, as Read.
  virtual void ReadAccess(const std::function<void(AccessRecords&)>& read) = 0;
  // One durable transaction, apart from every other write; undone when `write` returns false or
  // throws. From any thread; not from within Execute or Read. Waits for the disk.
  virtual void WriteAccess(const std::function<bool(AccessRecords&)>& write) = 0;
  // Endpoints and deliveries; the same rules. Read may be called from within WriteDeliveries, and
  // sees what was there before it; a store in memory would wait for itself.
  virtual void ReadDeliveries(const std::function<void(DeliveryRecords&)>& read) = 0;
  virtual void WriteDeliveries(const std::function<bool(DeliveryRecords&)>& write) = 0;

  // Stores all of them at once, each in place of the one of its owner and name; without an `after`
  // that one is removed; and the audit entries of them, after those that are there, in the same
  // transaction. Must be on disk once it returns. Not from within Execute.
  virtual void PutSubscriptions(const std::vector<RowChange<Subscription>>& changes,
                                std::vector<AuditEntry> entries) = 0;

  // Of this name: random, made at the first call, and the same ever after, in every copy of the
  // store. Not from within Execute.
  virtual std::array<uint8_t, 32> Secret(std::string_view name) = 0;
};

}  // namespace rebound
