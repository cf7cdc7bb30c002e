#include "clients/cli/import_complaints.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "clients/cli/import_file.h"
#include "clients/cli/options.h"
#include "clients/cli/values.h"
#include "rebound/v1/case_service.grpc.pb.h"

namespace rebound::cli {
namespace {

constexpr int kBatchCases = 200;

struct CaseFieldTarget {
  std::string_view field;  // of ImportedCase, the longest first where one begins another
  std::string_view target;
};
constexpr CaseFieldTarget kFields[] = {
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

class ComplaintImport {
 public:
  ComplaintImport(Session& session, const ImportOptions& options)
      : session_(session), options_(options), file_(session, options, MappingOf::kComplaints) {}

  int Run() {
    if (const int code = file_.Open(); code != kExitOk) return code;
    const InterruptNote note;
    file_.Begin();
    int code = kExitOk;
    CsvRow row;
    while (code == kExitOk && !file_.stopped() && file_.Next(&row)) {
      Add(row);
      const bool full = request_.cases_size() >= kBatchCases || bytes_ >= kBatchBytes ||
                        rejects_.size() >= static_cast<size_t>(kBatchCases);
      if (full) code = Send();
    }
    if (code == kExitOk && !file_.stopped()) code = Send();
    file_.WriteRejects(std::exchange(rejects_, {}));  // of what was not sent
    return file_.Conclude(code, rows_.empty());
  }

 private:
  void Add(const CsvRow& row) {
    last_row_ = row.row;
    const MappedRow mapped = file_.mapping().Map(row);
    v1::ImportedCase imported;
    std::vector<RowError> errors = mapped.errors;
    if (errors.empty()) {
      FillImportedCase(mapped, &imported, &errors);
      for (RowError& error : errors) {
        error.column = JoinColumns(file_.mapping().ColumnsOf("handling_result"));
      }
    }
    if (imported.ByteSizeLong() > kMaxRowBytes) {
      errors.push_back({row.row, row.line, "", "expected a smaller row", ""});
    }
    bytes_ += std::max(imported.ByteSizeLong(), SizeInMemory(row));
    if (!errors.empty()) {
      ++file_.summary().rejected;
      for (const RowError& error : errors) rejects_.push_back(ToReject(error));
      return;
    }
    if (imported.case_().program_id().empty()) {
      imported.mutable_case_()->set_program_id(options_.program);
    }
    rows_.push_back(row.row);
    *request_.add_cases() = std::move(imported);
  }

  int Send() {
    if (request_.cases_size() > 0) {
      if (const int code = OpenCases(); code != kExitOk) return code;
    }
    request_.Clear();
    rows_.clear();
    bytes_ = 0;
    file_.Settle(last_row_, std::exchange(rejects_, {}));
    file_.Draw();
    return kExitOk;
  }

  int OpenCases() {
    request_.set_request_id(file_.RequestId(rows_.front()));
    request_.set_history(options_.history);
    request_.set_dry_run(options_.dry_run);
    v1::BatchOpenCasesResponse reply;
    const int code = file_.Call(&v1::CaseService::Stub::BatchOpenCases, request_, &reply);
    if (code != kExitOk) return code;
    if (static_cast<size_t>(reply.results_size()) != rows_.size()) {
      return session_.Fail(kExitFailed, "the server did not answer every row of a batch");
    }
    ImportSummary& summary = file_.summary();
    for (int i = 0; i < reply.results_size(); ++i) {
      const v1::BulkResult& result = reply.results(i);
      if (result.has_error()) {
        ++summary.rejected;
        rejects_.push_back({rows_.at(static_cast<size_t>(i)), ColumnOf(result.error().field()),
                            MessageOf(result.error(), session_.chinese)});
      } else if (result.replayed()) {
        ++summary.replayed;
      } else {
        ++summary.accepted;
        ++summary.opened_cases;
      }
    }
    return kExitOk;
  }

  // Of "cases[3].case.open_time": the columns that open_time was made of.
  std::string ColumnOf(std::string_view field) const {
    const size_t inside = field.find("].");
    if (inside != std::string_view::npos) field.remove_prefix(inside + 2);
    for (const CaseFieldTarget& known : kFields) {
      if (field.starts_with(known.field)) {
        return JoinColumns(file_.mapping().ColumnsOf(known.target));
      }
    }
    return "";
  }

  Session& session_;
  const ImportOptions& options_;
  ImportFile file_;
  v1::BatchOpenCasesRequest request_;  // being filled
  std::vector<int64_t> rows_;          // of its cases
  std::vector<Reject> rejects_;        // of the same stretch of the file
  size_t bytes_ = 0;
  int64_t last_row_ = 0;
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
