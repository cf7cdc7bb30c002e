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
#undef REBOUND_NAME
};

}  // namespace

std::string_view TypeName(const EventBody& body) { return std::visit(NameOf{}, body); }

}  // namespace rebound
