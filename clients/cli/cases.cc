#include "clients/cli/cases.h"

#include <fmt/format.h>

#include <algorithm>

#include "clients/cli/clocks.h"
#include "clients/cli/commands.h"
#include "clients/cli/customers.h"
#include "clients/cli/merging.h"
#include "clients/cli/plan.h"
#include "clients/cli/remedies.h"
#include "clients/cli/unmask.h"
#include "clients/cli/verbs.h"
#include "clients/cli/words.h"
#include "rebound/v1/config_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using v1::CaseService;

std::string JoinPhrases(const std::vector<std::string>& phrases) {
  std::string text;
  for (const std::string& phrase : phrases) {
    if (!phrase.empty()) text += (text.empty() ? "" : ", ") + phrase;
  }
  return text;
}

std::string JoinTexts(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  return JoinPhrases({texts.begin(), texts.end()});
}

std::string Score(const v1::Case& record, bool chinese) {
  if (!record.has_score()) return "";
  return fmt::format("{} ({})", record.score(), EnumWord(record.category(), chinese));
}

std::string FullTimeOr(bool present, const google::protobuf::Timestamp& time) {
  return present ? FormatTime(time) : "";
}

std::string MoneyOr(bool present, const v1::Money& money) {
  return present ? FormatMoney(money) : "";
}

// The earliest deadline that runs; of a case without clocks, its earliest timer. Null: there is
// none.
const google::protobuf::Timestamp* EarliestDue(const v1::Case& record) {
  const google::protobuf::Timestamp* next = nullptr;
  const auto keep = [&next](const google::protobuf::Timestamp& due) {
    if (next == nullptr ||
        std::pair(due.seconds(), due.nanos()) < std::pair(next->seconds(), next->nanos())) {
      next = &due;
    }
  };
  for (const v1::CaseClock& clock : record.clocks()) {
    if (clock.state() == v1::CLOCK_STATE_RUNNING && clock.has_due_time()) keep(clock.due_time());
  }
  if (next == nullptr && record.has_next_due_time()) return &record.next_due_time();
  return next;
}

std::string NextDueShort(const v1::Case& record) {
  const google::protobuf::Timestamp* next = EarliestDue(record);
  return next == nullptr ? "" : FormatTimeShort(*next);
}

std::string Times(int64_t count, bool chinese) {
  if (count == 0) return "";
  if (chinese) return fmt::format("{} 次", count);
  return count == 1 ? "once" : fmt::format("{} times", count);
}

std::string AllowedNow(const v1::Case& record, bool chinese) {
  std::string words;
  for (const std::string& command : record.allowed_commands()) {
    if (!words.empty()) words += chinese ? "、" : ", ";
    words += CommandWord(command, chinese);
  }
  return Word{chinese}("Allowed now: ", "当前允许的操作：") + OneLine(words) + "\n";
}

