// Who is calling.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/access/certificate.h"
#include "server/access/token.h"
#include "server/clock.h"
#include "server/storage/access_records.h"
#include "server/storage/store.h"
#include "workflows/result.h"

namespace rebound {

// kCertificate: of a user; what calls by the certificate of an API key is that key.
enum class CredentialKind { kNone, kPrincipalToken, kApiKey, kSession, kCertificate };

struct Identity {
  std::string name{};
  std::string role{};  // key: a built-in role or a configured one
  Scope scope{};
  CredentialKind kind = CredentialKind::kNone;
  RawId credential_id{};  // of the session or API key
  std::optional<Timestamp> credential_ends_at{};
  std::string language{};  // the user's; may be empty
  // Of an API key: the first characters of its secret, the only methods it may call (empty: all of
  // its role), and the role of its user, which has to include that of the key.
  std::string key_prefix{};
  std::vector<std::string> methods{};
  std::string user_role{};
};

// Whether it is a user with all that is theirs: with their grants as they come and end.
inline bool IsWholeUser(const Identity& identity) {
  return identity.kind == CredentialKind::kSession || identity.kind == CredentialKind::kCertificate;
}

// Finds the identity behind a bearer token: of a principal, of a user's session ("rbs_") or API key
// ("rbk_"); or behind a client's certificate. What was found is remembered for kRemembered, so what
// another process changed takes effect after that time, and what this one changed at once (Forget).
// Ends and effect dates are looked at each time. A token that was not found is looked up each time,
// so a new one works at once. Borrows store and clock. Thread-safe.
class Authenticator {
 public:
  static constexpr Duration kRemembered = std::chrono::seconds(5);
  static constexpr size_t kCapacity = 10'000;
  // When a credential was last used is written down after so long, not at each call.
  static constexpr Duration kSessionStep = std::chrono::minutes(1);
  static constexpr Duration kKeyStep = std::chrono::hours(1);

  struct Options {
    Duration session_idle = std::chrono::hours(1);
    // Where that is written down: never on the caller's thread, which must not wait for the disk.
    // False: not now. Null: at once.
    std::function<bool(std::function<void()>)> later{};
  };

  Authenticator(Store& store, Clock& clock) : Authenticator(store, clock, Options{}) {}
  Authenticator(Store& store, Clock& clock, Options options)
      : store_(store), clock_(clock), options_(std::move(options)) {}

  // `header` is the value of the call's "authorization" header ("Bearer TOKEN", the scheme in any
  // case) and `header_count` how many of them it has. kUnauthenticated, always the same, unless
  // there is exactly one and its token belongs to a principal that is not disabled, or to a user
  // who is not and sees anything at this time, by a session or key that has not ended;
  // kStoreUnavailable when the store cannot say.
  Result<Identity> Authenticate(std::string_view header, size_t header_count = 1);
  // The same for a bare token, as from a cookie.
  Result<Identity> AuthenticateToken(std::string_view token);
  // The same for the user or API key that the certificate names. It ends what it gives, at the
  // latest: a connection may outlive it.
  Result<Identity> AuthenticateCertificate(const PeerCertificate& certificate);

  // What is done in the name of `owner` while nobody calls: as what they made with a credential of
  // `role` and `scope` may act now, like an API key of theirs without an end. kUnauthenticated: the
  // owner is not there, disabled, or sees nothing of that scope now. kStoreUnavailable.
  Result<Identity> InTheNameOf(const std::string& owner, const std::string& role,
                               const Scope& scope);

  // After a change of users, sessions or keys: everything is looked up again.
  void Forget();

  Duration session_idle() const { return options_.session_idle; }

 private:
  // What was shown, as a hash. Apart by kind: no token may stand for a certificate's name.
  struct Shown {
    bool is_certificate = false;
    TokenHash hash{};
    friend auto operator<=>(const Shown&, const Shown&) = default;
  };
  // What the store says of it.
  struct Found {
    std::optional<Store::Principal> principal{};
    std::optional<User> user{};
    std::optional<UserSession> session{};
    std::optional<ApiKey> key{};
  };
  struct Remembered {
    Found found;
    Timestamp at;
    bool forgotten = false;
    Timestamp used_at{};     // sessions: may be later than the store knows
    Timestamp written_at{};  // when that was last handed to be written down
  };

  // From memory, or by `find`, which may throw StoreFailure.
  Result<Identity> Known(const Shown& shown, const std::function<Found()>& find);
  Found Find(std::string_view token, const TokenHash& hash);
  Found FindNamed(std::string_view uri);
  std::optional<Identity> IdentityOf(const Remembered& entry, Timestamp now) const;
  void NoteUse(Remembered& entry, Timestamp now);

  Store& store_;
  Clock& clock_;
  const Options options_;
  std::mutex mutex_;
  std::map<Shown, Remembered> remembered_;
  uint64_t changes_ = 0;  // calls of Forget
};

}  // namespace rebound
