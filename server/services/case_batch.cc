#include "rebound/v1/case_service.pb.h"
#include "server/services/convert.h"
#include "server/services/services.h"
#include "server/services/status.h"
#include "server/storage/codec.h"

namespace rebound {
namespace {

constexpr int kBatchLimit = 500;

// What a batch needs until its reply: which items were refused for their shape, and the others.
struct Batch {
  std::vector<std::optional<Error>> refused;  // one for each item
  std::vector<Command> commands;              // the others, in order
  std::vector<size_t> positions;              // of the others
};

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

// Names the fields as the request has them.
Error Inside(Error error, size_t index) {
  const std::string prefix = "cases[" + std::to_string(index) + "].";
  for (FieldViolation& violation : error.violations) violation.field.insert(0, prefix);
  const auto field = error.metadata.find("field");
  if (field != error.metadata.end()) field->second.insert(0, prefix);
  return error;
}

void FillError(const Error& error, size_t index, api::RowError* out) {
  out->set_row(static_cast<int64_t>(index));
  if (error.violations.empty()) {
    out->set_reason(std::string(Name(error.reason)));
  } else {
    out->set_field(error.violations.front().field);
    out->set_reason(std::string(Name(error.violations.front().reason)));
  }
  out->set_message(Render(error, "en"));
  out->set_message_zh(Render(error, "zh-CN"));
}

void BatchOpen(ApiService* service, std::shared_ptr<ApiService::UnaryState> state) {
  auto request = std::make_shared<api::BatchOpenCasesRequest>();
  if (auto parsed = ParseRequest(*state->request, request.get()); !parsed) {
    return service->Finish(state, parsed);
  }
  if (auto id = CheckRequestId(request->request_id()); !id) return service->Finish(state, id);
  const int count = request->cases_size();
  if (count < 1 || count > kBatchLimit) {
    return service->Finish(state,
                           FieldError("cases", Reason::kTooManyItems,
                                      {{"value", std::to_string(count)},
                                       {"expected", "1 to " + std::to_string(kBatchLimit)}}));
  }
  auto batch = std::make_shared<Batch>();
  batch->refused.resize(static_cast<size_t>(count));
  service->backend().store.Read([&](Reader& reader) {
    for (int i = 0; i < count; ++i) {
      const auto at = static_cast<size_t>(i);
      Checks checks;
      OpenCase command = ToImported(request->cases(i), request->history(),
                                    state->call.identity.scope, reader, checks);
      if (checks.ok()) {
        batch->commands.push_back(std::move(command));
        batch->positions.push_back(at);
      } else {
        batch->refused[at] = std::move(checks).ToError();
      }
    }
  });
  auto reply = [service, state, request, batch](std::vector<Result<Outcome>> results) {
    api::BatchOpenCasesResponse response;
    const Call& call = state->call;
    auto result = results.begin();
    for (size_t i = 0; i < batch->refused.size(); ++i) {
      api::BulkResult* out = response.add_results();
      const bool refused = batch->refused[i].has_value();
      out->set_case_id(request->cases(static_cast<int>(i)).case_().external_key().external_id());
      if (refused || !*result) {
        FillError(Inside(refused ? *batch->refused[i] : result->error(), i), i,
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
  };
  if (batch->commands.empty()) return reply({});
  Work work;
  work.caller = state->call.ToCaller(request->request_id(), DeterministicBytes(*request));
  work.commands = batch->commands;
  work.positions = batch->positions;
  work.done = std::move(reply);
  service->backend().executor.Submit(std::move(work));
}

}  // namespace

void AddCaseBatch(ApiService* service) {
  service->Add("BatchOpenCases", [service](std::shared_ptr<ApiService::UnaryState> state) {
    BatchOpen(service, std::move(state));
  });
}

}  // namespace rebound
