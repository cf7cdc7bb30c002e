#include "server/config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "server/config/messages.h"
#include "server/config/text.h"

namespace rebound {
namespace {

constexpr int kMaxSourceColumns = 100;  // shown of a source line

Place PlaceOf(const YAML::Mark& mark) {
  return mark.is_null() ? Place{} : Place{mark.line + 1, mark.column + 1, 1};
}

// YAML that the folder does not accept; leaves the parser as an exception, like its own.
struct RefusedYaml {
  Place place;
  Phrase phrase;
  Bilingual help;
};

// Events rather than YAML::Node: those lose aliases, and repeated keys of theirs go unnoticed.
class TreeBuilder final : public YAML::EventHandler {
 public:
  YamlNode Take() { return std::move(root_); }
  const YamlNode& last_scalar() const { return last_scalar_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      throw RefusedYaml{PlaceOf(mark), messages::kSecondDocument, Fill(messages::kRemoveDashes)};
    }
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Check(mark, "?", anchor);
    Add(Node(YamlNode::Kind::kNull, mark));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { RefuseReference(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Check(mark, tag, anchor);
    YamlNode node = Node(YamlNode::Kind::kScalar, mark);
    last_scalar_ = node;
    node.text = value;
    node.quoted = tag == "!";
    Add(std::move(node));
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
  static YamlNode Node(YamlNode::Kind kind, const YAML::Mark& mark) {
    return {.kind = kind, .line = mark.line, .column = mark.column};
  }

  [[noreturn]] static void RefuseReference(const YAML::Mark& mark) {
    throw RefusedYaml{PlaceOf(mark), messages::kAnchorOrAlias, Fill(messages::kWriteItOut)};
  }

  static void Check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) RefuseReference(mark);
    if (tag != "?" && tag != "!" && !tag.empty()) {
      throw RefusedYaml{PlaceOf(mark), messages::kTag, Fill(messages::kLeaveTagOut)};
    }
  }

