#include "server/access/oidc.h"

#include <curl/curl.h>
#include <sodium.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "server/access/token.h"
#include "server/log.h"
#include "workflows/check.h"

namespace rebound {
namespace {

using Json = nlohmann::json;

constexpr size_t kLongestProviderAnswer = 1 << 20;
constexpr size_t kLongestCode = 4 << 10;
constexpr size_t kLongestName = 256;
constexpr long kTimeoutMillis = 10'000;
constexpr size_t kSecretLength = 43;
constexpr auto kBase64Url = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

struct CloseEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, CloseEasy>;

struct FreeFields {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Fields = std::unique_ptr<curl_slist, FreeFields>;

std::string ToBase64(const unsigned char* bytes, size_t size) {
  std::string text(sodium_base64_ENCODED_LEN(size, kBase64Url), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes, size, kBase64Url);
  text.pop_back();  // libsodium ends it with a NUL
  return text;
}

// Also for the body of a form: a space is %20.
std::string Escaped(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      escaped += c;
    } else {
      escaped.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return escaped;
}

std::string ToQuery(const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string query;
  for (const auto& [name, value] : parameters) {
    if (!query.empty()) query += '&';
    query += name + "=" + Escaped(value);
  }
  return query;
}

enum class AddressKind { kNone, kHttps, kLocalHttp };

AddressKind KindOf(const std::string& url) {
  const bool printable =
      std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7F; });
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), curl_url_cleanup);
  if (!printable || url.size() > 2'000 ||
      curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return AddressKind::kNone;
  }
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    const bool found = curl_url_get(parts.get(), which, &text, 0) == CURLUE_OK;
    std::string copy = found ? text : "";
    curl_free(text);
    return copy;
  };
  if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty() ||
      url.find('#') != std::string::npos) {
    return AddressKind::kNone;
  }
  const std::string scheme = part(CURLUPART_SCHEME), host = part(CURLUPART_HOST);
  if (scheme == "https" && !host.empty()) return AddressKind::kHttps;
  const bool local = host == "localhost" || host == "127.0.0.1" || host == "[::1]";
  return scheme == "http" && local ? AddressKind::kLocalHttp : AddressKind::kNone;
}

