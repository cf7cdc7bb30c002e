#include "server/services/page.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace rebound {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr Timestamp kNow = FromMillis(1'700'000'000'000);
constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

PageTokens::Key KeyOf(uint8_t fill) {
  PageTokens::Key key;
  key.fill(fill);
  return key;
}

void ExpectInvalid(const Result<PageCursor>& opened, const char* why) {
  ASSERT_FALSE(opened.has_value()) << why;
  EXPECT_EQ(opened.error(), FieldError("page_token", Reason::kPageTokenInvalid)) << why;
}

TEST(PageTest, ATokenGivesItsCursorBack) {
  const PageTokens tokens(KeyOf(1));
  const PageCursor cursor{std::numeric_limits<int64_t>::max(), -42, RawId{{1, 2, 3}}};
  const std::string token = tokens.Seal(cursor, "query", kNow);
  EXPECT_EQ(token.find_first_not_of(kAlphabet), std::string::npos) << token;
  EXPECT_EQ(token.size(), 108u);
  const Result<PageCursor> opened = tokens.Open(token, "query", kNow);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(*opened, cursor);
}

TEST(PageTest, EqualCursorsGiveDifferentTokens) {
  const PageTokens tokens(KeyOf(1));
  EXPECT_NE(tokens.Seal({}, "query", kNow), tokens.Seal({}, "query", kNow));
}

TEST(PageTest, ATokenIsBoundToItsQueryAndItsDatabase) {
  const PageTokens tokens(KeyOf(1));
  const std::string token = tokens.Seal({}, "query", kNow);
  ExpectInvalid(tokens.Open(token, "query2", kNow), "another query");
  ExpectInvalid(tokens.Open(token, "", kNow), "no query");
  ExpectInvalid(PageTokens(KeyOf(2)).Open(token, "query", kNow), "another database");
}

TEST(PageTest, PartsOfAQueryCannotBeShifted) {
  EXPECT_NE(QueryIdentity({"ab", "c"}), QueryIdentity({"a", "bc"}));
  EXPECT_NE(QueryIdentity({"a", ""}), QueryIdentity({"", "a"}));
  EXPECT_NE(QueryIdentity({"a"}), QueryIdentity({"a", ""}));
  EXPECT_NE(QueryIdentity({"1:a", "b"}), QueryIdentity({"1", "a1:b"}));
}

TEST(PageTest, EveryAlteredCharacterIsNoticed) {
  const PageTokens tokens(KeyOf(1));
  const std::string token = tokens.Seal({7, 8, {}}, "query", kNow);
  for (size_t i = 0; i < token.size(); ++i) {
    for (char replacement : {'A', 'B', '_', '=', '\n', '\0'}) {
      if (token[i] == replacement) continue;
      std::string altered = token;
      altered[i] = replacement;
      ExpectInvalid(tokens.Open(altered, "query", kNow), "altered");
    }
    ExpectInvalid(tokens.Open(token.substr(0, i), "query", kNow), "cut");
  }
  ExpectInvalid(tokens.Open(token + "A", "query", kNow), "longer");
  ExpectInvalid(tokens.Open(std::string(100'000, 'A'), "query", kNow), "much longer");
}

TEST(PageTest, ATokenLapsesAfterADay) {
  const PageTokens tokens(KeyOf(1));
  const std::string token = tokens.Seal({}, "query", kNow);
  EXPECT_TRUE(tokens.Open(token, "query", kNow + hours(24) - milliseconds(1)).has_value());
  ExpectInvalid(tokens.Open(token, "query", kNow + hours(24)), "a day later");
  EXPECT_TRUE(tokens.Open(token, "query", kNow - hours(1)).has_value()) << "the clock went back";
  ExpectInvalid(tokens.Open(token, "query", kNow - hours(24)), "from the future");
}

TEST(PageTest, PageSizesAreDefaultedClampedAndRefused) {
  struct Row {
    int32_t requested;
    int32_t given;
  };
  for (const Row& row : {Row{0, 50}, Row{1, 1}, Row{50, 50}, Row{1000, 1000}, Row{1001, 1000},
                         Row{std::numeric_limits<int32_t>::max(), 1000}}) {
    const Result<int32_t> size = PageSize(row.requested);
    ASSERT_TRUE(size.has_value());
    EXPECT_EQ(*size, row.given);
  }
  for (int32_t requested : {-1, std::numeric_limits<int32_t>::min()}) {
    const Result<int32_t> size = PageSize(requested);
    ASSERT_FALSE(size.has_value());
    EXPECT_EQ(size.error(), FieldError("page_size", Reason::kPageSizeInvalid,
                                       {{"value", std::to_string(requested)}}));
  }
}

}  // namespace
}  // namespace rebound
