#include "workflows/playbook.h"

#include <algorithm>

#include "workflows/check.h"

namespace rebound {
namespace {

FieldValue Words(std::string_view text) { return text.empty() ? FieldValue{} : FieldValue{text}; }

FieldValue Time(const std::optional<Timestamp>& t) { return t ? FieldValue{*t} : FieldValue{}; }

FieldValue IdOrNothing(const CustomerId& id) {
  return id.empty() ? FieldValue{} : FieldValue{ShortText(ToString(id))};
}

std::string_view Word(Phase phase) {
  switch (phase) {
    case Phase::kUnset: return "";
    case Phase::kOpen: return "open";
    case Phase::kContacted: return "contacted";
    case Phase::kRemedied: return "remedied";
    case Phase::kResurveyed: return "resurveyed";
    case Phase::kClosed: return "closed";
  }
  return "";
}

std::string_view Word(Category category) {
  switch (category) {
    case Category::kUnset: return "";
    case Category::kDetractor: return "detractor";
    case Category::kPassive: return "passive";
    case Category::kPromoter: return "promoter";
  }
  return "";
}

std::string_view Word(CaseOrigin origin) {
  switch (origin) {
    case CaseOrigin::kUnset: return "";
    case CaseOrigin::kResponse: return "response";
    case CaseOrigin::kComplaint: return "complaint";
    case CaseOrigin::kContactRequest: return "contact_me";
    case CaseOrigin::kHand: return "hand";
  }
  return "";
}

std::string_view Word(HandlingResult result) {
  switch (result) {
    case HandlingResult::kUnset: return "";
    case HandlingResult::kResolved: return "resolved";
    case HandlingResult::kPartly: return "partly";
    case HandlingResult::kNotResolved: return "not_resolved";
    case HandlingResult::kUnreachable: return "unreachable";
    case HandlingResult::kWithdrawn: return "withdrawn";
    case HandlingResult::kUnfounded: return "unfounded";
    case HandlingResult::kDishonest: return "dishonest";
    case HandlingResult::kInvalid: return "invalid";
    case HandlingResult::kMerged: return "merged";
    case HandlingResult::kErased: return "erased";
  }
  return "";
}

std::string_view Word(ResurveyResult result) {
  switch (result) {
    case ResurveyResult::kUnset: return "";
    case ResurveyResult::kPromoter: return "promoter";
    case ResurveyResult::kPassive: return "passive";
    case ResurveyResult::kStillDetractor: return "still_detractor";
    case ResurveyResult::kNoAnswer: return "no_answer";
    case ResurveyResult::kDeclined: return "declined";
    case ResurveyResult::kNotAsked: return "not_asked";
  }
  return "";
}

std::string_view Word(Arm arm) {
  switch (arm) {
    case Arm::kUnset: return "";
    case Arm::kTreated: return "treated";
    case Arm::kHeldOut: return "held_out";
    case Arm::kDelayedStart: return "delayed_start";
  }
  return "";
}

std::string_view Word(Emotion emotion) {
  switch (emotion) {
    case Emotion::kUnset: return "";
    case Emotion::kCalm: return "calm";
    case Emotion::kDisappointed: return "disappointed";
    case Emotion::kAngry: return "angry";
    case Emotion::kThreatening: return "threatening";
  }
  return "";
}

std::string_view Word(Channel channel) {
  switch (channel) {
    case Channel::kUnset: return "";
    case Channel::kPhone: return "phone";
    case Channel::kSms: return "sms";
    case Channel::kEmail: return "email";
    case Channel::kMessenger: return "messenger";
    case Channel::kApp: return "app";
    case Channel::kLetter: return "letter";
    case Channel::kInPerson: return "in_person";
  }
  return "";
}

}  // namespace

// Each field that a record does not have reads as unset, which matches nothing.
FieldValue ReadField(const Case& c, FieldId field) {
  switch (field) {
    case FieldId::kNumber: return FieldValue{ShortText(CaseNumberText(c.number))};
    case FieldId::kStatus: return Words(c.status);
    case FieldId::kPhase: return Words(Word(c.phase));
    case FieldId::kSeverity: return FieldValue{int64_t{c.severity}};
    case FieldId::kProgram: return Words(c.program_id);
    case FieldId::kTouchpoint: return Words(c.details.touchpoint);
    case FieldId::kOrgUnit: return Words(c.details.org_unit_id);
    case FieldId::kQueue: return Words(c.details.queue_id);
    case FieldId::kOwner: return Words(c.owner);
    case FieldId::kCategory: return Words(Word(c.category));
    case FieldId::kScore: return c.score ? FieldValue{*c.score} : FieldValue{};
    case FieldId::kPlaybook: return Words(c.playbook.playbook_id);
    case FieldId::kOrigin: return Words(Word(c.origin));
    case FieldId::kChannel: return Words(Word(c.details.preferred_channel));
    case FieldId::kLanguage: return Words(c.details.language);
    case FieldId::kCustomer: return IdOrNothing(c.customer_id);
    case FieldId::kHandlingResult: return Words(Word(c.handling_result));
    case FieldId::kResurveyResult: return Words(Word(c.resurvey_result));
    case FieldId::kOpenTime: return FieldValue{c.opened_at};
    case FieldId::kCloseTime: return Time(c.closed_at);
    case FieldId::kNextDueTime: return Time(NextDue(c));
    case FieldId::kValueAtRisk:
      return c.details.value_at_risk.empty() ? FieldValue{}
                                             : FieldValue{c.details.value_at_risk.amount_minor};
    case FieldId::kArm: return Words(Word(c.arm));
    case FieldId::kHistory: return FieldValue{c.history};
    case FieldId::kReopenCount: return FieldValue{int64_t{c.reopen_count}};
    case FieldId::kAnonymous: return FieldValue{c.customer_id.empty()};
    case FieldId::kRespondentRole: return Words(c.details.respondent_role);
    case FieldId::kAccount: return Words(c.details.account_id);
    case FieldId::kTopic:
      return c.details.topics.empty() ? FieldValue{}
                                      : FieldValue{std::span<const std::string>(c.details.topics)};
    case FieldId::kExternalAuthority: return Words(c.details.external_authority.authority);
    case FieldId::kEmotion: return Words(Word(c.details.emotion));
    case FieldId::kPriority: return Words(c.priority);
    case FieldId::kEscalationLevel: return FieldValue{int64_t{c.escalation_level}};
    case FieldId::kPaused:
      return FieldValue{std::any_of(c.pauses.begin(), c.pauses.end(),
                                    [](const Pause& pause) { return !pause.resumed_at; })};
    case FieldId::kStep: {
      const CaseStep* step = ActiveStep(c);
      return step == nullptr ? FieldValue{} : Words(step->step_id);
    }
    case FieldId::kStepQueue: {
      const CaseStep* step = ActiveStep(c);
      return step == nullptr ? FieldValue{} : Words(step->queue_id);
    }
    case FieldId::kStepOwner: {
      const CaseStep* step = ActiveStep(c);
      return step == nullptr ? FieldValue{} : Words(step->owner);
    }
    case FieldId::kRound: return FieldValue{int64_t{c.round}};
    case FieldId::kStepResult:
    case FieldId::kAttemptCount:
    case FieldId::kUnreachable:  // of conditions of steps: see StepFacts
    case FieldId::kOccurTime:
    case FieldId::kRecordTime:
    case FieldId::kDoNotContact:
    case FieldId::kSegment:
    case FieldId::kReason:
    case FieldId::kContactRequested:
    case FieldId::kGender:
    case FieldId::kAge:
    case FieldId::kEthnicity:
    case FieldId::kReligion:
    case FieldId::kNationality: return FieldValue{};
  }
  CHECK(false);
  return {};
}

FieldValue ReadField(const Response& r, FieldId field) {
  // Only the fields that FieldCatalogue marks for response filters.
  switch (field) {  // NOLINT
    case FieldId::kProgram: return Words(r.program_id);
    case FieldId::kTouchpoint: return Words(r.touchpoint);
    case FieldId::kOrgUnit: return Words(r.org_unit_id);
    case FieldId::kChannel: return Words(r.survey_channel);
    case FieldId::kLanguage: return Words(r.language);
    case FieldId::kScore: return FieldValue{r.score};
    case FieldId::kCategory: return Words(Word(r.category));
    case FieldId::kCustomer: return IdOrNothing(r.customer_id);
    case FieldId::kAnonymous: return FieldValue{r.customer_id.empty()};
    case FieldId::kRespondentRole: return Words(r.respondent_role);
    case FieldId::kOccurTime: return FieldValue{r.occurred_at};
    case FieldId::kRecordTime: return FieldValue{r.recorded_at};
    case FieldId::kAccount: return Words(r.account_id);
    case FieldId::kHistory: return FieldValue{r.history};
    case FieldId::kNumber:
    case FieldId::kStatus:
    case FieldId::kPhase:
    case FieldId::kSeverity:
    case FieldId::kQueue:
    case FieldId::kOwner:
    case FieldId::kPlaybook:
    case FieldId::kOrigin:
    case FieldId::kHandlingResult:
    case FieldId::kResurveyResult:
    case FieldId::kOpenTime:
    case FieldId::kCloseTime:
    case FieldId::kNextDueTime:
    case FieldId::kValueAtRisk:
    case FieldId::kArm:
    case FieldId::kReopenCount:
    case FieldId::kDoNotContact:
    case FieldId::kSegment:
    case FieldId::kReason:
    case FieldId::kTopic:
    case FieldId::kContactRequested:
    case FieldId::kExternalAuthority:
    case FieldId::kEmotion:
    case FieldId::kPriority:
    case FieldId::kEscalationLevel:
    case FieldId::kPaused:
    case FieldId::kStep:
    case FieldId::kStepQueue:
    case FieldId::kStepOwner:
    case FieldId::kStepResult:
    case FieldId::kAttemptCount:
    case FieldId::kUnreachable:
    case FieldId::kRound:
    case FieldId::kGender:
    case FieldId::kAge:
    case FieldId::kEthnicity:
    case FieldId::kReligion:
    case FieldId::kNationality: return FieldValue{};
  }
  CHECK(false);
  return {};
}

FieldValue ReadField(const Customer& c, FieldId field) {
  if (field == FieldId::kDoNotContact) return FieldValue{c.do_not_contact};
  if (field == FieldId::kSegment) return Words(c.profile.segment);
  if (field == FieldId::kOrgUnit) return Words(c.profile.org_unit_id);
  if (field == FieldId::kAccount) return Words(c.profile.account_id);
  return {};
}

OpeningFacts::OpeningFacts(const Case& opening, const Response* response, const Customer* customer)
    : reason_(Folded(response != nullptr ? response->reason.value
                                         : opening.details.customer_request.value)) {
  for (const Field& field : FieldCatalogue()) {
    if (UsableIn(field, Use::kOpeningRule)) value_of(field.id) = ReadField(opening, field.id);
  }
  value_of(FieldId::kReason) = Words(reason_);
  value_of(FieldId::kContactRequested) = opening.origin == CaseOrigin::kContactRequest ||
                                         (response != nullptr && response->contact_requested);
  if (response != nullptr && std::holds_alternative<std::monostate>(value_of(FieldId::kChannel))) {
    value_of(FieldId::kChannel) = ReadField(*response, FieldId::kChannel);
  }
  if (customer != nullptr) {
    value_of(FieldId::kDoNotContact) = ReadField(*customer, FieldId::kDoNotContact);
    value_of(FieldId::kSegment) = ReadField(*customer, FieldId::kSegment);
  }
}

std::vector<size_t> UnreachableSteps(const std::vector<PlanStep>& steps) {
  std::vector<bool> reached(steps.size() + 1);
  if (!steps.empty()) reached[0] = true;
  const auto reach = [&](size_t from, const std::string& target) {
    if (target == kPlanEnds) return;
    size_t to = from + 1;
    for (size_t i = from + 1; !target.empty() && i < steps.size(); ++i) {
      if (steps[i].id == target) to = i;
    }
    reached[to] = true;
  };
  for (size_t i = 0; i < steps.size(); ++i) {
    if (!reached[i]) continue;
    const bool decides = steps[i].kind == StepKind::kDecision;
    reach(i, decides ? steps[i].then : std::string());
    if (decides) reach(i, steps[i].otherwise);
  }
  std::vector<size_t> unreachable;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (!reached[i]) unreachable.push_back(i);
  }
  return unreachable;
}

const Playbook* ChoosePlaybook(const std::vector<Playbook>& playbooks, const OpeningFacts& facts) {
  const auto match = std::find_if(playbooks.begin(), playbooks.end(),
                                  [&](const Playbook& p) { return Evaluate(p.when, facts); });
  return match == playbooks.end() ? nullptr : &*match;
}

const Playbook* ChoosePlaybook(const std::vector<Playbook>& playbooks, const Case& opening,
                               const Customer* customer, const Response* response) {
  return ChoosePlaybook(playbooks, OpeningFacts(opening, response, customer));
}

}  // namespace rebound
