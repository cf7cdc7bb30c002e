// The results of an import as files in a directory, kept so that an import that was cut off goes on
// where it stopped. UTF-8 with a byte order mark, by which a spreadsheet knows it, and with commas,
// whatever the imported file has:
//
//   successful.csv   rows that are stored (or would be, in a dry run), as they stood in the file
//   failed.csv       rows that were refused, with three columns more: rebound.row, rebound.column
//                    and rebound.reason. Once this import has ended, mend them there and import
//                    that file into another directory: a mapping leaves the three columns out. A
//                    row with more cells than the header keeps them behind those three, and of one
//                    that cannot be told from the next (an open quote) it has what was read.
//   unprocessed.csv  rows without an answer, where the import ended before its last row
//   job.json         which file, mapping and options these are, by hash, and how far it came
//
// Cells stand as they were, formulas too: the files are for this importer first.
#pragma once

#include <cstdint>
#include <deque>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clients/cli/csv.h"
#include "clients/cli/import.h"

namespace rebound::cli {

// What a row that waits costs.
size_t SizeInMemory(const CsvRow& row);

// A row that is not stored, and why.
struct Reject {
  int64_t row = 0;
  std::string column{};
  std::string reason{};
};

// Not thread-safe. Rows wait in memory from Add to Settle, which an import does batch by batch, a
// batch being so many rows or so many bytes (SizeInMemory).
class ImportJob {
 public:
  // `identity` tells one import from another: what is imported, its mapping and its options.
  ImportJob(std::string directory, std::string file, std::string_view identity);

  // Begins in a directory without a job, or, if `resume`, goes on with the same import there (and
  // begins if there is none). Cuts the result files back to what job.json says and reads the counts
  // into `*summary`. Returns what is wrong, or "".
  std::string Open(const std::vector<std::string>& header, bool resume, ImportSummary* summary);

  // Rows up to this one have their answer from an earlier run; 0 if there is none.
  int64_t rows_done() const { return rows_done_; }

  // The same for the same rows of the same import, however often it is run.
  std::string RequestId(int64_t first_row) const;

  void Add(const CsvRow& row);
  // The rows up to `last_row` have their answer; `rejects` are theirs, in order of the rows. False
  // if a file could not be written.
  bool Settle(int64_t last_row, const std::vector<Reject>& rejects, const ImportSummary& summary);
  // Lists what has no answer: the rows added and the rest of the file. `rest` may be null.
  bool WriteUnprocessed(CsvReader* rest);

  std::string failed_path() const { return directory_ + "/failed.csv"; }

 private:
  std::string Resume(ImportSummary* summary);
  void AddToFailed(const std::string& text);
  bool Save(const ImportSummary& summary);

  std::string directory_;
  std::string file_;
  std::string identity_;
  std::string hash_;  // of the file and the identity
  std::vector<std::string> header_;
  int64_t rows_done_ = 0;
  std::ofstream successful_;
  std::ofstream failed_;
  uint64_t failed_checksum_ = 0;  // of what was written into it
  std::deque<CsvRow> waiting_;
};

}  // namespace rebound::cli
