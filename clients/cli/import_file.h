// A CSV file on its way to the server, as every import reads it: mapping, rows, the file of
// rejects, progress, interruption and the summary. What a row becomes, and how it is sent, is the
// import's own. Not thread-safe.
#pragma once

#include <chrono>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "clients/cli/import.h"
#include "clients/cli/import_job.h"
#include "clients/cli/progress.h"

namespace rebound::cli {

inline Reject ToReject(const RowError& error) { return {error.row, error.column, error.reason}; }

// In the reader's language.
inline const std::string& MessageOf(const v1::RowError& error, bool chinese) {
  return chinese && !error.message_zh().empty() ? error.message_zh() : error.message();
}

// Columns joined by "+"; "" if there are none.
std::string JoinColumns(const std::vector<std::string>& columns);

class ImportFile {
 public:
  ImportFile(Session& session, const ImportOptions& options, MappingOf what);

  // Reads the mapping, opens the file and its header. The exit code of a failure that was told.
  int Open();
  // The progress begins, and rejects of an earlier import go.
  void Begin();
  // False at the end, or where reading failed, which stops the import.
  bool Next(CsvRow* row);
  const Mapping& mapping() const { return *mapping_; }

  // Counted by the import, but for the rows read.
  ImportSummary& summary() { return summary_; }
  // The rows up to `last_row`, counted already, have their answer: `rejects` are refused, the rest
  // is stored. That this cannot be written stops the import.
  void Settle(int64_t last_row, std::vector<Reject> rejects);
  // Lists rejects of rows that follow the settled ones and will have no answer.
  void WriteRejects(std::vector<Reject> rejects);
  // For the batch that begins at this row: of the job, or a new one without.
  std::string RequestId(int64_t first_row) const;
  // Session::Call for a batch. Where the server is busy, or still at work on the same request of a
  // process that was killed, it is sent again when the server says, for as long as a call may take.
  template <class Method, class Request, class Reply>
  int Call(Method method, const Request& request, Reply* reply) {
    const auto end =
        std::chrono::steady_clock::now() +
        std::chrono::milliseconds(static_cast<int64_t>(session_.timeout_seconds * 1000));
    while (true) {
      const grpc::Status status = session_.Try(method, request, reply);
      if (status.ok()) return kExitOk;
      if (!WaitToRepeat(status, end)) return session_.Fail(status, request.request_id());
    }
  }
  void Draw();

  // The first fault of this machine ends an import.
  void Stop(std::string fault);
  bool stopped() const;

  // The summary, or how far it came. `code`: of a failure on the way that was told already.
  // `complete`: every row has its answer.
  int Conclude(int code, bool complete);

 private:
  int ReadMapping();
  int CheckMapping();
  int OpenRows();
  int OpenJob();
  // False: it is not to be repeated, or not before `end`.
  bool WaitToRepeat(const grpc::Status& status, std::chrono::steady_clock::time_point end);

  Session& session_;
  const ImportOptions& options_;
  const MappingOf what_;
  std::string mapping_text_;
  std::optional<Mapping> mapping_;
  std::optional<ImportJob> job_;
  std::ifstream file_;
  std::optional<CsvReader> reader_;
  int64_t last_row_ = 0;
  ImportSummary summary_;
  std::string rejects_path_;
  std::ofstream rejects_file_;
  std::optional<Progress> progress_;
  std::string fault_;
};

// Notes the first SIGINT while it lives; a second one ends the process as usual. One at a time.
class InterruptNote {
 public:
  InterruptNote();
  ~InterruptNote();
  InterruptNote(const InterruptNote&) = delete;
  InterruptNote& operator=(const InterruptNote&) = delete;

  static bool seen();
};

}  // namespace rebound::cli
