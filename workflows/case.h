// The case: state as the fold of its events. Plain structs; see decide.h for what may happen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "workflows/clocks.h"
#include "workflows/ids.h"
#include "workflows/response.h"
#include "workflows/scale.h"
#include "workflows/time.h"

namespace rebound {

enum class Phase { kUnset, kOpen, kContacted, kRemedied, kResurveyed, kClosed };
enum class CaseOrigin { kUnset, kResponse, kComplaint, kContactRequest, kHand };
enum class Arm { kUnset, kTreated, kHeldOut, kDelayedStart };
enum class Emotion { kUnset, kCalm, kDisappointed, kAngry, kThreatening };
enum class Liability { kUnset, kCompany, kCustomer, kThirdParty, kShared, kNone };
enum class Direction { kUnset, kOutbound, kInbound };
enum class AttemptOutcome {
  kUnset,
  kReached,
  kNoAnswer,
  kBusy,
  kSwitchedOff,
  kSuspended,
  kEmptyNumber,
  kWrongPerson,
  kHungUp,
  kRefused,
  kCallBackAgreed,
  kAsksForSuperior,
  kMessageSent
};
// kMoved: goes on in another case.
enum class CommitmentState { kUnset, kPending, kKept, kBroken, kMoved };
enum class RemedyKind {
  kUnset,
  kExplanation,
  kRedo,
  kBillCorrection,
  kRefund,
  kVoucher,
  kReplacement,
  kUpgrade,
  kPersonalApology,
  kPriority,
  kPoints,
  kFreeOfCharge
};
enum class RemedyState {
  kUnset,
  kProposed,
  kApproved,
  kOffered,
  kAccepted,
  kDeclined,
  kDelivered,
  kReversed
};
enum class TimerKind {
  kUnset,
  kFirstContact,
  kResurveyDue,  // the re-survey clock: asks again
  kResurveyExpiry,
  kCommitment,
  kRemedy,
  kVerification,
  kExternalDeadline,
  kFirstResolution,
  kTotalResolution,
  kAlert,         // an alert has to be acknowledged
  kDelayedStart,  // a case held back for comparison begins
  kReturn,        // owned: the lease ends; else: it has waited long enough in its queue
  kHandOver,      // is the owner there for what was promised?
  kStep,          // a step of the plan goes on by itself, or is overdue
  kOffer          // somebody comes to work whom the system may give it to
};
enum class TimerState { kUnset, kPending, kFired, kMet, kCancelled };
enum class HandlingResult {
  kUnset,
  kResolved,
  kPartly,
  kNotResolved,
  kUnreachable,
  kWithdrawn,
  kUnfounded,
  kDishonest,
  kInvalid,
  kMerged,
  kErased
};
enum class ResurveyResult {
  kUnset,
  kPromoter,
  kPassive,
  kStillDetractor,
  kNoAnswer,
  kDeclined,
  kNotAsked
};
enum class NotAskedReason {
  kUnset,
  kDoNotContact,
  kConsentDenied,
  kAnonymous,
  kClosedEarly,
  kErased,
  kWithdrawn,
  kMissedWindow,  // the server was down for longer than the program's catch-up window
  kRuledInvalid,
  kRestricted  // by a blacklist entry
};
enum class ExtensionState { kUnset, kRequested, kGranted, kRefused };
// What takes a case out of the denominator, or speaks against the customer.
enum class VerdictKind { kUnset, kInvalid, kMisScored, kUnfounded, kDishonest };
enum class VerdictState { kUnset, kProposed, kGranted, kRefused };
enum class AppealState { kUnset, kMade, kUpheld, kRejected };  // upheld: the finding falls

// What a plan is made of (playbook.h).
enum class StepKind {
  kUnset,
  kContact,
  kRemedy,
  kTask,
  kMessage,
  kWait,
  kDecision,
  kVerify,
  kAftercare
};
inline constexpr int kStepKindCount = static_cast<int>(StepKind::kAftercare) + 1;
// snake_case, e.g. "aftercare".
std::string_view Name(StepKind kind);
enum class StepState { kUnset, kActive, kDone, kFailed, kSkipped };

// Was the customer spoken to? (Reached, call back agreed, asks for a superior, refused, hung up.)
bool IsReached(AttemptOutcome outcome);

struct Attempt {
  AttemptId id{};
  Channel channel = Channel::kUnset;
  Direction direction = Direction::kOutbound;
  AttemptOutcome outcome = AttemptOutcome::kUnset;
  std::optional<Timestamp> next_allowed_at{};
  Text note{};
  std::string actor{};
  Timestamp occurred_at{};
  friend bool operator==(const Attempt&, const Attempt&) = default;
};

struct Commitment {
  CommitmentId id{};
  Text promise{};
  Timestamp due_at{};
  std::string actor{};
  CommitmentState state = CommitmentState::kPending;
  Timestamp occurred_at{};
  CaseId carried_from{};  // made on that case, which was merged into this one; empty: made here
  friend bool operator==(const Commitment&, const Commitment&) = default;
};

// One move of a remedy: who brought it to that state, when.
struct RemedyStep {
  RemedyState state = RemedyState::kUnset;
  std::string actor{};
  Timestamp at{};
  friend bool operator==(const RemedyStep&, const RemedyStep&) = default;
};

struct Remedy {
  RemedyId id{};
  RemedyKind kind = RemedyKind::kUnset;
  Money amount{};
  RemedyState state = RemedyState::kUnset;
  bool statutory = false;
  Text note{};
  std::string actor{};
  Timestamp occurred_at{};
  Timestamp updated_at{};
  std::string type_id{};            // of the catalogue; empty: the catalogue has none of that kind
  std::vector<RemedyStep> steps{};  // oldest first, the proposal too
  // The limit that asks for a second person before it may be offered; empty: none does.
  std::string approval_limit{};
  std::string approved_by{};
  friend bool operator==(const Remedy&, const Remedy&) = default;
};

// Clocks stood still (挂起). One lasts at most at a time; it ends with a resume, a contact by the
// customer, a chase, or any move to a status that stops nothing.
struct Pause {
  std::string reason{};  // a label's key, if the revision lists any
  Text note{};
  std::string owner{};  // whose case it was when it began: pauses are totalled by owner
  std::string actor{};
  Timestamp paused_at{};
  std::optional<Timestamp> resumed_at{};
  friend bool operator==(const Pause&, const Pause&) = default;
};

// Moving a deadline (延期): asked for by one, granted or refused by another.
struct Extension {
  ExtensionId id{};
  ClockKind clock = ClockKind::kUnset;
  int32_t generation = 0;
  int64_t amount = 0;  // in the clock's own count: milliseconds or days
  std::string reason{};
  Text note{};
  std::string requested_by{};
  Timestamp requested_at{};
  ExtensionState state = ExtensionState::kRequested;
  std::string decided_by{};
  std::optional<Timestamp> decided_at{};
  friend bool operator==(const Extension&, const Extension&) = default;
};

// Another unit or person helps (协办); the owner stays responsible.
struct Assist {
  AssistId id{};
  std::string assistant{};  // a principal, an org unit or a queue
  Text request{};
  std::string requested_by{};
  Timestamp requested_at{};
  Text answer{};
  std::string answered_by{};
  std::optional<Timestamp> answered_at{};
  friend bool operator==(const Assist&, const Assist&) = default;
};

// The customer asks where it stays (催单).
struct Chase {
  Channel channel = Channel::kUnset;
  Text note{};
  std::string actor{};
  Timestamp occurred_at{};
  friend bool operator==(const Chase&, const Chase&) = default;
};

// Somebody above watches the case (督办).
struct Supervision {
  Text note{};
  std::string actor{};
  Timestamp occurred_at{};
  friend bool operator==(const Supervision&, const Supervision&) = default;
};

// Somebody other than the owner asks the customer (回访核实).
struct Verification {
  bool contacted = false;  // was the customer contacted by us?
  bool solved = false;     // is it solved?
  bool accepted = false;   // does the customer accept it?
  Text note{};
  std::string actor{};
  Timestamp occurred_at{};
  bool passed() const { return contacted && solved && accepted; }
  friend bool operator==(const Verification&, const Verification&) = default;
};

// What a verdict or an appeal rests on.
struct Evidence {
  std::string uri{};  // where it is kept; empty: the text says it
  Text text{};
  friend bool operator==(const Evidence&, const Evidence&) = default;
};

// Taking the case out of the denominator, or finding against the customer: proposed with evidence
// by one person, decided by another.
struct Verdict {
  VerdictId id{};
  VerdictKind kind = VerdictKind::kUnset;
  std::optional<int64_t> corrected_score{};  // kMisScored: what the customer meant
  std::vector<Evidence> evidence{};
  Text note{};
  std::string proposed_by{};
  Timestamp proposed_at{};
  VerdictState state = VerdictState::kProposed;
  std::string decided_by{};
  std::optional<Timestamp> decided_at{};
  Text decision{};
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// Whose fault it was (责任认定), and what the unit says to that.
struct Finding {
  Liability liability = Liability::kUnset;
  std::string unit_id{};  // an org unit
  std::string person{};
  Text note{};
  std::string found_by{};
  Timestamp found_at{};
  std::optional<Timestamp> appeal_until{};  // absent: no unit is found at fault
  AppealState appeal = AppealState::kUnset;
  std::string appealed_by{};
  std::optional<Timestamp> appealed_at{};
  Text appeal_note{};
  std::vector<Evidence> evidence{};  // of the appeal
  std::string decided_by{};
  std::optional<Timestamp> decided_at{};
  Text decision{};
  friend bool operator==(const Finding&, const Finding&) = default;
};

// Somebody has to know at once.
struct Alert {
  AlertId id{};
  std::string rule_id{};  // of the revision's alerts
  bool red_line = false;
  std::vector<std::string> notify{};  // principals, "queue:ID" and "role:ID"
  Timestamp raised_at{};
  std::optional<Timestamp> due_at{};  // to be acknowledged by; absent: without limit
  int32_t timer = 0;                  // generation of its pending timer; 0: none
  std::string acknowledged_by{};
  std::optional<Timestamp> acknowledged_at{};
  Text note{};
  friend bool operator==(const Alert&, const Alert&) = default;
};

// A step of the plan, as it was gone through once. At most one is active.
struct CaseStep {
  std::string step_id{};  // of the playbook in the revision that the case follows
  StepKind kind = StepKind::kUnset;
  StepState state = StepState::kActive;
  // Ended: what it came to, in a word. contact: the attempt's outcome, or unreachable; remedy:
  // accepted, delivered, declined; message: sent; decision: yes, no; verify: passed, failed; else
  // done, failed, skipped or what was said as it was completed. One that was skipped: why, in a
  // word (condition, not_sampled, do_not_contact, resolved, closed, reopened ...).
  std::string result{};
  // Why it began: next, then:ID or otherwise:ID of a decision, rework, reopened. Of a decision, and
  // of one that was skipped by its condition: that condition, canonical.
  std::string why{};
  std::string owner{};     // whose it is; empty: the case's owner, or anybody's of the queue
  std::string queue_id{};  // of another department; empty: none
  int32_t round = 1;       // 1; +1 with each reopening and rework
  Timestamp started_at{};
  std::optional<Timestamp> wake_at{};  // when it goes on by itself; then it has no due time
  std::optional<Timestamp> due_at{};
  bool overdue = false;  // was noticed, once
  std::optional<Timestamp> ended_at{};
  std::string actor{};  // who ended it; "system": it ended by itself
  Text note{};
  int32_t timer = 0;  // generation of its pending timer; 0: none
  // On record as it began: what was before does not end it.
  int32_t attempts = 0;
  int32_t verifications = 0;
  friend bool operator==(const CaseStep&, const CaseStep&) = default;
};
// When the timer that it begins with is due: it goes on, or is overdue. nullopt: it has none.
std::optional<Timestamp> NextWake(const CaseStep& step);

// One per (case, kind, generation); fires exactly once.
enum class BlacklistKind {
  kUnset,
  kDoNotContact,        // no contact, no surveys
  kChannelLimit,        // no contact on the channels it names
  kNoGoodwill,          // no discretionary remedies
  kRepeatCompensation,  // discretionary remedies need somebody's approval
  kStaffSafety          // cases go to a queue of their own, meetings need somebody's approval
};
inline constexpr int kBlacklistKindCount = static_cast<int>(BlacklistKind::kStaffSafety) + 1;

// What a blacklist entry of the customer means for the case, noted as it came to bear on it.
struct CaseRestriction {
  BlacklistEntryId entry_id{};
  int64_t number = 0;  // shown as B-17
  BlacklistKind kind = BlacklistKind::kUnset;
  std::string reason_code{};
  Timestamp until{};  // as things stood then
  Timestamp noted_at{};
  // The case waited under it: it was sent to the queue that the entries name, or was there. Where
  // people send it after that, it stays.
  bool routed = false;
  friend bool operator==(const CaseRestriction&, const CaseRestriction&) = default;
};

struct Timer {
  TimerKind kind = TimerKind::kUnset;
  int32_t generation = 0;
  Timestamp due_at{};
  TimerState state = TimerState::kPending;
  std::optional<Timestamp> ended_at{};
  friend bool operator==(const Timer&, const Timer&) = default;
};

// The timers that a clock sets; kResurveyExpiry is nobody's clock. REQUIRES: not kUnset.
TimerKind TimerOf(ClockKind kind);

struct ResurveyAnswer {
  ResponseId response_id{};
  int64_t score = 0;
  Category category = Category::kUnset;
  Timestamp occurred_at{};
  friend bool operator==(const ResurveyAnswer&, const ResurveyAnswer&) = default;
};

struct Resurvey {
  InvitationId invitation_id{};
  std::optional<Timestamp> expires_at{};
  std::optional<ResurveyAnswer> first_answer{};
  std::optional<ResurveyAnswer> last_answer{};
  int32_t answer_count = 0;
  friend bool operator==(const Resurvey&, const Resurvey&) = default;
};

struct PlaybookChoice {
  std::string playbook_id{};
  int32_t version = 0;
  std::string matched_condition{};  // canonical filter string
  friend bool operator==(const PlaybookChoice&, const PlaybookChoice&) = default;
};

struct ExternalAuthority {
  std::string authority{};
  std::string reference{};
  std::optional<Timestamp> due_at{};
  bool empty() const { return authority.empty() && reference.empty() && !due_at; }
  friend bool operator==(const ExternalAuthority&, const ExternalAuthority&) = default;
};

struct Attachment {
  std::string uri{};
  std::string title{};
  friend bool operator==(const Attachment&, const Attachment&) = default;
};

struct CaseLink {
  CaseId case_id{};
  std::string kind{};
  friend bool operator==(const CaseLink&, const CaseLink&) = default;
};

// What a person or an integration may say about a case when opening it.
struct CaseDetails {
  std::string account_id{};
  std::string respondent_role{};
  std::string touchpoint{};
  std::string org_unit_id{};
  std::string queue_id{};
  std::string order_reference{};
  std::string crm_reference{};
  ExternalKey external_key{};
  ExternalAuthority external_authority{};
  Text contact_person{};
  Text preferred_time{};
  Channel preferred_channel = Channel::kUnset;
  std::string language{};
  Text customer_request{};
  Emotion emotion = Emotion::kUnset;
  Money value_at_risk{};
  std::vector<Attachment> attachments{};
  std::vector<std::string> topics{};
  std::string responsible_unit_id{};
  std::string responsible_person{};
  Liability liability = Liability::kUnset;
  std::vector<CaseLink> links{};
  friend bool operator==(const CaseDetails&, const CaseDetails&) = default;
};

struct Case {
  CaseId id{};
  int64_t number = 0;   // shown as C-1042
  int64_t version = 0;  // +1 with each event; the etag
  std::string program_id{};
  CustomerId customer_id{};  // empty: anonymous
  CaseOrigin origin = CaseOrigin::kUnset;
  ResponseId opening_response_id{};
  std::vector<ResponseId> attached_response_ids{};
  std::optional<int64_t> score{};
  Category category = Category::kUnset;
  CaseDetails details{};
  std::string owner{};
  // Rises whenever the case gets another owner or loses it: whoever acts with an older number acts
  // on what is no longer theirs. 0: it never had one.
  int64_t lease_number = 0;
  std::optional<Timestamp> owned_at{};  // when the present owner got it
  std::string last_owner{};             // while it has none: who had it last
  std::string status{};                 // key into the lifecycle
  Phase phase = Phase::kUnset;
  int32_t severity = 1;  // 1-5
  PlaybookChoice playbook{};
  Arm arm = Arm::kTreated;
  // Holds the one open slot of (customer, program); false for hand-opened and closed cases.
  bool holds_dedupe_slot = false;
  Text action_taken{};
  std::optional<bool> customer_accepts{};
  std::string root_cause{};
  std::vector<Attempt> attempts{};
  std::vector<Commitment> commitments{};
  std::vector<Remedy> remedies{};
  std::vector<Timer> timers{};
  std::vector<CaseClock> clocks{};  // ended ones too
  // Ids of the clock definitions that applied as it opened, at most one of a kind: clocks that
  // start later follow them, whatever the case has become. Migration chooses anew where one is
  // gone.
  std::vector<std::string> clock_definitions{};
  std::vector<Pause> pauses{};
  std::vector<Extension> extensions{};
  std::vector<Assist> assists{};
  std::vector<Chase> chases{};
  std::vector<Supervision> supervisions{};
  std::vector<Verification> verifications{};
  std::string priority{};        // key of the revision's list
  int32_t priority_rank = 0;     // 1: the most urgent; 0: none yet (a case of before priorities)
  int32_t escalation_level = 0;  // how far up the org tree it went
  int32_t return_count = 0;
  // Who first took the case stays accountable for it, wherever it goes (首接负责).
  std::string first_receiver{};
  std::optional<Timestamp> first_received_at{};
  HandlingResult handling_result = HandlingResult::kUnset;
  ResurveyResult resurvey_result = ResurveyResult::kUnset;
  NotAskedReason not_asked_reason = NotAskedReason::kUnset;
  Resurvey resurvey{};
  int32_t reopen_count = 0;
  CaseId merged_into{};
  std::vector<CaseId> merged_case_ids{};  // merged into this one, directly, oldest first
  int32_t merge_depth = 0;                // 0: nothing was merged into it; else 1 + the deepest
  std::vector<Verdict> verdicts{};
  bool mis_scored = false;  // a verdict says so: out of the denominator
  std::vector<Finding> findings{};
  std::vector<Alert> alerts{};
  // Held back for comparison: no plan, no queue, nobody's to claim; until CaseBegun.
  bool held = false;
  std::string experiment{};  // the hold-out that gave it its arm; empty: it was not eligible
  // The plan as it was gone through, in the order of beginning. Rounds: 1; +1 as handling begins
  // again, by reopening or rework.
  std::vector<CaseStep> steps{};
  int32_t round = 1;
  std::optional<Timestamp> round_started_at{};  // absent in the first
  int32_t round_attempts = 0;                   // how many were on record as it began
  std::vector<CaseRestriction> restrictions{};  // each entry once, in the order they were noted
  bool history = false;
  bool worked = false;   // a person or a timer has acted on it
  int64_t revision = 0;  // the configuration it follows

