// ARCHITECTURE.md says what the code does: its tables of statuses, transitions and events are
// compared with the code.

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "workflows/event.h"
#include "workflows/lifecycle.h"

namespace rebound {
namespace {

using Row = std::vector<std::string>;

std::string Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" `");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" `") - begin + 1));
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(Trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// The rows of the table whose first header cells are `header`, without the header itself.
std::vector<Row> Table(std::string_view header) {
  std::ifstream file(REBOUND_SOURCE_DIR "/ARCHITECTURE.md");
  std::vector<Row> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(header)) {
      inside = true;
    } else if (inside && !line.starts_with("|")) {
      break;
    } else if (inside && !line.starts_with("|---")) {
      Row cells = Split(line, '|');
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

TEST(ArchitectureTest, TheTableOfStatusesIsTheShippedOne) {
  std::vector<Row> expected;
  for (const StatusDef& status : DefaultLifecycle().statuses) {
    expected.push_back({status.key, status.label_zh, std::string(PhaseName(status.phase)),
                        status.handling_done ? "yes" : "no"});
  }
  EXPECT_EQ(Table("| status | 中文 | phase |"), expected);
}

TEST(ArchitectureTest, TheTableOfTransitionsIsTheShippedOne) {
  using Entry = std::tuple<std::string, std::string, std::string, std::string>;
  std::multiset<Entry> written;
  for (const Row& row : Table("| command | accepted in |")) {
    ASSERT_EQ(row.size(), 4U) << row.front();
    for (const std::string& from : Split(row[1], ',')) {
      const auto target = [&](const std::string& cell) { return cell == "stays" ? from : cell; };
      written.emplace(from, row[0], target(row[2]), target(row[3]));
    }
  }
  std::multiset<Entry> shipped;
  for (const Transition& transition : DefaultLifecycle().transitions) {
    shipped.emplace(transition.from, std::string(Name(transition.command)), transition.to,
                    transition.otherwise);
    // Told in the words below the table.
    const bool may_exhaust = transition.command == CaseCommand::kAnswerResurvey;
    EXPECT_EQ(transition.exhausted, may_exhaust ? "resurveyed" : "");
  }
  EXPECT_EQ(written, shipped);
}

template <size_t... kIndex>
std::multiset<std::string> EventNames(std::index_sequence<kIndex...>) {
  return {std::string(TypeName(EventBody(std::in_place_index<kIndex>)))...};
}

TEST(ArchitectureTest, EveryEventIsListedOnce) {
  std::multiset<std::string> written;
  for (const Row& row : Table("| event | says |")) {
    for (const std::string& name : Split(row[0], ',')) written.insert(name);
  }
  EXPECT_EQ(written, EventNames(std::make_index_sequence<std::variant_size_v<EventBody>>()));
}

}  // namespace
}  // namespace rebound
