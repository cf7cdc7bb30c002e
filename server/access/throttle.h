// Slows down guessing of passwords. In memory: a restart forgets.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "workflows/time.h"

namespace rebound {

// Counts failures by name and by address. After the first few, each next attempt waits twice as
// long, up to a bound: nobody is locked out for ever. Attempts that come too early are not counted,
// so they make nobody wait longer. Names that nobody has are counted like others. Thread-safe.
class SignInThrottle {
 public:
  static constexpr int kFreeForName = 5;
  static constexpr int kFreeForAddress = 20;
  static constexpr Duration kLongestForName = std::chrono::minutes(5);
  static constexpr Duration kLongestForAddress = std::chrono::minutes(15);
  static constexpr Duration kForgotten = std::chrono::hours(1);  // after the last failure
  static constexpr size_t kCapacity = 100'000;

  // The time to wait; zero: the attempt may be made, and counts as failed until Succeeded.
  // Attempts at the same time cannot all slip through before one of them has failed.
  Duration Begin(const std::string& name, const std::string& address, Timestamp now);
  // Forgets the failures of the name; of the address only this attempt, or somebody with a password
  // of their own could go on trying others' from there.
  void Succeeded(const std::string& name, const std::string& address);

 private:
  struct Count {
    int failures = 0;
    Timestamp last{};
  };
  using Counts = std::map<std::string, Count, std::less<>>;

  static Duration WaitOf(const Counts& counts, const std::string& key, int free, Duration longest,
                         Timestamp now);
  static void Add(Counts& counts, const std::string& key, Timestamp now);

  std::mutex mutex_;
  Counts names_;
  Counts addresses_;
};

}  // namespace rebound