Facts CaseFacts(const v1::Case& record, bool chinese) {
  const Word word{chinese};
  std::string links;
  for (const v1::CaseLink& link : record.links()) {
    links += fmt::format("{}{} ({})", links.empty() ? "" : ", ", link.case_id(),
                         LinkWord(link.kind(), chinese));
  }
  std::string attachments;
  for (const v1::Attachment& attachment : record.attachments()) {
    attachments += fmt::format("{}{} {}", attachments.empty() ? "" : "\n", attachment.title(),
                               attachment.uri());
  }
  const v1::ExternalAuthority& authority = record.external_authority();
  const std::string playbook =
      record.playbook().playbook_id().empty()
          ? ""
          : fmt::format(
                "{} v{}{}", record.playbook().playbook_id(), record.playbook().version(),
                record.playbook().matched_condition().empty()
                    ? ""
                    : word(", because ", "，因为 ") + record.playbook().matched_condition());
  const std::string accepts = !record.has_customer_accepts() ? ""
                              : record.customer_accepts()    ? word("yes", "是")
                                                             : word("no", "否");
  return {
      {word("program", "项目"), record.program_id()},
      {word("customer", "客户"), record.customer_id()},
      {word("account", "账户"), JoinPhrases({record.account_id(), record.respondent_role()})},
      {word("score", "评分"), Score(record, chinese)},
      {word("opened by", "来源"), EnumWord(record.origin(), chinese)},
      {word("touchpoint", "触点"), record.touchpoint()},
      {word("org unit", "组织单元"), record.org_unit_id()},
      {word("queue", "工单池"), record.queue_id()},
      {word("owner", "处理人"), record.owner()},
      {word("owner since", "接手时间"), TimeOr(record.has_own_time(), record.own_time())},
      {word("lease", "占用"),
       record.has_lease_end_time()
           ? fmt::format("{}, {}{}", record.lease_number(), word("ends ", "截止 "),
                         FormatTimeSeconds(record.lease_end_time()))
           : ""},
      {word("waits until", "等待至"), TimeOr(record.has_wait_end_time(), record.wait_end_time())},
      {word("last owner", "上一处理人"), record.last_owner()},
      {word("first receiver", "首接人"),
       JoinPhrases({record.first_receiver(),
                    TimeOr(record.has_first_receive_time(), record.first_receive_time())})},
      {word("severity", "严重程度"),
       record.severity() == 0 ? "" : std::to_string(record.severity())},
      {word("priority", "优先级"), record.priority()},
      {word("escalated", "升级"), record.escalation_level() == 0 ? ""
                                  : chinese
                                      ? fmt::format("上升 {} 级", record.escalation_level())
                                      : fmt::format("{} level{} up", record.escalation_level(),
                                                    record.escalation_level() == 1 ? "" : "s")},
      {word("returned", "退单"), Times(record.return_count(), chinese)},
      {word("chased", "催单"), Times(record.chases_size(), chinese)},
      {word("emotion", "情绪"), EnumWord(record.emotion(), chinese)},
      {word("value at risk", "风险价值"),
       MoneyOr(record.has_value_at_risk(), record.value_at_risk())},
      {word("playbook", "补救方案"), playbook},
      {word("arm", "分组"), record.arm() == v1::ARM_TREATED ? "" : EnumWord(record.arm(), chinese)},
      {word("order", "订单"), record.order_reference()},
      {"CRM", record.crm_reference()},
      {word("external key", "外部编号"),
       record.has_external_key() ? FormatKey(record.external_key()) : ""},
      {word("authority", "受理机构"),
       JoinPhrases({authority.authority(), authority.reference(),
                    authority.has_due_time()
                        ? word("due ", "期限 ") + FormatTimeSeconds(authority.due_time())
                        : ""})},
      {word("contact", "联系方式"),
       JoinPhrases({record.contact_person(), EnumWord(record.preferred_channel(), chinese),
                    record.preferred_time(), record.language()})},
      {word("topics", "原因标签"), JoinTexts(record.topics())},
      {word("root cause", "根因"), record.root_cause()},
      {word("responsible", "责任"),
       JoinPhrases({record.responsible_unit_id(), record.responsible_person(),
                    EnumWord(record.liability(), chinese)})},
      {word("handling", "处理结果"), EnumWord(record.handling_result(), chinese)},
      {word("customer accepts", "客户接受"), accepts},
      {word("re-survey", "复测"), JoinPhrases({EnumWord(record.resurvey_result(), chinese),
                                               EnumWord(record.not_asked_reason(), chinese)})},
      {word("reopened", "重新打开"), Times(record.reopen_count(), chinese)},
      {word("merged into", "并入"), record.merged_into()},
      {word("merged cases", "已并入工单"), JoinTexts(record.merged_case_ids())},
      {word("links", "关联工单"), links},
      {word("attachments", "附件"), attachments},
      {word("imported", "导入"), record.history() ? word("as history", "历史数据") : ""},
      {word("revision", "修订"), record.revision() == 0 ? "" : std::to_string(record.revision())},
  };
}

Facts CaseTimes(const v1::Case& record, bool chinese) {
  const Word word{chinese};
  return {
      {word("opened", "建单"), TimeOr(record.has_open_time(), record.open_time())},
      {word("contacted", "联系"), TimeOr(record.has_contact_time(), record.contact_time())},
      {word("remedied", "补救"), TimeOr(record.has_remedy_time(), record.remedy_time())},
      {word("resolved", "办结"), TimeOr(record.has_resolve_time(), record.resolve_time())},
      {word("asked again", "发起复测"), TimeOr(record.has_ask_time(), record.ask_time())},
      {word("recovered", "修复"), TimeOr(record.has_recover_time(), record.recover_time())},
      {word("converted", "转化"), TimeOr(record.has_convert_time(), record.convert_time())},
      {word("closed", "归档"), TimeOr(record.has_close_time(), record.close_time())},
  };
}

std::string RenderAttempts(const v1::Case& record, bool chinese, const Style& style, int width) {
  const Word word{chinese};
  std::vector<std::vector<std::string>> rows;
  for (const v1::Attempt& attempt : record.attempts()) {
    rows.push_back(
        {TimeOr(attempt.has_occur_time(), attempt.occur_time()),
         EnumWord(attempt.channel(), chinese),
         attempt.direction() == v1::DIRECTION_INBOUND ? word("in", "呼入") : word("out", "呼出"),
         EnumWord(attempt.outcome(), chinese), attempt.actor(), attempt.note()});
  }
  return TablePart(style, word("Attempts", "联系记录"),
                   {{word("when", "时间")},
                    {word("channel", "渠道")},
                    {word("way", "方向")},
                    {word("outcome", "结果")},
                    {word("who", "操作人")},
                    {word("note", "备注")}},
                   rows, width);
}

std::string RenderCommitments(const v1::Case& record, bool chinese, const Style& style, int width) {
  const Word word{chinese};
  std::vector<std::vector<std::string>> rows;
  for (const v1::Commitment& commitment : record.commitments()) {
    rows.push_back({TimeOr(commitment.has_due_time(), commitment.due_time()),
                    EnumWord(commitment.state(), chinese), commitment.actor(),
                    commitment.promise()});
  }
  return TablePart(style, word("Commitments", "承诺"),
                   {{word("due", "到期")},
                    {word("state", "状态")},
                    {word("who", "承诺人")},
                    {word("promise", "内容")}},
                   rows, width);
}

