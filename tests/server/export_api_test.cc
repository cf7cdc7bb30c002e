// Many records as one file: all of them and each once, what each role and scope sees, and what is
// on record before the first byte leaves.
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/event.pb.h"
#include "rebound/v1/export_service.grpc.pb.h"
#include "tests/fixtures/test_server.h"
#include "workflows/limits.h"

namespace rebound::fixtures {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

struct RecordsExport {
  grpc::Status status{};
  std::string data{};
  int64_t rows = 0;
  bool complete = false;
  int messages = 0;
};

class ExportApiTest : public ServerTest {
 protected:
  // Does `meanwhile` when the first message has come.
  RecordsExport Export(const std::string& who, const std::string& request_text,
                       const std::function<void()>& meanwhile = {}) {
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + server_.TokenOf(who));
    context.AddMetadata("accept-language", "en");
    context.set_deadline(std::chrono::system_clock::now() + seconds{60});
    const auto stub = api::ExportService::NewStub(server_.NewChannel());
    const auto stream =
        stub->ExportRecords(&context, FromText<api::ExportRecordsRequest>(request_text));
    RecordsExport exported;
    for (api::ExportRecordsResponse part; stream->Read(&part);) {
      EXPECT_FALSE(exported.complete) << "something follows the last message";
      EXPECT_LE(exported.rows, part.row_count());
      exported.data += part.data();
      exported.rows = part.row_count();
      exported.complete = part.complete();
      if (exported.messages++ == 0 && meanwhile) meanwhile();
    }
    exported.status = stream->Finish();
    EXPECT_EQ(exported.complete, exported.status.ok());
    return exported;
  }
  static std::vector<std::string> Lines(const std::string& text, const std::string& end) {
    std::vector<std::string> lines;
    for (size_t at = 0; at < text.size();) {
      const size_t stop = text.find(end, at);
      EXPECT_NE(stop, std::string::npos) << "the last line has an end, too";
      lines.push_back(text.substr(at, stop - at));
      at = stop == std::string::npos ? text.size() : stop + end.size();
    }
    return lines;
  }
  template <typename Record>
  static std::vector<Record> Records(const RecordsExport& exported) {
    std::vector<Record> records;
    for (const std::string& line : Lines(exported.data, "\n")) {
      EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(line, &records.emplace_back()).ok())
          << line;
    }
    EXPECT_EQ(exported.rows, static_cast<int64_t>(records.size()));
    return records;
  }
  template <typename Record>
  static std::set<std::string> Ids(const std::vector<Record>& records) {
    std::set<std::string> ids;
    for (const Record& record : records) {
      EXPECT_TRUE(ids.insert(record.id()).second) << record.id() << " came twice";
    }
    return ids;
  }

  // Answers of a customer each; one opens a case where its score is low. Returns their ids.
  std::set<std::string> Submit(int count, const std::string& more) {
    std::string text;
    for (int i = 0; i < count; ++i) {
      text += R"(responses { program_id: "touchpoint" customer_key { source_system: "s"
                  external_id: ")" +
              std::to_string(++customers_) + "\" } " + more + " } ";
    }
    std::set<std::string> ids;
    const auto reply = server_.Do<api::BatchSubmitResponsesResponse>("admin", text);
    for (const auto& result : reply.results()) ids.insert(result.response().id());
    EXPECT_THAT(ids, SizeIs(static_cast<size_t>(count)));
    return ids;
  }
  void Customer(const std::string& key, const std::string& name, const std::string& unit) {
    server_.Do<api::UpsertCustomerResponse>(
        "admin", R"(external_key { source_system: "crm" external_id: ")" + key +
                     R"(" } customer { display_name: ")" + name + R"(" org_unit_id: ")" + unit +
                     R"(" contact_points { channel: CHANNEL_PHONE address: "+8613800001234" } }
                        update_mask { paths: "display_name" paths: "org_unit_id"
                                      paths: "contact_points" })");
  }

 private:
  int customers_ = 0;
};

constexpr char kCustomersCsv[] = "kind: RECORD_KIND_CUSTOMERS format: EXPORT_FORMAT_CSV ";

