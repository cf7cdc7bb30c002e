// Events: what happened. The only truth; every row of every table is a fold of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

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

using EventBody =
    std::variant<CustomerCreated, CustomerProfileChanged, CustomerKeyAdded, CustomerLinked,
                 CustomerConsentChanged, ResponseRecorded, ResponsePairingCorrected, CaseOpened,
                 CaseAssigned, AttemptLogged, CommitmentMade, RemedyRecorded, CaseResolved,
                 CaseClosed, CaseReopened, ResponseAttached, ResurveyAsked, ResurveyAnswered,
                 LaterAnswerCounted, TimerSet, TimerEnded, CaseHistoryDerived, CaseVoided>;

struct Event {
  int64_t sequence = 0;  // given by the store; rises in commit order, may jump
  // The subjects. A case event names its case; a response event its response; customer_id stands
  // on all three kinds where a customer is known.
  CustomerId customer_id{};
  ResponseId response_id{};
  CaseId case_id{};
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

// The event's name in past tense, e.g. "AttemptLogged".
std::string_view TypeName(const EventBody& body);

}  // namespace rebound
