// Of the AccessService: signing in and out, passwords and links, and who the caller is.
#include <sodium.h>

#include <algorithm>

#include "server/access/password.h"
#include "server/access/policy.h"
#include "server/access/rate_limiter.h"
#include "server/access/rights.h"
#include "server/access/setup.h"
#include "server/access/token.h"
#include "server/services/access_parts.h"
#include "server/services/audit.h"
#include "server/services/convert.h"
#include "server/storage/identities.h"
#include "workflows/predicate.h"

namespace rebound {
namespace {

constexpr size_t kNameCharacters = 64;
constexpr size_t kLongestLanguage = 35;  // as BCP 47 advises
constexpr size_t kMostSessions = 50;     // of one user; the oldest go

void FillIdentity(const Identity& identity, const Call& call, api::CallerIdentity* out) {
  const std::vector<RoleDef>& roles = call.revision->roles;
  out->set_name(identity.name);
  out->set_role(identity.role);
  out->set_base_role(std::string(BaseOf(identity.role, roles)));
  for (const std::string& unit : identity.scope.org_units) out->add_org_unit_ids(unit);
  for (const std::string& queue : identity.scope.queues) out->add_queue_ids(queue);
  std::vector<std::string> methods = PolicyMethods();
  std::sort(methods.begin(), methods.end());
  for (std::string& method : methods) {
    if (MayCall(identity, roles, method)) out->add_methods(std::move(method));
  }
  out->set_credential_kind(static_cast<api::CredentialKind>(static_cast<int>(identity.kind)));
  if (!identity.credential_id.empty()) out->set_credential_id(ToString(identity.credential_id));
  if (identity.credential_ends_at) {
    rebound::Fill(*identity.credential_ends_at, out->mutable_credential_end_time());
  }
  out->set_language(identity.language);
}

Error Throttled(Duration wait) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  return Error{Reason::kSignInThrottled, {{"seconds", std::to_string(seconds)}}};
}

// For counting failures: names as long as anybody likes must not fill the memory.
std::string ThrottleKey(std::string_view user_name) {
  return CompatibilityFolded(user_name.substr(0, 4 * kNameCharacters));
}

// Of one customer's IPv6 addresses the network counts: they have as many as they like.
std::string Whence(const Call& call) {
  std::string limited = LimitedAddressOf(call.address);
  return limited.empty() ? call.address : limited;
}

void SetNewPassword(AccessRecords& records, User& user, std::string hash, Timestamp now) {
  user.password_hash = std::move(hash);
  user.password_set_at = now;
  ++user.version;
  records.Put(user);
  records.RemoveOneTimeTokens(OneTimeToken::Kind::kPassword, user.name);
  for (const UserSession& session : records.SessionsOf(user.name)) {
    records.RemoveSession(session.id);
  }
}

// Whether this user may start a session at all.
bool MaySignIn(const std::optional<User>& user, Timestamp now) {
  return user && !user->disabled && ScopeAt(*user, now);
}

struct StartedSession {
  std::string token;
  UserSession session;
};

// A session of the user, with its audit entry, in one transaction; nullopt: they may not sign in,
// or `may`, which is shown them as they are then and may change them, says no.
std::optional<StartedSession> StartSession(const Call& call, const std::string& user,
                                           const std::function<bool(User& current)>& may) {
  const Backend& backend = call.backend;
  const Timestamp now = backend.clock.Now();
  StartedSession started{.token = NewToken("rbs_"), .session = {}};
  bool signed_in = false, others_ended = false;
  backend.store.WriteAccess([&](AccessRecords& records) {
    std::optional<User> current = records.FindUser(user);
    if (!MaySignIn(current, now) || !may(*current)) return false;
    records.RemoveExpired(now);
    std::vector<UserSession> sessions = records.SessionsOf(current->name);
    for (size_t i = 0; i + kMostSessions <= sessions.size(); ++i) {
      records.RemoveSession(sessions[i].id);
      others_ended = true;
    }
    started.session = {.id = NewAccessId(now),
                       .token_hash = HashToken(started.token),
                       .user = current->name,
                       .address = call.address,
                       .created_at = now,
                       .used_at = now,
                       .expires_at = now + backend.access.session_lifetime};
    records.Put(started.session);
    current->signed_in_at = now;
    records.Put(*current);
    records.Audit(SignInEntryOf(call, current->name, current->role));
    return signed_in = true;
  });
  if (others_ended) backend.authenticator.Forget();
  if (!signed_in) return std::nullopt;
  return started;
}

Result<void> SignIn(const Call& call, const api::SignInRequest& request, api::SignInResponse* out) {
  Checks checks;
  if (request.user_name().empty()) checks.Add("user_name", Reason::kRequiredFieldMissing);
  if (request.password().empty()) checks.Add("password", Reason::kRequiredFieldMissing);
  if (!checks.ok()) return std::move(checks).ToError();
  const Backend& backend = call.backend;
  const Timestamp now = backend.clock.Now();
  const std::string key = ThrottleKey(request.user_name());
  if (const Duration wait = backend.throttle.Begin(key, Whence(call), now); wait > Duration(0)) {
    return Throttled(wait);
  }
  const std::string password = NormalPassword(request.password());
  std::optional<User> user;
  backend.store.ReadAccess(
      [&](AccessRecords& records) { user = records.FindUser(request.user_name()); });
  const PasswordCost& cost = backend.access.password_cost;
  const bool right = VerifyPassword(user ? user->password_hash : std::string(), password, cost);
  const Error refused{Reason::kSignInRefused};
  if (!right || password.empty() || user->password_hash.empty() || !MaySignIn(user, now)) {
    return refused;
  }

  const std::string rehashed =
      NeedsRehash(user->password_hash, cost) ? HashPassword(password, cost) : std::string();
  const auto started = StartSession(call, user->name, [&](User& current) {
    // The password may have been changed while it was compared.
    if (current.password_hash != user->password_hash) return false;
    if (!rehashed.empty()) current.password_hash = rehashed;
    return true;
  });
  if (!started) return refused;
  backend.throttle.Succeeded(key, Whence(call));
  auto identity = backend.authenticator.AuthenticateToken(started->token);
  if (!identity) return std::move(identity).error();
  out->set_session_token(started->token);
  FillSession(call, started->session, user->name, out->mutable_session());
  out->mutable_session()->set_current(true);
  FillIdentity(*identity, call, out->mutable_identity());
  return {};
}

// The token, as long as it is worth something.
std::optional<OneTimeToken> Usable(AccessRecords& records, const std::string& token,
                                   OneTimeToken::Kind kind, Timestamp now) {
  auto found = records.FindOneTimeToken(HashToken(token));
  if (!found || found->kind != kind || found->expires_at <= now) return std::nullopt;
  return found;
}

Result<void> SetUpAdmin(const Call& call, const api::SetUpAdminRequest& request,
                        api::SetUpAdminResponse* out) {
  const Backend& backend = call.backend;
  const Timestamp now = backend.clock.Now();
  const std::vector<RoleDef>& roles = call.revision->roles;
  const auto usable = [&](AccessRecords& records) {
    return Usable(records, request.token(), OneTimeToken::Kind::kSetUp, now) &&
           !HasAdmin(records, roles);
  };
  const Error refused{Reason::kOneTimeTokenRefused};
  bool known = false;
  backend.store.ReadAccess([&](AccessRecords& records) { known = usable(records); });
  if (!known) return refused;  // nobody makes us hash for nothing
  Checks checks;
  User user{.role = "admin", .created_by = "setup", .created_at = now};
  user.name = ReadUserName("user_name", request.user_name(), checks);
  user.language = ReadLanguage("language", request.language(), checks);
  auto password = NewPassword("password", request.password(), user.name);
  if (!password) checks.AddAll(password.error().violations);
  if (!checks.ok()) return std::move(checks).ToError();
  const std::string hash = HashPassword(*password, backend.access.password_cost);
  Result<void> result;
  backend.store.WriteAccess([&](AccessRecords& records) {
    if (!usable(records)) {
      result = refused;
      return false;
    }
    if (IsTaken(records, user.name)) {
      result = Error{Reason::kUserExists, {{"user", user.name}}};
      return false;
    }
    records.RemoveOneTimeTokens(OneTimeToken::Kind::kSetUp, "");
    SetNewPassword(records, user, hash, now);
    records.Audit(SignInEntryOf(call, user.name, user.role));
    return true;
  });
  if (!result) return result;
  FillUser(user, out->mutable_user());
  return {};
}

Result<void> RedeemLink(const Call& call, const api::RedeemLinkRequest& request,
                        api::RedeemLinkResponse* out) {
  const Backend& backend = call.backend;
  const Timestamp now = backend.clock.Now();
  const auto find = [&](AccessRecords& records) -> std::optional<User> {
    const auto token = Usable(records, request.token(), OneTimeToken::Kind::kPassword, now);
    std::optional<User> user = token ? records.FindUser(token->user) : std::nullopt;
    return user && !user->disabled ? user : std::nullopt;
  };
  const Error refused{Reason::kOneTimeTokenRefused};
  std::optional<User> user;
  backend.store.ReadAccess([&](AccessRecords& records) { user = find(records); });
  if (!user) return refused;
  auto password = NewPassword("password", request.password(), user->name);
  if (!password) return std::move(password).error();
  const std::string hash = HashPassword(*password, backend.access.password_cost);
  backend.store.WriteAccess([&](AccessRecords& records) {
    user = find(records);
    if (!user) return false;
    SetNewPassword(records, *user, hash, now);
    records.Audit(SignInEntryOf(call, user->name, user->role));
    return true;
  });
  if (!user) return refused;
  backend.authenticator.Forget();
  FillUser(*user, out->mutable_user());
  return {};
}

Result<void> SetPassword(const Call& call, const api::SetPasswordRequest& request,
                         api::SetPasswordResponse* out) {
  const Backend& backend = call.backend;
  const Timestamp now = backend.clock.Now();
  if (auto id = CheckRequestId(request.request_id()); !id) return id;
  if (call.identity.kind != CredentialKind::kSession) return Error{Reason::kSessionRequired};
  auto fresh = NewPassword("new_password", request.new_password(), call.identity.name);
  Checks checks;
  if (request.old_password().empty()) checks.Add("old_password", Reason::kRequiredFieldMissing);
  if (!fresh) checks.AddAll(fresh.error().violations);
  if (!checks.ok()) return std::move(checks).ToError();
  const std::string key = ThrottleKey(call.identity.name);
  if (const Duration wait = backend.throttle.Begin(key, Whence(call), now); wait > Duration(0)) {
    return Throttled(wait);
  }
  std::optional<User> user;
  backend.store.ReadAccess(
      [&](AccessRecords& records) { user = records.FindUser(call.identity.name); });
  if (!user) return NoUser();
  const PasswordCost& cost = backend.access.password_cost;
  if (!VerifyPassword(user->password_hash, NormalPassword(request.old_password()), cost)) {
    return Error{Reason::kPasswordWrong};
  }
  backend.throttle.Succeeded(key, Whence(call));
  const std::string hash = HashPassword(*fresh, cost);
  // A fast hash of the request would be one of the passwords.
  api::SetPasswordRequest body = request;
  body.clear_old_password();
  body.clear_new_password();
  const auto changed = ChangeAccess(
      call, request.request_id(), DeterministicBytes(body),
      [&](AccessRecords& records) -> Result<RawId> {
        std::optional<User> current = records.FindUser(user->name);
        if (!current) return NoUser();
        if (current->password_hash != user->password_hash) return Error{Reason::kPasswordWrong};
        SetNewPassword(records, *current, hash, now);
        return RawId{};
      },
      [&](AccessRecords& records, const RawId&) -> Result<void> {
        if (const auto current = records.FindUser(user->name)) {
          FillUser(*current, out->mutable_user());
        }
        return {};
      });
  if (!changed) return changed.error();
  out->set_replayed(changed->replayed);
  return {};
}

}  // namespace

