#include "workflows/filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/field_catalogue.h"
#include "workflows/ids.h"
#include "workflows/predicate.h"

namespace rebound {
namespace {

using std::string_view_literals::operator""sv;

std::string Repeat(std::string_view text, int times) {
  std::string repeated;
  for (int i = 0; i < times; ++i) repeated += text;
  return repeated;
}

// Groups of NOT and AND by turns: two for each of `levels`, with one parenthesis.
std::string DeepFilter(int levels) {
  return Repeat("NOT (score=1 AND ", levels) + "score=2" + Repeat(")", levels);
}

TEST(FilterTest, AcceptedFiltersAndTheirCanonicalForm) {
  const struct {
    std::string_view text;
    std::string_view canonical;
  } rows[] = {
      {"", ""},
      {" \t\r\n\u3000", ""},
      {"score<=6", "score <= 6"},
      {"score = -0", "score = 0"},
      {"score=007", "score = 7"},
      {"score > -9223372036854775808", "score > -9223372036854775808"},
      {"history=true", "history = true"},
      {"category = detractor AND severity >= 3", "category = detractor AND severity >= 3"},
      {"category=\"detractor\"", "category = detractor"},
      {"(score<3)AND(score>1)", "score < 3 AND score > 1"},
      {"((score < 3 AND (severity = 1)) AND phase != closed)",
       "score < 3 AND severity = 1 AND phase != closed"},
      {"touchpoint:channel", R"(touchpoint:"channel")"},
      {"touchpoint : channel/hotline", R"(touchpoint:"channel/hotline")"},
      {"org_unit:广东/深圳", R"(org_unit:"广东/深圳")"},
      {"program = 宽带　AND　score=1", R"(program = "宽带" AND score = 1)"},
      {"program = 'it\\'s'", R"(program = "it's")"},
      {R"(program = "a \"b\" \\ \n")", R"(program = "a \"b\" \\ \n")"},
      {"program = \"a\nb\"", R"(program = "a\nb")"},
      {"program = \"\"", R"(program = "")"},
      {"program = true AND status = 42 AND owner = AND",  // typed by the field, not by its looks
       R"(program = "true" AND status = "42" AND owner = "AND")"},
      {"number = C-1042", R"(number = "C-1042")"},
      {"program = \"＝“OR”\"", R"(program = "＝“OR”")"},
      {"open_time >= 2026-01-31", "open_time >= 2026-01-31T00:00:00Z"},
      {"open_time < \"2026-01-31T08:00:00+08:00\"", "open_time < 2026-01-31T00:00:00Z"},
      {"customer = 01arz3ndektsv4rrffq69g5fav", "customer = 01arz3ndektsv4rrffq69g5fav"},
      {"score=1 OR score=2", "score = 1 OR score = 2"},
      {"score=1 AND score=2 OR score=3 AND score=4",  // OR binds tighter
       "score = 1 AND (score = 2 OR score = 3) AND score = 4"},
      {"(score=1 AND score=2) OR score=3", "(score = 1 AND score = 2) OR score = 3"},
      {"(score=1 OR (score=2 OR score=3))", "score = 1 OR score = 2 OR score = 3"},
      {"NOT score=1", "NOT score = 1"},
      {"-score=1", "NOT score = 1"},
      {"- ( score=1 )", "NOT score = 1"},
      {"NOT(score=1 OR score=2)AND score=3", "NOT (score = 1 OR score = 2) AND score = 3"},
      {"NOT score=1 OR -score=2", "NOT score = 1 OR NOT score = 2"},
      {"NOT (NOT score=1)", "NOT (NOT score = 1)"},
      {"NOT (score=1 AND score=2)", "NOT (score = 1 AND score = 2)"},
      {"score=-1", "score = -1"},
      {"owner:*", "owner:*"},
      {"owner : * AND NOT queue:*", "owner:* AND NOT queue:*"},
      {"score:*", "score:*"},
      {"owner = NOT", R"(owner = "NOT")"},
      {"value_at_risk >= 100000", "value_at_risk >= 100000"},
      {"resurvey_result = still_detractor AND arm = held_out",
       "resurvey_result = still_detractor AND arm = held_out"},
  };
  for (const auto& row : rows) {
    auto predicate = ParseFilter(row.text, Use::kCaseFilter);
    SCOPED_TRACE(row.text);
    ASSERT_TRUE(predicate) << predicate.error().metadata.at("expected");
    EXPECT_EQ(Canonical(*predicate), row.canonical);
    auto again = ParseFilter(row.canonical, Use::kCaseFilter);
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *predicate);
  }
}

TEST(FilterTest, RefusedFiltersSayWhereAndWhy) {
  const struct {
    std::string text;
    std::string_view column;
    std::string_view problem;
    std::string_view found;
    std::string_view suggestion;
  } rows[] = {
      // Fields.
      {"scroe = 3", "1", "unknown_field", "scroe", "score"},
      {"phase = open AND Severity > 3", "18", "unknown_field", "Severity", "severity"},
      {"customer.language = en", "1", "unknown_field", "customer.language", "language"},
      {"评分 = 3", "1", "unknown_field", "评分", ""},
      {"gender = f", "1", "protected_field", "gender", ""},
      {"score = 1 AND age > 60", "15", "protected_field", "age", ""},
      {"occur_time > 2026-01-31", "1", "field_not_allowed", "occur_time", ""},
      {"' OR 1=1--", "1", "syntax", "'", ""},
      {"= 3", "1", "syntax", "=", ""},
      {"()", "2", "syntax", ")", ""},
      // Operators.
      {"score", "6", "syntax", "the end of the filter", ""},
      {"score 3", "7", "syntax", "3", ""},
      {"score == 3", "7", "syntax", "==", "="},
      {"score <> 3", "7", "syntax", "<>", "!="},
      {"score ! 3", "7", "syntax", "!", ""},
      {"score ＝ 3", "7", "syntax", "＝", "="},
      {"score ≤ 3", "7", "syntax", "≤", "<="},
      {"program < a", "9", "operator_not_allowed", "<", ""},
      {"program : a", "9", "operator_not_allowed", ":", "="},
      {"open_time:2026", "10", "operator_not_allowed", ":", "="},
      {"history > true", "9", "operator_not_allowed", ">", ""},
      // Values.
      {"score = ", "9", "syntax", "the end of the filter", ""},
      {"score = six", "9", "value_invalid", "six", ""},
      {"score = 6.5", "9", "value_invalid", "6.5", ""},
      {"score = +6", "9", "value_invalid", "+6", ""},
      {"score = \"6\"", "9", "value_invalid", "6", "6"},
      {"score = 9223372036854775808", "9", "value_invalid", "9223372036854775808", ""},
      {"score = NaN", "9", "value_invalid", "NaN", ""},
      {"score <3AND phase = open", "8", "value_invalid", "3AND", ""},
      {"history = True", "11", "value_invalid", "True", "true"},
      {"history = \"true\"", "11", "value_invalid", "true", "true"},
      {"phase = opne", "9", "value_invalid", "opne", "open"},
      {"open_time > 2026-02-30", "13", "value_invalid", "2026-02-30", ""},
      {"open_time > 2026-01-31T08:00:00", "13", "value_invalid", "2026-01-31T08:00:00", ""},
      {"customer = C-1042", "12", "value_invalid", "C-1042", ""},
      {"customer = 01ARZ3NDEKTSV4RRFFQ69G5FAV", "12", "value_invalid", "01ARZ3NDEKTSV4RRFFQ69G5FAV",
       ""},
      {"touchpoint:channel/", "12", "value_invalid", "channel/", ""},
      {"program = \"a\x01\"", "11", "value_invalid", "a\uFFFD", ""},
      {std::string("program = \"a\0\"", 14), "11", "value_invalid", "a\uFFFD", ""},
      {std::string("program\0= a", 11), "8", "syntax", "a control character", ""},
      {"program = “宽带”", "11", "syntax", "“", "\""},
      {"program = 宽带”", "13", "syntax", "”", "\""},
      {"program = \"宽带", "14", "syntax", "the end of the filter", ""},
      {"program = 'a\"", "14", "syntax", "the end of the filter", ""},
      {"program = \"宽\\带\"", "13", "syntax", "\\带", "\\\\"},
      {"program = \"a\\", "13", "syntax", "\\", "\\\\"},
      {"program = nps*", "14", "unsupported", "*", ""},
      {"program = *", "11", "unsupported", "*", ""},
      {"program:*a", "10", "syntax", "a", ""},
      {"owner:* = 1", "9", "syntax", "=", ""},
      {"program = a, b", "12", "unsupported", ",", ""},
      {"program = =a", "11", "syntax", "=", ""},
      // Joining.
      {"score = 3 severity = 1", "11", "syntax", "severity", ""},
      {"score = 3 and severity = 1", "11", "syntax", "and", "AND"},
      {"program = 宽带 or severity = 1", "14", "syntax", "or", "OR"},
      {"score = 3 OR", "13", "syntax", "the end of the filter", ""},
      {"score = 3 OR OR score = 4", "14", "syntax", "OR", ""},
      {"OR score = 3", "1", "syntax", "OR", ""},
      {"(score = 3 or score = 4)", "12", "syntax", "or", "OR"},
      {"score = 3 AND not severity = 1", "15", "syntax", "not", "NOT"},
      {"NOT NOT score = 3", "5", "syntax", "NOT", ""},
      {"--score = 3", "2", "unknown_field", "-score", "score"},
      {"NOT", "4", "syntax", "the end of the filter", ""},
      {"NOT ()", "6", "syntax", ")", ""},
      {"NOT scroe = 3", "5", "unknown_field", "scroe", "score"},
      {"score = 1 OR age > 60", "14", "protected_field", "age", ""},
      {"score = 3 AND", "14", "syntax", "the end of the filter", ""},
      {"AND score = 3", "1", "syntax", "AND", ""},
      {"score = 3 AND AND score = 3", "15", "syntax", "AND", ""},
      {"score = 3)", "10", "syntax", ")", ""},
      {"(score = 3", "11", "syntax", "the end of the filter", ""},
      {"（score = 3)", "1", "syntax", "（", "("},
      // Limits.
      {Repeat("(", 65) + "score = 1" + Repeat(")", 65), "65", "too_deep", "(", ""},
      {DeepFilter(33), "549", "too_deep", "(", ""},
      {"score=1" + Repeat(" AND score=1", 64), "769", "too_many", "score", ""},
      {"program = " + Repeat("x", 2039), "2049", "too_long", "2049 bytes", ""},
      {Repeat("(", 102400), "2049", "too_long", "102400 bytes", ""},
      // Encoding.
      {"program = 宽\xE5\xB8", "12", "invalid_utf8", "a malformed byte", ""},
      {"program = \xC0\xAF", "11", "invalid_utf8", "a malformed byte", ""},
      {"program = \xED\xA0\x80", "11", "invalid_utf8", "a malformed byte", ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.text.substr(0, 80));
    auto predicate = ParseFilter(row.text, Use::kCaseFilter);
    ASSERT_FALSE(predicate);
    const Error& error = predicate.error();
    EXPECT_EQ(error.reason, Reason::kFilterInvalid);
    ASSERT_EQ(error.violations.size(), 1U);
    EXPECT_EQ(error.violations[0].field, "filter");
    const Metadata& metadata = error.violations[0].metadata;
    EXPECT_EQ(metadata.at("column"), row.column);
    EXPECT_EQ(metadata.at("problem"), row.problem);
    EXPECT_EQ(metadata.at("found"), row.found);
    EXPECT_FALSE(metadata.at("expected").empty());
    EXPECT_EQ(metadata.count("suggestion") == 1 ? metadata.at("suggestion") : "", row.suggestion);
    EXPECT_EQ(error.metadata.at("column"), row.column);
    EXPECT_EQ(error.metadata.at("field"), "filter");
  }
}

TEST(FilterTest, LimitsThemselvesAreAllowed) {
  EXPECT_TRUE(ParseFilter(DeepFilter(32), Use::kCaseFilter));
  EXPECT_TRUE(ParseFilter(Repeat("(", 64) + "score = 1" + Repeat(")", 64), Use::kCaseFilter));
  EXPECT_TRUE(ParseFilter("score=1" + Repeat(" AND score=1", 63), Use::kCaseFilter));
  EXPECT_TRUE(ParseFilter("program = " + Repeat("x", 2038), Use::kCaseFilter));
  EXPECT_TRUE(ParseFilter("score=1" + Repeat(" AND score=1", 255), Use::kOpeningRule));
  EXPECT_TRUE(ParseFilter("program = " + Repeat("x", 16374), Use::kOpeningRule));
  EXPECT_FALSE(ParseFilter("program = " + Repeat("x", 16375), Use::kOpeningRule));
}

TEST(FilterTest, LongWordsAreCutInMessages) {
  auto predicate = ParseFilter(Repeat("评", 600) + " = 1", Use::kCaseFilter);
  ASSERT_FALSE(predicate);
  EXPECT_EQ(predicate.error().metadata.at("found"), Repeat("评", 60) + "...");
}

TEST(FilterTest, EachListHasItsOwnFields) {
  EXPECT_TRUE(ParseFilter("occur_time > 2026-01-31 AND anonymous = false", Use::kResponseFilter));
  EXPECT_TRUE(ParseFilter("do_not_contact = true AND org_unit:gd", Use::kCustomerFilter));
  EXPECT_TRUE(ParseFilter("category = detractor AND segment = vip", Use::kOpeningRule));
  EXPECT_FALSE(ParseFilter("phase = open", Use::kResponseFilter));
  EXPECT_FALSE(ParseFilter("score = 1", Use::kCustomerFilter));
  EXPECT_FALSE(ParseFilter("handling_result = resolved", Use::kOpeningRule));
}

// Text of up to nine pieces, chosen to need quoting, escaping or several bytes.
std::string RandomText(std::mt19937_64& random, bool path) {
  constexpr std::string_view kPieces[] = {"a",  "Z9", "_",    " ",    "\"",  "'", "\\",
                                          "\n", "\t", "宽带", "🙂", "AND", "(", ")",
                                          "=",  ",",  "*",    "：",   "/",   ""};
  std::string text = path ? "p" : "";
  for (uint64_t left = random() % 10; left > 0; --left) {
    text += kPieces[random() % std::size(kPieces)];
  }
  return path ? text + "q" : text;
}

Value RandomValue(std::mt19937_64& random, const Field& field) {
  switch (field.type) {
    case FieldType::kBool: return random() % 2 == 0;
    case FieldType::kInt: return static_cast<int64_t>(random() >> (random() % 64));
    case FieldType::kText:
    case FieldType::kProse:
    case FieldType::kTexts: return RandomText(random, false);
    case FieldType::kPath: return RandomText(random, true);
    case FieldType::kEnum:
      return std::string(field.enum_values[random() % field.enum_values.size()]);
    case FieldType::kTime:
      // 0000-01-01 to 9999-12-31, every second one on the full second.
      return FromMillis(-62167219200000 + static_cast<int64_t>(random() % 315569520000) *
                                              (random() % 2 == 0 ? 1000 : 999));
    case FieldType::kId:
      return ToString(DeriveId(FromMillis(0), "s", RandomText(random, false), ""));
  }
  return {};
}

Predicate RandomComparison(std::mt19937_64& random, Use use) {
  while (true) {
    const Field& field = FieldCatalogue()[random() % FieldCatalogue().size()];
    const auto op = static_cast<Op>(random() % kOpCount);
    if (!UsableIn(field, use) || !Accepts(field.type, op)) continue;
    Value value = op == Op::kIsSet ? Value{} : RandomValue(random, field);
    if (!CheckValue(field, op, value)) continue;
    return Compare(field.id, op, std::move(value));
  }
}

Predicate RandomPredicate(std::mt19937_64& random, Use use, int depth) {
  if (depth == 0 || random() % 3 == 0) return RandomComparison(random, use);
  std::vector<Predicate> children;
  for (uint64_t left = 1 + random() % 3; left > 0; --left) {
    children.push_back(RandomPredicate(random, use, depth - 1));
  }
  switch (random() % 3) {
    case 0: return All(std::move(children));
    case 1: return Any(std::move(children));
    default: return None(std::move(children));
  }
}

// Goal: any tree can be written as a filter that means the same.
// Method: random trees; the text's tree prints the same text, and both agree on random records.
TEST(FilterTest, RandomPredicatesSurviveTheirOwnText) {
  std::mt19937_64 random(20260131);
  int compared = 0;
  int held = 0;
  for (int round = 0; round < 2000; ++round) {
    const Use use = static_cast<Use>(random() % kUseCount);
    const Predicate predicate = RandomPredicate(random, use, 4);
    ASSERT_TRUE(Check(predicate, use)) << Canonical(predicate);
    const std::string text = Canonical(predicate);
    if (text.size() > kMaxFilterBytes) continue;
    auto parsed = ParseFilter(text, use);
    ASSERT_TRUE(parsed) << text;
    ASSERT_EQ(Canonical(*parsed), text);
    for (int record = 0; record < 8; ++record) {
      // Whether a comparison holds is all that groups can see: any function of it will do.
      const uint64_t salt = random();
      const auto holds = [&](const Predicate& p, const auto& self) -> bool {
        const auto child = [&](const Predicate& c) { return self(c, self); };
        switch (p.kind) {
          case Predicate::Kind::kAll:
            return std::all_of(p.children.begin(), p.children.end(), child);
          case Predicate::Kind::kAny:
            return std::any_of(p.children.begin(), p.children.end(), child);
          case Predicate::Kind::kNone:
            return std::none_of(p.children.begin(), p.children.end(), child);
          case Predicate::Kind::kComparison:
            return (std::hash<std::string>{}(Canonical(p)) ^ salt) * 0x9E3779B97F4A7C15U >> 63U !=
                   0;
        }
        return false;
      };
      const bool expected = holds(predicate, holds);
      ASSERT_EQ(holds(*parsed, holds), expected) << text;
      held += expected ? 1 : 0;
    }
    ++compared;
  }
  EXPECT_GT(compared, 1500);
  EXPECT_GT(held, compared);
  EXPECT_LT(held, 7 * compared);
}

// Goal: no input crashes the parser, and what it accepts is checked and stable.
// Method: bytes of a corpus deleted, doubled, replaced and spliced, from a fixed seed.
TEST(FilterTest, MutatedFiltersNeitherCrashNorDrift) {
  const std::vector<std::string> corpus = {
      "score <= 6 AND touchpoint:channel/hotline AND history = false",
      "((category = detractor) AND (open_time >= 2026-01-31T08:00:00.123+08:00))",
      R"(program = "宽带 \"x\" \\ \n" AND owner = '李雷' AND customer = 01arz3ndektsv4rrffq69g5fav)",
      "org_unit:广东/深圳　AND severity>3 AND value_at_risk!=-100",
      "NOT score = 1 OR age > 3, program = nps*",
      "-(score = 1 OR owner:*) AND (NOT history = true OR score > 3 AND phase = open)",
      "（score ≤ “3”） == <> ! AND",
  };
  constexpr std::string_view kAlphabet =
      "()\"'\\=<>!:,*-.AND OR/09zT+\n\0\x7F\xE5\xAE\xBD\xEF\xBC\x9D"sv;
  std::mt19937_64 random(160);
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = corpus[random() % corpus.size()];
    for (uint64_t left = random() % 4; left > 0 && !text.empty(); --left) {
      const size_t at = random() % text.size();
      switch (random() % 5) {
        case 0: text.erase(at, 1 + random() % 4); break;
        case 1: text.insert(at, 1, kAlphabet[random() % kAlphabet.size()]); break;
        case 2: text[at] = static_cast<char>(random() % 256); break;
        case 3: text.insert(at, text.substr(at, random() % 12)); break;
        default: {
          const std::string& other = corpus[random() % corpus.size()];
          text = text.substr(0, at) + other.substr(random() % other.size());
        }
      }
    }
    auto predicate = ParseFilter(text, Use::kCaseFilter);
    if (!predicate) {
      const Metadata& metadata = predicate.error().metadata;
      ASSERT_GE(std::stoul(metadata.at("column")), 1U) << text;
      ASSERT_LE(std::stoul(metadata.at("column")), text.size() + 1) << text;
      continue;
    }
    ++accepted;
    ASSERT_TRUE(Check(*predicate, Use::kCaseFilter)) << text;
    const std::string canonical = Canonical(*predicate);
    auto again = ParseFilter(canonical, Use::kCaseFilter);
    ASSERT_TRUE(again) << text;
    ASSERT_EQ(*again, *predicate) << text;
    ASSERT_EQ(Canonical(*again), canonical) << text;
  }
  EXPECT_GT(accepted, 3000);
}

}  // namespace
}  // namespace rebound
