// DeliveryService: endpoints, and the log of what is delivered to them. What is delivered when is
// the dispatcher's.
#include "rebound/v1/delivery_service.pb.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "server/access/policy.h"
#include "server/access/rights.h"
#include "server/delivery/ping.h"
#include "server/delivery/webhook.h"
#include "server/execute/lookup.h"
#include "server/services/access_parts.h"
#include "server/services/audit.h"
#include "server/services/convert.h"
#include "server/services/convert_delivery.h"
#include "server/services/event_log.h"
#include "server/services/services.h"

namespace rebound {
namespace {

constexpr int kMostEndpoints = 100;  // of one owner
constexpr Duration kGrace = std::chrono::hours(24);
constexpr int64_t kLongestGraceSeconds = 7 * 24 * 3600;
constexpr size_t kMostReplayed = 10'000;
constexpr int32_t kListed = 1'000;  // at once, to find what is replayed
constexpr int kPings = 16;          // under way at once
constexpr int kPingsOfOne = 4;      // of these, of one principal

Error NoEndpoint() { return Error{Reason::kNotFound, {{"resource", "endpoint"}}}; }

// What the caller may do with an endpoint goes by what they see of its events: whoever changes
// where it is sent gets all of them.
bool IsVisible(const Call& call, const Endpoint& endpoint) {
  if (endpoint.state == EndpointState::kRemoved) return false;
  const Identity& who = call.identity;
  const bool is_own = endpoint.owner == who.name;
  if (is_own && who.kind != CredentialKind::kApiKey) return true;
  if (FindExcess(endpoint.scope, who.scope)) return false;
  return BaseOf(who.role, call.revision->roles) == "admin" || (is_own && endpoint.role == who.role);
}

Result<Endpoint> SeenEndpoint(const Call& call, DeliveryRecords& records, const RawId& id) {
  std::optional<Endpoint> endpoint = records.GetEndpoint(id);
  if (!endpoint || !IsVisible(call, *endpoint)) return NoEndpoint();
  call.about = {"endpoint", id, endpoint->owner};
  return *std::move(endpoint);
}

std::vector<Endpoint> SeenEndpoints(const Call& call, DeliveryRecords& records) {
  std::vector<Endpoint> endpoints = records.ListEndpoints();
  std::erase_if(endpoints, [&](const Endpoint& each) { return !IsVisible(call, each); });
  return endpoints;
}

// As of the event, as events themselves are seen.
bool IsVisible(const Call& call, const Delivery& delivery) {
  const Scope& scope = call.identity.scope;
  if (delivery.case_id || !delivery.queue_id.empty()) {
    return scope.Covers(delivery.org_unit_id, delivery.queue_id);
  }
  return scope.CoversOrgUnit(delivery.org_unit_id);
}

Result<RawId> ReadEndpointId(const std::string& field, const std::string& text) {
  Checks checks;
  if (text.empty()) checks.Add(field, Reason::kRequiredFieldMissing);
  const auto id = checks.ParseId<RawId>(field, text);
  if (!checks.ok()) return std::move(checks).ToError();
  return id;
}

template <typename Request>
Result<RawId> EndpointNamed(const Request& request) {
  if constexpr (requires { request.endpoint_id(); }) {
    return ReadEndpointId("endpoint_id", request.endpoint_id());
  } else {
    return ReadEndpointId("endpoint.id", request.endpoint().id());
  }
}

// An endpoint gives out events: none to a key that gets none.
Result<void> CheckMayListEvents(const Call& call) {
  return MayCall(call.identity, call.revision->roles, "rebound.v1.EventService/ListEvents");
}

LogPosition EndOfLog(const Call& call) {
  LogPosition end;
  call.backend.store.Read([&](Reader& reader) {
    end = reader.PositionAt(reader.LastSequence()).value_or(LogPosition{});
  });
  return end;
}

// ---- The road of changes -----------------------------------------------------------------------

// What a change was prepared with before its transaction.
struct Prepared {
  Endpoint endpoint{};
  std::vector<std::string> paths{};
  LogPosition end{};  // of the log
  std::vector<RawId> deliveries{};
  bool more = false;
};

template <typename Request, typename Response>
struct EndpointChange {
  // Checks the request, outside of the transaction of `make`. Absent: the id of the endpoint alone.
  std::function<Result<Prepared>(const Call&, const Request&)> prepare{};
  // Says which endpoint was made or changed, and adds to the reply what is shown once.
  std::function<Result<RawId>(const Call&, DeliveryRecords&, const Request&, const Prepared&,
                              Response*)>
      make;
};

// What every reply has, a replay's too.
template <typename Response>
Result<void> Show(const Call& call, DeliveryRecords& records, const RawId& id, Response* out) {
  if constexpr (requires { out->mutable_endpoint(); }) {
    auto endpoint = SeenEndpoint(call, records, id);
    if (!endpoint) return std::move(endpoint).error();
    Fill(*endpoint, call.backend.clock.Now(), out->mutable_endpoint());
    if constexpr (requires { out->set_public_key(""); }) {
      out->set_public_key(PublicKeyOf(*endpoint));
    }
  }
  return {};
}

template <typename Request, typename Response>
Result<void> MakeChange(const EndpointChange<Request, Response>& change, const Call& call,
                        const Request& request, Response* out) {
  if (auto may = CheckMayListEvents(call); !may) return may;
  if (auto id = CheckRequestId(request.request_id()); !id) return id;
  Backend& backend = call.backend;
  const RequestRecord asked{
      .key = RequestKey(call.identity.name, call.method, request.request_id()),
      // With the robot's secret, which the vendor made up: the hash tells nothing of it.
      .body = BodyHash(DeterministicBytes(request)),
      .at = backend.clock.Now()};
  Result<void> result;
  // Whether it was done before; then `result` says how that is answered.
  const auto is_replay = [&](DeliveryRecords& records) {
    const auto known = records.FindRequest(asked.key);
    if (!known) return false;
    out->set_replayed(true);
    if (known->body == asked.body) {
      result = Show(call, records, known->resource, out);
    } else {
      result = Error{Reason::kRequestIdReused, {{"request_id", request.request_id()}}};
    }
    return true;
  };
  bool replay = false;
  backend.store.ReadDeliveries([&](DeliveryRecords& records) { replay = is_replay(records); });
  if (replay) return result;
  Prepared prepared;
  if (change.prepare) {
    auto made = change.prepare(call, request);
    if (!made) return std::move(made).error();
    prepared = *std::move(made);
  }
  backend.store.WriteDeliveries([&](DeliveryRecords& records) {
    if (is_replay(records)) return false;
    auto id = change.make(call, records, request, prepared, out);
    if (id) result = Show(call, records, *id, out);
    if (!id) result = std::move(id).error();
    if (!result) return false;
    RequestRecord done = asked;
    done.resource = *id;
    records.Put(done);
    AuditEntry entry = AuditEntryOf(call, *id);
    entry.request_key = asked.key;
    entry.subject_type = call.about.type;
    entry.detail = call.about.number;
    records.Audit(std::move(entry));
    return true;
  });
  if (result) backend.deliveries_changed();
  return result;
}

template <typename Request, typename Response>
void AddChange(ApiService* service, const char* name, EndpointChange<Request, Response> change) {
  AddAccessWork<Request, Response>(
      service, name, service->backend().pool,
      [change = std::move(change)](const Call& call, const Request& request, Response* out) {
        return MakeChange(change, call, request, out);
      });
}

template <typename Request, typename Response>
void AddQuery(
    ApiService* service, const char* name,
    std::function<Result<void>(const Call&, DeliveryRecords&, const Request&, Response*)> read) {
  AddAccessWork<Request, Response>(
      service, name, service->backend().pool,
      [read = std::move(read)](const Call& call, const Request& request,
                               Response* out) -> Result<void> {
        Result<void> result = CheckMayListEvents(call);
        if (!result) return result;
        call.backend.store.ReadDeliveries(
            [&](DeliveryRecords& records) { result = read(call, records, request, out); });
        return result;
      });
}

// Of a change that needs the endpoint alone.
template <typename Request, typename Response>
void AddDeliveryVerb(ApiService* service, const char* name,
                     std::function<Result<void>(const Call&, DeliveryRecords&, const Request&,
                                                const Prepared&, Endpoint, Response*)>
                         verb) {
  AddChange<Request, Response>(
      service, name,
      {.prepare = [](const Call& call, const Request& request) -> Result<Prepared> {
         auto id = EndpointNamed(request);
         if (!id) return std::move(id).error();
         Prepared prepared;
         if constexpr (requires { request.from_now(); }) prepared.end = EndOfLog(call);
         return prepared;
       },
       .make = [verb = std::move(verb)](const Call& call, DeliveryRecords& records,
                                        const Request& request, const Prepared& prepared,
                                        Response* out) -> Result<RawId> {
         const RawId id = *EndpointNamed(request);
         auto endpoint = SeenEndpoint(call, records, id);
         if (!endpoint) return std::move(endpoint).error();
         auto done = verb(call, records, request, prepared, *std::move(endpoint), out);
         if (!done) return std::move(done).error();
         return id;
       }});
}

// ---- Endpoints ---------------------------------------------------------------------------------

// The filter as it is kept: cases by their ids, for numbers are for people.
Result<std::string> ReadFilter(const Call& call, const api::EventFilter& filter) {
  Result<std::string> kept = std::string();
  call.backend.store.Read([&](Reader& reader) {
    auto read = ToEventFilter(filter, call.identity.scope, reader, "endpoint.filter");
    if (!read) {
      kept = std::move(read).error();
      return;
    }
    api::EventFilter normal = filter;
    normal.clear_case_ids();
    for (const CaseId& id : read->case_ids) normal.add_case_ids(ToString(id));
    kept = DeterministicBytes(normal);
  });
  return kept;
}

Result<Prepared> PrepareCreate(const Call& call, const api::CreateEndpointRequest& request) {
  Checks checks;
  const api::Endpoint& in = request.endpoint();
  Prepared prepared;
  Endpoint& endpoint = prepared.endpoint;
  endpoint.kind = checks.Enum<EndpointKind>("endpoint.kind", in.kind(), true);
  checks.Enum<api::SigningScheme>("signing_scheme", request.signing_scheme(), false);
  // Without a kind nothing else can be judged.
  if (!checks.ok()) return std::move(checks).ToError();
  if (endpoint.kind != EndpointKind::kWebhook &&
      request.signing_scheme() != api::SIGNING_SCHEME_UNSPECIFIED) {
    checks.Add("signing_scheme", Reason::kEnumValueUnknown,
               {{"value", api::SigningScheme_Name(request.signing_scheme())},
                {"expected", "none: the endpoint is no webhook"}});
  }
  ReadEndpoint(in, {std::begin(kEndpointFields), std::end(kEndpointFields)}, call.backend.delivery,
               checks, &endpoint);
  const std::string secret = ReadRobotSecret(endpoint.kind, request.robot_secret(), false, checks);
  if (!checks.ok()) return std::move(checks).ToError();
  if (endpoint.kind == EndpointKind::kEmail && !call.backend.delivery.smtp) {
    return Error{Reason::kMailNotSetUp};
  }
  auto filter = ReadFilter(call, in.filter());
  if (!filter) return std::move(filter).error();
  endpoint.filter = *std::move(filter);
  if (endpoint.kind == EndpointKind::kWebhook) {
    const bool ed25519 = request.signing_scheme() == api::SIGNING_SCHEME_ED25519;
    endpoint.secrets = {ed25519 ? NewEd25519Secret() : NewHmacSecret()};
  } else if (!secret.empty()) {
    endpoint.secrets = {secret};
  }
  endpoint.owner = call.identity.name;
  endpoint.role = call.identity.role;
  endpoint.scope = call.identity.scope;
  endpoint.created_at = call.backend.clock.Now();
  endpoint.id = NewAccessId(endpoint.created_at);
  endpoint.position = EndOfLog(call);
  return prepared;
}

// A secret that both sides have; of the other kind the receiver gets the public key.
template <typename Response>
void ShowSecret(const Endpoint& endpoint, Response* out) {
  if (endpoint.kind == EndpointKind::kWebhook && PublicKeyOf(endpoint).empty()) {
    out->set_secret(endpoint.secrets.front());
  }
}

Result<RawId> CreateEndpoint(const Call& call, DeliveryRecords& records,
                             const api::CreateEndpointRequest&, const Prepared& prepared,
                             api::CreateEndpointResponse* out) {
  const std::vector<Endpoint> all = records.ListEndpoints();
  const auto own = std::count_if(all.begin(), all.end(), [&](const Endpoint& each) {
    return each.owner == call.identity.name && each.state != EndpointState::kRemoved;
  });
  if (own >= kMostEndpoints) {
    return Error{Reason::kEndpointLimitReached, {{"limit", std::to_string(kMostEndpoints)}}};
  }
  records.Put(prepared.endpoint);
  ShowSecret(prepared.endpoint, out);
  return prepared.endpoint.id;
}

std::vector<std::string> ReadEndpointMask(const google::protobuf::FieldMask& mask, Checks& checks) {
  std::vector<std::string> paths;
  const auto refuse = [&](const std::string& value) {
    checks.Add("update_mask", Reason::kUpdateMaskInvalid,
               {{"value", value.substr(0, 80)},
                {"expected", "url, recipients, filter, language, headers"}});
  };
  if (mask.paths().empty()) refuse("");
  for (const std::string& path : mask.paths()) {
    const bool known = std::find(std::begin(kEndpointFields), std::end(kEndpointFields), path) !=
                       std::end(kEndpointFields);
    if (!known || std::find(paths.begin(), paths.end(), path) != paths.end()) {
      refuse(path);
    } else {
      paths.push_back(path);
    }
    if (paths.size() > std::size(kEndpointFields)) break;
  }
  return paths;
}

Result<Prepared> PrepareUpdate(const Call& call, const api::UpdateEndpointRequest& request) {
  auto id = EndpointNamed(request);
  if (!id) return std::move(id).error();
  Result<Endpoint> before = NoEndpoint();
  call.backend.store.ReadDeliveries(
      [&](DeliveryRecords& records) { before = SeenEndpoint(call, records, *id); });
  if (!before) return std::move(before).error();
  Checks checks;
  Prepared prepared{.endpoint = *before};
  prepared.paths = ReadEndpointMask(request.update_mask(), checks);
  ReadEndpoint(request.endpoint(), prepared.paths, call.backend.delivery, checks,
               &prepared.endpoint);
  if (!checks.ok()) return std::move(checks).ToError();
  if (std::find(prepared.paths.begin(), prepared.paths.end(), "filter") != prepared.paths.end()) {
    auto filter = ReadFilter(call, request.endpoint().filter());
    if (!filter) return std::move(filter).error();
    prepared.endpoint.filter = *std::move(filter);
  }
  return prepared;
}

Result<RawId> UpdateEndpoint(const Call& call, DeliveryRecords& records,
                             const api::UpdateEndpointRequest&, const Prepared& prepared,
                             api::UpdateEndpointResponse*) {
  const Endpoint& asked = prepared.endpoint;
  auto endpoint = SeenEndpoint(call, records, asked.id);
  if (!endpoint) return std::move(endpoint).error();
  for (const std::string& path : prepared.paths) {
    if (path == "url") endpoint->url = asked.url;
    if (path == "recipients") endpoint->recipients = asked.recipients;
    if (path == "filter") endpoint->filter = asked.filter;
    if (path == "language") endpoint->language = asked.language;
    if (path == "headers") endpoint->headers = asked.headers;
  }
  records.Put(*endpoint);
  return asked.id;
}

Result<void> RotateSecret(const Call& call, DeliveryRecords& records,
                          const api::RotateEndpointSecretRequest& request, Endpoint endpoint,
                          api::RotateEndpointSecretResponse* out) {
  Checks checks;
  if (endpoint.kind == EndpointKind::kEmail || endpoint.kind == EndpointKind::kWecom) {
    checks.Add("endpoint_id", Reason::kIdInvalid,
               {{"value", request.endpoint_id()}, {"expected", "an endpoint that has a secret"}});
  }
  const std::string robot_secret =
      ReadRobotSecret(endpoint.kind, request.robot_secret(), true, checks);
  Duration grace = kGrace;
  if (request.has_grace()) {
    const int64_t seconds = request.grace().seconds();
    if (seconds < 0 || seconds > kLongestGraceSeconds || request.grace().nanos() < 0) {
      checks.Add("grace", Reason::kNumberOutOfRange,
                 {{"value", std::to_string(seconds) + " s"}, {"expected", "0 to 7 days"}});
    } else {
      grace = std::chrono::seconds(seconds);
    }
  }
  if (!checks.ok()) return std::move(checks).ToError();
  if (endpoint.kind == EndpointKind::kWebhook) {
    const bool ed25519 = !PublicKeyOf(endpoint).empty();
    // Not those before: whoever rotates twice wants the first gone.
    endpoint.secrets.resize(grace > Duration{0} ? 1 : 0);
    endpoint.secrets.insert(endpoint.secrets.begin(),
                            ed25519 ? NewEd25519Secret() : NewHmacSecret());
    endpoint.previous_until.reset();
    if (grace > Duration{0}) endpoint.previous_until = call.backend.clock.Now() + grace;
  } else {
    endpoint.secrets = {robot_secret};
  }
  records.Put(endpoint);
  ShowSecret(endpoint, out);
  return {};
}

Result<void> ListEndpoints(const Call& call, DeliveryRecords& records,
                           const api::ListEndpointsRequest& request,
                           api::ListEndpointsResponse* out) {
  auto limit = PageSize(request.page_size());
  if (!limit) return std::move(limit).error();
  const std::string identity = QueryIdentity({call.method, call.identity.name});
  auto cursor = OpenPage(call, request.page_token(), identity);
  if (!cursor) return std::move(cursor).error();
  for (const Endpoint& endpoint : SeenEndpoints(call, records)) {
    if (*cursor && endpoint.id <= (*cursor)->id) continue;
    if (out->endpoints_size() == *limit) {
      const auto last = ParseId<RawId>(out->endpoints(*limit - 1).id());
      out->set_next_page_token(
          call.backend.page_tokens.Seal({0, 0, *last}, identity, call.started_at));
      break;
    }
    Fill(endpoint, call.backend.clock.Now(), out->add_endpoints());
  }
  return {};
}

void AddEndpoints(ApiService* service) {
  AddChange<api::CreateEndpointRequest, api::CreateEndpointResponse>(
      service, "CreateEndpoint", {.prepare = PrepareCreate, .make = CreateEndpoint});
  AddChange<api::UpdateEndpointRequest, api::UpdateEndpointResponse>(
      service, "UpdateEndpoint", {.prepare = PrepareUpdate, .make = UpdateEndpoint});
  AddDeliveryVerb<api::DeleteEndpointRequest, api::DeleteEndpointResponse>(
      service, "DeleteEndpoint",
      [](const Call&, DeliveryRecords& records, const api::DeleteEndpointRequest&, const Prepared&,
         Endpoint endpoint, api::DeleteEndpointResponse*) -> Result<void> {
        // The dispatcher clears its deliveries away: they may be more than writers can wait for.
        endpoint.state = EndpointState::kRemoved;
        endpoint.secrets.clear();
        endpoint.headers.clear();
        endpoint.url.clear();  // a robot's key stands in it
        endpoint.recipients.clear();
        records.Put(endpoint);
        return {};
      });
  AddDeliveryVerb<api::EnableEndpointRequest, api::EnableEndpointResponse>(
      service, "EnableEndpoint",
      [](const Call&, DeliveryRecords& records, const api::EnableEndpointRequest& request,
         const Prepared& prepared, Endpoint endpoint,
         api::EnableEndpointResponse*) -> Result<void> {
        if (endpoint.state == EndpointState::kActive) return {};
        endpoint.state = EndpointState::kActive;
        endpoint.cause = EndpointDisabledCause::kNone;
        endpoint.failing_since.reset();
        if (request.from_now()) endpoint.position = prepared.end;
        records.Put(endpoint);
        return {};
      });
  AddDeliveryVerb<api::DisableEndpointRequest, api::DisableEndpointResponse>(
      service, "DisableEndpoint",
      [](const Call&, DeliveryRecords& records, const api::DisableEndpointRequest&, const Prepared&,
         Endpoint endpoint, api::DisableEndpointResponse*) -> Result<void> {
        if (endpoint.state == EndpointState::kDisabled) return {};
        endpoint.state = EndpointState::kDisabled;
        endpoint.cause = EndpointDisabledCause::kByHand;
        records.Put(endpoint);
        return {};
      });
  AddDeliveryVerb<api::RotateEndpointSecretRequest, api::RotateEndpointSecretResponse>(
      service, "RotateEndpointSecret",
      [](const Call& call, DeliveryRecords& records,
         const api::RotateEndpointSecretRequest& request, const Prepared&, Endpoint endpoint,
         api::RotateEndpointSecretResponse* out) {
        return RotateSecret(call, records, request, std::move(endpoint), out);
      });
  AddQuery<api::GetEndpointRequest, api::GetEndpointResponse>(
      service, "GetEndpoint",
      [](const Call& call, DeliveryRecords& records, const api::GetEndpointRequest& request,
         api::GetEndpointResponse* out) -> Result<void> {
        auto id = EndpointNamed(request);
        if (!id) return std::move(id).error();
        return Show(call, records, *id, out);
      });
  AddQuery<api::ListEndpointsRequest, api::ListEndpointsResponse>(service, "ListEndpoints",
                                                                  ListEndpoints);
}

// Pings under way: they take places that deliveries need, also while their receivers hang and
// their callers have gone. Thread-safe.
class Pings {
 public:
  // Of `who`, who calls End once it is answered; or kQueueFull.
  Result<void> Begin(const std::string& who) {
    std::lock_guard lock(mutex_);
    if (all_ >= kPings) return Full(kPings);
    const auto of = of_.try_emplace(who, 0).first;
    if (of->second >= kPingsOfOne) return Full(kPingsOfOne);
    ++of->second;
    ++all_;
    return {};
  }
  void End(const std::string& who) {
    std::lock_guard lock(mutex_);
    const auto of = of_.find(who);
    if (--of->second == 0) of_.erase(of);
    --all_;
  }

