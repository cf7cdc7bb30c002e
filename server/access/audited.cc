#include "server/access/audited.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <iterator>
#include <string>

namespace rebound {
namespace {

struct AuditedRow {
  std::string_view method;  // without the package
  AuditedRead how;
};

constexpr std::string_view kApiPackage = "rebound.v1.";
constexpr AuditedRow kAudited[] = {
    {"CustomerService/ExportCustomer", AuditedRead::kEach},
    {"BlacklistService/ExportCustomerEntries", AuditedRead::kEach},
    {"ExportService/ExportRecords", AuditedRead::kEach},
    {"BlacklistService/GetBlacklistStatistics", AuditedRead::kFolded},
    {"ReportService/GetNpsReport", AuditedRead::kFolded},
    {"ReportService/GetFunnelReport", AuditedRead::kFolded},
    {"ReportService/GetRecoveryReport", AuditedRead::kFolded},
    {"ReportService/GetPauseReport", AuditedRead::kFolded},
    {"ReportService/GetRemedyReport", AuditedRead::kFolded},
    {"ConfigService/GetRevision", AuditedRead::kFolded},
    {"AuditService/ListAuditEntries", AuditedRead::kFolded},
};

bool HasRequestId(const google::protobuf::Descriptor& type) {
  return type.FindFieldByName("request_id") != nullptr;
}

}  // namespace

AuditedRead AuditedReadOf(std::string_view method) {
  if (!method.starts_with(kApiPackage)) return AuditedRead::kNo;
  method.remove_prefix(kApiPackage.size());
  const auto row = std::find_if(std::begin(kAudited), std::end(kAudited),
                                [method](const AuditedRow& r) { return r.method == method; });
  return row == std::end(kAudited) ? AuditedRead::kNo : row->how;
}

bool IsMutation(std::string_view method) {
  std::string name(method);
  std::replace(name.begin(), name.end(), '/', '.');
  const auto* found = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
  if (found == nullptr) return false;
  const google::protobuf::Descriptor& request = *found->input_type();
  if (HasRequestId(request)) return true;
  if (!found->client_streaming()) return false;
  // Of a stream the first message has it.
  for (int i = 0; i < request.field_count(); ++i) {
    const auto* type = request.field(i)->message_type();
    if (type != nullptr && HasRequestId(*type)) return true;
  }
  return false;
}

}  // namespace rebound
