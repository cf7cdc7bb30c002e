#include "workflows/decide.h"

#include "workflows/check.h"
#include "workflows/draft.h"

namespace rebound {
namespace {

struct CommandDecision {
  const Facts& facts;
  const Context& context;

  Result<Events> operator()(const SubmitResponse& c) { return DecideSubmit(facts, c, context); }
  Result<Events> operator()(const UpsertCustomer& c) { return DecideUpsert(facts, c, context); }
  Result<Events> operator()(const AddCustomerAlias& c) { return DecideAlias(facts, c, context); }
  Result<Events> operator()(const SetCustomerConsent& c) {
    return DecideConsent(facts, c, context);
  }
  Result<Events> operator()(const OpenCase& c) { return DecideOpen(facts, c, context); }
  Result<Events> operator()(const ClaimNext& c) { return DecideClaim(facts, c, context); }
  Result<Events> operator()(const ApplyRevision& c) { return DecideRevision(facts, c, context); }
  Result<Events> operator()(const ReportClock& c) { return DecideClock(facts, c, context); }
  Result<Events> operator()(const ConfirmClock& c) { return DecideConfirm(facts, c, context); }
  Result<Events> operator()(const ReportZones& c) { return DecideZoneData(facts, c, context); }
  Result<Events> operator()(const WorkCase& c) { return DecideWork(facts, c, context); }
  Result<Events> operator()(const ProposeEntry& c) { return DecidePropose(facts, c, context); }
  Result<Events> operator()(const ProposeByRules& c) { return DecideByRules(facts, c, context); }
  Result<Events> operator()(const WorkEntry& c) { return DecideEntryWork(facts, c, context); }
  Result<Events> operator()(const ReportRulesTried&) { return Events{}; }  // nothing happened
  Result<Events> operator()(const EraseCustomer& c) { return DecideErase(facts, c, context); }
  Result<Events> operator()(const FinishErasure& c) { return DecideErased(facts, c, context); }
  Result<Events> operator()(const UnmaskContact& c) { return DecideUnmask(facts, c, context); }
  Result<Events> operator()(const RecordBehaviour& c) { return DecideBehaviour(facts, c, context); }
};

}  // namespace

const Revision& RevisionOf(const Facts& facts, const Context& context, int64_t number) {
  for (const auto& pinned : facts.pinned) {
    if (pinned->number == number && number != context.revision->number) return *pinned;
  }
  return *context.revision;
}

Error ToError(std::vector<FieldViolation> violations) {
  CHECK(!violations.empty());
  if (violations.size() == 1) {
    FieldViolation& only = violations.front();
    return FieldError(std::move(only.field), only.reason, std::move(only.metadata));
  }
  Error error{Reason::kFieldViolations};
  error.violations = std::move(violations);
  return error;
}

Result<Events> Decide(const Facts& facts, const Command& command, const Context& context) {
  CHECK(context.ids != nullptr && context.revision != nullptr);
  if (auto known = CheckNotErased(facts, command); !known) return known.error();
  return std::visit(CommandDecision{facts, context}, command);
}

}  // namespace rebound
