// Who may call what, and what an identity with a limited scope can find out about the rest:
// nothing.
#include <gmock/gmock.h>

#include <set>

#include "rebound/v1/blacklist_service.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/operations_service.pb.h"
#include "rebound/v1/report_service.pb.h"
#include "rebound/v1/survey_service.pb.h"
#include "server/access/policy.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;
using testing::HasSubstr;
using testing::Not;

using RoleTest = ServerTest;

// The status of an empty request, or of a stream that sends nothing.
grpc::Status Knock(TestServer& server, std::string_view who, const MethodDescriptor& method) {
  if (method.client_streaming()) return server.CallNothing(who, PathOf(method));
  return server.CallRaw(who, PathOf(method), "");
}

TEST_F(RoleTest, EveryMethodIsOpenToItsRolesAndToNobodyElse) {
  server_.UseToken("stranger", "rbt_0000000000000000000000000000000000000000000");
  server_.UseToken("empty", "");
  server_.UseToken("two words", "a b");
  int open = 0, closed = 0;
  for (const MethodDescriptor* method : AllMethods()) {
    for (std::string_view role : Roles()) {
      SCOPED_TRACE(PathOf(*method) + " as " + std::string(role));
      Refusal refusal = ToRefusal(Knock(server_, role, *method));
      if (Allowed(role, PathOf(*method))) {
        ++open;
        EXPECT_NE(refusal.code, grpc::StatusCode::PERMISSION_DENIED) << refusal;
        // Of itself; a link that is none is refused so, too.
        EXPECT_NE(refusal.reason, "UNAUTHENTICATED") << refusal;
      } else {
        ++closed;
        EXPECT_EQ(refusal.code, grpc::StatusCode::PERMISSION_DENIED) << refusal;
        EXPECT_EQ(refusal.reason, "ROLE_NOT_ALLOWED");
        EXPECT_EQ(refusal.metadata["role"], role);
        EXPECT_EQ("/" + refusal.metadata["method"], PathOf(*method));
        EXPECT_FALSE(refusal.localized.empty());
      }
    }
    if (OpenToStrangers(PathOf(*method))) {
      for (const char* who : {"", "stranger"}) {
        const Refusal refusal = ToRefusal(Knock(server_, who, *method));
        EXPECT_THAT(refusal.reason, testing::AnyOf("FIELD_VIOLATIONS", "REQUIRED_FIELD_MISSING",
                                                   "ONE_TIME_TOKEN_REFUSED"))
            << refusal;
      }
      continue;
    }
    std::set<std::string> texts;
    for (const char* who : {"", "stranger", "empty", "two words"}) {
      SCOPED_TRACE(PathOf(*method) + " as '" + who + "'");
      const Refusal refusal = ToRefusal(Knock(server_, who, *method));
      EXPECT_EQ(refusal.code, grpc::StatusCode::UNAUTHENTICATED) << refusal;
      EXPECT_EQ(refusal.reason, "UNAUTHENTICATED");
      texts.insert(refusal.bytes);
    }
    EXPECT_EQ(texts.size(), 1u) << "one text for all, so that nothing is learnt from it";
  }
  EXPECT_GT(open, 60);
  EXPECT_GT(closed, 40);
  EXPECT_EQ(server_.LastSequence(), 0);
}

