// Configurations with mistakes, one or several of a kind in each.
#pragma once

#include <string>
#include <vector>

#include "server/config/config.h"

namespace rebound {

struct Broken {
  std::string name;
  std::string programs;
  std::string playbooks;
  std::vector<ConfigFile> others{};  // beside programs.yaml and playbooks.yaml

  std::vector<ConfigFile> Files() const;
};

std::vector<Broken> BrokenConfigs();

}  // namespace rebound
