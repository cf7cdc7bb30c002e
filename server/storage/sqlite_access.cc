#include "server/storage/sqlite_access.h"

#include <charconv>

#include "server/storage/identities.h"
#include "server/storage/sqlite_reader.h"
#include "server/storage/sqlite_writer.h"

namespace rebound {
namespace {

constexpr std::string_view kUserColumns =
    "SELECT name, role, org_units, queues, language, password_hash, disabled, created_by, "
    "created_ms, password_set_ms, signed_in_ms, version FROM users ";
constexpr std::string_view kSessionColumns =
    "SELECT id, token_hash, user_key, address, created_ms, used_ms, expires_ms FROM sessions ";
constexpr std::string_view kKeyColumns =
    "SELECT id, token_hash, prefix, user_key, role, org_units, queues, methods, description, "
    "created_by, created_ms, expires_ms, used_ms, revoked_ms FROM api_keys ";

std::string Select(std::string_view columns, std::string_view rest) {
  return std::string(columns).append(rest);
}

std::optional<Timestamp> TimeAt(const Query& query, int column) {
  if (query.IsNull(column)) return std::nullopt;
  return FromMillis(query.Int(column));
}

std::string Millis(const std::optional<Timestamp>& time) {
  return time ? std::to_string(ToMillis(*time)) : std::string();
}

std::optional<Timestamp> ReadMillis(std::string_view text) {
  int64_t millis = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), millis);
  if (text.empty() || code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return FromMillis(millis);
}

std::string JoinGrants(const std::vector<OrgUnitGrant>& grants) {
  std::vector<std::string> lines;
  for (const OrgUnitGrant& grant : grants) {
    lines.push_back(grant.org_unit_id + '\t' + Millis(grant.valid_from) + '\t' +
                    Millis(grant.valid_until));
  }
  return JoinLines(lines);
}

std::vector<OrgUnitGrant> SplitGrants(std::string_view text) {
  std::vector<OrgUnitGrant> grants;
  for (const std::string& line : SplitLines(text)) {
    const size_t first = std::min(line.find('\t'), line.size());
    const size_t second = std::min(line.find('\t', first + 1), line.size());
    const std::string_view view = line;
    grants.push_back({.org_unit_id = line.substr(0, first),
                      .valid_from = ReadMillis(view.substr(std::min(first + 1, second),
                                                           second - std::min(first + 1, second))),
                      .valid_until = ReadMillis(view.substr(std::min(second + 1, line.size())))});
  }
  return grants;
}

User UserAt(const Query& query) {
  return {.name = query.Text(0),
          .role = query.Text(1),
          .org_units = SplitGrants(query.Bytes(2)),
          .queues = SplitLines(query.Bytes(3)),
          .language = query.Text(4),
          .password_hash = query.Text(5),
          .disabled = query.Int(6) != 0,
          .created_by = query.Text(7),
          .created_at = FromMillis(query.Int(8)),
          .password_set_at = TimeAt(query, 9),
          .signed_in_at = TimeAt(query, 10),
          .version = query.Int(11)};
}

UserSession SessionAt(const Query& query) {
  return {.id = query.GetId<RawId>(0),
          .token_hash = query.GetHash<32>(1),
          .user = query.Text(2),
          .address = query.Text(3),
          .created_at = FromMillis(query.Int(4)),
          .used_at = FromMillis(query.Int(5)),
          .expires_at = FromMillis(query.Int(6))};
}

ApiKey KeyAt(const Query& query) {
  return {.id = query.GetId<RawId>(0),
          .token_hash = query.GetHash<32>(1),
          .prefix = query.Text(2),
          .user = query.Text(3),
          .role = query.Text(4),
          .scope = {SplitLines(query.Bytes(5)), SplitLines(query.Bytes(6))},
          .methods = SplitLines(query.Bytes(7)),
          .description = query.Text(8),
          .created_by = query.Text(9),
          .created_at = FromMillis(query.Int(10)),
          .expires_at = FromMillis(query.Int(11)),
          .used_at = TimeAt(query, 12),
          .revoked_at = TimeAt(query, 13)};
}

}  // namespace

std::string JoinLines(const std::vector<std::string>& lines) {
  std::string joined;
  for (const std::string& line : lines) (joined += joined.empty() ? "" : "\n") += line;
  return joined;
}

