#include <algorithm>
#include <utility>

#include "workflows/blacklist_rules.h"
#include "workflows/draft.h"
#include "workflows/limits.h"
#include "workflows/remedy_ledger.h"

namespace rebound {
namespace {

constexpr std::string_view kSystem = "system";

std::string JoinedWords(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : ", ") + word;
  return joined;
}

std::string_view Word(AppealState state) {
  switch (state) {
    case AppealState::kUnset: return "none";
    case AppealState::kMade: return "made";
    case AppealState::kUpheld: return "upheld";
    case AppealState::kRejected: return "rejected";
  }
  return {};
}

const BlacklistPolicy& PolicyIn(const Context& context) { return context.revision->blacklist; }

// nullopt: no review before the end.
std::optional<Timestamp> NextReview(const BlacklistKindPolicy* policy, Timestamp now,
                                    Timestamp expires_at) {
  if (policy == nullptr || policy->review_interval <= Duration{0}) return std::nullopt;
  const Timestamp next = now + policy->review_interval;
  return next < expires_at ? std::optional(next) : std::nullopt;
}

Result<void> CheckRole(const std::vector<std::string>& roles, BlacklistKind kind,
                       std::string_view command, std::string_view role) {
  const bool may =
      role.empty() || roles.empty() || std::find(roles.begin(), roles.end(), role) != roles.end();
  if (may) return {};
  return Error{Reason::kBlacklistRoleNotAllowed,
               {{"kind", std::string(Name(kind))},
                {"command", std::string(command)},
                {"role", std::string(role)},
                {"roles", JoinedWords(roles)}}};
}

using Violations = std::vector<FieldViolation>;

void CheckEvidence(const Facts& facts, const std::vector<BlacklistEvidence>& evidence,
                   const std::string& field, Timestamp now, Violations& found) {
  if (evidence.size() > limits::kBlacklistEvidence) {
    found.push_back({field,
                     Reason::kTooManyItems,
                     {{"value", std::to_string(evidence.size())},
                      {"expected", std::to_string(limits::kBlacklistEvidence)}}});
    return;
  }
  for (size_t i = 0; i < evidence.size(); ++i) {
    const BlacklistEvidence& each = evidence[i];
    const std::string item = field + "[" + std::to_string(i) + "]";
    if (each.summary.empty() && each.url.empty()) {
      found.push_back({item, Reason::kEvidenceRequired, {}});
    }
    if (each.occurred_at == Timestamp{}) {
      found.push_back({item + ".occur_time", Reason::kRequiredFieldMissing, {}});
    } else if (each.occurred_at < limits::kEarliest ||
               each.occurred_at > now + limits::kClockSkew) {
      found.push_back(
          {item + ".occur_time",
           Reason::kTimestampOutOfRange,
           {{"value", FormatTime(each.occurred_at)}, {"expected", limits::kOccurBounds}}});
    }
    const bool known =
        each.case_id.empty() || std::any_of(facts.cases.begin(), facts.cases.end(),
                                            [&](const Case& c) { return c.id == each.case_id; });
    if (!known) found.push_back({item + ".case_id", Reason::kNotFound, {{"resource", "case"}}});
  }
}

void StampEvidence(Draft& draft, std::vector<BlacklistEvidence>& evidence,
                   std::string_view added_by) {
  for (BlacklistEvidence& each : evidence) {
    each.id = draft.NewId<BlacklistEvidenceId>();
    each.added_by = added_by;
    each.occurred_at = std::min(each.occurred_at, draft.context().now);
    draft.Stamp(each.summary);
  }
}

// The end of a restriction: there, after `after`, and no farther than its kind may last from now.
void CheckExpiry(const std::string& field, const std::optional<Timestamp>& end, Timestamp after,
                 const BlacklistKindPolicy& policy, Timestamp now, Violations& found) {
  const std::string latest = FormatTime(now + policy.max_duration);
  if (!end) {
    found.push_back({field,
                     Reason::kBlacklistExpiryRequired,
                     {{"kind", std::string(Name(policy.kind))},
                      {"expected", "after " + FormatTime(after) + " and up to " + latest}}});
  } else if (*end <= after) {
    found.push_back({field,
                     Reason::kBlacklistExpiryPast,
                     {{"value", FormatTime(*end)}, {"expected", "after " + FormatTime(after)}}});
  } else if (*end > now + policy.max_duration) {
    found.push_back({field,
                     Reason::kBlacklistExpiryTooFar,
                     {{"value", FormatTime(*end)},
                      {"kind", std::string(Name(policy.kind))},
                      {"expected", "up to " + latest}}});
  }
}

// ---- Proposing

struct Proposal {
  Draft& draft;
  const Facts& facts;
  const ProposeEntry& command;
  Violations found{};

