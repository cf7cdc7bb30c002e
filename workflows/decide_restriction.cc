#include <algorithm>

#include "workflows/blacklist.h"
#include "workflows/draft.h"
#include "workflows/predicate.h"

namespace rebound {
namespace {

// Those of the case's own customer: a decision may know the entries of several.
std::vector<BlacklistEntry> EntriesOf(const Draft& draft, const Case& c) {
  std::vector<BlacklistEntry> own;
  const std::vector<BlacklistEntry>& known = draft.facts().entries;
  if (known.empty() && draft.recognised().empty()) return own;
  const Customer* customer = draft.CustomerOf(c);
  if (customer == nullptr) return own;
  for (const auto* entries : {&known, &draft.recognised()}) {
    std::copy_if(entries->begin(), entries->end(), std::back_inserter(own),
                 [&](const BlacklistEntry& entry) { return entry.customer_id == customer->id; });
  }
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
  const bool was = draft.BySystem(true);
  for (const PermitExplanation& each : Bearing(entries, c.program_id, c.details.org_unit_id, now)) {
    const auto noted = [&](const CaseRestriction& known) {
      return known.entry_id == each.entry_id;
    };
    if (std::any_of(c.restrictions.begin(), c.restrictions.end(), noted)) continue;
    CaseRestriction restriction{each.entry_id,    each.number, each.kind,
                                each.reason_code, each.until,  now};
    // A case that waits goes where the entry says; whoever has it already keeps it.
    std::string queue;
    if (IsClaimable(c)) {
      RestrictedAction route;
      route.kind = RestrictedActionKind::kRoute;
      queue = PermitOf(draft, c, route).queue_id;
      if (queue == c.details.queue_id) queue.clear();
    }
    draft.AddCase(c, now, CaseRestricted{std::move(restriction), std::move(queue)});
  }
  draft.BySystem(was);
}

}  // namespace rebound
