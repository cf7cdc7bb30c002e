#include <algorithm>
#include <set>

#include "server/execute/lookup.h"
#include "server/services/batch.h"
#include "server/services/convert.h"
#include "server/services/masking.h"
#include "server/services/services.h"
#include "server/storage/codec.h"
#include "server/storage/identities.h"
#include "workflows/filter.h"

namespace rebound {
namespace {

constexpr size_t kHistoryLimit = 1'000;

Error NoSuchCustomer() { return Error{Reason::kNotFound, {{"resource", "customer"}}}; }

template <typename Response>
void FillCustomer(const Call&, Outcome outcome, Response* out) {
  Fill(*outcome.customer, View::kFull, out->mutable_customer());
  out->set_replayed(outcome.replayed);
}

constexpr size_t kUnmaskNote = limits::kShortCodePoints;

Result<Command> ToUnmask(const Call&, const api::UnmaskContactRequest& request) {
  Checks checks;
  UnmaskContact command;
  if (request.has_case_id()) {
    command.ref = checks.Ref("case_id", request.case_id());
  } else {
    if (request.customer_id().empty()) checks.Add("customer_id", Reason::kRequiredFieldMissing);
    command.customer_id = checks.ParseId<CustomerId>("customer_id", request.customer_id());
  }
  command.reason = checks.Enum<UnmaskReason>("reason", request.reason(), /*required=*/true);
  command.note = checks.Personal("note", request.note(), kUnmaskNote);
  if (command.reason == UnmaskReason::kOther && request.note().empty()) {
    checks.Add("note", Reason::kRequiredFieldMissing);
  }
  if (!checks.ok()) return std::move(checks).ToError();
  return Command{std::move(command)};
}

// Of an item of a batch.
void NoRequestId(const std::string& id, Checks& checks) {
  if (id.empty()) return;
  checks.Add("request_id", Reason::kIdInvalid,
             {{"value", id.substr(0, 80)}, {"expected", "nothing: the batch has one"}});
}

constexpr int kUpsertLimit = 1'000;
constexpr const char* kUpserts = "customers";

// Names the field that the record at fault came from, for who shows rows of a file.
Error AtUpserted(Error error) {
  if (error.reason != Reason::kNotFound) return error;
  const bool unit = error.metadata.at("resource") == "org_unit";
  return FieldError(unit ? "customer.org_unit_id" : "external_key", error.reason,
                    std::move(error.metadata));
}

void BatchUpsert(ApiService* service, const std::shared_ptr<ApiService::UnaryState>& state) {
  auto request = std::make_shared<api::BatchUpsertCustomersRequest>();
  if (auto parsed = ParseRequest(*state->request, request.get()); !parsed) {
    return service->Finish(state, parsed);
  }
  if (auto id = CheckRequestId(request->request_id()); !id) return service->Finish(state, id);
  const int count = request->customers_size();
  if (auto size = CheckBatchSize(kUpserts, count, kUpsertLimit); !size) {
    return service->Finish(state, size);
  }
  auto batch = std::make_shared<Batch>(static_cast<size_t>(count));
  batch->dry_run = request->dry_run();
  for (int i = 0; i < count; ++i) {
    const api::UpsertCustomerRequest& item = request->customers(i);
    Checks checks;
    UpsertCustomer command = ToUpsert(item, checks);
    NoRequestId(item.request_id(), checks);
    if (checks.ok()) {
      batch->Add(static_cast<size_t>(i), std::move(command));
    } else {
      batch->Refuse(static_cast<size_t>(i), std::move(checks).ToError());
    }
  }
  SubmitBatch(service, state, request->request_id(), DeterministicBytes(*request), batch,
              [service, state, batch](const std::vector<Result<Outcome>>& results) {
                api::BatchUpsertCustomersResponse reply;
                VisitResults(*batch, results, [&](size_t i, const Result<Outcome>& result) {
                  api::UpsertCustomerResult* out = reply.add_results();
                  if (!result) {
                    Fill(Inside(AtUpserted(result.error()), kUpserts, i), static_cast<int64_t>(i),
                         out->mutable_error());
                    return;
                  }
                  api::Customer* customer = out->mutable_customer();
                  Fill(*result->customer, View::kFull, customer);
                  out->set_created(result->created);
                  out->set_replayed(result->replayed);
                  if (!batch->dry_run) return;
                  customer->clear_etag();
                  if (result->created) customer->clear_id();
                });
                service->Reply(state, reply);
              });
}

constexpr int kBehaviourLimit = 1'000;
constexpr const char* kBehaviours = "behaviours";

// Of a repeat whose person was erased since, whose it was is all that is left.
void FillBehaviour(const Outcome& outcome, api::Behaviour* out) {
  if (outcome.behaviour) {
    Fill(*outcome.behaviour, outcome.customer->id, out);
  } else {
    out->set_customer_id(ToString(outcome.customer->id));
  }
}

// Names the field that the record or the key at fault came from, for who shows rows of a file.
Error AtField(Error error, const api::RecordBehaviourRequest& item) {
  if (error.reason == Reason::kBehaviourKeyReused) {
    return FieldError("behaviour.external_key", error.reason, std::move(error.metadata));
  }
  if (error.reason == Reason::kNotFound || error.reason == Reason::kCustomerErased ||
      error.reason == Reason::kBehaviourLimitReached) {
    return FieldError(item.has_customer_key() ? "customer_key" : "customer_id", error.reason,
                      std::move(error.metadata));
  }
  return error;
}

void BatchRecord(ApiService* service, const std::shared_ptr<ApiService::UnaryState>& state) {
  auto request = std::make_shared<api::BatchRecordBehavioursRequest>();
  if (auto parsed = ParseRequest(*state->request, request.get()); !parsed) {
    return service->Finish(state, parsed);
  }
  if (auto id = CheckRequestId(request->request_id()); !id) return service->Finish(state, id);
  const int count = request->behaviours_size();
  if (auto size = CheckBatchSize(kBehaviours, count, kBehaviourLimit); !size) {
    return service->Finish(state, size);
  }
  const Timestamp now = service->backend().executor.Now();
  auto batch = std::make_shared<Batch>(static_cast<size_t>(count));
  batch->dry_run = request->dry_run();
  for (int i = 0; i < count; ++i) {
    const api::RecordBehaviourRequest& item = request->behaviours(i);
    Checks checks;
    RecordBehaviour command = ToBehaviour(item, now, checks);
    NoRequestId(item.request_id(), checks);
    if (checks.ok()) {
      batch->Add(static_cast<size_t>(i), std::move(command));
    } else {
      batch->Refuse(static_cast<size_t>(i), std::move(checks).ToError());
    }
  }
  SubmitBatch(service, state, request->request_id(), DeterministicBytes(*request), batch,
              [service, state, request, batch](const std::vector<Result<Outcome>>& results) {
                api::BatchRecordBehavioursResponse reply;
                VisitResults(*batch, results, [&](size_t i, const Result<Outcome>& result) {
                  api::RecordBehaviourResult* out = reply.add_results();
                  if (!result) {
                    const auto& item = request->behaviours(static_cast<int>(i));
                    Fill(Inside(AtField(result.error(), item), kBehaviours, i),
                         static_cast<int64_t>(i), out->mutable_error());
                    return;
                  }
                  FillBehaviour(*result, out->mutable_behaviour());
                  out->set_replayed(result->replayed);
                });
                service->Reply(state, reply);
              });
}

// Of a case no more than it takes to reach whoever it is about.
void FillContact(const Call&, Outcome outcome, api::UnmaskContactResponse* out) {
  out->set_replayed(outcome.replayed);
  api::Contact* contact = out->mutable_contact();
  if (outcome.customer) {
    api::Customer customer;
    Fill(*outcome.customer, View::kFull, &customer);
    contact->set_customer_id(customer.id());
    contact->set_display_name(customer.display_name());
    *contact->mutable_contact_points() = customer.contact_points();
    if (!outcome.subject) {
      *contact->mutable_external_keys() = customer.external_keys();
      contact->set_account_id(customer.account_id());
    }
  }
  if (outcome.subject) {
    const CaseDetails& details = outcome.subject->details;
    contact->set_contact_person(details.contact_person.value);
    contact->set_account_id(details.account_id);
    if (!details.external_key.empty()) {
      api::ExternalKey* key = contact->add_external_keys();
      key->set_source_system(details.external_key.source_system);
      key->set_external_id(details.external_key.external_id);
    }
  }
}

std::optional<Customer> Visible(const Call& call, std::optional<Customer> customer) {
  if (customer && !call.identity.scope.CoversOrgUnit(customer->profile.org_unit_id)) {
    customer.reset();
  }
  return customer;
}

Result<void> GetHistory(const Call& call, Reader& reader,
                        const api::GetCustomerHistoryRequest& request,
                        api::GetCustomerHistoryResponse* out) {
  Checks checks;
  if (request.customer_id().empty()) checks.Add("customer_id", Reason::kRequiredFieldMissing);
  const auto id = checks.ParseId<CustomerId>("customer_id", request.customer_id());
  if (!checks.ok()) return std::move(checks).ToError();
  if (!Visible(call, reader.GetCustomer(id))) return NoSuchCustomer();

  std::vector<Response> responses;
  std::vector<Case> cases;
  std::vector<std::pair<CustomerId, Behaviour>> behaviours;
  const Scope& scope = call.identity.scope;
  for (const CustomerId& each : Everyone(reader, id)) {
    if (const auto record = Visible(call, reader.GetCustomer(each))) {
      for (const Behaviour& b : record->behaviours) behaviours.emplace_back(each, b);
    }
    for (Response& r : reader.ResponsesOf(each)) {
      if (scope.Covers(r.org_unit_id, r.queue_id)) responses.push_back(std::move(r));
    }
    for (Case& c : reader.CasesOf(each)) {
      if (Sees(scope, c)) cases.push_back(std::move(c));
    }
  }
  std::stable_sort(responses.begin(), responses.end(), [](const Response& a, const Response& b) {
    return a.occurred_at < b.occurred_at;
  });
  std::stable_sort(cases.begin(), cases.end(),
                   [](const Case& a, const Case& b) { return a.opened_at < b.opened_at; });
  std::stable_sort(behaviours.begin(), behaviours.end(), [](const auto& a, const auto& b) {
    return a.second.occurred_at < b.second.occurred_at;
  });
  const auto newest = [](auto& rows) {
    if (rows.size() > kHistoryLimit) {
      rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(kHistoryLimit));
    }
  };
  newest(responses);
  newest(cases);
  newest(behaviours);
  for (const auto& [record, b] : behaviours) Fill(b, record, out->add_behaviours());
  for (Response& r : responses) {
    Hydrate(reader, r);
    Fill(r, View::kFull, out->add_responses());
  }
  for (const Case& c : cases) {
    Fill(c, View::kBasic, *call.RevisionOf(c.revision), call.backend.executor.Now(),
         out->add_cases());
  }
  return {};
}

constexpr int kMostMatches = 100;

Result<void> FindMatches(const Call& call, Reader& reader,
                         const api::FindCustomerMatchesRequest& request,
                         api::FindCustomerMatchesResponse* out) {
  Checks checks;
  if (request.customer_id().empty()) checks.Add("customer_id", Reason::kRequiredFieldMissing);
  const auto id = checks.ParseId<CustomerId>("customer_id", request.customer_id());
  if (!checks.ok()) return std::move(checks).ToError();
  auto customer = Visible(call, reader.GetCustomer(id));
  if (!customer) return NoSuchCustomer();
  Hydrate(reader, *customer);
  std::set<CustomerId> others;
  for (const Hash128& hash : IdentityHashes(*customer)) {
    for (const CustomerId& other : reader.CustomersBy(hash)) {
      if (other != id) others.insert(other);
    }
  }
  const CustomerId standing = Standing(reader, customer)->id;
  const Customer folded = Folded(*customer);
  for (const CustomerId& each : others) {
    if (out->matches_size() == kMostMatches) break;
    auto other = Visible(call, reader.GetCustomer(each));
    if (!other) continue;
    Hydrate(reader, *other);
    api::CustomerMatch* match = out->add_matches();
    match->set_customer_id(ToString(each));
    match->set_linked(Standing(reader, other)->id == standing);
    for (const Match& what : MatchesOf(folded, Folded(*other))) {
      api::MatchedIdentity* identity = match->add_identities();
      identity->set_kind(std::string(Name(what.kind)));
      identity->set_source_system(what.source_system);
      identity->set_shown(what.shown);
    }
  }
  return {};
}

}  // namespace

