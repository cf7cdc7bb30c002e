// `rebound import responses`: rows of a CSV file, mapped, sent in batches over one stream, with
// several batches on the way at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "clients/cli/call.h"
#include "clients/cli/csv.h"
#include "clients/cli/mapping.h"
#include "rebound/v1/response_service.pb.h"

namespace rebound::cli {

// A batch holds at most this many rows, and about this many bytes: gRPC refuses messages over 4
// MiB.
inline constexpr int kBatchRows = 500;
inline constexpr size_t kBatchBytes = size_t{1} << 20;
// So many batches may wait for their answer.
inline constexpr size_t kWindowBatches = 8;
// A row over this size is rejected here; the API's own limits are far below it.
inline constexpr size_t kMaxRowBytes = size_t{2} << 20;

struct ImportOptions {
  std::string file{};
  std::string program{};
  std::string map{};
  std::string rejects{};  // path; empty: the file's with ".rejects.csv" behind
  // A directory for the results of the import as a job, see import_job.h; empty: no job.
  std::string results{};
  bool resume = false;
  CsvOptions csv{};
  bool history = false;
  bool dry_run = false;
  bool strict = false;  // rejected rows make the exit code 1
  std::string request_id{};
};

struct ImportSummary {
  int64_t read = 0;
  int64_t accepted = 0;
  int64_t replayed = 0;  // stored before
  int64_t rejected = 0;
  int64_t opened_cases = 0;
  bool dry_run = false;
  std::string rejects_file{};  // empty: none was written
};

// Runs the import. Returns an exit code; 0 if it came to its end, whatever was rejected.
int ImportResponses(Session& session, const ImportOptions& options);

// Puts a mapped row into a response. REQUIRES: row.ok().
void FillResponse(const MappedRow& row, v1::Response* response);

// The columns, joined by "+", that the field at fault was made of: "response.score" is the column
// mapped to score. "" if it was made of none. `sent` resolves places in a list of items.
std::string ColumnAtFault(const Mapping& mapping, const v1::Response& sent, std::string_view field);

std::string RenderImportSummary(const ImportSummary& summary, const Style& style);
std::string ImportSummaryJson(const ImportSummary& summary);

}  // namespace rebound::cli
