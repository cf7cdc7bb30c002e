#include "server/config/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/server/config/config_fixtures.h"

namespace rebound {
namespace {

namespace fs = std::filesystem;

std::string ProgramText(const std::string& lines) {
  return "version: 1\nprograms:\n  - id: hotline\n    name: {en: Hotline}\n"
         "    kind: transactional\n" +
         lines;
}

// ---- The shipped folder -------------------------------------------------------------------------

TEST(ShippedConfigTest, LoadsWithoutAMistake) {
  std::vector<ConfigError> errors;
  const auto loaded = LoadConfig(kRoot / "config", &errors);
  ASSERT_TRUE(loaded) << Render(errors);
  EXPECT_TRUE(errors.empty());
  const Revision& revision = loaded->revision;
  std::vector<std::string> ids;
  for (const auto& program : revision.programs) {
    ids.push_back(program.id);
    EXPECT_FALSE(program.display_name_zh.empty()) << program.id;
    EXPECT_EQ(program.default_queue, "default") << program.id;
  }
  EXPECT_EQ(ids,
            (std::vector<std::string>{"touchpoint", "relationship", "service-csat", "effort-ces",
                                      "sfo-2017", "satisfaction-panel", "try-out"}));
  EXPECT_EQ(revision.lifecycle.initial, "open");

  const auto* touchpoint = revision.FindProgram("touchpoint");
  EXPECT_EQ(touchpoint->recovery_window, Duration{std::chrono::days{90}});
  EXPECT_FALSE(touchpoint->allow_anonymous);
  EXPECT_EQ(revision.FindProgram("relationship")->recovery_window,
            Duration{std::chrono::days{365}});
  EXPECT_EQ(revision.FindProgram("service-csat")->scale, DefaultScale(ScaleKind::kCsat));
  EXPECT_TRUE(revision.FindProgram("service-csat")->allow_anonymous);
  EXPECT_EQ(revision.FindProgram("effort-ces")->scale, DefaultScale(ScaleKind::kCes));
  const auto* sfo = revision.FindProgram("sfo-2017");
  EXPECT_EQ(sfo->recovery_window, std::nullopt);
  EXPECT_EQ(sfo->reopen_window, Duration{0});
  EXPECT_EQ(sfo->currency, "USD");
  EXPECT_EQ(sfo->time_zone, "America/Los_Angeles");
  const auto* panel = revision.FindProgram("satisfaction-panel");
  EXPECT_EQ(panel->kind, ProgramKind::kRelational);
  EXPECT_EQ(panel->recovery_window, std::nullopt);
  EXPECT_EQ(panel->reopen_window, Duration{0});
  EXPECT_EQ(panel->currency, "EUR");
}

TEST(ShippedConfigTest, EveryCaseFindsAPlaybookAndThePublicDataStaysInTheDefaultQueue) {
  std::vector<ConfigError> errors;
  const auto loaded = LoadConfig(kRoot / "config", &errors);
  ASSERT_TRUE(loaded) << Render(errors);
  struct Row {
    const char* program;
    int64_t score;
    const char* touchpoint;
    bool history;
    CaseOrigin origin;
    const char* playbook;
    const char* queue;  // "": the program's
  };
  const std::vector<Row> rows = {
      {"sfo-2017", 0, "boarding-area/A", false, CaseOrigin::kResponse, "sfo-boarding-area",
       "default"},
      {"sfo-2017", 0, "", false, CaseOrigin::kResponse, "standard", ""},
      {"satisfaction-panel", 0, "", true, CaseOrigin::kResponse, "imported-history", ""},
      {"touchpoint", 2, "billing/overage-alert", false, CaseOrigin::kResponse,
       "touchpoint-very-low", "priority"},
      {"touchpoint", 3, "billing/overage-alert", false, CaseOrigin::kResponse, "billing", ""},
      {"touchpoint", 3, "channel/hotline", false, CaseOrigin::kResponse, "standard", ""},
      {"relationship", 0, "", false, CaseOrigin::kResponse, "relationship-very-low", "priority"},
      {"service-csat", 1, "", false, CaseOrigin::kResponse, "standard", ""},
      {"service-csat", 1, "", false, CaseOrigin::kComplaint, "complaint", "priority"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.program) + " " + std::to_string(row.score));
    Case opening;
    opening.program_id = row.program;
    opening.score = row.score;
    opening.details.touchpoint = row.touchpoint;
    opening.history = row.history;
    opening.origin = row.origin;
    const auto* chosen = ChoosePlaybook(loaded->revision.playbooks, opening, nullptr);
    ASSERT_NE(chosen, nullptr);
    EXPECT_EQ(chosen->id, row.playbook);
    EXPECT_EQ(chosen->queue_id, row.queue);
  }
}

// ---- Good input ---------------------------------------------------------------------------------

TEST(ConfigTest, FieldsLeftOutHaveTheDefaultsOfTheDomain) {
  const LoadedConfig loaded = ParseGood(kPrograms, kPlaybooks);
  rebound::Program expected;
  expected.id = "hotline";
  expected.display_name = "Hotline";
  expected.display_name_zh = "热线";
  EXPECT_EQ(loaded.revision.programs, std::vector{expected});
  ASSERT_EQ(loaded.revision.playbooks.size(), 1U);
  const auto& playbook = loaded.revision.playbooks[0];
  EXPECT_EQ(playbook.display_name_zh, "Low");
  EXPECT_EQ(playbook.version, 1);
  EXPECT_EQ(playbook.severity, 0);
  EXPECT_EQ(playbook.queue_id, "");
  EXPECT_EQ(Canonical(playbook.when), "score <= 2");
  EXPECT_EQ(loaded.revision.hash, loaded.hash);
  EXPECT_EQ(loaded.hash.size(), 64U);
}

TEST(ConfigTest, DurationsAndScalesAreReadInEveryForm) {
  const auto program = [](const std::string& lines) {
    return ParseGood(ProgramText(lines), kPlaybooks).revision.programs.at(0);
  };
  EXPECT_EQ(program("    scale: nps\n    reopen_window: 90minutes\n").reopen_window,
            std::chrono::minutes{90});
  EXPECT_EQ(program("    scale: nps\n    reopen_window: 1  week\n").reopen_window,
            std::chrono::weeks{1});
  EXPECT_EQ(program("    scale: nps\n    first_contact_limit: \"0 hours\"\n").first_contact_limit,
            Duration{0});
  EXPECT_EQ(program("    scale: nps\n    recovery_window: 3653 days\n").recovery_window,
            Duration{std::chrono::days{3653}});
  EXPECT_EQ(program("    scale: {kind: ces, lower_is_better: true}\n").scale,
            (Scale{ScaleKind::kCes, 1, 7, 5, 2, true}));
  EXPECT_EQ(
      program("    scale: {kind: csat, max: 10, detractor_limit: 4, promoter_limit: 9}\n").scale,
      (Scale{ScaleKind::kCsat, 1, 10, 4, 9, false}));
}

TEST(ConfigTest, AByteOrderMarkAndWindowsLineEndsAreRead) {
  std::string programs = "\xEF\xBB\xBF";
  for (const char c : std::string(kPrograms)) programs += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_EQ(ParseGood(programs, kPlaybooks).hash, ParseGood(kPrograms, kPlaybooks).hash);
}

TEST(ConfigTest, WordsThatLookLikeOtherTypesStayWords) {
  const std::string programs = R"(version: 1
programs:
  - id: 007
    name: {en: no, zh: "null"}
    kind: internal
    scale: nps
    queue: 1e3
)";
  const auto program = ParseGood(programs, "version: 1\nplaybooks: []\n").revision.programs.at(0);
  EXPECT_EQ(program.id, "007");
  EXPECT_EQ(program.display_name, "no");
  EXPECT_EQ(program.display_name_zh, "null");
  EXPECT_EQ(program.default_queue, "1e3");
}

