// The one predicate tree: playbook conditions and list filters are both this value.
//
// Plain values and pure functions; thread-safe. filter.h reads the text form.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "workflows/check.h"
#include "workflows/field_catalogue.h"
#include "workflows/result.h"
#include "workflows/time.h"

namespace rebound {

// A literal. monostate: none, as kIsSet has it. kEnum, kText, kProse, kTexts, kPath and kId are
// strings (an id in its 26-character form).
using Value = std::variant<std::monostate, bool, int64_t, std::string, Timestamp>;

// A text of at most 31 bytes that no record holds: a case number, an id in characters.
class ShortText {
 public:
  explicit ShortText(std::string_view text) : size_(static_cast<uint8_t>(text.size())) {
    CHECK(text.size() <= bytes_.size());
    std::copy(text.begin(), text.end(), bytes_.begin());
  }
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, 31> bytes_{};
  uint8_t size_;
};

// What a field holds, read without copying: texts are views into the record, which must outlive it.
// monostate: not set. A field of type kProse is read as Folded gives it; kTexts is never empty.
using FieldValue = std::variant<std::monostate, bool, int64_t, std::string_view, Timestamp,
                                ShortText, std::span<const std::string>>;

// What prose is searched in: ASCII letters in lower case, all else as it is.
std::string Folded(std::string_view prose);

enum class Op {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kHas,    // ':' on a path: the path itself or anything below it, by whole segments; on prose:
           // contains, ASCII case aside; on several texts: one of them is equal
  kIsSet,  // ':*': there is a value, whichever. No literal.
};
inline constexpr int kOpCount = 8;

// "=", "!=", "<", "<=", ">", ">=", ":", ":*".
std::string_view Symbol(Op op);
// Which operators a type takes: ordering for kInt and kTime; ':' for kPath, kProse and kTexts, of
// which the last two take neither '=' nor '!='; ':*' for all.
bool Accepts(FieldType type, Op op);

struct Comparison {
  FieldId field = FieldId::kNumber;
  Op op = Op::kEqual;
  Value value{};

  friend bool operator==(const Comparison&, const Comparison&) = default;
};

// A default Predicate is an empty kAll: it matches everything. Check lets no other group be empty,
// for `any:` with nothing below it is a slip, not a rule.
struct Predicate {
  enum class Kind {
    kAll,         // every one of `children` holds
    kComparison,  // `comparison`
    kAny,         // at least one of `children` holds; an empty one matches nothing
    kNone,        // not one of `children` holds: NOT (a OR b)
  };
  Kind kind = Kind::kAll;
  std::vector<Predicate> children{};
  Comparison comparison{};

  friend bool operator==(const Predicate&, const Predicate&) = default;
};

Predicate All(std::vector<Predicate> children);
Predicate Any(std::vector<Predicate> children);
Predicate None(std::vector<Predicate> children);
Predicate Compare(FieldId field, Op op, Value value);

// How many groups may stand inside one another, the outermost included.
inline constexpr int kMaxPredicateDepth = 64;
// How many comparisons: a filter is tried on every row of a list by whoever may call, a rule once
// for a case, and word lists (`contains_any`) run long.
int MaxComparisons(Use use);  // 256 in rules, 64 in filters

// False when `actual` is not set, whatever the operator, '!=' included (AIP-160).
// REQUIRES: Check passed for the comparison, and `actual` has the type of its field.
bool Matches(const Comparison& comparison, const FieldValue& actual);

// Whether `predicate` holds for the thing whose fields `read(FieldId)` returns as FieldValue.
// Comparisons answer true or false, never "unknown", and kNone negates that answer: with no owner
// both `owner = "wei"` and `owner != "wei"` are false, and `NOT owner = "wei"` is true.
// `read` returns monostate for what is absent: an empty optional text, an unowned case's owner.
template <typename Reader>
bool Evaluate(const Predicate& predicate, const Reader& read) {
  const auto compare = [&read](const Predicate& p) {
    return Matches(p.comparison, read(p.comparison.field));
  };
  if (predicate.kind == Predicate::Kind::kComparison) return compare(predicate);
  // kAll looks for a child that does not hold; kAny and kNone for one that does.
  const bool sought = predicate.kind != Predicate::Kind::kAll;
  for (const Predicate& child : predicate.children) {
    const bool holds =
        child.kind == Predicate::Kind::kComparison ? compare(child) : Evaluate(child, read);
    if (holds == sought) return predicate.kind == Predicate::Kind::kAny;
  }
  return predicate.kind != Predicate::Kind::kAny;
}

// A refused predicate: kFilterInvalid with metadata
//   "problem"     unknown_field, protected_field, field_not_allowed, operator_not_allowed,
//                 value_invalid, empty_group, too_deep or too_many
//   "found"       the word or value at fault, cut to 60 code points, controls as U+FFFD
//   "expected"    what would be accepted there
//   "suggestion"  the most likely replacement of "found"; absent when there is none.
// filter.h adds the place, and problems of syntax.
Error PredicateError(std::string_view problem, std::string_view found, std::string_view expected,
                     std::string_view suggestion = "");

// May this field, operator or value stand here? If not, a PredicateError.
Result<void> CheckField(std::string_view name, Use use);
Result<void> CheckOp(const Field& field, Op op);
Result<void> CheckValue(const Field& field, Op op, const Value& value);
// All of these for the whole tree, and the limits above; the first problem in reading order.
Result<void> Check(const Predicate& predicate, Use use);

// Reads a literal for `field`, or gives a PredicateError ("value_invalid"):
//   kBool true, false; kInt decimal digits with an optional '-', 64 bits; kEnum one of its values;
//   kTime RFC 3339 to the millisecond, or a date alone, which is its midnight in UTC; kId 26
//   characters; all texts and kPath anything in UTF-8 without control characters other than \t \n
//   \r.
// `quoted`: it stood in quotes; then it is not a number or truth value.
Result<Value> ParseLiteral(const Field& field, std::string_view text, bool quoted);

// The reverse: what ParseLiteral reads the same value from, without quotes.
// REQUIRES: CheckValue passed for a comparison with a literal.
std::string LiteralText(const Field& field, const Value& value);

// "2026-01-31T08:00:00Z", with ".123" only when the milliseconds are not 0.
// REQUIRES: the year is 0 to 9999.
std::string FormatTime(Timestamp time);

// The AIP-160 filter string: `category = detractor AND (touchpoint:"channel" OR score <= 3)`; ""
// for one that matches everything. Groups are joined flat where that changes nothing. Texts and
// paths are always quoted, all else is bare; times are in UTC. Parsing it gives a predicate with
// the same canonical form. REQUIRES: Check passed.
std::string Canonical(const Predicate& predicate);

}  // namespace rebound
