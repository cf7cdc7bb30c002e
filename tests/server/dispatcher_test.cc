// What is delivered, when, in which order, and what becomes of it.
#include <gmock/gmock.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "rebound/v1/access_service.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/delivery_service.pb.h"
#include "server/delivery/webhook.h"
#include "server/storage/delivery_records.h"
#include "tests/fixtures/receiver.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using std::chrono::days;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class DispatcherTest : public testing::Test {
 protected:
  // The endpoint's id and secret.
  api::CreateEndpointResponse Endpoint(const Receiver& receiver, const std::string& more = "",
                                       std::string_view who = "admin") {
    return server_.Do<api::CreateEndpointResponse>(
        who,
        "endpoint { kind: ENDPOINT_KIND_WEBHOOK url: \"" + receiver.Url() + "\" " + more + "}");
  }
  // A low score, which opens a case: its id.
  std::string Submit(const std::string& customer, const std::string& more = "") {
    return server_
        .Do<api::SubmitResponseResponse>(
            "integration", R"(response { program_id: "touchpoint" score: 2 customer_key {
                source_system: "crm" external_id: ")" +
                               customer + "\" } " + more + "}")
        .response()
        .paired_case_id();
  }
  std::vector<Delivery> Deliveries(const std::string& endpoint) {
    std::vector<Delivery> found;
    server_.store().ReadDeliveries([&](DeliveryRecords& records) {
      found = records.List({.endpoint = *ParseId<RawId>(endpoint), .limit = 1000});
    });
    return found;
  }
  // The clock stands; the dispatcher looks again until `done` or for half a minute.
  void AwaitUntil(const std::function<bool()>& done) {
    std::mutex mutex;
    std::condition_variable never;
    for (int i = 0; i < 3'000 && !done(); ++i) {
      server_.server().TendDeliveries();
      std::unique_lock lock(mutex);
      never.wait_for(lock, std::chrono::milliseconds{10});
    }
    EXPECT_TRUE(done());
  }
  bool NonePending(const std::string& endpoint) {
    const auto all = Deliveries(endpoint);
    return !all.empty() && std::none_of(all.begin(), all.end(), [](const Delivery& each) {
      return each.state == DeliveryState::kPending;
    });
  }
  std::string StateOf(const std::string& endpoint) {
    const auto shown =
        server_.Do<api::GetEndpointResponse>("admin", "endpoint_id: \"" + endpoint + "\"");
    return api::EndpointState_Name(shown.endpoint().state()) + " " +
           api::EndpointDisabledCause_Name(shown.endpoint().disabled_cause());
  }

  TestServer server_{TestServerOptions{
      .delivery = {.transfers = {.targets = {.allowed = {"127.0.0.0/8"}, .allow_http = true}},
                   .retry = {seconds{0}, seconds{60}, seconds{60}},
                   .most_pending = 5}}};
};

TEST_F(DispatcherTest, AnEventArrivesSigned) {
  const Receiver receiver(AnswerBytes("204 No Content"));
  const auto made = Endpoint(receiver, R"(filter { types: "CaseOpened" })");
  const std::string case_id = Submit("li");
  const auto got = receiver.Await(1);
  ASSERT_EQ(got.size(), 1u);
  const auto body = nlohmann::json::parse(got[0].body);
  EXPECT_EQ(body["type"], "io.rebound.case_opened.v1");
  EXPECT_EQ(body["data"]["caseId"], case_id);
  EXPECT_EQ(got[0].Header("webhook-signature"),
            SignatureOf({made.secret()}, got[0].Header("webhook-id"), server_.clock().Now(),
                        got[0].body));
  AwaitUntil([&] { return NonePending(made.endpoint().id()); });
  const auto deliveries = Deliveries(made.endpoint().id());
  ASSERT_EQ(deliveries.size(), 1u);
  EXPECT_EQ(deliveries[0].state, DeliveryState::kDelivered);
  EXPECT_EQ(deliveries[0].tries, 1);
  EXPECT_EQ(deliveries[0].last_status, 204);
  EXPECT_EQ(ToString(deliveries[0].id), got[0].Header("webhook-id"));
}

