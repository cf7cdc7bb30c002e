// What customers did: recorded once, seen with their history, by those who follow events, and in
// the export of the person; gone with the person.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/event_service.pb.h"
#include "server/storage/verify.h"
#include "tests/fixtures/marked_person.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using testing::ElementsAre;

class BehaviourTest : public testing::Test {
 protected:
  // The customer's id.
  std::string Customer(const std::string& key, const std::string& org_unit = "") {
    return server_
        .Do<api::UpsertCustomerResponse>(
            "admin", "external_key { source_system: \"crm\" external_id: \"" + key +
                         "\" } customer { org_unit_id: \"" + org_unit +
                         "\" } update_mask { paths: \"org_unit_id\" }")
        .customer()
        .id();
  }
  static std::string By(const std::string& key) {
    return R"(customer_key { source_system: "crm" external_id: ")" + key + "\" } ";
  }
  // `day`: of January 2026.
  static std::string Did(const std::string& key, const std::string& kind, int day = 1) {
    const int64_t at = 1'767'225'600 + (day - 1) * int64_t{86'400};
    return "behaviour { kind: BEHAVIOUR_KIND_" + kind +
           R"( external_key { source_system: "shop" external_id: ")" + key +
           "\" } occur_time { seconds: " + std::to_string(at) + " } } ";
  }
  api::RecordBehaviourResponse Record(const std::string& request) {
    return server_.Do<api::RecordBehaviourResponse>("integration", request);
  }
  std::vector<std::string> History(const std::string& who, const std::string& id) {
    std::vector<std::string> keys;
    const auto history =
        server_.Do<api::GetCustomerHistoryResponse>(who, "customer_id: \"" + id + "\"");
    for (const api::Behaviour& b : history.behaviours()) {
      keys.push_back(b.external_key().external_id());
    }
    return keys;
  }

  TestServer server_;
};

TEST_F(BehaviourTest, ComesBackAsItWasRecordedAndOnceForItsKey) {
  const std::string id = Customer("li");
  const std::string request = By("li") +
                              R"(behaviour { kind: BEHAVIOUR_KIND_REPURCHASE
         external_key { source_system: "shop" external_id: "订单-1" }
         amount { amount_minor: 1250 currency_code: "CNY" }
         occur_time { seconds: 1767225600 nanos: 7000000 } })";
  const auto first = Record("request_id: \"r1\" " + request);
  EXPECT_FALSE(first.replayed());
  EXPECT_EQ(first.behaviour().customer_id(), id);
  EXPECT_EQ(first.behaviour().kind(), api::BEHAVIOUR_KIND_REPURCHASE);
  EXPECT_EQ(first.behaviour().external_key().external_id(), "订单-1");
  EXPECT_EQ(first.behaviour().amount().amount_minor(), 1250);
  EXPECT_EQ(first.behaviour().amount().currency_code(), "CNY");
  EXPECT_EQ(first.behaviour().occur_time().nanos(), 7'000'000);
  EXPECT_TRUE(first.behaviour().has_record_time());
  const int64_t last = server_.LastSequence();
  for (const char* again : {"r1", "r2"}) {
    const auto reply = Record("request_id: \"" + std::string(again) + "\" " + request);
    EXPECT_TRUE(reply.replayed()) << again;
    EXPECT_EQ(reply.behaviour().SerializeAsString(), first.behaviour().SerializeAsString());
  }
  EXPECT_EQ(server_.LastSequence(), last);
  const Refusal other = server_.Refuse("integration", "CustomerService/RecordBehaviour",
                                       "request_id: \"r3\" " + By("li") + Did("订单-1", "CHURN"));
  EXPECT_EQ(other.reason, "BEHAVIOUR_KEY_REUSED");
  EXPECT_EQ(other.metadata.at("external_id"), "订单-1");
  server_.Restart();
  EXPECT_THAT(History("agent", id), ElementsAre("订单-1"));
}

