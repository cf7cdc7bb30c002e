#include <algorithm>
#include <map>

#include "workflows/draft.h"
#include "workflows/history.h"
#include "workflows/limits.h"

namespace rebound {
namespace {

// The worse the score on its scale, the more severe: the lowest third of the scale opens at 3.
int32_t BaseSeverity(const Scale& scale, int64_t score) {
  const int64_t span = scale.max - scale.min;
  const int64_t from_worst = scale.lower_is_better ? scale.max - score : score - scale.min;
  return from_worst * 3 < span ? 3 : 2;
}

bool ComesAfter(const Case& c, const Response& answer) {
  return answer.occurred_at > c.opened_at ||
         (answer.occurred_at == c.opened_at && answer.id > c.opening_response_id);
}

void StampResponse(Draft& draft, Response& response) {
  draft.Stamp(response.reason);
  draft.Stamp(response.suggestion);
  for (FollowUp& follow_up : response.follow_ups) draft.Stamp(follow_up.answer);
}

// ---------------------------------------------------------------------------------- opening

// The case that history mode opens for an answer: fixed by the answer alone, live answers without
// an external id included.
CaseId HistoryCaseId(const Response& opening) {
  return IdCast<CaseId>(DeriveId(opening.occurred_at, {}, ToString(opening.id), "case"));
}

// `red_lines`: what it meets.
Case OpeningCase(Draft& draft, const Response& response, const Customer* customer,
                 const std::vector<const AlertRule*>& red_lines) {
  Case c = AsOpenedBy(*draft.program(), response);
  c.id = response.history ? HistoryCaseId(response) : draft.NewId<CaseId>();
  c.holds_dedupe_slot = !response.customer_id.empty();
  c.history = response.history;
  // New cases follow the one in force, unless the program was given up: then that of the case which
  // the answer names.
  const bool given_up = draft.context().revision->FindProgram(c.program_id) == nullptr;
  c.revision = given_up && draft.facts().subject ? draft.facts().subject->revision
                                                 : draft.context().revision->number;
  c.created_at = draft.context().now;
  Plan(draft, c, &response, customer, red_lines);
  return c;
}

// ---------------------------------------------------------------------------------- answers

// The re-survey's answer: a passive's or promoter's closes the case, a detractor's opens it again
// one tier higher, until the limit leaves it to a person.
// What crosses a red line opens it whatever the score and the limit: somebody has to act.
void AnswerResurvey(Draft& draft, Case& c, const Response& response, const Transition& transition,
                    bool red_line) {
  const ResurveyAnswer answer{response.id, response.score, response.category, response.occurred_at};
  draft.EndTimers(c, TimerKind::kResurveyExpiry, TimerState::kMet);
  if (IsRecovered(response.category) && !red_line) {
    draft.AddCase(c, response.occurred_at, ResurveyAnswered{answer});
    CloseCase(draft, c, response.occurred_at,
              CaseClosed{response.category == Category::kPromoter ? ResurveyResult::kPromoter
                                                                  : ResurveyResult::kPassive,
                         NotAskedReason::kUnset,
                         {}},
              transition.to);
    return;
  }
  if (c.reopen_count >= draft.ProgramOf(c).max_reopen_count && !red_line) {
    draft.AddCase(c, response.occurred_at, ResurveyAnswered{answer}, transition.exhausted);
    Settle(draft, c);
    return;
  }
  draft.AddCase(c, response.occurred_at, ResurveyAnswered{answer});
  ReopenCase(draft, c, response.occurred_at,
             CaseReopened{ReopenCause::kBadResurvey,
                          red_line ? kMaxSeverity : std::min(c.severity + 1, kMaxSeverity),
                          response.id,
                          c.holds_dedupe_slot,
                          {}},
             transition.otherwise, &response);
}

// `ever`: any later answer within the window counts, paired or not. Only what changes the case's
// facts becomes an event.
void CountLaterAnswer(Draft& draft, Case& c, const Response& response) {
  if (!IsRecovered(response.category) || c.opening_response_id.empty()) return;
  if (!ComesAfter(c, response)) return;
  if (c.window_ends_at && response.occurred_at > *c.window_ends_at) return;
  const bool recovers = !c.recovered_at || response.occurred_at < *c.recovered_at;
  const bool converts = response.category == Category::kPromoter &&
                        (!c.converted_at || response.occurred_at < *c.converted_at);
  if (recovers || converts) {
    draft.AddCase(c, response.occurred_at, LaterAnswerCounted{response.id, response.category});
  }
}

// A case that is held back is handled in spite of it.
void BeginFor(Draft& draft, Case& c, const Response& response, std::string reason) {
  const Transition* begin = draft.LifecycleOf(c).Find(c.status, CaseCommand::kBegin);
  if (begin != nullptr) Begin(draft, c, &response, std::move(reason), begin->to);
}

struct Pairing {
  ResponseEffect effect = ResponseEffect::kNone;
  Case* with = nullptr;  // among the customer's cases; null for kOpened and kNone
};

// Which case a live answer belongs to, in the order of DESIGN 5: the one it names, the one that
// waits for it, the open one, one closed a short while ago, a new one.
Result<Pairing> PairLive(const Draft& draft, const Program& program,
                         const std::optional<Case>& named, std::vector<Case>& cases,
                         const Response& response, bool red_line) {
  const auto waits = [&](const Case& c) {
    return c.merged_into.empty() &&
           draft.LifecycleOf(c).Find(c.status, CaseCommand::kAnswerResurvey) != nullptr;
  };
  // An answer given before the case was handled and the customer asked is not the re-survey's, late
  // as it may arrive. asked_at is the first round's, resolved_at the last one's.
  const auto precedes_asking = [&](const Case& c) {
    return response.occurred_at < std::max(c.asked_at, c.resolved_at);
  };
  if (named) {
    // A case keeps the customer it was opened for, who may by now be an alias of the answering one;
    // then it is among `cases`.
    const bool own =
        named->customer_id == response.customer_id ||
        std::any_of(cases.begin(), cases.end(), [&](const Case& c) { return c.id == named->id; });
    if (named->program_id != program.id || !own) {
      return Error{Reason::kPairingMismatch,
                   {{"case", CaseNumberText(named->number)},
                    {"expected", named->program_id != program.id ? "program" : "customer"}}};
    }
    for (Case& c : cases) {
      // Naming the case outweighs the customer's clock.
      if (c.id == named->id && waits(c) && response.occurred_at >= c.opened_at)
        return Pairing{ResponseEffect::kResurveyAnswer, &c};
    }
  }
  for (Case& c : cases) {
    if (waits(c) && !precedes_asking(c)) return Pairing{ResponseEffect::kResurveyAnswer, &c};
  }
  const bool calls_for_case =
      response.category == Category::kDetractor || response.contact_requested || red_line;
  if (!calls_for_case) return Pairing{};
  if (response.customer_id.empty()) {
    const bool opens = program.anonymous_opens_case || response.contact_requested || red_line;
    return Pairing{opens ? ResponseEffect::kOpened : ResponseEffect::kNone, nullptr};
  }
  for (Case& c : cases) {
    if (c.holds_dedupe_slot &&
        draft.LifecycleOf(c).Find(c.status, CaseCommand::kAttachResponse) != nullptr) {
      return Pairing{ResponseEffect::kAttached, &c};
    }
  }
  for (auto c = cases.rbegin(); c != cases.rend(); ++c) {
    // A merged one went on in the other, which has its own turn here.
    if (program.reopen_window > Duration{0} && c->closed_at && !c->history &&
        c->merged_into.empty() && c->origin == CaseOrigin::kResponse &&
        response.occurred_at >= *c->closed_at &&
        response.occurred_at - *c->closed_at <= program.reopen_window &&
        draft.LifecycleOf(*c).Find(c->status, CaseCommand::kReopen) != nullptr) {
      return Pairing{ResponseEffect::kReopened, &*c};
    }
  }
  return Pairing{ResponseEffect::kOpened, nullptr};
}

// ---------------------------------------------------------------------------------- history

// Derives the customer's cases in the program anew from all the answers, by the time they were
// given, and adds what differs from the cases there are.
Result<Events> DecideHistory(Draft& draft, const Facts& facts, Response response,
                             const Customer* customer) {
  std::vector<Case> existing = facts.cases;
  // No answer made these, so answers do not change them.
  std::erase_if(existing, [](const Case& c) { return c.opening_response_id.empty(); });
  for (const Case& c : existing) {
    if (!c.history || c.worked) {
      return Error{Reason::kHistoryCaseWorked, {{"case", CaseNumberText(c.number)}}};
    }
  }
  const Program& program = *draft.program();
  if (response.customer_id.empty()) {  // nothing to derive: nobody can be asked again
    std::optional<Case> site_case;
    response.effect = ResponseEffect::kNone;
    if (response.category == Category::kDetractor && program.anonymous_opens_case) {
      site_case = OpeningCase(draft, response, nullptr, {});
      site_case->number = facts.next_case_number;
      response.effect = ResponseEffect::kOpened;
      response.paired_case_id = site_case->id;
    }
    draft.AddResponse(response, ResponseRecorded{response});
    if (site_case) Open(draft, *site_case, &response, nullptr);
    return draft.Take();
  }

  std::vector<Response> answers = facts.responses;
  answers.push_back(response);
  const HistoryDerivation derived = DeriveHistory(program, answers);

  std::map<ResponseId, const Response*> by_id;
  for (const Response& answer : answers) by_id[answer.id] = &answer;

  // The response first, then corrections of others, then cases.
  const auto pairing_of = [&](const Response& answer) -> std::pair<CaseId, ResponseEffect> {
    const auto& pairing = derived.pairings.at(answer.id);
    if (pairing.effect == ResponseEffect::kNone) return {CaseId{}, pairing.effect};
    return {HistoryCaseId(*by_id.at(pairing.opening)), pairing.effect};
  };
  std::tie(response.paired_case_id, response.effect) = pairing_of(response);
  draft.AddResponse(response, ResponseRecorded{response});
  for (const Response& answer : facts.responses) {
    const auto [paired, effect] = pairing_of(answer);
    if (paired != answer.paired_case_id || effect != answer.effect) {
      draft.AddResponse(answer, ResponsePairingCorrected{paired, effect});
    }
  }

  for (Case& c : existing) {
    const bool stands = std::any_of(
        derived.cases.begin(), derived.cases.end(),
        [&](const DerivedCase& d) { return d.opening_response_id == c.opening_response_id; });
    if (!stands) draft.AddCase(c, c.opened_at, CaseVoided{});
  }
  const Lifecycle& lifecycle = draft.context().revision->lifecycle;
  int64_t next_number = facts.next_case_number;
  for (const DerivedCase& d : derived.cases) {
    const auto known = std::find_if(existing.begin(), existing.end(), [&](const Case& c) {
      return c.opening_response_id == d.opening_response_id;
    });
    Case fresh;
    Case* c = known == existing.end() ? nullptr : &*known;
    if (c == nullptr) {
      Response opening = *by_id.at(d.opening_response_id);
      opening.history = true;  // its case is, even if it was given live
      fresh = OpeningCase(draft, opening, customer, {});
      fresh.number = next_number++;
      fresh.holds_dedupe_slot = d.facts.holds_dedupe_slot;
      c = &fresh;
      Open(draft, *c, &opening, customer);
    }
    CaseHistoryDerived now_known{
        c->resurvey,          c->resurvey_result, c->asked_at,
        c->closed_at,         c->recovered_at,    c->converted_at,
        c->holds_dedupe_slot, c->reopen_count,    c->attached_response_ids};
    if (now_known != d.facts) {
      draft.AddCase(*c, d.last_answer_at, d.facts,
                    d.facts.closed_at ? lifecycle.FirstOf(Phase::kClosed).key : lifecycle.initial);
    }
  }
  return draft.Take();
}

}  // namespace

Case AsOpenedBy(const Program& program, const Response& response) {
  Case c;
  c.program_id = program.id;
  c.customer_id = response.customer_id;
  // Of a passive or promoter, a red line opens it, or the wish to be contacted does.
  c.origin = response.category != Category::kDetractor && response.contact_requested
                 ? CaseOrigin::kContactRequest
                 : CaseOrigin::kResponse;
  c.opening_response_id = response.id;
  c.score = response.score;
  c.category = response.category;
  c.details.account_id = response.account_id;
  c.details.respondent_role = response.respondent_role;
  c.details.touchpoint = response.touchpoint;
  c.details.org_unit_id = response.org_unit_id;
  c.details.language = response.language;
  c.details.order_reference = response.order_reference;
  c.severity = BaseSeverity(program.scale, response.score);
  c.opened_at = response.occurred_at;
  if (program.recovery_window) c.window_ends_at = response.occurred_at + *program.recovery_window;
  return c;
}

// ---------------------------------------------------------------------------------- submitting

Result<Events> DecideSubmit(const Facts& facts, const SubmitResponse& command,
                            const Context& context) {
  Response response = command.response;
  // An answer that names its case is judged by what that case follows: the same scale as before.
  const Revision* revision = context.revision;
  if (facts.subject && facts.subject->program_id == response.program_id) {
    revision = &RevisionOf(facts, context, facts.subject->revision);
  }
  if (auto violations = CheckSubmit(command, *revision, context.now); !violations.empty()) {
    return ToError(std::move(violations));
  }
  const Program* program = revision->FindProgram(response.program_id);
  if (command.occurred_now) response.occurred_at = context.now;
  response.occurred_at = std::min(response.occurred_at, context.now);
  if (command.history && response.external_key.external_id.empty()) {  // the ids rest on it
    return FieldError("response.external_key.external_id", Reason::kRequiredFieldMissing);
  }

  Draft draft(context, facts, program);
  response.id =
      command.history
          ? IdCast<ResponseId>(DeriveId(response.occurred_at, response.external_key.source_system,
                                        response.external_key.external_id, "response"))
          : draft.NewId<ResponseId>();
  response.category = Categorize(program->scale, response.score);
  response.recorded_at = context.now;
  response.history = command.history;
  response.queue_id = program->default_queue;
  StampResponse(draft, response);

  std::optional<Customer> customer = facts.customer;
  if (!customer && !command.customer_key.empty()) {
    Customer created;
    created.id = draft.NewId<CustomerId>();
    Text key{{}, command.customer_key.external_id};
    draft.Stamp(key);
    created.keys.push_back({command.customer_key.source_system, std::move(key)});
    if (!command.history) {  // history must not depend on which row comes first
      created.profile.language = response.language;
      created.profile.account_id = response.account_id;
      created.profile.org_unit_id = response.org_unit_id;
    }
    created.created_at = context.now;
    draft.AddCustomer(created.id, created.profile.org_unit_id, context.now,
                      CustomerCreated{created});
    Recognise(draft, created);
    customer = std::move(created);
  }
  if (!customer && !response.customer_id.empty()) return NotFound("customer");
  if (!customer && !program->allow_anonymous) {
    return FieldError("response.customer_key", Reason::kCustomerRequired,
                      {{"program", program->id}});
  }
  if (customer) response.customer_id = customer->id;
  if (command.history) {
    return DecideHistory(draft, facts, std::move(response), customer ? &*customer : nullptr);
  }

  std::vector<Case> cases = facts.cases;
  const Customer* who = customer ? &*customer : nullptr;
  const Case as_opened = AsOpenedBy(*program, response);
  const auto red_lines = FindRedLines(draft, as_opened, &response, who);
  const bool red_line = !red_lines.empty();
  auto pairing = PairLive(draft, *program, facts.subject, cases, response, red_line);
  if (!pairing) return std::move(pairing).error();

  if (pairing->with != nullptr) {
    if (auto followed = CheckFollowed(draft, *pairing->with); !followed) {
      return std::move(followed).error();
    }
    if (const Scale& scale = draft.ProgramOf(*pairing->with).scale;
        pairing->effect == ResponseEffect::kResurveyAnswer && Contains(scale, response.score)) {
      response.category = Categorize(scale, response.score);
    }
  }
  Case opening;
  response.effect = pairing->effect;
  if (pairing->effect == ResponseEffect::kOpened) {
    opening = OpeningCase(draft, response, who, red_lines);
    opening.number = facts.next_case_number;
    response.paired_case_id = opening.id;
    response.queue_id = opening.details.queue_id;
  } else if (pairing->with != nullptr) {
    response.paired_case_id = pairing->with->id;
    response.queue_id = pairing->with->details.queue_id;
  }
  draft.AddResponse(response, ResponseRecorded{response});

  Case* with = pairing->with;
  const bool was_closed = with != nullptr && with->phase == Phase::kClosed;
  if (with != nullptr) CrossDueTiers(draft, *with, context.now);
  const int32_t severity = red_line ? kMaxSeverity : BaseSeverity(program->scale, response.score);
  switch (pairing->effect) {
    case ResponseEffect::kOpened:
      Open(draft, opening, &response, who, red_lines);
      // This answer may come late: what was given after it and stored before it counts too.
      for (const Response& known : facts.responses) CountLaterAnswer(draft, opening, known);
      break;
    case ResponseEffect::kResurveyAnswer: {
      const Transition* transition =
          draft.LifecycleOf(*with).Find(with->status, CaseCommand::kAnswerResurvey);
      CountLaterAnswer(draft, *with, response);
      AnswerResurvey(draft, *with, response, *transition, red_line);
      break;
    }
    case ResponseEffect::kAttached:
      draft.AddCase(*with, response.occurred_at,
                    ResponseAttached{response.id, std::max(severity, with->severity)},
                    draft.LifecycleOf(*with).Find(with->status, CaseCommand::kAttachResponse)->to);
      if (with->held && (response.contact_requested || red_line)) {
        BeginFor(draft, *with, response, red_line ? "red_line" : "contact_requested");
      }
      Settle(draft, *with);
      break;
    case ResponseEffect::kReopened:
      ReopenCase(draft, *with, response.occurred_at,
                 CaseReopened{ReopenCause::kNewDetractor,
                              std::min(std::max(severity, with->severity) + 1, kMaxSeverity),
                              response.id,
                              true,
                              {}},
                 draft.LifecycleOf(*with).Find(with->status, CaseCommand::kReopen)->to, &response);
      break;
    case ResponseEffect::kNone:
    case ResponseEffect::kUnset: break;
  }
  // An answer that closes the case leaves nothing to be alarmed about: a red line would reopen it.
  const bool goes_on = with != nullptr && with->phase != Phase::kClosed;
  if (goes_on && !context.revision->alerts.empty()) {
    if (red_line) RaisePriority(draft, *with, &response, who);
    Case read = as_opened;
    read.severity = with->severity;
    read.priority = with->priority;
    RaiseAlerts(draft, *with, red_lines, OpeningFacts(read, &response, who), was_closed);
  }
  for (Case& c : cases) {
    if (&c != with || pairing->effect != ResponseEffect::kResurveyAnswer) {
      CountLaterAnswer(draft, c, response);
    }
  }
  return draft.Take();
}

std::vector<FieldViolation> CheckSubmit(const SubmitResponse& command, const Revision& revision,
                                        Timestamp now) {
  std::vector<FieldViolation> found;
  const Response& response = command.response;
  const Program* program = revision.FindProgram(response.program_id);
  if (program == nullptr) {
    found.push_back(
        {"response.program_id", Reason::kUnknownProgram, {{"value", response.program_id}}});
  } else {
    if (!Contains(program->scale, response.score)) {
      found.push_back({"response.score",
                       Reason::kScoreOutOfRange,
                       {{"value", std::to_string(response.score)},
                        {"expected", std::to_string(program->scale.min) + " to " +
                                         std::to_string(program->scale.max)}}});
    }
    const bool names_nobody = response.customer_id.empty() && command.customer_key.empty() &&
                              response.invitation_id.empty() && response.case_id.empty();
    if (names_nobody && !program->allow_anonymous) {
      found.push_back(
          {"response.customer_key", Reason::kCustomerRequired, {{"program", program->id}}});
    }
  }
  if (!command.occurred_now && (response.occurred_at < limits::kEarliest ||
                                response.occurred_at > now + limits::kClockSkew)) {
    found.push_back(
        {"response.occur_time",
         Reason::kTimestampOutOfRange,
         {{"value", FormatTime(response.occurred_at)}, {"expected", limits::kOccurBounds}}});
  }
  return found;
}

}  // namespace rebound
