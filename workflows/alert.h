// Alerts: what somebody has to know at once, and the red lines (injury, food safety, press, ...)
// that open or raise a case to the top severity at any score. Values of a configuration revision;
// pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workflows/playbook.h"
#include "workflows/predicate.h"
#include "workflows/time.h"

namespace rebound {

// Every rule whose condition holds raises an alert: as a case opens, as an answer is attached to it
// or reopens it. Red lines are tried first, on the case before its playbook and priority; the
// others on what the case then is. Those of the revision in force hold for every case.
struct AlertRule {
  std::string id{};  // stable key
  std::string name_en{};
  std::string name_zh{};
  Predicate when{};
  bool red_line = false;              // severity 5, and a case is opened whatever the score
  std::vector<std::string> notify{};  // owner, first_receiver, unit_manager, queue, or a role's id
  std::optional<Duration> acknowledge_within{};  // wall time; absent: without limit

  friend bool operator==(const AlertRule&, const AlertRule&) = default;
};

}  // namespace rebound
