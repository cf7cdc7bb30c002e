#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "clients/cli/cli.h"
#include "clients/cli/table.h"

int main(int argc, char** argv) {
  rebound::cli::Surroundings surroundings;
  for (const char* name : rebound::cli::kVariables) {
    if (const char* value = std::getenv(name)) surroundings.variables[name] = value;
  }
  surroundings.out_width = rebound::cli::TerminalWidth(STDOUT_FILENO);
  surroundings.err_width = rebound::cli::TerminalWidth(STDERR_FILENO);
  const int code = rebound::cli::RunCli(argc, argv, std::cout, std::cerr, surroundings);
  std::cout.flush();
  return code == 0 && !std::cout ? 1 : code;
}
