#include "workflows/ids.h"

#include "workflows/check.h"

namespace rebound {
namespace {

constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";

constexpr int DigitOf(char c) {
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    if (kAlphabet[i] == c) return static_cast<int>(i);
  }
  return -1;
}

uint64_t Fnv1a(uint64_t hash, std::string_view text) {
  for (char c : text) {
    hash ^= static_cast<uint8_t>(c);
    hash *= 0x100000001B3ULL;
  }
  // A separator that cannot occur in the text, so ("a","bc") and ("ab","c") differ.
  hash ^= 0x1FF;
  hash *= 0x100000001B3ULL;
  return hash;
}

uint64_t Mix(uint64_t x) {
  x ^= x >> 33;
  x *= 0xFF51AFD7ED558CCDULL;
  x ^= x >> 33;
  x *= 0xC4CEB9FE1A85EC53ULL;
  return x ^ (x >> 33);
}

std::array<uint8_t, 16> Assemble(Timestamp at, uint64_t high, uint64_t low) {
  std::array<uint8_t, 16> bytes{};
  const int64_t ms = ToMillis(at);
  CHECK(ms >= 0 && ms < (int64_t{1} << 48));
  for (size_t i = 0; i < 6; ++i) bytes[i] = static_cast<uint8_t>(ms >> (40 - 8 * i));
  bytes[6] = static_cast<uint8_t>(high >> 8);
  bytes[7] = static_cast<uint8_t>(high);
  for (size_t i = 0; i < 8; ++i) bytes[8 + i] = static_cast<uint8_t>(low >> (56 - 8 * i));
  return bytes;
}

}  // namespace

std::string EncodeId(const std::array<uint8_t, 16>& bytes) {
  // 130 bits of text hold 128 of value: the first character carries the top 3.
  std::string text(26, '0');
  for (size_t i = 0; i < 26; ++i) {
    unsigned value = 0;
    for (size_t bit = 0; bit < 5; ++bit) {
      const size_t position = i * 5 + bit;
      const unsigned set =
          position < 2
              ? 0U
              : (static_cast<unsigned>(bytes[(position - 2) / 8]) >> (7 - (position - 2) % 8)) & 1U;
      value = value << 1 | set;
    }
    text[i] = kAlphabet[value];
  }
  return text;
}

std::optional<std::array<uint8_t, 16>> DecodeId(std::string_view text) {
  if (text.size() != 26) return std::nullopt;
  std::array<uint8_t, 16> bytes{};
  for (size_t i = 0; i < 26; ++i) {
    const int value = DigitOf(text[i]);
    if (value < 0 || (i == 0 && value > 7)) return std::nullopt;
    for (size_t bit = 0; bit < 5; ++bit) {
      const size_t position = i * 5 + bit;
      if (position < 2) continue;
      if ((static_cast<unsigned>(value) >> (4 - bit)) & 1U) {
        bytes[(position - 2) / 8] |= static_cast<uint8_t>(1U << (7 - (position - 2) % 8));
      }
    }
  }
  return bytes;
}

RawId DeriveId(Timestamp at, std::string_view source_system, std::string_view external_id,
               std::string_view purpose) {
  const uint64_t a =
      Fnv1a(Fnv1a(Fnv1a(0xCBF29CE484222325ULL, purpose), source_system), external_id);
  const uint64_t b =
      Fnv1a(Fnv1a(Fnv1a(0x84222325CBF29CE4ULL, external_id), source_system), purpose);
  return RawId{Assemble(at, Mix(a), Mix(b))};
}

IdSource::IdSource(Timestamp now, uint64_t random_high, uint64_t random_low)
    : next_(Assemble(now, random_high, random_low)) {}

std::array<uint8_t, 16> IdSource::NextBytes() {
  const auto id = next_;
  for (size_t i = 16; i-- > 0;) {
    if (++next_[i] != 0) break;
  }
  return id;
}

}  // namespace rebound
