// The OpenID client: its pure parts, and what it makes of a provider that misbehaves, over loopback
// sockets. A provider that behaves is in run_oidc.sh; forged tokens are in id_token_test.cc.
#include "server/access/oidc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "server/access/token.h"
#include "tests/fixtures/receiver.h"
#include "workflows/check.h"

namespace rebound {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr Timestamp kSignInStart = FromMillis(1'800'000'000'000);
constexpr char kWellKnown[] = "/.well-known/openid-configuration";
constexpr char kKeys[] =
    R"({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "one", "use": "sig",)"
    R"( "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";  // RFC 8037, A.2

// Answers each connection by the path that it asks for, and counts them.
class Provider {
 public:
  Provider() {
    const fixtures::Listening listening = fixtures::ListenOnLoopback();
    listener_ = listening.socket;
    issuer_ = "http://127.0.0.1:" + std::to_string(listening.port);
    Say(kWellKnown, "200 OK", Document(issuer_));
    Say("/keys", "200 OK", kKeys);
    thread_ = std::thread([this] { Run(); });
  }
  ~Provider() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  Provider(const Provider&) = delete;
  Provider& operator=(const Provider&) = delete;

  const std::string& issuer() const { return issuer_; }

  std::string Document(const std::string& issuer) const {
    return R"({"issuer": ")" + issuer + R"(", "authorization_endpoint": ")" + issuer_ +
           R"(/auth", "token_endpoint": ")" + issuer_ + R"(/token", "jwks_uri": ")" + issuer_ +
           R"(/keys"})";
  }

  // `status` may have fields behind it. An empty one: nothing is answered until the client goes.
  void Say(const std::string& path, const std::string& status, const std::string& body) {
    const std::lock_guard lock(mutex_);
    answers_[path] = status.empty()
                         ? ""
                         : "HTTP/1.1 " + status + "\r\nconnection: close\r\ncontent-length: " +
                               std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  int Asked(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return asked_[path];
  }
  // Told once somebody waits for an answer that does not come.
  std::future<void> Hung() { return hung_.get_future(); }

 private:
  void Run() {
    while (true) {
      const int client = accept(listener_, nullptr, nullptr);
      if (client < 0) return;
      timeval limit{.tv_sec = 20, .tv_usec = 0};
      setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
      std::string head;
      char byte = 0;
      while (!head.ends_with("\r\n\r\n") && recv(client, &byte, 1, 0) == 1) head += byte;
      const size_t begin = head.find(' ') + 1;
      const std::string path = head.substr(begin, head.find(' ', begin) - begin);
      std::string answer;
      {
        const std::lock_guard lock(mutex_);
        ++asked_[path];
        answer = answers_[path];
      }
      if (answer.empty()) {
        hung_.set_value();
      } else {
        send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
        shutdown(client, SHUT_WR);
      }
      while (recv(client, &byte, 1, 0) == 1) {
      }
      close(client);
    }
  }

  int listener_ = -1;
  std::string issuer_;
  std::mutex mutex_;
  std::map<std::string, std::string> answers_;  // guarded
  std::map<std::string, int> asked_;            // guarded
  std::promise<void> hung_;
  std::thread thread_;
};

OidcSettings SettingsOf(const std::string& issuer) {
  return {.issuer = issuer,
          .client_id = "rebound",
          .client_secret = "secret",
          .redirect_url = "http://127.0.0.1:8080/sign-in/oidc/callback"};
}

std::string FaultIn(const Error& error) {
  const auto found = error.metadata.find("fault");
  return found == error.metadata.end() ? "" : found->second;
}

std::string ParameterOf(const std::string& url, const std::string& name) {
  const size_t at = url.find(name + "=");
  if (at == std::string::npos) return {};
  const size_t begin = at + name.size() + 1;
  return url.substr(begin, url.find('&', begin) - begin);
}

