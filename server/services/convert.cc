#include "server/services/convert.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <array>

#include "server/services/status.h"
#include "workflows/limits.h"

namespace rebound {
namespace {

size_t CodePoints(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

bool IsPlain(std::string_view text, std::string_view also) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           also.find(c) != std::string_view::npos;
  });
}

std::string Sub(const std::string& path, std::string_view field) {
  return path.empty() ? std::string(field) : path + "." + std::string(field);
}

std::string At(const std::string& field, int index) {
  return field + "[" + std::to_string(index) + "]";
}

template <typename A, typename E>
A ToApi(E value) {
  return static_cast<A>(static_cast<int>(value));
}

void FillTime(const std::optional<Timestamp>& time,
              const std::function<google::protobuf::Timestamp*()>& out) {
  if (time) Fill(*time, out());
}

void FillMoney(const Money& money, const std::function<api::Money*()>& out) {
  if (money.empty()) return;
  api::Money* m = out();
  m->set_amount_minor(money.amount_minor);
  m->set_currency_code(money.currency);
}

void FillKey(const ExternalKey& key, const std::function<api::ExternalKey*()>& out) {
  if (key.empty()) return;
  api::ExternalKey* k = out();
  k->set_source_system(key.source_system);
  k->set_external_id(key.external_id);
}

std::string IdText(const auto& id) { return id.empty() ? std::string() : ToString(id); }

void FillAnswer(const ResurveyAnswer& answer, api::ResurveyAnswer* out) {
  out->set_response_id(ToString(answer.response_id));
  out->set_score(answer.score);
  out->set_category(ToApi<api::Category>(answer.category));
  Fill(answer.occurred_at, out->mutable_occur_time());
}

// The name of an API enum value without its prefix, in lower case: "no_answer".
template <typename A, typename E>
std::string Word(E value) {
  const auto* descriptor = google::protobuf::GetEnumDescriptor<A>();
  const auto* zero = descriptor->FindValueByNumber(0);
  const auto* named = descriptor->FindValueByNumber(static_cast<int>(value));
  const size_t prefix = zero->name().size() - std::string_view("UNSPECIFIED").size();
  std::string word = named == nullptr ? "" : named->name().substr(prefix);
  for (char& c : word) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return word;
}

void FillAmount(Count count, int64_t amount, api::ClockAmount* out) {
  if (InDays(count)) {
    out->set_days(amount);
  } else {
    Fill(Duration(amount), out->mutable_time());
  }
}

// What a queue shows of it.
void FillClock(const CaseClock& clock, api::CaseClock* out) {
  out->set_kind(ToApi<api::ClockKind>(clock.kind));
  out->set_generation(clock.generation);
  out->set_state(ToApi<api::ClockState>(clock.state));
  FillTime(clock.due_at, [&] { return out->mutable_due_time(); });
  FillTime(clock.breached_at, [&] { return out->mutable_breach_time(); });
}

void FillClock(const CaseClock& clock, Timestamp now, const Calendar* calendar,
               api::CaseClock* out) {
  FillClock(clock, out);
  // Its calendar is in the revision that it follows, if that could be read.
  const bool readable = clock.calendar_id.empty() || calendar != nullptr;
  const ClockReading reading = readable ? Read(clock, calendar, now) : ClockReading{};
  out->set_definition_id(clock.definition);
  out->set_calendar_id(clock.calendar_id);
  out->set_calendar_version(clock.calendar_version);
  out->set_count(ToApi<api::ClockCount>(clock.limit.count));
  FillAmount(clock.limit.count, clock.limit.amount, out->mutable_limit());
  if (clock.kind == ClockKind::kFirstContact) {
    out->set_met_by(ToApi<api::MetBy>(clock.met_by));
  }
  Fill(clock.started_at, out->mutable_start_time());
  FillTime(clock.ended_at, [&] { return out->mutable_end_time(); });
  FillAmount(clock.limit.count, reading.elapsed, out->mutable_elapsed());
  Fill(reading.elapsed_wall, out->mutable_elapsed_wall());
  FillAmount(clock.limit.count, reading.slack, out->mutable_slack());
  Fill(reading.paused, out->mutable_paused());
  for (const std::string& tier : clock.crossed) out->add_crossed_tiers(tier);
}

// What staff did to a case beyond handling it: dispatching.
void FillDispatching(const Case& c, bool full, api::Case* out) {
  for (const Pause& pause : c.pauses) {
    api::Pause* to = out->add_pauses();
    to->set_reason(pause.reason);
    if (full) to->set_note(pause.note.value);
    to->set_owner(pause.owner);
    to->set_actor(pause.actor);
    Fill(pause.paused_at, to->mutable_pause_time());
    FillTime(pause.resumed_at, [&] { return to->mutable_resume_time(); });
  }
  for (const Extension& extension : c.extensions) {
    api::Extension* to = out->add_extensions();
    to->set_id(ToString(extension.id));
    to->set_clock(ToApi<api::ClockKind>(extension.clock));
    to->set_generation(extension.generation);
    const auto clock = std::find_if(c.clocks.begin(), c.clocks.end(), [&](const CaseClock& each) {
      return each.kind == extension.clock && each.generation == extension.generation;
    });
    FillAmount(clock == c.clocks.end() ? Count::kWall : clock->limit.count, extension.amount,
               to->mutable_amount());
    to->set_reason(extension.reason);
    if (full) to->set_note(extension.note.value);
    to->set_requester(extension.requested_by);
    Fill(extension.requested_at, to->mutable_request_time());
    to->set_state(ToApi<api::ExtensionState>(extension.state));
    to->set_decider(extension.decided_by);
    FillTime(extension.decided_at, [&] { return to->mutable_decide_time(); });
  }
  for (const Assist& assist : c.assists) {
    api::Assist* to = out->add_assists();
    to->set_id(ToString(assist.id));
    to->set_assistant(assist.assistant);
    if (full) {
      to->set_request(assist.request.value);
      to->set_answer(assist.answer.value);
    }
    to->set_requester(assist.requested_by);
    Fill(assist.requested_at, to->mutable_request_time());
    to->set_answerer(assist.answered_by);
    FillTime(assist.answered_at, [&] { return to->mutable_answer_time(); });
  }
  for (const Chase& chase : c.chases) {
    api::Chase* to = out->add_chases();
    to->set_channel(ToApi<api::Channel>(chase.channel));
    if (full) to->set_note(chase.note.value);
    to->set_actor(chase.actor);
    Fill(chase.occurred_at, to->mutable_occur_time());
  }
  for (const Supervision& supervision : c.supervisions) {
    api::Supervision* to = out->add_supervisions();
    if (full) to->set_note(supervision.note.value);
    to->set_actor(supervision.actor);
    Fill(supervision.occurred_at, to->mutable_occur_time());
  }
  for (const Verification& verification : c.verifications) {
    api::Verification* to = out->add_verifications();
    to->set_contacted(verification.contacted);
    to->set_solved(verification.solved);
    to->set_accepted(verification.accepted);
    if (full) to->set_note(verification.note.value);
    to->set_actor(verification.actor);
    Fill(verification.occurred_at, to->mutable_occur_time());
  }
  out->set_priority(c.priority);
  out->set_escalation_level(c.escalation_level);
  out->set_return_count(c.return_count);
  out->set_first_receiver(c.first_receiver);
  out->set_resolved_by(c.resolved_by);
  FillTime(c.first_received_at, [&] { return out->mutable_first_receive_time(); });
}