  const Context& context() const { return draft.context(); }

  void Missing(std::string field) {
    found.push_back({std::move(field), Reason::kRequiredFieldMissing, {}});
  }

  void CheckReason() {
    if (command.reason_code.empty()) return Missing("entry.reason_code");
    const std::vector<BlacklistReason>& known = PolicyIn(context()).reasons;
    if (known.empty()) return;
    std::vector<std::string> allowed;
    for (const BlacklistReason& reason : known) {
      const bool of_kind =
          reason.kinds.empty() ||
          std::find(reason.kinds.begin(), reason.kinds.end(), command.kind) != reason.kinds.end();
      if (of_kind && reason.id == command.reason_code) return;
      if (of_kind) allowed.push_back(reason.id);
    }
    found.push_back({"entry.reason_code",
                     Reason::kReasonUnknown,
                     {{"value", command.reason_code}, {"allowed", JoinedWords(allowed)}}});
  }

  void CheckProgram(std::string field, const std::string& id) {
    if (context().revision->FindProgram(id) == nullptr) {
      found.push_back({std::move(field), Reason::kUnknownProgram, {{"value", id}}});
    }
  }

  void CheckExtent() {
    const BlacklistExtent& extent = command.extent;
    const std::string field = "entry.extent.id";
    if (extent.kind == BlacklistExtent::Kind::kCompany) return;
    if (extent.id.empty()) return Missing(field);
    if (extent.kind == BlacklistExtent::Kind::kProgram) return CheckProgram(field, extent.id);
    const std::vector<OrgUnit>& units = context().revision->org_units;
    const bool known =
        units.empty() || std::any_of(units.begin(), units.end(),
                                     [&](const OrgUnit& unit) { return unit.id == extent.id; });
    if (!known) found.push_back({field, Reason::kReasonUnknown, {{"value", extent.id}}});
  }

  void CheckEffects(const BlacklistEffects& effects) {
    // Each kind's own parts; what it names besides would be read by nobody.
    struct Part {
      const char* field;
      bool named;
      bool of_kind;
    };
    const BlacklistKind kind = command.kind;
    const bool of_remedies =
        kind == BlacklistKind::kNoGoodwill || kind == BlacklistKind::kRepeatCompensation;
    const Part parts[] = {
        {"channels", !effects.channels.empty(), kind == BlacklistKind::kChannelLimit},
        {"remedy_types", !effects.remedy_types.empty(), of_remedies},
        {"program_ids", !effects.program_ids.empty(), kind == BlacklistKind::kDoNotContact},
        {"queue_id", !effects.queue_id.empty(),
         of_remedies || kind == BlacklistKind::kStaffSafety}};
    std::string own;
    for (const Part& part : parts) {
      if (part.of_kind) own += (own.empty() ? "" : ", ") + std::string(part.field);
    }
    for (const Part& part : parts) {
      if (!part.named || part.of_kind) continue;
      found.push_back({std::string("entry.effects.") + part.field,
                       Reason::kBlacklistEffectNotOfKind,
                       {{"kind", std::string(Name(kind))}, {"expected", own}}});
    }
    if (kind == BlacklistKind::kChannelLimit && effects.channels.empty()) {
      Missing("entry.effects.channels");
    }
    if (kind == BlacklistKind::kStaffSafety && effects.queue_id.empty()) {
      Missing("entry.effects.queue_id");
    }
    if (of_remedies || kind == BlacklistKind::kStaffSafety) CheckItsQueue(effects.queue_id);
    if (of_remedies) CheckRemedies(effects.remedy_types);
    if (kind == BlacklistKind::kDoNotContact) {
      for (size_t i = 0; i < effects.program_ids.size(); ++i) {
        CheckProgram("entry.effects.program_ids[" + std::to_string(i) + "]",
                     effects.program_ids[i]);
      }
    }
  }

