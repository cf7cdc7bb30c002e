#include <algorithm>

#include "workflows/limits.h"
#include "workflows/verb.h"

namespace rebound {
namespace {

bool IsSameCustomer(const Facts& facts, const Case& c, const Case& into) {
  if (c.customer_id.empty()) return true;  // nobody knows better than whoever merges it
  if (into.customer_id.empty()) return false;
  const CustomerId& one = facts.customer ? facts.customer->id : c.customer_id;
  const CustomerId& other = facts.other_customer ? facts.other_customer->id : into.customer_id;
  return one == other;
}

// The case that is handled now where that one was merged; nullptr: the caller does not see it.
const Case* GoesOnIn(const Facts& facts, const Case& merged) {
  if (merged.merged_into.empty() || facts.cases.empty()) return nullptr;
  const Case& last = facts.cases.back();
  return last.merged_into.empty() ? &last : nullptr;
}

// The clock of the commitment at that place; nullptr: it is over.
const CaseClock* ClockOfCommitment(const Case& c, size_t index) {
  const auto clock = std::find_if(c.clocks.begin(), c.clocks.end(), [&](const CaseClock& each) {
    return each.kind == ClockKind::kCommitment && IsLive(each) &&
           static_cast<size_t>(each.generation) == index + 1;  // each promise has started one
  });
  return clock == c.clocks.end() ? nullptr : &*clock;
}

std::vector<ResponseId> ResponsesOf(const Case& c) {
  std::vector<ResponseId> ids;
  if (!c.opening_response_id.empty()) ids.push_back(c.opening_response_id);
  ids.insert(ids.end(), c.attached_response_ids.begin(), c.attached_response_ids.end());
  return ids;
}

// Takes what came with `c` off `holder`: its responses, and the promises that still wait there,
// which are added to `back`.
void Separate(Draft& draft, Case holder, const Case& c, std::vector<Commitment>& back) {
  const Timestamp now = draft.context().now;
  CrossDueTiers(draft, holder, now);
  CaseSeparated separated{c.id, holder.merge_depth, ResponsesOf(c), {}};
  const auto& merged = holder.merged_case_ids;
  // How deep the others are is not known here: what was reached stays, until nothing is left.
  if (std::all_of(merged.begin(), merged.end(), [&](const CaseId& id) { return id == c.id; })) {
    separated.depth = 0;
  }
  for (size_t i = 0; i < holder.commitments.size(); ++i) {
    const Commitment& each = holder.commitments[i];
    const bool ours =
        std::any_of(c.commitments.begin(), c.commitments.end(), [&](const Commitment& gone) {
          return gone.id == each.id && gone.state == CommitmentState::kMoved;
        });
    if (each.state != CommitmentState::kPending || !ours) continue;
    separated.commitment_ids.push_back(each.id);
    Commitment& returned = back.emplace_back(each);
    if (returned.carried_from == c.id) returned.carried_from = {};
    if (const CaseClock* clock = ClockOfCommitment(holder, i)) {
      EndClock(draft, holder, CaseClock(*clock), ClockState::kCancelled, now);
    }
  }
  draft.AddCase(holder, now, std::move(separated));
  Settle(draft, holder);
}

}  // namespace

Result<void> CheckLinkKind(std::string field, std::string_view kind) {
  if (kind.empty()) return FieldError(std::move(field), Reason::kRequiredFieldMissing);
  std::string allowed;
  for (const std::string_view known : kLinkKinds) {
    if (known == kind) return {};
    (allowed += allowed.empty() ? "" : ", ") += known;
  }
  return FieldError(std::move(field), Reason::kLinkKindUnknown,
                    {{"value", std::string(kind)}, {"allowed", std::move(allowed)}});
}

Result<void> AddLink(Draft& draft, Case& c, const CaseLink& link, std::string field) {
  const std::vector<CaseLink>& links = c.details.links;
  if (std::find(links.begin(), links.end(), link) != links.end()) return {};
  if (links.size() >= limits::kLinks) {
    return FieldError(std::move(field), Reason::kTooManyItems,
                      {{"value", std::to_string(links.size() + 1)},
                       {"expected", "at most " + std::to_string(limits::kLinks) + " links of " +
                                        CaseNumberText(c.number)}});
  }
  draft.AddCase(c, draft.context().now, CaseLinkChanged{link, false});
  return {};
}

Result<void> VerbDecision::operator()(const MergeCase& verb) {
  if (!facts.other) return NotFound("case");
  Case into = *facts.other;
  const std::string field = "into_case_id";
  if (into.id == c.id) {
    return FieldError(field, Reason::kMergeIntoItself, {{"case", CaseNumberText(c.number)}});
  }
  if (into.phase == Phase::kClosed) {
    Error error{Reason::kMergeTargetClosed,
                {{"case", CaseNumberText(into.number)}, {"status", into.status}}};
    const Case* open = GoesOnIn(facts, into);
    if (open != nullptr) error.metadata["into"] = CaseNumberText(open->number);
    return error;
  }
  if (into.held) {
    return Error{Reason::kMergeTargetHeldOut,
                 {{"case", CaseNumberText(c.number)}, {"into", CaseNumberText(into.number)}}};
  }
  if (!IsSameCustomer(facts, c, into)) {
    return Error{Reason::kMergeMismatch,
                 {{"case", CaseNumberText(c.number)}, {"into", CaseNumberText(into.number)}}};
  }
  auto transition = Need(CaseCommand::kMerge);
  if (!transition) return transition.error();
  const int32_t depth = std::max(into.merge_depth, c.merge_depth + 1);
  if (depth > limits::kMergeDepth) {
    return Error{
        Reason::kMergeTooDeep,
        {{"case", CaseNumberText(c.number)}, {"limit", std::to_string(limits::kMergeDepth)}}};
  }
  if (into.merged_case_ids.size() >= limits::kMergedCases) {
    return FieldError(field, Reason::kTooManyItems,
                      {{"value", std::to_string(into.merged_case_ids.size() + 1)},
                       {"expected", "at most " + std::to_string(limits::kMergedCases) +
                                        " cases merged into " + CaseNumberText(into.number)}});
  }
  if (auto followed = CheckFollowed(draft, into); !followed) return followed;
  const Timestamp now = context().now;
  CrossDueTiers(draft, into, now);

  CaseAbsorbed absorbed{c.id, depth};
  absorbed.response_ids = ResponsesOf(c);
  absorbed.severity = std::max(c.severity, into.severity);
  absorbed.takes_dedupe_slot = c.holds_dedupe_slot && !into.holds_dedupe_slot &&
                               c.customer_id == into.customer_id && c.program_id == into.program_id;
  for (const Commitment& each : c.commitments) {
    if (each.state != CommitmentState::kPending) continue;
    Commitment& moved = absorbed.commitments.emplace_back(each);
    if (moved.carried_from.empty()) moved.carried_from = c.id;
  }
  const std::vector<Commitment> carried = absorbed.commitments;

  // The slot and the promises are given up before they are taken.
  const CaseClosed closed = ClosedByHand(lifecycle(), c);
  StopAll(draft, c);
  CaseMerged merged{into.id, verb.note, closed.resurvey_result, closed.not_asked_reason};
  draft.Stamp(merged.note);
  draft.AddCase(c, now, std::move(merged), (*transition)->to);
  draft.AddCase(into, now, std::move(absorbed));
  for (const Commitment& each : carried) {
    StartClock(draft, into, ClockKind::kCommitment, each.due_at);
  }
  rebound::Settle(draft, into);
  return {};
}

Result<void> VerbDecision::operator()(const UnmergeCase& verb) {
  auto transition = Need(CaseCommand::kUnmerge);
  if (!transition) return transition.error();
  if (c.merged_into.empty()) {
    return Error{Reason::kNotMerged, {{"case", CaseNumberText(c.number)}}};
  }
  if (!facts.other) return NotFound("case");
  std::vector<Case> holders = {*facts.other};
  holders.insert(holders.end(), facts.cases.begin(), facts.cases.end());
  for (const Case& holder : holders) {
    if (auto followed = CheckFollowed(draft, holder); !followed) return followed;
  }
  CaseUnmerged unmerged{c.merged_into, verb.note, {}};
  draft.Stamp(unmerged.note);
  for (const Case& holder : holders) Separate(draft, holder, c, unmerged.commitments);
  const std::vector<Commitment> back = unmerged.commitments;
  // It is handled from now on, and nobody handles what is held back.
  const bool was_held = c.held;
  if (was_held) Begin(draft, c, nullptr, "reopened", {});
  draft.AddCase(c, context().now, std::move(unmerged), (*transition)->to);
  for (const Commitment& each : back) {
    StartClock(draft, c, ClockKind::kCommitment, each.due_at);
  }
  StartAgain(draft, c, was_held);
  return {};
}

Result<void> VerbDecision::operator()(const LinkCase& verb) {
  if (!facts.other) return NotFound("case");
  Case other = *facts.other;
  const std::string field = "other_case_id";
  if (other.id == c.id) {
    return FieldError(field, Reason::kMergeIntoItself, {{"case", CaseNumberText(c.number)}});
  }
  if (auto known = CheckLinkKind("kind", verb.kind); !known) return known;
  if (auto followed = CheckFollowed(draft, other); !followed) return followed;
  CrossDueTiers(draft, other, context().now);
  const std::pair<Case*, CaseLink> sides[] = {{&c, {other.id, verb.kind}},
                                              {&other, {c.id, verb.kind}}};
  for (const auto& [side, link] : sides) {
    if (!verb.remove) {
      if (auto added = AddLink(draft, *side, link, field); !added) return added;
      continue;
    }
    const std::vector<CaseLink>& links = side->details.links;
    if (std::find(links.begin(), links.end(), link) == links.end()) continue;
    draft.AddCase(*side, context().now, CaseLinkChanged{link, true});
  }
  rebound::Settle(draft, other);
  return {};
}

}  // namespace rebound