std::string Joined(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : ", ") + word;
  return joined;
}

const char* YesNo(bool value) { return value ? "yes" : "no"; }

// What a timeline entry shows of its event, by name.
struct EventDetails {
  api::CaseEvent* out;

  void Put(const char* name, std::string value) {
    if (!value.empty()) (*out->mutable_details())[name] = std::move(value);
  }
  void PutTime(const char* name, const std::optional<Timestamp>& time) {
    if (time) Put(name, FormatTime(*time));
  }

  void operator()(const CaseOpened& e) {
    Put("origin", Word<api::CaseOrigin>(e.opened.origin));
    if (e.opened.score) Put("score", std::to_string(*e.opened.score));
    Put("severity", std::to_string(e.opened.severity));
    Put("playbook", e.opened.playbook.playbook_id);
    Put("queue", e.opened.details.queue_id);
    out->set_note(e.opened.details.customer_request.value);
  }
  void operator()(const CaseAssigned& e) {
    Put("owner", e.owner.empty() ? "-" : e.owner);
    Put("queue", e.queue_id);
  }
  void operator()(const AttemptLogged& e) {
    Put("channel", Word<api::Channel>(e.attempt.channel));
    Put("direction", Word<api::Direction>(e.attempt.direction));
    Put("outcome", Word<api::AttemptOutcome>(e.attempt.outcome));
    PutTime("next_allowed", e.attempt.next_allowed_at);
    out->set_note(e.attempt.note.value);
  }
  void operator()(const CommitmentMade& e) {
    PutTime("due", e.commitment.due_at);
    out->set_note(e.commitment.promise.value);
  }
  void operator()(const RemedyRecorded& e) {
    Put("kind", Word<api::RemedyKind>(e.remedy.kind));
    Put("state", Word<api::RemedyState>(e.remedy.state));
    if (!e.remedy.amount.empty()) {
      Put("amount_minor", std::to_string(e.remedy.amount.amount_minor));
      Put("currency", e.remedy.amount.currency);
    }
    out->set_note(e.remedy.note.value);
  }
  void operator()(const CaseResolved& e) {
    Put("handling_result", Word<api::HandlingResult>(e.handling_result));
    Put("root_cause", e.root_cause);
    out->set_note(e.action_taken.value);
  }
  void operator()(const CaseClosed& e) {
    Put("resurvey_result", Word<api::ResurveyResult>(e.resurvey_result));
    if (e.not_asked_reason != NotAskedReason::kUnset) {
      Put("not_asked_reason", Word<api::NotAskedReason>(e.not_asked_reason));
    }
    out->set_note(e.note.value);
  }
  void operator()(const CaseReopened& e) {
    static constexpr std::array<const char*, 4> kCauses = {"", "by_hand", "bad_resurvey",
                                                           "new_detractor"};
    Put("cause", kCauses[static_cast<size_t>(e.cause)]);
    Put("severity", std::to_string(e.severity));
    Put("response", IdText(e.response_id));
    out->set_note(e.note.value);
  }
  void operator()(const ResponseAttached& e) {
    Put("response", ToString(e.response_id));
    Put("severity", std::to_string(e.severity));
  }
  void operator()(const ResurveyAsked& e) {
    Put("invitation", ToString(e.invitation_id));
    PutTime("expires", e.expires_at);
    if (e.channel != Channel::kUnset) Put("channel", Word<api::Channel>(e.channel));
  }
  void operator()(const ResurveyAnswered& e) {
    Put("response", ToString(e.answer.response_id));
    Put("score", std::to_string(e.answer.score));
    Put("category", Word<api::Category>(e.answer.category));
  }
  void operator()(const LaterAnswerCounted& e) {
    Put("response", ToString(e.response_id));
    Put("category", Word<api::Category>(e.category));
  }
  void operator()(const TimerSet& e) {
    Put("timer", Word<api::TimerKind>(e.kind));
    Put("generation", std::to_string(e.generation));
    PutTime("due", e.due_at);
  }
  void operator()(const TimerEnded& e) {
    Put("timer", Word<api::TimerKind>(e.kind));
    Put("generation", std::to_string(e.generation));
    Put("state", Word<api::TimerState>(e.state));
  }
  void operator()(const CaseHistoryDerived& e) {
    Put("answers", std::to_string(e.resurvey.answer_count));
    if (e.resurvey_result != ResurveyResult::kUnset) {
      Put("resurvey_result", Word<api::ResurveyResult>(e.resurvey_result));
    }
    PutTime("closed", e.closed_at);
  }
  void operator()(const CaseDispatched& e) {
    Put("owner", e.owner);
    Put("queue", e.queue_id);
    Put("org_unit", e.org_unit_id);
    out->set_note(e.note.value);
  }
  void operator()(const CaseAccepted& e) { Put("owner", e.owner); }
  void operator()(const CaseReturned& e) {
    Put("reason", e.reason);
    Put("queue", e.queue_id);
    out->set_note(e.note.value);
  }
  void operator()(const CaseChased& e) {
    Put("channel", Word<api::Channel>(e.chase.channel));
    out->set_note(e.chase.note.value);
  }
  void operator()(const CaseSupervised& e) { out->set_note(e.supervision.note.value); }
  void operator()(const AssistRecorded& e) {
    Put("assist", ToString(e.assist.id));
    Put("assistant", e.assist.assistant);
    const bool answered = e.assist.answered_at.has_value();
    Put("state", answered ? "answered" : "requested");
    out->set_note(answered ? e.assist.answer.value : e.assist.request.value);
  }
  void operator()(const ExtensionRecorded& e) {
    Put("extension", ToString(e.extension.id));
    PutClock(e.extension.clock, e.extension.generation);
    Put("state", Word<api::ExtensionState>(e.extension.state));
    Put("reason", e.extension.reason);
    Put("decider", e.extension.decided_by);
    if (e.extension.state == ExtensionState::kRequested) out->set_note(e.extension.note.value);
  }
  void operator()(const VerificationRecorded& e) {
    Put("contacted", YesNo(e.verification.contacted));
    Put("solved", YesNo(e.verification.solved));
    Put("accepted", YesNo(e.verification.accepted));
    out->set_note(e.verification.note.value);
  }
  void operator()(const CaseMoved& e) {
    Put("reason", e.reason);
    out->set_note(e.note.value);
  }
  void operator()(const CommitmentSettled& e) {
    Put("commitment", ToString(e.id));
    Put("state", Word<api::CommitmentState>(e.state));
    out->set_note(e.note.value);
  }
  void operator()(const CaseEscalated& e) {
    Put("level", std::to_string(e.level));
    Put("to", Joined(e.to));
    out->set_note(e.note.value);
  }
  void operator()(const PriorityChanged& e) { Put("priority", e.priority); }
  void operator()(const PauseStarted& e) {
    Put("reason", e.pause.reason);
    Put("owner", e.pause.owner);
    out->set_note(e.pause.note.value);
  }
  void operator()(const PauseEnded&) {}
  void PutClock(ClockKind kind, int32_t generation) {
    Put("clock", Word<api::ClockKind>(kind));
    Put("generation", std::to_string(generation));
  }
  void operator()(const ClockStarted& e) {
    PutClock(e.clock.kind, e.clock.generation);
    Put("definition", e.clock.definition);
    Put("count", Word<api::ClockCount>(e.clock.limit.count));
    PutTime("due", e.clock.due_at);
  }
  void operator()(const ClockPaused& e) { PutClock(e.kind, e.generation); }
  void operator()(const ClockResumed& e) {
    PutClock(e.kind, e.generation);
    PutTime("due", e.due_at);
  }
  void operator()(const ClockEnded& e) {
    PutClock(e.kind, e.generation);
    Put("state", Word<api::ClockState>(e.state));
  }
  void operator()(const TierCrossed& e) {
    PutClock(e.kind, e.generation);
    Put("tier", e.tier);
    PutTime("due", e.due_at);
    if (e.breach) Put("breach", "yes");
    if (e.overtaken) Put("overtaken", "yes");
    Put("notified", Joined(e.notify));
  }
  void operator()(const ClockMoved& e) {
    static constexpr std::array<const char*, 5> kCauses = {"", "extension", "revision",
                                                           "time_zone_data", "external"};
    PutClock(e.kind, e.generation);
    Put("cause", kCauses[static_cast<size_t>(e.cause)]);
    PutTime("due_before", e.due_before);
    PutTime("due", e.due_at);
  }
  void operator()(const CaseMigrated& e) {
    Put("from_revision", std::to_string(e.from_revision));
    Put("revision", std::to_string(e.revision));
  }
  template <typename Other>
  void operator()(const Other&) {}  // not a case's event
};

}  // namespace

