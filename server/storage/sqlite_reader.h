// Reader over one SQLite connection, for read transactions and for the writer alike. Internal to
// the SQLite store. As thread-safe as its connection: not.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/storage/seal.h"
#include "server/storage/sqlite_connection.h"
#include "server/storage/store.h"

namespace rebound {

// The columns of a rollup row that count, and their place in Counts.
struct CountColumn {
  const char* name;
  int64_t& (*of)(Counts&);
};
std::span<const CountColumn> CountColumns();

// Base is Reader or Transaction. Defined and instantiated for both in sqlite_reader.cc.
template <typename Base>
class SqliteReads : public Base {
 public:
  // The connection is in a transaction and outlives this.
  explicit SqliteReads(Connection& connection)
      : connection_(connection),
        find_key_([this](const CustomerId& customer) { return KeyOf(customer); }) {}
  SqliteReads(const SqliteReads&) = delete;
  SqliteReads& operator=(const SqliteReads&) = delete;

  std::optional<Customer> GetCustomer(const CustomerId& id) override;
  std::optional<Customer> FindCustomer(const ExternalKey& key) override;
  std::optional<Response> GetResponse(const ResponseId& id) override;
  std::optional<Response> FindResponse(const ExternalKey& key) override;
  std::optional<Case> GetCase(const CaseId& id) override;
  std::optional<Case> GetCaseByNumber(int64_t number) override;
  std::optional<Case> FindCase(const ExternalKey& key) override;
  std::optional<Case> FindCaseByInvitation(const InvitationId& id) override;
  std::vector<Case> CasesOf(const CustomerId& customer, std::string_view program_id) override;
  std::vector<Case> CasesOf(const CustomerId& customer) override;
  std::vector<Response> ResponsesOf(const CustomerId& customer,
                                    std::string_view program_id) override;
  std::vector<Response> ResponsesOf(const CustomerId& customer) override;
  std::vector<CustomerId> AliasesOf(const CustomerId& customer) override;
  std::vector<CustomerId> CustomersBy(const Hash128& identity) override;
  std::vector<CustomerId> ErasedCustomers(bool unfinished_only) override;
  std::vector<Suppression> SuppressionsOf(const std::vector<Hash256>& hashes,
                                          Timestamp now) override;
  void ScanSuppressions(const std::function<void(const StoredSuppression&)>& visit) override;
  std::optional<BlacklistEntry> GetEntry(const BlacklistEntryId& id) override;
  std::optional<BlacklistEntry> GetEntryByNumber(int64_t number) override;
  std::vector<BlacklistEntry> EntriesOf(const CustomerId& customer) override;
  OpenEntries OpenEntriesOf(const CustomerId& customer) override;
  std::optional<Case> BestToClaim(std::string_view queue_id, const Scope& scope, Timestamp now,
                                  const std::function<bool(std::string_view)>& from,
                                  const std::function<bool(const Case&)>& may) override;
  StaffLoad LoadOf(std::string_view principal) override;
  void ScanGiven(const std::function<void(const std::string&, Timestamp)>& visit) override;
  std::vector<Case> ListCases(const CaseQuery& query) override;
  std::vector<Response> ListResponses(const ListQuery& query) override;
  std::vector<Customer> ListCustomers(const ListQuery& query) override;
  std::vector<BlacklistEntry> ListEntries(const EntryQuery& query) override;
  std::vector<Event> CaseEvents(const CaseId& id, int64_t after, int32_t limit) override;
  std::vector<Event> EntryEvents(const BlacklistEntryId& id, int64_t after, int32_t limit) override;
  std::vector<Event> PersonEvents(const CustomerId& customer, int64_t after,
                                  int32_t limit) override;
  std::vector<Event> EventsAfter(int64_t after, int32_t limit) override;
  LogPage ReadLog(const LogQuery& query) override;
  std::optional<LogPosition> PositionAt(int64_t sequence) override;
  LogPosition PositionBefore(Timestamp recorded_at) override;
  std::vector<Subscription> SubscriptionsOf(std::string_view owner) override;
  std::vector<CaseId> CasesDue(Timestamp now, int32_t limit) override;
  std::vector<BlacklistEntryId> EntriesDue(Timestamp now, int32_t limit) override;
  std::optional<Timestamp> EarliestDue() override;
  int64_t CountDue(Timestamp now) override;
  void ScanResponses(std::string_view program_id, const Scope& scope,
                     const std::function<void(const Response&)>& visit) override;
  void ScanCases(std::string_view program_id, const Scope& scope,
                 const std::function<void(const Case&)>& visit) override;
  void ScanCustomers(const std::function<void(const Customer&)>& visit) override;
  void ScanEntries(const std::function<void(const BlacklistEntry&)>& visit) override;
  void ScanEvents(int64_t after, const std::function<void(const RawEvent&)>& visit) override;
  void ScanRollups(const std::function<void(const RollupKey&, const Counts&)>& visit) override;
  void ScanTimers(const std::function<void(const CaseId&, const Timer&)>& visit) override;
  void ScanAnswers(
      std::string_view program_id, const Scope& scope,
      const std::function<void(const CustomerId&, Timestamp, Category)>& visit) override;
  std::optional<Timestamp> LastAnswerAt(std::string_view program_id) override;
  std::string GetText(const TextId& id) override;
  std::optional<RequestRecord> FindRequest(const Hash128& key) override;
  int64_t LastSequence() override;
  TableSizes Sizes() override;
  std::optional<StoredRevision> FindRevision(int64_t number) override;
  std::vector<StoredRevision> ListRevisions(int64_t below, int32_t limit) override;
  ServerState GetServerState() override;
  AuditHead GetAuditHead() override;
  std::vector<AuditEntry> ListAudit(const AuditQuery& query) override;
  void ScanAudit(int64_t after, const std::function<bool(const AuditEntry&)>& visit) override;
  void ScanDefects(const std::function<void(std::string)>& visit) override;

 protected:
  // Fills in what stands in the rows of the event's case, answer or customer.
  void FillLogged(LoggedEvent& logged);
  std::optional<PersonKey> KeyOf(const CustomerId& customer);

  Connection& connection_;
  const FindPersonKey find_key_;
};

}  // namespace rebound
