// ARCHITECTURE.md says what the code does: its tables of statuses, transitions, clocks and
// events are compared with the code.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "workflows/event.h"
#include "workflows/lifecycle.h"

namespace rebound {
namespace {

using TableRow = std::vector<std::string>;

std::string Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" `");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" `") - begin + 1));
}

std::vector<std::string> SplitCells(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(Trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// The rows of the table whose first header cells are `header`, without the header itself.
std::vector<TableRow> Table(std::string_view header) {
  std::ifstream file(REBOUND_SOURCE_DIR "/ARCHITECTURE.md");
  std::vector<TableRow> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(header)) {
      inside = true;
    } else if (inside && !line.starts_with("|")) {
      break;
    } else if (inside && !line.starts_with("|---")) {
      TableRow cells = SplitCells(line, '|');
      rows.emplace_back(cells.begin() + 1, cells.end() - 1);
    }
  }
  EXPECT_FALSE(rows.empty()) << "no table " << header;
  return rows;
}

std::string_view PhaseName(Phase phase) {
  switch (phase) {
    case Phase::kUnset: return "";
    case Phase::kOpen: return "open";
    case Phase::kContacted: return "contacted";
    case Phase::kRemedied: return "remedied";
    case Phase::kResurveyed: return "resurveyed";
    case Phase::kClosed: return "closed";
  }
  return "";
}

template <typename T>
std::string JoinedCells(const std::vector<T>& parts) {
  std::string joined;
  for (const T& part : parts) {
    if (!joined.empty()) joined += ", ";
    if constexpr (std::is_same_v<T, std::string>) {
      joined += part;
    } else {
      joined += Name(part);
    }
  }
  return joined;
}

TEST(ArchitectureTest, TheTableOfStatusesIsTheShippedOne) {
  std::vector<TableRow> expected;
  for (const StatusDef& status : DefaultLifecycle().statuses) {
    expected.push_back({status.key, status.label_zh, std::string(PhaseName(status.phase)),
                        status.handling_done ? "yes" : "no", JoinedCells(status.stops)});
  }
  EXPECT_EQ(Table("| status | 中文 | phase |"), expected);
}

// The statuses that a cell means: its words are statuses or groups of them.
std::vector<std::string> Statuses(const std::map<std::string, std::string>& groups,
                                  const std::string& cell) {
  std::vector<std::string> statuses;
  for (const std::string& word : SplitCells(cell, ',')) {
    const auto group = groups.find(word);
    if (group == groups.end()) {
      statuses.push_back(word);
      continue;
    }
    for (std::string& status : Statuses(groups, group->second)) {
      statuses.push_back(std::move(status));
    }
  }
  return statuses;
}

TEST(ArchitectureTest, TheTableOfTransitionsIsTheShippedOne) {
  std::map<std::string, std::string> groups;
  for (const TableRow& row : Table("| group | statuses |")) groups[row[0]] = row[1];
  using Entry = std::array<std::string, 6>;
  std::multiset<Entry> written;
  for (const TableRow& row : Table("| command | accepted in |")) {
    ASSERT_EQ(row.size(), 6U) << row.front();
    for (const std::string& from : Statuses(groups, row[1])) {
      const auto target = [&](const std::string& cell) { return cell == "stays" ? from : cell; };
      for (const std::string& command : SplitCells(row[0], ',')) {
        written.insert({from, command, target(row[2]), target(row[3]), row[4], row[5]});
      }
    }
  }
  std::multiset<Entry> shipped;
  for (const Transition& transition : DefaultLifecycle().transitions) {
    shipped.insert({transition.from, std::string(Name(transition.command)), transition.to,
                    transition.otherwise, JoinedCells(transition.roles),
                    JoinedCells(transition.requires_fields)});
    // Told in the words below the table, with the limits.
    const bool may_exhaust = transition.command == CaseCommand::kAnswerResurvey;
    EXPECT_EQ(transition.exhausted, may_exhaust ? "resurveyed" : "");
  }
  EXPECT_EQ(DefaultLifecycle().max_returns, 3);
  EXPECT_EQ(DefaultLifecycle().max_extensions, 2);
  std::vector<Entry> missing;
  std::set_difference(shipped.begin(), shipped.end(), written.begin(), written.end(),
                      std::back_inserter(missing));
  EXPECT_EQ(missing, std::vector<Entry>{}) << "shipped, but not written";
  std::vector<Entry> surplus;
  std::set_difference(written.begin(), written.end(), shipped.begin(), shipped.end(),
                      std::back_inserter(surplus));
  EXPECT_EQ(surplus, std::vector<Entry>{}) << "written, but not shipped";
}

TEST(ArchitectureTest, EveryClockIsListedOnce) {
  std::vector<std::string> written;
  for (const TableRow& row : Table("| clock | starts |")) written.push_back(row[0]);
  std::vector<std::string> expected;
  for (int i = 1; i < kClockKindCount; ++i) {
    expected.emplace_back(Name(static_cast<ClockKind>(i)));
  }
  EXPECT_EQ(written, expected);
}

template <size_t... kIndex>
std::multiset<std::string> EventNames(std::index_sequence<kIndex...>) {
  return {std::string(TypeName(EventBody(std::in_place_index<kIndex>)))...};
}

TEST(ArchitectureTest, EveryEventIsListedOnce) {
  std::multiset<std::string> written;
  for (const TableRow& row : Table("| event | says |")) {
    for (const std::string& name : SplitCells(row[0], ',')) written.insert(name);
  }
  EXPECT_EQ(written, EventNames(std::make_index_sequence<std::variant_size_v<EventVariant>>()));
}

}  // namespace
}  // namespace rebound
