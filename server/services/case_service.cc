#include <limits>

#include "server/services/convert.h"
#include "server/services/services.h"
#include "server/storage/codec.h"
#include "workflows/filter.h"

namespace rebound {
namespace {

std::optional<Case> FindVisible(const Call& call, Reader& reader, const CaseRef& ref) {
  auto c = ref.id.empty() ? reader.GetCaseByNumber(ref.number) : reader.GetCase(ref.id);
  if (c && !call.identity.scope.Covers(c->details.org_unit_id, c->details.queue_id)) c.reset();
  return c;
}

Error NoSuchCase() { return Error{Reason::kNotFound, {{"resource", "case"}}}; }

// The reply of every verb: the case as it is now.
template <typename Response>
void FillVerb(const Call& call, Outcome outcome, Response* out) {
  Fill(*outcome.subject, View::kFull, call.revision->lifecycle, out->mutable_case_());
  out->set_replayed(outcome.replayed);
}

// A verb on one case: `make` reads what is particular to it.
template <typename Request, typename Response>
void AddVerb(ApiService* service, const char* name,
             std::function<CaseVerb(const Request&, Checks&)> make) {
  service->Mutation<Request, Response>(
      name,
      [make = std::move(make)](const Call&, const Request& request) -> Result<Command> {
        Checks checks;
        WorkCase work;
        work.ref = checks.Ref("case_id", request.case_id());
        work.expected_version = ParseEtag(request.etag());
        work.verb = make(request, checks);
        if (!checks.ok()) return std::move(checks).ToError();
        return Command{std::move(work)};
      },
      FillVerb<Response>);
}

Result<CaseOrder> ParseOrder(const std::string& order_by) {
  if (order_by.empty() || order_by == "next_due_time") return CaseOrder::kNextDue;
  if (order_by == "open_time") return CaseOrder::kOpened;
  if (order_by == "open_time desc") return CaseOrder::kOpenedDescending;
  return FieldError("order_by", Reason::kOrderByInvalid,
                    {{"value", order_by.substr(0, 80)},
                     {"expected", "next_due_time, open_time, open_time desc"}});
}

int64_t SortKey(const Case& c, CaseOrder order) {
  if (order != CaseOrder::kNextDue) return ToMillis(c.opened_at);
  const auto due = NextDue(c);
  return due ? ToMillis(*due) : std::numeric_limits<int64_t>::max();
}

Result<void> ListCases(const Call& call, Reader& reader, const api::ListCasesRequest& request,
                       api::ListCasesResponse* out) {
  auto filter = ParseFilter(request.filter(), Use::kCaseFilter);
  if (!filter) return std::move(filter).error();
  auto order = ParseOrder(request.order_by());
  if (!order) return std::move(order).error();
  auto limit = PageSize(request.page_size());
  if (!limit) return std::move(limit).error();
  const std::string identity = QueryIdentity({call.method, call.identity.name, Canonical(*filter),
                                              std::to_string(static_cast<int>(*order))});
  auto cursor = OpenPage(call, request.page_token(), identity);
  if (!cursor) return std::move(cursor).error();

  CaseQuery query{*std::move(filter), call.identity.scope, *order, std::nullopt, *limit + 1};
  if (*cursor) query.after = {(*cursor)->first, (*cursor)->second};
  std::vector<Case> cases = reader.ListCases(query);
  const bool more = cases.size() > static_cast<size_t>(*limit);
  if (more) cases.pop_back();
  for (const Case& c : cases) {
    Fill(c, View::kBasic, call.revision->lifecycle, out->add_cases());
  }
  if (more) {
    out->set_next_page_token(call.backend.page_tokens.Seal(
        {SortKey(cases.back(), *order), cases.back().number, {}}, identity, call.started_at));
  }
  return {};
}

Result<void> ListCaseEvents(const Call& call, Reader& reader,
                            const api::ListCaseEventsRequest& request,
                            api::ListCaseEventsResponse* out) {
  Checks checks;
  const CaseRef ref = checks.Ref("case_id", request.case_id());
  if (!checks.ok()) return std::move(checks).ToError();
  auto limit = PageSize(request.page_size());
  if (!limit) return std::move(limit).error();
  const std::string identity = QueryIdentity({call.method, call.identity.name, request.case_id()});
  auto cursor = OpenPage(call, request.page_token(), identity);
  if (!cursor) return std::move(cursor).error();
  const auto c = FindVisible(call, reader, ref);
  if (!c) return NoSuchCase();
  auto events = reader.CaseEvents(c->id, *cursor ? (*cursor)->first : 0, *limit + 1);
  const bool more = events.size() > static_cast<size_t>(*limit);
  if (more) events.pop_back();
  for (Event& event : events) {
    Hydrate(reader, event);
    Fill(event, out->add_events());
  }
  if (more) {
    out->set_next_page_token(
        call.backend.page_tokens.Seal({events.back().sequence, 0, {}}, identity, call.started_at));
  }
  return {};
}

}  // namespace

std::unique_ptr<ApiService> NewCaseService(Backend& backend) {
  auto service = std::make_unique<ApiService>(
      backend, api::OpenCaseRequest::descriptor()->file()->FindServiceByName("CaseService"));

  service->Mutation<api::OpenCaseRequest, api::OpenCaseResponse>(
      "OpenCase",
      [](const Call& call, const api::OpenCaseRequest& request) -> Result<Command> {
        Checks checks;
        OpenCase command = ToOpenCase(request.case_(), checks);
        const std::string& program = request.case_().program_id();
        if (!program.empty() && call.revision->FindProgram(program) == nullptr) {
          checks.Add("case.program_id", Reason::kUnknownProgram,
                     {{"value", program.substr(0, 80)}});
        }
        if (!checks.ok()) return std::move(checks).ToError();
        return Command{std::move(command)};
      },
      FillVerb<api::OpenCaseResponse>);

  service->Mutation<api::ClaimNextCaseRequest, api::ClaimNextCaseResponse>(
      "ClaimNextCase",
      [](const Call&, const api::ClaimNextCaseRequest& request) -> Result<Command> {
        Checks checks;
        ClaimNext command{checks.Key("queue_id", request.queue_id(), 64)};
        if (!checks.ok()) return std::move(checks).ToError();
        return Command{std::move(command)};
      },
      [](const Call& call, Outcome outcome, api::ClaimNextCaseResponse* out) {
        const auto due = NextDue(*outcome.subject);
        out->set_rank_explanation("severity " + std::to_string(outcome.subject->severity) +
                                  (due ? ", due " + FormatTime(*due) : ", no deadline") +
                                  ", opened " + FormatTime(outcome.subject->opened_at));
        FillVerb(call, std::move(outcome), out);
      });

  AddVerb<api::AssignCaseRequest, api::AssignCaseResponse>(
      service.get(), "AssignCase", [](const api::AssignCaseRequest& request, Checks& checks) {
        return CaseVerb{Assign{checks.Key("owner", request.owner(), 64),
                               checks.Key("queue_id", request.queue_id(), 64)}};
      });
  AddVerb<api::LogAttemptRequest, api::LogAttemptResponse>(
      service.get(), "LogAttempt", [](const api::LogAttemptRequest& request, Checks& checks) {
        LogAttempt verb;
        verb.attempt = ToAttempt(request.attempt(), checks, &verb.occurred_now);
        return CaseVerb{std::move(verb)};
      });
  AddVerb<api::MakeCommitmentRequest, api::MakeCommitmentResponse>(
      service.get(), "MakeCommitment",
      [](const api::MakeCommitmentRequest& request, Checks& checks) {
        return CaseVerb{MakeCommitment{ToCommitment(request.commitment(), checks)}};
      });
  AddVerb<api::RemedyCaseRequest, api::RemedyCaseResponse>(
      service.get(), "RemedyCase", [](const api::RemedyCaseRequest& request, Checks& checks) {
        return CaseVerb{RecordRemedy{ToRemedy(request.remedy(), checks)}};
      });
  AddVerb<api::ResolveCaseRequest, api::ResolveCaseResponse>(
      service.get(), "ResolveCase", [](const api::ResolveCaseRequest& request, Checks& checks) {
        Resolve verb;
        verb.handling_result =
            checks.Enum<HandlingResult>("handling_result", request.handling_result(), true);
        if (verb.handling_result > HandlingResult::kWithdrawn) {
          checks.Add("handling_result", Reason::kEnumValueUnknown,
                     {{"value", api::HandlingResult_Name(request.handling_result())},
                      {"expected", "resolved, partly, not_resolved, unreachable or withdrawn"}});
        }
        verb.root_cause = checks.Required("root_cause", request.root_cause(), 200);
        verb.action_taken.value = checks.Required("action_taken", request.action_taken(), 32'768);
        if (request.has_customer_accepts()) verb.customer_accepts = request.customer_accepts();
        return CaseVerb{std::move(verb)};
      });
  AddVerb<api::CloseCaseRequest, api::CloseCaseResponse>(
      service.get(), "CloseCase", [](const api::CloseCaseRequest& request, Checks& checks) {
        if (request.etag().empty()) checks.Add("etag", Reason::kEtagRequired);
        return CaseVerb{
            Close{checks.Personal("note", request.note(), 32'768), request.customer_declined()}};
      });
  AddVerb<api::ReopenCaseRequest, api::ReopenCaseResponse>(
      service.get(), "ReopenCase", [](const api::ReopenCaseRequest& request, Checks& checks) {
        Reopen verb;
        verb.note.value = checks.Required("note", request.note(), 32'768);
        return CaseVerb{std::move(verb)};
      });

  service->Query<api::GetCaseRequest, api::GetCaseResponse>(
      "GetCase", Where::kInline,
      [](const Call& call, Reader& reader, const api::GetCaseRequest& request,
         api::GetCaseResponse* out) -> Result<void> {
        Checks checks;
        const CaseRef ref = checks.Ref("case_id", request.case_id());
        if (!checks.ok()) return std::move(checks).ToError();
        auto c = FindVisible(call, reader, ref);
        if (!c) return NoSuchCase();
        Hydrate(reader, *c);
        Fill(*c, View::kFull, call.revision->lifecycle, out->mutable_case_());
        return {};
      });
  service->Query<api::ListCasesRequest, api::ListCasesResponse>("ListCases", Where::kPool,
                                                                ListCases);
  service->Query<api::ListCaseEventsRequest, api::ListCaseEventsResponse>(
      "ListCaseEvents", Where::kPool, ListCaseEvents);
  service->CheckComplete();
  return service;
}

}  // namespace rebound
