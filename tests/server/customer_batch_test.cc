#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "rebound/v1/customer_service.pb.h"
#include "server/storage/verify.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

std::string Item(const std::string& id, const std::string& rest) {
  return R"(customers { external_key { source_system: "crm" external_id: ")" + id + "\" } " + rest +
         " } ";
}

std::string Segment(const std::string& id, const std::string& segment) {
  return Item(id, "customer { segment: \"" + segment + R"(" } update_mask { paths: "segment" })");
}

std::vector<std::string> OutcomesOf(const api::BatchUpsertCustomersResponse& reply) {
  std::vector<std::string> outcomes;
  for (const api::UpsertCustomerResult& result : reply.results()) {
    if (result.has_error()) {
      outcomes.push_back(std::to_string(result.error().row()) + " " + result.error().field() + " " +
                         result.error().reason());
    } else {
      outcomes.push_back(result.customer().segment() + (result.created() ? " created" : "") +
                         (result.replayed() ? " replayed" : ""));
    }
  }
  return outcomes;
}

TEST(BatchUpsertCustomersTest, EachFaultIsNamedByItsFieldAndTheNeighboursAreStored) {
  TestServer server;
  const auto reply = server.Do<api::BatchUpsertCustomersResponse>(
      "integration", "request_id: \"faults\" " + Segment("1", "gold") +
                         Item("2", "customer { segment: \"x\" }") + Segment("1", "silver") +
                         Item("3", R"(request_id: "own" update_mask { paths: "segment" })") +
                         Item("1", R"(update_mask { paths: "segment" } etag: "\"1\"")") +
                         Item("4", R"(customer { time_zone: "../etc/passwd" }
                                      update_mask { paths: "time_zone" })") +
                         Segment("5", "bronze"));
  const std::vector<std::string> outcomes = OutcomesOf(reply);
  ASSERT_EQ(outcomes.size(), 7u);
  EXPECT_EQ(outcomes[0], "gold created");
  EXPECT_EQ(outcomes[1], "1 customers[1].update_mask UPDATE_MASK_INVALID");
  EXPECT_EQ(outcomes[2], "silver");
  EXPECT_EQ(outcomes[3], "3 customers[3].request_id ID_INVALID");
  EXPECT_THAT(outcomes[4], testing::HasSubstr("ETAG"));
  EXPECT_THAT(outcomes[5], testing::StartsWith("5 customers[5].customer.time_zone "));
  EXPECT_EQ(outcomes[6], "bronze created");
}

TEST(BatchUpsertCustomersTest, ARepeatDoublesNothingAndAnotherBodyIsRefused) {
  TestServer server;
  const std::string id = R"(request_id: "nightly" )";
  const std::string items = Segment("1", "gold") + Segment("2", "silver");
  EXPECT_THAT(OutcomesOf(server.Do<api::BatchUpsertCustomersResponse>("integration", id + items)),
              testing::ElementsAre("gold created", "silver created"));
  const int64_t last = server.LastSequence();
  EXPECT_THAT(OutcomesOf(server.Do<api::BatchUpsertCustomersResponse>("integration", id + items)),
              testing::ElementsAre("gold replayed", "silver replayed"));
  EXPECT_EQ(server.LastSequence(), last);
  const auto other = server.Do<api::BatchUpsertCustomersResponse>(
      "integration", id + Segment("1", "bronze") + Segment("2", "silver"));
  for (const api::UpsertCustomerResult& result : other.results()) {
    EXPECT_EQ(result.error().reason(), "REQUEST_ID_REUSED");
  }
  EXPECT_EQ(server.LastSequence(), last);
}

