// The verbs that can be given to one case or to many, read from their requests in one place.
// Thread-safe: no state.
#pragma once

#include <string>

#include "server/services/convert.h"

namespace rebound {

// Personal; absent is fine.
Text Note(const std::string& note, Checks& checks);
// Personal; kRequiredFieldMissing without one.
Text RequiredNote(const char* field, const std::string& note, Checks& checks);

// What is particular to the verb. Whoever it is given to, and by which etag, is not looked at.
CaseVerb ToVerb(const api::AssignCaseRequest& request, Checks& checks);
CaseVerb ToVerb(const api::DispatchCaseRequest& request, Checks& checks);
CaseVerb ToVerb(const api::ReturnCaseRequest& request, Checks& checks);
CaseVerb ToVerb(const api::EscalateCaseRequest& request, Checks& checks);
CaseVerb ToVerb(const api::SuperviseCaseRequest& request, Checks& checks);
CaseVerb ToVerb(const api::PauseCaseRequest& request, Checks& checks);
CaseVerb ToVerb(const api::ResumeCaseRequest& request, Checks& checks);
CaseVerb ToVerb(const api::ResolveCaseRequest& request, Checks& checks);
CaseVerb ToVerb(const api::MoveCaseRequest& request, Checks& checks);
CaseVerb ToVerb(const api::MigrateCaseRequest& request, Checks& checks);

}  // namespace rebound
