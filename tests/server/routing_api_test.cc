// Queues, staff, leases and fencing through the API, with a clock that is moved by hand.
#include <gmock/gmock.h>

#include <latch>
#include <mutex>
#include <set>
#include <thread>

#include "rebound/v1/case_service.pb.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// Cases wait in "default" until somebody claims them: half an hour to begin, four hours until they
// are the manager's. Two people are listed; li may have two cases, and is away from the third day
// on.
std::shared_ptr<const Revision> StaffedRevision() {
  Revision revision = *PlainRevision();
  revision.queues = {
      {.id = "default", .lease = minutes{30}, .return_after = hours{4}, .fallback = "manager"},
      {.id = "law", .skills = {"law"}},
      {.id = "shared", .routing = Routing::kLeastLoaded}};
  revision.staff = {{.id = "li",
                     .queues = {"default", "shared"},
                     .capacity = 2,
                     .absences = {{kServerStart + days{2}, kServerStart + days{9}, "wang"}}},
                    {.id = "wang", .queues = {"default", "law", "shared"}, .skills = {"law"}}};
  return std::make_shared<const Revision>(std::move(revision));
}

class RoutingApiTest : public testing::Test {
 protected:
  RoutingApiTest() : server_(TestServerOptions{.revision = StaffedRevision()}) {
    for (const char* name : {"li", "wang", "zhao"}) server_.AddIdentity(name, "agent");
  }

  std::string Open(const std::string& customer) {
    const auto answer = server_.Do<api::SubmitResponseResponse>(
        "integration", R"(response { program_id: "touchpoint" score: 3 customer_key {
                          source_system: "crm" external_id: ")" +
                           customer + R"(" } })");
    return answer.response().paired_case_id();
  }
  static std::string Named(const std::string& id) { return "case_id: \"" + id + "\" "; }
  api::Case Get(const std::string& id) {
    return server_.Do<api::GetCaseResponse>("admin", Named(id)).case_();
  }
  template <typename Response>
  api::Case Do(std::string_view who, const std::string& id, const std::string& text = "") {
    return server_.Do<Response>(who, Named(id) + text).case_();
  }
  Refusal Refuse(std::string_view who, std::string_view verb, const std::string& text) {
    return server_.Refuse(who, "CaseService/" + std::string(verb), text);
  }
  void Pass(Duration time) {
    server_.clock().Advance(time);
    while (server_.FireDueTimers() > 0) {
    }
  }
  std::string Time(Duration after) { return FormatTime(kServerStart + after); }
  static Timestamp At(const google::protobuf::Timestamp& time) {
    return FromMillis(time.seconds() * 1000 + time.nanos() / 1'000'000);
  }

  TestServer server_;
};

TEST_F(RoutingApiTest, AClaimSaysWhyThisOneAndUntilWhen) {
  const std::string id = Open("a");
  const auto claimed = server_.Do<api::ClaimNextCaseResponse>("li", "");
  const api::Case& c = claimed.case_();
  EXPECT_EQ(c.id(), id);
  EXPECT_EQ(c.owner(), "li");
  EXPECT_EQ(c.lease_number(), 1);
  EXPECT_EQ(At(c.own_time()), kServerStart);
  EXPECT_EQ(At(c.lease_end_time()), kServerStart + minutes{30});
  EXPECT_FALSE(c.has_wait_end_time());
  EXPECT_EQ(claimed.rank().severity(), 2 + (c.severity() > 2 ? 1 : 0));
  EXPECT_EQ(claimed.rank().priority(), c.priority());
  EXPECT_EQ(claimed.rank().breach_clock(), api::CLOCK_KIND_FIRST_CONTACT);
  EXPECT_FALSE(claimed.rank().has_commitment_due_time());
  // The first work ends the lease, not the ownership.
  const api::Case worked = Do<api::LogAttemptResponse>(
      "li", id, "attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_NO_ANSWER }");
  EXPECT_FALSE(worked.has_lease_end_time());
  EXPECT_EQ(worked.lease_number(), 1);
}

