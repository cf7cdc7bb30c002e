#include "server/config/schema.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "workflows/field_catalogue.h"
#include "workflows/predicate_words.h"

namespace rebound {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(REBOUND_SOURCE_DIR) / "config";

// Set UPDATE_GOLDEN=1 to rewrite the file after an intended change.
void ExpectFile(const std::string& name, const std::string& expected) {
  if (getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(kFolder / name, std::ios::binary | std::ios::trunc) << expected;
  }
  std::ifstream in(kFolder / name, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), expected) << "set UPDATE_GOLDEN=1 and read the difference";
}

TEST(SchemaTest, TheReferencePageIsWhatTheCatalogueSays) {
  ExpectFile("FIELDS.md", FieldReference());
}

TEST(SchemaTest, TheSchemaFileIsWhatTheCatalogueSays) {
  ExpectFile("schemas/predicate.schema.json", PredicateSchemaFile(Use::kOpeningRule));
  ExpectFile("schemas/step_predicate.schema.json", PredicateSchemaFile(Use::kStepRule));
}

TEST(SchemaTest, TheSchemasOfTheFilesAreWhatTheTablesSay) {
  for (const Section& section : kSections) {
    ExpectFile("schemas/" + std::string(section.name) + ".schema.json", SectionSchemaFile(section));
  }
}

TEST(SchemaTest, ExactlyTheFieldsOfRulesAreOfferedWithTheirWords) {
  for (const Use use : {Use::kOpeningRule, Use::kStepRule}) {
    const nlohmann::ordered_json schema = PredicateSchema(use);
    const auto& properties = schema.at("properties");
    EXPECT_EQ(properties.size(), 3 + FieldNames(use).size());
    for (const Field& field : FieldCatalogue()) {
      const std::string name(field.name);
      ASSERT_EQ(properties.contains(name), UsableIn(field, use)) << name;
      if (!properties.contains(name)) continue;
      EXPECT_EQ(properties.at(name).at("properties").size(), WordsFor(field.type).size()) << name;
    }
  }
}

// The references within, each of which must be there.
void ExpectReferencesResolve(const nlohmann::ordered_json& node,
                             const nlohmann::ordered_json& root) {
  if (node.is_object() && node.contains("$ref")) {
    const auto reference = node.at("$ref").get<std::string>();
    ASSERT_TRUE(reference.starts_with("#"));
    EXPECT_TRUE(root.contains(nlohmann::ordered_json::json_pointer(reference.substr(1))));
  }
  if (!node.is_structured()) return;
  for (const auto& child : node) ExpectReferencesResolve(child, root);
}

TEST(SchemaTest, TheFileRefersToWhatIsInIt) {
  for (const Use use : {Use::kOpeningRule, Use::kStepRule}) {
    const auto schema = nlohmann::ordered_json::parse(PredicateSchemaFile(use));
    ExpectReferencesResolve(schema, schema);
    EXPECT_EQ(schema.at("$schema"), "http://json-schema.org/draft-07/schema#");
  }
}

}  // namespace
}  // namespace rebound