 private:
  static Error Full(int capacity) {
    return {Reason::kQueueFull, {{"capacity", std::to_string(capacity)}}};
  }

  std::mutex mutex_;
  std::map<std::string, int> of_{};  // guarded by mutex_, as all below; none is 0
  int all_ = 0;
};

// The ping of TestEndpoint, on disk in the audit before it leaves.
Result<Endpoint> PrepareTest(const Call& call, const api::TestEndpointRequest& request) {
  if (auto may = CheckMayListEvents(call); !may) return std::move(may).error();
  auto id = EndpointNamed(request);
  if (!id) return std::move(id).error();
  Result<Endpoint> endpoint = NoEndpoint();
  call.backend.store.WriteDeliveries([&](DeliveryRecords& records) {
    endpoint = SeenEndpoint(call, records, *id);
    if (endpoint && endpoint->kind == EndpointKind::kEmail && !call.backend.delivery.smtp) {
      endpoint = Error{Reason::kMailNotSetUp};
    }
    if (!endpoint) return false;
    AuditEntry entry = AuditEntryOf(call, *id);
    entry.subject_type = call.about.type;
    entry.detail = call.about.number;
    records.Audit(std::move(entry));
    return true;
  });
  return endpoint;
}

void AddTest(ApiService* service) {
  const auto pings = std::make_shared<Pings>();
  service->Add("TestEndpoint", [service, pings](std::shared_ptr<ApiService::UnaryState> state) {
    const std::string who = state->call.identity.name;
    if (auto begun = pings->Begin(who); !begun) {
      return service->Finish(state, std::move(begun).error());
    }
    // Before the answer: whoever has it may send the next.
    const auto refuse = [service, pings, state, who](Error error) {
      pings->End(who);
      service->Finish(state, std::move(error));
    };
    const auto run = [service, pings, state, who, refuse] {
      api::TestEndpointRequest request;
      if (auto parsed = ParseRequest(*state->request, &request); !parsed) {
        return refuse(std::move(parsed).error());
      }
      Result<Endpoint> endpoint = NoEndpoint();
      try {
        endpoint = PrepareTest(state->call, request);
      } catch (const std::exception& e) {
        endpoint = ApiService::Broken(state->call, e);
      }
      if (!endpoint) return refuse(std::move(endpoint).error());
      Backend& backend = state->call.backend;
      const Timestamp now = backend.clock.Now();
      SendPing(*backend.transfers, backend.delivery, *endpoint, NewAccessId(now), now,
               [service, pings, state, who](PingResult result) {
                 api::TestEndpointResponse response;
                 response.set_delivered(result.delivered);
                 response.set_status(result.status);
                 response.set_answer(ShownAnswer(result.answer, kShownAnswer));
                 Fill(result.took, response.mutable_duration());
                 pings->End(who);
                 service->Reply(state, response);
               });
    };
    if (service->backend().pool.Run(run)) return;
    const std::string capacity = std::to_string(service->backend().pool.capacity());
    refuse(Error{Reason::kQueueFull, {{"capacity", capacity}}});
  });
}

// ---- Deliveries --------------------------------------------------------------------------------

Result<void> ListDeliveries(const Call& call, const api::ListDeliveriesRequest& request,
                            api::ListDeliveriesResponse* out) {
  auto limit = PageSize(request.page_size());
  if (!limit) return std::move(limit).error();
  Checks checks;
  DeliveryQuery query{.limit = *limit};
  if (!request.endpoint_id().empty()) {
    query.endpoint = checks.ParseId<RawId>("endpoint_id", request.endpoint_id());
  }
  const auto state = checks.Enum<DeliveryState>("state", request.state(), false);
  if (request.state() != api::DELIVERY_STATE_UNSPECIFIED) query.state = state;
  std::optional<CaseRef> ref;
  if (!request.case_id().empty()) ref = checks.Ref("case_id", request.case_id());
  if (!checks.ok()) return std::move(checks).ToError();
  const std::string identity =
      QueryIdentity({call.method, call.identity.name, request.endpoint_id(),
                     std::to_string(request.state()), request.case_id()});
  auto cursor = OpenPage(call, request.page_token(), identity);
  if (!cursor) return std::move(cursor).error();
  if (*cursor) query.before = {(*cursor)->first, (*cursor)->id};
  if (ref) {
    call.backend.store.Read([&](Reader& reader) {
      const auto c = FindVisible(reader, call.identity.scope, *ref);
      if (c) query.case_id = c->id;
    });
    if (!query.case_id) return Error{Reason::kNotFound, {{"resource", "case"}}};
  }
  Result<void> result;
  call.backend.store.ReadDeliveries([&](DeliveryRecords& records) {
    if (query.endpoint) {
      auto endpoint = SeenEndpoint(call, records, *query.endpoint);
      if (!endpoint) {
        result = std::move(endpoint).error();
        return;
      }
    } else {
      for (const Endpoint& each : SeenEndpoints(call, records)) query.endpoints.push_back(each.id);
    }
    const std::vector<Delivery> page = records.List(query);
    for (const Delivery& delivery : page) {
      if (IsVisible(call, delivery)) Fill(delivery, out->add_deliveries());
    }
    if (page.size() < static_cast<size_t>(*limit)) return;
    const PageCursor last{page.back().sequence, 0, page.back().endpoint};
    out->set_next_page_token(call.backend.page_tokens.Seal(last, identity, call.started_at));
  });
  return result;
}

bool IsReplayable(const Delivery& delivery) {
  return delivery.state == DeliveryState::kDelivered || delivery.state == DeliveryState::kDead;
}

// Looks for what is replayed without holding up writers; the change looks at each again.
Result<Prepared> PrepareReplay(const Call& call, const api::ReplayDeliveriesRequest& request) {
  Checks checks;
  if (request.endpoint_id().empty()) checks.Add("endpoint_id", Reason::kRequiredFieldMissing);
  Prepared prepared;
  prepared.endpoint.id = checks.ParseId<RawId>("endpoint_id", request.endpoint_id());
  RawId one{};
  std::optional<Timestamp> since;
  switch (request.what_case()) {
    case api::ReplayDeliveriesRequest::kDeliveryId:
      if (request.delivery_id().empty()) checks.Add("delivery_id", Reason::kRequiredFieldMissing);
      one = checks.ParseId<RawId>("delivery_id", request.delivery_id());
      break;
    case api::ReplayDeliveriesRequest::kAllDead:
      if (!request.all_dead()) checks.Add("all_dead", Reason::kRequiredFieldMissing);
      break;
    case api::ReplayDeliveriesRequest::kStartTime:
      since = checks.Time("start_time", request.start_time());
      break;
    case api::ReplayDeliveriesRequest::WHAT_NOT_SET:
      checks.Add("delivery_id", Reason::kRequiredFieldMissing);
      break;
  }
  if (!checks.ok()) return std::move(checks).ToError();
  Result<void> result;
  call.backend.store.ReadDeliveries([&](DeliveryRecords& records) {
    const auto endpoint = SeenEndpoint(call, records, prepared.endpoint.id);
    if (!endpoint) {
      result = endpoint.error();
      return;
    }
    if (request.has_delivery_id()) {
      const auto delivery = records.GetDelivery(one);
      if (!delivery || delivery->endpoint != endpoint->id || !IsVisible(call, *delivery)) {
        result = Error{Reason::kNotFound, {{"resource", "delivery"}}};
        return;
      }
      prepared.deliveries.push_back(one);
      return;
    }
    DeliveryQuery query{.endpoint = endpoint->id, .limit = kListed};
    if (request.all_dead()) query.state = DeliveryState::kDead;
    for (bool last = false; !last && !prepared.more;) {
      const std::vector<Delivery> page = records.List(query);
      last = page.size() < static_cast<size_t>(kListed);
      for (const Delivery& delivery : page) {
        query.before = {delivery.sequence, delivery.endpoint};
        const bool wanted = IsReplayable(delivery) && IsVisible(call, delivery) &&
                            (!since || *delivery.ended_at >= *since);
        if (!wanted) continue;
        prepared.more = prepared.deliveries.size() == kMostReplayed;
        if (prepared.more) break;
        prepared.deliveries.push_back(delivery.id);
      }
    }
  });
  if (!result) return std::move(result).error();
  return prepared;
}

Result<RawId> ReplayDeliveries(const Call& call, DeliveryRecords& records,
                               const api::ReplayDeliveriesRequest&, const Prepared& prepared,
                               api::ReplayDeliveriesResponse* out) {
  auto endpoint = SeenEndpoint(call, records, prepared.endpoint.id);
  if (!endpoint) return std::move(endpoint).error();
  int32_t replayed = 0;
  for (const RawId& id : prepared.deliveries) {
    std::optional<Delivery> delivery = records.GetDelivery(id);
    if (!delivery || !IsReplayable(*delivery)) continue;
    delivery->state = DeliveryState::kPending;
    delivery->tries = 0;
    delivery->next_try_at = call.backend.clock.Now();
    delivery->ended_at.reset();
    records.Put(*delivery);
    ++replayed;
  }
  out->set_num_replayed(replayed);
  out->set_more(prepared.more);
  return endpoint->id;
}

void AddDeliveries(ApiService* service) {
  AddAccessWork<api::ListDeliveriesRequest, api::ListDeliveriesResponse>(
      service, "ListDeliveries", service->backend().pool,
      [](const Call& call, const api::ListDeliveriesRequest& request,
         api::ListDeliveriesResponse* out) -> Result<void> {
        if (auto may = CheckMayListEvents(call); !may) return may;
        return ListDeliveries(call, request, out);
      });
  AddChange<api::ReplayDeliveriesRequest, api::ReplayDeliveriesResponse>(
      service, "ReplayDeliveries", {.prepare = PrepareReplay, .make = ReplayDeliveries});
}

}  // namespace

std::unique_ptr<ApiService> NewDeliveryService(Backend& backend) {
  auto service = std::make_unique<ApiService>(
      backend,
      api::CreateEndpointRequest::descriptor()->file()->FindServiceByName("DeliveryService"));
  AddEndpoints(service.get());
  AddTest(service.get());
  AddDeliveries(service.get());
  service->CheckComplete();
  return service;
}

}  // namespace rebound
