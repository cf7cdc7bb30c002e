// The command line `rebound`, apart from the process it runs in.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace rebound::cli {

inline constexpr std::string_view kVersion = "0.1.0";

// What the process gives. A width of 0 is no terminal.
struct Surroundings {
  std::map<std::string, std::string> variables{};  // of the environment; see kVariables
  int out_width = 0;
  int err_width = 0;
  // See Session.
  std::function<std::optional<std::string>(const std::string& prompt)> ask_secret{};
  bool is_typed = false;
};

// The variables that are looked at.
inline constexpr const char* kVariables[] = {
    "REBOUND_SERVER",  "REBOUND_TOKEN", "REBOUND_TLS_CA", "REBOUND_TLS_CERTIFICATE",
    "REBOUND_TLS_KEY", "LC_ALL",        "LC_MESSAGES",    "LANG",
    "NO_COLOR",        "HOME",          "XDG_CONFIG_HOME"};

// Runs one command: results to `out`, everything else to `err`. Returns an ExitCode. Import catches
// SIGINT while it runs; otherwise signals are left alone.
int RunCli(int argc, const char* const* argv, std::ostream& out, std::ostream& err,
           const Surroundings& surroundings = {});

}  // namespace rebound::cli
