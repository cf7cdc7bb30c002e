#include "clients/cli/responses.h"

#include <fmt/format.h>

#include <map>

#include "clients/cli/commands.h"
#include "clients/cli/options.h"
#include "rebound/v1/response_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using v1::ResponseService;

std::string ScoreText(const v1::Response& response) {
  if (!response.has_score()) return "";
  return std::to_string(response.score());
}

std::string OccurTime(const v1::Response& response) {
  return response.has_occur_time() ? FormatTime(response.occur_time()) : "";
}

std::string Key(const v1::Response& response) {
  return response.has_external_key() ? FormatKey(response.external_key()) : "";
}

std::string Effect(const v1::Response& response) {
  const std::string effect = EnumName(response.effect());
  if (response.paired_case_id().empty()) return effect;
  return effect + " case " + response.paired_case_id();
}

struct SubmitOptions {
  v1::SubmitResponseRequest request;
  std::string customer;
  bool contact_requested = false;
  Pairs items;
  Pairs attributes;
};

int Submit(Session& session, SubmitOptions* options) {
  v1::Response* response = options->request.mutable_response();
  response->set_contact_requested(options->contact_requested);
  if (const std::optional<v1::ExternalKey> key = ReadKey(options->customer)) {
    *response->mutable_customer_key() = *key;
  } else {
    response->set_customer_id(options->customer);
  }
  for (const auto& [name, value] : options->items) {
    std::string reason;
    const std::optional<int64_t> score = ParseInteger(value, &reason);
    if (!score) return session.Fail(kExitUsage, "--item " + name + ": " + reason);
    v1::ScoredItem* item = response->add_items();
    item->set_key(name);
    item->set_score(*score);
  }
  for (const auto& [name, value] : options->attributes) {
    (*response->mutable_attributes())[name] = value;
  }
  FillRequestId(options->request.mutable_request_id());
  v1::SubmitResponseResponse reply;
  const int code = session.Call(&ResponseService::Stub::SubmitResponse, options->request, &reply);
  if (code != kExitOk) return code;
  const std::string first = reply.replayed() ? "This answer had been stored before.\n\n" : "";
  PrintRecord(session, reply, reply.response(), ResponseColumns(),
              first + RenderResponse(reply.response(), session.style));
  return kExitOk;
}

void AddSubmit(CLI::App& responses, Session& session) {
  auto options = std::make_shared<SubmitOptions>();
  v1::Response* response = options->request.mutable_response();
  CLI::App* submit = responses.add_subcommand("submit", "Store one answer");
  const auto text = [submit](const std::string& name, std::string* target,
                             const std::string& help) {
    return submit->add_option(name, *target, help)->type_name("TEXT");
  };
  text("--program", response->mutable_program_id(), "The survey program")
      ->required()
      ->type_name("PROGRAM");
  AddInteger(
      submit, "--score", [response](int64_t score) { response->set_score(score); },
      "The score, a whole number on the program's scale")
      ->required();
  submit
      ->add_option("--customer", options->customer,
                   "Who answered; a new key makes a new customer; else the answer is anonymous")
      ->type_name("ID|SOURCE:KEY");
  AddKey(
      submit, "--key", [response] { return response->mutable_external_key(); },
      "The survey system's key of this answer");
  text("--reason", response->mutable_reason(), "Why this score");
  text("--suggestion", response->mutable_suggestion(), "What the customer suggests");
  text("--touchpoint", response->mutable_touchpoint(), "Where in the journey: channel/hotline");
  text("--org-unit", response->mutable_org_unit_id(), "Who is responsible: province/city/store");
  text("--channel", response->mutable_survey_channel(), "How it was given: web, paper, ...");
  text("--language", response->mutable_language(), "Of the questionnaire, for example zh");
  text("--account", response->mutable_account_id(), "The account the customer speaks for");
  text("--role", response->mutable_respondent_role(), "The customer's role in that account");
  text("--order", response->mutable_order_reference(), "The order, stay or ticket concerned");
  text("--invitation", response->mutable_invitation_id(), "The re-survey invitation it answers")
      ->type_name("ID");
  text("--case", response->mutable_case_id(), "The case it answers")->type_name("ID");
  AddTime(
      submit, "--at", [response] { return response->mutable_occur_time(); },
      "When the customer answered; else now");
  submit->add_flag("--contact-requested", options->contact_requested,
                   "The customer asked to be contacted");
  AddPairs(submit, "--item", &options->items, "A further scored question, for example ease=4");
  AddPairs(submit, "--attribute", &options->attributes, "A free attribute");
  AddRequestId(submit, options->request.mutable_request_id());
  submit->footer(
      "Example:\n  rebound responses submit --program hotline --customer crm:88 --score 3 "
      "--reason \"Waited too long\"");
  submit->callback([options, &session] {
    session.command = [options, &session] { return Submit(session, options.get()); };
  });
}

void AddResponseList(CLI::App& responses, Session& session) {
  struct Options {
    v1::ListResponsesRequest request;
    Paging paging;
  };
  auto options = std::make_shared<Options>();
  CLI::App* list = responses.add_subcommand("list", "List answers, the newest first");
  list->add_option("--filter", *options->request.mutable_filter(), "Only those that match")
      ->type_name("FILTER");
  AddPaging(list, &options->paging);
  list->footer(
      "Example:\n  rebound responses list --filter 'program = \"hotline\" AND score <= 6'");
  list->callback([options, &session] {
    session.command = [options, &session] {
      return PrintPages<v1::Response>(
          session, options->paging, &ResponseService::Stub::ListResponses, options->request,
          ResponseColumns(),
          [](const v1::ListResponsesResponse& reply) -> const auto& { return reply.responses(); },
          "No answers.");
    };
  });
}

