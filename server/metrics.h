// Counts calls by method and code.
#pragma once

#include <grpcpp/support/status.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rebound {

// The canonical name, e.g. "OK", "NOT_FOUND"; "UNKNOWN" for a number without one.
std::string_view Name(grpc::StatusCode code);

// Since the process started. The methods are fixed at construction, so that counting is two atomic
// additions. Thread-safe.
class CallMetrics {
 public:
  struct Row {
    std::string method{};
    grpc::StatusCode code = grpc::StatusCode::OK;
    int64_t count = 0;
    std::chrono::microseconds total{};

    friend bool operator==(const Row&, const Row&) = default;
  };

  // Full names, e.g. "rebound.v1.CaseService/GetCase".
  explicit CallMetrics(const std::vector<std::string>& methods);

  // Calls of a method that was not given at construction are counted as method "other"; a slash in
  // front of the name is ignored.
  void Count(std::string_view method, grpc::StatusCode code, std::chrono::microseconds elapsed);

  // Rows with a count, by method, then code. Calls that end meanwhile may be in it or not.
  std::vector<Row> Snapshot() const;

 private:
  static constexpr size_t kCodes = 17;  // OK to UNAUTHENTICATED
  struct Cell {
    std::atomic<int64_t> count{0};
    std::atomic<int64_t> micros{0};
  };
  using Cells = std::array<Cell, kCodes>;

  // The map itself never changes after construction: reading it takes no lock.
  std::map<std::string, std::unique_ptr<Cells>, std::less<>> methods_;
  Cells* other_;
};

}  // namespace rebound
