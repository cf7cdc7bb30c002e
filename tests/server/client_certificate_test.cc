// Calls by client certificates through both listeners of a whole server: alike, within the same
// rights, and only where no other credential is sent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "rebound/v1/access_service.grpc.pb.h"
#include "server/storage/access_records.h"
#include "tests/fixtures/certificates.h"
#include "tests/fixtures/raw_http.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using Json = nlohmann::json;
using Headers = std::multimap<std::string, std::string>;

constexpr char kUnauthenticated[] = "UNAUTHENTICATED";

std::string TextOf(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class ClientCertificateTest : public testing::Test {
 protected:
  ClientCertificateTest() {
    WriteCertificate("localhost", own_.certificate, own_.key);
    other_.store().WriteAccess([](AccessRecords& records) {
      records.Put(User{.name = "root", .role = "admin"});
      records.Put(User{.name = "李娜", .role = "agent", .queues = {"vip"}});
      return true;
    });
    Server::Options options;
    options.listen = {"127.0.0.1:0"};
    options.run_timers = false;
    options.tls = {own_.certificate, own_.key, authority_.certificate()};
    options.certificate_look = std::chrono::seconds(1);
    options.http = HttpOptions{.listen = "127.0.0.1:0", .tls = options.tls};
    server_ = std::make_unique<Server>(other_.store(), clock_, PlainRevision(), options, [] {});
  }
  ~ClientCertificateTest() override { server_->Stop(std::chrono::seconds(5)); }

  PemPair Sign(const std::string& file, const std::string& alternative_names) {
    return authority_.Sign(file, {.name = "root", .alternative_names = alternative_names});
  }

  // A new connection by gRPC; `pair` may be empty.
  std::shared_ptr<grpc::Channel> Channel(const PemPair& pair) {
    grpc::SslCredentialsOptions tls{TextOf(own_.certificate), {}, {}};
    if (!pair.certificate.empty()) {
      tls.pem_private_key = TextOf(pair.key);
      tls.pem_cert_chain = TextOf(pair.certificate);
    }
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("localhost");
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server_->ports().front()),
                                     grpc::SslCredentials(tls), arguments);
  }
  HttpAnswer Post(const PemPair& pair, const std::string& method, const std::string& body,
                  Headers headers = {}) {
    headers.emplace("content-type", "application/json");
    RawClient client = pair.certificate.empty()
                           ? RawClient(server_->http_port(), RawClient::Kind::kTls)
                           : RawClient(server_->http_port(), pair);
    return client.Do("POST", "/rebound.v1." + method, headers, body);
  }

  // Whom the server takes the caller for over gRPC, or the reason why not. `who`: whose token is
  // sent along; "": none.
  std::string ByGrpc(const std::shared_ptr<grpc::Channel>& channel, const std::string& who = "") {
    api::WhoAmIResponse response;
    const grpc::Status status =
        other_.Call(who, api::WhoAmIRequest(), &response,
                    {.timeout = std::chrono::seconds(30), .channel = channel});
    return status.ok() ? response.identity().name() : ToRefusal(status).reason;
  }
  // Likewise over HTTP.
  std::string ByHttp(const PemPair& pair, Headers headers = {}) {
    const HttpAnswer answer = Post(pair, "AccessService/WhoAmI", "{}", std::move(headers));
    const Json json = Json::parse(answer.body, nullptr, false);
    if (json.is_discarded()) return "no answer";
    if (answer.status == 200) return json["identity"]["name"];
    for (const Json& detail : json["details"]) {
      if (detail["type"] == "google.rpc.ErrorInfo") return detail["debug"]["reason"];
    }
    return answer.body;
  }
  void ExpectBoth(const PemPair& pair, const std::string& expected) {
    EXPECT_EQ(ByGrpc(Channel(pair)), expected);
    EXPECT_EQ(ByHttp(pair), expected);
  }

  TestServer other_;  // for its folder, store and tokens
  ManualClock clock_{kServerStart};
  const PemPair own_{other_.folder() / "cert.pem", other_.folder() / "cert.key"};
  const Authority authority_{other_.folder(), "clients"};
  std::unique_ptr<Server> server_;
};

