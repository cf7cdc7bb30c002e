// Page sizes, sealed texts, and page tokens, which are sealed.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "workflows/ids.h"
#include "workflows/result.h"
#include "workflows/time.h"

namespace rebound {

// Where a page ended. Each list says which of the fields it uses.
struct PageCursor {
  int64_t first = 0;
  int64_t second = 0;
  RawId id{};

  friend bool operator==(const PageCursor&, const PageCursor&) = default;
};

// One text for everything a page token is bound to: method, principal, filter, order and so on.
// Each part is preceded by its length, so that different parts never give the same text.
std::string QueryIdentity(std::initializer_list<std::string_view> parts);

// What a caller carries and shall neither read nor make nor alter.
using SealKey = std::array<uint8_t, 32>;
// Characters of [A-Za-z0-9_-] for the bytes of `plain` and 40 more; different at each
// call. Thread-safe, like Unseal.
std::string Seal(std::string_view plain, std::string_view bound_to, const SealKey& key);
// The `plain` of exactly this length that Seal made `text` of, with an equal key and for an equal
// `bound_to`; nullopt: it is none.
std::optional<std::string> Unseal(std::string_view text, size_t length, std::string_view bound_to,
                                  const SealKey& key);

// Seals and opens page tokens: a caller can neither read nor make nor alter one, nor use it as
// another caller or for another query. Immutable; thread-safe.
class PageTokens {
 public:
  using Key = SealKey;
  static constexpr Duration kLifetime = std::chrono::hours(24);

  // `key` is random; with another key, as after a restart, every token is invalid.
  explicit PageTokens(const Key& key);

  // 108 characters of [A-Za-z0-9_-]; different at each call.
  std::string Seal(const PageCursor& cursor, std::string_view query_identity, Timestamp now) const;

  // kPageTokenInvalid for field "page_token" unless Seal of an equal key made `token` for an equal
  // query identity less than kLifetime ago. The clock may have gone back by as much meanwhile.
  Result<PageCursor> Open(std::string_view token, std::string_view query_identity,
                          Timestamp now) const;

 private:
  Key key_;
};

// The number of rows to send: 0 asks for 50, more than 1,000 gives 1,000. kPageSizeInvalid when
// negative.
Result<int32_t> PageSize(int32_t requested);

}  // namespace rebound
