// A ping: what an endpoint is sent to see whether it is reached.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "server/delivery/delivery_options.h"
#include "server/delivery/transfer.h"
#include "server/storage/delivery_records.h"
#include "workflows/ids.h"
#include "workflows/time.h"

namespace rebound {

struct PingResult {
  bool delivered = false;
  int status = 0;        // HTTP's or SMTP's; 0: none
  std::string answer{};  // what the receiver said, or else why it said nothing; any bytes
  Duration took{0};
};

// `id`: of the ping, never that of an event or delivery. `done` as Transfers calls it.
// REQUIRES: options.smtp, for e-mail.
void SendPing(Transfers& transfers, const DeliveryOptions& options, const Endpoint& endpoint,
              const RawId& id, Timestamp now, std::function<void(PingResult)> done);

// Of a webhook: the keys that sign at `now`, newest first.
std::vector<std::string> SigningKeysAt(const Endpoint& endpoint, Timestamp now);

}  // namespace rebound
