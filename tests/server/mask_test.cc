// What stays of a name, a number and an address, and that what is masked is known again.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/access/mask.h"

namespace rebound {
namespace {

constexpr MaskKind kKinds[] = {MaskKind::kName, MaskKind::kContact, MaskKind::kKey};

struct Row {
  MaskKind kind;
  const char* value;
  const char* masked;
};

const std::vector<Row>& Rows() {
  static const std::vector<Row> rows{
      // Names.
      {MaskKind::kName, "", ""},
      {MaskKind::kName, "张三", "张*"},
      {MaskKind::kName, "张三丰", "张*"},
      {MaskKind::kName, "欧阳锋", "欧*"},
      {MaskKind::kName, " 张三 ", "张*"},
      {MaskKind::kName, "张", "*"},
      {MaskKind::kName, "김철수", "김*"},
      {MaskKind::kName, "たなか", "た*"},
      {MaskKind::kName, "Jane Doe", "J***"},
      {MaskKind::kName, "J", "*"},
      {MaskKind::kName, "Élodie", "É***"},
      {MaskKind::kName, "13800001234 张三", "1***"},
      {MaskKind::kName, "张三 13800001234", "张*"},
      {MaskKind::kName, "𠮷野", "𠮷*"},
      // Numbers.
      {MaskKind::kContact, "", ""},
      {MaskKind::kContact, "13800001234", "138****1234"},
      {MaskKind::kContact, "+8613800001234", "+86138****1234"},
      {MaskKind::kContact, "+86 138 0000 1234", "+86138****1234"},
      {MaskKind::kContact, "0086-138-0000-1234", "00861****1234"},
      {MaskKind::kContact, "１３８００００１２３４", "138****1234"},
      {MaskKind::kContact, "010-6552 9988", "010****9988"},
      {MaskKind::kContact, "010-65529988转8001", "010****9988x***"},
      {MaskKind::kContact, "(0755) 2688 1234 ext. 12", "0755****1234x***"},
      {MaskKind::kContact, "+1 (212) 555-0100", "+121****0100"},
      {MaskKind::kContact, "65529988", "****9988"},
      {MaskKind::kContact, "6552998", "****98"},
      {MaskKind::kContact, "95588", "****88"},
      {MaskKind::kContact, "110", "****"},
      {MaskKind::kContact, "13800001234 / 13900005678", "13800****5678"},
      // Addresses.
      {MaskKind::kContact, "zhang@example.com", "z***@example.com"},
      {MaskKind::kContact, "a@b.cn", "***@b.cn"},
      {MaskKind::kContact, "ab@b.cn", "a***@b.cn"},
      {MaskKind::kContact, "张三@例子.中国", "张***@例子.中国"},
      {MaskKind::kContact, "13800001234@163.com", "1***@163.com"},
      {MaskKind::kContact, "zhang＠example.com", "z***@example.com"},
      {MaskKind::kContact, "\"a@b\"@example.com", "\"***@example.com"},
      {MaskKind::kContact, "@zhangsan", "@zh***"},
      {MaskKind::kContact, "z@example.com;13800001234", "z@e***"},
      {MaskKind::kContact, "wxid_abc123", "wxi***"},
      {MaskKind::kContact, "wx", "***"},
      {MaskKind::kContact, "wxid", "w***"},
      {MaskKind::kContact, "北京市朝阳区建国路1号", "北京市***"},
      {MaskKind::kContact, "138*0001234", "138***"},
      // Keys of other systems.
      {MaskKind::kKey, "", ""},
      {MaskKind::kKey, "88", "88"},
      {MaskKind::kKey, "crm-000123", "crm-000123"},
      {MaskKind::kKey, "13800001234", "138****1234"},
      {MaskKind::kKey, "+86 138 0000 1234", "+86138****1234"},
      {MaskKind::kKey, "tel:13800001234", "tel:138****1234"},
      {MaskKind::kKey, "tel:+8613800001234", "tel:+86138****1234"},
      {MaskKind::kKey, "whatsapp:8613800001234", "whatsapp:86138****1234"},
      {MaskKind::kKey, "电话 008613800001234", "电话 0086138****1234"},
      {MaskKind::kKey, "crm-8613800001", "crm-8613800001"},
      {MaskKind::kKey, "请回拨 13800001234", "请回拨 138****1234"},
      {MaskKind::kKey, "zhang@example.com", "z***@example.com"},
      {MaskKind::kKey, "202611260000123456", "202611260000123456"},
      {MaskKind::kKey, "梅", "梅"},
      {MaskKind::kUnset, "13800001234", "13800001234"},
  };
  return rows;
}

TEST(MaskTest, OfEachValueStaysWhatRecognisesIt) {
  for (const Row& row : Rows()) EXPECT_EQ(Mask(row.kind, row.value), row.masked) << row.value;
}

// Which is what sends it back: a value that was read by who does not see it.
TEST(MaskTest, WhatWasMaskedIsKnownAndWhatWasNotIsNot) {
  for (const Row& row : Rows()) {
    if (std::string(row.value) == row.masked) continue;
    EXPECT_TRUE(IsMasked(row.kind, row.masked)) << row.masked;
    if (std::string(row.value).find('*') == std::string::npos) {
      EXPECT_FALSE(IsMasked(row.kind, row.value)) << row.value;
    }
  }
  for (MaskKind kind : kKinds) {
    EXPECT_FALSE(IsMasked(kind, ""));
    EXPECT_FALSE(IsMasked(kind, "梅"));
  }
  EXPECT_TRUE(IsMasked(MaskKind::kContact, "138＊＊＊＊1234")) << "full width";
  EXPECT_TRUE(IsMasked(MaskKind::kContact, "138*0001234"));
  EXPECT_TRUE(IsMasked(MaskKind::kName, "张**"));
  EXPECT_TRUE(IsMasked(MaskKind::kName, "***"));
  EXPECT_FALSE(IsMasked(MaskKind::kName, "E*Trade Ltd"));
  EXPECT_FALSE(IsMasked(MaskKind::kKey, "a*b")) << "a key may be anything";
  EXPECT_FALSE(IsMasked(MaskKind::kUnset, "138****1234"));
}

TEST(MaskTest, AtLeastFourDigitsOfANumberAreHiddenAndItsLengthIsNotTold) {
  std::string number;
  for (int length = 1; length <= 24; ++length) {
    number += static_cast<char>('1' + length % 9);
    const std::string masked = Mask(MaskKind::kContact, number);
    size_t shown = 0;
    for (const char c : masked) shown += c >= '0' && c <= '9' ? 1 : 0;
    EXPECT_TRUE(length < 4 ? shown == 0 : number.size() - shown >= 3) << number << ' ' << masked;
    EXPECT_LE(shown, 9u);
    EXPECT_NE(masked.find("****"), std::string::npos);
    EXPECT_EQ(masked.find("*****"), std::string::npos);
  }
}

TEST(MaskTest, WhatIsNoUtf8IsMaskedToo) {
  EXPECT_EQ(Mask(MaskKind::kName, "\xff\xfe"), "*");
  EXPECT_EQ(Mask(MaskKind::kContact, "\xe5\xbc"), "***");
  EXPECT_EQ(Mask(MaskKind::kName, "\xe5"), "*");
}

}  // namespace
}  // namespace rebound