TEST_F(RoutingApiTest, APromiseThatIsNearComesFirst) {
  const std::string promised = Open("a");
  const std::string worse = Open("b");
  Do<api::MakeCommitmentResponse>("zhao", promised,
                                  "commitment { promise: \"A call\" due_time { seconds: " +
                                      std::to_string(ToMillis(kServerStart + hours{27}) / 1000) +
                                      " } }");
  EXPECT_EQ(server_.Do<api::ClaimNextCaseResponse>("zhao", "").case_().id(), promised)
      << "the older of equals";
  Do<api::AssignCaseResponse>("zhao", promised);
  Do<api::AssignCaseResponse>("admin", worse, "owner: \"admin\"");
  Do<api::AssignCaseResponse>("admin", worse);
  Pass(hours{3});
  Open("c");
  const auto claimed = server_.Do<api::ClaimNextCaseResponse>("wang", "");
  EXPECT_EQ(claimed.case_().id(), promised);
  EXPECT_TRUE(claimed.rank().has_commitment_due_time());
}

// One verb of each family: refused under a lease that is over, and nothing is stored (Refuse sees
// to that).
TEST_F(RoutingApiTest, AStaleLeaseIsRefusedByEveryVerb) {
  const std::string id = Open("a");
  server_.Do<api::ClaimNextCaseResponse>("li", "");
  Pass(minutes{31});
  EXPECT_EQ(Get(id).owner(), "");
  EXPECT_EQ(Get(id).last_owner(), "li");
  server_.Do<api::ClaimNextCaseResponse>("wang", "");
  ASSERT_EQ(Get(id).lease_number(), 3);
  const std::string etag = "etag: \"\\\"" + std::to_string(0) + "\\\"\" ";
  int tried = 0;
  const auto* service = MethodNamed("CaseService/GetCase").service();
  for (int i = 0; i < service->method_count(); ++i) {
    const auto* input = service->method(i)->input_type();
    if (input->FindFieldByName("lease_number") == nullptr) continue;
    ++tried;
    EXPECT_EQ(input->FindFieldByName("lease_number")->type_name(), std::string("int64"))
        << input->full_name();
  }
  EXPECT_GE(tried, 30) << "every verb on one case has it";
  const std::string stale = Named(id) + "lease_number: 1 ";
  const std::pair<const char*, std::string> kVerbs[] = {
      {"AssignCase", "owner: \"li\""},
      {"LogAttempt", "attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_REACHED }"},
      {"RemedyCase", "remedy { kind: REMEDY_KIND_EXPLANATION state: REMEDY_STATE_PROPOSED }"},
      {"DispatchCase", "queue_id: \"law\""},
      {"AcceptCase", ""},
      {"ReturnCase", "reason: \"wrong_unit\""},
      {"PauseCase", "reason: \"customer_away\""},
      {"EscalateCase", "note: \"up\""},
      {"ResolveCase",
       "handling_result: HANDLING_RESULT_RESOLVED root_cause: \"x\" action_taken: \"y\""},
      {"AssistCase", "assistant: \"wang\" text: \"how?\""},
      {"ChaseCase", "channel: CHANNEL_PHONE"},
      {"FindLiability", "liability: LIABILITY_COMPANY"},
  };
  for (const auto& [verb, text] : kVerbs) {
    const Refusal refusal = Refuse("admin", verb, stale + text);
    EXPECT_EQ(refusal.reason, "LEASE_LOST") << verb << refusal;
    EXPECT_EQ(refusal.code, grpc::StatusCode::ABORTED);
    EXPECT_EQ(refusal.metadata.at("current"), "3");
    EXPECT_EQ(refusal.metadata.at("owner"), "wang");
  }
  EXPECT_EQ(Do<api::AcceptCaseResponse>("wang", Open("b")).owner(), "wang");
  Do<api::EscalateCaseResponse>("wang", id, "lease_number: 3 note: \"up\"");
}

TEST_F(RoutingApiTest, NobodyGetsTheCaseThatIsAboutThem) {
  const auto opened = server_.Do<api::OpenCaseResponse>(
      "admin", R"(case { program_id: "touchpoint" severity: 3 responsible_person: "li"
                  customer_request: "rude" })");
  const std::string id = opened.case_().id();
  for (const auto& [who, verb, text] :
       {std::tuple{"admin", "AssignCase", "owner: \"li\""},
        std::tuple{"admin", "DispatchCase", "owner: \"li\""}, std::tuple{"li", "AcceptCase", ""}}) {
    const Refusal refusal = Refuse(who, verb, Named(id) + text);
    EXPECT_EQ(refusal.reason, "OWNER_IS_ACCUSED") << verb << refusal;
    EXPECT_EQ(refusal.metadata.at("person"), "li");
  }
  EXPECT_EQ(Refuse("li", "ClaimNextCase", "").reason, "NOTHING_TO_CLAIM");
  EXPECT_EQ(Do<api::AssignCaseResponse>("admin", id, "owner: \"wang\"").owner(), "wang");
  // Found at fault, wang loses it.
  Do<api::FindLiabilityResponse>("admin", id, "liability: LIABILITY_COMPANY person: \"wang\"");
  EXPECT_EQ(Get(id).owner(), "");
}

