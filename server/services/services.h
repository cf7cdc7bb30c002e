// The services of rebound.v1, each a table of handlers on the one call path. Every contract is in
// its .proto.
#pragma once

#include <memory>
#include <vector>

#include "server/services/call.h"

namespace rebound {

std::unique_ptr<ApiService> NewResponseService(Backend& backend);
std::unique_ptr<ApiService> NewCaseService(Backend& backend);
std::unique_ptr<ApiService> NewCustomerService(Backend& backend);
std::unique_ptr<ApiService> NewSurveyService(Backend& backend);
std::unique_ptr<ApiService> NewConfigService(Backend& backend);
std::unique_ptr<ApiService> NewReportService(Backend& backend);
std::unique_ptr<ApiService> NewOperationsService(Backend& backend);

// All of them.
std::vector<std::unique_ptr<ApiService>> NewServices(Backend& backend);

}  // namespace rebound
