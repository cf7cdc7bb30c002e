#include "server/config/config.h"

#include <date/tz.h>
#include <fmt/format.h>
#include <sodium.h>
#include <unicode/ucurr.h>
#include <utf8proc.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <map>
#include <span>
#include <sstream>
#include <system_error>
#include <utility>

#include "workflows/filter.h"
#include "workflows/limits.h"

namespace rebound {
namespace {

constexpr size_t kMaxErrorsPerFile = 100;
constexpr int kMaxSourceColumns = 100;  // shown of a source line
constexpr size_t kMaxCodePointsInMessage = 60;
constexpr std::string_view kReplacement = "\uFFFD";
constexpr std::string_view kBlanks = " \t\r\n";
constexpr Duration kShortest = std::chrono::minutes{1};

using Words = std::span<const std::string_view>;
constexpr std::array<std::string_view, 4> kProgramKinds = {"transactional", "relational",
                                                           "competitive", "internal"};
constexpr std::array<std::string_view, 3> kScaleKinds = {"nps", "csat", "ces"};
constexpr std::array<std::string_view, 2> kTruth = {"true", "false"};
constexpr std::array<std::string_view, 8> kUnits = {"minutes", "minute", "hours", "hour",
                                                    "days",    "day",    "weeks", "week"};
constexpr std::array<Duration, 4> kUnitLengths = {std::chrono::minutes{1}, std::chrono::hours{1},
                                                  std::chrono::days{1}, std::chrono::weeks{1}};
constexpr std::array<std::string_view, 15> kProgramKeys = {"id",
                                                           "name",
                                                           "kind",
                                                           "scale",
                                                           "allow_anonymous",
                                                           "anonymous_opens_case",
                                                           "recovery_window",
                                                           "reopen_window",
                                                           "resurvey_delay",
                                                           "resurvey_validity",
                                                           "first_contact_limit",
                                                           "max_reopen_count",
                                                           "currency",
                                                           "time_zone",
                                                           "queue"};
constexpr std::array<std::string_view, 6> kScaleKeys = {
    "kind", "min", "max", "detractor_limit", "promoter_limit", "lower_is_better"};
constexpr std::array<std::string_view, 6> kPlaybookKeys = {"id",   "version",  "name",
                                                           "when", "severity", "queue"};
constexpr std::array<std::string_view, 2> kNameKeys = {"en", "zh"};

// ---- Text ---------------------------------------------------------------------------------------

// The code point at the front and its length in bytes; -1 and 1 for a malformed byte.
std::pair<utf8proc_int32_t, size_t> FrontCodePoint(std::string_view text) {
  utf8proc_int32_t code = -1;
  const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                       static_cast<utf8proc_ssize_t>(text.size()), &code);
  return {code, length > 0 ? static_cast<size_t>(length) : 1};
}

size_t CodePoints(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

// The part of `text` that begins at code point `from` and has at most `count` of them.
std::string_view Slice(std::string_view text, size_t from, size_t count) {
  const auto offset = [&](size_t start, size_t points) {
    for (; points > 0 && start < text.size(); --points) {
      start = std::min(start + FrontCodePoint(text.substr(start)).second, text.size());
    }
    return start;
  };
  const size_t begin = offset(0, from);
  return text.substr(begin, offset(begin, count) - begin);
}

bool IsControl(utf8proc_int32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029;
}

// Safe for one line of a terminal; a tab is a space, so that carets stay below their text.
std::string Printable(std::string_view text) {
  std::string printable;
  while (!text.empty()) {
    const auto [code, length] = FrontCodePoint(text);
    if (code == '\t') {
      printable += ' ';
    } else if (IsControl(code)) {
      printable += kReplacement;
    } else {
      printable += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return printable;
}

std::string Quoted(std::string_view text) {
  const bool whole = CodePoints(text) <= kMaxCodePointsInMessage;
  return '"' + Printable(Slice(text, 0, kMaxCodePointsInMessage)) + (whole ? "\"" : "...\"");
}

std::string JoinWithCommas(Words words) {
  std::string joined;
  for (const std::string_view word : words) (joined += joined.empty() ? "" : ", ") += word;
  return joined;
}

std::string DidYouMean(std::string_view suggestion) {
  return suggestion.empty() ? "" : fmt::format("did you mean \"{}\"?", suggestion);
}

bool HasControl(std::string_view text) {
  while (!text.empty()) {
    const auto [code, length] = FrontCodePoint(text);
    if (IsControl(code)) return true;
    text.remove_prefix(length);
  }
  return false;
}

size_t TerminalColumns(std::string_view text) {
  size_t columns = 0;
  while (!text.empty()) {
    const auto [code, length] = FrontCodePoint(text);
    columns += static_cast<size_t>(std::max(code < 0 ? 1 : utf8proc_charwidth(code), 0));
    text.remove_prefix(length);
  }
  return columns;
}

// ---- The YAML tree ------------------------------------------------------------------------------

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  YAML::Mark mark{};
  std::string text{};
  bool quoted = false;               // in quotes, or a block scalar
  std::vector<YamlNode> children{};  // kMap: key, value, key, value ...
};

struct Place {
  int line = 0;
  int column = 0;
  int width = 1;
};

Place PlaceOf(const YAML::Mark& mark) {
  return mark.is_null() ? Place{} : Place{mark.line + 1, mark.column + 1, 1};
}

// YAML that the folder does not accept; leaves the parser as an exception, like its own.
struct RefusedYaml {
  Place place;
  std::string message;
  std::string help;
};

// Events rather than YAML::Node: those lose aliases, and repeated keys of theirs go unnoticed.
class TreeBuilder final : public YAML::EventHandler {
 public:
  YamlNode Take() { return std::move(root_); }
  const YAML::Mark& last_scalar() const { return last_scalar_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      throw RefusedYaml{PlaceOf(mark), "expected one document in the file, found a second",
                        "remove the line \"---\""};
    }
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Check(mark, "?", anchor);
    Add({.kind = YamlNode::Kind::kNull, .mark = mark});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { RefuseReference(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Check(mark, tag, anchor);
    last_scalar_ = mark;
    Add({.kind = YamlNode::Kind::kScalar, .mark = mark, .text = value, .quoted = tag == "!"});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  [[noreturn]] static void RefuseReference(const YAML::Mark& mark) {
    throw RefusedYaml{PlaceOf(mark), "expected a value, found an anchor or alias",
                      "write the value out in each place"};
  }

  static void Check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) RefuseReference(mark);
    if (tag != "?" && tag != "!" && !tag.empty()) {
      throw RefusedYaml{PlaceOf(mark), "expected a value, found a tag",
                        "leave the tag out: each field knows its type"};
    }
  }

  void Open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    Check(mark, tag, anchor);
    if (open_.size() == static_cast<size_t>(kMaxConfigDepth)) {
      throw RefusedYaml{
          PlaceOf(mark),
          fmt::format("expected at most {} lists and mappings within each other, found more",
                      kMaxConfigDepth),
          ""};
    }
    open_.push_back({.kind = kind, .mark = mark});
  }

  void Close() {
    YamlNode node = std::move(open_.back());
    open_.pop_back();
    Add(std::move(node));
  }

  void Add(YamlNode node) {
    (open_.empty() ? root_ : open_.back().children.emplace_back()) = std::move(node);
  }

  int documents_ = 0;
  YAML::Mark last_scalar_ = YAML::Mark::null_mark();
  YamlNode root_{};
  std::vector<YamlNode> open_{};
};

std::string Describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull: return "nothing";
    case YamlNode::Kind::kScalar: return Quoted(node.text);
    case YamlNode::Kind::kList: return "a list";
    case YamlNode::Kind::kMap: return "a mapping";
  }
  return "";
}

