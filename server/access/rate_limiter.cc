#include "server/access/rate_limiter.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "workflows/check.h"

namespace rebound {
namespace {

constexpr int64_t kLargest = 1'000'000'000;
constexpr int64_t kMilli = 1'000;

}  // namespace

RateLimiter::RateLimiter(Clock& clock, RateLimit limit, size_t capacity)
    : clock_(clock),
      limit_(limit),
      shard_capacity_(std::max<size_t>(1, (capacity + kShards - 1) / kShards)) {
  CHECK(limit.per_second >= 0 && limit.per_second <= kLargest);
  CHECK(!limits() || (limit.burst >= 1 && limit.burst <= kLargest));
}

RateLimiter::Shard& RateLimiter::ShardOf(std::string_view key) {
  return shards_[std::hash<std::string_view>()(key) % kShards];
}

RateLimiter::Bucket& RateLimiter::Touch(Shard& shard, std::string_view key) {
  const Duration now = clock_.Steady();
  const int64_t full = limit_.burst * kMilli;
  const auto found = shard.by_key.find(key);
  if (found == shard.by_key.end()) {
    if (shard.buckets.size() >= shard_capacity_) {
      shard.by_key.erase(shard.buckets.back().key);
      shard.buckets.pop_back();
    }
    shard.buckets.push_front({std::string(key), full, now});
    shard.by_key.emplace(shard.buckets.front().key, shard.buckets.begin());
    return shard.buckets.front();
  }
  shard.buckets.splice(shard.buckets.begin(), shard.buckets, found->second);
  Bucket& bucket = shard.buckets.front();
  // A thousandth of a unit for each unit per second and millisecond. Time does not run back; if it
  // did, nothing would be gained twice.
  const int64_t passed = std::max<int64_t>(0, (now - bucket.at).count());
  const int64_t lacking = full - bucket.milliunits;
  const bool fills = passed >= lacking / limit_.per_second + 1;
  bucket.milliunits = fills ? full : std::min(full, bucket.milliunits + passed * limit_.per_second);
  bucket.at = std::max(bucket.at, now);
  return bucket;
}

std::optional<Duration> RateLimiter::Take(std::string_view key, int64_t cost) {
  const auto wait = TakeOrWait(key, cost);
  if (wait) refused_.fetch_add(1, std::memory_order_relaxed);
  return wait;
}

bool RateLimiter::TryTake(std::string_view key, int64_t cost) { return !TakeOrWait(key, cost); }

std::optional<Duration> RateLimiter::TakeOrWait(std::string_view key, int64_t cost) {
  CHECK(cost >= 0);
  if (!limits()) return std::nullopt;
  const int64_t asked = std::min(cost, limit_.burst) * kMilli;
  Shard& shard = ShardOf(key);
  std::lock_guard lock(shard.mutex);
  Bucket& bucket = Touch(shard, key);
  if (bucket.milliunits >= asked) {
    bucket.milliunits -= asked;
    return std::nullopt;
  }
  const int64_t lacking = asked - bucket.milliunits;
  return Duration{(lacking + limit_.per_second - 1) / limit_.per_second};
}

void RateLimiter::Charge(std::string_view key, int64_t cost) {
  CHECK(cost >= 0);
  if (!limits()) return;
  Shard& shard = ShardOf(key);
  std::lock_guard lock(shard.mutex);
  Bucket& bucket = Touch(shard, key);
  const int64_t floor = -limit_.burst * kMilli;
  bucket.milliunits = std::max(floor, bucket.milliunits - std::min(cost, limit_.burst) * kMilli);
}

size_t RateLimiter::size() const {
  size_t size = 0;
  for (const Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    size += shard.buckets.size();
  }
  return size;
}

std::string LimitedAddressOf(std::string_view address) {
  if (address.size() >= INET6_ADDRSTRLEN) return {};
  const std::string text(address);
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return text;
  std::array<unsigned char, 16> v6{};
  if (inet_pton(AF_INET6, text.c_str(), v6.data()) != 1) return {};
  std::array<char, INET6_ADDRSTRLEN> shown{};
  constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (std::equal(kMapped.begin(), kMapped.end(), v6.begin())) {
    inet_ntop(AF_INET, v6.data() + 12, shown.data(), shown.size());
    return shown.data();
  }
  constexpr std::array<unsigned char, 16> kSelf{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  if (v6 == kSelf) return "::1";
  std::fill(v6.begin() + 8, v6.end(), static_cast<unsigned char>(0));
  inet_ntop(AF_INET6, v6.data(), shown.data(), shown.size());
  return std::string(shown.data()) + "/64";
}

bool IsLoopback(std::string_view address) {
  return address == "::1" || address.starts_with("127.");
}

std::string CallLimits::CountedBy(std::string_view caller) const {
  std::string limited = LimitedAddressOf(caller);
  return !limit_loopback && IsLoopback(limited) ? std::string() : limited;
}

}  // namespace rebound
