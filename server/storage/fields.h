// The one list of fields of every stored struct: writing, reading, walking the texts and the tests
// are visitors over it. A value that says who somebody is, or leads to them, and is no Text goes to
// Personal instead: it is forgotten with the person (seal.h). A number, once released, keeps its
// meaning for ever: new fields take the next number, removed ones leave a gap. Fields come in
// rising order, which makes reading one pass. Thread-safe: no state.
#pragma once

#include <chrono>
#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "workflows/event.h"

namespace rebound {

// What kinds of field there are; a struct is whatever has a list below.
template <typename T>
inline constexpr bool kIsId = false;
template <typename Tag>
inline constexpr bool kIsId<Id<Tag>> = true;
template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <typename T>
inline constexpr bool kIsVector = false;
template <typename T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <typename T>
inline constexpr bool kIsMap = false;
template <typename K, typename V>
inline constexpr bool kIsMap<std::map<K, V>> = true;
template <typename T>
inline constexpr bool kIsStruct =
    std::is_class_v<T> && !kIsId<T> && !kIsOptional<T> && !kIsVector<T> && !kIsMap<T> &&
    !std::is_same_v<T, std::string> && !std::is_same_v<T, Text> && !std::is_same_v<T, Timestamp> &&
    !std::is_same_v<T, Duration>;

// The greatest value this program knows of each stored enum.
constexpr Channel LastOf(Channel) { return Channel::kInPerson; }
constexpr ResponseEffect LastOf(ResponseEffect) { return ResponseEffect::kReopened; }
constexpr ConsentPurpose LastOf(ConsentPurpose) { return ConsentPurpose::kSurvey; }
constexpr BehaviourKind LastOf(BehaviourKind) { return BehaviourKind::kReferral; }
constexpr Phase LastOf(Phase) { return Phase::kClosed; }
constexpr CaseOrigin LastOf(CaseOrigin) { return CaseOrigin::kHand; }
constexpr Arm LastOf(Arm) { return Arm::kDelayedStart; }
constexpr Emotion LastOf(Emotion) { return Emotion::kThreatening; }
constexpr Liability LastOf(Liability) { return Liability::kNone; }
constexpr Direction LastOf(Direction) { return Direction::kInbound; }
constexpr AttemptOutcome LastOf(AttemptOutcome) { return AttemptOutcome::kMessageSent; }
constexpr CommitmentState LastOf(CommitmentState) { return CommitmentState::kMoved; }
constexpr RemedyKind LastOf(RemedyKind) { return RemedyKind::kFreeOfCharge; }
constexpr RemedyState LastOf(RemedyState) { return RemedyState::kReversed; }
constexpr TimerKind LastOf(TimerKind) { return TimerKind::kOffer; }
constexpr StepKind LastOf(StepKind) { return StepKind::kAftercare; }
constexpr StepState LastOf(StepState) { return StepState::kSkipped; }
constexpr TimerState LastOf(TimerState) { return TimerState::kCancelled; }
constexpr HandlingResult LastOf(HandlingResult) { return HandlingResult::kErased; }
constexpr ResurveyResult LastOf(ResurveyResult) { return ResurveyResult::kNotAsked; }
constexpr NotAskedReason LastOf(NotAskedReason) { return NotAskedReason::kRestricted; }
constexpr ExtensionState LastOf(ExtensionState) { return ExtensionState::kRefused; }
constexpr VerdictKind LastOf(VerdictKind) { return VerdictKind::kDishonest; }
constexpr VerdictState LastOf(VerdictState) { return VerdictState::kRefused; }
constexpr AppealState LastOf(AppealState) { return AppealState::kRejected; }
constexpr ClockKind LastOf(ClockKind) { return ClockKind::kTotalResolution; }
constexpr ClockState LastOf(ClockState) { return ClockState::kCancelled; }
constexpr MetBy LastOf(MetBy) { return MetBy::kReached; }
constexpr Count LastOf(Count) { return Count::kWorkingDays; }
constexpr ClockMoveCause LastOf(ClockMoveCause) { return ClockMoveCause::kExternal; }
constexpr ReopenCause LastOf(ReopenCause) { return ReopenCause::kNewDetractor; }
constexpr Category LastOf(Category) { return Category::kPromoter; }
constexpr BlacklistKind LastOf(BlacklistKind) { return BlacklistKind::kStaffSafety; }
constexpr BlacklistState LastOf(BlacklistState) { return BlacklistState::kRejected; }
constexpr BlacklistExtent::Kind LastOf(BlacklistExtent::Kind) {
  return BlacklistExtent::Kind::kProgram;
}
constexpr BlacklistDecisionKind LastOf(BlacklistDecisionKind) {
  return BlacklistDecisionKind::kLifted;
}
constexpr ErasureGround LastOf(ErasureGround) { return ErasureGround::kLegalObligation; }
constexpr UnmaskReason LastOf(UnmaskReason) { return UnmaskReason::kOther; }
constexpr BlacklistNotice LastOf(BlacklistNotice) { return BlacklistNotice::kReviewDue; }

template <typename T, typename Struct>
concept IsA = std::same_as<std::remove_const_t<T>, Struct>;

template <class V>
void Fields(V& v, IsA<ExternalKey> auto& s) {
  v(1, s.source_system);
  v(2, s.external_id);
}

template <class V>
void Fields(V& v, IsA<Money> auto& s) {
  v(1, s.amount_minor);
  v(2, s.currency);
}

template <class V>
void Fields(V& v, IsA<ScoredItem> auto& s) {
  v(1, s.key);
  v(2, s.score);
}

template <class V>
void Fields(V& v, IsA<FollowUp> auto& s) {
  v(1, s.question);
  v(2, s.answer);
}

template <class V>
void Fields(V& v, IsA<Response> auto& s) {
  v(1, s.id);
  v(2, s.version);
  v(3, s.program_id);
  v.Personal(4, s.external_key);
  v(5, s.customer_id);
  v(6, s.score);
  v(7, s.category);
  v(8, s.items);
  v(9, s.reason);
  v(10, s.suggestion);
  v(11, s.follow_ups);
  v(12, s.contact_requested);
  v.Personal(13, s.account_id);
  v(14, s.respondent_role);
  v(15, s.touchpoint);
  v(16, s.org_unit_id);
  v(17, s.survey_channel);
  v(18, s.language);
  v.Personal(19, s.order_reference);
  v(20, s.invitation_id);
  v(21, s.case_id);
  v.Personal(22, s.attributes);
  v(23, s.occurred_at);
  v(24, s.recorded_at);
  v(25, s.paired_case_id);
  v(26, s.effect);
  v(27, s.history);
  v(28, s.corrected_score);
  v(29, s.queue_id);
}

template <class V>
void Fields(V& v, IsA<Consent> auto& s) {
  v(1, s.channel);
  v(2, s.purpose);
  v(3, s.granted);
  v(4, s.occurred_at);
  v.Personal(5, s.source);
}

template <class V>
void Fields(V& v, IsA<ContactPoint> auto& s) {
  v(1, s.channel);
  v(2, s.address);
}

template <class V>
void Fields(V& v, IsA<Behaviour> auto& s) {
  v.Personal(1, s.external_key);
  v(2, s.kind);
  v(3, s.amount);
  v(4, s.occurred_at);
  v(5, s.recorded_at);
}

template <class V>
void Fields(V& v, IsA<CustomerKey> auto& s) {
  v(1, s.source_system);
  v(2, s.external_id);
}

template <class V>
void Fields(V& v, IsA<CustomerProfile> auto& s) {
  v(1, s.display_name);
  v(2, s.contact_points);
  v(3, s.language);
  v(4, s.time_zone);
  v(5, s.segment);
  v.Personal(6, s.account_id);
  v(7, s.org_unit_id);
  v(8, s.value);
}

template <class V>
void Fields(V& v, IsA<Customer> auto& s) {
  v(1, s.id);
  v(2, s.version);
  v(3, s.keys);
  v(4, s.alias_of);
  v(5, s.profile);
  v(6, s.do_not_contact);
  v(7, s.consents);
  v(8, s.created_at);
  v(9, s.updated_at);
  v(10, s.erased_at);
  v(11, s.scrubbed_at);
  v(12, s.behaviours);
}

template <class V>
void Fields(V& v, IsA<Attempt> auto& s) {
  v(1, s.id);
  v(2, s.channel);
  v(3, s.direction);
  v(4, s.outcome);
  v(5, s.next_allowed_at);
  v(6, s.note);
  v(7, s.actor);
  v(8, s.occurred_at);
}

template <class V>
void Fields(V& v, IsA<Commitment> auto& s) {
  v(1, s.id);
  v(2, s.promise);
  v(3, s.due_at);
  v(4, s.actor);
  v(5, s.state);
  v(6, s.occurred_at);
  v(7, s.carried_from);
}

template <class V>
void Fields(V& v, IsA<RemedyStep> auto& s) {
  v(1, s.state);
  v(2, s.actor);
  v(3, s.at);
}

template <class V>
void Fields(V& v, IsA<Remedy> auto& s) {
  v(1, s.id);
  v(2, s.kind);
  v(3, s.amount);
  v(4, s.state);
  v(5, s.statutory);
  v(6, s.note);
  v(7, s.actor);
  v(8, s.occurred_at);
  v(9, s.updated_at);
  v(10, s.type_id);
  v(11, s.steps);
  v(12, s.approval_limit);
  v(13, s.approved_by);
}

template <class V>
void Fields(V& v, IsA<Timer> auto& s) {
  v(1, s.kind);
  v(2, s.generation);
  v(3, s.due_at);
  v(4, s.state);
  v(5, s.ended_at);
}

template <class V>
void Fields(V& v, IsA<ResurveyAnswer> auto& s) {
  v(1, s.response_id);
  v(2, s.score);
  v(3, s.category);
  v(4, s.occurred_at);
}

template <class V>
void Fields(V& v, IsA<Resurvey> auto& s) {
  v(1, s.invitation_id);
  v(2, s.expires_at);
  v(3, s.first_answer);
  v(4, s.last_answer);
  v(5, s.answer_count);
}

template <class V>
void Fields(V& v, IsA<PlaybookChoice> auto& s) {
  v(1, s.playbook_id);
  v(2, s.version);
  v(3, s.matched_condition);
}

template <class V>
void Fields(V& v, IsA<ExternalAuthority> auto& s) {
  v(1, s.authority);
  v.Personal(2, s.reference);
  v(3, s.due_at);
}

template <class V>
void Fields(V& v, IsA<Attachment> auto& s) {
  v(1, s.uri);
  v(2, s.title);
}

template <class V>
void Fields(V& v, IsA<CaseLink> auto& s) {
  v(1, s.case_id);
  v(2, s.kind);
}

template <class V>
void Fields(V& v, IsA<Limit> auto& s) {
  v(1, s.count);
  v(2, s.amount);
}

template <class V>
void Fields(V& v, IsA<Standstill> auto& s) {
  v(1, s.from);
  v(2, s.to);
}

template <class V>
void Fields(V& v, IsA<CaseClock> auto& s) {
  v(1, s.kind);
  v(2, s.generation);
  v(3, s.definition);
  v(4, s.calendar_id);
  v(5, s.calendar_version);
  v(6, s.limit);
  v(7, s.met_by);
  v(8, s.state);
  v(9, s.started_at);
  v(10, s.counted_from);
  v(11, s.elapsed);
  v(12, s.paused);
  v(13, s.paused_at);
  v(14, s.due_at);
  v(15, s.ended_at);
  v(16, s.breached_at);
  v(17, s.crossed);
  v(18, s.timer);
  v(19, s.stood);
}

template <class V>
void Fields(V& v, IsA<Pause> auto& s) {
  v(1, s.reason);
  v(2, s.note);
  v(3, s.owner);
  v(4, s.actor);
  v(5, s.paused_at);
  v(6, s.resumed_at);
}

template <class V>
void Fields(V& v, IsA<Extension> auto& s) {
  v(1, s.id);
  v(2, s.clock);
  v(3, s.generation);
  v(4, s.amount);
  v(5, s.reason);
  v(6, s.note);
  v(7, s.requested_by);
  v(8, s.requested_at);
  v(9, s.state);
  v(10, s.decided_by);
  v(11, s.decided_at);
}

template <class V>
void Fields(V& v, IsA<Assist> auto& s) {
  v(1, s.id);
  v(2, s.assistant);
  v(3, s.request);
  v(4, s.requested_by);
  v(5, s.requested_at);
  v(6, s.answer);
  v(7, s.answered_by);
  v(8, s.answered_at);
}

template <class V>
void Fields(V& v, IsA<Chase> auto& s) {
  v(1, s.channel);
  v(2, s.note);
  v(3, s.actor);
  v(4, s.occurred_at);
}

template <class V>
void Fields(V& v, IsA<CaseRestriction> auto& s) {
  v(1, s.entry_id);
  v(2, s.number);
  v(3, s.kind);
  v(4, s.reason_code);
  v(5, s.until);
  v(6, s.noted_at);
  v(7, s.routed);
}

template <class V>
void Fields(V& v, IsA<Supervision> auto& s) {
  v(1, s.note);
  v(2, s.actor);
  v(3, s.occurred_at);
}

template <class V>
void Fields(V& v, IsA<Verification> auto& s) {
  v(1, s.contacted);
  v(2, s.solved);
  v(3, s.accepted);
  v(4, s.note);
  v(5, s.actor);
  v(6, s.occurred_at);
}

template <class V>
void Fields(V& v, IsA<Evidence> auto& s) {
  v.Personal(1, s.uri);
  v(2, s.text);
}

template <class V>
void Fields(V& v, IsA<Verdict> auto& s) {
  v(1, s.id);
  v(2, s.kind);
  v(3, s.corrected_score);
  v(4, s.evidence);
  v(5, s.note);
  v(6, s.proposed_by);
  v(7, s.proposed_at);
  v(8, s.state);
  v(9, s.decided_by);
  v(10, s.decided_at);
  v(11, s.decision);
}

template <class V>
void Fields(V& v, IsA<Finding> auto& s) {
  v(1, s.liability);
  v(2, s.unit_id);
  v(3, s.person);
  v(4, s.note);
  v(5, s.found_by);
  v(6, s.found_at);
  v(7, s.appeal_until);
  v(8, s.appeal);
  v(9, s.appealed_by);
  v(10, s.appealed_at);
  v(11, s.appeal_note);
  v(12, s.evidence);
  v(13, s.decided_by);
  v(14, s.decided_at);
  v(15, s.decision);
}

template <class V>
void Fields(V& v, IsA<Alert> auto& s) {
  v(1, s.id);
  v(2, s.rule_id);
  v(3, s.red_line);
  v(4, s.notify);
  v(5, s.raised_at);
  v(6, s.due_at);
  v(7, s.timer);
  v(8, s.acknowledged_by);
  v(9, s.acknowledged_at);
  v(10, s.note);
}

template <class V>
void Fields(V& v, IsA<CaseStep> auto& s) {
  v(1, s.step_id);
  v(2, s.kind);
  v(3, s.state);
  v(4, s.result);
  v(5, s.why);
  v(6, s.owner);
  v(7, s.queue_id);
  v(8, s.round);
  v(9, s.started_at);
  v(10, s.wake_at);
  v(11, s.due_at);
  v(12, s.overdue);
  v(13, s.ended_at);
  v(14, s.actor);
  v(15, s.note);
  v(16, s.timer);
  v(17, s.attempts);
  v(18, s.verifications);
}

template <class V>
void Fields(V& v, IsA<CaseDetails> auto& s) {
  v.Personal(1, s.account_id);
  v(2, s.respondent_role);
  v(3, s.touchpoint);
  v(4, s.org_unit_id);
  v(5, s.queue_id);
  v.Personal(6, s.order_reference);
  v.Personal(7, s.crm_reference);
  v.Personal(8, s.external_key);
  v(9, s.external_authority);
  v(10, s.contact_person);
  v(11, s.preferred_time);
  v(12, s.preferred_channel);
  v(13, s.language);
  v(14, s.customer_request);
  v(15, s.emotion);
  v(16, s.value_at_risk);
  v.Personal(17, s.attachments);
  v(18, s.topics);
  v(19, s.responsible_unit_id);
  v(20, s.responsible_person);
  v(21, s.liability);
  v(22, s.links);
}

template <class V>
void Fields(V& v, IsA<Case> auto& s) {
  v(1, s.id);
  v(2, s.number);
  v(3, s.version);
  v(4, s.program_id);
  v(5, s.customer_id);
  v(6, s.origin);
  v(7, s.opening_response_id);
  v(8, s.attached_response_ids);
  v(9, s.score);
  v(10, s.category);
  v(11, s.details);
  v(12, s.owner);
  v(13, s.status);
  v(14, s.phase);
  v(15, s.severity);
  v(16, s.playbook);
  v(17, s.arm);
  v(18, s.holds_dedupe_slot);
  v(19, s.action_taken);
  v(20, s.customer_accepts);
  v(21, s.root_cause);
  v(22, s.attempts);
  v(23, s.commitments);
  v(24, s.remedies);
  v(25, s.timers);
  v(26, s.handling_result);
  v(27, s.resurvey_result);
  v(28, s.not_asked_reason);
  v(29, s.resurvey);
  v(30, s.reopen_count);
  v(31, s.merged_into);
  v(32, s.history);
  v(33, s.worked);
  v(34, s.revision);
  v(35, s.window_ends_at);
  v(36, s.opened_at);
  v(37, s.contacted_at);
  v(38, s.remedied_at);
  v(39, s.resolved_at);
  v(40, s.asked_at);
  v(41, s.closed_at);
  v(42, s.recovered_at);
  v(43, s.converted_at);
  v(44, s.created_at);
  v(45, s.updated_at);
  v(46, s.clocks);
  v(47, s.pauses);
  v(48, s.extensions);
  v(49, s.assists);
  v(50, s.chases);
  v(51, s.supervisions);
  v(52, s.verifications);
  v(53, s.priority);
  v(54, s.priority_rank);
  v(55, s.escalation_level);
  v(56, s.return_count);
  v(57, s.first_receiver);
  v(58, s.first_received_at);
  v(59, s.resolved_by);
  v(60, s.clock_definitions);
  v(61, s.merged_case_ids);
  v(62, s.merge_depth);
  v(63, s.verdicts);
  v(64, s.mis_scored);
  v(65, s.findings);
  v(66, s.alerts);
  v(67, s.experiment);
  v(68, s.held);
  v(69, s.dispatched_at);
  v(70, s.steps);
  v(71, s.round);
  v(72, s.round_started_at);
  v(73, s.round_attempts);
  v(74, s.restrictions);
  v(80, s.lease_number);
  v(81, s.owned_at);
  v(82, s.last_owner);
}

template <class V>
void Fields(V& v, IsA<BlacklistEffects> auto& s) {
  v(1, s.channels);
  v(2, s.remedy_types);
  v(3, s.program_ids);
  v(4, s.queue_id);
}

template <class V>
void Fields(V& v, IsA<BlacklistExtent> auto& s) {
  v(1, s.kind);
  v(2, s.id);
}

template <class V>
void Fields(V& v, IsA<BlacklistEvidence> auto& s) {
  v(1, s.id);
  v(2, s.summary);
  v.Personal(3, s.url);
  v(4, s.measure);
  v(5, s.case_id);
  v(6, s.occurred_at);
  v(7, s.added_by);
}

template <class V>
void Fields(V& v, IsA<BlacklistDecision> auto& s) {
  v(1, s.kind);
  v(2, s.actor);
  v(3, s.at);
  v(4, s.note);
}

template <class V>
void Fields(V& v, IsA<BlacklistAppeal> auto& s) {
  v(1, s.state);
  v(2, s.words);
  v(3, s.evidence);
  v(4, s.filed_by);
  v(5, s.filed_at);
  v(6, s.due_at);
  v(7, s.decided_by);
  v(8, s.decided_at);
}

template <class V>
void Fields(V& v, IsA<BlacklistExtension> auto& s) {
  v(1, s.requested_by);
  v(2, s.requested_at);
  v(3, s.until);
  v(4, s.reason);
}

template <class V>
void Fields(V& v, IsA<BlacklistEntry> auto& s) {
  v(1, s.id);
  v(2, s.number);
  v(3, s.version);
  v(4, s.customer_id);
  v(5, s.kind);
  v(6, s.state);
  v(7, s.effects);
  v(8, s.extent);
  v(9, s.evidence);
  v(10, s.reason_code);
  v(11, s.internal_reason);
  v(12, s.customer_reason_en);
  v(13, s.customer_reason_zh);
  v(14, s.legal_basis);
  v(15, s.proposer);
  v(16, s.rule_id);
  v(17, s.triggered_by);
  v(18, s.org_unit_id);
  v(19, s.starts_at);
  v(20, s.expires_at);
  v(21, s.review_at);
  v(22, s.immediate_until);
  v(23, s.decisions);
  v(24, s.warned_at);
  v(25, s.notified_at);
  v(26, s.appeal_until);
  v(27, s.appeal);
  v(28, s.extension);
  v(29, s.immediate_over_noticed);
  v(30, s.appeal_overdue_noticed);
  v(31, s.ended_at);
  v(32, s.created_at);
  v(33, s.updated_at);
  v(34, s.is_suppression);
}

template <class V>
void Fields(V& v, IsA<Suppression> auto& s) {
  v(1, s.kind);
  v(2, s.effects);
  v(3, s.extent);
  v(4, s.reason_code);
  v(5, s.legal_basis);
  v(6, s.org_unit_id);
  v(7, s.expires_at);
}

template <class V>
void Fields(V& v, IsA<CustomerErased> auto& s) {
  v(1, s.ground);
  v(2, s.suppressions);
}

template <class V>
void Fields(V&, IsA<ErasureFinished> auto&) {}

template <class V>
void Fields(V& v, IsA<ContactUnmasked> auto& s) {
  v(1, s.reason);
  v(2, s.note);
}

template <class V>
void Fields(V& v, IsA<CaseErased> auto& s) {
  v(1, s.resurvey_result);
  v(2, s.not_asked_reason);
}

template <class V>
void Fields(V& v, IsA<CustomerCreated> auto& s) {
  v(1, s.customer);
}

template <class V>
void Fields(V& v, IsA<CustomerProfileChanged> auto& s) {
  v(1, s.profile);
}

template <class V>
void Fields(V& v, IsA<CustomerKeyAdded> auto& s) {
  v(1, s.key);
}

template <class V>
void Fields(V& v, IsA<CustomerLinked> auto& s) {
  v(1, s.alias_of);
}

template <class V>
void Fields(V& v, IsA<CustomerConsentChanged> auto& s) {
  v(1, s.do_not_contact);
  v(2, s.consents);
}

template <class V>
void Fields(V& v, IsA<BehaviourRecorded> auto& s) {
  v(1, s.behaviour);
}

template <class V>
void Fields(V& v, IsA<ResponseRecorded> auto& s) {
  v(1, s.response);
}

template <class V>
void Fields(V& v, IsA<ResponsePairingCorrected> auto& s) {
  v(1, s.paired_case_id);
  v(2, s.effect);
}

template <class V>
void Fields(V& v, IsA<CaseOpened> auto& s) {
  v(1, s.opened);
}

template <class V>
void Fields(V& v, IsA<CaseAssigned> auto& s) {
  v(1, s.owner);
  v(2, s.queue_id);
  v(3, s.reason);
}

template <class V>
void Fields(V& v, IsA<AttemptLogged> auto& s) {
  v(1, s.attempt);
}

template <class V>
void Fields(V& v, IsA<CommitmentMade> auto& s) {
  v(1, s.commitment);
}

template <class V>
void Fields(V& v, IsA<RemedyRecorded> auto& s) {
  v(1, s.remedy);
}

template <class V>
void Fields(V& v, IsA<CaseResolved> auto& s) {
  v(1, s.handling_result);
  v(2, s.root_cause);
  v(3, s.action_taken);
  v(4, s.customer_accepts);
}

template <class V>
void Fields(V& v, IsA<CaseClosed> auto& s) {
  v(1, s.resurvey_result);
  v(2, s.not_asked_reason);
  v(3, s.note);
}

template <class V>
void Fields(V& v, IsA<CaseReopened> auto& s) {
  v(1, s.cause);
  v(2, s.severity);
  v(3, s.response_id);
  v(4, s.holds_dedupe_slot);
  v(5, s.note);
}

template <class V>
void Fields(V& v, IsA<ResponseAttached> auto& s) {
  v(1, s.response_id);
  v(2, s.severity);
}

template <class V>
void Fields(V& v, IsA<ResurveyAsked> auto& s) {
  v(1, s.invitation_id);
  v(2, s.expires_at);
  v(3, s.channel);
}

template <class V>
void Fields(V& v, IsA<ResurveyAnswered> auto& s) {
  v(1, s.answer);
}

template <class V>
void Fields(V& v, IsA<LaterAnswerCounted> auto& s) {
  v(1, s.response_id);
  v(2, s.category);
}

template <class V>
void Fields(V& v, IsA<TimerSet> auto& s) {
  v(1, s.kind);
  v(2, s.generation);
  v(3, s.due_at);
}

template <class V>
void Fields(V& v, IsA<TimerEnded> auto& s) {
  v(1, s.kind);
  v(2, s.generation);
  v(3, s.state);
}

template <class V>
void Fields(V& v, IsA<CaseHistoryDerived> auto& s) {
  v(1, s.resurvey);
  v(2, s.resurvey_result);
  v(3, s.asked_at);
  v(4, s.closed_at);
  v(5, s.recovered_at);
  v(6, s.converted_at);
  v(7, s.holds_dedupe_slot);
  v(8, s.reopen_count);
  v(9, s.attached_response_ids);
}

template <class V>
void Fields(V&, IsA<CaseVoided> auto&) {}

template <class V>
void Fields(V& v, IsA<CaseDispatched> auto& s) {
  v(1, s.owner);
  v(2, s.queue_id);
  v(3, s.org_unit_id);
  v(4, s.note);
}

template <class V>
void Fields(V& v, IsA<CaseAccepted> auto& s) {
  v(1, s.owner);
}

template <class V>
void Fields(V& v, IsA<CaseReturned> auto& s) {
  v(1, s.reason);
  v(2, s.note);
  v(3, s.queue_id);
  v(4, s.by_system);
}

template <class V>
void Fields(V& v, IsA<CaseChased> auto& s) {
  v(1, s.chase);
}

template <class V>
void Fields(V& v, IsA<CaseSupervised> auto& s) {
  v(1, s.supervision);
}

template <class V>
void Fields(V& v, IsA<AssistRecorded> auto& s) {
  v(1, s.assist);
}

template <class V>
void Fields(V& v, IsA<ExtensionRecorded> auto& s) {
  v(1, s.extension);
}

template <class V>
void Fields(V& v, IsA<VerificationRecorded> auto& s) {
  v(1, s.verification);
}

template <class V>
void Fields(V& v, IsA<CaseMoved> auto& s) {
  v(1, s.reason);
  v(2, s.note);
}

template <class V>
void Fields(V& v, IsA<CommitmentSettled> auto& s) {
  v(1, s.id);
  v(2, s.state);
  v(3, s.note);
}

template <class V>
void Fields(V& v, IsA<CaseEscalated> auto& s) {
  v(1, s.level);
  v(2, s.to);
  v(3, s.note);
}

template <class V>
void Fields(V& v, IsA<PriorityChanged> auto& s) {
  v(1, s.priority);
  v(2, s.rank);
}

template <class V>
void Fields(V& v, IsA<PauseStarted> auto& s) {
  v(1, s.pause);
}

template <class V>
void Fields(V&, IsA<PauseEnded> auto&) {}

template <class V>
void Fields(V& v, IsA<ClockStarted> auto& s) {
  v(1, s.clock);
  v(2, s.timer_due);
}

template <class V>
void Fields(V& v, IsA<ClockPaused> auto& s) {
  v(1, s.kind);
  v(2, s.generation);
  v(3, s.elapsed);
}

template <class V>
void Fields(V& v, IsA<ClockResumed> auto& s) {
  v(1, s.kind);
  v(2, s.generation);
  v(3, s.due_at);
  v(4, s.timer);
  v(5, s.timer_due);
}

template <class V>
void Fields(V& v, IsA<ClockEnded> auto& s) {
  v(1, s.kind);
  v(2, s.generation);
  v(3, s.state);
  v(4, s.elapsed);
}

template <class V>
void Fields(V& v, IsA<TierCrossed> auto& s) {
  v(1, s.kind);
  v(2, s.generation);
  v(3, s.tier);
  v(4, s.due_at);
  v(5, s.breach);
  v(6, s.overtaken);
  v(7, s.notify);
  v(8, s.timer);
  v(9, s.timer_due);
}

template <class V>
void Fields(V& v, IsA<ClockMoved> auto& s) {
  v(1, s.kind);
  v(2, s.generation);
  v(3, s.cause);
  v(4, s.definition);
  v(5, s.calendar_id);
  v(6, s.calendar_version);
  v(7, s.limit);
  v(8, s.elapsed);
  v(9, s.due_before);
  v(10, s.due_at);
  v(11, s.timer);
  v(12, s.timer_due);
  v(13, s.met_by);
}

template <class V>
void Fields(V& v, IsA<CaseMigrated> auto& s) {
  v(1, s.from_revision);
  v(2, s.revision);
  v(3, s.clock_definitions);
}

template <class V>
void Fields(V& v, IsA<RevisionApplied> auto& s) {
  v(1, s.number);
  v(2, s.hash);
  v(3, s.source);
}

template <class V>
void Fields(V& v, IsA<ClockJumped> auto& s) {
  v(1, s.expected);
  v(2, s.found);
  v(3, s.holds);
}

template <class V>
void Fields(V&, IsA<ClockConfirmed> auto&) {}

template <class V>
void Fields(V& v, IsA<ZoneDataChanged> auto& s) {
  v(1, s.before);
  v(2, s.after);
}

template <class V>
void Fields(V& v, IsA<CaseMerged> auto& s) {
  v(1, s.into);
  v(2, s.note);
  v(3, s.resurvey_result);
  v(4, s.not_asked_reason);
}

template <class V>
void Fields(V& v, IsA<CaseAbsorbed> auto& s) {
  v(1, s.case_id);
  v(2, s.depth);
  v(3, s.response_ids);
  v(4, s.severity);
  v(5, s.commitments);
  v(6, s.takes_dedupe_slot);
}

template <class V>
void Fields(V& v, IsA<CaseUnmerged> auto& s) {
  v(1, s.from);
  v(2, s.note);
  v(3, s.commitments);
}

template <class V>
void Fields(V& v, IsA<CaseSeparated> auto& s) {
  v(1, s.case_id);
  v(2, s.depth);
  v(3, s.response_ids);
  v(4, s.commitment_ids);
}

template <class V>
void Fields(V& v, IsA<CaseLinkChanged> auto& s) {
  v(1, s.link);
  v(2, s.removed);
}

template <class V>
void Fields(V& v, IsA<VerdictRecorded> auto& s) {
  v(1, s.verdict);
}

template <class V>
void Fields(V& v, IsA<FindingRecorded> auto& s) {
  v(1, s.finding);
  v(2, s.index);
}

template <class V>
void Fields(V& v, IsA<AlertRaised> auto& s) {
  v(1, s.alert);
  v(2, s.severity);
}

template <class V>
void Fields(V& v, IsA<AlertAcknowledged> auto& s) {
  v(1, s.id);
  v(2, s.note);
}

template <class V>
void Fields(V& v, IsA<AlertOverdue> auto& s) {
  v(1, s.id);
  v(2, s.notify);
}

template <class V>
void Fields(V& v, IsA<CaseRestricted> auto& s) {
  v(1, s.restriction);
  v(2, s.queue_id);
}

template <class V>
void Fields(V& v, IsA<CaseBegun> auto& s) {
  v(1, s.playbook);
  v(2, s.queue_id);
  v(3, s.reason);
  v(4, s.severity);
  v(5, s.clock_definitions);
  v(6, s.note);
}

template <class V>
void Fields(V& v, IsA<ResponseCorrected> auto& s) {
  v(1, s.corrected_score);
  v(2, s.case_id);
}

template <class V>
void Fields(V& v, IsA<StepStarted> auto& s) {
  v(1, s.step);
}

template <class V>
void Fields(V& v, IsA<StepEnded> auto& s) {
  v(1, s.step_id);
  v(2, s.round);
  v(3, s.state);
  v(4, s.result);
  v(5, s.why);
  v(6, s.note);
}

template <class V>
void Fields(V& v, IsA<StepOverdue> auto& s) {
  v(1, s.step_id);
  v(2, s.round);
  v(3, s.notify);
}

template <class V>
void Fields(V& v, IsA<MessageSent> auto& s) {
  v(1, s.step_id);
  v(2, s.template_id);
  v(3, s.language);
  v(4, s.attempt);
}

template <class V>
void Fields(V& v, IsA<EntryProposed> auto& s) {
  v(1, s.entry);
}

template <class V>
void Fields(V& v, IsA<EntryWarned> auto& s) {
  v(1, s.decision);
}

template <class V>
void Fields(V& v, IsA<EntryDecided> auto& s) {
  v(1, s.decision);
  v(2, s.review_at);
}

template <class V>
void Fields(V& v, IsA<EntryExtensionRequested> auto& s) {
  v(1, s.extension);
}

template <class V>
void Fields(V& v, IsA<EntryExtensionDecided> auto& s) {
  v(1, s.decision);
  v(2, s.expires_at);
  v(3, s.review_at);
}

template <class V>
void Fields(V& v, IsA<EntryAppealed> auto& s) {
  v(1, s.appeal);
}

template <class V>
void Fields(V& v, IsA<EntryAppealDecided> auto& s) {
  v(1, s.decision);
}

template <class V>
void Fields(V& v, IsA<EntryLifted> auto& s) {
  v(1, s.decision);
}

template <class V>
void Fields(V&, IsA<EntryLapsed> auto&) {}

template <class V>
void Fields(V& v, IsA<EntryNotified> auto& s) {
  v(1, s.notice);
  v(2, s.notify);
  v(3, s.appeal_until);
  v(4, s.review_at);
}

}  // namespace rebound