TEST_F(BehaviourTest, TheHistoryIsInTheOrderOfWhatHappenedAndOfTheWholePerson) {
  const std::string id = Customer("li");
  Customer("hotline-li");
  Record(By("li") + Did("second", "RENEWAL", 5));
  Record(By("hotline-li") + Did("first", "DOWNGRADE", 3));
  server_.Do<api::AddCustomerAliasResponse>(
      "admin", "customer_id: \"" + id +
                   R"(" external_key { source_system: "crm" external_id: "hotline-li" })");
  const auto later = Record(By("hotline-li") + Did("third", "REFERRAL", 7));
  EXPECT_EQ(later.behaviour().customer_id(), id) << "whoever stands for them";
  EXPECT_TRUE(Record(By("li") + Did("first", "DOWNGRADE", 3)).replayed());
  EXPECT_THAT(History("agent", id), ElementsAre("first", "second", "third"));
}

TEST_F(BehaviourTest, WhoeverDoesNotSeeTheCustomerLearnsNothing) {
  server_.AddIdentity("north", "manager", {.org_units = {"north"}, .queues = {}});
  const std::string own = Customer("own", "north/city");
  const std::string alias = Customer("foreign", "south");
  Record(By("own") + Did("1", "CHURN"));
  Record(By("foreign") + Did("2", "CHURN"));
  const auto refuse = [&](const std::string& whose) {
    return server_.Refuse("north", "CustomerService/RecordBehaviour", whose + Did("2", "CHURN"));
  };
  const Refusal hidden = refuse(By("foreign"));
  EXPECT_EQ(hidden.reason, "NOT_FOUND");
  EXPECT_EQ(hidden.bytes, refuse(By("nobody")).bytes);
  server_.Do<api::AddCustomerAliasResponse>(
      "admin", "customer_id: \"" + own +
                   R"(" external_key { source_system: "crm" external_id: "foreign" })");
  EXPECT_THAT(History("admin", own), ElementsAre("1", "2"));
  EXPECT_THAT(History("north", own), ElementsAre("1"));
}

