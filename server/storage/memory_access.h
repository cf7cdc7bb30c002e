// AccessRecords in memory. Internal to the memory store.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "server/storage/access_records.h"

namespace rebound {

// Small enough to be copied whole, which is how a change is undone.
struct AccessTables {
  std::map<std::string, User> users{};  // by folded name, as everything below names users
  std::map<RawId, UserSession> sessions{};
  std::map<RawId, ApiKey> keys{};
  std::map<Hash256, OneTimeToken> one_time_tokens{};
  std::map<Hash128, RequestRecord> requests{};
};

class MemoryAccess final : public AccessRecords {
 public:
  MemoryAccess(AccessTables& tables, const std::map<std::string, Store::Principal>& principals)
      : tables_(tables), principals_(principals) {}

  std::optional<User> FindUser(std::string_view name) override;
  std::vector<User> ListUsers(std::string_view after, int32_t limit) override;
  void Put(const User& user) override;
  std::vector<Store::Principal> ListPrincipals() override;
  std::optional<UserSession> FindSession(const Hash256& token_hash) override;
  std::optional<UserSession> GetSession(const RawId& id) override;
  std::vector<UserSession> SessionsOf(std::string_view user) override;
  void Put(const UserSession& session) override;
  void RemoveSession(const RawId& id) override { tables_.sessions.erase(id); }
  std::optional<ApiKey> FindApiKey(const Hash256& token_hash) override;
  std::optional<ApiKey> GetApiKey(const RawId& id) override;
  std::vector<ApiKey> ApiKeysOf(std::string_view user) override;
  void Put(const ApiKey& key) override;
  std::optional<OneTimeToken> FindOneTimeToken(const Hash256& token_hash) override;
  void Put(const OneTimeToken& token) override;
  void RemoveOneTimeTokens(OneTimeToken::Kind kind, std::string_view user) override;
  std::optional<RequestRecord> FindAccessRequest(const Hash128& key) override;
  void Put(const RequestRecord& request) override { tables_.requests[request.key] = request; }
  void Audit(AuditEntry entry) override { audit.push_back(std::move(entry)); }
  void RemoveExpired(Timestamp now) override;

  std::vector<AuditEntry> audit{};  // to be chained once the changes are kept

 private:
  AccessTables& tables_;
  const std::map<std::string, Store::Principal>& principals_;
};

}  // namespace rebound
