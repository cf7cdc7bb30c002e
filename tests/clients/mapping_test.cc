#include "clients/cli/mapping.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace rebound::cli {
namespace {

std::string FileText(const std::string& path) {
  std::ifstream in(std::string(REBOUND_SOURCE_DIR) + "/" + path, std::ios::binary);
  EXPECT_TRUE(in.is_open()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<MappedRow> MapFile(const std::string& yaml, std::istream& in) {
  std::vector<std::string> errors;
  std::optional<Mapping> mapping = Mapping::Parse(yaml, "map.yaml", &errors);
  CsvReader reader(in);
  std::vector<MappedRow> rows;
  EXPECT_EQ(errors, std::vector<std::string>{});
  EXPECT_EQ(reader.ReadHeader(), std::nullopt);
  if (!mapping) return rows;
  EXPECT_TRUE(mapping->Bind(reader.header(), &errors)) << errors.front();
  CsvRow row;
  while (reader.Next(&row)) rows.push_back(mapping->Map(row));
  return rows;
}

std::vector<MappedRow> MapText(const std::string& fields, const std::string& csv) {
  std::istringstream in(csv);
  return MapFile("version: 1\n" + fields, in);
}

std::vector<std::string> ParseErrors(const std::string& yaml) {
  std::vector<std::string> errors;
  EXPECT_FALSE(Mapping::Parse(yaml, "map.yaml", &errors));
  return errors;
}

TEST(MappingTest, FieldsComeFromColumnsConstantsTemplatesAndCodes) {
  const std::vector<MappedRow> rows = MapText(R"(
source_system: crm
zone: America/Los_Angeles
fields:
  program: {const: tnps}
  score: S
  external_id: {template: "r-{ID:04}-{{x}}"}
  customer.external_id: ID
  occur_time: {template: "2017-05-{D:02}"}
  language: {from: L, map: {1: en, 9: ""}, default: zh}
  items.ease: E
  attributes.store: {const: S1}
  attributes.seen: {from: D, type: integer}
)",
                                              "ID,S,D,L,E\n7, 9 ,5,1,4\n8,10,06,9,\n9,0,7,5,\n");
  ASSERT_EQ(rows.size(), 3u);
  for (const MappedRow& row : rows) EXPECT_TRUE(row.ok());
  EXPECT_EQ(rows[0].row, 2);
  EXPECT_EQ(rows[0].program, "tnps");
  EXPECT_EQ(rows[0].source_system, "crm");
  EXPECT_EQ(rows[0].customer_source_system, "crm");
  EXPECT_EQ(rows[0].customer_external_id, "7");
  EXPECT_EQ(rows[0].external_id, "r-0007-{x}");
  EXPECT_EQ(rows[0].score, 9);
  EXPECT_EQ(FormatTimeUtc(*rows[0].occur_time_ms), "2017-05-05T07:00:00Z");
  EXPECT_EQ(rows[0].language, "en");
  EXPECT_EQ(rows[0].items, (std::map<std::string, int64_t>{{"ease", 4}}));
  EXPECT_EQ(rows[1].language, std::nullopt) << "a code mapped to nothing is blank";
  EXPECT_EQ(rows[1].items, (std::map<std::string, int64_t>{}));
  EXPECT_EQ(rows[1].attributes,
            (std::map<std::string, std::string>{{"store", "S1"}, {"seen", "6"}}));
  EXPECT_EQ(rows[2].language, "zh") << "an unknown code takes the default";
  EXPECT_EQ(rows[2].score, 0);
}

TEST(MappingTest, AttributesRestTakesTheColumnsNamedNowhereElse) {
  const std::vector<MappedRow> rows =
      MapText("fields: {score: S, attributes: rest, attributes.plan: P}", "S,P,A,B\n9,gold,x,\n");
  EXPECT_EQ(rows[0].attributes, (std::map<std::string, std::string>{{"plan", "gold"}, {"A", "x"}}));
  EXPECT_TRUE(MapText("fields: {score: S}", "S,A\n9,x\n")[0].attributes.empty());
}

struct BadScore {
  std::string cell;
  std::string reason;
};

TEST(MappingTest, AScoreThatIsNoIntegerRefusesItsRowOnly) {
  const BadScore kCases[] = {
      {"6.877202987670898", "score: expected an integer, got \"6.877202987670898\""},
      {"", "score: expected an integer, got an empty value"},
      {"Blank", "score: expected an integer, got \"Blank\""},
      {"NaN", "score: expected an integer, got \"NaN\""},
      {"8.0", "score: expected an integer, got \"8.0\""},
      {"1e1", "score: expected an integer, got \"1e1\""},
      {"99999999999999999999",
       "score: expected an integer, got \"99999999999999999999\", which is too large"},
  };
  for (const BadScore& bad : kCases) {
    const std::vector<MappedRow> rows =
        MapText("fields: {score: S, external_id: I}", "I,S\n1," + bad.cell + "\n2,11\n");
    ASSERT_EQ(rows[0].errors.size(), 1u);
    EXPECT_EQ(rows[0].errors[0], (RowError{2, 2, "S", bad.reason, bad.cell}));
    EXPECT_EQ(rows[1].score, 11) << "ranges are the server's to judge";
  }
}

TEST(MappingTest, AllFaultsOfARowAreReported) {
  const std::vector<MappedRow> rows = MapText(R"(
fields:
  score: {from: S, map: {good: 9, none: }}
  external_id: {template: "{A}-{B:03}", required: true}
  occur_time: T
  account: {from: A, required: true}
)",
                                              "S,A,B,T\nbad,,1,soon\nnone,x,1b,2024-01-01\n");
  ASSERT_EQ(rows[0].errors.size(), 4u);
  EXPECT_EQ(rows[0].errors[0].reason, "score: expected a code that the mapping knows, got \"bad\"");
  EXPECT_EQ(rows[0].errors[1].reason, "external_id: expected a value, got an empty value");
  EXPECT_EQ(rows[0].errors[1].column, "A");
  EXPECT_EQ(rows[0].errors[2].column, "T");
  EXPECT_EQ(rows[0].errors[3].reason, "account: expected a value, got an empty value");
  ASSERT_EQ(rows[1].errors.size(), 3u);
  EXPECT_EQ(rows[1].errors[0].reason,
            "score: expected an integer, got \"none\", which the mapping calls blank");
  EXPECT_EQ(rows[1].errors[1].reason, "external_id: expected digits to pad with zeros, got \"1b\"");
  EXPECT_EQ(rows[1].errors[2].reason,
            "occur_time: expected a time with a UTC offset, or a `zone` in the mapping, got "
            "\"2024-01-01\"");
}

TEST(MappingTest, ARowThatTheReaderRefusedIsNotMapped) {
  const std::vector<MappedRow> rows = MapText("fields: {score: S}", "S,T\n9\n8,x\n");
  EXPECT_EQ(rows[0].errors.size(), 1u);
  EXPECT_EQ(rows[0].score, std::nullopt);
  EXPECT_TRUE(rows[1].ok());
}

struct TimeCase {
  std::string text;
  std::string zone;
  std::string utc;  // "" if refused
};

TEST(MappingTest, TimesAreReadInTheirOffsetOrInTheZone) {
  const TimeCase kCases[] = {
      {"2017-05-13T10:00:00Z", "", "2017-05-13T10:00:00Z"},
      {"2017-05-13t10:00:00.1239+08:00", "", "2017-05-13T02:00:00.123Z"},
      {"2017-05-13 10:00:00-07:00", "Asia/Shanghai", "2017-05-13T17:00:00Z"},
      {"2017-05-13", "UTC", "2017-05-13T00:00:00Z"},
      {"2017-05-13", "America/Los_Angeles", "2017-05-13T07:00:00Z"},
      {"2017-01-13 09:30", "America/Los_Angeles", "2017-01-13T17:30:00Z"},
      {"2017/5/3 9:30:15", "Asia/Shanghai", "2017-05-03T01:30:15Z"},
      {"1969-12-31 23:59:59.5", "UTC", "1969-12-31T23:59:59.500Z"},
      // The clock goes back: 01:30 occurs twice, and the earlier one counts.
      {"2017-11-05 01:30", "America/Los_Angeles", "2017-11-05T08:30:00Z"},
      // The clock goes forward: 02:30 is skipped.
      {"2017-03-12 02:30", "America/Los_Angeles", ""},
      // Here it skips midnight; the day began at one o'clock.
      {"2017-10-15", "America/Sao_Paulo", "2017-10-15T03:00:00Z"},
      {"2017-05-13", "", ""},
      {"2017-02-29", "UTC", ""},
      {"2017-13-01", "UTC", ""},
      {"2017-05-13 24:00", "UTC", ""},
      {"2017-05-13T10:00:00+0800", "UTC", ""},
      {"2017-05-13 10", "UTC", ""},
      {"2017-05/13", "UTC", ""},
      {"13.05.2017", "UTC", ""},
      {"", "UTC", ""},
  };
  for (const TimeCase& time : kCases) {
    SCOPED_TRACE(time.text + " " + time.zone);
    std::string reason;
    const std::optional<int64_t> ms = ParseTime(time.text, time.zone, &reason);
    EXPECT_EQ(ms ? FormatTimeUtc(*ms) : "", time.utc);
    EXPECT_EQ(reason.empty(), ms.has_value());
  }
}

struct BadMapping {
  std::string yaml;
  std::string error;
};

TEST(MappingTest, AFaultyMappingIsRefusedWithItsPlace) {
  const BadMapping kCases[] = {
      {"", "map.yaml:1:1: expected a mapping with the keys version and fields"},
      {"version: 1\nfields: {scroe: S}\n",
       "map.yaml:2:10: unknown key \"scroe\"; did you mean \"score\"?"},
      {"version: 1\nfeilds: {score: S}\nfields: {score: S}\n",
       "map.yaml:2:1: unknown key \"feilds\"; did you mean \"fields\"?"},
      {"version: 2\nfields: {score: S}\n",
       "map.yaml:1:10: expected version 1, the only one there is"},
      {"fields: {score: S}\n", "map.yaml:1:1: expected \"version: 1\", but it is missing"},
      {"version: 1\n", "map.yaml:1:1: expected \"fields\", but it is missing"},
      {"version: 1\nfields: {reason: R}\n",
       "map.yaml:2:9: expected a field \"score\", but it is missing"},
      {"version: 1\nfields:\n  score: S\n  score: T\n",
       "map.yaml:4:3: expected each key once, but \"score\" stands twice"},
      {"version: 1\nfields:\n  score: {from: S, map: {1: 2, 1: 3}}\n",
       "map.yaml:3:32: expected each key once, but \"1\" stands twice"},
      {"version: 1\nfields:\n  score: {from: S, const: 1}\n",
       "map.yaml:3:10: expected score to have exactly one of from, const, template, but it has 2"},
      {"version: 1\nfields:\n  score: {from: S, requierd: true}\n",
       "map.yaml:3:20: unknown key \"requierd\"; did you mean \"required\"?"},
      {"version: 1\nfields:\n  score: {from: S, required: yes}\n",
       "map.yaml:3:30: expected required to be true or false"},
      {"version: 1\nfields:\n  score: {from: S, type: string}\n",
       "map.yaml:3:26: expected no other type, because score is always an integer"},
      {"version: 1\nfields:\n  score: {template: \"{S\"}\n",
       "map.yaml:3:21: expected {COLUMN} or {COLUMN:0N}; write {{ for a brace itself"},
      {"version: 1\nzone: Mars/Base\nfields: {score: S}\n",
       "map.yaml:2:7: expected an IANA time zone such as America/Los_Angeles, got \"Mars/Base\""},
      {"version: 1\nfields: {score: S, attributes: all}\n",
       "map.yaml:2:32: expected \"attributes: rest\", or fields named attributes.KEY"},
      {"version: 1\nfields: {score: [S]}\n", "map.yaml:2:17: expected score to be a single value"},
  };
  for (const BadMapping& bad : kCases) {
    EXPECT_EQ(ParseErrors(bad.yaml), std::vector<std::string>{bad.error}) << bad.yaml;
  }
  EXPECT_EQ(ParseErrors("version: 1\nfields: {score: S\n").size(), 1u);
  EXPECT_EQ(ParseErrors("zone: X\nfields: {scor: S}\n").size(), 3u) << "all faults at once";
}

TEST(MappingTest, BehavioursHaveFieldsOfTheirOwn) {
  const auto faults = [](const std::string& fields) {
    std::vector<std::string> errors;
    const auto mapping = Mapping::Parse("version: 1\nsource_system: shop\nfields:\n" + fields,
                                        "map.yaml", &errors, MappingOf::kBehaviours);
    EXPECT_EQ(mapping.has_value(), errors.empty());
    return errors;
  };
  const std::string keys = "  external_id: A\n  customer.external_id: B\n";
  EXPECT_EQ(faults(keys + "  kind: C\n  occur_time: D\n  amount: E\n"), std::vector<std::string>{});
  EXPECT_EQ(faults(keys),
            std::vector<std::string>{"map.yaml:4:3: expected a field \"kind\", but it is missing"});
  EXPECT_EQ(faults(keys + "  kidn: C\n"),
            std::vector<std::string>{"map.yaml:6:3: unknown key \"kidn\"; did you mean \"kind\"?"});
  EXPECT_EQ(faults(keys + "  kind: C\n  score: D\n"),
            std::vector<std::string>{"map.yaml:7:3: unknown key \"score\""});
}

TEST(MappingTest, AColumnThatTheFileLacksIsNamedWithItsPlace) {
  std::vector<std::string> errors;
  std::optional<Mapping> mapping = Mapping::Parse(
      "version: 1\nfields:\n  score: NETPR0\n  reason: {template: \"{A} {B}\"}\n", "m", &errors);
  ASSERT_TRUE(mapping);
  EXPECT_FALSE(mapping->Bind({"NETPRO", "A", "A", "C"}, &errors));
  EXPECT_EQ(errors, (std::vector<std::string>{
                        "m:3:10: the file has no column \"NETPR0\"; did you mean \"NETPRO\"?",
                        "m:4:22: the file has more than one column \"A\"",
                        "m:4:22: the file has no column \"B\""}));
  EXPECT_TRUE(mapping->Bind({"NETPR0", "A", "B"}, &errors)) << "another file may fit";
}

// ---- The real data sets, with their shipped mappings

TEST(MappingTest, TheAirportSurveyMapsButForItsOneEmptyScore) {
  std::ifstream in(std::string(REBOUND_SOURCE_DIR) + "/tests/data/sfo_nps_2017/" +
                   "sfo_2017_responses.csv");
  const std::vector<MappedRow> rows = MapFile(FileText("tests/data/sfo_nps_2017/map.yaml"), in);
  size_t mapped = 0;
  size_t elevens = 0;
  size_t promoters = 0;
  size_t detractors = 0;
  size_t overall = 0;
  std::vector<RowError> errors;
  std::set<std::string> reasons;
  std::set<std::string> ids;
  for (const MappedRow& row : rows) {
    errors.insert(errors.end(), row.errors.begin(), row.errors.end());
    if (!row.ok()) continue;
    ++mapped;
    elevens += row.score == 11 ? 1 : 0;
    promoters += row.score == 9 || row.score == 10 ? 1 : 0;
    detractors += row.score <= 6 ? 1 : 0;
    overall += row.items.size();
    if (row.reason) reasons.insert(*row.reason);
    ids.insert(*row.external_id);
    EXPECT_EQ(row.attributes.size(), 4u);
  }
  EXPECT_EQ(rows.size(), 2831u);
  EXPECT_EQ(mapped, 2830u);
  EXPECT_EQ(elevens, 84u);
  EXPECT_EQ(promoters, 1436u);
  EXPECT_EQ(detractors, 342u);
  EXPECT_EQ(ids.size(), mapped);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].column, "NETPRO");
  EXPECT_EQ(errors[0].reason, "score: expected an integer, got an empty value");
  EXPECT_GE(overall, 2687u);
  EXPECT_TRUE(reasons.contains("code 29"));

  EXPECT_EQ(rows[0].external_id, "sfo-2017-1");
  EXPECT_EQ(rows[0].customer_external_id, "1");
  EXPECT_EQ(rows[0].customer_source_system, "sfo-2017");
  EXPECT_EQ(rows[0].touchpoint, "boarding-area/G");
  EXPECT_EQ(rows[0].language, "en");
  EXPECT_EQ(rows[0].reason, std::nullopt);
  EXPECT_EQ(FormatTimeUtc(*rows[0].occur_time_ms), "2017-05-13T07:00:00Z");
}

