#include "server/services/case_verbs.h"

#include <limits>

#include "workflows/limits.h"

namespace rebound {

Text Note(const std::string& note, Checks& checks) {
  return checks.Personal("note", note, limits::kTextCodePoints);
}

Text RequiredNote(const char* field, const std::string& note, Checks& checks) {
  return {{}, checks.Required(field, note, limits::kTextCodePoints)};
}

CaseVerb ToVerb(const api::AssignCaseRequest& request, Checks& checks) {
  return CaseVerb{Assign{checks.Key("owner", request.owner(), 64),
                         checks.Key("queue_id", request.queue_id(), 64)}};
}

CaseVerb ToVerb(const api::DispatchCaseRequest& request, Checks& checks) {
  if (request.owner().empty() && request.queue_id().empty() && request.org_unit_id().empty()) {
    checks.Add("owner", Reason::kRequiredFieldMissing);
  }
  return CaseVerb{Dispatch{
      checks.Key("owner", request.owner(), 64), checks.Key("queue_id", request.queue_id(), 64),
      checks.Key("org_unit_id", request.org_unit_id()), Note(request.note(), checks)}};
}

CaseVerb ToVerb(const api::ReturnCaseRequest& request, Checks& checks) {
  return CaseVerb{Return{checks.Label("reason", request.reason()), Note(request.note(), checks),
                         checks.Key("queue_id", request.queue_id(), 64)}};
}

CaseVerb ToVerb(const api::EscalateCaseRequest& request, Checks& checks) {
  return CaseVerb{EscalateCase{RequiredNote("note", request.note(), checks)}};
}

CaseVerb ToVerb(const api::SuperviseCaseRequest& request, Checks& checks) {
  return CaseVerb{SuperviseCase{RequiredNote("note", request.note(), checks)}};
}

CaseVerb ToVerb(const api::PauseCaseRequest& request, Checks& checks) {
  return CaseVerb{
      PauseCase{checks.Label("reason", request.reason()), Note(request.note(), checks)}};
}

CaseVerb ToVerb(const api::ResumeCaseRequest&, Checks&) { return CaseVerb{ResumeCase{}}; }

CaseVerb ToVerb(const api::ResolveCaseRequest& request, Checks& checks) {
  Resolve verb;
  verb.handling_result =
      checks.Enum<HandlingResult>("handling_result", request.handling_result(), true);
  if (verb.handling_result > HandlingResult::kWithdrawn) {
    const bool ruled = verb.handling_result <= HandlingResult::kInvalid;
    checks.Add(
        "handling_result", Reason::kEnumValueUnknown,
        {{"value", api::HandlingResult_Name(request.handling_result())},
         {"expected", ruled ? "resolved, partly, not_resolved, unreachable or withdrawn (the "
                              "others are ruled with ProposeVerdict)"
                            : "resolved, partly, not_resolved, unreachable or withdrawn"}});
  }
  verb.root_cause = checks.Required("root_cause", request.root_cause(), 200);
  verb.action_taken.value = checks.Required("action_taken", request.action_taken(), 32'768);
  if (request.has_customer_accepts()) verb.customer_accepts = request.customer_accepts();
  return CaseVerb{std::move(verb)};
}

CaseVerb ToVerb(const api::MoveCaseRequest& request, Checks& checks) {
  return CaseVerb{MoveCase{checks.Label("status", request.status()),
                           checks.Key("reason", request.reason(), 64),
                           Note(request.note(), checks)}};
}

CaseVerb ToVerb(const api::MigrateCaseRequest& request, Checks& checks) {
  return CaseVerb{MigrateCase{
      checks.Range("revision", request.revision(), 0, std::numeric_limits<int64_t>::max()),
      checks.Key("status", request.status(), 64)}};
}

}  // namespace rebound
