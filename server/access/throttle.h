// Slows down guessing of passwords. In memory: a restart forgets.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "workflows/time.h"

namespace rebound {

// Counts failures of a name from an address, of an address, and of a name. After the first few of a
// name from an address, or of an address, each next attempt waits twice as long, up to a bound.
// Those of a name alone keep nobody waiting, or whoever sends wrong passwords would keep its owner
// out: after many of them, from wherever, each address only has less to try the name with. So
// somebody at an address where nobody fails gets in at once, whatever strangers do elsewhere.
// Attempts that come too early are not counted, so they make nobody wait longer. Names that nobody
// has are counted like others. Thread-safe.
//
// Within any hour one address can guess at most kMostPerHour times, of these at one name
// kMostPerHourOfPair times; at a name that is tried from many addresses, after kMany failures,
// kMostPerHourUnderAttack times. So n addresses have 24 n guesses an hour at a name, and 7 n once
// it is under attack; of an IPv6 address the /64 counts.
class SignInThrottle {
 public:
  struct Rule {
    int free;          // failures that cost nothing
    Duration first;    // the wait after them, which doubles with each
    Duration longest;  // of all waits
  };
  static constexpr Rule kPair{5, std::chrono::seconds(1), std::chrono::minutes(5)};
  static constexpr Rule kPairUnderAttack{1, std::chrono::minutes(1), std::chrono::minutes(15)};
  static constexpr Rule kAddress{20, std::chrono::seconds(1), std::chrono::minutes(15)};
  // Failures of a name that make it one under attack: more than four addresses can come to in an
  // hour.
  static constexpr int kMany = 100;
  static constexpr Duration kForgotten = std::chrono::hours(1);  // after the last failure
  static constexpr int kMostPerHour = 32, kMostPerHourOfPair = 24, kMostPerHourUnderAttack = 7;
  static constexpr size_t kCapacity = 100'000;

  // The time to wait; zero: the attempt may be made, and counts as failed until Succeeded.
  // Attempts at the same time cannot all slip through before one of them has failed.
  Duration Begin(const std::string& name, const std::string& address, Timestamp now);
  // Forgets the failures of the name from there; of the address and the name only this attempt, or
  // somebody with a password of their own could go on trying others' from there. The hour of
  // forgetting goes on as well, however often colleagues sign in from a shared address.
  void Succeeded(const std::string& name, const std::string& address);

 private:
  struct Count {
    int failures = 0;
    Timestamp last{};
    Timestamp before{};  // the one before it, for when that is taken back
  };
  using Counts = std::map<std::string, Count, std::less<>>;

  static int FailuresOf(const Counts& counts, const std::string& key, Timestamp now);
  static Duration WaitOf(const Counts& counts, const std::string& key, const Rule& rule,
                         Timestamp now);
  static void Add(Counts& counts, const std::string& key, Timestamp now);
  static void TakeBack(Counts& counts, const std::string& key);

  std::mutex mutex_;
  Counts pairs_;  // by name and address
  Counts names_;
  Counts addresses_;
};

}  // namespace rebound
