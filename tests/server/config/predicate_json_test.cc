#include "server/config/predicate_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "workflows/filter.h"
#include "workflows/predicate_words.h"

namespace rebound {
namespace {

std::string Repeat(std::string_view text, int times) {
  std::string repeated;
  for (int i = 0; i < times; ++i) repeated += text;
  return repeated;
}

std::string Nested(int groups) {
  return Repeat(R"({"all":[)", groups) + R"({"field":"score","operator":"is","value":1})" +
         Repeat("]}", groups);
}

TEST(PredicateJsonTest, AcceptedFormsAndTheirFilters) {
  const struct {
    std::string_view json;
    std::string_view filter;
  } rows[] = {
      {"{}", ""},
      {R"({"field":"score","operator":"at_most","value":6})", "score <= 6"},
      {R"({"value":-6,"operator":"above","field":"score"})", "score > -6"},
      {R"({"field":"category","operator":"one_of","value":["detractor","passive"]})",
       "category = detractor OR category = passive"},
      {R"({"field":"reason","operator":"contains_any","value":["空调","\u592a\u51b7"]})",
       R"(reason:"空调" OR reason:"太冷")"},
      {R"({"field":"history","operator":"is","value":false})", "history = false"},
      {R"({"field":"account","operator":"is_set","value":false})", "NOT account:*"},
      {R"({"all":[{"field":"score","operator":"is","value":1}]})", "score = 1"},
      {R"( {"any":[{"field":"score","operator":"is","value":1},
                   {"none":[{"field":"score","operator":"is","value":2}]}]} )",
       "score = 1 OR NOT score = 2"},
      {R"({"all":[{"field":"score","operator":"is","value":1}],
           "any":[{"field":"score","operator":"is","value":2},
                  {"field":"score","operator":"is","value":3}],
           "none":[{"field":"score","operator":"is","value":4}]})",
       "score = 1 AND (score = 2 OR score = 3) AND NOT score = 4"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.json);
    auto predicate = PredicateFromJson(row.json, Use::kOpeningRule);
    ASSERT_TRUE(predicate) << predicate.error().metadata.at("problem")
                           << predicate.error().metadata.at("path");
    EXPECT_EQ(Canonical(*predicate), row.filter);
  }
}

