// What editors and people are told about conditions, made from the field catalogue and the words:
// config/predicate.schema.json and config/FIELDS.md are this output, and a test compares them.
// Pure; thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace rebound {

// JSON Schema (draft-07) of a condition in a rule as YAML writes it, with descriptions in English
// and Chinese. It refers to itself as "#/definitions/predicate": the file that uses it must have it
// under that name.
nlohmann::ordered_json PredicateSchema();

// A whole schema for one `when`: a filter string or a tree. Two-space JSON with a line break at the
// end.
std::string PredicateSchemaFile();

// A Markdown page: the operators, then every field with type, unit, values, labels and places.
std::string FieldReference();

}  // namespace rebound
