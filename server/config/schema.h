// What editors and people are told about the configuration, made from the tables that the readers
// use: the keys (keys.h), the field catalogue and the words of conditions. The files of
// config/schemas/ and config/FIELDS.md are this output, and a test compares them.
//
// The schemas are draft-07, as YAML 1.2 reads the files, with descriptions in English and Chinese.
// They never refuse what a reader takes; what depends on other parts of the configuration, such as
// ids that have to exist, is left to `rebound config validate`. Pure; thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "server/config/keys.h"
#include "workflows/field_catalogue.h"

namespace rebound {

// A condition in a rule as a YAML tree. Its groups refer to "#", which has to be
// PredicateSchemaFile.
// `use`: kOpeningRule or kStepRule.
nlohmann::ordered_json PredicateSchema(Use use);

// predicate.schema.json and, of kStepRule, step_predicate.schema.json: a schema for one `when`, a
// filter string or a tree. Two-space JSON with a line break at the end, as all files.
std::string PredicateSchemaFile(Use use);

// SECTION.schema.json: a schema for a whole file. It refers to those beside it.
std::string SectionSchemaFile(const Section& section);

// A Markdown page: the operators, then every field with type, unit, values, labels and places.
std::string FieldReference();

}  // namespace rebound
