// Tests beside the rules: what a case looks like as it opens, and which rules it has to get.
//
//   tests:
//     - name: a cold room
//       given: {score: 3, touchpoint: room, reason: 空调太冷}
//       expect: {playbook: hotel-room-cold, priority: high, clocks: [first-contact], alerts: []}
//
// They stand in playbooks, priorities, clocks and alerts.yaml and see the whole configuration.
// Fields that are not given are not set, but that category follows from score and program, severity
// is at least the playbook's, history and anonymous are false and reopen_count is 0. `playbook:
// none` expects that none applies. Thread-safe on different readers.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "server/config/config.h"
#include "server/config/reader.h"
#include "workflows/explain.h"
#include "workflows/revision.h"

namespace rebound {

struct RuleTest {
  std::string name{};
  int line = 0;                        // from 1
  std::map<FieldId, Value> given{};    // prose as Folded gives it
  std::vector<std::string> topics{};   // of the one field that holds several texts
  const YamlNode* playbook = nullptr;  // nullptr: not tested
  const YamlNode* priority = nullptr;
  const YamlNode* clocks = nullptr;  // a list, or one id
  const YamlNode* alerts = nullptr;  // likewise
};

// Reads fields of a case as it opens, with their mistakes noted.
void ReadGiven(ConfigReader& reader, const YamlNode& map, RuleTest* test);

// The tests of the open file, with their mistakes noted.
std::vector<RuleTest> ReadRuleTests(ConfigReader& reader);

// Reads what the test gives. The reader refers to both, which must outlive it.
FieldReader GivenBy(const RuleTest& test, const Revision& revision);

// One result for each test, in order. Notes each expectation that the revision does not meet.
std::vector<RuleTestResult> RunRuleTests(ConfigReader& reader, const std::vector<RuleTest>& tests,
                                         const Revision& revision);

}  // namespace rebound
