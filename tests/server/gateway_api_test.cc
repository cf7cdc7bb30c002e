// The API over the gateway of a whole server: the same call over gRPC and over Connect gives the
// same answer and the same refusal.

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

#include "google/rpc/status.pb.h"
#include "rebound/v1/access_service.pb.h"
#include "rebound/v1/audit_service.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/operations_service.pb.h"
#include "rebound/v1/response_service.pb.h"
#include "rebound/v1/survey_service.pb.h"
#include "server/gateway/connect.h"
#include "server/gateway/gateway.h"
#include "server/gateway/http_server.h"
#include "server/services/services.h"
#include "server/storage/delivery_records.h"
#include "tests/fixtures/certificates.h"
#include "tests/fixtures/raw_http.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;
using Headers = std::multimap<std::string, std::string>;

constexpr char kJson[] = "application/json";
constexpr char kProto[] = "application/proto";

std::string ToJson(const Message& message) {
  std::string json;
  EXPECT_TRUE(google::protobuf::util::MessageToJsonString(message, &json).ok());
  return json;
}

std::string QueryEscaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    char code[4];
    std::snprintf(code, sizeof code, "%%%02X", static_cast<unsigned char>(c));
    out += code;
  }
  return out;
}

class GatewayApiTest : public testing::Test {
 protected:
  explicit GatewayApiTest(HttpOptions http = {.listen = "127.0.0.1:0"})
      : server_(TestServerOptions{.http = std::move(http)}) {}

  RawClient Client() { return RawClient(server_.http_port()); }
  Headers HeadersOf(const std::string& who, const std::string& type,
                    const std::string& language = "en") {
    Headers headers = {
        {"content-type", type}, {"accept-language", language}, {"connect-protocol-version", "1"}};
    if (!who.empty()) headers.emplace("authorization", "Bearer " + server_.TokenOf(who));
    return headers;
  }
  HttpAnswer Post(const std::string& who, const Message& request, const std::string& type,
                  Headers more = {}) {
    Headers headers = HeadersOf(who, type);
    headers.merge(more);
    const std::string body = type == kJson ? ToJson(request) : request.SerializeAsString();
    return Client().Do("POST", PathOf(MethodOf(*request.GetDescriptor())), headers, body);
  }
  HttpAnswer PostText(const std::string& who, const std::string& path, const std::string& body,
                      Headers more = {}) {
    Headers headers = HeadersOf(who, kJson);
    headers.merge(more);
    return Client().Do("POST", path, headers, body);
  }
  static std::string Reason(const HttpAnswer& answer) {
    const Json json = Json::parse(answer.body, nullptr, false);
    return json.is_discarded() ? answer.body
                               : json["details"][0]["debug"].value("reason", answer.body);
  }

  TestServer server_;
};

const char kCheck[] = "/rebound.v1.SurveyService/GetProgram";

TEST_F(GatewayApiTest, TheSameCallGivesTheSameAnswerInEveryForm) {
  const auto request =
      FromText<api::SubmitResponseRequest>(R"(request_id: "r1" response { program_id: "touchpoint"
        score: 2 customer_key { source_system: "crm" external_id: "li" } reason: "等了一个小时" })");
  // A mutation over HTTP is one that gRPC knows: its repetition is a replay.
  const HttpAnswer stored = Post("integration", request, kJson);
  ASSERT_EQ(stored.status, 200) << stored.body;
  EXPECT_EQ(stored.Header("content-type"), kJson);
  EXPECT_EQ(stored.Header("cache-control"), "no-store");
  EXPECT_EQ(stored.Header("x-content-type-options"), "nosniff");
  EXPECT_EQ(stored.Header("content-security-policy"), "default-src 'self'; frame-ancestors 'none'");
  EXPECT_EQ(stored.headers.count("strict-transport-security"), 0u);
  EXPECT_EQ(Json::parse(stored.body)["response"]["score"], "2");
  EXPECT_EQ(Json::parse(stored.body)["response"]["category"], "CATEGORY_DETRACTOR");
  api::SubmitResponseResponse replayed;
  ASSERT_TRUE(server_.Call("integration", request, &replayed).ok());
  EXPECT_TRUE(replayed.replayed());

  const auto get = FromText<api::GetCaseRequest>(R"(case_id: "C-1")");
  api::GetCaseResponse expected;
  ASSERT_TRUE(server_.Call("agent", get, &expected).ok());
  api::GetCaseResponse by_proto;
  const HttpAnswer proto = Post("agent", get, kProto);
  EXPECT_EQ(proto.Header("content-type"), kProto);
  ASSERT_TRUE(by_proto.ParseFromString(proto.body));
  EXPECT_EQ(by_proto.SerializeAsString(), expected.SerializeAsString());
  EXPECT_EQ(Json::parse(Post("agent", get, kJson).body), Json::parse(ToJson(expected)));

  // By GET, with the message as text and as base64.
  const std::string path = "/rebound.v1.CaseService/GetCase?";
  const Headers headers = HeadersOf("agent", kJson);
  for (const std::string& query :
       {"connect=v1&encoding=json&message=" + QueryEscaped(ToJson(get)),
        "message=" + Base64(ToJson(get)) + "&base64=1&encoding=json&connect=v1&unknown=x"}) {
    const HttpAnswer answer = Client().Do("GET", path + query, headers);
    EXPECT_EQ(Json::parse(answer.body), Json::parse(ToJson(expected))) << query;
  }
  const HttpAnswer answer = Client().Do(
      "GET", path + "encoding=proto&base64=1&message=" + Base64(get.SerializeAsString()), headers);
  EXPECT_EQ(answer.body, expected.SerializeAsString());
}

