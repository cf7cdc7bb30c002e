#include <algorithm>

#include "workflows/check.h"
#include "workflows/decide.h"

namespace rebound {
namespace {

void EndTimer(Case& c, TimerKind kind, int32_t generation, TimerState state, Timestamp at) {
  for (Timer& timer : c.timers) {
    if (timer.kind == kind && timer.generation == generation) {
      timer.state = state;
      timer.ended_at = at;
    }
  }
}

void KeepEarliest(std::optional<Timestamp>& fact, Timestamp at) {
  if (!fact || at < *fact) fact = at;
}

// One overload per event type; each says what a case looks like after it.
struct CaseFold {
  Case& c;
  const Event& event;

  void operator()(const CaseAssigned& e) {
    c.owner = e.owner;
    if (!e.queue_id.empty()) c.details.queue_id = e.queue_id;
    c.worked = true;
  }
  void operator()(const AttemptLogged& e) {
    c.attempts.push_back(e.attempt);
    if (IsReached(e.attempt.outcome) || e.attempt.direction == Direction::kInbound) {
      KeepEarliest(c.contacted_at, event.occurred_at);
    }
    c.worked = true;
  }
  void operator()(const CommitmentMade& e) {
    c.commitments.push_back(e.commitment);
    c.worked = true;
  }
  void operator()(const RemedyRecorded& e) {
    auto known = std::find_if(c.remedies.begin(), c.remedies.end(),
                              [&](const Remedy& r) { return r.id == e.remedy.id; });
    if (known == c.remedies.end()) {
      c.remedies.push_back(e.remedy);
    } else {
      *known = e.remedy;
    }
    if (e.remedy.state == RemedyState::kAccepted || e.remedy.state == RemedyState::kDelivered) {
      KeepEarliest(c.remedied_at, event.occurred_at);
    }
    c.worked = true;
  }
  void operator()(const CaseResolved& e) {
    c.handling_result = e.handling_result;
    c.root_cause = e.root_cause;
    c.action_taken = e.action_taken;
    c.customer_accepts = e.customer_accepts;
    c.resolved_at = event.occurred_at;
    c.worked = true;
  }
  void operator()(const CaseClosed& e) {
    c.resurvey_result = e.resurvey_result;
    c.not_asked_reason = e.not_asked_reason;
    c.closed_at = event.occurred_at;
    c.holds_dedupe_slot = false;
    c.worked = true;
  }
  void operator()(const CaseReopened& e) {
    c.severity = e.severity;
    c.holds_dedupe_slot = e.holds_dedupe_slot;
    c.reopen_count += 1;
    c.handling_result = HandlingResult::kUnset;
    c.resurvey_result = ResurveyResult::kUnset;
    c.not_asked_reason = NotAskedReason::kUnset;
    c.closed_at.reset();
    if (e.cause == ReopenCause::kNewDetractor) c.attached_response_ids.push_back(e.response_id);
    c.worked = true;
  }
  void operator()(const ResponseAttached& e) {
    c.attached_response_ids.push_back(e.response_id);
    c.severity = std::max(c.severity, e.severity);
  }
  void operator()(const ResurveyAsked& e) {
    c.resurvey.invitation_id = e.invitation_id;
    c.resurvey.expires_at = e.expires_at;
    KeepEarliest(c.asked_at, event.occurred_at);
    c.worked = true;
  }
  void operator()(const ResurveyAnswered& e) {
    if (!c.resurvey.first_answer) c.resurvey.first_answer = e.answer;
    c.resurvey.last_answer = e.answer;
    c.resurvey.answer_count += 1;
    if (e.answer.category == Category::kDetractor) {
      c.resurvey_result = ResurveyResult::kStillDetractor;
    }
  }
  void operator()(const LaterAnswerCounted& e) {
    if (IsRecovered(e.category)) KeepEarliest(c.recovered_at, event.occurred_at);
    if (e.category == Category::kPromoter) KeepEarliest(c.converted_at, event.occurred_at);
  }
  void operator()(const TimerSet& e) {
    c.timers.push_back({e.kind, e.generation, e.due_at, TimerState::kPending, std::nullopt});
  }
  void operator()(const TimerEnded& e) {
    EndTimer(c, e.kind, e.generation, e.state, event.occurred_at);
    if (e.state == TimerState::kFired) c.worked = true;
  }
  void operator()(const CaseHistoryDerived& e) {
    c.resurvey = e.resurvey;
    c.resurvey_result = e.resurvey_result;
    c.asked_at = e.asked_at;
    c.closed_at = e.closed_at;
    c.recovered_at = e.recovered_at;
    c.converted_at = e.converted_at;
    c.holds_dedupe_slot = e.holds_dedupe_slot;
    c.reopen_count = e.reopen_count;
    c.attached_response_ids = e.attached_response_ids;
  }
  void operator()(const CaseOpened&) { CHECK(false); }
  void operator()(const CaseVoided&) { CHECK(false); }
  void operator()(const CustomerCreated&) { CHECK(false); }
  void operator()(const CustomerProfileChanged&) { CHECK(false); }
  void operator()(const CustomerKeyAdded&) { CHECK(false); }
  void operator()(const CustomerLinked&) { CHECK(false); }
  void operator()(const CustomerConsentChanged&) { CHECK(false); }
  void operator()(const ResponseRecorded&) { CHECK(false); }
  void operator()(const ResponsePairingCorrected&) { CHECK(false); }
};

void SetConsent(std::vector<Consent>& consents, const Consent& consent) {
  for (Consent& known : consents) {
    if (known.channel == consent.channel && known.purpose == consent.purpose) {
      known = consent;
      return;
    }
  }
  consents.push_back(consent);
}

}  // namespace

Case Apply(Case before, const Event& event) {
  if (const auto* opened = std::get_if<CaseOpened>(&event.body)) {
    before = opened->opened;
    before.version = 0;
  } else {
    std::visit(CaseFold{before, event}, event.body);
  }
  before.status = event.status;
  before.phase = event.phase;
  before.version += 1;
  before.updated_at = event.recorded_at;
  return before;
}

Customer Apply(Customer before, const Event& event) {
  if (const auto* created = std::get_if<CustomerCreated>(&event.body)) {
    before = created->customer;
    before.version = 0;
  } else if (const auto* changed = std::get_if<CustomerProfileChanged>(&event.body)) {
    before.profile = changed->profile;
  } else if (const auto* key = std::get_if<CustomerKeyAdded>(&event.body)) {
    before.keys.push_back(key->key);
  } else if (const auto* linked = std::get_if<CustomerLinked>(&event.body)) {
    before.alias_of = linked->alias_of;
  } else {
    const auto* consent = std::get_if<CustomerConsentChanged>(&event.body);
    CHECK(consent != nullptr);
    if (consent->do_not_contact) before.do_not_contact = *consent->do_not_contact;
    for (const Consent& entry : consent->consents) SetConsent(before.consents, entry);
  }
  before.version += 1;
  before.updated_at = event.recorded_at;
  return before;
}

Response Apply(Response before, const Event& event) {
  if (const auto* recorded = std::get_if<ResponseRecorded>(&event.body)) {
    before = recorded->response;
    before.version = 0;
  } else {
    const auto* pairing = std::get_if<ResponsePairingCorrected>(&event.body);
    CHECK(pairing != nullptr);
    before.paired_case_id = pairing->paired_case_id;
    before.effect = pairing->effect;
  }
  before.version += 1;
  return before;
}

}  // namespace rebound