Result<std::string> SignInByProvider(const Call& call, const std::string& name) {
  // Not folded: at the provider two people may have names that differ in case alone.
  auto started = StartSession(call, name, [&](User& current) { return current.name == name; });
  if (!started) return Error{Reason::kProviderUserUnknown};
  return std::move(started->token);
}

void FillUser(const User& user, api::User* out) {
  out->set_name(user.name);
  out->set_etag(Etag(user.version));
  out->set_role(user.role);
  for (const OrgUnitGrant& grant : user.org_units) {
    api::OrgUnitGrant* to = out->add_org_units();
    to->set_org_unit_id(grant.org_unit_id);
    if (grant.valid_from) rebound::Fill(*grant.valid_from, to->mutable_start_time());
    if (grant.valid_until) rebound::Fill(*grant.valid_until, to->mutable_end_time());
  }
  for (const std::string& queue : user.queues) out->add_queue_ids(queue);
  out->set_language(user.language);
  out->set_disabled(user.disabled);
  out->set_has_password(!user.password_hash.empty());
  out->set_creator(user.created_by);
  rebound::Fill(user.created_at, out->mutable_create_time());
  if (user.password_set_at) rebound::Fill(*user.password_set_at, out->mutable_password_set_time());
  if (user.signed_in_at) rebound::Fill(*user.signed_in_at, out->mutable_sign_in_time());
}

