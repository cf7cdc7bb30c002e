#include <algorithm>

#include "workflows/draft.h"
#include "workflows/limits.h"

namespace rebound {
namespace {

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

}  // namespace

Result<Events> DecideUpsert(const Facts& facts, const UpsertCustomer& command,
                            const Context& context) {
  Draft draft(context, facts, nullptr);
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
    Recognise(draft, *facts.customer);
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
  Recognise(draft, created);
  return draft.Take();
}

Result<Events> DecideAlias(const Facts& facts, const AddCustomerAlias& command,
                           const Context& context) {
  if (!facts.customer) return NotFound("customer");
  const Customer& customer = *facts.customer;
  Draft draft(context, facts, nullptr);
  if (!facts.key_owner) {
    Text key{{}, command.key.external_id};
    draft.Stamp(key);
    draft.AddCustomer(customer.id, customer.profile.org_unit_id, context.now,
                      CustomerKeyAdded{{command.key.source_system, std::move(key)}});
    Recognise(draft, customer);
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
  Draft draft(context, facts, nullptr);
  draft.AddCustomer(facts.customer->id, facts.customer->profile.org_unit_id, context.now,
                    std::move(changed));
  return draft.Take();
}

Result<Events> DecideBehaviour(const Facts& facts, const RecordBehaviour& command,
                               const Context& context) {
  if (!facts.customer) return NotFound("customer");
  const Customer& customer = *facts.customer;
  Behaviour behaviour = command.behaviour;
  behaviour.recorded_at = context.now;
  if (command.occurred_now) behaviour.occurred_at = context.now;
  behaviour.occurred_at = std::min(behaviour.occurred_at, context.now);
  for (const Customer& record : facts.records) {
    const Behaviour* known = FindBehaviour(record, behaviour.external_key);
    if (known == nullptr) continue;
    // A time ahead of the clock was taken as the time of recording.
    const Timestamp said = std::min(command.behaviour.occurred_at, known->recorded_at);
    const bool same = known->kind == behaviour.kind && known->amount == behaviour.amount &&
                      (command.occurred_now || said == known->occurred_at);
    if (same) return Events{};
    return Error{Reason::kBehaviourKeyReused,
                 {{"source_system", behaviour.external_key.source_system},
                  {"external_id", behaviour.external_key.external_id}}};
  }
  if (customer.behaviours.size() >= limits::kBehaviours) {
    return Error{
        Reason::kBehaviourLimitReached,
        {{"customer", ToString(customer.id)}, {"limit", std::to_string(limits::kBehaviours)}}};
  }
  Draft draft(context, facts, nullptr);
  const Timestamp at = behaviour.occurred_at;
  draft.AddCustomer(customer.id, customer.profile.org_unit_id, at,
                    BehaviourRecorded{std::move(behaviour)});
  return draft.Take();
}

Result<Events> DecideUnmask(const Facts& facts, const UnmaskContact& command,
                            const Context& context) {
  const bool of_case = command.customer_id.empty();
  if (of_case ? !facts.subject : !facts.customer) return NotFound(of_case ? "case" : "customer");
  Draft draft(context, facts, nullptr);
  ContactUnmasked shown{command.reason, command.note};
  draft.Stamp(shown.note);
  if (of_case) {
    // Neither work nor a reason to look at clocks: nobody has done anything with the case.
    Case c = *facts.subject;
    if (auto followed = CheckFollowed(draft, c); !followed) return std::move(followed).error();
    draft.AddCase(c, context.now, std::move(shown));
  } else {
    draft.AddCustomer(facts.customer->id, facts.customer->profile.org_unit_id, context.now,
                      std::move(shown));
  }
  return draft.Take();
}

}  // namespace rebound
