#include "server/services/event_log.h"

#include <algorithm>
#include <utility>

#include "server/access/policy.h"
#include "server/execute/lookup.h"
#include "server/services/convert.h"
#include "server/services/convert_parts.h"
#include "server/storage/codec.h"

namespace rebound {
namespace {

constexpr uint8_t kCursorVersion = 1;
constexpr size_t kCursorBytes = 1 + 8 + 16;
constexpr int kMostValues = 100;

std::string BoundTo(std::string_view principal) { return QueryIdentity({"events", principal}); }

template <size_t... index>
std::set<std::string, std::less<>> NamesOf(std::index_sequence<index...>) {
  return {std::string(TypeName(EventBody(std::variant_alternative_t<index, EventVariant>{})))...};
}

// Every event that there is, by name.
const std::set<std::string, std::less<>>& EventNames() {
  static const auto names = NamesOf(std::make_index_sequence<std::variant_size_v<EventVariant>>{});
  return names;
}

bool Has(const std::set<std::string, std::less<>>& values, std::string_view value) {
  return values.empty() || values.contains(value);
}

// Of events that are no case's: what a timeline does not know.
struct LogDetails {
  api::Event* out;

  void Put(const char* name, std::string value) {
    if (!value.empty()) (*out->mutable_details())[name] = std::move(value);
  }

