#include "clients/cli/values.h"

#include <gtest/gtest.h>

#include <set>

#include "rebound/v1/case.pb.h"

namespace rebound::cli {
namespace {

TEST(CliValuesTest, MoneyIsReadExactlyAndShownWithItsCurrencysDecimals) {
  struct Row {
    const char* text;
    int64_t minor;
    const char* code;
    const char* shown;
  };
  for (const Row& row : {
           Row{"CNY 20.00", 2000, "CNY", "CNY 20.00"},
           Row{"20 CNY", 2000, "CNY", "CNY 20.00"},
           Row{"CNY 0.05", 5, "CNY", "CNY 0.05"},
           Row{"CNY 12.5", 1250, "CNY", "CNY 12.50"},
           Row{"CNY -0.05", -5, "CNY", "CNY -0.05"},
           Row{"JPY 1250", 1250, "JPY", "JPY 1250"},
           Row{"KWD 1.234", 1234, "KWD", "KWD 1.234"},
           Row{"CLF 1.0001", 10001, "CLF", "CLF 1.0001"},
           Row{"USD 0.1", 10, "USD", "USD 0.10"},
       }) {
    std::string reason;
    const std::optional<v1::Money> money = ReadMoney(row.text, &reason);
    ASSERT_TRUE(money) << row.text << ": " << reason;
    EXPECT_EQ(money->amount_minor(), row.minor) << row.text;
    EXPECT_EQ(money->currency_code(), row.code) << row.text;
    EXPECT_EQ(FormatMoney(*money), row.shown);
  }
}

TEST(CliValuesTest, MoneyThatIsNotExactIsRefusedWithTheReason) {
  for (const char* text : {"", "20", "CNY", "CNY 1,000", "cny 20", "CNY 1.234", "JPY 1.5", "CNY 1.",
                           "CNY .5", "CNY 1e3", "CNY 99999999999999999999", "CNY  5", "CNY NaN"}) {
    std::string reason;
    EXPECT_FALSE(ReadMoney(text, &reason)) << text;
    EXPECT_NE(reason.find("expected"), std::string::npos) << text << ": " << reason;
  }
}

TEST(CliValuesTest, TimesAreReadInUtc) {
  struct Row {
    const char* text;
    const char* shown;
  };
  for (const Row& row : {
           Row{"2026-01-31T08:00:00Z", "2026-01-31T08:00:00Z"},
           Row{"2026-01-31T08:00:00+08:00", "2026-01-31T00:00:00Z"},
           Row{"2026-01-31", "2026-01-31T00:00:00Z"},
           Row{"2026-01-31 08:15", "2026-01-31T08:15:00Z"},
           Row{"2026-01-31T08:00:00.250Z", "2026-01-31T08:00:00.250Z"},
           Row{"1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"},
       }) {
    std::string reason;
    const auto time = ReadTime(row.text, &reason);
    ASSERT_TRUE(time) << row.text << ": " << reason;
    EXPECT_EQ(FormatTime(*time), row.shown) << row.text;
    EXPECT_GE(time->nanos(), 0) << row.text;
  }
  for (const char* text : {"", "yesterday", "2026-02-30", "31.1.2026", "+", "+d", "+2w", "+-2d",
                           "+99999999999d", "+1.5h"}) {
    std::string reason;
    EXPECT_FALSE(ReadTime(text, &reason)) << text;
    EXPECT_FALSE(reason.empty()) << text;
  }
}

TEST(CliValuesTest, ARelativeTimeLiesAheadOfNow) {
  std::string reason;
  const auto minutes = ReadTime("+30m", &reason);
  const auto days = ReadTime("+3d", &reason);
  ASSERT_TRUE(minutes && days);
  const int64_t between = days->seconds() - minutes->seconds();
  EXPECT_NEAR(static_cast<double>(between), 3 * 86'400 - 1'800, 600);
}

TEST(CliValuesTest, EnumsHaveShortNames) {
  EXPECT_EQ(EnumName(v1::CHANNEL_IN_PERSON), "in_person");
  EXPECT_EQ(EnumName(v1::CHANNEL_UNSPECIFIED), "");
  EXPECT_EQ(EnumName(static_cast<v1::Channel>(77)), "77");
  EXPECT_EQ(EnumValue(v1::Channel_descriptor(), "In-Person"), v1::CHANNEL_IN_PERSON);
  EXPECT_EQ(EnumValue(v1::Channel_descriptor(), "unspecified"), std::nullopt);
  EXPECT_EQ(EnumValue(v1::AttemptOutcome_descriptor(), "no_answer"), v1::ATTEMPT_OUTCOME_NO_ANSWER);
  EXPECT_EQ(EnumNames(v1::CommitmentState_descriptor()),
            (std::vector<std::string>{"pending", "kept", "broken", "moved"}));
}

TEST(CliValuesTest, KeysSplitAtTheFirstColon) {
  EXPECT_EQ(FormatKey(*ReadKey("crm:a:b")), "crm:a:b");
  EXPECT_EQ(ReadKey("crm:a:b")->source_system(), "crm");
  for (const char* text : {"", "crm", ":88", "crm:"}) EXPECT_FALSE(ReadKey(text)) << text;
}

TEST(CliValuesTest, DurationsAndFiguresReadWell) {
  const auto duration = [](int64_t seconds) {
    google::protobuf::Duration value;
    value.set_seconds(seconds);
    return FormatDuration(value);
  };
  EXPECT_EQ(duration(0), "0");
  EXPECT_EQ(duration(90 * 86'400), "90 days");
  EXPECT_EQ(duration(86'400 + 12 * 3'600), "1 day 12 h");
  EXPECT_EQ(duration(90), "1 min 30 s");
  EXPECT_EQ(duration(86'400 + 3'600 + 61), "90061 s");
  EXPECT_EQ(Percent(0.0561175), "5.61 %");
  EXPECT_EQ(Decimal(39.8398, 2), "39.84");
  EXPECT_EQ(Decimal(-0.001, 2), "0.00");
}

TEST(CliValuesTest, RequestIdsAreFreshAndOfTheAllowedForm) {
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    const std::string id = NewRequestId();
    EXPECT_EQ(id.size(), 36u);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef-"), std::string::npos) << id;
    EXPECT_EQ(id[14], '7') << id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 100u);
}

}  // namespace
}  // namespace rebound::cli