TEST_F(RoleTest, ThePermissionComesBeforeTheRequest) {
  EXPECT_EQ(server_.CallRaw("viewer", "/rebound.v1.CaseService/CloseCase", "\xFF\xFF garbage")
                .error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(
      server_.CallRaw("", "/rebound.v1.CaseService/CloseCase", "\xFF\xFF garbage").error_code(),
      grpc::StatusCode::UNAUTHENTICATED);
}

// Two units. Everything of the south bears the word "canary".
class ScopeTest : public ServerTest {
 protected:
  ScopeTest() {
    server_.AddIdentity("north", "admin", {.org_units = {"north"}, .queues = {}});
    server_.AddIdentity("front desk", "manager", {.org_units = {}, .queues = {"desk"}});
    own_ = Make("north/city", "n", "own");
    foreign_ = Make("south/canary-city", "canary", "canary");
    // A resolved case of the south that was asked again, for its invitation.
    const auto asked = server_.Do<api::SubmitResponseResponse>(
        "admin", R"(response { program_id: "try-out" score: 2 org_unit_id: "south/canary-city"
                    touchpoint: "canary" customer_key { source_system: "crm"
                       external_id: "canary" } })");
    server_.Do<api::ResolveCaseResponse>(
        "admin", "case_id: \"" + asked.response().paired_case_id() +
                     R"(" handling_result: HANDLING_RESULT_RESOLVED root_cause: "canary"
                        action_taken: "canary")");
    server_.FireDueTimers();
    foreign_.invitation = server_
                              .Do<api::GetCaseResponse>(
                                  "admin", "case_id: \"" + asked.response().paired_case_id() + "\"")
                              .case_()
                              .resurvey()
                              .invitation_id();
    EXPECT_FALSE(foreign_.invitation.empty());
  }

  struct Unit {
    std::string customer{}, response{}, case_id{}, number{}, invitation{};
  };

  Unit Make(const std::string& org_unit, const std::string& key, const std::string& word) {
    server_.Do<api::UpsertCustomerResponse>(
        "admin",
        R"(external_key { source_system: "crm" external_id: ")" + key +
            R"(" } customer { display_name: ")" + word + R"(" segment: ")" + word +
            R"(" org_unit_id: ")" + org_unit +
            R"(" } update_mask { paths: "display_name" paths: "segment" paths: "org_unit_id" })");
    const auto submitted = server_.Do<api::SubmitResponseResponse>(
        "admin", R"(response { program_id: "touchpoint" score: 3 org_unit_id: ")" + org_unit +
                     R"(" reason: ")" + word + R"(" touchpoint: ")" + word + "/" + word +
                     R"(" attributes { key: "word" value: ")" + word +
                     R"(" } customer_key { source_system: "crm" external_id: ")" + key + "\" } }");
    const auto opened = server_.Do<api::GetCaseResponse>(
        "admin", "case_id: \"" + submitted.response().paired_case_id() + "\"");
    return {submitted.response().customer_id(),
            submitted.response().id(),
            opened.case_().id(),
            opened.case_().number(),
            {}};
  }

  // Money given, and an owner who waits for the customer: what two reports count.
  void RemedyAndPause(const std::string& case_id, const std::string& owner) {
    server_.AddIdentity(owner, "agent");
    const std::string named = "case_id: \"" + case_id + "\" ";
    server_.Do<api::AssignCaseResponse>("admin", named + "owner: \"" + owner + "\"");
    server_.Do<api::RemedyCaseResponse>(
        owner, named + R"(remedy { kind: REMEDY_KIND_VOUCHER state: REMEDY_STATE_ACCEPTED
                  amount { amount_minor: 500 currency_code: "CNY" } })");
    server_.Do<api::PauseCaseResponse>(owner, named + R"(reason: "customer_away")");
  }

  Unit own_, foreign_;
};

struct NamesOne {
  std::string method;
  std::string request;  // $ stands for the id
};

std::string WithId(std::string text, const std::string& id) {
  for (size_t at = 0; (at = text.find('$', at)) != std::string::npos; at += id.size()) {
    text.replace(at, 1, id);
  }
  return text;
}

constexpr char kNobody[] = "00000000000000000000000001";

