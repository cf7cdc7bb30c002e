#include "clients/cli/import_customers.h"

#include <google/protobuf/generated_enum_reflection.h>

#include <algorithm>
#include <span>
#include <utility>

#include "clients/cli/customers.h"
#include "clients/cli/import_file.h"
#include "clients/cli/options.h"
#include "clients/cli/values.h"
#include "rebound/v1/customer_service.grpc.pb.h"

namespace rebound::cli {
namespace {

constexpr size_t kBatchItems = 500;

struct CustomerFieldTarget {
  std::string_view field;  // of the item, the longest first where one begins another
  std::string_view target;
};
constexpr CustomerFieldTarget kCustomerFields[] = {
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

constexpr CustomerFieldTarget kBehaviourFields[] = {
    {"behaviour.external_key.source_system", "source_system"},
    {"behaviour.external_key", "external_id"},
    {"customer_key.source_system", "customer.source_system"},
    {"customer_key", "customer.external_id"},
    {"behaviour.kind", "kind"},
    {"behaviour.amount", "amount"},
    {"behaviour.occur_time", "occur_time"},
};

// What an import needs to know of the kind of its rows.
struct OfCustomers {
  using Item = v1::UpsertCustomerRequest;
  using Request = v1::BatchUpsertCustomersRequest;
  using Response = v1::BatchUpsertCustomersResponse;
  static constexpr MappingOf kMapping = MappingOf::kCustomers;
  static constexpr std::span<const CustomerFieldTarget> kFields = kCustomerFields;
  static constexpr auto kCall = &v1::CustomerService::Stub::BatchUpsertCustomers;
  static auto* Items(Request& request) { return request.mutable_customers(); }
  static std::string FillItem(const MappedRow& row, Item* item) { return FillCustomer(row, item); }
};
struct OfBehaviours {
  using Item = v1::RecordBehaviourRequest;
  using Request = v1::BatchRecordBehavioursRequest;
  using Response = v1::BatchRecordBehavioursResponse;
  static constexpr MappingOf kMapping = MappingOf::kBehaviours;
  static constexpr std::span<const CustomerFieldTarget> kFields = kBehaviourFields;
  static constexpr auto kCall = &v1::CustomerService::Stub::BatchRecordBehaviours;
  static auto* Items(Request& request) { return request.mutable_behaviours(); }
  static std::string FillItem(const MappedRow& row, Item* item) { return FillBehaviour(row, item); }
};

template <class Kind>
class BatchImport {
 public:
  BatchImport(Session& session, const ImportOptions& options)
      : session_(session), options_(options), file_(session, options, Kind::kMapping) {}

  int Run() {
    if (const int code = file_.Open(); code != kExitOk) return code;
    const InterruptNote note;
    file_.Begin();
    int code = kExitOk;
    CsvRow row;
    while (code == kExitOk && !file_.stopped() && file_.Next(&row)) {
      Add(row);
      const bool full =
          rows_.size() >= kBatchItems || bytes_ >= kBatchBytes || rejects_.size() >= kBatchItems;
      if (full) code = Send();
    }
    if (code == kExitOk && !file_.stopped()) code = Send();
    return file_.Conclude(code, rejects_.empty() && rows_.empty());
  }

 private:
  void Add(const CsvRow& row) {
    last_row_ = row.row;
    const MappedRow mapped = file_.mapping().Map(row);
    typename Kind::Item item;
    std::vector<RowError> errors = mapped.errors;
    if (errors.empty()) {
      std::string fault = Kind::FillItem(mapped, &item);
      if (!fault.empty()) {
        // "value: expected ...", or no field at all.
        const std::string target = fault.substr(0, fault.find(':'));
        errors.push_back({row.row, row.line, JoinColumns(file_.mapping().ColumnsOf(target)),
                          std::move(fault), ""});
      }
    }
    if (errors.empty() && item.ByteSizeLong() > kMaxRowBytes) {
      errors.push_back({row.row, row.line, "", "expected a smaller row", ""});
    }
    bytes_ += std::max(item.ByteSizeLong(), SizeInMemory(row));
    if (!errors.empty()) {
      ++file_.summary().rejected;
      for (const RowError& error : errors) rejects_.push_back(ToReject(error));
      return;
    }
    rows_.push_back(row.row);
    *Kind::Items(request_)->Add() = std::move(item);
  }

  int Send() {
    if (!rows_.empty()) {
      if (const int code = SendItems(); code != kExitOk) return code;
    }
    request_.Clear();
    rows_.clear();
    bytes_ = 0;
    file_.Settle(last_row_, std::exchange(rejects_, {}));
    file_.Draw();
    return kExitOk;
  }

  int SendItems() {
    request_.set_request_id(file_.RequestId(rows_.front()));
    request_.set_dry_run(options_.dry_run);
    typename Kind::Response reply;
    const int code = file_.Call(Kind::kCall, request_, &reply);
    if (code != kExitOk) return code;
    if (static_cast<size_t>(reply.results_size()) != rows_.size()) {
      return session_.Fail(kExitFailed, "the server did not answer every row of a batch");
    }
    ImportSummary& summary = file_.summary();
    for (int i = 0; i < reply.results_size(); ++i) {
      const auto& result = reply.results(i);
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
    for (const CustomerFieldTarget& known : Kind::kFields) {
      if (field.starts_with(known.field)) {
        return JoinColumns(file_.mapping().ColumnsOf(known.target));
      }
    }
    return "";
  }

  Session& session_;
  const ImportOptions& options_;
  ImportFile file_;
  typename Kind::Request request_;  // being filled
  std::vector<int64_t> rows_;       // of its items
  std::vector<Reject> rejects_;     // of the same stretch of the file
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

std::string FillBehaviour(const MappedRow& row, v1::RecordBehaviourRequest* record) {
  const auto key = [](const std::optional<std::string>& system,
                      const std::optional<std::string>& id, v1::ExternalKey* out) {
    out->set_source_system(system.value_or(""));
    out->set_external_id(id.value_or(""));
  };
  v1::Behaviour* out = record->mutable_behaviour();
  key(row.source_system, row.external_id, out->mutable_external_key());
  key(row.customer_source_system, row.customer_external_id, record->mutable_customer_key());
  if (row.occur_time_ms) *out->mutable_occur_time() = TimeOfMillis(*row.occur_time_ms);
  if (const auto kind = row.details.find("kind"); kind != row.details.end()) {
    const auto* type = google::protobuf::GetEnumDescriptor<v1::BehaviourKind>();
    const std::optional<int> value = EnumValue(type, kind->second);
    if (!value) {
      return "kind: expected one of " + JoinNames(EnumNames(type)) + ", got \"" + kind->second +
             "\"";
    }
    out->set_kind(static_cast<v1::BehaviourKind>(*value));
  }
  if (const auto amount = row.details.find("amount"); amount != row.details.end()) {
    std::string reason;
    const std::optional<v1::Money> money = ReadMoney(amount->second, &reason);
    if (!money) return "amount: " + reason;
    *out->mutable_amount() = *money;
  }
  return "";
}

int ImportCustomers(Session& session, const ImportOptions& options) {
  return BatchImport<OfCustomers>(session, options).Run();
}

int ImportBehaviours(Session& session, const ImportOptions& options) {
  return BatchImport<OfBehaviours>(session, options).Run();
}

}  // namespace rebound::cli
