#include "clients/cli/import_complaints.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "clients/cli/options.h"
#include "clients/cli/progress.h"
#include "clients/cli/values.h"
#include "rebound/v1/case_service.grpc.pb.h"

namespace rebound::cli {
namespace {

constexpr int kBatchCases = 200;

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

struct FieldTarget {
  std::string_view field;  // of ImportedCase, the longest first where one begins another
  std::string_view target;
};
constexpr FieldTarget kFields[] = {
    {"case.external_key.source_system", "source_system"},
    {"case.external_key", "external_id"},
    {"customer_key.source_system", "customer.source_system"},
    {"customer_key", "customer.external_id"},
    {"case.program_id", "program"},
    {"case.open_time", "open_time"},
    {"case.org_unit_id", "org_unit"},
    {"case.queue_id", "queue"},
    {"case.touchpoint", "touchpoint"},
    {"case.account_id", "account"},
    {"case.respondent_role", "respondent_role"},
    {"case.order_reference", "order_reference"},
    {"case.crm_reference", "crm_reference"},
    {"case.language", "language"},
    {"case.customer_request", "request"},
    {"case.contact_person", "contact_person"},
    {"case.topics", "topic"},
    {"case.external_authority.authority", "authority"},
    {"case.external_authority.reference", "authority_reference"},
    {"case.responsible_unit_id", "responsible_unit"},
    {"dispatch_time", "dispatch_time"},
    {"resolve_time", "resolve_time"},
    {"close_time", "close_time"},
    {"handling_result", "handling_result"},
    {"root_cause", "root_cause"},
};

struct Reject {
  int64_t row = 0;
  std::string column{};
  std::string reason{};
};

class ComplaintImport {
 public:
  ComplaintImport(Session& session, const ImportOptions& options)
      : session_(session), options_(options) {
    rejects_path_ = options.rejects.empty() ? options.file + ".rejects.csv" : options.rejects;
  }

  int Run() {
    if (const int code = Open(); code != kExitOk) return code;
    RemoveOldRejects(rejects_path_);
    std::error_code ignored;
    const bool regular = std::filesystem::is_regular_file(options_.file, ignored);
    const uint64_t size = regular ? std::filesystem::file_size(options_.file, ignored) : 0;
    progress_.emplace(session_.err, size, session_.err_width, std::chrono::steady_clock::now());
    CsvRow row;
    while (reader_->Next(&row)) {
      Add(row);
      if (request_.cases_size() < kBatchCases && bytes_ < kBatchBytes &&
          rejects_.size() < static_cast<size_t>(kBatchCases)) {
        continue;
      }
      if (const int code = Send(); code != kExitOk) return Stopped(code);
    }
    if (reader_->read_failed()) {
      return Stopped(session_.Fail(
          kExitFailed, fmt::format("reading {} failed after row {}", options_.file, row.row)));
    }
    if (const int code = Send(); code != kExitOk) return Stopped(code);
    rejects_file_.close();
    progress_->Finish();
    if (session_.format == Format::kJson) {
      session_.out << ImportSummaryJson(summary_) << "\n";
    } else {
      session_.out << RenderImportSummary(summary_, session_.style);
    }
    return options_.strict && summary_.rejected > 0 ? kExitFailed : kExitOk;
  }

 private:
  int Open() {
    const std::optional<std::string> yaml = ReadFile(options_.map);
    if (!yaml) return session_.Fail(kExitUsage, "cannot read the mapping " + options_.map);
    std::vector<std::string> errors;
    mapping_ = Mapping::Parse(*yaml, options_.map, &errors, MappingOf::kComplaints);
    for (const std::string& error : errors) session_.Fail(kExitUsage, error);
    if (!mapping_) return kExitUsage;
    for (const char* needed : {"external_id", "source_system"}) {
      if (!mapping_->Maps(needed) && !mapping_->ConstantOf(needed)) {
        return session_.Fail(kExitUsage,
                             fmt::format("{}: expected {}; by it a complaint is recognised when it "
                                         "is imported again",
                                         options_.map, needed));
      }
    }
    if (!mapping_->Maps("program") && options_.program.empty()) {
      return session_.Fail(kExitUsage,
                           "expected --program, because " + options_.map + " does not map program");
    }
    file_.open(options_.file, std::ios::binary);
    if (!file_ || std::filesystem::is_directory(options_.file)) {
      return session_.Fail(kExitUsage, "cannot read " + options_.file);
    }
    reader_.emplace(file_, options_.csv);
    if (const std::optional<std::string> fault = reader_->ReadHeader()) {
      return session_.Fail(kExitUsage, options_.file + ": " + *fault);
    }
    if (!mapping_->Bind(reader_->header(), &errors)) {
      for (const std::string& error : errors) session_.Fail(kExitUsage, error);
      return kExitUsage;
    }
    return kExitOk;
  }

