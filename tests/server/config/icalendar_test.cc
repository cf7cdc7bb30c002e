// iCalendar files as people publish them, and each way in which they can be wrong.
#include "server/config/icalendar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

namespace rebound {

void PrintTo(const ICalendarError& error, std::ostream* os) {
  *os << error.line << ' ' << error.code << ' ' << error.message.en;
}

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Show(const ImportedDay& day) {
  const std::chrono::year_month_day date(day.date);
  std::ostringstream text;
  text << static_cast<int>(date.year()) << '-' << static_cast<unsigned>(date.month()) << '-'
       << static_cast<unsigned>(date.day()) << (day.is_workday ? " work " : " off ") << day.name;
  return text.str();
}

// The days of 2024 to 2028, one text each; mistakes instead, if there are any.
std::vector<std::string> Import(std::string_view text) {
  std::vector<ICalendarError> errors;
  std::vector<std::string> shown;
  if (const auto days = ParseICalendar(text, 2024, 2028, &errors)) {
    for (const ImportedDay& day : *days) shown.push_back(Show(day));
  }
  for (const ICalendarError& error : errors) shown.push_back(error.message.en);
  return shown;
}

// A calendar with one event of these lines: they begin in line 3 of the file.
std::string EventOf(std::string_view lines) {
  return "BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + std::string(lines) + "END:VEVENT\nEND:VCALENDAR\n";
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(REBOUND_SOURCE_DIR "/" + path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(ICalendarTest, ReadsEventsOfOneDayAndOfSeveral) {
  EXPECT_THAT(Import("BEGIN:VCALENDAR\r\n"
                     "VERSION:2.0\r\n"
                     "BEGIN:VEVENT\r\n"
                     "DTSTART;VALUE=DATE:20251001\r\n"
                     "DTEND;VALUE=DATE:20251004\r\n"
                     "SUMMARY:National Day\r\n"
                     "END:VEVENT\r\n"
                     "BEGIN:VEVENT\r\n"
                     "DTSTART;VALUE=DATE:20250704\r\n"
                     "SUMMARY;LANGUAGE=en:Independence Day\r\n"
                     "END:VEVENT\r\n"
                     "END:VCALENDAR\r\n"),
              ElementsAre("2025-7-4 off Independence Day", "2025-10-1 off National Day",
                          "2025-10-2 off National Day", "2025-10-3 off National Day"));
}

TEST(ICalendarTest, DaysKnowTheLineOfTheirEvent) {
  std::vector<ICalendarError> errors;
  const auto days = ParseICalendar(
      EventOf("SUMMARY:a long \n summary\nDTSTART;VALUE=DATE:20250704\n"), 2025, 2025, &errors);
  ASSERT_TRUE(days.has_value());
  EXPECT_THAT(*days, ElementsAre(testing::Field(&ImportedDay::line, 2)));
}

TEST(ICalendarTest, TellsWorkdaysFromHolidays) {
  struct Case {
    std::string_view lines;
    bool is_workday;
  };
  // As National holiday feeds, Apple and others write them.
  const std::vector<Case> cases{
      {"SUMMARY:春节假期\n", false},
      {"SUMMARY:春节（休）\n", false},
      {"SUMMARY:春节 假期 第1天/共8天\n", false},
      {"SUMMARY:国庆节\nCATEGORIES:Holidays,China\n", false},
      {"SUMMARY:春节（班）\n", true},
      {"SUMMARY:国庆节 补班 第1天/共2天\n", true},
      {"SUMMARY:上班(补春节假期)\n", true},
      {"SUMMARY:月末周六(班) 第1天/共1天\n", true},
      {"SUMMARY:春节调休班\n", true},
      {"SUMMARY:Saturday shift\nCATEGORIES:office,Workday\n", true},
      {"SUMMARY:Saturday shift\nCATEGORIES:a\nCATEGORIES:WORKDAY\n", true},
      {"SUMMARY:国庆节\nX-APPLE-SPECIAL-DAY:ALTERNATE-WORKDAY\n", true},
      {"SUMMARY:补班的节日\nX-APPLE-SPECIAL-DAY:WORK-HOLIDAY\n", false}};
  for (const Case& c : cases) {
    std::vector<ICalendarError> errors;
    const auto days = ParseICalendar(
        EventOf(std::string(c.lines) + "DTSTART;VALUE=DATE:20250126\n"), 2025, 2025, &errors);
    ASSERT_TRUE(days.has_value()) << c.lines;
    EXPECT_THAT(*days, ElementsAre(testing::Field(&ImportedDay::is_workday, c.is_workday)))
        << c.lines;
  }
}

TEST(ICalendarTest, InAFileThatMarksSpecialDaysTheOthersAreFestivals) {
  EXPECT_THAT(Import("BEGIN:VCALENDAR\n"
                     "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260214\nSUMMARY:情人节\nEND:VEVENT\n"
                     "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260214\nSUMMARY:春节（班）\n"
                     "X-APPLE-SPECIAL-DAY:ALTERNATE-WORKDAY\nEND:VEVENT\n"
                     "END:VCALENDAR\n"),
              ElementsAre("2026-2-14 work 春节（班）"));
}

TEST(ICalendarTest, ReadsTheUnusual) {
  struct Case {
    std::string_view what;
    std::string lines;
    std::vector<std::string> days;
  };
  const std::vector<Case> cases{
      {"an end that equals the start",
       "DTSTART;VALUE=DATE:20250101\nDTEND;VALUE=DATE:20250101\n",
       {"2025-1-1 off x"}},
      {"a date without VALUE=DATE", "DTSTART:20250101\n", {"2025-1-1 off x"}},
      {"lower case and parameters",
       "dtstart;value=date;x-a=\"b:c;d\":20250101\n",
       {"2025-1-1 off x"}},
      {"alarms",
       "DTSTART:20250101\nBEGIN:VALARM\nDURATION:PT5M\nTRIGGER:-PT60M\nEND:VALARM\n",
       {"2025-1-1 off x"}},
      {"cancelled", "DTSTART:20250101\nSTATUS:CANCELLED\n", {}},
      {"tentative", "DTSTART:20250101\nSTATUS:TENTATIVE\n", {"2025-1-1 off x"}},
      {"every year",
       "DTSTART:20220501\nRRULE:FREQ=YEARLY\n",
       {"2024-5-1 off x", "2025-5-1 off x", "2026-5-1 off x", "2027-5-1 off x", "2028-5-1 off x"}},
      {"counted from its start",
       "DTSTART:20220501\nRRULE:FREQ=YEARLY;COUNT=4;WKST=SU\n",
       {"2024-5-1 off x", "2025-5-1 off x"}},
      {"until a date, which is in",
       "DTSTART:20220501\nRRULE:FREQ=YEARLY;UNTIL=20250501\n",
       {"2024-5-1 off x", "2025-5-1 off x"}},
      {"every third year",
       "DTSTART:20220501\nRRULE:INTERVAL=3;FREQ=YEARLY\n",
       {"2025-5-1 off x", "2028-5-1 off x"}},
      {"29 February",
       "DTSTART:20200229\nRRULE:FREQ=YEARLY;COUNT=3\n",
       {"2024-2-29 off x", "2028-2-29 off x"}},
      {"exceptions",
       "DTSTART:20230501\nRRULE:FREQ=YEARLY\nEXDATE;VALUE=DATE:20240501,20260501\n"
       "EXDATE;VALUE=DATE:20280501\n",
       {"2025-5-1 off x", "2027-5-1 off x"}},
      {"over New Year",
       "DTSTART:20231231\nDTEND:20240103\nRRULE:FREQ=YEARLY;COUNT=1\n",
       {"2024-1-1 off x", "2024-1-2 off x"}},
      {"out of the years", "DTSTART:20290101\n", {}}};
  for (const Case& c : cases) {
    EXPECT_EQ(Import(EventOf("SUMMARY:x\n" + c.lines)), c.days) << c.what;
  }
}

TEST(ICalendarTest, WorkdaysMayHaveHours) {
  EXPECT_THAT(
      Import(EventOf("DTSTART:20240204T090000\nDTEND:20240204T180000\nSUMMARY:春节 补班\n")),
      ElementsAre("2024-2-4 work 春节 补班"));
}

TEST(ICalendarTest, JoinsFoldedLinesAndResolvesEscapes) {
  EXPECT_THAT(
      Import(EventOf("SUMMARY:Labour\\, \\;\\\\ day\\nof\n  us \n\tall\nDTSTART:2025\n 0501\n")),
      ElementsAre("2025-5-1 off Labour, ;\\ day of us all"));
  // A code point of three bytes, cut in two.
  EXPECT_THAT(Import(EventOf("SUMMARY:\xE6\x98\n \xA5节\nDTSTART:20250128\n")),
              ElementsAre("2025-1-28 off 春节"));
  EXPECT_THAT(Import("\xEF\xBB\xBF" + EventOf("SUMMARY:x\nDTSTART:20250128\n")),
              ElementsAre("2025-1-28 off x"));
}

TEST(ICalendarTest, TwoHolidaysOnOneDateAreOneDay) {
  const std::string event = "BEGIN:VEVENT\nDTSTART:20251006\nSUMMARY:";
  EXPECT_THAT(Import("BEGIN:VCALENDAR\n" + event + "国庆节\nEND:VEVENT\n" + event +
                     "中秋节\nEND:VEVENT\n" + event + "国庆节\nEND:VEVENT\nEND:VCALENDAR\n"),
              ElementsAre("2025-10-6 off 国庆节 / 中秋节"));
}

TEST(ICalendarTest, SaysWhatIsWrong) {
  struct Case {
    std::string text;
    int line;
    std::string_view code;
    std::string_view message;
  };
  const std::string good = "SUMMARY:x\nDTSTART:20250101\n";
  const std::vector<Case> cases{
      {"", 1, "I002", "expected BEGIN:VCALENDAR, found none"},
      {"<html>", 1, "I002", "expected NAME:value, found \"<html>\""},
      {"DTSTART:20250101\n", 1, "I002", "expected BEGIN:VCALENDAR, found \"DTSTART:20250101\""},
      {"BEGIN:VEVENT\nEND:VEVENT\n", 1, "I002", "expected BEGIN:VCALENDAR, found BEGIN:VEVENT"},
      {"BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + good, 4, "I002",
       "expected END:VEVENT for the BEGIN in line 2, found the end of the file"},
      {"BEGIN:VCALENDAR\nEND:VEVENT\n", 2, "I002", "expected END:VCALENDAR, found END:VEVENT"},
      {"BEGIN:VCALENDAR\nEND:VCALENDAR\nEND:VCALENDAR\n", 3, "I002",
       "expected BEGIN:VCALENDAR, found END:VCALENDAR"},
      {EventOf(good + "BEGIN:VEVENT\n"), 5, "I002", "expected END:VEVENT, found BEGIN:VEVENT"},
      {EventOf(good + "a line\n"), 5, "I002", "expected NAME:value, found \"a line\""},
      {EventOf(good + "X;Y:z\n"), 5, "I002", "expected NAME:value, found \"X;Y:z\""},
      {EventOf(good + "X-A;B=\"c:d\n"), 5, "I002", "expected NAME:value, found \"X-A;B=\"c:d\""},
      {"BEGIN:VCALENDAR\nSUMMARY:\xFF\nEND:VCALENDAR\n", 2, "I001",
       "expected text in UTF-8, found other bytes"},
      {std::string("BEGIN:VCALENDAR\nX:a\0b\nEND:VCALENDAR\n", 36), 2, "I001",
       "expected text in UTF-8, found other bytes"},
      {std::string(kMaxICalendarBytes + 1, 'x'), 1, "I001",
       "expected at most 1048576 bytes, found 1048577"},
      {"BEGIN:VCALENDAR\nBEGIN:VTODO\nEND:VTODO\nEND:VCALENDAR\n", 2, "I003",
       "expected events (VEVENT), found VTODO"},
      {"BEGIN:VCALENDAR\nCALSCALE:CHINESE\nEND:VCALENDAR\n", 2, "I003",
       "expected CALSCALE:GREGORIAN, found \"CHINESE\""},
      {"BEGIN:VCALENDAR\nVERSION:1.0\nEND:VCALENDAR\n", 2, "I003",
       "expected VERSION:2.0, found \"1.0\""},
      {"BEGIN:VCALENDAR\nMETHOD:CANCEL\nEND:VCALENDAR\n", 2, "I003",
       "expected a published calendar, found METHOD:CANCEL"},
      {EventOf("SUMMARY:x\n"), 2, "I005", "expected a DTSTART in the event, found none"},
      {EventOf("DTSTART:20250101\n"), 2, "I005",
       "expected a SUMMARY that names the day, found none"},
      {EventOf("SUMMARY:  \nDTSTART:20250101\n"), 2, "I005",
       "expected a SUMMARY that names the day, found none"},
      {EventOf("SUMMARY:\t \\n\t\nDTSTART:20250101\n"), 2, "I005",
       "expected a SUMMARY that names the day, found none"},
      {EventOf(good + "DTSTART:20250102\n"), 5, "I005",
       "expected one DTSTART in an event, found a second; the first is in line 4"},
      {EventOf("SUMMARY:x\nDTSTART;VALUE=DATE:20250229\n"), 4, "I004",
       "expected a date like DTSTART;VALUE=DATE:20251001, found \"20250229\""},
      {EventOf("SUMMARY:x\nDTSTART:2025-01-01\n"), 4, "I004",
       "expected a date like DTSTART;VALUE=DATE:20251001, found \"2025-01-01\""},
      {EventOf("SUMMARY:x\nDTSTART:20250101T090000\n"), 4, "I003",
       "expected whole days like DTSTART;VALUE=DATE:20251001, found a time, \"20250101T090000\""},
      {EventOf("SUMMARY:补班\nDTSTART:20250101T010000Z\n"), 4, "I003",
       "expected whole days like DTSTART;VALUE=DATE:20251001, found a time, \"20250101T010000Z\""},
      {EventOf("SUMMARY:补班\nDTSTART:20250101T220000\nDTEND:20250102T060000\n"), 5, "I003",
       "expected a workday's hours to end on 2025-01-01, found \"20250102T060000\""},
      {EventOf(good + "DTEND:20241231\n"), 5, "I006",
       "expected an end after 2025-01-01, found 2024-12-31"},
      {EventOf(good + "DTEND:20260103\n"), 5, "I006",
       "expected at most 366 days in an event, found 367"},
      {EventOf(good + "DURATION:P1D\n"), 5, "I003",
       "expected DTSTART, DTEND, RRULE and EXDATE to say which days, found DURATION"},
      {EventOf(good + "RDATE:20250601\n"), 5, "I003",
       "expected DTSTART, DTEND, RRULE and EXDATE to say which days, found RDATE"},
      {EventOf(good + "RECURRENCE-ID:20250601\n"), 5, "I003",
       "expected DTSTART, DTEND, RRULE and EXDATE to say which days, found RECURRENCE-ID"},
      {EventOf(good + "RRULE:FREQ=MONTHLY\n"), 5, "I003",
       "expected FREQ=YEARLY, found \"FREQ=MONTHLY\""},
      {EventOf(good + "RRULE:COUNT=3\n"), 5, "I004", "expected FREQ=YEARLY, found \"COUNT=3\""},
      {EventOf(good + "RRULE:FREQ=YEARLY;BYDAY=4TH\n"), 5, "I003",
       "expected FREQ=YEARLY, INTERVAL, COUNT or UNTIL only, found \"BYDAY=4TH\""},
      {EventOf(good + "RRULE:FREQ=YEARLY;COUNT=0\n"), 5, "I003",
       "expected COUNT from 1 up, found \"COUNT=0\""},
      {EventOf(good + "RRULE:FREQ=YEARLY;INTERVAL=1.5\n"), 5, "I003",
       "expected INTERVAL from 1 to 9999, found \"INTERVAL=1.5\""},
      {EventOf(good + "RRULE:FREQ=YEARLY;UNTIL=20271231T000000Z\n"), 5, "I003",
       "expected UNTIL with a date like 20271231, found \"UNTIL=20271231T000000Z\""},
      {EventOf(good + "RRULE:FREQ=YEARLY;COUNT=3;UNTIL=20271231\n"), 5, "I006",
       "expected COUNT or UNTIL, found both: \"FREQ=YEARLY;COUNT=3;UNTIL=20271231\""},
      {EventOf(good + "EXDATE:20250101T000000\n"), 5, "I004",
       "expected dates like EXDATE;VALUE=DATE:20251001, found \"20250101T000000\""},
      {EventOf(good + "X-APPLE-SPECIAL-DAY:HALF-DAY\n"), 5, "I004",
       "expected WORK-HOLIDAY or ALTERNATE-WORKDAY, found \"HALF-DAY\""},
      {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:春节\nDTSTART:20250128\nEND:VEVENT\n"
       "BEGIN:VEVENT\nSUMMARY:春节补班\nDTSTART:20250128\nEND:VEVENT\nEND:VCALENDAR\n",
       6, "I006",
       "expected 2025-01-28 once, found \"春节补班\" as a workday and, in line 2, \"春节\" as a "
       "holiday"}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.message);
    std::vector<ICalendarError> errors;
    EXPECT_FALSE(ParseICalendar(c.text, 2024, 2028, &errors).has_value());
    ASSERT_THAT(errors, Not(IsEmpty()));
    EXPECT_EQ(errors.front().line, c.line);
    EXPECT_EQ(errors.front().code, c.code);
    EXPECT_EQ(errors.front().message.en, c.message);
    EXPECT_TRUE(std::any_of(errors.front().message.zh.begin(), errors.front().message.zh.end(),
                            [](char byte) { return static_cast<signed char>(byte) < 0; }))
        << errors.front().message.zh;
  }
}

TEST(ICalendarTest, TellsAllMistakesInOrder) {
  std::vector<ICalendarError> errors;
  EXPECT_FALSE(ParseICalendar("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\nDTSTART:1\nEND:VEVENT\n"
                              "BEGIN:VJOURNAL\nEND:VJOURNAL\nEND:VCALENDAR\n",
                              2025, 2025, &errors)
                   .has_value());
  EXPECT_THAT(errors, ElementsAre(testing::Field(&ICalendarError::line, 4),
                                  testing::Field(&ICalendarError::line, 6)));
}

TEST(ICalendarTest, BoundsWhatOneFileCosts) {
  std::string many = "BEGIN:VCALENDAR\n";
  for (int i = 0; i < 300; ++i) many += "oops\n";
  std::vector<ICalendarError> errors;
  EXPECT_FALSE(ParseICalendar(many, 2025, 2025, &errors).has_value());
  EXPECT_THAT(errors, SizeIs(100));

  many = "BEGIN:VCALENDAR\n";
  for (int i = 0; i < 200; ++i) {
    many +=
        "BEGIN:VEVENT\nSUMMARY:x\nDTSTART:20250101\nDTEND:20251231\nRRULE:FREQ=YEARLY\n"
        "END:VEVENT\n";
  }
  many += "END:VCALENDAR\n";
  errors.clear();
  EXPECT_FALSE(ParseICalendar(many, 1970, 2060, &errors).has_value());
  EXPECT_THAT(errors,
              ElementsAre(testing::Field(
                  &ICalendarError::message,
                  testing::Field(&Bilingual::en, "expected at most 10000 days, found more"))));
}

// Bytes left out or doubled anywhere: days or mistakes, and nothing else.
TEST(ICalendarTest, AnyDamageIsAnsweredNotSuffered) {
  const std::string text =
      "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:Asia/Shanghai\r\nEND:VTIMEZONE\r\n"
      "BEGIN:VEVENT\r\nSUMMARY;LANGUAGE=\"zh\":国庆\r\n 节\\, x\r\nDTSTART;VALUE=DATE:20201001\r\n"
      "DTEND;VALUE=DATE:20201008\r\nRRULE:FREQ=YEARLY;INTERVAL=1;UNTIL=20281001\r\n"
      "EXDATE:20241001,20261001\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
  ASSERT_THAT(Import(text), SizeIs(21));
  for (size_t at = 0; at < text.size(); ++at) {
    for (const std::string& damaged : {text.substr(0, at), text.substr(0, at) + text.substr(at + 1),
                                       text.substr(0, at) + text[at] + text.substr(at)}) {
      std::vector<ICalendarError> errors;
      const bool has_days = ParseICalendar(damaged, 2025, 2025, &errors).has_value();
      EXPECT_EQ(has_days, errors.empty()) << damaged;
    }
  }
}

// The shipped holidays and those the calendar oracle computes with are written down twice.
TEST(ICalendarTest, ShippedHolidaysAreThoseOfTheOracle) {
  std::map<std::string, bool> expected;
  std::istringstream cases(ReadFile("tests/data/calendar_oracle/cases.tsv"));
  for (std::string line; std::getline(cases, line);) {
    if (!line.starts_with("day\tcn-office\t")) continue;
    expected[line.substr(14, 10)] = !line.ends_with("\t-");
  }
  EXPECT_THAT(expected, SizeIs(28 + 5 + 33 + 6 + 28 + 5));
  std::map<std::string, bool> shipped;
  for (const std::string name : {"cn-2025.ics", "cn-2026.ics", "cn-2027-assumed.ics"}) {
    std::vector<ICalendarError> errors;
    const auto days = ParseICalendar(ReadFile("config/calendars/" + name), 2025, 2027, &errors);
    EXPECT_THAT(errors, IsEmpty());
    ASSERT_TRUE(days.has_value()) << name;
    for (const ImportedDay& day : *days) {
      std::array<char, 16> date{};
      const std::chrono::year_month_day d(day.date);
      std::snprintf(date.data(), date.size(), "%04d-%02u-%02u", static_cast<int>(d.year()),
                    static_cast<unsigned>(d.month()), static_cast<unsigned>(d.day()));
      shipped[date.data()] = day.is_workday;
      if (d.year() == std::chrono::year{2027}) {
        EXPECT_THAT(day.name, HasSubstr("推定")) << "nobody may take it for published";
      }
    }
  }
  EXPECT_EQ(shipped, expected);
}

}  // namespace
}  // namespace rebound