  void CheckItsQueue(const std::string& queue) {
    if (queue.empty()) return;
    auto known = CheckQueue(draft, "entry.effects.queue_id", queue);
    if (known) return;
    const Error& error = known.error();
    found.insert(found.end(), error.violations.begin(), error.violations.end());
  }

  void CheckRemedies(const std::vector<std::string>& types) {
    const Revision& revision = *context().revision;
    for (size_t i = 0; i < types.size(); ++i) {
      const std::string field = "entry.effects.remedy_types[" + std::to_string(i) + "]";
      const RemedyType* type = FindRemedyType(revision, types[i]);
      if (type != nullptr && type->statutory) {
        found.push_back({field, Reason::kBlacklistRemedyStatutory, {{"value", types[i]}}});
      } else if (type == nullptr) {
        std::vector<std::string> allowed;
        for (const RemedyType& each : revision.remedies) {
          if (!each.statutory) allowed.push_back(each.id);
        }
        found.push_back({field,
                         Reason::kRemedyTypeUnknown,
                         {{"value", types[i]}, {"allowed", JoinedWords(allowed)}}});
      }
    }
  }

  void CheckTimes(const BlacklistKindPolicy& policy) {
    const Timestamp now = context().now;
    const Timestamp starts = command.starts_at.value_or(now);
    if (starts < now) {
      found.push_back(
          {"entry.start_time",
           Reason::kTimestampOutOfRange,
           {{"value", FormatTime(starts)}, {"expected", FormatTime(now) + " or later"}}});
    }
    CheckExpiry("entry.expire_time", command.expires_at, std::max(now, starts), policy, now, found);
    const bool too_late =
        command.review_at && command.expires_at && *command.review_at >= *command.expires_at;
    if (command.review_at && (*command.review_at <= now || too_late)) {
      found.push_back({"entry.review_time",
                       Reason::kTimestampOutOfRange,
                       {{"value", FormatTime(*command.review_at)},
                        {"expected", "after " + FormatTime(now) + " and before its end"}}});
    }
    if (!command.immediate_until) return;
    const std::string field = "entry.immediate_until";
    if (command.kind != BlacklistKind::kStaffSafety) {
      found.push_back({field,
                       Reason::kBlacklistImmediateNotAllowed,
                       {{"kind", std::string(Name(command.kind))}, {"expected", "none"}}});
    } else if (*command.immediate_until <= now) {
      found.push_back({field,
                       Reason::kTimestampOutOfRange,
                       {{"value", FormatTime(*command.immediate_until)},
                        {"expected", "after " + FormatTime(now)}}});
    } else if (*command.immediate_until > now + kMaxImmediate) {
      found.push_back({field,
                       Reason::kBlacklistImmediateTooLong,
                       {{"value", FormatTime(*command.immediate_until)},
                        {"expected", "up to " + FormatTime(now + kMaxImmediate)}}});
    }
  }
};

// The open entry that restricts all of what `entry` would; nullptr: none does.
const BlacklistEntry* FindCovering(const std::vector<BlacklistEntry>& entries,
                                   const BlacklistEntry& entry, Timestamp now) {
  const auto covering =
      std::find_if(entries.begin(), entries.end(), [&](const BlacklistEntry& each) {
        return IsOpen(each, now) && each.kind == entry.kind && Covers(each.extent, entry.extent) &&
               Covers(each.effects, entry.effects);
      });
  return covering == entries.end() ? nullptr : &*covering;
}

bool WasConfirmed(const BlacklistEntry& entry) {
  return std::any_of(
      entry.decisions.begin(), entry.decisions.end(),
      [](const BlacklistDecision& each) { return each.kind == BlacklistDecisionKind::kActivated; });
}

Result<void> MayHoldAtOnce(const std::vector<BlacklistEntry>& entries, Timestamp now) {
  for (const BlacklistEntry& each : entries) {
    const Timestamp again = each.created_at + kImmediateAgain;
    if (!each.immediate_until || WasConfirmed(each) || now >= again) continue;
    return Error{Reason::kBlacklistImmediateUsed,
                 {{"entry", EntryNumberText(each.number)}, {"until", FormatTime(again)}}};
  }
  return {};
}

// What both kinds of proposal have.
BlacklistEntry NewEntry(Draft& draft, const Customer& customer, int64_t number, BlacklistKind kind,
                        const BlacklistExtent& extent) {
  BlacklistEntry entry;
  entry.id = draft.NewId<BlacklistEntryId>();
  entry.number = number;
  entry.customer_id = customer.id;
  entry.kind = kind;
  entry.state = BlacklistState::kProposed;
  entry.extent = extent;
  entry.org_unit_id =
      extent.kind == BlacklistExtent::Kind::kOrgUnit ? extent.id : customer.profile.org_unit_id;
  entry.created_at = draft.context().now;
  return entry;
}

// ---- Working

struct EntryDecision {
  Draft& draft;
  const Facts& facts;
  BlacklistEntry e;  // as the events so far leave it