  // Answers after this time do not count for recovery; absent: no limit. Pinned at opening.
  std::optional<Timestamp> window_ends_at{};

  // Facts for the funnel, in the data's own time. Each is the first time it happened.
  Timestamp opened_at{};
  std::optional<Timestamp> dispatched_at{};
  std::optional<Timestamp> contacted_at{};
  std::optional<Timestamp> remedied_at{};
  std::optional<Timestamp> resolved_at{};  // the last time
  std::string resolved_by{};               // who said so; like the owner, never the one to verify
  std::optional<Timestamp> asked_at{};
  std::optional<Timestamp> closed_at{};     // absent while open
  std::optional<Timestamp> recovered_at{};  // any answer within the window, passive or promoter
  std::optional<Timestamp> converted_at{};  // any answer within the window, promoter
  Timestamp created_at{};
  Timestamp updated_at{};

  friend bool operator==(const Case&, const Case&) = default;
};

// Cases of before there were priorities come last.
inline constexpr int32_t kNoPriorityRank = 1000;

inline std::string CaseNumberText(int64_t number) { return "C-" + std::to_string(number); }

// Somebody has to work on it: open, not handled to the end, of the present. What an import tells of
// the past is not work.
inline bool NeedsWork(const Case& c) {
  return c.handling_result == HandlingResult::kUnset && c.phase != Phase::kClosed && !c.held &&
         !c.history;
}

// Needs work and is nobody's: what claim-next may give out.
inline bool IsClaimable(const Case& c) { return c.owner.empty() && NeedsWork(c); }

// A promise is near from so long before its due time on, and stays so until it is settled.
inline constexpr Duration kPromiseIsNear{std::chrono::hours{24}};

// Why a case is claimed before another (ClaimOrder).
struct ClaimRank {
  std::optional<Timestamp> promise_due_at{};  // of the earliest pending promise, if that is near
  std::string priority{};
  int32_t priority_rank = 0;  // kNoPriorityRank: none
  int32_t severity = 1;
  Money value_at_risk{};
  std::optional<Timestamp> breach_due_at{};  // NextBreach
  ClockKind breach_clock = ClockKind::kUnset;
  friend bool operator==(const ClaimRank&, const ClaimRank&) = default;
};
ClaimRank RankOf(const Case& c, Timestamp now);

// The order in which cases are claimed at a time, less first: a promise that is near, the earliest
// first; then priority, severity (the higher first), value at risk (the higher first, in minor
// units of whatever currency), NextBreach (none: last), number.
using ClaimOrderKey = std::tuple<int64_t, int32_t, int32_t, int64_t, int64_t, int64_t>;
ClaimOrderKey ClaimOrder(const Case& c, Timestamp now);

// The due time of the earliest pending promise; nullopt: none is.
std::optional<Timestamp> NextPromise(const Case& c);

// The running clock that is due first, overdue ones too; nullptr: none. The one to the re-survey is
// nobody's work.
const CaseClock* NextBreach(const Case& c);

// The pause that still lasts; nullptr when there is none.
const Pause* OpenPause(const Case& c);

// The step that is active; nullptr when there is none.
const CaseStep* ActiveStep(const Case& c);

// The earliest due time among pending timers.
std::optional<Timestamp> NextDue(const Case& c);

}  // namespace rebound
