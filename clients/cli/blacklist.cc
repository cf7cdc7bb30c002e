#include "clients/cli/blacklist.h"

#include <fmt/format.h>

#include <algorithm>

#include "clients/cli/progress.h"
#include "clients/cli/values.h"
#include "clients/cli/words.h"

namespace rebound::cli {
namespace {

template <class Texts>
std::string JoinTexts(const Texts& texts, bool chinese) {
  std::string joined;
  for (const auto& text : texts) joined += (joined.empty() ? "" : chinese ? "、" : ", ") + text;
  return joined;
}

std::string StateText(const v1::BlacklistEntry& entry, bool chinese) {
  const Word word{chinese};
  return EnumWord(entry.state(), chinese) +
         (entry.in_force() ? word(", in force", "，限制中") : word(", not in force", "，未限制"));
}

std::string EffectsText(const v1::BlacklistEntry& entry, bool chinese) {
  const Word word{chinese};
  const v1::BlacklistEffects& effects = entry.effects();
  if (entry.kind() == v1::BLACKLIST_KIND_DO_NOT_CONTACT) {
    return effects.program_ids().empty()
               ? word("contact and every survey", "联系及全部调研")
               : word("contact and surveys of ", "联系及以下项目的调研：") +
                     JoinTexts(effects.program_ids(), chinese);
  }
  if (entry.kind() == v1::BLACKLIST_KIND_CHANNEL_LIMIT) {
    std::vector<std::string> channels;
    for (const int channel : effects.channels()) {
      channels.push_back(EnumWord(static_cast<v1::Channel>(channel), chinese));
    }
    return word("contact by ", "通过以下渠道联系：") + JoinTexts(channels, chinese);
  }
  if (entry.kind() == v1::BLACKLIST_KIND_STAFF_SAFETY) {
    return word("cases go to queue ", "工单进入工单池 ") + effects.queue_id() +
           word("; meetings take an approval", "；当面会见须经批准");
  }
  const std::string queue =
      effects.queue_id().empty()
          ? ""
          : word("; cases go to queue ", "；工单进入工单池 ") + effects.queue_id();
  return (effects.remedy_types().empty()
              ? word("every compensation that is not owed by law", "所有非法定的补偿")
              : JoinTexts(effects.remedy_types(), chinese)) +
         queue;
}

std::string ExtentText(const v1::BlacklistExtent& extent, bool chinese) {
  const std::string kind = EnumWord(extent.kind(), chinese);
  return extent.id().empty() ? kind : kind + " " + extent.id();
}

std::string ReasonText(const v1::BlacklistEntry& entry, bool chinese) {
  const std::string& name = chinese ? entry.reason_name_zh() : entry.reason_name();
  return name.empty() ? entry.reason_code() : name + " (" + entry.reason_code() + ")";
}

std::string ProposerText(const v1::BlacklistEntry& entry, bool chinese) {
  if (entry.rule_id().empty()) return entry.proposer();
  const Word word{chinese};
  return word("rule ", "规则 ") + entry.rule_id() + word(", tried by ", "，触发人 ") +
         entry.triggered_by();
}

std::string AllowedNow(const v1::BlacklistEntry& entry, bool chinese) {
  if (entry.allowed_commands().empty()) return "";
  std::vector<std::string> commands;
  for (const std::string& command : entry.allowed_commands()) {
    commands.push_back(OneLine(CommandWord(command, chinese)));
  }
  return Word{chinese}("Allowed now: ", "当前允许的操作：") + JoinTexts(commands, chinese) + "\n";
}

std::string EvidenceTable(std::string_view title,
                          const google::protobuf::RepeatedPtrField<v1::BlacklistEvidence>& evidence,
                          const Word& word, const Style& style, int width) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::BlacklistEvidence& each : evidence) {
    const std::string what = each.measure().empty()
                                 ? each.summary() +
                                       (each.summary().empty() || each.url().empty() ? "" : " ") +
                                       each.url()
                                 : MeasureWord(each.measure(), word.chinese);
    rows.push_back({FormatTimeShort(each.occur_time()), what, each.case_id(), each.actor()});
  }
  return TablePart(style, title,
                   {{word("when (UTC)", "时间(UTC)")},
                    {word("what", "内容")},
                    {word("case", "工单")},
                    {word("from", "提供人")}},
                   rows, width);
}

