#include <atomic>

#include "rebound/v1/response_service.pb.h"
#include "server/services/batch.h"
#include "server/services/convert.h"
#include "server/services/services.h"
#include "server/services/status.h"
#include "server/storage/codec.h"
#include "workflows/filter.h"

namespace rebound {
namespace {

constexpr int kRowLimit = 1'000;
constexpr int kStreamLimit = 16;

// ------------------------------------------------------------------------------------- batches

// `keyed`: one without an external key is refused.
Batch Decode(const Call& call, int count, bool history, bool keyed,
             const std::function<const api::Response&(int)>& response,
             const std::function<std::string(int)>& path) {
  Batch batch(static_cast<size_t>(count));
  const Timestamp now = call.backend.executor.Now();
  for (int i = 0; i < count; ++i) {
    Checks checks;
    SubmitResponse command = ToSubmit(response(i), path(i), *call.revision, now, history, checks);
    const auto item = static_cast<size_t>(i);
    if (!checks.ok()) {
      batch.Refuse(item, std::move(checks).ToError());
    } else if (keyed && !response(i).has_external_key()) {
      batch.Refuse(item, FieldError(path(i) + ".external_key", Reason::kRequiredFieldMissing));
    } else {
      batch.Add(item, std::move(command));
    }
  }
  return batch;
}

void BatchSubmit(ApiService* service, const std::shared_ptr<ApiService::UnaryState>& state) {
  auto request = std::make_shared<api::BatchSubmitResponsesRequest>();
  if (auto parsed = ParseRequest(*state->request, request.get()); !parsed) {
    return service->Finish(state, parsed);
  }
  if (auto id = CheckRequestId(request->request_id()); !id) return service->Finish(state, id);
  const int count = request->responses_size();
  if (auto size = CheckBatchSize("responses", count); !size) return service->Finish(state, size);
  auto batch = std::make_shared<Batch>(Decode(
      state->call, count, false, false,
      [&](int i) -> const api::Response& { return request->responses(i); },
      [](int i) { return "responses[" + std::to_string(i) + "]"; }));
  SubmitBatch(service, state, request->request_id(), DeterministicBytes(*request), batch,
              [service, state, batch](const std::vector<Result<Outcome>>& results) {
                api::BatchSubmitResponsesResponse reply;
                VisitResults(*batch, results, [&](size_t i, const Result<Outcome>& result) {
                  api::SubmitResult* out = reply.add_results();
                  if (!result) {
                    Fill(result.error(), static_cast<int64_t>(i), out->mutable_error());
                    return;
                  }
                  Fill(*result->response, View::kFull, out->mutable_response());
                  out->set_replayed(result->replayed);
                });
                service->Reply(state, reply);
              });
}

// ------------------------------------------------------------------------------------- imports

// One import stream: the header, then batches of rows, each answered once it is on disk. One batch
// is in hand at a time, which bounds what a stream can hold. Deletes itself in OnDone.
class ImportStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  ImportStream(ApiService* service, grpc::CallbackServerContext* context, std::atomic<int>* streams)
      : service_(service), context_(context), streams_(streams), call_{service->backend()} {
    const int open = streams_->fetch_add(1);
    auto entered = Enter(service->backend(), context, service->FullName("ImportResponses"), &call_);
    if (entered && open >= kStreamLimit) {
      entered =
          Error{Reason::kQueueFull, {{"capacity", std::to_string(kStreamLimit) + " streams"}}};
    }
    if (!entered) {
      End(entered);
    } else {
      StartRead(&incoming_);
    }
  }

  void OnReadDone(bool ok) override {
    if (!ok) return End({});
    api::ImportResponsesRequest message;
    if (auto parsed = ParseRequest(incoming_, &message); !parsed) return End(parsed);
    if (message.has_header()) {
      if (header_) return End(FieldError("header", Reason::kStreamOutOfOrder));
      if (auto id = CheckRequestId(message.header().request_id()); !id) return End(id);
      header_ = std::move(*message.mutable_header());
      return StartRead(&incoming_);
    }
    if (!header_) return End(FieldError("header", Reason::kStreamOutOfOrder));
    TakeRows(std::move(*message.mutable_rows()));
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return End({});
    StartRead(&incoming_);
  }

  void OnDone() override {
    streams_->fetch_sub(1);
    delete this;
  }

 private:
  void TakeRows(api::ImportRows rows) {
    const int count = rows.rows_size();
    if (auto size = CheckBatchSize("rows.rows", count, kRowLimit); !size) return End(size);
    // A stream may last for hours.
    if (auto may = Recheck(service_->backend(), context_, &call_); !may) return End(may);
    reply_.Clear();
    row_numbers_.clear();
    int64_t last = 0;
    for (api::ImportRow& row : *rows.mutable_rows()) {
      last = std::max(last, row.row());
      row_numbers_.push_back(row.row());
      if (row.response().program_id().empty()) {
        row.mutable_response()->set_program_id(header_->program_id());
      }
    }
    reply_.set_last_row(last);
    // Rows are idempotent by external key, also in live mode.
    batch_ = Decode(
        call_, count, header_->history(), true,
        [&](int i) -> const api::Response& { return rows.rows(i).response(); },
        [](int) { return std::string("response"); });
    batch_.dry_run = header_->dry_run();
    if (batch_.commands.empty()) return Answer({});
    Work work;
    work.caller = call_.ToCaller("", "");
    work.caller.deadline.reset();
    work.commands = std::move(batch_.commands);
    work.dry_run = header_->dry_run();
    work.refused = batch_.refused.size() - work.commands.size();
    work.stream = RequestKey(call_.identity.name, call_.method, header_->request_id());
    work.done = [this](std::vector<Result<Outcome>> results) { Answer(std::move(results)); };
    service_->backend().executor.Submit(std::move(work), /*bulk=*/true);
  }

