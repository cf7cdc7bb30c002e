#include <algorithm>

#include "workflows/blacklist_rules.h"
#include "workflows/limits.h"
#include "workflows/remedy_ledger.h"
#include "workflows/verb.h"

namespace rebound {
namespace {

// Greater, or in another currency, which no earlier decision was about.
bool IsRaised(const Remedy& remedy, const Remedy* known) {
  return known == nullptr || remedy.amount.amount_minor > known->amount.amount_minor ||
         (remedy.amount.currency != known->amount.currency && remedy.amount.amount_minor > 0);
}

// Whoever asked for what is to be approved now. Their asking is the last step to "proposed": other
// steps only lower the amount, or raise it where nobody has to approve.
std::string_view LastProposer(const Remedy& remedy) {
  for (auto step = remedy.steps.rbegin(); step != remedy.steps.rend(); ++step) {
    if (step->state == RemedyState::kProposed) return step->actor;
  }
  return remedy.actor;
}

Error LimitExceeded(const Case& c, const RemedyStanding& standing, const Remedy& remedy) {
  const RemedyLimit& limit = *standing.limit;
  Error error{Reason::kRemedyLimitExceeded,
              {{"case", CaseNumberText(c.number)},
               {"limit", limit.id},
               {"per", std::string(Name(limit.per))}}};
  if (limit.count && standing.used_count >= *limit.count) {
    error.metadata["allowed"] = std::to_string(*limit.count);
    error.metadata["used"] = std::to_string(standing.used_count);
    error.metadata["asked"] = "1";
    return error;
  }
  error.metadata["allowed"] = std::to_string(limit.amount.value_or(0));
  error.metadata["used"] = std::to_string(standing.used_minor);
  error.metadata["asked"] = std::to_string(CountedMinor(limit, remedy));
  error.metadata["currency"] = limit.currency;
  return error;
}

}  // namespace

Result<void> VerbDecision::operator()(const RecordRemedy& verb) {
  auto transition = Need(CaseCommand::kRemedy);
  if (!transition) return transition.error();
  Remedy remedy = verb.remedy;
  if (remedy.amount.amount_minor < 0 || remedy.amount.amount_minor > limits::kMoneyMinor) {
    return FieldError("remedy.amount", Reason::kMoneyInvalid,
                      {{"value", std::to_string(remedy.amount.amount_minor)},
                       {"expected", "0 to 10^15 minor units"}});
  }
  if (const std::string& expected = draft.ProgramOf(c).currency;
      !remedy.amount.empty() && remedy.amount.currency != expected) {
    return Error{Reason::kCurrencyMismatch,
                 {{"value", remedy.amount.currency}, {"expected", expected}}};
  }
  const Remedy* known = nullptr;
  if (remedy.id.empty()) {
    if (auto chosen = ChooseType(remedy); !chosen) return chosen;
  } else {
    const auto found = std::find_if(c.remedies.begin(), c.remedies.end(),
                                    [&](const Remedy& r) { return r.id == remedy.id; });
    if (found == c.remedies.end()) return NotFound("remedy");
    known = &*found;
  }
  if (auto settled = Settle(remedy, known); !settled) return settled;
  // An approval that was asked for is waited for, also where the case has no catalogue any more.
  if (!draft.RevisionOf(c).remedies.empty() || !remedy.approval_limit.empty()) {
    if (auto within = CheckLimits(remedy, known); !within) return within;
  }
  if (auto may = CheckRestricted(remedy, known); !may) return may;
  if (auto may = MayOffer(remedy); !may) return may;
  if (known == nullptr) remedy.id = draft.NewId<RemedyId>();
  draft.Stamp(remedy.note);
  remedy.updated_at = context().now;
  remedy.steps.push_back({remedy.state, context().actor, context().now});
  const bool given =
      remedy.state == RemedyState::kAccepted || remedy.state == RemedyState::kDelivered;
  const Transition& t = **transition;
  draft.AddCase(c, context().now, RemedyRecorded{std::move(remedy)}, given ? t.to : t.otherwise);
  if (given) EndClocks(draft, c, ClockKind::kRemedy, ClockState::kMet, context().now);
  return {};
}

Result<void> VerbDecision::ChooseType(Remedy& remedy) const {
  const Revision& revision = draft.RevisionOf(c);
  std::string allowed;
  for (const RemedyType& type : revision.remedies) {
    allowed += (allowed.empty() ? "" : ", ") + type.id;
  }
  if (revision.remedies.empty()) {
    if (remedy.type_id.empty()) return {};
    return FieldError("remedy.type_id", Reason::kRemedyTypeUnknown,
                      {{"value", remedy.type_id}, {"allowed", "none: there is no catalogue"}});
  }
  if (remedy.type_id.empty()) return FieldError("remedy.type_id", Reason::kRequiredFieldMissing);
  const RemedyType* type = FindRemedyType(revision, remedy.type_id);
  if (type == nullptr) {
    return FieldError("remedy.type_id", Reason::kRemedyTypeUnknown,
                      {{"value", remedy.type_id}, {"allowed", allowed}});
  }
  std::vector<FieldViolation> violations;
  if (remedy.kind != RemedyKind::kUnset && remedy.kind != type->kind) {
    violations.push_back({"remedy.kind",
                          Reason::kEnumValueUnknown,
                          {{"value", std::to_string(static_cast<int>(remedy.kind))},
                           {"expected", "the kind of " + type->id + ", or none"}}});
  }
  if (remedy.statutory && !type->statutory) {
    violations.push_back({"remedy.statutory",
                          Reason::kEnumValueUnknown,
                          {{"value", "true"}, {"expected", "what " + type->id + " is: false"}}});
  }
  if (type->needs_amount && remedy.amount.empty()) {
    violations.push_back({"remedy.amount", Reason::kRequiredFieldMissing, {}});
  }
  if (!violations.empty()) return ToError(std::move(violations));
  remedy.kind = type->kind;
  remedy.statutory = type->statutory;
  return {};
}

Result<void> VerbDecision::Settle(Remedy& remedy, const Remedy* known) {
  // Ours to say, not the caller's.
  remedy.steps.clear();
  remedy.approval_limit.clear();
  remedy.approved_by.clear();
  if (known == nullptr) {
    if (remedy.state == RemedyState::kReversed) return RemedyMoves("new", remedy.state);
    remedy.actor = context().actor;
    remedy.occurred_at = context().now;
    return {};
  }
  if (!remedy.type_id.empty() && remedy.type_id != known->type_id) {
    return FieldError(
        "remedy.type_id", Reason::kRemedyTypeUnknown,
        {{"value", remedy.type_id}, {"allowed", known->type_id.empty() ? "none" : known->type_id}});
  }
  if (remedy.amount.empty()) remedy.amount = known->amount;
  const bool over =
      known->state == RemedyState::kDeclined || known->state == RemedyState::kReversed;
  // Accepting and declining are alternatives, not steps.
  const bool turns =
      known->state == RemedyState::kAccepted && remedy.state == RemedyState::kDeclined;
  // Another amount is proposed anew, as long as the customer has not answered.
  const bool again = !draft.RevisionOf(c).remedies.empty() &&
                     remedy.state == RemedyState::kProposed &&
                     known->state <= RemedyState::kOffered && remedy.amount != known->amount;
  const bool forward = remedy.state > known->state && (known->state != RemedyState::kDelivered ||
                                                       remedy.state == RemedyState::kReversed);
  if (over || turns || (!forward && !again)) {
    return RemedyMoves(std::to_string(static_cast<int>(known->state)), remedy.state);
  }
  remedy.kind = known->kind;
  remedy.type_id = known->type_id;
  remedy.statutory = known->statutory;
  if (remedy.note.empty()) remedy.note = known->note;
  remedy.actor = known->actor;
  remedy.occurred_at = known->occurred_at;
  remedy.steps = known->steps;
  remedy.approval_limit = known->approval_limit;
  remedy.approved_by = known->approved_by;
  return {};
}

Result<void> VerbDecision::CheckLimits(Remedy& remedy, const Remedy* known) const {
  if (!IsGranted(remedy)) {  // gives nothing
    remedy.amount = known == nullptr ? remedy.amount : known->amount;
    return {};
  }
  if (remedy.state == RemedyState::kApproved) return Approve(remedy, known);
  const bool raised = IsRaised(remedy, known);
  if (raised || remedy.state == RemedyState::kProposed) {
    remedy.approval_limit.clear();
    remedy.approved_by.clear();
    // More is asked for now, so it counts from now on: what is asked for late must not hide behind
    // a proposal that has left the window.
    if (raised) remedy.occurred_at = context().now;
    const Revision& revision = draft.RevisionOf(c);
    for (const RemedyStanding& standing :
         RemedyStandings(revision, facts.cases, c, context().role, context().now, remedy.id)) {
      if (!standing.binds || !SpeaksOf(*standing.limit, revision, remedy)) continue;
      if (!Exceeds(standing, remedy)) continue;
      const bool refused = standing.limit->beyond == RemedyLimit::Beyond::kRefused;
      // What goes down is not asked for: a limit that was lowered since does not hold it up.
      if (refused && raised) return LimitExceeded(c, standing, remedy);
      if (!refused && remedy.approval_limit.empty()) remedy.approval_limit = standing.limit->id;
    }
  }
  const bool waits = !remedy.approval_limit.empty() && remedy.approved_by.empty();
  if (waits && remedy.state != RemedyState::kProposed) return NeedsApproval(remedy.approval_limit);
  return {};
}

Result<void> VerbDecision::Approve(Remedy& remedy, const Remedy* known) const {
  // An approver who asks for more approves their own.
  const bool own = IsRaised(remedy, known);
  for (const std::string_view first :
       {std::string_view(remedy.actor),
        own ? std::string_view(context().actor) : LastProposer(*known)}) {
    if (auto other = NeedSecondPerson(Name(CaseCommand::kRemedy), first); !other) return other;
  }
  const Revision& revision = draft.RevisionOf(c);
  for (const RemedyStanding& standing :
       RemedyStandings(revision, facts.cases, c, context().role, context().now, remedy.id)) {
    if (!standing.binds || !SpeaksOf(*standing.limit, revision, remedy)) continue;
    if (!Exceeds(standing, remedy)) continue;
    if (standing.limit->beyond == RemedyLimit::Beyond::kRefused) {
      return LimitExceeded(c, standing, remedy);
    }
    if (!standing.limit->roles.empty()) return NeedsApproval(standing.limit->id);
  }
  remedy.approved_by = context().actor;
  return {};
}

// What was offered before stands: the customer has our word. All else is granted anew.
Result<void> VerbDecision::CheckRestricted(Remedy& remedy, const Remedy* known) const {
  const bool stands =
      known != nullptr && known->state >= RemedyState::kOffered && !IsRaised(remedy, known);
  if (!IsGranted(remedy) || !IsCompensation(remedy) || stands) return {};
  RestrictedAction grant;
  grant.kind = RestrictedActionKind::kRemedy;
  grant.remedy_type = remedy.type_id;
  grant.statutory = remedy.statutory;
  const Permit permit = PermitOf(draft, c, grant);
  if (permit.outcome == PermitOutcome::kAllowed) return {};
  if (permit.outcome == PermitOutcome::kBlocked) return RestrictedBy(c, permit);
  if (!remedy.approved_by.empty()) return {};
  if (remedy.state == RemedyState::kApproved) return Approve(remedy, known);
  if (remedy.approval_limit.empty()) {
    remedy.approval_limit = EntryNumberText(permit.explanations.front().number);
  }
  if (remedy.state == RemedyState::kProposed) return {};
  return RestrictedBy(c, permit);
}

Error VerbDecision::NeedsApproval(std::string_view limit) const {
  return Error{Reason::kRemedyNeedsApproval,
               {{"case", CaseNumberText(c.number)},
                {"limit", std::string(limit)},
                {"person", context().actor}}};
}

Error VerbDecision::RemedyMoves(std::string from, RemedyState to) const {
  Error error = NotAllowed(lifecycle(), c, CaseCommand::kRemedy);
  error.metadata["remedy_from"] = std::move(from);
  error.metadata["remedy_to"] = std::to_string(static_cast<int>(to));
  return error;
}

// Words and offers approach the customer; paying what is due does not. Statutory remedies are
// never blocked.
Result<void> VerbDecision::MayOffer(const Remedy& remedy) {
  const bool words =
      remedy.kind == RemedyKind::kExplanation || remedy.kind == RemedyKind::kPersonalApology;
  const bool inside =
      remedy.state == RemedyState::kProposed || remedy.state == RemedyState::kApproved;
  if (remedy.statutory || inside) return {};
  if (!words && remedy.state != RemedyState::kOffered) return {};
  const bool customer_spoke =
      std::any_of(c.attempts.begin(), c.attempts.end(), [&](const Attempt& a) {
        return a.direction == Direction::kInbound &&
               context().now - a.occurred_at <= limits::kConversation;
      });
  return customer_spoke ? Result<void>{} : MayReach(c.details.preferred_channel);
}

}  // namespace rebound
