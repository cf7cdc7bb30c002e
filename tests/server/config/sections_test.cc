// What good files of each section become.
#include "server/config/sections.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/server/config/config_fixtures.h"

namespace rebound {
namespace {

using std::chrono::days;
using std::chrono::hours;

LocalDay Day(int year, unsigned month, unsigned day) {
  return LocalDay{std::chrono::year{year} / std::chrono::month{month} / std::chrono::day{day}};
}

std::vector<std::string> Codes(const std::vector<ConfigError>& errors) {
  std::vector<std::string> codes;
  for (const ConfigError& error : errors) codes.push_back(error.code);
  return codes;
}

// ---- Lifecycle ----------------------------------------------------------------------------------

std::vector<std::string> TransitionTexts(const Lifecycle& lifecycle) {
  std::vector<CanonicalItem> items;
  WriteLifecycle(lifecycle, &items);
  std::vector<std::string> texts;
  for (const CanonicalItem& item : items) {
    if (item.section == "transitions") texts.push_back(item.text);
  }
  std::sort(texts.begin(), texts.end());
  return texts;
}

TEST(LifecycleSectionTest, TheShippedFileIsTheLifecycleThatAppliesWithoutOne) {
  std::vector<ConfigError> errors;
  const auto loaded = LoadConfig(kRoot / "config", &errors);
  ASSERT_TRUE(loaded) << Render(errors);
  const Lifecycle expected = DefaultLifecycle();
  EXPECT_EQ(loaded->revision.lifecycle.initial, expected.initial);
  EXPECT_EQ(loaded->revision.lifecycle.max_returns, expected.max_returns);
  EXPECT_EQ(loaded->revision.lifecycle.max_extensions, expected.max_extensions);
  EXPECT_EQ(loaded->revision.lifecycle.statuses, expected.statuses);
  EXPECT_EQ(TransitionTexts(loaded->revision.lifecycle), TransitionTexts(expected));
}

TEST(LifecycleSectionTest, AListOfStatusesIsOneTransitionEachAndStaysIsTheirOwn) {
  const Lifecycle l = ParseWith("lifecycle.yaml", R"(version: 1
lifecycle:
  initial: open
  max_returns: 0
  statuses:
    - {key: open, name: {en: Open, zh: 待处理}, phase: open}
    - {key: done, name: {en: Done}, phase: remedied, handling_done: true}
    - {key: closed, name: {en: Closed}, phase: closed, handling_done: true}
  transitions:
    - {from: [open, done], command: chase, to: stays}
    - from: open
      command: remedy
      to: done
      otherwise: stays
      roles: [agent, verifier]
      requires: [owner, root_cause]
    - {from: done, command: close, to: closed}
)")
                          .revision.lifecycle;
  EXPECT_EQ(l.max_returns, 0);
  EXPECT_EQ(l.max_extensions, 2);
  const std::vector<Transition> expected = {
      {"open", CaseCommand::kChase, "open", "", "", {}, {}},
      {"done", CaseCommand::kChase, "done", "", "", {}, {}},
      {"open",
       CaseCommand::kRemedy,
       "done",
       "open",
       "",
       {"agent", "verifier"},
       {RequiredField::kOwner, RequiredField::kRootCause}},
      {"done", CaseCommand::kClose, "closed", "", "", {}, {}},
  };
  EXPECT_EQ(l.transitions, expected);
  EXPECT_EQ(l.statuses[0], (StatusDef{"open", "Open", "待处理", Phase::kOpen, false, {}}));
  EXPECT_EQ(l.statuses[1], (StatusDef{"done", "Done", "Done", Phase::kRemedied, true, {}}));
}

// ---- Calendars ----------------------------------------------------------------------------------

TEST(CalendarSectionTest, WeeksHolidaysAndMakeUpDaysAreRead) {
  const LoadedConfig loaded = ParseWith("calendars.yaml", R"(version: 1
calendars:
  - id: plant
    version: 3
    name: {en: Plant, zh: 工厂}
    time_zone: Asia/Shanghai
    week:
      mon: ["09:00-12:00", "13:30-18:00"]
      fri: "22:00-30:00"
    holidays:
      - {from: 2025-10-01, to: 2025-10-03, name: 国庆节}
      - {date: 2025-01-01}
    workdays:
      - {date: 2025-09-28, name: 调休}
      - {date: 2025-10-11, hours: "10:00-16:00"}
)");
  ASSERT_EQ(loaded.revision.calendars.size(), 1U);
  const Calendar& c = loaded.revision.calendars[0];
  EXPECT_EQ(c.version, 3);
  EXPECT_EQ(c.name_zh, "工厂");
  EXPECT_EQ(c.zone.name, "Asia/Shanghai");
  EXPECT_EQ(OffsetAt(c.zone, FromMillis(1'750'000'000'000)), Duration{hours{8}});
  const std::vector<WorkInterval> monday = {{540, 720}, {810, 1080}};
  EXPECT_EQ(c.week[0], monday);
  EXPECT_TRUE(c.week[1].empty());
  EXPECT_EQ(c.week[4], (std::vector<WorkInterval>{{1320, 1800}}));
  const std::vector<CalendarDay> expected = {
      {Day(2025, 1, 1), {}, ""},        {Day(2025, 9, 28), monday, "调休"},
      {Day(2025, 10, 1), {}, "国庆节"}, {Day(2025, 10, 2), {}, "国庆节"},
      {Day(2025, 10, 3), {}, "国庆节"}, {Day(2025, 10, 11), {{600, 960}}, ""},
  };
  EXPECT_EQ(c.days, expected);
  EXPECT_EQ(Codes(loaded.warnings), std::vector<std::string>{"W004"});
}

constexpr const char* kImporting = R"(version: 1
calendars:
  - id: office
    name: {en: Office}
    time_zone: Asia/Shanghai
    week: {mon: "09:00-18:00"}
    workdays:
      - {date: 2026-01-02, hours: "10:00-12:00"}
    import: calendars/cn.ics
)";

TEST(CalendarSectionTest, ImportedDaysStandBehindThoseWrittenOut) {
  const std::string ics =
      "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n"
      "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20250101T000000Z\r\nDTSTART;VALUE=DATE:20260101\r\n"
      "DTEND;VALUE=DATE:20260104\r\nSUMMARY:元旦假期\r\nEND:VEVENT\r\n"
      "BEGIN:VEVENT\r\nUID:2\r\nDTSTAMP:20250101T000000Z\r\nDTSTART;VALUE=DATE:20260104\r\n"
      "SUMMARY:元旦补班\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
  const LoadedConfig loaded = ParseGood({{"conf/programs.yaml", kPrograms},
                                         {"conf/playbooks.yaml", kPlaybooks},
                                         {"conf/calendars.yaml", kImporting},
                                         {"conf/calendars/cn.ics", ics}});
  const std::vector<CalendarDay> expected = {
      {Day(2026, 1, 1), {}, "元旦假期"},
      {Day(2026, 1, 2), {{600, 720}}, ""},
      {Day(2026, 1, 3), {}, "元旦假期"},
      {Day(2026, 1, 4), {{540, 1080}}, "元旦补班"},
  };
  EXPECT_EQ(loaded.revision.calendars.at(0).days, expected);
}

TEST(CalendarSectionTest, AnImportThatIsMissingOrBrokenIsToldWhereItIsNamed) {
  for (const bool there : {false, true}) {
    std::vector<ConfigFile> files = {{"programs.yaml", kPrograms},
                                     {"playbooks.yaml", kPlaybooks},
                                     {"calendars.yaml", kImporting}};
    if (there) files.push_back({"calendars/cn.ics", "BEGIN:VCALENDAR\r\n"});
    std::vector<ConfigError> errors;
    EXPECT_FALSE(ParseConfig(files, &errors));
    ASSERT_FALSE(errors.empty());
    EXPECT_EQ(errors[0].code, there ? "C018" : "C008");
    EXPECT_EQ(errors[0].file, "calendars.yaml");
    EXPECT_EQ(errors[0].line, 9);
    EXPECT_NE(errors[0].message.zh.find("cn.ics"), std::string::npos);
  }
}

// ---- Clocks -------------------------------------------------------------------------------------

TEST(ClockSectionTest, LimitsTiersAndConditionsAreRead) {
  std::vector<ConfigFile> files = {{"programs.yaml", kPrograms}, {"playbooks.yaml", kPlaybooks}};
  files.push_back({"calendars.yaml", R"(version: 1
calendars:
  - {id: office, name: {en: Office}, time_zone: UTC, week: {mon: "09:00-18:00"}}
)"});
  files.push_back({"clocks.yaml", R"(version: 1
clocks:
  - id: urgent
    name: {en: Urgent, zh: 紧急}
    kind: first_contact
    when: {priority: {is: urgent}}
    limit: 90 minutes
    count: business_time
    calendar: office
    met_by: attempt
    tiers:
      - {id: a, at: "75%", do: notify, notify: [owner, supervisor]}
      - {id: b, at: "-10 minutes", count: own, do: [raise_priority, escalate]}
      - {id: c, at: due, do: reassign, queue: night}
      - {id: d, at: 1 weeks, do: escalate}
  - {id: later, name: {en: Later}, kind: remedy, limit: 2 weeks, count: working_days,
     calendar: office, tiers: [{id: a, at: "-1 day", count: own, do: escalate}]}
  - {id: promise, name: {en: Promise}, kind: commitment}
)"});
  const LoadedConfig loaded = ParseGood(files);
  EXPECT_TRUE(loaded.warnings.empty()) << Render(loaded.warnings);
  ClockDefinition urgent;
  urgent.id = "urgent";
  urgent.name_en = "Urgent";
  urgent.name_zh = "紧急";
  urgent.kind = ClockKind::kFirstContact;
  urgent.when = Compare(FieldId::kPriority, Op::kEqual, std::string("urgent"));
  urgent.limit = {Count::kBusinessTime, 90 * 60'000};
  urgent.calendar_id = "office";
  urgent.met_by = MetBy::kAttempt;
  urgent.tiers = {
      {"a", {TierAt::Kind::kPercent, 75}, {TierAction::kNotify}, {"owner", "supervisor"}, ""},
      {"b",
       {TierAt::Kind::kOwnCount, -600'000},
       {TierAction::kRaisePriority, TierAction::kEscalate},
       {},
       ""},
      {"c", {TierAt::Kind::kWall, 0}, {TierAction::kReassign}, {}, "night"},
      {"d", {TierAt::Kind::kWall, Duration{days{7}}.count()}, {TierAction::kEscalate}, {}, ""},
  };
  ASSERT_EQ(loaded.revision.clocks.size(), 3U);
  EXPECT_EQ(loaded.revision.clocks[0], urgent);
  EXPECT_EQ(loaded.revision.clocks[1].limit, (Limit{Count::kWorkingDays, 14}));
  EXPECT_EQ(loaded.revision.clocks[1].tiers.at(0).at, (TierAt{TierAt::Kind::kOwnCount, -1}));
  EXPECT_EQ(loaded.revision.clocks[2].limit, Limit{});
}

TEST(ClockSectionTest, ALimitIsAcceptedUpToWhatTheCalendarGetsTo) {
  // A working day a week, and none in the summer.
  const std::string calendars = R"(version: 1
calendars:
  - id: office
    name: {en: Office}
    time_zone: Asia/Shanghai
    week: {wed: "09:00-17:00"}
    holidays: [{from: 2027-07-01, to: 2027-08-31}]
)";
  struct Row {
    std::string limit;  // the largest, and what is too much by one
    std::string beyond;
    std::string count;
  };
  const Row rows[] = {{"96 days", "97 days", "working_days"},
                      {"768 hours", "769 hours", "business_time"},
                      {"3652 days", "3653 days", "calendar_days"}};
  for (const Row& row : rows) {
    for (const std::string& limit : {row.limit, row.beyond}) {
      SCOPED_TRACE(limit);
      std::vector<ConfigError> errors;
      const auto loaded = ParseConfig(
          {{"programs.yaml", kPrograms},
           {"playbooks.yaml", kPlaybooks},
           {"calendars.yaml", calendars},
           {"clocks.yaml", "version: 1\nclocks:\n  - {id: a, name: {en: A}, kind: remedy, limit: " +
                               limit + ", count: " + row.count + ", calendar: office}\n"}},
          &errors);
      ASSERT_EQ(loaded.has_value(), limit == row.limit) << Render(errors);
      if (!loaded) {
        EXPECT_EQ(Codes(errors), std::vector<std::string>{"C019"});
        continue;
      }
      const Calendar& calendar = loaded->revision.calendars.at(0);
      const Limit& read = loaded->revision.clocks.at(0).limit;
      int given_up = 0;  // with one more
      for (int month = 0; month < 24; ++month) {
        const Timestamp start{
            std::chrono::sys_days{std::chrono::year{2026 + month / 12} /
                                  std::chrono::month{static_cast<unsigned>(month % 12) + 1} / 1}};
        const Counting counting{read.count, &calendar, start};
        EXPECT_TRUE(Advance(counting, start, read.amount)) << month;
        if (!Advance(counting, start, read.amount + 1)) ++given_up;
      }
      EXPECT_GT(given_up, 0);
    }
  }
}

// ---- The rest -----------------------------------------------------------------------------------

TEST(OrganizationSectionsTest, WithoutFilesTheShippedOnesApply) {
  const Revision revision = ParseGood(kPrograms, kPlaybooks).revision;
  EXPECT_EQ(revision.lifecycle, DefaultLifecycle());
  EXPECT_EQ(revision.priorities, DefaultPriorities());
  EXPECT_EQ(revision.roles, DefaultRoles());
  EXPECT_TRUE(revision.calendars.empty());
  EXPECT_TRUE(revision.clocks.empty());
  EXPECT_TRUE(revision.org_units.empty());
  EXPECT_EQ(revision.labels, Labels{});
}

TEST(OrganizationSectionsTest, TheShippedFilesAreThoseThatApplyWithoutOnes) {
  std::vector<ConfigError> errors;
  const auto loaded = LoadConfig(kRoot / "config", &errors);
  ASSERT_TRUE(loaded) << Render(errors);
  EXPECT_EQ(loaded->revision.priorities, DefaultPriorities());
  EXPECT_EQ(loaded->revision.roles, DefaultRoles());
  EXPECT_TRUE(loaded->warnings.empty()) << Render(loaded->warnings);
  EXPECT_GE(loaded->tests_run, 9);
}

TEST(OrganizationSectionsTest, UnitsAndLabelsAreRead) {
  const OrgUnit store = ParseWith("org_units.yaml", R"(version: 1
org_units:
  - {id: gd/深圳, name: {en: Shenzhen, zh: 深圳}, manager: li, from: 2025-03-01, until: 2026-01-01}
)")
                            .revision.org_units.at(0);
  EXPECT_EQ(store.id, "gd/深圳");
  EXPECT_EQ(store.manager, "li");
  EXPECT_EQ(FormatTime(*store.from), "2025-03-01T00:00:00Z");
  EXPECT_EQ(FormatTime(*store.until), "2026-01-01T00:00:00Z");
  const Labels labels = ParseWith("labels.yaml", R"(version: 1
labels: {topics: [{id: price, name: {en: Price, zh: 价格}}]}
)")
                            .revision.labels;
  EXPECT_EQ(labels.topics, (std::vector<Label>{{"price", "Price", "价格"}}));
  EXPECT_TRUE(labels.root_causes.empty());
}

// ---- Conditions ---------------------------------------------------------------------------------

TEST(ConditionTest, FiltersAndTreesGiveTheSamePredicate) {
  const struct {
    const char* tree;
    const char* filter;
  } rows[] = {
      {"{score: {at_most: 6}}", "score <= 6"},
      {"{score: {at_least: 3, below: 6}, channel: {is: sms}}",
       "score >= 3 AND score < 6 AND channel = \"sms\""},
      {"{all: [{score: {at_most: 6}}, {any: [{touchpoint: {within: room}}, {reason: "
       "{contains_any: [空调, aircon]}}]}], none: [{do_not_contact: {is: true}}]}",
       "score <= 6 AND (touchpoint:\"room\" OR reason:\"空调\" OR reason:\"aircon\") AND NOT "
       "do_not_contact = true"},
      {"{any: ['score <= 2', {all: ['severity >= 4', {category: {one_of: [passive]}}]}]}",
       "score <= 2 OR (severity >= 4 AND category = passive)"},
      {"{topic: {contains: price}, external_authority: {is_set: true}}",
       "topic:\"price\" AND external_authority:*"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.tree);
    const auto parse = [](const std::string& when) {
      return ParseGood(
                 kPrograms,
                 "version: 1\nplaybooks:\n  - id: a\n    name: {en: A}\n    when: " + when + "\n")
          .revision.playbooks.at(0)
          .when;
    };
    const Predicate of_tree = parse(row.tree);
    EXPECT_EQ(Canonical(of_tree), row.filter);
    EXPECT_EQ(parse("'" + std::string(row.filter) + "'"), of_tree);
  }
}

// ---- Warnings -----------------------------------------------------------------------------------

TEST(WarningTest, RulesThatNoCaseReachesAreToldButDoNotPrevent) {
  const auto playbook = [](const std::string& id, const std::string& when) {
    return "  - {id: " + id + ", name: {en: X}, when: '" + when + "'}\n";
  };
  const auto clock = [](const std::string& id, const std::string& when) {
    return "  - {id: " + id + ", name: {en: X}, kind: remedy, limit: 1 hours, when: '" + when +
           "'}\n";
  };
  const LoadedConfig loaded = ParseGood({
      {"programs.yaml", kPrograms},
      {"playbooks.yaml", "version: 1\nplaybooks:\n" + playbook("a", "score <= 2 AND score >= 5") +
                             playbook("b", "history = true AND severity >= 3") +
                             playbook("c", "history = true AND severity < 3") +
                             playbook("d", "history = true")},
      {"priorities.yaml",
       "version: 1\npriorities:\n  - {id: high, name: {en: H}, when: 'severity >= 4'}\n"
       "  - {id: top, name: {en: T}, when: 'severity >= 5'}\n  - {id: low, name: {en: L}}\n"},
      {"clocks.yaml",
       "version: 1\nclocks:\n" + clock("wide", "severity >= 2") + clock("narrow", "severity >= 3")},
      {"org_units.yaml", "version: 1\norg_units:\n  - {id: gd/sz/ns, name: {en: N}}\n"},
      {"labels.yaml", "version: 1\nlabels: {return_reasons: [{id: wrong, name: {en: Wrong}}]}\n"},
      {"lifecycle.yaml",
       "version: 1\nlifecycle:\n  initial: open\n  statuses:\n"
       "    - {key: open, name: {en: O}, phase: open}\n"
       "    - {key: closed, name: {en: C}, phase: closed}\n"
       "  transitions: [{from: open, command: withdraw, to: closed}]\n"},
  });
  EXPECT_EQ(Codes(loaded.warnings),
            (std::vector<std::string>{"W001", "W002", "W003", "W003", "W006", "W005"}))
      << Render(loaded.warnings);
  EXPECT_EQ(Render(loaded.warnings.at(1), Language::kChinese),
            "playbooks.yaml:6:10: 警告[W002]：补救方案 \"d\" "
            "应有工单可用，但前面各方案合起来已全部接走\n"
            "  6 |   - {id: d, name: {en: X}, when: 'history = true'}\n"
            "    |          ^\n"
            "    = 帮助：往前移，或去掉它\n");
  EXPECT_EQ(loaded.revision.playbooks.size(), 4U);
}

TEST(WarningTest, AFileWhoseNameIsAlmostRightIsToldOf) {
  const Folder folder;
  folder.Write(kPrograms, kPlaybooks);
  WriteText(folder.path() / "clock.yaml", "version: 1\nclocks: []\n");
  WriteText(folder.path() / "server.yaml", "anything: else\n");
  std::vector<ConfigError> errors;
  const auto loaded = LoadConfig(folder.path(), &errors);
  ASSERT_TRUE(loaded) << Render(errors);
  ASSERT_EQ(Codes(loaded->warnings), std::vector<std::string>{"W007"});
  EXPECT_EQ(loaded->warnings[0].help.en, "did you mean \"clocks.yaml\"?");
}

}  // namespace
}  // namespace rebound
