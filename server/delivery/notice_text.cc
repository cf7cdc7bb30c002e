#include "server/delivery/notice_text.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "workflows/time.h"

namespace rebound {
namespace {

struct Sentence {
  std::string_view type;
  std::string_view english;
  std::string_view chinese;
};

constexpr std::array kSentences = std::to_array<Sentence>({
    {"CustomerCreated", "a customer was recorded", "已登记客户"},
    {"CustomerProfileChanged", "a customer's record was changed", "客户资料已变更"},
    {"CustomerKeyAdded", "a customer's record got another key", "客户资料新增了标识"},
    {"CustomerLinked", "two records of a customer were linked", "客户的两份资料已关联"},
    {"CustomerConsentChanged", "a customer's consent was changed", "客户的同意设置已变更"},
    {"BehaviourRecorded", "something a customer did was recorded", "已登记客户行为"},
    {"ResponseRecorded", "an answer came in", "收到一份答卷"},
    {"ResponsePairingCorrected", "an answer was matched anew", "答卷已重新配对"},
    {"ResponseCorrected", "an answer was corrected", "答卷已更正"},
    {"CaseOpened", "the case was opened", "工单已建立"},
    {"CaseAssigned", "the case was assigned", "工单已分派"},
    {"AttemptLogged", "an attempt to reach the customer was logged", "已登记一次联系尝试"},
    {"CommitmentMade", "a commitment was made to the customer", "已对客户作出承诺"},
    {"RemedyRecorded", "a remedy was recorded", "补救措施已更新"},
    {"CaseResolved", "the case was resolved", "工单已办结"},
    {"CaseClosed", "the case was closed", "工单已关闭"},
    {"CaseReopened", "the case was reopened", "工单已重开"},
    {"ResponseAttached", "another answer came to the case", "工单又收到一份答卷"},
    {"ResurveyAsked", "the customer was asked again", "已发出复测"},
    {"ResurveyAnswered", "the customer answered the re-survey", "客户已回答复测"},
    {"LaterAnswerCounted", "a later answer was counted", "已计入后续答卷"},
    {"TimerSet", "a timer was set", "已设定定时器"},
    {"TimerEnded", "a timer ended", "定时器已结束"},
    {"CaseHistoryDerived", "the case's imported history was derived anew",
     "导入工单的历史已重新推算"},
    {"CaseVoided", "the imported case was voided", "导入的工单已作废"},
    {"CaseDispatched", "the case was dispatched", "工单已派发"},
    {"CaseAccepted", "the case was accepted", "工单已受理"},
    {"CaseReturned", "the case was returned", "工单已退单"},
    {"CaseChased", "the customer chased the case", "客户已催单"},
    {"CaseSupervised", "the case was put under supervision", "工单已被督办"},
    {"AssistRecorded", "help was asked for or given", "协办已更新"},
    {"ExtensionRecorded", "an extension was asked for or decided", "延期申请已更新"},
    {"VerificationRecorded", "the handling was verified with the customer", "已登记回访核实"},
    {"CaseMoved", "the case's status was changed", "工单状态已变更"},
    {"CommitmentSettled", "a commitment was kept, broken or withdrawn", "承诺已了结"},
    {"CaseEscalated", "the case was escalated", "工单已升级"},
    {"PriorityChanged", "the case's priority was changed", "工单优先级已变更"},
    {"PauseStarted", "the case was paused", "工单已挂起"},
    {"PauseEnded", "the case's pause ended", "工单已解除挂起"},
    {"ClockStarted", "a deadline began to run", "时限开始计时"},
    {"ClockPaused", "a deadline was paused", "时限已暂停"},
    {"ClockResumed", "a deadline runs again", "时限恢复计时"},
    {"ClockEnded", "a deadline ended", "时限已结束"},
    {"TierCrossed", "a deadline comes near or has passed", "时限临近或已超时"},
    {"ClockMoved", "a deadline was moved", "时限已调整"},
    {"CaseMigrated", "the case follows a newer configuration", "工单已改用新版配置"},
    {"RevisionApplied", "a new configuration is in force", "新版配置已生效"},
    {"ClockJumped", "the server's clock jumped", "服务器时钟发生跳变"},
    {"ClockConfirmed", "the server's clock was confirmed", "服务器时钟已确认"},
    {"ZoneDataChanged", "the time zone data changed", "时区数据已更新"},
    {"CaseMerged", "the case was merged into another", "工单已并入另一工单"},
    {"CaseAbsorbed", "another case was merged into this one", "另一工单已并入本工单"},
    {"CaseUnmerged", "the case was taken out of a merge", "工单已取消合并"},
    {"CaseSeparated", "a merged case was taken out of this one", "已从本工单拆出被合并的工单"},
    {"CaseLinkChanged", "the case's links were changed", "工单关联已变更"},
    {"VerdictRecorded", "a verdict was proposed or decided", "工单认定已更新"},
    {"FindingRecorded", "a finding of liability was recorded", "责任认定已更新"},
    {"AlertRaised", "an alert was raised", "已触发警报"},
    {"AlertAcknowledged", "an alert was acknowledged", "警报已确认"},
    {"AlertOverdue", "an alert was not acknowledged in time", "警报逾期未确认"},
    {"CaseBegun", "the handling of the case began", "工单已开始处理"},
    {"CaseRestricted", "a restriction applies to the case", "工单适用一项限制"},
    {"StepStarted", "a step began", "步骤已开始"},
    {"StepEnded", "a step ended", "步骤已结束"},
    {"StepOverdue", "a step is overdue", "步骤已逾期"},
    {"MessageSent", "a message went to the customer", "已向客户发送消息"},
    {"EntryProposed", "a blacklist entry was proposed", "已提议黑名单条目"},
    {"EntryWarned", "a warning before a blacklist entry was given", "已发出黑名单警示"},
    {"EntryDecided", "a blacklist entry was decided", "黑名单条目已裁定"},
    {"EntryExtensionRequested", "a longer blacklist entry was asked for", "已申请延长黑名单条目"},
    {"EntryExtensionDecided", "a longer blacklist entry was decided", "黑名单条目的延长已裁定"},
    {"EntryAppealed", "a blacklist entry was appealed against", "黑名单条目已被申诉"},
    {"EntryAppealDecided", "an appeal against a blacklist entry was decided", "黑名单申诉已裁定"},
    {"EntryLifted", "a blacklist entry was lifted", "黑名单条目已解除"},
    {"EntryLapsed", "a blacklist entry lapsed", "黑名单条目已到期"},
    {"EntryNotified", "somebody is to be told of a blacklist entry", "黑名单条目待告知"},
    {"CustomerErased", "a customer was erased", "客户资料已删除"},
    {"ErasureFinished", "an erasure was finished", "资料删除已完成"},
    {"CaseErased", "the case's personal data were erased", "工单中的个人资料已删除"},
    {"ContactUnmasked", "contact data were shown in full", "联系方式已明文查看"},
});

const Sentence* Find(std::string_view type) {
  const auto found = std::find_if(kSentences.begin(), kSentences.end(),
                                  [&](const Sentence& row) { return row.type == type; });
  return found == kSentences.end() ? nullptr : &*found;
}

// The details that are shown: keys and numbers of ours, none of which leads to a person outside.
struct ShownDetail {
  std::string_view detail;
  std::string_view english;
  std::string_view chinese;
  bool is_time = false;
};

constexpr std::array kShownDetails = std::to_array<ShownDetail>({
    {"due", "Due", "应完成于", true},
    {"until", "Until", "截至", true},
    {"next_allowed", "Next attempt from", "下次联系不早于", true},
    {"appeal_until", "Appeal until", "申诉截止", true},
    {"owner", "Owner", "处理人"},
    {"queue", "Queue", "工单池"},
    {"priority", "Priority", "优先级"},
    {"severity", "Severity", "严重程度"},
    {"level", "Level", "升级级别"},
    {"clock", "Deadline", "时限"},
    {"tier", "Tier", "预警级别"},
    {"breach", "Breach", "是否超时"},
    {"alert", "Alert", "警报"},
    {"step", "Step", "步骤"},
    {"state", "State", "状况"},
    {"entry", "Entry", "条目"},
    {"handling_result", "Handling result", "处理结果"},
    {"resurvey_result", "Re-survey result", "复测结果"},
});

std::string TimeText(Timestamp at, const Zone* zone) {
  const Duration offset = zone != nullptr ? OffsetAt(*zone, at) : Duration{0};
  const Timestamp local = at + offset;
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date(day);
  const auto minute = std::chrono::floor<std::chrono::minutes>(local - day).count();
  const auto ahead = std::chrono::floor<std::chrono::minutes>(offset).count();
  const auto size = ahead < 0 ? -ahead : ahead;
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d (UTC%c%02d:%02d)",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(minute / 60),
                static_cast<int>(minute % 60), ahead < 0 ? '-' : '+', static_cast<int>(size / 60),
                static_cast<int>(size % 60));
  return text.data();
}

// What is a time in the details is one of RFC 3339; all else stays as it is.
std::string TimeText(const std::string& rfc3339, const Zone* zone) {
  google::protobuf::Timestamp at;
  if (!google::protobuf::util::TimeUtil::FromString(rfc3339, &at)) return rfc3339;
  return TimeText(FromMillis(google::protobuf::util::TimeUtil::TimestampToMilliseconds(at)), zone);
}

}  // namespace

