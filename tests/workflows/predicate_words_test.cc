#include "workflows/predicate_words.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace rebound {
namespace {

using std::string_literals::operator""s;

const Field& FieldOf(std::string_view name) {
  const Field* field = FindField(name);
  CHECK(field != nullptr);
  return *field;
}

TEST(PredicateWordsTest, EachWordHasLabelsATypeAndItsOwnName) {
  std::set<std::string_view> names;
  for (const OperatorWord& word : OperatorWords()) {
    EXPECT_TRUE(names.insert(word.name).second) << word.name;
    EXPECT_FALSE(word.label_en.empty()) << word.name;
    EXPECT_FALSE(word.label_zh.empty()) << word.name;
    EXPECT_EQ(FindWord(word.name), &word);
    EXPECT_NE(word.types, 0U) << word.name;
  }
  EXPECT_EQ(FindWord("lte"), nullptr);
}

TEST(PredicateWordsTest, EveryOperatorOfATypeHasItsWord) {
  for (const Field& field : FieldCatalogue()) {
    for (int op = 0; op < kOpCount; ++op) {
      bool has_word = false;
      for (const OperatorWord& word : OperatorWords()) {
        if (word.op != static_cast<Op>(op) || !Accepts(field.type, word)) continue;
        has_word = true;
        EXPECT_TRUE(Accepts(field.type, word.op)) << field.name << " " << word.name;
      }
      EXPECT_EQ(has_word, Accepts(field.type, static_cast<Op>(op)))
          << field.name << " " << Symbol(static_cast<Op>(op));
    }
  }
}

TEST(PredicateWordsTest, WordsBecomeComparisons) {
  const struct {
    std::string_view field;
    std::string_view word;
    std::vector<Literal> literals;
    bool is_list;
    std::string_view filter;
    std::string_view yaml;
  } rows[] = {
      {"score", "at_most", {{"6"}}, false, "score <= 6", "score: {at_most: 6}"},
      {"score", "at_least", {{"6"}}, false, "score >= 6", "score: {at_least: 6}"},
      {"score", "above", {{"6"}}, false, "score > 6", "score: {above: 6}"},
      {"score", "below", {{"-6"}}, false, "score < -6", "score: {below: -6}"},
      {"score", "is_not", {{"6"}}, false, "score != 6", "score: {is_not: 6}"},
      {"history", "is", {{"true"}}, false, "history = true", "history: {is: true}"},
      {"program", "is", {{"no"}}, false, R"(program = "no")", R"(program: {is: "no"})"},
      {"program",
       "is",
       {{"a\"\\\n", true}},
       false,
       R"(program = "a\"\\\n")",
       R"(program: {is: "a\"\\\n"})"},
      {"category",
       "is",
       {{"detractor"}},
       false,
       "category = detractor",
       "category: {is: detractor}"},
      {"category",
       "one_of",
       {{"detractor"}, {"passive", true}},
       true,
       "category = detractor OR category = passive",
       "category: {one_of: [detractor, passive]}"},
      {"category", "one_of", {{"passive"}}, true, "category = passive", "category: {is: passive}"},
      {"score",
       "none_of",
       {{"1"}, {"2"}},
       true,
       "score != 1 AND score != 2",
       "score: {none_of: [1, 2]}"},
      {"touchpoint",
       "within",
       {{"channel"}},
       false,
       R"(touchpoint:"channel")",
       R"(touchpoint: {within: "channel"})"},
      {"reason",
       "contains",
       {{"空调"}},
       false,
       R"(reason:"空调")",
       R"(reason: {contains: "空调"})"},
      {"reason",
       "contains_any",
       {{"空调"}, {"aircon"}},
       true,
       R"(reason:"空调" OR reason:"aircon")",
       R"(reason: {contains_any: ["空调", "aircon"]})"},
      {"topic",
       "contains",
       {{"staff"}},
       false,
       R"(topic:"staff")",
       R"(topic: {contains: "staff"})"},
      {"account", "is_set", {{"true"}}, false, "account:*", "account: {is_set: true}"},
      {"account", "is_set", {{"false"}}, false, "NOT account:*", "account: {is_set: false}"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.yaml);
    auto predicate = FromWord(FieldOf(row.field), row.word, row.literals, row.is_list);
    ASSERT_TRUE(predicate) << predicate.error().metadata.at("expected");
    EXPECT_EQ(Canonical(*predicate), row.filter);
    EXPECT_EQ(YamlTree(*predicate), row.yaml);
  }
}

