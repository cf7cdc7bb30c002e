#include "clients/cli/verbs.h"

#include <fmt/format.h>

namespace rebound::cli {
namespace {

using v1::CaseService;

void AddReason(CLI::App* verb, std::string* reason, bool required) {
  verb->add_option("--reason", *reason, "Why: a key of the configuration's list")
      ->required(required)
      ->type_name("KEY");
}

void AddDispatch(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::DispatchCaseRequest>();
  CLI::App* verb =
      AddVerb(cases, "dispatch", "Send a case to an owner, a queue or an org unit",
              request->mutable_case_id(), "dispatch C-1042 --org-unit guangdong/shenzhen");
  verb->add_option("--owner", *request->mutable_owner(), "Who is to handle it")->type_name("NAME");
  verb->add_option("--queue", *request->mutable_queue_id(), "Move it to this queue")
      ->type_name("QUEUE");
  verb->add_option("--org-unit", *request->mutable_org_unit_id(), "Who is responsible from now on")
      ->type_name("UNIT");
  AddNote(verb, request->mutable_note());
  Send(verb, session, request, &CaseService::Stub::DispatchCase);
}

void AddAccept(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::AcceptCaseRequest>();
  CLI::App* verb = AddVerb(cases, "accept", "Take on a case that was dispatched",
                           request->mutable_case_id(), "accept C-1042");
  Send(verb, session, request, &CaseService::Stub::AcceptCase);
}

void AddReturn(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::ReturnCaseRequest>();
  CLI::App* verb = AddVerb(cases, "return", "Send a dispatched case back",
                           request->mutable_case_id(), "return C-1042 --reason wrong-unit");
  AddReason(verb, request->mutable_reason(), true);
  verb->add_option("--queue", *request->mutable_queue_id(), "To this queue; else the program's")
      ->type_name("QUEUE");
  AddNote(verb, request->mutable_note());
  Send(verb, session, request, &CaseService::Stub::ReturnCase);
}

void AddSettle(CLI::App& cases, Session& session) {
  struct Options {
    v1::SettleCommitmentRequest request;
    bool kept = false;
    bool broken = false;
  };
  auto options = std::make_shared<Options>();
  v1::SettleCommitmentRequest& request = options->request;
  CLI::App* verb = AddVerb(cases, "settle", "Say whether a promise was kept",
                           request.mutable_case_id(), "settle C-1042 --kept");
  verb->add_option("--id", *request.mutable_commitment_id(),
                   "The commitment; may be left out if only one is open")
      ->type_name("ID");
  CLI::App* which = verb->add_option_group("state", "One of");
  which->add_flag("--kept", options->kept, "It was kept");
  which->add_flag("--broken", options->broken, "It was broken");
  which->require_option(1);
  AddNote(verb, request.mutable_note());
  Send(verb, session, options, &CaseService::Stub::SettleCommitment, [options, &session]() -> int {
    v1::SettleCommitmentRequest& settle = options->request;
    settle.set_state(options->kept ? v1::COMMITMENT_STATE_KEPT : v1::COMMITMENT_STATE_BROKEN);
    if (settle.commitment_id().empty()) {
      v1::Case seen;
      if (const int code = ReadCase(session, settle.case_id(), &seen); code != kExitOk) return code;
      int open = 0;
      for (const v1::Commitment& commitment : seen.commitments()) {
        if (commitment.state() != v1::COMMITMENT_STATE_PENDING) continue;
        ++open;
        settle.set_commitment_id(commitment.id());
      }
      if (open != 1) {
        return session.Fail(
            kExitUsage,
            fmt::format("expected one open commitment, but the case has {}; name it with --id",
                        open));
      }
    }
    return kExitOk;
  });
}

void AddPause(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::PauseCaseRequest>();
  CLI::App* verb =
      AddVerb(cases, "pause", "Let the clocks of a case stand still", request->mutable_case_id(),
              "pause C-1042 --reason waiting-for-customer");
  AddReason(verb, request->mutable_reason(), true);
  AddNote(verb, request->mutable_note());
  Send(verb, session, request, &CaseService::Stub::PauseCase);
}

void AddResume(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::ResumeCaseRequest>();
  CLI::App* verb = AddVerb(cases, "resume", "Let the clocks of a paused case go on",
                           request->mutable_case_id(), "resume C-1042");
  Send(verb, session, request, &CaseService::Stub::ResumeCase);
}

void AddChase(CLI::App& cases, Session& session) {
  struct Options {
    v1::ChaseCaseRequest request;
    v1::Channel channel = v1::CHANNEL_UNSPECIFIED;
  };
  auto options = std::make_shared<Options>();
  v1::ChaseCaseRequest& request = options->request;
  CLI::App* verb = AddVerb(cases, "chase", "The customer asked where it stays; ends a pause",
                           request.mutable_case_id(), "chase C-1042 --channel phone");
  AddEnum(verb, "--channel", &options->channel, "How the customer came")->required();
  AddNote(verb, request.mutable_note());
  Send(verb, session, options, &CaseService::Stub::ChaseCase,
       [options] { options->request.set_channel(options->channel); });
}

void AddSupervise(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::SuperviseCaseRequest>();
  CLI::App* verb =
      AddVerb(cases, "supervise", "Watch a case from above", request->mutable_case_id(),
              "supervise C-1042 --note \"Tell me every morning\"");
  verb->add_option("--note", *request->mutable_note(), "What is ordered")
      ->required()
      ->type_name("TEXT");
  Send(verb, session, request, &CaseService::Stub::SuperviseCase);
}

void AddAcknowledge(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::AcknowledgeAlertRequest>();
  CLI::App* verb =
      AddVerb(cases, "acknowledge", "Say that an alert was seen; without --alert every one",
              request->mutable_case_id(), "acknowledge C-1042 --note \"Calling her now\"");
  verb->add_option("--alert", *request->mutable_alert_id(), "The alert")->type_name("ID");
  AddNote(verb, request->mutable_note());
  Send(verb, session, request, &CaseService::Stub::AcknowledgeAlert);
}

void AddBegin(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::BeginCaseRequest>();
  CLI::App* verb = AddVerb(cases, "begin", "Handle a case that was held back for comparison",
                           request->mutable_case_id(), "begin C-1042 --note \"She called us\"");
  verb->add_option("--note", *request->mutable_note(), "Why")->required()->type_name("TEXT");
  Send(verb, session, request, &CaseService::Stub::BeginCase);
}

void AddStep(CLI::App& cases, Session& session) {
  struct Options {
    v1::CompleteStepRequest request;
    bool done = false;
    bool failed = false;
    bool skip = false;
  };
  auto options = std::make_shared<Options>();
  v1::CompleteStepRequest& request = options->request;
  CLI::App* verb =
      AddVerb(cases, "step", "End the active step of the plan", request.mutable_case_id(),
              "step C-1042 check-bill --done --result wrong");
  verb->add_option("step", *request.mutable_step_id(), "The step: its key in the playbook")
      ->required()
      ->type_name("STEP");
  CLI::App* which = verb->add_option_group("state", "One of");
  which->add_flag("--done", options->done, "It is done");
  which->add_flag("--failed", options->failed, "It failed");
  which->add_flag("--skip", options->skip, "It is left out; takes a note");
  which->require_option(1);
  verb->add_option("--result", *request.mutable_result(),
                   "What it came to, in a word that the plan may ask for")
      ->type_name("WORD");
  AddNote(verb, request.mutable_note());
  Send(verb, session, options, &CaseService::Stub::CompleteStep, [options] {
    options->request.set_state(options->done     ? v1::STEP_STATE_DONE
                               : options->failed ? v1::STEP_STATE_FAILED
                                                 : v1::STEP_STATE_SKIPPED);
  });
}

void AddAssist(CLI::App& cases, Session& session) {
  struct Options {
    v1::AssistCaseRequest request;
    std::string asked;
    std::string answer;
  };
  auto options = std::make_shared<Options>();
  v1::AssistCaseRequest& request = options->request;
  CLI::App* verb = AddVerb(cases, "assist", "Ask another unit or person for help, or answer",
                           request.mutable_case_id(),
                           "assist C-1042 --to billing --request \"Was it charged twice?\"");
  CLI::Option* to = verb->add_option("--to", *request.mutable_assistant(),
                                     "Who shall help: a person, an org "
                                     "unit or a queue")
                        ->type_name("NAME");
  CLI::Option* id = verb->add_option("--id", *request.mutable_assist_id(), "The request to answer")
                        ->type_name("ID")
                        ->excludes(to);
  CLI::App* text = verb->add_option_group("text", "One of");
  text->add_option("--request", options->asked, "What is asked for")->type_name("TEXT")->needs(to);
  text->add_option("--answer", options->answer, "The answer")->type_name("TEXT")->needs(id);
  text->require_option(1);
  Send(verb, session, options, &CaseService::Stub::AssistCase,
       [options] { options->request.set_text(options->asked + options->answer); });
}

void AddExtend(CLI::App& cases, Session& session) {
  struct Options {
    v1::ExtendCaseRequest request;
    v1::ClockKind clock = v1::CLOCK_KIND_UNSPECIFIED;
  };
  auto options = std::make_shared<Options>();
  v1::ExtendCaseRequest& request = options->request;
  CLI::App* verb = AddVerb(cases, "extend", "Ask for a later deadline", request.mutable_case_id(),
                           "extend C-1042 --clock remedy --by 4h --reason parts");
  AddEnum(verb, "--clock", &options->clock, "Which")->required();
  CLI::App* amount = verb->add_option_group("amount", "One of");
  AddSpan(
      amount, "--by", [&request] { return request.mutable_amount()->mutable_time(); },
      "How much more, of a clock that counts time: 30m, 4h, 2d");
  AddInteger(
      amount, "--days", [&request](int64_t days) { request.mutable_amount()->set_days(days); },
      "How many more days, of a clock that counts days");
  amount->require_option(1);
  AddReason(verb, request.mutable_reason(), true);
  AddNote(verb, request.mutable_note());
  AddInteger(
      verb, "--generation",
      [&request](int64_t n) { request.set_generation(static_cast<int32_t>(n)); },
      "Which of several clocks of the kind; else the running one");
  Send(verb, session, options, &CaseService::Stub::ExtendCase,
       [options] { options->request.set_clock(options->clock); });
}

void AddDecideExtension(CLI::App& cases, Session& session) {
  struct Options {
    v1::DecideExtensionRequest request;
    bool grant = false;
    bool refuse = false;
  };
  auto options = std::make_shared<Options>();
  v1::DecideExtensionRequest& request = options->request;
  CLI::App* verb = AddVerb(cases, "decide-extension",
                           "Grant or refuse an extension that somebody else asked for",
                           request.mutable_case_id(), "decide-extension C-1042 --grant");
  verb->add_option("--id", *request.mutable_extension_id(),
                   "The extension; may be left out if only one waits")
      ->type_name("ID");
  CLI::App* which = verb->add_option_group("decision", "One of");
  which->add_flag("--grant", options->grant, "The deadline moves");
  which->add_flag("--refuse", options->refuse, "The deadline stays");
  which->require_option(1);
  SendSeen(
      verb, session, options, &CaseService::Stub::DecideExtension, [options, &session]() -> int {
        v1::DecideExtensionRequest& decide = options->request;
        decide.set_grant(options->grant);
        if (decide.extension_id().empty()) {
          v1::Case seen;
          if (const int code = ReadCase(session, decide.case_id(), &seen); code != kExitOk)
            return code;
          int waiting = 0;
          for (const v1::Extension& extension : seen.extensions()) {
            if (extension.state() != v1::EXTENSION_STATE_REQUESTED) continue;
            ++waiting;
            decide.set_extension_id(extension.id());
          }
          if (waiting != 1) {
            return session.Fail(
                kExitUsage,
                fmt::format("expected one extension that waits, but the case has {}; name it with "
                            "--id",
                            waiting));
          }
          if (decide.etag().empty()) decide.set_etag(seen.etag());
        }
        return kExitOk;
      });
}

void AddEscalate(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::EscalateCaseRequest>();
  CLI::App* verb =
      AddVerb(cases, "escalate", "Bring a case one level up the org units",
              request->mutable_case_id(), "escalate C-1042 --note \"Needs a goodwill decision\"");
  verb->add_option("--note", *request->mutable_note(), "Why")->required()->type_name("TEXT");
  Send(verb, session, request, &CaseService::Stub::EscalateCase);
}

void AddVerify(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::VerifyCaseRequest>();
  v1::Verification* verification = request->mutable_verification();
  CLI::App* verb = AddVerb(
      cases, "verify", "Record what the customer said when you, not the owner, asked",
      request->mutable_case_id(), "verify C-1042 --contacted yes --solved yes --accepted yes");
  AddYesNo(
      verb, "--contacted", [=](bool yes) { verification->set_contacted(yes); },
      "Were you contacted?")
      ->required();
  AddYesNo(
      verb, "--solved", [=](bool yes) { verification->set_solved(yes); }, "Is it solved?")
      ->required();
  AddYesNo(
      verb, "--accepted", [=](bool yes) { verification->set_accepted(yes); },
      "Do you accept the outcome?")
      ->required();
  AddNote(verb, verification->mutable_note());
  SendSeen(verb, session, request, &CaseService::Stub::VerifyCase);
}

void AddMove(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::MoveCaseRequest>();
  CLI::App* verb = AddVerb(cases, "move", "Move a case to another status by hand",
                           request->mutable_case_id(), "move C-1042 --to contacting");
  verb->add_option("--to", *request->mutable_status(), "Key of the status")
      ->required()
      ->type_name("STATUS");
  AddReason(verb, request->mutable_reason(), false);
  AddNote(verb, request->mutable_note());
  Send(verb, session, request, &CaseService::Stub::MoveCase);
}

void AddWithdraw(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::WithdrawCaseRequest>();
  CLI::App* verb =
      AddVerb(cases, "withdraw", "Close a case because the customer withdrew the complaint",
              request->mutable_case_id(), "withdraw C-1042 --note \"Found the invoice\"");
  verb->add_option("--note", *request->mutable_note(), "What the customer said")
      ->required()
      ->type_name("TEXT");
  SendSeen(verb, session, request, &CaseService::Stub::WithdrawCase);
}

void AddMigrate(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::MigrateCaseRequest>();
  CLI::App* verb = AddVerb(cases, "migrate",
                           "Let a case follow another configuration revision; its clocks keep what "
                           "they have counted",
                           request->mutable_case_id(), "migrate C-1042 --revision 8");
  AddInteger(
      verb, "--revision", [request = request.get()](int64_t n) { request->set_revision(n); },
      "The revision; else the one in force");
  verb->add_option("--status", *request->mutable_status(),
                   "The status it takes there, if its present one does not exist there")
      ->type_name("STATUS");
  SendSeen(verb, session, request, &CaseService::Stub::MigrateCase);
}

}  // namespace

CLI::App* AddVerb(CLI::App& cases, const std::string& name, const std::string& help,
                  std::string* case_id, const std::string& example) {
  CLI::App* verb = cases.add_subcommand(name, help);
  if (case_id != nullptr) {
    verb->add_option("case", *case_id, "The case's number or id, for example C-1042")
        ->required()
        ->type_name("CASE");
  }
  verb->footer("Example:\n  rebound cases " + example);
  return verb;
}

int ReadCase(Session& session, const std::string& case_id, v1::Case* seen) {
  v1::GetCaseRequest request;
  request.set_case_id(case_id);
  v1::GetCaseResponse reply;
  const int code = session.Call(&CaseService::Stub::GetCase, request, &reply);
  if (code == kExitOk) *seen = std::move(*reply.mutable_case_());
  return code;
}

void AddNote(CLI::App* verb, std::string* note) {
  verb->add_option("--note", *note, "Further words")->type_name("TEXT");
}

CLI::Option* AddYesNo(CLI::App* verb, const std::string& name, std::function<void(bool)> take,
                      const std::string& help) {
  return verb
      ->add_option_function<std::string>(
          name, [take = std::move(take)](const std::string& text) { take(text == "yes"); }, help)
      ->check(CLI::IsMember({"yes", "no"}))
      ->type_name("YES|NO");
}

void AddDispatchVerbs(CLI::App& cases, Session& session) {
  AddDispatch(cases, session);
  AddAccept(cases, session);
  AddReturn(cases, session);
  AddSupervise(cases, session);
  AddAcknowledge(cases, session);
  AddBegin(cases, session);
  AddStep(cases, session);
  AddAssist(cases, session);
  AddEscalate(cases, session);
  AddPause(cases, session);
  AddResume(cases, session);
  AddChase(cases, session);
  AddExtend(cases, session);
  AddDecideExtension(cases, session);
  AddSettle(cases, session);
  AddVerify(cases, session);
  AddMove(cases, session);
  AddWithdraw(cases, session);
  AddMigrate(cases, session);
}

}  // namespace rebound::cli