bool HasNotice(std::string_view event_type) { return Find(event_type) != nullptr; }

Notice NoticeOf(const api::Event& event, std::string_view language, const Zone* zone) {
  const bool english = language == "en" || language.starts_with("en-");
  const Sentence* sentence = Find(event.type());
  const std::string what(sentence == nullptr ? std::string_view(event.type())
                         : english           ? sentence->english
                                             : sentence->chinese);
  Notice notice;
  notice.subject = event.case_number().empty() ? "[Rebound] " : "[" + event.case_number() + "] ";
  notice.subject += what;
  const auto line = [&](std::string_view label, const std::string& value) {
    if (value.empty()) return;
    notice.text += std::string(label) + (english ? ": " : "：") + value + "\n";
  };
  line(english ? "Case" : "工单", event.case_number());
  line(english ? "What happened" : "事项", what);
  line(english ? "Status" : "状态", event.status());
  for (const ShownDetail& shown : kShownDetails) {
    const auto found = event.details().find(std::string(shown.detail));
    if (found == event.details().end()) continue;
    line(english ? shown.english : shown.chinese,
         shown.is_time ? TimeText(found->second, zone) : found->second);
  }
  if (event.has_occur_time()) {
    const auto& at = event.occur_time();
    line(english ? "When" : "发生于",
         TimeText(FromMillis(google::protobuf::util::TimeUtil::TimestampToMilliseconds(at)), zone));
  }
  return notice;
}

}  // namespace rebound
