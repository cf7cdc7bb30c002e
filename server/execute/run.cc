#include "server/execute/run.h"

#include <sodium.h>

#include <algorithm>
#include <functional>

#include "server/clock.h"
#include "server/config/zones.h"
#include "server/execute/lookup.h"
#include "server/storage/codec.h"
#include "workflows/check.h"
#include "workflows/routing.h"
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

Error NotFound(std::string resource) {
  return Error{Reason::kNotFound, {{"resource", std::move(resource)}}};
}

template <typename T, typename IdType>
std::optional<T> Among(const std::vector<T>& known, const IdType& id) {
  for (const T& value : known) {
    if (value.id == id) return value;
  }
  return std::nullopt;
}

// Loads what Decide needs to know. Whatever lies outside the caller's scope is as if it were not
// there, except that the dedupe rule must see every case of the customer.
struct FactLoader {
  Transaction& reader;
  const Caller& caller;
  const Context& context;
  const RevisionLookup& revisions;
  const SuppressionSecret& secret;
  Facts& facts;

  // What the case follows, where that is not the revision in force.
  void Pin(int64_t number) {
    if (number == 0 || number == context.revision->number) return;
    const auto known = [&](const auto& revision) { return revision->number == number; };
    if (std::any_of(facts.pinned.begin(), facts.pinned.end(), known)) return;
    if (auto revision = revisions(number)) facts.pinned.push_back(std::move(revision));
  }
  void PinAll() {
    for (const Case& c : facts.cases) Pin(c.revision);
    for (const Case& c : facts.open_cases) Pin(c.revision);
    if (facts.subject) Pin(facts.subject->revision);
    if (facts.other) Pin(facts.other->revision);
  }

  Result<void> operator()(const ApplyRevision&) {
    if (const auto last = reader.FindRevision(0)) {
      facts.last_revision = last->number;
      facts.last_revision_hash = last->hash;
    }
    return {};
  }
  Result<void> operator()(const ReportClock&) { return LoadState(); }
  Result<void> operator()(const ConfirmClock&) { return LoadState(); }
  Result<void> operator()(const ReportZones&) { return LoadState(); }
  Result<void> operator()(const ReportRulesTried&) { return {}; }

  // What was kept over an erasure of whoever is known by one of these keys.
  void LoadSuppressed(const std::vector<IdentityKey>& keys) {
    std::vector<Hash256> hashes;
    for (const IdentityKey& key : keys) hashes.push_back(SuppressionHash(key, secret));
    facts.suppressed = reader.SuppressionsOf(hashes, context.now);
    if (facts.suppressed.empty()) return;
    facts.next_entry_number = reader.NextEntryNumber();
    if (!facts.customer) return;
    facts.entries = OpenEntriesOfAll(reader, facts.customer->id);
    for (BlacklistEntry& entry : facts.entries) entry.customer_id = facts.customer->id;
  }
  static Customer KnownBy(const ExternalKey& key, std::vector<ContactPoint> points = {}) {
    Customer known;
    known.keys.push_back({key.source_system, Text{{}, key.external_id}});
    known.profile.contact_points = std::move(points);
    return known;
  }

  // All that is theirs, seen or not: a person is erased as a whole.
  Result<void> operator()(const EraseCustomer& command) {
    facts.customer = Visible(Standing(reader, VisibleCustomer(command.customer_id)));
    if (!facts.customer) return NotFound("customer");
    Hydrate(reader, *facts.customer);
    facts.records.push_back(*facts.customer);
    for (size_t i = 0; i < facts.records.size(); ++i) {
      for (const CustomerId& id : reader.AliasesOf(facts.records[i].id)) {
        if (Among(facts.records, id)) continue;
        Customer alias = *reader.GetCustomer(id);
        Hydrate(reader, alias);
        facts.records.push_back(std::move(alias));
      }
    }
    for (const Customer& record : facts.records) {
      for (Case& c : reader.CasesOf(record.id)) {
        if (c.phase != Phase::kClosed) facts.cases.push_back(std::move(c));
      }
      for (BlacklistEntry& entry : reader.EntriesOf(record.id)) {
        facts.entries.push_back(std::move(entry));
      }
    }
    return LoadHold();
  }
  Result<void> operator()(const FinishErasure& command) {
    facts.customer = reader.GetCustomer(command.customer_id);
    return {};
  }

