#include "rebound/v1/event_service.pb.h"

#include <algorithm>

#include "server/services/audit.h"
#include "server/services/convert.h"
#include "server/services/event_hub.h"
#include "server/services/services.h"
#include "server/storage/codec.h"

namespace rebound {
namespace {

constexpr int64_t kMostGranted = 10'000;  // credits, in one message
constexpr int32_t kLookAt = 10'000;       // events, for one page
constexpr size_t kPageBytes = 1 << 20;    // and it ends with the event that reaches this
constexpr size_t kSubscriptionNameCharacters = 64;

void Show(const Call& call, const Subscription& subscription, api::Subscription* out) {
  out->set_id(subscription.name);
  out->set_cursor(call.backend.events->cursors().Seal(subscription.position, subscription.owner));
  out->set_owner(subscription.owner);
  Fill(subscription.created_at, out->mutable_create_time());
  if (subscription.committed_at) Fill(*subscription.committed_at, out->mutable_commit_time());
}

// ------------------------------------------------------------------------------------- streams

// A reactor is kept alive by itself until gRPC is done with it.
template <typename Stream>
auto StartEventStream(std::shared_ptr<Stream> stream, const std::string& method) {
  stream->Start(stream, method);
  return stream.get();
}

class WatchStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer>, public EventStream {
 public:
  WatchStream(ApiService& service, grpc::CallbackServerContext* context,
              const grpc::ByteBuffer* request)
      : EventStream(service, context), request_(request) {}

  void Start(std::shared_ptr<WatchStream> self, const std::string& method) {
    self_ = std::move(self);
    if (!Enter(method)) return;
    api::WatchRequest request;
    if (auto parsed = ParseRequest(*request_, &request); !parsed) return End(std::move(parsed));
    Begin(request.start(), request.filter(), std::numeric_limits<int64_t>::max());
  }

  void OnWriteDone(bool ok) override { Written(ok); }
  void OnCancel() override { Gone(); }
  void OnDone() override {
    const auto last = std::move(self_);
    Done();
  }

 private:
  void Send(const grpc::ByteBuffer* bytes) override { StartWrite(bytes); }
  void Close(const grpc::Status& status) override {
    grpc::ServerWriteReactor<grpc::ByteBuffer>::Finish(status);
  }
  std::unique_ptr<google::protobuf::Message> Wrap(api::EventBatch batch, int64_t,
                                                  std::string) override {
    auto message = std::make_unique<api::WatchResponse>();
    *message->mutable_batch() = std::move(batch);
    return message;
  }

  const grpc::ByteBuffer* const request_;
  std::shared_ptr<WatchStream> self_;
};

class SubscribeStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                              public EventStream {
 public:
  using EventStream::EventStream;

  void Start(std::shared_ptr<SubscribeStream> self, const std::string& method) {
    self_ = std::move(self);
    if (Enter(method)) Read();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return NoMore();
    api::SubscribeRequest request;
    if (auto parsed = ParseRequest(incoming_, &request); !parsed) return End(std::move(parsed));
    if (auto taken = Take(request); !taken) return End(std::move(taken));
    Read();
  }
  void OnWriteDone(bool ok) override { Written(ok); }
  void OnCancel() override { Gone(); }
  void OnDone() override {
    const auto last = std::move(self_);
    Done();
  }

 private:
  void Read() {
    Pinned([this] { StartRead(&incoming_); });
  }

  Result<void> Take(const api::SubscribeRequest& request) {
    const bool first = !std::exchange(started_, true);
    if (first && !request.has_start()) return FieldError("start", Reason::kRequiredFieldMissing);
    if (!first && !request.has_more()) return FieldError("start", Reason::kStreamOutOfOrder);
    const char* field = first ? "start.num_requested" : "more.num_requested";
    const int64_t credits =
        first ? request.start().num_requested() : request.more().num_requested();
    Checks checks;
    checks.Range(field, credits, 0, kMostGranted);
    if (!checks.ok()) return std::move(checks).ToError();
    if (first) {
      Begin(request.start().start(), request.start().filter(), credits);
      return {};
    }
    Grant(credits);
    const std::string& cursor = request.more().commit_cursor();
    if (!cursor.empty()) Commit("more.commit_cursor", cursor);
    return {};
  }

  void Send(const grpc::ByteBuffer* bytes) override { StartWrite(bytes); }
  void Close(const grpc::Status& status) override {
    grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>::Finish(status);
  }
  std::unique_ptr<google::protobuf::Message> Wrap(api::EventBatch batch, int64_t credits,
                                                  std::string committed_cursor) override {
    auto message = std::make_unique<api::SubscribeResponse>();
    *message->mutable_batch() = std::move(batch);
    message->set_pending_credits(static_cast<int32_t>(credits));
    message->set_committed_cursor(std::move(committed_cursor));
    return message;
  }

