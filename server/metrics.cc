#include "server/metrics.h"

namespace rebound {
namespace {

// By number, see google/rpc/code.proto.
constexpr std::array<std::string_view, 17> kCodeNames{
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

}  // namespace

std::string_view Name(grpc::StatusCode code) {
  const auto number = static_cast<size_t>(code);
  return number < kCodeNames.size() ? kCodeNames[number] : kCodeNames[grpc::StatusCode::UNKNOWN];
}

CallMetrics::CallMetrics(const std::vector<std::string>& methods) {
  for (const std::string& method : methods) methods_.emplace(method, std::make_unique<Cells>());
  other_ = methods_.emplace("other", std::make_unique<Cells>()).first->second.get();
}

void CallMetrics::Count(std::string_view method, grpc::StatusCode code,
                        std::chrono::microseconds elapsed) {
  if (method.starts_with('/')) method.remove_prefix(1);
  const auto found = methods_.find(method);
  Cells& cells = found == methods_.end() ? *other_ : *found->second;
  const auto number = static_cast<size_t>(code);
  Cell& cell = cells[number < kCodes ? number : static_cast<size_t>(grpc::StatusCode::UNKNOWN)];
  cell.count.fetch_add(1, std::memory_order_relaxed);
  cell.micros.fetch_add(elapsed.count(), std::memory_order_relaxed);
}

std::vector<CallMetrics::Row> CallMetrics::Snapshot() const {
  std::vector<Row> rows;
  for (const auto& [method, cells] : methods_) {
    for (size_t code = 0; code < kCodes; ++code) {
      const Cell& cell = (*cells)[code];
      const int64_t count = cell.count.load(std::memory_order_relaxed);
      if (count == 0) continue;
      rows.push_back(
          {.method = method,
           .code = static_cast<grpc::StatusCode>(code),
           .count = count,
           .total = std::chrono::microseconds(cell.micros.load(std::memory_order_relaxed))});
    }
  }
  return rows;
}

}  // namespace rebound