  // By the case whoever it is about is shown, be their record in sight or not: that is what it is
  // handled for.
  Result<void> operator()(const UnmaskContact& command) {
    if (!command.customer_id.empty()) {
      facts.customer = VisibleCustomer(command.customer_id);
      return {};
    }
    facts.subject = FindVisibleOrLent(reader, caller.scope, command.ref);
    if (facts.subject && !facts.subject->customer_id.empty()) {
      facts.customer = Standing(reader, reader.GetCustomer(facts.subject->customer_id));
    }
    return {};
  }

  // What is asked of staff only as a case looks for an owner. The facts may ask until the
  // transaction ends.
  void OfferLookups() {
    facts.load_of = [this](std::string_view principal) { return reader.LoadOf(principal); };
    facts.earlier_owner = [this](const Case& c) {
      std::string owner;
      if (c.customer_id.empty()) return owner;
      const auto customer = Standing(reader, reader.GetCustomer(c.customer_id));
      const CustomerId id = customer ? customer->id : c.customer_id;
      std::pair<Timestamp, int64_t> newest{Timestamp::min(), 0};
      for (const Case& known : CasesOfAll(id, c.program_id)) {
        const std::string& had = known.owner.empty() ? known.last_owner : known.owner;
        const std::pair key(known.opened_at, known.number);
        if (known.id == c.id || had.empty() || key < newest) continue;
        newest = key;
        owner = had;
      }
      return owner;
    };
  }
  // The owner has all that they may have: what they leave makes room for this one.
  Result<void> LoadWaiting() {
    const Revision& revision = *context.revision;
    const StaffMember* member = revision.FindStaff(facts.subject->owner);
    if (member == nullptr || !member->capacity || !NeedsWork(*facts.subject)) return {};
    const auto of_system = [&](std::string_view queue) { return GivesOut(revision, queue); };
    if (!std::any_of(member->queues.begin(), member->queues.end(), of_system)) return {};
    if (reader.LoadOf(member->id).open_count < *member->capacity) return {};
    const auto may = [&](const Case& c) {
      return c.last_owner != member->id &&
             WhyUnfit(revision, c, member->id, StaffLoad{}, context.now) == Unfit::kFits;
    };
    for (const std::string& queue : member->queues) {
      if (!of_system(queue)) continue;
      auto best = reader.BestToClaim(
          queue, Scope{}, context.now, [](std::string_view) { return true; }, may);
      if (!best) continue;
      const bool better = !facts.waiting ||
                          ClaimOrder(*best, context.now) < ClaimOrder(*facts.waiting, context.now);
      if (better) facts.waiting = std::move(best);
    }
    if (!facts.waiting) return {};
    Pin(facts.waiting->revision);
    LoadWords(*facts.waiting);
    if (!facts.waiting->customer_id.empty()) {
      facts.waiting_customer = Standing(reader, reader.GetCustomer(facts.waiting->customer_id));
    }
    if (facts.waiting_customer) {
      facts.waiting_customer_zone = FindZone(facts.waiting_customer->profile.time_zone);
    }
    return LoadHold();
  }

  // Where a timer is overdue it matters whether timers are held.
  Result<void> LoadHold() {
    const auto overdue = [&](const Case& c) {
      const auto due = NextDue(c);
      return due && *due < context.now;
    };
    const bool any = (facts.subject && overdue(*facts.subject)) ||
                     (facts.other && overdue(*facts.other)) ||
                     (facts.waiting && overdue(*facts.waiting)) ||
                     std::any_of(facts.cases.begin(), facts.cases.end(), overdue) ||
                     std::any_of(facts.open_cases.begin(), facts.open_cases.end(), overdue);
    return any ? LoadState() : Result<void>{};
  }
  Result<void> LoadState() {
    const ServerState state = reader.GetServerState();
    facts.timers_held = state.held_since.has_value();
    facts.zone_data = state.zone_data;
    return {};
  }

