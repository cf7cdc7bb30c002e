// Who is calling.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "server/access/token.h"
#include "server/clock.h"
#include "server/storage/store.h"
#include "workflows/result.h"

namespace rebound {

struct Identity {
  std::string name{};
  std::string role{};  // key: a built-in role or a configured one
  Scope scope{};
};

// Finds the identity behind a bearer token. A token that was found is remembered for kRemembered,
// so a disabled principal may call for that long; one that was not found is looked up each time, so
// a new token works at once. Borrows store and clock. Thread-safe.
class Authenticator {
 public:
  static constexpr Duration kRemembered = std::chrono::seconds(5);
  static constexpr size_t kCapacity = 10'000;

  Authenticator(Store& store, Clock& clock) : store_(store), clock_(clock) {}

  // `header` is the value of the call's "authorization" header ("Bearer TOKEN", the scheme in any
  // case) and `header_count` how many of them it has. kUnauthenticated, always the same, unless
  // there is exactly one and its token belongs to a principal that is not disabled;
  // kStoreUnavailable when the store cannot say.
  Result<Identity> Authenticate(std::string_view header, size_t header_count = 1);

 private:
  struct Remembered {
    Identity identity;
    Timestamp at;
  };

  Store& store_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<TokenHash, Remembered> remembered_;
};

}  // namespace rebound
