#include "tests/simulation/server.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "workflows/decide.h"

namespace rebound::simulation {
namespace {

// Rows anew, as the events that are left make them.
void Refold(Change& change) {
  for (RowChange<Case>& row : change.cases) {
    const CaseId id = row.after->id;
    Case c = row.before.value_or(Case{});
    for (const Event& event : change.events) {
      if (event.case_id == id) c = Apply(std::move(c), event);
    }
    row.after = std::move(c);
  }
  std::erase_if(change.cases, [](const RowChange<Case>& row) {
    return row.before && row.after->version == row.before->version;
  });
  for (RowChange<BlacklistEntry>& row : change.entries) {
    const BlacklistEntryId id = row.after->id;
    BlacklistEntry entry = row.before.value_or(BlacklistEntry{});
    for (const Event& event : change.events) {
      if (event.entry_id == id) entry = Apply(std::move(entry), event);
    }
    row.after = std::move(entry);
  }
}

Timestamp LastRecorded(Store& store) {
  Timestamp recorded{};
  store.Read([&](Reader& reader) {
    reader.ScanEvents(std::max<int64_t>(reader.LastSequence() - 1, 0),
                      [&](const RawEvent& raw) { recorded = raw.event.recorded_at; });
  });
  return recorded;
}

bool Fires(const Request& request) {
  const auto* work = std::get_if<WorkCase>(&request.work.commands.front());
  return work != nullptr && std::holds_alternative<FireTimers>(work->verb);
}

}  // namespace

// The store's transaction, with a place to crash at each read and to tamper with each change.
class Server::Intercepted final : public Transaction {
 public:
  Intercepted(Server& server, Transaction& under) : server_(server), under_(under) {}

