// A configuration revision: everything that may be changed without a programmer, as one value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/lifecycle.h"
#include "workflows/playbook.h"
#include "workflows/program.h"

namespace rebound {

struct Revision {
  int64_t number = 0;
  std::string hash{};  // SHA-256 of the canonical text, hexadecimal
  std::vector<Program> programs{};
  std::vector<Playbook> playbooks{};  // ordered: the first match applies
  Lifecycle lifecycle{};

  const Program* FindProgram(std::string_view id) const {  // or nullptr
    for (const Program& program : programs) {
      if (program.id == id) return &program;
    }
    return nullptr;
  }
};

}  // namespace rebound
