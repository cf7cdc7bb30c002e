// Contact data in clear, for a reason that goes on record.
#pragma once

#include <CLI/App.hpp>
#include <string>

#include "clients/cli/call.h"
#include "clients/cli/output.h"
#include "rebound/v1/customer_service.pb.h"

namespace rebound::cli {

std::string RenderContact(const v1::Contact& contact, bool chinese);

// Adds "customers unmask".
void AddCustomerUnmask(CLI::App& customers, Session& session);
// Adds "cases unmask".
void AddCaseUnmask(CLI::App& cases, Session& session);

}  // namespace rebound::cli
