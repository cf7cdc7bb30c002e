#include "server/services/batch.h"

#include <algorithm>
#include <utility>

#include "server/services/audit.h"
#include "server/services/convert.h"

namespace rebound {

void Batch::Add(size_t item, Command command) {
  commands.push_back(std::move(command));
  positions.push_back(item);
}

Result<void> CheckBatchSize(const char* field, int count, int limit) {
  if (count >= 1 && count <= limit) return {};
  return FieldError(
      field, Reason::kTooManyItems,
      {{"value", std::to_string(count)}, {"expected", "1 to " + std::to_string(limit)}});
}

void VisitResults(const Batch& batch, const std::vector<Result<Outcome>>& results,
                  const std::function<void(size_t, const Result<Outcome>&)>& visit) {
  auto result = results.begin();
  for (size_t i = 0; i < batch.refused.size(); ++i) {
    if (batch.refused[i]) {
      visit(i, *batch.refused[i]);
    } else {
      visit(i, *result++);
    }
  }
}

void AuditBatch(const Call& call, const Batch& batch, const std::vector<Result<Outcome>>& results) {
  if (batch.dry_run) return;
  std::optional<Error> first;
  int64_t refused = 0;
  bool kept = false;
  VisitResults(batch, results, [&](size_t, const Result<Outcome>& result) {
    kept |= result.has_value();
    refused += result ? 0 : 1;
    if (!result && !first) first = result.error();
  });
  if (!kept && first) AuditRefused(call, *first, refused);
}

namespace {

// Of a result that says nothing of its item: the call is to be repeated as a whole. Told as the
// item's own, an import would list a good row among the refused ones.
bool IsOfTheCall(const Result<Outcome>& result) {
  if (result) return false;
  const Reason reason = result.error().reason;
  return reason == Reason::kQueueFull || reason == Reason::kRequestInProgress ||
         reason == Reason::kShuttingDown || reason == Reason::kStoreUnavailable ||
         reason == Reason::kDeadlineExceeded;
}

}  // namespace

void SubmitBatch(ApiService* service, const std::shared_ptr<ApiService::UnaryState>& state,
                 const std::string& request_id, const std::string& body,
                 const std::shared_ptr<Batch>& batch,
                 std::function<void(const std::vector<Result<Outcome>>&)> reply) {
  if (batch->commands.empty()) {
    AuditBatch(state->call, *batch, {});
    return reply({});
  }
  Work work;
  work.caller = state->call.ToCaller(request_id, body);
  work.commands = std::move(batch->commands);
  work.positions = batch->positions;
  work.dry_run = batch->dry_run;
  work.refused = batch->refused.size() - work.commands.size();
  work.done = [service, state, batch,
               reply = std::move(reply)](const std::vector<Result<Outcome>>& results) {
    const auto whole = std::find_if(results.begin(), results.end(), IsOfTheCall);
    if (whole != results.end()) return service->Finish(state, whole->error());
    AuditBatch(state->call, *batch, results);
    reply(results);
  };
  service->backend().executor.Submit(std::move(work));
}

Error Inside(Error error, const char* list, size_t item) {
  const std::string prefix = std::string(list) + "[" + std::to_string(item) + "].";
  for (FieldViolation& violation : error.violations) violation.field.insert(0, prefix);
  const auto field = error.metadata.find("field");
  if (field != error.metadata.end()) field->second.insert(0, prefix);
  return error;
}

void FillBulkResult(const Call& call, size_t item, const Result<Outcome>& result,
                    api::BulkResult* out) {
  if (!result) return Fill(result.error(), static_cast<int64_t>(item), out->mutable_error());
  const Case& c = *result->subject;
  Fill(c, View::kBasic, *call.RevisionOf(c.revision), call.backend.executor.Now(),
       out->mutable_case_());
  out->set_replayed(result->replayed);
}

}  // namespace rebound