std::string DecisionTable(const v1::BlacklistEntry& entry, const Word& word, const Style& style,
                          int width) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::BlacklistDecision& each : entry.decisions()) {
    rows.push_back({FormatTimeShort(each.decide_time()), EnumWord(each.kind(), word.chinese),
                    each.decider(), each.note()});
  }
  return TablePart(style, word("Decisions", "决定"),
                   {{word("when (UTC)", "时间(UTC)")},
                    {word("decision", "决定")},
                    {word("who", "决定人")},
                    {word("why", "理由")}},
                   rows, width);
}

std::string AppealPart(const v1::BlacklistEntry& entry, const Word& word, const Style& style,
                       int width) {
  if (!entry.has_appeal()) return "";
  const v1::BlacklistAppeal& appeal = entry.appeal();
  return Heading(style, word("Appeal", "申诉")) +
         RenderFacts(
             {{word("state", "状态"), EnumWord(appeal.state(), word.chinese)},
              {word("recorded by", "记录人"), appeal.filer()},
              {word("recorded", "记录时间"), TimeOr(true, appeal.file_time())},
              {word("decide by", "裁决期限"), TimeOr(true, appeal.due_time())},
              {word("decided by", "裁决人"), appeal.decider()},
              {word("decided", "裁决时间"), TimeOr(appeal.has_decide_time(), appeal.decide_time())},
              {word("words", "申诉内容"), appeal.words()}},
             "  ") +
         EvidenceTable(word("Evidence of the appeal", "申诉证据"), appeal.evidence(), word, style,
                       width);
}

std::string ExtensionPart(const v1::BlacklistEntry& entry, const Word& word, const Style& style) {
  if (!entry.has_extension()) return "";
  const v1::BlacklistExtension& extension = entry.extension();
  return Heading(style, word("Extension that waits", "待决定的延期")) +
         RenderFacts({{word("until", "延至"), TimeOr(true, extension.until())},
                      {word("asked for by", "申请人"), extension.requester()},
                      {word("asked", "申请时间"), TimeOr(true, extension.request_time())},
                      {word("why", "理由"), extension.reason()}},
                     "  ");
}

// "remedies_granted x 3, case".
std::string MeasureCounts(const google::protobuf::RepeatedPtrField<v1::BlacklistEvidence>& evidence,
                          bool chinese) {
  std::vector<std::pair<std::string, int>> counts;
  for (const v1::BlacklistEvidence& each : evidence) {
    const auto known = std::find_if(counts.begin(), counts.end(), [&](const auto& count) {
      return count.first == each.measure();
    });
    if (known == counts.end()) {
      counts.emplace_back(each.measure(), 1);
    } else {
      ++known->second;
    }
  }
  std::vector<std::string> words;
  for (const auto& [measure, count] : counts) {
    words.push_back(MeasureWord(measure, chinese) +
                    (count == 1 ? "" : " × " + std::to_string(count)));
  }
  return JoinTexts(words, chinese);
}

std::string ActionText(const v1::RestrictedAction& action, const Word& word) {
  std::string text = EnumWord(action.kind(), word.chinese);
  if (action.channel() != v1::CHANNEL_UNSPECIFIED) {
    text += " " + EnumWord(action.channel(), word.chinese);
  }
  if (!action.remedy_type().empty()) text += " " + action.remedy_type();
  return text;
}

}  // namespace

