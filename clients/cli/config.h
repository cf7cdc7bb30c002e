// How a configuration, its faults and its lifecycle look.
#pragma once

#include <string>
#include <vector>

#include "clients/cli/output.h"
#include "rebound/v1/config.pb.h"
#include "rebound/v1/config_service.pb.h"

namespace rebound::cli {

std::vector<Column<v1::ConfigRevision>> RevisionColumns();

// Each as the server printed it, an empty line between two.
std::string RenderFaults(const google::protobuf::RepeatedPtrField<v1::ConfigFault>& faults);

// What changes, added lines in green and removed ones in red.
std::string RenderDiff(const std::string& diff, const Style& style);

// Which rules hold for a case and where the others fail.
std::string RenderExplanation(const v1::ExplainCaseResponse& reply, const Style& style, int width);

// The expectations that are not met, or how many tests passed.
std::string RenderTests(const v1::TestRulesResponse& reply);

// A lifecycle for a terminal: phases, statuses with both labels, and below each where its commands
// lead.
std::string LifecycleText(const v1::Lifecycle& lifecycle, const Style& style);
// The same as a Graphviz graph.
std::string LifecycleDot(const v1::Lifecycle& lifecycle);
// The same as a drawing: a column for each phase, boxes that list their commands, arrows. Needs no
// other program.
std::string LifecycleSvg(const v1::Lifecycle& lifecycle);

}  // namespace rebound::cli