TEST_F(DispatcherTest, OfOneCaseNoneOvertakesAndTheIdStays) {
  std::atomic<int> fails = 1;
  const Receiver receiver([&](const Received& got) {
    const bool opened = got.body.find("case_opened") != std::string::npos;
    return opened && fails-- > 0 ? AnswerBytes("500 No") : AnswerBytes("200 OK");
  });
  const auto made = Endpoint(receiver, R"(filter { types: "CaseOpened" types: "CaseSupervised" })");
  const std::string first = Submit("li");
  server_.Do<api::SuperviseCaseResponse>("admin", "case_id: \"" + first + "\" note: \"look\"");
  AwaitUntil([&] {
    const auto all = Deliveries(made.endpoint().id());
    return all.size() == 2 && all.back().tries == 1;
  });
  Submit("wang");
  EXPECT_EQ(receiver.Await(2).size(), 2u) << "another case does not wait";
  server_.clock().Advance(seconds{90});
  server_.server().TendDeliveries();
  const auto got = receiver.Await(4);
  ASSERT_EQ(got.size(), 4u);
  EXPECT_EQ(got[0].Header("webhook-id"), got[2].Header("webhook-id"));
  EXPECT_THAT(got[2].body, HasSubstr("case_opened"));
  EXPECT_THAT(got[3].body, Not(HasSubstr("case_opened")));
  AwaitUntil([&] { return NonePending(made.endpoint().id()); });
}

TEST_F(DispatcherTest, WhatFailsEachTimeIsDeadAndFreesTheNext) {
  const Receiver receiver([](const Received& got) {
    return got.body.find("case_opened") != std::string::npos ? AnswerBytes("503 Later", "not now")
                                                             : AnswerBytes("200 OK");
  });
  const auto made = Endpoint(receiver, R"(filter { types: "CaseOpened" types: "CaseSupervised" })");
  const std::string id = made.endpoint().id();
  const std::string first = Submit("li");
  server_.Do<api::SuperviseCaseResponse>("admin", "case_id: \"" + first + "\" note: \"look\"");
  for (int tries = 1; tries <= 3; ++tries) {
    AwaitUntil([&] {
      const auto all = Deliveries(id);
      return !all.empty() && all.back().tries == tries;
    });
    server_.clock().Advance(seconds{90});
  }
  AwaitUntil([&] { return NonePending(id); });
  const auto all = Deliveries(id);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].state, DeliveryState::kDelivered);
  EXPECT_EQ(all[1].state, DeliveryState::kDead);
  EXPECT_EQ(all[1].last_answer, "not now");
  EXPECT_EQ(StateOf(id), "ENDPOINT_STATE_ACTIVE ENDPOINT_DISABLED_CAUSE_UNSPECIFIED");
}

TEST_F(DispatcherTest, WhoIsGoneIsDisabledAndLosesNothing) {
  std::atomic<bool> gone = true;
  const Receiver receiver(
      [&](const Received&) { return gone ? AnswerBytes("410 Gone") : AnswerBytes("200 OK"); });
  const auto made = Endpoint(receiver, R"(filter { types: "CaseOpened" })");
  const std::string id = made.endpoint().id();
  Submit("li");
  AwaitUntil([&] { return StateOf(id) == "ENDPOINT_STATE_DISABLED ENDPOINT_DISABLED_CAUSE_GONE"; });
  EXPECT_EQ(server_.LastAudit().method, "delivery/disable_endpoint");
  Submit("wang");
  gone = false;
  server_.Do<api::EnableEndpointResponse>("admin", "endpoint_id: \"" + id + "\"");
  AwaitUntil([&] { return Deliveries(id).size() == 2 && NonePending(id); });
  for (const Delivery& each : Deliveries(id)) EXPECT_EQ(each.state, DeliveryState::kDelivered);
}

TEST_F(DispatcherTest, WhoTakesNothingForDaysIsDisabled) {
  const Receiver receiver(AnswerBytes("500 No"));
  const auto made = Endpoint(receiver, R"(filter { types: "CaseOpened" })");
  const std::string id = made.endpoint().id();
  Submit("li");
  AwaitUntil([&] { return Deliveries(id).size() == 1 && Deliveries(id)[0].tries == 1; });
  server_.clock().Advance(days{5} + seconds{90});
  AwaitUntil(
      [&] { return StateOf(id) == "ENDPOINT_STATE_DISABLED ENDPOINT_DISABLED_CAUSE_FAILING"; });
}

