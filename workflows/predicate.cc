#include "workflows/predicate.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <optional>

#include "workflows/check.h"
#include "workflows/ids.h"

namespace rebound {
namespace {

constexpr Timestamp kFirstTime = std::chrono::sys_days{std::chrono::year{0} / 1 / 1};
constexpr Timestamp kLastTime =
    std::chrono::sys_days{std::chrono::year{10000} / 1 / 1} - std::chrono::milliseconds{1};

constexpr std::array<std::string_view, 2> kTruth = {"true", "false"};

// At most 60 code points and no control characters, so that a message neither repeats a whole
// request nor disturbs a terminal or a log.
std::string Quotable(std::string_view text) {
  std::string quotable;
  size_t points = 0;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) != 0x80U && ++points > 60) return quotable + "...";
    if (byte < 0x20 || byte == 0x7F) {
      quotable += "\uFFFD";
    } else {
      quotable += c;
    }
  }
  return quotable;
}

bool HasForbiddenControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0x7F || (byte < 0x20 && c != '\t' && c != '\n' && c != '\r');
  });
}

std::string Expectation(FieldType type) {
  switch (type) {
    case FieldType::kBool: return "true or false, without quotes";
    case FieldType::kInt: return "an integer of at most 64 bits, without quotes";
    case FieldType::kText:
    case FieldType::kProse:
    case FieldType::kTexts: return "text without control characters";
    case FieldType::kPath: return "a path such as channel/hotline, without control characters";
    case FieldType::kEnum: return "one of its values";
    case FieldType::kTime:
      return "an RFC 3339 time to the millisecond, such as 2026-01-31T08:00:00Z, or a date";
    case FieldType::kId: return "an id of 26 lower-case characters";
  }
  CHECK(false);
  return {};
}

// Takes `count` digits off the front; nullopt when there are fewer.
std::optional<int> TakeDigits(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  int number = 0;
  for (size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return number;
}

bool Take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// ".5", ".123", ".123000"; nothing is 0. Finer than a millisecond is refused: rounding it would
// change which rows `<` and `<=` match.
std::optional<int> TakeFraction(std::string_view& text) {
  if (!Take(text, ".")) return 0;
  int ms = 0;
  size_t digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; ++digits) {
    if (digits < 3) {
      ms = ms * 10 + (text.front() - '0');
    } else if (text.front() != '0') {
      return std::nullopt;
    }
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 3; ++digits) ms *= 10;
  return ms;
}

std::optional<std::chrono::minutes> TakeOffset(std::string_view& text) {
  if (Take(text, "Zz")) return std::chrono::minutes{0};
  const bool west = !text.empty() && text.front() == '-';
  if (!Take(text, "+-")) return std::nullopt;
  const auto hours = TakeDigits(text, 2);
  if (!hours || *hours > 23 || !Take(text, ":")) return std::nullopt;
  const auto beyond = TakeDigits(text, 2);  // the hours, in minutes
  if (!beyond || *beyond > 59) return std::nullopt;
  const std::chrono::minutes offset{*hours * 60 + *beyond};
  return west ? -offset : offset;
}

std::optional<Timestamp> ParseTime(std::string_view text) {
  const auto year = TakeDigits(text, 4);
  if (!year || !Take(text, "-")) return std::nullopt;
  const auto month = TakeDigits(text, 2);
  if (!month || !Take(text, "-")) return std::nullopt;
  const auto day = TakeDigits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  Timestamp time = std::chrono::sys_days{date};
  if (text.empty()) return time;

  if (!Take(text, "Tt ")) return std::nullopt;
  const auto hour = TakeDigits(text, 2);
  if (!hour || *hour > 23 || !Take(text, ":")) return std::nullopt;
  const auto minute = TakeDigits(text, 2);
  if (!minute || *minute > 59 || !Take(text, ":")) return std::nullopt;
  const auto second = TakeDigits(text, 2);
  if (!second || *second > 59) return std::nullopt;
  const auto ms = TakeFraction(text);
  const auto offset = ms ? TakeOffset(text) : std::nullopt;
  if (!offset || !text.empty()) return std::nullopt;
  time += std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
          std::chrono::seconds{*second} + std::chrono::milliseconds{*ms} - *offset;
  if (time < kFirstTime || time > kLastTime) return std::nullopt;
  return time;
}

// What a message quotes of a value that did not come from text.
std::string Show(const Value& value) {
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* time = std::get_if<Timestamp>(&value)) {
    return std::to_string(ToMillis(*time)) + " ms";
  }
  return "nothing";
}

std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    switch (c) {
      case '"': quoted += "\\\""; break;
      case '\\': quoted += "\\\\"; break;
      case '\n': quoted += "\\n"; break;
      case '\r': quoted += "\\r"; break;
      case '\t': quoted += "\\t"; break;
      default: quoted += c;
    }
  }
  return quoted + '"';
}

