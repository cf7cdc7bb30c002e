#include "server/gateway/session_cookie.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rebound {
namespace {

using testing::Optional;

HttpRequest Of(HttpHeaders headers, bool tls = true, std::string method = "POST") {
  HttpRequest request;
  request.method = std::move(method);
  request.tls = tls;
  request.peer_is_loopback = true;
  request.headers = std::move(headers);
  request.headers.emplace_back("host", "desk.example:8443");
  return request;
}

constexpr char kCookie[] = "a=1; __Host-rebound=rbs_x-1; rebound=rbs_other";

TEST(SessionCookieTest, WhoMayUseTheCookie) {
  const struct {
    const char* what;
    HttpHeaders headers;
    bool tls;
    const char* method;
    std::optional<std::string> token;  // nullopt: kCrossSiteCall
  } rows[] = {
      {"no cookie", {{"x-rebound-csrf", "1"}}, true, "POST", ""},
      {"another cookie", {{"cookie", "x__Host-rebound=a; b"}}, true, "POST", ""},
      {"a page of ours", {{"cookie", kCookie}, {"x-rebound-csrf", "1"}}, true, "POST", "rbs_x-1"},
      {"Connect",
       {{"cookie", kCookie}, {"connect-protocol-version", "1"}},
       true,
       "POST",
       "rbs_x-1"},
      {"no header", {{"cookie", kCookie}, {"content-type", "text/plain"}}, true, "POST", {}},
      {"GET", {{"cookie", kCookie}}, true, "GET", "rbs_x-1"},
      {"our origin",
       {{"cookie", kCookie}, {"x-rebound-csrf", "1"}, {"origin", "https://desk.example:8443"}},
       true,
       "POST",
       "rbs_x-1"},
      {"our origin, TLS ends in front",
       {{"cookie", kCookie}, {"x-rebound-csrf", "1"}, {"origin", "https://desk.example:8443"}},
       false,
       "POST",
       "rbs_x-1"},
      {"another port",
       {{"cookie", kCookie}, {"x-rebound-csrf", "1"}, {"origin", "https://desk.example"}},
       true,
       "POST",
       {}},
      {"another scheme",
       {{"cookie", kCookie}, {"x-rebound-csrf", "1"}, {"origin", "http://desk.example:8443"}},
       true,
       "POST",
       {}},
      {"no origin to name",
       {{"cookie", kCookie}, {"x-rebound-csrf", "1"}, {"origin", "null"}},
       true,
       "POST",
       {}},
      {"a longer name",
       {{"cookie", kCookie}, {"x-rebound-csrf", "1"}, {"origin", "https://desk.example:8443.evil"}},
       true,
       "POST",
       {}},
      {"another site",
       {{"cookie", kCookie}, {"x-rebound-csrf", "1"}, {"sec-fetch-site", "cross-site"}},
       true,
       "POST",
       {}},
      {"another site reads",
       {{"cookie", kCookie}, {"sec-fetch-site", "same-site"}},
       true,
       "GET",
       {}},
      {"typed into the bar",
       {{"cookie", kCookie}, {"sec-fetch-site", "none"}},
       true,
       "GET",
       "rbs_x-1"},
      {"a header besides",
       {{"cookie", kCookie}, {"authorization", "Bearer rbk_y"}},
       true,
       "POST",
       ""},
      {"no token", {{"cookie", "__Host-rebound=a\"b"}, {"x-rebound-csrf", "1"}}, true, "POST", "-"},
      {"plain cookie under TLS",
       {{"cookie", "rebound=rbs_o"}, {"x-rebound-csrf", "1"}},
       true,
       "POST",
       ""},
      {"plain cookie elsewhere",
       {{"cookie", "rebound=rbs_o"}, {"x-rebound-csrf", "1"}},
       false,
       "POST",
       ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    const auto token = SessionToken(Of(row.headers, row.tls, row.method));
    ASSERT_EQ(token.has_value(), row.token.has_value());
    if (row.token) {
      EXPECT_EQ(*token, *row.token);
    } else {
      EXPECT_EQ(token.error(), Error{Reason::kCrossSiteCall});
    }
  }
}

TEST(SessionCookieTest, ACertificateIsNoneOfAnotherSites) {
  const auto ask = [](HttpHeaders headers) {
    HttpRequest request = Of(std::move(headers));
    request.certificate = PeerCertificate{"rebound:user:li", FromMillis(5)};
    return SessionToken(request);
  };
  EXPECT_EQ(ask({}).value(), "");
  EXPECT_EQ(ask({{"origin", "https://desk.example:8443"}}).value(), "");
  for (const HttpHeaders& headers :
       {HttpHeaders{{"origin", "https://evil.example"}}, HttpHeaders{{"origin", "null"}},
        HttpHeaders{{"sec-fetch-site", "cross-site"}}}) {
    const auto token = ask(headers);
    ASSERT_FALSE(token.has_value());
    EXPECT_EQ(token.error(), Error{Reason::kCrossSiteCall});
  }
  EXPECT_EQ(ask({{"origin", "https://evil.example"}, {"authorization", "Bearer t"}}).value(), "");
}

TEST(SessionCookieTest, OnThisMachineItMayBePlain) {
  HttpRequest request;
  request.method = "POST";
  request.peer_is_loopback = true;
  request.headers = {{"host", "localhost:50062"},
                     {"cookie", "rebound=rbs_o"},
                     {"origin", "http://localhost:50062"},
                     {"x-rebound-csrf", "1"}};
  EXPECT_EQ(SessionToken(request).value(), "rbs_o");
  EXPECT_EQ(SetSessionCookie(request, "rbs_o"), "rebound=rbs_o; Path=/; HttpOnly; SameSite=Strict");
  request.peer_is_loopback = false;
  EXPECT_EQ(SessionToken(request).value(), "");
  EXPECT_EQ(SetSessionCookie(request, "rbs_o"),
            "__Host-rebound=rbs_o; Path=/; HttpOnly; SameSite=Strict; Secure");
}

TEST(SessionCookieTest, ItEnds) {
  EXPECT_EQ(SetSessionCookie(Of({}), ""),
            "__Host-rebound=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0");
}

TEST(SessionCookieTest, OnlySessionsCount) {
  EXPECT_EQ(SessionToken(Of({{"cookie", "__Host-rebound=rbk_x"}, {"x-rebound-csrf", "1"}})).value(),
            "-");
}

TEST(SessionCookieTest, ASignInUnderWayHasOneOfItsOwn) {
  EXPECT_EQ(SetSignInCookie(Of({}), "sealed", 600),
            "__Host-rebound-sign-in=sealed; Path=/; HttpOnly; SameSite=Lax; Max-Age=600; Secure");
  EXPECT_EQ(SignInCookie(Of({{"cookie", "__Host-rebound=rbs_x; __Host-rebound-sign-in=sealed"}})),
            "sealed");
  EXPECT_EQ(SignInCookie(Of({{"cookie", "__Host-rebound=rbs_x"}})), "");
  EXPECT_EQ(SignInCookie(Of({{"cookie", "__Host-rebound-sign-in=a.b"}})), "-");
  EXPECT_EQ(SignInCookie(Of({{"cookie", "rebound-sign-in=sealed"}})), "") << "not of this machine";
  HttpRequest request;
  request.peer_is_loopback = true;
  request.headers = {{"host", "localhost:8080"}, {"cookie", "rebound-sign-in=sealed"}};
  EXPECT_EQ(SignInCookie(request), "sealed");
  EXPECT_EQ(SetSignInCookie(request, "", 0),
            "rebound-sign-in=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
}

TEST(SessionCookieTest, CredentialsInTheQueryAreFound) {
  EXPECT_THAT(CredentialInQuery("a=1&Access-Token=x"), Optional(std::string("access_token")));
  EXPECT_THAT(CredentialInQuery("api_key"), Optional(std::string("api_key")));
  EXPECT_EQ(CredentialInQuery(""), std::nullopt);
  EXPECT_EQ(CredentialInQuery("connect=v1&encoding=json&message={}&page_token=x"), std::nullopt);
}

}  // namespace
}  // namespace rebound
