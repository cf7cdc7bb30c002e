#include "server/delivery/webhook.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "server/delivery/signing.h"
#include "workflows/check.h"

namespace rebound {
namespace {

constexpr std::string_view kHmac = "whsec_";
constexpr std::string_view kEd25519 = "whsk_";
constexpr std::string_view kEd25519Public = "whpk_";
constexpr size_t kMostHeaders = 20;
constexpr size_t kLongestHeader = 1'024;

const unsigned char* Octets(const std::string& bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// The secret's bytes; empty: it is no key of that kind.
std::string HmacKey(std::string_view key) {
  if (!key.starts_with(kHmac)) return {};
  auto bytes = FromPaddedBase64(key.substr(kHmac.size()));
  if (!bytes || bytes->size() < 24 || bytes->size() > 64) return {};
  return *std::move(bytes);
}

std::string Ed25519Key(std::string_view key) {
  if (!key.starts_with(kEd25519)) return {};
  auto bytes = FromPaddedBase64(key.substr(kEd25519.size()));
  if (!bytes || bytes->size() != crypto_sign_ed25519_SECRETKEYBYTES) return {};
  // Signing with a public key that is not the seed's gives the secret away.
  std::array<unsigned char, crypto_sign_ed25519_PUBLICKEYBYTES> public_key{};
  std::array<unsigned char, crypto_sign_ed25519_SECRETKEYBYTES> secret_key{};
  crypto_sign_ed25519_seed_keypair(public_key.data(), secret_key.data(), Octets(*bytes));
  if (sodium_memcmp(secret_key.data(), bytes->data(), secret_key.size()) != 0) return {};
  return *std::move(bytes);
}

std::string Subject(const api::Event& event) {
  for (const std::string* id : {&event.case_number(), &event.case_id(), &event.entry_id(),
                                &event.response_id(), &event.customer_id()}) {
    if (!id->empty()) return *id;
  }
  return {};
}

std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string EventJson(const api::Event& event, std::string_view source, bool truncated) {
  std::string data;
  CHECK(google::protobuf::util::MessageToJsonString(event, &data).ok());
  std::string body = "{\"specversion\":\"1.0\",\"id\":" + Quoted(event.id()) +
                     ",\"source\":" + Quoted(std::string(source)) +
                     ",\"type\":" + Quoted(CloudEventType(event.type()));
  if (const std::string subject = Subject(event); !subject.empty()) {
    body += ",\"subject\":" + Quoted(subject);
  }
  if (event.has_occur_time()) {
    body += ",\"time\":" + Quoted(google::protobuf::util::TimeUtil::ToString(event.occur_time()));
  }
  if (truncated) body += ",\"truncated\":true";
  return body + ",\"datacontenttype\":\"application/json\",\"data\":" + data + "}";
}

bool IsTokenCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
}

// Of the connection (RFC 9110 7.6.1), of the message's frame, or what we set.
bool IsReserved(std::string_view lower) {
  static const std::set<std::string_view> kNames = {"host",
                                                    "connection",
                                                    "keep-alive",
                                                    "proxy-connection",
                                                    "transfer-encoding",
                                                    "te",
                                                    "trailer",
                                                    "upgrade",
                                                    "expect",
                                                    "accept-encoding",
                                                    "user-agent",
                                                    "via",
                                                    "proxy-authorization",
                                                    "range",
                                                    "cookie",
                                                    "forwarded",
                                                    "http2-settings",
                                                    "proxy-authenticate",
                                                    "date"};
  return kNames.contains(lower) || lower.starts_with("webhook-") || lower.starts_with("content-") ||
         lower.starts_with("x-forwarded-");
}

}  // namespace

std::string CloudEventType(std::string_view event_type) {
  std::string type = "io.rebound.";
  bool first = true;
  for (const char c : event_type) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !first) type += '_';
    type += upper ? static_cast<char>(c - 'A' + 'a') : c;
    first = false;
  }
  return type + ".v1";
}

std::string WebhookBody(const api::Event& event, std::string_view source) {
  api::Event shown = event;
  shown.clear_cursor();
  std::string body = EventJson(shown, source, false);
  if (body.size() <= kMostWebhookBytes) return body;
  // JSON makes up to six bytes of one, so that what fits has to be tried.
  const auto with_note = [&](size_t bytes) {
    shown.set_note(std::string(CutAtCodePoint(event.note(), bytes)));
    return EventJson(shown, source, true);
  };
  size_t fits = 0;
  for (size_t step = std::bit_floor(kMostWebhookBytes); step > 0; step /= 2) {
    if (with_note(fits + step).size() <= kMostWebhookBytes) fits += step;
  }
  body = with_note(fits);
  auto& details = *shown.mutable_details();
  while (body.size() > kMostWebhookBytes && !details.empty()) {
    details.erase(
        std::max_element(details.begin(), details.end(), [](const auto& a, const auto& b) {
          return a.second.size() < b.second.size();
        })->first);
    body = EventJson(shown, source, true);
  }
  return body;
}

