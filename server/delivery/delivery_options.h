// How deliveries are sent; see dispatcher.h.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "server/delivery/retry.h"
#include "server/delivery/transfer.h"
#include "workflows/time.h"

namespace rebound {

struct MailServer {
  std::string url{};  // smtp://HOST:PORT or smtps://HOST:PORT; empty: no mail is sent
  std::string user{}, password{};
  std::string sender{};     // address
  bool require_tls = true;  // of smtp://: STARTTLS
};

struct DeliveryOptions {
  TransferOptions transfers{};
  std::vector<Duration> retry{kRetrySchedule.begin(), kRetrySchedule.end()};
  MailServer mail{};
  std::string source = "/rebound";  // who we are, of CloudEvents
  Duration keep_done = std::chrono::days{30};
  Duration keep_dead = std::chrono::days{90};
};

}  // namespace rebound
