#include "server/services/csv_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rebound/v1/case.pb.h"
#include "rebound/v1/customer.pb.h"
#include "rebound/v1/event.pb.h"
#include "rebound/v1/response.pb.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

TEST(CsvTextTest, ATextIsQuotedWhereItMustBeAndNeverAFormula) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"", ""},
      {"plain words", "plain words"},
      {"李梅", "李梅"},
      {"a,b", "\"a,b\""},
      {"a;b", "\"a;b\""},
      {"say \"no\"", "\"say \"\"no\"\"\""},
      {"two\r\nlines", "\"two\r\nlines\""},
      {"a\tb", "\"a\tb\""},
      {"=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""},
      {"+8613800001234", "\"'+8613800001234\""},
      {"-1", "\"'-1\""},
      {"@SUM(A1)", "\"'@SUM(A1)\""},
      {"\t=1", "\"'\t=1\""},
      {"\r=1", "\"'\r=1\""},
      {"\n=1", "\"'\n=1\""},
      {"＝1", "\"'＝1\""},
      {"＋1", "\"'＋1\""},
      {"－1", "\"'－1\""},
      {"＠SUM", "\"'＠SUM\""},
      {"  =1", "\"'  =1\""},
      {"\xEF\xBB\xBF\xE3\x80\x80=1", "\"'\xEF\xBB\xBF\xE3\x80\x80=1\""},
      {"a=1", "a=1"},
      {"'=1", "'=1"},
      {"1-2", "1-2"}};
  for (const auto& [text, cell] : rows) EXPECT_EQ(CsvText(text), cell) << text;
}

TEST(CsvTableTest, EachFieldHasAColumnAndMessagesWithinHaveTheirOwn) {
  const CsvTable table(api::ExternalKey::descriptor());
  EXPECT_EQ(table.Header(), "source_system,external_id\r\n");
  EXPECT_EQ(table.Row(FromText<api::ExternalKey>(R"(source_system: "crm" external_id: "=1,2")")),
            "crm,\"'=1,2\"\r\n");
  const CsvTable items(api::ScoredItem::descriptor());
  EXPECT_EQ(items.Row(FromText<api::ScoredItem>(R"(key: "ease" score: -3)")), "ease,-3\r\n")
      << "a number stays one";
  EXPECT_EQ(items.Row(FromText<api::ScoredItem>(R"(key: "ease" score: 0)")), "ease,0\r\n");
  EXPECT_EQ(items.Row(FromText<api::ScoredItem>(R"(key: "ease")")), "ease,\r\n");

  const CsvTable remedies(api::Remedy::descriptor(), {"steps", "note", "actor", "update_time",
                                                      "type_id", "approval_limit", "approver"});
  EXPECT_EQ(remedies.Header(),
            "id,kind,amount.amount_minor,amount.currency_code,state,statutory,occur_time\r\n");
  EXPECT_EQ(remedies.Row(FromText<api::Remedy>(
                R"(id: "r" kind: REMEDY_KIND_VOUCHER statutory: true
                   amount { amount_minor: -1250 currency_code: "CNY" }
                   occur_time { seconds: 1772442000 })")),
            "r,voucher,-1250,CNY,,true,2026-03-02T09:00:00Z\r\n");
  EXPECT_EQ(remedies.Row(api::Remedy()), ",,,,,false,\r\n");
}

TEST(CsvTableTest, ListsAndMapsAreJsonInOneCell) {
  const CsvTable table(api::Customer::descriptor(),
                       {"id", "etag", "alias_of", "display_name", "language", "time_zone",
                        "segment", "account_id", "org_unit_id", "value", "do_not_contact",
                        "consents", "create_time", "update_time", "erase_time", "scrub_time"});
  EXPECT_EQ(table.Header(), "external_keys,contact_points\r\n");
  EXPECT_EQ(table.Row(FromText<api::Customer>(
                R"(external_keys { source_system: "a" external_id: "1" }
                   external_keys { source_system: "b" external_id: "=2" })")),
            R"("[{""sourceSystem"":""a"",""externalId"":""1""},)"
            R"({""sourceSystem"":""b"",""externalId"":""=2""}]",)"
            "\r\n");
  // What a new field of any kind would do here is found out before anybody exports it.
  for (const auto* type : {api::Case::descriptor(), api::Response::descriptor(),
                           api::Customer::descriptor(), api::Event::descriptor()}) {
    const CsvTable whole(type);
    const std::unique_ptr<Message> empty(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
    const auto commas = [](const std::string& line) {
      return std::count(line.begin(), line.end(), ',');
    };
    EXPECT_EQ(commas(whole.Header()), commas(whole.Row(*empty))) << type->full_name();
  }
  const CsvTable attributes(api::Event::descriptor(),
                            {"id", "cursor", "occur_time", "record_time", "actor", "case_id",
                             "case_number", "customer_id", "response_id", "entry_id", "program_id",
                             "org_unit_id", "queue_id", "status", "note"});
  EXPECT_EQ(attributes.Row(
                FromText<api::Event>(R"(type: "CaseOpened" details { key: "score" value: "2" })")),
            R"(CaseOpened,"{""score"":""2""}")"
            "\r\n");
}

}  // namespace
}  // namespace rebound::fixtures
