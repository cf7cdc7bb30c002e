#include <algorithm>
#include <set>

#include "rebound/v1/case_service.pb.h"
#include "server/access/policy.h"
#include "server/services/batch.h"
#include "server/services/case_verbs.h"
#include "server/services/services.h"

namespace rebound {
namespace {

// Calls `visit` with the verb's request; false: there is none.
template <typename Visit>
bool WithVerb(const api::BulkCasesRequest& request, Visit visit) {
  using Verb = api::BulkCasesRequest::VerbCase;
  switch (request.verb_case()) {
    case Verb::kAssign: visit(request.assign()); return true;
    case Verb::kDispatch: visit(request.dispatch()); return true;
    case Verb::kSendBack: visit(request.send_back()); return true;
    case Verb::kEscalate: visit(request.escalate()); return true;
    case Verb::kSupervise: visit(request.supervise()); return true;
    case Verb::kPause: visit(request.pause()); return true;
    case Verb::kResume: visit(request.resume()); return true;
    case Verb::kResolve: visit(request.resolve()); return true;
    case Verb::kMove: visit(request.move()); return true;
    case Verb::kMigrate: visit(request.migrate()); return true;
    case Verb::VERB_NOT_SET: return false;
  }
  return false;
}

// What is given to all, or why it can be given to none.
Result<CaseVerb> ToVerb(const Call& call, const api::BulkCasesRequest& request) {
  CaseVerb verb;
  Checks checks;
  std::string method;
  const bool named = WithVerb(request, [&](const auto& of_all) {
    const std::string message = of_all.GetDescriptor()->name();  // AssignCaseRequest
    method = "rebound.v1.CaseService/" + message.substr(0, message.rfind("Request"));
    // These belong to one call on one case.
    for (const auto& [field, value] :
         {std::pair("request_id", &of_all.request_id()), std::pair("case_id", &of_all.case_id()),
          std::pair("etag", &of_all.etag())}) {
      if (value->empty()) continue;
      checks.Add(field, Reason::kIdInvalid,
                 {{"value", value->substr(0, 80)}, {"expected", "nothing: it is given to many"}});
    }
    if (of_all.lease_number() != 0) {
      checks.Add("lease_number", Reason::kNumberOutOfRange,
                 {{"value", std::to_string(of_all.lease_number())},
                  {"expected", "nothing: it is given to many"}});
    }
    verb = ToVerb(of_all, checks);
  });
  if (!named) return FieldError("verb", Reason::kRequiredFieldMissing);
  // Whoever may not give the verb to one case may not give it to many.
  if (!Allowed(BaseOf(call.identity.role, call.revision->roles), method)) {
    return Error{Reason::kRoleNotAllowed, {{"role", call.identity.role}, {"method", method}}};
  }
  if (checks.ok()) return verb;
  const auto* oneof = api::BulkCasesRequest::descriptor()->FindOneofByName("verb");
  const std::string path =
      request.GetReflection()->GetOneofFieldDescriptor(request, oneof)->name() + ".";
  std::vector<FieldViolation> violations;
  Error error = std::move(checks).ToError();
  for (FieldViolation& violation : error.violations) {
    violation.field = path + violation.field;
    violations.push_back(std::move(violation));
  }
  return ToError(std::move(violations));
}

// kIdInvalid for a case that is named twice; what is no name of a case is refused by itself.
Result<void> ReadCases(const api::BulkCasesRequest& request, const CaseVerb& verb, Batch& batch) {
  Checks twice;
  std::set<std::pair<CaseId, int64_t>> seen;
  for (int i = 0; i < request.case_ids_size(); ++i) {
    const std::string field = "case_ids[" + std::to_string(i) + "]";
    const auto item = static_cast<size_t>(i);
    Checks checks;
    const CaseRef ref = checks.Ref(field, request.case_ids(i));
    if (!checks.ok()) {
      batch.Refuse(item, std::move(checks).ToError());
      continue;
    }
    if (!seen.emplace(ref.id, ref.number).second) {
      twice.Add(field, Reason::kIdInvalid,
                {{"value", request.case_ids(i)}, {"expected", "each case once"}});
    }
    batch.Add(item, WorkCase{ref, verb, std::nullopt});
  }
  if (!twice.ok()) return std::move(twice).ToError();
  return {};
}

void BulkCases(ApiService* service, const std::shared_ptr<ApiService::UnaryState>& state) {
  auto request = std::make_shared<api::BulkCasesRequest>();
  if (auto parsed = ParseRequest(*state->request, request.get()); !parsed) {
    return service->Finish(state, parsed);
  }
  if (auto id = CheckRequestId(request->request_id()); !id) return service->Finish(state, id);
  auto verb = ToVerb(state->call, *request);
  if (!verb) return service->Finish(state, std::move(verb).error());
  if (auto size = CheckBatchSize("case_ids", request->case_ids_size()); !size) {
    return service->Finish(state, size);
  }
  auto batch = std::make_shared<Batch>(static_cast<size_t>(request->case_ids_size()));
  if (auto read = ReadCases(*request, *verb, *batch); !read) return service->Finish(state, read);
  SubmitBatch(service, state, request->request_id(), DeterministicBytes(*request), batch,
              [service, state, request, batch](const std::vector<Result<Outcome>>& results) {
                api::BulkCasesResponse reply;
                VisitResults(*batch, results, [&](size_t i, const Result<Outcome>& result) {
                  api::BulkResult* out = reply.add_results();
                  out->set_case_id(request->case_ids(static_cast<int>(i)));
                  FillBulkResult(state->call, i, result, out);
                });
                service->Reply(state, reply);
              });
}

}  // namespace

void AddBulk(ApiService* service) {
  service->Add("BulkCases", [service](const std::shared_ptr<ApiService::UnaryState>& state) {
    BulkCases(service, state);
  });
}

}  // namespace rebound
