#include "tests/simulation/checker.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/simulation/history.h"
#include "workflows/decide.h"

namespace rebound::simulation {
namespace {

using C = CaseCommand;

[[noreturn]] void Fail(const CaseId& about, const std::string& what) {
  throw Violation(what, about);
}
[[noreturn]] void Fail(const CaseBook& book, const std::string& what) { Fail(book.c.id, what); }

// ---- Reading a configuration

const StatusDef* StatusOf(const Lifecycle& lifecycle, std::string_view key) {
  const auto found = std::find_if(lifecycle.statuses.begin(), lifecycle.statuses.end(),
                                  [&](const StatusDef& status) { return status.key == key; });
  return found == lifecycle.statuses.end() ? nullptr : &*found;
}

const Transition* WayOf(const Lifecycle& lifecycle, std::string_view from, C command,
                        std::string_view to = {}) {
  for (const Transition& way : lifecycle.transitions) {
    if (way.from == from && way.command == command && (to.empty() || way.to == to)) return &way;
  }
  return nullptr;
}

// The conditions that Configurations() uses.
bool Holds(const Predicate& when, const Case& c) {
  if (when.kind == Predicate::Kind::kAll) return when.children.empty();
  const Comparison& comparison = when.comparison;
  if (comparison.field == FieldId::kProgram) {
    return std::get<std::string>(comparison.value) == c.program_id;
  }
  return c.severity >= std::get<int64_t>(comparison.value);
}

const ClockDefinition* DefinitionOf(const Revision& revision, ClockKind kind, const Case& c) {
  for (const ClockDefinition& definition : revision.clocks) {
    if (definition.kind == kind && Holds(definition.when, c)) return &definition;
  }
  return nullptr;
}
const ClockDefinition* DefinitionOf(const Revision& revision, std::string_view id) {
  for (const ClockDefinition& definition : revision.clocks) {
    if (definition.id == id && !id.empty()) return &definition;
  }
  return nullptr;
}

// The one that was chosen as the case opened, or by a migration since.
const ClockDefinition* ChosenOf(const Revision& revision, ClockKind kind, const Case& c) {
  for (const std::string& id : c.clock_definitions) {
    const ClockDefinition* definition = DefinitionOf(revision, id);
    if (definition != nullptr && definition->kind == kind) return definition;
  }
  return nullptr;
}
// What a case gets as it opens: of each kind the first that holds, in order.
std::vector<std::string> ChoiceOf(const Revision& revision, const Case& c) {
  std::vector<std::string> chosen;
  for (const ClockDefinition& definition : revision.clocks) {
    if (DefinitionOf(revision, definition.kind, c) == &definition) chosen.push_back(definition.id);
  }
  return chosen;
}

bool IsGiven(ClockKind kind) {
  return kind == ClockKind::kCommitment || kind == ClockKind::kExternalDeadline;
}
bool IsLive(const ClockBook& clock) {
  return clock.state == ClockState::kRunning || clock.state == ClockState::kPaused;
}

// The managers above a unit, the nearest first, nobody twice in a row.
std::vector<std::string> ManagersOf(const Revision& revision, std::string unit) {
  std::vector<std::string> managers;
  while (!unit.empty()) {
    for (const OrgUnit& each : revision.org_units) {
      if (each.id != unit || each.manager.empty()) continue;
      if (managers.empty() || managers.back() != each.manager) managers.push_back(each.manager);
    }
    const size_t slash = unit.rfind('/');
    unit = slash == std::string::npos ? "" : unit.substr(0, slash);
  }
  return managers;
}

// ---- Staff

bool IsAway(const Absence& absence, Timestamp at) {
  return at >= absence.from && at < absence.until;
}

const StaffMember* MemberOf(const Revision& revision, std::string_view name) {
  for (const StaffMember& member : revision.staff) {
    if (member.id == name) return &member;
  }
  return nullptr;
}
const QueueDef* QueueOf(const Revision& revision, const Case& c) {
  for (const QueueDef& queue : revision.queues) {
    if (queue.id == c.details.queue_id) return &queue;
  }
  return nullptr;
}

bool IsBlamed(const Case& c, std::string_view name) {
  if (name.empty()) return false;
  bool blamed = name == c.details.responsible_person;
  for (const Finding& finding : c.findings) blamed |= finding.person == name;
  return blamed;
}

bool IsWork(const Case& c) {
  return c.handling_result == HandlingResult::kUnset && c.phase != Phase::kClosed;
}

// The first promise that waits to be kept.
std::optional<Timestamp> PromisedFor(const Case& c) {
  std::optional<Timestamp> first;
  for (const Commitment& each : c.commitments) {
    if (each.state != CommitmentState::kPending) continue;
    if (!first || each.due_at < *first) first = each.due_at;
  }
  return first;
}

// Whom the deputy of the owner stands in for now is told as well.
std::vector<std::string> RecipientsOf(const Revision& revision, const Revision& today,
                                      const Case& c, const Tier& tier, Timestamp now) {
  std::vector<std::string> whom;
  for (const std::string& word : tier.notify) {
    std::string name = "role:" + word;
    if (word == "owner") {
      name = c.owner;
      if (!name.empty() && std::find(whom.begin(), whom.end(), name) == whom.end()) {
        whom.push_back(name);
      }
      const StaffMember* owner = MemberOf(today, c.owner);
      name.clear();
      for (const Absence& absence : owner == nullptr ? std::vector<Absence>{} : owner->absences) {
        if (name.empty() && IsAway(absence, now)) name = absence.deputy;
      }
    }
    if (word == "first_receiver") name = c.first_receiver;
    if (word == "queue") name = "queue:" + c.details.queue_id;
    if (word == "unit_manager") {
      const auto managers = ManagersOf(revision, c.details.org_unit_id);
      name = managers.empty() ? "" : managers.front();
    }
    if (!name.empty() && std::find(whom.begin(), whom.end(), name) == whom.end()) {
      whom.push_back(name);
    }
  }
  return whom;
}

bool Spoke(const Attempt& attempt) {
  using enum AttemptOutcome;
  const AttemptOutcome o = attempt.outcome;
  return attempt.direction == Direction::kInbound || o == kReached || o == kCallBackAgreed ||
         o == kAsksForSuperior || o == kRefused || o == kHungUp;
}
bool Given(const Remedy& remedy) {
  return remedy.state == RemedyState::kAccepted || remedy.state == RemedyState::kDelivered;
}

// Neither declined nor reversed: it counts.
bool Counts(const Remedy& remedy) {
  return remedy.state != RemedyState::kDeclined && remedy.state != RemedyState::kReversed &&
         !remedy.statutory;
}

bool Offered(const Remedy& remedy) {
  return remedy.state == RemedyState::kOffered || Given(remedy);
}

// What people may not do whatever the status: a merged case goes on in the other one, a case that
// is held back is nobody's to handle.
bool IsBlocked(const Case& c, C command) {
  if (command == C::kUnmerge) return c.merged_into.empty();
  if (!c.merged_into.empty()) return true;
  if (!c.held) return false;
  return command != C::kBegin && command != C::kReopen && command != C::kClose &&
         command != C::kWithdraw && command != C::kMerge && command != C::kProposeVerdict &&
         command != C::kDecideVerdict;
}

std::vector<ResponseId> AnswersOf(const Case& c) {
  std::vector<ResponseId> ids = c.attached_response_ids;
  if (!c.opening_response_id.empty()) ids.push_back(c.opening_response_id);
  return ids;
}

bool Meets(const Case& c, RequiredField field) {
  using enum RequiredField;
  if (field == kOwner) return !c.owner.empty();
  if (field == kAttempt) return !c.attempts.empty();
  if (field == kActionTaken) return !c.action_taken.empty();
  if (field == kHandlingResult) return c.handling_result != HandlingResult::kUnset;
  if (field == kCommitmentsSettled) {
    return std::none_of(c.commitments.begin(), c.commitments.end(), [](const Commitment& each) {
      return each.state == CommitmentState::kPending;
    });
  }
  return true;  // no configuration of ours demands another
}

// ---- Counting

int64_t Counted(const ClockBook& clock, Timestamp from, Timestamp to) {
  if (clock.timeline == nullptr) return std::max<int64_t>((to - from).count(), 0);
  return clock.timeline->Elapsed(clock.limit.count, clock.started, from, to);
}

// In its own count; nullopt: it was counted otherwise then.
std::optional<int64_t> ElapsedAt(const ClockBook& clock, Timestamp at) {
  if (clock.state == ClockState::kRunning && at >= clock.counted_from) {
    return clock.elapsed + Counted(clock, clock.counted_from, at);
  }
  const bool over = clock.state != ClockState::kRunning &&
                    (clock.stretches.empty() || at >= clock.stretches.back().to);
  if (over) return clock.elapsed;
  for (auto stretch = clock.stretches.rbegin(); stretch != clock.stretches.rend(); ++stretch) {
    if (at < stretch->from) continue;
    if (stretch->timeline != clock.timeline || stretch->count != clock.limit.count) {
      return std::nullopt;
    }
    const Timestamp to = std::min(at, stretch->to);
    const int64_t within =
        stretch->timeline == nullptr
            ? (to - stretch->from).count()
            : stretch->timeline->Elapsed(stretch->count, clock.started, stretch->from, to);
    return stretch->before + within;
  }
  return 0;
}

std::optional<Timestamp> ReachOf(const ClockBook& clock, int64_t amount) {
  const int64_t left = amount - clock.elapsed;
  if (clock.timeline == nullptr) return clock.counted_from + Duration{left};
  return clock.timeline->Reach(clock.limit.count, clock.started, clock.counted_from, left);
}
std::optional<Timestamp> DueOf(const ClockBook& clock) {
  return ReachOf(clock, clock.limit.amount);
}

bool IsDue(const Tier& tier) { return tier.at == TierAt{TierAt::Kind::kWall, 0}; }

std::vector<Tier> TiersOf(const Revision& revision, const ClockBook& clock) {
  if (clock.kind == ClockKind::kResurvey) return {{.id = "due"}};
  std::vector<Tier> tiers;
  if (const auto* definition = DefinitionOf(revision, clock.definition)) tiers = definition->tiers;
  if (std::none_of(tiers.begin(), tiers.end(), IsDue)) tiers.push_back({.id = "breach"});
  return tiers;
}

std::optional<Timestamp> TierTimeOf(const ClockBook& clock, const Tier& tier) {
  if (tier.at.kind == TierAt::Kind::kPercent) {
    return ReachOf(clock, clock.limit.amount * tier.at.amount / 100);
  }
  if (tier.at.kind == TierAt::Kind::kOwnCount) {
    return ReachOf(clock, clock.limit.amount + tier.at.amount);
  }
  const auto due = DueOf(clock);
  return due ? std::optional(*due + Duration{tier.at.amount}) : std::nullopt;
}

bool IsCrossed(const ClockBook& clock, const Tier& tier) {
  return std::find(clock.crossed.begin(), clock.crossed.end(), tier.id) != clock.crossed.end();
}

std::optional<Timestamp> NextOf(const Revision& revision, const ClockBook& clock) {
  std::optional<Timestamp> next;
  for (const Tier& tier : TiersOf(revision, clock)) {
    if (IsCrossed(clock, tier)) continue;
    const auto at = TierTimeOf(clock, tier);
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

// It ran past its due time, noticed or not.
void NoteBreach(ClockBook& clock, Timestamp until) {
  if (clock.state != ClockState::kRunning || !clock.due || until <= *clock.due) return;
  clock.breached_at = std::min(clock.breached_at.value_or(*clock.due), *clock.due);
}

// The clock runs no longer since `at`.
void Stop(ClockBook& clock, Timestamp at) {
  if (clock.state != ClockState::kRunning) return;
  if (at >= clock.counted_from) {
    clock.stretches.push_back(
        {clock.counted_from, at, clock.elapsed, clock.limit.count, clock.timeline});
  }
}

// What is noted of the entry on the case; nullptr: nothing.
const CaseRestriction* NotedOn(const Case& c, const BlacklistEntryId& entry) {
  for (const CaseRestriction& noted : c.restrictions) {
    if (noted.entry_id == entry) return &noted;
  }
  return nullptr;
}

// Sends a message: an outbox row must follow.
bool Tells(const EventBody& body) {
  if (const auto* crossed = std::get_if<TierCrossed>(&body)) return !crossed->notify.empty();
  // Another department is told of its task.
  if (const auto* started = std::get_if<StepStarted>(&body)) {
    return !started->step.owner.empty() || !started->step.queue_id.empty();
  }
  if (std::holds_alternative<StepOverdue>(body) || std::holds_alternative<MessageSent>(body)) {
    return true;
  }
  return std::holds_alternative<AlertRaised>(body) || std::holds_alternative<AlertOverdue>(body) ||
         std::holds_alternative<ResurveyAsked>(body) ||
         (std::holds_alternative<CaseAssigned>(body) &&
          !std::get<CaseAssigned>(body).reason.empty()) ||
         (std::holds_alternative<CaseReturned>(body) && std::get<CaseReturned>(body).by_system) ||
         std::holds_alternative<CaseEscalated>(body) || std::holds_alternative<CaseChased>(body) ||
         std::holds_alternative<CaseSupervised>(body) ||
         std::holds_alternative<CaseDispatched>(body) ||
         std::holds_alternative<EntryNotified>(body);
}

// The command of the lifecycle that a verb asks for.
struct CommandOf {
  std::optional<C> operator()(const Assign&) { return C::kAssign; }
  std::optional<C> operator()(const LogAttempt&) { return C::kLogAttempt; }
  std::optional<C> operator()(const MakeCommitment&) { return C::kMakeCommitment; }
  std::optional<C> operator()(const RecordRemedy&) { return C::kRemedy; }
  std::optional<C> operator()(const Resolve&) { return C::kResolve; }
  std::optional<C> operator()(const Close&) { return C::kClose; }
  std::optional<C> operator()(const Reopen&) { return C::kReopen; }
  std::optional<C> operator()(const Dispatch&) { return C::kDispatch; }
  std::optional<C> operator()(const Accept&) { return C::kAccept; }
  std::optional<C> operator()(const Return&) { return C::kReturn; }
  std::optional<C> operator()(const SettleCommitment&) { return C::kSettleCommitment; }
  std::optional<C> operator()(const CompleteStep&) { return C::kCompleteStep; }
  std::optional<C> operator()(const PauseCase&) { return C::kPause; }
  std::optional<C> operator()(const ResumeCase&) { return C::kResume; }
  std::optional<C> operator()(const ChaseCase&) { return C::kChase; }
  std::optional<C> operator()(const SuperviseCase&) { return C::kSupervise; }
  std::optional<C> operator()(const AssistCase&) { return C::kAssist; }
  std::optional<C> operator()(const RequestExtension&) { return C::kExtend; }
  std::optional<C> operator()(const DecideExtension&) { return C::kDecideExtension; }
  std::optional<C> operator()(const EscalateCase&) { return C::kEscalate; }
  std::optional<C> operator()(const VerifyCase&) { return C::kVerify; }
  std::optional<C> operator()(const MoveCase&) { return C::kMove; }
  std::optional<C> operator()(const WithdrawCase&) { return C::kWithdraw; }
  std::optional<C> operator()(const MergeCase&) { return C::kMerge; }
  std::optional<C> operator()(const UnmergeCase&) { return C::kUnmerge; }
  std::optional<C> operator()(const ProposeVerdict&) { return C::kProposeVerdict; }
  std::optional<C> operator()(const DecideVerdict&) { return C::kDecideVerdict; }
  std::optional<C> operator()(const BeginCase&) { return C::kBegin; }
  // These are no matter of status.
  std::optional<C> operator()(const LinkCase&) { return std::nullopt; }
  std::optional<C> operator()(const FindLiability&) { return std::nullopt; }
  std::optional<C> operator()(const AppealLiability&) { return std::nullopt; }
  std::optional<C> operator()(const DecideAppeal&) { return std::nullopt; }
  std::optional<C> operator()(const AcknowledgeAlert&) { return std::nullopt; }
  std::optional<C> operator()(const MigrateCase&) { return std::nullopt; }
  std::optional<C> operator()(const RecomputeClocks&) { return std::nullopt; }
  std::optional<C> operator()(const FireTimers&) { return std::nullopt; }
  template <typename T>
  std::optional<C> operator()(const T&) {  // nobody gives it here
    return std::nullopt;
  }
};

template <typename T>
const T* VerbOf(const Command& command) {
  const auto* work = std::get_if<WorkCase>(&command);
  return work == nullptr ? nullptr : std::get_if<T>(&work->verb);
}

const Command& CommandIn(const Record& record) { return record.request->work.commands.front(); }

RawId ResourceOf(const Outcome& outcome) {
  if (outcome.subject) return IdCast<RawId>(outcome.subject->id);
  if (outcome.response) return IdCast<RawId>(outcome.response->id);
  if (outcome.entry) return IdCast<RawId>(outcome.entry->id);
  if (outcome.customer) return IdCast<RawId>(outcome.customer->id);
  return {};
}

}  // namespace

// One event on one case: the status it may lead to, and the ledgers.
class Checker::CaseStep {
 public:
  // `by_tier`: it is the crossing of a tier, or what that brings about.
  CaseStep(Checker& checker, const Record& record, CaseBook& book, const Event& event, bool by_tier)
      : checker_(checker),
        command_(CommandIn(record)),
        caller_(record.request->work.caller),
        book_(book),
        c_(book.c),
        event_(event),
        now_(checker.now_),
        by_tier_(by_tier) {}

  // What was due before a command is crossed before it, and not left to a wake-up.
  void ExpectNothingDue();

  void operator()(const CaseOpened& e);
  void operator()(const CaseAssigned& e);
  void operator()(const AttemptLogged& e);
  void operator()(const CommitmentMade&) { Take(C::kMakeCommitment); }
  void operator()(const RemedyRecorded& e);
  void operator()(const CaseResolved&);
  void operator()(const CaseClosed& e);
  void operator()(const CaseReopened& e);
  void operator()(const ResponseAttached&) { Take(C::kAttachResponse); }
  void operator()(const ResurveyAsked& e);
  void operator()(const ResurveyAnswered& e);
  void operator()(const LaterAnswerCounted&) {}
  void operator()(const TimerSet& e) { SetTimer(e.kind, e.generation, e.due_at); }
  void operator()(const TimerEnded& e);
  void operator()(const CaseHistoryDerived&) { Fail(book_, "no history is imported here"); }
  void operator()(const CaseVoided&) { Fail(book_, "no history is imported here"); }
  void operator()(const CaseDispatched& e) {
    Take(C::kDispatch);
    ChangesHands(e.owner, e.queue_id);
  }
  void operator()(const CaseAccepted& e) {
    Take(C::kAccept);
    ChangesHands(e.owner, {});
  }
  void operator()(const CaseReturned& e);
  void operator()(const CaseChased&) { Take(C::kChase, c_.contacted_at.has_value()); }
  void operator()(const CaseSupervised&) { Take(C::kSupervise); }
  void operator()(const AssistRecorded&) { Take(C::kAssist); }
  void operator()(const ExtensionRecorded& e);
  void operator()(const VerificationRecorded& e);
  void operator()(const CaseMoved&);
  void operator()(const CommitmentSettled&) { Take(C::kSettleCommitment); }
  void operator()(const CaseEscalated& e);
  void operator()(const PriorityChanged& e);
  void operator()(const PauseStarted& e);
  void operator()(const PauseEnded&);
  void operator()(const ClockStarted& e);
  void operator()(const ClockPaused& e);
  void operator()(const ClockResumed& e);
  void operator()(const ClockEnded& e);
  void operator()(const TierCrossed& e);
  void operator()(const ClockMoved& e);
  void operator()(const CaseMigrated& e);
  void operator()(const CaseMerged& e);
  void operator()(const CaseAbsorbed& e);
  void operator()(const CaseUnmerged& e);
  void operator()(const CaseSeparated& e);
  void operator()(const CaseLinkChanged&) { Verb<LinkCase>(); }
  void operator()(const VerdictRecorded& e);
  void operator()(const FindingRecorded& e);
  void operator()(const AlertRaised& e);
  void operator()(const AlertAcknowledged& e);
  void operator()(const AlertOverdue& e);
  void operator()(const CaseBegun& e);
  void operator()(const CaseRestricted& e);
  void operator()(const StepStarted& e);
  void operator()(const StepEnded& e);
  void operator()(const StepOverdue& e);
  void operator()(const MessageSent& e);
  template <typename T>
  void operator()(const T&) {
    Fail(book_, fmt::format("{} stands on a case", TypeName(event_.body)));
  }

  const std::string& status() const { return status_; }

 private:
  const Revision& revision() const { return checker_.Of(c_).revision; }
  // Staff and queues are today's, whatever the case follows.
  const Revision& Today() const { return checker_.revisions_.at(checker_.deciding_)->revision; }
  // Whatever waited for the old owner waits no longer.
  void ChangesHands(const std::string& owner, const std::string& queue) {
    const bool moves = !queue.empty() && queue != c_.details.queue_id;
    if (owner == c_.owner && !(owner.empty() && moves)) return;
    for (auto& [key, timer] : book_.timers) {
      if (key.first != TimerKind::kReturn || timer.state != TimerState::kPending) continue;
      timer.state = TimerState::kCancelled;
      timer.ended_at = event_.occurred_at;
    }
  }
  // The way is taken without anybody's leave, where there is one.
  void Drift(C command) {
    const Transition* way = WayOf(revision().lifecycle, c_.status, command);
    if (way != nullptr) status_ = way->to;
  }
  bool ByTimer() const { return VerbOf<FireTimers>(command_) != nullptr; }

  template <typename T>
  const T& Verb() const {
    const T* verb = VerbOf<T>(command_);
    if (verb == nullptr) {
      Fail(book_, fmt::format("{} follows from another command", TypeName(event_.body)));
    }
    return *verb;
  }

  // The case takes this way of its lifecycle, if it has one and the actor may.
  void Take(C command, bool full = true, std::string_view to = {}) {
    const Transition* way = WayOf(revision().lifecycle, c_.status, command, to);
    if (way == nullptr) {
      Fail(book_, fmt::format("illegal transition: revision {} has no {} from {}", c_.revision,
                              Name(command), c_.status));
    }
    // What answers and timers bring about asks for no role.
    const bool asked =
        std::holds_alternative<WorkCase>(command_) || std::holds_alternative<ClaimNext>(command_);
    const bool may =
        !asked || caller_.role.empty() || way->roles.empty() ||
        std::find(way->roles.begin(), way->roles.end(), caller_.role) != way->roles.end();
    book_.taken = way;
    if (!may) Fail(book_, fmt::format("{} by the role {}", Name(command), caller_.role));
    const std::string& target = full ? way->to : way->otherwise;
    // A pause that a chase or its end leaves standing would be none.
    const bool ends = command == C::kChase || command == C::kResume || command == C::kAskAgain;
    if (!target.empty()) status_ = target;
    if (target.empty() && !full && ends) status_ = way->to;
  }

  void Exactly(bool holds, std::string_view what) const {
    if (!holds) {
      Fail(book_,
           fmt::format("{} of {}: {}", TypeName(event_.body), CaseNumberText(c_.number), what));
    }
  }

  ClockBook& ClockOf(ClockKind kind, int32_t generation) {
    for (ClockBook& clock : book_.clocks) {
      if (clock.kind == kind && clock.generation == generation) return clock;
    }
    Fail(book_, fmt::format("{} of {}, which never started", TypeName(event_.body),
                            ClockText(kind, generation)));
  }

  void SetTimer(TimerKind kind, int32_t generation, Timestamp due) {
    const bool fresh =
        book_.timers
            .emplace(std::pair(kind, generation),
                     Timer{kind, generation, due, TimerState::kPending, std::nullopt})
            .second;
    Exactly(fresh, "a timer is set twice");
  }

  // The clock's timer ends, and the next one is set where one is due.
  void Rearm(ClockBook& clock, TimerState ended, int32_t next, std::optional<Timestamp> due) {
    const TimerKind kind = TimerOf(clock.kind);
    if (clock.timer != 0) {
      Timer& timer = book_.timers.at({kind, clock.timer});
      Exactly(timer.state == TimerState::kPending, "its timer is over already");
      timer.state = ended;
      timer.ended_at = event_.occurred_at;
    }
    clock.timer = due ? next : 0;
    if (due) SetTimer(kind, next, *due);
  }

  void ExpectNext(const ClockBook& clock, const std::optional<Timestamp>& found) const {
    const auto next = NextOf(revision(), clock);
    if (next == found) return;
    Fail(book_, fmt::format("{} of {}: the next tier is due {} by the minutes, {} by the event",
                            TypeName(event_.body), ClockText(clock.kind, clock.generation),
                            TimeText(next), TimeText(found)));
  }
  void ExpectDue(const ClockBook& clock, const std::optional<Timestamp>& found) const {
    if (clock.due == found) return;
    Fail(book_, fmt::format("{} of {}: due {} by the minutes, {} by the event",
                            TypeName(event_.body), ClockText(clock.kind, clock.generation),
                            TimeText(clock.due), TimeText(found)));
  }
  void ExpectElapsed(const ClockBook& clock, std::optional<int64_t> expected, int64_t found) const {
    if (!expected || *expected == found) return;
    Fail(book_, fmt::format("{} of {}: {} have elapsed by the minutes, {} by the event",
                            TypeName(event_.body), ClockText(clock.kind, clock.generation),
                            *expected, found));
  }

  // Those that hold for the case's customer now: no decision on a case changes them.
  std::vector<const EntryBook*> Entries() const { return checker_.ledger_.On(c_, now_); }
  // Whoever stands for the case's customer.
  const Customer& Person() const {
    return checker_.customers_.at(checker_.ledger_.PersonOf(c_.customer_id));
  }
  bool IsSupervisedSince(const EntryBook& entry) const;
  void CheckClaimed() const;
  void CheckRestricted(const Remedy& remedy, const Remedy* known);
  void CheckNotAsked() const;
  std::optional<ClockBook> Fresh(const Case& c, ClockKind kind, std::optional<Timestamp> due) const;
  bool IsEligible(const Case& opened) const;
  void HoldBack(const Case& opened);
  void Redefine(const ClockBook& clock, ClockBook* moved, int64_t* elapsed) const;
  int64_t SumOf(const Case& c, const Remedy& remedy, Duration window) const;
  void EndAlert(const AlertId& id, TimerState state);
  // None where the program was given up.
  HoldOut HoldOutOf(const Case& c) const {
    for (const Program& program : checker_.Of(c).revision.programs) {
      if (program.id == c.program_id) return program.hold_out;
    }
    return {};
  }
  void Start(const CaseClock& found, std::optional<ClockBook> expected);
  void ExpectActions(const Tier& tier);

  Checker& checker_;
  const Command& command_;
  const Caller& caller_;
  CaseBook& book_;
  const Case& c_;  // before the event
  const Event& event_;
  // A wake-up crosses all that is due by now. Another command, all that was due before it; an
  // attempt that is recorded late, before that.
  Timestamp Until() const {
    if (ByTimer()) return now_;
    const auto* attempt = VerbOf<LogAttempt>(command_);
    const bool late = attempt != nullptr && !attempt->occurred_now;
    return (late ? std::min(attempt->attempt.occurred_at, now_) : now_) - Duration{1};
  }

  const Timestamp now_;
  const bool by_tier_;
  std::string status_ = c_.status;  // where the event leads
};

// The clock that the configuration gives the case now.
std::optional<ClockBook> Checker::CaseStep::Fresh(const Case& c, ClockKind kind,
                                                  std::optional<Timestamp> due) const {
  const Configuration& configuration = checker_.Of(c);
  const Revision& pinned = configuration.revision;
  ClockBook clock;
  clock.kind = kind;
  clock.generation = 1;
  for (const ClockBook& known : book_.clocks) {
    if (known.kind == kind) clock.generation = std::max(clock.generation, known.generation + 1);
  }
  clock.started = clock.counted_from = now_;
  if (IsGiven(kind) && !due) return std::nullopt;
  const Program* program = nullptr;
  for (const Program& each : pinned.programs) {
    if (each.id == c.program_id) program = &each;
  }
  if (const ClockDefinition* definition = ChosenOf(pinned, kind, c)) {
    clock.definition = definition->id;
    clock.met_by = definition->met_by;
    clock.limit = definition->limit;
    if (!definition->calendar_id.empty() && !IsGiven(kind)) {
      clock.calendar_id = definition->calendar_id;
      clock.timeline = &configuration.timelines.at(clock.calendar_id);
      for (const Calendar& calendar : pinned.calendars) {
        if (calendar.id == clock.calendar_id) clock.calendar_version = calendar.version;
      }
    }
  } else if (kind == ClockKind::kFirstContact) {
    clock.met_by = MetBy::kReached;
    clock.limit = {Count::kWall, program->first_contact_limit.count()};
  } else if (kind == ClockKind::kResurvey) {
    clock.met_by = MetBy::kReached;
    clock.limit = {Count::kWall, program->resurvey_delay.count()};
  } else if (!IsGiven(kind)) {
    return std::nullopt;
  }
  if (IsGiven(kind)) clock.limit = {Count::kWall, (*due - now_).count()};
  clock.due = DueOf(clock);
  return clock;
}

void Checker::CaseStep::Start(const CaseClock& found, std::optional<ClockBook> expected) {
  Exactly(expected.has_value(),
          fmt::format("the configuration has no {} for it", Name(found.kind)));
  const ClockBook& e = *expected;
  const bool same = found.generation == e.generation && found.definition == e.definition &&
                    found.calendar_id == e.calendar_id &&
                    found.calendar_version == e.calendar_version && found.limit == e.limit &&
                    found.met_by == e.met_by && found.state == ClockState::kRunning &&
                    found.started_at == e.started && found.counted_from == e.counted_from &&
                    found.elapsed == 0 && found.crossed.empty();
  Exactly(same, fmt::format("{} is not what revision {} says (definition {} expected, {} found)",
                            ClockText(found.kind, found.generation), c_.revision, e.definition,
                            found.definition));
  ExpectDue(e, found.due_at);
  if (found.kind != ClockKind::kCommitment) {
    for (const ClockBook& known : book_.clocks) {
      Exactly(known.kind != found.kind || !IsLive(known), "a second clock of the kind is live");
    }
  }
  book_.clocks.push_back(*std::move(expected));
}

void Checker::CaseStep::operator()(const CaseOpened& e) {
  const Case& opened = e.opened;
  book_.c = opened;  // the rest is judged by what is pinned
  if (!Entries().empty()) ++checker_.seen_["opened, though listed"];
  const auto& programs = checker_.revisions_.at(checker_.deciding_)->revision.programs;
  const bool given_up = std::none_of(programs.begin(), programs.end(), [&](const Program& each) {
    return each.id == opened.program_id;
  });
  Exactly(
      given_up ? opened.revision < checker_.deciding_ : opened.revision == checker_.deciding_,
      fmt::format("it follows revision {}, in force is {}", opened.revision, checker_.deciding_));
  const HoldOut hold_out = HoldOutOf(opened);
  const bool drawn = !hold_out.experiment.empty() && IsEligible(opened);
  Exactly(opened.experiment == (drawn ? hold_out.experiment : ""), "drawn for comparison, or not");
  if (drawn) {
    const auto [arm, fresh] =
        checker_.arms_.try_emplace({hold_out.experiment, opened.customer_id}, opened.arm);
    Exactly(arm->second == opened.arm, "the customer changes arms");
  }
  Exactly(opened.held == (opened.arm != Arm::kTreated), "held back by another arm than its own");
  status_ = opened.held ? revision().lifecycle.held_out : revision().lifecycle.initial;
  for (const AlertRule& rule : revision().alerts) {
    if (Holds(rule.when, opened)) book_.alerts.push_back(rule.id);
  }
  const std::vector<Priority>& priorities = revision().priorities;
  const auto priority = std::find_if(priorities.begin(), priorities.end(),
                                     [&](const Priority& p) { return Holds(p.when, opened); });
  Exactly(opened.priority == (priority == priorities.end() ? priorities.back() : *priority).id,
          "another priority");
  Exactly(opened.clock_definitions == ChoiceOf(revision(), opened), "other clocks are chosen");
  if (opened.held) return HoldBack(opened);
  using K = ClockKind;
  size_t count = 0;
  for (const K kind : {K::kFirstContact, K::kRemedy, K::kExternalDeadline, K::kFirstResolution,
                       K::kTotalResolution}) {
    const bool nobody = opened.customer_id.empty() && opened.details.contact_person.empty();
    if (kind == K::kFirstContact && nobody) continue;
    auto clock = Fresh(opened, kind, opened.details.external_authority.due_at);
    if (!clock) continue;
    Exactly(count < opened.clocks.size() && opened.clocks[count].kind == kind,
            fmt::format("no clock {} although the configuration has one", Name(kind)));
    const CaseClock& found = opened.clocks[count++];
    Start(found, clock);
    ClockBook& book = book_.clocks.back();
    const auto next = NextOf(revision(), book);
    Rearm(book, TimerState::kCancelled, found.timer, next);
  }
  Exactly(count == opened.clocks.size(), "a clock that the configuration does not have");
  Exactly(opened.timers.size() == book_.timers.size(), "a timer too many or too few");
  for (const Timer& timer : opened.timers) {
    const auto known = book_.timers.find({timer.kind, timer.generation});
    Exactly(known != book_.timers.end() && known->second == timer,
            "a timer is not due when its tier is");
  }
}

// The first detractor's answer of a known customer in the program, with nothing that forbids it.
bool Checker::CaseStep::IsEligible(const Case& opened) const {
  const auto answer = checker_.responses_.find(opened.opening_response_id);
  const bool alone =
      std::none_of(checker_.books_.begin(), checker_.books_.end(), [&](const auto& known) {
        const Case& other = known.second.c;
        return other.id != opened.id && other.program_id == opened.program_id &&
               checker_.ledger_.IsSamePerson(other.customer_id, opened.customer_id);
      });
  return opened.origin == CaseOrigin::kResponse && !opened.customer_id.empty() &&
         opened.category == Category::kDetractor && opened.severity < 5 && alone &&
         opened.details.external_authority.empty() && answer != checker_.responses_.end() &&
         !answer->second.contact_requested;
}

// Only the second ask, and the start where that is delayed, wait for such a case.
void Checker::CaseStep::HoldBack(const Case& opened) {
  const HoldOut hold_out = HoldOutOf(opened);
  if (hold_out.delayed_start) SetTimer(TimerKind::kDelayedStart, 1, now_ + hold_out.delay);
  ClockBook clock;
  clock.kind = ClockKind::kResurvey;
  clock.generation = 1;
  clock.started = clock.counted_from = now_;
  clock.met_by = MetBy::kReached;
  clock.limit = {Count::kWall, hold_out.ask_after.count()};
  clock.due = now_ + hold_out.ask_after;
  Exactly(opened.clocks.size() == 1, "held back, with other clocks than the one to be asked by");
  Start(opened.clocks.front(), clock);
  Rearm(book_.clocks.back(), TimerState::kCancelled, 1, clock.due);
  Exactly(opened.timers.size() == book_.timers.size(), "a timer too many or too few");
  for (const Timer& timer : opened.timers) {
    const auto known = book_.timers.find({timer.kind, timer.generation});
    Exactly(known != book_.timers.end() && known->second == timer, "a timer is due another time");
  }
}

// Whoever threatens is not for whoever claims from another queue than that of the entry, unless
// people sent the case there after it had waited in that.
void Checker::CaseStep::CheckClaimed() const {
  bool sent = true;
  bool there = false;
  for (const EntryBook* entry : Entries()) {
    if (entry->kind != BlacklistKind::kStaffSafety) continue;
    there = there || entry->effects.queue_id == c_.details.queue_id;
    const CaseRestriction* noted = NotedOn(c_, entry->row.id);
    sent = sent && noted != nullptr && noted->routed;
  }
  Exactly(sent || there, "claimed from a queue where an entry does not want it");
}

void Checker::CaseStep::operator()(const CaseAssigned& e) {
  ChangesHands(e.owner, e.queue_id);
  if (by_tier_) return;
  if (std::holds_alternative<ClaimNext>(command_)) CheckClaimed();
  if (e.reason.empty()) {
    return Take(std::holds_alternative<ClaimNext>(command_) ? C::kClaim : C::kAssign);
  }
  Drift(C::kAssign);
  const QueueDef* queue = QueueOf(Today(), c_);
  if (e.reason == "fallback") {
    Exactly(queue != nullptr && e.owner == queue->fallback && c_.owner.empty(), "not the fallback");
  }
  if (e.reason != "routed" && e.reason != "sticky") return;
  const StaffMember* member = MemberOf(Today(), e.owner);
  Exactly(member != nullptr && queue != nullptr && c_.owner.empty(), "given to who is not listed");
  Exactly(e.reason == "sticky" ? queue->sticky : queue->routing != Routing::kPull,
          "its queue is not given out so");
  Exactly(e.owner != c_.last_owner, "given to whom it came back from");
  for (const Absence& absence : member->absences) {
    Exactly(!IsAway(absence, now_), "given to who is away");
  }
  const auto has = [](const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  };
  Exactly(has(member->queues, queue->id), "given to who does not work the queue");
  for (const std::string& skill : queue->skills) {
    Exactly(has(member->skills, skill), "given to who lacks a skill");
  }
  if (!member->shifts.empty()) {
    const Timeline& shift =
        checker_.revisions_.at(checker_.deciding_)->timelines.at(member->shifts);
    Exactly(shift.Elapsed(Count::kBusinessTime, now_, now_, now_ + std::chrono::minutes{1}) > 0,
            "given to who is not at work");
  }
  int64_t open = 0;
  for (const auto& [id, other] : checker_.books_) {
    if (other.c.owner == e.owner && IsWork(other.c)) ++open;
  }
  Exactly(!member->capacity || open < *member->capacity, "given to who has enough");
}

void Checker::CaseStep::operator()(const CaseResolved&) {
  // A ruling ends handling, too.
  if (VerbOf<DecideVerdict>(command_) != nullptr) return Take(C::kDecideVerdict);
  if (VerbOf<WithdrawCase>(command_) == nullptr) Take(C::kResolve);
}

void Checker::CaseStep::operator()(const CaseClosed& e) {
  if (e.not_asked_reason == NotAskedReason::kRestricted) CheckNotAsked();
  if (VerbOf<WithdrawCase>(command_) != nullptr) return Take(C::kWithdraw);
  if (VerbOf<Close>(command_) != nullptr) return Take(C::kClose);
  if (std::holds_alternative<SubmitResponse>(command_)) return Take(C::kAnswerResurvey);
  Exactly(ByTimer(), "closed by a command that does not close");
  if (e.resurvey_result == ResurveyResult::kNoAnswer) return Take(C::kExpireResurvey);
  Take(C::kAskAgain, false);
}

void Checker::CaseStep::operator()(const CaseReopened& e) {
  if (e.cause == ReopenCause::kBadResurvey) return Take(C::kAnswerResurvey, false);
  const bool by_hand = VerbOf<Reopen>(command_) != nullptr;
  Exactly(by_hand == (e.cause == ReopenCause::kByHand), "reopened for another cause");
  Take(C::kReopen);
}

void Checker::CaseStep::operator()(const ResurveyAsked& e) {
  Take(C::kAskAgain);
  const Customer& customer = Person();
  for (const EntryBook* entry : Entries()) {
    Exactly(!ForbidsSurvey(*entry, c_.program_id, e.channel),
            fmt::format("asked in spite of {}", EntryNumberText(entry->row.number)));
  }
  Exactly(!customer.do_not_contact, "a customer who is not to be contacted was asked");
  std::optional<bool> very, every;
  for (const Consent& consent : customer.consents) {
    if (consent.purpose != ConsentPurpose::kSurvey) continue;
    if (consent.channel == e.channel) very = consent.granted;
    if (consent.channel == Channel::kUnset) every = consent.granted;
  }
  Exactly(very.value_or(every.value_or(true)), "a customer without consent was asked");
}

// The customer is not asked for the sake of an entry that says so.
void Checker::CaseStep::CheckNotAsked() const {
  const std::vector<const EntryBook*> entries = Entries();
  const bool any = std::any_of(entries.begin(), entries.end(), [&](const EntryBook* entry) {
    return entry->kind == BlacklistKind::kChannelLimit ||
           ForbidsSurvey(*entry, c_.program_id, Channel::kUnset);
  });
  Exactly(any, "not asked for the sake of an entry, and none forbids it");
}

void Checker::CaseStep::operator()(const ResurveyAnswered& e) {
  Exactly(WayOf(revision().lifecycle, c_.status, C::kAnswerResurvey) != nullptr,
          "it does not wait for an answer");
  const bool good =
      e.answer.category == Category::kPassive || e.answer.category == Category::kPromoter;
  // Closing or reopening is an event of its own; a detractor's answer beyond the limit is not.
  if (event_.status != c_.status) {
    Exactly(!good, "a good answer closes");
    status_ = WayOf(revision().lifecycle, c_.status, C::kAnswerResurvey)->exhausted;
  }
}

void Checker::CaseStep::operator()(const TimerEnded& e) {
  const auto known = book_.timers.find({e.kind, e.generation});
  Exactly(known != book_.timers.end(), "there is no such timer");
  Timer& timer = known->second;
  Exactly(timer.state == TimerState::kPending, "the timer is over already");
  if (e.state == TimerState::kFired) {
    Exactly(timer.due_at <= now_, "the timer fires early");
    // What a plan waited for is over before a command, too.
    const bool may = ByTimer() || e.kind == TimerKind::kStep;
    Exactly(may && !checker_.held_, "a timer fires while timers are held");
  }
  timer.state = e.state;
  timer.ended_at = event_.occurred_at;
}

void Checker::CaseStep::operator()(const CaseReturned& e) {
  ChangesHands({}, e.queue_id);
  if (e.by_system) {
    Drift(C::kReturn);
    Exactly(e.reason != "lease_expired" || ByTimer(), "a lease ends without its timer");
    return;
  }
  Take(C::kReturn);
  Exactly(c_.return_count < revision().lifecycle.max_returns, "returned beyond the limit");
}

// ---- Plans

namespace {

const Playbook* PlanOf(const Revision& revision, const Case& c) {
  for (const Playbook& playbook : revision.playbooks) {
    if (playbook.id == c.playbook.playbook_id) return &playbook;
  }
  return nullptr;
}

// The place of the step in the plan; nullopt: it has none of that id.
std::optional<size_t> PlaceOf(const Playbook& plan, std::string_view id) {
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    if (plan.steps[i].id == id) return i;
  }
  return std::nullopt;
}

// The place of the first step that does not belong to handling.
size_t EndOfHandling(const Playbook& plan) {
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const StepKind kind = plan.steps[i].kind;
    if (kind == StepKind::kVerify || kind == StepKind::kAftercare) return i;
  }
  return plan.steps.size();
}

// Where the plan goes on after a step that came to this.
std::optional<size_t> PlaceAfter(const Playbook& plan, size_t place, std::string_view result) {
  const PlanStep& step = plan.steps[place];
  std::string_view to;
  if (step.kind == StepKind::kDecision) to = result == "yes" ? step.then : step.otherwise;
  if (to == kPlanEnds) return std::nullopt;
  if (!to.empty()) return PlaceOf(plan, to);
  return place + 1 < plan.steps.size() ? std::optional(place + 1) : std::nullopt;
}

// The minutes of the simulated customers' day: nobody has a zone of their own.
bool IsNight(const ContactRules& rules, Timestamp at) {
  if (!rules.quiet_hours) return false;
  const int64_t ms = (at + rules.zone.first_offset).time_since_epoch().count();
  const int64_t minute = (ms / 60'000 % 1440 + 1440) % 1440;
  return minute >= kQuietFrom || minute < kQuietUntil;
}

bool IsActive(const Case& c) {
  return !c.steps.empty() && c.steps.back().state == StepState::kActive;
}

}  // namespace

void Checker::CaseStep::operator()(const StepStarted& e) {
  const rebound::CaseStep& begun = e.step;
  Exactly(!c_.held && !c_.history, "nobody handles the case");
  Exactly(!IsActive(c_), "another step is active");
  const Playbook* plan = PlanOf(revision(), c_);
  Exactly(plan != nullptr, "the case has no plan");
  const auto place = PlaceOf(*plan, begun.step_id);
  Exactly(place && plan->steps[*place].kind == begun.kind, "the plan has no such step");
  const PlanStep& step = plan->steps[*place];
  // Where it goes on: after the last step of the round that the plan has.
  const rebound::CaseStep* last = nullptr;
  for (const rebound::CaseStep& each : c_.steps) {
    if (each.round == begun.round && PlaceOf(*plan, each.step_id)) last = &each;
  }
  const bool done = StatusOf(revision().lifecycle, c_.status)->handling_done;
  if (begun.round != c_.round) {
    Exactly(begun.round == c_.round + 1, "a round is left out");
    const auto* failed = c_.steps.empty() ? nullptr : &c_.steps.back();
    const bool rework = failed != nullptr && failed->kind == StepKind::kVerify &&
                        failed->state == StepState::kFailed;
    Exactly(rework, "a round begins without rework");
    const auto at = PlaceOf(*plan, failed->step_id);
    Exactly(at.has_value(), "rework of a step that there is not");
    const std::string& back = plan->steps[*at].rework;  // empty: the next verification
    Exactly(begun.step_id == (back.empty() ? failed->step_id : back), "rework begins elsewhere");
  } else if (last != nullptr) {
    const auto next = PlaceAfter(*plan, *PlaceOf(*plan, last->step_id), last->result);
    Exactly(next && (*place == *next || (done && *place > *next)), "out of the plan's order");
    Exactly(*place == *next || *place >= EndOfHandling(*plan), "a step of handling is passed over");
  } else {
    Exactly(*place == 0 || done || !c_.steps.empty(), "the plan begins in its middle");
  }
  if (done) Exactly(*place >= EndOfHandling(*plan), "handling is done, and goes on");
  // When it goes on by itself.
  std::optional<Timestamp> due;
  if (step.within) due = now_ + *step.within;
  if (step.kind == StepKind::kWait) due = now_ + step.wait;
  if (step.kind == StepKind::kMessage) {
    due.reset();
    for (Timestamp at = now_; IsNight(revision().contact, at);) {
      at += std::chrono::minutes{1};
      at -= at.time_since_epoch() % std::chrono::minutes{1};
      due = at;
    }
  }
  for (const auto& [key, timer] : book_.timers) {
    const bool other = key.first == TimerKind::kStep && timer.state == TimerState::kPending;
    Exactly(!other, "another step's timer is pending");
  }
  book_.skips = begun.timer == 0 && due.has_value();
  if (begun.timer == 0) return;
  Exactly(NextWake(begun) == due, "it goes on at another time than the plan says");
  SetTimer(TimerKind::kStep, begun.timer, *due);
}

void Checker::CaseStep::operator()(const StepEnded& e) {
  Exactly(IsActive(c_), "no step is active");
  const rebound::CaseStep& active = c_.steps.back();
  Exactly(active.step_id == e.step_id && active.round == e.round, "another step is active");
  Exactly(!book_.skips || e.state == StepState::kSkipped, "it has no limit, and is not left out");
  book_.skips = false;
  if (active.timer != 0) {
    Timer& timer = book_.timers.at({TimerKind::kStep, active.timer});
    if (timer.state == TimerState::kPending) {
      timer.state = e.state == StepState::kDone ? TimerState::kMet : TimerState::kCancelled;
      timer.ended_at = event_.occurred_at;
    }
  }
  const auto* complete = VerbOf<CompleteStep>(command_);
  if (complete != nullptr && event_.actor != "system" && e.step_id == complete->step_id &&
      e.state == complete->state) {
    const bool by_hand = active.kind == StepKind::kTask || active.kind == StepKind::kAftercare;
    Exactly(by_hand || e.state == StepState::kSkipped, "it ends otherwise");
    return Take(C::kCompleteStep);
  }
  if (e.state == StepState::kSkipped && e.result == "restricted") {
    const Playbook* plan = PlanOf(revision(), c_);
    const auto place = plan == nullptr ? std::nullopt : PlaceOf(*plan, e.step_id);
    Exactly(place.has_value(), "the plan has no such step");
    const std::vector<const EntryBook*> entries = Entries();
    Exactly(std::any_of(entries.begin(), entries.end(),
                        [&](const EntryBook* entry) {
                          return ForbidsContact(*entry, plan->steps[*place].channel);
                        }),
            "nothing is sent for the sake of an entry, and none forbids it");
  }
  if (e.state == StepState::kSkipped) return;
  switch (active.kind) {
    case StepKind::kWait: return Exactly(*active.wake_at <= now_, "the wait is cut short");
    case StepKind::kMessage:
      return Exactly(
          e.result == "sent" && !c_.attempts.empty() && c_.attempts.back().actor == "system",
          "nothing was sent");
    case StepKind::kVerify:
      return Exactly(!c_.verifications.empty() && c_.verifications.back().actor != c_.owner,
                     "nobody else has asked");
    case StepKind::kRemedy: {
      const bool given =
          std::any_of(c_.remedies.begin(), c_.remedies.end(),
                      [](const Remedy& remedy) { return remedy.type_id == "refund"; });
      return Exactly(given, "nothing of that kind was offered");
    }
    case StepKind::kTask:
    case StepKind::kAftercare: return Exactly(false, "nobody has completed it");
    case StepKind::kContact:
    case StepKind::kDecision:
    case StepKind::kUnset: return;
  }
}

void Checker::CaseStep::operator()(const StepOverdue& e) {
  Exactly(IsActive(c_), "no step is active");
  const rebound::CaseStep& active = c_.steps.back();
  Exactly(active.step_id == e.step_id && !active.overdue && active.due_at, "told twice");
  Exactly(*active.due_at <= now_ && !checker_.held_, "it is not overdue");
  Exactly(!e.notify.empty(), "nobody is told");
  Timer& timer = book_.timers.at({TimerKind::kStep, active.timer});
  Exactly(timer.state == TimerState::kPending, "its timer is over already");
  timer.state = TimerState::kFired;
  timer.ended_at = event_.occurred_at;
}

void Checker::CaseStep::operator()(const MessageSent& e) {
  Exactly(IsActive(c_) && c_.steps.back().step_id == e.step_id, "its step is not active");
  Exactly(!IsNight(revision().contact, now_), "the customer is asleep");
  Exactly(!c_.customer_id.empty() && !Person().do_not_contact,
          "the customer does not want to be spoken to");
  for (const EntryBook* entry : Entries()) {
    Exactly(!ForbidsContact(*entry, e.attempt.channel),
            fmt::format("sent in spite of {}", EntryNumberText(entry->row.number)));
  }
}

// ---- What blacklist entries forbid

// Somebody else has looked at the case since it is known there.
bool Checker::CaseStep::IsSupervisedSince(const EntryBook& entry) const {
  for (const CaseRestriction& noted : c_.restrictions) {
    if (noted.entry_id != entry.row.id) continue;
    return std::any_of(c_.supervisions.begin(), c_.supervisions.end(), [&](const Supervision& s) {
      return s.occurred_at >= noted.noted_at && s.actor != caller_.principal;
    });
  }
  return false;
}

// Whoever speaks to us may be answered.
void Checker::CaseStep::operator()(const AttemptLogged& e) {
  Take(C::kLogAttempt, Spoke(e.attempt));
  if (e.attempt.direction == Direction::kInbound) return;
  for (const EntryBook* entry : Entries()) {
    const std::string number = EntryNumberText(entry->row.number);
    Exactly(!ForbidsContact(*entry, e.attempt.channel), "in spite of " + number);
    const bool meets = e.attempt.channel == Channel::kInPerson;
    Exactly(entry->kind != BlacklistKind::kStaffSafety || !meets || IsSupervisedSince(*entry),
            "met in person in spite of " + number + ", and nobody knows");
  }
}

// `known`: as it was. What was offered before stands: the customer has our word.
void Checker::CaseStep::CheckRestricted(const Remedy& remedy, const Remedy* known) {
  const std::vector<const EntryBook*> entries = Entries();
  if (remedy.statutory) {
    Exactly(!remedy.approval_limit.starts_with("B-"), "what is owed by law waits for approval");
    const bool kept = std::any_of(entries.begin(), entries.end(), [&](const EntryBook* entry) {
      return ForbidsRemedy(*entry, remedy.type_id) || AsksApproval(*entry, remedy.type_id);
    });
    if (kept) ++checker_.seen_["owed, though listed"];
    return;
  }
  const bool over =
      remedy.state == RemedyState::kDeclined || remedy.state == RemedyState::kReversed;
  if (over || !IsDiscretionary(remedy)) return;
  const bool raised =
      known == nullptr || remedy.amount.amount_minor > known->amount.amount_minor ||
      (remedy.amount.currency != known->amount.currency && remedy.amount.amount_minor > 0);
  if (!raised && Offered(*known)) return;
  for (const EntryBook* entry : entries) {
    const std::string number = EntryNumberText(entry->row.number);
    Exactly(!ForbidsRemedy(*entry, remedy.type_id), "given in spite of " + number);
    if (!AsksApproval(*entry, remedy.type_id)) continue;
    const bool waits = remedy.state == RemedyState::kProposed && !remedy.approval_limit.empty();
    Exactly(waits || !remedy.approved_by.empty(), "given in spite of " + number + ", by one alone");
  }
}

// Once for an entry that bears on the case, and once more where it came to wait after that; what
// waits goes where such cases go.
void Checker::CaseStep::operator()(const CaseRestricted& e) {
  const std::vector<const EntryBook*> entries = Entries();
  const auto bears = std::find_if(entries.begin(), entries.end(), [&](const EntryBook* entry) {
    return entry->row.id == e.restriction.entry_id;
  });
  Exactly(bears != entries.end(), "by an entry that does not hold there");
  Exactly((*bears)->kind == e.restriction.kind, "by an entry of another kind");
  for (const CaseRestriction& known : c_.restrictions) {
    const bool waits_now = !known.routed && e.restriction.routed && c_.owner.empty();
    Exactly(known.entry_id != e.restriction.entry_id || waits_now, "noted twice");
  }
  if (e.queue_id.empty()) return;
  Exactly(c_.owner.empty(), "taken from whoever has it");
  Exactly(
      std::any_of(entries.begin(), entries.end(),
                  [&](const EntryBook* entry) { return entry->effects.queue_id == e.queue_id; }),
      "sent where no entry says");
  ChangesHands({}, e.queue_id);
}

// ---- Other verbs

void Checker::CaseStep::operator()(const ExtensionRecorded& e) {
  const Extension& extension = e.extension;
  const auto known = std::find_if(c_.extensions.begin(), c_.extensions.end(),
                                  [&](const Extension& each) { return each.id == extension.id; });
  Exactly(extension.clock != ClockKind::kExternalDeadline, "nobody can extend that clock");
  if (known != c_.extensions.end()) {
    Exactly(known->state == ExtensionState::kRequested, "decided twice");
    Exactly(extension.decided_by != extension.requested_by, "decided by who asked");
    return Take(C::kDecideExtension);
  }
  const auto standing =
      std::count_if(c_.extensions.begin(), c_.extensions.end(), [&](const Extension& each) {
        return each.clock == extension.clock && each.generation == extension.generation &&
               each.state != ExtensionState::kRefused;
      });
  Exactly(standing < revision().lifecycle.max_extensions, "asked for beyond the limit");
  Take(C::kExtend);
}

void Checker::CaseStep::operator()(const VerificationRecorded& e) {
  const Verification& v = e.verification;
  Exactly(caller_.principal != c_.owner, "verified by the owner");
  Exactly(caller_.principal != c_.resolved_by, "verified by whoever resolved it");
  Take(C::kVerify, v.contacted && v.solved && v.accepted);
}

void Checker::CaseStep::operator()(const CaseEscalated& e) {
  if (!by_tier_) Take(C::kEscalate);
  Exactly(e.level == c_.escalation_level + 1, "not one level up");
  const auto managers = ManagersOf(revision(), c_.details.org_unit_id);
  const auto level = static_cast<size_t>(c_.escalation_level);
  const std::string whom = level < managers.size() ? managers[level] : "role:manager";
  Exactly(e.to == std::vector<std::string>{whom}, "another one is told than " + whom);
}

void Checker::CaseStep::operator()(const PriorityChanged& e) {
  if (by_tier_) {
    Exactly(e.rank == c_.priority_rank - 1 && e.rank >= 1, "not one rank up");
  } else {  // a red line, or what a case that begins is given
    Exactly(e.rank >= 1 && e.rank < c_.priority_rank, "not up");
    const bool severe = std::holds_alternative<SubmitResponse>(command_) || book_.begun;
    Exactly(severe, "neither a tier nor a red line raises it");
  }
  Exactly(revision().priorities[static_cast<size_t>(e.rank) - 1].id == e.priority, "another name");
}

void Checker::CaseStep::operator()(const CaseMoved&) {
  // A case that was migrated into standing has no pause that could end.
  if (VerbOf<ResumeCase>(command_) != nullptr) {
    return Take(C::kResume, c_.contacted_at.has_value());
  }
  Take(C::kMove, true, Verb<MoveCase>().status);
}

void Checker::CaseStep::operator()(const PauseStarted& e) {
  if (VerbOf<PauseCase>(command_) != nullptr) Take(C::kPause);
  Exactly(book_.pauses.empty() || book_.pauses.back().resumed_at, "a second pause at once");
  Exactly(e.pause.paused_at == now_ && e.pause.owner == c_.owner, "not of now and the owner");
  Exactly(!e.pause.reason.empty(), "without a reason");
  book_.pauses.push_back(e.pause);
}

void Checker::CaseStep::operator()(const PauseEnded&) {
  if (VerbOf<ResumeCase>(command_) != nullptr && event_.status != c_.status) {
    Take(C::kResume, c_.contacted_at.has_value());
  }
  Exactly(!book_.pauses.empty() && !book_.pauses.back().resumed_at, "no pause lasts");
  book_.pauses.back().resumed_at = now_;
}

void Checker::CaseStep::operator()(const ClockStarted& e) {
  std::optional<Timestamp> due;
  if (e.clock.kind == ClockKind::kCommitment) {
    Exactly(!c_.commitments.empty(), "no promise was made");
    due = c_.commitments.back().due_at;
    for (const Commitment& each : c_.commitments) {  // several may come with another case
      if (each.due_at == e.clock.due_at && each.state == CommitmentState::kPending) {
        due = each.due_at;
      }
    }
  }
  if (e.clock.kind == ClockKind::kExternalDeadline) due = c_.details.external_authority.due_at;
  Start(e.clock, Fresh(c_, e.clock.kind, due));
  ClockBook& clock = book_.clocks.back();
  ExpectNext(clock, e.timer_due);
  Rearm(clock, TimerState::kCancelled, e.clock.timer, e.timer_due);
}

void Checker::CaseStep::operator()(const ClockPaused& e) {
  ClockBook& clock = ClockOf(e.kind, e.generation);
  Exactly(clock.state == ClockState::kRunning && event_.occurred_at == now_, "it does not run");
  ExpectElapsed(clock, ElapsedAt(clock, now_), e.elapsed);
  NoteBreach(clock, now_);
  Stop(clock, now_);
  clock.state = ClockState::kPaused;
  clock.due.reset();
  clock.elapsed = e.elapsed;
  clock.paused_at = now_;
  Rearm(clock, TimerState::kCancelled, 0, std::nullopt);
}

void Checker::CaseStep::operator()(const ClockResumed& e) {
  ClockBook& clock = ClockOf(e.kind, e.generation);
  const bool counts_on =
      !IsLive(clock) && clock.kind == ClockKind::kTotalResolution && clock.ended_at;
  Exactly(clock.state == ClockState::kPaused || counts_on, "it does not stand");
  const auto since = counts_on ? clock.ended_at : clock.paused_at;
  if (now_ > *since) clock.stood += now_ - *since;
  clock.state = ClockState::kRunning;
  clock.counted_from = now_;
  clock.paused_at.reset();
  clock.ended_at.reset();
  clock.due = DueOf(clock);
  ExpectDue(clock, e.due_at);
  ExpectNext(clock, e.timer_due);
  Rearm(clock, TimerState::kCancelled, e.timer, e.timer_due);
}

void Checker::CaseStep::operator()(const ClockEnded& e) {
  ClockBook& clock = ClockOf(e.kind, e.generation);
  const Timestamp at = event_.occurred_at;
  Exactly(IsLive(clock), "it is over already");
  ExpectElapsed(clock, ElapsedAt(clock, at), e.elapsed);
  if (e.kind == ClockKind::kResurvey && e.state == ClockState::kMet) {
    Exactly(clock.due && *clock.due <= now_, "the customer is asked early");
    Exactly(!checker_.held_, "a timer fires while timers are held");
  }
  if (e.kind != ClockKind::kResurvey) NoteBreach(clock, at);
  Stop(clock, at);
  if (clock.paused_at && at > *clock.paused_at) clock.stood += at - *clock.paused_at;
  clock.paused_at.reset();
  clock.state = e.state;
  clock.elapsed = e.elapsed;
  clock.ended_at = at;
  const bool met = e.state == ClockState::kMet;
  if (met && clock.breached_at && at <= *clock.breached_at) clock.breached_at.reset();
  const TimerState by = e.kind == ClockKind::kResurvey ? TimerState::kFired : TimerState::kMet;
  Rearm(clock, met ? by : TimerState::kCancelled, 0, std::nullopt);
}

// What must follow the crossing at once, in this order.
void Checker::CaseStep::ExpectActions(const Tier& tier) {
  for (const TierAction action : tier.actions) {
    const bool raises =
        c_.priority_rank > 1 && c_.priority_rank <= std::ssize(revision().priorities);
    if (action == TierAction::kRaisePriority && raises)
      book_.actions.push_back({"PriorityChanged"});
    if (action == TierAction::kReassign) {
      book_.actions.push_back({"CaseAssigned", tier.queue_id});
    }
    if (action == TierAction::kEscalate) book_.actions.push_back({"CaseEscalated"});
  }
}

void Checker::CaseStep::operator()(const TierCrossed& e) {
  ClockBook& clock = ClockOf(e.kind, e.generation);
  const std::string name = ClockText(e.kind, e.generation) + ' ' + e.tier;
  Exactly(!checker_.held_, name + " is crossed while timers are held");
  Exactly(clock.state == ClockState::kRunning, name + " is crossed by a clock that does not run");
  const std::vector<Tier> tiers = TiersOf(revision(), clock);
  const auto tier =
      std::find_if(tiers.begin(), tiers.end(), [&](const Tier& each) { return each.id == e.tier; });
  Exactly(tier != tiers.end(), name + " is no tier of its definition");
  Exactly(!IsCrossed(clock, *tier), name + " is crossed twice");
  const auto at = TierTimeOf(clock, *tier);
  Exactly(at && *at <= Until(), fmt::format("{} is crossed early: due {}", name, TimeText(at)));
  Exactly(*at == e.due_at, fmt::format("{} due {} by the minutes, {} by the event", name,
                                       TimeText(at), TimeText(e.due_at)));
  bool overtaken = false;
  for (const Tier& other : tiers) {
    if (IsCrossed(clock, other) || other.id == e.tier) continue;
    const auto when = TierTimeOf(clock, other);
    Exactly(!when || *when >= *at, name + " is crossed before an earlier tier");
    overtaken |= when && *when <= Until() && *when > *at;
  }
  Exactly(e.overtaken == overtaken, name + ": overtaken or not, the minutes differ");
  Exactly(e.breach == IsDue(*tier), name + ": a breach or not");
  const bool tells = std::find(tier->actions.begin(), tier->actions.end(), TierAction::kNotify) !=
                     tier->actions.end();
  const auto whom = tells && !overtaken ? RecipientsOf(revision(), Today(), c_, *tier, now_)
                                        : std::vector<std::string>{};
  Exactly(e.notify == whom, name + ": others are told than its definition says");
  if (!overtaken) ExpectActions(*tier);
  clock.crossed.push_back(e.tier);
  if (e.breach) clock.breached_at = std::min(clock.breached_at.value_or(e.due_at), e.due_at);
  ExpectNext(clock, e.timer_due);
  Rearm(clock, TimerState::kFired, e.timer, e.timer_due);
}

void Checker::CaseStep::ExpectNothingDue() {
  if (ByTimer() || checker_.held_) return;
  for (const auto& [key, timer] : book_.timers) {
    const bool waits = timer.kind == TimerKind::kAlert && timer.state == TimerState::kPending;
    Exactly(!waits || timer.due_at > Until(), "an alert was overdue and is not told before it");
  }
  for (const ClockBook& clock : book_.clocks) {
    if (clock.state != ClockState::kRunning || clock.kind == ClockKind::kResurvey) continue;
    for (const Tier& tier : TiersOf(revision(), clock)) {
      if (IsCrossed(clock, tier)) continue;
      const auto at = TierTimeOf(clock, tier);
      Exactly(!at || *at > Until(),
              fmt::format("{} {} was due {} and is not crossed before it",
                          ClockText(clock.kind, clock.generation), tier.id, TimeText(at)));
    }
  }
}

void Checker::CaseStep::operator()(const ClockMoved& e) {
  ClockBook& clock = ClockOf(e.kind, e.generation);
  // An ended total resolution may count on later.
  Exactly(IsLive(clock) || clock.kind == ClockKind::kTotalResolution, "it is over already");
  const bool running = clock.state == ClockState::kRunning;
  ClockBook moved = clock;
  int64_t elapsed = *ElapsedAt(clock, now_);
  if (e.cause == ClockMoveCause::kExtension) {
    const auto& verb = Verb<DecideExtension>();
    const auto known = std::find_if(c_.extensions.begin(), c_.extensions.end(),
                                    [&](const Extension& each) { return each.id == verb.id; });
    Exactly(known != c_.extensions.end() && verb.grant, "nobody granted it");
    moved.limit.amount += known->amount;
    moved.extended += known->amount;
  } else {
    Exactly(e.cause == ClockMoveCause::kRevision, "for another cause");
    Exactly(!clock.definition.empty(), "the configuration did not set it");
    Stop(moved, now_);
    Redefine(clock, &moved, &elapsed);
    moved.elapsed = elapsed;
    moved.counted_from = now_;
  }
  Exactly(e.limit == moved.limit && e.definition == moved.definition &&
              e.calendar_id == moved.calendar_id && e.calendar_version == moved.calendar_version,
          fmt::format("{} has another limit than revision {} says", ClockText(e.kind, e.generation),
                      c_.revision));
  ExpectElapsed(moved, elapsed, e.elapsed);
  clock = std::move(moved);
  if (running) {
    clock.due = DueOf(clock);
    ExpectDue(clock, e.due_at);
    ExpectNext(clock, e.timer_due);
  }
  Rearm(clock, TimerState::kCancelled, e.timer, e.timer_due);
}

// What another revision makes of a clock, and how much of it has elapsed by the new count.
void Checker::CaseStep::Redefine(const ClockBook& clock, ClockBook* moved, int64_t* elapsed) const {
  const ClockDefinition* after = DefinitionOf(revision(), clock.definition);
  if (after == nullptr || after->kind != clock.kind) {
    after = ChosenOf(revision(), clock.kind, c_);
  }
  if (IsGiven(clock.kind)) {
    moved->definition = after == nullptr ? "" : after->id;
    return;
  }
  Exactly(after != nullptr, "nothing sets it another limit");
  const bool same_unit = InDays(clock.limit.count) == InDays(after->limit.count);
  const Revision& before = checker_.revisions_.at(book_.migrated_from)->revision;
  if (!same_unit || DefinitionOf(before, clock.definition) == nullptr) moved->extended = 0;
  moved->definition = after->id;
  moved->met_by = after->met_by;
  moved->limit = after->limit;
  moved->limit.amount += moved->extended;
  moved->calendar_id = after->calendar_id;
  moved->calendar_version = 0;
  moved->timeline = nullptr;
  if (!after->calendar_id.empty()) {
    moved->timeline = &checker_.Of(c_).timelines.at(after->calendar_id);
    for (const Calendar& calendar : revision().calendars) {
      if (calendar.id == after->calendar_id) moved->calendar_version = calendar.version;
    }
  }
  if (same_unit) return;
  // What ran, in the other count; what stood stays credited.
  *elapsed = 0;
  for (const ClockBook::Stretch& stretch : moved->stretches) {
    *elapsed += Counted(*moved, stretch.from, stretch.to);
  }
}

void Checker::CaseStep::operator()(const CaseMigrated& e) {
  const auto& verb = Verb<MigrateCase>();
  Exactly(e.from_revision == c_.revision, "it followed another revision");
  Exactly(e.revision == (verb.revision == 0 ? checker_.deciding_ : verb.revision),
          "nobody asked for that revision");
  book_.migrated_from = e.from_revision;
  Exactly(checker_.revisions_.contains(e.revision), "there is no such revision");
  const Revision& to = checker_.revisions_.at(e.revision)->revision;
  if (StatusOf(to.lifecycle, c_.status) == nullptr) status_ = verb.status;
  std::vector<std::string> chosen = ChoiceOf(to, c_);
  for (std::string& id : chosen) {
    const ClockDefinition* kept = ChosenOf(to, DefinitionOf(to, id)->kind, c_);
    if (kept != nullptr) id = kept->id;
  }
  Exactly(e.clock_definitions == chosen, "other clocks are chosen than the old or the first");
}

// ---- Remedies, merging, rulings, alerts, hold-outs

void Checker::CaseStep::operator()(const RemedyRecorded& e) {
  Take(C::kRemedy, Given(e.remedy));
  const Remedy& remedy = e.remedy;
  const auto known = std::find_if(c_.remedies.begin(), c_.remedies.end(),
                                  [&](const Remedy& each) { return each.id == remedy.id; });
  CheckRestricted(remedy, known == c_.remedies.end() ? nullptr : &*known);
  const int64_t before = known == c_.remedies.end() ? -1 : known->amount.amount_minor;
  if (!Counts(remedy)) return;
  const bool beyond_proposal =
      remedy.state != RemedyState::kProposed && remedy.state != RemedyState::kApproved;
  if (beyond_proposal && !remedy.approval_limit.empty()) {
    Exactly(!remedy.approved_by.empty(), "given before somebody else approved it");
  }
  if (!remedy.approved_by.empty()) {
    Exactly(remedy.approved_by != remedy.actor, "approved by who proposed it");
    if (remedy.state == RemedyState::kApproved) ++checker_.seen_["remedy approved"];
    const RemedyStep* asked = nullptr;
    for (const RemedyStep& step : remedy.steps) {
      if (step.state == RemedyState::kProposed) asked = &step;
    }
    Exactly(asked == nullptr || asked->actor != remedy.approved_by, "approved by who asked for it");
  }
  if (remedy.amount.amount_minor <= before || remedy.amount.amount_minor == 0) return;
  // More is asked for than before: the ledger, counted anew from every case.
  for (const RemedyLimit& limit : revision().remedy_limits) {
    const bool of_customer = limit.per == RemedyLimit::Per::kCustomer;
    int64_t sum = 0;
    if (limit.per != RemedyLimit::Per::kRemedy) {
      sum = SumOf(c_, remedy, of_customer ? limit.window : Duration{0});
    }
    if (of_customer && !c_.customer_id.empty()) {
      sum = 0;
      for (const auto& [id, other] : checker_.books_) {
        if (checker_.ledger_.IsSamePerson(other.c.customer_id, c_.customer_id)) {
          sum += SumOf(other.c, remedy, limit.window);
        }
      }
    }
    sum += remedy.amount.amount_minor;
    if (sum <= *limit.amount) continue;
    const bool binds = limit.roles.empty() || std::find(limit.roles.begin(), limit.roles.end(),
                                                        caller_.role) != limit.roles.end();
    if (!binds) continue;
    Exactly(limit.beyond != RemedyLimit::Beyond::kRefused,
            fmt::format("{} minor units in all, {} allows {}", sum, limit.id, *limit.amount));
    Exactly(!beyond_proposal || !remedy.approved_by.empty(),
            fmt::format("{} minor units alone, {} allows {}", sum, limit.id, *limit.amount));
  }
}

// What counts on the case, but for `remedy` itself.
int64_t Checker::CaseStep::SumOf(const Case& c, const Remedy& remedy, Duration window) const {
  int64_t sum = 0;
  for (const Remedy& each : c.remedies) {
    const bool over = window > Duration{0} && each.occurred_at < now_ - window;
    if (each.id != remedy.id && Counts(each) && !over) sum += each.amount.amount_minor;
  }
  return sum;
}

void Checker::CaseStep::operator()(const CaseMerged& e) {
  Take(C::kMerge);
  Exactly(c_.merged_into.empty(), "merged twice");
  Exactly(e.into != c_.id, "merged into itself");
  const CaseBook* into = checker_.Find(e.into);
  Exactly(into != nullptr, "merged into nothing");
  Exactly(into->c.phase != Phase::kClosed, "merged into a case that is closed");
  Exactly(
      c_.customer_id.empty() || checker_.ledger_.IsSamePerson(c_.customer_id, into->c.customer_id),
      "merged into the case of somebody else");
}

void Checker::CaseStep::operator()(const CaseAbsorbed& e) {
  Verb<MergeCase>();
  const CaseBook* merged = checker_.Find(e.case_id);
  Exactly(merged != nullptr && merged->c.merged_into == c_.id, "it was not merged into this one");
  Exactly(e.depth > merged->c.merge_depth && e.depth >= c_.merge_depth, "less deep than before");
  Exactly(e.response_ids.size() == AnswersOf(merged->c).size(), "other answers than it had");
}

void Checker::CaseStep::operator()(const CaseUnmerged& e) {
  Take(C::kUnmerge);
  Exactly(!c_.merged_into.empty() && e.from == c_.merged_into, "it was not merged there");
}

void Checker::CaseStep::operator()(const CaseSeparated& e) {
  Verb<UnmergeCase>();
  // From the one it was merged into, and from those that this one went on in.
  for (const ResponseId& id : e.response_ids) {
    Exactly(std::find(c_.attached_response_ids.begin(), c_.attached_response_ids.end(), id) !=
                c_.attached_response_ids.end(),
            "an answer goes that was not here");
  }
}

void Checker::CaseStep::operator()(const VerdictRecorded& e) {
  const Verdict& verdict = e.verdict;
  const auto known = std::find_if(c_.verdicts.begin(), c_.verdicts.end(),
                                  [&](const Verdict& each) { return each.id == verdict.id; });
  Exactly(!verdict.evidence.empty(), "without evidence");
  if (known == c_.verdicts.end()) {
    const bool waits = std::any_of(c_.verdicts.begin(), c_.verdicts.end(), [](const Verdict& v) {
      return v.state == VerdictState::kProposed;
    });
    Exactly(!waits, "a second one is proposed at once");
    return Take(C::kProposeVerdict);
  }
  Exactly(known->state == VerdictState::kProposed, "decided twice");
  Exactly(verdict.decided_by != verdict.proposed_by, "decided by who proposed it");
  Exactly(verdict.decided_by != c_.owner, "decided by the owner");
  const bool ends =
      verdict.state == VerdictState::kGranted && verdict.kind != VerdictKind::kMisScored;
  const StatusDef* status = StatusOf(revision().lifecycle, c_.status);
  if (ends && !status->handling_done) return;  // the status is CaseResolved's, which follows
  Take(C::kDecideVerdict, ends);
}

void Checker::CaseStep::operator()(const FindingRecorded& e) {
  const Finding& finding = e.finding;
  if (finding.appeal == AppealState::kUnset) {
    Exactly(e.index == std::ssize(c_.findings), "a finding takes the place of another");
    return;
  }
  Exactly(e.index + 1 == std::ssize(c_.findings), "an appeal against another than the last");
  Exactly(finding.appealed_by != finding.found_by, "appealed against by who found it");
  Exactly(*finding.appealed_at <= *finding.appeal_until, "appealed against too late");
  if (finding.appeal == AppealState::kMade) return;
  Exactly(finding.decided_by != finding.found_by && finding.decided_by != finding.appealed_by,
          "the appeal is decided by one of the two");
}

void Checker::CaseStep::operator()(const AlertRaised& e) {
  const Alert& alert = e.alert;
  const auto rule = std::find_if(revision().alerts.begin(), revision().alerts.end(),
                                 [&](const AlertRule& each) { return each.id == alert.rule_id; });
  const auto expected = std::find(book_.alerts.begin(), book_.alerts.end(), alert.rule_id);
  if (expected != book_.alerts.end()) book_.alerts.erase(expected);
  // An answer that is attached raises those of the revision in force.
  if (rule != revision().alerts.end()) {
    Exactly(alert.red_line == rule->red_line, "a red line, or not");
  }
  Exactly(!alert.red_line || e.severity == 5, "a red line leaves the severity as it was");
  Exactly(!alert.notify.empty(), "nobody is told");
  if (alert.timer != 0) SetTimer(TimerKind::kAlert, alert.timer, *alert.due_at);
  Exactly(alert.due_at.has_value() == (alert.timer != 0), "no timer for its acknowledgement");
}

void Checker::CaseStep::operator()(const AlertAcknowledged& e) {
  Verb<AcknowledgeAlert>();
  EndAlert(e.id, TimerState::kMet);
}

void Checker::CaseStep::operator()(const AlertOverdue& e) {
  Exactly(!checker_.held_, "a timer fires while timers are held");
  Exactly(!e.notify.empty(), "nobody is told");
  EndAlert(e.id, TimerState::kFired);
}

void Checker::CaseStep::EndAlert(const AlertId& id, TimerState state) {
  const auto alert = std::find_if(c_.alerts.begin(), c_.alerts.end(),
                                  [&](const Alert& each) { return each.id == id; });
  Exactly(alert != c_.alerts.end(), "there is no such alert");
  Exactly(!alert->acknowledged_at, "acknowledged already");
  if (alert->timer == 0) return Exactly(state == TimerState::kMet, "overdue twice");
  Timer& timer = book_.timers.at({TimerKind::kAlert, alert->timer});
  Exactly(timer.state == TimerState::kPending, "its timer is over already");
  Exactly(state == TimerState::kMet || timer.due_at <= Until(), "overdue early");
  timer.state = state;
  timer.ended_at = event_.occurred_at;
}

void Checker::CaseStep::operator()(const CaseBegun& e) {
  Exactly(c_.held, "it was not held back");
  book_.begun = true;
  Exactly(e.clock_definitions == ChoiceOf(revision(), c_), "other clocks are chosen");
  Exactly(!e.queue_id.empty(), "without a queue");
  if (e.reason == "reopened" || VerbOf<MigrateCase>(command_) != nullptr) return;
  if (e.reason == "delayed_start") {
    Exactly(c_.arm == Arm::kDelayedStart && ByTimer(), "nothing was delayed");
  }
  Take(C::kBegin);
}

// ---- The whole

const CaseBook* Checker::Find(const CaseId& id) const {
  const auto found = books_.find(id);
  return found == books_.end() ? nullptr : &found->second;
}

void Checker::Observe(MemoryStore& store, const std::vector<Record>& records, Timestamp now) {
  now_ = now;
  deciding_ = in_force_;  // one applied by a batch is in force from the next one on
  std::vector<Event> events;
  store.Read([&](Reader& reader) {
    reader.ScanEvents(last_sequence_, [&](const RawEvent& raw) {
      if (!raw.texts_match) Fail(raw.event.case_id, "a text is not what was committed to");
      events.push_back(raw.event);
    });
  });
  size_t next = 0;
  for (const Record& record : records) {
    std::vector<Event> own;
    for (; next < events.size() && events[next].sequence <= record.last; ++next) {
      own.push_back(std::move(events[next]));
    }
    Judge(record, own);
  }
  if (next != events.size()) Fail(events[next].case_id, "an event that no command made");
  store.Read([&](Reader& reader) {
    for (const CaseId& id : touched_) CompareRow(books_.at(id), reader.GetCase(id));
    for (const BlacklistEntryId& id : touched_entries_) {
      ledger_.CompareRow(id, reader.GetEntry(id));
    }
  });
  touched_.clear();
  touched_entries_.clear();
  CheckOutbox(store);
}

void Checker::Judge(const Record& record, const std::vector<Event>& events) {
  const Caller& caller = record.request->work.caller;
  const Command& command = CommandIn(record);
  const CaseBook* book = nullptr;
  if (const auto* work = std::get_if<WorkCase>(&command)) book = Find(work->ref.id);
  const CaseId about = book == nullptr ? CaseId{} : book->c.id;

  const auto stored = requests_.find(caller.request_id);
  const bool known = !caller.request_id.empty() && stored != requests_.end();
  const auto* submit = std::get_if<SubmitResponse>(&command);
  const auto key = submit == nullptr || submit->response.external_key.empty()
                       ? response_keys_.end()
                       : response_keys_.find(submit->response.external_key);
  if (known || key != response_keys_.end()) {
    ++seen_["repeated"];
    const RawId resource = known ? stored->second.resource : IdCast<RawId>(key->second);
    if (!events.empty()) Fail(about, "a repeated request has a second effect");
    if (!record.result) {
      Fail(about,
           fmt::format("a repeated request is refused: {}", Name(record.result.error().reason)));
    }
    if (!record.result->replayed || ResourceOf(*record.result) != resource) {
      Fail(about, "a repeated request answers with another resource");
    }
    return;
  }
  if (!record.result) {
    ++seen_[std::string(Name(record.result.error().reason))];
    if (!events.empty()) Fail(about, "a refusal leaves a trace");
    JudgeRestricted(record, book);
    if (book != nullptr) JudgeRefusal(record, book);
    return;
  }
  // A behaviour is known by its key, too.
  const auto* did = std::get_if<RecordBehaviour>(&command);
  const bool noted = did != nullptr && FindBehaviour(customers_.at(record.result->customer->id),
                                                     did->behaviour.external_key) != nullptr;
  if (record.result->replayed != noted) {
    Fail(about, noted ? "a behaviour that is recorded already is taken for a new one"
                      : "a new request is taken for a repeat");
  }
  if (noted && !events.empty()) Fail(about, "a behaviour that is recorded already has an effect");
  if (book != nullptr) {
    const auto& work = std::get<WorkCase>(command);
    if (work.expected_version && *work.expected_version != book->c.version) {
      Fail(about, "done on a version that the caller did not see");
    }
    if (work.expected_lease && *work.expected_lease != book->c.lease_number) {
      Fail(about, "done under a lease that is over");
    }
  }
  std::set<CaseId> cases;
  due_checked_ = false;
  for (const Event& event : events) {
    Take(record, event);
    if (!event.case_id.empty()) cases.insert(event.case_id);
  }
  // Who gives up a slot comes before who takes it.
  for (const bool holding : {false, true}) {
    for (const CaseId& id : cases) {
      if (books_.at(id).c.holds_dedupe_slot == holding) EndOfCommand(record, books_.at(id), events);
    }
  }
  touched_.insert(cases.begin(), cases.end());
  if (VerbOf<FireTimers>(command) != nullptr && book != nullptr) CheckOverdue(*book, now_);

  JudgeEntry(record, events);

  // What the caller was told is on record.
  const Outcome& outcome = *record.result;
  if (outcome.subject) {
    const CaseBook* told = Find(outcome.subject->id);
    if (told == nullptr || told->c.version != outcome.subject->version) {
      Fail(outcome.subject->id, "acknowledged, but not in the event log");
    }
  }
  if (outcome.response && !responses_.contains(outcome.response->id)) {
    Fail(outcome.response->paired_case_id, "acknowledged, but not in the event log");
  }
  if (outcome.customer) {
    const auto told = customers_.find(outcome.customer->id);
    if (told == customers_.end() || told->second.version != outcome.customer->version) {
      Fail(about, "acknowledged, but not in the event log");
    }
  }
  if (outcome.applied && outcome.applied->number != in_force_) {
    Fail(about, "a revision was acknowledged, but is not in the event log");
  }
  if (submit != nullptr) {
    const Response& response = responses_.at(outcome.response->id);
    if (response.category == Category::kDetractor && !response.customer_id.empty() &&
        response.effect == ResponseEffect::kNone) {
      Fail(about, "a detractor's answer leads to no case");
    }
    if (!submit->response.external_key.empty()) {
      response_keys_.emplace(submit->response.external_key, response.id);
    }
  }
  if (!caller.request_id.empty()) {
    requests_.emplace(caller.request_id, Stored{ResourceOf(outcome), now_});
  }
}

// Entries restrict what is at our discretion, as long as they hold, and nothing else.
void Checker::JudgeRestricted(const Record& record, const CaseBook* book) {
  const Reason reason = record.result.error().reason;
  const bool blocks = reason == Reason::kBlacklistBlocks;
  if (!blocks && reason != Reason::kBlacklistNeedsApproval) return;
  if (book == nullptr) Fail(CaseId{}, "an entry keeps a customer from being heard");
  const Case& c = book->c;
  const auto* log = VerbOf<LogAttempt>(CommandIn(record));
  const auto* give = VerbOf<RecordRemedy>(CommandIn(record));
  if (log == nullptr && give == nullptr) Fail(*book, "an entry restricts what is no favour");
  std::string type;
  if (give != nullptr) {
    bool owed = give->remedy.statutory;
    type = give->remedy.type_id;
    for (const RemedyType& each : Of(c).revision.remedies) {
      if (each.id == type) owed = each.statutory;
    }
    for (const Remedy& known : c.remedies) {
      if (known.id != give->remedy.id) continue;
      owed = known.statutory;
      type = known.type_id;
    }
    if (owed) Fail(*book, "an entry keeps back what is owed by law");
  }
  const std::vector<const EntryBook*> entries = ledger_.On(c, now_);
  const bool forbidden = std::any_of(entries.begin(), entries.end(), [&](const EntryBook* entry) {
    if (give != nullptr) {
      // To offer something is to write to the customer.
      const bool inside = give->remedy.state == RemedyState::kProposed ||
                          give->remedy.state == RemedyState::kApproved;
      if (blocks && !inside && ForbidsContact(*entry, c.details.preferred_channel)) return true;
      return blocks ? ForbidsRemedy(*entry, type) : AsksApproval(*entry, type);
    }
    if (blocks) return ForbidsContact(*entry, log->attempt.channel);
    return entry->kind == BlacklistKind::kStaffSafety && log->attempt.channel == Channel::kInPerson;
  });
  if (!forbidden) {
    std::string held;
    for (const EntryBook* entry : entries) held += " " + EntryNumberText(entry->row.number);
    Fail(*book, "refused for the sake of " + record.result.error().metadata.at("entries") +
                    ", and none that holds forbids it; there hold:" + held);
  }
}

// A decision that makes an entry hold which names a queue leaves no case waiting elsewhere.
void Checker::CheckNoted(const Record& record, const BlacklistEntry& entry) {
  const auto* propose = std::get_if<ProposeEntry>(&CommandIn(record));
  const auto* work = std::get_if<WorkEntry>(&CommandIn(record));
  const auto* decide = work == nullptr ? nullptr : std::get_if<DecideEntry>(&work->verb);
  const auto* appeal = work == nullptr ? nullptr : std::get_if<DecideEntryAppeal>(&work->verb);
  const bool decides = propose != nullptr || (decide != nullptr && decide->activate) ||
                       (appeal != nullptr && !appeal->uphold);
  if (!decides || entry.kind != BlacklistKind::kStaffSafety) return;
  for (const auto& [id, book] : books_) {
    if (book.c.phase == Phase::kClosed || book.c.history) continue;
    const std::vector<const EntryBook*> entries = ledger_.On(book.c, now_);
    const bool bears = std::any_of(entries.begin(), entries.end(),
                                   [&](const EntryBook* each) { return each->row.id == entry.id; });
    if (!bears) continue;
    ++seen_["open as an entry came to hold"];
    const CaseRestriction* noted = NotedOn(book.c, entry.id);
    if (noted == nullptr) Fail(book, "an entry holds, and the case does not say so");
    const bool there = book.c.details.queue_id == entry.effects.queue_id;
    if (IsClaimable(book.c) && !noted->routed && !there) {
      Fail(book, "an entry holds, and the case stays");
    }
  }
}

// What became of the entries that the command touched.
void Checker::JudgeEntry(const Record& record, const std::vector<Event>& events) {
  for (const Event& event : events) {
    if (!event.entry_id.empty()) touched_entries_.insert(event.entry_id);
  }
  const Outcome& outcome = *record.result;
  const auto told = [&](const BlacklistEntry& entry) {
    const EntryBook* book = ledger_.Find(entry.id);
    if (book == nullptr || book->row.version != entry.version) {
      Fail(CaseId{}, "acknowledged, but not in the event log");
    }
  };
  if (outcome.entry) told(*outcome.entry);
  for (const BlacklistEntry& entry : outcome.entries) told(entry);
  if (outcome.entry) CheckNoted(record, *outcome.entry);
  const auto* work = std::get_if<WorkEntry>(&CommandIn(record));
  if (work == nullptr) return;
  if (!outcome.entry) Fail(CaseId{}, "acknowledged without the entry");
  const bool stale = work->expected_version &&
                     *work->expected_version + std::count_if(events.begin(), events.end(),
                                                             [](const Event& event) {
                                                               return !event.entry_id.empty();
                                                             }) !=
                         outcome.entry->version;
  if (stale) Fail(CaseId{}, "done on a version of the entry that the caller did not see");
  if (!held_) ledger_.EndOfCommand(work->ref.id, now_);
}

void Checker::JudgeRefusal(const Record& record, const CaseBook* book) {
  const auto& work = std::get<WorkCase>(CommandIn(record));
  const Case& c = book->c;
  const Reason reason = record.result.error().reason;
  const auto expect = [&](bool should, Reason why) {
    if (should == (reason == why)) return;
    Fail(*book, fmt::format("{}: refused as {}, which is {}expected", record.request->what,
                            Name(reason), should ? "not what is " : "not "));
  };
  const bool stale = work.expected_version && *work.expected_version != c.version;
  expect(stale, Reason::kEtagMismatch);
  if (stale || reason == Reason::kRequestIdReused) return;
  const bool lost = work.expected_lease && *work.expected_lease != c.lease_number;
  // A tier that was due may have taken the case away first.
  const bool due =
      std::any_of(book->clocks.begin(), book->clocks.end(), [&](const ClockBook& each) {
        if (each.state != ClockState::kRunning) return false;
        const auto next = NextOf(Of(c).revision, each);
        return next && *next <= now_;
      });
  if (due && work.expected_lease && reason == Reason::kLeaseLost) return;
  expect(lost, Reason::kLeaseLost);
  if (lost) return;
  const auto command = std::visit(CommandOf{}, work.verb);
  if (!command) {
    if (VerbOf<FireTimers>(CommandIn(record)) != nullptr) {
      Fail(*book, fmt::format("its timers cannot be fired: {}", Name(reason)));
    }
    return;
  }
  // Found before the transition is looked for.
  if (reason == Reason::kMergeIntoItself || reason == Reason::kMergeTargetClosed ||
      reason == Reason::kMergeMismatch || reason == Reason::kMergeTargetHeldOut ||
      reason == Reason::kNotFound) {
    return;
  }
  if (*command == C::kBegin) {
    expect(!c.held, Reason::kCaseNotHeldOut);
    if (!c.held) return;
  }
  if (*command == C::kUnmerge && reason == Reason::kNotMerged) {
    return expect(c.merged_into.empty(), Reason::kNotMerged);
  }
  if (IsBlocked(c, *command)) return expect(true, Reason::kTransitionNotAllowed);
  const auto* move = std::get_if<MoveCase>(&work.verb);
  if (reason == Reason::kStatusUnknown) {
    if (move == nullptr || StatusOf(Of(c).revision.lifecycle, move->status) != nullptr) {
      Fail(*book, "refused for a status that there is");
    }
    return;
  }
  const Transition* way =
      WayOf(Of(c).revision.lifecycle, c.status, *command, move == nullptr ? "" : move->status);
  if (*command != C::kRemedy || way == nullptr) {
    expect(way == nullptr, Reason::kTransitionNotAllowed);
  }
  if (way == nullptr) return;
  const std::string& role = record.request->work.caller.role;
  const bool may = role.empty() || way->roles.empty() ||
                   std::find(way->roles.begin(), way->roles.end(), role) != way->roles.end();
  expect(!may, Reason::kTransitionRoleNotAllowed);
  if (reason == Reason::kReturnLimitReached) {
    expect(c.return_count >= Of(c).revision.lifecycle.max_returns, reason);
  }
  if (reason == Reason::kCaseIncomplete) expect(!way->requires_fields.empty(), reason);
}

void Checker::Take(const Record& record, const Event& event) {
  const Caller& caller = record.request->work.caller;
  const auto wrong = [&](const std::string& what) {
    Fail(event.case_id,
         fmt::format("event {} ({}): {}", event.sequence, TypeName(event.body), what));
  };
  ++seen_[std::string(TypeName(event.body))];
  if (event.sequence <= last_sequence_) wrong("the sequence does not rise");
  last_sequence_ = event.sequence;
  if (event.recorded_at < last_recorded_) wrong("recorded before its predecessor");
  last_recorded_ = event.recorded_at;
  if (event.occurred_at > event.recorded_at) wrong("it happens after it is recorded");
  bool by_tier = std::holds_alternative<TierCrossed>(event.body) ||
                 std::holds_alternative<AlertOverdue>(event.body);
  // Who has the case and what waits for that is the system's doing; that a lease is met is not.
  const auto* given = std::get_if<CaseAssigned>(&event.body);
  const auto* taken = std::get_if<CaseReturned>(&event.body);
  const auto* set = std::get_if<TimerSet>(&event.body);
  const auto* ended = std::get_if<TimerEnded>(&event.body);
  const auto routes = [](TimerKind kind) {
    return kind == TimerKind::kReturn || kind == TimerKind::kHandOver || kind == TimerKind::kStep ||
           kind == TimerKind::kOffer;
  };
  const bool by_plan = std::holds_alternative<StepStarted>(event.body) ||
                       std::holds_alternative<StepOverdue>(event.body) ||
                       std::holds_alternative<MessageSent>(event.body);
  // What time brings to an entry, and what rules propose.
  const auto* notified = std::get_if<EntryNotified>(&event.body);
  // Whoever decides on an entry does nothing on the cases that it sends elsewhere.
  const bool on_entry = std::holds_alternative<ProposeEntry>(CommandIn(record)) ||
                        std::holds_alternative<WorkEntry>(CommandIn(record));
  const bool by_entry =
      std::holds_alternative<CaseRestricted>(event.body) || (on_entry && !event.case_id.empty()) ||
      std::holds_alternative<EntryLapsed>(event.body) ||
      (notified != nullptr &&
       (!notified->notify.empty() || notified->notice == BlacklistNotice::kLapsed)) ||
      (std::holds_alternative<EntryProposed>(event.body) &&
       std::holds_alternative<ProposeByRules>(CommandIn(record)));
  const bool by_system = by_plan || by_entry || std::holds_alternative<AlertRaised>(event.body) ||
                         (given != nullptr && !given->reason.empty()) ||
                         (taken != nullptr && taken->by_system) ||
                         (set != nullptr && routes(set->kind));
  // One that is met or stops with the case is the caller's doing, another the system's.
  const bool by_either =
      (ended != nullptr && routes(ended->kind)) || std::holds_alternative<StepEnded>(event.body);

  if (!event.case_id.empty()) {
    const bool opens = std::holds_alternative<CaseOpened>(event.body);
    const bool fresh = !books_.contains(event.case_id);
    if (opens != fresh) wrong(opens ? "opened twice" : "there is no such case");
    CaseBook& book = books_[event.case_id];
    if (fresh) book.c.id = event.case_id;
    const Phase before = book.c.phase;
    if (!book.actions.empty()) {
      const auto* assigned = std::get_if<CaseAssigned>(&event.body);
      const CaseBook::Action& action = book.actions.front();
      const bool follows =
          TypeName(event.body) == action.what &&
          (assigned == nullptr || (assigned->owner.empty() && assigned->queue_id == action.queue));
      if (!follows) wrong("a tier was crossed without " + action.what);
      book.actions.erase(book.actions.begin());
      by_tier = true;
    }
    CaseStep step(*this, record, book, event, by_tier);
    const bool by_hand = std::holds_alternative<WorkCase>(CommandIn(record)) ||
                         std::holds_alternative<ClaimNext>(CommandIn(record));
    const bool aside = by_tier || by_system || (by_either && event.actor == "system");
    if (by_hand && !aside && !due_checked_) {
      due_checked_ = true;
      step.ExpectNothingDue();
    }
    std::visit(step, event.body);
    if (step.status() != event.status) {
      wrong(fmt::format("illegal transition from {} to {}, the lifecycle leads to {}",
                        book.c.status, event.status, step.status()));
    }
    if (Tells(event.body)) {
      if (before == Phase::kClosed) wrong("a closed case sends a message");
      messages_.emplace_back(event.sequence, event.case_id);
    }
    const int64_t version = opens ? 0 : book.c.version;
    const int64_t lease = book.c.lease_number;
    const std::string owner = book.c.owner;
    book.c = Apply(opens ? Case{} : std::move(book.c), event);
    if (book.c.version != version + 1) wrong("the version does not rise by one");
    if (book.c.lease_number != (opens ? 0 : lease + (owner == book.c.owner ? 0 : 1))) {
      wrong("the lease number does not rise with the owner");
    }
    const StatusDef* status = StatusOf(Of(book.c).revision.lifecycle, event.status);
    if (status == nullptr || status->phase != event.phase) wrong("another phase than the status's");
    const bool stands = !status->stops.empty();
    if (book.stands_since) book.stood += event.recorded_at - *book.stands_since;
    book.stands_since = stands ? std::optional(event.recorded_at) : std::nullopt;
  } else if (!event.response_id.empty()) {
    Response& response = responses_[event.response_id];
    response = Apply(std::move(response), event);
  } else if (!event.entry_id.empty()) {
    TakeEntry(record, event);
    if (Tells(event.body)) messages_.emplace_back(event.sequence, CaseId{});
  } else if (!event.customer_id.empty()) {
    Customer& customer = customers_[event.customer_id];
    if (const auto* recorded = std::get_if<BehaviourRecorded>(&event.body)) {
      const Behaviour& did = recorded->behaviour;
      if (FindBehaviour(customer, did.external_key)) wrong("a behaviour is recorded twice");
      if (did.recorded_at != now_) wrong("a behaviour is recorded at another time than now");
      if (did.occurred_at > now_) wrong("a behaviour lies in the future");
      if (event.occurred_at != did.occurred_at) wrong("a behaviour happened at another time");
    }
    customer = Apply(std::move(customer), event);
    if (std::holds_alternative<CustomerLinked>(event.body)) TakeEntry(record, event);
  } else if (const auto* applied = std::get_if<RevisionApplied>(&event.body)) {
    if (applied->number != in_force_ + 1) wrong("a revision's number does not follow");
    for (const Configuration& configuration : Configurations()) {
      if (configuration.revision.hash == applied->hash) {
        revisions_[applied->number] = &configuration;
        in_force_ = applied->number;
      }
    }
    if (in_force_ != applied->number) wrong("nobody knows this configuration");
  } else if (const auto* jumped = std::get_if<ClockJumped>(&event.body)) {
    held_ = held_ || jumped->holds;
  } else if (std::holds_alternative<ClockConfirmed>(event.body)) {
    held_ = false;
  }
  const std::string actor = by_tier || by_system ? "system" : caller.principal;
  if (event.actor != actor && !(by_either && event.actor == "system")) {
    wrong("by another actor than its command");
  }
  if (event.recorded_at != now_) {
    wrong(fmt::format("recorded at {}, now is {}", TimeText(event.recorded_at), TimeText(now_)));
  }
}

void Checker::TakeEntry(const Record& record, const Event& event) {
  const std::function<bool(const CustomerId&, std::string_view)> owns_case =
      [this](const CustomerId& person, std::string_view who) { return OwnsCaseOf(person, who); };
  ledger_.Take(event, {now_, held_, revisions_.at(deciding_)->revision, record.request->work.caller,
                       CommandIn(record), owns_case});
}

bool Checker::OwnsCaseOf(const CustomerId& person, std::string_view who) const {
  return std::any_of(books_.begin(), books_.end(), [&](const auto& known) {
    const Case& c = known.second.c;
    return c.owner == who && c.phase != Phase::kClosed &&
           ledger_.IsSamePerson(c.customer_id, person);
  });
}

// Who may have the case, and what keeps it from being forgotten, by the staff of today.
void Checker::CheckOwner(const CaseBook& book) const {
  const Case& c = book.c;
  const Revision& today = revisions_.at(deciding_)->revision;
  const auto wrong = [&](const std::string& what) {
    Fail(book, fmt::format("{} in {}: {}", CaseNumberText(c.number), c.status, what));
  };
  const auto pending = [&](TimerKind kind) {
    std::vector<Timestamp> due;
    for (const auto& [key, timer] : book.timers) {
      if (key.first == kind && timer.state == TimerState::kPending) due.push_back(timer.due_at);
    }
    return due;
  };
  const auto returns = pending(TimerKind::kReturn);
  const auto hands_over = pending(TimerKind::kHandOver);
  const auto offers = pending(TimerKind::kOffer);
  if (returns.size() > 1 || hands_over.size() > 1) wrong("it is to come back twice");
  const QueueDef* queue = QueueOf(today, c);
  const bool given_out = queue != nullptr && queue->routing != Routing::kPull;
  if (offers.size() > 1) wrong("it is to be offered twice");
  if (!offers.empty() && (!IsWork(c) || !c.owner.empty() || !given_out)) {
    wrong("it is to be offered to somebody, and does not wait for them");
  }
  if (c.owner.empty() && IsWork(c) && queue != nullptr && queue->return_after) {
    if (returns.empty()) wrong("it waits without end");
    if (returns.front() > now_ + *queue->return_after) wrong("it waits for longer than it may");
  } else if (!returns.empty() &&
             (!IsWork(c) || c.owner.empty() || queue == nullptr || !queue->lease)) {
    wrong("it is to come back, and nobody says so");
  }
  if (!IsWork(c)) return;
  if (IsBlamed(c, c.owner)) wrong("its owner is the one it is about");
  const StaffMember* owner = MemberOf(today, c.owner);
  const auto promise = PromisedFor(c);
  if (owner == nullptr || !promise) return;
  if (*promise > now_ + std::chrono::hours{24}) {
    if (hands_over.empty()) wrong("nobody looks after what was promised");
    return;
  }
  for (const Absence& absence : owner->absences) {
    if (IsAway(absence, now_) || IsAway(absence, std::max(now_, *promise))) {
      wrong("what was promised waits for somebody who is away");
    }
  }
}

// What must hold between two commands on a case, whatever they were.
void Checker::EndOfCommand(const Record& record, CaseBook& book, const std::vector<Event>& events) {
  const Case& c = book.c;
  const Revision& revision = Of(c).revision;
  const StatusDef& status = *StatusOf(revision.lifecycle, c.status);
  const bool closed = c.phase == Phase::kClosed;
  const auto wrong = [&](const std::string& what) {
    Fail(book, fmt::format("{} in {} after '{}': {}", CaseNumberText(c.number), c.status,
                           record.request->what, what));
  };
  const auto live = [&](ClockKind kind) {
    return std::any_of(book.clocks.begin(), book.clocks.end(), [kind](const ClockBook& clock) {
      return clock.kind == kind && IsLive(clock);
    });
  };
  bool resurvey = false;
  for (const ClockBook& clock : book.clocks) {
    if (!IsLive(clock)) continue;
    const std::string name = ClockText(clock.kind, clock.generation);
    if (closed) wrong(name + " goes on although the case is closed");
    const bool stops =
        std::find(status.stops.begin(), status.stops.end(), clock.kind) != status.stops.end();
    if (stops != (clock.state == ClockState::kPaused)) {
      wrong(name + (stops ? " runs although the status stops it" : " stands without reason"));
    }
    resurvey |= clock.kind == ClockKind::kResurvey;
  }
  // An answer that only counts decides nothing on the case.
  const bool decides = std::any_of(events.begin(), events.end(), [&](const Event& event) {
    return event.case_id == c.id && !std::holds_alternative<LaterAnswerCounted>(event.body);
  });
  if (decides) CheckOwner(book);
  const bool may_ask = WayOf(revision.lifecycle, c.status, C::kAskAgain) != nullptr;
  if (!c.customer_id.empty() && may_ask != resurvey) {
    wrong(may_ask ? "nothing will ask the customer again" : "the customer will be asked again");
  }
  if (status.stops.empty() && !book.pauses.empty() && !book.pauses.back().resumed_at) {
    wrong("a pause lasts that nothing keeps up");
  }
  if (!status.stops.empty() && (book.pauses.empty() || book.pauses.back().resumed_at)) {
    wrong("clocks stand without a pause on record");
  }
  if (closed != c.closed_at.has_value()) wrong("closed, or not");
  for (const auto& [key, timer] : book.timers) {
    if (closed && timer.state == TimerState::kPending) wrong("a closed case has a pending timer");
  }

  const auto happened = [&]<typename T>(const T*) -> const T* {
    for (const Event& event : events) {
      if (event.case_id != c.id) continue;
      if (const T* body = std::get_if<T>(&event.body)) return body;
    }
    return nullptr;
  };
  using K = ClockKind;
  if (const auto* logged = happened(static_cast<const AttemptLogged*>(nullptr))) {
    for (const ClockBook& clock : book.clocks) {
      const bool since = clock.generation == 1 || logged->attempt.occurred_at >= clock.started;
      if (clock.kind == K::kFirstContact && IsLive(clock) && since &&
          (Spoke(logged->attempt) || clock.met_by == MetBy::kAttempt)) {
        wrong("the attempt meets first contact, which goes on");
      }
    }
  }
  if (const auto* recorded = happened(static_cast<const RemedyRecorded*>(nullptr))) {
    if (Given(recorded->remedy) && live(K::kRemedy))
      wrong("the remedy is given, its clock goes on");
  }
  const bool reopened = happened(static_cast<const CaseReopened*>(nullptr)) != nullptr;
  if (happened(static_cast<const CaseResolved*>(nullptr)) != nullptr && !reopened) {
    for (const K kind : {K::kFirstContact, K::kRemedy, K::kFirstResolution, K::kTotalResolution,
                         K::kExternalDeadline}) {
      if (live(kind)) wrong(fmt::format("handling is done, {} goes on", Name(kind)));
    }
  }
  if (reopened) {
    const bool nobody = c.customer_id.empty() && c.details.contact_person.empty();
    if (!nobody && !live(K::kFirstContact)) wrong("reopened without a clock for first contact");
    if (ChosenOf(revision, K::kRemedy, c) != nullptr && !live(K::kRemedy)) {
      wrong("reopened without a clock for the remedy");
    }
    for (const ClockBook& clock : book.clocks) {
      const bool can = DefinitionOf(revision, clock.definition) != nullptr &&
                       (clock.calendar_id.empty() || Of(c).timelines.contains(clock.calendar_id));
      if (clock.kind == K::kTotalResolution && !IsLive(clock) && can) {
        wrong("reopened, and total resolution does not count on");
      }
    }
  }

  if (c.held && !closed) {
    const bool worked = !c.owner.empty() || !c.attempts.empty() || !c.remedies.empty() ||
                        !c.commitments.empty() || !c.details.queue_id.empty() ||
                        !c.playbook.playbook_id.empty();
    if (worked) wrong("held back for comparison, and handled");
    for (const ClockBook& clock : book.clocks) {
      if (IsLive(clock) && clock.kind != K::kResurvey) wrong("held back, and a clock runs");
    }
    if (happened(static_cast<const ResurveyAsked*>(nullptr)) != nullptr) ++seen_["held, and asked"];
  }
  const Playbook* plan = PlanOf(revision, c);
  if (c.held && !c.steps.empty()) wrong("held back for comparison, and given a step");
  if (closed && IsActive(c)) wrong("a closed case has an active step");
  if (book.skips) wrong("a step has no limit although the plan gives it one");
  const bool planned = decides && plan != nullptr && !plan->steps.empty() && !c.held && !c.history;
  if (planned && !closed && !IsActive(c)) {
    const auto waits = std::any_of(book.timers.begin(), book.timers.end(), [](const auto& each) {
      return each.first.first == TimerKind::kStep && each.second.state == TimerState::kPending;
    });
    if (c.steps.empty() && !status.handling_done) wrong("its plan never began");
    const rebound::CaseStep* last = nullptr;
    for (const rebound::CaseStep& each : c.steps) {
      if (each.round == c.round && PlaceOf(*plan, each.step_id)) last = &each;
    }
    if (last != nullptr && !waits) {
      const auto next = PlaceAfter(*plan, *PlaceOf(*plan, last->step_id), last->result);
      if (next && *next < EndOfHandling(*plan) && !status.handling_done) {
        wrong("its plan stands still");
      }
    }
  }
  if (IsActive(c)) {
    const rebound::CaseStep& active = c.steps.back();
    const bool limited = active.wake_at || (active.due_at && !active.overdue);
    if (limited && !book.timers.contains({TimerKind::kStep, active.timer})) {
      wrong("a step would wait for ever");
    }
  }
  book.begun = false;
  if (!book.alerts.empty()) wrong("no alert " + book.alerts.front() + ", which its rule calls for");
  // Nothing is lost by merging.
  if (!c.merged_into.empty()) {
    const CaseBook* into = Find(c.merged_into);
    if (into == nullptr) wrong("merged into nothing");
    const auto& listed = into->c.merged_case_ids;
    if (std::find(listed.begin(), listed.end(), c.id) == listed.end()) {
      wrong("merged, and the other case does not know");
    }
    if (!closed) wrong("merged, and goes on");
    for (const ResponseId& id : AnswersOf(c)) {
      const auto& answers = into->c.attached_response_ids;
      if (std::find(answers.begin(), answers.end(), id) == answers.end()) {
        wrong("an answer stays behind as its case is merged");
      }
    }
    for (const Commitment& each : c.commitments) {
      if (each.state == CommitmentState::kPending) wrong("a promise stays behind");
    }
  }
  for (const CaseId& id : c.merged_case_ids) {
    if (Find(id) == nullptr || Find(id)->c.merged_into != c.id) wrong("an orphan is listed");
  }

  if (book.taken != nullptr) {
    // Whoever gave the command had the case; then a promise was taken from one who is away.
    const auto* taken = happened(static_cast<const CaseReturned*>(nullptr));
    const bool left = taken != nullptr && taken->by_system;
    for (const RequiredField field : book.taken->requires_fields) {
      if (left && field == RequiredField::kOwner) continue;
      if (!Meets(c, field)) wrong(fmt::format("without {}", Name(field)));
    }
  }
  book.taken = nullptr;
  if (!book.actions.empty()) wrong("a tier was crossed without " + book.actions.front().what);

  const std::pair slot(c.customer_id, c.program_id);
  const auto holder = slots_.find(slot);
  if (c.holds_dedupe_slot && !c.customer_id.empty()) {
    if (closed) wrong("a closed case holds its slot");
    if (holder != slots_.end() && holder->second != c.id) wrong("two cases in one slot");
    slots_[slot] = c.id;
  } else if (holder != slots_.end() && holder->second == c.id) {
    slots_.erase(holder);
  }
}

void Checker::CompareRow(const CaseBook& book, const std::optional<Case>& row) {
  if (!row) Fail(book, "its row is missing");
  const auto wrong = [&](const std::string& what) {
    Fail(book, fmt::format("the row of {}: {}", CaseNumberText(book.c.number), what));
  };
  if (row->version != book.c.version) {
    wrong(fmt::format("version {} by the events, {} by the row", book.c.version, row->version));
  }
  if (row->status != book.c.status) wrong("another status than its events say");
  if (row->clocks.size() != book.clocks.size()) wrong("a clock too many or too few");
  for (size_t i = 0; i < book.clocks.size(); ++i) {
    const ClockBook& b = book.clocks[i];
    const CaseClock& r = row->clocks[i];
    const std::string name = ClockText(b.kind, b.generation);
    if (r.kind != b.kind || r.generation != b.generation || r.state != b.state ||
        r.limit != b.limit || r.crossed != b.crossed || r.timer != b.timer) {
      wrong(name + " differs from the ledger");
    }
    if (r.met_by != b.met_by) wrong(name + " is met otherwise than its definition says");
    if (r.due_at != b.due) {
      wrong(fmt::format("{} due {} by the minutes, {} by the row", name, TimeText(b.due),
                        TimeText(r.due_at)));
    }
    if (b.state == ClockState::kPaused && r.due_at) wrong(name + " is paused and has a due time");
    if (r.elapsed != b.elapsed) wrong(name + ": another time has elapsed");
    if (r.paused != b.stood) {
      wrong(fmt::format("{}: {} ms are credited, it stood for {}", name, r.paused.count(),
                        b.stood.count()));
    }
    if (r.ended_at != b.ended_at || r.breached_at != b.breached_at) {
      wrong(name + " ended or was breached at another time");
    }
  }
  if (row->timers.size() != book.timers.size()) wrong("a timer too many or too few");
  for (const Timer& timer : row->timers) {
    const auto known = book.timers.find({timer.kind, timer.generation});
    if (known == book.timers.end() || known->second != timer) {
      wrong(fmt::format("timer {}/{} differs from the ledger", static_cast<int>(timer.kind),
                        timer.generation));
    }
  }
  if (row->pauses.size() != book.pauses.size()) wrong("a pause too many or too few");
  Duration paused{0};
  for (size_t i = 0; i < book.pauses.size(); ++i) {
    if (row->pauses[i].paused_at != book.pauses[i].paused_at ||
        row->pauses[i].resumed_at != book.pauses[i].resumed_at) {
      wrong("a pause has other times");
    }
    const auto end = book.pauses[i].resumed_at.value_or(row->updated_at);
    paused += end - book.pauses[i].paused_at;
  }
  if (paused != book.stood) {
    wrong(fmt::format("its pauses sum up to {} ms, it stood for {}", paused.count(),
                      book.stood.count()));
  }
  if (*row != book.c) wrong("differs from the fold of its events");
}

void Checker::CheckOverdue(const CaseBook& book, Timestamp now) {
  for (const ClockBook& clock : book.clocks) {
    if (clock.state != ClockState::kRunning) continue;
    const auto next = NextOf(Of(book.c).revision, clock);
    if (next && *next <= now) {
      Fail(book, fmt::format("a tier of {} was due {} and is not crossed",
                             ClockText(clock.kind, clock.generation), TimeText(next)));
    }
  }
  for (const auto& [key, timer] : book.timers) {
    if (timer.state == TimerState::kPending && timer.due_at <= now) {
      Fail(book,
           fmt::format("timer {}/{} was due {} and did not fire", static_cast<int>(timer.kind),
                       timer.generation, TimeText(timer.due_at)));
    }
  }
}

void Checker::NothingOverdue(Timestamp now) {
  for (const auto& [id, book] : books_) CheckOverdue(book, now);
  ledger_.NothingOverdue(now);
}

void Checker::NothingForgotten() {
  std::map<CommitmentId, int> pending, kept;
  for (const auto& [id, book] : books_) {
    const Case& c = book.c;
    if (c.held && c.phase != Phase::kClosed && !c.asked_at) {
      Fail(book, CaseNumberText(c.number) + " was held back and never asked");
    }
    for (const Commitment& each : c.commitments) {
      pending[each.id] += each.state == CommitmentState::kPending;
      kept[each.id] += each.state != CommitmentState::kMoved;
    }
    for (const CaseLink& link : c.details.links) {
      const CaseBook* other = Find(link.case_id);
      const CaseLink back{c.id, link.kind};
      const auto& links = other->c.details.links;
      if (std::find(links.begin(), links.end(), back) == links.end()) {
        Fail(book, "linked from one side only");
      }
    }
    const auto mine = [&](const Commitment& each) { return pending[each.id] > 1; };
    if (std::any_of(c.commitments.begin(), c.commitments.end(), mine)) {
      Fail(book, "one promise waits on two cases");
    }
  }
  for (const auto& [id, book] : books_) {
    for (const Commitment& each : book.c.commitments) {
      if (kept[each.id] == 0) Fail(book, "a promise moved to nowhere");
    }
  }
}

void Checker::CheckOutbox(MemoryStore& store) {
  size_t next = 0;
  store.ScanOutbox(last_outbox_, [&](int64_t sequence, const CaseId& id) {
    if (next >= messages_.size() || messages_[next] != std::pair(sequence, id)) {
      Fail(id, fmt::format("event {} has an outbox row of its own accord", sequence));
    }
    last_outbox_ = sequence;
    ++next;
  });
  if (next != messages_.size()) {
    Fail(messages_[next].second,
         fmt::format("event {} must be sent, but has no outbox row", messages_[next].first));
  }
  messages_.clear();
}

void Checker::CompareAll(MemoryStore& store) {
  store.Read([&](Reader& reader) {
    size_t cases = 0;
    reader.ScanCases("", {}, [&](const Case& row) {
      ++cases;
      const CaseBook* book = Find(row.id);
      if (book == nullptr) Fail(row.id, "a case that no event opened");
      if (row != book->c) {
        CompareRow(*book, row);
      }
    });
    if (cases != books_.size()) Fail(CaseId{}, "a case is missing");
    size_t entries = 0;
    reader.ScanEntries([&](const BlacklistEntry& row) {
      ++entries;
      ledger_.CompareRow(row.id, row);
    });
    if (entries != ledger_.books().size()) Fail(CaseId{}, "an entry is missing");
    const TableSizes sizes = reader.Sizes();
    if (sizes.customers != std::ssize(customers_) || sizes.responses != std::ssize(responses_)) {
      Fail(CaseId{}, "a customer or response too many or too few");
    }
    if (reader.LastSequence() != last_sequence_) Fail(CaseId{}, "events that no command made");
    const auto last = reader.FindRevision(0);
    if (last ? last->number != in_force_ : in_force_ != 0)
      Fail(CaseId{}, "another revision is in force");
    if (reader.GetServerState().held_since.has_value() != held_)
      Fail(CaseId{}, "timers held, or not");
  });
  CheckOutbox(store);
}

}  // namespace rebound::simulation
