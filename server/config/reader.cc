#include "server/config/reader.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "server/config/messages.h"
#include "server/config/text.h"
#include "workflows/field_catalogue.h"
#include "workflows/limits.h"

namespace rebound {
namespace {

constexpr size_t kMaxKey = 64;

bool IsDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool IsKeyCharacter(char c, char extra) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == extra;
}

// What somebody who wrote `text` may take instead; empty when nothing is left of it.
std::string AsKey(std::string_view text, char extra) {
  std::string better;
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (IsKeyCharacter(lower, lower == extra ? 'a' : extra)) {
      better += lower;
    } else if (!better.empty() && better.back() != extra) {
      better += extra;
    }
  }
  if (better.ends_with(extra)) better.pop_back();
  return better.size() <= kMaxKey ? better : "";
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

Bilingual IntegerWithin(int64_t lowest, int64_t highest) {
  return Fill(messages::kIntegerWithin, {std::to_string(lowest), std::to_string(highest)});
}

}  // namespace

Entry Find(const YamlNode& map, std::string_view key) {
  for (size_t i = 0; i + 1 < map.children.size(); i += 2) {
    if (map.children[i].text == key) return {&map.children[i], &map.children[i + 1]};
  }
  return {};
}

Place At(const Entry& entry) {
  return At(entry.value->kind == YamlNode::Kind::kNull ? *entry.key : *entry.value);
}

Bilingual Describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull: return Fill(messages::kNothing);
    case YamlNode::Kind::kScalar: return Quoted(node.text);
    case YamlNode::Kind::kList: return Fill(messages::kAListFound);
    case YamlNode::Kind::kMap: return Fill(messages::kAMappingFound);
  }
  return {};
}

Bilingual DidYouMean(std::string_view suggestion) {
  return suggestion.empty() ? Bilingual() : Fill(messages::kDidYouMean, {suggestion});
}

bool IsKey(std::string_view text, char extra) {
  return !text.empty() && text.size() <= kMaxKey &&
         std::all_of(text.begin(), text.end(), [&](char c) { return IsKeyCharacter(c, extra); });
}

std::string DurationText(Duration duration) {
  for (const size_t i : {size_t{2}, size_t{1}}) {  // days, hours
    if (duration != Duration{0} && duration % kUnitLengths[i] == Duration{0}) {
      return fmt::format("{} {}", duration / kUnitLengths[i], kUnits[2 * i]);
    }
  }
  return fmt::format("{} minutes", duration / kUnitLengths[0]);
}

std::string YamlQuoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

ConfigReader::ConfigReader(std::string name, std::string_view text)
    : source_(std::move(name), text) {}

void ConfigReader::Open(Words keys) {
  if (!ParseYaml(source_, &root_, &errors_)) {
    root_ = {};
    return;
  }
  std::vector<std::string_view> all = {"version"};
  all.insert(all.end(), keys.begin(), keys.end());
  if (!CheckMap(root_, messages::kTheFile, all)) return;
  is_open_ = true;
  const Entry entry = GetScalar(root_, "version", Need::kRequired, "1");
  if (entry && entry.value->text != "1") {
    Expected(entry, messages::kVersionOfKey, "1", Fill(messages::kVersionOnly));
  }
}

bool ConfigReader::failed() const {
  return std::any_of(errors_.begin(), errors_.end(),
                     [](const ConfigError& error) { return !error.is_warning(); });
}

