#include "workflows/filter.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rebound {
namespace {

constexpr std::string_view kEndOfFilter = "the end of the filter";

// What a Chinese keyboard types in place of syntax. Left in a bare word it would silently become
// part of the value.
struct Lookalike {
  std::string_view typed;
  std::string_view meant;
};
constexpr std::array<Lookalike, 14> kLookalikes = {{
    {"＝", "="},
    {"＜", "<"},
    {"＞", ">"},
    {"≤", "<="},
    {"≥", ">="},
    {"≠", "!="},
    {"！", "!"},
    {"：", ":"},
    {"（", "("},
    {"）", ")"},
    {"“", "\""},
    {"”", "\""},
    {"‘", "'"},
    {"’", "'"},
}};

size_t CodePoints(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

// Length in bytes of the well-formed code point at the front (RFC 3629: no overlong forms, no
// surrogates, at most U+10FFFF); 0 when it is malformed or `text` is empty.
size_t CodePointLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return 0;
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F) ||
      (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) {
    return 0;
  }
  return length;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

// How many groups stand within one another, as Check counts them.
int GroupDepth(const Predicate& predicate) {
  if (predicate.kind == Predicate::Kind::kComparison) return 0;
  int deepest = 0;
  for (const Predicate& child : predicate.children) deepest = std::max(deepest, GroupDepth(child));
  return deepest + 1;
}

// Recursive descent; the first fault is kept in `error_` and every function then returns nothing.
class Parser {
 public:
  Parser(std::string_view text, Use use) : text_(text), use_(use) {}

  Result<Predicate> Parse() {
    if (!CheckText()) return *std::move(error_);
    SkipBlanks();
    if (AtEnd()) return Predicate{};
    auto predicate = ParseExpression(0);
    if (!predicate) return *std::move(error_);
    if (GroupDepth(*predicate) > kMaxPredicateDepth) {
      pos_ = innermost_;
      Fail("too_deep", "(",
           "at most " + std::to_string(kMaxPredicateDepth) + " groups within each other");
      return *std::move(error_);
    }
    return *std::move(predicate);
  }

 private:
  bool CheckText() {
    const size_t most = IsRule(use_) ? kMaxRuleBytes : kMaxFilterBytes;
    if (text_.size() > most) {
      pos_ = most;
      return Fail("too_long", std::to_string(text_.size()) + " bytes",
                  "at most " + std::to_string(most) + " bytes");
    }
    for (size_t at = 0; at < text_.size();) {
      const size_t length = CodePointLength(text_.substr(at));
      if (length == 0) {
        pos_ = at;
        return Fail("invalid_utf8", "a malformed byte", "UTF-8");
      }
      at += length;
    }
    return true;
  }

  // Up to the end or the ")" that the caller opened.
  std::optional<Predicate> ParseExpression(int depth) {
    std::vector<Predicate> children;
    while (true) {
      auto child = ParseAlternatives(depth);
      if (!child) return std::nullopt;
      Join(Predicate::Kind::kAll, *std::move(child), children);
      if (AtEnd() || (depth > 0 && text_[pos_] == ')')) break;
      if (!ParseAnd(depth)) return std::nullopt;
      SkipBlanks();
    }
    return children.size() == 1 ? std::move(children.front()) : All(std::move(children));
  }

  std::optional<Predicate> ParseAlternatives(int depth) {
    std::vector<Predicate> children;
    while (true) {
      auto child = ParseTerm(depth);
      if (!child) return std::nullopt;
      Join(Predicate::Kind::kAny, *std::move(child), children);
      SkipBlanks();
      if (PeekWord(true) != "OR") break;
      pos_ += 2;
      SkipBlanks();
    }
    return children.size() == 1 ? std::move(children.front()) : Any(std::move(children));
  }

  // A group of the same kind adds nothing to the one that it stands in.
  static void Join(Predicate::Kind kind, Predicate child, std::vector<Predicate>& children) {
    if (child.kind != kind) {
      children.push_back(std::move(child));
      return;
    }
    std::move(child.children.begin(), child.children.end(), std::back_inserter(children));
  }

  std::optional<Predicate> ParseTerm(int depth) {
    const bool is_minus = !AtEnd() && text_[pos_] == '-';
    const bool is_negated = is_minus || PeekWord(true) == "NOT";
    if (!is_negated) return ParseSimple(depth);
    pos_ += is_minus ? 1 : 3;
    SkipBlanks();
    auto negated = ParseSimple(depth);
    if (!negated) return std::nullopt;
    std::vector<Predicate> children;
    Join(Predicate::Kind::kAny, *std::move(negated), children);
    return None(std::move(children));
  }

