// Personal values that are no texts - a key in another system, an order's number, a link to a
// recording - lie in rows and events, where nothing is ever taken out. They are sealed with a key
// of the person's own: erasing the person deletes the key, and what it sealed is noise.
// Thread-safe: no state.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "workflows/ids.h"

namespace rebound {

// The secret of one customer record.
struct PersonKey {
  CustomerId customer{};
  std::array<uint8_t, 32> secret{};
};

// The key of a record; nullopt: there is none any more, or never was.
using FindPersonKey = std::function<std::optional<PersonKey>(const CustomerId&)>;

// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), the nonce being BLAKE2b-192 of the text under the
// same secret: the same text sealed twice gives the same bytes, and never two texts one nonce. The
// customer's id stands in front, in the clear and authenticated.
std::string Seal(const PersonKey& key, std::string_view plain);

enum class Unsealed {
  kOpen,
  kForgotten,  // its key is gone
  kDamaged
};
Unsealed Unseal(std::string_view sealed, const FindPersonKey& find, std::string* plain);

}  // namespace rebound