  void Answer(std::vector<Result<Outcome>> results) {
    // A store that failed or a server that stops ends the stream; a row's own refusal does not.
    for (const Result<Outcome>& result : results) {
      if (!result && (result.error().reason == Reason::kStoreUnavailable ||
                      result.error().reason == Reason::kShuttingDown)) {
        return End(result.error());
      }
    }
    AuditBatch(call_, batch_, results);
    VisitResults(batch_, results, [&](size_t i, const Result<Outcome>& result) {
      if (!result) {
        Fill(result.error(), row_numbers_[i], reply_.add_rejects());
      } else if (result->replayed) {
        reply_.set_replayed_count(reply_.replayed_count() + 1);
      } else {
        reply_.set_accepted_count(reply_.accepted_count() + 1);
        reply_.set_opened_case_count(reply_.opened_case_count() + (result->opened_case ? 1 : 0));
      }
    });
    outgoing_.Clear();
    if (!ToAnswer(call_, reply_, &outgoing_)) return End(Error{Reason::kInternal});
    StartWrite(&outgoing_);
  }

  void End(const Result<void>& result) { Finish(Leave(context_, call_, result)); }

  ApiService* const service_;
  grpc::CallbackServerContext* const context_;
  std::atomic<int>* const streams_;
  Call call_;
  std::optional<api::ImportHeader> header_;
  grpc::ByteBuffer incoming_, outgoing_;
  api::ImportResponsesResponse reply_;
  Batch batch_;
  std::vector<int64_t> row_numbers_;
};

Result<void> ListResponses(const Call& call, Reader& reader,
                           const api::ListResponsesRequest& request,
                           api::ListResponsesResponse* out) {
  auto filter = ParseFilter(request.filter(), Use::kResponseFilter);
  if (!filter) return std::move(filter).error();
  auto limit = PageSize(request.page_size());
  if (!limit) return std::move(limit).error();
  const std::string identity = QueryIdentity({call.method, call.identity.name, Canonical(*filter)});
  auto cursor = OpenPage(call, request.page_token(), identity);
  if (!cursor) return std::move(cursor).error();
  ListQuery query{*std::move(filter), call.identity.scope, std::nullopt, *limit + 1};
  if (*cursor) query.before = (*cursor)->id;
  std::vector<Response> responses = reader.ListResponses(query);
  const bool more = responses.size() > static_cast<size_t>(*limit);
  if (more) responses.pop_back();
  for (const Response& r : responses) Fill(r, View::kBasic, out->add_responses());
  if (more) {
    out->set_next_page_token(call.backend.page_tokens.Seal(
        {0, 0, IdCast<RawId>(responses.back().id)}, identity, call.started_at));
  }
  return {};
}

}  // namespace

std::unique_ptr<ApiService> NewResponseService(Backend& backend) {
  auto service = std::make_unique<ApiService>(
      backend,
      api::SubmitResponseRequest::descriptor()->file()->FindServiceByName("ResponseService"));
  ApiService* self = service.get();

  service->Mutation<api::SubmitResponseRequest, api::SubmitResponseResponse>(
      "SubmitResponse",
      [](const Call& call, const api::SubmitResponseRequest& request) -> Result<Command> {
        Checks checks;
        if (!request.has_response()) {
          return FieldError("response", Reason::kRequiredFieldMissing);
        }
        SubmitResponse command = ToSubmit(request.response(), "response", *call.revision,
                                          call.backend.executor.Now(), false, checks);
        if (!checks.ok()) return std::move(checks).ToError();
        return Command{std::move(command)};
      },
      [](const Call&, Outcome outcome, api::SubmitResponseResponse* out) {
        Fill(*outcome.response, View::kFull, out->mutable_response());
        out->set_replayed(outcome.replayed);
      });
  service->Add("BatchSubmitResponses", [self](std::shared_ptr<ApiService::UnaryState> state) {
    BatchSubmit(self, std::move(state));
  });
  service->AddBidi("ImportResponses", [self, streams = std::make_shared<std::atomic<int>>(0)](
                                          grpc::CallbackServerContext* context) {
    return new ImportStream(self, context, streams.get());
  });
  service->Query<api::GetResponseRequest, api::GetResponseResponse>(
      "GetResponse", Where::kInline,
      [](const Call& call, Reader& reader, const api::GetResponseRequest& request,
         api::GetResponseResponse* out) -> Result<void> {
        Checks checks;
        if (request.response_id().empty()) {
          checks.Add("response_id", Reason::kRequiredFieldMissing);
        }
        const auto id = checks.ParseId<ResponseId>("response_id", request.response_id());
        if (!checks.ok()) return std::move(checks).ToError();
        auto r = reader.GetResponse(id);
        if (!r || !call.identity.scope.Covers(r->org_unit_id, r->queue_id)) {
          return Error{Reason::kNotFound, {{"resource", "response"}}};
        }
        Hydrate(reader, *r);
        Fill(*r, View::kFull, out->mutable_response());
        return {};
      });
  service->Query<api::ListResponsesRequest, api::ListResponsesResponse>(
      "ListResponses", Where::kPool, ListResponses);
  service->CheckComplete();
  return service;
}

}  // namespace rebound