TEST(PredicateWordsTest, RefusalsSayWhichWordOrValueIsAtFault) {
  const struct {
    std::string_view field;
    std::string_view word;
    std::vector<Literal> literals;
    bool is_list;
    std::string_view problem;
    std::string_view suggestion;
    std::string_view index;
  } rows[] = {
      {"score", "atmost", {{"6"}}, false, "unknown_operator", "at_most", ""},
      {"score", "<=", {{"6"}}, false, "unknown_operator", "at_most", ""},
      {"touchpoint", ":", {{"a"}}, false, "unknown_operator", "within", ""},
      {"topic", ":", {{"a"}}, false, "unknown_operator", "contains", ""},
      {"program", "<=", {{"6"}}, false, "unknown_operator", "", ""},
      {"program", "at_most", {{"6"}}, false, "operator_not_allowed", "", ""},
      {"score", "within", {{"6"}}, false, "operator_not_allowed", "", ""},
      {"reason", "is", {{"6"}}, false, "operator_not_allowed", "", ""},
      {"touchpoint", "contains", {{"6"}}, false, "operator_not_allowed", "", ""},
      {"history", "one_of", {{"true"}}, true, "operator_not_allowed", "", ""},
      {"score", "one_of", {{"6"}}, false, "list_expected", "", ""},
      {"score", "one_of", {}, true, "empty_group", "", ""},
      {"score", "is", {{"6"}}, true, "list_not_allowed", "one_of", ""},
      {"score", "is_not", {{"6"}, {"7"}}, true, "list_not_allowed", "none_of", ""},
      {"reason", "contains", {{"a"}, {"b"}}, true, "list_not_allowed", "contains_any", ""},
      {"touchpoint", "within", {{"a"}, {"b"}}, true, "list_not_allowed", "", ""},
      {"score", "at_most", {{"six"}}, false, "value_invalid", "", "0"},
      {"score", "at_most", {{"6", true}}, false, "value_invalid", "6", "0"},
      {"category", "one_of", {{"passive"}, {"detracter"}}, true, "value_invalid", "detractor", "1"},
      {"touchpoint", "within", {{"channel/"}}, false, "value_invalid", "", "0"},
      {"reason", "contains_any", {{"a"}, {""}}, true, "value_invalid", "", "1"},
      {"account", "is_set", {{"yes"}}, false, "value_invalid", "", "0"},
      {"account", "is_set", {{"true", true}}, false, "value_invalid", "true", "0"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(std::string(row.field) + " " + std::string(row.word));
    auto predicate = FromWord(FieldOf(row.field), row.word, row.literals, row.is_list);
    ASSERT_FALSE(predicate);
    const Metadata& metadata = predicate.error().metadata;
    const auto get = [&](const char* key) {
      return metadata.contains(key) ? metadata.at(key) : "";
    };
    EXPECT_EQ(metadata.at("problem"), row.problem);
    EXPECT_EQ(get("suggestion"), row.suggestion);
    EXPECT_EQ(get("index"), row.index);
    EXPECT_FALSE(metadata.at("expected").empty());
  }
}

TEST(PredicateWordsTest, NotSetIsOutsideOfNoneOfButWithinANoneGroup) {
  const Field& score = FieldOf("score");
  const std::vector<Literal> six = {{"6"}, {"7"}};
  const auto unset = [](FieldId) { return FieldValue{}; };
  EXPECT_FALSE(Evaluate(*FromWord(score, "none_of", six, true), unset));
  EXPECT_TRUE(Evaluate(None({*FromWord(score, "one_of", six, true)}), unset));
}

TEST(PredicateWordsTest, GroupsAreBlocksOfLists) {
  const Predicate score = Compare(FieldId::kScore, Op::kLessOrEqual, int64_t{6});
  const Predicate cold = Compare(FieldId::kReason, Op::kHas, "太冷"s);
  EXPECT_EQ(YamlTree(All({})), "{}");
  EXPECT_EQ(YamlTree(All({score, Any({cold, All({score})}), None({cold})}), 4),
            "all:\n"
            "      - score: {at_most: 6}\n"
            "      - any:\n"
            "          - reason: {contains: \"太冷\"}\n"
            "          - all:\n"
            "              - score: {at_most: 6}\n"
            "      - none:\n"
            "          - reason: {contains: \"太冷\"}");
  EXPECT_EQ(Joined({score}), score);
  EXPECT_EQ(Joined({score, cold}), All({score, cold}));
}

}  // namespace
}  // namespace rebound
