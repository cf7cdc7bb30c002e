// The packs of config/playbooks/: each loads, each of its plans is reached by a test beside the
// rules and told of in its README, each of its templates can be sent.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "server/config/config.h"
#include "tests/server/config/config_fixtures.h"
#include "workflows/template.h"

namespace rebound {
namespace {

namespace fs = std::filesystem;

std::string ReadText(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class PackTest : public testing::TestWithParam<const char*> {
 protected:
  PackTest() {
    std::vector<ConfigError> errors;
    loaded_ = LoadConfig(folder_, &errors);
    EXPECT_TRUE(loaded_.has_value()) << Render(errors);
    if (!loaded_) return;
    EXPECT_TRUE(loaded_->warnings.empty()) << Render(loaded_->warnings);
  }

  const fs::path folder_ = kRoot / "config" / "playbooks" / GetParam();
  std::optional<LoadedConfig> loaded_{};
};

TEST_P(PackTest, EveryPlaybookIsReachedByATestAndToldOf) {
  ASSERT_TRUE(loaded_);
  // The tests ran as the folder was read: what they expect is what they got.
  const std::string rules = ReadText(folder_ / "playbooks.yaml");
  std::set<std::string> reached;
  constexpr std::string_view kExpected = "playbook: ";
  for (size_t at = rules.find(kExpected); at != std::string::npos; at = rules.find(kExpected, at)) {
    at += kExpected.size();
    const size_t end = rules.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-", at);
    reached.insert(rules.substr(at, end - at));
  }
  const std::string told = ReadText(folder_ / "README.md");
  for (const Playbook& playbook : loaded_->revision.playbooks) {
    EXPECT_TRUE(reached.contains(playbook.id)) << playbook.id << " is reached by no test";
    EXPECT_NE(told.find("`" + playbook.id + "`"), std::string::npos)
        << playbook.id << " is not in the README";
    EXPECT_NE(playbook.steps.empty(), playbook.id != "imported-history") << playbook.id;
  }
  EXPECT_GT(loaded_->tests_run, std::ssize(loaded_->revision.playbooks));
}

TEST_P(PackTest, EveryTypeOfDetractorHasItsPlan) {
  ASSERT_TRUE(loaded_);
  std::set<std::string> types;
  for (const Playbook& each : loaded_->revision.playbooks) types.insert(each.detractor_type);
  for (const char* each : {"price", "attitude", "wait", "quality", "repeat", "high_value",
                           "leaving", "professional_claimant"}) {
    EXPECT_TRUE(types.contains(each)) << each;
  }
}

TEST_P(PackTest, EveryTemplateIsSentBySomePlanAndRendersInBothLanguages) {
  ASSERT_TRUE(loaded_);
  std::map<std::string, std::string> values;
  for (const std::string_view name : kTemplateVariables) values[std::string(name)] = "值 1";
  std::set<std::string> sent;
  for (const Playbook& playbook : loaded_->revision.playbooks) {
    for (const PlanStep& step : playbook.steps) sent.insert(step.template_id);
  }
  EXPECT_GE(loaded_->revision.templates.size(), 6U);
  for (const Template& each : loaded_->revision.templates) {
    SCOPED_TRACE(each.id);
    EXPECT_TRUE(sent.contains(each.id)) << "no plan sends it";
    std::set<std::string> texts;
    for (const char* language : {"en", "zh-CN"}) {
      const auto rendered = rebound::Render(each, language, values);
      ASSERT_TRUE(rendered) << language;
      EXPECT_FALSE(rendered->text.empty());
      EXPECT_EQ(rendered->text.find('{'), std::string::npos) << rendered->text;
      texts.insert(rendered->text);
    }
    EXPECT_EQ(texts.size(), 2U) << "one text for both languages";
  }
}

INSTANTIATE_TEST_SUITE_P(Trades, PackTest,
                         testing::Values("banking", "department-store", "e-commerce", "media",
                                         "restaurant", "telecom"),
                         [](const testing::TestParamInfo<const char*>& trade) {
                           std::string name = trade.param;
                           std::erase(name, '-');
                           return name;
                         });

// None is left out above.
TEST(PacksTest, ThereAreSix) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(kRoot / "config" / "playbooks")) {
    count += entry.is_directory() ? 1 : 0;
  }
  EXPECT_EQ(count, 6);
}

}  // namespace
}  // namespace rebound