  const Context& context() const { return draft.context(); }
  const BlacklistKindPolicy* policy() const { return PolicyIn(context()).Find(e.kind); }
  std::string number() const { return EntryNumberText(e.number); }

  Result<void> Need(EntryCommand command) const {
    if (Accepts(e.state, command)) return {};
    Error error{Reason::kBlacklistTransitionNotAllowed,
                {{"entry", number()},
                 {"state", std::string(Name(e.state))},
                 {"command", std::string(Name(command))}}};
    error.allowed = Allowed(e.state);
    return error;
  }

  Error By(Reason reason, EntryCommand command) const {
    return Error{reason,
                 {{"entry", number()},
                  {"command", std::string(Name(command))},
                  {"person", context().actor}}};
  }

  // A person of a role that may, who works on no case of the customer.
  Result<void> MayDecide(EntryCommand command) const {
    if (auto accepted = Need(command); !accepted) return accepted;
    if (context().actor == kSystem) {
      return Error{Reason::kBlacklistDeciderNotPerson,
                   {{"entry", number()}, {"command", std::string(Name(command))}}};
    }
    if (policy() != nullptr) {
      const auto may = CheckRole(policy()->decide_roles, e.kind, Name(command), context().role);
      if (!may) return may;
    }
    const std::vector<std::string>& owners = facts.case_owners;
    if (std::find(owners.begin(), owners.end(), context().actor) != owners.end()) {
      return By(Reason::kBlacklistDeciderIsOwner, command);
    }
    return {};
  }

  // Not whoever wanted the restriction.
  Result<void> IsNotProposer(EntryCommand command) const {
    if (context().actor != e.proposer && context().actor != e.triggered_by) return {};
    return By(Reason::kBlacklistDeciderProposed, command);
  }

  Result<void> IsNeverDecider(EntryCommand command) const {
    const bool decided =
        std::any_of(e.decisions.begin(), e.decisions.end(),
                    [&](const BlacklistDecision& each) { return each.actor == context().actor; });
    if (!decided) return {};
    return By(Reason::kBlacklistDeciderDecided, command);
  }

  Result<BlacklistDecision> Decision(BlacklistDecisionKind kind, const Text& note) {
    if (note.empty()) return FieldError("note", Reason::kRequiredFieldMissing);
    BlacklistDecision decision{kind, context().actor, context().now, note};
    draft.Stamp(decision.note);
    return decision;
  }

  void Add(EventBody body) { draft.AddEntry(e, context().now, std::move(body)); }

  void Tell(BlacklistNotice notice, std::optional<Timestamp> appeal_until = {}) {
    Add(EntryNotified{notice, {}, appeal_until, {}});
  }

