#include <limits>

#include "server/config/zones.h"
#include "server/execute/lookup.h"
#include "server/services/case_verbs.h"
#include "server/services/convert.h"
#include "server/services/services.h"
#include "server/storage/codec.h"
#include "workflows/filter.h"
#include "workflows/limits.h"

namespace rebound {
namespace {

Error NoSuchCase() { return Error{Reason::kNotFound, {{"resource", "case"}}}; }

void FillCase(const Call& call, const Case& c, View view, api::Case* out) {
  Fill(c, view, *call.RevisionOf(c.revision), call.backend.executor.Now(), out);
}

// The reply of every verb: the case as it is now.
template <typename Response>
void FillCaseVerb(const Call& call, Outcome outcome, Response* out) {
  FillCase(call, *outcome.subject, View::kFull, out->mutable_case_());
  out->set_replayed(outcome.replayed);
}

// A verb on one case: `make` reads what is particular to it.
template <typename Request, typename Response>
void AddVerb(
    ApiService* service, const char* name,
    std::function<CaseVerb(const Request&, Checks&)> make =
        [](const Request& request, Checks& checks) { return ToVerb(request, checks); }) {
  service->Mutation<Request, Response>(
      name,
      [make = std::move(make)](const Call&, const Request& request) -> Result<Command> {
        Checks checks;
        WorkCase work;
        work.ref = checks.Ref("case_id", request.case_id());
        work.expected_version = ParseEtag(request.etag());
        if (request.lease_number() != 0) work.expected_lease = request.lease_number();
        work.verb = make(request, checks);
        if (!checks.ok()) return std::move(checks).ToError();
        return Command{std::move(work)};
      },
      FillCaseVerb<Response>);
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
    FillCase(call, c, View::kBasic, out->add_cases());
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
  const auto c = FindVisibleOrLent(reader, call.identity.scope, ref);
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

// Who gets the case, and who takes it.
void AddDispatching(ApiService* service) {
  AddVerb<api::DispatchCaseRequest, api::DispatchCaseResponse>(service, "DispatchCase");
  AddVerb<api::AcceptCaseRequest, api::AcceptCaseResponse>(
      service, "AcceptCase",
      [](const api::AcceptCaseRequest&, Checks&) { return CaseVerb{Accept{}}; });
  AddVerb<api::ReturnCaseRequest, api::ReturnCaseResponse>(service, "ReturnCase");
  AddVerb<api::SuperviseCaseRequest, api::SuperviseCaseResponse>(service, "SuperviseCase");
  AddVerb<api::AssistCaseRequest, api::AssistCaseResponse>(
      service, "AssistCase", [](const api::AssistCaseRequest& request, Checks& checks) {
        AssistCase verb;
        verb.id = checks.ParseId<AssistId>("assist_id", request.assist_id());
        if (request.assist_id().empty() && request.assistant().empty()) {
          checks.Add("assistant", Reason::kRequiredFieldMissing);
        }
        verb.assistant = checks.Key("assistant", request.assistant());
        verb.text = RequiredNote("text", request.text(), checks);
        return CaseVerb{std::move(verb)};
      });
  AddVerb<api::EscalateCaseRequest, api::EscalateCaseResponse>(service, "EscalateCase");
}

// When it is due, and what stops that.
void AddClocks(ApiService* service) {
  AddVerb<api::PauseCaseRequest, api::PauseCaseResponse>(service, "PauseCase");
  AddVerb<api::ResumeCaseRequest, api::ResumeCaseResponse>(service, "ResumeCase");
  AddVerb<api::ChaseCaseRequest, api::ChaseCaseResponse>(
      service, "ChaseCase", [](const api::ChaseCaseRequest& request, Checks& checks) {
        return CaseVerb{ChaseCase{checks.Enum<Channel>("channel", request.channel(), true),
                                  Note(request.note(), checks)}};
      });
  AddVerb<api::ExtendCaseRequest, api::ExtendCaseResponse>(
      service, "ExtendCase", [](const api::ExtendCaseRequest& request, Checks& checks) {
        return CaseVerb{ToExtension(request, checks)};
      });
  AddVerb<api::DecideExtensionRequest, api::DecideExtensionResponse>(
      service, "DecideExtension", [](const api::DecideExtensionRequest& request, Checks& checks) {
        NeedEtag(request.etag(), checks);
        if (request.extension_id().empty()) {
          checks.Add("extension_id", Reason::kRequiredFieldMissing);
        }
        if (!request.has_grant()) checks.Add("grant", Reason::kRequiredFieldMissing);
        return CaseVerb{DecideExtension{
            checks.ParseId<ExtensionId>("extension_id", request.extension_id()), request.grant()}};
      });
  AddVerb<api::SettleCommitmentRequest, api::SettleCommitmentResponse>(
      service, "SettleCommitment", [](const api::SettleCommitmentRequest& request, Checks& checks) {
        SettleCommitment verb;
        if (request.commitment_id().empty()) {
          checks.Add("commitment_id", Reason::kRequiredFieldMissing);
        }
        verb.id = checks.ParseId<CommitmentId>("commitment_id", request.commitment_id());
        verb.state = checks.Enum<CommitmentState>("state", request.state(), true);
        if (verb.state == CommitmentState::kPending || verb.state == CommitmentState::kMoved) {
          checks.Add("state", Reason::kEnumValueUnknown,
                     {{"value", api::CommitmentState_Name(request.state())},
                      {"expected", "COMMITMENT_STATE_KEPT or COMMITMENT_STATE_BROKEN"}});
        }
        verb.note = Note(request.note(), checks);
        return CaseVerb{std::move(verb)};
      });
}

// Where it stands.
void AddStatuses(ApiService* service) {
  AddVerb<api::VerifyCaseRequest, api::VerifyCaseResponse>(
      service, "VerifyCase", [](const api::VerifyCaseRequest& request, Checks& checks) {
        NeedEtag(request.etag(), checks);
        return CaseVerb{VerifyCase{ToVerification(request.verification(), checks)}};
      });
  AddVerb<api::MoveCaseRequest, api::MoveCaseResponse>(service, "MoveCase");
  AddVerb<api::WithdrawCaseRequest, api::WithdrawCaseResponse>(
      service, "WithdrawCase", [](const api::WithdrawCaseRequest& request, Checks& checks) {
        NeedEtag(request.etag(), checks);
        return CaseVerb{WithdrawCase{RequiredNote("note", request.note(), checks)}};
      });
  AddVerb<api::MigrateCaseRequest, api::MigrateCaseResponse>(
      service, "MigrateCase", [](const api::MigrateCaseRequest& request, Checks& checks) {
        NeedEtag(request.etag(), checks);
        return ToVerb(request, checks);
      });
}

// Which cases belong together.
void AddMerging(ApiService* service) {
  AddVerb<api::MergeCaseRequest, api::MergeCaseResponse>(
      service, "MergeCase", [](const api::MergeCaseRequest& request, Checks& checks) {
        NeedEtag(request.etag(), checks);
        return CaseVerb{MergeCase{checks.Ref("into_case_id", request.into_case_id()),
                                  Note(request.note(), checks)}};
      });
  AddVerb<api::UnmergeCaseRequest, api::UnmergeCaseResponse>(
      service, "UnmergeCase", [](const api::UnmergeCaseRequest& request, Checks& checks) {
        NeedEtag(request.etag(), checks);
        return CaseVerb{UnmergeCase{RequiredNote("note", request.note(), checks)}};
      });
  AddVerb<api::LinkCaseRequest, api::LinkCaseResponse>(
      service, "LinkCase", [](const api::LinkCaseRequest& request, Checks& checks) {
        return CaseVerb{LinkCase{checks.Ref("other_case_id", request.other_case_id()),
                                 checks.Label("kind", request.kind()), request.remove()}};
      });
}

// What is ruled, by two people.
void AddRulings(ApiService* service) {
  AddVerb<api::ProposeVerdictRequest, api::ProposeVerdictResponse>(
      service, "ProposeVerdict", [](const api::ProposeVerdictRequest& request, Checks& checks) {
        ProposeVerdict verb;
        verb.kind = checks.Enum<VerdictKind>("kind", request.kind(), true);
        if (request.has_corrected_score()) verb.corrected_score = request.corrected_score();
        verb.evidence = ToEvidence(request.evidence(), checks);
        verb.note = Note(request.note(), checks);
        return CaseVerb{std::move(verb)};
      });
  AddVerb<api::DecideVerdictRequest, api::DecideVerdictResponse>(
      service, "DecideVerdict", [](const api::DecideVerdictRequest& request, Checks& checks) {
        NeedEtag(request.etag(), checks);
        if (request.verdict_id().empty()) checks.Add("verdict_id", Reason::kRequiredFieldMissing);
        return CaseVerb{
            DecideVerdict{checks.ParseId<VerdictId>("verdict_id", request.verdict_id()),
                          NeedGrant("grant", request.has_grant(), request.grant(), checks),
                          Note(request.note(), checks)}};
      });
  AddVerb<api::FindLiabilityRequest, api::FindLiabilityResponse>(
      service, "FindLiability", [](const api::FindLiabilityRequest& request, Checks& checks) {
        return CaseVerb{
            FindLiability{checks.Enum<Liability>("liability", request.liability(), true),
                          checks.Key("unit_id", request.unit_id()),
                          checks.Key("person", request.person()), Note(request.note(), checks)}};
      });
  AddVerb<api::AppealLiabilityRequest, api::AppealLiabilityResponse>(
      service, "AppealLiability", [](const api::AppealLiabilityRequest& request, Checks& checks) {
        return CaseVerb{AppealLiability{ToEvidence(request.evidence(), checks),
                                        RequiredNote("note", request.note(), checks)}};
      });
  AddVerb<api::DecideAppealRequest, api::DecideAppealResponse>(
      service, "DecideAppeal", [](const api::DecideAppealRequest& request, Checks& checks) {
        NeedEtag(request.etag(), checks);
        return CaseVerb{
            DecideAppeal{NeedGrant("uphold", request.has_uphold(), request.uphold(), checks),
                         RequiredNote("note", request.note(), checks)}};
      });
}

// What somebody has to know, and what was held back.
void AddAlerts(ApiService* service) {
  AddVerb<api::AcknowledgeAlertRequest, api::AcknowledgeAlertResponse>(
      service, "AcknowledgeAlert", [](const api::AcknowledgeAlertRequest& request, Checks& checks) {
        return CaseVerb{AcknowledgeAlert{checks.ParseId<AlertId>("alert_id", request.alert_id()),
                                         Note(request.note(), checks)}};
      });
  AddVerb<api::BeginCaseRequest, api::BeginCaseResponse>(
      service, "BeginCase", [](const api::BeginCaseRequest& request, Checks& checks) {
        return CaseVerb{BeginCase{RequiredNote("note", request.note(), checks)}};
      });
}

void AddSteps(ApiService* service) {
  AddVerb<api::CompleteStepRequest, api::CompleteStepResponse>(
      service, "CompleteStep", [](const api::CompleteStepRequest& request, Checks& checks) {
        return CaseVerb{ToCompleteStep(request, checks)};
      });
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
      FillCaseVerb<api::OpenCaseResponse>);

  service->Mutation<api::ClaimNextCaseRequest, api::ClaimNextCaseResponse>(
      "ClaimNextCase",
      [](const Call&, const api::ClaimNextCaseRequest& request) -> Result<Command> {
        Checks checks;
        ClaimNext command{checks.Key("queue_id", request.queue_id(), 64)};
        if (!checks.ok()) return std::move(checks).ToError();
        return Command{std::move(command)};
      },
      [](const Call& call, Outcome outcome, api::ClaimNextCaseResponse* out) {
        const Case& c = *outcome.subject;
        // As it was claimed; of a repeated request, as it is now.
        const ClaimRank rank = RankOf(c, c.owned_at.value_or(call.started_at));
        const auto& promise = rank.promise_due_at;
        const auto& due = rank.breach_due_at;
        out->set_rank_explanation((promise ? "promise due " + FormatTime(*promise) + ", " : "") +
                                  (c.priority.empty() ? "" : "priority " + c.priority + ", ") +
                                  "severity " + std::to_string(c.severity) +
                                  (due ? ", due " + FormatTime(*due) : ", no deadline") +
                                  ", opened " + FormatTime(c.opened_at));
        Fill(rank, out->mutable_rank());
        FillCaseVerb(call, std::move(outcome), out);
      });

  AddVerb<api::AssignCaseRequest, api::AssignCaseResponse>(service.get(), "AssignCase");
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
  AddVerb<api::ResolveCaseRequest, api::ResolveCaseResponse>(service.get(), "ResolveCase");
  AddVerb<api::CloseCaseRequest, api::CloseCaseResponse>(
      service.get(), "CloseCase", [](const api::CloseCaseRequest& request, Checks& checks) {
        NeedEtag(request.etag(), checks);
        return CaseVerb{
            Close{checks.Personal("note", request.note(), 32'768), request.customer_declined()}};
      });
  AddVerb<api::ReopenCaseRequest, api::ReopenCaseResponse>(
      service.get(), "ReopenCase", [](const api::ReopenCaseRequest& request, Checks& checks) {
        Reopen verb;
        verb.note.value = checks.Required("note", request.note(), 32'768);
        return CaseVerb{std::move(verb)};
      });

  AddDispatching(service.get());
  AddClocks(service.get());
  AddStatuses(service.get());
  AddMerging(service.get());
  AddRulings(service.get());
  AddAlerts(service.get());
  AddSteps(service.get());
  AddBulk(service.get());
  AddCaseBatch(service.get());
  AddRemedyOptions(service.get());

  service->Query<api::GetCaseRequest, api::GetCaseResponse>(
      "GetCase", Where::kInline,
      [](const Call& call, Reader& reader, const api::GetCaseRequest& request,
         api::GetCaseResponse* out) -> Result<void> {
        Checks checks;
        const CaseRef ref = checks.Ref("case_id", request.case_id());
        if (!checks.ok()) return std::move(checks).ToError();
        auto c = FindVisibleOrLent(reader, call.identity.scope, ref);
        if (!c) return NoSuchCase();
        Hydrate(reader, *c);
        FillCase(call, *c, View::kFull, out->mutable_case_());
        if (c->phase == Phase::kClosed || c->held || c->history) return {};  // nobody calls
        std::shared_ptr<const Zone> zone;
        if (const auto customer = Standing(reader, reader.GetCustomer(c->customer_id))) {
          zone = FindZone(customer->profile.time_zone);
        }
        Fill(*c, call.RevisionOf(c->revision)->contact, zone.get(), call.backend.executor.Now(),
             out->mutable_case_()->mutable_reachability());
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
