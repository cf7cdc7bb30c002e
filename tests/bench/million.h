// The large database of the benchmarks, and the configuration they run with.
#pragma once

#include <cstdint>
#include <string>

#include "tests/bench/answers.h"
#include "workflows/time.h"

namespace rebound::bench {

// Writes programs.yaml and playbooks.yaml into `folder`: those of `shipped`, and the program
// "bench", whose clocks run so long that none fires while measuring, and "bench-overdue", whose
// first contact is due after an hour.
void WriteConfig(const std::string& shipped, const std::string& folder);

struct CasesWanted {
  int64_t cases = 0;
  std::string program = kProgram;
  Duration span{std::chrono::days{30}};  // they open over so long ...
  Duration ago{0};                       // ... until so long ago
};

// Makes `path`, unless it is there: one detractor's answer, customer and case each, all in queue
// "default". Goes through the same executor and store as the server's. Returns the seconds it took;
// 0: it was there. Shows its progress on a terminal.
double MakeCases(const std::string& path, const std::string& config, const CasesWanted& wanted);

}  // namespace rebound::bench