  std::optional<Predicate> ParseSimple(int depth) {
    if (AtEnd() || text_[pos_] != '(') return ParseComparison();
    if (depth == kMaxPredicateDepth) {
      Fail("too_deep", "(",
           "at most " + std::to_string(kMaxPredicateDepth) + " levels of parentheses");
      return std::nullopt;
    }
    if (depth + 1 > most_parentheses_) {
      most_parentheses_ = depth + 1;
      innermost_ = pos_;
    }
    ++pos_;
    SkipBlanks();
    auto inner = ParseExpression(depth + 1);
    if (!inner) return std::nullopt;
    if (AtEnd()) {
      Fail("syntax", kEndOfFilter, "AND, OR or )");
      return std::nullopt;
    }
    ++pos_;
    return inner;
  }

  bool ParseAnd(int depth) {
    const std::string expected = depth > 0 ? "AND, OR or )" : "AND, OR or the end of the filter";
    const std::string_view word = PeekWord(true);
    if (word == "AND") {
      pos_ += word.size();
      return true;
    }
    const std::string lower = LowerCase(word);
    if (lower == "and") return Fail("syntax", word, expected, "AND");
    if (lower == "or") return Fail("syntax", word, expected, "OR");
    return FailHere(expected);
  }

  std::optional<Predicate> ParseComparison() {
    auto comparison = ReadComparison();
    if (comparison) ++comparisons_;
    return comparison;
  }

  std::optional<Predicate> ReadComparison() {
    const Field* field = ParseField();
    if (field == nullptr) return std::nullopt;
    SkipBlanks();
    const auto op = ParseOp(*field);
    if (!op) return std::nullopt;
    if (*op == Op::kIsSet) return Compare(field->id, *op, {});
    SkipBlanks();
    auto value = ParseValue(*field, *op);
    if (!value) return std::nullopt;
    return Compare(field->id, *op, *std::move(value));
  }

  const Field* ParseField() {
    const std::string_view name = PeekWord(true);
    const std::string lower = LowerCase(name);
    if (name.empty()) {
      FailHere("a field");
    } else if (lower == "and" || lower == "or") {
      Fail("syntax", name, "a field");
    } else if (lower == "not") {
      Fail("syntax", name, "a field", name == "NOT" ? "" : "NOT");
    } else if (comparisons_ == MaxComparisons(use_)) {
      Fail("too_many", name, "at most " + std::to_string(MaxComparisons(use_)) + " comparisons");
    } else if (auto checked = CheckField(name, use_); !checked) {
      Fail(checked.error());
    } else {
      pos_ += name.size();
      return FindField(name);
    }
    return nullptr;
  }

  std::optional<Op> ParseOp(const Field& field) {
    const std::string expected = "an operator after " + std::string(field.name);
    // Longer symbols first, so that "<=" is not read as "<".
    constexpr std::array<Op, kOpCount - 1> kOrder = {
        Op::kLessOrEqual, Op::kGreaterOrEqual, Op::kNotEqual, Op::kEqual,
        Op::kLess,        Op::kGreater,        Op::kHas};
    const std::string_view rest = text_.substr(pos_);
    for (const auto& [typed, meant] : {Lookalike{"==", "="}, Lookalike{"<>", "!="}}) {
      if (rest.starts_with(typed)) {
        Fail("syntax", typed, expected, meant);
        return std::nullopt;
      }
    }
    if (rest.starts_with(':')) {
      ++pos_;
      SkipBlanks();
      if (!AtEnd() && text_[pos_] == '*') {
        ++pos_;
        return Op::kIsSet;
      }
      pos_ = text_.size() - rest.size();
    }
    for (Op op : kOrder) {
      if (!rest.starts_with(Symbol(op))) continue;
      if (auto checked = CheckOp(field, op); !checked) {
        Fail(checked.error());
        return std::nullopt;
      }
      pos_ += Symbol(op).size();
      return op;
    }
    FailHere(expected);
    return std::nullopt;
  }

  std::optional<Value> ParseValue(const Field& field, Op op) {
    const size_t start = pos_;
    std::string literal;
    const bool quoted = !AtEnd() && (text_[pos_] == '"' || text_[pos_] == '\'');
    if (quoted) {
      if (!ParseQuoted(literal)) return std::nullopt;
    } else {
      literal = PeekWord(false);
      pos_ += literal.size();
      if (literal.empty()) {
        FailHere("a value for " + std::string(field.name));
        return std::nullopt;
      }
    }
    const size_t end = std::exchange(pos_, start);  // for the column, should the value not do
    auto value = ParseLiteral(field, literal, quoted);
    auto checked = value ? CheckValue(field, op, *value) : value.error();
    if (!checked) {
      Fail(checked.error());
      return std::nullopt;
    }
    pos_ = end;
    return *std::move(value);
  }