std::vector<Column<v1::BlacklistEntry>> EntryColumns(bool chinese) {
  using Record = const v1::BlacklistEntry&;
  const Word word{chinese};
  const auto kind = [chinese](Record r) { return EnumWord(r.kind(), chinese); };
  const auto state = [chinese](Record r) { return EnumWord(r.state(), chinese); };
  const auto holds = [word](Record r) {
    return std::string(r.in_force() ? word("yes", "是") : word("no", "否"));
  };
  return {
      {"number", word("number", "编号"), Align::kLeft, [](Record r) { return r.number(); }},
      {"id", "", Align::kLeft, [](Record r) { return r.id(); }},
      {"", word("kind", "类型"), Align::kLeft, kind},
      {"kind", "", Align::kLeft, [](Record r) { return EnumName(r.kind()); }},
      {"", word("state", "状态"), Align::kLeft, state},
      {"state", "", Align::kLeft, [](Record r) { return EnumName(r.state()); }},
      {"", word("in force", "限制中"), Align::kLeft, holds},
      {"in_force", "", Align::kLeft,
       [](Record r) { return std::string(r.in_force() ? "yes" : "no"); }},
      {"reason", word("reason", "原因"), Align::kLeft, [](Record r) { return r.reason_code(); }},
      {"customer", word("customer", "客户"), Align::kLeft,
       [](Record r) { return r.customer_id(); }},
      {"", word("proposer", "提议人"), Align::kLeft,
       [chinese](Record r) { return ProposerText(r, chinese); }},
      {"proposer", "", Align::kLeft, [](Record r) { return r.proposer(); }},
      {"rule", "", Align::kLeft, [](Record r) { return r.rule_id(); }},
      {"org_unit", "", Align::kLeft, [](Record r) { return r.org_unit_id(); }},
      {"start_time", "", Align::kLeft, [](Record r) { return FormatTime(r.start_time()); }},
      {"expire_time", "", Align::kLeft, [](Record r) { return FormatTime(r.expire_time()); }},
      {"", word("until (UTC)", "截止(UTC)"), Align::kRight,
       [](Record r) { return FormatTimeShort(r.expire_time()); }},
      {"etag", "", Align::kLeft, [](Record r) { return r.etag(); }},
  };
}

std::string RenderEntry(const v1::BlacklistEntry& entry, bool chinese, const Style& style,
                        int width) {
  const Word word{chinese};
  std::string text = style.Bold(OneLine(entry.number())) + "  " + StateText(entry, chinese) + "  " +
                     style.Dim(OneLine(entry.id())) + "\n\n";
  text += RenderFacts(
      {
          {word("customer", "客户"), entry.customer_id()},
          {word("kind", "类型"), EnumWord(entry.kind(), chinese)},
          {word("restricts", "限制内容"), EffectsText(entry, chinese)},
          {word("where", "适用范围"), ExtentText(entry.extent(), chinese)},
          {word("reason", "原因"), ReasonText(entry, chinese)},
          {word("legal basis", "法律依据"), entry.legal_basis()},
          {word("proposed by", "提议人"), ProposerText(entry, chinese)},
          {word("proposed", "提议时间"), TimeOr(true, entry.create_time())},
          {word("from", "起"), TimeOr(true, entry.start_time())},
          {word("until", "止"), TimeOr(true, entry.expire_time())},
          {word("at once until", "临时生效至"),
           TimeOr(entry.has_immediate_until(), entry.immediate_until())},
          {word("review", "复核"), TimeOr(entry.has_review_time(), entry.review_time())},
          {word("warned", "告诫时间"), TimeOr(entry.has_warn_time(), entry.warn_time())},
          {word("told", "告知时间"), TimeOr(entry.has_notify_time(), entry.notify_time())},
          {word("appeal until", "申诉截止"),
           TimeOr(entry.has_appeal_until_time(), entry.appeal_until_time())},
          {word("ended", "结束时间"), TimeOr(entry.has_end_time(), entry.end_time())},
          {"etag", entry.etag()},
      },
      "  ");
  text += Paragraph(style, word("Internal reason", "内部理由"), entry.internal_reason());
  text += Paragraph(style, word("Told the customer, in English", "告知客户（英文）"),
                    entry.customer_reason());
  text += Paragraph(style, word("Told the customer, in Chinese", "告知客户（中文）"),
                    entry.customer_reason_zh());
  text += EvidenceTable(word("Evidence", "证据"), entry.evidence(), word, style, width);
  text += DecisionTable(entry, word, style, width);
  text += AppealPart(entry, word, style, width);
  text += ExtensionPart(entry, word, style);
  const std::string allowed = AllowedNow(entry, chinese);
  return text + (allowed.empty() ? "" : "\n" + allowed);
}

