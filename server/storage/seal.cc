#include "server/storage/seal.h"

#include <sodium.h>

#include <algorithm>

#include "workflows/check.h"

namespace rebound {
namespace {

constexpr size_t kIdSize = sizeof(CustomerId::bytes);
constexpr size_t kNonceSize = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagSize = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(sizeof(PersonKey::secret) == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string Seal(const PersonKey& key, std::string_view plain) {
  std::string sealed(kIdSize + kNonceSize + plain.size() + kTagSize, '\0');
  auto* const id = reinterpret_cast<unsigned char*>(sealed.data());
  unsigned char* const nonce = id + kIdSize;
  std::copy(key.customer.bytes.begin(), key.customer.bytes.end(), id);
  crypto_generichash(nonce, kNonceSize, Bytes(plain), plain.size(), key.secret.data(),
                     key.secret.size());
  unsigned long long size = 0;
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + kNonceSize, &size, Bytes(plain), plain.size(),
                                             id, kIdSize, nullptr, nonce, key.secret.data());
  CHECK(size == plain.size() + kTagSize);
  return sealed;
}

Unsealed Unseal(std::string_view sealed, const FindPersonKey& find, std::string* plain) {
  if (sealed.size() < kIdSize + kNonceSize + kTagSize) return Unsealed::kDamaged;
  CustomerId customer;
  std::copy_n(sealed.begin(), kIdSize, customer.bytes.begin());
  const auto key = find ? find(customer) : std::nullopt;
  if (!key) return Unsealed::kForgotten;
  const std::string_view nonce = sealed.substr(kIdSize, kNonceSize);
  const std::string_view body = sealed.substr(kIdSize + kNonceSize);
  plain->resize(body.size() - kTagSize);
  unsigned long long size = 0;
  const int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
      reinterpret_cast<unsigned char*>(plain->data()), &size, nullptr, Bytes(body), body.size(),
      Bytes(sealed), kIdSize, Bytes(nonce), key->secret.data());
  return failed == 0 ? Unsealed::kOpen : Unsealed::kDamaged;
}

}  // namespace rebound
