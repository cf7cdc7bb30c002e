#include "server/execute/run.h"

#include <sodium.h>

#include <algorithm>
#include <functional>

#include "server/clock.h"
#include "server/execute/load.h"
#include "server/execute/lookup.h"
#include "server/storage/codec.h"
#include "workflows/check.h"
#include "workflows/steps.h"

namespace rebound {
namespace {

void HashPart(crypto_generichash_state* state, std::string_view part) {
  const uint64_t size = part.size();
  crypto_generichash_update(state, reinterpret_cast<const unsigned char*>(&size), sizeof size);
  crypto_generichash_update(state, reinterpret_cast<const unsigned char*>(part.data()),
                            part.size());
}

std::optional<std::array<uint8_t, 6>> TimePrefix(std::string_view request_id) {
  std::array<uint8_t, 6> prefix{};
  if (const auto ours = DecodeId(request_id)) {
    std::copy_n(ours->begin(), prefix.size(), prefix.begin());
    return prefix;
  }
  // xxxxxxxx-xxxx-7xxx-...: RFC 9562, 48 bits of milliseconds first.
  if (request_id.size() < 36 || request_id[8] != '-' || request_id[14] != '7') return std::nullopt;
  size_t digits = 0;
  for (size_t i = 0; digits < 12; ++i) {
    if (i == 8) continue;
    const char c = request_id[i];
    const int value = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (value < 0) return std::nullopt;
    prefix[digits / 2] = static_cast<uint8_t>(prefix[digits / 2] << 4 | value);
    ++digits;
  }
  return prefix;
}

// The stored answer of this external key says the same as the one submitted now.
bool SaysTheSame(Reader& reader, const Response& stored, const SubmitResponse& command) {
  Response a = stored;
  Response b = command.response;
  Hydrate(reader, a);
  const auto strip = [](Text& text) { text.id = {}; };
  ForEachText(a, strip);
  ForEachText(b, strip);
  // Whoever stands for them by now: linking customers makes no answer another one.
  const auto standing = [&](const CustomerId& id) {
    const auto customer = Standing(reader, reader.GetCustomer(id));
    return customer ? customer->id : id;
  };
  if (!a.customer_id.empty()) a.customer_id = standing(a.customer_id);
  if (!b.customer_id.empty()) {
    b.customer_id = standing(b.customer_id);
  } else if (!command.customer_key.empty()) {
    auto customer = Standing(reader, reader.FindCustomer(command.customer_key));
    if (!customer) return false;
    b.customer_id = customer->id;
  } else if (!b.invitation_id.empty() || !b.case_id.empty()) {
    b.customer_id = a.customer_id;  // taken from the case that the answer named
  }
  // What the server decides, not the client.
  b.id = a.id;
  b.version = a.version;
  b.category = a.category;
  b.recorded_at = a.recorded_at;
  b.paired_case_id = a.paired_case_id;
  b.effect = a.effect;
  b.history = a.history;
  b.queue_id = a.queue_id;
  b.corrected_score = a.corrected_score;
  // A time ahead of the clock was taken as the time of recording.
  b.occurred_at = command.occurred_now ? a.occurred_at : std::min(b.occurred_at, a.recorded_at);
  return a == b;
}

// The stored case of this external key is the one that is imported now: what was known of it from
// the beginning is the same. What became of it since may differ.
bool SaysTheSame(Reader& reader, Case stored, const OpenCase& command) {
  Hydrate(reader, stored);
  std::optional<Customer> customer;
  if (!command.customer_id.empty()) {
    customer = Standing(reader, reader.GetCustomer(command.customer_id));
  }
  std::optional<Customer> known;
  if (!stored.customer_id.empty()) {
    known = Standing(reader, reader.GetCustomer(stored.customer_id));
  }
  return stored.program_id == command.program_id &&
         (customer ? customer->id : command.customer_id) ==
             (known ? known->id : stored.customer_id) &&
         (!command.history || stored.opened_at == command.opened_at) &&
         stored.details.customer_request.value == command.details.customer_request.value;
}

template <typename T, typename IdType>
RowChange<T>& RowOf(std::vector<RowChange<T>>& rows, const IdType& id,
                    const std::function<std::optional<T>()>& before) {
  for (RowChange<T>& row : rows) {
    if ((row.after ? row.after->id : row.before->id) == id) return row;
  }
  RowChange<T>& row = rows.emplace_back();
  row.before = before();
  row.after = row.before ? row.before : T{};
  return row;
}

void AddRollup(Change& change, RollupKey key, const Counts& counts, bool add) {
  auto known = std::find_if(change.rollups.begin(), change.rollups.end(),
                            [&](const auto& entry) { return entry.first == key; });
  if (known == change.rollups.end()) {
    known = change.rollups.insert(change.rollups.end(), {std::move(key), Counts{}});
  }
  if (add) {
    known->second += counts;
  } else {
    known->second -= counts;
  }
}

// Events to rows: the live fold. Verify does the same over all events there are.
Change Fold(const Facts& facts, Events events) {
  Change change;
  for (const Event& event : events) {
    if (std::holds_alternative<ContactUnmasked>(event.body)) continue;
    if (!event.case_id.empty()) {
      auto& row = RowOf<Case>(change.cases, event.case_id, [&]() -> std::optional<Case> {
        if (facts.subject && facts.subject->id == event.case_id) return facts.subject;
        if (facts.other && facts.other->id == event.case_id) return facts.other;
        if (facts.waiting && facts.waiting->id == event.case_id) return facts.waiting;
        if (auto known = Among(facts.cases, event.case_id)) return known;
        return Among(facts.open_cases, event.case_id);
      });
      if (std::holds_alternative<CaseVoided>(event.body)) {
        row.after.reset();
      } else {
        row.after = Apply(*std::move(row.after), event);
      }
    } else if (!event.response_id.empty()) {
      auto& row = RowOf<Response>(change.responses, event.response_id,
                                  [&] { return Among(facts.responses, event.response_id); });
      row.after = Apply(*std::move(row.after), event);
    } else if (!event.entry_id.empty()) {
      auto& row = RowOf<BlacklistEntry>(change.entries, event.entry_id, [&] {
        const bool known = facts.entry && facts.entry->id == event.entry_id;
        return known ? facts.entry : Among(facts.entries, event.entry_id);
      });
      row.after = Apply(*std::move(row.after), event);
    } else if (!event.customer_id.empty()) {
      auto& row =
          RowOf<Customer>(change.customers, event.customer_id, [&]() -> std::optional<Customer> {
            if (facts.customer && facts.customer->id == event.customer_id) return facts.customer;
            if (facts.key_owner && facts.key_owner->id == event.customer_id) return facts.key_owner;
            return Among(facts.records, event.customer_id);
          });
      row.after = Apply(*std::move(row.after), event);
    }
  }
  // A slot is given up before another case takes it.
  std::stable_partition(change.cases.begin(), change.cases.end(), [](const RowChange<Case>& row) {
    return !row.after || !row.after->holds_dedupe_slot;
  });
  for (const auto& row : change.responses) {
    for (const auto& [side, add] : {std::pair(&row.before, false), std::pair(&row.after, true)}) {
      if (!*side) continue;
      const Response& r = **side;
      AddRollup(change, {r.program_id, DayNumber(r.occurred_at), r.org_unit_id}, Contribution(r),
                add);
    }
  }
  for (const auto& row : change.cases) {
    for (const auto& [side, add] : {std::pair(&row.before, false), std::pair(&row.after, true)}) {
      if (!*side) continue;
      const Case& c = **side;
      AddRollup(change, {c.program_id, DayNumber(c.opened_at), c.details.org_unit_id},
                Contribution(c), add);
    }
  }
  std::erase_if(change.rollups, [](const auto& entry) { return entry.second == Counts{}; });
  change.events = std::move(events);
  return change;
}

bool ChangesIdentity(const EventBody& body) {
  return std::holds_alternative<CustomerCreated>(body) ||
         std::holds_alternative<CustomerProfileChanged>(body) ||
         std::holds_alternative<CustomerKeyAdded>(body);
}

// What customers are recognised by, and what is forgotten and kept of those who are erased.
void FoldIdentities(const Facts& facts, const SuppressionSecret& secret, Change& change) {
  std::vector<CustomerId> changed;
  for (const Event& event : change.events) {
    if (ChangesIdentity(event.body)) changed.push_back(event.customer_id);
    const auto* erased = std::get_if<CustomerErased>(&event.body);
    if (erased == nullptr) continue;
    change.erased.push_back(event.customer_id);
    for (const Suppression& what : erased->suppressions) {
      for (const Customer& record : facts.records) {
        for (const Hash256& hash : SuppressionHashes(record, secret)) {
          change.suppressions.push_back({hash, what});
        }
      }
    }
  }
  for (const auto& row : change.customers) {
    if (std::find(changed.begin(), changed.end(), row.after->id) == changed.end()) continue;
    change.identities.push_back({row.after->id, IdentityHashes(*row.after)});
  }
}

// What events of the whole server leave behind besides themselves.
void FoldServer(Transaction& transaction, const Command& command, const Context& context,
                Change& change) {
  for (const Event& event : change.events) {
    if (const auto* applied = std::get_if<RevisionApplied>(&event.body)) {
      const auto& asked = std::get<ApplyRevision>(command);
      change.revision = {applied->number, applied->hash, asked.text,
                         applied->source, event.actor,   event.recorded_at};
    }
  }
  const bool of_clock =
      std::holds_alternative<ReportClock>(command) || std::holds_alternative<ConfirmClock>(command);
  const auto* zones = std::get_if<ReportZones>(&command);
  const auto* tried = std::get_if<ReportRulesTried>(&command);
  if (!of_clock && zones == nullptr && tried == nullptr) return;
  ServerState state = transaction.GetServerState();
  if (zones != nullptr) state.zone_data = zones->version;
  if (tried != nullptr) state.rules_tried = std::max(state.rules_tried, tried->sequence);
  if (std::holds_alternative<ConfirmClock>(command)) state.held_since.reset();
  if (const auto* report = std::get_if<ReportClock>(&command); report && report->holds) {
    if (!state.held_since) state.held_since = context.now;
  }
  if (of_clock && !state.held_since) state.clock_seen_at = context.now;
  if (state != transaction.GetServerState()) change.server_state = state;
}

// Which resource a command answers with, and its id for the request record.
RawId Resource(const Command& command, const Facts& facts, const Change& change, Outcome* outcome) {
  if (std::holds_alternative<SubmitResponse>(command)) {
    for (const auto& row : change.responses) {
      if (!row.before) outcome->response = row.after;
    }
    CHECK(outcome->response.has_value());
    for (const auto& row : change.cases) outcome->opened_case |= !row.before;
    return IdCast<RawId>(outcome->response->id);
  }
  if (std::holds_alternative<ApplyRevision>(command) ||
      std::holds_alternative<ReportClock>(command) ||
      std::holds_alternative<ConfirmClock>(command) ||
      std::holds_alternative<ReportZones>(command) ||
      std::holds_alternative<ReportRulesTried>(command)) {
    return NumberedId(change.revision ? change.revision->number : facts.last_revision);
  }
  if (std::holds_alternative<OpenCase>(command) || std::holds_alternative<ClaimNext>(command) ||
      std::holds_alternative<WorkCase>(command)) {
    // Verbs may touch other cases, too: the answer is the one that was named, or the new one.
    outcome->subject = facts.subject;
    for (const auto& row : change.cases) {
      if (!row.before || (facts.subject && row.after && row.after->id == facts.subject->id)) {
        outcome->subject = row.after;
      }
    }
    CHECK(outcome->subject.has_value());
    return IdCast<RawId>(outcome->subject->id);
  }
  if (std::holds_alternative<ProposeEntry>(command) || std::holds_alternative<WorkEntry>(command)) {
    outcome->entry = facts.entry;
    for (const auto& row : change.entries) outcome->entry = row.after;
    CHECK(outcome->entry.has_value());
    return IdCast<RawId>(outcome->entry->id);
  }
  if (std::holds_alternative<ProposeByRules>(command)) {
    for (const auto& row : change.entries) outcome->entries.push_back(*row.after);
    outcome->customer = facts.customer;
    return IdCast<RawId>(facts.customer->id);
  }
  if (const auto* unmask = std::get_if<UnmaskContact>(&command)) {
    outcome->customer = facts.customer;
    if (unmask->customer_id.empty()) {
      outcome->subject = facts.subject;
      CHECK(outcome->subject.has_value());
      return IdCast<RawId>(outcome->subject->id);
    }
    CHECK(outcome->customer.has_value());
    return IdCast<RawId>(outcome->customer->id);
  }
  if (const auto* record = std::get_if<RecordBehaviour>(&command)) {
    outcome->replayed = change.customers.empty();
    const auto take = [&](const Customer& customer) {
      const Behaviour* known = FindBehaviour(customer, record->behaviour.external_key);
      if (known == nullptr) return;
      outcome->behaviour = *known;
      outcome->customer = customer;
    };
    for (const Customer& known : facts.records) take(known);
    for (const auto& row : change.customers) take(*row.after);
    CHECK(outcome->behaviour.has_value());
    return IdCast<RawId>(outcome->customer->id);
  }
  // Linking changes the alias; the answer is the customer that now stands for it.
  outcome->customer = facts.customer;
  for (const auto& row : change.customers) {
    if (!facts.customer || row.after->id == facts.customer->id) outcome->customer = row.after;
    outcome->created |= !row.before;
  }
  CHECK(outcome->customer.has_value());
  return IdCast<RawId>(outcome->customer->id);
}

AuditEntry AuditOf(const Caller& caller, const std::optional<RequestRecord>& request,
                   Timestamp now) {
  AuditEntry entry{.at = now, .kind = AuditKind::kMutation};
  entry.principal = caller.principal;
  entry.role = caller.role;
  entry.method = caller.method;
  entry.outcome = "OK";
  if (request) entry.request_key = request->key;
  entry.address = caller.address;
  return entry;
}

std::string_view SubjectType(const Outcome& outcome, const Command& command) {
  if (outcome.subject) return "case";
  if (outcome.response) return "response";
  if (outcome.entry) return "blacklist_entry";
  if (outcome.customer) return "customer";
  return std::holds_alternative<ApplyRevision>(command) ? "revision" : "";
}

// The answer to a repeated request: read again, as it is now; kNotFound once the caller has lost
// sight of it.
Result<Outcome> ReadAgain(Reader& reader, const Command& command, const RawId& resource,
                          const Scope& scope) {
  Outcome outcome;
  outcome.replayed = true;
  if (std::holds_alternative<ConfirmClock>(command)) return outcome;
  if (std::holds_alternative<ApplyRevision>(command)) {
    outcome.revision = reader.FindRevision(NumberOf(resource));
    if (!outcome.revision) return NotFound("revision");
    outcome.revision->text.clear();
    return outcome;
  }
  if (std::holds_alternative<SubmitResponse>(command)) {
    outcome.response = reader.GetResponse(IdCast<ResponseId>(resource));
    if (outcome.response && !scope.CoversOrgUnit(outcome.response->org_unit_id)) {
      return NotFound("response");
    }
    if (outcome.response) Hydrate(reader, *outcome.response);
  } else if (std::holds_alternative<UpsertCustomer>(command) ||
             std::holds_alternative<AddCustomerAlias>(command) ||
             std::holds_alternative<SetCustomerConsent>(command) ||
             std::holds_alternative<ProposeByRules>(command) ||
             std::holds_alternative<RecordBehaviour>(command) ||
             std::holds_alternative<EraseCustomer>(command)) {
    outcome.customer = reader.GetCustomer(IdCast<CustomerId>(resource));
    if (outcome.customer && !scope.CoversOrgUnit(outcome.customer->profile.org_unit_id)) {
      return NotFound("customer");
    }
    if (const auto* record = std::get_if<RecordBehaviour>(&command);
        record != nullptr && outcome.customer) {
      const Behaviour* known = FindBehaviour(*outcome.customer, record->behaviour.external_key);
      if (known != nullptr) outcome.behaviour = *known;
    }
    if (outcome.customer) Hydrate(reader, *outcome.customer);
  } else if (std::holds_alternative<ProposeEntry>(command) ||
             std::holds_alternative<WorkEntry>(command)) {
    outcome.entry = FindVisible(reader, scope, EntryRef{IdCast<BlacklistEntryId>(resource)});
    if (outcome.entry) Hydrate(reader, *outcome.entry);
  } else {
    outcome.subject = FindVisibleOrLent(reader, scope, CaseRef{IdCast<CaseId>(resource)});
    if (outcome.subject) Hydrate(reader, *outcome.subject);
  }
  if (!outcome.response && !outcome.customer && !outcome.subject && !outcome.entry) {
    return NotFound("resource");
  }
  return outcome;
}

// The same for contact data: whoever has lost sight of the record is not shown it again.
Result<Outcome> ShowAgain(Reader& reader, const UnmaskContact& command, const Facts& facts) {
  Outcome outcome;
  outcome.replayed = true;
  outcome.customer = facts.customer;
  if (command.customer_id.empty()) {
    outcome.subject = facts.subject;
    if (!outcome.subject) return NotFound("case");
    Hydrate(reader, *outcome.subject);
  } else if (!outcome.customer) {
    return NotFound("customer");
  }
  if (outcome.customer) Hydrate(reader, *outcome.customer);
  return outcome;
}

}  // namespace

Hash128 RequestKey(std::string_view principal, std::string_view method,
                   std::string_view request_id) {
  Hash128 key;
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, key.size());
  HashPart(&state, principal);
  HashPart(&state, method);
  HashPart(&state, request_id);
  crypto_generichash_final(&state, key.data(), key.size());
  if (const auto time = TimePrefix(request_id)) std::copy(time->begin(), time->end(), key.begin());
  return key;
}

