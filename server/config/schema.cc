#include "server/config/schema.h"

#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "workflows/field_catalogue.h"
#include "workflows/predicate.h"
#include "workflows/predicate_words.h"

namespace rebound {
namespace {

using Json = nlohmann::ordered_json;

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
  }
  return "";
}

std::string Bilingual(std::string_view en, std::string_view zh) {
  return std::string(en) + " / " + std::string(zh);
}

Json ScalarSchema(const Field& field, const OperatorWord& word) {
  if (word.arity == Arity::kTruth) return {{"type", "boolean"}};
  switch (field.type) {
    case FieldType::kBool: return {{"type", "boolean"}};
    case FieldType::kInt: return {{"type", "integer"}};
    case FieldType::kEnum: {
      Json schema = {{"enum", Json::array()}};
      for (std::string_view value : field.enum_values) schema["enum"].push_back(value);
      return schema;
    }
    case FieldType::kPath:
      if (word.op != Op::kHas) break;
      return {{"type", "string"}, {"pattern", "^[^/]([\\s\\S]*[^/])?$"}};
    case FieldType::kProse:
    case FieldType::kTexts: return {{"type", "string"}, {"minLength", 1}};
    // Plain YAML scalars such as 42 and 2026-01-31 are texts and times where those stand.
    case FieldType::kText:
    case FieldType::kTime: return {{"type", Json::array({"string", "number", "boolean"})}};
    case FieldType::kId: return {{"type", "string"}, {"pattern", "^[0-9a-hjkmnp-tv-z]{26}$"}};
  }
  return {{"type", "string"}};
}

Json WordSchema(const Field& field, const OperatorWord& word) {
  Json schema = ScalarSchema(field, word);
  if (word.arity == Arity::kList) {
    schema = {{"type", "array"}, {"minItems", 1}, {"items", std::move(schema)}};
  }
  schema["description"] = Bilingual(word.label_en, word.label_zh);
  return schema;
}

std::string Description(const Field& field) {
  std::string text = Bilingual(field.label_en, field.label_zh);
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
  return {{"description", description},
          {"type", "array"},
          {"minItems", 1},
          {"items", {{"$ref", "#/definitions/predicate"}}}};
}

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
    if (!cell.empty()) cell += ", ";
    cell += PlaceName(use);
  }
  return cell;
}

std::string OperatorsCell(const Field& field) {
  return field.is_protected ? "none" : JoinCodes(WordsFor(field.type));
}

}  // namespace

Json PredicateSchema() {
  Json properties = {
      {"all", GroupSchema("All of these hold / 全部满足")},
      {"any", GroupSchema("At least one of these holds / 满足其中任何一个")},
      {"none", GroupSchema("Not one of these holds / 全部不满足")},
  };
  for (const Field& field : FieldCatalogue()) {
    if (UsableIn(field, Use::kOpeningRule)) properties[field.name] = FieldSchema(field);
  }
  return {{"description",
           "A condition. What stands side by side has to hold together / "
           "条件。并列的各项须同时满足"},
          {"type", "object"},
          {"minProperties", 1},
          {"additionalProperties", false},
          {"properties", std::move(properties)}};
}

std::string PredicateSchemaFile() {
  const Json schema = {
      {"$schema", "http://json-schema.org/draft-07/schema#"},
      {"title", "Condition of a rule / 规则条件"},
      {"description",
       "A filter string, such as \"score <= 6 AND touchpoint:channel\", or a tree / "
       "过滤表达式，或条件树"},
      {"anyOf", Json::array({{{"type", "string"}, {"maxLength", 16384}},
                             {{"$ref", "#/definitions/predicate"}}})},
      {"definitions", {{"predicate", PredicateSchema()}}}};
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
      "case opens. Cases,\n"
      "responses and customers are the lists that can be filtered.\n\n";
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
