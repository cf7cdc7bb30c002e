#include "server/services/page.h"

#include <sodium.h>

#include <algorithm>
#include <cstddef>
#include <optional>

#include "workflows/check.h"

namespace rebound {
namespace {

constexpr int32_t kDefaultPageSize = 50;
constexpr int32_t kLargestPageSize = 1000;

constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
// Version, first, second, id, issued at.
constexpr size_t kPlainBytes = 1 + 8 + 8 + 16 + 8;
constexpr size_t kTokenBytes = kNonceBytes + kPlainBytes + kTagBytes;
constexpr uint8_t kVersion = 1;

using Plain = std::array<uint8_t, kPlainBytes>;
using Token = std::array<uint8_t, kTokenBytes>;

void PutInt64(uint8_t* out, int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  for (int i = 0; i < 8; ++i) out[i] = static_cast<uint8_t>(bits >> (56 - 8 * i));
}

int64_t GetInt64(const uint8_t* in) {
  uint64_t bits = 0;
  for (int i = 0; i < 8; ++i) bits = (bits << 8) | in[i];
  return static_cast<int64_t>(bits);
}

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

std::optional<Token> Decode(std::string_view text) {
  Token token;
  size_t length = 0;
  const char* end = nullptr;
  if (sodium_base642bin(token.data(), token.size(), text.data(), text.size(), nullptr, &length,
                        &end, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
      length != token.size() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return token;
}

}  // namespace

std::string QueryIdentity(std::initializer_list<std::string_view> parts) {
  std::string identity;
  for (std::string_view part : parts) {
    identity += std::to_string(part.size());
    identity += ':';
    identity += part;
  }
  return identity;
}

PageTokens::PageTokens(const Key& key) : key_(key) { CHECK(sodium_init() >= 0); }

std::string PageTokens::Seal(const PageCursor& cursor, std::string_view query_identity,
                             Timestamp now) const {
  Plain plain;
  plain[0] = kVersion;
  PutInt64(&plain[1], cursor.first);
  PutInt64(&plain[9], cursor.second);
  std::copy(cursor.id.bytes.begin(), cursor.id.bytes.end(), plain.begin() + 17);
  PutInt64(&plain[33], ToMillis(now));

  Token token;
  randombytes_buf(token.data(), kNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      token.data() + kNonceBytes, nullptr, plain.data(), plain.size(), Bytes(query_identity),
      query_identity.size(), nullptr, token.data(), key_.data());

  constexpr auto kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string text(sodium_base64_ENCODED_LEN(kTokenBytes, kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), token.data(), token.size(), kVariant);
  text.pop_back();  // libsodium ends it with a NUL
  return text;
}

Result<PageCursor> PageTokens::Open(std::string_view token_text, std::string_view query_identity,
                                    Timestamp now) const {
  const Error invalid = FieldError("page_token", Reason::kPageTokenInvalid);
  const std::optional<Token> token = Decode(token_text);
  if (!token) return invalid;
  Plain plain;
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          plain.data(), nullptr, nullptr, token->data() + kNonceBytes, kTokenBytes - kNonceBytes,
          Bytes(query_identity), query_identity.size(), token->data(), key_.data()) != 0 ||
      plain[0] != kVersion) {
    return invalid;
  }
  const Duration age = now - FromMillis(GetInt64(&plain[33]));
  if (age >= kLifetime || age <= -kLifetime) return invalid;
  PageCursor cursor{.first = GetInt64(&plain[1]), .second = GetInt64(&plain[9])};
  std::copy(plain.begin() + 17, plain.begin() + 33, cursor.id.bytes.begin());
  return cursor;
}

Result<int32_t> PageSize(int32_t requested) {
  if (requested < 0) {
    return FieldError("page_size", Reason::kPageSizeInvalid,
                      {{"value", std::to_string(requested)}});
  }
  if (requested == 0) return kDefaultPageSize;
  return std::min(requested, kLargestPageSize);
}

}  // namespace rebound
