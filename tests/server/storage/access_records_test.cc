// Goal: every promise of server/storage/access_records.h, for each store that there is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "server/storage/access_records.h"
#include "server/storage/memory_store.h"
#include "server/storage/sqlite_store.h"

namespace rebound {
namespace {

using std::chrono::days;
using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Timestamp kNow = FromMillis(1'772'442'000'000);

RawId IdOf(uint8_t n) {
  RawId id;
  id.bytes[0] = n;
  return id;
}

User MakeUser(const std::string& name) {
  return {.name = name,
          .role = "agent",
          .org_units = {{"east/suzhou", kNow, kNow + hours(1)},
                        {"west", std::nullopt, kNow},
                        {"north", kNow, std::nullopt},
                        {"south", std::nullopt, std::nullopt}},
          .queues = {"vip", "desk"},
          .language = "zh-CN",
          .password_hash = "$argon2id$x",
          .disabled = true,
          .created_by = "admin",
          .created_at = kNow,
          .password_set_at = kNow + hours(1),
          .signed_in_at = kNow + hours(2),
          .version = 7};
}

UserSession MakeSession(uint8_t n, const std::string& user) {
  return {.id = IdOf(n),
          .token_hash = {n, 1},
          .user = user,
          .address = "127.0.0.1",
          .created_at = kNow,
          .used_at = kNow + hours(1),
          .expires_at = kNow + hours(n)};
}

ApiKey MakeKey(uint8_t n, const std::string& user) {
  return {.id = IdOf(n),
          .token_hash = {n, 2},
          .prefix = "rbk_abcdefgh",
          .user = user,
          .role = "integration",
          .scope = {{"east", "west"}, {"vip"}},
          .methods = {"rebound.v1.CaseService/GetCase"},
          .description = "CRM 接口",
          .created_by = "admin",
          .created_at = kNow,
          .expires_at = kNow + days(1),
          .used_at = kNow + hours(1),
          .revoked_at = kNow + hours(2)};
}

class AccessRecordsTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "memory") {
      store_ = std::make_unique<MemoryStore>();
      return;
    }
    std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '.');
    folder_ = std::filesystem::path(testing::TempDir()) / ("rebound.access." + name);
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    store_ = SqliteStore::Open(folder_ + "/rebound.db");
  }
  void TearDown() override {
    store_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  template <typename... Rows>
  void Put(const Rows&... rows) {
    store_->WriteAccess([&](AccessRecords& records) {
      (records.Put(rows), ...);
      return true;
    });
  }
  template <typename Read>
  auto Get(Read read) {
    decltype(read(std::declval<AccessRecords&>())) result;
    store_->ReadAccess([&](AccessRecords& records) { result = read(records); });
    return result;
  }

  std::string folder_;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(All, AccessRecordsTest, testing::Values("sqlite", "memory"),
                         [](const auto& param) { return param.param; });

TEST_P(AccessRecordsTest, RowsReadBackAsPut) {
  const User user = MakeUser("li");
  User bare{.name = "bare", .role = "viewer", .created_at = kNow};
  const OneTimeToken token{{9}, OneTimeToken::Kind::kPassword, "li", kNow};
  const RequestRecord request{{3}, {4}, IdOf(5), kNow};
  Put(user, bare, MakeSession(1, "li"), MakeKey(2, "li"), token, request);
  EXPECT_EQ(Get([](AccessRecords& r) { return r.FindUser("li"); }), user);
  EXPECT_EQ(Get([](AccessRecords& r) { return r.FindUser("bare"); }), bare);
  EXPECT_EQ(Get([](AccessRecords& r) { return r.FindSession({1, 1}); }), MakeSession(1, "li"));
  EXPECT_EQ(Get([](AccessRecords& r) { return r.GetSession(IdOf(1)); }), MakeSession(1, "li"));
  EXPECT_EQ(Get([](AccessRecords& r) { return r.FindApiKey({2, 2}); }), MakeKey(2, "li"));
  EXPECT_EQ(Get([](AccessRecords& r) { return r.GetApiKey(IdOf(2)); }), MakeKey(2, "li"));
  EXPECT_EQ(Get([](AccessRecords& r) { return r.FindOneTimeToken({9}); }), token);
  const auto found = Get([](AccessRecords& r) { return r.FindAccessRequest({3}); });
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->body, request.body);
  EXPECT_EQ(found->resource, request.resource);
  EXPECT_EQ(found->at, request.at);
  EXPECT_EQ(Get([](AccessRecords& r) { return r.FindUser("wang"); }), std::nullopt);
  EXPECT_EQ(Get([](AccessRecords& r) { return r.FindSession({2, 2}); }), std::nullopt);
  EXPECT_EQ(Get([](AccessRecords& r) { return r.FindApiKey({1, 1}); }), std::nullopt);
}