  Result<void> operator()(const SubmitResponse& command) {
    const Response& response = command.response;
    if (!caller.scope.CoversOrgUnit(response.org_unit_id)) return NotFound("org_unit");
    if (!response.invitation_id.empty()) {
      facts.subject = reader.FindCaseByInvitation(response.invitation_id);
      if (!facts.subject || !Sees(caller.scope, *facts.subject)) return NotFound("invitation");
    } else if (!response.case_id.empty()) {
      facts.subject = reader.GetCase(response.case_id);
      if (!facts.subject || !Sees(caller.scope, *facts.subject)) return NotFound("case");
    }
    if (facts.subject) {  // a merged case is answered where it went on
      const std::vector<Case> merged = MergedInto(*facts.subject);
      if (!merged.empty() && merged.back().program_id == facts.subject->program_id) {
        facts.subject = merged.back();
      }
    }
    if (!response.customer_id.empty()) {
      facts.customer = Standing(reader, VisibleCustomer(response.customer_id));
      if (!facts.customer) return NotFound("customer");
    } else if (!command.customer_key.empty()) {
      facts.customer = Standing(reader, reader.FindCustomer(command.customer_key));
    } else if (facts.subject && !facts.subject->customer_id.empty()) {
      facts.customer = Standing(reader, reader.GetCustomer(facts.subject->customer_id));
    }
    if (command.history) {
      // The ids of a history follow from its keys: this answer is here, without its key.
      const ExternalKey& key = response.external_key;
      const auto id = IdCast<ResponseId>(
          DeriveId(response.occurred_at, key.source_system, key.external_id, "response"));
      if (const auto erased = reader.GetResponse(id)) {
        return Error{Reason::kCustomerErased, {{"customer", ToString(erased->customer_id)}}};
      }
    }
    if (!facts.customer && !command.customer_key.empty()) {
      LoadSuppressed(FoldedKeys(KnownBy(command.customer_key)));
    }
    if (facts.customer) {
      LoadCases(facts.customer->id, response.program_id);
      if (command.history || !command.occurred_now) {
        for (const CustomerId& id : Everyone(reader, facts.customer->id)) {
          for (Response& known : reader.ResponsesOf(id, response.program_id)) {
            facts.responses.push_back(std::move(known));
          }
        }
      }
    }
    facts.next_case_number = reader.NextCaseNumber();
    return LoadHold();
  }

  Result<void> operator()(const UpsertCustomer& command) {
    facts.customer = reader.FindCustomer(command.key);
    if (facts.customer && !caller.scope.CoversOrgUnit(facts.customer->profile.org_unit_id)) {
      return NotFound("customer");
    }
    if (facts.customer) Hydrate(reader, *facts.customer);
    // Nobody makes a customer that they cannot see, or moves one out of their sight.
    const bool moves =
        std::find(command.mask.begin(), command.mask.end(), "org_unit_id") != command.mask.end();
    if ((moves || !facts.customer) &&
        !caller.scope.CoversOrgUnit(moves ? command.profile.org_unit_id : "")) {
      return NotFound("org_unit");
    }
    const bool reached =
        std::find(command.mask.begin(), command.mask.end(), "contact_points") != command.mask.end();
    LoadSuppressed(FoldedKeys(KnownBy(
        command.key, reached ? command.profile.contact_points : std::vector<ContactPoint>{})));
    return {};
  }

  Result<void> operator()(const AddCustomerAlias& command) {
    facts.customer = Visible(Standing(reader, VisibleCustomer(command.customer_id)));
    facts.key_owner = reader.FindCustomer(command.key);
    if (facts.key_owner && !Visible(facts.key_owner)) return NotFound("customer");
    if (facts.customer && !facts.key_owner) {
      Hydrate(reader, *facts.customer);
      LoadSuppressed(FoldedKeys(KnownBy(command.key)));
    }
    return {};
  }

  Result<void> operator()(const SetCustomerConsent& command) {
    facts.customer = VisibleCustomer(command.customer_id);
    return {};
  }