  std::optional<Customer> GetCustomer(const CustomerId& id) override {
    return Under().GetCustomer(id);
  }
  std::optional<Customer> FindCustomer(const ExternalKey& key) override {
    return Under().FindCustomer(key);
  }
  std::optional<Response> GetResponse(const ResponseId& id) override {
    return Under().GetResponse(id);
  }
  std::optional<Response> FindResponse(const ExternalKey& key) override {
    return Under().FindResponse(key);
  }
  std::optional<Case> GetCase(const CaseId& id) override { return Under().GetCase(id); }
  std::optional<Case> GetCaseByNumber(int64_t number) override {
    return Under().GetCaseByNumber(number);
  }
  std::optional<Case> FindCase(const ExternalKey& key) override { return Under().FindCase(key); }
  std::optional<Case> FindCaseByInvitation(const InvitationId& id) override {
    return Under().FindCaseByInvitation(id);
  }
  std::vector<Case> CasesOf(const CustomerId& id, std::string_view program) override {
    return Under().CasesOf(id, program);
  }
  std::vector<Case> CasesOf(const CustomerId& id) override { return Under().CasesOf(id); }
  std::vector<Response> ResponsesOf(const CustomerId& id, std::string_view program) override {
    return Under().ResponsesOf(id, program);
  }
  std::vector<Response> ResponsesOf(const CustomerId& id) override {
    return Under().ResponsesOf(id);
  }
  std::vector<CustomerId> AliasesOf(const CustomerId& id) override { return Under().AliasesOf(id); }
  std::optional<BlacklistEntry> GetEntry(const BlacklistEntryId& id) override {
    return Under().GetEntry(id);
  }
  std::optional<BlacklistEntry> GetEntryByNumber(int64_t number) override {
    return Under().GetEntryByNumber(number);
  }
  std::vector<BlacklistEntry> EntriesOf(const CustomerId& id) override {
    return Under().EntriesOf(id);
  }
  OpenEntries OpenEntriesOf(const CustomerId& id) override { return server_.Misread(Under(), id); }
  std::optional<Case> BestToClaim(std::string_view queue, const Scope& scope, Timestamp now,
                                  const std::function<bool(std::string_view)>& from,
                                  const std::function<bool(const Case&)>& may) override {
    return Under().BestToClaim(queue, scope, now, from, may);
  }
  StaffLoad LoadOf(std::string_view principal) override { return Under().LoadOf(principal); }
  void ScanGiven(const std::function<void(const std::string&, Timestamp)>& visit) override {
    Under().ScanGiven(visit);
  }
  std::vector<Case> ListCases(const CaseQuery& query) override { return Under().ListCases(query); }
  std::vector<Response> ListResponses(const ListQuery& query) override {
    return Under().ListResponses(query);
  }
  std::vector<Customer> ListCustomers(const ListQuery& query) override {
    return Under().ListCustomers(query);
  }
  std::vector<Event> CaseEvents(const CaseId& id, int64_t after, int32_t limit) override {
    return Under().CaseEvents(id, after, limit);
  }
  std::vector<BlacklistEntry> ListEntries(const EntryQuery& query) override {
    return Under().ListEntries(query);
  }
  std::vector<Event> EntryEvents(const BlacklistEntryId& id, int64_t after,
                                 int32_t limit) override {
    return Under().EntryEvents(id, after, limit);
  }
  std::vector<Event> PersonEvents(const CustomerId& id, int64_t after, int32_t limit) override {
    return Under().PersonEvents(id, after, limit);
  }
  std::vector<CustomerId> CustomersBy(const Hash128& identity) override {
    return Under().CustomersBy(identity);
  }
  std::vector<CustomerId> ErasedCustomers(bool unfinished_only) override {
    return Under().ErasedCustomers(unfinished_only);
  }
  std::vector<Suppression> SuppressionsOf(const std::vector<Hash256>& hashes,
                                          Timestamp now) override {
    return Under().SuppressionsOf(hashes, now);
  }
  void ScanSuppressions(const std::function<void(const StoredSuppression&)>& visit) override {
    Under().ScanSuppressions(visit);
  }
  std::vector<Event> EventsAfter(int64_t after, int32_t limit) override {
    return Under().EventsAfter(after, limit);
  }
  std::vector<BlacklistEntryId> EntriesDue(Timestamp now, int32_t limit) override {
    return Under().EntriesDue(now, limit);
  }
  std::vector<CaseId> CasesDue(Timestamp now, int32_t limit) override {
    return Under().CasesDue(now, limit);
  }
  std::optional<Timestamp> EarliestDue() override { return Under().EarliestDue(); }
  int64_t CountDue(Timestamp now) override { return Under().CountDue(now); }
  void ScanResponses(std::string_view program, const Scope& scope,
                     const std::function<void(const Response&)>& visit) override {
    Under().ScanResponses(program, scope, visit);
  }
  void ScanCases(std::string_view program, const Scope& scope,
                 const std::function<void(const Case&)>& visit) override {
    Under().ScanCases(program, scope, visit);
  }
  void ScanCustomers(const std::function<void(const Customer&)>& visit) override {
    Under().ScanCustomers(visit);
  }
  void ScanEntries(const std::function<void(const BlacklistEntry&)>& visit) override {
    Under().ScanEntries(visit);
  }
  void ScanEvents(int64_t after, const std::function<void(const RawEvent&)>& visit) override {
    Under().ScanEvents(after, visit);
  }
  void ScanRollups(const std::function<void(const RollupKey&, const Counts&)>& visit) override {
    Under().ScanRollups(visit);
  }
  void ScanTimers(const std::function<void(const CaseId&, const Timer&)>& visit) override {
    Under().ScanTimers(visit);
  }
  void ScanAnswers(
      std::string_view program, const Scope& scope,
      const std::function<void(const CustomerId&, Timestamp, Category)>& visit) override {
    Under().ScanAnswers(program, scope, visit);
  }
  std::optional<Timestamp> LastAnswerAt(std::string_view program) override {
    return Under().LastAnswerAt(program);
  }
  std::string GetText(const TextId& id) override { return Under().GetText(id); }
  std::optional<RequestRecord> FindRequest(const Hash128& key) override {
    return Under().FindRequest(key);
  }
  int64_t LastSequence() override { return Under().LastSequence(); }
  TableSizes Sizes() override { return Under().Sizes(); }
  std::optional<StoredRevision> FindRevision(int64_t number) override {
    return Under().FindRevision(number);
  }
  std::vector<StoredRevision> ListRevisions(int64_t below, int32_t limit) override {
    return Under().ListRevisions(below, limit);
  }
  ServerState GetServerState() override { return Under().GetServerState(); }
  LogPage ReadLog(const LogQuery& query) override { return Under().ReadLog(query); }
  std::optional<LogPosition> PositionAt(int64_t sequence) override {
    return Under().PositionAt(sequence);
  }
  LogPosition PositionBefore(Timestamp recorded_at) override {
    return Under().PositionBefore(recorded_at);
  }
  std::vector<Subscription> SubscriptionsOf(std::string_view owner) override {
    return Under().SubscriptionsOf(owner);
  }
  AuditHead GetAuditHead() override { return Under().GetAuditHead(); }
  std::vector<AuditEntry> ListAudit(const AuditQuery& query) override {
    return Under().ListAudit(query);
  }
  void ScanAudit(int64_t after, const std::function<bool(const AuditEntry&)>& visit) override {
    Under().ScanAudit(after, visit);
  }
  void ScanDefects(const std::function<void(std::string)>& visit) override {
    Under().ScanDefects(visit);
  }
  int64_t NextCaseNumber() override { return Under().NextCaseNumber(); }
  int64_t NextEntryNumber() override { return Under().NextEntryNumber(); }
  void Save(Change& change) override {
    if (server_.Tamper(change)) Refold(change);
    under_.Save(change);
  }

