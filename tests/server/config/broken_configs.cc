#include "tests/server/config/broken_configs.h"

#include <gtest/gtest.h>

#include <utility>

#include "tests/server/config/config_fixtures.h"

namespace rebound {
namespace {

std::string Program(const std::string& lines) {
  return "version: 1\nprograms:\n  - id: hotline\n    name: {en: Hotline}\n"
         "    kind: transactional\n" +
         lines;
}

std::string Playbook(const std::string& lines) {
  return "version: 1\nplaybooks:\n  - id: low\n    name: {en: Low}\n" + lines;
}

// ---- Mistakes -----------------------------------------------------------------------------------

std::vector<Broken> BrokenProgramsAndPlaybooks() {
  const std::string good = kPrograms;
  const std::string low = kPlaybooks;
  const auto program = [&](const std::string& name, const std::string& lines) {
    return Broken{name, Program(lines), low};
  };
  const auto scale = [&](const std::string& name, const std::string& value) {
    return Broken{name, Program("    scale: " + value + "\n"), low};
  };
  const auto field = [&](const std::string& name, const std::string& line) {
    return Broken{name, Program("    scale: nps\n    " + line + "\n"), low};
  };
  const auto playbook = [&](const std::string& name, const std::string& lines) {
    return Broken{name, good, Playbook(lines)};
  };
  const auto when = [&](const std::string& name, const std::string& value) {
    return Broken{name, good, Playbook("    when: " + value + "\n")};
  };
  std::string deep = "version: 1\nprograms: ";
  for (int i = 0; i < 64; ++i) deep += '[';
  deep += std::string(64, ']') + "\n";
  std::string very_deep = "version: 1\nprograms: ";
  for (int i = 0; i < 100'000; ++i) very_deep += '[';
  return {
      {"empty_file", "", low},
      {"only_a_comment", "# nothing\n", low},
      {"a_list_at_the_root", "- version: 1\n", low},
      {"not_utf8", "version: 1\nprograms: # \xB2\xE2\xCA\xD4\n", low},
      {"nul", std::string("version: 1\nprog\0rams:\n", 22), low},
      {"tab_indentation", "version: 1\nprograms:\n\t- id: x\n", low},
      {"open_bracket", "version: 1\nprograms: [{id: x}\n", low},
      {"open_quote", Program("    scale: \"nps\n"), low},
      {"colon_in_plain_text", good, Playbook("    when: touchpoint : \"billing\"\n")},
      {"too_deep", deep, low},
      {"very_deep", very_deep, low},
      {"anchor_and_alias",
       Program("    scale: &s nps\n") + "  - id: b\n    name: {en: B}\n    scale: *s\n", low},
      {"unknown_alias", Program("    scale: *s\n"), low},
      {"tag", Program("    scale: !!str nps\n"), low},
      {"two_documents", good + "---\nversion: 1\n", low},
      {"version_missing", "programs: []\n", low},
      {"version_unknown", "version: 2\nprograms: []\n", low},
      {"programs_missing", "version: 1\n", low},
      {"programs_empty", "version: 1\nprograms: []\n", low},
      {"programs_without_items", "version: 1\nprograms:\n", low},
      {"programs_a_mapping", "version: 1\nprograms: {id: x}\n", low},
      {"program_a_word", "version: 1\nprograms:\n  - hotline\n", low},
      {"playbooks_in_the_wrong_file", good + "playbooks: []\n", low},
      {"everything_missing", "version: 1\nprograms:\n  - queue: x\n", low},
      field("unknown_key", "recovery_windw: 90 days"),
      field("unknown_key_without_a_likely_one", "colour: red"),
      field("unknown_key_in_chinese", "评分制: nps"),
      field("duplicate_key", "kind: relational"),
      field("key_is_a_list", "[a, b]: 1"),
      program("null_value", "    scale: nps\n    currency:\n    time_zone: UTC\n"),
      {"id_malformed",
       "version: 1\nprograms:\n  - id: Hot Line_2\n    name: {en: H}\n"
       "    kind: internal\n    scale: nps\n",
       low},
      {"id_twice",
       good + "  - id: hotline\n    name: {en: Again}\n    kind: internal\n"
              "    scale: csat\n",
       low},
      {"name_a_word",
       "version: 1\nprograms:\n  - id: x\n    name: Hotline\n    kind: internal\n"
       "    scale: nps\n",
       low},
      {"name_empty_and_too_long",
       "version: 1\nprograms:\n  - id: x\n    name: {en: \"\", zh: " + std::string(1025, 'z') +
           "}\n    kind: internal\n    scale: nps\n",
       low},
      {"name_with_a_line_break",
       "version: 1\nprograms:\n  - id: x\n    name: {en: \"a\\nb\"}\n"
       "    kind: internal\n    scale: nps\n",
       low},
      {"kind_misspelt",
       "version: 1\nprograms:\n  - id: x\n    name: {en: X}\n"
       "    kind: transactionl\n    scale: nps\n",
       low},
      scale("scale_misspelt", "npx"),
      scale("scale_a_list", "[0, 10]"),
      scale("scale_without_kind", "{min: 0, max: 10}"),
      scale("scale_range_without_limits", "{kind: csat, max: 10}"),
      scale("scale_limits_crossed", "{kind: nps, detractor_limit: 9, promoter_limit: 6}"),
      scale("scale_limits_equal", "{kind: nps, detractor_limit: 6, promoter_limit: 6}"),
      scale("scale_limit_outside", "{kind: nps, promoter_limit: 11}"),
      scale("scale_limits_not_turned",
            "{kind: ces, lower_is_better: true, detractor_limit: 3, promoter_limit: 6}"),
      scale("scale_min_not_an_integer", "{kind: nps, min: 0.5, max: \"10\"}"),
      scale("scale_unknown_key", "{kind: nps, promoter_limits: 9}"),
      field("bool_yes", "allow_anonymous: yes"),
      field("bool_quoted", "allow_anonymous: \"true\""),
      field("anonymous_contradiction", "anonymous_opens_case: true"),
      field("duration_without_unit", "recovery_window: 90"),
      field("duration_unit_misspelt", "recovery_window: 90 dyas"),
      field("duration_unlimited_misspelt", "recovery_window: unlimitd"),
      field("duration_unlimited_not_allowed", "reopen_window: unlimited"),
      field("duration_negative", "reopen_window: -1 days"),
      field("duration_too_long", "recovery_window: 99999999999999999999 weeks"),
      field("duration_zero", "recovery_window: 0 days"),
      field("count_too_high", "max_reopen_count: 101"),
      field("count_beyond_64_bits", "max_reopen_count: 4294967296000000000000"),
      field("currency_unknown", "currency: RMB"),
      field("currency_small", "currency: cny"),
      field("zone_misspelt", "time_zone: Asia/Shanghia"),
      field("zone_outside_the_database", "time_zone: ../../etc/passwd"),
      when("condition_unknown_field", "\"scroe <= 2\""),
      when("condition_after_chinese", "'segment = \"大客户\" AND scroe <= 2'"),
      when("condition_protected_field", "'score <= 2 AND gender = female'"),
      when("condition_field_not_known_at_opening", "'status = open'"),
      when("condition_comma", "'score = 2, 5'"),
      when("condition_not", "'NOT score = '"),
      when("condition_ends_early", "'score <='"),
      when("condition_value", "\"score <= low\""),
      when("condition_after_an_escape", "\"segment = \\\"a\\\" AND scroe = 1\""),
      when("condition_after_doubled_quotes", "'segment = ''a'' AND scroe = 1'"),
      when("condition_in_a_block", ">-\n      score <= 2\n      AND scroe = 1"),
      when("condition_in_a_literal_block", "|\n      score <= 2\n      AND severty >= 3"),
      when("condition_on_folded_lines", "score <= 2\n      AND scroe = 1"),
      when("condition_number_in_quotes", "'score = \"3\" AND history = \"true\"'"),
      when("condition_empty", "\"\""),
      when("condition_null", ""),
      when("condition_a_mapping", "{score: 2}"),
      when("condition_unknown_program", "'score <= 2 AND program = hotlin'"),
      playbook("severity_out_of_range", "    severity: 6\n    version: 0\n"),
      playbook("playbook_after_the_catch_all",
               "  - id: late\n    name: {en: Late}\n    when: score <= 2\n"),
      playbook("playbook_after_a_wider_one",
               "    when: score <= 2\n  - id: late\n    name: {en: Late}\n"
               "    when: channel = sms AND score <= 2\n"),
      playbook("playbook_id_twice",
               "    when: score <= 2\n  - id: low\n    name: {en: Again}\n    when: score = 5\n"),
      {"mistakes_in_both_files", Program("    scale: npx\n    quue: a\n    currency: XYZ\n"),
       Playbook("    when: \"scroe = 1\"\n    severty: 3\n")},
      {"wide_characters_before_the_mistake",
       "version: 1\nprograms:\n  - {id: x, name: {zh: 客户满意度, en: X}, kind: internl, "
       "scale: nps}\n",
       low},
      {"a_very_long_line",
       "version: 1\nprograms:\n  - {id: x, name: {en: " + std::string(900, 'n') +
           "}, kind: internl, scale: nps}\n",
       low},
  };
}

constexpr const char* kCalendars = R"(version: 1
calendars:
  - id: office
    name: {en: Office}
    time_zone: Asia/Shanghai
    week: {mon: ["09:00-12:00", "13:30-18:00"]}
)";

std::string Clock(const std::string& lines) {
  return "version: 1\nclocks:\n  - id: fc\n    name: {en: First contact}\n" + lines;
}

std::string Tiers(const std::string& tiers) {
  return Clock("    kind: first_contact\n    limit: 24 hours\n    tiers:\n" + tiers);
}

// A calendar with these lines after its zone.
std::string Calendar(const std::string& lines) {
  return "version: 1\ncalendars:\n  - id: office\n    name: {en: Office}\n"
         "    time_zone: Asia/Shanghai\n" +
         lines;
}

std::string Repeated(const std::string& line, int times) {
  std::string lines;
  for (int i = 0; i < times; ++i) lines += line;
  return lines;
}

// An iCalendar of one day.
std::string Ics(const std::string& date, const std::string& name) {
  return "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:" + date +
         "\nSUMMARY:" + name + "\nEND:VEVENT\nEND:VCALENDAR\n";
}

// A lifecycle that holds together, with one line replaced; an empty `from` adds `to` at the end.
std::string Lifecycle(const std::string& from, const std::string& to) {
  std::string text = R"(version: 1
lifecycle:
  initial: open
  statuses:
    - {key: open, name: {en: Open}, phase: open}
    - {key: waiting, name: {en: Waiting}, phase: contacted, stops: [first_contact]}
    - {key: resolved, name: {en: Resolved}, phase: remedied, handling_done: true}
    - {key: closed, name: {en: Closed}, phase: closed, handling_done: true}
  transitions:
    - {from: [open, resolved], command: chase, to: stays}
    - {from: [waiting], command: chase, to: open}
    - {from: [open, waiting], command: log_attempt, to: open}
    - {from: open, command: pause, to: waiting}
    - {from: open, command: resolve, to: resolved}
    - {from: resolved, command: close, to: closed}
)";
  if (from.empty()) return text + to;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

constexpr const char* kBlacklist = R"(version: 1
blacklist:
  appeal_window: 30 days
  kinds:
    - {kind: no_goodwill, max_duration: 365 days, warn_first: true, warning_wait: 7 days,
       legal_basis: interest}
    - {kind: staff_safety, max_duration: 90 days, effects: {queue: night}, legal_basis: safety}
  reasons:
    - {id: untrue, name: {en: Untrue}, kinds: no_goodwill}
    - {id: threat, name: {en: Threat}, kinds: staff_safety}
  rules:
    - id: threats
      name: {en: Threats}
      kind: staff_safety
      alternatives: [{counts: [{measure: threats_logged, within: 90 days, at_least: 1}]}]
      proposal: {duration: 30 days, reason: threat}
    - id: twice
      name: {en: Twice}
      kind: no_goodwill
      alternatives: [{counts: [{measure: closed_dishonest, within: 365 days, at_least: 2}]}]
      proposal: {duration: 30 days, reason: untrue}
tests: []
)";

// Mistakes in the files that may be left out, in trees of conditions and in tests.
std::vector<Broken> BrokenSections() {
  const auto other = [](const std::string& name, const std::string& file, const std::string& text) {
    return Broken{name, kPrograms, kPlaybooks, {{file, text}}};
  };
  const auto limit = [](const std::string& name, const std::string& keys) {
    return Broken{name,
                  kPrograms,
                  kPlaybooks,
                  {{"remedies.yaml",
                    "version: 1\nremedies:\n  catalogue:\n"
                    "    - {id: refund, name: {en: A}, kind: refund}\n"
                    "    - {id: owed, name: {en: B}, kind: refund, statutory: true}\n"
                    "  limits:\n    - {id: a, name: {en: A}, " +
                        keys + "}\n"}}};
  };
  // Another value or further lines in a good blacklist.
  const auto blacklist = [](const std::string& name, const std::string& from,
                            const std::string& to) {
    std::string text = kBlacklist;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << name;
    text.replace(at, from.size(), to);
    return Broken{name,
                  kPrograms,
                  kPlaybooks,
                  {{"blacklist.yaml", text},
                   {"remedies.yaml",
                    "version: 1\nremedies:\n  catalogue:\n"
                    "    - {id: refund, name: {en: A}, kind: refund}\n"
                    "    - {id: owed, name: {en: B}, kind: refund, statutory: true}\n"}}};
  };
  const auto rule = [&](const std::string& name, const std::string& alternative) {
    return blacklist(name, "{counts: [{measure: closed_dishonest, within: 365 days, at_least: 2}]}",
                     alternative);
  };
  const auto steps = [](const std::string& name, const std::string& keys) {
    return Broken{
        name,
        kPrograms,
        Playbook("    steps:\n      - {id: a, name: {en: A}, " + keys + "}\n"),
        {{"remedies.yaml",
          "version: 1\nremedies:\n  catalogue:\n    - {id: refund, name: {en: A}, kind: refund}\n"},
         {"templates.yaml",
          "version: 1\ntemplates:\n"
          "  - {id: hello, channels: [sms, email], text: {en: Hello, zh: 您好}}\n"}}};
  };
  const auto clock = [](const std::string& name, const std::string& text) {
    return Broken{
        name, kPrograms, kPlaybooks, {{"calendars.yaml", kCalendars}, {"clocks.yaml", text}}};
  };
  const auto calendar = [&](const std::string& name, const std::string& lines) {
    return other(name, "calendars.yaml", Calendar(lines));
  };
  const auto lifecycle = [&](const std::string& name, const std::string& from,
                             const std::string& to) {
    return other(name, "lifecycle.yaml", Lifecycle(from, to));
  };
  const auto tree = [](const std::string& name, const std::string& lines) {
    return Broken{name, kPrograms, Playbook("    when:\n" + lines)};
  };
  const auto tests = [](const std::string& name, const std::string& lines) {
    return Broken{name, kPrograms, kPlaybooks + ("tests:\n" + lines)};
  };
  std::string bomb = "version: 1\nplaybooks:\n  - &a [x, x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    const std::string before(1, static_cast<char>(c - 1));
    bomb += std::string("  - &") + c + " [*" + before + ", *" + before + "]\n";
  }
  return {
      // Files.
      other("file_unknown", "clock.yaml", "version: 1\n"),
      {"file_twice", kPrograms, kPlaybooks, {{"api/programs.yaml", kPrograms}}},
      {"alias_bomb", kPrograms, bomb},
      {"byte_order_mark_before_a_mistake", "\xEF\xBB\xBFversoin: 1\nprograms: []\n", kPlaybooks},
      {"duplicate_key_in_a_condition", kPrograms,
       Playbook("    when: {score: {at_most: 2}, score: {at_least: 1}}\n")},

      {"too_many_rules",
       kPrograms,
       "version: 1\nplaybooks:\n" + Repeated("  - {id: a, name: {en: A}}\n", 1001) + "tests:\n" +
           Repeated("  - {name: a, given: {}, expect: {playbook: a}}\n", 301),
       {{"priorities.yaml",
         "version: 1\npriorities:\n" + Repeated("  - {id: a, name: {en: A}}\n", 1001)},
        {"clocks.yaml", Clock("    kind: remedy\n    limit: 1 hours\n    tiers:\n" +
                              Repeated("      - {id: a, at: due, do: escalate}\n", 21))}}},
      lifecycle("too_many_statuses", "  transitions:\n",
                Repeated("    - {key: a, name: {en: A}, phase: open}\n", 197) + "  transitions:\n"),
      lifecycle("too_many_transitions", "",
                Repeated("    - {from: open, command: move, to: waiting}\n", 4993)),
      {"duplicate_operator_in_a_condition", kPrograms,
       Playbook("    when:\n      score: {at_most: 3, at_most: 5}\n"
                "      channel: {is: sms, is: mail}\n")},

      // Calendars.
      calendar("calendar_intervals_overlap",
               "    week: {mon: [\"09:00-12:30\", \"12:00-18:00\"]}\n"),
      calendar("calendar_intervals_out_of_order",
               "    week: {mon: [\"13:30-18:00\", \"09:00-12:00\"]}\n"),
      calendar("calendar_night_into_the_morning",
               "    week: {mon: \"22:00-30:00\", tue: \"05:00-12:00\"}\n"),
      calendar("calendar_interval_reversed", "    week: {mon: \"18:00-09:00\"}\n"),
      calendar("calendar_interval_malformed", "    week: {mon: [\"9-18\", \"09:00-18:60\"]}\n"),
      calendar("calendar_day_misspelt", "    week: {mom: \"09:00-18:00\"}\n"),
      calendar("calendar_without_working_time", "    week: {}\n"),
      calendar("calendar_night_into_a_workday",
               "    week: {fri: \"22:00-30:00\"}\n    workdays:\n"
               "      - {date: 2025-09-27, hours: \"05:00-12:00\"}\n"),
      calendar("calendar_without_a_week", "    version: 1\n"),
      other("calendar_zone_on_mars", "calendars.yaml",
            "version: 1\ncalendars:\n  - {id: a, name: {en: A}, time_zone: Mars/Base, week: {mon: "
            "\"09:00-18:00\"}}\n"
            "  - {id: b, name: {en: B}, time_zone: ../../etc/passwd, week: {}}\n"
            "  - {id: c, name: {en: C}, week: {}}\n"),
      other("calendar_id_twice", "calendars.yaml",
            Calendar("    week: {mon: \"09:00-18:00\"}\n") +
                "  - {id: office, name: {en: Again}, time_zone: UTC, week: {mon: "
                "\"00:00-24:00\"}}\n"),
      calendar("calendar_holidays",
               "    week: {mon: \"09:00-18:00\"}\n    holidays:\n"
               "      - {date: 2025-02-30, name: 没有这一天}\n"
               "      - {date: 20250101}\n"
               "      - {date: 1949-10-01}\n"
               "      - {from: 2025-10-08, to: 2025-10-01}\n"
               "      - {from: 2025-10-01, to: 2026-10-08}\n"
               "      - {date: 2025-10-01, from: 2025-10-01, to: 2025-10-02}\n"
               "      - {name: 国庆节}\n"
               "      - {from: 2025-05-01}\n"
               "      - {date: 2025-12-25}\n"
               "      - {date: 2025-12-25}\n"),
      calendar("calendar_workdays",
               "    week: {tue: \"09:00-18:00\"}\n    holidays:\n      - {date: 2025-09-28}\n"
               "    workdays:\n"
               "      - {date: 2025-09-27}\n"
               "      - {date: 2025-09-28, hours: \"09:00-18:00\"}\n"
               "      - {date: 2025-10-11, hours: \"9:00-18:00\"}\n"),
      {"calendar_imports_that_disagree",
       kPrograms,
       kPlaybooks,
       {{"calendars.yaml", Calendar("    week: {mon: \"09:00-18:00\"}\n"
                                    "    holidays: [{date: 2026-10-01}]\n"
                                    "    import: [a.ics, calendars/b.ics]\n")},
        {"a.ics",
         Ics("20261001", "国庆节补班") + Ics("20261010", "国庆节补班") + Ics("20261002", "国庆节")},
        {"calendars/b.ics",
         Ics("20261001", "国庆节") + Ics("20261002", "国庆节") + Ics("20261010", "公司年假")}}},

      // Clocks.
      clock("clock_kind_misspelt", Clock("    kind: first_contract\n    limit: 1 hours\n")),
      clock("clock_without_a_limit", Clock("    kind: remedy\n")),
      clock("clock_limit_wrong_unit", Clock("    kind: remedy\n    limit: 8 huors\n")),
      clock("clock_limit_without_unit", Clock("    kind: remedy\n    limit: 8\n")),
      clock("clock_never_due",
            Clock("    kind: remedy\n    limit: 600 days\n    count: working_days\n"
                  "    calendar: office\n    tiers:\n"
                  "      - {id: a, at: \"600 days\", count: own, do: escalate}\n") +
                "  - {id: bt, name: {en: B}, kind: verification, limit: 9999 hours, "
                "count: business_time, calendar: office}\n"
                "  - {id: cd, name: {en: C}, kind: resurvey, limit: 3653 days, "
                "count: calendar_days, calendar: office}\n"),
      clock("tier_never_crossed",
            Clock("    kind: remedy\n    limit: 100 days\n    count: working_days\n"
                  "    calendar: office\n    tiers:\n"
                  "      - {id: a, at: \"3 days\", count: own, do: escalate}\n"
                  "      - {id: b, at: \"5 days\", count: own, do: escalate}\n") +
                "  - id: bt\n    name: {en: B}\n    kind: verification\n    limit: 400 hours\n"
                "    count: business_time\n    calendar: office\n    tiers:\n"
                "      - {id: a, at: \"180 %\", do: escalate}\n"
                "      - {id: b, at: \"200 %\", do: escalate}\n"
                "      - {id: c, at: \"500 hours\", count: own, do: escalate}\n"),
      clock("clock_limit_zero", Clock("    kind: remedy\n    limit: 0 hours\n")),
      clock("clock_hours_of_working_days",
            Clock("    kind: remedy\n    limit: 8 hours\n    count: working_days\n"
                  "    calendar: office\n")),
      clock("clock_days_of_business_time",
            Clock("    kind: remedy\n    limit: 2 days\n    count: business_time\n"
                  "    calendar: office\n")),
      clock("clock_count_misspelt",
            Clock("    kind: remedy\n    limit: 2 days\n    count: working-days\n")),
      clock("clock_without_a_calendar",
            Clock("    kind: remedy\n    limit: 8 hours\n    count: business_time\n")),
      clock("clock_calendar_misspelt",
            Clock("    kind: remedy\n    limit: 8 hours\n    count: business_time\n"
                  "    calendar: ofice\n")),
      clock("clock_calendar_not_needed",
            Clock("    kind: remedy\n    limit: 8 hours\n    calendar: office\n")),
      clock("clock_of_a_promise_with_a_limit",
            Clock("    kind: commitment\n    limit: 8 hours\n    count: business_time\n"
                  "    calendar: office\n")),
      clock("clock_met_by_misplaced",
            Clock("    kind: remedy\n    limit: 8 hours\n    met_by: attempt\n")),
      clock("clock_protected_field",
            Clock("    kind: remedy\n    limit: 8 hours\n    when: {age: {at_least: 60}}\n")),
      clock("clock_id_twice",
            Clock("    kind: remedy\n    limit: 8 hours\n") +
                "  - {id: fc, name: {en: Again}, kind: verification, limit: 1 days}\n"),
      clock("tiers_out_of_order", Tiers("      - {id: a, at: due, do: escalate}\n"
                                        "      - {id: b, at: \"-2 hours\", do: escalate}\n"
                                        "      - {id: c, at: \"150 %\", do: escalate}\n"
                                        "      - {id: d, at: 4 hours, do: escalate}\n"
                                        "      - {id: e, at: 240 minutes, do: escalate}\n")),
      clock("tier_times", Tiers("      - {id: a, at: \"-2 days\", do: escalate}\n"
                                "      - {id: b, at: \"-2\", do: escalate}\n"
                                "      - {id: c, at: \"0 %\", do: escalate}\n"
                                "      - {id: d, at: \"x %\", do: escalate}\n"
                                "      - {id: e, at: de, do: escalate}\n"
                                "      - {id: f, do: escalate}\n")),
      clock("tier_percent_of_days",
            Clock("    kind: remedy\n    limit: 3 days\n    count: working_days\n"
                  "    calendar: office\n    tiers:\n"
                  "      - {id: a, at: \"75 %\", do: escalate}\n"
                  "      - {id: b, at: \"4 hours\", count: own, do: escalate}\n")),
      clock("tier_actions",
            Tiers("      - {id: a, at: \"-4 hours\", do: notify}\n"
                  "      - {id: b, at: \"-3 hours\", do: escalate, notify: owner}\n"
                  "      - {id: c, at: \"-2 hours\", do: reassign}\n"
                  "      - {id: d, at: \"-1 hours\", do: [escalate, escalte], queue: night}\n"
                  "      - {id: e, at: due, do: []}\n"
                  "      - {id: e, at: 1 hours, do: [notify, notify], notify: [owner, owner]}\n"
                  "      - {id: f, at: 2 hours, do: notify, notify: [ownr, teamleader]}\n"
                  "      - {id: g, at: 3 hours}\n")),
      {"clock_without_calendars",
       kPrograms,
       kPlaybooks,
       {{"clocks.yaml", Clock("    kind: remedy\n    limit: 3 days\n    count: working_days\n"
                              "    calendar: office\n")}}},

      // Lifecycle.
      lifecycle("lifecycle_status_unreachable", "",
                "    - {from: closed, command: reopen, to: open}\n"
                "    - {from: lost, command: resolve, to: resolved}\n"),
      lifecycle("lifecycle_unreachable", "  transitions:\n",
                "    - {key: verified, name: {en: Verified}, phase: remedied}\n  transitions:\n"
                "    - {from: verified, command: close, to: closed}\n"),
      lifecycle("lifecycle_dead_end", "  transitions:\n",
                "    - {key: lost, name: {en: Lost}, phase: open}\n  transitions:\n"
                "    - {from: open, command: assist, to: lost}\n"),
      lifecycle("lifecycle_no_way_to_close", "    - {from: resolved, command: close, to: closed}\n",
                "    - {from: open, command: withdraw, to: closed}\n"
                "    - {from: resolved, command: escalate, to: stays}\n"),
      lifecycle("lifecycle_loop_that_never_closes", "  transitions:\n",
                "    - {key: a, name: {en: A}, phase: open}\n"
                "    - {key: b, name: {en: B}, phase: open}\n  transitions:\n"
                "    - {from: open, command: dispatch, to: a}\n"
                "    - {from: a, command: dispatch, to: b}\n"
                "    - {from: b, command: dispatch, to: a}\n"),
      lifecycle("lifecycle_nobody_may", "command: resolve, to: resolved}",
                "command: resolve, to: resolved, roles: [viewer, integration]}"),
      lifecycle("lifecycle_role_misspelt", "command: resolve, to: resolved}",
                "command: resolve, to: resolved, roles: supervsior}"),
      lifecycle("lifecycle_command_misspelt", "command: resolve", "command: reslove"),
      lifecycle("lifecycle_status_misspelt", "to: resolved}", "to: resolvd}"),
      lifecycle("lifecycle_required_misspelt", "command: resolve, to: resolved}",
                "command: resolve, to: resolved, requires: [root_cuase, owner, owner]}"),
      lifecycle("lifecycle_phase_misspelt", "phase: remedied", "phase: remeded"),
      lifecycle("lifecycle_initial_not_open", "initial: open", "initial: resolved"),
      lifecycle("lifecycle_initial_unknown", "initial: open", "initial: opn"),
      lifecycle("lifecycle_without_a_closed_status", "phase: closed, ", "phase: remedied, "),
      lifecycle("lifecycle_stops_a_regulator", "stops: [first_contact]",
                "stops: [first_contact, external_deadline]"),
      lifecycle("lifecycle_stops_without_a_pause", "command: pause, to: waiting",
                "command: assist, to: waiting"),
      lifecycle("lifecycle_pause_never_ends", "    - {from: [waiting], command: chase, to: open}\n",
                "    - {from: [waiting], command: chase, to: stays}\n"),
      lifecycle("lifecycle_transition_twice", "",
                "    - {from: [closed, open], command: resolve, to: resolved}\n"),
      lifecycle("lifecycle_move_into_closed", "",
                "    - {from: open, command: move, to: closed}\n"),
      lifecycle("lifecycle_closes_into_an_open_status",
                "from: resolved, command: close, to: closed",
                "from: resolved, command: close, to: open"),
      lifecycle("lifecycle_not_asked_and_not_closed", "",
                "    - {from: resolved, command: ask_again, to: closed}\n"),
      lifecycle("lifecycle_asks_for_ever", "",
                "    - {from: resolved, command: ask_again, to: stays, otherwise: closed}\n"
                "    - {from: waiting, command: answer_resurvey, to: closed}\n"),
      lifecycle("lifecycle_claim_requires", "",
                "    - {from: open, command: claim, to: stays, requires: [liability]}\n"),
      lifecycle("lifecycle_move_to_itself", "", "    - {from: open, command: move, to: stays}\n"),
      lifecycle("lifecycle_outcome_that_does_not_exist", "command: resolve, to: resolved}",
                "command: resolve, to: resolved, otherwise: open, exhausted: closed}"),
      lifecycle("lifecycle_key_twice", "key: waiting", "key: open"),
      lifecycle("lifecycle_key_malformed", "key: waiting", "key: Waiting-Room"),
      lifecycle("lifecycle_from_a_mapping", "from: resolved, command: close",
                "from: {key: resolved}, command: close"),

      lifecycle("lifecycle_held_out_status", "initial: open", "initial: open\n  held_out: waiting"),
      lifecycle("lifecycle_held_out_unknown", "initial: open",
                "initial: open\n  held_out: heldout"),

      // Remedies.
      other("remedies_without_catalogue", "remedies.yaml", "version: 1\nremedies: {limits: []}\n"),
      other("remedies_catalogue_empty", "remedies.yaml", "version: 1\nremedies: {catalogue: []}\n"),
      other("remedies_kind_misspelt", "remedies.yaml",
            "version: 1\nremedies:\n  catalogue:\n"
            "    - {id: a, name: {en: A}, kind: refunds, statutory: perhaps}\n"
            "    - {id: b, name: {en: B}, kind: billing}\n"),
      other("remedies_type_twice", "remedies.yaml",
            "version: 1\nremedies:\n  catalogue:\n    - {id: a, name: {en: A}, kind: refund}\n"
            "    - {id: a, name: {en: B}, kind: voucher}\n"),
      limit("remedy_limit_amount_too_exact",
            "per: case, beyond: refused, currency: CNY, "
            "amount: \"0.001\""),
      limit("remedy_limit_amount_negative",
            "per: case, beyond: refused, currency: CNY, "
            "amount: \"-1\""),
      limit("remedy_limit_amount_too_large",
            "per: case, beyond: refused, currency: CNY, "
            "amount: \"1000000000000000000\""),
      limit("remedy_limit_amount_of_yen",
            "per: case, beyond: refused, currency: JPY, "
            "amount: \"1.0\""),
      limit("remedy_limit_currency_unknown",
            "per: case, beyond: refused, currency: RMB, "
            "amount: \"1\""),
      limit("remedy_limit_amount_without_currency", "per: case, beyond: refused, amount: \"1\""),
      limit("remedy_limit_of_nothing", "per: case, beyond: refused"),
      limit("remedy_limit_count", "per: case, beyond: refused, count: 0"),
      limit("remedy_limit_words", "per: cases, beyond: second_persons, count: 1"),
      limit("remedy_limit_window_of_a_case",
            "per: case, beyond: refused, count: 1, "
            "window: 30 days"),
      limit("remedy_limit_window_negative",
            "per: customer, beyond: refused, count: 1, "
            "window: -30 days"),
      limit("remedy_limit_role_unknown",
            "per: case, beyond: second_person, count: 1, "
            "roles: [agnt]"),
      limit("remedy_limit_type_unknown", "per: case, beyond: refused, count: 1, types: [refnud]"),
      limit("remedy_limit_type_statutory", "per: case, beyond: refused, count: 1, types: [owed]"),

      // Steps, templates and contact.
      steps("step_kind_misspelt", "kind: contct"),
      steps("step_without_kind", "within: 4 hours"),
      steps("step_called_end", "kind: contact}\n      - {id: end, name: {en: E}, kind: contact"),
      steps("step_twice", "kind: contact}\n      - {id: a, name: {en: B}, kind: contact"),
      steps("step_keys_of_other_kinds",
            "kind: contact, for: 2 days, template: hello, then: end, sample: 20, queue: q"),
      steps("step_wait_without_for", "kind: wait, within: 2 days"),
      steps("step_message_without_template", "kind: message"),
      steps("step_remedy_unknown", "kind: remedy, remedy: refnud"),
      steps("step_template_unknown", "kind: message, channel: sms, template: helo"),
      steps("step_message_by_another_channel", "kind: message, channel: phone, template: hello"),
      steps("step_task_of_nobody", "kind: task, within: 2 days"),
      steps("step_task_without_limit", "kind: task, queue: billing"),
      steps("step_decision_without_condition", "kind: decision, then: end"),
      steps("step_decision_leads_nowhere", "kind: decision, when: round = 1"),
      steps("step_decision_backwards",
            "kind: contact}\n      - {id: b, name: {en: B}, kind: decision, when: round = 1, then: "
            "a, "
            "otherwise: b"),
      steps("step_decision_unknown",
            "kind: decision, when: round = 1, then: bb}\n"
            "      - {id: b, name: {en: B}, kind: contact"),
      steps("step_never_reached",
            "kind: decision, when: round = 1, then: c, otherwise: end}\n"
            "      - {id: b, name: {en: B}, kind: contact}\n"
            "      - {id: c, name: {en: C}, kind: contact"),
      steps("step_rework_later",
            "kind: verify, rework: b}\n      - {id: b, name: {en: B}, kind: contact"),
      steps("step_sample", "kind: verify, sample: 0"),
      steps("step_within_zero", "kind: contact, within: 0 hours"),
      steps("step_condition_of_a_customer", "kind: contact, when: customer = x"),
      steps("step_condition_misspelt", "kind: contact, when: {atempt_count: {at_least: 2}}"),
      Broken{"steps_too_many", kPrograms,
             Playbook("    steps:\n" +
                      Repeated("      - {id: a, name: {en: A}, kind: contact}\n", 51))},
      Broken{"playbook_rule_of_steps", kPrograms, Playbook("    when: round = 1\n")},
      Broken{"playbook_for_misspelt", kPrograms, Playbook("    for: prize\n")},
      other("template_variable_unknown", "templates.yaml",
            "version: 1\ntemplates:\n  - id: a\n    text:\n      en: |-\n        Dear\n"
            "        {custmer_name}, hello\n      zh: 您好 {xyz}\n"),
      other("template_stray_braces", "templates.yaml",
            "version: 1\ntemplates:\n  - {id: a, text: {en: \"{owner\", zh: \"owner}} {} }\"}}\n"),
      other("template_without_chinese", "templates.yaml",
            "version: 1\ntemplates:\n  - {id: a, subject: {en: A}, text: {en: A}}\n"),
      other("template_channels", "templates.yaml",
            "version: 1\ntemplates:\n  - {id: a, channels: [], text: {en: A, zh: B}}\n"
            "  - {id: b, channels: [smss], text: {en: A, zh: B}}\n"
            "  - {id: b, text: Hello}\n"),
      other("contact_times", "contact.yaml",
            "version: 1\ncontact:\n  zone: Asia/Shanghia\n"
            "  quiet_hours: {from: \"24:00\", until: 8}\n"),
      other("contact_always_quiet", "contact.yaml",
            "version: 1\ncontact: {zone: UTC, quiet_hours: {from: \"08:00\", until: \"08:00\"}}\n"),
      other("contact_too_few_bands", "contact.yaml",
            "version: 1\ncontact:\n  zone: UTC\n"
            "  time_bands: [{id: a, from: \"08:00\", until: \"12:00\"}]\n"
            "  unreachable: {attempts: 3, time_bands: 2, days: 2, messages: 1}\n"),
      other("contact_more_days_than_attempts", "contact.yaml",
            "version: 1\ncontact: {zone: UTC, unreachable: {attempts: 1, days: 2}}\n"),
      // Queues and staff.
      other("queue_twice", "queues.yaml",
            "version: 1\nqueues:\n  - {id: default, name: {en: A}}\n"
            "  - {id: default, name: {en: B}, routing: robin}\n"),
      other("queue_without_fallback", "queues.yaml",
            "version: 1\nqueues:\n  - {id: default, name: {en: A}, return_after: 4 hours}\n"
            "  - {id: other, name: {en: B}, fallback: li.na}\n"),
      other("queue_lease", "queues.yaml",
            "version: 1\nqueues:\n  - {id: default, name: {en: A}, lease: 0 minutes,\n"
            "     skills: [a, b, a, B b]}\n"),
      other("queue_of_a_program_unknown", "queues.yaml",
            "version: 1\nqueues:\n  - {id: defaults, name: {en: A}}\n"),
      Broken{"queue_of_a_step_unknown",
             kPrograms,
             Playbook("    steps:\n      - {id: a, name: {en: A}, kind: task, within: 1 day,\n"
                      "         queue: cashiers}\n"),
             {{"queues.yaml",
               "version: 1\nqueues:\n  - {id: default, name: {en: A}}\n"
               "  - {id: cashier, name: {en: B}}\n"}}},
      other("queues_too_many", "queues.yaml",
            "version: 1\nqueues:\n" + Repeated("  - {id: a, name: {en: A}}\n", 501)),
      other("staff_without_queues", "staff.yaml",
            "version: 1\nstaff:\n  - {id: li}\n  - {id: li, queues: []}\n"
            "  - {id: \"\", queues: a, capacity: 0, shift: office}\n"),
      other("staff_shifts_unknown", "staff.yaml",
            "version: 1\nstaff:\n  - {id: li, queues: a, shifts: offcie}\n"),
      other("staff_absences", "staff.yaml",
            "version: 1\nstaff:\n  - id: li\n    queues: a\n    absences:\n"
            "      - {from: 2026-10-08, until: 2026-10-01}\n"
            "      - {from: tomorrow, until: 2026-10-01T25:00:00Z, deputy: li}\n"
            "      - {from: 2026-10-08}\n"),

      // The blacklist.
      rule("blacklist_rule_of_everybody", "{}"),
      rule("blacklist_rule_without_counts", "{counts: []}"),
      rule("blacklist_rule_of_scores", "{when: score <= 2 AND category = detractor}"),
      rule("blacklist_rule_of_severity", "{when: {severity: {at_least: 4}}}"),
      rule("blacklist_rule_of_scores_in_one_branch",
           "{when: {any: [score <= 2, 'topic : \"price\"']}}"),
      rule("blacklist_rule_of_low_answers",
           "{counts: [{measure: low_after_remedy, within: 365 days, at_least: 3}]}"),
      rule("blacklist_rule_on_a_protected_attribute",
           "{when: {ethnicity: {is: x}}}, {when: 'gender = female OR topic : \"price\"'}"),
      rule("blacklist_rule_never_holds_and_scores",
           "{when: {score: {at_most: 2, above: 2}, reason: {contains: law}},\n"
           "         counts: [{measure: low_after_remedies, within: 365 days, at_least: 3}]}"),
      rule("blacklist_count_without_window",
           "{counts: [{measure: closed_dishonest, at_least: 2}]}"),
      rule("blacklist_count_window_zero",
           "{counts: [{measure: closed_dishonest, within: 0 days, at_least: 0}]}"),
      rule("blacklist_count_of_nothing", "{counts: [{measure: closed_dishonest, within: 9 days}]}"),
      rule("blacklist_sum_without_currency",
           "{counts: [{measure: remedy_sum, within: 9 days, amount: \"10.00\"}]}"),
      rule("blacklist_sum_as_a_count",
           "{counts: [{measure: remedy_sum, within: 9 days, at_least: 3}]}"),
      rule("blacklist_sum_zero",
           "{counts: [{measure: remedy_sum, within: 9 days, currency: CNY, amount: \"0.00\"}]}"),
      rule("blacklist_count_with_currency",
           "{counts: [{measure: threats_logged, within: 9 days, at_least: 1, currency: CNY}]}"),
      blacklist("blacklist_rule_without_alternatives",
                "[{counts: [{measure: closed_dishonest, within: 365 days, at_least: 2}]}]", "[]"),
      blacklist("blacklist_rule_without_duration", "duration: 30 days, ", ""),
      blacklist("blacklist_rule_too_long", "duration: 30 days", "duration: 400 days"),
      blacklist("blacklist_rule_duration_zero", "duration: 30 days", "duration: 0 days"),
      blacklist("blacklist_rule_without_proposal",
                "      proposal: {duration: 30 days, reason: untrue}\n", ""),
      blacklist("blacklist_rule_kind_misspelt", "kind: no_goodwill\n", "kind: no_goodwil\n"),
      blacklist("blacklist_rule_kind_not_offered", "kind: no_goodwill\n", "kind: channel_limit\n"),
      blacklist("blacklist_rule_reason_unknown", "reason: untrue", "reason: untru"),
      blacklist("blacklist_rule_reason_of_another_kind", "reason: untrue", "reason: threat"),
      blacklist("blacklist_rule_twice", "  rules:\n", R"(  rules:
    - id: twice
      name: {en: A}
      kind: staff_safety
      alternatives: [{counts: [{measure: threats_logged, within: 9 days, at_least: 1}]}]
      proposal: {duration: 30 days, reason: threat}
)"),
      blacklist("blacklist_rule_extent", "reason: untrue}",
                "reason: untrue, extent: {org_unit: a//b, program: hotlin}}"),
      blacklist("blacklist_rule_extent_of_nothing", "reason: untrue}",
                "reason: untrue, extent: {}}"),
      blacklist("blacklist_rule_effects_of_another_kind", "reason: untrue}",
                "reason: untrue, effects: {channels: [phone, fax], queue: legal}}"),
      blacklist("blacklist_rule_queue_of_a_limit", "    - {kind: staff_safety,",
                "    - {kind: channel_limit, max_duration: 9 days, legal_basis: interest,\n"
                "       effects: {channels: sms, queue: legal}}\n    - {kind: staff_safety,"),
      [&] {
        Broken unknown = blacklist("blacklist_rule_queue_unknown", "reason: untrue}",
                                   "reason: untrue, effects: {queue: legl}}");
        unknown.others.push_back({"queues.yaml",
                                  "version: 1\nqueues:\n  - {id: default, name: {en: A}}\n"
                                  "  - {id: night, name: {en: B}}\n"
                                  "  - {id: legal, name: {en: C, zh: 法务}}\n"});
        return unknown;
      }(),
      blacklist("blacklist_rule_remedies", "reason: untrue}",
                "reason: untrue, effects: {remedies: [refnud, owed]}}"),
      blacklist("blacklist_rule_without_queue", "effects: {queue: night}, ", ""),
      blacklist("blacklist_kind_unknown", "kind: no_goodwill,", "kind: blocked,"),
      blacklist("blacklist_kind_twice", "  reasons:\n",
                "    - {kind: no_goodwill, max_duration: 9 days, legal_basis: a}\n  reasons:\n"),
      blacklist("blacklist_kind_without_maximum", "max_duration: 365 days, ", ""),
      blacklist("blacklist_kind_without_legal_basis", ",\n       legal_basis: interest", ""),
      blacklist("blacklist_kind_roles", "       legal_basis: interest",
                "       legal_basis: interest, propose_roles: agnt, decide_roles: [admin, boss]"),
      blacklist("blacklist_warning_of_staff_safety", "effects: {queue: night}",
                "warn_first: true, effects: {queue: night}"),
      blacklist("blacklist_warning_wait_alone", "warn_first: true, warning_wait",
                "warn_first: false, warning_wait"),
      blacklist("blacklist_appeal_window_zero", "appeal_window: 30 days",
                "appeal_window: 0 days\n  appeal_decision: 0 hours"),
      blacklist("blacklist_reason", "id: untrue, name: {en: Untrue}",
                "id: Not-True, name: {en: Untrue}, kinds: [no_good], checklist: [{en: A}]"),
      blacklist("blacklist_notices_missing", "  rules:\n",
                "  notices: {warning: {text: {en: A, zh: B}}, decison: {text: {en: A, zh: B}}}\n"
                "  rules:\n"),
      blacklist("blacklist_notice_variables", "  rules:\n", R"(  notices:
    warning: {text: {en: "Dear {customer_name}, change by {chnage_by}", zh: "{appeal_until}"}}
    decision: {text: {en: "{until}", zh: 甲}}
    extended: {text: {en: A, zh: 甲}}
    appeal_decided: {subject: {en: A}, text: {en: "{outcome", zh: 甲}}
    lifted: {text: {en: A, zh: 甲}}
    lapsed: {text: {en: A, zh: 甲}}
  rules:
)"),
      other("blacklist_of_the_wrong_shape", "blacklist.yaml",
            "version: 1\nblacklist:\n  kind: []\n  reasons: untrue\n  rules:\n    - untrue\n"),
      blacklist("blacklist_test_fails", "tests: []", R"(tests:
  - {name: once is enough, history: [{ago: 9 days, result: dishonest}], expect: {proposals: twice}}
  - {name: nobody, history: [{ago: 9 days, result: dishonest}], expect: {proposals: twise}}
  - {name: gift, history: [{ago: 9 days, remedy: gift}], expect: {proposals: []}})"),
      blacklist("blacklist_test_given", "tests: []", R"(tests:
  - name: a
    history:
      - {given: {anonymous: true, scroe: 3, gender: female}, result: dishonset, refused: 0}
      - {ago: 1 days, remedy: refund, amount: "1.00"}
      - {ago: 1 days, given: low, answered_low: perhaps}
    expect: {proposal: twice}
  - {name: b, given: {score: 3}, expect: {playbook: low}})"),

      // Alerts and hold-outs.
      other("alert_notify", "alerts.yaml",
            "version: 1\nalerts:\n  - {id: a, name: {en: A}, when: score = 0, notify: []}\n"
            "  - {id: b, name: {en: B}, when: score = 0, notify: [manger, owner, owner]}\n"
            "  - {id: b, name: {en: C}, when: score = 0}\n"),
      other("alert_red_line_always", "alerts.yaml",
            "version: 1\nalerts:\n  - {id: a, name: {en: A}, red_line: true, notify: owner}\n"),
      other("alert_red_line_by_priority", "alerts.yaml",
            "version: 1\nalerts:\n  - {id: a, name: {en: A}, red_line: true, notify: owner,\n"
            "     when: priority = urgent}\n"),
      other("alert_acknowledge_within", "alerts.yaml",
            "version: 1\nalerts:\n  - {id: a, name: {en: A}, when: score = 0, notify: owner,\n"
            "     acknowledge_within: 0 hours, redline: true}\n"),
      other("alerts_too_many", "alerts.yaml",
            "version: 1\nalerts:\n" +
                Repeated("  - {id: a, name: {en: A}, when: score = 0, notify: owner}\n", 201)),
      other("alert_test_fails", "alerts.yaml",
            "version: 1\nalerts:\n  - {id: press, name: {en: P}, notify: owner,\n"
            "     when: {reason: {contains: press}}}\ntests:\n"
            "  - {name: no press, given: {score: 9, reason: impressed}, expect: {alerts: []}}\n"
            "  - {name: misspelt, given: {score: 9}, expect: {alerts: [pres]}}\n"),
      Broken{"hold_out_share",
             Program(
                 "    scale: nps\n    hold_out: {experiment: spring, share: 0.05, arm: heldout}\n"),
             kPlaybooks},
      Broken{"hold_out_delay",
             Program(
                 "    scale: nps\n    hold_out: {experiment: spring, share: 5 %, delay: 3 days}\n"),
             kPlaybooks},
      Broken{
          "hold_out_asked_before_it_begins",
          Program(
              "    scale: nps\n    hold_out: {experiment: spring, share: 5 %, arm: delayed_start,\n"
              "               delay: 10 days}\n"),
          kPlaybooks},

      Broken{"hold_out_without_a_status",
             Program("    scale: nps\n    hold_out: {experiment: spring, share: 5 %}\n"),
             kPlaybooks,
             {{"lifecycle.yaml", Lifecycle("", "")}}},

      // Priorities, org units, roles, labels.
      other("priorities_empty", "priorities.yaml", "version: 1\npriorities: []\n"),
      other("priority_condition", "priorities.yaml",
            "version: 1\npriorities:\n  - {id: a, name: {en: A}, when: {severity: {atleast: 4}}}\n"
            "  - {id: a, name: {en: B}}\n"),
      other("org_unit_paths", "org_units.yaml",
            "version: 1\norg_units:\n  - {id: /gd, name: {en: A}}\n"
            "  - {id: \"gd/深圳 店\", name: {en: B}}\n"
            "  - {id: gd, name: {en: C}, manager: \"\"}\n"
            "  - {id: gd, name: {en: D}, from: 2025-03-01, until: 2025-01-01}\n"),
      other("roles_built_in", "roles.yaml",
            "version: 1\nroles:\n  - {id: admin, name: {en: A}, base: admin}\n"
            "  - {id: manager, name: {en: M}, base: agent}\n"
            "  - {id: helper, name: {en: H}, base: agnt}\n"
            "  - {id: agent, name: {en: G}, base: agent}\n"
            "  - {id: viewer, name: {en: V}, base: viewer}\n"),
      other("roles_without_those_of_the_shipped_lifecycle", "roles.yaml",
            "version: 1\nroles:\n  - {id: admin, name: {en: A}, base: admin}\n"
            "  - {id: manager, name: {en: M}, base: manager}\n"
            "  - {id: agent, name: {en: G}, base: agent}\n"
            "  - {id: integration, name: {en: I}, base: integration}\n"
            "  - {id: viewer, name: {en: V}, base: viewer}\n"),
      other("labels", "labels.yaml",
            "version: 1\nlabels:\n  pause_reason: []\n  topics: price\n  root_causes:\n"
            "    - {id: Price, name: {en: Price}}\n    - {id: staff, name: {zh: 人员}}\n"
            "    - {id: staff, name: {en: Staff}}\n"),

      // Trees of conditions.
      tree("tree_unknown_field", "      all:\n        - scroe: {at_most: 2}\n"),
      tree("tree_unknown_word", "      score: {atmost: 2}\n      severity: {\"<=\": 2}\n"),
      tree("tree_word_of_another_type",
           "      touchpoint: {at_most: room}\n      reason: {is: 太冷}\n"),
      tree("tree_value", "      score: {at_most: two}\n      category: {is: detracter}\n"),
      tree("tree_number_in_quotes", "      score: {is: \"3\"}\n      history: {is: \"true\"}\n"),
      tree("tree_value_in_a_list", "      category: {one_of: [detractor, detracter]}\n"),
      tree("tree_list_where_one_is_due", "      category: {is: [detractor, passive]}\n"),
      tree("tree_one_where_a_list_is_due", "      category: {one_of: detractor}\n"),
      tree("tree_without_a_word", "      score: 2\n"),
      tree("tree_empty_groups", "      all: []\n      any: {}\n      none:\n        -\n"),
      tree("tree_protected_field", "      none:\n        - gender: {is: female}\n"),
      tree("tree_field_not_known_at_opening", "      status: {is: open}\n"),
      tree("tree_priority_of_a_playbook", "      priority: {is: high}\n"),
      clock("clock_unknown_priority",
            Clock("    kind: remedy\n    limit: 8 hours\n    when: priority = hgih\n")),
      tree("tree_unknown_program",
           "      any:\n        - program: {one_of: [hotline, hotlin]}\n"
           "        - \"score <= 2 AND program = htline\"\n"),
      tree("tree_filter_inside",
           "      any:\n        - \"score <= 2\"\n        - \"scroe <= 2\"\n"),
      tree("tree_null_and_nested_values",
           "      score: {at_most: }\n      channel: {one_of: [[sms]]}\n"),

      // Tests beside the rules.
      tests("test_playbook_fails",
            "  - name: 低分有方案\n    given: {score: 3}\n    expect: {playbook: low}\n"),
      tests("test_expects_none",
            "  - name: nothing for 2\n    given: {score: 2}\n    expect: {playbook: none}\n"),
      {"test_below_another_rule", kPrograms,
       std::string(kPlaybooks) +
           "  - {id: sms, name: {en: SMS}, when: channel = sms}\n"
           "  - {id: rest, name: {en: Rest}, when: {none: [{score: {below: 5}}]}}\n"
           "tests:\n"
           "  - {name: low by SMS, given: {score: 1, channel: sms}, expect: {playbook: sms}}\n"
           "  - {name: rest of 3, given: {score: 3}, expect: {playbook: rest}}\n"},
      tests("test_priority_and_clocks_fail",
            "  - name: urgent\n    given: {severity: 4}\n"
            "    expect: {priority: urgent, clocks: [first-contact]}\n"),
      tests("test_unknown_ids",
            "  - name: a\n    given: {score: 3}\n    expect: {playbook: lwo, priority: urgnt}\n"),
      tests(
          "test_given",
          "  - name: a\n    given: {scroe: 3, gender: female, score: many, category: detractors}\n"
          "    expect: {playbok: low}\n"
          "  - given: [score, 3]\n    expect: {}\n"
          "  - name: b\n    expect: low\n"),
      tests("test_keys_twice",
            "  - name: a\n    name: b\n    given: {score: 3, topic: [x], score: 2, topic: [y]}\n"
            "    expect: {playbook: low, playbook: none}\n"),
  };
}

}  // namespace

std::vector<ConfigFile> Broken::Files() const {
  std::vector<ConfigFile> files = {{"programs.yaml", programs}, {"playbooks.yaml", playbooks}};
  files.insert(files.end(), others.begin(), others.end());
  return files;
}

std::vector<Broken> BrokenConfigs() {
  std::vector<Broken> all = BrokenProgramsAndPlaybooks();
  for (Broken& broken : BrokenSections()) all.push_back(std::move(broken));
  return all;
}

}  // namespace rebound