TEST_P(AccessRecordsTest, PuttingAgainReplaces) {
  User user = MakeUser("li");
  Put(user);
  user.org_units.clear();
  user.queues.clear();
  user.password_hash.clear();
  user.password_set_at.reset();
  user.signed_in_at.reset();
  Put(user);
  EXPECT_EQ(Get([](AccessRecords& r) { return r.FindUser("li"); }), user);
  EXPECT_THAT(Get([](AccessRecords& r) { return r.ListUsers("", 10); }), SizeIs(1));
}

TEST_P(AccessRecordsTest, NamesAreOneInAnyCaseAndWidth) {
  Put(MakeUser("Lína"), MakeSession(1, "LÍNA"), MakeKey(2, "ｌína"));
  for (const char* name : {"lína", "LÍNA", "Ｌíｎａ"}) {
    const auto user = Get([&](AccessRecords& r) { return r.FindUser(name); });
    ASSERT_TRUE(user.has_value()) << name;
    EXPECT_EQ(user->name, "Lína");
    EXPECT_THAT(Get([&](AccessRecords& r) { return r.SessionsOf(name); }), SizeIs(1));
    EXPECT_THAT(Get([&](AccessRecords& r) { return r.ApiKeysOf(name); }), SizeIs(1));
  }
  EXPECT_EQ(Get([](AccessRecords& r) { return r.GetSession(IdOf(1)); })->user, "lína");
  Put(MakeUser("LÍNA"));
  EXPECT_THAT(Get([](AccessRecords& r) { return r.ListUsers("", 10); }), SizeIs(1));
}

TEST_P(AccessRecordsTest, ListsComeInOrderAndInPages) {
  for (const char* name : {"c", "A", "b", "D"}) Put(MakeUser(name));
  const auto names = [&](const char* after, int32_t limit) {
    std::vector<std::string> found;
    for (const User& user : Get([&](AccessRecords& r) { return r.ListUsers(after, limit); })) {
      found.push_back(user.name);
    }
    return found;
  };
  EXPECT_THAT(names("", 10), ElementsAre("A", "b", "c", "D"));
  EXPECT_THAT(names("", 2), ElementsAre("A", "b"));
  EXPECT_THAT(names("B", 10), ElementsAre("c", "D"));
  EXPECT_THAT(names("d", 10), IsEmpty());
  Put(MakeSession(3, "a"), MakeSession(1, "a"), MakeSession(2, "b"));
  EXPECT_THAT(Get([](AccessRecords& r) { return r.SessionsOf("a"); }),
              ElementsAre(MakeSession(1, "a"), MakeSession(3, "a")));
  Put(MakeKey(6, "a"), MakeKey(4, "a"), MakeKey(5, "b"));
  EXPECT_THAT(Get([](AccessRecords& r) { return r.ApiKeysOf("a"); }),
              ElementsAre(MakeKey(4, "a"), MakeKey(6, "a")));
}

TEST_P(AccessRecordsTest, WhatIsRefusedOrThrowsLeavesNothing) {
  Put(MakeUser("li"));
  const auto spoil = [](AccessRecords& records) {
    records.Put(MakeUser("wang"));
    User li = MakeUser("li");
    li.role = "admin";
    records.Put(li);
    records.Put(MakeKey(1, "li"));
    EXPECT_EQ(records.FindUser("li")->role, "admin") << "its own changes are seen";
  };
  store_->WriteAccess([&](AccessRecords& records) {
    spoil(records);
    return false;
  });
  EXPECT_THROW(store_->WriteAccess([&](AccessRecords& records) -> bool {
    spoil(records);
    throw std::runtime_error("no");
  }),
               std::runtime_error);
  EXPECT_EQ(Get([](AccessRecords& r) { return r.FindUser("li"); }), MakeUser("li"));
  EXPECT_THAT(Get([](AccessRecords& r) { return r.ListUsers("", 10); }), SizeIs(1));
  EXPECT_EQ(Get([](AccessRecords& r) { return r.GetApiKey(IdOf(1)); }), std::nullopt);
  Put(MakeUser("wang"));
  EXPECT_THAT(Get([](AccessRecords& r) { return r.ListUsers("", 10); }), SizeIs(2));
}

