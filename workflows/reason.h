// Every way a request can be refused, the store's and the shell's ways included.
//
// One to one with rebound.v1.ErrorReason (proto/rebound/v1/error_reason.proto), where each value is
// documented with its metadata and an example; server/services/status.cc maps each to a gRPC code
// and to its English and Chinese text. A test walks all three.
#pragma once

#include <string_view>

namespace rebound {

enum class Reason {
  // INVALID_ARGUMENT: the request can never succeed as it stands.
  kFieldViolations,  // several fields are at fault; see Error::violations
  kRequiredFieldMissing,
  kRequestIdInvalid,  // missing, or not 1-64 characters of [A-Za-z0-9_-]
  kScoreOutOfRange,
  kScoreNotInteger,  // importers only: "6.877"
  kUnknownProgram,
  kCustomerRequired,  // the program does not allow anonymous answers
  kTimestampOutOfRange,
  kTextTooLong,
  kNulNotAllowed,
  kInvalidUtf8,
  kEnumValueUnknown,
  kIdInvalid,
  kMoneyInvalid,
  kNumberOutOfRange,
  kUpdateMaskInvalid,
  kValueMasked,
  kPageSizeInvalid,
  kPageTokenInvalid,
  kFilterInvalid,
  kOrderByInvalid,
  kEtagRequired,
  kTooManyItems,
  kStreamOutOfOrder,  // an import stream whose first message is not its header, or a second header
  kReasonUnknown,     // not a word of the revision's list
  kStatusUnknown,
  kRemedyTypeUnknown,
  kMergeIntoItself,
  kLinkKindUnknown,
  kQueueUnknown,  // the revision lists queues, and this is none of them
  kEvidenceRequired,
  kBlacklistExpiryRequired,
  kBlacklistExpiryPast,
  kBlacklistExpiryTooFar,
  kBlacklistEffectNotOfKind,
  kBlacklistRemedyStatutory,
  kBlacklistImmediateNotAllowed,
  kBlacklistImmediateTooLong,
  kBlacklistRuleNoCondition,
  kBlacklistRuleScoresOnly,
  kBlacklistRuleProtected,
  kBlacklistRuleDuration,
  kConfigInvalid,  // a violation for each fault, its field file:line:column
  kPasswordRefused,
  kTargetForbidden,
  kHeaderNotAllowed,
  kCredentialInUrl,

  // NOT_FOUND: absent, or outside the caller's access scope: the same bytes.
  kNotFound,
  kNothingToClaim,
  kRevisionUnknown,

  // ALREADY_EXISTS
  kRequestIdReused,
  kUserExists,
  kResponseExternalIdReused,
  kAliasTaken,
  kBehaviourKeyReused,

  // ABORTED
  kEtagMismatch,
  kRequestInProgress,
  kRevisionConflict,
  kLeaseLost,  // the case was given to somebody else, or taken back, since

  // FAILED_PRECONDITION: well-formed, but not in this state.
  kTransitionNotAllowed,
  kDedupeSlotTaken,
  kDoNotContact,
  kConsentDenied,
  kCustomerUnknown,  // the case has no known customer: nobody to contact
  kCurrencyMismatch,
  kPairingMismatch,  // the named case belongs to another customer or program, or was answered
  kHistoryCaseWorked,
  kAliasCycle,
  kReturnLimitReached,
  kExtensionLimitReached,
  kExtensionDecided,
  kAssistAnswered,
  kCommitmentSettled,
  kSecondPersonRequired,
  kCaseIncomplete,  // the transition requires what the case lacks
  kClockNotRunning,
  kClockNotPausable,
  kCaseStatusNotInRevision,
  kTimersNotHeld,
  kRemedyLimitExceeded,
  kRemedyNeedsApproval,
  kMergeMismatch,
  kMergeTargetClosed,
  kMergeTargetHeldOut,
  kMergeTooDeep,
  kNotMerged,
  kVerdictPending,
  kVerdictDecided,
  kAppealNotOpen,
  kAppealPending,
  kAppealTooLate,
  kAlertAcknowledged,
  kCaseNotHeldOut,
  kOwnerIsAccused,   // the complaint is about whom the case would be given to
  kCapacityReached,  // the caller has as many open cases as they may
  kStepUnknown,
  kStepNotActive,
  kStepEndsOtherwise,
  kUnreachableNotShown,
  kBlacklistEntryExists,
  kBlacklistImmediateUsed,
  kBlacklistTransitionNotAllowed,
  kBlacklistWarningRequired,
  kBlacklistDeciderProposed,
  kBlacklistDeciderDecided,
  kBlacklistDeciderIsOwner,
  kBlacklistDeciderNotPerson,
  kBlacklistAppealMade,
  kBlacklistAppealTooLate,
  kBlacklistAppealNotOpen,
  kBlacklistAppealPending,
  kBlacklistExtensionPending,
  kBlacklistExtensionNotOpen,
  kBlacklistNoticesNotConfigured,
  kBlacklistNoticeNotDue,
  kBlacklistBlocks,
  kBlacklistNeedsApproval,
  kCustomerErased,
  kBehaviourLimitReached,
  kLastAdmin,
  kSessionRequired,
  kApiKeyEnded,
  kTooManyApiKeys,

  // UNAUTHENTICATED, PERMISSION_DENIED
  kUnauthenticated,
  kSignInRefused,
  kOneTimeTokenRefused,
  kProviderSignInEnded,
  kProviderSignInRefused,
  kProviderUserUnknown,
  kRoleNotAllowed,
  kCrossSiteCall,
  kMethodNotGranted,
  kGrantExceedsOwn,
  kOwnRightsKept,
  kPasswordWrong,
  kTransitionRoleNotAllowed,
  kBlacklistRoleNotAllowed,

  // Following events: INVALID_ARGUMENT, OUT_OF_RANGE, ABORTED, ALREADY_EXISTS,
  // FAILED_PRECONDITION, RESOURCE_EXHAUSTED
  kCursorInvalid,
  kCursorExpired,
  kCursorAhead,
  kCursorFromLostTimeline,
  kSubscriptionExists,
  kSubscriptionLimitReached,
  kEndpointLimitReached,
  kMailNotSetUp,
  kSubscriptionTakenOver,
  kStreamLimitReached,

  // RESOURCE_EXHAUSTED, DEADLINE_EXCEEDED, UNAVAILABLE, INTERNAL
  kRateLimited,
  kQueueFull,
  kSignInThrottled,
  kDeadlineExceeded,
  kStoreUnavailable,
  kProviderUnavailable,
  kShuttingDown,
  kInternal,
};

inline constexpr int kReasonCount = static_cast<int>(Reason::kInternal) + 1;

// UPPER_SNAKE name as it travels in ErrorInfo.reason, e.g. "SCORE_OUT_OF_RANGE".
std::string_view Name(Reason reason);

}  // namespace rebound
