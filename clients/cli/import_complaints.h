// `rebound import complaints`: rows of a CSV file that are cases without a score, mapped and sent
// in batches. A case is known by its external key, so that a file may be sent again.
#pragma once

#include <vector>

#include "clients/cli/import.h"
#include "rebound/v1/case_service.pb.h"

namespace rebound::cli {

// Runs the import. Returns an exit code; 0 if it came to its end, whatever was rejected.
int ImportComplaints(Session& session, const ImportOptions& options);

// Puts a mapped row into a case; what cannot be sent goes to `errors`. REQUIRES: row.ok().
void FillImportedCase(const MappedRow& row, v1::ImportedCase* imported,
                      std::vector<RowError>* errors);

}  // namespace rebound::cli
