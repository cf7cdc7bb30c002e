// Why a rule applies to a case and another does not. Pure; thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/predicate.h"
#include "workflows/revision.h"

namespace rebound {

// Reads a field of the case as it opens (OpeningFacts, or values given by hand).
using FieldReader = std::function<FieldValue(FieldId)>;

// The first part of a condition that decided against it.
struct Unmet {
  Predicate condition{};  // a comparison; an `any` none of which holds; what a `none` found
  bool negated = false;   // it holds, but stands in a `none`
  FieldId field{};        // the first that it names
  std::string seen{};     // that field's value as text; empty: not set

  friend bool operator==(const Unmet&, const Unmet&) = default;
};
// nullopt: the condition holds.
std::optional<Unmet> FirstUnmet(const Predicate& condition, const FieldReader& read);

// A field's value as filters write it, texts without quotes and cut to 60 bytes; empty: not set.
std::string ValueText(const FieldValue& value);

struct RuleTrace {
  enum class Kind { kPlaybook, kPriority, kClock, kAlert };
  Kind kind = Kind::kPlaybook;
  std::string id{};
  bool matches = false;          // its condition holds
  bool applies = false;          // it is chosen: the first of its kind that matches
  std::optional<Unmet> unmet{};  // !matches: why, where it was asked for
};

// Every rule of the revision in order: playbooks, priorities, clocks, alerts. The last priority
// applies when none matches; of alerts every one that does. A red line that matches raises the
// severity that the others see. Without `why` it takes a tenth of the time.
std::vector<RuleTrace> Explain(const Revision& revision, const FieldReader& read, bool why = true);

}  // namespace rebound