// ------------------------------------------------------------------------------------- Checks

void Checks::Add(std::string field, Reason reason, Metadata metadata) {
  violations_.push_back({std::move(field), reason, std::move(metadata)});
}

void Checks::AddAll(std::vector<FieldViolation> violations) {
  for (FieldViolation& violation : violations) violations_.push_back(std::move(violation));
}

std::string Checks::Words(const std::string& field, const std::string& value, size_t limit) {
  if (value.find('\0') != std::string::npos) {
    Add(field, Reason::kNulNotAllowed);
    return {};
  }
  if (value.size() > limit) {
    if (const size_t length = CodePoints(value); length > limit) {
      Add(field, Reason::kTextTooLong,
          {{"value", std::to_string(length)}, {"expected", std::to_string(limit)}});
      return {};
    }
  }
  return value;
}

Text Checks::Personal(const std::string& field, const std::string& value, size_t limit) {
  return {{}, Words(field, value, limit)};
}

std::string Checks::Required(const std::string& field, const std::string& value, size_t limit) {
  if (value.empty()) Add(field, Reason::kRequiredFieldMissing);
  return Words(field, value, limit);
}

std::string Checks::Key(const std::string& field, const std::string& value, size_t limit) {
  if (value.empty()) return value;
  const bool control = std::any_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  if (control || value.front() == ' ' || value.back() == ' ' || CodePoints(value) > limit) {
    Add(field, Reason::kIdInvalid,
        {{"value", value.substr(0, 80)},
         {"expected", "at most " + std::to_string(limit) +
                          " characters without control characters or blanks at the ends"}});
    return {};
  }
  return value;
}

std::string Checks::Label(const std::string& field, const std::string& value) {
  if (value.empty()) Add(field, Reason::kRequiredFieldMissing);
  return Key(field, value, 64);
}

ExternalKey Checks::External(const std::string& field, const api::ExternalKey& value) {
  ExternalKey key{value.source_system(), Key(field + ".external_id", value.external_id())};
  if (key.source_system.empty() || key.source_system.size() > 64 ||
      !IsPlain(key.source_system, "._-")) {
    Add(field + ".source_system", Reason::kIdInvalid,
        {{"value", value.source_system().substr(0, 80)},
         {"expected", "1-64 characters of [A-Za-z0-9._-]"}});
  }
  if (value.external_id().empty()) {
    Add(field + ".external_id", Reason::kRequiredFieldMissing);
  }
  return key;
}

