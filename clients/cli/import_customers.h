// `rebound import customers` and `rebound import behaviours`: rows of a CSV file that are
// customers, or what customers did, mapped and sent in batches. A customer is known by their key: a
// row makes a new one or changes what it says of the known one. So is a behaviour, which is stored
// once.
#pragma once

#include <string>

#include "clients/cli/import.h"
#include "rebound/v1/customer_service.pb.h"

namespace rebound::cli {

// Runs the import. Returns an exit code; 0 if it came to its end, whatever was rejected.
int ImportCustomers(Session& session, const ImportOptions& options);
int ImportBehaviours(Session& session, const ImportOptions& options);

// Puts a mapped row into an upsert. Returns what is wrong, or "". REQUIRES: row.ok().
std::string FillCustomer(const MappedRow& row, v1::UpsertCustomerRequest* upsert);
// The same into what is recorded.
std::string FillBehaviour(const MappedRow& row, v1::RecordBehaviourRequest* record);

}  // namespace rebound::cli
