#include "server/storage/memory_access.h"

#include <chrono>

#include "server/storage/identities.h"

namespace rebound {
namespace {

template <typename Key, typename Row>
std::optional<Row> At(const std::map<Key, Row>& rows, const Key& key) {
  const auto found = rows.find(key);
  if (found == rows.end()) return std::nullopt;
  return found->second;
}

template <typename Row>
std::optional<Row> ByToken(const std::map<RawId, Row>& rows, const Hash256& token_hash) {
  for (const auto& [id, row] : rows) {
    if (row.token_hash == token_hash) return row;
  }
  return std::nullopt;
}

template <typename Row>
std::vector<Row> OfUser(const std::map<RawId, Row>& rows, std::string_view user) {
  const std::string key = CompatibilityFolded(user);
  std::vector<Row> found;
  for (const auto& [id, row] : rows) {
    if (row.user == key) found.push_back(row);
  }
  return found;
}

// The row as it is kept: its user by folded name.
template <typename Row>
Row Kept(Row row) {
  row.user = CompatibilityFolded(row.user);
  return row;
}

}  // namespace

std::optional<User> MemoryAccess::FindUser(std::string_view name) {
  return At(tables_.users, CompatibilityFolded(name));
}

std::vector<User> MemoryAccess::ListUsers(std::string_view after, int32_t limit) {
  std::vector<User> users;
  for (auto it = tables_.users.upper_bound(CompatibilityFolded(after));
       it != tables_.users.end() && users.size() < static_cast<size_t>(limit); ++it) {
    users.push_back(it->second);
  }
  return users;
}

void MemoryAccess::Put(const User& user) { tables_.users[CompatibilityFolded(user.name)] = user; }

std::vector<Store::Principal> MemoryAccess::ListPrincipals() {
  std::vector<Store::Principal> principals;
  for (const auto& [name, principal] : principals_) principals.push_back(principal);
  return principals;
}

std::optional<UserSession> MemoryAccess::FindSession(const Hash256& token_hash) {
  return ByToken(tables_.sessions, token_hash);
}

std::optional<UserSession> MemoryAccess::GetSession(const RawId& id) {
  return At(tables_.sessions, id);
}

std::vector<UserSession> MemoryAccess::SessionsOf(std::string_view user) {
  return OfUser(tables_.sessions, user);
}

void MemoryAccess::Put(const UserSession& session) { tables_.sessions[session.id] = Kept(session); }

std::optional<ApiKey> MemoryAccess::FindApiKey(const Hash256& token_hash) {
  return ByToken(tables_.keys, token_hash);
}

std::optional<ApiKey> MemoryAccess::GetApiKey(const RawId& id) { return At(tables_.keys, id); }

std::vector<ApiKey> MemoryAccess::ApiKeysOf(std::string_view user) {
  return OfUser(tables_.keys, user);
}

void MemoryAccess::Put(const ApiKey& key) { tables_.keys[key.id] = Kept(key); }

std::optional<OneTimeToken> MemoryAccess::FindOneTimeToken(const Hash256& token_hash) {
  return At(tables_.one_time_tokens, token_hash);
}

void MemoryAccess::Put(const OneTimeToken& token) {
  tables_.one_time_tokens[token.token_hash] = Kept(token);
}

void MemoryAccess::RemoveOneTimeTokens(OneTimeToken::Kind kind, std::string_view user) {
  const std::string key = CompatibilityFolded(user);
  std::erase_if(tables_.one_time_tokens,
                [&](const auto& row) { return row.second.kind == kind && row.second.user == key; });
}

std::optional<RequestRecord> MemoryAccess::FindAccessRequest(const Hash128& key) {
  return At(tables_.requests, key);
}

void MemoryAccess::RemoveExpired(Timestamp now) {
  const auto is_over = [now](const auto& row) { return row.second.expires_at <= now; };
  std::erase_if(tables_.sessions, is_over);
  std::erase_if(tables_.one_time_tokens, is_over);
  std::erase_if(tables_.requests, [&](const auto& row) {
    return row.second.at < now - std::chrono::days(kRequestDays + 1);
  });
}

}  // namespace rebound