TEST_F(GatewayApiTest, ARefusalHasTheSameDetails) {
  const auto request =
      FromText<api::SubmitResponseRequest>(R"(request_id: "r1" response { program_id: "touchpoint"
        score: 11 customer_key { source_system: "crm" external_id: "li" } })");
  api::SubmitResponseResponse none;
  const grpc::Status expected = server_.Call("integration", request, &none);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(expected.error_details()));
  for (const char* type : {kJson, kProto}) {
    const HttpAnswer answer = Post("integration", request, type);
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.Header("content-type"), kJson);
    EXPECT_NE(answer.Header("trailer-rebound-call-id"), "");
    const Json json = Json::parse(answer.body);
    EXPECT_EQ(json["code"], "invalid_argument");
    EXPECT_EQ(json["message"], expected.error_message());
    ASSERT_EQ(json["details"].size(), static_cast<size_t>(details.details_size()));
    for (int i = 0; i < details.details_size(); ++i) {
      const google::protobuf::Any& any = details.details(i);
      EXPECT_EQ("type.googleapis.com/" + json["details"][i]["type"].get<std::string>(),
                any.type_url());
      if (any.type_url().ends_with("ErrorInfo")) continue;  // a map: in any order
      EXPECT_EQ(FromBase64(json["details"][i]["value"].get<std::string>()), any.value());
    }
  }
  EXPECT_EQ(Post("", request, kJson).status, 401);
  EXPECT_EQ(Post("viewer", request, kJson).status, 403);
  EXPECT_EQ(Post("agent", FromText<api::GetCaseRequest>(R"(case_id: "C-9")"), kJson).status, 404);
  // In the caller's language.
  const Headers chinese = HeadersOf("integration", kJson, "zh-CN");
  EXPECT_THAT(Client()
                  .Do("POST", PathOf(MethodOf(*request.GetDescriptor())), chinese, ToJson(request))
                  .body,
              HasSubstr("应为"));
}

TEST_F(GatewayApiTest, MessagesMayBeCompressed) {
  const auto list = FromText<api::ListProgramsRequest>("page_size: 100");
  api::ListProgramsResponse expected;
  ASSERT_TRUE(server_.Call("viewer", list, &expected).ok());
  Headers headers = HeadersOf("viewer", kJson);
  headers.emplace("content-encoding", "gzip");
  headers.emplace("accept-encoding", "br, gzip");
  const HttpAnswer answer =
      Client().Do("POST", "/rebound.v1.SurveyService/ListPrograms", headers, Gzip(ToJson(list)));
  ASSERT_EQ(answer.status, 200);
  std::string body = answer.body;
  if (answer.Header("content-encoding") == "gzip") body = Gunzip(body, 1 << 20).bytes;
  EXPECT_EQ(Json::parse(body), Json::parse(ToJson(expected)));
  EXPECT_EQ(answer.Header("content-encoding"), ToJson(expected).size() > 1024 ? "gzip" : "");
}

struct OddCase {
  const char* name;
  std::string method, target, body;
  Headers headers;  // beside those of a good call; an empty value takes one away
  int status;
  std::string reason;
};

