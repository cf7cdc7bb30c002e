// The text form of a predicate: a subset of AIP-160. Pure; thread-safe.
//
//   filter       = [ expression ]                      an empty filter matches everything
//   expression   = alternatives { "AND" alternatives }
//   alternatives = term { "OR" term }                  OR binds tighter than AND
//   term         = [ "NOT" | "-" ] simple              negates whether it matches
//   simple       = "(" expression ")" | field op literal | field ":" "*"
//   op           = "=" | "!=" | "<" | "<=" | ">" | ">=" | ":"
//   literal      = bare word | "quoted" | 'quoted'     escapes \" \' \\ \n \r \t
//
// e.g. `category = detractor AND touchpoint:channel AND (score <= 3 OR reason:"aircon")`. `owner:*`
// is true of what has an owner, `NOT owner:*` of what has none. A bare word is any run of
// characters (slashes and Chinese too) without blanks, ASCII or full-width operators, brackets,
// quotes, commas and '*'. Keywords are upper case. Which fields and values there are, and which
// operators go with them: field_catalogue.h and predicate.h. Of AIP-160 there are no wildcards
// within values, no bare values, no functions, no traversal with '.', and no terms side by side
// without AND.
#pragma once

#include <cstddef>
#include <string_view>

#include "workflows/field_catalogue.h"
#include "workflows/predicate.h"
#include "workflows/result.h"

namespace rebound {

inline constexpr size_t kMaxFilterBytes = 2048;
inline constexpr size_t kMaxRuleBytes = 16384;  // where IsRule(use)

// The result passes Check(_, use), keeps the order of the text and holds no group that says
// nothing: no empty one but for the whole, none of one child but kNone, and no group directly
// within one of its kind. Its Canonical form parses to an equal predicate, provided that it fits
// the limit of bytes (escapes and full times make it longer than the original).
//
// Refuses with kFilterInvalid on the field "filter", at the first fault. Metadata: as
// PredicateError (problem, found, expected, suggestion) and
//   "column"   of the fault, in code points from 1; at the end of the text, one past its length.
// Further values of "problem": syntax; unsupported ('*', ',' of AIP-160); invalid_utf8; too_long.
// too_deep: more than kMaxPredicateDepth parentheses or groups within each other; the column is
// that of the innermost parenthesis.
Result<Predicate> ParseFilter(std::string_view text, Use use);

}  // namespace rebound
