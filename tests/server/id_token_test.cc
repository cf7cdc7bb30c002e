// Id tokens with keys made here: good ones of each algorithm, and attack 41's.
#include "server/access/id_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include <nlohmann/json.hpp>

namespace rebound {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;

constexpr Timestamp kTokenNow = FromMillis(1'800'000'000'000);
constexpr int64_t kSeconds = 1'800'000'000;

std::string Url64(std::string_view bytes) {
  constexpr auto kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), kVariant);
  text.pop_back();
  return text;
}

std::shared_ptr<EVP_PKEY> Owned(EVP_PKEY* key) { return {key, EVP_PKEY_free}; }

std::string NumberOf(EVP_PKEY* key, const char* name, int size = 0) {
  BIGNUM* number = nullptr;
  EXPECT_EQ(EVP_PKEY_get_bn_param(key, name, &number), 1);
  std::string bytes(static_cast<size_t>(size != 0 ? size : BN_num_bytes(number)), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
               static_cast<int>(bytes.size()));
  BN_free(number);
  return Url64(bytes);
}

Json RsaJwk(EVP_PKEY* key, const std::string& id) {
  return {{"kty", "RSA"},
          {"kid", id},
          {"use", "sig"},
          {"n", NumberOf(key, OSSL_PKEY_PARAM_RSA_N)},
          {"e", NumberOf(key, OSSL_PKEY_PARAM_RSA_E)}};
}

// Signs as `algorithm` says, with whatever key.
std::string Sign(EVP_PKEY* key, const std::string& algorithm, const std::string& text) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* details = nullptr;
  const bool is_ed = algorithm == "EdDSA";
  EXPECT_EQ(EVP_DigestSignInit(context, &details, is_ed ? nullptr : EVP_sha256(), nullptr, key), 1);
  if (algorithm == "PS256") {
    EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST);
  }
  std::string signature(1024, '\0');
  size_t size = signature.size();
  auto* out = reinterpret_cast<unsigned char*>(signature.data());
  EXPECT_EQ(EVP_DigestSign(context, out, &size, reinterpret_cast<const unsigned char*>(text.data()),
                           text.size()),
            1);
  EVP_MD_CTX_free(context);
  signature.resize(size);
  if (algorithm != "ES256") return signature;
  const auto* in = reinterpret_cast<const unsigned char*>(signature.data());
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(size));
  std::string raw(64, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(pair), reinterpret_cast<unsigned char*>(raw.data()), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair), reinterpret_cast<unsigned char*>(raw.data()) + 32, 32);
  ECDSA_SIG_free(pair);
  return raw;
}

class IdTokenTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    rsa = Owned(EVP_RSA_gen(2048));
    other_rsa = Owned(EVP_RSA_gen(2048));
    ec = Owned(EVP_EC_gen("P-256"));
    ed = Owned(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  }
  static void TearDownTestSuite() { rsa = other_rsa = ec = ed = nullptr; }

  static Json EcJwk() {
    return {{"kty", "EC"},
            {"crv", "P-256"},
            {"kid", "ec"},
            {"x", NumberOf(ec.get(), OSSL_PKEY_PARAM_EC_PUB_X, 32)},
            {"y", NumberOf(ec.get(), OSSL_PKEY_PARAM_EC_PUB_Y, 32)}};
  }
  static Json EdJwk() {
    std::string bytes(32, '\0');
    size_t size = bytes.size();
    EVP_PKEY_get_raw_public_key(ed.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size);
    return {{"kty", "OKP"}, {"crv", "Ed25519"}, {"kid", "ed"}, {"x", Url64(bytes)}};
  }
  static std::vector<ProviderKey> Keys() {
    const Json document = {{"keys", {RsaJwk(rsa.get(), "rsa"), EcJwk(), EdJwk()}}};
    return ParseProviderKeys(document.dump()).value();
  }
  static Json Claims() {
    return {{"iss", "https://login.example"}, {"aud", "rebound"}, {"sub", "u-1"},
            {"exp", kSeconds + 300},          {"iat", kSeconds},  {"nonce", "n-1"}};
  }
  static std::string Token(const std::string& header, const std::string& claims, EVP_PKEY* key,
                           const std::string& algorithm) {
    const std::string text = Url64(header) + "." + Url64(claims);
    return text + "." + Url64(Sign(key, algorithm, text));
  }
  static std::string Good(const Json& claims) {
    return Token(R"({"alg":"RS256","kid":"rsa"})", claims.dump(), rsa.get(), "RS256");
  }
  // "ok", or the fault.
  static std::string Read(const std::string& token) {
    const auto read =
        ReadIdToken(token, Keys(), {"https://login.example", "rebound", "n-1"}, kTokenNow);
    const auto* fault = std::get_if<IdTokenFault>(&read);
    return fault == nullptr ? "ok" : std::string(Name(*fault));
  }

  inline static std::shared_ptr<EVP_PKEY> rsa, other_rsa, ec, ed;
};

