#include <algorithm>
#include <span>

#include "workflows/blacklist.h"
#include "workflows/draft.h"
#include "workflows/predicate.h"

namespace rebound {
namespace {

// Those of the case's own customer: a decision may know the entries of several.
std::vector<BlacklistEntry> EntriesOf(const Draft& draft, const Case& c) {
  std::vector<BlacklistEntry> own;
  const std::vector<BlacklistEntry>& known = draft.facts().entries;
  const std::vector<BlacklistEntry>& decided = draft.put_in_force();
  if (known.empty() && decided.empty()) return own;
  const Customer* customer = draft.CustomerOf(c);
  if (customer == nullptr) return own;
  const auto is_theirs = [&](const BlacklistEntry& entry) {
    return entry.customer_id == customer->id;
  };
  const auto is_as_it_was = [&](const BlacklistEntry& entry) {
    return std::none_of(decided.begin(), decided.end(),
                        [&](const BlacklistEntry& each) { return each.id == entry.id; });
  };
  std::copy_if(
      known.begin(), known.end(), std::back_inserter(own),
      [&](const BlacklistEntry& entry) { return is_theirs(entry) && is_as_it_was(entry); });
  std::copy_if(decided.begin(), decided.end(), std::back_inserter(own), is_theirs);
  return own;
}

}  // namespace

Permit PermitOf(const Draft& draft, const Case& c, RestrictedAction action) {
  const std::vector<BlacklistEntry> entries = EntriesOf(draft, c);
  if (entries.empty()) return {};
  action.program_id = c.program_id;
  action.org_unit_id = c.details.org_unit_id;
  return Restrict(entries, action, draft.context().now);
}

std::string Explained(const Permit& permit) {
  std::string text;
  for (const PermitExplanation& each : permit.explanations) {
    if (each.outcome != permit.outcome) continue;
    text += (text.empty() ? "" : "; ") + EntryNumberText(each.number) + " " +
            std::string(Name(each.kind)) + " (" + each.reason_code + ") until " +
            FormatTime(each.until);
  }
  return text;
}

Error RestrictedBy(const Case& c, const Permit& permit) {
  const bool blocked = permit.outcome == PermitOutcome::kBlocked;
  return Error{blocked ? Reason::kBlacklistBlocks : Reason::kBlacklistNeedsApproval,
               {{"case", CaseNumberText(c.number)}, {"entries", Explained(permit)}}};
}

void NoteRestrictions(Draft& draft, Case& c) {
  if (c.history || c.phase == Phase::kClosed) return;
  const std::vector<BlacklistEntry> entries = EntriesOf(draft, c);
  if (entries.empty()) return;
  const Timestamp now = draft.context().now;
  // A case that waits goes where the entries say; whoever has it already keeps it.
  RestrictedAction action;
  action.kind = RestrictedActionKind::kRoute;
  const Permit route = IsClaimable(c) ? PermitOf(draft, c, action) : Permit{};
  const bool was = draft.BySystem(true);
  for (const PermitExplanation& each : Bearing(entries, c.program_id, c.details.org_unit_id, now)) {
    const CaseRestriction* known = FindRestriction(c, each.entry_id);
    const bool routes = std::any_of(
        route.explanations.begin(), route.explanations.end(),
        [&](const PermitExplanation& sends) { return sends.entry_id == each.entry_id; });
    if (known != nullptr && (known->routed || !routes)) continue;
    CaseRestriction restriction{each.entry_id,    each.number, each.kind,
                                each.reason_code, each.until,  now};
    if (known != nullptr) restriction = *known;
    restriction.routed = routes;
    const bool moves = routes && route.queue_id != c.details.queue_id;
    draft.AddCase(c, now,
                  CaseRestricted{std::move(restriction), moves ? route.queue_id : std::string()});
  }
  draft.BySystem(was);
}

void NoteOnOpenCases(Draft& draft, BlacklistEntry entry) {
  const Facts& facts = draft.facts();
  const Timestamp now = draft.context().now;
  if (entry.effects.queue_id.empty() || !IsInForce(entry, now) || !facts.customer) return;
  entry.customer_id = facts.customer->id;
  draft.PutInForce(entry);
  const std::span<const BlacklistEntry> alone(&entry, 1);
  const bool was = draft.BySystem(true);
  for (const Case& known : facts.open_cases) {
    if (Bearing(alone, known.program_id, known.details.org_unit_id, now).empty()) continue;
    const bool noted = FindRestriction(known, entry.id) != nullptr;
    if (noted && RoutedTo(alone, known, now).empty()) continue;
    if (!CheckFollowed(draft, known)) continue;
    Case c = known;
    CrossDueTiers(draft, c, now);
    Settle(draft, c);
  }
  draft.BySystem(was);
}

}  // namespace rebound