// ---- Canonical text -----------------------------------------------------------------------------

TEST(CanonicalConfigTest, ReadsBackAsTheSameRevision) {
  std::vector<ConfigError> errors;
  std::vector<LoadedConfig> configs = {ParseGood(kPrograms, kPlaybooks),
                                       ParseGood(kPrograms, "version: 1\nplaybooks: []\n"),
                                       ParseGood(R"(version: 1
programs:
  - id: odd
    name: {en: "a \"quoted\" \\ # {x}: - name", zh: '“引号”: 名称'}
    kind: competitive
    scale: {kind: ces, lower_is_better: true}
    recovery_window: 36 hours
    reopen_window: 90 minutes
)",
                                                 R"(version: 1
playbooks:
  - id: odd
    name: {en: Odd}
    when: 'segment = "a\"b\\c\n''d" AND touchpoint : "账单/超额" AND severity >= 3'
    severity: 5
    queue: priority
)")};
  const auto shipped = LoadConfig(kRoot / "config", &errors);
  ASSERT_TRUE(shipped) << Render(errors);
  configs.push_back(*shipped);
  for (const LoadedConfig& config : configs) {
    const auto read = ParseCanonical(config.canonical_text);
    ASSERT_TRUE(read) << read.error().metadata.at("detail") << config.canonical_text;
    EXPECT_EQ(read->programs, config.revision.programs);
    ASSERT_EQ(read->playbooks.size(), config.revision.playbooks.size());
    for (size_t i = 0; i < read->playbooks.size(); ++i) {
      EXPECT_EQ(read->playbooks[i].when, config.revision.playbooks[i].when);
    }
    EXPECT_EQ(CanonicalText(*read), config.canonical_text);
    EXPECT_EQ(read->hash, config.hash);
  }
}

