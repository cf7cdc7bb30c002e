#include <fmt/format.h>

#include "clients/cli/verbs.h"

namespace rebound::cli {
namespace {

using v1::CaseService;

// Each value is one item: an address where there is one in it, else words.
void AddEvidence(CLI::App* verb, google::protobuf::RepeatedPtrField<v1::Evidence>* evidence) {
  verb->add_option_function<std::vector<std::string>>(
          "--evidence",
          [=](const std::vector<std::string>& items) {
            for (const std::string& item : items) {
              v1::Evidence* added = evidence->Add();
              const bool link = item.starts_with("https://") || item.starts_with("http://");
              (link ? added->mutable_uri() : added->mutable_text())->assign(item);
            }
          },
          "What it rests on, a link or words; may be repeated")
      ->type_name("LINK|TEXT");
}

void AddPropose(CLI::App& verdict, Session& session) {
  struct Options {
    v1::ProposeVerdictRequest request;
    v1::VerdictKind kind = v1::VERDICT_KIND_UNSPECIFIED;
  };
  auto options = std::make_shared<Options>();
  v1::ProposeVerdictRequest* request = &options->request;
  CLI::App* verb = AddVerb(verdict, "propose", "Propose a ruling, for somebody else to decide",
                           request->mutable_case_id(),
                           "verdict propose C-1042 --kind invalid --evidence https://crm/call/7");
  AddEnum(verb, "--kind", &options->kind, "What it says")->required();
  AddInteger(
      verb, "--corrected-score", [=](int64_t score) { request->set_corrected_score(score); },
      "Of mis_scored: the score that the customer meant");
  AddEvidence(verb, request->mutable_evidence());
  AddNote(verb, request->mutable_note());
  Send(verb, session, options, &CaseService::Stub::ProposeVerdict,
       [options] { options->request.set_kind(options->kind); });
}

void AddDecide(CLI::App& verdict, Session& session) {
  struct Options {
    v1::DecideVerdictRequest request;
    bool grant = false;
    bool refuse = false;
  };
  auto options = std::make_shared<Options>();
  v1::DecideVerdictRequest& request = options->request;
  CLI::App* verb =
      AddVerb(verdict, "decide", "Grant or refuse a ruling that somebody else proposed",
              request.mutable_case_id(), "verdict decide C-1042 --grant");
  verb->add_option("--id", *request.mutable_verdict_id(), "The ruling; else the one that waits")
      ->type_name("ID");
  CLI::App* which = verb->add_option_group("decision", "One of");
  which->add_flag("--grant", options->grant, "It stands");
  which->add_flag("--refuse", options->refuse, "It does not");
  which->require_option(1);
  AddNote(verb, request.mutable_note());
  SendSeen(verb, session, options, &CaseService::Stub::DecideVerdict, [options, &session]() -> int {
    v1::DecideVerdictRequest& decide = options->request;
    decide.set_grant(options->grant);
    if (decide.verdict_id().empty()) {
      v1::Case seen;
      if (const int code = ReadCase(session, decide.case_id(), &seen); code != kExitOk) return code;
      for (const v1::Verdict& each : seen.verdicts()) {
        if (each.state() == v1::VERDICT_STATE_PROPOSED) decide.set_verdict_id(each.id());
      }
      if (decide.verdict_id().empty()) {
        return session.Fail(kExitUsage, "expected a ruling that waits, but the case has none");
      }
      if (decide.etag().empty()) decide.set_etag(seen.etag());
    }
    return kExitOk;
  });
}

void AddFind(CLI::App& liability, Session& session) {
  struct Options {
    v1::FindLiabilityRequest request;
    v1::Liability liability = v1::LIABILITY_UNSPECIFIED;
  };
  auto options = std::make_shared<Options>();
  v1::FindLiabilityRequest* request = &options->request;
  CLI::App* verb = AddVerb(liability, "find", "Say whose fault it was", request->mutable_case_id(),
                           "liability find C-1042 --liability company --unit guangdong/shenzhen");
  AddEnum(verb, "--liability", &options->liability, "Whose fault")->required();
  verb->add_option("--unit", *request->mutable_unit_id(), "The unit at fault, which may appeal")
      ->type_name("UNIT");
  verb->add_option("--person", *request->mutable_person(), "The person at fault")
      ->type_name("NAME");
  AddNote(verb, request->mutable_note());
  Send(verb, session, options, &CaseService::Stub::FindLiability,
       [options] { options->request.set_liability(options->liability); });
}

void AddAppeal(CLI::App& liability, Session& session) {
  auto request = std::make_shared<v1::AppealLiabilityRequest>();
  CLI::App* verb = AddVerb(liability, "appeal", "Appeal against the finding, for the unit at fault",
                           request->mutable_case_id(),
                           "liability appeal C-1042 --evidence \"Log of 3 May\" --note \"Not us\"");
  AddEvidence(verb, request->mutable_evidence());
  verb->add_option("--note", *request->mutable_note(), "Why")->required()->type_name("TEXT");
  Send(verb, session, request, &CaseService::Stub::AppealLiability);
}

void AddDecideAppeal(CLI::App& liability, Session& session) {
  struct Options {
    v1::DecideAppealRequest request;
    bool uphold = false;
    bool reject = false;
  };
  auto options = std::make_shared<Options>();
  v1::DecideAppealRequest& request = options->request;
  CLI::App* verb =
      AddVerb(liability, "decide", "Decide an appeal that waits", request.mutable_case_id(),
              "liability decide C-1042 --uphold --note \"The log shows it\"");
  CLI::App* which = verb->add_option_group("decision", "One of");
  which->add_flag("--uphold", options->uphold, "The unit is right: the finding falls");
  which->add_flag("--reject", options->reject, "The finding stands");
  which->require_option(1);
  verb->add_option("--note", *request.mutable_note(), "Why")->required()->type_name("TEXT");
  SendSeen(verb, session, options, &CaseService::Stub::DecideAppeal,
           [options] { options->request.set_uphold(options->uphold); });
}

}  // namespace

void AddRulingVerbs(CLI::App& cases, Session& session) {
  CLI::App* verdict = cases.add_subcommand("verdict", "Rulings by two people");
  verdict->require_subcommand(1);
  AddPropose(*verdict, session);
  AddDecide(*verdict, session);
  CLI::App* liability = cases.add_subcommand("liability", "Whose fault it was, and the appeal");
  liability->require_subcommand(1);
  AddFind(*liability, session);
  AddAppeal(*liability, session);
  AddDecideAppeal(*liability, session);
}

}  // namespace rebound::cli