std::string TextAt(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string ValueOr(const std::map<std::string, std::string>& parameters, const char* name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

Error Refusal(Reason reason, std::string fault) {
  return Error{reason, {{"fault", std::move(fault)}}};
}

// What is on its way in.
struct Incoming {
  const std::atomic<bool>* stopping = nullptr;
  std::string body{};
  size_t got = 0;  // headers and all
};

bool CountBytes(Incoming& incoming, size_t bytes) {
  incoming.got += bytes;
  return incoming.got <= kLongestProviderAnswer;
}

size_t TakeBody(char* bytes, size_t, size_t count, void* incoming_pointer) {
  Incoming& incoming = *static_cast<Incoming*>(incoming_pointer);
  if (!CountBytes(incoming, count)) return 0;
  incoming.body.append(bytes, count);
  return count;
}

size_t TakeField(char*, size_t, size_t count, void* incoming_pointer) {
  return CountBytes(*static_cast<Incoming*>(incoming_pointer), count) ? count : 0;
}

int GoesOn(void* incoming_pointer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return *static_cast<Incoming*>(incoming_pointer)->stopping ? 1 : 0;
}

template <typename Value>
void Set(CURL* easy, CURLoption option, Value value) {
  CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

}  // namespace

std::string FaultOf(const OidcSettings& settings) {
  if (KindOf(settings.issuer) == AddressKind::kNone) {
    return "expected an https address as the OpenID issuer (http only on this machine), but got "
           "\"" +
           settings.issuer + "\"";
  }
  if (settings.client_id.empty()) return "expected a client id for the OpenID provider";
  if (settings.client_secret.empty()) return "expected a client secret for the OpenID provider";
  if (KindOf(settings.redirect_url) == AddressKind::kNone ||
      !settings.redirect_url.ends_with("/sign-in/oidc/callback")) {
    return "expected https://NAME/sign-in/oidc/callback as the OpenID redirect URL (http only on "
           "this machine), but got \"" +
           settings.redirect_url + "\"";
  }
  if (settings.claim != "preferred_username" && settings.claim != "email" &&
      settings.claim != "sub") {
    return "expected preferred_username, email or sub as the OpenID claim, but got \"" +
           settings.claim + "\"";
  }
  return {};
}

std::optional<OidcProvider> ReadDiscovery(std::string_view document, const std::string& issuer) {
  const Json json = Json::parse(document, nullptr, false);
  if (!json.is_object() || TextAt(json, "issuer") != issuer) return std::nullopt;
  OidcProvider provider{.authorization_endpoint = TextAt(json, "authorization_endpoint"),
                        .token_endpoint = TextAt(json, "token_endpoint"),
                        .jwks_uri = TextAt(json, "jwks_uri")};
  const AddressKind least = KindOf(issuer);
  for (const std::string* url :
       {&provider.authorization_endpoint, &provider.token_endpoint, &provider.jwks_uri}) {
    const AddressKind kind = KindOf(*url);
    if (kind != AddressKind::kHttps && (kind == AddressKind::kNone || kind != least)) {
      return std::nullopt;
    }
  }
  return provider;
}

OidcSeal::OidcSeal() {
  static_assert(sizeof(key_) == crypto_secretbox_KEYBYTES);
  CHECK(sodium_init() >= 0);
  crypto_secretbox_keygen(key_.data());
}

std::string OidcSeal::Seal(const OidcAttempt& attempt) const {
  for (const std::string* secret : {&attempt.state, &attempt.nonce, &attempt.verifier}) {
    CHECK(secret->size() == kSecretLength);
  }
  const std::string plain =
      attempt.state + attempt.nonce + attempt.verifier + std::to_string(ToMillis(attempt.begun));
  std::string sealed(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + plain.size(), '\0');
  auto* bytes = reinterpret_cast<unsigned char*>(sealed.data());
  randombytes_buf(bytes, crypto_secretbox_NONCEBYTES);
  CHECK(crypto_secretbox_easy(bytes + crypto_secretbox_NONCEBYTES,
                              reinterpret_cast<const unsigned char*>(plain.data()), plain.size(),
                              bytes, key_.data()) == 0);
  return ToBase64(bytes, sealed.size());
}

std::optional<OidcAttempt> OidcSeal::Open(std::string_view sealed, Timestamp now) const {
  constexpr size_t kAround = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
  constexpr size_t kLongest = 512;
  if (sealed.size() > kLongest) return std::nullopt;
  std::string bytes(sealed.size(), '\0');
  size_t size = 0;
  const char* end = nullptr;
  auto* raw = reinterpret_cast<unsigned char*>(bytes.data());
  if (sodium_base642bin(raw, bytes.size(), sealed.data(), sealed.size(), nullptr, &size, &end,
                        kBase64Url) != 0 ||
      end != sealed.data() + sealed.size() || size <= kAround + 3 * kSecretLength) {
    return std::nullopt;
  }
  std::string plain(size - kAround, '\0');
  if (crypto_secretbox_open_easy(reinterpret_cast<unsigned char*>(plain.data()),
                                 raw + crypto_secretbox_NONCEBYTES,
                                 size - crypto_secretbox_NONCEBYTES, raw, key_.data()) != 0) {
    return std::nullopt;
  }
  OidcAttempt attempt{.state = plain.substr(0, kSecretLength),
                      .nonce = plain.substr(kSecretLength, kSecretLength),
                      .verifier = plain.substr(2 * kSecretLength, kSecretLength),
                      .begun = FromMillis(std::stoll(plain.substr(3 * kSecretLength)))};
  if (now < attempt.begun || now - attempt.begun >= kLifetime) return std::nullopt;
  return attempt;
}

OidcClient::OidcClient(OidcSettings settings, Clock& clock)
    : settings_(std::move(settings)), clock_(clock) {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(global == CURLE_OK);
  if (const std::string fault = FaultOf(settings_); !fault.empty()) {
    throw std::runtime_error(fault);
  }
}

OidcClient::Answer OidcClient::Ask(const std::string& url, const std::string& form) const {
  Incoming incoming{.stopping = &stopping_};
  const Easy owned(curl_easy_init());
  CURL* easy = owned.get();
  CHECK(easy != nullptr);
  std::array<char, CURL_ERROR_SIZE> words{};
  const Fields fields(curl_slist_append(nullptr, "accept: application/json"));
  Set(easy, CURLOPT_URL, url.c_str());
  Set(easy, CURLOPT_PROTOCOLS_STR, "https,http");
  Set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  Set(easy, CURLOPT_ERRORBUFFER, words.data());
  Set(easy, CURLOPT_NOSIGNAL, 1L);
  Set(easy, CURLOPT_TIMEOUT_MS, kTimeoutMillis);
  Set(easy, CURLOPT_PROXY, "");
  Set(easy, CURLOPT_NETRC, long{CURL_NETRC_IGNORED});
  Set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  Set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  Set(easy, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  Set(easy, CURLOPT_HTTPHEADER, fields.get());
  Set(easy, CURLOPT_WRITEFUNCTION, &TakeBody);
  Set(easy, CURLOPT_WRITEDATA, static_cast<void*>(&incoming));
  Set(easy, CURLOPT_HEADERFUNCTION, &TakeField);
  Set(easy, CURLOPT_HEADERDATA, static_cast<void*>(&incoming));
  Set(easy, CURLOPT_NOPROGRESS, 0L);
  Set(easy, CURLOPT_XFERINFOFUNCTION, &GoesOn);
  Set(easy, CURLOPT_XFERINFODATA, static_cast<void*>(&incoming));
  if (!form.empty()) {
    // Both are escaped before they are joined (RFC 6749, 2.3.1).
    Set(easy, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    Set(easy, CURLOPT_USERNAME, Escaped(settings_.client_id).c_str());
    Set(easy, CURLOPT_PASSWORD, Escaped(settings_.client_secret).c_str());
    Set(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(form.size()));
    Set(easy, CURLOPT_POSTFIELDS, form.c_str());
  }
  const CURLcode code = stopping_ ? CURLE_ABORTED_BY_CALLBACK : curl_easy_perform(easy);
  Answer answer;
  if (incoming.got > kLongestProviderAnswer) {
    answer.fault = "the answer is too long";
  } else if (code != CURLE_OK) {
    answer.fault = words.front() != '\0' ? words.data() : curl_easy_strerror(code);
  } else {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    answer.status = static_cast<int>(status);
    answer.body = std::move(incoming.body);
    if (status != 200) answer.fault = "status " + std::to_string(status);
  }
  return answer;
}

Result<OidcClient::Known> OidcClient::Fetch() const {
  const auto broken = [](const char* what, const std::string& fault) {
    Log(Level::kWarning, "the OpenID provider gave nothing of use",
        {{"what", what}, {"fault", fault}});
    return Refusal(Reason::kProviderUnavailable, std::string(what) + ": " + fault);
  };
  std::string base = settings_.issuer;
  if (base.ends_with('/')) base.pop_back();
  const Answer document = Ask(base + "/.well-known/openid-configuration", "");
  if (document.status != 200) return broken("discovery", document.fault);
  auto provider = ReadDiscovery(document.body, settings_.issuer);
  if (!provider) return broken("discovery", "another issuer, or addresses of no use");
  const Answer jwks = Ask(provider->jwks_uri, "");
  if (jwks.status != 200) return broken("keys", jwks.fault);
  auto keys = ParseProviderKeys(jwks.body);
  if (!keys || keys->empty()) return broken("keys", "none of use");
  return Known{*std::move(provider), *std::move(keys)};
}

Result<OidcClient::Known> OidcClient::Know(bool unknown_key) {
  std::unique_lock lock(mutex_);
  const Duration now = clock_.Steady();
  const auto what_there_is = [this]() -> Result<Known> {
    if (known_) return *known_;
    return *failed_;
  };
  if (!unknown_key && known_ && now - known_at_ < kKept) return *known_;
  if (fetching_) {
    if (unknown_key || !known_) fetched_.wait(lock, [this] { return !fetching_; });
    return what_there_is();
  }
  if (unknown_key && asked_at_ && now - *asked_at_ < kRefreshStep) return *known_;
  // Who cannot be reached is not tried by everybody who wants to sign in: each would wait for it.
  if (failed_ && now - failed_at_ < kFailureKept) return what_there_is();
  if (unknown_key) asked_at_ = now;
  fetching_ = true;
  lock.unlock();
  Result<Known> fetched = Refusal(Reason::kProviderUnavailable, "internal");
  try {
    fetched = Fetch();
  } catch (const std::exception& e) {
    // Or the others would wait for ever.
    Log(Level::kError, "the OpenID provider's documents were not read", {{"what", e.what()}});
  }
  lock.lock();
  if (fetched) {
    known_ = *std::move(fetched);
    known_at_ = now;
    failed_.reset();
  } else {
    failed_ = fetched.error();
    failed_at_ = clock_.Steady();
  }
  fetching_ = false;
  fetched_.notify_all();
  return what_there_is();
}

Result<OidcClient::Begun> OidcClient::Begin() {
  const auto known = Know(false);
  if (!known) return known.error();
  const OidcAttempt attempt{.state = NewToken(""),
                            .nonce = NewToken(""),
                            .verifier = NewToken(""),
                            .begun = clock_.Now()};
  const TokenHash challenge = HashToken(attempt.verifier);
  std::string scope = "openid";
  if (settings_.claim == "email") scope += " email";
  if (settings_.claim == "preferred_username") scope += " profile";
  const std::string& endpoint = known->provider.authorization_endpoint;
  Begun begun;
  begun.location = endpoint + (endpoint.find('?') == std::string::npos ? '?' : '&') +
                   ToQuery({{"response_type", "code"},
                            {"client_id", settings_.client_id},
                            {"redirect_uri", settings_.redirect_url},
                            {"scope", scope},
                            {"state", attempt.state},
                            {"nonce", attempt.nonce},
                            {"code_challenge", ToBase64(challenge.data(), challenge.size())},
                            {"code_challenge_method", "S256"}});
  begun.sealed = seal_.Seal(attempt);
  return begun;
}

Result<std::string> OidcClient::Finish(const std::map<std::string, std::string>& parameters,
                                       std::string_view sealed) {
  const auto attempt = seal_.Open(sealed, clock_.Now());
  if (!attempt) return Refusal(Reason::kProviderSignInEnded, "not begun, or too old");
  const std::string state = ValueOr(parameters, "state");
  if (state.size() != attempt->state.size() ||
      sodium_memcmp(state.data(), attempt->state.data(), state.size()) != 0) {
    return Refusal(Reason::kProviderSignInEnded, "another state");
  }
  // Of a provider that says who it is (RFC 9207), so that no other can pass as it.
  const auto issuer = parameters.find("iss");
  if (issuer != parameters.end() && issuer->second != settings_.issuer) {
    return Refusal(Reason::kProviderSignInRefused, "another issuer");
  }
  if (parameters.count("error") != 0) {
    return Refusal(Reason::kProviderSignInRefused, "by the provider");
  }
  const std::string code = ValueOr(parameters, "code");
  if (code.empty() || code.size() > kLongestCode) {
    return Refusal(Reason::kProviderSignInRefused, "no code");
  }
  auto known = Know(false);
  if (!known) return known.error();
  const auto token = IdTokenFor(known->provider, code, attempt->verifier);
  if (!token) return token.error();
  const IdTokenExpectations expected{settings_.issuer, settings_.client_id, attempt->nonce};
  auto read = ReadIdToken(*token, known->keys, expected, clock_.Now());
  if (std::get_if<IdTokenFault>(&read) != nullptr &&
      std::get<IdTokenFault>(read) == IdTokenFault::kKeyUnknown) {
    known = Know(true);
    if (!known) return known.error();
    read = ReadIdToken(*token, known->keys, expected, clock_.Now());
  }
  if (const auto* fault = std::get_if<IdTokenFault>(&read)) {
    return Refusal(Reason::kProviderSignInRefused, "token: " + std::string(Name(*fault)));
  }
  return NameIn(std::get<IdTokenClaims>(read));
}

Result<std::string> OidcClient::IdTokenFor(const OidcProvider& provider, const std::string& code,
                                           const std::string& verifier) const {
  const Answer answer =
      Ask(provider.token_endpoint, ToQuery({{"grant_type", "authorization_code"},
                                            {"code", code},
                                            {"redirect_uri", settings_.redirect_url},
                                            {"code_verifier", verifier}}));
  const Json json = Json::parse(answer.body, nullptr, false);
  // Of a code that is nobody's, was used, or is somebody else's (RFC 6749, 5.2). Any other refusal
  // is about us.
  if (answer.status == 400 && json.is_object() && TextAt(json, "error") == "invalid_grant") {
    return Refusal(Reason::kProviderSignInRefused, "code");
  }
  if (answer.status != 200 || !json.is_object()) {
    const std::string fault = answer.fault.empty() ? "no JSON" : answer.fault;
    Log(Level::kWarning, "the OpenID provider gave nothing of use",
        {{"what", "token"}, {"fault", fault}});
    return Refusal(Reason::kProviderUnavailable, "token: " + fault);
  }
  return TextAt(json, "id_token");
}

Result<std::string> OidcClient::NameIn(const IdTokenClaims& claims) const {
  if (settings_.claim == "sub") return claims.subject;
  if (settings_.claim == "email" && !claims.email_verified) {
    return Refusal(Reason::kProviderUserUnknown, "address not verified");
  }
  const auto found = claims.texts.find(settings_.claim);
  if (found == claims.texts.end() || found->second.size() != 1 || found->second.front().empty() ||
      found->second.front().size() > kLongestName) {
    return Refusal(Reason::kProviderUserUnknown, "no claim " + settings_.claim);
  }
  return found->second.front();
}

}  // namespace rebound
