#include "server/config/schema.h"

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "server/config/reader.h"
#include "workflows/blacklist_rules.h"
#include "workflows/clocks.h"
#include "workflows/field_catalogue.h"
#include "workflows/filter.h"
#include "workflows/limits.h"
#include "workflows/predicate.h"
#include "workflows/predicate_words.h"

namespace rebound {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kDraft = "http://json-schema.org/draft-07/schema#";

std::string_view TypeName(FieldType type) {
  switch (type) {
    case FieldType::kBool: return "truth value";
    case FieldType::kInt: return "integer";
    case FieldType::kText: return "text";
    case FieldType::kProse: return "prose";
    case FieldType::kTexts: return "several texts";
    case FieldType::kPath: return "path";
    case FieldType::kEnum: return "one of";
    case FieldType::kTime: return "time";
    case FieldType::kId: return "id";
  }
  return "";
}

std::string_view PlaceName(Use use) {
  switch (use) {
    case Use::kOpeningRule: return "rules";
    case Use::kCaseFilter: return "cases";
    case Use::kResponseFilter: return "responses";
    case Use::kCustomerFilter: return "customers";
    case Use::kStepRule: return "steps";
  }
  return "";
}

std::string InBoth(std::string_view en, std::string_view zh) {
  return std::string(en) + " / " + std::string(zh);
}

// Plain YAML scalars such as 42 and 2026-01-31 are texts and times where those stand.
Json TextType() { return {{"type", Json::array({"string", "number", "boolean"})}}; }

Json WordsSchema(Words words) {
  Json schema = {{"enum", Json::array()}};
  for (const std::string_view word : words) schema["enum"].push_back(word);
  return schema;
}

// A value of the field, as ParseLiteral takes it.
Json LiteralSchema(const Field& field) {
  switch (field.type) {
    case FieldType::kBool: return {{"type", "boolean"}};
    case FieldType::kInt: return {{"type", "integer"}};
    case FieldType::kEnum: return WordsSchema(field.enum_values);
    case FieldType::kId: return {{"type", "string"}, {"pattern", "^[0-9a-hjkmnp-tv-z]{26}$"}};
    case FieldType::kPath:
    case FieldType::kProse:
    case FieldType::kTexts:
    case FieldType::kText:
    case FieldType::kTime: break;
  }
  return TextType();
}

Json ScalarSchema(const Field& field, const OperatorWord& word) {
  if (word.arity == Arity::kTruth) return {{"type", "boolean"}};
  Json schema = LiteralSchema(field);
  if (field.type == FieldType::kPath && word.op == Op::kHas) {
    schema["pattern"] = "^[^/]([\\s\\S]*[^/])?$";
  }
  if (field.type == FieldType::kProse || field.type == FieldType::kTexts) schema["minLength"] = 1;
  return schema;
}

Json WordSchema(const Field& field, const OperatorWord& word) {
  Json schema = ScalarSchema(field, word);
  if (word.arity == Arity::kList) {
    schema = {{"type", "array"}, {"minItems", 1}, {"items", std::move(schema)}};
  }
  schema["description"] = InBoth(word.label_en, word.label_zh);
  return schema;
}

std::string Description(const Field& field) {
  std::string text = InBoth(field.label_en, field.label_zh);
  if (!field.unit.empty()) ((text += " (") += field.unit) += ')';
  return text;
}

Json FieldSchema(const Field& field) {
  Json schema = {{"description", Description(field)},
                 {"type", "object"},
                 {"minProperties", 1},
                 {"additionalProperties", false},
                 {"properties", Json::object()}};
  for (const OperatorWord& word : OperatorWords()) {
    if (Accepts(field.type, word)) schema["properties"][word.name] = WordSchema(field, word);
  }
  return schema;
}

Json GroupSchema(std::string_view description) {
  return {
      {"description", description}, {"type", "array"}, {"minItems", 1}, {"items", {{"$ref", "#"}}}};
}

// ---- Files --------------------------------------------------------------------------------------

std::string Units() {
  std::string units;
  for (const std::string_view unit : kUnits) (units += units.empty() ? "" : "|") += unit;
  return '(' + units + ')';
}

std::string DurationPattern(const Form& form) {
  std::string pattern = form.lowest > 0 ? "^(0*[1-9][0-9]* *" : "^([0-9]+ *";
  pattern += Units();
  for (const std::string_view word : form.words) (pattern += '|') += word;
  return pattern + ")$";
}

Json TextLike(std::string_view pattern) { return {{"type", "string"}, {"pattern", pattern}}; }

// A text that may look like a number, too.
Json Token(std::string_view pattern) {
  Json schema = TextType();
  schema["pattern"] = pattern;
  return schema;
}

Json Required(std::initializer_list<std::string_view> names) { return {{"required", Json(names)}}; }

// Keys that may not be there.
Json Without(std::initializer_list<std::string_view> names) {
  Json schema = {{"properties", Json::object()}};
  for (const std::string_view name : names) schema["properties"][name] = false;
  return schema;
}

// Is the key there, and one of the words?
Json If(std::string_view key, Words words) {
  return {{"required", Json::array({key})}, {"properties", {{key, WordsSchema(words)}}}};
}

// `key` stands there exactly if the tier does `action`.
Json OnlyWith(std::string_view key, std::string_view action) {
  const Json word = {{"enum", Json::array({action})}};
  const Json done = {{"anyOf", Json::array({word, {{"type", "array"}, {"contains", word}}})}};
  return {{"if", {{"required", Json::array({"do"})}, {"properties", {{"do", done}}}}},
          {"then", Required({key})},
          {"else", Without({key})}};
}

// The keys that go with some kinds of step alone, and those that a kind needs.
Json RulesOfSteps() {
  Json rules = Json::array();
  for (const KindKey& each : StepKindKeys()) {
    std::vector<std::string_view> takes;
    std::vector<std::string_view> needs;
    for (int i = 1; i < kStepKindCount; ++i) {
      const auto kind = static_cast<StepKind>(i);
      if ((each.kinds & StepKindBit(kind)) != 0) takes.push_back(Name(kind));
      if ((each.needed & StepKindBit(kind)) != 0) needs.push_back(Name(kind));
    }
    const Json none = {{"properties", {{each.key, false}}}};
    if (static_cast<int>(takes.size()) < kStepKindCount - 1) {
      rules.push_back({{"if", If("kind", takes)}, {"then", true}, {"else", none}});
    }
    if (!needs.empty()) {
      rules.push_back({{"if", If("kind", needs)}, {"then", Required({each.key})}});
    }
  }
  const auto either = [&](StepKind kind, std::string_view a, std::string_view b) {
    const std::string_view name[] = {Name(kind)};
    rules.push_back({{"if", If("kind", name)},
                     {"then", {{"anyOf", Json::array({Required({a}), Required({b})})}}}});
  };
  either(StepKind::kTask, "queue", "owner");
  either(StepKind::kDecision, "then", "otherwise");
  return rules;
}

// What the keys of one mapping ask of each other.
void AddRules(const Key* keys, Json& schema) {
  if (keys == keys::kScaleKeys) {
    const Json limits = Json::array({"detractor_limit", "promoter_limit"});
    schema["dependencies"] = {{"min", limits}, {"max", limits}};
  } else if (keys == keys::kExpectKeys) {
    schema["minProperties"] = 1;
  } else if (keys == keys::kHolidayKeys) {
    Json day = Required({"date"});
    day.update(Without({"from", "to"}));
    Json range = Required({"from", "to"});
    range.update(Without({"date"}));
    schema["anyOf"] = Json::array({day, range});
  } else if (keys == keys::kRemedyLimitKeys) {
    schema["anyOf"] = Json::array({Required({"amount"}), Required({"count"})});
    schema["dependencies"] = {{"amount", Json::array({"currency"})},
                              {"currency", Json::array({"amount"})}};
  } else if (keys == keys::kExtentKeys) {
    schema["minProperties"] = 1;
  } else if (keys == keys::kCountKeys) {
    const std::string_view sum[] = {Name(BlacklistMeasure::kRemedySum)};
    Json counted = Required({"at_least"});
    counted.update(Without({"currency", "amount"}));
    Json summed = Required({"currency", "amount"});
    summed.update(Without({"at_least"}));
    schema["allOf"] =
        Json::array({{{"if", If("measure", sum)}, {"then", summed}, {"else", counted}}});
  } else if (keys == keys::kStepKeys) {
    schema["allOf"] = RulesOfSteps();
  } else if (keys == keys::kQueueKeys) {
    schema["dependencies"] = {{"return_after", Json::array({"fallback"})},
                              {"fallback", Json::array({"return_after"})}};
  } else if (keys == keys::kTierKeys) {
    schema["allOf"] = Json::array({OnlyWith("notify", "notify"), OnlyWith("queue", "reassign")});
  } else if (keys == keys::kClockKeys) {
    constexpr Words kCounts = keys::kCounts;
    const std::string_view first_contact[] = {Name(ClockKind::kFirstContact)};
    const std::string_view given[] = {Name(ClockKind::kCommitment),
                                      Name(ClockKind::kExternalDeadline)};
    schema["allOf"] = Json::array(
        {{{"if", If("kind", given)},
          {"then", Without({"limit", "count", "calendar"})},
          {"else", Required({"limit"})}},
         {{"if", If("count", kCounts.subspan(1))},
          {"then", Required({"calendar"})},
          {"else", Without({"calendar"})}},
         {{"if", If("kind", first_contact)}, {"then", true}, {"else", Without({"met_by"})}}});
  }
}

Json Described(const Form& form, std::string_view en, std::string_view zh);

Json MapSchema(const Form& form) {
  Json required = Json::array();
  Json properties = Json::object();
  for (const Key& key : KeysOf(form)) {
    if (key.need == Need::kRequired) required.push_back(key.name);
    properties[key.name] = Described(key.form, key.en, key.zh);
  }
  Json schema = {{"type", "object"}, {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = std::move(required);
  schema["properties"] = std::move(properties);
  AddRules(form.keys, schema);
  return schema;
}

Json FieldsSchema() {
  Json properties = Json::object();
  for (const Field& field : FieldCatalogue()) {
    if (!UsableIn(field, Use::kOpeningRule)) continue;
    Json value = LiteralSchema(field);
    if (field.type == FieldType::kTexts) {
      value = {{"anyOf", Json::array({value, {{"type", "array"}, {"items", value}}})}};
    }
    properties[field.name] = {{"description", Description(field)}};
    properties[field.name].update(value);
  }
  return {
      {"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
}

Json OneSchema(const Form& form) {
  switch (form.kind) {
    case Form::Kind::kId: return Token("^[a-z0-9-]{1,64}$");
    case Form::Kind::kStatus: return Token("^[a-z0-9_]{1,64}$");
    case Form::Kind::kReceiver:
      return {{"anyOf", Json::array({WordsSchema(form.words), Token("^[a-z0-9-]{1,64}$")})}};
    case Form::Kind::kText: {
      Json schema = Token("[^ \\t\\r\\n]");
      schema["maxLength"] = form.highest;
      return schema;
    }
    case Form::Kind::kTruth: return {{"type", "boolean"}};
    case Form::Kind::kInteger:
      return {{"type", "integer"}, {"minimum", form.lowest}, {"maximum", form.highest}};
    case Form::Kind::kDuration: return TextLike(DurationPattern(form));
    case Form::Kind::kTierTime:
      return TextLike("^(due|-?0*[1-9][0-9]* *" + Units() + "|0*[1-9][0-9]{0,3} *%)$");
    case Form::Kind::kDate:
      return TextLike("^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$");
    case Form::Kind::kMoment:
      return TextLike("^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])([Tt ].*)?$");
    case Form::Kind::kInterval:
      return TextLike("^([01][0-9]|2[0-3]):[0-5][0-9]-([0-3][0-9]|4[0-8]):[0-5][0-9]$");
    case Form::Kind::kPath: {
      Json schema = Token("^[^/ \\t]+(/[^/ \\t]+)*$");
      schema["maxLength"] = limits::kKeyCharacters;
      return schema;
    }
    case Form::Kind::kCurrency: return TextLike("^[A-Z]{3}$");
    case Form::Kind::kWord:
      return WordsSchema(form.names != nullptr ? Words(form.names()) : form.words);
    case Form::Kind::kCondition:
      return {{"allOf", Json::array({{{"$ref", "predicate.schema.json"}}})}};
    case Form::Kind::kStepCondition:
      return {{"allOf", Json::array({{{"$ref", "step_predicate.schema.json"}}})}};
    case Form::Kind::kTime: return TextLike("^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$");
    case Form::Kind::kTemplate: {
      Json schema = Token("[^ \\t\\r\\n]");
      schema["maxLength"] = form.highest;
      return schema;
    }
    case Form::Kind::kFields: return FieldsSchema();
    case Form::Kind::kMap: return MapSchema(form);
    case Form::Kind::kMaps: {
      Json schema = {{"type", "array"}};
      if (form.lowest > 0) schema["minItems"] = form.lowest;
      schema["items"] = MapSchema(form);
      return schema;
    }
    case Form::Kind::kWordOrMap:
      return {{"anyOf", Json::array({WordsSchema(form.words), MapSchema(form)})}};
  }
  return true;
}

Json Described(const Form& form, std::string_view en, std::string_view zh) {
  Json schema = {{"description", InBoth(en, zh)}};
  Json one = OneSchema(form);
  if (!form.or_list) {
    schema.update(one);
    return schema;
  }
  Json list = {{"type", "array"}};
  if (form.least > 0) list["minItems"] = form.least;
  list["items"] = one;
  schema["anyOf"] = Json::array({std::move(one), std::move(list)});
  return schema;
}

// ---- The reference page -------------------------------------------------------------------------

void AppendRow(const std::vector<std::string>& cells, std::string& page) {
  page += '|';
  for (const std::string& cell : cells) ((page += ' ') += cell) += " |";
  page += '\n';
}

std::string Code(std::string_view text) { return '`' + std::string(text) + '`'; }

std::string JoinCodes(std::span<const std::string_view> words) {
  std::string joined;
  for (std::string_view word : words) {
    if (!joined.empty()) joined += ", ";
    joined += Code(word);
  }
  return joined;
}

std::string TypeCell(const Field& field) {
  std::string cell(TypeName(field.type));
  if (field.type == FieldType::kEnum) (cell += ' ') += JoinCodes(field.enum_values);
  if (!field.unit.empty()) (cell += ", ") += field.unit;
  return cell;
}

std::string PlacesCell(const Field& field) {
  if (field.is_protected) return "never: protected";
  std::string cell;
  for (int i = 0; i < kUseCount; ++i) {
    const Use use = static_cast<Use>(i);
    if (!UsableIn(field, use)) continue;
    // Steps see all that other rules do.
    if (use == Use::kStepRule && UsableIn(field, Use::kOpeningRule)) continue;
    if (!cell.empty()) cell += ", ";
    cell += PlaceName(use);
  }
  return cell;
}

std::string OperatorsCell(const Field& field) {
  return field.is_protected ? "none" : JoinCodes(WordsFor(field.type));
}

}  // namespace

Json PredicateSchema(Use use) {
  Json properties = {
      {"all", GroupSchema("All of these hold / 全部满足")},
      {"any", GroupSchema("At least one of these holds / 满足其中任何一个")},
      {"none", GroupSchema("Not one of these holds / 全部不满足")},
  };
  for (const Field& field : FieldCatalogue()) {
    if (UsableIn(field, use)) properties[field.name] = FieldSchema(field);
  }
  return {{"description",
           "A condition. What stands side by side has to hold together / "
           "条件。并列的各项须同时满足"},
          {"type", "object"},
          {"minProperties", 1},
          {"additionalProperties", false},
          {"properties", std::move(properties)}};
}

std::string PredicateSchemaFile(Use use) {
  const Json schema = {
      {"$schema", kDraft},
      {"title", "Condition of a rule / 规则条件"},
      {"description",
       "A filter string, such as \"score <= 6 AND touchpoint:channel\", or a tree / "
       "过滤表达式，或条件树"},
      {"anyOf", Json::array({{{"type", "string"}, {"maxLength", kMaxRuleBytes}},
                             {{"$ref", "#/definitions/predicate"}}})},
      {"definitions", {{"predicate", PredicateSchema(use)}}}};
  return schema.dump(2) + '\n';
}

std::string SectionSchemaFile(const Section& section) {
  Json properties = {
      {"version",
       {{"description", "Version of the format / 格式版本"}, {"enum", Json::array({1})}}}};
  properties[section.name] = Described(section.form, section.en, section.zh);
  if (!section.tests.empty()) {
    properties["tests"] =
        Described(form::Maps(section.tests),
                  "Cases and the rules that they have to get; run before a revision is applied",
                  "工单示例及应得的规则；应用修订前先运行");
  }
  const Json schema = {{"$schema", kDraft},
                       {"title", std::string(section.name) + ".yaml"},
                       {"description", InBoth(section.en, section.zh)},
                       {"type", "object"},
                       {"additionalProperties", false},
                       {"required", Json::array({"version", section.name})},
                       {"properties", std::move(properties)}};
  return schema.dump(2) + '\n';
}

std::string FieldReference() {
  std::string page =
      "# Fields and operators\n\n"
      "Made from the field catalogue; `UPDATE_GOLDEN=1 build/dev/bin/config_test "
      "--gtest_filter='SchemaTest.*'` rewrites it.\n\n"
      "A condition is a filter string (`score <= 6 AND touchpoint:channel`), a YAML tree\n"
      "(`score: {at_most: 6}`) or JSON (`{\"field\": \"score\", \"operator\": \"at_most\", "
      "\"value\": 6}`). They say the same.\n"
      "Groups: `all`, `any`, `none`. Comparing a field that has no value is false with every "
      "operator, `!=` included;\n"
      "`NOT` and `none` turn false into true.\n\n"
      "## Operators\n\n";
  AppendRow({"word", "filter", "value", "means", "含义"}, page);
  page += "|---|---|---|---|---|\n";
  for (const OperatorWord& word : OperatorWords()) {
    const std::string_view value = word.arity == Arity::kOne    ? "one"
                                   : word.arity == Arity::kList ? "a list"
                                                                : "`true` or `false`";
    std::string filter = Code(Symbol(word.op));
    if (word.arity == Arity::kList) {
      filter += word.join == Predicate::Kind::kAny ? " joined by `OR`" : " joined by `AND`";
    }
    AppendRow({Code(word.name), filter, std::string(value), std::string(word.label_en),
               std::string(word.label_zh)},
              page);
  }
  page +=
      "\nA path matches by whole segments, prose by containing the words (ASCII letters in either "
      "case), several texts\n"
      "by one of them. Times are RFC 3339 or a date, which is its midnight in UTC.\n\n"
      "## Fields\n\n"
      "Rules are the conditions of playbooks, priorities and clocks; they see what is known when a "
      "case opens. Steps\n"
      "are those of a playbook's steps, which see all that and what became of the case since. "
      "Cases, "
      "responses and\n"
      "customers are the lists that can be filtered.\n\n";
  AppendRow({"field", "type", "label", "名称", "usable in", "operators"}, page);
  page += "|---|---|---|---|---|---|\n";
  for (const Field& field : FieldCatalogue()) {
    AppendRow({Code(field.name), TypeCell(field), std::string(field.label_en),
               std::string(field.label_zh), PlacesCell(field), OperatorsCell(field)},
              page);
  }
  return page;
}

}  // namespace rebound