// What was sent is not sent again because the store could not say so at once.
TEST_F(DispatcherTest, AnAnswerThatCannotBeWrittenIsKept) {
  const Receiver receiver(AnswerBytes("200 OK", "thanks"));
  const auto made = Endpoint(receiver, R"(filter { types: "CaseOpened" })");
  const std::string id = made.endpoint().id();
  server_.store().FailDeliveries(3);  // of the walk, of the answer, as they come
  Submit("li");
  AwaitUntil([&] { return NonePending(id); });
  EXPECT_EQ(receiver.All().size(), 1u);
  server_.store().FailDeliveries(0);
  Submit("wang");
  AwaitUntil([&] { return Deliveries(id).size() == 2; });
  receiver.Await(2);
  server_.store().FailDeliveries(2);
  AwaitUntil([&] { return NonePending(id); });
  EXPECT_EQ(receiver.All().size(), 2u);
  EXPECT_EQ(Deliveries(id)[0].last_answer, "") << "what a receiver says is not kept";
}

TEST_F(DispatcherTest, AChangedFilterHoldsForWhatComesAfterIt) {
  const Receiver receiver(AnswerBytes("200 OK"));
  const auto made = Endpoint(receiver, R"(filter { types: "CaseSupervised" })");
  const std::string id = made.endpoint().id();
  std::string before;
  for (int i = 0; i < 5; ++i) before = Submit("before" + std::to_string(i));
  server_.Do<api::SuperviseCaseResponse>("admin", "case_id: \"" + before + "\" note: \"look\"");
  AwaitUntil([&] { return NonePending(id); });
  server_.Do<api::UpdateEndpointResponse>("admin", "endpoint { id: \"" + id +
                                                       R"(" filter { types: "CaseOpened" } }
                                                       update_mask { paths: "filter" })");
  const std::string after = Submit("after");
  AwaitUntil([&] { return Deliveries(id).size() == 2 && NonePending(id); });
  server_.Restart();
  const std::string last = Submit("last");
  AwaitUntil([&] { return Deliveries(id).size() == 3 && NonePending(id); });
  std::vector<std::string> cases;
  for (const Received& got : receiver.All()) {
    cases.push_back(nlohmann::json::parse(got.body)["data"]["caseId"]);
  }
  EXPECT_THAT(cases, ElementsAre(before, after, last));
}

TEST_F(DispatcherTest, AFullEndpointGetsMoreOnceThereIsRoom) {
  std::atomic<bool> up = false;
  const Receiver receiver(
      [&](const Received&) { return up ? AnswerBytes("200 OK") : AnswerBytes("500 No"); });
  const auto made = Endpoint(receiver, R"(filter { types: "CaseOpened" })");
  const std::string id = made.endpoint().id();
  std::vector<std::string> submitted;
  for (int i = 0; i < 12; ++i) {
    submitted.push_back(Submit("c" + std::to_string(i)));
    // Each is walked before the next.
    const size_t expected = std::min<size_t>(i + 1, 5);
    AwaitUntil([&] { return Deliveries(id).size() >= expected; });
  }
  EXPECT_EQ(Deliveries(id).size(), 5u);
  up = true;
  server_.clock().Advance(seconds{90});
  AwaitUntil([&] { return Deliveries(id).size() == submitted.size() && NonePending(id); });
  for (const Delivery& each : Deliveries(id)) {
    EXPECT_THAT(each.state, testing::AnyOf(DeliveryState::kDelivered, DeliveryState::kDead));
  }
}

TEST_F(DispatcherTest, AnOwnerIsSentWhatTheyMaySee) {
  server_.AddIdentity("north-crm", "integration", {.org_units = {"north"}});
  const Receiver receiver(AnswerBytes("200 OK"));
  const auto made = Endpoint(receiver, R"(filter { types: "CaseOpened" })", "north-crm");
  Submit("li", R"(org_unit_id: "south" )");
  const std::string seen = Submit("wang", R"(org_unit_id: "north" )");
  AwaitUntil([&] { return NonePending(made.endpoint().id()); });
  const auto got = receiver.All();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_THAT(got[0].body, HasSubstr(seen));
}

