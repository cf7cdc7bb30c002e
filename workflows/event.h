// Events: what happened. The only truth; every row of every table is a fold of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "workflows/blacklist.h"
#include "workflows/case.h"
#include "workflows/customer.h"
#include "workflows/ids.h"
#include "workflows/response.h"
#include "workflows/time.h"

namespace rebound {

// Customers.
struct CustomerCreated {
  Customer customer{};
  friend bool operator==(const CustomerCreated&, const CustomerCreated&) = default;
};
struct CustomerProfileChanged {
  CustomerProfile profile{};
  friend bool operator==(const CustomerProfileChanged&, const CustomerProfileChanged&) = default;
};
struct CustomerKeyAdded {
  CustomerKey key{};
  friend bool operator==(const CustomerKeyAdded&, const CustomerKeyAdded&) = default;
};
struct CustomerLinked {
  CustomerId alias_of{};
  friend bool operator==(const CustomerLinked&, const CustomerLinked&) = default;
};
struct CustomerConsentChanged {
  std::optional<bool> do_not_contact{};
  std::vector<Consent> consents{};
  friend bool operator==(const CustomerConsentChanged&, const CustomerConsentChanged&) = default;
};

// A customer bought again, left, or the like: on the record that stood for them then.
struct BehaviourRecorded {
  Behaviour behaviour{};
  friend bool operator==(const BehaviourRecorded&, const BehaviourRecorded&) = default;
};

// The person: keys, profile, consents and behaviours go, and with them every text and every
// personal value of theirs in the store (Change::erased). On every record of the person; what goes
// on of their blacklist entries is on the one that stood for them.
struct CustomerErased {
  ErasureGround ground = ErasureGround::kUnset;
  std::vector<Suppression> suppressions{};
  friend bool operator==(const CustomerErased&, const CustomerErased&) = default;
};
// The bytes are gone from every file of the store.
struct ErasureFinished {
  friend bool operator==(const ErasureFinished&, const ErasureFinished&) = default;
};

// Somebody was shown contact data in clear: that of a case, where it names one, else of the
// customer. No row changes.
struct ContactUnmasked {
  UnmaskReason reason = UnmaskReason::kUnset;
  Text note{};
  friend bool operator==(const ContactUnmasked&, const ContactUnmasked&) = default;
};

// Responses.
struct ResponseRecorded {
  Response response{};
  friend bool operator==(const ResponseRecorded&, const ResponseRecorded&) = default;
};
struct ResponsePairingCorrected {
  CaseId paired_case_id{};
  ResponseEffect effect = ResponseEffect::kNone;
  friend bool operator==(const ResponsePairingCorrected&,
                         const ResponsePairingCorrected&) = default;
};

// Cases. Each carries, in the envelope, the status and phase after it.
struct CaseOpened {
  Case opened{};
  friend bool operator==(const CaseOpened&, const CaseOpened&) = default;
};
struct CaseAssigned {
  std::string owner{};
  std::string queue_id{};
  // Why the system gave it to the owner: routed, sticky, deputy, fallback, manager. Empty: by hand,
  // claimed, or a tier's.
  std::string reason{};
  friend bool operator==(const CaseAssigned&, const CaseAssigned&) = default;
};
struct AttemptLogged {
  Attempt attempt{};
  friend bool operator==(const AttemptLogged&, const AttemptLogged&) = default;
};
struct CommitmentMade {
  Commitment commitment{};
  friend bool operator==(const CommitmentMade&, const CommitmentMade&) = default;
};
struct RemedyRecorded {
  Remedy remedy{};
  friend bool operator==(const RemedyRecorded&, const RemedyRecorded&) = default;
};
struct CaseResolved {
  HandlingResult handling_result = HandlingResult::kUnset;
  std::string root_cause{};
  Text action_taken{};
  std::optional<bool> customer_accepts{};
  friend bool operator==(const CaseResolved&, const CaseResolved&) = default;
};
struct CaseClosed {
  ResurveyResult resurvey_result = ResurveyResult::kUnset;
  NotAskedReason not_asked_reason = NotAskedReason::kUnset;
  Text note{};
  friend bool operator==(const CaseClosed&, const CaseClosed&) = default;
};
enum class ReopenCause { kUnset, kByHand, kBadResurvey, kNewDetractor };
struct CaseReopened {
  ReopenCause cause = ReopenCause::kUnset;
  int32_t severity = 1;
  ResponseId response_id{};
  bool holds_dedupe_slot = false;
  Text note{};
  friend bool operator==(const CaseReopened&, const CaseReopened&) = default;
};
struct ResponseAttached {
  ResponseId response_id{};
  int32_t severity = 1;
  friend bool operator==(const ResponseAttached&, const ResponseAttached&) = default;
};
struct ResurveyAsked {
  InvitationId invitation_id{};
  std::optional<Timestamp> expires_at{};
  Channel channel = Channel::kUnset;
  friend bool operator==(const ResurveyAsked&, const ResurveyAsked&) = default;
};
struct ResurveyAnswered {
  ResurveyAnswer answer{};
  friend bool operator==(const ResurveyAnswered&, const ResurveyAnswered&) = default;
};
// Some later answer of the customer in the program, paired with this case or not: `ever`.
struct LaterAnswerCounted {
  ResponseId response_id{};
  Category category = Category::kUnset;
  friend bool operator==(const LaterAnswerCounted&, const LaterAnswerCounted&) = default;
};
struct TimerSet {
  TimerKind kind = TimerKind::kUnset;
  int32_t generation = 0;
  Timestamp due_at{};
  friend bool operator==(const TimerSet&, const TimerSet&) = default;
};
struct TimerEnded {
  TimerKind kind = TimerKind::kUnset;
  int32_t generation = 0;
  TimerState state = TimerState::kUnset;
  friend bool operator==(const TimerEnded&, const TimerEnded&) = default;
};
// Dispatching.
struct CaseDispatched {
  std::string owner{};        // empty: whoever accepts it there
  std::string queue_id{};     // empty: stays
  std::string org_unit_id{};  // empty: stays
  Text note{};
  friend bool operator==(const CaseDispatched&, const CaseDispatched&) = default;
};
struct CaseAccepted {
  std::string owner{};
  friend bool operator==(const CaseAccepted&, const CaseAccepted&) = default;
};
struct CaseReturned {
  std::string reason{};
  Text note{};
  std::string queue_id{};  // empty: stays
  // The system took it back, or found nobody for it: lease_expired, owner_absent, owner_accused,
  // nobody_found. Not counted against the limit of returns.
  bool by_system = false;
  friend bool operator==(const CaseReturned&, const CaseReturned&) = default;
};
struct CaseChased {
  Chase chase{};
  friend bool operator==(const CaseChased&, const CaseChased&) = default;
};
struct CaseSupervised {
  Supervision supervision{};
  friend bool operator==(const CaseSupervised&, const CaseSupervised&) = default;
};
struct AssistRecorded {  // asked for or answered: the assist as it now is
  Assist assist{};
  friend bool operator==(const AssistRecorded&, const AssistRecorded&) = default;
};
struct ExtensionRecorded {  // asked for or decided: the extension as it now is
  Extension extension{};
  friend bool operator==(const ExtensionRecorded&, const ExtensionRecorded&) = default;
};
struct VerificationRecorded {
  Verification verification{};
  friend bool operator==(const VerificationRecorded&, const VerificationRecorded&) = default;
};
struct CaseMoved {  // to another status, by hand
  std::string reason{};
  Text note{};
  friend bool operator==(const CaseMoved&, const CaseMoved&) = default;
};
struct CommitmentSettled {
  CommitmentId id{};
  CommitmentState state = CommitmentState::kUnset;
  Text note{};
  friend bool operator==(const CommitmentSettled&, const CommitmentSettled&) = default;
};
struct CaseEscalated {
  int32_t level = 0;              // as it now is
  std::vector<std::string> to{};  // who is told: principals
  Text note{};
  friend bool operator==(const CaseEscalated&, const CaseEscalated&) = default;
};
struct PriorityChanged {
  std::string priority{};
  int32_t rank = 0;
  friend bool operator==(const PriorityChanged&, const PriorityChanged&) = default;
};
struct PauseStarted {
  Pause pause{};
  friend bool operator==(const PauseStarted&, const PauseStarted&) = default;
};
struct PauseEnded {
  friend bool operator==(const PauseEnded&, const PauseEnded&) = default;
};

// One customer told it twice. Closes the case; the other one gets CaseAbsorbed.
struct CaseMerged {
  CaseId into{};
  Text note{};
  ResurveyResult resurvey_result = ResurveyResult::kUnset;
  NotAskedReason not_asked_reason = NotAskedReason::kUnset;
  friend bool operator==(const CaseMerged&, const CaseMerged&) = default;
};
// What comes with the case that was merged into this one.
struct CaseAbsorbed {
  CaseId case_id{};
  int32_t depth = 0;  // merge_depth of this one from now on
  bool takes_dedupe_slot = false;
  std::vector<ResponseId> response_ids{};
  int32_t severity = 1;
  std::vector<Commitment> commitments{};  // still pending; each starts a clock of its own
  friend bool operator==(const CaseAbsorbed&, const CaseAbsorbed&) = default;
};
// It was another matter after all. Opens the case again; the other one gets CaseSeparated, and so
// do those that the other one was merged into since.
struct CaseUnmerged {
  CaseId from{};
  Text note{};
  std::vector<Commitment> commitments{};  // that come back, still pending
  friend bool operator==(const CaseUnmerged&, const CaseUnmerged&) = default;
};
struct CaseSeparated {
  CaseId case_id{};
  int32_t depth = 0;
  std::vector<ResponseId> response_ids{};      // that go with it
  std::vector<CommitmentId> commitment_ids{};  // pending ones that go with it
  friend bool operator==(const CaseSeparated&, const CaseSeparated&) = default;
};
struct CaseLinkChanged {
  CaseLink link{};
  bool removed = false;
  friend bool operator==(const CaseLinkChanged&, const CaseLinkChanged&) = default;
};
struct VerdictRecorded {  // proposed or decided: the verdict as it now is
  Verdict verdict{};
  friend bool operator==(const VerdictRecorded&, const VerdictRecorded&) = default;
};
struct FindingRecorded {  // found, appealed against or decided: the finding as it now is
  Finding finding{};
  int32_t index = 0;  // into Case.findings; its size: a new one
  friend bool operator==(const FindingRecorded&, const FindingRecorded&) = default;
};
struct AlertRaised {
  Alert alert{};
  int32_t severity = 1;  // of the case from now on
  friend bool operator==(const AlertRaised&, const AlertRaised&) = default;
};
struct AlertAcknowledged {
  AlertId id{};
  Text note{};
  friend bool operator==(const AlertAcknowledged&, const AlertAcknowledged&) = default;
};
// Nobody acknowledged it in time: those above are told. Ends its timer.
struct AlertOverdue {
  AlertId id{};
  std::vector<std::string> notify{};
  friend bool operator==(const AlertOverdue&, const AlertOverdue&) = default;
};
// A case that was held back begins, or is handled in spite of it (`reason`): plan, queue and clocks
// as if it opened now. Its arm stays what it was drawn.
struct CaseBegun {
  PlaybookChoice playbook{};
  std::string queue_id{};
  std::string reason{};  // delayed_start, contact_requested, red_line, by_hand, reopened
  int32_t severity = 1;  // of the case from now on
  std::vector<std::string> clock_definitions{};
  Text note{};
  friend bool operator==(const CaseBegun&, const CaseBegun&) = default;
};
// A blacklist entry came to bear on the case; or the case, on which it was noted before, came to
// wait and is sent where it says (CaseRestriction::routed).
struct CaseRestricted {
  CaseRestriction restriction{};  // as it now is
  std::string queue_id{};         // the case waits there from now on; empty: where it is
  friend bool operator==(const CaseRestricted&, const CaseRestricted&) = default;
};
// Its customer was erased: the case ends as it stands.
struct CaseErased {
  ResurveyResult resurvey_result = ResurveyResult::kUnset;
  NotAskedReason not_asked_reason = NotAskedReason::kUnset;
  friend bool operator==(const CaseErased&, const CaseErased&) = default;
};
// The plan. A step that begins sets its timer, one that ends or is overdue ends it.
struct StepStarted {
  CaseStep step{};  // with the generation of its timer, which is due at NextWake(step)
  friend bool operator==(const StepStarted&, const StepStarted&) = default;
};
// The step of that id that is active in `round`.
struct StepEnded {
  std::string step_id{};
  int32_t round = 0;
  StepState state = StepState::kUnset;  // kDone, kFailed or kSkipped
  std::string result{};
  std::string why{};  // empty: as it began
  Text note{};
  friend bool operator==(const StepEnded&, const StepEnded&) = default;
};
struct StepOverdue {
  std::string step_id{};
  int32_t round = 0;
  std::vector<std::string> notify{};  // principals, "queue:ID" and "role:ID"; makes an outbox row
  friend bool operator==(const StepOverdue&, const StepOverdue&) = default;
};
// A message of the plan goes to the customer; makes an outbox row. Who renders it asks for the case
// and the customer: no text is in it.
struct MessageSent {
  std::string step_id{};
  std::string template_id{};
  std::string language{};  // of the template: en or zh
  Attempt attempt{};       // with its channel; kMessageSent
  friend bool operator==(const MessageSent&, const MessageSent&) = default;
};
// A response: the customer meant another score. The original stays.
struct ResponseCorrected {
  std::optional<int64_t> corrected_score{};
  CaseId case_id{};  // whose verdict says so
  friend bool operator==(const ResponseCorrected&, const ResponseCorrected&) = default;
};

// Clocks. (kind, generation) names the clock. A clock has one pending timer at most, for its next
// tier; these events set and end it, too. `timer_due` absent: no tier is left.
struct ClockStarted {
  CaseClock clock{};  // with the generation of its timer
  std::optional<Timestamp> timer_due{};
  friend bool operator==(const ClockStarted&, const ClockStarted&) = default;
};
struct ClockPaused {
  ClockKind kind = ClockKind::kUnset;
  int32_t generation = 0;
  int64_t elapsed = 0;
  friend bool operator==(const ClockPaused&, const ClockPaused&) = default;
};
// It counts again from the time of the event: after a pause, and total resolution after reopening.
struct ClockResumed {
  ClockKind kind = ClockKind::kUnset;
  int32_t generation = 0;
  std::optional<Timestamp> due_at{};
  int32_t timer = 0;
  std::optional<Timestamp> timer_due{};
  friend bool operator==(const ClockResumed&, const ClockResumed&) = default;
};
struct ClockEnded {
  ClockKind kind = ClockKind::kUnset;
  int32_t generation = 0;
  ClockState state = ClockState::kUnset;  // kMet or kCancelled
  int64_t elapsed = 0;                    // in all
  friend bool operator==(const ClockEnded&, const ClockEnded&) = default;
};
// A tier was crossed: due_at is when, recorded_at of the event when it was noticed.
struct TierCrossed {
  ClockKind kind = ClockKind::kUnset;
  int32_t generation = 0;
  std::string tier{};
  Timestamp due_at{};
  bool breach = false;                // the due time itself
  bool overtaken = false;             // a later tier was overdue too: recorded, without its actions
  std::vector<std::string> notify{};  // principals, "queue:ID" and "role:ID"; makes an outbox row
  int32_t timer = 0;                  // the next one
  std::optional<Timestamp> timer_due{};
  friend bool operator==(const TierCrossed&, const TierCrossed&) = default;
};
enum class ClockMoveCause { kUnset, kExtension, kRevision, kTimeZoneData, kExternal };
// Limit, calendar or zone data changed; what has elapsed is kept. An extension moves the end alone:
// the clock counts on from where it did, and `elapsed` only tells how far it had come.
struct ClockMoved {
  ClockKind kind = ClockKind::kUnset;
  int32_t generation = 0;
  ClockMoveCause cause = ClockMoveCause::kUnset;
  std::string definition{};
  std::string calendar_id{};
  int32_t calendar_version = 0;
  Limit limit{};
  MetBy met_by = MetBy::kUnset;
  int64_t elapsed = 0;
  std::optional<Timestamp> due_before{};
  std::optional<Timestamp> due_at{};
  int32_t timer = 0;
  std::optional<Timestamp> timer_due{};
  friend bool operator==(const ClockMoved&, const ClockMoved&) = default;
};
// The case follows another revision from now on.
struct CaseMigrated {
  int64_t from_revision = 0;
  int64_t revision = 0;
  std::vector<std::string> clock_definitions{};  // as the case has them from now on
  friend bool operator==(const CaseMigrated&, const CaseMigrated&) = default;
};
// The whole server, no subject: what an operator and an auditor want to know.
struct RevisionApplied {  // the text is in the revisions table
  int64_t number = 0;
  std::string hash{};
  std::string source{};  // folder, api
  friend bool operator==(const RevisionApplied&, const RevisionApplied&) = default;
};
// The wall clock moved against the steady one. `holds`: far enough to hold all timers until
// somebody confirms the time.
struct ClockJumped {
  Timestamp expected{};
  Timestamp found{};
  bool holds = false;
  friend bool operator==(const ClockJumped&, const ClockJumped&) = default;
};
struct ClockConfirmed {
  friend bool operator==(const ClockConfirmed&, const ClockConfirmed&) = default;
};
// Local times are other UTC times than before: running clocks are computed anew.
struct ZoneDataChanged {
  std::string before{};
  std::string after{};
  friend bool operator==(const ZoneDataChanged&, const ZoneDataChanged&) = default;
};
// History mode: what the answers known so far make of this case, derived from all of them by the
// time they were given, so that the order of rows cannot matter.
struct CaseHistoryDerived {
  Resurvey resurvey{};
  ResurveyResult resurvey_result = ResurveyResult::kUnset;
  std::optional<Timestamp> asked_at{};
  std::optional<Timestamp> closed_at{};
  std::optional<Timestamp> recovered_at{};
  std::optional<Timestamp> converted_at{};
  bool holds_dedupe_slot = false;
  int32_t reopen_count = 0;
  std::vector<ResponseId> attached_response_ids{};
  friend bool operator==(const CaseHistoryDerived&, const CaseHistoryDerived&) = default;
};
// History mode: an earlier answer turned out to have opened the case; this one never was.
struct CaseVoided {
  friend bool operator==(const CaseVoided&, const CaseVoided&) = default;
};

// Blacklist entries.
struct EntryProposed {
  BlacklistEntry entry{};
  friend bool operator==(const EntryProposed&, const EntryProposed&) = default;
};
struct EntryWarned {
  BlacklistDecision decision{};
  friend bool operator==(const EntryWarned&, const EntryWarned&) = default;
};
struct EntryDecided {
  BlacklistDecision decision{};  // kActivated or kRejected
  std::optional<Timestamp> review_at{};
  friend bool operator==(const EntryDecided&, const EntryDecided&) = default;
};
struct EntryExtensionRequested {
  BlacklistExtension extension{};
  friend bool operator==(const EntryExtensionRequested&, const EntryExtensionRequested&) = default;
};
struct EntryExtensionDecided {
  BlacklistDecision decision{};  // kExtensionGranted or kExtensionRefused
  Timestamp expires_at{};        // as it now is
  std::optional<Timestamp> review_at{};
  friend bool operator==(const EntryExtensionDecided&, const EntryExtensionDecided&) = default;
};
struct EntryAppealed {
  BlacklistAppeal appeal{};
  friend bool operator==(const EntryAppealed&, const EntryAppealed&) = default;
};
struct EntryAppealDecided {
  BlacklistDecision decision{};  // kAppealUpheld, which lifts it, or kAppealDismissed
  friend bool operator==(const EntryAppealDecided&, const EntryAppealDecided&) = default;
};
struct EntryLifted {
  BlacklistDecision decision{};
  friend bool operator==(const EntryLifted&, const EntryLifted&) = default;
};
struct EntryLapsed {
  friend bool operator==(const EntryLapsed&, const EntryLapsed&) = default;
};
// Somebody is told of it. Makes an outbox row of ids; no text is in it.
struct EntryNotified {
  BlacklistNotice notice = BlacklistNotice::kUnset;
  std::vector<std::string> notify{};        // principals and "role:ID"; empty: the customer
  std::optional<Timestamp> appeal_until{};  // kDecision, kExtended: from now on; absent: as it was
  std::optional<Timestamp> review_at{};     // kReviewDue: the next one; absent: none is left
  friend bool operator==(const EntryNotified&, const EntryNotified&) = default;
};

using EventVariant = std::variant<
    CustomerCreated, CustomerProfileChanged, CustomerKeyAdded, CustomerLinked,
    CustomerConsentChanged, ResponseRecorded, ResponsePairingCorrected, CaseOpened, CaseAssigned,
    AttemptLogged, CommitmentMade, RemedyRecorded, CaseResolved, CaseClosed, CaseReopened,
    ResponseAttached, ResurveyAsked, ResurveyAnswered, LaterAnswerCounted, TimerSet, TimerEnded,
    CaseHistoryDerived, CaseVoided, CaseDispatched, CaseAccepted, CaseReturned, CaseChased,
    CaseSupervised, AssistRecorded, ExtensionRecorded, VerificationRecorded, CaseMoved,
    CommitmentSettled, CaseEscalated, PriorityChanged, PauseStarted, PauseEnded, ClockStarted,
    ClockPaused, ClockResumed, ClockEnded, TierCrossed, ClockMoved, CaseMigrated, RevisionApplied,
    ClockJumped, ClockConfirmed, ZoneDataChanged, CaseMerged, CaseAbsorbed, CaseUnmerged,
    CaseSeparated, CaseLinkChanged, VerdictRecorded, FindingRecorded, AlertRaised,
    AlertAcknowledged, AlertOverdue, CaseBegun, CaseRestricted, ResponseCorrected, StepStarted,
    StepEnded, StepOverdue, MessageSent, EntryProposed, EntryWarned, EntryDecided,
    EntryExtensionRequested, EntryExtensionDecided, EntryAppealed, EntryAppealDecided, EntryLifted,
    EntryLapsed, EntryNotified, CustomerErased, ErasureFinished, CaseErased, ContactUnmasked,
    BehaviourRecorded>;

// The variant with its special members in event.cc. Over so many alternatives they are the slowest
// code of the program to compile, and nearly every file copies events: 14 s each, otherwise.
struct EventBody : EventVariant {
  using EventVariant::EventVariant;
  EventBody();
  EventBody(const EventBody& other);
  EventBody(EventBody&& other) noexcept;
  EventBody& operator=(const EventBody& other);
  EventBody& operator=(EventBody&& other) noexcept;
  ~EventBody();
  friend bool operator==(const EventBody& a, const EventBody& b);
};

struct Event {
  int64_t sequence = 0;  // given by the store; rises in commit order, may jump
  // The subjects. A case event names its case; a response event its response; customer_id stands
  // on all kinds where a customer is known; a blacklist event names its entry and the customer.
  // Events of the whole server have none.
  CustomerId customer_id{};
  ResponseId response_id{};
  CaseId case_id{};
  BlacklistEntryId entry_id{};
  Timestamp occurred_at{};  // when it happened
  Timestamp recorded_at{};  // when it was stored; never goes back
  std::string actor{};      // principal, or "system"
  std::string org_unit_id{};
  std::string queue_id{};
  std::string status{};  // cases: the status after it
  Phase phase = Phase::kUnset;
  EventBody body{};

  friend bool operator==(const Event&, const Event&) = default;
};

using Events = std::vector<Event>;

// Events of the whole server: no row of a customer, response or case changes.
template <typename T>
inline constexpr bool kIsServerEvent =
    std::is_same_v<T, RevisionApplied> || std::is_same_v<T, ClockJumped> ||
    std::is_same_v<T, ClockConfirmed> || std::is_same_v<T, ZoneDataChanged>;

// The event's name in past tense, e.g. "AttemptLogged".
std::string_view TypeName(const EventBody& body);

// To whom the event gives a case, be it by the system, by hand or by a claim; empty: to nobody.
std::string_view GivenTo(const EventBody& body);

// The kind of outbox row that the event makes; empty: none.
//   resurvey_invitation  to the customer
//   message              to the customer: of the plan
//   blacklist_notice     to the customer: of a blacklist entry
//   notification         to staff: a tier's, an escalation, a chase, a supervision, a dispatch, an
//                        alert, a task or a step that is overdue, what the system gives to somebody
//                        or takes back, what waits for those who decide on a blacklist entry
std::string_view OutboxKind(const EventBody& body);

}  // namespace rebound
