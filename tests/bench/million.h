// The large database of the benchmarks, and the configuration they run with.
#pragma once

#include <cstdint>
#include <string>

#include "tests/bench/answers.h"
#include "workflows/time.h"

namespace rebound::bench {

// Writes the configuration of `shipped` into `folder`, with two more programs: "bench", to which
// the shipped clocks apply, and "bench-overdue", where first contact is due after an hour and that
// is all that its one clock of first contact does.
void WriteConfig(const std::string& shipped, const std::string& folder);

struct CasesWanted {
  int64_t cases = 0;
  std::string program = kProgram;
  Duration span{std::chrono::hours{2}};  // they open over so long ...
  Duration ago{0};                       // ... until so long ago
  // Made anew when older: the shipped clocks first warn after 22 hours, which must not be amid a
  // measurement.
  Duration keeps{std::chrono::hours{12}};
};

// Makes `path`, unless it is there: one detractor's answer, customer and case each, all in queue
// "default". Goes through the same executor and store as the server's. Returns the seconds it took;
// 0: it was there. Shows its progress on a terminal.
double MakeCases(const std::string& path, const std::string& config, const CasesWanted& wanted);

}  // namespace rebound::bench