  // Those who are to do something about it, each once.
  std::vector<std::string> Deciders() const {
    std::vector<std::string> told;
    const auto tell = [&](std::string whom) {
      if (!whom.empty() && std::find(told.begin(), told.end(), whom) == told.end()) {
        told.push_back(std::move(whom));
      }
    };
    if (!e.decisions.empty()) tell(e.decisions.back().actor);
    if (e.proposer != kSystem) tell(e.proposer);
    if (policy() != nullptr) {
      for (const std::string& role : policy()->decide_roles) tell("role:" + role);
    }
    return told;
  }

  // Everything that time has brought by now, each at its time.
  void FireDue() {
    const Timestamp now = context().now;
    const bool before = draft.BySystem(true);
    for (auto due = NextDue(e); due && *due <= now; due = NextDue(e)) {
      const bool active = e.state == BlacklistState::kActive;
      if (*due == e.expires_at) {
        draft.AddEntry(e, *due, EntryLapsed{});
        if (active || e.warned_at) Tell(BlacklistNotice::kLapsed);
      } else if (!active) {
        draft.AddEntry(e, *due, EntryNotified{BlacklistNotice::kImmediateOver, Deciders(), {}, {}});
      } else if (e.review_at == due) {
        draft.AddEntry(e, *due,
                       EntryNotified{BlacklistNotice::kReviewDue,
                                     Deciders(),
                                     {},
                                     NextReview(policy(), now, e.expires_at)});
      } else {
        draft.AddEntry(e, *due, EntryNotified{BlacklistNotice::kAppealOverdue, Deciders(), {}, {}});
      }
    }
    draft.BySystem(before);
  }

  Result<void> CheckWarned() const {
    if (e.kind == BlacklistKind::kStaffSafety || policy() == nullptr || !policy()->warn_first) {
      return {};
    }
    const Metadata metadata = {{"entry", number()}, {"kind", std::string(Name(e.kind))}};
    Error error{Reason::kBlacklistWarningRequired, metadata};
    if (!e.warned_at) return error;
    const Timestamp until = *e.warned_at + policy()->warning_wait;
    if (context().now >= until) return {};
    error.metadata["until"] = FormatTime(until);
    return error;
  }

  // Whether an extension may be asked for, or granted, up to `until`.
  Result<void> CheckExtended(const std::string& field, Timestamp until) const {
    if (e.appeal.state == AppealState::kMade) {
      return Error{Reason::kBlacklistAppealPending,
                   {{"entry", number()}, {"until", FormatTime(e.appeal.due_at)}}};
    }
    // A kind that nobody can be listed with any more is not prolonged either.
    const BlacklistKindPolicy none{.kind = e.kind};
    Violations found;
    // While timers are held its end may be over, and it still stands.
    const Timestamp after = std::max(e.expires_at, context().now);
    CheckExpiry(field, until, after, policy() == nullptr ? none : *policy(), context().now, found);
    if (!found.empty()) return ToError(std::move(found));
    return {};
  }

  Result<void> operator()(const WarnEntry& verb) {
    if (auto may = MayDecide(EntryCommand::kWarn); !may) return may;
    if (auto other = IsNotProposer(EntryCommand::kWarn); !other) return other;
    auto decision = Decision(BlacklistDecisionKind::kWarned, verb.note);
    if (!decision) return std::move(decision).error();
    Add(EntryWarned{*std::move(decision)});
    Tell(BlacklistNotice::kWarning);
    return {};
  }

  Result<void> operator()(const DecideEntry& verb) {
    if (auto may = MayDecide(EntryCommand::kDecide); !may) return may;
    if (auto other = IsNotProposer(EntryCommand::kDecide); !other) return other;
    auto decision = Decision(
        verb.activate ? BlacklistDecisionKind::kActivated : BlacklistDecisionKind::kRejected,
        verb.note);
    if (!decision) return std::move(decision).error();
    if (!verb.activate) {
      Add(EntryDecided{*std::move(decision), {}});
      if (e.warned_at) Tell(BlacklistNotice::kLifted);  // whoever was warned hears the outcome
      return {};
    }
    if (auto warned = CheckWarned(); !warned) return warned;
    const Timestamp now = context().now;
    const bool ahead = e.review_at && *e.review_at > now;
    Add(EntryDecided{*std::move(decision),
                     ahead ? e.review_at : NextReview(policy(), now, e.expires_at)});
    Tell(BlacklistNotice::kDecision, now + PolicyIn(context()).appeal_window);
    NoteOnOpenCases(draft, e);
    return {};
  }

