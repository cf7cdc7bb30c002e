// Templates of messages: variables, braces, languages, and no holes.
#include "workflows/template.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace rebound {
namespace {

TEST(TemplateTest, FaultsAreToldWithTheirPlaces) {
  struct Row {
    const char* name;
    std::string text;
    std::vector<TemplateFault> faults;
  };
  const Row rows[] = {
      {"no variables", "Hello", {}},
      {"one", "Dear {customer_name}, hello", {}},
      {"each of them",
       "{customer_name}{case_number}{program}{owner}{promise}{promise_due}{remedy}{amount}"
       "{org_unit}{survey_link}",
       {}},
      {"unknown", "Dear {custmer_name}", {{6, "custmer_name"}}},
      {"in capitals", "{Owner}", {{1, "Owner"}}},
      {"with blanks", "{ owner }", {{1, " owner "}}},
      {"two", "{a} and {owner} and {b}", {{1, "a"}, {21, "b"}}},
      {"braces themselves", "{{owner}} costs {{}}", {}},
      {"a variable in braces", "{{{owner}}}", {}},
      {"never closed", "Dear {owner", {{5, ""}}},
      {"closed on the next line", "{owner\n}", {{0, ""}, {7, ""}}},
      {"closed without opening", "Dear owner}", {{10, ""}}},
      {"nothing in it", "a {} b", {{2, ""}}},
      {"opened twice", "{own{owner}", {{0, ""}}},
      {"after Chinese", "您好 {owmer}", {{8, "owmer"}}},
  };
  for (const Row& row : rows) EXPECT_EQ(CheckTemplate(row.text), row.faults) << row.name;
}

TEST(TemplateTest, VariablesAreListedOnceInOrder) {
  EXPECT_EQ(VariablesOf("{owner} {{program}} {amount} {owner}"),
            (std::vector<std::string>{"owner", "amount"}));
  EXPECT_TRUE(VariablesOf("").empty());
}

TEST(TemplateTest, ChineseIsForChineseTagsAndEnglishForTheRest) {
  for (const char* tag : {"zh", "zh-CN", "zh-Hant-TW", "ZH", "Zh-cn", "zh_CN"}) {
    EXPECT_EQ(TemplateLanguage(tag), "zh") << tag;
  }
  for (const char* tag : {"", "en", "en-GB", "z", "zha", "de", "azh", "nl-zh"}) {
    EXPECT_EQ(TemplateLanguage(tag), "en") << tag;
  }
}

Template Apology() {
  return {"apology",
          {},
          "Case {case_number}",
          "工单 {case_number}",
          "Dear {customer_name}, {{sorry}}. {owner}",
          "{customer_name}，抱歉！{{{owner}}}"};
}

TEST(TemplateTest, ItIsRenderedInTheLanguageAskedFor) {
  const std::map<std::string, std::string> values = {
      {"case_number", "C-7"}, {"customer_name", "Wang {Wei}"}, {"owner", "Li Na"}};
  const auto english = Render(Apology(), "fr", values);
  ASSERT_TRUE(english);
  EXPECT_EQ(english->subject, "Case C-7");
  EXPECT_EQ(english->text, "Dear Wang {Wei}, {sorry}. Li Na");
  const auto chinese = Render(Apology(), "zh-CN", values);
  ASSERT_TRUE(chinese);
  EXPECT_EQ(chinese->subject, "工单 C-7");
  EXPECT_EQ(chinese->text, "Wang {Wei}，抱歉！{Li Na}");
}

TEST(TemplateTest, AMissingValueIsAnErrorAndNoHole) {
  const auto one = Render(Apology(), "en", {{"case_number", "C-7"}, {"customer_name", "Wang"}});
  ASSERT_FALSE(one);
  EXPECT_EQ(one.error().reason, Reason::kRequiredFieldMissing);
  EXPECT_EQ(one.error().metadata.at("field"), "values.owner");
  const auto empty =
      Render(Apology(), "en", {{"case_number", "C-7"}, {"customer_name", "Wang"}, {"owner", ""}});
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().metadata.at("field"), "values.owner");
  const auto all = Render(Apology(), "zh", {});
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().reason, Reason::kFieldViolations);
  ASSERT_EQ(all.error().violations.size(), 3U);
  EXPECT_EQ(all.error().violations[0].field, "values.case_number");
}

TEST(TemplateTest, AValueThatNobodyAsksForIsNotMissed) {
  Template plain{"plain", {}, "", "", "Hello", "您好"};
  const auto rendered = Render(plain, "zh", {{"owner", "Li"}});
  ASSERT_TRUE(rendered);
  EXPECT_EQ(rendered->subject, "");
  EXPECT_EQ(rendered->text, "您好");
}

}  // namespace
}  // namespace rebound