// Each is tried by itself: the last would change the one that is there, whatever came before it.
TEST(BatchUpsertCustomersTest, ADryRunAnswersAsTheRunWouldAndStoresNothing) {
  TestServer server;
  server.AddIdentity("north", "integration", {.org_units = {"north"}, .queues = {}});
  const auto known = server.Do<api::BatchUpsertCustomersResponse>("north", R"(customers {
      external_key { source_system: "crm" external_id: "1" }
      customer { segment: "gold" org_unit_id: "north" }
      update_mask { paths: "segment" paths: "org_unit_id" } })");
  const int64_t last = server.LastSequence();
  const std::string north = R"(customer { segment: "new" org_unit_id: "north/city" }
      update_mask { paths: "segment" paths: "org_unit_id" })";
  const std::string request =
      R"(request_id: "nightly" )" + Segment("1", "silver") + Item("2", north) +
      Item("3", R"(customer { segment: "x" org_unit_id: "south" }
                   update_mask { paths: "segment" paths: "org_unit_id" })") +
      Item("4", R"(customer { time_zone: "Mars/Base" } update_mask { paths: "time_zone" })") +
      Segment("1", "bronze");
  const std::vector<std::string> outcomes = {
      "silver", "new created", "2 customers[2].customer.org_unit_id NOT_FOUND",
      "3 customers[3].customer.time_zone ID_INVALID", "bronze"};
  const auto audited = [&] {
    int64_t count = 0;
    server.store().Read([&](Reader& reader) { count = reader.GetAuditHead().sequence; });
    return count;
  };
  const int64_t entries = audited();
  for (int i = 0; i < 2; ++i) {
    const auto dry =
        server.Do<api::BatchUpsertCustomersResponse>("north", request + "dry_run: true");
    EXPECT_EQ(OutcomesOf(dry), outcomes) << i;
    EXPECT_EQ(dry.results(0).customer().id(), known.results(0).customer().id());
    EXPECT_EQ(dry.results(0).customer().etag(), "") << "nothing to change it by";
    EXPECT_EQ(dry.results(1).customer().id() + dry.results(1).customer().etag(), "");
  }
  EXPECT_EQ(server.LastSequence(), last);
  EXPECT_EQ(audited(), entries);
  const auto stored = server.Do<api::GetCustomerResponse>(
      "north", "customer_id: \"" + known.results(0).customer().id() + "\"");
  EXPECT_EQ(stored.customer().SerializeAsString(), known.results(0).customer().SerializeAsString());
  // The request id is not taken by it.
  EXPECT_EQ(OutcomesOf(server.Do<api::BatchUpsertCustomersResponse>("north", request)), outcomes);
  EXPECT_GT(audited(), entries);
  EXPECT_THAT(Verify(server.store()).problems, testing::ElementsAre());
}

// As one of its items it would be listed among refused rows, and never come in.
TEST(BatchUpsertCustomersTest, WhatIsNoFaultOfAnItemRefusesTheCall) {
  TestServer server({.queue_capacity = 2});
  const std::string request = "request_id: \"slow\" " + Segment("1", "gold");
  server.store().HoldWrites();
  auto first = std::async(std::launch::async, [&] {
    return server.Do<api::BatchUpsertCustomersResponse>("integration", request);
  });
  server.store().WaitForHeldWrite();
  const auto refuse = [&](const std::string& text) {
    return server.Refuse("integration", "CustomerService/BatchUpsertCustomers", text);
  };
  const Refusal running = refuse(request);
  EXPECT_EQ(running.reason, "REQUEST_IN_PROGRESS");
  EXPECT_EQ(running.retry_seconds, 1);
  const Refusal full = refuse(Segment("2", "gold") + Segment("3", "gold"));
  EXPECT_EQ(full.reason, "QUEUE_FULL");
  EXPECT_EQ(full.retry_seconds, 1);
  server.store().ReleaseWrites();
  EXPECT_THAT(OutcomesOf(first.get()), testing::ElementsAre("gold created"));
  EXPECT_THAT(OutcomesOf(server.Do<api::BatchUpsertCustomersResponse>("integration", request)),
              testing::ElementsAre("gold replayed"));
}

TEST(BatchUpsertCustomersTest, TakesAThousandAndNoMore) {
  TestServer server;
  std::string items;
  for (int i = 0; i < 1'000; ++i) items += Segment(std::to_string(i), "gold");
  const auto reply = server.Do<api::BatchUpsertCustomersResponse>("integration", items);
  EXPECT_EQ(reply.results_size(), 1'000);
  for (const auto& result : reply.results()) EXPECT_TRUE(result.created());
  for (const std::string& wrong : {std::string(), items + Segment("1000", "gold")}) {
    const Refusal refusal =
        server.Refuse("integration", "CustomerService/BatchUpsertCustomers", wrong);
    EXPECT_EQ(refusal.reason, "TOO_MANY_ITEMS");
    EXPECT_TRUE(refusal.HasField("customers")) << refusal;
  }
}

}  // namespace
}  // namespace rebound::fixtures