std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::optional<User> SqliteAccess::FindUser(std::string_view name) {
  const std::string key = CompatibilityFolded(name);
  Query query(connection_, Select(kUserColumns, "WHERE name_key = ?"));
  query.Bind(key);
  if (!query.Step()) return std::nullopt;
  return UserAt(query);
}

std::vector<User> SqliteAccess::ListUsers(std::string_view after, int32_t limit) {
  const std::string key = CompatibilityFolded(after);
  std::vector<User> users;
  Query query(connection_, Select(kUserColumns, "WHERE name_key > ? ORDER BY name_key LIMIT ?"));
  query.Bind(key).Bind(int64_t{limit});
  while (query.Step()) users.push_back(UserAt(query));
  return users;
}

void SqliteAccess::Put(const User& user) {
  const std::string key = CompatibilityFolded(user.name);
  const std::string org_units = JoinGrants(user.org_units);
  const std::string queues = JoinLines(user.queues);
  Query(connection_,
        "INSERT OR REPLACE INTO users (name_key, name, role, org_units, queues, language, "
        "password_hash, disabled, created_by, created_ms, password_set_ms, signed_in_ms, version) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .Bind(key)
      .Bind(user.name)
      .Bind(user.role)
      .Bind(org_units)
      .Bind(queues)
      .Bind(user.language)
      .Bind(user.password_hash)
      .Bind(int64_t{user.disabled})
      .Bind(user.created_by)
      .Bind(user.created_at)
      .Bind(user.password_set_at)
      .Bind(user.signed_in_at)
      .Bind(user.version)
      .Run();
}

std::vector<Store::Principal> SqliteAccess::ListPrincipals() {
  std::vector<Store::Principal> principals;
  Query query(connection_,
              "SELECT name, role, org_units, queues, disabled FROM principals ORDER BY name");
  while (query.Step()) {
    principals.push_back({.name = query.Text(0),
                          .role = query.Text(1),
                          .scope = {SplitLines(query.Bytes(2)), SplitLines(query.Bytes(3))},
                          .disabled = query.Int(4) != 0});
  }
  return principals;
}

std::optional<UserSession> SqliteAccess::FindSession(const Hash256& token_hash) {
  Query query(connection_, Select(kSessionColumns, "WHERE token_hash = ?"));
  query.BindBytes(BytesOf(token_hash));
  if (!query.Step()) return std::nullopt;
  return SessionAt(query);
}

std::optional<UserSession> SqliteAccess::GetSession(const RawId& id) {
  Query query(connection_, Select(kSessionColumns, "WHERE id = ?"));
  query.Bind(id);
  if (!query.Step()) return std::nullopt;
  return SessionAt(query);
}

std::vector<UserSession> SqliteAccess::SessionsOf(std::string_view user) {
  const std::string key = CompatibilityFolded(user);
  std::vector<UserSession> sessions;
  Query query(connection_, Select(kSessionColumns, "WHERE user_key = ? ORDER BY id"));
  query.Bind(key);
  while (query.Step()) sessions.push_back(SessionAt(query));
  return sessions;
}

void SqliteAccess::Put(const UserSession& session) {
  const std::string key = CompatibilityFolded(session.user);
  Query(connection_,
        "INSERT OR REPLACE INTO sessions (id, token_hash, user_key, address, created_ms, used_ms, "
        "expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?)")
      .Bind(session.id)
      .BindBytes(BytesOf(session.token_hash))
      .Bind(key)
      .Bind(session.address)
      .Bind(session.created_at)
      .Bind(session.used_at)
      .Bind(session.expires_at)
      .Run();
}

void SqliteAccess::RemoveSession(const RawId& id) {
  Query(connection_, "DELETE FROM sessions WHERE id = ?").Bind(id).Run();
}

std::optional<ApiKey> SqliteAccess::FindApiKey(const Hash256& token_hash) {
  Query query(connection_, Select(kKeyColumns, "WHERE token_hash = ?"));
  query.BindBytes(BytesOf(token_hash));
  if (!query.Step()) return std::nullopt;
  return KeyAt(query);
}

std::optional<ApiKey> SqliteAccess::GetApiKey(const RawId& id) {
  Query query(connection_, Select(kKeyColumns, "WHERE id = ?"));
  query.Bind(id);
  if (!query.Step()) return std::nullopt;
  return KeyAt(query);
}

std::vector<ApiKey> SqliteAccess::ApiKeysOf(std::string_view user) {
  const std::string key = CompatibilityFolded(user);
  std::vector<ApiKey> keys;
  Query query(connection_, Select(kKeyColumns, "WHERE user_key = ? ORDER BY id"));
  query.Bind(key);
  while (query.Step()) keys.push_back(KeyAt(query));
  return keys;
}

void SqliteAccess::Put(const ApiKey& key) {
  const std::string user = CompatibilityFolded(key.user);
  const std::string org_units = JoinLines(key.scope.org_units);
  const std::string queues = JoinLines(key.scope.queues);
  const std::string methods = JoinLines(key.methods);
  Query(connection_,
        "INSERT OR REPLACE INTO api_keys (id, token_hash, prefix, user_key, role, org_units, "
        "queues, methods, description, created_by, created_ms, expires_ms, used_ms, revoked_ms) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .Bind(key.id)
      .BindBytes(BytesOf(key.token_hash))
      .Bind(key.prefix)
      .Bind(user)
      .Bind(key.role)
      .Bind(org_units)
      .Bind(queues)
      .Bind(methods)
      .Bind(key.description)
      .Bind(key.created_by)
      .Bind(key.created_at)
      .Bind(key.expires_at)
      .Bind(key.used_at)
      .Bind(key.revoked_at)
      .Run();
}

std::optional<OneTimeToken> SqliteAccess::FindOneTimeToken(const Hash256& token_hash) {
  Query query(connection_,
              "SELECT kind, user_key, expires_ms FROM one_time_tokens WHERE token_hash = ?");
  query.BindBytes(BytesOf(token_hash));
  if (!query.Step()) return std::nullopt;
  return OneTimeToken{.token_hash = token_hash,
                      .kind = static_cast<OneTimeToken::Kind>(query.Int(0)),
                      .user = query.Text(1),
                      .expires_at = FromMillis(query.Int(2))};
}

void SqliteAccess::Put(const OneTimeToken& token) {
  const std::string user = CompatibilityFolded(token.user);
  Query(connection_,
        "INSERT OR REPLACE INTO one_time_tokens (token_hash, kind, user_key, expires_ms) "
        "VALUES (?, ?, ?, ?)")
      .BindBytes(BytesOf(token.token_hash))
      .Bind(static_cast<int64_t>(token.kind))
      .Bind(user)
      .Bind(token.expires_at)
      .Run();
}

void SqliteAccess::RemoveOneTimeTokens(OneTimeToken::Kind kind, std::string_view user) {
  const std::string key = CompatibilityFolded(user);
  Query(connection_, "DELETE FROM one_time_tokens WHERE kind = ? AND user_key = ?")
      .Bind(static_cast<int64_t>(kind))
      .Bind(key)
      .Run();
}

std::optional<RequestRecord> SqliteAccess::FindAccessRequest(const Hash128& key) {
  Query query(connection_, "SELECT body, resource, at_ms FROM access_requests WHERE key = ?");
  query.BindBytes(BytesOf(key));
  if (!query.Step()) return std::nullopt;
  return RequestRecord{.key = key,
                       .body = query.GetHash<16>(0),
                       .resource = query.GetId<RawId>(1),
                       .at = FromMillis(query.Int(2))};
}

void SqliteAccess::Put(const RequestRecord& request) {
  Query(connection_, "INSERT OR REPLACE INTO access_requests VALUES (?, ?, ?, ?)")
      .BindBytes(BytesOf(request.key))
      .BindBytes(BytesOf(request.body))
      .Bind(request.resource)
      .Bind(request.at)
      .Run();
}

void SqliteAccess::Audit(AuditEntry entry) {
  AuditHead head = SqliteReads<Reader>(connection_).GetAuditHead();
  Chain(entry, head);
  InsertAudit(connection_, entry);
  UpdateAuditHead(connection_, head);
}

void SqliteAccess::RemoveExpired(Timestamp now) {
  Query(connection_, "DELETE FROM sessions WHERE expires_ms <= ?").Bind(now).Run();
  Query(connection_, "DELETE FROM one_time_tokens WHERE expires_ms <= ?").Bind(now).Run();
  Query(connection_, "DELETE FROM access_requests WHERE at_ms < ?")
      .Bind(now - std::chrono::days(kRequestDays + 1))
      .Run();
}

}  // namespace rebound
