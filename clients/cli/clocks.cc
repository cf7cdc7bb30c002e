#include "clients/cli/clocks.h"

#include <fmt/format.h>

#include <cstdlib>

#include "clients/cli/values.h"
#include "clients/cli/words.h"

namespace rebound::cli {
namespace {

std::string ShortTimeOr(bool present, const google::protobuf::Timestamp& time) {
  return present ? FormatTimeShort(time) : "";
}

std::string StateName(const v1::CaseClock& clock, bool chinese) {
  if (clock.has_breach_time() && clock.state() == v1::CLOCK_STATE_RUNNING) {
    return chinese ? "已超时" : "BREACHED";
  }
  if (clock.has_breach_time() && clock.state() == v1::CLOCK_STATE_MET) {
    return chinese ? "逾期完成" : "met late";
  }
  return EnumWord(clock.state(), chinese);
}

std::string ClockName(v1::ClockKind kind, int32_t generation, bool chinese) {
  const std::string name = EnumWord(kind, chinese);
  return generation > 1 ? fmt::format("{} #{}", name, generation) : name;
}

// Below zero, at zero, above.
int SignOf(const v1::ClockAmount& amount) {
  const int64_t value = amount.has_days() ? amount.days()
                        : amount.time().seconds() != 0
                            ? amount.time().seconds()
                            : static_cast<int64_t>(amount.time().nanos());
  return value < 0 ? -1 : value > 0 ? 1 : 0;
}

const char* YesNo(bool value, bool chinese) {
  if (chinese) return value ? "是" : "否";
  return value ? "yes" : "no";
}

}  // namespace

std::string AmountWords(const v1::ClockAmount& amount, v1::ClockCount count, bool chinese) {
  if (amount.has_days()) {
    const int64_t days = std::abs(amount.days());
    const bool working = count == v1::CLOCK_COUNT_WORKING_DAYS;
    if (chinese) return fmt::format("{} {}", days, working ? "个工作日" : "天");
    return fmt::format("{} {}day{}", days, working ? "working " : "", days == 1 ? "" : "s");
  }
  return SpanWords(std::abs(amount.time().seconds()), count != v1::CLOCK_COUNT_BUSINESS_TIME,
                   chinese);
}

std::string SlackWords(const v1::CaseClock& clock, bool chinese) {
  if (clock.state() == v1::CLOCK_STATE_CANCELLED) return "";
  const Word word{chinese};
  const bool met = clock.state() == v1::CLOCK_STATE_MET;
  const std::string words = AmountWords(clock.slack(), clock.count(), chinese);
  // At the very end of its time a clock may have breached with nothing to show for it.
  const bool over =
      SignOf(clock.slack()) < 0 || (SignOf(clock.slack()) == 0 && clock.has_breach_time());
  const char* what = over ? (met ? word("late", "迟了") : word("over", "超时"))
                          : (met ? word("early", "提前") : word("left", "剩余"));
  return chinese ? fmt::format("{} {}", what, words) : fmt::format("{} {}", words, what);
}

std::string RenderClocks(const v1::Case& record, bool chinese, const Style& style, int width) {
  const Word word{chinese};
  std::vector<std::vector<std::string>> rows;
  if (record.clocks().empty()) {
    for (const v1::Timer& timer : record.timers()) {
      rows.push_back({EnumWord(timer.kind(), chinese), std::to_string(timer.generation()),
                      EnumWord(timer.state(), chinese),
                      ShortTimeOr(timer.has_due_time(), timer.due_time()),
                      ShortTimeOr(timer.has_end_time(), timer.end_time())});
    }
    return TablePart(style, word("Timers", "定时器"),
                     {{word("timer", "定时器")},
                      {word("no", "序号"), Align::kRight},
                      {word("state", "状态")},
                      {word("due (UTC)", "到期 (UTC)")},
                      {word("ended (UTC)", "结束 (UTC)")}},
                     rows, width);
  }
  for (const v1::CaseClock& clock : record.clocks()) {
    const auto span = [&](const google::protobuf::Duration& duration) {
      return duration.seconds() == 0 ? "" : SpanWords(duration.seconds(), true, chinese);
    };
    const bool by_hand = clock.definition_id().empty();
    rows.push_back(
        {ClockName(clock.kind(), clock.generation(), chinese), StateName(clock, chinese),
         ShortTimeOr(clock.has_due_time(), clock.due_time()), SlackWords(clock, chinese),
         AmountWords(clock.elapsed(), clock.count(), chinese),
         AmountWords(clock.limit(), clock.count(), chinese), span(clock.elapsed_wall()),
         span(clock.paused()), ShortTimeOr(clock.has_end_time(), clock.end_time()),
         by_hand ? word("given by hand", "人工指定")
                 : EnumWord(clock.count(), chinese) +
                       (clock.calendar_id().empty() ? ""
                                                    : fmt::format(" {} v{}", clock.calendar_id(),
                                                                  clock.calendar_version()))});
  }
  return TablePart(style, word("Clocks", "时限"),
                   {{word("clock", "时限")},
                    {word("state", "状态")},
                    {word("due (UTC)", "到期 (UTC)")},
                    {word("slack", "余量")},
                    {word("elapsed", "已用")},
                    {word("of", "限时")},
                    {word("wall", "自然时间")},
                    {word("paused", "挂起")},
                    {word("ended (UTC)", "结束 (UTC)")},
                    {word("counts", "计时方式")}},
                   rows, width);
}

std::string RenderDispatching(const v1::Case& record, bool chinese, const Style& style, int width) {
  const Word word{chinese};
  using Rows = std::vector<std::vector<std::string>>;
  const char* when = word("when (UTC)", "时间 (UTC)");
  const char* who = word("who", "操作人");
  const char* note = word("note", "备注");
  const char* reason = word("reason", "原因");
  const char* state = word("state", "状态");
  Rows pauses;
  for (const v1::Pause& pause : record.pauses()) {
    const int64_t seconds = pause.resume_time().seconds() - pause.pause_time().seconds();
    pauses.push_back({ShortTimeOr(pause.has_pause_time(), pause.pause_time()),
                      ShortTimeOr(pause.has_resume_time(), pause.resume_time()),
                      pause.has_resume_time()
                          ? SpanWords(std::max<int64_t>(seconds, 0), true, chinese)
                          : word("lasts", "进行中"),
                      pause.reason(), pause.owner(), pause.actor(), pause.note()});
  }
  Rows extensions;
  for (const v1::Extension& extension : record.extensions()) {
    extensions.push_back(
        {extension.id(), ClockName(extension.clock(), extension.generation(), chinese),
         "+" + AmountWords(extension.amount(), v1::CLOCK_COUNT_UNSPECIFIED, chinese),
         EnumWord(extension.state(), chinese), extension.reason(), extension.requester(),
         extension.decider(), extension.note()});
  }
  Rows assists;
  for (const v1::Assist& assist : record.assists()) {
    assists.push_back({assist.id(), assist.assistant(), assist.requester(), assist.request(),
                       assist.answerer(), assist.answer()});
  }
  Rows chases;
  for (const v1::Chase& chase : record.chases()) {
    chases.push_back({ShortTimeOr(chase.has_occur_time(), chase.occur_time()),
                      EnumWord(chase.channel(), chinese), chase.actor(), chase.note()});
  }
  Rows supervisions;
  for (const v1::Supervision& supervision : record.supervisions()) {
    supervisions.push_back({ShortTimeOr(supervision.has_occur_time(), supervision.occur_time()),
                            supervision.actor(), supervision.note()});
  }
  Rows alerts;
  for (const v1::Alert& alert : record.alerts()) {
    std::string notified;
    for (const std::string& who_is_told : alert.notify()) {
      notified += (notified.empty() ? "" : ", ") + who_is_told;
    }
    alerts.push_back({alert.id(), alert.rule_id(), alert.red_line() ? word("red line", "红线") : "",
                      ShortTimeOr(alert.has_raise_time(), alert.raise_time()),
                      ShortTimeOr(alert.has_due_time(), alert.due_time()), notified,
                      alert.acknowledger(), alert.note()});
  }
  Rows verifications;
  for (const v1::Verification& verification : record.verifications()) {
    verifications.push_back(
        {ShortTimeOr(verification.has_occur_time(), verification.occur_time()),
         YesNo(verification.contacted(), chinese), YesNo(verification.solved(), chinese),
         YesNo(verification.accepted(), chinese), verification.actor(), verification.note()});
  }
  return TablePart(style, word("Alerts", "告警"),
                   {{word("id", "编号")},
                    {word("rule", "规则")},
                    {""},
                    {word("raised (UTC)", "发出 (UTC)")},
                    {word("due (UTC)", "截止 (UTC)")},
                    {word("told", "已通知")},
                    {word("acknowledged by", "确认人")},
                    {note}},
                   alerts, width) +
         TablePart(style, word("Pauses", "挂起"),
                   {{word("from (UTC)", "起 (UTC)")},
                    {word("to (UTC)", "止 (UTC)")},
                    {word("lasted", "时长")},
                    {reason},
                    {word("owner", "处理人")},
                    {who},
                    {note}},
                   pauses, width) +
         TablePart(style, word("Extensions", "延期"),
                   {{word("id", "编号")},
                    {word("clock", "时限")},
                    {word("more", "延长")},
                    {state},
                    {reason},
                    {word("asked by", "申请人")},
                    {word("decided by", "审批人")},
                    {note}},
                   extensions, width) +
         TablePart(style, word("Help", "协办"),
                   {{word("id", "编号")},
                    {word("asked", "协办方")},
                    {word("by", "发起人")},
                    {word("request", "请求")},
                    {word("answered by", "答复人")},
                    {word("answer", "答复")}},
                   assists, width) +
         TablePart(style, word("Chases", "催单"),
                   {{when}, {word("channel", "渠道")}, {who}, {note}}, chases, width) +
         TablePart(style, word("Supervision", "督办"), {{when}, {who}, {note}}, supervisions,
                   width) +
         TablePart(style, word("Verification", "回访核实"),
                   {{when},
                    {word("contacted", "已联系")},
                    {word("solved", "已解决")},
                    {word("accepted", "接受")},
                    {who},
                    {note}},
                   verifications, width);
}

}  // namespace rebound::cli