 private:
  Transaction& Under() {
    server_.Reached(CrashPoint::kRead);
    return under_;
  }

  Server& server_;
  Transaction& under_;
};

Server::Server(Clock& clock, Random& random, Bug bug)
    : clock_(clock), random_(random), bug_(bug), store_([this](std::string_view point) {
        constexpr std::array<std::pair<std::string_view, CrashPoint>, 5> kPoints = {
            {{"begin", CrashPoint::kBegin},
             {"save", CrashPoint::kSave},
             {"saved", CrashPoint::kSaved},
             {"commit", CrashPoint::kCommit},
             {"committed", CrashPoint::kCommitted}}};
        for (const auto& [name, crash] : kPoints) {
          if (name == point) Reached(crash);
        }
      }) {
  Restart();
}

void Server::PlanCrash(CrashPoint point, int64_t after) {
  crash_ = point;
  crash_after_ = after;
}

void Server::Reached(CrashPoint point) {
  if (crash_ != point || crash_after_-- > 0) return;
  crash_ = CrashPoint::kNone;
  crashed_at_ = point;
  throw Crash{};
}

void Server::Restart() {
  crash_ = CrashPoint::kNone;
  time_ = std::make_unique<TimeKeeper>(clock_, LastRecorded(store_));
  ReadRevisions();
  ids_at_ = {};
}

void Server::Begin(const Configuration& configuration) {
  Change change;
  Event event;
  event.occurred_at = event.recorded_at = time_->Now();
  event.actor = "system";
  event.body = RevisionApplied{1, configuration.revision.hash, "folder"};
  change.events.push_back(std::move(event));
  change.revision = {1,        configuration.revision.hash, "text", "folder",
                     "system", change.events[0].recorded_at};
  store_.Execute(1, [&](size_t, Transaction& transaction) {
    transaction.Save(change);
    return true;
  });
  Restart();
}

void Server::Inspect(const std::function<void(Reader&, const CaseId& about)>& read) {
  if (transaction_ != nullptr) return read(*transaction_, about_);
  store_.Read([&](Reader& reader) { read(reader, about_); });
}

void Server::ReadRevisions() {
  revisions_.clear();
  in_force_ = nullptr;
  store_.Read([&](Reader& reader) {
    for (int64_t number = 1;; ++number) {
      const auto stored = reader.FindRevision(number);
      if (!stored) return;
      for (const Configuration& configuration : Configurations()) {
        if (configuration.revision.hash != stored->hash) continue;
        auto& parsed = parsed_[{number, stored->hash}];
        if (parsed == nullptr) {
          auto revision = std::make_shared<Revision>(configuration.revision);
          revision->number = number;
          parsed = std::move(revision);
        }
        in_force_ = revisions_[number] = parsed;
      }
    }
  });
}

void Server::Execute(const std::vector<Request>& batch, std::vector<Record>* records,
                     Timestamp* now) {
  *now = time_->Now();
  if (bug_ == Bug::kClockBack && random_.OneIn(50)) *now -= std::chrono::hours{1};
  if (*now > ids_at_) {
    ids_ = IdSource(*now, random_.Next(), random_.Next());
    ids_at_ = *now;
  }
  records->clear();
  // Also when the store refuses: what is reported then is read from it.
  struct AtHand {
    Transaction*& held;
    ~AtHand() { held = nullptr; }
  };
  store_.Execute(batch.size(), [&](size_t i, Transaction& under) {
    Intercepted transaction(*this, under);
    transaction_ = &under;
    const AtHand at_hand{transaction_};
    const auto* work = std::get_if<WorkCase>(&batch[i].work.commands.front());
    about_ = work == nullptr ? CaseId{} : work->ref.id;
    Record record;
    record.request = &batch[i];
    record.first = under.LastSequence();
    bool keep = false;
    record.result = RunOne(transaction, batch[i], *now, &keep);
    record.last = keep ? under.LastSequence() : record.first;
    records->push_back(std::move(record));
    return keep;
  });
  for (const Record& record : *records) {
    if (!record.result) continue;
    if (record.result->applied && bug_ != Bug::kStaleRevision) {
      in_force_ = record.result->applied;
      revisions_[in_force_->number] = in_force_;
    }
    if (record.result->clock_confirmed) time_->Confirm();
  }
}

Result<Outcome> Server::RunOne(Transaction& transaction, const Request& request, Timestamp now,
                               bool* keep) {
  const bool fires = Fires(request);
  if (bug_ == Bug::kEarlyFire && fires) now += std::chrono::hours{2};
  const Caller& caller = request.work.caller;
  const Context context{now, &ids_, in_force_.get(), caller.principal, caller.role};
  const RevisionLookup lookup = [&](int64_t number) {
    if (bug_ == Bug::kWrongRevision) return in_force_;
    const auto known = revisions_.find(number);
    return known == revisions_.end() ? nullptr : known->second;
  };
  const int64_t before = transaction.LastSequence();
  Work work = request.work;
  if (auto* verb = std::get_if<WorkCase>(&work.commands.front());
      bug_ == Bug::kTwoHolders && verb != nullptr) {
    verb->expected_lease.reset();
  }
  auto result = Run(transaction, work, 0, context, lookup, SuppressionSecret{}, keep);
  if (bug_ == Bug::kLostCommit && result && *keep && random_.OneIn(500)) *keep = false;
  if (bug_ == Bug::kOwedKept && result && *keep && GaveOwed(transaction, *result, before)) {
    *keep = false;
    return Error{Reason::kBlacklistBlocks};
  }
  if (bug_ == Bug::kFireTwice && fires && *keep) {
    FireAgain(transaction, result->subject->id, before);
  }
  return result;
}

// The open entries of one record, as what restricts reads them.
OpenEntries Server::Misread(Transaction& transaction, const CustomerId& id) {
  OpenEntries open = transaction.OpenEntriesOf(id);
  if (bug_ == Bug::kAliasLeft) {
    const auto customer = transaction.GetCustomer(id);
    if (customer && !customer->alias_of.empty()) open.entries.clear();
  }
  for (BlacklistEntry& entry : open.entries) {
    if (bug_ == Bug::kEndsLate) {
      entry.expires_at += Duration{1};
      if (entry.immediate_until) *entry.immediate_until += Duration{1};
    }
    if (bug_ == Bug::kNoEnd && entry.immediate_until) {
      entry.immediate_until = entry.expires_at;
    }
  }
  return open;
}

// Whether the command gave what is owed by law to somebody who is listed.
bool Server::GaveOwed(Transaction& transaction, const Outcome& outcome, int64_t after) {
  if (!outcome.subject || outcome.subject->customer_id.empty()) return false;
  if (transaction.OpenEntriesOf(outcome.subject->customer_id).entries.empty()) return false;
  const std::vector<Event> events = transaction.CaseEvents(outcome.subject->id, after, 1000);
  return std::any_of(events.begin(), events.end(), [](const Event& event) {
    const auto* recorded = std::get_if<RemedyRecorded>(&event.body);
    return recorded != nullptr && recorded->remedy.statutory;
  });
}

// The crossings of the last command once more.
void Server::FireAgain(Transaction& transaction, const CaseId& id, int64_t after) {
  Change again;
  for (Event& event : transaction.CaseEvents(id, after, 1000)) {
    if (std::holds_alternative<TierCrossed>(event.body)) again.events.push_back(std::move(event));
  }
  if (again.events.empty()) return;
  const auto row = transaction.GetCase(id);
  again.cases.push_back({row, row});
  Refold(again);
  transaction.Save(again);
}

// Returns whether rows must be made anew.
bool Server::Tamper(Change& change) {
  const size_t count = change.events.size();
  bool changed = false;
  if (bug_ == Bug::kRequestForgotten) change.request.reset();
  if (bug_ == Bug::kTierSkipped) {
    std::erase_if(change.events, [](const Event& event) {
      return std::holds_alternative<TierCrossed>(event.body);
    });
  }
  if (bug_ == Bug::kTimerLeft) {
    std::erase_if(change.events, [](const Event& event) {
      const auto* ended = std::get_if<TimerEnded>(&event.body);
      return ended != nullptr && ended->state == TimerState::kCancelled;
    });
  }
  std::erase_if(change.events, [&](const Event& event) {
    return (bug_ == Bug::kOrphan && std::holds_alternative<CaseAbsorbed>(event.body)) ||
           (bug_ == Bug::kAlertLost && std::holds_alternative<AlertRaised>(event.body));
  });
  if (bug_ == Bug::kWaitsForEver) {
    std::erase_if(change.events, [](const Event& event) {
      const auto* set = std::get_if<TimerSet>(&event.body);
      return set != nullptr && set->kind == TimerKind::kReturn;
    });
  }
  if (bug_ == Bug::kStepLost && !change.events.empty()) {
    const auto* started = std::get_if<StepStarted>(&change.events.back().body);
    if (started != nullptr && started->step.step_id != "call") change.events.pop_back();
  }
  if (bug_ == Bug::kPromiseLeft) {
    std::erase_if(change.events, [](const Event& event) {
      const auto* assigned = std::get_if<CaseAssigned>(&event.body);
      const auto* returned = std::get_if<CaseReturned>(&event.body);
      return (assigned != nullptr && assigned->reason == "deputy") ||
             (returned != nullptr && returned->reason == "owner_absent");
    });
  }
  for (Event& event : change.events) {
    if (auto* recorded = std::get_if<RemedyRecorded>(&event.body)) {
      if (bug_ == Bug::kLimitPassed) recorded->remedy.amount.amount_minor += 9'000;
      const bool approved = !recorded->remedy.approved_by.empty();
      if (bug_ == Bug::kOwnApproval && approved) {
        recorded->remedy.approved_by = recorded->remedy.actor;
      }
      changed |= bug_ == Bug::kLimitPassed || (bug_ == Bug::kOwnApproval && approved);
    }
    if (auto* started = std::get_if<StepStarted>(&event.body);
        started != nullptr && started->step.wake_at) {
      const bool early = (bug_ == Bug::kSentAtNight && started->step.kind == StepKind::kMessage) ||
                         (bug_ == Bug::kShortWait && started->step.kind == StepKind::kWait);
      if (early) *started->step.wake_at -= std::chrono::minutes{20};
      changed |= early;
    }
    if (auto* opened = std::get_if<CaseOpened>(&event.body);
        bug_ == Bug::kHeldWorked && opened && opened->opened.held) {
      opened->opened.owner = "agent-1";
      changed = true;
    }
    if (auto* ruled = std::get_if<VerdictRecorded>(&event.body);
        bug_ == Bug::kRuledAlone && ruled && !ruled->verdict.decided_by.empty()) {
      ruled->verdict.decided_by = ruled->verdict.proposed_by;
      changed = true;
    }
    if (auto* decided = std::get_if<EntryDecided>(&event.body);
        bug_ == Bug::kOwnProposal && decided != nullptr) {
      for (const RowChange<BlacklistEntry>& row : change.entries) {
        if (row.after->id != event.entry_id) continue;
        decided->decision.actor = row.after->proposer;
        changed = true;
      }
    }
    if (auto* assigned = std::get_if<CaseAssigned>(&event.body);
        bug_ == Bug::kAccusedOwner && assigned != nullptr && !assigned->owner.empty()) {
      for (const RowChange<Case>& row : change.cases) {
        const std::string& blamed = row.after->details.responsible_person;
        if (row.after->id != event.case_id || blamed.empty()) continue;
        assigned->owner = blamed;
        changed = true;
      }
    }
    if (auto* crossed = std::get_if<TierCrossed>(&event.body);
        bug_ == Bug::kNobodyTold && crossed) {
      changed |= !crossed->notify.empty();
      crossed->notify.clear();
    }
    if (auto* resumed = std::get_if<ClockResumed>(&event.body);
        bug_ == Bug::kNoPauseCredit && resumed && resumed->due_at) {
      *resumed->due_at -= std::chrono::minutes{1};
      changed = true;
    }
    if (bug_ == Bug::kStatusJumps && std::holds_alternative<AttemptLogged>(event.body)) {
      event.status = "verified";
      event.phase = Phase::kRemedied;
      changed = true;
    }
  }
  return changed || change.events.size() != count;
}

}  // namespace rebound::simulation
