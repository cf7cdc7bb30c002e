// The log of events: followed, listed, and kept places in it.
#pragma once

#include <string>
#include <vector>

#include "clients/cli/call.h"
#include "clients/cli/output.h"
#include "clients/cli/words.h"
#include "rebound/v1/event.pb.h"

namespace rebound::cli {

// One line, without its line feed: when, on what, what, by whom, and what else it says.
std::string RenderEvent(const v1::Event& event, bool chinese, const Style& style);

// One line of JSON.
std::string EventJson(const v1::Event& event);

std::vector<Column<v1::Event>> EventColumns(bool chinese);

std::string RenderSubscription(const v1::Subscription& subscription, bool chinese);

// Where an option says to begin: latest, earliest or a cursor.
v1::EventStart ReadStart(const std::string& from);

}  // namespace rebound::cli