TEST_F(GatewayApiTest, OddInputIsRefusedWithItsReason) {
  const std::string good = R"({"programId": "touchpoint"})";
  const std::string bomb = Gzip(std::string(64 << 20, ' '));
  std::string many_values;
  for (int i = 0; i < 101; ++i) many_values += "AQ,";
  const OddCase cases[] = {
      {"good", "POST", kCheck, good, {}, 200, ""},
      {"own names", "POST", kCheck, R"({"program_id": "touchpoint"})", {}, 200, ""},
      {"a charset",
       "POST",
       kCheck,
       good,
       {{"content-type", "Application/JSON; charset=UTF-8"}},
       200,
       ""},
      {"wrong verb", "DELETE", kCheck, good, {}, 405, "VERB_NOT_ALLOWED"},
      {"OPTIONS without CORS", "OPTIONS", kCheck, "", {}, 405, "VERB_NOT_ALLOWED"},
      {"GET of a mutation",
       "GET",
       "/rebound.v1.CaseService/CloseCase?connect=v1&encoding=json&message=%7B%7D",
       "",
       {},
       405,
       "VERB_NOT_ALLOWED"},
      {"no such method",
       "POST",
       "/rebound.v1.SurveyService/Nothing",
       good,
       {},
       404,
       "METHOD_NOT_FOUND"},
      {"no such service",
       "POST",
       "/rebound.v1.NoService/GetProgram",
       good,
       {},
       404,
       "METHOD_NOT_FOUND"},
      {"a service that is not for callers",
       "POST",
       "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
       good,
       {},
       404,
       "METHOD_NOT_FOUND"},
      {"another type",
       "POST",
       kCheck,
       good,
       {{"content-type", "text/plain"}},
       415,
       "CONTENT_TYPE_UNSUPPORTED"},
      {"no type", "POST", kCheck, good, {{"content-type", ""}}, 415, "CONTENT_TYPE_UNSUPPORTED"},
      {"another charset",
       "POST",
       kCheck,
       good,
       {{"content-type", "application/json; charset=gbk"}},
       415,
       "CONTENT_TYPE_UNSUPPORTED"},
      {"a stream's type",
       "POST",
       kCheck,
       good,
       {{"content-type", "application/connect+json"}},
       415,
       "CONTENT_TYPE_UNSUPPORTED"},
      {"gRPC's own type",
       "POST",
       kCheck,
       good,
       {{"content-type", "application/grpc"}},
       415,
       "CONTENT_TYPE_UNSUPPORTED"},
      {"another compression",
       "POST",
       kCheck,
       good,
       {{"content-encoding", "br"}},
       501,
       "ENCODING_UNSUPPORTED"},
      {"no gzip", "POST", kCheck, good, {{"content-encoding", "gzip"}}, 400, "COMPRESSION_INVALID"},
      {"a bomb", "POST", kCheck, bomb, {{"content-encoding", "gzip"}}, 429, "MESSAGE_TOO_LARGE"},
      {"too large", "POST", kCheck, std::string((4 << 20) + 1, ' '), {}, 429, "MESSAGE_TOO_LARGE"},
      {"another version",
       "POST",
       kCheck,
       good,
       {{"connect-protocol-version", "2"}},
       400,
       "PROTOCOL_VERSION_UNSUPPORTED"},
      {"no version", "POST", kCheck, good, {{"connect-protocol-version", ""}}, 200, ""},
      {"a time-out", "POST", kCheck, good, {{"connect-timeout-ms", "9999999999"}}, 200, ""},
      {"a time-out of 11 digits",
       "POST",
       kCheck,
       good,
       {{"connect-timeout-ms", "10000000000"}},
       400,
       "TIMEOUT_INVALID"},
      {"a time-out of words",
       "POST",
       kCheck,
       good,
       {{"connect-timeout-ms", "soon"}},
       400,
       "TIMEOUT_INVALID"},
      {"bytes that are no base64", "POST", kCheck, good, {{"x-bin", "!"}}, 400, "METADATA_INVALID"},
      {"commas", "POST", kCheck, good, {{"x-bin", std::string(10'000, ',')}}, 200, ""},
      {"more bytes than fields",
       "POST",
       kCheck,
       good,
       {{"x-bin", many_values}},
       400,
       "METADATA_INVALID"},
      {"no body", "POST", kCheck, "", {}, 400, "JSON_INVALID"},
      {"a name twice",
       "POST",
       kCheck,
       R"({"programId":"a","programId":"b"})",
       {},
       400,
       "JSON_INVALID"},
      {"an unknown field", "POST", kCheck, R"({"programid":"a"})", {}, 400, "FIELD_UNKNOWN"},
      {"a stream of requests",
       "POST",
       "/rebound.v1.ResponseService/ImportResponses",
       good,
       {},
       505,
       "REQUEST_STREAM_UNSUPPORTED"},
      {"a GET without encoding",
       "GET",
       std::string(kCheck) + "?connect=v1&message=%7B%7D",
       "",
       {},
       400,
       "QUERY_INVALID"},
      {"a GET with another encoding",
       "GET",
       std::string(kCheck) + "?encoding=xml&message=a",
       "",
       {},
       415,
       "CONTENT_TYPE_UNSUPPORTED"},
      {"a GET without message",
       "GET",
       std::string(kCheck) + "?connect=v1&encoding=json",
       "",
       {},
       400,
       "QUERY_INVALID"},
      {"a GET of another version",
       "GET",
       std::string(kCheck) + "?connect=v2&encoding=json&message=%7B%7D",
       "",
       {},
       400,
       "PROTOCOL_VERSION_UNSUPPORTED"},
      {"a GET that is not decodable",
       "GET",
       std::string(kCheck) + "?encoding=json&message=%7",
       "",
       {},
       400,
       "QUERY_INVALID"},
      {"a GET with bad base64",
       "GET",
       std::string(kCheck) + "?encoding=json&base64=1&message=!",
       "",
       {},
       400,
       "QUERY_INVALID"},
  };
  for (const OddCase& c : cases) {
    Headers headers = HeadersOf("viewer", kJson);
    for (const auto& [name, value] : c.headers) {
      headers.erase(name);
      if (!value.empty()) headers.emplace(name, value);
    }
    const HttpAnswer answer = Client().Do(c.method, c.target, headers, c.body);
    EXPECT_EQ(answer.status, c.status) << c.name << ": " << answer.body;
    if (!c.reason.empty()) {
      EXPECT_EQ(Reason(answer), c.reason) << c.name;
    }
    if (answer.status == 405) {
      EXPECT_NE(answer.Header("allow"), "") << c.name;
    }
    if (answer.status == 415 && c.method == "POST") {
      EXPECT_NE(answer.Header("accept-post"), "") << c.name;
    }
  }
  const HttpAnswer huge =
      Client().Do("POST", kCheck, HeadersOf("viewer", kJson), std::string(5 << 20, ' '));
  EXPECT_EQ(huge.status, 413);
  EXPECT_EQ(Json::parse(huge.body)["code"], "resource_exhausted");
}

// A stranger's message is not worth a look, whatever is in it.
TEST_F(GatewayApiTest, WhoCallsIsLookedAtBeforeTheMessage) {
  const std::string submit = "/rebound.v1.ResponseService/SubmitResponse";
  const std::string stream = "/rebound.v1.ExportService/ExportRecords";
  const std::string broken = R"({"requestId": )" + std::string(1 << 20, ' ');
  const std::string bomb = Gzip(std::string(64 << 20, ' '));
  for (const auto& [name, body, encoding] :
       {std::tuple{"JSON", broken, ""}, {"a bomb", bomb, "gzip"}, {"no gzip", broken, "gzip"}}) {
    const HttpAnswer answer = PostText("", submit, body, {{"content-encoding", encoding}});
    EXPECT_EQ(answer.status, 401) << name << answer.body;
    EXPECT_NE(answer.Header("trailer-rebound-call-id"), "") << name;
    const HttpAnswer forbidden = PostText("viewer", submit, body, {{"content-encoding", encoding}});
    EXPECT_EQ(forbidden.status, 403) << name << forbidden.body;
  }
  EXPECT_EQ(Client().Do("GET", std::string(kCheck) + "?encoding=json&message=%7B").status, 401);
  Headers framed = HeadersOf("", "application/connect+json");
  const HttpAnswer streamed = Client().Do("POST", stream, framed, ToFrame(0, "no JSON"));
  EXPECT_THAT(streamed.body, HasSubstr("\"unauthenticated\""));
  // Refused by the services, so it is audited like any other attempt.
  server_.Do<api::UpsertCustomerResponse>(  // behind what was noted before
      "admin", R"(external_key { source_system: "crm" external_id: "li" }
                  customer { segment: "gold" } update_mask { paths: "segment" })");
  const auto audited = server_.Do<api::ListAuditEntriesResponse>(
      "admin", "method: \"rebound.v1.ResponseService/SubmitResponse\"");
  ASSERT_EQ(audited.entries_size(), 2);
  EXPECT_THAT((std::set<std::string>{audited.entries(0).reason(), audited.entries(1).reason()}),
              ElementsAre("ROLE_NOT_ALLOWED", "UNAUTHENTICATED"));
  EXPECT_EQ(PostText("integration", submit, broken).status, 400);
  // No field of a request passes for the gateway's word.
  EXPECT_EQ(PostText("", submit, broken, {{"rebound-admitted", "reads"}}).status, 401);
}

TEST_F(GatewayApiTest, AStrangersMessageIsShort) {
  const std::string sign_in = "/rebound.v1.AccessService/SignIn";
  const std::string padding((64 << 10) - 40, ' ');
  const std::string body = R"({"userName": "li", "password": "wrong"})";
  EXPECT_EQ(Reason(PostText("", sign_in, padding + body)), "SIGN_IN_REFUSED");
  EXPECT_EQ(Reason(PostText("", sign_in, padding + padding + body)), "MESSAGE_TOO_LARGE");
}

// Or a stranger's connections would fill the memory, each with a message that never ends.
TEST_F(GatewayApiTest, AStrangersLongMessageIsNotWaitedFor) {
  const auto announce = [&](const std::string& path, const std::string& more) {
    RawClient client = Client();
    client.Send("POST " + path + " HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\n" +
                more + "\r\n");
    return client.Read();
  };
  const std::string sign_in = "/rebound.v1.AccessService/SignIn";
  const std::string length = "content-length: 1000000\r\n";
  EXPECT_EQ(announce(kCheck, length).status, 401);
  EXPECT_EQ(announce(kCheck, length + "authorization: Bearer nobodys\r\n").status, 401);
  const HttpAnswer long_sign_in = announce(sign_in, length);
  EXPECT_EQ(long_sign_in.status, 413);
  EXPECT_EQ(Reason(long_sign_in), "MESSAGE_TOO_LARGE");
  // No chunk of it is waited for, either.
  EXPECT_EQ(announce(kCheck, "transfer-encoding: chunked\r\n\r\nfffff\r\n").status, 401);
  EXPECT_NE(PostText("viewer", kCheck, R"({"programId": "touchpoint"})" + std::string(1 << 20, ' '))
                .status,
            413);
}

// Decoded on another thread.
TEST_F(GatewayApiTest, ALongMessageIsAnsweredLikeAShortOne) {
  const std::string body = R"({"programId": "touchpoint"})";
  const HttpAnswer expected = PostText("viewer", kCheck, body);
  for (const size_t size : {size_t{1} << 14, size_t{1} << 20, (size_t{4} << 20) - body.size()}) {
    const HttpAnswer answer = PostText("viewer", kCheck, std::string(size, ' ') + body);
    EXPECT_EQ(answer.status, 200) << size;
    EXPECT_EQ(answer.body, expected.body) << size;
  }
}

// Messages wait for a thread, which is the test's own. Behind the gateway is nobody.
class GatewayQueueTest : public testing::Test {
 protected:
  GatewayQueueTest()
      : gateway_(channel_, Options()), server_({}, [this](std::shared_ptr<HttpExchange> exchange) {
          gateway_.Handle(std::move(exchange));
        }) {}

  static std::string Call(const std::string& more) {
    return std::string("POST ") + kCheck + " HTTP/1.1\r\nhost: t\r\n" + more +
           "content-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
  }
  // Of the call that came last.
  void Decode() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(
        changed_.wait_for(lock, std::chrono::seconds(30), [&] { return task_ != nullptr; }));
    std::exchange(task_, nullptr)();
  }
  // Or anything was: a channel that nobody has called over does not connect.
  bool WasCalled() { return channel_->GetState(false) != GRPC_CHANNEL_IDLE; }

  std::shared_ptr<grpc::Channel> channel_ =
      grpc::CreateChannel("unix:/nowhere/socket", grpc::InsecureChannelCredentials());
  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> task_;
  Gateway gateway_;
  HttpServer server_;

 private:
  Gateway::Options Options() {
    Gateway::Options options;
    options.services = {"rebound.v1.SurveyService"};
    options.run_above = 0;
    options.run = [this](std::function<void()> task) {
      std::lock_guard lock(mutex_);
      task_ = std::move(task);
      changed_.notify_all();
      return true;
    };
    return options;
  }
};

TEST_F(GatewayQueueTest, TheWaitCountsAgainstTheDeadline) {
  RawClient client(server_.port());
  client.Send(Call("connect-timeout-ms: 0\r\n"));
  Decode();
  const HttpAnswer late = client.Read();
  EXPECT_EQ(late.status, 504);
  EXPECT_THAT(late.body, HasSubstr("\"DEADLINE_EXCEEDED\""));
  EXPECT_FALSE(WasCalled());
  client.Send(Call("connect-timeout-ms: 60000\r\n"));
  Decode();
  EXPECT_EQ(client.Read().status, 503);
  EXPECT_TRUE(WasCalled());
}

TEST_F(GatewayQueueTest, NothingIsDoneForAClientThatHasGone) {
  {
    RawClient client(server_.port());
    client.Send(Call(""));
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(
        changed_.wait_for(lock, std::chrono::seconds(30), [&] { return task_ != nullptr; }));
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (server_.connections() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(server_.connections(), 0u);
  Decode();
  EXPECT_FALSE(WasCalled());
}

TEST(GatewayLimitTest, AnAddressHasItsShareOfConnections) {
  HttpOptions http{.listen = "127.0.0.1:0"};
  http.limits.connections_per_address = 2;
  TestServer server(TestServerOptions{.http = std::move(http)});
  RawClient a(server.http_port()), b(server.http_port());
  EXPECT_EQ(a.Do("GET", "/healthz").status, 200);
  EXPECT_EQ(b.Do("GET", "/healthz").status, 200);
  EXPECT_EQ(RawClient(server.http_port()).ReadToEnd(), "");
  const auto status = server.Do<api::GetStatusResponse>("admin", "");
  EXPECT_EQ(status.rate_limits().connection_refused_count(), 1);
  EXPECT_THAT(a.Do("GET", "/metrics").body,
              HasSubstr("\nrebound_http_connections_refused_total 1\n"));
}

TEST(GatewayLimitTest, MetricsCountForTheAddress) {
  TestServer server(
      TestServerOptions{.http = HttpOptions{.listen = "127.0.0.1:0"}, .rate_address = {1, 2}});
  RawClient client(server.http_port());
  EXPECT_EQ(client.Do("GET", "/metrics").status, 200);
  EXPECT_EQ(client.Do("GET", "/metrics").status, 200);
  EXPECT_EQ(client.Do("GET", "/metrics").status, 429);
  server.clock().Advance(std::chrono::seconds(1));
  EXPECT_EQ(client.Do("GET", "/metrics").status, 200);
}

// Each count looks at all deliveries there are.
TEST(GatewayLimitTest, DeliveriesAreCountedAtMostEachTenSeconds) {
  TestServer server(TestServerOptions{.http = HttpOptions{.listen = "127.0.0.1:0"}});
  const auto scrape = [&] { return RawClient(server.http_port()).Do("GET", "/metrics").body; };
  const auto dead = [](int count) {
    return HasSubstr("\nrebound_deliveries{state=\"dead\"} " + std::to_string(count) + "\n");
  };
  EXPECT_THAT(scrape(), dead(0));
  const RawId id = *ParseId<RawId>(std::string(26, 'b'));
  server.store().WriteDeliveries([&](DeliveryRecords& records) {
    records.Put(Endpoint{.id = id,
                         .owner = "admin",
                         .role = "admin",
                         .url = "https://hooks.example.com/",
                         .state = EndpointState::kDisabled,
                         .cause = EndpointDisabledCause::kByHand,
                         .created_at = server.clock().Now()});
    records.Put(Delivery{.id = id,
                         .endpoint = id,
                         .sequence = 1,
                         .event_type = "CaseOpened",
                         .order_key = "-",
                         .state = DeliveryState::kDead,
                         .ended_at = server.clock().Now()});
    return true;
  });
  EXPECT_THAT(scrape(), dead(0));
  EXPECT_EQ(server.Do<api::GetStatusResponse>("admin", "").deliveries().dead_count(), 1);
  server.clock().Advance(std::chrono::seconds(10));
  EXPECT_THAT(scrape(), dead(1));
  server.store().WriteDeliveries([&](DeliveryRecords& records) {
    records.RemoveEndpoint(id);  // the delivery's event never was
    return true;
  });
}

TEST(GatewayLimitTest, ACallCostsTheSameThroughTheGateway) {
  TestServer server(TestServerOptions{.loopback = true,
                                      .http = HttpOptions{.listen = "127.0.0.1:0"},
                                      .rate_identity = {1, 3},
                                      .rate_address = {1, 25}});
  const auto ask = [&](const std::string& token, const std::string& body) {
    return RawClient(server.http_port())
        .Do("POST", kCheck, {{"content-type", kJson}, {"authorization", "Bearer " + token}}, body);
  };
  const std::string good = R"({"programId": "touchpoint"})";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(server.TokenOf("viewer"), good).status, 200) << i;
  const HttpAnswer limited = ask(server.TokenOf("viewer"), "no JSON");
  EXPECT_EQ(limited.status, 429);
  EXPECT_THAT(limited.body, HasSubstr("RATE_LIMITED"));
  EXPECT_EQ(limited.Header("trailer-grpc-retry-pushback-ms"), "");  // gRPC's alone
  // 25 - 4: eleven each, and then the address has none.
  EXPECT_EQ(ask("rbt_x", "no JSON").status, 401);
  EXPECT_EQ(ask(server.TokenOf("agent"), good).status, 200);
  EXPECT_EQ(ask(server.TokenOf("agent"), good).status, 200);
  EXPECT_EQ(ask(server.TokenOf("agent"), "no JSON").status, 400);
  EXPECT_EQ(ask("rbt_x", "no JSON").status, 401);
  EXPECT_EQ(ask(server.TokenOf("manager"), good).status, 429);
  server.clock().Advance(std::chrono::seconds(60));
  const auto status = server.Do<api::GetStatusResponse>("admin", "");
  EXPECT_EQ(status.rate_limits().identity_refused_count(), 1);
  EXPECT_EQ(status.rate_limits().address_refused_count(), 1);
}

TEST_F(GatewayApiTest, AFaultOfTheJsonIsShownWithItsPlace) {
  const HttpAnswer answer =
      PostText("integration", "/rebound.v1.ResponseService/SubmitResponse",
               R"({"requestId": "r", "response": {"programId": "touchpoint", "scroe": 3}})");
  const Json json = Json::parse(answer.body);
  EXPECT_THAT(json["message"].get<std::string>(), HasSubstr("did you mean score?"));
  EXPECT_EQ(json["details"][0]["debug"]["metadata"]["field"], "response.scroe");
  EXPECT_EQ(json["details"][1]["debug"]["fieldViolations"][0]["field"], "response.scroe");
  EXPECT_EQ(server_.LastSequence(), 0);
}

TEST_F(GatewayApiTest, ADeadlineThatHasPassedIsSaid) {
  const HttpAnswer answer =
      PostText("viewer", kCheck, R"({"programId": "touchpoint"})", {{"connect-timeout-ms", "0"}});
  EXPECT_EQ(answer.status, 504);
  EXPECT_EQ(Json::parse(answer.body)["code"], "deadline_exceeded");
}

TEST_F(GatewayApiTest, ManyMessagesComeInFrames) {
  const auto submitted = server_.Do<api::SubmitResponseResponse>(
      "integration", R"(response { program_id: "touchpoint" score: 2
        customer_key { source_system: "crm" external_id: "li" } })");
  const std::string path = "/rebound.v1.CustomerService/ExportCustomer";
  const auto request = FromText<api::ExportCustomerRequest>(
      "customer_id: \"" + submitted.response().customer_id() + "\" reason: \"access_request\"");
  for (const bool json : {true, false}) {
    Headers headers =
        HeadersOf("manager", json ? "application/connect+json" : "application/connect+proto");
    headers.emplace("connect-accept-encoding", "gzip");
    const std::string message = json ? ToJson(request) : request.SerializeAsString();
    const HttpAnswer answer = Client().Do("POST", path, headers, ToFrame(0, message));
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.Header("connect-content-encoding"), "gzip");
    const auto frames = ParseFrames(answer.body);
    ASSERT_TRUE(frames.has_value());
    ASSERT_GE(frames->size(), 4u);
    EXPECT_EQ(frames->back().flags, kFrameEnd);
    EXPECT_EQ(Json::parse(frames->back().bytes).value("error", Json()), Json());
    bool summary = false;
    for (size_t i = 0; i + 1 < frames->size(); ++i) {
      std::string bytes((*frames)[i].bytes);
      if ((*frames)[i].flags == kFrameCompressed) bytes = Gunzip(bytes, 1 << 20).bytes;
      api::ExportCustomerResponse item;
      if (json) {
        EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(bytes, &item).ok()) << bytes;
      } else {
        EXPECT_TRUE(item.ParseFromString(bytes));
      }
      summary = item.has_summary();
    }
    EXPECT_TRUE(summary);

    // A refusal is the last frame, under 200.
    headers.erase("authorization");
    const HttpAnswer refused = Client().Do("POST", path, headers, ToFrame(0, message));
    EXPECT_EQ(refused.status, 200);
    const auto end = ParseFrames(refused.body);
    ASSERT_TRUE(end.has_value());
    ASSERT_EQ(end->size(), 1u);
    EXPECT_EQ(Json::parse(end->front().bytes)["error"]["code"], "unauthenticated");
  }
}

TEST_F(GatewayApiTest, OddFramesAreRefusedInTheLastFrame) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "ONE_MESSAGE_EXPECTED"},
      {ToFrame(0, "{}") + ToFrame(0, "{}"), "ONE_MESSAGE_EXPECTED"},
      {ToFrame(0, "{}").substr(0, 6), "FRAME_INVALID"},
      {ToFrame(4, "{}"), "FRAME_INVALID"},
      {ToFrame(kFrameCompressed, Gzip("{}")), "COMPRESSION_UNDECLARED"},
      {ToFrame(0, "{"), "JSON_INVALID"},
      {ToFrame(0, std::string((4 << 20) + 1, ' ')), "MESSAGE_TOO_LARGE"},
  };
  for (const auto& [body, reason] : cases) {
    const HttpAnswer answer = Client().Do("POST", "/rebound.v1.CustomerService/ExportCustomer",
                                          HeadersOf("manager", "application/connect+json"), body);
    EXPECT_EQ(answer.status, 200);
    const auto frames = ParseFrames(answer.body);
    ASSERT_TRUE(frames.has_value() && frames->size() == 1) << reason;
    const Json error = Json::parse(frames->front().bytes)["error"];
    EXPECT_EQ(error["details"][0]["debug"]["reason"], reason);
  }
}

