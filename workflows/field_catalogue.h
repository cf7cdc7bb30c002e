// Every field a condition or a list filter may name, once.
//
// The checker, the filter grammar and the playbook conditions read this one table, so they cannot
// drift apart. Constant data; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rebound {

enum class FieldType {
  kBool,
  kInt,    // also amounts of money, in minor units of the program's currency
  kText,   // compared byte by byte, case-sensitive
  kProse,  // what people wrote; searched, never compared
  kTexts,  // several texts, each as kText
  kPath,   // segments joined by '/', e.g. "channel/hotline"; ':' matches a whole subtree
  kEnum,   // one of Field::enum_values
  kTime,   // UTC, milliseconds
  kId,     // 26 lower-case base32 characters
};

// Where a predicate stands; a field may be named only where the thing in question has it.
enum class Use {
  kOpeningRule,     // playbook, priority and clock conditions: facts known when a case opens
  kCaseFilter,      // ListCases, ClaimNext
  kResponseFilter,  // ListResponses
  kCustomerFilter,  // ListCustomers
  kStepRule,        // conditions of a plan's steps: what kOpeningRule has, and what became of it
};
inline constexpr int kUseCount = 5;

// A condition of the configuration, not a filter of a list.
inline bool IsRule(Use use) { return use == Use::kOpeningRule || use == Use::kStepRule; }

enum class FieldId {
  kNumber,
  kStatus,
  kPhase,
  kSeverity,
  kProgram,
  kTouchpoint,
  kOrgUnit,
  kQueue,
  kOwner,
  kCategory,
  kScore,
  kPlaybook,
  kOrigin,
  kChannel,
  kLanguage,
  kCustomer,
  kHandlingResult,
  kResurveyResult,
  kOpenTime,
  kCloseTime,
  kNextDueTime,
  kValueAtRisk,
  kArm,
  kHistory,
  kReopenCount,
  kAnonymous,
  kRespondentRole,
  kOccurTime,
  kRecordTime,
  kDoNotContact,
  kSegment,
  kAccount,
  kReason,
  kTopic,
  kContactRequested,
  kExternalAuthority,
  kEmotion,
  kPriority,
  kEscalationLevel,
  kPaused,
  kStep,
  kStepQueue,
  kStepOwner,
  kStepResult,
  kAttemptCount,
  kUnreachable,
  kRound,
  kGender,
  kAge,
  kEthnicity,
  kReligion,
  kNationality,
};
inline constexpr int kFieldCount = static_cast<int>(FieldId::kNationality) + 1;

struct Field {
  FieldId id;
  std::string_view name;  // snake case, as the API's field
  FieldType type;
  std::string_view unit;                          // "" when the type says it all
  std::span<const std::string_view> enum_values;  // kEnum only
  std::string_view label_en;
  std::string_view label_zh;
  // Never to be used in any rule or filter; listed so that it can be refused by name.
  bool is_protected;
  unsigned uses;  // bit 1 << Use for each place where it may stand
};

// In FieldId order.
std::span<const Field> FieldCatalogue();

const Field& Describe(FieldId id);
// nullptr when no field has exactly this name.
const Field* FindField(std::string_view name);
bool UsableIn(const Field& field, Use use);
// The names usable in `use`, in catalogue order.
std::vector<std::string_view> FieldNames(Use use);

// The candidate that `word` most likely misspells, ASCII case aside: within one edit (insert,
// delete, replace, swap neighbours) per three bytes, one always allowed. Empty when none is near.
std::string_view Nearest(std::string_view word, std::span<const std::string_view> candidates);

// "a, b or c": for messages that list what was expected.
std::string JoinWithOr(std::span<const std::string_view> words);

}  // namespace rebound