void FillSession(const Call& call, const UserSession& session, const std::string& name,
                 api::Session* out) {
  out->set_id(ToString(session.id));
  out->set_user_name(name);
  out->set_address(session.address);
  rebound::Fill(session.created_at, out->mutable_create_time());
  rebound::Fill(session.used_at, out->mutable_use_time());
  const Timestamp idle_end = session.used_at + call.backend.access.session_idle;
  rebound::Fill(std::min(idle_end, session.expires_at), out->mutable_idle_end_time());
  rebound::Fill(session.expires_at, out->mutable_end_time());
  out->set_current(session.id == call.identity.credential_id);
}

void FillKey(const ApiKey& key, const std::string& name, api::ApiKey* out) {
  out->set_id(ToString(key.id));
  out->set_prefix(key.prefix);
  out->set_user_name(name);
  out->set_role(key.role);
  for (const std::string& unit : key.scope.org_units) out->add_org_unit_ids(unit);
  for (const std::string& queue : key.scope.queues) out->add_queue_ids(queue);
  for (const std::string& method : key.methods) out->add_methods(method);
  out->set_description(key.description);
  out->set_creator(key.created_by);
  rebound::Fill(key.created_at, out->mutable_create_time());
  rebound::Fill(key.expires_at, out->mutable_end_time());
  if (key.used_at) rebound::Fill(*key.used_at, out->mutable_use_time());
  if (key.revoked_at) rebound::Fill(*key.revoked_at, out->mutable_revoke_time());
}

