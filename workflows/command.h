// Commands: what someone wants. Imperative; checked for shape already (services/validate), for
// state by Decide.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "workflows/blacklist.h"
#include "workflows/case.h"
#include "workflows/customer.h"
#include "workflows/ids.h"
#include "workflows/response.h"

namespace rebound {

struct Revision;

struct SubmitResponse {
  Response response{};         // ids, category, pairing and recorded_at not yet set
  ExternalKey customer_key{};  // used when response.customer_id is empty
  bool history = false;
  bool occurred_now = false;  // the request named no time: occurred_at is Context::now
};

// The configuration changes: for the whole server, at once.
struct ApplyRevision {
  std::shared_ptr<const Revision> revision{};  // its number is given when it is stored
  std::string text{};                          // canonical
  std::string source{};                        // folder, api
  std::optional<int64_t> expected{};           // the number in force that the caller saw
};
// What the bell saw of the clocks: a jump, or that all is well.
struct ReportClock {
  std::optional<Timestamp> expected{};  // a jump: what the wall clock should have shown
  Timestamp found{};                    // what it shows
  bool holds = false;
};
struct ConfirmClock {};  // the time is right: held timers may fire
struct ReportZones {
  std::string version{};
};

struct UpsertCustomer {
  ExternalKey key{};
  CustomerProfile profile{};        // the fields that the mask names
  std::vector<std::string> mask{};  // field names of rebound.v1.Customer, checked and unique
  std::optional<int64_t> expected_version{};
};
struct AddCustomerAlias {
  CustomerId customer_id{};
  ExternalKey key{};
};
struct SetCustomerConsent {
  CustomerId customer_id{};
  std::optional<bool> do_not_contact{};
  std::vector<Consent> consents{};  // occurred_at of 0: now
  std::optional<int64_t> expected_version{};
};

// What the customer did; by its key it is recorded once for the person.
struct RecordBehaviour {
  CustomerId customer_id{};
  ExternalKey customer_key{};  // used when customer_id is empty
  Behaviour behaviour{};       // recorded_at not yet set
  bool occurred_now = false;   // the request named no time: occurred_at is Context::now
};

// A case as a caller names it: by id, or by number when the id is empty.
struct CaseRef {
  CaseId id{};
  int64_t number = 0;
};

// Erases the person: the customer, whoever stands for it, and every alias.
struct EraseCustomer {
  CustomerId customer_id{};
  ErasureGround ground = ErasureGround::kUnset;
  std::optional<int64_t> expected_version{};  // of who stands for the person
};
// Shows contact data in clear: of the customer, or, where there is none, of the case.
struct UnmaskContact {
  CustomerId customer_id{};
  CaseRef ref{};
  UnmaskReason reason = UnmaskReason::kUnset;
  Text note{};
};
// The store has no bytes of that record any more.
struct FinishErasure {
  CustomerId customer_id{};
};

struct OpenCase {
  std::string program_id{};
  CustomerId customer_id{};
  CaseOrigin origin = CaseOrigin::kHand;
  int32_t severity = 2;
  CaseDetails details{};
  // An import of the past: no clock runs, nothing is sent, and what happened to it carries the
  // data's own times.
  bool history = false;
  Timestamp opened_at{};  // of a history; else Context::now
  std::optional<Timestamp> dispatched_at{};
  std::optional<Timestamp> resolved_at{};
  HandlingResult handling_result = HandlingResult::kUnset;
  std::string root_cause{};
  std::optional<Timestamp> closed_at{};
};
struct ClaimNext {
  std::string queue_id{};
};
struct Assign {
  std::string owner{};
  std::string queue_id{};
};
struct LogAttempt {
  Attempt attempt{};
  bool occurred_now = false;
};
struct MakeCommitment {
  Commitment commitment{};
};
struct RecordRemedy {
  Remedy remedy{};
};
struct Resolve {
  HandlingResult handling_result = HandlingResult::kUnset;
  std::string root_cause{};
  Text action_taken{};
  std::optional<bool> customer_accepts{};
};
struct Close {
  Text note{};
  bool customer_declined = false;
};
struct Reopen {
  Text note{};
};
// Sends the case where it belongs. At least one of owner, queue and org unit.
struct Dispatch {
  std::string owner{};
  std::string queue_id{};
  std::string org_unit_id{};
  Text note{};
};
struct Accept {};  // the actor takes it on
struct Return {
  std::string reason{};
  Text note{};
  std::string queue_id{};  // empty: back to the program's queue
};
struct SettleCommitment {
  CommitmentId id{};
  CommitmentState state = CommitmentState::kUnset;  // kKept or kBroken
  Text note{};
};
struct PauseCase {
  std::string reason{};
  Text note{};
};
struct ResumeCase {};
struct ChaseCase {
  Channel channel = Channel::kUnset;
  Text note{};
};
struct SuperviseCase {
  Text note{};
};
// Asks for help, or with an id answers a request.
struct AssistCase {
  AssistId id{};
  std::string assistant{};
  Text text{};
};
struct RequestExtension {
  ClockKind clock = ClockKind::kUnset;
  int32_t generation = 0;  // 0: the running one
  int64_t amount = 0;      // more, in the clock's own count
  bool in_days = false;    // what the caller took that count to be
  std::string reason{};
  Text note{};
};
struct DecideExtension {
  ExtensionId id{};
  bool grant = false;
};
struct EscalateCase {
  Text note{};
};
struct VerifyCase {
  Verification verification{};
};
struct MoveCase {
  std::string status{};
  std::string reason{};  // compulsory where the status stops clocks
  Text note{};
};
struct WithdrawCase {
  Text note{};
};
// Into the case `into`: one customer told it twice.
struct MergeCase {
  CaseRef into{};
  Text note{};
};
struct UnmergeCase {
  Text note{};
};
// How two cases may belong together without being one.
inline constexpr std::string_view kLinkKinds[] = {"related", "duplicate", "follow_up"};
// Both cases name each other.
struct LinkCase {
  CaseRef other{};
  std::string kind{};  // one of kLinkKinds
  bool remove = false;
};
struct ProposeVerdict {
  VerdictKind kind = VerdictKind::kUnset;
  std::optional<int64_t> corrected_score{};
  std::vector<Evidence> evidence{};
  Text note{};
};
struct DecideVerdict {
  VerdictId id{};
  bool grant = false;
  Text note{};
};
struct FindLiability {
  Liability liability = Liability::kUnset;
  std::string unit_id{};
  std::string person{};
  Text note{};
};
struct AppealLiability {
  std::vector<Evidence> evidence{};
  Text note{};
};
struct DecideAppeal {
  bool uphold = false;  // the unit is right
  Text note{};
};
struct AcknowledgeAlert {
  AlertId id{};  // empty: every one that waits
  Text note{};
};
// Handle a case that was held back for comparison after all.
struct BeginCase {
  Text note{};
};
// The step of the plan that is active ends: a task is done, or it is left out.
struct CompleteStep {
  std::string step_id{};
  StepState state = StepState::kUnset;  // kDone, kFailed or kSkipped
  std::string result{};  // a word for later conditions; empty: done, failed or skipped
  Text note{};           // compulsory with kSkipped
};
// Follow another revision, and `status` of it where the present one is not there. What clocks have
// counted is kept.
struct MigrateCase {
  int64_t revision = 0;  // 0: the one in force
  std::string status{};
};
// Zone data changed: due times of running clocks are computed anew.
struct RecomputeClocks {};
// One wake-up for one case: every timer of it that is due at Context::now fires, in due order.
struct FireTimers {};

using CaseVerb =
    std::variant<Assign, LogAttempt, MakeCommitment, RecordRemedy, Resolve, Close, Reopen, Dispatch,
                 Accept, Return, SettleCommitment, PauseCase, ResumeCase, ChaseCase, SuperviseCase,
                 AssistCase, RequestExtension, DecideExtension, EscalateCase, VerifyCase, MoveCase,
                 WithdrawCase, MergeCase, UnmergeCase, LinkCase, ProposeVerdict, DecideVerdict,
                 FindLiability, AppealLiability, DecideAppeal, AcknowledgeAlert, BeginCase,
                 CompleteStep, MigrateCase, RecomputeClocks, FireTimers>;
// A verb on one case. expected_version: the etag the caller saw; expected_lease: the lease number
// under which the caller took the case.
struct WorkCase {
  CaseRef ref{};
  CaseVerb verb{};
  std::optional<int64_t> expected_version{};
  std::optional<int64_t> expected_lease{};
};

// The blacklist. A person asks for a restriction; another one decides.
struct ProposeEntry {
  CustomerId customer_id{};
  BlacklistKind kind = BlacklistKind::kUnset;
  std::optional<BlacklistEffects> effects{};  // absent: those of the kind
  BlacklistExtent extent{};
  std::vector<BlacklistEvidence> evidence{};  // ids and added_by not yet set
  std::string reason_code{};
  Text internal_reason{};
  Text customer_reason_en{};
  Text customer_reason_zh{};
  std::string legal_basis{};             // empty: that of the kind
  std::optional<Timestamp> starts_at{};  // absent: now
  std::optional<Timestamp> expires_at{};
  std::optional<Timestamp> review_at{};        // absent: by the kind
  std::optional<Timestamp> immediate_until{};  // absent: nothing holds before the decision
};
// Every rule of the revision is tried on the customer; those that hold propose.
struct ProposeByRules {
  CustomerId customer_id{};
};

// What the server remembers: the rules were tried for every event up to this one.
struct ReportRulesTried {
  int64_t sequence = 0;
};

// An entry as a caller names it: by id, or by number when the id is empty.
struct EntryRef {
  BlacklistEntryId id{};
  int64_t number = 0;
};
struct WarnEntry {
  Text note{};
};
struct DecideEntry {
  bool activate = false;  // false: it is rejected
  Text note{};
};
struct RequestEntryExtension {
  Timestamp until{};
  Text reason{};
};
struct DecideEntryExtension {
  bool grant = false;
  Text note{};
};
struct AppealEntry {
  Text words{};
  std::vector<BlacklistEvidence> evidence{};
};
struct DecideEntryAppeal {
  bool uphold = false;  // the customer is right: the entry is lifted
  Text note{};
};
struct LiftEntry {
  Text note{};
};
// One wake-up for one entry: everything that time has brought by Context::now happens, once.
struct EntryTimers {};

using EntryVerb = std::variant<WarnEntry, DecideEntry, RequestEntryExtension, DecideEntryExtension,
                               AppealEntry, DecideEntryAppeal, LiftEntry, EntryTimers>;
struct WorkEntry {
  EntryRef ref{};
  EntryVerb verb{};
  std::optional<int64_t> expected_version{};
};

using Command =
    std::variant<SubmitResponse, UpsertCustomer, AddCustomerAlias, SetCustomerConsent, OpenCase,
                 ClaimNext, WorkCase, ApplyRevision, ReportClock, ConfirmClock, ReportZones,
                 ProposeEntry, ProposeByRules, WorkEntry, ReportRulesTried, EraseCustomer,
                 FinishErasure, UnmaskContact, RecordBehaviour>;

}  // namespace rebound