TEST_F(IdTokenTest, EachAlgorithmOfTheListIsVerified) {
  const std::string claims = Claims().dump();
  EXPECT_EQ(Read(Token(R"({"alg":"RS256","kid":"rsa"})", claims, rsa.get(), "RS256")), "ok");
  EXPECT_EQ(Read(Token(R"({"alg":"PS256","kid":"rsa"})", claims, rsa.get(), "PS256")), "ok");
  EXPECT_EQ(Read(Token(R"({"alg":"ES256","kid":"ec"})", claims, ec.get(), "ES256")), "ok");
  EXPECT_EQ(Read(Token(R"({"alg":"EdDSA","kid":"ed"})", claims, ed.get(), "EdDSA")), "ok");
  // Without a name there has to be one key of the algorithm.
  EXPECT_EQ(Read(Token(R"({"alg":"ES256","typ":"JWT"})", claims, ec.get(), "ES256")), "ok");
}

TEST_F(IdTokenTest, ClaimsThatAreTextsAreRead) {
  Json claims = Claims();
  claims.update({{"email", "li@example.com"},
                 {"email_verified", true},
                 {"age", 3},
                 {"groups", {"care", "leads"}},
                 {"mixed", {"a", 1}}});
  const auto read =
      ReadIdToken(Good(claims), Keys(), {"https://login.example", "rebound", "n-1"}, kTokenNow);
  const auto* found = std::get_if<IdTokenClaims>(&read);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->subject, "u-1");
  EXPECT_TRUE(found->email_verified);
  EXPECT_THAT(found->texts.at("email"), ElementsAre("li@example.com"));
  EXPECT_THAT(found->texts.at("groups"), ElementsAre("care", "leads"));
  EXPECT_EQ(found->texts.count("age"), 0u);
  EXPECT_EQ(found->texts.count("mixed"), 0u);
  claims["email_verified"] = "true";  // no word of the provider's
  const auto text =
      ReadIdToken(Good(claims), Keys(), {"https://login.example", "rebound", "n-1"}, kTokenNow);
  EXPECT_FALSE(std::get<IdTokenClaims>(text).email_verified);
}

