#include <algorithm>

#include "workflows/verb.h"

namespace rebound {
namespace {

void StampAll(Draft& draft, std::vector<Evidence>& evidence) {
  for (Evidence& each : evidence) draft.Stamp(each.text);
}

Result<void> NeedEvidence(const std::vector<Evidence>& evidence) {
  if (!evidence.empty()) return {};
  return FieldError("evidence", Reason::kEvidenceRequired);
}

std::string_view Name(AppealState state) {
  switch (state) {
    case AppealState::kUnset: return "none";
    case AppealState::kMade: return "made";
    case AppealState::kUpheld: return "upheld";
    case AppealState::kRejected: return "rejected";
  }
  return {};
}

Error AppealNotOpen(const Case& c) {
  const AppealState state = c.findings.empty() ? AppealState::kUnset : c.findings.back().appeal;
  return Error{Reason::kAppealNotOpen,
               {{"case", CaseNumberText(c.number)}, {"state", std::string(Name(state))}}};
}

// What the customer meant instead, if it can have been anything else.
Result<void> CheckCorrection(const Draft& draft, const Case& c, const ProposeVerdict& verb) {
  if (verb.kind != VerdictKind::kMisScored) {
    if (!verb.corrected_score) return {};
    return FieldError("corrected_score", Reason::kNumberOutOfRange,
                      {{"value", std::to_string(*verb.corrected_score)},
                       {"expected", "none: only a mis-scored case has one"}});
  }
  if (c.opening_response_id.empty() || !c.score) {
    return FieldError("kind", Reason::kEnumValueUnknown,
                      {{"value", "VERDICT_KIND_MIS_SCORED"},
                       {"expected", "another kind for a case that no answer opened"}});
  }
  if (!verb.corrected_score) {
    return FieldError("corrected_score", Reason::kRequiredFieldMissing);
  }
  const Scale& scale = draft.ProgramOf(c).scale;
  if (!Contains(scale, *verb.corrected_score) || *verb.corrected_score == *c.score) {
    return FieldError("corrected_score", Reason::kScoreOutOfRange,
                      {{"value", std::to_string(*verb.corrected_score)},
                       {"expected", std::to_string(scale.min) + " to " + std::to_string(scale.max) +
                                        ", other than the score " + std::to_string(*c.score)}});
  }
  return {};
}

}  // namespace

Result<void> VerbDecision::operator()(const ProposeVerdict& verb) {
  auto transition = Need(CaseCommand::kProposeVerdict);
  if (!transition) return transition.error();
  for (const Verdict& each : c.verdicts) {
    if (each.state != VerdictState::kProposed) continue;
    return Error{Reason::kVerdictPending,
                 {{"case", CaseNumberText(c.number)}, {"verdict", ToString(each.id)}}};
  }
  if (auto shown = NeedEvidence(verb.evidence); !shown) return shown;
  if (auto sound = CheckCorrection(draft, c, verb); !sound) return sound;
  Verdict verdict;
  verdict.id = draft.NewId<VerdictId>();
  verdict.kind = verb.kind;
  verdict.corrected_score = verb.corrected_score;
  verdict.evidence = verb.evidence;
  StampAll(draft, verdict.evidence);
  verdict.note = verb.note;
  draft.Stamp(verdict.note);
  verdict.proposed_by = context().actor;
  verdict.proposed_at = context().now;
  draft.AddCase(c, context().now, VerdictRecorded{std::move(verdict)}, (*transition)->to);
  return {};
}

Result<void> VerbDecision::operator()(const DecideVerdict& verb) {
  auto transition = Need(CaseCommand::kDecideVerdict);
  if (!transition) return transition.error();
  const auto known = std::find_if(c.verdicts.begin(), c.verdicts.end(),
                                  [&](const Verdict& each) { return each.id == verb.id; });
  if (known == c.verdicts.end()) return NotFound("verdict");
  if (known->state != VerdictState::kProposed) {
    return Error{Reason::kVerdictDecided,
                 {{"case", CaseNumberText(c.number)},
                  {"state", known->state == VerdictState::kGranted ? "granted" : "refused"}}};
  }
  if (auto may = CheckOwner(c, context().actor); !may) return may;
  for (const std::string& person : {known->proposed_by, c.owner}) {
    if (auto other = NeedSecondPerson(Name(CaseCommand::kDecideVerdict), person); !other)
      return other;
  }
  const Timestamp now = context().now;
  const Transition& t = **transition;
  Verdict verdict = *known;
  verdict.state = verb.grant ? VerdictState::kGranted : VerdictState::kRefused;
  verdict.decided_by = context().actor;
  verdict.decided_at = now;
  verdict.decision = verb.note;
  draft.Stamp(verdict.decision);
  const bool mis_scored = verdict.kind == VerdictKind::kMisScored;
  if (verb.grant && mis_scored) {
    const auto opening =
        std::find_if(facts.responses.begin(), facts.responses.end(),
                     [&](const Response& each) { return each.id == c.opening_response_id; });
    if (opening == facts.responses.end()) return NotFound("response");
    draft.AddResponse(*opening, ResponseCorrected{verdict.corrected_score, c.id}, now);
  }
  if (!verb.grant || mis_scored) {
    draft.AddCase(c, now, VerdictRecorded{std::move(verdict)}, t.otherwise);
    return {};
  }
  EndClocks(draft, c, ClockKind::kVerification, ClockState::kCancelled, now);
  const StatusDef* status = lifecycle().Find(c.status);
  CHECK(status != nullptr);
  if (status->handling_done) {
    draft.AddCase(c, now, VerdictRecorded{std::move(verdict)}, t.to);
    return {};
  }
  EndHandlingClocks();
  draft.AddCase(c, now, VerdictRecorded{std::move(verdict)});
  draft.AddCase(c, now,
                CaseResolved{c.handling_result, c.root_cause, c.action_taken, c.customer_accepts},
                t.to);
  return {};
}

Result<void> VerbDecision::operator()(const FindLiability& verb) {
  if (!c.findings.empty() && c.findings.back().appeal == AppealState::kMade) {
    return Error{Reason::kAppealPending, {{"case", CaseNumberText(c.number)}}};
  }
  const std::vector<OrgUnit>& units = draft.RevisionOf(c).org_units;
  const bool known = units.empty() || verb.unit_id.empty() ||
                     std::any_of(units.begin(), units.end(),
                                 [&](const OrgUnit& unit) { return unit.id == verb.unit_id; });
  if (!known) return FieldError("unit_id", Reason::kReasonUnknown, {{"value", verb.unit_id}});
  Finding finding;
  finding.liability = verb.liability;
  finding.unit_id = verb.unit_id;
  finding.person = verb.person;
  finding.note = verb.note;
  draft.Stamp(finding.note);
  finding.found_by = context().actor;
  finding.found_at = context().now;
  const bool ours = verb.liability == Liability::kCompany || verb.liability == Liability::kShared;
  if (ours && !verb.unit_id.empty()) {
    finding.appeal_until = context().now + lifecycle().appeal_window;
  }
  const auto index = static_cast<int32_t>(c.findings.size());
  draft.AddCase(c, context().now, FindingRecorded{std::move(finding), index});
  return {};
}

Result<void> VerbDecision::operator()(const AppealLiability& verb) {
  if (c.findings.empty()) return AppealNotOpen(c);
  Finding finding = c.findings.back();
  if (!finding.appeal_until || finding.appeal != AppealState::kUnset) return AppealNotOpen(c);
  if (context().now > *finding.appeal_until) {
    return Error{
        Reason::kAppealTooLate,
        {{"case", CaseNumberText(c.number)}, {"until", FormatTime(*finding.appeal_until)}}};
  }
  if (auto shown = NeedEvidence(verb.evidence); !shown) return shown;
  if (auto other = NeedSecondPerson("appeal_liability", finding.found_by); !other) {
    return other;
  }
  finding.appeal = AppealState::kMade;
  finding.appealed_by = context().actor;
  finding.appealed_at = context().now;
  finding.appeal_note = verb.note;
  draft.Stamp(finding.appeal_note);
  finding.evidence = verb.evidence;
  StampAll(draft, finding.evidence);
  const auto index = static_cast<int32_t>(c.findings.size()) - 1;
  draft.AddCase(c, context().now, FindingRecorded{std::move(finding), index});
  return {};
}

Result<void> VerbDecision::operator()(const DecideAppeal& verb) {
  if (c.findings.empty() || c.findings.back().appeal != AppealState::kMade) {
    return AppealNotOpen(c);
  }
  if (auto may = CheckOwner(c, context().actor); !may) return may;
  Finding finding = c.findings.back();
  for (const std::string& person : {finding.found_by, finding.appealed_by}) {
    if (auto other = NeedSecondPerson("decide_appeal", person); !other) {
      return other;
    }
  }
  finding.appeal = verb.uphold ? AppealState::kUpheld : AppealState::kRejected;
  finding.decided_by = context().actor;
  finding.decided_at = context().now;
  finding.decision = verb.note;
  draft.Stamp(finding.decision);
  const auto index = static_cast<int32_t>(c.findings.size()) - 1;
  draft.AddCase(c, context().now, FindingRecorded{std::move(finding), index});
  return {};
}

}  // namespace rebound
