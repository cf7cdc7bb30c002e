#include "server/access/id_token.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>

#include "workflows/check.h"

namespace rebound {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostProviderKeys = 64;
constexpr size_t kLongestKeyId = 256;
constexpr size_t kLongestSubject = 255;  // OpenID Connect Core, 2
constexpr int kFewestRsaBits = 2048;
constexpr int kMostRsaBits = 8192;  // each bit more costs whoever verifies
constexpr size_t kDeepestJson = 16;
constexpr const char* kAlgorithms[] = {"RS256", "PS256", "ES256", "EdDSA"};

template <typename T, void (*free)(T*)>
struct Freed {
  void operator()(T* value) const { free(value); }
};
using Number = std::unique_ptr<BIGNUM, Freed<BIGNUM, BN_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM, OSSL_PARAM_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX, EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG, ECDSA_SIG_free>>;

const unsigned char* BytesIn(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Of one spelling only: no padding, no bits beyond the last byte.
std::optional<std::string> FromBase64Url(std::string_view text) {
  constexpr auto kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string bytes(text.size(), '\0');
  size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                        text.size(), nullptr, &size, &end, kVariant) != 0 ||
      end != text.data() + text.size()) {
    return std::nullopt;
  }
  bytes.resize(size);
  return bytes;
}

// An object, no key of which comes twice at its place: what two readers could read differently is
// none.
std::optional<Json> ParseObject(std::string_view text) {
  std::vector<std::set<std::string>> keys;
  bool fine = true;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (static_cast<size_t>(depth) > kDeepestJson) fine = false;
    if (event == Json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == Json::parse_event_t::key) {
      if (!keys.back().insert(parsed.get<std::string>()).second) fine = false;
    }
    return fine;
  };
  Json json = Json::parse(text, watch, false);
  if (!fine || !json.is_object()) return std::nullopt;
  return json;
}

// Empty: there is none, or it is no text.
std::string TextOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::shared_ptr<EVP_PKEY> Shared(EVP_PKEY* key) { return {key, EVP_PKEY_free}; }

std::shared_ptr<EVP_PKEY> FromParameters(const char* kind, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  if (parameters == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    return nullptr;
  }
  auto shared = Shared(key);
  const KeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (check == nullptr || EVP_PKEY_public_check(check.get()) != 1) return nullptr;
  return shared;
}

std::shared_ptr<EVP_PKEY> RsaKey(const Json& jwk) {
  const auto modulus = FromBase64Url(TextOf(jwk, "n"));
  const auto exponent = FromBase64Url(TextOf(jwk, "e"));
  if (!modulus || !exponent || modulus->size() > kMostRsaBits / 8 || exponent->size() > 8) {
    return nullptr;
  }
  const Number n(BN_bin2bn(BytesIn(*modulus), static_cast<int>(modulus->size()), nullptr));
  const Number e(BN_bin2bn(BytesIn(*exponent), static_cast<int>(exponent->size()), nullptr));
  const Builder builder(OSSL_PARAM_BLD_new());
  if (BN_num_bits(n.get()) < kFewestRsaBits || BN_num_bits(e.get()) < 2 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return nullptr;
  }
  return FromParameters("RSA", builder.get());
}

std::shared_ptr<EVP_PKEY> EcKey(const Json& jwk) {
  const auto x = FromBase64Url(TextOf(jwk, "x"));
  const auto y = FromBase64Url(TextOf(jwk, "y"));
  if (!x || !y || x->size() != 32 || y->size() != 32) return nullptr;
  const std::string point = "\x04" + *x + *y;
  const Builder builder(OSSL_PARAM_BLD_new());
  if (OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) !=
          1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1) {
    return nullptr;
  }
  return FromParameters("EC", builder.get());
}

std::shared_ptr<EVP_PKEY> EdKey(const Json& jwk) {
  const auto x = FromBase64Url(TextOf(jwk, "x"));
  if (!x || x->size() != 32) return nullptr;
  return Shared(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, BytesIn(*x), x->size()));
}

