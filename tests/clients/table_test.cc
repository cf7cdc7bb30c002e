#include "clients/cli/table.h"

#include <gtest/gtest.h>

#include <chrono>
#include <sstream>

#include "clients/cli/progress.h"

namespace rebound::cli {
namespace {

using std::chrono::milliseconds;

struct WidthCase {
  std::string text;
  int width;
};

TEST(TableTest, WidthsCountColumnsNotCodePoints) {
  const WidthCase kCases[] = {
      {"", 0},      {"abc", 3}, {"工单池", 6}, {"e\xCC\x81t\xC3\xA9", 3}, {"“§…", 3},
      {"ｱ", 1},     {"Ａ", 2},  {"한국", 4},   {"👨‍👩‍👧", 2}, {"C-1042 处理中", 13},
      {"\xFFx", 2},
  };
  for (const WidthCase& c : kCases) EXPECT_EQ(DisplayWidth(c.text), c.width) << c.text;
}

TEST(TableTest, TruncationNeverCutsACharacterInHalf) {
  EXPECT_EQ(Truncate("工单池", 6), "工单池");
  EXPECT_EQ(Truncate("工单池", 5), "工单…");
  EXPECT_EQ(Truncate("工单池", 4), "工…");
  EXPECT_EQ(Truncate("工单池", 2), "…");
  EXPECT_EQ(Truncate("工单池", 1), "…");
  EXPECT_EQ(Truncate("工单池", 0), "");
  EXPECT_EQ(Truncate("ae\xCC\x81xyz", 3), "ae\xCC\x81…");
  EXPECT_EQ(Truncate("👨‍👩‍👧ab", 3), "👨‍👩‍👧…");
}

TEST(TableTest, ATextCannotSteerTheTerminal) {
  EXPECT_EQ(OneLine("a\r\nb\tc\nd"), "a b c d");
  EXPECT_EQ(OneLine("\x1b[31mred"), "\uFFFD[31mred");
  EXPECT_EQ(OneLine("a\xC2\x9B"
                    "b\x7F"),
            "a\uFFFDb\uFFFD");
  EXPECT_EQ(OneLine("a\u202Eb"), "a\uFFFDb");
  EXPECT_EQ(OneLine("\xFFx"), "\uFFFDx");
  EXPECT_EQ(OneLine("客户"), "客户");
}

const std::vector<TableColumn> kColumns = {{"number"}, {"queue"}, {"score", Align::kRight}};
const std::vector<std::vector<std::string>> kRows = {
    {"C-1", "北京一区修复组", "10"}, {"C-1042", "web", "6"}, {"C-2"}};

TEST(TableTest, ColumnsLineUpWithChineseText) {
  EXPECT_EQ(RenderTable(kColumns, kRows, 0),
            "NUMBER   QUEUE            SCORE\n"
            "C-1      北京一区修复组      10\n"
            "C-1042   web                  6\n"
            "C-2\n");
  EXPECT_EQ(RenderTable(kColumns, kRows, 200), RenderTable(kColumns, kRows, 0));
  EXPECT_EQ(RenderTable(kColumns, {}, 80), "NUMBER   QUEUE   SCORE\n");
}

TEST(TableTest, OnATerminalTheWidestTextGivesWay) {
  EXPECT_EQ(RenderTable(kColumns, kRows, 26),
            "NUMBER   QUEUE       SCORE\n"
            "C-1      北京一区…      10\n"
            "C-1042   web             6\n"
            "C-2\n");
  EXPECT_EQ(RenderTable({{"a"}}, {{"工单池"}}, 4), "A\n工…\n") << "half a character is left free";
  // Titles and numbers are kept whole, whatever the width.
  EXPECT_EQ(RenderTable(kColumns, kRows, 5),
            "NUMBER   QUEUE   SCORE\n"
            "C-1      北京…      10\n"
            "C-1042   web         6\n"
            "C-2\n");
}

TEST(TableTest, BarsAreDrawnInEighths) {
  EXPECT_EQ(Bar(0, 4), "    ");
  EXPECT_EQ(Bar(1, 4), "████");
  EXPECT_EQ(Bar(0.5, 4), "██  ");
  EXPECT_EQ(Bar(0.5 + 1.0 / 32, 4), "██▏ ");
  EXPECT_EQ(Bar(0.0001, 4), "▏   ");
  EXPECT_EQ(Bar(7, 2), "██");
  EXPECT_EQ(Bar(std::stod("nan"), 2), "  ");
}

TEST(TableTest, TheNpsBarHasItsWidthExactly) {
  EXPECT_EQ(NpsBar(342, 968, 1436, 20), "░░░▒▒▒▒▒▒▒██████████");
  EXPECT_EQ(NpsBar(1, 1, 1, 4).size(), 12u);
  EXPECT_EQ(NpsBar(0, 0, 5, 3), "███");
  EXPECT_EQ(NpsBar(0, 0, 0, 3), "   ");
}

TEST(ProgressTest, TheLineShowsWhatIsKnown) {
  const ImportCount count{.bytes = 450, .accepted = 12'260, .rejected = 85};
  EXPECT_EQ(ProgressLine(count, 1000, milliseconds(10'000), 120),
            "[█████████           ]  45 %   12,345 rows   1,235/s   0:13 left   85 rejected");
  EXPECT_EQ(ProgressLine(count, 1000, milliseconds(10'000), 50),
            "[█████████           ]  45 %   12,345 rows");
  EXPECT_EQ(ProgressLine(count, 0, milliseconds(10'000), 120),
            "12,345 rows   1,235/s   85 rejected");
  EXPECT_EQ(ProgressLine({}, 1000, milliseconds(0), 120), "[                    ]   0 %   0 rows");
  EXPECT_EQ(ProgressLine({.bytes = 1, .accepted = 1}, 4000, milliseconds(1'000), 120),
            "[▏                   ]   0 %   1 rows   1/s   1:06:39 left");
  EXPECT_EQ(GroupDigits(-1'234'567), "-1,234,567");
  EXPECT_EQ(GroupDigits(-123), "-123");
}

TEST(ProgressTest, ATerminalLineIsRewrittenAndClearedAtTheEnd) {
  std::ostringstream out;
  const Progress::TimePoint start{};
  Progress progress(out, 0, 80, start);
  progress.Update({.accepted = 1}, start + milliseconds(100));
  progress.Update({.accepted = 2}, start + milliseconds(150));
  progress.Update({.accepted = 3}, start + milliseconds(200));
  progress.Finish();
  EXPECT_EQ(out.str(), "\r\x1b[K1 rows\r\x1b[K3 rows\r\x1b[K");
}

TEST(ProgressTest, WithoutATerminalALineComesEachTenSeconds) {
  std::ostringstream out;
  const Progress::TimePoint start{};
  Progress progress(out, 1000, 0, start);
  for (int second = 1; second <= 25; ++second) {
    progress.Update({.accepted = second * 1000, .rejected = second / 20},
                    start + std::chrono::seconds(second));
  }
  progress.Finish();
  EXPECT_EQ(out.str(), "10,000 rows\n20,001 rows, 1 rejected\n");
}

}  // namespace
}  // namespace rebound::cli
