// The session of a browser: its token in a cookie that no script can read, and what proves that a
// call with it was made by a page of this server. Pure; thread-safe.
//
// A browser sends the cookie along by itself, so a call counts as its own only with what a page of
// another site cannot send (a header of ours, which CORS would have to allow) and with no origin
// but this server's. A call with an authorization header needs no cookie, and ignores it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/gateway/http_server.h"
#include "workflows/result.h"

namespace rebound {

// Header of a sign-in whose token is to go into the cookie, and not into the answer's body; and of
// every other call by a page that does not send connect-protocol-version.
inline constexpr std::string_view kCsrfHeader = "x-rebound-csrf";

// The token of the cookie; empty: the request has none, or has an authorization header. "__Host-"
// cookies only, but for pages that are served without TLS from this machine itself, whose cookie is
// plain "rebound".
// kCrossSiteCall: there is a cookie, but nothing proves whose call it is; or there is none, but a
// certificate, which browsers show for every site, too, and the call is another site's. GET needs
// no header: it changes nothing, and pages of other sites cannot read the answer.
Result<std::string> SessionToken(const HttpRequest& request);

// The value of a Set-Cookie that keeps the token until the browser closes; an empty token ends it.
// Secure, but where SessionToken takes a plain one.
std::string SetSessionCookie(const HttpRequest& request, std::string_view token);

// Of a sign-in that goes by way of another site, until it comes back: likewise named and secure,
// but sent along when a page of that site leads here. Ends after `seconds`; 0 ends it. `value`:
// [A-Za-z0-9_-].
std::string SetSignInCookie(const HttpRequest& request, std::string_view value, int seconds);
// Its value; empty: there is none.
std::string SignInCookie(const HttpRequest& request);

// Whether the request asks for its token as a cookie: it has kCsrfHeader and comes from no other
// site.
bool WantsSessionCookie(const HttpRequest& request);

// The first parameter of the query whose name is one that credentials are sent by.
std::optional<std::string> CredentialInQuery(std::string_view query);

}  // namespace rebound