  void Add(const CsvRow& row) {
    ++summary_.read;
    const MappedRow mapped = mapping_->Map(row);
    v1::ImportedCase imported;
    std::vector<RowError> errors = mapped.errors;
    if (errors.empty()) FillImportedCase(mapped, &imported, &errors);
    if (!errors.empty()) {
      ++summary_.rejected;
      for (RowError& error : errors) {
        rejects_.push_back({error.row, std::move(error.column), std::move(error.reason)});
      }
      return;
    }
    if (imported.case_().program_id().empty()) {
      imported.mutable_case_()->set_program_id(options_.program);
    }
    bytes_ += imported.ByteSizeLong();
    rows_.push_back(mapped.row);
    *request_.add_cases() = std::move(imported);
  }

  int Send() {
    if (request_.cases_size() > 0) {
      if (const int code = OpenCases(); code != kExitOk) return code;
    }
    WriteRejects();
    progress_->Update(
        {reader_->bytes_read(), summary_.accepted + summary_.replayed, summary_.rejected},
        std::chrono::steady_clock::now());
    if (!rejects_file_.good()) {
      return session_.Fail(kExitFailed, "cannot write the rejects file " + rejects_path_ +
                                            "; choose another with --rejects");
    }
    return kExitOk;
  }

  int OpenCases() {
    request_.set_request_id(NewRequestId());
    request_.set_history(options_.history);
    v1::BatchOpenCasesResponse reply;
    const int code = session_.Call(&v1::CaseService::Stub::BatchOpenCases, request_, &reply);
    if (code != kExitOk) return code;
    for (int i = 0; i < reply.results_size(); ++i) {
      const v1::BulkResult& result = reply.results(i);
      if (result.has_error()) {
        ++summary_.rejected;
        const v1::RowError& error = result.error();
        rejects_.push_back({rows_.at(static_cast<size_t>(i)), ColumnOf(error.field()),
                            session_.chinese && !error.message_zh().empty() ? error.message_zh()
                                                                            : error.message()});
      } else if (result.replayed()) {
        ++summary_.replayed;
      } else {
        ++summary_.accepted;
        ++summary_.opened_cases;
      }
    }
    request_.Clear();
    rows_.clear();
    bytes_ = 0;
    return kExitOk;
  }

  // Of "cases[3].case.open_time": the columns that open_time was made of.
  std::string ColumnOf(std::string_view field) const {
    const size_t inside = field.find("].");
    if (inside != std::string_view::npos) field.remove_prefix(inside + 2);
    for (const FieldTarget& known : kFields) {
      if (!field.starts_with(known.field)) continue;
      std::string text;
      for (const std::string& column : mapping_->ColumnsOf(known.target)) {
        text += (text.empty() ? "" : "+") + column;
      }
      return text;
    }
    return "";
  }

  // In the file's order, whoever refused a row.
  void WriteRejects() {
    if (rejects_.empty()) return;
    if (!rejects_file_.is_open()) {
      rejects_file_.open(rejects_path_, std::ios::binary | std::ios::trunc);
      rejects_file_ << kRejectsHeader << "\n";
      summary_.rejects_file = rejects_path_;
    }
    std::stable_sort(rejects_.begin(), rejects_.end(),
                     [](const Reject& a, const Reject& b) { return a.row < b.row; });
    for (const Reject& each : rejects_) {
      CsvWriter(rejects_file_).Write({std::to_string(each.row), each.column, OneLine(each.reason)});
    }
    rejects_.clear();
  }

