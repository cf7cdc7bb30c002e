#include <map>
#include <set>

#include "server/config/zones.h"
#include "server/execute/lookup.h"
#include "server/services/audit.h"
#include "server/services/case_verbs.h"
#include "server/services/convert.h"
#include "server/services/services.h"
#include "server/storage/codec.h"
#include "workflows/blacklist_notice.h"
#include "workflows/blacklist_rules.h"
#include "workflows/limits.h"
#include "workflows/remedy_ledger.h"

namespace rebound {
namespace {

constexpr int kMostActions = 100;
// Every channel: the enum's last one is in_person.
constexpr int kLastChannel = static_cast<int>(Channel::kInPerson);

Error NoSuchEntry() { return Error{Reason::kNotFound, {{"resource", "blacklist_entry"}}}; }
Error NoCustomer() { return Error{Reason::kNotFound, {{"resource", "customer"}}}; }

void FillEntry(const Call& call, const BlacklistEntry& entry, View view, api::BlacklistEntry* out) {
  Fill(entry, view, *call.revision, call.backend.executor.Now(), out);
}

// The reply of every verb: the entry as it is now.
template <typename Response>
void FillEntryVerb(const Call& call, Outcome outcome, Response* out) {
  FillEntry(call, *outcome.entry, View::kFull, out->mutable_entry());
  out->set_replayed(outcome.replayed);
}

// Whether the etag the caller saw has to be named.
enum class Seen { kMayBe, kHasToBe };

// A verb on one entry: `make` reads what is particular to it.
template <typename Request, typename Response>
void AddEntryVerb(ApiService* service, const char* name, Seen seen,
                  std::function<EntryVerb(const Request&, Checks&)> make) {
  service->Mutation<Request, Response>(
      name,
      [seen, make = std::move(make)](const Call&, const Request& request) -> Result<Command> {
        Checks checks;
        WorkEntry work;
        work.ref = checks.Entry("entry_id", request.entry_id());
        if (seen == Seen::kHasToBe) NeedEtag(request.etag(), checks);
        work.expected_version = ParseEtag(request.etag());
        work.verb = make(request, checks);
        if (!checks.ok()) return std::move(checks).ToError();
        return Command{std::move(work)};
      },
      FillEntryVerb<Response>);
}

void AddVerbs(ApiService* service) {
  AddEntryVerb<api::WarnEntryRequest, api::WarnEntryResponse>(
      service, "WarnEntry", Seen::kMayBe, [](const auto& request, Checks& checks) {
        return EntryVerb{WarnEntry{RequiredNote("note", request.note(), checks)}};
      });
  AddEntryVerb<api::DecideEntryRequest, api::DecideEntryResponse>(
      service, "DecideEntry", Seen::kHasToBe, [](const auto& request, Checks& checks) {
        return EntryVerb{
            DecideEntry{NeedGrant("activate", request.has_activate(), request.activate(), checks),
                        RequiredNote("note", request.note(), checks)}};
      });
  AddEntryVerb<api::RequestEntryExtensionRequest, api::RequestEntryExtensionResponse>(
      service, "RequestEntryExtension", Seen::kMayBe, [](const auto& request, Checks& checks) {
        RequestEntryExtension verb;
        if (!request.has_until()) {
          checks.Add("until", Reason::kBlacklistExpiryRequired);
        } else {
          verb.until = checks.Time("until", request.until()).value_or(Timestamp{});
        }
        verb.reason = RequiredNote("reason", request.reason(), checks);
        return EntryVerb{std::move(verb)};
      });
  AddEntryVerb<api::DecideEntryExtensionRequest, api::DecideEntryExtensionResponse>(
      service, "DecideEntryExtension", Seen::kHasToBe, [](const auto& request, Checks& checks) {
        return EntryVerb{
            DecideEntryExtension{NeedGrant("grant", request.has_grant(), request.grant(), checks),
                                 RequiredNote("note", request.note(), checks)}};
      });
  AddEntryVerb<api::AppealEntryRequest, api::AppealEntryResponse>(
      service, "AppealEntry", Seen::kMayBe, [](const auto& request, Checks& checks) {
        return EntryVerb{AppealEntry{RequiredNote("words", request.words(), checks),
                                     ToEvidence(request.evidence(), "evidence", checks)}};
      });
  AddEntryVerb<api::DecideEntryAppealRequest, api::DecideEntryAppealResponse>(
      service, "DecideEntryAppeal", Seen::kHasToBe, [](const auto& request, Checks& checks) {
        return EntryVerb{
            DecideEntryAppeal{NeedGrant("uphold", request.has_uphold(), request.uphold(), checks),
                              RequiredNote("note", request.note(), checks)}};
      });
  AddEntryVerb<api::LiftEntryRequest, api::LiftEntryResponse>(
      service, "LiftEntry", Seen::kHasToBe, [](const auto& request, Checks& checks) {
        return EntryVerb{LiftEntry{RequiredNote("note", request.note(), checks)}};
      });
}

// ---- Queries

// The customer who stands for the one that is named, if the caller sees that one.
Result<Customer> VisibleCustomer(const Call& call, Reader& reader,
                                 std::optional<Customer> customer) {
  if (customer && call.identity.scope.CoversOrgUnit(customer->profile.org_unit_id)) {
    customer = Standing(reader, std::move(customer));
    if (customer) return *std::move(customer);
  }
  return NoCustomer();
}

Result<Customer> CustomerNamed(const Call& call, Reader& reader, const std::string& customer_id) {
  Checks checks;
  if (customer_id.empty()) checks.Add("customer_id", Reason::kRequiredFieldMissing);
  const auto id = checks.ParseId<CustomerId>("customer_id", customer_id);
  if (!checks.ok()) return std::move(checks).ToError();
  return VisibleCustomer(call, reader, reader.GetCustomer(id));
}

Result<void> GetEntry(const Call& call, Reader& reader, const api::GetEntryRequest& request,
                      api::GetEntryResponse* out) {
  Checks checks;
  const EntryRef ref = checks.Entry("entry_id", request.entry_id());
  if (!checks.ok()) return std::move(checks).ToError();
  auto entry = FindVisible(reader, call.identity.scope, ref);
  if (!entry) return NoSuchEntry();
  Hydrate(reader, *entry);
  FillEntry(call, *entry, View::kFull, out->mutable_entry());
  return {};
}

// Whom notices of the entry go to: who stands for its customer by now; the customer themselves
// where the caller does not see who that is. REQUIRES: the entry was found visible.
Customer Addressee(const Call& call, Reader& reader, const BlacklistEntry& entry) {
  const std::optional<Customer> named = reader.GetCustomer(entry.customer_id);
  auto standing = Standing(reader, named);
  if (standing && call.identity.scope.CoversOrgUnit(standing->profile.org_unit_id)) {
    return *std::move(standing);
  }
  return named.value();
}

Result<void> PreviewNotice(const Call& call, Reader& reader,
                           const api::PreviewEntryNoticeRequest& request,
                           api::PreviewEntryNoticeResponse* out) {
  Checks checks;
  const EntryRef ref = checks.Entry("entry_id", request.entry_id());
  const auto notice = checks.Enum<BlacklistNotice>("notice", request.notice(), true);
  const std::string language = checks.Key("language", request.language(), 35);
  if (!checks.ok()) return std::move(checks).ToError();
  auto entry = FindVisible(reader, call.identity.scope, ref);
  if (!entry) return NoSuchEntry();
  Customer customer = Addressee(call, reader, *entry);
  // Nobody is left to be told, and the entry's words are gone.
  if (customer.erased_at) {
    return Error{Reason::kCustomerErased, {{"customer", ToString(customer.id)}}};
  }
  Hydrate(reader, *entry);
  Hydrate(reader, customer);
  if (!call.sees_contact) {
    std::string& name = customer.profile.display_name.value;
    name = Mask(MaskKind::kName, name);
  }
  const std::shared_ptr<const Zone> own = FindZone(customer.profile.time_zone);
  const Zone& zone = own != nullptr ? *own : call.revision->contact.zone;
  const std::string& tag = language.empty() ? customer.profile.language : language;
  const NoticeFacts facts{*entry, customer, zone, tag, call.backend.executor.Now()};
  auto rendered = RenderNotice(notice, facts, *call.revision);
  if (!rendered) return std::move(rendered).error();
  out->set_subject(std::move(rendered->subject));
  out->set_text(std::move(rendered->text));
  out->set_language(std::string(TemplateLanguage(tag)));
  out->set_time_zone(zone.name);
  return {};
}

// Each value once.
template <typename E, typename A>
std::vector<E> ToSet(const std::string& field, const google::protobuf::RepeatedField<int>& values,
                     Checks& checks) {
  std::set<E> set;
  for (int i = 0; i < values.size(); ++i) {
    set.insert(
        checks.Enum<E>(field + "[" + std::to_string(i) + "]", static_cast<A>(values[i]), true));
  }
  return {set.begin(), set.end()};
}

template <typename E>
std::string Numbers(const std::vector<E>& values) {
  std::string text;
  for (const E value : values) text += std::to_string(static_cast<int>(value)) + ",";
  return text;
}

Result<void> ListEntries(const Call& call, Reader& reader, const api::ListEntriesRequest& request,
                         api::ListEntriesResponse* out) {
  Checks checks;
  EntryQuery query;
  query.scope = call.identity.scope;
  query.states = ToSet<BlacklistState, api::BlacklistState>("states", request.states(), checks);
  query.kinds = ToSet<BlacklistKind, api::BlacklistKind>("kinds", request.kinds(), checks);
  if (!checks.ok()) return std::move(checks).ToError();
  auto limit = PageSize(request.page_size());
  if (!limit) return std::move(limit).error();
  const std::string identity =
      QueryIdentity({call.method, call.identity.name, request.customer_id(), Numbers(query.states),
                     Numbers(query.kinds)});
  auto cursor = OpenPage(call, request.page_token(), identity);
  if (!cursor) return std::move(cursor).error();
  if (!request.customer_id().empty()) {
    auto customer = CustomerNamed(call, reader, request.customer_id());
    if (!customer) return std::move(customer).error();
    query.customers = Everyone(reader, customer->id);
  }
  if (*cursor) query.before = IdCast<BlacklistEntryId>((*cursor)->id);
  query.limit = *limit + 1;
  std::vector<BlacklistEntry> entries = reader.ListEntries(query);
  const bool more = entries.size() > static_cast<size_t>(*limit);
  if (more) entries.pop_back();
  for (const BlacklistEntry& entry : entries) {
    FillEntry(call, entry, View::kBasic, out->add_entries());
  }
  if (more) {
    out->set_next_page_token(call.backend.page_tokens.Seal({0, 0, IdCast<RawId>(entries.back().id)},
                                                           identity, call.started_at));
  }
  return {};
}

// Contact and surveys on each channel, each remedy of the catalogue, and routing.
std::vector<RestrictedAction> EveryAction(const Revision& revision, const RestrictedAction& in) {
  std::vector<RestrictedAction> actions;
  const auto add = [&](RestrictedActionKind kind) -> RestrictedAction& {
    actions.push_back(in);
    actions.back().kind = kind;
    return actions.back();
  };
  for (const auto kind : {RestrictedActionKind::kContact, RestrictedActionKind::kSurvey}) {
    for (int i = 1; i <= kLastChannel; ++i) add(kind).channel = static_cast<Channel>(i);
  }
  for (const RemedyType& type : revision.remedies) {
    RestrictedAction& action = add(RestrictedActionKind::kRemedy);
    action.remedy_type = type.id;
    action.statutory = type.statutory;
  }
  if (revision.remedies.empty()) add(RestrictedActionKind::kRemedy);
  add(RestrictedActionKind::kRoute);
  return actions;
}

Result<std::vector<RestrictedAction>> ToActions(const Call& call,
                                                const api::CheckCustomerRequest& request) {
  Checks checks;
  std::vector<RestrictedAction> actions;
  checks.Count("actions", request.actions_size(), kMostActions);
  for (int i = 0; i < request.actions_size() && i < kMostActions; ++i) {
    const std::string path = "actions[" + std::to_string(i) + "]";
    actions.push_back(ToAction(request.actions(i), path, *call.revision, checks));
  }
  if (request.actions().empty()) {
    api::RestrictedAction where;
    where.set_kind(api::RESTRICTED_ACTION_KIND_ROUTE);
    where.set_program_id(request.program_id());
    where.set_org_unit_id(request.org_unit_id());
    actions = EveryAction(*call.revision, ToAction(where, "", *call.revision, checks));
  }
  if (!checks.ok()) return std::move(checks).ToError();
  for (const RestrictedAction& action : actions) {
    const bool seen =
        action.org_unit_id.empty() || call.identity.scope.CoversOrgUnit(action.org_unit_id);
    if (!seen) return Error{Reason::kNotFound, {{"resource", "org_unit"}}};
  }
  return actions;
}

// As it is asked where remedies are given: what puts our own mistakes right is no compensation, and
// restricted for nobody.
Permit PermitFor(const std::vector<BlacklistEntry>& entries, const RestrictedAction& action,
                 const Revision& revision, Timestamp now) {
  if (const RemedyType* type = FindRemedyType(revision, action.remedy_type)) {
    Remedy remedy;
    remedy.kind = type->kind;
    if (!type->statutory && !IsCompensation(remedy)) return {};
  }
  return Restrict(entries, action, now);
}

// What is in force is told to whoever sees the customer, be it decided above them: they have to
// keep to it.
Result<void> CheckCustomer(const Call& call, Reader& reader,
                           const api::CheckCustomerRequest& request,
                           api::CheckCustomerResponse* out) {
  auto actions = ToActions(call, request);
  if (!actions) return std::move(actions).error();
  Result<Customer> customer = NoCustomer();
  if (request.has_external_key()) {
    Checks checks;
    const ExternalKey key = checks.External("external_key", request.external_key());
    if (!checks.ok()) return std::move(checks).ToError();
    customer = VisibleCustomer(call, reader, reader.FindCustomer(key));
  } else {
    customer = CustomerNamed(call, reader, request.customer_id());
  }
  if (!customer) return std::move(customer).error();
  const Timestamp now = call.backend.executor.Now();
  const std::vector<BlacklistEntry> entries = OpenEntriesOfAll(reader, customer->id);
  for (const RestrictedAction& action : *actions) {
    Fill(action, PermitFor(entries, action, *call.revision, now), out->add_permits());
  }
  out->set_customer_id(ToString(customer->id));
  Fill(now, out->mutable_check_time());
  return {};
}

Result<void> ExportEntries(const Call& call, Reader& reader,
                           const api::ExportCustomerEntriesRequest& request,
                           api::ExportCustomerEntriesResponse* out) {
  auto customer = CustomerNamed(call, reader, request.customer_id());
  if (!customer) return std::move(customer).error();
  if (auto audited = AuditRead(call, {"customer", IdCast<RawId>(customer->id), {}}, ""); !audited) {
    return audited;
  }
  for (const CustomerId& id : Everyone(reader, customer->id)) {
    out->add_customer_ids(ToString(id));
  }
  for (BlacklistEntry& known : EntriesOfAll(reader, customer->id)) {
    auto entry = FindVisible(reader, call.identity.scope, EntryRef{known.id, 0});
    if (!entry) continue;
    Hydrate(reader, *entry);
    FillEntry(call, *entry, View::kFull, out->add_entries());
  }
  Fill(call.backend.executor.Now(), out->mutable_export_time());
  return {};
}

// Whether the entry's unit and its customer's are in the scope. Customers are asked for once.
class EntrySight {
 public:
  EntrySight(Reader& reader, const Scope& scope) : reader_(reader), scope_(scope) {}

