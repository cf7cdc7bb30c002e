#include "rebound/v1/case_service.pb.h"
#include "server/services/batch.h"
#include "server/services/convert.h"
#include "server/services/services.h"

namespace rebound {
namespace {

OpenCase ToImported(const api::ImportedCase& in, bool history, const Scope& scope, Reader& reader,
                    Checks& checks) {
  OpenCase command = ToOpenCase(in.case_(), checks);
  command.history = history;
  if (!in.case_().has_external_key()) {
    checks.Add("case.external_key", Reason::kRequiredFieldMissing);
  }
  if (history) {
    if (in.case_().has_open_time()) {
      command.opened_at =
          checks.Time("case.open_time", in.case_().open_time()).value_or(Timestamp{});
    } else {
      checks.Add("case.open_time", Reason::kRequiredFieldMissing);
    }
  }
  if (in.has_customer_key()) {
    const ExternalKey key = checks.External("customer_key", in.customer_key());
    if (!command.customer_id.empty()) {
      checks.Add(
          "customer_key", Reason::kIdInvalid,
          {{"value", key.external_id.substr(0, 80)}, {"expected", "none beside case.customer_id"}});
    } else if (const auto customer = reader.FindCustomer(key);
               customer && scope.CoversOrgUnit(customer->profile.org_unit_id)) {
      command.customer_id = customer->id;
    } else {  // somebody else's customer is as one that nobody has
      checks.Add("customer_key", Reason::kNotFound, {{"resource", "customer"}});
    }
  }
  const auto time = [&](const char* field, bool has, const google::protobuf::Timestamp& value) {
    return has ? checks.Time(field, value) : std::nullopt;
  };
  command.dispatched_at = time("dispatch_time", in.has_dispatch_time(), in.dispatch_time());
  command.resolved_at = time("resolve_time", in.has_resolve_time(), in.resolve_time());
  command.closed_at = time("close_time", in.has_close_time(), in.close_time());
  command.handling_result =
      checks.Enum<HandlingResult>("handling_result", in.handling_result(), false);
  if (command.handling_result > HandlingResult::kWithdrawn) {
    checks.Add("handling_result", Reason::kEnumValueUnknown,
               {{"value", api::HandlingResult_Name(in.handling_result())},
                {"expected", "resolved, partly, not_resolved, unreachable or withdrawn"}});
  }
  command.root_cause = checks.Key("root_cause", in.root_cause());
  return command;
}

void BatchOpen(ApiService* service, const std::shared_ptr<ApiService::UnaryState>& state) {
  auto request = std::make_shared<api::BatchOpenCasesRequest>();
  if (auto parsed = ParseRequest(*state->request, request.get()); !parsed) {
    return service->Finish(state, parsed);
  }
  if (auto id = CheckRequestId(request->request_id()); !id) return service->Finish(state, id);
  const int count = request->cases_size();
  if (auto size = CheckBatchSize("cases", count); !size) return service->Finish(state, size);
  auto batch = std::make_shared<Batch>(static_cast<size_t>(count));
  batch->dry_run = request->dry_run();
  service->backend().store.Read([&](Reader& reader) {
    for (int i = 0; i < count; ++i) {
      Checks checks;
      OpenCase command = ToImported(request->cases(i), request->history(),
                                    state->call.identity.scope, reader, checks);
      const auto item = static_cast<size_t>(i);
      if (checks.ok()) {
        batch->Add(item, std::move(command));
      } else {
        batch->Refuse(item, std::move(checks).ToError());
      }
    }
  });
  SubmitBatch(service, state, request->request_id(), DeterministicBytes(*request), batch,
              [service, state, request, batch](const std::vector<Result<Outcome>>& results) {
                api::BatchOpenCasesResponse reply;
                VisitResults(*batch, results, [&](size_t i, const Result<Outcome>& result) {
                  api::BulkResult* out = reply.add_results();
                  const api::Case& named = request->cases(static_cast<int>(i)).case_();
                  out->set_case_id(named.external_key().external_id());
                  if (!result) {
                    return FillBulkResult(state->call, i, Inside(result.error(), "cases", i), out);
                  }
                  FillBulkResult(state->call, i, result, out);
                  if (!batch->dry_run || result->replayed) return;
                  api::Case* unstored = out->mutable_case_();
                  unstored->clear_id();
                  unstored->clear_number();
                  unstored->clear_etag();
                });
                service->Reply(state, reply);
              });
}

}  // namespace

void AddCaseBatch(ApiService* service) {
  service->Add("BatchOpenCases", [service](const std::shared_ptr<ApiService::UnaryState>& state) {
    BatchOpen(service, state);
  });
}

}  // namespace rebound
