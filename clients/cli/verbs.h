// What the verbs on one case have in common: arguments, sending, and the case as it is afterwards.
#pragma once

#include <CLI/CLI.hpp>
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

// kAlways: the server refuses the verb without an etag, so where the option is not given the case
// is read first.
enum class EtagNeed { kOptional, kAlways };

// Gives a verb what all of them have, --etag, --lease and --request-id, and sends what its options
// filled in; prints the case as it is afterwards. `options` is the request, or has it as `request`.
// `prepare` runs first: it fills in what options alone do not, and may end the command by another
// exit code than 0.
template <class Options, class Request, class Reply, class Prepare>
void SendVerb(CLI::App* verb, Session& session, std::shared_ptr<Options> options,
              grpc::Status (v1::CaseService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                            Reply*),
              EtagNeed need, Prepare prepare) {
  std::shared_ptr<Request> request;
  if constexpr (std::is_same_v<Options, Request>) {
    request = std::move(options);
  } else {
    request = {options, &options->request};
  }
  if constexpr (requires { request->mutable_etag(); }) {
    verb->add_option("--etag", *request->mutable_etag(),
                     need == EtagNeed::kAlways
                         ? "Refuse if the case changed since this etag was seen; else the case is "
                           "read first"
                         : "Refuse if the case changed since this etag was seen")
        ->type_name("ETAG");
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
        v1::Case seen;
        if (const int code = ReadCase(session, request->case_id(), &seen); code != kExitOk) {
          return code;
        }
        request->set_etag(seen.etag());
      }
    }
    FillRequestId(request->mutable_request_id());
    Reply reply;
    if (const int code = session.Call(method, *request, &reply); code != kExitOk) return code;
    PrintRecord(session, reply, reply.case_(), CaseColumns(),
                RenderCaseChange(reply.case_(), reply.replayed(), session.chinese, session.style));
    return kExitOk;
  };
  verb->callback([send, &session] { session.command = send; });
}

inline constexpr auto kNothingElse = [] {};

// A verb whose caller may say which etag they saw.
template <class Options, class Request, class Reply, class Prepare = decltype(kNothingElse)>
void Send(CLI::App* verb, Session& session, std::shared_ptr<Options> options,
          grpc::Status (v1::CaseService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                        Reply*),
          Prepare prepare = kNothingElse) {
  SendVerb(verb, session, std::move(options), method, EtagNeed::kOptional, std::move(prepare));
}

// A verb that the server refuses without an etag.
template <class Options, class Request, class Reply, class Prepare = decltype(kNothingElse)>
void SendSeen(CLI::App* verb, Session& session, std::shared_ptr<Options> options,
              grpc::Status (v1::CaseService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                            Reply*),
              Prepare prepare = kNothingElse) {
  SendVerb(verb, session, std::move(options), method, EtagNeed::kAlways, std::move(prepare));
}

}  // namespace rebound::cli
