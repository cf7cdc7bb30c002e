// Webhooks: CloudEvents 1.0 in JSON, signed after Standard Webhooks 1.0.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rebound/v1/event.pb.h"
#include "server/delivery/transfer.h"
#include "workflows/result.h"
#include "workflows/time.h"

namespace rebound {

namespace api = rebound::v1;

struct WebhookTarget {
  std::string url{};
  std::vector<std::pair<std::string, std::string>> headers{};  // CheckHeaders passed
  // Each signs: the current one, and the one before while keys are rotated. "whsec_": HMAC-SHA256;
  // "whsk_": Ed25519.
  std::vector<std::string> keys{};
};

// What CloudEvents calls the type: "io.rebound.case_opened.v1" of "CaseOpened".
std::string CloudEventType(std::string_view event_type);

// The body without a signature: application/cloudevents+json. `id` is the event's own, the same in
// every delivery; `subject` is its case's number, or else the id of what it happened to; `data` is
// rebound.v1.Event in proto3 JSON, without the cursor, which is valid for its subscriber alone.
// At most kMostWebhookBytes: of what is longer first the note is cut, at a code point, then the
// longest details go, and the extension attribute "truncated" is true; the record is read by its
// id.
inline constexpr size_t kMostWebhookBytes = 20'000;
std::string WebhookBody(const api::Event& event, std::string_view source);

// `delivery_id` is webhook-id: the same in each try of one delivery to one endpoint. `source` is
// who we are, a URI reference: "https://cases.example.com" or "/rebound". REQUIRES: IsSigningKey
// of each key.
HttpPost WebhookPost(const WebhookTarget& target, std::string_view delivery_id, Timestamp now,
                     const api::Event& event, std::string_view source);

// What webhook-signature says of `body`: a signature for each key, with a blank between.
// REQUIRES: IsSigningKey of each.
std::string SignatureOf(const std::vector<std::string>& keys, std::string_view id, Timestamp now,
                        std::string_view body);

// "whsec_" and base64 of 24 to 64 bytes, or "whsk_" and base64 of an Ed25519 secret key (seed and
// public key, 64 bytes, as libsodium has it).
bool IsSigningKey(std::string_view key);
std::string NewHmacSecret();     // of 32 random bytes
std::string NewEd25519Secret();  // "whsk_..."
// "whpk_..." of a "whsk_..." key, to be shown to the receiver. REQUIRES: IsSigningKey.
std::string PublicKeyOf(std::string_view ed25519_secret);

// Headers that an endpoint adds. HEADER_NOT_ALLOWED or TOO_MANY_ITEMS (20) or TEXT_TOO_LONG (1,024
// bytes), all at once, as `field`[i].name or .value: names are tokens, once each, not Host,
// webhook-*, content-*, a header of the connection or of what we set; values are printable ASCII.
Result<void> CheckHeaders(std::string_view field,
                          const std::vector<std::pair<std::string, std::string>>& headers);

}  // namespace rebound