Hash128 BodyHash(std::string_view bytes) {
  Hash128 hash;
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size(), nullptr, 0);
  return hash;
}

bool IsAuditedAlone(const Work& work) {
  return !work.caller.role.empty() && !work.caller.request_id.empty() && work.positions.empty();
}

std::optional<AuditEntry> AuditOfMany(const Work& work, const std::vector<Result<Outcome>>& results,
                                      Timestamp now) {
  if (work.caller.role.empty() || IsAuditedAlone(work) || work.dry_run) return std::nullopt;
  size_t kept = 0, replayed = 0, refused = work.refused;
  for (const Result<Outcome>& result : results) {
    (!result ? refused : result->replayed ? replayed : kept) += 1;
  }
  if (kept == 0) return std::nullopt;
  const Caller& caller = work.caller;
  AuditEntry entry = AuditOf(caller, std::nullopt, now);
  if (!caller.request_id.empty()) {
    entry.request_key = RequestKey(caller.principal, caller.method, caller.request_id);
  } else if (work.stream) {
    entry.request_key = *work.stream;
  }
  entry.count = static_cast<int64_t>(kept);
  entry.detail = "kept " + std::to_string(kept) + ", replayed " + std::to_string(replayed) +
                 ", refused " + std::to_string(refused);
  return entry;
}