// A watch ends when its client goes: at the end of the test no watcher is left, which HealthService
// checks.
TEST_F(GatewayApiTest, AWatchLastsAsLongAsItsClient) {
  const std::string request =
      "POST /grpc.health.v1.Health/Watch HTTP/1.1\r\nhost: t\r\n"
      "content-type: application/connect+json\r\ncontent-length: 7\r\n\r\n" +
      ToFrame(0, "{}");
  RawClient stays = Client();
  {
    RawClient goes = Client();
    goes.Send(request);
    EXPECT_THAT(goes.ReadSome(), HasSubstr("200 OK"));
  }
  stays.Send(request);
  EXPECT_THAT(stays.ReadSome(), HasSubstr("200 OK"));
  server_.Stop();
  // The stream's own end says that the server is stopping.
  EXPECT_THAT(stays.ReadToEnd(), HasSubstr("unavailable"));
}

// Wherever a client leaves, its call ends: stopping would wait for one that does not.
TEST_F(GatewayApiTest, ClientsMayLeaveAtAnyPoint) {
  const auto submitted = server_.Do<api::SubmitResponseResponse>(
      "integration", R"(response { program_id: "touchpoint" score: 2
        customer_key { source_system: "crm" external_id: "li" } })");
  const std::string exported =
      ToFrame(0, "{\"customerId\": \"" + submitted.response().customer_id() +
                     "\", \"reason\": \"access_request\"}");
  const std::string watched = ToFrame(0, "{}");
  const std::string common = "content-type: application/connect+json\r\nauthorization: Bearer " +
                             server_.TokenOf("manager") + "\r\nhost: t\r\ncontent-length: ";
  for (int i = 0; i < 300; ++i) {
    const bool watch = i % 2 == 0;
    const std::string& frame = watch ? watched : exported;
    const std::string path =
        watch ? "/grpc.health.v1.Health/Watch" : "/rebound.v1.CustomerService/ExportCustomer";
    RawClient client = Client();
    const std::string request = "POST " + path + " HTTP/1.1\r\n" + common +
                                std::to_string(frame.size()) + "\r\n\r\n" + frame;
    client.Send(request.substr(0, i % 10 == 0 ? request.size() / 2 : request.size()));
    if (i % 10 >= 6) client.ReadSome();
  }
  EXPECT_EQ(Client().Do("GET", "/readyz").status, 200);
  server_.Stop();
}

