// Broken configurations: what each is told, in both languages.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/server/config/broken_configs.h"
#include "tests/server/config/config_fixtures.h"

namespace rebound {
namespace {

namespace fs = std::filesystem;

// Set UPDATE_GOLDEN=1 to rewrite the files after an intended change.
TEST(BrokenConfigTest, EveryMistakeIsToldInBothLanguagesWithItsPlaceAndTheWayOut) {
  const fs::path folder = kRoot / "tests/golden/config";
  const bool update = getenv("UPDATE_GOLDEN") != nullptr;
  std::set<std::string> names;
  std::set<std::string> codes;
  const std::vector<Broken> all = BrokenConfigs();
  for (const Broken& broken : all) {
    SCOPED_TRACE(broken.name);
    EXPECT_TRUE(names.insert(broken.name + ".golden").second);
    std::vector<ConfigError> errors;
    EXPECT_FALSE(ParseConfig(broken.Files(), &errors));
    EXPECT_FALSE(errors.empty());
    for (const ConfigError& error : errors) codes.insert(error.code);
    const std::string rendered =
        Render(errors) + "\n-- 中文 --\n\n" + Render(errors, Language::kChinese);
    const fs::path golden = folder / (broken.name + ".golden");
    if (update) WriteText(golden, rendered);
    EXPECT_EQ(ReadText(golden), rendered);
  }
  EXPECT_GE(all.size(), 60U);
  for (const CodeMeaning& code : kCodes) {
    if (!code.code.starts_with('C')) continue;
    EXPECT_TRUE(codes.contains(std::string(code.code))) << "nothing makes " << code.code;
  }
  for (const auto& entry : fs::directory_iterator(folder)) {
    EXPECT_TRUE(names.contains(entry.path().filename())) << "no test makes " << entry.path();
  }
}

}  // namespace
}  // namespace rebound
