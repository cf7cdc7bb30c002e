#include "tests/tidy/checks.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <tuple>

namespace rebound::tidy {
namespace {

bool EndsWithAny(std::string_view path, const std::vector<std::string_view>& endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return path.ends_with(ending); });
}

bool StartsWithAny(std::string_view text, const std::vector<std::string_view>& starts) {
  return std::any_of(starts.begin(), starts.end(),
                     [&](std::string_view start) { return text.starts_with(start); });
}

bool IsCpp(std::string_view path) { return EndsWithAny(path, {".h", ".cc"}); }

// Files that we wrote. Data sets and the licence keep their authors' form.
bool IsOurText(std::string_view path) {
  if (path.starts_with("tests/data/")) return false;
  return path == "dev" || path.starts_with(".ci/") ||
         EndsWithAny(path,
                     {".h", ".cc", ".proto", ".sql", ".md", ".yaml", ".yml", ".json", ".cmake",
                      ".txt", ".sh", ".py", ".ts", ".tsx", ".css", ".cfg", ".html", ".service"});
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string Fault(const File& file, size_t line, std::string_view what, std::string_view instead) {
  return file.path + ":" + std::to_string(line) + ": " + std::string(what) + "; " +
         std::string(instead);
}

bool IsWordCharacter(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// The places where `word` stands in `line`, with no word character right before or after it where
// `word` itself begins or ends with one.
bool Contains(std::string_view line, std::string_view word) {
  for (size_t at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool joined_before = at > 0 && IsWordCharacter(line[at - 1]) && IsWordCharacter(word[0]);
    const bool joined_after =
        end < line.size() && IsWordCharacter(line[end]) && IsWordCharacter(word.back());
    if (!joined_before && !joined_after) return true;
  }
  return false;
}

struct Include {
  size_t line = 0;
  bool quoted = false;
  std::string path{};
};

std::vector<Include> Includes(const File& file) {
  std::vector<Include> includes;
  size_t number = 0;
  for (std::string_view line : Lines(file.text)) {
    ++number;
    if (!line.starts_with("#include ")) continue;
    const size_t open = line.find_first_of("<\"");
    if (open == std::string_view::npos) continue;
    const size_t close = line.find_first_of(">\"", open + 1);
    if (close == std::string_view::npos) continue;
    includes.push_back(
        {number, line[open] == '"', std::string(line.substr(open + 1, close - open - 1))});
  }
  return includes;
}

// Within `folder`, an include in quotes must start with one of `allowed`. The first row that fits a
// file's path counts.
struct Direction {
  std::string_view folder;
  std::vector<std::string_view> allowed;
  std::string_view instead;
};

const std::vector<Direction>& Directions() {
  static const auto& directions = *new std::vector<Direction>{
      {"workflows/",
       {"workflows/"},
       "the domain knows nobody: pass what it needs as a value in Facts or Context"},
      {"server/storage/",
       {"server/storage/", "server/clock.h", "workflows/", "rebound/storage/"},
       "storage knows workflows and its own messages: take the value as an argument"},
      {"server/",
       {"server/", "workflows/", "rebound/", "google/", "grpc/"},
       "the server knows workflows and the generated protos"},
      {"clients/",
       {"clients/", "rebound/", "google/", "grpc/", "workflows/currency.h"},
       "clients know only the API: call it through the generated stubs"},
  };
  return directions;
}

// A header (or folder of headers) that may appear only in paths that start with one of `places`.
struct Confined {
  std::string_view header;
  std::vector<std::string_view> places;
  std::string_view instead;
};

const std::vector<Confined>& ConfinedHeaders() {
  static const auto& confined = *new std::vector<Confined>{
      {"SQLiteCpp/",
       {"server/storage/sqlite_", "server/storage/migrate", "tests/"},
       "go through server/storage/store.h"},
      {"sqlite3.h",
       {"server/storage/sqlite_", "server/storage/migrate", "tests/"},
       "go through server/storage/store.h"},
      {"boost/beast", {"server/gateway/", "tests/"}, "HTTP lives in server/gateway"},
      {"regex", {}, "write the small parser by hand: std::regex recurses and is slow"},
  };
  return confined;
}

// What the domain may not include of the standard library.
const std::set<std::string_view>& ImpureHeaders() {
  static const auto& headers = *new std::set<std::string_view>{
      "thread",     "mutex",   "shared_mutex", "future", "condition_variable", "semaphore",
      "latch",      "barrier", "stop_token",   "atomic", "iostream",           "fstream",
      "filesystem", "ctime",   "syncstream",   "csignal"};
  return headers;
}

// A call or type that may appear in the code only in paths that start with one of `places`; where
// `within` is not empty, only files below it are asked.
struct BannedCode {
  std::string_view code;
  std::string_view within;
  std::vector<std::string_view> places;
  std::string_view instead;
};

const std::vector<BannedCode>& BannedCodes() {
  static const auto& codes = *new std::vector<BannedCode>{
      {"::now(", "", {"server/clock.", "clients/", "tests/"}, "ask the Clock that was passed in"},
      {"std::time(", "", {"tests/"}, "ask the Clock that was passed in"},
      {"std::regex", "", {}, "write the small parser by hand: std::regex recurses and is slow"},
      {"using namespace std", "", {}, "name what is used"},
      {"std::random_device", "workflows/", {}, "take random values from Context"},
      {"std::thread", "workflows/", {}, "the domain runs in its caller's thread"},
      {"std::mutex", "workflows/", {}, "the domain is pure; lock outside"},
      {"printf(", "workflows/", {}, "return a value; the server writes"},
      {"fopen(", "workflows/", {}, "the domain reads no files"},
      {"std::cout", "workflows/", {}, "return a value; the server writes"},
      {"std::cerr", "workflows/", {}, "return an Error; the server writes"},
      {"google::protobuf", "workflows/", {}, "use a plain struct; services/convert maps it"},
      {"grpc::", "workflows/", {}, "use Result<T> and a Reason; services/status maps it"},
      {"throw", "workflows/", {}, "return a Reason; CHECK what only a programmer can get wrong"},
      {"std::this_thread::sleep_for",
       "tests/",
       {"tests/chaos/", "tests/bench/", "tests/fixtures/"},
       "wait for the event itself, or advance the ManualClock"},
      {"GTEST_SKIP", "tests/", {}, "a test runs or is not there"},
  };
  return codes;
}

// Written in halves, so that this file passes its own test.
struct BannedWord {
  std::string word;
  std::string_view instead;
};

const std::vector<BannedWord>& BannedWords() {
  static const auto& words = *new std::vector<BannedWord>{
      {"TO"
       "DO",
       "finish it, or file an issue"},
      {"FIX"
       "ME",
       "fix it, or file an issue"},
      {"XX"
       "X",
       "say what is meant"},
      {"/wo"
       "rk/",
       "name paths relative to the root"},
      {"/ro"
       "ot/",
       "name paths relative to the root"},
      {"/ho"
       "me/",
       "name paths relative to the root"},
  };
  return words;
}

// Type names that say nothing.
const std::vector<std::string_view>& EmptyEndings() {
  static const auto& endings = *new std::vector<std::string_view>{
      "Manager", "Helper", "Helpers", "Util", "Utils", "Impl", "Misc", "Data", "Info"};
  return endings;
}

bool MayStandAtRoot(std::string_view entry) {
  static const auto& entries = *new std::set<std::string_view>{
      "proto",           "workflows",    "server",    "clients",        "tests",
      "config",          ".ci",          "dev",       "README.md",      "ARCHITECTURE.md",
      "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE",   "CMakeLists.txt", "CMakePresets.json",
      ".clang-format",   ".clang-tidy",  ".gitignore"};
  return entries.contains(entry);
}

void Append(Faults* faults, Faults more) {
  faults->insert(faults->end(), more.begin(), more.end());
}

// The file of ours that an include in quotes stands for; empty if it is none of ours.
std::string SourceOf(const std::string& include) {
  if (StartsWithAny(include, {"workflows/", "server/", "clients/", "tests/"})) return include;
  if (!include.starts_with("rebound/")) return "";
  for (std::string_view ending : {".grpc.pb.h", ".pb.h"}) {
    if (include.ends_with(ending)) {
      return "proto/" + include.substr(0, include.size() - ending.size()) + ".proto";
    }
  }
  return "proto/" + include;
}

}  // namespace

std::string CodeOnly(std::string_view text) {
  std::string code(text);
  const auto blank = [&](size_t from, size_t to) {
    for (size_t i = from; i < std::min(to, code.size()); ++i) {
      if (code[i] != '\n') code[i] = ' ';
    }
  };
  size_t i = 0;
  while (i < text.size()) {
    if (text.substr(i, 2) == "//") {
      const size_t end = std::min(text.find('\n', i), text.size());
      blank(i, end);
      i = end;
    } else if (text.substr(i, 2) == "/*") {
      const size_t end = std::min(text.find("*/", i + 2), text.size());
      blank(i, end + 2);
      i = end + 2;
    } else if (text.substr(i, 2) == "R\"") {
      const size_t open = std::min(text.find('(', i), text.size());
      const std::string close = ")" + std::string(text.substr(i + 2, open - i - 2)) + "\"";
      const size_t end = std::min(text.find(close, open), text.size());
      blank(i + 2, end);
      i = end + close.size();
    } else if (text[i] == '\'' && i > 0 && IsWordCharacter(text[i - 1])) {
      ++i;  // The separator in 1'000.
    } else if (text[i] == '"' || text[i] == '\'') {
      size_t end = i + 1;
      while (end < text.size() && text[end] != text[i] && text[end] != '\n') {
        end += text[end] == '\\' ? 2 : 1;
      }
      blank(i + 1, end);
      i = end + 1;
    } else {
      ++i;
    }
  }
  return code;
}

Faults CheckIncludes(const File& file) {
  Faults faults;
  if (!IsCpp(file.path)) return faults;
  const bool in_workflows = file.path.starts_with("workflows/");
  const auto direction =
      std::find_if(Directions().begin(), Directions().end(),
                   [&](const Direction& d) { return file.path.starts_with(d.folder); });
  for (const Include& include : Includes(file)) {
    const std::string what = "may not include " + include.path;
    if (direction != Directions().end() && include.quoted &&
        !StartsWithAny(include.path, direction->allowed)) {
      faults.push_back(Fault(file, include.line, what, direction->instead));
    }
    for (const Confined& confined : ConfinedHeaders()) {
      const bool meant = confined.header.ends_with('/') || confined.header.starts_with("boost")
                             ? include.path.starts_with(confined.header)
                             : include.path == confined.header;
      if (meant && !StartsWithAny(file.path, confined.places)) {
        faults.push_back(Fault(file, include.line, what, confined.instead));
      }
    }
    if (in_workflows && !include.quoted) {
      if (include.path.find_first_of("./") != std::string::npos) {
        faults.push_back(Fault(file, include.line, what, "the domain uses the standard library"));
      } else if (ImpureHeaders().contains(include.path)) {
        faults.push_back(
            Fault(file, include.line, what, "no I/O, threads or clock here: the server does that"));
      }
    }
  }
  return faults;
}

Faults CheckCode(const File& file) {
  Faults faults;
  if (!IsCpp(file.path)) return faults;
  const std::string code = CodeOnly(file.text);
  size_t number = 0;
  for (std::string_view line : Lines(code)) {
    ++number;
    for (const BannedCode& banned : BannedCodes()) {
      if (!file.path.starts_with(banned.within) || StartsWithAny(file.path, banned.places))
        continue;
      if (Contains(line, banned.code)) {
        faults.push_back(
            Fault(file, number, "may not use " + std::string(banned.code), banned.instead));
      }
    }
    for (std::string_view keyword : {"class ", "struct ", "enum class "}) {
      const size_t at = line.find(keyword);
      if (at == std::string_view::npos || (at > 0 && IsWordCharacter(line[at - 1]))) continue;
      std::string_view name = line.substr(at + keyword.size());
      name = name.substr(
          0, static_cast<size_t>(std::find_if_not(name.begin(), name.end(), IsWordCharacter) -
                                 name.begin()));
      if (EndsWithAny(name, EmptyEndings())) {
        faults.push_back(Fault(file, number, "the name " + std::string(name) + " says nothing",
                               "say what it is or does"));
      }
    }
  }
  return faults;
}

Faults CheckWords(const File& file) {
  Faults faults;
  if (!IsOurText(file.path)) return faults;
  size_t number = 0;
  for (std::string_view line : Lines(file.text)) {
    ++number;
    for (const BannedWord& banned : BannedWords()) {
      if (Contains(line, banned.word)) {
        faults.push_back(Fault(file, number, "holds '" + banned.word + "'", banned.instead));
      }
    }
  }
  return faults;
}

Faults CheckLayout(const File& file) {
  constexpr size_t kColumns = 100;
  Faults faults;
  if (!IsOurText(file.path)) return faults;
  const bool narrow = EndsWithAny(file.path, {".h", ".cc", ".proto"});
  size_t number = 0;
  for (std::string_view line : Lines(file.text)) {
    ++number;
    const auto columns = std::count_if(line.begin(), line.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // Not the inside of a code point.
    });
    if (narrow && static_cast<size_t>(columns) > kColumns) {
      faults.push_back(Fault(file, number, std::to_string(columns) + " columns", "break at 100"));
    }
    if (line.find('\t') != std::string_view::npos) {
      faults.push_back(Fault(file, number, "a tab", "use spaces, or \\t in a literal"));
    }
    if (!line.empty() && (line.back() == ' ' || line.back() == '\r') &&
        !file.path.ends_with(".md")) {
      faults.push_back(Fault(file, number, "white space at the line's end", "remove it"));
    }
  }
  if (!file.text.empty() && file.text.back() != '\n') {
    faults.push_back(Fault(file, number, "no newline at the file's end", "end with one"));
  }
  if (file.path.ends_with(".h") && file.text.find("#pragma once\n") == std::string::npos) {
    faults.push_back(Fault(file, 1, "may be included twice", "add #pragma once"));
  }
  return faults;
}