TEST_F(ScopeTest, WhatLiesOutsideAnswersAsWhatIsNotThere) {
  const std::vector<NamesOne> by_case = {
      {"CaseService/GetCase", R"(case_id: "$")"},
      {"CaseService/ListCaseEvents", R"(case_id: "$")"},
      {"CaseService/AssignCase", R"(case_id: "$" owner: "me")"},
      {"CaseService/LogAttempt",
       R"(case_id: "$" attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_REACHED })"},
      {"CaseService/MakeCommitment",
       R"(case_id: "$" commitment { promise: "x" due_time { seconds: 1772500000 } })"},
      {"CaseService/RemedyCase",
       R"(case_id: "$" remedy { kind: REMEDY_KIND_REDO state: REMEDY_STATE_PROPOSED })"},
      {"CaseService/ResolveCase",
       R"(case_id: "$" handling_result: HANDLING_RESULT_RESOLVED root_cause: "x"
          action_taken: "x")"},
      {"CaseService/CloseCase", R"(case_id: "$" etag: "\"1\"")"},
      {"CaseService/ReopenCase", R"(case_id: "$" note: "x")"},
      {"CaseService/DispatchCase", R"(case_id: "$" owner: "me")"},
      {"CaseService/AcceptCase", R"(case_id: "$")"},
      {"CaseService/ReturnCase", R"(case_id: "$" reason: "x")"},
      {"CaseService/SettleCommitment",
       R"(case_id: "$" commitment_id: "00000000000000000000000002"
          state: COMMITMENT_STATE_KEPT)"},
      {"CaseService/PauseCase", R"(case_id: "$" reason: "x")"},
      {"CaseService/ResumeCase", R"(case_id: "$")"},
      {"CaseService/ChaseCase", R"(case_id: "$" channel: CHANNEL_PHONE)"},
      {"CaseService/SuperviseCase", R"(case_id: "$" note: "x")"},
      {"CaseService/AssistCase", R"(case_id: "$" assistant: "me" text: "x")"},
      {"CaseService/ExtendCase",
       R"(case_id: "$" clock: CLOCK_KIND_REMEDY amount { days: 1 } reason: "x")"},
      {"CaseService/DecideExtension",
       R"(case_id: "$" extension_id: "00000000000000000000000002" grant: true etag: "\"1\"")"},
      {"CaseService/EscalateCase", R"(case_id: "$" note: "x")"},
      {"CaseService/VerifyCase",
       R"(case_id: "$" verification { contacted: true solved: true accepted: true }
          etag: "\"1\"")"},
      {"CaseService/MoveCase", R"(case_id: "$" status: "verifying")"},
      {"CaseService/CompleteStep", R"(case_id: "$" step_id: "x" state: STEP_STATE_DONE)"},
      {"CaseService/WithdrawCase", R"(case_id: "$" note: "x" etag: "\"1\"")"},
      {"CaseService/MigrateCase", R"(case_id: "$" etag: "\"1\"")"},
      {"CaseService/MergeCase",
       R"(case_id: "$" etag: "\"1\"" into_case_id: ")" + own_.case_id + "\""},
      {"CaseService/UnmergeCase", R"(case_id: "$" note: "x" etag: "\"1\"")"},
      {"CaseService/LinkCase",
       R"(case_id: "$" kind: "related" other_case_id: ")" + own_.case_id + "\""},
      {"CaseService/ProposeVerdict",
       R"(case_id: "$" kind: VERDICT_KIND_INVALID evidence { text: "x" })"},
      {"CaseService/DecideVerdict",
       R"(case_id: "$" verdict_id: "00000000000000000000000002" grant: true etag: "\"1\"")"},
      {"CaseService/FindLiability", R"(case_id: "$" liability: LIABILITY_COMPANY)"},
      {"CaseService/AppealLiability", R"(case_id: "$" evidence { text: "x" } note: "x")"},
      {"CaseService/DecideAppeal", R"(case_id: "$" uphold: true note: "x" etag: "\"1\"")"},
      {"CaseService/AcknowledgeAlert", R"(case_id: "$" note: "x")"},
      {"CaseService/BeginCase", R"(case_id: "$" note: "x")"},
      {"CaseService/ListRemedyOptions", R"(case_id: "$")"},
      {"ConfigService/ExplainCase", R"(case_id: "$")"},
      {"CustomerService/UnmaskContact", R"(case_id: "$" reason: UNMASK_REASON_CONTACT)"},
      {"ResponseService/SubmitResponse",
       R"(response { program_id: "touchpoint" score: 9 org_unit_id: "north" case_id: "$" })"},
  };
  const std::vector<NamesOne> by_customer = {
      {"CustomerService/GetCustomer", R"(customer_id: "$")"},
      {"CustomerService/GetCustomerHistory", R"(customer_id: "$")"},
      {"CustomerService/SetCustomerConsent", R"(customer_id: "$" do_not_contact: true)"},
      {"CustomerService/RecordBehaviour",
       R"(customer_id: "$" behaviour { kind: BEHAVIOUR_KIND_CHURN
          external_key { source_system: "shop" external_id: "1" } })"},
      {"CustomerService/FindCustomerMatches", R"(customer_id: "$")"},
      {"CustomerService/EraseCustomer",
       R"(customer_id: "$" ground: ERASURE_GROUND_OBJECTION etag: "\"1\"")"},
      {"CustomerService/AddCustomerAlias",
       R"(customer_id: "$" external_key { source_system: "crm" external_id: "new" })"},
      {"CustomerService/ExportCustomer", R"(customer_id: "$" reason: "asked")"},
      {"CustomerService/UnmaskContact", R"(customer_id: "$" reason: UNMASK_REASON_CONTACT)"},
      {"BlacklistService/ListEntries", R"(customer_id: "$")"},
      {"BlacklistService/CheckCustomer", R"(customer_id: "$")"},
      {"BlacklistService/DryRunRules", R"(customer_id: "$")"},
      {"BlacklistService/ExportCustomerEntries", R"(customer_id: "$")"},
      {"CaseService/OpenCase",
       R"(case { program_id: "touchpoint" org_unit_id: "north" queue_id: "desk"
          customer_id: "$" })"},
      {"ResponseService/SubmitResponse",
       R"(response { program_id: "touchpoint" score: 9 org_unit_id: "north" customer_id: "$" })"},
  };
  const auto same = [&](const NamesOne& one, std::string_view who, const std::string& foreign,
                        const std::string& absent) {
    SCOPED_TRACE(one.method + " as " + std::string(who));
    const Refusal hidden = server_.Refuse(who, one.method, WithId(one.request, foreign));
    const Refusal nothing = server_.Refuse(who, one.method, WithId(one.request, absent));
    EXPECT_EQ(hidden.code, grpc::StatusCode::NOT_FOUND) << hidden;
    EXPECT_EQ(hidden.bytes, nothing.bytes) << hidden << nothing;
  };
  for (const NamesOne& one : by_case) {
    same(one, "north", foreign_.case_id, kNobody);
    if (one.method != "ResponseService/SubmitResponse") {
      same(one, "north", foreign_.number, "C-999");
      same(one, "front desk", own_.number, "C-999");
    }
  }
  for (const NamesOne& one : by_customer) same(one, "north", foreign_.customer, kNobody);
  same({"ResponseService/GetResponse", R"(response_id: "$")"}, "north", foreign_.response, kNobody);
  same({"ResponseService/GetResponse", R"(response_id: "$")"}, "front desk", own_.response,
       kNobody);
  same({"ResponseService/SubmitResponse",
        R"(response { program_id: "try-out" score: 9 org_unit_id: "north" invitation_id: "$" })"},
       "north", foreign_.invitation, kNobody);
  same({"CustomerService/GetCustomer", R"(external_key { source_system: "crm" external_id: "$" })"},
       "north", "canary", "nobody");

  // The other case that a method names.
  const api::Case own =
      server_.Do<api::GetCaseResponse>("north", "case_id: \"" + own_.case_id + "\"").case_();
  const std::string seen = "case_id: \"" + own_.case_id + R"(" etag: "\")" +
                           own.etag().substr(1, own.etag().size() - 2) + R"(\"" )";
  for (const NamesOne& one : std::vector<NamesOne>{
           {"CaseService/MergeCase", seen + R"(into_case_id: "$")"},
           {"CaseService/LinkCase", seen + R"(other_case_id: "$" kind: "related")"},
           {"CaseService/LinkCase", seen + R"(other_case_id: "$" kind: "related" remove: true)"}}) {
    same(one, "north", foreign_.case_id, kNobody);
    same(one, "north", foreign_.number, "C-999");
  }

  same({"CaseService/OpenCase",
        R"(case { program_id: "touchpoint" org_unit_id: "north"
           links { case_id: "$" kind: "related" } })"},
       "north", foreign_.case_id, kNobody);

  server_.AddIdentity("northern crm", "integration", {.org_units = {"north"}, .queues = {}});
  same({"DeliveryService/ListDeliveries", R"(case_id: "$")"}, "northern crm", foreign_.case_id,
       kNobody);

  // Every method that names a record by id is in the lists above.
  std::set<std::string> tested = {"ResponseService/GetResponse", "DeliveryService/ListDeliveries"};
  for (const auto* list : {&by_case, &by_customer}) {
    for (const NamesOne& one : *list) tested.insert(one.method);
  }
  for (const MethodDescriptor* method : AllMethods()) {
    for (const char* field : {"case_id", "customer_id", "response_id"}) {
      if (method->input_type()->FindFieldByName(field) == nullptr) continue;
      EXPECT_TRUE(tested.contains(method->service()->name() + "/" + method->name()))
          << PathOf(*method) << " names a record and is not tested here";
    }
  }
}