std::string RenderEntryChange(const v1::BlacklistEntry& entry, bool replayed, bool chinese,
                              const Style& style) {
  const std::string number = style.Bold(OneLine(entry.number()));
  const std::string until = FormatTimeSeconds(entry.expire_time());
  std::string text = chinese
                         ? fmt::format("{}：{}，{}，截止 {}。\n", number,
                                       EnumWord(entry.kind(), true), StateText(entry, true), until)
                         : fmt::format("{} is {}: {}, until {}.\n", number, StateText(entry, false),
                                       EnumName(entry.kind()), until);
  if (replayed) {
    text += Word{chinese}("This request had been done before; nothing changed.\n",
                          "此请求以前已执行，没有改动。\n");
  }
  return text + "etag " + OneLine(entry.etag()) + "\n" + AllowedNow(entry, chinese);
}

std::string RenderNotice(const v1::PreviewEntryNoticeResponse& reply, bool chinese,
                         const Style& style, int) {
  const Word word{chinese};
  std::string text;
  if (!reply.subject().empty()) text += style.Bold(OneLine(reply.subject())) + "\n\n";
  text += IndentLines(reply.text(), "");
  return text + "\n" +
         style.Dim(word("Times are those of ", "时间所在时区：") + OneLine(reply.time_zone()) +
                   word(". Nothing was sent.", "。未发送任何内容。")) +
         "\n";
}

std::string RenderPermits(const v1::CheckCustomerResponse& reply, bool chinese, const Style& style,
                          int width) {
  const Word word{chinese};
  std::vector<std::vector<std::string>> rows;
  for (const v1::Permit& permit : reply.permits()) {
    for (const v1::PermitExplanation& each : permit.explanations()) {
      const std::string queue =
          permit.queue_id().empty() ? "" : word(", to queue ", "，工单池 ") + permit.queue_id();
      rows.push_back({ActionText(permit.action(), word), EnumWord(each.outcome(), chinese) + queue,
                      each.entry_number(), EnumWord(each.kind(), chinese), each.reason_code(),
                      FormatTimeShort(each.until())});
    }
  }
  const std::string head = style.Bold(OneLine(reply.customer_id())) + word(", at ", "，时间 ") +
                           FormatTimeSeconds(reply.check_time()) + "\n";
  if (rows.empty()) {
    return head + word("Nothing is restricted.\n", "没有任何限制。\n");
  }
  return head +
         RenderTable({{word("action", "行为")},
                      {word("outcome", "结论")},
                      {word("entry", "条目")},
                      {word("kind", "类型")},
                      {word("reason", "原因")},
                      {word("until (UTC)", "截止(UTC)"), Align::kRight}},
                     rows, width) +
         word("All else is allowed. A complaint always is, and so is what the law demands.\n",
              "其余均允许。投诉与法定补救始终允许。\n");
}

std::string RenderDryRun(const v1::DryRunRulesResponse& reply, bool chinese, const Style& style,
                         int width) {
  const Word word{chinese};
  std::string text = style.Bold(
      fmt::format(fmt::runtime(word("{} customers tried, {} proposals; nothing was stored.",
                                    "试算 {} 位客户，得出 {} 项提议；未保存任何内容。")),
                  GroupDigits(reply.customer_count()), GroupDigits(reply.proposal_count())));
  text += "\n";
  std::vector<std::vector<std::string>> rows;
  for (const v1::DryRunRule& rule : reply.rules()) {
    rows.push_back(
        {rule.rule_id(), GroupDigits(rule.proposal_count()), GroupDigits(rule.customer_count())});
  }
  if (rows.empty()) return text + word("There are no rules.\n", "没有规则。\n");
  text += "\n" + RenderTable({{word("rule", "规则")},
                              {word("proposals", "提议数"), Align::kRight},
                              {word("customers", "客户数"), Align::kRight}},
                             rows, width);
  rows.clear();
  for (const v1::DryRunProposal& each : reply.proposals()) {
    rows.push_back({FormatTimeShort(each.propose_time()), each.rule_id(),
                    EnumWord(each.kind(), chinese), each.customer_id(),
                    MeasureCounts(each.evidence(), chinese), FormatTimeShort(each.expire_time()),
                    each.entry_number()});
  }
  if (rows.empty()) return text;
  text += "\n" + RenderTable({{word("when (UTC)", "时间(UTC)")},
                              {word("rule", "规则")},
                              {word("kind", "类型")},
                              {word("customer", "客户")},
                              {word("evidence", "证据")},
                              {word("until (UTC)", "截止(UTC)")},
                              {word("listed", "已有条目")}},
                             rows, width);
  if (reply.proposal_count() > reply.proposals_size()) {
    text += fmt::format(
        fmt::runtime(word("{} of {} proposals are named; ask for more with --examples.\n",
                          "列出 {} / {} 项提议；如需更多，请用 --examples。\n")),
        reply.proposals_size(), GroupDigits(reply.proposal_count()));
  }
  return text;
}

