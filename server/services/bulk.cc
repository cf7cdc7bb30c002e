#include <algorithm>
#include <set>

#include "rebound/v1/case_service.pb.h"
#include "server/access/policy.h"
#include "server/services/case_verbs.h"
#include "server/services/services.h"

namespace rebound {
namespace {

constexpr int kBulkLimit = 500;

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

// Everything until the last reply: which cases were refused as they were named, and the others.
struct Bulk {
  api::BulkCasesRequest request;
  std::vector<std::optional<Error>> refused;  // one for each case
  Work work;
};

// kIdInvalid for a case that is named twice; what is no name of a case is refused by itself.
Result<void> ReadCases(const CaseVerb& verb, Bulk& bulk) {
  const int count = bulk.request.case_ids_size();
  if (count < 1 || count > kBulkLimit) {
    return FieldError(
        "case_ids", Reason::kTooManyItems,
        {{"value", std::to_string(count)}, {"expected", "1 to " + std::to_string(kBulkLimit)}});
  }
  Checks twice;
  std::set<std::pair<CaseId, int64_t>> seen;
  bulk.refused.resize(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    const std::string field = "case_ids[" + std::to_string(i) + "]";
    Checks checks;
    const CaseRef ref = checks.Ref(field, bulk.request.case_ids(i));
    if (!checks.ok()) {
      bulk.refused[static_cast<size_t>(i)] = std::move(checks).ToError();
      continue;
    }
    if (!seen.emplace(ref.id, ref.number).second) {
      twice.Add(field, Reason::kIdInvalid,
                {{"value", bulk.request.case_ids(i)}, {"expected", "each case once"}});
    }
    bulk.work.commands.emplace_back(WorkCase{ref, verb, std::nullopt});
    bulk.work.positions.push_back(static_cast<size_t>(i));
  }
  if (!twice.ok()) return std::move(twice).ToError();
  return {};
}

void Answer(ApiService* service, const std::shared_ptr<ApiService::UnaryState>& state,
            const Bulk& bulk, const std::vector<Result<Outcome>>& results) {
  const Call& call = state->call;
  api::BulkCasesResponse response;
  auto result = results.begin();
  for (size_t i = 0; i < bulk.refused.size(); ++i) {
    api::BulkResult* out = response.add_results();
    out->set_case_id(bulk.request.case_ids(static_cast<int>(i)));
    const bool refused = bulk.refused[i].has_value();
    if (refused || !*result) {
      Fill(refused ? *bulk.refused[i] : result->error(), static_cast<int64_t>(i),
           out->mutable_error());
    } else {
      const Case& c = *(*result)->subject;
      Fill(c, View::kBasic, *call.RevisionOf(c.revision), call.backend.executor.Now(),
           out->mutable_case_());
      out->set_replayed((*result)->replayed);
    }
    if (!refused) ++result;
  }
  service->Reply(state, response);
}

void BulkCases(ApiService* service, const std::shared_ptr<ApiService::UnaryState>& state) {
  auto bulk = std::make_shared<Bulk>();
  api::BulkCasesRequest& request = bulk->request;
  if (auto parsed = ParseRequest(*state->request, &request); !parsed) {
    return service->Finish(state, parsed);
  }
  if (auto id = CheckRequestId(request.request_id()); !id) return service->Finish(state, id);
  auto verb = ToVerb(state->call, request);
  if (!verb) return service->Finish(state, std::move(verb).error());
  if (auto read = ReadCases(*verb, *bulk); !read) return service->Finish(state, read);
  if (bulk->work.commands.empty()) return Answer(service, state, *bulk, {});
  Work work = std::move(bulk->work);
  work.caller = state->call.ToCaller(request.request_id(), DeterministicBytes(request));
  work.done = [service, state, bulk](const std::vector<Result<Outcome>>& results) {
    Answer(service, state, *bulk, results);
  };
  service->backend().executor.Submit(std::move(work));
}

}  // namespace

void AddBulk(ApiService* service) {
  service->Add("BulkCases", [service](const std::shared_ptr<ApiService::UnaryState>& state) {
    BulkCases(service, state);
  });
}

}  // namespace rebound
