// Small configurations and folders for the tests of the configuration.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "server/config/config.h"

namespace rebound {

inline const std::filesystem::path kRoot = REBOUND_SOURCE_DIR;

inline constexpr const char* kPrograms = R"(version: 1
programs:
  - id: hotline
    name: {en: Hotline, zh: 热线}
    kind: transactional
    scale: nps
)";
inline constexpr const char* kPlaybooks = R"(version: 1
playbooks:
  - id: low
    name: {en: Low}
    when: "score <= 2"
)";

inline std::string ReadText(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline void WriteText(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
}

inline std::optional<LoadedConfig> Parse(const std::string& programs, const std::string& playbooks,
                                         std::vector<ConfigError>* errors) {
  return ParseConfig({{"programs.yaml", programs}, {"playbooks.yaml", playbooks}}, errors);
}

// The files that ParseGood got: when the program ends they have to pass their schemas
// (schema_agreement_test.cc).
inline std::vector<ConfigFile>& GoodFiles() {
  static std::vector<ConfigFile> files;
  return files;
}

inline LoadedConfig ParseGood(const std::vector<ConfigFile>& files) {
  GoodFiles().insert(GoodFiles().end(), files.begin(), files.end());
  std::vector<ConfigError> errors;
  auto loaded = ParseConfig(files, &errors);
  EXPECT_TRUE(loaded) << Render(errors);
  return loaded ? *loaded : LoadedConfig{};
}

inline LoadedConfig ParseGood(const std::string& programs, const std::string& playbooks) {
  return ParseGood({{"programs.yaml", programs}, {"playbooks.yaml", playbooks}});
}

// Good programs and playbooks with one more file, e.g. "clocks.yaml".
inline LoadedConfig ParseWith(const std::string& name, const std::string& text) {
  return ParseGood({{"programs.yaml", kPrograms}, {"playbooks.yaml", kPlaybooks}, {name, text}});
}

// A folder that is gone after the test.
class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "rebound-config-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void Write(const std::string& programs, const std::string& playbooks) const {
    WriteText(path_ / "programs.yaml", programs);
    WriteText(path_ / "playbooks.yaml", playbooks);
  }

 private:
  std::filesystem::path path_{};
};

}  // namespace rebound
