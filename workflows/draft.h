// What the deciders share: the draft of one decision's events, and what opening, reopening and
// closing do to a case. Internal to decide*.cc. Pure.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workflows/blacklist.h"
#include "workflows/check.h"
#include "workflows/clocks.h"
#include "workflows/decide.h"

namespace rebound {

inline constexpr int32_t kMaxSeverity = 5;

Error NotFound(std::string resource);
Error StaleEtag(int64_t version);

// Gathers the events of one decision; every case event is applied at once, so that what follows is
// decided on the case as it then is.
class Draft {
 public:
  // `program`: of the subject, where its own revision does not have it. Borrows all three.
  Draft(const Context& context, const Facts& facts, const Program* program)
      : context_(context), facts_(facts), program_(program) {}

  const Context& context() const { return context_; }
  const Facts& facts() const { return facts_; }
  const Program* program() const { return program_; }  // of the revision in force

  // What the case follows: the revision it is pinned to.
  const Revision& RevisionOf(const Case& c) const { return RevisionOf(c.revision); }
  const Revision& RevisionOf(int64_t number) const {
    return rebound::RevisionOf(facts_, context_, number);
  }
  const Lifecycle& LifecycleOf(const Case& c) const { return RevisionOf(c).lifecycle; }
  const Program& ProgramOf(const Case& c) const {
    const Program* program = RevisionOf(c).FindProgram(c.program_id);
    if (program == nullptr) program = program_;
    CHECK(program != nullptr);
    return *program;
  }

  template <typename T>
  T NewId() {
    return context_.ids->Next<T>();
  }

  void Stamp(Text& text) {
    if (text.id.empty() && !text.value.empty()) text.id = NewId<TextId>();
  }

  void AddCustomer(const CustomerId& id, std::string_view org_unit, Timestamp occurred_at,
                   EventBody body) {
    Event event = Envelope(occurred_at, std::move(body));
    event.customer_id = id;
    event.org_unit_id = org_unit;
    events_.push_back(std::move(event));
  }

  // `occurred_at` absent: when the answer was given.
  void AddResponse(const Response& response, EventBody body,
                   std::optional<Timestamp> occurred_at = std::nullopt) {
    Event event = Envelope(occurred_at.value_or(response.occurred_at), std::move(body));
    event.response_id = response.id;
    event.customer_id = response.customer_id;
    event.org_unit_id = response.org_unit_id;
    event.queue_id = response.queue_id;
    events_.push_back(std::move(event));
  }

  // `status` empty: stays as it is.
  void AddCase(Case& c, Timestamp occurred_at, EventBody body, std::string_view status = {}) {
    Event event = Envelope(occurred_at, std::move(body));
    event.case_id = c.id;
    event.customer_id = c.customer_id;
    event.status = status.empty() ? c.status : std::string(status);
    const auto* migrated = std::get_if<CaseMigrated>(&event.body);
    const Revision& revision = migrated != nullptr ? RevisionOf(migrated->revision) : RevisionOf(c);
    const StatusDef* def = revision.lifecycle.Find(event.status);
    CHECK(def != nullptr);
    event.phase = def->phase;
    const auto* assigned = std::get_if<CaseAssigned>(&event.body);
    event.queue_id = assigned != nullptr && !assigned->queue_id.empty() ? assigned->queue_id
                                                                        : c.details.queue_id;
    event.org_unit_id = c.details.org_unit_id;
    // Whoever gets the case sees that it came.
    if (const auto* sent = std::get_if<CaseDispatched>(&event.body)) {
      if (!sent->queue_id.empty()) event.queue_id = sent->queue_id;
      if (!sent->org_unit_id.empty()) event.org_unit_id = sent->org_unit_id;
    } else if (const auto* back = std::get_if<CaseReturned>(&event.body)) {
      if (!back->queue_id.empty()) event.queue_id = back->queue_id;
    } else if (const auto* begun = std::get_if<CaseBegun>(&event.body)) {
      event.queue_id = begun->queue_id;
    } else if (const auto* restricted = std::get_if<CaseRestricted>(&event.body)) {
      if (!restricted->queue_id.empty()) event.queue_id = restricted->queue_id;
    }
    if (!std::holds_alternative<CaseVoided>(event.body)) {
      const std::string had = NeedsWork(c) ? c.owner : std::string();
      c = Apply(std::move(c), event);
      Burden(had, NeedsWork(c) ? c.owner : std::string(), GivenTo(event.body));
    }
    events_.push_back(std::move(event));
  }

