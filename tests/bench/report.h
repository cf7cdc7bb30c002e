// Figures beside what they are measured against, as Markdown that also reads well on a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/load.h"

namespace rebound::bench {

// Cells of a table; the first row is its head. Columns but the first are aligned to the right.
using Table = std::vector<std::vector<std::string>>;
std::string Markdown(const Table& table);

// "12,345"; "0.42".
std::string Whole(double number);
std::string Ratio(double ratio);
// "12,345/s (1,200 / 5,600)": rate, p50 and p99 in microseconds.
std::string Rates(const Measured& measured);

// A goal and how far it is met: "met" or "missed by 12 %".
struct Goal {
  std::string what{};
  std::string measured{};
  std::string beside{};
  double value = 0;
  double goal = 0;
  bool at_most = false;  // otherwise at least
  std::string unit{};
};
Table GoalTable(const std::vector<Goal>& goals);

// The progress of making something large, as one line on stderr that is rewritten; where that is no
// terminal, nothing.
void ShowProgress(int64_t done, int64_t all, double seconds, std::string_view what);

// Processor, cores, memory, kernel and date, one a line.
std::string Machine();

// Puts `text` between the two marks of RESULTS.md, leaving what people wrote around them. Makes the
// file when there is none.
void WriteResults(const std::string& path, const std::string& text);

}  // namespace rebound::bench
