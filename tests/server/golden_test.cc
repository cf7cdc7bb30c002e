// What clients see, kept as files in tests/golden/api: a worked case, its timeline, the reports and
// refusals, as the API's JSON. UPDATE_GOLDEN=1 rewrites them; read the difference before it is
// kept.
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/report_service.pb.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using std::chrono::days;
using std::chrono::hours;

// Ids differ from run to run: each becomes "id-N", counted over one test.
class Names {
 public:
  std::string Normalised(const std::string& text) {
    std::string out;
    for (size_t i = 0; i < text.size();) {
      size_t end = i;
      while (end < text.size() && IsIdCharacter(text[end])) ++end;
      if (end - i == 26 && DecodeId(text.substr(i, 26))) {
        const auto [name, fresh] = names_.try_emplace(text.substr(i, 26), names_.size() + 1);
        out += "id-" + std::to_string(name->second);
        i = end;
      } else {
        end = std::max(end, i + 1);
        out += text.substr(i, end - i);
        i = end;
      }
    }
    return out;
  }

 private:
  static bool IsIdCharacter(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); }

  std::map<std::string, size_t> names_;
};

class GoldenTest : public ServerTest {
 protected:
  std::string Json(const Message& message) {
    google::protobuf::util::JsonPrintOptions options;
    options.add_whitespace = true;
    std::string json;
    EXPECT_TRUE(google::protobuf::util::MessageToJsonString(message, &json, options).ok());
    return names_.Normalised(WithSortedMaps(json));
  }

  // Maps have no order of their own: the lines of "details" and "attributes" are sorted.
  static std::string WithSortedMaps(const std::string& json) {
    std::istringstream in(json);
    std::ostringstream out;
    for (std::string line; std::getline(in, line);) {
      out << line << "\n";
      if (!line.ends_with("\"details\": {") && !line.ends_with("\"attributes\": {")) continue;
      std::vector<std::string> entries;
      while (std::getline(in, line) && line.find('}') == std::string::npos) {
        if (line.ends_with(',')) line.pop_back();
        entries.push_back(line);
      }
      std::sort(entries.begin(), entries.end());
      for (size_t i = 0; i < entries.size(); ++i) {
        out << entries[i] << (i + 1 < entries.size() ? ",\n" : "\n");
      }
      out << line << "\n";
    }
    return out.str();
  }

  void ExpectGolden(const std::string& name, const std::string& text) {
    const std::string path = REBOUND_SOURCE_DIR "/tests/golden/api/" + name;
    if (std::getenv("UPDATE_GOLDEN") != nullptr) {
      std::ofstream(path, std::ios::binary) << text;
      return;
    }
    std::ifstream in(path, std::ios::binary);
    ASSERT_TRUE(in.is_open()) << path << " is missing; UPDATE_GOLDEN=1 writes it";
    std::ostringstream expected;
    expected << in.rdbuf();
    EXPECT_EQ(text, expected.str()) << path;
  }

  Names names_;
};

TEST_F(GoldenTest, AWorkedCaseLooksAsItDid) {
  server_.Do<api::SubmitResponseResponse>(
      "integration", R"(response { program_id: "touchpoint" score: 2 reason: "扣费两次，没人回电"
          touchpoint: "channel/hotline" org_unit_id: "华东/上海" language: "zh" order_reference: "A-17"
          external_key { source_system: "survey" external_id: "41" }
          customer_key { source_system: "crm" external_id: "li" } })");
  server_.Do<api::ClaimNextCaseResponse>("agent", "");
  server_.clock().Advance(hours(1));
  server_.Do<api::LogAttemptResponse>(
      "agent", R"(case_id: "C-1" attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_REACHED
                  note: "已致歉" })");
  server_.Do<api::MakeCommitmentResponse>(
      "agent",
      R"(case_id: "C-1" commitment { promise: "周五前退款" due_time { seconds: 1772820000 } })");
  server_.Do<api::RemedyCaseResponse>(
      "agent", R"(case_id: "C-1" remedy { kind: REMEDY_KIND_REFUND state: REMEDY_STATE_DELIVERED
                  amount { amount_minor: 1250 currency_code: "CNY" } })");
  server_.Do<api::ResolveCaseResponse>(
      "agent", R"(case_id: "C-1" handling_result: HANDLING_RESULT_RESOLVED root_cause: "billing"
                  action_taken: "已退款" customer_accepts: true)");
  server_.clock().Advance(days(3));
  server_.FireDueTimers();
  server_.clock().Advance(hours(5));
  server_.Do<api::SubmitResponseResponse>("integration",
                                          R"(response { program_id: "touchpoint" score: 9
                        customer_key { source_system: "crm" external_id: "li" } })");
  ExpectGolden("case.json", Json(server_.Do<api::GetCaseResponse>("agent", R"(case_id: "C-1")")));
  ExpectGolden("timeline.json",
               Json(server_.Do<api::ListCaseEventsResponse>("agent", R"(case_id: "C-1")")));
  ExpectGolden("responses.json", Json(server_.Do<api::ListResponsesResponse>("agent", "")));
  ExpectGolden("customer.json",
               Json(server_.Do<api::GetCustomerResponse>(
                   "agent", R"(external_key { source_system: "crm" external_id: "li" })")));
  const std::string scope = R"(scope { program_id: "touchpoint" group_by: "touchpoint" })";
  ExpectGolden("nps.json", Json(server_.Do<api::GetNpsReportResponse>("manager", scope)));
  ExpectGolden("funnel.json", Json(server_.Do<api::GetFunnelReportResponse>("manager", scope)));
  ExpectGolden("recovery.json", Json(server_.Do<api::GetRecoveryReportResponse>("manager", scope)));
}

