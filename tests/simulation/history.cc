#include "tests/simulation/history.h"

#include <fmt/format.h>

#include "workflows/blacklist.h"
#include "workflows/predicate.h"

namespace rebound::simulation {
namespace {

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

std::string AmountText(const Limit& limit) {
  if (InDays(limit.count)) return fmt::format("{} d", limit.amount);
  return fmt::format("{:.2f} h", static_cast<double>(limit.amount) / 3'600'000.0);
}

std::string LimitText(const Limit& limit) {
  constexpr const char* kCounts[] = {"", "wall", "business", "calendar", "working"};
  return AmountText(limit) + ' ' + kCounts[static_cast<int>(limit.count)];
}

std::string StateText(ClockState state) {
  constexpr const char* kStates[] = {"", "running", "paused", "met", "cancelled"};
  return kStates[static_cast<int>(state)];
}
std::string StateText(TimerState state) {
  constexpr const char* kStates[] = {"", "pending", "fired", "met", "cancelled"};
  return kStates[static_cast<int>(state)];
}

std::string Described(const CaseClock& clock) {
  return fmt::format("{} [{}] {} due {}", ClockText(clock.kind, clock.generation), clock.definition,
                     LimitText(clock.limit), TimeText(clock.due_at));
}

// What an event says besides its name.
struct Detail {
  std::string operator()(const CaseOpened& e) const {
    std::string text =
        fmt::format("{} {} revision {} severity {} priority {}", CaseNumberText(e.opened.number),
                    e.opened.program_id, e.opened.revision, e.opened.severity, e.opened.priority);
    if (e.opened.customer_id.empty()) text += " anonymous";
    for (const CaseClock& clock : e.opened.clocks) text += "; " + Described(clock);
    return text;
  }
  std::string operator()(const CaseAssigned& e) const {
    return fmt::format("owner '{}' queue '{}'", e.owner, e.queue_id);
  }
  std::string operator()(const CaseDispatched& e) const {
    return fmt::format("owner '{}' queue '{}' unit '{}'", e.owner, e.queue_id, e.org_unit_id);
  }
  std::string operator()(const CaseAccepted& e) const { return "owner " + e.owner; }
  std::string operator()(const CaseReturned& e) const { return e.reason; }
  std::string operator()(const AttemptLogged& e) const {
    return fmt::format("{} {}", e.attempt.direction == Direction::kInbound ? "inbound" : "outbound",
                       IsReached(e.attempt.outcome) ? "reached" : "not reached");
  }
  std::string operator()(const RemedyRecorded& e) const {
    return fmt::format("state {}", static_cast<int>(e.remedy.state));
  }
  std::string operator()(const CommitmentMade& e) const {
    return "due " + TimeText(e.commitment.due_at);
  }
  std::string operator()(const CommitmentSettled& e) const {
    return e.state == CommitmentState::kKept ? "kept" : "broken";
  }
  std::string operator()(const VerificationRecorded& e) const {
    return e.verification.passed() ? "passed" : "failed";
  }
  std::string operator()(const ExtensionRecorded& e) const {
    constexpr const char* kStates[] = {"requested", "granted", "refused"};
    return fmt::format(
        "{} {} by {}", ClockText(e.extension.clock, e.extension.generation),
        kStates[static_cast<int>(e.extension.state) - static_cast<int>(ExtensionState::kRequested)],
        e.extension.amount);
  }
  std::string operator()(const CaseEscalated& e) const {
    return fmt::format("level {} to {}", e.level, Joined(e.to));
  }
  std::string operator()(const PriorityChanged& e) const { return e.priority; }
  std::string operator()(const PauseStarted& e) const { return e.pause.reason; }
  std::string operator()(const CaseMoved& e) const { return e.reason; }
  std::string operator()(const StepStarted& e) const {
    return fmt::format("{} of round {}, {}; timer {}", e.step.step_id, e.step.round, e.step.why,
                       TimeText(e.step.timer == 0 ? std::nullopt : NextWake(e.step)));
  }
  std::string operator()(const StepEnded& e) const {
    return fmt::format("{} of round {}: {}", e.step_id, e.round, e.result);
  }
  std::string operator()(const StepOverdue& e) const { return e.step_id; }
  std::string operator()(const TimerSet& e) const {
    return fmt::format("kind {} generation {} due {}", static_cast<int>(e.kind), e.generation,
                       TimeText(e.due_at));
  }
  std::string operator()(const TimerEnded& e) const {
    return fmt::format("kind {} generation {} {}", static_cast<int>(e.kind), e.generation,
                       StateText(e.state));
  }
  std::string operator()(const ClockStarted& e) const {
    return Described(e.clock) + "; timer " + TimeText(e.timer_due);
  }
  std::string operator()(const ClockPaused& e) const {
    return fmt::format("{} after {}", ClockText(e.kind, e.generation), e.elapsed);
  }
  std::string operator()(const ClockResumed& e) const {
    return fmt::format("{} due {}; timer {}", ClockText(e.kind, e.generation), TimeText(e.due_at),
                       TimeText(e.timer_due));
  }
  std::string operator()(const ClockEnded& e) const {
    return fmt::format("{} {} after {}", ClockText(e.kind, e.generation), StateText(e.state),
                       e.elapsed);
  }
  std::string operator()(const TierCrossed& e) const {
    return fmt::format("{} {} at {}{} notify {}; timer {}", ClockText(e.kind, e.generation), e.tier,
                       TimeText(e.due_at), e.overtaken ? " overtaken" : "", Joined(e.notify),
                       TimeText(e.timer_due));
  }
  std::string operator()(const ClockMoved& e) const {
    return fmt::format("{} [{}] {} after {} due {}; timer {}", ClockText(e.kind, e.generation),
                       e.definition, LimitText(e.limit), e.elapsed, TimeText(e.due_at),
                       TimeText(e.timer_due));
  }
  std::string operator()(const CaseMigrated& e) const {
    return fmt::format("revision {} to {}", e.from_revision, e.revision);
  }
  std::string operator()(const RevisionApplied& e) const {
    return fmt::format("{} {}", e.number, e.hash);
  }
  std::string operator()(const ClockJumped& e) const {
    return fmt::format("expected {} found {}{}", TimeText(e.expected), TimeText(e.found),
                       e.holds ? " holds" : "");
  }
  std::string operator()(const CaseRestricted& e) const {
    return fmt::format("{} {} queue '{}'", EntryNumberText(e.restriction.number),
                       Name(e.restriction.kind), e.queue_id);
  }
  std::string operator()(const EntryProposed& e) const {
    return fmt::format("{} {} by {} from {} to {}", EntryNumberText(e.entry.number),
                       Name(e.entry.kind), e.entry.proposer, TimeText(e.entry.starts_at),
                       TimeText(e.entry.expires_at));
  }
  std::string operator()(const EntryExtensionDecided& e) const {
    return "to " + TimeText(e.expires_at);
  }
  std::string operator()(const EntryNotified& e) const { return std::string(Name(e.notice)); }
  template <typename T>
  std::string operator()(const T&) const {
    return {};
  }
};

}  // namespace

std::string ClockText(ClockKind kind, int32_t generation) {
  return fmt::format("{} {}", Name(kind), generation);
}

std::string TimeText(const std::optional<Timestamp>& at) { return at ? FormatTime(*at) : "-"; }

std::string Line(const Event& event) {
  std::string late;
  if (event.occurred_at != event.recorded_at) {
    late =
        fmt::format("-{} min", (event.recorded_at - event.occurred_at) / std::chrono::minutes{1});
  }
  std::string line =
      fmt::format("{:>6}  {:<24}  {:>9}  {:<11}  {:<20}  {:<20}  {}", event.sequence,
                  FormatTime(event.recorded_at), late, event.actor, TypeName(event.body),
                  event.status, std::visit(Detail{}, event.body));
  while (line.ends_with(' ')) line.pop_back();
  return line + '\n';
}

std::string History(const std::vector<Event>& events) {
  std::string text = fmt::format("{:>6}  {:<24}  {:>9}  {:<11}  {:<20}  {:<20}  {}\n", "event",
                                 "recorded", "happened", "actor", "what", "status", "details");
  for (const Event& event : events) text += Line(event);
  return text;
}

}  // namespace rebound::simulation