Money Checks::Amount(const std::string& field, const api::Money& value) {
  const std::string& code = value.currency_code();
  const bool letters = code.size() == 3 && std::all_of(code.begin(), code.end(),
                                                       [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!letters || value.amount_minor() < 0 || value.amount_minor() > limits::kMoneyMinor) {
    Add(field, Reason::kMoneyInvalid,
        {{"value", std::to_string(value.amount_minor()) + " " + code.substr(0, 16)},
         {"expected", "0 to 10^15 minor units and an ISO 4217 code"}});
    return {};
  }
  return {value.amount_minor(), code};
}

int64_t Checks::Range(const std::string& field, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return value;
  Add(field, Reason::kNumberOutOfRange,
      {{"value", std::to_string(value)},
       {"expected", std::to_string(low) + " to " + std::to_string(high)}});
  return low;
}

void Checks::Count(const std::string& field, int count, int limit) {
  if (count > limit) {
    Add(field, Reason::kTooManyItems,
        {{"value", std::to_string(count)}, {"expected", std::to_string(limit)}});
  }
}

std::optional<Timestamp> Checks::Time(const std::string& field,
                                      const google::protobuf::Timestamp& value) {
  // 0001-01-01 to 9999-12-31, as google.protobuf.Timestamp says.
  if (value.seconds() < -62'135'596'800 || value.seconds() > 253'402'300'799 || value.nanos() < 0 ||
      value.nanos() > 999'999'999) {
    Add(field, Reason::kTimestampOutOfRange,
        {{"value", std::to_string(value.seconds()) + " s " + std::to_string(value.nanos()) + " ns"},
         {"expected", "years 1 to 9999, nanoseconds 0 to 999999999"}});
    return std::nullopt;
  }
  return FromMillis(value.seconds() * 1000 + value.nanos() / 1'000'000);
}

CaseRef Checks::Ref(const std::string& field, const std::string& value) {
  if (value.empty()) {
    Add(field, Reason::kRequiredFieldMissing);
    return {};
  }
  if (auto id = rebound::ParseId<CaseId>(value)) return {*id, 0};
  const bool number =
      value.size() > 2 && value.size() <= 20 && value[0] == 'C' && value[1] == '-' &&
      value[2] != '0' &&
      std::all_of(value.begin() + 2, value.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (number) return {{}, std::strtoll(value.c_str() + 2, nullptr, 10)};
  Add(field, Reason::kIdInvalid,
      {{"value", value.substr(0, 80)},
       {"expected", "26 lower-case base32 characters, or a number like C-1042"}});
  return {};
}

void Checks::AddEnum(const std::string& field, int value,
                     const google::protobuf::EnumDescriptor* type) {
  const auto* known = type->FindValueByNumber(value);
  std::string names;
  for (int i = 1; i < type->value_count(); ++i) {
    names += (names.empty() ? "" : ", ") + type->value(i)->name();
  }
  Add(field, Reason::kEnumValueUnknown,
      {{"value", known != nullptr ? known->name() : std::to_string(value)},
       {"expected", "one of " + names}});
}

std::optional<int64_t> ParseEtag(const std::string& etag) {
  if (etag.empty()) return std::nullopt;
  const bool quoted =
      etag.size() > 2 && etag.size() < 22 && etag.front() == '"' && etag.back() == '"' &&
      std::all_of(etag.begin() + 1, etag.end() - 1, [](char c) { return c >= '0' && c <= '9'; });
  return quoted ? std::strtoll(etag.c_str() + 1, nullptr, 10) : -1;
}

std::string Etag(int64_t version) { return "\"" + std::to_string(version) + "\""; }

// ------------------------------------------------------------------------------- to the domain

SubmitResponse ToSubmit(const api::Response& in, const std::string& path, const Revision& revision,
                        Timestamp now, bool history, Checks& checks) {
  SubmitResponse command;
  command.history = history;
  Response& out = command.response;
  const auto field = [&](std::string_view name) { return Sub(path, name); };
  if (in.program_id().empty()) checks.Add(field("program_id"), Reason::kRequiredFieldMissing);
  out.program_id = checks.Key(field("program_id"), in.program_id(), 64);
  if (in.has_external_key()) {
    out.external_key = checks.External(field("external_key"), in.external_key());
  } else if (history) {
    checks.Add(field("external_key"), Reason::kRequiredFieldMissing);
  }
  out.customer_id = checks.ParseId<CustomerId>(field("customer_id"), in.customer_id());
  if (in.has_customer_key()) {
    command.customer_key = checks.External(field("customer_key"), in.customer_key());
  }
  if (!in.has_score()) checks.Add(field("score"), Reason::kRequiredFieldMissing);
  out.score = in.score();
  checks.Count(field("items"), in.items_size(), 64);
  for (int i = 0; i < in.items_size(); ++i) {
    const api::ScoredItem& item = in.items(i);
    const std::string at = At(field("items"), i);
    if (item.key().empty()) checks.Add(at + ".key", Reason::kRequiredFieldMissing);
    if (!item.has_score()) checks.Add(at + ".score", Reason::kRequiredFieldMissing);
    out.items.push_back({checks.Key(at + ".key", item.key(), 64),
                         checks.Range(at + ".score", item.score(), -1'000'000, 1'000'000)});
  }
  out.reason = checks.Personal(field("reason"), in.reason(), limits::kTextCodePoints);
  out.suggestion = checks.Personal(field("suggestion"), in.suggestion(), limits::kTextCodePoints);
  checks.Count(field("follow_ups"), in.follow_ups_size(), 64);
  for (int i = 0; i < in.follow_ups_size(); ++i) {
    const std::string at = At(field("follow_ups"), i);
    out.follow_ups.push_back(
        {checks.Words(at + ".question", in.follow_ups(i).question(), limits::kShortCodePoints),
         checks.Personal(at + ".answer", in.follow_ups(i).answer(), limits::kTextCodePoints)});
  }
  out.contact_requested = in.contact_requested();
  out.account_id = checks.Key(field("account_id"), in.account_id());
  out.respondent_role = checks.Key(field("respondent_role"), in.respondent_role());
  out.touchpoint = checks.Key(field("touchpoint"), in.touchpoint());
  out.org_unit_id = checks.Key(field("org_unit_id"), in.org_unit_id());
  out.survey_channel = checks.Key(field("survey_channel"), in.survey_channel());
  out.language = checks.Key(field("language"), in.language(), 35);
  out.order_reference = checks.Key(field("order_reference"), in.order_reference());
  out.invitation_id = checks.ParseId<InvitationId>(field("invitation_id"), in.invitation_id());
  out.case_id = checks.ParseId<CaseId>(field("case_id"), in.case_id());
  checks.Count(field("attributes"), static_cast<int>(in.attributes().size()), 64);
  for (const auto& [key, value] : in.attributes()) {
    const std::string at = field("attributes") + "[" + key.substr(0, 64) + "]";
    if (key.empty()) checks.Add(at, Reason::kRequiredFieldMissing);
    out.attributes[checks.Key(at, key, 64)] = checks.Words(at, value, limits::kShortCodePoints);
  }
  command.occurred_now = !in.has_occur_time();
  bool timed = true;
  if (in.has_occur_time()) {
    const auto time = checks.Time(field("occur_time"), in.occur_time());
    timed = time.has_value();
    out.occurred_at = time.value_or(now);
  }
  // What names its case is judged by the revision which that follows.
  const bool names_case = !out.invitation_id.empty() || !out.case_id.empty();
  for (FieldViolation& violation : CheckSubmit(command, revision, now)) {
    const bool of_program =
        violation.reason == Reason::kUnknownProgram || violation.reason == Reason::kScoreOutOfRange;
    if (names_case && of_program) continue;
    // What is missing or unreadable has been said already.
    if (violation.field == "response.program_id" && in.program_id().empty()) continue;
    if (violation.field == "response.score" && !in.has_score()) continue;
    if (violation.field == "response.occur_time" && !timed) continue;
    const bool names_someone = !in.customer_id().empty() || in.has_customer_key() ||
                               !in.invitation_id().empty() || !in.case_id().empty();
    if (violation.field == "response.customer_key" && names_someone) continue;
    violation.field = path + violation.field.substr(std::string_view("response").size());
    checks.Add(std::move(violation.field), violation.reason, std::move(violation.metadata));
  }
  return command;
}

OpenCase ToOpenCase(const api::Case& in, Checks& checks) {
  OpenCase command;
  if (in.program_id().empty()) checks.Add("case.program_id", Reason::kRequiredFieldMissing);
  command.program_id = checks.Key("case.program_id", in.program_id(), 64);
  command.customer_id = checks.ParseId<CustomerId>("case.customer_id", in.customer_id());
  command.origin = CaseOrigin::kHand;
  if (in.origin() != api::CASE_ORIGIN_UNSPECIFIED) {
    command.origin = checks.Enum<CaseOrigin>("case.origin", in.origin(), true);
    if (command.origin == CaseOrigin::kResponse || command.origin == CaseOrigin::kContactRequest) {
      checks.Add("case.origin", Reason::kEnumValueUnknown,
                 {{"value", api::CaseOrigin_Name(in.origin())},
                  {"expected", "CASE_ORIGIN_HAND or CASE_ORIGIN_COMPLAINT"}});
    }
  }
  if (in.severity() != 0) {
    command.severity = static_cast<int32_t>(checks.Range("case.severity", in.severity(), 1, 5));
  }
  CaseDetails& out = command.details;
  out.account_id = checks.Key("case.account_id", in.account_id());
  out.respondent_role = checks.Key("case.respondent_role", in.respondent_role());
  out.touchpoint = checks.Key("case.touchpoint", in.touchpoint());
  out.org_unit_id = checks.Key("case.org_unit_id", in.org_unit_id());
  out.queue_id = checks.Key("case.queue_id", in.queue_id(), 64);
  out.order_reference = checks.Key("case.order_reference", in.order_reference());
  out.crm_reference = checks.Key("case.crm_reference", in.crm_reference());
  if (in.has_external_key()) {
    out.external_key = checks.External("case.external_key", in.external_key());
  }
  if (in.has_external_authority()) {
    const api::ExternalAuthority& authority = in.external_authority();
    out.external_authority.authority =
        checks.Key("case.external_authority.authority", authority.authority());
    out.external_authority.reference =
        checks.Key("case.external_authority.reference", authority.reference());
    if (authority.has_due_time()) {
      out.external_authority.due_at =
          checks.Time("case.external_authority.due_time", authority.due_time());
    }
  }
  out.contact_person =
      checks.Personal("case.contact_person", in.contact_person(), limits::kShortCodePoints);
  out.preferred_time =
      checks.Personal("case.preferred_time", in.preferred_time(), limits::kShortCodePoints);
  out.preferred_channel =
      checks.Enum<Channel>("case.preferred_channel", in.preferred_channel(), false);
  out.language = checks.Key("case.language", in.language(), 35);
  out.customer_request =
      checks.Personal("case.customer_request", in.customer_request(), limits::kTextCodePoints);
  out.emotion = checks.Enum<Emotion>("case.emotion", in.emotion(), false);
  if (in.has_value_at_risk()) {
    out.value_at_risk = checks.Amount("case.value_at_risk", in.value_at_risk());
  }
  checks.Count("case.attachments", in.attachments_size(), 32);
  for (int i = 0; i < in.attachments_size(); ++i) {
    const std::string at = At("case.attachments", i);
    const std::string& uri = in.attachments(i).uri();
    if (uri.rfind("https://", 0) != 0 && uri.rfind("http://", 0) != 0) {
      checks.Add(at + ".uri", Reason::kIdInvalid,
                 {{"value", uri.substr(0, 80)}, {"expected", "an http or https address"}});
    }
    out.attachments.push_back({checks.Key(at + ".uri", uri, 2048),
                               checks.Words(at + ".title", in.attachments(i).title(), 200)});
  }
  checks.Count("case.topics", in.topics_size(), 32);
  for (int i = 0; i < in.topics_size(); ++i) {
    out.topics.push_back(checks.Key(At("case.topics", i), in.topics(i)));
  }
  out.responsible_unit_id = checks.Key("case.responsible_unit_id", in.responsible_unit_id());
  out.responsible_person = checks.Key("case.responsible_person", in.responsible_person());
  out.liability = checks.Enum<Liability>("case.liability", in.liability(), false);
  checks.Count("case.links", in.links_size(), 64);
  for (int i = 0; i < in.links_size(); ++i) {
    const std::string at = At("case.links", i);
    if (in.links(i).case_id().empty()) checks.Add(at + ".case_id", Reason::kRequiredFieldMissing);
    out.links.push_back({checks.ParseId<CaseId>(at + ".case_id", in.links(i).case_id()),
                         checks.Key(at + ".kind", in.links(i).kind(), 64)});
  }
  return command;
}

Attempt ToAttempt(const api::Attempt& in, Checks& checks, bool* occurred_now) {
  Attempt out;
  out.channel = checks.Enum<Channel>("attempt.channel", in.channel(), true);
  out.direction = in.direction() == api::DIRECTION_UNSPECIFIED
                      ? Direction::kOutbound
                      : checks.Enum<Direction>("attempt.direction", in.direction(), true);
  out.outcome = checks.Enum<AttemptOutcome>("attempt.outcome", in.outcome(), true);
  if (in.has_next_allowed_time()) {
    out.next_allowed_at = checks.Time("attempt.next_allowed_time", in.next_allowed_time());
  }
  out.note = checks.Personal("attempt.note", in.note(), limits::kTextCodePoints);
  *occurred_now = !in.has_occur_time();
  if (in.has_occur_time()) {
    out.occurred_at = checks.Time("attempt.occur_time", in.occur_time()).value_or(Timestamp{});
  }
  return out;
}

Commitment ToCommitment(const api::Commitment& in, Checks& checks) {
  Commitment out;
  out.promise.value = checks.Required("commitment.promise", in.promise(), limits::kTextCodePoints);
  if (!in.has_due_time()) {
    checks.Add("commitment.due_time", Reason::kRequiredFieldMissing);
  } else {
    out.due_at = checks.Time("commitment.due_time", in.due_time()).value_or(Timestamp{});
  }
  return out;
}

Remedy ToRemedy(const api::Remedy& in, Checks& checks) {
  Remedy out;
  out.id = checks.ParseId<RemedyId>("remedy.id", in.id());
  out.kind = checks.Enum<RemedyKind>("remedy.kind", in.kind(), in.id().empty());
  out.state = checks.Enum<RemedyState>("remedy.state", in.state(), true);
  if (in.has_amount()) out.amount = checks.Amount("remedy.amount", in.amount());
  out.statutory = in.statutory();
  out.note = checks.Personal("remedy.note", in.note(), limits::kTextCodePoints);
  return out;
}

Verification ToVerification(const api::Verification& in, Checks& checks) {
  if (!in.has_contacted()) checks.Add("verification.contacted", Reason::kRequiredFieldMissing);
  if (!in.has_solved()) checks.Add("verification.solved", Reason::kRequiredFieldMissing);
  if (!in.has_accepted()) checks.Add("verification.accepted", Reason::kRequiredFieldMissing);
  Verification out;
  out.contacted = in.contacted();
  out.solved = in.solved();
  out.accepted = in.accepted();
  out.note = checks.Personal("verification.note", in.note(), limits::kTextCodePoints);
  return out;
}

RequestExtension ToExtension(const api::ExtendCaseRequest& in, Checks& checks) {
  constexpr int64_t kMostDays = 3650;
  RequestExtension out;
  out.clock = checks.Enum<ClockKind>("clock", in.clock(), true);
  out.generation = static_cast<int32_t>(checks.Range("generation", in.generation(), 0, 1'000'000));
  out.in_days = in.amount().has_days();
  if (out.in_days) {
    out.amount = checks.Range("amount.days", in.amount().days(), 1, kMostDays);
  } else if (in.amount().has_time()) {
    out.amount =
        checks.Range("amount.time", in.amount().time().seconds(), 1, kMostDays * 86'400) * 1000;
  } else {
    checks.Add("amount", Reason::kRequiredFieldMissing);
  }
  out.reason = checks.Label("reason", in.reason());
  out.note = checks.Personal("note", in.note(), limits::kTextCodePoints);
  return out;
}

UpsertCustomer ToUpsert(const api::UpsertCustomerRequest& request, Checks& checks) {
  static constexpr std::array<std::string_view, 8> kFields = {
      "display_name", "contact_points", "language",    "time_zone",
      "segment",      "account_id",     "org_unit_id", "value"};
  UpsertCustomer command;
  command.key = checks.External("external_key", request.external_key());
  command.expected_version = ParseEtag(request.etag());
  std::string allowed;
  for (std::string_view name : kFields)
    allowed += (allowed.empty() ? "" : ", ") + std::string(name);
  const auto refuse = [&](const std::string& value) {
    checks.Add("update_mask", Reason::kUpdateMaskInvalid,
               {{"value", value.substr(0, 80)}, {"expected", allowed}});
  };
  if (request.update_mask().paths().empty()) refuse("");
  for (const std::string& path : request.update_mask().paths()) {
    const bool known = std::find(kFields.begin(), kFields.end(), path) != kFields.end();
    const bool twice =
        std::find(command.mask.begin(), command.mask.end(), path) != command.mask.end();
    if (!known || twice) {
      refuse(path);
    } else {
      command.mask.push_back(path);
    }
    if (command.mask.size() > kFields.size()) break;
  }
  const api::Customer& in = request.customer();
  CustomerProfile& out = command.profile;
  out.display_name =
      checks.Personal("customer.display_name", in.display_name(), limits::kShortCodePoints);
  checks.Count("customer.contact_points", in.contact_points_size(), 16);
  for (int i = 0; i < in.contact_points_size(); ++i) {
    const std::string at = At("customer.contact_points", i);
    Text address;
    address.value = checks.Required(at + ".address", in.contact_points(i).address(), 320);
    out.contact_points.push_back(
        {checks.Enum<Channel>(at + ".channel", in.contact_points(i).channel(), true),
         std::move(address)});
  }
  out.language = checks.Key("customer.language", in.language(), 35);
  out.time_zone = checks.Key("customer.time_zone", in.time_zone(), 64);
  if (!IsPlain(out.time_zone, "/_+-")) {
    checks.Add("customer.time_zone", Reason::kIdInvalid,
               {{"value", out.time_zone}, {"expected", "an IANA zone like Asia/Shanghai"}});
  }
  out.segment = checks.Key("customer.segment", in.segment());
  out.account_id = checks.Key("customer.account_id", in.account_id());
  out.org_unit_id = checks.Key("customer.org_unit_id", in.org_unit_id());
  if (in.has_value()) out.value = checks.Amount("customer.value", in.value());
  return command;
}

SetCustomerConsent ToConsent(const api::SetCustomerConsentRequest& request, Timestamp now,
                             Checks& checks) {
  SetCustomerConsent command;
  if (request.customer_id().empty()) checks.Add("customer_id", Reason::kRequiredFieldMissing);
  command.customer_id = checks.ParseId<CustomerId>("customer_id", request.customer_id());
  command.expected_version = ParseEtag(request.etag());
  if (request.has_do_not_contact()) command.do_not_contact = request.do_not_contact();
  if (!request.has_do_not_contact() && request.consents_size() == 0) {
    checks.Add("consents", Reason::kRequiredFieldMissing);
  }
  checks.Count("consents", request.consents_size(), 32);
  for (int i = 0; i < request.consents_size(); ++i) {
    const api::Consent& in = request.consents(i);
    const std::string at = At("consents", i);
    Consent out;
    out.channel = checks.Enum<Channel>(at + ".channel", in.channel(), false);
    out.purpose = checks.Enum<ConsentPurpose>(at + ".purpose", in.purpose(), true);
    out.granted = in.granted();
    out.source = checks.Words(at + ".source", in.source(), 200);
    if (in.has_occur_time()) {
      const auto time = checks.Time(at + ".occur_time", in.occur_time());
      out.occurred_at = time.value_or(now);
      if (time && (*time < limits::kEarliest || *time > now + limits::kClockSkew)) {
        checks.Add(at + ".occur_time", Reason::kTimestampOutOfRange,
                   {{"value", FormatTime(*time)}, {"expected", limits::kOccurBounds}});
      }
    }
    command.consents.push_back(std::move(out));
  }
  return command;
}

// --------------------------------------------------------------------------------- to the API

void Fill(Timestamp time, google::protobuf::Timestamp* out) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  out->set_seconds(seconds.time_since_epoch().count());
  out->set_nanos(static_cast<int32_t>((time - seconds).count()) * 1'000'000);
}

void Fill(Duration d, google::protobuf::Duration* out) {
  out->set_seconds(d.count() / 1000);
  out->set_nanos(static_cast<int32_t>(d.count() % 1000) * 1'000'000);
}

void Fill(const Response& r, View view, api::Response* out) {
  out->set_id(ToString(r.id));
  out->set_etag(Etag(r.version));
  out->set_program_id(r.program_id);
  FillKey(r.external_key, [&] { return out->mutable_external_key(); });
  out->set_customer_id(IdText(r.customer_id));
  out->set_score(r.score);
  out->set_category(ToApi<api::Category>(r.category));
  for (const ScoredItem& item : r.items) {
    api::ScoredItem* to = out->add_items();
    to->set_key(item.key);
    to->set_score(item.score);
  }
  if (view == View::kFull) {
    out->set_reason(r.reason.value);
    out->set_suggestion(r.suggestion.value);
    for (const FollowUp& follow_up : r.follow_ups) {
      api::FollowUp* to = out->add_follow_ups();
      to->set_question(follow_up.question);
      to->set_answer(follow_up.answer.value);
    }
  }
  out->set_contact_requested(r.contact_requested);
  out->set_account_id(r.account_id);
  out->set_respondent_role(r.respondent_role);
  out->set_touchpoint(r.touchpoint);
  out->set_org_unit_id(r.org_unit_id);
  out->set_queue_id(r.queue_id);
  out->set_survey_channel(r.survey_channel);
  out->set_language(r.language);
  out->set_order_reference(r.order_reference);
  out->set_invitation_id(IdText(r.invitation_id));
  out->set_case_id(IdText(r.case_id));
  out->mutable_attributes()->insert(r.attributes.begin(), r.attributes.end());
  Fill(r.occurred_at, out->mutable_occur_time());
  Fill(r.recorded_at, out->mutable_record_time());
  out->set_paired_case_id(IdText(r.paired_case_id));
  out->set_effect(ToApi<api::ResponseEffect>(r.effect));
  out->set_history(r.history);
  if (r.corrected_score) out->set_corrected_score(*r.corrected_score);
}

void Fill(const Case& c, View view, const Revision& revision, Timestamp now, api::Case* out) {
  const bool full = view == View::kFull;
  const CaseDetails& d = c.details;
  out->set_id(ToString(c.id));
  out->set_number(CaseNumberText(c.number));
  out->set_etag(Etag(c.version));
  out->set_program_id(c.program_id);
  out->set_customer_id(IdText(c.customer_id));
  out->set_account_id(d.account_id);
  out->set_respondent_role(d.respondent_role);
  out->set_origin(ToApi<api::CaseOrigin>(c.origin));
  out->set_opening_response_id(IdText(c.opening_response_id));
  for (const ResponseId& id : c.attached_response_ids) {
    out->add_attached_response_ids(ToString(id));
  }
  if (c.score) out->set_score(*c.score);
  out->set_category(ToApi<api::Category>(c.category));
  out->set_touchpoint(d.touchpoint);
  out->set_org_unit_id(d.org_unit_id);
  out->set_queue_id(d.queue_id);
  out->set_owner(c.owner);
  out->set_status(c.status);
  out->set_phase(ToApi<api::Phase>(c.phase));
  out->set_severity(c.severity);
  if (!c.playbook.playbook_id.empty()) {
    out->mutable_playbook()->set_playbook_id(c.playbook.playbook_id);
    out->mutable_playbook()->set_version(c.playbook.version);
    out->mutable_playbook()->set_matched_condition(c.playbook.matched_condition);
  }
  out->set_arm(ToApi<api::Arm>(c.arm));
  out->set_order_reference(d.order_reference);
  out->set_crm_reference(d.crm_reference);
  FillKey(d.external_key, [&] { return out->mutable_external_key(); });
  if (!d.external_authority.empty()) {
    api::ExternalAuthority* to = out->mutable_external_authority();
    to->set_authority(d.external_authority.authority);
    to->set_reference(d.external_authority.reference);
    FillTime(d.external_authority.due_at, [&] { return to->mutable_due_time(); });
  }
  out->set_preferred_channel(ToApi<api::Channel>(d.preferred_channel));
  out->set_language(d.language);
  if (full) {
    out->set_contact_person(d.contact_person.value);
    out->set_preferred_time(d.preferred_time.value);
    out->set_customer_request(d.customer_request.value);
    out->set_action_taken(c.action_taken.value);
  }
  if (c.customer_accepts) out->set_customer_accepts(*c.customer_accepts);
  out->set_emotion(ToApi<api::Emotion>(d.emotion));
  FillMoney(d.value_at_risk, [&] { return out->mutable_value_at_risk(); });
  for (const Attachment& attachment : d.attachments) {
    api::Attachment* to = out->add_attachments();
    to->set_uri(attachment.uri);
    to->set_title(attachment.title);
  }
  for (const std::string& topic : d.topics) out->add_topics(topic);
  out->set_root_cause(c.root_cause);
  out->set_responsible_unit_id(d.responsible_unit_id);
  out->set_responsible_person(d.responsible_person);
  out->set_liability(ToApi<api::Liability>(d.liability));
  for (const Attempt& attempt : c.attempts) {
    api::Attempt* to = out->add_attempts();
    to->set_id(ToString(attempt.id));
    to->set_channel(ToApi<api::Channel>(attempt.channel));
    to->set_direction(ToApi<api::Direction>(attempt.direction));
    to->set_outcome(ToApi<api::AttemptOutcome>(attempt.outcome));
    FillTime(attempt.next_allowed_at, [&] { return to->mutable_next_allowed_time(); });
    if (full) to->set_note(attempt.note.value);
    to->set_actor(attempt.actor);
    Fill(attempt.occurred_at, to->mutable_occur_time());
  }
  for (const Commitment& commitment : c.commitments) {
    api::Commitment* to = out->add_commitments();
    to->set_id(ToString(commitment.id));
    if (full) to->set_promise(commitment.promise.value);
    Fill(commitment.due_at, to->mutable_due_time());
    to->set_actor(commitment.actor);
    to->set_state(ToApi<api::CommitmentState>(commitment.state));
    Fill(commitment.occurred_at, to->mutable_occur_time());
  }
  for (const Remedy& remedy : c.remedies) {
    api::Remedy* to = out->add_remedies();
    to->set_id(ToString(remedy.id));
    to->set_kind(ToApi<api::RemedyKind>(remedy.kind));
    FillMoney(remedy.amount, [&] { return to->mutable_amount(); });
    to->set_state(ToApi<api::RemedyState>(remedy.state));
    to->set_statutory(remedy.statutory);
    if (full) to->set_note(remedy.note.value);
    to->set_actor(remedy.actor);
    Fill(remedy.occurred_at, to->mutable_occur_time());
    Fill(remedy.updated_at, to->mutable_update_time());
  }
  for (const Timer& timer : full ? c.timers : std::vector<Timer>{}) {
    api::Timer* to = out->add_timers();
    to->set_kind(ToApi<api::TimerKind>(timer.kind));
    to->set_generation(timer.generation);
    Fill(timer.due_at, to->mutable_due_time());
    to->set_state(ToApi<api::TimerState>(timer.state));
    FillTime(timer.ended_at, [&] { return to->mutable_end_time(); });
  }
  out->set_handling_result(ToApi<api::HandlingResult>(c.handling_result));
  out->set_resurvey_result(ToApi<api::ResurveyResult>(c.resurvey_result));
  out->set_not_asked_reason(ToApi<api::NotAskedReason>(c.not_asked_reason));
  if (c.asked_at || c.resurvey.answer_count > 0) {
    api::Resurvey* to = out->mutable_resurvey();
    to->set_invitation_id(IdText(c.resurvey.invitation_id));
    FillTime(c.asked_at, [&] { return to->mutable_ask_time(); });
    FillTime(c.resurvey.expires_at, [&] { return to->mutable_expire_time(); });
    if (c.resurvey.first_answer) FillAnswer(*c.resurvey.first_answer, to->mutable_first_answer());
    if (c.resurvey.last_answer) FillAnswer(*c.resurvey.last_answer, to->mutable_last_answer());
    to->set_answer_count(c.resurvey.answer_count);
  }
  out->set_reopen_count(c.reopen_count);
  out->set_merged_into(IdText(c.merged_into));
  for (const CaseLink& link : d.links) {
    api::CaseLink* to = out->add_links();
    to->set_case_id(ToString(link.case_id));
    to->set_kind(link.kind);
  }
  out->set_history(c.history);
  out->set_revision(c.revision);
  Fill(c.opened_at, out->mutable_open_time());
  FillTime(c.contacted_at, [&] { return out->mutable_contact_time(); });
  FillTime(c.remedied_at, [&] { return out->mutable_remedy_time(); });
  FillTime(c.resolved_at, [&] { return out->mutable_resolve_time(); });
  FillTime(c.asked_at, [&] { return out->mutable_ask_time(); });
  FillTime(c.closed_at, [&] { return out->mutable_close_time(); });
  FillTime(c.recovered_at, [&] { return out->mutable_recover_time(); });
  FillTime(c.converted_at, [&] { return out->mutable_convert_time(); });
  Fill(c.created_at, out->mutable_create_time());
  Fill(c.updated_at, out->mutable_update_time());
  FillTime(NextDue(c), [&] { return out->mutable_next_due_time(); });
  for (const CaseClock& clock : c.clocks) {
    if (full) {
      FillClock(clock, now, revision.FindCalendar(clock.calendar_id), out->add_clocks());
    } else if (IsLive(clock)) {
      FillClock(clock, out->add_clocks());
    }
  }
  FillDispatching(c, full, out);
  if (full) {
    for (std::string& name : revision.lifecycle.Allowed(c.status)) {
      out->add_allowed_commands(std::move(name));
    }
  }
}

void Fill(const Customer& c, View view, api::Customer* out) {
  const bool full = view == View::kFull;
  const CustomerProfile& p = c.profile;
  out->set_id(ToString(c.id));
  out->set_etag(Etag(c.version));
  for (const CustomerKey& key : c.keys) {
    api::ExternalKey* to = out->add_external_keys();
    to->set_source_system(key.source_system);
    to->set_external_id(key.external_id.value);
  }
  if (full) {
    out->set_display_name(p.display_name.value);
    for (const ContactPoint& point : p.contact_points) {
      api::ContactPoint* to = out->add_contact_points();
      to->set_channel(ToApi<api::Channel>(point.channel));
      to->set_address(point.address.value);
    }
  }
  out->set_alias_of(IdText(c.alias_of));
  out->set_language(p.language);
  out->set_time_zone(p.time_zone);
  out->set_segment(p.segment);
  out->set_account_id(p.account_id);
  out->set_org_unit_id(p.org_unit_id);
  FillMoney(p.value, [&] { return out->mutable_value(); });
  out->set_do_not_contact(c.do_not_contact);
  for (const Consent& consent : c.consents) {
    api::Consent* to = out->add_consents();
    to->set_channel(ToApi<api::Channel>(consent.channel));
    to->set_purpose(ToApi<api::ConsentPurpose>(consent.purpose));
    to->set_granted(consent.granted);
    Fill(consent.occurred_at, to->mutable_occur_time());
    to->set_source(consent.source);
  }
  Fill(c.created_at, out->mutable_create_time());
  Fill(c.updated_at, out->mutable_update_time());
}

void Fill(const Program& p, int64_t revision, api::Program* out) {
  out->set_id(p.id);
  out->set_display_name(p.display_name);
  out->set_display_name_zh(p.display_name_zh);
  out->set_kind(static_cast<api::ProgramKind>(static_cast<int>(p.kind) + 1));
  api::Scale* scale = out->mutable_scale();
  scale->set_kind(static_cast<api::ScaleKind>(static_cast<int>(p.scale.kind) + 1));
  scale->set_min(p.scale.min);
  scale->set_max(p.scale.max);
  scale->set_detractor_limit(p.scale.detractor_limit);
  scale->set_promoter_limit(p.scale.promoter_limit);
  scale->set_lower_is_better(p.scale.lower_is_better);
  out->set_allow_anonymous(p.allow_anonymous);
  out->set_anonymous_opens_case(p.anonymous_opens_case);
  if (p.recovery_window) Fill(*p.recovery_window, out->mutable_recovery_window());
  Fill(p.reopen_window, out->mutable_reopen_window());
  Fill(p.resurvey_delay, out->mutable_resurvey_delay());
  Fill(p.resurvey_validity, out->mutable_resurvey_validity());
  Fill(p.first_contact_limit, out->mutable_first_contact_limit());
  out->set_max_reopen_count(p.max_reopen_count);
  out->set_currency_code(p.currency);
  out->set_time_zone(p.time_zone);
  out->set_revision(revision);
}

void Fill(const Event& event, api::CaseEvent* out) {
  out->set_sequence(event.sequence);
  out->set_type(std::string(TypeName(event.body)));
  Fill(event.occurred_at, out->mutable_occur_time());
  Fill(event.recorded_at, out->mutable_record_time());
  out->set_actor(event.actor);
  out->set_status(event.status);
  std::visit(EventDetails{out}, event.body);
}

void Fill(const Lifecycle& lifecycle, int64_t revision, api::Lifecycle* out) {
  out->set_revision(revision);
  out->set_initial_status(lifecycle.initial);
  out->set_max_returns(lifecycle.max_returns);
  out->set_max_extensions(lifecycle.max_extensions);
  for (const StatusDef& status : lifecycle.statuses) {
    api::LifecycleStatus* to = out->add_statuses();
    to->set_key(status.key);
    to->set_label(status.label_en);
    to->set_label_zh(status.label_zh);
    to->set_phase(ToApi<api::Phase>(status.phase));
    to->set_handling_done(status.handling_done);
    for (const ClockKind kind : status.stops) to->add_stopped_clocks(ToApi<api::ClockKind>(kind));
  }
  for (const Transition& transition : lifecycle.transitions) {
    api::LifecycleTransition* to = out->add_transitions();
    to->set_from_status(transition.from);
    to->set_command(std::string(Name(transition.command)));
    to->set_to_status(transition.to);
    to->set_otherwise_status(transition.otherwise);
    to->set_exhausted_status(transition.exhausted);
    for (const std::string& role : transition.roles) to->add_roles(role);
    for (const RequiredField field : transition.requires_fields) {
      to->add_required_fields(std::string(Name(field)));
    }
  }
}

void Fill(const StoredRevision& revision, int64_t in_force, api::ConfigRevision* out) {
  out->set_number(revision.number);
  out->set_hash(revision.hash);
  out->set_source(revision.source);
  out->set_actor(revision.applied_by);
  if (revision.applied_at > Timestamp{}) Fill(revision.applied_at, out->mutable_apply_time());
  out->set_current(revision.number == in_force);
}

void Fill(const ConfigError& fault, std::string_view language, api::ConfigFault* out) {
  const Language in = IsEnglish(language) ? Language::kEnglish : Language::kChinese;
  out->set_code(fault.code);
  out->set_file(fault.file);
  out->set_line(fault.line);
  out->set_column(fault.column);
  out->set_message(fault.message.In(in));
  out->set_help(fault.help.In(in));
  out->set_source_line(fault.source_line);
  out->set_rendered(Render(fault, in));
}

void Fill(const RuleTestResult& result, api::RuleTestResult* out) {
  out->set_name(result.name);
  out->set_file(result.file);
  out->set_line(result.line);
  out->set_passed(result.passed());
  for (const RuleTestResult::Mismatch& mismatch : result.mismatches) {
    api::RuleTestMismatch* to = out->add_mismatches();
    to->set_kind(mismatch.key);
    to->set_expected(mismatch.expected);
    to->set_found(mismatch.found);
  }
}

std::string PlaceOf(const ConfigError& fault) {
  if (fault.line == 0) return fault.file;
  return fault.file + ":" + std::to_string(fault.line) + ":" + std::to_string(fault.column);
}

}  // namespace rebound