  Result<void> operator()(const RecordBehaviour& command) {
    auto named = command.customer_id.empty() ? reader.FindCustomer(command.customer_key)
                                             : reader.GetCustomer(command.customer_id);
    facts.customer = Visible(Standing(reader, Visible(std::move(named))));
    if (!facts.customer) return NotFound("customer");
    facts.records.push_back(*facts.customer);
    for (const CustomerId& id : Everyone(reader, facts.customer->id)) {
      if (id == facts.customer->id) continue;
      if (auto alias = VisibleCustomer(id)) facts.records.push_back(*std::move(alias));
    }
    return {};
  }

  Result<void> operator()(const OpenCase& command) {
    if (!caller.scope.Covers(command.details.org_unit_id, command.details.queue_id)) {
      return NotFound("org_unit");
    }
    if (!command.customer_id.empty()) {
      facts.customer = Standing(reader, VisibleCustomer(command.customer_id));
    }
    for (const CaseLink& link : command.details.links) {
      const auto known = [&](const Case& c) { return c.id == link.case_id; };
      if (std::any_of(facts.cases.begin(), facts.cases.end(), known)) continue;
      auto linked = reader.GetCase(link.case_id);
      if (!linked || !Sees(caller.scope, *linked)) return NotFound("case");
      facts.cases.push_back(*std::move(linked));
    }
    facts.next_case_number = reader.NextCaseNumber();
    return {};
  }

  Result<void> operator()(const ClaimNext& command) {
    // What nobody, or not this caller, may claim must not keep them from the rest of the queue.
    const auto may = [this](const Case& c) {
      Pin(c.revision);
      const Transition* claim =
          RevisionOf(facts, context, c.revision).lifecycle.Find(c.status, CaseCommand::kClaim);
      return claim != nullptr && MayTake(*claim, context.role) &&
             MayClaim(*context.revision, c, context.actor, context.now) && !LeavesItsQueue(c);
    };
    const auto from = [this](std::string_view queue) {
      return MayClaimFrom(*context.revision, queue, context.actor);
    };
    facts.subject = reader.BestToClaim(command.queue_id, caller.scope, context.now, from, may);
    // What is due on the case goes on before it is claimed, a message to the customer among it.
    if (facts.subject && !facts.subject->customer_id.empty()) {
      facts.customer = Standing(reader, reader.GetCustomer(facts.subject->customer_id));
    }
    return LoadHold();
  }

  // The next decision on the case sends it elsewhere, for the sake of an entry that has come to
  // bear on it without one.
  bool LeavesItsQueue(const Case& c) {
    if (c.customer_id.empty()) return false;
    const auto customer = Standing(reader, reader.GetCustomer(c.customer_id));
    return customer && !RoutedTo(OpenEntriesOfAll(reader, customer->id), c, context.now).empty();
  }