TEST_F(ScopeTest, OfManyCasesThoseOutsideAnswerAsThoseThatAreNotThere) {
  const auto give = [&](const std::string& first, const std::string& second) {
    return server_.Do<api::BulkCasesResponse>(
        "north", "case_ids: \"" + own_.number + "\" case_ids: \"" + first + "\" case_ids: \"" +
                     second + R"(" supervise { note: "x" })");
  };
  const int64_t before = server_.LastSequence();
  const auto hidden = give(foreign_.case_id, foreign_.number);
  const int64_t after = server_.LastSequence();
  EXPECT_GT(after, before);
  const auto nothing = give(kNobody, "C-999");
  EXPECT_EQ(hidden.results(0).case_().id(), own_.case_id);
  for (int i : {1, 2}) {
    EXPECT_EQ(hidden.results(i).error().reason(), "NOT_FOUND");
    EXPECT_EQ(hidden.results(i).error().SerializeAsString(),
              nothing.results(i).error().SerializeAsString());
  }
  const auto events = server_.Do<api::ListCaseEventsResponse>(
      "admin", "case_id: \"" + foreign_.case_id + "\" page_size: 100");
  for (const api::CaseEvent& event : events.events()) EXPECT_NE(event.type(), "CaseSupervised");
}

// Once the case has gone elsewhere, repeating what was done with it shows nothing of it any more.
TEST_F(ScopeTest, ARepeatedRequestShowsNothingThatHasLeftTheScope) {
  const std::string chase =
      R"(request_id: "chase" channel: CHANNEL_PHONE note: "please" case_id: ")" + own_.case_id +
      "\"";
  server_.Do<api::ChaseCaseResponse>("north", chase);
  EXPECT_TRUE(server_.Do<api::ChaseCaseResponse>("north", chase).replayed());
  const std::string upsert =
      R"(request_id: "upsert" external_key { source_system: "crm" external_id: "n" }
         customer { segment: "own" } update_mask { paths: "segment" })";
  server_.Do<api::UpsertCustomerResponse>("north", upsert);

  server_.Do<api::DispatchCaseResponse>(
      "admin",
      "org_unit_id: \"south/canary-city\" note: \"theirs\" case_id: \"" + own_.case_id + "\"");
  server_.Do<api::UpsertCustomerResponse>("admin",
                                          R"(external_key { source_system: "crm" external_id: "n" }
                  customer { org_unit_id: "south/canary-city" }
                  update_mask { paths: "org_unit_id" })");

  EXPECT_EQ(server_.Refuse("north", "CaseService/ChaseCase", chase).reason, "NOT_FOUND");
  EXPECT_EQ(server_.Refuse("north", "CustomerService/UpsertCustomer", upsert).reason, "NOT_FOUND");
}