bool IsDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool IsKnownCurrency(std::string_view code) {
  if (code.size() != 3) return false;
  std::array<UChar, 4> letters{};
  for (size_t i = 0; i < 3; ++i) {
    if (code[i] < 'A' || code[i] > 'Z') return false;
    letters[i] = static_cast<UChar>(code[i]);
  }
  return ucurr_getNumericCode(letters.data()) > 0;
}

bool IsKnownZone(const std::string& name) {
  try {
    date::locate_zone(name);
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

std::string_view NearestZone(std::string_view name) {
  std::vector<std::string_view> names;
  for (const date::time_zone& zone : date::get_tzdb().zones) names.push_back(zone.name());
  return Nearest(name, names);
}

std::vector<Comparison> Flat(const Predicate& predicate) {
  if (predicate.kind == Predicate::Kind::kComparison) return {predicate.comparison};
  std::vector<Comparison> all;
  for (const Predicate& child : predicate.children) {
    for (Comparison& comparison : Flat(child)) all.push_back(std::move(comparison));
  }
  return all;
}

// Whether whatever matches `narrow` matches `wide`: it makes all the comparisons of the latter.
bool Covers(const Predicate& wide, const Predicate& narrow) {
  const std::vector<Comparison> made = Flat(narrow);
  const std::vector<Comparison> needed = Flat(wide);
  return std::all_of(needed.begin(), needed.end(), [&](const Comparison& comparison) {
    return std::find(made.begin(), made.end(), comparison) != made.end();
  });
}

// ---- One file -----------------------------------------------------------------------------------

// Reads one file into a revision and notes every mistake. Lives for one call of ParseConfig; a
// field with a mistake keeps its default, so that reading goes on.
class FileReader {
 public:
  explicit FileReader(const ConfigFile& file) : name_(file.name), text_(file.text) {
    // yaml-cpp would count it as a column.
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
    for (std::string_view rest = text_;;) {
      const size_t end = rest.find('\n');
      std::string_view line = rest.substr(0, end);
      if (line.ends_with('\r')) line.remove_suffix(1);
      lines_.push_back(line);
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 1);
    }
  }

  // `sections` are the lists that the file must have, besides `version`.
  void Read(const std::vector<std::string_view>& sections) {
    if (!CheckText() || !ParseYaml()) return;
    std::vector<std::string_view> keys = {"version"};
    keys.insert(keys.end(), sections.begin(), sections.end());
    if (!CheckMap(root_, "the file", keys)) return;
    ReadVersion();
    sections_ = sections;
  }

  void ReadPrograms(std::vector<Program>* programs) {
    const YamlNode* list = List("programs");
    if (list == nullptr) return;
    if (list->children.empty()) {
      Fault(At(*list), "C010", "expected at least one program, found none",
            "add one: id, name, kind and scale");
    }
    std::map<std::string, int> lines;
    for (const YamlNode& node : list->children) {
      if (!CheckMap(node, "a program", kProgramKeys)) continue;
      Program program = ReadProgram(node);
      CheckUnique(node, program.id, &lines);
      programs->push_back(std::move(program));
    }
  }

  // `programs`: to check the names in conditions; nullptr: not known.
  void ReadPlaybooks(const std::vector<Program>* programs, std::vector<Playbook>* playbooks) {
    const YamlNode* list = List("playbooks");
    if (list == nullptr) return;
    std::map<std::string, int> lines;
    std::vector<const YamlNode*> nodes;
    for (const YamlNode& node : list->children) {
      if (!CheckMap(node, "a playbook", kPlaybookKeys)) continue;
      bool condition_is_good = true;
      Playbook playbook = ReadPlaybook(node, programs, &condition_is_good);
      CheckUnique(node, playbook.id, &lines);
      // One with a broken condition would seem to match everything.
      if (!condition_is_good) continue;
      CheckReachable(node, playbook, *playbooks, nodes);
      playbooks->push_back(std::move(playbook));
      nodes.push_back(&node);
    }
  }

  bool failed() const { return !errors_.empty(); }

  void MoveErrors(std::vector<ConfigError>* errors) {
    std::stable_sort(errors_.begin(), errors_.end(),
                     [](const ConfigError& a, const ConfigError& b) {
                       return std::pair(a.line, a.column) < std::pair(b.line, b.column);
                     });
    std::move(errors_.begin(), errors_.end(), std::back_inserter(*errors));
    errors_.clear();
  }

 private:
  enum class Need { kRequired, kOptional };
  struct Entry {
    const YamlNode* key = nullptr;  // nullptr: the key is not there
    const YamlNode* value = nullptr;
  };

  // ---- Noting mistakes

  void Fault(const Place& place, std::string code, std::string message, std::string help = "") {
    if (errors_.size() == kMaxErrorsPerFile) return;
    ConfigError error{.file = name_,
                      .line = place.line,
                      .column = place.column,
                      .width = std::max(place.width, 1),
                      .code = std::move(code),
                      .message = std::move(message),
                      .help = std::move(help)};
    if (place.line > 0 && static_cast<size_t>(place.line) <= lines_.size()) {
      const std::string_view line = lines_[static_cast<size_t>(place.line - 1)];
      const int before = place.column - 1 - kMaxSourceColumns / 2;
      const bool fits = CodePoints(line) <= static_cast<size_t>(kMaxSourceColumns);
      error.source_offset = fits ? 0 : std::max(before, 0);
      error.source_line = Slice(line, static_cast<size_t>(error.source_offset), kMaxSourceColumns);
    }
    errors_.push_back(std::move(error));
  }

  static Place At(const YamlNode& node) {
    Place place = PlaceOf(node.mark);
    if (node.kind == YamlNode::Kind::kScalar) {
      place.width = static_cast<int>(CodePoints(node.text)) + (node.quoted ? 2 : 0);
    }
    return place;
  }
  // An absent value has no place of its own; yaml-cpp names that of whatever follows.
  static Place At(const Entry& entry) {
    return At(entry.value->kind == YamlNode::Kind::kNull ? *entry.key : *entry.value);
  }

  void Expected(const Entry& entry, std::string_view code, std::string_view what,
                std::string help = "") {
    Fault(
        At(entry), std::string(code),
        fmt::format("expected {} for {}, found {}", what, entry.key->text, Describe(*entry.value)),
        std::move(help));
  }

  // ---- From bytes to a tree

  bool CheckText() {
    size_t line = 0;
    for (std::string_view rest : lines_) {
      ++line;
      for (size_t at = 0; at < rest.size();) {
        const auto [code, length] = FrontCodePoint(rest.substr(at));
        if (code > 0) {
          at += length;
          continue;
        }
        const auto column = static_cast<int>(CodePoints(rest.substr(0, at))) + 1;
        Fault({static_cast<int>(line), column, 1}, "C001",
              code == 0 ? "expected text, found a NUL" : "expected UTF-8, found a malformed byte",
              code == 0 ? "remove it" : "save the file as UTF-8");
        return false;
      }
    }
    return true;
  }

  bool ParseYaml() {
    std::istringstream in{std::string(text_)};
    TreeBuilder builder;
    try {
      YAML::Parser parser(in);
      while (parser.HandleNextDocument(builder)) continue;
    } catch (const RefusedYaml& refused) {
      Fault(refused.place, "C003", refused.message, refused.help);
      return false;
    } catch (const YAML::Exception& error) {
      const std::string_view line =
          error.mark.is_null() || static_cast<size_t>(error.mark.line) >= lines_.size()
              ? std::string_view()
              : lines_[static_cast<size_t>(error.mark.line)];
      const bool tab = line.find('\t') < line.find_first_not_of(" \t");
      if (error.msg == YAML::ErrorMsg::UNKNOWN_ANCHOR) {
        Fault(PlaceOf(error.mark), "C003", "expected a value, found an alias",
              "put a text that begins with * in quotes");
        return false;
      }
      Fault(PlaceOf(error.mark), "C002", "expected YAML: " + error.msg,
            tab ? "indent with spaces, not with tabs"
                : "check the indentation here and above; put a text with \": \" or \" #\" or "
                  "brackets in quotes");
      return false;
    }
    root_ = builder.Take();
    return CheckLastQuote(builder.last_scalar());
  }

  // yaml-cpp takes the end of the file for a closing quote.
  bool CheckLastQuote(const YAML::Mark& mark) {
    if (mark.is_null()) return true;
    size_t at = OffsetOf(mark);
    const char quote = at < text_.size() ? text_[at] : ' ';
    if (quote != '"' && quote != '\'') return true;
    for (++at; at < text_.size() && text_[at] != quote; ++at) {
      if (quote == '"' && text_[at] == '\\') ++at;
    }
    if (at < text_.size()) return true;
    Fault(PlaceOf(mark), "C002", fmt::format("expected a closing {}, found none", quote),
          "close the quotes");
    return false;
  }

  size_t OffsetOf(const YAML::Mark& mark) const {
    if (static_cast<size_t>(mark.line) >= lines_.size()) return text_.size();
    const std::string_view line = lines_[static_cast<size_t>(mark.line)];
    return static_cast<size_t>(line.data() - text_.data()) +
           Slice(line, 0, static_cast<size_t>(mark.column)).size();
  }

  // ---- Mappings

  static Entry Find(const YamlNode& map, std::string_view key) {
    for (size_t i = 0; i + 1 < map.children.size(); i += 2) {
      if (map.children[i].text == key) return {&map.children[i], &map.children[i + 1]};
    }
    return {};
  }

  // Is `node` a mapping? Notes keys that are unknown or given twice.
  bool CheckMap(const YamlNode& node, std::string_view what, Words keys) {
    if (node.kind != YamlNode::Kind::kMap) {
      Fault(At(node), "C004",
            fmt::format("expected {} to be a mapping, found {}", what, Describe(node)),
            "its keys: " + JoinWithCommas(keys));
      return false;
    }
    std::map<std::string_view, int> seen;
    for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
      const YamlNode& key = node.children[i];
      if (key.kind != YamlNode::Kind::kScalar) {
        Fault(At(key), "C004", fmt::format("expected a key of {}, found {}", what, Describe(key)));
      } else if (std::find(keys.begin(), keys.end(), key.text) == keys.end()) {
        const std::string_view nearest = Nearest(key.text, keys);
        Fault(At(key), "C005",
              fmt::format("expected a key of {}, found {}", what, Quoted(key.text)),
              nearest.empty() ? "its keys: " + JoinWithCommas(keys) : DidYouMean(nearest));
      } else if (const auto [first, is_new] = seen.emplace(key.text, key.mark.line + 1); !is_new) {
        Fault(At(key), "C006", fmt::format("expected {} once, found it again", Quoted(key.text)),
              fmt::format("keep one; the first is in line {}", first->second));
      }
    }
    return true;
  }

  // The entry; without a key when it is not there, which is noted if it is required.
  Entry Get(const YamlNode& map, std::string_view key, Need need) {
    const Entry entry = Find(map, key);
    if (entry.key == nullptr && need == Need::kRequired) {
      Fault(At(map), "C007", fmt::format("expected the key \"{}\" here, found none", key));
    }
    return entry;
  }

  // A scalar's entry, or one without a key, with what is wrong noted.
  Entry GetScalar(const YamlNode& map, std::string_view key, Need need, std::string_view what) {
    Entry entry = Get(map, key, need);
    if (entry.key != nullptr && entry.value->kind != YamlNode::Kind::kScalar) {
      Expected(entry, "C004", what);
      entry = {};
    }
    return entry;
  }

  const YamlNode* List(std::string_view key) {
    if (std::find(sections_.begin(), sections_.end(), key) == sections_.end()) return nullptr;
    const Entry entry = Get(root_, key, Need::kRequired);
    if (entry.key == nullptr) return nullptr;
    if (entry.value->kind == YamlNode::Kind::kList) return entry.value;
    Expected(entry, "C004", "a list", "begin each item with \"- \"; an empty list is []");
    return nullptr;
  }

  // ---- Fields

  void ReadVersion() {
    const Entry entry = GetScalar(root_, "version", Need::kRequired, "1");
    if (entry.key != nullptr && entry.value->text != "1") {
      Expected(entry, "C015", "1", "this server reads version 1 only");
    }
  }

  // [a-z0-9-]{1,64}
  void ReadId(const YamlNode& map, std::string_view key, Need need, std::string* out) {
    constexpr std::string_view kWhat = "1 to 64 characters of a-z, 0-9 and -";
    const Entry entry = GetScalar(map, key, need, kWhat);
    if (entry.key == nullptr) return;
    const std::string& text = entry.value->text;
    if (!text.empty() && text.size() <= 64 &&
        text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos) {
      *out = text;
      return;
    }
    std::string better;
    for (const char c : text) {
      const bool upper = c >= 'A' && c <= 'Z';
      if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
        better += upper ? static_cast<char>(c - 'A' + 'a') : c;
      } else if (!better.empty() && better.back() != '-') {
        better += '-';
      }
    }
    if (better.ends_with('-')) better.pop_back();
    const bool useful = !better.empty() && better.size() <= 64;
    Expected(entry, "C009", kWhat, useful ? fmt::format("for example {}", better) : "");
  }

  void ReadText(const YamlNode& map, std::string_view key, Need need, std::string* out) {
    const Entry entry = GetScalar(map, key, need, "a text");
    if (entry.key == nullptr) return;
    const std::string& text = entry.value->text;
    if (text.find_first_not_of(kBlanks) == std::string::npos) {
      Expected(entry, "C010", "a text that is not empty");
    } else if (CodePoints(text) > limits::kShortCodePoints) {
      Expected(entry, "C010", fmt::format("at most {} characters", limits::kShortCodePoints),
               "shorten it");
    } else if (HasControl(text)) {
      Expected(entry, "C009", "a text without line breaks and control characters");
    } else {
      *out = text;
    }
  }

  // Chinese may be left out: then it reads like the English.
  void ReadName(const YamlNode& map, std::string* en, std::string* zh) {
    const Entry entry = Get(map, "name", Need::kRequired);
    if (entry.key == nullptr) return;
    if (entry.value->kind != YamlNode::Kind::kMap) {
      Expected(entry, "C004", "a mapping with the languages en and zh",
               entry.value->kind == YamlNode::Kind::kScalar
                   ? fmt::format("write name: {{en: {}}}", Quoted(entry.value->text))
                   : "");
      return;
    }
    CheckMap(*entry.value, "a name", kNameKeys);
    ReadText(*entry.value, "en", Need::kRequired, en);
    *zh = *en;
    ReadText(*entry.value, "zh", Need::kOptional, zh);
  }

  // The index of the word; nullopt when it is absent or unknown.
  std::optional<size_t> MatchWord(const Entry& entry, Words words) {
    const auto found = std::find(words.begin(), words.end(), entry.value->text);
    if (found != words.end()) return static_cast<size_t>(found - words.begin());
    Expected(entry, "C008", JoinWithOr(words), DidYouMean(Nearest(entry.value->text, words)));
    return std::nullopt;
  }
  std::optional<size_t> ReadWord(const YamlNode& map, std::string_view key, Need need,
                                 Words words) {
    const Entry entry = GetScalar(map, key, need, JoinWithOr(words));
    return entry.key == nullptr ? std::nullopt : MatchWord(entry, words);
  }

  void ReadBool(const YamlNode& map, std::string_view key, bool* out) {
    const Entry entry = GetScalar(map, key, Need::kOptional, "true or false");
    if (entry.key == nullptr) return;
    if (!entry.value->quoted && (entry.value->text == "true" || entry.value->text == "false")) {
      *out = entry.value->text == "true";
      return;
    }
    const bool only_quoted =
        std::find(kTruth.begin(), kTruth.end(), entry.value->text) != kTruth.end();
    Expected(entry, "C004", "true or false",
             only_quoted ? "remove the quotes" : "write true or false, in small letters");
  }

  // True when it was given and is good.
  template <typename Integer>
  bool ReadInt(const YamlNode& map, std::string_view key, Need need, int64_t lowest,
               int64_t highest, Integer* out) {
    const std::string what = fmt::format("an integer from {} to {}", lowest, highest);
    const Entry entry = GetScalar(map, key, need, what);
    if (entry.key == nullptr) return false;
    const std::string& text = entry.value->text;
    int64_t number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = end == text.data() + text.size() && !text.empty();
    if (!whole || code == std::errc::invalid_argument || entry.value->quoted) {
      Expected(entry, "C004", what, whole ? "remove the quotes" : "");
      return false;
    }
    if (code != std::errc{} || number < lowest || number > highest) {
      Expected(entry, "C010", what);
      return false;
    }
    *out = static_cast<Integer>(number);
    return true;
  }

  // "90 days". `out` becomes nullopt for "unlimited", where that is allowed.
  void ReadDuration(const YamlNode& map, std::string_view key, Duration lowest,
                    bool may_be_unlimited, std::optional<Duration>* out) {
    const std::string what = fmt::format("a duration such as \"90 days\"{}",
                                         may_be_unlimited ? ", or \"unlimited\"" : "");
    const Entry entry = GetScalar(map, key, Need::kOptional, what);
    if (entry.key == nullptr) return;
    const std::string_view text = entry.value->text;
    if (may_be_unlimited && text == "unlimited") {
      *out = std::nullopt;
      return;
    }
    const std::string_view digits = text.substr(0, text.find_first_not_of("0123456789"));
    std::string_view unit = text.substr(digits.size());
    unit.remove_prefix(std::min(unit.find_first_not_of(' '), unit.size()));
    const auto known = std::find(kUnits.begin(), kUnits.end(), unit);
    if (digits.empty() || known == kUnits.end()) {
      const std::string_view nearest = Nearest(unit, kUnits);
      std::string help = "the units are minutes, hours, days and weeks";
      if (IsDigits(text)) {
        help = fmt::format("name the unit, for example \"{} days\"", Slice(text, 0, 10));
      } else if (!digits.empty() && !nearest.empty()) {
        help = DidYouMean(fmt::format("{} {}", Slice(digits, 0, 10), nearest));
      } else if (may_be_unlimited &&
                 !Nearest(text, std::array{std::string_view("unlimited")}).empty()) {
        help = DidYouMean("unlimited");
      }
      Expected(entry, "C009", what, std::move(help));
      return;
    }
    int64_t count = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    const Duration length = kUnitLengths[static_cast<size_t>(known - kUnits.begin()) / 2];
    if (code != std::errc{} || count > limits::kFarthestDue / length || length * count < lowest) {
      Expected(entry, "C010",
               fmt::format("{} to {} days", lowest == Duration{0} ? "0" : "1 minute",
                           limits::kFarthestDue / std::chrono::days{1}),
               may_be_unlimited ? "or write unlimited" : "");
      return;
    }
    *out = length * count;
  }
  void ReadDuration(const YamlNode& map, std::string_view key, Duration lowest, Duration* out) {
    std::optional<Duration> duration = *out;
    ReadDuration(map, key, lowest, false, &duration);
    *out = *duration;
  }

  // ---- Programs

  Program ReadProgram(const YamlNode& node) {
    Program p;
    ReadId(node, "id", Need::kRequired, &p.id);
    ReadName(node, &p.display_name, &p.display_name_zh);
    if (const auto kind = ReadWord(node, "kind", Need::kRequired, kProgramKinds)) {
      p.kind = static_cast<ProgramKind>(*kind);
    }
    ReadScale(node, &p.scale);
    ReadBool(node, "allow_anonymous", &p.allow_anonymous);
    ReadBool(node, "anonymous_opens_case", &p.anonymous_opens_case);
    if (p.anonymous_opens_case && !p.allow_anonymous) {
      Fault(At(*Find(node, "anonymous_opens_case").key), "C012",
            "expected allow_anonymous: true beside anonymous_opens_case: true, found false",
            "set allow_anonymous: true, or leave anonymous_opens_case out");
    }
    ReadDuration(node, "recovery_window", kShortest, true, &p.recovery_window);
    ReadDuration(node, "reopen_window", Duration{0}, &p.reopen_window);
    ReadDuration(node, "resurvey_delay", Duration{0}, &p.resurvey_delay);
    ReadDuration(node, "resurvey_validity", kShortest, &p.resurvey_validity);
    ReadDuration(node, "first_contact_limit", Duration{0}, &p.first_contact_limit);
    ReadInt(node, "max_reopen_count", Need::kOptional, 0, 100, &p.max_reopen_count);
    ReadCurrency(node, &p.currency);
    ReadZone(node, &p.time_zone);
    ReadId(node, "queue", Need::kOptional, &p.default_queue);
    return p;
  }

  void ReadCurrency(const YamlNode& node, std::string* out) {
    constexpr std::string_view kWhat = "a currency code of ISO 4217";
    const Entry entry = GetScalar(node, "currency", Need::kOptional, kWhat);
    if (entry.key == nullptr) return;
    if (!IsKnownCurrency(entry.value->text)) {
      std::string capital = entry.value->text;
      for (char& c : capital) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      if (capital == "RMB") capital = "CNY";  // what everybody calls it
      return Expected(
          entry, "C009", kWhat,
          IsKnownCurrency(capital) ? DidYouMean(capital) : "for example CNY, EUR or USD");
    }
    *out = entry.value->text;
  }

  void ReadZone(const YamlNode& node, std::string* out) {
    constexpr std::string_view kWhat = "an IANA time zone";
    const Entry entry = GetScalar(node, "time_zone", Need::kOptional, kWhat);
    if (entry.key == nullptr) return;
    if (!IsKnownZone(entry.value->text)) {
      const std::string_view nearest = NearestZone(entry.value->text);
      return Expected(entry, "C009", kWhat,
                      nearest.empty() ? "for example Asia/Shanghai or UTC" : DidYouMean(nearest));
    }
    *out = entry.value->text;
  }

  void ReadScale(const YamlNode& program, Scale* out) {
    const Entry entry = Get(program, "scale", Need::kRequired);
    if (entry.key == nullptr) return;
    if (entry.value->kind == YamlNode::Kind::kScalar) {
      if (const auto kind = MatchWord(entry, kScaleKinds)) {
        *out = DefaultScale(static_cast<ScaleKind>(*kind));
      }
      return;
    }
    const YamlNode& node = *entry.value;
    if (node.kind != YamlNode::Kind::kMap) {
      Expected(entry, "C004", "nps, csat, ces or a mapping",
               "the keys of a scale: " + JoinWithCommas(kScaleKeys));
      return;
    }
    const size_t errors_before = errors_.size();
    CheckMap(node, "a scale", kScaleKeys);
    const auto kind = ReadWord(node, "kind", Need::kRequired, kScaleKinds);
    if (!kind) return;
    Scale s = DefaultScale(static_cast<ScaleKind>(*kind));
    ReadBool(node, "lower_is_better", &s.lower_is_better);
    if (s.lower_is_better) {  // the shipped limits, seen from the other end
      s.detractor_limit = s.min + s.max - s.detractor_limit;
      s.promoter_limit = s.min + s.max - s.promoter_limit;
    }
    constexpr int64_t kWidest = 1000;
    bool other_range = ReadInt(node, "min", Need::kOptional, -kWidest, kWidest, &s.min);
    other_range |= ReadInt(node, "max", Need::kOptional, -kWidest, kWidest, &s.max);
    // The shipped limits mean nothing on another range.
    const Need need = other_range ? Need::kRequired : Need::kOptional;
    ReadInt(node, "detractor_limit", need, -kWidest, kWidest, &s.detractor_limit);
    ReadInt(node, "promoter_limit", need, -kWidest, kWidest, &s.promoter_limit);
    if (errors_.size() == errors_before) CheckScale(node, s);
    *out = s;
  }

  // Every score falls in exactly one category, and detractors and promoters can occur.
  void CheckScale(const YamlNode& node, const Scale& s) {
    const std::string found = fmt::format(
        "found min {}, max {}, detractor_limit {}, promoter_limit {}, lower_is_better {}", s.min,
        s.max, s.detractor_limit, s.promoter_limit, s.lower_is_better);
    if (s.lower_is_better) {
      if (s.min <= s.promoter_limit && s.promoter_limit < s.detractor_limit &&
          s.detractor_limit <= s.max) {
        return;
      }
      Fault(At(node), "C012", "expected min <= promoter_limit < detractor_limit <= max, " + found,
            "scores from detractor_limit up are detractors', up to promoter_limit promoters'");
    } else if (s.min > s.detractor_limit || s.detractor_limit >= s.promoter_limit ||
               s.promoter_limit > s.max) {
      Fault(At(node), "C012", "expected min <= detractor_limit < promoter_limit <= max, " + found,
            "scores up to detractor_limit are detractors', from promoter_limit up promoters'");
    }
  }

  void CheckUnique(const YamlNode& node, const std::string& id, std::map<std::string, int>* lines) {
    if (id.empty()) return;
    const YamlNode& place = *Find(node, "id").value;
    const auto [first, is_new] = lines->emplace(id, place.mark.line + 1);
    if (is_new) return;
    Fault(At(place), "C011", fmt::format("expected an id of its own, found \"{}\" again", id),
          fmt::format("the first is in line {}", first->second));
  }

  // ---- Playbooks

  Playbook ReadPlaybook(const YamlNode& node, const std::vector<Program>* programs,
                        bool* condition_is_good) {
    Playbook p;
    ReadId(node, "id", Need::kRequired, &p.id);
    ReadInt(node, "version", Need::kOptional, 1, 1'000'000, &p.version);
    ReadName(node, &p.display_name, &p.display_name_zh);
    ReadInt(node, "severity", Need::kOptional, 1, 5, &p.severity);
    ReadId(node, "queue", Need::kOptional, &p.queue_id);
    *condition_is_good = ReadCondition(node, programs, &p.when);
    return p;
  }

  bool ReadCondition(const YamlNode& node, const std::vector<Program>* programs, Predicate* out) {
    if (Find(node, "when").key == nullptr) return true;
    const Entry entry = GetScalar(node, "when", Need::kOptional, "a condition");
    if (entry.key == nullptr) return false;
    const std::string& text = entry.value->text;
    auto condition = ParseFilter(text, Use::kOpeningRule);
    if (!condition) {
      FaultInCondition(*entry.value, condition.error());
      return false;
    }
    if (Flat(*condition).empty()) {
      Expected(entry, "C013", "a condition", "leave \"when\" out to match every case");
      return false;
    }
    // It is stored in this form, which escapes may have made longer.
    if (Canonical(*condition).size() > kMaxFilterBytes) {
      Fault(At(entry), "C010",
            fmt::format("expected a condition of at most {} bytes, found more", kMaxFilterBytes),
            "shorten it, or split the playbook");
      return false;
    }
    *out = *std::move(condition);
    return programs == nullptr || CheckPrograms(entry, *out, *programs);
  }

  bool CheckPrograms(const Entry& entry, const Predicate& when,
                     const std::vector<Program>& programs) {
    std::vector<std::string_view> ids;
    ids.reserve(programs.size());
    for (const Program& program : programs) ids.push_back(program.id);
    for (const Comparison& comparison : Flat(when)) {
      const auto* id = std::get_if<std::string>(&comparison.value);
      if (comparison.field != FieldId::kProgram || id == nullptr) continue;
      if (std::find(ids.begin(), ids.end(), *id) != ids.end()) continue;
      Place place = At(entry);
      if (const size_t at = entry.value->text.find(*id); at != std::string::npos) {
        place = PlaceIn(*entry.value, CodePoints(entry.value->text.substr(0, at)));
        place.width = static_cast<int>(CodePoints(*id));
      }
      const std::string_view nearest = Nearest(*id, ids);
      Fault(place, "C008", fmt::format("expected the id of a program, found {}", Quoted(*id)),
            nearest.empty() ? "add it to programs.yaml" : DidYouMean(nearest));
      return false;
    }
    return true;
  }

  void FaultInCondition(const YamlNode& node, const Error& error) {
    const auto get = [&](const char* key) {
      const auto found = error.metadata.find(key);
      std::string text = found == error.metadata.end() ? "" : found->second;
      constexpr std::string_view kFilter = "the filter";
      if (const size_t at = text.find(kFilter); at != std::string::npos) {
        text.replace(at, kFilter.size(), "the condition");
      }
      return text;
    };
    const std::string problem = get("problem");
    const std::string found = get("found");
    size_t column = 1;
    const std::string digits = get("column");
    std::from_chars(digits.data(), digits.data() + digits.size(), column);
    Place place = PlaceIn(node, column - 1);
    const std::string_view line = lines_[static_cast<size_t>(place.line - 1)];
    const bool verbatim = !found.empty() && Slice(line, static_cast<size_t>(place.column - 1),
                                                  CodePoints(found)) == found;
    if (verbatim) place.width = static_cast<int>(CodePoints(found));

    std::string message = fmt::format("expected {}, found {}", get("expected"),
                                      verbatim ? Quoted(found) : Printable(found));
    std::string help = DidYouMean(get("suggestion"));
    if (problem == "protected_field") {
      help = "protected attributes may not decide how a customer is treated";
    } else if (problem == "field_not_allowed") {
      help = "this field is not known yet when a case opens";
    } else if (problem == "unsupported" && (found == "OR" || found == "or")) {
      help = "write one playbook for each alternative";
    } else if (problem == "unsupported") {
      help = "only comparisons joined by AND are supported";
    }
    Fault(place, "C013", std::move(message), std::move(help));
  }

  // Where code point `index` of a scalar's value stands in the file: escapes and folded lines make
  // a value shorter than its source. The scalar's start when the two cannot be matched.
  Place PlaceIn(const YamlNode& node, size_t index) const {
    const Place start = PlaceOf(node.mark);
    size_t at = OffsetOf(node.mark);
    const auto past_blanks = [&](size_t from) {
      return std::min(text_.find_first_not_of(kBlanks, from), text_.size());
    };
    const char style = at < text_.size() ? text_[at] : ' ';
    const bool in_double_quotes = node.quoted && style == '"';
    if (node.quoted && (style == '|' || style == '>')) {
      at = past_blanks(std::min(text_.find('\n', at), text_.size()));
    } else if (node.quoted) {
      ++at;
    }
    std::string_view value = node.text;
    for (; index > 0 && !value.empty(); --index) {
      while (in_double_quotes && text_.substr(at).starts_with("\\\n")) at = past_blanks(at + 1);
      const size_t length = FrontCodePoint(value).second;
      const std::string_view rest = text_.substr(at);
      const size_t blanks = past_blanks(at) - at;
      const bool blank = value.front() == ' ' || value.front() == '\n';
      if (blank && rest.substr(0, blanks).find('\n') != std::string_view::npos) {
        at += blanks;
      } else if (in_double_quotes && rest.starts_with('\\')) {
        at += EscapeLength(rest);
      } else if (rest.starts_with(value.substr(0, length))) {
        at += value.front() == '\'' && node.quoted && style == '\'' ? 2 : length;
      } else if (!blank) {
        return start;
      }
      value.remove_prefix(length);
    }
    at = std::min(at, text_.size());
    const std::string_view before = text_.substr(0, at);
    const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
    return {static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
            static_cast<int>(CodePoints(before.substr(line_start))) + 1, 1};
  }

  static size_t EscapeLength(std::string_view escape) {
    if (escape.size() < 2) return escape.size();
    switch (escape[1]) {
      case 'x': return 4;
      case 'u': return 6;
      case 'U': return 10;
      default: return 1 + FrontCodePoint(escape.substr(1)).second;
    }
  }

  void CheckReachable(const YamlNode& node, const Playbook& playbook,
                      const std::vector<Playbook>& earlier,
                      const std::vector<const YamlNode*>& earlier_nodes) {
    for (size_t i = 0; i < earlier.size(); ++i) {
      if (!Covers(earlier[i].when, playbook.when)) continue;
      const Entry id = Find(node, "id");
      const bool always = Flat(earlier[i].when).empty();
      Fault(id.key != nullptr ? At(*id.value) : At(node), "C014",
            fmt::format("expected a playbook that can apply, found one that never does: \"{}\" in "
                        "line {} matches {} first",
                        earlier[i].id, earlier_nodes[i]->mark.line + 1,
                        always ? "every case" : "all its cases"),
            "move this playbook above that one");
      return;
    }
  }

  std::string name_;
  std::string_view text_;
  std::vector<std::string_view> lines_{};
  std::vector<std::string_view> sections_{};  // that can be read
  YamlNode root_{};
  std::vector<ConfigError> errors_{};
};