  Result<void> operator()(const WorkCase& command) {
    facts.subject = std::holds_alternative<CompleteStep>(command.verb)
                        ? FindVisibleOrLent(reader, caller.scope, command.ref)
                        : FindVisible(reader, caller.scope, command.ref);
    if (!facts.subject) return {};
    if (!facts.subject->customer_id.empty()) {
      facts.customer = Standing(reader, reader.GetCustomer(facts.subject->customer_id));
    }
    if (const auto* migrate = std::get_if<MigrateCase>(&command.verb)) Pin(migrate->revision);
    const CustomerId customer = facts.customer ? facts.customer->id : facts.subject->customer_id;
    if (std::holds_alternative<Reopen>(command.verb) && !customer.empty()) {
      LoadCases(customer, facts.subject->program_id);
    }
    if (std::holds_alternative<RecordRemedy>(command.verb) && !customer.empty()) {
      LoadEveryCase(customer);
    }
    if (const auto* merge = std::get_if<MergeCase>(&command.verb)) {
      if (auto loaded = LoadOther(merge->into); !loaded) return loaded;
      for (Case& c : MergedInto(*facts.other)) {
        if (Sees(caller.scope, c)) facts.cases.push_back(std::move(c));
      }
      return {};
    }
    if (const auto* link = std::get_if<LinkCase>(&command.verb)) {
      return LoadOther(link->other);
    }
    if (std::holds_alternative<UnmergeCase>(command.verb) && !facts.subject->merged_into.empty()) {
      // Seen or not: what goes back comes from there.
      std::vector<Case> holders = MergedInto(*facts.subject);
      facts.other = std::move(holders.front());
      if (!facts.other->customer_id.empty()) {
        facts.other_customer = Standing(reader, reader.GetCustomer(facts.other->customer_id));
      }
      facts.cases.assign(holders.begin() + 1, holders.end());
    }
    const bool rules = std::holds_alternative<DecideVerdict>(command.verb);
    // A held case is planned when it begins, by the answer that opened it.
    if ((rules || facts.subject->held) && !facts.subject->opening_response_id.empty()) {
      if (auto response = reader.GetResponse(facts.subject->opening_response_id)) {
        Hydrate(reader, *response);
        facts.responses.push_back(*std::move(response));
      }
    }
    return LoadHold();
  }
  Result<void> operator()(const ProposeEntry& command) {
    if (auto loaded = LoadListed(command.customer_id); !loaded) return loaded;
    // Nobody restricts where they cannot see.
    const BlacklistExtent& extent = command.extent;
    if (extent.kind == BlacklistExtent::Kind::kOrgUnit && !extent.id.empty() &&
        !caller.scope.CoversOrgUnit(extent.id)) {
      return NotFound("org_unit");
    }
    LoadEvidence(command.evidence);
    if (!command.immediate_until) return {};
    for (const CustomerId& id : Everyone(reader, facts.customer->id)) {
      for (Case& c : reader.CasesOf(id)) AddOpenCase(std::move(c));
    }
    SortByOpening(facts.open_cases);
    return LoadHold();
  }

  Result<void> operator()(const ProposeByRules& command) {
    if (auto loaded = LoadListed(command.customer_id); !loaded) return loaded;
    LoadEveryCase(facts.customer->id);
    for (const CustomerId& id : Everyone(reader, facts.customer->id)) {
      for (Response& known : reader.ResponsesOf(id)) facts.responses.push_back(std::move(known));
    }
    const auto& rules = context.revision->blacklist.rules;
    if (!rules.empty()) LoadOpeningWords();
    return {};
  }

  Result<void> operator()(const WorkEntry& command) {
    facts.entry = FindVisible(reader, caller.scope, command.ref);
    if (!facts.entry) return NotFound("blacklist_entry");
    facts.customer = Standing(reader, reader.GetCustomer(facts.entry->customer_id));
    if (const auto due = NextDue(*facts.entry); due && *due <= context.now) {
      if (auto loaded = LoadState(); !loaded) return loaded;
    }
    if (std::holds_alternative<EntryTimers>(command.verb)) return {};
    if (const auto* appeal = std::get_if<AppealEntry>(&command.verb)) {
      LoadEvidence(appeal->evidence);
    }
    const bool routes = MayPutInForce(command.verb) && !facts.entry->effects.queue_id.empty();
    for (const CustomerId& id : Everyone(reader, facts.customer->id)) {
      for (Case& c : reader.CasesOf(id)) {
        const bool is_open = c.phase != Phase::kClosed && !c.owner.empty();
        if (is_open) facts.case_owners.push_back(c.owner);
        if (routes) AddOpenCase(std::move(c));
      }
    }
    if (!routes) return {};
    SortByOpening(facts.open_cases);
    facts.entries = OpenEntriesOfAll(reader, facts.customer->id);
    for (BlacklistEntry& entry : facts.entries) entry.customer_id = facts.customer->id;
    return LoadHold();
  }
  static bool MayPutInForce(const EntryVerb& verb) {
    const auto* decide = std::get_if<DecideEntry>(&verb);
    const auto* appeal = std::get_if<DecideEntryAppeal>(&verb);
    return (decide != nullptr && decide->activate) || (appeal != nullptr && !appeal->uphold);
  }
  // Whoever sees it: where they are claimed has nothing to do with who decides on the entry.
  void AddOpenCase(Case c) {
    if (c.phase != Phase::kClosed && !c.history) facts.open_cases.push_back(std::move(c));
  }

