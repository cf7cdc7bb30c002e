// Signing in by an OpenID provider (OpenID Connect Core 1.0): the authorization code flow with PKCE
// (S256), by one provider, found by its discovery document. What is asked of the provider goes to
// addresses that the operator gave or the provider's document names; nothing is fetched because of
// a token.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/access/id_token.h"
#include "server/clock.h"
#include "workflows/result.h"

namespace rebound {

struct OidcSettings {
  std::string issuer{};  // https://..., as the provider writes it; of this machine also http://
  std::string client_id{};
  std::string client_secret{};
  // Where the provider sends browsers back to: this server's /sign-in/oidc/callback, under the name
  // by which browsers know it.
  std::string redirect_url{};
  // Which claim is the user's name here: preferred_username, email (only one that the provider
  // verified) or sub.
  std::string claim = "preferred_username";
};

// What is wrong with them, as a sentence for the operator; empty: nothing.
std::string FaultOf(const OidcSettings& settings);

// What the provider's discovery document tells.
struct OidcProvider {
  std::string authorization_endpoint{};
  std::string token_endpoint{};
  std::string jwks_uri{};
};

// nullopt: it is no such document, is about another issuer, or leads to an address that is not
// https (http only on this machine, and only where the issuer is there).
std::optional<OidcProvider> ReadDiscovery(std::string_view document, const std::string& issuer);

// A sign-in under way, of which its browser alone has the record, sealed.
struct OidcAttempt {
  std::string state{}, nonce{}, verifier{};  // 43 characters each, by NewToken
  Timestamp begun{};
};

// Seals with a key made at construction (XSalsa20-Poly1305): what one process sealed no other
// opens. Immutable, so thread-safe.
class OidcSeal {
 public:
  static constexpr Duration kLifetime = std::chrono::minutes(10);

  OidcSeal();
  std::string Seal(const OidcAttempt& attempt) const;  // characters of a cookie
  // nullopt: not sealed here, changed since, or begun longer than kLifetime ago.
  std::optional<OidcAttempt> Open(std::string_view sealed, Timestamp now) const;

 private:
  std::array<uint8_t, 32> key_;
};

// Every call may take as long as the provider does, at most 10 seconds a request, of which there
// may be three; but one that began no fetch of documents waits at most for the one under way.
// Borrows the clock. Thread-safe.
class OidcClient {
 public:
  // The provider's documents are read when first needed and again after so long, or when a token
  // names a key that is not among its keys, but for that at most once in kRefreshStep. Fresh ones
  // that cannot be had leave the old in force; then, or if there are none, nobody asks again for
  // kFailureKept.
  static constexpr Duration kKept = std::chrono::hours(1);
  static constexpr Duration kRefreshStep = std::chrono::minutes(1);
  static constexpr Duration kFailureKept = std::chrono::seconds(10);

  // Throws std::runtime_error with FaultOf.
  OidcClient(OidcSettings settings, Clock& clock);

  struct Begun {
    std::string location{};  // to send the browser to
    std::string sealed{};    // for it to keep
  };
  // kProviderUnavailable.
  Result<Begun> Begin();

  // The name by which the provider knows who came back, from the parameters it sent the browser
  // back with, and what that browser kept. Refusals say more in the metadata "fault", which is for
  // the log and the audit:
  // kProviderSignInEnded: it began no such sign-in within OidcSeal::kLifetime.
  // kProviderSignInRefused: by the provider, or its token is not what it has to be.
  // kProviderUserUnknown: the token lacks the claim, or the e-mail address is not verified.
  // kProviderUnavailable.
  Result<std::string> Finish(const std::map<std::string, std::string>& parameters,
                             std::string_view sealed);

  // Requests that run end soon, and others fail at once, with kProviderUnavailable.
  void Stop() { stopping_ = true; }

 private:
  struct Answer {
    int status = 0;  // of HTTP; 0: there is none
    std::string body{};
    std::string fault{};  // why; words of libcurl's or ours
  };
  struct Known {
    OidcProvider provider{};
    std::vector<ProviderKey> keys{};
  };

  // A POST of `form` with the client's credentials; of an empty one a GET without them.
  Answer Ask(const std::string& url, const std::string& form) const;
  // Of the provider's documents, from the provider.
  Result<Known> Fetch() const;
  // `unknown_key`: what is known did not do.
  Result<Known> Know(bool unknown_key);
  Result<std::string> IdTokenFor(const OidcProvider& provider, const std::string& code,
                                 const std::string& verifier) const;
  Result<std::string> NameIn(const IdTokenClaims& claims) const;

  const OidcSettings settings_;
  Clock& clock_;
  const OidcSeal seal_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable fetched_;
  bool fetching_ = false;  // by one call, without the mutex; guarded, like the rest
  std::optional<Known> known_;
  Duration known_at_{};          // of Clock::Steady, like the others
  std::optional<Error> failed_;  // of the last fetch
  Duration failed_at_{};
  std::optional<Duration> asked_at_;  // for an unknown key
};

}  // namespace rebound
