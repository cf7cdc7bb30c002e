#include "workflows/predicate.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "workflows/field_catalogue.h"

namespace rebound {
namespace {

using std::string_literals::operator""s;
using std::string_view_literals::operator""sv;

constexpr std::string_view kSomeId = "01arz3ndektsv4rrffq69g5fav";

Timestamp DayStart(int year, unsigned month, unsigned day) {
  return std::chrono::sys_days{std::chrono::year{year} / month / day};
}

// An operator that every field of that type takes, and takes a value.
Op OpFor(const Field& field) { return Accepts(field.type, Op::kEqual) ? Op::kEqual : Op::kHas; }

// A value of the field's type, for tests that walk the catalogue.
Value SampleOf(const Field& field) {
  switch (field.type) {
    case FieldType::kBool: return true;
    case FieldType::kInt: return int64_t{3};
    case FieldType::kText:
    case FieldType::kProse:
    case FieldType::kTexts: return "x"s;
    case FieldType::kPath: return "channel/hotline"s;
    case FieldType::kEnum: return std::string(field.enum_values.front());
    case FieldType::kTime: return DayStart(2026, 1, 31);
    case FieldType::kId: return std::string(kSomeId);
  }
  return {};
}

TEST(FieldCatalogueTest, EveryFieldIsCompleteAndFoundByItsName) {
  std::set<std::string_view> names;
  for (const Field& field : FieldCatalogue()) {
    SCOPED_TRACE(field.name);
    EXPECT_TRUE(names.insert(field.name).second);
    EXPECT_EQ(FindField(field.name), &field);
    EXPECT_EQ(&Describe(field.id), &field);
    EXPECT_FALSE(field.label_en.empty());
    EXPECT_FALSE(field.label_zh.empty());
    EXPECT_EQ(field.type == FieldType::kEnum, !field.enum_values.empty());
    EXPECT_EQ(field.is_protected, field.uses == 0);
    EXPECT_EQ(field.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos);
  }
  EXPECT_EQ(FindField("Score"), nullptr);
  EXPECT_EQ(FindField(""), nullptr);
}

TEST(FieldCatalogueTest, ProtectedAttributesAreUsableNowhere) {
  for (std::string_view name : {"gender", "age", "ethnicity", "religion"}) {
    const Field* field = FindField(name);
    ASSERT_NE(field, nullptr) << name;
    EXPECT_TRUE(field->is_protected);
    for (int use = 0; use < kUseCount; ++use) {
      EXPECT_FALSE(UsableIn(*field, static_cast<Use>(use))) << name;
      auto checked = CheckField(name, static_cast<Use>(use));
      ASSERT_FALSE(checked);
      EXPECT_EQ(checked.error().reason, Reason::kFilterInvalid);
      EXPECT_EQ(checked.error().metadata.at("problem"), "protected_field");
      EXPECT_EQ(checked.error().metadata.count("suggestion"), 0U);
    }
  }
}

TEST(FieldCatalogueTest, NearestFindsTheLikelyMisspelling) {
  const auto names = FieldNames(Use::kCaseFilter);
  EXPECT_EQ(Nearest("scroe", names), "score");
  EXPECT_EQ(Nearest("Severity", names), "severity");
  EXPECT_EQ(Nearest("handlingresult", names), "handling_result");
  EXPECT_EQ(Nearest("arn", names), "arm");
  EXPECT_EQ(Nearest("weather", names), "");
  EXPECT_EQ(Nearest("", names), "");
  EXPECT_EQ(Nearest(std::string(2000, 's'), names), "");
}

TEST(FieldCatalogueTest, ListsReadAsEnglish) {
  const std::vector<std::string_view> words = {"a", "b", "c"};
  EXPECT_EQ(JoinWithOr(words), "a, b or c");
  EXPECT_EQ(JoinWithOr(std::span(words).first(2)), "a or b");
  EXPECT_EQ(JoinWithOr(std::span(words).first(1)), "a");
  EXPECT_EQ(JoinWithOr({}), "");
}

TEST(PredicateTest, ComparisonsByType) {
  const FieldValue hotline = "channel/hotline"sv;
  const FieldValue noon = DayStart(2026, 1, 31) + std::chrono::hours{12};
  const std::vector<std::string> two = {"staff", "billing"};
  const FieldValue topics = std::span<const std::string>(two);
  const struct {
    FieldId field;
    Op op;
    Value literal;
    FieldValue actual;
    bool expected;
  } rows[] = {
      {FieldId::kScore, Op::kEqual, int64_t{6}, int64_t{6}, true},
      {FieldId::kScore, Op::kEqual, int64_t{6}, int64_t{7}, false},
      {FieldId::kScore, Op::kNotEqual, int64_t{6}, int64_t{7}, true},
      {FieldId::kScore, Op::kLess, int64_t{6}, int64_t{6}, false},
      {FieldId::kScore, Op::kLess, int64_t{6}, int64_t{-1}, true},
      {FieldId::kScore, Op::kLessOrEqual, int64_t{6}, int64_t{6}, true},
      {FieldId::kScore, Op::kGreater, int64_t{6}, int64_t{6}, false},
      {FieldId::kScore, Op::kGreaterOrEqual, int64_t{6}, int64_t{6}, true},
      {FieldId::kHistory, Op::kEqual, true, true, true},
      {FieldId::kHistory, Op::kNotEqual, true, false, true},
      {FieldId::kOpenTime, Op::kGreaterOrEqual, DayStart(2026, 1, 31), noon, true},
      {FieldId::kOpenTime, Op::kEqual, DayStart(2026, 1, 31), noon, false},
      {FieldId::kOpenTime, Op::kLess, DayStart(2026, 1, 31), DayStart(1960, 1, 1), true},
      {FieldId::kProgram, Op::kEqual, "宽带"s, "宽带"sv, true},
      {FieldId::kProgram, Op::kEqual, "nps"s, "NPS"sv, false},
      {FieldId::kPhase, Op::kNotEqual, "closed"s, "open"sv, true},
      // ':' is the path or below it, by whole segments.
      {FieldId::kTouchpoint, Op::kHas, "channel"s, hotline, true},
      {FieldId::kTouchpoint, Op::kHas, "channel/hotline"s, hotline, true},
      {FieldId::kTouchpoint, Op::kHas, "chan"s, hotline, false},
      {FieldId::kTouchpoint, Op::kHas, "hotline"s, hotline, false},
      {FieldId::kTouchpoint, Op::kHas, "channel/hotline/x"s, hotline, false},
      {FieldId::kTouchpoint, Op::kEqual, "channel"s, hotline, false},
      {FieldId::kOrgUnit, Op::kHas, "广东"s, "广东/深圳"sv, true},
      {FieldId::kOrgUnit, Op::kHas, "广东"s, "广东省/深圳"sv, false},
      // On prose it is "contains", ASCII case aside; on several texts one of them is equal.
      {FieldId::kReason, Op::kHas, "空调"s, "房间空调太冷"sv, true},
      {FieldId::kReason, Op::kHas, "冷气"s, "房间空调太冷"sv, false},
      {FieldId::kReason, Op::kHas, "AirCon"s, "the aircon, again"sv, true},
      {FieldId::kReason, Op::kHas, "aircons"s, "the aircon"sv, false},
      {FieldId::kReason, Op::kHas, "n"s, "the aircon"sv, true},
      {FieldId::kReason, Op::kHas, "nn"s, "ninnn"sv, true},
      {FieldId::kReason, Op::kHas, "much longer than the text"s, "text"sv, false},
      {FieldId::kReason, Op::kIsSet, {}, "x"sv, true},
      {FieldId::kTopic, Op::kHas, "billing"s, topics, true},
      {FieldId::kTopic, Op::kHas, "bill"s, topics, false},
      {FieldId::kTopic, Op::kHas, "Billing"s, topics, false},
      {FieldId::kTopic, Op::kIsSet, {}, topics, true},
      {FieldId::kHistory, Op::kIsSet, {}, false, true},
      {FieldId::kNumber, Op::kEqual, "C-17"s, ShortText("C-17"), true},
      {FieldId::kNumber, Op::kNotEqual, "C-17"s, ShortText("C-18"), true},
  };
  for (const auto& row : rows) {
    const Comparison comparison{row.field, row.op, row.literal};
    SCOPED_TRACE(Canonical(Compare(row.field, row.op, row.literal)));
    ASSERT_TRUE(CheckOp(Describe(row.field), row.op));
    EXPECT_EQ(Matches(comparison, row.actual), row.expected);
  }
}

TEST(PredicateTest, AnUnsetFieldNeverMatchesNotEvenUnequal) {
  for (const Field& field : FieldCatalogue()) {
    for (int op = 0; op < kOpCount; ++op) {
      if (!Accepts(field.type, static_cast<Op>(op))) continue;
      const Comparison comparison{field.id, static_cast<Op>(op), SampleOf(field)};
      EXPECT_FALSE(Matches(comparison, FieldValue{})) << field.name << Symbol(comparison.op);
    }
  }
}

TEST(PredicateTest, AllNeedsEveryChildAndNoneIsAlwaysTrue) {
  const auto read = [](FieldId field) -> FieldValue {
    if (field == FieldId::kScore) return int64_t{4};
    if (field == FieldId::kProgram) return "nps"sv;
    return {};
  };
  const Predicate low = Compare(FieldId::kScore, Op::kLessOrEqual, int64_t{6});
  const Predicate nps = Compare(FieldId::kProgram, Op::kEqual, "nps"s);
  const Predicate owned = Compare(FieldId::kOwner, Op::kNotEqual, "li"s);
  EXPECT_TRUE(Evaluate(Predicate{}, read));
  EXPECT_TRUE(Evaluate(All({}), read));
  EXPECT_TRUE(Evaluate(All({low, nps}), read));
  EXPECT_TRUE(Evaluate(All({low, All({nps, All({})})}), read));
  EXPECT_FALSE(Evaluate(All({low, nps, owned}), read));
  EXPECT_FALSE(Evaluate(All({low, All({owned})}), read));
}

TEST(PredicateTest, CanonicalIsTheFilterString) {
  const struct {
    Predicate predicate;
    std::string_view expected;
  } rows[] = {
      {All({}), ""},
      {Compare(FieldId::kScore, Op::kLessOrEqual, int64_t{-6}), "score <= -6"},
      {Compare(FieldId::kTouchpoint, Op::kHas, "channel"s), R"(touchpoint:"channel")"},
      {Compare(FieldId::kProgram, Op::kEqual, "a \"b\" \\ \n\r\t'宽带"s),
       R"(program = "a \"b\" \\ \n\r\t'宽带")"},
      {Compare(FieldId::kOwner, Op::kIsSet, {}), "owner:*"},
      {None({Compare(FieldId::kReason, Op::kHas, "空调"s)}), R"(NOT reason:"空调")"},
      {Compare(FieldId::kHistory, Op::kNotEqual, false), "history != false"},
      {Compare(FieldId::kCustomer, Op::kEqual, std::string(kSomeId)),
       "customer = 01arz3ndektsv4rrffq69g5fav"},
      {Compare(FieldId::kOpenTime, Op::kLess, DayStart(2026, 1, 31)),
       "open_time < 2026-01-31T00:00:00Z"},
      {All({Compare(FieldId::kPhase, Op::kEqual, "open"s),
            All({Compare(FieldId::kScore, Op::kEqual, int64_t{0})}),
            Compare(FieldId::kArm, Op::kEqual, "treated"s)}),
       "phase = open AND score = 0 AND arm = treated"},
  };
  for (const auto& row : rows) EXPECT_EQ(Canonical(row.predicate), row.expected);
}

TEST(PredicateTest, TimesAreRfc3339InUtc) {
  EXPECT_EQ(FormatTime(FromMillis(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatTime(FromMillis(1)), "1970-01-01T00:00:00.001Z");
  EXPECT_EQ(FormatTime(FromMillis(-1)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(FormatTime(DayStart(0, 1, 1)), "0000-01-01T00:00:00Z");
  EXPECT_EQ(FormatTime(DayStart(10000, 1, 1) - Duration{1}), "9999-12-31T23:59:59.999Z");
}

TEST(PredicateTest, TimeLiterals) {
  const Timestamp day = DayStart(2026, 1, 31);
  const struct {
    std::string_view text;
    std::optional<Timestamp> expected;
  } rows[] = {
      {"2026-01-31", day},
      {"2026-01-31T00:00:00Z", day},
      {"2026-01-31t00:00:00z", day},
      {"2026-01-31 00:00:00Z", day},
      {"2026-01-31T08:00:00+08:00", day},
      {"2026-01-30T19:30:00-04:30", day},
      {"2026-01-31T00:00:00.5Z", day + Duration{500}},
      {"2026-01-31T00:00:00.123Z", day + Duration{123}},
      {"2026-01-31T00:00:00.123000Z", day + Duration{123}},
      {"2024-02-29", DayStart(2024, 2, 29)},
      {"2026-02-29", {}},
      {"2026-13-01", {}},
      {"2026-1-31", {}},
      {"2026-01-31T", {}},
      {"2026-01-31T00:00Z", {}},
      {"2026-01-31T00:00:00", {}},  // no zone
      {"2026-01-31T24:00:00Z", {}},
      {"2026-01-31T00:60:00Z", {}},
      {"2026-01-31T00:00:60Z", {}},
      {"2026-01-31T00:00:00.Z", {}},
      {"2026-01-31T00:00:00.1234Z", {}},  // finer than a millisecond
      {"2026-01-31T00:00:00Zx", {}},
      {"2026-01-31T00:00:00+24:00", {}},
      {"2026-01-31T00:00:00+0800", {}},
      {"0000-01-01T00:00:00+08:00", {}},  // before year 0 in UTC
      {"9999-12-31T23:59:59-00:01", {}},
      {"", {}},
      {"yesterday", {}},
  };
  for (const auto& row : rows) {
    auto value = ParseLiteral(Describe(FieldId::kOpenTime), row.text, false);
    ASSERT_EQ(value.has_value(), row.expected.has_value()) << row.text;
    if (value) {
      EXPECT_EQ(std::get<Timestamp>(*value), *row.expected) << row.text;
    }
  }
}

TEST(PredicateTest, GroupsAreBooleanAlsoOverUnsetFields) {
  const Predicate holds = Compare(FieldId::kScore, Op::kEqual, int64_t{6});
  const Predicate fails = Compare(FieldId::kScore, Op::kEqual, int64_t{7});
  const Predicate equal = Compare(FieldId::kOwner, Op::kEqual, "wei"s);
  const Predicate differs = Compare(FieldId::kOwner, Op::kNotEqual, "wei"s);
  const auto read = [](FieldId field) {
    return field == FieldId::kScore ? FieldValue{int64_t{6}} : FieldValue{};
  };
  const struct {
    Predicate predicate;
    bool expected;
  } rows[] = {
      {All({}), true},
      {Any({}), false},
      {None({}), true},
      {All({holds, fails}), false},
      {Any({fails, holds}), true},
      {Any({fails, fails}), false},
      {None({fails, fails}), true},
      {None({fails, holds}), false},
      {equal, false},
      {differs, false},
      {None({equal}), true},
      {None({differs}), true},
      {Any({equal, differs}), false},
      {All({None({Any({equal, None({holds})})}), holds}), true},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(Evaluate(row.predicate, read), row.expected) << Canonical(row.predicate);
  }
}

TEST(PredicateTest, ProseAndTopicsAreSearchedNotCompared) {
  EXPECT_TRUE(Check(Compare(FieldId::kReason, Op::kHas, "x"s), Use::kOpeningRule));
  EXPECT_TRUE(Check(Compare(FieldId::kTopic, Op::kIsSet, {}), Use::kOpeningRule));
  const struct {
    Predicate predicate;
    std::string_view problem;
    std::string_view suggestion;
  } rows[] = {
      {Compare(FieldId::kReason, Op::kEqual, "x"s), "operator_not_allowed", ":"},
      {Compare(FieldId::kTopic, Op::kNotEqual, "x"s), "operator_not_allowed", ""},
      {Compare(FieldId::kReason, Op::kHas, ""s), "value_invalid", ""},
      {Compare(FieldId::kTopic, Op::kHas, ""s), "value_invalid", ""},
  };
  for (const auto& row : rows) {
    auto checked = Check(row.predicate, Use::kOpeningRule);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().metadata.at("problem"), row.problem);
    EXPECT_EQ(checked.error().metadata.count("suggestion") == 1
                  ? checked.error().metadata.at("suggestion")
                  : "",
              row.suggestion);
  }
}

TEST(PredicateTest, RulesMayHoldMoreComparisonsThanFilters) {
  const auto many = [](size_t count) {
    return Any(std::vector<Predicate>(count, Compare(FieldId::kScore, Op::kEqual, int64_t{1})));
  };
  EXPECT_TRUE(Check(many(64), Use::kCaseFilter));
  EXPECT_FALSE(Check(many(65), Use::kCaseFilter));
  EXPECT_TRUE(Check(many(256), Use::kOpeningRule));
  EXPECT_FALSE(Check(many(257), Use::kOpeningRule));
}

TEST(PredicateTest, CanonicalBracketsOnlyWhereItMatters) {
  const Predicate a = Compare(FieldId::kScore, Op::kEqual, int64_t{1});
  const Predicate b = Compare(FieldId::kScore, Op::kEqual, int64_t{2});
  const struct {
    Predicate predicate;
    std::string_view expected;
  } rows[] = {
      {All({a, All({b, a})}), "score = 1 AND score = 2 AND score = 1"},
      {Any({a, Any({b, a})}), "score = 1 OR score = 2 OR score = 1"},
      {All({Any({a, b}), a}), "(score = 1 OR score = 2) AND score = 1"},
      {Any({All({a, b}), a}), "(score = 1 AND score = 2) OR score = 1"},
      {All({Any({a}), Any({All({b})})}), "score = 1 AND score = 2"},
      {None({a}), "NOT score = 1"},
      {None({a, b}), "NOT (score = 1 OR score = 2)"},
      {None({Any({a, b})}), "NOT (score = 1 OR score = 2)"},
      {None({All({a, b})}), "NOT (score = 1 AND score = 2)"},
      {None({None({a})}), "NOT (NOT score = 1)"},
      {Any({None({a}), b}), "NOT score = 1 OR score = 2"},
      {All({None({a, b}), b}), "NOT (score = 1 OR score = 2) AND score = 2"},
  };
  for (const auto& row : rows) EXPECT_EQ(Canonical(row.predicate), row.expected);
}

TEST(PredicateTest, EveryUsableFieldPassesCheckInItsPlacesOnly) {
  for (const Field& field : FieldCatalogue()) {
    for (int use = 0; use < kUseCount; ++use) {
      const Predicate predicate = All({Compare(field.id, OpFor(field), SampleOf(field))});
      EXPECT_EQ(Check(predicate, static_cast<Use>(use)).has_value(),
                UsableIn(field, static_cast<Use>(use)))
          << field.name << " " << use;
    }
  }
}

TEST(PredicateTest, CheckNamesTheFirstProblem) {
  Predicate deep = Compare(FieldId::kScore, Op::kEqual, int64_t{1});
  for (int i = 0; i <= kMaxPredicateDepth; ++i) deep = All({deep});
  const std::vector<Predicate> many(65, Compare(FieldId::kScore, Op::kEqual, int64_t{1}));
  const struct {
    Predicate predicate;
    std::string_view problem;
    std::string_view found;
  } rows[] = {
      {Compare(FieldId::kOccurTime, Op::kEqual, DayStart(2026, 1, 1)), "field_not_allowed",
       "occur_time"},
      {Compare(FieldId::kGender, Op::kEqual, "f"s), "protected_field", "gender"},
      {Compare(FieldId::kProgram, Op::kLess, "a"s), "operator_not_allowed", "<"},
      {Compare(FieldId::kProgram, Op::kHas, "a"s), "operator_not_allowed", ":"},
      {Compare(FieldId::kOwner, Op::kIsSet, "a"s), "value_invalid", "a"},
      {Compare(FieldId::kScore, Op::kEqual, "6"s), "value_invalid", "6"},
      {Compare(FieldId::kScore, Op::kEqual, Value{}), "value_invalid", "nothing"},
      {Compare(FieldId::kHistory, Op::kEqual, int64_t{1}), "value_invalid", "1"},
      {Compare(FieldId::kProgram, Op::kEqual, true), "value_invalid", "true"},
      {Compare(FieldId::kPhase, Op::kEqual, "opne"s), "value_invalid", "opne"},
      {Compare(FieldId::kCustomer, Op::kEqual, "C-1042"s), "value_invalid", "C-1042"},
      {Compare(FieldId::kOpenTime, Op::kEqual, DayStart(10000, 1, 1)), "value_invalid",
       "253402300800000 ms"},
      {Compare(FieldId::kProgram, Op::kEqual, "a\0b"s), "value_invalid", "a\uFFFDb"},
      {Compare(FieldId::kTouchpoint, Op::kHas, "channel/"s), "value_invalid", "channel/"},
      {Compare(FieldId::kTouchpoint, Op::kHas, "/channel"s), "value_invalid", "/channel"},
      {Compare(FieldId::kTouchpoint, Op::kHas, ""s), "value_invalid", ""},
      {deep, "too_deep", "a deeper group"},
      {Any({}), "empty_group", "nothing"},
      {None({}), "empty_group", "nothing"},
      {All({All({})}), "empty_group", "nothing"},
      {None({Compare(FieldId::kAge, Op::kEqual, int64_t{1})}), "protected_field", "age"},
      {All(many), "too_many", "score"},
  };
  for (const auto& row : rows) {
    auto checked = Check(row.predicate, Use::kCaseFilter);
    SCOPED_TRACE(row.problem);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().reason, Reason::kFilterInvalid);
    EXPECT_EQ(checked.error().metadata.at("problem"), row.problem);
    EXPECT_TRUE(std::string_view(checked.error().metadata.at("found")).starts_with(row.found));
    EXPECT_FALSE(checked.error().metadata.at("expected").empty());
  }
}

}  // namespace
}  // namespace rebound
