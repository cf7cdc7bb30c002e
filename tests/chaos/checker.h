// Reads the server's state back through the API and judges it against the ledger of what was
// acknowledged and a model of its own: which answers call for a case, which status follows which
// event. Shares no code with the server.
#pragma once

#include <string>

#include "tests/chaos/world.h"

namespace rebound::chaos {

struct CheckedState {
  int64_t responses = 0;
  int64_t cases = 0;
  int64_t events = 0;
};

// Judges the whole state while no client runs:
//   I-1   every acknowledged change is there exactly once, every other one at most once if its
//         outcome is unknown, and nothing that nobody asked for
//   I-9   one open case for a customer and program when an answer called for it, none otherwise
//   I-10  the events of each case follow the transition table, and its version counts them
//   I-11  no change was acknowledged on a version that the caller did not see
// What does not hold is reported to `world`.
CheckedState CheckEverything(World& world, const std::string& address, const std::string& token);

}  // namespace rebound::chaos