  bool started_ = false;  // the first message has come; of whoever reads
  grpc::ByteBuffer incoming_;
  std::shared_ptr<SubscribeStream> self_;
};

// --------------------------------------------------------------------------------------- pages

Result<void> ListEvents(const Call& call, Reader& reader, const api::ListEventsRequest& request,
                        api::ListEventsResponse* out) {
  auto limit = PageSize(request.page_size());
  if (!limit) return std::move(limit).error();
  auto filter = ToEventFilter(request.filter(), call.identity.scope, reader);
  if (!filter) return std::move(filter).error();
  auto start = ToPosition(call, *call.backend.events, reader, request.start());
  if (!start) return std::move(start).error();
  const bool sees_entries = SeesEntries(call.identity.role, call.revision->roles);
  LogQuery query{.after = start->sequence,
                 .wants =
                     [&](const LoggedEvent& logged) {
                       return filter->Matches(logged) &&
                              SeesEvent(call.identity.scope, sees_entries, logged);
                     },
                 .most = *limit,
                 .look_at = kLookAt};
  if (filter->case_ids.size() == 1) query.case_id = *filter->case_ids.begin();
  LogPage page = reader.ReadLog(query);
  const EventCursors& cursors = call.backend.events->cursors();
  LogPosition latest = page.last.sequence > start->sequence ? page.last : *start;
  size_t bytes = 0;
  for (LoggedEvent& logged : page.events) {
    const LogPosition position{logged.event.sequence, logged.mark};
    Hydrate(reader, logged.event);
    api::Event* event = out->mutable_batch()->add_events();
    Fill(logged, event);
    event->set_cursor(cursors.Seal(position, call.identity.name));
    bytes += event->ByteSizeLong();
    if (bytes < kPageBytes || &logged == &page.events.back()) continue;
    latest = position;
    page.end = false;
    break;
  }
  out->mutable_batch()->set_latest_cursor(cursors.Seal(latest, call.identity.name));
  out->set_end_of_stream(page.end);
  return {};
}

// -------------------------------------------------------------------------------- subscriptions

std::string ReadName(const std::string& field, const std::string& value, Checks& checks) {
  if (value.empty()) {
    checks.Add(field, Reason::kRequiredFieldMissing);
  } else if (value.size() > kSubscriptionNameCharacters || !IsPlain(value, "._-")) {
    checks.Add(field, Reason::kIdInvalid,
               {{"value", value.substr(0, 80)}, {"expected", "1-64 characters of [A-Za-z0-9._-]"}});
  }
  return value;
}

std::optional<Subscription> Find(const Call& call, Reader& reader, std::string_view name) {
  for (Subscription& s : reader.SubscriptionsOf(call.identity.name)) {
    if (s.name == name) return std::move(s);
  }
  return std::nullopt;
}

template <typename Request>
AuditEntry EntryOf(const Call& call, const Request& request) {
  AuditEntry entry = AuditEntryOf(call, {});
  entry.subject_type = "subscription";
  entry.request_key = RequestKey(call.identity.name, call.method, request.request_id());
  entry.detail = request.subscription_id();
  return entry;
}

// A change of the caller's subscriptions. They are no part of the log, so that no command makes
// them: whoever commits after each batch would else find their own commit in the next one.
// `prepare` checks the request and says what is to become of what.
template <typename Request, typename Response>
void AddChange(ApiService* service, const char* name,
               std::function<Result<SubscriptionChange>(const Call&, const Request&)> prepare,
               std::function<void(const Call&, const SubscriptionChange::Done&, Response*)> fill) {
  service->Add(name, [service, prepare = std::move(prepare),
                      fill = std::move(fill)](std::shared_ptr<ApiService::UnaryState> state) {
    auto request = std::make_shared<Request>();
    if (auto parsed = ParseRequest(*state->request, request.get()); !parsed) {
      return service->Finish(state, parsed);
    }
    if (auto id = CheckRequestId(request->request_id()); !id) return service->Finish(state, id);
    state->call.about.type = "subscription";
    Checks checks;
    ReadName("subscription_id", request->subscription_id(), checks);
    if (!checks.ok()) return service->Finish(state, std::move(checks).ToError());
    auto run = [service, state, request, prepare, fill] {
      Result<SubscriptionChange> change = Error{Reason::kInternal};
      try {
        change = prepare(state->call, *request);
      } catch (const std::exception& e) {
        change = ApiService::Broken(state->call, e);
      }
      if (!change) return service->Finish(state, std::move(change).error());
      change->owner = state->call.identity.name;
      change->name = request->subscription_id();
      change->now = state->call.backend.executor.Now();
      const bool commits = change->kind == SubscriptionChange::Kind::kCommit;
      if (!commits) change->audit = EntryOf(state->call, *request);
      change->done = [service, state, fill, commits](Result<SubscriptionChange::Done> done) {
        if (!done) return service->Finish(state, std::move(done).error());
        if (commits && !done->replayed) AuditCommit(state->call);
        Response response;
        fill(state->call, *done, &response);
        service->Reply(state, response);
      };
      state->call.backend.events->Change(*std::move(change));
    };
    if (!state->call.backend.pool.Run(run)) {
      service->Finish(state, Error{Reason::kQueueFull, {{"capacity", "256"}}});
    }
  });
}

void AddSubscriptions(ApiService* service) {
  AddChange<api::CreateSubscriptionRequest, api::CreateSubscriptionResponse>(
      service, "CreateSubscription",
      [](const Call& call,
         const api::CreateSubscriptionRequest& request) -> Result<SubscriptionChange> {
        const Caller caller = call.ToCaller(request.request_id(), DeterministicBytes(request));
        SubscriptionChange change{
            .kind = SubscriptionChange::Kind::kCreate,
            .request_id = request.request_id(),
            .request = RequestKey(caller.principal, caller.method, caller.request_id),
            .body = caller.body_hash};
        Result<LogPosition> position = LogPosition{};
        call.backend.store.Read([&](Reader& reader) {
          // A repeated request is answered as before, even if its cursor has expired since.
          const auto there = Find(call, reader, request.subscription_id());
          if (there && there->request == change.request) return;
          position = ToPosition(call, *call.backend.events, reader, request.start());
        });
        if (!position) return std::move(position).error();
        change.position = *position;
        return change;
      },
      [](const Call& call, const SubscriptionChange::Done& done,
         api::CreateSubscriptionResponse* out) {
        Show(call, done.subscription, out->mutable_subscription());
        out->set_replayed(done.replayed);
      });
  AddChange<api::CommitSubscriptionRequest, api::CommitSubscriptionResponse>(
      service, "CommitSubscription",
      [](const Call& call,
         const api::CommitSubscriptionRequest& request) -> Result<SubscriptionChange> {
        if (request.cursor().empty()) return FieldError("cursor", Reason::kRequiredFieldMissing);
        auto position =
            call.backend.events->cursors().Open("cursor", request.cursor(), call.identity.name);
        if (!position) return std::move(position).error();
        return SubscriptionChange{.kind = SubscriptionChange::Kind::kCommit,
                                  .position = *position,
                                  .rewind = request.rewind(),
                                  .field = "cursor"};
      },
      [](const Call& call, const SubscriptionChange::Done& done,
         api::CommitSubscriptionResponse* out) {
        Show(call, done.subscription, out->mutable_subscription());
        out->set_replayed(done.replayed);
      });
  AddChange<api::DeleteSubscriptionRequest, api::DeleteSubscriptionResponse>(
      service, "DeleteSubscription",
      [](const Call&, const api::DeleteSubscriptionRequest&) -> Result<SubscriptionChange> {
        return SubscriptionChange{.kind = SubscriptionChange::Kind::kDelete};
      },
      [](const Call&, const SubscriptionChange::Done& done, api::DeleteSubscriptionResponse* out) {
        out->set_replayed(done.replayed);
      });
  service->Query<api::GetSubscriptionRequest, api::GetSubscriptionResponse>(
      "GetSubscription", Where::kInline,
      [](const Call& call, Reader& reader, const api::GetSubscriptionRequest& request,
         api::GetSubscriptionResponse* out) -> Result<void> {
        Checks checks;
        ReadName("subscription_id", request.subscription_id(), checks);
        if (!checks.ok()) return std::move(checks).ToError();
        const auto found = Find(call, reader, request.subscription_id());
        if (!found) return Error{Reason::kNotFound, {{"resource", "subscription"}}};
        Show(call, *found, out->mutable_subscription());
        return {};
      });
  service->Query<api::ListSubscriptionsRequest, api::ListSubscriptionsResponse>(
      "ListSubscriptions", Where::kInline,
      [](const Call& call, Reader& reader, const api::ListSubscriptionsRequest&,
         api::ListSubscriptionsResponse* out) -> Result<void> {
        for (const Subscription& s : reader.SubscriptionsOf(call.identity.name)) {
          Show(call, s, out->add_subscriptions());
        }
        return {};
      });
}

}  // namespace

std::unique_ptr<ApiService> NewEventService(Backend& backend) {
  auto service = std::make_unique<ApiService>(
      backend, api::ListEventsRequest::descriptor()->file()->FindServiceByName("EventService"));
  ApiService* self = service.get();
  service->AddBidi("Subscribe", [self](grpc::CallbackServerContext* context) {
    return StartEventStream(std::make_shared<SubscribeStream>(*self, context),
                            self->FullName("Subscribe"));
  });
  service->AddWriter(
      "Watch", [self](grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
        return StartEventStream(std::make_shared<WatchStream>(*self, context, request),
                                self->FullName("Watch"));
      });
  service->Query<api::ListEventsRequest, api::ListEventsResponse>("ListEvents", Where::kPool,
                                                                  ListEvents);
  AddSubscriptions(self);
  service->CheckComplete();
  return service;
}

}  // namespace rebound