TEST_F(GatewayApiTest, ADrainingServerSaysSoAndFinishesWhatRuns) {
  EXPECT_EQ(Client().Do("GET", "/healthz").body, "ok\n");
  EXPECT_EQ(Client().Do("GET", "/readyz").status, 200);
  EXPECT_EQ(Client().Do("HEAD", "/readyz").status, 200);
  EXPECT_EQ(Client().Do("POST", "/healthz").status, 405);
  EXPECT_EQ(Client().Do("PUT", "/readyz").status, 405);
  EXPECT_EQ(Client().Do("GET", "/nothing").status, 404);

  server_.store().HoldWrites();
  HttpAnswer held;
  std::thread caller([&] {
    held = PostText("integration", "/rebound.v1.ResponseService/SubmitResponse",
                    R"({"requestId": "r", "response": {"programId": "touchpoint", "score": 3,
                        "customerKey": {"sourceSystem": "crm", "externalId": "li"}}})");
  });
  server_.store().WaitForHeldWrite();
  const int port = server_.http_port();
  RawClient kept = Client();
  EXPECT_EQ(kept.Do("GET", "/healthz").status, 200);
  std::thread stopper([&] { server_.server().Stop(std::chrono::seconds(30)); });
  // New callers hear it until the running call is done.
  int ready = 200;
  for (int i = 0; i < 100'000 && ready == 200; ++i) {
    ready = RawClient(port).Do("GET", "/readyz").status;
  }
  EXPECT_EQ(ready, 503);
  EXPECT_EQ(RawClient(port).Do("GET", "/healthz").status, 200);
  EXPECT_EQ(Post("viewer", FromText<api::GetProgramRequest>(R"(program_id: "x")"), kJson).status,
            503);
  server_.store().ReleaseWrites();
  stopper.join();
  caller.join();
  EXPECT_EQ(held.status, 200) << held.body;
}

