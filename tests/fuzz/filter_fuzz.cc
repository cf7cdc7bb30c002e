// Conditions from anybody: the filter string and the JSON form.
//
// What is accepted must say the same on every surface: the canonical filter parses to an equal
// predicate and prints itself again, and JSON gives back the very tree. Anything else aborts.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "server/config/predicate_json.h"
#include "workflows/check.h"
#include "workflows/field_catalogue.h"
#include "workflows/filter.h"
#include "workflows/predicate.h"

namespace rebound {
namespace {

void ExpectSameOnEverySurface(const Predicate& predicate, Use use) {
  CHECK(Check(predicate, use));
  const std::string filter = Canonical(predicate);
  // Escapes and whole times may make it longer than what was typed.
  if (filter.size() <= (use == Use::kOpeningRule ? kMaxRuleBytes : kMaxFilterBytes)) {
    auto parsed = ParseFilter(filter, use);
    CHECK(parsed);
    CHECK(Canonical(*parsed) == filter);
  }
  const std::string json = ToJson(predicate).dump();
  if (json.size() <= kMaxPredicateJsonBytes) {
    auto read = PredicateFromJson(json, use);
    CHECK(read);
    CHECK(*read == predicate);
  }
}

void Try(std::string_view text, Use use) {
  if (auto predicate = ParseFilter(text, use)) {
    ExpectSameOnEverySurface(*predicate, use);
  } else {
    const std::string& column = predicate.error().metadata.at("column");
    CHECK(std::stoul(column) >= 1 && std::stoul(column) <= text.size() + 1);
  }
  if (auto predicate = PredicateFromJson(text, use)) ExpectSameOnEverySurface(*predicate, use);
}

}  // namespace
}  // namespace rebound

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (int use = 0; use < rebound::kUseCount; ++use) {
    rebound::Try(text, static_cast<rebound::Use>(use));
  }
  return 0;
}
