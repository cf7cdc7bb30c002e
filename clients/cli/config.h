// How a configuration, its faults and its lifecycle look; in Chinese where `chinese`.
#pragma once

#include <string>
#include <vector>

#include "clients/cli/call.h"
#include "clients/cli/output.h"
#include "rebound/v1/config.pb.h"
#include "rebound/v1/config_service.pb.h"

namespace rebound::cli {

// The files that the server wants of a configuration folder, in order of their names: *.yaml, and
// the calendars (*.ics) that they may import, also of its folder calendars/. What a folder below
// playbooks/ does not have is taken from the one above that. Fails as a command does.
int ReadFolder(Session& session, const std::string& folder,
               google::protobuf::RepeatedPtrField<v1::ConfigFile>* files);

std::vector<Column<v1::ConfigRevision>> RevisionColumns(bool chinese);

// Each as the server printed it, an empty line between two.
std::string RenderFaults(const google::protobuf::RepeatedPtrField<v1::ConfigFault>& faults);

// What changes, added lines in green and removed ones in red.
std::string RenderDiff(const std::string& diff, bool chinese, const Style& style);

// Which rules hold for a case and where the others fail.
std::string RenderExplanation(const v1::ExplainCaseResponse& reply, bool chinese,
                              const Style& style, int width);

// A line for each test, one more for each further expectation that it does not meet; then why, as
// the server printed it, and the count.
std::string RenderTests(const v1::TestRulesResponse& reply, bool chinese, const Style& style,
                        int width);

// A lifecycle for a terminal: phases, statuses with both labels, and below each where its commands
// lead.
std::string LifecycleText(const v1::Lifecycle& lifecycle, bool chinese, const Style& style);
// The same as a Graphviz graph.
std::string LifecycleDot(const v1::Lifecycle& lifecycle);
// The same as a drawing: a column for each phase, boxes that list their commands, arrows. Needs no
// other program.
std::string LifecycleSvg(const v1::Lifecycle& lifecycle);

}  // namespace rebound::cli