// ---- Writing ------------------------------------------------------------------------------------

std::string YamlQuoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string YamlDuration(Duration duration) {
  for (const size_t i : {size_t{2}, size_t{1}}) {  // days, hours
    if (duration > Duration{0} && duration % kUnitLengths[i] == Duration{0}) {
      return fmt::format("{} {}", duration / kUnitLengths[i], kUnits[2 * i]);
    }
  }
  return fmt::format("{} minutes", duration / kUnitLengths[0]);
}

std::string Hash(std::string_view text) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(text.data()),
                     text.size());
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

LoadedConfig Finish(Revision revision) {
  LoadedConfig loaded{.revision = std::move(revision)};
  loaded.revision.lifecycle = DefaultLifecycle();
  loaded.canonical_text = CanonicalText(loaded.revision);
  loaded.hash = Hash(loaded.canonical_text);
  loaded.revision.hash = loaded.hash;
  return loaded;
}

// Either file may be nullptr: it could not be read, and that is noted already.
std::optional<LoadedConfig> ParseBoth(const ConfigFile* programs, const ConfigFile* playbooks,
                                      std::vector<ConfigError>* errors) {
  Revision revision;
  bool programs_are_good = false;
  bool playbooks_are_good = false;
  if (programs != nullptr) {
    FileReader reader(*programs);
    reader.Read({"programs"});
    reader.ReadPrograms(&revision.programs);
    programs_are_good = !reader.failed();
    reader.MoveErrors(errors);
  }
  if (playbooks != nullptr) {
    FileReader reader(*playbooks);
    reader.Read({"playbooks"});
    reader.ReadPlaybooks(programs_are_good ? &revision.programs : nullptr, &revision.playbooks);
    playbooks_are_good = !reader.failed();
    reader.MoveErrors(errors);
  }
  if (!programs_are_good || !playbooks_are_good) return std::nullopt;
  return Finish(std::move(revision));
}