bool IsQuoted(FieldType type) {
  return type == FieldType::kText || type == FieldType::kProse || type == FieldType::kTexts ||
         type == FieldType::kPath;
}

std::string CanonicalComparison(const Comparison& comparison) {
  const Field& field = Describe(comparison.field);
  std::string text(field.name);
  if (comparison.op == Op::kHas || comparison.op == Op::kIsSet) {
    text += Symbol(comparison.op);
  } else {
    ((text += ' ') += Symbol(comparison.op)) += ' ';
  }
  if (comparison.op == Op::kIsSet) return text;
  const std::string literal = LiteralText(field, comparison.value);
  return text + (IsQuoted(field.type) ? Quote(literal) : literal);
}

// What stands around a piece of text, and so whether it needs parentheses.
enum class Around { kNothing, kAnd, kOr, kNot };

void AppendCanonical(const Predicate& predicate, Around around, std::string& text) {
  // Through groups of one, which say no more than their child.
  const auto is_group_of_one = [](const Predicate& p) {
    return p.children.size() == 1 &&
           (p.kind == Predicate::Kind::kAll || p.kind == Predicate::Kind::kAny);
  };
  const Predicate* shown = &predicate;
  while (is_group_of_one(*shown)) shown = &shown->children.front();

  const auto append_list = [&](std::string_view word, Around list) {
    const bool is_flat = around == Around::kNothing || around == list;
    if (!is_flat) text += '(';
    for (size_t i = 0; i < shown->children.size(); ++i) {
      if (i > 0) text += word;
      AppendCanonical(shown->children[i], list, text);
    }
    if (!is_flat) text += ')';
  };
  switch (shown->kind) {
    case Predicate::Kind::kAll: append_list(" AND ", Around::kAnd); return;
    case Predicate::Kind::kAny: append_list(" OR ", Around::kOr); return;
    case Predicate::Kind::kNone:
      if (around == Around::kNot) text += '(';
      text += "NOT ";
      AppendCanonical(Any(shown->children), Around::kNot, text);
      if (around == Around::kNot) text += ')';
      return;
    case Predicate::Kind::kComparison: text += CanonicalComparison(shown->comparison); return;
  }
  CHECK(false);
}

Result<void> CheckTree(const Predicate& predicate, Use use, int depth, int& comparisons) {
  switch (predicate.kind) {
    case Predicate::Kind::kAll:
    case Predicate::Kind::kAny:
    case Predicate::Kind::kNone:
      if (depth >= kMaxPredicateDepth) {
        return PredicateError("too_deep", "a deeper group",
                              "at most " + std::to_string(kMaxPredicateDepth) + " levels");
      }
      if (predicate.children.empty() && (depth > 0 || predicate.kind != Predicate::Kind::kAll)) {
        return PredicateError("empty_group", "nothing", "at least one condition");
      }
      for (const Predicate& child : predicate.children) {
        if (auto checked = CheckTree(child, use, depth + 1, comparisons); !checked) return checked;
      }
      return {};
    case Predicate::Kind::kComparison: {
      const Comparison& comparison = predicate.comparison;
      const Field& field = Describe(comparison.field);
      if (++comparisons > MaxComparisons(use)) {
        return PredicateError("too_many", field.name,
                              "at most " + std::to_string(MaxComparisons(use)) + " comparisons");
      }
      if (auto checked = CheckField(field.name, use); !checked) return checked;
      if (auto checked = CheckOp(field, comparison.op); !checked) return checked;
      return CheckValue(field, comparison.op, comparison.value);
    }
  }
  CHECK(false);
  return {};
}

template <typename T>
bool Ordered(Op op, const T& actual, const T& literal) {
  switch (op) {
    case Op::kEqual: return actual == literal;
    case Op::kNotEqual: return actual != literal;
    case Op::kLess: return actual < literal;
    case Op::kLessOrEqual: return actual <= literal;
    case Op::kGreater: return actual > literal;
    case Op::kGreaterOrEqual: return actual >= literal;
    case Op::kHas:
    case Op::kIsSet: break;
  }
  CHECK(false);
  return false;
}

bool IsAtOrBelow(std::string_view path, std::string_view root) {
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

char Folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Looks for the last byte of `words` first: in UTF-8 it tells characters apart, where the first one
// is shared by whole scripts.
bool Contains(std::string_view folded, std::string_view words) {
  const size_t before = words.size() - 1;
  const char last = Folded(words.back());
  for (size_t at = before; at < folded.size(); ++at) {
    at = folded.find(last, at);
    if (at == std::string_view::npos) return false;
    const std::string_view here = folded.substr(at - before, before);
    if (std::equal(here.begin(), here.end(), words.begin(),
                   [](char text, char word) { return text == Folded(word); })) {
      return true;
    }
  }
  return false;
}

bool MatchesText(const Comparison& comparison, std::string_view actual) {
  const auto& literal = std::get<std::string>(comparison.value);
  if (comparison.op == Op::kEqual) return actual == literal;
  if (comparison.op == Op::kNotEqual) return actual != literal;
  CHECK(comparison.op == Op::kHas);
  return Describe(comparison.field).type == FieldType::kPath ? IsAtOrBelow(actual, literal)
                                                             : Contains(actual, literal);
}

}  // namespace

