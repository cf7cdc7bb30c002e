// The services of rebound.v1, each a table of handlers on the one call path. Every contract is in
// its .proto.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rebound/v1/operations_service.pb.h"
#include "server/services/call.h"

namespace rebound {

std::unique_ptr<ApiService> NewResponseService(Backend& backend);
std::unique_ptr<ApiService> NewCaseService(Backend& backend);
std::unique_ptr<ApiService> NewCustomerService(Backend& backend);
std::unique_ptr<ApiService> NewSurveyService(Backend& backend);
std::unique_ptr<ApiService> NewConfigService(Backend& backend);
std::unique_ptr<ApiService> NewBlacklistService(Backend& backend);
std::unique_ptr<ApiService> NewReportService(Backend& backend);
std::unique_ptr<ApiService> NewEventService(Backend& backend);
std::unique_ptr<ApiService> NewOperationsService(Backend& backend);
std::unique_ptr<ApiService> NewAuditService(Backend& backend);
std::unique_ptr<ApiService> NewAccessService(Backend& backend);
std::unique_ptr<ApiService> NewExportService(Backend& backend);
std::unique_ptr<ApiService> NewDeliveryService(Backend& backend);

// Of the AccessService: sign_in.cc. The token of a new session for the user of exactly this name,
// which a provider vouches for; kProviderUserUnknown: nobody who may sign in has it. Waits for the
// disk.
Result<std::string> SignInByProvider(const Call& call, const std::string& name);

// Parts of the CaseService with files of their own: bulk.cc, case_batch.cc, remedy_options.cc.
void AddBulk(ApiService* service);
void AddCaseBatch(ApiService* service);
void AddRemedyOptions(ApiService* service);

// Of the CustomerService: customer_export.cc.
void AddCustomerExport(ApiService* service);

// Of the ConfigService: backtest.cc.
void AddBacktest(ApiService* service);

// Of the BlacklistService: blacklist_dry_run.cc.
void AddDryRun(ApiService* service);

// Of the OperationsService: what GetStatus answers, but for deliveries and the figures as text.
void FillStatus(const Call& call, Reader& reader, v1::GetStatusResponse* out);
// The rest of it: from another part of the store, so not while that is being read.
void FillDeliveries(const Backend& backend, v1::DeliveryStatus* out);
// metrics_text.cc: the same as figures for a monitoring system, in the text format of Prometheus
// (version 0.0.4).
std::string MetricsText(const v1::GetStatusResponse& status);

// All of them.
std::vector<std::unique_ptr<ApiService>> NewServices(Backend& backend);

}  // namespace rebound
