// History mode: which cases a customer's answers in a program make, by the time they were given.
// Pure; the order of the input does not matter.
#pragma once

#include <map>
#include <vector>

#include "workflows/event.h"
#include "workflows/program.h"
#include "workflows/response.h"

namespace rebound {

// One case as the answers make it, named by the answer that opened it.
struct DerivedCase {
  ResponseId opening_response_id{};
  Timestamp last_answer_at{};  // of the latest answer that says anything about the case
  CaseHistoryDerived facts{};
};

struct DerivedPairing {
  ResponseId opening{};  // of the case; meaningless for kNone
  ResponseEffect effect = ResponseEffect::kNone;
};

struct HistoryDerivation {
  std::vector<DerivedCase> cases{};                 // by time of opening
  std::map<ResponseId, DerivedPairing> pairings{};  // every answer has one
};

// A detractor's answer opens a case if none is open, or reopens one closed within the program's
// reopen window; each next answer is the re-survey of the open case: a detractor's keeps it open, a
// passive's or promoter's closes it. Answers are taken by (occurred_at, id).
HistoryDerivation DeriveHistory(const Program& program, std::vector<Response> answers);

}  // namespace rebound
