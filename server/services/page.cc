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
constexpr uint8_t kPageVersion = 1;

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
uint8_t* Bytes(std::string& text) { return reinterpret_cast<uint8_t*>(text.data()); }

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

std::string Seal(std::string_view plain, std::string_view bound_to, const SealKey& key) {
  std::string sealed(kNonceBytes + plain.size() + kTagBytes, '\0');
  randombytes_buf(sealed.data(), kNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(Bytes(sealed) + kNonceBytes, nullptr, Bytes(plain),
                                             plain.size(), Bytes(bound_to), bound_to.size(),
                                             nullptr, Bytes(sealed), key.data());
  constexpr auto kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string text(sodium_base64_encoded_len(sealed.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), Bytes(sealed), sealed.size(), kVariant);
  text.pop_back();  // libsodium ends it with a NUL
  return text;
}

std::optional<std::string> Unseal(std::string_view text, size_t length, std::string_view bound_to,
                                  const SealKey& key) {
  std::string sealed(kNonceBytes + length + kTagBytes, '\0');
  size_t decoded = 0;
  const char* end = nullptr;
  if (sodium_base642bin(Bytes(sealed), sealed.size(), text.data(), text.size(), nullptr, &decoded,
                        &end, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
      decoded != sealed.size() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  std::string plain(length, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          Bytes(plain), nullptr, nullptr, Bytes(sealed) + kNonceBytes, sealed.size() - kNonceBytes,
          Bytes(bound_to), bound_to.size(), Bytes(sealed), key.data()) != 0) {
    return std::nullopt;
  }
  return plain;
}

PageTokens::PageTokens(const Key& key) : key_(key) { CHECK(sodium_init() >= 0); }

std::string PageTokens::Seal(const PageCursor& cursor, std::string_view query_identity,
                             Timestamp now) const {
  std::string plain(kPlainBytes, '\0');
  uint8_t* bytes = Bytes(plain);
  bytes[0] = kPageVersion;
  PutInt64(bytes + 1, cursor.first);
  PutInt64(bytes + 9, cursor.second);
  std::copy(cursor.id.bytes.begin(), cursor.id.bytes.end(), bytes + 17);
  PutInt64(bytes + 33, ToMillis(now));
  return rebound::Seal(plain, query_identity, key_);
}

Result<PageCursor> PageTokens::Open(std::string_view token, std::string_view query_identity,
                                    Timestamp now) const {
  const Error invalid = FieldError("page_token", Reason::kPageTokenInvalid);
  const auto plain = Unseal(token, kPlainBytes, query_identity, key_);
  if (!plain) return invalid;
  const uint8_t* bytes = Bytes(std::string_view(*plain));
  if (bytes[0] != kPageVersion) return invalid;
  const Duration age = now - FromMillis(GetInt64(bytes + 33));
  if (age >= kLifetime || age <= -kLifetime) return invalid;
  PageCursor cursor{.first = GetInt64(bytes + 1), .second = GetInt64(bytes + 9)};
  std::copy(bytes + 17, bytes + 33, cursor.id.bytes.begin());
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
