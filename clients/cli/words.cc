#include "clients/cli/words.h"

#include <algorithm>
#include <span>

#include "clients/cli/values.h"
#include "rebound/v1/case.pb.h"
#include "rebound/v1/common.pb.h"
#include "rebound/v1/customer.pb.h"

namespace rebound::cli {
namespace {

struct Pair {
  std::string_view word;
  const char* zh;
};

constexpr Pair kEnums[] = {
    {"CATEGORY_DETRACTOR", "贬损者"},
    {"CATEGORY_PASSIVE", "被动者"},
    {"CATEGORY_PROMOTER", "推荐者"},
    {"UNMASK_REASON_CONTACT", "联系客户"},
    {"UNMASK_REASON_IDENTIFY", "核实身份"},
    {"UNMASK_REASON_DELIVER", "兑现承诺"},
    {"UNMASK_REASON_CORRECT", "更正资料"},
    {"UNMASK_REASON_AUTHORITY", "监管或司法要求"},
    {"UNMASK_REASON_OTHER", "其他"},
    {"BEHAVIOUR_KIND_REPURCHASE", "复购"},
    {"BEHAVIOUR_KIND_CHURN", "流失"},
    {"BEHAVIOUR_KIND_RENEWAL", "续约"},
    {"BEHAVIOUR_KIND_DOWNGRADE", "降档"},
    {"BEHAVIOUR_KIND_REFERRAL", "推荐他人"},
    {"CHANNEL_PHONE", "电话"},
    {"CHANNEL_SMS", "短信"},
    {"CHANNEL_EMAIL", "邮件"},
    {"CHANNEL_MESSENGER", "即时消息"},
    {"CHANNEL_APP", "应用"},
    {"CHANNEL_LETTER", "信函"},
    {"CHANNEL_IN_PERSON", "当面"},
    {"CLOCK_KIND_FIRST_CONTACT", "首次联系"},
    {"CLOCK_KIND_REMEDY", "补救"},
    {"CLOCK_KIND_COMMITMENT", "承诺"},
    {"CLOCK_KIND_VERIFICATION", "回访核实"},
    {"CLOCK_KIND_RESURVEY", "复测"},
    {"CLOCK_KIND_EXTERNAL_DEADLINE", "外部期限"},
    {"CLOCK_KIND_FIRST_RESOLUTION", "首次办结"},
    {"CLOCK_KIND_TOTAL_RESOLUTION", "总办结"},
    {"CLOCK_STATE_RUNNING", "计时中"},
    {"CLOCK_STATE_PAUSED", "挂起"},
    {"CLOCK_STATE_MET", "已达成"},
    {"CLOCK_STATE_CANCELLED", "已取消"},
    {"CLOCK_COUNT_WALL", "自然时间"},
    {"CLOCK_COUNT_BUSINESS_TIME", "工作时间"},
    {"CLOCK_COUNT_CALENDAR_DAYS", "自然日"},
    {"CLOCK_COUNT_WORKING_DAYS", "工作日"},
    {"MET_BY_ATTEMPT", "尝试联系"},
    {"MET_BY_REACHED", "联系上"},
    {"EXTENSION_STATE_REQUESTED", "待审批"},
    {"EXTENSION_STATE_GRANTED", "已批准"},
    {"EXTENSION_STATE_REFUSED", "已驳回"},
    {"CASE_ORIGIN_RESPONSE", "答卷"},
    {"CASE_ORIGIN_COMPLAINT", "投诉"},
    {"CASE_ORIGIN_CONTACT_REQUEST", "请求联系"},
    {"CASE_ORIGIN_HAND", "人工建单"},
    {"PHASE_OPEN", "待处理"},
    {"PHASE_CONTACTED", "已联系"},
    {"PHASE_REMEDIED", "已补救"},
    {"PHASE_RESURVEYED", "已复测"},
    {"PHASE_CLOSED", "已归档"},
    {"ARM_TREATED", "处理组"},
    {"ARM_HELD_OUT", "对照组"},
    {"ARM_DELAYED_START", "延后组"},
    {"EMOTION_CALM", "平静"},
    {"EMOTION_DISAPPOINTED", "失望"},
    {"EMOTION_ANGRY", "愤怒"},
    {"EMOTION_THREATENING", "威胁"},
    {"LIABILITY_COMPANY", "我方责任"},
    {"LIABILITY_CUSTOMER", "客户责任"},
    {"LIABILITY_THIRD_PARTY", "第三方责任"},
    {"LIABILITY_SHARED", "共同责任"},
    {"LIABILITY_NONE", "无责"},
    {"DIRECTION_OUTBOUND", "呼出"},
    {"DIRECTION_INBOUND", "呼入"},
    {"ATTEMPT_OUTCOME_REACHED", "已联系上"},
    {"ATTEMPT_OUTCOME_NO_ANSWER", "无人接听"},
    {"ATTEMPT_OUTCOME_BUSY", "占线"},
    {"ATTEMPT_OUTCOME_SWITCHED_OFF", "关机"},
    {"ATTEMPT_OUTCOME_SUSPENDED", "停机"},
    {"ATTEMPT_OUTCOME_EMPTY_NUMBER", "空号"},
    {"ATTEMPT_OUTCOME_WRONG_PERSON", "非本人"},
    {"ATTEMPT_OUTCOME_HUNG_UP", "挂断"},
    {"ATTEMPT_OUTCOME_REFUSED", "拒绝沟通"},
    {"ATTEMPT_OUTCOME_CALL_BACK_AGREED", "约定回电"},
    {"ATTEMPT_OUTCOME_ASKS_FOR_SUPERIOR", "要求上级"},
    {"ATTEMPT_OUTCOME_MESSAGE_SENT", "已发消息"},
    {"COMMITMENT_STATE_PENDING", "待兑现"},
    {"COMMITMENT_STATE_KEPT", "已兑现"},
    {"COMMITMENT_STATE_BROKEN", "未兑现"},
    {"COMMITMENT_STATE_MOVED", "转入他单"},
    {"REMEDY_KIND_EXPLANATION", "解释"},
    {"REMEDY_KIND_REDO", "重新办理"},
    {"REMEDY_KIND_BILL_CORRECTION", "更正账单"},
    {"REMEDY_KIND_REFUND", "退款"},
    {"REMEDY_KIND_VOUCHER", "代金券"},
    {"REMEDY_KIND_REPLACEMENT", "更换"},
    {"REMEDY_KIND_UPGRADE", "升级服务"},
    {"REMEDY_KIND_PERSONAL_APOLOGY", "当面致歉"},
    {"REMEDY_KIND_PRIORITY", "优先办理"},
    {"REMEDY_KIND_POINTS", "积分"},
    {"REMEDY_KIND_FREE_OF_CHARGE", "免单"},
    {"REMEDY_STATE_PROPOSED", "已提出"},
    {"REMEDY_STATE_APPROVED", "已批准"},
    {"REMEDY_STATE_OFFERED", "已告知客户"},
    {"REMEDY_STATE_ACCEPTED", "客户接受"},
    {"REMEDY_STATE_DECLINED", "客户拒绝"},
    {"REMEDY_STATE_DELIVERED", "已兑付"},
    {"REMEDY_STATE_REVERSED", "已撤回"},
    {"TIMER_KIND_FIRST_CONTACT", "首次联系"},
    {"TIMER_KIND_RESURVEY_DUE", "复测"},
    {"TIMER_KIND_RESURVEY_EXPIRY", "复测截止"},
    {"TIMER_KIND_COMMITMENT", "承诺"},
    {"TIMER_KIND_REMEDY", "补救"},
    {"TIMER_KIND_VERIFICATION", "回访核实"},
    {"TIMER_KIND_EXTERNAL_DEADLINE", "外部期限"},
    {"TIMER_KIND_FIRST_RESOLUTION", "首次办结"},
    {"TIMER_KIND_TOTAL_RESOLUTION", "总办结"},
    {"TIMER_KIND_ALERT", "告警确认"},
    {"TIMER_KIND_DELAYED_START", "延后开始"},
    {"TIMER_KIND_RETURN", "退回工单池"},
    {"TIMER_KIND_HAND_OVER", "承诺移交"},
    {"TIMER_KIND_STEP", "方案步骤"},
    {"TIMER_KIND_OFFER", "到岗派单"},
    {"TIMER_STATE_PENDING", "待触发"},
    {"TIMER_STATE_FIRED", "已触发"},
    {"TIMER_STATE_MET", "已达成"},
    {"TIMER_STATE_CANCELLED", "已取消"},
    {"HANDLING_RESULT_RESOLVED", "已解决"},
    {"HANDLING_RESULT_PARTLY", "部分解决"},
    {"HANDLING_RESULT_NOT_RESOLVED", "未解决"},
    {"HANDLING_RESULT_UNREACHABLE", "联系不上"},
    {"HANDLING_RESULT_WITHDRAWN", "客户撤单"},
    {"HANDLING_RESULT_UNFOUNDED", "不属实"},
    {"HANDLING_RESULT_DISHONEST", "恶意"},
    {"HANDLING_RESULT_INVALID", "无效"},
    {"HANDLING_RESULT_MERGED", "已合并"},
    {"HANDLING_RESULT_ERASED", "已删除"},
    {"RESURVEY_RESULT_PROMOTER", "推荐者"},
    {"RESURVEY_RESULT_PASSIVE", "被动者"},
    {"RESURVEY_RESULT_STILL_DETRACTOR", "仍为贬损者"},
    {"RESURVEY_RESULT_NO_ANSWER", "未答复"},
    {"RESURVEY_RESULT_DECLINED", "拒绝复测"},
    {"RESURVEY_RESULT_NOT_ASKED", "未复测"},
    {"NOT_ASKED_REASON_DO_NOT_CONTACT", "免打扰"},
    {"NOT_ASKED_REASON_CONSENT_DENIED", "未获同意"},
    {"NOT_ASKED_REASON_ANONYMOUS", "匿名"},
    {"NOT_ASKED_REASON_CLOSED_EARLY", "提前归档"},
    {"NOT_ASKED_REASON_ERASED", "已删除"},
    {"NOT_ASKED_REASON_WITHDRAWN", "已撤单"},
    {"NOT_ASKED_REASON_MISSED_WINDOW", "错过时机"},
    {"NOT_ASKED_REASON_RULED_INVALID", "裁定无效"},
    {"NOT_ASKED_REASON_RESTRICTED", "黑名单限制"},
    {"VERDICT_KIND_INVALID", "无效"},
    {"VERDICT_KIND_MIS_SCORED", "误评分"},
    {"VERDICT_KIND_UNFOUNDED", "不属实"},
    {"VERDICT_KIND_DISHONEST", "恶意"},
    {"VERDICT_STATE_PROPOSED", "待裁定"},
    {"VERDICT_STATE_GRANTED", "已裁定"},
    {"VERDICT_STATE_REFUSED", "已驳回"},
    {"APPEAL_STATE_MADE", "已申诉"},
    {"APPEAL_STATE_UPHELD", "申诉成立"},
    {"APPEAL_STATE_REJECTED", "申诉驳回"},
    {"STEP_KIND_CONTACT", "联系"},
    {"STEP_KIND_REMEDY", "补救"},
    {"STEP_KIND_TASK", "任务"},
    {"STEP_KIND_MESSAGE", "消息"},
    {"STEP_KIND_WAIT", "等待"},
    {"STEP_KIND_DECISION", "判断"},
    {"STEP_KIND_VERIFY", "回访核实"},
    {"STEP_KIND_AFTERCARE", "后续关怀"},
    {"STEP_STATE_ACTIVE", "进行中"},
    {"STEP_STATE_DONE", "完成"},
    {"STEP_STATE_FAILED", "未成"},
    {"STEP_STATE_SKIPPED", "跳过"},
    {"BLACKLIST_KIND_DO_NOT_CONTACT", "勿联系"},
    {"BLACKLIST_KIND_CHANNEL_LIMIT", "限制渠道"},
    {"BLACKLIST_KIND_NO_GOODWILL", "不予额外补偿"},
    {"BLACKLIST_KIND_REPEAT_COMPENSATION", "频繁索赔"},
    {"BLACKLIST_KIND_STAFF_SAFETY", "员工安全"},
    {"BLACKLIST_STATE_PROPOSED", "待决定"},
    {"BLACKLIST_STATE_WARNED", "已告诫"},
    {"BLACKLIST_STATE_ACTIVE", "已生效"},
    {"BLACKLIST_STATE_LAPSED", "已到期"},
    {"BLACKLIST_STATE_LIFTED", "已解除"},
    {"BLACKLIST_STATE_REJECTED", "未通过"},
    {"BLACKLIST_EXTENT_KIND_COMPANY", "全公司"},
    {"BLACKLIST_EXTENT_KIND_ORG_UNIT", "组织单元"},
    {"BLACKLIST_EXTENT_KIND_PROGRAM", "调研项目"},
    {"BLACKLIST_DECISION_KIND_WARNED", "告诫"},
    {"BLACKLIST_DECISION_KIND_ACTIVATED", "决定生效"},
    {"BLACKLIST_DECISION_KIND_REJECTED", "不予列入"},
    {"BLACKLIST_DECISION_KIND_EXTENSION_GRANTED", "同意延期"},
    {"BLACKLIST_DECISION_KIND_EXTENSION_REFUSED", "不同意延期"},
    {"BLACKLIST_DECISION_KIND_APPEAL_UPHELD", "申诉成立"},
    {"BLACKLIST_DECISION_KIND_APPEAL_DISMISSED", "申诉驳回"},
    {"BLACKLIST_DECISION_KIND_LIFTED", "提前解除"},
    {"RESTRICTED_ACTION_KIND_CONTACT", "联系"},
    {"RESTRICTED_ACTION_KIND_REMEDY", "补救"},
    {"RESTRICTED_ACTION_KIND_SURVEY", "调研"},
    {"RESTRICTED_ACTION_KIND_ROUTE", "派单"},
    {"PERMIT_OUTCOME_ALLOWED", "允许"},
    {"PERMIT_OUTCOME_NEEDS_APPROVAL", "须他人批准"},
    {"PERMIT_OUTCOME_BLOCKED", "禁止"},
};

constexpr Pair kCommands[] = {
    {"assign", "指派"},
    {"claim", "领单"},
    {"dispatch", "派单"},
    {"accept", "接单"},
    {"return", "退单"},
    {"log_attempt", "记录联系"},
    {"make_commitment", "作出承诺"},
    {"settle_commitment", "了结承诺"},
    {"remedy", "补救"},
    {"complete_step", "完成步骤"},
    {"pause", "挂起"},
    {"resume", "恢复"},
    {"chase", "催单"},
    {"supervise", "督办"},
    {"assist", "协办"},
    {"extend", "延期"},
    {"decide_extension", "审批延期"},
    {"escalate", "升级"},
    {"resolve", "办结"},
    {"verify", "回访核实"},
    {"move", "移至"},
    {"withdraw", "撤单"},
    {"merge", "合并"},
    {"unmerge", "撤销合并"},
    {"propose_verdict", "提出裁定"},
    {"decide_verdict", "裁定"},
    {"begin", "开始处理"},
    {"close", "归档"},
    {"reopen", "重新打开"},
    {"attach_response", "并入答卷"},
    {"ask_again", "发起复测"},
    {"answer_resurvey", "复测答复"},
    {"expire_resurvey", "复测到期"},
    {"warn", "告诫"},
    {"decide", "决定"},
    {"request_extension", "申请延期"},
    {"appeal", "申诉"},
    {"decide_appeal", "裁决申诉"},
    {"lift", "解除"},
};

constexpr Pair kEvents[] = {
    {"AlertAcknowledged", "确认告警"},
    {"AlertOverdue", "告警无人确认"},
    {"AlertRaised", "告警"},
    {"AssistRecorded", "协办"},
    {"AttemptLogged", "联系客户"},
    {"CaseAbsorbed", "并入他单"},
    {"CaseAccepted", "接单"},
    {"CaseAssigned", "指派"},
    {"CaseBegun", "开始处理"},
    {"CaseErased", "客户资料已删除"},
    {"CaseRestricted", "黑名单限制"},
    {"CaseChased", "催单"},
    {"CaseClosed", "归档"},
    {"CaseDispatched", "派单"},
    {"CaseEscalated", "升级"},
    {"CaseHistoryDerived", "按历史推定"},
    {"CaseLinkChanged", "关联变动"},
    {"CaseMerged", "合并"},
    {"CaseMigrated", "更换修订"},
    {"BehaviourRecorded", "登记客户行为"},
    {"CustomerErased", "删除客户资料"},
    {"ErasureFinished", "删除完成"},
    {"VerdictRecorded", "裁定"},
    {"FindingRecorded", "责任认定"},
    {"ResponseCorrected", "更正评分"},
    {"CaseMoved", "改变状态"},
    {"CaseOpened", "建单"},
    {"CaseReopened", "重新打开"},
    {"CaseResolved", "办结"},
    {"CaseReturned", "退单"},
    {"CaseSeparated", "拆出他单"},
    {"CaseSupervised", "督办"},
    {"CaseUnmerged", "撤销合并"},
    {"CaseVoided", "作废"},
    {"ClockEnded", "时限结束"},
    {"ClockMoved", "时限变动"},
    {"ClockPaused", "时限停表"},
    {"ClockResumed", "时限续计"},
    {"ClockStarted", "时限开始"},
    {"ContactUnmasked", "查看联系方式"},
    {"CommitmentMade", "作出承诺"},
    {"CommitmentSettled", "承诺了结"},
    {"ExtensionRecorded", "延期"},
    {"LaterAnswerCounted", "计入后续答卷"},
    {"PauseEnded", "恢复"},
    {"PauseStarted", "挂起"},
    {"PriorityChanged", "优先级变动"},
    {"RemedyRecorded", "补救"},
    {"ResponseAttached", "并入答卷"},
    {"ResponsePairingCorrected", "更正答卷归属"},
    {"ResponseRecorded", "收到答卷"},
    {"ResurveyAnswered", "复测答复"},
    {"ResurveyAsked", "发起复测"},
    {"StepEnded", "步骤结束"},
    {"StepOverdue", "步骤逾期"},
    {"StepStarted", "步骤开始"},
    {"MessageSent", "发送消息"},
    {"TierCrossed", "时限分级触发"},
    {"TimerEnded", "定时器结束"},
    {"TimerSet", "设定定时器"},
    {"VerificationRecorded", "回访核实"},
};

constexpr Pair kDetails[] = {
    {"red_line", "红线"},
    {"alert", "告警"},
    {"accepted", "接受"},
    {"amount_minor", "金额（最小单位）"},
    {"answers", "答卷数"},
    {"assist", "协办"},
    {"assistant", "协办方"},
    {"breach", "超时"},
    {"category", "类别"},
    {"cause", "缘由"},
    {"channel", "渠道"},
    {"clock", "时限"},
    {"closed", "归档"},
    {"commitment", "承诺"},
    {"contacted", "已联系"},
    {"count", "计时方式"},
    {"currency", "币种"},
    {"decider", "审批人"},
    {"definition", "定义"},
    {"direction", "方向"},
    {"due", "到期"},
    {"due_before", "原到期"},
    {"case", "工单"},
    {"into", "并入"},
    {"from", "原并入"},
    {"appeal", "申诉"},
    {"appeal_until", "申诉截止"},
    {"corrected_score", "实际分数"},
    {"liability", "责任"},
    {"unit", "责任单元"},
    {"step", "步骤"},
    {"result", "结果"},
    {"round", "轮次"},
    {"template", "模板"},
    {"language", "语言"},
    {"until", "等到"},
    {"entry", "条目"},
    {"why", "缘由"},
    {"verdict", "裁定"},
    {"expires", "截止"},
    {"extension", "延期"},
    {"from_revision", "原修订"},
    {"generation", "序号"},
    {"handling_result", "处理结果"},
    {"invitation", "邀请"},
    {"kind", "类型"},
    {"level", "级别"},
    {"next_allowed", "最早再联系"},
    {"not_asked_reason", "未复测原因"},
    {"notified", "已通知"},
    {"org_unit", "组织单元"},
    {"origin", "来源"},
    {"outcome", "结果"},
    {"overtaken", "已被后级取代"},
    {"owner", "处理人"},
    {"playbook", "补救方案"},
    {"priority", "优先级"},
    {"queue", "工单池"},
    {"reason", "原因"},
    {"response", "答卷"},
    {"resurvey_result", "复测结果"},
    {"revision", "修订"},
    {"root_cause", "根因"},
    {"score", "评分"},
    {"severity", "严重程度"},
    {"solved", "已解决"},
    {"state", "状态"},
    {"tier", "分级"},
    {"timer", "定时器"},
    {"to", "升至"},
};

// Values that are no enum's.
constexpr Pair kValues[] = {
    {"yes", "是"},
    {"no", "否"},
    {"answered", "已答复"},
    {"requested", "待答复"},
    {"by_hand", "人工"},
    {"bad_resurvey", "复测不佳"},
    {"new_detractor", "新的贬损答卷"},
    {"extension", "延期"},
    {"revision", "更换修订"},
    {"time_zone_data", "时区数据"},
    {"external", "外部"},
    {"linked", "已关联"},
    {"removed", "已解除"},
    {"related", "相关"},
    {"duplicate", "重复"},
    {"follow_up", "后续"},
    {"routed", "自动派单"},
    {"sticky", "原处理人"},
    {"deputy", "代理人"},
    {"fallback", "兜底"},
    {"manager", "负责人"},
    {"lease_expired", "占用到期"},
    {"owner_absent", "处理人离岗"},
    {"owner_accused", "处理人被投诉"},
    {"nobody_found", "无人可派"},
};

constexpr Pair kStepResults[] = {
    {"accepted", "已接受"},
    {"asked_again", "已发起复测"},
    {"asks_for_superior", "要求上级"},
    {"call_back_agreed", "约定回电"},
    {"closed", "已归档"},
    {"condition", "条件不成立"},
    {"consent_denied", "未同意此渠道"},
    {"customer_unknown", "客户未知"},
    {"declined", "已拒绝"},
    {"delivered", "已兑现"},
    {"do_not_contact", "勿联系"},
    {"done", "完成"},
    {"failed", "未成"},
    {"hung_up", "挂断"},
    {"migrated", "方案已更换"},
    {"no", "否"},
    {"not_sampled", "未抽中"},
    {"passed", "通过"},
    {"reached", "已联系上"},
    {"refused", "拒绝沟通"},
    {"reopened", "重新打开"},
    {"resolved", "已办结"},
    {"ruled", "已裁定"},
    {"sent", "已发送"},
    {"skipped", "跳过"},
    {"unreachable", "联系不上"},
    {"yes", "是"},
};

constexpr Pair kMeasures[] = {
    {"remedies_granted", "给予补偿"},
    {"remedy_sum", "补偿金额"},
    {"closed_dishonest", "认定不实归档"},
    {"attempts_refused", "拒绝沟通"},
    {"threats_logged", "威胁"},
    {"low_after_remedy", "补偿后仍给低分"},
    {"case", "工单"},
};

constexpr Pair kRequirements[] = {
    {"owner", "处理人"},
    {"attempt", "联系尝试"},
    {"contact", "联系上客户"},
    {"remedy", "补救"},
    {"handling_result", "处理结果"},
    {"root_cause", "根因"},
    {"action_taken", "处理措施"},
    {"customer_accepts", "客户是否接受"},
    {"verification", "回访核实"},
    {"commitments_settled", "承诺均已了结"},
    {"responsible_unit", "责任单元"},
    {"liability", "责任认定"},
};

// nullptr when there is none.
const char* Find(std::span<const Pair> pairs, std::string_view word) {
  const auto* found = std::find_if(pairs.data(), pairs.data() + pairs.size(),
                                   [&](const Pair& pair) { return pair.word == word; });
  return found == pairs.data() + pairs.size() ? nullptr : found->zh;
}

// "恢复 resume": what is typed stays beside its name.
std::string WithKey(std::span<const Pair> pairs, std::string_view key, const std::string& typed,
                    bool chinese) {
  const char* zh = chinese ? Find(pairs, key) : nullptr;
  return zh == nullptr ? typed : std::string(zh) + ' ' + typed;
}

// The enum whose words the detail has; nullptr: none's.
const google::protobuf::EnumDescriptor* EnumOf(std::string_view event, std::string_view key) {
  using google::protobuf::GetEnumDescriptor;
  if (key == "category") return GetEnumDescriptor<v1::Category>();
  if (key == "channel") return GetEnumDescriptor<v1::Channel>();
  if (key == "clock") return GetEnumDescriptor<v1::ClockKind>();
  if (key == "count") return GetEnumDescriptor<v1::ClockCount>();
  if (key == "direction") return GetEnumDescriptor<v1::Direction>();
  if (key == "handling_result") return GetEnumDescriptor<v1::HandlingResult>();
  if (key == "kind" && event == "BehaviourRecorded") return GetEnumDescriptor<v1::BehaviourKind>();
  if (key == "kind" && event == "CaseRestricted") return GetEnumDescriptor<v1::BlacklistKind>();
  if (key == "kind" && event != "CaseLinkChanged") return GetEnumDescriptor<v1::RemedyKind>();
  if (key == "not_asked_reason") return GetEnumDescriptor<v1::NotAskedReason>();
  if (key == "origin") return GetEnumDescriptor<v1::CaseOrigin>();
  if (key == "outcome") return GetEnumDescriptor<v1::AttemptOutcome>();
  if (key == "resurvey_result") return GetEnumDescriptor<v1::ResurveyResult>();
  if (key == "verdict") return GetEnumDescriptor<v1::VerdictKind>();
  if (key == "liability") return GetEnumDescriptor<v1::Liability>();
  if (key == "appeal") return GetEnumDescriptor<v1::AppealState>();
  if (key == "timer") return GetEnumDescriptor<v1::TimerKind>();
  if (key == "reason" && event == "ContactUnmasked") return GetEnumDescriptor<v1::UnmaskReason>();
  if (key != "state") return nullptr;
  if (event == "ClockEnded") return GetEnumDescriptor<v1::ClockState>();
  if (event == "CommitmentSettled") return GetEnumDescriptor<v1::CommitmentState>();
  if (event == "ExtensionRecorded") return GetEnumDescriptor<v1::ExtensionState>();
  if (event == "RemedyRecorded") return GetEnumDescriptor<v1::RemedyState>();
  if (event == "VerdictRecorded") return GetEnumDescriptor<v1::VerdictState>();
  if (event == "TimerEnded") return GetEnumDescriptor<v1::TimerState>();
  return nullptr;
}

// Is the detail's value one of our words, and not somebody's text?
bool IsWord(std::string_view key) {
  constexpr std::string_view kWords[] = {"accepted", "breach",    "cause",  "contacted",
                                         "kind",     "overtaken", "solved", "state"};
  return std::find(std::begin(kWords), std::end(kWords), key) != std::end(kWords);
}

}  // namespace

std::string Language::Status(const std::string& key) const {
  const auto label = statuses.find(key);
  return label == statuses.end() || label->second.empty() || !chinese ? key
                                                                      : label->second + ' ' + key;
}

std::string EnumWord(const google::protobuf::EnumDescriptor* type, int value, bool chinese) {
  const google::protobuf::EnumValueDescriptor* known = type->FindValueByNumber(value);
  const char* zh = chinese && known != nullptr ? Find(kEnums, known->name()) : nullptr;
  return zh == nullptr ? EnumName(type, value) : zh;
}

std::string CommandWord(const std::string& command, bool chinese) {
  return WithKey(kCommands, command.substr(0, command.find(':')), command, chinese);
}

std::string EventWord(const std::string& type, bool chinese) {
  const char* zh = chinese ? Find(kEvents, type) : nullptr;
  return zh == nullptr ? type : zh;
}

std::string DetailWord(const std::string& event, const std::string& key, const std::string& value,
                       bool chinese) {
  if (!chinese) return key + '=' + value;
  const char* name = Find(kDetails, key);
  std::string text = (name == nullptr ? key : name) + std::string("=");
  if (const auto* type = EnumOf(event, key)) {
    const auto known = EnumValue(type, value);
    return text + (known ? EnumWord(type, *known, true) : value);
  }
  const char* zh = IsWord(key) ? Find(kValues, value) : nullptr;
  return text + (zh == nullptr ? value : zh);
}

std::string LinkWord(const std::string& kind, bool chinese) {
  const char* zh = chinese ? Find(kValues, kind) : nullptr;
  return zh == nullptr ? kind : zh;
}

std::string StepResultWord(const std::string& result, bool chinese) {
  const char* zh = chinese ? Find(kStepResults, result) : nullptr;
  return zh == nullptr ? result : zh;
}

std::string MeasureWord(const std::string& measure, bool chinese) {
  const char* zh = chinese ? Find(kMeasures, measure) : nullptr;
  return zh == nullptr ? measure : zh;
}

std::string RequirementWord(const std::string& requirement, bool chinese) {
  return WithKey(kRequirements, requirement, requirement, chinese);
}

}  // namespace rebound::cli
