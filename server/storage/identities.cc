#include "server/storage/identities.h"

#include <sodium.h>
#include <utf8proc.h>

#include <cstdlib>
#include <memory>

namespace rebound {
namespace {

void AppendSized(std::string& out, std::string_view text) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<uint64_t>(text.size()) >> shift));
  }
  out.append(text);
}

std::string KeyBytes(const IdentityKey& key) {
  std::string bytes;
  AppendSized(bytes, Name(key.kind));
  AppendSized(bytes, key.source_system);
  AppendSized(bytes, key.value);
  return bytes;
}

template <typename Hash>
Hash HashOf(std::string_view bytes, const SuppressionSecret* secret) {
  Hash hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size(), secret == nullptr ? nullptr : secret->data(),
                     secret == nullptr ? 0 : secret->size());
  return hash;
}

}  // namespace

std::string CompatibilityFolded(std::string_view text) {
  constexpr auto kOptions = static_cast<utf8proc_option_t>(
      UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
  utf8proc_uint8_t* folded = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &folded, kOptions);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(folded, &std::free);
  if (size < 0) return std::string(text);
  return {reinterpret_cast<const char*>(folded), static_cast<size_t>(size)};
}

Customer Folded(Customer customer) {
  for (CustomerKey& key : customer.keys)
    key.external_id.value = CompatibilityFolded(key.external_id.value);
  for (ContactPoint& point : customer.profile.contact_points) {
    point.address.value = CompatibilityFolded(point.address.value);
  }
  return customer;
}

std::vector<IdentityKey> FoldedKeys(const Customer& customer) {
  return IdentityKeys(Folded(customer));
}

Hash128 IdentityHash(const IdentityKey& key) { return HashOf<Hash128>(KeyBytes(key), nullptr); }

std::vector<Hash128> IdentityHashes(const Customer& customer) {
  std::vector<Hash128> hashes;
  for (const IdentityKey& key : FoldedKeys(customer)) hashes.push_back(IdentityHash(key));
  return hashes;
}

Hash256 SuppressionHash(const IdentityKey& key, const SuppressionSecret& secret) {
  return HashOf<Hash256>(KeyBytes(key), &secret);
}

std::vector<Hash256> SuppressionHashes(const Customer& customer, const SuppressionSecret& secret) {
  std::vector<Hash256> hashes;
  for (const IdentityKey& key : FoldedKeys(customer)) {
    hashes.push_back(SuppressionHash(key, secret));
  }
  return hashes;
}

}  // namespace rebound
