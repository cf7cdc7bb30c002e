#include "clients/cli/cases.h"

#include <fmt/format.h>

#include "clients/cli/clocks.h"
#include "clients/cli/commands.h"
#include "clients/cli/customers.h"
#include "clients/cli/verbs.h"

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

std::string Score(const v1::Case& record) {
  if (!record.has_score()) return "";
  return fmt::format("{} ({})", record.score(), EnumName(record.category()));
}

std::string TimeOr(bool present, const google::protobuf::Timestamp& time) {
  return present ? FormatTimeSeconds(time) : "";
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

std::string Times(int64_t count) {
  if (count == 0) return "";
  return count == 1 ? "once" : fmt::format("{} times", count);
}

std::string Paragraph(const Style& style, std::string_view title, const std::string& text) {
  if (text.empty()) return "";
  return Heading(style, title) + IndentLines(text, "  ");
}

Facts CaseFacts(const v1::Case& record) {
  std::string links;
  for (const v1::CaseLink& link : record.links()) {
    links += fmt::format("{}{} ({})", links.empty() ? "" : ", ", link.case_id(), link.kind());
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
          : fmt::format("{} v{}{}", record.playbook().playbook_id(), record.playbook().version(),
                        record.playbook().matched_condition().empty()
                            ? ""
                            : ", because " + record.playbook().matched_condition());
  const std::string accepts = !record.has_customer_accepts() ? ""
                              : record.customer_accepts()    ? "yes"
                                                             : "no";
  return {
      {"program", record.program_id()},
      {"customer", record.customer_id()},
      {"account", JoinPhrases({record.account_id(), record.respondent_role()})},
      {"score", Score(record)},
      {"opened by", EnumName(record.origin())},
      {"touchpoint", record.touchpoint()},
      {"org unit", record.org_unit_id()},
      {"queue", record.queue_id()},
      {"owner", record.owner()},
      {"first receiver",
       JoinPhrases({record.first_receiver(),
                    TimeOr(record.has_first_receive_time(), record.first_receive_time())})},
      {"severity", record.severity() == 0 ? "" : std::to_string(record.severity())},
      {"priority", record.priority()},
      {"escalated", record.escalation_level() == 0
                        ? ""
                        : fmt::format("{} level{} up", record.escalation_level(),
                                      record.escalation_level() == 1 ? "" : "s")},
      {"returned", Times(record.return_count())},
      {"chased", Times(record.chases_size())},
      {"emotion", EnumName(record.emotion())},
      {"value at risk", MoneyOr(record.has_value_at_risk(), record.value_at_risk())},
      {"playbook", playbook},
      {"arm", record.arm() == v1::ARM_TREATED ? "" : EnumName(record.arm())},
      {"order", record.order_reference()},
      {"CRM", record.crm_reference()},
      {"external key", record.has_external_key() ? FormatKey(record.external_key()) : ""},
      {"authority",
       JoinPhrases(
           {authority.authority(), authority.reference(),
            authority.has_due_time() ? "due " + FormatTimeSeconds(authority.due_time()) : ""})},
      {"contact", JoinPhrases({record.contact_person(), EnumName(record.preferred_channel()),
                               record.preferred_time(), record.language()})},
      {"topics", JoinTexts(record.topics())},
      {"root cause", record.root_cause()},
      {"responsible", JoinPhrases({record.responsible_unit_id(), record.responsible_person(),
                                   EnumName(record.liability())})},
      {"handling", EnumName(record.handling_result())},
      {"customer accepts", accepts},
      {"re-survey",
       JoinPhrases({EnumName(record.resurvey_result()), EnumName(record.not_asked_reason())})},
      {"reopened", Times(record.reopen_count())},
      {"merged into", record.merged_into()},
      {"links", links},
      {"attachments", attachments},
      {"imported", record.history() ? "as history" : ""},
      {"revision", record.revision() == 0 ? "" : std::to_string(record.revision())},
  };
}

Facts CaseTimes(const v1::Case& record) {
  return {
      {"opened", TimeOr(record.has_open_time(), record.open_time())},
      {"contacted", TimeOr(record.has_contact_time(), record.contact_time())},
      {"remedied", TimeOr(record.has_remedy_time(), record.remedy_time())},
      {"resolved", TimeOr(record.has_resolve_time(), record.resolve_time())},
      {"asked again", TimeOr(record.has_ask_time(), record.ask_time())},
      {"recovered", TimeOr(record.has_recover_time(), record.recover_time())},
      {"converted", TimeOr(record.has_convert_time(), record.convert_time())},
      {"closed", TimeOr(record.has_close_time(), record.close_time())},
  };
}

std::string RenderAttempts(const v1::Case& record, const Style& style, int width) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::Attempt& attempt : record.attempts()) {
    rows.push_back({TimeOr(attempt.has_occur_time(), attempt.occur_time()),
                    EnumName(attempt.channel()),
                    attempt.direction() == v1::DIRECTION_INBOUND ? "in" : "out",
                    EnumName(attempt.outcome()), attempt.actor(), attempt.note()});
  }
  return TablePart(style, "Attempts",
                   {{"when"}, {"channel"}, {"way"}, {"outcome"}, {"who"}, {"note"}}, rows, width);
}