TEST(PredicateJsonTest, RefusalsPointAtTheFault) {
  const std::string six = R"({"field":"score","operator":"is","value":6})";
  const struct {
    std::string json;
    std::string path;
    std::string_view problem;
    std::string_view suggestion;
  } rows[] = {
      // The document.
      {"", "", "syntax", ""},
      {"{", "", "syntax", ""},
      {"{} {}", "", "syntax", ""},
      {"{'all': []}", "", "syntax", ""},
      {R"({"all":[{"field":"score","operator":"is","value":6},]})", "/all", "syntax", ""},
      {"{\"field\":\"\xC0\xAF\"}", "", "invalid_utf8", ""},
      {"[" + six + "]", "", "wrong_type", ""},
      {"\"score = 6\"", "", "wrong_type", ""},
      {"null", "", "wrong_type", ""},
      {std::string(70000, ' '), "", "too_long", ""},
      // Keys.
      {R"({"al":[]})", "/al", "unknown_key", "all"},
      {R"({"all":[)" + six + R"(,{"feild":"score","operator":"is","value":6}]})", "/all/1/feild",
       "unknown_key", "field"},
      {R"({"field":"score","operator":"is","value":6,"all":[]})", "/all", "unknown_key", ""},
      {R"({"a/b~c":1})", "/a~1b~0c", "unknown_key", ""},
      {R"({"all":[)" + six + R"(],"all":[]})", "/all", "duplicate_key", ""},
      {R"({"any":[{"field":"score","field":"owner"}]})", "/any/0/field", "duplicate_key", ""},
      {R"({"any":[{"field":"score","operator":"is"}]})", "/any/0", "missing_key", "value"},
      {R"({"operator":"is","value":1})", "", "missing_key", "field"},
      {R"({"value":1})", "", "missing_key", "field"},
      // Groups.
      {R"({"all":[]})", "/all", "empty_group", ""},
      {R"({"all":[{}]})", "/all/0", "empty_group", ""},
      {R"({"all":{}})", "/all", "wrong_type", ""},
      {R"({"all":[null]})", "/all/0", "wrong_type", ""},
      {Nested(65), Repeat("/all/0", 64) + "/all", "too_deep", ""},
      {Nested(200), Repeat("/all/0", 66), "too_deep", ""},
      {Repeat("[", 60000), Repeat("/0", 132), "too_deep", ""},
      // Conditions.
      {R"({"field":"scroe","operator":"is","value":6})", "/field", "unknown_field", "score"},
      {R"({"field":"age","operator":"is","value":6})", "/field", "protected_field", ""},
      {R"({"field":"owner","operator":"is","value":"a"})", "/field", "field_not_allowed", ""},
      {R"({"field":6,"operator":"is","value":6})", "/field", "wrong_type", ""},
      {R"({"field":"score","operator":null,"value":6})", "/operator", "wrong_type", ""},
      {R"({"field":"score","operator":"<=","value":6})", "/operator", "unknown_operator",
       "at_most"},
      {R"({"field":"score","operator":"atmost","value":null})", "/operator", "unknown_operator",
       "at_most"},
      {R"({"field":"program","operator":"at_most","value":"a"})", "/operator",
       "operator_not_allowed", ""},
      // Values.
      {R"({"field":"score","operator":"is","value":"6"})", "/value", "value_invalid", "6"},
      {R"({"field":"score","operator":"is","value":6.0})", "/value", "value_invalid", ""},
      {R"({"field":"score","operator":"is","value":1e400})", "", "syntax", ""},
      {R"({"field":"score","operator":"is","value":9223372036854775808})", "/value",
       "value_invalid", ""},
      {R"({"field":"score","operator":"is","value":true})", "/value", "value_invalid", ""},
      {R"({"field":"score","operator":"is","value":null})", "/value", "wrong_type", ""},
      {R"({"field":"score","operator":"is","value":{}})", "/value", "wrong_type", ""},
      {R"({"field":"score","operator":"is","value":[6]})", "/value", "list_not_allowed", "one_of"},
      {R"({"field":"score","operator":"one_of","value":6})", "/value", "list_expected", ""},
      {R"({"field":"score","operator":"one_of","value":[]})", "/value", "empty_group", ""},
      {R"({"field":"score","operator":"one_of","value":[6,"7"]})", "/value/1", "value_invalid",
       "7"},
      {R"({"field":"score","operator":"one_of","value":[6,[7]]})", "/value/1", "wrong_type", ""},
      {R"({"field":"program","operator":"is","value":6})", "/value", "wrong_type", ""},
      {R"({"field":"history","operator":"is","value":"true"})", "/value", "value_invalid", "true"},
      {R"({"field":"history","operator":"is","value":1})", "/value", "value_invalid", ""},
      {R"({"field":"category","operator":"is","value":"detracter"})", "/value", "value_invalid",
       "detractor"},
      {R"({"field":"account","operator":"is_set","value":"true"})", "/value", "value_invalid",
       "true"},
      {R"({"field":"program","operator":"is","value":"a\u0000b"})", "/value", "value_invalid", ""},
      {R"({"all":[)" + Repeat(six + ",", 256) + six + "]}", "/all/256", "too_many", ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.json.substr(0, 100));
    auto predicate = PredicateFromJson(row.json, Use::kOpeningRule);
    ASSERT_FALSE(predicate);
    EXPECT_EQ(predicate.error().reason, Reason::kFilterInvalid);
    const Metadata& metadata = predicate.error().metadata;
    EXPECT_EQ(metadata.at("path"), row.path);
    EXPECT_EQ(metadata.at("problem"), row.problem);
    EXPECT_EQ(metadata.contains("suggestion") ? metadata.at("suggestion") : "", row.suggestion);
    EXPECT_FALSE(metadata.at("expected").empty());
    EXPECT_LE(metadata.at("found").size(), 300U);
  }
}

TEST(PredicateJsonTest, LimitsThemselvesAreAllowed) {
  EXPECT_TRUE(PredicateFromJson(Nested(64), Use::kOpeningRule));
  EXPECT_TRUE(PredicateFromJson(Repeat(R"({"all":[)", 63) +
                                    R"({"field":"score","operator":"one_of","value":[1,2]})" +
                                    Repeat("]}", 63),
                                Use::kCaseFilter));
  // A list is a group: the same limit as for the filter string it stands for.
  auto deeper = PredicateFromJson(Repeat(R"({"all":[)", 64) +
                                      R"({"field":"score","operator":"one_of","value":[1,2]})" +
                                      Repeat("]}", 64),
                                  Use::kCaseFilter);
  ASSERT_FALSE(deeper);
  EXPECT_EQ(deeper.error().metadata.at("problem"), "too_deep");
}

TEST(PredicateJsonTest, SyntaxErrorsHaveAPlace) {
  auto predicate = PredicateFromJson("{\n  \"all\": [x]\n}", Use::kOpeningRule);
  ASSERT_FALSE(predicate);
  EXPECT_EQ(predicate.error().metadata.at("line"), "2");
  EXPECT_EQ(predicate.error().metadata.at("column"), "11");
}

TEST(PredicateJsonTest, PrintsWhatBuildersSend) {
  auto predicate = ParseFilter(
      R"(score <= 6 AND (category = detractor OR category = passive) AND NOT reason:"空调" AND
         NOT account:* AND history = false AND (score = 1 OR topic:staff))",
      Use::kOpeningRule);
  ASSERT_TRUE(predicate);
  EXPECT_EQ(ToJson(*predicate).dump(),
            R"({"all":[{"field":"score","operator":"at_most","value":6},)"
            R"({"field":"category","operator":"one_of","value":["detractor","passive"]},)"
            R"({"none":[{"field":"reason","operator":"contains","value":"空调"}]},)"
            R"({"field":"account","operator":"is_set","value":false},)"
            R"({"field":"history","operator":"is","value":false},)"
            R"({"any":[{"field":"score","operator":"is","value":1},)"
            R"({"field":"topic","operator":"contains","value":"staff"}]}]})");
  EXPECT_EQ(ToJson(Predicate{}).dump(), "{}");
}

