// Bearer tokens: made once, shown once, kept only as a hash.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace rebound {

using TokenHash = std::array<uint8_t, 32>;

// A new secret: `prefix` and 43 characters of [A-Za-z0-9_-] that hold 32 random bytes. Thread-safe.
std::string NewToken(std::string_view prefix = "rbt_");

// SHA-256 of the whole text. No salt: the tokens are random. Thread-safe.
TokenHash HashToken(std::string_view token);

}  // namespace rebound
