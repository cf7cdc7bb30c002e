// The configurations that the simulated operator applies and rolls back to, as values: other
// lifecycles, calendars, clocks and limits.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/timeline.h"
#include "workflows/revision.h"

namespace rebound::simulation {

inline constexpr std::string_view kService = "service";  // anonymous answers open cases
inline constexpr std::string_view kStore = "store";      // known customers only; CSAT
// Minutes of the day: no messages.
inline constexpr int32_t kQuietFrom = 1260;
inline constexpr int32_t kQuietUntil = 480;

struct Configuration {
  Revision revision{};                          // number 0; its hash is the configuration's name
  std::map<std::string, Timeline> timelines{};  // by calendar
};

// All of them; each passes the checks of configuration files. The first one is applied at the
// beginning. Made once; thread-safe.
const std::vector<Configuration>& Configurations();

}  // namespace rebound::simulation