  int Stopped(int code) {
    WriteRejects();
    progress_->Finish();
    if (session_.format != Format::kJson) {
      session_.err << fmt::format(
          "  {} rows were dealt with before that. Run the same command again: cases that are "
          "stored are recognised and not stored twice.\n",
          GroupDigits(summary_.accepted + summary_.replayed + summary_.rejected));
    }
    return code;
  }

  Session& session_;
  const ImportOptions& options_;
  std::optional<Mapping> mapping_;
  std::ifstream file_;
  std::optional<CsvReader> reader_;
  v1::BatchOpenCasesRequest request_;  // being filled
  std::vector<int64_t> rows_;          // of its cases
  std::vector<Reject> rejects_;        // of the same stretch of the file
  size_t bytes_ = 0;
  ImportSummary summary_;
  std::string rejects_path_;
  std::ofstream rejects_file_;
  std::optional<Progress> progress_;
};

}  // namespace

void FillImportedCase(const MappedRow& row, v1::ImportedCase* imported,
                      std::vector<RowError>* errors) {
  v1::Case* out = imported->mutable_case_();
  out->set_origin(v1::CASE_ORIGIN_COMPLAINT);
  const auto set = [](const std::optional<std::string>& value, std::string* target) {
    if (value) *target = *value;
  };
  const auto detail = [&](const char* name) -> const std::string* {
    const auto found = row.details.find(name);
    return found == row.details.end() ? nullptr : &found->second;
  };
  const auto take = [&](const char* name, std::string* target) {
    if (const std::string* value = detail(name)) *target = *value;
  };
  set(row.program, out->mutable_program_id());
  set(row.source_system, out->mutable_external_key()->mutable_source_system());
  set(row.external_id, out->mutable_external_key()->mutable_external_id());
  if (row.customer_external_id) {
    v1::ExternalKey* key = imported->mutable_customer_key();
    key->set_external_id(*row.customer_external_id);
    set(row.customer_source_system, key->mutable_source_system());
  }
  set(row.touchpoint, out->mutable_touchpoint());
  set(row.org_unit, out->mutable_org_unit_id());
  set(row.language, out->mutable_language());
  set(row.respondent_role, out->mutable_respondent_role());
  set(row.account, out->mutable_account_id());
  set(row.order_reference, out->mutable_order_reference());
  take("queue", out->mutable_queue_id());
  take("request", out->mutable_customer_request());
  take("crm_reference", out->mutable_crm_reference());
  take("contact_person", out->mutable_contact_person());
  take("responsible_unit", out->mutable_responsible_unit_id());
  take("root_cause", imported->mutable_root_cause());
  if (const std::string* topic = detail("topic")) out->add_topics(*topic);
  if (const std::string* authority = detail("authority")) {
    out->mutable_external_authority()->set_authority(*authority);
  }
  if (const std::string* reference = detail("authority_reference")) {
    out->mutable_external_authority()->set_reference(*reference);
  }
  if (const std::string* result = detail("handling_result")) {
    const auto* type = google::protobuf::GetEnumDescriptor<v1::HandlingResult>();
    if (const std::optional<int> value = EnumValue(type, *result)) {
      imported->set_handling_result(static_cast<v1::HandlingResult>(*value));
    } else {
      errors->push_back({row.row, row.line, "",
                         "handling_result: expected resolved, partly, not_resolved, unreachable "
                         "or withdrawn, got \"" +
                             *result + "\"",
                         ""});
    }
  }
  const auto time = [&](const char* name, auto target) {
    const auto found = row.times_ms.find(name);
    if (found != row.times_ms.end()) *target() = TimeOfMillis(found->second);
  };
  time("open_time", [&] { return out->mutable_open_time(); });
  time("dispatch_time", [&] { return imported->mutable_dispatch_time(); });
  // What was not handled yet has no such time, whatever column stands in for it.
  if (detail("handling_result") == nullptr) return;
  time("resolve_time", [&] { return imported->mutable_resolve_time(); });
  time("close_time", [&] { return imported->mutable_close_time(); });
}

int ImportComplaints(Session& session, const ImportOptions& options) {
  return ComplaintImport(session, options).Run();
}

}  // namespace rebound::cli