std::string RenderBlacklistStatistics(const v1::GetBlacklistStatisticsResponse& reply, bool chinese,
                                      const Style& style, int width) {
  const Word word{chinese};
  using Figures = google::protobuf::RepeatedPtrField<v1::BlacklistFigure>;
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const v1::BlacklistFigure& figure, const std::string& group) {
    std::vector<std::string> row = {group};
    for (const int64_t count :
         {figure.proposed_count(), figure.warned_count(), figure.activated_count(),
          figure.rejected_count(), figure.appealed_count(), figure.overturned_count(),
          figure.lifted_count(), figure.lapsed_count(), figure.undecided_count(),
          figure.in_force_count()}) {
      row.push_back(GroupDigits(count));
    }
    rows.push_back(std::move(row));
  };
  const auto part = [&](const char* title, const Figures& figures, const auto& name) {
    if (figures.empty()) return;
    rows.push_back({title});
    for (const v1::BlacklistFigure& figure : figures) add(figure, "  " + name(figure.group()));
  };
  add(reply.total(), word("all", "全部"));
  part(word("by kind", "按类型"), reply.kinds(), [&](const std::string& group) {
    const auto kind = EnumValue(v1::BlacklistKind_descriptor(), group);
    return kind ? EnumWord(static_cast<v1::BlacklistKind>(*kind), chinese) : group;
  });
  part(word("by rule", "按规则"), reply.rules(), [&](const std::string& group) {
    return group.empty() ? std::string(word("(proposed by a person)", "（人工提议）")) : group;
  });
  part(word("by who decided", "按决定人"), reply.deciders(), [&](const std::string& group) {
    return group.empty() ? std::string(word("(nobody yet)", "（尚未决定）")) : group;
  });
  std::vector<TableColumn> columns = {{word("entries", "条目")}};
  for (const char* title :
       {word("proposed", "提议"), word("warned", "告诫"), word("activated", "生效"),
        word("rejected", "未通过"), word("appealed", "申诉"), word("overturned", "申诉成立"),
        word("lifted", "提前解除"), word("lapsed", "到期"), word("undecided", "逾期未决"),
        word("in force", "限制中")}) {
    columns.push_back({title, Align::kRight});
  }
  return style.Bold(word("Blacklist, as of ", "黑名单，截至 ") + FormatTimeSeconds(reply.as_of())) +
         "\n\n" + RenderTable(columns, rows, width);
}

std::optional<v1::BlacklistEvidence> ReadEntryEvidence(std::string_view text, std::string* fault) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals + 1 == text.size()) {
    *fault = fmt::format(
        "expected TIME[@CASE]=WHAT, for example \"2026-01-31@C-17=Threw a chair\", got \"{}\"",
        text);
    return std::nullopt;
  }
  std::string_view when = text.substr(0, equals);
  const std::string_view what = text.substr(equals + 1);
  v1::BlacklistEvidence evidence;
  if (const size_t at = when.find('@'); at != std::string_view::npos) {
    evidence.set_case_id(std::string(when.substr(at + 1)));
    when = when.substr(0, at);
  }
  const auto time = ReadTime(when, fault);
  if (!time) return std::nullopt;
  *evidence.mutable_occur_time() = *time;
  const bool link = what.starts_with("https://") || what.starts_with("http://");
  (link ? evidence.mutable_url() : evidence.mutable_summary())->assign(what);
  return evidence;
}

}  // namespace rebound::cli