std::optional<ConfigFile> ReadFile(const std::filesystem::path& path,
                                   std::vector<ConfigError>* errors) {
  const auto fail = [&](std::string message, std::string help) {
    errors->push_back({.file = path.string(),
                       .code = "C001",
                       .message = std::move(message),
                       .help = std::move(help)});
    return std::nullopt;
  };
  std::error_code code;
  if (!std::filesystem::exists(path, code)) {
    return fail("expected this file in the configuration folder, found none",
                "copy the shipped one from config/");
  }
  if (!std::filesystem::is_regular_file(path, code)) {
    return fail("expected a file, found something else", "");
  }
  ConfigFile file{.name = path.string()};
  file.text.resize(kMaxConfigFileBytes + 1);
  std::ifstream in(path, std::ios::binary);
  in.read(file.text.data(), static_cast<std::streamsize>(file.text.size()));
  if (in.bad() || (in.fail() && !in.eof())) {
    return fail("expected a file that can be read, but it cannot", "check its permissions");
  }
  file.text.resize(static_cast<size_t>(in.gcount()));
  if (file.text.size() > kMaxConfigFileBytes) {
    return fail(fmt::format("expected at most {} bytes, found more", kMaxConfigFileBytes), "");
  }
  return file;
}

}  // namespace

std::string Render(const ConfigError& error) {
  if (error.line == 0) {
    return fmt::format("{}: error[{}]: {}\n{}", error.file, error.code, error.message,
                       error.help.empty() ? "" : "  = help: " + error.help + '\n');
  }
  const std::string number = std::to_string(error.line);
  const std::string gutter(std::max<size_t>(number.size(), 3), ' ');
  const std::string cut = error.source_offset > 0 ? "..." : "";
  const auto before = static_cast<size_t>(error.column - 1 - error.source_offset);
  const size_t carets = std::max<size_t>(
      1, TerminalColumns(
             Printable(Slice(error.source_line, before, static_cast<size_t>(error.width)))));
  std::string text = fmt::format("{}:{}:{}: error[{}]: {}\n", error.file, error.line, error.column,
                                 error.code, error.message);
  const std::string source =
      fmt::format("{:>{}} | {}{}", number, gutter.size(), cut, Printable(error.source_line));
  text += source.substr(0, source.find_last_not_of(' ') + 1) + '\n';
  text += fmt::format(
      "{} | {}{}\n", gutter,
      std::string(cut.size() + TerminalColumns(Printable(Slice(error.source_line, 0, before))),
                  ' '),
      std::string(carets, '^'));
  if (!error.help.empty()) text += fmt::format("{} = help: {}\n", gutter, error.help);
  return text;
}

