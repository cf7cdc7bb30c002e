// Tests beside the rules of the blacklist: what is known of a customer, and which rules propose.
//
//   tests:
//     - name: four vouchers in a year
//       history:
//         - {ago: 300 days, remedy: voucher, currency: CNY, amount: "50.00"}
//         - {ago: 30 days, remedy: voucher, given: {reason: 太慢}, answered_low: true}
//       expect: {proposals: [repeat-compensation]}
//
// Each item of the history is a case, and all of it happened when it opened. They are tried as if
// no entry had been there before. Thread-safe on different readers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/config/config.h"
#include "server/config/reader.h"
#include "server/config/rule_tests.h"

namespace rebound {

struct PastCase {
  Duration ago{0};
  RuleTest opening{};                // its fields
  const YamlNode* remedy = nullptr;  // its id; nullptr: none
  Money amount{};
  HandlingResult result = HandlingResult::kUnset;
  int32_t refused = 0;
  bool answered_low = false;
};

struct BlacklistTest {
  std::string name{};
  int line = 0;  // from 1
  std::vector<PastCase> history{};
  const YamlNode* proposals = nullptr;  // a list of ids, or one
};

// The tests of the open file, with their mistakes noted.
std::vector<BlacklistTest> ReadBlacklistTests(ConfigReader& reader);

// One result for each test, in order. Notes each expectation that the revision does not meet.
std::vector<RuleTestResult> RunBlacklistTests(ConfigReader& reader,
                                              const std::vector<BlacklistTest>& tests,
                                              const Revision& revision);

}  // namespace rebound
