// How often somebody may call: a token bucket for each key.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/clock.h"

namespace rebound {

// A bucket holds `burst` units, and gains `per_second` of them. 0 per second: no limit.
struct RateLimit {
  int64_t per_second = 0;  // 0 to 10^9
  int64_t burst = 0;       // at least 1 where there is a limit; to 10^9
};

// Buckets by key, for one kind of key (identities, addresses). What one key takes is nothing that
// another lacks. At most `capacity` keys are remembered, whatever comes: those that took longest
// ago are forgotten first, which begin again with a full bucket. By the steady clock: setting the
// time neither grants nor takes anything. Borrows the clock. Thread-safe.
class RateLimiter {
 public:
  static constexpr size_t kCapacity = 65'536;

  RateLimiter(Clock& clock, RateLimit limit, size_t capacity = kCapacity);

  bool limits() const { return limit_.per_second > 0; }

  // Takes `cost` units, of a cost above the burst all of it. nullopt: taken. Else nothing is taken,
  // and this is how long it takes until the same would be granted if nobody else takes any: exact,
  // at least a millisecond.
  std::optional<Duration> Take(std::string_view key, int64_t cost);

  // The same for a caller who is refused elsewhere, and counted there: whether it was taken.
  bool TryTake(std::string_view key, int64_t cost);

  // Takes them afterwards, also when they are not there; at most until the bucket lacks a burst.
  void Charge(std::string_view key, int64_t cost);

  // How often Take refused since the process started.
  int64_t refused() const { return refused_.load(std::memory_order_relaxed); }
  // How many keys are remembered.
  size_t size() const;

 private:
  static constexpr size_t kShards = 16;

  struct Bucket {
    std::string key{};
    int64_t milliunits = 0;  // -burst to burst, in thousandths
    Duration at{};           // until when it has gained
  };
  // The most recent first.
  struct Shard {
    mutable std::mutex mutex{};
    std::list<Bucket> buckets{};
    std::unordered_map<std::string_view, std::list<Bucket>::iterator> by_key{};
  };

  Shard& ShardOf(std::string_view key);
  std::optional<Duration> TakeOrWait(std::string_view key, int64_t cost);
  // The bucket as it is now. REQUIRES: the shard's mutex.
  Bucket& Touch(Shard& shard, std::string_view key);

  Clock& clock_;
  const RateLimit limit_;
  const size_t shard_capacity_;
  std::array<Shard, kShards> shards_{};
  std::atomic<int64_t> refused_{0};
};

// The limits of a server's calls, in units: what a call costs is said by CostOf (policy.h).
struct CallLimits {
  RateLimiter identity;
  RateLimiter address;
  // Also addresses of this machine. Off: a proxy in front would be one address for everybody, and a
  // caller on this machine is not stopped by a limit.
  bool limit_loopback = false;
  // Connections over HTTP that were closed because there were as many, since the process started.
  std::atomic<int64_t> connections_refused{0};

  // What the limit of addresses counts a caller by, who calls from there; empty: it does not hold
  // for them.
  std::string CountedBy(std::string_view caller) const;
};

// What a call from an address costs besides, when its token is none.
inline constexpr int64_t kFailedTokenCost = 10;

// By what a caller's address is limited: an IPv4 address as it is, of an IPv6 one the /64 network,
// for a caller has all of that. Empty: by nothing (not an address: Unix sockets, calls in this
// process).
std::string LimitedAddressOf(std::string_view address);
// Of one that LimitedAddressOf gave.
bool IsLoopback(std::string_view address);

}  // namespace rebound
