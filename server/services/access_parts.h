// What the files of the AccessService share: its one road for reads and changes of access records.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "rebound/v1/access_service.pb.h"
#include "server/execute/run.h"
#include "server/services/call.h"
#include "server/services/checks.h"
#include "server/storage/access_records.h"

namespace rebound {

// Signing in and out, and passwords: sign_in.cc.
void AddSignIn(ApiService* service);

void FillUser(const User& user, api::User* out);
// `name`: of the user, as it is written.
void FillSession(const Call& call, const UserSession& session, const std::string& name,
                 api::Session* out);
void FillKey(const ApiKey& key, const std::string& name, api::ApiKey* out);
// A user's name as it is written; as it was given when there is no such user.
std::string NameOf(AccessRecords& records, const std::string& user);

// The name of a user to be: not one that would read as another, or as something else than a person.
std::string ReadUserName(const std::string& field, const std::string& name, Checks& checks);
std::string ReadLanguage(const std::string& field, const std::string& language, Checks& checks);
// Whether a user or principal has the name, or the system does.
bool IsTaken(AccessRecords& records, std::string_view name);
Error NoUser();
RawId NewAccessId(Timestamp now);

// What came of a change.
struct Changed {
  RawId resource{};
  bool replayed = false;
};

// One change under its request id, in one transaction: done before under the same id, it is not
// done again. Made only while the caller still has what they had when the call began, else
// kUnauthenticated. Everybody's rights are looked up anew afterwards. `body`: of the request,
// without secrets. Waits for the disk.
Result<Changed> ChangeAccess(const Call& call, const std::string& request_id, std::string_view body,
                             const std::function<Result<RawId>(AccessRecords&)>& change,
                             const std::function<Result<void>(AccessRecords&, const RawId&)>& show);

// Runs `work` on the pool, and answers with what it left in the response.
template <typename Request, typename Response>
void AddAccessWork(ApiService* service, const char* name, ReadPool& pool,
                   std::function<Result<void>(const Call&, const Request&, Response*)> work) {
  service->Add(name, [service, &pool,
                      work = std::move(work)](std::shared_ptr<ApiService::UnaryState> state) {
    const auto run = [service, state, work] {
      Request request;
      Response response;
      Result<void> result;
      try {
        result = ParseRequest(*state->request, &request);
        if (result && state->call.deadline <= SystemClock().Now()) {
          result = Error{Reason::kDeadlineExceeded};
        }
        if (result) result = work(state->call, request, &response);
      } catch (const std::exception& e) {
        result = ApiService::Broken(state->call, e);
      }
      if (!result) return service->Finish(state, result);
      service->Reply(state, response);
    };
    if (pool.Run(run)) return;
    service->Finish(state,
                    Error{Reason::kQueueFull, {{"capacity", std::to_string(pool.capacity())}}});
  });
}

template <typename Request, typename Response>
void AddAccessQuery(
    ApiService* service, const char* name,
    std::function<Result<void>(const Call&, AccessRecords&, const Request&, Response*)> read) {
  AddAccessWork<Request, Response>(
      service, name, service->backend().pool,
      [read = std::move(read)](const Call& call, const Request& request,
                               Response* out) -> Result<void> {
        Result<void> result;
        call.backend.store.ReadAccess(
            [&](AccessRecords& records) { result = read(call, records, request, out); });
        return result;
      });
}

// `change` says which resource it made or changed, and adds to the reply what is shown once; `show`
// fills in the rest, for a replay too.
template <typename Request, typename Response>
void AddAccessChange(
    ApiService* service, const char* name,
    std::function<Result<RawId>(const Call&, AccessRecords&, const Request&, Response*)> change,
    std::function<Result<void>(const Call&, AccessRecords&, const Request&, const RawId&,
                               Response*)>
        show) {
  AddAccessWork<Request, Response>(
      service, name, service->backend().pool,
      [change = std::move(change), show = std::move(show)](const Call& call, const Request& request,
                                                           Response* out) -> Result<void> {
        const auto changed = ChangeAccess(
            call, request.request_id(), DeterministicBytes(request),
            [&](AccessRecords& records) { return change(call, records, request, out); },
            [&](AccessRecords& records, const RawId& resource) {
              return show(call, records, request, resource, out);
            });
        if (!changed) return changed.error();
        out->set_replayed(changed->replayed);
        return {};
      });
}

}  // namespace rebound