TEST_P(AccessRecordsTest, RemovingTakesWhatIsNamedAlone) {
  const auto link = [](uint8_t n, OneTimeToken::Kind kind, const char* user) {
    return OneTimeToken{{n}, kind, user, kNow + days(1)};
  };
  using Kind = OneTimeToken::Kind;
  Put(MakeSession(1, "li"), MakeSession(2, "li"), link(1, Kind::kPassword, "li"),
      link(2, Kind::kPassword, "LI"), link(3, Kind::kPassword, "wang"), link(4, Kind::kSetUp, ""));
  store_->WriteAccess([](AccessRecords& records) {
    records.RemoveSession(IdOf(1));
    records.RemoveSession(IdOf(9));
    records.RemoveOneTimeTokens(Kind::kPassword, "Li");
    return true;
  });
  EXPECT_THAT(Get([](AccessRecords& r) { return r.SessionsOf("li"); }),
              ElementsAre(MakeSession(2, "li")));
  for (uint8_t n = 1; n <= 4; ++n) {
    EXPECT_EQ(Get([&](AccessRecords& r) { return r.FindOneTimeToken({n}); }).has_value(), n > 2)
        << int{n};
  }
}

TEST_P(AccessRecordsTest, WhatHasEndedIsRemoved) {
  using Kind = OneTimeToken::Kind;
  Put(MakeSession(1, "li"), MakeSession(2, "li"),
      OneTimeToken{{1}, Kind::kSetUp, "", kNow + hours(1)},
      OneTimeToken{{2}, Kind::kSetUp, "", kNow + hours(2)},
      RequestRecord{{1}, {}, {}, kNow - days(9)}, RequestRecord{{2}, {}, {}, kNow - days(7)},
      MakeKey(1, "li"));
  store_->WriteAccess([](AccessRecords& records) {
    records.RemoveExpired(kNow + hours(1));
    return true;
  });
  EXPECT_THAT(Get([](AccessRecords& r) { return r.SessionsOf("li"); }),
              ElementsAre(MakeSession(2, "li")));
  EXPECT_FALSE(Get([](AccessRecords& r) { return r.FindOneTimeToken({1}); }).has_value());
  EXPECT_TRUE(Get([](AccessRecords& r) { return r.FindOneTimeToken({2}); }).has_value());
  EXPECT_FALSE(Get([](AccessRecords& r) { return r.FindAccessRequest({1}); }).has_value());
  EXPECT_TRUE(Get([](AccessRecords& r) { return r.FindAccessRequest({2}); }).has_value());
  EXPECT_TRUE(Get([](AccessRecords& r) { return r.GetApiKey(IdOf(1)); }).has_value())
      << "keys stay to be seen";
}

TEST_P(AccessRecordsTest, PrincipalsAreSeenBesideUsers) {
  store_->PutPrincipal({"wei", "manager", {{"east"}, {"vip"}}, true}, Hash256{1});
  store_->PutPrincipal({"an", "admin", {}, false}, std::nullopt);
  const auto principals = Get([](AccessRecords& r) { return r.ListPrincipals(); });
  ASSERT_THAT(principals, SizeIs(2));
  EXPECT_EQ(principals[0].name, "an");
  EXPECT_EQ(principals[1].name, "wei");
  EXPECT_EQ(principals[1].role, "manager");
  EXPECT_EQ(principals[1].scope, (Scope{{"east"}, {"vip"}}));
  EXPECT_TRUE(principals[1].disabled);
}

TEST(AccessFileTest, WhatIsPutSurvivesTheProcess) {
  const std::string path = testing::TempDir() + "/rebound.access.reopen.db";
  for (const char* end : {"", ".lock", "-wal", "-shm"}) std::filesystem::remove(path + end);
  SqliteStore::Open(path)->WriteAccess([](AccessRecords& records) {
    records.Put(MakeUser("li"));
    return true;
  });
  std::optional<User> user;
  SqliteStore::Open(path)->ReadAccess(
      [&](AccessRecords& records) { user = records.FindUser("li"); });
  EXPECT_EQ(user, MakeUser("li"));
}

}  // namespace
}  // namespace rebound
