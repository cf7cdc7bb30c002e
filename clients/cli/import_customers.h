// `rebound import customers`: rows of a CSV file that are customers, mapped and sent in batches. A
// customer is known by their key: a row makes a new one or changes what it says of the known one.
#pragma once

#include <string>

#include "clients/cli/import.h"
#include "rebound/v1/customer_service.pb.h"

namespace rebound::cli {

// Runs the import. Returns an exit code; 0 if it came to its end, whatever was rejected. A dry run
// maps and checks the rows here only and sends nothing.
int ImportCustomers(Session& session, const ImportOptions& options);

// Puts a mapped row into an upsert. Returns what is wrong, or "". REQUIRES: row.ok().
std::string FillCustomer(const MappedRow& row, v1::UpsertCustomerRequest* upsert);

}  // namespace rebound::cli