  // Conditions of rules may ask what was said as a case opened.
  void LoadOpeningWords() {
    for (Case& c : facts.cases) {
      Text& request = c.details.customer_request;
      if (!request.id.empty()) request.value = reader.GetText(request.id);
    }
    for (Response& response : facts.responses) {
      const bool opened = std::any_of(facts.cases.begin(), facts.cases.end(), [&](const Case& c) {
        return c.opening_response_id == response.id;
      });
      if (opened) Hydrate(reader, response);
    }
  }
  // Who is to be listed. Out of sight is as if there were nobody.
  Result<void> LoadListed(const CustomerId& id) {
    facts.customer = Visible(Standing(reader, VisibleCustomer(id)));
    if (!facts.customer) return NotFound("customer");
    facts.entries = EntriesOfAll(reader, facts.customer->id);
    for (BlacklistEntry& entry : facts.entries) entry.customer_id = facts.customer->id;
    facts.next_entry_number = reader.NextEntryNumber();
    return {};
  }
  // Cases of the person that the evidence names; any other is as if it were not there.
  void LoadEvidence(const std::vector<BlacklistEvidence>& evidence) {
    std::optional<std::vector<CustomerId>> everyone;
    for (const BlacklistEvidence& each : evidence) {
      if (each.case_id.empty() || Among(facts.cases, each.case_id)) continue;
      auto c = FindVisible(reader, caller.scope, CaseRef{each.case_id, 0});
      if (!c) continue;
      if (!everyone) everyone = Everyone(reader, facts.customer->id);
      if (std::find(everyone->begin(), everyone->end(), c->customer_id) == everyone->end()) {
        continue;
      }
      facts.cases.push_back(*std::move(c));
    }
  }

  // What may restrict that which the command comes to do with or for somebody.
  void LoadRestrictions(const Command& command) {
    const auto* submit = std::get_if<SubmitResponse>(&command);
    if (submit != nullptr ? submit->history
                          : !std::holds_alternative<OpenCase>(command) &&
                                !std::holds_alternative<ClaimNext>(command) &&
                                !std::holds_alternative<WorkCase>(command)) {
      return;
    }
    for (const auto* whose : {&facts.customer, &facts.other_customer, &facts.waiting_customer}) {
      if (!*whose) continue;
      const CustomerId& id = (*whose)->id;
      const bool known =
          std::any_of(facts.entries.begin(), facts.entries.end(),
                      [&](const BlacklistEntry& entry) { return entry.customer_id == id; });
      if (known) continue;
      for (BlacklistEntry& entry : OpenEntriesOfAll(reader, id)) {
        entry.customer_id = id;
        facts.entries.push_back(std::move(entry));
      }
    }
  }

  // What plans need to know beyond the rows: where the customer lives, and the words of openings
  // that their conditions ask for.
  void LoadForPlans(const Command& command) {
    if (facts.customer) facts.customer_zone = FindZone(facts.customer->profile.time_zone);
    if (facts.other_customer) {
      facts.other_customer_zone = FindZone(facts.other_customer->profile.time_zone);
    }
    for (const Case& c : facts.cases) LoadWords(c);
    for (const Case& c : facts.open_cases) LoadWords(c);
    if (facts.subject) {
      const auto* work = std::get_if<WorkCase>(&command);
      const auto* migrate = work ? std::get_if<MigrateCase>(&work->verb) : nullptr;
      LoadWords(*facts.subject, migrate);
    }
    if (facts.other) LoadWords(*facts.other);
  }
  // Where it follows, or may come to follow in this decision, a plan that asks for them.
  void LoadWords(const Case& c, const MigrateCase* migrate = nullptr) {
    const auto asks = [](const Revision& revision, std::string_view id) {
      const Playbook* plan = revision.FindPlaybook(id);
      return plan != nullptr && AsksWords(*plan);
    };
    const std::string& id = c.playbook.playbook_id;
    bool needed = false;
    if (c.held) {  // it may begin, by any plan in force
      const auto& plans = context.revision->playbooks;
      needed = std::any_of(plans.begin(), plans.end(), AsksWords);
    } else if (!id.empty()) {
      needed = asks(RevisionOf(facts, context, c.revision), id) ||
               (migrate && asks(RevisionOf(facts, context, migrate->revision), id));
    }
    if (!needed) return;
    Facts::Words& words = facts.words.emplace_back();
    words.case_id = c.id;
    if (!c.opening_response_id.empty()) {
      words.answer = reader.GetResponse(c.opening_response_id);
      if (words.answer) Hydrate(reader, *words.answer);
    } else if (!c.details.customer_request.id.empty()) {
      words.request = reader.GetText(c.details.customer_request.id);
    }
  }
  // What the case was merged into, what that was, and so on: the last one is on its own. Merging
  // bounds them.
  std::vector<Case> MergedInto(const Case& c) {
    std::vector<Case> found;
    CaseId next = c.merged_into;
    while (!next.empty()) {
      auto into = reader.GetCase(next);
      CHECK(into.has_value());
      next = into->merged_into;
      found.push_back(*std::move(into));
    }
    return found;
  }
  Result<void> LoadOther(const CaseRef& other) {
    facts.other = FindVisible(reader, caller.scope, other);
    if (!facts.other) return NotFound("case");
    if (!facts.other->customer_id.empty()) {
      facts.other_customer = Standing(reader, reader.GetCustomer(facts.other->customer_id));
    }
    return LoadHold();
  }

