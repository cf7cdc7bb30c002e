// Playbooks: the plan chosen for a case at opening, by ordered first match, and its steps
// (steps.h goes through them).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/case.h"
#include "workflows/customer.h"
#include "workflows/predicate.h"

namespace rebound {

// In `then` and `otherwise`: the plan is over.
inline constexpr std::string_view kPlanEnds = "end";

// One step of a plan. What is said of a kind holds for that kind alone.
struct PlanStep {
  std::string id{};  // unique in the playbook
  std::string name_en{};
  std::string name_zh{};
  StepKind kind = StepKind::kUnset;
  // Over the fields usable in step conditions; else it is skipped. decision: what is decided.
  Predicate when{};
  std::optional<Duration> within{};   // wall time from when it begins; absent: without limit
  std::string owner{};                // a principal; empty: the case's
  std::string queue_id{};             // task, aftercare: of another department
  Channel channel = Channel::kUnset;  // contact: a hint; message: by which it goes
  std::string remedy_id{};            // remedy: of the catalogue
  std::string template_id{};          // message
  Duration wait{0};                   // wait: how long
  std::string then{};                 // decision: a later step, or kPlanEnds; empty: the next one
  std::string otherwise{};
  int32_t sample = 100;  // verify, aftercare: percent of cases
  std::string
      rework{};       // verify: where it starts again when it fails; empty: it waits for the next
  Duration after{0};  // aftercare: from handling done until it begins

  friend bool operator==(const PlanStep&, const PlanStep&) = default;
};

struct Playbook {
  std::string id{};
  int32_t version = 1;
  std::string display_name{};
  std::string display_name_zh{};
  Predicate when{};               // over the fields usable in playbook conditions
  int32_t severity = 0;           // 1-5: the case opens at least at this; 0: unchanged
  std::string queue_id{};         // empty: the program's default
  std::string detractor_type{};   // what kind of detractor it is for, a label; empty: none
  std::vector<PlanStep> steps{};  // in order; empty: none are kept track of

  const PlanStep* FindStep(std::string_view step) const {  // or nullptr
    for (const PlanStep& each : steps) {
      if (each.id == step) return &each;
    }
    return nullptr;
  }
};

// Indices of the steps that no way through the plan leads to, in rising order. REQUIRES: `then` and
// `otherwise` name later steps.
std::vector<size_t> UnreachableSteps(const std::vector<PlanStep>& steps);

// What the conditions of playbooks, priorities and clocks read: the case as it opens, with the
// answer that opens it and its customer, where there are such. Refers to all three; does not own
// them.
//
//   const OpeningFacts facts(c, &response, customer);
//   if (Evaluate(priority.when, facts)) ...
//
// `reason` is the answer's; without an answer it is what the customer asked for. `channel` is the
// one that the customer prefers, else the answer's.
//
// Thread-compatible. Everything is read once, here: make one for a case and try every rule with it.
class OpeningFacts {
 public:
  OpeningFacts(const Case& opening, const Response* response, const Customer* customer);
  OpeningFacts(const OpeningFacts&) = delete;
  OpeningFacts& operator=(const OpeningFacts&) = delete;

  // Unset for a field that rules may not name. Lives as long as this and what it refers to.
  const FieldValue& operator()(FieldId field) const { return values_[static_cast<size_t>(field)]; }

 protected:
  FieldValue& value_of(FieldId field) { return values_[static_cast<size_t>(field)]; }

 private:
  std::string reason_{};  // folded
  std::array<FieldValue, kFieldCount> values_{};
};

// The first playbook whose condition holds for the case as it opens; nullptr: none.
const Playbook* ChoosePlaybook(const std::vector<Playbook>& playbooks, const OpeningFacts& facts);
const Playbook* ChoosePlaybook(const std::vector<Playbook>& playbooks, const Case& opening,
                               const Customer* customer, const Response* response = nullptr);

// The value of a catalogue field on a record, for predicates and filters. Unset: monostate. The
// views in it live as long as the record.
FieldValue ReadField(const Case& c, FieldId field);
FieldValue ReadField(const Response& r, FieldId field);
FieldValue ReadField(const Customer& c, FieldId field);

}  // namespace rebound
