#include "workflows/predicate_words.h"

#include <algorithm>
#include <utility>

#include "workflows/check.h"

namespace rebound {
namespace {

using Kind = Predicate::Kind;

template <typename... Types>
constexpr unsigned TypeBits(Types... types) {
  return ((1U << static_cast<unsigned>(types)) | ...);
}
constexpr unsigned kOrdered = TypeBits(FieldType::kInt, FieldType::kTime);
constexpr unsigned kListed = TypeBits(FieldType::kInt, FieldType::kText, FieldType::kPath,
                                      FieldType::kEnum, FieldType::kTime, FieldType::kId);
constexpr unsigned kCompared = kListed | TypeBits(FieldType::kBool);
constexpr unsigned kSearched = TypeBits(FieldType::kProse, FieldType::kTexts);

constexpr OperatorWord kWords[] = {
    {"is", Op::kEqual, Arity::kOne, Kind::kAll, kCompared, "is", "是"},
    {"is_not", Op::kNotEqual, Arity::kOne, Kind::kAll, kCompared, "is not", "不是"},
    {"at_least", Op::kGreaterOrEqual, Arity::kOne, Kind::kAll, kOrdered, "is at least", "不低于"},
    {"at_most", Op::kLessOrEqual, Arity::kOne, Kind::kAll, kOrdered, "is at most", "不高于"},
    {"above", Op::kGreater, Arity::kOne, Kind::kAll, kOrdered, "is above", "高于"},
    {"below", Op::kLess, Arity::kOne, Kind::kAll, kOrdered, "is below", "低于"},
    {"one_of", Op::kEqual, Arity::kList, Kind::kAny, kListed, "is one of", "是其中之一"},
    {"none_of", Op::kNotEqual, Arity::kList, Kind::kAll, kListed, "is none of", "不是其中任何一个"},
    {"within", Op::kHas, Arity::kOne, Kind::kAll, TypeBits(FieldType::kPath), "is this or below it",
     "是它或在它之下"},
    {"contains", Op::kHas, Arity::kOne, Kind::kAll, kSearched, "contains", "包含"},
    {"contains_any", Op::kHas, Arity::kList, Kind::kAny, kSearched, "contains any of",
     "包含其中任何一个"},
    {"is_set", Op::kIsSet, Arity::kTruth, Kind::kAll, kCompared | kSearched, "has a value", "有值"},
};

// What the JSON and YAML literals of a truth value are read as.
constexpr Field kTruthField = {.id = FieldId::kHistory,
                               .name = "is_set",
                               .type = FieldType::kBool,
                               .unit = "",
                               .enum_values = {},
                               .label_en = "",
                               .label_zh = "",
                               .is_protected = false,
                               .uses = 0};

Error UnknownWord(const Field& field, std::string_view word,
                  const std::vector<std::string_view>& words) {
  std::string_view suggestion = Nearest(word, words);
  for (const OperatorWord& known : kWords) {
    const bool is_symbol = known.arity == Arity::kOne && Symbol(known.op) == word;
    if (is_symbol && Accepts(field.type, known)) suggestion = known.name;
  }
  return PredicateError("unknown_operator", word, JoinWithOr(words), suggestion);
}

Error At(size_t index, Error error) {
  error.metadata.emplace("index", std::to_string(index));
  return error;
}

Result<Predicate> ReadComparison(const Field& field, Op op, const Literal& literal) {
  auto value = ParseLiteral(field, literal.text, literal.quoted);
  if (!value) return value.error();
  if (auto checked = CheckValue(field, op, *value); !checked) return checked.error();
  return Compare(field.id, op, *std::move(value));
}

// The word that stands for the whole group; nullptr when it is not all of one field and operator.
const OperatorWord* ListWord(const Predicate& group) {
  if (group.children.size() < 2 || group.children.front().kind != Kind::kComparison) return nullptr;
  const Comparison& first = group.children.front().comparison;
  const bool is_uniform =
      std::all_of(group.children.begin(), group.children.end(), [&](const Predicate& child) {
        return child.kind == Kind::kComparison && child.comparison.field == first.field &&
               child.comparison.op == first.op;
      });
  if (!is_uniform) return nullptr;
  for (const OperatorWord& word : kWords) {
    if (word.arity == Arity::kList && word.op == first.op && word.join == group.kind &&
        Accepts(Describe(first.field).type, word)) {
      return &word;
    }
  }
  return nullptr;
}

bool IsPresence(const Predicate& predicate) {
  return predicate.kind == Kind::kComparison && predicate.comparison.op == Op::kIsSet;
}

TreeNode PresenceNode(const Predicate& presence, bool is_set) {
  return {.kind = Kind::kComparison,
          .field = &Describe(presence.comparison.field),
          .word = FindWord("is_set"),
          .literals = {is_set ? "true" : "false"},
          .bare = true};
}

TreeNode ConditionNode(const OperatorWord& word, std::span<const Predicate> comparisons) {
  const Field& field = Describe(comparisons.front().comparison.field);
  TreeNode node{.kind = Kind::kComparison,
                .field = &field,
                .word = &word,
                .bare = field.type == FieldType::kBool || field.type == FieldType::kInt};
  for (const Predicate& comparison : comparisons) {
    node.literals.push_back(LiteralText(field, comparison.comparison.value));
  }
  return node;
}

const OperatorWord& OneWord(const Comparison& comparison) {
  for (const OperatorWord& word : kWords) {
    if (word.arity == Arity::kOne && word.op == comparison.op &&
        Accepts(Describe(comparison.field).type, word)) {
      return word;
    }
  }
  CHECK(false);
  return kWords[0];
}

void AppendYamlScalar(const TreeNode& node, const std::string& literal, std::string& yaml) {
  // Values of enums and ids look like nothing else; the reader takes their type from the field.
  if (node.bare || node.field->type == FieldType::kEnum || node.field->type == FieldType::kId) {
    yaml += literal;
    return;
  }
  yaml += '"';
  for (char c : literal) {
    switch (c) {
      case '"': yaml += "\\\""; break;
      case '\\': yaml += "\\\\"; break;
      case '\n': yaml += "\\n"; break;
      case '\r': yaml += "\\r"; break;
      case '\t': yaml += "\\t"; break;
      default: yaml += c;
    }
  }
  yaml += '"';
}

void AppendYaml(const TreeNode& node, size_t indent, std::string& yaml) {
  if (node.kind == Kind::kComparison) {
    ((yaml += node.field->name) += ": {") += node.word->name;
    yaml += node.word->arity == Arity::kList ? ": [" : ": ";
    for (size_t i = 0; i < node.literals.size(); ++i) {
      if (i > 0) yaml += ", ";
      AppendYamlScalar(node, node.literals[i], yaml);
    }
    yaml += node.word->arity == Arity::kList ? "]}" : "}";
    return;
  }
  if (node.children.empty()) {
    yaml += "{}";
    return;
  }
  (yaml += GroupWord(node.kind)) += ':';
  for (const TreeNode& child : node.children) {
    ((yaml += '\n') += std::string(indent + 2, ' ')) += "- ";
    AppendYaml(child, indent + 4, yaml);
  }
}

}  // namespace

std::span<const OperatorWord> OperatorWords() { return kWords; }

const OperatorWord* FindWord(std::string_view name) {
  for (const OperatorWord& word : kWords) {
    if (word.name == name) return &word;
  }
  return nullptr;
}

bool Accepts(FieldType type, const OperatorWord& word) {
  return (word.types & TypeBits(type)) != 0;
}

std::vector<std::string_view> WordsFor(FieldType type) {
  std::vector<std::string_view> names;
  for (const OperatorWord& word : kWords) {
    if (Accepts(type, word)) names.push_back(word.name);
  }
  return names;
}

Result<Predicate> FromWord(const Field& field, std::string_view word,
                           std::span<const Literal> literals, bool is_list) {
  const OperatorWord* found = FindWord(word);
  const std::vector<std::string_view> words = WordsFor(field.type);
  if (found == nullptr) return UnknownWord(field, word, words);
  if (!Accepts(field.type, *found)) {
    return PredicateError("operator_not_allowed", word,
                          JoinWithOr(words) + " for " + std::string(field.name));
  }
  if (found->arity == Arity::kList) {
    if (!is_list) return PredicateError("list_expected", "one value", "a list of values");
    if (literals.empty()) return PredicateError("empty_group", "nothing", "at least one value");
  } else if (is_list || literals.size() != 1) {
    const std::string_view alternative =
        found->op == Op::kEqual                                                   ? "one_of"
        : found->op == Op::kNotEqual                                              ? "none_of"
        : Accepts(field.type, *FindWord("contains_any")) && found->op == Op::kHas ? "contains_any"
                                                                                  : "";
    return PredicateError("list_not_allowed", "a list", "one value", alternative);
  }

  if (found->arity == Arity::kTruth) {
    auto truth = ParseLiteral(kTruthField, literals[0].text, literals[0].quoted);
    if (!truth) return At(0, truth.error());
    Predicate presence = Compare(field.id, found->op, {});
    return std::get<bool>(*truth) ? presence : None({presence});
  }
  std::vector<Predicate> comparisons;
  for (size_t i = 0; i < literals.size(); ++i) {
    auto comparison = ReadComparison(field, found->op, literals[i]);
    if (!comparison) return At(i, comparison.error());
    comparisons.push_back(*std::move(comparison));
  }
  if (comparisons.size() == 1) return std::move(comparisons.front());
  return found->join == Kind::kAny ? Any(std::move(comparisons)) : All(std::move(comparisons));
}

std::string_view GroupWord(Kind kind) {
  switch (kind) {
    case Kind::kAll: return "all";
    case Kind::kAny: return "any";
    case Kind::kNone: return "none";
    case Kind::kComparison: break;
  }
  CHECK(false);
  return {};
}

Predicate Joined(std::vector<Predicate> conditions) {
  return conditions.size() == 1 ? std::move(conditions.front()) : All(std::move(conditions));
}

TreeNode ToTree(const Predicate& predicate) {
  if (IsPresence(predicate)) return PresenceNode(predicate, true);
  if (predicate.kind == Kind::kComparison) {
    return ConditionNode(OneWord(predicate.comparison), {&predicate, 1});
  }
  if (predicate.kind == Kind::kNone && predicate.children.size() == 1 &&
      IsPresence(predicate.children[0])) {
    return PresenceNode(predicate.children[0], false);
  }
  if (const OperatorWord* word = ListWord(predicate)) {
    return ConditionNode(*word, predicate.children);
  }
  TreeNode node{.kind = predicate.kind};
  for (const Predicate& child : predicate.children) node.children.push_back(ToTree(child));
  return node;
}

std::string YamlTree(const Predicate& predicate, int indent) {
  std::string yaml;
  AppendYaml(ToTree(predicate), static_cast<size_t>(indent), yaml);
  return yaml;
}

}  // namespace rebound
