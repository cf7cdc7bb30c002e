// What customers are recognised by: their phone numbers, e-mail addresses and keys, in one form
// each (workflows/identity.h), as hashes. Thread-safe: no state.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "server/storage/store.h"
#include "workflows/identity.h"

namespace rebound {

// With every text in Unicode's compatibility form, composed, without case (NFKC_Casefold): full and
// half width, ligatures and other spellings of one text become one. What is no UTF-8 stays.
std::string CompatibilityFolded(std::string_view text);
Customer Folded(Customer customer);

// IdentityKeys of the folded customer. REQUIRES: hydrated.
std::vector<IdentityKey> FoldedKeys(const Customer& customer);

// For CustomersBy: BLAKE2b-128 of each key, its parts length first. They lie beside the texts they
// are made of, and go with them: nothing is hidden by hashing, they are only short.
Hash128 IdentityHash(const IdentityKey& key);
std::vector<Hash128> IdentityHashes(const Customer& customer);

// The secret of the hashes that outlive an erasure. Not in the database: with the database alone
// nobody can tell whose they are.
using SuppressionSecret = std::array<uint8_t, 32>;
// BLAKE2b-256 of the same bytes, keyed.
Hash256 SuppressionHash(const IdentityKey& key, const SuppressionSecret& secret);
std::vector<Hash256> SuppressionHashes(const Customer& customer, const SuppressionSecret& secret);

}  // namespace rebound
