// How the simulator's checkers say that something must never be.
#pragma once

#include <stdexcept>
#include <string>

#include "workflows/ids.h"

namespace rebound::simulation {

// What must never be, was seen. `about`: the case, if there is one.
struct Violation : std::runtime_error {
  Violation(const std::string& what, const CaseId& case_id)
      : std::runtime_error(what), about(case_id) {}
  CaseId about{};
};

}  // namespace rebound::simulation
