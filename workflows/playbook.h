// Playbooks: the plan chosen for a case at opening, by ordered first match.
#pragma once

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

// Does the condition hold for the case as it stands? Fields that only its opening answer has, and
// those of a customer who is not known, are unset.
bool Applies(const Predicate& when, const Case& c, const Customer* customer);

// The first playbook whose condition holds for the case as it opens; nullptr: none.
const Playbook* ChoosePlaybook(const std::vector<Playbook>& playbooks, const Case& opening,
                               const Customer* customer);

// The value of a catalogue field on a case, for predicates and filters. Unset: monostate.
Value ReadField(const Case& c, FieldId field);
Value ReadField(const Response& r, FieldId field);
Value ReadField(const Customer& c, FieldId field);

}  // namespace rebound
