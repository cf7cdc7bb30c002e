#include "server/config/conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <utility>

#include "server/config/messages.h"
#include "server/config/text.h"
#include "workflows/filter.h"
#include "workflows/predicate_words.h"

namespace rebound {
namespace {

using Words2 = std::pair<std::string_view, std::string_view>;

// The words of PredicateError in Chinese, whole and as parts. They stand in English in workflows/.
constexpr Words2 kWhole[] = {
    {"a field", "条件字段"},
    {"the end of the filter", "条件结尾"},
    {"a control character", "控制字符"},
    {"a malformed byte", "无效字节"},
    {"a deeper group", "更深的一组"},
    {"nothing", "空值"},
    {"a list", "列表"},
    {"one value", "单个值"},
    {"a list of values", "一列值"},
    {"at least one value", "至少一个值"},
    {"at least one condition", "至少一个条件"},
    {"no value after :*", ":* 之后没有值"},
    {"true or false, without quotes", "true 或 false，不加引号"},
    {"an integer of at most 64 bits, without quotes", "64 位以内的整数，不加引号"},
    {"text without control characters", "不含控制字符的文本"},
    {"a path such as channel/hotline, without control characters",
     "路径，例如 channel/hotline，不含控制字符"},
    {"an RFC 3339 time to the millisecond, such as 2026-01-31T08:00:00Z, or a date",
     "RFC 3339 时间（到毫秒），例如 2026-01-31T08:00:00Z，或日期"},
    {"an id of 26 lower-case characters", "26 位小写字符的标识"},
    {"a text of at least one character", "至少一个字符的文本"},
    {"a path that neither begins nor ends with /", "首尾都没有 / 的路径"},
    {"AND, OR or the end of the filter", "AND、OR 或条件结尾"},
};
struct WordPattern {
  std::string_view prefix;
  std::string_view suffix;
  std::string_view zh_prefix;
  std::string_view zh_suffix;
};
constexpr WordPattern kPatterns[] = {
    {"one of the fields ", "", "以下字段之一：", ""},
    {"an operator after ", "", "", " 之后的运算符"},
    {"a value for ", "", "", " 的值"},
    {"a closing ", "", "收尾的 ", ""},
    {"one of ", "", "以下之一：", ""},
    {"at most ", " bytes", "最多 ", " 字节"},
    {"at most ", " comparisons", "最多 ", " 个比较"},
    {"at most ", " levels of parentheses", "最多 ", " 层括号"},
    {"at most ", " groups within each other", "最多 ", " 层嵌套"},
    {"", " bytes", "", " 字节"},
};

std::string ReplaceAll(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string InChinese(const std::string& english) {
  for (const auto& [whole, chinese] : kWhole) {
    if (english == whole) return std::string(chinese);
  }
  std::string text = english;
  std::string_view before;
  std::string_view after;
  for (const WordPattern& p : kPatterns) {
    if (!english.starts_with(p.prefix) || !english.ends_with(p.suffix)) continue;
    text = english.substr(p.prefix.size(), english.size() - p.prefix.size() - p.suffix.size());
    before = p.zh_prefix;
    after = p.zh_suffix;
    break;
  }
  std::string of_field;
  for (const std::string_view preposition : {" after ", " for "}) {
    if (const size_t at = text.find(preposition); at != std::string::npos) {
      of_field = text.substr(at + preposition.size()) + " 可用的 ";
      text.resize(at);
    }
  }
  text = ReplaceAll(ReplaceAll(std::move(text), " or ", " 或 "), ", ", "、");
  return of_field + std::string(before) + text + std::string(after);
}

std::string Get(const Error& error, const char* key) {
  const auto found = error.metadata.find(key);
  return found == error.metadata.end() ? "" : found->second;
}

// The API calls it a filter.
Bilingual AsCondition(const std::string& english) {
  return {ReplaceAll(english, "the filter", "the condition"), InChinese(english)};
}

Bilingual FoundBy(const Error& error) {
  const Bilingual found = AsCondition(Get(error, "found"));
  return {Printable(found.en), Printable(found.zh)};
}

void ForEachComparison(const Predicate& predicate,
                       const std::function<void(const Comparison&)>& visit) {
  if (predicate.kind == Predicate::Kind::kComparison) visit(predicate.comparison);
  for (const Predicate& child : predicate.children) ForEachComparison(child, visit);
}

class ConditionReader {
 public:
  ConditionReader(ConfigReader& reader, const Referenced& referenced)
      : reader_(reader), referenced_(referenced) {}

  // nullopt: a mistake is noted.
  std::optional<Predicate> Read(const YamlNode& node) {
    switch (node.kind) {
      case YamlNode::Kind::kScalar: return ReadFilter(node);
      case YamlNode::Kind::kMap: return ReadMap(node);
      case YamlNode::Kind::kNull:
      case YamlNode::Kind::kList: break;
    }
    reader_.Fault(At(node), messages::kInCondition, {Fill(messages::kCondition), Describe(node)},
                  Fill(messages::kConditionForms));
    return std::nullopt;
  }

 private:
  std::optional<Predicate> ReadFilter(const YamlNode& node) {
    auto condition = ParseFilter(node.text, referenced_.use);
    if (!condition) {
      FaultInFilter(node, condition.error());
      return std::nullopt;
    }
    if (condition->kind != Predicate::Kind::kComparison && condition->children.empty()) {
      reader_.Fault(At(node), messages::kInCondition, {Fill(messages::kCondition), Describe(node)},
                    Fill(messages::kLeaveWhenOut));
      return std::nullopt;
    }
    if (!CheckIds(node, *condition)) return std::nullopt;
    return *std::move(condition);
  }

  // All of its keys have to hold.
  std::optional<Predicate> ReadMap(const YamlNode& node) {
    if (node.children.empty()) {
      reader_.Fault(At(node), messages::kInCondition,
                    {Fill(messages::kCondition), Fill(messages::kAMappingFound)},
                    Fill(messages::kConditionForms));
      return std::nullopt;
    }
    std::vector<Predicate> parts;
    std::map<std::string_view, int> seen;
    bool good = true;
    for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
      const Entry entry{&node.children[i], &node.children[i + 1]};
      if (entry.key->kind != YamlNode::Kind::kScalar) {
        reader_.Fault(At(*entry.key), messages::kKeyNotAWord,
                      {Fill(messages::kAConditionGroup), Describe(*entry.key)},
                      Fill(messages::kConditionForms));
        good = false;
        continue;
      }
      if (const auto [first, is_new] = seen.emplace(entry.key->text, entry.key->line + 1);
          !is_new) {
        reader_.Fault(At(*entry.key), messages::kKeyTwice, {Quoted(entry.key->text)},
                      Fill(messages::kSeparateItems));
        good = false;
        continue;
      }
      auto part = ReadKey(entry);
      good = good && part;
      if (part) parts.push_back(*std::move(part));
    }
    if (!good) return std::nullopt;
    return Joined(std::move(parts));
  }

  std::optional<Predicate> ReadKey(const Entry& entry) {
    const std::string& key = entry.key->text;
    if (key == "all") return ReadGroup(entry, All);
    if (key == "any") return ReadGroup(entry, Any);
    if (key == "none") return ReadGroup(entry, None);
    return ReadField(entry);
  }

  std::optional<Predicate> ReadGroup(const Entry& entry,
                                     Predicate (*join)(std::vector<Predicate>)) {
    const YamlNode& list = *entry.value;
    if (list.kind != YamlNode::Kind::kList) {
      reader_.Expected(entry, messages::kTypeOfKey, Fill(messages::kAList),
                       Fill(messages::kBeginItems));
      return std::nullopt;
    }
    if (list.children.empty()) {
      reader_.Fault(At(list), messages::kEmptyGroup, {entry.key->text},
                    Fill(messages::kConditionForms));
      return std::nullopt;
    }
    std::vector<Predicate> parts;
    for (const YamlNode& item : list.children) {
      if (item.kind == YamlNode::Kind::kNull) {  // which has no place of its own
        reader_.Fault(At(*entry.key), messages::kEmptyGroup, {entry.key->text},
                      Fill(messages::kConditionForms));
      } else if (auto part = Read(item)) {
        parts.push_back(*std::move(part));
      }
    }
    if (parts.size() < list.children.size()) return std::nullopt;
    return join(std::move(parts));
  }

  std::optional<Predicate> ReadField(const Entry& entry) {
    const std::string& name = entry.key->text;
    if (auto checked = CheckField(name, referenced_.use); !checked) {
      Fault(At(*entry.key), checked.error(), Quoted(name));
      return std::nullopt;
    }
    const Field& field = *FindField(name);
    if (entry.value->kind != YamlNode::Kind::kMap || entry.value->children.empty()) {
      const std::vector<std::string_view> words = WordsFor(field.type);
      const bool scalar = entry.value->kind == YamlNode::Kind::kScalar;
      reader_.Fault(
          At(entry), messages::kNoOperator, {name, Describe(*entry.value)},
          Fill(messages::kOperatorForm,
               {name, words.front(),
                scalar ? Printable(Slice(entry.value->text, 0, 40)) : std::string("...")}));
      return std::nullopt;
    }
    const YamlNode& map = *entry.value;
    std::vector<Predicate> parts;
    std::map<std::string_view, int> seen;
    bool good = true;
    for (size_t i = 0; i + 1 < map.children.size(); i += 2) {
      const YamlNode& word = map.children[i];
      if (const auto [first, is_new] = seen.emplace(word.text, word.line + 1); !is_new) {
        reader_.Fault(At(word), messages::kKeyTwice, {Quoted(word.text)},
                      Fill(messages::kFirstKeyLine, {std::to_string(first->second)}));
        good = false;
        continue;
      }
      auto part = ReadWord(field, {&word, &map.children[i + 1]});
      good = good && part;
      if (part) parts.push_back(*std::move(part));
    }
    if (!good) return std::nullopt;
    return Joined(std::move(parts));
  }

  std::optional<Predicate> ReadWord(const Field& field, const Entry& entry) {
    std::vector<Literal> literals;
    std::vector<const YamlNode*> places;
    const bool is_list = entry.value->kind == YamlNode::Kind::kList;
    const auto add = [&](const YamlNode& node) {
      if (node.kind != YamlNode::Kind::kScalar) {
        reader_.Fault(At(node), messages::kInCondition,
                      {Fill(messages::kAValueOf, {field.name}), Describe(node)},
                      Fill(messages::kOneValueOrList));
        return false;
      }
      literals.push_back({node.text, node.quoted});
      places.push_back(&node);
      return true;
    };
    bool good = true;
    if (is_list) {
      for (const YamlNode& item : entry.value->children) good = add(item) && good;
    } else if (entry.value->kind == YamlNode::Kind::kNull) {
      reader_.Fault(At(entry), messages::kInCondition,
                    {Fill(messages::kAValueOf, {field.name}), Describe(*entry.value)},
                    Fill(messages::kOneValueOrList));
      return std::nullopt;
    } else {
      good = add(*entry.value);
    }
    if (!good) return std::nullopt;
    auto predicate = FromWord(field, entry.key->text, literals, is_list);
    if (predicate) {
      if (!CheckIds(*entry.value, *predicate)) return std::nullopt;
      return *std::move(predicate);
    }
    const Error& error = predicate.error();
    const std::string problem = Get(error, "problem");
    const YamlNode* at = entry.key;
    size_t index = 0;
    const std::string digits = Get(error, "index");
    if (!digits.empty()) {
      std::from_chars(digits.data(), digits.data() + digits.size(), index);
      at = places[index];
    } else if (problem == "list_not_allowed" || problem == "list_expected" ||
               problem == "empty_group") {
      at = entry.value;
    }
    const bool of_word = at == entry.key || !digits.empty();
    Fault(At(*at), error, of_word ? Bilingual(Quoted(at->text)) : FoundBy(error));
    return std::nullopt;
  }

  // The ids of programs and priorities that a condition names are of this revision.
  bool CheckIds(const YamlNode& node, const Predicate& when) {
    bool good = true;
    ForEachComparison(when, [&](const Comparison& comparison) {
      const auto* id = std::get_if<std::string>(&comparison.value);
      const bool of_program = comparison.field == FieldId::kProgram;
      if (id == nullptr || (!of_program && comparison.field != FieldId::kPriority)) return;
      if (!of_program && referenced_.before_priority) {
        good = false;
        reader_.Fault(PlaceOfWord(node, "priority"), messages::kPriorityTooEarly, {},
                      Fill(messages::kUseSeverity));
        return;
      }
      std::vector<std::string_view> ids;
      if (of_program && referenced_.programs != nullptr) {
        for (const Program& program : *referenced_.programs) ids.push_back(program.id);
      } else if (!of_program && referenced_.priorities != nullptr) {
        for (const Priority& priority : *referenced_.priorities) ids.push_back(priority.id);
      } else {
        return;
      }
      if (std::find(ids.begin(), ids.end(), *id) != ids.end()) return;
      good = false;
      const std::string_view nearest = Nearest(*id, ids);
      reader_.Fault(
          PlaceOfWord(node, *id),
          of_program ? messages::kUnknownProgram : messages::kUnknownPriority, {Quoted(*id)},
          nearest.empty() ? Fill(messages::kThereAre, {JoinWords(ids)}) : DidYouMean(nearest));
    });
    return good;
  }

  // Where a word stands in a filter, or as an item of a list.
  Place PlaceOfWord(const YamlNode& node, const std::string& word) const {
    for (const YamlNode& item : node.children) {
      if (item.text == word) return At(item);
    }
    const size_t at = node.text.find(word);
    if (node.kind != YamlNode::Kind::kScalar || at == std::string::npos || node.text == word) {
      return At(node);
    }
    Place place = reader_.source().PlaceIn(node, CodePoints(node.text.substr(0, at)));
    place.width = static_cast<int>(CodePoints(word));
    return place;
  }

  void FaultInFilter(const YamlNode& node, const Error& error) {
    const std::string found = Get(error, "found");
    size_t column = 1;
    const std::string digits = Get(error, "column");
    std::from_chars(digits.data(), digits.data() + digits.size(), column);
    Place place = reader_.source().PlaceIn(node, column - 1);
    const std::string_view line = reader_.source().lines()[static_cast<size_t>(place.line - 1)];
    const bool verbatim = !found.empty() && Slice(line, static_cast<size_t>(place.column - 1),
                                                  CodePoints(found)) == found;
    if (verbatim) place.width = static_cast<int>(CodePoints(found));
    Fault(place, error, verbatim ? Bilingual(Quoted(found)) : FoundBy(error));
  }

  void Fault(const Place& place, const Error& error, const Bilingual& found) {
    NotePredicateError(reader_, place, error, found, referenced_.use);
  }

  ConfigReader& reader_;
  const Referenced& referenced_;
};

}  // namespace

void NotePredicateError(ConfigReader& reader, const Place& place, const Error& error,
                        const Bilingual& found, Use use) {
  const std::string problem = Get(error, "problem");
  const std::string suggestion = Get(error, "suggestion");
  Bilingual help = DidYouMean(suggestion);
  if (problem == "value_invalid" && suggestion == Get(error, "found")) {
    help = Fill(messages::kWithoutQuotes, {suggestion});
  } else if (problem == "protected_field") {
    help = Fill(messages::kProtected);
  } else if (problem == "field_not_allowed") {
    help = Fill(use == Use::kStepRule ? messages::kNotOfSteps : messages::kNotKnownYet);
  } else if (problem == "unsupported") {
    help = Fill(messages::kNotSupported);
  } else if (problem == "list_expected") {
    help = Fill(messages::kInBrackets);
  } else if (problem == "too_long" || problem == "too_many" || problem == "too_deep") {
    help = Fill(messages::kSplitPlaybook);
  }
  reader.Fault(place, messages::kInCondition,
               {AsCondition(Get(error, "expected")), found.empty() ? FoundBy(error) : found},
               std::move(help));
}

bool ReadCondition(ConfigReader& reader, const YamlNode& map, const Referenced& referenced,
                   Predicate* out) {
  const Entry entry = Find(map, "when");
  if (!entry) return true;
  if (entry.value->kind == YamlNode::Kind::kNull || entry.value->kind == YamlNode::Kind::kList) {
    reader.Expected(entry, messages::kTypeOfKey, Fill(messages::kCondition),
                    Fill(messages::kConditionForms));
    return false;
  }
  auto condition = ConditionReader(reader, referenced).Read(*entry.value);
  if (!condition) return false;
  if (auto checked = Check(*condition, referenced.use); !checked) {
    NotePredicateError(reader, At(*entry.key), checked.error());
    return false;
  }
  // It is stored in this form, which escapes may have made longer; reading it back drops groups
  // that say nothing, as a filter has none.
  const std::string canonical = Canonical(*condition);
  auto stored = ParseFilter(canonical, referenced.use);
  if (!stored) {
    reader.Fault(At(*entry.key), messages::kConditionTooLong, {std::to_string(kMaxRuleBytes)},
                 Fill(messages::kSplitPlaybook));
    return false;
  }
  *out = *std::move(stored);
  return true;
}

bool CheckCanHold(ConfigReader& reader, const YamlNode& map, const Predicate& when,
                  CoverageBudget* budget) {
  if (CanHold(when, budget)) return true;
  const Entry entry = Find(map, "when");
  reader.Fault(entry ? At(*entry.key) : At(map), messages::kNeverHolds, {},
               Fill(messages::kRevise));
  return false;
}

}  // namespace rebound