  Result<void> operator()(const RequestEntryExtension& verb) {
    if (auto accepted = Need(EntryCommand::kRequestExtension); !accepted) return accepted;
    if (context().actor == kSystem) {
      return Error{Reason::kBlacklistDeciderNotPerson,
                   {{"entry", number()}, {"command", "request_extension"}}};
    }
    if (policy() != nullptr) {
      const auto may =
          CheckRole(policy()->propose_roles, e.kind, "request_extension", context().role);
      if (!may) return may;
    }
    if (e.extension) {
      return Error{Reason::kBlacklistExtensionPending,
                   {{"entry", number()},
                    {"until", FormatTime(e.extension->until)},
                    {"person", e.extension->requested_by}}};
    }
    if (verb.reason.empty()) return FieldError("reason", Reason::kRequiredFieldMissing);
    if (auto sound = CheckExtended("until", verb.until); !sound) return sound;
    BlacklistExtension extension{context().actor, context().now, verb.until, verb.reason};
    draft.Stamp(extension.reason);
    Add(EntryExtensionRequested{std::move(extension)});
    return {};
  }

  Result<void> operator()(const DecideEntryExtension& verb) {
    constexpr EntryCommand kCommand = EntryCommand::kDecideExtension;
    if (auto may = MayDecide(kCommand); !may) return may;
    if (!e.extension) {
      return Error{Reason::kBlacklistExtensionNotOpen, {{"entry", number()}}};
    }
    if (auto other = IsNotProposer(kCommand); !other) return other;
    if (context().actor == e.extension->requested_by) {
      return By(Reason::kBlacklistDeciderProposed, kCommand);
    }
    auto decision = Decision(verb.grant ? BlacklistDecisionKind::kExtensionGranted
                                        : BlacklistDecisionKind::kExtensionRefused,
                             verb.note);
    if (!decision) return std::move(decision).error();
    if (!verb.grant) {
      Add(EntryExtensionDecided{*std::move(decision), e.expires_at, e.review_at});
      return {};
    }
    const Timestamp until = e.extension->until;
    if (auto sound = CheckExtended("until", until); !sound) return sound;
    const Timestamp now = context().now;
    Add(EntryExtensionDecided{*std::move(decision), until, NextReview(policy(), now, until)});
    // Another decision, another notice: whoever has not appealed yet may.
    const bool may_appeal = e.appeal.state == AppealState::kUnset;
    Tell(BlacklistNotice::kExtended,
         may_appeal ? std::optional(now + PolicyIn(context()).appeal_window) : std::nullopt);
    return {};
  }

  Result<void> operator()(const AppealEntry& verb) {
    if (auto accepted = Need(EntryCommand::kAppeal); !accepted) return accepted;
    if (e.appeal.state != AppealState::kUnset) {
      return Error{Reason::kBlacklistAppealMade,
                   {{"entry", number()}, {"state", std::string(Word(e.appeal.state))}}};
    }
    const Timestamp now = context().now;
    if (!e.appeal_until || now > *e.appeal_until) {
      return Error{
          Reason::kBlacklistAppealTooLate,
          {{"entry", number()}, {"until", FormatTime(e.appeal_until.value_or(e.starts_at))}}};
    }
    Violations found;
    if (verb.words.empty()) found.push_back({"words", Reason::kRequiredFieldMissing, {}});
    CheckEvidence(facts, verb.evidence, "evidence", now, found);
    if (!found.empty()) return ToError(std::move(found));
    BlacklistAppeal appeal;
    appeal.state = AppealState::kMade;
    appeal.words = verb.words;
    draft.Stamp(appeal.words);
    appeal.evidence = verb.evidence;
    StampEvidence(draft, appeal.evidence, context().actor);
    appeal.filed_by = context().actor;
    appeal.filed_at = now;
    appeal.due_at = now + PolicyIn(context()).appeal_decision;
    Add(EntryAppealed{std::move(appeal)});
    return {};
  }