TEST_F(ClientCertificateTest, WhoeverShowsNoOtherCredentialIsWhomItNames) {
  const PemPair root = Sign("a", "URI:rebound:user:root");
  const PemPair li = Sign("b", "URI:rebound:user:%E6%9D%8E%E5%A8%9C,DNS:desk.example");
  ExpectBoth(root, "root");
  ExpectBoth(li, "李娜");
  ExpectBoth({}, kUnauthenticated);
  const HttpAnswer answer = Post(li, "AccessService/WhoAmI", "{}");
  const Json identity = Json::parse(answer.body)["identity"];
  EXPECT_EQ(identity["credentialKind"], "CREDENTIAL_KIND_CERTIFICATE");
  EXPECT_EQ(identity["role"], "agent");
  EXPECT_EQ(identity["queueIds"], Json::array({"vip"}));
  EXPECT_TRUE(identity.contains("credentialEndTime"));
  // What is an administrator's is not an agent's, and the password is a session's.
  EXPECT_EQ(Post(li, "AccessService/ListUsers", "{}").status, 403);
  EXPECT_EQ(Post(root, "AccessService/ListUsers", "{}").status, 200);
  EXPECT_THAT(Post(root, "AccessService/SetPassword",
                   R"({"requestId":"p","oldPassword":"x","newPassword":"staple of the harbour"})")
                  .body,
              testing::HasSubstr("SESSION_REQUIRED"));
}

TEST_F(ClientCertificateTest, WhoNamesNobodyIsNobody) {
  ExpectBoth(Sign("a", ""), kUnauthenticated);  // its common name is an administrator's
  ExpectBoth(Sign("b", "DNS:root,email:root@example.com"), kUnauthenticated);
  ExpectBoth(Sign("c", "URI:rebound:user:Root"), kUnauthenticated);
  ExpectBoth(Sign("d", "URI:rebound:user:admin"), kUnauthenticated);  // the operator's, no user
  ExpectBoth(Sign("e", "URI:rebound:user:root,URI:rebound:user:%E6%9D%8E%E5%A8%9C"),
             kUnauthenticated);
}

TEST_F(ClientCertificateTest, AnotherCredentialDecidesGoodOrBad) {
  const PemPair root = Sign("a", "URI:rebound:user:root");
  other_.UseToken("stranger", "rbt_unknown");
  EXPECT_EQ(ByGrpc(Channel(root), "agent"), "agent");
  EXPECT_EQ(ByGrpc(Channel(root), "stranger"), kUnauthenticated);
  EXPECT_EQ(ByHttp(root, {{"authorization", "Bearer " + other_.TokenOf("agent")}}), "agent");
  for (const char* bad : {"Bearer rbt_unknown", "Basic eDp5", "x"}) {
    EXPECT_EQ(ByHttp(root, {{"authorization", bad}}), kUnauthenticated) << bad;
  }
  EXPECT_EQ(ByHttp(root, {{"cookie", "__Host-rebound=rbs_unknown"}, {"x-rebound-csrf", "1"}}),
            kUnauthenticated);
}

