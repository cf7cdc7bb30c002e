#include "workflows/blacklist.h"

#include <algorithm>
#include <utility>

#include "workflows/blacklist_policy.h"
#include "workflows/check.h"

namespace rebound {
namespace {

// The path itself, or one below it.
bool IsWithin(std::string_view path, std::string_view above) {
  return path.starts_with(above) && (path.size() == above.size() || path[above.size()] == '/');
}

template <typename T, typename U>
bool Contains(const std::vector<T>& all, const U& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

template <typename T>
bool ContainsAll(const std::vector<T>& all, const std::vector<T>& some) {
  return std::all_of(some.begin(), some.end(), [&](const T& each) { return Contains(all, each); });
}

// An empty list stands for everything.
template <typename T>
bool CoversList(const std::vector<T>& wide, const std::vector<T>& narrow) {
  return wide.empty() || (!narrow.empty() && ContainsAll(wide, narrow));
}

bool HoldsFor(const BlacklistExtent& extent, const RestrictedAction& action) {
  switch (extent.kind) {
    case BlacklistExtent::Kind::kUnset: return false;
    case BlacklistExtent::Kind::kCompany: return true;
    case BlacklistExtent::Kind::kOrgUnit: return IsWithin(action.org_unit_id, extent.id);
    case BlacklistExtent::Kind::kProgram: return action.program_id == extent.id;
  }
  CHECK(false);
  return false;
}

void SortByNumber(std::vector<PermitExplanation>& explanations) {
  std::sort(
      explanations.begin(), explanations.end(),
      [](const PermitExplanation& a, const PermitExplanation& b) { return a.number < b.number; });
}

bool IsListed(const std::vector<std::string>& list, std::string_view id) {
  return list.empty() || Contains(list, id);
}

// What an entry in force says to an action within its extent; nullopt: nothing.
std::optional<PermitOutcome> Say(const BlacklistEntry& entry, const RestrictedAction& action) {
  const BlacklistEffects& effects = entry.effects;
  const bool contact = action.kind == RestrictedActionKind::kContact;
  const bool survey = action.kind == RestrictedActionKind::kSurvey;
  const bool remedy = action.kind == RestrictedActionKind::kRemedy && !action.statutory &&
                      IsListed(effects.remedy_types, action.remedy_type);
  const bool route = action.kind == RestrictedActionKind::kRoute;
  switch (entry.kind) {
    case BlacklistKind::kUnset: break;
    case BlacklistKind::kDoNotContact:
      if (contact || (survey && IsListed(effects.program_ids, action.program_id))) {
        return PermitOutcome::kBlocked;
      }
      break;
    case BlacklistKind::kChannelLimit:
      if ((contact || survey) && Contains(effects.channels, action.channel)) {
        return PermitOutcome::kBlocked;
      }
      break;
    case BlacklistKind::kNoGoodwill:
      if (remedy) return PermitOutcome::kBlocked;
      if (route && !effects.queue_id.empty()) return PermitOutcome::kAllowed;
      break;
    case BlacklistKind::kRepeatCompensation:
      if (remedy) return PermitOutcome::kNeedsApproval;
      if (route && !effects.queue_id.empty()) return PermitOutcome::kAllowed;
      break;
    case BlacklistKind::kStaffSafety:
      if (contact && action.channel == Channel::kInPerson) return PermitOutcome::kNeedsApproval;
      if (route) return PermitOutcome::kAllowed;
      break;
  }
  return std::nullopt;
}

Timestamp HoldsUntil(const BlacklistEntry& entry) {
  const bool decided = entry.state == BlacklistState::kActive;
  return decided || !entry.immediate_until ? entry.expires_at
                                           : std::min(*entry.immediate_until, entry.expires_at);
}

BlacklistKindPolicy PolicyOf(BlacklistKind kind, int max_days, int review_days,
                             std::string legal_basis) {
  BlacklistKindPolicy policy;
  policy.kind = kind;
  policy.max_duration = std::chrono::days{max_days};
  policy.review_interval = std::chrono::days{review_days};
  policy.legal_basis = std::move(legal_basis);
  policy.decide_roles = {"admin", "manager"};
  return policy;
}

BlacklistKindPolicy AfterWarning(BlacklistKindPolicy policy) {
  policy.warn_first = true;
  policy.warning_wait = kUsualWarningWait;
  return policy;
}

}  // namespace

BlacklistPolicy DefaultBlacklistPolicy() {
  using Kind = BlacklistKind;
  constexpr const char* kObjection = "objection";
  constexpr const char* kInterest = "legitimate_interest";
  constexpr const char* kProtection = "protection_of_staff";
  BlacklistPolicy policy;
  policy.kinds = {
      PolicyOf(Kind::kDoNotContact, 730, 180, kObjection),
      AfterWarning(PolicyOf(Kind::kChannelLimit, 365, 90, kInterest)),
      AfterWarning(PolicyOf(Kind::kNoGoodwill, 365, 90, kInterest)),
      PolicyOf(Kind::kRepeatCompensation, 365, 90, kInterest),
      PolicyOf(Kind::kStaffSafety, 365, 90, kProtection),
  };
  policy.reasons = {
      {"customer_wish", "The customer's own wish", "客户本人要求", {Kind::kDoNotContact}},
      {"abusive_contact",
       "Abuse on a channel of contact",
       "在联系渠道中辱骂、骚扰",
       {Kind::kDoNotContact, Kind::kChannelLimit}},
      {"dishonest_claims",
       "Claims that were found to be untrue",
       "经核实存在不实诉求",
       {Kind::kNoGoodwill, Kind::kRepeatCompensation}},
      {"frequent_compensation",
       "Compensation far more often than usual",
       "补偿频次明显高于常态",
       {Kind::kNoGoodwill, Kind::kRepeatCompensation}},
      {"suspected_claimant",
       "Suspected claims for profit",
       "疑似牟利性索赔",
       {Kind::kNoGoodwill, Kind::kRepeatCompensation}},
      {"threat", "Threats against staff", "威胁员工人身安全", {Kind::kStaffSafety}},
      {"violence", "Violence against staff", "对员工实施暴力", {Kind::kStaffSafety}},
  };
  return policy;
}

std::string_view Name(BlacklistKind kind) {
  switch (kind) {
    case BlacklistKind::kUnset: return "";
    case BlacklistKind::kDoNotContact: return "do_not_contact";
    case BlacklistKind::kChannelLimit: return "channel_limit";
    case BlacklistKind::kNoGoodwill: return "no_goodwill";
    case BlacklistKind::kRepeatCompensation: return "repeat_compensation";
    case BlacklistKind::kStaffSafety: return "staff_safety";
  }
  CHECK(false);
  return {};
}

std::string_view Name(BlacklistState state) {
  switch (state) {
    case BlacklistState::kUnset: return "";
    case BlacklistState::kProposed: return "proposed";
    case BlacklistState::kWarned: return "warned";
    case BlacklistState::kActive: return "active";
    case BlacklistState::kLapsed: return "lapsed";
    case BlacklistState::kLifted: return "lifted";
    case BlacklistState::kRejected: return "rejected";
  }
  CHECK(false);
  return {};
}

std::string_view Name(EntryCommand command) {
  switch (command) {
    case EntryCommand::kWarn: return "warn";
    case EntryCommand::kDecide: return "decide";
    case EntryCommand::kRequestExtension: return "request_extension";
    case EntryCommand::kDecideExtension: return "decide_extension";
    case EntryCommand::kAppeal: return "appeal";
    case EntryCommand::kDecideAppeal: return "decide_appeal";
    case EntryCommand::kLift: return "lift";
  }
  CHECK(false);
  return {};
}

bool Accepts(BlacklistState state, EntryCommand command) {
  switch (state) {
    case BlacklistState::kUnset:
    case BlacklistState::kLapsed:
    case BlacklistState::kLifted:
    case BlacklistState::kRejected: return false;
    case BlacklistState::kProposed:
      return command == EntryCommand::kWarn || command == EntryCommand::kDecide;
    case BlacklistState::kWarned: return command == EntryCommand::kDecide;
    case BlacklistState::kActive:
      return command != EntryCommand::kWarn && command != EntryCommand::kDecide;
  }
  CHECK(false);
  return false;
}

std::vector<std::string> Allowed(BlacklistState state) {
  std::vector<std::string> names;
  for (int i = 0; i < kEntryCommandCount; ++i) {
    const auto command = static_cast<EntryCommand>(i);
    if (Accepts(state, command)) names.emplace_back(Name(command));
  }
  return names;
}

std::string_view Name(BlacklistNotice notice) {
  switch (notice) {
    case BlacklistNotice::kUnset: return "";
    case BlacklistNotice::kWarning: return "warning";
    case BlacklistNotice::kDecision: return "decision";
    case BlacklistNotice::kExtended: return "extended";
    case BlacklistNotice::kAppealDecided: return "appeal_decided";
    case BlacklistNotice::kLifted: return "lifted";
    case BlacklistNotice::kLapsed: return "lapsed";
    case BlacklistNotice::kImmediateOver: return "immediate_over";
    case BlacklistNotice::kAppealOverdue: return "appeal_overdue";
    case BlacklistNotice::kReviewDue: return "review_due";
  }
  CHECK(false);
  return {};
}

bool IsForCustomer(BlacklistNotice notice) {
  return BlacklistNotice::kUnset < notice && notice < BlacklistNotice::kImmediateOver;
}

std::vector<std::string_view> VariablesOf(BlacklistNotice notice) {
  std::vector<std::string_view> names = {"customer_name", "entry_number", "restriction", "reason"};
  switch (notice) {
    case BlacklistNotice::kUnset:
    case BlacklistNotice::kLifted:
    case BlacklistNotice::kImmediateOver:
    case BlacklistNotice::kAppealOverdue:
    case BlacklistNotice::kReviewDue: return names;
    case BlacklistNotice::kWarning: names.emplace_back("change_by"); return names;
    case BlacklistNotice::kDecision:
    case BlacklistNotice::kExtended:
      names.insert(names.end(), {"start", "end", "appeal_until"});
      return names;
    case BlacklistNotice::kAppealDecided:
      names.insert(names.end(), {"outcome", "end"});
      return names;
    case BlacklistNotice::kLapsed: names.emplace_back("end"); return names;
  }
  CHECK(false);
  return names;
}

std::string_view Name(PermitOutcome outcome) {
  switch (outcome) {
    case PermitOutcome::kAllowed: return "allowed";
    case PermitOutcome::kNeedsApproval: return "needs_approval";
    case PermitOutcome::kBlocked: return "blocked";
  }
  CHECK(false);
  return {};
}

bool IsOpen(const BlacklistEntry& entry, Timestamp now) {
  return !IsFinal(entry.state) && now < entry.expires_at;
}

bool IsInForce(const BlacklistEntry& entry, Timestamp now) {
  if (now < entry.starts_at || now >= entry.expires_at) return false;
  switch (entry.state) {
    case BlacklistState::kUnset:
    case BlacklistState::kLapsed:
    case BlacklistState::kLifted:
    case BlacklistState::kRejected: return false;
    case BlacklistState::kProposed:
    case BlacklistState::kWarned: return entry.immediate_until && now < *entry.immediate_until;
    case BlacklistState::kActive:
      return entry.kind == BlacklistKind::kStaffSafety ||
             entry.appeal.state != AppealState::kMade || now < entry.appeal.due_at;
  }
  CHECK(false);
  return false;
}

std::optional<Timestamp> NextDue(const BlacklistEntry& entry) {
  if (IsFinal(entry.state)) return std::nullopt;
  Timestamp due = entry.expires_at;
  if (entry.state == BlacklistState::kActive) {
    if (entry.review_at) due = std::min(due, *entry.review_at);
    if (entry.appeal.state == AppealState::kMade && !entry.appeal_overdue_noticed) {
      due = std::min(due, entry.appeal.due_at);
    }
  } else if (entry.immediate_until && !entry.immediate_over_noticed) {
    due = std::min(due, *entry.immediate_until);
  }
  return due;
}

bool Covers(const BlacklistExtent& wide, const BlacklistExtent& narrow) {
  if (wide.kind == BlacklistExtent::Kind::kCompany) return true;
  if (wide.kind != narrow.kind) return false;
  return wide.kind == BlacklistExtent::Kind::kOrgUnit ? IsWithin(narrow.id, wide.id)
                                                      : wide.id == narrow.id;
}

bool Covers(const BlacklistEffects& wide, const BlacklistEffects& narrow) {
  return ContainsAll(wide.channels, narrow.channels) &&
         CoversList(wide.remedy_types, narrow.remedy_types) &&
         CoversList(wide.program_ids, narrow.program_ids) &&
         (narrow.queue_id.empty() || wide.queue_id == narrow.queue_id);
}

BlacklistEntry Brief(const BlacklistEntry& entry) {
  BlacklistEntry brief;
  brief.id = entry.id;
  brief.number = entry.number;
  brief.customer_id = entry.customer_id;
  brief.kind = entry.kind;
  brief.state = entry.state;
  brief.effects = entry.effects;
  brief.extent = entry.extent;
  brief.reason_code = entry.reason_code;
  brief.org_unit_id = entry.org_unit_id;
  brief.starts_at = entry.starts_at;
  brief.expires_at = entry.expires_at;
  brief.immediate_until = entry.immediate_until;
  brief.appeal.state = entry.appeal.state;
  brief.appeal.due_at = entry.appeal.due_at;
  return brief;
}

Permit Restrict(std::span<const BlacklistEntry> entries, const RestrictedAction& action,
                Timestamp now) {
  Permit permit;
  // Whose queue it is: false for staff_safety, which comes first, and the number.
  std::optional<std::pair<bool, int64_t>> queue_of;
  for (const BlacklistEntry& entry : entries) {
    if (!IsInForce(entry, now) || !HoldsFor(entry.extent, action)) continue;
    const std::optional<PermitOutcome> said = Say(entry, action);
    if (!said) continue;
    permit.outcome = std::max(permit.outcome, *said);
    permit.explanations.push_back(
        {entry.id, entry.number, entry.kind, entry.reason_code, *said, HoldsUntil(entry)});
    const bool routes =
        action.kind == RestrictedActionKind::kRoute && !entry.effects.queue_id.empty();
    const std::pair rank(entry.kind != BlacklistKind::kStaffSafety, entry.number);
    if (routes && (!queue_of || rank < *queue_of)) {
      queue_of = rank;
      permit.queue_id = entry.effects.queue_id;
    }
  }
  SortByNumber(permit.explanations);
  return permit;
}

std::string RoutedTo(std::span<const BlacklistEntry> entries, const Case& c, Timestamp now) {
  if (entries.empty() || !IsClaimable(c)) return {};
  RestrictedAction route;
  route.kind = RestrictedActionKind::kRoute;
  route.program_id = c.program_id;
  route.org_unit_id = c.details.org_unit_id;
  const Permit permit = Restrict(entries, route, now);
  const bool sent = std::all_of(permit.explanations.begin(), permit.explanations.end(),
                                [&](const PermitExplanation& each) {
                                  const CaseRestriction* known = FindRestriction(c, each.entry_id);
                                  return known != nullptr && known->routed;
                                });
  return sent || permit.queue_id == c.details.queue_id ? std::string() : permit.queue_id;
}

const CaseRestriction* FindRestriction(const Case& c, const BlacklistEntryId& entry) {
  const auto known =
      std::find_if(c.restrictions.begin(), c.restrictions.end(),
                   [&](const CaseRestriction& each) { return each.entry_id == entry; });
  return known == c.restrictions.end() ? nullptr : &*known;
}

std::vector<PermitExplanation> Bearing(std::span<const BlacklistEntry> entries,
                                       std::string_view program_id, std::string_view org_unit_id,
                                       Timestamp now) {
  RestrictedAction anything;
  anything.program_id = program_id;
  anything.org_unit_id = org_unit_id;
  std::vector<PermitExplanation> found;
  for (const BlacklistEntry& entry : entries) {
    if (!IsInForce(entry, now) || !HoldsFor(entry.extent, anything)) continue;
    found.push_back({entry.id, entry.number, entry.kind, entry.reason_code, PermitOutcome::kAllowed,
                     HoldsUntil(entry)});
  }
  SortByNumber(found);
  return found;
}

}  // namespace rebound
