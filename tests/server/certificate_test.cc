// What a client's certificate says, whom it names, and what that gives.
#include "server/access/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "server/access/authenticator.h"
#include "server/storage/memory_store.h"
#include "tests/fixtures/certificates.h"

namespace rebound {
namespace {

using fixtures::Authority;
using fixtures::CertificateText;
using std::chrono::hours;
using std::chrono::seconds;

class CertificateTest : public testing::Test {
 protected:
  CertificateTest() {
    std::string name = (std::filesystem::temp_directory_path() / "rebound-ca-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    authority_.emplace(folder_, "clients");
  }
  ~CertificateTest() override { std::filesystem::remove_all(folder_); }

  std::optional<PeerCertificate> Read(const CertificateText& text) {
    std::ifstream file(authority_->Sign("client", text).certificate);
    return ReadCertificate(std::string(std::istreambuf_iterator<char>(file), {}));
  }
  // "" when it names nobody.
  std::string UriOf(const std::string& alternative_names) {
    const auto read = Read({.name = "li", .alternative_names = alternative_names});
    return read ? read->uri : "";
  }

  std::filesystem::path folder_;
  std::optional<Authority> authority_;
};

TEST_F(CertificateTest, OneUriOfOursNamesThePrincipal) {
  EXPECT_EQ(UriOf("URI:rebound:user:li"), "rebound:user:li");
  EXPECT_EQ(UriOf("URI:spiffe://mesh/crm,DNS:crm.example,URI:rebound:key:x"), "rebound:key:x");
}

TEST_F(CertificateTest, NothingElseDoes) {
  EXPECT_EQ(UriOf(""), "") << "the common name says nothing";
  EXPECT_EQ(UriOf("DNS:li,email:li@example.com"), "");
  EXPECT_EQ(UriOf("DNS:rebound:user:li"), "") << "a name of another kind";
  EXPECT_EQ(UriOf("URI:https://rebound/user/li"), "");
  EXPECT_EQ(UriOf("URI:rebound:user:li,URI:rebound:user:wang"), "") << "which of them?";
  EXPECT_EQ(UriOf("URI:rebound:user:li na"), "") << "no space stands in a URI";
  EXPECT_EQ(UriOf("URI:rebound:user:" + std::string(2'000, 'a')), "");
  EXPECT_EQ(ReadCertificate("no PEM"), std::nullopt);
  EXPECT_EQ(ReadCertificate(""), std::nullopt);
}

TEST_F(CertificateTest, ItsEndIsReadToo) {
  const auto read =
      Read({.name = "li", .alternative_names = "URI:rebound:user:li", .until = hours(5)});
  ASSERT_TRUE(read.has_value());
  const Duration left = read->ends_at - SystemClock().Now();
  EXPECT_GT(left, Duration(hours(4)));
  EXPECT_LE(left, Duration(hours(5)));
}

TEST_F(CertificateTest, AFileHoldsOneOrDoesNot) {
  EXPECT_TRUE(HasCertificate(authority_->certificate()));
  EXPECT_FALSE(HasCertificate(folder_ / "none.pem"));
  const auto pair = authority_->Sign("client", {.name = "li"});
  EXPECT_FALSE(HasCertificate(pair.key));
}

TEST(NamedByTest, AUserByItsNameOrAKeyByItsId) {
  EXPECT_EQ(NamedBy("rebound:user:li")->user, "li");
  EXPECT_EQ(NamedBy("rebound:user:%E6%9D%8E%20n%41")->user, "李 nA");
  EXPECT_TRUE(NamedBy("rebound:user:li")->key.empty());
  const RawId id = IdSource(FromMillis(1'700'000'000'000), 0, 1).Next<RawId>();
  EXPECT_EQ(NamedBy("rebound:key:" + ToString(id))->key, id);
  for (const char* uri : {"", "rebound:", "rebound:user:", "rebound:user", "rebound:user:%", "li",
                          "rebound:user:%4", "rebound:user:%4x", "rebound:key:", "rebound:key:x",
                          "rebound:principal:li", "Rebound:user:li"}) {
    EXPECT_FALSE(NamedBy(uri).has_value()) << uri;
  }
}

TEST(CertificateMetadataTest, ComesBackAsItWas) {
  const PeerCertificate certificate{"rebound:user:li", FromMillis(1'700'000'000'000)};
  EXPECT_EQ(FromMetadata(ToMetadata(certificate)), certificate);
  for (const char* value : {"", "x", "1", "rebound:user:li", "1x rebound:user:li"}) {
    EXPECT_EQ(FromMetadata(value), std::nullopt) << value;
  }
}

// Who calls by a certificate.
class CertificateIdentityTest : public testing::Test {
 protected:
  static constexpr Timestamp kNow = FromMillis(1'700'000'000'000);

  CertificateIdentityTest() {
    user_ = {.name = "Li Na", .role = "agent", .queues = {"vip"}};
    key_.id = IdSource(kNow, 0, 1).Next<RawId>();
    key_.token_hash = HashToken("rbk_secret");
    key_.prefix = "rbk_secret";
    key_.user = "Li Na";
    key_.role = "viewer";
    key_.methods = {"rebound.v1.OperationsService/GetStatus"};
    key_.created_at = kNow;
    key_.expires_at = kNow + hours(24 * 30);
    Put();
  }

  void Put() {
    store_.WriteAccess([&](AccessRecords& records) {
      records.Put(user_);
      records.Put(key_);
      return true;
    });
    authenticator_.Forget();
  }

  Result<Identity> Ask(const std::string& uri, Duration lasts = hours(24)) {
    return authenticator_.AuthenticateCertificate({uri, clock_.Now() + lasts});
  }
  void ExpectRefused(const std::string& uri, Duration lasts = hours(24)) {
    const auto identity = Ask(uri, lasts);
    ASSERT_FALSE(identity.has_value()) << uri;
    EXPECT_EQ(identity.error(), Error{.reason = Reason::kUnauthenticated}) << uri;
  }
  std::string KeyUri() const { return "rebound:key:" + ToString(key_.id); }

  User user_;
  ApiKey key_;
  MemoryStore store_;
  ManualClock clock_{kNow};
  Authenticator authenticator_{store_, clock_};
};

TEST_F(CertificateIdentityTest, AUserIsThatUser) {
  const auto identity = Ask("rebound:user:Li%20Na");
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->name, "Li Na");
  EXPECT_EQ(identity->role, "agent");
  EXPECT_EQ(identity->scope.queues, std::vector<std::string>{"vip"});
  EXPECT_EQ(identity->kind, CredentialKind::kCertificate);
  EXPECT_TRUE(identity->credential_id.empty());
  EXPECT_EQ(identity->credential_ends_at, kNow + hours(24));
}

TEST_F(CertificateIdentityTest, AKeyIsThatKeyWithinWhatItWasGiven) {
  const auto identity = Ask(KeyUri());
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->name, "Li Na");
  EXPECT_EQ(identity->role, "viewer");
  EXPECT_EQ(identity->user_role, "agent");
  EXPECT_EQ(identity->methods, key_.methods);
  EXPECT_EQ(identity->kind, CredentialKind::kApiKey);
  EXPECT_EQ(identity->credential_id, key_.id);
  EXPECT_EQ(identity->credential_ends_at, kNow + hours(24));
  EXPECT_EQ(Ask(KeyUri(), hours(24 * 365))->credential_ends_at, key_.expires_at);
  std::optional<ApiKey> stored;
  store_.ReadAccess([&](AccessRecords& records) { stored = records.GetApiKey(key_.id); });
  EXPECT_EQ(stored->used_at, kNow);
}

TEST_F(CertificateIdentityTest, EverybodyElseIsRefused) {
  ExpectRefused("rebound:user:nobody");
  ExpectRefused("rebound:user:li%20na");  // to the letter
  ExpectRefused("rebound:key:" + ToString(IdSource(kNow, 0, 2).Next<RawId>()));
  ExpectRefused("rebound:user:Li%20Na", Duration(0));
  ASSERT_TRUE(Ask("rebound:user:Li%20Na").has_value());
  key_.revoked_at = kNow;
  Put();
  ExpectRefused(KeyUri());
  user_.disabled = true;
  Put();
  ExpectRefused("rebound:user:Li%20Na");
}

TEST_F(CertificateIdentityTest, AnEndedKeyAndAnEndedCertificateAreRefusedFromMemoryToo) {
  const PeerCertificate certificate{"rebound:user:Li%20Na", kNow + seconds(1)};
  EXPECT_TRUE(authenticator_.AuthenticateCertificate(certificate).has_value());
  clock_.Advance(seconds(1));
  EXPECT_FALSE(authenticator_.AuthenticateCertificate(certificate).has_value());
  key_.expires_at = clock_.Now() + seconds(1);
  Put();
  EXPECT_TRUE(Ask(KeyUri()).has_value());
  clock_.Advance(seconds(1));
  ExpectRefused(KeyUri());
}

TEST_F(CertificateIdentityTest, NoTokenStandsForTheNameOfACertificate) {
  ASSERT_TRUE(Ask("rebound:user:Li%20Na").has_value());  // remembered
  EXPECT_FALSE(authenticator_.AuthenticateToken("rebound:user:Li%20Na").has_value());
  EXPECT_TRUE(authenticator_.AuthenticateToken("rbk_secret").has_value());
  ExpectRefused("rbk_secret");
}

}  // namespace
}  // namespace rebound
