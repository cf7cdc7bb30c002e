#include "server/config/predicate_json.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workflows/predicate_words.h"

namespace rebound {
namespace {

// Guards the stack. Two for each group, its object and its list, and two for a condition with a
// list of values; two more, so that the reader is the one to say which group is too deep.
constexpr size_t kMaxNesting = 2 * size_t{kMaxPredicateDepth} + 4;

constexpr std::array<std::string_view, 3> kGroupKeys = {"all", "any", "none"};
constexpr std::array<std::string_view, 3> kConditionKeys = {"field", "operator", "value"};
constexpr std::array<std::string_view, 6> kKeys = {"all",   "any",      "none",
                                                   "field", "operator", "value"};

// A document as it is written: repeated keys and the spelling of numbers are kept.
struct Node {
  enum class Type { kNull, kTruth, kNumber, kString, kList, kObject };
  Type type = Type::kNull;
  std::string text{};                                   // of a scalar
  std::vector<std::pair<std::string, Node>> members{};  // of a list with empty keys
};

std::string_view Name(Node::Type type) {
  switch (type) {
    case Node::Type::kNull: return "null";
    case Node::Type::kTruth: return "a truth value";
    case Node::Type::kNumber: return "a number";
    case Node::Type::kString: return "a string";
    case Node::Type::kList: return "a list";
    case Node::Type::kObject: return "an object";
  }
  return "";
}

std::string Pointer(const std::string& path, std::string_view key) {
  std::string pointer = path + '/';
  for (char c : key) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

Error AtPath(const std::string& path, Error error) {
  error.metadata.insert_or_assign("path", path);
  return error;
}

// Takes the parser's events; nlohmann's own tree would keep only the last of repeated keys.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(std::string_view text) : text_(text) {}

  const std::optional<Error>& error() const { return error_; }
  Node Take() { return std::move(root_); }

  bool null() override { return Scalar(Node::Type::kNull, "null"); }
  bool boolean(bool truth) override { return Scalar(Node::Type::kTruth, truth ? "true" : "false"); }
  bool number_integer(int64_t number) override {
    return Scalar(Node::Type::kNumber, std::to_string(number));
  }
  bool number_unsigned(uint64_t number) override {
    return Scalar(Node::Type::kNumber, std::to_string(number));
  }
  bool number_float(double /*number*/, const std::string& spelling) override {
    return Scalar(Node::Type::kNumber, spelling);
  }
  bool string(std::string& text) override { return Scalar(Node::Type::kString, std::move(text)); }
  bool binary(nlohmann::json::binary_t& /*bytes*/) override { return false; }
  bool start_object(size_t /*size*/) override { return Open(Node::Type::kObject); }
  bool end_object() override { return Close(); }
  bool start_array(size_t /*size*/) override { return Open(Node::Type::kList); }
  bool end_array() override { return Close(); }

  bool key(std::string& key) override {
    const auto& members = open_.back()->members;
    key_ = key;
    if (members.size() > kKeys.size()) return true;  // one is unknown, which the reader will say
    const bool is_repeated = std::any_of(members.begin(), members.end(),
                                         [&](const auto& member) { return member.first == key; });
    if (!is_repeated) return true;
    error_ = AtPath(Pointer(Path(), key),
                    PredicateError("duplicate_key", key, "each key once in an object"));
    return false;
  }

  bool parse_error(size_t position, const std::string& last_token,
                   const nlohmann::json::exception& exception) override {
    // The position is one past the byte at fault.
    const std::string_view before = text_.substr(0, position == 0 ? 0 : position - 1);
    const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
    const bool is_utf8 = std::string_view(exception.what()).find("UTF-8") == std::string_view::npos;
    error_ = is_utf8 ? PredicateError("syntax", last_token, "JSON")
                     : PredicateError("invalid_utf8", "a malformed byte", "UTF-8");
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    error_->metadata.emplace("line", std::to_string(line));
    error_->metadata.emplace("column", std::to_string(before.size() - line_start + 1));
    error_->metadata.emplace("path", Path());
    return false;
  }

 private:
  std::string Path() const {
    std::string path;
    for (size_t i = 1; i < open_.size(); ++i) {
      const auto& members = open_[i - 1]->members;
      path =
          Pointer(path, open_[i - 1]->type == Node::Type::kList ? std::to_string(members.size() - 1)
                                                                : members.back().first);
    }
    return path;
  }

  Node& Add(Node node) {
    if (open_.empty()) return root_ = std::move(node);
    auto& members = open_.back()->members;
    const bool is_list = open_.back()->type == Node::Type::kList;
    return members.emplace_back(is_list ? std::string() : key_, std::move(node)).second;
  }

  bool Scalar(Node::Type type, std::string text) {
    Add({.type = type, .text = std::move(text)});
    return true;
  }

  // A member on the stack is the last of its parent, so no other moves it.
  bool Open(Node::Type type) {
    open_.push_back(&Add({.type = type}));
    if (open_.size() <= kMaxNesting) return true;
    error_ = AtPath(Path(), PredicateError("too_deep", "a deeper group",
                                           "at most " + std::to_string(kMaxPredicateDepth) +
                                               " groups within each other"));
    return false;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  Node root_{};
  std::vector<Node*> open_{};
  std::string key_{};
  std::optional<Error> error_{};
};

Error WrongType(const std::string& path, const Node& node, std::string_view expected) {
  return AtPath(path, PredicateError("wrong_type", Name(node.type), expected));
}

const Node* Member(const Node& object, std::string_view key) {
  for (const auto& [name, member] : object.members) {
    if (name == key) return &member;
  }
  return nullptr;
}

class Reader {
 public:
  explicit Reader(Use use) : use_(use) {}

  // `groups`: how many it stands in.
  Result<Predicate> Read(const Node& node, const std::string& path, int groups) {
    if (node.type != Node::Type::kObject) {
      return WrongType(path, node, "an object with all, any or none, or with a field");
    }
    if (auto known = CheckKeys(node, path); !known) return known.error();
    if (Member(node, "field") != nullptr || Member(node, "operator") != nullptr ||
        Member(node, "value") != nullptr) {
      return ReadCondition(node, path);
    }
    if (node.members.empty()) {
      return AtPath(path, PredicateError("empty_group", "nothing",
                                         "all, any or none, or a field with operator and value"));
    }
    const bool is_joined = node.members.size() > 1;
    std::vector<Predicate> parts;
    for (const auto& [key, list] : node.members) {
      auto group = ReadGroup(key, list, Pointer(path, key), groups + (is_joined ? 2 : 1));
      if (!group) return group;
      parts.push_back(*std::move(group));
    }
    return Joined(std::move(parts));
  }

 private:
  // Groups and conditions do not mix: a condition has exactly its three keys.
  static Result<void> CheckKeys(const Node& node, const std::string& path) {
    const bool is_condition =
        Member(node, "field") != nullptr || Member(node, "operator") != nullptr;
    for (const auto& [key, member] : node.members) {
      const auto& allowed = is_condition ? kConditionKeys : kGroupKeys;
      const bool is_value = key == "value";
      if (is_value || std::find(allowed.begin(), allowed.end(), key) != allowed.end()) continue;
      const std::string expected = is_condition ? JoinWithOr(kConditionKeys) : JoinWithOr(kKeys);
      const std::string_view suggestion =
          is_condition ? Nearest(key, kConditionKeys) : Nearest(key, kKeys);
      return AtPath(Pointer(path, key), PredicateError("unknown_key", key, expected, suggestion));
    }
    return {};
  }

  Result<Predicate> ReadGroup(std::string_view key, const Node& list, const std::string& path,
                              int groups) {
    if (list.type != Node::Type::kList) return WrongType(path, list, "a list of conditions");
    if (list.members.empty()) {
      return AtPath(path, PredicateError("empty_group", "nothing", "at least one condition"));
    }
    if (groups > kMaxPredicateDepth) {
      return AtPath(path, PredicateError("too_deep", "a deeper group",
                                         "at most " + std::to_string(kMaxPredicateDepth) +
                                             " groups within each other"));
    }
    std::vector<Predicate> children;
    for (const auto& [name, member] : list.members) {
      auto child = Read(member, Pointer(path, std::to_string(children.size())), groups);
      if (!child) return child;
      children.push_back(*std::move(child));
    }
    if (key == "any") return Any(std::move(children));
    if (key == "none") return None(std::move(children));
    return All(std::move(children));
  }

  Result<Predicate> ReadCondition(const Node& node, const std::string& path) {
    for (std::string_view key : kConditionKeys) {
      if (Member(node, key) == nullptr) {
        return AtPath(path, PredicateError("missing_key", "nothing", key, key));
      }
    }
    for (std::string_view key : {"field", "operator"}) {
      const Node& member = *Member(node, key);
      if (member.type != Node::Type::kString) {
        return WrongType(Pointer(path, key), member, "a string");
      }
    }
    const std::string& name = Member(node, "field")->text;
    if (auto checked = CheckField(name, use_); !checked) {
      return AtPath(Pointer(path, "field"), checked.error());
    }
    const Field& field = *FindField(name);
    const Node& value = *Member(node, "value");
    const std::string value_path = Pointer(path, "value");
    const bool is_list = value.type == Node::Type::kList;
    const std::string& word = Member(node, "operator")->text;

    std::vector<Literal> literals;
    if (!is_list) {
      literals.push_back({value.text, value.type == Node::Type::kString});
    } else {
      for (const auto& [key, member] : value.members) {
        literals.push_back({member.text, member.type == Node::Type::kString});
      }
    }
    if (auto checked = CheckTypes(field, word, value, value_path); !checked) return checked.error();
    auto predicate = FromWord(field, word, literals, is_list);
    if (!predicate) return AtPath(PlaceOf(predicate.error(), path, is_list), predicate.error());
    comparisons_ += literals.size();
    if (comparisons_ > static_cast<size_t>(MaxComparisons(use_))) {
      return AtPath(
          path, PredicateError("too_many", field.name,
                               "at most " + std::to_string(MaxComparisons(use_)) + " comparisons"));
    }
    return predicate;
  }

  // What FromWord cannot see: null and objects, and a number where a text belongs.
  static Result<void> CheckTypes(const Field& field, std::string_view word, const Node& value,
                                 const std::string& path) {
    const OperatorWord* known = FindWord(word);
    if (known == nullptr || !Accepts(field.type, *known)) return {};  // FromWord will say so
    const bool is_bare = known->arity == Arity::kTruth || field.type == FieldType::kBool ||
                         field.type == FieldType::kInt;
    const auto check = [&](const Node& scalar, const std::string& place) -> Result<void> {
      switch (scalar.type) {
        case Node::Type::kString: return {};
        case Node::Type::kTruth:
        case Node::Type::kNumber:
          if (is_bare) return {};
          return WrongType(place, scalar, "a string for " + std::string(field.name));
        case Node::Type::kNull:
        case Node::Type::kList:
        case Node::Type::kObject: break;
      }
      return WrongType(place, scalar, "a value for " + std::string(field.name));
    };
    if (value.type != Node::Type::kList) return check(value, path);
    for (size_t i = 0; i < value.members.size(); ++i) {
      if (auto checked = check(value.members[i].second, Pointer(path, std::to_string(i)));
          !checked) {
        return checked;
      }
    }
    return {};
  }

  static std::string PlaceOf(const Error& error, const std::string& path, bool is_list) {
    const std::string& problem = error.metadata.at("problem");
    if (problem == "unknown_operator" || problem == "operator_not_allowed") {
      return Pointer(path, "operator");
    }
    const auto index = error.metadata.find("index");
    const std::string value = Pointer(path, "value");
    return is_list && index != error.metadata.end() ? Pointer(value, index->second) : value;
  }

  Use use_;
  size_t comparisons_ = 0;
};

nlohmann::ordered_json JsonLiteral(const TreeNode& node, const std::string& literal) {
  // A bare literal is a number or a truth value as JSON spells it.
  return node.bare ? nlohmann::ordered_json::parse(literal) : nlohmann::ordered_json(literal);
}

nlohmann::ordered_json Write(const TreeNode& node) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (node.kind == Predicate::Kind::kComparison) {
    json["field"] = node.field->name;
    json["operator"] = node.word->name;
    if (node.word->arity != Arity::kList) {
      json["value"] = JsonLiteral(node, node.literals.front());
      return json;
    }
    for (const std::string& literal : node.literals) {
      json["value"].push_back(JsonLiteral(node, literal));
    }
    return json;
  }
  for (const TreeNode& child : node.children) {
    json[GroupWord(node.kind)].push_back(Write(child));
  }
  return json;
}

}  // namespace

Result<Predicate> PredicateFromJson(std::string_view text, Use use) {
  if (text.size() > kMaxPredicateJsonBytes) {
    return AtPath("",
                  PredicateError("too_long", std::to_string(text.size()) + " bytes",
                                 "at most " + std::to_string(kMaxPredicateJsonBytes) + " bytes"));
  }
  Builder builder(text);
  const bool parsed = nlohmann::json::sax_parse(text, &builder);
  if (!parsed) {
    return builder.error() ? *builder.error() : AtPath("", PredicateError("syntax", "", "JSON"));
  }
  const Node root = builder.Take();
  if (root.type == Node::Type::kObject && root.members.empty()) return Predicate{};
  auto predicate = Reader(use).Read(root, "", 0);
  if (!predicate) return predicate;
  if (auto checked = Check(*predicate, use); !checked) return AtPath("", checked.error());
  return predicate;
}

nlohmann::ordered_json ToJson(const Predicate& predicate) { return Write(ToTree(predicate)); }

}  // namespace rebound