std::string NameOf(AccessRecords& records, const std::string& user) {
  const std::optional<User> found = records.FindUser(user);
  return found ? found->name : user;
}

std::string ReadUserName(const std::string& field, const std::string& name, Checks& checks) {
  if (name.empty()) {
    checks.Add(field, Reason::kRequiredFieldMissing);
    return name;
  }
  // "queue:" and "role:" stand before what is no person, wherever cases name whom to tell.
  const auto characters = std::count_if(name.begin(), name.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  });
  const bool has_blank_end = name.starts_with(' ') || name.ends_with(' ');
  if (static_cast<size_t>(characters) > kNameCharacters || has_blank_end ||
      NormalPassword(name) != name || name.starts_with("queue:") || name.starts_with("role:")) {
    checks.Add(field, Reason::kIdInvalid,
               {{"value", name.substr(0, 80)},
                {"expected",
                 "1 to 64 characters in Unicode form NFKC, without control characters or blanks at "
                 "the ends"}});
  }
  return name;
}

std::string ReadLanguage(const std::string& field, const std::string& language, Checks& checks) {
  if (language.size() > kLongestLanguage || !IsPlain(language, "-")) {
    checks.Add(field, Reason::kIdInvalid,
               {{"value", language.substr(0, 80)}, {"expected", "a language tag like zh-CN"}});
  }
  return language;
}

bool IsTaken(AccessRecords& records, std::string_view name) {
  const std::string folded = CompatibilityFolded(name);
  if (folded == "system" || folded == "setup" || records.FindUser(name)) return true;
  const std::vector<Store::Principal> principals = records.ListPrincipals();
  return std::any_of(principals.begin(), principals.end(), [&](const Store::Principal& principal) {
    return CompatibilityFolded(principal.name) == folded;
  });
}

Error NoUser() { return Error{Reason::kNotFound, {{"resource", "user"}}}; }

RawId NewAccessId(Timestamp now) {
  uint64_t random[2];
  randombytes_buf(random, sizeof(random));
  return IdSource(now, random[0], random[1]).Next<RawId>();
}

