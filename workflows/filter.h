// The text form of a predicate: a subset of AIP-160. Pure; thread-safe.
//
//   filter     = [ term { "AND" term } ]              an empty filter matches everything
//   term       = "(" filter ")" | field op literal    parentheses may not be empty
//   op         = "=" | "!=" | "<" | "<=" | ">" | ">=" | ":"
//   literal    = bare word | "quoted" | 'quoted'      escapes \" \' \\ \n \r \t
//
// e.g. `category = detractor AND touchpoint:channel AND open_time >= 2026-01-31`. A bare word is
// any run of characters (slashes and Chinese too) without blanks, ASCII or full-width operators,
// brackets, quotes, commas and '*'. Keywords are upper case. Which fields and values there are, and
// which operators go with them: field_catalogue.h and predicate.h.
#pragma once

#include <cstddef>
#include <string_view>

#include "workflows/field_catalogue.h"
#include "workflows/predicate.h"
#include "workflows/result.h"

namespace rebound {

inline constexpr size_t kMaxFilterBytes = 2048;

// The result passes Check(_, use), is flat (an empty kAll, one kComparison, or a kAll of
// kComparison) and keeps the order of the text. Its Canonical form parses to an equal predicate,
// provided that it fits kMaxFilterBytes (escapes and full times make it longer than the original).
//
// Refuses with kFilterInvalid on the field "filter", at the first fault. Metadata: as
// PredicateError (problem, found, expected, suggestion) and
//   "column"   of the fault, in code points from 1; at the end of the text, one past its length.
// Further values of "problem": syntax; unsupported (OR, NOT, '-', '*', ',' of AIP-160);
// invalid_utf8; too_long (more than kMaxFilterBytes). too_deep counts parentheses.
Result<Predicate> ParseFilter(std::string_view text, Use use);

}  // namespace rebound