TEST(OidcSettingsTest, FaultsAreNamed) {
  const OidcSettings good = SettingsOf("https://id.example/realm");
  EXPECT_EQ(FaultOf(good), "");
  EXPECT_EQ(FaultOf(SettingsOf("http://localhost:8080")), "");
  const struct {
    const char* name;
    std::function<void(OidcSettings&)> spoil;
    const char* expected;
  } kRows[] = {
      {"no issuer", [](auto& s) { s.issuer = ""; }, "issuer"},
      {"plain http", [](auto& s) { s.issuer = "http://id.example"; }, "issuer"},
      {"http that only looks local", [](auto& s) { s.issuer = "http://localhost.example"; },
       "issuer"},
      {"http of a local user", [](auto& s) { s.issuer = "http://localhost@id.example"; }, "issuer"},
      {"a password in it", [](auto& s) { s.issuer = "https://a:b@id.example"; }, "issuer"},
      {"a fragment", [](auto& s) { s.issuer = "https://id.example/#a"; }, "issuer"},
      {"a line break", [](auto& s) { s.issuer = "https://id.example/\r\n"; }, "issuer"},
      {"a file", [](auto& s) { s.issuer = "file:///etc/passwd"; }, "issuer"},
      {"no client", [](auto& s) { s.client_id = ""; }, "client id"},
      {"no secret", [](auto& s) { s.client_secret = ""; }, "client secret"},
      {"redirect without TLS",
       [](auto& s) { s.redirect_url = "http://rebound.example/sign-in/oidc/callback"; },
       "redirect"},
      {"redirect to elsewhere", [](auto& s) { s.redirect_url = "https://rebound.example/"; },
       "redirect"},
      {"claim", [](auto& s) { s.claim = "groups"; }, "claim"},
  };
  for (const auto& row : kRows) {
    OidcSettings settings = good;
    row.spoil(settings);
    EXPECT_THAT(FaultOf(settings), HasSubstr(row.expected)) << row.name;
  }
}

TEST(OidcDiscoveryTest, OnlyOfTheIssuerAndOnlyWithTls) {
  const std::string issuer = "https://id.example";
  const auto document = [&](const std::string& name, const std::string& value) {
    std::map<std::string, std::string> fields{{"issuer", issuer},
                                              {"authorization_endpoint", issuer + "/auth"},
                                              {"token_endpoint", issuer + "/token"},
                                              {"jwks_uri", "https://keys.example/"}};
    if (!name.empty()) fields[name] = value;
    std::string text;
    for (const auto& [key, url] : fields) {
      text += (text.empty() ? "{\"" : ", \"") + key + "\": \"" + url + "\"";
    }
    return text + "}";
  };
  const auto read = ReadDiscovery(document("", ""), issuer);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->authorization_endpoint, "https://id.example/auth");
  EXPECT_EQ(read->token_endpoint, "https://id.example/token");
  EXPECT_EQ(read->jwks_uri, "https://keys.example/");
  EXPECT_FALSE(ReadDiscovery(document("issuer", issuer + "/"), issuer)) << "to the letter";
  EXPECT_FALSE(ReadDiscovery(document("issuer", "https://ID.example"), issuer));
  EXPECT_FALSE(ReadDiscovery(document("jwks_uri", "http://keys.example/"), issuer));
  EXPECT_FALSE(ReadDiscovery(document("jwks_uri", ""), issuer));
  EXPECT_FALSE(ReadDiscovery(document("jwks_uri", "file:///etc/passwd"), issuer));
  EXPECT_FALSE(ReadDiscovery(document("token_endpoint", "https://a:b@id.example/"), issuer));
  EXPECT_FALSE(ReadDiscovery(document("authorization_endpoint", "javascript:alert(1)"), issuer));
  EXPECT_FALSE(ReadDiscovery(document("token_endpoint", "http://127.0.0.1/"), issuer))
      << "a provider elsewhere does not lead to this machine";
  for (const char* text : {"", "[]", "{}", "{", "null", R"({"issuer": 1})"}) {
    EXPECT_FALSE(ReadDiscovery(text, issuer)) << text;
  }
}

