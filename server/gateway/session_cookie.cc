#include "server/gateway/session_cookie.h"

#include <algorithm>
#include <array>

namespace rebound {
namespace {

constexpr std::string_view kSecureName = "__Host-rebound";
constexpr std::string_view kPlainName = "rebound";
constexpr std::string_view kSecureSignInName = "__Host-rebound-sign-in";
constexpr std::string_view kPlainSignInName = "rebound-sign-in";

std::string_view HeaderOf(const HttpRequest& request, std::string_view name) {
  const std::string* value = FindHeader(request.headers, name);
  return value == nullptr ? std::string_view() : std::string_view(*value);
}

// "localhost:8080" and the like.
bool NamesThisMachine(std::string_view authority) {
  const auto is = [&](std::string_view host) {
    return authority == host || (authority.starts_with(host) && authority.size() > host.size() &&
                                 authority[host.size()] == ':');
  };
  return is("localhost") || is("127.0.0.1") || is("[::1]");
}

// A page of this machine itself, to which it need not come under TLS.
bool IsLocal(const HttpRequest& request) {
  return !request.tls && request.peer_is_loopback && NamesThisMachine(HeaderOf(request, "host"));
}

// Whether cookies go without "Secure": an origin under TLS is that of a proxy's browser.
bool IsPlainHttp(const HttpRequest& request) {
  return IsLocal(request) && !HeaderOf(request, "origin").starts_with("https:");
}

bool IsPlainText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

// The value of the cookie that stands first under the name; browsers put the most specific first.
std::string CookieOf(const HttpRequest& request, std::string_view name) {
  for (const auto& [field, value] : request.headers) {
    if (field != "cookie") continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find(';'), rest.size());
      std::string_view pair = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      while (pair.starts_with(' ')) pair.remove_prefix(1);
      if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
        const std::string_view value_of = pair.substr(name.size() + 1);
        // What we never set is taken for a value that nobody has.
        return std::string(IsPlainText(value_of) ? value_of : "-");
      }
    }
  }
  return {};
}

bool IsOfAnotherSite(const HttpRequest& request) {
  // Sent by every current browser; absent: an older one, or none.
  const std::string_view site = HeaderOf(request, "sec-fetch-site");
  if (!site.empty() && site != "same-origin" && site != "none") return true;
  std::string_view origin = HeaderOf(request, "origin");
  if (origin.empty()) return false;
  // Behind a proxy that ends TLS the scheme is the browser's, not this connection's.
  if (origin.starts_with("https://")) {
    origin.remove_prefix(8);
  } else if (origin.starts_with("http://") && !request.tls) {
    origin.remove_prefix(7);
  } else {
    return true;
  }
  return origin.empty() || origin != HeaderOf(request, "host");
}

}  // namespace

Result<std::string> SessionToken(const HttpRequest& request) {
  if (FindHeader(request.headers, "authorization") != nullptr) return std::string();
  std::string token = CookieOf(request, kSecureName);
  if (token.empty() && IsLocal(request)) token = CookieOf(request, kPlainName);
  if (token.empty()) {
    if (request.certificate && IsOfAnotherSite(request)) return Error{Reason::kCrossSiteCall};
    return token;
  }
  if (!token.starts_with("rbs_")) token = "-";  // keys and principals' tokens are no browser's
  const bool shown = request.method == "GET" ||
                     FindHeader(request.headers, kCsrfHeader) != nullptr ||
                     FindHeader(request.headers, "connect-protocol-version") != nullptr;
  if (!shown || IsOfAnotherSite(request)) return Error{Reason::kCrossSiteCall};
  return token;
}

std::string SetSessionCookie(const HttpRequest& request, std::string_view token) {
  const bool plain = IsPlainHttp(request);
  std::string cookie(plain ? kPlainName : kSecureName);
  cookie.append("=").append(token).append("; Path=/; HttpOnly; SameSite=Strict");
  if (!plain) cookie += "; Secure";
  if (token.empty()) cookie += "; Max-Age=0";
  return cookie;
}

std::string SetSignInCookie(const HttpRequest& request, std::string_view value, int seconds) {
  const bool plain = IsPlainHttp(request);
  std::string cookie(plain ? kPlainSignInName : kSecureSignInName);
  cookie.append("=").append(value).append("; Path=/; HttpOnly; SameSite=Lax; Max-Age=");
  cookie += std::to_string(seconds);
  if (!plain) cookie += "; Secure";
  return cookie;
}

std::string SignInCookie(const HttpRequest& request) {
  std::string value = CookieOf(request, kSecureSignInName);
  return value.empty() && IsLocal(request) ? CookieOf(request, kPlainSignInName) : value;
}

bool WantsSessionCookie(const HttpRequest& request) {
  return FindHeader(request.headers, kCsrfHeader) != nullptr && !IsOfAnotherSite(request);
}

std::optional<std::string> CredentialInQuery(std::string_view query) {
  constexpr std::array<std::string_view, 8> kNames{"access_token", "token",  "session_token",
                                                   "api_key",      "apikey", "authorization",
                                                   "auth",         "key"};
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    std::string name(query.substr(0, std::min(query.find('='), end)));
    query.remove_prefix(std::min(end + 1, query.size()));
    for (char& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      if (c == '-') c = '_';
    }
    if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) return name;
  }
  return std::nullopt;
}

}  // namespace rebound
