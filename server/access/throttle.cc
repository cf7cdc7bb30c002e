#include "server/access/throttle.h"

#include <arpa/inet.h>

#include <algorithm>

namespace rebound {
namespace {

constexpr Duration kFirstWait = std::chrono::seconds(1);
constexpr int kMostDoublings = 20;

}  // namespace

Duration SignInThrottle::WaitOf(const Counts& counts, const std::string& key, int free,
                                Duration longest, Timestamp now) {
  const auto found = counts.find(key);
  if (found == counts.end() || found->second.failures < free) return Duration(0);
  const Duration passed = now - found->second.last;
  if (passed >= kForgotten) return Duration(0);
  const int doublings = std::min(found->second.failures - free, kMostDoublings);
  const Duration wait = std::min(longest, kFirstWait * (int64_t{1} << doublings));
  // A clock that went back must not make anybody wait longer than that.
  return std::clamp(wait - passed, Duration(0), wait);
}

void SignInThrottle::Add(Counts& counts, const std::string& key, Timestamp now) {
  if (counts.size() >= kCapacity && !counts.contains(key)) {
    std::erase_if(counts, [&](const auto& row) { return now - row.second.last >= kForgotten; });
    if (counts.size() >= kCapacity) counts.clear();
  }
  Count& count = counts[key];
  if (now - count.last >= kForgotten) count.failures = 0;
  ++count.failures;
  count.last = now;
}

Duration SignInThrottle::Begin(const std::string& name, const std::string& address, Timestamp now) {
  std::lock_guard lock(mutex_);
  const Duration wait =
      std::max(WaitOf(names_, name, kFreeForName, kLongestForName, now),
               WaitOf(addresses_, address, kFreeForAddress, kLongestForAddress, now));
  if (wait > Duration(0)) return wait;
  Add(names_, name, now);
  Add(addresses_, address, now);
  return Duration(0);
}

void SignInThrottle::Succeeded(const std::string& name, const std::string& address) {
  std::lock_guard lock(mutex_);
  names_.erase(name);
  const auto found = addresses_.find(address);
  if (found != addresses_.end() && --found->second.failures <= 0) addresses_.erase(found);
}

}  // namespace rebound
