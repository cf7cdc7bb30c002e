// Passwords: what may be one, and its argon2id hash. Thread-safe: no state. Hashing takes tens of
// milliseconds and the memory it is told to: not for threads that answer calls.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "workflows/result.h"

namespace rebound {

// libsodium's limits for interactive use: 2 passes over 64 MiB.
struct PasswordCost {
  unsigned long long passes = 2;
  size_t memory_bytes = size_t{64} << 20;
};

inline constexpr size_t kPasswordCharacters = 10;  // the fewest
inline constexpr size_t kPasswordBytes = 1'024;    // the most

// The password in Unicode form NFKC, so that it is the same from every keyboard. Empty for what can
// be nobody's: too long, no UTF-8, or with control characters.
std::string NormalPassword(std::string_view password);

// The same for one that is to be set by the user of that name; kPasswordRefused for `field` unless
// it is long enough and takes more than a few guesses.
Result<std::string> NewPassword(const std::string& field, std::string_view password,
                                std::string_view user_name);

// Of a NormalPassword, with a salt of its own, in the form of libsodium's crypto_pwhash_str. Throws
// std::bad_alloc when there is not that much memory.
std::string HashPassword(std::string_view password, const PasswordCost& cost);

// False for an empty hash, after as much work as a hash of `cost` takes: how long it takes does not
// tell whether there is one.
bool VerifyPassword(std::string_view hash, std::string_view password, const PasswordCost& cost);

// Whether the hash was made at another cost.
bool NeedsRehash(std::string_view hash, const PasswordCost& cost);

}  // namespace rebound