  Result<void> operator()(const DecideEntryAppeal& verb) {
    constexpr EntryCommand kCommand = EntryCommand::kDecideAppeal;
    if (auto may = MayDecide(kCommand); !may) return may;
    if (e.appeal.state != AppealState::kMade) {
      return Error{Reason::kBlacklistAppealNotOpen,
                   {{"entry", number()}, {"state", std::string(Word(e.appeal.state))}}};
    }
    if (auto other = IsNotProposer(kCommand); !other) return other;
    if (context().actor == e.appeal.filed_by) {
      return By(Reason::kBlacklistDeciderProposed, kCommand);
    }
    if (auto third = IsNeverDecider(kCommand); !third) return third;
    auto decision = Decision(verb.uphold ? BlacklistDecisionKind::kAppealUpheld
                                         : BlacklistDecisionKind::kAppealDismissed,
                             verb.note);
    if (!decision) return std::move(decision).error();
    Add(EntryAppealDecided{*std::move(decision)});
    Tell(BlacklistNotice::kAppealDecided);
    // One that was suspended holds again.
    NoteOnOpenCases(draft, e);
    return {};
  }

  Result<void> operator()(const LiftEntry& verb) {
    if (auto may = MayDecide(EntryCommand::kLift); !may) return may;
    auto decision = Decision(BlacklistDecisionKind::kLifted, verb.note);
    if (!decision) return std::move(decision).error();
    Add(EntryLifted{*std::move(decision)});
    Tell(BlacklistNotice::kLifted);
    return {};
  }

  Result<void> operator()(const EntryTimers&) { return {}; }  // what is due has fired already
};

// The rule may not propose now: an entry of it is open, or ended not long ago.
bool IsResting(const BlacklistRule& rule, const std::vector<BlacklistEntry>& entries,
               Timestamp now) {
  return std::any_of(entries.begin(), entries.end(), [&](const BlacklistEntry& each) {
    if (each.rule_id != rule.id) return false;
    const Timestamp ended = each.ended_at.value_or(each.expires_at);
    return IsOpen(each, now) || now < ended + rule.cool_down;
  });
}

}  // namespace

Result<Events> DecidePropose(const Facts& facts, const ProposeEntry& command,
                             const Context& context) {
  if (!facts.customer) return NotFound("customer");
  const BlacklistPolicy& policies = PolicyIn(context);
  const BlacklistKindPolicy* policy = policies.Find(command.kind);
  if (policy == nullptr) {
    std::vector<std::string> kinds;
    for (const BlacklistKindPolicy& each : policies.kinds) kinds.emplace_back(Name(each.kind));
    return FieldError("entry.kind", Reason::kEnumValueUnknown,
                      {{"value", std::string(Name(command.kind))},
                       {"expected", "a kind of the configuration: " + JoinedWords(kinds)}});
  }
  if (auto may = CheckRole(policy->propose_roles, command.kind, "propose", context.role); !may) {
    return std::move(may).error();
  }
  Draft draft(context, facts, nullptr);
  const BlacklistEffects& effects = command.effects ? *command.effects : policy->effects;
  Proposal proposal{draft, facts, command};
  proposal.CheckReason();
  if (command.internal_reason.empty()) proposal.Missing("entry.internal_reason");
  if (command.legal_basis.empty() && policy->legal_basis.empty()) {
    proposal.Missing("entry.legal_basis");
  }
  if (command.evidence.empty()) {
    proposal.found.push_back({"entry.evidence", Reason::kEvidenceRequired, {}});
  }
  CheckEvidence(facts, command.evidence, "entry.evidence", context.now, proposal.found);
  proposal.CheckExtent();
  proposal.CheckEffects(effects);
  proposal.CheckTimes(*policy);
  if (!proposal.found.empty()) return ToError(std::move(proposal.found));

  BlacklistEntry entry =
      NewEntry(draft, *facts.customer, facts.next_entry_number, command.kind, command.extent);
  entry.effects = effects;
  if (const BlacklistEntry* known = FindCovering(facts.entries, entry, context.now)) {
    return Error{Reason::kBlacklistEntryExists,
                 {{"entry", EntryNumberText(known->number)},
                  {"kind", std::string(Name(known->kind))},
                  {"state", std::string(Name(known->state))}}};
  }
  if (command.immediate_until) {
    if (auto may = MayHoldAtOnce(facts.entries, context.now); !may) return std::move(may).error();
  }
  entry.evidence = command.evidence;
  for (BlacklistEvidence& each : entry.evidence) each.measure.clear();
  StampEvidence(draft, entry.evidence, context.actor);
  entry.reason_code = command.reason_code;
  entry.internal_reason = command.internal_reason;
  entry.customer_reason_en = command.customer_reason_en;
  entry.customer_reason_zh = command.customer_reason_zh;
  for (Text* text :
       {&entry.internal_reason, &entry.customer_reason_en, &entry.customer_reason_zh}) {
    draft.Stamp(*text);
  }
  entry.legal_basis = command.legal_basis.empty() ? policy->legal_basis : command.legal_basis;
  entry.proposer = context.actor;
  entry.starts_at = command.starts_at.value_or(context.now);
  entry.expires_at = *command.expires_at;
  entry.review_at =
      command.review_at ? command.review_at : NextReview(policy, context.now, entry.expires_at);
  entry.immediate_until = command.immediate_until;
  draft.AddEntry(entry, context.now, EntryProposed{entry});
  NoteOnOpenCases(draft, std::move(entry));
  return draft.Take();
}