  void AddEntry(BlacklistEntry& entry, Timestamp occurred_at, EventBody body) {
    Event event = Envelope(occurred_at, std::move(body));
    event.entry_id = entry.id;
    event.customer_id = entry.customer_id;
    event.org_unit_id = entry.org_unit_id;
    entry = Apply(std::move(entry), event);
    events_.push_back(std::move(event));
  }

  // An entry that begins as it is. What else is decided here is decided under it.
  void AddRecognised(const BlacklistEntry& entry) {
    BlacklistEntry added = entry;
    AddEntry(added, context_.now, EntryProposed{entry});
    PutInForce(std::move(added));
  }
  // What else is decided here is decided under the entry as it is now, whatever the facts say of
  // it. It names in customer_id who stands for its customer.
  void PutInForce(BlacklistEntry entry) { put_in_force_.push_back(std::move(entry)); }
  const std::vector<BlacklistEntry>& put_in_force() const { return put_in_force_; }

  static int32_t NextGeneration(const Case& c, TimerKind kind) {
    int32_t generation = 1;
    for (const Timer& timer : c.timers) {
      if (timer.kind == kind) generation = std::max(generation, timer.generation + 1);
    }
    return generation;
  }

  void SetTimer(Case& c, TimerKind kind, Timestamp due_at) {
    AddCase(c, context_.now, TimerSet{kind, NextGeneration(c, kind), due_at});
  }

  // Ends every pending timer of the kind.
  void EndTimers(Case& c, TimerKind kind, TimerState state) {
    const std::vector<Timer> timers = c.timers;
    for (const Timer& timer : timers) {
      if (timer.kind == kind && timer.state == TimerState::kPending) {
        AddCase(c, context_.now, TimerEnded{kind, timer.generation, state});
      }
    }
  }

  // What is added from now on is the system's doing, or again the actor's. Gives what held before.
  bool BySystem(bool by_system) { return std::exchange(by_system_, by_system); }

  // The answer of that id, if it was recorded in this decision. Lives until the next event.
  const Response* FindRecorded(const ResponseId& id) const {
    for (const Event& event : events_) {
      const auto* recorded = std::get_if<ResponseRecorded>(&event.body);
      if (recorded != nullptr && recorded->response.id == id) return &recorded->response;
    }
    return nullptr;
  }
  // The customer of the case, if it is known to the decision; or nullptr.
  const Customer* CustomerOf(const Case& c) const;

  // What somebody has on their hands, with what this decision gave them and took from them.
  StaffLoad LoadOf(std::string_view principal) const {
    StaffLoad load{std::string(principal), 0, std::nullopt};
    if (facts_.load_of) load = facts_.load_of(principal);
    for (const StaffLoad& change : changes_) {
      if (change.principal != principal) continue;
      load.open_count += change.open_count;
      load.last_given_at = std::max(load.last_given_at, change.last_given_at);
    }
    return load;
  }

  void AddServer(EventBody body) { events_.push_back(Envelope(context_.now, std::move(body))); }

  Events Take() { return std::move(events_); }

 private:
  Event Envelope(Timestamp occurred_at, EventBody body) {
    Event event;
    event.occurred_at = occurred_at;
    event.recorded_at = context_.now;
    event.actor = by_system_ ? "system" : context_.actor;
    event.body = std::move(body);
    return event;
  }

  // A case that needs work went from `had` to `has`; `given`: to whom an event gave it.
  void Burden(const std::string& had, const std::string& has, std::string_view given) {
    if (had == has && given.empty()) return;
    const auto change = [&](std::string_view principal) -> StaffLoad& {
      for (StaffLoad& known : changes_) {
        if (known.principal == principal) return known;
      }
      changes_.push_back({std::string(principal), 0, std::nullopt});
      return changes_.back();
    };
    if (had != has && !had.empty()) change(had).open_count -= 1;
    if (had != has && !has.empty()) change(has).open_count += 1;
    if (!given.empty()) change(given).last_given_at = context_.now;
  }