TEST_F(ScopeTest, NobodyWritesIntoAnotherUnit) {
  for (const auto& [method, request, resource] :
       std::vector<std::tuple<const char*, std::string, const char*>>{
           {"ResponseService/SubmitResponse",
            R"(response { program_id: "touchpoint" score: 9 org_unit_id: "south"
               customer_key { source_system: "crm" external_id: "n" } })",
            "org_unit"},
           {"ResponseService/SubmitResponse",
            R"(response { program_id: "touchpoint" score: 9 org_unit_id: "northern"
               customer_key { source_system: "crm" external_id: "n" } })",
            "org_unit"},
           {"CaseService/OpenCase", R"(case { program_id: "touchpoint" org_unit_id: "south/x" })",
            "org_unit"},
           {"CaseService/OpenCase", R"(case { program_id: "touchpoint" })", "org_unit"},
           {"CustomerService/UpsertCustomer",
            R"(external_key { source_system: "crm" external_id: "canary" } customer {
              segment: "mine" }
               update_mask { paths: "segment" })",
            "customer"},
           {"CustomerService/UpsertCustomer",
            R"(external_key { source_system: "crm" external_id: "new" } customer {
              org_unit_id: "south" }
               update_mask { paths: "org_unit_id" })",
            "org_unit"},
           {"CustomerService/UpsertCustomer",
            R"(external_key { source_system: "crm" external_id: "new" } customer { segment: "x" }
               update_mask { paths: "segment" })",
            "org_unit"},
           {"CustomerService/UpsertCustomer",
            R"(external_key { source_system: "crm" external_id: "n" } customer {
              org_unit_id: "south" }
               update_mask { paths: "org_unit_id" })",
            "org_unit"},
           {"CustomerService/AddCustomerAlias",
            "customer_id: \"" + own_.customer +
                R"(" external_key { source_system: "crm" external_id: "canary" })",
            "customer"}}) {
    SCOPED_TRACE(request);
    const Refusal refusal = server_.Refuse("north", method, request);
    EXPECT_EQ(refusal.code, grpc::StatusCode::NOT_FOUND) << refusal;
    EXPECT_EQ(refusal.metadata.at("resource"), resource) << refusal;
  }
}