  void Open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    Check(mark, tag, anchor);
    if (open_.size() == static_cast<size_t>(kMaxConfigDepth)) {
      throw RefusedYaml{PlaceOf(mark), messages::kTooDeep, Fill(messages::kFlatten)};
    }
    open_.push_back(Node(kind, mark));
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
  YamlNode last_scalar_{};
  YamlNode root_{};
  std::vector<YamlNode> open_{};
};

bool CheckText(const Source& source, std::vector<ConfigError>* errors) {
  int line = 0;
  for (const std::string_view rest : source.lines()) {
    ++line;
    for (size_t at = 0; at < rest.size();) {
      const auto [code, length] = FrontCodePoint(rest.substr(at));
      if (code > 0) {
        at += length;
        continue;
      }
      const Place place{line, static_cast<int>(CodePoints(rest.substr(0, at))) + 1, 1};
      errors->push_back(
          code == 0 ? source.Fault(place, messages::kNul, {}, Fill(messages::kRemoveIt))
                    : source.Fault(place, messages::kNotUtf8, {}, Fill(messages::kSaveAsUtf8)));
      return false;
    }
  }
  return true;
}

// The parser's own words, for those faults that people meet.
Bilingual ParserMessage(const std::string& message) {
  for (const auto& [english, chinese] : messages::kParserMessages) {
    if (message == english) return {message, std::string(chinese)};
  }
  return message;
}

// yaml-cpp takes the end of the file for a closing quote.
bool CheckLastQuote(const Source& source, const YamlNode& scalar,
                    std::vector<ConfigError>* errors) {
  if (scalar.line < 0) return true;
  const std::string_view text = source.text();
  size_t at = source.OffsetOf(scalar);
  const char quote = at < text.size() ? text[at] : ' ';
  if (quote != '"' && quote != '\'') return true;
  for (++at; at < text.size() && text[at] != quote; ++at) {
    if (quote == '"' && text[at] == '\\') ++at;
  }
  if (at < text.size()) return true;
  errors->push_back(source.Fault({scalar.line + 1, scalar.column + 1, 1}, messages::kOpenQuote,
                                 {std::string(1, quote)}, Fill(messages::kCloseQuotes)));
  return false;
}

size_t EscapeLength(std::string_view escape) {
  if (escape.size() < 2) return escape.size();
  switch (escape[1]) {
    case 'x': return 4;
    case 'u': return 6;
    case 'U': return 10;
    default: return 1 + FrontCodePoint(escape.substr(1)).second;
  }
}

}  // namespace

Place At(const YamlNode& node) {
  if (node.line < 0) return {};
  Place place{node.line + 1, node.column + 1, 1};
  if (node.kind == YamlNode::Kind::kScalar) {
    place.width = static_cast<int>(CodePoints(node.text)) + (node.quoted ? 2 : 0);
  }
  return place;
}

Source::Source(std::string name, std::string_view text) : name_(std::move(name)), text_(text) {
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

ConfigError Source::Fault(const Place& place, const Phrase& phrase,
                          std::initializer_list<Bilingual> arguments, Bilingual help) const {
  ConfigError error{.file = name_,
                    .line = place.line,
                    .column = place.column,
                    .width = std::max(place.width, 1),
                    .code = std::string(phrase.code),
                    .message = Fill(phrase, arguments),
                    .help = std::move(help)};
  if (place.line > 0 && static_cast<size_t>(place.line) <= lines_.size()) {
    const std::string_view line = lines_[static_cast<size_t>(place.line - 1)];
    const int before = place.column - 1 - kMaxSourceColumns / 2;
    const bool fits = CodePoints(line) <= static_cast<size_t>(kMaxSourceColumns);
    error.source_offset = fits ? 0 : std::max(before, 0);
    error.source_line = Slice(line, static_cast<size_t>(error.source_offset), kMaxSourceColumns);
  }
  return error;
}

size_t Source::OffsetOf(const YamlNode& node) const {
  if (node.line < 0 || static_cast<size_t>(node.line) >= lines_.size()) return text_.size();
  const std::string_view line = lines_[static_cast<size_t>(node.line)];
  return static_cast<size_t>(line.data() - text_.data()) +
         Slice(line, 0, static_cast<size_t>(node.column)).size();
}

Place Source::PlaceIn(const YamlNode& node, size_t index) const {
  const Place start{node.line + 1, node.column + 1, 1};
  size_t at = OffsetOf(node);
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
    at = std::min(at, text_.size());
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

bool ParseYaml(const Source& source, YamlNode* root, std::vector<ConfigError>* errors) {
  if (!CheckText(source, errors)) return false;
  std::istringstream in{std::string(source.text())};
  TreeBuilder builder;
  try {
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) continue;
  } catch (const RefusedYaml& refused) {
    errors->push_back(source.Fault(refused.place, refused.phrase, {std::to_string(kMaxConfigDepth)},
                                   refused.help));
    return false;
  } catch (const YAML::Exception& error) {
    if (error.msg == YAML::ErrorMsg::UNKNOWN_ANCHOR) {
      errors->push_back(
          source.Fault(PlaceOf(error.mark), messages::kAlias, {}, Fill(messages::kQuoteStar)));
      return false;
    }
    const auto& lines = source.lines();
    const bool inside =
        !error.mark.is_null() && static_cast<size_t>(error.mark.line) < lines.size();
    const std::string_view line =
        inside ? lines[static_cast<size_t>(error.mark.line)] : std::string_view();
    const bool tab = line.find('\t') < line.find_first_not_of(" \t");
    errors->push_back(source.Fault(PlaceOf(error.mark), messages::kNotYaml,
                                   {ParserMessage(error.msg)},
                                   Fill(tab ? messages::kNoTabs : messages::kCheckIndentation)));
    return false;
  }
  *root = builder.Take();
  return CheckLastQuote(source, builder.last_scalar(), errors);
}

}  // namespace rebound
