#include "server/access/password.h"

#include <sodium.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <set>

#include "server/storage/identities.h"
#include "workflows/check.h"

namespace rebound {
namespace {

// What guessers begin with. The product's and the user's name are added.
constexpr std::string_view kTried[] = {
    "rebound", "password",   "passw0rd",   "qwertyuiop", "qwerty",   "asdfghjkl",
    "123456",  "1234567890", "0123456789", "abcdef",     "letmein",  "welcome",
    "admin",   "woaini",     "iloveyou",   "1q2w3e4r",   "88888888", "666666"};
// Of what is left beside these, and different ones among all.
constexpr size_t kFewestOthers = 6;
constexpr size_t kFewestDifferent = 5;

size_t Characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) >> 6) != 2; }));
}

void RemoveAll(std::string& text, std::string_view part) {
  if (part.empty()) return;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at)) {
    text.erase(at, part.size());
  }
}

bool IsEasyToGuess(std::string_view password, std::string_view user_name) {
  std::string rest = CompatibilityFolded(password);
  std::set<std::string> different;
  for (size_t i = 0; i < rest.size();) {
    size_t end = i + 1;
    while (end < rest.size() && (static_cast<unsigned char>(rest[end]) >> 6) == 2) ++end;
    different.insert(rest.substr(i, end - i));
    i = end;
  }
  if (different.size() < kFewestDifferent) return true;
  RemoveAll(rest, CompatibilityFolded(user_name));
  for (const std::string_view word : kTried) RemoveAll(rest, word);
  return Characters(rest) < kFewestOthers;
}

Error Refused(const std::string& field, const char* expected) {
  return FieldError(field, Reason::kPasswordRefused, {{"expected", expected}});
}

}  // namespace

std::string NormalPassword(std::string_view password) {
  if (password.empty() || password.size() > kPasswordBytes) return {};
  constexpr auto kOptions =
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
  utf8proc_uint8_t* normal = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(password.data()),
                   static_cast<utf8proc_ssize_t>(password.size()), &normal, kOptions);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(normal, &std::free);
  if (size <= 0) return {};
  std::string text(reinterpret_cast<const char*>(normal), static_cast<size_t>(size));
  const bool has_control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7F;
  });
  return has_control ? std::string() : text;
}

Result<std::string> NewPassword(const std::string& field, std::string_view password,
                                std::string_view user_name) {
  if (password.size() > kPasswordBytes) return Refused(field, "at most 1,024 bytes");
  std::string normal = NormalPassword(password);
  if (normal.empty() && !password.empty()) return Refused(field, "no control characters");
  if (Characters(normal) < kPasswordCharacters) return Refused(field, "at least 10 characters");
  if (IsEasyToGuess(normal, user_name)) {
    return Refused(field, "more than the user's name, the product's or what everybody tries");
  }
  return normal;
}

std::string HashPassword(std::string_view password, const PasswordCost& cost) {
  CHECK(sodium_init() >= 0);
  char hash[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str_alg(hash, password.data(), password.size(), cost.passes, cost.memory_bytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    throw std::bad_alloc();
  }
  return hash;
}

bool VerifyPassword(std::string_view hash, std::string_view password, const PasswordCost& cost) {
  if (hash.empty()) {
    HashPassword(password, cost);
    return false;
  }
  CHECK(sodium_init() >= 0);
  const std::string text(hash);
  return crypto_pwhash_str_verify(text.c_str(), password.data(), password.size()) == 0;
}

bool NeedsRehash(std::string_view hash, const PasswordCost& cost) {
  const std::string text(hash);
  return crypto_pwhash_str_needs_rehash(text.c_str(), cost.passes, cost.memory_bytes) != 0;
}

}  // namespace rebound
