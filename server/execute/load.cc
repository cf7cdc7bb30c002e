#include "server/execute/load.h"

#include <algorithm>
#include <functional>

#include "server/config/zones.h"
#include "server/execute/lookup.h"
#include "server/storage/codec.h"
#include "workflows/check.h"
#include "workflows/routing.h"
#include "workflows/steps.h"

namespace rebound {
namespace {

// Of the customer and every alias.
std::vector<Case> CasesOfAll(Reader& reader, const CustomerId& id, std::string_view program_id) {
  std::vector<Case> cases;
  for (const CustomerId& each : Everyone(reader, id)) {
    for (Case& c : reader.CasesOf(each, program_id)) cases.push_back(std::move(c));
  }
  return cases;
}

// One overload for each command; the rest is what they share.
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
    facts.load_of = [&reader = reader](std::string_view principal) {
      return reader.LoadOf(principal);
    };
    facts.earlier_owner = [&reader = reader](const Case& c) {
      std::string owner;
      if (c.customer_id.empty()) return owner;
      const auto customer = Standing(reader, reader.GetCustomer(c.customer_id));
      const CustomerId id = customer ? customer->id : c.customer_id;
      std::pair<Timestamp, int64_t> newest{Timestamp::min(), 0};
      for (const Case& known : CasesOfAll(reader, id, c.program_id)) {
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

  void LoadCases(const CustomerId& id, std::string_view program_id) {
    for (Case& c : CasesOfAll(reader, id, program_id)) facts.cases.push_back(std::move(c));
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

}  // namespace

Result<Facts> LoadFacts(Transaction& reader, const Caller& caller, const Context& context,
                        const RevisionLookup& revisions, const SuppressionSecret& secret,
                        const Command& command) {
  Facts facts;
  FactLoader loader{reader, caller, context, revisions, secret, facts};
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
  return facts;
}

}  // namespace rebound