std::string RenderCommitments(const v1::Case& record, const Style& style, int width) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::Commitment& commitment : record.commitments()) {
    rows.push_back({TimeOr(commitment.has_due_time(), commitment.due_time()),
                    EnumName(commitment.state()), commitment.actor(), commitment.promise()});
  }
  return TablePart(style, "Commitments", {{"due"}, {"state"}, {"who"}, {"promise"}}, rows, width);
}

std::string RenderRemedies(const v1::Case& record, const Style& style, int width) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::Remedy& remedy : record.remedies()) {
    rows.push_back({remedy.id(), EnumName(remedy.kind()), EnumName(remedy.state()),
                    MoneyOr(remedy.has_amount(), remedy.amount()),
                    remedy.statutory() ? "statutory" : "", remedy.actor(), remedy.note()});
  }
  return TablePart(
      style, "Remedies",
      {{"id"}, {"kind"}, {"state"}, {"amount", Align::kRight}, {""}, {"who"}, {"note"}}, rows,
      width);
}

std::string Answer(const v1::ResurveyAnswer& answer) {
  return fmt::format("{} ({}) {}", answer.score(), EnumName(answer.category()),
                     TimeOr(answer.has_occur_time(), answer.occur_time()));
}

std::string RenderResurvey(const v1::Case& record, const Style& style) {
  if (!record.has_resurvey()) return "";
  const v1::Resurvey& resurvey = record.resurvey();
  const std::string lines = RenderFacts(
      {
          {"invitation", resurvey.invitation_id()},
          {"asked", TimeOr(resurvey.has_ask_time(), resurvey.ask_time())},
          {"open until", TimeOr(resurvey.has_expire_time(), resurvey.expire_time())},
          {"first answer", resurvey.has_first_answer() ? Answer(resurvey.first_answer()) : ""},
          {"last answer", resurvey.answer_count() > 1 ? Answer(resurvey.last_answer()) : ""},
          {"answers", resurvey.answer_count() > 0 ? std::to_string(resurvey.answer_count()) : ""},
      },
      "  ");
  return lines.empty() ? "" : Heading(style, "Re-survey") + lines;
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

void AddList(CLI::App& cases, Session& session) {
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

void AddShow(CLI::App& cases, Session& session) {
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
      PrintRecord(session, reply, reply.case_(), CaseColumns(),
                  RenderCase(reply.case_(), session.chinese, session.style, session.out_width) +
                      RenderTimeline({events.events().begin(), events.events().end()},
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
      const std::string why = reply.rank_explanation().empty()
                                  ? ""
                                  : "Yours now: " + OneLine(reply.rank_explanation()) + "\n\n";
      PrintRecord(
          session, reply, reply.case_(), CaseColumns(),
          why + RenderCase(reply.case_(), session.chinese, session.style, session.out_width));
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
  AddRequestId(open, options->request.mutable_request_id());
  open->callback([options, &session] {
    session.command = [options, &session]() -> int {
      v1::Case* opened = options->request.mutable_case_();
      opened->set_severity(static_cast<int32_t>(options->severity));
      opened->set_emotion(options->emotion);
      opened->set_preferred_channel(options->channel);
      if (options->complaint) opened->set_origin(v1::CASE_ORIGIN_COMPLAINT);
      if (!options->customer.empty()) {
        const int code = FindCustomer(session, options->customer, opened->mutable_customer_id());
        if (code != kExitOk) return code;
      }
      return ChangeCase(session, &CaseService::Stub::OpenCase, &options->request);
    };
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
  AddEtag(assign, request.mutable_etag());
  AddRequestId(assign, request.mutable_request_id());
  assign->callback([options, &session] {
    session.command = [options, &session] {
      return ChangeCase(session, &CaseService::Stub::AssignCase, &options->request);
    };
  });
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
  AddEtag(verb, request.mutable_etag());
  AddRequestId(verb, request.mutable_request_id());
  verb->callback([options, &session] {
    session.command = [options, &session] {
      v1::Attempt* logged = options->request.mutable_attempt();
      logged->set_channel(options->channel);
      logged->set_outcome(options->outcome);
      logged->set_direction(options->inbound ? v1::DIRECTION_INBOUND : v1::DIRECTION_OUTBOUND);
      return ChangeCase(session, &CaseService::Stub::LogAttempt, &options->request);
    };
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
  AddEtag(commit, request->mutable_etag());
  AddRequestId(commit, request->mutable_request_id());
  commit->callback([request, &session] {
    session.command = [request, &session] {
      return ChangeCase(session, &CaseService::Stub::MakeCommitment, request.get());
    };
  });
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
                           "remedy C-1042 --kind voucher --state offered --amount \"CNY 20.00\"");
  AddEnum(verb, "--kind", &options->kind, "What kind")->required();
  AddEnum(verb, "--state", &options->state, "How far it has come")->required();
  AddMoney(
      verb, "--amount", [remedy] { return remedy->mutable_amount(); },
      "Its value, for example \"CNY 20.00\"");
  verb->add_option("--id", *remedy->mutable_id(), "The earlier remedy to move on")->type_name("ID");
  verb->add_flag("--statutory", options->statutory, "It is owed by law");
  AddNote(verb, remedy->mutable_note());
  AddEtag(verb, request.mutable_etag());
  AddRequestId(verb, request.mutable_request_id());
  verb->callback([options, &session] {
    session.command = [options, &session] {
      v1::Remedy* recorded = options->request.mutable_remedy();
      recorded->set_kind(options->kind);
      recorded->set_state(options->state);
      recorded->set_statutory(options->statutory);
      return ChangeCase(session, &CaseService::Stub::RemedyCase, &options->request);
    };
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
                              "resolve C-1042 --result resolved --root-cause billing "
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
  AddEtag(resolve, request.mutable_etag());
  AddRequestId(resolve, request.mutable_request_id());
  resolve->callback([options, &session] {
    session.command = [options, &session] {
      options->request.set_handling_result(options->result);
      if (!options->accepts.empty()) {
        options->request.set_customer_accepts(options->accepts == "yes");
      }
      return ChangeCase(session, &CaseService::Stub::ResolveCase, &options->request);
    };
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
  AddSeenEtag(close, request.mutable_etag());
  AddNote(close, request.mutable_note());
  close->add_flag("--declined", options->declined, "The customer was asked again and declined");
  AddRequestId(close, request.mutable_request_id());
  close->callback([options, &session] {
    session.command = [options, &session]() -> int {
      options->request.set_customer_declined(options->declined);
      return ChangeSeen(session, &CaseService::Stub::CloseCase, &options->request);
    };
  });
}

void AddReopen(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::ReopenCaseRequest>();
  CLI::App* reopen =
      AddVerb(cases, "reopen", "Open a closed or resolved case again", request->mutable_case_id(),
              "reopen C-1042 --note \"The fee was taken again\"");
  reopen->add_option("--note", *request->mutable_note(), "Why")->required()->type_name("TEXT");
  AddEtag(reopen, request->mutable_etag());
  AddRequestId(reopen, request->mutable_request_id());
  reopen->callback([request, &session] {
    session.command = [request, &session] {
      return ChangeCase(session, &CaseService::Stub::ReopenCase, request.get());
    };
  });
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

std::string RenderCase(const v1::Case& record, bool chinese, const Style& style, int width) {
  std::string text = style.Bold(OneLine(record.number())) + "  " + OneLine(record.status()) + "  " +
                     style.Dim(OneLine(record.id())) + "\n\n";
  text += RenderFacts(CaseFacts(record), "  ");
  const std::string times = RenderFacts(CaseTimes(record), "  ");
  if (!times.empty()) text += Heading(style, "Times") + times;
  text += Paragraph(style, "Customer's request", record.customer_request());
  text += Paragraph(style, "Action taken", record.action_taken());
  text += RenderClocks(record, chinese, style, width);
  text += RenderAttempts(record, style, width);
  text += RenderCommitments(record, style, width);
  text += RenderRemedies(record, style, width);
  text += RenderDispatching(record, chinese, style, width);
  text += RenderResurvey(record, style);
  if (record.allowed_commands_size() > 0) {
    text += "\nAllowed now: " + OneLine(JoinTexts(record.allowed_commands())) + "\n";
  }
  return text;
}

std::string RenderTimeline(const std::vector<v1::CaseEvent>& events, const Style& style,
                           int width) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::CaseEvent& event : events) {
    std::map<std::string, std::string> details(event.details().begin(), event.details().end());
    std::string text;
    for (const auto& [key, value] : details) {
      text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, value);
    }
    if (!event.note().empty()) text += (text.empty() ? "" : "  ") + event.note();
    rows.push_back({TimeOr(event.has_occur_time(), event.occur_time()), event.type(),
                    event.status(), event.actor(), text});
  }
  return TablePart(style, "Timeline", {{"when"}, {"what"}, {"status"}, {"who"}, {"details"}}, rows,
                   width);
}

std::string RenderCaseChange(const v1::Case& record, bool replayed, const Style& style) {
  const google::protobuf::Timestamp* due = EarliestDue(record);
  std::string text = fmt::format(
      "{} is {}, {}", style.Bold(OneLine(record.number())), OneLine(record.status()),
      record.owner().empty() ? "without an owner" : "owned by " + OneLine(record.owner()));
  if (due != nullptr) text += ", next due " + FormatTimeSeconds(*due);
  text += ".\n";
  if (replayed) text += "This request had been done before; nothing changed.\n";
  if (!record.etag().empty()) text += "etag " + OneLine(record.etag()) + "\n";
  if (record.allowed_commands_size() > 0) {
    text += "Allowed now: " + OneLine(JoinTexts(record.allowed_commands())) + "\n";
  }
  return text;
}

void AddCaseCommands(CLI::App& app, Session& session) {
  CLI::App* cases = app.add_subcommand("cases", "Work cases");
  cases->require_subcommand(1);
  AddList(*cases, session);
  AddShow(*cases, session);
  AddNext(*cases, session);
  AddOpen(*cases, session);
  AddAssign(*cases, session);
  AddAttempt(*cases, session);
  AddCommit(*cases, session);
  AddRemedy(*cases, session);
  AddResolve(*cases, session);
  AddClose(*cases, session);
  AddReopen(*cases, session);
  AddDispatchVerbs(*cases, session);
}

}  // namespace rebound::cli