void AddResponseShow(CLI::App& responses, Session& session) {
  auto request = std::make_shared<v1::GetResponseRequest>();
  CLI::App* show = responses.add_subcommand("show", "Show one answer");
  show->add_option("response", *request->mutable_response_id(), "The answer's id")
      ->required()
      ->type_name("ID");
  show->callback([request, &session] {
    session.command = [request, &session]() -> int {
      v1::GetResponseResponse reply;
      const int code = session.Call(&ResponseService::Stub::GetResponse, *request, &reply);
      if (code != kExitOk) return code;
      PrintRecord(session, reply, reply.response(), ResponseColumns(),
                  RenderResponse(reply.response(), session.style));
      return kExitOk;
    };
  });
}

}  // namespace

std::vector<Column<v1::Response>> ResponseColumns() {
  using Record = const v1::Response&;
  return {
      {"occur_time", "", Align::kLeft, [](Record r) { return OccurTime(r); }},
      {"", "answered (UTC)", Align::kRight,
       [](Record r) { return r.has_occur_time() ? FormatTimeShort(r.occur_time()) : ""; }},
      {"id", "", Align::kLeft, [](Record r) { return r.id(); }},
      {"program", "program", Align::kLeft, [](Record r) { return r.program_id(); }},
      {"score", "score", Align::kRight, [](Record r) { return ScoreText(r); }},
      {"category", "category", Align::kLeft, [](Record r) { return EnumName(r.category()); }},
      {"customer", "customer", Align::kLeft, [](Record r) { return r.customer_id(); }},
      {"key", "", Align::kLeft, [](Record r) { return Key(r); }},
      {"touchpoint", "touchpoint", Align::kLeft, [](Record r) { return r.touchpoint(); }},
      {"org_unit", "", Align::kLeft, [](Record r) { return r.org_unit_id(); }},
      {"channel", "", Align::kLeft, [](Record r) { return r.survey_channel(); }},
      {"language", "", Align::kLeft, [](Record r) { return r.language(); }},
      {"effect", "effect", Align::kLeft, [](Record r) { return EnumName(r.effect()); }},
      {"case", "case", Align::kLeft, [](Record r) { return r.paired_case_id(); }},
      {"reason", "", Align::kLeft, [](Record r) { return r.reason(); }},
  };
}

std::string RenderResponse(const v1::Response& response, const Style& style) {
  std::string items;
  for (const v1::ScoredItem& item : response.items()) {
    items += fmt::format("{}{} {}", items.empty() ? "" : "\n", item.key(),
                         item.has_score() ? std::to_string(item.score()) : "-");
  }
  std::string attributes;
  const std::map<std::string, std::string> sorted(response.attributes().begin(),
                                                  response.attributes().end());
  for (const auto& [name, value] : sorted) {
    attributes += fmt::format("{}{}={}", attributes.empty() ? "" : "\n", name, value);
  }
  std::string follow_ups;
  for (const v1::FollowUp& follow_up : response.follow_ups()) {
    follow_ups += fmt::format("{}{}: {}", follow_ups.empty() ? "" : "\n", follow_up.question(),
                              follow_up.answer());
  }
  const std::string category = EnumName(response.category());
  return style.Bold(fmt::format("Score {}", ScoreText(response))) +
         (category.empty() ? "" : "  " + category) + "  " + style.Dim(OneLine(response.id())) +
         "\n\n" +
         RenderFacts(
             {
                 {"program", response.program_id()},
                 {"customer",
                  response.customer_id().empty() ? "anonymous" : response.customer_id()},
                 {"key", Key(response)},
                 {"answered",
                  response.has_occur_time() ? FormatTimeSeconds(response.occur_time()) : ""},
                 {"stored",
                  response.has_record_time() ? FormatTimeSeconds(response.record_time()) : ""},
                 {"effect", Effect(response)},
                 {"corrected to",
                  response.has_corrected_score() ? std::to_string(response.corrected_score()) : ""},
                 {"touchpoint", response.touchpoint()},
                 {"org unit", response.org_unit_id()},
                 {"channel", response.survey_channel()},
                 {"language", response.language()},
                 {"account", response.account_id()},
                 {"role", response.respondent_role()},
                 {"order", response.order_reference()},
                 {"invitation", response.invitation_id()},
                 {"contact", response.contact_requested() ? "requested" : ""},
                 {"imported", response.history() ? "as history" : ""},
                 {"reason", response.reason()},
                 {"suggestion", response.suggestion()},
                 {"items", items},
                 {"follow-ups", follow_ups},
                 {"attributes", attributes},
             },
             "  ");
}

void AddResponseCommands(CLI::App& app, Session& session) {
  CLI::App* responses = app.add_subcommand("responses", "Store answers and look at them");
  responses->require_subcommand(1);
  AddSubmit(*responses, session);
  AddResponseList(*responses, session);
  AddResponseShow(*responses, session);
}

}  // namespace rebound::cli
