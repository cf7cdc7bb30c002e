// Endpoints that events are delivered to, and the log of deliveries.
#pragma once

#include <string>
#include <vector>

#include "clients/cli/output.h"
#include "rebound/v1/delivery.pb.h"

namespace rebound::cli {

std::vector<Column<v1::Endpoint>> EndpointColumns();
std::vector<Column<v1::Delivery>> DeliveryColumns();
// `public_key`: may be empty.
std::string RenderEndpoint(const v1::Endpoint& endpoint, const std::string& public_key);

}  // namespace rebound::cli
