// A configuration revision: everything that may be changed without a programmer, as one value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/alert.h"
#include "workflows/blacklist_policy.h"
#include "workflows/calendar.h"
#include "workflows/clocks.h"
#include "workflows/contact_rules.h"
#include "workflows/lifecycle.h"
#include "workflows/organization.h"
#include "workflows/playbook.h"
#include "workflows/program.h"
#include "workflows/remedy.h"
#include "workflows/template.h"

namespace rebound {

struct Revision {
  int64_t number = 0;
  std::string hash{};  // SHA-256 of the canonical text, hexadecimal
  std::vector<Program> programs{};
  std::vector<Playbook> playbooks{};  // ordered: the first match applies
  Lifecycle lifecycle{};
  std::vector<Calendar> calendars{};  // with the zones' offsets as tzdata had them when it was read
  std::vector<ClockDefinition> clocks{};  // ordered: of a kind the first match applies
  std::vector<Priority> priorities{};     // ordered: the most urgent first
  std::vector<AlertRule> alerts{};
  std::vector<RemedyType> remedies{};  // empty: any kind may be given
  std::vector<RemedyLimit> remedy_limits{};
  std::vector<OrgUnit> org_units{};
  std::vector<RoleDef> roles{};
  std::vector<QueueDef> queues{};    // empty: queues are names only
  std::vector<StaffMember> staff{};  // empty: anybody may claim
  Labels labels{};
  std::vector<Template> templates{};
  ContactRules contact{};
  BlacklistPolicy blacklist{};  // no kinds: nobody can be listed

  const Program* FindProgram(std::string_view id) const {  // or nullptr
    for (const Program& program : programs) {
      if (program.id == id) return &program;
    }
    return nullptr;
  }
  const Calendar* FindCalendar(std::string_view id) const {  // or nullptr
    for (const Calendar& calendar : calendars) {
      if (calendar.id == id) return &calendar;
    }
    return nullptr;
  }
  const ClockDefinition* FindClock(std::string_view id) const {  // or nullptr
    for (const ClockDefinition& clock : clocks) {
      if (clock.id == id) return &clock;
    }
    return nullptr;
  }
  const Playbook* FindPlaybook(std::string_view id) const {  // or nullptr
    for (const Playbook& playbook : playbooks) {
      if (playbook.id == id) return &playbook;
    }
    return nullptr;
  }
  const Template* FindTemplate(std::string_view id) const {  // or nullptr
    for (const Template& each : templates) {
      if (each.id == id) return &each;
    }
    return nullptr;
  }
  const QueueDef* FindQueue(std::string_view id) const {  // or nullptr
    for (const QueueDef& queue : queues) {
      if (queue.id == id) return &queue;
    }
    return nullptr;
  }
  const StaffMember* FindStaff(std::string_view principal) const {  // or nullptr
    for (const StaffMember& member : staff) {
      if (member.id == principal) return &member;
    }
    return nullptr;
  }
  const RoleDef* FindRole(std::string_view id) const {  // or nullptr
    for (const RoleDef& role : roles) {
      if (role.id == id) return &role;
    }
    return nullptr;
  }
};

}  // namespace rebound