TEST_F(GoldenTest, RefusalsReadAsTheyDid) {
  server_.Do<api::OpenCaseResponse>("agent", R"(case { program_id: "touchpoint" })");
  std::ostringstream text;
  const auto add = [&](const std::string& method, const std::string& request) {
    std::string who = "admin";
    const google::protobuf::MethodDescriptor& descriptor = MethodNamed(method);
    for (const char* language : {"en", "zh-CN"}) {
      std::unique_ptr<Message> parsed(google::protobuf::MessageFactory::generated_factory()
                                          ->GetPrototype(descriptor.input_type())
                                          ->New());
      ParseText(request, parsed.get());
      std::unique_ptr<Message> reply(google::protobuf::MessageFactory::generated_factory()
                                         ->GetPrototype(descriptor.output_type())
                                         ->New());
      const Refusal refusal =
          ToRefusal(server_.Call(who, *parsed, reply.get(), {.language = language}));
      if (std::string_view(language) == "en") {
        text << method << " " << request << "\n" << refusal << "\n";
      }
      text << "  " << refusal.locale << ": " << refusal.localized << "\n";
    }
    text << "\n";
  };
  add("ResponseService/SubmitResponse",
      R"(request_id: "r" response { program_id: "touchpoint" score: 11
      customer_key { source_system: "crm" external_id: "li" } })");
  add("ResponseService/SubmitResponse",
      R"(request_id: "r" response { program_id: "nps" score: 3 })");
  add("ResponseService/SubmitResponse", R"(request_id: "r" response { program_id: "touchpoint"
      occur_time { seconds: -1 } touchpoint: " x" })");
  add("ResponseService/SubmitResponse", "response { score: 1 }");
  add("CaseService/GetCase", R"(case_id: "C-7")");
  add("CaseService/GetCase", R"(case_id: "7")");
  add("CaseService/CloseCase", R"(request_id: "r" case_id: "C-1")");
  add("CaseService/CloseCase", R"(request_id: "r" case_id: "C-1" etag: "\"77\"")");
  add("CaseService/ReopenCase", R"(request_id: "r" case_id: "C-1" note: "again")");
  add("CaseService/LogAttempt", R"(request_id: "r" case_id: "C-1"
      attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_BUSY })");
  add("CaseService/LogAttempt", R"(request_id: "r" case_id: "C-1" attempt { channel: 77 })");
  add("CaseService/RemedyCase", R"(request_id: "r" case_id: "C-1" remedy { kind: REMEDY_KIND_REFUND
      state: REMEDY_STATE_PROPOSED amount { amount_minor: -1 currency_code: "CNY" } })");
  add("CaseService/ListCases", R"(filter: "severity >= 3 AND scroe <= 6")");
  add("CaseService/ListCases", R"(page_size: -1)");
  add("CaseService/ListCases", R"(order_by: "owner")");
  add("CaseService/ClaimNextCase", R"(request_id: "r" queue_id: "nowhere")");
  add("CustomerService/UpsertCustomer", R"(request_id: "r" update_mask { paths: "*" }
      external_key { source_system: "crm" external_id: "li" })");
  add("ReportService/GetNpsReport", R"(scope { group_by: "owner" })");
  ExpectGolden("refusals.txt", names_.Normalised(text.str()));
}

}  // namespace
}  // namespace rebound::fixtures