  bool ParseQuoted(std::string& literal) {
    const char quote = text_[pos_++];
    while (!AtEnd() && text_[pos_] != quote) {
      if (text_[pos_] != '\\') {
        literal += text_[pos_++];
        continue;
      }
      constexpr std::string_view kEscapes = "\"'\\nrt";
      constexpr std::string_view kMeanings = "\"'\\\n\r\t";
      const size_t which =
          pos_ + 1 < text_.size() ? kEscapes.find(text_[pos_ + 1]) : std::string_view::npos;
      if (which == std::string_view::npos) {
        const size_t length = CodePointLength(text_.substr(pos_ + 1));
        return Fail("syntax", text_.substr(pos_, 1 + length), R"(one of \" \' \\ \n \r \t)",
                    R"(\\)");
      }
      literal += kMeanings[which];
      pos_ += 2;
    }
    if (AtEnd()) return Fail("syntax", kEndOfFilter, std::string("a closing ") + quote);
    ++pos_;
    return true;
  }

  // The bare word at the cursor, perhaps empty. ':' ends a field's name, but is part of a time.
  std::string_view PeekWord(bool is_name) const {
    size_t end = pos_;
    while (end < text_.size()) {
      const std::string_view rest = text_.substr(end);
      if (static_cast<unsigned char>(rest.front()) <= 0x20 || rest.front() == 0x7F) break;
      if (std::string_view("()\"'=<>!,*").find(rest.front()) != std::string_view::npos) break;
      if (is_name && rest.front() == ':') break;
      if (rest.starts_with("\u3000") || FindLookalike(rest) != nullptr) break;
      end += CodePointLength(rest);
    }
    return text_.substr(pos_, end - pos_);
  }

  static const Lookalike* FindLookalike(std::string_view rest) {
    for (const Lookalike& lookalike : kLookalikes) {
      if (rest.starts_with(lookalike.typed)) return &lookalike;
    }
    return nullptr;
  }

  void SkipBlanks() {
    constexpr std::string_view kIdeographicSpace = "\u3000";
    while (!AtEnd()) {
      if (std::string_view(" \t\r\n").find(text_[pos_]) != std::string_view::npos) {
        ++pos_;
      } else if (text_.substr(pos_).starts_with(kIdeographicSpace)) {
        pos_ += kIdeographicSpace.size();
      } else {
        return;
      }
    }
  }

  bool AtEnd() const { return pos_ == text_.size(); }

  // What stands at the cursor is not what the grammar wants there.
  bool FailHere(std::string_view expected) {
    if (AtEnd()) return Fail("syntax", kEndOfFilter, expected);
    const std::string_view rest = text_.substr(pos_);
    if (const Lookalike* lookalike = FindLookalike(rest)) {
      return Fail("syntax", lookalike->typed, expected, lookalike->meant);
    }
    if (rest.front() == '*' || rest.front() == ',') {
      return Fail("unsupported", rest.substr(0, 1), expected);
    }
    const auto byte = static_cast<unsigned char>(rest.front());
    if (byte < 0x20 || byte == 0x7F) return Fail("syntax", "a control character", expected);
    const std::string_view word = PeekWord(true);
    return Fail("syntax", word.empty() ? rest.substr(0, 1) : word, expected);
  }

  bool Fail(std::string_view problem, std::string_view found, std::string_view expected,
            std::string_view suggestion = "") {
    return Fail(PredicateError(problem, found, expected, suggestion));
  }

  bool Fail(Error problem) {
    problem.metadata.emplace("column", std::to_string(CodePoints(text_.substr(0, pos_)) + 1));
    error_ = FieldError("filter", Reason::kFilterInvalid, std::move(problem.metadata));
    return false;
  }

  std::string_view text_;
  Use use_;
  size_t pos_ = 0;
  int comparisons_ = 0;
  int most_parentheses_ = 0;
  size_t innermost_ = 0;  // where the first "(" of that depth stands
  std::optional<Error> error_{};
};

}  // namespace

Result<Predicate> ParseFilter(std::string_view text, Use use) { return Parser(text, use).Parse(); }

}  // namespace rebound
