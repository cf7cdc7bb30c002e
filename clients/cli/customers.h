// How a customer looks, and how one is named.
#pragma once

#include <string>
#include <vector>

#include "clients/cli/call.h"
#include "clients/cli/output.h"
#include "rebound/v1/customer_service.pb.h"

namespace rebound::cli {

std::vector<Column<v1::Customer>> CustomerColumns();

std::string RenderCustomer(const v1::Customer& customer, const Style& style);

// Answers, cases and behaviours, oldest first.
std::string RenderHistory(const v1::GetCustomerHistoryResponse& history, const Style& style,
                          int width);

// Turns SOURCE:KEY into the customer's id by asking the server; an id stays as it is. Returns an
// exit code, and has printed the error if it is not 0.
int FindCustomer(Session& session, const std::string& name, std::string* customer_id);

// Puts NAME=VALUE settings into an upsert with its mask. Returns what is wrong, or "".
std::string ReadSettings(const std::vector<std::pair<std::string, std::string>>& settings,
                         v1::UpsertCustomerRequest* request);

}  // namespace rebound::cli
