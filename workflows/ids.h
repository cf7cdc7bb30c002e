// Identifiers: 128 bits, time-ordered, 26 lower-case base32 characters in the API, 16 bytes in SQL.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "workflows/time.h"

namespace rebound {

// 48 bits of UTC milliseconds, then 80 further bits, big-endian: byte order is time order. The text
// form is Crockford's base32 in lower case (0-9 a-z without i l o u), which sorts like the bytes.
// `Tag` makes a CaseId and a CustomerId different types.
template <typename Tag>
struct Id {
  std::array<uint8_t, 16> bytes{};

  friend auto operator<=>(const Id&, const Id&) = default;
  bool empty() const { return bytes == std::array<uint8_t, 16>{}; }
};

using RawId = Id<struct RawTag>;
using CaseId = Id<struct CaseTag>;
using CustomerId = Id<struct CustomerTag>;
using ResponseId = Id<struct ResponseTag>;
using AttemptId = Id<struct AttemptTag>;
using CommitmentId = Id<struct CommitmentTag>;
using RemedyId = Id<struct RemedyTag>;
using ExtensionId = Id<struct ExtensionTag>;
using AssistId = Id<struct AssistTag>;
using VerdictId = Id<struct VerdictTag>;
using AlertId = Id<struct AlertTag>;
using BlacklistEntryId = Id<struct BlacklistEntryTag>;
using BlacklistEvidenceId = Id<struct BlacklistEvidenceTag>;
using InvitationId = Id<struct InvitationTag>;
using TextId = Id<struct TextTag>;

std::string EncodeId(const std::array<uint8_t, 16>& bytes);
// nullopt unless `text` is exactly 26 characters of the alphabet and at most 128 bits.
std::optional<std::array<uint8_t, 16>> DecodeId(std::string_view text);

template <typename Tag>
std::string ToString(const Id<Tag>& id) {
  return EncodeId(id.bytes);
}

template <typename To>
std::optional<To> ParseId(std::string_view text) {
  auto bytes = DecodeId(text);
  if (!bytes) return std::nullopt;
  return To{*bytes};
}

template <typename To, typename From>
To IdCast(const Id<From>& id) {
  return To{id.bytes};
}

// The id that is fixed by when something happened and by what it is called elsewhere: history
// imports use it so that the order of rows does not change any id. FNV-1a, 2 x 64 bits, of which
// 80 are kept: not secret, only spread out.
RawId DeriveId(Timestamp at, std::string_view source_system, std::string_view external_id,
               std::string_view purpose);

// Hands out ids that rise strictly within one source. A value: the shell seeds it with `now` and
// random bits, and the domain takes from it. Not thread-safe.
class IdSource {
 public:
  IdSource() = default;
  IdSource(Timestamp now, uint64_t random_high, uint64_t random_low);

  template <typename T>
  T Next() {
    return T{NextBytes()};
  }

 private:
  std::array<uint8_t, 16> NextBytes();

  std::array<uint8_t, 16> next_{};
};

}  // namespace rebound

template <typename Tag>
struct std::hash<rebound::Id<Tag>> {
  size_t operator()(const rebound::Id<Tag>& id) const noexcept {
    uint64_t h = 0;
    for (size_t i = 8; i < 16; ++i) h = (h << 8) | id.bytes[i];
    uint64_t t = 0;
    for (size_t i = 0; i < 8; ++i) t = (t << 8) | id.bytes[i];
    return static_cast<size_t>(h * 0x9E3779B97F4A7C15ULL ^ t);
  }
};