  const Context& context_;
  const Facts& facts_;
  const Program* program_;
  std::vector<StaffLoad> changes_;  // to what the facts say
  std::vector<BlacklistEntry> put_in_force_;
  Events events_;
  bool by_system_ = false;
};

// ---- Clocks (draft.cc)

// The calendar the clock counts by; nullptr: wall time.
const Calendar* CalendarOf(const Revision& revision, const CaseClock& clock);

// The tiers of a clock. Where its definition has none at the due time itself there is one
// called "breach", without actions.
std::vector<Tier> TiersOf(const Revision& revision, const CaseClock& clock);

// When the next tier of the running clock is crossed; nullopt: none is left.
std::optional<Timestamp> NextTier(const Revision& revision, const CaseClock& clock);

// The first definition of each kind that applies, as a case keeps them.
std::vector<std::string> ChooseClocks(const Revision& revision, const OpeningFacts& opening);
// That of the kind; nullptr: none was chosen, or it is not in `revision`.
const ClockDefinition* ChosenClock(const Revision& revision, const Case& c, ClockKind kind);
// The clock of `kind` that the case would get now: by the definition chosen as it opened, else by
// the program's limits. nullopt: none. The generation is set, the timer is not.
std::optional<CaseClock> MakeClock(const Draft& draft, const Case& c, ClockKind kind);
// Starts it, if there is one. kCommitment and kExternalDeadline: due at `due`.
void StartClock(Draft& draft, Case& c, ClockKind kind, std::optional<Timestamp> due = {});
// Ends every clock of the kind that runs or is paused, as met or cancelled `at` that time.
void EndClocks(Draft& draft, Case& c, ClockKind kind, ClockState state, Timestamp at);
void EndClock(Draft& draft, Case& c, const CaseClock& clock, ClockState state, Timestamp at);
// A clock that was met counts on: handling was not the end of it.
void ContinueClock(Draft& draft, Case& c, const CaseClock& clock);
// Crosses every tier whose time came before `until`, as their timers would have: what was due
// before a command is on record, with its actions, before the command changes the clock. Leaves the
// end of the re-survey clock to its timer. (decide_clock.cc)
void CrossDueTiers(Draft& draft, Case& c, Timestamp until);
// New limit, definition or zone data; the event is due now.
void MoveClock(Draft& draft, Case& c, const CaseClock& clock, const CaseClock& as, int64_t elapsed,
               ClockMoveCause cause);
// Handling goes on after it was done: total resolution counts on, an external deadline runs again.
void ResumeHandling(Draft& draft, Case& c);
// First contact, remedy, the resolutions and the external deadline, of a case that begins.
void StartHandlingClocks(Draft& draft, Case& c);
// What follows from the status the case has come to: clocks that it stops stand, others run, a
// pause that nothing keeps up is over, the re-survey clock runs where the customer may be asked.
void SettleClocks(Draft& draft, Case& c);
// That; then the plan goes on, and who has the case is settled (Route): the end of every decision
// on a case.
void Settle(Draft& draft, Case& c);

// What the case is given before it opens: the top severity where it meets a red line, then its
// playbook, the severity and queue of that, then its arm; a case that is held back has neither
// playbook nor queue. `red_lines`: that it meets. `response` and `customer` may be null.
void Plan(const Draft& draft, Case& c, const Response* response, const Customer* customer,
          const std::vector<const AlertRule*>& red_lines);

// Adds CaseOpened, with its priority and the clocks that start with the case inside it, then the
// alerts. `red_lines`: as Plan got them.
void Open(Draft& draft, Case& c, const Response* response, const Customer* customer,
          const std::vector<const AlertRule*>& red_lines = {});

// Cancels what the second ask had pending, reopens into `status`, and starts the clocks anew. One
// that is held back begins first. `response`: that reopens it; nullptr: none.
void ReopenCase(Draft& draft, Case& c, Timestamp occurred_at, CaseReopened reopened,
                std::string_view status, const Response* response = nullptr);

// Handling begins again: the clocks that a reopening starts, and those that count on. `anew`: it
// was held back until now, and every clock starts.
void StartAgain(Draft& draft, Case& c, bool anew = false);

// Cancels every clock and timer, and what is left of the plan; a pause that lasts is over.
void StopAll(Draft& draft, Case& c);

// What a person who closes the case now makes of the second ask, if it has no result yet.
CaseClosed ClosedByHand(const Lifecycle& lifecycle, const Case& c);

// Cancels every clock and timer and closes into `status`.
void CloseCase(Draft& draft, Case& c, Timestamp occurred_at, CaseClosed closed,
               std::string_view status);

// Asks the customer again, or closes the case with the reason why not: the re-survey clock is due.
void AskAgain(Draft& draft, Case& c);

// kLinkKindUnknown unless it is one of kLinkKinds; an empty one is missing.
Result<void> CheckLinkKind(std::string field, std::string_view kind);
// Adds the link to `c`, unless it is there. kTooManyItems: nothing more can be linked with it.
Result<void> AddLink(Draft& draft, Case& c, const CaseLink& link, std::string field);

// ---- The plan (decide_step.cc)

// Ends the active step that is over, begins the next ones, and decides, until something has to be
// waited for. Nothing happens to a case that is closed, merged, held back or of a history.
void Advance(Draft& draft, Case& c);
// By which times of day of the customer are told: the customer's, else that of the rules.
const Zone& ContactZone(const Draft& draft, const Case& c);
// The case is to be closed: what is active, and aftercare that waits, is left out.
void EndPlan(Draft& draft, Case& c);
// The timer of the plan is due: its step is overdue, or goes on. Ends the timer.
void StepIsDue(Draft& draft, Case& c, const Timer& timer);

// ---- Alerts and hold-outs (decide_alert.cc)

// The red lines of the revision in force that the case crosses as it opens, or as an answer would
// open it; none of a history, for nothing of the past is raised.
std::vector<const AlertRule*> FindRedLines(const Draft& draft, const Case& opening,
                                           const Response* response, const Customer* customer);
// The case as the answer would open it: what the alerts read of an answer that is attached.
Case AsOpenedBy(const Program& program, const Response& response);
// Raises those red lines, and every other rule that holds for `facts`, each unless an alert of it
// waits already. `anew`: the case was closed, which ended the wait.
void RaiseAlerts(Draft& draft, Case& c, const std::vector<const AlertRule*>& red_lines,
                 const OpeningFacts& facts, bool anew = false);
// The first priority whose condition holds, from 1, else the last; 0: the revision has none.
int32_t FindPriority(const Revision& revision, const OpeningFacts& facts);
// To the one its severity calls for now, if that is more urgent.
void RaisePriority(Draft& draft, Case& c, const Response* response, const Customer* customer);
// Nobody has acknowledged the alert of that timer in time.
void AlertIsOverdue(Draft& draft, Case& c, const Timer& timer);
// Plan, queue, priority and clocks as if it opened now. `status` empty: stays as it is, and the
// clocks are started by whoever reopens it. REQUIRES: c.held.
void Begin(Draft& draft, Case& c, const Response* response, std::string reason,
           std::string_view status, Text note = {});
// Whom the words of `notify` mean for the case, each once.
std::vector<std::string> Recipients(const Draft& draft, const Case& c,
                                    const std::vector<std::string>& notify);

// ---- The blacklist (decide_restriction.cc)

// What the entries of the case's customer say to the action; its program and unit are the case's.
Permit PermitOf(const Draft& draft, const Case& c, RestrictedAction action);
// The entries that decide it: "B-17 no_goodwill (repeat_claims) until 2026-12-01T00:00:00Z; ...".
std::string Explained(const Permit& permit);
// kBlacklistBlocks or kBlacklistNeedsApproval. REQUIRES: not allowed.
Error RestrictedBy(const Case& c, const Permit& permit);
// Every entry in force that bears on the case is on it, each once, noted as it came to bear; a case
// that waits goes to the queue that it names, once for each entry: as it comes to bear, or as the
// case comes to wait after that. Settle, Open and Route call it.
void NoteRestrictions(Draft& draft, Case& c);
// The decision makes the entry hold. If it names a queue, it is noted on every open case that it
// bears on (Facts::open_cases), and each is settled: nobody shall claim one from another queue
// first. All of it is the system's doing. Left to the next decision on each case, as where no
// decision makes an entry bear on it: an entry without a queue; one that starts later, for its
// start is no timer; a case that nothing can be decided on (CheckFollowed). Claims pass over them
// until then (RoutedTo).
void NoteOnOpenCases(Draft& draft, BlacklistEntry entry);

// ---- Routing (decide_routing.cc)

// Who has the case, and what waits for them, once everything else about it is decided: it leaves an
// owner who may not or cannot have it, finds another where its queue is given out by the system,
// and has exactly the timers that its queue and its promises ask for. Settle and Open call it.
void Route(Draft& draft, Case& c);
// Its owner was given it just now and did not ask for it by name: they may leave it untouched for
// as long as the queue says.
void GrantLease(Draft& draft, Case& c);
// The timer kReturn has fired: the owner left it untouched, or it has waited for long enough.
void WaitIsOver(Draft& draft, Case& c);
// The subject's owner has less to do than before: the case that waits for that goes to whomever its
// queue chooses now. `subject`: as the command leaves it. Settles it.
void GiveWaiting(Draft& draft, const Case& subject);
// kQueueUnknown unless the revision in force lists it, or lists none; an empty one is known.
Result<void> CheckQueue(const Draft& draft, std::string field, std::string_view queue);
// kOwnerIsAccused where the complaint is about them; an empty owner is nobody.
Result<void> CheckOwner(const Case& c, std::string_view owner);

// ---- Erasure (decide_erasure.cc)

// kCustomerErased where the command is about somebody who is erased: nothing happens to them any
// more.
Result<void> CheckNotErased(const Facts& facts, const Command& command);
// What was kept over an erasure holds for whoever came again: entries of the customer, active from
// now on, each unless an open one restricts as much already.
void Recognise(Draft& draft, const Customer& customer);

Error NotAllowed(const Lifecycle& lifecycle, const Case& c, CaseCommand command);

// What the case rests on is in the revision it follows: its status, program and calendars. Else
// kRevisionUnknown: a stored revision could be read only in part, or not at all.
Result<void> CheckFollowed(const Draft& draft, const Case& c);

// One for each command; decide.cc dispatches.
Result<Events> DecideSubmit(const Facts& facts, const SubmitResponse& command,
                            const Context& context);
Result<Events> DecideUpsert(const Facts& facts, const UpsertCustomer& command,
                            const Context& context);
Result<Events> DecideAlias(const Facts& facts, const AddCustomerAlias& command,
                           const Context& context);
Result<Events> DecideConsent(const Facts& facts, const SetCustomerConsent& command,
                             const Context& context);
Result<Events> DecideOpen(const Facts& facts, const OpenCase& command, const Context& context);
Result<Events> DecideWork(const Facts& facts, const WorkCase& command, const Context& context);
Result<Events> DecideRevision(const Facts& facts, const ApplyRevision& command,
                              const Context& context);
Result<Events> DecideClock(const Facts& facts, const ReportClock& command, const Context& context);
Result<Events> DecideConfirm(const Facts& facts, const ConfirmClock& command,
                             const Context& context);
Result<Events> DecideZoneData(const Facts& facts, const ReportZones& command,
                              const Context& context);
Result<Events> DecideClaim(const Facts& facts, const ClaimNext& command, const Context& context);
Result<Events> DecidePropose(const Facts& facts, const ProposeEntry& command,
                             const Context& context);
Result<Events> DecideByRules(const Facts& facts, const ProposeByRules& command,
                             const Context& context);
Result<Events> DecideEntryWork(const Facts& facts, const WorkEntry& command,
                               const Context& context);
Result<Events> DecideErase(const Facts& facts, const EraseCustomer& command,
                           const Context& context);
Result<Events> DecideErased(const Facts& facts, const FinishErasure& command,
                            const Context& context);
Result<Events> DecideUnmask(const Facts& facts, const UnmaskContact& command,
                            const Context& context);
Result<Events> DecideBehaviour(const Facts& facts, const RecordBehaviour& command,
                               const Context& context);

}  // namespace rebound
