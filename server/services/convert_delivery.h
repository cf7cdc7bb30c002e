// Endpoints and deliveries between the API and their records. Thread-safe: no state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rebound/v1/delivery.pb.h"
#include "server/delivery/delivery_options.h"
#include "server/services/checks.h"
#include "server/storage/delivery_records.h"

namespace rebound {

// What UpdateEndpoint may change, and CreateEndpoint takes beside the kind.
inline constexpr std::string_view kEndpointFields[] = {"url", "recipients", "filter", "language",
                                                       "headers"};

// Takes over the fields that `paths` names, but for the filter, and checks each for its shape and
// for where it leads. `to` has its kind already.
void ReadEndpoint(const api::Endpoint& in, const std::vector<std::string>& paths,
                  const DeliveryOptions& settings, Checks& checks, Endpoint* to);
// The secret that a robot's vendor shows: empty where it has none. `required`: an empty one is at
// fault, and so is an endpoint without such a secret.
std::string ReadRobotSecret(EndpointKind kind, const std::string& secret, bool required,
                            Checks& checks);

// Without secrets: of headers the names alone, of a robot's url no key.
void Fill(const Endpoint& endpoint, Timestamp now, api::Endpoint* out);
void Fill(const Delivery& delivery, api::Delivery* out);
// Of a webhook signed by Ed25519; else empty.
std::string PublicKeyOf(const Endpoint& endpoint);

// What a receiver answered, fit to be shown: at most `most` bytes of it, as UTF-8; what is none, or
// a control character, is U+FFFD.
std::string ShownAnswer(std::string_view answer, size_t most);
inline constexpr size_t kShownAnswer = 1'000;

}  // namespace rebound
