#include "clients/cli/import_file.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <thread>
#include <utility>

#include "clients/cli/files.h"
#include "clients/cli/values.h"

namespace rebound::cli {
namespace {

// The first line of a rejects file.
constexpr std::string_view kRejectsHeader = "row,column,reason";

volatile sig_atomic_t interrupted = 0;
struct sigaction before_note {};

// 0 for what is no regular file.
uint64_t FileSize(const std::string& path) {
  std::error_code fault;
  if (!std::filesystem::is_regular_file(path, fault)) return 0;
  const uintmax_t size = std::filesystem::file_size(path, fault);
  return fault ? 0 : size;
}

// A rejects file of an earlier import would be taken for this one's.
void RemoveOldRejects(const std::string& path) {
  std::ifstream in(path);
  std::string first;
  if (!in || !std::getline(in, first) || first != kRejectsHeader) return;
  in.close();
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
}

}  // namespace

InterruptNote::InterruptNote() {
  interrupted = 0;
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  // Not SA_RESTART: a read of a pipe shall come back.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, &before_note);
}
InterruptNote::~InterruptNote() { sigaction(SIGINT, &before_note, nullptr); }
bool InterruptNote::seen() { return interrupted != 0; }

std::string JoinColumns(const std::vector<std::string>& columns) {
  std::string text;
  for (const std::string& column : columns) text += (text.empty() ? "" : "+") + column;
  return text;
}

ImportFile::ImportFile(Session& session, const ImportOptions& options, MappingOf what)
    : session_(session), options_(options), what_(what) {
  summary_.dry_run = options.dry_run;
  rejects_path_ = options.rejects.empty() ? options.file + ".rejects.csv" : options.rejects;
}

int ImportFile::ReadMapping() {
  const std::optional<std::string> yaml = ReadFile(options_.map);
  if (!yaml) return session_.Fail(kExitUsage, "cannot read the mapping " + options_.map);
  std::vector<std::string> errors;
  mapping_ = Mapping::Parse(*yaml, options_.map, &errors, what_);
  for (const std::string& error : errors) session_.Fail(kExitUsage, error);
  mapping_text_ = *yaml;
  return mapping_ ? kExitOk : kExitUsage;
}

// What would make the server refuse every row.
int ImportFile::CheckMapping() {
  if (!mapping_->Maps("external_id")) {
    return session_.Fail(kExitUsage, options_.map +
                                         ": expected external_id among the fields; by it "
                                         "a row is recognised when it is imported again");
  }
  if (!mapping_->Maps("source_system") && !mapping_->ConstantOf("source_system")) {
    return session_.Fail(kExitUsage, options_.map +
                                         ": expected source_system, which says whose external_id "
                                         "and customer ids these are");
  }
  if (what_ == MappingOf::kBehaviours && !mapping_->Maps("customer.external_id")) {
    return session_.Fail(kExitUsage, options_.map +
                                         ": expected customer.external_id among the fields; by it "
                                         "the customer is known");
  }
  if (what_ == MappingOf::kCustomers || what_ == MappingOf::kBehaviours) return kExitOk;
  if (!mapping_->Maps("program") && options_.program.empty()) {
    return session_.Fail(kExitUsage,
                         "expected --program, because " + options_.map + " does not map program");
  }
  const std::optional<std::string> constant = mapping_->ConstantOf("program");
  if (constant && !options_.program.empty() && *constant != options_.program) {
    return session_.Fail(kExitUsage,
                         fmt::format("expected one program, but {} says {} and --program says {}",
                                     options_.map, *constant, options_.program));
  }
  return kExitOk;
}

int ImportFile::OpenRows() {
  file_.open(options_.file, std::ios::binary);
  if (!file_ || std::filesystem::is_directory(options_.file)) {
    return session_.Fail(kExitUsage, "cannot read " + options_.file);
  }
  reader_.emplace(file_, options_.csv);
  if (const std::optional<std::string> fault = reader_->ReadHeader()) {
    return session_.Fail(kExitUsage, options_.file + ": " + *fault);
  }
  std::vector<std::string> errors;
  if (!mapping_->Bind(reader_->header(), &errors)) {
    for (const std::string& error : errors) session_.Fail(kExitUsage, error);
    return kExitUsage;
  }
  return kExitOk;
}

int ImportFile::Open() {
  if (const int code = ReadMapping(); code != kExitOk) return code;
  if (const int code = CheckMapping(); code != kExitOk) return code;
  if (const int code = OpenRows(); code != kExitOk) return code;
  return options_.results.empty() ? kExitOk : OpenJob();
}

int ImportFile::OpenJob() {
  const std::string identity =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}", static_cast<int>(what_), options_.program,
                  options_.history, options_.dry_run, CsvEncodingName(options_.csv.encoding),
                  options_.csv.delimiter == '\0' ? ' ' : options_.csv.delimiter, mapping_text_);
  job_.emplace(options_.results, options_.file, identity);
  const std::string wrong = job_->Open(reader_->header(), options_.resume, &summary_);
  return wrong.empty() ? kExitOk : session_.Fail(kExitUsage, wrong);
}