std::unique_ptr<ApiService> NewCustomerService(Backend& backend) {
  auto service = std::make_unique<ApiService>(
      backend, api::GetCustomerRequest::descriptor()->file()->FindServiceByName("CustomerService"));

  service->Mutation<api::UpsertCustomerRequest, api::UpsertCustomerResponse>(
      "UpsertCustomer",
      [](const Call&, const api::UpsertCustomerRequest& request) -> Result<Command> {
        Checks checks;
        UpsertCustomer command = ToUpsert(request, checks);
        if (!checks.ok()) return std::move(checks).ToError();
        return Command{std::move(command)};
      },
      [](const Call& call, Outcome outcome, api::UpsertCustomerResponse* out) {
        out->set_created(outcome.created);
        FillCustomer(call, std::move(outcome), out);
      });
  service->Add("BatchUpsertCustomers",
               [service = service.get()](const std::shared_ptr<ApiService::UnaryState>& state) {
                 BatchUpsert(service, state);
               });
  service->Mutation<api::RecordBehaviourRequest, api::RecordBehaviourResponse>(
      "RecordBehaviour",
      [](const Call& call, const api::RecordBehaviourRequest& request) -> Result<Command> {
        Checks checks;
        RecordBehaviour command = ToBehaviour(request, call.backend.executor.Now(), checks);
        if (!checks.ok()) return std::move(checks).ToError();
        return Command{std::move(command)};
      },
      [](const Call&, Outcome outcome, api::RecordBehaviourResponse* out) {
        FillBehaviour(outcome, out->mutable_behaviour());
        out->set_replayed(outcome.replayed);
      });
  service->Add("BatchRecordBehaviours",
               [service = service.get()](const std::shared_ptr<ApiService::UnaryState>& state) {
                 BatchRecord(service, state);
               });
  service->Mutation<api::AddCustomerAliasRequest, api::AddCustomerAliasResponse>(
      "AddCustomerAlias",
      [](const Call&, const api::AddCustomerAliasRequest& request) -> Result<Command> {
        Checks checks;
        AddCustomerAlias command;
        if (request.customer_id().empty()) {
          checks.Add("customer_id", Reason::kRequiredFieldMissing);
        }
        command.customer_id = checks.ParseId<CustomerId>("customer_id", request.customer_id());
        command.key = checks.External("external_key", request.external_key());
        if (!checks.ok()) return std::move(checks).ToError();
        return Command{std::move(command)};
      },
      FillCustomer<api::AddCustomerAliasResponse>);
  service->Mutation<api::SetCustomerConsentRequest, api::SetCustomerConsentResponse>(
      "SetCustomerConsent",
      [](const Call& call, const api::SetCustomerConsentRequest& request) -> Result<Command> {
        Checks checks;
        SetCustomerConsent command = ToConsent(request, call.backend.executor.Now(), checks);
        if (!checks.ok()) return std::move(checks).ToError();
        return Command{std::move(command)};
      },
      FillCustomer<api::SetCustomerConsentResponse>);
  service->Mutation<api::EraseCustomerRequest, api::EraseCustomerResponse>(
      "EraseCustomer",
      [](const Call&, const api::EraseCustomerRequest& request) -> Result<Command> {
        Checks checks;
        EraseCustomer command;
        if (request.customer_id().empty()) {
          checks.Add("customer_id", Reason::kRequiredFieldMissing);
        }
        command.customer_id = checks.ParseId<CustomerId>("customer_id", request.customer_id());
        command.ground = checks.Enum<ErasureGround>("ground", request.ground(), /*required=*/true);
        NeedEtag(request.etag(), checks);
        command.expected_version = ParseEtag(request.etag());
        if (!checks.ok()) return std::move(checks).ToError();
        return Command{std::move(command)};
      },
      FillCustomer<api::EraseCustomerResponse>);
  service->Mutation<api::UnmaskContactRequest, api::UnmaskContactResponse>("UnmaskContact",
                                                                           ToUnmask, FillContact);
  service->Query<api::FindCustomerMatchesRequest, api::FindCustomerMatchesResponse>(
      "FindCustomerMatches", Where::kPool, FindMatches);

  service->Query<api::GetCustomerRequest, api::GetCustomerResponse>(
      "GetCustomer", Where::kInline,
      [](const Call& call, Reader& reader, const api::GetCustomerRequest& request,
         api::GetCustomerResponse* out) -> Result<void> {
        Checks checks;
        std::optional<Customer> customer;
        if (request.has_external_key()) {
          const ExternalKey key = checks.External("external_key", request.external_key());
          if (checks.ok()) customer = reader.FindCustomer(key);
        } else {
          if (request.customer_id().empty()) {
            checks.Add("customer_id", Reason::kRequiredFieldMissing);
          }
          const auto id = checks.ParseId<CustomerId>("customer_id", request.customer_id());
          if (checks.ok()) customer = reader.GetCustomer(id);
        }
        if (!checks.ok()) return std::move(checks).ToError();
        customer = Visible(call, std::move(customer));
        if (!customer) return NoSuchCustomer();
        Hydrate(reader, *customer);
        Fill(*customer, View::kFull, out->mutable_customer());
        return {};
      });
  service->Query<api::ListCustomersRequest, api::ListCustomersResponse>(
      "ListCustomers", Where::kPool,
      [](const Call& call, Reader& reader, const api::ListCustomersRequest& request,
         api::ListCustomersResponse* out) -> Result<void> {
        auto filter = ParseFilter(request.filter(), Use::kCustomerFilter);
        if (!filter) return std::move(filter).error();
        if (auto shown = CheckUnmasked(call.sees_contact, "filter", *filter); !shown) return shown;
        auto limit = PageSize(request.page_size());
        if (!limit) return std::move(limit).error();
        const std::string identity =
            QueryIdentity({call.method, call.identity.name, Canonical(*filter)});
        auto cursor = OpenPage(call, request.page_token(), identity);
        if (!cursor) return std::move(cursor).error();
        ListQuery query{*std::move(filter), call.identity.scope, std::nullopt, *limit + 1};
        if (*cursor) query.before = (*cursor)->id;
        std::vector<Customer> customers = reader.ListCustomers(query);
        const bool more = customers.size() > static_cast<size_t>(*limit);
        if (more) customers.pop_back();
        for (Customer& c : customers) {
          for (CustomerKey& key : c.keys)
            key.external_id.value = reader.GetText(key.external_id.id);
          Fill(c, View::kBasic, out->add_customers());
        }
        if (more) {
          out->set_next_page_token(call.backend.page_tokens.Seal(
              {0, 0, IdCast<RawId>(customers.back().id)}, identity, call.started_at));
        }
        return {};
      });
  service->Query<api::GetCustomerHistoryRequest, api::GetCustomerHistoryResponse>(
      "GetCustomerHistory", Where::kPool, GetHistory);
  AddCustomerExport(service.get());
  service->CheckComplete();
  return service;
}

}  // namespace rebound
