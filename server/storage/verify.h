// Proves that every row and every figure is the fold of the events.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/storage/store.h"

namespace rebound {

struct VerifyReport {
  int64_t events = 0, customers = 0, responses = 0, cases = 0, timers = 0, rollups = 0;
  int64_t entries = 0;  // of the blacklist
  // Each problem in one line: which row, what the events say, what the row says. At most 100.
  std::vector<std::string> problems{};

  bool ok() const { return problems.empty(); }
};

// Folds all events with Apply and compares with every row, timer and rollup; checks the hash chain
// and the text commitments. Reads one snapshot.
VerifyReport Verify(Store& store);

}  // namespace rebound
