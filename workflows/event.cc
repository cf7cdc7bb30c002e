#include "workflows/event.h"

namespace rebound {
namespace {

// One overload per alternative: a new one without a name does not compile.
struct NameOf {
#define REBOUND_NAME(Type) \
  std::string_view operator()(const Type&) const { return #Type; }
  REBOUND_NAME(CustomerCreated)
  REBOUND_NAME(CustomerProfileChanged)
  REBOUND_NAME(CustomerKeyAdded)
  REBOUND_NAME(CustomerLinked)
  REBOUND_NAME(CustomerConsentChanged)
  REBOUND_NAME(ResponseRecorded)
  REBOUND_NAME(ResponsePairingCorrected)
  REBOUND_NAME(CaseOpened)
  REBOUND_NAME(CaseAssigned)
  REBOUND_NAME(AttemptLogged)
  REBOUND_NAME(CommitmentMade)
  REBOUND_NAME(RemedyRecorded)
  REBOUND_NAME(CaseResolved)
  REBOUND_NAME(CaseClosed)
  REBOUND_NAME(CaseReopened)
  REBOUND_NAME(ResponseAttached)
  REBOUND_NAME(ResurveyAsked)
  REBOUND_NAME(ResurveyAnswered)
  REBOUND_NAME(LaterAnswerCounted)
  REBOUND_NAME(TimerSet)
  REBOUND_NAME(TimerEnded)
  REBOUND_NAME(CaseHistoryDerived)
  REBOUND_NAME(CaseVoided)
  REBOUND_NAME(CaseDispatched)
  REBOUND_NAME(CaseAccepted)
  REBOUND_NAME(CaseReturned)
  REBOUND_NAME(CaseChased)
  REBOUND_NAME(CaseSupervised)
  REBOUND_NAME(AssistRecorded)
  REBOUND_NAME(ExtensionRecorded)
  REBOUND_NAME(VerificationRecorded)
  REBOUND_NAME(CaseMoved)
  REBOUND_NAME(CommitmentSettled)
  REBOUND_NAME(CaseEscalated)
  REBOUND_NAME(PriorityChanged)
  REBOUND_NAME(PauseStarted)
  REBOUND_NAME(PauseEnded)
  REBOUND_NAME(ClockStarted)
  REBOUND_NAME(ClockPaused)
  REBOUND_NAME(ClockResumed)
  REBOUND_NAME(ClockEnded)
  REBOUND_NAME(TierCrossed)
  REBOUND_NAME(ClockMoved)
  REBOUND_NAME(CaseMigrated)
  REBOUND_NAME(RevisionApplied)
  REBOUND_NAME(ClockJumped)
  REBOUND_NAME(ClockConfirmed)
  REBOUND_NAME(ZoneDataChanged)
  REBOUND_NAME(CaseMerged)
  REBOUND_NAME(CaseAbsorbed)
  REBOUND_NAME(CaseUnmerged)
  REBOUND_NAME(CaseSeparated)
  REBOUND_NAME(CaseLinkChanged)
  REBOUND_NAME(VerdictRecorded)
  REBOUND_NAME(FindingRecorded)
  REBOUND_NAME(AlertRaised)
  REBOUND_NAME(AlertAcknowledged)
  REBOUND_NAME(AlertOverdue)
  REBOUND_NAME(CaseBegun)
  REBOUND_NAME(CaseRestricted)
  REBOUND_NAME(ResponseCorrected)
  REBOUND_NAME(StepStarted)
  REBOUND_NAME(StepEnded)
  REBOUND_NAME(StepOverdue)
  REBOUND_NAME(MessageSent)
  REBOUND_NAME(EntryProposed)
  REBOUND_NAME(EntryWarned)
  REBOUND_NAME(EntryDecided)
  REBOUND_NAME(EntryExtensionRequested)
  REBOUND_NAME(EntryExtensionDecided)
  REBOUND_NAME(EntryAppealed)
  REBOUND_NAME(EntryAppealDecided)
  REBOUND_NAME(EntryLifted)
  REBOUND_NAME(EntryLapsed)
  REBOUND_NAME(EntryNotified)
  REBOUND_NAME(CustomerErased)
  REBOUND_NAME(ErasureFinished)
  REBOUND_NAME(CaseErased)
  REBOUND_NAME(ContactUnmasked)
  REBOUND_NAME(BehaviourRecorded)
#undef REBOUND_NAME
};

}  // namespace

EventBody::EventBody() = default;
EventBody::EventBody(const EventBody& other) = default;
EventBody::EventBody(EventBody&& other) noexcept = default;
EventBody& EventBody::operator=(const EventBody& other) = default;
EventBody& EventBody::operator=(EventBody&& other) noexcept = default;
EventBody::~EventBody() = default;
bool operator==(const EventBody& a, const EventBody& b) {
  return static_cast<const EventVariant&>(a) == static_cast<const EventVariant&>(b);
}

std::string_view TypeName(const EventBody& body) { return std::visit(NameOf{}, body); }

std::string_view GivenTo(const EventBody& body) {
  if (const auto* assigned = std::get_if<CaseAssigned>(&body)) return assigned->owner;
  if (const auto* sent = std::get_if<CaseDispatched>(&body)) return sent->owner;
  return {};
}

std::string_view OutboxKind(const EventBody& body) {
  constexpr std::string_view kNotification = "notification";
  if (std::holds_alternative<ResurveyAsked>(body)) return "resurvey_invitation";
  if (const auto* crossed = std::get_if<TierCrossed>(&body)) {
    return crossed->notify.empty() ? std::string_view{} : kNotification;
  }
  // One of a history names nobody: it is long past.
  if (const auto* sent = std::get_if<CaseDispatched>(&body)) {
    const bool names =
        !sent->owner.empty() || !sent->queue_id.empty() || !sent->org_unit_id.empty();
    return names ? kNotification : std::string_view{};
  }
  if (const auto* assigned = std::get_if<CaseAssigned>(&body)) {
    return assigned->reason.empty() ? std::string_view{} : kNotification;
  }
  if (const auto* returned = std::get_if<CaseReturned>(&body)) {
    return returned->by_system ? kNotification : std::string_view{};
  }
  if (const auto* escalated = std::get_if<CaseEscalated>(&body)) {
    return escalated->to.empty() ? std::string_view{} : kNotification;
  }
  if (const auto* raised = std::get_if<AlertRaised>(&body)) {
    return raised->alert.notify.empty() ? std::string_view{} : kNotification;
  }
  if (const auto* overdue = std::get_if<AlertOverdue>(&body)) {
    return overdue->notify.empty() ? std::string_view{} : kNotification;
  }
  if (const auto* overdue = std::get_if<StepOverdue>(&body)) {
    return overdue->notify.empty() ? std::string_view{} : kNotification;
  }
  // Another department's, which does not look at the case otherwise.
  if (const auto* started = std::get_if<StepStarted>(&body)) {
    const CaseStep& step = started->step;
    const bool names = !step.owner.empty() || !step.queue_id.empty();
    return step.kind == StepKind::kTask && names ? kNotification : std::string_view{};
  }
  if (std::holds_alternative<MessageSent>(body)) return "message";
  if (const auto* notified = std::get_if<EntryNotified>(&body)) {
    return IsForCustomer(notified->notice) ? std::string_view{"blacklist_notice"} : kNotification;
  }
  const bool told =
      std::holds_alternative<CaseChased>(body) || std::holds_alternative<CaseSupervised>(body);
  return told ? kNotification : std::string_view{};
}

}  // namespace rebound
