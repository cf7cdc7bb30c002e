// How the tree surfaces write predicates: the words of their operators, from one table.
//
//   all:                                   {"all": [
//     - score: {at_most: 6}                  {"field": "score", "operator": "at_most", "value": 6},
//     - any:                                 {"any": [
//         - reason: {contains: "aircon"}       {"field": "reason", ...}]}]}
//
// The YAML reader and the JSON reader both call FromWord, both printers walk ToTree: they cannot
// drift apart. Plain values and pure functions; thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/field_catalogue.h"
#include "workflows/predicate.h"
#include "workflows/result.h"

namespace rebound {

enum class Arity {
  kOne,    // a value of the field's type
  kList,   // a list of at least one
  kTruth,  // true or false, whatever the field's type
};

// `is_not` and `none_of` say nothing about what is not set, as '!=': both are false then. A `none`
// group around `is` and `one_of` is true of it.
struct OperatorWord {
  std::string_view name;
  Op op;  // of its comparison, or of each of them
  Arity arity;
  Predicate::Kind join;  // kList: how the comparisons are joined
  unsigned types;        // bit 1 << FieldType for each type that it goes with
  std::string_view label_en;
  std::string_view label_zh;
};

std::span<const OperatorWord> OperatorWords();
// nullptr when there is none of exactly this name.
const OperatorWord* FindWord(std::string_view name);
bool Accepts(FieldType type, const OperatorWord& word);
// The names of the words that `type` takes, in table order.
std::vector<std::string_view> WordsFor(FieldType type);

// A value as it was written.
struct Literal {
  std::string_view text;
  bool quoted = false;  // see ParseLiteral; JSON: a string
};

// `field: {word: literals}`. `is_list`: they were written as a list, be it of one or none.
// Refuses with a PredicateError, whose "problem" may also be unknown_operator, list_expected or
// list_not_allowed. When one of the literals is at fault, the metadata has its "index", from 0;
// without it the word is.
// Whether the field may stand here is for the caller: CheckField before, Check after all.
Result<Predicate> FromWord(const Field& field, std::string_view word,
                           std::span<const Literal> literals, bool is_list);

// "all", "any", "none": the keys of groups. REQUIRES: not kComparison.
std::string_view GroupWord(Predicate::Kind kind);

// Conditions side by side, as the keys of one block: all of them have to hold.
Predicate Joined(std::vector<Predicate> conditions);

// A predicate as the tree surfaces write it. Lists on one field are one condition with one_of,
// none_of or contains_any. Read back it is an equal predicate.
struct TreeNode {
  Predicate::Kind kind = Predicate::Kind::kAll;
  std::vector<TreeNode> children{};  // of kAll, kAny, kNone
  // Of kComparison:
  const Field* field = nullptr;
  const OperatorWord* word = nullptr;
  std::vector<std::string> literals{};  // several only with Arity::kList
  bool bare = false;                    // numbers and truth values: in JSON without quotes
};
// REQUIRES: Check passed.
TreeNode ToTree(const Predicate& predicate);

// The YAML block, lines after the first indented by `indent` blanks, without a break at the end:
//   score: {at_most: 6}
// "{}" for one that matches everything. REQUIRES: Check passed.
std::string YamlTree(const Predicate& predicate, int indent = 0);

}  // namespace rebound
