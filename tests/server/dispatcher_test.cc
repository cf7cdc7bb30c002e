// What is delivered, when, in which order, and what becomes of it.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <semaphore>
#include <set>
#include <string>
#include <vector>

#include "rebound/v1/access_service.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/config_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/delivery_service.pb.h"
#include "server/config/config.h"
#include "server/delivery/dispatcher.h"
#include "server/delivery/robot.h"
#include "server/delivery/webhook.h"
#include "server/storage/delivery_records.h"
#include "tests/fixtures/mail_server.h"
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

// Of a robot, with the words of its vendor.
struct RobotRow {
  const char* kind;
  RobotKind robot;
  std::string secret;
  std::string ok, busy, refused;
};

std::vector<RobotRow> RobotRows() {
  return {{"WECOM", RobotKind::kWeCom, "", R"({"errcode":0})", R"({"errcode":-1})",
           R"({"errcode":93000})"},
          {"DINGTALK", RobotKind::kDingTalk, "SEC0123456789", R"({"errcode":0})",
           R"({"errcode":-1})", R"({"errcode":310000})"},
          {"FEISHU", RobotKind::kFeishu, "feishu0123456789", R"({"code":0})", R"({"code":50000})",
           R"({"code":19021})"}};
}

// As a Timestamp: so long after the server's start.
std::string At(seconds after) {
  return "{ seconds: " + std::to_string(ToMillis(kServerStart + after) / 1000) + " }";
}

class DispatcherTest : public testing::Test {
 protected:
  explicit DispatcherTest(std::shared_ptr<const Revision> revision = nullptr,
                          DeliveryOptions options = {.most_pending = 5})
      : server_(TestServerOptions{.revision = std::move(revision),
                                  .delivery = Complete(std::move(options))}) {}

  DeliveryOptions Complete(DeliveryOptions options) const {
    options.transfers.targets = {.allowed = {"127.0.0.0/8"}, .allow_http = true};
    options.retry = {seconds{0}, seconds{60}, seconds{60}};
    options.smtp =
        SmtpOptions{.server = mails_.Url(), .require_tls = false, .from = "rebound@example.com"};
    return options;
  }

