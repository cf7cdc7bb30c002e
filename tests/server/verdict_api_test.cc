// Rulings and liability through the API: who may, with which etag, in whose scope, and what the
// reports make of them.
#include <gmock/gmock.h>

#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/report_service.pb.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using testing::HasSubstr;

constexpr const char* kEvidence = R"(evidence { uri: "https://crm.example/1" text: "said so" } )";

class VerdictApiTest : public testing::Test {
 protected:
  VerdictApiTest() {
    server_.AddIdentity("li", "agent");
    server_.AddIdentity("chen", "manager");
    server_.AddIdentity("zhao", "manager");
    const auto answer = server_.Do<api::SubmitResponseResponse>(
        "integration", R"(response { program_id: "touchpoint" score: 3
                          customer_key { source_system: "crm" external_id: "mei" } })");
    case_ = answer.response().paired_case_id();
    answer_ = answer.response().id();
  }

  std::string Named() const { return "case_id: \"" + case_ + "\" "; }
  api::Case Get() { return server_.Do<api::GetCaseResponse>("admin", Named()).case_(); }
  std::string Etag() {
    std::string escaped;
    const std::string etag = Get().etag();
    for (const char c : etag) escaped += c == '"' ? std::string("\\\"") : std::string(1, c);
    return "etag: \"" + escaped + "\" ";
  }
  api::Case Propose(const char* who, const std::string& kind) {
    return server_.Do<api::ProposeVerdictResponse>(who, Named() + kEvidence + kind).case_();
  }
  std::string Waiting() { return "verdict_id: \"" + Get().verdicts().rbegin()->id() + "\" "; }
  Refusal Refuse(std::string_view who, std::string_view verb, const std::string& text) {
    return server_.Refuse(who, "CaseService/" + std::string(verb), Named() + text);
  }
  std::map<std::string, int64_t> Excluded() {
    const auto report = server_.Do<api::GetFunnelReportResponse>(
        "manager", R"(scope { program_id: "touchpoint" })");
    std::map<std::string, int64_t> excluded;
    for (const api::Exclusion& each : report.total().exclusions()) {
      if (each.count() > 0) excluded[each.reason()] = each.count();
    }
    return excluded;
  }

  TestServer server_;
  std::string case_, answer_;
};

TEST_F(VerdictApiTest, AnInvalidCaseLeavesTheDenominatorOnceASecondPersonGrantsIt) {
  EXPECT_TRUE(Excluded().empty());
  const api::Case proposed = Propose("li", "kind: VERDICT_KIND_INVALID");
  EXPECT_EQ(proposed.verdicts(0).proposer(), "li");
  EXPECT_EQ(proposed.verdicts(0).evidence(0).text(), "said so");
  EXPECT_TRUE(Excluded().empty());
  EXPECT_EQ(Refuse("chen", "DecideVerdict", Waiting() + "grant: true").reason, "ETAG_REQUIRED");
  EXPECT_EQ(Refuse("li", "DecideVerdict", Waiting() + "grant: true " + Etag()).reason,
            "ROLE_NOT_ALLOWED");
  const auto decided =
      server_.Do<api::DecideVerdictResponse>("chen", Named() + Waiting() + "grant: true " + Etag());
  EXPECT_EQ(decided.case_().handling_result(), api::HANDLING_RESULT_INVALID);
  EXPECT_EQ(decided.case_().status(), "resolved");
  EXPECT_EQ(Excluded(), (std::map<std::string, int64_t>{{"invalid", 1}}));
}

// The person counts, not the token.
TEST_F(VerdictApiTest, ASecondTokenOfTheProposerIsNoSecondPerson) {
  Propose("chen", "kind: VERDICT_KIND_UNFOUNDED");
  const std::string first = server_.TokenOf("chen");
  const std::string second = server_.AddIdentity("chen", "manager");
  ASSERT_NE(first, second);
  server_.UseToken("chen", second);
  EXPECT_EQ(Refuse("chen", "DecideVerdict", Waiting() + "grant: true " + Etag()).reason,
            "SECOND_PERSON_REQUIRED");
  EXPECT_EQ(Get().verdicts(0).state(), api::VERDICT_STATE_PROPOSED);
}

