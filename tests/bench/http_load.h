// The closed loop of load.h over HTTP/1.1: each call in flight has a connection that stays open.
#pragma once

#include <functional>
#include <string>

#include "tests/bench/load.h"

namespace rebound::bench {

struct HttpCall {
  std::string path{};  // "/rebound.v1.CaseService/GetCase"
  // The JSON body of the next call; runs on the load's threads.
  std::function<std::string()> next{};
};

// Throws std::runtime_error with the first answer that is not 200.
Measured DriveHttp(pid_t server, const std::string& address, const std::string& authorization,
                   const HttpCall& call, int in_flight, double seconds);

}  // namespace rebound::bench
