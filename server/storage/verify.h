// Proves that every row and every figure is the fold of the events, and that no audit entry was
// changed, taken out or put in.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/storage/store.h"

namespace rebound {

struct VerifyReport {
  int64_t events = 0, customers = 0, responses = 0, cases = 0, timers = 0, rollups = 0;
  int64_t entries = 0;  // of the blacklist
  int64_t audited = 0;  // audit entries
  int64_t deliveries = 0;
  AuditHead audit_head{};
  // Each problem in one line: which row, what the events say, what the row says. At most 100.
  std::vector<std::string> problems{};

  bool ok() const { return problems.empty(); }
};

// Folds all events with Apply and compares with every row, timer and rollup; checks the hash chains
// and the text commitments. Endpoints and deliveries follow from no event; what must hold is that
// each delivery has its event, with that name, case and order, and an endpoint, and that no
// endpoint has looked beyond the log. Reads one snapshot, and before it one of the deliveries.
VerifyReport Verify(Store& store);

// A walk along the chain of audit entries.
struct AuditWalk {
  int64_t walked = 0;     // entries in this walk
  int64_t sequence = 0;   // of the last of them: the next walk begins after it
  Hash256 hash{};         // of that one
  bool complete = false;  // it reached the end
  AuditHead head{};       // where the store says that the chain ends
  // Each in one line: which entry, and what differs. At most 100.
  std::vector<std::string> problems{};
};

// From after entry `sequence` (0: from the first) to the end, or until `go_on` says false. When
// `hash` is given that entry must have it: what was noted elsewhere, at an earlier time, is still
// part of the chain. Whoever may write to the file can make a whole chain anew; only a hash that is
// kept where they cannot write shows that.
AuditWalk VerifyAudit(Reader& reader, int64_t sequence, const std::optional<Hash256>& hash,
                      const std::function<bool()>& go_on);

}  // namespace rebound
