#include "server/access/throttle.h"

#include <algorithm>
#include <utility>

namespace rebound {
namespace {

constexpr int kMostDoublings = 20;

// No address holds the character between them, so that no name passes for another pair.
std::string PairOf(const std::string& name, const std::string& address) {
  return name + '\n' + address;
}

}  // namespace

int SignInThrottle::FailuresOf(const Counts& counts, const std::string& key, Timestamp now) {
  const auto found = counts.find(key);
  if (found == counts.end() || now - found->second.last >= kForgotten) return 0;
  return found->second.failures;
}

Duration SignInThrottle::WaitOf(const Counts& counts, const std::string& key, const Rule& rule,
                                Timestamp now) {
  const int failures = FailuresOf(counts, key, now);
  if (failures < rule.free) return Duration(0);
  const int doublings = std::min(failures - rule.free, kMostDoublings);
  const Duration wait = std::min(rule.longest, rule.first * (int64_t{1} << doublings));
  // A clock that went back must not make anybody wait longer than that.
  return std::clamp(wait - (now - counts.find(key)->second.last), Duration(0), wait);
}

void SignInThrottle::Add(Counts& counts, const std::string& key, Timestamp now) {
  if (counts.size() >= kCapacity && !counts.contains(key)) {
    std::erase_if(counts, [&](const auto& row) { return now - row.second.last >= kForgotten; });
    if (counts.size() >= kCapacity) counts.clear();
  }
  Count& count = counts[key];
  if (now - count.last >= kForgotten) count.failures = 0;
  ++count.failures;
  count.before = std::exchange(count.last, now);
}

void SignInThrottle::TakeBack(Counts& counts, const std::string& key) {
  const auto found = counts.find(key);
  if (found == counts.end()) return;
  Count& count = found->second;
  count.last = count.before;
  if (--count.failures <= 0) counts.erase(found);
}

Duration SignInThrottle::Begin(const std::string& name, const std::string& address, Timestamp now) {
  std::lock_guard lock(mutex_);
  const std::string pair = PairOf(name, address);
  const Rule& rule = FailuresOf(names_, name, now) < kMany ? kPair : kPairUnderAttack;
  const Duration wait =
      std::max(WaitOf(pairs_, pair, rule, now), WaitOf(addresses_, address, kAddress, now));
  if (wait > Duration(0)) return wait;
  Add(pairs_, pair, now);
  Add(names_, name, now);
  Add(addresses_, address, now);
  return Duration(0);
}

void SignInThrottle::Succeeded(const std::string& name, const std::string& address) {
  std::lock_guard lock(mutex_);
  pairs_.erase(PairOf(name, address));
  TakeBack(names_, name);
  TakeBack(addresses_, address);
}

}  // namespace rebound
