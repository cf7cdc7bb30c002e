// Playbooks: the plan chosen for a case at opening, by ordered first match.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "workflows/case.h"
#include "workflows/customer.h"
#include "workflows/predicate.h"

namespace rebound {

struct Playbook {
  std::string id{};
  int32_t version = 1;
  std::string display_name{};
  std::string display_name_zh{};
  Predicate when{};        // over the fields usable in playbook conditions
  int32_t severity = 0;    // 1-5: the case opens at least at this; 0: unchanged
  std::string queue_id{};  // empty: the program's default
};

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
