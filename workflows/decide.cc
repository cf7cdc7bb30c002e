#include "workflows/decide.h"

#include <algorithm>
#include <map>

#include "workflows/check.h"
#include "workflows/history.h"
#include "workflows/limits.h"

namespace rebound {
namespace {

constexpr int32_t kMaxSeverity = 5;

Error NotFound(std::string resource) {
  return Error{Reason::kNotFound, {{"resource", std::move(resource)}}};
}

// Gathers the events of one decision; every case event is applied at once, so that what follows is
// decided on the case as it then is.
class Draft {
 public:
  Draft(const Context& context, const Program* program) : context_(context), program_(program) {}

  const Context& context() const { return context_; }
  const Program* program() const { return program_; }

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

  void AddResponse(const Response& response, EventBody body) {
    Event event = Envelope(response.occurred_at, std::move(body));
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
    const StatusDef* def = context_.revision->lifecycle.Find(event.status);
    CHECK(def != nullptr);
    event.phase = def->phase;
    const auto* assigned = std::get_if<CaseAssigned>(&event.body);
    event.queue_id = assigned != nullptr && !assigned->queue_id.empty() ? assigned->queue_id
                                                                        : c.details.queue_id;
    event.org_unit_id = c.details.org_unit_id;
    if (!std::holds_alternative<CaseVoided>(event.body)) c = Apply(std::move(c), event);
    events_.push_back(std::move(event));
  }