void AddKey(const Json& jwk, std::vector<ProviderKey>* keys) {
  const std::string use = TextOf(jwk, "use"), algorithm = TextOf(jwk, "alg");
  const std::string kind = TextOf(jwk, "kty"), curve = TextOf(jwk, "crv");
  ProviderKey key{.id = TextOf(jwk, "kid")};
  if ((!use.empty() && use != "sig") || key.id.size() > kLongestKeyId) return;
  std::vector<std::string> algorithms;
  if (kind == "RSA") {
    key.key = RsaKey(jwk);
    algorithms = {"RS256", "PS256"};
  } else if (kind == "EC" && curve == "P-256") {
    key.key = EcKey(jwk);
    algorithms = {"ES256"};
  } else if (kind == "OKP" && curve == "Ed25519") {
    key.key = EdKey(jwk);
    algorithms = {"EdDSA"};
  }
  if (key.key == nullptr) return;
  for (std::string& allowed : algorithms) {
    if (!algorithm.empty() && algorithm != allowed) continue;
    key.algorithm = std::move(allowed);
    keys->push_back(key);
  }
}

// r and s of 32 bytes each, as JWS has it, to the DER that OpenSSL takes.
std::string ToDer(std::string_view raw) {
  if (raw.size() != 64) return {};
  const Signature signature(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(BytesIn(raw), 32, nullptr);
  BIGNUM* s = BN_bin2bn(BytesIn(raw) + 32, 32, nullptr);
  CHECK(ECDSA_SIG_set0(signature.get(), r, s) == 1);  // takes both
  std::string der(static_cast<size_t>(i2d_ECDSA_SIG(signature.get(), nullptr)), '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  i2d_ECDSA_SIG(signature.get(), &out);
  return der;
}

bool Verifies(const ProviderKey& key, std::string_view signed_text, std::string signature) {
  const DigestContext context(EVP_MD_CTX_new());
  const bool is_ed = key.algorithm == "EdDSA";
  EVP_PKEY_CTX* details = nullptr;  // belongs to `context`
  bool verified = EVP_DigestVerifyInit(context.get(), &details, is_ed ? nullptr : EVP_sha256(),
                                       nullptr, key.key.get()) == 1;
  if (verified && key.algorithm == "PS256") {
    verified = EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  if (key.algorithm == "ES256") signature = ToDer(signature);
  verified = verified && !signature.empty() &&
             EVP_DigestVerify(context.get(), BytesIn(signature), signature.size(),
                              BytesIn(signed_text), signed_text.size()) == 1;
  ERR_clear_error();
  return verified;
}

// The key that the header names; one without a name has to be the only one of its algorithm, in the
// header and at the provider.
const ProviderKey* FindKey(const std::vector<ProviderKey>& keys, const std::string& algorithm,
                           const Json& header) {
  const bool named = header.contains("kid");
  const std::string id = TextOf(header, "kid");
  const ProviderKey* found = nullptr;
  for (const ProviderKey& key : keys) {
    if (key.algorithm != algorithm || (named && (id.empty() || key.id != id))) continue;
    if (found != nullptr) return nullptr;
    found = &key;
  }
  return found;
}

// Seconds since 1970; nullopt: none, or nothing that a clock could show.
std::optional<Timestamp> TimeOf(const Json& claims, const char* name) {
  constexpr double kLatest = 253'402'300'799.0;  // the end of the year 9999
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_number()) return std::nullopt;
  const auto seconds = found->get<double>();
  if (!(seconds >= 0 && seconds <= kLatest)) return std::nullopt;
  return FromMillis(static_cast<int64_t>(seconds * 1000));
}

// One text, or a list of texts; nullopt: neither.
std::optional<std::vector<std::string>> TextsOf(const Json& claim) {
  if (claim.is_string()) return std::vector{claim.get<std::string>()};
  if (!claim.is_array()) return std::nullopt;
  const bool texts =
      std::all_of(claim.begin(), claim.end(), [](const Json& item) { return item.is_string(); });
  if (!texts) return std::nullopt;
  return claim.get<std::vector<std::string>>();
}

bool IsForClient(const Json& claims, const std::string& client_id) {
  const auto audience = claims.find("aud");
  if (audience == claims.end()) return false;
  const auto names = TextsOf(*audience);
  if (!names || std::find(names->begin(), names->end(), client_id) == names->end()) return false;
  if (claims.contains("azp")) return TextOf(claims, "azp") == client_id;
  return names->size() == 1;
}

std::optional<IdTokenFault> CheckTimes(const Json& claims, Timestamp now) {
  const auto expires = TimeOf(claims, "exp"), issued = TimeOf(claims, "iat");
  if (!expires || !issued) return IdTokenFault::kMalformed;
  if (now - kClockSkew >= *expires) return IdTokenFault::kExpired;
  if (*issued > now + kClockSkew) return IdTokenFault::kNotYetValid;
  if (!claims.contains("nbf")) return std::nullopt;
  const auto begins = TimeOf(claims, "nbf");
  if (!begins) return IdTokenFault::kMalformed;
  if (*begins > now + kClockSkew) return IdTokenFault::kNotYetValid;
  return std::nullopt;
}

}  // namespace

std::string_view Name(IdTokenFault fault) {
  switch (fault) {
    case IdTokenFault::kTooLong: return "too long";
    case IdTokenFault::kMalformed: return "malformed";
    case IdTokenFault::kHeader: return "header";
    case IdTokenFault::kAlgorithm: return "algorithm";
    case IdTokenFault::kKeyUnknown: return "key unknown";
    case IdTokenFault::kSignature: return "signature";
    case IdTokenFault::kIssuer: return "issuer";
    case IdTokenFault::kAudience: return "audience";
    case IdTokenFault::kNonce: return "nonce";
    case IdTokenFault::kExpired: return "expired";
    case IdTokenFault::kNotYetValid: return "not yet valid";
    case IdTokenFault::kSubject: return "subject";
  }
  CHECK(false);
}

std::optional<std::vector<ProviderKey>> ParseProviderKeys(std::string_view jwks) {
  const auto document = ParseObject(jwks);
  if (!document) return std::nullopt;
  const auto list = document->find("keys");
  if (list == document->end() || !list->is_array() || list->size() > kMostProviderKeys)
    return std::nullopt;
  std::vector<ProviderKey> keys;
  for (const Json& jwk : *list) {
    if (jwk.is_object()) AddKey(jwk, &keys);
  }
  ERR_clear_error();
  return keys;
}

std::variant<IdTokenClaims, IdTokenFault> ReadIdToken(std::string_view token,
                                                      const std::vector<ProviderKey>& keys,
                                                      const IdTokenExpectations& expected,
                                                      Timestamp now) {
  CHECK(!expected.nonce.empty());
  if (token.size() > kLongestIdToken) return IdTokenFault::kTooLong;
  const size_t first = token.find('.'), last = token.rfind('.');
  if (first == last || token.find('.', first + 1) != last) return IdTokenFault::kMalformed;
  const auto header_text = FromBase64Url(token.substr(0, first));
  const auto claims_text = FromBase64Url(token.substr(first + 1, last - first - 1));
  const auto signature = FromBase64Url(token.substr(last + 1));
  if (!header_text || !claims_text || !signature) return IdTokenFault::kMalformed;
  const auto header = ParseObject(*header_text);
  if (!header) return IdTokenFault::kMalformed;
  for (const char* name : {"jwk", "jku", "x5u", "x5c", "crit"}) {
    if (header->contains(name)) return IdTokenFault::kHeader;
  }
  const std::string algorithm = TextOf(*header, "alg");
  if (std::find(std::begin(kAlgorithms), std::end(kAlgorithms), algorithm) ==
      std::end(kAlgorithms)) {
    return IdTokenFault::kAlgorithm;
  }
  const ProviderKey* key = FindKey(keys, algorithm, *header);
  if (key == nullptr) return IdTokenFault::kKeyUnknown;
  if (!Verifies(*key, token.substr(0, last), *signature)) return IdTokenFault::kSignature;

  // What follows is the provider's word.
  const auto claims = ParseObject(*claims_text);
  if (!claims) return IdTokenFault::kMalformed;
  if (TextOf(*claims, "iss") != expected.issuer) return IdTokenFault::kIssuer;
  if (!IsForClient(*claims, expected.client_id)) return IdTokenFault::kAudience;
  if (const auto fault = CheckTimes(*claims, now)) return *fault;
  if (TextOf(*claims, "nonce") != expected.nonce) return IdTokenFault::kNonce;
  IdTokenClaims read{.subject = TextOf(*claims, "sub")};
  if (read.subject.empty() || read.subject.size() > kLongestSubject) return IdTokenFault::kSubject;
  const auto verified = claims->find("email_verified");
  read.email_verified = verified != claims->end() && *verified == true;
  for (const auto& [name, value] : claims->items()) {
    if (auto texts = TextsOf(value)) read.texts.emplace(name, *std::move(texts));
  }
  return read;
}

}  // namespace rebound
