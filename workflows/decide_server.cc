#include "workflows/draft.h"

namespace rebound {

Result<Events> DecideRevision(const Facts& facts, const ApplyRevision& command,
                              const Context& context) {
  if (command.expected && *command.expected != facts.last_revision) {
    return Error{Reason::kRevisionConflict,
                 {{"current", std::to_string(facts.last_revision)},
                  {"expected", std::to_string(*command.expected)}}};
  }
  Draft draft(context, facts, nullptr);
  if (command.revision->hash != facts.last_revision_hash) {
    draft.AddServer(
        RevisionApplied{facts.last_revision + 1, command.revision->hash, command.source});
  }
  return draft.Take();
}

Result<Events> DecideClock(const Facts& facts, const ReportClock& command, const Context& context) {
  Draft draft(context, facts, nullptr);
  if (command.expected) {
    draft.AddServer(ClockJumped{*command.expected, command.found, command.holds});
  }
  return draft.Take();
}

Result<Events> DecideConfirm(const Facts& facts, const ConfirmClock&, const Context& context) {
  if (!facts.timers_held) return Error{Reason::kTimersNotHeld};
  Draft draft(context, facts, nullptr);
  draft.AddServer(ClockConfirmed{});
  return draft.Take();
}

Result<Events> DecideZoneData(const Facts& facts, const ReportZones& command,
                              const Context& context) {
  Draft draft(context, facts, nullptr);
  if (command.version != facts.zone_data) {
    draft.AddServer(ZoneDataChanged{facts.zone_data, command.version});
  }
  return draft.Take();
}

}  // namespace rebound