std::string RenderVerdicts(const v1::Case& record, bool chinese, const Style& style, int width) {
  const Word word{chinese};
  std::vector<std::vector<std::string>> rows;
  for (const v1::Verdict& verdict : record.verdicts()) {
    rows.push_back({verdict.id(), EnumWord(verdict.kind(), chinese),
                    verdict.has_corrected_score() ? std::to_string(verdict.corrected_score()) : "",
                    EnumWord(verdict.state(), chinese), verdict.proposer(), verdict.decider(),
                    std::to_string(verdict.evidence_size()),
                    verdict.decision().empty() ? verdict.note() : verdict.decision()});
  }
  return TablePart(style, word("Rulings", "裁定"),
                   {{word("id", "编号")},
                    {word("kind", "类型")},
                    {word("meant", "实际分数"), Align::kRight},
                    {word("state", "状态")},
                    {word("proposed by", "提出人")},
                    {word("decided by", "裁定人")},
                    {word("evidence", "证据"), Align::kRight},
                    {word("note", "备注")}},
                   rows, width);
}

std::string RenderFindings(const v1::Case& record, bool chinese, const Style& style, int width) {
  const Word word{chinese};
  std::vector<std::vector<std::string>> rows;
  for (const v1::Finding& finding : record.findings()) {
    rows.push_back(
        {EnumWord(finding.liability(), chinese), finding.unit_id(), finding.person(),
         finding.finder(), TimeOr(finding.has_appeal_until_time(), finding.appeal_until_time()),
         finding.appeal() == v1::APPEAL_STATE_UNSPECIFIED ? ""
                                                          : EnumWord(finding.appeal(), chinese),
         finding.decider()});
  }
  return TablePart(style, word("Liability", "责任认定"),
                   {{word("liability", "责任")},
                    {word("unit", "责任单元")},
                    {word("person", "责任人")},
                    {word("found by", "认定人")},
                    {word("appeal until", "申诉截止")},
                    {word("appeal", "申诉")},
                    {word("decided by", "裁决人")}},
                   rows, width);
}

std::string RenderRestrictions(const v1::Case& record, bool chinese, const Style& style,
                               int width) {
  const Word word{chinese};
  std::vector<std::vector<std::string>> rows;
  for (const v1::CaseRestriction& each : record.restrictions()) {
    rows.push_back({each.entry_number(), EnumWord(each.kind(), chinese), each.reason_code(),
                    FormatTimeSeconds(each.until_time()), FormatTimeSeconds(each.note_time())});
  }
  return TablePart(style, word("Blacklist", "黑名单"),
                   {{word("entry", "条目")},
                    {word("kind", "类型")},
                    {word("reason", "原因")},
                    {word("until", "截止")},
                    {word("noted", "记录时间")}},
                   rows, width);
}

std::string RenderCaseRemedies(const v1::Case& record, bool chinese, const Style& style,
                               int width) {
  const Word word{chinese};
  std::vector<std::vector<std::string>> rows;
  for (const v1::Remedy& remedy : record.remedies()) {
    rows.push_back({remedy.id(),
                    remedy.type_id().empty() ? EnumWord(remedy.kind(), chinese) : remedy.type_id(),
                    EnumWord(remedy.state(), chinese),
                    MoneyOr(remedy.has_amount(), remedy.amount()),
                    remedy.statutory() ? word("statutory", "法定") : "", remedy.actor(),
                    !remedy.approver().empty()         ? remedy.approver()
                    : !remedy.approval_limit().empty() ? word("needed", "待批准")
                                                       : "",
                    remedy.note()});
  }
  return TablePart(style, word("Remedies", "补救措施"),
                   {{word("id", "编号")},
                    {word("kind", "类型")},
                    {word("state", "状态")},
                    {word("amount", "金额"), Align::kRight},
                    {""},
                    {word("who", "操作人")},
                    {word("approved by", "批准人")},
                    {word("note", "备注")}},
                   rows, width);
}

std::string Answer(const v1::ResurveyAnswer& answer, bool chinese) {
  return fmt::format("{} ({}) {}", answer.score(), EnumWord(answer.category(), chinese),
                     TimeOr(answer.has_occur_time(), answer.occur_time()));
}

std::string RenderResurvey(const v1::Case& record, bool chinese, const Style& style) {
  const Word word{chinese};
  if (!record.has_resurvey()) return "";
  const v1::Resurvey& resurvey = record.resurvey();
  const std::string lines = RenderFacts(
      {
          {word("invitation", "邀请"), resurvey.invitation_id()},
          {word("asked", "发起"), TimeOr(resurvey.has_ask_time(), resurvey.ask_time())},
          {word("open until", "截止"), TimeOr(resurvey.has_expire_time(), resurvey.expire_time())},
          {word("first answer", "首次答复"),
           resurvey.has_first_answer() ? Answer(resurvey.first_answer(), chinese) : ""},
          {word("last answer", "最近答复"),
           resurvey.answer_count() > 1 ? Answer(resurvey.last_answer(), chinese) : ""},
          {word("answers", "答复数"),
           resurvey.answer_count() > 0 ? std::to_string(resurvey.answer_count()) : ""},
      },
      "  ");
  return lines.empty() ? "" : Heading(style, word("Re-survey", "复测")) + lines;
}

