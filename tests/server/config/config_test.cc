#include "server/config/config.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "server/execute/revisions.h"
#include "server/storage/memory_store.h"

namespace rebound {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = REBOUND_SOURCE_DIR;

constexpr const char* kPrograms = R"(version: 1
programs:
  - id: hotline
    name: {en: Hotline, zh: 热线}
    kind: transactional
    scale: nps
)";
constexpr const char* kPlaybooks = R"(version: 1
playbooks:
  - id: low
    name: {en: Low}
    when: "score <= 2"
)";

std::string ReadText(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void WriteText(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
}

std::optional<LoadedConfig> Parse(const std::string& programs, const std::string& playbooks,
                                  std::vector<ConfigError>* errors) {
  return ParseConfig({"programs.yaml", programs}, {"playbooks.yaml", playbooks}, errors);
}

LoadedConfig ParseGood(const std::string& programs, const std::string& playbooks) {
  std::vector<ConfigError> errors;
  auto loaded = Parse(programs, playbooks, &errors);
  EXPECT_TRUE(loaded) << Render(errors);
  return loaded ? *loaded : LoadedConfig{};
}

// A folder that is gone after the test.
class Folder {
 public:
  Folder() {
    std::string name = fs::temp_directory_path() / "rebound-config-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const fs::path& path() const { return path_; }
  void Write(const std::string& programs, const std::string& playbooks) const {
    WriteText(path_ / "programs.yaml", programs);
    WriteText(path_ / "playbooks.yaml", playbooks);
  }

 private:
  fs::path path_{};
};

std::string Program(const std::string& lines) {
  return "version: 1\nprograms:\n  - id: hotline\n    name: {en: Hotline}\n"
         "    kind: transactional\n" +
         lines;
}

std::string Playbook(const std::string& lines) {
  return "version: 1\nplaybooks:\n  - id: low\n    name: {en: Low}\n" + lines;
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
    return ParseGood(Program(lines), kPlaybooks).revision.programs.at(0);
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

struct Broken {
  std::string name;
  std::string programs;
  std::string playbooks;
};

std::vector<Broken> BrokenConfigs() {
  const std::string good = kPrograms;
  const std::string low = kPlaybooks;
  const auto program = [&](const std::string& name, const std::string& lines) {
    return Broken{name, Program(lines), low};
  };
  const auto scale = [&](const std::string& name, const std::string& value) {
    return Broken{name, Program("    scale: " + value + "\n"), low};
  };
  const auto field = [&](const std::string& name, const std::string& line) {
    return Broken{name, Program("    scale: nps\n    " + line + "\n"), low};
  };
  const auto playbook = [&](const std::string& name, const std::string& lines) {
    return Broken{name, good, Playbook(lines)};
  };
  const auto when = [&](const std::string& name, const std::string& value) {
    return Broken{name, good, Playbook("    when: " + value + "\n")};
  };
  std::string deep = "version: 1\nprograms: ";
  for (int i = 0; i < 64; ++i) deep += '[';
  deep += std::string(64, ']') + "\n";
  std::string very_deep = "version: 1\nprograms: ";
  for (int i = 0; i < 100'000; ++i) very_deep += '[';
  return {
      {"empty_file", "", low},
      {"only_a_comment", "# nothing\n", low},
      {"a_list_at_the_root", "- version: 1\n", low},
      {"not_utf8", "version: 1\nprograms: # \xB2\xE2\xCA\xD4\n", low},
      {"nul", std::string("version: 1\nprog\0rams:\n", 22), low},
      {"tab_indentation", "version: 1\nprograms:\n\t- id: x\n", low},
      {"open_bracket", "version: 1\nprograms: [{id: x}\n", low},
      {"open_quote", Program("    scale: \"nps\n"), low},
      {"colon_in_plain_text", good, Playbook("    when: touchpoint : \"billing\"\n")},
      {"too_deep", deep, low},
      {"very_deep", very_deep, low},
      {"anchor_and_alias",
       Program("    scale: &s nps\n") + "  - id: b\n    name: {en: B}\n    scale: *s\n", low},
      {"unknown_alias", Program("    scale: *s\n"), low},
      {"tag", Program("    scale: !!str nps\n"), low},
      {"two_documents", good + "---\nversion: 1\n", low},
      {"version_missing", "programs: []\n", low},
      {"version_unknown", "version: 2\nprograms: []\n", low},
      {"programs_missing", "version: 1\n", low},
      {"programs_empty", "version: 1\nprograms: []\n", low},
      {"programs_without_items", "version: 1\nprograms:\n", low},
      {"programs_a_mapping", "version: 1\nprograms: {id: x}\n", low},
      {"program_a_word", "version: 1\nprograms:\n  - hotline\n", low},
      {"playbooks_in_the_wrong_file", good + "playbooks: []\n", low},
      {"everything_missing", "version: 1\nprograms:\n  - queue: x\n", low},
      field("unknown_key", "recovery_windw: 90 days"),
      field("unknown_key_without_a_likely_one", "colour: red"),
      field("unknown_key_in_chinese", "评分制: nps"),
      field("duplicate_key", "kind: relational"),
      field("key_is_a_list", "[a, b]: 1"),
      program("null_value", "    scale: nps\n    currency:\n    time_zone: UTC\n"),
      {"id_malformed",
       "version: 1\nprograms:\n  - id: Hot Line_2\n    name: {en: H}\n"
       "    kind: internal\n    scale: nps\n",
       low},
      {"id_twice",
       good + "  - id: hotline\n    name: {en: Again}\n    kind: internal\n"
              "    scale: csat\n",
       low},
      {"name_a_word",
       "version: 1\nprograms:\n  - id: x\n    name: Hotline\n    kind: internal\n"
       "    scale: nps\n",
       low},
      {"name_empty_and_too_long",
       "version: 1\nprograms:\n  - id: x\n    name: {en: \"\", zh: " + std::string(1025, 'z') +
           "}\n    kind: internal\n    scale: nps\n",
       low},
      {"name_with_a_line_break",
       "version: 1\nprograms:\n  - id: x\n    name: {en: \"a\\nb\"}\n"
       "    kind: internal\n    scale: nps\n",
       low},
      {"kind_misspelt",
       "version: 1\nprograms:\n  - id: x\n    name: {en: X}\n"
       "    kind: transactionl\n    scale: nps\n",
       low},
      scale("scale_misspelt", "npx"),
      scale("scale_a_list", "[0, 10]"),
      scale("scale_without_kind", "{min: 0, max: 10}"),
      scale("scale_range_without_limits", "{kind: csat, max: 10}"),
      scale("scale_limits_crossed", "{kind: nps, detractor_limit: 9, promoter_limit: 6}"),
      scale("scale_limits_equal", "{kind: nps, detractor_limit: 6, promoter_limit: 6}"),
      scale("scale_limit_outside", "{kind: nps, promoter_limit: 11}"),
      scale("scale_limits_not_turned",
            "{kind: ces, lower_is_better: true, detractor_limit: 3, promoter_limit: 6}"),
      scale("scale_min_not_an_integer", "{kind: nps, min: 0.5, max: \"10\"}"),
      scale("scale_unknown_key", "{kind: nps, promoter_limits: 9}"),
      field("bool_yes", "allow_anonymous: yes"),
      field("bool_quoted", "allow_anonymous: \"true\""),
      field("anonymous_contradiction", "anonymous_opens_case: true"),
      field("duration_without_unit", "recovery_window: 90"),
      field("duration_unit_misspelt", "recovery_window: 90 dyas"),
      field("duration_unlimited_misspelt", "recovery_window: unlimitd"),
      field("duration_unlimited_not_allowed", "reopen_window: unlimited"),
      field("duration_negative", "reopen_window: -1 days"),
      field("duration_too_long", "recovery_window: 99999999999999999999 weeks"),
      field("duration_zero", "recovery_window: 0 days"),
      field("count_too_high", "max_reopen_count: 101"),
      field("count_beyond_64_bits", "max_reopen_count: 4294967296000000000000"),
      field("currency_unknown", "currency: RMB"),
      field("currency_small", "currency: cny"),
      field("zone_misspelt", "time_zone: Asia/Shanghia"),
      field("zone_outside_the_database", "time_zone: ../../etc/passwd"),
      when("condition_unknown_field", "\"scroe <= 2\""),
      when("condition_after_chinese", "'segment = \"大客户\" AND scroe <= 2'"),
      when("condition_protected_field", "'score <= 2 AND gender = female'"),
      when("condition_field_not_known_at_opening", "'status = open'"),
      when("condition_or", "'score <= 2 OR score = 5'"),
      when("condition_not", "'NOT score = 5'"),
      when("condition_ends_early", "'score <='"),
      when("condition_value", "\"score <= low\""),
      when("condition_after_an_escape", "\"segment = \\\"a\\\" AND scroe = 1\""),
      when("condition_after_doubled_quotes", "'segment = ''a'' AND scroe = 1'"),
      when("condition_in_a_block", ">-\n      score <= 2\n      AND scroe = 1"),
      when("condition_in_a_literal_block", "|\n      score <= 2\n      AND severty >= 3"),
      when("condition_on_folded_lines", "score <= 2\n      AND scroe = 1"),
      when("condition_empty", "\"\""),
      when("condition_null", ""),
      when("condition_a_mapping", "{score: 2}"),
      when("condition_unknown_program", "'score <= 2 AND program = hotlin'"),
      playbook("severity_out_of_range", "    severity: 6\n    version: 0\n"),
      playbook("playbook_after_the_catch_all",
               "  - id: late\n    name: {en: Late}\n    when: score <= 2\n"),
      playbook("playbook_after_a_wider_one",
               "    when: score <= 2\n  - id: late\n    name: {en: Late}\n"
               "    when: channel = sms AND score <= 2\n"),
      playbook("playbook_id_twice",
               "    when: score <= 2\n  - id: low\n    name: {en: Again}\n    when: score = 5\n"),
      {"mistakes_in_both_files", Program("    scale: npx\n    quue: a\n    currency: XYZ\n"),
       Playbook("    when: \"scroe = 1\"\n    severty: 3\n")},
      {"wide_characters_before_the_mistake",
       "version: 1\nprograms:\n  - {id: x, name: {zh: 客户满意度, en: X}, kind: internl, "
       "scale: nps}\n",
       low},
      {"a_very_long_line",
       "version: 1\nprograms:\n  - {id: x, name: {en: " + std::string(900, 'n') +
           "}, kind: internl, scale: nps}\n",
       low},
  };
}

// Set UPDATE_GOLDEN=1 to rewrite the files after an intended change.
TEST(BrokenConfigTest, EveryMistakeIsToldWithItsPlaceAndTheWayOut) {
  const fs::path folder = kRoot / "tests/golden/config";
  const bool update = getenv("UPDATE_GOLDEN") != nullptr;
  std::set<std::string> names;
  for (const Broken& broken : BrokenConfigs()) {
    SCOPED_TRACE(broken.name);
    EXPECT_TRUE(names.insert(broken.name + ".golden").second);
    std::vector<ConfigError> errors;
    EXPECT_FALSE(Parse(broken.programs, broken.playbooks, &errors));
    EXPECT_FALSE(errors.empty());
    const std::string rendered = Render(errors);
    const fs::path golden = folder / (broken.name + ".golden");
    if (update) WriteText(golden, rendered);
    EXPECT_EQ(ReadText(golden), rendered);
  }
  for (const auto& entry : fs::directory_iterator(folder)) {
    EXPECT_TRUE(names.contains(entry.path().filename())) << "no test makes " << entry.path();
  }
}

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
  EXPECT_EQ(errors[0].message, "expected at most 1048576 bytes, found more");

  fs::remove(folder.path() / "programs.yaml");
  fs::create_directory(folder.path() / "programs.yaml");
  errors.clear();
  EXPECT_FALSE(LoadConfig(folder.path(), &errors));
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].message, "expected a file, found something else");
}

TEST(BrokenConfigTest, AFileOfExactlyTheLimitIsRead) {
  const Folder folder;
  std::string programs = kPrograms;
  programs += '#' + std::string(kMaxConfigFileBytes - programs.size() - 1, ' ');
  folder.Write(programs, kPlaybooks);
  std::vector<ConfigError> errors;
  EXPECT_TRUE(LoadConfig(folder.path(), &errors)) << Render(errors);
}

// ---- Applying the folder ------------------------------------------------------------------------

TEST(ApplyFolderTest, ARestartWithTheSameValuesStoresNothing) {
  MemoryStore store;
  const Folder folder;
  folder.Write(kPrograms, kPlaybooks);
  const AppliedConfig first = ApplyFolder(store, folder.path());
  ASSERT_TRUE(first.revision);
  EXPECT_TRUE(first.stored);
  EXPECT_EQ(first.revision->number, 1);
  EXPECT_EQ(store.LastRevision()->source, "folder");
  EXPECT_EQ(store.LastRevision()->hash, first.revision->hash);

  folder.Write(std::string("# A comment changes no value.\n") + kPrograms, kPlaybooks);
  const AppliedConfig second = ApplyFolder(store, folder.path());
  ASSERT_TRUE(second.revision);
  EXPECT_FALSE(second.stored);
  EXPECT_EQ(second.revision->number, 1);
  EXPECT_EQ(second.revision->hash, first.revision->hash);
  EXPECT_EQ(second.revision->programs, first.revision->programs);
  EXPECT_EQ(second.revision->lifecycle.initial, "open");
}

TEST(ApplyFolderTest, AChangedValueBecomesTheNextRevision) {
  MemoryStore store;
  const Folder folder;
  folder.Write(kPrograms, kPlaybooks);
  const AppliedConfig first = ApplyFolder(store, folder.path());
  folder.Write(kPrograms + std::string("    max_reopen_count: 5\n"), kPlaybooks);
  const AppliedConfig second = ApplyFolder(store, folder.path());
  ASSERT_TRUE(second.revision);
  EXPECT_TRUE(second.stored);
  EXPECT_EQ(second.revision->number, 2);
  EXPECT_NE(second.revision->hash, first.revision->hash);
  EXPECT_EQ(second.revision->FindProgram("hotline")->max_reopen_count, 5);
}

TEST(ApplyFolderTest, ABrokenFolderLeavesTheLastGoodRevisionInForceAndSaysSo) {
  MemoryStore store;
  const Folder folder;
  folder.Write(kPrograms, kPlaybooks);
  const AppliedConfig good = ApplyFolder(store, folder.path());
  folder.Write(kPrograms, "version: 1\nplaybooks: {\n");
  const AppliedConfig broken = ApplyFolder(store, folder.path());
  ASSERT_TRUE(broken.revision);
  EXPECT_FALSE(broken.stored);
  EXPECT_EQ(broken.revision->number, 1);
  EXPECT_EQ(broken.revision->hash, good.revision->hash);
  ASSERT_EQ(broken.errors.size(), 1U);
  EXPECT_EQ(broken.errors[0].file, (folder.path() / "playbooks.yaml").string());

  folder.Write(kPrograms, kPlaybooks);
  const AppliedConfig repaired = ApplyFolder(store, folder.path());
  EXPECT_TRUE(repaired.errors.empty());
  EXPECT_EQ(repaired.revision->number, 1);
}

TEST(ApplyFolderTest, ABrokenFolderWithoutAnyRevisionGivesNone) {
  MemoryStore store;
  const Folder folder;
  const AppliedConfig applied = ApplyFolder(store, folder.path());
  EXPECT_EQ(applied.revision, nullptr);
  EXPECT_EQ(applied.errors.size(), 2U);
  EXPECT_FALSE(store.LastRevision());
}

TEST(ApplyFolderTest, ARollBackFromElsewhereIsNotUndoneByARestart) {
  MemoryStore store;
  const Folder folder;
  folder.Write(kPrograms + std::string("    max_reopen_count: 5\n"), kPlaybooks);
  ASSERT_TRUE(ApplyFolder(store, folder.path()).stored);
  const LoadedConfig older = ParseGood(kPrograms, kPlaybooks);
  store.AddRevision({2, older.hash, older.canonical_text, "api"});
  const AppliedConfig applied = ApplyFolder(store, folder.path());
  ASSERT_TRUE(applied.revision);
  EXPECT_FALSE(applied.stored);
  EXPECT_EQ(applied.revision->number, 2);
  EXPECT_EQ(applied.revision->hash, older.hash);
}

TEST(ApplyFolderTest, AStoredRevisionThatNoLongerPassesGivesWayToAGoodFolder) {
  MemoryStore store;
  store.AddRevision({7, "0", "version: 1\nprograms: []\nplaybooks: []\n", "folder"});
  const Folder folder;
  const AppliedConfig broken = ApplyFolder(store, folder.path());
  EXPECT_EQ(broken.revision, nullptr);
  ASSERT_EQ(broken.errors.size(), 3U);
  EXPECT_EQ(broken.errors[2].file, "revision 7");

  folder.Write(kPrograms, kPlaybooks);
  const AppliedConfig applied = ApplyFolder(store, folder.path());
  ASSERT_TRUE(applied.revision);
  EXPECT_TRUE(applied.stored);
  EXPECT_EQ(applied.revision->number, 8);
}

}  // namespace
}  // namespace rebound