TEST_F(VerdictApiTest, AMisScoredAnswerKeepsItsScoreBesideWhatWasMeant) {
  const auto nps = [&] {
    return server_.Do<api::GetNpsReportResponse>("manager", R"(scope { program_id: "touchpoint" })")
        .total()
        .detractor_count();
  };
  EXPECT_EQ(nps(), 1);
  EXPECT_TRUE(Refuse("li", "ProposeVerdict",
                     std::string(kEvidence) + "kind: VERDICT_KIND_MIS_SCORED corrected_score: 11")
                  .HasField("corrected_score"));
  Propose("li", "kind: VERDICT_KIND_MIS_SCORED corrected_score: 9");
  server_.Do<api::DecideVerdictResponse>("chen", Named() + Waiting() + "grant: true " + Etag());
  EXPECT_TRUE(Get().mis_scored());
  const auto answer =
      server_.Do<api::GetResponseResponse>("admin", "response_id: \"" + answer_ + "\"").response();
  EXPECT_EQ(answer.score(), 3);
  EXPECT_EQ(answer.corrected_score(), 9);
  EXPECT_EQ(nps(), 1);
  EXPECT_EQ(Excluded(), (std::map<std::string, int64_t>{{"mis_scored", 1}}));
}

TEST_F(VerdictApiTest, ADirectResolutionAsInvalidPointsToTheRuling) {
  for (const char* result : {"INVALID", "UNFOUNDED", "DISHONEST"}) {
    const Refusal refusal =
        Refuse("li", "ResolveCase",
               std::string("root_cause: \"x\" action_taken: \"y\" handling_result: "
                           "HANDLING_RESULT_") +
                   result);
    EXPECT_THAT(refusal.message, HasSubstr("ProposeVerdict"));
  }
}

TEST_F(VerdictApiTest, OutsideTheScopeThereIsNoSuchCase) {
  Scope east;
  east.org_units = {"east"};
  server_.AddIdentity("east", "manager", east);
  std::string evidence(kEvidence);
  evidence += "kind: VERDICT_KIND_INVALID";
  EXPECT_EQ(Refuse("east", "ProposeVerdict", evidence).reason, "NOT_FOUND");
  EXPECT_EQ(Refuse("east", "FindLiability", "liability: LIABILITY_COMPANY").reason, "NOT_FOUND");
}

TEST_F(VerdictApiTest, AUnitAppealsInTimeAndAThirdPersonDecides) {
  const auto found = server_.Do<api::FindLiabilityResponse>(
      "chen", Named() + R"(liability: LIABILITY_COMPANY unit_id: "gd/shenzhen" person: "wu")");
  EXPECT_EQ(found.case_().responsible_unit_id(), "gd/shenzhen");
  EXPECT_TRUE(found.case_().findings(0).has_appeal_until_time());
  const std::string appeal = std::string(kEvidence) + R"(note: "not us" )";
  EXPECT_EQ(Refuse("li", "AppealLiability", R"(note: "not us")").reason, "EVIDENCE_REQUIRED");
  EXPECT_EQ(Refuse("chen", "AppealLiability", appeal).reason, "SECOND_PERSON_REQUIRED");
  server_.Do<api::AppealLiabilityResponse>("li", Named() + appeal);
  EXPECT_EQ(Refuse("chen", "DecideAppeal", R"(uphold: false note: "no" )" + Etag()).reason,
            "SECOND_PERSON_REQUIRED");
  EXPECT_EQ(Refuse("zhao", "DecideAppeal", R"(uphold: true note: "yes")").reason, "ETAG_REQUIRED");
  const auto decided = server_.Do<api::DecideAppealResponse>(
      "zhao", Named() + R"(uphold: true note: "yes" )" + Etag());
  EXPECT_EQ(decided.case_().responsible_unit_id(), "");
  EXPECT_EQ(decided.case_().findings(0).appeal(), api::APPEAL_STATE_UPHELD);
  EXPECT_EQ(decided.case_().findings(0).decision(), "yes");
}

}  // namespace
}  // namespace rebound::fixtures