// Why a case came first, in the order in which cases are compared.
std::string RankWords(const v1::ClaimRank& rank, bool chinese) {
  const Word word{chinese};
  std::vector<std::string> parts;
  if (rank.has_commitment_due_time()) {
    parts.push_back(word("promise due ", "承诺到期 ") +
                    FormatTimeShort(rank.commitment_due_time()));
  }
  if (!rank.priority().empty()) parts.push_back(word("priority ", "优先级 ") + rank.priority());
  parts.push_back(word("severity ", "严重程度 ") + std::to_string(rank.severity()));
  if (rank.has_value_at_risk()) {
    parts.push_back(chinese ? "风险价值 " + FormatMoney(rank.value_at_risk())
                            : FormatMoney(rank.value_at_risk()) + " at risk");
  }
  if (rank.has_breach_due_time()) {
    std::string clock = EnumWord(rank.breach_clock(), chinese);
    std::replace(clock.begin(), clock.end(), '_', ' ');
    parts.push_back(clock + word(" due ", "到期 ") + FormatTimeShort(rank.breach_due_time()));
  } else {
    parts.emplace_back(word("no deadline", "无时限"));
  }
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : " · ") + part;
  return text;
}

// ---- Verbs

// A string literal of the filter language.
std::string Quote(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

void AddCaseList(CLI::App& cases, Session& session) {
  struct Options {
    v1::ListCasesRequest request;
    std::string queue;
    Paging paging;
  };
  auto options = std::make_shared<Options>();
  CLI::App* list = AddVerb(cases, "list", "List cases, the most urgent first", nullptr,
                           "list --filter 'severity >= 3 AND status = \"open\"' --limit 20");
  list->add_option("--filter", *options->request.mutable_filter(),
                   "Only those that match, for example: program = \"hotline\" AND severity >= 3")
      ->type_name("FILTER");
  list->add_option("--order-by", *options->request.mutable_order_by(),
                   "next_due_time, open_time or \"open_time desc\"")
      ->type_name("ORDER");
  list->add_option("--queue", options->queue, "Only those of this queue")->type_name("QUEUE");
  AddPaging(list, &options->paging);
  list->callback([options, &session] {
    session.command = [options, &session] {
      if (!options->queue.empty()) {
        const std::string& filter = options->request.filter();
        options->request.set_filter("queue = " + Quote(options->queue) +
                                    (filter.empty() ? "" : " AND " + filter));
      }
      return PrintPages<v1::Case>(
          session, options->paging, &CaseService::Stub::ListCases, options->request, CaseColumns(),
          [](const v1::ListCasesResponse& reply) -> const auto& { return reply.cases(); },
          "No cases.");
    };
  });
}

// The labels of the case's statuses, where the reader wants them; without an answer there are none.
Language LanguageOf(Session& session, const v1::Case& record) {
  Language language{.chinese = session.chinese};
  if (!session.chinese || session.format != Format::kTable) return language;
  v1::GetLifecycleRequest request;
  request.set_revision(record.revision());
  v1::GetLifecycleResponse reply;
  if (session.Try(&v1::ConfigService::Stub::GetLifecycle, request, &reply).ok()) {
    for (const v1::LifecycleStatus& status : reply.lifecycle().statuses()) {
      language.statuses[status.key()] = status.label_zh();
    }
  }
  return language;
}

int FetchEvents(Session& session, const std::string& case_id, v1::ListCaseEventsResponse* all) {
  v1::ListCaseEventsRequest request;
  request.set_case_id(case_id);
  request.set_page_size(1000);
  while (true) {
    v1::ListCaseEventsResponse page;
    const int code = session.Call(&CaseService::Stub::ListCaseEvents, request, &page);
    if (code != kExitOk) return code;
    all->mutable_events()->MergeFrom(page.events());
    if (page.next_page_token().empty()) return kExitOk;
    request.set_page_token(page.next_page_token());
  }
}

// The numbers of the cases that this one and its events name, in place of their ids.
void NameOtherCases(Session& session, v1::Case* record, v1::ListCaseEventsResponse* events) {
  CaseNames names(session);
  const auto name = [&](std::string* id) { names.Name(id); };
  name(record->mutable_merged_into());
  for (std::string& id : *record->mutable_merged_case_ids()) name(&id);
  for (v1::CaseLink& link : *record->mutable_links()) name(link.mutable_case_id());
  for (v1::CaseEvent& event : *events->mutable_events()) {
    for (const char* key : {"case", "into", "from"}) {
      const auto detail = event.mutable_details()->find(key);
      if (detail != event.mutable_details()->end()) name(&detail->second);
    }
  }
}

void AddCaseShow(CLI::App& cases, Session& session) {
  struct Options {
    v1::GetCaseRequest request;
    bool events = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* show = AddVerb(cases, "show", "Show one case", options->request.mutable_case_id(),
                           "show C-1042 --events");
  show->add_flag("--events", options->events, "With everything that happened to it");
  show->callback([options, &session] {
    session.command = [options, &session]() -> int {
      v1::GetCaseResponse reply;
      int code = session.Call(&CaseService::Stub::GetCase, options->request, &reply);
      if (code != kExitOk) return code;
      v1::ListCaseEventsResponse events;
      if (options->events) {
        code = FetchEvents(session, options->request.case_id(), &events);
        if (code != kExitOk) return code;
      }
      if (options->events && session.format == Format::kJson) {
        session.out << "{\"case\": " << MessageJson(reply.case_()) << ",\n\"events\": [";
        for (int i = 0; i < events.events_size(); ++i) {
          session.out << (i == 0 ? "\n" : ",\n") << MessageJson(events.events(i));
        }
        session.out << "]}\n";
        return kExitOk;
      }
      const Language language = LanguageOf(session, reply.case_());
      v1::Case shown = reply.case_();
      NameOtherCases(session, &shown, &events);
      PrintRecord(session, reply, reply.case_(), CaseColumns(),
                  RenderCase(shown, language, session.style, session.out_width) +
                      RenderTimeline({events.events().begin(), events.events().end()}, language,
                                     session.style, session.out_width));
      return kExitOk;
    };
  });
}

void AddNext(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::ClaimNextCaseRequest>();
  CLI::App* next = AddVerb(cases, "next", "Take the most urgent case that nobody owns, and show it",
                           nullptr, "next --queue hotline");
  next->add_option("--queue", *request->mutable_queue_id(), "Take it from this queue")
      ->type_name("QUEUE");
  AddRequestId(next, request->mutable_request_id());
  next->callback([request, &session] {
    session.command = [request, &session]() -> int {
      FillRequestId(request->mutable_request_id());
      v1::ClaimNextCaseResponse reply;
      const int code = session.Call(&CaseService::Stub::ClaimNextCase, *request, &reply);
      if (code != kExitOk) return code;
      const Word word{session.chinese};
      std::string why = word("Yours now: ", "已归您处理：") +
                        OneLine(RankWords(reply.rank(), session.chinese)) + "\n";
      const v1::Case& taken = reply.case_();
      if (taken.has_lease_end_time()) {
        const std::string until = FormatTimeSeconds(taken.lease_end_time());
        why += session.chinese
                   ? fmt::format("请在 {} 前开始处理，否则退回工单池（占用号 {}）。\n", until,
                                 taken.lease_number())
                   : fmt::format("Begin by {}, or it goes back to its queue (lease {}).\n", until,
                                 taken.lease_number());
      }
      why += "\n";
      PrintRecord(session, reply, reply.case_(), CaseColumns(),
                  why + RenderCase(reply.case_(), LanguageOf(session, reply.case_()), session.style,
                                   session.out_width));
      return kExitOk;
    };
  });
}

void AddCaseFields(CLI::App* open, v1::Case* record) {
  const auto text = [open](const std::string& name, std::string* target, const std::string& help) {
    open->add_option(name, *target, help)->type_name("TEXT");
  };
  text("--request", record->mutable_customer_request(), "What the customer asks for");
  text("--touchpoint", record->mutable_touchpoint(), "Where in the journey: channel/hotline");
  text("--org-unit", record->mutable_org_unit_id(), "Who is responsible: province/city/store");
  text("--queue", record->mutable_queue_id(), "The queue to put it in");
  text("--order", record->mutable_order_reference(), "The order, stay or ticket concerned");
  text("--crm", record->mutable_crm_reference(), "The case's number in the CRM");
  text("--contact-person", record->mutable_contact_person(), "Whom to ask for");
  text("--preferred-time", record->mutable_preferred_time(), "When to contact the customer");
  text("--language", record->mutable_language(), "The language to speak, for example zh");
}

void AddOpen(CLI::App& cases, Session& session) {
  struct Options {
    v1::OpenCaseRequest request;
    std::string customer;
    int64_t severity = 0;
    bool complaint = false;
    v1::Channel channel = v1::CHANNEL_UNSPECIFIED;
    v1::Emotion emotion = v1::EMOTION_UNSPECIFIED;
  };
  auto options = std::make_shared<Options>();
  v1::Case* record = options->request.mutable_case_();
  CLI::App* open = AddVerb(cases, "open", "Open a case by hand", nullptr,
                           "open --program hotline --customer crm:88 --severity 3 "
                           "--request \"Wants the fee back\"");
  open->add_option("--program", *record->mutable_program_id(), "The survey program")
      ->required()
      ->type_name("PROGRAM");
  open->add_option("--customer", options->customer, "The customer")->type_name("ID|SOURCE:KEY");
  AddInteger(
      open, "--severity", [options = options.get()](int64_t n) { options->severity = n; },
      "1 (low) to 5 (red line)")
      ->check(CLI::Range(1, 5));
  open->add_flag("--complaint", options->complaint, "The customer complained");
  AddCaseFields(open, record);
  AddEnum(open, "--preferred-channel", &options->channel, "How the customer likes to be reached");
  AddEnum(open, "--emotion", &options->emotion, "The customer's mood");
  AddMoney(
      open, "--value-at-risk", [record] { return record->mutable_value_at_risk(); },
      "What the company stands to lose, for example \"CNY 2000\"");
  AddKey(
      open, "--external-key", [record] { return record->mutable_external_key(); },
      "The complaint's key in another system");
  Send(open, session, options, &CaseService::Stub::OpenCase, [options, &session]() -> int {
    v1::Case* opened = options->request.mutable_case_();
    opened->set_severity(static_cast<int32_t>(options->severity));
    opened->set_emotion(options->emotion);
    opened->set_preferred_channel(options->channel);
    if (options->complaint) opened->set_origin(v1::CASE_ORIGIN_COMPLAINT);
    if (options->customer.empty()) return kExitOk;
    return FindCustomer(session, options->customer, opened->mutable_customer_id());
  });
}

void AddAssign(CLI::App& cases, Session& session) {
  struct Options {
    v1::AssignCaseRequest request;
    bool unassign = false;
  };
  auto options = std::make_shared<Options>();
  v1::AssignCaseRequest& request = options->request;
  CLI::App* assign = AddVerb(cases, "assign", "Give a case an owner, or back to the queue",
                             request.mutable_case_id(), "assign C-1042 --owner anna");
  CLI::App* who = assign->add_option_group("owner", "One of");
  who->add_option("--owner", *request.mutable_owner(), "Who is to own it")->type_name("NAME");
  who->add_flag("--unassign", options->unassign, "Nobody is to own it");
  who->require_option(1);
  assign->add_option("--queue", *request.mutable_queue_id(), "Move it to this queue")
      ->type_name("QUEUE");
  Send(assign, session, options, &CaseService::Stub::AssignCase);
}

void AddAttempt(CLI::App& cases, Session& session) {
  struct Options {
    v1::LogAttemptRequest request;
    v1::Channel channel = v1::CHANNEL_UNSPECIFIED;
    v1::AttemptOutcome outcome = v1::ATTEMPT_OUTCOME_UNSPECIFIED;
    bool inbound = false;
  };
  auto options = std::make_shared<Options>();
  v1::LogAttemptRequest& request = options->request;
  v1::Attempt* attempt = request.mutable_attempt();
  CLI::App* verb =
      AddVerb(cases, "attempt", "Log a try to reach the customer", request.mutable_case_id(),
              "attempt C-1042 --channel phone --outcome no_answer");
  AddEnum(verb, "--channel", &options->channel, "How")->required();
  AddEnum(verb, "--outcome", &options->outcome, "With what outcome")->required();
  verb->add_flag("--inbound", options->inbound, "The customer approached us");
  AddNote(verb, attempt->mutable_note());
  AddTime(
      verb, "--at", [attempt] { return attempt->mutable_occur_time(); }, "When; else now");
  AddTime(
      verb, "--not-before", [attempt] { return attempt->mutable_next_allowed_time(); },
      "When the next try may be made");
  Send(verb, session, options, &CaseService::Stub::LogAttempt, [options] {
    v1::Attempt* logged = options->request.mutable_attempt();
    logged->set_channel(options->channel);
    logged->set_outcome(options->outcome);
    logged->set_direction(options->inbound ? v1::DIRECTION_INBOUND : v1::DIRECTION_OUTBOUND);
  });
}

void AddCommit(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::MakeCommitmentRequest>();
  v1::Commitment* commitment = request->mutable_commitment();
  CLI::App* commit =
      AddVerb(cases, "commit", "Record a promise to the customer", request->mutable_case_id(),
              "commit C-1042 --promise \"We call back with the invoice\" --due +2d");
  commit->add_option("--promise", *commitment->mutable_promise(), "What was promised")
      ->required()
      ->type_name("TEXT");
  AddTime(
      commit, "--due", [commitment] { return commitment->mutable_due_time(); }, "When it is due")
      ->required();
  Send(commit, session, request, &CaseService::Stub::MakeCommitment);
}

void AddRemedy(CLI::App& cases, Session& session) {
  struct Options {
    v1::RemedyCaseRequest request;
    v1::RemedyKind kind = v1::REMEDY_KIND_UNSPECIFIED;
    v1::RemedyState state = v1::REMEDY_STATE_UNSPECIFIED;
    bool statutory = false;
  };
  auto options = std::make_shared<Options>();
  v1::RemedyCaseRequest& request = options->request;
  v1::Remedy* remedy = request.mutable_remedy();
  CLI::App* verb = AddVerb(cases, "remedy", "Record a remedy, or move an earlier one on",
                           request.mutable_case_id(),
                           "remedy C-1042 --type voucher --state offered --amount \"CNY 20.00\"");
  verb->add_option("--type", *remedy->mutable_type_id(),
                   "Which one of the catalogue; \"rebound cases remedies\" lists it")
      ->type_name("TYPE");
  AddEnum(verb, "--kind", &options->kind, "What kind, where there is no catalogue");
  AddEnum(verb, "--state", &options->state, "How far it has come")->required();
  AddMoney(
      verb, "--amount", [remedy] { return remedy->mutable_amount(); },
      "Its value, for example \"CNY 20.00\"");
  verb->add_option("--id", *remedy->mutable_id(), "The earlier remedy to move on")->type_name("ID");
  verb->add_flag("--statutory", options->statutory, "It is owed by law");
  AddNote(verb, remedy->mutable_note());
  Send(verb, session, options, &CaseService::Stub::RemedyCase, [options] {
    v1::Remedy* recorded = options->request.mutable_remedy();
    recorded->set_kind(options->kind);
    recorded->set_state(options->state);
    recorded->set_statutory(options->statutory);
  });
}

void AddResolve(CLI::App& cases, Session& session) {
  struct Options {
    v1::ResolveCaseRequest request;
    v1::HandlingResult result = v1::HANDLING_RESULT_UNSPECIFIED;
    std::string accepts;
  };
  auto options = std::make_shared<Options>();
  v1::ResolveCaseRequest& request = options->request;
  CLI::App* resolve = AddVerb(cases, "resolve", "End handling; the customer is asked again later",
                              request.mutable_case_id(),
                              "resolve C-1042 --result resolved --root-cause price "
                              "--action \"Fee paid back\" --customer-accepts yes");
  AddEnum(resolve, "--result", &options->result, "What handling came to")->required();
  resolve->add_option("--root-cause", *request.mutable_root_cause(), "The confirmed cause")
      ->required()
      ->type_name("TEXT");
  resolve->add_option("--action", *request.mutable_action_taken(), "What was done")
      ->required()
      ->type_name("TEXT");
  resolve
      ->add_option("--customer-accepts", options->accepts,
                   "Whether the customer accepts it: yes, no")
      ->check(CLI::IsMember({"yes", "no"}))
      ->type_name("YES|NO");
  Send(resolve, session, options, &CaseService::Stub::ResolveCase, [options] {
    options->request.set_handling_result(options->result);
    if (!options->accepts.empty()) {
      options->request.set_customer_accepts(options->accepts == "yes");
    }
  });
}

void AddClose(CLI::App& cases, Session& session) {
  struct Options {
    v1::CloseCaseRequest request;
    bool declined = false;
  };
  auto options = std::make_shared<Options>();
  v1::CloseCaseRequest& request = options->request;
  CLI::App* close = AddVerb(cases, "close", "Close a case", request.mutable_case_id(),
                            "close C-1042 --note \"Nothing left to do\"");
  AddNote(close, request.mutable_note());
  close->add_flag("--declined", options->declined, "The customer was asked again and declined");
  SendSeen(close, session, options, &CaseService::Stub::CloseCase,
           [options] { options->request.set_customer_declined(options->declined); });
}

void AddReopen(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::ReopenCaseRequest>();
  CLI::App* reopen =
      AddVerb(cases, "reopen", "Open a closed or resolved case again", request->mutable_case_id(),
              "reopen C-1042 --note \"The fee was taken again\"");
  reopen->add_option("--note", *request->mutable_note(), "Why")->required()->type_name("TEXT");
  Send(reopen, session, request, &CaseService::Stub::ReopenCase);
}

}  // namespace

std::string NextDue(const v1::Case& record) {
  const google::protobuf::Timestamp* next = EarliestDue(record);
  return next == nullptr ? "" : FormatTime(*next);
}

std::vector<Column<v1::Case>> CaseColumns() {
  using Record = const v1::Case&;
  return {
      {"number", "number", Align::kLeft, [](Record r) { return r.number(); }},
      {"id", "", Align::kLeft, [](Record r) { return r.id(); }},
      {"status", "status", Align::kLeft, [](Record r) { return r.status(); }},
      {"phase", "", Align::kLeft, [](Record r) { return EnumName(r.phase()); }},
      {"severity", "sev", Align::kRight,
       [](Record r) { return r.severity() == 0 ? "" : std::to_string(r.severity()); }},
      {"score", "score", Align::kRight,
       [](Record r) { return r.has_score() ? std::to_string(r.score()) : ""; }},
      {"category", "", Align::kLeft, [](Record r) { return EnumName(r.category()); }},
      {"program", "program", Align::kLeft, [](Record r) { return r.program_id(); }},
      {"touchpoint", "touchpoint", Align::kLeft, [](Record r) { return r.touchpoint(); }},
      {"org_unit", "", Align::kLeft, [](Record r) { return r.org_unit_id(); }},
      {"customer", "", Align::kLeft, [](Record r) { return r.customer_id(); }},
      {"queue", "queue", Align::kLeft, [](Record r) { return r.queue_id(); }},
      {"owner", "owner", Align::kLeft, [](Record r) { return r.owner(); }},
      {"next_due_time", "", Align::kLeft, [](Record r) { return NextDue(r); }},
      {"", "due (UTC)", Align::kRight, [](Record r) { return NextDueShort(r); }},
      {"", "opened", Align::kRight,
       [](Record r) {
         return r.has_open_time() ? FormatTimeShort(r.open_time()).substr(0, 10) : "";
       }},
      {"open_time", "", Align::kLeft,
       [](Record r) { return FullTimeOr(r.has_open_time(), r.open_time()); }},
      {"close_time", "", Align::kLeft,
       [](Record r) { return FullTimeOr(r.has_close_time(), r.close_time()); }},
      {"handling_result", "", Align::kLeft, [](Record r) { return EnumName(r.handling_result()); }},
      {"resurvey_result", "result", Align::kLeft,
       [](Record r) { return EnumName(r.resurvey_result()); }},
      {"etag", "", Align::kLeft, [](Record r) { return r.etag(); }},
  };
}

std::string RenderCase(const v1::Case& record, const Language& language, const Style& style,
                       int width) {
  const bool chinese = language.chinese;
  const Word word{chinese};
  std::string text = style.Bold(OneLine(record.number())) + "  " +
                     OneLine(language.Status(record.status())) + "  " +
                     style.Dim(OneLine(record.id())) + "\n\n";
  text += RenderFacts(CaseFacts(record, chinese), "  ");
  const std::string times = RenderFacts(CaseTimes(record, chinese), "  ");
  if (!times.empty()) text += Heading(style, word("Times", "时间")) + times;
  text += Paragraph(style, word("Customer's request", "客户诉求"), record.customer_request());
  text += Paragraph(style, word("Action taken", "处理措施"), record.action_taken());
  text += RenderPlan(record, chinese, style, width);
  text += RenderClocks(record, chinese, style, width);
  text += RenderAttempts(record, chinese, style, width);
  text += RenderCommitments(record, chinese, style, width);
  text += RenderVerdicts(record, chinese, style, width);
  text += RenderFindings(record, chinese, style, width);
  text += RenderCaseRemedies(record, chinese, style, width);
  text += RenderRestrictions(record, chinese, style, width);
  text += RenderReachability(record, chinese, style);
  text += RenderDispatching(record, chinese, style, width);
  text += RenderResurvey(record, chinese, style);
  if (record.allowed_commands_size() > 0) text += "\n" + AllowedNow(record, chinese);
  return text;
}

std::string RenderTimeline(const std::vector<v1::CaseEvent>& events, const Language& language,
                           const Style& style, int width) {
  const Word word{language.chinese};
  std::vector<std::vector<std::string>> rows;
  for (const v1::CaseEvent& event : events) {
    std::map<std::string, std::string> details(event.details().begin(), event.details().end());
    std::string text;
    for (const auto& [key, value] : details) {
      text += (text.empty() ? "" : " ") + DetailWord(event.type(), key, value, language.chinese);
    }
    if (!event.note().empty()) text += (text.empty() ? "" : "  ") + event.note();
    rows.push_back({TimeOr(event.has_occur_time(), event.occur_time()),
                    EventWord(event.type(), language.chinese), language.Status(event.status()),
                    event.actor(), text});
  }
  return TablePart(style, word("Timeline", "经过"),
                   {{word("when", "时间")},
                    {word("what", "事项")},
                    {word("status", "状态")},
                    {word("who", "操作人")},
                    {word("details", "详情")}},
                   rows, width);
}

void CaseNames::Name(std::string* id) {
  if (id->empty() || session_.format != Format::kTable) return;
  const auto [known, is_new] = names_.try_emplace(*id, *id);
  if (is_new && asks_ && names_.size() <= kMost) {
    v1::GetCaseRequest request;
    request.set_case_id(*id);
    v1::GetCaseResponse reply;
    const grpc::Status status = session_.Try(&CaseService::Stub::GetCase, request, &reply);
    if (status.ok()) known->second = reply.case_().number();
    asks_ = status.ok() || status.error_code() == grpc::StatusCode::NOT_FOUND;
  }
  *id = known->second;
}

std::string RenderCaseChange(const v1::Case& record, bool replayed, bool chinese,
                             const Style& style) {
  const google::protobuf::Timestamp* due = EarliestDue(record);
  const std::string number = style.Bold(OneLine(record.number()));
  const std::string status = OneLine(record.status());
  const std::string owner = OneLine(record.owner());
  std::string text;
  if (chinese) {
    text = fmt::format("{}：状态 {}，{}", number, status,
                       owner.empty() ? "无处理人" : "处理人 " + owner);
    if (due != nullptr) text += "，下次到期 " + FormatTimeSeconds(*due);
    text += "。\n";
    if (replayed) text += "此请求以前已执行，没有改动。\n";
  } else {
    text = fmt::format("{} is {}, {}", number, status,
                       owner.empty() ? "without an owner" : "owned by " + owner);
    if (due != nullptr) text += ", next due " + FormatTimeSeconds(*due);
    text += ".\n";
    if (replayed) text += "This request had been done before; nothing changed.\n";
  }
  if (!record.etag().empty()) text += "etag " + OneLine(record.etag()) + "\n";
  if (record.allowed_commands_size() > 0) text += AllowedNow(record, chinese);
  return text;
}

void AddCaseCommands(CLI::App& app, Session& session) {
  CLI::App* cases = app.add_subcommand("cases", "Work cases");
  cases->require_subcommand(1);
  AddCaseList(*cases, session);
  AddCaseShow(*cases, session);
  AddNext(*cases, session);
  AddOpen(*cases, session);
  AddAssign(*cases, session);
  AddAttempt(*cases, session);
  AddCommit(*cases, session);
  AddRemedy(*cases, session);
  AddRemedyOptions(*cases, session);
  AddResolve(*cases, session);
  AddClose(*cases, session);
  AddReopen(*cases, session);
  AddDispatchVerbs(*cases, session);
  AddMergingVerbs(*cases, session);
  AddRulingVerbs(*cases, session);
  AddCaseUnmask(*cases, session);
}

}  // namespace rebound::cli
