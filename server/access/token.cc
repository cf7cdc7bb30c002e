#include "server/access/token.h"

#include <sodium.h>

#include "workflows/check.h"

namespace rebound {

std::string NewToken(std::string_view prefix) {
  CHECK(sodium_init() >= 0);
  std::array<uint8_t, 32> secret;
  randombytes_buf(secret.data(), secret.size());
  constexpr auto kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string text(sodium_base64_ENCODED_LEN(secret.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), secret.data(), secret.size(), kVariant);
  text.pop_back();  // libsodium ends it with a NUL
  return std::string(prefix) + text;
}

TokenHash HashToken(std::string_view token) {
  static_assert(std::tuple_size_v<TokenHash> == crypto_hash_sha256_BYTES);
  TokenHash hash;
  crypto_hash_sha256(hash.data(), reinterpret_cast<const uint8_t*>(token.data()), token.size());
  return hash;
}

}  // namespace rebound
