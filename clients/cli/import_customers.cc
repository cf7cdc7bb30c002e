#include "clients/cli/import_customers.h"

#include <algorithm>
#include <utility>

#include "clients/cli/customers.h"
#include "clients/cli/import_file.h"
#include "clients/cli/options.h"
#include "rebound/v1/customer_service.grpc.pb.h"

namespace rebound::cli {
namespace {

constexpr int kBatchCustomers = 500;

struct CustomerTarget {
  std::string_view field;  // of UpsertCustomerRequest, the longest first where one begins another
  std::string_view target;
};
constexpr CustomerTarget kCustomerFields[] = {
    {"external_key.source_system", "source_system"},
    {"external_key", "external_id"},
    {"customer.display_name", "name"},
    {"customer.language", "language"},
    {"customer.time_zone", "time_zone"},
    {"customer.segment", "segment"},
    {"customer.account_id", "account"},
    {"customer.org_unit_id", "org_unit"},
    {"customer.value", "value"},
};

class CustomerImport {
 public:
  CustomerImport(Session& session, const ImportOptions& options)
      : session_(session), options_(options), file_(session, options, MappingOf::kCustomers) {}

  int Run() {
    if (const int code = file_.Open(); code != kExitOk) return code;
    const InterruptNote note;
    file_.Begin();
    int code = kExitOk;
    CsvRow row;
    while (code == kExitOk && !file_.stopped() && file_.Next(&row)) {
      Add(row);
      const bool full = request_.customers_size() >= kBatchCustomers || bytes_ >= kBatchBytes ||
                        rejects_.size() >= static_cast<size_t>(kBatchCustomers);
      if (full) code = Send();
    }
    if (code == kExitOk && !file_.stopped()) code = Send();
    return file_.Conclude(code, rejects_.empty() && rows_.empty());
  }

 private:
  void Add(const CsvRow& row) {
    last_row_ = row.row;
    const MappedRow mapped = file_.mapping().Map(row);
    v1::UpsertCustomerRequest upsert;
    std::vector<RowError> errors = mapped.errors;
    if (errors.empty()) {
      std::string fault = FillCustomer(mapped, &upsert);
      if (!fault.empty()) {
        // "value: expected ...", or no field at all.
        const std::string target = fault.substr(0, fault.find(':'));
        errors.push_back({row.row, row.line, JoinColumns(file_.mapping().ColumnsOf(target)),
                          std::move(fault), ""});
      }
    }
    if (errors.empty() && upsert.ByteSizeLong() > kMaxRowBytes) {
      errors.push_back({row.row, row.line, "", "expected a smaller row", ""});
    }
    bytes_ += std::max(upsert.ByteSizeLong(), SizeInMemory(row));
    if (!errors.empty()) {
      ++file_.summary().rejected;
      for (const RowError& error : errors) rejects_.push_back(ToReject(error));
      return;
    }
    rows_.push_back(row.row);
    *request_.add_customers() = std::move(upsert);
  }

  int Send() {
    if (options_.dry_run) {
      file_.summary().accepted += static_cast<int64_t>(rows_.size());
    } else if (!rows_.empty()) {
      if (const int code = Upsert(); code != kExitOk) return code;
    }
    request_.Clear();
    rows_.clear();
    bytes_ = 0;
    file_.Settle(last_row_, std::exchange(rejects_, {}));
    file_.Draw();
    return kExitOk;
  }

  int Upsert() {
    request_.set_request_id(file_.RequestId(rows_.front()));
    v1::BatchUpsertCustomersResponse reply;
    const int code =
        session_.Call(&v1::CustomerService::Stub::BatchUpsertCustomers, request_, &reply);
    if (code != kExitOk) return code;
    if (static_cast<size_t>(reply.results_size()) != rows_.size()) {
      return session_.Fail(kExitFailed, "the server did not answer every row of a batch");
    }
    ImportSummary& summary = file_.summary();
    for (int i = 0; i < reply.results_size(); ++i) {
      const v1::UpsertCustomerResult& result = reply.results(i);
      if (result.has_error()) {
        ++summary.rejected;
        rejects_.push_back({rows_.at(static_cast<size_t>(i)), ColumnOf(result.error().field()),
                            MessageOf(result.error(), session_.chinese)});
      } else if (result.replayed()) {
        ++summary.replayed;
      } else {
        ++summary.accepted;
      }
    }
    return kExitOk;
  }

  // Of "customers[3].customer.language": the columns that language was made of.
  std::string ColumnOf(std::string_view field) const {
    const size_t inside = field.find("].");
    if (inside != std::string_view::npos) field.remove_prefix(inside + 2);
    for (const CustomerTarget& known : kCustomerFields) {
      if (field.starts_with(known.field)) {
        return JoinColumns(file_.mapping().ColumnsOf(known.target));
      }
    }
    return "";
  }

  Session& session_;
  const ImportOptions& options_;
  ImportFile file_;
  v1::BatchUpsertCustomersRequest request_;  // being filled
  std::vector<int64_t> rows_;                // of its customers
  std::vector<Reject> rejects_;              // of the same stretch of the file
  size_t bytes_ = 0;  // of the message, or of the rows as they wait in memory if that is more
  int64_t last_row_ = 0;
};

}  // namespace

std::string FillCustomer(const MappedRow& row, v1::UpsertCustomerRequest* upsert) {
  upsert->mutable_external_key()->set_source_system(row.source_system.value_or(""));
  upsert->mutable_external_key()->set_external_id(row.external_id.value_or(""));
  Pairs settings(row.details.begin(), row.details.end());
  if (row.language) settings.emplace_back("language", *row.language);
  if (row.segment) settings.emplace_back("segment", *row.segment);
  if (row.account) settings.emplace_back("account", *row.account);
  if (row.org_unit) settings.emplace_back("org_unit", *row.org_unit);
  if (settings.empty()) return "expected at least one field besides the key, got none";
  return ReadSettings(settings, upsert);
}

int ImportCustomers(Session& session, const ImportOptions& options) {
  return CustomerImport(session, options).Run();
}

}  // namespace rebound::cli