TEST(MappingTest, ThePanelMapsButForItsThirtyOneFractions) {
  std::ifstream in(std::string(REBOUND_SOURCE_DIR) + "/tests/data/satisfaction_panel_0_10/" +
                   "panel.csv");
  const std::vector<MappedRow> rows =
      MapFile(FileText("tests/data/satisfaction_panel_0_10/map.yaml"), in);
  size_t mapped = 0;
  std::set<std::string> segments;
  for (const MappedRow& row : rows) {
    if (row.ok()) {
      ++mapped;
      segments.insert(row.segment.value_or("none"));
    } else {
      ASSERT_EQ(row.errors.size(), 1u);
      EXPECT_EQ(row.errors[0].column, "hsat");
      EXPECT_TRUE(row.errors[0].reason.starts_with("score: expected an integer, got \"6."));
    }
  }
  EXPECT_EQ(mapped, 20'559u);
  EXPECT_EQ(rows.size() - mapped, 31u);
  EXPECT_EQ(segments, (std::set<std::string>{"not-working", "blue-collar", "white-collar",
                                             "self-employed", "civil-servant", "other"}));
  EXPECT_EQ(rows[0].external_id, "panel-1-1984");
  EXPECT_EQ(FormatTimeUtc(*rows[0].occur_time_ms), "1984-07-01T00:00:00Z");
}

}  // namespace
}  // namespace rebound::cli
