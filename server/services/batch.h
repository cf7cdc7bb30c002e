// Calls of many items, each refused or done by itself: one road for BatchSubmitResponses,
// BatchOpenCases, BulkCases, BatchUpsertCustomers and the import stream. Not thread-safe: a batch
// belongs to its call.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rebound/v1/case_service.pb.h"
#include "server/services/call.h"
#include "server/services/checks.h"

namespace rebound {

inline constexpr int kBatchLimit = 500;  // items of one unary call

// Everything that a batch needs until its reply: which of its items were refused for their shape,
// and what the others ask for.
struct Batch {
  std::vector<std::optional<Error>> refused{};  // one for each item
  std::vector<Command> commands{};              // the others, in order
  std::vector<size_t> positions{};              // of the others
  bool dry_run = false;                         // decides everything, keeps nothing

  explicit Batch(size_t count = 0) : refused(count) {}
  // What the next item asks for, or why it cannot.
  void Add(size_t item, Command command);
  void Refuse(size_t item, Error error) { refused[item] = std::move(error); }
};

// kTooManyItems of `field` unless there are 1 to `limit`.
Result<void> CheckBatchSize(const char* field, int count, int limit = kBatchLimit);

// Visits every item in order with what became of it. `results`: of the commands.
void VisitResults(const Batch& batch, const std::vector<Result<Outcome>>& results,
                  const std::function<void(size_t, const Result<Outcome>&)>& visit);

// Notes in the audit that all items were refused, if so. What was kept is audited with it.
void AuditBatch(const Call& call, const Batch& batch, const std::vector<Result<Outcome>>& results);

// Runs the commands under the call's request id, then `reply`; at once where there are none. What
// refuses the call and not an item (a full queue, a request that is running, a store that failed)
// ends the call instead.
// `body`: of the request, for telling a repeat from another request.
void SubmitBatch(ApiService* service, const std::shared_ptr<ApiService::UnaryState>& state,
                 const std::string& request_id, const std::string& body,
                 const std::shared_ptr<Batch>& batch,
                 std::function<void(const std::vector<Result<Outcome>>&)> reply);

// Names the fields as the request has them: "cases[3].case.program_id" of `list` "cases".
Error Inside(Error error, const char* list, size_t item);

// What became of one case of many: the case as it is, or the error.
void FillBulkResult(const Call& call, size_t item, const Result<Outcome>& result,
                    api::BulkResult* out);

}  // namespace rebound