  void SetTimer(Case& c, TimerKind kind, Timestamp due_at) {
    int32_t generation = 1;
    for (const Timer& timer : c.timers) {
      if (timer.kind == kind) generation = std::max(generation, timer.generation + 1);
    }
    AddCase(c, context_.now, TimerSet{kind, generation, due_at});
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

  Events Take() { return std::move(events_); }

 private:
  Event Envelope(Timestamp occurred_at, EventBody body) {
    Event event;
    event.occurred_at = occurred_at;
    event.recorded_at = context_.now;
    event.actor = context_.actor;
    event.body = std::move(body);
    return event;
  }

  const Context& context_;
  const Program* program_;
  Events events_;
};

Error NotAllowed(const Lifecycle& lifecycle, const Case& c, CaseCommand command) {
  Error error{Reason::kTransitionNotAllowed};
  error.allowed = lifecycle.Allowed(c.status);
  std::string list;
  for (const std::string& name : error.allowed) list += (list.empty() ? "" : ", ") + name;
  error.metadata = {{"case", CaseNumberText(c.number)},
                    {"status", c.status},
                    {"command", std::string(Name(command))},
                    {"allowed", list}};
  return error;
}

Error StaleEtag(int64_t version) {
  return Error{Reason::kEtagMismatch, {{"current", "\"" + std::to_string(version) + "\""}}};
}

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

Case OpeningCase(Draft& draft, const Response& response, const Customer* customer) {
  const Program& program = *draft.program();
  Case c;
  c.id = response.history ? HistoryCaseId(response) : draft.NewId<CaseId>();
  c.program_id = program.id;
  c.customer_id = response.customer_id;
  c.origin = response.category == Category::kDetractor ? CaseOrigin::kResponse
                                                       : CaseOrigin::kContactRequest;
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
  c.holds_dedupe_slot = !response.customer_id.empty();
  c.history = response.history;
  c.opened_at = response.occurred_at;
  if (program.recovery_window) c.window_ends_at = response.occurred_at + *program.recovery_window;
  const Revision& revision = *draft.context().revision;
  c.revision = revision.number;
  c.details.queue_id = program.default_queue;
  if (const Playbook* playbook = ChoosePlaybook(revision.playbooks, c, customer)) {
    c.playbook = {playbook->id, playbook->version, Canonical(playbook->when)};
    c.severity = std::max(c.severity, playbook->severity);
    if (!playbook->queue_id.empty()) c.details.queue_id = playbook->queue_id;
  }
  c.created_at = draft.context().now;
  return c;
}

bool HasFirstContactClock(const Program& program, const Case& c) {
  const bool anyone = !c.customer_id.empty() || !c.details.contact_person.empty();
  return anyone && program.first_contact_limit > Duration{0};
}

// Adds CaseOpened, with the timers that start with the case inside it.
void Open(Draft& draft, Case& c) {
  const Program& program = *draft.program();
  if (!c.history && HasFirstContactClock(program, c)) {
    c.timers.push_back({TimerKind::kFirstContact, 1,
                        draft.context().now + program.first_contact_limit, TimerState::kPending,
                        std::nullopt});
  }
  const Lifecycle& lifecycle = draft.context().revision->lifecycle;
  const Timestamp occurred_at = c.opened_at;
  c.status = lifecycle.initial;
  c.phase = lifecycle.Find(lifecycle.initial)->phase;
  Case opened = c;
  draft.AddCase(c, occurred_at, CaseOpened{std::move(opened)});
}

void ReopenCase(Draft& draft, Case& c, Timestamp occurred_at, CaseReopened reopened,
                std::string_view status) {
  draft.EndTimers(c, TimerKind::kResurveyDue, TimerState::kCancelled);
  draft.EndTimers(c, TimerKind::kResurveyExpiry, TimerState::kCancelled);
  draft.AddCase(c, occurred_at, std::move(reopened), status);
  if (HasFirstContactClock(*draft.program(), c)) {
    draft.EndTimers(c, TimerKind::kFirstContact, TimerState::kCancelled);
    draft.SetTimer(c, TimerKind::kFirstContact,
                   draft.context().now + draft.program()->first_contact_limit);
  }
}

void CloseCase(Draft& draft, Case& c, Timestamp occurred_at, CaseClosed closed,
               std::string_view status) {
  const std::vector<Timer> timers = c.timers;
  for (const Timer& timer : timers) {
    if (timer.state == TimerState::kPending) {
      draft.AddCase(c, draft.context().now,
                    TimerEnded{timer.kind, timer.generation, TimerState::kCancelled});
    }
  }
  draft.AddCase(c, occurred_at, std::move(closed), status);
}

// ---------------------------------------------------------------------------------- answers

// The re-survey's answer: a passive's or promoter's closes the case, a detractor's opens it again
// one tier higher, until the limit leaves it to a person.
void AnswerResurvey(Draft& draft, Case& c, const Response& response, const Transition& transition) {
  const ResurveyAnswer answer{response.id, response.score, response.category, response.occurred_at};
  draft.EndTimers(c, TimerKind::kResurveyExpiry, TimerState::kMet);
  if (IsRecovered(response.category)) {
    draft.AddCase(c, response.occurred_at, ResurveyAnswered{answer});
    CloseCase(draft, c, response.occurred_at,
              CaseClosed{response.category == Category::kPromoter ? ResurveyResult::kPromoter
                                                                  : ResurveyResult::kPassive,
                         NotAskedReason::kUnset,
                         {}},
              transition.to);
    return;
  }
  if (c.reopen_count >= draft.program()->max_reopen_count) {
    draft.AddCase(c, response.occurred_at, ResurveyAnswered{answer}, transition.exhausted);
    return;
  }
  draft.AddCase(c, response.occurred_at, ResurveyAnswered{answer});
  ReopenCase(draft, c, response.occurred_at,
             CaseReopened{ReopenCause::kBadResurvey,
                          std::min(c.severity + 1, kMaxSeverity),
                          response.id,
                          c.holds_dedupe_slot,
                          {}},
             transition.otherwise);
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

struct Pairing {
  ResponseEffect effect = ResponseEffect::kNone;
  Case* with = nullptr;  // among the customer's cases; null for kOpened and kNone
};

// Which case a live answer belongs to, in the order of DESIGN 5: the one it names, the one that
// waits for it, the open one, one closed a short while ago, a new one.
Result<Pairing> PairLive(const Lifecycle& lifecycle, const Program& program,
                         const std::optional<Case>& named, std::vector<Case>& cases,
                         const Response& response) {
  const auto waits = [&](const Case& c) {
    return lifecycle.Find(c.status, CaseCommand::kAnswerResurvey) != nullptr;
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
      response.category == Category::kDetractor || response.contact_requested;
  if (!calls_for_case) return Pairing{};
  if (response.customer_id.empty()) {
    const bool opens = program.anonymous_opens_case || response.contact_requested;
    return Pairing{opens ? ResponseEffect::kOpened : ResponseEffect::kNone, nullptr};
  }
  for (Case& c : cases) {
    if (c.holds_dedupe_slot && lifecycle.Find(c.status, CaseCommand::kAttachResponse) != nullptr) {
      return Pairing{ResponseEffect::kAttached, &c};
    }
  }
  for (auto c = cases.rbegin(); c != cases.rend(); ++c) {
    if (program.reopen_window > Duration{0} && c->closed_at && !c->history &&
        c->origin == CaseOrigin::kResponse && response.occurred_at >= *c->closed_at &&
        response.occurred_at - *c->closed_at <= program.reopen_window &&
        lifecycle.Find(c->status, CaseCommand::kReopen) != nullptr) {
      return Pairing{ResponseEffect::kReopened, &*c};
    }
  }
  return Pairing{ResponseEffect::kOpened, nullptr};
}

Result<Events> DecideHistory(Draft& draft, const Facts& facts, Response response,
                             const Customer* customer);

Result<Events> DecideSubmit(const Facts& facts, const SubmitResponse& command,
                            const Context& context) {
  if (auto violations = CheckSubmit(command, *context.revision, context.now); !violations.empty()) {
    return ToError(std::move(violations));
  }
  Response response = command.response;
  const Program* program = context.revision->FindProgram(response.program_id);
  if (command.occurred_now) response.occurred_at = context.now;
  response.occurred_at = std::min(response.occurred_at, context.now);
  if (command.history && response.external_key.external_id.empty()) {  // the ids rest on it
    return FieldError("response.external_key.external_id", Reason::kRequiredFieldMissing);
  }

  Draft draft(context, program);
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

  const Lifecycle& lifecycle = context.revision->lifecycle;
  std::vector<Case> cases = facts.cases;
  auto pairing = PairLive(lifecycle, *program, facts.subject, cases, response);
  if (!pairing) return std::move(pairing).error();

  Case opening;
  response.effect = pairing->effect;
  if (pairing->effect == ResponseEffect::kOpened) {
    opening = OpeningCase(draft, response, customer ? &*customer : nullptr);
    opening.number = facts.next_case_number;
    response.paired_case_id = opening.id;
    response.queue_id = opening.details.queue_id;
  } else if (pairing->with != nullptr) {
    response.paired_case_id = pairing->with->id;
    response.queue_id = pairing->with->details.queue_id;
  }
  draft.AddResponse(response, ResponseRecorded{response});

  Case* with = pairing->with;
  const int32_t severity = BaseSeverity(program->scale, response.score);
  switch (pairing->effect) {
    case ResponseEffect::kOpened:
      Open(draft, opening);
      // This answer may come late: what was given after it and stored before it counts too.
      for (const Response& known : facts.responses) CountLaterAnswer(draft, opening, known);
      break;
    case ResponseEffect::kResurveyAnswer: {
      const Transition* transition = lifecycle.Find(with->status, CaseCommand::kAnswerResurvey);
      CountLaterAnswer(draft, *with, response);
      AnswerResurvey(draft, *with, response, *transition);
      break;
    }
    case ResponseEffect::kAttached:
      draft.AddCase(*with, response.occurred_at,
                    ResponseAttached{response.id, std::max(severity, with->severity)});
      break;
    case ResponseEffect::kReopened:
      ReopenCase(draft, *with, response.occurred_at,
                 CaseReopened{ReopenCause::kNewDetractor,
                              std::min(std::max(severity, with->severity) + 1, kMaxSeverity),
                              response.id,
                              true,
                              {}},
                 lifecycle.Find(with->status, CaseCommand::kReopen)->to);
      break;
    case ResponseEffect::kNone:
    case ResponseEffect::kUnset: break;
  }
  for (Case& c : cases) {
    if (&c != with || pairing->effect != ResponseEffect::kResurveyAnswer) {
      CountLaterAnswer(draft, c, response);
    }
  }
  return draft.Take();
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
      site_case = OpeningCase(draft, response, nullptr);
      site_case->number = facts.next_case_number;
      response.effect = ResponseEffect::kOpened;
      response.paired_case_id = site_case->id;
    }
    draft.AddResponse(response, ResponseRecorded{response});
    if (site_case) Open(draft, *site_case);
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
      fresh = OpeningCase(draft, opening, customer);
      fresh.number = next_number++;
      fresh.holds_dedupe_slot = d.facts.holds_dedupe_slot;
      c = &fresh;
      Open(draft, *c);
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

// ---------------------------------------------------------------------------------- customers

CustomerProfile Masked(CustomerProfile profile, const UpsertCustomer& command) {
  for (const std::string& field : command.mask) {
    if (field == "display_name") profile.display_name = command.profile.display_name;
    if (field == "contact_points") profile.contact_points = command.profile.contact_points;
    if (field == "language") profile.language = command.profile.language;
    if (field == "time_zone") profile.time_zone = command.profile.time_zone;
    if (field == "segment") profile.segment = command.profile.segment;
    if (field == "account_id") profile.account_id = command.profile.account_id;
    if (field == "org_unit_id") profile.org_unit_id = command.profile.org_unit_id;
    if (field == "value") profile.value = command.profile.value;
  }
  return profile;
}

// Equal in what they say, whatever the ids of their texts.
bool SameWords(CustomerProfile a, CustomerProfile b) {
  for (CustomerProfile* profile : {&a, &b}) {
    profile->display_name.id = {};
    for (ContactPoint& point : profile->contact_points) point.address.id = {};
  }
  return a == b;
}

Result<Events> DecideUpsert(const Facts& facts, const UpsertCustomer& command,
                            const Context& context) {
  Draft draft(context, nullptr);
  CustomerProfile profile =
      Masked(facts.customer ? facts.customer->profile : CustomerProfile{}, command);
  const bool same = facts.customer && SameWords(profile, facts.customer->profile);
  draft.Stamp(profile.display_name);
  for (ContactPoint& point : profile.contact_points) draft.Stamp(point.address);
  if (facts.customer) {
    if (command.expected_version && *command.expected_version != facts.customer->version) {
      return StaleEtag(facts.customer->version);
    }
    if (!same) {
      draft.AddCustomer(facts.customer->id, profile.org_unit_id, context.now,
                        CustomerProfileChanged{profile});
    }
    return draft.Take();
  }
  if (command.expected_version) return NotFound("customer");
  Customer created;
  created.id = draft.NewId<CustomerId>();
  Text key{{}, command.key.external_id};
  draft.Stamp(key);
  created.keys.push_back({command.key.source_system, std::move(key)});
  created.profile = std::move(profile);
  created.created_at = context.now;
  draft.AddCustomer(created.id, created.profile.org_unit_id, context.now, CustomerCreated{created});
  return draft.Take();
}

Result<Events> DecideAlias(const Facts& facts, const AddCustomerAlias& command,
                           const Context& context) {
  if (!facts.customer) return NotFound("customer");
  const Customer& customer = *facts.customer;
  Draft draft(context, nullptr);
  if (!facts.key_owner) {
    Text key{{}, command.key.external_id};
    draft.Stamp(key);
    draft.AddCustomer(customer.id, customer.profile.org_unit_id, context.now,
                      CustomerKeyAdded{{command.key.source_system, std::move(key)}});
    return draft.Take();
  }
  const Customer& owner = *facts.key_owner;
  if (owner.id == customer.id) {
    if (command.customer_id != customer.id) {
      return Error{Reason::kAliasCycle, {{"customer", ToString(owner.id)}}};
    }
    return Error{
        Reason::kAliasTaken,
        {{"source_system", command.key.source_system}, {"external_id", command.key.external_id}}};
  }
  if (!owner.alias_of.empty()) {
    return Error{Reason::kAliasCycle, {{"customer", ToString(owner.id)}}};
  }
  draft.AddCustomer(owner.id, owner.profile.org_unit_id, context.now, CustomerLinked{customer.id});
  return draft.Take();
}

Result<Events> DecideConsent(const Facts& facts, const SetCustomerConsent& command,
                             const Context& context) {
  if (!facts.customer) return NotFound("customer");
  if (command.expected_version && *command.expected_version != facts.customer->version) {
    return StaleEtag(facts.customer->version);
  }
  CustomerConsentChanged changed{command.do_not_contact, command.consents};
  for (Consent& consent : changed.consents) {
    if (consent.occurred_at == Timestamp{}) consent.occurred_at = context.now;
  }
  Draft draft(context, nullptr);
  draft.AddCustomer(facts.customer->id, facts.customer->profile.org_unit_id, context.now,
                    std::move(changed));
  return draft.Take();
}

// ---------------------------------------------------------------------------------- case verbs

Result<Events> DecideOpen(const Facts& facts, const OpenCase& command, const Context& context) {
  const Program* program = context.revision->FindProgram(command.program_id);
  if (program == nullptr) {
    return FieldError("case.program_id", Reason::kUnknownProgram, {{"value", command.program_id}});
  }
  if (!command.customer_id.empty() && !facts.customer) return NotFound("customer");
  if (const Money& value = command.details.value_at_risk;
      !value.empty() && value.currency != program->currency) {
    return Error{Reason::kCurrencyMismatch,
                 {{"value", value.currency}, {"expected", program->currency}}};
  }
  Draft draft(context, program);
  Case c;
  c.id = draft.NewId<CaseId>();
  c.number = facts.next_case_number;
  c.program_id = program->id;
  if (facts.customer) c.customer_id = facts.customer->id;
  c.origin = command.origin;
  c.details = command.details;
  draft.Stamp(c.details.contact_person);
  draft.Stamp(c.details.preferred_time);
  draft.Stamp(c.details.customer_request);
  c.severity = command.severity;
  c.opened_at = context.now;
  if (program->recovery_window) c.window_ends_at = context.now + *program->recovery_window;
  c.revision = context.revision->number;
  const Playbook* playbook =
      ChoosePlaybook(context.revision->playbooks, c, facts.customer ? &*facts.customer : nullptr);
  if (playbook != nullptr) {
    c.playbook = {playbook->id, playbook->version, Canonical(playbook->when)};
    c.severity = std::max(c.severity, playbook->severity);
  }
  if (c.details.queue_id.empty()) {
    c.details.queue_id = playbook != nullptr && !playbook->queue_id.empty()
                             ? playbook->queue_id
                             : program->default_queue;
  }
  c.created_at = context.now;
  Open(draft, c);
  return draft.Take();
}

struct VerbDecision {
  Draft& draft;
  const Facts& facts;
  Case c;

  const Context& context() const { return draft.context(); }
  const Lifecycle& lifecycle() const { return context().revision->lifecycle; }

  Result<const Transition*> Need(CaseCommand command) {
    const Transition* transition = lifecycle().Find(c.status, command);
    if (transition == nullptr) return NotAllowed(lifecycle(), c, command);
    return transition;
  }

  // Whoever speaks to us may be spoken to; otherwise consent decides.
  Result<void> MayReach(Channel channel) {
    if (!facts.customer) {
      if (!c.details.contact_person.empty()) return {};
      return Error{Reason::kCustomerUnknown, {{"case", CaseNumberText(c.number)}}};
    }
    return MayApproach(*facts.customer, channel, ConsentPurpose::kRecovery);
  }

  Result<void> operator()(const Assign& verb) {
    auto transition = Need(CaseCommand::kAssign);
    if (!transition) return transition.error();
    draft.AddCase(c, context().now, CaseAssigned{verb.owner, verb.queue_id}, (*transition)->to);
    return {};
  }

  Result<void> operator()(const LogAttempt& verb) {
    auto transition = Need(CaseCommand::kLogAttempt);
    if (!transition) return transition.error();
    Attempt attempt = verb.attempt;
    if (verb.occurred_now) attempt.occurred_at = context().now;
    const Timestamp earliest = std::min(c.opened_at, c.created_at);
    if (attempt.occurred_at < earliest ||
        attempt.occurred_at > context().now + limits::kClockSkew) {
      return FieldError("attempt.occur_time", Reason::kTimestampOutOfRange,
                        {{"value", FormatTime(attempt.occurred_at)},
                         {"expected", FormatTime(earliest) + " to 5 minutes from now"}});
    }
    attempt.occurred_at = std::min(attempt.occurred_at, context().now);
    const bool inbound = attempt.direction == Direction::kInbound;
    if (!inbound) {
      if (auto may = MayReach(attempt.channel); !may) return may;
    }
    attempt.id = draft.NewId<AttemptId>();
    attempt.actor = context().actor;
    draft.Stamp(attempt.note);
    const bool reached = inbound || IsReached(attempt.outcome);
    const Transition& t = **transition;
    const Timestamp at = attempt.occurred_at;
    draft.AddCase(c, at, AttemptLogged{std::move(attempt)},
                  reached || t.otherwise.empty() ? t.to : t.otherwise);
    if (reached) draft.EndTimers(c, TimerKind::kFirstContact, TimerState::kMet);
    return {};
  }

  Result<void> operator()(const MakeCommitment& verb) {
    auto transition = Need(CaseCommand::kMakeCommitment);
    if (!transition) return transition.error();
    Commitment commitment = verb.commitment;
    if (commitment.due_at <= context().now ||
        commitment.due_at > context().now + limits::kFarthestDue) {
      return FieldError(
          "commitment.due_time", Reason::kTimestampOutOfRange,
          {{"value", FormatTime(commitment.due_at)}, {"expected", limits::kDueBounds}});
    }
    commitment.id = draft.NewId<CommitmentId>();
    commitment.actor = context().actor;
    commitment.state = CommitmentState::kPending;
    commitment.occurred_at = context().now;
    draft.Stamp(commitment.promise);
    const Timestamp due = commitment.due_at;
    draft.AddCase(c, context().now, CommitmentMade{std::move(commitment)}, (*transition)->to);
    draft.SetTimer(c, TimerKind::kCommitment, due);
    return {};
  }

  Result<void> operator()(const RecordRemedy& verb) {
    auto transition = Need(CaseCommand::kRemedy);
    if (!transition) return transition.error();
    Remedy remedy = verb.remedy;
    if (!remedy.amount.empty() && remedy.amount.currency != draft.program()->currency) {
      return Error{Reason::kCurrencyMismatch,
                   {{"value", remedy.amount.currency}, {"expected", draft.program()->currency}}};
    }
    if (auto settled = Settle(remedy); !settled) return settled;
    if (auto may = MayOffer(remedy); !may) return may;
    draft.Stamp(remedy.note);
    remedy.updated_at = context().now;
    const bool given =
        remedy.state == RemedyState::kAccepted || remedy.state == RemedyState::kDelivered;
    const Transition& t = **transition;
    draft.AddCase(c, context().now, RemedyRecorded{std::move(remedy)},
                  given || t.otherwise.empty() ? t.to : t.otherwise);
    return {};
  }

  // Fills in what a remedy takes from its earlier state; refuses a step backwards.
  Result<void> Settle(Remedy& remedy) {
    if (remedy.id.empty()) {
      if (remedy.state == RemedyState::kReversed) return RemedyMoves("new", remedy.state);
      remedy.id = draft.NewId<RemedyId>();
      remedy.actor = context().actor;
      remedy.occurred_at = context().now;
      return {};
    }
    const auto known = std::find_if(c.remedies.begin(), c.remedies.end(),
                                    [&](const Remedy& r) { return r.id == remedy.id; });
    if (known == c.remedies.end()) return NotFound("remedy");
    const bool over =
        known->state == RemedyState::kDeclined || known->state == RemedyState::kReversed;
    // Accepting and declining are alternatives, not steps.
    const bool turns =
        known->state == RemedyState::kAccepted && remedy.state == RemedyState::kDeclined;
    if (over || turns || remedy.state <= known->state ||
        (known->state == RemedyState::kDelivered && remedy.state != RemedyState::kReversed)) {
      return RemedyMoves(std::to_string(static_cast<int>(known->state)), remedy.state);
    }
    remedy.kind = known->kind;
    if (remedy.amount.empty()) remedy.amount = known->amount;
    remedy.statutory = known->statutory;
    if (remedy.note.empty()) remedy.note = known->note;
    remedy.actor = known->actor;
    remedy.occurred_at = known->occurred_at;
    return {};
  }

  Error RemedyMoves(std::string from, RemedyState to) {
    Error error = NotAllowed(lifecycle(), c, CaseCommand::kRemedy);
    error.metadata["remedy_from"] = std::move(from);
    error.metadata["remedy_to"] = std::to_string(static_cast<int>(to));
    return error;
  }

  // Words and offers approach the customer; paying what is due does not. Statutory remedies are
  // never blocked.
  Result<void> MayOffer(const Remedy& remedy) {
    const bool words =
        remedy.kind == RemedyKind::kExplanation || remedy.kind == RemedyKind::kPersonalApology;
    const bool inside =
        remedy.state == RemedyState::kProposed || remedy.state == RemedyState::kApproved;
    if (remedy.statutory || inside) return {};
    if (!words && remedy.state != RemedyState::kOffered) return {};
    const bool customer_spoke =
        std::any_of(c.attempts.begin(), c.attempts.end(), [&](const Attempt& a) {
          return a.direction == Direction::kInbound &&
                 context().now - a.occurred_at <= limits::kConversation;
        });
    return customer_spoke ? Result<void>{} : MayReach(c.details.preferred_channel);
  }

  Result<void> operator()(const Resolve& verb) {
    auto transition = Need(CaseCommand::kResolve);
    if (!transition) return transition.error();
    Text action = verb.action_taken;
    draft.Stamp(action);
    draft.EndTimers(c, TimerKind::kFirstContact, TimerState::kCancelled);
    draft.AddCase(c, context().now,
                  CaseResolved{verb.handling_result, verb.root_cause, std::move(action),
                               verb.customer_accepts},
                  (*transition)->to);
    if (!c.customer_id.empty()) {
      draft.SetTimer(c, TimerKind::kResurveyDue, context().now + draft.program()->resurvey_delay);
    }
    return {};
  }

  Result<void> operator()(const Close& verb) {
    auto transition = Need(CaseCommand::kClose);
    if (!transition) return transition.error();
    CaseClosed closed{c.resurvey_result, NotAskedReason::kUnset, verb.note};
    draft.Stamp(closed.note);
    // Asked in this round; an earlier round leaves its invitation on the case. An answer stands.
    const bool waits = lifecycle().Find(c.status, CaseCommand::kAnswerResurvey) != nullptr;
    if (closed.resurvey_result == ResurveyResult::kUnset) {
      if (verb.customer_declined) {
        closed.resurvey_result = ResurveyResult::kDeclined;
      } else if (waits) {
        closed.resurvey_result = ResurveyResult::kNoAnswer;
      } else {
        closed.resurvey_result = ResurveyResult::kNotAsked;
        closed.not_asked_reason =
            c.customer_id.empty() ? NotAskedReason::kAnonymous : NotAskedReason::kClosedEarly;
      }
    }
    CloseCase(draft, c, context().now, std::move(closed), (*transition)->to);
    return {};
  }

  Result<void> operator()(const Reopen& verb) {
    auto transition = Need(CaseCommand::kReopen);
    if (!transition) return transition.error();
    const bool wants_slot = !c.opening_response_id.empty() && !c.customer_id.empty();
    if (wants_slot && !c.holds_dedupe_slot) {
      for (const Case& other : facts.cases) {
        if (other.id != c.id && other.holds_dedupe_slot) {
          return Error{Reason::kDedupeSlotTaken, {{"case", CaseNumberText(other.number)}}};
        }
      }
    }
    Text note = verb.note;
    draft.Stamp(note);
    rebound::ReopenCase(
        draft, c, context().now,
        CaseReopened{ReopenCause::kByHand, c.severity, {}, wants_slot, std::move(note)},
        (*transition)->to);
    return {};
  }

  Result<void> operator()(const FireTimers&) {
    for (;;) {
      const Timer* due = nullptr;
      for (const Timer& timer : c.timers) {
        if (timer.state == TimerState::kPending && timer.due_at <= context().now &&
            (due == nullptr || timer.due_at < due->due_at)) {
          due = &timer;
        }
      }
      if (due == nullptr) return {};
      Fire(*due);
    }
  }

  void Fire(const Timer timer) {
    draft.AddCase(c, context().now, TimerEnded{timer.kind, timer.generation, TimerState::kFired});
    switch (timer.kind) {
      case TimerKind::kResurveyDue: AskAgain(); break;
      case TimerKind::kResurveyExpiry:
        if (auto transition = Need(CaseCommand::kExpireResurvey)) {
          CloseCase(draft, c, context().now,
                    CaseClosed{ResurveyResult::kNoAnswer, NotAskedReason::kUnset, {}},
                    (*transition)->to);
        }
        break;
      // Crossing a deadline is itself the event.
      case TimerKind::kFirstContact:
      case TimerKind::kCommitment:
      case TimerKind::kUnset: break;
    }
  }

  void AskAgain() {
    auto transition = Need(CaseCommand::kAskAgain);
    if (!transition) return;
    std::vector<Channel> channels;
    if (c.details.preferred_channel != Channel::kUnset) {
      channels.push_back(c.details.preferred_channel);
    }
    for (const ContactPoint& point : facts.customer->profile.contact_points) {
      channels.push_back(point.channel);
    }
    if (channels.empty()) channels.push_back(Channel::kUnset);
    Result<void> may;
    for (Channel channel : channels) {
      may = MayApproach(*facts.customer, channel, ConsentPurpose::kSurvey);
      if (!may) continue;
      const Timestamp expires = context().now + draft.program()->resurvey_validity;
      // One invitation for the life of the case: an old link answers the present round.
      const InvitationId invitation =
          c.resurvey.invitation_id.empty() ? draft.NewId<InvitationId>() : c.resurvey.invitation_id;
      draft.AddCase(c, context().now, ResurveyAsked{invitation, expires, channel},
                    (*transition)->to);
      draft.SetTimer(c, TimerKind::kResurveyExpiry, expires);
      return;
    }
    const NotAskedReason why = may.error().reason == Reason::kDoNotContact
                                   ? NotAskedReason::kDoNotContact
                                   : NotAskedReason::kConsentDenied;
    CloseCase(draft, c, context().now, CaseClosed{ResurveyResult::kNotAsked, why, {}},
              (*transition)->otherwise);
  }
};

Result<Events> DecideWork(const Facts& facts, const WorkCase& command, const Context& context) {
  if (!facts.subject) return NotFound("case");
  const Case& c = *facts.subject;
  if (command.expected_version && *command.expected_version != c.version) {
    return StaleEtag(c.version);
  }
  const Program* program = context.revision->FindProgram(c.program_id);
  if (program == nullptr) {
    return FieldError("case.program_id", Reason::kUnknownProgram, {{"value", c.program_id}});
  }
  Draft draft(context, program);
  VerbDecision decision{draft, facts, c};
  if (auto decided = std::visit(decision, command.verb); !decided) {
    return std::move(decided).error();
  }
  return draft.Take();
}

Result<Events> DecideClaim(const Facts& facts, const ClaimNext& command, const Context& context) {
  if (!facts.subject) {
    return Error{Reason::kNothingToClaim,
                 {{"queue", command.queue_id.empty() ? "*" : command.queue_id}}};
  }
  Case c = *facts.subject;
  CHECK(IsClaimable(c));
  Draft draft(context, nullptr);
  const Transition* transition = context.revision->lifecycle.Find(c.status, CaseCommand::kClaim);
  if (transition == nullptr) {
    return NotAllowed(context.revision->lifecycle, c, CaseCommand::kClaim);
  }
  draft.AddCase(c, context.now, CaseAssigned{context.actor, {}}, transition->to);
  return draft.Take();
}

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
  Result<Events> operator()(const WorkCase& c) { return DecideWork(facts, c, context); }
};

}  // namespace

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

Result<Events> Decide(const Facts& facts, const Command& command, const Context& context) {
  CHECK(context.ids != nullptr && context.revision != nullptr);
  return std::visit(CommandDecision{facts, context}, command);
}

}  // namespace rebound
