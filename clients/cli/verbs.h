// What the verbs on one record have in common: arguments, sending, and the record as it is
// afterwards.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "clients/cli/cases.h"
#include "clients/cli/options.h"
#include "rebound/v1/case_service.grpc.pb.h"

namespace rebound::cli {

// A subcommand; with `case_id`, on the case that the first argument names.
CLI::App* AddVerb(CLI::App& cases, const std::string& name, const std::string& help,
                  std::string* case_id, const std::string& example);

void AddNote(CLI::App* verb, std::string* note);

// Reads "yes" or "no".
CLI::Option* AddYesNo(CLI::App* verb, const std::string& name, std::function<void(bool)> take,
                      const std::string& help);

// The verbs of dispatching: dispatch, accept, return, supervise, assist, escalate, pause, resume,
// chase, extend, decide-extension, settle, verify, move, withdraw, migrate.
void AddDispatchVerbs(CLI::App& cases, Session& session);
// Rulings and liability: verdict propose, verdict decide, liability find, appeal, decide.
void AddRulingVerbs(CLI::App& cases, Session& session);

// The case in full; prints the error of a failure and returns its exit code.
int ReadCase(Session& session, const std::string& case_id, v1::Case* seen);

// For people to read: the numbers of cases in place of their ids. Those that the caller may not
// see, and those beyond kMost, keep the id; so does everything where programs read.
class CaseNames {
 public:
  explicit CaseNames(Session& session) : session_(session) {}

  void Name(std::string* id);

 private:
  // A record may name any number of cases; each is asked for by itself.
  static constexpr size_t kMost = 20;

  Session& session_;
  std::map<std::string, std::string> names_;
  bool asks_ = true;
};

// kAlways: the server refuses the verb without an etag, so where the option is not given the record
// is read first.
enum class EtagNeed { kOptional, kAlways };

// What verbs on cases are about; others have the same three members.
struct AboutCase {
  static constexpr const char* kNoun = "case";

  template <class Request>
  static int ReadEtag(Session& session, const Request& request, std::string* etag) {
    v1::Case seen;
    const int code = ReadCase(session, request.case_id(), &seen);
    *etag = seen.etag();
    return code;
  }
  template <class Reply>
  static void Print(Session& session, const Reply& reply) {
    PrintRecord(session, reply, reply.case_(), CaseColumns(),
                RenderCaseChange(reply.case_(), reply.replayed(), session.chinese, session.style));
  }
};

// Gives a verb what all of them have, --request-id and, where its request does, --etag and --lease;
// sends what its options filled in and prints the record as it is afterwards. `options` is the
// request, or has it as `request`. `prepare` runs first: it fills in what options alone do not, and
// may end the command by another exit code than 0.
template <class About, class Stub, class Options, class Request, class Reply, class Prepare>
void SendVerb(CLI::App* verb, Session& session, std::shared_ptr<Options> options,
              grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
              EtagNeed need, Prepare prepare) {
  std::shared_ptr<Request> request;
  if constexpr (std::is_same_v<Options, Request>) {
    request = std::move(options);
  } else {
    request = {options, &options->request};
  }
  if constexpr (requires { request->mutable_etag(); }) {
    const std::string noun = About::kNoun;
    std::string help = "Refuse if the " + noun + " changed since this etag was seen";
    if (need == EtagNeed::kAlways) help += "; else the " + noun + " is read first";
    verb->add_option("--etag", *request->mutable_etag(), help)->type_name("ETAG");
  }
  if constexpr (requires { request->set_lease_number(0); }) {
    verb->add_option_function<int64_t>(
            "--lease",
            [to = request.get()](const int64_t& number) { to->set_lease_number(number); },
            "Only if the case is still under this lease, as it was taken")
        ->type_name("N");
  }
  AddRequestId(verb, request->mutable_request_id());
  const auto send = [=, &session, prepare = std::move(prepare)]() -> int {
    if constexpr (std::is_void_v<decltype(prepare())>) {
      prepare();
    } else if (const int code = prepare(); code != kExitOk) {
      return code;
    }
    if constexpr (requires { request->mutable_etag(); }) {
      if (need == EtagNeed::kAlways && request->etag().empty()) {
        const int code = About::ReadEtag(session, *request, request->mutable_etag());
        if (code != kExitOk) return code;
      }
    }
    FillRequestId(request->mutable_request_id());
    Reply reply;
    if (const int code = session.Call(method, *request, &reply); code != kExitOk) return code;
    About::Print(session, reply);
    return kExitOk;
  };
  verb->callback([send, &session] { session.command = send; });
}

inline constexpr auto kNothingElse = [] {};

// A verb on a case whose caller may say which etag they saw.
template <class Options, class Request, class Reply, class Prepare = decltype(kNothingElse)>
void Send(CLI::App* verb, Session& session, std::shared_ptr<Options> options,
          grpc::Status (v1::CaseService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                        Reply*),
          Prepare prepare = kNothingElse) {
  SendVerb<AboutCase>(verb, session, std::move(options), method, EtagNeed::kOptional,
                      std::move(prepare));
}

// One that the server refuses without an etag.
template <class Options, class Request, class Reply, class Prepare = decltype(kNothingElse)>
void SendSeen(CLI::App* verb, Session& session, std::shared_ptr<Options> options,
              grpc::Status (v1::CaseService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                            Reply*),
              Prepare prepare = kNothingElse) {
  SendVerb<AboutCase>(verb, session, std::move(options), method, EtagNeed::kAlways,
                      std::move(prepare));
}

}  // namespace rebound::cli
