#include "server/access/authenticator.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "server/access/rights.h"
#include "server/log.h"

namespace rebound {
namespace {

constexpr size_t kLongestAuthorization = 512;

// The token of "Bearer TOKEN"; empty when `header` is anything else.
std::string_view TokenOf(std::string_view header) {
  constexpr std::string_view kScheme = "bearer ";
  if (header.size() > kLongestAuthorization || header.size() < kScheme.size()) return {};
  const bool is_bearer =
      std::equal(kScheme.begin(), kScheme.end(), header.begin(), [](char expected, char c) {
        return expected == (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
      });
  if (!is_bearer) return {};
  header.remove_prefix(std::min(header.find_first_not_of(' ', kScheme.size()), header.size()));
  while (header.ends_with(' ')) header.remove_suffix(1);
  return header.find(' ') == std::string_view::npos ? header : std::string_view{};
}

}  // namespace

Result<Identity> Authenticator::Authenticate(std::string_view header, size_t header_count) {
  return AuthenticateToken(header_count == 1 ? TokenOf(header) : std::string_view{});
}

Result<Identity> Authenticator::AuthenticateToken(std::string_view token) {
  if (token.empty() || token.size() > kLongestAuthorization) return Error{Reason::kUnauthenticated};
  const TokenHash hash = HashToken(token);
  return Known({false, hash}, [&] { return Find(token, hash); });
}

Result<Identity> Authenticator::AuthenticateCertificate(const PeerCertificate& certificate) {
  if (clock_.Now() >= certificate.ends_at) return Error{Reason::kUnauthenticated};
  auto identity =
      Known({true, HashToken(certificate.uri)}, [&] { return FindNamed(certificate.uri); });
  if (identity) {
    auto& ends_at = identity->credential_ends_at;
    ends_at = std::min(ends_at.value_or(certificate.ends_at), certificate.ends_at);
  }
  return identity;
}

Result<Identity> Authenticator::Known(const Shown& shown, const std::function<Found()>& find) {
  const Error refused{.reason = Reason::kUnauthenticated};
  const Timestamp now = clock_.Now();
  const auto is_fresh = [now](const Remembered& entry) {
    return !entry.forgotten && entry.at <= now && now - entry.at < kRemembered;
  };
  const auto answer = [&](Remembered& entry) -> Result<Identity> {
    auto identity = IdentityOf(entry, now);
    if (!identity) return refused;
    NoteUse(entry, now);
    return *std::move(identity);
  };
  uint64_t changes = 0;
  {
    std::lock_guard lock(mutex_);
    const auto found = remembered_.find(shown);
    if (found != remembered_.end() && is_fresh(found->second)) return answer(found->second);
    changes = changes_;
  }

  Remembered entry{.found = {}, .at = now};
  try {
    entry.found = find();
  } catch (const StoreFailure&) {
    return Error{.reason = Reason::kStoreUnavailable};
  }
  std::lock_guard lock(mutex_);
  if (!entry.found.principal && !entry.found.user) {
    remembered_.erase(shown);
    return refused;
  }
  if (entry.found.session) entry.used_at = entry.found.session->used_at;
  // What was found while something changed may be from before it.
  entry.forgotten = changes != changes_;
  if (const auto before = remembered_.find(shown); before != remembered_.end()) {
    entry.used_at = std::max(entry.used_at, before->second.used_at);
    entry.written_at = before->second.written_at;
  } else if (remembered_.size() >= kCapacity) {
    std::erase_if(remembered_, [&](const auto& row) { return !is_fresh(row.second); });
    if (remembered_.size() >= kCapacity) remembered_.clear();
  }
  return answer(remembered_.insert_or_assign(shown, std::move(entry)).first->second);
}

Authenticator::Found Authenticator::Find(std::string_view token, const TokenHash& hash) {
  Found found;
  const bool is_session = token.starts_with("rbs_");
  if (!is_session && !token.starts_with("rbk_")) {
    found.principal = store_.FindPrincipal(hash);
    return found;
  }
  store_.ReadAccess([&](AccessRecords& records) {
    if (is_session) {
      found.session = records.FindSession(hash);
      if (found.session) found.user = records.FindUser(found.session->user);
    } else {
      found.key = records.FindApiKey(hash);
      if (found.key) found.user = records.FindUser(found.key->user);
    }
  });
  return found;
}

Authenticator::Found Authenticator::FindNamed(std::string_view uri) {
  Found found;
  const auto named = NamedBy(uri);
  if (!named) return found;
  store_.ReadAccess([&](AccessRecords& records) {
    if (!named->key.empty()) {
      found.key = records.GetApiKey(named->key);
      if (found.key) found.user = records.FindUser(found.key->user);
      return;
    }
    found.user = records.FindUser(named->user);
    // The store forgives case and width; whoever signs certificates may not.
    if (found.user && found.user->name != named->user) found.user.reset();
  });
  return found;
}

std::optional<Identity> Authenticator::IdentityOf(const Remembered& entry, Timestamp now) const {
  if (const auto& principal = entry.found.principal) {
    if (principal->disabled) return std::nullopt;
    return Identity{.name = principal->name,
                    .role = principal->role,
                    .scope = principal->scope,
                    .kind = CredentialKind::kPrincipalToken};
  }
  if (!entry.found.user || entry.found.user->disabled) return std::nullopt;
  const User& user = *entry.found.user;
  std::optional<Scope> scope = ScopeAt(user, now);
  if (!scope) return std::nullopt;
  Identity identity{.name = user.name, .role = user.role, .language = user.language};
  if (const auto& session = entry.found.session) {
    if (now >= session->expires_at || now - entry.used_at >= options_.session_idle) {
      return std::nullopt;
    }
    identity.kind = CredentialKind::kSession;
    identity.credential_id = session->id;
    identity.credential_ends_at = session->expires_at;
  } else if (!entry.found.key) {
    identity.kind = CredentialKind::kCertificate;
  } else {
    const ApiKey& key = *entry.found.key;
    if (key.revoked_at || now >= key.expires_at) return std::nullopt;
    scope = Intersection(*scope, key.scope);
    if (!scope) return std::nullopt;
    identity.kind = CredentialKind::kApiKey;
    identity.credential_id = key.id;
    identity.credential_ends_at = key.expires_at;
    identity.role = key.role;
    identity.user_role = user.role;
    identity.key_prefix = key.prefix;
    identity.methods = key.methods;
  }
  identity.scope = *std::move(scope);
  return identity;
}

Result<Identity> Authenticator::InTheNameOf(const std::string& owner, const std::string& role,
                                            const Scope& scope) {
  std::optional<User> user;
  std::optional<Store::Principal> principal;
  try {
    store_.ReadAccess([&](AccessRecords& records) {
      user = records.FindUser(owner);
      if (user) return;
      for (Store::Principal& each : records.ListPrincipals()) {
        if (each.name == owner) principal = std::move(each);
      }
    });
  } catch (const StoreFailure&) {
    return Error{.reason = Reason::kStoreUnavailable};
  }
  if (user ? user->disabled : (!principal || principal->disabled)) {
    return Error{.reason = Reason::kUnauthenticated};
  }
  std::optional<Scope> sees = user ? ScopeAt(*user, clock_.Now()) : principal->scope;
  if (sees) sees = Intersection(*sees, scope);
  if (!sees) {
    return Error{.reason = Reason::kUnauthenticated};
  }
  return Identity{.name = owner,
                  .role = role,
                  .scope = *std::move(sees),
                  .kind = CredentialKind::kApiKey,
                  .user_role = user ? user->role : principal->role};
}

void Authenticator::NoteUse(Remembered& entry, Timestamp now) {
  const bool is_session = entry.found.session.has_value();
  if (!is_session && !entry.found.key) return;
  entry.used_at = std::max(entry.used_at, now);
  const Timestamp known =
      is_session ? entry.found.session->used_at : entry.found.key->used_at.value_or(Timestamp{});
  const Timestamp written = std::max(known, entry.written_at);
  if (now - written < (is_session ? kSessionStep : kKeyStep)) return;
  const TokenHash hash = is_session ? entry.found.session->token_hash : entry.found.key->token_hash;
  // It may have gone meanwhile, and must not come back by this.
  const auto write = [this, hash, is_session, now] {
    try {
      store_.WriteAccess([&](AccessRecords& records) {
        if (is_session) {
          auto session = records.FindSession(hash);
          if (!session || session->used_at >= now) return false;
          session->used_at = now;
          records.Put(*session);
        } else {
          auto key = records.FindApiKey(hash);
          if (!key || (key->used_at && *key->used_at >= now)) return false;
          key->used_at = now;
          records.Put(*key);
        }
        return true;
      });
    } catch (const StoreFailure& e) {
      Log(Level::kWarning, "the last use of a credential was not written", {{"what", e.what()}});
    }
  };
  if (!options_.later) {
    write();
    entry.written_at = now;
  } else if (options_.later(write)) {
    entry.written_at = now;
  }
}

void Authenticator::Forget() {
  std::lock_guard lock(mutex_);
  ++changes_;
  for (auto& [shown, entry] : remembered_) entry.forgotten = true;
}

}  // namespace rebound
