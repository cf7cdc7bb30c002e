#include "server/access/setup.h"

#include <algorithm>

#include "server/access/policy.h"
#include "server/access/token.h"
#include "server/storage/identities.h"

namespace rebound {
namespace {

constexpr int32_t kPage = 1'000;

}  // namespace

bool IsAdmin(const User& user, std::span<const RoleDef> roles) {
  return BaseOf(user.role, roles) == "admin" && user.org_units.empty() && user.queues.empty();
}

bool HasAdminUser(AccessRecords& records, std::span<const RoleDef> roles, std::string_view except) {
  const std::string left_out = CompatibilityFolded(except);
  std::string after;
  for (;;) {
    const std::vector<User> users = records.ListUsers(after, kPage);
    for (const User& user : users) {
      if (IsAdmin(user, roles) && !user.disabled && !user.password_hash.empty() &&
          CompatibilityFolded(user.name) != left_out) {
        return true;
      }
    }
    if (users.size() < static_cast<size_t>(kPage)) return false;
    after = users.back().name;
  }
}

bool HasAdmin(AccessRecords& records, std::span<const RoleDef> roles) {
  const std::vector<Store::Principal> principals = records.ListPrincipals();
  return std::any_of(principals.begin(), principals.end(),
                     [&](const Store::Principal& principal) {
                       return !principal.disabled && principal.scope.unrestricted() &&
                              BaseOf(principal.role, roles) == "admin";
                     }) ||
         HasAdminUser(records, roles);
}

std::optional<std::string> MakeSetupToken(Store& store, std::span<const RoleDef> roles,
                                          Timestamp now) {
  std::optional<std::string> token;
  store.WriteAccess([&](AccessRecords& records) {
    if (HasAdmin(records, roles)) return false;
    token = NewToken("rbo_");
    records.RemoveOneTimeTokens(OneTimeToken::Kind::kSetUp, "");
    records.Put(OneTimeToken{.token_hash = HashToken(*token),
                             .kind = OneTimeToken::Kind::kSetUp,
                             .expires_at = now + kSetupLifetime});
    return true;
  });
  return token;
}

}  // namespace rebound