  // The endpoint's id and secret.
  api::CreateEndpointResponse Endpoint(const Receiver& receiver, const std::string& more = "",
                                       std::string_view who = "admin") {
    return server_.Do<api::CreateEndpointResponse>(
        who,
        "endpoint { kind: ENDPOINT_KIND_WEBHOOK url: \"" + receiver.Url() + "\" " + more + "}");
  }
  // The ids of endpoints that want to hear of new cases.
  std::string Robot(const RobotRow& row, const std::string& url) {
    const std::string secret = row.secret.empty() ? "" : " robot_secret: \"" + row.secret + "\"";
    return server_
        .Do<api::CreateEndpointResponse>(
            "admin", "endpoint { kind: ENDPOINT_KIND_" + std::string(row.kind) + " url: \"" + url +
                         R"(" language: "en" filter { types: "CaseOpened" } })" + secret)
        .endpoint()
        .id();
  }
  std::string MailEndpoint() {
    return server_
        .Do<api::CreateEndpointResponse>(
            "admin", R"(endpoint { kind: ENDPOINT_KIND_EMAIL recipients: "li@example.com"
                recipients: "wang@example.com" language: "en" filter { types: "CaseOpened" } })")
        .endpoint()
        .id();
  }
  void AnswerMails(const std::string& answer) {
    std::lock_guard lock(mutex_);
    mail_answer_ = answer;
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
  // A user of the role "integration" that calls by an API key.
  void AddKeyUser(const std::string& name, const std::string& role = "integration") {
    server_.Do<api::CreateUserResponse>("admin",
                                        "user { name: \"" + name + "\" role: \"" + role + "\" }");
    server_.UseToken(name, server_
                               .Do<api::CreateApiKeyResponse>(
                                   "admin", "user_name: \"" + name + R"(" description: "x"
                                             end_time { seconds: 1773442000 })")
                               .secret());
  }
  // With a session, and these grants.
  void AddAdminUser(const std::string& name, const std::string& org_units) {
    const auto user = server_.Do<api::CreateUserResponse>(
        "admin",
        "user { name: \"" + name + R"(" role: "admin" )" + org_units + "} with_link: true");
    const std::string password = R"(password: "a long good password" )";
    server_.Do<api::RedeemLinkResponse>("", "token: \"" + user.link_token() + "\" " + password);
    server_.UseToken(name,
                     server_.Do<api::SignInResponse>("", "user_name: \"" + name + "\" " + password)
                         .session_token());
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

  std::mutex mutex_;
  std::string mail_answer_ = "250 taken";  // guarded by mutex_
  MailServer mails_{[this](const ReceivedMail&) {
    std::lock_guard lock(mutex_);
    return mail_answer_;
  }};
  TestServer server_;
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
  AddKeyUser("crm");
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

// What it still has may be more than writers can wait for.
TEST_F(DispatcherTest, ARemovedEndpointIsGoneAtOnceAndItsDeliveriesInParts) {
  const Receiver receiver(AnswerBytes("200 OK"));
  const std::string gone = Endpoint(receiver).endpoint().id();
  const std::string other = Endpoint(receiver).endpoint().id();
  server_.store().WriteDeliveries([&](DeliveryRecords& records) {
    for (int i = 0; i < 2'600; ++i) {
      RawId id;
      id.bytes = {1, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
      records.Put(Delivery{.id = id,
                           .endpoint = *ParseId<RawId>(i < 2'500 ? gone : other),
                           .sequence = 1'000'000 + i,
                           .event_type = "CaseOpened",
                           .order_key = "-",
                           .state = DeliveryState::kDelivered,
                           .ended_at = kServerStart});
    }
    return true;
  });
  const std::string named = "endpoint_id: \"" + gone + "\"";
  server_.Do<api::DeleteEndpointResponse>("admin", named);
  server_.store().ReadDeliveries([&](DeliveryRecords& records) {
    const auto row = records.GetEndpoint(*ParseId<RawId>(gone));
    if (!row) return;
    EXPECT_THAT(row->url, IsEmpty());
    EXPECT_THAT(row->secrets, IsEmpty());
  });
  EXPECT_EQ(server_.Refuse("admin", "DeliveryService/GetEndpoint", named).reason, "NOT_FOUND");
  EXPECT_EQ(server_.Refuse("admin", "DeliveryService/ListDeliveries", named).reason, "NOT_FOUND");
  EXPECT_EQ(server_.Do<api::ListEndpointsResponse>("admin", "").endpoints_size(), 1);
  AwaitUntil([&] {
    bool there = true;
    server_.store().ReadDeliveries([&](DeliveryRecords& records) {
      there = records.GetEndpoint(*ParseId<RawId>(gone)).has_value();
    });
    return !there;
  });
  EXPECT_THAT(Deliveries(gone), IsEmpty());
  EXPECT_EQ(Deliveries(other).size(), 100u);
  server_.store().WriteDeliveries([&](DeliveryRecords& records) {
    records.RemoveEndpoint(*ParseId<RawId>(other));  // their events never were
    return true;
  });
}

class DispatcherConfigTest : public DispatcherTest {
 protected:
  DispatcherConfigTest() : DispatcherTest(ShippedRevision()) {}

  // The shipped configuration, with a role `follower` of that base.
  void ApplyFollower(const std::string& base) {
    std::vector<ConfigError> errors;
    api::ApplyConfigRequest request;
    request.set_request_id("with-" + base + std::to_string(++applied_));
    const std::string folder = REBOUND_SOURCE_DIR "/config/";
    for (const ConfigFile& file : ReadConfigFolder(folder, &errors)) {
      api::ConfigFile* to = request.add_files();
      to->set_name(file.name.substr(folder.size()));
      to->set_text(file.text);
      if (to->name() != "roles.yaml") continue;
      *to->mutable_text() +=
          "  - {id: follower, name: {en: Follower, zh: 关注者}, base: " + base + "}\n";
    }
    EXPECT_THAT(errors, IsEmpty());
    api::ApplyConfigResponse reply;
    const grpc::Status status = server_.Call("admin", request, &reply);
    EXPECT_TRUE(status.ok()) << ToRefusal(status);
    EXPECT_TRUE(reply.changed());
  }

 private:
  int applied_ = 0;
};

TEST_F(DispatcherConfigTest, AnOwnerWhoseRoleMayFollowAgainIsSentWhatTheyMissed) {
  ApplyFollower("integration");
  AddKeyUser("crm", "follower");
  const Receiver receiver(AnswerBytes("200 OK")), other(AnswerBytes("200 OK"));
  const auto made = Endpoint(receiver, R"(filter { types: "CaseOpened" })", "crm");
  const auto others = Endpoint(other, R"(filter { types: "CaseOpened" })");
  ApplyFollower("viewer");
  const std::string missed = Submit("li");
  ASSERT_EQ(other.Await(1).size(), 1u) << "the log was walked";
  AwaitUntil([&] { return NonePending(others.endpoint().id()); });
  EXPECT_THAT(Deliveries(made.endpoint().id()), IsEmpty());
  // Nothing else is committed, and nobody looks again by hand.
  ApplyFollower("integration");
  const auto got = receiver.Await(1);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_THAT(got[0].body, HasSubstr(missed));
}

TEST_F(DispatcherTest, AnOwnerIsSentWhatIsGrantedAtTheTime) {
  AddAdminUser("li", R"(org_units { org_unit_id: "north" end_time )" + At(seconds{600}) +
                         R"(} org_units { org_unit_id: "south" end_time )" + At(seconds{1200}) +
                         "} ");
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

// Nobody tells of a time that comes.
TEST_F(DispatcherTest, AnOwnerWhoseGrantBeginsIsSentWhatTheyMissed) {
  AddAdminUser("li", R"(org_units { org_unit_id: "east" end_time )" + At(seconds{600}) +
                         R"(} org_units { org_unit_id: "east/suzhou" start_time )" +
                         At(seconds{1200}) + "} ");
  const Receiver receiver(AnswerBytes("200 OK")), other(AnswerBytes("200 OK"));
  const auto made = Endpoint(receiver, R"(filter { types: "CaseOpened" })", "li");
  const auto others = Endpoint(other, R"(filter { types: "CaseOpened" })");
  server_.clock().Advance(seconds{600});
  const std::string missed = Submit("wang", R"(org_unit_id: "east/suzhou" )");
  ASSERT_EQ(other.Await(1).size(), 1u) << "the log was walked";
  AwaitUntil([&] { return NonePending(others.endpoint().id()); });
  EXPECT_THAT(Deliveries(made.endpoint().id()), IsEmpty());
  server_.clock().Advance(seconds{600});
  const auto got = receiver.Await(1);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_THAT(got[0].body, HasSubstr(missed));
}

// A receiver may repeat what it was sent, also after the person of the event was erased.
TEST_F(DispatcherTest, OfWhoWasErasedMeanwhileNoWordsAreKept) {
  std::atomic<bool> erase = true;
  const Receiver receiver([&](const Received& got) {
    const std::string opened = nlohmann::json::parse(got.body)["data"]["caseId"];
    const auto customer_id =
        server_.Do<api::GetCaseResponse>("admin", "case_id: \"" + opened + "\"")
            .case_()
            .customer_id();
    const std::string named = "customer_id: \"" + customer_id + "\" ";
    if (erase.exchange(false)) {
      const std::string etag =
          server_.Do<api::GetCustomerResponse>("admin", named).customer().etag();
      server_.Do<api::EraseCustomerResponse>(
          "manager", named + "ground: ERASURE_GROUND_OBJECTION etag: \"\\\"" +
                         etag.substr(1, etag.size() - 2) + "\\\"\"");
    }
    return AnswerBytes("500 No", "not from Li");
  });
  const std::string id = Endpoint(receiver, R"(filter { types: "CaseOpened" })").endpoint().id();
  const auto tried = [&](size_t count) {
    const auto all = Deliveries(id);
    return all.size() == count && std::all_of(all.begin(), all.end(),
                                              [](const Delivery& each) { return each.tries == 1; });
  };
  Submit("li");
  AwaitUntil([&] { return tried(1); });
  EXPECT_EQ(Deliveries(id)[0].last_status, 500);
  EXPECT_EQ(Deliveries(id)[0].last_answer, "");
  Submit("wang");
  AwaitUntil([&] { return tried(2); });
  EXPECT_EQ(Deliveries(id)[0].last_answer, "not from Li") << "who is there";
}

// An owner's places are given to whoever waited longest.
TEST_F(DispatcherTest, EndpointsThatHangLeaveTheirOwnersOthersATurn) {
  std::counting_semaphore<1000> answers(0);
  const Receiver hanging([&](const Received&) {
    (void)answers.try_acquire_for(seconds{30});
    return AnswerBytes("500 No");
  });
  const Receiver receiver(AnswerBytes("200 OK"));
  std::vector<std::string> ids;
  for (int i = 0; i < Dispatcher::kAtOnceOfOwner; ++i) {
    ids.push_back(Endpoint(hanging, R"(filter { types: "CaseOpened" })").endpoint().id());
  }
  server_.clock().Advance(seconds{1});  // so that its id is the last
  ids.push_back(Endpoint(receiver, R"(filter { types: "CaseOpened" })").endpoint().id());
  for (const char* customer : {"li", "wang"}) Submit(customer);
  AwaitUntil([&] {
    return std::all_of(ids.begin(), ids.end(),
                       [&](const std::string& id) { return Deliveries(id).size() == 2; });
  });
  EXPECT_THAT(receiver.All(), IsEmpty()) << "all places are taken";
  answers.release();
  EXPECT_GE(receiver.Await(1).size(), 1u);
  answers.release(500);
}

class DispatcherPartsTest : public DispatcherTest {
 protected:
  DispatcherPartsTest() : DispatcherTest(nullptr, {.write_at_once = 1}) {}
};

// A page that ends before all of it was looked at, and is written endpoint by endpoint.
TEST_F(DispatcherPartsTest, ManyThatAreFarBehindMissNothing) {
  AddKeyUser("crm");
  const Receiver receiver(AnswerBytes("200 OK"));
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(Endpoint(receiver, R"(filter { types: "CaseOpened" })", "crm").endpoint().id());
  }
  server_.Do<api::DisableUserResponse>("admin", R"(user_name: "crm")");
  std::set<std::string> expected;
  for (int i = 0; i < 10; ++i) expected.insert(Submit("c" + std::to_string(i)));
  for (const std::string& id : ids) EXPECT_THAT(Deliveries(id), IsEmpty());
  server_.Do<api::EnableUserResponse>("admin", R"(user_name: "crm")");
  std::set<std::string> sent;
  for (const std::string& id : ids) {
    AwaitUntil([&] { return Deliveries(id).size() == expected.size() && NonePending(id); });
    std::set<std::string> cases;
    for (const Delivery& each : Deliveries(id)) {
      EXPECT_EQ(each.state, DeliveryState::kDelivered);
      cases.insert(ToString(*each.case_id));
      sent.insert(ToString(each.id));
    }
    EXPECT_EQ(cases, expected);
  }
  std::set<std::string> got;
  for (const Received& each : receiver.All()) got.insert(each.Header("webhook-id"));
  EXPECT_EQ(got, sent);
  EXPECT_EQ(receiver.All().size(), sent.size()) << "each once";
}

// Names hang until the test lets go.
class DispatcherNamesTest : public DispatcherTest {
 protected:
  explicit DispatcherNamesTest(
      std::shared_ptr<std::promise<void>> release = std::make_shared<std::promise<void>>())
      : DispatcherTest(
            nullptr,
            {.transfers = {.name_timeout = std::chrono::milliseconds{300},
                           .at_once = 1,
                           .resolve =
                               [until = release->get_future().share()](const std::string&) {
                                 until.wait_for(seconds{30});
                                 return std::vector<std::string>{"127.0.0.1"};
                               }}}),
        release_(std::move(release)) {}

  std::shared_ptr<std::promise<void>> release_;
};

TEST_F(DispatcherNamesTest, WhatIsNotBegunIsNoTry) {
  const Receiver receiver(AnswerBytes("200 OK"));
  std::string url = receiver.Url();
  url.replace(url.find("127.0.0.1"), 9, "hooks.example.com");
  const std::string id = server_
                             .Do<api::CreateEndpointResponse>(
                                 "admin", "endpoint { kind: ENDPOINT_KIND_WEBHOOK url: \"" + url +
                                              R"(" filter { types: "CaseOpened" } })")
                             .endpoint()
                             .id();
  for (const char* customer : {"li", "wang", "zhao"}) Submit(customer);
  const auto waits = [](const Delivery& each) {
    return each.tries == 0 && each.next_try_at > kServerStart + seconds{4};
  };
  AwaitUntil([&] {
    const auto all = Deliveries(id);
    return std::any_of(all.begin(), all.end(), waits);
  });
  for (const Delivery& each : Deliveries(id)) {
    EXPECT_EQ(each.tries, waits(each) ? 0 : 1) << "asked for its name or not";
    EXPECT_EQ(each.tried_at.has_value(), !waits(each));
  }
  release_->set_value();
  AwaitUntil([&] {
    server_.clock().Advance(seconds{10});
    return NonePending(id);
  });
  for (const Delivery& each : Deliveries(id)) EXPECT_EQ(each.state, DeliveryState::kDelivered);
}

TEST_F(DispatcherTest, ARobotIsToldAndAskedAgainAndGivenUp) {
  for (const RobotRow& row : RobotRows()) {
    SCOPED_TRACE(row.kind);
    std::atomic<int> calls = 0;
    const Receiver receiver([&](const Received&) {
      const int call = calls++;
      return AnswerBytes("200 OK", call == 0 ? row.busy : call == 1 ? row.ok : row.refused);
    });
    const std::string url = receiver.Url() + "?key=k";
    const std::string id = Robot(row, url);
    Submit(std::string("li") + row.kind);
    AwaitUntil([&] { return Deliveries(id).size() == 1 && Deliveries(id)[0].tries == 1; });
    EXPECT_EQ(Deliveries(id)[0].state, DeliveryState::kPending) << "the vendor is busy";
    EXPECT_EQ(Deliveries(id)[0].last_answer, row.busy);
    server_.clock().Advance(seconds{90});
    AwaitUntil([&] { return NonePending(id); });
    EXPECT_EQ(Deliveries(id)[0].state, DeliveryState::kDelivered);
    EXPECT_EQ(Deliveries(id)[0].tries, 2);

    const auto got = receiver.Await(2).back();
    const auto body = nlohmann::json::parse(got.body);
    const std::string text =
        row.robot == RobotKind::kFeishu ? body["content"]["text"] : body["text"]["content"];
    EXPECT_THAT(text, HasSubstr("the case was opened"));
    // The same text, signed at the same time by the same secret, is the same post.
    const HttpPost post = RobotPost(row.robot, url, row.secret, text, server_.clock().Now());
    EXPECT_EQ(got.body, post.body);
    EXPECT_THAT(got.head, HasSubstr("POST " + post.url.substr(post.url.find("/hook")) + " HTTP"));

    Submit(std::string("wang") + row.kind);
    server_.clock().Advance(seconds{90});
    AwaitUntil([&] { return Deliveries(id).size() == 2 && NonePending(id); });
    EXPECT_EQ(Deliveries(id)[0].state, DeliveryState::kDead) << "refused for good";
    EXPECT_EQ(Deliveries(id)[0].tries, 1);
    EXPECT_EQ(Deliveries(id)[0].last_answer, row.refused);
    server_.Do<api::DeleteEndpointResponse>("admin", "endpoint_id: \"" + id + "\"");
  }
}

TEST_F(DispatcherTest, ARobotGetsNoMoreThanItsVendorTakes) {
  // Each look is at all endpoints: once another one has got a second event that was recorded at a
  // time, the robot had its turn at that time.
  for (const RobotRow& row : RobotRows()) {
    SCOPED_TRACE(row.kind);
    const Receiver receiver(AnswerBytes("200 OK", row.ok));
    const Receiver last(AnswerBytes("200 OK"));
    const std::string id = Robot(row, receiver.Url());
    server_.clock().Advance(seconds{1});
    const auto made = Endpoint(last, R"(filter { types: "ResponseRecorded" })");
    for (const char* customer : {"a", "b", "c"}) Submit(customer + std::string(row.kind));
    size_t answers = 3;
    const auto delivered = [&] {
      const auto all = Deliveries(id);
      return std::count_if(all.begin(), all.end(), [](const Delivery& each) {
        return each.state == DeliveryState::kDelivered;
      });
    };
    const Duration pace = Duration{std::chrono::minutes{1}} / RobotMessagesPerMinute(row.robot);
    for (int sent = 1; sent <= 3; ++sent) {
      AwaitUntil([&] { return Deliveries(id).size() == 3 && delivered() == sent; });
      server_.clock().Advance(pace - std::chrono::milliseconds{1});
      for (int i = 0; i < 2; ++i) {
        server_.Do<api::SubmitResponseResponse>(
            "integration", R"(response { program_id: "touchpoint" score: 10 customer_key {
                source_system: "crm" external_id: "content" } })");
        ++answers;
        AwaitUntil([&] { return last.All().size() == answers; });
      }
      EXPECT_EQ(delivered(), sent) << "not before its time";
      EXPECT_EQ(receiver.All().size(), static_cast<size_t>(sent));
      server_.clock().Advance(std::chrono::milliseconds{1});
    }
    for (const std::string& each : {id, made.endpoint().id()}) {
      server_.Do<api::DeleteEndpointResponse>("admin", "endpoint_id: \"" + each + "\"");
    }
  }
}

