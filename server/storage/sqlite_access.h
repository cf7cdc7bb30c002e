// AccessRecords over a SQLite connection. Internal to the SQLite store.
#pragma once

#include "server/storage/access_records.h"
#include "server/storage/sqlite_connection.h"

namespace rebound {

// Lists as the access tables hold them: one line each.
std::string JoinLines(const std::vector<std::string>& lines);
std::vector<std::string> SplitLines(std::string_view text);

// Borrows a connection that is in a transaction.
class SqliteAccess final : public AccessRecords {
 public:
  explicit SqliteAccess(Connection& connection) : connection_(connection) {}

  std::optional<User> FindUser(std::string_view name) override;
  std::vector<User> ListUsers(std::string_view after, int32_t limit) override;
  void Put(const User& user) override;
  std::vector<Store::Principal> ListPrincipals() override;
  std::optional<UserSession> FindSession(const Hash256& token_hash) override;
  std::optional<UserSession> GetSession(const RawId& id) override;
  std::vector<UserSession> SessionsOf(std::string_view user) override;
  void Put(const UserSession& session) override;
  void RemoveSession(const RawId& id) override;
  std::optional<ApiKey> FindApiKey(const Hash256& token_hash) override;
  std::optional<ApiKey> GetApiKey(const RawId& id) override;
  std::vector<ApiKey> ApiKeysOf(std::string_view user) override;
  void Put(const ApiKey& key) override;
  std::optional<OneTimeToken> FindOneTimeToken(const Hash256& token_hash) override;
  void Put(const OneTimeToken& token) override;
  void RemoveOneTimeTokens(OneTimeToken::Kind kind, std::string_view user) override;
  std::optional<RequestRecord> FindAccessRequest(const Hash128& key) override;
  void Put(const RequestRecord& request) override;
  void Audit(AuditEntry entry) override;
  void RemoveExpired(Timestamp now) override;

 private:
  Connection& connection_;
};

}  // namespace rebound