TEST_F(ClientCertificateTest, WhatIsForgedCountsForNothing) {
  const Headers forged = {{"rebound-peer-certificate", "9999999999999 rebound:user:root"},
                          {"x-forwarded-client-cert", "URI=rebound:user:root"},
                          {"x-ssl-client-verify", "SUCCESS"},
                          {"x-ssl-client-s-dn", "CN=root"},
                          {"ssl-client-cert", "rebound:user:root"},
                          {"x-user", "root"}};
  EXPECT_EQ(ByHttp({}, forged), kUnauthenticated);
  EXPECT_EQ(ByHttp(Sign("a", "URI:rebound:user:%E6%9D%8E%E5%A8%9C"), forged), "李娜");
  grpc::ClientContext context;
  for (const auto& [name, value] : forged) context.AddMetadata(name, value);
  api::WhoAmIResponse response;
  const grpc::Status status =
      api::AccessService::NewStub(Channel({}))->WhoAmI(&context, api::WhoAmIRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ClientCertificateTest, ABrowserDoesNotLendItToAnotherSite) {
  const PemPair root = Sign("a", "URI:rebound:user:root");
  EXPECT_EQ(ByHttp(root, {{"origin", "https://evil.example"}}), "CROSS_SITE_CALL");
  EXPECT_EQ(ByHttp(root, {{"origin", "https://t"}}), "root");
}

TEST_F(ClientCertificateTest, AStrangersCertificateIsNoHandshake) {
  const Authority theirs(other_.folder(), "theirs");
  const CertificateText text{.name = "root", .alternative_names = "URI:rebound:user:root"};
  CertificateText ended = text;
  ended.until = std::chrono::seconds(-60);
  for (const PemPair& pair : {theirs.Sign("x", text), authority_.Sign("y", ended)}) {
    EXPECT_EQ(ByGrpc(Channel(pair)), "");  // no connection, so no reason
    EXPECT_EQ(RawClient(server_->http_port(), pair).ReadToEnd(), "");
  }
  ExpectBoth(Sign("z", "URI:rebound:user:root"), "root");
}

TEST_F(ClientCertificateTest, ItEndsWithItsUserAndItsKey) {
  const PemPair root = Sign("root", "URI:rebound:user:root");
  const auto made = Json::parse(
      Post(
          root, "AccessService/CreateApiKey",
          R"({"requestId":"key","userName":"李娜","description":"t","endTime":"2026-03-20T00:00:00Z",
               "methods":["rebound.v1.CaseService/GetCase"]})")
          .body);
  const std::string id = made["apiKey"]["id"];
  const PemPair key = Sign("key", "URI:rebound:key:" + id);
  const PemPair li = Sign("li", "URI:rebound:user:%E6%9D%8E%E5%A8%9C");
  const auto open = Channel(key);
  EXPECT_EQ(ByGrpc(open), "李娜");
  EXPECT_EQ(ByHttp(key), "李娜");
  EXPECT_THAT(Post(key, "CaseService/ListCases", "{}").body,
              testing::HasSubstr("METHOD_NOT_GRANTED"));
  EXPECT_EQ(Post(root, "AccessService/RevokeApiKey",
                 R"({"requestId":"revoke","apiKeyId":")" + id + R"("})")
                .status,
            200);
  EXPECT_EQ(ByGrpc(open), kUnauthenticated) << "on the same connection";
  ExpectBoth(key, kUnauthenticated);
  ExpectBoth(li, "李娜");
  EXPECT_EQ(
      Post(root, "AccessService/DisableUser", R"({"requestId":"d","userName":"李娜"})").status,
      200);
  ExpectBoth(li, kUnauthenticated);
}

TEST_F(ClientCertificateTest, ItEndsOnAConnectionThatOutlivesIt) {
  const PemPair root = Sign("root", "URI:rebound:user:root");
  const auto open = Channel(root);
  RawClient client(server_->http_port(), root);
  const auto ask = [&] {
    return client
        .Do("POST", "/rebound.v1.AccessService/WhoAmI", {{"content-type", "application/json"}},
            "{}")
        .status;
  };
  EXPECT_EQ(ByGrpc(open), "root");
  EXPECT_EQ(ask(), 200);
  clock_.Advance(SystemClock().Now() + std::chrono::hours(24) - clock_.Now());
  EXPECT_EQ(ByGrpc(open), kUnauthenticated);
  EXPECT_EQ(ask(), 401);
}

TEST_F(ClientCertificateTest, ANewAuthorityIsTakenUp) {
  const Authority next(other_.folder(), "next");
  const CertificateText text{.name = "root", .alternative_names = "URI:rebound:user:root"};
  const PemPair before = authority_.Sign("before", text), after = next.Sign("after", text);
  EXPECT_EQ(ByGrpc(Channel(after)), "");
  std::filesystem::rename(next.certificate(), authority_.certificate());
  server_->ReloadCertificates();
  EXPECT_EQ(ByHttp(after), "root");
  EXPECT_EQ(RawClient(server_->http_port(), before).ReadToEnd(), "");
  // gRPC looks by itself.
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (ByGrpc(Channel(after)) != "root" && std::chrono::steady_clock::now() < patience) {
  }
  ExpectBoth(after, "root");
  EXPECT_EQ(ByGrpc(Channel(before)), "");
}

TEST_F(ClientCertificateTest, AFileWithoutACertificateIsSaidAtTheStart) {
  Server::Options options;
  options.listen = {"127.0.0.1:0"};
  options.run_timers = false;
  options.tls = {own_.certificate, own_.key, own_.key};
  EXPECT_THROW(Server(other_.store(), clock_, PlainRevision(), options, [] {}), std::runtime_error);
  options.tls = {{}, {}, authority_.certificate()};
  EXPECT_THROW(Server(other_.store(), clock_, PlainRevision(), options, [] {}), std::runtime_error);
}

}  // namespace
}  // namespace rebound::fixtures