  // Of the customer and every alias.
  std::vector<Case> CasesOfAll(const CustomerId& id, std::string_view program_id) {
    std::vector<Case> cases;
    for (const CustomerId& each : Everyone(reader, id)) {
      for (Case& c : reader.CasesOf(each, program_id)) cases.push_back(std::move(c));
    }
    return cases;
  }
  void LoadCases(const CustomerId& id, std::string_view program_id) {
    for (Case& c : CasesOfAll(id, program_id)) facts.cases.push_back(std::move(c));
    SortByOpening(facts.cases);
  }
  // In every program.
  void LoadEveryCase(const CustomerId& id) {
    for (const CustomerId& each : Everyone(reader, id)) {
      for (Case& c : reader.CasesOf(each)) facts.cases.push_back(std::move(c));
    }
    SortByOpening(facts.cases);
  }
  static void SortByOpening(std::vector<Case>& cases) {
    std::stable_sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) {
      return std::pair(a.opened_at, a.number) < std::pair(b.opened_at, b.number);
    });
  }

  std::optional<Customer> Visible(std::optional<Customer> customer) {
    if (customer && !caller.scope.CoversOrgUnit(customer->profile.org_unit_id)) customer.reset();
    return customer;
  }
  std::optional<Customer> VisibleCustomer(const CustomerId& id) {
    return Visible(reader.GetCustomer(id));
  }
};

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
        Facts facts;
        FactLoader loader{transaction, caller, context, revisions, secret, facts};
        if (auto loaded = loader(*unmask); !loaded) return std::move(loaded).error();
        return ShowAgain(transaction, *unmask, facts);
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
  Facts facts;
  FactLoader loader{transaction, caller, context, revisions, secret, facts};
  if (auto loaded = std::visit(loader, command); !loaded) return std::move(loaded).error();
  // Nothing is done with the cases that entries rest on, only with those that an entry sends
  // elsewhere.
  const bool on_entry = std::holds_alternative<ProposeEntry>(command) ||
                        std::holds_alternative<ProposeByRules>(command) ||
                        std::holds_alternative<WorkEntry>(command);
  if (!on_entry || !facts.open_cases.empty()) {
    loader.PinAll();
    loader.LoadForPlans(command);
  }
  loader.OfferLookups();
  if (std::holds_alternative<WorkCase>(command) && facts.subject) {
    if (auto loaded = loader.LoadWaiting(); !loaded) return std::move(loaded).error();
  }
  loader.LoadRestrictions(command);
  auto events = Decide(facts, command, context);
  if (!events) return std::move(events).error();

  Change change = Fold(facts, *std::move(events));
  FoldServer(transaction, command, context, change);
  FoldIdentities(facts, secret, change);
  Outcome outcome;
  const RawId resource = Resource(command, facts, change, &outcome);
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
