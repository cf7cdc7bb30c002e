#include <algorithm>
#include <utility>

#include "workflows/draft.h"

namespace rebound {
namespace {

// Where a case that ends here and now comes to rest.
std::string ClosedStatus(const Lifecycle& lifecycle, const Case& c) {
  for (const CaseCommand command : {CaseCommand::kClose, CaseCommand::kWithdraw}) {
    const Transition* transition = lifecycle.Find(c.status, command);
    const StatusDef* to = transition == nullptr ? nullptr : lifecycle.Find(transition->to);
    if (to != nullptr && to->phase == Phase::kClosed) return to->key;
  }
  return lifecycle.FirstOf(Phase::kClosed).key;
}

void EraseCase(Draft& draft, Case c) {
  const Timestamp now = draft.context().now;
  if (!c.history) CrossDueTiers(draft, c, now);
  StopAll(draft, c);
  CaseErased erased{c.resurvey_result, c.not_asked_reason};
  const Lifecycle& lifecycle = draft.LifecycleOf(c);
  if (erased.resurvey_result == ResurveyResult::kUnset) {
    const bool asked = lifecycle.Find(c.status, CaseCommand::kAnswerResurvey) != nullptr;
    erased.resurvey_result = asked ? ResurveyResult::kNoAnswer : ResurveyResult::kNotAsked;
    if (!asked) erased.not_asked_reason = NotAskedReason::kErased;
  }
  const std::string status = ClosedStatus(lifecycle, c);
  draft.AddCase(c, now, std::move(erased), status);
}

bool IsErased(const std::optional<Customer>& customer) { return customer && customer->erased_at; }

}  // namespace

Result<void> CheckNotErased(const Facts& facts, const Command& command) {
  // The rules are tried by the server itself, which does not ask first.
  if (std::holds_alternative<EraseCustomer>(command) ||
      std::holds_alternative<FinishErasure>(command) ||
      std::holds_alternative<ProposeByRules>(command)) {
    return {};
  }
  const auto* work = std::get_if<WorkCase>(&command);
  const bool of_timers = work != nullptr && (std::holds_alternative<FireTimers>(work->verb) ||
                                             std::holds_alternative<RecomputeClocks>(work->verb));
  const auto* entry = std::get_if<WorkEntry>(&command);
  if (of_timers || (entry != nullptr && std::holds_alternative<EntryTimers>(entry->verb))) {
    return {};
  }
  for (const auto* customer : {&facts.customer, &facts.other_customer, &facts.key_owner}) {
    if (!IsErased(*customer)) continue;
    return Error{Reason::kCustomerErased, {{"customer", ToString((*customer)->id)}}};
  }
  return {};
}

Result<Events> DecideErase(const Facts& facts, const EraseCustomer& command,
                           const Context& context) {
  if (!facts.customer) return NotFound("customer");
  const Customer& customer = *facts.customer;
  if (command.expected_version && *command.expected_version != customer.version) {
    return StaleEtag(customer.version);
  }
  if (customer.erased_at) return Events{};
  Draft draft(context, facts, nullptr);
  for (const Case& c : facts.cases) {
    if (c.phase == Phase::kClosed) continue;
    if (auto followed = CheckFollowed(draft, c); !followed) return std::move(followed).error();
    EraseCase(draft, c);
  }
  for (const BlacklistEntry& known : facts.entries) {
    if (IsFinal(known.state)) continue;
    BlacklistEntry entry = known;
    draft.AddEntry(entry, context.now, EntryLapsed{});
  }
  const bool objects = std::any_of(facts.records.begin(), facts.records.end(),
                                   [](const Customer& record) { return record.do_not_contact; });
  CustomerErased erased{command.ground, SuppressionsOf(facts.entries, objects,
                                                       customer.profile.org_unit_id, context.now)};
  for (const Customer& record : facts.records) {
    draft.AddCustomer(record.id, record.profile.org_unit_id, context.now,
                      record.id == customer.id ? erased : CustomerErased{command.ground, {}});
  }
  return draft.Take();
}

Result<Events> DecideErased(const Facts& facts, const FinishErasure&, const Context& context) {
  if (!facts.customer || !facts.customer->erased_at) return NotFound("customer");
  if (facts.customer->scrubbed_at) return Events{};
  Draft draft(context, facts, nullptr);
  draft.AddCustomer(facts.customer->id, facts.customer->profile.org_unit_id, context.now,
                    ErasureFinished{});
  return draft.Take();
}

void Recognise(Draft& draft, const Customer& customer) {
  const Facts& facts = draft.facts();
  const Timestamp now = draft.context().now;
  const bool before = draft.BySystem(true);
  int64_t number = facts.next_entry_number;
  for (const Suppression& kept : facts.suppressed) {
    if (kept.expires_at <= now) continue;
    const auto covers = [&](const BlacklistEntry& entry) {
      return entry.kind == kept.kind && IsOpen(entry, now) && entry.expires_at >= kept.expires_at &&
             Covers(entry.extent, kept.extent) && Covers(entry.effects, kept.effects);
    };
    const auto& recognised = draft.put_in_force();
    if (std::any_of(facts.entries.begin(), facts.entries.end(), covers) ||
        std::any_of(recognised.begin(), recognised.end(), covers)) {
      continue;
    }
    BlacklistEntry entry;
    entry.id = draft.NewId<BlacklistEntryId>();
    entry.number = number++;
    entry.customer_id = customer.id;
    entry.kind = kept.kind;
    entry.state = BlacklistState::kActive;
    entry.effects = kept.effects;
    entry.extent = kept.extent;
    entry.reason_code = kept.reason_code;
    entry.legal_basis = kept.legal_basis;
    entry.proposer = "system";
    entry.org_unit_id = kept.org_unit_id;
    entry.starts_at = now;
    entry.expires_at = kept.expires_at;
    entry.is_suppression = true;
    entry.created_at = now;
    draft.AddRecognised(entry);
  }
  draft.BySystem(before);
}

std::vector<Suppression> SuppressionsOf(std::span<const BlacklistEntry> entries, bool objects,
                                        std::string_view org_unit_id, Timestamp now) {
  std::vector<Suppression> kept;
  const auto keep = [&](Suppression suppression) {
    if (std::find(kept.begin(), kept.end(), suppression) == kept.end()) {
      kept.push_back(std::move(suppression));
    }
  };
  if (objects) {
    keep({.kind = BlacklistKind::kDoNotContact,
          .reason_code = "customer_wish",
          .legal_basis = "objection",
          .org_unit_id = std::string(org_unit_id),
          .expires_at = now + kObjectionKept});
  }
  for (const BlacklistEntry& entry : entries) {
    const bool suppresses =
        entry.kind == BlacklistKind::kDoNotContact || entry.kind == BlacklistKind::kChannelLimit;
    if (!suppresses || entry.state != BlacklistState::kActive || !IsInForce(entry, now)) continue;
    keep({entry.kind, entry.effects, entry.extent, entry.reason_code, entry.legal_basis,
          entry.org_unit_id, entry.expires_at});
  }
  return kept;
}

}  // namespace rebound