Result<Events> DecideByRules(const Facts& facts, const ProposeByRules&, const Context& context) {
  if (!facts.customer) return NotFound("customer");
  if (facts.customer->erased_at) return Events{};
  const BlacklistPolicy& policies = PolicyIn(context);
  Draft draft(context, facts, nullptr);
  draft.BySystem(true);
  const CustomerHistory history = HistoryOf(&*facts.customer, facts.cases, facts.responses);
  std::vector<BlacklistEntry> entries = facts.entries;
  int64_t number = facts.next_entry_number;
  for (const BlacklistRule& rule : policies.rules) {
    const BlacklistKindPolicy* policy = policies.Find(rule.kind);
    if (policy == nullptr || IsResting(rule, entries, context.now)) continue;
    auto evidence = EvaluateRule(rule, history, context.now);
    if (!evidence) continue;
    BlacklistEntry entry =
        NewEntry(draft, *facts.customer, number, rule.kind, rule.proposal.extent);
    const bool none = rule.proposal.effects == BlacklistEffects{};
    entry.effects = none ? policy->effects : rule.proposal.effects;
    if (FindCovering(entries, entry, context.now) != nullptr) continue;
    entry.evidence = *std::move(evidence);
    StampEvidence(draft, entry.evidence, kSystem);
    entry.reason_code = rule.proposal.reason_code;
    entry.legal_basis =
        rule.proposal.legal_basis.empty() ? policy->legal_basis : rule.proposal.legal_basis;
    entry.proposer = kSystem;
    entry.rule_id = rule.id;
    entry.triggered_by = context.actor;
    entry.starts_at = context.now;
    // A bound that was narrowed after the rule was written binds the rule, too.
    entry.expires_at = context.now + std::min(rule.proposal.duration, policy->max_duration);
    entry.review_at = NextReview(policy, context.now, entry.expires_at);
    draft.AddEntry(entry, context.now, EntryProposed{entry});
    entries.push_back(std::move(entry));
    ++number;
  }
  return draft.Take();
}

Result<Events> DecideEntryWork(const Facts& facts, const WorkEntry& command,
                               const Context& context) {
  if (!facts.entry) return NotFound("blacklist_entry");
  if (command.expected_version && *command.expected_version != facts.entry->version) {
    return StaleEtag(facts.entry->version);
  }
  Draft draft(context, facts, nullptr);
  EntryDecision decision{draft, facts, *facts.entry};
  if (!facts.timers_held) decision.FireDue();
  if (auto decided = std::visit(decision, command.verb); !decided) {
    return std::move(decided).error();
  }
  return draft.Take();
}

}  // namespace rebound
