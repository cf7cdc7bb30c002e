// Files that are read as a whole: mappings, rules, configuration, certificates. Thread-safe.
#pragma once

#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

namespace rebound::cli {

// Nothing where there is no such file, it may not be read, or it is a folder.
inline std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in && in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  if (!in.is_open() || in.bad() || text.bad()) return std::nullopt;
  return std::move(text).str();
}

}  // namespace rebound::cli
