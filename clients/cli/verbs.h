// What the verbs on one case have in common: arguments, sending, and the case as it is afterwards.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "clients/cli/cases.h"
#include "clients/cli/options.h"
#include "rebound/v1/case_service.grpc.pb.h"

namespace rebound::cli {

// A subcommand; with `case_id`, on the case that the first argument names.
CLI::App* AddVerb(CLI::App& cases, const std::string& name, const std::string& help,
                  std::string* case_id, const std::string& example);

void AddEtag(CLI::App* verb, std::string* etag);
// The lease that the caller goes by. `request` must live as long as the verb.
template <class Request>
void AddLease(CLI::App* verb, Request* request) {
  verb->add_option_function<int64_t>(
          "--lease", [request](const int64_t& number) { request->set_lease_number(number); },
          "Only if the case is still under this lease, as it was taken")
      ->type_name("N");
}
// For verbs that need it: without the option the case is read first. Send with ChangeSeen.
void AddSeenEtag(CLI::App* verb, std::string* etag);
void AddNote(CLI::App* verb, std::string* note);

// Reads "yes" or "no".
CLI::Option* AddYesNo(CLI::App* verb, const std::string& name, std::function<void(bool)> take,
                      const std::string& help);

// The verbs of dispatching: dispatch, accept, return, supervise, assist, escalate, pause, resume,
// chase, extend, decide-extension, settle, verify, move, withdraw, migrate.
void AddDispatchVerbs(CLI::App& cases, Session& session);
// Rulings and liability: verdict propose, verdict decide, liability find, appeal, decide.
void AddRulingVerbs(CLI::App& cases, Session& session);

template <class Stub, class Request, class Reply>
int ChangeCase(Session& session,
               grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
               Request* request) {
  FillRequestId(request->mutable_request_id());
  Reply reply;
  if (const int code = session.Call(method, *request, &reply); code != kExitOk) return code;
  PrintRecord(session, reply, reply.case_(), CaseColumns(),
              RenderCaseChange(reply.case_(), reply.replayed(), session.chinese, session.style));
  return kExitOk;
}

// Reads the case first unless the request has the etag that the caller saw.
template <class Stub, class Request, class Reply>
int ChangeSeen(Session& session,
               grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
               Request* request) {
  if (request->etag().empty()) {
    v1::GetCaseRequest get;
    get.set_case_id(request->case_id());
    v1::GetCaseResponse seen;
    const int code = session.Call(&v1::CaseService::Stub::GetCase, get, &seen);
    if (code != kExitOk) return code;
    request->set_etag(seen.case_().etag());
  }
  return ChangeCase(session, method, request);
}

}  // namespace rebound::cli