std::string Render(const std::vector<ConfigError>& errors) {
  std::string text;
  for (const ConfigError& error : errors) text += (text.empty() ? "" : "\n") + Render(error);
  return text;
}

std::optional<LoadedConfig> ParseConfig(const ConfigFile& programs, const ConfigFile& playbooks,
                                        std::vector<ConfigError>* errors) {
  return ParseBoth(&programs, &playbooks, errors);
}

std::optional<LoadedConfig> LoadConfig(const std::filesystem::path& folder,
                                       std::vector<ConfigError>* errors) {
  const auto programs = ReadFile(folder / "programs.yaml", errors);
  const auto playbooks = ReadFile(folder / "playbooks.yaml", errors);
  return ParseBoth(programs ? &*programs : nullptr, playbooks ? &*playbooks : nullptr, errors);
}

std::string CanonicalText(const Revision& revision) {
  std::string text = "version: 1\nprograms:\n";
  for (const Program& p : revision.programs) {
    const Scale& s = p.scale;
    text += fmt::format("  - id: {}\n", YamlQuoted(p.id));
    text += fmt::format("    name: {{en: {}, zh: {}}}\n", YamlQuoted(p.display_name),
                        YamlQuoted(p.display_name_zh));
    text += fmt::format("    kind: {}\n", kProgramKinds[static_cast<size_t>(p.kind)]);
    text += fmt::format(
        "    scale: {{kind: {}, min: {}, max: {}, detractor_limit: {}, promoter_limit: {}, "
        "lower_is_better: {}}}\n",
        kScaleKinds[static_cast<size_t>(s.kind)], s.min, s.max, s.detractor_limit, s.promoter_limit,
        s.lower_is_better);
    text += fmt::format("    allow_anonymous: {}\n", p.allow_anonymous);
    text += fmt::format("    anonymous_opens_case: {}\n", p.anonymous_opens_case);
    text += fmt::format("    recovery_window: {}\n",
                        p.recovery_window ? YamlDuration(*p.recovery_window) : "unlimited");
    text += fmt::format("    reopen_window: {}\n", YamlDuration(p.reopen_window));
    text += fmt::format("    resurvey_delay: {}\n", YamlDuration(p.resurvey_delay));
    text += fmt::format("    resurvey_validity: {}\n", YamlDuration(p.resurvey_validity));
    text += fmt::format("    first_contact_limit: {}\n", YamlDuration(p.first_contact_limit));
    text += fmt::format("    max_reopen_count: {}\n", p.max_reopen_count);
    text += fmt::format("    currency: {}\n", YamlQuoted(p.currency));
    text += fmt::format("    time_zone: {}\n", YamlQuoted(p.time_zone));
    text += fmt::format("    queue: {}\n", YamlQuoted(p.default_queue));
  }
  text += revision.playbooks.empty() ? "playbooks: []\n" : "playbooks:\n";
  for (const Playbook& p : revision.playbooks) {
    text += fmt::format("  - id: {}\n", YamlQuoted(p.id));
    text += fmt::format("    version: {}\n", p.version);
    text += fmt::format("    name: {{en: {}, zh: {}}}\n", YamlQuoted(p.display_name),
                        YamlQuoted(p.display_name_zh));
    if (const std::string when = Canonical(p.when); !when.empty()) {
      text += fmt::format("    when: {}\n", YamlQuoted(when));
    }
    if (p.severity != 0) text += fmt::format("    severity: {}\n", p.severity);
    if (!p.queue_id.empty()) text += fmt::format("    queue: {}\n", YamlQuoted(p.queue_id));
  }
  return text;
}

Result<Revision> ParseCanonical(std::string_view text) {
  const ConfigFile file{.name = "revision", .text = std::string(text)};
  FileReader reader(file);
  Revision revision;
  reader.Read({"programs", "playbooks"});
  reader.ReadPrograms(&revision.programs);
  reader.ReadPlaybooks(&revision.programs, &revision.playbooks);
  if (reader.failed()) {
    std::vector<ConfigError> errors;
    reader.MoveErrors(&errors);
    return Error{.reason = Reason::kInternal, .metadata = {{"detail", Render(errors)}}};
  }
  return Finish(std::move(revision)).revision;
}

}  // namespace rebound