Faults CheckTree(const std::vector<File>& files) {
  Faults faults;
  std::set<std::string_view> paths;
  std::set<std::string> entries;
  std::map<std::string, std::set<int>> migrations;  // Numbers by folder.
  for (const File& file : files) {
    paths.insert(file.path);
    entries.insert(file.path.substr(0, file.path.find('/')));
    const size_t slash = file.path.rfind('/');
    if (file.path.starts_with("server/storage/migrations/") && file.path.ends_with(".sql")) {
      migrations[file.path.substr(0, slash)].insert(
          std::atoi(file.path.substr(slash + 1, 4).c_str()));
    }
  }
  for (const std::string& entry : entries) {
    if (!MayStandAtRoot(entry)) {
      faults.push_back(entry + ": not an entry of the root; put it below one of the folders");
    }
  }
  for (const auto& [folder, numbers] : migrations) {
    if (*numbers.begin() != 1 || *numbers.rbegin() != static_cast<int>(numbers.size())) {
      faults.push_back(folder + ": numbers have a gap; name them 0001_x.sql, 0002_y.sql, ...");
    }
  }
  for (const File& file : files) {
    if (!IsCpp(file.path)) continue;
    for (const Include& include : Includes(file)) {
      const std::string source = include.quoted ? SourceOf(include.path) : "";
      if (!source.empty() && !paths.contains(source)) {
        faults.push_back(
            Fault(file, include.line, "includes " + include.path, "there is no " + source));
      }
    }
  }
  return faults;
}

Faults CheckAll(const std::vector<File>& files) {
  Faults faults;
  for (const File& file : files) {
    Append(&faults, CheckIncludes(file));
    Append(&faults, CheckCode(file));
    Append(&faults, CheckWords(file));
    Append(&faults, CheckLayout(file));
  }
  Append(&faults, CheckTree(files));
  return faults;
}

}  // namespace rebound::tidy