TEST_F(DispatcherTest, AMailArrivesAndIsSentAgainUnderItsIdAndGivenUp) {
  AnswerMails("451 later");
  const std::string id = MailEndpoint();
  Submit("li");
  AwaitUntil([&] { return Deliveries(id).size() == 1 && Deliveries(id)[0].tries == 1; });
  EXPECT_EQ(Deliveries(id)[0].state, DeliveryState::kPending);
  EXPECT_EQ(Deliveries(id)[0].last_status, 451);
  AnswerMails("250 taken");
  server_.clock().Advance(seconds{90});
  AwaitUntil([&] { return NonePending(id); });
  EXPECT_EQ(Deliveries(id)[0].state, DeliveryState::kDelivered);
  EXPECT_EQ(Deliveries(id)[0].last_status, 250);
  EXPECT_EQ(Deliveries(id)[0].tries, 2);

  auto got = mails_.Await(2);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[1].from, "<rebound@example.com>");
  EXPECT_THAT(got[1].to, ElementsAre("<li@example.com>", "<wang@example.com>"));
  EXPECT_THAT(got[1].Header("Subject"), HasSubstr("the case was opened"));
  EXPECT_EQ(got[1].Header("Message-ID"), "<" + ToString(Deliveries(id)[0].id) + "@example.com>");
  EXPECT_EQ(got[1].Header("Message-ID"), got[0].Header("Message-ID"));
  EXPECT_FALSE(got[1].Header("References").empty()) << "mails of a case stand together";

  AnswerMails("554 no");
  Submit("wang");
  AwaitUntil([&] { return Deliveries(id).size() == 2 && NonePending(id); });
  EXPECT_EQ(Deliveries(id)[0].state, DeliveryState::kDead) << "refused for good";
  EXPECT_EQ(Deliveries(id)[0].tries, 1);
  EXPECT_EQ(Deliveries(id)[0].last_status, 554);
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