TEST_F(IdTokenTest, HeadersThatChooseTheirOwnKeyAreRefused) {
  const std::string claims = Claims().dump();
  struct {
    const char* header;
    const char* fault;
  } const cases[] = {
      {R"({"alg":"none"})", "algorithm"},
      {R"({"alg":"None","kid":"rsa"})", "algorithm"},
      {R"({"alg":"HS256","kid":"rsa"})", "algorithm"},
      {R"({"alg":"RS512","kid":"rsa"})", "algorithm"},
      {R"({"kid":"rsa"})", "algorithm"},
      {R"({"alg":["RS256"],"kid":"rsa"})", "algorithm"},
      {R"({"alg":"RS256","kid":"../../dev/null"})", "key unknown"},
      {R"({"alg":"RS256","kid":"rsa' OR '1'='1"})", "key unknown"},
      {R"({"alg":"RS256","kid":""})", "key unknown"},
      {R"({"alg":"RS256","kid":7})", "key unknown"},
      {R"({"alg":"ES256","kid":"rsa"})", "key unknown"},
      {R"({"alg":"RS256","kid":"rsa","jku":"http://127.0.0.1/keys"})", "header"},
      {R"({"alg":"RS256","kid":"rsa","x5u":"http://127.0.0.1/cert"})", "header"},
      {R"({"alg":"RS256","kid":"rsa","jwk":{"kty":"RSA"}})", "header"},
      {R"({"alg":"RS256","kid":"rsa","x5c":["MII"]})", "header"},
      {R"({"alg":"RS256","kid":"rsa","crit":["b64"],"b64":false})", "header"},
      {R"({"alg":"none","kid":"rsa","alg":"RS256"})", "malformed"},
      {R"(["RS256"])", "malformed"},
      {R"({"alg":"PS256","kid":"rsa"})", "signature"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Read(Token(c.header, claims, rsa.get(), "RS256")), c.fault) << c.header;
  }
  EXPECT_EQ(Read(Token(R"({"alg":"RS256","kid":"rsa"})", claims, other_rsa.get(), "RS256")),
            "signature");
}

TEST_F(IdTokenTest, APublicKeyIsNoSharedSecret) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(bio, rsa.get());
  char* pem = nullptr;
  const auto size = static_cast<size_t>(BIO_get_mem_data(bio, &pem));
  const std::string text = Url64(R"({"alg":"HS256","kid":"rsa"})") + "." + Url64(Claims().dump());
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int mac_size = 0;
  HMAC(EVP_sha256(), pem, static_cast<int>(size),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &mac_size);
  BIO_free(bio);
  EXPECT_EQ(Read(text + "." + Url64({reinterpret_cast<char*>(mac), mac_size})), "algorithm");
}

TEST_F(IdTokenTest, ClaimsForOthersOrAnotherTimeAreRefused) {
  struct {
    const char* claim;
    Json value;  // null takes it away
    const char* fault;
  } const cases[] = {
      {"iss", "https://login.example/", "issuer"},
      {"iss", nullptr, "issuer"},
      {"aud", "another", "audience"},
      {"aud", nullptr, "audience"},
      {"aud", {"rebound", "another"}, "audience"},
      {"aud", Json::array({"rebound"}), "ok"},
      {"aud", Json::array({"rebound", 1}), "audience"},
      {"azp", "another", "audience"},
      {"azp", "rebound", "ok"},
      {"azp", 1, "audience"},
      {"nonce", "n-2", "nonce"},
      {"nonce", nullptr, "nonce"},
      {"exp", kSeconds - 60, "expired"},
      {"exp", kSeconds - 59, "ok"},
      {"exp", nullptr, "malformed"},
      {"exp", "1900000000", "malformed"},
      {"exp", 1e300, "malformed"},
      {"exp", -1, "malformed"},
      {"iat", kSeconds + 61, "not yet valid"},
      {"iat", nullptr, "malformed"},
      {"nbf", kSeconds + 61, "not yet valid"},
      {"nbf", kSeconds + 60, "ok"},
      {"nbf", "soon", "malformed"},
      {"sub", nullptr, "subject"},
      {"sub", std::string(256, 'x'), "subject"},
  };
  for (const auto& c : cases) {
    Json claims = Claims();
    c.value.is_null() ? void(claims.erase(c.claim)) : void(claims[c.claim] = c.value);
    EXPECT_EQ(Read(Good(claims)), c.fault) << c.claim << ": " << c.value;
  }
  Json claims = Claims();
  claims["aud"] = {"rebound", "another"};
  claims["azp"] = "rebound";
  EXPECT_EQ(Read(Good(claims)), "ok");
}

TEST_F(IdTokenTest, OtherSpellingsAreRefused) {
  const std::string good = Good(Claims());
  ASSERT_EQ(Read(good), "ok");
  EXPECT_EQ(Read(good + "="), "malformed");
  EXPECT_EQ(Read(good + "\n"), "malformed");
  EXPECT_EQ(Read(good + "."), "malformed");
  EXPECT_EQ(Read(" " + good), "malformed");
  EXPECT_EQ(Read(good.substr(0, good.rfind('.'))), "malformed");
  EXPECT_EQ(Read(good.substr(0, good.rfind('.') + 1)), "signature");
  EXPECT_EQ(Read(""), "malformed");
  // 256 bytes end in a character of which two bits alone count: the next has the same bytes.
  std::string twin = good;
  ++twin.back();
  EXPECT_EQ(Read(twin), "malformed");
  EXPECT_EQ(Read(good.substr(0, good.rfind('.')) + std::string(64 << 10, 'A')), "too long");
  const std::string twice = R"({"iss":"https://login.example","iss":"https://login.example"})";
  EXPECT_EQ(Read(Token(R"({"alg":"RS256","kid":"rsa"})", twice, rsa.get(), "RS256")), "malformed");
  const std::string deep = R"({"a":)" + std::string(1000, '[') + std::string(1000, ']') + "}";
  EXPECT_EQ(Read(Token(R"({"alg":"RS256","kid":"rsa"})", deep, rsa.get(), "RS256")), "malformed");
}

TEST_F(IdTokenTest, KeysOfNoUseAreLeftOut) {
  const auto count = [](const Json& keys) {
    Json document = Json::object();
    document["keys"] = keys;
    return ParseProviderKeys(document.dump()).value().size();
  };
  const auto with = [](Json jwk, const char* name, Json value) {
    jwk[name] = std::move(value);
    return jwk;
  };
  const auto one = [&](const Json& jwk) { return count(Json::array({jwk})); };
  EXPECT_EQ(one(RsaJwk(rsa.get(), "a")), 2u);  // for RS256 and PS256
  EXPECT_EQ(one(with(RsaJwk(rsa.get(), "a"), "alg", "RS256")), 1u);
  EXPECT_EQ(one(with(RsaJwk(rsa.get(), "a"), "alg", "RS512")), 0u);
  EXPECT_EQ(one(with(RsaJwk(rsa.get(), "a"), "use", "enc")), 0u);
  EXPECT_EQ(one(RsaJwk(Owned(EVP_RSA_gen(1024)).get(), "a")), 0u);
  EXPECT_EQ(one(EcJwk()), 1u);
  EXPECT_EQ(one(with(EcJwk(), "crv", "P-384")), 0u);
  EXPECT_EQ(one(with(EcJwk(), "x", EcJwk()["y"])), 0u);  // no point of the curve
  EXPECT_EQ(one(EdJwk()), 1u);
  EXPECT_EQ(one(with(EdJwk(), "x", "AAAA")), 0u);
  EXPECT_EQ(one({{"kty", "oct"}, {"k", "c2VjcmV0"}, {"kid", "a"}}), 0u);
  EXPECT_EQ(count(Json::array({1, "key", nullptr})), 0u);
  EXPECT_FALSE(ParseProviderKeys("").has_value());
  EXPECT_FALSE(ParseProviderKeys("[]").has_value());
  EXPECT_FALSE(ParseProviderKeys(R"({"keys":{}})").has_value());
  // Two keys of one name: neither is the one that is meant.
  const Json twins = {{"keys", {RsaJwk(rsa.get(), "rsa"), RsaJwk(other_rsa.get(), "rsa")}}};
  const auto read = ReadIdToken(Good(Claims()), ParseProviderKeys(twins.dump()).value(),
                                {"https://login.example", "rebound", "n-1"}, kTokenNow);
  EXPECT_EQ(std::get<IdTokenFault>(read), IdTokenFault::kKeyUnknown);
}

}  // namespace
}  // namespace rebound