  void operator()(const ResponseRecorded& e) {
    Put("score", std::to_string(e.response.score));
    Put("category", Word<api::Category>(e.response.category));
    Put("effect", Word<api::ResponseEffect>(e.response.effect));
    Put("case", IdText(e.response.paired_case_id));
  }
  void operator()(const ResponsePairingCorrected& e) {
    Put("effect", Word<api::ResponseEffect>(e.effect));
    Put("case", IdText(e.paired_case_id));
  }
  void operator()(const ResponseCorrected& e) {
    if (e.corrected_score) Put("corrected_score", std::to_string(*e.corrected_score));
    Put("case", IdText(e.case_id));
  }
  void operator()(const CustomerLinked& e) { Put("customer", IdText(e.alias_of)); }
  void operator()(const BehaviourRecorded& e) {
    Put("kind", Word<api::BehaviourKind>(e.behaviour.kind));
    if (e.behaviour.amount.empty()) return;
    Put("amount_minor", std::to_string(e.behaviour.amount.amount_minor));
    Put("currency", e.behaviour.amount.currency);
  }
  void operator()(const EntryProposed& e) {
    Put("entry", EntryNumberText(e.entry.number));
    Put("kind", std::string(Name(e.entry.kind)));
  }
  void operator()(const RevisionApplied& e) { Put("revision", std::to_string(e.number)); }
  template <typename Other>
  void operator()(const Other&) {}
};

// Dedupe goes by it: half time, so that ids sort, half hash, so that no other log has the same.
RawId IdOf(const LoggedEvent& logged) {
  RawId id;
  const auto at = static_cast<uint64_t>(ToMillis(logged.event.recorded_at));
  for (size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<uint8_t>(at >> (40 - 8 * i));
  std::copy_n(logged.mark.begin(), 10, id.bytes.begin() + 6);
  return id;
}

}  // namespace

// ------------------------------------------------------------------------------------- cursors

std::string EventCursors::Seal(const LogPosition& position, std::string_view principal) const {
  std::string plain(kCursorBytes, '\0');
  plain[0] = static_cast<char>(kCursorVersion);
  for (size_t i = 0; i < 8; ++i) {
    plain[1 + i] = static_cast<char>(static_cast<uint64_t>(position.sequence) >> (56 - 8 * i));
  }
  std::copy(position.mark.begin(), position.mark.end(), plain.begin() + 9);
  return rebound::Seal(plain, BoundTo(principal), key_);
}

Result<LogPosition> EventCursors::Open(const std::string& field, std::string_view cursor,
                                       std::string_view principal) const {
  const auto plain = Unseal(cursor, kCursorBytes, BoundTo(principal), key_);
  if (!plain || static_cast<uint8_t>(plain->front()) != kCursorVersion) {
    return FieldError(field, Reason::kCursorInvalid);
  }
  LogPosition position;
  uint64_t sequence = 0;
  for (size_t i = 0; i < 8; ++i) sequence = sequence << 8 | static_cast<uint8_t>((*plain)[1 + i]);
  position.sequence = static_cast<int64_t>(sequence);
  std::copy(plain->begin() + 9, plain->end(), position.mark.begin());
  return position;
}

Result<void> CheckPosition(Reader& reader, const EventCursors& cursors, const std::string& field,
                           const LogPosition& position, std::string_view principal,
                           const Retention& retention) {
  const auto oldest = [&] {
    const LogPosition at = retention.given_out_since
                               ? reader.PositionBefore(*retention.given_out_since)
                               : LogPosition{};
    return cursors.Seal(at, principal);
  };
  const int64_t last = reader.LastSequence();
  if (position.sequence > last) {
    const auto end = reader.PositionAt(last);
    return FieldError(field, Reason::kCursorAhead,
                      {{"latest", cursors.Seal(end.value_or(LogPosition{}), principal)}});
  }
  if (reader.PositionAt(position.sequence) != position) {
    return FieldError(field, Reason::kCursorFromLostTimeline, {{"oldest", oldest()}});
  }
  if (retention.given_out_since &&
      position.sequence < reader.PositionBefore(*retention.given_out_since).sequence) {
    return FieldError(field, Reason::kCursorExpired,
                      {{"oldest", oldest()}, {"days", std::to_string(retention.days)}});
  }
  return {};
}

// -------------------------------------------------------------------------------------- filters

bool EventFilter::Matches(const LoggedEvent& logged) const {
  const Event& event = logged.event;
  return Has(types, logged.type) && Has(queue_ids, event.queue_id) &&
         (case_ids.empty() || case_ids.contains(event.case_id)) &&
         (customer_ids.empty() || customer_ids.contains(event.customer_id)) &&
         Has(program_ids, logged.program_id) &&
         (org_unit_ids.empty() || Scope{org_unit_ids, {}}.CoversOrgUnit(event.org_unit_id));
}

Result<EventFilter> ToEventFilter(const api::EventFilter& filter, const Scope& scope,
                                  Reader& reader, const std::string& path) {
  Checks checks;
  EventFilter made;
  const auto keys = [&](const char* name, const auto& values, const auto& take) {
    const std::string field = path + "." + name;
    checks.Count(field, values.size(), kMostValues);
    for (int i = 0; i < std::min(values.size(), kMostValues); ++i) {
      const std::string place = field + "[" + std::to_string(i) + "]";
      if (values[i].empty()) {
        checks.Add(place, Reason::kRequiredFieldMissing);
      } else {
        take(place, values[i]);
      }
    }
  };
  const auto into = [&](auto& to) {
    return [&](const std::string& place, const std::string& value) {
      to.insert(to.end(), checks.Key(place, value));
    };
  };
  keys("types", filter.types(), [&](const std::string& place, const std::string& value) {
    if (EventNames().contains(value)) {
      made.types.insert(value);
      return;
    }
    checks.Add(place, Reason::kEnumValueUnknown,
               {{"value", value.substr(0, 80)}, {"expected", "the name of an event"}});
  });
  keys("program_ids", filter.program_ids(), into(made.program_ids));
  keys("org_unit_ids", filter.org_unit_ids(), into(made.org_unit_ids));
  keys("queue_ids", filter.queue_ids(), into(made.queue_ids));
  keys("customer_ids", filter.customer_ids(),
       [&](const std::string& place, const std::string& value) {
         made.customer_ids.insert(checks.ParseId<CustomerId>(place, value));
       });
  std::vector<CaseRef> cases;
  keys("case_ids", filter.case_ids(), [&](const std::string& place, const std::string& value) {
    cases.push_back(checks.Ref(place, value));
  });
  if (!checks.ok()) return std::move(checks).ToError();
  for (const CaseRef& ref : cases) {
    const auto c = FindVisible(reader, scope, ref);
    if (!c) return Error{Reason::kNotFound, {{"resource", "case"}}};
    made.case_ids.insert(c->id);
  }
  return made;
}

bool SeesEvent(const Scope& scope, bool sees_entries, const LoggedEvent& logged) {
  const Event& event = logged.event;
  if (!event.entry_id.empty() && !sees_entries) return false;
  if (scope.unrestricted()) return true;
  if (!event.case_id.empty() || !event.response_id.empty()) {
    return scope.Covers(event.org_unit_id, event.queue_id);
  }
  if (!event.entry_id.empty()) {
    return scope.CoversOrgUnit(event.org_unit_id) && scope.CoversOrgUnit(logged.customer_unit);
  }
  return !event.customer_id.empty() && scope.CoversOrgUnit(event.org_unit_id);
}

// ------------------------------------------------------------------------------------ messages

void Fill(const LoggedEvent& logged, api::Event* out) {
  const Event& event = logged.event;
  out->set_id(ToString(IdOf(logged)));
  out->set_type(logged.type);
  Fill(event.occurred_at, out->mutable_occur_time());
  Fill(event.recorded_at, out->mutable_record_time());
  out->set_actor(event.actor);
  out->set_case_id(IdText(event.case_id));
  if (logged.case_number != 0) out->set_case_number(CaseNumberText(logged.case_number));
  out->set_customer_id(IdText(event.customer_id));
  out->set_response_id(IdText(event.response_id));
  out->set_entry_id(IdText(event.entry_id));
  out->set_program_id(logged.program_id);
  out->set_org_unit_id(event.org_unit_id);
  out->set_queue_id(event.queue_id);
  out->set_status(event.status);
  if (!event.case_id.empty()) {
    api::CaseEvent shown;
    Fill(event, &shown);
    out->mutable_details()->swap(*shown.mutable_details());
    out->set_note(std::move(*shown.mutable_note()));
  } else {
    std::visit(LogDetails{out}, static_cast<const EventVariant&>(event.body));
  }
}

api::Event ToShown(Reader& reader, LoggedEvent& logged) {
  Hydrate(reader, logged.event);
  api::Event shown;
  Fill(logged, &shown);
  return shown;
}

bool SeesEntries(std::string_view role, std::span<const RoleDef> roles) {
  return Allowed(BaseOf(role, roles), "rebound.v1.BlacklistService/GetEntry");
}

}  // namespace rebound
