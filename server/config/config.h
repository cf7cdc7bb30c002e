// The configuration folder: YAML files become a Revision, and every mistake in them is told with
// file, line, column and a way out, all of a run at once.
//
//   programs.yaml    version: 1, programs: [...]
//   playbooks.yaml   version: 1, playbooks: [...], in order: the first match applies
//
// The shipped files in config/ document each field, its unit and its default. Stricter than YAML:
// unknown and repeated keys, anchors, aliases, tags and second documents are errors, and types come
// from the field, never from the look of a value ("no" is a word where words stand).
//
// Values and functions; safe to call from any thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/result.h"
#include "workflows/revision.h"

namespace rebound {

inline constexpr size_t kMaxConfigFileBytes = size_t{1} << 20;
inline constexpr int kMaxConfigDepth = 64;  // lists and mappings within each other

// One mistake. Codes are stable:
//   C001 the file: missing, unreadable, too large, not UTF-8   C002 YAML syntax
//   C003 YAML that is not accepted here: anchors, depth ...    C004 wrong type
//   C005 unknown key         C006 key given twice              C007 key missing
//   C008 unknown word        C009 malformed value              C010 number or length out of bounds
//   C011 id given twice      C012 settings that contradict each other
//   C013 condition           C014 playbook that can never apply
//   C015 unsupported version of the file
struct ConfigError {
  std::string file{};  // as it was opened
  int line = 0;        // from 1; 0: the file as a whole
  int column = 0;      // in code points, from 1
  int width = 1;       // how many code points are at fault
  std::string code{};
  std::string message{};      // what was expected, then what is there
  std::string help{};         // the way out; may be empty
  std::string source_line{};  // without its line break; a long one only around the fault
  int source_offset = 0;      // code points of the line before source_line

  friend bool operator==(const ConfigError&, const ConfigError&) = default;
};

// As compilers print it, with a line break at the end; carets stand right under wide characters:
//   config/programs.yaml:7:5: error[C005]: expected a key of a program, found "quue"
//     7 |     quue: default
//       |     ^^^^
//       = help: did you mean "queue"?
// Control characters of the source are shown as U+FFFD, long lines are cut around the fault.
std::string Render(const ConfigError& error);
// One after the other, an empty line between two.
std::string Render(const std::vector<ConfigError>& errors);

struct LoadedConfig {
  Revision revision{};           // number 0: it is not stored yet
  std::string canonical_text{};  // see CanonicalText
  std::string hash{};            // SHA-256 of canonical_text, 64 hexadecimal digits
};

struct ConfigFile {
  std::string name{};  // for messages
  std::string text{};
};

// Reads both files. On any mistake gives nothing and appends to `errors`, sorted by place within
// each file; those after a file's hundredth are left out. The lifecycle is the shipped one.
std::optional<LoadedConfig> ParseConfig(const ConfigFile& programs, const ConfigFile& playbooks,
                                        std::vector<ConfigError>* errors);

// ParseConfig of folder/programs.yaml and folder/playbooks.yaml; other files are not looked at.
std::optional<LoadedConfig> LoadConfig(const std::filesystem::path& folder,
                                       std::vector<ConfigError>* errors);

// A revision as one YAML document with both lists, every field written out, in one fixed form: it
// changes only when a value does, not with comments, order of keys or layout.
std::string CanonicalText(const Revision& revision);

// Reads a stored canonical text back; number is 0, hash is set. kInternal with metadata "detail"
// (rendered mistakes) when it does not pass today's checks.
Result<Revision> ParseCanonical(std::string_view text);

}  // namespace rebound