TEST_F(GatewayApiTest, AFailedStoreIsNotReady) {
  server_.store().FailWrites();
  PostText("integration", "/rebound.v1.ResponseService/SubmitResponse",
           R"({"requestId": "r", "response": {"programId": "touchpoint", "score": 3,
               "customerKey": {"sourceSystem": "crm", "externalId": "li"}}})");
  EXPECT_EQ(Client().Do("GET", "/readyz").status, 503);
  EXPECT_EQ(Client().Do("GET", "/healthz").status, 200);
}

TEST_F(GatewayApiTest, APageKeepsItsSessionInACookie) {
  const auto made = server_.Do<api::CreateUserResponse>(
      "admin", R"(user { name: "li" role: "agent" } with_link: true)");
  server_.Do<api::RedeemLinkResponse>(
      "", "token: \"" + made.link_token() + "\" password: \"a long password\"");
  const std::string sign_in = "/rebound.v1.AccessService/SignIn";
  const std::string who_am_i = "/rebound.v1.AccessService/WhoAmI";
  const std::string body = R"({"userName": "li", "password": "a long password"})";

  EXPECT_THAT(PostText("", sign_in, body).body, HasSubstr("rbs_")) << "no page: no cookie";
  EXPECT_EQ(PostText("", sign_in, body).Header("set-cookie"), "");

  const HttpAnswer in = PostText("", sign_in, body, {{"x-rebound-csrf", "1"}});
  EXPECT_EQ(in.status, 200) << in.body;
  EXPECT_THAT(in.body, Not(HasSubstr("rbs_")));
  EXPECT_THAT(in.body, HasSubstr("\"identity\""));
  const std::string set = in.Header("set-cookie");
  EXPECT_THAT(set, HasSubstr("HttpOnly; SameSite=Strict"));
  const std::string cookie = set.substr(0, set.find(';'));

  const Headers page = {{"cookie", cookie}, {"x-rebound-csrf", "1"}};
  const HttpAnswer known = PostText("", who_am_i, "{}", page);
  EXPECT_EQ(known.status, 200) << known.body;
  EXPECT_THAT(known.body, HasSubstr("\"li\""));

  // By the form of a foreign page, and with its origin.
  const HttpAnswer forged =
      Client().Do("POST", who_am_i, {{"content-type", "text/plain"}, {"cookie", cookie}}, "{}");
  EXPECT_EQ(forged.status, 403);
  EXPECT_EQ(Reason(forged), "CROSS_SITE_CALL");
  Headers foreign = page;
  foreign.emplace("origin", "https://evil.example");
  EXPECT_EQ(PostText("", who_am_i, "{}", foreign).status, 403);
  foreign.find("origin")->second = "null";
  EXPECT_EQ(PostText("", who_am_i, "{}", foreign).status, 403);

  // A header counts alone.
  Headers both = page;
  EXPECT_THAT(PostText("admin", who_am_i, "{}", both).body, Not(HasSubstr("\"li\"")));

  const HttpAnswer out =
      PostText("", "/rebound.v1.AccessService/SignOut", R"({"requestId": "out"})", page);
  EXPECT_EQ(out.status, 200) << out.body;
  EXPECT_THAT(out.Header("set-cookie"), HasSubstr("Max-Age=0"));
  EXPECT_EQ(PostText("", who_am_i, "{}", page).status, 401);
}

