// Conditions of rules: a filter string, or a YAML tree of all, any, none and fields.
//
//   when: "score <= 6 AND touchpoint:room"
//   when:
//     all:
//       - score: {at_most: 6}
//       - any: [{touchpoint: {within: room}}, {reason: {contains_any: [空调, aircon]}}]
//     none:
//       - do_not_contact: {is: true}
//
// A mapping holds when all its keys do; items of a list may be filter strings too. The words are
// those of workflows/predicate_words.h. Both forms give the same Predicate, and each prints as the
// other: Canonical(predicate) and YamlTree(predicate). Thread-safe on different readers.
#pragma once

#include <string>
#include <vector>

#include "server/config/reader.h"
#include "workflows/coverage.h"
#include "workflows/organization.h"
#include "workflows/predicate.h"
#include "workflows/program.h"

namespace rebound {

// What conditions may name; nullptr: not known, and not checked.
struct Referenced {
  const std::vector<Program>* programs = nullptr;
  const std::vector<Priority>* priorities = nullptr;
  bool before_priority = false;  // playbooks and priorities: it is chosen after them, or by them
  Use use = Use::kOpeningRule;   // or kStepRule
};

// Reads `when` of `map`; it may be left out. False when there is a mistake, which is noted.
bool ReadCondition(ConfigReader& reader, const YamlNode& map, const Referenced& referenced,
                   Predicate* out);

// Warns of a condition that can never hold, at the `when` of `map`. False then.
bool CheckCanHold(ConfigReader& reader, const YamlNode& map, const Predicate& when,
                  CoverageBudget* budget);

// Notes a PredicateError at `place`; `found` is what stands there, empty: what the error says.
void NotePredicateError(ConfigReader& reader, const Place& place, const Error& error,
                        const Bilingual& found = {}, Use use = Use::kOpeningRule);

}  // namespace rebound
