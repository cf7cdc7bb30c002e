// The id token of an OpenID provider: who somebody is, in the provider's word. Pure; nothing is
// fetched because of a token, whatever it says. Thread-safe.
#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "workflows/time.h"

namespace rebound {

// One public key of a provider. `algorithm` is what its kind of key and the provider allow; an RSA
// key of which the provider does not say is there for RS256 and for PS256.
struct ProviderKey {
  std::string id{};         // "kid"; may be empty
  std::string algorithm{};  // RS256, PS256, ES256 or EdDSA
  std::shared_ptr<EVP_PKEY> key{};
};

// The keys of a JWKS document (RFC 7517) that can verify an id token: RSA of 2,048 to 8,192 bits,
// P-256 and Ed25519, none of them marked for something else. Others are left out. nullopt: it is no
// such document.
std::optional<std::vector<ProviderKey>> ParseProviderKeys(std::string_view jwks);

struct IdTokenExpectations {
  std::string issuer{};     // byte for byte
  std::string client_id{};  // in "aud", and "azp" where there is one
  std::string nonce{};      // REQUIRES: not empty
};

struct IdTokenClaims {
  std::string subject{};
  bool email_verified = false;
  // Every claim that is a string, or a list of nothing but strings; other claims are left out.
  std::map<std::string, std::vector<std::string>, std::less<>> texts{};
};

// For the log and the audit; whoever shows a token learns only that it was refused.
enum class IdTokenFault {
  kTooLong,     // more than kLongestIdToken
  kMalformed,   // not three parts of canonical base64url with JSON, no key of which comes twice
  kHeader,      // names a key of its own (jwk, jku, x5u, x5c), or something critical (crit)
  kAlgorithm,   // not one of ours: none, HS256, ...
  kKeyUnknown,  // the provider has no such key for that algorithm; its keys may have changed
  kSignature,
  kIssuer,
  kAudience,  // not for this client, or for others too without naming it as the party (azp)
  kNonce,
  kExpired,
  kNotYetValid,  // issued or valid from later on
  kSubject,
};
std::string_view Name(IdTokenFault fault);  // "too long"

inline constexpr size_t kLongestIdToken = 16 << 10;
// Clocks of provider and server may differ so much.
inline constexpr Duration kClockSkew = std::chrono::seconds(60);

std::variant<IdTokenClaims, IdTokenFault> ReadIdToken(std::string_view token,
                                                      const std::vector<ProviderKey>& keys,
                                                      const IdTokenExpectations& expected,
                                                      Timestamp now);

}  // namespace rebound
