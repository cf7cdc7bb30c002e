#include "rebound/v1/operations_service.pb.h"
#include "rebound/v1/survey_service.pb.h"
#include "server/services/access_parts.h"
#include "server/services/convert.h"
#include "server/services/services.h"
#include "server/storage/delivery_records.h"
#include "server/timers/timers.h"

namespace rebound {

std::unique_ptr<ApiService> NewSurveyService(Backend& backend) {
  auto service = std::make_unique<ApiService>(
      backend, api::GetProgramRequest::descriptor()->file()->FindServiceByName("SurveyService"));
  service->Query<api::GetProgramRequest, api::GetProgramResponse>(
      "GetProgram", Where::kInline,
      [](const Call& call, Reader&, const api::GetProgramRequest& request,
         api::GetProgramResponse* out) -> Result<void> {
        const Program* program = call.revision->FindProgram(request.program_id());
        if (program == nullptr) return Error{Reason::kNotFound, {{"resource", "program"}}};
        Fill(*program, call.revision->number, out->mutable_program());
        return {};
      });
  service->Query<api::ListProgramsRequest, api::ListProgramsResponse>(
      "ListPrograms", Where::kInline,
      [](const Call& call, Reader&, const api::ListProgramsRequest& request,
         api::ListProgramsResponse* out) -> Result<void> {
        auto limit = PageSize(request.page_size());
        if (!limit) return std::move(limit).error();
        const std::string identity = QueryIdentity({call.method, call.identity.name});
        auto cursor = OpenPage(call, request.page_token(), identity);
        if (!cursor) return std::move(cursor).error();
        const auto& programs = call.revision->programs;
        size_t at = *cursor ? static_cast<size_t>((*cursor)->first) : 0;
        for (int32_t n = 0; n < *limit && at < programs.size(); ++n, ++at) {
          Fill(programs[at], call.revision->number, out->add_programs());
        }
        if (at < programs.size()) {
          out->set_next_page_token(call.backend.page_tokens.Seal({static_cast<int64_t>(at), 0, {}},
                                                                 identity, call.started_at));
        }
        return {};
      });
  service->CheckComplete();
  return service;
}

namespace {

void FillConfig(const Call& call, Reader& reader, api::ConfigStatus* out) {
  if (const auto stored = reader.FindRevision(call.revision->number)) {
    Fill(*stored, call.revision->number, out->mutable_revision());
  }
  const RevisionBook::Reload reload = call.backend.book.last_reload();
  if (reload.at) Fill(*reload.at, out->mutable_reload_time());
  out->set_reload_ok(reload.ok);
  out->set_good_reload_count(reload.good_count);
  out->set_failed_reload_count(reload.failed_count);
  for (const ConfigError& fault : reload.errors) Fill(fault, call.language, out->add_faults());
}

void FillTimers(const Backend& backend, api::TimerStatus* out) {
  const TimerStatus status = backend.timers.Status();
  out->set_due_count(status.due);
  if (status.oldest_due) {
    const Duration age = backend.executor.Now() - *status.oldest_due;
    Fill(std::max(Duration(0), age), out->mutable_oldest_due_age());
  }
  out->set_held(status.held_since.has_value());
  if (status.held_since) Fill(*status.held_since, out->mutable_hold_time());
  out->set_parked_count(status.parked);
  if (status.lateness_p99) Fill(*status.lateness_p99, out->mutable_lateness_p99());
}

}  // namespace

void FillStatus(const Call& call, Reader& reader, v1::GetStatusResponse* out) {
  const Backend& b = call.backend;
  out->set_version(b.version);
  Fill(b.started_at, out->mutable_start_time());
  out->set_store(std::string(b.store.Name()));
  out->set_schema_version(b.store.SchemaVersion());
  out->set_last_sequence(reader.LastSequence());
  out->set_revision(call.revision->number);
  out->set_revision_hash(call.revision->hash);
  const TableSizes sizes = reader.Sizes();
  for (const auto& [table, rows] :
       {std::pair("responses", sizes.responses), std::pair("cases", sizes.cases),
        std::pair("customers", sizes.customers), std::pair("events", sizes.events)}) {
    api::TableSize* to = out->add_tables();
    to->set_table(table);
    to->set_row_count(rows);
  }
  out->set_queued_command_count(static_cast<int64_t>(b.executor.queued()));
  out->set_queue_capacity(static_cast<int64_t>(b.executor.capacity()));
  out->set_overdue_timer_count(reader.CountDue(b.executor.Now()));
  for (const CallMetrics::Row& row : b.metrics.Snapshot()) {
    api::CallCount* to = out->add_calls();
    to->set_method(row.method);
    to->set_code(std::string(Name(row.code)));
    to->set_count(row.count);
    to->set_total_micros(row.total.count());
  }
  out->set_draining(b.draining);
  out->set_event_stream_count(static_cast<int64_t>(b.events->streams()));
  if (b.limits != nullptr) {
    out->mutable_rate_limits()->set_identity_refused_count(b.limits->identity.refused());
    out->mutable_rate_limits()->set_address_refused_count(b.limits->address.refused());
    out->mutable_rate_limits()->set_connection_refused_count(b.limits->connections_refused);
  }
  FillConfig(call, reader, out->mutable_config());
  FillTimers(b, out->mutable_timers());
  out->set_tzdata_version(b.zone_data);
}

void FillDeliveries(const Backend& backend, v1::DeliveryStatus* out) {
  DeliveryCounts counts;
  backend.store.ReadDeliveries([&](DeliveryRecords& records) { counts = records.Counts(); });
  out->set_pending_count(counts.pending);
  out->set_delivered_count(counts.delivered);
  out->set_dead_count(counts.dead);
  out->set_dropped_count(counts.dropped);
  const Timestamp now = backend.clock.Now();
  if (counts.oldest_pending && *counts.oldest_pending < now) {
    Fill(now - *counts.oldest_pending, out->mutable_oldest_due_age());
  }
}

std::unique_ptr<ApiService> NewOperationsService(Backend& backend) {
  auto service = std::make_unique<ApiService>(
      backend, api::GetStatusRequest::descriptor()->file()->FindServiceByName("OperationsService"));
  AddAccessWork<api::GetStatusRequest, api::GetStatusResponse>(
      service.get(), "GetStatus", backend.pool,
      [](const Call& call, const api::GetStatusRequest& request,
         api::GetStatusResponse* out) -> Result<void> {
        call.backend.store.Read([&](Reader& reader) { FillStatus(call, reader, out); });
        FillDeliveries(call.backend, out->mutable_deliveries());
        if (request.with_metrics()) out->set_metrics_text(MetricsText(*out));
        return {};
      });
  service->Mutation<api::ConfirmClockRequest, api::ConfirmClockResponse>(
      "ConfirmClock",
      [](const Call&, const api::ConfirmClockRequest&) -> Result<Command> {
        return Command{ConfirmClock{}};
      },
      [](const Call& call, const Outcome& outcome, api::ConfirmClockResponse* out) {
        FillTimers(call.backend, out->mutable_timers());
        out->set_replayed(outcome.replayed);
      });
  service->CheckComplete();
  return service;
}

std::vector<std::unique_ptr<ApiService>> NewServices(Backend& backend) {
  std::vector<std::unique_ptr<ApiService>> services;
  services.push_back(NewResponseService(backend));
  services.push_back(NewCaseService(backend));
  services.push_back(NewCustomerService(backend));
  services.push_back(NewSurveyService(backend));
  services.push_back(NewBlacklistService(backend));
  services.push_back(NewReportService(backend));
  services.push_back(NewConfigService(backend));
  services.push_back(NewEventService(backend));
  services.push_back(NewOperationsService(backend));
  services.push_back(NewAuditService(backend));
  services.push_back(NewAccessService(backend));
  services.push_back(NewExportService(backend));
  services.push_back(NewDeliveryService(backend));
  return services;
}

}  // namespace rebound
