#include "clients/cli/mapping.h"

#include <date/tz.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <set>
#include <stdexcept>

namespace rebound::cli {
namespace {

using TextField = std::optional<std::string> MappedRow::*;

struct TextTarget {
  std::string_view name;
  TextField field;
};

constexpr TextTarget kTextTargets[] = {
    {"program", &MappedRow::program},
    {"source_system", &MappedRow::source_system},
    {"external_id", &MappedRow::external_id},
    {"customer.external_id", &MappedRow::customer_external_id},
    {"customer.source_system", &MappedRow::customer_source_system},
    {"touchpoint", &MappedRow::touchpoint},
    {"org_unit", &MappedRow::org_unit},
    {"channel", &MappedRow::channel},
    {"language", &MappedRow::language},
    {"reason", &MappedRow::reason},
    {"suggestion", &MappedRow::suggestion},
    {"verbatim", &MappedRow::verbatim},
    {"respondent_role", &MappedRow::respondent_role},
    {"account", &MappedRow::account},
    {"order_reference", &MappedRow::order_reference},
    {"segment", &MappedRow::segment},
};
// What a complaint takes of these, what it has of its own, and when things happened to it.
constexpr std::string_view kSharedTargets[] = {"program",
                                               "source_system",
                                               "external_id",
                                               "customer.external_id",
                                               "customer.source_system",
                                               "touchpoint",
                                               "org_unit",
                                               "language",
                                               "respondent_role",
                                               "account",
                                               "order_reference"};
constexpr std::string_view kDetailTargets[] = {"queue",
                                               "request",
                                               "topic",
                                               "crm_reference",
                                               "contact_person",
                                               "authority",
                                               "authority_reference",
                                               "responsible_unit",
                                               "handling_result",
                                               "root_cause"};
constexpr std::string_view kTimeTargets[] = {"open_time", "dispatch_time", "resolve_time",
                                             "close_time"};
// What a customer has besides the key.
constexpr std::string_view kCustomerTargets[] = {"name",    "language", "time_zone", "segment",
                                                 "account", "org_unit", "value",     "phone",
                                                 "sms",     "email",    "messenger"};
constexpr std::string_view kBehaviourTargets[] = {
    "source_system", "external_id", "customer.external_id", "customer.source_system", "kind",
    "occur_time",    "amount"};
constexpr std::string_view kItems = "items.";
constexpr std::string_view kAttributes = "attributes.";

const TextTarget* FindTextTarget(std::string_view name) {
  const auto* end = std::end(kTextTargets);
  const auto* it = std::find_if(std::begin(kTextTargets), end,
                                [name](const TextTarget& target) { return target.name == name; });
  return it == end ? nullptr : it;
}

bool HasKey(std::string_view target, std::string_view prefix) {
  return target.starts_with(prefix) && target.size() > prefix.size();
}

template <size_t kCount>
bool IsOneOf(std::string_view name, const std::string_view (&names)[kCount]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool IsTarget(std::string_view name, MappingOf of) {
  if (of == MappingOf::kCustomers) {
    return name == "source_system" || name == "external_id" || IsOneOf(name, kCustomerTargets);
  }
  if (of == MappingOf::kBehaviours) return IsOneOf(name, kBehaviourTargets);
  if (of == MappingOf::kComplaints) {
    return IsOneOf(name, kSharedTargets) || IsOneOf(name, kDetailTargets) ||
           IsOneOf(name, kTimeTargets);
  }
  return name == "score" || name == "occur_time" || HasKey(name, kItems) ||
         HasKey(name, kAttributes) || FindTextTarget(name) != nullptr;
}

std::vector<std::string> TargetNames(MappingOf of) {
  if (of == MappingOf::kCustomers) {
    std::vector<std::string> all = {"source_system", "external_id"};
    all.insert(all.end(), std::begin(kCustomerTargets), std::end(kCustomerTargets));
    return all;
  }
  if (of == MappingOf::kBehaviours) {
    return {std::begin(kBehaviourTargets), std::end(kBehaviourTargets)};
  }
  if (of == MappingOf::kComplaints) {
    std::vector<std::string> all(std::begin(kSharedTargets), std::end(kSharedTargets));
    all.insert(all.end(), std::begin(kDetailTargets), std::end(kDetailTargets));
    all.insert(all.end(), std::begin(kTimeTargets), std::end(kTimeTargets));
    return all;
  }
  std::vector<std::string> names = {"score", "occur_time", "attributes"};
  for (const TextTarget& target : kTextTargets) names.emplace_back(target.name);
  return names;
}

std::string Quoted(std::string_view text) {
  if (text.empty()) return "an empty value";
  return "\"" + Excerpt(text, kExcerptCodePoints) + "\"";
}

std::string Suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string nearest = DidYouMean(word, candidates);
  return nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?";
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool IsDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Takes the pieces of a time off the front of a text.
class TimeScanner {
 public:
  explicit TimeScanner(std::string_view text) : text_(text) {}

  bool Take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }

  // A number of `least` to `most` digits.
  bool Take(size_t least, size_t most, int* number) {
    size_t length = 0;
    *number = 0;
    while (length < most && length < text_.size() && text_[length] >= '0' && text_[length] <= '9') {
      *number = *number * 10 + (text_[length] - '0');
      ++length;
    }
    text_.remove_prefix(length);
    return length >= least;
  }

  // The digits after a decimal point, cut to milliseconds.
  bool TakeMilliseconds(int* millis) {
    size_t length = 0;
    *millis = 0;
    for (; length < text_.size() && text_[length] >= '0' && text_[length] <= '9'; ++length) {
      if (length < 3) *millis = *millis * 10 + (text_[length] - '0');
    }
    for (size_t i = length; i < 3; ++i) *millis *= 10;
    text_.remove_prefix(length);
    return length > 0;
  }

  bool done() const { return text_.empty(); }

 private:
  std::string_view text_;
};

struct WrittenTime {
  date::local_time<std::chrono::milliseconds> local{};
  bool is_date = false;
  std::optional<std::chrono::minutes> offset{};
};

bool TakeOffset(TimeScanner* scan, std::optional<std::chrono::minutes>* offset) {
  if (scan->Take('Z') || scan->Take('z')) {
    *offset = std::chrono::minutes(0);
    return true;
  }
  const bool minus = scan->Take('-');
  if (!minus && !scan->Take('+')) return true;
  int hours = 0;
  int minutes = 0;
  if (!scan->Take(2, 2, &hours) || !scan->Take(':') || !scan->Take(2, 2, &minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  *offset = std::chrono::minutes((minus ? -1 : 1) * (hours * 60 + minutes));
  return true;
}

std::optional<WrittenTime> ScanTime(std::string_view text) {
  TimeScanner scan(text);
  WrittenTime time;
  int year = 0;
  int month = 0;
  int day = 0;
  if (!scan.Take(4, 4, &year)) return std::nullopt;
  const char separator = scan.Take('/') ? '/' : '-';
  if (separator == '-' && !scan.Take('-')) return std::nullopt;
  if (!scan.Take(1, 2, &month) || !scan.Take(separator) || !scan.Take(1, 2, &day)) {
    return std::nullopt;
  }
  const date::year_month_day ymd{date::year(year), date::month(static_cast<unsigned>(month)),
                                 date::day(static_cast<unsigned>(day))};
  if (!ymd.ok()) return std::nullopt;
  time.local = date::local_days(ymd);
  time.is_date = scan.done();
  if (time.is_date) return time;

  if (!scan.Take('T') && !scan.Take('t') && !scan.Take(' ')) return std::nullopt;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int millisecond = 0;
  if (!scan.Take(1, 2, &hour) || !scan.Take(':') || !scan.Take(2, 2, &minute)) return std::nullopt;
  if (scan.Take(':')) {
    if (!scan.Take(2, 2, &second)) return std::nullopt;
    if (scan.Take('.') && !scan.TakeMilliseconds(&millisecond)) return std::nullopt;
  }
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  if (!TakeOffset(&scan, &time.offset) || !scan.done()) return std::nullopt;
  time.local += std::chrono::hours(hour) + std::chrono::minutes(minute) +
                std::chrono::seconds(second) + std::chrono::milliseconds(millisecond);
  return time;
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates) {
  const auto lower = [](std::string_view text) {
    std::string out(text);
    for (char& c : out) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
  };
  std::string nearest;
  const size_t most = word.size() < 2   ? 0
                      : word.size() < 4 ? 1
                                        : std::max<size_t>(2, word.size() / 3);
  size_t best = most + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(lower(word), lower(candidate));
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::optional<int64_t> ParseInteger(std::string_view text, std::string* reason) {
  const std::string_view digits = Trim(text);
  int64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  if (error == std::errc{} && stop == end) return number;
  *reason = "expected an integer, got " + Quoted(digits);
  if (error == std::errc::result_out_of_range && stop == end) *reason += ", which is too large";
  return std::nullopt;
}

bool IsKnownZone(const std::string& zone) {
  try {
    date::locate_zone(zone);
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

std::optional<int64_t> ParseTime(std::string_view text, const std::string& zone,
                                 std::string* reason) {
  const std::string_view trimmed = Trim(text);
  const std::optional<WrittenTime> time = ScanTime(trimmed);
  if (!time) {
    *reason = "expected a time such as 2017-05-13, 2017-05-13 10:00 or 2017-05-13T10:00:00Z, got " +
              Quoted(trimmed);
    return std::nullopt;
  }
  if (time->offset) return (time->local.time_since_epoch() - *time->offset).count();
  if (zone.empty()) {
    *reason =
        "expected a time with a UTC offset, or a `zone` in the mapping, got " + Quoted(trimmed);
    return std::nullopt;
  }
  const date::time_zone* const located = date::locate_zone(zone);
  const date::local_info found = located->get_info(time->local);
  if (found.result == date::local_info::nonexistent && !time->is_date) {
    *reason = "expected a time that exists in " + zone + ", got " + Quoted(trimmed) +
              ", which the clock change skips";
    return std::nullopt;
  }
  return located->to_sys(time->local, date::choose::earliest).time_since_epoch().count();
}

std::string FormatTimeUtc(int64_t ms) {
  const date::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(ms)};
  if (ms % 1000 != 0) return date::format("%FT%TZ", time);
  return date::format("%FT%TZ", date::floor<std::chrono::seconds>(time));
}

// ---- Parsing

class MappingParser {
 public:
  MappingParser(std::string_view name, std::vector<std::string>* errors, MappingOf of)
      : name_(name), errors_(errors), of_(of) {}

  std::optional<Mapping> Parse(std::string_view yaml) {
    const size_t errors_before = errors_->size();
    mapping_.name_ = name_;
    try {
      ReadRoot(YAML::Load(std::string(yaml)));
    } catch (const YAML::Exception& error) {
      Fault(error.mark, error.msg);
    }
    if (errors_->size() > errors_before) return std::nullopt;
    return std::move(mapping_);
  }

 private:
  void Fault(const YAML::Mark& mark, const std::string& message) {
    errors_->push_back(name_ + ":" + std::to_string(mark.line + 1) + ":" +
                       std::to_string(mark.column + 1) + ": " + message);
  }

  // Calls `each(key, key_node, value_node)`; reports what is no map, keys that are no scalars, and
  // keys that stand twice, which yaml-cpp lets pass.
  template <typename Each>
  void ForEach(const YAML::Node& node, const std::string& what, Each each) {
    if (!node.IsMap()) {
      Fault(node.Mark(), "expected " + what + " to be a map of keys and values");
      return;
    }
    std::set<std::string> seen;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar() && !entry.first.IsNull()) {
        Fault(entry.first.Mark(), "expected a plain key in " + what);
        continue;
      }
      const std::string key = entry.first.IsNull() ? "" : entry.first.Scalar();
      if (!seen.insert(key).second) {
        Fault(entry.first.Mark(), "expected each key once, but \"" + key + "\" stands twice");
        continue;
      }
      each(key, entry.first, entry.second);
    }
  }

  std::string ReadText(const YAML::Node& node, const std::string& what) {
    if (node.IsScalar()) return node.Scalar();
    if (!node.IsNull()) Fault(node.Mark(), "expected " + what + " to be a single value");
    return "";
  }

  std::string ReadNonEmpty(const YAML::Node& node, const std::string& what) {
    const size_t before = errors_->size();
    std::string text = ReadText(node, what);
    if (text.empty() && errors_->size() == before) {
      Fault(node.Mark(), "expected " + what + " to have a value");
    }
    return text;
  }

  std::string ReadZone(const YAML::Node& node) {
    std::string zone = ReadNonEmpty(node, "zone");
    if (!zone.empty() && !IsKnownZone(zone)) {
      Fault(node.Mark(),
            "expected an IANA time zone such as America/Los_Angeles, got \"" + zone + "\"");
      zone.clear();
    }
    return zone;
  }

  void ReadRoot(const YAML::Node& root) {
    if (!root.IsMap()) {
      Fault(YAML::Mark(), "expected a mapping with the keys version and fields");
      return;
    }
    bool has_version = false;
    YAML::Node fields(YAML::NodeType::Undefined);
    ForEach(root, "the mapping",
            [&](const std::string& key, const YAML::Node& at, const YAML::Node& value) {
              if (key == "version") {
                has_version = true;
                if (ReadText(value, "version") != "1") {
                  Fault(value.Mark(), "expected version 1, the only one there is");
                }
              } else if (key == "zone") {
                zone_ = ReadZone(value);
              } else if (key == "source_system") {
                mapping_.source_system_ = ReadNonEmpty(value, "source_system");
              } else if (key == "fields") {
                fields.reset(value);
              } else {
                UnknownKey(key, at, {"version", "zone", "source_system", "fields"});
              }
            });
    if (!has_version) Fault(root.Mark(), "expected \"version: 1\", but it is missing");
    if (!fields.IsDefined()) {
      Fault(root.Mark(), "expected \"fields\", but it is missing");
      return;
    }
    const size_t errors_before = errors_->size();
    ForEach(fields, "fields",
            [&](const std::string& key, const YAML::Node& at, const YAML::Node& value) {
              ReadTarget(key, at, value);
            });
    // A faulty field may be the score, misspelt.
    const std::string needed = of_ == MappingOf::kComplaints   ? "open_time"
                               : of_ == MappingOf::kCustomers  ? "external_id"
                               : of_ == MappingOf::kBehaviours ? "kind"
                                                               : "score";
    if (errors_->size() == errors_before && !mapping_.Maps(needed)) {
      Fault(fields.Mark(), "expected a field \"" + needed + "\", but it is missing");
    }
  }

  void UnknownKey(const std::string& key, const YAML::Node& at,
                  const std::vector<std::string>& known) {
    Fault(at.Mark(), "unknown key \"" + key + "\"" + Suggestion(key, known));
  }

  void ReadTarget(const std::string& key, const YAML::Node& at, const YAML::Node& value) {
    if (key == "attributes" && of_ == MappingOf::kResponses) {
      mapping_.rest_ = value.IsScalar() && value.Scalar() == "rest";
      if (!mapping_.rest_) {
        Fault(value.Mark(), "expected \"attributes: rest\", or fields named attributes.KEY");
      }
      return;
    }
    if (!IsTarget(key, of_)) {
      UnknownKey(key, at, TargetNames(of_));
      return;
    }
    const size_t errors_before = errors_->size();
    Mapping::Field field;
    field.target = key;
    field.required = key == "score" || key == "open_time" ||
                     (key == "external_id" && of_ == MappingOf::kCustomers) ||
                     (of_ == MappingOf::kBehaviours &&
                      (key == "kind" || key == "external_id" || key == "customer.external_id"));
    field.zone = zone_;
    if (key == "occur_time" || IsOneOf(key, kTimeTargets)) field.type = Mapping::Type::kTime;
    if (key == "score" || HasKey(key, kItems)) field.type = Mapping::Type::kInteger;
    if (value.IsMap()) {
      ReadField(value, &field);
    } else {
      field.pieces.push_back(Column(ReadNonEmpty(value, key), value));
    }
    if (errors_->size() == errors_before) mapping_.fields_.push_back(std::move(field));
  }

  static Mapping::Piece Column(std::string name, const YAML::Node& at) {
    return {.text = std::move(name),
            .is_column = true,
            .mark = {at.Mark().line + 1, at.Mark().column + 1}};
  }

  void ReadField(const YAML::Node& node, Mapping::Field* field) {
    int sources = 0;
    ForEach(node, field->target,
            [&](const std::string& key, const YAML::Node& at, const YAML::Node& value) {
              if (key == "from") {
                ++sources;
                field->pieces.push_back(Column(ReadNonEmpty(value, "from"), value));
              } else if (key == "const") {
                ++sources;
                field->constant = ReadNonEmpty(value, "const");
              } else if (key == "template") {
                ++sources;
                field->pieces = ReadTemplate(value);
              } else if (key == "map") {
                ReadMap(value, field);
              } else if (key == "default") {
                field->fallback = ReadText(value, "default");
              } else if (key == "type") {
                ReadType(value, field);
              } else if (key == "required" || key == "trim") {
                const std::string text = ReadText(value, key);
                (key == "trim" ? field->trim : field->required) = text == "true";
                if (text != "true" && text != "false") {
                  Fault(value.Mark(), "expected " + key + " to be true or false");
                }
              } else if (key == "zone") {
                field->zone = ReadZone(value);
              } else {
                UnknownKey(key, at,
                           {"from", "const", "template", "map", "default", "type", "required",
                            "trim", "zone"});
              }
            });
    if (sources != 1) {
      Fault(node.Mark(), "expected " + field->target +
                             " to have exactly one of from, const, template, but it has " +
                             std::to_string(sources));
    }
  }

  void ReadMap(const YAML::Node& node, Mapping::Field* field) {
    field->map.emplace();
    ForEach(node, "map", [&](const std::string& code, const YAML::Node&, const YAML::Node& value) {
      field->map->emplace(code, ReadText(value, "the value of code \"" + code + "\""));
    });
  }

  void ReadType(const YAML::Node& node, Mapping::Field* field) {
    const std::string name = ReadText(node, "type");
    Mapping::Type type = Mapping::Type::kString;
    if (name == "integer") {
      type = Mapping::Type::kInteger;
    } else if (name == "time") {
      type = Mapping::Type::kTime;
    } else if (name != "string") {
      Fault(node.Mark(), "expected type integer, string or time, got \"" + name + "\"" +
                             Suggestion(name, {"integer", "string", "time"}));
      return;
    }
    if (field->type != Mapping::Type::kString && field->type != type) {
      Fault(node.Mark(), "expected no other type, because " + field->target + " is always " +
                             (field->type == Mapping::Type::kTime ? "a time" : "an integer"));
      return;
    }
    field->type = type;
  }

  std::vector<Mapping::Piece> ReadTemplate(const YAML::Node& node) {
    const std::string text = ReadNonEmpty(node, "template");
    std::vector<Mapping::Piece> pieces;
    std::string literal;
    for (size_t at = 0; at < text.size(); ++at) {
      const char c = text[at];
      if ((c == '{' || c == '}') && at + 1 < text.size() && text[at + 1] == c) {
        literal += c;
        ++at;
        continue;
      }
      if (c == '}') {
        Fault(node.Mark(), "expected an opening brace before }; write }} for a brace itself");
        return {};
      }
      if (c != '{') {
        literal += c;
        continue;
      }
      const size_t end = text.find('}', at);
      if (end == std::string::npos || end == at + 1) {
        Fault(node.Mark(), "expected {COLUMN} or {COLUMN:0N}; write {{ for a brace itself");
        return {};
      }
      if (!literal.empty()) pieces.push_back({.text = std::move(literal)});
      literal.clear();
      pieces.push_back(ReadPlaceholder(text.substr(at + 1, end - at - 1), node));
      at = end;
    }
    if (!literal.empty()) pieces.push_back({.text = std::move(literal)});
    return pieces;
  }

  // A colon belongs to the column's name unless 0 and a width of at most two digits follow it.
  static Mapping::Piece ReadPlaceholder(const std::string& text, const YAML::Node& node) {
    const size_t colon = text.rfind(':');
    if (colon != std::string::npos && colon > 0) {
      const std::string_view width = std::string_view(text).substr(colon + 1);
      if (IsDigits(width) && width.front() == '0' && width.size() >= 2 && width.size() <= 3) {
        Mapping::Piece piece = Column(text.substr(0, colon), node);
        std::from_chars(width.data(), width.data() + width.size(), piece.pad);
        return piece;
      }
    }
    return Column(text, node);
  }

  std::string name_;
  std::vector<std::string>* errors_;
  MappingOf of_;
  std::string zone_;
  Mapping mapping_;
};

std::optional<Mapping> Mapping::Parse(std::string_view yaml, std::string_view name,
                                      std::vector<std::string>* errors, MappingOf of) {
  return MappingParser(name, errors, of).Parse(yaml);
}

bool Mapping::Maps(std::string_view target) const {
  return std::any_of(fields_.begin(), fields_.end(),
                     [target](const Field& field) { return field.target == target; });
}

std::vector<std::string> Mapping::ColumnsOf(std::string_view target) const {
  std::vector<std::string> columns;
  for (const Field& field : fields_) {
    if (field.target != target) continue;
    for (const Piece& piece : field.pieces) {
      if (piece.is_column &&
          std::find(columns.begin(), columns.end(), piece.text) == columns.end()) {
        columns.push_back(piece.text);
      }
    }
  }
  if (columns.empty() && HasKey(target, kAttributes)) {
    for (const auto& [name, index] : rest_columns_) {
      if (name == target.substr(kAttributes.size())) columns.push_back(name);
    }
  }
  return columns;
}

std::optional<std::string> Mapping::ConstantOf(std::string_view target) const {
  for (const Field& field : fields_) {
    if (field.target == target) return field.constant;
  }
  return target == "source_system" ? source_system_ : std::nullopt;
}

bool Mapping::Bind(const std::vector<std::string>& header, std::vector<std::string>* errors) {
  const size_t errors_before = errors->size();
  std::set<std::string> used;
  for (Field& field : fields_) {
    for (Piece& piece : field.pieces) {
      if (!piece.is_column) continue;
      const auto it = std::find(header.begin(), header.end(), piece.text);
      const std::string where =
          name_ + ":" + std::to_string(piece.mark.line) + ":" + std::to_string(piece.mark.column);
      if (it == header.end()) {
        errors->push_back(where + ": the file has no column \"" + piece.text + "\"" +
                          Suggestion(piece.text, header));
      } else if (std::find(it + 1, header.end(), piece.text) != header.end()) {
        errors->push_back(where + ": the file has more than one column \"" + piece.text + "\"");
      }
      piece.index = static_cast<size_t>(it - header.begin());
      used.insert(piece.text);
    }
  }
  rest_columns_.clear();
  for (size_t i = 0; rest_ && i < header.size(); ++i) {
    if (header[i].empty() || used.contains(header[i])) continue;
    if (header[i].starts_with("rebound.")) continue;  // why failed.csv lists the row
    rest_columns_.emplace_back(header[i], i);
    used.insert(header[i]);
  }
  return errors->size() == errors_before;
}

// ---- Rows

// What a field is on one row: `text` (missing if empty), or the reason it cannot be had.
struct Mapping::Value {
  std::string text{};
  std::string column{};  // the first column it was made of
  std::string cell{};    // what that column held
  std::string reason{};  // not empty: refused
};

Mapping::Value Mapping::Evaluate(const Field& field, const CsvRow& row) const {
  Value value;
  if (field.constant) {
    value.text = *field.constant;
    return value;
  }
  for (const Piece& piece : field.pieces) {
    if (!piece.is_column) {
      value.text += piece.text;
      continue;
    }
    const std::string_view trimmed = Trim(row.fields[piece.index]);
    const std::string_view cell =
        field.trim || trimmed.empty() ? trimmed : std::string_view(row.fields[piece.index]);
    if (value.column.empty()) {
      value.column = piece.text;
      value.cell = cell;
    }
    if (cell.empty()) {
      value.column = piece.text;
      value.cell.clear();
      value.text.clear();
      break;
    }
    if (piece.pad > 0 && !IsDigits(cell)) {
      value.column = piece.text;
      value.cell = cell;
      value.reason = "expected digits to pad with zeros, got " + Quoted(cell);
      return value;
    }
    if (cell.size() < piece.pad) value.text.append(piece.pad - cell.size(), '0');
    value.text += cell;
  }
  if (field.map) {
    const auto it = field.map->find(value.text);
    if (it != field.map->end()) {
      value.text = it->second;
      return value;
    }
    if (!value.text.empty() && !field.fallback) {
      value.reason = "expected a code that the mapping knows, got " + Quoted(value.text);
      return value;
    }
    value.text.clear();
  }
  if (value.text.empty() && field.fallback) value.text = *field.fallback;
  return value;
}

void Mapping::Store(const Field& field, const CsvRow& row, MappedRow* mapped) const {
  Value value = Evaluate(field, row);
  std::optional<int64_t> number;
  if (value.reason.empty() && value.text.empty()) {
    if (!field.required) return;
    // For the blank behind a code, the cell says more than the nothing it was mapped to.
    value.reason = field.type == Type::kInteger ? "expected an integer, got "
                   : field.type == Type::kTime  ? "expected a time, got "
                                                : "expected a value, got ";
    value.reason += Quoted(value.cell);
    if (!value.cell.empty()) value.reason += ", which the mapping calls blank";
  } else if (value.reason.empty() && field.type == Type::kInteger) {
    number = ParseInteger(value.text, &value.reason);
  } else if (value.reason.empty() && field.type == Type::kTime) {
    number = ParseTime(value.text, field.zone, &value.reason);
  }
  if (!value.reason.empty()) {
    mapped->errors.push_back({row.row, row.line, value.column, field.target + ": " + value.reason,
                              Excerpt(value.cell, kExcerptCodePoints)});
    return;
  }
  if (field.target == "score") {
    mapped->score = number;
  } else if (field.target == "occur_time") {
    mapped->occur_time_ms = number;
  } else if (IsOneOf(field.target, kTimeTargets)) {
    mapped->times_ms[field.target] = *number;
  } else if (HasKey(field.target, kItems)) {
    mapped->items[field.target.substr(kItems.size())] = *number;
  } else {
    if (field.type == Type::kInteger) value.text = std::to_string(*number);
    if (field.type == Type::kTime) value.text = FormatTimeUtc(*number);
    if (HasKey(field.target, kAttributes)) {
      mapped->attributes[field.target.substr(kAttributes.size())] = std::move(value.text);
    } else if (FindTextTarget(field.target) == nullptr) {
      mapped->details[field.target] = std::move(value.text);
    } else {
      mapped->*(FindTextTarget(field.target)->field) = std::move(value.text);
    }
  }
}

MappedRow Mapping::Map(const CsvRow& row) const {
  MappedRow mapped;
  mapped.row = row.row;
  mapped.line = row.line;
  mapped.errors = row.errors;
  if (!mapped.errors.empty()) return mapped;
  mapped.source_system = source_system_;
  for (const Field& field : fields_) Store(field, row, &mapped);
  for (const auto& [name, index] : rest_columns_) {
    const std::string_view cell = Trim(row.fields[index]);
    if (!cell.empty()) mapped.attributes.emplace(name, cell);
  }
  if (!mapped.customer_source_system && mapped.customer_external_id) {
    mapped.customer_source_system = mapped.source_system;
  }
  return mapped;
}

}  // namespace rebound::cli