TEST_F(RoutingApiTest, CapacityEndsClaiming) {
  for (const char* customer : {"a", "b", "c"}) Open(customer);
  server_.Do<api::ClaimNextCaseResponse>("li", "");
  server_.Do<api::ClaimNextCaseResponse>("li", "");
  const Refusal refusal = Refuse("li", "ClaimNextCase", "");
  EXPECT_EQ(refusal.reason, "CAPACITY_REACHED");
  EXPECT_EQ(refusal.metadata.at("capacity"), "2");
  server_.Do<api::ClaimNextCaseResponse>("wang", "");
}

TEST_F(RoutingApiTest, QueuesThatAreNotListedAreRefused) {
  const std::string id = Open("a");
  for (const auto& [verb, text] : {std::pair{"AssignCase", "queue_id: \"lwa\""},
                                   std::pair{"DispatchCase", "queue_id: \"lwa\""}}) {
    const Refusal refusal = Refuse("admin", verb, Named(id) + text);
    EXPECT_EQ(refusal.reason, "QUEUE_UNKNOWN") << refusal;
    EXPECT_TRUE(refusal.HasField("queue_id"));
  }
}

TEST_F(RoutingApiTest, WhatNobodyTakesIsTheFallbacks) {
  const std::string id = Open("a");
  EXPECT_EQ(At(Get(id).wait_end_time()), kServerStart + hours{4});
  Pass(hours{4} - Duration{1});
  EXPECT_EQ(Get(id).owner(), "");
  Pass(Duration{1});
  EXPECT_EQ(Get(id).owner(), "manager");
  EXPECT_FALSE(Get(id).has_wait_end_time());
}

TEST_F(RoutingApiTest, TheSystemGivesOutWhatTheQueueSays) {
  std::map<std::string, int> counts;
  for (const char* customer : {"a", "b", "c", "d"}) {
    const std::string id = Open(customer);
    ++counts[Do<api::DispatchCaseResponse>("admin", id, "queue_id: \"shared\"").owner()];
  }
  EXPECT_EQ(counts, (std::map<std::string, int>{{"li", 2}, {"wang", 2}}));
  // li has two: the rest is wang's.
  EXPECT_EQ(Do<api::DispatchCaseResponse>("admin", Open("e"), "queue_id: \"shared\"").owner(),
            "wang");
}

TEST_F(RoutingApiTest, APromiseOfTheAbsentIsHandedOver) {
  const std::string id = Open("a");
  server_.Do<api::ClaimNextCaseResponse>("li", "");
  Do<api::MakeCommitmentResponse>("li", id,
                                  "commitment { promise: \"A call\" due_time { seconds: " +
                                      std::to_string(ToMillis(kServerStart + days{3}) / 1000) +
                                      " } }");
  Pass(days{2} - Duration{1});
  EXPECT_EQ(Get(id).owner(), "li");
  Pass(Duration{1});
  const api::Case c = Get(id);
  EXPECT_EQ(c.owner(), "wang");
  EXPECT_EQ(c.lease_number(), 2);
}

// Goal: many who claim at once never get the same case, and all of them get one.
TEST_F(RoutingApiTest, SixtyFourClaimAtOnce) {
  constexpr int kClaimers = 64;
  for (int i = 0; i < kClaimers; ++i) {
    server_.AddIdentity("agent" + std::to_string(i), "agent");
    Open("customer" + std::to_string(i));
  }
  std::latch start(kClaimers);
  std::mutex mutex;
  std::multiset<std::string> claimed;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClaimers; ++i) {
    clients.emplace_back([&, i] {
      const CallOptions own{.channel = server_.NewChannel()};
      api::ClaimNextCaseRequest request;
      request.set_request_id("claim" + std::to_string(i));
      api::ClaimNextCaseResponse response;
      start.arrive_and_wait();
      const grpc::Status status =
          server_.Call("agent" + std::to_string(i), request, &response, own);
      const std::lock_guard lock(mutex);
      EXPECT_TRUE(status.ok()) << ToRefusal(status);
      EXPECT_EQ(response.case_().lease_number(), 1);
      claimed.insert(response.case_().id());
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(claimed.size(), std::set<std::string>(claimed.begin(), claimed.end()).size());
  EXPECT_THAT(claimed, SizeIs(kClaimers));
}

}  // namespace
}  // namespace rebound::fixtures