std::string_view Symbol(Op op) {
  switch (op) {
    case Op::kEqual: return "=";
    case Op::kNotEqual: return "!=";
    case Op::kLess: return "<";
    case Op::kLessOrEqual: return "<=";
    case Op::kGreater: return ">";
    case Op::kGreaterOrEqual: return ">=";
    case Op::kHas: return ":";
    case Op::kIsSet: return ":*";
  }
  CHECK(false);
  return {};
}

bool Accepts(FieldType type, Op op) {
  switch (op) {
    case Op::kEqual:
    case Op::kNotEqual: return type != FieldType::kProse && type != FieldType::kTexts;
    case Op::kLess:
    case Op::kLessOrEqual:
    case Op::kGreater:
    case Op::kGreaterOrEqual: return type == FieldType::kInt || type == FieldType::kTime;
    case Op::kHas:
      return type == FieldType::kPath || type == FieldType::kProse || type == FieldType::kTexts;
    case Op::kIsSet: return true;
  }
  CHECK(false);
  return false;
}

Predicate All(std::vector<Predicate> children) {
  return {.kind = Predicate::Kind::kAll, .children = std::move(children)};
}

Predicate Any(std::vector<Predicate> children) {
  return {.kind = Predicate::Kind::kAny, .children = std::move(children)};
}

Predicate None(std::vector<Predicate> children) {
  return {.kind = Predicate::Kind::kNone, .children = std::move(children)};
}

Predicate Compare(FieldId field, Op op, Value value) {
  return {.kind = Predicate::Kind::kComparison,
          .comparison = {.field = field, .op = op, .value = std::move(value)}};
}

int MaxComparisons(Use use) { return IsRule(use) ? 256 : 64; }

std::string Folded(std::string_view prose) {
  std::string folded(prose);
  for (char& c : folded) c = Folded(c);
  return folded;
}

bool Matches(const Comparison& comparison, const FieldValue& actual) {
  if (std::holds_alternative<std::monostate>(actual)) return false;
  if (comparison.op == Op::kIsSet) return true;
  const Value& literal = comparison.value;
  if (const auto* text = std::get_if<std::string_view>(&actual)) {
    return MatchesText(comparison, *text);
  }
  if (const auto* number = std::get_if<int64_t>(&actual)) {
    return Ordered(comparison.op, *number, std::get<int64_t>(literal));
  }
  if (const auto* truth = std::get_if<bool>(&actual)) {
    return Ordered(comparison.op, *truth, std::get<bool>(literal));
  }
  if (const auto* time = std::get_if<Timestamp>(&actual)) {
    return Ordered(comparison.op, *time, std::get<Timestamp>(literal));
  }
  if (const auto* text = std::get_if<ShortText>(&actual)) {
    return MatchesText(comparison, text->view());
  }
  CHECK(comparison.op == Op::kHas);
  const auto& texts = std::get<std::span<const std::string>>(actual);
  return std::find(texts.begin(), texts.end(), std::get<std::string>(literal)) != texts.end();
}

Error PredicateError(std::string_view problem, std::string_view found, std::string_view expected,
                     std::string_view suggestion) {
  Error error{.reason = Reason::kFilterInvalid,
              .metadata = {{"problem", std::string(problem)},
                           {"found", Quotable(found)},
                           {"expected", std::string(expected)}}};
  if (!suggestion.empty()) error.metadata.emplace("suggestion", suggestion);
  return error;
}

Result<void> CheckField(std::string_view name, Use use) {
  const Field* field = FindField(name);
  if (field != nullptr && UsableIn(*field, use)) return {};
  const std::vector<std::string_view> names = FieldNames(use);
  const std::string expected = "one of the fields " + JoinWithOr(names);
  if (field != nullptr && field->is_protected) {
    return PredicateError("protected_field", name, expected);
  }
  if (field != nullptr) return PredicateError("field_not_allowed", name, expected);
  std::string_view suggestion = Nearest(name, names);
  // "customer.segment": there is no traversal, but the last part may be a field.
  if (const size_t dot = name.rfind('.'); suggestion.empty() && dot != std::string_view::npos) {
    suggestion = Nearest(name.substr(dot + 1), names);
  }
  return PredicateError("unknown_field", name, expected, suggestion);
}

