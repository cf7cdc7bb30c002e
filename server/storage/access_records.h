// What the store keeps of identities beside principals: users, their sessions and API keys,
// one-time links. They are no events of the domain: rows that change in place. Secrets are here as
// hashes only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/storage/store.h"
#include "workflows/ids.h"
#include "workflows/time.h"

namespace rebound {

// An org unit and those below it, from `valid_from` on and before `valid_until`; absent: no bound.
struct OrgUnitGrant {
  std::string org_unit_id{};
  std::optional<Timestamp> valid_from{};
  std::optional<Timestamp> valid_until{};
  friend bool operator==(const OrgUnitGrant&, const OrgUnitGrant&) = default;
};

// A person, or a system that calls by API keys alone. Its name is the principal's.
struct User {
  std::string name{};
  std::string role{};
  std::vector<OrgUnitGrant> org_units{};  // empty: every one
  std::vector<std::string> queues{};      // empty: every one
  std::string language{};                 // of answers where a call names none; may be empty
  std::string password_hash{};            // argon2id, as libsodium writes it; empty: none
  bool disabled = false;
  std::string created_by{};  // principal, or "setup"
  Timestamp created_at{};
  std::optional<Timestamp> password_set_at{};
  std::optional<Timestamp> signed_in_at{};  // the last time
  int64_t version = 1;                      // grows with each change of role, scope or state
  friend bool operator==(const User&, const User&) = default;
};

struct UserSession {
  RawId id{};
  Hash256 token_hash{};
  std::string user{};
  std::string address{};  // where it was signed in from; no port
  Timestamp created_at{};
  Timestamp used_at{};     // written in steps: see Authenticator
  Timestamp expires_at{};  // whatever is done with it
  friend bool operator==(const UserSession&, const UserSession&) = default;
};

struct ApiKey {
  RawId id{};
  Hash256 token_hash{};
  std::string prefix{};  // the first characters of the secret, for people
  std::string user{};    // whose it is
  std::string role{};
  Scope scope{};                       // within that of the user
  std::vector<std::string> methods{};  // full names; empty: all that the role may
  std::string description{};
  std::string created_by{};
  Timestamp created_at{};
  Timestamp expires_at{};
  std::optional<Timestamp> used_at{};  // written in steps: see Authenticator
  std::optional<Timestamp> revoked_at{};
  friend bool operator==(const ApiKey&, const ApiKey&) = default;
};

// A link that works once.
struct OneTimeToken {
  enum class Kind { kSetUp = 1, kPassword = 2 };  // makes the first admin; sets a user's password
  Hash256 token_hash{};
  Kind kind = Kind::kSetUp;
  std::string user{};  // kPassword: whose
  Timestamp expires_at{};
  friend bool operator==(const OneTimeToken&, const OneTimeToken&) = default;
};

// All of it, within one Store::ReadAccess or WriteAccess, and valid until that ends. User names are
// found in any case and width (CompatibilityFolded): two that differ in these alone are one; the
// `user` of sessions, keys and tokens reads as the folded name. Not thread-safe. Every method may
// throw StoreFailure; those that change anything do in a ReadAccess.
class AccessRecords {
 public:
  virtual ~AccessRecords() = default;

  virtual std::optional<User> FindUser(std::string_view name) = 0;
  // By folded name, those after the user `after`; empty: from the first.
  virtual std::vector<User> ListUsers(std::string_view after, int32_t limit) = 0;
  // Creates the user or puts this in place of what there was.
  virtual void Put(const User& user) = 0;
  // Those of `reboundd principal add`.
  virtual std::vector<Store::Principal> ListPrincipals() = 0;

  virtual std::optional<UserSession> FindSession(const Hash256& token_hash) = 0;
  virtual std::optional<UserSession> GetSession(const RawId& id) = 0;
  // Oldest first.
  virtual std::vector<UserSession> SessionsOf(std::string_view user) = 0;
  virtual void Put(const UserSession& session) = 0;
  virtual void RemoveSession(const RawId& id) = 0;

  virtual std::optional<ApiKey> FindApiKey(const Hash256& token_hash) = 0;
  virtual std::optional<ApiKey> GetApiKey(const RawId& id) = 0;
  // Oldest first, revoked and expired ones too.
  virtual std::vector<ApiKey> ApiKeysOf(std::string_view user) = 0;
  virtual void Put(const ApiKey& key) = 0;

  virtual std::optional<OneTimeToken> FindOneTimeToken(const Hash256& token_hash) = 0;
  virtual void Put(const OneTimeToken& token) = 0;
  // Every one of the kind for that user.
  virtual void RemoveOneTimeTokens(OneTimeToken::Kind kind, std::string_view user) = 0;

  // Requests of the changes made here, kept for kRequestDays.
  virtual std::optional<RequestRecord> FindAccessRequest(const Hash128& key) = 0;
  virtual void Put(const RequestRecord& request) = 0;

  // Adds the entry to the audit, in the same transaction: on disk with the change, or undone with
  // it.
  virtual void Audit(AuditEntry entry) = 0;

  // Sessions and one-time tokens whose end has come at `now`, and requests that are too old.
  virtual void RemoveExpired(Timestamp now) = 0;
};

}  // namespace rebound