// Here from 127.0.0.1 and over a Unix socket.
TEST_F(GatewayApiTest, WrongPasswordsFromElsewhereKeepNobodyOut) {
  const auto made = server_.Do<api::CreateUserResponse>(
      "admin", R"(user { name: "li" role: "agent" } with_link: true)");
  server_.Do<api::RedeemLinkResponse>(
      "", "token: \"" + made.link_token() + "\" password: \"a long password\"");
  const std::string sign_in = "/rebound.v1.AccessService/SignIn";
  std::string reason;
  for (int i = 0; i < 10 && reason != "SIGN_IN_THROTTLED"; ++i) {
    reason = Reason(PostText("", sign_in, R"({"userName": "li", "password": "wrong"})"));
  }
  EXPECT_EQ(reason, "SIGN_IN_THROTTLED");
  EXPECT_EQ(Reason(PostText("", sign_in, R"({"userName": "li", "password": "a long password"})")),
            "SIGN_IN_THROTTLED");
  server_.Do<api::SignInResponse>("", R"(user_name: "li" password: "a long password")");
}

TEST_F(GatewayApiTest, NoCredentialMayStandInAnAddress) {
  const HttpAnswer call =
      PostText("admin", "/rebound.v1.AccessService/WhoAmI?access_token=rbk_x", "{}");
  EXPECT_EQ(call.status, 400);
  EXPECT_EQ(Reason(call), "CREDENTIAL_IN_URL");
  EXPECT_EQ(Client().Do("GET", "/metrics?token=rbk_x").status, 400);
}

// These calls never reach the services, which audit all others.
TEST_F(GatewayApiTest, WhatTheGatewayRefusesIsAudited) {
  const std::string who_am_i = "rebound.v1.AccessService/WhoAmI";
  const std::string get_status = "rebound.v1.OperationsService/GetStatus";
  PostText("admin", "/" + who_am_i + "?access_token=rbk_secret", "{}");
  Client().Do("GET", "/metrics?token=rbk_secret");
  Client().Do("POST", "/" + who_am_i,
              {{"content-type", "text/plain"}, {"cookie", "__Host-rebound=rbs_secret"}}, "{}");
  Client().Do("GET", "/metrics", {{"authorization", "Bearer rbt_secret"}});
  Client().Do("GET", "/metrics");  // by this machine's Prometheus: no attempt
  // Behind what was noted before.
  server_.Do<api::OpenCaseResponse>("admin", R"(case { program_id: "touchpoint" })");
  std::multiset<std::tuple<std::string, std::string, std::string>> audited;
  const auto listed = server_.Do<api::ListAuditEntriesResponse>("admin", "");
  for (const auto& entry : listed.entries()) {
    if (entry.kind() != api::AUDIT_KIND_REFUSED) continue;
    audited.emplace(entry.method(), entry.outcome(), entry.reason());
    EXPECT_EQ(entry.principal(), "") << "who they are was not asked";
    EXPECT_EQ(entry.address(), "127.0.0.1");
    EXPECT_THAT(entry.ShortDebugString(), Not(HasSubstr("secret")));
  }
  EXPECT_THAT(audited, ElementsAre(std::tuple{"page", "INVALID_ARGUMENT", "CREDENTIAL_IN_URL"},
                                   std::tuple{who_am_i, "INVALID_ARGUMENT", "CREDENTIAL_IN_URL"},
                                   std::tuple{who_am_i, "PERMISSION_DENIED", "CROSS_SITE_CALL"},
                                   std::tuple{get_status, "UNAUTHENTICATED", "UNAUTHENTICATED"}));
}

