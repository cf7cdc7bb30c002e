#include "workflows/field_catalogue.h"

#include <algorithm>
#include <array>

#include "workflows/check.h"

namespace rebound {
namespace {

constexpr unsigned Bit(Use use) { return 1U << static_cast<unsigned>(use); }

constexpr unsigned kNowhere = 0;
constexpr unsigned kStep = Bit(Use::kStepRule);
constexpr unsigned kRule = Bit(Use::kOpeningRule) | kStep;
constexpr unsigned kCase = Bit(Use::kCaseFilter);
constexpr unsigned kResponse = Bit(Use::kResponseFilter);
constexpr unsigned kCustomer = Bit(Use::kCustomerFilter);

constexpr std::string_view kPhases[] = {"open", "contacted", "remedied", "resurveyed", "closed"};
constexpr std::string_view kCategories[] = {"detractor", "passive", "promoter"};
constexpr std::string_view kOrigins[] = {"response", "complaint", "contact_me", "hand"};
constexpr std::string_view kHandlingResults[] = {
    "resolved",  "partly",    "not_resolved", "unreachable", "withdrawn",
    "unfounded", "dishonest", "invalid",      "merged",      "erased"};
constexpr std::string_view kResurveyResults[] = {"promoter",  "passive",  "still_detractor",
                                                 "no_answer", "declined", "not_asked"};
constexpr std::string_view kArms[] = {"treated", "held_out", "delayed_start"};
constexpr std::string_view kEmotions[] = {"calm", "disappointed", "angry", "threatening"};

constexpr Field Of(FieldId id, std::string_view name, FieldType type, std::string_view label_en,
                   std::string_view label_zh, unsigned uses, std::string_view unit = "") {
  return {id, name, type, unit, {}, label_en, label_zh, false, uses};
}
constexpr Field OneOf(FieldId id, std::string_view name, std::span<const std::string_view> values,
                      std::string_view label_en, std::string_view label_zh, unsigned uses) {
  return {id, name, FieldType::kEnum, "", values, label_en, label_zh, false, uses};
}
constexpr Field Protected(FieldId id, std::string_view name, FieldType type,
                          std::string_view label_en, std::string_view label_zh) {
  return {id, name, type, "", {}, label_en, label_zh, true, kNowhere};
}

constexpr std::array<Field, kFieldCount> kFields = {
    Of(FieldId::kNumber, "number", FieldType::kText, "Case number", "工单号", kCase),
    Of(FieldId::kStatus, "status", FieldType::kText, "Status", "状态", kStep | kCase),
    OneOf(FieldId::kPhase, "phase", kPhases, "Phase", "阶段", kCase),
    Of(FieldId::kSeverity, "severity", FieldType::kInt, "Severity", "严重程度", kRule | kCase,
       "1 (lowest) to 5"),
    Of(FieldId::kProgram, "program", FieldType::kText, "Program", "调研项目",
       kRule | kCase | kResponse),
    Of(FieldId::kTouchpoint, "touchpoint", FieldType::kPath, "Touchpoint", "触点",
       kRule | kCase | kResponse),
    Of(FieldId::kOrgUnit, "org_unit", FieldType::kPath, "Org unit", "组织单元",
       kRule | kCase | kResponse | kCustomer),
    Of(FieldId::kQueue, "queue", FieldType::kText, "Queue", "工单池", kCase),
    Of(FieldId::kOwner, "owner", FieldType::kText, "Owner", "处理人", kCase),
    OneOf(FieldId::kCategory, "category", kCategories, "Category of the score", "评分类别",
          kRule | kCase | kResponse),
    Of(FieldId::kScore, "score", FieldType::kInt, "Score", "评分", kRule | kCase | kResponse,
       "points on the program's scale"),
    Of(FieldId::kPlaybook, "playbook", FieldType::kText, "Playbook", "补救方案", kCase),
    OneOf(FieldId::kOrigin, "origin", kOrigins, "Origin", "来源", kRule | kCase),
    Of(FieldId::kChannel, "channel", FieldType::kText, "Channel", "渠道",
       kRule | kCase | kResponse),
    Of(FieldId::kLanguage, "language", FieldType::kText, "Language", "语言",
       kRule | kCase | kResponse, "BCP 47 tag"),
    Of(FieldId::kCustomer, "customer", FieldType::kId, "Customer", "客户", kCase | kResponse),
    OneOf(FieldId::kHandlingResult, "handling_result", kHandlingResults, "Handling result",
          "处理结果", kStep | kCase),
    OneOf(FieldId::kResurveyResult, "resurvey_result", kResurveyResults, "Re-survey result",
          "复测结果", kCase),
    Of(FieldId::kOpenTime, "open_time", FieldType::kTime, "Opened at", "开单时间", kCase, "UTC"),
    Of(FieldId::kCloseTime, "close_time", FieldType::kTime, "Closed at", "关单时间", kCase, "UTC"),
    Of(FieldId::kNextDueTime, "next_due_time", FieldType::kTime, "Next due at", "下一时限", kCase,
       "UTC"),
    Of(FieldId::kValueAtRisk, "value_at_risk", FieldType::kInt, "Value at risk", "风险金额",
       kRule | kCase, "minor units of the program's currency"),
    OneOf(FieldId::kArm, "arm", kArms, "Arm", "对照分组", kCase),
    Of(FieldId::kHistory, "history", FieldType::kBool, "From history", "历史导入", kRule | kCase),
    Of(FieldId::kReopenCount, "reopen_count", FieldType::kInt, "Times reopened", "重开次数",
       kRule | kCase),
    Of(FieldId::kAnonymous, "anonymous", FieldType::kBool, "Anonymous", "匿名", kRule | kResponse),
    Of(FieldId::kRespondentRole, "respondent_role", FieldType::kText, "Respondent role",
       "答卷人角色", kRule | kResponse),
    Of(FieldId::kOccurTime, "occur_time", FieldType::kTime, "Answered at", "答卷时间", kResponse,
       "UTC"),
    Of(FieldId::kRecordTime, "record_time", FieldType::kTime, "Recorded at", "入库时间", kResponse,
       "UTC"),
    Of(FieldId::kDoNotContact, "do_not_contact", FieldType::kBool, "Do not contact", "勿联系",
       kRule | kCustomer),
    Of(FieldId::kSegment, "segment", FieldType::kText, "Customer segment", "客户分群",
       kRule | kCustomer),
    Of(FieldId::kAccount, "account", FieldType::kText, "Account", "客户账户", kRule | kCustomer),
    Of(FieldId::kReason, "reason", FieldType::kProse, "Reason in the customer's words", "客户原话",
       kRule),
    Of(FieldId::kTopic, "topic", FieldType::kTexts, "Topic", "原因标签", kRule),
    Of(FieldId::kContactRequested, "contact_requested", FieldType::kBool,
       "Customer asks to be contacted", "客户要求联系", kRule),
    Of(FieldId::kExternalAuthority, "external_authority", FieldType::kText, "External authority",
       "外部受理机构", kRule),
    OneOf(FieldId::kEmotion, "emotion", kEmotions, "Emotion", "客户情绪", kRule),
    Of(FieldId::kPriority, "priority", FieldType::kText, "Priority", "优先级", kRule | kCase),
    Of(FieldId::kEscalationLevel, "escalation_level", FieldType::kInt, "Escalation level",
       "升级层级", kCase, "steps up the org tree"),
    Of(FieldId::kPaused, "paused", FieldType::kBool, "Paused", "挂起中", kCase),
    Of(FieldId::kStep, "step", FieldType::kText, "Active step of the plan", "方案当前步骤",
       kStep | kCase),
    Of(FieldId::kStepQueue, "step_queue", FieldType::kText, "Queue of the active step",
       "当前步骤的工单池", kStep | kCase),
    Of(FieldId::kStepOwner, "step_owner", FieldType::kText, "Owner of the active step",
       "当前步骤的负责人", kStep | kCase),
    Of(FieldId::kStepResult, "step_result", FieldType::kTexts, "Results of steps in this round",
       "本轮各步骤的结果", kStep, "each STEP=RESULT"),
    Of(FieldId::kAttemptCount, "attempt_count", FieldType::kInt,
       "Tries to reach the customer in this round", "本轮联系次数", kStep,
       "people's, whatever came of them"),
    Of(FieldId::kUnreachable, "unreachable", FieldType::kBool, "Shown to be unreachable",
       "已确认联系不上", kStep, "by the rule of contact.yaml"),
    Of(FieldId::kRound, "round", FieldType::kInt, "Round of handling", "处理轮次", kStep,
       "1; +1 with each reopening and rework"),
    Protected(FieldId::kGender, "gender", FieldType::kText, "Gender", "性别"),
    Protected(FieldId::kAge, "age", FieldType::kInt, "Age", "年龄"),
    Protected(FieldId::kEthnicity, "ethnicity", FieldType::kText, "Ethnicity", "民族"),
    Protected(FieldId::kReligion, "religion", FieldType::kText, "Religion", "宗教信仰"),
    Protected(FieldId::kNationality, "nationality", FieldType::kText, "Nationality", "国籍"),
};

constexpr bool InIdOrder() {
  for (size_t i = 0; i < kFields.size(); ++i) {
    if (kFields[i].id != static_cast<FieldId>(i)) return false;
  }
  return true;
}
static_assert(InIdOrder());

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Optimal string alignment: edits and swaps of neighbours, no substring edited twice.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> above(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = Lower(a[i - 1]) == Lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) &&
          Lower(a[i - 2]) == Lower(b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

std::span<const Field> FieldCatalogue() { return kFields; }

const Field& Describe(FieldId id) {
  const auto index = static_cast<size_t>(id);
  CHECK(index < kFields.size());
  return kFields[index];
}

const Field* FindField(std::string_view name) {
  const auto* found = std::find_if(kFields.begin(), kFields.end(),
                                   [&](const Field& field) { return field.name == name; });
  return found == kFields.end() ? nullptr : found;
}

bool UsableIn(const Field& field, Use use) { return (field.uses & Bit(use)) != 0; }

std::vector<std::string_view> FieldNames(Use use) {
  std::vector<std::string_view> names;
  for (const Field& field : kFields) {
    if (UsableIn(field, use)) names.push_back(field.name);
  }
  return names;
}

std::string_view Nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (std::string_view candidate : candidates) {
    // Nobody misspells a name by twice its length; the bound keeps hostile input cheap.
    if (word.size() > 2 * candidate.size()) continue;
    const size_t distance = EditDistance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string JoinWithOr(std::span<const std::string_view> words) {
  std::string joined;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) joined += i + 1 == words.size() ? " or " : ", ";
    joined += words[i];
  }
  return joined;
}

}  // namespace rebound
