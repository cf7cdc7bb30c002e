// AccessService: users, their rights and API keys. Signing in and passwords: sign_in.cc.
#include "rebound/v1/access_service.pb.h"

#include <algorithm>

#include "server/access/policy.h"
#include "server/access/rights.h"
#include "server/access/setup.h"
#include "server/services/access_parts.h"
#include "server/services/checks.h"
#include "server/services/convert.h"
#include "server/services/services.h"
#include "server/storage/identities.h"

namespace rebound {
namespace {

constexpr size_t kMostGrants = 100;
constexpr size_t kMostMethods = 200;
constexpr size_t kDescription = 200;
constexpr int kMostKeys = 100;  // of one user, that work
constexpr Duration kLongestKey = std::chrono::days(366);
constexpr Duration kKeyGrace = std::chrono::hours(24);
constexpr int64_t kLongestKeyGraceSeconds = 7 * 24 * 3600;
constexpr int32_t kEverybody = 1'000'000;

const std::vector<RoleDef>& RolesOf(const Call& call) { return call.revision->roles; }

std::string_view BaseRole(const Call& call) { return BaseOf(call.identity.role, RolesOf(call)); }

Error Exceeds(std::string_view what, std::string_view value) {
  return Error{Reason::kGrantExceedsOwn,
               {{"what", std::string(what)}, {"value", std::string(value)}}};
}

bool IsSelf(const Call& call, std::string_view name) {
  return CompatibilityFolded(name) == CompatibilityFolded(call.identity.name);
}

// What the user has or will have, whenever it holds.
Scope WholeScope(const User& user) {
  Scope scope{.org_units = {}, .queues = user.queues};
  for (const OrgUnitGrant& grant : user.org_units) scope.org_units.push_back(grant.org_unit_id);
  return scope;
}

// Whether the caller may know of the user at all.
bool IsVisible(const Call& call, const User& user) {
  if (IsSelf(call, user.name)) return true;
  const Scope whole = WholeScope(user);
  return !FindExcess(whole, call.identity.scope);
}

// The user, as somebody who may see them finds them.
Result<User> SeenUser(const Call& call, AccessRecords& records, std::string_view name) {
  std::optional<User> user = records.FindUser(name);
  if (!user || !IsVisible(call, *user)) return NoUser();
  return *std::move(user);
}

// Whether the role sees contact data in clear and the caller's does not. Nobody gets around the
// mask by what they give out.
bool SeesMore(const Call& call, std::string_view role) {
  return SeesContact(role, RolesOf(call), {}) &&
         !SeesContact(call.identity.role, RolesOf(call), {});
}

// Nobody has less than whoever they manage.
Result<void> CheckMayManage(const Call& call, const User& user) {
  const std::string_view base = BaseOf(user.role, RolesOf(call));
  if (BaseRole(call) == "admin") return {};
  // A role that the configuration no longer has may come back with it.
  if (base.empty() || !Includes(BaseRole(call), base) || SeesMore(call, user.role)) {
    return Exceeds("role", user.role);
  }
  return {};
}

// The user, for changing what belongs to them.
Result<User> ManagedUser(const Call& call, AccessRecords& records, std::string_view name) {
  auto user = SeenUser(call, records, name);
  if (!user) return user;
  call.about = {"user", {}, user->name};
  if (auto may = CheckMayManage(call, *user); !may) return std::move(may).error();
  return user;
}

// Rights of the caller's that others may be given, with their times.
std::vector<OrgUnitGrant> OwnGrants(const Call& call, AccessRecords& records) {
  if (IsWholeUser(call.identity)) {
    if (const auto user = records.FindUser(call.identity.name)) return user->org_units;
  }
  return GrantsOf(call.identity.scope.org_units);
}

Result<void> CheckMayGrant(const Call& call, AccessRecords& records, const User& user) {
  if (auto may = CheckMayManage(call, user); !may) return may;
  if (const Excess excess =
          FindExcess(user.org_units, OwnGrants(call, records), call.backend.clock.Now())) {
    return Exceeds(excess.what, excess.value);
  }
  const Scope queues{.org_units = {}, .queues = user.queues};
  const Scope own{.org_units = {}, .queues = call.identity.scope.queues};
  if (const Excess excess = FindExcess(queues, own)) return Exceeds(excess.what, excess.value);
  return {};
}

// Whether the change leaves an administrator who can sign in.
Result<void> CheckLastAdmin(const Call& call, AccessRecords& records, const User& before,
                            const User& after) {
  const auto counts = [&](const User& user) {
    return IsAdmin(user, RolesOf(call)) && !user.disabled && !user.password_hash.empty();
  };
  if (!counts(before) || counts(after) || HasAdminUser(records, RolesOf(call), before.name)) {
    return {};
  }
  return Error{Reason::kLastAdmin, {{"user", before.name}}};
}

Result<void> CheckEtag(const std::string& etag, const User& user) {
  const std::optional<int64_t> expected = ParseEtag(etag);
  if (!expected || *expected == user.version) return {};
  return Error{Reason::kEtagMismatch, {{"current", Etag(user.version)}}};
}

// ---- What requests say -------------------------------------------------------------------------

std::string ReadRole(const Call& call, const std::string& field, const std::string& role,
                     Checks& checks) {
  if (role.empty()) {
    checks.Add(field, Reason::kRequiredFieldMissing);
  } else if (BaseOf(role, RolesOf(call)).empty()) {
    std::string allowed;
    for (const RoleDef& known : RolesOf(call)) {
      allowed += (allowed.empty() ? "" : ", ") + known.id;
    }
    checks.Add(field, Reason::kReasonUnknown,
               {{"value", role.substr(0, 80)}, {"allowed", allowed}});
  }
  return role;
}

// `required`: an empty one is at fault, too.
std::string ReadListed(const std::string& field, const std::string& value, Checks& checks) {
  if (value.empty()) checks.Add(field, Reason::kRequiredFieldMissing);
  return checks.Key(field, value);
}

template <typename Strings>
std::vector<std::string> ReadList(const std::string& field, const Strings& values, size_t limit,
                                  Checks& checks) {
  checks.Count(field, values.size(), static_cast<int>(limit));
  std::vector<std::string> list;
  for (int i = 0; i < values.size() && list.size() < limit; ++i) {
    std::string value = ReadListed(field + "[" + std::to_string(i) + "]", values[i], checks);
    if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(std::move(value));
  }
  return list;
}

std::vector<OrgUnitGrant> ReadGrants(const api::User& in, Checks& checks) {
  checks.Count("user.org_units", in.org_units_size(), static_cast<int>(kMostGrants));
  std::vector<OrgUnitGrant> grants;
  for (int i = 0; i < in.org_units_size() && grants.size() < kMostGrants; ++i) {
    const std::string field = "user.org_units[" + std::to_string(i) + "].";
    const api::OrgUnitGrant& given = in.org_units(i);
    OrgUnitGrant grant{.org_unit_id =
                           ReadListed(field + "org_unit_id", given.org_unit_id(), checks)};
    if (given.has_start_time()) {
      grant.valid_from = checks.Time(field + "start_time", given.start_time());
    }
    if (given.has_end_time()) grant.valid_until = checks.Time(field + "end_time", given.end_time());
    if (grant.valid_from && grant.valid_until && *grant.valid_until <= *grant.valid_from) {
      checks.Add(
          field + "end_time", Reason::kTimestampOutOfRange,
          {{"value", FormatTime(*grant.valid_until)}, {"expected", "a time after start_time"}});
    }
    grants.push_back(std::move(grant));
  }
  return grants;
}

constexpr std::string_view kUserFields[] = {"role", "org_units", "queue_ids", "language"};

// Takes over the fields that the paths name.
void ReadUser(const Call& call, const api::User& in, const std::vector<std::string>& paths,
              Checks& checks, User* user) {
  for (const std::string& path : paths) {
    if (path == "role") user->role = ReadRole(call, "user.role", in.role(), checks);
    if (path == "org_units") user->org_units = ReadGrants(in, checks);
    if (path == "queue_ids") {
      user->queues = ReadList("user.queue_ids", in.queue_ids(), kMostGrants, checks);
    }
    if (path == "language") user->language = ReadLanguage("user.language", in.language(), checks);
  }
}

std::vector<std::string> ReadUserMask(const google::protobuf::FieldMask& mask, Checks& checks) {
  std::vector<std::string> paths;
  const auto refuse = [&](const std::string& value) {
    checks.Add(
        "update_mask", Reason::kUpdateMaskInvalid,
        {{"value", value.substr(0, 80)}, {"expected", "role, org_units, queue_ids, language"}});
  };
  if (mask.paths().empty()) refuse("");
  for (const std::string& path : mask.paths()) {
    const bool known =
        std::find(std::begin(kUserFields), std::end(kUserFields), path) != std::end(kUserFields);
    if (!known || std::find(paths.begin(), paths.end(), path) != paths.end()) {
      refuse(path);
    } else {
      paths.push_back(path);
    }
  }
  return paths;
}

std::optional<Timestamp> ReadKeyEnd(const Call& call, bool has,
                                    const google::protobuf::Timestamp& value, Checks& checks) {
  if (!has) {
    checks.Add("end_time", Reason::kRequiredFieldMissing);
    return std::nullopt;
  }
  const std::optional<Timestamp> end = checks.Time("end_time", value);
  const Timestamp now = call.backend.clock.Now();
  if (end && (*end <= now || *end > now + kLongestKey)) {
    checks.Add("end_time", Reason::kTimestampOutOfRange,
               {{"value", FormatTime(*end)}, {"expected", "a time after now and within 366 days"}});
  }
  return end;
}

// ---- Users -------------------------------------------------------------------------------------

// A link for setting the password, in place of those made before.
template <typename Response>
void MakeLink(const Call& call, AccessRecords& records, const User& user, Response* out) {
  const Timestamp end = call.backend.clock.Now() + call.backend.access.link_lifetime;
  const std::string token = NewToken("rbo_");
  records.RemoveOneTimeTokens(OneTimeToken::Kind::kPassword, user.name);
  records.Put(OneTimeToken{.token_hash = HashToken(token),
                           .kind = OneTimeToken::Kind::kPassword,
                           .user = user.name,
                           .expires_at = end});
  out->set_link_token(token);
  Fill(end, out->mutable_link_end_time());
}

void EndSessions(AccessRecords& records, const User& user) {
  for (const UserSession& session : records.SessionsOf(user.name)) {
    records.RemoveSession(session.id);
  }
}

template <typename Request, typename Response>
Result<void> ShowUser(const Call& call, AccessRecords& records, const Request& request,
                      const RawId&, Response* out) {
  std::string name;
  if constexpr (requires { request.user_name(); }) {
    name = request.user_name();
  } else {
    name = request.user().name();
  }
  auto user = SeenUser(call, records, name);
  if (!user) return std::move(user).error();
  FillUser(*user, out->mutable_user());
  return {};
}

Result<RawId> CreateUser(const Call& call, AccessRecords& records,
                         const api::CreateUserRequest& request, api::CreateUserResponse* out) {
  Checks checks;
  User user;
  user.name = ReadUserName("user.name", request.user().name(), checks);
  ReadUser(call, request.user(), {"role", "org_units", "queue_ids", "language"}, checks, &user);
  if (!checks.ok()) return std::move(checks).ToError();
  if (auto may = CheckMayGrant(call, records, user); !may) return std::move(may).error();
  if (IsTaken(records, user.name)) return Error{Reason::kUserExists, {{"user", user.name}}};
  user.created_by = call.identity.name;
  user.created_at = call.backend.clock.Now();
  records.Put(user);
  if (request.with_link()) MakeLink(call, records, user, out);
  call.about = {"user", {}, user.name};
  return RawId{};
}

Result<RawId> UpdateUser(const Call& call, AccessRecords& records,
                         const api::UpdateUserRequest& request, api::UpdateUserResponse*) {
  Checks checks;
  const std::vector<std::string> paths = ReadUserMask(request.update_mask(), checks);
  User asked;
  ReadUser(call, request.user(), paths, checks, &asked);
  if (request.user().name().empty()) checks.Add("user.name", Reason::kRequiredFieldMissing);
  if (!checks.ok()) return std::move(checks).ToError();
  auto before = ManagedUser(call, records, request.user().name());
  if (!before) return std::move(before).error();
  User after = *before;
  ReadUser(call, request.user(), paths, checks, &after);
  const bool rights = after.role != before->role || after.org_units != before->org_units ||
                      after.queues != before->queues;
  if (rights && IsSelf(call, after.name)) {
    return Error{Reason::kOwnRightsKept, {{"user", after.name}}};
  }
  if (auto etag = CheckEtag(request.etag(), *before); !etag) return std::move(etag).error();
  if (rights) {
    if (auto may = CheckMayGrant(call, records, after); !may) return std::move(may).error();
    if (auto last = CheckLastAdmin(call, records, *before, after); !last) {
      return std::move(last).error();
    }
  }
  if (after == *before) return RawId{};
  ++after.version;
  records.Put(after);
  // Whoever holds an open link was to become what the user was, not more.
  const bool more = after.role != before->role ||
                    FindExcess(after.org_units, before->org_units, call.backend.clock.Now()) ||
                    FindExcess(Scope{{}, after.queues}, Scope{{}, before->queues});
  if (more) records.RemoveOneTimeTokens(OneTimeToken::Kind::kPassword, after.name);
  // A key of the user's own role goes along to one of the same base, with its masks and limits.
  if (after.role != before->role &&
      BaseOf(after.role, RolesOf(call)) == BaseOf(before->role, RolesOf(call))) {
    for (ApiKey& key : records.ApiKeysOf(after.name)) {
      if (key.role != before->role) continue;
      key.role = after.role;
      records.Put(key);
    }
  }
  return RawId{};
}

// To disable oneself is allowed, to come back is for others.
template <typename Request, typename Response>
Result<RawId> SetDisabled(bool disabled, const Call& call, AccessRecords& records,
                          const Request& request, Response*) {
  auto user = ManagedUser(call, records, request.user_name());
  if (!user) return std::move(user).error();
  if (auto etag = CheckEtag(request.etag(), *user); !etag) return std::move(etag).error();
  if (user->disabled == disabled) return RawId{};
  User after = *user;
  after.disabled = disabled;
  if (auto last = CheckLastAdmin(call, records, *user, after); !last) {
    return std::move(last).error();
  }
  ++after.version;
  if (disabled) {
    EndSessions(records, after);
    records.RemoveOneTimeTokens(OneTimeToken::Kind::kPassword, after.name);
  }
  records.Put(after);
  return RawId{};
}

Result<RawId> ResetPassword(const Call& call, AccessRecords& records,
                            const api::ResetPasswordRequest& request,
                            api::ResetPasswordResponse* out) {
  auto user = ManagedUser(call, records, request.user_name());
  if (!user) return std::move(user).error();
  if (IsSelf(call, user->name)) return Error{Reason::kOwnRightsKept, {{"user", user->name}}};
  user->password_hash.clear();
  user->password_set_at.reset();
  ++user->version;
  records.Put(*user);
  EndSessions(records, *user);
  MakeLink(call, records, *user, out);
  return RawId{};
}

// ---- Sessions and API keys ---------------------------------------------------------------------

// Whose sessions or keys are meant: the caller's own, or those of a user they may manage, which
// takes a role that may change users.
Result<User> OwnerNamed(const Call& call, AccessRecords& records, const std::string& name) {
  const std::string& whose = name.empty() ? call.identity.name : name;
  if (IsSelf(call, whose)) {
    std::optional<User> self = records.FindUser(whose);
    if (self) return *std::move(self);
    return NoUser();
  }
  if (!Allowed(BaseRole(call), "rebound.v1.AccessService/UpdateUser")) return NoUser();
  return ManagedUser(call, records, whose);
}

// No user's name. Looked for where a session or key is not there, so that this takes as many
// statements as one that the caller may not see.
constexpr const char* kNobody = "\n";

Result<RawId> RevokeSession(const Call& call, AccessRecords& records,
                            const api::RevokeSessionRequest& request, api::RevokeSessionResponse*) {
  Checks checks;
  if (request.session_id().empty()) checks.Add("session_id", Reason::kRequiredFieldMissing);
  const auto id = checks.ParseId<RawId>("session_id", request.session_id());
  if (!checks.ok()) return std::move(checks).ToError();
  const std::optional<UserSession> session = records.GetSession(id);
  const auto owner = OwnerNamed(call, records, session ? session->user : kNobody);
  if (!session || !owner) {
    return Error{Reason::kNotFound, {{"resource", "session"}}};
  }
  records.RemoveSession(id);
  call.about = {"session", id, owner->name};
  return id;
}

Result<ApiKey> KeyNamed(const Call& call, AccessRecords& records, const std::string& name,
                        std::optional<User>* owner) {
  Checks checks;
  if (name.empty()) checks.Add("api_key_id", Reason::kRequiredFieldMissing);
  const auto id = checks.ParseId<RawId>("api_key_id", name);
  if (!checks.ok()) return std::move(checks).ToError();
  std::optional<ApiKey> key = records.GetApiKey(id);
  const Error none{Reason::kNotFound, {{"resource", "api_key"}}};
  auto user = OwnerNamed(call, records, key ? key->user : kNobody);
  if (!key || !user) return none;
  call.about = {"api_key", id, user->name};
  *owner = *std::move(user);
  return *std::move(key);
}

bool Works(const ApiKey& key, Timestamp now) { return !key.revoked_at && now < key.expires_at; }

// Nobody's key goes beyond its user, nor beyond whoever makes it.
Result<void> CheckKey(const Call& call, AccessRecords& records, const User& user,
                      const ApiKey& key) {
  const std::string_view base = BaseOf(key.role, RolesOf(call));
  if (!Includes(BaseOf(user.role, RolesOf(call)), base) || !Includes(BaseRole(call), base)) {
    return Exceeds("role", key.role);
  }
  // Limits and masks go by the role itself: one of the same base is another role, not a part of it.
  const bool differs = key.role != user.role && BaseRole(call) != "admin";
  if (differs && (base == BaseOf(user.role, RolesOf(call)) || SeesMore(call, key.role))) {
    return Exceeds("role", key.role);
  }
  // A list that is empty stands for all that the user has.
  const Scope whole = WholeScope(user);
  const Scope inner{key.scope.org_units.empty() ? whole.org_units : key.scope.org_units,
                    key.scope.queues.empty() ? whole.queues : key.scope.queues};
  if (const Excess excess = FindExcess(inner, whole)) return Exceeds(excess.what, excess.value);
  if (!IsWholeUser(call.identity) || !IsSelf(call, user.name)) {
    const Excess excess = FindExcess(inner, call.identity.scope);
    if (excess) return Exceeds(excess.what, excess.value);
  }
  for (const std::string& method : key.methods) {
    if (!Allowed(base, method) || !OpenToKeys(method)) return Exceeds("method", method);
  }
  const std::vector<ApiKey> keys = records.ApiKeysOf(user.name);
  const auto working = std::count_if(keys.begin(), keys.end(), [&](const ApiKey& other) {
    return Works(other, call.backend.clock.Now());
  });
  if (working >= kMostKeys) {
    return Error{Reason::kTooManyApiKeys,
                 {{"user", user.name}, {"expected", std::to_string(kMostKeys)}}};
  }
  return {};
}

// Gives the key its secret, and stores it.
std::string Issue(const Call& call, AccessRecords& records, ApiKey* key) {
  constexpr size_t kPrefix = 12;  // "rbk_" and eight characters: enough is left to guess
  const std::string secret = NewToken("rbk_");
  key->id = NewAccessId(call.backend.clock.Now());
  key->token_hash = HashToken(secret);
  key->prefix = secret.substr(0, kPrefix);
  key->created_by = call.identity.name;
  key->created_at = call.backend.clock.Now();
  key->used_at.reset();
  key->revoked_at.reset();
  records.Put(*key);
  return secret;
}

Result<RawId> CreateApiKey(const Call& call, AccessRecords& records,
                           const api::CreateApiKeyRequest& request,
                           api::CreateApiKeyResponse* out) {
  auto user = OwnerNamed(call, records, request.user_name());
  if (!user) return std::move(user).error();
  Checks checks;
  ApiKey key;
  key.user = user->name;
  key.role = request.role().empty() ? user->role : ReadRole(call, "role", request.role(), checks);
  key.scope.org_units = ReadList("org_unit_ids", request.org_unit_ids(), kMostGrants, checks);
  key.scope.queues = ReadList("queue_ids", request.queue_ids(), kMostGrants, checks);
  key.methods = ReadList("methods", request.methods(), kMostMethods, checks);
  const std::vector<std::string> known = PolicyMethods();
  for (size_t i = 0; i < key.methods.size(); ++i) {
    if (std::find(known.begin(), known.end(), key.methods[i]) != known.end()) continue;
    checks.Add("methods[" + std::to_string(i) + "]", Reason::kIdInvalid,
               {{"value", key.methods[i].substr(0, 80)},
                {"expected", "the full name of a method, like rebound.v1.CaseService/GetCase"}});
  }
  key.description = checks.Required("description", request.description(), kDescription);
  const auto end = ReadKeyEnd(call, request.has_end_time(), request.end_time(), checks);
  if (!checks.ok()) return std::move(checks).ToError();
  key.expires_at = *end;
  if (auto may = CheckKey(call, records, *user, key); !may) return std::move(may).error();
  out->set_secret(Issue(call, records, &key));
  call.about = {"api_key", key.id, user->name};
  return key.id;
}

Result<RawId> RevokeApiKey(const Call& call, AccessRecords& records,
                           const api::RevokeApiKeyRequest& request, api::RevokeApiKeyResponse*) {
  std::optional<User> owner;
  auto key = KeyNamed(call, records, request.api_key_id(), &owner);
  if (!key) return std::move(key).error();
  if (!key->revoked_at) {
    key->revoked_at = call.backend.clock.Now();
    records.Put(*key);
  }
  return key->id;
}

Result<RawId> RotateApiKey(const Call& call, AccessRecords& records,
                           const api::RotateApiKeyRequest& request,
                           api::RotateApiKeyResponse* out) {
  std::optional<User> owner;
  auto old = KeyNamed(call, records, request.api_key_id(), &owner);
  if (!old) return std::move(old).error();
  Checks checks;
  const auto end = ReadKeyEnd(call, request.has_end_time(), request.end_time(), checks);
  Duration grace = kKeyGrace;
  if (request.has_grace()) {
    const int64_t seconds = request.grace().seconds();
    if (seconds < 0 || seconds > kLongestKeyGraceSeconds || request.grace().nanos() < 0) {
      checks.Add("grace", Reason::kNumberOutOfRange,
                 {{"value", std::to_string(seconds) + " s"}, {"expected", "0 to 7 days"}});
    } else {
      grace = std::chrono::seconds(seconds);
    }
  }
  if (!checks.ok()) return std::move(checks).ToError();
  const Timestamp now = call.backend.clock.Now();
  if (!Works(*old, now)) return Error{Reason::kApiKeyEnded, {{"key", old->prefix}}};
  ApiKey key = *old;
  key.expires_at = *end;
  old->expires_at = std::min(old->expires_at, now + grace);
  records.Put(*old);
  if (auto may = CheckKey(call, records, *owner, key); !may) return std::move(may).error();
  out->set_secret(Issue(call, records, &key));
  call.about = {"api_key", key.id, owner->name};
  return key.id;
}

template <typename Response>
Result<void> ShowKey(AccessRecords& records, const RawId& id, Response* out) {
  const std::optional<ApiKey> key = records.GetApiKey(id);
  if (!key) return Error{Reason::kNotFound, {{"resource", "api_key"}}};
  FillKey(*key, NameOf(records, key->user), out->mutable_api_key());
  return {};
}

// ---- Lists -------------------------------------------------------------------------------------

// One page of `rows`; page tokens hold where the next one begins.
template <typename Rows, typename Request, typename Response, typename FillRow>
Result<void> FillPage(const Call& call, const Rows& rows, const std::string& whose,
                      const Request& request, Response* out, FillRow fill) {
  auto limit = PageSize(request.page_size());
  if (!limit) return std::move(limit).error();
  const std::string identity = QueryIdentity({call.method, call.identity.name, whose});
  auto cursor = OpenPage(call, request.page_token(), identity);
  if (!cursor) return std::move(cursor).error();
  size_t at = *cursor ? static_cast<size_t>((*cursor)->first) : 0;
  for (int32_t n = 0; n < *limit && at < rows.size(); ++n, ++at) fill(rows[at]);
  if (at < rows.size()) {
    out->set_next_page_token(call.backend.page_tokens.Seal({static_cast<int64_t>(at), 0, {}},
                                                           identity, call.started_at));
  }
  return {};
}

Result<void> ListUsers(const Call& call, AccessRecords& records,
                       const api::ListUsersRequest& request, api::ListUsersResponse* out) {
  std::vector<User> users = records.ListUsers("", kEverybody);
  std::erase_if(users, [&](const User& user) { return !IsVisible(call, user); });
  return FillPage(call, users, "", request, out,
                  [&](const User& user) { FillUser(user, out->add_users()); });
}

Result<void> ListSessions(const Call& call, AccessRecords& records,
                          const api::ListSessionsRequest& request, api::ListSessionsResponse* out) {
  auto user = OwnerNamed(call, records, request.user_name());
  if (!user) return std::move(user).error();
  const Timestamp now = call.backend.clock.Now();
  const Duration idle = call.backend.access.session_idle;
  std::vector<UserSession> sessions = records.SessionsOf(user->name);
  std::erase_if(sessions, [&](const UserSession& session) {
    // The one of this call is used now, whatever the store knows of it.
    return session.id != call.identity.credential_id &&
           (session.expires_at <= now || now - session.used_at >= idle);
  });
  return FillPage(call, sessions, user->name, request, out, [&](const UserSession& session) {
    FillSession(call, session, user->name, out->add_sessions());
  });
}

Result<void> ListApiKeys(const Call& call, AccessRecords& records,
                         const api::ListApiKeysRequest& request, api::ListApiKeysResponse* out) {
  auto user = OwnerNamed(call, records, request.user_name());
  if (!user) return std::move(user).error();
  return FillPage(call, records.ApiKeysOf(user->name), user->name, request, out,
                  [&](const ApiKey& key) { FillKey(key, user->name, out->add_api_keys()); });
}

void AddUsers(ApiService* service) {
  AddAccessChange<api::CreateUserRequest, api::CreateUserResponse>(
      service, "CreateUser", CreateUser, ShowUser<api::CreateUserRequest, api::CreateUserResponse>);
  AddAccessChange<api::UpdateUserRequest, api::UpdateUserResponse>(
      service, "UpdateUser", UpdateUser, ShowUser<api::UpdateUserRequest, api::UpdateUserResponse>);
  AddAccessChange<api::DisableUserRequest, api::DisableUserResponse>(
      service, "DisableUser",
      [](const Call& call, AccessRecords& records, const api::DisableUserRequest& request,
         api::DisableUserResponse* out) { return SetDisabled(true, call, records, request, out); },
      ShowUser<api::DisableUserRequest, api::DisableUserResponse>);
  AddAccessChange<api::EnableUserRequest, api::EnableUserResponse>(
      service, "EnableUser",
      [](const Call& call, AccessRecords& records, const api::EnableUserRequest& request,
         api::EnableUserResponse* out) { return SetDisabled(false, call, records, request, out); },
      ShowUser<api::EnableUserRequest, api::EnableUserResponse>);
  AddAccessChange<api::ResetPasswordRequest, api::ResetPasswordResponse>(
      service, "ResetPassword", ResetPassword,
      ShowUser<api::ResetPasswordRequest, api::ResetPasswordResponse>);
  AddAccessQuery<api::GetUserRequest, api::GetUserResponse>(
      service, "GetUser",
      [](const Call& call, AccessRecords& records, const api::GetUserRequest& request,
         api::GetUserResponse* out) { return ShowUser(call, records, request, RawId{}, out); });
  AddAccessQuery<api::ListUsersRequest, api::ListUsersResponse>(service, "ListUsers", ListUsers);
}

void AddCredentials(ApiService* service) {
  AddAccessChange<api::RevokeSessionRequest, api::RevokeSessionResponse>(
      service, "RevokeSession", RevokeSession,
      [](const Call&, AccessRecords&, const api::RevokeSessionRequest&, const RawId&,
         api::RevokeSessionResponse*) -> Result<void> { return {}; });
  AddAccessChange<api::CreateApiKeyRequest, api::CreateApiKeyResponse>(
      service, "CreateApiKey", CreateApiKey,
      [](const Call&, AccessRecords& records, const api::CreateApiKeyRequest&, const RawId& id,
         api::CreateApiKeyResponse* out) { return ShowKey(records, id, out); });
  AddAccessChange<api::RevokeApiKeyRequest, api::RevokeApiKeyResponse>(
      service, "RevokeApiKey", RevokeApiKey,
      [](const Call&, AccessRecords& records, const api::RevokeApiKeyRequest&, const RawId& id,
         api::RevokeApiKeyResponse* out) { return ShowKey(records, id, out); });
  AddAccessChange<api::RotateApiKeyRequest, api::RotateApiKeyResponse>(
      service, "RotateApiKey", RotateApiKey,
      [](const Call&, AccessRecords& records, const api::RotateApiKeyRequest& request,
         const RawId& id, api::RotateApiKeyResponse* out) -> Result<void> {
        if (auto shown = ShowKey(records, id, out); !shown) return shown;
        const auto old = records.GetApiKey(*ParseId<RawId>(request.api_key_id()));
        if (old) FillKey(*old, NameOf(records, old->user), out->mutable_replaced());
        return {};
      });
  AddAccessQuery<api::ListSessionsRequest, api::ListSessionsResponse>(service, "ListSessions",
                                                                      ListSessions);
  AddAccessQuery<api::ListApiKeysRequest, api::ListApiKeysResponse>(service, "ListApiKeys",
                                                                    ListApiKeys);
}

}  // namespace

std::unique_ptr<ApiService> NewAccessService(Backend& backend) {
  auto service = std::make_unique<ApiService>(
      backend, api::SignInRequest::descriptor()->file()->FindServiceByName("AccessService"));
  AddSignIn(service.get());
  AddUsers(service.get());
  AddCredentials(service.get());
  service->CheckComplete();
  return service;
}

}  // namespace rebound
