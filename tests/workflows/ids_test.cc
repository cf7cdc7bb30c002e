#include "workflows/ids.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include "tests/fixtures/domain_fixtures.h"

namespace rebound {
namespace {

using fixtures::kStart;

TEST(IdTest, TextAndBytesAreOneToOneAndSortAlike) {
  std::mt19937_64 random(1);
  std::vector<RawId> ids(500);
  for (RawId& id : ids) {
    for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random());
  }
  ids[0].bytes.fill(0);
  ids[1].bytes.fill(0xFF);
  std::sort(ids.begin(), ids.end());
  std::string previous;
  for (const RawId& id : ids) {
    const std::string text = ToString(id);
    EXPECT_EQ(text.size(), 26U);
    EXPECT_EQ(ParseId<RawId>(text), id);
    EXPECT_LT(previous, text);
    previous = text;
  }
  EXPECT_EQ(ToString(ids.front()), "00000000000000000000000000");
  EXPECT_EQ(ToString(ids.back()), "7zzzzzzzzzzzzzzzzzzzzzzzzz");
}

TEST(IdTest, OtherTextsAreNoIds) {
  const std::string zeros(25, '0');
  std::vector<std::string> texts = {"", "0", zeros, zeros + zeros.substr(23)};
  for (const char first : {'8', 'z'}) texts.emplace_back(zeros).insert(0, 1, first);
  for (const char last : {'i', 'l', 'o', 'u', 'A', ' ', '\0'}) {
    texts.emplace_back(zeros).push_back(last);
  }
  for (const std::string& text : texts) EXPECT_EQ(DecodeId(text), std::nullopt) << text;
}

TEST(IdTest, OneSourceRisesStrictlyAcrossACarry) {
  IdSource ids(kStart, 0xFFFF, 0xFFFFFFFFFFFFFFF0ULL);
  CaseId previous;
  EXPECT_TRUE(previous.empty());
  for (int i = 0; i < 64; ++i) {
    const auto id = ids.Next<CaseId>();
    EXPECT_LT(previous, id);
    EXPECT_FALSE(id.empty());
    previous = id;
  }
}

TEST(IdTest, ALaterSourceGivesLaterIds) {
  IdSource earlier(kStart, 0xFFFE, UINT64_MAX);
  IdSource later(kStart + Duration{1}, 0, 0);
  EXPECT_LT(earlier.Next<CaseId>(), later.Next<CaseId>());
}

TEST(IdTest, DerivedIdsDependOnEachPartAndOnNothingElse) {
  const Timestamp other = kStart + Duration{1};
  EXPECT_EQ(DeriveId(kStart, "file", "1", "case"), DeriveId(kStart, "file", "1", "case"));
  std::set<RawId> distinct;
  distinct.insert(DeriveId(kStart, "file", "1", "case"));
  distinct.insert(DeriveId(other, "file", "1", "case"));
  distinct.insert(DeriveId(kStart, "file", "1", "response"));
  distinct.insert(DeriveId(kStart, "file", "2", "case"));
  distinct.insert(DeriveId(kStart, "file1", "", "case"));
  distinct.insert(DeriveId(kStart, "", "file1", "case"));
  distinct.insert(DeriveId(kStart, "1", "file", "case"));
  EXPECT_EQ(distinct.size(), 7U);
  EXPECT_LT(DeriveId(kStart, "zzz", "zzz", "case"), DeriveId(other, "", "", "case"));
}

TEST(IdTest, ManyDerivedIdsOfOneInstantAreDistinct) {
  std::set<RawId> distinct;
  for (int i = 0; i < 50'000; ++i) {
    distinct.insert(DeriveId(kStart, "file", std::to_string(i), "case"));
  }
  EXPECT_EQ(distinct.size(), 50'000U);
}

}  // namespace
}  // namespace rebound
