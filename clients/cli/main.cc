#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>

#include "clients/cli/cli.h"
#include "clients/cli/table.h"

namespace {

// Reads a line of standard input, from a terminal without showing it.
std::optional<std::string> AskSecret(const std::string& prompt) {
  termios before{};
  const bool is_terminal = tcgetattr(STDIN_FILENO, &before) == 0;
  if (is_terminal) {
    std::cerr << prompt << std::flush;
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  std::string line;
  const bool read = static_cast<bool>(std::getline(std::cin, line));
  if (is_terminal) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    std::cerr << "\n";
  }
  if (!read) return std::nullopt;
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace

int main(int argc, char** argv) {
  setenv("GRPC_VERBOSITY", "NONE", 0);  // an error says what went wrong; gRPC would log it, too
  rebound::cli::Surroundings surroundings;
  for (const char* name : rebound::cli::kVariables) {
    if (const char* value = std::getenv(name)) surroundings.variables[name] = value;
  }
  surroundings.out_width = rebound::cli::TerminalWidth(STDOUT_FILENO);
  surroundings.err_width = rebound::cli::TerminalWidth(STDERR_FILENO);
  surroundings.ask_secret = AskSecret;
  surroundings.is_typed = isatty(STDIN_FILENO) != 0;
  const int code = rebound::cli::RunCli(argc, argv, std::cout, std::cerr, surroundings);
  std::cout.flush();
  return code == 0 && !std::cout ? 1 : code;
}