Result<void> CheckOp(const Field& field, Op op) {
  if (Accepts(field.type, op)) return {};
  std::vector<std::string_view> symbols;
  for (int i = 0; i < kOpCount; ++i) {
    if (Accepts(field.type, static_cast<Op>(i))) symbols.push_back(Symbol(static_cast<Op>(i)));
  }
  return PredicateError("operator_not_allowed", Symbol(op),
                        JoinWithOr(symbols) + " after " + std::string(field.name),
                        op == Op::kHas     ? "="
                        : op == Op::kEqual ? ":"
                                           : "");
}

Result<void> CheckValue(const Field& field, Op op, const Value& value) {
  if (op == Op::kIsSet) {
    if (std::holds_alternative<std::monostate>(value)) return {};
    return PredicateError("value_invalid", Show(value), "no value after :*");
  }
  bool fits = false;
  switch (field.type) {
    case FieldType::kBool: fits = std::holds_alternative<bool>(value); break;
    case FieldType::kInt: fits = std::holds_alternative<int64_t>(value); break;
    case FieldType::kTime: {
      const auto* time = std::get_if<Timestamp>(&value);
      fits = time != nullptr && *time >= kFirstTime && *time <= kLastTime;
      break;
    }
    case FieldType::kText:
    case FieldType::kProse:
    case FieldType::kTexts:
    case FieldType::kPath:
    case FieldType::kEnum:
    case FieldType::kId:
      if (const auto* text = std::get_if<std::string>(&value)) {
        if (auto parsed = ParseLiteral(field, *text, true); !parsed) return parsed.error();
        fits = true;
      }
      break;
  }
  if (!fits) return PredicateError("value_invalid", Show(value), Expectation(field.type));
  if (op != Op::kHas) return {};
  const auto& text = std::get<std::string>(value);
  if (field.type != FieldType::kPath) {
    if (!text.empty()) return {};
    return PredicateError("value_invalid", text, "a text of at least one character");
  }
  if (text.empty() || text.front() == '/' || text.back() == '/') {
    return PredicateError("value_invalid", text, "a path that neither begins nor ends with /");
  }
  return {};
}

Result<void> Check(const Predicate& predicate, Use use) {
  int comparisons = 0;
  return CheckTree(predicate, use, 0, comparisons);
}

Result<Value> ParseLiteral(const Field& field, std::string_view text, bool quoted) {
  std::string_view suggestion;
  std::string expected = Expectation(field.type);
  switch (field.type) {
    case FieldType::kBool:
      if (!quoted && text == "true") return Value{true};
      if (!quoted && text == "false") return Value{false};
      suggestion = Nearest(text, kTruth);
      break;
    case FieldType::kInt: {
      int64_t number = 0;
      const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
      const bool whole = code == std::errc{} && end == text.data() + text.size();
      if (whole && !quoted) return Value{number};
      if (whole) suggestion = text;
      break;
    }
    case FieldType::kText:
    case FieldType::kProse:
    case FieldType::kTexts:
    case FieldType::kPath:
      if (!HasForbiddenControl(text)) return Value{std::string(text)};
      break;
    case FieldType::kEnum:
      for (std::string_view candidate : field.enum_values) {
        if (candidate == text) return Value{std::string(text)};
      }
      expected = JoinWithOr(field.enum_values);
      suggestion = Nearest(text, field.enum_values);
      break;
    case FieldType::kTime:
      if (const auto time = ParseTime(text)) return Value{*time};
      break;
    case FieldType::kId:
      if (DecodeId(text)) return Value{std::string(text)};
      break;
  }
  return PredicateError("value_invalid", text, expected, suggestion);
}

std::string LiteralText(const Field& field, const Value& value) {
  switch (field.type) {
    case FieldType::kBool: return std::get<bool>(value) ? "true" : "false";
    case FieldType::kInt: return std::to_string(std::get<int64_t>(value));
    case FieldType::kText:
    case FieldType::kProse:
    case FieldType::kTexts:
    case FieldType::kPath:
    case FieldType::kEnum:
    case FieldType::kId: return std::get<std::string>(value);
    case FieldType::kTime: return FormatTime(std::get<Timestamp>(value));
  }
  CHECK(false);
  return {};
}

std::string FormatTime(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  const int year = static_cast<int>(date.year());
  CHECK(year >= 0 && year <= 9999);
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", year,
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  std::string formatted = text.data();
  if (const auto ms = static_cast<int>(clock.subseconds().count()); ms != 0) {
    std::snprintf(text.data(), text.size(), ".%03d", ms);
    formatted += text.data();
  }
  return formatted + 'Z';
}

std::string Canonical(const Predicate& predicate) {
  std::string text;
  AppendCanonical(predicate, Around::kNothing, text);
  return text;
}

}  // namespace rebound