namespace {

// Whether the caller still is who they were when the call began: it may have waited since.
bool IsStill(const Call& call, AccessRecords& records) {
  const Identity& who = call.identity;
  const Timestamp now = call.backend.clock.Now();
  switch (who.kind) {
    case CredentialKind::kNone: return true;
    case CredentialKind::kPrincipalToken: {
      const std::vector<Store::Principal> principals = records.ListPrincipals();
      return std::any_of(principals.begin(), principals.end(), [&](const Store::Principal& each) {
        return each.name == who.name && each.role == who.role && !each.disabled;
      });
    }
    case CredentialKind::kSession: {
      const auto session = records.GetSession(who.credential_id);
      if (!session || now >= session->expires_at) return false;
      break;
    }
    case CredentialKind::kApiKey: {
      const auto key = records.GetApiKey(who.credential_id);
      if (!key || key->revoked_at || now >= key->expires_at) return false;
      break;
    }
    case CredentialKind::kCertificate: break;
  }
  const auto user = records.FindUser(who.name);
  const bool is_key = who.kind == CredentialKind::kApiKey;
  if (!user || user->disabled || user->role != (is_key ? who.user_role : who.role)) return false;
  const std::optional<Scope> scope = ScopeAt(*user, now);
  return scope && !FindExcess(who.scope, *scope);
}

}  // namespace

Result<Changed> ChangeAccess(
    const Call& call, const std::string& request_id, std::string_view body,
    const std::function<Result<RawId>(AccessRecords&)>& change,
    const std::function<Result<void>(AccessRecords&, const RawId&)>& show) {
  if (auto id = CheckRequestId(request_id); !id) return std::move(id).error();
  const Backend& backend = call.backend;
  const RequestRecord asked{.key = RequestKey(call.identity.name, call.method, request_id),
                            .body = BodyHash(body),
                            .at = backend.clock.Now()};
  Result<Changed> result = Changed{};
  backend.store.WriteAccess([&](AccessRecords& records) {
    if (const auto known = records.FindAccessRequest(asked.key)) {
      if (known->body != asked.body) {
        result = Error{Reason::kRequestIdReused, {{"request_id", request_id}}};
        return false;
      }
      result = Changed{known->resource, true};
      if (auto shown = show(records, known->resource); !shown) result = std::move(shown).error();
      return false;
    }
    if (!IsStill(call, records)) {
      result = Error{Reason::kUnauthenticated};
      return false;
    }
    auto resource = change(records);
    if (!resource) {
      result = std::move(resource).error();
      return false;
    }
    if (auto shown = show(records, *resource); !shown) {
      result = std::move(shown).error();
      return false;
    }
    RequestRecord done = asked;
    done.resource = *resource;
    records.Put(done);
    AuditEntry entry = AuditEntryOf(call, *resource);
    entry.request_key = asked.key;
    entry.subject_type = call.about.type;
    entry.detail = call.about.number;
    records.Audit(std::move(entry));
    result = Changed{*resource, false};
    return true;
  });
  backend.authenticator.Forget();
  // What an endpoint is sent goes by what its owner may see, who may be back or have more now.
  if (result && !result->replayed) backend.deliveries_changed();
  return result;
}

void AddSignIn(ApiService* service) {
  Backend& backend = service->backend();
  AddAccessWork<api::SignInRequest, api::SignInResponse>(service, "SignIn", backend.hashing,
                                                         SignIn);
  AddAccessWork<api::SetUpAdminRequest, api::SetUpAdminResponse>(service, "SetUpAdmin",
                                                                 backend.hashing, SetUpAdmin);
  AddAccessWork<api::RedeemLinkRequest, api::RedeemLinkResponse>(service, "RedeemLink",
                                                                 backend.hashing, RedeemLink);
  AddAccessWork<api::SetPasswordRequest, api::SetPasswordResponse>(service, "SetPassword",
                                                                   backend.hashing, SetPassword);
  AddAccessWork<api::WhoAmIRequest, api::WhoAmIResponse>(
      service, "WhoAmI", backend.pool,
      [](const Call& call, const api::WhoAmIRequest&, api::WhoAmIResponse* out) -> Result<void> {
        FillIdentity(call.identity, call, out->mutable_identity());
        return {};
      });
  AddAccessChange<api::SignOutRequest, api::SignOutResponse>(
      service, "SignOut",
      [](const Call& call, AccessRecords& records, const api::SignOutRequest&,
         api::SignOutResponse*) -> Result<RawId> {
        if (call.identity.kind != CredentialKind::kSession) {
          return Error{Reason::kSessionRequired};
        }
        records.RemoveSession(call.identity.credential_id);
        return RawId{};
      },
      [](const Call&, AccessRecords&, const api::SignOutRequest&, const RawId&,
         api::SignOutResponse*) -> Result<void> { return {}; });
}

}  // namespace rebound