TEST(CanonicalConfigTest, LayoutCommentsAndWrittenDefaultsDoNotChangeTheHash) {
  const std::string before = ParseGood(kPrograms, kPlaybooks).hash;
  EXPECT_EQ(ParseGood(R"(# A comment.
programs:
    -   scale: {kind: nps, min: 0, max: 10, detractor_limit: 6, promoter_limit: 9}
        kind:   "transactional"   # in quotes
        reopen_window: 0 hours
        resurvey_delay: 72 hours
        resurvey_validity: 2 weeks
        name:
          zh: 热线
          en: 'Hotline'
        id: hotline
version: 1
)",
                      R"({version: 1, playbooks: [
  {when: '(  score<=2 )', id: low, name: {en: Low, zh: Low}, version: 1}]}
)")
                .hash,
            before);
}

TEST(CanonicalConfigTest, EveryValueChangesTheHash) {
  const std::string base = ParseGood(kPrograms, kPlaybooks).hash;
  std::set<std::string> hashes = {base};
  const std::vector<std::string> lines = {"allow_anonymous: true",    "recovery_window: 1 day",
                                          "reopen_window: 1 day",     "resurvey_delay: 1 day",
                                          "resurvey_validity: 1 day", "first_contact_limit: 1 hour",
                                          "max_reopen_count: 3",      "currency: EUR",
                                          "time_zone: Asia/Shanghai", "queue: other"};
  for (const std::string& line : lines) {
    EXPECT_TRUE(
        hashes.insert(ParseGood(kPrograms + ("    " + line + "\n"), kPlaybooks).hash).second)
        << line;
  }
  for (const char* line : {"version: 2", "severity: 1", "queue: other"}) {
    EXPECT_TRUE(
        hashes.insert(ParseGood(kPrograms, kPlaybooks + ("    " + std::string(line) + "\n")).hash)
            .second)
        << line;
  }
}