TEST_F(ExportApiTest, ACsvIsSafeToOpenAndSaysWhatItsColumnsAre) {
  Customer("1", "=cmd|' /C calc'!A0", "north");
  const RecordsExport exported = Export("integration", std::string(kCustomersCsv));
  ASSERT_TRUE(exported.status.ok()) << ToRefusal(exported.status);
  EXPECT_EQ(exported.rows, 1);
  const auto lines = Lines(exported.data, "\r\n");
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], StartsWith("id,etag,external_keys,alias_of,display_name,"));
  EXPECT_THAT(lines[1], HasSubstr(R"(,"'=cmd|' /C calc'!A0",)"));
  EXPECT_THAT(lines[1], HasSubstr("+8613800001234")) << "integrations see contact data";

  const RecordsExport marked =
      Export("integration", std::string(kCustomersCsv) + "byte_order_mark: true");
  EXPECT_EQ(marked.data, "\xEF\xBB\xBF" + exported.data);
  // A table without rows has a head all the same.
  EXPECT_EQ(Export("admin", "kind: RECORD_KIND_CASES format: EXPORT_FORMAT_CSV").rows, 0);
  EXPECT_THAT(Export("admin", "kind: RECORD_KIND_CASES format: EXPORT_FORMAT_CSV").data,
              StartsWith("id,number,"));
  EXPECT_EQ(Export("admin", "kind: RECORD_KIND_CASES format: EXPORT_FORMAT_JSON_LINES").data, "");
}

TEST_F(ExportApiTest, EachRoleAndScopeSeesWhatTheListsShow) {
  Customer("1", "Zhang San", "north/city");
  Customer("2", "Li Si", "south");
  const RecordsExport masked = Export("manager", std::string(kCustomersCsv));
  EXPECT_EQ(masked.rows, 2);
  EXPECT_THAT(masked.data, HasSubstr("Z***"));
  EXPECT_THAT(masked.data, Not(HasSubstr("Zhang San")));
  EXPECT_THAT(masked.data, Not(HasSubstr("13800001234")));

  server_.AddIdentity("north", "integration", {.org_units = {"north"}, .queues = {}});
  const RecordsExport part = Export("north", std::string(kCustomersCsv));
  EXPECT_EQ(part.rows, 1);
  EXPECT_THAT(part.data, HasSubstr("Zhang San"));
  EXPECT_THAT(part.data, Not(HasSubstr("Li Si")));
  for (const char* who : {"supervisor", "agent", "viewer"}) {
    EXPECT_EQ(Export(who, kCustomersCsv).status.error_code(), grpc::StatusCode::PERMISSION_DENIED)
        << who;
  }
}

// As in the lists: the number of rows would tell whether a guess is right.
TEST_F(ExportApiTest, AMaskedAccountIsNotFoundOutByFiltering) {
  server_.Do<api::UpsertCustomerResponse>("admin",
                                          R"(external_key { source_system: "crm" external_id: "1" }
                  customer { account_id: "13800138000" } update_mask { paths: "account_id" })");
  for (const char* filter : {R"(account = "13800138000")", R"(NOT account = "13800138000")",
                             R"(segment = gold OR account = "zhang@example.com")"}) {
    const Refusal refusal = ToRefusal(
        Export("manager", std::string(kCustomersCsv) + "filter: '" + filter + "'").status);
    EXPECT_EQ(refusal.reason, "FILTER_INVALID") << filter;
    EXPECT_TRUE(refusal.HasField("filter")) << filter;
  }
  const std::string exact = std::string(kCustomersCsv) + R"(filter: 'account = "13800138000"')";
  EXPECT_EQ(Export("integration", exact).rows, 1) << "sees them in clear";
  EXPECT_EQ(Export("manager", std::string(kCustomersCsv) + "filter: 'account:*'").rows, 1);
}

TEST_F(ExportApiTest, EveryRecordOfManyPagesComesOnce) {
  std::set<std::string> ids = Submit(300, R"(score: 2 reason: "等了, 很久" org_unit_id: "north")");
  ids.merge(Submit(300, R"(score: 10 org_unit_id: "south")"));
  const RecordsExport responses =
      Export("admin", "kind: RECORD_KIND_RESPONSES format: EXPORT_FORMAT_JSON_LINES");
  ASSERT_TRUE(responses.status.ok()) << ToRefusal(responses.status);
  const auto all = Records<api::Response>(responses);
  ASSERT_EQ(Ids(all), ids);
  EXPECT_EQ(all.back().reason(), "等了, 很久") << "newest first, with their texts";

  const RecordsExport some = Export(
      "admin", "kind: RECORD_KIND_RESPONSES format: EXPORT_FORMAT_JSON_LINES filter: 'score = 10'");
  EXPECT_THAT(Records<api::Response>(some), SizeIs(300));

  const RecordsExport cases =
      Export("admin", "kind: RECORD_KIND_CASES format: EXPORT_FORMAT_JSON_LINES");
  const auto opened = Records<api::Case>(cases);
  ASSERT_THAT(Ids(opened), SizeIs(300));
  EXPECT_EQ(opened.front().number(), "C-1");
  EXPECT_EQ(opened.back().number(), "C-300");

  const RecordsExport events = Export("admin",
                                      "kind: RECORD_KIND_EVENTS format: EXPORT_FORMAT_JSON_LINES "
                                      "event_filter { types: 'CaseOpened' }");
  const auto logged = Records<api::Event>(events);
  ASSERT_THAT(Ids(logged), SizeIs(300));
  EXPECT_EQ(logged.front().type(), "CaseOpened");
  EXPECT_THAT(logged.front().cursor(), IsEmpty());

  server_.AddIdentity("north", "manager", {.org_units = {"north"}, .queues = {}});
  EXPECT_EQ(Export("north", "kind: RECORD_KIND_RESPONSES format: EXPORT_FORMAT_CSV").rows, 300);
  const std::string csv = "kind: RECORD_KIND_EVENTS format: EXPORT_FORMAT_CSV event_filter ";
  EXPECT_EQ(Export("north", csv + "{ types: 'CaseOpened' }").rows, 300);
  EXPECT_EQ(Export("north", csv + "{ org_unit_ids: 'south' }").rows, 0);
}

TEST_F(ExportApiTest, ARequestThatCannotSucceedSaysWhy) {
  const auto refuse = [&](const std::string& text) {
    return ToRefusal(Export("admin", text).status);
  };
  const Refusal empty = refuse("");
  EXPECT_TRUE(empty.HasField("kind")) << empty;
  EXPECT_TRUE(empty.HasField("format")) << empty;
  const std::string cases = "kind: RECORD_KIND_CASES format: EXPORT_FORMAT_CSV ";
  const std::string events = "kind: RECORD_KIND_EVENTS format: EXPORT_FORMAT_CSV ";
  EXPECT_EQ(refuse(cases + "filter: 'colour = red'").reason, "FILTER_INVALID");
  EXPECT_TRUE(refuse(cases + "event_filter { types: 'CaseOpened' }").HasField("event_filter"));
  EXPECT_TRUE(refuse(events + "filter: 'score = 1'").HasField("filter"));
  EXPECT_TRUE(refuse(events + "event_filter { types: 'No' }").HasField("event_filter.types[0]"));
  EXPECT_EQ(refuse(events + "event_filter { case_ids: 'C-9' }").code, grpc::StatusCode::NOT_FOUND);
  for (const std::string& reason : {std::string("asked by Ms Li"), std::string(65, 'a')}) {
    EXPECT_TRUE(refuse(cases + "reason: '" + reason + "'").HasField("reason")) << reason;
  }
}

TEST_F(ExportApiTest, ItIsInTheAuditBeforeTheFirstByte) {
  const int64_t before = server_.LastAudit().sequence;
  Export("manager", std::string(kCustomersCsv) + "reason: 'monthly'", [&] {
    const AuditEntry entry = server_.LastAudit();
    EXPECT_EQ(entry.sequence, before + 1);
    EXPECT_EQ(entry.kind, AuditKind::kExport);
    EXPECT_EQ(entry.principal, "manager");
    EXPECT_EQ(entry.method, "rebound.v1.ExportService/ExportRecords");
    EXPECT_EQ(entry.detail, "customers monthly");
  });
  EXPECT_EQ(server_.LastAudit().sequence, before + 1) << "once";
}

// More than is sent ahead to a caller who does not read.
class LargeRecordsTest : public ExportApiTest {
 protected:
  static constexpr int kAnswers = 120;

  LargeRecordsTest() {
    std::string reason;
    for (size_t i = 0; i < limits::kTextCodePoints; ++i) reason += "\xF0\x9F\x98\x80";
    for (int i = 0; i < kAnswers; i += 20) {
      ids_.merge(Submit(20, "score: 9 org_unit_id: \"north\" reason: \"" + reason + "\""));
    }
  }

  std::set<std::string> ids_;
};

constexpr char kResponses[] = "kind: RECORD_KIND_RESPONSES format: EXPORT_FORMAT_JSON_LINES";

TEST_F(LargeRecordsTest, WhatWasThereAllTheWhileIsInItOnceWhateverElseHappens) {
  const RecordsExport exported = Export("admin", kResponses, [&] {
    // Nothing that is exported holds up whoever writes.
    Submit(50, "score: 2 org_unit_id: \"north\"");
  });
  ASSERT_TRUE(exported.status.ok()) << ToRefusal(exported.status);
  EXPECT_GT(exported.messages, 20);
  const std::set<std::string> found = Ids(Records<api::Response>(exported));
  for (const std::string& id : ids_) EXPECT_TRUE(found.contains(id)) << id;
}

TEST_F(LargeRecordsTest, WhoIsDisabledMeanwhileGetsNoMore) {
  server_.AddIdentity("li", "manager");
  const RecordsExport exported = Export("li", kResponses, [&] {
    server_.ChangeIdentity({"li", "manager", {}, true});
    server_.clock().Advance(seconds{5});
  });
  EXPECT_EQ(exported.status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_LT(exported.rows, kAnswers);
}

TEST_F(LargeRecordsTest, AScopeThatChangesMeanwhileHoldsFromThenOn) {
  server_.AddIdentity("li", "manager", {.org_units = {"north"}, .queues = {}});
  const RecordsExport exported = Export("li", kResponses, [&] {
    server_.ChangeIdentity({"li", "manager", {.org_units = {"south"}, .queues = {}}, false});
    server_.clock().Advance(seconds{5});
  });
  ASSERT_TRUE(exported.status.ok()) << ToRefusal(exported.status);
  EXPECT_LT(exported.rows, kAnswers);
}

}  // namespace
}  // namespace rebound::fixtures
