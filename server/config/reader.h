// Reads one file's tree into values and notes every mistake: a field with a mistake keeps its
// default, so that reading goes on.
//
// The sections (sections.h) are written with it: one call per key. Types come from the field, never
// from the look of a value ("no" is a word where words stand).
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/diagnostics.h"
#include "server/config/keys.h"
#include "server/config/yaml.h"
#include "workflows/time.h"

namespace rebound {

inline constexpr size_t kMaxErrorsPerFile = 100;
inline constexpr Duration kShortest = std::chrono::minutes{1};
inline constexpr std::string_view kTruthWords[] = {"true", "false"};
// Units of durations, and how long each is: kUnitLengths[i / 2].
inline constexpr std::string_view kUnits[] = {"minutes", "minute", "hours", "hour",
                                              "days",    "day",    "weeks", "week"};
inline constexpr Duration kUnitLengths[] = {std::chrono::minutes{1}, std::chrono::hours{1},
                                            std::chrono::days{1}, std::chrono::weeks{1}};

// A key and its value; no key: it is not there.
struct Entry {
  const YamlNode* key = nullptr;
  const YamlNode* value = nullptr;

  explicit operator bool() const { return key != nullptr; }
};

Entry Find(const YamlNode& map, std::string_view key);
// An absent value has no place of its own; yaml-cpp names that of whatever follows.
Place At(const Entry& entry);
// What stands there: a quoted text, "nothing", "a list", "a mapping".
Bilingual Describe(const YamlNode& node);

// "did you mean ...?", or nothing.
Bilingual DidYouMean(std::string_view suggestion);

// One to kMaxKey characters of a-z, 0-9 and `extra`.
bool IsKey(std::string_view text, char extra = '-');

// "90 days", "36 hours", "5 minutes": in the largest of days, hours and minutes that is exact.
std::string DurationText(Duration duration);
// A text in double quotes that YAML reads back as the same.
std::string YamlQuoted(std::string_view text);

// A number with a unit, "8 hours".
struct Amount {
  int64_t count = 0;
  size_t unit = 0;  // of kUnitLengths
  Duration length() const { return count * kUnitLengths[unit]; }
};

// Lives for one reading of a file, whose text must outlive it. Not thread-safe.
class ConfigReader {
 public:
  ConfigReader(std::string name, std::string_view text);

  // Parses, and checks that the root is a mapping of `version: 1` and no other keys than `keys`.
  void Open(Words keys);
  const Source& source() const { return source_; }
  // Empty when the file could not be parsed.
  const YamlNode& root() const { return root_; }
  bool is_open() const { return is_open_; }

  // Has it noted an error? (Warnings do not count.)
  bool failed() const;
  size_t error_count() const { return errors_.size(); }
  // Sorted by place; those after the hundredth are left out.
  void MoveTo(std::vector<ConfigError>* errors);

  void Fault(const Place& place, const Phrase& phrase,
             std::initializer_list<Bilingual> arguments = {}, Bilingual help = {});
  // "expected WHAT for KEY, found VALUE".
  void Expected(const Entry& entry, const Phrase& phrase, const Bilingual& what,
                Bilingual help = {});

  // Is it a mapping? Notes keys that are unknown or given twice.
  bool CheckMap(const YamlNode& node, const Phrase& what, std::span<const Key> keys);
  // The entry; without a key when it is not there, which is noted if it is required.
  Entry Get(const YamlNode& map, std::string_view key, Need need);
  // A scalar's entry, or one without a key, with what is wrong noted.
  Entry GetScalar(const YamlNode& map, std::string_view key, Need need, const Bilingual& what);
  // A list's entries; nullptr when it is absent, something else, or has more than `most`.
  const YamlNode* GetList(const YamlNode& map, std::string_view key, Need need,
                          size_t most = std::numeric_limits<size_t>::max());
  // One scalar, or a list of scalars; those that are something else are noted and left out.
  std::vector<const YamlNode*> GetScalars(const YamlNode& map, std::string_view key, Need need);

  void ReadId(const YamlNode& map, std::string_view key, Need need, std::string* out);
  void ReadStatusKey(const YamlNode& map, std::string_view key, Need need, std::string* out);
  void ReadText(const YamlNode& map, std::string_view key, Need need, std::string* out);
  // Chinese may be left out: then it reads like the English.
  void ReadName(const YamlNode& map, std::string* en, std::string* zh);
  // The index of the word; nullopt when it is absent or unknown.
  std::optional<size_t> ReadWord(const YamlNode& map, std::string_view key, Need need, Words words);
  std::optional<size_t> MatchWord(const Entry& entry, Words words);
  // The same for one item of the list under `key`.
  std::optional<size_t> MatchItem(std::string_view key, const YamlNode& item, Words words);
  // A word or a list of words, each once.
  std::vector<size_t> ReadWords(const YamlNode& map, std::string_view key, Words words);
  void ReadBool(const YamlNode& map, std::string_view key, bool* out);
  // True when it was given and is good.
  bool ReadInt(const YamlNode& map, std::string_view key, Need need, int64_t lowest,
               int64_t highest, int64_t* out);
  bool ReadInt(const YamlNode& map, std::string_view key, Need need, int64_t lowest,
               int64_t highest, int32_t* out);
  // "90 days". `out` becomes nullopt for "unlimited", where that is allowed.
  void ReadDuration(const YamlNode& map, std::string_view key, Duration lowest,
                    bool may_be_unlimited, std::optional<Duration>* out);
  void ReadDuration(const YamlNode& map, std::string_view key, Duration lowest, Duration* out);
  // "8 hours" as it is written, up to limits::kFarthestDue; nullopt with the mistake noted.
  std::optional<Amount> ParseAmount(const Entry& entry, std::string_view text,
                                    const Bilingual& what, Duration lowest);
  std::optional<std::chrono::local_days> ReadDate(const YamlNode& map, std::string_view key,
                                                  Need need);
  // An IANA name that the time zone database knows.
  void ReadZone(const YamlNode& map, std::string_view key, Need need, std::string* out);
  // Notes an id that was given before; `key` names the key it stands under.
  void CheckUnique(const YamlNode& node, std::string_view key, const std::string& id,
                   std::map<std::string, int>* lines);

 private:
  bool CheckMap(const YamlNode& node, const Phrase& what, Words keys);
  void ReadKey(const YamlNode& map, std::string_view key, Need need, char extra, const Phrase& what,
               std::string* out);

  Source source_;
  YamlNode root_{};
  bool is_open_ = false;
  std::vector<ConfigError> errors_{};
};

}  // namespace rebound
