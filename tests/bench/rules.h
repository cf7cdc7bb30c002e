// What trying rules costs beside storing the answer that they are tried on.
#pragma once

#include <cstdint>
#include <string>

namespace rebound::bench {

struct RulesCost {
  double evaluate_us = 0;  // 500 playbook conditions of three comparisons each, none of which holds
  double store_us = 0;     // deciding and storing the same answer, 64 answers a commit
};

// Both in this process and on one thread after another, over `answers` answers; the database is
// made in `folder` and removed.
RulesCost MeasureRules(const std::string& folder, const std::string& config, int64_t answers);

}  // namespace rebound::bench
