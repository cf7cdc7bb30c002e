// The configuration folder: YAML files become a Revision, and every mistake in them is told with
// file, line, column and a way out, all of a run at once, in English and Chinese.
//
//   programs.yaml, playbooks.yaml     compulsory
//   lifecycle, priorities, roles,     .yaml; absent: the shipped ones (DefaultLifecycle() ...), of
//   blacklist                         the blacklist without rules
//   calendars, clocks, alerts, org_units, labels, remedies, templates, contact
//                                     .yaml; absent: none
//   *.ics, calendars/*.ics            holidays that calendars.yaml imports
//   playbooks/PACK/                   a folder for itself: what it does not have is taken from the
//                                     one that playbooks/ lies in
//
// Each begins with `version: 1` and has one key of its name; playbooks, priorities, clocks and
// alerts may have `tests:` (rule_tests.h), so may blacklist (blacklist_tests.h). The shipped files
// in config/ document each field, its unit and its default. Stricter than YAML: unknown and
// repeated keys, anchors, aliases, tags and second documents are errors, and types come from the
// field, never from the look of a value ("no" is a word where words stand). What the codes of
// mistakes mean: kCodes in diagnostics.h.
//
// Values and functions; safe to call from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/canonical.h"
#include "server/config/diagnostics.h"
#include "server/config/yaml.h"
#include "workflows/result.h"
#include "workflows/revision.h"

namespace rebound {

inline constexpr size_t kMaxConfigFiles = 64;

struct LoadedConfig {
  Revision revision{};           // number 0: it is not stored yet
  std::string canonical_text{};  // see CanonicalText
  std::string hash{};            // SHA-256 of canonical_text, 64 hexadecimal digits
  std::vector<ConfigError> warnings{};
  int tests_run = 0;  // beside the rules; all of them passed
};

// What a test beside the rules came to.
struct RuleTestResult {
  // An expectation that is not met. Ids; several are joined by ", ", nothing is "none".
  struct Mismatch {
    std::string key{};  // playbook, priority, clocks, alerts or proposals
    std::string expected{};
    std::string found{};

    friend bool operator==(const Mismatch&, const Mismatch&) = default;
  };
  std::string name{};
  std::string file{};  // as it was opened
  int line = 0;        // where the test begins, from 1
  std::vector<Mismatch> mismatches{};

  bool passed() const { return mismatches.empty(); }
};

struct ConfigFile {
  std::string name{};  // for messages; its last part says what the file is, e.g. "clocks.yaml"
  std::string text{};
};

// Reads the files, in any order, at most kMaxConfigFiles. On any error gives nothing and appends
// errors and warnings to `errors`, sorted by place within each file; those after a file's hundredth
// are left out. `tests`: what each test beside the rules came to, if it is wanted; they run only
// when there is no other error.
std::optional<LoadedConfig> ParseConfig(const std::vector<ConfigFile>& files,
                                        std::vector<ConfigError>* errors,
                                        std::vector<RuleTestResult>* tests = nullptr);

// ParseConfig of those files of the folder that belong to the configuration; others are not looked
// at, but a name that is almost one of them is warned of.
std::optional<LoadedConfig> LoadConfig(const std::filesystem::path& folder,
                                       std::vector<ConfigError>* errors);

// The files that LoadConfig would parse, as they are, those that complete a pack included. Those
// that cannot be read are in `errors`.
std::vector<ConfigFile> ReadConfigFolder(const std::filesystem::path& folder,
                                         std::vector<ConfigError>* errors);

// Runs the `tests:` of one file against a revision; its other keys are not looked at. Appends what
// fails and gives the number of tests.
int RunRuleTests(const Revision& revision, const ConfigFile& file,
                 std::vector<ConfigError>* errors);

// The policy of a draft's blacklist.yaml, checked against the rest of the revision; nullopt with
// the mistakes in `errors`. Its tests are read, but not run.
std::optional<BlacklistPolicy> ReadBlacklistDraft(const ConfigFile& file, const Revision& revision,
                                                  std::vector<ConfigError>* errors);

// What can be read of a revision that was accepted once, by whatever checks there were then; its
// faults by today's go to `errors`. nullopt when it cannot be read at all. number is 0, hash is
// set.
std::optional<Revision> ReadStored(std::string_view text, std::vector<ConfigError>* errors);
// Reads a stored canonical text back; number is 0, hash is set. kInternal with metadata "detail"
// (rendered mistakes) when it does not pass today's checks.
Result<Revision> ParseCanonical(std::string_view text);

// That the last stored revision does not pass today's checks; `detail` as ParseCanonical gives it.
ConfigError StoredRevisionFails(int64_t number, std::string_view detail);

}  // namespace rebound