TEST_F(BehaviourTest, EventsTellWhatHappenedWithoutTheKey) {
  Customer("li");
  Record(By("li") + Did("secret-order", "CHURN"));
  bool told = false;
  const auto log = server_.Do<api::ListEventsResponse>(
      "admin", "start { preset: EVENT_PRESET_EARLIEST } page_size: 100");
  for (const api::Event& event : log.batch().events()) {
    if (event.type() != "BehaviourRecorded") continue;
    told = true;
    EXPECT_EQ(event.details().at("kind"), "churn");
    EXPECT_EQ(event.occur_time().seconds(), 1'767'225'600);
    EXPECT_EQ(event.DebugString().find("secret-order"), std::string::npos);
  }
  EXPECT_TRUE(told);
}

TEST_F(BehaviourTest, IsGoneWithThePersonAndTheEventsStayWhole) {
  const std::string id = Customer("li");
  Record(By("li") + Did("o1", "REPURCHASE"));
  const std::string request = "request_id: \"late\" customer_id: \"" + id + "\" ";
  Record(request + Did("o2", "CHURN"));
  const auto of_event = [&] {
    std::vector<std::string> shown;
    for (const api::ExportCustomerResponse& item : ExportOf(server_, "admin", id).items) {
      if (item.has_behaviour()) shown.push_back(item.behaviour().external_key().external_id());
      if (item.event().has_behaviour()) {
        shown.push_back("event " + item.event().behaviour().external_key().external_id());
      }
    }
    return shown;
  };
  EXPECT_THAT(of_event(), ElementsAre("o1", "o2", "event o1", "event o2"));
  const std::string etag =
      server_.Do<api::GetCustomerResponse>("admin", "customer_id: \"" + id + "\"")
          .customer()
          .etag();
  std::string quoted;
  for (const char c : etag) quoted += c == '"' ? std::string("\\\"") : std::string(1, c);
  server_.Do<api::EraseCustomerResponse>(
      "admin",
      "customer_id: \"" + id + "\" ground: ERASURE_GROUND_OBJECTION etag: \"" + quoted + "\"");
  EXPECT_THAT(of_event(), ElementsAre("event ", "event ")) << "that something was done stays";
  EXPECT_THAT(History("admin", id), ElementsAre());
  const auto again = Record(request + Did("o2", "CHURN"));
  EXPECT_TRUE(again.replayed());
  EXPECT_EQ(again.behaviour().customer_id(), id);
  EXPECT_FALSE(again.behaviour().has_external_key()) << "nothing else is left of it";
  EXPECT_THAT(Verify(server_.store()).problems, ElementsAre());
}

std::vector<std::string> OutcomesOf(const api::BatchRecordBehavioursResponse& reply) {
  std::vector<std::string> outcomes;
  for (const api::RecordBehaviourResult& result : reply.results()) {
    if (result.has_error()) {
      outcomes.push_back(std::to_string(result.error().row()) + " " + result.error().field() + " " +
                         result.error().reason());
    } else {
      outcomes.push_back(result.behaviour().external_key().external_id() +
                         (result.replayed() ? " replayed" : ""));
    }
  }
  return outcomes;
}

TEST_F(BehaviourTest, OfABatchEachIsRecordedOrRefusedByItself) {
  const std::string id = Customer("li");
  const auto item = [](const std::string& what) { return "behaviours { " + what + "} "; };
  const std::string request =
      "request_id: \"nightly\" " + item(By("li") + Did("1", "CHURN")) +
      item(By("nobody") + Did("2", "CHURN")) + item(By("li") + Did("1", "CHURN")) +
      item(By("li") + Did("1", "RENEWAL")) + item(By("li") + Did("3", "UNSPECIFIED")) +
      item("request_id: \"own\" " + By("li") + Did("4", "CHURN")) +
      item(By("li") + Did("5", "REFERRAL"));
  const auto send = [&](const std::string& text) {
    return OutcomesOf(server_.Do<api::BatchRecordBehavioursResponse>("integration", text));
  };
  EXPECT_THAT(send(request),
              ElementsAre("1", "1 behaviours[1].customer_key NOT_FOUND", "1 replayed",
                          "3 behaviours[3].behaviour.external_key BEHAVIOUR_KEY_REUSED",
                          "4 behaviours[4].behaviour.kind ENUM_VALUE_UNKNOWN",
                          "5 behaviours[5].request_id ID_INVALID", "5"));
  const int64_t last = server_.LastSequence();
  EXPECT_THAT(send(request),
              ElementsAre("1 replayed", "1 behaviours[1].customer_key NOT_FOUND", "1 replayed",
                          "3 behaviours[3].behaviour.external_key BEHAVIOUR_KEY_REUSED",
                          "4 behaviours[4].behaviour.kind ENUM_VALUE_UNKNOWN",
                          "5 behaviours[5].request_id ID_INVALID", "5 replayed"));
  EXPECT_EQ(server_.LastSequence(), last);

  // A dry run knows what is stored, but not what stands before it in the batch.
  const auto dry_run = [&](const std::string& items) { return send(items + "dry_run: true"); };
  const std::string more = item(By("li") + Did("1", "CHURN")) +
                           item(By("li") + Did("1", "RENEWAL")) +
                           item(By("nobody") + Did("6", "CHURN")) +
                           item(By("li") + Did("6", "CHURN")) + item(By("li") + Did("6", "CHURN"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(
        dry_run("request_id: \"tried\" " + more),
        ElementsAre("1 replayed", "1 behaviours[1].behaviour.external_key BEHAVIOUR_KEY_REUSED",
                    "2 behaviours[2].customer_key NOT_FOUND", "6", "6"));
    EXPECT_EQ(server_.LastSequence(), last);
  }
  EXPECT_THAT(History("agent", id), ElementsAre("1", "5"));
  EXPECT_THAT(
      send("request_id: \"tried\" " + more),
      ElementsAre("1 replayed", "1 behaviours[1].behaviour.external_key BEHAVIOUR_KEY_REUSED",
                  "2 behaviours[2].customer_key NOT_FOUND", "6", "6 replayed"))
      << "the request id is not taken by it";

  std::string many;
  for (int i = 0; i < 1'000; ++i) many += item(By("li") + Did(std::to_string(i), "REPURCHASE"));
  for (const std::string& wrong : {std::string(), many + item(By("li") + Did("x", "CHURN"))}) {
    const Refusal refusal =
        server_.Refuse("integration", "CustomerService/BatchRecordBehaviours", wrong);
    EXPECT_EQ(refusal.reason, "TOO_MANY_ITEMS");
    EXPECT_TRUE(refusal.HasField("behaviours")) << refusal;
  }
}

}  // namespace
}  // namespace rebound::fixtures