TEST_F(GatewayApiTest, MetricsAreThoseOfGetStatus) {
  PostText("viewer", kCheck, R"({"programId": "touchpoint"})");
  const HttpAnswer answer = Client().Do("GET", "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.Header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(answer.body,
              HasSubstr("rebound_calls_total{method=\"rebound.v1.SurveyService/GetProgram\","));
  const auto status = server_.Do<api::GetStatusResponse>("viewer", "with_metrics: true");
  EXPECT_THAT(status.metrics_text(), HasSubstr("# TYPE rebound_calls_total counter\n"));
  EXPECT_EQ(server_.Do<api::GetStatusResponse>("viewer", "").metrics_text(), "");
  // Who comes through a proxy, or shows a token, is looked at.
  EXPECT_EQ(Client().Do("GET", "/metrics", {{"x-forwarded-for", "203.0.113.7"}}).status, 401);
  EXPECT_EQ(Client().Do("GET", "/metrics", {{"authorization", "Bearer rbt_x"}}).status, 401);
  EXPECT_EQ(Client()
                .Do("GET", "/metrics", {{"authorization", "Bearer " + server_.TokenOf("viewer")}})
                .status,
            200);
}

TEST(MetricsTextTest, TheTextIsKept) {
  api::GetStatusResponse status;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(
                  R"({"version": "0.1.0", "store": "sqlite", "revision": "8",
    "config": {"reloadTime": "2026-01-31T08:00:00Z", "goodReloadCount": "3",
               "failedReloadCount": "2"},
    "timers": {"dueCount": "1234", "oldestDueAge": "7800s", "held": true, "parkedCount": "2",
               "latenessP99": "1.250s"},
    "deliveries": {"pendingCount": "1234", "deliveredCount": "5", "deadCount": "2",
                   "oldestDueAge": "7800s"},
    "tables": [{"table": "cases", "rowCount": "12"}], "eventStreamCount": "3",
    "rateLimits": {"identityRefusedCount": "5", "connectionRefusedCount": "7"},
    "calls": [{"method": "rebound.v1.CaseService/GetCase", "code": "OK", "count": "4",
               "totalMicros": "2500"},
              {"method": "a\"b\\c", "code": "NOT_FOUND", "count": "1"}]})",
                  &status)
                  .ok());
  const std::string path = REBOUND_SOURCE_DIR "/tests/golden/metrics.txt";
  std::ifstream file(path);
  const std::string kept(std::istreambuf_iterator<char>(file), {});
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << MetricsText(status);
  EXPECT_EQ(MetricsText(status), kept);
}

class GatewayCorsTest : public GatewayApiTest {
 protected:
  GatewayCorsTest()
      : GatewayApiTest({.listen = "127.0.0.1:0", .cors_origins = {"https://console.example"}}) {}
};

TEST_F(GatewayCorsTest, OnlyListedOriginsMayCall) {
  const Headers preflight = {{"origin", "https://console.example"},
                             {"access-control-request-method", "POST"}};
  const HttpAnswer allowed = Client().Do("OPTIONS", kCheck, preflight);
  EXPECT_EQ(allowed.status, 204);
  EXPECT_EQ(allowed.Header("access-control-allow-origin"), "https://console.example");
  EXPECT_EQ(allowed.headers.count("access-control-allow-credentials"), 0u);
  const HttpAnswer call = PostText("viewer", kCheck, R"({"programId": "touchpoint"})",
                                   {{"origin", "https://console.example"}});
  EXPECT_EQ(call.Header("access-control-allow-origin"), "https://console.example");
  EXPECT_EQ(call.Header("vary"), "origin");
  for (const char* origin : {"https://evil.example", "null", "https://console.example.evil"}) {
    const HttpAnswer refused = Client().Do("OPTIONS", kCheck, {{"origin", origin}});
    EXPECT_EQ(refused.status, 405) << origin;
    EXPECT_EQ(refused.headers.count("access-control-allow-origin"), 0u) << origin;
  }
}

TEST(ServerHttpTest, PlainHttpOnOtherAddressesNeedsTheOperatorsWord) {
  TestServer server;  // for its store
  ManualClock clock(kServerStart);
  Server::Options options;
  options.listen = {"127.0.0.1:0"};
  options.run_timers = false;
  options.http = HttpOptions{.listen = "0.0.0.0:0"};
  EXPECT_THROW(Server(server.store(), clock, PlainRevision(), options, [] {}), std::runtime_error);
  options.http = HttpOptions{.listen = "no address"};
  EXPECT_THROW(Server(server.store(), clock, PlainRevision(), options, [] {}), std::runtime_error);
  options.http.reset();
  options.tls.certificate = server.folder() / "no.pem";
  EXPECT_THROW(Server(server.store(), clock, PlainRevision(), options, [] {}), std::runtime_error);
  options.tls.key = server.folder() / "no.pem";
  EXPECT_THROW(Server(server.store(), clock, PlainRevision(), options, [] {}), std::runtime_error);
}

TEST(ServerHttpTest, BothListenersServeTls) {
  TestServer other;  // for its folder and store
  const auto certificate = other.folder() / "cert.pem", key = other.folder() / "key.pem";
  WriteCertificate("localhost", certificate, key);
  ManualClock clock(kServerStart);
  Server::Options options;
  options.listen = {"127.0.0.1:0"};
  options.run_timers = false;
  options.tls = {certificate, key};
  options.certificate_look = std::chrono::seconds(1);
  options.http = HttpOptions{.listen = "127.0.0.1:0", .tls = {certificate, key}};
  Server server(other.store(), clock, PlainRevision(), options, [] {});

  RawClient client(server.http_port(), RawClient::Kind::kTls);
  const HttpAnswer answer = client.Do("GET", "/healthz");
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.Header("strict-transport-security"), "");
  WriteCertificate("second", certificate, key);
  server.ReloadCertificates();
  EXPECT_EQ(RawClient(server.http_port(), RawClient::Kind::kTls).CommonName(), "second");
  // The gRPC port gives the first name until gRPC has looked at the files, which it does by itself.
  std::string name;
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (name != "second" && std::chrono::steady_clock::now() < patience) {
    name = RawClient(server.ports().front(), RawClient::Kind::kTls).CommonName();
    ASSERT_TRUE(name == "localhost" || name == "second") << name;
  }
  EXPECT_EQ(name, "second");
  server.Stop(std::chrono::seconds(5));
}

}  // namespace
}  // namespace rebound::fixtures