Value RandomValue(std::mt19937_64& random, const Field& field) {
  constexpr std::string_view kTexts[] = {"a",    "a b",  "\"q\"", "\\", "\n",
                                         "宽带", "🙂", "true",  "6"};
  switch (field.type) {
    case FieldType::kBool: return random() % 2 == 0;
    case FieldType::kInt: return static_cast<int64_t>(random() >> (random() % 64));
    case FieldType::kText:
    case FieldType::kProse:
    case FieldType::kTexts:
    case FieldType::kPath: return std::string(kTexts[random() % std::size(kTexts)]);
    case FieldType::kEnum:
      return std::string(field.enum_values[random() % field.enum_values.size()]);
    case FieldType::kTime: return FromMillis(static_cast<int64_t>(random() % 100000000000));
    case FieldType::kId: return std::string("01arz3ndektsv4rrffq69g5fav");
  }
  return {};
}

Predicate RandomPredicate(std::mt19937_64& random, Use use, int depth) {
  if (depth == 0 || random() % 3 == 0) {
    while (true) {
      const Field& field = FieldCatalogue()[random() % FieldCatalogue().size()];
      const auto op = static_cast<Op>(random() % kOpCount);
      if (!UsableIn(field, use) || !Accepts(field.type, op)) continue;
      return Compare(field.id, op, op == Op::kIsSet ? Value{} : RandomValue(random, field));
    }
  }
  // Often one comparison several times over, which is what becomes a list.
  const bool is_list = random() % 3 == 0;
  std::vector<Predicate> children;
  for (uint64_t left = 1 + random() % 3; left > 0; --left) {
    children.push_back(is_list && !children.empty() ? children[0]
                                                    : RandomPredicate(random, use, depth - 1));
  }
  switch (random() % 3) {
    case 0: return All(std::move(children));
    case 1: return Any(std::move(children));
    default: return None(std::move(children));
  }
}

// Goal: no surface says less than another.
// Method: random trees to JSON and back, and by way of the filter string to JSON and back.
TEST(PredicateJsonTest, RandomTreesGoRoundOverEverySurface) {
  std::mt19937_64 random(7);
  int compared = 0;
  for (int round = 0; round < 2000; ++round) {
    const Use use = static_cast<Use>(random() % kUseCount);
    const Predicate tree = RandomPredicate(random, use, 4);
    ASSERT_TRUE(Check(tree, use));
    const std::string json = ToJson(tree).dump();
    auto read = PredicateFromJson(json, use);
    ASSERT_TRUE(read) << json << read.error().metadata.at("problem");
    ASSERT_EQ(*read, tree) << json;
    const std::string filter = Canonical(*read);
    if (filter.size() > kMaxFilterBytes) continue;
    auto parsed = ParseFilter(filter, use);
    ASSERT_TRUE(parsed) << filter;
    auto again = PredicateFromJson(ToJson(*parsed).dump(), use);
    ASSERT_TRUE(again) << filter;
    ASSERT_EQ(*again, *parsed) << filter;
    ASSERT_EQ(Canonical(*again), filter);
    ++compared;
  }
  EXPECT_GT(compared, 1500);
}

// Goal: no document crashes the reader, and what it accepts is checked and stable.
TEST(PredicateJsonTest, MutatedDocumentsNeitherCrashNorDrift) {
  const std::vector<std::string> corpus = {
      R"({"all":[{"field":"score","operator":"at_most","value":6},{"any":[{"field":"history",)"
      R"("operator":"is","value":true}]}]})",
      R"({"none":[{"field":"reason","operator":"contains_any","value":["空调","a"]}],"any":)"
      R"([{"field":"category","operator":"one_of","value":["detractor"]}]})",
      R"({"field":"account","operator":"is_set","value":false})",
  };
  constexpr std::string_view kAlphabet = "{}[]\",:\\0-9eE.tfn \xE7\x00/~";
  std::mt19937_64 random(11);
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = corpus[random() % corpus.size()];
    for (uint64_t left = random() % 3; left > 0 && !text.empty(); --left) {
      const size_t at = random() % text.size();
      switch (random() % 4) {
        case 0: text.erase(at, 1 + random() % 4); break;
        case 1: text.insert(at, 1, kAlphabet[random() % kAlphabet.size()]); break;
        case 2: text[at] = static_cast<char>(random() % 256); break;
        default: text.insert(at, text.substr(at, random() % 40)); break;
      }
    }
    auto predicate = PredicateFromJson(text, Use::kOpeningRule);
    if (!predicate) {
      ASSERT_TRUE(predicate.error().metadata.contains("path")) << text;
      continue;
    }
    ++accepted;
    auto again = PredicateFromJson(ToJson(*predicate).dump(), Use::kOpeningRule);
    ASSERT_TRUE(again) << text;
    ASSERT_EQ(*again, *predicate) << text;
  }
  EXPECT_GT(accepted, 6000);
}

}  // namespace
}  // namespace rebound