void ImportFile::Begin() {
  if (!job_) RemoveOldRejects(rejects_path_);
  progress_.emplace(session_.err, FileSize(options_.file), session_.err_width,
                    std::chrono::steady_clock::now());
}

bool ImportFile::Next(CsvRow* row) {
  while (!InterruptNote::seen() && reader_->Next(row)) {
    last_row_ = row->row;
    if (job_ && row->row <= job_->rows_done()) continue;
    ++summary_.read;
    if (job_) job_->Add(*row);
    return true;
  }
  if (reader_->read_failed() && !InterruptNote::seen()) {
    Stop(fmt::format("reading {} failed after row {}", options_.file, last_row_));
  }
  return false;
}

std::string ImportFile::RequestId(int64_t first_row) const {
  return job_ ? job_->RequestId(first_row) : NewRequestId();
}

bool ImportFile::WaitToRepeat(const grpc::Status& status,
                              std::chrono::steady_clock::time_point end) {
  const std::optional<std::chrono::milliseconds> wait = ReadError(status).retry_after;
  const bool busy = status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED ||
                    status.error_code() == grpc::StatusCode::ABORTED;
  if (!busy || !wait || std::chrono::steady_clock::now() + *wait > end) return false;
  std::this_thread::sleep_for(*wait);
  return !InterruptNote::seen();
}

void ImportFile::Settle(int64_t last_row, std::vector<Reject> rejects) {
  if (!job_) {
    WriteRejects(std::move(rejects));
    return;
  }
  if (!rejects.empty()) summary_.rejects_file = job_->failed_path();
  std::stable_sort(rejects.begin(), rejects.end(),
                   [](const Reject& a, const Reject& b) { return a.row < b.row; });
  if (!job_->Settle(last_row, rejects, summary_)) Stop("cannot write into " + options_.results);
}

void ImportFile::WriteRejects(std::vector<Reject> rejects) {
  if (rejects.empty() || job_) return;
  if (!rejects_file_.is_open()) {
    rejects_file_.open(rejects_path_, std::ios::binary | std::ios::trunc);
    rejects_file_ << kRejectsHeader << "\n";
    summary_.rejects_file = rejects_path_;
  }
  std::stable_sort(rejects.begin(), rejects.end(),
                   [](const Reject& a, const Reject& b) { return a.row < b.row; });
  CsvWriter csv(rejects_file_);
  for (const Reject& reject : rejects) {
    csv.Write({std::to_string(reject.row), reject.column, OneLine(reject.reason)});
  }
  if (!rejects_file_.good()) {
    Stop("cannot write the rejects file " + rejects_path_ + "; choose another with --rejects");
  }
}

void ImportFile::Draw() {
  if (!progress_) return;
  progress_->Update(
      {reader_->bytes_read(), summary_.accepted + summary_.replayed, summary_.rejected},
      std::chrono::steady_clock::now());
}

void ImportFile::Stop(std::string fault) {
  if (fault_.empty()) fault_ = std::move(fault);
}

bool ImportFile::stopped() const { return InterruptNote::seen() || !fault_.empty(); }

int ImportFile::Conclude(int code, bool complete) {
  rejects_file_.close();
  progress_->Finish();
  if (InterruptNote::seen()) {
    code = session_.Fail(kExitInterrupted, "interrupted");
  } else if (!fault_.empty()) {
    code = session_.Fail(kExitFailed, fault_);
  } else if (code == kExitOk && !complete) {
    code = session_.Fail(kExitFailed, "the server ended the import before its last row");
  }
  if (code != kExitOk && job_ &&
      !job_->WriteUnprocessed(reader_->read_failed() ? nullptr : &*reader_)) {
    session_.Fail(kExitFailed, "cannot write into " + options_.results);
  }
  if (code != kExitOk) {
    if (session_.format != Format::kJson) {
      session_.err << fmt::format(
          "  {} rows were dealt with before that. Run the same command again{}: rows that are "
          "stored "
          "are recognised and not stored twice.\n",
          GroupDigits(summary_.accepted + summary_.replayed + summary_.rejected),
          job_ && !options_.resume ? " with --resume" : "");
    }
    return code;
  }
  if (session_.format == Format::kJson) {
    session_.out << ImportSummaryJson(summary_) << "\n";
  } else if (session_.format == Format::kCsv) {
    CsvWriter csv(session_.out);
    csv.Write(
        {"rows", "accepted", "replayed", "rejected", "opened_cases", "dry_run", "rejects_file"});
    csv.Write({std::to_string(summary_.read), std::to_string(summary_.accepted),
               std::to_string(summary_.replayed), std::to_string(summary_.rejected),
               std::to_string(summary_.opened_cases), summary_.dry_run ? "true" : "false",
               summary_.rejects_file});
  } else {
    session_.out << RenderImportSummary(summary_, session_.style);
  }
  return options_.strict && summary_.rejected > 0 ? kExitFailed : kExitOk;
}

}  // namespace rebound::cli
