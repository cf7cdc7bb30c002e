#include "clients/cli/export.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <sstream>
#include <vector>

namespace rebound::cli {
namespace {

v1::ExportCustomerResponse Attempt(const std::string& case_id, const std::string& note) {
  v1::ExportCustomerResponse item;
  item.mutable_case_()->set_id(case_id);
  item.mutable_case_()->add_attempts()->set_note(note);
  return item;
}

v1::ExportCustomerResponse Event(int64_t sequence, const std::string& word) {
  v1::ExportCustomerResponse item;
  item.mutable_event()->set_sequence(sequence);
  item.mutable_event()->add_words(word);
  return item;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(ExportPrinterTest, PartsOfOneItemAreOneLine) {
  v1::ExportCustomerResponse summary;
  summary.mutable_summary()->set_case_count(2);
  std::ostringstream out;
  ExportPrinter printer(out, false);
  for (const auto& item : {Attempt("a", "one"), Attempt("a", "two\nlines"), Attempt("b", "three"),
                           Event(7, "four"), Event(7, "five"), Event(8, "six")}) {
    printer.Add(item);
  }
  EXPECT_FALSE(printer.summary().has_value());
  printer.Add(summary);
  printer.Finish();
  ASSERT_TRUE(printer.summary().has_value());
  EXPECT_EQ(printer.summary()->case_count(), 2);
  EXPECT_EQ(printer.count(), 5);

  const std::vector<std::string> lines = Lines(out.str());
  ASSERT_EQ(lines.size(), 5u) << out.str();
  std::vector<v1::ExportCustomerResponse> items(lines.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(lines[i], &items[i]).ok()) << lines[i];
  }
  ASSERT_EQ(items[0].case_().attempts_size(), 2);
  EXPECT_EQ(items[0].case_().attempts(1).note(), "two\nlines");
  EXPECT_EQ(items[1].case_().id(), "b");
  EXPECT_EQ(items[2].event().words_size(), 2);
  EXPECT_EQ(items[3].event().sequence(), 8);
  EXPECT_TRUE(items[4].has_summary());
}

TEST(ExportPrinterTest, TextShowsEachItemUnderItsKindAndInItsOwnScript) {
  v1::ExportCustomerResponse item;
  item.mutable_customer()->set_display_name("王芳");
  std::ostringstream out;
  ExportPrinter printer(out, true);
  printer.Add(item);
  printer.Finish();
  EXPECT_EQ(out.str(), "# customer\ndisplay_name: \"王芳\"\n\n");
}

TEST(ExportPrinterTest, ThePartOfAScopeIsCalledThat) {
  v1::ExportSummary summary;
  summary.set_event_count(3);
  EXPECT_NE(RenderExportSummary(summary, false).find("access scope"), std::string::npos);
  EXPECT_NE(RenderExportSummary(summary, true).find("访问范围"), std::string::npos);
  summary.set_whole(true);
  EXPECT_EQ(RenderExportSummary(summary, false),
            "0 records, 0 behaviours, 0 answers, 0 cases, 0 blacklist entries, 3 events.\n");
}

}  // namespace
}  // namespace rebound::cli
