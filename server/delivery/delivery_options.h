// How deliveries are sent; see dispatcher.h.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "server/delivery/retry.h"
#include "server/delivery/transfer.h"
#include "workflows/time.h"

namespace rebound {

// The mail server that mails are handed to: the operator's choice.
struct SmtpOptions {
  std::string server{};             // as Mail's
  std::string user{}, password{};   // empty: no sign-in
  bool require_tls = true;          // as Mail's
  std::string from{}, from_name{};  // IsMailAddress; the name may be empty
};

struct DeliveryOptions {
  TransferOptions transfers{};
  std::vector<Duration> retry{kRetrySchedule.begin(), kRetrySchedule.end()};
  std::optional<SmtpOptions> smtp{};  // absent: endpoints of kind e-mail are refused
  std::string source = "/rebound";    // who we are, a URI reference: CloudEvents' source
  // An endpoint with so many pending deliveries gets no further ones until some of them have ended:
  // its place in the log stays.
  int64_t most_pending = 10'000;
  // Deliveries that are written down in one transaction, as far as they are of several endpoints.
  // Twenty times as many are in memory at most.
  size_t write_at_once = 1'000;
  Duration keep_done = std::chrono::days{30};
  Duration keep_dead = std::chrono::days{90};
};

}  // namespace rebound
