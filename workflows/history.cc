#include "workflows/history.h"

#include <algorithm>

namespace rebound {

HistoryDerivation DeriveHistory(const Program& program, std::vector<Response> answers) {
  std::sort(answers.begin(), answers.end(), [](const Response& a, const Response& b) {
    return std::pair(a.occurred_at, a.id) < std::pair(b.occurred_at, b.id);
  });
  HistoryDerivation derived;
  std::vector<Timestamp> opened_at;
  bool open = false;  // the last case; no other can be
  for (const Response& answer : answers) {
    DerivedPairing& pairing = derived.pairings[answer.id];
    // `ever` counts for every case that was opened before, whichever case the answer pairs with.
    for (size_t i = 0; i < derived.cases.size(); ++i) {
      CaseHistoryDerived& facts = derived.cases[i].facts;
      const bool within =
          !program.recovery_window || answer.occurred_at - opened_at[i] <= *program.recovery_window;
      if (!within || !IsRecovered(answer.category)) continue;
      bool says_something = false;
      if (!facts.recovered_at) {
        facts.recovered_at = answer.occurred_at;
        says_something = true;
      }
      if (answer.category == Category::kPromoter && !facts.converted_at) {
        facts.converted_at = answer.occurred_at;
        says_something = true;
      }
      if (says_something) derived.cases[i].last_answer_at = answer.occurred_at;
    }
    const bool detractor = answer.category == Category::kDetractor;
    if (open) {
      DerivedCase& c = derived.cases.back();
      pairing = {c.opening_response_id, ResponseEffect::kResurveyAnswer};
      const ResurveyAnswer given{answer.id, answer.score, answer.category, answer.occurred_at};
      if (!c.facts.resurvey.first_answer) {
        c.facts.resurvey.first_answer = given;
        c.facts.asked_at = answer.occurred_at;
      }
      c.facts.resurvey.last_answer = given;
      c.facts.resurvey.answer_count += 1;
      c.last_answer_at = answer.occurred_at;
      if (detractor) {
        c.facts.resurvey_result = ResurveyResult::kStillDetractor;
      } else {
        c.facts.resurvey_result = answer.category == Category::kPromoter ? ResurveyResult::kPromoter
                                                                         : ResurveyResult::kPassive;
        c.facts.closed_at = answer.occurred_at;
        c.facts.holds_dedupe_slot = false;
        open = false;
      }
      continue;
    }
    if (!detractor) continue;
    if (!derived.cases.empty() && program.reopen_window > Duration{0}) {
      DerivedCase& last = derived.cases.back();
      if (last.facts.closed_at &&
          answer.occurred_at - *last.facts.closed_at <= program.reopen_window) {
        pairing = {last.opening_response_id, ResponseEffect::kReopened};
        last.facts.closed_at.reset();
        last.facts.resurvey_result = ResurveyResult::kUnset;
        last.facts.holds_dedupe_slot = true;
        last.facts.reopen_count += 1;
        last.facts.attached_response_ids.push_back(answer.id);
        last.last_answer_at = answer.occurred_at;
        open = true;
        continue;
      }
    }
    pairing = {answer.id, ResponseEffect::kOpened};
    DerivedCase fresh;
    fresh.opening_response_id = answer.id;
    fresh.last_answer_at = answer.occurred_at;
    fresh.facts.holds_dedupe_slot = true;
    derived.cases.push_back(std::move(fresh));
    opened_at.push_back(answer.occurred_at);
    open = true;
  }
  return derived;
}

}  // namespace rebound