void ConfigReader::MoveTo(std::vector<ConfigError>* errors) {
  std::stable_sort(errors_.begin(), errors_.end(), [](const ConfigError& a, const ConfigError& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  std::move(errors_.begin(), errors_.end(), std::back_inserter(*errors));
  errors_.clear();
}

void ConfigReader::Fault(const Place& place, const Phrase& phrase,
                         std::initializer_list<Bilingual> arguments, Bilingual help) {
  if (errors_.size() == kMaxErrorsPerFile) return;
  errors_.push_back(source_.Fault(place, phrase, arguments, std::move(help)));
}

void ConfigReader::Expected(const Entry& entry, const Phrase& phrase, const Bilingual& what,
                            Bilingual help) {
  Fault(rebound::At(entry), phrase, {what, entry.key->text, Describe(*entry.value)},
        std::move(help));
}

bool ConfigReader::CheckMap(const YamlNode& node, const Phrase& what, Words keys) {
  const Bilingual known = Fill(messages::kItsKeys, {JoinWords(keys)});
  if (node.kind != YamlNode::Kind::kMap) {
    Fault(At(node), messages::kNotAMapping, {Fill(what), Describe(node)}, known);
    return false;
  }
  std::map<std::string_view, int> seen;
  for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
    const YamlNode& key = node.children[i];
    if (key.kind != YamlNode::Kind::kScalar) {
      Fault(At(key), messages::kKeyNotAWord, {Fill(what), Describe(key)}, known);
    } else if (std::find(keys.begin(), keys.end(), key.text) == keys.end()) {
      const std::string_view nearest = Nearest(key.text, keys);
      Fault(At(key), messages::kUnknownKey, {Fill(what), Quoted(key.text)},
            nearest.empty() ? known : DidYouMean(nearest));
    } else if (const auto [first, is_new] = seen.emplace(key.text, key.line + 1); !is_new) {
      Fault(At(key), messages::kKeyTwice, {Quoted(key.text)},
            Fill(messages::kFirstKeyLine, {std::to_string(first->second)}));
    }
  }
  return true;
}

bool ConfigReader::CheckMap(const YamlNode& node, const Phrase& what, std::span<const Key> keys) {
  return CheckMap(node, what, NamesOf(keys));
}

Entry ConfigReader::Get(const YamlNode& map, std::string_view key, Need need) {
  const Entry entry = Find(map, key);
  if (!entry && need == Need::kRequired) {
    Fault(At(map), messages::kKeyMissing, {key}, Fill(messages::kAddKey, {key}));
  }
  return entry;
}

Entry ConfigReader::GetScalar(const YamlNode& map, std::string_view key, Need need,
                              const Bilingual& what) {
  Entry entry = Get(map, key, need);
  if (entry && entry.value->kind != YamlNode::Kind::kScalar) {
    Expected(entry, messages::kTypeOfKey, what);
    entry = {};
  }
  return entry;
}

const YamlNode* ConfigReader::GetList(const YamlNode& map, std::string_view key, Need need,
                                      size_t most) {
  const Entry entry = Get(map, key, need);
  if (!entry) return nullptr;
  if (entry.value->kind == YamlNode::Kind::kList) {
    const size_t count = entry.value->children.size();
    if (count <= most) return entry.value;
    Fault(rebound::At(*entry.key), messages::kListTooLong,
          {std::to_string(most), key, std::to_string(count)}, Fill(messages::kFewerEntries));
    return nullptr;
  }
  Expected(entry, messages::kTypeOfKey, Fill(messages::kAList), Fill(messages::kBeginItems));
  return nullptr;
}

std::vector<const YamlNode*> ConfigReader::GetScalars(const YamlNode& map, std::string_view key,
                                                      Need need) {
  std::vector<const YamlNode*> items;
  const Entry entry = Get(map, key, need);
  if (!entry) return items;
  if (entry.value->kind == YamlNode::Kind::kScalar) return {entry.value};
  if (entry.value->kind != YamlNode::Kind::kList) {
    Expected(entry, messages::kTypeOfKey, Fill(messages::kAWordOrList), Fill(messages::kOneOrList));
    return items;
  }
  for (const YamlNode& item : entry.value->children) {
    if (item.kind == YamlNode::Kind::kScalar) {
      items.push_back(&item);
    } else {
      Fault(At(item), messages::kTypeOfKey, {Fill(messages::kAText), key, Describe(item)});
    }
  }
  return items;
}

void ConfigReader::ReadKey(const YamlNode& map, std::string_view key, Need need, char extra,
                           const Phrase& what, std::string* out) {
  const Entry entry = GetScalar(map, key, need, Fill(what));
  if (!entry) return;
  if (IsKey(entry.value->text, extra)) {
    *out = entry.value->text;
    return;
  }
  const std::string better = AsKey(entry.value->text, extra);
  Expected(entry, messages::kValueOfKey, Fill(what),
           better.empty() ? Bilingual() : Fill(messages::kForExample, {better}));
}

void ConfigReader::ReadId(const YamlNode& map, std::string_view key, Need need, std::string* out) {
  ReadKey(map, key, need, '-', messages::kKeyCharacters, out);
}

void ConfigReader::ReadStatusKey(const YamlNode& map, std::string_view key, Need need,
                                 std::string* out) {
  ReadKey(map, key, need, '_', messages::kStatusCharacters, out);
}

void ConfigReader::ReadText(const YamlNode& map, std::string_view key, Need need,
                            std::string* out) {
  const Entry entry = GetScalar(map, key, need, Fill(messages::kAText));
  if (!entry) return;
  const std::string& text = entry.value->text;
  if (text.find_first_not_of(kBlanks) == std::string::npos) {
    Expected(entry, messages::kBoundsOfKey, Fill(messages::kTextNotEmpty));
  } else if (CodePoints(text) > limits::kShortCodePoints) {
    Expected(entry, messages::kBoundsOfKey,
             Fill(messages::kAtMostCharacters, {std::to_string(limits::kShortCodePoints)}),
             Fill(messages::kShorten));
  } else if (HasControl(text)) {
    Expected(entry, messages::kValueOfKey, Fill(messages::kOneLine));
  } else {
    *out = text;
  }
}

void ConfigReader::ReadName(const YamlNode& map, std::string* en, std::string* zh) {
  const Entry entry = Get(map, "name", Need::kRequired);
  if (!entry) return;
  if (entry.value->kind != YamlNode::Kind::kMap) {
    Expected(entry, messages::kTypeOfKey, Fill(messages::kTwoLanguages),
             entry.value->kind == YamlNode::Kind::kScalar
                 ? Fill(messages::kWriteName, {Quoted(entry.value->text)})
                 : Bilingual());
    return;
  }
  CheckMap(*entry.value, messages::kAName, keys::kNameKeys);
  ReadText(*entry.value, "en", Need::kRequired, en);
  *zh = *en;
  ReadText(*entry.value, "zh", Need::kOptional, zh);
}

std::optional<size_t> ConfigReader::MatchWord(const Entry& entry, Words words) {
  const auto found = std::find(words.begin(), words.end(), entry.value->text);
  if (found != words.end()) return static_cast<size_t>(found - words.begin());
  Expected(entry, messages::kWordOfKey, JoinOr(words),
           DidYouMean(Nearest(entry.value->text, words)));
  return std::nullopt;
}

std::optional<size_t> ConfigReader::ReadWord(const YamlNode& map, std::string_view key, Need need,
                                             Words words) {
  const Entry entry = GetScalar(map, key, need, JoinOr(words));
  return entry ? MatchWord(entry, words) : std::nullopt;
}

std::optional<size_t> ConfigReader::MatchItem(std::string_view key, const YamlNode& item,
                                              Words words) {
  const auto found = std::find(words.begin(), words.end(), item.text);
  if (found != words.end()) return static_cast<size_t>(found - words.begin());
  Fault(At(item), messages::kWordOfKey, {JoinOr(words), key, Describe(item)},
        DidYouMean(Nearest(item.text, words)));
  return std::nullopt;
}

std::vector<size_t> ConfigReader::ReadWords(const YamlNode& map, std::string_view key,
                                            Words words) {
  std::vector<size_t> found;
  for (const YamlNode* item : GetScalars(map, key, Need::kOptional)) {
    const auto index = MatchItem(key, *item, words);
    if (!index) continue;
    if (std::find(found.begin(), found.end(), *index) != found.end()) {
      Fault(At(*item), messages::kWordTwice, {Quoted(item->text)}, Fill(messages::kKeepOneOfThem));
      continue;
    }
    found.push_back(*index);
  }
  return found;
}

void ConfigReader::ReadBool(const YamlNode& map, std::string_view key, bool* out) {
  const Entry entry = GetScalar(map, key, Need::kOptional, Fill(messages::kTrueOrFalse));
  if (!entry) return;
  const bool known = std::find(std::begin(kTruthWords), std::end(kTruthWords), entry.value->text) !=
                     std::end(kTruthWords);
  if (known && !entry.value->quoted) {
    *out = entry.value->text == "true";
    return;
  }
  Expected(entry, messages::kTypeOfKey, Fill(messages::kTrueOrFalse),
           Fill(known ? messages::kRemoveQuotes : messages::kSmallLetters));
}

bool ConfigReader::ReadInt(const YamlNode& map, std::string_view key, Need need, int64_t lowest,
                           int64_t highest, int64_t* out) {
  const Bilingual what = IntegerWithin(lowest, highest);
  const Entry entry = GetScalar(map, key, need, what);
  if (!entry) return false;
  const std::string& text = entry.value->text;
  int64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = end == text.data() + text.size() && !text.empty();
  if (!whole || code == std::errc::invalid_argument || entry.value->quoted) {
    Expected(entry, messages::kTypeOfKey, what,
             whole ? Fill(messages::kRemoveQuotes) : Bilingual());
    return false;
  }
  if (code != std::errc{} || number < lowest || number > highest) {
    Expected(entry, messages::kBoundsOfKey, what);
    return false;
  }
  *out = number;
  return true;
}

bool ConfigReader::ReadInt(const YamlNode& map, std::string_view key, Need need, int64_t lowest,
                           int64_t highest, int32_t* out) {
  int64_t number = 0;
  if (!ReadInt(map, key, need, lowest, highest, &number)) return false;
  *out = static_cast<int32_t>(number);
  return true;
}

std::optional<Amount> ConfigReader::ParseAmount(const Entry& entry, std::string_view text,
                                                const Bilingual& what, Duration lowest) {
  const std::string_view digits = text.substr(0, text.find_first_not_of("0123456789"));
  std::string_view unit = text.substr(digits.size());
  unit.remove_prefix(std::min(unit.find_first_not_of(' '), unit.size()));
  const auto known = std::find(std::begin(kUnits), std::end(kUnits), unit);
  if (digits.empty() || known == std::end(kUnits)) {
    const std::string_view nearest = Nearest(unit, kUnits);
    Bilingual help = Fill(messages::kUnits);
    if (IsDigits(text)) {
      help = Fill(messages::kNameUnit, {Slice(text, 0, 10)});
    } else if (!digits.empty() && !nearest.empty()) {
      help = DidYouMean(fmt::format("{} {}", Slice(digits, 0, 10), nearest));
    }
    Expected(entry, messages::kValueOfKey, what, std::move(help));
    return std::nullopt;
  }
  Amount amount{.unit = static_cast<size_t>(known - std::begin(kUnits)) / 2};
  const auto [end, code] =
      std::from_chars(digits.data(), digits.data() + digits.size(), amount.count);
  if (code != std::errc{} || amount.count > limits::kFarthestDue / kUnitLengths[amount.unit] ||
      amount.length() < lowest) {
    Expected(entry, messages::kBoundsOfKey,
             Fill(messages::kDaysWithin,
                  {lowest == Duration{0} ? Bilingual("0") : Fill(messages::kOneMinute),
                   std::to_string(limits::kFarthestDue / std::chrono::days{1})}));
    return std::nullopt;
  }
  return amount;
}

void ConfigReader::ReadDuration(const YamlNode& map, std::string_view key, Duration lowest,
                                bool may_be_unlimited, std::optional<Duration>* out) {
  constexpr std::string_view kUnlimited = keys::kUnlimited[0];
  const Bilingual what =
      Fill(may_be_unlimited ? messages::kADurationOrUnlimited : messages::kADuration);
  const Entry entry = GetScalar(map, key, Need::kOptional, what);
  if (!entry) return;
  const std::string_view text = entry.value->text;
  if (may_be_unlimited && text == kUnlimited) {
    *out = std::nullopt;
    return;
  }
  if (may_be_unlimited && !Nearest(text, std::array{kUnlimited}).empty()) {
    Expected(entry, messages::kValueOfKey, what, DidYouMean(kUnlimited));
    return;
  }
  const size_t before = errors_.size();
  if (const auto amount = ParseAmount(entry, text, what, lowest)) {
    *out = amount->length();
  } else if (may_be_unlimited && errors_.size() > before &&
             errors_.back().code == messages::kBoundsOfKey.code) {
    errors_.back().help = Fill(messages::kOrUnlimited);
  }
}

void ConfigReader::ReadDuration(const YamlNode& map, std::string_view key, Duration lowest,
                                Duration* out) {
  std::optional<Duration> duration = *out;
  ReadDuration(map, key, lowest, false, &duration);
  *out = *duration;
}

std::optional<std::chrono::local_days> ConfigReader::ReadDate(const YamlNode& map,
                                                              std::string_view key, Need need) {
  const Entry entry = GetScalar(map, key, need, Fill(messages::kADate));
  if (!entry) return std::nullopt;
  const std::string_view text = entry.value->text;
  const auto number = [&](size_t from, size_t length) {
    int value = -1;
    const std::string_view digits = text.substr(from, length);
    if (IsDigits(digits)) std::from_chars(digits.data(), digits.data() + length, value);
    return value;
  };
  const bool formed = text.size() == 10 && text[4] == '-' && text[7] == '-';
  const int year = formed ? number(0, 4) : -1;
  const int month = formed ? number(5, 2) : -1;
  const int day = formed ? number(8, 2) : -1;
  if (year < 0 || month < 0 || day < 0) {
    Expected(entry, messages::kValueOfKey, Fill(messages::kADate), Fill(messages::kWriteDate));
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) {
    Expected(entry, messages::kValueOfKey, Fill(messages::kADate),
             Fill(messages::kThereIsNoSuchDay));
    return std::nullopt;
  }
  if (year < 2000 || year > 2099) {
    Expected(entry, messages::kBoundsOfKey, Fill(messages::kDateWithin),
             Fill(messages::kCheckYear));
    return std::nullopt;
  }
  return std::chrono::local_days{date};
}

void ConfigReader::ReadZone(const YamlNode& map, std::string_view key, Need need,
                            std::string* out) {
  const Entry entry = GetScalar(map, key, need, Fill(messages::kAZone));
  if (!entry) return;
  if (IsKnownZone(entry.value->text)) {
    *out = entry.value->text;
    return;
  }
  const std::string_view nearest = NearestZone(entry.value->text);
  Expected(entry, messages::kValueOfKey, Fill(messages::kAZone),
           nearest.empty() ? Fill(messages::kExampleZones) : DidYouMean(nearest));
}

void ConfigReader::CheckUnique(const YamlNode& node, std::string_view key, const std::string& id,
                               std::map<std::string, int>* lines) {
  if (id.empty()) return;
  const YamlNode& place = *Find(node, key).value;
  const auto [first, is_new] = lines->emplace(id, place.line + 1);
  if (is_new) return;
  Fault(At(place), messages::kIdTwice, {id},
        Fill(messages::kFirstIdLine, {std::to_string(first->second)}));
}

}  // namespace rebound
