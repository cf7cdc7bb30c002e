#include "workflows/currency.h"

#include <gtest/gtest.h>

namespace rebound {
namespace {

TEST(CurrencyTest, TwoDecimalsButForTheFew) {
  struct Row {
    const char* code;
    int decimals;
  };
  for (const Row& row : {Row{"CNY", 2}, Row{"EUR", 2}, Row{"JPY", 0}, Row{"KRW", 0}, Row{"XPF", 0},
                         Row{"BHD", 3}, Row{"TND", 3}, Row{"CLF", 4}, Row{"UYW", 4}, Row{"UYI", 0},
                         Row{"ZZZ", 2}, Row{"jpy", 2}, Row{"", 2}}) {
    EXPECT_EQ(CurrencyDecimals(row.code), row.decimals) << row.code;
  }
}

}  // namespace
}  // namespace rebound