TEST(OidcSealTest, OpensOnlyWhatItSealedAndOnlyInTime) {
  const OidcSeal seal, other;
  const OidcAttempt attempt{NewToken(""), NewToken(""), NewToken(""), kSignInStart};
  const std::string sealed = seal.Seal(attempt);
  EXPECT_EQ(sealed.find(attempt.state), std::string::npos);
  const auto opened = seal.Open(sealed, kSignInStart + OidcSeal::kLifetime - Duration(1));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->state, attempt.state);
  EXPECT_EQ(opened->nonce, attempt.nonce);
  EXPECT_EQ(opened->verifier, attempt.verifier);
  EXPECT_EQ(opened->begun, kSignInStart);
  EXPECT_FALSE(seal.Open(sealed, kSignInStart + OidcSeal::kLifetime));
  EXPECT_FALSE(seal.Open(sealed, kSignInStart - Duration(1))) << "the clock was set back";
  EXPECT_FALSE(other.Open(sealed, kSignInStart)) << "of another process";
  EXPECT_NE(seal.Seal(attempt), sealed);
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(seal.Open(changed, kSignInStart)) << i;
    EXPECT_FALSE(seal.Open(sealed.substr(0, i), kSignInStart)) << i;
  }
  EXPECT_FALSE(seal.Open(sealed + "A", kSignInStart));
  EXPECT_FALSE(seal.Open(std::string(100'000, 'A'), kSignInStart));
}

TEST(OidcClientTest, LeadsToTheProviderWithPkce) {
  Provider provider;
  ManualClock clock(kSignInStart);
  OidcClient client(SettingsOf(provider.issuer()), clock);
  const auto begun = client.Begin();
  ASSERT_TRUE(begun) << FaultIn(begun.error());
  const std::string& url = begun->location;
  EXPECT_THAT(url, StartsWith(provider.issuer() + "/auth?response_type=code&client_id=rebound&"));
  EXPECT_EQ(ParameterOf(url, "redirect_uri"),
            "http%3A%2F%2F127.0.0.1%3A8080%2Fsign-in%2Foidc%2Fcallback");
  EXPECT_EQ(ParameterOf(url, "scope"), "openid%20profile");
  EXPECT_EQ(ParameterOf(url, "code_challenge_method"), "S256");
  for (const char* name : {"state", "nonce", "code_challenge"}) {
    EXPECT_EQ(ParameterOf(url, name).size(), 43) << name;
  }
  const auto again = client.Begin();
  ASSERT_TRUE(again);
  EXPECT_NE(ParameterOf(again->location, "state"), ParameterOf(url, "state"));
  EXPECT_EQ(provider.Asked(kWellKnown), 1);
  EXPECT_EQ(provider.Asked("/keys"), 1);

  // Documents that cannot be had anew leave the old in force.
  provider.Say(kWellKnown, "500 Broken", "");
  clock.Advance(OidcClient::kKept);
  EXPECT_TRUE(client.Begin());
  EXPECT_EQ(provider.Asked(kWellKnown), 2);
}

TEST(OidcClientTest, DocumentsOfNoUse) {
  const std::string huge(2 << 20, ' ');
  const struct {
    const char* name;
    const char* path;
    const char* status;
    std::string body;
    const char* fault;
  } kRows[] = {
      {"redirect", kWellKnown, "302 Found\r\nlocation: /elsewhere", "", "status 302"},
      {"missing", kWellKnown, "404 Not Found", "", "status 404"},
      {"too long", kWellKnown, "200 OK", huge, "too long"},
      {"no JSON", kWellKnown, "200 OK", "<html>", "another issuer"},
      {"no keys", "/keys", "200 OK", R"({"keys": []})", "none of use"},
      {"keys are HTML", "/keys", "200 OK", "<html>", "none of use"},
      {"keys elsewhere", "/keys", "307 Gone On\r\nlocation: /elsewhere", "", "status 307"},
      {"keys too long", "/keys", "200 OK", kKeys + huge, "too long"},
  };
  for (const auto& row : kRows) {
    Provider provider;
    provider.Say(row.path, row.status, row.body);
    ManualClock clock(kSignInStart);
    OidcClient client(SettingsOf(provider.issuer()), clock);
    const auto begun = client.Begin();
    ASSERT_FALSE(begun) << row.name;
    EXPECT_EQ(begun.error().reason, Reason::kProviderUnavailable) << row.name;
    EXPECT_THAT(FaultIn(begun.error()), HasSubstr(row.fault)) << row.name;
    EXPECT_EQ(provider.Asked("/elsewhere"), 0) << row.name;
  }
  Provider provider;
  provider.Say(kWellKnown, "200 OK", provider.Document("http://127.0.0.1:1"));
  ManualClock clock(kSignInStart);
  OidcClient client(SettingsOf(provider.issuer()), clock);
  EXPECT_FALSE(client.Begin()) << "of another issuer";
  EXPECT_EQ(provider.Asked("/keys"), 0);
  provider.Say(kWellKnown, "200 OK", provider.Document(provider.issuer()));
  clock.Advance(OidcClient::kFailureKept);
  EXPECT_TRUE(client.Begin()) << "once it is right";
}

// Or everybody who wants to sign in would wait for it, one after the other.
TEST(OidcClientTest, AProviderThatFailedIsLeftAloneForAWhile) {
  Provider provider;
  provider.Say(kWellKnown, "500 Broken", "");
  ManualClock clock(kSignInStart);
  OidcClient client(SettingsOf(provider.issuer()), clock);
  for (int i = 0; i < 3; ++i) {
    const auto begun = client.Begin();
    ASSERT_FALSE(begun);
    EXPECT_EQ(begun.error().reason, Reason::kProviderUnavailable);
    EXPECT_EQ(FaultIn(begun.error()), "discovery: status 500");
  }
  EXPECT_EQ(provider.Asked(kWellKnown), 1);
  clock.Advance(OidcClient::kFailureKept);
  EXPECT_FALSE(client.Begin());
  EXPECT_EQ(provider.Asked(kWellKnown), 2);

  // Documents that are old still do, without asking at each sign-in for new ones.
  provider.Say(kWellKnown, "200 OK", provider.Document(provider.issuer()));
  clock.Advance(OidcClient::kFailureKept);
  EXPECT_TRUE(client.Begin());
  provider.Say(kWellKnown, "500 Broken", "");
  clock.Advance(OidcClient::kKept);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.Begin());
  EXPECT_EQ(provider.Asked(kWellKnown), 4);
}

// Old documents do for everybody else while one call waits for new ones.
TEST(OidcClientTest, AProviderThatHangsHoldsUpOneCallAlone) {
  Provider provider;
  ManualClock clock(kSignInStart);
  OidcClient client(SettingsOf(provider.issuer()), clock);
  ASSERT_TRUE(client.Begin());
  provider.Say(kWellKnown, "", "");
  clock.Advance(OidcClient::kKept);
  auto hung = provider.Hung();
  auto waiting = std::async(std::launch::async, [&] { return client.Begin(); });
  ASSERT_EQ(hung.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_TRUE(client.Begin());
  EXPECT_EQ(waiting.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  client.Stop();
  EXPECT_TRUE(waiting.get());
  EXPECT_EQ(provider.Asked(kWellKnown), 2);
}

TEST(OidcClientTest, TokenEndpoint) {
  const struct {
    const char* name;
    const char* status;
    const char* body;
    Reason reason;
  } kRows[] = {
      {"used code", "400 Bad", R"({"error": "invalid_grant"})", Reason::kProviderSignInRefused},
      {"wrong client", "401 No", R"({"error": "invalid_client"})", Reason::kProviderUnavailable},
      {"broken", "500 Broken", "", Reason::kProviderUnavailable},
      {"redirect", "302 Found\r\nlocation: /elsewhere", "", Reason::kProviderUnavailable},
      {"no JSON", "200 OK", "<html>", Reason::kProviderUnavailable},
      {"no token", "200 OK", "{}", Reason::kProviderSignInRefused},
      {"no text", "200 OK", R"({"id_token": 7})", Reason::kProviderSignInRefused},
      {"none of ours", "200 OK", R"({"id_token": "a.b.c"})", Reason::kProviderSignInRefused},
  };
  for (const auto& row : kRows) {
    Provider provider;
    provider.Say("/token", row.status, row.body);
    ManualClock clock(kSignInStart);
    OidcClient client(SettingsOf(provider.issuer()), clock);
    const auto begun = client.Begin();
    ASSERT_TRUE(begun) << row.name;
    const auto name = client.Finish(
        {{"code", "c"}, {"state", ParameterOf(begun->location, "state")}}, begun->sealed);
    ASSERT_FALSE(name) << row.name;
    EXPECT_EQ(name.error().reason, row.reason) << row.name << ": " << FaultIn(name.error());
    EXPECT_EQ(provider.Asked("/elsewhere"), 0) << row.name;
    EXPECT_EQ(provider.Asked("/keys"), 1) << row.name;
  }
}

// Tokens that name keys which nobody has make the client look for new ones, once a minute.
TEST(OidcClientTest, LooksForNewKeysOnceAMinute) {
  Provider provider;
  // {"alg":"EdDSA","kid":"two"}.{}.
  provider.Say("/token", "200 OK",
               R"({"id_token": "eyJhbGciOiJFZERTQSIsImtpZCI6InR3byJ9.e30.AA"})");
  ManualClock clock(kSignInStart);
  OidcClient client(SettingsOf(provider.issuer()), clock);
  const auto attempt = [&] {
    const auto begun = client.Begin();
    ASSERT_TRUE(begun);
    const auto name = client.Finish(
        {{"code", "c"}, {"state", ParameterOf(begun->location, "state")}}, begun->sealed);
    ASSERT_FALSE(name);
    EXPECT_EQ(FaultIn(name.error()), "token: key unknown");
  };
  attempt();
  EXPECT_EQ(provider.Asked("/keys"), 2);
  attempt();
  clock.Advance(OidcClient::kRefreshStep - Duration(1));
  attempt();
  EXPECT_EQ(provider.Asked("/keys"), 2);
  clock.Advance(Duration(1));
  attempt();
  EXPECT_EQ(provider.Asked("/keys"), 3);
}

TEST(OidcClientTest, NothingIsAskedForAStateThatIsNotTheBrowsers) {
  Provider provider;
  ManualClock clock(kSignInStart);
  OidcClient client(SettingsOf(provider.issuer()), clock);
  const auto begun = client.Begin(), other = client.Begin();
  ASSERT_TRUE(begun && other);
  const std::string state = ParameterOf(begun->location, "state");
  const std::map<std::string, std::string> good{{"code", "c"}, {"state", state}};
  const auto reason = [&](std::map<std::string, std::string> parameters, std::string_view sealed) {
    const auto name = client.Finish(parameters, sealed);
    return name ? Reason::kInternal : name.error().reason;
  };
  EXPECT_EQ(reason(good, ""), Reason::kProviderSignInEnded);
  EXPECT_EQ(reason(good, "-"), Reason::kProviderSignInEnded);
  EXPECT_EQ(reason(good, other->sealed), Reason::kProviderSignInEnded);
  EXPECT_EQ(reason({{"code", "c"}}, begun->sealed), Reason::kProviderSignInEnded);
  EXPECT_EQ(reason({{"state", state}}, begun->sealed), Reason::kProviderSignInRefused);
  EXPECT_EQ(reason({{"state", state}, {"error", "access_denied"}}, begun->sealed),
            Reason::kProviderSignInRefused);
  EXPECT_EQ(reason({{"code", "c"}, {"state", state}, {"iss", "https://other"}}, begun->sealed),
            Reason::kProviderSignInRefused);
  EXPECT_EQ(reason({{"code", std::string(5'000, 'c')}, {"state", state}}, begun->sealed),
            Reason::kProviderSignInRefused);
  clock.Advance(OidcSeal::kLifetime);
  EXPECT_EQ(reason(good, begun->sealed), Reason::kProviderSignInEnded);
  EXPECT_EQ(provider.Asked("/token"), 0);
}

TEST(OidcClientTest, StopEndsWhatWaits) {
  Provider provider;
  provider.Say(kWellKnown, "", "");
  ManualClock clock(kSignInStart);
  OidcClient client(SettingsOf(provider.issuer()), clock);
  auto hung = provider.Hung();
  auto waiting = std::async(std::launch::async, [&] { return client.Begin(); });
  ASSERT_EQ(hung.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  client.Stop();
  const auto begun = waiting.get();
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().reason, Reason::kProviderUnavailable);
  EXPECT_THAT(FaultIn(begun.error()), HasSubstr("aborted"));
  EXPECT_FALSE(client.Begin());
  EXPECT_EQ(provider.Asked(kWellKnown), 1);
}

}  // namespace
}  // namespace rebound
