// The JSON form of a predicate, for rule builders.
//
//   {"all": [C..]}  {"any": [C..]}  {"none": [C..]}    groups; several keys in one object: all of
//                                                      them have to hold
//   {"field": "score", "operator": "at_most", "value": 6}
//   {"field": "category", "operator": "one_of", "value": ["detractor", "passive"]}
//   {}                                                 the whole of it only: matches everything
//
// Operators are the words of predicate_words.h. Numbers and truth values stand without quotes, all
// else is a string. Stricter than JSON: unknown and repeated keys are errors. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "workflows/field_catalogue.h"
#include "workflows/predicate.h"
#include "workflows/result.h"

namespace rebound {

inline constexpr size_t kMaxPredicateJsonBytes = size_t{1} << 16;

// The result passes Check(_, use). ToJson of it, read again, is an equal predicate.
//
// Refuses with kFilterInvalid at the first fault. Metadata: as PredicateError (problem, found,
// expected, suggestion), and FromWord's problems, and
//   "path"    JSON pointer to the value at fault, to the object for a missing key; "" is the whole.
// Further values of "problem": syntax and invalid_utf8 (with "line" and "column" in bytes, from 1);
// too_long, unknown_key, duplicate_key, missing_key, wrong_type.
Result<Predicate> PredicateFromJson(std::string_view text, Use use);

// REQUIRES: Check passed.
nlohmann::ordered_json ToJson(const Predicate& predicate);

}  // namespace rebound