  bool Sees(const BlacklistEntry& entry) {
    if (scope_.org_units.empty()) return true;
    if (!scope_.CoversOrgUnit(entry.org_unit_id)) return false;
    const auto [found, added] = customers_.try_emplace(entry.customer_id, false);
    if (added) {
      const auto customer = reader_.GetCustomer(entry.customer_id);
      found->second = customer && scope_.CoversOrgUnit(customer->profile.org_unit_id);
    }
    return found->second;
  }

 private:
  Reader& reader_;
  const Scope& scope_;
  std::map<CustomerId, bool> customers_;
};

using Groups = std::map<std::string, BlacklistCounts, std::less<>>;

void FillGroups(const Groups& groups,
                google::protobuf::RepeatedPtrField<api::BlacklistFigure>* out) {
  for (const auto& [group, counts] : groups) Fill(group, counts, out->Add());
}

Result<void> GetStatistics(const Call& call, Reader& reader,
                           const api::GetBlacklistStatisticsRequest& request,
                           api::GetBlacklistStatisticsResponse* out) {
  Checks checks;
  std::optional<Timestamp> since, until;
  if (request.has_since_time()) since = checks.Time("since_time", request.since_time());
  if (request.has_until_time()) until = checks.Time("until_time", request.until_time());
  if (!checks.ok()) return std::move(checks).ToError();
  const Timestamp now = call.backend.executor.Now();
  EntrySight sight(reader, call.identity.scope);
  BlacklistCounts total;
  Groups kinds, rules, deciders;
  reader.ScanEntries([&](const BlacklistEntry& entry) {
    if ((since && entry.created_at < *since) || (until && entry.created_at >= *until)) return;
    if (!sight.Sees(entry)) return;
    const BlacklistCounts counts = CountsOf(entry, now);
    total += counts;
    kinds[std::string(Name(entry.kind))] += counts;
    rules[entry.rule_id] += counts;
    deciders[std::string(FirstDecider(entry))] += counts;
  });
  Fill("", total, out->mutable_total());
  FillGroups(kinds, out->mutable_kinds());
  FillGroups(rules, out->mutable_rules());
  FillGroups(deciders, out->mutable_deciders());
  Fill(now, out->mutable_as_of());
  return {};
}

}  // namespace

std::unique_ptr<ApiService> NewBlacklistService(Backend& backend) {
  auto service = std::make_unique<ApiService>(
      backend,
      api::ProposeEntryRequest::descriptor()->file()->FindServiceByName("BlacklistService"));
  service->Mutation<api::ProposeEntryRequest, api::ProposeEntryResponse>(
      "ProposeEntry",
      [](const Call&, const api::ProposeEntryRequest& request) -> Result<Command> {
        Checks checks;
        ProposeEntry command = ToPropose(request.entry(), checks);
        if (!checks.ok()) return std::move(checks).ToError();
        return Command{std::move(command)};
      },
      FillEntryVerb<api::ProposeEntryResponse>);
  AddVerbs(service.get());
  service->Query<api::GetEntryRequest, api::GetEntryResponse>("GetEntry", Where::kInline, GetEntry);
  service->Query<api::PreviewEntryNoticeRequest, api::PreviewEntryNoticeResponse>(
      "PreviewEntryNotice", Where::kInline, PreviewNotice);
  service->Query<api::ListEntriesRequest, api::ListEntriesResponse>("ListEntries", Where::kPool,
                                                                    ListEntries);
  service->Query<api::CheckCustomerRequest, api::CheckCustomerResponse>(
      "CheckCustomer", Where::kInline, CheckCustomer);
  service->Query<api::ExportCustomerEntriesRequest, api::ExportCustomerEntriesResponse>(
      "ExportCustomerEntries", Where::kPool, ExportEntries);
  service->Query<api::GetBlacklistStatisticsRequest, api::GetBlacklistStatisticsResponse>(
      "GetBlacklistStatistics", Where::kPool, GetStatistics);
  AddDryRun(service.get());
  service->CheckComplete();
  return service;
}

}  // namespace rebound
