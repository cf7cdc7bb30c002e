// Phone numbers, addresses and ids in one form each, and why two customers match.
#include "workflows/identity.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rebound {
namespace {

struct PhoneRow {
  const char* raw;
  const char* expected;  // "": refused
  const char* country = "86";
};

TEST(IdentityTest, APhoneNumberHasOneForm) {
  const PhoneRow rows[] = {
      // Chinese mobiles.
      {"13800138000", "+8613800138000"},
      {"138 0013 8000", "+8613800138000"},
      {" 138-0013-8000 ", "+8613800138000"},
      {"１３８００１３８０００", "+8613800138000"},
      {"＋８６　１３８　００１３　８０００", "+8613800138000"},
      {"+86 138 0013 8000", "+8613800138000"},
      {"(+86)13800138000", ""},  // nobody writes so, and a guess is not needed
      {"0086 13800138000", "+8613800138000"},
      {"86 13800138000", "+8613800138000"},
      {"013800138000", "+8613800138000"},
      {"+86 013800138000", "+8613800138000"},
      {"19912345678", "+8619912345678"},
      {"12345678901", ""},  // no mobile begins with 12
      {"1380013800", ""},
      {"138001380000", ""},
      // Chinese landlines.
      {"010-12345678", "+861012345678"},
      {"（010）１２３４５６７８", "+861012345678"},
      {"(021) 5555 1234", "+862155551234"},
      {"+86 21 5555 1234", "+862155551234"},
      {"+86 (0)21 5555 1234", "+862155551234"},
      {"+86 021 5555 1234", "+862155551234"},
      {"0571-87654321", "+8657187654321"},
      {"0571-8765432", "+865718765432"},
      {"0570-123", ""},
      {"55551234", ""},    // of which area?
      {"2155551234", ""},  // the area is marked by its 0
      {"010-1234567", ""},
      // An extension makes another number.
      {"010-12345678转801", "+861012345678;ext=801"},
      {"010-12345678 ext. 801", "+861012345678;ext=801"},
      {"010-12345678 x801", "+861012345678;ext=801"},
      {"010-12345678#801", "+861012345678;ext=801"},
      {"010-12345678转", ""},
      {"010-12345678 转小王", ""},
      // Of companies.
      {"10086", ""},
      {"95588", ""},
      {"400-810-1234", ""},
      {"+86 400 810 1234", ""},
      {"0800-810-1234", ""},
      // Elsewhere.
      {"+44 (0)20 7946 0000", "+442079460000"},
      {"0044 20 7946 0000", "+442079460000"},
      {"020 7946 0000", "+442079460000", "44"},
      {"+1 (212) 555-0100", "+12125550100"},
      {"212.555.0100", "+12125550100", "1"},
      {"1 212 555 0100", "+12125550100", "1"},
      {"+852 2345 6789", "+85223456789"},
      {"2345 6789", "+85223456789", "852"},
      {"13800138000", "+85213800138000", "852"},
      // Nothing.
      {"", ""},
      {"   ", ""},
      {"+", ""},
      {"none", ""},
      {"13800138000 / 13900139000", ""},
      {"+1234567", ""},
      {"+1234567890123456", ""},
      {"+0123456789", ""},
      {"fax 12345678", ""},
      {"138\xEF\xBC", ""},  // cut within a character
  };
  for (const PhoneRow& row : rows) {
    EXPECT_EQ(NormalisePhone(row.raw, row.country).value_or(""), row.expected) << row.raw;
  }
}

TEST(IdentityTest, NormalisingAPhoneNumberAgainChangesNothing) {
  for (const char* raw :
       {"13800138000", "0571-87654321", "010-12345678转801", "+44 20 7946 0000"}) {
    const auto once = NormalisePhone(raw);
    ASSERT_TRUE(once);
    EXPECT_EQ(NormalisePhone(*once), once) << raw;
    EXPECT_EQ(NormalisePhone(*once, "1"), once) << "whatever the default: " << raw;
  }
}

struct TextRow {
  const char* raw;
  const char* expected;  // "": refused
};

TEST(IdentityTest, AnAddressHasOneForm) {
  const TextRow rows[] = {
      {"Li.Na@Example.COM", "li.na@example.com"},
      {"  li.na@example.com\n", "li.na@example.com"},
      {"li.na@example.com.", "li.na@example.com"},
      {"ＬＩ＠ｅｘａｍｐｌｅ．ｃｏｍ", "li@example.com"},
      {"li.na+shop@example.com", "li.na+shop@example.com"},
      {"小李@例子.中国", "小李@例子.中国"},
      {"li.na", ""},
      {"@example.com", ""},
      {"li@", ""},
      {"li@example", ""},
      {"li@.com", ""},
      {"li@@example.com", ""},
      {"li na@example.com", ""},
      {"li@example.com, wang@example.com", ""},
      {"", ""},
  };
  for (const TextRow& row : rows) {
    EXPECT_EQ(NormaliseEmail(row.raw).value_or(""), row.expected) << row.raw;
  }
}

TEST(IdentityTest, AnExternalIdHasOneForm) {
  const TextRow rows[] = {
      {"A-0017", "a-0017"}, {" a-0017 ", "a-0017"},  {"Ａ－００１７", "a-0017"},
      {"0017", "0017"},     {"会员-Ａ1", "会员-a1"}, {" \t", ""},
  };
  for (const TextRow& row : rows) {
    EXPECT_EQ(NormaliseExternalId(row.raw).value_or(""), row.expected) << row.raw;
  }
}

Customer Of(std::vector<ContactPoint> points, std::vector<CustomerKey> keys = {}) {
  Customer customer;
  customer.profile.contact_points = std::move(points);
  customer.keys = std::move(keys);
  return customer;
}
ContactPoint Point(Channel channel, std::string address) {
  return {channel, {{}, std::move(address)}};
}
CustomerKey Key(std::string system, std::string id) {
  return {std::move(system), {{}, std::move(id)}};
}

TEST(IdentityTest, AMatchSaysByWhatWithoutShowingIt) {
  const Customer a =
      Of({Point(Channel::kPhone, "138 0013 8000"), Point(Channel::kEmail, "Li.Na@example.com"),
          Point(Channel::kMessenger, "lina")},
         {Key("crm", "A-10170017"), Key("shop", "77")});
  const Customer b =
      Of({Point(Channel::kSms, "+8613800138000"), Point(Channel::kEmail, "li.na@EXAMPLE.com"),
          Point(Channel::kMessenger, "lina")},
         {Key("crm", "a-10170017"), Key("billing", "77")});
  const std::vector<Match> expected = {
      {IdentityKind::kPhone, "", "+86138****8000"},
      {IdentityKind::kEmail, "", "l***@example.com"},
      {IdentityKind::kExternalId, "crm", "****0017"},
  };
  EXPECT_EQ(MatchesOf(a, b), expected);
  EXPECT_EQ(MatchesOf(b, a), expected);
}

TEST(IdentityTest, DifferentPersonsDoNotMatch) {
  const Customer a = Of({Point(Channel::kPhone, "010-12345678转801"), Point(Channel::kPhone, "")},
                        {Key("crm", "")});
  const Customer b = Of({Point(Channel::kPhone, "010-12345678转802"), Point(Channel::kPhone, "")},
                        {Key("crm", "")});
  EXPECT_TRUE(MatchesOf(a, b).empty()) << "nor do texts that were erased";
  EXPECT_TRUE(MatchesOf({}, {}).empty());
}

TEST(IdentityTest, AMaskHidesAtLeastFourCharacters) {
  const std::pair<IdentityKey, const char*> rows[] = {
      {{IdentityKind::kPhone, "", "+8613800138000"}, "+86138****8000"},
      {{IdentityKind::kPhone, "", "+85223456789"}, "+****89"},
      {{IdentityKind::kPhone, "", "+12345678"}, "+****78"},
      {{IdentityKind::kPhone, "", "+8657187654321;ext=801"}, "+86571****4321"},
      {{IdentityKind::kEmail, "", "l@example.com"}, "***@example.com"},
      {{IdentityKind::kEmail, "", "小李@例子.中国"}, "小***@例子.中国"},
      {{IdentityKind::kExternalId, "crm", "7"}, "****"},
      {{IdentityKind::kExternalId, "crm", "1234567"}, "****"},
      {{IdentityKind::kExternalId, "crm", "会员甲乙"}, "****"},
  };
  for (const auto& [key, expected] : rows) EXPECT_EQ(Masked(key), expected);
}

}  // namespace
}  // namespace rebound