TEST(CanonicalConfigTest, ATextThatDoesNotPassIsRefusedWithTheDetail) {
  for (const char* text : {"", "version: 1\n", "version: 2\nprograms: []\nplaybooks: []\n", "{"}) {
    const auto read = ParseCanonical(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().reason, Reason::kInternal);
    EXPECT_NE(read.error().metadata.at("detail").find("revision:"), std::string::npos);
  }
}

// ---- Mistakes -----------------------------------------------------------------------------------

TEST(BrokenConfigTest, AFloodOfMistakesIsCutAtAHundred) {
  std::string programs = kPrograms;
  for (int i = 0; i < 5000; ++i) programs += "    unknown" + std::to_string(i) + ": 1\n";
  std::vector<ConfigError> errors;
  EXPECT_FALSE(Parse(programs, kPlaybooks, &errors));
  EXPECT_EQ(errors.size(), 100U);
}

TEST(BrokenConfigTest, MissingUnreadableAndTooLargeFilesAreTold) {
  const Folder folder;
  std::vector<ConfigError> errors;
  EXPECT_FALSE(LoadConfig(folder.path(), &errors));
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0].code, "C001");
  EXPECT_EQ(errors[0].line, 0);
  EXPECT_EQ(Render(errors[1]),
            (folder.path() / "playbooks.yaml").string() +
                ": error[C001]: expected this file in the configuration folder, found none\n"
                "  = help: copy the shipped one from config/\n");

  folder.Write(kPrograms + std::string(kMaxConfigFileBytes, '#'), kPlaybooks);
  errors.clear();
  EXPECT_FALSE(LoadConfig(folder.path(), &errors));
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].message.en, "expected at most 1048576 bytes, found more");

  fs::remove(folder.path() / "programs.yaml");
  fs::create_directory(folder.path() / "programs.yaml");
  errors.clear();
  EXPECT_FALSE(LoadConfig(folder.path(), &errors));
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].message.en, "expected a file, found something else");
}

TEST(PackFolderTest, WhatAPackLacksIsTakenFromTheFolderAbove) {
  const Folder folder;
  folder.Write(kPrograms, kPlaybooks);
  const fs::path pack = folder.path() / "playbooks" / "kiosk";
  fs::create_directories(pack);
  std::ofstream(pack / "playbooks.yaml")
      << "version: 1\nplaybooks:\n  - {id: kiosk, name: {en: Kiosk, zh: 小店}}\n";
  for (const fs::path& name : {pack, fs::path(pack.string() + "/")}) {
    std::vector<ConfigError> errors;
    const auto loaded = LoadConfig(name, &errors);
    ASSERT_TRUE(loaded) << Render(errors);
    EXPECT_FALSE(loaded->revision.programs.empty());
    ASSERT_EQ(loaded->revision.playbooks.size(), 1U);
    EXPECT_EQ(loaded->revision.playbooks[0].id, "kiosk");
  }
  // A mistake is told where it stands, the folder above has its own.
  std::ofstream(pack / "programs.yaml") << "version: 2\n";
  std::vector<ConfigError> errors;
  EXPECT_FALSE(LoadConfig(pack, &errors));
  ASSERT_FALSE(errors.empty());
  EXPECT_EQ(errors[0].file, (pack / "programs.yaml").string());
  errors.clear();
  const auto above = LoadConfig(folder.path(), &errors);
  ASSERT_TRUE(above) << Render(errors);
  EXPECT_NE(above->revision.playbooks[0].id, "kiosk");
}

TEST(BrokenConfigTest, AFileOfExactlyTheLimitIsRead) {
  const Folder folder;
  std::string programs = kPrograms;
  programs += '#' + std::string(kMaxConfigFileBytes - programs.size() - 1, ' ');
  folder.Write(programs, kPlaybooks);
  std::vector<ConfigError> errors;
  EXPECT_TRUE(LoadConfig(folder.path(), &errors)) << Render(errors);
}

}  // namespace
}  // namespace rebound
