// How the log of events is given out; see event_hub.h.
#pragma once

#include <chrono>
#include <cstdint>

#include "workflows/time.h"

namespace rebound {

struct EventOptions {
  Duration keepalive = std::chrono::seconds{60};  // at most so long between two messages
  Duration retention = std::chrono::days{7};      // events that are older are not given out
  int32_t streams_per_principal = 256;
};

}  // namespace rebound
