// A case's events for people: one line each, in aligned columns.
#pragma once

#include <string>
#include <vector>

#include "workflows/event.h"

namespace rebound::simulation {

// "first_contact 2": a clock as histories name it.
std::string ClockText(ClockKind kind, int32_t generation);
// "-" for none.
std::string TimeText(const std::optional<Timestamp>& at);

// sequence, recorded, how long before that it happened (if so), actor, event, status, what it says.
std::string Line(const Event& event);

// One line for each; the first says what the columns are.
std::string History(const std::vector<Event>& events);

}  // namespace rebound::simulation