TEST_F(ScopeTest, ListsReportsAndQueuesShowOnlyWhatLiesInside) {
  // The customer of the north was served in the south too.
  server_.Do<api::SubmitResponseResponse>(
      "admin", R"(response { program_id: "touchpoint" score: 10 org_unit_id: "south/canary-city"
                  reason: "canary" customer_key { source_system: "crm" external_id: "n" } })");
  RemedyAndPause(foreign_.case_id, "canary");
  std::vector<NamesOne> calls = {
      {"CaseService/ListCases", ""},
      {"CaseService/ListCases", R"(order_by: "open_time desc")"},
      {"CaseService/ListCases", R"(filter: "touchpoint:canary")"},
      {"ResponseService/ListResponses", ""},
      {"CustomerService/ListCustomers", ""},
      {"CustomerService/ListCustomers", R"(filter: "segment = canary")"},
      {"CustomerService/GetCustomerHistory", "customer_id: \"" + own_.customer + "\""},
      {"CustomerService/GetCustomer", "customer_id: \"" + own_.customer + "\""},
      {"CaseService/GetCase", "case_id: \"" + own_.number + "\""},
      {"CaseService/ListCaseEvents", "case_id: \"" + own_.number + "\""},
      {"OperationsService/GetStatus", ""},
  };
  for (const char* report : {"GetNpsReport", "GetFunnelReport", "GetRecoveryReport"}) {
    for (const char* group : {"", "touchpoint", "org_unit", "channel", "language",
                              "respondent_role", "attributes.word"}) {
      calls.push_back(
          {std::string("ReportService/") + report,
           R"(scope { program_id: "touchpoint" group_by: ")" + std::string(group) + "\" }"});
    }
  }
  calls.push_back({"ReportService/GetPauseReport", R"(scope { program_id: "touchpoint" })"});
  for (const char* group : {"PLAYBOOK", "ORG_UNIT", "ACTOR", "TYPE", "CUSTOMER"}) {
    calls.push_back(
        {"ReportService/GetRemedyReport",
         R"(scope { program_id: "touchpoint" } group: REMEDY_GROUP_)" + std::string(group)});
  }
  for (const NamesOne& call : calls) {
    SCOPED_TRACE(call.method + " " + call.request);
    const auto reply = server_.DoMethod("north", call.method, call.request);
    const std::string text = reply->ShortDebugString() + std::string(reply->SerializeAsString());
    for (const std::string& secret : {std::string("canary"), foreign_.customer, foreign_.case_id,
                                      foreign_.response, foreign_.number, foreign_.invitation}) {
      // A filter is not echoed, so what is found came from a record.
      EXPECT_THAT(text, Not(HasSubstr("\"" + secret + "\""))) << secret;
    }
    EXPECT_THAT(text, Not(HasSubstr("canary")));
  }
  const auto nps =
      server_.Do<api::GetNpsReportResponse>("north", R"(scope { program_id: "touchpoint" })");
  EXPECT_EQ(nps.total().response_count(), 1);
  EXPECT_EQ(nps.total().detractor_count(), 1);
  const auto funnel =
      server_.Do<api::GetFunnelReportResponse>("north", R"(scope { program_id: "touchpoint" })");
  EXPECT_EQ(funnel.total().opened_count(), 1);
  EXPECT_EQ(server_.Do<api::ListCasesResponse>("north", "").cases_size(), 1);
  EXPECT_EQ(server_.Do<api::ListCasesResponse>("front desk", "").cases_size(), 0);
  EXPECT_EQ(server_.Do<api::ListResponsesResponse>("front desk", "").responses_size(), 0);
  EXPECT_EQ(server_.Do<api::ListCasesResponse>("admin", "").cases_size(), 3);

  EXPECT_EQ(server_.Do<api::ClaimNextCaseResponse>("north", "").case_().id(), own_.case_id);
  EXPECT_EQ(server_.Refuse("north", "CaseService/ClaimNextCase", "").reason, "NOTHING_TO_CLAIM");
}

