// Who might be the same person: phone numbers, e-mail addresses and external ids in one form each,
// and why two customers match, without showing what by. Pure. A match is a hint for somebody who
// links customers; nothing here links or merges.
//
// Texts are UTF-8. What is folded here is ASCII and its full-width forms, which Chinese input
// methods produce (０-９, Ａ-Ｚ, ＋, ＠, ideographic space). Full compatibility composition (NFKC)
// and case folding beyond ASCII need tables: the server applies them before it calls these
// functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/customer.h"

namespace rebound {

// What numbers without a country are taken for: mainland China.
inline constexpr std::string_view kDefaultCountryCode = "86";

// E.164: '+' and 8 to 15 digits; with ";ext=DIGITS" (RFC 3966) where an extension is given, for a
// switchboard's number alone is nobody's. nullopt: no number of a person, or not to be told.
//
// Read are spaces, '-', '.', '/', brackets and their full-width forms between digits; "+" or "00"
// before the country; "(0)" after it; an extension after 转, "ext", 'x' or '#'. Of China (86):
//   mobile    1[3-9] and 9 more digits, also after a 0 or a bare 86
//   landline  0, the area (10, 2x, or three digits from 3 to 9) and 7 or 8 digits; the area has to
//             be there
// Service numbers (95588, 10086, 400, 800) are refused: they belong to companies. Of other
// countries one 0 in front of the national number is dropped, and of 1 the 1 in front of ten
// digits. REQUIRES: default_country is 1 to 3 digits.
std::optional<std::string> NormalisePhone(std::string_view raw,
                                          std::string_view default_country = kDefaultCountryCode);

// Folded, in lower case, without spaces around it or a dot at its end. nullopt: not one local part,
// '@' and a domain with a dot. Dots and "+tag" of the local part stay: whether they matter is the
// provider's business, and to be listed for a namesake's deeds would be worse than not matching.
std::optional<std::string> NormaliseEmail(std::string_view raw);

// Folded, in lower case, without spaces around it; zeros in front stay. nullopt: nothing is left.
std::optional<std::string> NormaliseExternalId(std::string_view raw);

enum class IdentityKind { kUnset, kPhone, kEmail, kExternalId };
// snake_case, e.g. "external_id".
std::string_view Name(IdentityKind kind);

// One thing a person is known by.
struct IdentityKey {
  IdentityKind kind = IdentityKind::kUnset;
  std::string source_system{};  // external ids: whose; equal ids of two systems are two persons
  std::string value{};          // normalised; personal

  friend auto operator<=>(const IdentityKey&, const IdentityKey&) = default;
};

// What the customer is known by, each once, in order. Values that cannot be normalised, or were not
// loaded, are left out. Addresses of messengers and apps are not read: each app has its own.
std::vector<IdentityKey> IdentityKeys(const Customer& customer,
                                      std::string_view default_country = kDefaultCountryCode);

// Why two customers may be one person.
struct Match {
  IdentityKind kind = IdentityKind::kUnset;
  std::string source_system{};
  std::string shown{};  // masked: enough to find it again, not enough to use it

  friend bool operator==(const Match&, const Match&) = default;
};
std::vector<Match> MatchesOf(const Customer& a, const Customer& b,
                             std::string_view default_country = kDefaultCountryCode);

// "+86138****8000", "l***@example.com", "****0017". REQUIRES: normalised.
std::string Masked(const IdentityKey& key);

}  // namespace rebound