// Nothing else is committed, and nobody looks again by hand.
TEST_F(DispatcherTest, AnOwnerWhoIsBackIsSentWhatTheyMissed) {
  server_.Do<api::CreateUserResponse>("admin", R"(user { name: "crm" role: "integration" })");
  server_.UseToken("crm",
                   server_
                       .Do<api::CreateApiKeyResponse>("admin", R"(user_name: "crm" description: "x"
                                              end_time { seconds: 1773442000 })")
                       .secret());
  const Receiver receiver(AnswerBytes("200 OK")), other(AnswerBytes("200 OK"));
  const auto made = Endpoint(receiver, R"(filter { types: "CaseOpened" })", "crm");
  const auto others = Endpoint(other, R"(filter { types: "CaseOpened" })");
  server_.Do<api::DisableUserResponse>("admin", R"(user_name: "crm")");
  const std::string missed = Submit("li");
  ASSERT_EQ(other.Await(1).size(), 1u) << "the log was walked";
  AwaitUntil([&] { return NonePending(others.endpoint().id()); });
  EXPECT_THAT(Deliveries(made.endpoint().id()), IsEmpty());
  server_.Do<api::EnableUserResponse>("admin", R"(user_name: "crm")");
  const auto got = receiver.Await(1);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_THAT(got[0].body, HasSubstr(missed));
}

TEST_F(DispatcherTest, AnOwnerIsSentWhatIsGrantedAtTheTime) {
  const auto at = [](seconds after) {
    return "{ seconds: " + std::to_string(ToMillis(kServerStart + after) / 1000) + " }";
  };
  const auto user = server_.Do<api::CreateUserResponse>(
      "admin", R"(user { name: "li" role: "admin" org_units { org_unit_id: "north" end_time )" +
                   at(seconds{600}) + R"(} org_units { org_unit_id: "south" end_time )" +
                   at(seconds{1200}) + "} } with_link: true");
  const std::string password = R"(password: "a long good password" )";
  server_.Do<api::RedeemLinkResponse>("", "token: \"" + user.link_token() + "\" " + password);
  server_.UseToken(
      "li", server_.Do<api::SignInResponse>("", R"(user_name: "li" )" + password).session_token());
  const Receiver receiver(AnswerBytes("200 OK"));
  const auto made = Endpoint(receiver, R"(filter { types: "CaseOpened" })", "li");
  std::vector<std::string> expected;
  // What is not theirs is first, so that it has been looked at once the rest is there.
  const auto submit = [&](const std::string& customer, const std::string& unit, bool sees) {
    const std::string case_id = Submit(customer, "org_unit_id: \"" + unit + "\" ");
    if (sees) expected.push_back(case_id);
  };
  const auto sent = [&] {
    AwaitUntil([&] { return receiver.All().size() >= expected.size(); });
    AwaitUntil([&] { return NonePending(made.endpoint().id()); });
    std::set<std::string> cases;
    for (const Received& got : receiver.All()) {
      cases.insert(nlohmann::json::parse(got.body)["data"]["caseId"].get<std::string>());
    }
    EXPECT_EQ(cases, std::set<std::string>(expected.begin(), expected.end()));
  };
  submit("a", "north", true);
  submit("b", "south", true);
  sent();
  server_.clock().Advance(seconds{600});
  submit("c", "north", false);
  submit("d", "south", true);
  sent();
  // Nothing is theirs now: the endpoint stands, and goes on when something is again.
  server_.clock().Advance(seconds{600});
  submit("e", "north", false);
  submit("f", "south", true);
  server_.Do<api::UpdateUserResponse>("admin",
                                      R"(user { name: "li" org_units { org_unit_id: "south" } }
                  update_mask { paths: "org_units" })");
  sent();
}

TEST_F(DispatcherTest, AfterARestartWhatWasNotAnsweredIsSent) {
  std::atomic<bool> up = false;
  const Receiver receiver(
      [&](const Received&) { return up ? AnswerBytes("200 OK") : std::string{}; });
  const auto made = Endpoint(receiver, R"(filter { types: "CaseOpened" })");
  const std::string id = made.endpoint().id();
  Submit("li");
  AwaitUntil([&] { return Deliveries(id).size() == 1 && Deliveries(id)[0].tries == 1; });
  up = true;
  server_.Restart();
  server_.clock().Advance(seconds{90});
  AwaitUntil([&] { return NonePending(id); });
  const auto got = receiver.All();
  ASSERT_GE(got.size(), 2u);
  EXPECT_EQ(got.front().Header("webhook-id"), got.back().Header("webhook-id"));
}

}  // namespace
}  // namespace rebound::fixtures
