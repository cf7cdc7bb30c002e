#include "workflows/reason.h"

#include "workflows/check.h"

namespace rebound {

std::string_view Name(Reason reason) {
  switch (reason) {
    case Reason::kFieldViolations: return "FIELD_VIOLATIONS";
    case Reason::kRequiredFieldMissing: return "REQUIRED_FIELD_MISSING";
    case Reason::kRequestIdInvalid: return "REQUEST_ID_INVALID";
    case Reason::kScoreOutOfRange: return "SCORE_OUT_OF_RANGE";
    case Reason::kScoreNotInteger: return "SCORE_NOT_INTEGER";
    case Reason::kUnknownProgram: return "UNKNOWN_PROGRAM";
    case Reason::kCustomerRequired: return "CUSTOMER_REQUIRED";
    case Reason::kTimestampOutOfRange: return "TIMESTAMP_OUT_OF_RANGE";
    case Reason::kTextTooLong: return "TEXT_TOO_LONG";
    case Reason::kNulNotAllowed: return "NUL_NOT_ALLOWED";
    case Reason::kInvalidUtf8: return "INVALID_UTF8";
    case Reason::kEnumValueUnknown: return "ENUM_VALUE_UNKNOWN";
    case Reason::kIdInvalid: return "ID_INVALID";
    case Reason::kMoneyInvalid: return "MONEY_INVALID";
    case Reason::kNumberOutOfRange: return "NUMBER_OUT_OF_RANGE";
    case Reason::kUpdateMaskInvalid: return "UPDATE_MASK_INVALID";
    case Reason::kPageSizeInvalid: return "PAGE_SIZE_INVALID";
    case Reason::kPageTokenInvalid: return "PAGE_TOKEN_INVALID";
    case Reason::kFilterInvalid: return "FILTER_INVALID";
    case Reason::kOrderByInvalid: return "ORDER_BY_INVALID";
    case Reason::kEtagRequired: return "ETAG_REQUIRED";
    case Reason::kTooManyItems: return "TOO_MANY_ITEMS";
    case Reason::kStreamOutOfOrder: return "STREAM_OUT_OF_ORDER";
    case Reason::kReasonUnknown: return "REASON_UNKNOWN";
    case Reason::kStatusUnknown: return "STATUS_UNKNOWN";
    case Reason::kConfigInvalid: return "CONFIG_INVALID";
    case Reason::kNotFound: return "NOT_FOUND";
    case Reason::kNothingToClaim: return "NOTHING_TO_CLAIM";
    case Reason::kRevisionUnknown: return "REVISION_UNKNOWN";
    case Reason::kRequestIdReused: return "REQUEST_ID_REUSED";
    case Reason::kResponseExternalIdReused: return "RESPONSE_EXTERNAL_ID_REUSED";
    case Reason::kAliasTaken: return "ALIAS_TAKEN";
    case Reason::kEtagMismatch: return "ETAG_MISMATCH";
    case Reason::kRequestInProgress: return "REQUEST_IN_PROGRESS";
    case Reason::kRevisionConflict: return "REVISION_CONFLICT";
    case Reason::kTransitionNotAllowed: return "TRANSITION_NOT_ALLOWED";
    case Reason::kDedupeSlotTaken: return "DEDUPE_SLOT_TAKEN";
    case Reason::kDoNotContact: return "DO_NOT_CONTACT";
    case Reason::kConsentDenied: return "CONSENT_DENIED";
    case Reason::kCustomerUnknown: return "CUSTOMER_UNKNOWN";
    case Reason::kCurrencyMismatch: return "CURRENCY_MISMATCH";
    case Reason::kPairingMismatch: return "PAIRING_MISMATCH";
    case Reason::kHistoryCaseWorked: return "HISTORY_CASE_WORKED";
    case Reason::kAliasCycle: return "ALIAS_CYCLE";
    case Reason::kReturnLimitReached: return "RETURN_LIMIT_REACHED";
    case Reason::kExtensionLimitReached: return "EXTENSION_LIMIT_REACHED";
    case Reason::kExtensionDecided: return "EXTENSION_DECIDED";
    case Reason::kAssistAnswered: return "ASSIST_ANSWERED";
    case Reason::kCommitmentSettled: return "COMMITMENT_SETTLED";
    case Reason::kSecondPersonRequired: return "SECOND_PERSON_REQUIRED";
    case Reason::kCaseIncomplete: return "CASE_INCOMPLETE";
    case Reason::kClockNotRunning: return "CLOCK_NOT_RUNNING";
    case Reason::kClockNotPausable: return "CLOCK_NOT_PAUSABLE";
    case Reason::kCaseStatusNotInRevision: return "CASE_STATUS_NOT_IN_REVISION";
    case Reason::kTimersNotHeld: return "TIMERS_NOT_HELD";
    case Reason::kRemedyTypeUnknown: return "REMEDY_TYPE_UNKNOWN";
    case Reason::kMergeIntoItself: return "MERGE_INTO_ITSELF";
    case Reason::kLinkKindUnknown: return "LINK_KIND_UNKNOWN";
    case Reason::kQueueUnknown: return "QUEUE_UNKNOWN";
    case Reason::kLeaseLost: return "LEASE_LOST";
    case Reason::kOwnerIsAccused: return "OWNER_IS_ACCUSED";
    case Reason::kCapacityReached: return "CAPACITY_REACHED";
    case Reason::kEvidenceRequired: return "EVIDENCE_REQUIRED";
    case Reason::kRemedyLimitExceeded: return "REMEDY_LIMIT_EXCEEDED";
    case Reason::kRemedyNeedsApproval: return "REMEDY_NEEDS_APPROVAL";
    case Reason::kMergeMismatch: return "MERGE_MISMATCH";
    case Reason::kMergeTargetClosed: return "MERGE_TARGET_CLOSED";
    case Reason::kMergeTargetHeldOut: return "MERGE_TARGET_HELD_OUT";
    case Reason::kMergeTooDeep: return "MERGE_TOO_DEEP";
    case Reason::kNotMerged: return "NOT_MERGED";
    case Reason::kVerdictPending: return "VERDICT_PENDING";
    case Reason::kVerdictDecided: return "VERDICT_DECIDED";
    case Reason::kAppealNotOpen: return "APPEAL_NOT_OPEN";
    case Reason::kAppealPending: return "APPEAL_PENDING";
    case Reason::kAppealTooLate: return "APPEAL_TOO_LATE";
    case Reason::kAlertAcknowledged: return "ALERT_ACKNOWLEDGED";
    case Reason::kCaseNotHeldOut: return "CASE_NOT_HELD_OUT";
    case Reason::kStepUnknown: return "STEP_UNKNOWN";
    case Reason::kStepNotActive: return "STEP_NOT_ACTIVE";
    case Reason::kStepEndsOtherwise: return "STEP_ENDS_OTHERWISE";
    case Reason::kUnreachableNotShown: return "UNREACHABLE_NOT_SHOWN";
    case Reason::kUnauthenticated: return "UNAUTHENTICATED";
    case Reason::kRoleNotAllowed: return "ROLE_NOT_ALLOWED";
    case Reason::kTransitionRoleNotAllowed: return "TRANSITION_ROLE_NOT_ALLOWED";
    case Reason::kQueueFull: return "QUEUE_FULL";
    case Reason::kDeadlineExceeded: return "DEADLINE_EXCEEDED";
    case Reason::kStoreUnavailable: return "STORE_UNAVAILABLE";
    case Reason::kShuttingDown: return "SHUTTING_DOWN";
    case Reason::kInternal: return "INTERNAL";
  }
  CHECK(false);
  return {};
}

}  // namespace rebound
