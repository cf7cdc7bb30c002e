// The large database of the benchmarks, and the configuration they run with.
#pragma once

#include <cstdint>
#include <string>

namespace rebound::bench {

// Writes programs.yaml and playbooks.yaml into `folder`: those of `shipped`, and the program
// "bench", whose clocks run so long that none fires while measuring.
void WriteConfig(const std::string& shipped, const std::string& folder);

// Makes `path`, unless it is there: one detractor's answer, customer and case each, opened over the
// last 30 days, all in queue "default". Goes through the same executor and store as the server's.
// Returns the seconds it took; 0: it was there. Shows its progress on a terminal.
double MakeCases(const std::string& path, const std::string& config, int64_t cases);

}  // namespace rebound::bench