HttpPost WebhookPost(const WebhookTarget& target, std::string_view delivery_id, Timestamp now,
                     const api::Event& event, std::string_view source) {
  HttpPost post{.url = target.url, .headers = target.headers, .body = WebhookBody(event, source)};
  post.headers.emplace_back("Content-Type", "application/cloudevents+json; charset=utf-8");
  post.headers.emplace_back("webhook-id", delivery_id);
  post.headers.emplace_back("webhook-timestamp", std::to_string(ToMillis(now) / 1'000));
  post.headers.emplace_back("webhook-signature",
                            SignatureOf(target.keys, delivery_id, now, post.body));
  return post;
}

std::string SignatureOf(const std::vector<std::string>& keys, std::string_view id, Timestamp now,
                        std::string_view body) {
  std::string content(id);
  content += "." + std::to_string(ToMillis(now) / 1'000) + ".";
  content += body;
  std::string signatures;
  for (const std::string& key : keys) {
    if (!signatures.empty()) signatures += ' ';
    if (const std::string hmac = HmacKey(key); !hmac.empty()) {
      signatures += "v1," + PaddedBase64(HmacSha256(hmac, content));
      continue;
    }
    const std::string secret = Ed25519Key(key);
    CHECK(!secret.empty());
    std::string signature(crypto_sign_ed25519_BYTES, '\0');
    crypto_sign_ed25519_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr,
                                 Octets(content), content.size(), Octets(secret));
    signatures += "v1a," + PaddedBase64(signature);
  }
  return signatures;
}

bool IsSigningKey(std::string_view key) {
  return !HmacKey(key).empty() || !Ed25519Key(key).empty();
}

std::string NewHmacSecret() {
  CHECK(sodium_init() >= 0);
  std::string bytes(32, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  return std::string(kHmac) + PaddedBase64(bytes);
}

std::string NewEd25519Secret() {
  CHECK(sodium_init() >= 0);
  std::array<unsigned char, crypto_sign_ed25519_PUBLICKEYBYTES> public_key{};
  std::string secret(crypto_sign_ed25519_SECRETKEYBYTES, '\0');
  crypto_sign_ed25519_keypair(public_key.data(), reinterpret_cast<unsigned char*>(secret.data()));
  return std::string(kEd25519) + PaddedBase64(secret);
}

std::string PublicKeyOf(std::string_view ed25519_secret) {
  const std::string secret = Ed25519Key(ed25519_secret);
  CHECK(!secret.empty());
  return std::string(kEd25519Public) + PaddedBase64(secret.substr(crypto_sign_ed25519_SEEDBYTES));
}

Result<void> CheckHeaders(std::string_view field,
                          const std::vector<std::pair<std::string, std::string>>& headers) {
  if (headers.size() > kMostHeaders) {
    return FieldError(
        std::string(field), Reason::kTooManyItems,
        {{"expected", std::to_string(kMostHeaders)}, {"value", std::to_string(headers.size())}});
  }
  std::vector<FieldViolation> violations;
  std::set<std::string> names;
  for (size_t i = 0; i < headers.size(); ++i) {
    const auto& [name, value] = headers[i];
    const std::string at = std::string(field) + "[" + std::to_string(i) + "]";
    const auto too_long = [&](const char* part, const std::string& text) {
      if (text.size() <= kLongestHeader) return;
      violations.push_back(
          {at + part,
           Reason::kTextTooLong,
           {{"expected", std::to_string(kLongestHeader)}, {"value", std::to_string(text.size())}}});
    };
    too_long(".name", name);
    too_long(".value", value);
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (name.empty() || !std::all_of(name.begin(), name.end(), IsTokenCharacter) ||
        IsReserved(lower) || !names.insert(lower).second) {
      violations.push_back({at + ".name", Reason::kHeaderNotAllowed, {}});
    }
    if (value.starts_with(' ') || value.ends_with(' ') ||
        !std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; })) {
      violations.push_back({at + ".value", Reason::kHeaderNotAllowed, {}});
    }
  }
  if (violations.empty()) return {};
  if (violations.size() == 1) {
    FieldViolation& one = violations.front();
    return FieldError(one.field, one.reason, one.metadata);
  }
  return Error{.reason = Reason::kFieldViolations, .violations = std::move(violations)};
}

}  // namespace rebound
