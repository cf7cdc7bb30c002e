// One verb for many cases through the API: each is done or refused by itself, the request as a
// whole only for what is wrong with all of them.
#include <gmock/gmock.h>

#include "rebound/v1/case_service.pb.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using testing::ElementsAre;

class BulkApiTest : public ServerTest {
 protected:
  BulkApiTest() {
    for (int i = 0; i < 3; ++i) {
      server_.Do<api::OpenCaseResponse>("admin", R"(case { program_id: "touchpoint" })");
    }
    server_.Do<api::WithdrawCaseResponse>("admin", R"(case_id: "C-2" note: "x" etag: "\"1\"")");
  }

  // Of each case its status, or why it was refused.
  std::vector<std::string> Give(const std::string& request, bool replayed = false) {
    const auto reply = server_.Do<api::BulkCasesResponse>("manager", request);
    std::vector<std::string> outcomes;
    for (const api::BulkResult& result : reply.results()) {
      outcomes.push_back(result.case_id() + " " +
                         (result.has_error() ? result.error().reason() : result.case_().status()));
      if (!result.has_error()) {
        EXPECT_EQ(result.replayed(), replayed) << outcomes.back();
      } else {
        EXPECT_FALSE(result.error().message().empty());
        EXPECT_FALSE(result.error().message_zh().empty());
      }
    }
    return outcomes;
  }
};

TEST_F(BulkApiTest, EachCaseIsDoneOrRefusedInTheOrderNamed) {
  EXPECT_THAT(Give(R"(case_ids: "C-3" case_ids: "C-2" case_ids: "C-9" case_ids: "?" case_ids: "C-1"
                      supervise { note: "x" })"),
              ElementsAre("C-3 open", "C-2 TRANSITION_NOT_ALLOWED", "C-9 NOT_FOUND", "? ID_INVALID",
                          "C-1 open"));
}

TEST_F(BulkApiTest, ARepeatDoesWhatWasRefusedAndNothingTwice) {
  const std::string request =
      R"(request_id: "r" case_ids: "C-1" case_ids: "C-2" supervise { note: "x" })";
  EXPECT_THAT(Give(request), ElementsAre("C-1 open", "C-2 TRANSITION_NOT_ALLOWED"));
  const int64_t after = server_.LastSequence();
  EXPECT_THAT(Give(request, true), ElementsAre("C-1 open", "C-2 TRANSITION_NOT_ALLOWED"));
  EXPECT_EQ(server_.LastSequence(), after);
  EXPECT_EQ(
      server_.Do<api::GetCaseResponse>("admin", R"(case_id: "C-1")").case_().supervisions_size(),
      1);
  EXPECT_THAT(Give(R"(request_id: "r" case_ids: "C-1" supervise { note: "y" })"),
              ElementsAre("C-1 REQUEST_ID_REUSED"));
}

TEST_F(BulkApiTest, WhatIsWrongForAllIsRefusedBeforeAnyIsTouched) {
  std::string many;
  for (int i = 0; i <= 500; ++i) many += "case_ids: \"C-" + std::to_string(i + 1) + "\" ";
  struct Row {
    const char* name;
    std::string who;
    std::string request;
    const char* reason;
    const char* field;
  };
  const std::string one = R"(case_ids: "C-1" )";
  for (const Row& row : std::vector<Row>{
           {"no verb", "manager", one, "REQUIRED_FIELD_MISSING", "verb"},
           {"no case", "manager", "resume {}", "TOO_MANY_ITEMS", "case_ids"},
           {"too many", "manager", many + "resume {}", "TOO_MANY_ITEMS", "case_ids"},
           {"one twice", "manager", one + one + "resume {}", "ID_INVALID", "case_ids[1]"},
           {"a verb without its note", "manager", one + "supervise {}", "REQUIRED_FIELD_MISSING",
            "supervise.note"},
           {"a case in the verb", "manager", one + R"(resume { case_id: "C-1" })", "ID_INVALID",
            "resume.case_id"},
           {"an etag in the verb", "manager", one + R"(assign { owner: "li" etag: "\"1\"" })",
            "ID_INVALID", "assign.etag"}}) {
    SCOPED_TRACE(row.name);
    const Refusal refusal = server_.Refuse(row.who, "CaseService/BulkCases", row.request);
    EXPECT_EQ(refusal.reason, row.reason) << refusal;
    if (*row.field != '\0') {
      EXPECT_TRUE(refusal.HasField(row.field)) << refusal;
    }
  }
}

}  // namespace
}  // namespace rebound::fixtures
