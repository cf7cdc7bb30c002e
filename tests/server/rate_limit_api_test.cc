// Limits of calls over real sockets: what a refusal carries, and that the same call passes once the
// time it names is over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "rebound/v1/operations_service.pb.h"
#include "rebound/v1/survey_service.grpc.pb.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using std::chrono::milliseconds;

struct LimitAnswer {
  grpc::Status status;
  std::multimap<std::string, std::string> trailing;
};

// A read, which costs 1.
LimitAnswer List(TestServer& server, const std::string& token,
                 const std::multimap<std::string, std::string>& more = {}) {
  LimitAnswer answered;
  grpc::ClientContext context;
  if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
  for (const auto& [key, value] : more) context.AddMetadata(key, value);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  const auto stub = api::SurveyService::NewStub(server.NewChannel());
  api::ListProgramsResponse response;
  answered.status = stub->ListPrograms(&context, {}, &response);
  for (const auto& [key, value] : context.GetServerTrailingMetadata()) {
    answered.trailing.emplace(std::string(key.data(), key.size()),
                              std::string(value.data(), value.size()));
  }
  return answered;
}

milliseconds RetryDelayOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  for (const google::protobuf::Any& any : details.details()) {
    google::rpc::RetryInfo retry;
    if (any.UnpackTo(&retry)) {
      return milliseconds(retry.retry_delay().seconds() * 1'000 +
                          retry.retry_delay().nanos() / 1'000'000);
    }
  }
  return milliseconds(0);
}

TEST(RateLimitTest, AnIdentityThatCallsTooOftenIsToldWhenItMayAgain) {
  TestServer server(TestServerOptions{.loopback = true, .rate_identity = {4, 6}});
  const std::string& token = server.TokenOf("agent");
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(List(server, token).status.ok()) << i;
  const LimitAnswer refused = List(server, token);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  const Refusal refusal = ToRefusal(refused.status);
  EXPECT_EQ(refusal.reason, "RATE_LIMITED");
  EXPECT_EQ(refusal.metadata.at("limit"), "identity");
  EXPECT_EQ(refusal.metadata.at("retry_ms"), "250");
  EXPECT_EQ(RetryDelayOf(refused.status), milliseconds(250));
  ASSERT_EQ(refused.trailing.count("grpc-retry-pushback-ms"), 1u);
  EXPECT_EQ(refused.trailing.find("grpc-retry-pushback-ms")->second, "250");

  EXPECT_TRUE(List(server, server.TokenOf("manager")).status.ok()) << "another has their own";
  server.clock().Advance(milliseconds(249));
  EXPECT_FALSE(List(server, token).status.ok());
  server.clock().Advance(milliseconds(1));
  EXPECT_TRUE(List(server, token).status.ok());
  EXPECT_FALSE(List(server, token).status.ok());
}

TEST(RateLimitTest, AChangeCostsTwoAndAReportTen) {
  TestServer server(TestServerOptions{.rate_identity = {1, 14}});
  server.Do<api::SubmitResponseResponse>("admin",
                                         R"(response { score: 9 program_id: "touchpoint"
        customer_key { source_system: "crm" external_id: "r1" } })");
  server.DoMethod("admin", "ReportService/GetNpsReport", R"(scope { program_id: "touchpoint" })");
  server.Do<api::SubmitResponseResponse>("admin",
                                         R"(response { score: 9 program_id: "touchpoint"
        customer_key { source_system: "crm" external_id: "r2" } })");
  EXPECT_EQ(ToRefusal(List(server, server.TokenOf("admin")).status).reason, "RATE_LIMITED");
}

// A flood of tokens that are none: its address is closed before a token is looked up, also to a
// good one, and a caller from elsewhere is served.
TEST(RateLimitTest, TokensThatAreNoneCostTheirAddressMore) {
  TestServer server(TestServerOptions{.loopback = true, .rate_address = {1, 33}});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ToRefusal(List(server, "rbt_" + std::string(43, 'x')).status).reason,
              "UNAUTHENTICATED");
  }
  const LimitAnswer refused = List(server, server.TokenOf("agent"));
  const Refusal refusal = ToRefusal(refused.status);
  EXPECT_EQ(refusal.reason, "RATE_LIMITED");
  EXPECT_EQ(refusal.metadata.at("limit"), "address");
  EXPECT_EQ(refused.trailing.count("grpc-retry-pushback-ms"), 1u);
  // Nobody outside of this process speaks for another address.
  EXPECT_FALSE(
      List(server, server.TokenOf("agent"), {{"rebound-peer-address", "192.0.2.7"}}).status.ok());
  server.clock().Advance(RetryDelayOf(refused.status));
  EXPECT_TRUE(List(server, server.TokenOf("agent")).status.ok());
}

TEST(RateLimitTest, RefusalsAreCountedInTheStatusAndTheMetrics) {
  TestServer server(TestServerOptions{.loopback = true, .rate_identity = {1, 4}});
  for (int i = 0; i < 6; ++i) List(server, server.TokenOf("agent"));
  const auto status = server.Do<api::GetStatusResponse>("admin", "with_metrics: true");
  EXPECT_EQ(status.rate_limits().identity_refused_count(), 2);
  EXPECT_EQ(status.rate_limits().address_refused_count(), 0);
  EXPECT_THAT(status.metrics_text(),
              testing::HasSubstr("\nrebound_rate_limited_total{limit=\"identity\"} 2\n"
                                 "rebound_rate_limited_total{limit=\"address\"} 0\n"));
}

// Neither has a row of the API's own, but both cost work.
TEST(RateLimitTest, HealthAndReflectionAreOfTheAddressesLimitToo) {
  TestServer server(TestServerOptions{.loopback = true, .rate_address = {1, 21}});
  const auto refused = [&](const char* what, const auto& call) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    const grpc::Status status = call(context);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << what;
    EXPECT_EQ(ToRefusal(status).metadata["limit"], "address") << what;
    EXPECT_EQ(context.GetServerTrailingMetadata().count("grpc-retry-pushback-ms"), 1u) << what;
  };
  const auto health = grpc::health::v1::Health::NewStub(server.NewChannel());
  const auto reflection = grpc::reflection::v1::ServerReflection::NewStub(server.NewChannel());
  const auto check = [&](grpc::ClientContext& context) {
    grpc::health::v1::HealthCheckResponse response;
    return health->Check(&context, {}, &response);
  };
  const auto watch = [&](grpc::ClientContext& context) {
    grpc::health::v1::HealthCheckResponse response;
    const auto stream = health->Watch(&context, {});
    while (stream->Read(&response)) {
    }
    return stream->Finish();
  };
  const auto reflect = [&](grpc::ClientContext& context) {
    return reflection->ServerReflectionInfo(&context)->Finish();
  };
  {
    grpc::ClientContext context;
    EXPECT_TRUE(check(context).ok());
  }
  // Without a token it costs its address 11.
  for (int i = 0; i < 2; ++i) {
    grpc::ClientContext context;
    EXPECT_EQ(reflect(context).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  }
  refused("check", check);
  refused("watch", watch);
  refused("reflection", reflect);
}

TEST(RateLimitTest, AUnixSocketHasNoAddress) {
  TestServer server(TestServerOptions{.rate_address = {1, 1}});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(List(server, server.TokenOf("agent")).status.ok()) << i;
}

}  // namespace
}  // namespace rebound::fixtures