TEST_F(ScopeTest, PausesAndRemediesAreCountedWhereTheCaseLies) {
  RemedyAndPause(own_.case_id, "northern");
  RemedyAndPause(foreign_.case_id, "canary");
  const std::string all = R"(scope { program_id: "touchpoint" } )";
  for (const auto& [who, count] :
       {std::pair("north", 1), std::pair("front desk", 0), std::pair("admin", 2)}) {
    SCOPED_TRACE(who);
    const auto pauses = server_.Do<api::GetPauseReportResponse>(who, all);
    EXPECT_EQ(pauses.total().case_count(), count);
    EXPECT_EQ(pauses.total().pause_count(), count);
    EXPECT_EQ(pauses.total().lasting_count(), count);
    EXPECT_EQ(pauses.owners_size(), count);
    for (const char* group : {"PLAYBOOK", "ORG_UNIT", "ACTOR", "TYPE", "CUSTOMER"}) {
      SCOPED_TRACE(group);
      const auto remedies =
          server_.Do<api::GetRemedyReportResponse>(who, all + "group: REMEDY_GROUP_" + group);
      ASSERT_EQ(remedies.totals_size(), count == 0 ? 0 : 1);
      EXPECT_EQ(remedies.groups_size(), remedies.group_count());
      int64_t granted = 0;
      for (const api::RemedyFigure& figure : remedies.groups()) granted += figure.granted_minor();
      EXPECT_EQ(granted, 500 * count);
      if (count == 0) continue;
      EXPECT_EQ(remedies.totals(0).remedy_count(), count);
      EXPECT_EQ(remedies.totals(0).granted_minor(), 500 * count);
    }
  }
  const auto pauses = server_.Do<api::GetPauseReportResponse>("north", all);
  EXPECT_EQ(pauses.owners(0).owner(), "northern");
  const auto remedies =
      server_.Do<api::GetRemedyReportResponse>("north", all + "group: REMEDY_GROUP_ORG_UNIT");
  EXPECT_EQ(remedies.groups(0).key(), "north/city");
}

TEST_F(ScopeTest, AScopeOfQueuesHoldsForAnswersAndReportsToo) {
  server_.AddIdentity("desk manager", "manager", {.org_units = {}, .queues = {"desk"}});
  server_.AddIdentity("all queues", "manager",
                      {.org_units = {}, .queues = {"default", "priority"}});
  server_.Do<api::SubmitResponseResponse>("admin",
                                          R"(response { program_id: "service-csat" score: 1 })");
  for (const auto& [who, answers] : {std::pair("desk manager", 0), std::pair("all queues", 1)}) {
    SCOPED_TRACE(who);
    const std::string scope = R"(scope { program_id: "service-csat" )";
    for (const char* more : {"}", "start_time { seconds: 0 } }"}) {
      const auto nps = server_.Do<api::GetNpsReportResponse>(who, scope + more);
      EXPECT_EQ(nps.total().response_count(), answers);
      EXPECT_EQ(nps.anonymous_count(), answers);
      const auto funnel = server_.Do<api::GetFunnelReportResponse>(who, scope + more);
      EXPECT_EQ(funnel.total().opened_count(), answers);
      const auto recovery = server_.Do<api::GetRecoveryReportResponse>(who, scope + more);
      EXPECT_EQ(recovery.total().opened_count(), answers);
      EXPECT_EQ(recovery.total().anonymous_detractor_count(), answers);
    }
  }
}

TEST_F(ScopeTest, AnAliasDoesNotLeadOutOfTheScope) {
  // The customer of the north is now an alias of the south's.
  server_.Do<api::AddCustomerAliasResponse>(
      "admin", "customer_id: \"" + foreign_.customer +
                   R"(" external_key { source_system: "crm" external_id: "n" })");
  const Refusal refusal =
      server_.Refuse("north", "CustomerService/AddCustomerAlias",
                     "customer_id: \"" + own_.customer +
                         R"(" external_key { source_system: "crm" external_id: "n2" })");
  EXPECT_EQ(refusal.code, grpc::StatusCode::NOT_FOUND) << refusal;
  const auto customer =
      server_.Do<api::GetCustomerResponse>("north", "customer_id: \"" + own_.customer + "\"");
  EXPECT_EQ(customer.customer().display_name(), "o***");
}

}  // namespace
}  // namespace rebound::fixtures