Result<Outcome> Run(Transaction& transaction, const Work& work, size_t index,
                    const Context& context, const RevisionLookup& revisions,
                    const SuppressionSecret& secret, bool* keep) {
  const Caller& caller = work.caller;
  const Command& command = work.commands[index];
  // Deadlines are the caller's and count real time, whatever clock the server lives by.
  if (caller.deadline && *caller.deadline <= SystemClock().Now()) {
    return Error{Reason::kDeadlineExceeded};
  }
  // A batch has a record of its own beside those of its items: whatever is kept first says which
  // body the id belongs to.
  std::optional<RequestRecord> request, batch;
  if (!caller.request_id.empty()) {
    const auto record = [&](const std::string& id) {
      return RequestRecord{
          RequestKey(caller.principal, caller.method, id), caller.body_hash, {}, context.now};
    };
    const Error reused{Reason::kRequestIdReused, {{"request_id", caller.request_id}}};
    if (!work.positions.empty()) {
      batch = record(caller.request_id);
      if (const auto known = transaction.FindRequest(batch->key)) {
        if (known->body != caller.body_hash) return reused;
        batch.reset();
      }
    }
    request = record(work.positions.empty()
                         ? caller.request_id
                         : caller.request_id + "#" + std::to_string(work.positions[index]));
    if (const auto known = transaction.FindRequest(request->key)) {
      if (known->body != caller.body_hash) return reused;
      if (const auto* unmask = std::get_if<UnmaskContact>(&command)) {
        const auto facts = LoadFacts(transaction, caller, context, revisions, secret, command);
        if (!facts) return facts.error();
        return ShowAgain(transaction, *unmask, *facts);
      }
      return ReadAgain(transaction, command, known->resource, caller.scope);
    }
  }
  if (const auto* submit = std::get_if<SubmitResponse>(&command);
      submit != nullptr && !submit->response.external_key.empty()) {
    if (auto stored = transaction.FindResponse(submit->response.external_key)) {
      if (!caller.scope.CoversOrgUnit(stored->org_unit_id) ||
          !SaysTheSame(transaction, *stored, *submit)) {
        return Error{Reason::kResponseExternalIdReused,
                     {{"source_system", submit->response.external_key.source_system},
                      {"external_id", submit->response.external_key.external_id}}};
      }
      return ReadAgain(transaction, command, IdCast<RawId>(stored->id), caller.scope);
    }
  }
  // Imports know a case by its key in the other system; a case that is opened by hand may share
  // one.
  if (const auto* open = std::get_if<OpenCase>(&command);
      open != nullptr && !work.positions.empty() && !open->details.external_key.empty()) {
    if (auto stored = transaction.FindCase(open->details.external_key)) {
      if (!Sees(caller.scope, *stored) || !SaysTheSame(transaction, *stored, *open)) {
        return Error{Reason::kResponseExternalIdReused,
                     {{"source_system", open->details.external_key.source_system},
                      {"external_id", open->details.external_key.external_id}}};
      }
      return ReadAgain(transaction, command, IdCast<RawId>(stored->id), caller.scope);
    }
  }
  auto facts = LoadFacts(transaction, caller, context, revisions, secret, command);
  if (!facts) return std::move(facts).error();
  auto events = Decide(*facts, command, context);
  if (!events) return std::move(events).error();

  Change change = Fold(*facts, *std::move(events));
  FoldServer(transaction, command, context, change);
  FoldIdentities(*facts, secret, change);
  Outcome outcome;
  const RawId resource = Resource(command, *facts, change, &outcome);
  if (request) {
    request->resource = resource;
    change.request = request;
  }
  if (const auto* apply = std::get_if<ApplyRevision>(&command)) {
    if (change.revision) {
      auto applied = std::make_shared<Revision>(*apply->revision);
      applied->number = change.revision->number;
      outcome.applied = std::move(applied);
    }
    outcome.revision = change.revision ? change.revision : transaction.FindRevision(0);
    if (outcome.revision) outcome.revision->text.clear();
  }
  outcome.clock_confirmed = std::holds_alternative<ConfirmClock>(command);
  if (const bool at_machine = caller.role.empty() && change.revision;
      IsAuditedAlone(work) || at_machine) {
    AuditEntry entry = AuditOf(caller, request, context.now);
    if (at_machine) entry.kind = AuditKind::kOperator;
    if (std::holds_alternative<UnmaskContact>(command)) entry.kind = AuditKind::kUnmask;
    entry.subject_type = SubjectType(outcome, command);
    if (!entry.subject_type.empty()) entry.subject = resource.bytes;
    change.audit.push_back(std::move(entry));
  }
  if (!change.events.empty() || request || change.server_state) {
    transaction.Save(change);
    if (batch) {
      Change first;
      first.request = batch;
      transaction.Save(first);
    }
    *keep = !work.dry_run;
  }
  if (outcome.subject) Hydrate(transaction, *outcome.subject);
  if (outcome.response) Hydrate(transaction, *outcome.response);
  if (outcome.customer) Hydrate(transaction, *outcome.customer);
  if (outcome.entry) Hydrate(transaction, *outcome.entry);
  for (BlacklistEntry& entry : outcome.entries) Hydrate(transaction, entry);
  return outcome;
}

}  // namespace rebound
