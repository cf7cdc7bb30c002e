// Passwords, the slowing down of guesses, and what one user has of what another has: each by
// itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "server/access/password.h"
#include "server/access/rights.h"
#include "server/access/setup.h"
#include "server/access/throttle.h"
#include "server/access/token.h"
#include "server/storage/memory_store.h"

namespace rebound {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Timestamp kSignInNow = FromMillis(1'772'442'000'000);
constexpr PasswordCost kCheap{.passes = 1, .memory_bytes = 8192};

std::string Repeated(std::string_view text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST(PasswordTest, AHashIsArgon2idWithASaltOfItsOwn) {
  const std::string first = HashPassword("correct horse", kCheap);
  const std::string second = HashPassword("correct horse", kCheap);
  EXPECT_TRUE(first.starts_with("$argon2id$v=19$m=8,t=1,p=1$")) << first;
  EXPECT_NE(first, second);
  EXPECT_TRUE(VerifyPassword(first, "correct horse", kCheap));
  EXPECT_TRUE(VerifyPassword(second, "correct horse", kCheap));
  EXPECT_FALSE(VerifyPassword(first, "correct horsf", kCheap));
  EXPECT_FALSE(VerifyPassword(first, "", kCheap));
  EXPECT_FALSE(VerifyPassword("", "", kCheap)) << "no hash fits nothing";
  EXPECT_FALSE(VerifyPassword("", "correct horse", kCheap));
  EXPECT_FALSE(VerifyPassword("nonsense", "correct horse", kCheap));
}

TEST(PasswordTest, TheShippedCostIsLibsodiumsForInteractiveUse) {
  const std::string hash = HashPassword("correct horse", PasswordCost{});
  EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=65536,t=2,p=1$")) << hash;
  EXPECT_TRUE(NeedsRehash(HashPassword("correct horse", kCheap), PasswordCost{}));
  EXPECT_FALSE(NeedsRehash(hash, PasswordCost{}));
  EXPECT_TRUE(VerifyPassword(HashPassword("correct horse", kCheap), "correct horse", {}))
      << "an older cost still fits";
}

TEST(PasswordTest, OnePasswordTypedOnAnotherKeyboardIsTheSame) {
  EXPECT_EQ(NormalPassword("ｐａｓｓ①"), "pass1");
  EXPECT_EQ(NormalPassword("Cafe\u0301"), NormalPassword("Caf\u00e9"));
  EXPECT_NE(NormalPassword("Pass"), NormalPassword("pass")) << "case counts";
  EXPECT_EQ(NormalPassword(" a b "), " a b ") << "blanks count";
  for (const std::string& nobodys :
       {std::string(), std::string("a\nb"), std::string("a\0b", 3), std::string("\xFF\xFE"),
        std::string("\x7F"), std::string(1025, 'a')}) {
    EXPECT_EQ(NormalPassword(nobodys), "");
  }
}

TEST(PasswordTest, WhatIsShortLongOrEasyToGuessIsRefused) {
  struct Row {
    std::string password;
    std::string expected;  // empty: taken
  };
  const std::string guessed = "more than the user's name, the product's or what everybody tries";
  const std::vector<Row> rows{
      {"", "at least 10 characters"},
      {"x7!kQ2pzL", "at least 10 characters"},
      {"x7!kQ2pzLm", ""},
      {"一二三四五六七八九", "at least 10 characters"},
      {"长城脚下的小店有好茶", ""},
      {std::string(1025, 'x'), "at most 1,024 bytes"},
      {Repeated("abcdefgh", 128), ""},
      {"good\npassphrase here", "no control characters"},
      {"aaaaaaaaaaaa", guessed},
      {"abababababab", guessed},
      {"1234567890", guessed},
      {"ReboundRebound", guessed},
      {"REBOUND-2026", guessed},
      {"zhang.wei.zhang.wei", guessed},
      {"Ｚｈａｎｇ.Ｗｅｉ1", guessed},
      {"password1234", guessed},
      {"rebound of the harbour lights", ""},
      {"correct horse battery", ""},
  };
  for (const Row& row : rows) {
    const auto password = NewPassword("password", row.password, "zhang.wei");
    EXPECT_EQ(password.has_value(), row.expected.empty()) << row.password;
    if (password || row.expected.empty()) continue;
    EXPECT_EQ(password.error(),
              FieldError("password", Reason::kPasswordRefused, {{"expected", row.expected}}))
        << row.password << ": nothing of it is in the error";
  }
}

TEST(SignInThrottleTest, FiveFailuresAreFreeThenEachWaitsTwiceAsLong) {
  SignInThrottle throttle;
  Timestamp now = kSignInNow;
  for (int i = 0; i < SignInThrottle::kPair.free; ++i) {
    EXPECT_EQ(throttle.Begin("li", "a", now), Duration(0)) << i;
  }
  Duration expected = SignInThrottle::kPair.first;
  for (int i = 0; i < 12; ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(throttle.Begin("li", "a", now), expected);
    EXPECT_EQ(throttle.Begin("li", "a", now), expected) << "coming too early costs nothing";
    EXPECT_EQ(throttle.Begin("wang", "a", now), Duration(0)) << "another name";
    throttle.Succeeded("wang", "a");
    now += expected - std::chrono::milliseconds(1);
    EXPECT_EQ(throttle.Begin("li", "a", now), std::chrono::milliseconds(1));
    now += std::chrono::milliseconds(1);
    EXPECT_EQ(throttle.Begin("li", "a", now), Duration(0));
    expected = std::min<Duration>(expected * 2, SignInThrottle::kPair.longest);
  }
  EXPECT_EQ(expected, SignInThrottle::kPair.longest) << "nobody is locked out for ever";
  EXPECT_EQ(throttle.Begin("li", "a", now + SignInThrottle::kForgotten), Duration(0));
}

// Whoever knows a name, and has as many addresses as they like, keeps its owner out nowhere else.
TEST(SignInThrottleTest, NobodyIsKeptOutByWhatStrangersSendFromElsewhere) {
  SignInThrottle throttle;
  for (int from = 0; from < 1'000; ++from) {
    const std::string address = "stranger" + std::to_string(from);
    for (int i = 0; i < 10; ++i) throttle.Begin("li", address, kSignInNow);
  }
  EXPECT_GT(throttle.Begin("li", "stranger7", kSignInNow), Duration(0));
  EXPECT_EQ(throttle.Begin("li", "home", kSignInNow), Duration(0));
  throttle.Succeeded("li", "home");
  // Who mistypes meanwhile waits a minute, from where they are; and elsewhere has another try.
  EXPECT_EQ(throttle.Begin("li", "home", kSignInNow), Duration(0));
  EXPECT_EQ(throttle.Begin("li", "home", kSignInNow), SignInThrottle::kPairUnderAttack.first);
  EXPECT_EQ(throttle.Begin("li", "office", kSignInNow), Duration(0));
  EXPECT_EQ(throttle.Begin("wang", "home", kSignInNow), Duration(0)) << "another name is as ever";
}

// By somebody who tries whenever they may, for a day.
TEST(SignInThrottleTest, GuessesOfAnHourAreBounded) {
  struct Row {
    const char* what;
    bool attacked;  // the name is tried from many addresses
    bool one_name;  // else another one each time
    int most;
    bool signs_in = false;  // with a password of their own, before each
  };
  for (const auto& [what, attacked, one_name, most, signs_in] : std::vector<Row>{
           {"a name", false, true, SignInThrottle::kMostPerHourOfPair},
           {"a name under attack", true, true, SignInThrottle::kMostPerHourUnderAttack},
           {"names", false, false, SignInThrottle::kMostPerHour},
           {"names, signing in between", false, false, SignInThrottle::kMostPerHour, true}}) {
    SCOPED_TRACE(what);
    SignInThrottle throttle;
    if (attacked) {
      for (int i = 0; i < SignInThrottle::kMany; ++i) {
        EXPECT_EQ(throttle.Begin("name", "from" + std::to_string(i), kSignInNow), Duration(0));
      }
    }
    std::vector<Timestamp> tried;
    int most_seen = 0;
    for (Timestamp now = kSignInNow; now < kSignInNow + hours(24);) {
      const std::string name = one_name ? "name" : "name" + std::to_string(tried.size());
      if (signs_in && throttle.Begin("own", "a", now) == Duration(0))
        throttle.Succeeded("own", "a");
      const Duration wait = throttle.Begin(name, "a", now);
      now += wait;
      if (wait > Duration(0)) continue;
      tried.push_back(now);
      most_seen = std::max(
          most_seen, static_cast<int>(std::count_if(tried.begin(), tried.end(), [&](Timestamp at) {
            return at > now - hours(1);
          })));
    }
    EXPECT_EQ(most_seen, most);
  }
}

TEST(SignInThrottleTest, SuccessForgetsTheNameThereAndOneAttemptOfTheAddress) {
  SignInThrottle throttle;
  for (int i = 0; i < 4; ++i) throttle.Begin("li", "a", kSignInNow);
  EXPECT_EQ(throttle.Begin("li", "a", kSignInNow), Duration(0));
  throttle.Succeeded("li", "a");
  for (int i = 0; i < SignInThrottle::kPair.free; ++i) {
    EXPECT_EQ(throttle.Begin("li", "a", kSignInNow), Duration(0)) << i;
  }
  EXPECT_GT(throttle.Begin("li", "a", kSignInNow), Duration(0));

  // Signing in with a password of one's own between guesses does not help.
  SignInThrottle other;
  for (int i = 0; i < SignInThrottle::kAddress.free; ++i) {
    EXPECT_EQ(other.Begin("victim" + std::to_string(i), "a", kSignInNow), Duration(0)) << i;
    if (i + 1 == SignInThrottle::kAddress.free) break;
    EXPECT_EQ(other.Begin("own", "a", kSignInNow), Duration(0));
    other.Succeeded("own", "a");
  }
  EXPECT_GT(other.Begin("victim", "a", kSignInNow), Duration(0));
  EXPECT_EQ(other.Begin("victim", "b", kSignInNow), Duration(0)) << "another address";
}

// An office behind one address, where somebody's old password was tried over and over once.
TEST(SignInThrottleTest, SigningInFromASharedAddressKeepsNoFailuresAlive) {
  SignInThrottle throttle;
  for (int i = 0; i < SignInThrottle::kAddress.free; ++i) {
    EXPECT_EQ(throttle.Begin("old" + std::to_string(i), "office", kSignInNow), Duration(0));
  }
  for (int minutes = 10; minutes <= 120; minutes += 10) {
    SCOPED_TRACE(minutes);
    const Timestamp now = kSignInNow + std::chrono::minutes(minutes);
    for (const char* colleague : {"li", "wang", "zhao"}) {
      EXPECT_EQ(throttle.Begin(colleague, "office", now), Duration(0)) << "at the same time";
      throttle.Succeeded(colleague, "office");
    }
    if (minutes < 60) continue;
    EXPECT_EQ(throttle.Begin("zhou", "office", now), Duration(0)) << "mistyped";
    EXPECT_EQ(throttle.Begin("zhou", "office", now), Duration(0)) << "and at once again";
    throttle.Succeeded("zhou", "office");
  }
}

TEST(SignInThrottleTest, AClockThatGoesBackMakesNobodyWaitLonger) {
  SignInThrottle throttle;
  for (int i = 0; i < SignInThrottle::kPair.free; ++i) throttle.Begin("li", "a", kSignInNow);
  EXPECT_EQ(throttle.Begin("li", "a", kSignInNow - hours(5)), seconds(1));
}

User UserOf(std::vector<OrgUnitGrant> grants, std::vector<std::string> queues = {}) {
  return {
      .name = "li", .role = "agent", .org_units = std::move(grants), .queues = std::move(queues)};
}

TEST(RightsTest, GrantsHoldFromTheirStartAndBeforeTheirEnd) {
  const User user =
      UserOf({{"east", kSignInNow, kSignInNow + hours(1)}, {"west", kSignInNow + hours(1), {}}});
  EXPECT_FALSE(ScopeAt(user, kSignInNow - seconds(1)).has_value())
      << "an empty scope would be everything";
  EXPECT_THAT(ScopeAt(user, kSignInNow)->org_units, ElementsAre("east"));
  EXPECT_THAT(ScopeAt(user, kSignInNow + hours(1) - seconds(1))->org_units, ElementsAre("east"));
  EXPECT_THAT(ScopeAt(user, kSignInNow + hours(1))->org_units, ElementsAre("west"));
  EXPECT_THAT(ScopeAt(UserOf({}, {"vip"}), kSignInNow)->org_units, IsEmpty());
  EXPECT_THAT(ScopeAt(UserOf({}, {"vip"}), kSignInNow)->queues, ElementsAre("vip"));
}

TEST(RightsTest, AnIntersectionIsWhatLiesInBothOrNothing) {
  const auto units = [](std::vector<std::string> a, std::vector<std::string> b) {
    return Intersection({std::move(a), {}}, {std::move(b), {}});
  };
  EXPECT_EQ(units({}, {}), (Scope{}));
  EXPECT_EQ(units({}, {"east"}), (Scope{{"east"}, {}}));
  EXPECT_EQ(units({"east"}, {}), (Scope{{"east"}, {}}));
  EXPECT_EQ(units({"east"}, {"east/suzhou", "west"}), (Scope{{"east/suzhou"}, {}}));
  EXPECT_EQ(units({"east/suzhou"}, {"east"}), (Scope{{"east/suzhou"}, {}}));
  EXPECT_EQ(units({"east"}, {"east"}), (Scope{{"east"}, {}}));
  EXPECT_EQ(units({"east"}, {"eastern"}), std::nullopt);
  EXPECT_EQ(Intersection({{}, {"a", "b"}}, {{}, {"b", "c"}}), (Scope{{}, {"b"}}));
  EXPECT_EQ(Intersection({{}, {"a"}}, {{}, {"c"}}), std::nullopt);
  EXPECT_EQ(Intersection({{"east"}, {}}, {{}, {"c"}}), (Scope{{"east"}, {"c"}}));
}

TEST(RightsTest, ExcessIsWhatOneHasBeyondAnother) {
  const Scope outer{{"east"}, {"vip"}};
  EXPECT_FALSE(FindExcess({{"east/suzhou"}, {"vip"}}, outer));
  EXPECT_FALSE(FindExcess(outer, {}));
  const auto expect = [&](const Scope& inner, std::string_view what, std::string_view value) {
    const Excess excess = FindExcess(inner, outer);
    EXPECT_EQ(excess.what, what);
    EXPECT_EQ(excess.value, value);
  };
  expect({{}, {"vip"}}, "org_unit", "*");
  expect({{"east", "west"}, {"vip"}}, "org_unit", "west");
  expect({{"eastern"}, {"vip"}}, "org_unit", "eastern");
  expect({{"east"}, {}}, "queue", "*");
  expect({{"east"}, {"vip", "desk"}}, "queue", "desk");
}

TEST(RightsTest, ExcessInTimeIsExcess) {
  using Grants = std::vector<OrgUnitGrant>;
  const Grants outer{{"east", kSignInNow - hours(1), kSignInNow + hours(10)}};
  struct Row {
    Grants inner;
    bool exceeds;
  };
  for (const auto& [inner, exceeds] :
       std::vector<Row>{{{{"east", {}, kSignInNow + hours(10)}}, false},
                        {{{"east/suzhou", kSignInNow + hours(1), kSignInNow + hours(2)}}, false},
                        {{{"east", {}, {}}}, true},
                        {{{"east", {}, kSignInNow + hours(11)}}, true},
                        {{{"west", {}, kSignInNow + hours(1)}}, true},
                        {{}, true}}) {
    EXPECT_EQ(static_cast<bool>(FindExcess(inner, outer, kSignInNow)), exceeds);
  }
  const Grants later{{"east", kSignInNow + hours(1), {}}};
  EXPECT_TRUE(FindExcess({{"east", {}, {}}}, later, kSignInNow)) << "not before it is one's own";
  EXPECT_FALSE(FindExcess({{"east", kSignInNow + hours(1), {}}}, later, kSignInNow));
  EXPECT_FALSE(FindExcess({{"x", {}, {}}}, Grants{}, kSignInNow));
}

TEST(SetupTest, ATokenIsMadeOnlyWhileNobodyCanLetAnybodyIn) {
  const std::vector<RoleDef> roles = DefaultRoles();
  const auto put = [](MemoryStore& store, const User& user) {
    store.WriteAccess([&](AccessRecords& records) {
      records.Put(user);
      return true;
    });
  };
  const User admin{.name = "an", .role = "admin", .password_hash = "x"};
  struct Row {
    const char* what;
    bool has_admin;
    std::function<void(MemoryStore&)> prepare;
  };
  const std::vector<Row> rows{
      {"nobody", false, [](MemoryStore&) {}},
      {"an administrator", true, [&](MemoryStore& store) { put(store, admin); }},
      {"one who is disabled", false,
       [&](MemoryStore& store) {
         User user = admin;
         user.disabled = true;
         put(store, user);
       }},
      {"one without a password", false,
       [&](MemoryStore& store) {
         User user = admin;
         user.password_hash.clear();
         put(store, user);
       }},
      {"one of a part", false,
       [&](MemoryStore& store) {
         User user = admin;
         user.org_units = {{"east", {}, {}}};
         put(store, user);
       }},
      {"a manager", false,
       [&](MemoryStore& store) {
         User user = admin;
         user.role = "manager";
         put(store, user);
       }},
      {"a principal", true,
       [](MemoryStore& store) {
         store.PutPrincipal({"p", "admin", {}, false}, TokenHash{1});
       }},
      {"a disabled principal", false,
       [](MemoryStore& store) {
         store.PutPrincipal({"p", "admin", {}, true}, TokenHash{1});
       }},
      {"a principal of a part", false,
       [](MemoryStore& store) {
         store.PutPrincipal({"p", "admin", {{"east"}, {}}, false}, TokenHash{1});
       }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    MemoryStore store;
    row.prepare(store);
    const auto token = MakeSetupToken(store, roles, kSignInNow);
    EXPECT_EQ(token.has_value(), !row.has_admin);
    if (!token) continue;
    EXPECT_TRUE(token->starts_with("rbo_"));
    // Another start makes another one, in place of the first.
    const auto again = MakeSetupToken(store, roles, kSignInNow);
    ASSERT_TRUE(again.has_value());
    store.ReadAccess([&](AccessRecords& records) {
      EXPECT_FALSE(records.FindOneTimeToken(HashToken(*token)).has_value());
      const auto found = records.FindOneTimeToken(HashToken(*again));
      ASSERT_TRUE(found.has_value());
      EXPECT_EQ(found->expires_at, kSignInNow + hours(24));
    });
  }
}

}  // namespace
}  // namespace rebound
